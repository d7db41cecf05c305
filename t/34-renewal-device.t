#!/usr/bin/perl
# Renewals as a device lives them: it follows the InstallProfile command, gets
# the new certificate by SCEP or by ACME with an attestation, and stays enrolled.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep);

use Attestmdm::Admin;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(require => 'all');
my $number = 0;
my @silicon = ('--product', 'Mac15,3', '--os-version', '15.1');
my @intel = ('--product', 'MacBookPro16,1', '--os-version', '13.6');

sub require_attestation { $t->tool_ok('setting', 'set', 'apple_require_hardware_attestation', $_[0], '--yes') }
sub shown { $t->tool_json('host', 'show', $_[0]{serial}) }
sub is_attested { shown($_[0])->{mdm_enrollment_hardware_attested} ? 'Yes' : 'No' }

# An enrolled device: { serial, state }.
sub enrolled {
	my (@options) = @_;
	my $serial = sprintf('C34TEST%05d', ++$number);
	my $device = { serial => $serial, state => $t->dir . "/$serial" };
	$t->assign($serial);
	my $run = $t->sim('enroll', '--serial', $serial, '--state', $device->{state}, @options);
	die "$serial: $run->{out}$run->{err}" if $run->{exit} != 0;
	return $device;
}

sub poll {
	my ($device, @options) = @_;
	return $t->sim('poll', '--state', $device->{state}, @options);
}

sub method_of {
	my ($device) = @_;
	return $t->db("SELECT e.method FROM enrollments e JOIN certificates c ON c.enrollment_id = e.id"
	    . " JOIN hosts h ON h.certificate_sha256 = c.sha256"
	    . " WHERE h.serial = '$device->{serial}'")->[0]{method};
}

# Everything that a renewal must not touch.
sub lasting {
	my ($device) = @_;
	my $host = shown($device);
	my ($row) = @{ $t->db('SELECT push_token, push_magic, topic, unlock_token, bootstrap_token, model, device_name'
		. " FROM hosts WHERE serial = '$device->{serial}'") };
	return { %$row, map { $_ => $host->{$_} } qw(serial udid state generation enrolled_at) };
}

