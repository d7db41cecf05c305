#!/usr/bin/perl
# The pages of administrators, API tokens and Apple: what they show, and what is
# done by them, refused, and on record.
use strict;
use utf8;
use warnings;
use Attestmdm::Admin;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $b = Attestmdm::Admin->new($t);
$b->sign_in;

# The newest activity of a kind.
sub recorded { return $t->db("SELECT actor, detail FROM activities WHERE action = '$_[0]' ORDER BY id DESC")->[0] || {} }

sub api { return $t->http('GET', '/api/v1/hosts', headers => { Authorization => "Bearer $_[0]" })->{status} }

# The page as the text that it is.
sub text { my $text = $_[0]{body}; utf8::decode($text); return $text }

sub problem { return (text($_[0]) =~ m{role="alert"><p><bdi>([^<]*)</bdi>})[0] // '' }

# The row of a page's table that has this heading.
sub row {
	my ($path, $name) = @_;
	my ($row) = text($b->get($path)) =~ m{<tr>\s*(<th scope="row">(?:<a [^>]*>)?<bdi>\Q$name\E</bdi>.*?)</tr>}s;
	return $row // '';
}

subtest 'fleet-153: a token is shown once' => sub {
	my $page = $b->get('/admin/tokens');
	like($page->{body}, qr/No token is active/, 'there is none at first');
	like($page->{headers}{'cache-control'}, qr/no-store/, 'no page is kept');
	my %new = (name => 'deploy', role => 'maintainer', days => 30);
	my $r = $b->post('/admin/tokens', from => '/admin/tokens', fields => \%new);
	is($r->{status}, 200, 'made');
	my @tokens = $r->{body} =~ /\b(amdm_[A-Za-z0-9_-]{43})\b/g;
	is(scalar @tokens, 1, 'shown');
	like($r->{headers}{'cache-control'}, qr/no-store/, 'on a page that nobody keeps');
	is(api($tokens[0]), 200, 'and it opens the API');
	my $again = $b->post('/admin/tokens', from => '/admin/tokens', fields => \%new);
	is($again->{status}, 409, 'the page loaded again makes no second one');
	like(problem($again), qr/there is or was an API token deploy/, 'and says so');
	unlike($again->{body} . $b->get('/admin/tokens')->{body}, qr/amdm_/, 'nor is it shown again');
	is($t->db("SELECT count(*) AS n FROM api_tokens")->[0]{n}, 1, 'one row');
	unlike($t->store('SELECT * FROM activities') . Attestmdm::Server::slurp($t->dir . '/admin-settings.log'),
	    qr/\Q$tokens[0]\E/, 'no record has it');
	my $made = recorded('token.add');
	is("$made->{actor}: $made->{detail}", 'admin: deploy: maintainer, 30 days', 'who made it is on record');
	my $row = row('/admin/tokens', 'deploy');
	like($row, qr/maintainer.*?>active<.*?by <bdi>admin<.*?>in (?:29|30) days<.*?>(?:just now|\d+ minutes? ago)</s, 'listed');

	my $revoke = sub { $b->post('/admin/tokens/revoke', from => '/admin/tokens', fields => { name => 'deploy', @_ }) };
	like($revoke->()->{body}, qr/Whatever uses it is refused/, 'revoking is confirmed first');
	is(api($tokens[0]), 200, 'nothing is done before');
	is($revoke->(confirmed => 'yes')->{status}, 303, 'revoked');
	is(api($tokens[0]), 401, 'it opens nothing any more');
	is(recorded('token.revoke')->{actor}, 'admin', 'who did it is on record');
	is(row('/admin/tokens', 'deploy'), '', 'not among the active ones');
	like(row('/admin/tokens?all=1', 'deploy'), qr/>revoked</, 'but among all');
	unlike(row('/admin/tokens?all=1', 'deploy'), qr/<form/, 'with nothing to revoke');
	is($revoke->(name => 'nobody', confirmed => 'yes')->{status}, 404, 'one that there is not');
	$r = $revoke->(confirmed => 'yes');
	is("$r->{status} " . problem($r), '409 API token deploy is revoked already', 'twice');
};

subtest 'what is no token' => sub {
	my %good = (name => 'x', role => 'observer', days => 1);
	for (['no name', name => ''], ['a space', name => 'a b'], ['65 characters', name => 'x' x 65],
	    ['a tag', name => '<b>'], ['no role', role => ''], ['another role', role => 'root'],
	    ['no days', days => ''], ['0 days', days => 0], ['too many', days => 3651],
	    ['a fraction', days => '1.5'], ['a sign', days => '+1'], ['a huge number', days => '9' x 40]) {
		my ($what, $field, $value) = @$_;
		my $r = $b->post('/admin/tokens', from => '/admin/tokens', fields => { %good, $field => $value });
		is($r->{status}, 422, $what);
		isnt(problem($r), '', 'with the reason');
		unlike($r->{body}, qr/<b>|amdm_/, 'and no token');
	}
	is($t->db("SELECT count(*) AS n FROM api_tokens WHERE name <> 'deploy'")->[0]{n}, 0, 'none was made');
};

subtest 'more tokens than a page has' => sub {
	$t->change_db("INSERT INTO api_tokens (name, token_mac, role, created_at, created_by, expires_at)"
	    . " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)"
	    . " SELECT 'many-' || printf('%02d', i), randomblob(32), 'admin', 1, 'x', 4000000000 FROM n");
	my $page = $b->get('/admin/tokens')->{body};
	is(scalar(() = $page =~ /not written by attestmdm/g), 25, '25 of them, which are not ours');
	my ($next) = $page =~ /rel="next" href="([^"]+)"/;
	my @rest = $b->get($next)->{body} =~ /<bdi>(many-\d\d)</g;
	is("@rest", 'many-26 many-27 many-28 many-29 many-30', 'and the rest');
	$t->change_db("DELETE FROM api_tokens WHERE name LIKE 'many-%'");
};

