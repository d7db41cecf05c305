#!/usr/bin/perl
# What each admin page costs with many hosts: time of the processor, time until
# the answer, and bytes. Run it by "make bench"; a page is added to @PAGES.
use strict;
use warnings;
use Getopt::Long;
use Time::HiRes qw(time);

use Attestmdm::Admin;
use Attestmdm::Bench;
use Attestmdm::Http;

my ($hosts, $times, $help) = ('0,100000,1000000', 30);
GetOptions('hosts=s' => \$hosts, 'times=i' => \$times, 'help' => \$help)
    && !$help or die "usage: million.pl [--hosts N,N...] [--times N]\n";

# %ID and %SERIAL stand for a host in the middle, NEXT: for the page after.
my @PAGES = (
	'/admin/', '/admin/hosts', 'NEXT /admin/hosts', '/admin/hosts?sort=name', '/admin/hosts?sort=last_seen&order=desc',
	'/admin/hosts?sort=certificate_end', '/admin/hosts?attested=yes', '/admin/hosts?attested=no&sort=name',
	'/admin/hosts?state=blocked', '/admin/hosts?state=unenrolled&sort=last_seen', '/admin/hosts?product=iPhone',
	'/admin/hosts?os=14', '/admin/hosts?certificate_days=14', '/admin/hosts?q=%SERIAL', '/admin/hosts?q=b',
	'/admin/hosts?q=ma', '/admin/hosts?q=mac', '/admin/hosts?q=abc', '/admin/hosts?q=0004200',
	'/admin/hosts?q=macbookpro17', '/admin/hosts?q=nothing%20like%20it', '/admin/hosts?q=mac&state=blocked',
	'/admin/hosts/%ID', '/admin/hosts.csv?state=blocked', '/admin/enrollments', 'NEXT /admin/enrollments', '/admin/enrollments?q=%SERIAL',
	'/admin/enrollments?q=BENCH', '/admin/enrollments/%ID', '/admin/refusals', '/admin/refusals?q=%SERIAL',
	'/admin/refusals?q=nothing', '/admin/serial?serial=%SERIAL', '/admin/links', '/admin/alarms',
	'/admin/alarms?all=1', '/admin/activity', '/admin/jobs', '/admin/settings', '/admin/apple', '/admin/admins', '/admin/tokens',
);

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

sub measure {
	my ($b, $admin, $page, $n) = @_;
	my $middle = int($n / 2) || 1;
	my ($id, $serial) = (sprintf('%022d', $middle), sprintf('BENCH%07d', $middle));
	my $path = ($page =~ s/^NEXT //r) =~ s/%ID/$id/r =~ s/%SERIAL/$serial/r;
	my $r = $admin->get($path);
	if ($page =~ /^NEXT/) {
		my ($next) = $r->{body} =~ m{rel="next" href="([^"]*)"};
		return if !defined $next;
		$r = $admin->get($path = $next =~ s/&amp;/&/gr);
	}
	my ($before, @waits) = (ran($b, 'admin-settings'));
	for (1 .. $times) {
		my $begun = time;
		$r = $admin->get($path);
		push @waits, 1000 * (time - $begun);
	}
	my $cpu = (ran($b, 'admin-settings') - $before) / $times / 1e6;
	printf("%9d %-52s %3d %7.1f ms CPU %8.1f %8.1f ms %6.1f kB\n", $n, $page, $r->{status}, $cpu,
	    Attestmdm::Bench::spread(@waits), length($r->{body}) / 1000);
}

$| = 1;
printf("%9s %-52s %3s %14s %8s %11s %9s\n", 'hosts', 'page', '', 'a page', 'median', '99 of 100', 'page');
for my $n (split(/,/, $hosts)) {
	my $b = Attestmdm::Bench->new;
	if ($n > 0) {
		$b->hosts($n, '10 + i % 350');
		fill($b, $n);
	}
	my $admin = Attestmdm::Admin->new(bless({ b => $b }, 'Bench::Client'));
	$admin->sign_in->{status} == 303 or die "cannot sign in\n";
	measure($b, $admin, $_, $n) for @PAGES;
	$b->server->stop;
}
