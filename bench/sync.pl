#!/usr/bin/perl
# What a full synchronization with Apple Business costs the worker: seconds,
# processor time and memory, and how long an enrolled device waits meanwhile.
# The other side is attestmdm-sim. Run it by "make bench".
use strict;
use warnings;
use Getopt::Long;
use Time::HiRes qw(sleep time);

use Attestmdm::Apple;
use Attestmdm::Bench;

my ($devices, $help) = (100_000);
GetOptions('devices=i' => \$devices, 'help' => \$help) && !$help
    or die "usage: sync.pl [--devices N]\n";

my $b = Attestmdm::Bench->new;
my $s = $b->server;
my $apple = Attestmdm::Apple->start($s, 'business', devices => $devices);
$s->set_conf('apple.enrollment_url', $apple->url);
$s->set_conf('apple.server_ca', $apple->cacert);
$b->enroll_probe;

sub ade { return $s->run($s->tool, 'ade', @_, '--config', $s->conf) }

sub worker {
	my $pid = $s->{pids}{'attestmdm-worker'};
	my @stat = split(/ /, Attestmdm::Server::slurp("/proc/$pid/stat") =~ s/^.*\) //r);
	my ($peak) = Attestmdm::Server::slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
	return { cpu => ($stat[11] + $stat[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK()), peak => $peak };
}

# Runs it, with a device that polls all the while.
sub measure {
	my ($what, @command) = @_;
	my ($before, $start) = (worker(), time);
	my $run = $b->tool_polled('ade', @command, '--json');
	my $after = worker();
	printf("%s: %.1f s, %.1f s of processor time, at most %.0f MiB", $what, time - $start,
	    $after->{cpu} - $before->{cpu}, $after->{peak} / 1024);
	printf("; a poll: median %.1f ms, 99 of 100 %.1f ms", Attestmdm::Bench::spread(@{ $run->{waits} }))
	    if @{ $run->{waits} };
	print "\n";
}

Attestmdm::Server::spew($b->dir . '/business.pem', ade('token', 'new'));
$s->run($s->sim, 'server-token', '--state', $apple->dir, '--certificate', $b->dir . '/business.pem',
    '-o', $b->dir . '/token.p7m');
$s->start_worker;
sleep 1;
ade('token', 'import', $b->dir . '/token.p7m');
measure("a full list of $devices devices", 'sync');
# An account rests for half a minute after each run.
$s->clock(31);
measure('no change', 'sync');
measure("a profile for $devices devices", 'assign', '--yes');
$s->stop;
