#!/usr/bin/perl
# SCEP messages that no client sends: what is inside of them is made by openssl
# or by hand, then wrapped by the simulator.
use strict;
use warnings;
use Attestmdm::Device;
use Attestmdm::Server;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $dir = $t->dir;
my $ca = $t->server->state . '/scep-ca.pem';
my $n = 0;

sub openssl {
	my $r = $t->command('openssl', @_);
	die "openssl @_: $r->{err}" if $r->{exit} != 0;
	return $r->{out};
}

# An RSA key with a certificate that it made for itself: files NAME.key, NAME.pem.
sub pair {
	my ($name, $bits) = @_;
	openssl('req', '-x509', '-newkey', 'rsa:' . ($bits || 2048), '-nodes', '-subj',
	    "/CN=$name", '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem");
	return $name;
}

# An assigned Intel Mac that was told a challenge: serial number, challenge.
sub intel {
	my $serial = sprintf('C37TEST%05d', ++$n);
	my $mac = Attestmdm::Device->begin($t, $serial);
	$t->assign($serial);
	$t->make('machineinfo', '--serial', $serial, '--udid', $mac->{udid}, '--product',
	    'MacBookPro16,1', '--os-version', '13.6', '-o', "$dir/info");
	my $r = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp("$dir/info"));
	my ($challenge) = $r->{body} =~ m{<key>Challenge</key>\s*<string>([^<]+)<}
	    or die "no SCEP profile: $r->{body}";
	return ($serial, $challenge);
}

# A certificate request of the key as a file, with openssl's names of what it
# asks for.
sub request {
	my ($key, $challenge, @extensions) = @_;
	my $file = "$dir/request" . ++$n;
	Attestmdm::Server::spew("$file.cnf", join("\n", '[req]', 'prompt = no',
	    'distinguished_name = dn', 'attributes = attributes',
	    (@extensions ? 'req_extensions = extensions' : ()),
	    '[dn]', 'CN = other.example.com', 'O = Somebody else',
	    'serialNumber = C02OTHER0001', '[attributes]',
	    (defined $challenge ? "challengePassword = $challenge" : ()),
	    '[extensions]', @extensions, ''));
	openssl('req', '-new', '-key', "$dir/$key.key", '-config', "$file.cnf", '-outform', 'DER',
	    '-out', $file);
	return $file;
}

# Wraps and sends; how the simulator is to do it, in its options.
sub ask {
	my ($pair, @options) = @_;
	$t->make('pkimessage', '--ca', $ca, '--key', "$dir/$pair.key", '--cert', "$dir/$pair.pem",
	    '-o', "$dir/message", @options);
	return $t->http(POST => '/scep?operation=PKIOperation',
	    body => Attestmdm::Server::slurp("$dir/message"));
}

sub shape {
	my ($der) = @_;
	Attestmdm::Server::spew("$dir/shape", $der);
	return openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', "$dir/shape");
}

# Status and failInfo of a reply, such as "2 1".
sub status_of {
	my ($r) = @_;
	my $print = shape($r->{body});
	return join(' ', map { $print =~ /2\.16\.840\.1\.113733\.1\.9\.$_\b.*?PRINTABLESTRING:(\d)/s } 3, 4);
}

sub last_row { $t->db('SELECT * FROM events ORDER BY id DESC LIMIT 1')->[0] }
sub certificates { $t->db('SELECT count(*) AS n FROM certificates')->[0]{n} }

# FAILURE with this failInfo, for a reason that matches; nothing is signed.
sub fails {
	my ($r, $info, $reason, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$r->{status} $r->{headers}{'content-type'}", '200 application/x-pki-message',
	    "$name: 200 and a message");
	is(status_of($r), "2 $info", "$name: FAILURE, failInfo $info");
	like(last_row()->{reason}, $reason, "$name: for its reason");
}

