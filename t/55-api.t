#!/usr/bin/perl
# The REST API: tokens, every route with every role, settings, hosts, commands,
# refusals that name the field. Each answer is held to data/openapi.json.
use strict;
use warnings;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Attestmdm::Test;
use Attestmdm::Admin;
use Attestmdm::Api;

my $t = Attestmdm::Test->new(require => 0, config => { 'metrics.allow' => '192.0.2.1 unix unix:x' });
my @ROLES = qw(observer maintainer admin gitops);
my %api = map { $_ => Attestmdm::Api->with_role($t, $_) } @ROLES;
my $nobody = Attestmdm::Api->new($t);
my ($MAC, $OTHER) = ('C02API00001', 'C02API00002');

$t->assign($MAC, $OTHER);
is($t->sim('enroll', '--serial', $_)->{exit}, 0, "$_ enrolls") for $MAC, $OTHER;
my $host = $api{observer}->get("/hosts/$MAC")->{json};
my $certificate = $host->{certificate}{id};

sub link_id { return $t->tool_json('enrollment', 'new')->{id} }
sub queued { return $t->tool_json('command', 'send', $MAC, 'SecurityInfo')->{uuid} }

# Route, body, who may, and the status for who may; '' is who has no token.
my @READ = (@ROLES);
my @HOSTS = qw(maintainer admin);
my @SETTINGS = qw(admin gitops);
my $enrollment = $t->db("SELECT id FROM enrollments LIMIT 1")->[0]{id};
my @routes = (
	(map { ['GET', $_, undef, \@READ, 200] } '/config', '/hosts', "/hosts/$MAC", "/hosts/$host->{id}",
	    "/hosts/$host->{udid}", "/hosts/$MAC/commands", "/hosts/$MAC/commands/" . queued(), '/enrollments',
	    "/enrollments/$enrollment", '/links', '/certificates', "/certificates/$certificate", '/renewals',
	    '/activities', '/alarms', '/ade/devices', '/status', '/metrics'),
	['PATCH', '/config', sub { { mdm => {} } }, \@SETTINGS, 200],
	['POST', "/hosts/$OTHER/block", undef, \@HOSTS, 200],
	['POST', "/hosts/$OTHER/unblock", undef, \@HOSTS, qr/^(?:200|409)$/],
	['DELETE', '/hosts/nobody', undef, \@HOSTS, 404],
	['POST', "/hosts/$MAC/commands", sub { { request_type => 'SecurityInfo' } }, \@HOSTS, 201],
	['DELETE', sub { "/hosts/$MAC/commands/" . queued() }, undef, \@HOSTS, 200],
	['POST', '/links', sub { {} }, \@HOSTS, 201],
	['DELETE', sub { '/links/' . link_id() }, undef, \@HOSTS, 204],
	['POST', '/certificates/' . 'x' x 22 . '/revoke', undef, \@HOSTS, 404],
	['POST', '/renewals', sub { { host => $MAC, dry_run => JSON::PP::true } }, \@HOSTS, 200],
);

