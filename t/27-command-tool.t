#!/usr/bin/perl
# attestmdm command send and cancel: what is not sent by mistake, and what is
# taken back.
use strict;
use warnings;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $n = 0;

sub mac {
	my $serial = sprintf('C27TEST%05d', ++$n);
	$t->assign($serial);
	return Attestmdm::Device->enroll($t, $serial);
}

sub refused {
	my ($want, $name, @send) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $r = $t->tool('command', 'send', @send);
	isnt($r->{exit}, 0, "$name: refused");
	like($r->{err}, $want, "$name: says why");
}

sub queued { $t->db("SELECT count(*) AS n FROM commands WHERE state = 'queued'")->[0]{n} }
sub state_of { $t->tool_json('command', 'show', $_[0])->{state} }

my $file = $t->dir . '/command.plist';
sub plist {
	my (@pairs) = @_;
	Attestmdm::Server::spew($file, Attestmdm::Device::plist(@pairs));
	return ('--file', $file);
}

subtest 'a typing error is no command' => sub {
	my $mac = mac();
	refused(qr/no command is called EraseDevise \(did you mean EraseDevice\?\)/, 'one letter',
	    $mac->{serial}, 'EraseDevise', '--yes');
	refused(qr/did you mean SecurityInfo\?/, 'swapped letters', $mac->{serial}, 'SecurityIfno');
	refused(qr/no command is called Frobnicate; --force sends it/, 'nothing like it',
	    $mac->{serial}, 'Frobnicate');
	refused(qr/did you mean ProfileList/, 'in a file', $mac->{serial},
	    plist(Command => { RequestType => 'ProfileLst' }));
	is(queued(), 0, 'nothing is queued');
	like($t->tool_ok('command', 'send', $mac->{serial}, 'Frobnicate', '--force'),
	    qr/cannot be pushed to/, 'there is no push certificate');
	is(queued(), 1, '--force sends what is new');
};

subtest 'keys that a device wants' => sub {
	my $mac = mac();
	refused(qr/InstallProfile needs Payload in its Command; write .* for --file/, 'by name',
	    $mac->{serial}, 'InstallProfile');
	refused(qr/RotateFileVaultKey needs KeyType in its Command$/m, 'in a file', $mac->{serial},
	    plist(Command => { RequestType => 'RotateFileVaultKey', FileVaultUnlock => 'x' }));
	$t->tool_ok('command', 'send', $mac->{serial},
	    plist(Command => { RequestType => 'InstallProfile', Payload => \'x' }));
	is($t->tool('command', 'send', $mac->{serial}, 'InstallProfile', '--force')->{exit}, 0, '--force');
};

subtest 'mdm-55: what is hard to undo wants --yes' => sub {
	my $mac = mac();
	for (qw(EraseDevice DeviceLock RestartDevice ShutDownDevice)) {
		my $r = $t->tool('command', 'send', $mac->{serial}, $_, '--force');
		is($r->{exit}, 4, "$_: not without");
		like($r->{err}, qr/\Q$_\E .*; repeat it with --yes if you are sure/, 'says what it does');
	}
	refused(qr/RemoveProfile removes a profile/, 'in a file', $mac->{serial},
	    plist(Command => { RequestType => 'RemoveProfile', Identifier => 'x' }));
	$t->tool_ok('command', 'send', $mac->{serial}, 'RestartDevice', '--yes');
	is($t->db("SELECT request_type FROM commands ORDER BY seq DESC LIMIT 1")->[0]{request_type},
	    'RestartDevice', 'sent with it');
	like($t->tool_ok('command', 'send', $mac->{serial}, 'EraseDevice', '--yes'), qr/./, 'EraseDevice, too');
	my $row = $t->db("SELECT actor, serial, detail FROM activities ORDER BY id DESC LIMIT 1")->[0];
	like("$row->{actor} $row->{detail} $row->{serial}", qr/^cli:\S+ EraseDevice .*\Q$mac->{serial}\E/, 'by whom is on the activity list');
};

