#!/usr/bin/perl
# The server that ./quickstart shows: everything real but Apple, on loopback.
use strict;
use warnings;
use Fcntl qw(LOCK_EX LOCK_NB);
use File::Temp;
use Getopt::Long;
use IO::Socket::INET;

use Attestmdm::Server;

my $SERIAL = 'C02DEMO00001';

# One device of each kind; all but the last are assigned in Apple Business.
my @OTHERS = (
	['C02DEMO00011', 'an Intel Mac, which cannot attest, by SCEP', 'MacBookPro16,1', '13.6'],
	['C02DEMO00012', 'an iPhone, by attestation', 'iPhone14,2', '17.0'],
	['C02DEMO00013', 'an iPad, by attestation', 'iPad14,1', '17.0'],
	['C02DEMO00014', 'a Mac that was bought elsewhere, by a one-time link', 'Mac15,3', '15.1'],
);
my ($once, $port, $check);
GetOptions('once' => \$once, 'port=i' => \$port, 'check' => \$check)
    or die "usage: ./quickstart [--once] [--port N]\n";

sub is_free {
	my ($number) = @_;
	return IO::Socket::INET->new(LocalAddr => '127.0.0.1',
	    LocalPort => $number, Proto => 'tcp', Listen => 1, ReuseAddr => 1);
}

# The folder of short commands for a second terminal: build/demo, or another
# one when the server of another terminal has that. The lock ends with us.
my ($demo, $demo_lock);

sub take_folder {
	my ($server) = @_;
	for my $name ('demo', "demo-$port") {
		$demo = "build/$name";
		mkdir("$server->{build}/$name");
		open($demo_lock, '>', "$server->{build}/$name/lock") or die "$demo/lock: $!\n";
		return if flock($demo_lock, LOCK_EX | LOCK_NB);
	}
	die "another server uses $demo\n";
}

sub write_wrapper {
	my ($server, $name, @cmd) = @_;
	my $file = "$Attestmdm::Server::TOP/$demo/$name";
	my ($program, @rest) = map { "'$_'" } @cmd;
	Attestmdm::Server::spew($file, "#!/bin/sh\nexec $program \"\$@\" @rest\n");
	chmod(0755, $file) or die "$file: $!";
}

sub enroll_others {
	my ($server, $folder) = @_;
	my $tool = "$demo/attestmdm";
	print "\nOne of each other kind enrolls:\n\n";
	for my $i (0 .. $#OTHERS) {
		my ($serial, $what, $product, $version) = @{ $OTHERS[$i] };
		my @how = $i < $#OTHERS ? ('--server', $server->{url})
		    : ('--link', $server->run($tool, 'enrollment', 'new', '--json')
			=~ /"url":"([^"]+)"/);
		print "$what:\n", $server->run($server->sim, 'enroll', @how,
		    '--apple', $server->apple, '--cacert', $server->cacert,
		    '--serial', $serial, '--state', "$folder/$serial",
		    '--product', $product, '--os-version', $version);
	}
	print "\n", $server->run($tool, 'host', 'list');
}

# Every job, once each has run.
sub show_jobs {
	my $status = '';
	for (1 .. 200) {
		$status = `$demo/attestmdm status 2>&1`;
		last if $? == 0 && $status !~ /^\S+ +(?:never|running) /m;
		select(undef, undef, undef, 0.05);
	}
	print "\nWhat the worker does by the clock:\n\n$status";
	die "a job failed\n" if $? != 0;
}

sub say_next {
	my ($server) = @_;
	my $password = $server->password;
	print <<"EOT";

The server runs until you press Ctrl-C. In another terminal, from this folder:

  A Mac that attests one key and asks to certify another is refused, and the
  event log says why:
    $demo/other-mac enroll --serial C02DEMO00002 --fault wrong-key-csr
    $demo/attestmdm enrollment list --serial C02DEMO00002
    $demo/attestmdm enrollment show ID

  A command goes to the enrolled Mac, and its answer comes back:
    $demo/attestmdm command send $SERIAL DeviceInformation
    $demo/mac poll
    $demo/attestmdm command list $SERIAL

  Its certificate is renewed before it ends; here at once:
    $demo/attestmdm renew --host $SERIAL
    $demo/mac poll

  What the Mac and the server say to each other:
    $demo/other-mac enroll --serial C02DEMO00002 --verbose

  Every way to cheat that the simulator knows:
    $demo/mac faults

  What the worker did, and does next:
    $demo/attestmdm status

Admin page:  $server->{url}/admin/
Sign in as:  admin
Password:    $password
EOT
}

die "port $port is used already; choose another one, or none\n"
    if $port && !is_free($port);
exit 0 if $check;
$port ||= (grep { is_free($_) } 8443 .. 8543)[0]
    or die "no free port between 8443 and 8543\n";
$| = 1;
my $folder = File::Temp->newdir('attestmdm-XXXXXX', TMPDIR => 1);
my $server = Attestmdm::Server->new(dir => "$folder", port => $port,
    host => 'localhost', owner => $$, worker => 1);
my $stop = 0;
$SIG{INT} = $SIG{TERM} = sub { $stop = 1 };

$server->prepare->start;
Attestmdm::Server::spew("$folder/assigned.csv",
    join("\n", 'serial_number,model', "$SERIAL,MacBook Pro", 'C02DEMO00002,MacBook Air',
	(map { "$_->[0]," } @OTHERS[0 .. $#OTHERS - 1]), ''));
$server->run($server->tool, 'ade', 'import', "$folder/assigned.csv",
    '--config', $server->conf);

take_folder($server);
write_wrapper($server, 'attestmdm', $server->tool, '--config', $server->conf);
write_wrapper($server, $_, $server->sim, '--server', $server->{url},
    '--apple', $server->apple, '--cacert', $server->cacert, '--state',
    "$folder/$_") for 'mac', 'other-mac';

print "A simulated Mac, assigned to us in Apple Business, enrolls:\n\n";
print $server->run("$demo/mac", 'enroll', '--serial', $SERIAL,
    '--product', 'Mac15,3', '--os-version', '15.1');
print "\nWhat the admin sees:\n\n";
my $host = $server->run("$demo/attestmdm", 'host', 'show', $SERIAL);
print $host;
$host =~ /^MDM attestation: +Yes$/m or die "the host is not attested\n";
enroll_others($server, $folder);
show_jobs();
if (!$once) {
	say_next($server);
	sleep(1) while !$stop;
	print "\nStopping.\n";
}
$server->stop;
