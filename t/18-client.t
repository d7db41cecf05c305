#!/usr/bin/perl
# The simulated client is as strict as Apple's: what Apple's gives up on, it
# gives up on. nginx alone plays the server, with answers written here; each
# case changes one of them.
use strict;
use warnings;
use File::Temp;
use Test::More;

use Attestmdm::Server;

my $HOST = 'mdm.example.com';
my $temp = File::Temp->newdir('am-XXXXXX', TMPDIR => 1);
my $dir = "$temp";
my $server = Attestmdm::Server->new(dir => $dir, host => $HOST, owner => $$);

sub sim { $server->run($server->sim, @_) }

sub profile {
	my ($url) = @_;
	my $acme = join('', map { "<key>$_->[0]</key>$_->[1]" }
	    ['PayloadType', '<string>com.apple.security.acme</string>'],
	    ['PayloadUUID', '<string>1</string>'],
	    ['DirectoryURL', "<string>$url/directory</string>"],
	    ['ClientIdentifier', '<string>C02CLIENT001</string>'],
	    ['KeySize', '<integer>384</integer>'],
	    ['KeyType', '<string>ECSECPrimeRandom</string>'],
	    ['HardwareBound', '<true/>'], ['Attest', '<true/>'],
	    ['Subject', '<array/>']);
	my $mdm = join('', map { "<key>$_->[0]</key><string>$_->[1]</string>" }
	    ['PayloadType', 'com.apple.mdm'], ['IdentityCertificateUUID', '1'],
	    ['Topic', 'com.apple.mgmt.t'], ['ServerURL', "$url/mdm"]);
	return '<plist version="1.0"><dict><key>PayloadIdentifier</key>'
	    . '<string>com.example.mdm</string><key>PayloadContent</key><array>'
	    . "<dict>$acme</dict><dict>$mdm</dict></array></dict></plist>";
}

# A server that does all right: name => [status, body, Location].
sub answers_of {
	my ($url, $certificate) = @_;
	my $order = qq("authorizations":["$url/authz"],"finalize":"$url/finalize");
	my $challenge = qq("type":"device-attest-01","url":"$url/challenge","token":"t");
	return (
		enroll => [200, profile($url)],
		directory => [200, qq({"newNonce":"$url/nonce",)
		    . qq("newAccount":"$url/account","newOrder":"$url/new-order"})],
		nonce => [200, ''],
		account => [201, qq({"status":"valid","orders":"$url/orders"}), "$url/a"],
		'new-order' => [201, qq({"status":"pending",$order}), "$url/order"],
		authz => [200, qq({"status":"pending","challenges":[{$challenge}]})],
		challenge => [200, qq({"status":"valid",$challenge})],
		finalize => [200, qq({"status":"valid",$order})],
		order => [200, qq({"status":"valid","certificate":"$url/cert"})],
		cert => [200, $certificate],
		mdm => [200, ''],
	);
}

# Case => [step or '' for a broken promise, answer to change, how].
my %cases = (
	'acme-274: the right answers lead to the end' => undef,
	'acme-276: finalize answers 202' => ['finalize', finalize => sub { $_[0][0] = 202 }],
	'acme-276: the challenge answers 202' => ['challenge', challenge => sub { $_[0][0] = 202 }],
	'acme-277: an account without orders' => ['', account => sub { $_[0][1] =~ s/orders/others/ }],
	'acme-277: an account that is not valid' => ['', account => sub { $_[0][1] =~ s/valid/new/ }],
	'acme-277: 201 without Location for the account' => ['account', account => sub { $_[0][2] = undef }],
	'acme-277: 201 without Location for the order' => ['order', 'new-order' => sub { $_[0][2] = undef }],
	'acme-277: an order that is born ready' => ['', 'new-order' => sub { $_[0][1] =~ s/pending/ready/ }],
	'acme-277: an authorization that is valid already' => ['', authz => sub { $_[0][1] =~ s/pending/valid/ }],
	'acme-277: no challenge of its type' => ['', authz => sub { $_[0][1] =~ s/device-attest/dns/ }],
	'acme-277: a challenge that fails' => ['challenge', challenge => sub { $_[0][1] =~ s/valid/invalid/ }],
	'acme-277: an order that ends invalid' => ['finalize', finalize => sub { $_[0][1] =~ s/valid/invalid/ }],
	'acme-277: an order that is not valid when read' => ['order-read', order => sub { $_[0][1] =~ s/valid/ready/ }],
	'acme-277: an order without certificate' => ['', order => sub { $_[0][1] =~ s/certificate/cert/ }],
	'acme-277: a certificate that is none' => ['', cert => sub { $_[0][1] = 'nothing' }],
	'acme-277: a nonce that never comes' => ['', nonce => sub { $_[0][3] = 1 }],
	'client: check-in answers 401' => ['authenticate', mdm => sub { $_[0][0] = 401 }],
);

