#!/usr/bin/perl
# ACME: the signed envelope (cases 35 to 94).
use strict;
use warnings;
use JSON::PP ();
use MIME::Base64 qw(encode_base64 encode_base64url decode_base64url);
use Attestmdm::Test;
use Attestmdm::Acme;

my $SERIAL = 'C02ENVELOPE1';
my $t = Attestmdm::Test->new;
my $c = Attestmdm::Acme->new($t, $SERIAL);
my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;
my %order = (identifiers => $c->identifiers);
my $before;

# Every case is tried on an account's own URL, which answers 200 to a good one.
sub where { $c->{kid} }

sub bad {
	my ($name, $r, $type, $code) = @_;
	$c->refused($r, 400, $type || 'malformed', 'account', $code || 'MALFORMED', $name);
}

sub parts { $JSON->decode($c->sign(where(), '', @_)) }
sub raw { my ($name, $body, @rest) = @_; bad($name, $c->post(where(), '', body => $body), @rest) }
sub header { my ($name, $text, @rest) = @_; bad($name, $c->get(where(), header => $text), @rest) }

# The protected header as text, with pieces put in.
sub text { my (%change) = @_; $JSON->encode($c->header(where(), protected => \%change)) }

my $p;

subtest 'serialization and members' => sub {
	$c->account;
	is($c->get(where())->{status}, 200, 'acme-35: a good request');
	$before = $t->fingerprint;

	$p = parts();
	raw('acme-35: compact serialization', "$p->{protected}.$p->{payload}.$p->{signature}");
	raw('acme-36: general serialization', $JSON->encode({ payload => $p->{payload},
		signatures => [{ protected => $p->{protected}, signature => $p->{signature} }] }));
	raw('acme-37: unprotected header', $JSON->encode({ %$p, header => {} }));
	for my $more (1, { deeper => ['x'] }) {
		is($c->post(where(), '', body => $c->sign(where(), '') =~ s/\}\s*\z/',"more":' . $JSON->encode($more) . '}'/er)->{status},
		    200, 'acme-38: an unknown member is ignored: ' . $JSON->encode($more));
	}
	delete $c->{nonce};
	$before = $t->fingerprint;
	$p = parts();
	for my $member (sort keys %$p) {
		my %less = %$p;
		delete $less{$member};
		raw("acme-39: without $member", $JSON->encode(\%less));
		raw("acme-40: $member is " . $JSON->encode($_), $JSON->encode({ %$p, $member => $_ }))
		    for 1, undef, [], {}, JSON::PP::true;
	}
};

subtest 'base64url' => sub {
	for my $member ('protected', 'signature') {
		my $value = $p->{$member};
		raw("acme-41: $member padded", $JSON->encode({ %$p, $member => "$value=" }));
		raw("acme-42: $member in the standard alphabet",
		    $JSON->encode({ %$p, $member => substr($value, 0, 20) . '+/' . substr($value, 22) }));
		raw("acme-43: $member with $_->[0]",
		    $JSON->encode({ %$p, $member => substr($value, 0, 20) . $_->[1] . substr($value, 20) }))
		    for [ 'a space', ' ' ], [ 'a line end', "\n" ];
		raw("acme-45: $member of an impossible length",
		    $JSON->encode({ %$p, $member => $value . 'A' x ((1 - length $value) % 4) }));
	}
	raw('acme-41: payload padded', $JSON->encode({ %$p, payload => 'e30=' }));
	# 64 bytes leave four unused bits in the last character.
	(my $loose = $p->{signature}) =~ s/(.)\z/chr(ord($1) + 1)/e;
	raw('acme-44: unused bits are set', $JSON->encode({ %$p, signature => $loose }));
};

subtest 'JSON of the body' => sub {
	my $good = $JSON->encode($p);
	raw("acme-46: $_->[0]", $_->[1])
	    for [ 'an array', "[$good]" ], [ 'a string', '"x"' ], [ 'two objects', $good . $good ],
		[ 'bytes behind it', "$good x" ], [ 'a byte order mark', "\xEF\xBB\xBF$good" ];
	raw('acme-47: payload twice',
	    '{"payload":"","payload":"e30",' . substr($good, 1));
};

