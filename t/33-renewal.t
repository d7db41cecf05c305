#!/usr/bin/perl
# The renewal of a host's certificate: who is asked and when, what ends it.
# The new certificate is fetched by somebody else's SCEP client, hence the
# older ciphers.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64);
use POSIX ();
use Attestmdm::Device;
use Attestmdm::Test;

plan skip_all => 'scep is not installed' if !Attestmdm::Test::installed('scepclient');

my $DAY = 86400;
my $t = Attestmdm::Test->new(older => 1, require => 0,
    config => { 'renewal.expired_grace_days' => 10 });
my $n = 0;

sub at { $t->server->clock($_[0] * $DAY) }
sub due { $t->tool_json('renew', '--due', @_) }
sub one { $t->tool_json('renew', '--host', $_[0]->{serial}) }
sub count { $t->db("SELECT count(*) AS n FROM $_[0]")->[0]{n} }
sub commands { count("commands c JOIN hosts h ON h.id = c.host_id WHERE h.serial = '$_[0]->{serial}'") }

sub fetch { $_[0]->scepclient($_[1]) }

# Is a renewal of it open?
sub asked {
	count("renewals r JOIN hosts h ON h.id = r.host_id WHERE h.serial = '$_[0]->{serial}'"
	    . ' AND r.enrollment_id IS NOT NULL');
}

sub challenge_of { $_[0] =~ m{<key>Challenge</key>\s*<string>([^<]+)<} ? $1 : undef }

# An enrolled Intel Mac.
sub intel {
	my $mac = Attestmdm::Device->begin($t, sprintf('C33TEST%05d', ++$n));
	my $file = $t->dir . '/info';
	$t->assign($mac->{serial});
	$t->make('machineinfo', '--serial', $mac->{serial}, '--udid', $mac->{udid},
	    '--product', 'MacBookPro16,1', '--os-version', '13.6', '-o', $file);
	my $r = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file));
	fetch($mac, challenge_of($r->{body})) or die 'no certificate';
	enter($mac);
	return $mac;
}

sub enter {
	my ($mac, %token) = @_;
	my $r = $mac->checkin($mac->message('Authenticate', ProductName => 'MacBookPro16,1'));
	die "Authenticate: $r->{status}" if $r->{status} != 200;
	$r = $mac->checkin($mac->message('TokenUpdate', %token));
	die "TokenUpdate: $r->{status}" if $r->{status} != 200;
}

# The InstallProfile command that waits: { uuid, profile }, or undef.
sub install {
	my ($mac) = @_;
	my $r = $mac->report('Idle');
	return undef if $r->{body} !~ /InstallProfile/;
	my ($data) = $r->{body} =~ m{<key>Payload</key>\s*<data>([^<]+)<};
	return { uuid => Attestmdm::Device::uuid_of($r), profile => decode_base64($data) };
}

# The same device with the key and certificate of a renewal.
sub renewed {
	my ($mac, $command) = @_;
	my $new = bless { %$mac, state => $mac->{state} . '-new' . ++$n }, ref $mac;
	fetch($new, challenge_of($command->{profile})) or die 'no renewed certificate';
	return $new;
}

sub profile_keys {
	my %keys;
	push @{ $keys{$1} }, $2
	    while $_[0] =~ m{<key>(PayloadUUID|PayloadIdentifier|ServerURL|CheckInURL|Topic|AccessRights|IdentityCertificateUUID|URL)</key>\s*<\w+>([^<]*)<}g;
	return \%keys;
}

