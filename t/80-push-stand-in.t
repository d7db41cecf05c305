#!/usr/bin/perl
# The stand-in for APNs, asked by curl: what it refuses as APNs does, what a
# test can script, and that a device waiting for a push polls at once.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64 encode_base64);
use Socket qw(AF_UNIX MSG_DONTWAIT SOCK_SEQPACKET pack_sockaddr_un);

use Attestmdm::Apple;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $apns = Attestmdm::Apple->start($t->server, 'apns');
my $dir = $t->dir;
my ($key, $csr, $pem) = ("$dir/push.key", "$dir/push.csr", "$dir/push.pem");
my $topic;

sub topic_of {
	my ($file) = @_;
	my $out = $t->server->run('openssl', 'x509', '-noout', '-subject', '-in', $file);
	return $out =~ /UID ?= ?(com\.apple\.mgmt\.External\.[0-9a-f-]{36})\b/ ? $1 : $out;
}

sub issue { return $t->command($t->server->sim, 'push-certificate', '--state', $apns->dir, @_) }

subtest 'the portal' => sub {
	$t->server->run('openssl', 'req', '-new', '-newkey', 'rsa:2048', '-nodes',
	    '-subj', '/CN=Example', '-keyout', $key, '-out', $csr);
	$apns->push_certificate($csr, $pem);
	$topic = topic_of($pem);
	like($topic, qr/^com\.apple\.mgmt/, 'gives a certificate a topic');
	$apns->push_certificate($csr, "$dir/new.pem");
	isnt(topic_of("$dir/new.pem"), $topic, 'another one each time');
	$apns->push_certificate($csr, "$dir/renewed.pem", '--renew', $pem, '--days', 30);
	is(topic_of("$dir/renewed.pem"), $topic, 'but the same to a renewal');

	my @signed = ('--request', "$dir/signed", '--signed', '-o', "$dir/later.pem");
	is(issue('--request', $csr, '--sign-only', '-o', "$dir/signed")->{exit}, 0, 'a vendor signs');
	is(issue(@signed)->{exit}, 0, 'what the portal certifies');
	my $text = decode_base64(Attestmdm::Server::slurp("$dir/signed"));
	like($text, qr/<key>$_</, $_)
	    for qw(PushCertRequestCSR PushCertCertificateChain PushCertSignature);
	my ($signature) = $text =~ m{<key>PushCertSignature</key>\s*<string>(.)};
	(my $forged = $text) =~ s{(<key>PushCertSignature</key>\s*<string>).}{$1 . ($signature eq 'A' ? 'B' : 'A')}e;
	Attestmdm::Server::spew("$dir/signed", encode_base64($forged));
	my $run = issue(@signed);
	is($run->{exit}, 1, 'not what the vendor did not sign');
	like($run->{err}, qr/vendor did not sign/, 'and it says so');
	is($t->command($t->server->sim, 'push-certificate', '--state', "$dir/elsewhere",
	    '--request', $csr, '--sign-only', '-o', "$dir/signed")->{exit}, 0, 'another vendor signs');
	is(issue(@signed)->{exit}, 1, 'one whom Apple does not know');
	$t->server->run('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
	    '-nodes', '-subj', '/CN=x', '-keyout', "$dir/ec.key", '-out', "$dir/ec.csr");
	is(issue('--request', "$dir/ec.csr")->{exit}, 1, 'nor a key that is not RSA');
};

