#!/usr/bin/perl
# The check-in protocol: the life of an enrollment, message by message.
use strict;
use warnings;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $n = 0;

sub serial {
	my $serial = sprintf('C20TEST%05d', ++$n);
	$t->assign($serial);
	return $serial;
}
sub mac { Attestmdm::Device->enroll($t, serial(), @_) }
sub new_mac { Attestmdm::Device->certify($t, serial(), @_) }

# Answers what an attested Mac is asked first.
sub asked_for_udid {
	my ($mac) = @_;
	my $r = $mac->report('Idle');
	like($r->{body}, qr/ProvisioningUDID/, 'an attested Mac is asked for its ProvisioningUDID');
	$mac->report('Acknowledged', CommandUUID => Attestmdm::Device::uuid_of($r));
}

subtest 'mdm-1: a fresh Mac is pending, then enrolled; fleet-101: attested' => sub {
	my $mac = new_mac();
	is($mac->host, undef, 'no host before Authenticate');
	my $r = $mac->checkin($mac->message('Authenticate'));
	is($r->{status}, 200, 'Authenticate');
	is($r->{body}, '', 'with an empty answer');
	is($mac->host->{state}, 'pending', 'pending');
	is($mac->host->{udid}, $mac->{udid}, 'its UDID is recorded');
	is($mac->host->{device_name}, 'A Mac', 'and its name');
	is($mac->checkin($mac->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
	is($mac->host->{state}, 'enrolled', 'enrolled');
	is($mac->host->{hardware_attested}, 1, 'attested');
	is($mac->host->{push_token}, uc unpack('H*', 't' x 32), 'push token');
	my $steps = join(' ', map { "$_->{step}:$_->{outcome}" } @{ $t->events($mac->{serial}) });
	like($steps, qr/profile:ok.*authenticate:ok token-update:ok$/, 'the event log says it');
	my $e = $t->db("SELECT state FROM enrollments WHERE serial = '$mac->{serial}'");
	is_deeply([map { $_->{state} } @$e], ['enrolled'], 'the enrollment is done');
};

subtest 'mdm-2: Authenticate without SerialNumber, ModelName and DeviceName' => sub {
	my $mac = new_mac();
	my $r = $mac->checkin($mac->message('Authenticate', SerialNumber => undef,
	    Model => undef, ModelName => undef, DeviceName => undef));
	is($r->{status}, 200, 'accepted: the UDID is the one of the profile request');
	is($mac->host->{state}, 'pending', 'pending');
	my $other = new_mac();
	$r = $other->checkin($other->message('Authenticate', SerialNumber => undef,
	    UDID => '00000000-1111-2222-3333-444444444444'));
	is($r->{status}, 400, 'with a UDID that nobody knows: refused');
	$t->refused($other->{serial}, 'authenticate', 'MDM_DEVICE');
};

subtest 'mdm-3: without TokenUpdate it stays pending' => sub {
	my $mac = new_mac();
	$mac->checkin($mac->message('Authenticate'));
	$t->server->clock(3600);
	is($mac->report('Idle')->{status}, 200, 'an hour later');
	is($mac->host->{state}, 'pending', 'still pending');
	is($mac->host->{push_token}, '', 'cannot be pushed to');
	$t->server->clock(0);
};

subtest 'mdm-4: TokenUpdate again' => sub {
	my $mac = mac();
	is($mac->checkin($mac->message('TokenUpdate', Token => \'first',
	    UnlockToken => \'unlock', AwaitingConfiguration => '<true/>'))->{status}, 200, 'first');
	is($mac->checkin($mac->message('TokenUpdate', Token => \'second',
	    PushMagic => 'other'))->{status}, 200, 'second');
	my $h = $mac->host;
	is(pack('H*', $h->{push_token}), 'second', 'the token is replaced');
	is($h->{push_magic}, 'other', 'the magic too');
	is(pack('H*', $h->{unlock_token}), 'unlock', 'an absent unlock token is kept');
	is($h->{awaiting_configuration}, 1, 'so is an absent AwaitingConfiguration');
	$mac->checkin($mac->message('TokenUpdate', AwaitingConfiguration => '<false/>'));
	is($mac->host->{awaiting_configuration}, 0, 'until the device says false');
	is($mac->host->{state}, 'enrolled', 'enrolled all the time');
};

subtest 'mdm-71: a device in Setup Assistant is let go, after all else' => sub {
	my $mac = new_mac();
	my $update = $mac->message('TokenUpdate', AwaitingConfiguration => '<true/>');
	$mac->checkin($mac->message('Authenticate'));
	$mac->checkin($update);
	$mac->checkin($update);
	$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo');
	asked_for_udid($mac);
	my $r = $mac->report('Idle');
	like($r->{body}, qr/SecurityInfo/, 'another command first');
	$r = $mac->report('NotNow', CommandUUID => Attestmdm::Device::uuid_of($r));
	like($r->{body}, qr/DeviceConfigured/, 'even when that is put off');
	$r = $mac->report('Acknowledged', CommandUUID => Attestmdm::Device::uuid_of($r));
	is($r->{body}, '', 'once');
	my $other = mac();
	$other->checkin($other->message('TokenUpdate', AwaitingConfiguration => '<true/>'));
	is($other->report('Idle')->{body}, '', 'none for a host that is enrolled already');
};

subtest 'mdm-71: half an hour in Setup Assistant is enough' => sub {
	my $mac = mac('--awaiting');
	$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo');
	asked_for_udid($mac);
	like($mac->report('Idle')->{body}, qr/SecurityInfo/, 'a command') for 1 .. 2;
	$t->server->clock(1900);
	my $r = $mac->report('Idle');
	like($r->{body}, qr/DeviceConfigured/, 'that is never answered holds up the last one no more');
	my ($row) = grep { ($_->{reason} // '') =~ /waited in Setup Assistant/ } @{ $t->events($mac->{serial}) };
	is($row->{step}, 'command', 'and an administrator can read it');
	like($mac->report('NotNow', CommandUUID => Attestmdm::Device::uuid_of($r))->{body},
	    qr/SecurityInfo/, 'put off, the other goes on');
	$r = $mac->report('Idle');
	like($r->{body}, qr/DeviceConfigured/, 'and it comes again');
	is(scalar(grep { ($_->{reason} // '') =~ /waited in Setup Assistant/ } @{ $t->events($mac->{serial}) }),
	    1, 'which is said once');
	like($mac->report('Acknowledged', CommandUUID => Attestmdm::Device::uuid_of($r))->{body},
	    qr/SecurityInfo/, 'then the rest');
	$t->server->clock(0);
};

subtest 'mdm-5, fleet-141: TokenUpdate of a user changes nothing' => sub {
	my $mac = mac();
	my $before = $mac->host;
	my $r = $mac->checkin($mac->message('TokenUpdate', Token => \'user',
	    UserID => '00000000-1111-2222-3333-444444444444', UserShortName => 'jane'));
	is($r->{status}, 200, 'answered 200');
	my %user = (UserID => '00000000-1111-2222-3333-444444444444');
	is($mac->checkin($mac->message('Authenticate', DeviceName => 'x', %user))->{status},
	    400, 'Authenticate of a user: 400');
	is($mac->checkin($mac->message('CheckOut', %user))->{status}, 200,
	    'CheckOut of a user: 200');
	is_deeply($mac->host, $before, 'the host is untouched');
};

subtest 'mdm-6: UserAuthenticate' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	my $r = $mac->checkin($mac->message('UserAuthenticate',
	    UserID => '00000000-1111-2222-3333-444444444444', UserShortName => 'jane'));
	is($r->{status}, 410, 'answered 410: users are not managed');
	is($t->fingerprint, $before, 'no change');
};

subtest 'mdm-7: CheckOut; fleet-106' => sub {
	my $mac = mac();
	is($mac->checkin($mac->message('CheckOut'))->{status}, 200, 'answered 200');
	my $h = $mac->host;
	is($h->{state}, 'unenrolled', 'unenrolled');
	is($h->{push_token}, '', 'push data gone');
	is($mac->report('Idle')->{status}, 400, 'its certificate opens nothing any more');
	$t->refused($mac->{serial}, 'command', 'MDM_CERTIFICATE');
	is($mac->checkin($mac->message('Authenticate'))->{status}, 400, 'not even Authenticate');
	my $again = $mac->again('enroll');
	is($again->host->{state}, 'enrolled', 'a new certificate enrolls it again');
};

subtest 'mdm-8, mdm-9: bootstrap tokens' => sub {
	my $mac = mac();
	my $get = sub { $mac->checkin($mac->message('GetBootstrapToken')) };
	my $none = $get->();
	is($none->{status}, 200, 'none stored: 200');
	unlike($none->{body}, qr/BootstrapToken/, 'key absent');
	my $set = sub { $mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => $_[0])) };
	is($set->(\"\x00secret\xff")->{status}, 200, 'stored');
	my $r = $get->();
	like($r->{headers}{'content-type'}, qr{^application/xml}, 'a property list');
	my ($data) = $r->{body} =~ m{<data>\s*([^<]+?)\s*</data>};
	is(MIME::Base64::decode_base64($data // ''), "\x00secret\xff", 'the same bytes');
	is($set->(undef)->{status}, 200, 'an absent token');
	unlike($get->()->{body}, qr/BootstrapToken/, 'deletes');
	is($mac->host->{bootstrap_token_before}, uc unpack('H*', "\x00secret\xff"),
	    'the one before is kept');
	is($set->(\('x' x 8193))->{status}, 400, 'too long: refused');
};

subtest 'mdm-10, mdm-11: content types' => sub {
	my $mac = mac();
	my $update = $mac->message('TokenUpdate', PushMagic => 'shared');
	for my $type ('application/x-apple-aspen-mdm-checkin',
	    'application/x-apple-aspen-mdm-checkin; charset=UTF-8') {
		is($mac->poll($update, type => $type)->{status}, 200, "/mdm/server takes $type");
	}
	is($mac->host->{push_magic}, 'shared', 'and serves it as check-in');
	my $idle = Attestmdm::Device::plist(Status => 'Idle', UDID => $mac->{udid});
	is($mac->poll($idle, type => 'application/x-apple-aspen-mdm')->{status}, 200, 'no charset');
	my $before = $t->fingerprint;
	is($mac->checkin($update, type => 'text/plain')->{status}, 400, 'text/plain: 400');
	is($mac->poll($update, type => 'text/plain')->{status}, 400, 'there too');
	is($mac->checkin($idle, type => 'application/x-apple-aspen-mdm')->{status}, 400,
	    'a command poll at the check-in URL: 400');
	is($t->fingerprint, $before, 'no change');
};

subtest 'mdm-12: other methods' => sub {
	for my $path ('/mdm/checkin', '/mdm/server') {
		for my $method (qw(GET POST HEAD DELETE)) {
			my $r = $t->http($method => $path);
			is($r->{status}, 405, "$method $path: 405");
			is($r->{headers}{allow}, 'PUT', 'Allow: PUT');
		}
	}
};

subtest 'mdm-13, mdm-14, mdm-15: bodies that are no message' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	my $good = $mac->message('CheckOut');
	my %bad = (
		'not XML' => 'hello',
		'truncated' => substr($good, 0, length($good) - 20),
		'binary property list' => "bplist00\xd0\x08" . "\0" x 40,
		'array as root' => '<?xml version="1.0"?><plist version="1.0"><array/></plist>',
		'something after the end' => $good . '<plist/>',
		'100 000 nested arrays' => '<?xml version="1.0"?><plist version="1.0"><dict><key>a</key>'
		    . '<array>' x 50000 . '</array>' x 50000 . '</dict></plist>',
		'an entity' => '<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY x "CheckOut">]>'
		    . '<plist version="1.0"><dict><key>MessageType</key><string>&x;</string></dict></plist>',
		'an external entity' => '<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
		    . '<plist version="1.0"><dict><key>UDID</key><string>&x;</string></dict></plist>',
	);
	for (sort keys %bad) {
		is($mac->checkin($bad{$_})->{status}, 400, "$_: 400");
	}
	is($mac->checkin('')->{status}, 400, 'empty: 400');
	is($mac->checkin('x' x (3 << 20), signature => 'AAAA')->{status}, 413, '3 MiB: 413');
	is($mac->poll('x' x (65 << 20), signature => 'AAAA', cert => undef)->{status}, 413, '65 MiB of results: 413');
	is($t->fingerprint, $before, 'no change');
	$t->refused($mac->{serial}, 'check-in', 'MDM_MESSAGE');
	is($mac->report('Idle')->{status}, 200, 'the programs live on');
};

subtest 'a long name of a device is cut, between characters' => sub {
	my $mac = mac();
	my $euro = "\xe2\x82\xac";
	is($mac->checkin($mac->message('Authenticate', DeviceName => 'a' . $euro x 200))->{status}, 200,
	    'taken');
	my $name = $t->db("SELECT hex(device_name) AS n FROM hosts WHERE serial = '$mac->{serial}'")->[0]{n};
	is(pack('H*', $name), 'a' . $euro x 84, 'to 253 of 255 bytes');
	is($mac->checkin($mac->message('Authenticate', ModelName => 'x' x 256))->{status}, 400,
	    'other texts are not');
};

subtest 'mdm-16: a key twice' => sub {
	my $mac = mac();
	my $other = mac();
	(my $body = $mac->message('CheckOut')) =~
	    s{</dict>}{<key>UDID</key><string>$other->{udid}</string></dict>};
	my $before = $t->fingerprint;
	is($mac->checkin($body)->{status}, 400, 'refused');
	is($t->fingerprint, $before, 'no change');
};

subtest 'mdm-17, mdm-18: UDIDs that are none' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	for my $udid ('A' x 10000, "A\nB", "'; DROP TABLE hosts; --", '../../etc', '', 'xyz') {
		my $r = $mac->checkin($mac->message('CheckOut', UDID => $udid));
		is($r->{status}, 400, 'answered 400');
	}
	is($mac->checkin($mac->message('CheckOut', UDID => undef))->{status}, 400, 'neither id');
	is($mac->checkin($mac->message('CheckOut', EnrollmentID => 'E'))->{status}, 400, 'both');
	is($mac->checkin($mac->message('CheckOut', EnrollmentID => 'E', UDID => undef))->{status},
	    400, 'a user enrollment');
	is($t->fingerprint, $before, 'no change');
	my @lines = split(/\n/, Attestmdm::Server::slurp($t->dir . '/mdm-checkin.log'));
	is(scalar(grep { !/^<\d>attestmdm/ && !/^<\d>mdm-checkin/ } @lines), 0,
	    'no log line was broken in two');
};

subtest 'mdm-19: another topic' => sub {
	my $mac = new_mac();
	my $r = $mac->checkin($mac->message('Authenticate', Topic => 'com.apple.mgmt.External.other'));
	is($r->{status}, 400, 'Authenticate');
	$t->refused($mac->{serial}, 'authenticate', 'MDM_TOPIC');
	is($mac->host, undef, 'no host');
	my $enrolled = mac();
	my $before = $enrolled->host;
	is($enrolled->checkin($enrolled->message('TokenUpdate',
	    Topic => 'com.apple.mgmt.External.other', Token => \'x'))->{status}, 400, 'TokenUpdate');
	is_deeply($enrolled->host, $before, 'no change');
	$t->refused($enrolled->{serial}, 'token-update', 'MDM_TOPIC');
};

subtest 'mdm-20: tokens' => sub {
	my $mac = mac();
	my $before = $mac->host;
	for my $token ('', 'x' x 4096) {
		is($mac->checkin($mac->message('TokenUpdate', Token => \$token))->{status}, 400,
		    length($token) . ' bytes: 400');
	}
	is($mac->checkin($mac->message('TokenUpdate', Token => undef))->{status}, 400, 'none: 400');
	is($mac->checkin($mac->message('TokenUpdate', PushMagic => $_))->{status}, 400,
	    defined $_ ? 'an empty magic: 400' : 'no magic: 400') for undef, '';
	is($mac->checkin($mac->message('TokenUpdate', PushMagic => 'x' x 5000))->{status}, 400,
	    'a magic of 5000 bytes: 400');
	is_deeply($mac->host, $before, 'no change');
	$t->refused($mac->{serial}, 'token-update', 'MDM_MESSAGE');
	is($mac->checkin($mac->message('TokenUpdate', PushMagic => 'q"b\\n'))->{status}, 200,
	    'quotes and backslashes are a magic too');
	is($mac->host->{push_magic}, 'q"b\\n', 'kept as they are');
};

subtest 'mdm-21: messages that are not offered' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	for my $type (qw(Nonsense GetToken ReturnToService)) {
		is($mac->checkin($mac->message($type, TokenServiceType => 'com.apple.maid'))->{status},
		    400, "$type: 400");
	}
	$t->refused($mac->{serial}, 'return-to-service', 'MDM_MESSAGE');
	my $dm = sub { $mac->checkin($mac->message('DeclarativeManagement', Endpoint => $_[0]))->{status} };
	is($dm->('tokens'), 404, 'DeclarativeManagement tokens: 404');
	is($dm->('status'), 200, 'status: 200');
	is($t->fingerprint, $before, 'no change');
};

subtest 'mdm-22: a lock that is never given back' => sub {
	my $mac = new_mac();
	open(my $stuck, '<', $t->server->database . '.lock') or die $!;
	flock($stuck, 2) or die $!;
	is($mac->checkin($mac->message('Authenticate'))->{status}, 500, '500: the device tries again');
	close($stuck);
	is($mac->checkin($mac->message('Authenticate'))->{status}, 200, 'and then succeeds');
};

subtest 'mdm-22: a database that cannot be written' => sub {
	my $mac = new_mac();
	my $lock = $t->server->database;
	$t->change_db('CREATE TRIGGER full BEFORE INSERT ON hosts'
	    . " BEGIN SELECT RAISE(ABORT, 'disk full'); END");
	my $r = $mac->checkin($mac->message('Authenticate'));
	is($r->{status}, 500, '500: the device tries again');
	is($t->db("SELECT state FROM certificates WHERE serial = '$mac->{serial}'")->[0]{state},
	    'issued', 'nothing is half done');
	$t->change_db('DROP TRIGGER full');
	is($mac->checkin($mac->message('Authenticate'))->{status}, 200, 'and then succeeds');
};

subtest 'mdm-109: no secret of a device is logged' => sub {
	my $mac = mac();
	my %secret = (Token => 'push-token-of-32-bytes-in-a-test', PushMagic => 'MAGIC-IN-A-TEST',
	    UnlockToken => 'unlock-in-a-test', BootstrapToken => 'bootstrap-in-a-test');
	my $update = sub { $mac->checkin($mac->message('TokenUpdate', Token => \$secret{Token},
	    PushMagic => $secret{PushMagic}, UnlockToken => \$secret{UnlockToken}, @_))->{status} };
	is($update->(), 200, 'its tokens');
	is($update->(Topic => 'com.apple.mgmt.External.other'), 400, 'once more, refused');
	is($mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \$secret{BootstrapToken}))->{status},
	    200, 'its bootstrap token');
	my $log = join('', map { Attestmdm::Server::slurp($_) } glob($t->dir . '/*.log'));
	like($log, qr/\Q$mac->{serial}\E/, 'the logs tell of it');
	for my $name (sort keys %secret) {
		for ($secret{$name}, unpack('H*', $secret{$name}), MIME::Base64::encode_base64($secret{$name}, '')) {
			unlike($log, qr/\Q$_\E/i, "without its $name");
		}
	}
};

$t->done;
