#!/usr/bin/perl
# Alarms that the worker raises by the clock, and the command that is told of them.
use strict;
use warnings;
use JSON::PP ();
use Time::HiRes qw(sleep time);
use lib 't/lib';
use Attestmdm::Test;

my $DAY = 86400;
my $t = Attestmdm::Test->new(port => Attestmdm::Test::free_port(), host => 'localhost');
my $s = $t->server;
my $dir = $t->dir;
my ($hook, $told, $mode) = map { "$dir/$_" } qw(hook told mode);
my $now = 0;

Attestmdm::Server::spew($hook, <<"EOT");
#!/bin/sh
case \$(cat $mode) in
fail) echo 'no route to the mail server' >&2; exit 1 ;;
hang) echo \$\$ >$dir/hanging; exec sleep 1000 ;;
esac
cat >>$told && echo >>$told
EOT
chmod(0700, $hook) or die $!;
Attestmdm::Server::spew($mode, "ok\n");
Attestmdm::Server::spew($told, '');
my $plain = Attestmdm::Server::slurp($s->conf);
$s->set_conf('alarms.command', $hook);
$s->set_conf('alarms.repeat_days', 0);
$s->set_conf('profile.server_ca', $s->cacert);

sub job { $t->db("SELECT * FROM jobs WHERE name = 'alarms'")->[0] || {} }

# What run_ends() waits for began after this: the worker may begin at once.
my $since = 0;
sub begins { $since = int(time) + $now }

# Moves the clock on, which is no part of a run: a worker that runs ends it first.
sub later {
	my $end = time + 60;
	sleep 0.02 while $s->{pids}{'attestmdm-worker'} && job()->{result} eq 'running' && time < $end;
	$now += $_[0];
	begins();
	$s->clock($now);
}
sub at { later($_[0] - int(time) - $now) }
sub open_alarms { $t->db("SELECT * FROM alarms WHERE kind = '$_[0]' AND closed_at IS NULL") }
sub mode { Attestmdm::Server::spew($mode, "$_[0]\n") }

