#!/usr/bin/perl
# ACME: finalize, certificates, revocation, renewal information (cases 228 to
# 261).
use strict;
use warnings;
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64url);
use Attestmdm::Test;
use Attestmdm::Acme;

my $SERIAL = 'C02FINAL0001';
my $t = Attestmdm::Test->new;
my $c = Attestmdm::Acme->new($t, $SERIAL);

sub openssl {
	my ($pem, @args) = @_;
	my $file = $t->dir . '/x.pem';
	Attestmdm::Server::spew($file, $pem);
	return $t->command('openssl', @args, '-in', $file)->{out};
}

# A client whose order is ready.
my $clients = 0;
sub ready {
	my $d = Attestmdm::Acme->new($t, 'C02FINAL1' . sprintf('%03d', ++$clients));
	my $order = $d->order;
	my $r = $d->attest($order);
	die $r->{body} if $r->{json}{status} ne 'valid';
	return ($d, $order);
}

my $order = $c->order;
$c->attest($order);
my $certified = 'SELECT id FROM certificates';

my ($d, $o);

sub bad_csr {
	my ($name, $csr, %o) = @_;
	($d, $o) = ready() if !$d || $o{fresh};
	my $r = $d->post($o->{finalize}, { csr => ref $csr ? $csr->() : $csr });
	$d->refused($r, 400, 'badCSR', 'finalize', $o{code} || 'BAD_CSR', $name);
	my $status = $d->get($o->{url})->{json}{status};
	is($status, $o{status} || 'ready', "$name: the order is $status");
	my ($bad) = $t->db("SELECT bad_csrs FROM orders WHERE id = '" . ($o->{url} =~ s{.*/}{}r) . "'")->[0]{bad_csrs};
	($d, $o) = () if $bad >= 4 || $status ne 'ready';
}

# Requests that an order survives, five times.
subtest 'requests that an order survives' => sub {
	bad_csr('acme-234: bad signature', sub { $d->csr('--fault', 'csr-bad-signature') });
	bad_csr('acme-235: signed with SHA-1', sub { $d->csr('--fault', 'csr-sha1') });
	bad_csr('acme-235: signed with MD5', sub { $d->csr('--digest', 'md5') });
	bad_csr('acme-239: bytes behind it', sub { $d->csr('--fault', 'csr-trailing') });
	bad_csr('acme-239: cut short', sub { encode_base64url(substr(Attestmdm::Acme::from_b64u($d->csr), 0, -1)) });
	bad_csr('acme-239: text', encode_base64url("-----BEGIN CERTIFICATE REQUEST-----\n"));
	bad_csr('acme-240: version 2', sub { $d->csr('--fault', 'csr-version') });
	bad_csr('acme-241: extensions asked twice', sub { $d->csr('--fault', 'csr-two-extension-requests') });
	bad_csr('acme-243: a control character in a name', sub { $d->csr('--subject', "/CN=a\x01b") });
	bad_csr('acme-244: a foreign PermanentIdentifier', sub { $d->csr('--fault', 'csr-foreign-permanent-identifier') });
	bad_csr('acme-247: CA:TRUE', sub { $d->csr('--fault', 'csr-ca-true') });
	bad_csr('acme-249: 8193 bytes', encode_base64url("\x30\x82\x1f\xfd" . "\0" x 8189));
};

