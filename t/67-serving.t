#!/usr/bin/perl
# attestmdm check asks every program and the URL, and notices what keeps devices
# out although all files are in order.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;
use File::Copy qw(copy);
use POSIX ();
use Time::HiRes qw(sleep time);
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my ($server, $dir) = ($t->server, $t->dir);
my $kept = Attestmdm::Server::slurp($server->conf);

# The lines of one check: [result, text], the worst.
sub line {
	my ($check, @args) = @_;
	unshift @args, '--connect', 'unix:' . $server->socket if !grep { $_ eq '--connect' } @args;
	my $r = $t->tool('check', '--test-bench', '--nginx', "$dir/nginx/nginx.conf", '--json', @args);
	my @lines = grep { $_->{check} eq $check } @{ JSON::PP::decode_json($r->{out})->{checks} };
	my ($bad) = grep { $_->{result} eq 'BAD' } @lines;
	$bad //= $lines[-1] // { result => 'none', text => '' };
	return ("$bad->{result}: $bad->{text}", $r->{exit});
}

sub says {
	my ($check, $expected, $name, @args) = @_;
	my ($text, $exit) = line($check, @args);
	like($text, $expected, $name);
	return $exit;
}

sub with_conf {
	my ($key, $value, @expected) = @_;
	$server->set_conf($key, $value);
	my $exit = says(@expected);
	is($exit, 1, 'and the exit status says so');
	Attestmdm::Server::spew($server->conf, $kept);
}

says('TLS', qr/^BAD: .*issuer is unknown.*DNS/, 'an issuer that this host does not trust');
$server->set_conf('profile.server_ca', $server->cacert);
$kept = Attestmdm::Server::slurp($server->conf);

subtest 'all is well' => sub {
	my ($refused) = map { $_->{n} } @{ $t->db('SELECT count(*) AS n FROM events') };
	says('programs', qr/^ok: all \d+ answer/, 'the programs');
	says('TLS', qr/^(ok|warning): .*20\d\d/, 'the certificate');
	says('reached', qr/^ok: /, 'the URL');
	says('disk', qr/^(ok|warning): \d+ MiB/, 'the disk');
	is($t->db('SELECT count(*) AS n FROM events')->[0]{n}, $refused, 'no row in the event log comes of it');
	says('programs', qr/^none/, 'none is asked when they are stopped', '--stopped');
};

subtest 'a program' => sub {
	$server->stop('acme-directory');
	says('reached', qr/^BAD: .*answers 502.*attestmdm-devices\.conf/, 'nginx answers in its place');
	says('programs', qr/^BAD: acme-directory .*systemctl/, 'that does not listen');
	unlink("$dir/run/acme-directory.sock");
	is(says('programs', qr/^BAD: acme-directory has no socket .*systemctl enable/,
		'whose socket is missing'), 1, 'and the exit status says so');
	my $listener = IO::Socket::UNIX->new(Local => "$dir/run/acme-directory.sock", Listen => 5) or die $!;
	my $began = time;
	says('programs', qr/^BAD: acme-directory .*no answer in 5 seconds/, 'that hangs', '--no-nginx');
	cmp_ok(time - $began, '<', 60, 'with a limit');
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		$SIG{PIPE} = 'IGNORE';
		while (my $c = $listener->accept) {
			sysread($c, my $request, 65536);
			print {$c} "HTTP/1.1 200 OK\r\n\r\n";
			close($c);
		}
		POSIX::_exit(0);
	}
	says('programs', qr/^BAD: acme-directory .*not a program of attestmdm/, 'that is another', '--no-nginx');
	kill('TERM', $pid);
	waitpid($pid, 0);
	$pid = fork() // die "fork: $!";
	if (!$pid) {
		while (my $c = $listener->accept) { close($c) }
		POSIX::_exit(0);
	}
	says('programs', qr/^BAD: acme-directory does not answer/, 'that hangs up', '--no-nginx');
	kill('TERM', $pid);
	waitpid($pid, 0);
	close($listener);
	$server->start_programs('acme-directory');
	says('programs', qr/^ok: /, 'is back');
};

subtest "nginx's secret" => sub {
	my $file = "$dir/nginx-secret.conf";
	my $secret = Attestmdm::Server::slurp($file);
	unlink($file);
	$t->tool_ok('migrate');
	says('programs', qr/^BAD: .*does not take the secret/, 'is not the one that the programs read');
	says('reached', qr/^ok/, 'which nginx still sends');
	Attestmdm::Server::spew($file, $secret);
	says('programs', qr/^ok/, 'is theirs again');
};

# What listens at a Unix socket, for as long as a sub runs.
sub listening {
	my ($path, $serve, $sub) = @_;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die $!;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		$SIG{PIPE} = 'IGNORE';
		$serve->($_) while $_ = $listener->accept;
		POSIX::_exit(0);
	}
	$sub->();
	kill('TERM', $pid);
	waitpid($pid, 0);
	unlink($path);
}

# openssl fails at times when a client of a Unix socket has no name, so TCP.
sub reached {
	my ($at) = @_;
	my $end = time + 20;
	while (time < $end) {
		return 1 if IO::Socket::INET->new(PeerAddr => $at);
		sleep 0.02;
	}
	return 0;
}

