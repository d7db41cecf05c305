#!/usr/bin/perl
# ACME: what the configuration changes, and what stops a program from starting
# (cases 253, 278, 285, 291 to 293).
use strict;
use warnings;
use Attestmdm::Test;
use Attestmdm::Acme;

my $t = Attestmdm::Test->new(config => { 'acme.privacy_mode' => 'true',
	'acme.certificate_days' => 30 });
my $c = Attestmdm::Acme->new($t, 'C02SETTINGS1');

sub text {
	my ($pem) = @_;
	Attestmdm::Server::spew($t->dir . '/x.pem', $pem);
	return $t->command('openssl', 'x509', '-noout', '-text', '-in', $t->dir . '/x.pem')->{out};
}

my ($o, $r, $pem);

# A device that waits ten minutes for Apple.
subtest 'privacy mode, and a device that waits' => sub {
	$o = $c->order;
	$t->server->clock(600);
	$r = $c->attest($o);
	is($r->{json}{status}, 'valid', 'acme-278: an answer after ten minutes');
	$r = $c->finalize($o);
	is($r->{json}{status}, 'valid', 'acme-278: and its certificate');
	$pem = $c->get($r->{json}{certificate})->{body};
	$t->server->clock(0);
	delete $c->{nonce};

	my $der = unpack('H*', Attestmdm::Acme::der($pem));
	unlike($der, qr/\Q@{[unpack 'H*', 'C02SETTINGS1']}\E/, 'acme-285: privacy mode: no serial number in the certificate');
	unlike(text($pem), qr/Subject Alternative Name/, 'acme-285: and no other name of the device');
	my $row = $t->db("SELECT serial, hardware_attested, not_after - not_before AS life FROM certificates")->[0];
	is($row->{serial}, 'C02SETTINGS1', 'acme-285: the server knows it all the same');
	is($row->{life}, 30 * 86400 + 300, 'acme-228: lives as long as configured');
};

# The same for a device that cannot attest.
subtest 'privacy mode by SCEP' => sub {
	my @intel = ('--product', 'MacBookPro16,1', '--os-version', '13.6');
	$t->assign('C02SETTINGS5');
	$r = $t->sim('enroll', '--serial', 'C02SETTINGS5', '--state', $t->dir . '/intel', @intel);
	is($r->{exit}, 0, 'privacy mode: it enrolls by SCEP') or diag($r->{out}, $r->{err});
	$pem = Attestmdm::Server::slurp($t->dir . '/intel/identity.pem');
	unlike(unpack('H*', Attestmdm::Acme::der($pem)), qr/\Q@{[unpack 'H*', 'C02SETTINGS5']}\E/,
	    'privacy mode: no serial number in a certificate by SCEP');
	unlike(text($pem), qr/Subject Alternative Name/, 'privacy mode: and no other name of the device');
	is(scalar(@{ $t->db("SELECT 1 FROM certificates WHERE serial = 'C02SETTINGS5'") }), 1,
	    'privacy mode: the server knows it all the same');
};

# What a client learns of a refusal by policy is always the same.
subtest 'acme-293: refusals by policy look the same' => sub {
	my %details;
	for my $case ([ 'C02SETTINGS2', serial => 'C02SETTINGS1' ], [ 'C02SETTINGS3', serial => 'C02NOBODY000' ],
		[ 'C02SETTINGS4', removed => 1 ]) {
		my ($serial, %o) = @$case;
		my $d = Attestmdm::Acme->new($t, $serial);
		my $order = $d->order;
		$t->tool_ok('ade', 'remove', $serial) if delete $o{removed};
		my $r = $d->attest($order, %o);
		is($r->{json}{status}, 'invalid', "acme-293: $serial is refused");
		my $error = $r->{json}{error};
		$details{"$error->{type} $error->{status} $error->{detail}"}++;
	}
	is(scalar keys %details, 1, 'acme-293: the answer does not tell whose serial numbers we know');
};

# Would the program start?
sub check {
	my ($program, $name, $expected, %config) = @_;
	my $server = $t->server;
	my $kept = Attestmdm::Server::slurp($server->conf);
	$server->set_conf($_, $config{$_}) for keys %config;
	my $r = $t->command($server->program($program), '--config', $server->conf, '--check');
	Attestmdm::Server::spew($server->conf, $kept);
	is($r->{exit} == 0 ? 'starts' : 'refuses', $expected, $name)
	    or diag($r->{err});
	return $r;
}

subtest 'what a program does not start with' => sub {
	my $dir = $t->dir;
	my $root = Attestmdm::Server::slurp($t->server->apple . '/attestation-root.pem');
	my %roots = (
		'empty' => '',
		'with two certificates' => $root . Attestmdm::Server::slurp($t->server->apple . '/device-ca.pem'),
		'with a leaf' => Attestmdm::Server::slurp("$dir/tls/tls.pem"),
		'with text' => "no certificate\n",
	);
	check('acme-challenge', 'acme-292: its root file as it should be', 'starts');
	for my $name (sort keys %roots) {
		Attestmdm::Server::spew("$dir/root.pem", $roots{$name});
		check('acme-challenge', "acme-292: a root file $name", 'refuses',
		    'apple.attestation_root' => "$dir/root.pem");
	}
	check('acme-challenge', 'acme-292: no root file', 'refuses', 'apple.attestation_root' => "$dir/none.pem");

	check('acme-finalize', 'acme-291: its key as it should be', 'starts');
	check('acme-finalize', 'acme-291: no key', 'refuses', 'acme.ca_key' => "$dir/none.key");
	check('acme-finalize', 'acme-291: the key of another', 'refuses', 'acme.ca_key' => "$dir/tls/tls.key");
	check($_, "acme-291: $_ without nonce key", 'refuses', 'paths.nonce_key' => "$dir/none.key")
	    for qw(acme-directory acme-account acme-new-order acme-challenge acme-finalize);
	Attestmdm::Server::spew("$dir/short.key", 'x' x 31);
	check('acme-account', 'acme-291: a short nonce key', 'refuses', 'paths.nonce_key' => "$dir/short.key");
	check('acme-account', 'acme-291: no database', 'refuses', 'paths.database' => "$dir/none.db");
};

$c->done;
$t->done;
