#!/usr/bin/perl
# The server that ./quickstart shows: everything real but Apple, on loopback.
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(LOCK_EX LOCK_NB O_CREAT O_EXCL O_WRONLY);
use File::Spec;
use File::Temp;
use Getopt::Long;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use Attestmdm::Apple;
use Attestmdm::Server;

# One device of each kind; all but the last are assigned in Apple Business, as is
# the Mac that cheats. The first is the one that is shown.
my @DEVICES = (
	['C02DEMO00001', 'a Mac, by attestation', 'Mac15,3', '15.1'],
	['C02DEMO00011', 'an Intel Mac, which cannot attest, by SCEP', 'MacBookPro16,1', '13.6'],
	['C02DEMO00012', 'an iPhone, by SCEP, since attestation is required of Macs', 'iPhone14,2', '17.0'],
	['C02DEMO00013', 'an iPad, now that it is required of all devices, by attestation', 'iPad14,1', '17.0'],
	['C02DEMO00014', 'a Mac that was bought elsewhere, by a one-time link', 'Mac15,3', '15.1'],
);
# From this one on, hardware attestation is required of iPhones and iPads, too.
my $FIRST_OF_ALL = 'C02DEMO00013';
my $SERIAL = $DEVICES[0][0];
my $CHEAT = 'C02DEMO00002';
my $REQUIRE = 'apple_require_hardware_attestation';

# In Apple Business: serial number, device family and model.
my @ASSIGNED = (
	[$SERIAL, 'Mac', 'MacBook Pro'],
	[$CHEAT, 'Mac', 'MacBook Air'],
	['C02DEMO00011', 'Mac', 'MacBook Pro'],
	['C02DEMO00012', 'iPhone', 'iPhone 13 Pro'],
	['C02DEMO00013', 'iPad', 'iPad Pro'],
);
my $ACCOUNT = 'ada@example.com';
my ($once, $port, $check, $sign_in, $provider);
GetOptions('once' => \$once, 'port=i' => \$port, 'check' => \$check, 'sign-in' => \$sign_in)
    or die "usage: ./quickstart [--once] [--port N] [--sign-in]\n";

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
		$demo = File::Spec->abs2rel(abs_path($server->{build}) . "/$name");
		mkdir($demo);
		open($demo_lock, '>', "$demo/lock") or die "$demo/lock: $!\n";
		return if flock($demo_lock, LOCK_EX | LOCK_NB);
	}
	die "another server uses $demo\n";
}

sub write_wrapper {
	my ($server, $name, @cmd) = @_;
	my $file = "$demo/$name";
	my ($program, @rest) = map { "'$_'" } @cmd;
	Attestmdm::Server::spew($file, "#!/bin/sh\nexec $program \"\$@\" @rest\n");
	chmod(0755, $file) or die "$file: $!";
}

# The stand-ins for Apple's services, connected as an administrator does it.
# Returns the one that pushes, and Apple Business.
sub connect_apple {
	my ($server, $folder) = @_;
	my $apns = Attestmdm::Apple->start($server, 'apns');
	my $business = Attestmdm::Apple->start($server, 'business', devices => 0);
	$business->script(map { {
		add => $_->[0], device_family => $_->[1], model => $_->[2], description => $_->[2],
	} } @ASSIGNED);
	$server->set_conf('profile.server_ca', $server->cacert);
	$server->set_conf('apple.push_url', $apns->url);
	$server->set_conf('apple.enrollment_url', $business->url);
	$server->set_conf('apple.server_ca',
	    Attestmdm::Apple::trust("$folder/apple-servers.pem", $apns, $business));
	$apns->give_push_certificate;
	$business->give_server_token;
	return ($apns, $business);
}

# The stand-in for an identity provider, as an administrator configures it.
sub connect_provider {
	my ($server) = @_;
	$provider = Attestmdm::Apple->start($server, 'provider');
	$server->set_conf('sign_in.issuer', $provider->url);
	$server->set_conf('sign_in.client_id', 'attestmdm');
	$server->set_conf('sign_in.server_ca', $provider->cacert);
	$server->run($server->tool, 'setting', 'set', 'enable_end_user_authentication', 'true',
	    '--config', $server->conf);
}

# What the person at a device does, if anything.
sub signs_in { return $provider ? ('--sign-in', $ACCOUNT, '--provider-ca', $provider->cacert) : () }

# Which devices are ours, and that they are to come here.
sub show_business {
	my ($server, $business) = @_;
	my @tool = ("$demo/attestmdm", 'ade');
	print "Apple Business says which devices are ours, and leads them here:\n\n";
	print 'sync: ', $business->first_list, " devices\n";
	print $server->run(@tool, 'assign', '--yes'), "\n", $server->run(@tool, 'devices');
}