# Its certificate comes to its end; the job asks, the device follows.
sub renews {
	my ($device, $method, $attested) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->change_db("UPDATE hosts SET unlock_token = x'01', bootstrap_token = x'02' WHERE serial = '$device->{serial}'");
	my ($before, $old) = (lasting($device), shown($device)->{certificate_sha256});
	my $proofs = "SELECT * FROM attestations WHERE serial = '$device->{serial}' ORDER BY rowid";
	my @attestations = @{ $t->db($proofs) };
	$t->tool_ok('command', 'send', $device->{serial}, 'SecurityInfo');
	my $ordered = $t->tool_json('renew', '--host', $device->{serial});
	is($ordered->{opened}, 1, 'the server asks for it');
	my $run = poll($device);
	is($run->{exit}, 0, 'the device polls') or diag($run->{out}, $run->{err});
	like($run->{out}, qr/^\S+ InstallProfile Acknowledged$/m, 'and follows')
	    or diag($run->{out}, $run->{err});
	is(method_of($device), $method, "the new certificate came by $method");
	is(is_attested($device), $attested, "MDM attestation: $attested");
	isnt(shown($device)->{certificate_sha256}, $old, 'it is another one');
	is_deeply(lasting($device), $before, 'field-1: the host is the same');
	is_deeply([@{ $t->db($proofs) }[0 .. $#attestations]], \@attestations, 'and its attestations are');
	$t->tool_ok('command', 'send', $device->{serial}, 'DeviceInformation');
	like(poll($device)->{out}, qr/ DeviceInformation Acknowledged$/m, 'commands work afterwards');
}

subtest 'fleet-108, fleet-148: SCEP to SCEP' => sub {
	renews(enrolled(@intel), 'scep', 'No');
};

subtest 'fleet-110, fleet-148: ACME to ACME with a new directory and a new key' => sub {
	my $mac = enrolled(@silicon);
	my $key = Attestmdm::Server::slurp("$mac->{state}/identity.key");
	renews($mac, 'acme', 'Yes');
	isnt(Attestmdm::Server::slurp("$mac->{state}/identity.key"), $key, 'the key is new');
	my $directories = $t->db("SELECT DISTINCT enrollment_id FROM certificates"
	    . " WHERE serial = '$mac->{serial}'");
	is(scalar(@$directories), 2, 'of two enrollments');
};

subtest 'fleet-109, fleet-148: SCEP to ACME once attestation is required' => sub {
	require_attestation('false');
	my $mac = enrolled(@silicon);
	is(method_of($mac), 'scep', 'at first by SCEP');
	require_attestation('true');
	renews($mac, 'acme', 'Yes');
};

subtest 'fleet-132: an iPhone and an iPad move to ACME' => sub {
	for my $product (['iPhone14,2', '17.0'], ['iPad14,1', '17.0']) {
		require_attestation('false');
		my $device = enrolled('--product', $product->[0], '--os-version', $product->[1]);
		require_attestation('true');
		renews($device, 'acme', 'Yes');
	}
};

sub devices { $t->tool_ok('setting', 'set', 'apple_hardware_attestation_devices', $_[0]) }

sub alarms {
	my ($device) = @_;
	return join(' ', map { $_->{kind} } @{ $t->db('SELECT kind FROM alarms'
	    . " WHERE serial = '$device->{serial}' AND closed_at IS NULL ORDER BY kind") });
}

subtest 'fleet-132: of Macs only again: an iPhone that attested goes back to SCEP' => sub {
	my @phone = ('--product', 'iPhone14,2', '--os-version', '17.0');
	my ($renewed, $again, $late) = map { enrolled(@phone) } 1 .. 3;
	$t->tool_ok('renew', '--host', $late->{serial});
	devices('macs');
	renews($renewed, 'scep', 'No');
	is(alarms($renewed), '', 'without an alarm');
	my $run = $t->sim('enroll', '--serial', $again->{serial}, '--state', $again->{state}, @phone);
	is($run->{exit}, 0, 'another one enrolls again') or diag($run->{out}, $run->{err});
	is(method_of($again), 'scep', 'by SCEP');
	is(alarms($again), '', 'without an alarm');
	poll($late);
	is(is_attested($late), 'Yes', 'the renewal of a third one by ACME had begun, and is finished');
	devices('all');
	renews($renewed, 'acme', 'Yes');
	devices('macs');
	$t->tool_ok('renew', '--host', $again->{serial});
	devices('all');
	like(poll($again)->{out}, qr/InstallProfile Acknowledged$/m, 'SCEP, and all have to attest again');
	is(method_of($again), 'scep', 'nothing is lost by what was not attested before');
	devices('macs');
	$t->tool_ok('renew', '--host', $late->{serial});
	devices('all');
	unlike(poll($late)->{out}, qr/InstallProfile/, 'but a host that is attested is not downgraded');
	is(is_attested($late), 'Yes', 'and stays so');
	renews($again, 'acme', 'Yes');
};

subtest 'of Macs only: a Mac does not pass for an iPhone' => sub {
	devices('macs');
	my $mac = enrolled(@silicon);
	is(is_attested($mac), 'Yes', 'it attested');
	my $run = $t->sim('enroll', '--serial', $mac->{serial}, '--state', "$mac->{state}-other",
	    '--product', 'iPhone9,1', '--os-version', '15.8');
	is($run->{exit}, 3, 'an old iPhone with its serial number gets nothing');
	$t->refused($mac->{serial}, 'profile', 'ENROLL_OTHER_DEVICE');
	$t->tool_ok('host', 'block', $mac->{serial});
	$t->tool_ok('host', 'unblock', $mac->{serial});
	$run = $t->sim('enroll', '--serial', $mac->{serial}, '--state', "$mac->{state}-other",
	    '--product', 'iPhone9,1', '--os-version', '15.8');
	is($run->{exit}, 3, 'nor once the Mac is gone');
	$t->refused($mac->{serial}, 'profile', 'ENROLL_DOWNGRADE');
	devices('all');
};

# The profile in the command that waits for it.
sub waiting_profile {
	my ($device) = @_;
	my $r = $device->report('Idle');
	my ($data) = $r->{body} =~ m{<key>Payload</key>\s*<data>([^<]+)<} or return $r->{body};
	return decode_base64($data);
}

subtest 'fleet-132: the subject of an ACME renewal is the literal serial number' => sub {
	my $serial = sprintf('C34TEST%05d', ++$number);
	$t->assign($serial);
	require_attestation('false');
	my $device = Attestmdm::Device->enroll($t, $serial, '--product', 'iPhone14,2',
	    '--os-version', '17.0');
	require_attestation('true');
	$t->tool_ok('renew', '--host', $serial);
	my $profile = waiting_profile($device);
	like($profile, qr/com\.apple\.security\.acme/, 'it moves to ACME');
	like($profile, qr{<key>Subject</key>\s*<array>\s*<array>\s*<array>\s*<string>CN</string>\s*<string>\Q$serial\E</string>\s*</array>\s*</array>\s*</array>},
	    'its CN, and no other part');
	like($profile, qr{<key>ClientIdentifier</key>\s*<string>\Q$serial\E</string>},
	    'and the client identifier');
	unlike($profile, qr/\$SERIAL|%SerialNumber%|\$ENROLLMENT/i, 'nothing is left to fill in');
};

subtest 'fleet-113: renewal.per_run says how many at most' => sub {
	my $few = Attestmdm::Test->new(config => { 'renewal.per_run' => 2 });
	for my $minute (2, 1, 3) {
		$few->server->clock($minute * 60);
		$few->assign("C34FEW00000$minute");
		my $run = $few->sim('enroll', '--serial', "C34FEW00000$minute", @intel,
		    '--clock-offset', $minute * 60);
		is($run->{exit}, 0, "enrolled in minute $minute") or diag($run->{out}, $run->{err});
	}
	my $open = sub { join(' ', map { $_->{serial} } @{ $few->db('SELECT h.serial FROM renewals r'
	    . ' JOIN hosts h ON h.id = r.host_id WHERE r.enrollment_id IS NOT NULL ORDER BY h.serial') }) };
	$few->server->clock((365 - 170) * 86400);
	is($few->tool_json('renew', '--due')->{opened}, 2, 'the first run opens two');
	is($open->(), 'C34FEW000001 C34FEW000002', 'those that end first');
	is($few->tool_json('renew', '--due')->{opened}, 1, 'the second one');
	is($open->(), 'C34FEW000001 C34FEW000002 C34FEW000003', 'now all are');
	is($few->tool_json('renew', '--due')->{opened}, 0, 'the third none');
};

subtest 'fleet-111: ACME to SCEP when the setting was switched off' => sub {
	my $mac = enrolled(@silicon);
	require_attestation('false');
	renews($mac, 'scep', 'No');
	require_attestation('true');
	renews($mac, 'acme', 'Yes');
};

subtest 'mdm-57: when the configuration changes, the device finds what it enrolled with' => sub {
	my @devices = (enrolled(@silicon), enrolled(@intel));
	my $refused = enrolled(@silicon);
	my $conf = Attestmdm::Server::slurp($t->server->conf);
	$t->server->set_conf('server.url', $t->url . ':8443');
	$t->server->set_conf('mdm.topic', 'com.apple.mgmt.External.another');
	$t->server->set_conf('mdm.profile_identifier', 'com.example.another');
	$t->server->restart;
	for my $device (@devices) {
		renews($device, $device == $devices[0] ? 'acme' : 'scep',
		    $device == $devices[0] ? 'Yes' : 'No') for 1 .. 2;
		my $noted = $t->db('SELECT DISTINCT server_url, topic, profile_identifier'
		    . " FROM enrollments WHERE serial = '$device->{serial}'");
		is(scalar(@$noted), 1, 'all its enrollments note the same');
		is($noted->[0]{server_url}, $t->url, 'the URL of before');
	}
	$t->db("UPDATE enrollments SET profile_identifier = 'com.example.another'"
	    . " WHERE serial = '$refused->{serial}'");
	$t->tool_ok('renew', '--host', $refused->{serial});
	like(poll($refused)->{out}, qr/ InstallProfile Error$/m,
	    'the simulated device would refuse another profile');
	Attestmdm::Server::spew($t->server->conf, $conf);
	$t->server->restart;
};

subtest 'an attested host is not renewed by less' => sub {
	my $mac = enrolled(@silicon);
	$t->tool_ok('ade', 'remove', $mac->{serial});
	my $r = $t->tool('renew', '--host', $mac->{serial});
	is($r->{exit}, 4, 'refused');
	like($r->{err}, qr/the host is attested, but its serial number is not assigned/, 'and why');
	$t->refused($mac->{serial}, 'renewal', 'ENROLL_DOWNGRADE', 'which its event log says');
	my ($alarm) = grep { $_->{serial} eq $mac->{serial} }
	    @{ $t->tool_json('alarms')->{alarms} };
	is($alarm->{kind}, 'renewal-failing', 'and an alarm');
	is(is_attested($mac), 'Yes', 'it stays what it is');
	is(poll($mac)->{exit}, 0, 'and enrolled');
};

subtest 'the attestation fails: the device keeps what it had' => sub {
	for my $fault (qw(wrong-freshness foreign-root wrong-serial wrong-key-csr)) {
		my $mac = enrolled(@silicon);
		my $old = shown($mac)->{certificate_sha256};
		$t->tool_ok('renew', '--host', $mac->{serial});
		my $run = poll($mac, '--fault', $fault);
		like($run->{out}, qr/ InstallProfile Error$/m, "$fault: Error");
		is(shown($mac)->{certificate_sha256}, $old, 'the old certificate');
		is(is_attested($mac), 'Yes', 'attested still');
		$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo');
		like(poll($mac)->{out}, qr/ SecurityInfo Acknowledged$/m, 'and commands work');
		$t->refused($mac->{serial}, 'renewal', 'RENEWAL_DEVICE', 'the event log says', 'failed');
	}
};

subtest 'NotNow, then the same command' => sub {
	my $mac = enrolled(@silicon);
	$t->tool_ok('renew', '--host', $mac->{serial});
	my $run = poll($mac, '--fault', 'not-now');
	like($run->{out}, qr/^(\S+) InstallProfile NotNow\n\1 InstallProfile Acknowledged$/m, 'both');
};

subtest 'fleet-116: a wipe while a renewal is open' => sub {
	my $mac = enrolled(@silicon);
	$t->tool_ok('renew', '--host', $mac->{serial});
	my $run = $t->sim('enroll', '--serial', $mac->{serial}, '--state', $mac->{state});
	is($run->{exit}, 0, 'it enrolls anew') or diag($run->{out}, $run->{err});
	is(shown($mac)->{generation}, 2, 'as a new enrollment');
	$run = poll($mac);
	unlike($run->{out}, qr/InstallProfile/, 'the renewal is gone');
};

subtest 'an updated Mac moves to ACME at its next renewal' => sub {
	my $mac = enrolled('--product', 'Mac15,3', '--os-version', '13.6');
	is(method_of($mac), 'scep', 'macOS 13 cannot attest');
	$t->tool_ok('command', 'send', $mac->{serial}, 'DeviceInformation',
	    '--query', 'OSVersion,BuildVersion,ProductName');
	poll($mac, '--os-version', '15.1', '--build', '24B83');
	my $run = $t->tool_json('renew', '--all-to-acme');
	is($run->{opened}, 1, 'the server knows of the update');
	like(poll($mac)->{out}, qr/ InstallProfile Acknowledged$/m, 'the Mac follows');
	is(is_attested($mac), 'Yes', 'and is attested');
};

subtest 'all to ACME, in batches, with a dry run' => sub {
	require_attestation('false');
	my @macs = map { enrolled(@silicon) } 1 .. 3;
	my $old = enrolled(@intel);
	require_attestation('true');
	is($t->tool_json('renew', '--all-to-acme', '--dry-run')->{opened}, 3, 'three would');
	is($t->tool_json('renew', '--all-to-acme', '--limit', 2)->{opened}, 2, 'two at first');
	is($t->tool_json('renew', '--all-to-acme', '--limit', 2)->{opened}, 1, 'then the last');
	is($t->tool_json('renew', '--all-to-acme')->{opened}, 0, 'then none');
	poll($_) for @macs;
	is(is_attested($_), 'Yes', "$_->{serial} is attested") for @macs;
	is(is_attested($old), 'No', 'what cannot attest is let alone');
};

subtest 'a connection that is older than the renewal' => sub {
	my $serial = sprintf('C34TEST%05d', ++$number);
	$t->assign($serial);
	my $mac = Attestmdm::Device->begin($t, $serial);
	my $run = $t->sim('enroll', '--serial', $serial, '--udid', $mac->{udid},
	    '--state', $mac->{state}, @intel);
	is($run->{exit}, 0, 'enrolled') or diag($run->{out}, $run->{err});
	my @before;
	for (1 .. 2) {
		push @before, bless { %$mac, state => "$mac->{state}-before-$_" }, ref $mac;
		$t->command('cp', '-a', $mac->{state}, $before[-1]{state});
		$t->tool_ok('renew', '--host', $serial);
		like(poll($mac)->{out}, qr/InstallProfile Acknowledged/, 'renewed');
	}
	my $shows = sub {
		return $mac->poll(Attestmdm::Device::plist(Status => 'Idle', UDID => $mac->{udid}),
		    cert => $_[0]->cert, key => $_[0]->key)->{status};
	};
	my $another = sprintf('C34TEST%05d', ++$number);
	$t->assign($another);
	my $other = Attestmdm::Device->enroll($t, $another, @intel);
	is($shows->($before[1]), 200, 'may show the certificate before');
	is($shows->($before[0]), 400, 'but none that is older');
	is($shows->($other), 400, "nor another host's");
	$t->server->clock(-300);
	is($shows->($before[1]), 400, 'nor before it was replaced');
	$t->server->clock(3700);
	is($shows->($before[1]), 400, 'nor more than an hour later');
	$t->server->clock(0);
	my $unused = $mac->again('certify', @intel);
	is($shows->($unused), 400, 'nor one that was never used');
	is($shows->($mac), 200, 'its own is right');
};

# The worker does it, and the page shows how far it is.
subtest 'moved in the background' => sub {
	my $w = Attestmdm::Test->new(require => 0, worker => 1, config => { 'renewal.per_run' => 2 });
	my $b = Attestmdm::Admin->new($w);
	my $now = 0;
	my %states;
	my $progress = sub { $w->tool_json('renew', '--progress') };
	my $until = sub {
		my ($opened) = @_;
		for (1 .. 500) {
			last if $progress->()->{opened} == $opened;
			sleep 0.02;
		}
		is($progress->()->{opened}, $opened, "$opened are asked");
	};
	$b->sign_in;
	for (1 .. 4) {
		my $serial = "C34MOVE0000$_";
		$w->assign($serial);
		$states{$serial} = $w->dir . "/$serial";
		my $run = $w->sim('enroll', '--serial', $serial, '--state', $states{$serial},
		    $_ == 3 ? @intel : @silicon);
		die $run->{out}, $run->{err} if $run->{exit} != 0;
	}
	my $post = sub { $b->post("/admin/move$_[0]", from => '/admin/move', fields => {}, @_[1 .. $#_]) };
	is($w->tool('renew', '--progress')->{exit}, 3, 'nothing was moved yet');
	is($w->tool('renew', '--stop')->{exit}, 4, 'so there is nothing to stop');
	is($w->tool('renew', '--background')->{exit}, 2, 'it moves all to ACME or nothing');
	like($post->('')->{body}, qr/Hardware attestation is not required/, 'nor can it be begun');
	$w->tool_ok('setting', 'set', 'apple_require_hardware_attestation', 'true');
	is($post->('', csrf => undef)->{status}, 403, 'nor without the token');
	is($post->('')->{status}, 303, 'now it is begun');
	$until->(2);
	is($progress->()->{planned}, 3, 'of three Macs that can attest');
	is($w->db('SELECT after_serial FROM moves')->[0]{after_serial}, 'C34MOVE00002',
	    'it goes on behind the last one');
	like($b->get('/admin/move')->{body}, qr/Under way.*2 of 3/s, 'the page says so');
	is($post->('')->{status}, 409, 'there is one at a time');
	is($w->tool('renew', '--all-to-acme', '--background')->{exit}, 4, 'for the tool as well');
	my $pid = delete $w->server->{pids}{'attestmdm-worker'};
	kill('KILL', $pid);
	waitpid($pid, 0);
	$w->server->clock($now = 90);
	$w->server->start_worker;
	$until->(3);
	for (1 .. 500) {
		last if $progress->()->{ended_at};
		sleep 0.02;
	}
	ok($progress->()->{ended_at}, 'a minute later another worker ends it, after kill -9');
	like($b->get('/admin/move')->{body}, qr/Done.*3 of 3/s, 'the page says so');
	is(scalar @{ $w->db("SELECT 1 FROM commands WHERE request_type = 'InstallProfile'") }, 3,
	    'each was asked once');
	like($w->sim('poll', '--state', $states{C34MOVE00001}, '--clock-offset', 90)->{out},
	    qr/InstallProfile Acknowledged/, 'a Mac follows');
	ok($w->tool_json('host', 'show', 'C34MOVE00001')->{mdm_enrollment_hardware_attested}, 'and is attested');
	is($post->('/stop')->{status}, 409, 'it is over');

	$w->tool_ok('setting', 'set', 'apple_hardware_attestation_devices', 'all');
	for (1 .. 3) {
		my $serial = "C34PHONE000$_";
		$w->assign($serial);
		$w->tool_ok('setting', 'set', 'apple_require_hardware_attestation', 'false');
		is($w->sim('enroll', '--serial', $serial, '--product', 'iPhone14,2', '--os-version', '17.0',
		    '--clock-offset', 90)->{exit}, 0, "$serial");
	}
	$w->tool_ok('setting', 'set', 'apple_require_hardware_attestation', 'true');
	is($w->tool_json('renew', '--all-to-acme', '--background')->{planned}, 5, 'all that qualify');
	$until->(2);
	is($post->('/stop')->{status}, 303, 'stopped');
	is($progress->()->{cancelled_by}, 'admin', 'by whom is known');
	$w->server->clock(180);
	$w->server->wake;
	sleep 0.2;
	is($progress->()->{opened}, 2, 'it does not go on');
	is(join(' ', map { $_->{detail} } @{ $w->db("SELECT detail FROM activities WHERE action = 'renew.move' ORDER BY id") }),
	    'started: 3 hosts started: 5 hosts cancelled after: 2 hosts', 'and on record');
	$w->finish;
};

$t->done;
