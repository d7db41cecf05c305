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

$out = `$^X -It/lib t/demo.pl --once --port $port 2>&1`;
is($?, 0, 'it shows everything') or diag($out);
like($out, qr/^sync: 5 devices$/m, 'Apple Business says which devices are ours');
like($out, qr/^5 of 5 devices have the profile/m, 'and they are assigned our profile');
my %attested = $out =~ /^(C02DEMO\d+) .*? (yes|no) /mg;
is(join(' ', grep { $attested{$_} eq 'yes' } sort keys %attested), 'C02DEMO00001 C02DEMO00013',
    'the Mac attested, and the iPad, once that was required of it; the iPhone did not');
like($out, qr/^push: woke C02DEMO00001 in \d+ ms$/m, 'a push wakes the Mac');
my ($commands) = $out =~ /^(COMMAND .*?)\n\n/ms;
is(scalar(() = ($commands // '') =~ / DeviceInformation +acknowledged /g), 2,
	'which answers its command, as it did when it enrolled');
my %state = ($out =~ /^JOB .*/ms ? $& : '') =~ /^(\w+) +(\w+) +\d{4}-/mg;
cmp_ok(scalar(keys %state), '>=', 5, 'the jobs of the worker are shown');
is_deeply([grep { $state{$_} ne 'ok' } sort keys %state], [], 'and all of them work');

done_testing();
