#!/usr/bin/perl
# Signing in to the admin pages, and staying so.
use strict;
use warnings;

use Attestmdm::Admin;
use Attestmdm::Test;
use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use List::Util 'min';
use Time::HiRes 'time';

my $t = Attestmdm::Test->new;
my $b = Attestmdm::Admin->new($t);
my $r;

subtest 'admin-1: nothing is shown without signing in' => sub {
	for my $page (qw(/admin/ /admin/hosts /admin/hosts/abc /admin/enrollments
	    /admin/enrollments/abc /admin/refusals /admin/serial?serial=x
	    /admin/settings /admin/activity)) {
		my $r = $b->get($page);
		is($r->{status}, 303, "$page leads away");
		is($r->{headers}{location}, '/admin/sign-in', "$page leads to the sign-in page");
		unlike($r->{body}, qr/\S/, "$page says nothing");
	}
	is($b->post($_, csrf => 'x')->{headers}{location}, '/admin/sign-in',
	    "$_ changes nothing")
	    for qw(/admin/sign-out /admin/settings/minimum-os /admin/settings/apple_require_hardware_attestation);
};

subtest 'admin-2: every page has a strict policy' => sub {
	my $policy = "default-src 'none'; style-src 'self'; img-src 'self'; "
	    . "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
	for my $page (qw(/admin/sign-in /admin/nothing)) {
		my $h = $b->get($page)->{headers};
		is($h->{'content-security-policy'}, $policy, "$page: policy");
		is($h->{'x-content-type-options'}, 'nosniff', "$page: nosniff");
		is($h->{'cache-control'}, 'no-store', "$page: not kept");
		is($h->{'referrer-policy'}, 'same-origin', "$page: referrer");
		is($h->{'content-type'}, 'text/html; charset=utf-8', "$page: HTML");
	}
	unlike($b->get('/admin/sign-in')->{body}, qr/<script|style=|onload|javascript:/i,
	    'no script and no style inside');
	$r = $b->get('/admin/style.css');
	is($r->{headers}{'content-type'}, 'text/css; charset=utf-8', 'the style is CSS');
	unlike($r->{body}, qr/url\(|\@import/, 'and fetches nothing');
};

subtest 'admin-3: a wrong password and an unknown name look the same' => sub {
	my $c = Attestmdm::Admin->new($t);
	my ($known, $unknown) = map { $c->sign_in($_, 'not the password') } qw(admin nobody);
	is($known->{status}, 403, 'wrong password: 403');
	is($unknown->{status}, 403, 'unknown name: 403');
	like($known->{body}, qr/role="alert">The name or the password is wrong\./, 'says so');
	s/value="[^"]*"//g for $known->{body}, $unknown->{body};
	is($known->{body}, $unknown->{body}, 'the same page');
	ok(!$c->signed_in, 'not signed in');
};

subtest 'admin-4: what is typed as a name comes back as text' => sub {
	my $name = '"><script>alert(1)</script>\'&';
	my $r = Attestmdm::Admin->new($t)->sign_in($name, 'x');
	unlike($r->{body}, qr/<script/, 'no script');
	like($r->{body}, qr/value="&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;&#39;&amp;"/,
	    'escaped');
};

subtest 'admin-5: the sign-in form needs its own token' => sub {
	my %f = (fields => { name => 'admin', password => $t->server->password });
	my $c = Attestmdm::Admin->new($t);
	$c->get('/admin/sign-in');
	is($c->post('/admin/sign-in', csrf => undef, %f)->{status}, 403, 'none: 403');
	is($c->post('/admin/sign-in', csrf => 'A' x 43, %f)->{status}, 403, 'another: 403');
	is($c->post('/admin/sign-in', from => '/admin/sign-in', %f,
	    headers => { 'Sec-Fetch-Site' => 'cross-site' })->{status}, 403,
	    'from another site: 403');
	is(Attestmdm::Admin->new($t)->post('/admin/sign-in', csrf => '', %f)->{status}, 403,
	    'no cookie and an empty token: 403');
	ok(!$c->signed_in, 'not signed in');
	is($c->post('/admin/sign-in', from => '/admin/sign-in', %f,
	    headers => { 'Sec-Fetch-Site' => 'same-origin' })->{status}, 303,
	    'from our own page: taken');
};

