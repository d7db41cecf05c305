#!/usr/bin/perl
# An office full of Macs that enroll at the same moment, all from one address: a
# whole server as in production but for Apple, asked by simulated devices on the
# same machine, with the limits that are shipped. Prints how many enrolled and
# how long it took, how long nginx made each request wait, and its answers.
use strict;
use warnings;
use File::Temp;
use Getopt::Long;
use JSON::PP ();

use Attestmdm::Server;
use Attestmdm::Test ();

# Apple's ACME client waits 15 seconds for an answer (--timeout 15). Where one
# machine plays all the devices as well, that says more of the machine; so the
# devices are more patient, and leave the processors to the server.
my ($devices, $timeout, $help) = (2000, 120);
GetOptions('devices=i' => \$devices, 'timeout=i' => \$timeout, 'help' => \$help) && !$help
    or die "usage: burst.pl [--devices N] [--timeout SECONDS]\n";

my $processors = () = Attestmdm::Server::slurp('/proc/cpuinfo') =~ /^processor/mg;
my $folder = File::Temp->newdir('am-XXXXXX', TMPDIR => 1);
my $port = Attestmdm::Test::free_port();
my $server = Attestmdm::Server->new(dir => "$folder", owner => $$, port => $port,
    nginx_workers => $processors);
local $SIG{INT} = local $SIG{TERM} = sub { exit 1 };
$server->prepare->start;

my @fleet = ('nice', '-n', 19, $server->sim, 'fleet', $devices, '--server', $server->{url}, '--apple', $server->apple,
    '--connect', "127.0.0.1:$port", '--cacert', $server->cacert, '--timeout', $timeout,
    '--serial-prefix', 'BURST', '--concurrency', $devices);
Attestmdm::Server::spew("$folder/fleet.csv", "serial_number\n" . $server->run(@fleet, '--list'));
$server->run($server->tool, 'ade', 'import', "$folder/fleet.csv", '--config', $server->conf);
print "$devices devices at once; they and the server share $processors processors\n";

# Some may fail: their reasons come before the result.
open(my $out, '-|', @fleet, '--json') or die "fleet: $!";
my $text = do { local $/; <$out> };
close($out);
my $fleet = JSON::PP::decode_json($text);
printf("%d enrolled, %d refused, %d failed in %.1f s, %.1f per second\n",
    @{$fleet}{qw(enrolled refused failed seconds per_second)});
printf("an enrollment took %.1f s (median), %.1f s at most\n",
    map { $fleet->{$_} / 1000 } qw(p50_ms max_ms));

my (%status, @seconds);
for my $line (split(/\n/, Attestmdm::Server::slurp("$folder/nginx-access.log"))) {
	my ($status, $seconds) = $line =~ /" (\d+) \d+ ([\d.]+)s/ or next;
	$status{$status}++;
	push @seconds, $seconds;
}
@seconds = sort { $a <=> $b } @seconds;
printf("%d requests took nginx %.1f s (median), %.1f s (99 of 100), %.1f s at most\n",
    scalar @seconds, @seconds[$#seconds / 2, $#seconds * 0.99, $#seconds]);
print 'answers: ', join(', ', map { "$status{$_} of $_" } sort keys %status), "\n";

my $left = $server->stop;
die "a program failed\n" if grep { $_ != 0 } values %$left;
exit($fleet->{enrolled} == $devices ? 0 : 1);