subtest 'mdm-102, fleet-108, fleet-112: one command, and nothing of the host changes' => sub {
	my $mac = intel();
	my $file = $t->dir . '/info';
	$mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \'boot'));
	$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo');
	my $before = $mac->host;
	at(365 - 181);
	is(due()->{opened}, 0, '181 days before the end: nothing');
	at(365 - 179);
	is(due('--dry-run')->{opened}, 1, 'a dry run says one');
	is(commands($mac), 1, 'and sends none');
	is(due()->{opened}, 1, '179 days: one renewal');
	is(due()->{opened}, 0, 'and once only');
	my $first = $mac->report('Idle');
	like($first->{body}, qr/SecurityInfo/, 'the older command goes first');
	$mac->report('Acknowledged', CommandUUID => Attestmdm::Device::uuid_of($first));
	my $command = install($mac) or die 'no command';
	$t->make('machineinfo', '--serial', $mac->{serial}, '--udid', $mac->{udid},
	    '--product', 'MacBookPro16,1', '--os-version', '13.6', '-o', $file);
	my $profile = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file))->{body};
	is_deeply(profile_keys($command->{profile}), profile_keys($profile),
	    'mdm-57, fleet-119: identifiers, URLs, topic and rights are the same');
	my $new = renewed($mac, $command);
	is($new->checkin($new->message('Authenticate'))->{status}, 200, 'Authenticate');
	is($mac->report('Idle')->{status}, 200, 'the old certificate is still accepted');
	ok(asked($mac), 'and the renewal open');
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
	ok(!asked($mac), 'which ends with it');
	is($mac->report('Idle')->{status}, 400, 'now it is retired');
	is($new->report('Acknowledged', CommandUUID => $command->{uuid})->{status}, 200,
	    'the answer comes with the new one');
	my $after = $new->host;
	isnt($after->{certificate_sha256}, $before->{certificate_sha256}, 'another certificate');
	is($after->{$_}, $before->{$_}, "$_ is kept")
	    for qw(id udid state generation bootstrap_token enrolled_at hardware_attested);
	is($after->{bootstrap_token}, unpack('H*', 'boot') =~ tr/a-f/A-F/r, 'the bootstrap token, too');
	is(due()->{opened}, 0, 'it is not due any more');
	ok((grep { $_->{step} eq 'renewal' && $_->{reason} =~ /^renewed/ }
	    @{ $t->events($mac->{serial}) }), 'the event log says');
	at(0);
};

# All rows about a host that its renewal has no business with.
sub the_rest {
	my ($mac, $renewal) = @_;
	my ($host) = @{ $t->db("SELECT * FROM hosts WHERE serial = '$mac->{serial}'") };
	delete @$host{qw(certificate_sha256 certificate_before_sha256 enrollment_id last_seen_at client_certificate_at certificate_ends_at)};
	return {
		host => $host,
		queue => $t->db("SELECT * FROM commands WHERE host_id = '$host->{id}' AND uuid <> '$renewal' ORDER BY uuid"),
		attestations => $t->db("SELECT * FROM attestations WHERE serial = '$mac->{serial}' ORDER BY order_id"),
	};
}

subtest 'field-1: a renewal leaves all the rest, byte by byte' => sub {
	my $mac = intel();
	$mac->checkin($mac->message('TokenUpdate', UnlockToken => \'unlock'));
	$mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \'boot'));
	one($mac);
	$t->tool_ok('command', 'send', $mac->{serial}, $_) for qw(SecurityInfo DeviceInformation);
	my $command = install($mac);
	my $before = the_rest($mac, $command->{uuid});
	is(scalar @{ $before->{queue} }, 2, 'two commands wait');
	ok($before->{host}{$_}, "it has: $_") for qw(unlock_token bootstrap_token push_token push_magic topic);
	my $new = renewed($mac, $command);
	is($new->checkin($new->message('Authenticate', ProductName => 'MacBookPro16,1'))->{status}, 200, 'Authenticate');
	is_deeply(the_rest($mac, $command->{uuid}), $before, 'changes nothing');
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
	ok(!asked($mac), 'ends it');
	is_deeply(the_rest($mac, $command->{uuid}), $before, 'and changes nothing, either');
};

subtest 'a command that was followed is not sent again' => sub {
	my $mac = intel();
	one($mac);
	my $command = install($mac);
	my $new = renewed($mac, $command);
	is(install($mac), undef, 'not while its certificate waits');
	$new->checkin($new->message('Authenticate'));
	$new->checkin($new->message('TokenUpdate'));
	is(install($new), undef, 'nor when it is in use and the answer was lost');
};

