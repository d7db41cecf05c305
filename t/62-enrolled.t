#!/usr/bin/perl
# attestmdm over a server with devices: events, commands, revocation.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Test;

my $t = Attestmdm::Test->new(
    settings => { apple_require_hardware_attestation => 'true' });
my @mac = ('--product', 'Mac15,3', '--os-version', '15.1');
my $poll = $t->dir . '/mac';

$t->assign(map { "C02TEST0000$_" } 1 .. 3);
my $run = $t->sim('enroll', '--serial', 'C02TEST00001', @mac, '--state', $poll);
is($run->{exit}, 0, 'a Mac enrolls') or diag($run->{out}, $run->{err});

subtest 'each step that succeeds is a line in the journal' => sub {
	my %log = map { $_ => Attestmdm::Server::slurp($t->dir . "/$_.log") } @Attestmdm::Server::PROGRAMS;
	for (['profile-download', 'profile'], ['acme-challenge', 'challenge'], ['acme-finalize', 'finalize'],
	    ['mdm-checkin', 'authenticate']) {
		my ($program, $step) = @$_;
		like($log{$program}, qr/^<6>$program\[\d+\] \w+: $step of C02TEST00001: ok/m, "$program: $step, at info");
	}
};

subtest 'host show has what the admin needs' => sub {
	my $text = $t->tool_ok('host', 'show', 'C02TEST00001');
	like($text, qr/^MDM attestation: +Yes$/m, 'MDM attestation: Yes');
	like($text, qr/^System integrity: +enabled$/m, 'evidence');
	unlike($text, qr/^Apple's answer:/m, 'no answer to a push, which was never sent');
	my $doc = $t->tool_json('host', 'show', 'C02TEST00001');
	ok($doc->{mdm_enrollment_hardware_attested}, 'and in JSON');
	is($t->tool_json('host', 'show', $doc->{udid})->{serial}, 'C02TEST00001', 'found by UDID');
	is($t->tool_json('host', 'show', $doc->{id})->{serial}, 'C02TEST00001', 'found by id');
	is(scalar @{ $t->tool_json('host', 'list', '--attested')->{hosts} }, 1, 'listed as attested');
	is(scalar @{ $t->tool_json('host', 'list', '--not-attested')->{hosts} }, 0, 'and not as not');
	$t->change_db("UPDATE hosts SET state = 'pending'");
	unlike($t->tool_ok('host', 'show', 'C02TEST00001'), qr/^(MDM attestation|System integrity):/m, 'but not before it is enrolled');
	ok(!$_->{mdm_enrollment_hardware_attested}, 'nor in JSON')
	    for $t->tool_json('host', 'show', 'C02TEST00001'), @{ $t->tool_json('host', 'list')->{hosts} };
	$t->change_db("UPDATE hosts SET state = 'enrolled'");
};

subtest 'acme-231: the event log of a refused enrollment names the step' => sub {
	my $r = $t->sim('enroll', '--serial', 'C02TEST00002', @mac, '--fault', 'wrong-key-csr');
	is($r->{exit}, 3, 'refused');
	$t->refused('C02TEST00002', 'finalize', 'CSR_KEY');
	my $text = $t->tool_ok('enrollment', 'show', 'C02TEST00002');
	like($text, qr/ finalize +refused +CSR_KEY +the request's key is not/, 'shown to people');
	my $doc = $t->tool_json('enrollment', 'show', 'C02TEST00002');
	is($doc->{events}[-1]{code}, 'CSR_KEY', 'and to scripts');
	is($doc->{orders}[0]{status}, 'invalid', 'the order is invalid');
	my $id = $doc->{id};
	is($t->tool_json('enrollment', 'show', $id)->{serial}, 'C02TEST00002', 'found by id');
	is(scalar @{ $t->tool_json('cert', 'list', '--serial', 'C02TEST00002')->{certificates} },
	    0, 'there is no certificate');
};

subtest 'only who gets ACME orders' => sub {
	my $serial = 'C02INTEL0001';
	$t->assign($serial);
	is($t->sim('enroll', '--serial', $serial, '--product', 'MacBookPro16,1',
	    '--os-version', '13.6')->{exit}, 0, 'an Intel Mac enrolls');
	my $text = $t->tool_ok('enrollment', 'show', $serial);
	like($text, qr/^Method: +scep$/m, 'by SCEP');
	unlike($text, qr/ordered|ORDER/, 'nothing is said of orders');
	is_deeply($t->tool_json('enrollment', 'show', $serial)->{orders}, [], 'a script finds none');
	$t->assign('C02TEST00004');
	$t->sim('enroll', '--serial', 'C02TEST00004', @mac, '--fault', 'bad-nonce');
	like($t->tool_ok('enrollment', 'show', 'C02TEST00004'), qr/^State: +refused$/m, 'an open profile whose device was refused');
	like($t->tool_ok('enrollment', 'show', 'C02TEST00004'),
	    qr/^The device ordered nothing yet\.$/m, 'a Mac that did not get that far');
};

subtest 'a device that is not ours is seen as well' => sub {
	my $r = $t->sim('enroll', '--serial', 'C02XXXX00009', @mac);
	is($r->{exit}, 3, 'refused');
	like($t->tool_ok('enrollment', 'show', 'C02XXXX00009'),
	    qr/profile +refused +ENROLL_UNASSIGNED/, 'by serial number');
	like($r = $t->tool_ok('enrollment', 'show', 'C02XXXX00009'),
	    qr/^What to do:\nENROLL_UNASSIGNED: If the device is yours, assign it/m,
	    'with what to do');
	is(() = $r =~ /assign it to this/g, 1, 'once');
	like($t->tool_json('enrollment', 'show', 'C02XXXX00009')->{events}[0]{advice},
	    qr/^If the device is yours/, 'in JSON, too');
	like($t->tool_ok('enrollment', 'list', '--refused'),
	    qr/C02XXXX00009 +profile +refused +ENROLL_UNASSIGNED/, 'and in the list of refusals');
	my $list = $t->tool_json('enrollment', 'list', '--refused');
	ok(!$list->{enrollments}, 'which has no profiles');
	is((grep { $_->{outcome} eq 'ok' } @{ $list->{refusals} }), 0, 'and nothing that went well');
	ok($t->tool_json('enrollment', 'list', '--refused', '--limit', 1)->{next}, 'there is more');
};

subtest 'a command goes round' => sub {
	my $sent = $t->tool_json('command', 'send', 'C02TEST00001',
	    'DeviceInformation', '--query', 'DeviceName,OSVersion');
	is($t->sim('poll', '--state', $poll)->{exit}, 0, 'the Mac polls');
	my $doc = $t->tool_json('command', 'show', $sent->{uuid});
	is($doc->{state}, 'acknowledged', 'answered');
	like($doc->{plist}, qr{<string>OSVersion</string>\s*</array>}, 'with these queries alone');
	like($doc->{result}, qr{<key>OSVersion</key>\s*<string>15\.1</string>}, 'the answer is stored');
	like($t->tool_ok('command', 'show', $sent->{uuid}), qr{<string>15\.1</string>}, 'and shown');
	my $list = $t->tool_json('command', 'list', 'C02TEST00001');
	is($list->{commands}[0]{uuid}, $sent->{uuid}, 'listed');
};

subtest 'a command from a file' => sub {
	my $file = $t->dir . '/command.plist';
	my $uuid = '0B3D1B4C-6E0A-4C0E-9E3B-7C5D1F2A3B4C';
	my $head = qq{<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0">};
	Attestmdm::Server::spew($file, "$head<dict><key>Command</key><dict><key>RequestType</key><string>ProfileList</string></dict><key>CommandUUID</key><string>$uuid</string></dict></plist>");
	is($t->tool_json('command', 'send', 'C02TEST00001', '--file', $file)->{uuid}, $uuid, 'taken as it is');
	is($t->tool('command', 'send', 'C02TEST00001', '--file', $file)->{exit}, 4, 'twice');
	Attestmdm::Server::spew($file, "$head<dict></dict></plist>");
	is($t->tool('command', 'send', 'C02TEST00001', '--file', $file)->{exit}, 4, 'no command');
	is($t->tool('command', 'send', 'C02TEST00001')->{exit}, 2, 'nothing');
	is($t->tool('command', 'send', 'C02TEST00001', 'Device<x>')->{exit}, 4, 'no word');
	is($t->tool('command', 'send', 'C02NONE00000', 'ProfileList')->{exit}, 3, 'no host');
};

subtest 'acme-258: a revoked certificate is worth nothing any more' => sub {
	my $cert = $t->tool_json('cert', 'list', '--serial', 'C02TEST00001')->{certificates}[0];
	is($cert->{state}, 'current', 'in use');
	like($t->tool_ok('cert', 'show', $cert->{id}, '--pem'), qr/^-----BEGIN CERTIFICATE-----\n/, 'PEM');
	is($t->tool_json('cert', 'show', $cert->{sha256})->{id}, $cert->{id}, 'found by SHA-256');
	my $number = $t->tool_json('cert', 'show', $cert->{id})->{serial_number};
	is($t->tool_json('cert', 'show', $number)->{id}, $cert->{id}, 'found by serial number');
	is($t->tool('cert', 'revoke', $cert->{id}, '--reason', '7')->{exit}, 4, 'a reason that is none');
	my $before = $t->tool_json('crl')->{lists}[0];
	my $done = $t->tool_json('cert', 'revoke', $cert->{id}, '--reason', 'keyCompromise');
	ok($done->{crl_published}, 'revoked, and the list is published');
	is($t->tool('cert', 'revoke', $cert->{id})->{exit}, 4, 'once only');
	my ($after, $scep) = @{ $t->tool_json('crl')->{lists} };
	is($after->{revoked}, 1, 'it stands in the list');
	is("$scep->{number} $scep->{revoked}", '1 0', "the other CA's list stays as it is");
	cmp_ok($after->{number}, '>', $before->{number}, 'which has a higher number');
	is($t->sim('poll', '--state', $poll)->{exit}, 3, 'the Mac is refused');
	my $crl = $t->http(GET => '/crl/acme.crl');
	is($crl->{status}, 200, 'nginx serves the list');
	is($crl->{headers}{'content-type'}, 'application/pkix-crl', 'as what it is');
	Attestmdm::Server::spew($t->dir . '/fetched.crl', $crl->{body});
	my $text = $t->command('openssl', 'crl', '-inform', 'DER', '-in',
	    $t->dir . '/fetched.crl', '-noout', '-text', '-CAfile',
	    $t->server->state . '/acme-ca.pem');
	like($text->{err}, qr/verify OK/, 'openssl verifies it');
	like($text->{out}, qr/Serial Number: 0*\Q$number\E/i, 'and finds the certificate');
	my $activity = $t->db("SELECT * FROM activities WHERE action = 'cert.revoke'")->[0];
	is("$activity->{detail} $activity->{serial} $activity->{old_value} $activity->{new_value}",
	    "$cert->{id} C02TEST00001 current keyCompromise", 'the activity log knows');
};

subtest 'mdm-38: a blocked host is sent away, until it may come back' => sub {
	my ($serial, $state) = ('C02TEST00038', $t->dir . '/mac-38');
	my @mac = ('--serial', $serial, '--state', $state);
	$t->assign($serial);
	is($t->sim('enroll', @mac)->{exit}, 0, 'it enrolls');
	is($t->tool('host', 'unblock', $serial)->{exit}, 4, 'it is not blocked');
	is($t->tool('host', 'block', 'C02NOBODY001')->{exit}, 3, 'nobody to block');
	$t->tool_ok('host', 'block', $serial);
	my $poll = $t->sim('poll', '--state', $state);
	is($poll->{exit}, 3, 'its next contact is refused');
	like($poll->{out}, qr/HTTP 403/, 'with 403');
	like($poll->{out}, qr/com\.apple\.unrecognized\.device/, 'which makes it unenroll');
	is($t->sim('enroll', @mac)->{exit}, 3, 'nor does it get a profile');
	$t->refused($serial, 'profile', 'MDM_BLOCKED');
	$t->tool_ok('host', 'unblock', $serial);
	is($t->sim('enroll', @mac)->{exit}, 0, 'it enrolls again');
	my $actions = $t->db("SELECT action FROM activities WHERE serial = '$serial' AND action LIKE 'host.%block' ORDER BY id");
	is(join(' ', map { $_->{action} } @$actions), 'host.block host.unblock', 'the activity log knows');
};

subtest 'mdm-38: a profile that is out leads nowhere once its host is blocked' => sub {
	my $serial = 'C02TEST00039';
	$t->assign($serial);
	is($t->sim('enroll', '--serial', $serial, '--state', $t->dir . '/mac-39')->{exit}, 0, 'a host');
	my $device = $t->sim('enroll', '--serial', $serial, '--fault', 'wrong-key-csr');
	is($device->{exit}, 3, 'another profile of it stays open');
	$t->tool_ok('host', 'block', $serial);
	is($t->db("SELECT COUNT(*) AS n FROM enrollments WHERE serial = '$serial'
	    AND state = 'open'")->[0]{n}, 0, 'none is open any more');
};

subtest 'acme-283: what a device calls itself cannot write on the terminal' => sub {
	$t->change_db("UPDATE hosts SET device_name = char(27) || '[31mX' || char(10) || 'serial: Y' || char(155) || char(8238) || 'Z' || char(8232)");
	my $text = $t->tool_ok('host', 'list') . $t->tool_ok('host', 'show', 'C02TEST00001');
	my %out = (text => $text, json => $t->tool_ok('host', 'list', '--json'));
	unlike($out{$_}, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]/,
	    "$_: no control characters") for sort keys %out;
	like($text, qr/\\x1b\[31mX\\x0aserial: Y\\x9b\\u\{202e\}Z\\u\{2028\}/, 'they are escaped');
	like($out{json}, qr/\\u001b\[31mX\\nserial: Y\\u009b\\u202eZ\\u2028/, 'in JSON likewise');
};

subtest 'a revocation goes to the list of the CA that signed' => sub {
	$t->assign('C02SCEPLIST1');
	is($t->sim('enroll', '--serial', 'C02SCEPLIST1')->{exit}, 0, 'a device enrolls');
	my ($cert) = @{ $t->tool_json('cert', 'list', '--serial', 'C02SCEPLIST1')->{certificates} };
	my ($id) = $t->command('openssl', 'x509', '-in', $t->server->state . '/scep-ca.pem', '-noout',
	    '-ext', 'subjectKeyIdentifier')->{out} =~ /((?:[0-9A-F]{2}:){19}[0-9A-F]{2})/;
	$id =~ tr/://d;
	$t->change_db("UPDATE certificates SET issuer_key_id = x'$id' WHERE id = '$cert->{id}'");
	my @before = @{ $t->tool_json('crl')->{lists} };
	ok($t->tool_json('cert', 'revoke', $cert->{id})->{crl_published}, 'published');
	my @after = @{ $t->tool_json('crl')->{lists} };
	is($after[0]{number}, $before[0]{number}, 'not in that of the ACME CA');
	is($after[1]{revoked}, $before[1]{revoked} + 1, 'but in that of the SCEP CA');
};

subtest 'several certificates are revoked, all or none' => sub {
	my @serials = map { "C02MANYREV0$_" } 1 .. 3;
	$t->assign(@serials);
	$t->sim('enroll', '--serial', $_) for @serials;
	my @ids = map { $t->tool_json('cert', 'list', '--serial', $_)->{certificates}[0]{id} } @serials;
	my $revoked = sub {
		return $t->db("SELECT count(*) AS n FROM certificates WHERE state = 'revoked'"
		    . " AND serial LIKE 'C02MANYREV%'")->[0]{n};
	};
	my $before = $t->tool_json('crl')->{lists}[0];
	is($t->tool('cert', 'revoke', @ids, 'unknown')->{exit}, 3, 'one of them is unknown');
	is($t->tool('cert', 'revoke', @ids[0, 1, 0])->{exit}, 4, 'one of them stands there twice');
	is($revoked->(), 0, 'none is revoked');
	is($t->tool_json('crl')->{lists}[0]{number}, $before->{number}, 'no list is published');
	my $done = $t->tool_json('cert', 'revoke', @ids, '--reason', 'superseded');
	is_deeply($done->{ids}, \@ids, 'all are good: all are revoked');
	is($revoked->(), 3, 'in the database');
	my $after = $t->tool_json('crl')->{lists}[0];
	is($after->{revoked}, $before->{revoked} + 3, 'in the list');
	is($after->{number}, $before->{number} + 1, 'of which there is one more');
	is($t->db("SELECT count(*) AS n FROM activities WHERE action = 'cert.revoke'"
	    . " AND serial LIKE 'C02MANYREV%'")->[0]{n}, 3, 'each is on record');
};

$t->done;
