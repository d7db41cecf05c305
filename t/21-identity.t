#!/usr/bin/perl
# Who a device is: every way to pretend to be another one is refused.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64 encode_base64);
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $n = 0;

sub serial {
	my $serial = sprintf('C21TEST%05d', ++$n);
	$t->assign($serial);
	return $serial;
}
sub mac { Attestmdm::Device->enroll($t, serial(), @_) }
sub new_mac { Attestmdm::Device->certify($t, serial(), @_) }

# The last refusal that names no device.
sub refused_unknown {
	my ($code, $name) = @_;
	my $last = $t->db("SELECT code, reason FROM events WHERE serial = ''"
	    . " AND outcome <> 'ok' ORDER BY id DESC LIMIT 1")->[0] || {};
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($last->{code}, $code, "$name: event log says $code");
}

# A certificate like the device's own by somebody else.
sub forge {
	my ($mac, @options) = @_;
	my $base = "$mac->{state}/forged";
	$t->make('key', "$base.key", '--curve', 'P-384') if !-e "$base.key";
	$t->make('certificate', '--key', "$base.key", '-o', "$base.pem", @options);
	return ("$base.pem", "$base.key");
}

subtest 'mdm-23: no identity at all' => sub {
	my $mac = new_mac();
	my $before = $t->fingerprint;
	is($mac->checkin($mac->message('Authenticate'), signature => undef,
	    cert => undef)->{status}, 400, 'answered 400');
	is($t->fingerprint, $before, 'no change');
	refused_unknown('MDM_IDENTITY', 'no header, no certificate');
};

subtest 'mdm-23: what claims to be one of ours is kept apart from what does not' => sub {
	my $mac = mac();
	my $pool = sub {
		is($mac->checkin($_[0], signature => undef, cert => undef)->{status}, 400, 'answered 400');
		my $last = $t->db('SELECT * FROM events ORDER BY id DESC LIMIT 1')->[0];
		is($last->{serial}, '', 'not under a serial number');
		return "$last->{pool} $last->{pool_key}";
	};
	is($pool->($mac->message('Authenticate')), "known $mac->{serial}", 'by its serial number');
	is($pool->($mac->message('TokenUpdate')), "known $mac->{serial}", 'by its UDID');
	like($pool->($mac->message('Authenticate', SerialNumber => 'MADEUP1')), qr/^unknown /,
	    'a made-up serial number');
	like($pool->($mac->message('TokenUpdate', UDID => 'MADE-UP')), qr/^unknown /,
	    'a made-up UDID');
};

subtest 'mdm-24, fleet-105, fleet-141: a certificate of A claims to be B' => sub {
	my ($a, $b) = (new_mac(), mac());
	my $before = $b->host;
	for my $claim ({ UDID => $b->{udid} }, { SerialNumber => $b->{serial} },
	    { UDID => $b->{udid}, SerialNumber => $b->{serial} },
	    { UDID => lc $b->{udid} }) {
		is($a->checkin($a->message('Authenticate', %$claim))->{status}, 400,
		    join(' and ', sort keys %$claim) . ' of B');
		$t->refused($a->{serial}, 'authenticate', 'MDM_DEVICE');
	}
	is_deeply($b->host, $before, 'B is unchanged');
	my $c = mac();
	for my $type (qw(TokenUpdate CheckOut GetBootstrapToken SetBootstrapToken UserAuthenticate)) {
		is($c->checkin($c->message($type, UDID => $b->{udid}))->{status}, 400,
		    "$type with B's UDID");
	}
	is($c->poll(Attestmdm::Device::plist(Status => 'Idle', UDID => $b->{udid}))->{status},
	    400, 'a poll with it');
	$t->refused($c->{serial}, 'command', 'MDM_DEVICE');
	is_deeply($b->host, $before, 'B is unchanged');
};