# A device enrolls, and waits for pushes from then on.
sub enroll {
	my ($server, $apns, $serial, $product, $version, @how) = @_;
	my $state = "$server->{dir}/$serial";
	my @device = ('--apple', $server->apple, '--cacert', $server->cacert);
	push @how, signs_in() if $how[0] eq '--server';
	print $server->run($server->sim, 'enroll', @how, @device, '--serial', $serial,
	    '--state', $state, '--product', $product, '--os-version', $version);
	$server->spawn("$serial-waits", $server->sim, 'wait', @device, '--push', $apns->dir, $state);
}

sub enroll_others {
	my ($server, $apns) = @_;
	my $tool = "$demo/attestmdm";
	print "\nOne of each other kind enrolls:\n\n";
	for my $i (1 .. $#DEVICES) {
		my ($serial, $what, @is) = @{ $DEVICES[$i] };
		my @how = $i < $#DEVICES ? ('--server', $server->{url})
		    : ('--link', $server->run($tool, 'enrollment', 'new', '--json')
			=~ /"url":"([^"]+)"/);
		print $server->run($tool, 'setting', 'set', 'apple_hardware_attestation_devices', 'all')
		    if $serial eq $FIRST_OF_ALL;
		print "$what:\n";
		enroll($server, $apns, $serial, @is, @how);
	}
	print "\n", $server->run($tool, 'host', 'list');
}

# A Mac of ours that cheats. Returns the id of its enrollment.
sub show_cheat {
	my ($server) = @_;
	my @tool = ("$demo/attestmdm", 'enrollment');
	print "\nAnother Mac attests one key and asks to certify another. It is refused, and the event log\n",
	    "says why, and what to do:\n\n";
	my $said = `$demo/other-mac enroll --serial $CHEAT --fault wrong-key-csr 2>&1`;
	my ($refused) = $said =~ /^(refused at finalize: .*)$/m or die "it was not refused:\n$said";
	my ($id) = $server->run(@tool, 'list', '--serial', $CHEAT, '--json') =~ /"id":"([^"]+)"/;
	my $shown = $server->run(@tool, 'show', $id);
	print "$refused\n", grep { / finalize +refused |^CSR_KEY: / } map { "$_\n" } split(/\n/, $shown);
	return $id;
}

# The same Mac, with an ID token that is for somebody else.
sub show_refusal {
	my ($server) = @_;
	print "\nThe same Mac comes again, with a token that is meant for another client:\n\n";
	$provider->script({ answer => '/token', claims => { aud => 'another-client' } });
	my @cmd = ($server->sim, 'enroll', '--server', $server->{url}, '--apple', $server->apple,
	    '--cacert', $server->cacert, '--serial', $SERIAL, '--state', "$server->{dir}/$SERIAL", signs_in());
	my $page = eval { $server->run(@cmd) } // $@;
	my ($status) = $page =~ /^refused at sign-in: (HTTP \d+)$/m or die "it was not refused:\n$page";
	my ($said) = $page =~ /role="alert">([^<]+)</;
	my ($why) = grep { /SIGN_IN_TOKEN/ } split(/\n/, $server->run("$demo/attestmdm", 'enrollment', 'show', $SERIAL));
	print "refused: $status, \"$said\"\n$why\n";
}

# How long it takes from the command to its answer, the start of the tool included.
sub show_push {
	my ($server) = @_;
	my @tool = ("$demo/attestmdm", 'command');
	my $log = "$server->{dir}/$SERIAL-waits.log";
	print "\nA command is queued, and a push wakes the Mac, which answers:\n\n";
	my $begun = time;
	my ($uuid) = $server->run(@tool, 'send', $SERIAL, 'DeviceInformation', '--json')
	    =~ /"uuid":"([^"]+)"/;
	until (Attestmdm::Server::slurp($log) =~ /^$uuid DeviceInformation Acknowledged$/m) {
		die "the Mac was not woken\n" if time > $begun + 30;
		sleep(0.002);
	}
	printf("push: woke %s in %.0f ms\n\n", $SERIAL, 1000 * (time - $begun));
	print $server->run(@tool, 'list', $SERIAL);
}

# Every job, once each has run.
sub show_jobs {
	my $status = '';
	for (1 .. 200) {
		$status = `$demo/attestmdm status 2>&1`;
		last if $? == 0 && $status !~ /^\S+ +(?:never|running) /m;
		sleep(0.05);
	}
	print "\nWhat the worker does by the clock:\n\n$status";
	die "a job failed\n" if $? != 0;
}

