#!/usr/bin/perl
# Signing in at identity providers that others wrote, in a real Chromium and in
# the simulator's web view. t/84-sign-in.t does the same with a stand-in of ours.
use strict;
use warnings;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

use Attestmdm::Browser;
use Attestmdm::Test;

my $SETTING = 'enable_end_user_authentication';
my $SECRET = 'a secret: with % and +';
my %SMALL = (width => 400, height => 300);

# One process, so that it is clear who fetched which keys.
my $t = Attestmdm::Test->new(start => 0, port => Attestmdm::Test::free_port(),
    config => { 'server.workers' => 1 });
my ($s, $dir) = ($t->server, $t->dir);
my ($now, $n, $browser) = (0, 0);

# One certificate for all providers; Chromium believes anybody.
$s->run($s->sim, 'make', 'tls', '--dir', "$dir/provider-tls", '--name', 'localhost');
my %tls = (cert => "$dir/provider-tls/tls.pem", key => "$dir/provider-tls/tls.key");
Attestmdm::Server::spew("$dir/secret", "$SECRET\n");
chmod(0640, "$dir/secret");
$s->set_conf('sign_in.client_id', 'attestmdm');
$s->set_conf('sign_in.server_ca', "$dir/provider-tls/tls-ca.pem");
$s->set_conf('sign_in.issuer', 'https://localhost');
$s->start;
$t->tool_ok('setting', 'set', $SETTING, 'true');

sub later { $now += $_[0]; $s->clock($now) }
sub serial { my $serial = sprintf('C30TEST%05d', ++$n); $t->assign($serial); return $serial }
sub account { return $t->db("SELECT account FROM enrollments WHERE serial = '$_[0]'")->[0]{account} }
sub why { return $t->events($_[0])->[-1]{reason} }

# The process that asks the provider knows nothing of it, at the real time.
sub forget {
	$s->clock($now = 0);
	$s->restart('enroll-sso');
}

# The provider of the next tests.
sub provider {
	my ($url, $secret) = @_;
	$s->set_conf('sign_in.issuer', $url);
	$s->set_conf('sign_in.client_secret_file', $secret ? "$dir/secret" : '');
	forget();
}

sub checked {
	my ($line) = $t->tool('check', '--no-nginx')->{out} =~ /(.*sign-in.*)/;
	return $line;
}

# A browser as Setup Assistant has it, at its first page.
sub begin {
	my ($serial, $path) = @_;
	$browser ||= Attestmdm::Browser->open($t);
	$browser->window(%SMALL);
	$t->make('machineinfo', '--serial', $serial, '-o', "$dir/info");
	return $browser->go('/enroll/sso',
	    'x-apple-aspen-deviceinfo' => encode_base64(Attestmdm::Server::slurp("$dir/info"), ''));
}

sub is_profile {
	my ($file, $serial, $account) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($file->{text}, qr/com\.apple\.mdm/, 'the profile');
	like($file->{text}, qr{/acme/}, 'by ACME');
	is(account($serial), $account, 'with the account');
}