subtest 'mdm-65: an enrolled host does not become another device' => sub {
	$t->assign('C02UDID00001');
	my $mac = Attestmdm::Device->enroll($t, 'C02UDID00001');
	my $anew = $mac->again('certify');
	my $other = '0BADC0DE-0000-4000-8000-000000000065';
	is($anew->checkin($anew->message('Authenticate', UDID => $other))->{status}, 400,
	    'another UDID with a new attested certificate');
	$t->refused($mac->{serial}, 'authenticate', 'MDM_DEVICE', 'another UDID');
	is($mac->host->{udid}, $mac->{udid}, 'the host is as it was');
	is($mac->report('Idle')->{status}, 200, 'and at work');
	is($anew->checkin($anew->message('Authenticate'))->{status}, 200, 'with its own it enters');
};

subtest 'what changed between certificate and Authenticate' => sub {
	my $serial = 'C02LATE00001';
	$t->assign($serial);
	my $mac = Attestmdm::Device->certify($t, $serial);
	my $authenticate = $mac->message('Authenticate');
	$t->tool_ok('ade', 'remove', $serial);
	is($mac->checkin($authenticate)->{status}, 400, 'not assigned any more');
	$t->refused($serial, 'authenticate', 'ENROLL_UNASSIGNED', 'taken away');
	$t->assign($serial);
	my $state = "UPDATE enrollments SET state = '%s' WHERE serial = '$serial'";
	$t->change_db(sprintf($state, 'revoked'));
	is($mac->checkin($authenticate)->{status}, 400, 'its enrollment was revoked');
	$t->refused($serial, 'authenticate', 'MDM_CERTIFICATE', 'revoked');
	$t->change_db(sprintf($state, 'issued'));
	is($mac->checkin($authenticate)->{status}, 200, 'all is well again');
};

subtest 'mdm-25, mdm-26, fleet-104, fleet-107: certificates of other CAs' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	my $body = $mac->message('CheckOut');
	my ($cert, $key) = forge($mac, '--subject', "/CN=$mac->{serial}");
	my $signed = sub {
		Attestmdm::Server::spew("$mac->{state}/body", $body);
		return $t->make('mdm-signature', '--key', $_[1], '--cert', $_[0],
		    '--body', "$mac->{state}/body");
	};
	is($mac->checkin($body, signature => $signed->($cert, $key))->{status}, 400,
	    'self-signed with the same name');
	refused_unknown('MDM_CERTIFICATE', 'self-signed');
	# The real certificate named as the signer, another key signing.
	is($mac->checkin($body, signature => $signed->($mac->cert, $key))->{status}, 400,
	    "its own certificate, another's key");
	$t->refused($mac->{serial}, 'check-out', 'MDM_SIGNATURE');
	my $ca = $t->server->state . '/ca.pem';
	for my $file (grep { -e } $t->server->cacert, glob($t->server->state . '/*ca*.pem')) {
		is($mac->checkin($body, signature => $signed->($file, $key))->{status}, 400,
		    "the CA's certificate as identity");
	}
	is($t->fingerprint, $before, 'no change');
};

# Made with the CA's own key, behind the server's back.
subtest 'fleet-144: a certificate of our CA that the server did not issue' => sub {
	my @macs = (mac(), new_mac());
	my $before = $t->fingerprint;
	for my $ca (map { $t->server->state . "/$_" } qw(acme-ca scep-ca)) {
		for my $mac (@macs) {
			my $forger = bless { %$mac, state => "$mac->{state}-forged" }, ref $mac;
			mkdir $forger->{state};
			my $r = $t->command('openssl', 'req', '-x509', '-CA', "$ca.pem", '-CAkey',
			    "$ca.key", '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
			    '-subj', "/O=Example Ltd/CN=$mac->{serial}", '-days', 30,
			    '-keyout', $forger->key, '-out', $forger->cert);
			is($r->{exit}, 0, 'a certificate') or diag($r->{err});
			$r = $t->command('openssl', 'verify', '-CAfile', "$ca.pem", $forger->cert);
			is($r->{exit}, 0, 'openssl verifies it') or diag($r->{err});
			for (qw(Authenticate TokenUpdate CheckOut)) {
				is($forger->checkin($forger->message($_))->{status}, 400, "$_: 400");
				refused_unknown('MDM_CERTIFICATE', $_);
			}
			is($forger->report('Idle')->{status}, 400, 'a poll: 400');
			refused_unknown('MDM_CERTIFICATE', 'a poll');
			my $idle = Attestmdm::Device::plist(Status => 'Idle', UDID => $mac->{udid});
			is($mac->poll($idle, signature => undef, cert => $forger->cert,
			    key => $forger->key)->{status}, 400, 'a poll with TLS: 400');
			refused_unknown('MDM_CERTIFICATE', 'a poll with TLS');
		}
	}
	is($t->fingerprint, $before, 'no change');
	is($macs[0]->report('Idle')->{status}, 200, 'its own is accepted');
};

