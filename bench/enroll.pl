#!/usr/bin/perl
# How fast Macs enroll with attestation, or with --scep Intel Macs by SCEP, and
# what that costs: a whole server as in production but for Apple, asked through
# nginx with TLS by a fleet of simulated devices on the same machine. Run it by
# "make bench".
use strict;
use warnings;
use File::Temp;
use Getopt::Long;
use JSON::PP ();
use POSIX ();

use Attestmdm::Server;

my ($devices, $rounds, $scep, $help) = (100, 3, 0);
my @concurrency = (1, 8);
GetOptions('devices=i' => \$devices, 'rounds=i' => \$rounds,
    'concurrency=i@' => sub { push @{ $main::given }, $_[1] },
    'scep' => \$scep, 'help' => \$help) && !$help
    or die "usage: enroll.pl [--scep] [--devices N] [--rounds N] [--concurrency N]...\n";
@concurrency = @$main::given if $main::given;

# Seconds of processor time that a process has used. The scheduler's own count
# is in nanoseconds; without it there are clock ticks.
sub cpu_of {
	my ($pid) = @_;
	my ($text, $file);
	if (open($file, '<', "/proc/$pid/schedstat")) {
		$text = <$file>;
		return $1 / 1e9 if defined $text && $text =~ /^(\d+) / && $1 > 0;
	}
	open($file, '<', "/proc/$pid/stat") or return 0;
	$text = <$file> // '';
	my @fields = split(' ', $text =~ s/^.*\)//sr);
	return ($fields[11] + $fields[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# A process and its children: every program forks its workers itself.
sub tree {
	my (@pids) = @_;
	my %children;
	for my $stat (glob('/proc/[0-9]*/stat')) {
		open(my $file, '<', $stat) or next;
		my $text = <$file> // next;
		push @{ $children{$2} }, $1 if $text =~ /^(\d+) .*\) \S (\d+)/;
	}
	my @all;
	while (defined(my $pid = shift @pids)) {
		push @all, $pid;
		push @pids, @{ $children{$pid} || [] };
	}
	return @all;
}

# { programs => seconds, nginx => seconds } since the server began.
sub server_cpu {
	my ($server) = @_;
	my %cpu = (programs => 0, nginx => 0);
	for my $name (keys %{ $server->{pids} }) {
		my $who = $name eq 'nginx' ? 'nginx' : 'programs';
		$cpu{$who} += cpu_of($_) for tree($server->{pids}{$name});
	}
	return \%cpu;
}

# What was asked since the last look, by kind.
my $log_offset = 0;
sub requests {
	my ($server) = @_;
	my %count = (acme => 0, profile => 0, checkin => 0, all => 0, bad => 0);
	open(my $log, '<', "$server->{dir}/nginx-access.log") or die "log: $!";
	seek($log, $log_offset, 0);
	while (my $line = <$log>) {
		my ($method, $path, $status) = $line =~ m{"(\S+) (\S+?)" (\d+)}
		    or next;
		$count{all}++;
		$count{bad}++ if $status >= 400;
		$count{acme}++ if $method eq 'POST' && $path =~ m{^/acme/};
		$count{profile}++ if $path =~ m{^/enroll};
		$count{checkin}++ if $path =~ m{^/mdm/};
	}
	$log_offset = tell($log);
	return \%count;
}

# By SCEP we open the envelope, sign the certificate and the answer; the message,
# the request in it and each check-in are signed by the device.
sub scep_signatures {
	my ($n, $count) = @_;
	return (
		'sign-rsa3072' => 3,
		'verify-rsa2048' => 2 + $count->{checkin} / $n,
		'verify-rsa1024' => 2 * $count->{profile} / $n,
	);
}

# Milliseconds of the signatures of one enrollment: each ACME request is signed
# by a P-256 key; the attestation has two certificates, the certificate request
# and each check-in one signature by a P-384 key; the profile is asked for with
# a device certificate and a signature by it; we sign one certificate.
sub signatures {
	my ($server, $n, $count) = @_;
	my %kinds = $scep ? scep_signatures($n, $count) : (
		'verify-p256' => $count->{acme} / $n,
		'verify-p384' => 3 + $count->{checkin} / $n,
		'verify-rsa1024' => 2 * $count->{profile} / $n,
		'sign-p256' => 1,
	);
	my $out = $server->run("$server->{build}/bench/signatures",
	    map { "$_=$kinds{$_}" } sort keys %kinds);
	my ($total) = $out =~ /^total (\S+)/m or die "signatures: $out";
	return ($total / 1000, \%kinds);
}

my $next = 1;

sub fleet_round {
	my ($server, $at_once) = @_;
	my @fleet = ('--server', $server->{url}, '--apple', $server->apple,
	    '--unix-socket', $server->socket, '--cacert', $server->cacert,
	    '--serial-prefix', 'BENCH', '--first', $next, '--concurrency', $at_once);
	push @fleet, '--product', 'MacBookPro16,1', '--os-version', '13.6' if $scep;
	$next += $devices;
	my $serials = $server->run($server->sim, 'fleet', $devices, @fleet, '--list');
	Attestmdm::Server::spew("$server->{dir}/fleet.csv", "serial_number\n$serials");
	$server->run($server->tool, 'ade', 'import', "$server->{dir}/fleet.csv",
	    '--config', $server->conf);
	requests($server);
	my $before = server_cpu($server);
	my $fleet = JSON::PP::decode_json(
	    $server->run($server->sim, 'fleet', $devices, @fleet, '--json'));
	my $after = server_cpu($server);
	my $count = requests($server);
	die "only $fleet->{enrolled} of $devices enrolled, $count->{bad} refusals\n"
	    if $fleet->{enrolled} != $devices;
	my %cpu = map { $_ => 1000 * ($after->{$_} - $before->{$_}) / $devices }
	    keys %$after;
	my ($signatures, $kinds) = signatures($server, $devices, $count);
	return {
		rate => $fleet->{per_second},
		p50 => $fleet->{p50_ms},
		p99 => $fleet->{p99_ms},
		requests => $count->{all} / $devices,
		device => $fleet->{simulator_cpu_ms},
		%cpu,
		total => $cpu{programs} + $cpu{nginx},
		signatures => $signatures,
		ratio => ($cpu{programs} + $cpu{nginx}) / $signatures,
		program_ratio => $cpu{programs} / $signatures,
		kinds => $kinds,
	};
}

sub median {
	my @sorted = sort { $a <=> $b } @_;
	return ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
}

my @rows = (
	[rate => 'enrollments per second', '%.1f'],
	[p50 => 'latency, median, ms', '%.1f'],
	[p99 => 'latency, 99 of 100, ms', '%.1f'],
	[requests => 'requests per enrollment', '%.1f'],
	[programs => 'CPU of the programs, ms', '%.2f'],
	[nginx => 'CPU of nginx with TLS, ms', '%.2f'],
	[total => 'CPU of the server, ms', '%.2f'],
	[signatures => 'CPU of its signatures alone, ms', '%.2f'],
	[program_ratio => 'programs : signatures', '%.2f'],
	[ratio => 'server : signatures', '%.2f'],
	[device => 'CPU of the device, ms', '%.2f'],
);

sub table {
	my (%results) = @_;
	printf("%-34s%s\n", 'per enrollment; medians',
	    join('', map { sprintf('%14s', "$_ at once") } @concurrency));
	for my $row (@rows) {
		my ($key, $label, $format) = @$row;
		printf("%-34s%s\n", $label, join('', map {
			my $c = $_;
			sprintf('%14s', sprintf($format,
			    median(map { $_->{$key} } @{ $results{$c} })));
		} @concurrency));
	}
	my $kinds = $results{ $concurrency[0] }[0]{kinds};
	print 'signatures of one enrollment: ', join(', ',
	    map { sprintf('%g %s', $kinds->{$_}, $_) } sort keys %$kinds), "\n";
}

my $processors = () = Attestmdm::Server::slurp('/proc/cpuinfo') =~ /^processor/mg;
my $folder = File::Temp->newdir('am-XXXXXX', TMPDIR => 1);
my $server = Attestmdm::Server->new(dir => "$folder", owner => $$,
    nginx_workers => $processors);
local $SIG{INT} = local $SIG{TERM} = sub { exit 1 };
$server->prepare->start;
print "$rounds rounds of $devices devices; they and the server share",
    " $processors processors\n";
my %results;
for my $round (1 .. $rounds) {
	for my $at_once (@concurrency) {
		push @{ $results{$at_once} }, fleet_round($server, $at_once);
	}
}
table(%results);
my $status = $server->stop;
die "a program failed\n" if grep { $_ != 0 } values %$status;
