package Attestmdm::Api;

# A client of the REST API that holds every answer to data/openapi.json.
#
#	my $api = Attestmdm::Api->new($t, $token);
#	is($api->get('/hosts')->{status}, 200);
#	is($api->request(PATCH => '/config', { mdm => { … } })->{json}{field}, 'mdm.…');
#
# A body that is no reference is sent as it is.

use strict;
use warnings;
use JSON::PP ();
use Test::More;

use Attestmdm::Schema;
use Attestmdm::Server;

my $document;

sub document {
	return $document ||= JSON::PP::decode_json(
	    Attestmdm::Server::slurp("$Attestmdm::Server::TOP/data/openapi.json"));
}

sub new {
	my ($class, $t, $token) = @_;
	return bless { t => $t, token => $token, schema => Attestmdm::Schema->new(document()) }, $class;
}

# A token of this role, by the tool.
sub with_role {
	my ($class, $t, $role, @more) = @_;
	my $name = "test-$role-" . ++$Attestmdm::Api::made;
	my $api = $class->new($t, $t->tool_json('token', 'add', $name, '--role', $role, @more)->{token});
	$api->{name} = $name;
	return $api;
}

# The operation for a method and a path, or nothing.
sub operation {
	my ($self, $method, $path) = @_;
	$path =~ s/\?.*//;
	my $paths = document()->{paths};
	my ($template) = exists $paths->{$path} ? $path
	    : grep { (my $re = $_) =~ s/\{\w+\}/[A-Za-z0-9_-]+/g; $path =~ /^$re$/ } sort keys %$paths;
	return $template && $paths->{$template}{ lc($method eq 'HEAD' ? 'GET' : $method) };
}

# What is wrong with an answer; '' when it is as the document says.
sub fault {
	my ($self, $method, $path, $r) = @_;
	my $operation = $self->operation($method, $path);
	return $r->{status} >= 400 ? '' : 'there is no such operation' if !$operation;
	my $answer = $operation->{responses}{ $r->{status} };
	return "the status $r->{status} is not documented" if !$answer && $r->{status} < 400;
	$answer ||= $operation->{responses}{default};
	return $r->{body} eq '' ? '' : 'there is a body' if !$answer->{content} || $method eq 'HEAD';
	my ($type) = keys %{ $answer->{content} };
	return "the type is $r->{headers}{'content-type'}" if $r->{headers}{'content-type'} ne $type;
	my $json = eval { JSON::PP::decode_json($r->{body}) } // return 'the body is no JSON';
	return join('; ', $self->{schema}->faults($json, $answer->{content}{$type}{schema}));
}

sub request {
	my ($self, $method, $path, $body, %headers) = @_;
	$path = "/api/v1$path" if $path !~ m{^/(?:api/|metrics)};
	$headers{Authorization} //= "Bearer $self->{token}" if defined $self->{token};
	$body = JSON::PP->new->canonical->allow_nonref->encode($body) if ref $body;
	$headers{'Content-Type'} //= 'application/json' if defined $body;
	my $r = $self->{t}->http($method, $path, headers => \%headers, defined $body ? (body => $body) : ());
	my $fault = $self->fault($method, $path, $r);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	fail("$method $path: $fault: $r->{body}") if $fault ne '' && $path !~ m{^/metrics};
	$self->{answers}++;
	$r->{json} = eval { JSON::PP::decode_json($r->{body}) };
	return $r;
}

sub get { my ($self, $path, %headers) = @_; return $self->request('GET', $path, undef, %headers) }

1;
