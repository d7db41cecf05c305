#!/usr/bin/perl
# What each role may do on the pages, who may give roles; tokens and sessions by
# the tool.
use strict;
use warnings;
use Attestmdm::Test;
use Attestmdm::Admin;

my $t = Attestmdm::Test->new;
my @ROLES = qw(observer maintainer admin gitops);
my (%browser, %password);

# Which route was asked for by whom: each has to be by each role in the end.
my %asked;
{
	no warnings 'redefine';
	my $request = \&Attestmdm::Admin::request;
	*Attestmdm::Admin::request = sub {
		my ($self, $method, $path) = @_;
		$asked{"$method " . $path =~ s/\?.*//r}{$self} = 1;
		goto &$request;
	};
}

for my $role (@ROLES) {
	$password{$role} = $t->tool_json('admin', 'add', "the-$role", '--role', $role)->{password};
	$browser{$role} = Attestmdm::Admin->new($t);
	is($browser{$role}->sign_in("the-$role", $password{$role})->{status}, 303, "$role signs in");
}
my %listed = map { $_->{name} => $_->{role} } @{ $t->tool_json('admin', 'list')->{admins} };
is(join(' ', map { $listed{"the-$_"} } @ROLES), "@ROLES", 'admin list has the roles');
is($listed{admin}, 'admin', 'who was there is admin');

# Everybody reads everything.
for my $page ('', qw(hosts hosts.csv enrollments links refusals serial?serial=C02X alarms jobs settings activity apple
	move settings/apple_require_hardware_attestation/hosts?value=true&group=0123456789abcdef)) {
	is(join(' ', map { $browser{$_}->get("/admin/$page")->{status} } @ROLES), '200 200 200 200',
	    "fleet-125: every role reads $page");
}

# A host, on whose page there is much to do.
$t->assign('C02ROLE00001');
is($t->sim('enroll', '--serial', 'C02ROLE00001')->{exit}, 0, 'a Mac enrolls');
my $host = '/admin/hosts/' . $t->db('SELECT id FROM hosts')->[0]{id};
my $command = $t->tool_json('command', 'send', 'C02ROLE00001', 'ProfileList')->{uuid};
is(join(' ', map { $browser{$_}->get("$host/commands/$command")->{status} } @ROLES), '200 200 200 200',
    'fleet-125: every role reads about a command');
my $enrolled = $t->db('SELECT id FROM enrollments')->[0]{id};
is(join(' ', map { $browser{$_}->get("/admin/enrollments/$enrolled")->{status} } @ROLES), '200 200 200 200',
    'fleet-125: every role reads how it enrolled');

# But who there is, and who gives roles, only who may change that.
for my $page (qw(admins admins/one?name=admin tokens tokens?all=1)) {
	is(join(' ', map { $browser{$_}->get("/admin/$page")->{status} } @ROLES), '403 403 200 403',
	    "fleet-125: only admins read $page");
}
is(join(' ', map { $browser{$_}->get('/admin/hosts')->{body} =~ m{href="/admin/admins"} ? 'yes' : 'no' } @ROLES),
    'no no yes no', 'nor is anybody else led there');
$t->tool_ok('ade', 'token', 'new');
$t->change_db("UPDATE ade_accounts SET consumer_key = 'CK', token_expires_at = 4000000000");
is(join(' ', map { $browser{$_}->get('/admin/apple')->{body} =~ /Sync now/ ? 'yes' : 'no' } @ROLES),
    'no yes yes no', 'the button is there for who may press it');
sub offers { my ($page, $form) = @_; return join(' ', map { $browser{$_}->get("/admin/$page")->{body} =~ $form ? 'yes' : 'no' } @ROLES) }
is(offers('links', qr/>Make a link</), 'no yes yes no', 'so is that for a link');
is(offers('move', qr/>Move hosts now</), 'no yes yes no', 'and that which moves hosts');
is(offers('settings', qr/id="require"[^>]* disabled/), 'yes yes no no', 'settings are locked for the others');
is(offers('settings', qr/Your role does not permit changing settings/), 'yes yes no no', 'which the page says');

# path, fields, and who may
my @acts = (
	['/admin/settings/minimum-os', { minimum_os_version_macos => '15.1' }, 'settings', qw(admin gitops)],
	['/admin/settings/apple_require_hardware_attestation',
	    { apple_require_hardware_attestation => 'true' }, 'settings', qw(admin gitops)],
	['/admin/settings/apple_business_enrollments_only', {}, 'settings', qw(admin gitops)],
	['/admin/links', { note => 'x' }, 'links', qw(maintainer admin)],
	(map { ["$host/$_->[0]", $_->[1], $host =~ s{^/admin/}{}r, qw(maintainer admin)] }
	    ['commands', { type => 'SecurityInfo' }], ['commands', { type => 'RestartDevice' }],
	    ["commands/$command/cancel", {}], ['renew', {}], ['revoke', {}], ['block', {}],
	    ['block', { confirmed => 'yes' }], ['unblock', {}]),
	['/admin/move', {}, 'move', qw(maintainer admin)],
	['/admin/move/stop', {}, 'move', qw(maintainer admin)],
	['/admin/apple/sync', {}, 'settings', qw(maintainer admin)],
	['/admin/tokens', { name => 'page', role => 'observer', days => 1 }, 'settings', 'admin'],
	['/admin/tokens/revoke', { name => 'page' }, 'settings', 'admin'],
	['/admin/tokens/revoke', { name => 'page', confirmed => 'yes' }, 'settings', 'admin'],
	['/admin/admins', { name => 'Eve', role => 'observer', password => 'a good long one' }, 'settings', 'admin'],
	['/admin/admins/role', { name => 'Eve', role => 'maintainer' }, 'settings', 'admin'],
	['/admin/admins/password', { name => 'Eve', password => 'a good long one' }, 'settings', 'admin'],
	['/admin/admins/disable', { name => 'Eve' }, 'settings', 'admin'],
	['/admin/admins/enable', { name => 'Eve' }, 'settings', 'admin'],
	['/admin/admins/sign-out', { name => 'Eve' }, 'settings', 'admin'],
);
my $acts = qr{action="\Q$host\E/};
is(join(' ', map { $browser{$_}->get($host)->{body} =~ $acts ? 'yes' : 'no' } @ROLES), 'no yes yes no',
    'who may not is offered nothing on the page of a host');
for my $act (@acts) {
	my ($path, $fields, $from, @may) = @$act;
	for my $role (@ROLES) {
		my $before = $t->fingerprint;
		my $r = $browser{$role}->post($path, from => "/admin/$from", fields => $fields);
		if (grep { $_ eq $role } @may) {
			like($r->{status}, qr/^(?:200|303|409)$/, "$role may post $path");
		} else {
			is($r->{status}, 403, "fleet-125: $role may not post $path");
			like($r->{body}, qr/Your role does not permit this/, 'and is told so');
			is($t->fingerprint, $before, 'nothing is changed');
		}
	}
}
is($t->db("SELECT count(*) AS n FROM admins WHERE name = 'Eve'")->[0]{n}, 1, 'those who may did it');
my @links = map { $t->tool_json('enrollment', 'new')->{id} } @ROLES;
is(join(' ', map { $browser{$_}->post('/admin/links/' . shift(@links) . '/revoke', from => '/admin/links')->{status} }
    @ROLES), '403 303 303 403', 'revoking a link');

for my $route (Attestmdm::Server::slurp('cgi-bin/admin-settings.c') =~ m{\{ ("(?:GET|POST)", "/admin/[^"]*)"}g) {
	next if $route =~ m{/(?:sign-in|sign-out|style\.css|icon\.svg)$};
	my $path = $route =~ s/"(\w+)", "/$1 /r =~ s{:\w+}{[^/]+}gr;
	my %who = map { %{ $asked{$_} } } grep { m{^$path$} } keys %asked;
	is(scalar(grep { $who{$browser{$_}} } @ROLES), 4, "fleet-125: each role was tried with $path");
}

# The id of an open enrollment is part of its ACME address.
my $enrollment = $t->db("SELECT id FROM enrollments LIMIT 1")->[0]{id};
my $state = $t->db("SELECT state FROM enrollments WHERE id = '$enrollment'")->[0]{state};
$t->change_db("UPDATE enrollments SET state = 'open' WHERE id = '$enrollment'");
is(join(' ', map { $browser{$_}->get('/admin/enrollments')->{body} =~ /$enrollment/ ? 'yes' : 'no' } @ROLES),
    'no yes yes no', 'the id of an open enrollment is for who may act');
$t->change_db("UPDATE enrollments SET state = '$state' WHERE id = '$enrollment'");

# Another role is another sign-in.
$t->tool_ok('admin', 'set-role', 'the-admin', 'observer');
ok(!$browser{admin}->signed_in, 'a new role ends the sessions');
is($browser{admin}->sign_in('the-admin', $password{admin})->{status}, 303, 'the password stays');
is($browser{admin}->post('/admin/links', from => '/admin/links', fields => { note => 'x' })->{status}, 403,
    'the new role holds');
like($t->db("SELECT detail FROM activities WHERE action = 'admin.role' ORDER BY id DESC")->[0]{detail},
    qr/^the-admin: observer/, 'the activity says which');

is($t->tool('admin', 'set-role', 'nobody', 'admin')->{exit}, 3, 'set-role of nobody');
is($t->tool('admin', 'set-role', 'the-admin', 'root')->{exit}, 4, 'a role that there is not');
is($t->tool('admin', 'add', 'x', '--role', 'root')->{exit}, 4, 'the same with add');
is($t->tool_json('admin', 'password', 'the-gitops', '--role', 'maintainer')->{name}, 'the-gitops', 'password --role');
%listed = map { $_->{name} => $_->{role} } @{ $t->tool_json('admin', 'list')->{admins} };
is($listed{'the-gitops'}, 'maintainer', 'gives another role');

subtest 'tokens' => sub {
	my $out = $t->tool_ok('token', 'add', 'deploy', '--role', 'maintainer');
	my ($token) = $out =~ /^(amdm_[A-Za-z0-9_-]{43})\n\z/m;
	ok($token, 'token add prints the token as its last line');
	my $made = $t->tool_json('token', 'add', 'watch', '--role', 'observer', '--days', '2');
	like($made->{token}, qr/^amdm_[A-Za-z0-9_-]{43}$/, 'and in JSON');
	is($t->tool('token', 'add', 'deploy', '--role', 'admin')->{exit}, 4, 'a name that is taken');
	is($t->tool('token', 'add', 'a b', '--role', 'admin')->{exit}, 4, 'what cannot be a name');
	is($t->tool('token', 'add', 'x', '--role', 'root')->{exit}, 4, 'what is no role');
	is($t->tool('token', 'add', 'x')->{exit}, 2, 'no role');
	is($t->tool('token', 'add', 'x', '--role', 'admin', '--days', '3651')->{exit}, 2, 'too many days');
	is($t->tool('token', 'revoke', 'watch', 'nobody')->{exit}, 3, 'one that there is not');
	$t->tool_ok('token', 'revoke', 'watch');
	is($t->tool('token', 'revoke', 'watch')->{exit}, 4, 'twice');
	my $list = $t->tool_ok('token', 'list', '--json');
	my %token = map { $_->{name} => $_ } @{ JSON::PP::decode_json($list)->{tokens} };
	is("$token{deploy}{role} $token{deploy}{state} $token{deploy}{authentic}", 'maintainer active yes', 'listed');
	is("$token{watch}{state} $token{watch}{authentic}", 'revoked yes', 'the revoked one too');
	is(index($list . $t->store('SELECT * FROM activities'), $token), -1, 'no list holds the token');
	like(join(' ', map { $_->{detail} } @{ $t->db("SELECT detail FROM activities WHERE action LIKE 'token.%' ORDER BY id") }),
	    qr/deploy: maintainer, 365 days.* watch: observer, 2 days.* watch/, 'each is an activity');
	$t->change_db("UPDATE api_tokens SET role = 'admin' WHERE name = 'deploy'");
	%token = map { $_->{name} => $_ } @{ $t->tool_json('token', 'list')->{tokens} };
	is($token{deploy}{authentic}, 'no', 'a row of another hand is told');
	like($t->tool('check', '--no-nginx')->{out}, qr/row of API token deploy was not written/, 'by check, too');
};

subtest 'sessions' => sub {
	ok($browser{maintainer}->signed_in, 'somebody is signed in');
	my @mine = grep { $_->{admin} eq 'the-maintainer' } @{ $t->tool_json('session', 'list')->{sessions} };
	is(scalar @mine, 1, 'and listed');
	$t->server->clock(31 * 60);
	is(scalar @{ $t->tool_json('session', 'list')->{sessions} }, 0, 'not after half an hour without a request');
	$t->server->clock(0);
	my ($cookie) = values %{ $browser{maintainer}{cookies} };
	unlike($t->tool_ok('session', 'list'), qr/\Q$cookie\E/, 'without the cookie');
	is($t->tool('session', 'revoke', $mine[0]{id}, 'nothing')->{exit}, 3, 'all or none');
	ok($browser{maintainer}->signed_in, 'none');
	$t->tool_ok('session', 'revoke', $mine[0]{id});
	ok(!$browser{maintainer}->signed_in, 'revoked');
	$browser{maintainer}->sign_in('the-maintainer', $password{maintainer});
	is($t->tool_json('session', 'revoke', '--admin', 'the-maintainer')->{revoked}, 1, 'all of one administrator');
	ok(!$browser{maintainer}->signed_in, 'are revoked');
	is($t->tool('session', 'revoke', '--admin', 'nobody')->{exit}, 3, 'of nobody');
	is($t->tool('session', 'revoke')->{exit}, 2, 'nothing given');
	is($t->tool('session', 'revoke', '--admin', 'admin', 'x')->{exit}, 2, 'both given');
	is($t->db("SELECT count(*) AS n FROM activities WHERE action = 'session.revoke'")->[0]{n}, 2, 'activities');
};

$t->done;
