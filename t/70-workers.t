#!/usr/bin/perl
# How the programs run: workers that die come back, a restart loses nothing,
# another schema is refused, and each answers as plain CGI too.
use strict;
use warnings;
use Time::HiRes qw(sleep time);
use Attestmdm::Test;
use IO::Handle;
use IO::Socket::UNIX;

my $t = Attestmdm::Test->new;
my $server = $t->server;

sub children {
	my ($name) = @_;
	my $parent = $server->{pids}{$name};
	return sort grep { length } split(/\s+/, `ps -o pid= --ppid $parent`);
}

subtest 'a worker that dies is replaced' => sub {
	my @before = children('acme-directory');
	is(scalar @before, 2, 'two workers');
	kill('KILL', $before[0]);
	my $until = time + 10;
	my @after;
	do { sleep 0.05; @after = children('acme-directory') }
	    until (@after == 2 && "@after" ne "@before") || time > $until;
	is(scalar @after, 2, 'two again');
	is($t->http(GET => '/acme/unknown/directory')->{status}, 404, 'and they answer');
};

subtest 'mdm-107: a restart under load loses no request' => sub {
	my $pid = fork() // die;
	if (!$pid) {
		my $failed = 0;
		for (1 .. 40) {
			my $r = eval { $t->http(GET => '/acme/unknown/directory') };
			$failed++ if !$r || $r->{status} != 404;
		}
		POSIX::_exit($failed > 100 ? 100 : $failed);
	}
	# A supervisor that keeps the socket open would let nobody wait; here the
	# workers are told to leave and their parent replaces them.
	for (1 .. 5) {
		sleep 0.05;
		kill('TERM', children('acme-directory'));
	}
	waitpid($pid, 0);
	is($? >> 8, 0, 'all were answered');
};

subtest 'every program opens what it needs and says so' => sub {
	for my $name (@Attestmdm::Server::PROGRAMS) {
		my $r = $t->command($server->program($name), '--config', $server->conf, '--check');
		is($r->{exit}, 0, "$name --check") or diag($r->{err});
	}
};

subtest 'scep does not start with an authority that cannot serve it' => sub {
	my $kept = Attestmdm::Server::slurp($server->conf);
	my $dir = $t->dir;
	$t->command('openssl', 'req', '-x509', '-newkey', 'rsa:3072', '-nodes', '-days', '30',
	    '-keyout', "$dir/no-usage.key", '-out', "$dir/no-usage.pem", '-subj', '/CN=x',
	    '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
	chmod(0600, "$dir/no-usage.key");
	for (['an EC key' => $server->state . '/acme-ca', qr/not RSA/],
	    ['no use for messages' => "$dir/no-usage", qr/may not sign and decrypt/]) {
		my ($name, $files, $reason) = @$_;
		$server->set_conf('scep.ca_key', "$files.key");
		$server->set_conf('scep.ca_certificate', "$files.pem");
		my $r = $t->command($server->program('scep'), '--config', $server->conf, '--check');
		is($r->{exit}, 1, "$name: refused");
		like($r->{err}, $reason, 'and it says why');
	}
	Attestmdm::Server::spew($server->conf, $kept);
};

subtest 'another schema is refused' => sub {
	$t->command('sqlite3', $server->database, 'PRAGMA user_version = 999');
	for my $name (@Attestmdm::Server::PROGRAMS) {
		my $r = $t->command($server->program($name), '--config', $server->conf, '--check');
		isnt($r->{exit}, 0, "$name refuses");
		like($r->{err}, qr/SCHEMA/, "$name says why");
	}
	my ($number) = $t->tool('check')->{out} =~ /schema/i;
	ok($number, 'attestmdm check names it');
	my $last = () = glob('schema/[0-9]*.sql');
	$t->command('sqlite3', $server->database, "PRAGMA user_version = $last");
};

# Starts a program with a listening socket, as systemd does.
sub as_service {
	my ($name, $listener, @more) = @_;
	my $pid = fork() // die;
	return $pid if $pid;
	POSIX::dup2(fileno($listener), 3) or die $! if fileno($listener) != 3;
	fcntl($listener, 2, 0) if fileno($listener) == 3; # F_SETFD: stays open
	open(STDERR, '>>', $t->dir . '/service.log') or die $!;
	open(STDIN, '<', '/dev/null') or die $!;
	@ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1);
	exec($server->program($name), @more, '--config', $server->conf) or POSIX::_exit(127);
}

subtest 'a service that cannot start leaves time between its tries' => sub {
	my $kept = Attestmdm::Server::slurp($server->conf);
	my $listener = IO::Socket::UNIX->new(Local => $t->dir . '/service.sock', Listen => 8) or die $!;
	my @trouble = (
		['a typo' => sub { Attestmdm::Server::spew($server->conf, "$kept\ntypo\n") },
			sub { Attestmdm::Server::spew($server->conf, $kept) }],
		['no database' => sub { rename($server->database, $server->database . '.away') },
			sub { rename($server->database . '.away', $server->database) }],
	);
	for (@trouble) {
		my ($name, $break, $mend) = @$_;
		$break->();
		is($t->command($server->program('acme-directory'), '--config', $server->conf,
			'--listen', $t->dir . '/other.sock')->{exit}, 1, "$name: by hand it ends at once");
		my $pid = as_service('acme-directory', $listener);
		sleep 1;
		is(waitpid($pid, POSIX::WNOHANG()), 0, "$name: as a service it waits");
		kill('TERM', $pid);
		is(waitpid($pid, 0), $pid, 'and can be stopped meanwhile');
		isnt($?, 0, 'as failed');
		$mend->();
		$pid = as_service('acme-directory', $listener);
		sleep 0.5;
		is(waitpid($pid, POSIX::WNOHANG()), 0, 'the next try serves');
		kill('TERM', $pid);
		waitpid($pid, 0);
		is($?, 0, 'until it is stopped');
	}
};

subtest 'plain CGI answers one request' => sub {
	local %ENV = (PATH => $ENV{PATH}, REQUEST_METHOD => 'GET',
	    GATEWAY_INTERFACE => 'CGI/1.1', REQUEST_URI => '/acme/unknown/directory',
	    REMOTE_ADDR => '127.0.0.1', SERVER_PROTOCOL => 'HTTP/1.1');
	my $r = $t->command($server->program('acme-directory'), '--config', $server->conf);
	is($r->{exit}, 0, 'exit status');
	like($r->{out}, qr/^Status: 404/m, 'status');
	like($r->{out}, qr{application/problem\+json}, 'type');
};

subtest 'mdm-35: a client cannot set a trusted parameter' => sub {
	my $r = $t->http(PUT => '/mdm/checkin', body => '<plist/>', headers => {
		'MDM-CLIENT-CERT' => 'x', 'Mdm-Client-Cert' => 'x',
		'X-SSL-Client-Cert' => 'x',
		'Content-Type' => 'application/x-apple-aspen-mdm-checkin' });
	is($r->{status}, 400, 'no identity');
};

$t->done;