subtest 'admin-6: signing in' => sub {
	$r = $b->sign_in;
	is($r->{status}, 303, 'the right password is taken');
	is($r->{headers}{location}, '/admin/', 'leads to the overview');
	like($r->{headers}{'set-cookie'},
	    qr/^__Host-attestmdm=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict,/,
	    'the cookie is out of reach of scripts, other sites and plain HTTP');
	ok($b->signed_in, 'the pages open');
	is($b->get('/admin/sign-in')->{headers}{location}, '/admin/',
	    'the sign-in page leads on');
	my $token = $b->{cookies}{'__Host-attestmdm'};
	my $rows = $t->db('SELECT lower(hex(token_mac)) AS h FROM sessions');
	my $key = Attestmdm::Server::slurp($t->server->state . '/admin.key');
	my $mac = hmac_sha256_hex("token:43:$token", $key);
	ok((grep { $_->{h} eq $mac } @$rows), 'an HMAC of it is stored');
	ok(!(grep { $_->{h} eq sha256_hex($token) } @$rows), 'which nobody makes without the key');
	my $dump = $t->store;
	unlike($dump, qr/\Q$token\E/, 'the token is not');
	unlike(Attestmdm::Server::slurp($t->dir . '/admin-settings.log'),
	    qr/\Q$token\E|\Q@{[ $t->server->password ]}\E/, 'no secret is in the log');
};

subtest 'admin-7: the cookie must be exact' => sub {
	my $good = $b->{cookies}{'__Host-attestmdm'};
	(my $bad = $good) =~ tr/A-Za-z/B-ZAb-za/;
	for (["__Host-attestmdm=$bad", 'another'], ['__Host-attestmdm=', 'an empty'],
	    ["attestmdm=$good", 'an unprefixed'], ["__Host-attestmdm=${good}A", 'a longer'],
	    ["__Host-attestmdm=$bad; __Host-attestmdm=$good", 'a doubled']) {
		is($b->get('/admin/hosts', headers => { Cookie => $_->[0] })->{status}, 303,
		    "$_->[1] cookie is none");
	}
	is($b->get('/admin/hosts', headers => { Cookie => "a=1; __Host-attestmdm=$good; b=2" })
	    ->{status}, 200, 'among others it is found');
};

subtest 'admin-8: requests out of shape' => sub {
	is($b->get('/admin/nothing')->{status}, 404, 'unknown page: 404');
	is($b->request('DELETE', '/admin/hosts')->{status}, 405, 'DELETE: 405');
	is($b->request('DELETE', '/admin/hosts')->{headers}{allow}, 'GET, HEAD', 'Allow');
	is($b->get('/admin/hosts?q=%00')->{status}, 400, 'NUL in a search: 400');
	is($b->get('/admin/hosts?q=%ff')->{status}, 400, 'no UTF-8 in a search: 400');
	is($b->get('/admin/hosts?q=%zz')->{status}, 400, 'a broken escape: 400');
	is($b->get('/admin/hosts?page=-1&nonsense=1')->{status}, 200, 'nonsense is ignored');
	is($b->get('/admin/hosts?attested=maybe')->{status}, 422, 'a filter that cannot be is not');
	is($b->get('/admin/hosts?page=99999999999999999999')->{status}, 200, 'no page is that far');
	is($b->post('/admin/sign-out', csrf => 'x', headers => { 'Content-Type' =>
	    'multipart/form-data' })->{status}, 415, 'another kind of form: 415');
	is($b->post('/admin/sign-out', csrf => 'x', fields => { f => 'y' x 20000 })->{status},
	    413, 'a large form: 413');
	is($b->get('/admin/hosts', headers => { Cookie =>
	    [ map { "__Host-attestmdm=$b->{cookies}{'__Host-attestmdm'}" } 1, 2 ] })->{status} == 200,
	    '', 'two Cookie headers do not pass');
};

subtest 'admin-9: signing in again ends the session before' => sub {
	my $c = Attestmdm::Admin->new($t);
	$c->sign_in;
	my $old = { %{ $c->{cookies} } };
	is($c->post('/admin/sign-in', csrf => $old->{'__Host-attestmdm-form'},
	    fields => { name => 'admin', password => $t->server->password })->{status},
	    303, 'again');
	isnt($c->{cookies}{'__Host-attestmdm'}, $old->{'__Host-attestmdm'}, 'another cookie');
	ok($c->signed_in, 'which opens');
	$c->{cookies} = $old;
	ok(!$c->signed_in, 'the one before does not');
};

