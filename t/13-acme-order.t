#!/usr/bin/perl
# ACME: orders, authorizations and challenge objects (cases 113 to 145).
use strict;
use warnings;
use JSON::PP ();
use Attestmdm::Test;
use Attestmdm::Acme;

my $SERIAL = 'C02ORDER0001';
my $t = Attestmdm::Test->new;
my $c = Attestmdm::Acme->new($t, $SERIAL);
$c->account;

my ($r, $o, $url, @malformed, @rejected, @unsupported, $before);

sub refused { my ($name, $payload, @what) = @_; $c->refused($c->post('new-order', $payload), @what, $name) }

# What Apple's client needs of an order.
subtest 'newOrder' => sub {
	$r = $c->post('new-order', { identifiers => $c->identifiers });
	$o = $r->{json};
	is($r->{status}, 201, 'acme-113: a new order');
	like($r->{headers}{location}, qr{/order/[A-Za-z0-9_-]{22}$}, 'acme-113: has a Location');
	is($o->{status}, 'pending', 'acme-113: is pending');
	is_deeply($o->{identifiers}, $c->identifiers, 'acme-113: echoes the identifier');
	is(scalar @{ $o->{authorizations} }, 1, 'acme-113: has one authorization');
	is($o->{finalize}, "$r->{headers}{location}/finalize", 'acme-113: has finalize');
	like($o->{expires}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'acme-113: has an end');
	$url = $r->{headers}{location};
	is($t->events($SERIAL)->[-1]{step}, 'order', 'acme-113: is in the event log');

	@malformed = (400, 'malformed', 'order', 'MALFORMED');
	@rejected = (403, 'rejectedIdentifier', 'order', 'IDENTIFIER_REJECTED');
	@unsupported = (400, 'unsupportedIdentifier', 'order', 'IDENTIFIER_TYPE');
	$before = $t->fingerprint;
};

