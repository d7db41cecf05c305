#!/usr/bin/perl
# The push certificate, and pushes to the stand-in for APNs.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Apple;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $server = $t->server;
my ($dir, $apple) = ($t->dir, $server->state . '/apple');
my $apns = Attestmdm::Apple->start($server, 'apns');

sub mode { sprintf('%04o', (stat($_[0]))[2] & 07777) }

sub alarms {
	my ($kind) = @_;
	return scalar grep { $_->{kind} eq $kind && !defined $_->{closed_at} }
	    @{ $t->tool_json('alarms')->{alarms} };
}

# The tool refuses, and says why.
sub refuses {
	my ($name, $exit, $why, @command) = @_;
	my $r = $t->tool('push-cert', @command);
	is($r->{exit}, $exit, $name) or diag($r->{out}, $r->{err});
	like($r->{err}, $why, 'and says why');
}


subtest 'no topic at all' => sub {
	$server->set_conf('mdm.topic', '');
	$server->restart;
	$t->assign('C02NOTOPIC01');
	isnt($t->sim('enroll', '--serial', 'C02NOTOPIC01')->{exit}, 0, 'nobody enrolls');
	$t->refused('C02NOTOPIC01', 'profile', 'NO_TOPIC');
	is(alarms('push-topic-missing'), 1, 'with one alarm');
	my $r = $t->tool('check', '--stopped', '--no-nginx', '--test-bench');
	like($r->{out}, qr/BAD +push +.*no device can enroll/, 'check says so');
	refuses('nothing to show', 3, qr/attestmdm-push-cert\(8\)/, 'show');
};

my ($csr, $signed, $upload) = map { "$dir/$_" } qw(push.csr signed.b64 upload.b64);

subtest 'a request' => sub {
	refuses('nothing was asked for yet', 3, qr/no request is under way/, 'sign-import', '/dev/null', $upload);
	$t->tool_ok('push-cert', 'request', $csr);
	is(mode("$apple/push.key"), '0600', 'the key is secret');
	my $key = Attestmdm::Server::slurp("$apple/push.key");
	like(`openssl req -in $csr -noout -verify -text 2>&1`, qr/2048 bit.*sha256With.*verify OK|verify OK.*2048 bit.*sha256With/s,
	    'RSA-2048 and SHA-256');
	$t->tool_ok('push-cert', 'request', $csr);
	is(Attestmdm::Server::slurp("$apple/push.key"), $key, 'repeated, it is for the same key');
	refuses('half a vendor', 2, qr/go together/, 'request', '--vendor-key', $csr, $csr);
};

subtest 'what the vendor gives back' => sub {
	$apns->push_certificate($csr, $signed, '--sign-only');
	$t->tool_ok('push-cert', 'sign-import', $signed, $upload);
	my $plist = `base64 -d $upload`;
	like($plist, qr/<key>$_</, $_) for qw(PushCertRequestCSR PushCertCertificateChain PushCertSignature);
	Attestmdm::Server::spew("$dir/plain", $plist);
	$t->tool_ok('push-cert', 'sign-import', "$dir/plain", "$dir/again");
	is(Attestmdm::Server::slurp("$dir/again"), Attestmdm::Server::slurp($upload), 'also as a property list');
	(my $bad = $plist) =~ s{(PushCertSignature</key>\s*<string>)(....)}{$1 . ($2 eq 'AAAA' ? 'BBBB' : 'AAAA')}e;
	Attestmdm::Server::spew("$dir/bad", $bad);
	refuses('another signature', 4, qr/signature over the request/, 'sign-import', "$dir/bad", $upload);
	($bad = $plist) =~ s/-----END CERTIFICATE-----.*?<\/string>/-----END CERTIFICATE-----<\/string>/s;
	Attestmdm::Server::spew("$dir/bad", $bad);
	refuses('a chain of one', 4, qr/has 1 certificates/, 'sign-import', "$dir/bad", $upload);
	Attestmdm::Server::spew("$dir/bad", "no base64 at all\n");
	refuses('something else', 4, qr/neither base64 nor/, 'sign-import', "$dir/bad", $upload);
	rename("$apple/push.key", "$apple/aside");
	$t->tool_ok('push-cert', 'request', "$dir/other.csr");
	refuses('for another key', 4, qr/key/, 'sign-import', $signed, $upload);
	rename("$apple/aside", "$apple/push.key");
};

