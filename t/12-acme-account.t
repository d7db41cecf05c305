#!/usr/bin/perl
# ACME: accounts and their keys (cases 95 to 112).
use strict;
use warnings;
use JSON::PP ();
use Attestmdm::Test;
use Attestmdm::Acme;

my $SERIAL = 'C02ACCOUNT01';
my $t = Attestmdm::Test->new;
my $c = Attestmdm::Acme->new($t, $SERIAL);
my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

my $r;

# What Apple's client sends and needs.
subtest 'newAccount' => sub {
	$r = $c->account({ termsOfServiceAgreed => JSON::PP::true });
	is($r->{status}, 201, 'acme-95: a new account without contact');
	is($r->{json}{status}, 'valid', 'acme-95: is valid');
	is($r->{json}{orders}, "$c->{kid}/orders", 'acme-95: has its orders');
	like($r->{headers}{location}, qr{/account/[A-Za-z0-9_-]{22}$}, 'acme-95: has a Location');
	is($t->events($SERIAL)->[-1]{step}, 'account', 'acme-95: is in the event log');
	is($t->events($SERIAL)->[-1]{outcome}, 'ok', 'acme-95: as ok');

	my $plain = $c->sibling;
	is($plain->account({})->{status}, 201, 'acme-96: payload {}');

	$r = $c->post('new-account', { contact => ['mailto:other@example.com'] });
	is($r->{status}, 200, 'acme-97: the same key again');
	is($r->{headers}{location}, $c->{kid}, 'acme-97: the same account');
	ok(!exists $r->{json}{contact}, 'acme-97: unchanged');
};

subtest 'one key at once is one account' => sub {
	my $many = $c->sibling;
	my (@pids, %seen);
	for my $n (1 .. 8) {
		pipe(my $in, my $out);
		my $pid = fork();
		if (!$pid) {
			my $r = $many->post('new-account', {}, nonce => $many->new_nonce);
			print {$out} "$r->{status} $r->{headers}{location}\n";
			close($out);
			POSIX::_exit(0);
		}
		close($out);
		push @pids, [ $pid, $in ];
	}
	for (@pids) { $seen{ readline($_->[1]) }++; waitpid($_->[0], 0) }
	my %places = map { (split(/ /))[1] => 1 } keys %seen;
	is(scalar keys %places, 1, 'acme-98: one key at once is one account');
	is(scalar(grep { /^201 / } map { ($_) x $seen{$_} } keys %seen), 1, 'acme-98: made once');
};

subtest 'onlyReturnExisting' => sub {
	my $none = $c->sibling;
	$none->refused($none->post('new-account', { onlyReturnExisting => JSON::PP::true }), 400,
	    'accountDoesNotExist', 'account', 'NO_ACCOUNT', 'acme-99: onlyReturnExisting, unknown');
	is($c->post('new-account', { onlyReturnExisting => JSON::PP::true })->{status}, 200,
	    'acme-99: onlyReturnExisting, known');
};

