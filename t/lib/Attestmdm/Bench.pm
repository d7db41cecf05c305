package Attestmdm::Bench;

# What the measurements share: a server with many hosts in its database, one
# enrolled device that polls it, and how long its polls take.

use strict;
use warnings;
use File::Temp;
use POSIX ();
use Time::HiRes qw(time);

use Attestmdm::Server;

sub new {
	my ($class) = @_;
	my $temp = File::Temp->newdir('am-XXXXXX', TMPDIR => 1);
	my $server = Attestmdm::Server->new(dir => "$temp", owner => $$, require => 0);
	$SIG{INT} = $SIG{TERM} = sub { exit 1 };
	$server->prepare->start;
	return bless { temp => $temp, server => $server }, $class;
}

sub server { $_[0]{server} }
sub dir { $_[0]{server}{dir} }

sub sql {
	my ($self, $sql) = @_;
	Attestmdm::Server::spew($self->dir . '/fill.sql', $sql);
	$self->server->run('sqlite3', '-cmd', '.timeout 20000',
	    $self->server->database, '.read ' . $self->dir . '/fill.sql');
}

# Enrolled hosts by SCEP; the SQL expression $end says, for host number i, in
# how many days its certificate of a year ends.
sub hosts {
	my ($self, $hosts, $end) = @_;
	my $now = int(time);
	$self->sql(<<"EOT");
PRAGMA foreign_keys = OFF;
PRAGMA cache_size = -400000;
BEGIN;
CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $hosts)
    SELECT i, printf('%022d', i) AS id, printf('BENCH%07d', i) AS serial,
    $now + 86400 * ($end) AS ends, randomblob(32) AS digest FROM c;
INSERT INTO enrollments (id, serial, source, purpose, method, state, created_at, expires_at)
    SELECT id, serial, 'ade', 'enroll', 'scep', 'enrolled', ends - 365 * 86400,
    ends - 365 * 86400 FROM n;
INSERT INTO certificates (sha256, id, serial_number, der, spki_sha256, issuer_key_id,
    enrollment_id, serial, purpose, hardware_attested, state, not_before, not_after, lifetime,
    created_at, first_used_at)
    SELECT digest, id, substr(digest, 1, 16), zeroblob(1200), digest, zeroblob(20), id, serial, 'enroll', 0,
    'current', ends - 365 * 86400, ends, 365 * 86400, ends - 365 * 86400, ends - 364 * 86400 FROM n;
INSERT INTO hosts (id, serial, udid, state, certificate_sha256, enrollment_id, product_name,
    os_version, generation, created_at, enrolled_at, last_seen_at, device_name, sort_name,
    sort_enrolled_at, certificate_ends_at)
    SELECT id, serial, printf('00000000-0000-4000-8000-%012d', i), 'enrolled', digest, id,
    'MacBookPro16,1', '13.6', 1, $now, $now, $now - i % 86400, 'Mac of ' || hex(substr(digest, 1, 4)),
    'mac of ' || lower(hex(substr(digest, 1, 4))), $now, ends FROM n;
INSERT INTO host_numbers (number, host_id) SELECT i, id FROM n;
INSERT INTO host_index (rowid, text) SELECT i, '  ' || lower(h.serial || '  ' || h.udid || '  '
    || h.device_name || '    ' || h.product_name) || '  ' FROM n JOIN hosts h ON h.id = n.id;
COMMIT;
ANALYZE;
EOT
}

sub enroll_probe {
	my ($self) = @_;
	my $server = $self->server;
	Attestmdm::Server::spew($self->dir . '/probe.csv', "serial_number\nPROBE00001\n");
	$server->run($server->tool, 'ade', 'import', $self->dir . '/probe.csv',
	    '--config', $server->conf);
	$server->run($server->sim, 'enroll', '--server', $server->{url}, '--apple', $server->apple,
	    '--unix-socket', $server->socket, '--cacert', $server->cacert,
	    '--serial', 'PROBE00001', '--state', $self->dir . '/probe');
}

# Milliseconds of one poll of the enrolled device, its process included.
sub poll_once {
	my ($self) = @_;
	my $begun = time;
	$self->server->run($self->server->sim, 'poll', '--unix-socket', $self->server->socket,
	    '--cacert', $self->server->cacert, '--state', $self->dir . '/probe');
	return 1000 * (time - $begun);
}

# The median, and what 99 of 100 are below.
sub spread {
	my @sorted = sort { $a <=> $b } @_;
	return map { $sorted[ int($_ * $#sorted + 0.5) ] } 0.5, 0.99;
}

sub peak_memory {
	my ($pid) = @_;
	open(my $status, '<', "/proc/$pid/status") or return 0;
	return join('', <$status>) =~ /^VmHWM:\s+(\d+) kB/m ? $1 / 1024 : 0;
}

# One run of the tool, polled meanwhile: { seconds, memory (MiB), out,
# waits (ms of each poll) }.
sub tool_polled {
	my ($self, @args) = @_;
	my $out = $self->dir . '/tool.out';
	my $begun = time;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		open(STDOUT, '>', $out);
		exec($self->server->tool, @args, '--config', $self->server->conf)
		    or POSIX::_exit(127);
	}
	my ($memory, @waits) = (0);
	while (waitpid($pid, POSIX::WNOHANG()) == 0) {
		my $now = peak_memory($pid);
		$memory = $now if $now > $memory;
		push @waits, $self->poll_once;
	}
	die "@args failed\n" if $? != 0;
	return { seconds => time - $begun, memory => $memory, waits => \@waits,
	    out => Attestmdm::Server::slurp($out) };
}

1;
