#!/usr/bin/perl
# The simulated SCEP client, which behaves as Apple's, and what becomes of a
# device that got its certificate so.
use strict;
use warnings;

use Attestmdm::Test;

my $t = Attestmdm::Test->new(require => 'all');
my @intel = ('--product', 'MacBookPro16,1', '--os-version', '13.6');
my $number = 0;

sub serial {
	my $serial = sprintf('C32SCEP%05d', ++$number);
	$t->assign($serial);
	return $serial;
}

sub enrolls {
	my ($serial, @more) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $run = $t->sim('enroll', '--serial', $serial, @intel, @more);
	is($run->{exit}, 0, "$serial enrolls") or diag($run->{out}, $run->{err});
}

sub certificates {
	my ($serial) = @_;
	return scalar @{ $t->db("SELECT 1 FROM certificates WHERE serial = '$serial'") };
}

subtest 'mdm-72: a client of Apple\'s form: BER, AES, SHA-512' => sub {
	my ($serial, $state) = (serial(), $t->dir . '/intel');
	enrolls($serial, '--state', $state);
	my $shown = $t->tool_json('host', 'show', $serial);
	ok(!$shown->{mdm_enrollment_hardware_attested}, 'its host is not attested');
	my $key = $t->command('openssl', 'pkey', '-in', "$state/identity.key", '-noout',
	    '-text')->{out};
	like($key, qr/Private-Key: \(2048 bit/, 'its key is RSA with 2048 bits');
	$t->tool_ok('command', 'send', $serial, 'SecurityInfo');
	my $run = $t->sim('poll', '--state', $state);
	is($run->{exit}, 0, 'it polls');
	like($run->{out}, qr/ SecurityInfo Acknowledged$/m, 'and answers');
	my ($profile) = grep { $_->{step} eq 'profile' } @{ $t->events($serial) };
	like($profile->{reason}, qr/^SCEP profile for MacBookPro16,1( [\d.]+)?: /,
	    'the event log says why it was SCEP');
};

# The certificate in a CertRep for that state's key, as PEM.
sub received {
	my ($state, $reply) = @_;
	my $file = $t->dir . '/reply';
	Attestmdm::Server::spew($file, $reply);
	for (['cms', '-verify', '-noverify', '-binary', '-out', "$file.sealed", '-in', $file],
	    ['cms', '-decrypt', '-binary', '-inkey', "$state/identity.key", '-out', "$file.inner",
		'-in', "$file.sealed"], ['pkcs7', '-print_certs', '-out', "$file.pem", '-in', "$file.inner"]) {
		my $r = $t->command('openssl', @$_, '-inform', 'DER');
		return "no certificate: $r->{err}" if $r->{exit} != 0;
	}
	return $t->command('openssl', 'x509', '-in', "$file.pem")->{out};
}

subtest 'mdm-74: PKIOperation by GET with a literal +, and other ways to write it' => sub {
	my ($serial, $state) = (serial(), $t->dir . '/get');
	my $run = $t->sim('enroll', '--serial', $serial, @intel, '--state', $state,
	    '--fault', 'scep-get', '--verbose');
	is($run->{exit}, 0, 'it enrolls') or diag($run->{out});
	like($run->{err}, qr{^> GET \S+/scep\?operation=PKIOperation&message=[^%\s]*\+}m,
	    'by GET, nothing of the + escaped');
	my ($sent) = $run->{err} =~ m{^> GET \S+/scep\?operation=PKIOperation&message=(\S+)}m;
	$sent =~ s/%3D/=/gi;
	like($sent, qr{\A(?=.*/)[A-Za-z0-9+/]+=*\z}, 'the message, as base64');
	my $pem = $t->command('openssl', 'x509', '-in', "$state/identity.pem")->{out};
	my %ways = ('as it was' => sub { }, '%2B for +' => sub { s/\+/%2B/g },
	    'all escaped' => sub { s/([^A-Za-z0-9])/sprintf('%%%02x', ord $1)/ge },
	    'a space for +' => sub { s/\+/%20/g }, 'the URL-safe alphabet' => sub { tr{+/}{-_} });
	for my $way (sort keys %ways) {
		local $_ = $sent;
		$ways{$way}->();
		my $r = $t->http(GET => "/scep?operation=PKIOperation&message=$_");
		is("$r->{status} $r->{headers}{'content-type'}", '200 application/x-pki-message',
		    "$way: a message");
		is(received($state, $r->{body}), $pem, "$way: the same certificate");
	}
	is(certificates($serial), 1, 'there is one');
	$t->server->clock(601);
	my $late = $t->http(GET => "/scep?operation=PKIOperation&message=$sent");
	like(received($state, $late->{body}), qr/^no certificate/, 'none ten minutes later');
	$t->server->clock(0);
};

subtest 'mdm-75: a request sent twice gets one certificate' => sub {
	my $serial = serial();
	enrolls($serial, '--fault', 'scep-again');
	is(certificates($serial), 1, 'there is one');
};

# Product, version, whether it attests, and its IsAppleSilicon.
my @kinds = (
	['Mac15,3', '15.1', 1, 'true'],
	['Mac15,3', '13.6', 0, 'true'],
	['MacBookPro16,1', '13.6', 0, 'false'],
	['MacBookPro13,2', '12.7', 0, 'false'],
	['iMac21,1', '14.0', 1, 'true'],
	['iMac19,1', '14.0', 0, 'false'],
	['VirtualMac2,1', '15.1', 0, 'true'],
	['iPhone14,2', '17.0', 1, undef],
	['iPhone9,1', '15.8', 0, undef],
	['iPad14,1', '16.1', 1, undef],
	['iPad7,5', '17.0', 0, undef],
	['AppleTV11,1', '17.0', 1, undef],
	['Watch6,1', '10.0', 1, undef],
	['RealityDevice14,1', '2.0', 1, undef],
);
for (@kinds) {
	my ($product, $version, $attests, $silicon) = @$_;
	subtest "mdm-61: $product with version $version" => sub {
		my ($serial, $state) = (serial(), $t->dir . "/$product-$version");
		my $run = $t->sim('enroll', '--serial', $serial, '--state', $state,
		    '--product', $product, '--os-version', $version);
		is($run->{exit}, 0, 'enrolls') or diag($run->{out}, $run->{err});
		$t->tool_ok('command', 'send', $serial, 'DeviceInformation');
		$run = $t->sim('poll', '--state', $state);
		my ($uuid) = $run->{out} =~ /^(\S+) DeviceInformation Acknowledged$/m;
		my $told = $t->tool_ok('command', 'show', $uuid);
		my ($word) = $told =~ m{IsAppleSilicon</key>\s*<(\w+)/>};
		is($word, $silicon, 'tells of its chip');
		my $host = $t->db("SELECT product_name, os_version, hardware_attested
		    FROM hosts WHERE serial = '$serial'")->[0];
		is($host->{product_name}, $product, 'its product');
		is($host->{os_version}, $version, 'its version');
		is($host->{hardware_attested}, $attests, 'and attests, or not');
	};
}

subtest 'fleet-88, fleet-96, fleet-149: a broken attestation is no way to SCEP' => sub {
	my ($serial, $state) = (serial(), $t->dir . '/broken');
	my @mac = ('--serial', $serial, '--state', $state);
	my $run = $t->sim('enroll', @mac, '--fault', 'foreign-root');
	is($run->{exit}, 3, 'a foreign root is refused');
	is(certificates($serial), 0, 'no certificate');
	is(scalar(@{ $t->db("SELECT 1 FROM hosts WHERE serial = '$serial'") }), 0, 'no host');
	is_deeply($t->db("SELECT DISTINCT method FROM enrollments WHERE serial = '$serial'"),
	    [ { method => 'acme' } ], 'nothing but ACME was offered');
	is($t->sim('enroll', @mac)->{exit}, 0, 'after repair a fresh profile leads in');
	ok($t->tool_json('host', 'show', $serial)->{mdm_enrollment_hardware_attested}, 'attested');
};

subtest 'a CA that the profile does not name is not believed' => sub {
	my $serial = serial();
	my $dir = $t->dir;
	my $ca = $t->server->state . '/scep-ca.pem';
	my $old = Attestmdm::Server::slurp($ca);
	$t->make('key', "$dir/other.key", '--curve', 'RSA-2048');
	Attestmdm::Server::spew($ca, $t->command('openssl', 'req', '-x509', '-key',
	    "$dir/other.key", '-subj', '/CN=other', '-days', 2)->{out});
	$t->server->restart('profile-download');
	my $run = $t->sim('enroll', '--serial', $serial, @intel);
	Attestmdm::Server::spew($ca, $old);
	$t->server->restart('profile-download');
	is($run->{exit}, 1, 'the device gives up');
	like($run->{err}, qr/another than the profile names/, 'and says why');
	is(certificates($serial), 0, 'before it asks for a certificate');
};

$t->done;
