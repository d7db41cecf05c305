package Attestmdm::Matrix;

# Who gets what, as two tables that a reader can check, and what really happens
# to simulated devices of each kind.

use strict;
use warnings;

use Attestmdm::Apple;
use Attestmdm::Test ();

my $ACCOUNT = 'ada@example.com';

my %SETTINGS = (
	neither => [qw(false macs false)],
	require => [qw(true macs false)],
	'require-all' => [qw(true all false)],
	business => [qw(false macs true)],
	both => [qw(true macs true)],
	'both-all' => [qw(true all true)],
);

my @DEVICES = (
	{ name => 'Apple silicon', options => ['--product', 'Mac15,3', '--os-version', '15.1'] },
	{ name => 'Intel', options => ['--product', 'MacBookPro16,1', '--os-version', '13.6'] },
	{ name => 'iPhone', options => ['--product', 'iPhone14,2', '--os-version', '17.0'] },
	{ name => 'iPad', options => ['--product', 'iPad14,1', '--os-version', '17.0'] },
);

# require: "Require hardware attestation" is on, of Macs or of all; business:
# "Allow only Apple Business enrollments" is. BUSINESS, METHOD: refused, with this
# code in the event log (ENROLL_...).
my $ENROLLMENTS = <<'EOT';
settings     source      Apple silicon  Intel     iPhone    iPad
neither      automatic   SCEP           SCEP      SCEP      SCEP
neither      manual      SCEP           SCEP      SCEP      SCEP
require      automatic   ACME           SCEP      SCEP      SCEP
require      manual      SCEP           SCEP      SCEP      SCEP
require-all  automatic   ACME           SCEP      ACME      ACME
require-all  manual      SCEP           SCEP      SCEP      SCEP
business     automatic   SCEP           SCEP      SCEP      SCEP
business     manual      BUSINESS       BUSINESS  BUSINESS  BUSINESS
both         automatic   ACME           METHOD    ACME      ACME
both         manual      BUSINESS       BUSINESS  BUSINESS  BUSINESS
both-all     automatic   ACME           METHOD    ACME      ACME
EOT

# The settings at enrollment, and those at its renewal.
my $RENEWALS = <<'EOT';
settings                 source      Apple silicon  Intel          iPhone         iPad
neither>neither          automatic   SCEP>SCEP      SCEP>SCEP      SCEP>SCEP      SCEP>SCEP
neither>require          automatic   SCEP>ACME      SCEP>SCEP      SCEP>SCEP      SCEP>SCEP
neither>require-all      automatic   SCEP>ACME      SCEP>SCEP      SCEP>ACME      SCEP>ACME
require-all>require-all  automatic   ACME>ACME      SCEP>SCEP      ACME>ACME      ACME>ACME
require-all>require      automatic   ACME>ACME      SCEP>SCEP      ACME>SCEP      ACME>SCEP
require-all>neither      automatic   ACME>SCEP      SCEP>SCEP      ACME>SCEP      ACME>SCEP
require>both             automatic   ACME>ACME      SCEP>METHOD    SCEP>ACME      SCEP>ACME
neither>neither          manual      SCEP>SCEP      SCEP>SCEP      SCEP>SCEP      SCEP>SCEP
neither>require          manual      SCEP>SCEP      SCEP>SCEP      SCEP>SCEP      SCEP>SCEP
neither>business         manual      SCEP>BUSINESS  SCEP>BUSINESS  SCEP>BUSINESS  SCEP>BUSINESS
EOT

# Whether people must sign in changes nothing of that, which these rows try in the
# suite, and all rows when everything is tried: at the enrollment, or then and at
# the renewal.
my %SIGN_INS = map { $_ => 1 } (
	'neither automatic on',
	'neither manual on',
	'require-all automatic on',
	'both automatic on',
	'neither>require-all automatic on>on',
	'require-all>require-all automatic on>off',
	'require-all>neither automatic off>on',
	'neither>neither manual off>on',
);

my $number = 0;

