#!/usr/bin/perl
# What each admin page and each route of the API that reads costs with many hosts:
# time of the processor, time until the answer, and bytes. Run it by "make bench", or
# by itself as "make bench" does; a page is added to @PAGES, a route to @ROUTES. What
# is over the 20 ms of CPU that a page may take is marked.
use strict;
use warnings;
use Getopt::Long;
use Time::HiRes qw(time);

use Attestmdm::Admin;
use Attestmdm::Bench;
use Attestmdm::Http;

my ($hosts, $times, $only, $help) = ('0,100000,1000000', 30, '');
GetOptions('hosts=s' => \$hosts, 'times=i' => \$times, 'only=s' => \$only, 'help' => \$help)
    && !$help or die "usage: million.pl [--hosts N,N...] [--times N] [--only PATTERN]\n";

# %ID and %SERIAL stand for a host in the middle, NEXT: for the page after.
my @PAGES = (
	'/admin/', '/admin/hosts', 'NEXT /admin/hosts', '/admin/hosts?sort=name', '/admin/hosts?sort=last_seen&order=desc',
	'/admin/hosts?sort=certificate_end', '/admin/hosts?attested=yes', '/admin/hosts?attested=no&sort=name',
	'/admin/hosts?state=blocked', '/admin/hosts?state=unenrolled&sort=last_seen', '/admin/hosts?product=iPhone',
	'/admin/hosts?os=14', '/admin/hosts?certificate_days=14', '/admin/hosts?q=%SERIAL', '/admin/hosts?q=b',
	'/admin/hosts?q=ma', '/admin/hosts?q=mac', '/admin/hosts?q=abc', '/admin/hosts?q=0004200',
	'/admin/hosts?q=00000000000000', '/admin/hosts?q=macbookpro17', '/admin/hosts?q=nothing%20like%20it', '/admin/hosts?q=mac&state=blocked',
	'/admin/hosts/%ID', '/admin/hosts.csv?state=blocked', '/admin/enrollments', 'NEXT /admin/enrollments', '/admin/enrollments?q=%SERIAL',
	'/admin/enrollments?q=BENCH', '/admin/enrollments/%ID', '/admin/refusals', '/admin/refusals?q=%SERIAL',
	'/admin/refusals?q=nothing', '/admin/serial?serial=%SERIAL', '/admin/links', '/admin/alarms',
	'/admin/alarms?all=1', '/admin/activity', '/admin/activity?action=host', '/admin/activity?serial=%SERIAL', '/admin/jobs',
	'/admin/settings', '/admin/settings/apple_require_hardware_attestation/hosts?value=true&group=0123456789abcdef',
	'/admin/move', '/admin/apple', '/admin/admins', '/admin/tokens',
);

# The same for the API. PATCH switches the requirement on, in appearance.
my @ROUTES = (
	'/api/v1/openapi.json', '/api/v1/config', 'PATCH /api/v1/config?dry_run=true',
	'PATCH /api/v1/config?dry_run=true&group=0123456789abcdef',
	'/api/v1/hosts', 'NEXT /api/v1/hosts', '/api/v1/hosts?sort=-last_seen', '/api/v1/hosts?limit=500',
	'/api/v1/hosts?search=abc', '/api/v1/hosts?search=00000000000000', '/api/v1/hosts?state=blocked', '/api/v1/hosts/%SERIAL',
	'/api/v1/hosts/%SERIAL/commands', '/api/v1/enrollments', 'NEXT /api/v1/enrollments', '/api/v1/enrollments?search=%SERIAL',
	'/api/v1/enrollments/%ID', '/api/v1/links', '/api/v1/certificates', 'NEXT /api/v1/certificates', '/api/v1/certificates/%ID',
	'/api/v1/renewals', '/api/v1/activities', '/api/v1/activities?action=host', '/api/v1/alarms', '/api/v1/alarms?all=true',
	'/api/v1/ade/devices', 'NEXT /api/v1/ade/devices', '/api/v1/status', '/metrics',
);