# Locations of one case below its own path.
sub locations {
	my ($path, $change) = @_;
	my %answers = answers_of("https://$HOST$path",
	    Attestmdm::Server::slurp("$dir/tls/tls.pem"));
	$change->[2]($answers{ $change->[1] }) if $change;
	my $text = '';
	for my $name (sort keys %answers) {
		my ($status, $body, $location, $no_nonce) = @{ $answers{$name} };
		$text .= "location = $path/$name {\n";
		$text .= "add_header Replay-Nonce n$name always;\n"
		    if !$no_nonce && $name ne 'directory';
		$text .= "add_header Location $location always;\n" if $location;
		$text .= "return $status '$body';\n}\n";
	}
	return $text;
}

mkdir("$dir/$_") for qw(run tls tmp);
sim('apple', $server->apple);
sim('make', 'tls', '--dir', "$dir/tls", '--name', $HOST);
my @names = sort keys %cases;
my $locations = join('', map { locations("/$_", $cases{ $names[$_] }) } 0 .. $#names);
my $user = $> == 0 ? 'user root;' : '';
Attestmdm::Server::spew("$dir/nginx.conf", <<"EOT");
$user
daemon off;
pid $dir/nginx.pid;
error_log $dir/nginx-error.log;
events {}
http {
	access_log off;
	default_type application/json;
	client_body_temp_path $dir/tmp/body;
	fastcgi_temp_path $dir/tmp/fastcgi;
	proxy_temp_path $dir/tmp/proxy;
	uwsgi_temp_path $dir/tmp/uwsgi;
	scgi_temp_path $dir/tmp/scgi;
	server {
		listen unix:$dir/run/https.sock ssl;
		ssl_certificate $dir/tls/tls.pem;
		ssl_certificate_key $dir/tls/tls.key;
$locations
		location = /link {
			if (\$request_method != POST) {
				return 405;
			}
			return 200 '@{[profile("https://$HOST/0")]}';
		}
	}
}
EOT
$server->spawn('nginx', 'nginx', '-e', "$dir/nginx-error.log", '-c',
    "$dir/nginx.conf", '-p', $dir);
Attestmdm::Server::answers($server->socket, 20)
    or die Attestmdm::Server::slurp("$dir/nginx-error.log");

for my $i (0 .. $#names) {
	my $case = $cases{ $names[$i] };
	# The certificate is for another key: it cannot serve in TLS.
	my $out = `'@{[$server->sim]}' enroll --server https://$HOST/$i \\
	    --apple '@{[$server->apple]}' --serial C02CLIENT001 \\
	    --unix-socket '@{[$server->socket]}' --cacert '@{[$server->cacert]}' \\
	    --fault no-tls-certificate 2>&1`;
	my $exit = $? >> 8;
	if (!$case) {
		is($exit, 0, $names[$i]) or diag($out);
	} elsif ($case->[0] eq '') {
		is($exit, 1, "$names[$i]: it gives up") or diag($out);
	} else {
		ok($exit == 3 && $out =~ /^refused at \Q$case->[0]\E: /m,
		    "$names[$i]: it gives up") or diag("$exit $out");
	}
}

my $out = `'@{[$server->sim]}' enroll --link https://$HOST/link \\
    --apple '@{[$server->apple]}' --serial C02CLIENT001 --verbose \\
    --unix-socket '@{[$server->socket]}' --cacert '@{[$server->cacert]}' \\
    --fault no-tls-certificate 2>&1`;
is($? >> 8, 0, 'client: a link of manual enrollment leads to the end') or diag($out);
like($out, qr{^> POST \S+/link$}m, 'by POST');

$server->stop;
done_testing();