# The inner message of a reply, opened by who asked.
sub opened {
	my ($r, $pair) = @_;
	Attestmdm::Server::spew("$dir/reply", $r->{body});
	openssl('cms', '-verify', '-inform', 'DER', '-in', "$dir/reply", '-binary', '-CAfile', $ca,
	    '-purpose', 'any', '-out', "$dir/sealed");
	openssl('cms', '-decrypt', '-inform', 'DER', '-in', "$dir/sealed", '-binary', '-recip',
	    "$dir/$pair.pem", '-inkey', "$dir/$pair.key", '-out', "$dir/inner");
	return Attestmdm::Server::slurp("$dir/inner");
}

# The certificate of a reply as text.
sub granted {
	my ($r, $pair) = @_;
	is(status_of($r), '0', 'SUCCESS') or return '';
	opened($r, $pair);
	openssl('pkcs7', '-inform', 'DER', '-in', "$dir/inner", '-print_certs', '-out', "$dir/new.pem");
	return openssl('x509', '-in', "$dir/new.pem", '-noout', '-text');
}

pair('mac');

subtest 'mdm-76: a challenge that is refused' => sub {
	my ($serial, $challenge) = intel();
	my $before = certificates();
	fails(ask('mac', '--request', request('mac', 'A' x 32)), 2, qr/challenge is unknown/, 'wrong');
	fails(ask('mac', '--request', request('mac')), 2, qr/there is no challenge/, 'none');
	fails(ask('mac', '--request', request('mac', 'A' x 256)), 1,
	    qr/challengePassword is not a short text/, 'over the limit');
	fails(ask('mac', '--request', request('mac', 'A' x 9000)), 1, qr/request of \d+ bytes/,
	    'over the limit of requests');
	is(ask('mac', '--request', request('mac', 'A' x 1000000))->{status}, 413, '1 MB: 413');
	for (['scep-two-challenges', 1, qr/two challengePasswords/],
	    ['scep-long-challenge', 1, qr/challengePassword is not a short text/],
	    ['scep-no-challenge', 2, qr/there is no challenge/]) {
		my ($fault, $info, $reason) = @$_;
		my $other = sprintf('C37TEST%05d', ++$n);
		$t->assign($other);
		my $run = $t->sim('enroll', '--serial', $other, '--product', 'MacBookPro16,1',
		    '--os-version', '13.6', '--fault', $fault);
		like($run->{out}, qr/^refused at scep: HTTP 200\nfailInfo $info /m, "$fault: FAILURE by HTTP 200");
		like(last_row()->{reason}, $reason, "$fault: for its reason");
	}
	is(certificates(), $before, 'no certificate');
	is(status_of(ask('mac', '--request', request('mac', $challenge))), '0',
	    'the right one was not used up');
};

subtest 'mdm-78, fleet-146: what else a request asks for than its key' => sub {
	my ($serial, $challenge) = intel();
	my $before = certificates();
	pair('odd');
	for (['CA:TRUE', 'basicConstraints = critical, CA:TRUE', qr/wants to be a CA/],
	    ['keyCertSign', 'keyUsage = digitalSignature, keyCertSign', qr/wants to sign certificates/],
	    ['cRLSign', 'keyUsage = digitalSignature, cRLSign', qr/wants to sign certificates/],
	    ['an unknown critical extension', '1.2.3.4.5 = critical, ASN1:UTF8String:forged',
		qr/unknown critical extension/]) {
		my ($name, $extension, $reason) = @$_;
		fails(ask('odd', '--request', request('odd', $challenge, $extension)), 1, $reason, $name);
	}
	is(certificates(), $before, 'no certificate');
	my $text = granted(ask('odd', '--request', request('odd', $challenge,
	    'subjectAltName = DNS:mdm.example.com, email:ceo@example.com, IP:192.0.2.7',
	    'extendedKeyUsage = serverAuth, codeSigning', 'keyUsage = dataEncipherment',
	    'nsComment = a comment', '1.2.3.4.5 = ASN1:UTF8String:forged')), 'odd');
	my $id = $t->db("SELECT id FROM enrollments WHERE serial = '$serial'")->[0]{id};
	my ($subject) = $text =~ /^\s*Subject: *(.*)$/m;
	like($subject, qr/^O ?= ?Example Ltd, CN ?= ?\Q$id\E$|^CN ?= ?\Q$id\E, O ?= ?Example Ltd$/,
	    'the subject is ours');
	unlike($text, qr/other\.example\.com|Somebody else|C02OTHER0001/, 'nothing of the name');
	unlike($text, qr/DNS:|email:|IP Address:|mdm\.example\.com(?!\/)|ceo\@/, 'no other host, no address');
	unlike($text, qr/Server Authentication|Code Signing|Data Encipherment/, 'no other purpose');
	unlike($text, qr/1\.2\.3\.4\.5|forged|a comment|Netscape/, 'no extension of its own');
	my @extensions = $text =~ /^ {12}(X509v3 [^:]+|[\d.]+|Authority Information Access): ?(?:critical)?$/mg;
	is_deeply([sort @extensions], ['X509v3 Authority Key Identifier', 'X509v3 Basic Constraints',
	    'X509v3 CRL Distribution Points', 'X509v3 Extended Key Usage', 'X509v3 Key Usage',
	    'X509v3 Subject Alternative Name', 'X509v3 Subject Key Identifier'], 'ours are all');
};

