#!/usr/bin/perl
# What administrators do on the pages, and what the overview tells them.
use strict;
use warnings;
use Fcntl qw(LOCK_EX);

use Attestmdm::Admin;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(settings => { apple_require_hardware_attestation => 'true' });
my $b = Attestmdm::Admin->new($t);
my $SERIAL = 'C02PAGE00001';
$b->sign_in;

sub host { return $t->db("SELECT id, state FROM hosts WHERE serial = '$_[0]'")->[0] }

# Posts a form of the page of a host; the second time as somebody who means it.
sub act {
	my ($serial, $act, %fields) = @_;
	my $page = '/admin/hosts/' . host($serial)->{id};
	return $b->post("$page/$act", from => $page, fields => \%fields);
}

sub follow { my ($r) = @_; return $b->get($r->{headers}{location})->{body} }

# The page that asks, and the fields of its form.
sub asks {
	my ($r, $what) = @_;
	is($r->{status}, 200, "$what is asked again");
	like($r->{body}, qr/name="confirmed" value="yes"/, 'by a form');
	return $r->{body} =~ /<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)">/g;
}

subtest 'fleet-157: the overview of a new server says what to do' => sub {
	my $page = $b->get('/admin/')->{body};
	like($page, qr{<h2 id="guide">Next steps</h2>}, 'steps');
	my @done = $page =~ m{<li class="done"><strong>(.*?)</strong>}g;
	is("@done", 'Hardware attestation', 'one of which is done');
	like($page, qr{<li><strong>First device</strong>.*?href="/admin/links"}s, 'a device is not here yet');
	like($page, qr{chart appears after}, 'there is nothing to draw');
	like($page, qr{<h2 id="refused">.*?>None\.<}s, 'nothing was refused');
};

$t->assign($SERIAL);
my $mac = Attestmdm::Device->enroll($t, $SERIAL);

subtest 'fleet-151: commands are queued and cancelled on the page of a host' => sub {
	my $page = $b->get('/admin/hosts/' . host($SERIAL)->{id})->{body};
	my @types = $page =~ m{<option>(\w+)</option>}g;
	is(scalar(grep { $_ eq 'SecurityInfo' } @types), 1, 'common ones are offered');
	is(scalar(grep { $_ eq 'DeviceLock' } @types), 0, 'a Mac is not locked without a PIN');
	for my $type (grep { !/RestartDevice|ShutDownDevice/ } @types) {
		my $r = act($SERIAL, 'commands', type => $type);
		is($r->{status}, 303, "$type is queued");
		like(follow($r), qr/role="status">The command is queued/, 'and the page says so');
	}
	my $queued = 'SELECT count(*) AS n FROM commands WHERE state = \'queued\'';
	my $before = $t->db($queued)->[0]{n};
	my %asked = asks(act($SERIAL, 'commands', type => 'RestartDevice'), 'what users lose work by');
	is($asked{type}, 'RestartDevice', 'and keeps the choice');
	is($t->db($queued)->[0]{n}, $before, 'nothing is queued yet');
	is(act($SERIAL, 'commands', %asked)->{status}, 303, 'when it is meant');
	is($t->db($queued)->[0]{n}, $before + 1, 'it is queued');
	for my $type ('EraseDevice', 'DeviceLock', 'InstallProfile', 'Nonsense', '') {
		my $r = act($SERIAL, 'commands', type => $type, confirmed => 'yes');
		is($r->{status}, 422, "not \"$type\"");
		like($r->{body}, qr/role="alert"><p><bdi>this page does not queue/, 'and the page says why');
	}
	my ($uuid) = map { $_->{uuid} } @{ $t->db("SELECT uuid FROM commands WHERE request_type = 'RestartDevice'") };
	my $r = act($SERIAL, "commands/$uuid/cancel");
	is($r->{status}, 303, 'a command is cancelled');
	like(follow($r), qr/role="status">The command is cancelled\.</, 'and the page says so');
	$r = act($SERIAL, "commands/$uuid/cancel");
	is($r->{status}, 409, 'but not twice');
	like($r->{body}, qr/it is over already: cancelled/, 'which is said');
	is(act($SERIAL, 'commands/' . 'A' x 36 . '/cancel')->{status}, 404, 'nor one that there is not');
	my $sent = Attestmdm::Device::uuid_of($mac->report('Idle'));
	like(follow(act($SERIAL, "commands/$sent/cancel")), qr/may have carried it out/, 'one that was sent');
	unlike($b->get('/admin/hosts/' . host($SERIAL)->{id})->{body}, qr{commands/\Q$sent\E/cancel},
	    'and is not offered to be cancelled again');
	my %by = map { $_->{created_by} => 1 } @{ $t->db("SELECT created_by FROM commands WHERE uuid = '$uuid'") };
	is(join(' ', keys %by), 'admin', 'the command says who');
};