subtest 'field-4, mdm-105, fleet-114: the device says Error' => sub {
	my $mac = intel();
	at(365 - 100);
	due();
	ok(asked($mac), 'asked');
	my $command = install($mac);
	$mac->report('Error', CommandUUID => $command->{uuid}, ErrorChain => [
	    { ErrorDomain => 'SCEP', LocalizedDescription => "kein Schl\xc3\xbcssel",
		USEnglishDescription => "no key\n<3>forged" },
	    { ErrorDomain => 'MDM', LocalizedDescription => 'gave up' } ]);
	$t->refused($mac->{serial}, 'renewal', 'RENEWAL_DEVICE', 'the event log has it', 'failed');
	my ($told) = grep { $_->{code} eq 'RENEWAL_DEVICE' } @{ $t->events($mac->{serial}) };
	is($told->{reason}, 'the device could not renew its certificate: '
	    . 'no key\x0a<3>forged (SCEP); gave up (MDM)', "in the device's words");
	is($mac->report('Idle')->{status}, 200, 'the old certificate stays good');
	ok(!fetch(bless({ %$mac, state => $mac->{state} . '-late' }, ref $mac),
	    challenge_of($command->{profile})), 'the challenge is void');
	due();
	ok(!asked($mac), 'not asked at once');
	at(365 - 99);
	due();
	ok(asked($mac), 'but a day later');
	$command = install($mac);
	$mac->report('CommandFormatError', CommandUUID => $command->{uuid});
	at(365 - 97);
	due();
	ok(!asked($mac), 'then not after two days');
	at(365 - 96);
	due();
	ok(asked($mac), 'but after three');
	$command = install($mac);
	at(365 - 88);
	ok(due()->{unanswered} > 0 && !asked($mac), 'an unanswered one is closed');
	at(365 - 29);
	ok(due()->{ending} > 0, 'at 30 days an administrator is told');
	is(due()->{ending}, 0, 'once');
	my $alarm = sub {
		return grep { $_->{serial} eq $mac->{serial} && $_->{kind} eq 'certificate-ending' }
		    @{ $t->tool_json('alarms', @_)->{alarms} };
	};
	my ($open) = $alarm->();
	like($open->{text}, qr/expires within .* It is not renewed/, 'by an alarm');
	$t->tool_ok('host', 'block', $mac->{serial});
	is(scalar $alarm->(), 0, 'which closes with its cause');
	ok(($alarm->('--closed'))[0]{closed_at}, 'and is kept');
	at(0);
};

subtest 'a renewal waits behind no command that is never answered' => sub {
	my $mac = intel();
	$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo', '--priority', 9);
	like($mac->report('Idle')->{body}, qr/SecurityInfo/, 'a command');
	like($mac->report('Idle')->{body}, qr/SecurityInfo/, 'without an answer it comes again');
	one($mac);
	my $command = install($mac);
	ok($command, 'then the renewal');
	like($mac->report('NotNow', CommandUUID => $command->{uuid})->{body}, qr/SecurityInfo/,
	    'put off, the other goes on');
	$command = install($mac);
	ok($command, 'but it is the first again in the next connection');
	my $new = renewed($mac, $command);
	$new->checkin($new->message('Authenticate'));
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'it is followed');
	like($new->report('Idle')->{body}, qr/SecurityInfo/, 'and the other comes once more');
};

subtest 'an Error that answers another command leaves the renewal open' => sub {
	my $mac = intel();
	one($mac);
	my $command = install($mac);
	$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo', '--priority', 9);
	my ($other) = @{ $t->db("SELECT uuid FROM commands WHERE request_type = 'SecurityInfo'"
	    . ' ORDER BY seq DESC LIMIT 1') };
	$mac->report('NotNow', CommandUUID => $command->{uuid});
	$mac->report('Error', CommandUUID => $other->{uuid},
	    ErrorChain => [ { ErrorDomain => 'MDM', LocalizedDescription => 'no' } ]);
	$mac->report('CommandFormatError', CommandUUID => '00000000-0000-4000-8000-000000000000');
	ok(asked($mac), 'it is open');
	ok(!(grep { $_->{code} eq 'RENEWAL_DEVICE' } @{ $t->events($mac->{serial}) }),
	    'nothing of it in the event log');
	is(install($mac)->{uuid}, $command->{uuid}, 'and its command comes again');
	my $new = renewed($mac, $command);
	$new->checkin($new->message('Authenticate'));
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'it is followed');
};

subtest 'Error after the certificate was fetched' => sub {
	my $mac = intel();
	one($mac);
	my $command = install($mac);
	renewed($mac, $command);
	is(install($mac), undef, 'it is not sent again');
	$mac->report('Error', CommandUUID => $command->{uuid},
	    ErrorChain => [ { ErrorDomain => 'MDM', LocalizedDescription => 'gave up' } ]);
	my ($told) = grep { $_->{code} eq 'RENEWAL_DEVICE' } @{ $t->events($mac->{serial}) };
	like($told->{reason}, qr/gave up/, 'the event log has it');
	ok(!asked($mac), 'and it is not open any more');
};

