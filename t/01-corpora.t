#!/usr/bin/perl
# Every fuzz target swallows its corpus: seeds, and whatever once broke it.
use strict;
use warnings;
use Test::More;

my $build = $ENV{ATTESTMDM_BUILD} || 'build';
for my $source (glob('t/fuzz/fuzz_*.c')) {
	my ($name) = $source =~ m{fuzz_(\w+)\.c$};
	my $out = `$build/t/fuzz/fuzz_$name t/corpus/$name 2>&1`;
	is($?, 0, $name) or diag($out);
}
done_testing();
