#!/usr/bin/perl
# Signing in by OpenID Connect before a device gets its profile: the simulated
# Mac's web view against a stand-in for an identity provider, and a browser of
# our own for what no device does.
use strict;
use warnings;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

use Attestmdm::Apple;
use Attestmdm::Http;
use Attestmdm::Test;

# One process, so that it is clear who fetched which keys.
my $t = Attestmdm::Test->new(start => 0, config => { 'server.workers' => 1 });
my $s = $t->server;
my $dir = $t->dir;
my $SETTING = 'enable_end_user_authentication';
my $SECRET = 'secret123';
my $now = 0;
my $n = 0;

my $provider = Attestmdm::Apple->start($s, 'provider', 'client-secret' => $SECRET);
Attestmdm::Server::spew("$dir/secret", "$SECRET\n");
chmod(0640, "$dir/secret");

sub later { $now += $_[0]; $s->clock($now) }
sub serial { my $serial = sprintf('C84TEST%05d', ++$n); $t->assign($serial); return $serial }

sub enroll {
	my ($serial, $account, @options) = @_;
	return $t->sim('enroll', '--serial', $serial, '--sign-in', $account,
	    '--provider-ca', $provider->cacert, @options);
}

sub info {
	my ($serial, @options) = @_;
	$t->make('machineinfo', '--serial', $serial, '-o', "$dir/info", @options);
	return Attestmdm::Server::slurp("$dir/info");
}

sub value { $t->db("SELECT $_[0] AS v FROM $_[1]")->[0]{v} }
sub enrollments { value('count(*)', "enrollments WHERE serial = '$_[0]'") }
sub requests { scalar grep { $_->{path} eq $_[0] } @{ $provider->log('requests') } }