# The elements of some DER: [tag, content] of each.
sub elements {
	my ($rest) = @_;
	my @out;
	while (length $rest) {
		my ($tag, $length) = unpack('CC', $rest);
		my $head = 2;
		if ($length & 0x80) {
			my $bytes = $length & 0x7f;
			$length = hex(unpack('H*', substr($rest, 2, $bytes)));
			$head += $bytes;
		}
		push @out, [$tag, substr($rest, $head, $length)];
		$rest = substr($rest, $head + $length);
	}
	return @out;
}

sub der {
	my ($tag, @parts) = @_;
	my $content = join('', @parts);
	my $n = length $content;
	return pack('C', $tag) . ($n < 128 ? pack('C', $n) : "\x82" . pack('n', $n)) . $content;
}

# An envelope by openssl around a file; $edit may change the parts cipher (OID),
# iv (DER) and text of it.
sub envelope {
	my ($file, $options, $edit) = @_;
	my $name = "$dir/envelope" . ++$n;
	openssl('cms', '-encrypt', '-binary', '-in', $file, '-outform', 'DER', '-out', $name, @$options);
	return $name if !$edit;
	my ($type, $wrap) = elements((elements(Attestmdm::Server::slurp($name)))[0][1]);
	my ($version, $recipients, $content) = elements((elements($wrap->[1]))[0][1]);
	my ($data, $algorithm, $text) = elements($content->[1]);
	my ($cipher, $iv) = elements($algorithm->[1]);
	my %part = (cipher => $cipher->[1], iv => der(@$iv), text => $text->[1]);
	$edit->(\%part);
	Attestmdm::Server::spew($name, der(0x30, der(@$type), der(0xa0, der(0x30, der(@$version),
	    der(@$recipients), der(0x30, der(@$data), der(0x30, der(6, $part{cipher}), $part{iv}),
	    der(0x80, $part{text}))))));
	return $name;
}

# What differs in two refusals of the same kind: nonces, time and signature.
sub normal {
	my ($r) = @_;
	my $scep = "\x60\x86\x48\x01\x86\xf8\x45\x01\x09";
	my $body = $r->{body};
	$body =~ s/(\Q$scep\E[\x05\x06]\x31\x12\x04\x10).{16}/$1/gs;
	$body =~ s/(\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05\x31\x0f\x17\x0d).{13}/$1/s;
	my $signature = 384;
	my %headers = %{ $r->{headers} };
	delete $headers{date};
	return { status => $r->{status}, headers => \%headers,
	    body => unpack('H*', substr($body, 0, -$signature)) };
}

