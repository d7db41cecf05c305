#!/usr/bin/perl
# Every program has a manual page, and every page is clean.
use strict;
use warnings;
use Test::More;

plan skip_all => 'mandoc is not installed' if `mandoc -V 2>&1; command -v mandoc` !~ /mandoc/;

my @programs = map { m{([^/]+)\.c$} } grep { !m{-(?:http|page)\.c$|/stylesheet\.c$|/admin-(?!settings)} } glob('cgi-bin/*.c');
for my $page ('attestmdm.8', 'attestmdm-push-cert.8', 'attestmdm-worker.8', 'attestmdm.conf.5', 'attestmdm-sim.1', map { "$_.8" } @programs) {
	if (!ok(-e "man/$page", "man/$page is there")) {
		next;
	}
	my $out = `mandoc -Tlint -W warning man/$page 2>&1`;
	is($out, '', "man/$page is clean");
}

my $build = $ENV{ATTESTMDM_BUILD} || 'build';
my $codes = "$build/man/attestmdm-codes.7";
is(`mandoc -Tlint -W warning $codes 2>&1`, '', 'the page of codes is clean');
(my $page = `mandoc -Tascii $codes`) =~ s/.\x08//g;
my $list = do { local (@ARGV, $/) = ('lib/base/err.def'); <> };
my %advice = $list =~ /^ERR\((\w+),.*\n\t"(.+)"\)$/mg;
cmp_ok(scalar keys %advice, '>', 60, 'codes are found');
for my $name (sort keys %advice) {
	(my $text = quotemeta($advice{$name})) =~ s/\\ /\\s+/g;
	like($page, qr/^\s+$name\s+$text$/m, "attestmdm-codes(7) explains $name");
}

# What an advice says to run is a command of the tool.
my %verbs;
for ((do { local (@ARGV, $/) = ('man/attestmdm.8'); <> }) =~ /^\.It Cm ([a-z].*)/mg) {
	s/ (?:Fl|Ar|O[op]) .*//;
	my ($noun, @verbs) = grep { $_ ne '|' } split(' ');
	@{ $verbs{$noun} }{@verbs} = ();
}
for my $name (sort keys %advice) {
	while ($advice{$name} =~ /\battestmdm ([a-z][a-z-]*)(?: ([a-z-]+))?/g) {
		my ($noun, $verb) = ($1, $2);
		my $known = $verbs{$noun};
		ok($known && (!%$known || (defined $verb && exists $known->{$verb})),
			"the advice for $name names a command: " . join(' ', 'attestmdm', $noun, $verb // ()));
	}
}

my %keys = map { /^\s*(?:TEXT|FLAG|NUMBER)\("(\w+)", (\w+)/ ? ("$1.$2" => 1) : () }
    do { open(my $in, '<', 'lib/base/conf.c') or die $!; <$in> };
cmp_ok(scalar keys %keys, '>', 15, 'keys are found');
my $manual = do { local (@ARGV, $/) = ('man/attestmdm.conf.5'); <> } // '';
for (sort map { (split(/\./))[1] } keys %keys) {
	like($manual, qr/^\.It (?:Ic|Va|Cm|Ar) \Q$_\E\b/m, "attestmdm.conf(5) explains $_");
}

done_testing();
