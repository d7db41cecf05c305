#!/usr/bin/perl
# attestmdm-worker as a process: when it runs its jobs, how it stops, and what is
# left after kill -9.
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP ();
use Socket qw(SOCK_DGRAM);
use Time::HiRes qw(sleep time);
use lib 't/lib';
use Attestmdm::Admin;
use Attestmdm::Api;
use Attestmdm::Test;

my $HOURS = 3600;
# Rows whose deletion takes a second.
my $MANY = 40_000;
my $t = Attestmdm::Test->new(require => 0, config => { 'renewal.per_run' => 1000 });
my $s = $t->server;
my $now = 0;

# Moves the clock on.
sub later { $now += $_[0]; $s->clock($now) }

sub job { $t->db("SELECT * FROM jobs WHERE name = '$_[0]'")->[0] || {} }
sub count { $t->db("SELECT count(*) AS n FROM $_[0]")->[0]{n} }

# Waits until something is true.
sub until_true {
	my ($what, $name) = @_;
	my $end = time + 60;
	my $is;
	while (!($is = $what->()) && time < $end) {
		sleep 0.02;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($is, $name);
}

sub kill_worker {
	my $pid = delete $s->{pids}{'attestmdm-worker'};
	kill('KILL', $pid);
	waitpid($pid, 0);
}

# So many rows that nobody needs any more, in batches of 100.
sub rubbish {
	my ($rows) = @_;
	$t->change_db("INSERT INTO login_failures (subject, failures, last_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		. " SELECT i + 1 FROM n WHERE i < $rows) SELECT 'x' || i, 1, 1 FROM n");
}

subtest 'the first start' => sub {
	rubbish(250);
	$s->start_worker;
	until_true(sub { job('purge')->{result} eq 'ok' && job('renewal')->{result} eq 'ok' }, 'every job runs at once');
	is(job('purge')->{text}, '250 rows deleted', 'and says what it did');
	is(count('login_failures'), 0, 'which is so');
	cmp_ok(job('purge')->{next_run_at}, '>=', job('purge')->{ended_at} + $HOURS, 'the next run is in an hour');
	is(job('purge')->{lease_owner}, undef, 'nobody has the lease');
	is(sprintf('%04o', (stat($t->dir . '/run/worker.sock'))[2] & 07777), '0660',
	    'its socket is for the group');
};

subtest 'a moved clock and a wake are enough' => sub {
	rubbish(1);
	my $before = job('purge')->{started_at};
	later(2 * $HOURS);
	$s->wake;
	until_true(sub { job('purge')->{started_at} > $before && job('purge')->{result} eq 'ok' }, 'it runs');
	is(job('purge')->{text}, '1 rows deleted', 'again');
};

subtest 'a wake without work does nothing' => sub {
	my $before = job('purge');
	$s->wake for 1 .. 1000;
	my $end = time + 0.3;
	$s->wake while time < $end;
	is_deeply(job('purge'), $before, 'no job ran');
};

subtest 'SIGTERM during a job' => sub {
	rubbish($MANY);
	later(2 * $HOURS);
	$s->wake;
	until_true(sub { job('purge')->{result} eq 'running' && count('login_failures') < $MANY }, 'it is at work');
	my $status = $s->stop('attestmdm-worker');
	is($status->{'attestmdm-worker'}, 0, 'it ends cleanly');
	is(job('purge')->{result}, 'stopped', 'the job knows');
	is(job('purge')->{lease_owner}, undef, 'and is free');
	my $left = count('login_failures');
	cmp_ok($left, '>', 0, 'not all was done');
	cmp_ok($left, '<', $MANY, 'but some');
	$s->start_worker;
	until_true(sub { job('purge')->{result} eq 'ok' }, 'the next worker goes on at once');
	is(job('purge')->{text}, "$left rows deleted", 'where it was');
};

subtest 'kill -9 at any moment' => sub {
	my $rows = $MANY;
	rubbish($rows);
	later(2 * $HOURS);
	my $kills = 0;
	for my $i (1 .. 12) {
		$s->wake;
		sleep 0.008 * $i;
		kill_worker();
		$kills += job('purge')->{result} eq 'running';
		later(31);
		$s->start_worker;
	}
	cmp_ok($kills, '>', 0, "it was hit $kills times during a run");
	until_true(sub { job('purge')->{result} eq 'ok' }, 'in the end the job is done');
	is(count('login_failures'), 0, 'wholly');
};

subtest 'a lease outlives its worker' => sub {
	rubbish($MANY);
	later(2 * $HOURS);
	$s->wake;
	until_true(sub { count('login_failures') < $MANY }, 'it is at work');
	kill_worker();
	my $owner = job('purge')->{lease_owner};
	my $left = count('login_failures');
	$s->start_worker;
	$s->wake;
	sleep 0.3;
	is(job('purge')->{lease_owner}, $owner, 'nobody takes it before its end');
	is(count('login_failures'), $left, 'nor does its work');
	later(31);
	$s->wake;
	until_true(sub { job('purge')->{result} eq 'ok' }, 'then the next one does');
};

subtest 'two workers' => sub {
	my $conf = Attestmdm::Server::slurp($s->conf) . "\n[worker]\nsocket = " . $t->dir . "/run/second.sock\n";
	Attestmdm::Server::spew($t->dir . '/second.conf', $conf);
	$s->spawn('second', $s->worker, '--config', $t->dir . '/second.conf');
	rubbish($MANY);
	later(2 * $HOURS);
	my $wake_second = sub {
		my $w = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $t->dir . '/run/second.sock');
		$w->send('x') if $w;
	};
	until_true(sub { $s->wake; $wake_second->(); job('purge')->{result} eq 'running' }, 'one is at work');
	my $owner = job('purge')->{lease_owner};
	my %owners;
	until_true(sub {
		$wake_second->();
		$s->wake;
		my $job = job('purge');
		$owners{ $job->{lease_owner} }++ if $job->{lease_owner};
		$job->{result} eq 'ok';
	}, 'until it is done');
	is_deeply([keys %owners], [$owner], 'the other one never was');
	is(job('purge')->{text}, "$MANY rows deleted", 'and it was done once');
	is($s->stop('second')->{second}, 0, 'the second one leaves');
};