subtest 'fleet-125: every route with every role' => sub {
	my %covered;
	for my $route (@routes) {
		my ($method, $path, $body, $may, $status) = @$route;
		for my $role (@ROLES, '') {
			my $at = ref $path ? $path->() : $path;
			my $api = $role eq '' ? $nobody : $api{$role};
			my $before = $t->fingerprint;
			my $r = $api->request($method, $at, $body && $body->());
			my $want = $role eq '' ? 401 : (grep { $_ eq $role } @$may) ? $status : 403;
			like($r->{status}, ref $want ? $want : qr/^$want$/, ($role || 'nobody') . " $method $at");
			next if $r->{status} != 401 && $r->{status} != 403;
			is($t->fingerprint =~ s/^api_tokens .*\n?//mr, $before =~ s/^api_tokens .*\n?//mr, 'nothing is changed');
			my $type = $r->{status} == 401 ? 'token' : 'role';
			is($r->{json}{type}, "urn:attestmdm:problem:$type", "the problem is the $type");
		}
		my $full = ref $path ? $path->() : $path;
		$covered{ $api{admin}->operation($method, "/api/v1$full") || $full } = 1;
	}
	my @all = map { values %$_ } map { { map { $_->[0] => $_->[1] } @$_ } } map {
		my $item = Attestmdm::Api::document()->{paths}{$_};
		[map { [$_ => $item->{$_}] } grep { $_ ne 'parameters' } keys %$item]
	} keys %{ Attestmdm::Api::document()->{paths} };
	my @left = map { $_->{summary} } grep { !$covered{$_} } @all;
	is("@left", 'This description', 'no route of the document is left out but its own');
};

subtest 'tokens' => sub {
	my $path = '/status';
	my $r = $nobody->get($path);
	is("$r->{status} $r->{headers}{'www-authenticate'}", '401 Bearer realm="attestmdm"', 'none');
	is($r->{json}{detail}, $r->{json}{title}, 'and no reason of ours');
	my $browser = Attestmdm::Admin->new($t);
	$browser->sign_in;
	$r = $nobody->get($path, Cookie => join('; ', map { "$_=$browser->{cookies}{$_}" } keys %{ $browser->{cookies} }));
	is($r->{status}, 401, 'a cookie is none');
	is($nobody->get($path, Authorization => $_)->{status}, 401, "none: $_")
	    for 'Basic YTpi', 'Bearer', 'Bearer ', $api{admin}{token}, "Bearer$api{admin}{token}";
	is($nobody->get($path, Authorization => "bEARER  $api{admin}{token}")->{status}, 200, 'the scheme has no case');
	is($nobody->get("$path?access_token=$api{admin}{token}")->{status}, 401, 'not in the URL');
	my $wrong = 'amdm_' . 'A' x 43;
	$r = $nobody->get($path, Authorization => "Bearer $wrong");
	is($r->{status}, 401, 'an unknown one');
	like($r->{headers}{'www-authenticate'}, qr/invalid_token/, 'and says so');
	unlike(Attestmdm::Server::slurp($t->dir . '/admin-api.log'), qr/amdm_/, 'no log holds a token');

	my $short = Attestmdm::Api->with_role($t, 'observer', '--days', 1);
	is($short->get($path)->{status}, 200, 'a good one');
	$t->server->clock(86400 + 60);
	is($short->get($path)->{status}, 401, 'is none once it has expired');
	$t->server->clock(0);
	is($short->get($path)->{status}, 200, 'it was only the clock');
	$t->tool_ok('token', 'revoke', $short->{name});
	is($short->get($path)->{status}, 401, 'nor once it is revoked');

	# One that ends while its request waits for its turn at the database.
	my $ends = Attestmdm::Api->with_role($t, 'admin');
	$ends->get($path);
	open(my $lock, '<', $t->server->database . '.lock') or die $!;
	flock($lock, 2) or die $!;
	my $pid = open(my $answer, '-|') // die $!;
	if (!$pid) {
		my $late = $t->http('PATCH', '/api/v1/config', body => '{"mdm":{"minimum_os_versions":{"tvos":"9"}}}',
		    headers => { Authorization => "Bearer $ends->{token}", 'Content-Type' => 'application/json' });
		syswrite(STDOUT, "$late->{status} $late->{headers}{'www-authenticate'}");
		POSIX::_exit(0);
	}
	select(undef, undef, undef, 0.7);
	$t->command('sqlite3', $t->server->database, "UPDATE api_tokens SET revoked_at = 1 WHERE name = '$ends->{name}';");
	flock($lock, 8);
	like(join('', <$answer>), qr/^401 .*invalid_token/, 'nor once it is revoked while it waits');
	close($answer);
	is($t->tool_ok('setting', 'get', 'minimum_os_version_tvos'), "\n", 'which changed nothing');

	my $raised = Attestmdm::Api->with_role($t, 'observer');
	$t->change_db("UPDATE api_tokens SET role = 'admin' WHERE name = '$raised->{name}'");
	is($raised->get($path)->{status}, 401, 'nor with a role that another program wrote');
	like(Attestmdm::Server::slurp($t->dir . '/admin-api.log'), qr/row of API token $raised->{name} was not written/,
	    'which the log says');
	my %used = map { $_->{name} => $_->{last_used_at} } @{ $t->tool_json('token', 'list')->{tokens} };
	ok($used{ $api{admin}{name} }, 'its use is noted');

	my @status = map { $nobody->get($path, Authorization => "Bearer $wrong")->{status} } 1 .. 8;
	is($status[-1], 429, 'who goes on guessing has to wait');
	$r = $nobody->get($path, Authorization => "Bearer $wrong");
	like($r->{headers}{'retry-after'}, qr/^\d+$/, 'and is told how long');
	is($r->{json}{detail}, $r->{json}{title}, 'but not how he is counted');
	is($api{observer}->get($path)->{status}, 200, 'others at that address have not');
};

subtest 'settings' => sub {
	my ($admin, $watch) = @api{qw(admin observer)};
	my $r = $watch->get('/config');
	is($r->{json}{mdm}{apple_require_hardware_attestation}, JSON::PP::false, 'fleet-120: off at first');
	my $etag = $r->{headers}{etag};
	like($etag, qr/^"[0-9a-f]{32}"$/, 'an ETag');
	$r = $admin->request(PATCH => '/config', { mdm => { apple_require_hardware_attestation => JSON::PP::true } });
	is($r->{json}{mdm}{apple_require_hardware_attestation}, JSON::PP::true, 'fleet-120: switched on');
	isnt($r->{headers}{etag}, $etag, 'which has another ETag');
	like($t->tool_ok('setting', 'get', 'apple_require_hardware_attestation'), qr/true/, 'the tool shows it');
	my $entry = $t->db("SELECT * FROM activities WHERE action = 'setting.set' ORDER BY id DESC")->[0];
	is($entry->{actor}, "token:$admin->{name}", 'fleet-130: the activity names the token');
	$r = $admin->request(PATCH => '/config', { mdm => { minimum_os_versions => { macos => '15.1' } } });
	is($r->{json}{mdm}{apple_require_hardware_attestation}, JSON::PP::true, 'fleet-127: what is left out stays');
	is($r->{json}{mdm}{minimum_os_versions}{macos}, '15.1', 'a version');

	$r = $admin->request(PATCH => '/config', { mdm => { apple_require_hardware_attestation => JSON::PP::false } },
	    'If-Match' => $etag);
	is($r->{status}, 412, 'If-Match of before');
	my $now = $watch->get('/config')->{headers}{etag};
	$r = $admin->request(PATCH => '/config?dry_run=true',
	    { mdm => { apple_require_hardware_attestation => JSON::PP::false } }, 'If-Match' => "\"x\", $now");
	is($r->{status}, 200, 'If-Match of now');
	is_deeply($r->{json}{changes}, [{ name => 'apple_require_hardware_attestation', before => 'true', after => 'false' }],
	    'dry_run tells what would change');
	is($watch->get('/config')->{headers}{etag}, $now, 'and changes nothing');
	is($r->{json}{preview}{enrolled}, 1, 'with what it means for the hosts');
	$r = $admin->request(PATCH => '/config?dry_run=true', { mdm => { minimum_os_versions => { macos => '15.2' } } });
	ok(exists $r->{json}{preview} && !defined $r->{json}{preview}, 'which another setting does not concern');
	$r = $admin->request(PATCH => '/config', { mdm => { apple_require_hardware_attestation => JSON::PP::false,
	    minimum_os_versions => { macos => 'x' } } });
	is("$r->{status} $r->{json}{field}", '422 mdm.minimum_os_versions.macos', 'all or none');
	is($watch->get('/config')->{headers}{etag}, $now, 'none');
	is($admin->request(PATCH => '/config', { mdm => {} }, 'If-Match' => '*')->{status}, 200, 'If-Match: *');

	# value, field
	my $M = 'mdm.minimum_os_versions';
	my @bad = map { [{ mdm => { apple_require_hardware_attestation => $_ } }, 'mdm.apple_require_hardware_attestation'] }
	    'true', 1, 0, undef, [], {}, '';
	push @bad, map { [{ mdm => { minimum_os_versions => { ios => $_ } } }, "$M.ios"] }
	    15, undef, [], {}, JSON::PP::true, '15.', '15.1.1.1.1', '123456', "'; DROP TABLE settings; --", '9' x 300;
	push @bad, (
		[{ mdm => { apple_hardware_attestation_devices => 'some' } }, 'mdm.apple_hardware_attestation_devices'],
		[{ mdm => { apple_business_enrollments_only => 'false' } }, 'mdm.apple_business_enrollments_only'],
		[{ mdm => { minimum_os_versions => { linux => '1' } } }, "$M.linux"],
		[{ mdm => { 'minimum_os_versions.macos' => '15' } }, "$M.macos"],
		[{ mdm => { minimum_os_versions => [] } }, $M], [{ mdm => { minimum_os_versions => '15' } }, $M],
		[{ mdm => { enabled => JSON::PP::false } }, 'mdm.enabled'], [{ mdm => { require => JSON::PP::true } }, 'mdm.require'],
		[{ mdm => [] }, 'mdm'], [{ mdm => undef }, 'mdm'],
		[{ license => { tier => 'premium' } }, 'license'], [{ gitops => {} }, 'gitops'],
		[{ "x'\"<" => 1 }, "x'\"<"],
	);
	for my $bad (@bad) {
		$r = $admin->request(PATCH => '/config', $bad->[0]);
		is("$r->{status} " . ($r->{json}{field} // ''), "422 $bad->[1]",
		    'fleet-126: ' . JSON::PP->new->canonical->encode($bad->[0]));
	}
	is($watch->get('/config')->{headers}{etag}, $now, 'nothing is changed');
};

subtest 'the address of an open enrollment' => sub {
	my $ids = sub {
		my ($role) = @_;
		my $list = $api{$role}->get('/enrollments')->{json}{enrollments};
		my $one = $api{$role}->get("/enrollments/$enrollment")->{json};
		return join(' ', map { $_ // 'null' } (grep { $_->{serial_number} eq $one->{serial_number} } @$list)[-1]{id}, $one->{id});
	};
	is($ids->('observer'), "$enrollment $enrollment", 'is shown once it is over');
	my $state = $t->db("SELECT state FROM enrollments WHERE id = '$enrollment'")->[0]{state};
	$t->change_db("UPDATE enrollments SET state = 'open' WHERE id = '$enrollment'");
	is($ids->($_), 'null null', "and before not to the role $_") for qw(observer gitops);
	is($ids->($_), "$enrollment $enrollment", "but to the role $_") for qw(maintainer admin);
	$t->change_db("UPDATE enrollments SET state = '$state' WHERE id = '$enrollment'");
};

subtest 'what a change would mean' => sub {
	my $only = { mdm => { apple_business_enrollments_only => JSON::PP::true } };
	my $ask = sub { $api{observer}->request(PATCH => "/config?dry_run=true$_[0]", $only) };
	$t->tool_ok('ade', 'remove', $MAC);
	my $r = $ask->('');
	my $p = $r->{json}{preview};
	is($r->{status}, 200, 'an observer may look');
	is("$p->{enrolled} $p->{acme} $p->{refused} $p->{newly_refused}", '1 0 1 1', 'a removed device would not be renewed');
	my ($group) = grep { $_->{method} eq 'refuse' } @{ $p->{groups} };
	is("$group->{hosts} @{ $group->{serial_numbers} }", "1 $MAC", 'it is named');
	ok($group->{code} && length $group->{reason}, "with the reason: $group->{reason}");
	my $tool = $t->tool_json('setting', 'set', 'apple_business_enrollments_only', 'true', '--dry-run');
	is_deeply([map { $tool->{$_} } sort grep { !ref $p->{$_} } keys %$p], [map { $p->{$_} } sort grep { !ref $p->{$_} } keys %$p],
	    'the tool has the same figures');
	is_deeply([map { "$_->{group} $_->{reason}" } @{ $tool->{groups} }], [map { "$_->{group} $_->{reason}" } @{ $p->{groups} }],
	    'and groups');
	$r = $ask->("&group=$group->{group}");
	is_deeply($r->{json}{hosts}, { serial_numbers => [$MAC], next => undef }, 'its hosts');
	is_deeply($ask->("&group=$group->{group}&cursor=$MAC")->{json}{hosts}{serial_numbers}, [], 'none behind the last');
	is_deeply($ask->('&group=x')->{json}{hosts}{serial_numbers}, [], 'none of a group that is not there');
	$r = $ask->('&group=x&cursor=' . 'A' x 100);
	is("$r->{status} $r->{json}{field}", '422 cursor', 'no cursor');
	$r = $api{admin}->request(PATCH => '/config?group=x', { mdm => {} });
	is("$r->{status} $r->{json}{field}", '422 group', 'only of a dry run');
	is($api{admin}->get('/config')->{json}{mdm}{apple_business_enrollments_only}, JSON::PP::false, 'nothing is changed');
	$t->assign($MAC);
};

subtest 'bodies' => sub {
	my $admin = $api{admin};
	my $patch = sub { my ($body, %h) = @_; return $admin->request(PATCH => '/config', $body, %h)->{status} };
	is($patch->(undef), 415, 'none');
	is($patch->('{}', 'Content-Type' => $_), 415, "as $_") for 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonx';
	is($patch->('{"mdm":{}}', 'Content-Type' => 'application/json; charset=utf-8'), 200, 'with a parameter');
	is($patch->($_), 400, "no JSON: $_") for '', '{', '[]', '"x"', 'null', '{} {}', "{'mdm':{}}", '{"mdm":{},}',
	    '{"mdm":{},"mdm":{}}', '{"mdm":{"apple_business_enrollments_only":false,"apple_business_enrollments_only":true}}',
	    "{\"mdm\":\"\xff\"}", '{"a":{"a":{"a":{"a":{"a":1}}}}}', '{"mdm\u0000":{}}';
	is($patch->('{"mdm":{}}' . ' ' x 20_000), 413, 'too large for the program');
	is($patch->(' ' x (10 << 20)), 413, 'ten megabytes');
	is($admin->request(POST => "/hosts/$OTHER/block", { why => 1 })->{json}{field}, 'why', 'a member nobody asked for');
};

subtest 'requests' => sub {
	my $admin = $api{admin};
	my $r = $admin->request(PUT => '/config', {});
	is("$r->{status} $r->{headers}{allow}", '405 GET, HEAD, PATCH', 'another method');
	$r = $admin->request(HEAD => '/config');
	is("$r->{status} $r->{body}", '200 ', 'HEAD');
	ok($r->{headers}{etag}, 'with the ETag');
	is($admin->get($_)->{status}, 404, "nothing at $_") for '/', '/x', '/config/', '/hosts/', '/hosts/%2e%2e', '/hosts//', '/hosts/nobody',
	    '/enrollments/nothing', '/certificates/nothing', "/hosts/$MAC/commands/nothing", "/hosts/x'--", '/hosts/x%27%20OR%201=1';
	is($admin->get('/status', Accept => $_)->{status}, 200, "Accept: $_")
	    for '*/*', 'application/*', 'text/html, Application/JSON;q=0.5', '';
	is($admin->get('/status', Accept => 'text/html')->{status}, 406, 'Accept: text/html');
	$r = $admin->get('/status', Host => 'evil.example.com', 'X-Forwarded-Host' => 'evil.example.com');
	unlike($r->{body} . join(' ', values %{ $r->{headers} }), qr/evil/, 'the Host header is not believed');
	is($admin->get("/hosts?$_->[0]")->{json}{field}, $_->[1], "hosts?$_->[0]") for ['limit=0', 'limit'], ['limit=501', 'limit'],
	    ['limit=x', 'limit'], ['limit=', 'limit'], ['limit=-1', 'limit'], ['limit=99999999999999999999', 'limit'],
	    ['cursor=x', 'cursor'], ['state=lost', 'state'], ['attested=1', 'attested'], ['sort=size', 'sort'], ['page=2', 'page'],
	    ['certificate_ends_before=0', 'certificate_ends_before'];
	for my $list (qw(enrollments links certificates renewals activities alarms ade/devices), "hosts/$MAC/commands") {
		is($admin->get("/$list?cursor=$_")->{json}{field}, 'cursor', "$list?cursor=$_") for '!', 'AAAA', 'LTE', 'OTk5OTk5OTk5OTk5OTk5OTk5OTk5';
		is($admin->get("/$list?limit=0")->{json}{field}, 'limit', "$list?limit=0");
		is($admin->get("/$list?x=1")->{json}{field}, 'x', "$list?x=1");
	}
	is($admin->get('/hosts?limit=1&limit=2')->{status}, 400, 'a field that comes twice');
	is($admin->get("/$_?search=%27%3B--%25_%22")->{status}, 200, "SQL in a search of $_") for qw(hosts enrollments certificates ade/devices);
};

subtest 'pages of lists' => sub {
	my $api = $api{observer};
	for my $list (['hosts', 'id'], ['enrollments', 'id'], ['certificates', 'id'], ['activities', 'id'], ['ade/devices', 'serial_number'],
	    ['links', 'id']) {
		my ($path, $key) = @$list;
		my ($name) = $path =~ /(\w+)$/;
		my @all = map { $_->{$key} } @{ $api->get("/$path?limit=500")->{json}{$name} };
		my ($next, @seen) = ('');
		do {
			my $r = $api->get("/$path?limit=1" . ($next ne '' ? "&cursor=$next" : ''))->{json};
			push @seen, map { $_->{$key} } @{ $r->{$name} };
			$next = $r->{next};
		} while (defined $next && @seen < 100);
		is("@seen", "@all", "$path: one at a time is the same as all at once");
		cmp_ok(scalar @all, '>=', 2, 'and more than one');
	}
};

subtest 'activities by who, what and when' => sub {
	my $find = sub { return @{ $api{observer}->get("/activities?limit=500&$_[0]")->{json}{activities} } };
	my @mine = $find->("actor=token:$api{maintainer}{name}");
	cmp_ok(scalar @mine, '>=', 2, 'of one token');
	is(scalar(grep { $_->{actor} ne "token:$api{maintainer}{name}" } @mine), 0, 'and of no other');
	is(join(' ', sort { $a cmp $b } map { $_->{action} } $find->("action=host&actor=token:$api{maintainer}{name}")),
	    'host.block host.unblock', 'of one kind');
	is($find->('serial_number=nothing') + 0, 0, 'about a device that nobody touched');
	is($find->('to=1') + 0, 0, 'before all began');
	is($find->('from=1') + 0, $find->('') + 0, 'since then');
	is($api{observer}->get("/activities?$_=x")->{json}{field}, $_, "$_ is a time") for qw(from to);
};

subtest 'hosts' => sub {
	my ($watch, $keep) = @api{qw(observer maintainer)};
	my $r = $watch->get("/hosts/$MAC")->{json};
	is($r->{mdm_enrollment_hardware_attested}, JSON::PP::false, 'fleet-88: a host by SCEP is not attested');
	is($r->{certificate}{method}, 'scep', 'and says so');
	$t->assign('C02API00003');
	is($t->sim('enroll', '--serial', 'C02API00003')->{exit}, 0, 'a Mac enrolls once attestation is required');
	$r = $watch->get('/hosts/C02API00003')->{json};
	is($r->{mdm_enrollment_hardware_attested}, JSON::PP::true, 'fleet-88: it is attested');
	is($r->{attestation}{sip}, 'enabled', 'with what Apple said');
	is(scalar @{ $watch->get('/hosts?attested=true')->{json}{hosts} }, 1, 'found by that');
	is(scalar @{ $watch->get('/hosts?search=api0000')->{json}{hosts} }, 3, 'found by a part of the serial number');
	is($keep->request(POST => '/hosts/C02API00003/block')->{json}{state}, 'blocked', 'blocked');
	is($watch->get('/hosts?state=blocked&sort=-serial')->{json}{hosts}[0]{serial_number}, 'C02API00003', 'and found as such');
	is($keep->request(POST => '/hosts/C02API00003/unblock', {})->{json}{state}, 'unenrolled', 'unblocked');
	is($keep->request(POST => '/hosts/C02API00003/unblock')->{status}, 409, 'twice');

	my $count = sub { return $api{observer}->get('/status')->{json}{hosts}{total} };
	my $before = $count->();
	is($keep->request(DELETE => "/hosts/$MAC")->{status}, 409, 'an enrolled host is not deleted');
	is($keep->request(DELETE => "/hosts/$OTHER")->{status}, 204, 'an unenrolled one is');
	is($watch->get("/hosts/$OTHER")->{status}, 404, 'and is gone');
	is(scalar @{ $watch->get("/hosts?search=$OTHER")->{json}{hosts} }, 0, 'from the index, too');
	is($count->(), $before - 1, 'and from the counts');
	is(scalar @{ $t->db("SELECT 1 AS n FROM activities WHERE action = 'host.delete' AND detail = '$OTHER'") }, 1, 'an activity')
		or diag(explain($t->db('SELECT * FROM activities ORDER BY id DESC LIMIT 3')));
	is($t->tool('host', 'delete', $MAC)->{exit}, 4, 'the tool refuses the same');
	is($t->sim('enroll', '--serial', $OTHER)->{exit}, 0, 'it may enroll again');
	is($t->tool('check', '--no-nginx')->{out} =~ /host_index|hosts.*not found/i ? 'bad' : 'good', 'good', 'nothing is left behind');
};

subtest 'commands' => sub {
	my ($watch, $keep) = @api{qw(observer maintainer)};
	my $queue = sub { return $keep->request(POST => "/hosts/$MAC/commands", @_) };
	my $r = $queue->({ request_type => 'DeviceInformation', queries => ['OSVersion'], priority => 9 });
	is($r->{status}, 201, 'queued');
	my $c = $watch->get("/hosts/$MAC/commands/$r->{json}{uuid}")->{json};
	is("$c->{state} $c->{created_by} $c->{priority}", "queued token:$keep->{name} 9", 'as its sender said');
	is(JSON::PP->new->canonical->encode($c) =~ /plist|result/, '', 'without what may be secret');
	$r = $queue->({ request_type => 'EraseDevice' });
	is("$r->{status} $r->{json}{field}", '422 confirm', 'what erases has to be confirmed');
	my $plist = encode_base64('<plist version="1.0"><dict><key>Command</key><dict><key>RequestType</key>'
	    . '<string>SecurityInfo</string></dict></dict></plist>', '');
	is($queue->({ command => $plist })->{json}{request_type}, 'SecurityInfo', 'a whole property list');
	for my $bad ([{ request_type => 'SecurityInf' }, 'request_type'], [{}, 'request_type'], [{ request_type => 1 }, 'request_type'],
	    [{ request_type => 'a' x 200 }, 'request_type'], [{ request_type => 'X<Y' }, 'request_type'],
	    [{ command => '!' }, 'command'], [{ command => 'eA==' }, 'command'], [{ command => 1 }, 'command'],
	    [{ command => $plist, request_type => 'SecurityInfo' }, 'command'],
	    [{ request_type => 'DeviceInformation', queries => 'OSVersion' }, 'queries'],
	    [{ request_type => 'DeviceInformation', queries => [1] }, 'queries'],
	    [{ request_type => 'DeviceInformation', queries => ['<'] }, 'queries'],
	    [{ request_type => 'DeviceInformation', queries => [('A') x 65] }, 'queries'],
	    [{ request_type => 'SecurityInfo', queries => ['A'] }, 'queries'],
	    [{ request_type => 'SecurityInfo', priority => 10 }, 'priority'],
	    [{ request_type => 'SecurityInfo', priority => '1' }, 'priority'],
	    [{ request_type => 'SecurityInfo', priority => -1 }, 'priority'],
	    [{ request_type => 'SecurityInfo', confirm => 'yes' }, 'confirm'],
	    [{ request_type => 'SecurityInfo', force => JSON::PP::true }, 'force']) {
		$r = $queue->($bad->[0]);
		like($r->{status}, qr/^4(?:00|22)$/, 'refused: ' . JSON::PP->new->canonical->encode($bad->[0]) =~ s/A{9,}|a{9,}/…/r);
		is($r->{json}{field}, $bad->[1], 'and the field named');
	}
	$r = $keep->request(DELETE => "/hosts/$MAC/commands/$c->{uuid}");
	is($r->{json}{was_sent}, JSON::PP::false, 'cancelled');
	is($keep->request(DELETE => "/hosts/$MAC/commands/$c->{uuid}")->{status}, 409, 'twice');
	is($queue->({ command => 'A' x 300_000 })->{status}, 413, 'too large');
};

subtest 'links, certificates, renewals' => sub {
	my ($watch, $keep) = @api{qw(observer maintainer)};
	my $r = $keep->request(POST => '/links', { serial_number => 'c02link0001', note => 'for "Zoë" <b>' })->{json};
	like($r->{url}, qr{^https://\S+/enroll/manual/\S+$}, 'a link');
	is("$r->{serial_number} $r->{note} $r->{created_by}", "C02LINK0001 for \"Zo\xeb\" <b> token:$keep->{name}", 'as it was asked for');
	my ($secret) = $r->{url} =~ m{/([^/]+)$};
	unlike($watch->get('/links')->{body}, qr/\Q$secret\E/, 'whose secret is shown once');
	is($keep->request(POST => '/links', $_->[0])->{json}{field}, $_->[1], "refused: $_->[1]")
	    for [{ serial_number => 'a b' }, 'serial_number'], [{ serial_number => 5 }, 'serial_number'], [{ note => 'x' x 101 }, 'note'],
	    [{ note => [] }, 'note'], [{ note => "a\nb" }, 'note'], [{ note => "\e[2J" }, 'note'], [{ url => 'x' }, 'url'], [{ serial_number => 'x' x 65 }, 'serial_number'];
	is($keep->request(DELETE => "/links/$r->{id}")->{status}, 204, 'revoked');
	is($keep->request(DELETE => "/links/$r->{id}")->{status}, 409, 'twice');

	is($keep->request(POST => "/certificates/$certificate/revoke", { reason => $_ })->{json}{field}, 'reason', "no reason: $_")
	    for 'because', 'removeFromCRL', 'x' x 40;
	$r = $keep->request(POST => "/certificates/$certificate/revoke", { reason => 'keyCompromise' })->{json};
	is("$r->{state} $r->{revocation_reason}", 'revoked keyCompromise', 'a certificate is revoked');
	is($keep->request(POST => "/certificates/$certificate/revoke")->{status}, 400, 'twice');
	is($keep->request(POST => '/renewals', { host => $_ })->{json}{field}, 'host', 'no host: ' . ($_ // 'null')) for 'nobody', '', 5, undef;
	is($keep->request(POST => '/renewals', { host => $MAC })->{status}, 409, 'a host without a valid certificate is not renewed');
};

subtest 'metrics' => sub {
	my $r = $api{observer}->get('/metrics');
	is("$r->{status} $r->{headers}{'content-type'}", '200 text/plain; version=0.0.4; charset=utf-8', 'with a token');
	my %value = $r->{body} =~ /^(attestmdm_\S+(?: \S+)*?) (\S+)$/mg;
	is($value{'attestmdm_hosts{state="enrolled"}'}, 2, 'hosts');
	is($value{'attestmdm_hosts{state="unenrolled"}'}, 1, 'by state');
	is($value{'attestmdm_enrollments_total{method="acme",state="enrolled"}'}, 2, 'enrollments by attestation');
	is($value{'attestmdm_enrollments_total{method="scep",state="enrolled"}'}, 2, 'and by SCEP');
	cmp_ok($value{'attestmdm_database_size_bytes{file="database"}'}, '>', 4096, 'the size of the database');
	is($t->sim('enroll', '--serial', 'C02STRANGER1')->{exit}, 3, 'a stranger is refused');
	like($api{observer}->get('/metrics')->{body}, qr/^attestmdm_refusals_total\{step="profile",code="ENROLL_UNASSIGNED"\} 1$/m, 'and counted');
	is($nobody->get('/metrics')->{status}, 401, 'without a token');
	is($nobody->get('/metrics', $_ => '192.0.2.1')->{status}, 401, "nor by an address that $_ claims")
	    for 'X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'Remote-Addr', 'Client-IP';
	$t->server->set_conf('metrics.allow', '192.0.2.1 unix:');
	$t->server->restart('admin-api');
	is($nobody->get('/metrics')->{status}, 200, 'from an address of the list');
	is($nobody->get('/status')->{status}, 401, 'which opens nothing else');
	SKIP: {
		skip 'promtool (package prometheus) is not installed', 1 if !Attestmdm::Test::installed('promtool');
		my $file = $t->dir . '/metrics.txt';
		Attestmdm::Server::spew($file, $r->{body});
		my $check = $t->command('sh', '-c', "promtool check metrics < $file");
		is("$check->{exit} $check->{out}$check->{err}", '0 ', 'promtool finds no fault');
	}
};

subtest 'GitOps mode, and the free tier' => sub {
	$t->server->set_conf('gitops.gitops_mode_enabled', 'true');
	$t->server->set_conf('gitops.repository_url', 'https://git.example.com/mdm');
	$t->server->restart('admin-api');
	my $r = $api{admin}->get('/config')->{json}{gitops};
	is("$r->{gitops_mode_enabled} $r->{repository_url}", '1 https://git.example.com/mdm', 'fleet-123: the mode is shown');
	my $off = { mdm => { apple_require_hardware_attestation => JSON::PP::false } };
	$r = $api{admin}->request(PATCH => '/config', $off);
	is("$r->{status} $r->{json}{field}", '409 mdm.apple_require_hardware_attestation', 'fleet-123: a change is refused');
	like($r->{json}{detail}, qr{https://git\.example\.com/mdm}, 'and where it belongs is said');
	is($api{admin}->request(PATCH => '/config?dry_run=true', $off)->{status}, 409, 'a dry run says so, too');
	is($api{gitops}->request(PATCH => '/config', $off)->{status}, 200, 'fleet-123: the role gitops changes it');

	$t->server->set_conf('gitops.gitops_mode_enabled', 'false');
	$t->server->set_conf('license.tier', 'free');
	$t->server->restart('admin-api');
	is($api{observer}->get('/config')->{json}{license}{tier}, 'free', 'fleet-121: the tier is shown');
	$r = $api{admin}->request(PATCH => '/config', { mdm => { apple_require_hardware_attestation => JSON::PP::true } });
	is("$r->{status} $r->{json}{field}", '422 mdm.apple_require_hardware_attestation', 'fleet-121: true is refused');
	is($r->{json}{type}, 'urn:attestmdm:problem:license', 'because of the licence');
	is($api{admin}->request(PATCH => '/config', $off)->{status}, 200, 'fleet-121: false is accepted');
};

subtest 'the document' => sub {
	my $r = $nobody->get('/openapi.json');
	is("$r->{status} $r->{headers}{'content-type'}", '200 application/json', 'needs no token');
	is($r->{body}, Attestmdm::Server::slurp("$Attestmdm::Server::TOP/data/openapi.json"), 'is that of the source');
	my $source = Attestmdm::Server::slurp("$Attestmdm::Server::TOP/cgi-bin/admin-api.c");
	my %prefix = $source =~ /^#define (V1|HOST) +(.+)$/mg;
	$prefix{HOST} =~ s/^V1 /$prefix{V1}/;
	my ($table) = $source =~ /routes\[\] = \{\n(.+?)\n\};/s;
	my @served;
	while ($table =~ /\{ "([A-Z]+)", (V1|HOST)? ?("[^"]*")?,/g) {
		push @served, "$1 " . ($2 ? $prefix{$2} : '') . ($3 // '');
	}
	my $paths = Attestmdm::Api::document()->{paths};
	my @described = map { my $path = $_; map { uc($_) . " $path" } grep { $_ ne 'parameters' } keys %{ $paths->{$path} } } keys %$paths;
	s/"//g, s/:(\w+)/{$1}/g for @served;
	is_deeply([sort @described], [sort grep { m{ /api/} } @served], 'describes every route that is served, and no other');
	my $schema = Attestmdm::Schema->new(Attestmdm::Api::document());
	my $config = { '$ref' => '#/components/schemas/Status' };
	my $status = $api{observer}->get('/status')->{json};
	is_deeply([$schema->faults($status, $config)], [], 'a good answer');
	for my $change ([version => 1], [schema => '1'], [test_bench => 0], [jobs => {}], [hosts => undef], [more => 1]) {
		isnt(scalar $schema->faults({ %$status, @$change }, $config), 0, "a wrong $change->[0] is found");
	}
	delete $status->{version};
	is(scalar $schema->faults($status, $config), 1, 'so is what is missing');
	cmp_ok($_->{answers}, '>', 20, 'answers were held to it') for $api{admin};
};

$t->done;