# It takes seconds, so that three are enough.
my $SLOW = 'PATCH /api/v1/config?dry_run=true';

# What else grows with the hosts.
sub fill {
	my ($b, $n) = @_;
	my $now = int(time);
	$b->sql(<<"EOT");
PRAGMA foreign_keys = OFF;
PRAGMA cache_size = -400000;
BEGIN;
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $n)
    SELECT i, printf('%022d', i) AS id, printf('BENCH%07d', i) AS serial, $now - 86400 * 170 + i AS at FROM c;
UPDATE hosts SET hardware_attested = 1 WHERE rowid % 3 = 0;
UPDATE hosts SET state = 'blocked', hardware_attested = 0 WHERE rowid % 5000 = 1;
UPDATE hosts SET state = 'unenrolled', hardware_attested = 0 WHERE rowid % 50 = 2;
UPDATE hosts SET product_name = 'iPhone15,2', os_version = '17.1' WHERE rowid % 4 = 0;
UPDATE hosts SET os_version = '14.2' WHERE rowid % 2000 = 3;
INSERT INTO events (at, enrollment_id, serial, step, outcome) SELECT at, id, serial, 'profile', 'ok' FROM n;
INSERT INTO events (at, enrollment_id, serial, step, outcome) SELECT at, id, serial, 'authenticate', 'ok' FROM n;
INSERT INTO events (at, enrollment_id, serial, step, outcome, code, reason)
    SELECT at, id, serial, 'challenge', 'refused', 'ATT_FRESHNESS', 'it is refused' FROM n WHERE i % 10 = 0;
INSERT INTO commands (uuid, host_id, generation, request_type, plist, state, created_at, created_by)
    SELECT 'U' || i, id, 1, 'DeviceInformation', zeroblob(300), 'acknowledged', at, 'bench' FROM n;
INSERT INTO ade_devices (account, serial, added_at) SELECT 'business', serial, at FROM n;
INSERT INTO ade_accounts (name, created_at, consumer_key) VALUES ('business', $now, 'bench');
INSERT INTO enrollment_links (id, token_sha256, created_at, created_by, expires_at)
    SELECT id, randomblob(32), at, 'bench', at + 86400 * 365 FROM n WHERE i % 100 = 0;
INSERT INTO activities (at, actor, action, serial, detail)
    SELECT at, 'bench', CASE i % 3 WHEN 0 THEN 'host.enroll' WHEN 1 THEN 'cert.issue' ELSE 'host.renew' END, serial, 'x' FROM n;
INSERT INTO alarms (kind, subject, text, raised_at, last_seen_at, closed_at)
    SELECT 'certificate_ending', id, 'a certificate ends', at, at, CASE i % 1000 WHEN 0 THEN NULL ELSE at END
    FROM n WHERE i % 100 = 0;
INSERT INTO daily_hosts (day, enrolled, attested) SELECT $now / 86400 - i, i * 10, i FROM n WHERE i <= 400;
INSERT INTO daily_refusals (day, code, refusals) SELECT $now / 86400 - i / 60, 'CODE' || (i % 60), i FROM n WHERE i <= 24000;
COMMIT;
ANALYZE;
EOT
}

# Nanoseconds that the processes of a program ran.
sub ran {
	my ($b, $name) = @_;
	my ($program, $sum) = ($b->server->program($name), 0);
	for my $dir (glob('/proc/[0-9]*')) {
		open(my $in, '<', "$dir/cmdline") or next;
		my $line = join('', <$in>) =~ tr/\0/ /r;
		next if index($line, "$program ") != 0 || index($line, $b->server->conf) < 0;
		open(my $stat, '<', "$dir/schedstat") or next;
		$sum += (split(' ', <$stat>))[0];
	}
	return $sum;
}

