#!/usr/bin/perl
# The documents for contributors name files, functions and tables that exist,
# the comments of headers functions that exist, and NEWS tells of this version.
use strict;
use warnings;
use Test::More;

sub slurp {
	local $/;
	return join('', map { open(my $in, '<', $_) or die "$_: $!"; <$in> } @_);
}

my $sources = slurp(glob('{lib,sim}/*/*.[ch] {bin,cgi-bin}/*.[ch]'));

# What backquotes hold is a path when it begins with a folder of ours. Capitals
# stand for any name.
my $folder = qr{(?:\.ci|bench|bin|cgi-bin|data|lib|m4|man|nginx|schema|sim|systemd|t|templates)/};
for my $document (qw(README.md ARCHITECTURE.md CONTRIBUTING.md GLOSSARY.md SECURITY.md)) {
	my $text = slurp($document);
	for my $path ($text =~ /`($folder[^`\s]*)`/g) {
		next if $path =~ /[A-Z]{4}/ && !-e $path;
		my @found = glob($path);
		ok(@found && !grep({ !-e } @found), "$document: $path");
	}
	ok($sources =~ /^$_\(/m || $sources =~ /^#define $_\(/m, "$document: $_()")
	    for $text =~ /`(\w+)\(\)`/g;
	ok(-e $_, "$document links to $_") for $text =~ /\]\((\w[\w.\/-]*)\)/g;
}

# So do the comments of headers; these are other libraries' and callbacks, and x_
# stands for any prefix.
my $others = qr/^(?:close|exec|fork|done|x_\w+|(?:cbor|gnutls|json_object|sqlite3)_\w+)$/;
for my $header (glob('{lib,sim}/*/*.h {bin,cgi-bin}/*.h')) {
	my @named = map { /\b([A-Za-z_]\w+)\(\)/g } slurp($header) =~ m{/\*(.*?)\*/}gs;
	my @unknown = grep { $_ !~ $others && $sources !~ /^$_\(/m && $sources !~ /^#define $_\(/m } @named;
	is("@unknown", '', "$header: the functions that it names exist");
}

my @steps = glob('schema/*.sql');
my $schema = slurp(@steps);
my %tables = map { $_ => 1 } $schema =~ /^CREATE TABLE (\w+)/mg;
while ($schema =~ /^ALTER TABLE (\w+) RENAME TO (\w+)/mg) {
	delete $tables{$1};
	$tables{$2} = 1;
}
my $architecture = slurp('ARCHITECTURE.md');
like($architecture, qr/^\|.*`$_`/m, "ARCHITECTURE.md: table $_") for sort keys %tables;

my ($version) = slurp('configure.ac') =~ /^AC_INIT\(\[attestmdm\], \[([\d.]+)\]\)/m;
my ($news, $number) = slurp('NEWS') =~ /^Version (\S+).*, schema (\d+)$/m;
is($news, $version, 'NEWS begins with the version of configure.ac');
is($number, scalar(@steps), 'and names its schema');

done_testing();