# A server, and an identity provider for when people must sign in.
sub begin {
	my $t = Attestmdm::Test->new(start => 0);
	my $server = $t->server;
	my $provider = Attestmdm::Apple->start($server, 'provider');
	$server->set_conf('sign_in.issuer', $provider->url);
	$server->set_conf('sign_in.client_id', 'attestmdm');
	$server->set_conf('sign_in.server_ca', $provider->cacert);
	$server->start;
	$t->{matrix} = { provider => $provider, set => {} };
	$t->assign(map { serial('automatic', $_) } 1 .. 999);
	return $t;
}

# Those of links are not assigned to us.
sub serial { return sprintf('C43%.6s%04d', uc($_[0]), $_[1]) }

# The cells of a table: { settings, source, sign_in, device, expected, code }.
sub cells {
	my ($table, $sign_in) = @_;
	my (undef, @lines) = split(/\n/, $table);
	my @cells;
	for (@lines) {
		my ($settings, $source, @expected) = split;
		push @cells, map { {
			settings => $settings,
			source => $source,
			sign_in => $sign_in,
			device => $DEVICES[$_],
			expected => $expected[$_] =~ s/(METHOD|BUSINESS)$/refused/r,
			code => $1 ? "ENROLL_$1" : '',
		} } 0 .. $#DEVICES;
	}
	return @cells;
}

# The cells where nobody signs in, and those where people must, all of them or
# the suite's.
sub both_ways {
	my ($table, $all, $off, @on) = @_;
	return cells($table, $off), grep { $all || $SIGN_INS{"$_->{settings} $_->{source} $_->{sign_in}"} }
	    map { cells($table, $_) } @on;
}

# skipped: people must sign in, and the device asks for its profile without that.
sub enrollments {
	my ($all) = @_;
	return both_ways($ENROLLMENTS, $all, 'off', 'on'), map { {
		settings => 'neither',
		source => 'automatic',
		sign_in => 'skipped',
		device => $_,
		expected => 'refused',
		code => 'ENROLL_SIGN_IN',
	} } @DEVICES;
}

sub renewals { both_ways($RENEWALS, $_[0], 'off>off', 'on>on', 'on>off', 'off>on') }

