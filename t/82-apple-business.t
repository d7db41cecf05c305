#!/usr/bin/perl
# Apple Business: the server token, the device list and the assignment of the
# enrollment profile, by tool and worker against a stand-in for the service.
use strict;
use warnings;
use Time::HiRes qw(sleep time);

use Attestmdm::Admin;
use Attestmdm::Apple;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(start => 0);
my $s = $t->server;
my $dir = $t->dir;
my $apple = Attestmdm::Apple->start($s, 'business', devices => 2500, accounts => 'main,other');
$s->set_conf('apple.enrollment_url', $apple->url);
$s->set_conf('apple.server_ca', $apple->cacert);
my $now = 0;

# Moves the clocks of both sides on.
sub later { $now += $_[0]; $s->clock($now) }

sub account { $t->db("SELECT * FROM ade_accounts WHERE name = '$_[0]'")->[0] || {} }
sub value { $t->db("SELECT $_[0] AS v FROM $_[1]")->[0]{v} }
sub devices { value('count(*)', "ade_devices WHERE account = '$_[0]' AND removed_at IS NULL") }
sub open_alarms { value('count(*)', "alarms WHERE kind = '$_[0]' AND closed_at IS NULL") }
sub device { $t->db("SELECT * FROM ade_devices WHERE serial = '$_[0]' AND account = '" . ($_[1] // 'business') . "'")->[0] || {} }
sub serial { sprintf('SIM%06d', $_[0]) }

sub requests { return @{ $apple->log('requests') } }
sub requested { my ($path, $from) = @_; my @all = requests(); return grep { $_->{path} eq $path } @all[$from .. $#all] }

# attestmdm ade, with its answer as JSON in the end. What it has the worker do is
# done at once, because no account rests any more.
sub ade {
	later(31) if $_[0] =~ /^(sync|assign)$/;
	my $r = $t->tool('ade', @_, '--json');
	$r->{json} = eval { JSON::PP::decode_json($r->{out}) } || {};
	return $r;
}

sub token_file {
	my ($account, $file, @options) = @_;
	my $pem = "$dir/" . ($options[0] && $options[0] eq '--pem' ? (splice(@options, 0, 2))[1] : 'business') . '.cert';
	$s->run($s->sim, 'server-token', '--state', $apple->dir, '--account', $account,
	    '--certificate', $pem, '-o', "$dir/$file", @options);
	return "$dir/$file";
}

sub new_certificate {
	my ($account) = @_;
	Attestmdm::Server::spew("$dir/$account.cert", $t->tool_ok('ade', 'token', 'new', '--account', $account));
}

# Fails the next synchronization; its sentence.
sub failing_sync {
	my (@script) = @_;
	$apple->script(@script);
	my $r = ade('sync');
	isnt($r->{exit}, 0, 'the command says so');
	return account('business')->{sync_error};
}

sub sync_ok {
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $r = ade('sync');
	is($r->{exit}, 0, $_[0] // 'it synchronizes') or diag($r->{err});
	return $r;
}

sub kill_worker {
	my $pid = delete $s->{pids}{'attestmdm-worker'};
	kill('KILL', $pid);
	waitpid($pid, 0);
	# The lease of what it did ends.
	later(31);
}

subtest 'check shows what is replaced' => sub {
	my $out = $t->tool('check')->{out};
	like($out, qr/Apple Business.*REPLACED by \Q${\ $apple->url}\E/, 'the service');
	like($out, qr/Apple's servers.*server_ca/, 'and the authorities');
};

subtest 'mdm-86: the server token' => sub {
	like($t->tool('ade', 'sync')->{err}, qr/token new/, 'without an account there is nothing to synchronize');
	is(ade('token', 'new', '--account', 'csv')->{exit}, 4, 'csv is the account of files');
	new_certificate('business');
	is((stat($s->state . '/apple/ade-business.key'))[2] & 07777, 0600, 'the key is for root alone');
	my $pem = Attestmdm::Server::slurp("$dir/business.cert");
	like($pem, qr/^-----BEGIN CERTIFICATE-----/, 'a certificate for Apple Business');
	new_certificate('business');
	is(Attestmdm::Server::slurp("$dir/business.cert"), $pem, 'which stays');
	for my $cipher ('DES-EDE3-CBC', 'AES-128-CBC', 'AES-256-CBC') {
		for my $crlf ([], ['--crlf']) {
			my $r = ade('token', 'import', token_file('main', 't.p7m', '--cipher', $cipher, @$crlf));
			is($r->{exit}, 0, "$cipher @$crlf") or diag($r->{err});
		}
	}
	my $mode = (stat($s->state . '/apple/ade-business.json'))[2];
	is($mode & 07777, 0600, 'is for the worker alone');
	my $r = $t->tool('ade', 'token', 'import', token_file('other', 'o.p7m'));
	is($r->{exit}, 4, 'the token of another service is refused');
	like($r->{err}, qr/another device management service.*--force/, 'unless it is meant');
	new_certificate('second');
	$r = $t->tool('ade', 'token', 'import', token_file('main', 'x.p7m', '--pem', 'second'));
	is($r->{exit}, 4, 'a token for the certificate of another account is refused');
	like($r->{err}, qr/another certificate/, 'with the reason');
	is(ade('token', 'import', token_file('main', 'y.p7m', '--pem', 'second'), '--account', 'second')->{exit}, 4,
		'one token is not for two accounts');
	$t->change_db("DELETE FROM ade_accounts WHERE name = 'second'");
	later(400 * 86400);
	$r = ade('token', 'import', "$dir/t.p7m");
	ok($r->{json}{expired}, 'one that has expired is taken with a warning');
	$now = 0;
	later(0);
	is(ade('token', 'import', "$dir/business.cert")->{exit}, 4, 'what is no token');
};

subtest 'mdm-87: many pages, and kill -9 between two' => sub {
	$apple->script({ set => 'page', value => 100 });
	$s->start_worker;
	my $until = time + 60;
	sleep 0.01 until devices('business') > 0 || time > $until;
	kill_worker();
	my $cursor = account('business')->{cursor};
	isnt($cursor, '', 'it had come some way');
	my ($stored, $from) = (devices('business'), scalar requests());
	$apple->script({ set => 'page', value => 1000 });
	$s->start_worker;
	sync_ok('the next worker goes on');
	is(devices('business'), 2500, 'all devices are ours');
	is((requested('/server/devices', $from))[0]{cursor}, $cursor, 'from where the list was stored');
	is(value('count(DISTINCT serial)', 'ade_devices'), 2500, 'each of them once');
	is(account('business')->{phase}, 'changes', 'the changes come next');
	is(account('business')->{server_name}, 'main', 'the service is known');
	my $json = $t->tool_json('ade', 'devices', '--limit', 10);
	is($json->{devices}[0]{serial}, serial(1), 'they are listed');
	$from = scalar requests();
	sync_ok('again');
	is(scalar requested('/server/devices', $from), 0, 'nothing is fetched twice');
};

subtest 'mdm-92: the session rotates' => sub {
	$apple->script({ set => 'rotate', value => 1 });
	my $from = scalar requests();
	sync_ok('each call uses the token of the answer before') for 1 .. 2;
	is(scalar requested('/session', $from), 0, 'without a new session');
	$apple->script({ set => 'rotate', value => 10 });
};

subtest 'mdm-88: cursors' => sub {
	for my $quoted (0, 1) {
		$apple->script({ set => 'quoted', value => $quoted });
		for my $word ('INVALID_CURSOR', 'EXPIRED_CURSOR') {
			my ($from, $fetch) = (scalar requests(), account('business')->{fetch_number});
			$apple->script({ answer => '/devices/sync', status => 400, error => $word });
			sync_ok("$word, quoted: $quoted");
			is(account('business')->{fetch_number}, $fetch + 1, 'all devices are fetched anew');
			is(devices('business'), 2500, 'none is lost');
		}
		# A finished cursor of a full fetch goes on with the changes.
		$t->change_db("UPDATE ade_accounts SET phase = 'fetch'");
		my $cursor = account('business')->{cursor};
		sync_ok('EXHAUSTED_CURSOR');
		is(account('business')->{cursor}, $cursor, 'is not lost');
		is(account('business')->{phase}, 'changes', 'the changes come next');
		is(devices('business'), 2500, 'no device is lost');
	}
	like(failing_sync(map { { answer => $_, status => 400, error => 'INVALID_CURSOR', times => 5 } }
		'/devices/sync', '/server/devices'), qr/INVALID_CURSOR/, 'it begins anew once only');
	$apple->script({ clear => JSON::PP::true() });
	sync_ok('then all is well');
	my $fetch = account('business')->{fetch_number};
	later(8 * 86400);
	sync_ok('after a week');
	is(account('business')->{fetch_number}, $fetch + 1, 'everything is fetched');
};

subtest 'mdm-89: changes in any order' => sub {
	my $old = $now + time - 100_000;
	$apple->script(
		{ modify => serial(1), description => 'NEW' },
		{ record => serial(1), op_type => 'DELETED', op_date => $old },
		{ add => 'C82ADDED' },
		{ modify => 'C82ADDED', description => 'MODIFIED' },
		{ record => serial(2), op_type => 'MODIFIED' });
	sync_ok();
	is(device(serial(1))->{description}, 'NEW', 'an older one that comes later does not count');
	is(device(serial(1))->{gone_at}, undef, 'it is ours');
	is(device('C82ADDED')->{description}, 'MODIFIED', 'added and modified at once');
	is(device('C82ADDED')->{removed_at}, undef, 'is ours');
	$apple->script({ set => 'duplicates', value => 1 }, { modify => serial(2), description => 'TWICE' });
	sync_ok();
	is(device(serial(2))->{description}, 'TWICE', 'a record that comes twice');
	$apple->script({ set => 'duplicates', value => 0 });
};

subtest 'the first assignment says what it will do' => sub {
	my $r = ade('assign');
	is($r->{exit}, 0, 'without --yes');
	is($r->{json}{to_assign}, 2501, 'all devices would get it');
	is(scalar @{ $apple->log('assignments') }, 0, 'and none does');
	is(scalar @{ $apple->log('profiles') }, 0, 'it is not even defined');
	my $profile = $t->tool_json('ade', 'profile', 'show')->{profile};
	is($profile->{url}, $t->url . '/enroll', 'the profile leads here');
	ok($profile->{is_supervised} && $profile->{is_mandatory} && $profile->{await_device_configured}
		&& !$profile->{is_mdm_removable}, 'with our defaults');
	is(ade('profile', 'set', 'is_mandatory=perhaps')->{exit}, 4, 'a value that is none');
	is(ade('profile', 'set', 'department=IT', 'skip_setup_items=Siri,Privacy')->{json}{profile}{department}, 'IT',
		'it is set');
};

sub assigned { value('count(*)', "ade_devices WHERE profile_uuid <> '' AND removed_at IS NULL AND account = 'business'") }

subtest 'mdm-94: results, and kill -9 between two steps' => sub {
	$apple->script(
		{ answer => serial(5), result => 'FAILED' },
		{ answer => serial(6), result => 'THROTTLED', retry_after_seconds => 7200 },
		{ answer => serial(7), result => 'NOT_ACCESSIBLE' });
	# The answer to the first batch is lost with the worker.
	$apple->script({ answer => '/profile/devices', do => 'truncate' });
	my $r = ade('assign', '--yes');
	isnt($r->{exit}, 0, 'an answer that breaks off');
	is(value('count(*)', 'ade_devices WHERE asked_at IS NOT NULL'), 1000, 'leaves 1000 devices to ask about');
	kill_worker();
	$s->start_worker;
	$r = ade('assign', '--yes');
	is($r->{exit}, 0, 'the next worker goes on') or diag($r->{err});
	my %times;
	$times{$_->{serial}}++ for grep { $_->{result} eq 'SUCCESS' } @{ $apple->log('assignments') };
	my @twice = grep { $times{$_} > 1 } keys %times;
	is("@twice", '', 'no device is assigned twice');
	is(value('count(*)', 'ade_devices WHERE asked_at IS NOT NULL'), 0, 'every result is known');
	is(scalar @{ $apple->log('profiles') }, 1, 'the profile is defined once');
	is($apple->log('profiles')->[0]{profile}{department}, 'IT', 'as it was set');
	ok(!(grep { ($_->{devices} // 0) > 1000 } requests()),
		'in batches of 1000');
	is($r->{json}{not_accessible} + $r->{json}{waiting} + $r->{json}{assigned}, 2501, 'nobody is forgotten');
};

subtest 'mdm-94: one by one' => sub {
	my @serials = map { serial($_) } 11 .. 14;
	$apple->script(
		{ answer => $serials[0], result => 'FAILED' },
		{ answer => $serials[1], result => 'THROTTLED', retry_after_seconds => 7200 },
		{ answer => $serials[2], result => 'NOT_ACCESSIBLE' });
	$t->change_db("UPDATE ade_devices SET profile_uuid = '', assign_result = '', assign_next_at = NULL WHERE serial = '$_'")
	    for @serials;
	is(ade('assign')->{exit}, 0, 'it goes on by itself');
	is(value('detail', "activities WHERE action = 'ade.assigned' ORDER BY id DESC LIMIT 1"),
	    'business: 1 of 4 devices', 'the activity log counts those that have it now');
	my $uuid = account('business')->{profile_uuid};
	is(device($serials[0])->{assign_result}, 'failed', 'FAILED');
	cmp_ok(device($serials[0])->{assign_next_at}, '>', $now + time + 1800, 'is tried again later');
	is(device($serials[1])->{assign_result}, 'throttled', 'THROTTLED');
	cmp_ok(device($serials[1])->{assign_next_at}, '>=', $now + time + 7100, 'not before Apple wants it');
	is(device($serials[2])->{assign_result}, 'not_accessible', 'NOT_ACCESSIBLE');
	is(device($serials[2])->{assign_next_at}, undef, 'is left alone');
	is(device($serials[3])->{profile_uuid}, $uuid, 'SUCCESS');
	ade('assign');
	isnt(device($serials[1])->{profile_uuid}, $uuid, 'not earlier');
	later(3 * 3600);
	is(ade('assign')->{exit}, 0, 'after three hours');
	is(device($serials[$_])->{profile_uuid}, $uuid, "$serials[$_] has it") for 0, 1;
	$apple->script({ modify => $serials[2], description => 'BACK' });
	sync_ok();
	ade('assign');
	is(device($serials[2])->{profile_uuid}, $uuid, 'a change gives another try');
	$apple->script({ set => 'verbs', value => 'POST' });
	$t->change_db("UPDATE ade_devices SET profile_uuid = '' WHERE serial = '$serials[3]'");
	is(ade('assign')->{exit}, 0, 'where PUT is refused');
	is(device($serials[3])->{profile_uuid}, $uuid, 'POST does it');
	$apple->script({ set => 'verbs', value => 'both' });
	$apple->script({ answer => '/profile/devices', status => 429, retry_after => 7200 });
	$t->change_db("UPDATE ade_devices SET profile_uuid = '' WHERE serial = '$serials[3]'");
	isnt(ade('assign')->{exit}, 0, '429: too many requests');
	cmp_ok(account('business')->{assign_at}, '>=', $now + time + 7100, 'the next try is not earlier');
};

subtest 'field-5: another profile' => sub {
	my $uuid = account('business')->{profile_uuid};
	$t->tool_ok('ade', 'profile', 'set', 'department=Help');
	my $shown = $t->tool_json('ade', 'profile', 'show');
	ok(!$shown->{defined} || $shown->{assigned} < $shown->{devices}, 'it is seen how many devices lack it');
	is(ade('assign')->{exit}, 0, 'it is defined');
	is(scalar @{ $apple->log('profiles') }, 2, 'anew');
	isnt(account('business')->{profile_uuid}, $uuid, 'and assigned');
	is($t->tool_json('ade', 'profile', 'show')->{defined}, JSON::PP::true(), 'which is seen');
};

# A program that was taken over can write any row.
subtest 'an account rests between two runs' => sub {
	my $running = sub { value('result', "jobs WHERE name = '$_[0]'") eq 'running' };
	my @runs = (['sync', 'sync_next_at = NULL, sync_started_at = NULL'], ['assign', "assign_at = 1, profile_sha256 = NULL"]);
	for my $run (@runs) {
		my ($job, $change) = @$run;
		ade($job);
		my $from = scalar requests();
		$t->change_db("UPDATE ade_accounts SET $change WHERE name = 'business'");
		my $until = time + 30;
		until ($running->($job) || time > $until) { $s->wake; sleep 0.02 }
		sleep 0.6;
		is(scalar requests(), $from, "$job: Apple is not asked again at once");
		later(31);
		sleep 0.02 until !$running->($job) || time > $until;
		cmp_ok(scalar(my @all = requests()), '>', $from, 'but after half a minute');
	}
};

subtest 'SIGTERM while Apple does not answer' => sub {
	my @runs = (['/devices/sync', 'sync_next_at = NULL, sync_started_at = NULL'], ['/profile', 'assign_at = 1, profile_sha256 = NULL']);
	for my $run (@runs) {
		my ($path, $change) = @$run;
		later(31);
		my $from = scalar requests();
		$apple->script({ answer => $path, do => 'stall' });
		$t->change_db("UPDATE ade_accounts SET $change WHERE name = 'business'");
		my $until = time + 30;
		until (requested($path, $from) || time > $until) { $s->wake; sleep 0.02 }
		is($s->stop('attestmdm-worker')->{'attestmdm-worker'}, 0, "$path: it ends, and does not wait for it");
		$s->start_worker;
	}
	# It ended before the leases of what it did.
	sync_ok('the next worker takes it up');
	is(ade('assign')->{exit}, 0, 'both of it');
};

# Times that it left ahead are no reason to wait for them.
subtest 'a clock that was wrong' => sub {
	my ($from, $ahead, $serial) = (scalar requests(), int($now + time) + 30 * 86400, serial(14));
	my $uuid = account('business')->{profile_uuid};
	$t->change_db("UPDATE ade_devices SET profile_uuid = '', assign_next_at = $ahead WHERE serial = '$serial'");
	$t->change_db('UPDATE ade_accounts SET assign_failures = 1, '
	    . join(', ', map { "$_ = $ahead" } qw(sync_next_at fetched_at assign_at)) . " WHERE name = 'business'");
	later(2000);
	my $until = time + 30;
	until ((account('business')->{sync_next_at} < $ahead && device($serial)->{profile_uuid}) || time > $until) { $s->wake; sleep 0.1 }
	cmp_ok(scalar(my @all = requested('/server/devices', $from)), '>', 0, 'the whole list is fetched');
	cmp_ok(account('business')->{sync_next_at}, '<', $now + time + 2000, 'and again in half an hour');
	is(device($serial)->{profile_uuid}, $uuid, 'a device that waited is assigned');
	$t->change_db("UPDATE ade_devices SET profile_uuid = '' WHERE serial = '$serial'");
	$t->change_db("UPDATE ade_accounts SET assign_failures = 1, assign_at = $ahead WHERE name = 'business'");
	later(2000);
	until (device($serial)->{profile_uuid} || time > $until) { $s->wake; sleep 0.1 }
	is(device($serial)->{profile_uuid}, $uuid, 'also when nothing else is new');
};

subtest 'mdm-90: deleted and added again' => sub {
	my $serial = serial(20);
	$apple->script({ delete => $serial });
	sync_ok();
	isnt(device($serial)->{removed_at}, undef, 'it is not ours');
	is(device($serial)->{profile_uuid}, '', 'and has no profile');
	$apple->script({ add => $serial });
	sync_ok();
	is(device($serial)->{removed_at}, undef, 'it is ours again');
	ade('assign');
	is(device($serial)->{profile_uuid}, account('business')->{profile_uuid}, 'and gets its profile again');
};

subtest 'mdm-91: sessions and terms' => sub {
	my $from = scalar requests();
	$apple->script({ now => 'expire' });
	sync_ok('a session that is over (401)');
	is(scalar requested('/session', $from), 1, 'is begun anew once');
	$from = scalar requests();
	$apple->script({ now => 'restart' });
	sync_ok('a session that is unknown (403 FORBIDDEN)');
	is(scalar requested('/session', $from), 1, 'likewise');
	for my $refused ([401, 'x'], [403, 'FORBIDDEN']) {
		$from = scalar requests();
		like(failing_sync({ answer => '/account', status => $refused->[0], error => $refused->[1], times => 9 }),
			qr/does not accept the server token/, "$refused->[0] twice");
		is(scalar requested('/account', $from), 2, 'then it stops');
		$apple->script({ clear => JSON::PP::true() });
		is(open_alarms('business-failing'), 1, 'with an alarm');
		sync_ok();
		is(open_alarms('business-failing'), 0, 'which ends');
	}
	$from = scalar requests();
	like(failing_sync({ set => 'terms', value => 1 }), qr/terms/, 'T_C_NOT_SIGNED');
	cmp_ok(scalar(my @all = requests()) - $from, '<=', 2, 'is not tried again and again');
	is(open_alarms('business-terms'), 1, 'with an alarm');
	cmp_ok(account('business')->{sync_next_at}, '>=', $now + time + 3500, 'the next try is in an hour');
	$apple->script({ set => 'terms', value => 0 });
	sync_ok();
	is(open_alarms('business-terms'), 0, 'which ends');
	like(failing_sync({ answer => '/account', status => 403, error => 'ACCESS_DENIED' }), qr/denies/, 'ACCESS_DENIED');
	like(failing_sync({ answer => '/account', status => 503, retry_after => 4000 }), qr/not available \(503\)/, '503');
	cmp_ok(account('business')->{sync_next_at}, '>=', $now + time + 3900, 'the next try is not earlier');
	sync_ok();
	failing_sync({ answer => '/account', status => 503, retry_after => 400 * 86400 });
	cmp_ok(account('business')->{sync_next_at}, '<=', $now + time + 86400, 'nobody puts it off by more than a day');
	sync_ok();
};

subtest 'mdm-93: hostile answers' => sub {
	my @rows = (
		['100 MB of JSON', qr/more than \d+ bytes/, { do => 'huge', megabytes => 100 }],
		['half an answer', qr/broke off/, { do => 'truncate' }],
		['a redirect', qr/302/, { status => 302, location => 'https://127.0.0.1:1/' }],
		['nested 10,000 deep', qr/JSON|nest|deep/i, { status => 200, body => '{"devices":' . '[' x 10000 }],
		['wrong types', qr/serial_number/, { status => 200,
			body => '{"cursor":"c","more_to_follow":false,"devices":[{"serial_number":5}]}' }],
		['a NUL in a serial number', qr/JSON/, { status => 200,
			body => '{"cursor":"c","more_to_follow":false,"devices":[{"serial_number":"A\u0000B"}]}' }],
		['no JSON', qr/JSON/, { status => 200, body => '<html>' }],
		['a drip', qr/seconds|timed out|slow/i, { do => 'drip', milliseconds => 1000 }],
	);
	my ($cursor, $ours) = (account('business')->{cursor}, devices('business'));
	for (@rows) {
		my ($what, $error, $answer) = @$_;
		like(failing_sync({ answer => '/devices/sync', %$answer }), $error, $what);
		is(account('business')->{cursor}, $cursor, 'the cursor stays');
		is(devices('business'), $ours, 'no device is lost');
		is(open_alarms('business-failing'), $what eq 'a drip' ? 0 : 1, 'an alarm, unless it may pass by itself');
		sync_ok('the next is good');
		$cursor = account('business')->{cursor};
	}
};

subtest 'too many removals wait' => sub {
	my $ours = devices('business');
	my $fetch = account('business')->{fetch_number};
	later(8 * 86400);
	$apple->script({ answer => '/server/devices', do => 'empty', times => 3 });
	sync_ok('an empty list where thousands were');
	is(account('business')->{fetch_number}, $fetch + 1, 'a full one');
	is(devices('business'), $ours, 'takes no device away');
	is(open_alarms('removals-held'), 1, 'and raises an alarm');
	like($t->tool_ok('ade', 'token', 'show'), qr/wait: *$ours$/m, 'which the account shows');
	sync_ok('the changes');
	is(devices('business'), $ours, 'do not, either');
	later(8 * 86400);
	sync_ok('the whole list again');
	is(open_alarms('removals-held'), 0, 'ends it');
	is(devices('business'), $ours, 'all are ours');
	is(ade('confirm', 'business')->{exit}, 4, 'nothing is to be confirmed');
	$apple->script({ delete => 'SIM', first => 1000, count => 300 });
	sync_ok('more than 5 % are deleted');
	is(devices('business'), $ours, 'they stay');
	is(open_alarms('removals-held'), 1, 'with an alarm');
	is(ade('confirm', 'business')->{json}{removed}, 300, 'until an administrator says so');
	is(devices('business'), $ours - 300, 'then they are not ours');
	is(open_alarms('removals-held'), 0, 'and the alarm ends');
};

subtest 'several accounts' => sub {
	new_certificate('second');
	is(ade('token', 'import', token_file('other', 'o.p7m', '--pem', 'second'), '--account', 'second')->{exit}, 0,
		'another service');
	$apple->script({ add => 'C82MOVED', account => 'other' }, { add => 'C82MOVED' });
	sync_ok();
	is(devices('second'), 1, 'has its own devices');
	is(device('C82MOVED', 'business')->{removed_at}, undef, 'one may be in two');
	$apple->script({ delete => 'C82MOVED' });
	sync_ok();
	isnt(device('C82MOVED', 'business')->{removed_at}, undef, 'not any more');
	is(device('C82MOVED', 'second')->{removed_at}, undef, 'it is ours by the other');
	$t->assign('C82MOVED');
	is(devices('csv'), 1, 'and by a file');
	my $file = $s->state . '/apple/ade-second.json';
	rename($file, "$file.away") or die $!;
	isnt(ade('sync')->{exit}, 0, 'an account without its file fails');
	is(account('business')->{sync_error}, '', 'alone');
	rename("$file.away", $file) or die $!;
	sync_ok();
};

subtest 'what does not belong together' => sub {
	my $kept = account('business');
	my $with = sub {
		my ($column, $value) = @_;
		$t->change_db("UPDATE ade_accounts SET $column = '$value' WHERE name = 'business'");
		my $error = failing_sync();
		$t->change_db("UPDATE ade_accounts SET $column = '$kept->{$column}' WHERE name = 'business'");
		return $error;
	};
	like($with->('server_uuid', 'another'), qr/the token is for the service/, 'another service answers');
	like($with->('consumer_key', 'CK_another'), qr/not the token that was imported last/, 'another token in the file');
	chmod(0644, $s->state . '/apple/ade-business.json');
	like(failing_sync(), qr/ade-business\.json/, 'a token that others may read');
	chmod(0600, $s->state . '/apple/ade-business.json');
	like(failing_sync({ answer => '/devices/sync', status => 200,
		body => qq({"cursor":"$kept->{cursor}","more_to_follow":true,"devices":[]}) }),
		qr/does not go on/, 'a list without an end');
	sync_ok();
};

subtest 'field-2: a brand-new Mac with a deadline for migration' => sub {
	my $serial = 'C82MIGRATES1';
	$apple->script({ add => $serial, mdm_migration_deadline => '2026-12-24T00:00:00Z' });
	sync_ok();
	ade('assign');
	is(device($serial)->{profile_uuid}, account('business')->{profile_uuid}, 'gets the profile as all do');
	$s->start;
	my $state = "$dir/$serial";
	my $run = $t->sim('enroll', '--serial', $serial, '--state', $state, '--product', 'Mac15,3', '--os-version', '26.1',
		'--awaiting', '--clock-offset-file', "$dir/clock");
	is($run->{exit}, 0, 'enrolls') or diag($run->{out}, $run->{err});
	$run = $t->sim('poll', '--state', $state, '--clock-offset-file', "$dir/clock");
	my $log = $t->db("SELECT state FROM commands WHERE request_type = 'DeviceConfigured'");
	is(scalar @$log, 1, 'and is let go from Setup Assistant') or diag($run->{out}, $run->{err});
	is($log->[0]{state}, 'acknowledged', 'as any other');
};

subtest 'fleet-95: sign-in is switched on and off' => sub {
	my $browser = Attestmdm::Admin->new($t);
	my ($of, $second) = (devices('business'), devices('second'));
	my @set = ('setting', 'set', 'enable_end_user_authentication');
	my $page = sub {
		my ($text) = $browser->get('/admin/settings')->{body} =~ m{<bdi>business</bdi>: (.*? in Apple Business.*?)\.</p>};
		return $text;
	};
	$s->set_conf('sign_in.issuer', 'https://id.example.com');
	$s->set_conf('sign_in.client_id', 'attestmdm');
	$s->restart('admin-settings');
	$browser->sign_in;
	$apple->script({ answer => serial(30), result => 'NOT_ACCESSIBLE' }, { answer => serial(31), result => 'FAILED' });
	my $out = $t->tool_ok(@set, 'true', '--yes');
	like($out, qr/^0 of $of devices of account business have the profile/m, 'nobody has the profile for it yet');
	like($out, qr/^0 of $second devices of account second have the profile/m, 'of no account');
	is(ade('assign')->{exit}, 0, 'they get it');
	is($page->(), ($of - 2) . " of $of devices have the profile for the current choice in Apple Business; still with another: 2",
	    'the page shows who does not');
	my $profile = $apple->log('profiles')->[-1]{profile};
	is($profile->{$_}, $t->url . '/enroll/sso', "$_ leads to the page") for 'url', 'configuration_web_url';
	like($t->tool_ok(@set, 'false', '--yes'), qr/^0 of $of /m, 'nobody has the other one');
	is(ade('assign')->{exit}, 0, 'they get that, too');
	is($page->(), ($of - 2) . " of $of devices have the profile for the current choice in Apple Business; still with another: 2",
	    'but for those two');
	$profile = $apple->log('profiles')->[-1]{profile};
	is($profile->{url}, $t->url . '/enroll', 'it leads to the profile');
	ok(!exists $profile->{configuration_web_url}, 'and to no page');
	$apple->script({ modify => serial(30), description => 'BACK' });
	sync_ok();
	later(2 * 3600);
	is(ade('assign')->{exit}, 0, 'later');
	$browser->sign_in;
	is($page->(), "$of of $of devices have the profile for the current choice in Apple Business", 'all have it');
};

subtest 'mdm-95: TLS is verified' => sub {
	$s->stop('attestmdm-worker');
	$s->set_conf('apple.server_ca', $s->cacert);
	$s->start_worker;
	isnt(ade('sync')->{exit}, 0, 'a certificate of a foreign authority');
	like(account('business')->{sync_error}, qr/certificate is not trusted/, 'is refused');
	ok(open_alarms('business-failing') > 0, 'with an alarm');
	ok(devices('business') > 2000, 'no device is lost');
};

subtest 'mdm-109: secrets are in no log' => sub {
	my $logs = join('', map { Attestmdm::Server::slurp($_) } glob("$dir/attestmdm-worker*.log"));
	for my $account ('main', 'other') {
		my $values = JSON::PP::decode_json(Attestmdm::Server::slurp($apple->dir . "/$account.token.json"));
		is(index($logs, $values->{$_}), -1, "$account: $_") for qw(consumer_secret access_secret access_token);
	}
	my $database = join('', map { Attestmdm::Server::slurp($_) } glob($s->database . '*'));
	my $values = JSON::PP::decode_json(Attestmdm::Server::slurp($apple->dir . '/main.token.json'));
	is(index($database, $values->{$_}), -1, "nor in the database: $_") for qw(consumer_secret access_secret access_token);
};

$t->done;
