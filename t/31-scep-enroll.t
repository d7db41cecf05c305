#!/usr/bin/perl
# A device that cannot attest: profile, certificate by SCEP, check-in. The
# certificate is fetched by somebody else's client, hence the older ciphers.
use strict;
use warnings;
use POSIX ();
use Attestmdm::Admin;
use Attestmdm::Device;
use Attestmdm::Test;

plan skip_all => 'scep is not installed' if !Attestmdm::Test::installed('scepclient');

my $t = Attestmdm::Test->new(older => 1);
my $n = 0;

sub setting { $t->tool_ok('setting', 'set', $_[0], $_[1], '--yes') }

# An Intel Mac with its profile: { serial, udid, state, challenge }.
sub intel {
	my $serial = sprintf('C31TEST%05d', ++$n);
	my $mac = Attestmdm::Device->begin($t, $serial);
	my $file = $t->dir . '/info';
	$t->assign($serial);
	$t->make('machineinfo', '--serial', $serial, '--udid', $mac->{udid},
	    '--product', 'MacBookPro16,1', '--os-version', '13.6', '-o', $file);
	my $r = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file));
	($mac->{challenge}) = $r->{body} =~ m{<key>Challenge</key>\s*<string>([^<]+)<}
	    or die "no SCEP profile: $r->{status} $r->{body}";
	return $mac;
}

# Its certificate; false when the server refuses.
sub certify { $_[0]->scepclient($_[0]{challenge}) }

