#!/usr/bin/perl
# No program reaches the key of another authority: not by the file, nor through
# the processes that have it open. acme-finalize, scep and the publication of
# both lists run as their users, each in a mount namespace of its own, as systemd
# starts them; and the users try.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Apple;
use Attestmdm::Test;
use Attestmdm::Installed;
use Fcntl qw(:flock);
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

my $t = Attestmdm::Test->new(start => 0);
my $i = Attestmdm::Installed->new(t => $t);
my $state = "$i->{dir}/var";
my @children;
my $sanitized = Attestmdm::Server::slurp($i->{tool}) =~ /__asan_init/;

END {
	local $?;
	kill('TERM', @children);
	waitpid($_, 0) for @children;
}

sub as { return Attestmdm::Installed::as(@_) }

is($i->run($i->init)->{exit}, 0, 'init as root');
Attestmdm::Server::spew($i->{conf}, Attestmdm::Server::slurp($i->{conf})
	. "\n[apple]\nattestation_root = $Attestmdm::Server::TOP/data/apple-enterprise-attestation-root-ca.pem\n");

# Runs a command as a user in a mount namespace of its own; its process id.
sub start {
	my ($user, $command) = @_;
	my $pid = fork() // die $!;
	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', $t->dir . '/started.log');
		open(STDERR, '>&', \*STDOUT);
		exec($i->words('exec ' . as($user) . $command)) or POSIX::_exit(127);
	}
	push @children, $pid;
	return $pid;
}

# Waits until a process has become what it was started for.
sub running {
	my ($pid, $program) = @_;
	my $until = time + 20;
	my $name = substr($program, 0, 15);
	while (time < $until) {
		open(my $f, '<', "/proc/$pid/comm") or last;
		return 1 if (readline($f) // '') eq "$name\n";
		sleep 0.05;
	}
	return 0;
}

sub children_of {
	my ($pid) = @_;
	return grep { length } split(/\s+/, `ps -o pid= --ppid $pid`);
}

# What a user tries: the exit status is 0 when it could read.
sub reads {
	my ($user, $path) = @_;
	return $i->run(as($user) . "head -c 1 $path >/dev/null")->{exit} == 0;
}

Attestmdm::Server::spew("$i->{dir}/memory.pl", <<'EOT');
open(my $maps, '<', "/proc/$ARGV[0]/maps") or exit 1;
my ($from) = (readline($maps) // '') =~ /^([0-9a-f]+)-/ or exit 1;
open(my $mem, '<', "/proc/$ARGV[0]/mem") or exit 1;
sysseek($mem, hex($from), 0);
exit((sysread($mem, my $x, 16) // 0) == 16 ? 0 : 1);
EOT
chmod(0644, "$i->{dir}/memory.pl");

# Memory is read where the program itself lies, which is always mapped.
sub reads_memory {
	my ($user, $pid) = @_;
	return $i->run(as($user) . "perl $i->{dir}/memory.pl $pid")->{exit} == 0;
}

# The tries are such that they succeed where nothing is in the way.
my $open = start('attestmdm-scep', 'sleep 600');
ok(running($open, 'sleep'), 'a process that does not hide');
ok(reads('attestmdm-scep', "/proc/$open/root$state/scep-ca.key"), 'its user looks through its root');
my $yama = '/proc/sys/kernel/yama/ptrace_scope';
SKIP: {
	skip('here nobody looks into the memory of others', 1)
	    if -e $yama && Attestmdm::Server::slurp($yama) > 0;
	ok(reads_memory('attestmdm-scep', $open), 'and into its memory');
}

# Each holds its key: the programs, and publication while it waits for its lock.
my %holds;
for (['acme', 'acme-finalize'], ['scep', 'scep']) {
	my ($authority, $program) = @$_;
	my $socket = "$i->{dir}/run-$authority";
	mkdir($socket);
	chown($Attestmdm::Installed::USERS{"attestmdm-$authority"}, $Attestmdm::Installed::GROUP, $socket);
	my $pid = start("attestmdm-$authority", $t->server->program($program)
		. " --config $i->{conf} --listen $socket/s.sock");
	ok(running($pid, $program) && Attestmdm::Server::answers("$socket/s.sock", 20), "$program runs")
	    or diag(Attestmdm::Server::slurp($t->dir . '/started.log'));
	push @{ $holds{$authority} }, [ $program => $pid ], map { [ "a worker of $program" => $_ ] } children_of($pid);
	$i->tool("attestmdm-$authority", "crl --publish --authority $authority");
	open(my $lock, '<', "$state/public/$authority/.lock") or die $!;
	flock($lock, LOCK_EX) or die $!;
	push @{ $holds{locks} }, $lock;
	$pid = start("attestmdm-$authority", "$i->{tool} crl --publish --authority $authority --config $i->{conf}");
	ok(running($pid, 'attestmdm'), 'so does the publication of its list');
	push @{ $holds{$authority} }, [ 'publication' => $pid ];
}
sleep 0.5;

for my $authority (qw(acme scep)) {
	my $key = "$state/$authority-ca.key";
	my @others = grep { $_ ne "attestmdm-$authority" } qw(attestmdm attestmdm-acme attestmdm-scep nobody);
	ok(!reads($_, $key), "$_ cannot read $authority-ca.key") for @others;
	for (@{ $holds{$authority} }) {
		my ($name, $pid) = @$_;
		is(waitpid($pid, WNOHANG), $name =~ /worker/ ? -1 : 0, "$name is there");
		for my $user (@others) {
			ok(!reads($user, "/proc/$pid/root$key"), "$user: not through the root of $name");
			ok(!reads_memory($user, $pid), "$user: not in the memory of $name");
		}
		# Also against what runs as the same user, such as a taken-over worker. With
		# the leak sanitizer, which looks from outside, nothing can hide.
		next if $sanitized;
		ok(!reads_memory("attestmdm-$authority", $pid), "nor does its own user look into $name");
		ok(!reads("attestmdm-$authority", "/proc/$pid/environ"), 'nor at its environment');
	}
}

subtest 'the server token is for the worker alone' => sub {
	my $dir = $t->dir;
	my $business = Attestmdm::Apple->start($t->server, 'business', devices => 1, accounts => 'main');
	Attestmdm::Server::spew("$dir/token.cert", $i->run("$i->{tool} ade token new --config $i->{conf}")->{out});
	$t->server->run($t->server->sim, 'server-token', '--state', $business->dir, '--account', 'main',
	    '--certificate', "$dir/token.cert", '-o', "$dir/t.p7m");
	my $r = $i->run("$i->{tool} ade token import $dir/t.p7m --config $i->{conf}");
	is($r->{exit}, 0, 'root imports it') or diag($r->{err});
	like($r->{out}, qr/compare organization and service/, 'and is told what to compare');
	my @stat = stat("$state/apple/ade-business.json");
	is($stat[4], $Attestmdm::Installed::USERS{'attestmdm-worker'}, 'it belongs to the worker');
	is($stat[5], $Attestmdm::Installed::GROUP, 'and its group');
	is($stat[2] & 07777, 0600, 'and nobody else reads it');
};

$t->done;
