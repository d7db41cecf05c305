#!/usr/bin/perl
# Handing out enrollment profiles: who gets one, and what stands in it.
use strict;
use warnings;
use MIME::Base64 qw(encode_base64);
use Attestmdm::Acme;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $n = 0;

sub serial {
	my $serial = sprintf('C40TEST%05d', ++$n);
	$t->assign($serial);
	return $serial;
}

# Signed device information as bytes.
sub info {
	my ($serial, %o) = @_;
	my $file = $t->dir . '/info.' . ++$n;
	my @more = @{ delete $o{more} || [] };
	$t->make('machineinfo', '--serial', $serial, '-o', $file, @more,
	    map { ("--$_" => $o{$_}) } sort keys %o);
	return Attestmdm::Server::slurp($file);
}

sub post { $t->http(POST => '/enroll', body => $_[0],
    headers => { 'Content-Type' => 'application/pkcs7-signature' }) }
sub ask { my ($serial, %o) = @_; return post(info($serial, %o)) }

sub enrollments { scalar @{ $t->db("SELECT 1 FROM enrollments WHERE serial = '$_[0]'") } }

# Refused: status, code in the event log, nothing created, no secret in the reply.
sub refused {
	my ($r, $serial, $status, $code, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, $status, "$name: $status");
	unlike($r->{body}, qr{/acme/|PayloadType}, "$name: no profile in the reply");
	is(enrollments($serial), 0, "$name: nothing is created");
	$t->refused($serial, 'profile', $code, $name);
}

# Text values by key, wherever they stand.
sub texts {
	my ($body, $key) = @_;
	return $body =~ m{<key>\Q$key\E</key>\s*<(?:string|integer)>([^<]*)<}g;
}