subtest 'where the URL leads' => sub {
	my $nobody = Attestmdm::Test::free_port();
	says('TLS', qr/^BAD: cannot connect to 127\.0\.0\.1 port $nobody: /, 'nobody listens',
	    '--connect', "127.0.0.1:$nobody");
	says('TLS', qr/^BAD: 256\.256\.256\.256: /, 'no host', '--connect', '256.256.256.256:443');
	says('TLS', qr/^BAD: .*too long/, 'a long path', '--connect', 'unix:/' . 'x' x 200);
	says('TLS', qr/^BAD: \/nonexistent: No such file/, 'no socket', '--connect', 'unix:/nonexistent');
	my $path = "$dir/run/other.sock";
	listening($path, sub { sysread($_[0], my $hello, 4096); print {$_[0]} "HTTP/1.1 400 Bad\r\n\r\n"; close($_[0]) },
	    sub { says('TLS', qr/^BAD: mdm\.example\.com: /, 'a server without TLS', '--connect', "unix:$path") });
	listening($path, sub { close($_[0]) },
	    sub { says('TLS', qr/^BAD: mdm\.example\.com: /, 'one that hangs up', '--connect', "unix:$path") });
	for (['-www', 'reached', qr/^BAD: .* answers 200, and not as our programs do/, 'another site'],
	    ['-rev', 'TLS', qr/^BAD: .*no answer in 5 seconds/, 'no HTTP']) {
		my ($mode, $check, $want, $name) = @$_;
		my $at = '127.0.0.1:' . Attestmdm::Test::free_port();
		$server->spawn('other', 'openssl', 's_server', '-quiet', '-accept', $at, '-cert', "$dir/tls/tls.pem",
		    '-key', "$dir/tls/tls.key", $mode);
		reached($at) or die 'openssl s_server';
		says($check, $want, $name, '--connect', $at);
		$server->stop('other');
	}
};

subtest 'the certificate' => sub {
	with_conf('server.url', 'https://other.example.com', 'TLS',
	    qr/^BAD: other\.example\.com: .*name in the certificate does not match/, 'is for another name');
	plan skip_all => 'certtool is missing' if !Attestmdm::Test::installed('certtool');
	rename("$dir/tls/$_", "$dir/tls/$_.kept") for 'tls.pem', 'tls.key';
	Attestmdm::Server::spew("$dir/tls/template", "cn = \"old\"\ndns_name = \"$server->{host}\"\nca\n"
	    . "activation_date = \"2020-01-01 00:00:00\"\nexpiration_date = \"2021-01-01 00:00:00\"\n");
	$server->run('certtool', '--generate-privkey', '--ecc', '--outfile', "$dir/tls/tls.key");
	$server->run('certtool', '--generate-self-signed', '--load-privkey', "$dir/tls/tls.key",
	    '--template', "$dir/tls/template", '--outfile', "$dir/tls/tls.pem");
	$server->stop('nginx');
	unlink($server->socket);
	$server->spawn('nginx', 'nginx', '-e', "$dir/nginx-error.log", '-c', "$dir/nginx/nginx.conf",
	    '-p', $dir);
	Attestmdm::Server::answers($server->socket, 20) or die;
	with_conf('profile.server_ca', "$dir/tls/tls.pem", 'TLS', qr/^BAD: .*expired/, 'has expired');
};

subtest 'other things' => sub {
	with_conf('mdm.topic', 'com.apple.mgmt.External.YOUR-PUSH-TOPIC', 'push',
	    qr/^BAD: .*example.*push certificate/, 'the topic of the example');
	with_conf('mdm.topic', '', 'push', qr/^BAD: .*no device can enroll/, 'no topic at all');
	mkdir("$dir/pages");
	copy($_, "$dir/pages/") for grep { !/hosts\.html/ } glob("$Attestmdm::Server::TOP/templates/*");
	with_conf('paths.templates', "$dir/pages", 'templates',
	    qr/^BAD: .*hosts\.html is missing: install/, 'a missing page');
	for my $page (map { /([^\/]+)\.(?:html|css)$/ } glob("$Attestmdm::Server::TOP/templates/*")) {
		copy($_, "$dir/pages/") for glob("$Attestmdm::Server::TOP/templates/*");
		unlink(glob("$dir/pages/$page.*"));
		with_conf('paths.templates', "$dir/pages", 'templates', qr/^BAD: .*\b\Q$page\E\b/, "no $page");
	}
	my $db = $server->state . '/db';
	my $r = $t->command('unshare', '-m', 'sh', '-c', "cp -a $db $dir/db && mount -t tmpfs -o size=8m"
	    . " tmpfs $db && cp $dir/db/attestmdm.db $db/ && " . $server->tool . ' check --stopped --no-nginx'
	    . ' --config ' . $server->conf);
	SKIP: {
		skip('tmpfs cannot be mounted', 1) if $r->{err} =~ /unshare|mount/;
		like($r->{out}, qr/^BAD +disk +\d MiB are free .*make room/m, 'a disk that is nearly full');
	}
};

$t->done;