subtest 'fleet-143: a certificate in use is accepted, whatever the settings say now' => sub {
	my $mac = mac('--product', 'MacBookPro16,1', '--os-version', '13.6');
	$t->tool_ok('setting', 'set', 'apple_business_enrollments_only', 'true', '--yes');
	$t->tool_ok('ade', 'remove', $mac->{serial});
	my $generation = $mac->host->{generation};
	is($mac->checkin($mac->message('Authenticate'))->{status}, 200, 'Authenticate');
	is($mac->checkin($mac->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
	is($mac->report('Idle')->{status}, 200, 'a poll');
	is($mac->host->{state}, 'enrolled', 'it stays enrolled');
	is($mac->host->{generation}, $generation, 'and is no new enrollment');
	is($t->sim('enroll', '--serial', $mac->{serial}, '--udid', $mac->{udid})->{exit}, 3,
	    'while a new one is not let in');
	$t->tool_ok('setting', 'set', 'apple_business_enrollments_only', 'false', '--yes');
};

subtest 'mdm-27: the signature is over another body' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	my $body = $mac->message('CheckOut');
	(my $other = $body) =~ s/CheckOut/CheckOuT/;
	is($mac->checkin($body, signature => $mac->signature($other))->{status}, 400, 'one byte');
	$t->refused($mac->{serial}, 'check-out', 'MDM_SIGNATURE');
	is_deeply($t->db("SELECT count(*) AS n FROM events WHERE code = 'MDM_SIGNATURE'"
	    . " AND serial = '$mac->{serial}' AND enrollment_id IS NOT NULL")->[0], { n => 0 },
	    'whoever has not the key adds nothing to the enrollment');
	is($mac->checkin("$body ", signature => $mac->signature($body))->{status}, 400,
	    'one space more');
	is($t->fingerprint, $before, 'no change');
};

subtest 'mdm-28: TLS shows the certificate of another device' => sub {
	my ($a, $b) = (mac(), mac());
	my $before = $t->fingerprint;
	is($a->checkin($a->message('CheckOut'), cert => $b->cert, key => $b->key)->{status}, 400,
	    'header of A, TLS of B');
	$t->refused($a->{serial}, 'check-out', 'MDM_CERTIFICATE');
	is($a->checkin($a->message('CheckOut'), signature => undef, cert => $b->cert,
	    key => $b->key)->{status}, 400, 'message of A, TLS of B, no header');
	$t->refused($b->{serial}, 'check-out', 'MDM_DEVICE');
	is($t->fingerprint, $before, 'no change');
	my $idle = Attestmdm::Device::plist(Status => 'Idle', UDID => $a->{udid});
	is($a->poll($idle)->{status}, 200, 'both agree');
	is($a->poll($idle, signature => undef)->{status}, 200, 'TLS alone is fine');
	is($a->poll($idle, cert => undef)->{status}, 400, 'Mdm-Signature alone is not enough');
	$t->refused($a->{serial}, 'command', 'MDM_CLIENT_CERTIFICATE');
};

subtest 'mdm-29: two headers' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	my $body = $mac->message('CheckOut');
	my $good = $mac->signature($body);
	is($mac->checkin($body, signature => [$good, $good])->{status}, 400, 'repeated');
	is($mac->checkin($body, signature => "$good, $good")->{status}, 400, 'joined');
	is($t->fingerprint, $before, 'no change');
};

