#!/usr/bin/perl
# What a program that was taken over could write into the database must not
# lead to a certificate.
use strict;
use warnings;
use Attestmdm::Test;
use Attestmdm::Acme;

my $t = Attestmdm::Test->new;
my $database = $t->server->database;

sub sql {
	my ($text) = @_;
	$t->change_db($text);
}

sub id { my ($url) = @_; return $url =~ s{.*/}{}r }
sub hex_of { unpack('H*', $_[0]) }

# The SubjectPublicKeyInfo of a key, and its SHA-256.
sub spki {
	my ($key) = @_;
	my $der = $t->dir . '/spki.der';
	$t->command('openssl', 'pkey', '-in', $key, '-pubout', '-outform', 'DER', '-out', $der);
	my ($sum) = $t->command('sha256sum', $der)->{out} =~ /^([0-9a-f]{64})/;
	return (hex_of(Attestmdm::Server::slurp($der)), $sum);
}

# A row as acme-challenge writes it; object is bytes, or undef.
sub evidence {
	my ($c, $o, $object) = @_;
	my ($spki, $sum) = spki($c->{device_key});
	my $blob = defined $object ? "x'" . hex_of($object) . "'" : 'NULL';
	my $id = id($o->{url});
	sql("INSERT INTO attestations (order_id, enrollment_id, serial, spki, spki_sha256, leaf,"
		. " leaf_not_before, leaf_not_after, sip, kernel_extensions, verified_at, object)"
		. " VALUES ('$id', '$c->{enrollment}', '$c->{serial}', x'$spki', x'$sum', x'00',"
		. " 1, 9999999999, 'enabled', 'none', " . time . ", $blob);");
}

sub make_ready {
	my ($o, $token) = @_;
	my $also = defined $token ? ", token = '$token'" : '';
	sql("UPDATE orders SET status = 'ready', authorization_status = 'valid',"
		. " challenge_status = 'valid'$also WHERE id = '" . id($o->{url}) . "';");
}

my $clients = 0;
sub client {
	my $c = Attestmdm::Acme->new($t, 'C02FORGE' . sprintf('%04d', ++$clients));
	my $o = $c->order;
	$c->{device_key} = $c->new_key('P-384');
	return ($c, $o);
}

# forged(NAME, CODE, sub { my ($c, $o) = @_; bytes of an object or undef })
sub forged {
	my ($name, $code, $object) = @_;
	my ($c, $o) = client();
	evidence($c, $o, $object->($c, $o));
	make_ready($o);
	is($c->get($o->{url})->{json}{status}, 'ready', "$name: the order looks ready");
	$c->refused($c->finalize($o), 403, 'orderNotReady', 'finalize', $code, $name);
	$c->finalize($o);
	is(scalar @{ $t->db("SELECT id FROM alarms WHERE kind = 'evidence-forged'"
		. " AND serial = '$c->{serial}' AND closed_at IS NULL") }, $code eq 'EVIDENCE' ? 1 : 0,
	    "$name: " . ($code eq 'EVIDENCE' ? 'one alarm' : 'no alarm'));
}

sub object { my ($c, $o, %with) = @_; return Attestmdm::Acme::from_b64u($c->attestation($o, %with)) }

subtest 'rows that were made up' => sub {
	forged('a row without an attestation object', 'ORDER_NOT_READY', sub { undef });
	forged('an object that is none', 'EVIDENCE', sub { 'made up' });
	forged('an attestation under another root', 'EVIDENCE', sub { object(@_, fault => 'foreign-root') });
	forged('an attestation for another token', 'EVIDENCE', sub { object(@_, token => 'A' x 43) });
	forged('an attestation of another device', 'EVIDENCE', sub { object(@_, serial => 'C02OTHER0001') });
	forged('an attestation whose leaf has expired', 'EVIDENCE', sub { object(@_, fault => 'expired-leaf') });
};

my ($c, $o);

# The columns of the row say one key, Apple's signature another.
subtest "a key that Apple's signature does not name" => sub {
	($c, $o) = client();
	my $mine = $c->{device_key};
	my $genuine = $c->new_key('P-384');
	evidence($c, $o, object($c, $o, key => $genuine));
	make_ready($o);
	$c->refused($c->finalize($o), 400, 'badCSR', 'finalize', 'CSR_KEY',
	    'a key other than the attested one');
};

# An earlier attestation of the device, and its token put into a new order.
subtest 'an attestation of more than a week ago' => sub {
	($c, $o) = client();
	my $old = object($c, $o);
	$t->server->clock(6.5 * 86400);
	my $again = Attestmdm::Acme->new($t, $c->{serial}, device_key => $c->{device_key});
	my $second = $again->order;
	evidence($again, $second, $old);
	make_ready($second, $o->{token});
	$again->refused($again->finalize($second), 403, 'orderNotReady', 'finalize', 'EVIDENCE',
	    'an attestation of more than a week ago');
	my $third = $again->order;
	is($again->attest($third)->{json}{status}, 'invalid', 'nor does the challenge accept one');
	$t->refused($c->{serial}, 'challenge', 'ATT_TIME', 'an attestation of more than a week ago');
	$t->server->clock(0);

	is(scalar @{ $t->db('SELECT id FROM certificates') }, 0, 'no certificate came of any of these');
};

# What these rows look like when nothing is forged.
subtest 'a genuine row' => sub {
	($c, $o) = client();
	$c->attest($o);
	is($c->finalize($o)->{status}, 200, 'a genuine one is certified');
	my $row = $t->db("SELECT length(object) AS n FROM attestations WHERE order_id = '"
		. id($o->{url}) . "'")->[0];
	ok($row->{n} > 1000, 'its attestation object is kept');
};

$t->done;
