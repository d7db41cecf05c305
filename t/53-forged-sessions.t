#!/usr/bin/perl
# Rows that another program wrote into the database sign nobody in.
use strict;
use warnings;
use Attestmdm::Test;
use Attestmdm::Admin;

my $t = Attestmdm::Test->new;
my $database = $t->server->database;
my $log = sub { Attestmdm::Server::slurp($t->dir . '/admin-settings.log') };

sub sql {
	my ($text) = @_;
	$t->change_db($text);
}

sub hosts_page {
	my ($token) = @_;
	return $t->http(GET => '/admin/hosts', headers => { Cookie => "__Host-attestmdm=$token" });
}

# A session made up by hand, as it would be if the digest were a plain one.
my $token = 'A' x 43;
my ($digest) = $t->command('sh', '-c', "printf %s '$token' | sha256sum")->{out} =~ /^([0-9a-f]{64})/;
sql("INSERT INTO sessions (token_mac, admin, csrf_token, created_at, last_seen_at, expires_at, mac)"
	. " VALUES (x'$digest', 'admin', 'x', " . time . ', ' . time . ', ' . (time + 3600) . ", zeroblob(32));");
my $r = hosts_page($token);
is("$r->{status} $r->{headers}{location}", '303 /admin/sign-in', 'an inserted session leads to the sign-in page');

# A session of one administrator, turned into one of another.
my $other = $t->tool_json('admin', 'add', 'other');
my $admin = Attestmdm::Admin->new($t);
$admin->sign_in('admin', $t->server->password);
is($admin->get('/admin/hosts')->{status}, 200, 'a genuine session');
sql("UPDATE sessions SET admin = 'other' WHERE admin = 'admin' AND token_mac <> x'$digest';");
is($admin->get('/admin/hosts')->{status}, 303, 'is none when its row names another administrator');
like($log->(), qr/session of administrator other was not written/, 'which the log says');

# A password that somebody else wrote, taken from an account that he knows.
sql("UPDATE admins SET password_hash = (SELECT password_hash FROM admins WHERE name = 'other')"
	. " WHERE name = 'admin';");
my $eve = Attestmdm::Admin->new($t);
$r = $eve->sign_in('admin', $other->{password});
is($r->{status}, 403, 'a replaced password does not sign in');
like($log->(), qr/administrator admin was not written by attestmdm/, 'which the log says');
$r = $t->tool('admin', 'password', 'admin');
is($r->{exit}, 4, 'a new password needs a role then');
like($r->{err}, qr/with --role/, 'and says so');
my $new = $t->tool_json('admin', 'password', 'admin', '--role', 'admin');
is($eve->sign_in('admin', $new->{password})->{status}, 303, 'a new one from the tool does');

# An administrator made up by hand, and one who was disabled.
sql("INSERT INTO admins (name, password_hash, created_at, mac)"
	. " SELECT 'mallory', password_hash, 1, mac FROM admins WHERE name = 'other';");
is(Attestmdm::Admin->new($t)->sign_in('mallory', $other->{password})->{status}, 403,
    'an inserted administrator does not sign in');
$t->tool_ok('admin', 'disable', 'other');
sql("UPDATE admins SET disabled_at = NULL WHERE name = 'other';");
is(Attestmdm::Admin->new($t)->sign_in('other', $other->{password})->{status}, 403,
    'nor does one who was disabled');
$t->tool_ok('admin', 'enable', 'other');
is(Attestmdm::Admin->new($t)->sign_in('other', $other->{password})->{status}, 403,
    'and the row of another hand is not believed later');

# An observer who made himself more.
my $watch = $t->tool_json('admin', 'add', 'watch', '--role', 'observer');
my $browser = Attestmdm::Admin->new($t);
is($browser->sign_in('watch', $watch->{password})->{status}, 303, 'an observer signs in');
sql("UPDATE admins SET role = 'admin' WHERE name = 'watch';");
is($browser->get('/admin/hosts')->{status}, 303, 'another role than he was given ends his session');
is(Attestmdm::Admin->new($t)->sign_in('watch', $watch->{password})->{status}, 403, 'and he does not sign in');
sql("DELETE FROM sessions WHERE admin = 'watch'; DELETE FROM known_browsers WHERE admin = 'watch';"
	. " DELETE FROM admins WHERE name = 'watch';");

# The tool tells which rows are genuine.
my %authentic = map { $_->{name} => $_->{authentic} } @{ $t->tool_json('admin', 'list')->{admins} };
is("$authentic{admin} $authentic{other} $authentic{mallory}", 'yes no no', 'admin list tells them apart');
my @lines = grep { $_->{check} eq 'admins' }
    @{ JSON::PP::decode_json($t->tool('check', '--no-nginx', '--json')->{out})->{checks} };
is(join(' ', map { $_->{result} } @lines), 'BAD BAD ok', 'check complains of two');
like("$lines[0]{text} $lines[1]{text}", qr/row of mallory .* row of other /, 'and names them');
like($lines[2]{text}, qr/^1 can sign in/, 'who cannot sign in');

# A database that is not in WAL mode is still served; check says so.
$t->server->stop(@Attestmdm::Server::PROGRAMS);
# The tool of SQLite: this is about its file.
$t->command('sqlite3', $database, 'PRAGMA journal_mode = DELETE');
sub mode_line { return grep { /WAL mode/ } map { $_->{text} } @{ JSON::PP::decode_json(
    $t->tool('check', '--no-nginx', '--json')->{out})->{checks} } }
is(scalar(mode_line()), 1, 'check tells that the database is not in WAL mode');
$t->server->start_programs(@Attestmdm::Server::PROGRAMS);
is($t->http(GET => '/admin/hosts')->{status}, 303, 'a program opens it');
is(scalar(mode_line()), 0, 'and sets it');

# migrate makes a key that is missing, and believes no row that is there.
my $key = $t->server->state . '/admin.key';
$t->tool_ok('migrate');
is($t->db("SELECT count(mac) AS n FROM admins WHERE name = 'other'")->[0]{n}, 0,
    'migrate does not believe a row of another hand');
sql("DELETE FROM admins WHERE name = 'other'; UPDATE admins SET mac = NULL WHERE name = 'mallory';");
for my $run ('a lost key', 'a lost key, and no row that had been authenticated') {
	unlink($key) or die;
	my $out = $t->tool_ok('migrate');
	like($out, qr/new key \Q$key\E/, "$run: the key is made");
	like($out, qr/attestmdm admin password NAME --role ROLE/, "$run: with advice");
	is(sprintf('%04o', (stat $key)[2] & 07777), '0600', "$run: for its owner alone");
	$t->server->restart('admin-settings');
	is(join(' ', map { $_->{authentic} } @{ $t->tool_json('admin', 'list')->{admins} }), 'no no',
	    "$run: no administrator is trusted");
	$new = $t->tool_json('admin', 'password', 'admin', '--role', 'admin');
	is(Attestmdm::Admin->new($t)->sign_in('admin', $new->{password})->{status}, 303,
	    "$run: who does with a new password");
	sql("UPDATE admins SET mac = NULL;");
}
my $before = Attestmdm::Server::slurp($key);
$t->tool_ok('migrate');
is(Attestmdm::Server::slurp($key), $before, 'and the key is kept');

$t->done;
