#!/usr/bin/perl
# The worker is killed at each step of a synchronization and of an assignment, the
# end of each transaction and the arrival of each answer, and the next worker goes
# on: no device is lost or there twice, and none is assigned twice.
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(sleep time);

use Attestmdm::Apple;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(start => 0);
my $s = $t->server;
my $preload = "$s->{build}/t/tools/kill-at.so";
my $now = 0;
my @defined;
my $WORKER = 'attestmdm-worker';

if (!-e $preload) {
	ok(1, 'skipped: nothing can be preloaded into this build');
	$t->done;
	exit 0;
}

my @serials = map { sprintf('SIM%06d', $_) } 1 .. 3;
my $apple = Attestmdm::Apple->start($s, 'business', devices => scalar @serials);
$s->set_conf('apple.enrollment_url', $apple->url);
$s->set_conf('apple.server_ca', $apple->cacert);

# A lease of a worker that was killed has ended.
sub later { $now += 31; $s->clock($now) }

# The account's row, with another value as `v`.
sub row { $t->db('SELECT *, (' . ($_[0] // 'SELECT 0') . ") AS v FROM ade_accounts WHERE name = 'business'")->[0] }

sub kill_worker {
	my $pid = delete $s->{pids}{$WORKER};
	kill('KILL', $pid);
	waitpid($pid, 0);
}

sub start_worker {
	my ($at) = @_;
	local $ENV{LD_PRELOAD} = $preload;
	local $ENV{KILL_AT} = $at;
	later();
	$s->spawn($WORKER, $s->worker, '--config', $s->conf);
}

# Both jobs have done all that is to do.
sub at_rest {
	my $at = int(time + $now - 60);
	return row("SELECT count(*) FROM jobs WHERE name IN ('sync', 'assign') AND result = 'ok' AND ended_at > $at"
		. ' AND sync_next_at IS NOT NULL AND assign_at IS NULL')->{v} == 2;
}

# Waits until the worker was killed (true) or is at rest.
sub is_killed {
	my $until = time + 30;
	for (my $i = 1; time < $until; $i++) {
		sleep 0.01;
		return 1 if waitpid($s->{pids}{$WORKER}, POSIX::WNOHANG()) != 0;
		return 0 if $i % 8 == 0 && at_rest();
	}
	die "the worker does not end its work\n";
}

# What a round has to do: the statement that makes it due, and the check that a page
# and the cursor after it are both there, or neither.

# Two pages of a list, with a device more, and another profile for all.
sub fetch {
	my ($round, $before) = @_;
	push @serials, "C84FETCH$round";
	$apple->script({ add => $serials[-1] }, { set => 'page', value => @serials - 1 });
	my $number = $before->{fetch_number} + 1;
	return (qq(UPDATE ade_accounts SET sync_next_at = NULL, phase = 'fetch', cursor = '',
		profile_options = '{"department":"$round"}'), sub {
		my $account = row("SELECT count(*) FROM ade_devices d WHERE d.fetch_number = $number");
		my $wanted = $account->{phase} ne 'fetch' ? @serials : $account->{cursor} ne '' ? @serials - 1 : 0;
		is($account->{v}, $wanted, "killed at $round: cursor and pages agree");
	});
}

# Two pages of changes, with two devices more.
sub changes {
	my ($round, $before) = @_;
	my @new = ("C84CHANGE${round}A", "C84CHANGE${round}B");
	push @serials, @new;
	$apple->script((map { { add => $_ } } @new), { set => 'page', value => 1 });
	return ('UPDATE ade_accounts SET sync_next_at = NULL, assign_approved_at = NULL', sub {
		my $account = row("SELECT group_concat(serial) FROM ade_devices WHERE serial LIKE 'C84CHANGE${round}_'");
		my $wanted = $account->{sync_next_at} ? 2 : $account->{cursor} ne $before->{cursor} ? 1 : 0;
		is($account->{v} // '', join(',', @new[0 .. $wanted - 1]), "killed at $round: cursor and pages agree");
	});
}

# One round: the worker is killed at that step, another goes on. False when nothing
# was left to be killed for.
sub round_of {
	my ($kind, $round) = @_;
	my $before = row();
	my ($assigned, $defined) = map { scalar @{ $apple->log($_) } } qw(assignments profiles);
	my ($due, $check) = $kind->($round, $before);
	# The other jobs have nothing to do with it.
	$t->change_db("$due; UPDATE jobs SET next_run_at = CASE WHEN name IN ('sync', 'assign') THEN 1 ELSE "
		. int(time + $now + 600) . ' END');
	start_worker($round);
	my $killed = is_killed();
	if ($killed) {
		$check->();
		start_worker(0);
		is_killed() and die "the next worker ended\n";
	}
	kill_worker();
	my $account = row('SELECT group_concat(serial || profile_uuid) FROM (SELECT d.serial, d.profile_uuid FROM ade_devices d'
		. ' WHERE removed_at IS NULL AND gone_at IS NULL AND asked_at IS NULL ORDER BY serial)');
	my $uuid = $account->{profile_uuid};
	is($account->{v}, join(',', map { $kind == \&fetch || !/^C84CHANGE/ ? "$_$uuid" : $_ } sort @serials),
		'then each device is there once, as it is to be');
	my @all = @{ $apple->log('assignments') };
	my %times;
	$times{"$_->{serial} $_->{profile_uuid}"}++ for @all[$assigned .. $#all];
	is_deeply([sort { $a <=> $b } values %times], [$kind == \&fetch ? (1) x @serials : ()], 'and was assigned once');
	ok(!(grep { !/ \Q$uuid\E$/ } keys %times), 'to this profile');
	push @defined, @{ $apple->log('profiles') } - $defined;
	return $killed;
}

$apple->give_server_token;
$s->start_worker;
$apple->first_list;
$t->tool_ok('ade', 'assign', '--yes');
kill_worker();
later();

for (['a full list, and a profile', \&fetch, 20], ['changes', \&changes, 10]) {
	my ($name, $kind, $least) = @$_;
	subtest $name => sub {
		my $round = 1;
		@defined = ();
		$round++ while round_of($kind, $round) && $round < 100;
		cmp_ok($round, '>', $least, "$round steps");
		# Apple defines a profile, and nobody hears its answer: only that is repeated.
		cmp_ok(scalar(grep { $_ > 1 } @defined), '<=', 1, 'a profile is defined once');
	};
}
is(row('SELECT count(*) FROM alarms')->{v}, 0, 'nobody was alarmed');

$t->done;
