#!/usr/bin/perl
# What housekeeping costs: how long an enrolled device waits for the server while
# many old rows are deleted, and how long a run takes that finds nothing to do
# among many hosts. Run it by "make bench".
use strict;
use warnings;
use Getopt::Long;

use Attestmdm::Bench;

my ($hosts, $rows, $polls, $help) = (1_000_000, 1_000_000, 100);
GetOptions('hosts=i' => \$hosts, 'rows=i' => \$rows, 'polls=i' => \$polls, 'help' => \$help)
    && !$help or die "usage: purge.pl [--hosts N] [--rows N] [--polls N]\n";

# Half of the old rows are expired enrollments without a certificate, the others
# lines of the event log.
sub fill {
	my ($b) = @_;
	my $half = int($rows / 2);
	my $now = int(time);
	$b->sql(<<"EOT");
BEGIN;
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $half)
    SELECT i, hex(randomblob(11)) AS id, printf('OLD%09d', i) AS serial,
    $now - 86400 * (200 + i % 100) AS at FROM c;
INSERT INTO enrollments (id, serial, source, purpose, method, state, created_at, expires_at)
    SELECT id, serial, 'ade', 'enroll', 'acme', 'open', at, at FROM n;
INSERT INTO events (at, enrollment_id, serial, step, outcome) SELECT at, id, serial, 'profile', 'ok'
    FROM n;
COMMIT;
ANALYZE;
EOT
}

sub purge {
	my ($b, $what) = @_;
	my $run = $b->tool_polled('purge', '--json');
	my ($deleted) = $run->{out} =~ /"deleted":(\d+)/;
	printf("%s: %d rows deleted in %.3f s", $what, $deleted, $run->{seconds});
	printf("; a poll: median %.1f ms, 99 of 100 %.1f ms (%d)",
	    Attestmdm::Bench::spread(@{ $run->{waits} }), scalar @{ $run->{waits} }) if @{ $run->{waits} };
	print "\n";
}

my $b = Attestmdm::Bench->new;
$b->hosts($hosts, '10 + i % 350');
$b->enroll_probe;
printf("%d hosts\n%-34s median %.1f ms, 99 of 100 %.1f ms\n", $hosts, 'a poll while nothing runs',
    Attestmdm::Bench::spread(map { $b->poll_once } 1 .. $polls));
purge($b, 'the first run');
purge($b, 'with nothing to do');
fill($b);
purge($b, 'with much to do');
purge($b, 'with nothing to do');
my $run = $b->tool_polled('renew', '--due', '--dry-run', '--limit', 1, '--json');
printf("a renewal run that looks for one: %.3f s\n", $run->{seconds});
$b->server->stop;