subtest 'mdm-30, mdm-31, mdm-34: headers that are no signature' => sub {
	my $mac = mac();
	my $before = $t->fingerprint;
	my $body = $mac->message('CheckOut');
	my $good = $mac->signature($body);
	my $der = decode_base64($good);
	my %bad = (
		'garbage' => 'AAAA',
		'not base64' => '!!!!',
		'base64url' => do { (my $s = $good) =~ tr{+/}{-_}; $s eq $good ? 'a-b_' : $s },
		'without padding' => $good =~ s/=+\z//r eq $good
		    ? encode_base64(substr($der, 0, -1), '') : $good =~ s/=+\z//r,
		'truncated' => encode_base64(substr($der, 0, 300), ''),
		'bytes behind' => encode_base64($der . "\0", ''),
		'no certificates' => $mac->signature($body, '--no-certificates'),
		'attached content' => $mac->signature($body, '--attached'),
		'declares 64 MiB' => encode_base64("\x30\x84\x04\x00\x00\x00\x06\x09", ''),
		'nested deep' => encode_base64("\x30\x80" x 6000, ''),
		'17 kB' => 'A' x 17408,
	);
	for (sort keys %bad) {
		is($mac->checkin($body, signature => $bad{$_})->{status}, 400, "$_: 400");
	}
	is($t->fingerprint, $before, 'no change');
	is($mac->report('Idle')->{status}, 200, 'the program lives on');
};

subtest 'mdm-33: every form of a signature that devices use' => sub {
	my $mac = mac();
	my $idle = Attestmdm::Device::plist(Status => 'Idle', UDID => $mac->{udid});
	for my $form ([], ['--der'], ['--attributes'], ['--der', '--attributes']) {
		for my $digest (qw(sha1 sha256 sha384)) {
			is($mac->poll($idle, sign => [@$form, '--digest', $digest])->{status}, 200,
			    join(' ', 'BER', @$form, $digest));
		}
	}
	for my $fault (qw(mdm-sha1 mdm-attributes mdm-der no-mdm-signature)) {
		my $serial = serial();
		my $run = $t->sim('enroll', '--serial', $serial, '--fault', $fault);
		is($run->{exit}, 0, "a device with $fault enrolls") or diag($run->{out}, $run->{err});
	}
};

subtest 'mdm-35: headers cannot stand in for TLS' => sub {
	my ($a, $b) = (mac(), mac());
	(my $pem = Attestmdm::Server::slurp($b->cert)) =~ s/([^A-Za-z0-9+\/=-])/sprintf('%%%02X', ord $1)/ge;
	my $body = Attestmdm::Device::plist(Status => 'Idle', UDID => $b->{udid});
	for my $name ('MDM_CLIENT_CERT', 'Mdm-Client-Cert', 'X-SSL-Client-Cert',
	    'X-Client-Cert', 'HTTP_MDM_CLIENT_CERT') {
		is($b->poll($body, signature => undef, cert => undef,
		    headers => { $name => $pem })->{status}, 400,
		    "$name has no effect");
	}
};

subtest 'mdm-36: a replayed result is answered, not stored twice' => sub {
	my $mac = mac();
	my $body = $mac->message('TokenUpdate');
	my $signature = $mac->signature($body);
	is($mac->checkin($body, signature => $signature)->{status}, 200, 'once');
	my $before = $mac->host;
	$t->server->clock(86400);
	is($mac->checkin($body, signature => $signature)->{status}, 200, 'a day later');
	my $after = $mac->host;
	delete $_->{last_seen_at} for $before, $after;
	is_deeply($after, $before, 'nothing changed');
	$t->server->clock(0);
};

subtest 'mdm-37: the certificate before' => sub {
	my $old = mac();
	is($old->checkin($old->message('SetBootstrapToken', BootstrapToken => \'b'))->{status}, 200,
	    'a bootstrap token');
	my $new = $old->again('certify');
	is($old->report('Idle')->{status}, 200, 'accepted until the new one is used');
	is($new->report('Idle')->{status}, 400, 'the new one cannot skip Authenticate');
	$t->refused($new->{serial}, 'command', 'MDM_CERTIFICATE');
	is($new->checkin($new->message('Authenticate'))->{status}, 200, 'it is used');
	is($old->report('Idle')->{status}, 400, 'refused from then on');
	$t->refused($old->{serial}, 'command', 'MDM_CERTIFICATE');
	is($old->checkin($old->message('Authenticate'))->{status}, 400, 'for Authenticate too');
	is($new->host->{generation}, 2, 'a new generation');
	is($new->host->{bootstrap_token}, '', 'without the old bootstrap token');
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'enrolled again');
};

