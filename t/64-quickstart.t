#!/usr/bin/perl
# What ./quickstart looks at before it builds or starts anything, and what it
# shows then.
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;

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

# One without signing in and one with it, side by side, since both wait a while.
sub begin {
	my ($number, @options) = @_;
	open(my $demo, '-|', "$^X -It/lib t/demo.pl --once --port $number @options 2>&1") or die $!;
	return $demo;
}

# Its output, and its exit status.
sub finish {
	my ($demo) = @_;
	my $text = do { local $/; <$demo> };
	close($demo);
	return ($text, $?);
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
	cmp_ok(scalar(keys %state), '>=', 5, "$name: the jobs of the worker are shown");
	is_deeply([grep { $state{$_} ne 'ok' } sort keys %state], [], "$name: and all of them work");
}

my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
my $other_port = $other->sockport;
close($other);
my $plain = begin($port);
my $signing_in = begin($other_port, '--sign-in');
my ($shown, $status) = finish($plain);
check($shown, $status, 'plain');
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