# A key that was not attested ends the order.
subtest 'requests that end an order' => sub {
	my %key = (status => 'invalid', code => 'CSR_KEY');
	bad_csr('acme-231: another key', sub { $d->csr('--key', $d->new_key('P-384')) }, %key, fresh => 1);
	bad_csr('acme-231: of another curve', sub { $d->csr('--key', $d->new_key('P-256')) }, %key);
	bad_csr('acme-237: the key of the account', sub { $d->csr('--key', $d->{key}) }, %key);
	bad_csr('acme-231: another key that signs with the attested one',
	    sub { $d->csr('--key', $d->new_key('P-384'), '--signer', $d->{device_key}) }, fresh => 1);
	bad_csr('acme-236: an RSA key', sub { $d->csr('--key', $d->new_key('RSA-2048')) }, fresh => 1);

	($d, $o) = ready();
	for my $n (1 .. 5) {
		my $r = $d->finalize($o, '--fault', 'csr-bad-signature');
		$d->problem($r, 400, 'badCSR', "acme-250: bad request number $n");
	}
	is($d->get($o->{url})->{json}{status}, 'invalid', 'acme-250: the fifth ends the order');
	$d->refused($d->finalize($o), 403, 'orderNotReady', 'finalize', 'ORDER_NOT_READY',
	    'acme-250: a good one comes too late');

	($d, $o) = ready();
	for my $bad ([ 'padded', { csr => $d->csr . '=' } ], [ 'empty', { csr => '' } ], [ 'absent', {} ],
		[ 'a number', { csr => 1 } ], [ 'null', { csr => undef } ], [ 'a list', { csr => [] } ],
		[ 'standard base64', { csr => '+/==' } ]) {
		$d->refused($d->post($o->{finalize}, $bad->[1]), 400, 'malformed', 'finalize', 'MALFORMED',
		    "acme-238: csr is $bad->[0]");
	}
	is($d->get($o->{url})->{json}{status}, 'ready', 'acme-238: the order is still ready');
	my $sibling = $d->sibling(device_key => $d->{device_key});
	$sibling->account;
	$sibling->refused($sibling->finalize($o), 404, 'malformed', 'finalize', 'NOT_FOUND',
	    'acme-230: by another account');
	$d->post($o->{authz}, { status => 'deactivated' });
	$d->refused($d->finalize($o), 403, 'orderNotReady', 'finalize', 'ORDER_NOT_READY',
	    'acme-252: after its authorization was deactivated');
	($d, $o) = ready();
	$t->tool_ok('ade', 'remove', $d->{serial});
	$d->refused($d->finalize($o), 403, 'unauthorized', 'finalize', 'ENROLL_UNASSIGNED',
	    'acme-251: the device is not ours any more');
	($d, $o) = ready();
	is($t->sim('enroll', '--serial', $d->{serial})->{exit}, 0, 'acme-251: meanwhile it enrolls anew');
	is($d->finalize($o)->{status}, 404, 'acme-251: which revoked the older enrollment');
	is($t->http(HEAD => "$d->{base}/new-nonce")->{status}, 404, 'fleet-6: it has no nonces');
	is($t->http(GET => "$d->{base}/directory")->{status}, 404, 'fleet-10: nor a directory');
	is(scalar @{ $t->db($certified) }, 1, 'acme-231: no certificate came of any of these');
};

my ($r, $url, $leaf, $issuer, $row);

# The good one.
subtest 'the certificate' => sub {
	$r = $c->finalize($order, '--subject', '/CN=evil/O=evil', '--dns', 'evil.example',
	    '--eku', '1.3.6.1.5.5.7.3.1');
	is($r->{status}, 200, 'acme-228: finalize');
	is($r->{json}{status}, 'valid', 'acme-228: valid at once');
	is($r->{headers}{location}, $order->{url}, 'acme-228: Location of the order');
	$url = $r->{json}{certificate};
	is($c->get($order->{url})->{json}{certificate}, $url, 'acme-228: the order names the certificate');
	$r = $c->get($url);
	my $pem = $r->{body};
	is($r->{headers}{'content-type'}, 'application/pem-certificate-chain', 'acme-255: its type');
	like($pem, qr/\A-----BEGIN CERTIFICATE-----\n.*-----END CERTIFICATE-----\n\z/s, 'acme-255: PEM');
	unlike($pem, qr/\r/, 'acme-255: plain line ends');
	($leaf, $issuer) = $pem =~ /(-----BEGIN.*?-----END CERTIFICATE-----\n)/sg;
	my $text = openssl($leaf, 'x509', '-noout', '-text', '-nameopt', 'RFC2253');
	like($text, qr/Subject: CN=\Q$c->{enrollment}\E,O=Example/, 'acme-247: the subject is ours');
	unlike($text, qr/evil/, 'acme-242: nothing of the request');
	like($text, qr/TLS Web Client Authentication/, 'acme-228: clientAuth');
	unlike($text, qr/TLS Web Server/, 'acme-247: nothing else');
	like($text, qr/X509v3 Key Usage: critical\s+Digital Signature\n/, 'acme-228: digitalSignature');
	like($text, qr/X509v3 Basic Constraints: critical\s+CA:FALSE/, 'acme-228: no CA');
	like($text, qr/URI:\S+\.crl/, 'acme-228: where its CRL is');
	like($text, qr/othername: ?(Permanent Identifier|1\.3\.6\.1\.5\.5\.7\.8\.3)/i, 'acme-228: PermanentIdentifier');
	like($leaf . unpack('H*', Attestmdm::Acme::der($leaf)), qr/\Q@{[unpack 'H*', $SERIAL]}\E/,
	    'acme-228: with the serial number');
	my $ca = $t->dir . '/issuer.pem';
	Attestmdm::Server::spew($ca, $issuer);
	Attestmdm::Server::spew($t->dir . '/leaf.pem', $leaf);
	like($t->command('openssl', 'verify', '-CAfile', $ca, $t->dir . '/leaf.pem')->{out}, qr/OK/,
	    'acme-255: leaf first, its issuer behind');
	my $attested = $t->command('openssl', 'pkey', '-in', $c->{device_key}, '-pubout')->{out};
	is(openssl($leaf, 'x509', '-noout', '-pubkey'), $attested, 'acme-228: certifies the attested key');
	my @steps = map { $_->{step} } grep { $_->{outcome} eq 'ok' } @{ $t->events($SERIAL) };
	is("@steps", 'profile account order challenge finalize certificate', 'acme-228: every step is in the event log');
	$row = $t->db("SELECT hex(sha256) AS sha256, serial, hardware_attested, state, enrollment_id,"
		. " hex(serial_number) AS number, hex(issuer_key_id) AS issuer FROM certificates WHERE serial = '$SERIAL'")->[0];
	is($row->{serial}, $SERIAL, 'acme-228: bound to the device');
	is($row->{hardware_attested}, 1, 'acme-228: as attested');
	is($row->{state}, 'issued', 'acme-228: not used yet');
	is($t->db("SELECT state FROM enrollments WHERE id = '$c->{enrollment}'")->[0]{state}, 'issued',
	    'acme-228: the enrollment has its one certificate');
};