# Administrators: the one who is there at first, and others.
my $admins = '/admin/admins';
sub act { my ($act, %fields) = @_; return $b->post("$admins/$act", from => $admins, fields => \%fields) }

subtest 'fleet-154: an administrator is added, and given another role' => sub {
	my %new = (name => 'Zoë', role => 'maintainer', password => 'a good long one');
	my $r = $b->post($admins, from => $admins, fields => \%new);
	is("$r->{status} $r->{headers}{location}", "303 $admins/one?name=Zo%C3%AB", 'added');
	is(recorded('admin.add')->{detail}, 'Zoë: maintainer', 'on record');
	my $zoe = Attestmdm::Admin->new($t);
	is($zoe->sign_in('Zoë', $new{password})->{status}, 303, 'signs in');
	like(row($admins, 'Zoë'), qr/>maintainer<.*>can sign in<.*sessions">1</s, 'listed with the session');
	my $one = $b->get("$admins/one?name=Zo%C3%AB")->{body};
	is(scalar(() = $one =~ /name="session"/g), 1, 'which the page shows');
	unlike($one, qr/\$y\$|This is you/, 'without the hash');
	$r = $b->post($admins, from => $admins, fields => \%new);
	is("$r->{status} " . problem($r), '409 there is an administrator Zoë already', 'twice');
	unlike($r->{body}, qr/\Q$new{password}\E/, 'the password does not come back');

	is(act('role', name => 'Zoë', role => 'observer')->{status}, 303, 'another role');
	ok(!$zoe->signed_in, 'ends the sessions');
	is($zoe->sign_in('Zoë', $new{password})->{status}, 303, 'the password stays');
	is($zoe->post('/admin/links', from => '/admin/links', fields => { note => 'x' })->{status}, 403, 'the role holds');
	is(recorded('admin.role')->{detail}, 'Zoë: observer', 'on record');

	my ($id) = $b->get("$admins/one?name=Zo%C3%AB")->{body} =~ /name="session" value="([0-9a-f]+)"/;
	is(act('sign-out', name => 'Zoë', session => $id)->{status}, 303, 'one session is ended');
	ok(!$zoe->signed_in, 'at once');
	is(act('sign-out', name => 'Zoë', session => $id)->{status}, 404, 'twice');
	$zoe->sign_in('Zoë', $new{password});
	is(act('sign-out', name => 'Zoë')->{status}, 303, 'all are');
	ok(!$zoe->signed_in, 'at once');
	is(recorded('session.revoke')->{detail}, 'Zoë', 'on record');

	is(act('password', name => 'Zoë', password => 'another long one')->{status}, 303, 'a new password');
	is($zoe->sign_in('Zoë', $new{password})->{status}, 403, 'the old one is not good any more');
	is($zoe->sign_in('Zoë', 'another long one')->{status}, 303, 'the new one is');
	unlike(text($b->get("$admins/one?name=Zo%C3%AB")), qr/made under this name/, 'who made no tokens');
	my $token = $t->tool_json('token', 'add', 'hers', '--role', 'observer')->{token};
	$t->change_db("UPDATE api_tokens SET created_by = 'Zoë'");
	is(act('disable', name => 'Zoë')->{status}, 303, 'disabled');
	ok(!$zoe->signed_in, 'and out');
	is(api($token), 200, 'a token that she made is good');
	like(text($b->get("$admins/one?name=Zo%C3%AB")), qr/made under this name: 1\./, 'which the page says');
	like($t->tool_ok('admin', 'disable', 'Zoë'), qr/made go on working: 1;/, 'and the tool');
	$t->tool_ok('token', 'revoke', 'hers');
	unlike(text($b->get("$admins/one?name=Zo%C3%AB")), qr/this name made/, 'until it is revoked');
	like(row($admins, 'Zoë'), qr/>disabled</, 'which the list shows');
	is(act('enable', name => 'Zoë')->{status}, 303, 'enabled');
	is($zoe->sign_in('Zoë', 'another long one')->{status}, 303, 'and in');
	is($t->db("SELECT role FROM admins WHERE name = 'Zoë'")->[0]{role}, 'observer', 'with the role of before');
};

subtest 'what is refused' => sub {
	my $before = $t->fingerprint;
	for (['a short password', 422, '', name => 'x', role => 'admin', password => 'short'],
	    ['no password', 422, '', name => 'x', role => 'admin'],
	    ['no name', 422, '', name => '', role => 'admin', password => 'a good long one'],
	    ['a colon', 422, '', name => 'cli:root', role => 'admin', password => 'a good long one'],
	    ['what is no role', 422, '', name => 'x', role => 'root', password => 'a good long one'],
	    ['a short one', 422, '/password', name => 'Zoë', password => 'short'],
	    ['no role', 422, '/role', name => 'Zoë', role => ''],
	    map { ["$_ of nobody", 404, "/$_", name => 'nobody', role => 'admin', password => 'a good long one'] }
		qw(role password disable enable sign-out)) {
		my ($what, $status, $path, %fields) = @$_;
		my $r = $b->post("$admins$path", from => $admins, fields => \%fields);
		is($r->{status}, $status, $what);
		isnt(problem($r), '', 'with the reason') if $status == 422;
	}
	is($b->get("$admins/one?name=nobody")->{status}, 404, 'the page of nobody');
	is($t->fingerprint, $before, 'nothing is changed');
};

subtest 'fleet-155: the last one with the role admin stays' => sub {
	my $last = qr/admin is the last administrator with the role admin/;
	my $before = $t->fingerprint;
	for (['demoted', 'role', role => 'observer'], ['disabled', 'disable'],
	    ['given a password and a role', 'password', role => 'gitops', password => 'a good long one']) {
		my ($what, $act, %fields) = @$_;
		my $r = act($act, name => 'admin', %fields);
		is($r->{status}, 409, "not $what");
		like(problem($r), $last, 'and told why');
	}
	for (['set-role', 'admin', 'maintainer'], ['disable', 'admin'], ['disable', 'Zoë', 'admin'],
	    ['password', 'admin', '--role', 'observer']) {
		my $r = $t->tool('admin', @$_);
		is($r->{exit}, 4, "nor by admin @$_");
		like($r->{err}, $last, 'which says why');
	}
	is($t->fingerprint, $before, 'nothing is changed');
	ok($b->signed_in, 'nobody is signed out');
	# A row that attestmdm did not write is nobody's, and a disabled one neither.
	$t->change_db("UPDATE admins SET role = 'admin' WHERE name = 'Zoë'");
	is(act('disable', name => 'admin')->{status}, 409, 'one whom another program made admin does not count');
	like($b->get("$admins/one?name=Zo%C3%AB")->{body}, qr/Another program wrote this row/, 'which the page says');
	is(act('password', name => 'Zoë', password => 'a good long one')->{status}, 422, 'it needs the role, too');
	is(act('password', name => 'Zoë', password => 'a good long one', role => 'admin')->{status}, 303, 'and is ours then');
	is(act('disable', name => 'Zoë')->{status}, 303, 'disabled');
	is(act('role', name => 'admin', role => 'observer')->{status}, 409, 'a disabled one does not count');
	is(act('enable', name => 'Zoë')->{status}, 303, 'with another one');
	is(act('role', name => 'admin', role => 'observer')->{status}, 303, 'the first may go');
	ok(!$b->signed_in, 'and is signed out');
	$b->sign_in;
	is($b->get($admins)->{status}, 403, 'and sees no administrators');
	unlike($b->get('/admin/hosts')->{body}, qr/\Q$admins\E/, 'nor is led there');
	$t->tool_ok('admin', 'set-role', 'admin', 'admin');
	$b->sign_in;
};

subtest 'Apple' => sub {
	my $page = $b->get('/admin/apple')->{body};
	like($page, qr/No account is connected.*ade token new/s, 'without an account: what to do');
	unlike($page, qr/Sync now/, 'and nothing to fetch');
	my $r = $b->post('/admin/apple/sync', from => '/admin/apple', fields => {});
	is($r->{status}, 404, 'nor is it fetched');
	like(problem($r), qr/there is no account at Apple Business/, 'which is said');
	$t->tool_ok('ade', 'token', 'new');
	$page = $b->get('/admin/apple')->{body};
	like($page, qr/no token.*ade token import FILE --account <bdi>business/s, 'without a token: what to do');
	$t->change_db($_) for "UPDATE ade_accounts SET consumer_key = 'CK', token_expires_at = " . (time + 86400 * 10)
	    . ", server_name = '<b>Main', organization = 'Example & Sons', sync_next_at = 4000000000",
	    "INSERT INTO jobs (name, next_run_at, started_at, ended_at, duration_ms, result, text, failures, last_error)"
	    . " SELECT 'sync', 4000000000, 0, 0, 0, 'ok', '', 0, '' WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE name = 'sync')",
	    "UPDATE jobs SET next_run_at = 4000000000 WHERE name = 'sync'";
	$page = $b->get('/admin/apple')->{body};
	like($page, qr/&lt;b&gt;Main.*Example &amp; Sons.*soon.*>never<.*ade assign --account/s, 'with one: its end, and to assign');
	$r = $b->post('/admin/apple/sync', from => '/admin/apple', fields => {});
	is("$r->{status} $r->{headers}{location}", '303 /admin/apple?asked=1', 'fleet-156: Sync now');
	my $due = $t->db("SELECT next_run_at AS n FROM jobs WHERE name = 'sync'")->[0]{n};
	cmp_ok($due, '<=', time, "fleet-156: makes the worker's job due");
	is($t->db('SELECT sync_next_at AS n FROM ade_accounts')->[0]{n}, undef, 'for every account');
	is(recorded('ade.sync-now')->{actor}, 'admin', 'fleet-156: on record');
	like($b->get('/admin/apple?asked=1')->{body}, qr/The worker has been asked/, 'and says so');
	$t->change_db("UPDATE ade_accounts SET sync_error = 'ADE_TERMS: <i>', synced_at = 1700000000, token_expires_at = 1700000000");
	like($b->get('/admin/apple')->{body}, qr/>expired<.*>failed<.*ADE_TERMS: &lt;i&gt;.*The token has expired/s, 'what failed');

	like($b->get('/admin/apple')->{body}, qr/There is none/, 'no push certificate');
	$t->change_db("INSERT INTO push_certificate (id, topic, sha256, not_before, not_after, imported_at, imported_by)"
	    . " VALUES (1, 'com.apple.mgmt.External.x', zeroblob(32), 1, " . (time + 86400 * 20) . ", 1700000000, 'cli:root')");
	like($b->get('/admin/apple')->{body}, qr/It ends soon.*>in use<.*com\.apple\.mgmt\.External\.x.*in (?:19|20) days.*choose Renew/s,
	    'one that ends soon, and how to renew it');
	$t->change_db("UPDATE push_certificate SET stopped_at = 1700000000, stop_reason = '<u>'");
	like($b->get('/admin/apple')->{body}, qr/No pushes have been sent since.*&lt;u&gt;.*>stopped</s, 'one that Apple does not take');
	$t->change_db("UPDATE push_certificate SET not_after = 1700000000");
	like($b->get('/admin/apple')->{body}, qr/It has expired.*>expired</s, 'one that has ended');
};

subtest 'more accounts and sessions than a page has' => sub {
	my $n = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)';
	$t->change_db($_) for "INSERT INTO ade_accounts (name, created_at, consumer_key, sync_error) $n"
	    . " SELECT 'many-' || printf('%02d', i), 1, 'CK', printf('%0400d', 1) FROM n",
	    "INSERT INTO sessions (token_mac, admin, csrf_token, created_at, last_seen_at, expires_at) $n"
	    . " SELECT randomblob(32), 'Zoë', 'x', 4000000000, 4000000000, 4000000000 FROM n";
	my $page = $b->get('/admin/apple')->{body};
	is(scalar(() = $page =~ /<bdi>many-\d\d<\/bdi><\/th>/g), 24, 'a page of accounts');
	cmp_ok(length($page), '<', 50_000, 'is no heavy one');
	my ($next) = $page =~ /rel="next" href="([^"]+)"/;
	like($b->get($next)->{body}, qr/many-25.*many-49/s, 'and leads to the next');
	$page = $b->get("$admins/one?name=Zo%C3%AB")->{body};
	is(scalar(() = $page =~ /name="session"/g), 25, 'the newest sessions');
	like($page, qr/These are the newest of 99/, 'of many');
	cmp_ok(length($page), '<', 50_000, 'are no heavy page either');
};

$t->done;