# One push by curl, or several over one connection.
sub push_to {
	my ($tokens, %o) = @_;
	my %headers = ('apns-topic' => $topic, 'apns-push-type' => 'mdm', 'apns-priority' => 10,
	    'apns-expiration' => 1900000000, %{ $o{headers} || {} });
	my $r = $t->command('curl', '-s', '-S', '--http2', '--max-time', $o{seconds} // 30,
	    '--cacert', $apns->cacert, $o{anonymous} ? () : ('--cert', $o{cert} // $pem, '--key', $key),
	    (map { ('-H', defined $headers{$_} ? "$_: $headers{$_}" : "$_;") } sort keys %headers),
	    '-X', $o{method} // 'POST', '--data-binary', $o{body} // '{"mdm":"MAGIC"}',
	    '-w', ' %{http_code}\n',
	    map { $apns->url . ($o{path} // '/3/device/') . $_ } ref $tokens ? @$tokens : $tokens);
	return $r;
}

sub last_push { return $apns->log('pushes')->[-1] }

subtest 'a push' => sub {
	is(push_to('aabb')->{out}, " 200\n", 'is taken');
	my $push = last_push();
	is($push->{token}, 'aabb', 'logged with its token');
	is($push->{topic}, $topic, 'topic');
	is($push->{priority}, '10', 'headers');
	is_deeply($push->{body}, { mdm => 'MAGIC' }, 'and body');
	like($push->{id}, qr/^[0-9A-F-]{36}$/, 'and gets an id');
	is(push_to([map { sprintf('%04x', $_) } 1 .. 20])->{out}, " 200\n" x 20, 'many are');
	is(last_push()->{connection}, $push->{connection} + 1, 'over one connection');
};

subtest 'what APNs refuses' => sub {
	my @rows = (
		['MethodNotAllowed', 405, 'aabb', method => 'PUT'],
		['BadPath', 404, 'aabb', path => '/2/device/'],
		['PayloadTooLarge', 413, 'aabb', body => '{"mdm":"' . 'x' x 4100 . '"}'],
		['MissingDeviceToken', 400, ''],
		['BadDeviceToken', 400, 'AABB'],
		['BadDeviceToken', 400, 'aab'],
		['MissingTopic', 400, 'aabb', headers => { 'apns-topic' => undef }],
		['TopicDisallowed', 400, 'aabb', headers => { 'apns-topic' => 'com.example' }],
		['InvalidPushType', 400, 'aabb', headers => { 'apns-push-type' => 'alert' }],
		['InvalidPushType', 400, 'aabb', headers => { 'apns-push-type' => undef }],
		['BadPriority', 400, 'aabb', headers => { 'apns-priority' => 7 }],
		['BadExpirationDate', 400, 'aabb', headers => { 'apns-expiration' => 'soon' }],
		['BadMessageId', 400, 'aabb', headers => { 'apns-id' => '1' }],
		['PayloadEmpty', 400, 'aabb', body => ''],
		['PayloadEmpty', 400, 'aabb', body => '{"mdm":"MAGIC","aps":{}}'],
		['PayloadEmpty', 400, 'aabb', body => '{"mdm":1}'],
		['PayloadEmpty', 400, 'aabb', body => '["mdm"]'],
	);
	for my $row (@rows) {
		my ($reason, $status, $token, %o) = @$row;
		is(push_to($token, %o)->{out}, "{\"reason\":\"$reason\"} $status\n", "$reason: $status");
		is(last_push()->{outcome}, $reason, 'and it is logged');
	}
};

subtest 'who may push' => sub {
	like(push_to('aabb', anonymous => 1)->{out}, qr/^ 000$/, 'nobody without a certificate');
	like(push_to('aabb', cert => $apns->dir . '/ca.pem')->{out}, qr/000|^$/, 'nor with a strange one');
	$apns->script({ set => 'refuse', value => 1 });
	my $run = push_to('aabb');
	is($run->{out}, " 000\n", 'nor anybody when it refuses');
	like($run->{err}, qr/revoked/, 'by an alert of TLS');
	$apns->script({ set => 'refuse', value => 0 });
	is(push_to('aabb')->{out}, " 200\n", 'until it does not any more');
	$t->server->clock(400 * 86400);
	like(push_to('aabb')->{err}, qr/expired/, 'nor with one that is over by the test clock');
	$t->server->clock(0);
};

subtest 'scripted answers' => sub {
	$apns->script(
		{ answer => 'cc', status => 410, reason => 'Unregistered', timestamp => 1700000000123 },
		{ answer => 'dd', times => 2, status => 429, reason => 'TooManyRequests', retry_after => 7 },
		{ answer => '*', status => 503, reason => 'Shutdown' });
	is(push_to('cc')->{out}, qq({"reason":"Unregistered","timestamp":1700000000123} 410\n), 'for one token');
	is(push_to('ee')->{out}, qq({"reason":"Shutdown"} 503\n), 'for the next');
	is(push_to(['dd', 'dd', 'dd'])->{out}, qq({"reason":"TooManyRequests"} 429\n) x 2 . " 200\n",
		'as often as it was said');
	$apns->script({ answer => '*', times => 0, status => 403, reason => 'BadCertificate' });
	is(push_to(['01', '02', '03'])->{out}, qq({"reason":"BadCertificate"} 403\n) x 3, 'for ever');
	$apns->script({ clear => JSON::PP::true() });
	is(push_to('01')->{out}, " 200\n", 'until it is cleared');
	$apns->script({ answer => '*', times => 0, status => 500, reason => 'InternalServerError' });
	is(push_to('AA')->{out}, qq({"reason":"BadDeviceToken"} 400\n), 'what is wrong stays wrong');
	$apns->script({ clear => JSON::PP::true() });
};

subtest 'what is no answer' => sub {
	for ([reset => code => 2], ['stall'], ['close'], ['goaway'], ['freeze']) {
		my ($do, %more) = @$_;
		$apns->script({ answer => '*', do => $do, %more });
		my $run = push_to('aa', seconds => $do =~ /stall|freeze/ ? 1 : 30);
		is($run->{out}, " 000\n", $do) if $do ne 'goaway';
		isnt($run->{exit}, 0, "$do: curl has no answer");
		my ($push) = grep { ($_->{outcome} // '') eq $do } @{ $apns->log('pushes') };
		ok($push, 'but the push was seen');
	}
	$apns->script({ set => 'goaway_after', value => 3 });
	my $first = last_push()->{connection} + 1;
	is(push_to([map { "0$_" } 1 .. 7])->{out}, " 200\n" x 7, 'GOAWAY after three: all are answered');
	is_deeply([map { $_->{connection} - $first } @{ $apns->log('pushes') }[-7 .. -1]],
		[0, 0, 0, 1, 1, 1, 2], 'three on each connection');
	$apns->script({ set => 'streams', value => 1 });
	is(push_to(['aa', 'bb'])->{out}, " 200\n" x 2, 'one stream at a time');
	$apns->script({ set => 'goaway_after', value => 0 }, { now => 'close' }, { now => 'goaway' });
	is(push_to('aa')->{out}, " 200\n", 'it goes on');
};

subtest 'a device that waits' => sub {
	my $state = "$dir/mac";
	$t->assign('C80TEST00001');
	is($t->sim('enroll', '--serial', 'C80TEST00001', '--state', $state)->{exit}, 0, 'a Mac enrolls');
	my $wait = sub {
		my $pid = open(my $out, '-|') // die "fork: $!";
		return $out if $pid;
		my $server = $t->server;
		exec($server->sim, 'wait', '--push', $apns->dir, '--pushes', 1, '--patience', 60,
		    '--unix-socket', $server->socket, '--cacert', $server->cacert, '--timeout', 60, $state) or exit 127;
	};
	my $out = $wait->();
	is(scalar <$out>, "waiting\n", 'it waits');
	$t->tool_ok('command', 'send', 'C80TEST00001', 'ProfileList');
	my $token = token_of($state);
	is(push_to($token)->{out}, " 200\n", 'a push');
	ok(last_push()->{woke}, 'wakes it');
	my @lines = <$out>;
	close($out);
	is($lines[0], "woken C80TEST00001\n", 'it says so');
	like($lines[1], qr/ ProfileList Acknowledged$/, 'and answers the command at once');

	is(push_to($token)->{out}, " 200\n", 'a push while it is away');
	ok(!last_push()->{woke}, 'wakes nobody');
	$out = $wait->();
	like(join('', <$out>), qr/^woken /m, 'but is kept for it');
	close($out);

	push_to('aa', headers => { 'apns-expiration' => 0 });
	socket(my $device, AF_UNIX, SOCK_SEQPACKET, 0) or die $!;
	connect($device, pack_sockaddr_un($apns->dir . '/devices.sock')) or die $!;
	send($device, "aa\n", 0) or die $!;
	push_to('aa');
	my $received = 0;
	$received++ while defined recv($device, my $line, 99, MSG_DONTWAIT);
	is($received, 1, 'unless it must not be kept');
};

# From the state folder, as the device knows it.
sub token_of {
	my ($state) = @_;
	my ($base64) = Attestmdm::Server::slurp("$state/device.plist")
	    =~ m{<key>Token</key>\s*<data>\s*([^<]+?)\s*</data>}i or die 'no push token';
	return unpack('H*', decode_base64($base64));
}

$t->done;