my ($foreign, $their_order, $their);

subtest 'one certificate, for its account alone' => sub {
	$c->refused($c->finalize($order), 403, 'orderNotReady', 'finalize', 'ORDER_NOT_READY',
	    'acme-229: finalize of a valid order');
	$c->refused($c->post('new-order', { identifiers => $c->identifiers }), 403, 'rejectedIdentifier',
	    'order', 'IDENTIFIER_REJECTED', 'acme-126: a second certificate of one enrollment');
	my $late = $c->sibling;
	$late->refused($late->post('new-account', {}), 403, 'unauthorized', 'account', 'UNAUTHORIZED',
	    'acme-126: a new account after the certificate');
	is(scalar @{ $t->db("$certified WHERE serial = '$SERIAL'") }, 1, 'acme-229: one certificate');
	($foreign, $their_order) = ready();
	my $their_url = $foreign->finalize($their_order)->{json}{certificate};
	$their = Attestmdm::Acme::der($foreign->get($their_url)->{body});
	(my $id = $their_url) =~ s{.*/}{};
	$c->refused($c->get("certificate/$id"), 404, 'malformed', 'certificate', 'NOT_FOUND',
	    'acme-256: the certificate of another');
	$c->refused($c->get('certificate/AAAAAAAAAAAAAAAAAAAAAA'), 404, 'malformed', 'certificate',
	    'NOT_FOUND', 'acme-256: an unknown certificate');
	$c->refused($c->post($url, {}), 400, 'malformed', 'certificate', 'MALFORMED',
	    'acme-88: a payload where none is wanted');
};

# A key that has a certificate gets no second one.
subtest 'a key that has a certificate' => sub {
	my $again = Attestmdm::Acme->new($t, $SERIAL);
	my $second = $again->order;
	$r = $again->attest($second, key => $c->{device_key});
	is($r->{json}{status}, 'invalid', 'acme-220: a certified key');
	$t->refused($SERIAL, 'challenge', 'ATT_KEY_REUSE', 'acme-220: a certified key');
	$second = $again->order;
	is($again->attest($second)->{json}{status}, 'valid', 'acme-281: the same device with a new key');
	is($again->finalize($second)->{status}, 200, 'acme-281: has a new certificate');
};

my ($ari, $number, $certid, $info);

# Renewal information.
subtest 'renewal information' => sub {
	$ari = sub { encode_base64url(pack('H*', $_[0])) . '.' . encode_base64url(pack('H*', $_[1])) };
	$number = $row->{number};
	$certid = $ari->($row->{issuer}, $row->{number});
	$info = $t->http(GET => "$c->{base}/renewal-info/$certid");
	is($info->{status}, 200, 'acme-259: renewal information without a signature');
	my $window = $t->json($info)->{suggestedWindow};
	my ($from, $to) = map { /notBefore=(.*)\nnotAfter=(.*)\n/ ? ($1, $2) : () }
	    openssl($leaf, 'x509', '-noout', '-dates', '-dateopt', 'iso_8601');
	my $iso = sub { $_[0] =~ s/ /T/r };
	ok($iso->($from) lt $window->{start} && $window->{start} lt $window->{end}
		&& $window->{end} le $iso->($to), 'acme-259: a window inside of its life') if $from;
	is($info->{headers}{'retry-after'}, 21600, 'acme-259: Retry-After');
	my %odd = ('no dot' => 'abc', 'padded' => "$certid=", 'another issuer' => $ari->('00' x 20, $row->{number}),
		'another number' => $ari->($row->{issuer}, '01'), 'a zero in front' => $ari->($row->{issuer}, "00$row->{number}"),
		'long' => 'A' x 10000, 'odd' => 'A.A');
	for my $name (sort keys %odd) {
		my $r = $t->http(GET => "$c->{base}/renewal-info/$odd{$name}");
		like($r->{status}, qr/^40[04]$/, "acme-260: $name");
	}
	is($t->http(GET => "$foreign->{base}/renewal-info/$certid")->{status}, 404,
	    'acme-259: of another enrollment');
};

