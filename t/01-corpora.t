#!/usr/bin/perl
# Every fuzz target swallows its corpus: seeds, and whatever once broke it.
use strict;
use warnings;
use Test::More;

my $build = $ENV{ATTESTMDM_BUILD} || 'build';
for my $target (sort grep { -x && -f && !/\.o$/ } glob("$build/t/fuzz/*")) {
	my ($name) = $target =~ m{([^/]+)$};
	my $out = `$target t/corpus/$name 2>&1`;
	is($?, 0, $name) or diag($out);
}
done_testing();