# The page that a person gets, in Setup Assistant's small window.
sub is_page {
	my ($text, $code, $serial, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $page = $browser->page;
	like($page->{text}, $text, "$name: in plain words");
	cmp_ok($page->{overflow}, '<=', 0, "$name: nothing is cut off");
	is("@{ $browser->axe }", '', "$name: axe finds nothing");
	is("@{ $browser->keyboard->{unseen} }", '', "$name: it is seen what has the focus");
	$browser->shot("sign-in-$name", 'part');
	$t->refused($serial, 'sign-in', $code, $name);
}

sub skip_without {
	for my $registry (@_) {
		my $why = Attestmdm::Stranger::lacks($registry) or next;
		plan(skip_all => $why);
	}
	plan(skip_all => 'chromium is not installed') if !Attestmdm::Browser::program();
}

subtest 'fleet-95: oidc-provider, in Chromium' => sub {
	skip_without('npm');
	my $stranger = Attestmdm::Stranger->start($t, 'oidc-provider', 'oidc-provider.js');
	my $url = $stranger->ask('start', %tls, alg => 'RS256', client => {
		client_id => 'attestmdm', client_secret => $SECRET,
		redirect_uris => [$t->url . '/enroll/sso/callback'] })->{url};
	provider($url, 1);
	like(checked(), qr/^ok.*\Q$url\E.*1 keys/, 'check reaches it');

	# Types who it is, and agrees.
	my $sign_in = sub {
		my ($account) = @_;
		$browser->fill('[name=login]', $account);
		$browser->fill('[name=password]', 'x');
		$browser->follow('role=button[name="Sign-in"]');
		return $browser->download('role=button[name="Continue"]');
	};
	for my $alg (qw(RS256 PS256 ES256 EdDSA)) {
		$stranger->ask('again', alg => $alg) if $alg ne 'RS256';
		later(61);
		my $serial = serial();
		my $r = begin($serial);
		like("$r->{status} $r->{url}", qr{^200 \Q$url\E/interaction/}, "$alg: its page");
		is_profile($sign_in->("$alg\@example.com"), $serial, "$alg\@example.com");
	}

	$stranger->ask('again', alg => 'RS256', conform => 1);
	later(61);
	my $serial = serial();
	begin($serial);
	$browser->fill('[name=login]', 'ada@example.com');
	$browser->fill('[name=password]', 'x');
	$browser->follow('role=button[name="Sign-in"]');
	is($browser->follow('role=button[name="Continue"]')->{status}, 403, 'an ID token without the address');
	is_page(qr/may not enroll.*Try again/s, 'SIGN_IN_ACCOUNT', $serial, 'no-address');
	like(why($serial), qr/no usable email/, 'which the log says');

	$stranger->ask('again', alg => 'RS256');
	later(61);
	$serial = serial();
	begin($serial);
	is($browser->follow('text=Cancel')->{status}, 403, 'turned back');
	is_page(qr/not completed.*Try again/s, 'SIGN_IN_CANCELLED', $serial, 'cancelled');
	like($browser->follow('text=Try again')->{url}, qr{^\Q$url\E/interaction/}, 'tried again, without information');
	is_profile($sign_in->('ada@example.com'), $serial, 'ada@example.com');

	$serial = serial();
	begin($serial);
	$browser->tab;
	like($browser->go('/enroll/sso')->{url}, qr{^\Q$url\E/interaction/}, 'a second tab');
	$browser->use_tab(0);
	$browser->fill('[name=login]', 'first@example.com');
	$browser->fill('[name=password]', 'x');
	$browser->follow('role=button[name="Sign-in"]');
	is($browser->follow('role=button[name="Continue"]')->{status}, 410, 'the first one is too late');
	like($browser->page->{text}, qr/opened twice.*Try again/s, 'and says so');
	is(account($serial), undef, 'and gives nothing');
	$browser->use_tab(1);
	is_profile($sign_in->('second@example.com'), $serial, 'second@example.com');
	is($stranger->stop, 0, 'it ends');

	forget();
	$serial = serial();
	is(begin($serial)->{status}, 502, 'the provider is down');
	is_page(qr/The sign-in service is not available.*Try again in a few minutes/s, 'NET_UNREACHABLE', $serial, 'provider-down');
};

subtest 'fleet-95: oidc-provider-mock, in Chromium' => sub {
	skip_without('npm', 'pypi');
	my $stranger = Attestmdm::Stranger->start($t, 'oidc-provider-mock', 'oidc-provider-mock.py');
	my $url = $stranger->ask('start', %tls)->{url};
	provider($url, 1);
	like(checked(), qr/^ok.*\Q$url\E.*1 keys/, 'check reaches it');
	my $serial = serial();
	like(begin($serial)->{url}, qr{^\Q$url\E/oauth2/authorize}, 'its form');
	$browser->fill('[name=sub]', 'grace@example.com');
	is_profile($browser->download('role=button[name="Authorize"]'), $serial, 'grace@example.com');
	$serial = serial();
	begin($serial);
	# It leaves out the state (RFC 6749 section 4.1.2.1), so nobody knows whose try that was.
	is($browser->follow('role=button[name="Deny"]')->{status}, 410, 'turned back');
	like($browser->page->{text}, qr/Sign in again.*Try again/s, 'and can try again');
	is(account($serial), undef, 'with nothing given');
};

subtest 'oauth2-mock-server, spoiled' => sub {
	my $lacks = Attestmdm::Stranger::lacks('npm');
	plan(skip_all => $lacks) if $lacks;
	my $stranger = Attestmdm::Stranger->start($t, 'oauth2-mock-server', 'oauth2-mock-server.js');
	my $url = $stranger->ask('start', %tls)->{url};
	my $enroll = sub {
		return $t->sim('enroll', '--serial', $_[0], '--sign-in', 'x',
		    '--provider-ca', "$dir/provider-tls/tls-ca.pem");
	};
	my $refused = sub {
		my ($code, $reason, $name, $text) = @_;
		my $serial = serial();
		my $r = $enroll->($serial);
		is($r->{exit}, 3, "$name: refused");
		like($r->{out}, $text // qr/could not be verified.*Try again/s, "$name: in plain words");
		is(account($serial), undef, "$name: no enrollment");
		$t->refused($serial, 'sign-in', $code, $name);
		like(why($serial), $reason, "$name: with its reason");
	};
	my $works = sub {
		my ($name) = @_;
		my $serial = serial();
		my $r = $enroll->($serial);
		is($r->{exit}, 0, $name) or diag($r->{out}, $r->{err}, why($serial));
		is(account($serial), 'ada@example.com', "$name: the account");
	};
	provider($url, 1);
	like(checked(), qr/client_secret_basic/, 'it is a provider for clients without a secret, which check says');
	provider($url, 0);
	like(checked(), qr/^ok.*\Q$url\E.*1 keys/, 'and reaches it without one');
	$works->('a Mac signs in and enrolls');

	my $time = time;
	for (
		[{ claims => { aud => 'other' } }, qr/another client/, 'wrong audience'],
		[{ claims => { aud => ['attestmdm', 'other'] } }, qr/azp/, 'audiences without a party'],
		[{ claims => { iss => 'https://evil.example' } }, qr/evil\.example/, 'wrong issuer'],
		[{ claims => { iss => "$url/" } }, qr/issuer/, 'an issuer with a slash more'],
		[{ claims => { exp => int($time - 61) } }, qr/expired/, 'expired'],
		[{ claims => { exp => undef } }, qr/exp/, 'without an end'],
		[{ claims => { nbf => int($time + 120) } }, qr/not valid yet/, 'not yet valid'],
		[{ claims => { iat => int($time + 120) } }, qr/not valid yet/, 'issued later'],
		[{ claims => { iat => int($time - 700) } }, qr/older/, 'issued long ago'],
		[{ claims => { nonce => 'x' } }, qr/another sign-in/, 'wrong nonce'],
		[{ claims => { nonce => undef } }, qr/nonce/, 'no nonce'],
		[{ claims => { sub => undef, email => undef } }, qr/sub/, 'nobody'],
		[{ header => { alg => 'none' }, sign => 'none' }, qr/algorithm/, 'alg none'],
		[{ header => { alg => 'HS256' }, sign => 'hs256' }, qr/algorithm/, 'HS256 with the public key'],
		[{ sign => 'hs256' }, qr/does not verify/, 'HS256 that says RS256'],
		[{ sign => 'none' }, qr/does not verify/, 'no signature'],
		[{ sign => 'corrupt' }, qr/does not verify/, 'a changed signature'],
		[{ sign => 'other' }, qr/does not verify/, 'a foreign key'],
	) {
		my ($spoil, $reason, $name) = @$_;
		$stranger->ask('spoil', %$spoil);
		$refused->('SIGN_IN_TOKEN', $reason, $name);
	}
	for my $alg (qw(RS384 PS512 ES384)) {
		$stranger->ask('rotate', alg => $alg);
		later(61);
		$refused->('SIGN_IN_TOKEN', qr/algorithm/, "signed with $alg");
	}
	$stranger->ask('rotate');
	forget();
	$works->('with its first keys');
	for my $alg (qw(RS256 PS256 ES256 EdDSA)) {
		$stranger->ask('rotate', alg => $alg);
		later(61);
		$works->("keys are rotated, to one for $alg");
	}
	$stranger->ask('rotate');
	forget();
	$stranger->ask('spoil', claims => { exp => $time + 600.5, iat => $time - 0.25, nbf => $time - 0.5 });
	$works->('times with a fraction');
	$stranger->ask('spoil', claims => { email_verified => 'true', aud => ['attestmdm'] });
	$works->('texts and arrays, as some write them');

	forget();
	$works->('keys are fetched');
	my $asked = sub { return $stranger->ask('asked', path => $_[0])->{times} };
	my $before = $asked->('/jwks');
	for my $times (1 .. 3) {
		$stranger->ask('spoil', header => { kid => "unknown $times" });
		$refused->('SIGN_IN_KEY', qr/no key "unknown $times"/, "unknown kid $times");
	}
	is($asked->('/jwks'), $before + 1, 'for which keys are fetched once in a minute');
	$works->('the known key goes on to work');

	for (['/token', { kind => 'redirect', location => 'https://evil.example/' }, 'SIGN_IN_PROVIDER', qr/302/, 'token: redirecting elsewhere'],
	    ['/token', { kind => 'slow', seconds => 30 }, 'NET_TIMEOUT', qr/./, 'token: slow'],
	    ['/jwks', { kind => 'redirect', location => "$url/jwks" }, 'SIGN_IN_PROVIDER', qr/302/, 'keys: redirecting'],
	    ['/jwks', { kind => 'huge' }, 'NET_ANSWER', qr/262144/, 'keys: 10 MB'],
	    ['/.well-known/openid-configuration', { kind => 'redirect', location => 'https://evil.example/' },
		'SIGN_IN_PROVIDER', qr/302/, 'configuration: redirecting elsewhere']) {
		my ($path, $fault, $code, $reason, $name) = @$_;
		forget();
		$stranger->ask('fault', path => $path, %$fault);
		my $began = time;
		$refused->($code, $reason, $name, qr/Try again/);
		cmp_ok(time - $began, '<', 25, "$name: and keeps nobody waiting");
	}
	for (['invalid_grant', 'SIGN_IN_EXPIRED', qr/code/], ['server_error', 'SIGN_IN_PROVIDER', qr/server_error/]) {
		my ($error, $code, $reason) = @$_;
		$stranger->ask('spoil', answer => { statusCode => 400, body => { error => $error } });
		$refused->($code, $reason, "token: $error", qr/Try again/);
	}

	subtest 'an answer that comes twice' => sub {
		my $serial = serial();
		my $back = until_callback($serial);
		is(callback($back)->{status}, 200, 'first');
		is(callback($back)->{status}, 410, 'replayed: state and code');
		is(scalar @{ $t->db("SELECT id FROM enrollments WHERE serial = '$serial'") }, 1, 'one enrollment');
		my $other = serial();
		my $second = until_callback($other);
		my ($code) = $back->{path} =~ /[?&]code=([^&]+)/;
		$second->{path} =~ s/([?&]code=)[^&]+/$1$code/;
		my $r = callback($second);
		isnt($r->{status}, 200, 'a used code with a new state');
		is(account($other), undef, 'gives nothing');
		$t->refused($other, 'sign-in', 'SIGN_IN_PROVIDER');
	};

	$stranger->ask('down');
	forget();
	$refused->('NET_UNREACHABLE', qr/./, 'provider down', qr/Try again/);
	$stranger->ask('up');
	$works->('and up again');
};

# From the device's first page to where the provider sends it back: { path, cookie }.
sub until_callback {
	my ($serial) = @_;
	$t->make('machineinfo', '--serial', $serial, '-o', "$dir/info");
	my $r = $t->http(GET => '/enroll/sso', headers => {
		'x-apple-aspen-deviceinfo' => encode_base64(Attestmdm::Server::slurp("$dir/info"), '') });
	my ($cookie) = $r->{headers}{'set-cookie'} =~ /^([^;]+)/;
	my $at = $t->command('curl', '-s', '-S', '-i', '--max-time', 20, '--cacert',
	    "$dir/provider-tls/tls-ca.pem", $r->{headers}{location});
	my ($path) = $at->{out} =~ m{^Location: https://[^/]+(\S+)}mi or die "no way back: $at->{out}$at->{err}";
	return { path => $path, cookie => $cookie };
}

sub callback { return $t->http(GET => $_[0]{path}, headers => { Cookie => $_[0]{cookie} }) }

$t->done;
