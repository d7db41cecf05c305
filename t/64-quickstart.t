#!/usr/bin/perl
# What ./quickstart looks at before it builds or starts anything, and what it
# shows then.
use strict;
use warnings;
use File::Temp;
use File::Temp;
use IO::Socket::INET;
use Test::More;

use Attestmdm::Server;

my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
my $port = $taken->sockport;

my $out = `$^X -It/lib t/demo.pl --check --port $port 2>&1`;
isnt($?, 0, 'a port that is used is refused');
like($out, qr/^port $port is used already/, 'which is said');

close($taken);
is(system($^X, '-It/lib', 't/demo.pl', '--check', '--port', $port), 0, 'a free one is taken');

$out = `$^X -It/lib t/demo.pl --check --frobnicate 2>&1`;
isnt($?, 0, 'an unknown option is refused');
like($out, qr/^usage: /m, 'with the usage');

# None of those that run stays behind, whatever ends this. A lexical variable would
# be gone before END, and wait for the one whose output it reads.
our %running;
$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);
END { kill('TERM', keys %running) }

# One without signing in and one with it, side by side, since both wait a while.
sub begin {
	my ($number, @options) = @_;
	my $pid = open(my $demo, '-|') // die $!;
	return $running{$pid} = { out => $demo, pid => $pid, text => '' } if $pid;
	%running = ();
	open(STDERR, '>&', \*STDOUT) or die $!;
	exec($^X, '-It/lib', 't/demo.pl', '--port', $number, @options) or die $!;
}

# Until it says how to sign in, if it does.
sub follow {
	my ($demo) = @_;
	my $out = $demo->{out};
	while (defined(my $line = <$out>)) {
		$demo->{text} .= $line;
		last if $line =~ /^Password: /;
	}
	return $demo->{text};
}

# Its output, and its exit status.
sub finish {
	my ($demo) = @_;
	my $out = $demo->{out};
	$demo->{text} .= do { local $/; <$out> } // '';
	close($out);
	delete $running{$demo->{pid}};
	return ($demo->{text}, $?);
}

# What both show.
sub check {
	my ($out, $status, $name) = @_;
	is($status, 0, "$name: it shows everything") or diag($out);
	like($out, qr/^sync: 5 devices$/m, "$name: Apple Business says which devices are ours");
	like($out, qr/^5 of 5 devices have the profile/m, "$name: and they are assigned our profile");
	my %attested = $out =~ /^(C02DEMO\d+) .*? (yes|no) /mg;
	is(join(' ', grep { $attested{$_} eq 'yes' } sort keys %attested), 'C02DEMO00001 C02DEMO00013',
	    "$name: the Mac attested, and the iPad, once that was required of it; the iPhone did not");
	like($out, qr/^push: woke C02DEMO00001 in \d+ ms$/m, "$name: a push wakes the Mac");
	my ($commands) = $out =~ /^(COMMAND .*?)\n\n/ms;
	is(scalar(() = ($commands // '') =~ / DeviceInformation +acknowledged /g), 2,
	    "$name: which answers its command, as it did when it enrolled");
	my %state = ($out =~ /^JOB .*/ms ? $& : '') =~ /^(\w+) +(\w+) +\d{4}-/mg;
	like($out, qr/^refused at finalize: HTTP 400\n.* CSR_KEY .*\nCSR_KEY: The device asked/m,
	    "$name: a Mac that cheats is refused, and why, and what to do");
	cmp_ok(scalar(keys %state), '>=', 5, "$name: the jobs of the worker are shown");
	is_deeply([grep { $state{$_} ne 'ok' } sort keys %state], [], "$name: and all of them work");
}

# What it says can be tried is tried as somebody would who copies it.
sub try {
	my ($say) = @_;
	my @said = $say =~ /^ {4}((?:curl|\S+ gitops) (?:.*\\\n)*.*)$/mg;
	is(scalar @said, 6, 'it says six ways to look and to change') or return diag($say);
	my ($host, $refused, $preview, $change, $compare, $apply) = map { my $line = $_; sub { scalar `$line 2>&1` } } @said;
	like($host->(), qr/"serial_number":"C02DEMO00001".*"mdm_enrollment_hardware_attested":true/, 'the host, by curl');
	like($refused->(), qr/"code":"CSR_KEY".*"advice":"The device asked/, 'why another was refused, and what to do');
	like($preview->(), qr/"before":"false","after":"true".*"acme":3,"attested":2,"scep":2,"refused":0/, 'a preview, by curl');
	like($compare->(), qr/false -> true.*by ACME 3 \(2 are attested now\), by SCEP 2, not renewed 0/s, 'the same, by YAML');
	like($change->(), qr/"apple_require_hardware_attestation":true/, 'the change, by curl');
	like($apply->(), qr/^The settings are as \S+ has them\.$/m, 'is what the file says');

	my ($url, $name, $password) = $say =~ /^Admin page: +(\S+)\nSign in as: +(\S+)\nPassword: +(\S+)$/m;
	my ($conf) = $said[0] =~ /^(curl -K \S+)/;
	my $jar = File::Temp->new;
	my $page = sub { scalar `$conf -L -b $jar -c $jar @_ 2>&1` };
	my ($token) = $page->($url) =~ /Sign in.*name="csrf" value="([^"]+)"/s;
	like($page->("-d 'csrf=$token&name=$name&password=$password'", "${url}sign-in"), qr/Sign out/,
	    'the printed password signs in at the printed address');
	like($page->("${url}hosts"), qr/C02DEMO00001/, 'the Mac is there');
	like($page->("${url}refusals"), qr/C02DEMO00002.*What to do:/s, 'and what to do about the other');
}

# Keys that were made ahead, which the devices take as in other tests.
my $keys = File::Temp->newdir('am-XXXXXX', TMPDIR => 1);
my $made = ($ENV{ATTESTMDM_BUILD} || "$Attestmdm::Server::TOP/build") . '/t/keys';
system('cp', '-R', "$made/.", "$keys") if -d $made;
$ENV{ATTESTMDM_SIM_KEYS} = "$keys";

my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
my $other_port = $other->sockport;
close($other);
my $plain = begin($port);
my $signing_in = begin($other_port, '--once', '--sign-in');
try(follow($plain));
kill('TERM', $plain->{pid});
my ($shown, $status) = finish($plain);
check($shown, $status, 'plain');
like($shown, qr/^Stopping\.$/m, 'plain: it runs until it is told to end');
unlike($shown, qr/^Account:|another client/m, 'plain: nobody signs in');
($shown, $status) = finish($signing_in);
check($shown, $status, '--sign-in');
my ($host) = $shown =~ /^(Host: .*?)\n\n/ms;
like($host // '', qr/^MDM attestation: +Yes$/m, '--sign-in: the Mac attested');
like($host // '', qr/^Account: +ada\@example\.com$/m, '--sign-in: and the host has the account');
like($shown, qr/^refused: HTTP 403, "The sign-in could not be verified\."$/m,
	'--sign-in: a token for another client is refused');
like($shown, qr/ sign-in +refused +SIGN_IN_TOKEN +the ID token is for another client$/m,
	'--sign-in: the event log says why');

done_testing();