subtest 'identifiers' => sub {
	refused("acme-114: identifiers $_", qq({"identifiers":$_}), @malformed)
	    for '[]', '{}', 'null', '"x"', '[null]', '[{}]', '[[]]',
		'[{"type":"permanent-identifier"}]', '[{"value":"A"}]',
		'[{"type":1,"value":"A"}]', '[{"type":"permanent-identifier","value":1}]',
		'[{"type":"permanent-identifier","value":null}]';
	refused('acme-114: no identifiers', {}, @malformed);
	refused('acme-115: the same twice', { identifiers => [ map { @{ $c->identifiers } } 1, 2 ] }, @malformed);
	refused('acme-115: two different', { identifiers => [ @{ $c->identifiers }, @{ $c->identifiers('B') } ] },
	    @malformed);
	refused("acme-116: type \"$_\"", { identifiers => [{ type => $_, value => $SERIAL }] }, @unsupported)
	    for 'dns', 'ip', 'Permanent-Identifier', '', 'permanent-identifier ';
	refused('acme-117: hardware-module', { identifiers => [{ type => 'hardware-module',
		value => "$SERIAL/1.3.6.1.4.1.99999.2" }] }, @unsupported);
	refused("acme-118: value \"$_\"", { identifiers => $c->identifiers($_) }, @malformed)
	    for '', '/', '/1.2.3', 'A/', 'A/B', 'A/1', 'A/3.1', 'A/1.40', 'A/01.2', 'A/1.2.03',
		'A/1.2/1.3', 'kJ3v/+wQ=='; # acme-120: base64
	refused("acme-119: value \"$_\" is well formed", { identifiers => $c->identifiers($_) }, @rejected)
	    for 'A/1.2.3', 'A/2.999.1', 'A/0.39', "$SERIAL/1.2.3";
	refused('acme-121: a long value', { identifiers => $c->identifiers('A' x 257) }, @malformed);
	refused('acme-121: a very long value', { identifiers => $c->identifiers('A' x 20000) }, @malformed);
	refused('acme-121: NUL', '{"identifiers":[{"type":"permanent-identifier","value":"A\u0000"}]}', @malformed);
	refused('acme-121: bad UTF-8', qq({"identifiers":[{"type":"permanent-identifier","value":"\xff"}]}),
	    @malformed);
	refused('acme-121: control characters',
	    '{"identifiers":[{"type":"permanent-identifier","value":"A\u001b[31m\u000aX"}]}', @rejected);
	my $reason = $t->events($SERIAL)->[-1]{reason};
	like($reason, qr/A\\x1b\[31m\\x0aX/, 'acme-283: and they are escaped in the event log');
	refused('acme-122: another normal form', qq({"identifiers":[{"type":"permanent-identifier","value":"\xC3\xA4"}]}),
	    @rejected);
	refused("acme-123: value \"$_\"", { identifiers => $c->identifiers($_) }, @rejected)
	    for lc $SERIAL, "$SERIAL ", " $SERIAL", substr($SERIAL, 0, -1), 'C02ORDER0002', 'TEST';
	refused("acme-124: $_", { identifiers => $c->identifiers, $_ => '2030-01-01T00:00:00Z' }, @malformed)
	    for 'notBefore', 'notAfter';
	refused('acme-130: a profile', { identifiers => $c->identifiers, profile => 'x' },
	    400, 'invalidProfile', 'order', 'PROFILE');
	refused("acme-129: replaces \"$_\"", { identifiers => $c->identifiers, replaces => $_ }, @malformed)
	    for 'x', 'x.', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE', 'a.b.c';
	refused('acme-129: replaces is a number', { identifiers => $c->identifiers, replaces => 1 }, @malformed);
	is($t->fingerprint, $before, 'acme-114: none of these changed anything');

	$r = $c->post('new-order', { identifiers => $c->identifiers, x => [1] });
	is($r->{status}, 201, 'acme-125: unknown members are ignored');
	is($r->{json}{status}, 'pending', 'acme-127: a second order is pending too');
	isnt($r->{json}{authorizations}[0], $o->{authorizations}[0], 'acme-127: with its own authorization');
};

my ($other, $authz_url, $authz, $challenge);

# Who may read.
subtest 'who may read' => sub {
	$r = $c->get($url);
	is($r->{status}, 200, 'acme-131: the owner reads an order');
	is_deeply($r->{json}, $o, 'acme-131: the same as created');
	$other = $c->sibling;
	$other->account;
	my $foreign = Attestmdm::Acme->new($t, 'C02ORDER0002');
	$foreign->account;
	$authz_url = $o->{authorizations}[0];
	$authz = $c->get($authz_url)->{json};
	$challenge = $authz->{challenges}[0];
	for my $place ([ 'order', $url, 'acme-131' ], [ 'authorization', $authz_url, 'acme-136' ],
		[ 'challenge', $challenge->{url}, 'acme-140' ]) {
		my ($step, $where, $case) = @$place;
		my $payload = $step eq 'challenge' ? { attObj => $c->attestation({ token => $challenge->{token} }) } : '';
		$other->refused($other->post($where, $payload), 404, 'malformed', $step, 'NOT_FOUND',
		    "$case: $step of another account");
		my $elsewhere = $where =~ s/\Q$c->{enrollment}\E/$foreign->{enrollment}/r;
		$foreign->refused($foreign->post($elsewhere, $payload), 404, 'malformed', $step, 'NOT_FOUND',
		    "$case: $step of another enrollment");
		my $unknown = $where =~ s{[^/]+$}{AAAAAAAAAAAAAAAAAAAAAA}r;
		$c->refused($c->post($unknown, $payload), 404, 'malformed', $step, 'NOT_FOUND',
		    "$case: unknown $step");
	}
	(my $mixed = $authz_url) =~ s{[^/]+$}{$challenge->{url} =~ m{([^/]+)$} ? $1 : ''}e;
	$c->problem($c->get($mixed), 404, 'malformed', 'acme-139: the id of a challenge is none of an authorization');
	is($c->get($challenge->{url})->{json}{status}, 'pending', 'acme-140: still pending after all that');
};

subtest 'authorization and challenge' => sub {
	is($authz->{status}, 'pending', 'acme-134: authorization is pending');
	like($authz->{expires}, qr/^\d{4}-/, 'acme-134: has an end');
	is_deeply($authz->{identifier}, $c->identifiers->[0], 'acme-134: echoes the identifier');
	is(scalar @{ $authz->{challenges} }, 1, 'acme-134: has exactly one challenge');
	is($challenge->{type}, 'device-attest-01', 'acme-134: for an attestation');
	like($challenge->{token}, qr/^[A-Za-z0-9_-]{43}$/, 'acme-134: with its token');
	$r = $c->get($challenge->{url});
	is_deeply($r->{json}, $challenge, 'acme-138: POST-as-GET on a challenge');
	like($r->{headers}{link}, qr/<\Q$authz_url\E>;rel="up"/, 'acme-138: links its authorization');
};

subtest 'tokens' => sub {
	my (%tokens, %ids);
	my $bulk = Attestmdm::Acme->new($t, 'C02ORDER0003');
	for my $n (1 .. 5) {
		my $o = $bulk->order;
		$tokens{ $o->{token} }++;
		$ids{$_}++ for map { s{.*/}{}r } $o->{url}, $o->{authz}, $o->{challenge};
	}
	is(scalar keys %tokens, 5, 'acme-135: every order has its own token');
	is(scalar keys %ids, 15, 'acme-132: and ids of its own');
	is(scalar(grep { !/^[A-Za-z0-9_-]{22}$/ } keys %ids), 0, 'acme-132: of 128 bits');
};

# Deactivation.
subtest 'deactivation of an authorization' => sub {
	my $gone = $other->order;
	$other->refused($other->post($gone->{authz}, $_), 400, 'malformed', 'authorization', 'MALFORMED',
	    "acme-137: payload $_") for '{}', '{"status":"valid"}', '{"status":1}', '[]';
	$r = $other->post($gone->{authz}, { status => 'deactivated' });
	is($r->{json}{status}, 'deactivated', 'acme-137: authorization deactivated');
	is($other->get($gone->{url})->{json}{status}, 'invalid', 'acme-137: its order is invalid');
	my $late = $other->attest($gone, serial => $SERIAL);
	isnt($late->{json}{status}, 'valid', 'acme-137: its challenge accepts nothing');
	is($other->get($gone->{url})->{json}{status}, 'invalid', 'acme-137: still');
	is(scalar @{ $t->db('SELECT order_id, serial, os_version, verified_at FROM attestations') }, 0, 'acme-137: no evidence kept');
	$other->problem($other->post($gone->{authz}, { status => 'deactivated' }), 400, 'malformed',
	    'acme-137: only once');
};

my ($d, $failed, $still);

# The answer to a challenge.
sub bas {
	my ($name, $payload, $code) = @_;
	my $d = Attestmdm::Acme->new($t, $SERIAL, enrollment => $c->{enrollment}, key => $c->{key});
	$d->{kid} = $c->{kid};
	my $order = $d->order;
	my $r = $d->post($order->{challenge}, ref $payload eq 'CODE' ? $payload->($order) : $payload);
	is("$r->{status} $r->{json}{status}", '200 invalid', $name);
	is($r->{json}{error}{type}, 'urn:ietf:params:acme:error:badAttestationStatement', "$name: type");
	$t->refused($SERIAL, 'challenge', $code, $name);
	my $a = $d->get($order->{authz});
	is($a->{json}{status}, 'invalid', "$name: authorization");
	is($a->{json}{challenges}[0]{error}{type}, $r->{json}{error}{type}, "$name: says why");
	is($d->get($order->{url})->{json}{status}, 'invalid', "$name: order");
	return ($d, $order);
}

subtest 'answers to a challenge that are refused' => sub {
	($d, $failed) = bas('acme-141: payload {}', {}, 'ATT_NONE');
	$r = $d->attest($failed, serial => $SERIAL);
	is("$r->{status} $r->{json}{status}", '200 invalid', 'acme-143: a good answer comes too late');
	is(scalar @{ $t->db('SELECT order_id, serial, os_version, verified_at FROM attestations') }, 0, 'acme-143: no evidence kept');
	$d->refused($d->post($failed->{finalize}, { csr => $d->csr }), 403, 'orderNotReady', 'finalize',
	    'ORDER_NOT_READY', 'acme-229: finalize of an invalid order');

	$still = $c->order;
	for my $att ('1', 'null', '{}', '[]', 'true') {
		$c->refused($c->post($still->{challenge}, qq({"attObj":$att})), 400, 'malformed', 'challenge',
		    'MALFORMED', "acme-147: attObj $att");
	}
	for my $payload ('null', '[]', '"x"', 'x') {
		$c->refused($c->post($still->{challenge}, $payload), 400, 'malformed', 'challenge', 'MALFORMED',
		    "acme-147: payload $payload");
	}
	is($c->get($still->{challenge})->{json}{status}, 'pending', 'acme-147: still pending');
	$c->refused($c->post($still->{finalize}, { csr => $c->csr('--key', $c->new_key('P-384')) }), 403,
	    'orderNotReady', 'finalize', 'ORDER_NOT_READY', 'acme-229: finalize of a pending order');

	bas('acme-148: attObj is empty', { attObj => '' }, 'ATT_CBOR');
	bas('acme-149: attObj is padded', sub { { attObj => $c->attestation($_[0]) . '=' } }, 'ATT_CBOR');
	bas('acme-149: attObj with a space', sub { { attObj => ' ' . $c->attestation($_[0]) } }, 'ATT_CBOR');
	bas('acme-151: an error together with a good attObj',
	    sub { { attObj => $c->attestation($_[0]), error => "x\n\e[31my" } }, 'ATT_NONE');
	like($t->events($SERIAL)->[-1]{reason}, qr/x\\x0a\\x1b\[31my/, 'acme-152: the words of the device, escaped');
	bas('acme-152: the device could not attest',
	    { attObj => 'omNmbXRlYXBwbGVnYXR0U3RtdKFjeDVjgA', error => 'no' }, 'ATT_NONE');
	bas('acme-152: empty x5c', { attObj => 'omNmbXRlYXBwbGVnYXR0U3RtdKFjeDVjgA' }, 'ATT_NONE');
	bas('acme-151: a very long error', { error => 'x' x 20000 }, 'ATT_NONE');
	ok(length $t->events($SERIAL)->[-1]{reason} <= 500, 'acme-151: is cut in the event log');
};

subtest 'a good answer counts once' => sub {
	$r = $c->post($still->{challenge}, { attObj => $c->attestation($still), authData => 1, x => [1] });
	is($r->{json}{status}, 'valid', 'acme-150: unknown members are ignored');
	like($r->{json}{validated}, qr/^\d{4}-/, 'acme-146: validated at');
	is($c->get($still->{url})->{json}{status}, 'ready', 'acme-146: the order is ready');
	my $evidence = $t->db('SELECT order_id, serial, os_version, verified_at FROM attestations');
	is(scalar @$evidence, 1, 'acme-176: evidence kept');
	is($evidence->[0]{serial}, $SERIAL, 'acme-176: of this device');
	$r = $c->post($still->{challenge}, { attObj => 'garbage' });
	is("$r->{status} $r->{json}{status}", '200 valid', 'acme-142: a second answer changes nothing');
	$r = $c->post($still->{challenge}, 'garbage');
	is("$r->{status} $r->{json}{status}", '200 valid', 'acme-142: whatever it is');
	is_deeply($t->db('SELECT order_id, serial, os_version, verified_at FROM attestations'), $evidence, 'acme-142: evidence unchanged');
};

my ($thief, $order);

sub identity {
	my ($name, $code, %o) = @_;
	my $order = $thief->order;
	my $r = $thief->attest($order, %o);
	is("$r->{status} $r->{json}{status}", '200 invalid', $name);
	$t->refused('C02ORDER0004', 'challenge', $code, $name);
}

# Identity, reuse and assignment, which only the store knows.
subtest 'identity, reuse and assignment' => sub {
	$thief = Attestmdm::Acme->new($t, 'C02ORDER0004');
	$thief->account;
	identity('acme-209: the attestation of another device', 'ATT_IDENTITY', serial => $SERIAL);
	identity('acme-209: in another case', 'ATT_IDENTITY', serial => 'c02order0004');
	identity('acme-210: of no device', 'ATT_IDENTITY', fault => 'serial-missing');
	identity('acme-220: a key that was attested before', 'ATT_KEY_REUSE', key => $c->{device_key});
	identity('acme-219: the key of the account', 'ATT_KEY_REUSE', key => $thief->{key});
	identity('acme-219: the key of another account', 'ATT_KEY_REUSE', key => $c->{key});
	my $large = $thief->sibling(curve => 'P-384');
	is($large->post('new-account', {}, protected => { alg => 'ES384' }, sign => [ '--alg', 'ES384' ])->{status},
	    201, 'acme-219: an account with a P-384 key');
	identity('acme-219: that key', 'ATT_KEY_REUSE', key => $large->{key});
	my $replayed = $thief->attestation($c->order, serial => 'C02ORDER0004');
	$order = $thief->order;
	$r = $thief->post($order->{challenge}, { attObj => $replayed });
	is($r->{json}{status}, 'invalid', 'acme-202: made for another challenge');
	$t->refused('C02ORDER0004', 'challenge', 'ATT_FRESHNESS', 'acme-202: made for another challenge');
	$t->tool_ok('ade', 'remove', 'C02ORDER0004');
	identity('acme-225: not assigned to us any more', 'ATT_UNASSIGNED');
};

# Time.
subtest 'an order ends' => sub {
	my $old = Attestmdm::Acme->new($t, 'C02ORDER0005');
	my $expired = $old->order;
	my $ready = $old->order;
	$old->attest($ready);
	$t->server->clock(3601);
	delete $old->{nonce};
	$r = $old->attest($expired, key => $old->new_key('P-384'));
	is("$r->{status} $r->{json}{status}", '200 invalid', 'acme-144: an answer after the end');
	$t->refused('C02ORDER0005', 'challenge', 'EXPIRED', 'acme-144: an answer after the end');
	is($old->get($expired->{authz})->{json}{status}, 'invalid', 'acme-144: authorization');
	is($old->get($expired->{url})->{json}{status}, 'invalid', 'acme-133: order');
	$old->refused($old->finalize($ready), 403, 'orderNotReady', 'finalize', 'ORDER_NOT_READY',
	    'acme-133: finalize after the end');
	is($old->get($ready->{authz})->{json}{status}, 'expired', 'acme-133: its authorization expired');
	$t->server->clock(-3600);
	delete $old->{nonce};
	$r = $old->get($expired->{url});
	is($r->{json}{status}, 'pending', 'acme-145: the clock went back: what is stored counts');
	$t->server->clock(0);
};

# What the logs must not hold.
subtest 'what the logs must not hold' => sub {
	my $logs = join('', map { Attestmdm::Server::slurp($_) } glob($t->dir . '/acme-*.log'));
	like($logs, qr/the enrollment is for \Q$SERIAL\E/, 'acme-283: the logs say why');
	ok(utf8::decode($logs), 'acme-283: in UTF-8');
	unlike($logs, qr/[^\P{C}\n]/, 'acme-283: in printable lines');
	is(scalar(grep { !/^<\d>acme-[a-z-]+\[\d+\]/ } split(/\n/, $logs)), 0, 'acme-283: of our own only');
	my $key = unpack('H*', Attestmdm::Server::slurp($t->server->state . '/nonce.key'));
	for my $secret (Attestmdm::Acme::b64u(pack('H*', $key)), $key, $c->attestation($still), 'PRIVATE KEY') {
		unlike($logs, qr/\Q$secret\E/, 'acme-284: no secret in the logs');
	}
};

$c->done;
$t->done;