subtest 'a CommandUUID is made for a file without one' => sub {
	my $mac = mac();
	my @file = plist(Command => { RequestType => 'ProfileList', Note => '</dict>' });
	my $uuid = $t->tool_json('command', 'send', $mac->{serial}, @file)->{uuid};
	like($uuid, qr/^[0-9A-F-]{36}$/, 'printed');
	isnt($t->tool_json('command', 'send', $mac->{serial}, @file)->{uuid}, $uuid, 'another for the next');
	my $r = $mac->report('Idle');
	is(Attestmdm::Device::uuid_of($r), $uuid, 'sent');
	like($r->{body}, qr{</dict><key>CommandUUID</key><string>\Q$uuid\E</string></dict></plist>}, 'in its place');
	is($mac->report('Acknowledged', CommandUUID => $uuid)->{status}, 200, 'answered');
	is(state_of($uuid), 'acknowledged', 'and done');
};

subtest 'a profile is for a host that shows its certificate' => sub {
	my $mac = mac();
	for (['com.apple.security.scep', 1], ['com.apple.wifi.managed', 1]) {
		my ($type, $held) = @$_;
		my $uuid = $t->tool_json('command', 'send', $mac->{serial},
		    plist(Command => { RequestType => 'InstallProfile', Payload => \"<string>$type</string>" }))->{uuid};
		is($t->db("SELECT needs_client_certificate AS n FROM commands WHERE uuid = '$uuid'")->[0]{n}, $held,
		    $type);
	}
};

subtest 'a command is taken back' => sub {
	my $mac = mac();
	my @uuid = map { $t->tool_json('command', 'send', $mac->{serial}, 'SecurityInfo')->{uuid} } 1 .. 3;
	is(Attestmdm::Device::uuid_of($mac->report('Idle')), $uuid[0], 'the first is sent');
	like($t->tool_ok('command', 'cancel', $mac->{serial}, $uuid[0]),
	    qr/cancelled; it was sent, so the device may have carried it out/, 'by serial number');
	unlike($t->tool_ok('command', 'cancel', $mac->{udid}, $uuid[1]), qr/it was sent/, 'by UDID');
	is(state_of($_), 'cancelled', 'cancelled') for @uuid[0, 1];
	is(Attestmdm::Device::uuid_of($mac->report('Acknowledged', CommandUUID => $uuid[0])), $uuid[2],
	    'a late answer does no harm, and the queue goes on');
	is(state_of($uuid[0]), 'cancelled', 'it stays cancelled');
	is($mac->poll('no property list')->{status}, 200, 'an unreadable one');
	my $activity = $t->db("SELECT serial, detail FROM activities WHERE action = 'command.cancel'");
	is(scalar @$activity, 2, 'in the activity');
	is("$activity->[0]{detail} $activity->[0]{serial}", "SecurityInfo $uuid[0] $mac->{serial}", 'with what and whom');
	is($t->tool('command', 'cancel', $mac->{serial}, $uuid[0])->{exit}, 4, 'not twice');
	is($t->tool('command', 'cancel', mac()->{serial}, $uuid[2])->{exit}, 3, 'not of another host');
	is($t->tool('command', 'cancel', 'C27NONE00000', $uuid[2])->{exit}, 3, 'no host');
};

subtest 'the command of a renewal is taken back with the renewal' => sub {
	my $mac = mac();
	is($t->tool_json('renew', '--host', $mac->{serial})->{opened}, 1, 'opened');
	my $uuid = $t->tool_json('command', 'list', $mac->{serial})->{commands}[0]{uuid};
	$t->tool_ok('command', 'cancel', $mac->{serial}, $uuid);
	is(state_of($uuid), 'cancelled', 'cancelled');
	is($mac->report('Idle')->{body}, '', 'not sent');
	my $host = $t->db("SELECT r.last_error, r.enrollment_id FROM renewals r JOIN hosts h ON h.id = r.host_id"
	    . " WHERE h.serial = '$mac->{serial}'")->[0];
	is($host->{last_error}, 'an administrator cancelled its command', 'no renewal is open');
	is($t->tool_json('renew', '--host', $mac->{serial})->{opened}, 1, 'another can be');
};

$t->done;