subtest 'mdm-81: one answer to every envelope that is no good' => sub {
	my ($serial, $challenge) = intel();
	pair('mac');
	my $good = request('mac', $challenge);
	my $broken = "$dir/broken";
	my $der = Attestmdm::Server::slurp($good);
	substr($der, -1, 1) ^= "\x01";
	Attestmdm::Server::spew($broken, $der);
	Attestmdm::Server::spew("$dir/text", 'no request');
	pair('small', 1024);
	pair('another');
	my $aes = ['-aes128', $ca];
	my $before = certificates();
	my @cases = (
		['for another CA', [$good, ['-aes128', "$dir/another.pem"]], 'for another certificate'],
		['two recipients', [$good, ['-aes128', $ca, "$dir/another.pem"]], 'not one recipient'],
		['AES-GCM', [$good, ['-aes-128-gcm', $ca]], 'no EnvelopedData'],
		['no IV', [$good, $aes, sub { $_[0]{iv} = '' }], 'IV is not one block'],
		['an IV of eight bytes', [$good, $aes, sub { $_[0]{iv} = der(4, 'x' x 8) }],
		    'IV is not one block'],
		['an IV of two blocks', [$good, $aes, sub { $_[0]{iv} = der(4, 'x' x 32) }],
		    'IV is not one block'],
		['bad padding', [$good, $aes, sub { substr($_[0]{text}, -17, 1) ^= "\x80" }],
		    'does not decrypt'],
		['half a block', [$good, $aes, sub { substr($_[0]{text}, -8) = '' }],
		    'not whole blocks'],
		['a key of wrong size', [$good, ['-aes256', $ca],
		    sub { substr($_[0]{cipher}, -1) = "\x02" }], 'does not decrypt|request'],
		['no request inside', ["$dir/text", $aes], 'request'],
		['a request with a broken signature', [$broken, $aes], "request's signature"],
		['a request for another key', [request('another', $challenge), $aes],
		    'not the one that signed for it'],
		['a request for a small key', [request('small', $challenge), $aes],
		    'not the one that signed for it'],
	);
	my $first;
	for (@cases) {
		my ($name, $how, $reason) = @$_;
		my $r = ask('mac', '--envelope', envelope(@$how));
		fails($r, 1, qr/$reason/, $name);
		$first ||= normal($r);
		is_deeply(normal($r), $first, "$name: the same answer");
	}
	# These say so themselves, in what is not encrypted.
	for (['OAEP', [$good, ['-aes128', '-recip', $ca, '-keyopt', 'rsa_padding_mode:oaep']],
		'other than PKCS#1 v1.5'],
	    ['AES-192', [$good, ['-aes192', $ca]], 'cipher is not allowed'],
	    ['3DES', [$good, ['-des3', $ca]], 'cipher is not allowed']) {
		my ($name, $how, $reason) = @$_;
		fails(ask('mac', '--envelope', envelope(@$how)), 0, qr/$reason/, $name);
	}
	is(certificates(), $before, 'no certificate');
	is(status_of(ask('mac', '--envelope', envelope($good, $aes, sub { }))), '0',
	    'without a fault there is one');
};

subtest 'mdm-84: the reply is for the signer, its inner message signed by nobody' => sub {
	for (['AES-128-CBC', 'aes-128-cbc', 'sha256'], ['AES-256-CBC', 'aes-256-cbc', 'sha512']) {
		my ($cipher, $name, $digest) = @$_;
		my ($serial, $challenge) = intel();
		pair('mac');
		my $r = ask('mac', '--request', request('mac', $challenge), '--cipher', $cipher,
		    '--digest', $digest);
		my $inner = shape(opened($r, 'mac'));
		like($inner, qr/contentType: pkcs7-signedData/, 'SignedData');
		like($inner, qr/eContentType: pkcs7-data.*eContent: <ABSENT>/s, 'of nothing');
		like($inner, qr/signerInfos:\s*<(?:EMPTY|ABSENT)>/, 'no signer');
		is(scalar(() = $inner =~ /d\.certificate/g), 1, 'one certificate');
		my $sealed = shape(Attestmdm::Server::slurp("$dir/sealed"));
		is(scalar(() = $sealed =~ /d\.ktri/g), 1, 'one recipient');
		like($sealed, qr/contentEncryptionAlgorithm:\s*algorithm: \Q$name\E/,
		    "the request's cipher, $cipher");
		like(shape($r->{body}), qr/digestAlgorithm:\s*algorithm: \Q$digest\E/,
		    "and its digest, $digest");
	}
};