subtest 'contacts' => sub {
	my $mail = $c->sibling;
	for my $bad ([ 'malformed', 'MALFORMED', 'mailto:a@example.com' ], # acme-101: no list
		[ 'unsupportedContact', 'CONTACT_SCHEME', ['http://x'] ],
		[ 'unsupportedContact', 'CONTACT_SCHEME', ['tel:+49'] ],
		[ 'invalidContact', 'CONTACT', ['mailto:a@example.com?subject=x'] ],
		[ 'invalidContact', 'CONTACT', ['mailto:a@example.com,b@example.com'] ],
		[ 'invalidContact', 'CONTACT', ['mailto:'] ],
		[ 'malformed', 'MALFORMED', [ ('mailto:a@example.com') x 100 ] ],
		[ 'malformed', 'MALFORMED', [ 'mailto:' . 'a' x 10000 . '@example.com' ] ],
		[ 'malformed', 'MALFORMED', [1] ]) {
		my ($type, $code, $contact) = @$bad;
		$mail->refused($mail->post('new-account', { contact => $contact }), 400, $type,
		    'account', $code, 'acme-100: contact ' . substr($JSON->encode($contact), 0, 40));
	}
	$r = $mail->account({ contact => ['mailto:a@example.com'] });
	is_deeply($r->{json}{contact}, ['mailto:a@example.com'], 'acme-100: a good contact');
	$mail->refused($mail->post('new-account', { externalAccountBinding => {} }), 400, 'malformed',
	    'account', 'MALFORMED', 'acme-109: external account binding is not offered');
	$mail->refused($mail->post('new-account', { onlyReturnExisting => 'yes' }), 400, 'malformed',
	    'account', 'MALFORMED', 'acme-99: onlyReturnExisting must be a boolean');

	my $quoted = $c->sibling;
	my $address = q{mailto:x'||'y--%_`@example.com};
	is_deeply($quoted->account({ contact => [$address] })->{json}{contact}, [$address],
	    'acme-286: signs of SQL are stored as they are');

	my $sly = $c->sibling;
	$r = $sly->account({ orders => 'https://evil.example/', status => 'deactivated', x => [1] });
	is($r->{json}{status}, 'valid', 'acme-102: status is ours to say');
	is($r->{json}{orders}, "$sly->{kid}/orders", 'acme-102: and orders');

	$r = $mail->post($mail->{kid}, { contact => ['mailto:new@example.com'] });
	is_deeply($r->{json}{contact}, ['mailto:new@example.com'], 'acme-103: contact changed');
	$r = $mail->get($mail->{kid});
	is_deeply($r->{json}{contact}, ['mailto:new@example.com'], 'acme-103: for good');
	$c->refused($c->post($mail->{kid}, { contact => ['mailto:evil@example.com'] }), 404,
	    'malformed', 'account', 'NOT_FOUND', 'acme-103: not by another account');
	is_deeply($mail->get($mail->{kid})->{json}{contact}, ['mailto:new@example.com'],
	    'acme-103: unchanged');
	$c->refused($c->post($c->{kid}, { contact => ['tel:1'] }), 400, 'unsupportedContact',
	    'account', 'CONTACT_SCHEME', 'acme-103: a bad contact');
};

subtest 'deactivation' => sub {
	my $dead = $c->sibling;
	$dead->account;
	my $order = $dead->order;
	$dead->attest($order, serial => $SERIAL);
	for my $status ('revoked', 'x', '') {
		my $r = $dead->post($dead->{kid}, { status => $status, orders => 'x' });
		is("$r->{status} $r->{json}{status}", '200 valid',
		    "acme-105: status \"$status\" is ignored (RFC 8555 section 7.3.2)");
	}
	is($dead->post($dead->{kid}, { status => 'valid' })->{json}{status}, 'valid',
	    'acme-105: status valid changes nothing');
	$r = $dead->post($dead->{kid}, { status => 'deactivated' });
	is("$r->{status} $r->{json}{status}", '200 deactivated', 'acme-104: deactivated');
	for my $try ([ $dead->{kid}, '' ], [ $order->{url}, '' ], [ 'new-order', { identifiers => $dead->identifiers } ],
		[ $order->{finalize}, { csr => $dead->csr } ]) {
		$dead->problem($dead->post(@$try), 401, 'unauthorized', "acme-104: refused at $try->[0]");
	}
	$t->refused($SERIAL, 'finalize', 'ACCOUNT_DEAD', 'acme-104: dead account');
	$dead->refused($dead->post('new-account', {}), 401, 'unauthorized', 'account', 'ACCOUNT_DEAD',
	    'acme-104: its key makes no new account');
	is($t->db("SELECT status FROM orders WHERE account_id = '"
		. ($dead->{kid} =~ s{.*/}{}r) . "'")->[0]{status}, 'invalid', 'acme-104: its order is dead');
};

# Orders: five open ones, four to a page.
subtest 'the list of orders' => sub {
	my $lister = $c->sibling;
	$lister->account;
	$r = $lister->get("$lister->{kid}/orders");
	is_deeply($r->{json}, { orders => [] }, 'acme-106: no orders');
	my @orders = map { $lister->order->{url} } 1 .. 5;
	$lister->refused($lister->post('new-order', { identifiers => $lister->identifiers }), 429,
	    'rateLimited', 'order', 'RATE_LIMITED', 'acme-128: a sixth open order');
	$r = $lister->post('new-order', { identifiers => $lister->identifiers });
	like($r->{headers}{'retry-after'}, qr/^\d+$/, 'acme-22: Retry-After on 429');
	$r = $lister->get("$lister->{kid}/orders");
	my @page = @{ $r->{json}{orders} };
	is(scalar @page, 4, 'acme-106: the first page');
	my ($next) = $r->{headers}{link} =~ /<([^>]+)>;rel="next"/;
	$r = $lister->get($next);
	unlike($r->{headers}{link}, qr/next/, 'acme-106: the second page is the last');
	is_deeply([ sort @page, @{ $r->{json}{orders} } ], [ sort @orders ], 'acme-106: all are there');
	my $authz = $lister->get($orders[0])->{json}{authorizations}[0];
	$lister->post($authz, { status => 'deactivated' });
	$r = $lister->get("$lister->{kid}/orders");
	is_deeply([ sort @{ $r->{json}{orders} } ], [ sort @orders[1 .. 4] ],
	    'acme-106: invalid ones are left out');
	$c->refused($c->get("$lister->{kid}/orders"), 404, 'malformed', 'orders', 'NOT_FOUND',
	    'acme-107: of another account');
	$lister->problem($lister->get("$lister->{kid}/orders/$_"), 404, 'malformed',
	    "acme-106: page $_") for 'x', '01', '-1', '99999999999';
	is_deeply($lister->get("$lister->{kid}/orders/400")->{json}{orders}, [],
	    'acme-106: a page behind the end');
};

my $k;

# An inner JWS for a new key, with changes.
sub inner {
	my ($key, %o) = @_;
	my %header = (alg => 'ES256', jwk => $k->jwk($key), url => $k->url('key-change'),
	    %{ $o{header} || {} });
	delete $header{$_} for grep { !defined $header{$_} } keys %header;
	my %payload = (account => $k->{kid}, oldKey => $k->jwk, %{ $o{payload} || {} });
	delete $payload{$_} for grep { !defined $payload{$_} } keys %payload;
	return $t->make('jws', '--protected', $JSON->encode(\%header),
	    '--payload', $JSON->encode(\%payload), '--key', $o{signer} || $key, @{ $o{sign} || [] });
}

sub key_refused {
	my ($name, $status, $type, $code, $payload) = @_;
	my $r = $k->post('key-change', $payload);
	$k->refused($r, $status, $type, 'key-change', $code, "acme-111: $name");
	return $r;
}

# keyChange.
subtest 'keyChange' => sub {
	$k = Attestmdm::Acme->new($t, 'C02ACCOUNT02');
	$k->account;
	my $other = $k->sibling;
	$other->account;

	my $new = $k->new_key;
	my $before = $t->fingerprint;
	my @malformed = (400, 'malformed', 'MALFORMED');
	key_refused('inner without jwk', @malformed, inner($new, header => { jwk => undef, kid => $k->{kid} }));
	key_refused('inner with nonce', @malformed, inner($new, header => { nonce => 'AAAA' }));
	key_refused('inner with kid too', @malformed, inner($new, header => { kid => $k->{kid} }));
	key_refused('inner with another url', @malformed,
	    inner($new, header => { url => $k->url('new-order') }));
	key_refused('of another account', @malformed, inner($new, payload => { account => $other->{kid} }));
	key_refused('without account', @malformed, inner($new, payload => { account => undef }));
	key_refused('with another oldKey', @malformed, inner($new, payload => { oldKey => $k->jwk($new) }));
	key_refused('without oldKey', @malformed, inner($new, payload => { oldKey => undef }));
	key_refused('signed with the old key', 400, 'malformed', 'BAD_SIGNATURE',
	    inner($new, signer => $k->{key}));
	key_refused('with alg none', 400, 'badSignatureAlgorithm', 'BAD_ALGORITHM',
	    inner($new, header => { alg => 'none' }, sign => [ '--alg', 'none' ]));
	key_refused('to the same key', @malformed, inner($k->{key}));
	key_refused('with payload {}', @malformed, '{}');
	my $used = key_refused('to the key of another account', 409, 'malformed', 'KEY_IN_USE',
	    inner($other->{key}));
	is($used->{headers}{location}, $other->{kid}, 'acme-111: and names that account');
	my @told = grep { $_ } map { $t->http(GET => "/acme/x/account/\xc3\xa9")->{headers}{location} } 1 .. 8;
	is("@told", '', 'but tells it nobody else, not even after a request that cannot be read');
	is($t->fingerprint, $before, 'acme-111: none of these changed anything');

	my $old = $k->{key};
	$r = $k->post('key-change', inner($new));
	is($r->{status}, 200, 'acme-110: key changed');
	$k->problem($k->get($k->{kid}), 400, 'malformed', 'acme-110: the old key is refused');
	$k->{key} = $new;
	is($k->get($k->{kid})->{status}, 200, 'acme-110: the new one works');
	is($k->sibling(key => $old)->account->{status}, 201, 'acme-110: the old key is free again');
};

# The key of a device signs certificate requests, nothing else.
subtest 'the key of a device' => sub {
	my $device = Attestmdm::Acme->new($t, 'C02ACCOUNT04');
	$device->{device_key} = $device->new_key;
	is($device->attest($device->order)->{json}{status}, 'valid', 'acme-219: a key is attested');
	$device->refused($device->sibling(key => $device->{device_key})->post('new-account', {}), 403,
	    'unauthorized', 'account', 'UNAUTHORIZED', 'acme-219: it opens no account');
	$k = $device;
	key_refused('to an attested key', 403, 'unauthorized', 'UNAUTHORIZED',
	    inner($device->{device_key}));
};

# acme-287: ten accounts at most on one enrollment.
subtest 'ten accounts at most' => sub {
	my $full = Attestmdm::Acme->new($t, 'C02ACCOUNT03');
	my @accounts = map { my $s = $full->sibling; $s->account; $s } 1 .. 10;
	$full->refused($full->post('new-account', {}), 429, 'rateLimited', 'account', 'RATE_LIMITED',
	    'acme-108: an eleventh account');
	is($accounts[0]->get($accounts[0]{kid})->{status}, 200, 'acme-108: the first still works');
};

$c->done;
$t->done;
