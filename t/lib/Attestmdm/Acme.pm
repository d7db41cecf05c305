package Attestmdm::Acme;

# An ACME client that does as it is told, for cases that Apple's would never
# send. Keeps its key and account; takes a nonce when it needs one; remembers
# every answer to a POST that lacked what all of them must have.
#
#	my $c = Attestmdm::Acme->new($t, 'C02TEST00001');
#	$c->account;
#	my $o = $c->order;
#	is($c->post($o->{finalize}, { csr => $c->csr })->{status}, 403, '…');
#	$c->done;

use strict;
use warnings;
use JSON::PP ();
use MIME::Base64 qw(encode_base64url decode_base64url);
use Test::More;

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;
my $keys = 0;
my @sloppy;

# new($t, SERIAL, key => FILE, enrollment => ID, curve => P-256). The device is
# assigned to us and asks for its profile unless an enrollment is given.
sub new {
	my ($class, $t, $serial, %o) = @_;
	my $self = bless { t => $t, serial => $serial, %o }, $class;
	$self->{key} ||= $self->new_key($o{curve});
	$self->{enrollment} ||= $self->enroll;
	$self->{base} = "/acme/$self->{enrollment}";
	return $self;
}

# A file with a fresh key.
sub new_key {
	my ($self, $curve) = @_;
	my $file = $self->{t}->dir . '/key-' . $$ . '-' . ++$keys;
	$self->{t}->make('key', $file, '--curve', $curve || 'P-256');
	return $file;
}

sub jwk { my ($self, $key) = @_; $JSON->decode($self->{t}->make('jwk', '--key', $key || $self->{key})) }

# A profile's ACME directory, as the device would find it.
sub enroll {
	my ($self) = @_;
	my $t = $self->{t};
	my $file = $t->dir . '/machineinfo-' . $$;
	$t->assign($self->{serial});
	$t->make('machineinfo', '--serial', $self->{serial}, '-o', $file);
	my $r = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file),
	    headers => { 'Content-Type' => 'application/pkcs7-signature' });
	$r->{body} =~ m{/acme/([A-Za-z0-9_-]+)/directory}
	    or die "no profile for $self->{serial}: $r->{status} $r->{body}";
	return $1;
}

# Another client of the same enrollment, with a key of its own.
sub sibling { my ($self, %o) = @_; Attestmdm::Acme->new($self->{t}, $self->{serial}, enrollment => $self->{enrollment}, %o) }

# The path below the enrollment, or of a whole URL of ours.
sub target {
	my ($self, $where) = @_;
	my $url = $self->{t}->url;
	return $1 if $where =~ /^\Q$url\E(\/.*)/;
	return $where =~ m{^/} ? $where : "$self->{base}/$where";
}

sub url { my ($self, $where) = @_; $self->{t}->url . $self->target($where) }

sub new_nonce {
	my ($self) = @_;
	return $self->{t}->http(HEAD => "$self->{base}/new-nonce")
	    ->{headers}{'replay-nonce'};
}

# The protected header for a request, with changes; undef takes one out.
sub header {
	my ($self, $where, %o) = @_;
	my %h = (
		alg => 'ES256',
		nonce => $o{nonce} // $self->{nonce} // $self->new_nonce,
		url => $self->url($where),
	);
	if ($o{jwk} || ($where eq 'new-account' && !$o{kid})) {
		$h{jwk} = $self->jwk($o{key});
	} else {
		$h{kid} = $o{kid} // $self->{kid} // $self->url('account/none');
	}
	my %change = %{ $o{protected} || {} };
	for (keys %change) {
		if (defined $change{$_}) { $h{$_} = $change{$_} } else { delete $h{$_} }
	}
	return \%h;
}