subtest 'mdm-38: a blocked host and a revoked certificate' => sub {
	my $mac = mac();
	my $id = $t->db("SELECT id FROM certificates WHERE serial = '$mac->{serial}'")->[0]{id};
	my $r = $t->tool('cert', 'revoke', $id);
	is($r->{exit}, 0, 'revoked') or diag($r->{err});
	for my $answer ($mac->report('Idle'), $mac->checkin($mac->message('TokenUpdate')),
	    $mac->checkin($mac->message('Authenticate'))) {
		is($answer->{status}, 403, 'answered 403');
		is($answer->{headers}{'content-type'}, 'application/json', 'as JSON');
		is($t->json($answer)->{code}, 'com.apple.unrecognized.device', 'that unenrolls');
	}
	$t->refused($mac->{serial}, 'authenticate', 'MDM_BLOCKED');
	my $blocked = mac();
	$t->db("UPDATE hosts SET state = 'blocked', certificate_sha256 = NULL"
	    . " WHERE serial = '$blocked->{serial}'");
	is($blocked->report('Idle')->{status}, 403, 'a blocked host: 403');
	my $unproven = $blocked->poll(Attestmdm::Device::plist(Status => 'Idle',
	    UDID => $blocked->{udid}), signature => undef, cert => undef);
	is($unproven->{status}, 400, 'but only who proves to be it is told so');
	my $run = $t->sim('enroll', '--serial', $blocked->{serial}, '--udid', $blocked->{udid});
	is($run->{exit}, 3, 'it gets no profile');
	$t->refused($blocked->{serial}, 'profile', 'MDM_BLOCKED');
};

subtest 'mdm-39: an expired certificate' => sub {
	my $mac = mac();
	$t->server->clock(366 * 86400);
	is($mac->report('Idle')->{status}, 400, 'answered 400');
	$t->refused($mac->{serial}, 'command', 'MDM_CERTIFICATE');
	$t->server->clock(-7200);
	is($mac->report('Idle')->{status}, 400, 'before its time: 400');
	$t->server->clock(0);
	is($mac->report('Idle')->{status}, 200, 'in between: 200');
};

subtest 'mdm-41: Authenticate a hundred times' => sub {
	my $mac = mac();
	$mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \'keep me'));
	my $before = $mac->host;
	my $body = $mac->message('Authenticate');
	my $signature = $mac->signature($body);
	my $failed = 0;
	for (1 .. 100) {
		$failed++ if $mac->checkin($body, signature => $signature)->{status} != 200;
	}
	is($failed, 0, 'all answered');
	my $after = $mac->host;
	is($after->{$_}, $before->{$_}, "$_ is kept")
	    for qw(generation bootstrap_token push_token state hardware_attested enrolled_at);
};

subtest 'fleet-103: attested follows the certificate' => sub {
	my $mac = new_mac();
	$t->db("UPDATE certificates SET hardware_attested = 0 WHERE serial = '$mac->{serial}'");
	$mac->checkin($mac->message('Authenticate'));
	is($mac->host->{hardware_attested}, 0, 'not attested');
	my $again = $mac->again('enroll');
	is($again->host->{hardware_attested}, 1, 'attested with the next one');
};

subtest 'every way to cheat at check-in' => sub {
	for my $fault (qw(checkin-other-serial checkin-no-signature checkin-wrong-body
	    checkin-foreign-certificate checkin-other-device-tls checkin-wrong-topic
	    checkin-other-udid)) {
		my $serial = serial();
		my $run = $t->sim('enroll', '--serial', $serial, '--fault', $fault);
		is($run->{exit}, 3, "$fault is refused") or diag($run->{out}, $run->{err});
		my $host = $t->db("SELECT state FROM hosts WHERE serial = '$serial'")->[0];
		isnt($host && $host->{state}, 'enrolled', 'and not enrolled');
	}
};

$t->done;
