#!/usr/bin/perl
# The stand-in for Apple Business, asked by curl: sessions, lists in pages,
# profiles and their assignment, and what a test can script.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha1_base64);
use MIME::Base64 qw(decode_base64 encode_base64);

use Attestmdm::Apple;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(start => 0);
my $dir = $t->dir;
my $apple = Attestmdm::Apple->start($t->server, 'business',
    devices => 25, accounts => 'main,other');
my $token;

# One request; { status, body, headers }. Options: session, headers, seconds.
sub ask {
	my ($method, $path, $body, %o) = @_;
	my %headers = (
		'Content-Type' => 'application/json;charset=UTF8',
		'User-Agent' => 'attestmdm/test',
		'X-Server-Protocol-Version' => 10,
		($o{session} // $token) ? ('X-ADM-Auth-Session' => $o{session} // $token) : (),
		%{ $o{headers} || {} },
	);
	my $r = $t->command('curl', '-s', '-S', '-i', '--http1.1', '--max-time', $o{seconds} // 30,
	    '--cacert', $apple->cacert, '-X', $method,
	    (map { ('-H', defined $headers{$_} ? "$_: $headers{$_}" : "$_:") } sort keys %headers),
	    defined $body ? ('--data-binary', ref $body ? JSON::PP->new->canonical->encode($body) : $body) : (),
	    $apple->url . $path);
	my ($head, $text) = split(/\r\n\r\n/, $r->{out}, 2);
	my ($status) = ($head // '') =~ /^HTTP\S+ (\d+)/;
	my %got = ($head // '') =~ /^([\w-]+): (.*)\r?$/mg;
	$token = $got{'X-ADM-Auth-Session'} =~ s/\r//r if $got{'X-ADM-Auth-Session'};
	return { curl => $r->{exit}, err => $r->{err}, status => $status // 0, body => $text // '', headers => \%got };
}

sub json { JSON::PP::decode_json($_[0]{body}) }

sub encode { $_[0] =~ s/([^A-Za-z0-9._~-])/sprintf('%%%02X', ord($1))/ger }

my $nonce = 0;

sub oauth {
	my (%change) = @_;
	my $values = JSON::PP::decode_json(Attestmdm::Server::slurp($apple->dir . '/main.token.json'));
	my $secret = delete $change{secret} // $values->{access_secret};
	my %p = (
		oauth_consumer_key => $values->{consumer_key},
		oauth_token => $values->{access_token},
		oauth_signature_method => 'HMAC-SHA1',
		oauth_timestamp => time,
		oauth_nonce => 'n' . ++$nonce,
		oauth_version => '1.0',
		%change,
	);
	my $base = join('&', 'GET', encode($apple->url . '/session'),
	    encode(join('&', map { encode($_) . '=' . encode($p{$_}) } sort keys %p)));
	$p{oauth_signature} = hmac_sha1_base64($base, encode($values->{consumer_secret}) . '&' . encode($secret)) . '=';
	return 'OAuth realm="ADM", ' . join(', ', map { "$_=\"" . encode($p{$_}) . '"' } sort keys %p);
}

sub session {
	my (%change) = @_;
	return ask('GET', '/session', undef, session => '', headers => { Authorization => oauth(%change) });
}

sub sign_in { $token = json(session())->{auth_session_token} }

subtest 'a session' => sub {
	like(sign_in(), qr/^[0-9a-f]{128}$/, 'begins with a good signature');
	my $account = json(ask('GET', '/account'));
	is($account->{server_name}, 'main', 'of the account');
	is((grep { $_->{uri} eq '/server/devices' } @{ $account->{urls} })[0]{limit}{maximum}, 1000,
		'which tells its limits');
	my %rows = (
		signature_invalid => { secret => 'AS_wrong' },
		token_rejected => { oauth_token => 'AT_wrong' },
		timestamp_refused => { oauth_timestamp => time - 3600 },
		signature_method_rejected => { oauth_signature_method => 'PLAINTEXT' },
		consumer_key_unknown => { oauth_consumer_key => 'CK_wrong' },
	);
	for my $word (sort keys %rows) {
		my $r = session(%{ $rows{$word} });
		is("$r->{status} $r->{body}", "401 $word", "not with $word");
	}
	my @twice = (undef, session => '', headers => { Authorization => oauth() });
	is(ask('GET', '/session', @twice)->{status}, 200, 'once');
	is(ask('GET', '/session', @twice)->{body}, 'nonce_used', 'but not twice with one nonce');
	is(ask('GET', '/session', undef, session => '')->{status}, 400, 'nor without OAuth');
	is(ask('GET', '/account', undef, session => 'x')->{body}, 'FORBIDDEN', 'nobody else is let in');
	my %wrong = ('User-Agent' => 'USER_AGENT_MISSING', 'Content-Type' => 'CONTENT_TYPE_INVALID');
	is(ask('GET', '/account', undef, headers => { $_ => undef })->{body}, $wrong{$_}, $wrong{$_})
	    for sort keys %wrong;
	is(ask('GET', '/nowhere')->{status}, 404, 'what is not there');
	is(ask('POST', '/devices', '[')->{body}, 'MALFORMED_REQUEST_BODY', 'what is no JSON');
};

subtest 'it ends and rotates' => sub {
	$apple->script({ now => 'expire' });
	is(ask('GET', '/account')->{status}, 401, 'one that is over');
	sign_in();
	$apple->script({ now => 'restart' });
	my $r = ask('GET', '/account');
	is("$r->{status} $r->{body}", '403 FORBIDDEN', 'one that is unknown');
	sign_in();
	$t->server->clock(200);
	is(ask('GET', '/account')->{status}, 401, 'after three minutes');
	$t->server->clock(0);
	sign_in();
	$apple->script({ set => 'rotate', value => 2 });
	my $old = $token;
	ask('GET', '/account') for 1 .. 2;
	isnt($token, $old, 'a new one with every second answer');
	is(ask('GET', '/account', undef, session => $old)->{status}, 403, 'instead of the old one');
	is(ask('GET', '/account')->{status}, 200, 'which holds');
	$t->server->clock(366 * 86400);
	is(session(oauth_timestamp => time + 366 * 86400)->{body}, 'token_expired', 'a token ends');
	$t->server->clock(0);
};

# All pages from a cursor on.
sub pages {
	my ($path, $cursor, $limit) = @_;
	my @pages;
	do {
		my $r = ask('POST', $path, { defined $cursor ? (cursor => $cursor) : (), $limit ? (limit => $limit) : () });
		die "$path: $r->{status} $r->{body}" if $r->{status} != 200;
		push @pages, json($r);
		$cursor = $pages[-1]{cursor};
	} while ($pages[-1]{more_to_follow});
	return @pages;
}

sub serials { return map { $_->{serial_number} } map { @{ $_->{devices} } } @_ }

my $cursor;

subtest 'devices' => sub {
	my @pages = pages('/server/devices', undef, 10);
	is(scalar @pages, 3, 'come in pages');
	is_deeply([serials(@pages)], [map { sprintf('SIM%06d', $_) } 1 .. 25], 'all of them');
	my $device = $pages[0]{devices}[0];
	is($device->{profile_status}, 'empty', 'without a profile');
	ok(exists $device->{key_of_a_later_version}, 'and with a key that nobody knows');
	ok(!exists $device->{op_type}, 'nothing is said to have happened');
	$cursor = $pages[-1]{cursor};
	my $first = $pages[0]{cursor};

	my $word = sub { my $r = ask('POST', @_); return "$r->{status} $r->{body}" };
	is($word->('/server/devices', { cursor => $cursor }), '400 EXHAUSTED_CURSOR', 'EXHAUSTED_CURSOR');
	is($word->('/devices/sync', {}), '400 CURSOR_REQUIRED', 'CURSOR_REQUIRED');
	is($word->('/devices/sync', { cursor => $_ }), '400 INVALID_CURSOR', "INVALID_CURSOR: $_")
	    for 'x', encode_base64('S:99:0:1', ''), $first;
	$apple->script({ set => 'quoted', value => 1 });
	is($word->('/devices/sync', { cursor => 'x' }), '400 "INVALID_CURSOR"', 'in quotes');
	$apple->script({ set => 'quoted', value => 0 }, { set => 'session', value => 9999999 });
	sign_in();
	$t->server->clock(8 * 86400);
	is($word->('/devices/sync', { cursor => $cursor }), '400 EXPIRED_CURSOR', 'EXPIRED_CURSOR');
	$t->server->clock(0);
	my $details = json(ask('POST', '/devices', { devices => ['SIM000001', 'NOBODY'] }))->{devices};
	is($details->{SIM000001}{response_status}, 'SUCCESS', 'details');
	is($details->{NOBODY}{response_status}, 'NOT_ACCESSIBLE', 'of ours alone');
};

subtest 'changes' => sub {
	$apple->script(
		{ add => 'C81NEW', device_family => 'iPhone' },
		{ modify => 'SIM000002', asset_tag => 'A7', op_date => 1700000000 },
		{ delete => 'SIM000003' },
		{ record => 'SIM000004', op_type => 'MoDiFiEd' },
		{ add => 'SIM000003' },
		{ delete => 'SIM', first => 20, count => 6 });
	my ($page) = pages('/devices/sync', $cursor);
	my @records = @{ $page->{devices} };
	is_deeply([map { $_->{serial_number} } @records[0 .. 4]],
		[qw(C81NEW SIM000002 SIM000003 SIM000004 SIM000003)], 'in their order');
	is_deeply([map { lc $_->{op_type} } @records],
		[qw(added modified deleted modified added), ('deleted') x 6], 'say what happened');
	ok((grep { $_->{op_type} =~ /^[A-Z]+$/ } @records), 'in any case');
	is($records[3]{op_type}, 'MoDiFiEd', 'as the script says');
	is($records[0]{device_family}, 'iPhone', 'with other members');
	is($records[1]{op_date}, '2023-11-14T22:13:20Z', 'and another date');
	my ($after) = pages('/devices/sync', $page->{cursor});
	is_deeply($after->{devices}, [], 'only once');
	is(scalar(serials(pages('/server/devices'))), 20, 'a full list has the ones that are left');
	$apple->script({ set => 'duplicates', value => 1 });
	($page) = pages('/devices/sync', $cursor);
	is(scalar @{ $page->{devices} }, 22, 'or twice');
	is((serials(pages('/server/devices', undef, 10)))[9], 'SIM000010', 'a page') ;
	is((serials(pages('/server/devices', undef, 10)))[10], 'SIM000010', 'and the next overlap');
	$apple->script({ set => 'duplicates', value => 0 }, { add => 'C81OTHER', account => 'other' });
	ok(!(grep { $_ eq 'C81OTHER' } serials(pages('/server/devices'))), 'another account has its own');
	$cursor = $page->{cursor};
};

subtest 'profiles' => sub {
	my %good = (profile_name => 'p', url => 'https://mdm.example.com/enroll',
	    is_supervised => JSON::PP::true(), is_mdm_removable => JSON::PP::false());
	my @rows = (
		[CONFIG_NAME_REQUIRED => profile_name => undef],
		[CONFIG_NAME_INVALID => profile_name => 'x' x 126],
		[CONFIG_URL_REQUIRED => url => undef],
		[CONFIG_URL_INVALID => url => 'http://mdm.example.com'],
		[FLAGS_INVALID => is_supervised => undef],
		[DEPARTMENT_INVALID => department => ''],
		[MALFORMED_REQUEST_BODY => is_mandatory => 'yes'],
		[MALFORMED_REQUEST_BODY => dance => 1],
	);
	for (@rows) {
		my ($word, $name, $value) = @$_;
		my %profile = (%good, $name => $value);
		delete $profile{$name} if !defined $value;
		is(ask('POST', '/profile', \%profile)->{body}, $word, "$word: $name");
	}
	my $uuid = json(ask('POST', '/profile', \%good))->{profile_uuid};
	like($uuid, qr/^[0-9a-f]{16}$/, 'one is defined');
	is($apple->log('profiles')->[-1]{profile}{url}, $good{url}, 'and kept for tests');
	is(json(ask('GET', "/profile?profile_uuid=$uuid"))->{url}, $good{url}, 'and for its owner');
	is(ask('GET', '/profile?profile_uuid=x')->{status}, 404, 'no other');

	my $assign = sub {
		my ($serials, %o) = @_;
		return ask($o{method} // 'PUT', '/profile/devices', { profile_uuid => $o{uuid} // $uuid, devices => $serials },
		    headers => { 'X-Server-Protocol-Version' => $o{version} // 10 });
	};
	is_deeply(json($assign->(['SIM000001', 'NOBODY', 'SIM000025']))->{devices},
		{ SIM000001 => 'SUCCESS', NOBODY => 'NOT_ACCESSIBLE', SIM000025 => 'NOT_ACCESSIBLE' }, 'assigned');
	my ($done) = grep { $_->{serial} eq 'SIM000001' } @{ $apple->log('assignments') };
	is("$done->{profile_uuid} $done->{result}", "$uuid SUCCESS", 'and logged');
	my ($page) = pages('/devices/sync', $cursor);
	is($page->{devices}[-1]{profile_uuid}, $uuid, 'which is a change');
	is($page->{devices}[-1]{profile_status}, 'assigned', 'of its status');
	$apple->script(
		{ answer => 'SIM000005', result => 'FAILED' },
		{ answer => 'SIM000006', result => 'THROTTLED', retry_after_seconds => 7, times => 3 });
	my $r = json($assign->(['SIM000005', 'SIM000006', 'SIM000007']));
	is_deeply($r->{devices}, { SIM000005 => 'FAILED', SIM000006 => 'THROTTLED', SIM000007 => 'SUCCESS' }, 'one by one');
	is($r->{retry_after_seconds}, 7, 'when to try again');
	$r = json($assign->(['SIM000006'], version => 9));
	is_deeply([$r->{devices}{SIM000006}, $r->{retry_after_seconds}], ['THROTTLED', undef], 'protocol 9 does not say');
	is(json($assign->(['SIM000006'], version => 8))->{devices}{SIM000006}, 'SUCCESS', 'protocol 8 throttles nothing');

	is($assign->(['SIM000001'], uuid => 'x')->{body}, 'PROFILE_NOT_FOUND', 'what is not defined');
	is($assign->([])->{body}, 'DEVICE_ID_REQUIRED', 'nobody');
	is($assign->([('SIM000001') x 1001])->{status}, 400, 'too many');
	is($assign->(['SIM000001'], method => 'POST')->{status}, 200, 'by POST too');
	$apple->script({ set => 'verbs', value => 'PUT' });
	is($assign->(['SIM000001'], method => 'POST')->{status}, 405, 'or not');
	is(json(ask('DELETE', '/profile/devices', { devices => ['SIM000001'] }))->{devices}{SIM000001}, 'SUCCESS', 'taken away');
	is(json(ask('POST', '/devices', { devices => ['SIM000001'] }))->{devices}{SIM000001}{profile_status}, 'removed', 'and gone');
};

subtest 'what a test can script' => sub {
	my $list = '/server/devices';
	$apple->script({ answer => $list, status => 429, retry_after => 30, body => 'slow' });
	my $r = ask('POST', $list, {});
	is("$r->{status} $r->{body} " . $r->{headers}{'Retry-After'} =~ s/\r//r, '429 slow 30', 'an answer');
	$apple->script({ answer => '*', status => 400, error => 'EXPIRED_CURSOR', quoted => 1, times => 2 });
	is(ask('POST', $_, {})->{body}, '"EXPIRED_CURSOR"', "to anything: $_") for $list, '/devices/sync';
	$apple->script({ answer => $list, status => 302, location => 'https://elsewhere.example/' });
	is(ask('POST', $list, {})->{headers}{Location} =~ s/\r//r, 'https://elsewhere.example/', 'a redirect');
	$apple->script({ set => 'terms', value => 1 });
	is(ask('POST', $list, {})->{body}, 'T_C_NOT_SIGNED', 'terms that nobody accepted');
	is(session()->{status}, 403, 'even for a session');
	$apple->script({ set => 'terms', value => 0 }, { answer => $list, do => 'empty' });
	$r = json(ask('POST', $list, {}));
	is_deeply([scalar @{ $r->{devices} }, $r->{more_to_follow}], [0, JSON::PP::false()], 'an empty list');
	$apple->script({ answer => $list, do => 'truncate' });
	is(ask('POST', $list, {})->{curl}, 18, 'half an answer');
	$apple->script({ answer => $list, do => 'close' });
	is(ask('POST', $list, {})->{status}, 0, 'none');
	for my $do (qw(stall drip)) {
		$apple->script({ answer => $list, do => $do });
		is(ask('POST', $list, {}, seconds => 1)->{curl}, 28, $do eq 'stall' ? 'silence' : 'one that takes very long');
	}
	$apple->script({ answer => $list, do => 'huge', megabytes => 3 });
	$r = ask('POST', $list, {});
	cmp_ok(length $r->{body}, '>', 2_900_000, 'one that is too long');
	ok(json($r)->{devices}[-1]{serial_number}, 'but JSON');
	is(ask('POST', $list, {})->{status}, 200, 'it goes on');
	my %outcomes = map { ($_->{outcome} // '') => 1 } @{ $apple->log('requests') };
	ok($outcomes{$_}, "logged: $_") for qw(script truncate stall drip huge empty close T_C_NOT_SIGNED FORBIDDEN);
};

subtest 'the server token' => sub {
	$t->server->run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x',
	    '-keyout', "$dir/t.key", '-out', "$dir/t.pem");
	my $export = sub {
		$t->server->run($t->server->sim, 'server-token', '--state', $apple->dir, '--account', 'main',
		    '--certificate', "$dir/t.pem", '-o', "$dir/t.p7m", @_);
		return $t->server->run('openssl', 'smime', '-decrypt', '-in', "$dir/t.p7m", '-inkey', "$dir/t.key",
		    '-recip', "$dir/t.pem");
	};
	my $values = Attestmdm::Server::slurp($apple->dir . '/main.token.json');
	for my $cipher ('AES-256-CBC', 'AES-128-CBC', 'DES-EDE3-CBC') {
		my $text = $export->('--cipher', $cipher);
		like($text, qr/^-----BEGIN MESSAGE-----\r?\n\Q$values\E\r?\n-----END MESSAGE-----\r?$/m, "opened: $cipher");
	}
	my $file = Attestmdm::Server::slurp("$dir/t.p7m");
	unlike($file, qr/\r/, 'with lines as on Unix');
	$export->('--crlf');
	unlike(Attestmdm::Server::slurp("$dir/t.p7m"), qr/[^\r]\n/, 'or as in mail');
	my $old = oauth();
	$export->('--renew');
	my ($was, $is) = map { JSON::PP::decode_json($_) } $values, Attestmdm::Server::slurp($apple->dir . '/main.token.json');
	is($is->{consumer_key}, $was->{consumer_key}, 'a renewal is of the same account');
	isnt($is->{access_token}, $was->{access_token}, 'with another token');
	is(ask('GET', '/session', undef, session => '', headers => { Authorization => $old })->{body}, 'token_rejected',
		'in place of the old one');
	is(session()->{status}, 200, 'which opens a session');
};

$t->done;