subtest 'mdm-56, mdm-61: the profile of a Mac' => sub {
	my $serial = serial();
	my $r = ask($serial, product => 'Mac15,3', 'os-version' => '15.1');
	is($r->{status}, 200, 'answered 200');
	is($r->{headers}{'content-type'}, 'application/x-apple-aspen-config', 'its type');
	like($r->{headers}{'content-disposition'}, qr/filename=".+\.mobileconfig"/, 'its name');
	is($r->{headers}{'cache-control'}, 'no-store', 'not to be cached');
	is($r->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff');
	my $body = $r->{body};
	my $id = $t->db("SELECT id FROM enrollments WHERE serial = '$serial'")->[0]{id};
	is((texts($body, 'DirectoryURL'))[0], $t->url . "/acme/$id/directory", 'its directory');
	is($t->http(GET => "/acme/$id/directory")->{status}, 200, 'which exists');
	is((texts($body, 'ClientIdentifier'))[0], $serial, 'the serial number');
	is((texts($body, 'KeySize'))[0], 384, 'P-384');
	like($body, qr{<key>$_</key>\s*<true/>}, $_)
	    for qw(Attest HardwareBound SignMessage CheckOutWhenRemoved);
	my ($identity) = texts($body, 'IdentityCertificateUUID');
	ok((grep { $_ eq $identity } texts($body, 'PayloadUUID')), 'the identity is a payload');
	my %seen;
	is(scalar(grep { $seen{$_}++ } texts($body, 'PayloadUUID')), 0, 'no UUID twice');
	is((texts($body, 'ServerURL'))[0], $t->url . '/mdm/server', 'ServerURL');
	is((texts($body, 'CheckInURL'))[0], $t->url . '/mdm/checkin', 'CheckInURL');
	is((texts($body, 'Topic'))[0], $t->server->{topic}, 'Topic');
	is((texts($body, 'AccessRights'))[0], 8191, 'all rights');
	unlike($body, qr/com\.apple\.security\.scep/, 'no SCEP in it');
	my ($event) = @{ $t->events($serial) };
	is("$event->{step} $event->{outcome}", 'profile ok', 'the event log says so');
	like($event->{reason}, qr/Apple silicon/, 'and why');
};

sub setting { $t->tool_ok('setting', 'set', $_[0], $_[1], '--yes') }
sub method { $_[0] =~ /com\.apple\.security\.(acme|scep)/ ? $1 : 'none' }

subtest 'mdm-61, fleet-87, fleet-88, fleet-89, fleet-91, fleet-134: who gets what' => sub {
	for (['Mac15,3', '14.0', 'acme'], ['iPhone14,2', '18.1', 'acme'],
	    ['iPad8,1', '16.1', 'acme'], ['MacBookPro16,1', '15.1', 'scep'],
	    ['MacBookPro13,2', '12.7', 'scep'], ['VirtualMac2,1', '15.1', 'scep'],
	    ['iPad7,5', '17.7', 'scep'], ['Mac15,3', '13.6', 'scep']) {
		my ($product, $os, $method) = @$_;
		my $serial = serial();
		my @what = ($serial, product => $product, 'os-version' => $os);
		setting('apple_business_enrollments_only', 'true');
		if ($method eq 'acme') {
			is(method(ask(@what)->{body}), 'acme', 'with both settings, too');
		} else {
			my $other = serial();
			refused(ask($other, @what[1 .. 4]), $other, 403, 'ENROLL_METHOD',
			    "$product with both settings");
		}
		setting('apple_hardware_attestation_devices', 'all');
		is(method(ask(@what)->{body}), $method eq 'acme' ? 'acme' : 'none', 'whatever the choice');
		setting('apple_business_enrollments_only', 'false');
		is(method(ask(@what)->{body}), $method, "iPhones and iPads too: $method");
		setting('apple_hardware_attestation_devices', 'macs');
		my $of_macs = $product =~ /^Mac/ ? $method : 'scep';
		is(method(ask(@what)->{body}), $of_macs, "of Macs only: $of_macs");
		setting('apple_business_enrollments_only', 'true');
		setting('apple_require_hardware_attestation', 'false');
		is(method(ask(@what)->{body}), 'scep', 'Apple Business only: scep');
		setting('apple_business_enrollments_only', 'false');
		is(method(ask(@what)->{body}), 'scep', 'no setting: scep');
		setting('apple_require_hardware_attestation', 'true');
	}
};

subtest 'fleet-119: a SCEP profile can replace an ACME profile' => sub {
	my $serial = serial();
	my $acme = ask($serial)->{body};
	my $scep = ask($serial, product => 'MacBookPro16,1')->{body};
	is(method($acme), 'acme', 'one');
	is(method($scep), 'scep', 'and the other');
	for my $key (qw(PayloadUUID PayloadIdentifier ServerURL CheckInURL Topic AccessRights)) {
		is_deeply([texts($scep, $key)], [texts($acme, $key)], "the same $key");
	}
	is((texts($scep, 'URL'))[0], $t->url . '/scep', 'the URL has no query');
	is((texts($scep, 'Keysize'))[0], 2048, 'the key is not of 1024 bits');
	is_deeply([texts($scep, 'Key Type')], ['RSA'], 'mdm-56: its type, spelled with a space');
	is_deeply([texts($scep, 'Key Usage')], [5], 'mdm-56: it signs and deciphers');
	unlike($scep, qr/KeyType|KeyUsage|KeySize/, 'mdm-56: as no ACME payload spells it');
	my ($challenge) = texts($scep, 'Challenge');
	like($challenge, qr/^[A-Za-z0-9]{32}$/, 'a challenge');
	isnt((texts(ask($serial, product => 'MacBookPro16,1')->{body}, 'Challenge'))[0],
	    $challenge, 'mdm-72: each profile has its own');
	my $digest = $t->command('openssl', 'x509', '-noout', '-fingerprint', '-sha256',
	    '-in', $t->server->state . '/scep-ca.pem')->{out};
	$digest =~ s/.*=|[:\s]//g;
	my ($print) = $scep =~ m{<key>CAFingerprint</key>\s*<data>([^<]+)</data>};
	is(uc unpack('H*', MIME::Base64::decode_base64($print)), $digest,
	    'the fingerprint of the CA');
	my $dump = $t->fingerprint;
	unlike($dump, qr/$challenge/, 'the challenge itself is not stored');
};

subtest 'what is known to be Apple silicon gets no SCEP by what it says' => sub {
	my $serial = serial();
	my $file = $t->dir . '/silicon.csv';
	Attestmdm::Server::spew($file, "serial_number,model\n$serial,MacBook Pro (M3)\n");
	$t->tool_ok('ade', 'import', $file);
	refused(ask($serial, product => 'MacBookPro16,1'), $serial, 403, 'ENROLL_DOWNGRADE',
	    'an Intel Mac, it says');
	is(method(ask($serial)->{body}), 'acme', 'as what it is, it enrolls');
};

subtest 'mdm-59: an organization with <, & and quotes' => sub {
	my $other = Attestmdm::Test->new(organization => 'Tom & Jerry <"GmbH">');
	$other->assign('C40ORG000001');
	my $file = $other->dir . '/info';
	$other->make('machineinfo', '--serial', 'C40ORG000001', '-o', $file);
	my $r = $other->http(POST => '/enroll', body => Attestmdm::Server::slurp($file));
	is($r->{status}, 200, 'answered 200');
	my ($name) = texts($r->{body}, 'PayloadOrganization');
	like($name, qr/^Tom &amp; Jerry &lt;["&]/, 'escaped');
	Attestmdm::Server::spew("$file.plist", $r->{body});
	my $lint = $other->command('xmllint', '--noout', "$file.plist");
	is($lint->{exit}, 0, 'the profile is XML') if $lint->{exit} != 127;
};

sub event_rows { $t->db('SELECT count(*) AS n FROM events')->[0]{n} }

subtest 'mdm-60: looking is not asking' => sub {
	my $serial = serial();
	my $header = { 'x-apple-aspen-deviceinfo' => encode_base64(info($serial), '') };
	is($t->http(HEAD => '/enroll', headers => $header)->{status}, 405, 'HEAD');
	my ($log, $rows) = ($t->dir . '/profile-download.log', event_rows());
	my $before = length Attestmdm::Server::slurp($log);
	is($t->http(GET => '/enroll')->{status}, 400, 'GET without device information');
	like(substr(Attestmdm::Server::slurp($log), $before),
	    qr/^<[345]>.*the request carries no device information/m, 'fleet-94: is logged');
	is(event_rows(), $rows, 'and leaves no row');
	is($t->http(PUT => '/enroll', body => 'x')->{status}, 405, 'PUT');
	is(enrollments($serial), 0, 'nothing is created');
	is($t->http(GET => '/enroll', headers => $header)->{status}, 200, 'GET with it');
	is(enrollments($serial), 1, 'one enrollment');
};

subtest 'mdm-62: a device that asks by header enrolls' => sub {
	my $serial = serial();
	my $run = $t->sim('enroll', '--serial', $serial, '--fault', 'deviceinfo-header');
	is($run->{exit}, 0, 'enrolled') or diag($run->{out}, $run->{err});
	is(enrollments($serial), 1, 'one enrollment');
	my $good = encode_base64(info(serial()), '');
	for my $bad ("$good, $good", [$good, $good], "$good\@", substr($good, 0, 1001), 'AAAA') {
		my $r = $t->http(GET => '/enroll', headers => { 'x-apple-aspen-deviceinfo' => $bad });
		is($r->{status}, 400, 'a header that is none: 400');
	}
	is($t->http(GET => "/enroll?deviceinfo=$good")->{status}, 400, 'not in the query');
};

subtest 'mdm-63, fleet-94: device information that Apple did not sign' => sub {
	for my $fault (qw(machineinfo-foreign-ca machineinfo-tampered machineinfo-no-serial
	    machineinfo-unsigned machineinfo-no-certificates machineinfo-self-signed)) {
		my $serial = serial();
		my $before = $t->fingerprint;
		my $run = $t->sim('enroll', '--serial', $serial, '--fault', $fault);
		is($run->{exit}, 3, "$fault is refused") or diag($run->{out}, $run->{err});
		like($run->{out} . $run->{err}, qr/refused at profile/, "$fault: at this step");
		is($t->fingerprint, $before, "$fault: no change");
		my $last = $t->db("SELECT * FROM events WHERE serial IN ('', '$serial') ORDER BY id DESC LIMIT 1")->[0];
		like($last->{code}, qr/^ENROLL_(SIGNATURE|MACHINEINFO)$/, "$fault: the event log says $last->{code}");
		ok(length $last->{reason}, "$fault: with a reason");
		next if $fault !~ /foreign|self-signed/;
		is($last->{serial}, '', "$fault: of nobody known");
		like($last->{reason}, qr/"$serial"/, "$fault: which names the claimed number");
		like($t->tool_ok('enrollment', 'list', '--refused'), qr/$serial/,
		    "$fault: the administrator finds it");
	}
	for my $body ('hello', "\x30\x80" x 20000, "\x30\x84\x04\x00\x00\x00\x06\x09",
	    substr(info(serial()), 0, 500)) {
		is(post($body)->{status}, 400, 'no CMS: 400');
	}
	my $rows = event_rows();
	is(post('')->{status}, 400, 'empty: 400');
	is(event_rows(), $rows + 1, 'empty: one row');
	my $empty = $t->db('SELECT * FROM events ORDER BY id DESC LIMIT 1')->[0];
	is("$empty->{step} $empty->{outcome} $empty->{code}", 'profile refused ENROLL_MACHINEINFO',
	    'empty: in the event log');
	is($empty->{reason}, 'the request carries no device information', 'empty: and why');
	is(post('x' x 70000)->{status}, 413, '70 kB: 413');
	is($t->db('SELECT code FROM events ORDER BY id DESC LIMIT 1')->[0]{code}, 'TOO_LARGE',
	    '70 kB: in the event log');
	my $ca = $t->server->apple;
	my ($key) = grep { -e } map { "$ca/$_" } qw(device-ca.key device-ca-key.pem);
	SKIP: {
		skip 'no key of the device CA at hand', 1 if !$key;
		my $file = $t->dir . '/ca-signed';
		Attestmdm::Server::spew("$file.plist", Attestmdm::Device::plist(
		    SERIAL => serial(), UDID => 'AA', PRODUCT => 'Mac15,3'));
		my $b64 = $t->make('mdm-signature', '--attached', '--key', $key,
		    '--cert', "$ca/device-ca.pem", '--body', "$file.plist");
		is(post(MIME::Base64::decode_base64($b64))->{status}, 403, 'signed by the CA itself');
	}
	is(ask(serial(), more => ['--fault', 'machineinfo-attributes'])->{status}, 200,
	    'with signed attributes, as iPads do, it is fine');
};

subtest 'mdm-64, fleet-100: serial numbers that are not ours' => sub {
	refused(ask('C40STRANGER1'), 'C40STRANGER1', 403, 'ENROLL_UNASSIGNED', 'never assigned');
	my $serial = serial();
	$t->db("UPDATE ade_devices SET removed_at = 1 WHERE serial = '$serial'");
	refused(ask($serial), $serial, 403, 'ENROLL_UNASSIGNED', 'taken away');
	like($t->events($serial)->[-1]{reason}, qr/no longer assigned/, 'and the event log says which');
};

subtest 'mdm-65: an enrolled serial number from another device' => sub {
	my $serial = serial();
	my $mac = Attestmdm::Device->enroll($t, $serial);
	my $before = $mac->host;
	my $r = ask($serial, udid => '99999999-0000-4000-8000-000000000000');
	is($r->{status}, 403, 'answered 403');
	$t->refused($serial, 'profile', 'ENROLL_OTHER_DEVICE');
	is($t->db("SELECT pool FROM events WHERE code = 'ENROLL_OTHER_DEVICE'")->[0]{pool}, 'signed',
	    'kept apart from what others claim');
	is_deeply($mac->host, $before, 'the host is untouched');
	is(ask($serial, udid => $mac->{udid})->{status}, 200, 'the device itself may enroll again');
};

subtest 'mdm-66: SHA-1 and old certificates in device information only' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial());
	my $apple = $t->server->apple;
	my $body = $mac->message('CheckOut');
	Attestmdm::Server::spew("$mac->{state}/body", $body);
	my ($key) = grep { -e } "$mac->{state}/software.key";
	my $r = $mac->checkin($body, signature => encode_base64(info($mac->{serial}), ''));
	is($r->{status}, 400, 'signed device information is no Mdm-Signature');
	is($mac->host->{state}, 'enrolled', 'no change');
};

subtest 'field-6, mdm-67, mdm-68, fleet-99: a minimum system version' => sub {
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', '15.2');
	my $serial = serial();
	my $r = ask($serial, 'os-version' => '15.1');
	refused($r, $serial, 403, 'ENROLL_OS_TOO_OLD', 'too old');
	my ($told) = grep { $_->{code} eq 'ENROLL_OS_TOO_OLD' } @{ $t->events($serial) };
	like($told->{reason}, qr/15\.1\b.*15\.2\b|15\.2\b.*15\.1\b/, 'the event log has the version that it has and the one wanted');
	is($r->{headers}{'content-type'}, 'application/json', 'JSON');
	my $json = $t->json($r);
	is($json->{code}, 'com.apple.softwareupdate.required', 'the code for Setup Assistant');
	is($json->{details}{OSVersion}, '15.2', 'the version');
	is(ask($serial, 'os-version' => '15.10')->{status}, 200, '15.10 is newer than 15.2');
	is(ask($serial, 'os-version' => '15.2')->{status}, 200, '15.2 is enough');
	is(ask($serial, product => 'iPhone14,2', 'os-version' => '15.1')->{status}, 200,
	    'an iPhone does not have the minimum of Macs');
	$t->tool_ok('setting', 'set', 'minimum_os_version_ios', '15.2');
	my $phone = serial();
	refused(ask($phone, product => 'iPhone14,2', 'os-version' => '15.1'), $phone, 403,
	    'ENROLL_OS_TOO_OLD', 'it has its own');
	$t->tool_ok('setting', 'set', 'minimum_os_version_ios', '');
	is(ask($serial, 'os-version' => '14.0', more => ['--cannot-update'])->{status}, 200,
	    'a device that cannot update is not held');
	my @must = (more => ['--cannot-update', '--must-update']);
	my $new = serial();
	$r = ask($new, 'os-version' => '15.1', @must);
	refused($r, $new, 403, 'ENROLL_OS_TOO_OLD', 'one that has to update is told');
	is($t->json($r)->{details}{OSVersion}, '15.2', 'to which version');
	is(ask($new, 'os-version' => '15.2', @must)->{status}, 200, 'unless it has that');
	refused(ask('C40STRANGER2', 'os-version' => '14.0'), 'C40STRANGER2', 403,
	    'ENROLL_UNASSIGNED', "an unassigned device's version does not matter");
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', '');
	is(ask($new, 'os-version' => '15.1', @must)->{status}, 200, 'or nobody chose a version');
};

subtest 'mdm-69: strange products' => sub {
	for my $product ('Mac', 'MacBookPro17', 'VirtualMac', 'Toaster1,1', 'M' x 1000) {
		my $serial = serial();
		my $r = ask($serial, product => $product);
		is(method($r->{body}), 'scep', substr($product, 0, 20) . ': scep');
		like($t->events($serial)->[-1]{reason}, qr/unknown kind/, 'an unknown kind of device');
	}
	is(ask(serial(), product => 'Mac99,1')->{status}, 200, 'a future Mac');
	like(Attestmdm::Server::slurp($t->dir . '/profile-download.log'),
	    qr/<4>.*of an unknown product: "Toaster1,1"/, 'and a warning about the unknown ones');
};

subtest 'mdm-70: a header of 40 kB' => sub {
	my $r = $t->http(GET => '/enroll', headers => { 'x-apple-aspen-deviceinfo' => 'A' x 40960 });
	like($r->{status}, qr/^(400|413|431)$/, "refused by nginx: $r->{status}");
	is(ask(serial())->{status}, 200, 'the service lives on');
};

subtest 'fleet-97: the same device asks twice' => sub {
	my $serial = serial();
	my @ids = map { (texts(ask($serial)->{body}, 'DirectoryURL'))[0] =~ m{/acme/([^/]+)/} } 1, 2;
	isnt($ids[0], $ids[1], 'two directories');
	is($t->http(GET => "/acme/$_/directory")->{status}, 200, 'both exist') for @ids;
	my ($one, $two) = map { Attestmdm::Acme->new($t, $serial, enrollment => $_) } @ids;
	my $order = $one->order;
	$two->account;
	(my $moved = $one->{kid}) =~ s/\Q$ids[0]\E/$ids[1]/;
	for my $kid ($one->{kid}, $moved) {
		my $crossed = Attestmdm::Acme->new($t, $serial, enrollment => $ids[1],
		    key => $one->{key}, kid => $kid);
		my $r = $crossed->post('new-order', { identifiers => $one->identifiers });
		$one->problem($r, 400, 'accountDoesNotExist',
		    'the account of one orders nothing in the other');
	}
	my $r = $two->get($order->{url});
	$two->problem($r, 400, 'accountDoesNotExist', 'nor reads what stands in it');
	delete $two->{nonce};
	is($two->post('new-order', { identifiers => $two->identifiers })->{status}, 201,
	    'each orders in its own');
	is($one->get($order->{url})->{status}, 200, 'and reads it');
};

subtest 'fleet-98: the profile on another device' => sub {
	my $serial = serial();
	my $run = $t->sim('enroll', '--serial', $serial, '--fault', 'wrong-serial');
	is($run->{exit}, 3, 'its attestation names another serial number');
	$t->refused($serial, 'challenge', 'ATT_IDENTITY');
};

subtest 'a serial number that attested is never downgraded' => sub {
	my $serial = serial();
	my $mac = Attestmdm::Device->enroll($t, $serial);
	my $r = ask($serial, udid => $mac->{udid}, product => 'MacBookPro16,1');
	is($r->{status}, 403, 'it gets no profile');
	$t->refused($serial, 'profile', 'ENROLL_DOWNGRADE');
	my @rows = @{ $t->events($serial) };
	like($rows[-1]{reason}, qr/attested before/, 'and the event log says why');
	my $alarms = sub {
		return map { $_->{kind} } grep { $_->{serial} eq $serial } @{ $t->tool_json('alarms')->{alarms} };
	};
	is(join(' ', $alarms->()), 'downgrade-refused', 'and there is an alarm');
	is(method(ask($serial, udid => $mac->{udid})->{body}), 'acme', 'as what it is it may');
	is(join(' ', $alarms->()), 'downgrade-refused', 'the alarm waits until it has attested');
	Attestmdm::Device->enroll($t, $serial);
	is(join(' ', $alarms->()), '', 'and is closed then');
};

subtest 'open enrollments do not pile up' => sub {
	my $serial = serial();
	my $body = info($serial);
	post($body) for 1 .. 22;
	is($t->db("SELECT count(*) AS n FROM enrollments WHERE serial = '$serial'"
	    . " AND state = 'open'")->[0]{n}, 20, 'twenty at most');
};

subtest 'mdm-56: signed profiles, with the CA of the server' => sub {
	my $dir = $t->dir;
	$t->make('key', "$dir/signer.key", '--curve', 'P-256');
	$t->make('certificate', '--key', "$dir/signer.key", '--subject', '/CN=Signer',
	    '-o', "$dir/signer.pem");
	chmod(0600, "$dir/signer.key");
	$t->server->set_conf('profile.signing_key', "$dir/signer.key");
	$t->server->set_conf('profile.signing_certificate', "$dir/signer.pem");
	$t->server->set_conf('profile.server_ca', $t->server->cacert);
	$t->server->restart('profile-download');
	my $r = ask(serial());
	is($r->{status}, 200, 'answered 200');
	Attestmdm::Server::spew("$dir/signed", $r->{body});
	my $v = $t->command('openssl', 'cms', '-verify', '-inform', 'DER', '-in', "$dir/signed",
	    '-CAfile', "$dir/signer.pem", '-purpose', 'any', '-out', "$dir/plain");
	is($v->{exit}, 0, 'OpenSSL verifies it') or diag($v->{err});
	my $plain = Attestmdm::Server::slurp("$dir/plain");
	like($plain, qr/com\.apple\.security\.root/, 'the CA is in it');
	my $run = $t->sim('enroll', '--serial', serial());
	is($run->{exit}, 0, 'a Mac enrolls with it') or diag($run->{out}, $run->{err});
};

$t->done;
