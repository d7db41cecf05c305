#!/usr/bin/perl
# What a renewal run over many hosts costs: its time and memory, and how long an
# enrolled device waits for the server meanwhile. Run it by "make bench".
use strict;
use warnings;
use Getopt::Long;

use Attestmdm::Bench;

my ($hosts, $polls, $help) = (100_000, 100);
GetOptions('hosts=i' => \$hosts, 'polls=i' => \$polls, 'help' => \$help) && !$help
    or die "usage: renew.pl [--hosts N] [--polls N]\n";

my $b = Attestmdm::Bench->new;
$b->hosts($hosts, '10 + i % 160');
$b->enroll_probe;
printf("%d hosts are due\n", $hosts);
my @idle = map { $b->poll_once } 1 .. $polls;
printf("%-34s median %.1f ms, 99 of 100 %.1f ms\n", 'a poll while nothing runs',
    Attestmdm::Bench::spread(@idle));
for my $limit (100, int($hosts / 10), $hosts) {
	my $run = $b->tool_polled('renew', '--due', '--limit', $limit, '--json');
	my ($opened) = $run->{out} =~ /"opened":(\d+)/;
	printf("%d renewals opened in %.2f s, %.1f MiB at most", $opened, @$run{qw(seconds memory)});
	printf("; a poll: median %.1f ms, 99 of 100 %.1f ms (%d)",
	    Attestmdm::Bench::spread(@{ $run->{waits} }), scalar @{ $run->{waits} }) if @{ $run->{waits} };
	print "\n";
}
$b->server->stop;
