package Attestmdm::Schema;

# Holds decoded JSON to a schema, in the part of JSON Schema 2020-12 that
# data/openapi.json uses: type, properties, required, additionalProperties, items,
# maxItems, enum, pattern, minimum, maximum, maxLength, oneOf and $ref. A keyword
# that is not known here is a mistake, so that nothing is left unchecked.
#
#	my @faults = Attestmdm::Schema->new($document)->faults($value, $schema);

use strict;
use warnings;
use B ();
use JSON::PP ();

my %CHECKS = (
	type => \&check_type,
	properties => \&check_properties,
	required => \&check_required,
	additionalProperties => \&check_additional,
	items => \&check_items,
	enum => sub { my ($s, $v, $x) = @_; return (grep { equal($_, $v) } @$x) ? () : 'is none of the enum' },
	pattern => sub { my ($s, $v, $x) = @_; return !is_text($v) || $v =~ /$x/ ? () : "does not match $x" },
	minimum => sub { my ($s, $v, $x) = @_; return !is_number($v) || $v >= $x ? () : "is less than $x" },
	maximum => sub { my ($s, $v, $x) = @_; return !is_number($v) || $v <= $x ? () : "is more than $x" },
	maxLength => sub { my ($s, $v, $x) = @_; return !is_text($v) || length($v) <= $x ? () : "is longer than $x" },
	maxItems => sub { my ($s, $v, $x) = @_; return ref $v ne 'ARRAY' || @$v <= $x ? () : "has more than $x items" },
	oneOf => \&check_one_of,
);
my %SAID_ONLY = map { $_ => 1 } qw(description format default readOnly);

sub new { my ($class, $document) = @_; return bless { document => $document }, $class }

sub is_number {
	my ($v) = @_;
	return 0 if ref $v || !defined $v;
	my $flags = B::svref_2object(\$v)->FLAGS;
	return $flags & (B::SVp_IOK | B::SVp_NOK) && !($flags & B::SVp_POK) ? 1 : 0;
}

sub is_text { my ($v) = @_; return defined $v && !ref $v && !is_number($v) }

sub type_of {
	my ($v) = @_;
	return 'null' if !defined $v;
	return 'object' if ref $v eq 'HASH';
	return 'array' if ref $v eq 'ARRAY';
	return 'boolean' if JSON::PP::is_bool($v);
	return 'string' if !is_number($v);
	return $v == int $v ? 'integer' : 'number';
}

sub equal {
	my ($x, $v) = @_;
	return type_of($x) eq type_of($v) && (!defined $x || "$x" eq "$v");
}

sub resolve {
	my ($self, $schema) = @_;
	while (my $ref = $schema->{'$ref'}) {
		my $at = $self->{document};
		$at = $at->{$_} // die "no $ref" for split(m{/}, $ref =~ s{^#/}{}r);
		$schema = $at;
	}
	return $schema;
}

# Sentences about what is wrong; none when all is right.
sub faults {
	my ($self, $value, $schema, $path) = @_;
	$path //= '';
	$schema = $self->resolve($schema);
	my @faults;
	for my $keyword (sort keys %$schema) {
		next if $SAID_ONLY{$keyword};
		my $check = $CHECKS{$keyword} or die "the keyword $keyword is not checked";
		push @faults, map { /^\// ? $_ : "$path $_" }
		    $check->($self, $value, $schema->{$keyword}, $path, $schema);
	}
	return @faults;
}

sub check_type {
	my ($self, $v, $types) = @_;
	my $is = type_of($v);
	my @types = ref $types ? @$types : $types;
	return (grep { $_ eq $is || ($_ eq 'number' && $is eq 'integer') } @types) ? () : "is of type $is, not @types";
}

sub check_properties {
	my ($self, $v, $properties, $path) = @_;
	return if ref $v ne 'HASH';
	return map { $self->faults($v->{$_}, $properties->{$_}, "$path/$_") } grep { exists $v->{$_} } sort keys %$properties;
}

sub check_required {
	my ($self, $v, $names) = @_;
	return if ref $v ne 'HASH';
	return map { "has no $_" } grep { !exists $v->{$_} } @$names;
}

sub check_additional {
	my ($self, $v, $allowed, $path, $schema) = @_;
	return if ref $v ne 'HASH' || $allowed;
	return map { "has $_, which it must not" } grep { !exists $schema->{properties}{$_} } sort keys %$v;
}

sub check_items {
	my ($self, $v, $schema, $path) = @_;
	return if ref $v ne 'ARRAY';
	return map { $self->faults($v->[$_], $schema, "$path/$_") } 0 .. $#$v;
}

sub check_one_of {
	my ($self, $v, $schemas, $path) = @_;
	my @fit = grep { !$self->faults($v, $_, $path) } @$schemas;
	return @fit == 1 ? () : 'fits ' . @fit . ' schemas of oneOf';
}

1;