sub refused_at_authenticate {
	my ($mac, $status, $code, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($mac->checkin($mac->message('Authenticate'))->{status}, $status, "$name: $status");
	$t->refused($mac->{serial}, 'authenticate', $code, $name);
}

subtest 'fleet-89, fleet-102: an Intel Mac enrolls, not attested' => sub {
	my $mac = intel();
	ok(certify($mac), 'it gets a certificate');
	is($mac->checkin($mac->message('Authenticate'))->{status}, 200, 'Authenticate');
	is($mac->checkin($mac->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
	is($mac->host->{state}, 'enrolled', 'enrolled');
	is($mac->host->{hardware_attested}, 0, 'not attested');
	is($mac->report('Idle')->{status}, 200, 'and asks for commands');
	my $shown = $t->tool_json('host', 'show', $mac->{serial});
	ok(!$shown->{mdm_enrollment_hardware_attested}, 'the tool says so');
	my $admin = Attestmdm::Admin->new($t);
	$admin->sign_in;
	my $page = $admin->get("/admin/hosts/" . $mac->host->{id});
	is($page->{status}, 200, 'its page');
	unlike($page->{body}, qr/MDM attestation/, 'fleet-102: has no such row');
	my ($step) = grep { $_->{step} eq 'scep' } @{ $t->events($mac->{serial}) };
	is($step->{outcome}, 'ok', 'the event log has the certificate');
};

subtest 'mdm-78, fleet-146: nothing of the request but its key' => sub {
	my $mac = intel();
	ok(certify($mac), 'a certificate');
	my $text = $t->command('openssl', 'x509', '-in', $mac->cert, '-noout', '-text')->{out};
	unlike($text, qr/scepclient|scep-client/, "not the client's names");
	my $id = $t->db("SELECT id FROM enrollments WHERE serial = '$mac->{serial}'")->[0]{id};
	like($text, qr/Subject:.*CN ?= ?\Q$id\E/, "the enrollment's");
	like($text, qr/CA:FALSE/, 'no CA');
	like($text, qr/Digital Signature, Key Encipherment/, 'its usages');
	like($text, qr/TLS Web Client Authentication/, 'and purpose');
};

subtest 'fleet-141: SCEP binds both serial number and UDID' => sub {
	my $mac = intel();
	ok(certify($mac), 'a certificate');
	my $udid = $mac->{udid};
	$mac->{udid} = 'FFFFFFFF-0000-4000-8000-000000000000';
	refused_at_authenticate($mac, 400, 'MDM_DEVICE', 'another UDID');
	$mac->{udid} = $udid;
	is($mac->checkin($mac->message('Authenticate', SerialNumber => 'C31OTHER0001'))->{status},
	    400, 'another serial number');
	is($mac->checkin($mac->message('Authenticate'))->{status}, 200, 'the right ones');
};

subtest 'mdm-75, fleet-140: a repeated request gets the same certificate' => sub {
	my $mac = intel();
	ok(certify($mac), 'a certificate');
	my $first = Attestmdm::Server::slurp($mac->cert);
	unlink $mac->cert;
	ok(certify($mac), 'asked once more');
	is(Attestmdm::Server::slurp($mac->cert), $first, 'the same');
	is(scalar(@{ $t->db("SELECT 1 FROM certificates WHERE serial = '$mac->{serial}'") }), 1,
	    'there is one');
	my ($again) = grep { $_->{step} eq 'scep-again' } @{ $t->events($mac->{serial}) };
	is($again->{outcome}, 'ok', 'the event log says it apart');
	unlink $mac->cert;
	$t->server->clock(601);
	ok(!certify($mac), 'ten minutes later the challenge is used up');
	$t->refused($mac->{serial}, 'scep', 'SCEP_CHALLENGE', 'used up');
	$t->server->clock(0);
};

subtest 'mdm-79: a key serves once' => sub {
	my $mac = intel();
	ok(certify($mac), 'a certificate');
	my $other = intel();
	mkdir $other->{state};
	Attestmdm::Server::spew("$other->{state}/rsa.key",
	    Attestmdm::Server::slurp("$mac->{state}/rsa.key"));
	ok(!certify($other), 'none for the same key');
	$t->refused($other->{serial}, 'scep', 'SCEP_REQUEST', 'the same key');
};

subtest 'mdm-77: two requests with one challenge at once' => sub {
	my @macs = (intel());
	push @macs, bless { %{ $macs[0] }, state => $macs[0]{state} . '-2' }, ref $macs[0];
	my @pids = map {
		my $mac = $_;
		my $pid = fork() // die "fork: $!";
		POSIX::_exit(certify($mac) ? 0 : 1) if !$pid;
		$pid;
	} @macs;
	my @got = map { waitpid($_, 0); $? == 0 ? 1 : 0 } @pids;
	is($got[0] + $got[1], 1, 'one of them gets a certificate');
	is(scalar(@{ $t->db("SELECT 1 FROM certificates WHERE serial = '$macs[0]{serial}'") }), 1,
	    'and there is one');
};

subtest 'mdm-76, fleet-140: challenges that are over' => sub {
	my $mac = intel();
	$t->server->clock(25 * 3600);
	ok(!certify($mac), 'expired');
	$t->refused($mac->{serial}, 'scep', 'SCEP_CHALLENGE', 'expired');
	$t->server->clock(0);
	my $wrong = intel();
	$wrong->{challenge} = 'A' x 32;
	ok(!certify($wrong), 'unknown');
	my $last = $t->db("SELECT * FROM events WHERE step = 'scep' ORDER BY id DESC LIMIT 1")->[0];
	is("$last->{code} $last->{serial}", 'SCEP_CHALLENGE ', 'a refusal of nobody known');
	is(scalar(@{ $t->db("SELECT 1 FROM certificates WHERE serial = '$wrong->{serial}'") }),
	    0, 'and no certificate');
};

subtest 'an enrollment makes an end of the others of its device' => sub {
	my $mac = intel();
	my $info = Attestmdm::Server::slurp($t->dir . '/info');
	my ($unused) = $t->http(POST => '/enroll', body => $info)->{body}
	    =~ m{<key>Challenge</key>\s*<string>([^<]+)<};
	my $other = bless { %$mac, state => "$mac->{state}-other", challenge => $unused }, ref $mac;
	ok(certify($mac), 'a certificate');
	is($mac->checkin($mac->message('Authenticate'))->{status}, 200, 'Authenticate');
	is($mac->checkin($mac->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
	is_deeply([map { $_->{state} } @{ $t->db("SELECT state FROM enrollments"
	    . " WHERE serial = '$mac->{serial}' ORDER BY state") }], ['enrolled', 'revoked'],
	    'the other profile is void');
	ok(!certify($other), 'and its challenge with it');
	my ($last) = reverse @{ $t->events($mac->{serial}) };
	is("$last->{step} $last->{outcome}", 'scep refused', 'which its event log tells');
	is($mac->report('Idle')->{status}, 200, 'the host is not hurt');
};

subtest 'a serial number that was taken away gets no certificate' => sub {
	my $mac = intel();
	$t->tool_ok('ade', 'remove', $mac->{serial});
	ok(!certify($mac), 'refused');
	$t->refused($mac->{serial}, 'scep', 'ENROLL_UNASSIGNED', 'taken away');
};

subtest 'fleet-136, fleet-137: attested devices only' => sub {
	my $early = intel();
	my $late = intel();
	ok(certify($early), 'a certificate before the setting');
	setting('apple_business_enrollments_only', 'true');
	refused_at_authenticate($early, 400, 'ENROLL_METHOD', 'with both settings');
	ok(!certify($late), 'PKIOperation is refused');
	$t->refused($late->{serial}, 'scep', 'ENROLL_METHOD', 'with both settings');
	is($t->http(GET => '/scep?operation=GetCACaps')->{status}, 200, 'GetCACaps answers');
	is($t->http(GET => '/scep?operation=GetCACert')->{status}, 200, 'GetCACert answers');
	setting('apple_require_hardware_attestation', 'false');
	ok(certify($late), 'Apple Business only: assigned devices get one');
	$t->tool_ok('ade', 'remove', $early->{serial});
	refused_at_authenticate($early, 400, 'ENROLL_UNASSIGNED', 'not assigned any more');
	setting('apple_business_enrollments_only', 'false');
	setting('apple_require_hardware_attestation', 'true');
};

subtest 'mdm-73, mdm-82: what else is asked' => sub {
	my $caps = $t->http(GET => '/scep?operation=GetCACaps&message=x');
	is($caps->{headers}{'content-type'}, 'text/plain', 'GetCACaps is text');
	unlike($caps->{body}, qr/\r|\n\z/, 'LF between the lines only');
	ok((grep { $_ eq 'POSTPKIOperation' } split(/\n/, $caps->{body})), 'POST is offered');
	my $ca = $t->http(GET => '/scep?operation=GetCACert&message=x');
	is($ca->{headers}{'content-type'}, 'application/x-x509-ca-cert', 'GetCACert');
	is($t->http(HEAD => '/scep?operation=GetCACert')->{status}, 200, 'HEAD');
	for ('', '?operation=GetNextCACert', '?operation=', '?Operation=GetCACert') {
		is($t->http(GET => "/scep$_")->{status}, 400, "\"$_\": 400");
	}
	is($t->http(PUT => '/scep?operation=PKIOperation', body => 'x')->{status}, 405, 'PUT');
	is($t->http(HEAD => '/scep?operation=PKIOperation&message=AA')->{status}, 405,
	    'HEAD uses no message up');
	is($t->http(POST => '/scep?operation=PKIOperation', body => $_)->{status}, 400,
	    'no message: 400') for '', 'x', "\x30\x80" x 30000;
	is($t->http(POST => '/scep?operation=PKIOperation', body => 'x' x 65537)->{status}, 413,
	    'over 64 KiB: 413');
	is($t->http(GET => '/scep?operation=PKIOperation&message=%zz')->{status}, 400,
	    'no base64: 400');
};

# Messages of our own, from openssl: SignedData without the SCEP attributes.
subtest 'mdm-80, mdm-85: a refusal is a CertRep without content' => sub {
	my $dir = $t->dir;
	my $ca = $t->server->state . '/scep-ca.pem';
	$t->command('openssl', 'req', '-x509', '-newkey', @{ $_->[1] }, '-nodes', '-subj', '/CN=x',
	    '-keyout', "$dir/$_->[0].key", '-out', "$dir/$_->[0].pem")
	    for ['rsa', ['rsa:2048']], ['ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']];
	Attestmdm::Server::spew("$dir/text", 'no request');
	$t->command('openssl', 'cms', '-encrypt', '-binary', '-in', "$dir/text", '-aes128',
	    '-outform', 'DER', '-out', "$dir/env.der", $ca);
	for (['with attributes, none of SCEP', 2, '-nodetach'],
	    ['no attributes', 1, '-nodetach', '-noattr'], ['MD5', 0, '-nodetach', '-md', 'md5'],
	    ['no content', 1], ['no certificate', 1, '-nodetach', '-nocerts'],
	    ['EC key', 0, '-nodetach']) {
		my ($name, $info, @options) = @$_;
		my $signer = $name eq 'EC key' ? "$dir/ec" : "$dir/rsa";
		$t->command('openssl', 'cms', '-sign', '-binary', '-in',
		    "$dir/env.der", '-signer', "$signer.pem", '-inkey', "$signer.key",
		    '-outform', 'DER', '-out', "$dir/msg.der", @options);
		my $r = $t->http(POST => '/scep?operation=PKIOperation',
		    body => Attestmdm::Server::slurp("$dir/msg.der"));
		is($r->{status}, 200, "$name: 200");
		is($r->{headers}{'content-type'}, 'application/x-pki-message', 'a message');
		Attestmdm::Server::spew("$dir/reply.der", $r->{body});
		Attestmdm::Server::spew("$dir/empty", '');
		my $v = $t->command('openssl', 'cms', '-verify', '-inform', 'DER', '-in',
		    "$dir/reply.der", '-content', "$dir/empty", '-binary', '-CAfile', $ca,
		    '-purpose', 'any', '-out', '/dev/null');
		is($v->{exit}, 0, 'openssl verifies it') or diag($v->{err});
		my $print = $t->command('openssl', 'cms', '-cmsout', '-print', '-inform', 'DER',
		    '-in', "$dir/reply.der")->{out};
		my ($got) = $print =~ /2\.16\.840\.1\.113733\.1\.9\.4.*?PRINTABLESTRING:(\d)/s;
		is($got, $info, "$name: failInfo $info");
		my ($last) = @{ $t->db("SELECT reason FROM events WHERE step = 'scep' ORDER BY id DESC LIMIT 1") };
		is($last->{reason}, 'a message without signer or content', "$name: the event log")
		    if $name =~ /^no c/;
	}
};

$t->done;