# Only what is not so already.
sub set {
	my ($t, $settings, $sign_in) = @_;
	my ($require, $devices, $business) = @{ $SETTINGS{$settings} };
	my %wanted = (
		apple_require_hardware_attestation => $require,
		apple_hardware_attestation_devices => $devices,
		apple_business_enrollments_only => $business,
		enable_end_user_authentication => $sign_in eq 'off' ? 'false' : 'true',
	);
	my $set = $t->{matrix}{set};
	for my $name (sort keys %wanted) {
		$t->tool_ok('setting', 'set', $name, $wanted{$name}, '--yes')
		    if ($set->{$name} // '') ne $wanted{$name};
		$set->{$name} = $wanted{$name};
	}
}

# How the host got the certificate that it uses: "ACME" or "SCEP".
sub method_of {
	my ($t, $serial) = @_;
	return uc($t->db('SELECT e.method FROM hosts h JOIN certificates c ON c.sha256 = h.certificate_sha256'
	    . " JOIN enrollments e ON e.id = c.enrollment_id WHERE h.serial = '$serial'")->[0]{method});
}

# Does it take a command and answer it?
sub works {
	my ($t, $device) = @_;
	$t->tool_ok('command', 'send', $device->{serial}, 'SecurityInfo');
	return $t->sim('poll', '--state', $device->{state})->{out} =~ / SecurityInfo Acknowledged$/m
	    ? 'yes' : 'no';
}

# Attested?, and who signed in.
sub vital {
	my ($t, $device) = @_;
	my $host = $t->tool_json('host', 'show', $device->{serial});
	return (vital => $host->{mdm_enrollment_hardware_attested} ? 'Yes' : 'No',
		account => $host->{account});
}

# The code of the newest refusal; a link is for no serial number.
sub refusal {
	my ($t, $serial) = @_;
	my ($row) = @{ $t->db("SELECT code FROM events WHERE serial = '$serial'"
	    . " AND outcome = 'refused' ORDER BY id DESC LIMIT 1") };
	return $row ? $row->{code} : 'no row in the event log';
}

# Of a downgrade, not of a renewal that cannot be.
sub alarms {
	my ($t, $serial) = @_;
	return join(' ', map { $_->{kind} } @{ $t->db("SELECT kind FROM alarms WHERE serial = '$serial'"
	    . " AND kind IN ('downgrade-refused', 'renewed-without-attestation')") });
}

# A link has to exist before a setting forbids to make one.
sub enroll {
	my ($t, $cell, $settings, $sign_in) = @_;
	my $serial = serial($cell->{source}, ++$number);
	my $device = { serial => $serial, state => $t->dir . "/$serial" };
	my @options = ('--serial', $serial, '--state', $device->{state}, @{ $cell->{device}{options} });
	if ($cell->{source} eq 'manual') {
		set($t, 'neither', $sign_in);
		push @options, '--link', $t->tool_json('enrollment', 'new')->{url};
	} elsif ($sign_in eq 'on') {
		push @options, '--sign-in', $ACCOUNT, '--provider-ca', $t->{matrix}{provider}->cacert;
	}
	set($t, $settings, $sign_in);
	$device->{run} = $t->sim('enroll', @options);
	return $device;
}

# What happened to one cell of the first table: got, vital, account, works, note.
sub try_enrollment {
	my ($t, $cell) = @_;
	my $device = enroll($t, $cell, $cell->{settings}, $cell->{sign_in});
	my $run = $device->{run};
	return { got => 'refused', vital => '-', account => '', works => '-',
		note => refusal($t, $cell->{source} eq 'manual' ? '' : $device->{serial}) }
	    if $run->{exit} == 3;
	return { got => 'failed', vital => '-', account => '', works => '-', note => "$run->{out}$run->{err}" }
	    if $run->{exit} != 0;
	return { got => method_of($t, $device->{serial}), vital($t, $device),
		works => works($t, $device), note => '' };
}

# The settings change, the server renews it, the device polls.
sub try_renewal {
	my ($t, $cell) = @_;
	my ($then, $now) = split(/>/, $cell->{settings});
	my ($sign_in_then, $sign_in_now) = split(/>/, $cell->{sign_in});
	my $device = enroll($t, $cell, $then, $sign_in_then);
	die "$device->{serial}: $device->{run}{out}$device->{run}{err}" if $device->{run}{exit} != 0;
	my $before = method_of($t, $device->{serial});
	set($t, $now, $sign_in_now);
	my $job = $t->tool('renew', '--host', $device->{serial});
	my $run = $t->sim('poll', '--state', $device->{state});
	my $got = $job->{exit} == 4 ? 'refused'
	    : $run->{out} =~ / InstallProfile Acknowledged$/m ? method_of($t, $device->{serial})
	    : 'failed';
	return { got => "$before>$got", vital($t, $device), works => works($t, $device),
		alarms => alarms($t, $device->{serial}),
		note => $got eq 'refused' ? refusal($t, $device->{serial})
		    : $got eq 'failed' ? "$run->{out}$run->{err}" : '' };
}

# "Yes" exactly when the certificate in use came with an attestation; an account
# exactly when somebody signed in at the enrollment, which links ask nobody to.
sub is_right {
	my ($cell, $happened) = @_;
	return 0 if $happened->{got} ne $cell->{expected} || $happened->{note} ne $cell->{code}
	    || ($happened->{alarms} // '') ne '';
	return 1 if $cell->{expected} eq 'refused';
	my ($in_use) = grep { $_ ne 'refused' } reverse split(/>/, $happened->{got});
	my $account = $cell->{sign_in} =~ /^on/ && $cell->{source} eq 'automatic' ? $ACCOUNT : '';
	return $happened->{works} eq 'yes' && $happened->{account} eq $account
	    && $happened->{vital} eq ($in_use eq 'ACME' ? 'Yes' : 'No');
}

1;