subtest 'fleet-151: what a device answered' => sub {
	my $host = '/admin/hosts/' . host($SERIAL)->{id};
	my $row = $t->db("SELECT uuid FROM commands WHERE request_type = 'ProfileList'")->[0];
	my $page = $b->get("$host/commands/$row->{uuid}")->{body};
	like($page, qr{<h1>ProfileList</h1>.*There is none\.}s, 'nothing yet');
	like($b->get($host)->{body}, qr{href="\Q$host\E/commands/$row->{uuid}">ProfileList<}, "the host's page leads there");
	my $set = sub {
		my ($result, $type) = @_;
		$t->change_db("UPDATE commands SET state = 'acknowledged', result = $result, request_type = '$type', "
		    . "error_chain = '[\"<b>\"]' WHERE uuid = '$row->{uuid}'");
		return $b->get("$host/commands/$row->{uuid}")->{body};
	};
	$page = $set->("CAST('<plist><b>one' AS BLOB)", 'ProfileList');
	like($page, qr{<pre class="answer"[^>]*>&lt;plist&gt;&lt;b&gt;one</pre>}, 'the answer');
	like($page, qr{<dt>Errors</dt><dd><code>\[&quot;&lt;b&gt;}, 'and errors');
	$page = $set->("CAST(replace(printf('%.20000c', 'x'), 'x', '\xc3\xa4<') AS BLOB)", 'ProfileList');
	like($page, qr{The rest is left out}, 'a long one is cut');
	cmp_ok(length $page, '<', 50_000, 'so that the page stays small');
	like($set->("x'00ff'", 'ProfileList'), qr/It is not text/, 'one that is no text');
	unlike($set->("CAST('a secret' AS BLOB)", 'ActivationLockBypassCode'), qr/a secret/, 'one that may hold a secret');
	$set->("CAST('a secret' AS BLOB)", 'ProfileList');
	$t->tool_ok('admin', 'add', 'watcher', '--role', 'observer', '--password-file', $t->dir . '/watcher') if
	    Attestmdm::Server::spew($t->dir . '/watcher', 'a long password');
	my $watcher = Attestmdm::Admin->new($t);
	$watcher->sign_in('watcher', 'a long password');
	$page = $watcher->get("$host/commands/$row->{uuid}");
	is($page->{status}, 200, 'who may not send commands sees the page');
	unlike($page->{body}, qr/a secret/, 'and no answer');
	is($b->get("$host/commands/nonesuch")->{status}, 404, 'no such command');
	is($b->get("/admin/hosts/nobody/commands/$row->{uuid}")->{status}, 404, 'nor by another host');
};

subtest 'fleet-151: renewed, revoked, blocked and unblocked' => sub {
	like(follow(act($SERIAL, 'renew')), qr/asked to renew/, 'renewed');
	is($t->db('SELECT count(*) AS n FROM renewals WHERE enrollment_id IS NOT NULL')->[0]{n}, 1, 'is open');
	my %asked = asks(act($SERIAL, 'revoke', reason => 'superseded'), 'revoking');
	is(host($SERIAL)->{state}, 'enrolled', 'nothing happened yet');
	is($t->db("SELECT count(*) AS n FROM certificates WHERE state = 'revoked'")->[0]{n}, 0, 'nothing is revoked');
	is(act($SERIAL, 'revoke', reason => 'cACompromise')->{status}, 400, 'a reason that is not for us');
	like(follow(act($SERIAL, 'revoke', %asked)), qr/certificate is revoked\.</, 'revoked');
	is($t->db("SELECT revocation_reason AS n FROM certificates WHERE state = 'revoked'")->[0]{n}, 4, 'for that reason');
	my $r = act($SERIAL, 'revoke', %asked);
	is($r->{status}, 400, 'once');
	like($r->{body}, qr/role="alert">.*is revoked already/s, 'which is said');
	%asked = asks(act($SERIAL, 'block'), 'blocking');
	is(act($SERIAL, 'unblock')->{status}, 409, 'who is not blocked is not unblocked');
	like(follow(act($SERIAL, 'block', %asked)), qr/The host is blocked\./, 'blocked');
	is(host($SERIAL)->{state}, 'blocked', 'indeed');
	my $page = $b->get('/admin/hosts/' . host($SERIAL)->{id})->{body};
	unlike($page, qr{/commands"|/renew"|/block"}, 'a blocked host is offered no commands');
	$r = act($SERIAL, 'renew');
	is($r->{status}, 409, 'nor is it renewed');
	like($r->{body}, qr/<h1><bdi>.*role="alert">/s, 'on its page');
	is(act($SERIAL, 'commands', type => 'SecurityInfo')->{status}, 409, 'it takes no commands');
	like(follow(act($SERIAL, 'unblock')), qr/may enroll again/, 'unblocked');
	is($b->post('/admin/hosts/nobody/block', from => '/admin/hosts')->{status}, 404, 'a host that is not there');
	my @did = map { $_->{action} } @{ $t->db("SELECT action FROM activities WHERE actor = 'admin' AND serial = '$SERIAL' ORDER BY id") };
	like("@did", qr/command\.send .*command\.cancel .*renew cert\.revoke host\.block renew host\.unblock$/, 'all is on record, the renewal that was refused, too');
};

subtest 'fleet-152: the list of hosts as a file' => sub {
	my @hostile = ('=cmd|1', '+1', '-1', '@SUM(1)', "\t1", '"quoted", and a comma', "a\r\nb");
	my $n = 0;
	for (@hostile) {
		(my $name = $_) =~ s/'/''/g;
		$t->change_db("INSERT INTO hosts (id, serial, udid, state, device_name, created_at, certificate_ends_at)"
		    . " VALUES ('csv' || $n, 'CSV$n', 'U-CSV$n', 'enrolled', '$name', 1, 4102444800)");
		$n++;
	}
	my $r = $b->get('/admin/hosts.csv');
	is("$r->{status} $r->{headers}{'content-type'}", '200 text/csv; charset=utf-8; header=present', 'CSV');
	is($r->{headers}{'content-disposition'}, 'attachment; filename="hosts.csv"', 'to be saved');
	is($r->{headers}{'x-content-type-options'}, 'nosniff', 'and nothing else');
	my ($heading) = split(/\r\n/, $r->{body});
	is($heading, join(',', map { qq{"$_"} } qw(serial_number udid name model product os_version build_version state
	    attested account enrolled_at last_seen_at certificate_ends_at)), 'a heading');
	my %row = map { /^"(CSV\d)",/ ? ($1 => $_) : () } split(/\r\n(?="[A-Z])/, $r->{body});
	for my $i (0 .. $#hostile) {
		my $cell = $i < 5 ? "'$hostile[$i]" : $hostile[$i] =~ s/"/""/gr;
		like($row{"CSV$i"}, qr/^"CSV$i","U-CSV$i","\Q$cell\E",/, 'a name that is ' . ($i < 5 ? 'a formula' : 'quoted'));
	}
	like($r->{body}, qr/\r\n"$SERIAL",.*"unenrolled","no","","20/, 'a host, as it is');
	like($r->{body}, qr/"2100-01-01T00:00:00Z"\r\n/, 'times as in RFC 3339');
	$r = $b->get('/admin/hosts?state=enrolled&product=&sort=last_seen&order=desc');
	my ($csv) = $r->{body} =~ m{href="(/admin/hosts\.csv[^"]*)"};
	is($csv, '/admin/hosts.csv?state=enrolled&amp;sort=last_seen&amp;order=desc', 'the page leads to what it shows');
	unlike($b->get($csv =~ s/&amp;/&/gr)->{body}, qr/"$SERIAL"/, 'and nothing else is in it');
	is($b->request('HEAD', '/admin/hosts.csv')->{body}, '', 'HEAD has no body');
	is(Attestmdm::Admin->new($t)->get('/admin/hosts.csv')->{headers}{location}, '/admin/sign-in',
	    'nobody else gets it');
	$t->change_db("INSERT INTO hosts (id, serial, udid, state, created_at) WITH RECURSIVE n(i) AS (SELECT 1000"
	    . " UNION ALL SELECT i + 1 FROM n WHERE i < 1999) SELECT 'many' || i, 'MANY' || i, 'M' || i, 'blocked', 1 FROM n");
	open(my $turn, '<', $t->server->database =~ s{/[^/]+$}{}r) or die $!;
	flock($turn, LOCK_EX) or die $!;
	my $busy = $b->get('/admin/hosts.csv');
	is("$busy->{status} $busy->{headers}{'retry-after'} $busy->{headers}{'content-type'}", '503 10 text/html; charset=utf-8',
	    'while there is another export, none begins');
	like($busy->{body}, qr/Another export of hosts is under way/, 'which a page says');
	is($busy->{headers}{'content-disposition'}, undef, 'that is not saved as the file');
	close($turn);
	my @many = $b->get('/admin/hosts.csv?state=blocked')->{body} =~ /^"(MANY\d+)"/mg;
	is("$many[0] $many[-1] " . @many, 'MANY1000 MANY1999 1000', 'more than are read at once, each once and in order');
	$t->change_db("UPDATE hosts SET model = printf('%.5000c', 'x') WHERE serial = 'MANY1900'");
	my $cut = eval { $b->get('/admin/hosts.csv?state=blocked') };
	is($cut, undef, 'one that cannot be finished');
	like($@, qr/cut off/, 'is broken off');
	$t->change_db("DELETE FROM hosts WHERE serial = 'MANY1900'");
	@many = $b->get('/admin/hosts.csv?state=enrolled&sort=name')->{body} =~ /^"(CSV\d+)"/mg;
	is(scalar @many, scalar @hostile, 'what is seldom among many');
};

subtest 'fleet-157: the overview' => sub {
	$t->tool_ok('purge');
	my $today = int(time / 86400);
	is($t->db('SELECT max(day) AS n FROM daily_hosts')->[0]{n}, $today, 'cleaning up counts the hosts of a day');
	$t->change_db("INSERT INTO daily_hosts (day, enrolled, attested) VALUES (@{[$today - 10]}, 8, 2), (@{[$today - 5]}, 0, 0)");
	$t->change_db("UPDATE hosts SET state = 'enrolled', hardware_attested = 1 WHERE serial = 'CSV0'");
	$t->sim('enroll', '--serial', 'C02STRANGER1') for 1, 2;
	$t->change_db("INSERT INTO daily_refusals (day, code, refusals) VALUES (@{[$today - 6]}, 'ENROLL_UNASSIGNED', 5), "
	    . "(@{[$today - 7]}, 'ENROLL_UNASSIGNED', 100), ($today, '<b>OLD', 1)");
	$t->change_db("INSERT INTO jobs (name, next_run_at, failures, last_error) VALUES ('sync', 1, 3, '<b>no answer')"
	    . " ON CONFLICT (name) DO UPDATE SET failures = 3, last_error = '<b>no answer'");
	$t->change_db("INSERT INTO alarms (kind, subject, serial, text, raised_at, last_seen_at) VALUES "
	    . "('signer-changed', 's$_', 'C02STRANGER1', 'look at <b>$_', 1, 1)") for 1 .. 6;
	$t->change_db("UPDATE certificates SET state = 'current', not_after = " . (time + 86400) . " WHERE state = 'revoked'");
	my $page = $b->get('/admin/')->{body};
	unlike($page, qr/<b>/, 'no tag of its own');
	my %n = $page =~ m{<dt><a href="/admin/hosts\?([^"]*)">[^<]*</a></dt><dd>(\d+)</dd>}g;
	is_deeply(\%n, { 'state=enrolled' => 7, 'attested=yes' => 1, 'attested=no' => 6, 'state=pending' => 0,
	    'state=unenrolled' => 1, 'state=blocked' => 999 }, 'hosts by state, each with its list');
	my ($points) = $page =~ /<polyline class="curve" points="([^"]*)"/;
	is($points, '0.0,135.0 720.0,154.3', 'the share: 2 of 8 ten days ago, 1 of 7 now, none when nobody was enrolled');
	like($page, qr{<desc id="chart-text">25 % on 20\d\d-\d\d-\d\d, 14 % on 20}, 'in words');
	like($page, qr{<th scope="row">20\d\d-\d\d-\d\d</th><td data-label="Attested">2</td><td data-label="Enrolled">8</td>},
	    'and in figures');
	my @refused = $page =~ m{<a href="/admin/refusals\?q=([^"]*)">([^<]+)</a> <span class="count-of">(\d+)<}g;
	is("@refused[0, 2]", 'ENROLL_UNASSIGNED 7', 'refusals of seven days, with their list');
	is($refused[3], '%3Cb%3EOLD', 'those of another version, too');
	like($b->get("/admin/refusals?q=$refused[0]")->{body}, qr/C02STRANGER1/, 'which has them');
	like($page, qr{href="/admin/hosts\?certificate_days=30&amp;sort=certificate_end">Hosts</a>: <span class="count-of">1<}, 'certificates that end');
	like($page, qr{<strong>sync</strong> failed 3 times in a row: <bdi>&lt;b&gt;no answer}, 'a job that fails');
	my @alarms = $page =~ m{<bdi>look at &lt;b&gt;(\d)}g;
	is("@alarms", '6 5 4 3 2', 'the newest alarms');
	like($page, qr{<a href="/admin/alarms">All alarms}, 'and that there are more');
	my @done = $page =~ m{<li class="done"><strong>(.*?)</strong>}g;
	is("@done", 'First device Hardware attestation', 'more is done by now');
	$t->change_db("INSERT INTO push_certificate (id, topic, sha256, not_before, not_after, imported_at, imported_by)"
	    . " VALUES (1, 'com.apple.mgmt.External.x', zeroblob(32), 1, 4102444800, 1, 'x')");
	unlike($b->get('/admin/')->{body}, qr/Next steps/, 'until devices enroll and are woken');
	like($page, qr{<a href="/admin/" aria-current="page">Overview}, 'in the navigation');
};

$t->done;