# A renewal that says what it replaces.
subtest 'a renewal that says what it replaces' => sub {
	my $renewal = Attestmdm::Acme->new($t, $SERIAL);
	$renewal->account;
	my %wish = (identifiers => $renewal->identifiers, replaces => $certid);
	$r = $renewal->post('new-order', \%wish);
	is("$r->{status} $r->{json}{replaces}", "201 $certid", 'acme-129: replaces a certificate');
	is($renewal->get($r->{headers}{location})->{json}{replaces}, $certid, 'acme-129: and says so again');
	$renewal->refused($renewal->post('new-order', \%wish), 409, 'alreadyReplaced', 'order',
	    'ALREADY_REPLACED', 'acme-129: only once');
	$foreign = Attestmdm::Acme->new($t, 'C02FINAL2001');
	$foreign->account;
	$foreign->refused($foreign->post('new-order', { identifiers => $foreign->identifiers,
		replaces => $certid }), 400, 'malformed', 'order', 'MALFORMED',
	    'acme-129: of another device');
};

my $der;

sub revoke { my ($who, %payload) = @_; $who->post('revoke-cert', { certificate => $der, %payload }) }

sub unrevoked {
	my ($name, $r, @what) = @_;
	$c->refused($r, @what, "acme-257: $name");
}

# Revocation.
subtest 'revocation' => sub {
	$der = encode_base64url(Attestmdm::Acme::der($leaf));
	unrevoked("reason $_", revoke($c, reason => $_), 400, 'badRevocationReason', 'revocation',
	    'REVOCATION_REASON') for 7, 11, -1, 255;
	unrevoked('reason ' . JSON::PP->new->allow_nonref->encode($_), revoke($c, reason => $_), 400,
	    'malformed', 'revocation', 'MALFORMED') for '1', 1.5, undef, [];
	unrevoked('garbage', revoke($c, certificate => 'AAAA'), 404, 'malformed', 'revocation', 'NOT_FOUND');
	unrevoked('padded', revoke($c, certificate => "$der="), 400, 'malformed', 'revocation', 'MALFORMED');
	unrevoked('no certificate', $c->post('revoke-cert', {}), 400, 'malformed', 'revocation', 'MALFORMED');
	unrevoked('the certificate of another', revoke($c, certificate => encode_base64url($their)), 403,
	    'unauthorized', 'revocation', 'UNAUTHORIZED');
	my %by_key = (jwk => 1, key => $c->{device_key}, protected => { alg => 'ES384' },
		sign => [ '--alg', 'ES384' ]);
	unrevoked('another key by jwk', $c->post('revoke-cert', { certificate => $der }, jwk => 1,
		key => $c->new_key), 403, 'unauthorized', 'revocation', 'UNAUTHORIZED');
	is($t->db("SELECT state FROM certificates WHERE serial = '$SERIAL' ORDER BY created_at")->[0]{state},
	    'issued', 'acme-257: not revoked by any of these');
	$r = $c->post('revoke-cert', { certificate => $der, reason => 1 }, %by_key);
	is("$r->{status} $r->{body}", '200 ', 'acme-257: by the key of the certificate');
	$row = $t->db("SELECT state, revocation_reason FROM certificates WHERE id = '" . ($url =~ s{.*/}{}r) . "'")->[0];
	is("$row->{state} $row->{revocation_reason}", 'revoked 1', 'acme-257: is revoked');
	$c->refused(revoke($c), 400, 'alreadyRevoked', 'revocation', 'ALREADY_REVOKED', 'acme-257: twice');
	is($t->tool_json('crl')->{lists}[0]{revoked}, 0, 'no request publishes the list');
	is($t->tool('crl', '--if-due', '--authority', 'scep')->{out}, '', "nothing to do for the other CA's list");
	$t->server->clock(120);
	like($t->tool_ok('crl', '--if-due'), qr/acme\.crl/, 'the timer does');
	is($t->tool_ok('crl', '--if-due'), '', 'once');
	my $crl = $t->http(GET => '/crl/acme.crl');
	Attestmdm::Server::spew($t->dir . '/x.crl', $crl->{body});
	like($t->command('openssl', 'crl', '-inform', 'DER', '-noout', '-text', '-in', $t->dir . '/x.crl')->{out},
	    qr/Serial Number: \Q$number\E\b/, 'acme-258: the list names it');
	$t->server->clock(3600 + 120);
	like($t->tool_ok('crl', '--if-due'), qr/acme\.crl.*scep\.crl/s, 'and both when they are an hour old');
	is($t->tool_ok('crl', '--if-due'), '', 'not again at once');
	$t->server->clock(0);
	like($t->tool_ok('crl', '--if-due'), qr/acme\.crl.*scep\.crl/s, 'lists from the future are replaced');
	$info = $t->json($t->http(GET => "$c->{base}/renewal-info/$certid"));
	my @now = gmtime;
	my $now = sprintf('%04d-%02d-%02dT%02d:%02d:%02dZ', $now[5] + 1900, $now[4] + 1, @now[3, 2, 1, 0]);
	ok($info->{suggestedWindow}{end} le $now, 'acme-258: renew it now');

	($d, $o) = ready();
	my $mine = $d->finalize($o)->{json}{certificate};
	$der = encode_base64url(Attestmdm::Acme::der($d->get($mine)->{body}));
	$t->server->clock(26 * 3600);
	delete $d->{nonce};
	is($d->get($mine)->{status}, 404, 'acme-16: the enrollment is over');
	is($d->post('revoke-cert', { certificate => $der })->{status}, 200,
	    'acme-257: but its certificate can still be revoked, by its account');
	$t->server->clock(0);
};