subtest 'an administrator asks again' => sub {
	my $mac = intel();
	one($mac);
	my $first = install($mac);
	is(one($mac)->{opened}, 1, 'another takes its place');
	my $second = install($mac);
	isnt($second->{uuid}, $first->{uuid}, 'a new command');
	ok(!fetch(bless({ %$mac, state => $mac->{state} . '-first' }, ref $mac),
	    challenge_of($first->{profile})), 'the first challenge is void');
	renewed($mac, $second);
	my $r = $t->tool('renew', '--host', $mac->{serial});
	is($r->{exit}, 4, 'not while a certificate waits');
	like($r->{err}, qr/waits for its first use/, 'which it says');
};

subtest 'mdm-109: the challenge of a renewal is gone when it is over' => sub {
	my $mac = intel();
	one($mac);
	my $command = install($mac);
	my $challenge = challenge_of($command->{profile});
	unlike($t->tool_ok('command', 'show', $command->{uuid}), qr/Payload|\Q$challenge/,
	    'nobody is shown it');
	my $new = renewed($mac, $command);
	$new->checkin($new->message('Authenticate'));
	$new->checkin($new->message('TokenUpdate'));
	$new->report('Acknowledged', CommandUUID => $command->{uuid});
	my $row = $t->db("SELECT state, length(plist) AS n FROM commands"
	    . " WHERE uuid = '$command->{uuid}'")->[0];
	is("$row->{state} $row->{n}", 'acknowledged 0', 'nothing of it is kept');
};

subtest 'field-4: NotNow keeps it' => sub {
	my $mac = intel();
	one($mac);
	my $command = install($mac);
	$mac->report('NotNow', CommandUUID => $command->{uuid});
	my $again = install($mac);
	is($again->{uuid}, $command->{uuid}, 'the same command comes again');
	is(commands($mac), 1, 'there is one');
	renewed($mac, $again);
};

subtest 'field-4, mdm-103: offline for 30 days with an open renewal' => sub {
	my $mac = intel();
	at(365 - 100);
	due();
	at(365 - 92);
	ok(due()->{unanswered} > 0, 'closed after its time');
	at(365 - 70);
	due();
	ok(!asked($mac), 'not opened for a device that is away');
	is(install($mac), undef, 'what is over is not sent');
	due();
	ok(asked($mac), 'it is back: asked again');
	my $command = install($mac) or die 'no command';
	my $new = renewed($mac, $command);
	$new->checkin($new->message('Authenticate'));
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'and renewed');
	at(0);
};

subtest 'mdm-104, fleet-142: the challenge of another device' => sub {
	my $mac = intel();
	my $thief = intel();
	one($mac);
	my $command = install($mac);
	my $stolen = renewed($thief, $command);
	is($stolen->checkin($stolen->message('Authenticate'))->{status}, 400, 'refused');
	$t->refused($mac->{serial}, 'authenticate', 'MDM_DEVICE', 'and logged there');
	is($stolen->report('Idle')->{status}, 400, 'nor commands');
	is($mac->report('Idle')->{status}, 200, 'its owner is not hurt');
	is($thief->report('Idle')->{status}, 200, 'nor is the other host');
};

sub enrolled_rows {
	scalar grep { $_->{step} eq 'token-update' && $_->{reason} eq 'enrolled' }
	    @{ $t->events($_[0]->{serial}) };
}

subtest 'fleet-115, fleet-116: a wipe while a renewal is open' => sub {
	my $mac = intel();
	one($mac);
	my $command = install($mac);
	my $challenge = challenge_of($command->{profile});
	my $wiped = bless { %$mac, state => $mac->{state} . '-wiped' }, ref $mac;
	my $file = $t->dir . '/info';
	$t->make('machineinfo', '--serial', $mac->{serial}, '--udid', $mac->{udid},
	    '--product', 'MacBookPro16,1', '--os-version', '13.6', '-o', $file);
	my $r = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file));
	is(enrolled_rows($mac), 1, 'the event log has its first enrollment');
	fetch($wiped, challenge_of($r->{body}));
	enter($wiped, AwaitingConfiguration => '<true/>');
	is($wiped->host->{generation}, 2, 'a new enrollment');
	is(enrolled_rows($mac), 2, 'and the event log its second');
	my $setup = $wiped->report('Idle');
	like($setup->{body}, qr/DeviceConfigured/, 'Setup Assistant is let go');
	is($wiped->report('Acknowledged', CommandUUID => Attestmdm::Device::uuid_of($setup))->{body},
	    '', 'and nothing else comes');
	is(install($wiped), undef, 'the old command is gone');
	ok(!fetch(bless({ %$mac, state => $mac->{state} . '-late' }, ref $mac), $challenge),
	    'its challenge is void');
	is(one($wiped)->{opened}, 1, 'and it can be renewed');
};