# What curl needs to know of our API: whom to trust, and a token.
sub write_curl_config {
	my ($server) = @_;
	my ($token) = $server->run("$demo/attestmdm", 'token', 'add', 'demo', '--role', 'admin', '--days', '1')
	    =~ /^(amdm_\S+)$/m;
	my $file = "$demo/curl.conf";
	unlink($file);
	sysopen(my $out, $file, O_WRONLY | O_CREAT | O_EXCL, 0600) or die "$file: $!";
	print $out qq{cacert = "}, $server->cacert, qq{"\nheader = "Authorization: Bearer $token"\nsilent\nshow-error\nwrite-out = "\\n"\n};
	close($out) or die "$file: $!";
}

# Requiring attestation is left to who looks on: by a page, by the API, by a file.
sub leave_requirement {
	my ($server) = @_;
	my @tool = ("$demo/attestmdm");
	$server->run(@tool, 'gitops', 'generate', "$demo/settings.yml");
	$server->run(@tool, 'setting', 'set', $REQUIRE, 'false');
}

sub say_next {
	my ($server, $refused) = @_;
	my $password = $server->password;
	my ($api, $curl) = ("$server->{url}/api/v1", "curl -K $demo/curl.conf");
	write_curl_config($server);
	leave_requirement($server);
	print <<"EOT";

The server runs until you press Ctrl-C. Hardware attestation is not required at
present, so that you can require it, in one of three ways. Each says first what that
means for every host.

  The admin page, whose address is below. Hosts has $SERIAL. Enrollments, Refusals
  says why $CHEAT was refused, and what to do. Settings, Advanced options has
  Require hardware attestation.

  The REST API, from this folder in another terminal; $demo/curl.conf has a token:
    $curl $api/hosts/$SERIAL
    $curl $api/enrollments/$refused
    $curl -X PATCH --json '{"mdm":{"$REQUIRE":true}}' \\
        '$api/config?dry_run=true'
    $curl -X PATCH --json '{"mdm":{"$REQUIRE":true}}' \\
        $api/config

  A file with all settings, which may live in a repository:
    $demo/attestmdm gitops apply --dry-run $demo/settings.yml
    $demo/attestmdm gitops apply $demo/settings.yml

Then, in the other terminal:

  A Mac that attests one key and asks to certify another is refused again, and the
  event log says why:
    $demo/other-mac enroll --serial $CHEAT --fault wrong-key-csr
    $demo/attestmdm enrollment show $CHEAT

  A command wakes the enrolled Mac, and its answer comes back. Commands within
  five seconds share a push:
    $demo/attestmdm command send $SERIAL DeviceInformation
    $demo/attestmdm command list $SERIAL

  Its certificate is renewed before it ends; here at once:
    $demo/attestmdm renew --host $SERIAL
    $demo/attestmdm host show $SERIAL

  What the Mac and the server say to each other:
    $demo/other-mac enroll --serial $CHEAT --verbose

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
# Without terminal or reader, it takes its server with it.
$SIG{HUP} = $SIG{PIPE} = sub { exit 1 };

$server->prepare;
my ($apns, $business) = connect_apple($server, "$folder");
connect_provider($server) if $sign_in;
$server->start;
take_folder($server);
write_wrapper($server, 'attestmdm', $server->tool, '--config', $server->conf);
write_wrapper($server, $_->[0], $server->sim, '--server', $server->{url},
    '--apple', $server->apple, '--cacert', $server->cacert, '--state',
    "$folder/$_->[1]", signs_in()) for ['mac', $SERIAL], ['other-mac', $CHEAT];

show_business($server, $business);
print "\nA simulated Mac, one of them, enrolls:\n\n";
enroll($server, $apns, $SERIAL, @{ $DEVICES[0] }[2, 3], '--server', $server->{url});
# The enrollment was followed by a push, and another one is not due sooner.
my $push_at = time + 5;
print "\nWhat the admin sees:\n\n";
my $host = $server->run("$demo/attestmdm", 'host', 'show', $SERIAL);
print $host;
$host =~ /^MDM attestation: +Yes$/m or die "the host is not attested\n";
die "the host has no account\n" if $sign_in && $host !~ /^Account: +\Q$ACCOUNT\E$/m;
enroll_others($server, $apns);
my $refused = show_cheat($server);
show_refusal($server) if $sign_in;
sleep($push_at - time) if $push_at > time;
show_push($server);
show_jobs();
if (!$once) {
	say_next($server, $refused);
	sleep(1) while !$stop;
	print "\nStopping.\n";
	unlink("$demo/curl.conf");
}
$server->stop;