subtest 'admin-9: signing out' => sub {
	is($b->post('/admin/sign-out', csrf => undef)->{status}, 403, 'without token: 403');
	is($b->post('/admin/sign-out', csrf => 'A' x 43)->{status}, 403, 'with another: 403');
	is($b->post('/admin/sign-out', from => '/admin/hosts',
	    headers => { 'Sec-Fetch-Site' => 'same-site' })->{status}, 403,
	    'from another host of the site: 403');
	ok($b->signed_in, 'still signed in');
	my $old = { %{ $b->{cookies} } };
	$r = $b->post('/admin/sign-out', from => '/admin/hosts');
	is($r->{status}, 303, 'with the token: done');
	like($r->{headers}{'set-cookie'}, qr/^__Host-attestmdm=;.*Max-Age=0$/, 'cookie removed');
	$b->{cookies} = $old;
	ok(!$b->signed_in, 'the old cookie opens nothing');
};

subtest 'admin-10: an unused session ends, and every session does' => sub {
	$b->sign_in;
	$t->server->clock(29 * 60);
	ok($b->signed_in, 'after 29 quiet minutes it is there');
	$t->server->clock((29 + 31) * 60);
	ok(!$b->signed_in, 'after 31 quiet minutes it is not');
	$b->sign_in;
	my $start = 60;
	my $alive = 1;
	for (my $m = 20; $m < 12 * 60 && $alive; $m += 20) {
		$t->server->clock(($start + $m) * 60);
		$alive = $b->signed_in;
	}
	ok($alive, 'used all the time it lives for 12 hours');
	$t->server->clock(($start + 12 * 60 + 1) * 60);
	ok(!$b->signed_in, 'and not longer');
	$t->server->clock(0);
};

subtest 'admin-11: a disabled administrator is out at once' => sub {
	my $file = $t->dir . '/second.pw';
	Attestmdm::Server::spew($file, "a second password\n");
	$t->tool_ok('admin', 'add', 'second', '--password-file', $file);
	my $c = Attestmdm::Admin->new($t);
	is($c->sign_in('second', 'a second password')->{status}, 303, 'signs in');
	ok($c->signed_in, 'is in');
	$t->tool_ok('admin', 'disable', 'second');
	ok(!$c->signed_in, 'is out');
	is($c->sign_in('second', 'a second password')->{status}, 403, 'stays out');
};

