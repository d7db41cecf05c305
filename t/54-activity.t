#!/usr/bin/perl
# The activity log: what is on record, filters, export, and what tampering shows.
use strict;
use warnings;
use JSON::PP ();
use POSIX qw(strftime);
use Attestmdm::Admin;
use Attestmdm::Api;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(
    settings => { apple_require_hardware_attestation => 'true' });
my $b = Attestmdm::Admin->new($t);
my ($MAC, $INTEL) = ('C54TEST00001', 'C54INTEL0001');
my $TODAY = strftime('%Y-%m-%d', gmtime);

sub entries { return @{ $t->tool_json('activity', 'list', @_)->{activities} } }

# The actions about a serial number, oldest first.
sub actions { return join(' ', map { $_->{action} } reverse entries('--serial', $_[0])) }

sub newest { my ($action, $serial) = @_; return (entries('--action', $action, '--serial', $serial))[0] }

sub exported { return map { JSON::PP::decode_json($_) } split(/\n/, $t->tool_ok('activity', 'export', @_)) }

$t->assign($MAC, $INTEL);
$b->sign_in;
my $mac = Attestmdm::Device->enroll($t, $MAC);

subtest 'an enrollment' => sub {
	is(actions($MAC), 'cert.issue host.enroll', 'certificate and enrollment');
	my $e = newest('host.enroll', $MAC);
	is("$e->{actor} $e->{before} $e->{after} $e->{detail}",
	    'program:mdm-checkin pending enrolled its hardware attested', 'by whom, and whether it is attested');
	like($e->{request}, qr/^[0-9a-f]{32}$/, 'in which request');
	is($e->{remote}, 'unix:', 'from where');
	my $c = newest('cert.issue', $MAC);
	is($c->{actor}, 'program:acme-finalize', 'the certificate');
	like($c->{detail}, qr/^\S+ by ACME, for an enrollment, until 20/, 'which one');
	is($c->{after}, 'attested', 'for an attested key');
	is($t->sim('enroll', '--serial', $INTEL, '--product', 'MacBookPro16,1', '--os-version', '13.6')->{exit},
	    0, 'an Intel Mac');
	is(newest('cert.issue', $INTEL)->{after}, 'not attested', 'its certificate');
	is(newest('host.enroll', $INTEL)->{detail}, 'its hardware not attested', 'and its enrollment');
};

subtest 'a command' => sub {
	my $before = actions($MAC);
	my $uuid = $t->tool_json('command', 'send', $MAC, 'SecurityInfo')->{uuid};
	my $reply = $mac->report('Idle');
	while (Attestmdm::Device::uuid_of($reply) ne '') {
		my $id = Attestmdm::Device::uuid_of($reply);
		$mac->report('NotNow', CommandUUID => $id) if $id eq $uuid;
		$reply = $mac->report('Acknowledged', CommandUUID => $id);
	}
	$mac->report('Acknowledged', CommandUUID => $uuid) for 1 .. 3;
	is(actions($MAC), "$before command.send command.sent command.done",
	    'queued, sent and answered, once each, and nothing of what is routine');
	my $done = newest('command.done', $MAC);
	is("$done->{detail} $done->{after}", "SecurityInfo $uuid acknowledged", 'with its result');
};

subtest 'a certificate that is revoked' => sub {
	my ($cert) = @{ $t->tool_json('cert', 'list', '--serial', $MAC)->{certificates} };
	$t->tool_ok('cert', 'revoke', $cert->{id}, '--reason', 'superseded');
	like(actions($MAC), qr/host\.withdraw-mark cert\.revoke$/, 'and the mark goes with it');
	like(newest('cert.revoke', $MAC)->{actor}, qr/^cli:/, 'who did it');
	is(newest('host.withdraw-mark', $MAC)->{detail}, 'its certificate was revoked', 'and why');
};

