#!/usr/bin/perl
# Commands: order, results, NotNow, and answers that are not what they seem.
use strict;
use warnings;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $n = 0;

sub mac {
	my $serial = sprintf('C25TEST%05d', ++$n);
	$t->assign($serial);
	return Attestmdm::Device->enroll($t, $serial, @_);
}

# Queues a command with a priority, and returns its UUID.
my $queued = 0;
sub enqueue {
	my ($mac, $priority, %more) = @_;
	my $uuid = sprintf('%08X-0000-4000-8000-00000000C25C', ++$queued);
	my $plist = Attestmdm::Device::plist(
	    Command => { RequestType => 'DeviceInformation', Queries => ['UDID'], %more },
	    CommandUUID => $uuid);
	my $hex = unpack('H*', $plist);
	$t->db('INSERT INTO commands (uuid, host_id, generation, request_type, plist,'
	    . ' priority, state, created_at, created_by)'
	    . " SELECT '$uuid', id, generation, 'DeviceInformation', x'$hex', $priority,"
	    . " 'queued', 1, 'test' FROM hosts WHERE serial = '$mac->{serial}'");
	return $uuid;
}

sub command {
	return $t->db('SELECT state, sent_at, not_now_count, completed_at, error_chain,'
	    . " length(result) AS result FROM commands WHERE uuid = '$_[0]'")->[0];
}