subtest 'renewals: kill -9 at any moment doubles none' => sub {
	my @serials = map { sprintf('C38TEST%05d', $_) } 1 .. 12;
	$t->assign(@serials);
	for my $serial (@serials) {
		my $run = $t->sim('enroll', '--serial', $serial, '--product', 'MacBookPro16,1', '--os-version', '13.6');
		die $run->{err} if $run->{exit} != 0;
	}
	is(count("hosts WHERE state = 'enrolled'"), 12, 'twelve Macs');
	later(200 * 86400);
	for my $i (1 .. 15) {
		$s->wake;
		sleep 0.01 * ($i % 6);
		kill_worker();
		later(31);
		$s->start_worker;
	}
	until_true(sub { $s->wake; count('renewals WHERE enrollment_id IS NOT NULL') == 12 }, 'all are renewed');
	is(count("activities WHERE action = 'renew' AND actor <> 'program:attestmdm-worker'"), 0,
	    'under a name that no administrator has');
	is(count("commands WHERE request_type = 'InstallProfile'"), 12, 'each once');
};

subtest 'a job that fails' => sub {
	my $conf = Attestmdm::Server::slurp($s->conf);
	$s->set_conf('profile.server_ca', $t->dir . '/tls/missing.pem');
	$s->stop('attestmdm-worker');
	$s->start_worker;
	for my $i (1 .. 3) {
		later(2 * $HOURS);
		until_true(sub { $s->wake; job('renewal')->{failures} == $i }, "failure $i");
	}
	my $job = job('renewal');
	is($job->{result}, 'failed', 'it says so');
	like($job->{text}, qr/missing\.pem/, 'and why');
	is(count("alarms WHERE kind = 'job-failing' AND closed_at IS NULL"), 1, 'there is an alarm');
	is(job('purge')->{result}, 'ok', 'another job goes on');
	Attestmdm::Server::spew($s->conf, $conf);
	$s->stop('attestmdm-worker');
	later(2 * $HOURS);
	$s->start_worker;
	until_true(sub { job('renewal')->{result} eq 'ok' }, 'mended, it runs');
	like(job('renewal')->{last_error}, qr/missing\.pem/, 'the last error is still known');
	is(count("alarms WHERE kind = 'job-failing' AND closed_at IS NULL"), 0, 'and the alarm is over');
};

# Who looks learns it: the tool, the pages, check, and, by the timer of the
# revocation lists, the alarms.
my $b = Attestmdm::Admin->new($t);
$b->sign_in;
my $api = Attestmdm::Api->with_role($t, 'observer');

sub check_says {
	my $doc = JSON::PP::decode_json($t->tool('check', '--no-nginx', '--json')->{out});
	return join('; ', map { "$_->{result}: $_->{text}" } grep { $_->{check} eq 'worker' } @{ $doc->{checks} });
}

subtest 'a worker at work' => sub {
	my $r = $t->tool('status');
	is($r->{exit}, 0, 'status is content');
	like($r->{out}, qr/^purge +ok +\d{4}-.*rows deleted/m, 'and shows each job');
	like($r->{out}, qr/^Last error of renewal, at \d{4}.*missing\.pem/m, 'and the last error');
	my $doc = $t->tool_json('status');
	ok(!$doc->{worker_silent}, 'a script learns it too');
	my ($purge) = grep { $_->{name} eq 'purge' } @{ $doc->{jobs} };
	is($purge->{state}, 'ok', 'of each job the result');
	ok(exists $purge->{$_}, $_) for qw(started_at ended_at duration_ms next_run_at text failures last_error);
	my $json = $api->get('/status')->{json};
	is_deeply([sort map { $_->{name} } @{ $json->{jobs} }], [sort map { $_->{name} } @{ $doc->{jobs} }], 'the API has the same jobs');
	my ($renewal) = grep { $_->{name} eq 'renewal' } @{ $json->{jobs} };
	is($renewal->{state}, 'ok', 'and how the last run ended');
	like($renewal->{last_error}, qr/missing\.pem/, 'with the last error');
	ok(!$json->{worker_silent}, 'and no complaint');
	my $page = $b->get('/admin/jobs')->{body};
	like($page, qr/>purge<.*?<span class="chip ok">ok</s, 'the page shows it');
	like($page, qr/missing\.pem/, 'the last error too');
	unlike($page, qr/silent/, 'and no complaint');
	like(check_says(), qr/^ok: none of its \d+ jobs fails/, 'check is content');
	is($t->tool('crl', '--if-due')->{exit}, 0, 'the timer');
	is(count("alarms WHERE kind = 'worker-silent'"), 0, 'raises no alarm');
};

