#!/usr/bin/perl
# SCEP clients that others wrote, against the switch for older clients. They
# speak plain HTTP here: neither can be told which certificate to trust.
use strict;
use warnings;
use IO::Socket::INET;
use Attestmdm::Test;

sub free_port {
	my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
	return $s->sockport;
}

my $port = free_port();
my $t = Attestmdm::Test->new(plain_port => $port,
    config => { 'scep.older_clients' => 'true', 'testing.single_des' => 'true' });
my $url = "http://127.0.0.1:$port/scep";
my $ca = $t->server->state . '/scep-ca.pem';
my $n = 0;

sub installed { grep { -x "$_/$_[0]" } split(/:/, $ENV{PATH}) }

# A fresh SCEP enrollment: its serial number and challenge.
sub challenge {
	my $serial = sprintf('C35TEST%05d', ++$n);
	my $file = $t->dir . "/info.$n";
	$t->assign($serial);
	$t->make('machineinfo', '--serial', $serial, '--product', 'MacBookPro15,1',
	    '--os-version', '13.6', '-o', $file);
	my $r = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file));
	my ($challenge) = $r->{body} =~ m{<key>Challenge</key>\s*<string>([^<]+)<}
	    or die "no challenge: $r->{body}";
	return ($serial, $challenge);
}

# The one certificate of a serial number, as openssl reads it.
sub issued {
	my ($serial, $file, $form) = @_;
	my $r = $t->command('openssl', 'x509', '-inform', $form, '-in', $file,
	    '-noout', '-fingerprint', '-sha256');
	(my $hex = $r->{out}) =~ s/.*=|[:\s]//g;
	my $rows = $t->db("SELECT hex(sha256) AS sha256, purpose FROM certificates"
	    . " WHERE serial = '$serial'");
	is(scalar(@$rows), 1, 'one certificate in the table');
	is($rows->[0]{sha256}, uc $hex, 'which the client has');
	my $pem = $t->command('openssl', 'x509', '-inform', $form, '-in', $file,
	    '-out', "$file.pem");
	my $v = $t->command('openssl', 'verify', '-CAfile', $ca, "$file.pem");
	is($v->{exit}, 0, 'openssl verifies it') or diag($v->{out} . $v->{err});
}

subtest 'mdm-72: strongSwan pki' => sub {
	plan skip_all => 'strongswan-pki is not installed' if !installed('pki');
	my ($serial, $challenge) = challenge();
	my $dir = $t->dir;
	my $key = $t->command('openssl', 'genrsa', '-traditional', '-out', "$dir/sw.key", '2048');
	is($key->{exit}, 0, 'a key');
	my $r = $t->command('pki', '--scepca', '--url', $url, '--caout', "$dir/sw-ca.der",
	    '--force');
	is($r->{exit}, 0, 'it fetches the CA') or diag($r->{err});
	my ($out) = glob("$dir/sw-ca*.der");
	my $cert = $t->command('sh', '-c', 'exec "$@" >"$0"', "$dir/sw.der", 'pki', '--scep',
	    '--url', $url, '--in', "$dir/sw.key", '--dn', 'CN=somebody else',
	    '--password', $challenge, '--cacert-enc', $out, '--cacert-sig', $out,
	    '--cipher', 'des3', '--digest', 'sha256');
	is($cert->{exit}, 0, 'it gets a certificate') or diag($cert->{err});
	issued($serial, "$dir/sw.der", 'DER');
	my $again = $t->command('pki', '--scep', '--url', $url, '--in', "$dir/sw.key",
	    '--dn', 'CN=x', '--password', 'A' x 32, '--cacert-enc', $out,
	    '--cacert-sig', $out, '--cipher', 'des3', '--digest', 'sha256');
	isnt($again->{exit}, 0, 'and none with a wrong challenge');
};

subtest 'mdm-72: scepclient' => sub {
	plan skip_all => 'scep is not installed' if !installed('scepclient');
	my ($serial, $challenge) = challenge();
	my $dir = $t->dir;
	my $r = $t->command('scepclient', '-server-url', $url, '-challenge', $challenge,
	    '-private-key', "$dir/go.key", '-certificate', "$dir/go.pem");
	is($r->{exit}, 0, 'it gets a certificate') or diag($r->{err});
	issued($serial, "$dir/go.pem", 'PEM');
	my $again = $t->command('scepclient', '-server-url', $url, '-challenge', $challenge,
	    '-private-key', "$dir/go2.key", '-certificate', "$dir/go2.pem");
	ok($again->{exit} != 0 || !-e "$dir/go2.pem", 'the challenge serves once');
	like($again->{err} . $again->{out}, qr/badRequest|fail/i, 'and it says why');
};

subtest 'mdm-72: neither is served with the switch off' => sub {
	plan skip_all => 'scep is not installed' if !installed('scepclient');
	$t->server->set_conf('scep.older_clients', 'false');
	$t->server->set_conf('testing.single_des', 'false');
	$t->server->restart('scep');
	my ($serial, $challenge) = challenge();
	my $dir = $t->dir;
	my $r = $t->command('scepclient', '-server-url', $url, '-challenge', $challenge,
	    '-private-key', "$dir/no.key", '-certificate', "$dir/no.pem");
	ok(!-e "$dir/no.pem", 'SHA-1 and DES get nothing');
	is(scalar(@{ $t->db("SELECT 1 FROM certificates WHERE serial = '$serial'") }), 0,
	    'no certificate is made');
};

$t->done;
