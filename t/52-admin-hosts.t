#!/usr/bin/perl
# What the admin pages show of hosts and of tries to enroll.
use strict;
use warnings;

use Attestmdm::Admin;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $b = Attestmdm::Admin->new($t);
$b->sign_in;

my $TIP = 'Host provided a Managed Device Attestation signed by Apple at enrollment.';
my $HOSTILE = q{"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;};

sub sql {
	my ($text) = @_;
	$t->change_db($text);
}

sub quote { my ($text) = @_; $text =~ s/'/''/g; return "'$text'" }

sub host_page {
	my ($serial) = @_;
	my $rows = $t->db("SELECT id FROM hosts WHERE serial = '$serial'");
	return $b->get("/admin/hosts/$rows->[0]{id}")->{body};
}

sub vital {
	my ($page, $name) = @_;
	my ($value) = $page =~ m{<dt>\Q$name\E</dt><dd[^>]*>(.*?)</dd>}s;
	return undef if !defined $value;
	$value =~ s/<[^>]*>//g;
	return $value;
}

sub count { my ($page, $what) = @_; my ($n) = $page =~ m{<dt>$what</dt><dd>(\d+)}; return $n }

like($b->get('/admin/hosts')->{body}, qr/No device has enrolled yet/, 'no host yet');
like($b->get('/admin/enrollments')->{body}, qr/No enrollment profiles yet/,
    'no enrollment yet');
like($b->get('/admin/refusals')->{body}, qr/Nothing was refused yet/, 'no refusal yet');

subtest 'fleet-129: an attested host says so' => sub {
	$t->assign('C02WEB000001');
	my $run = $t->sim('enroll', '--serial', 'C02WEB000001');
	is($run->{exit}, 0, 'a Mac enrolls') or diag($run->{out}, $run->{err});
	my $page = host_page('C02WEB000001');
	like(vital($page, 'MDM attestation'), qr/^Yes/, 'MDM attestation: Yes');
	like($page, qr/title="\Q$TIP\E"/, 'with the words on hovering');
	like($page, qr/role="tooltip">\Q$TIP\E</, 'and for readers of the screen');
	is(vital($page, 'Serial number'), 'C02WEB000001', 'its serial number');
	like($page, qr/What Apple attested/, 'the evidence');
	like(vital($page, 'System integrity protection'), qr/abled|unknown/, 'with SIP');
	like(vital($page, 'SHA-256'), qr/^[0-9a-f]{64}$/, 'the certificate');
	like(vital($page, 'Last contact'), qr/just now|ago/, 'the last contact');
	my $list = $b->get('/admin/hosts')->{body};
	is($b->get("$_?after=x")->{status}, 422, "$_: a cursor that is none")
	    for '/admin/hosts', '/admin/enrollments', '/admin/links';
	is(count($list, 'Enrolled'), 1, 'counted as enrolled');
	is(count($list, 'Hardware attested'), 1, 'counted as attested');
};

subtest 'fleet-129: the row is absent when it is not true' => sub {
	sql("UPDATE hosts SET hardware_attested = 0");
	my $page = host_page('C02WEB000001');
	is(vital($page, 'MDM attestation'), undef, 'no row');
	unlike($page, qr/\Q$TIP\E/, 'no tooltip');
	sql("UPDATE hosts SET hardware_attested = 1, state = 'unenrolled'");
	is(vital(host_page('C02WEB000001'), 'MDM attestation'), undef,
	    'nor of a host that left');
	sql("UPDATE hosts SET state = 'enrolled'");
	like(vital(host_page('C02WEB000001'), 'MDM attestation'), qr/^Yes/, 'there again');
};

subtest 'fleet-128: turning the setting on changes no enrolled host' => sub {
	my $hosts = 'SELECT id, serial, udid, state, hex(certificate_sha256), enrollment_id, '
	    . 'hardware_attested, generation FROM hosts';
	my $before = $t->db($hosts);
	my $commands = $t->db('SELECT uuid FROM commands');
	$b->post('/admin/settings/apple_require_hardware_attestation', from => '/admin/settings',
	    fields => { apple_require_hardware_attestation => 'true' });
	is_deeply($t->db($hosts), $before, 'the host is as it was');
	is_deeply($t->db('SELECT uuid FROM commands'), $commands, 'no command was queued');
};

subtest 'admin-20: a command and its answer' => sub {
	$t->tool_ok('command', 'send', 'C02WEB000001', 'DeviceInformation');
	my $page = host_page('C02WEB000001');
	like($page, qr/<th scope="row"><a href="[^"]*">DeviceInformation<\/a> /, 'the command');
	like($page, qr/chip queued">queued</, 'is queued');
};

subtest 'admin-21: a refused try is found with its reason' => sub {
	$t->sim('enroll', '--serial', 'C02STRANGER1');
	my $page = $b->get('/admin/refusals?q=stranger1')->{body};
	like($page, qr/C02STRANGER1/, 'by its serial number');
	like($page, qr/<code[^>]*>ENROLL_UNASSIGNED<\/code>/, 'with the code');
	like($page, qr/class="reason"><bdi>[^<]{10,}/, 'with the reason');
	like($page, qr/What to do:<\/strong> If the device is yours, assign/, 'with what to do');
	unlike($b->get('/admin/refusals?q=C02WEB000001')->{body}, qr/C02STRANGER1/,
	    'not under another serial number');
	$page = $b->get('/admin/serial?serial=C02STRANGER1')->{body};
	like($page, qr/never assigned to us/, 'its own page says that it is not ours');
	like($page, qr/<li class="refused">.*Enrollment profile/s, 'and the step');
	like($page, qr/What to do:<\/strong> If the device is yours, assign/, 'and what to do');
};

subtest 'admin-30: alarms' => sub {
	my $page = $b->get('/admin/alarms')->{body};
	like($page, qr/No alarm is open\./, 'none at first');
	like($page, qr{<a href="/admin/alarms" aria-current="page">Alarms</a>}, 'nothing to count');
	sql("INSERT INTO alarms (kind, subject, serial, text, raised_at, last_seen_at) VALUES "
	    . "('signer-changed', 'x', 'C02WEB000001', '<b>look', 1700000000, 1700000000)");
	$page = $b->get('/admin/alarms')->{body};
	like($page, qr/&lt;b&gt;look/, 'an open one');
	like($page, qr{serial\?serial=C02WEB000001}, 'with its device');
	like($b->get('/admin/hosts')->{body}, qr{class="count"><span class="hidden">open: </span>1<},
	    'each page tells how many are open');
	like(host_page('C02WEB000001'), qr/Alarm:<\/strong> <bdi>&lt;b&gt;look/, "the host's page shows it");
	sql("INSERT INTO alarms (kind, subject, serial, text, raised_at, last_seen_at) VALUES "
	    . "('crl-old', '<i>acme.crl', '', 'old', 1700000000, 1700000000)");
	like($b->get('/admin/alarms')->{body}, qr/&lt;i&gt;acme\.crl/, 'what is no device is named, too');
	sql("UPDATE alarms SET closed_at = 1700000001");
	unlike($b->get('/admin/alarms')->{body}, qr/look/, 'a closed one is not listed');
	like($b->get('/admin/alarms?all=1')->{body}, qr/look/, 'unless all are');
};

subtest 'admin-31: pages that are not there, and the icon' => sub {
	my $r = $b->get('/admin/nothing');
	is($r->{status}, 404, 'not found');
	like($r->{body}, qr{<nav aria-label="Main">}, 'the navigation stays');
	like($r->{body}, qr{Sign out}, 'and so does signing out');
	my $anonymous = Attestmdm::Admin->new($t);
	$r = $anonymous->get('/admin/nothing');
	unlike($r->{body}, qr/<nav aria-label="Main">/, 'who is not signed in sees none');
	$r = $anonymous->get('/admin/icon.svg');
	is("$r->{status} $r->{headers}{'content-type'}", '200 image/svg+xml', 'the icon');
	like($b->get('/admin/hosts')->{body}, qr{<link rel="icon" href="/admin/icon\.svg"}, 'is linked');
};

subtest 'admin-32: empty lists' => sub {
	my $page = $b->get('/admin/hosts?q=nonesuch')->{body};
	like($page, qr/No host matches/, 'hosts');
	unlike($page, qr/ of 0<|<table/, 'without an empty table');
	$page = $b->get('/admin/links')->{body};
	like($page, qr/No links yet/, 'links');
	unlike($page, qr/ of 0<|<table/, 'without an empty table');
};

subtest 'admin-22: a cheating device, step by step' => sub {
	$t->assign('C02WEB000002');
	my $run = $t->sim('enroll', '--serial', 'C02WEB000002', '--fault', 'wrong-freshness');
	is($run->{exit}, 3, 'it is refused');
	my $list = $b->get('/admin/enrollments?q=C02WEB000002')->{body};
	like($list, qr/chip refused">refused<\/span> Hardware attestation/, 'the list says where');
	like($list, qr/chip (?:refused|revoked)">(?:Refused|Revoked)</, 'and does not call it open');
	like($list, qr/What to do:<\/strong> [^<]{10,}/, 'and says what to do');
	unlike($list, qr/>Open</, 'not at all');
	my ($url) = $list =~ m{href="(/admin/enrollments/[A-Za-z0-9_-]+)"};
	my $page = $b->get($url)->{body};
	my @steps = $page =~ m{<li class="(\w+)">\s*<div class="step-head"><strong>([^<]*)}g;
	my %steps = reverse @steps;
	is($steps{'Hardware attestation'}, 'refused', 'the attestation was refused');
	is($steps{$_}, 'ok', "$_ was fine") for 'Enrollment profile', 'Certificate order';
	like($page, qr/ATT_FRESHNESS/, 'with the code');
};

subtest 'admin-23: what a device says of itself stays text' => sub {
	my $text = quote($HOSTILE);
	sql("UPDATE hosts SET device_name = $text, model = $text, model_name = $text, "
	    . "product_name = $text, os_version = '<b>15', build_version = '<b>24'");
	sql("UPDATE enrollments SET product = $text, os_version = '<b>15', "
	    . "build_version = '<b>24', udid = $text, remote_address = '<b>1'");
	sql("INSERT INTO events (at, serial, step, outcome, code, reason, remote_address) "
	    . "VALUES (1700000000, $text, '<b>step', 'refused', '<b>code', $text, '<b>1')");
	sql("INSERT INTO activities (at, actor, remote, action, serial, old_value, new_value, detail) "
	    . "VALUES (1, $text, '<b>1', $text, $text, $text, $text, $text), "
	    . "(1, $text, '<b>1', $text, 'C02WEB000001', $text, $text, $text)");
	sql("UPDATE commands SET request_type = $text, created_by = $text, uuid = '<b>u' || seq");
	my ($enrollment) = map { $_->{id} } @{ $t->db('SELECT id FROM enrollments LIMIT 1') };
	my $query = Attestmdm::Admin::encode($HOSTILE);
	my @pages = ('/admin/hosts', "/admin/hosts?q=$query&page=$query",
	    '/admin/enrollments', "/admin/enrollments?q=$query", '/admin/refusals',
	    "/admin/refusals?q=$query&before=$query", "/admin/enrollments/$enrollment",
	    "/admin/serial?serial=$query", '/admin/activity',
	    "/admin/activity?actor=$query&action=$query&serial=$query&before=$query",
	    "/admin/settings?saved=$query");
	for my $page (@pages, undef) {
		my $r = defined $page ? $b->get($page) : { status => 200,
			body => host_page('C02WEB000001') };
		my $name = $page // 'the host';
		is($r->{status}, 200, "$name opens");
		unlike($r->{body}, qr/<script|<img|<b>|onerror='/, "$name: no tag of its own");
	}
	for my $field (qw(state attested sort order certificate_days after)) {
		my $r = $b->get("/admin/hosts?$field=$query&product=$query&os=$query");
		is($r->{status}, 422, "$field: refused");
		unlike($r->{body}, qr/<script|<img|<b>|onerror='/, 'by a page without a tag of its own');
		is($b->get("/admin/hosts.csv?$field=$query")->{status}, $field eq 'after' ? 200 : 422,
		    'and so is the file');
	}
	like(host_page('C02WEB000001'), qr/&quot;&gt;&lt;script&gt;alert\(1\)/, 'it is shown');
	like($b->get('/admin/refusals')->{body},
	    qr{href="/admin/serial\?serial=%22%3E%3Cscript}, 'links are encoded');
};

subtest 'admin-24: searching and paging hosts' => sub {
	sql("INSERT INTO hosts (id, serial, udid, state, device_name, hardware_attested, created_at) "
	    . "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 69) "
	    . "SELECT 'page' || i, 'PAGE' || i, 'U' || i, 'enrolled', 'Mac ' || i, i % 2, 1 FROM n");
	my $page = $b->get('/admin/hosts?attested=yes&sort=serial&order=desc')->{body};
	my @first = $page =~ /bdi class="mono">(\w+)</g;
	is("@first", join(' ', map { 'PAGE' . (69 - 2 * $_) } 0 .. 24), 'the first page');
	unlike($page, qr/First page/, 'is the first');
	my ($next) = $page =~ m{rel="next" href="([^"]*)"};
	$next =~ s/&amp;/&/g;
	$page = $b->get($next)->{body};
	unlike($page, qr/rel="next"/, 'the second is the last');
	like($page, qr{href="/admin/hosts\?attested=yes&amp;sort=serial&amp;order=desc">First page},
	    'and leads to the first');
	my @rows = $page =~ /bdi class="mono">(\w+)</g;
	is("@rows", 'PAGE19 PAGE17 PAGE15 PAGE13 PAGE11 C02WEB000001', 'with the rest');
	my %found = ('product=Mac15' => 'C02WEB000001', 'os=18.2' => 'PAGE10', 'os=18' => 'PAGE10 PAGE11',
	    'certificate_days=3' => 'PAGE12', 'certificate_days=9' => 'PAGE12 PAGE13', 'state=blocked' => 'PAGE14',
	    'product=Mac15&state=blocked' => '', 'q=C02WEB000001&attested=yes' => 'C02WEB000001');
	sql("UPDATE hosts SET os_version = '18.2' WHERE serial = 'PAGE10'");
	sql("UPDATE hosts SET os_version = '18.10' WHERE serial = 'PAGE11'");
	sql("UPDATE hosts SET certificate_ends_at = " . (time + $_->[1] * 86400) . " WHERE serial = '$_->[0]'")
	    for ['PAGE12', 2], ['PAGE13', 5];
	sql("UPDATE hosts SET state = 'blocked' WHERE serial = 'PAGE14'");
	sql("UPDATE hosts SET product_name = 'Mac15,3' WHERE serial = 'C02WEB000001'");
	for (sort keys %found) {
		$page = $b->get("/admin/hosts?$_")->{body};
		my @serials = $page =~ /bdi class="mono">(\w+)</g;
		is("@serials", $found{$_}, $_);
		my ($field, $value) = /(\w+)=(\w+)/;
		like($page, qr/name="$field"[^>]* value="\Q$value\E|<option value="$value" selected>/, 'the form keeps it');
	}
	@rows = $b->get('/admin/hosts?certificate_days=9&sort=certificate_end&order=desc')->{body} =~ /bdi class="mono">(\w+)</g;
	is("@rows", 'PAGE13 PAGE12', 'sorted by the end of the certificate');
	$next =~ s/order=desc/order=asc/;
	is($b->get($next)->{status}, 422, 'the cursor of another order is refused');
	like($b->get('/admin/hosts?q=page11')->{body}, qr/No host matches/,
	    'what something else inserted is not found');
	like($t->tool('check', '--no-nginx')->{out}, qr/\d+ texts to search or counts do not agree/,
	    'which attestmdm check notices');
	like($t->tool_ok('migrate'), qr/\d+ texts to search or counts did not agree/,
	    'and attestmdm migrate mends');
	like($b->get('/admin/hosts?q=page11')->{body}, qr/PAGE11</, 'it is found');
	like($b->get('/admin/hosts?q=PAGE10&attested=yes')->{body}, qr/No host matches/,
	    'not attested, not among the attested');
	like($b->get('/admin/hosts?q=PAGE10&attested=no')->{body}, qr/PAGE10</,
	    'but among the others');
	like($b->get('/admin/hosts?state=gone')->{body}, qr/role="alert">.*no host has such a state/, 'no such state');
	like($b->get('/admin/hosts?q=%25')->{body}, qr/No host matches/, '% is no wildcard');
};

is($b->get('/admin/hosts/nobody')->{status}, 404, 'admin-25: an unknown host: 404');
is($b->get('/admin/enrollments/nobody')->{status}, 404, 'admin-25: an unknown enrollment: 404');

subtest 'a certificate, how it was obtained, and its renewal' => sub {
	my $serial = 'C02WEBRENEW1';
	$t->assign($serial);
	$t->sim('enroll', '--serial', $serial);
	my $due = qr/^due \d{4}-\d\d-\d\d .* in 1[78]\d days$/;
	like(vital(host_page($serial), 'Obtained by'), qr/^ACME, in this enrollment/, 'by ACME');
	like(vital(host_page($serial), 'Renewal'), $due, 'due half a year from now');
	my $shown = $t->tool_json('host', 'show', $serial);
	is($shown->{certificate_method}, 'acme', 'the tool says so');
	is($shown->{renewal_opened_at}, undef, 'no renewal is open');
	$t->tool_ok('renew', '--host', $serial);
	like(vital(host_page($serial), 'Renewal'), qr/^sent .* just now$/, 'sent');
	ok($t->tool_json('host', 'show', $serial)->{renewal_opened_at}, 'the tool says so');
	sql("UPDATE renewals SET enrollment_id = NULL, failures = 1, last_error = 'no <key>',"
	    . " next_try_at = 4102444800");
	my $page = host_page($serial);
	like(vital($page, 'Why not renewed'), qr/^no &lt;key&gt; Next attempt from 2100-01-01/,
	    'and what became of it');
	like($t->tool_ok('host', 'show', $serial), qr/^Why not renewed: +no <key>$/m, 'the tool says so');
	like(vital($page, 'Renewal'), $due, 'it is due as before');
	$t->assign('C02WEBINTEL1');
	$t->sim('enroll', '--serial', 'C02WEBINTEL1', '--product', 'MacBookPro16,1',
	    '--os-version', '13.6');
	like(vital(host_page('C02WEBINTEL1'), 'Obtained by'), qr/^SCEP/, 'another by SCEP');
	like($b->get('/admin/serial?serial=C02WEBINTEL1')->{body}, qr/Certificate by SCEP/,
	    'the step has words');
};

$t->done;