subtest 'field-3: nothing of how it came survives a wipe' => sub {
	my $mac = intel();
	my $row = sub { $t->db("SELECT h.*, e.source, e.method FROM hosts h JOIN enrollments e ON e.id = h.enrollment_id"
		. " WHERE h.serial = '$mac->{serial}'")->[0] };
	# As it was by a link, with attestation, and not through with Setup Assistant.
	$mac->checkin($mac->message('TokenUpdate', UnlockToken => \'unlock', AwaitingConfiguration => '<true/>'));
	$mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \'boot'));
	$t->change_db("UPDATE enrollments SET source = 'manual' WHERE serial = '$mac->{serial}';"
		. " UPDATE hosts SET hardware_attested = 1 WHERE serial = '$mac->{serial}'");
	my $before = $row->();
	ok($before->{$_}, "before: $_") for qw(unlock_token bootstrap_token awaiting_configuration hardware_attested);
	my $wiped = bless { %$mac, state => $mac->{state} . '-wiped' }, ref $mac;
	my $file = $t->dir . '/info';
	$t->make('machineinfo', '--serial', $mac->{serial}, '--udid', $mac->{udid},
	    '--product', 'MacBookPro16,1', '--os-version', '13.6', '-o', $file);
	my $profile = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file))->{body};
	fetch($wiped, challenge_of($profile)) or die 'no certificate';
	enter($wiped);
	my $after = $row->();
	is($after->{generation}, $before->{generation} + 1, 'it enrolls anew');
	is($after->{source}, 'ade', 'by Apple Business');
	ok(!$after->{$_}, "after: no $_") for qw(unlock_token bootstrap_token awaiting_configuration hardware_attested);
	unlike($wiped->report('Idle')->{body}, qr/DeviceConfigured/, 'it waits for nothing');
	is(one($wiped)->{opened}, 1, 'a renewal');
	my $command = install($wiped) or die 'no command';
	is_deeply(profile_keys($command->{profile}), profile_keys($profile), 'has the profile of this enrollment');
};

subtest 'fleet-118: who left is not asked' => sub {
	my $mac = intel();
	$mac->checkin($mac->message('CheckOut'));
	my $r = $t->tool('renew', '--host', $mac->{serial});
	is($r->{exit}, 4, 'not by name');
	like($r->{err}, qr/the host is unenrolled/, 'and says why');
	at(365 - 10);
	my $shown = due('--dry-run');
	ok(!(grep { $_->{serial} eq $mac->{serial} } @{ $shown->{hosts} }), 'nor when due');
	at(0);
};

subtest 'fleet-117, fleet-138: not assigned any more' => sub {
	my $mac = intel();
	$t->tool_ok('ade', 'remove', $mac->{serial});
	is(one($mac)->{hosts}[0]{method}, 'scep', 'SCEP');
	my $other = intel();
	$t->tool_ok('ade', 'remove', $other->{serial});
	$t->tool_ok('setting', 'set', 'apple_business_enrollments_only', 'true', '--yes');
	is($t->tool('renew', '--host', $other->{serial})->{exit}, 4,
	    'none when only assigned ones may');
	$t->refused($other->{serial}, 'renewal', 'ENROLL_BUSINESS', 'its event log');
	my $before = @{ $t->events($other->{serial}) };
	$t->tool('renew', '--host', $other->{serial});
	is(scalar(@{ $t->events($other->{serial}) }), $before, 'said once');
	$t->tool_ok('setting', 'set', 'apple_business_enrollments_only', 'false', '--yes');
	is(one($other)->{opened}, 1, 'renewed when the setting is off again');
};