subtest 'a job that failed last' => sub {
	$t->change_db("UPDATE jobs SET result = 'failed', text = '<b>why', last_error = '<b>why' WHERE name = 'purge'");
	my $r = $t->tool('status');
	is($r->{exit}, 1, 'status fails');
	like($r->{err}, qr/the job purge fails: <b>why/, 'and says what');
	like($r->{out}, qr/^renewal +ok/m, 'and shows all the same');
	like(check_says(), qr/warning: the job purge fails/, 'check warns');
	like($b->get('/admin/jobs')->{body}, qr/chip failed.*&lt;b&gt;why/s, 'the page shows it');
	$t->change_db("UPDATE jobs SET result = 'ok', last_error = '' WHERE name = 'purge'");
};

subtest 'no worker' => sub {
	kill_worker();
	later(3 * $HOURS);
	$b->sign_in;
	my $r = $t->tool('status');
	is($r->{exit}, 1, 'status fails');
	like($r->{err}, qr/attestmdm-worker does not run.*systemctl status/, 'and says what');
	like(check_says(), qr/^BAD: attestmdm-worker does not run/, 'check finds it bad');
	like($b->get('/admin/jobs')->{body}, qr/The worker is silent/, 'the page says it');
	is($t->tool('crl', '--if-due')->{exit}, 0, 'the timer');
	is(count("alarms WHERE kind = 'worker-silent' AND closed_at IS NULL"), 1, 'raises an alarm');
	my ($alarm) = grep { $_->{kind} eq 'worker-silent' } @{ $api->get('/alarms')->{json}{alarms} };
	ok($alarm && !defined $alarm->{closed_at}, 'which the API shows');
	ok($api->get('/status')->{json}{worker_silent}, 'and says');
	$s->start_worker;
	until_true(sub { job('purge')->{next_run_at} > time + $now }, 'it is back');
	until_true(sub { job('renewal')->{next_run_at} > time + $now }, 'at all its jobs');
	$t->tool_ok('crl', '--if-due');
	is(count("alarms WHERE kind = 'worker-silent' AND closed_at IS NULL"), 0, 'the alarm is over');
	is(scalar(grep { $_->{kind} eq 'worker-silent' } @{ $api->get('/alarms')->{json}{alarms} }), 0, 'for the API, too');
	($alarm) = grep { $_->{kind} eq 'worker-silent' } @{ $api->get('/alarms?all=true')->{json}{alarms} };
	ok($alarm && defined $alarm->{closed_at}, 'which has it among all of them');
};

subtest 'a run that was broken off' => sub {
	$t->change_db("UPDATE jobs SET result = 'running', lease_until = 1 WHERE name = 'purge'");
	my ($purge) = grep { $_->{name} eq 'purge' } @{ $t->tool_json('status')->{jobs} };
	is($purge->{state}, 'interrupted', 'is said to be');
	$t->change_db("UPDATE jobs SET result = 'ok', lease_until = NULL WHERE name = 'purge'");
};

subtest 'what systemd is told' => sub {
	$s->stop('attestmdm-worker');
	my $path = $t->dir . '/notify';
	my $notify = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die $!;
	{
		local $ENV{NOTIFY_SOCKET} = $path;
		local $ENV{WATCHDOG_USEC} = 200_000;
		$s->start_worker;
	}
	my $told = sub { $notify->recv(my $text, 100); $text };
	is($told->(), 'READY=1', 'it is ready');
	is($told->(), 'WATCHDOG=1', 'it lives') for 1 .. 3;
	$s->stop('attestmdm-worker');
	my $last = '';
	$last = $told->() while $last ne 'STOPPING=1';
	is($last, 'STOPPING=1', 'it stops');
};

subtest 'what keeps it from starting' => sub {
	my $r = $t->command($s->worker, '--config', '/nonexistent');
	is($r->{exit}, 1, 'no configuration');
	is($t->command($s->worker, '--wrong')->{exit}, 2, 'a wrong option');
	is($t->command($s->worker, 'argument')->{exit}, 2, 'an argument');
	is($t->command($s->worker, '--help')->{exit}, 0, 'help');
	like($t->command($s->worker, '--version')->{out}, qr/^attestmdm-worker \d/, 'version');
};

$t->done;
