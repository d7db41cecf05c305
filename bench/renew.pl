#!/usr/bin/perl
# What a renewal run over many hosts costs: its time and memory, and how long an
# enrolled device waits for the server meanwhile. Run it by "make bench".
use strict;
use warnings;
use File::Temp;
use Getopt::Long;
use POSIX ();
use Time::HiRes qw(sleep time);

use Attestmdm::Server;

my ($hosts, $polls, $help) = (100_000, 100);
GetOptions('hosts=i' => \$hosts, 'polls=i' => \$polls, 'help' => \$help) && !$help
    or die "usage: renew.pl [--hosts N] [--polls N]\n";

my $folder = File::Temp->newdir('am-XXXXXX', TMPDIR => 1);
my $server = Attestmdm::Server->new(dir => "$folder", owner => $$, require => 0);
local $SIG{INT} = local $SIG{TERM} = sub { exit 1 };
$server->prepare->start;

# Enrolled hosts by SCEP whose certificates end in 10 to 170 days.
sub fill {
	my $now = int(time);
	Attestmdm::Server::spew("$folder/fill.sql", <<"EOT");
PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $hosts)
    SELECT i, printf('%022d', i) AS id, printf('BENCH%07d', i) AS serial,
    randomblob(32) AS digest FROM c;
INSERT INTO enrollments (id, serial, source, purpose, method, state, created_at, expires_at)
    SELECT id, serial, 'ade', 'enroll', 'scep', 'enrolled', $now, $now FROM n;
INSERT INTO certificates (sha256, id, serial_number, der, spki_sha256, issuer_key_id,
    enrollment_id, serial, purpose, hardware_attested, state, not_before, not_after, created_at)
    SELECT digest, id, digest, zeroblob(1200), digest, zeroblob(20), id, serial, 'enroll', 0,
    'current', $now - 86400 * (355 - i % 160), $now + 86400 * (10 + i % 160), $now FROM n;
INSERT INTO hosts (id, serial, udid, state, certificate_sha256, enrollment_id, product_name,
    os_version, generation, created_at, enrolled_at, last_seen_at)
    SELECT id, serial, printf('00000000-0000-4000-8000-%012d', i), 'enrolled', digest, id,
    'MacBookPro16,1', '13.6', 1, $now, $now, $now FROM n;
COMMIT;
ANALYZE;
EOT
	$server->run('sqlite3', '-cmd', '.timeout 20000', $server->state . '/attestmdm.db',
	    ".read $folder/fill.sql");
}

sub enroll_probe {
	Attestmdm::Server::spew("$folder/probe.csv", "serial_number\nPROBE00001\n");
	$server->run($server->tool, 'ade', 'import', "$folder/probe.csv", '--config', $server->conf);
	$server->run($server->sim, 'enroll', '--server', $server->{url}, '--apple', $server->apple,
	    '--unix-socket', $server->socket, '--cacert', $server->cacert,
	    '--serial', 'PROBE00001', '--state', "$folder/probe");
}

# Milliseconds of one poll of an enrolled device, its process included.
sub poll_once {
	my $begun = time;
	$server->run($server->sim, 'poll', '--unix-socket', $server->socket,
	    '--cacert', $server->cacert, '--state', "$folder/probe");
	return 1000 * (time - $begun);
}

sub spread {
	my @sorted = sort { $a <=> $b } @_;
	return map { $sorted[ int($_ * $#sorted + 0.5) ] } 0.5, 0.99;
}

sub peak_memory {
	my ($pid) = @_;
	open(my $status, '<', "/proc/$pid/status") or return 0;
	return join('', <$status>) =~ /^VmHWM:\s+(\d+) kB/m ? $1 / 1024 : 0;
}

# One run over `limit` hosts: seconds, MiB, and the polls meanwhile.
sub run_over {
	my ($limit) = @_;
	my $begun = time;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		open(STDOUT, '>', "$folder/renew.out");
		exec($server->tool, 'renew', '--due', '--limit', $limit, '--json',
		    '--config', $server->conf) or POSIX::_exit(127);
	}
	my ($memory, @waits) = (0);
	while (waitpid($pid, POSIX::WNOHANG()) == 0) {
		my $now = peak_memory($pid);
		$memory = $now if $now > $memory;
		push @waits, poll_once();
	}
	die "the run failed\n" if $? != 0;
	my ($opened) = Attestmdm::Server::slurp("$folder/renew.out") =~ /"opened":(\d+)/;
	return { opened => $opened, seconds => time - $begun, memory => $memory, waits => \@waits };
}

fill();
enroll_probe();
printf("%d hosts are due\n", $hosts);
my @idle = map { poll_once() } 1 .. $polls;
printf("%-34s median %.1f ms, 99 of 100 %.1f ms\n", 'a poll while nothing runs', spread(@idle));
for my $limit (100, int($hosts / 10), $hosts) {
	my $run = run_over($limit);
	printf("%d renewals opened in %.2f s, %.1f MiB at most", @$run{qw(opened seconds memory)});
	printf("; a poll: median %.1f ms, 99 of 100 %.1f ms (%d)", spread(@{ $run->{waits} }),
	    scalar @{ $run->{waits} }) if @{ $run->{waits} };
	print "\n";
}
$server->stop;
