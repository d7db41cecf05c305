#!/usr/bin/perl
# How long a command takes by way of a push: from the start of "attestmdm command
# send" until the simulated device, which waits for pushes, has answered it. Run it
# by "make bench".
use strict;
use warnings;
use Getopt::Long;
use Time::HiRes qw(time);

use Attestmdm::Apple;
use Attestmdm::Bench;

my ($runs, $help) = (50);
GetOptions('runs=i' => \$runs, 'help' => \$help) && !$help or die "usage: wake.pl [--runs N]\n";

my $b = Attestmdm::Bench->new;
my $server = $b->server;
my $apns = Attestmdm::Apple->start($server, 'apns');
$apns->give_push_certificate;
$server->set_conf('apple.push_url', $apns->url);
$server->set_conf('apple.server_ca', $apns->cacert);
$server->set_conf('server.log_level', 'notice');
$b->enroll_probe;
$server->start_worker;

my $pid = open(my $device, '-|') // die "fork: $!";
if (!$pid) {
	exec($server->sim, 'wait', '--push', $apns->dir, '--patience', 30, '--unix-socket', $server->socket,
	    '--cacert', $server->cacert, $b->dir . '/probe') or exit 127;
}

# Reads what the device says until a line matches.
sub read_until {
	my ($pattern) = @_;
	while (my $line = <$device>) {
		return if $line =~ $pattern;
	}
	die "the device ended\n";
}

# Seconds from the command to its answer. Pushes are some seconds apart, which the
# clock is moved by.
sub wake {
	my ($run) = @_;
	$server->clock(10 * $run);
	my $begun = time;
	$server->run($server->tool, '--config', $server->conf, 'command', 'send', 'PROBE00001', 'DeviceInformation');
	read_until(qr/ DeviceInformation Acknowledged$/);
	return time - $begun;
}

read_until(qr/^waiting$/);
wake(1);
my @ms = map { 1000 * wake($_) } 2 .. $runs + 1;
printf("%-34s median %.1f ms, 99 of 100 %.1f ms (%d)\n", 'a command, by a push, to its answer',
    Attestmdm::Bench::spread(@ms), scalar @ms);
kill('TERM', $pid);
close($device);
$server->stop;
