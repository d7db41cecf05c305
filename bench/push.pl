#!/usr/bin/perl
# What waking costs: how long the worker takes to push to many hosts through the
# stand-in for APNs, with how much processor time and memory. Run it by "make
# bench".
use strict;
use warnings;
use Getopt::Long;
use Time::HiRes qw(sleep time);

use Attestmdm::Apple;
use Attestmdm::Bench;

my ($hosts, $help) = (10_000);
GetOptions('hosts=i' => \$hosts, 'help' => \$help) && !$help or die "usage: push.pl [--hosts N]\n";

my $b = Attestmdm::Bench->new;
my $server = $b->server;
my $apns = Attestmdm::Apple->start($server, 'apns');

# Processor seconds of the worker so far.
sub cpu {
	my @stat = split(/ /, Attestmdm::Server::slurp("/proc/$server->{pids}{'attestmdm-worker'}/stat"));
	return ($stat[13] + $stat[14]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

$apns->give_push_certificate;
$server->set_conf('apple.push_url', $apns->url);
$server->set_conf('apple.server_ca', $apns->cacert);
$server->set_conf('server.log_level', 'notice');
$b->hosts($hosts, '300');
$b->sql("UPDATE hosts SET push_token = randomblob(32), push_magic = id, topic = '$server->{topic}';"
	. ' INSERT INTO pushes (host_id, token_at) SELECT id, 1 FROM hosts;');
$server->start_worker;
sleep 2;
my $before = cpu();
$b->sql('UPDATE pushes SET due_at = 1;');
my $begun = time;
$server->wake;
my $left = 1;
while ($left > 0) {
	sleep 0.2;
	chomp($left = $server->run('sqlite3', '-cmd', '.timeout 20000', $server->database,
		'SELECT count(*) FROM pushes WHERE last_status <> 200'));
	die "$left hosts were not pushed to\n" if time - $begun > 600;
}
my $seconds = time - $begun;
my $log = $apns->log('pushes');
my %connections = map { $_->{connection} => 1 } @$log;
printf("%d pushes in %.1f s (%d each second) by %d connections; worker: %.1f s of processor time, %.0f MiB\n",
	$hosts, $seconds, $hosts / $seconds, scalar(keys %connections), cpu() - $before,
	Attestmdm::Bench::peak_memory($server->{pids}{'attestmdm-worker'}));
printf("%d were sent twice\n", @$log - $hosts);
$server->stop;
