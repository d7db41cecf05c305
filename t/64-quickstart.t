#!/usr/bin/perl
# What ./quickstart looks at before it builds or starts anything.
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

done_testing();