subtest 'fleet-138: a host that cannot attest, when only attested ones may enroll' => sub {
	my $mac = intel();
	my @both = qw(apple_business_enrollments_only apple_require_hardware_attestation);
	my $told = sub { scalar grep { $_->{step} eq 'renewal' } @{ $t->events($mac->{serial}) } };
	my $listed = sub { scalar grep { $_->{serial} eq $mac->{serial} } @{ due('--dry-run', '--limit', 1000)->{hosts} } };
	at(365 - 100);
	is($listed->(), 1, 'due');
	$t->tool_ok('setting', 'set', $_, 'true', '--yes') for @both;
	due('--limit', 1000);
	ok(!asked($mac), 'it is not asked');
	$t->refused($mac->{serial}, 'renewal', 'ENROLL_METHOD', 'and the event log says why');
	is($told->(), 1, 'once');
	for my $hours (1, 2, 23) {
		at(365 - 100 + $hours / 24);
		due('--limit', 1000);
		is($listed->(), 0, "not looked at $hours hours later");
	}
	at(365 - 99 + 1 / 24);
	is($listed->(), 1, 'a day later it is');
	due('--limit', 1000);
	is($told->(), 1, 'and still told once');
	is(commands($mac), 0, 'no command was sent');
	at(365 + 10 + 1);
	is($listed->(), 0, 'its certificate is over, and it is not due any more');
	due('--limit', 1000);
	ok(!asked($mac), 'nor asked');
	is($mac->report('Idle')->{status}, 400, 'it aged out');
	$t->tool_ok('setting', 'set', $_, 'false') for @both;
	is($listed->(), 0, 'for good');
	at(0);
};

subtest 'an expired identity fetches its renewal, and nothing else' => sub {
	my $mac = intel();
	$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo', '--priority', 9);
	at(366);
	is($mac->checkin($mac->message('TokenUpdate'))->{status}, 400, 'no check-in');
	my $r = $mac->report('Idle');
	is("$r->{status} $r->{body}", '200 ', 'no command');
	due();
	ok(asked($mac), 'its renewal is opened');
	my $other = $mac->report('Acknowledged', CommandUUID => $t->db(
	    "SELECT uuid FROM commands WHERE request_type = 'SecurityInfo' ORDER BY seq DESC LIMIT 1")->[0]{uuid});
	is($other->{body}, '', 'no other answer is taken');
	my $command = install($mac);
	ok($command, 'the renewal is sent');
	is($mac->report('NotNow', CommandUUID => $command->{uuid})->{body}, '',
	    'once in a connection');
	is(install($mac)->{uuid}, $command->{uuid}, 'and again in the next');
	my $new = renewed($mac, $command);
	$new->checkin($new->message('Authenticate'));
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'and renews it');
	like($new->report('Idle')->{body}, qr/SecurityInfo/, 'now the rest comes');
	my $late = intel();
	at(366 + 365 + 10);
	is($late->report('Idle')->{status}, 400, 'behind the grace it is over');
	at(0);
};

subtest 'two runs at once: one command for each device' => sub {
	my @macs = map { intel() } 1 .. 4;
	at(365 - 50);
	my @pids = map {
		my $pid = fork() // die "fork: $!";
		if (!$pid) {
			$t->tool('renew', '--due', '--limit', 1000);
			POSIX::_exit(0);
		}
		$pid;
	} 1 .. 4;
	waitpid($_, 0) for @pids;
	is(commands($_), 1, 'one') for @macs;
	at(0);
};

subtest 'fleet-113: bounded, the soonest end first' => sub {
	my @macs = map { at(3 - $_); intel() } 1 .. 3;
	at(365 - 25);
	due('--limit', 1000);
	at(0);
	at(365 - 15);
	due();
	at(365 - 10);
	$_->report('Idle') for reverse @macs;
	my $r = due('--dry-run', '--limit', 2);
	is($r->{opened}, 2, 'two of them');
	my @ends = map { $_->{not_after} } @{ $r->{hosts} };
	is_deeply(\@ends, [ sort { $a cmp $b } @ends ], 'in order');
	at(0);
};