subtest 'a device that leaves' => sub {
	my $serial = 'C54TEST00002';
	$t->assign($serial);
	my $mac = Attestmdm::Device->enroll($t, $serial);
	is($mac->checkin($mac->message('CheckOut'))->{status}, 200, 'it checks out');
	is(actions($serial), 'cert.issue host.enroll host.unenroll host.withdraw-mark', 'is on record');
	$mac = Attestmdm::Device->enroll($t, $serial);
	$t->tool_ok('host', 'block', $serial);
	like(actions($serial), qr/host\.enroll host\.block host\.withdraw-mark$/, 'a host that is blocked');
};

subtest 'a device that is refused' => sub {
	my $serial = 'C54TEST00003';
	my $refused = sub { grep { $_->{detail} =~ /ENROLL_UNASSIGNED/ } entries('--action', 'device.refuse') };
	$t->sim('enroll', '--serial', $serial) for 1 .. 3;
	my @e = $refused->();
	is(scalar @e, 1, 'a stranger, at first');
	is($e[0]{serial}, '', 'whose name proves nothing');
	like($e[0]{detail}, qr/^profile, ENROLL_UNASSIGNED: .*/, 'with step, code and reason');
	ok($e[0]{hash}, 'is in the chain');
	$t->tool_ok('host', 'block', $MAC);
	$mac->report('Idle') for 1 .. 3;
	@e = grep { $_->{serial} eq $MAC } entries('--action', 'device.refuse');
	is(scalar @e, 1, 'one of ours, by its certificate') or diag(explain(\@e));
	like($e[0]{detail}, qr/MDM_BLOCKED/, 'why');
	$t->server->clock(86400);
	$t->tool_ok('purge');
	$t->server->clock(0);
	@e = grep { $_->{detail} =~ / more on \d{4}-\d\d-\d\d$/ } entries('--action', 'device.refuse');
	is(join(' ', sort map { "$_->{serial} " . $_->{detail} =~ s/ on .*//r } @e),
	    " ENROLL_UNASSIGNED: 2 more $MAC MDM_BLOCKED: 2 more", 'how often, on the next day');
	is($t->tool('activity', 'verify')->{exit}, 0, 'and the chain is whole');
	$b->sign_in;
};

subtest 'alarms, when they come and go' => sub {
	$t->tool_ok('purge');
	my @raised = entries('--action', 'alarm.raise');
	my $open = $t->db('SELECT kind FROM alarms');
	is(scalar @raised, scalar @$open, 'as many as there are');
};

subtest 'filters' => sub {
	my @all = entries();
	is(scalar(entries('--limit', 2)), 2, '--limit');
	is_deeply([map { $_->{id} } entries('--before', $all[1]{id}, '--limit', 1)], [$all[2]{id}], '--before');
	is(scalar(grep { $_->{action} !~ /^host\./ } entries('--action', 'host')), 0, 'a noun');
	is(scalar(grep { $_->{actor} ne 'admin' } entries('--actor', 'admin')), 0, 'a person');
	cmp_ok(scalar(entries('--actor', 'admin', '--action', 'login')), '>=', 1, 'a person who signed in');
	is(scalar(entries('--actor', 'nobody')), 0, 'nobody');
	is(scalar(entries('--from', $TODAY, '--to', $TODAY)), scalar @all, 'today');
	is(scalar(entries('--to', '2020-01-01')), 0, 'long ago');
	is(scalar(entries('--from', '2090-01-01T00:00:00Z')), 0, 'not yet');
	like($t->tool_ok('activity', 'list', '--serial', $MAC), qr/^ID .*WHO .*WHAT /, 'for people');
	is($t->tool('activity', 'list', '--from', 'yesterday')->{exit}, 4, 'no time');
	is($t->tool('activity', 'list', '--before', 'x')->{exit}, 2, 'no id');
};

subtest 'export' => sub {
	my @all = exported();
	my @listed = reverse entries('--limit', 999);
	is_deeply(\@all, \@listed, 'all of it, oldest first');
	my $middle = $all[@all / 2]{id};
	is_deeply([exported('--after', $middle)], [grep { $_->{id} > $middle } @all], 'from there on');
	my @lines = split(/\n/, $t->tool_ok('activity', 'export', '--format', 'syslog'));
	is(scalar @lines, scalar @all, 'as syslog');
	my @bad = grep { !/^<10[89]>1 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ attestmdm - [!-~]{1,32} - \{"id":.*\}$/ } @lines;
	is("@bad", '', 'each line is a message of RFC 5424');
	is($t->tool('activity', 'export', '--format', 'xml')->{exit}, 2, 'no other format');
	is($t->tool('activity', 'export', '--json')->{exit}, 2, 'one object is not what it writes');
	is($t->tool('activity', 'export', '--after', '-1')->{exit}, 2, 'no id');
};

subtest 'fleet-130: the chain' => sub {
	my $v = $t->tool_json('activity', 'verify');
	my @chained = grep { defined $_->{hash} } exported();
	ok($v->{intact}, 'is whole');
	is($v->{entries}, scalar @chained, 'all of it');
	is($v->{head}, $chained[-1]{hash}, 'up to the newest');
	like($t->tool_ok('activity', 'verify'), qr/^Head: $v->{head}$/m, 'for people');
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', '14.0');
	like($t->tool_ok('activity', 'verify', '--head', $v->{head}),
	    qr/^The given hash is that of entry $v->{last_id}\.$/m, 'the head of before is in it');
	is($t->tool('activity', 'verify', '--head', 'f' x 64)->{exit}, 1, 'and no other');
	is($t->tool('activity', 'verify', '--head', 'f' x 63)->{exit}, 2, 'a hash has 64 digits');
	$t->tool('activity', 'verify', '--head', 'zz' x 32);

	my ($first) = map { $_->{id} } @chained;
	$t->change_db("UPDATE activities SET actor = 'somebody' WHERE id = $first");
	my $r = $t->tool('activity', 'verify', '--json');
	is($r->{exit}, 1, 'somebody else did it');
	my $doc = JSON::PP::decode_json($r->{out});
	ok(!$doc->{intact}, 'is noticed');
	is($doc->{broken_id}, $first, 'and where');
	like($t->tool('activity', 'verify')->{err}, qr/ACTIVITY_CHAIN|entry $first does not follow/, 'in words');
	$t->change_db("UPDATE activities SET actor = 'x' WHERE id = $chained[-1]{id}");
	like($t->tool('check')->{out}, qr/activity log.*does not follow/, 'where it notices that');
	$t->change_db("UPDATE activities SET actor = '$chained[-1]{actor}' WHERE id = $chained[-1]{id}");
	like($t->tool('check')->{out}, qr/activity log.*newest \d+ entries follow/, 'or finds nothing');
	$t->change_db("UPDATE activities SET actor = '$chained[0]{actor}' WHERE id = $first");
	is($t->tool('activity', 'verify')->{exit}, 0, 'put right');
	my $head = $t->tool_json('activity', 'verify')->{head};
	$t->change_db('DELETE FROM activities WHERE id = (SELECT max(id) FROM activities)');
	is($t->tool('activity', 'verify')->{exit}, 0, 'the newest is gone: nothing shows it');
	is($t->tool('activity', 'verify', '--head', $head)->{exit}, 1, 'but the head that was kept');
};

subtest 'the pages' => sub {
	my $page = $b->get("/admin/activity?serial=$MAC&action=cert")->{body};
	my @what = $page =~ m{<td data-label="What"><code>(.*?)</code>}g;
	is("@what", 'cert.revoke cert.issue', 'what was asked for');
	like($page, qr/name="serial" type="text" value="$MAC"/, 'stays in its field');
	like($page, qr{href="/admin/serial\?serial=$MAC"}, 'leads to the device');
	like($page, qr{<option value="host\.enroll">}, 'kinds are offered');
	$page = $b->get('/admin/activity?actor=program%3Amdm-checkin&from=2020-01-01&to=2090-01-01')->{body};
	like($page, qr/<bdi>program:mdm-checkin<\/bdi>/, 'of a program, between two days');
	unlike($page, qr/<bdi>admin<\/bdi>/, 'and of nobody else');
	$t->tool_ok('setting', 'set', 'minimum_os_version_macos', "14.$_") for 1 .. 30;
	my $r = $b->get('/admin/activity?action=setting');
	my ($older) = $r->{body} =~ m{rel="next" href="([^"]+)"};
	is($older =~ s/&amp;/&/gr =~ s/\d+$//r, '/admin/activity?action=setting&before=', 'older ones of the same kind');
	$page = $b->get($older =~ s/&amp;/&/gr)->{body};
	like($page, qr/<bdi>14\.1<\/bdi>/, 'are there');
	unlike($page, qr/<bdi>14\.30<\/bdi>/, 'and not the newer ones');
	# A row that cannot be read must not hide those behind it.
	my $api = Attestmdm::Api->with_role($t, 'observer');
	my ($damaged, $actor) = @{ $t->db('SELECT id, actor FROM activities ORDER BY id DESC LIMIT 1 OFFSET 3')->[0] }{qw(id actor)};
	$t->change_db("UPDATE activities SET actor = hex(zeroblob(100)) WHERE id = $damaged");
	$r = $b->get('/admin/activity');
	like($r->{body}, qr/damaged and left out/, 'a damaged entry is told of');
	like($r->{body}, qr/rel="next"/, 'and there are older ones');
	$r = $api->get('/activities?limit=5')->{json};
	is(@{ $r->{activities} } . ' ' . defined $r->{next}, '5 1', 'the same by the API');
	$r = $t->tool('activity', 'export');
	is($r->{exit}, 1, 'an export that lacks it fails');
	my @lines = split(/\n/, $r->{out});
	cmp_ok(scalar @lines, '>', 30, 'with all others');
	like($r->{err}, qr/1 damaged entries are left out/, 'and says so');
	$t->change_db("UPDATE activities SET actor = '$actor' WHERE id = $damaged");
	$r = $b->get('/admin/activity?from=2026-13-01');
	is($r->{status}, 422, 'a day that is none');
	like($r->{body}, qr/role="alert"/, 'is said');
	my $id = $t->db("SELECT id FROM hosts WHERE serial = '$MAC'")->[0]{id};
	$page = $b->get("/admin/hosts/$id")->{body};
	like($page, qr{<h2 id="activity">Activity</h2>.*<code>cert\.revoke</code>}s, 'the page of a host has its own');
	like($page, qr{href="/admin/activity\?serial=$MAC"}, 'and leads to all of them');
};

subtest 'what is old goes' => sub {
	my $events = sub { $t->db('SELECT count(*) AS n FROM events')->[0]{n} };
	my ($kept, $all) = ($events->(), scalar(exported()));
	my $purge = sub {
		my ($days) = @_;
		$t->server->clock($days * 86400);
		$t->tool_ok('purge');
		$t->server->clock(0);
	};
	$purge->(40);
	cmp_ok(scalar(exported()), '>=', $all, 'not after 40 days');
	is($events->(), $kept, 'nor in the event log');
	$t->server->set_conf('retention.activity_days', $_), is($t->tool('purge')->{exit}, 1, "not $_ days") for 29, 36501;
	$t->server->set_conf('retention.activity_days', 30);
	$t->server->set_conf('retention.event_days', 39);
	$purge->(40);
	is($events->(), 0, 'but where the configuration says so');
	cmp_ok(scalar(exported()), '<', $all, 'in either');
	like($t->tool_ok('activity', 'verify'), qr/^Entries up to \d+ were removed because of their age.*^\d+ entries follow/ms,
	    'and what is left of the chain is whole');
};

$t->done;