subtest 'JSON of the protected header' => sub {
	header('acme-48: alg twice', '{"alg":"ES256",' . substr(text(), 1));
	header('acme-49: a name with NUL', do { (my $s = text()) =~ s/"alg"/"al\\u0000g"/; $s });
	my $escaped = text();
	$escaped =~ s/"alg"/"\\u0061lg"/;
	is($c->get(where(), header => $escaped)->{status}, 200, 'acme-50: an escaped name is that name');
	delete $c->{nonce};
	header('acme-50: and counts as a second one', '{"\\u0061lg":"ES256",' . substr(text(), 1));
	header("acme-51: $_->[0]", $_->[1])
	    for [ 'single quotes', "{'alg':'ES256'}" ], [ 'a comment', '/**/' . text() ],
		[ 'NaN', do { (my $s = text()) =~ s/\{/{"x":NaN,/; $s } ],
		[ 'a raw control character', do { (my $s = text()) =~ s/\{/{"x":"\x01",/; $s } ],
		[ 'a byte order mark', "\xEF\xBB\xBF" . text() ],
		[ 'bad UTF-8', do { (my $s = text()) =~ s/\{/{"x":"\xC0\x80",/; $s } ];
	header("acme-52: protected is $_", $_) for '[]', 'x', '""', '1', '{}';
	raw('acme-52: protected is empty', $JSON->encode({ %$p, protected => '' }));
	my $deep = '[' x 3000 . ']' x 3000;
	header('acme-53: depth in protected', '{"x":' . $deep . '}');
	raw('acme-53: depth in the body', '{"x":' . $deep . '}');
	bad('acme-53: depth in the payload', $c->post(where(), '{"x":' . $deep . '}'));
	header('acme-54: no alg', text(alg => undef));
	header('acme-54: alg is ' . $JSON->encode($_), text(alg => $_)) for 1, [], {};
};

# acme-56: in any letter case.
subtest 'algorithms' => sub {
	for my $alg ('none', 'None', 'NONE', 'nOnE', 'HS256', 'HS384', 'ES256K', 'ES512', 'PS256',
		'RS256', 'RS1', 'es256', '') {
		my $r = $c->get(where(), protected => { alg => $alg });
		bad("acme-55: alg \"$alg\"", $r, 'badSignatureAlgorithm', 'BAD_ALGORITHM');
		is(join(' ', @{ $r->{json}{algorithms} || [] }), 'ES256 ES384 EdDSA',
		    "acme-55: alg \"$alg\": the answer lists what is good");
	}
	bad('acme-55: none without signature', $c->get(where(), protected => { alg => 'none' },
		sign => [ '--alg', 'none' ]), 'badSignatureAlgorithm', 'BAD_ALGORITHM');
	bad('acme-57: HS256 keyed with the public key', $c->get(where(), protected => { alg => 'HS256' },
		sign => [ '--alg', 'HS256', '--secret', $JSON->encode($c->jwk) ]),
	    'badSignatureAlgorithm', 'BAD_ALGORITHM');
	bad('acme-58: HS256 keyed with the account URL', $c->get(where(),
		protected => { alg => 'HS256' }, sign => [ '--alg', 'HS256', '--secret', $c->{kid} ]),
	    'badSignatureAlgorithm', 'BAD_ALGORITHM');
};

my $r;

# Keys of newAccount.
sub new_account {
	my ($name, $type, $code, %o) = @_;
	bad($name, $c->post('new-account', {}, %o), $type, $code);
}

# The keys that certbot and dehydrated make by default: their signatures are
# longer than any of an algorithm that is offered (RFC 8555 section 6.2).
sub rsa {
	my ($where, $payload, %o) = @_;
	my %key = (kty => 'RSA', e => 'AQAB', n => encode_base64url("\xC1" x 256));
	my $header = $c->header($where, %o, protected => { alg => 'RS256', jwk => \%key, kid => undef,
		%{ $o{protected} || {} } });
	return { protected => encode_base64url($JSON->encode($header)),
		payload => encode_base64url($JSON->encode($payload)),
		signature => encode_base64url("\x5A" x 256) };
}

subtest 'keys of RSA' => sub {
	for my $case ([ 'new-account', {} ], [ 'revoke-cert', {} ]) {
		my $step = $case->[0] eq 'new-account' ? 'account' : 'revocation';
		my $r = $c->post($case->[0], '', body => $JSON->encode(rsa(@$case)));
		$c->refused($r, 400, 'badSignatureAlgorithm', $step, 'BAD_ALGORITHM', "an RSA key for $case->[0]");
		is(join(' ', @{ $r->{json}{algorithms} || [] }), 'ES256 ES384 EdDSA', 'and what is good');
	}
	my $inner = rsa('key-change', {}, protected => { nonce => undef });
	$r = $c->post('key-change', $inner);
	$c->refused($r, 400, 'badSignatureAlgorithm', 'key-change', 'BAD_ALGORITHM', 'an RSA key for key-change');
	is(join(' ', @{ $r->{json}{algorithms} || [] }), 'ES256 ES384 EdDSA', 'and what is good');
};

subtest 'ES384 and EdDSA' => sub {
	my $p384 = $c->new_key('P-384');
	my $ed = $c->new_key('Ed25519');
	new_account('acme-59: RS256 with an EC key', 'badSignatureAlgorithm', 'BAD_ALGORITHM',
	    protected => { alg => 'RS256' });
	new_account('acme-60: ES384 with a P-256 key', 'badPublicKey', 'BAD_PUBLIC_KEY',
	    protected => { alg => 'ES384' });
	new_account('acme-60: ES256 with a P-384 key', 'badPublicKey', 'BAD_PUBLIC_KEY',
	    key => $p384, sign => [ '--alg', 'ES384' ]);
	new_account('acme-60: EdDSA with a P-256 key', 'badPublicKey', 'BAD_PUBLIC_KEY',
	    protected => { alg => 'EdDSA' });
	bad('acme-60: ES384 with an account of P-256',
	    $c->get(where(), protected => { alg => 'ES384' }), 'malformed', 'BAD_SIGNATURE');
	for my $curve ([ 'ES384', $p384 ], [ 'EdDSA', $ed ]) {
		my ($alg, $key) = @$curve;
		my $r = $c->post('new-account', {}, key => $key, protected => { alg => $alg },
		    sign => [ '--alg', $alg ]);
		is($r->{status}, 201, "acme-61: $alg with its key");
		$r = $c->get($r->{headers}{location}, kid => $r->{headers}{location}, key => $key,
		    protected => { alg => $alg }, sign => [ '--alg', $alg ]);
		is($r->{status}, 200, "acme-61: and its account answers");
	}
	$before = $t->fingerprint;
};

my $jwk;

subtest 'kid and jwk' => sub {
	$jwk = $c->jwk;
	bad('acme-62: jwk and kid', $c->get(where(), protected => { jwk => $jwk }));
	bad('acme-63: neither', $c->get(where(), protected => { kid => undef }));
	$c->refused($c->post('new-order', \%order, protected => { kid => undef, jwk => $jwk }), 400,
	    'malformed', 'order', 'MALFORMED', 'acme-64: jwk on newOrder');
	new_account('acme-65: kid on newAccount', 'malformed', 'MALFORMED',
	    protected => { jwk => undef, kid => $c->{kid} });
};

sub jwk_is {
	my ($name, %change) = @_;
	my %key = (%$jwk, %change);
	delete $key{$_} for grep { !defined $change{$_} } keys %change;
	new_account($name, 'badPublicKey', 'BAD_PUBLIC_KEY', protected => { jwk => \%key });
}

subtest 'what a jwk may be' => sub {
	jwk_is('acme-66: a private key', d => $jwk->{x});
	jwk_is('acme-67: kty oct', kty => 'oct', k => $jwk->{x});
	jwk_is('acme-67: kty RSA', kty => 'RSA', n => $jwk->{x}, e => 'AQAB');
	new_account('acme-68: alg ES384 in the key', 'malformed', 'MALFORMED',
	    protected => { jwk => { %$jwk, alg => 'ES384' } });
	my $x = decode_base64url($jwk->{x});
	my %wrong = ('31 bytes' => substr($x, 1), '33 bytes' => "\0$x", 'nothing' => '',
		'16 bytes' => substr($x, 16));
	jwk_is("acme-69: x of $_", x => encode_base64url($wrong{$_})) for sort keys %wrong;
	jwk_is('acme-69: no x', x => undef);
	jwk_is('acme-69: no y', y => undef);
	jwk_is('acme-69: no crv', crv => undef);
	jwk_is('acme-69: y a number', y => 1);
	jwk_is('acme-69: crv P-521', crv => 'P-521');
	jwk_is('acme-70: off the curve', y => $jwk->{x});
	jwk_is('acme-70: zeros', x => 'A' x 43, y => 'A' x 43);
	jwk_is('acme-71: x beyond the field', x => encode_base64url("\xff" x 32));
	new_account('acme-70: jwk is a string', 'malformed', 'MALFORMED', protected => { jwk => 'x' });

	bad('acme-73: crit', $c->get(where(), protected => { crit => ['b64'], b64 => JSON::PP::false }));
	bad('acme-73: b64', $c->get(where(), protected => { b64 => JSON::PP::false }));
	bad('acme-74: no url', $c->get(where(), protected => { url => undef }));
};

my $url;

sub url_is {
	my ($name, $url) = @_;
	$c->refused($c->get(where(), protected => { url => $url }), 403, 'unauthorized',
	    'account', 'UNAUTHORIZED', $name);
}

subtest 'url' => sub {
	url_is('acme-75: of another resource', "$c->{kid}/orders");
	$url = $c->{kid};
	url_is('acme-76: http', $url =~ s/^https/http/r);
	url_is('acme-76: another host', $url =~ s/mdm\./mdn./r);
	url_is('acme-76: host in upper case', $url =~ s/mdm/MDM/r);
	url_is('acme-76: explicit port', $url =~ s/com/com:443/r);
	url_is('acme-76: slash behind', "$url/");
	url_is('acme-76: query added', "$url?x");
	url_is('acme-76: escaped', $url =~ s/account/%61ccount/r);
	url_is('acme-76: path only', $c->target($url));
	$c->refused($c->post("$c->{kid}/orders", '', to => $c->{kid}), 403, 'unauthorized', 'account',
	    'UNAUTHORIZED', 'acme-77: a good request somewhere else');
};

sub signature {
	my ($name, $bytes) = @_;
	delete $c->{nonce};
	my $s = parts();
	raw($name, $JSON->encode({ %$s, signature => encode_base64url($bytes) }), 'malformed',
	    'BAD_SIGNATURE');
}

subtest 'signatures' => sub {
	my $signed = parts();
	raw('acme-78: payload changed', $JSON->encode({ %$signed, payload => 'e30' }),
	    'malformed', 'BAD_SIGNATURE');
	delete $c->{nonce};
	bad('acme-78: a bit of the signature changed', $c->get(where(), sign => ['--corrupt']),
	    'malformed', 'BAD_SIGNATURE');
	my $n = pack('H*', 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
	my $one = "\0" x 31 . "\1";
	signature('acme-79: empty', '');
	signature('acme-79: one byte', 'x');
	signature('acme-79: 65 bytes', 'x' x 65);
	bad('acme-79: in DER', $c->get(where(), sign => ['--der-signature']), 'malformed', 'BAD_SIGNATURE');
	signature('acme-80: R is 0', "\0" x 32 . $one);
	signature('acme-80: S is 0', $one . "\0" x 32);
	signature('acme-80: R is n', $n . $one);
	signature('acme-80: S is n', $one . $n);
	signature('acme-85: 59 bytes', 'x' x 59);
	signature('acme-86: 63 random bytes', 'x' x 63);
	is($t->fingerprint, $before, 'acme-78: none of these changed anything');

	delete $c->{nonce};
	for my $n (1 .. 3) {
		my $r = $c->get(where(), sign => ['--short']);
		is($r->{status}, 200, 'acme-82: a short signature, as Apple made them');
	}

	$c->refused($c->post("$c->{kid}/orders", {}), 400, 'malformed', 'orders', 'MALFORMED',
	    'acme-88: payload {} on a list');
};

subtest 'payloads' => sub {
	for my $where ('new-account', 'new-order', 'revoke-cert', 'key-change') {
		$c->problem($c->post($where, ''), 400, 'malformed', "acme-89: empty payload on $where");
	}
	for my $payload ('null', '[]', '"x"', '1', 'x', '{', '{"a":1,"a":2}') {
		$c->refused($c->post('new-order', $payload), 400, 'malformed', 'order', 'MALFORMED',
		    "acme-90: payload $payload");
	}
};

subtest "accounts that are not the signer's" => sub {
	my %kids = (
		'an unknown account' => $c->url('account/AAAAAAAAAAAAAAAAAAAAAA'),
		'another host' => $url =~ s/mdm\./mdn./r,
		'a slash too many' => $url =~ s{account/}{account//}r,
		'a slash behind' => "$url/",
		'http' => $url =~ s/^https/http/r,
		'a relative URL' => $c->target($url),
		'a bare id' => $url =~ s{.*/}{}r,
		'nothing' => '',
	);
	for my $name (sort keys %kids) {
		my $r = $c->get(where(), kid => $kids{$name}, protected => { kid => $kids{$name} });
		if ($name eq 'nothing') {
			is($r->{status}, 400, 'acme-94: kid is empty');
		} else {
			bad("acme-91: kid with $name", $r, 'accountDoesNotExist', 'NO_ACCOUNT');
		}
	}
	my $foreign = Attestmdm::Acme->new($t, 'C02ENVELOPE2');
	$foreign->account;
	bad('acme-92: kid of another enrollment', $c->get(where(), protected => { kid => $foreign->{kid} }),
	    'accountDoesNotExist', 'NO_ACCOUNT');
	my $b = $c->sibling;
	$b->account;
	bad('acme-93: kid of one account, key of another',
	    $c->get(where(), protected => { kid => $b->{kid} }), 'malformed', 'BAD_SIGNATURE');
};

$c->done;
$t->done;