sub uuid_is {
	my ($reply, $want, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($reply->{status}, 200, "$name: 200");
	is(Attestmdm::Device::uuid_of($reply), $want, $name);
}

subtest 'mdm-42: by priority, then by age, until nothing is left' => sub {
	my $mac = mac();
	my ($first, $second, $urgent) = (enqueue($mac, 0), enqueue($mac, 0), enqueue($mac, 9));
	my $r = $mac->report('Idle');
	uuid_is($r, $urgent, 'the urgent one');
	like($r->{headers}{'content-type'}, qr{^application/xml}, 'a property list');
	like($r->{body}, qr{<key>RequestType</key>\s*<string>DeviceInformation}, 'with the command');
	uuid_is($mac->report('Acknowledged', CommandUUID => $urgent), $first, 'the oldest');
	uuid_is($mac->report('Acknowledged', CommandUUID => $first), $second, 'the next');
	$r = $mac->report('Acknowledged', CommandUUID => $second);
	uuid_is($r, '', 'nothing');
	is($r->{body}, '', 'an empty body');
	is(command($_)->{state}, 'acknowledged', 'acknowledged') for $first, $second, $urgent;
};

subtest 'a command goes round with the simulator' => sub {
	my $mac = mac();
	my $r = $t->tool('command', 'send', $mac->{serial}, 'DeviceInformation');
	is($r->{exit}, 0, 'sent') or diag($r->{err});
	my $run = $t->sim('poll', '--state', $mac->{state});
	is($run->{exit}, 0, 'polled') or diag($run->{err});
	like($run->{out}, qr/DeviceInformation/, 'answered');
	my $row = $t->db('SELECT state, cast(result AS text) AS result FROM commands WHERE host_id ='
	    . " (SELECT id FROM hosts WHERE serial = '$mac->{serial}')")->[0];
	is($row->{state}, 'acknowledged', 'the answer is stored');
	like($row->{result}, qr/QueryResponses.*\Q$mac->{serial}\E/s, 'as it came');
};

subtest 'an answer to DeviceInformation is learned from' => sub {
	my $mac = mac();
	my $told = sub {
		my (%answers) = @_;
		$t->tool_ok('command', 'send', $mac->{serial}, 'DeviceInformation');
		my $uuid = Attestmdm::Device::uuid_of($mac->report('Idle'));
		is($mac->report($answers{status} || 'Acknowledged', CommandUUID => $uuid,
		    QueryResponses => $answers{responses})->{status}, 200, 'taken');
		my $host = $mac->host;
		return join(' ', map { $host->{$_} } qw(device_name os_version build_version serial product_name));
	};
	my $before = join(' ', map { $mac->host->{$_} } qw(device_name os_version build_version serial product_name));
	my %new = (DeviceName => 'Renamed', OSVersion => '26.1', BuildVersion => '25B78',
	    SerialNumber => 'ANOTHER', ProductName => 'MacBookPro16,1');
	is($told->(status => 'Error', responses => \%new), $before, 'not from an error');
	is($told->(responses => { OSVersion => \'data', DeviceName => '', BuildVersion => 'x' x 300 }),
	    $before, 'nor from what makes no sense');
	is($told->(responses => \%new), "Renamed 26.1 25B78 $mac->{serial} Mac15,3",
	    'name and version, but not what it is');
};

# Apple's list of queries: OS 27 removed SoftwareUpdateDeviceID.
subtest 'a query that the device does not know any more' => sub {
	my $mac = mac('--os-version', '27.0');
	my $before = $mac->host;
	$t->tool_ok('command', 'send', $mac->{serial}, 'DeviceInformation');
	my $r = $mac->report('Idle');
	unlike($r->{body}, qr/SoftwareUpdateDeviceID/, 'is not asked by us');
	like($r->{body}, qr/ProvisioningUDID/, 'as others are');
	my ($query, $next) = (enqueue($mac, 0, Queries => ['SoftwareUpdateDeviceID', 'OSVersion']), enqueue($mac, 0));
	$r = $mac->report('Acknowledged', CommandUUID => Attestmdm::Device::uuid_of($r),
	    QueryResponses => { OSVersion => '27.1' });
	uuid_is($r, $query, 'an administrator may ask');
	uuid_is($mac->report('Error', CommandUUID => $query), $next, 'after an Error the next command comes');
	uuid_is($mac->report('Acknowledged', CommandUUID => $next), '', 'and the queue ends');
	is(command($query)->{state}, 'error', 'the Error is kept');
	is_deeply($mac->host, { %$before, os_version => '27.1', last_seen_at => $mac->host->{last_seen_at} },
		'and nothing that was known is lost');
	$t->tool_ok('command', 'send', $mac->{serial}, 'DeviceInformation', '--query', $_)
	    for 'SoftwareUpdateDeviceID', 'OSVersion';
	like($t->sim('poll', '--state', $mac->{state})->{out}, qr/^(?:\S+ DeviceInformation Acknowledged\n){2}$/,
		'an answer without it is an answer');
};

subtest 'mdm-43: NotNow' => sub {
	my $mac = mac();
	my ($one, $two) = (enqueue($mac, 1), enqueue($mac, 0));
	uuid_is($mac->report('Idle'), $one, 'the first');
	uuid_is($mac->report('NotNow', CommandUUID => $one), $two, 'NotNow: another one');
	uuid_is($mac->report('Acknowledged', CommandUUID => $two), '',
	    'not again in this connection');
	uuid_is($mac->report('Idle'), $one, 'again after the next Idle');
	uuid_is($mac->report('NotNow', CommandUUID => $one), '', 'NotNow again');
	is(command($one)->{not_now_count}, 2, 'counted');
	is(command($one)->{state}, 'notnow', 'kept');
};

subtest 'mdm-44: all answer NotNow' => sub {
	my $mac = mac();
	my @all = map { enqueue($mac, 0) } 1 .. 3;
	uuid_is($mac->report('Idle'), $all[0], 'one');
	uuid_is($mac->report('NotNow', CommandUUID => $all[0]), $all[1], 'two');
	uuid_is($mac->report('NotNow', CommandUUID => $all[1]), $all[2], 'three');
	uuid_is($mac->report('NotNow', CommandUUID => $all[2]), '', 'no loop');
	my $run = $t->sim('poll', '--state', $mac->{state}, '--fault', 'not-now');
	is($run->{exit}, 0, 'a simulated Mac that refuses once does them later') or diag($run->{err});
	is(command($_)->{state}, 'acknowledged', 'done') for @all;
};

subtest 'mdm-45: the answer was lost' => sub {
	my $mac = mac();
	my ($lost, $later) = (enqueue($mac, 0), enqueue($mac, 9));
	$t->db("UPDATE commands SET state = 'cancelled' WHERE uuid = '$later'");
	uuid_is($mac->report('Idle'), $lost, 'sent');
	my $urgent = enqueue($mac, 9);
	uuid_is($mac->report('Idle'), $lost, 'sent again, before any other');
	uuid_is($mac->report('Acknowledged', CommandUUID => $lost), $urgent, 'then the other');
	my $at = command($lost)->{completed_at};
	is($mac->report('Acknowledged', CommandUUID => $lost, Second => 'yes')->{status}, 200,
	    'the result again');
	is(scalar @{ $t->db("SELECT 1 FROM commands WHERE uuid = '$lost'") }, 1, 'one row');
	is(command($lost)->{completed_at}, $at, 'with the first time');
};

subtest 'mdm-46: Error' => sub {
	my $mac = mac();
	my ($bad, $next) = (enqueue($mac, 1), enqueue($mac, 0));
	$mac->report('Idle');
	my @chain = map { { ErrorDomain => 'MCMDMErrorDomain', LocalizedDescription => "text <$_> \"&\"",
	    USEnglishDescription => 'x' x 5000 } } 1 .. 40;
	uuid_is($mac->report('Error', CommandUUID => $bad, ErrorChain => \@chain), $next,
	    'the next command flows');
	my $row = command($bad);
	is($row->{state}, 'error', 'failed');
	my $errors = JSON::PP::decode_json($row->{error_chain});
	is(scalar @$errors, 32, 'of a long chain 32 are kept');
	is($errors->[0]{LocalizedDescription}, 'text <1> "&"', 'as they are');
	is(length $errors->[0]{USEnglishDescription}, 4096, 'cut');
};

subtest 'mdm-47: CommandFormatError' => sub {
	my $mac = mac();
	my $bad = enqueue($mac, 0);
	$mac->report('Idle');
	uuid_is($mac->report('CommandFormatError', CommandUUID => $bad), '', 'answered');
	is(command($bad)->{state}, 'formaterror', 'failed for good');
	uuid_is($mac->report('Idle'), '', 'never sent again');
	like(Attestmdm::Server::slurp($t->dir . '/mdm-server.log'), qr/<4>.*\Q$bad\E.*malformed/,
	    'and an alarm');
};

subtest 'mdm-48: results nobody asked for' => sub {
	my ($mac, $other) = (mac(), mac());
	my ($mine, $foreign, $cancelled) = (enqueue($mac, 0), enqueue($other, 0), enqueue($mac, 9));
	uuid_is($mac->report('Idle'), $cancelled, 'sent');
	$t->db("UPDATE commands SET state = 'cancelled' WHERE uuid = '$cancelled'");
	my @before = map { command($_) } $mine, $foreign, $cancelled;
	for my $uuid ($foreign, $cancelled, 'FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF') {
		uuid_is($mac->report('Acknowledged', CommandUUID => $uuid), $mine, 'answered');
	}
	$t->db("UPDATE commands SET state = 'queued', sent_at = NULL WHERE uuid = '$mine'");
	is_deeply([map { command($_) } $mine, $foreign, $cancelled], \@before, 'no change');
	uuid_is($mac->report('Acknowledged', CommandUUID => $mine), $mine, 'of one not sent yet');
	uuid_is($other->report('Idle'), $foreign, 'the other device gets its command');
};

subtest 'mdm-49: reports that make no sense' => sub {
	my $mac = mac();
	my $uuid = enqueue($mac, 0);
	my $silent = sub {
		my ($name, @keys) = @_;
		my $r = $mac->report(@keys);
		is($r->{status}, 200, "$name: 200");
		is($r->{body}, '', "$name: empty");
	};
	$silent->('Acknowledged of no command', 'Acknowledged');
	$silent->('unknown status', 'Dancing', CommandUUID => $uuid);
	$silent->('no status', '');
	is(command($uuid)->{state}, 'queued', 'the command waits');
	uuid_is($mac->report('Idle'), $uuid, 'and is sent');
	is($mac->report('Acknowledged', CommandUUID => 'x' x 300)->{status}, 400,
	    'a CommandUUID of 300 bytes: 400');
};

subtest 'mdm-50: a reply of 8 MiB' => sub {
	my $mac = mac();
	my $uuid = enqueue($mac, 0);
	$mac->report('Idle');
	my $r = $mac->report('Acknowledged', CommandUUID => $uuid, Blob => \('x' x (6 << 20)));
	is($r->{status}, 200, 'accepted');
	is(command($uuid)->{state}, 'acknowledged', 'done');
};

subtest 'mdm-51: the bytes of a command arrive unchanged' => sub {
	my $mac = mac();
	my $bytes = join('', map { chr(int(rand(256))) } 1 .. 5000);
	my $uuid = enqueue($mac, 0, Payload => \$bytes);
	my ($data) = $mac->report('Idle')->{body} =~ m{<data>([^<]+)</data>};
	is(MIME::Base64::decode_base64($data), $bytes, 'the same');
};

subtest 'a new enrollment cancels the commands of the one before' => sub {
	my $mac = mac();
	my $old = enqueue($mac, 0);
	my $again = $mac->again('enroll');
	is(command($old)->{state}, 'cancelled', 'cancelled');
	uuid_is($again->report('Idle'), '', 'not delivered');
};

subtest 'mdm-54: many devices at once' => sub {
	my @macs = map { mac() } 1 .. 4;
	my @uuids = map { my $mac = $_; map { enqueue($mac, 0) } 1 .. 5 } @macs;
	my @pids;
	for my $mac (@macs) {
		my $pid = fork() // die;
		if (!$pid) {
			my $run = $t->sim('poll', '--state', $mac->{state});
			POSIX::_exit($run->{exit});
		}
		push @pids, $pid;
	}
	my $failed = 0;
	for (@pids) {
		waitpid($_, 0);
		$failed++ if $? != 0;
	}
	is($failed, 0, 'all were served');
	is(scalar(grep { command($_)->{state} ne 'acknowledged' } @uuids), 0, 'every command is done');
};

$t->done;