# A signed body. Options: key, kid, jwk => 1, nonce, protected => { … },
# header => text in place of it, sign => [options of "make jws"].
sub sign {
	my ($self, $where, $payload, %o) = @_;
	$payload = $JSON->encode($payload) if ref $payload;
	my $header = $o{header} // $JSON->encode($self->header($where, %o));
	return $self->{t}->make('jws', '--protected', $header, '--payload',
	    $payload // '', '--key', $o{key} || $self->{key}, @{ $o{sign} || [] });
}

# Sends it. Further options: body => bytes in place of the signed ones,
# type => content type ('' for none), method, headers.
sub post {
	my ($self, $where, $payload, %o) = @_;
	my $body = $o{body} // $self->sign($where, $payload, %o);
	my $type = $o{type} // 'application/jose+json';
	my $r = $self->{t}->http($o{method} || 'POST', $self->target($o{to} || $where),
	    body => $body, headers => { $type eq '' ? () : ('Content-Type' => $type), %{ $o{headers} || {} } });
	$self->check($where, $r);
	$self->{nonce} = $r->{headers}{'replay-nonce'};
	$r->{json} = $JSON->decode($r->{body})
	    if ($r->{headers}{'content-type'} || '') =~ /json/;
	push @sloppy, map { "$where $r->{status}: $_" } misshapen(kind($where, $r->{status}), $r->{json})
	    if ref $r->{json} eq 'HASH';
	$r->{type} = ref $r->{json} eq 'HASH'
	    && ($r->{json}{type} // '') =~ /^urn:ietf:params:acme:error:(\w+)$/ ? $1 : '';
	return $r;
}

# acme-295: the members that an object has, of their types: TEXT, NUMBER, BOOLEAN,
# LIST, OBJECT. One in lower case may be absent, and there are no others.
my %MEMBERS = (
	'problem' => 'type TEXT detail TEXT status NUMBER algorithms list',
	'directory' => 'newNonce TEXT newAccount TEXT newOrder TEXT revokeCert TEXT keyChange TEXT'
	    . ' renewalInfo TEXT meta OBJECT',
	'account' => 'status TEXT orders TEXT contact list termsOfServiceAgreed boolean',
	'orders' => 'orders LIST',
	'order' => 'status TEXT expires TEXT identifiers LIST authorizations LIST finalize TEXT'
	    . ' certificate text replaces text error problem',
	'authz' => 'identifier IDENTIFIER status TEXT expires TEXT challenges LIST',
	'challenge' => 'type TEXT url TEXT status TEXT token TEXT validated text error problem',
	'identifier' => 'type TEXT value TEXT',
);
my %IS = (
	text => sub { defined $_[0] && !ref $_[0] },
	number => sub { defined $_[0] && $JSON->encode($_[0]) =~ /^\d+$/ },
	boolean => sub { JSON::PP::is_bool($_[0]) },
	list => sub { ref $_[0] eq 'ARRAY' },
	object => sub { ref $_[0] eq 'HASH' },
);

# What is wrong with an object, in words.
sub misshapen {
	my ($kind, $object) = @_;
	my %left = %$object;
	my %members = split(/ /, $MEMBERS{$kind} // return $kind);
	my @wrong;
	for my $name (sort keys %members) {
		my $type = lc $members{$name};
		my $there = exists $left{$name};
		my $value = delete $left{$name};
		next if !$there && $type eq $members{$name};
		push @wrong, !$there ? "no $name"
		    : $IS{$type} ? ($IS{$type}->($value) ? () : "$name is no $type")
		    : ref $value eq 'HASH' ? misshapen($type, $value) : "$name is no object";
	}
	push @wrong, map { misshapen($_->[0], $_->[1]) }
	    (map { [ identifier => $_ ] } @{ $object->{identifiers} || [] }),
	    (map { [ challenge => $_ ] } @{ $object->{challenges} || [] });
	return (@wrong, map { "unknown $_" } sort keys %left);
}

# Which object the answer of a resource is.
sub kind {
	my ($where, $status) = @_;
	return $status >= 400 ? 'problem'
	    : $where =~ m{(?:^|/)orders(?:/\d+)?$} ? 'orders'
	    : $where =~ m{/finalize$|new-order$} ? 'order'
	    : $where =~ m{new-account$|key-change$} ? 'account'
	    : $where =~ m{(?:^|/)(directory|account|order|authz|challenge)(?:/[A-Za-z0-9_-]{22})?$} ? $1 : $where;
}

# What every answer to a POST must have (RFC 8555 sections 6.5 and 7.1).
sub check {
	my ($self, $where, $r) = @_;
	my $h = $r->{headers};
	my $type = $r->{status} >= 400 ? 'application/problem+json'
	    : $r->{body} eq '' ? '' : $where =~ /certificate/ ? 'application/pem-certificate-chain' : 'application/json';
	my @lack;
	push @lack, 'nonce' if ($h->{'replay-nonce'} // '') !~ /^[A-Za-z0-9_-]{54}$/;
	push @lack, 'index' if $where !~ /directory$/
	    && ($h->{link} // '') !~ m{<https://[^>]+/directory>;rel="index"};
	push @lack, 'no-store' if ($h->{'cache-control'} // '') ne 'no-store';
	push @lack, 'type' if ($h->{'content-type'} // '') ne $type;
	push @sloppy, "$where $r->{status}: @lack" if @lack;
	return if $r->{body} eq '';
	my $url = qr{^https://[A-Za-z0-9._:-]+(/[A-Za-z0-9._-]+)*$};
	push @sloppy, "$where: $_"
	    for grep { $_ !~ $url } $r->{body} =~ m{"(https?:[^"]*)"}g;
}

# POST-as-GET.
sub get { my ($self, $where, %o) = @_; $self->post($where, '', %o) }

sub account {
	my ($self, $payload) = @_;
	my $r = $self->post('new-account', $payload || { termsOfServiceAgreed => JSON::PP::true });
	die "newAccount: $r->{status} $r->{body}" if $r->{status} !~ /^20[01]$/;
	$self->{kid} = $r->{headers}{location};
	return $r;
}

sub identifiers { my ($self, $value) = @_; [{ type => 'permanent-identifier', value => $value // $self->{serial} }] }

# An order with what hangs on it: { url, finalize, authz, challenge, token }.
sub order {
	my ($self) = @_;
	$self->account if !$self->{kid};
	my $r = $self->post('new-order', { identifiers => $self->identifiers });
	die "newOrder: $r->{status} $r->{body}" if $r->{status} != 201;
	my $authz = $self->get($r->{json}{authorizations}[0]);
	my $c = $authz->{json}{challenges}[0];
	return { %{ $r->{json} }, url => $r->{headers}{location},
		authz => $r->{json}{authorizations}[0],
		challenge => $c->{url}, token => $c->{token} };
}

# base64url of an attestation object for an order's token and a device key.
sub attestation {
	my ($self, $order, %o) = @_;
	$self->{device_key} ||= $self->new_key('P-384');
	return $self->{t}->make('attestation', '--token', $o{token} // $order->{token},
	    '--key', $o{key} // $self->{device_key}, '--serial', $o{serial} // $self->{serial},
	    $o{fault} ? ('--fault', $o{fault}) : ());
}

# Answers the challenge; an order that is ready afterwards when nothing is odd.
sub attest {
	my ($self, $order, %o) = @_;
	return $self->post($order->{challenge}, { attObj => $self->attestation($order, %o) });
}

sub csr {
	my ($self, @options) = @_;
	my @key = grep({ $_ eq '--key' } @options) ? () : ('--key', $self->{device_key});
	my @subject = grep({ $_ eq '--subject' } @options) ? () : ('--subject', '/CN=x');
	return $self->{t}->make('csr', @key, @subject, @options);
}

sub finalize { my ($self, $order, @csr) = @_; $self->post($order->{finalize}, { csr => $self->csr(@csr) }) }

# The whole way: the order, with certificate URL and PEM.
sub certificate {
	my ($self) = @_;
	my $o = $self->order;
	my $r = $self->attest($o);
	die "challenge: $r->{status} $r->{body}" if $r->{json}{status} ne 'valid';
	$r = $self->finalize($o);
	die "finalize: $r->{status} $r->{body}" if $r->{status} != 200;
	my $pem = $self->get($r->{json}{certificate})->{body};
	return { %$o, %{ $r->{json} }, pem => $pem };
}

# Tests that an answer is this problem.
sub problem {
	my ($self, $r, $status, $type, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is("$r->{status} $r->{type}", "$status $type", $name)
	    || diag($r->{body});
}

# The same, and its event log: step and code.
sub refused {
	my ($self, $r, $status, $type, $step, $code, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->problem($r, $status, $type, $name);
	return $self->{t}->refused($self->{serial}, $step, $code, $name);
}

# Before the end of a file that used this client.
sub done {
	my ($self) = @_;
	is("@sloppy", '', 'acme-1: every answer to a POST has nonce, index link, '
	    . 'no-store, its type, the members of its object and plain URLs');
	return $self;
}

sub der { my ($pem) = @_; my ($b) = $pem =~ /-----BEGIN CERTIFICATE-----\n(.*?)-----END/s; MIME::Base64::decode_base64($b) }
sub b64u { encode_base64url($_[0]) }
sub from_b64u { decode_base64url($_[0]) }

1;
