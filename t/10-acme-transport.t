#!/usr/bin/perl
# ACME: HTTP, the directory and nonces (cases 1 to 34).
use strict;
use warnings;
use Attestmdm::Test;
use Attestmdm::Acme;

my $SERIAL = 'C02TRANSPORT';
my $t = Attestmdm::Test->new(http2 => 1);
my $c = Attestmdm::Acme->new($t, $SERIAL);
my $base = $c->{base};
my %apple = ('Content-Type' => 'application/json',
	'User-Agent' => 'com.apple.security.acmeclient/1.0');
my %jose = ('Content-Type' => 'application/jose+json');

subtest 'the directory' => sub {
	my $directory = $t->http(GET => "$base/directory");
	is($directory->{status}, 200, 'acme-1: directory');
	is($directory->{headers}{'content-type'}, 'application/json', 'acme-1: is JSON');
	my $urls = $t->json($directory);
	is(join(' ', sort keys %$urls),
	    'keyChange meta newAccount newNonce newOrder renewalInfo revokeCert',
	    'acme-1: names what there is');
	for my $name (grep { $_ ne 'meta' } sort keys %$urls) {
		like($urls->{$name}, qr{^https://mdm\.example\.com\Q$base\E/[a-z-]+$},
		    "acme-1: $name is absolute and plain");
		my $method = $name eq 'newNonce' ? 'HEAD' : 'POST';
		my $r = $t->http($method => $c->target($urls->{$name}));
		unlike($r->{status}, qr/^50|^404/, "acme-1: $name exists")
		    if $name ne 'renewalInfo';
	}
};

subtest 'what Apple sends: directory and newNonce' => sub {
	is($t->http(GET => "$base/directory", body => '{}', headers => \%apple)->{status},
	    200, 'acme-2: directory with the body that Apple sends');
	my $head = $t->http(HEAD => "$base/new-nonce", headers => \%apple);
	is($head->{status}, 200, 'acme-3: HEAD newNonce');
	like($head->{headers}{'replay-nonce'}, qr/^[A-Za-z0-9_-]{54}$/, 'acme-3: has a nonce');
	# curl sends no body with HEAD.
	my $raw = $t->command('sh', '-c', 'printf "HEAD $1/new-nonce HTTP/1.1\r\nHost: mdm.example.com\r\n'
	    . 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}GET $1/directory HTTP/1.1\r\n'
	    . 'Host: mdm.example.com\r\nConnection: close\r\n\r\n" | openssl s_client -quiet -ign_eof -unix "$0"',
	    $t->server->socket, $base);
	like($raw->{out}, qr{^HTTP/1\.1 200 .*\nReplay-Nonce: .*\r\n\r\nHTTP/1\.1 200 .*"newOrder"}s,
	    'acme-3: the body that Apple sends is read, and the next request is answered');
	my $get = $t->http(GET => "$base/new-nonce");
	is($get->{status}, 204, 'acme-4: GET newNonce');
	like($get->{headers}{'replay-nonce'}, qr/^[A-Za-z0-9_-]{54}$/, 'acme-4: has a nonce');
	is($get->{headers}{'cache-control'}, 'no-store', 'acme-4: is not stored');
	like($get->{headers}{link}, qr{<https://mdm\.example\.com\Q$base\E/directory>;rel="index"},
	    'acme-4: links the directory');
};

subtest 'nonces are not stored' => sub {
	my $before = $t->fingerprint;
	$t->http(HEAD => "$base/new-nonce") for 1 .. 20;
	is($t->fingerprint, $before, 'acme-33: nonces write nothing');
	is(scalar @{ $t->db('SELECT * FROM used_nonces') }, 0, 'acme-33: nothing at all');
};

my $order;

subtest 'directory and newNonce by POST' => sub {
	$c->account;
	$order = $c->order;
	is($c->get('directory')->{status}, 200, 'acme-5: POST-as-GET directory');
	is($c->get('new-nonce')->{status}, 204, 'acme-5: POST-as-GET newNonce');
	$c->refused($c->post('directory', {}), 400, 'malformed', 'directory', 'MALFORMED',
	    'acme-5: POST with a payload on directory');
	for my $where ('directory', 'new-nonce') {
		$c->problem($c->post($where, '', body => '', type => ''), 415, 'malformed',
		    "acme-5: unsigned POST on $where");
	}
};

subtest 'only POST on resources' => sub {
	my @resources = ('new-account', 'new-order', $order->{url}, $order->{finalize},
	    $order->{authz}, $order->{challenge}, 'certificate/AAAAAAAAAAAAAAAAAAAAAA',
	    'revoke-cert', 'key-change', $c->{kid}, "$c->{kid}/orders");
	for my $where (@resources) {
		my $path = $c->target($where);
		(my $short = $path) =~ s{^\Q$base\E/|[A-Za-z0-9_-]{22}}{}g;
		my $r = $t->http(GET => $path);
		is($r->{status}, 405, "acme-6: GET $short");
		is($r->{headers}{allow}, 'POST', "acme-6: GET $short: Allow");
		is($t->json($r)->{type}, 'urn:ietf:params:acme:error:malformed',
		    "acme-6: GET $short: type");
		is($t->http($_ => $path, body => 'x')->{status}, 405, "acme-7: $_ $short")
		    for qw(PUT DELETE PATCH OPTIONS);
	}
	$t->refused($SERIAL, 'request', 'METHOD', 'acme-7: wrong method');
};

subtest 'content types' => sub {
	for my $type ('application/json', 'text/plain', '',
		'application/jose+json; charset=utf-8', 'application/jose+jsonx') {
		$c->refused($c->post('new-order', { identifiers => $c->identifiers }, type => $type),
		    415, 'malformed', 'order', 'MEDIA_TYPE',
		    'acme-8: content type "' . $type . '"');
	}
	is($c->get($order->{url}, type => 'Application/JOSE+JSON')->{status}, 200,
	    'acme-9: content type in another case');
};

my $signed;

subtest 'sizes and encodings of a body' => sub {
	my $max = 64 * 1024;
	$c->refused($c->post('new-order', '', body => 'x' x ($max + 1)), 413, 'malformed',
	    'request', 'TOO_LARGE', 'acme-10: one byte over the limit');
	$signed = $c->sign($order->{url}, '');
	my $padded = $signed . ' ' x ($max - length $signed);
	is($c->post($order->{url}, '', body => $padded)->{status}, 200,
	    'acme-11: a body of just the limit');
	is($c->get($order->{url}, headers => { 'Transfer-Encoding' => 'chunked' })->{status},
	    200, 'acme-13: chunked body');
	$c->refused($c->post('new-order', '', body => ''), 400, 'malformed', 'order',
	    'MALFORMED', 'acme-14: empty body');
};

my $rows;

subtest 'what does not exist' => sub {
	$rows = $t->fingerprint;
	my $events = @{ $t->db('SELECT id FROM events') };
	my @unknown = ("$base/nothing", "$base/order/", "$base/order/a/b",
	    '/acme/AAAAAAAAAAAAAAAAAAAAAA/directory', '/acme/AAAAAAAAAAAAAAAAAAAAAA/new-nonce',
	    '/acme//directory', '/acme/directory', '/acme/');
	my %bodies;
	for my $path (@unknown) {
		my $r = $t->http(GET => $path);
		is($r->{status}, 404, "acme-15: GET $path");
		$bodies{ $r->{body} }++;
	}
	for my $where ('new-account', 'new-order', 'order/AAAAAAAAAAAAAAAAAAAAAA',
		'order/AAAAAAAAAAAAAAAAAAAAAA/finalize', 'challenge/AAAAAAAAAAAAAAAAAAAAAA',
		'revoke-cert', 'key-change') {
		my $r = $t->http(POST => "/acme/AAAAAAAAAAAAAAAAAAAAAA/$where", body => $signed,
		    headers => \%jose);
		is($r->{status}, 404, "acme-16: POST $where of an unknown enrollment");
		like($r->{headers}{'replay-nonce'}, qr/./, 'acme-16: with a nonce');
		$bodies{ $r->{body} }++;
	}
	is(scalar keys %bodies, 1, 'acme-16: unknown paths and enrollments look alike');
	is($t->fingerprint, $rows, 'acme-15: nothing written');
	is(scalar @{ $t->db("SELECT id FROM events WHERE enrollment_id IS NOT '$c->{enrollment}'") },
	    0, 'acme-16: no event of an unknown enrollment');

	is($t->http(GET => "$base/directory", headers => { 'User-Agent' => [] })->{status},
	    200, 'acme-17: no User-Agent');
};

# Other spellings of a path that exists are other paths.
subtest 'other spellings of a path' => sub {
	(my $id = $order->{url}) =~ s{.*/}{};
	my $escaped = '%' . unpack('H2', substr($id, 0, 1)) . substr($id, 1);
	for my $path ("$base/order/$escaped", "$base//order/$id", "$base/./order/$id",
		"$base/x/../order/$id", "$base/order/$id/", "$base/%6frder/$id",
		"$base/order/%2e%2e/order/$id") {
		my $body = $c->sign($order->{url}, '', protected => { url => $t->url . $path });
		my $r = $t->http(POST => $path, body => $body, headers => \%jose);
		is($r->{status}, 404, "acme-18: $path is nothing");
		delete $c->{nonce};
	}
};

subtest 'Host and X-Forwarded headers' => sub {
	my $host = $t->http(GET => "$base/directory",
	    headers => { Host => 'evil.example', 'X-Forwarded-Host' => 'evil.example',
		'X-Forwarded-Proto' => 'http' });
	unlike($host->{body}, qr/evil|http:/, 'acme-19: Host is never reflected');
	unlike($host->{headers}{link} || '', qr/evil/, 'acme-20: nor are X-Forwarded headers');
};

# Apple's clients speak HTTP/2 where they can.
subtest 'HTTP/2' => sub {
	for my $try ([ GET => "$base/directory" ],
		[ POST => $c->target($order->{url}), body => $c->sign($order->{url}, ''), headers => \%jose ]) {
		my ($method, $path, %o) = @$try;
		my $r = $t->http($method => $path, %o, http2 => 1);
		is("$r->{version} $r->{status}", '2 200', "acme-21: $method by HTTP/2");
		like($r->{headers}{link} // '', qr/rel="index"/, 'acme-21: with our headers') if $method eq 'POST';
	}
};

my $nonce;

# Nonces.
subtest 'a nonce counts once' => sub {
	$nonce = $c->new_nonce;
	is($c->get($order->{url}, nonce => $nonce)->{status}, 200, 'acme-23: a fresh nonce');
	my $again = $c->get($order->{url}, nonce => $nonce);
	$c->refused($again, 400, 'badNonce', 'order', 'BAD_NONCE', 'acme-24: the same again');
	is($c->get($order->{url})->{status}, 200, 'acme-24: its answer brought one that works');

	my $body = $c->sign($order->{url}, '');
	my @pids;
	for my $n (1 .. 6) {
		my $pid = fork();
		if (!$pid) {
			my $r = $t->http(POST => $c->target($order->{url}), body => $body, headers => \%jose);
			POSIX::_exit($r->{status} == 200 ? 0 : $r->{status} == 400 ? 1 : 2);
		}
		push @pids, $pid;
	}
	my %outcome = (0 => 0, 1 => 0);
	for (@pids) { waitpid($_, 0); $outcome{ $? >> 8 }++ }
	is("$outcome{0} $outcome{1}", '1 5', 'acme-25: used at once, it counts once');
	delete $c->{nonce};
};

subtest 'a nonce lives for an hour' => sub {
	$nonce = $c->new_nonce;
	$t->server->clock(14 * 60);
	is($c->get($order->{url}, nonce => $nonce)->{status}, 200,
	    'acme-30: a nonce of 14 minutes ago');
	$nonce = $c->new_nonce;
	$t->server->clock(14 * 60 + 3540);
	is($c->get($c->{kid}, nonce => $nonce)->{status}, 200, 'acme-26: almost an hour old');
	$nonce = $c->new_nonce;
	$t->server->clock(14 * 60 + 3540 + 3600);
	$c->refused($c->get($c->{kid}, nonce => $nonce), 400, 'badNonce', 'account',
	    'BAD_NONCE', 'acme-26: an hour old');
	$t->server->clock(0);
	delete $c->{nonce};
};

subtest 'nonces that are not ours' => sub {
	$nonce = $c->new_nonce;
	my $other = Attestmdm::Acme->new($t, 'C02TRANSPOR2')->new_nonce;
	for my $bad ([ 'random', 'A' x 54 ], [ 'in another case', $nonce ^ (' ' x 54) ],
		[ 'with its end cut (acme-34)', substr($nonce, 0, 50) ], [ 'of another enrollment', $other ]) {
		my $value = $bad->[1] =~ /^[A-Za-z0-9_-]+$/ ? $bad->[1] : lc $nonce;
		$c->refused($c->get($c->{kid}, nonce => $value), 400, 'badNonce', 'account',
		    'BAD_NONCE', "acme-27: a nonce $bad->[0]");
	}
	for my $bad ([ 'empty', '' ], [ 'foreign characters', 'a+b/c=' ],
		[ 'long', 'A' x 10000 ], [ 'a number', 1 ], [ 'a list', [] ], [ 'an object', {} ]) {
		$c->refused($c->get($c->{kid}, protected => { nonce => $bad->[1] }), 400,
		    'malformed', 'account', 'MALFORMED', "acme-28: nonce is $bad->[0]");
	}
	my $null = '{"alg":"ES256","kid":"' . $c->{kid} . '","nonce":null,"url":"' . $c->{kid} . '"}';
	$c->problem($c->get($c->{kid}, header => $null), 400, 'malformed', 'acme-28: nonce is null');
	$c->refused($c->get($c->{kid}, protected => { nonce => undef }), 400, 'badNonce',
	    'account', 'BAD_NONCE', 'acme-28: no nonce');
};

subtest 'nonces and refusals' => sub {
	my $refused = $c->get('order/AAAAAAAAAAAAAAAAAAAAAA');
	is($refused->{status}, 404, 'acme-29: an error');
	is($c->get($c->{kid})->{status}, 200, 'acme-29: its nonce is good');

	$nonce = $c->new_nonce;
	$c->problem($c->get($c->{kid}, nonce => $nonce, sign => ['--corrupt']), 400, 'malformed',
	    'acme-31: bad signature');
	is($c->get($c->{kid}, nonce => $nonce)->{status}, 200,
	    'acme-31: and its nonce is still good');

	$nonce = $c->new_nonce;
	isnt($c->new_nonce, $nonce, 'fleet-4: each nonce is another');
	$c->problem($c->post('new-order', { identifiers => [] }, nonce => $nonce), 400, 'malformed',
	    'fleet-15: a signed request that is refused');
	$c->problem($c->get($c->{kid}, nonce => $nonce), 400, 'badNonce', 'fleet-15: has used its nonce up');
};

subtest 'a nonce outlives a restart' => sub {
	$nonce = $c->new_nonce;
	$t->server->restart('acme-directory', 'acme-account');
	is($c->get($c->{kid}, nonce => $nonce)->{status}, 200,
	    'acme-32: a nonce from before the restart');
};

# An enrollment that is over is as if it never was.
subtest 'an enrollment that is over' => sub {
	$t->server->clock(25 * 3600);
	is($t->http(GET => "$base/directory")->{status}, 404, 'acme-16: expired enrollment');
	is($t->http(HEAD => "$base/new-nonce")->{status}, 404, 'acme-16: its nonces too');
	$rows = @{ $t->db('SELECT id FROM events') };
	is($c->get($c->{kid})->{status}, 404, 'acme-16, acme-112: its accounts too');
	is(scalar @{ $t->db('SELECT id FROM events') }, $rows, 'acme-16: without an event');
};

# acme-282, acme-295: plain URLs, and objects with the members that they may have.
$c->done;
$t->done;
