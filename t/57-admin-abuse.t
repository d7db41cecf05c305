#!/usr/bin/perl
# All admin pages, found by following their links: forms posted from elsewhere,
# hostile texts in what devices, Apple and files bring, other hosts' names,
# cookies that others chose, bodies of 10 MB.
use strict;
use warnings;

use Attestmdm::Admin;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $b = Attestmdm::Admin->new($t);
my $HOSTILE = q{"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;};
my $text = "'" . $HOSTILE =~ s/'/''/gr . "'";

subtest 'a cookie that somebody else chose is not the session' => sub {
	my $chosen = 'A' x 43;
	$b->{cookies}{'__Host-attestmdm'} = $chosen;
	is($b->sign_in->{status}, 303, 'signed in');
	isnt($b->{cookies}{'__Host-attestmdm'}, $chosen, 'by another cookie');
	my $thief = Attestmdm::Admin->new($t);
	$thief->{cookies} = { %{ $b->{cookies} }, '__Host-attestmdm' => $chosen };
	ok(!$thief->signed_in, 'the chosen one opens nothing');
};

# What there is to show.
$t->assign('C02ABUSE0001', 'C02ABUSE0002');
is($t->sim('enroll', '--serial', 'C02ABUSE0001')->{exit}, 0, 'a Mac enrolls');
$t->sim('enroll', '--serial', 'C02ABUSE0002', '--fault', 'wrong-freshness');
$t->tool_ok('command', 'send', 'C02ABUSE0001', 'DeviceInformation');
$t->tool_ok('enrollment', 'new', '--note', $HOSTILE);
$t->change_db($_) for
    "UPDATE hosts SET device_name = $text, model = $text, model_name = $text, product_name = $text,"
    . " os_version = '<b>15', build_version = '<b>24'",
    "UPDATE enrollments SET product = $text, os_version = '<b>15', build_version = '<b>24', udid = $text,"
    . " remote_address = '<b>'",
    "UPDATE ade_devices SET model = $text, description = $text, color = $text, device_family = $text",
    "UPDATE commands SET created_by = $text",
    "INSERT INTO admins (name, password_hash, created_at) VALUES ($text, $text, 1)",
    "INSERT INTO sessions (token_mac, admin, csrf_token, created_at, last_seen_at, expires_at)"
    . " VALUES (zeroblob(32), $text, 'x', 4000000000, 4000000000, 4000000000)",
    "INSERT INTO api_tokens (name, token_mac, role, created_at, created_by, expires_at)"
    . " VALUES ($text, zeroblob(32), 'observer', 1, $text, 4000000000)",
    "INSERT INTO ade_accounts (name, created_at, consumer_key, token_expires_at, server_name, organization, sync_error,"
    . " assign_error) VALUES ('abuse', 1, 'CK', 4000000000, $text, $text, $text, $text)",
    "INSERT INTO push_certificate (id, topic, sha256, not_before, not_after, imported_at, imported_by, stopped_at,"
    . " stop_reason) VALUES (1, 'com.apple.x', zeroblob(32), 1, 4000000000, 1, $text, 1, $text)",
    "INSERT INTO events (at, serial, step, outcome, code, reason, remote_address)"
    . " VALUES (1700000000, 'C02ABUSE0001', '<b>', 'refused', '<b>', $text, '<b>')",
    "INSERT INTO alarms (kind, subject, serial, text, raised_at, last_seen_at)"
    . " VALUES ('<b>', $text, 'C02ABUSE0001', $text, 1, 1)";

# Each page once, and of pages that differ in an id or a query alone two.
my (%page, %kind, %form);
my @found = '/admin/hosts';
while (defined(my $path = shift @found)) {
	my $kind = $path =~ s{\?.*}{?}r =~ s{/[A-Za-z0-9_-]{16,}}{/ID}gr;
	next if $page{$path} || ++$kind{$kind} > 2 || $path =~ /\.css/;
	my $r = $page{$path} = $b->get($path);
	push @found, map { s/&amp;/&/gr } $r->{body} =~ m{href="(/admin/[^"#]*)"}g;
	push @{ $form{$2} }, [$path, $1 . $3] while $r->{body} =~ m{<form([^>]*) action="(/admin/[^"]*)"([^>]*)>}g;
}
my @html = grep { ($page{$_}{headers}{'content-type'} // '') =~ /html/ } sort keys %page;

subtest 'hostile texts stay texts' => sub {
	cmp_ok(scalar @html, '>=', 17, 'pages are found: ' . join(' ', sort keys %kind));
	for my $path (@html) {
		is($page{$path}{status}, 200, $path);
		my $html = $page{$path}{body} =~ s/ value="[^"]*"//gr;
		my @tags = $html =~ /(<script|<img(?! src="data:)|<b>|<[^>]*\sonerror\s*=|<[^>]*\sstyle=|javascript:)/gi;
		is("@tags", '', "$path: no tag of its own");
		like($page{$path}{headers}{'content-security-policy'} // '', qr/default-src 'none'/, "$path: policy");
	}
	ok((grep { $page{$_}{body} =~ /&lt;script&gt;/ } @html) >= 3, 'they are shown');
};

subtest 'every form needs the token of this session' => sub {
	my $other = Attestmdm::Admin->new($t);
	$other->sign_in;
	my $before = $t->fingerprint =~ s/^sessions .*\n?//mgr;
	my @post = grep { $form{$_}[0][1] =~ /method="post"/i } sort keys %form;
	cmp_ok(scalar @post, '>=', 12, "forms are found: @post");
	for my $path (@post) {
		my ($from) = @{ $form{$path}[0] };
		for (['no token', undef], ['an empty one', ''], ['a made-up one', 'A' x 43],
		    ["another session's", $other->token($from)]) {
			is($b->post($path, csrf => $_->[1])->{status}, 403, "$path: $_->[0]");
		}
		is($b->post($path, from => $from, headers => { 'Sec-Fetch-Site' => 'cross-site' })->{status}, 403,
		    "$path: from another site");
		is($b->get($path)->{status}, 405, "$path: by a link") if !$page{$path};
	}
	is($t->fingerprint =~ s/^sessions .*\n?//mgr, $before, 'nothing was changed');
	ok($b->signed_in, 'nor signed out');
};

subtest 'searches take every character' => sub {
	my @search = grep { $form{$_}[0][1] !~ /method="post"/i } sort keys %form;
	cmp_ok(scalar @search, '>=', 2, "searches are found: @search");
	for my $path (@search) {
		for ("'", '"', '%', '_', '\\', ';--', "' OR '1'='1", '*', "NEAR(a b)", '^a', '-a', '"a', 'a:b', '()', $HOSTILE) {
			my $q = Attestmdm::Admin::encode($_);
			my $r = $b->get("$path?q=$q");
			is($r->{status}, 200, "$path: $_");
			unlike($r->{body}, qr/<script|SQL/, 'as a text');
			$r = $b->get("$path?" . join('&', map { "$_=$q" } qw(q serial state sort os attested before cursor limit page)));
			like($r->{status}, qr/^(?:200|4\d\d)$/, 'and where there is no text');
		}
	}
};

subtest 'the host that a request names decides nothing' => sub {
	for my $path ('/admin/', '/admin/sign-in', '/admin/hosts', '/admin/nothing') {
		my $r = $b->get($path, headers => { Host => 'evil.example', 'X-Forwarded-Host' => 'evil.example',
			'X-Forwarded-Proto' => 'http', Forwarded => 'host=evil.example' });
		unlike(join("\n", $r->{body}, map { "$_: $r->{headers}{$_}" } sort keys %{ $r->{headers} }),
		    qr/evil/, "$path does not repeat it");
	}
	my $r = Attestmdm::Admin->new($t)->get('/admin/hosts', headers => { Host => 'evil.example' });
	is($r->{headers}{location}, '/admin/sign-in', 'and leads nowhere else');
};

subtest 'bodies of 10 MB' => sub {
	my $body = 'name=' . 'x' x 10_000_000;
	my %form = ('Content-Type' => 'application/x-www-form-urlencoded');
	for my $path ('/admin/sign-in', '/admin/sign-out', '/admin/settings/minimum-os', '/admin/admins', '/admin/nothing') {
		is($b->request('POST', $path, headers => { %form }, body => $body)->{status}, 413, $path);
		is($b->request('POST', $path, headers => { %form, 'Transfer-Encoding' => 'chunked' }, body => $body)->{status},
		    413, "$path in pieces");
	}
};

$t->done;