# What the command was told of a kind since the last call of news().
my $read = 0;
my @docs;
sub news {
	my ($kind) = @_;
	my @lines = split(/\n/, Attestmdm::Server::slurp($told));
	push @docs, map { JSON::PP::decode_json($_) } @lines[$read .. $#lines];
	$read = @lines;
	my @wanted = grep { $_->{kind} eq $kind } @docs;
	@docs = grep { $_->{kind} ne $kind } @docs;
	return @wanted;
}

sub until_true {
	my ($what, $name) = @_;
	my $end = time + 60;
	my $is;
	while (!($is = $what->()) && time < $end) {
		$s->wake;
		sleep 0.02;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($is, $name) or diag(explain(job()));
}

# Waits for a whole run of the job that began from now on.
sub run_ends {
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	until_true(sub { my $job = job(); $job->{ended_at} && $job->{started_at} >= $since }, 'a run');
}

# What is told at each threshold before the end of something; about other subjects
# of the kind it goes to @others.
my @others;
sub thresholds {
	my ($kind, $subject, $end, @days) = @_;
	my %seen;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $day (32, @days) {
		at($end - $day * $DAY + 10);
		$t->tool_ok('crl', '--publish') if $day == 32;
		run_ends();
		my @all = news($kind);
		my @news = grep { $_->{subject} eq $subject } @all;
		push @others, grep { $_->{subject} ne $subject } @all;
		is(scalar(@news), $day == 32 ? 0 : 1, "told at $day days");
		next if !@news;
		my ($text) = $day == 0 ? 'has expired, on' : "expires within $day day";
		like($news[0]{text}, qr/\Q$text\E/, 'and the text says it');
		is($news[0]{event}, $day == 30 ? 'raise' : 'repeat', 'as a new one or not');
		is($news[0]{severity}, $day > 7 ? 'warning' : 'critical', 'and how bad it is');
		$seen{ $news[0]{id} } = 1;
	}
	is(scalar(keys %seen), 1, 'it is one alarm');
}

sub closed {
	my ($kind) = @_;
	later(2 * 3600);
	run_ends();
	my @news = news($kind);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar(@news), 1, 'when its cause is gone');
	is($news[0]{event}, 'close', 'it is closed');
	ok($news[0]{closed_at}, 'since then');
	is(scalar(@{ open_alarms($kind) }), 0, 'by itself');
}

subtest 'check looks at the command' => sub {
	my $check = sub { join('', $t->tool('check', '--stopped', '--no-nginx')->{out} =~ /^(.* alarms .*)$/m) };
	my $folder = "$dir/hooks";
	my $file = "$folder/tell";
	mkdir($folder) or die $!;
	like($check->(), qr/^ok .*told by \Q$hook\E$/, 'a good one');
	$s->set_conf('alarms.command', $file);
	like($check->(), qr/^BAD .*No such file/, 'none');
	mkdir($file) or die $!;
	like($check->(), qr/^BAD .*is not a regular file$/, 'a folder');
	rmdir($file) or die $!;
	symlink($hook, $file) or die $!;
	like($check->(), qr/^ok /, 'a link to a good one');
	for ([0600, qr/may not be run by the worker's user$/], [0720, qr/may be changed by others$/],
		[0702, qr/may be changed by others$/]) {
		chmod($_->[0], $hook) or die $!;
		like($check->(), qr/^BAD .*\Q$file\E $_->[1]/, sprintf('mode %04o', $_->[0]));
	}
	chmod(0700, $hook) or die $!;
	chmod(0777, $folder) or die $!;
	like($check->(), qr/^BAD .*\Q$folder\E may be changed by others$/, 'a folder in which others may put another');
	chmod(01777, $folder) or die $!;
	like($check->(), qr/^ok /, 'with the sticky bit they may not');
	SKIP: {
		skip('only root can give files away', 1) if $> != 0;
		chown(65534, -1, $hook) or die $!;
		like($check->(), qr/^BAD .*does not belong to root$/, "another user's");
		chown(0, -1, $hook) or die $!;
	}
	$s->set_conf('alarms.command', '');
	like($check->(), qr/^warning .*nobody is told/, 'no command at all');
	$s->set_conf('alarms.command', $hook);
};

$t->tool_ok('crl', '--publish');
my $raised = int(time);
my $hostile = q(`id`$(id)';"\\ ) . "\x{2603}";
$t->change_db("INSERT INTO alarms (kind, subject, serial, text, raised_at, last_seen_at, tell_at)"
	. " VALUES ('signer-changed', 'h1', 'C02A', '" . ($hostile =~ s/'/''/gr) . "', $raised, $raised, 1000)");
$s->start_worker;

subtest 'the document' => sub {
	run_ends();
	my ($doc) = news('signer-changed');
	my $id = $t->db('SELECT id FROM alarms')->[0]{id};
	is_deeply($doc, { id => $id, event => 'raise', kind => 'signer-changed', severity => 'warning', subject => 'h1',
		serial => 'C02A', text => $hostile, raised_at => $raised, closed_at => undef,
		url => $t->url . '/admin/alarms' }, 'has it all');
	is(scalar(@docs), 0, 'and nothing else is wrong');
	is(job()->{text}, '1 alarms told', 'the job counts');
	my ($shown) = @{ $t->tool_json('alarms')->{alarms} };
	ok($shown->{told_at}, 'the tool shows when it was told');
	is($shown->{severity}, 'warning', 'and how bad it is');
};

subtest 'a command that fails' => sub {
	mode('fail');
	later(3700);
	$t->change_db("UPDATE alarms SET closed_at = raised_at, tell_at = 2000 WHERE kind = 'signer-changed'");
	until_true(sub { job()->{result} eq 'failed' }, 'so does the job');
	my $run = $t->tool('status');
	is($run->{exit}, 1, 'status fails');
	like($run->{err}, qr/0 alarms told, 1 not, .*status 1: no route to the mail server/, 'and says why');
	is(scalar(my @none = news('signer-changed')), 0, 'nothing was told');
	mode('ok');
	later(3700);
	until_true(sub { job()->{result} eq 'ok' }, 'later it works');
	is_deeply([map { "$_->{event} $_->{closed_at}" } news('signer-changed')], ["close $raised"], 'and nothing is lost');
};

subtest 'kill -9 while the command runs' => sub {
	mode('hang');
	$t->change_db("INSERT INTO alarms (kind, subject, text, raised_at, last_seen_at, tell_at)"
		. " VALUES ('signer-changed', 'h2', 'two', $raised, $raised, 1000)");
	until_true(sub { -s "$dir/hanging" }, 'it runs');
	my ($pid) = Attestmdm::Server::slurp("$dir/hanging") =~ /(\d+)/;
	my $other = $t->db("SELECT result FROM jobs WHERE name = 'purge'")->[0]{result};
	is($other, 'ok', 'other jobs have run');
	$s->clock($now += 2 * 3600);
	until_true(sub { $t->db("SELECT started_at FROM jobs WHERE name = 'purge'")->[0]{started_at} > time + $now - 60 },
	    'and run meanwhile');
	kill('KILL', $s->{pids}{'attestmdm-worker'});
	waitpid(delete $s->{pids}{'attestmdm-worker'}, 0);
	my $end = time + 10;
	sleep 0.01 while kill(0, $pid) && -e "/proc/$pid/exe" && time < $end;
	ok(!-e "/proc/$pid/exe", 'it ends with the worker');
	mode('ok');
	later(60);
	$s->start_worker;
	until_true(sub { grep { $_->{subject} eq 'h2' } news('signer-changed') }, 'the next worker tells it');
};

subtest 'SIGTERM while the command runs' => sub {
	unlink("$dir/hanging");
	mode('hang');
	$t->change_db("UPDATE alarms SET closed_at = raised_at, tell_at = 2000 WHERE subject = 'h2'");
	until_true(sub { -s "$dir/hanging" }, 'it runs');
	is($s->stop('attestmdm-worker')->{'attestmdm-worker'}, 0, 'the worker ends cleanly');
	mode('ok');
	$s->start_worker;
	until_true(sub { grep { $_->{event} eq 'close' } news('signer-changed') }, 'the next worker tells it');
	until_true(sub { !@{ $t->db("SELECT id FROM alarms WHERE subject = 'h2' AND tell_at IS NOT NULL") } }, 'once');
};

subtest 'repeated' => sub {
	$s->set_conf('alarms.repeat_days', 7);
	later(0);
	$s->stop('attestmdm-worker');
	$s->start_worker;
	$t->change_db("INSERT INTO alarms (kind, subject, text, raised_at, last_seen_at, tell_at)"
		. " VALUES ('signer-changed', 'h3', 'three', $raised, $raised, 1000)");
	until_true(sub { grep { $_->{event} eq 'raise' } news('signer-changed') }, 'told');
	later(7 * $DAY - 3600);
	run_ends();
	is_deeply([map { "$_->{event} $_->{subject}" } news('signer-changed')], [], 'not before seven days');
	later(3600);
	until_true(sub { grep { $_->{event} eq 'repeat' } news('signer-changed') }, 'but then');
	$t->change_db("UPDATE alarms SET closed_at = raised_at WHERE subject = 'h3'");
	$s->set_conf('alarms.repeat_days', 0);
	later(2 * 3600);
	$s->stop('attestmdm-worker');
	$s->start_worker;
	run_ends();
	news($_) for 'crl-old';
};

subtest 'revocation lists' => sub {
	$t->tool_ok('crl', '--publish');
	later(2 * 3600);
	run_ends();
	news('crl-old');
	is(scalar(@{ open_alarms('crl-old') }), 0, 'two hours are fine');
	later(2 * 3600);
	run_ends();
	is_deeply([sort map { "$_->{event} $_->{subject} $_->{severity}" } news('crl-old')],
	    ['raise acme.crl warning', 'raise scep.crl warning'], 'four are not');
	later(8 * $DAY);
	run_ends();
	is_deeply([sort map { "$_->{event} $_->{subject} $_->{severity}" } news('crl-old')],
	    ['repeat acme.crl critical', 'repeat scep.crl critical'], 'an expired one is worse');
	$t->tool_ok('crl', '--publish');
	later(2 * 3600);
	run_ends();
	is_deeply([sort map { "$_->{event} $_->{subject}" } news('crl-old')], ['close acme.crl', 'close scep.crl'], 'mended');
};

subtest 'the push certificate' => sub {
	my $end = int(time) + $now + 40 * $DAY;
	$t->change_db("INSERT INTO push_certificate (id, topic, sha256, not_before, not_after, imported_at, imported_by)"
		. " VALUES (1, 'com.apple.mgmt.External.x', x'" . '00' x 32 . "', 1, $end, 1, 'admin')");
	thresholds('push-certificate-ending', 'push', $end, 30, 14, 7, 1, 0);
	$t->change_db("UPDATE push_certificate SET not_after = not_after + 31536000");
	closed('push-certificate-ending');
};

subtest 'a server token' => sub {
	my $end = int(time) + $now + 40 * $DAY;
	$t->change_db("INSERT INTO ade_accounts (name, created_at, consumer_key, token_expires_at)"
		. " VALUES ('main', 1, 'x', $end), ('new', 1, '', NULL)");
	thresholds('server-token-ending', 'main', $end, 30, 0);
	$t->change_db("UPDATE ade_accounts SET token_expires_at = token_expires_at + 31536000 WHERE name = 'main'");
	closed('server-token-ending');
};

subtest 'an API token' => sub {
	my $end = int(time) + $now + 40 * $DAY;
	my $row = sub {
		my ($name, $created, $used) = @_;
		$t->change_db('INSERT INTO api_tokens (name, token_mac, role, created_at, created_by, expires_at, last_used_at)'
			. sprintf(" VALUES ('%s', x'%s', 'observer', %d, 'cli:root', %d, %s)",
				$name, unpack('H*', $name) . '00' x (32 - length $name), $created, $end, $used));
	};
	$row->('ci', $end - 365 * $DAY, $end);
	$row->('short', $end - 30 * $DAY, $end);
	$row->('idle', $end - 365 * $DAY, $end - 71 * $DAY);
	$row->('never', $end - 365 * $DAY, 'NULL');
	thresholds('api-token-ending', 'ci', $end, 30, 14, 7, 1, 0);
	is_deeply([grep { $_->{kind} eq 'api-token-ending' } @others], [], 'nobody misses the others');
	$t->change_db("UPDATE api_tokens SET revoked_at = expires_at WHERE name = 'ci'");
	closed('api-token-ending');
};

# The end of a certificate, in seconds since 1970.
sub end_of {
	my ($file) = @_;
	my ($date) = $s->run('openssl', 'x509', '-noout', '-enddate', '-in', $file) =~ /=(.*)/;
	my ($month, $day, $h, $m, $sec, $year) = $date =~ /(\w+) +(\d+) (\d+):(\d+):(\d+) (\d+)/ or die $date;
	my %months;
	@months{qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)} = 0 .. 11;
	require Time::Local;
	return Time::Local::timegm($sec, $m, $h, $day, $months{$month}, $year);
}

subtest 'the certificate of a host' => sub {
	$now = 0;
	$s->clock(0);
	$s->stop('attestmdm-worker');
	$t->assign('C39ALARM0001');
	my $run = $t->sim('enroll', '--serial', 'C39ALARM0001', '--product', 'MacBookPro16,1', '--os-version', '13.6');
	is($run->{exit}, 0, 'a Mac enrolls') or diag($run->{err});
	$s->start_worker;
	my ($host) = @{ $t->db('SELECT h.id, c.not_after FROM hosts h JOIN certificates c ON c.sha256 = h.certificate_sha256') };
	my ($kind, @events) = ('certificate-ending');
	for my $day (32, 30, 14, 7, 1, 0) {
		at($host->{not_after} - $day * $DAY + 2);
		until_true(sub { $t->db("SELECT ended_at FROM jobs WHERE name = 'renewal'")->[0]{ended_at} > time + $now - 60 },
		    'the job of renewals');
		until_true(sub { @events = (@events, news($kind)); $day == 32 || @events }, 'and it is told');
		is($events[0]{subject}, $host->{id}, "at $day days") if $day < 32;
		is(scalar(@events), $day == 32 ? 0 : 1, 'once');
		@events = ();
	}
};

subtest 'the TLS certificate' => sub {
	thresholds('tls-ending', $t->url, end_of("$dir/tls/tls.pem"), 30, 1, 0);
};

subtest 'the authorities' => sub {
	thresholds('ca-ending', 'acme', end_of($s->state . '/acme-ca.pem'), 30, 0);
	is(scalar(grep { $_->{subject} eq 'scep' } @others), 2, 'both of them');
};

$t->done;
