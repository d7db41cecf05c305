#!/usr/bin/perl
# The documents for contributors name files that exist, and NEWS tells of the
# version that this is.
use strict;
use warnings;
use Test::More;

sub slurp {
	my ($file) = @_;
	open(my $in, '<', $file) or die "$file: $!";
	local $/;
	return scalar <$in>;
}

# Backquotes hold a path when it begins with a folder of ours. The build folder
# is made, NNNN and capitals stand for any name.
my $folder = qr{(?:\.ci|bench|bin|cgi-bin|data|lib|m4|man|nginx|schema|sim|systemd|t|templates)/};
for my $document (qw(README.md ARCHITECTURE.md CONTRIBUTING.md GLOSSARY.md SECURITY.md)) {
	my $text = slurp($document);
	$text =~ s/^ {4,}.*$//mg;
	for my $path ($text =~ /`($folder[^`\s]*)`/g) {
		next if $path =~ m{NNNN|[A-Z]{4,}};
		my @found = glob($path =~ s{\[ch\]}{\{c,h\}}r);
		ok(@found && !grep({ !-e } @found), "$document: $path");
	}
	for my $file ($text =~ /\]\((\w[\w.\/-]*)\)/g) {
		ok(-e $file, "$document links to $file");
	}
}

my ($version) = slurp('configure.ac') =~ /^AC_INIT\(\[attestmdm\], \[([\d.]+)\]\)/m;
my ($news, $schema) = slurp('NEWS') =~ /^Version (\S+).*, schema (\d+)$/m;
is($news, $version, 'NEWS begins with the version of configure.ac');
is($schema, scalar(() = glob('schema/*.sql')), 'and names its schema');

done_testing();