subtest 'mdm-80: with the switch for older clients off' => sub {
	my ($serial, $challenge) = intel();
	is($t->http(GET => '/scep?operation=GetCACaps')->{body}, join("\n", qw(AES
	    POSTPKIOperation Renewal SCEPStandard SHA-256 SHA-512)), 'neither DES3 nor SHA-1 is offered');
	pair('old');
	my $request = request('old', $challenge);
	my $r = ask('old', '--request', $request, '--digest', 'sha1');
	fails($r, 0, qr/digest is SHA-1/, 'a message with SHA-1');
	unlike(shape($r->{body}), qr/algorithm: sha1\b/, 'the reply has none of it');
	fails(ask('old', '--request', $request, '--cipher', 'DES-EDE3-CBC'), 0,
	    qr/cipher is not allowed/, 'an envelope with 3DES');
	is(status_of(ask('old', '--request', $request)), '0', 'without both it is served');
};

# PKCS7_verify(), as smime and certmonger call it, reads nothing without content.
subtest 'a refusal can be verified by clients that want a content' => sub {
	pair('mac');
	my $r = ask('mac', '--request', request('mac', 'A' x 32));
	Attestmdm::Server::spew("$dir/refusal", $r->{body});
	is(openssl('smime', '-verify', '-inform', 'DER', '-in', "$dir/refusal", '-CAfile', $ca,
	    '-purpose', 'any'), '', 'verified, with an empty content');
};

subtest 'mdm-82: an envelope that nobody signed' => sub {
	pair('mac');
	my $r = ask('mac', '--fault', 'scep-unsigned');
	is($r->{status}, 400, 'cannot be answered in kind');
	like($r->{headers}{'content-type'}, qr{^text/plain}, 'and no message');
	is(last_row()->{reason}, 'CMS message is not SignedData', 'the event log says why');
};

# Their certificates are expired, of RSA-1024 and signed with SHA-1: MachineInfo
# is read all the same, and nothing else is.
subtest 'mdm-66: the chain of MachineInfo signs no SCEP message' => sub {
	my ($serial, $challenge) = intel();
	my $apple = $t->server->apple;
	for (['device', 1024], ['strong', 2048]) {
		my ($name, $bits) = @$_;
		openssl('req', '-newkey', "rsa:$bits", '-nodes', '-subj', '/CN=iPhone Device',
		    '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr");
		openssl('x509', '-req', '-in', "$dir/$name.csr", '-CA', "$apple/device-ca.pem",
		    '-CAkey', "$apple/device-ca.key", '-sha1', '-days', 0, '-set_serial', 7,
		    '-out', "$dir/$name.pem");
	}
	sleep 1;
	isnt($t->command('openssl', 'x509', '-in', "$dir/device.pem", '-checkend', 0)->{exit}, 0,
	    'it is expired');
	my $before = certificates();
	my $request = request('device', $challenge);
	fails(ask('device', '--request', $request), 0, qr/CMS key RSA-1024/, 'its key');
	fails(ask('device', '--request', $request, '--digest', 'sha1'), 0, qr/digest is SHA-1/,
	    'and digest');
	$t->server->set_conf('scep.renewal_requests', 'true');
	$t->server->restart('scep');
	fails(ask('strong', '--request', request('strong'), '--fault', 'scep-renewal'), 2,
	    qr/was not issued here/, 'a renewal, with a better key');
	is(certificates(), $before, 'no certificate');
};

subtest 'a fault of ours is no refusal' => sub {
	my ($serial, $challenge) = intel();
	pair('mac');
	my $db = $t->server->database;
	my $request = request('mac', $challenge);
	$t->change_db('ALTER TABLE scep_challenges RENAME TO out_of_reach');
	my $r = ask('mac', '--request', $request);
	is($r->{status}, 500, 'the database cannot be read: 500');
	like($r->{headers}{'content-type'}, qr{^text/plain}, 'and no message');
	$t->change_db('ALTER TABLE out_of_reach RENAME TO scep_challenges');
	is(status_of(ask('mac', '--request', $request)), '0', 'the same request is served afterwards');
};

$t->done;
