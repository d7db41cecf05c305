#!/usr/bin/perl
# A certificate that nginx does not like reaches the programs all the same, which
# answer with a reason: really expired ones, with no clock moved.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use MIME::Base64 qw(decode_base64);
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(config => { 'renewal.expired_grace_days' => 10 }, start => 0);
# As an administrator may have it, beside our include.
my $nginx = $t->dir . '/nginx/nginx.conf';
my $text = Attestmdm::Server::slurp($nginx);
$text =~ s/^http \{\n\K/	ssl_protocols TLSv1.2 TLSv1.3; ssl_early_data on;\n/m or die;
$text =~ s/(?=\tlocation = \/50x)/	location \/private { internal; return 200 private; }\n/ or die;
Attestmdm::Server::spew($nginx, $text);
$t->server->start;
my $idle = sub { Attestmdm::Device::plist(Status => 'Idle', UDID => $_[0]{udid}) };
my $n = 0;

# A host whose current certificate became valid $age days ago, for $days days.
sub mac {
	my ($age, $days) = @_;
	my $serial = sprintf('C72TEST%05d', ++$n);
	$t->assign($serial);
	my $mac = Attestmdm::Device->enroll($t, $serial);
	$t->make('certificate', '--key', $mac->key, '--subject', "/CN=$serial",
	    '--age', $age, '--days', $days, '-o', $mac->cert);
	my ($base64) = Attestmdm::Server::slurp($mac->cert) =~ /-----\n(.*?)-----END/s;
	my $der = decode_base64($base64);
	my $from = time - 300 - $age * 86400;
	$t->change_db(sprintf(
	    "UPDATE certificates SET sha256 = x'%s', der = x'%s',"
	    . " not_before = %d, not_after = %d WHERE serial = '%s';"
	    . " UPDATE hosts SET certificate_sha256 = x'%s' WHERE serial = '%s'",
	    sha256_hex($der), unpack('H*', $der), $from, $from + $days * 86400 + 300, $serial,
	    sha256_hex($der), $serial));
	return $mac;
}

# A poll, with the certificate in TLS as well as in Mdm-Signature.
sub poll {
	my ($mac, $body, %o) = @_;
	return $mac->poll($body // $idle->($mac), cert => $mac->cert, key => $mac->key, %o);
}

sub openssl_says {
	my ($mac, $want, $name) = @_;
	my $r = $t->command('openssl', 'verify', '-partial_chain', '-CAfile', $mac->cert, $mac->cert);
	like($r->{err} . $r->{out}, $want, $name);
}

subtest 'a certificate that has expired' => sub {
	my $mac = mac(400, 365);
	openssl_says($mac, qr/certificate has expired/, 'OpenSSL calls it expired');
	my $r = poll($mac);
	is($r->{status}, 400, 'answered 400');
	unlike($r->{body}, qr/SSL certificate error|nginx/, 'not by nginx');
	$t->refused($mac->{serial}, 'command', 'MDM_CERTIFICATE');
	like($t->events($mac->{serial})->[-1]{reason}, qr/has expired/, 'with the reason');
	is($mac->checkin($mac->message('TokenUpdate'), cert => $mac->cert, key => $mac->key)->{status},
	    400, 'a check-in as well');
	$t->refused($mac->{serial}, 'token-update', 'MDM_CERTIFICATE');
};

subtest 'in the days of grace it fetches its renewal' => sub {
	my $mac = mac(370, 365);
	openssl_says($mac, qr/certificate has expired/, 'OpenSSL calls it expired');
	is(poll($mac)->{status}, 200, 'nothing to do yet');
	$t->tool_ok('renew', '--host', $mac->{serial});
	my $r = poll($mac);
	is($r->{status}, 200, 'the answer');
	like($r->{body}, qr/InstallProfile/, 'is the renewal');
	# Longer than what nginx keeps of a body in memory.
	my $long = Attestmdm::Device::plist(Status => 'Acknowledged', UDID => $mac->{udid},
	    CommandUUID => Attestmdm::Device::uuid_of($r), Filler => 'x' x 300_000);
	is(poll($mac, $long)->{status}, 200, 'a long body arrives');
	is($t->db("SELECT state FROM commands WHERE host_id = (SELECT id FROM hosts WHERE"
	    . " serial = '$mac->{serial}') ORDER BY seq DESC LIMIT 1")->[0]{state},
	    'acknowledged', 'whole');
};

subtest 'a certificate that is not valid yet' => sub {
	my $mac = mac(-5, 365);
	openssl_says($mac, qr/not yet valid/, 'OpenSSL says so');
	is(poll($mac)->{status}, 400, 'answered 400');
	$t->refused($mac->{serial}, 'command', 'MDM_CERTIFICATE');
	like($t->events($mac->{serial})->[-1]{reason}, qr/not valid yet/, 'with the reason');
};

subtest 'other paths, with an expired certificate' => sub {
	my $mac = mac(400, 365);
	my %o = (cert => $mac->cert, key => $mac->key);
	is($t->http(GET => '/admin/sign-in', %o)->{status}, 200, 'the admin pages');
	is($t->http(GET => '/mdm/checkin', %o)->{status}, 405, 'keep their methods');
	is($t->http(GET => '/mdm/elsewhere', %o)->{status}, 404, 'what does not exist');
	is($t->http(GET => '/elsewhere', %o)->{status}, 400, 'what is not ours');
	is($t->http(GET => '/private')->{status}, 404, 'an internal location of the server block');
	for my $path ('/private', '/mdm/../private', '/mdm%2f..%2fprivate', '//private', '/private?/mdm/') {
		is($t->http(GET => $path, %o)->{status}, 400, "is not opened by $path");
	}
	is($t->http(GET => '/crl/acme.crl', %o)->{status}, 200, 'a file');
	is($t->http(POST => '/scep?operation=PKIOperation', body => 'x' x 140_000, %o)->{status},
	    413, 'the limits of each');
};

# Does the TLS handshake at this socket ask for a client certificate?
sub asks {
	my ($socket) = @_;
	my $r = $t->command('openssl', 's_client', '-unix', $socket, '-tls1_2');
	like($r->{out}, qr/Cipher is \w/, 'TLS is there');
	return $r->{out} =~ /^Client Certificate Types/m;
}

# A session ticket says how much early data the server takes.
sub early_data {
	my ($socket) = @_;
	my $r = $t->command('sh', '-c', 'printf "GET / HTTP/1.0\r\n\r\n" |'
	    . ' openssl s_client -ign_eof -unix "$0" -tls1_3', $socket);
	return join(' ', $r->{out} =~ /Max Early Data: (\d+)/g);
}

subtest 'TLS early data, which can be replayed' => sub {
	like(early_data($t->server->admin_socket), qr/^[1-9]\d*\b/, 'is on for other servers');
	like(early_data($t->server->socket), qr/^0( 0)*$/, 'and off for devices');
};

subtest 'admin pages in a server block of their own' => sub {
	ok(asks($t->server->socket), 'devices are asked for a certificate');
	ok(!asks($t->server->admin_socket), 'administrators are not');
	my $curl = sub {
		return $t->command('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--unix-socket',
		    $t->server->admin_socket, '--cacert', $t->server->cacert, $t->url . $_[0])->{out};
	};
	is($curl->('/admin/sign-in'), 200, 'the pages are there');
	is($curl->('/mdm/checkin'), 404, 'and nothing for devices');
	is($curl->('/enroll'), 404, 'or of enrollment');
};

$t->done;