# Previews are of what the worker counted.
sub count {
	my ($b) = @_;
	$b->server->start_worker;
	for (1 .. 300) {
		last if $b->server->run('sqlite3', '-cmd', '.timeout 20000', $b->server->database,
		    'SELECT count(*) FROM host_kinds_counted') > 0;
		sleep(1);
	}
}

# As Attestmdm::Admin needs it.
package Bench::Client;
sub server { $_[0]{b}->server }
sub url { $_[0]{b}->server->{url} }
sub http {
	my ($self, $method, $path, %o) = @_;
	my ($host) = $self->url =~ m{//(.*)};
	return Attestmdm::Http::request($self->server->plain_socket, $method, $path,
	    { Host => $host, %{ $o{headers} || {} } }, $o{body});
}
package main;

# Asks as a browser that is signed in, or as a program with a token.
sub ask {
	my ($admin, $token, $method, $path) = @_;
	return $admin->get($path) if $path =~ m{^/admin/};
	my $body = $method eq 'PATCH' ? '{"mdm":{"apple_require_hardware_attestation":true}}' : undef;
	return $admin->{t}->http($method, $path, headers => { Authorization => "Bearer $token",
	    defined $body ? ('Content-Type' => 'application/json') : () }, body => $body);
}

sub measure {
	my ($b, $admin, $token, $page, $n) = @_;
	my $middle = int($n / 2) || 1;
	my ($id, $serial) = (sprintf('%022d', $middle), sprintf('BENCH%07d', $middle));
	my ($method, $path) = $page =~ /^(?:(NEXT|PATCH) )?(.*)$/;
	$path = $path =~ s/%ID/$id/r =~ s/%SERIAL/$serial/r;
	my $r = ask($admin, $token, $method // '', $path);
	if (($method // '') eq 'NEXT') {
		my ($next) = $path =~ m{^/admin/} ? $r->{body} =~ m{rel="next" href="([^"]*)"}
		    : $r->{body} =~ m{"next": ?"([^"]*)"};
		return if !defined $next;
		$path = $path =~ m{^/admin/} ? $next =~ s/&amp;/&/gr : "$path?cursor=$next";
	}
	$method = ($method // '') eq 'PATCH' ? 'PATCH' : 'GET';
	my $program = $path =~ m{^/admin/} ? 'admin-settings' : 'admin-api';
	my $count = $page eq $SLOW ? 3 : $times;
	my ($before, @waits) = (ran($b, $program));
	for (1 .. $count) {
		my $begun = time;
		$r = ask($admin, $token, $method, $path);
		push @waits, 1000 * (time - $begun);
	}
	my $cpu = (ran($b, $program) - $before) / $count / 1e6;
	printf("%9d %-58s %3d %7.1f ms CPU %8.1f %8.1f ms %6.1f kB%s\n", $n, $page, $r->{status}, $cpu,
	    Attestmdm::Bench::spread(@waits), length($r->{body}) / 1000, $cpu > 20 ? ' *' : '');
}

$| = 1;
printf("%9s %-58s %3s %14s %8s %11s %9s\n", 'hosts', 'page', '', 'a page', 'median', '99 of 100', 'page');
for my $n (split(/,/, $hosts)) {
	my $b = Attestmdm::Bench->new;
	if ($n > 0) {
		$b->hosts($n, '10 + i % 350');
		fill($b, $n);
	}
	count($b) if $n > 5000;
	my $client = bless({ b => $b }, 'Bench::Client');
	my $admin = Attestmdm::Admin->new($client);
	$admin->sign_in->{status} == 303 or die "cannot sign in\n";
	my $token = (split(/\n/, $b->server->run($b->server->tool, 'token', 'add', 'bench', '--role', 'admin',
	    '--config', $b->server->conf)))[-1];
	measure($b, $admin, $token, $_, $n) for grep { /$only/ } @PAGES, @ROUTES;
	$b->server->stop;
}
