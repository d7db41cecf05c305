#!/usr/bin/perl
# The promises of the source tree that a machine can check.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use List::Util qw(sum0);
use Test::More;

my @sources = split(/\n/, `git ls-files '*.c' '*.h' 2>/dev/null`);
@sources = glob('{cgi-bin,bin,bench}/*.[ch] {lib,sim}/*/*.[ch] t/{unit,fuzz}/*.[ch]')
    if !@sources;
my @shipped = grep { m{^(lib|cgi-bin|bin|sim)/} } @sources;

my %text;
for my $file (@sources) {
	open(my $in, '<', $file) or die "$file: $!";
	local $/;
	$text{$file} = <$in>;
}

# Who may include whom. A folder may always include itself.
my @protocols = qw(net acme mdm scep enroll);
my @below_ca = qw(ca policy store wire base);
my %may = (
	base => [],
	store => ['base'],
	wire => ['base'],
	ca => [qw(store wire base)],
	policy => [qw(store wire base)],
	web => [qw(store base)],
	(map { $_ => \@below_ca } @protocols),
	admin => [qw(enroll mdm), @below_ca],
	'cgi-bin' => ['admin', 'web', @protocols, @below_ca],
	bin => ['admin', 'web', @protocols, @below_ca],
	'sim/forge' => ['base'],
	'sim/client' => [qw(sim/forge base)],
	'sim/apple' => [qw(sim/forge base)],
	'sim/commands' => [qw(sim/client sim/apple sim/forge base)],
);

