#!/usr/bin/perl
# CASES.md has a row for each case, and the tests that a row names do name it.
use strict;
use warnings;
use Test::More;

my %last = (acme => 295, mdm => 110, fleet => 157, field => 6);
my $number = qr/(?:acme|mdm|fleet|field)-\d+/;

sub lines {
	my ($file) = @_;
	open(my $in, '<', $file) or die "$file: $!";
	return readline($in);
}

my %names = map { my $file = $_; $file => { map { $_ => 1 } map { /\b($number)\b/g } lines($file) } }
    glob('t/*.t t/strangers/*.t t/unit/*.c');
my (@seen, %uncovered);
for (grep { /^\|(?! Case |--)/ } lines('t/CASES.md')) {
	my ($case, $what, $where) = /^\| ($number) \| (\S.*?) \| (\S.*?) \|$/ or fail("a row: $_"), next;
	push @seen, $case;
	if ($where =~ /^-:/) {
		like($where, qr/^-: \w.{9}/, "$case has a reason");
		$uncovered{$case} = 1;
		next;
	}
	# A case that is covered by another's tests names that one in parentheses.
	my @known_as = ($case, map { /$number/g } $what =~ /\(([^()]*)\)/g);
	for my $file (split(/, /, $where)) {
		ok(exists $names{$file}, "$case: $file is a test") or next;
		ok((grep { $names{$file}{$_} } @known_as), "$case: $file names it");
	}
}
my @expected = map { my $list = $_; map { "$list-$_" } 1 .. $last{$list} } qw(acme mdm fleet field);
is("@seen", "@expected", 'every case has one row, in order');
for my $file (sort keys %names) {
	my @bad = grep { $uncovered{$_} } sort keys %{ $names{$file} };
	is("@bad", '', "$file names no case that is said to be uncovered") if @bad;
}
done_testing();
