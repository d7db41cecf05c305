#!/usr/bin/perl
# The push certificate, and pushes to the stand-in for APNs.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use lib 't/lib';
use Attestmdm::Apple;
use Attestmdm::Device;
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
	refuses('of a TLS server', 4, qr/not a push certificate/, 'import', "$dir/tls/tls.pem");
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


# From here on the worker runs, and the clock is moved: what has to wait does not.
my $offset = 0;
$t->assign('C02PUSH00001', 'C02PUSH00002');
my @macs = map { Attestmdm::Device->enroll($t, "C02PUSH0000$_") } 1 .. 2;
my ($mac, $other) = @macs;
$server->set_conf('apple.push_url', $apns->url);
$server->set_conf('apple.server_ca', $apns->cacert);
$server->start_worker;

sub later {
	my ($seconds) = @_;
	$offset += $seconds;
	$server->clock($offset);
	$server->wake;
	return;
}

sub row {
	my ($device) = @_;
	return $t->db("SELECT p.*, h.state, hex(h.push_token) AS token FROM pushes p JOIN hosts h"
		. " ON h.id = p.host_id WHERE h.serial = '$device->{serial}'")->[0];
}

sub certificate { $t->db('SELECT * FROM push_certificate')->[0] }

sub pushes {
	my ($device) = @_;
	my $token = lc(row($device)->{token});
	return grep { ($_->{token} // '') eq $token } @{ $apns->log('pushes') };
}

sub until_true {
	my ($condition, $name) = @_;
	my $until = time + 30;
	select(undef, undef, undef, 0.02) until $condition->() || time > $until;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($condition->(), $name);
}

# Queues a command and waits for Apple's answer to the push: its status is stored.
sub queue { $t->tool_ok('command', 'send', $_[0]{serial}, 'DeviceInformation', '--force') }

sub push_is {
	my ($device, $status, $name) = @_;
	my $n = pushes($device);
	$t->change_db("UPDATE pushes SET last_status = -1 WHERE host_id ="
		. " (SELECT id FROM hosts WHERE serial = '$device->{serial}')");
	queue($device);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	until_true(sub { row($device)->{last_status} == $status }, $name) or diag(explain(row($device)));
	cmp_ok(scalar(pushes($device)), '>', $n, 'one that was sent');
}

# The device comes and takes what there is.
sub drain {
	for my $device (@macs) {
		my $r = $device->report('Idle');
		while ($r->{body} =~ m{<key>CommandUUID</key>\s*<string>([^<]+)}) {
			$r = $device->report('Acknowledged', CommandUUID => $1);
		}
	}
	later(10);
}

subtest 'mdm-96: a push' => sub {
	push_is($mac, 200, 'is taken');
	my $push = (pushes($mac))[-1];
	is_deeply([keys %{ $push->{body} }], ['mdm'], 'its body has one member');
	is($push->{topic}, $topic, 'the topic');
	is($push->{priority}, 10, 'the priority');
	like($push->{token}, qr/^[0-9a-f]+$/, 'the token in small letters');
	is(row($mac)->{apns_id}, $push->{id}, 'the id is kept');
	cmp_ok(row($mac)->{due_at}, '>', time, 'the next one is due while the command waits');
	like(queue($mac), qr/a push wakes $mac->{serial}/, 'who sends a command is told');
	drain();
	is(row($mac)->{due_at}, undef, 'and none when it is answered');
};

subtest 'mdm-97: 410' => sub {
	my $token = lc(row($mac)->{token});
	$apns->script({ answer => $token, status => 410, reason => 'Unregistered', timestamp => 1_600_000_000_000 });
	push_is($mac, 410, 'of a time before our token');
	is(row($mac)->{dead_at}, undef, 'is about another token');
	later(60);
	until_true(sub { row($mac)->{last_status} == 200 }, 'which is pushed to again');
	drain();
	$apns->script({ answer => $token, status => 410, reason => 'Unregistered',
		timestamp => 1000 * (time + $offset) });
	push_is($mac, 410, 'of a later time');
	ok(row($mac)->{dead_at}, 'the token is dead');
	my $host = $t->tool_json('host', 'show', $mac->{serial});
	is("$host->{push_status} $host->{push_reason}", '410 Unregistered', 'an administrator sees it');
	ok($host->{push_dead_at}, 'and since when');
	is(row($mac)->{state}, 'enrolled', 'but the host is enrolled');
	my $n = pushes($mac);
	like(queue($mac), qr/cannot be pushed to/, 'who sends a command is told');
	later(100_000);
	is(scalar(pushes($mac)), $n, 'no push goes to it any more');
	is($mac->checkin($mac->message('TokenUpdate', Token => \'new', PushMagic => 'New"Magic'))->{status}, 200, 'TokenUpdate');
	until_true(sub { row($mac)->{last_status} == 200 }, 'revives it');
	is((pushes($mac))[-1]{body}{mdm}, 'New"Magic', 'with its new PushMagic');
	drain();
};

subtest 'mdm-98: a bad token' => sub {
	$apns->script({ answer => lc(row($mac)->{token}), status => 400, reason => 'BadDeviceToken' });
	push_is($mac, 400, 'is dead at once');
	ok(row($mac)->{dead_at}, 'until the next');
	is($mac->checkin($mac->message('TokenUpdate', Token => \'newer', PushMagic => 'M'))->{status}, 200, 'TokenUpdate');
	until_true(sub { row($mac)->{last_status} == 200 }, 'which comes');
	drain();
};

subtest 'mdm-101: 429' => sub {
	$apns->script({ answer => lc(row($mac)->{token}), status => 429, reason => 'TooManyRequests' });
	push_is($mac, 429, 'holds back');
	push_is($other, 200, 'one device only');
	my $n = pushes($mac);
	queue($mac);
	later(6);
	push_is($other, 200, 'whatever is queued for it meanwhile');
	is(scalar(pushes($mac)), $n, 'nothing was sent to it');
	later(40);
	until_true(sub { row($mac)->{last_status} == 200 }, 'until the pause is over');
	drain();
};

subtest 'a fault of ours' => sub {
	$apns->script({ answer => lc(row($mac)->{token}), status => 400, reason => 'BadTopic' });
	push_is($mac, 400, 'BadTopic');
	is(alarms('push-refused'), 1, 'raises an alarm');
	is(row($mac)->{due_at}, undef, 'and is not tried again');
	drain();
	push_is($mac, 200, 'the next one is taken');
	is(alarms('push-refused'), 0, 'and the alarm is closed');
	drain();
};

subtest 'mdm-100: when Apple cannot' => sub {
	for (['503', { status => 503, reason => 'ServiceUnavailable' }], ['a reset stream', { do => 'reset', code => 2 }],
	    ['GOAWAY', { do => 'goaway' }], ['a lost connection', { do => 'close' }]) {
		my ($name, $answer) = @$_;
		$apns->script({ answer => lc(row($mac)->{token}), %$answer });
		my $n = pushes($mac);
		queue($mac);
		until_true(sub { pushes($mac) > $n }, "$name: sent");
		until_true(sub { later(50) || (row($mac)->{last_status} == 200 && pushes($mac) > $n + 1) }, 'and again');
		drain();
	}
};

subtest 'mdm-107: killed between push and answer' => sub {
	# What is killed leaves no count for t/coverage of all that it did before.
	$server->stop('attestmdm-worker');
	$server->start_worker;
	$apns->script({ answer => lc(row($mac)->{token}), do => 'stall' });
	my $n = pushes($mac);
	queue($mac);
	until_true(sub { pushes($mac) > $n }, 'sent');
	kill('KILL', $server->{pids}{'attestmdm-worker'});
	waitpid(delete $server->{pids}{'attestmdm-worker'}, 0);
	$server->start_worker;
	later(130);
	until_true(sub { row($mac)->{last_status} == 200 && pushes($mac) > $n + 1 }, 'sent again');
	drain();
};

subtest 'mdm-99: Apple does not take the certificate' => sub {
	$apns->script({ answer => '*', times => 0, status => 403, reason => 'BadCertificate' });
	queue($_) for @macs;
	until_true(sub { certificate()->{stopped_at} }, 'all stops');
	my $n = @{ $apns->log('pushes') };
	cmp_ok($n, '<=', 200, 'after a few');
	is(alarms('push-stopped'), 1, 'with one alarm');
	like(certificate()->{stop_reason}, qr/403 BadCertificate/, 'that has the reason');
	queue($_) for @macs;
	later(1800);
	is($t->db("SELECT count(*) AS n FROM commands WHERE state = 'queued'")->[0]{n}, 4, 'the queue stays');
	is(scalar(@{ $apns->log('pushes') }), $n, 'and nothing is sent');
	later(1900);
	until_true(sub { @{ $apns->log('pushes') } == $n + 1 }, 'an hour later one push tries it');
	until_true(sub { certificate()->{retries} == 2 }, 'in vain');
	is(alarms('push-stopped'), 1, 'it is the same alarm');
	$apns->script({ clear => JSON::PP::true() });
	$t->tool_ok('push-cert', 'request', $csr);
	my $renewed = $apns->push_certificate($csr, "$dir/renewed2.pem", '--renew', $cert);
	select(undef, undef, undef, 1.1);
	$t->tool_ok('push-cert', 'import', $renewed);
	until_true(sub { row($mac)->{last_status} == 200 && row($other)->{last_status} == 200 },
		'another certificate of the topic resumes');
	is(alarms('push-stopped'), 0, 'and closes the alarm');
	drain();
};

# Plain text that anybody on the way can send: certificate_revoked, before TLS is up.
subtest 'mdm-99: a forged alert' => sub {
	my $liar = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $!;
	my $log = "$dir/liar.log";
	my $pid = fork // die $!;
	if (!$pid) {
		while (my $c = $liar->accept) {
			sysread($c, my $hello, 4096);
			syswrite($c, pack('H*', '1503030002022c'));
			close($c);
			open(my $fh, '>>', $log);
			print {$fh} "lied\n";
		}
		POSIX::_exit(0);
	}
	my $restart = sub {
		$server->set_conf('apple.push_url', $_[0]);
		kill('TERM', $server->{pids}{'attestmdm-worker'});
		waitpid(delete $server->{pids}{'attestmdm-worker'}, 0);
		$server->start_worker;
	};
	my $lies = sub { -s $log ? scalar(split(/\n/, Attestmdm::Server::slurp($log))) : 0 };
	$restart->('https://127.0.0.1:' . $liar->sockport);
	queue($mac);
	until_true(sub { $lies->() >= 1 }, 'one');
	until_true(sub { row($mac)->{last_reason} eq 'NET_CERTIFICATE' }, 'holds back');
	is(certificate()->{stopped_at}, undef, 'and stops nothing');
	until_true(sub { later(50) || certificate()->{stopped_at} }, 'many');
	cmp_ok($lies->(), '>=', 3, 'which are more than two');
	is(alarms('push-stopped'), 1, 'raise the alarm');
	like((map { $_->{text} } grep { $_->{kind} eq 'push-stopped' } @{ $t->tool_json('alarms')->{alarms} })[0], qr/if it lasts, .* may be revoked/, 'that is not sure');
	cmp_ok(certificate()->{retry_at}, '<=', certificate()->{stopped_at} + 3600, 'and no stop is long');
	kill('TERM', $pid);
	waitpid($pid, 0);
	$restart->($apns->url);
	later(3600);
	until_true(sub { row($mac)->{last_status} == 200 }, 'what comes next gets through');
	is(alarms('push-stopped'), 0, 'and closes the alarm');
	drain();
};

subtest 'mdm-99: refused in TLS, and expired' => sub {
	$apns->script({ set => 'refuse', value => 1 }, { now => 'close' });
	queue($mac);
	until_true(sub { later(50) || certificate()->{stopped_at} }, 'an alert of TLS, again and again, stops all');
	is(alarms('push-stopped'), 1, 'with an alarm');
	$apns->script({ set => 'refuse', value => 0 });
	later(3700);
	until_true(sub { !certificate()->{stopped_at} }, 'until it is taken again');
	is(alarms('push-stopped'), 0, 'which closes the alarm');
	drain();
	my $n = @{ $apns->log('pushes') };
	$t->change_db('UPDATE push_certificate SET not_after = 1700000000');
	queue($mac);
	until_true(sub { certificate()->{stopped_at} }, 'nobody asks Apple about one that has expired');
	like(certificate()->{stop_reason}, qr/expired at 2023/, 'and the reason says when');
	is(scalar(@{ $apns->log('pushes') }), $n, 'nothing was sent');
	$t->tool_ok('push-cert', 'import', "$dir/renewed2.pem");
	until_true(sub { row($mac)->{last_status} == 200 && @{ $apns->log('pushes') } > $n }, 'the next one is used');
	drain();
};

# What it left ahead, in memory and in rows, is no reason to wait for that time.
subtest 'a clock that was ahead' => sub {
	later(5 * 86400);
	push_is($mac, 200, 'goes on with pushes');
	my $n = pushes($mac);
	later(-5 * 86400);
	until_true(sub { pushes($mac) > $n }, 'nor does it stop them when it is set back');
	drain();
	$t->change_db('UPDATE push_certificate SET stopped_at = 1, retry_at = ' . (time + $offset + 5 * 86400));
	push_is($mac, 200, 'whatever Apple said of the certificate then');
	drain();
};

subtest 'mdm-100: 1000 queued while Apple closes connections' => sub {
	$t->change_db("INSERT INTO hosts (id, serial, state, generation, created_at, enrolled_at, last_seen_at, topic,"
		. " push_token, push_magic) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000)"
		. " SELECT 'herd' || i, 'HERD' || i, 'enrolled', 1, 1, 1, 4000000000, '$topic', randomblob(32), 'magic' || i FROM c");
	$t->change_db("INSERT INTO pushes (host_id, token_at, due_at) SELECT id, 1, 1 FROM hosts WHERE id LIKE 'herd%'");
	my $n = @{ $apns->log('pushes') };
	$apns->script({ answer => '*', do => 'goaway' }, { answer => '*', do => 'close' });
	$server->wake;
	my $left = sub { $t->db("SELECT count(*) AS n FROM pushes WHERE host_id LIKE 'herd%' AND last_status <> 200")->[0]{n} };
	until_true(sub { later(40) || $left->() == 0 }, 'all are woken');
	my @sent = @{ $apns->log('pushes') };
	@sent = @sent[$n .. $#sent];
	cmp_ok(scalar(@sent), '<', 2600, 'without a herd');
	my %connections = map { $_->{connection} => 1 } @sent;
	cmp_ok(scalar(keys %connections), '<=', 8, 'over few connections');
};

subtest 'hosts of another topic' => sub {
	$t->change_db("UPDATE hosts SET topic = 'com.apple.mgmt.other' WHERE id = 'herd500'");
	$t->change_db("UPDATE pushes SET due_at = 1 WHERE host_id = 'herd500'");
	$server->wake;
	until_true(sub { alarms('push-other-topic') == 1 }, 'raise an alarm when one waits');
};

subtest 'mdm-98: Apple calls many tokens dead' => sub {
	later(20 * 3600);
	queue($mac);
	until_true(sub { row($mac)->{last_status} == 200 }, 'the recent answers are few');
	$apns->script({ answer => '*', times => 0, status => 400, reason => 'BadDeviceToken' });
	$t->change_db("UPDATE pushes SET due_at = 1, failures = 0, hold_until = NULL WHERE host_id LIKE 'herd1__'");
	$server->wake;
	my $count = sub { $t->db("SELECT count(*) AS n FROM pushes WHERE host_id LIKE 'herd1__' AND $_[0]")->[0]{n} };
	until_true(sub { later(40) || $count->('last_status = 400') == 100 }, 'a hundred');
	# Fewer than ten: answers of other tests may still be among the recent ones.
	my $dead = $count->('dead_at IS NOT NULL');
	cmp_ok($dead, '<', 10, 'only a few are dead');
	is($count->('due_at IS NOT NULL'), 100 - $dead, 'the others are tried again');
	is(alarms('push-tokens-dead'), 1, 'with an alarm');
	$apns->script({ clear => JSON::PP::true() });
	until_true(sub { later(40) || $count->('last_status = 200') == 100 - $dead }, 'and taken');
	later(10 * 3600);
	queue($other);
	until_true(sub { alarms('push-tokens-dead') == 0 }, 'hours later the alarm is closed');
};

subtest 'mdm-109: secrets' => sub {
	my @secrets = (map({ lc(row($_)->{token}) } @macs), 'New"Magic', 'magic1000');
	for my $log (glob("$dir/attestmdm-worker.log $dir/mdm-*.log")) {
		my $text = Attestmdm::Server::slurp($log);
		is(scalar(grep { index(lc($text), lc($_)) >= 0 } @secrets), 0, 'none is in ' . $log =~ s{.*/}{}r);
	}
};

$t->done;