# Certificates of three days, with the 180 days before the end that are set.
subtest 'a certificate of three days is renewed at two thirds of them' => sub {
	my $conf = Attestmdm::Server::slurp($t->server->conf);
	$t->server->set_conf('scep.certificate_days', 3);
	$t->server->restart('scep');
	my $mac = intel();
	my $life = sub {
		$t->db('SELECT c.not_after - c.not_before AS n FROM certificates c JOIN hosts h'
		    . " ON h.certificate_sha256 = c.sha256 WHERE h.serial = '$mac->{serial}'")->[0]{n};
	};
	is($life->(), 3 * $DAY + 300, 'it lives so long');
	at(1.95);
	due('--limit', 1000);
	ok(!asked($mac), 'not asked before');
	at(2.05);
	due('--limit', 1000);
	ok(asked($mac), 'but then');
	my $command = install($mac) or die 'no command';
	$mac->report('Error', CommandUUID => $command->{uuid},
	    ErrorChain => [ { ErrorDomain => 'SCEP', LocalizedDescription => 'no way' } ]);
	$t->refused($mac->{serial}, 'renewal', 'RENEWAL_DEVICE', 'the device says Error', 'failed');
	due('--limit', 1000);
	ok(!asked($mac), 'not asked at once');
	at(2.4);
	due('--limit', 1000);
	ok(asked($mac), 'but again before the end, sooner than in a day');
	$command = install($mac) or die 'no command';
	my $new = renewed($mac, $command);
	is($new->checkin($new->message('Authenticate'))->{status}, 200, 'Authenticate');
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
	$new->report('Acknowledged', CommandUUID => $command->{uuid});
	at(3.1);
	is($mac->report('Idle')->{status}, 400, 'the first one is over');
	is($new->report('Idle')->{status}, 200, 'the host is still there');
	is($new->host->{generation}, 1, 'and the same');
	is($life->(), 3 * $DAY + 300, 'for three more days');
	due('--limit', 1000);
	ok(!asked($mac), 'nothing is due now');
	at(2.4 + 2.05);
	due('--limit', 1000);
	ok(asked($mac), 'and then it goes on');
	Attestmdm::Server::spew($t->server->conf, $conf);
	$t->server->restart('scep');
	at(0);
};

subtest 'a host at which something fails stops no other' => sub {
	my ($bad, $good) = (intel(), intel());
	at(365 - 40);
	my $spoil = sub { $t->db("UPDATE enrollments SET server_url = '$_[0]' WHERE serial = '$bad->{serial}'") };
	$spoil->('x' x 300);
	my $r = $t->tool('renew', '--due', '--limit', 1000, '--json');
	is($r->{exit}, 1, 'the run says that something failed');
	like($r->{out}, qr/"opened":[1-9]\d*,"refused":\d+,"faults":1/, 'and what it did all the same');
	ok(!asked($bad) && asked($good), 'and renews the rest');
	$spoil->('');
	is(due('--limit', 1000)->{opened}, 1, 'mended, it is renewed, too');
	at(0);
};

subtest 'a dry run knows of open renewals' => sub {
	my $mac = intel();
	one($mac);
	at(365 - 30);
	ok(!(grep { $_->{serial} eq $mac->{serial} } @{ due('--dry-run', '--limit', 1000)->{hosts} }),
	    'when due');
	at(0);
	renewed($mac, install($mac));
	is($t->tool('renew', '--host', $mac->{serial}, '--dry-run')->{exit}, 4, 'and by name');
};

subtest 'usage' => sub {
	is($t->tool('renew', @$_)->{exit}, 2, "@$_: usage")
	    for [], [ '--due', '--all-to-acme' ], [ '--due', '--limit', 0 ];
	my $r = $t->tool('renew', '--all-to-acme');
	is($r->{exit}, 4, 'not while attestation is not required');
	like($r->{err}, qr/Require hardware attestation/, 'and says what to do');
};

subtest 'what was done is on the activity list' => sub {
	my $mac = intel();
	due('--limit', 1000);
	my $rows = count("activities WHERE action = 'renew'");
	due('--limit', 1000);
	is(count("activities WHERE action = 'renew'"), $rows, 'not a run with nothing to do');
	one($mac);
	my $row = $t->db("SELECT * FROM activities WHERE action = 'renew' ORDER BY id DESC LIMIT 1")->[0];
	like($row->{detail}, qr/^host \Q$mac->{serial}\E: 1 opened/, 'a renewal by hand');
	like($row->{actor}, qr/^cli:/, 'and who did it');
};

# The test plan for a deployment: no need to wait until a certificate ends.
subtest 'a moved end' => sub {
	my $mac = intel();
	due('--limit', 1000);
	ok(!asked($mac), 'a fresh certificate is not due');
	$t->db("UPDATE certificates SET not_after = not_before + 4 * $DAY WHERE serial = '$mac->{serial}'");
	due('--limit', 1000);
	ok(asked($mac), 'its end moved to four days ahead, it is');
};

$t->done;