# A browser: GET with the cookie it has; it keeps the one it gets.
sub get {
	my ($browser, $path, %headers) = @_;
	$headers{Cookie} = $browser->{cookie} if $browser->{cookie};
	my $r = $t->http(GET => $path, headers => \%headers);
	$browser->{cookie} = $1 if ($r->{headers}{'set-cookie'} // '') =~ /^([^;]+)/;
	return $r;
}

# Its first page: the device's information is in a header.
sub begin {
	my ($browser, $serial, @options) = @_;
	return get($browser, '/enroll/sso',
	    'x-apple-aspen-deviceinfo' => encode_base64(info($serial, @options), ''));
}

# The parameters of a URL, decoded.
sub query {
	my ($url) = @_;
	my ($query) = ($url // '') =~ /\?(.*)/;
	return { map { s/%(..)/chr(hex $1)/ger } map { split(/=/, $_, 2) } split(/&/, $query // '') };
}

# At the provider: from where it is sent to where that sends it back.
sub sign_in {
	my ($location, $account) = @_;
	my @curl = ('curl', '-s', '-S', '-i', '--max-time', 20, '--cacert', $provider->cacert);
	my $page = $t->command(@curl, $location)->{out};
	my ($id) = $page =~ /name="request" value="([0-9a-f]+)"/ or die "no form: $page";
	my $r = $t->command(@curl, '--data', "request=$id", '--data-urlencode', "account=$account",
	    $provider->url . '/login');
	my ($back) = $r->{out} =~ m{^Location: https://[^/]+(\S+)}mi or die "no way back: $r->{out}";
	return $back;
}

# A whole sign-in of a new device, up to the provider's answer; where that leads.
sub until_callback {
	my ($browser, $serial) = @_;
	my $r = begin($browser, $serial);
	is($r->{status}, 303, 'sent to the provider') or diag($r->{body});
	return sign_in($r->{headers}{location}, 'ada@example.com');
}

# The page with this status; nothing was created; the event log says why.
sub refused {
	my ($r, $serial, $status, $code, $reason, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, $status, "$name: $status");
	like($r->{headers}{'content-type'}, qr{^text/html}, "$name: a page");
	unlike($r->{body}, qr{/acme/|PayloadType|<script}, "$name: with nothing secret in it");
	return if !defined $serial;
	is(enrollments($serial), 0, "$name: no enrollment");
	$t->refused($serial, 'sign-in', $code, $name);
	like($t->events($serial)->[-1]{reason}, $reason, "$name: with its reason");
}

subtest 'the setting needs a provider' => sub {
	my $r = $t->tool('setting', 'set', $SETTING, 'true');
	is($r->{exit}, 4, 'refused while none is configured');
	like($r->{err}, qr/\[sign_in\]/, 'and says where');
	is($t->tool_ok('setting', 'get', $SETTING), "false\n", 'it is off');
	$s->set_conf('sign_in.client_id', 'attestmdm');
	$s->set_conf('sign_in.client_secret_file', "$dir/secret");
	$s->set_conf('sign_in.server_ca', $provider->cacert);
	$s->set_conf('sign_in.issuer', 'http://127.0.0.1');
	isnt($t->tool('setting', 'get')->{exit}, 0, 'http is no issuer');
	$s->set_conf('sign_in.issuer', $provider->url);
	$s->start;
};

subtest 'fleet-95: off, nobody is asked' => sub {
	my $serial = serial();
	my $r = begin({}, $serial);
	is($r->{status}, 200, 'the profile at once, for a device that was told to come here');
	is($r->{headers}{'content-type'}, 'application/x-apple-aspen-config', 'its type');
	is($t->http(POST => '/enroll/sso', body => info($serial))->{status}, 200, 'also by POST');
	is(requests('/.well-known/openid-configuration'), 0, 'the provider hears nothing');
	is(value('account', "enrollments WHERE serial = '$serial'"), '', 'no account');
};

subtest 'check tries the provider' => sub {
	my ($line) = $t->tool('check', '--no-nginx')->{out} =~ /(.*sign-in.*)/;
	like($line, qr/^ok.*\Q${\ $provider->url}\E.*1 keys; nobody has to/, 'it answers');
	$provider->script({ answer => '/jwks', status => 500, body => 'no' });
	($line) = $t->tool('check', '--no-nginx')->{out} =~ /(.*sign-in.*)/;
	like($line, qr/BAD.*jwks.*500/, 'and when it does not');
	chmod(0644, "$dir/secret");
	($line) = $t->tool('check', '--no-nginx')->{out} =~ /(.*sign-in.*)/;
	like($line, qr/BAD/, 'a secret that others may read');
	chmod(0640, "$dir/secret");
};

# What they have when the setting is turned on: a certificate, not used yet.
my %early = (serial() => [], serial() => ['--product', 'MacBookPro14,1']);
for (sort keys %early) {
	my $r = $t->sim('enroll', '--serial', $_, '--no-mdm', '--state', "$dir/$_", @{ $early{$_} });
	is($r->{exit}, 0, "$_: a certificate") or diag($r->{err});
}

$t->tool_ok('setting', 'set', $SETTING, 'true');

subtest 'check looks at clocks, and for a provider while people must sign in' => sub {
	my $other = "$dir/other.conf";
	my $check = sub {
		my ($change) = @_;
		Attestmdm::Server::spew($other, $change->(Attestmdm::Server::slurp($s->conf)));
		my $out = $t->command($s->tool, 'check', '--no-nginx', '--config', $other)->{out};
		return join("\n", $out =~ /^(.*sign-in.*)$/mg);
	};
	Attestmdm::Server::spew("$dir/other-clock", "100\n");
	like($check->(sub { $_[0] =~ s{^clock_offset_file = .*}{clock_offset_file = $dir/other-clock}mr }),
	    qr/^BAD.*identity provider is (?:9\d|10\d) seconds behind/m, 'a clock that differs');
	unlike($check->(sub { $_[0] }), qr/BAD/, 'one that does not');
	like($check->(sub { $_[0] =~ s/^\[sign_in\]\n(?:(?!\[).*\n)*//mr }), qr/^BAD.*names no identity provider/m, 'no provider');
};

subtest 'fleet-95: a Mac signs in and enrolls, its hardware attested' => sub {
	my $serial = serial();
	my $r = enroll($serial, 'ada@example.com');
	is($r->{exit}, 0, 'it enrolls') or diag($r->{out}, $r->{err});
	my $host = $t->tool_json('host', 'show', $serial);
	is($host->{account}, 'ada@example.com', 'the host has the account');
	ok($host->{mdm_enrollment_hardware_attested}, 'and is attested');
	like($t->tool_ok('host', 'show', $serial), qr/Account:? +ada\@example\.com/, 'as the tool shows');
	my ($event) = grep { $_->{step} eq 'profile' } @{ $t->events($serial) };
	like($event->{reason}, qr/ACME.*signed in as ada\@example\.com/, 'the event log, too');
	is(value('count(*)', 'sign_ins'), 0, 'nothing is kept of the sign-in');
	my ($asked) = grep { $_->{path} eq '/authorize' } @{ $provider->log('requests') };
	my $q = query("?$asked->{query}");
	is($q->{scope}, 'openid email profile', 'the scopes');
	is($q->{redirect_uri}, $t->url . '/enroll/sso/callback', 'the way back');
	is($q->{code_challenge_method}, 'S256', 'a proof key');
	ok(!exists $q->{prompt}, 'one who is signed in there need not do so again');
};

subtest 'a renewal keeps the account, and a SCEP device has one' => sub {
	my $serial = serial();
	my $r = enroll($serial, 'intel@example.com', '--product', 'MacBookPro14,1', '--state', "$dir/device");
	is($r->{exit}, 0, 'an Intel Mac enrolls') or diag($r->{err});
	is($t->tool_json('host', 'show', $serial)->{account}, 'intel@example.com', 'with its account');
	my $before = value('enrollment_id', "hosts WHERE serial = '$serial'");
	$t->tool_ok('renew', '--host', $serial);
	is($t->sim('poll', '--state', "$dir/device")->{exit}, 0, 'it is renewed');
	isnt(value('enrollment_id', "hosts WHERE serial = '$serial'"), $before, 'by another enrollment');
	is($t->tool_json('host', 'show', $serial)->{account}, 'intel@example.com', 'and has it still');
};

subtest 'without signing in there is nothing' => sub {
	my $serial = serial();
	for my $path ('/enroll', '/enroll/sso') {
		my $r = $t->http(POST => $path, body => info($serial));
		is($r->{status}, 403, "POST $path: 403");
		unlike($r->{body}, qr/PayloadType/, 'no profile');
	}
	is(enrollments($serial), 0, 'no enrollment');
	$t->refused($serial, 'profile', 'ENROLL_SIGN_IN');
	for (sort keys %early) {
		is($t->sim('authenticate', '--state', "$dir/$_")->{exit}, 3, "$_: too late with its certificate");
		$t->refused($_, 'authenticate', 'ENROLL_SIGN_IN');
	}
	my $open = $t->db("SELECT id FROM enrollments WHERE account = '' AND serial = 'C84TEST00001' LIMIT 1")->[0]{id};
	is($t->http(GET => "/acme/$open/directory")->{status}, 200, 'a profile from before is there');
	my $link = $t->tool_ok('enrollment', 'new');
	like($link, qr{/enroll/manual/}, 'links ask nobody');
};

subtest 'only devices begin' => sub {
	my $r = get({}, '/enroll/sso');
	refused($r, undef, 400, undef, undef, 'without information');
	unlike($r->{body}, qr/Try again/, 'there is nothing to try again');
	$r = get({}, '/enroll/sso', 'x-apple-aspen-deviceinfo' => '!');
	is($r->{status}, 400, 'no base64');
	my $serial = serial();
	is(begin({}, $serial, '--fault', 'machineinfo-tampered')->{status}, 403, 'not signed by a device');
	my %b;
	$r = begin(\%b, 'ZZNOBODY0001');
	is($r->{status}, 403, 'a device that is not ours is refused before anybody signs in');
	$t->refused('ZZNOBODY0001', 'sign-in', 'ENROLL_UNASSIGNED');
	is($b{cookie}, undef, 'and gets no cookie');
};

subtest 'the minimum version comes first' => sub {
	my $serial = serial();
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', '99.0');
	my $r = begin({}, $serial);
	is($r->{status}, 403, 'refused');
	is($t->json($r)->{code}, 'com.apple.softwareupdate.required', 'what Setup Assistant understands');
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', '');
	my %b;
	my $back = until_callback(\%b, $serial);
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', '99.0');
	is($t->json(get(\%b, $back))->{code}, 'com.apple.softwareupdate.required', 'also when it changed meanwhile');
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', '');
	is(get(\%b, '/enroll/sso')->{status}, 303, 'and the information is still kept');
};

subtest 'the cookie' => sub {
	my ($serial, %b) = serial();
	my $r = begin(\%b, $serial);
	like($r->{headers}{'set-cookie'}, qr/^__Host-attestmdm-enroll=[\w-]{43}; Path=\/; Max-Age=1800; Secure; HttpOnly; SameSite=Lax$/, 'its attributes');
	my ($row) = @{ $t->db("SELECT * FROM sign_ins WHERE serial = '$serial'") };
	my ($secret) = $b{cookie} =~ /=(.*)/;
	ok(!grep({ defined && index($_, $secret) >= 0 } values %$row), 'is not stored');
	my $q = query($r->{headers}{location});
	ok(!grep({ defined && index($_, $q->{state}) >= 0 } values %$row), 'nor the state');
};

subtest 'each state works once, in its own browser' => sub {
	my ($serial, %b) = serial();
	my $back = until_callback(\%b, $serial);
	my %other;
	refused(get({}, $back), undef, 410, undef, undef, 'without a cookie');
	begin(\%other, serial());
	refused(get({ %other }, $back), undef, 410, undef, undef, 'in another browser');
	refused(get({ %b }, $back =~ s/state=./state=_/r), undef, 410, undef, undef, 'another state');
	refused(get({ %b }, $back =~ s/state=[^&]*/state=/r), undef, 410, undef, undef, 'no state');
	is(enrollments($serial), 0, 'no enrollment yet');
	my %copy = %b;
	is(get(\%b, $back)->{status}, 200, 'the right one');
	is($b{cookie}, '__Host-attestmdm-enroll=', 'the cookie is gone');
	refused(get({ %copy }, $back), undef, 410, undef, undef, 'again');
	is(enrollments($serial), 1, 'one enrollment');
};

subtest 'two tabs' => sub {
	my ($serial, %b) = serial();
	my $first = until_callback(\%b, $serial);
	my $r = get(\%b, '/enroll/sso');
	is($r->{status}, 303, 'the second tab begins by the stored information');
	is(query($r->{headers}{location})->{prompt}, 'login', 'and the provider asks who it is');
	my $second = sign_in($r->{headers}{location}, 'ada@example.com');
	refused(get({ %b }, $first), undef, 410, undef, undef, 'the first tab');
	is(get(\%b, $second)->{status}, 200, 'the second tab');
};

subtest 'too late, too often' => sub {
	my ($serial, %b) = serial();
	my $back = until_callback(\%b, $serial);
	later(1801);
	refused(get({ %b }, $back), undef, 410, undef, undef, 'after half an hour');
	my $r = get({ %b }, '/enroll/sso');
	refused($r, undef, 410, undef, undef, 'then the information is gone');
	unlike($r->{body}, qr/Try again/, 'and there is nothing to try again');
	$s->run($s->tool, 'purge', '--config', $s->conf);
	is(value('count(*)', "sign_ins WHERE serial = '$serial'"), 0, 'the row, too');
	$serial = serial();
	begin(\%b, $serial);
	$r = get(\%b, '/enroll/sso') for 1 .. 20;
	refused($r, $serial, 410, 'SIGN_IN_EXPIRED', qr/too often/, '21 times');
};

subtest 'one device key leaves five rows, and tries 20 times' => sub {
	my $serial = serial();
	my $bytes = encode_base64(info($serial), '');
	get({}, '/enroll/sso', 'x-apple-aspen-deviceinfo' => $bytes) for 1 .. 7;
	is(value('count(*)', "sign_ins WHERE serial = '$serial'"), 5, 'of seven');
	my $r;
	$r = get({}, '/enroll/sso', 'x-apple-aspen-deviceinfo' => $bytes) for 8 .. 21;
	refused($r, $serial, 410, 'SIGN_IN_EXPIRED', qr/too often/, 'the 21st page');
	later(60);
	$r = get({}, '/enroll/sso', 'x-apple-aspen-deviceinfo' => $bytes);
	is($r->{status}, 303, 'a minute later it can begin again');
};

subtest 'turned back' => sub {
	my $serial = serial();
	my $r = enroll($serial, '');
	is($r->{exit}, 3, 'refused');
	like($r->{out}, qr/not completed.*Try again/s, 'in plain words');
	$t->refused($serial, 'sign-in', 'SIGN_IN_CANCELLED');
	like($t->events($serial)->[-1]{reason}, qr/access_denied/, 'with what the provider says');
};

subtest 'spoiled tokens' => sub {
	my @cases = (
		[{ claims => { nonce => 'x' } }, qr/another sign-in/, 'nonce'],
		[{ claims => { nonce => undef } }, qr/nonce/, 'no nonce'],
		[{ claims => { aud => 'other' } }, qr/another client/, 'audience'],
		[{ claims => { aud => ['attestmdm', 'other'] } }, qr/azp/, 'audiences without a party'],
		[{ claims => { azp => 'other' } }, qr/got the ID token/, 'authorized party'],
		[{ claims => { iss => 'https://evil.example' } }, qr/evil\.example/, 'issuer'],
		[{ claims => { exp => 1 } }, qr/expired/, 'expired'],
		[{ claims => { nbf => 9999999999 } }, qr/not valid yet/, 'not yet valid'],
		[{ claims => { iat => 1 } }, qr/older/, 'old'],
		[{ header => { alg => 'none' }, sign => 'none' }, qr/algorithm/, 'alg none'],
		[{ header => { alg => 'HS256' }, sign => 'hs256' }, qr/algorithm/, 'HS256 by the public key'],
		[{ sign => 'hs256' }, qr/does not verify/, 'HS256 that says RS256'],
		[{ sign => 'none' }, qr/does not verify/, 'no signature'],
		[{ sign => 'corrupt' }, qr/does not verify/, 'a changed signature'],
		[{ sign => 'other' }, qr/does not verify/, 'a foreign key'],
		[{ header => { typ => 'at+jwt' } }, qr/at\+jwt/, 'an access token'],
	);
	for (@cases) {
		my ($spoil, $reason, $name) = @$_;
		my $serial = serial();
		$provider->script({ answer => '/token', %$spoil });
		my $r = enroll($serial, 'ada@example.com');
		is($r->{exit}, 3, "$name: refused");
		like($r->{out}, qr/could not be verified.*Try again/s, "$name: in plain words");
		is(enrollments($serial), 0, "$name: no enrollment");
		$t->refused($serial, 'sign-in', 'SIGN_IN_TOKEN', $name);
		like($t->events($serial)->[-1]{reason}, $reason, "$name: with its reason");
	}
};

subtest 'keys are rotated' => sub {
	my $before = requests('/jwks');
	$provider->script({ set => 'rotate' });
	is(enroll(serial(), 'ada@example.com')->{exit}, 0, 'a new key is fetched');
	is(requests('/jwks'), $before + 1, 'once');
	my $serial = serial();
	$provider->script({ answer => '/token', header => { kid => 'unknown' } });
	is(enroll($serial, 'ada@example.com')->{exit}, 3, 'an unknown one is refused');
	$t->refused($serial, 'sign-in', 'SIGN_IN_KEY');
	is(requests('/jwks'), $before + 1, 'and not asked for within a minute');
	later(61);
	$provider->script({ answer => '/token', header => { kid => 'unknown' } });
	is(enroll(serial(), 'ada@example.com')->{exit}, 3, 'still refused after it');
	is(requests('/jwks'), $before + 2, 'but asked for');
	later(61);
	$provider->script({ set => 'rotate' });
	$provider->script({ answer => '/token', header => { kid => undef } });
	is(enroll(serial(), 'ada@example.com')->{exit}, 0, 'a new key without a name is fetched, too');
	for my $alg (qw(ES256 EdDSA PS256)) {
		later(61);
		$provider->script({ set => 'alg', value => $alg });
		is(enroll(serial(), 'ada@example.com')->{exit}, 0, $alg);
	}
};

subtest 'the provider fails' => sub {
	my @cases = (
		# A kept connection that is closed is taken for an idle one, and another is made.
		['/token', { do => 'close', times => 2 }, 502, 'NET_ANSWER', qr/./, 'it hangs up'],
		['/token', { status => 302, location => $t->url . '/enroll/sso' }, 502, 'SIGN_IN_PROVIDER', qr/302/, 'it redirects'],
		['/token', { status => 500, body => '<html>' }, 502, 'SIGN_IN_PROVIDER', qr/500/, 'it is out of order'],
		['/token', { status => 401, body => '{"error":"invalid_client"}' }, 502, 'SIGN_IN_PROVIDER', qr/invalid_client/, 'our secret is wrong'],
		['/token', { status => 400, body => '{"error":"invalid_grant"}' }, 410, 'SIGN_IN_EXPIRED', qr/code/, 'the code is old'],
		['/token', { status => 200, body => '{}' }, 502, 'SIGN_IN_PROVIDER', qr/id_token/, 'it sends no ID token'],
	);
	for (@cases) {
		my ($path, $script, $status, $code, $reason, $name) = @$_;
		my ($serial, %b) = serial();
		my $back = until_callback(\%b, $serial);
		$provider->script({ answer => $path, %$script });
		my $r = get(\%b, $back);
		refused($r, $serial, $status, $code, $reason, $name);
		like($r->{body}, qr{href="/enroll/sso">Try again}, "$name: and how to go on");
	}
};

subtest 'configuration and keys' => sub {
	my @cases = (
		['/.well-known/openid-configuration', { status => 302, location => 'https://evil.example/' }, 502, 'SIGN_IN_PROVIDER', qr/302/, 'a redirect'],
		['/.well-known/openid-configuration', { status => 200, body => '{"issuer":"https://evil.example"}' }, 502, 'SIGN_IN_PROVIDER', qr/evil\.example/, 'another issuer'],
		['/.well-known/openid-configuration', { status => 200, body => '<html>' }, 502, 'SIGN_IN_PROVIDER', qr/./, 'no JSON'],
	);
	for (@cases) {
		my ($path, $script, $status, $code, $reason, $name) = @$_;
		my ($serial, %b) = serial();
		later(3601);
		$provider->script({ answer => $path, %$script });
		my $r = begin(\%b, $serial);
		refused($r, $serial, $status, $code, $reason, $name);
		like($r->{body}, qr/Try again/, "$name: can be tried again");
		$r = get(\%b, '/enroll/sso');
		is($r->{status}, 303, 'by the stored information');
		is(get(\%b, sign_in($r->{headers}{location}, 'ada@example.com'))->{status}, 200, 'to the end');
	}
	my ($serial, %b) = serial();
	later(3601);
	my $back = until_callback(\%b, $serial);
	$provider->script({ answer => '/jwks', do => 'huge', megabytes => 10 });
	refused(get(\%b, $back), $serial, 502, 'NET_ANSWER', qr/more than 262144 bytes/, '10 MB of keys');
	is(get(\%b, sign_in(get(\%b, '/enroll/sso')->{headers}{location}, 'ada@example.com'))->{status}, 200, 'the next try works');
};

subtest 'a slow provider' => sub {
	my ($serial, %b) = serial();
	my $back = until_callback(\%b, $serial);
	$provider->script({ answer => '/token', do => 'freeze' });
	my $began = time;
	refused(get(\%b, $back), $serial, 502, 'NET_TIMEOUT', qr/./, 'says nothing');
	ok(time - $began < 15, 'and keeps nobody waiting');
};

subtest 'the answer names its issuer' => sub {
	my ($serial, %b) = serial();
	my $back = until_callback(\%b, $serial);
	refused(get(\%b, $back =~ s/iss=[^&]*/iss=https%3A%2F%2Fevil.example/r), $serial, 403,
	    'SIGN_IN_TOKEN', qr/issuer/, 'another issuer');
	$serial = serial();
	$back = until_callback(\%b, $serial);
	refused(get(\%b, $back =~ s/&iss=[^&]*//r), $serial, 403, 'SIGN_IN_TOKEN', qr/issuer/, 'none');
};

subtest 'who may' => sub {
	$s->set_conf('sign_in.allowed_domains', 'example.com, Example.org');
	$s->set_conf('sign_in.allowed_groups', 'staff');
	$s->restart('enroll-sso');
	for (['eve@evil.example', {}, qr/domains/], ['example.com', {}, qr/domains/],
	    ['eve@evil.example@example.net', {}, qr/domains/],
	    ['ada@example.com', { groups => ['Staff'] }, qr/groups/], ['ada@example.com', { groups => undef }, qr/groups/],
	    ['ada@example.com', { email_verified => JSON::PP::false() }, qr/did not verify/],
	    ['ada@example.com', { email => undef }, qr/no usable email/]) {
		my ($account, $claims, $reason) = @$_;
		my $serial = serial();
		$provider->script({ answer => '/token', claims => $claims });
		my $r = enroll($serial, $account);
		is($r->{exit}, 3, "$account: refused");
		like($r->{out}, qr/may not enroll.*Try again/s, 'in plain words');
		$t->refused($serial, 'sign-in', 'SIGN_IN_ACCOUNT');
		like($t->events($serial)->[-1]{reason}, $reason, 'with its reason');
	}
	is(enroll(serial(), 'ada@EXAMPLE.ORG')->{exit}, 0, 'one of the domains, in the group');
};

subtest 'provider down' => sub {
	my ($serial, %b) = serial();
	$s->stop('provider');
	later(3601);
	my $r = begin(\%b, $serial);
	refused($r, $serial, 502, 'NET_UNREACHABLE', qr/./, 'down');
	like($r->{body}, qr/The sign-in service is not available\./, 'the person is told of no other server');
	like($r->{body}, qr/Try again/, 'can be tried again');
};

$t->done;