subtest 'includes go one way' => sub {
	for my $file (@shipped) {
		my ($layer) = $file =~ m{^(?:lib/)?(sim/[^/]+|[^/]+)/};
		my %allowed = map { $_ => 1 } $layer, @{ $may{$layer} };
		my @bad = grep { !$allowed{$_} }
		    $text{$file} =~ m{^#include "(sim/[a-z]+|[a-z-]+)/}mg;
		is("@bad", '', $file) if @bad;
	}
	pass('looked at ' . @shipped . ' files');
};

subtest 'only lib/store says SQL' => sub {
	my @bad = grep {
		!m{^lib/store/}
		    && $text{$_} =~ /"(SELECT|INSERT INTO|UPDATE|DELETE FROM) /
	} @shipped;
	is("@bad", '', 'nobody else does');
};

# lib/store/activities.h: entries go by age, or because anybody may cause them.
subtest 'the activity log is only added to' => sub {
	my %may = (
		'lib/store/activity_chain.c' => ['UPDATE activities'],
		'lib/store/activities.c' => [('DELETE FROM activities') x 3],
	);
	for my $file (grep { m{^(lib|bin|cgi-bin)/} } @shipped) {
		my @all = $text{$file} =~ /"[^"\n]*\b((?:UPDATE|DELETE FROM|REPLACE INTO) activities)\b/g;
		is("@all", join(' ', @{ $may{$file} // [] }), $file) if @all || $may{$file};
	}
};

subtest 'what changes the database is in the library' => sub {
	my @bad = grep { m{^(bin|cgi-bin)/} && $text{$_} =~ /\bdb_begin/ } @shipped;
	is("@bad", '', 'no transaction begins in bin/ and cgi-bin/');
};

# schema/README says what another engine has to provide instead of these.
subtest 'few files know SQLite' => sub {
	my %engine = map { $_ => 1 } 't/tools/store-sql.c',
	    (map { "lib/store/$_" } qw(connection.h db.c dbfile.c dbfile.h dbindex.c dbindex.h dbvfs.c dbvfs.h migrate.c sql.c)),
	    (map { "t/unit/$_.c" } qw(failures storefix test_db test_host_list test_sql test_store_failures));
	my @bad = grep { !$engine{$_} && $text{$_} =~ /\bsqlite3_|<sqlite3\.h>|\bSQLITE_[A-Z]/ } @sources;
	is("@bad", '', 'no other one does');
};

# t/05-postgresql.t has them prepared, where PostgreSQL is installed.
subtest 'no statement is for SQLite alone' => sub {
	my $alone = qr/\?\d|\b(?:AUTOINCREMENT|rowid|randomblob|GLOB|INSERT OR|REPLACE INTO|IFNULL|
	    json_\w+|strftime|datetime|unixepoch|julianday|hex|instr|printf|iif|total)\b(?=[ (\d])/x;
	for my $file (grep { m{^lib/store/} && !/dbfile|migrate/ } @sources) {
		my @bad = map { /($alone)/ } $text{$file} =~ /"((?:[^"\\]|\\.)*)"/g;
		# the column of host_index has that name with every engine
		@bad = grep { $_ ne 'rowid' } @bad if $file =~ m{/host_(?:index|list)\.c$};
		is("@bad", '', $file) if @bad;
	}
	pass('looked at lib/store');
};

subtest 'no two sources share a name' => sub {
	my %seen;
	push @{ $seen{ basename($_) } }, $_ for @shipped;
	my @twice = map { "@{ $seen{$_} }" } grep { @{ $seen{$_} } > 1 } sort keys %seen;
	is("@twice", '', 'every name leads to one file');
};

# Functions begin with "{" and end with "}" in the first column.
sub function_lengths {
	my ($file) = @_;
	my @lines = split(/\n/, $text{$file});
	my ($start, @lengths, $name);
	for my $i (0 .. $#lines) {
		$name = $1 if $lines[$i] =~ /^([a-z_0-9]+)\(/;
		$start = $i if $lines[$i] eq '{';
		if ($lines[$i] eq '}' && defined $start) {
			push @lengths, [$name, $i - $start - 1];
			undef $start;
		}
	}
	return @lengths;
}

subtest 'files and functions are small' => sub {
	my @all;
	for my $file (@sources) {
		my $lines = () = $text{$file} =~ /\n/g;
		cmp_ok($lines, '<=', 800, "$file: lines") if $lines > 800;
	}
	for my $file (grep { /\.c$/ } @shipped) {
		for (function_lengths($file)) {
			push @all, $_->[1];
			fail("$file: $_->[0] has $_->[1] lines") if $_->[1] > 100;
		}
	}
	my @sorted = sort { $a <=> $b } @all;
	cmp_ok($sorted[@sorted / 2] // 0, '<=', 20, 'half are under 20 lines');
};

# CONTRIBUTING.md names them.
subtest 'one dialect' => sub {
	my $type = qr/(?:const |unsigned|signed|struct |enum |union |(?:char|int|long|short|bool|void)\b|\w+_t\b|[A-Z_]+\)|\()/;
	for my $file (@shipped) {
		my $code = $text{$file} =~ s{/\*.*?\*/|"(?:\\.|[^"\\])*"}{}gsr;
		# A macro's argument needs its parentheses.
		$code =~ s/^#define(?:.*\\\n)*.*\n//mg;
		my @bad = $code =~ /\bsizeof\((?!$type)([a-z_*][^()]*)\)/g;
		@bad = grep { !m{[-+/](?!>)| \* } } @bad;
		(my $prefix = basename($file, '.c')) =~ tr/-/_/;
		push @bad, $code =~ /^static\b[^;{}()=]*?\b(\Q$prefix\E_\w+)\(/mg if $file =~ /\.c$/;
		push @bad, $code =~ /^\treturn (ret|rc|res|retval);/mg;
		is("@bad", '', "$file: sizeof x, static functions without the file's name, r for results") if @bad;
	}
	pass('looked at ' . @shipped . ' files');
};

subtest 'what C offers but we do not use' => sub {
	my $banned = qr/(?<![\w.>])(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|
	    gets|strtok|atoi|atol|rand|srand|mktemp|tmpnam|alloca|system|popen|
	    gmtime|localtime|ctime|asctime|cbor_load|plist_from_memory|
	    FCGX_FPrintF|FCGX_VFPrintF)\s*\(/x;
	for my $file (@shipped) {
		(my $code = $text{$file}) =~ s{/\*.*?\*/}{}gs;
		my @bad = $code =~ /$banned/g;
		is("@bad", '', $file) if @bad;
	}
	pass('looked at ' . @shipped . ' files');
};

subtest 'every header stands alone' => sub {
	my @flags = grep { length } split(' ', `pkg-config --cflags gnutls libtasn1 json-c libplist-2.0 sqlite3 libcbor inih yaml-0.1 2>/dev/null`);
	my @dirs = ('-Ilib', map { "-I$_" } grep { -d } map { "$_/lib" } $ENV{ATTESTMDM_BUILD} || 'build');
	# A source that includes its own header before any other proves that.
	my $first = qr/\A(?:(?!#include).*\n)*(?:#include "config\.h"\n\s*)?#include "([^"]+)"/;
	my %proven = map { ($text{$_} =~ $first ? basename($1) eq basename($_, '.c') . '.h' : 0)
	    ? (s/c$/h/r => 1) : () } grep { /\.c$/ } @shipped;
	for my $header (grep { /\.h$/ && !$proven{$_} } @shipped) {
		my $out = `printf '#include "%s"\\n' $header | cc -std=c11 -D_GNU_SOURCE -fsyntax-only -x c -I. @dirs @flags - 2>&1`;
		is($out, '', $header);
	}
};

subtest 'every reader of hostile bytes has a fuzz target and a corpus' => sub {
	my @readers = grep { /^(in_|jws$|cms$|csr$|attest$)/ }
	    map { basename($_, '.c') } grep { m{^lib/wire/.*\.c$} } @shipped;
	cmp_ok(scalar @readers, '>=', 7, 'readers are found');
	for (@readers) {
		ok(-e "t/fuzz/$_.c" || -e "t/fuzz/fuzz_$_.c", "t/fuzz/fuzz_$_.c");
		my @inputs = grep { -f } glob("t/corpus/$_/*");
		cmp_ok(scalar @inputs, '>', 0, "t/corpus/$_");
	}
};

subtest 'every error is complete' => sub {
	my $list = do { local (@ARGV, $/) = ('lib/base/err.def'); <> };
	my %seen;
	for ($list =~ /^ERR\(.*\n.*\n/mg) {
		my ($name) = /^ERR\((\w+)/;
		like($_, qr/^ERR\([A-Z_]+, [1-5]\d\d, "[a-zA-Z]+", [34567], "[^"\\]+\.",\n\t"[^"\\]+\."\)\n$/, $name);
		ok(!$seen{$name}++, "$name stands once");
	}
	is(scalar keys %seen, scalar(() = $list =~ /^ERR\(/mg), 'all are looked at');
};

# A server that is installed would not find it.
subtest 'every template is installed' => sub {
	my $list = do { local (@ARGV, $/) = ('cgi-bin/sources.am'); <> };
	my @missing = grep { $list !~ /(?<=\s)\Q$_\E(?=\s)/ } glob('templates/*');
	is("@missing", '', 'cgi-bin/sources.am has it');
};

subtest 'every test can run' => sub {
	for (glob('t/*.t t/strangers/*.t')) {
		ok(-x $_, "$_ has its run bit");
		open(my $in, '<', $_) or die $!;
		is(scalar <$in>, "#!/usr/bin/perl\n", "$_ says what runs it");
	}
};

done_testing();