subtest 'sign with a vendor certificate of our own' => sub {
	my ($chain) = `base64 -d $upload` =~ m{Chain</key>\s*<string>(.*?)</string>}s;
	Attestmdm::Server::spew("$dir/chain.pem", $chain);
	$t->tool_ok('push-cert', 'request', '--vendor-key', $apns->dir . '/vendor.key', '--vendor-chain',
	    "$dir/chain.pem", "$dir/own.b64");
	$t->tool_ok('push-cert', 'sign-import', "$dir/own.b64", $upload);
	pass('what it makes is right');
	refuses('with another key', 4, qr/signature over the request/, 'request', '--vendor-key',
	    $server->state . '/scep-ca.key', '--vendor-chain', "$dir/chain.pem", "$dir/own.b64");
};

my $topic = $server->{topic};
my $cert = $apns->push_certificate($upload, "$dir/cert.pem", '--signed', '--topic', $topic);

subtest 'what is not imported' => sub {
	refuses('no certificate', 4, qr/certificate/, 'import', $csr);
	refuses('of a TLS server', 4, qr/no push certificate/, 'import', "$dir/tls/tls.pem");
	$apns->push_certificate($upload, "$dir/old.pem", '--signed', '--topic', $topic, '--age', 400);
	refuses('expired', 4, qr/expired at/, 'import', "$dir/old.pem");
	$apns->push_certificate("$dir/other.csr", "$dir/foreign.pem", '--topic', $topic);
	refuses('for another key', 4, qr/not for the key of our request/, 'import', "$dir/foreign.pem");
	refuses('nor for one that is named', 4, qr/not for this key/, 'import', '--key',
	    $server->state . '/scep-ca.key', $cert);
	ok(!-e "$apple/push.pem", 'nothing is in place');
	is(alarms('push-topic-missing'), 1, 'and the alarm stays open');
};

subtest 'import' => sub {
	my $r = $t->tool_json('push-cert', 'import', $cert);
	is($r->{topic}, $topic, 'the topic is its own');
	is(mode("$apple/push.pem"), '0600', 'certificate and key are secret');
	ok(!-e "$apple/push.key", 'no request is under way');
	is($t->tool_json('push-cert', 'show')->{days_left}, 364, 'shown');
	is(alarms('push-topic-missing'), 0, 'the alarm is closed');
	$t->tool_ok('push-cert', 'import', $cert);
	pass('repeated, it does no harm');
	my $c = $t->tool('check', '--stopped', '--no-nginx', '--test-bench');
	like($c->{out}, qr/ok +push +\Q$topic\E/, 'check is content');
	like($t->tool('check', '--stopped', '--no-nginx', '--test-bench', '--json')->{out}, qr/push/, 'in JSON too');
	is($t->sim('enroll', '--serial', 'C02NOTOPIC01')->{exit}, 0, 'without a restart devices enroll');
};

subtest 'another topic' => sub {
	$t->tool_ok('push-cert', 'request', $csr);
	my $other = $apns->push_certificate($csr, "$dir/new.pem");
	refuses('mdm-99: refused while hosts are enrolled', 4, qr/1 hosts are enrolled with another topic/, 'import', $other);
	is($t->tool_json('push-cert', 'show')->{topic}, $topic, 'the old one stays');
	$t->tool_ok('push-cert', 'import', '--force', $other);
	is($t->tool_json('push-cert', 'show')->{other_hosts}, 1, 'unless it is forced');
	like($t->tool('check', '--stopped', '--no-nginx', '--test-bench')->{out},
	    qr/BAD +push +1 hosts are enrolled with another topic/, 'which check does not like');
	$t->tool_ok('push-cert', 'request', $csr);
	$t->tool_ok('push-cert', 'import', $apns->push_certificate($csr, "$dir/renewed.pem", '--renew', $cert));
	is($t->tool_json('push-cert', 'show')->{topic}, $topic, 'a renewed certificate has the topic again');
};

$t->done;
