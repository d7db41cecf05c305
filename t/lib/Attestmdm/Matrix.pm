package Attestmdm::Matrix;

# Who gets what, as two tables that a reader can check, and what really happens
# to simulated devices of each kind.

use strict;
use warnings;

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

my $number = 0;

# The cells of a table: { settings, source, device, expected, code }.
sub cells {
	my (undef, @lines) = split(/\n/, $_[0]);
	my @cells;
	for (@lines) {
		my ($settings, $source, @expected) = split;
		push @cells, map { {
			settings => $settings,
			source => $source,
			device => $DEVICES[$_],
			expected => $expected[$_] =~ s/(METHOD|BUSINESS)$/refused/r,
			code => $1 ? "ENROLL_$1" : '',
		} } 0 .. $#DEVICES;
	}
	return @cells;
}

sub enrollments { cells($ENROLLMENTS) }
sub renewals { cells($RENEWALS) }

sub set {
	my ($t, $settings) = @_;
	my ($require, $devices, $business) = @{ $SETTINGS{$settings} };
	$t->tool_ok('setting', 'set', 'apple_require_hardware_attestation', $require, '--yes');
	$t->tool_ok('setting', 'set', 'apple_hardware_attestation_devices', $devices, '--yes');
	$t->tool_ok('setting', 'set', 'apple_business_enrollments_only', $business, '--yes');
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

sub vital {
	my ($t, $device) = @_;
	return $t->tool_json('host', 'show', $device->{serial})->{mdm_enrollment_hardware_attested}
	    ? 'Yes' : 'No';
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
	my ($t, $cell, $settings) = @_;
	my $serial = sprintf('C43MATRIX%04d', ++$number);
	my $device = { serial => $serial, state => $t->dir . "/$serial" };
	my @options = ('--serial', $serial, '--state', $device->{state}, @{ $cell->{device}{options} });
	if ($cell->{source} eq 'manual') {
		set($t, 'neither');
		push @options, '--link', $t->tool_json('enrollment', 'new')->{url};
	} else {
		$t->assign($serial);
	}
	set($t, $settings);
	$device->{run} = $t->sim('enroll', @options);
	return $device;
}

# What happened to one cell of the first table: got, vital, works, note.
sub try_enrollment {
	my ($t, $cell) = @_;
	my $device = enroll($t, $cell, $cell->{settings});
	my $run = $device->{run};
	return { got => 'refused', vital => '-', works => '-',
		note => refusal($t, $cell->{source} eq 'manual' ? '' : $device->{serial}) }
	    if $run->{exit} == 3;
	return { got => 'failed', vital => '-', works => '-', note => "$run->{out}$run->{err}" }
	    if $run->{exit} != 0;
	return { got => method_of($t, $device->{serial}), vital => vital($t, $device),
		works => works($t, $device), note => '' };
}

# The settings change, the server renews it, the device polls.
sub try_renewal {
	my ($t, $cell) = @_;
	my ($then, $now) = split(/>/, $cell->{settings});
	my $device = enroll($t, $cell, $then);
	die "$device->{serial}: $device->{run}{out}$device->{run}{err}" if $device->{run}{exit} != 0;
	my $before = method_of($t, $device->{serial});
	set($t, $now);
	my $job = $t->tool('renew', '--host', $device->{serial});
	my $run = $t->sim('poll', '--state', $device->{state});
	my $got = $job->{exit} == 4 ? 'refused'
	    : $run->{out} =~ / InstallProfile Acknowledged$/m ? method_of($t, $device->{serial})
	    : 'failed';
	return { got => "$before>$got", vital => vital($t, $device), works => works($t, $device),
		alarms => alarms($t, $device->{serial}),
		note => $got eq 'refused' ? refusal($t, $device->{serial})
		    : $got eq 'failed' ? "$run->{out}$run->{err}" : '' };
}

# "Yes" exactly when the certificate in use came with an attestation.
sub is_right {
	my ($cell, $happened) = @_;
	return 0 if $happened->{got} ne $cell->{expected} || $happened->{note} ne $cell->{code}
	    || ($happened->{alarms} // '') ne '';
	return 1 if $cell->{expected} eq 'refused';
	my ($in_use) = grep { $_ ne 'refused' } reverse split(/>/, $happened->{got});
	return $happened->{works} eq 'yes'
	    && $happened->{vital} eq ($in_use eq 'ACME' ? 'Yes' : 'No');
}

1;
