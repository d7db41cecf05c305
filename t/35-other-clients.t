#!/usr/bin/perl
# SCEP clients that others wrote, against the switch for older clients. They
# speak plain HTTP here: neither can be told which certificate to trust.
use strict;
use warnings;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(older => 1);
my $url = $t->plain_url . '/scep';
my $ca = $t->server->state . '/scep-ca.pem';
my $n = 0;

# A fresh SCEP enrollment: its serial number and challenge, and the device.
sub challenge {
	my $serial = sprintf('C35TEST%05d', ++$n);
	my $file = $t->dir . "/info.$n";
	my $mac = Attestmdm::Device->begin($t, $serial);
	$t->assign($serial);
	$t->make('machineinfo', '--serial', $serial, '--udid', $mac->{udid}, '--product',
	    'MacBookPro15,1', '--os-version', '13.6', '-o', $file);
	my $r = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file));
	my ($challenge) = $r->{body} =~ m{<key>Challenge</key>\s*<string>([^<]+)<}
	    or die "no challenge: $r->{body}";
	return ($serial, $challenge, $mac);
}

# scepclient keeps a certificate and a request beside its key, and sends them
# with the next one.
sub own_folder {
	my $dir = $t->dir . '/client-' . ++$n;
	mkdir $dir;
	return $dir;
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

# A certificate by strongSwan's client for a new key, both as files of a device.
sub strongswan {
	my ($mac, @more) = @_;
	my $state = $mac->{state};
	my ($out) = glob($t->dir . '/sw-ca*.der');
	mkdir $state;
	$t->command('openssl', 'genrsa', '-traditional', '-out', $mac->key, '2048')
	    if !-e $mac->key;
	my $r = $t->command('sh', '-c', 'exec "$@" >"$0"', "$state/new.der", 'pki', '--scep',
	    '--url', $url, '--in', $mac->key, '--dn', 'CN=somebody else', '--cacert-enc', $out,
	    '--cacert-sig', $out, '--cipher', 'des3', '--digest', 'sha256', @more);
	$t->command('openssl', 'x509', '-inform', 'DER', '-in', "$state/new.der", '-out',
	    $mac->cert) if $r->{exit} == 0;
	return $r;
}

sub enters {
	my ($mac) = @_;
	is($mac->checkin($mac->message('Authenticate', ProductName => 'MacBookPro15,1',
	    OSVersion => '13.6'))->{status}, 200, 'Authenticate');
	is($mac->checkin($mac->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
}

subtest 'mdm-72, mdm-83: strongSwan pki' => sub {
	plan skip_all => 'strongswan-pki is not installed' if !Attestmdm::Test::installed('pki');
	my ($serial, $challenge, $mac) = challenge();
	my $dir = $t->dir;
	my $r = $t->command('pki', '--scepca', '--url', $url, '--caout', "$dir/sw-ca.der",
	    '--force');
	is($r->{exit}, 0, 'it fetches the CA') or diag($r->{err});
	$r = strongswan($mac, '--password', $challenge);
	is($r->{exit}, 0, 'it gets a certificate') or diag($r->{err});
	issued($serial, "$mac->{state}/new.der", 'DER');
	isnt(strongswan($mac, '--password', 'A' x 32)->{exit}, 0,
	    'and none with a wrong challenge');
	enters($mac);
	$t->tool_ok('renew', '--host', $serial);
	my $new = bless { %$mac, state => "$mac->{state}-new" }, ref $mac;
	my @old = ('--cert', "$mac->{state}/old.der", '--key', $mac->key);
	$t->command('openssl', 'x509', '-in', $mac->cert, '-outform', 'DER', '-out', $old[1]);
	isnt(strongswan($new, @old)->{exit}, 0, 'no RenewalReq by default');
	$t->refused('', 'scep', 'SCEP_REQUEST', 'not by default');
	$t->server->set_conf('scep.renewal_requests', 'true');
	$t->server->restart('scep');
	$r = strongswan($new, @old);
	is($r->{exit}, 0, 'by policy it is answered') or diag($r->{err});
	enters($new);
	is($mac->report('Idle')->{status}, 400, 'the old certificate is retired');
	my $idle = $new->report('Idle');
	is("$idle->{status} $idle->{body}", '200 ', 'and the command is gone');
	isnt(strongswan($mac, @old)->{exit}, 0, 'the old one renews nothing');
};

subtest 'mdm-72: scepclient' => sub {
	plan skip_all => 'scep is not installed' if !Attestmdm::Test::installed('scepclient');
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

subtest 'mdm-81: single DES has a switch of its own' => sub {
	plan skip_all => 'scep is not installed' if !Attestmdm::Test::installed('scepclient');
	$t->server->set_conf('testing.single_des', 'false');
	$t->server->restart('scep');
	my ($serial, $challenge) = challenge();
	my $dir = own_folder();
	my @client = ('scepclient', '-server-url', $url, '-challenge', $challenge,
	    '-private-key', "$dir/des.key", '-certificate', "$dir/des.pem");
	$t->command(@client);
	ok(!-e "$dir/des.pem", 'for older clients alone: none');
	my $last = $t->db('SELECT * FROM events ORDER BY id DESC LIMIT 1')->[0];
	is("$last->{step} $last->{code} $last->{reason}",
	    'scep SCEP_ALGORITHM envelope: the cipher is not allowed', 'by its cipher');
	is($t->db("SELECT count(*) AS n FROM certificates WHERE serial = '$serial'")->[0]{n}, 0,
	    'no certificate is made');
	$t->server->set_conf('testing.single_des', 'true');
	$t->server->restart('scep');
	$t->command(@client);
	ok(-e "$dir/des.pem", 'with its own switch it is served');
};

subtest 'mdm-72: neither is served with the switch off' => sub {
	plan skip_all => 'scep is not installed' if !Attestmdm::Test::installed('scepclient');
	$t->server->set_conf('scep.older_clients', 'false');
	$t->server->set_conf('testing.single_des', 'false');
	$t->server->restart('scep');
	my ($serial, $challenge) = challenge();
	my $dir = own_folder();
	my $r = $t->command('scepclient', '-server-url', $url, '-challenge', $challenge,
	    '-private-key', "$dir/no.key", '-certificate', "$dir/no.pem");
	ok(!-e "$dir/no.pem", 'SHA-1 and DES get nothing');
	like($t->db('SELECT reason FROM events ORDER BY id DESC LIMIT 1')->[0]{reason},
	    qr/the cipher is not allowed|digest is SHA-1/, 'by their names');
	is(scalar(@{ $t->db("SELECT 1 FROM certificates WHERE serial = '$serial'") }), 0,
	    'no certificate is made');
};

$t->done;