subtest 'admin-12: an unknown name takes as long as a known one' => sub {
	my (%least, $is_alike);
	# Without the hash one would take a hundredth; noise only adds.
	for my $try (1 .. 30) {
		$t->server->clock(86400 * 2 * $try);
		for my $name (qw(admin nobody)) {
			my $c = Attestmdm::Admin->new($t);
			my $token = $c->token('/admin/sign-in');
			my $start = time;
			$c->post('/admin/sign-in', csrf => $token,
			    fields => { name => $name, password => 'wrong' });
			my $took = time - $start;
			$least{$name} = min($least{$name} // 99, $took);
		}
		$is_alike = $least{nobody} > $least{admin} / 2
		    && $least{admin} > $least{nobody} / 2;
		last if $is_alike && $try >= 4;
	}
	ok($is_alike, sprintf('%.0f ms and %.0f ms', $least{admin} * 1000, $least{nobody} * 1000));
};

# The wait begins with a second and doubles. Guesses, waiting as told, until the
# wait is one that no slow machine outlasts; undef: it never came to that.
sub guess_until_long_wait {
	my ($c, $now) = @_;
	for (1 .. 30) {
		my $r = $c->sign_in('admin', 'guess');
		next if $r->{status} != 429;
		my $wait = $r->{headers}{'retry-after'};
		return $now if $wait >= 60;
		$t->server->clock($now += $wait);
	}
	return undef;
}

subtest 'admin-13: guessing is throttled' => sub {
	$t->server->clock(86400 * 20);
	my $c = Attestmdm::Admin->new($t);
	my @seen = map { $c->sign_in('admin', "guess $_")->{status} } 1 .. 4;
	is("@seen", '403 403 403 403', 'the first are looked at');
	my $now = guess_until_long_wait($c, 86400 * 20);
	ok($now, 'then it has to wait, longer each time');
	$r = $c->sign_in;
	is($r->{status}, 429, 'also with the right password');
	like($r->{headers}{'retry-after'}, qr/^[1-9]\d*$/, 'it is told how long');
	$t->server->clock($now + 3600);
	is($c->sign_in->{status}, 303, 'later the right password opens');
};

# A slow machine may outlast the first waits, so a throttle is met by one of a
# dozen tries.
sub waits {
	my ($try) = @_;
	for (1 .. 12) {
		return 1 if $try->($_) == 429;
	}
	return 0;
}

# One sign-in as plain CGI, from any address.
sub sign_in_from {
	my ($address, $name, $password, $cookie) = @_;
	my $body = "csrf=" . 'A' x 43 . "&name=$name&password=$password";
	my $file = $t->dir . '/cgi-body';
	Attestmdm::Server::spew($file, $body);
	local %ENV = (PATH => $ENV{PATH}, REQUEST_METHOD => 'POST',
	    GATEWAY_INTERFACE => 'CGI/1.1', REQUEST_URI => '/admin/sign-in',
	    SERVER_PROTOCOL => 'HTTP/1.1', REMOTE_ADDR => $address,
	    CONTENT_TYPE => 'application/x-www-form-urlencoded',
	    CONTENT_LENGTH => length $body,
	    HTTP_COOKIE => '__Host-attestmdm-form=' . 'A' x 43 . ($cookie // ''));
	my $run = $t->command('/bin/sh', '-c', 'exec "$0" "$@" <' . $file,
	    $t->server->program('admin-settings'), '--config', $t->server->conf);
	return $run->{out} =~ /^Status: (\d+)/m ? $1 : 0;
}

subtest 'admin-15: failed attempts do not lock an administrator out' => sub {
	$t->server->clock(86400 * 30);
	ok(waits(sub { sign_in_from("192.0.2.$_[0]", 'admin', 'guess') }),
	    'many addresses, one name: wait');
	$t->server->clock(86400 * 30 + 10);
	is(sign_in_from('198.51.100.1', 'admin', $t->server->password), 303,
	    'a few seconds later its owner gets in');
};

subtest 'admin-15: a browser that signed in before is not held up by others' => sub {
	$t->server->clock(86400 * 35);
	my $c = Attestmdm::Admin->new($t);
	is($c->sign_in->{status}, 303, 'signs in once');
	my $name = '__Host-attestmdm-browser';
	my $cookie = "; $name=$c->{cookies}{$name}";
	for (1 .. 30) {
		waits(sub { sign_in_from("192.0.2.$_[0]", 'admin', 'guess') });
		waits(sub { sign_in_from('198.51.100.1', "made-up$_[0]", 'guess') });
		next if sign_in_from('198.51.100.9', 'admin', 'guess') != 429;
		is(sign_in_from('198.51.100.1', 'admin', $t->server->password, $cookie), 303,
		    'from an address and with a name that have to wait');
		return;
	}
	ok(0, 'the name had to wait');
};

subtest 'admin-16: all addresses of one IPv6 network count as one' => sub {
	$t->server->clock(86400 * 40);
	my @seen = map { sign_in_from("2001:db8:1:2::$_", "name$_", 'x') } 1 .. 5;
	is($seen[4], 403, 'five are free');
	ok(waits(sub { sign_in_from("2001:db8:1:2::a$_[0]", "other$_[0]", 'x') }), 'then one waits');
	# Fewer tries than a network of its own would have for free.
	ok((grep { sign_in_from("2001:db8:1:3::b$_", "third$_", 'x') == 429 } 1 .. 4), 'and another part of its /48');
	is(sign_in_from('2001:db8:2:2::1', 'name7', 'x'), 403, 'another network does not');
	@seen = map { sign_in_from("::ffff:192.0.2.$_", "name$_", 'x') } 1 .. 6;
	is($seen[5], 403, 'mapped IPv4 addresses are told apart');
};

subtest 'admin-14: signing in is on record' => sub {
	my $rows = $t->db("SELECT DISTINCT actor, action FROM activities WHERE action LIKE 'log%'");
	my %seen = map { ("$_->{actor} $_->{action}" => 1) } @$rows;
	ok($seen{"admin $_"}, "admin $_") for qw(login logout login.refused);
	ok($seen{'nobody login.refused'}, 'also names that nobody has');
	$t->server->clock(86400 * 60);
	my @others = ('cli:root', "token:ci", "admin\nx", "\x{202e}nimda", '');
	Attestmdm::Admin->new($t)->sign_in($_, 'x') for @others;
	$rows = $t->db("SELECT actor, detail FROM activities WHERE action = 'login.refused' ORDER BY id DESC LIMIT "
	    . scalar @others);
	is(join(' ', map { $_->{actor} } @$rows), join(' ', ('program:admin-settings') x @others),
	    'what can be no name is not who it was');
	is(join(' ', map { $_->{detail} } @$rows[3, 4]), 'token:ci cli:root', 'but stands there');
	like($b->sign_in && $b->get('/admin/activity')->{body}, qr/<code>login<\/code>/,
	    'the activity page shows it');
};

$t->done;