# A certificate that was issued is not handed out any more after an act of an
# administrator.
sub withheld {
	my ($name, $act) = @_;
	my ($d, $o) = ready();
	my $url = $d->finalize($o)->{json}{certificate};
	is($d->get($url)->{status}, 200, "$name: before");
	$act->($d, $url);
	return ($d, $d->get($url));
}

subtest 'a certificate that is withheld' => sub {
	($d, $r) = withheld('unassigned', sub { $t->tool_ok('ade', 'remove', $_[0]{serial}) });
	$d->refused($r, 403, 'unauthorized', 'certificate', 'ENROLL_UNASSIGNED', 'download after the device was unassigned');
	($d, $r) = withheld('revoked', sub {
		my ($d, $url) = @_;
		$d->post('revoke-cert', { certificate => encode_base64url(Attestmdm::Acme::der($d->get($url)->{body})) });
	});
	$d->refused($r, 403, 'unauthorized', 'certificate', 'UNAUTHORIZED', 'download after it was revoked');

	my $block = sub {
		$t->change_db(
		    "INSERT INTO hosts (id, serial, state, created_at) VALUES ('$_[0]{serial}', '$_[0]{serial}', 'blocked', 1);");
	};
	($d, $r) = withheld('blocked', $block);
	$d->refused($r, 403, 'unauthorized', 'certificate', 'MDM_BLOCKED', 'download after the host was blocked');
	($d, $o) = ready();
	$block->($d);
	$d->refused($d->finalize($o), 403, 'unauthorized', 'finalize', 'MDM_BLOCKED', 'finalize after the host was blocked');
};

# The answer to finalize names the certificate that is replaced, too.
subtest 'replaces in the answer to finalize' => sub {
	$d = Attestmdm::Acme->new($t, 'C02FINAL3001');
	$d->certificate;
	$row = $t->db("SELECT hex(serial_number) AS number, hex(issuer_key_id) AS issuer FROM certificates"
		. " WHERE serial = '$d->{serial}'")->[0];
	$certid = $ari->($row->{issuer}, $row->{number});
	$d = Attestmdm::Acme->new($t, $d->{serial});
	$d->account;
	$r = $d->post('new-order', { identifiers => $d->identifiers, replaces => $certid });
	my $authz = $r->{json}{authorizations}[0];
	my $challenge = $d->get($authz)->{json}{challenges}[0];
	$d->attest({ challenge => $challenge->{url}, token => $challenge->{token} });
	$r = $d->finalize($r->{json});
	is("$r->{status} $r->{json}{replaces}", "200 $certid", 'RFC 9773 section 5: replaces, in the answer to finalize');
};

$c->done;
$t->done;
