package Attestmdm::Server;

# A whole attestmdm in one folder: configuration, database, keys, the FastCGI
# programs and an nginx in front, made from the shipped nginx/*.conf. It talks
# over a Unix socket, and over a loopback port when one is asked for.

use strict;
use warnings;
use Fcntl qw(LOCK_EX);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Spec;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

our $TOP = File::Spec->rel2abs(dirname(__FILE__) . '/../../..');

our @PROGRAMS = qw(acme-directory acme-account acme-new-order acme-challenge
    acme-finalize scep profile-download enroll-sso mdm-checkin mdm-server admin-settings
    admin-api);

# Servers that have all of these are installed from one copy.
our %USUAL = (
	host => 'mdm.example.com',
	topic => 'com.apple.mgmt.External.b1e6a0c4-demo',
	organization => 'Example Ltd',
);

# dir: an empty folder with a short path; build: where the programs were built;
# port: a loopback port, or nothing; plain_port: one without TLS, for clients
# that cannot be told what to trust; host: name in the URL; config: further
# keys of the configuration file as { "section.key" => value }; require: false
# leaves "Require hardware attestation" as it is at first, off, and 'all' asks it
# of iPhones and iPads, too; worker: start attestmdm-worker, too.
sub new {
	my ($class, %o) = @_;
	my $self = bless {
		%USUAL,
		config => {},
		require => 1,
		build => $ENV{ATTESTMDM_BUILD} || "$TOP/build",
		pids => {},
		%o,
	}, $class;
	$self->{url} ||= 'https://' . $self->{host}
	    . ($self->{port} ? ":$self->{port}" : '');
	return $self;
}

sub conf { $_[0]{dir} . '/attestmdm.conf' }
sub state { $_[0]{dir} . '/state' }
sub database { $_[0]->state . '/db/attestmdm.db' }
sub apple { $_[0]{dir} . '/apple' }
sub sim_keys { $_[0]{dir} . '/keys' }
sub socket { $_[0]{dir} . '/run/https.sock' }
sub plain_socket { $_[0]{dir} . '/run/http.sock' }
sub admin_socket { $_[0]{dir} . '/run/admin.sock' }
sub cacert { $_[0]{dir} . '/tls/tls-ca.pem' }
sub program { my ($self, $name) = @_; "$self->{build}/cgi-bin/$name" }
sub worker { $_[0]{build} . '/bin/attestmdm-worker' }
sub tool { $_[0]{build} . '/bin/attestmdm' }
sub sim { $_[0]{build} . '/sim/attestmdm-sim' }

# Runs a command, dies with its output when it fails; returns its output.
sub run {
	my ($self, @cmd) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if (!$pid) {
		open(STDERR, '>&', \*STDOUT);
		exec(@cmd) or exit 127;
	}
	my $text = do { local $/; <$out> } // '';
	close($out) or die "@cmd failed (" . ($? >> 8) . "):\n$text";
	return $text;
}

sub slurp { my ($file) = @_; open(my $f, '<', $file) or die "$file: $!"; local $/; return scalar <$f> }
sub spew { my ($file, $text) = @_; open(my $f, '>', $file) or die "$file: $!"; print {$f} $text; close($f) or die }

# Sets one key of the configuration file, adding its section when needed.
sub set_conf {
	my ($self, $key, $value) = @_;
	my ($section, $name) = split(/\./, $key, 2);
	my $text = slurp($self->conf);
	$text =~ s/^(\[\Q$section\E\]\n(?:(?!\[).*\n)*?)\Q$name\E *=.*\n/$1/m;
	if ($text !~ s/^\[\Q$section\E\]\n/[$section]\n$name = $value\n/m) {
		$text .= "\n[$section]\n$name = $value\n";
	}
	spew($self->conf, $text);
}

# What a server needs before its first start: the fake Apple, TLS, init.
sub install {
	my ($self) = @_;
	make_path("$self->{dir}/tls");
	my $made = "$self->{build}/t/apple";
	$self->run(-d $made ? ('cp', '-R', $made) : ($self->sim, 'apple'), $self->apple);
	$self->run($self->sim, 'make', 'tls', '--dir', "$self->{dir}/tls",
	    '--name', $self->{host});
	spew("$self->{dir}/init.out", $self->run($self->tool, 'init', '--single-user',
	    '--config', $self->conf, '--state', $self->state,
	    '--url', $self->{url}, '--organization', $self->{organization},
	    '--topic', $self->{topic}, '--admin', 'admin'));
}

# The same as a copy: the keys of the authorities take half a second to make.
# The original is made again after each build, and before its CRLs end.
sub install_copy {
	my ($self) = @_;
	my $made = "$self->{build}/t/installation";
	open(my $lock, '>', "$made.lock") or die "$made.lock: $!";
	flock($lock, LOCK_EX) or die "$made.lock: $!";
	my $age = -M "$made/init.out";
	if (!defined $age || $age > 0.5 || grep { $age > -M $_ } $self->tool, $self->sim) {
		remove_tree($made);
		make_path($made, { mode => 0700 });
		Attestmdm::Server->new(build => $self->{build}, dir => $made)->install;
	}
	$self->run('cp', '-R', '-p', "$made/.", $self->{dir});
	$self->set_conf('paths.state', $self->state);
	$self->set_conf('server.url', $self->{url});
}

# Installs, and configures: settings, configuration file, nginx.
sub prepare {
	my ($self) = @_;
	my $keys = "$self->{build}/t/keys";
	make_path("$self->{dir}/run", "$self->{dir}/nginx", "$self->{dir}/tmp");
	$self->run('cp', '-R', $keys, $self->sim_keys) if -d $keys;
	if (grep { $self->{$_} ne $USUAL{$_} } keys %USUAL) {
		$self->install;
	} else {
		$self->install_copy;
	}
	my @set = ($self->tool, '--config', $self->conf, 'setting', 'set');
	$self->run(@set, 'apple_require_hardware_attestation', 'true') if $self->{require};
	$self->run(@set, 'apple_hardware_attestation_devices', 'all') if $self->{require} eq 'all';
	my %config = (
		'paths.templates' => "$TOP/templates",
		'paths.sockets' => "$self->{dir}/run",
		'apple.attestation_root' => $self->apple . '/attestation-root.pem',
		'apple.device_ca' => $self->apple . '/device-ca.pem',
		'testing.clock_offset_file' => "$self->{dir}/clock",
		%{ $self->{config} },
	);
	spew("$self->{dir}/clock", "0\n");
	$self->set_conf($_, $config{$_}) for sort keys %config;
	$self->write_nginx;
	return $self;
}

# The administrator's first password, as init printed it.
sub password {
	my ($self) = @_;
	my ($password) = slurp("$self->{dir}/init.out") =~ /password[^:]*:\s*(\S+)/i;
	return $password;
}

# Moves the server's clock, in seconds from the real time.
sub clock {
	my ($self, $offset) = @_;
	spew("$self->{dir}/clock.new", "$offset\n");
	rename("$self->{dir}/clock.new", "$self->{dir}/clock") or die $!;
}

# The server block has a log and an error page of its own, as a user's may. The
# admin pages are reached through it, and by a server block of their own.
sub write_nginx {
	my ($self) = @_;
	my $dir = $self->{dir};
	my $state = $self->state;
	for my $name (qw(http fastcgi server devices admin)) {
		my $text = slurp("$TOP/nginx/attestmdm-$name.conf");
		$text =~ s{/run/attestmdm/}{$dir/run/}g;
		$text =~ s{/var/lib/attestmdm\b}{$state}g;
		$text =~ s{/etc/nginx/}{$dir/nginx/}g;
		$text =~ s{/etc/attestmdm/}{$dir/}g;
		$text =~ s{/var/log/nginx/attestmdm\.log}{$dir/nginx-access.log}g;
		spew("$dir/nginx/attestmdm-$name.conf", $text);
	}
	my $workers = $self->nginx_workers;
	my $user = $> == 0 ? 'user root;' : '';
	my $plain = $self->{plain_port} ? <<"EOT" : '';
	server {
		listen 127.0.0.1:$self->{plain_port};
		include $dir/nginx/attestmdm-server.conf;
	}
EOT
	my $listen = $self->{port} ? "listen 127.0.0.1:$self->{port} ssl backlog=4096;" : '';
	$listen .= "listen unix:$dir/run/http2.sock ssl http2;" if $self->{http2};
	spew("$dir/nginx/nginx.conf", <<"EOT");
$user
worker_processes $workers;
daemon off;
pid $dir/nginx.pid;
error_log $dir/nginx-error.log notice;
worker_rlimit_nofile 16384;
events { worker_connections 16384; }
http {
	client_body_temp_path $dir/tmp/body;
	fastcgi_temp_path $dir/tmp/fastcgi;
	proxy_temp_path $dir/tmp/proxy;
	uwsgi_temp_path $dir/tmp/uwsgi;
	scgi_temp_path $dir/tmp/scgi;
	include $dir/nginx/attestmdm-http.conf;
	access_log $dir/nginx-combined.log combined;
	server {
		listen unix:$dir/run/https.sock ssl backlog=4096;
		listen unix:$dir/run/http.sock;
		$listen
		ssl_certificate $dir/tls/tls.pem;
		ssl_certificate_key $dir/tls/tls.key;
		access_log $dir/nginx-combined.log combined;
		error_page 500 502 503 504 /50x.html;
		location = /50x.html { root $dir; }
		include $dir/nginx/attestmdm-server.conf;
	}
	server {
		listen unix:$dir/run/admin.sock ssl;
		ssl_certificate $dir/tls/tls.pem;
		ssl_certificate_key $dir/tls/tls.key;
		include $dir/nginx/attestmdm-admin.conf;
	}
$plain}
EOT
}

sub nginx_workers { $_[0]{nginx_workers} || 1 }

sub spawn {
	my ($self, $name, @cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{dir}/$name.log");
		open(STDERR, '>&', \*STDOUT);
		exec(@cmd) or POSIX::_exit(127);
	}
	$self->{pids}{$name} = $pid;
}

sub answers {
	my ($path, $seconds) = @_;
	my $until = time + $seconds;
	while (time < $until) {
		return 1 if IO::Socket::UNIX->new(Peer => $path);
		sleep 0.01;
	}
	return 0;
}

# Starts programs that do not run, and waits until they answer.
sub start_programs {
	my ($self, @names) = @_;
	for my $name (@names) {
		unlink("$self->{dir}/run/$name.sock");
		$self->spawn($name, $self->program($name), '--config', $self->conf,
		    '--listen', "$self->{dir}/run/$name.sock");
	}
	for my $name (@names) {
		answers("$self->{dir}/run/$name.sock", 20)
		    or die "$name does not answer:\n" . slurp("$self->{dir}/$name.log");
	}
}

sub start {
	my ($self) = @_;
	$self->start_programs(@PROGRAMS);
	$self->spawn('nginx', 'nginx', '-e', "$self->{dir}/nginx-error.log",
	    '-c', "$self->{dir}/nginx/nginx.conf", '-p', $self->{dir});
	for my $socket ($self->socket, $self->plain_socket, $self->admin_socket) {
		answers($socket, 20)
		    or die "nginx does not answer:\n" . slurp("$self->{dir}/nginx-error.log");
	}
	$self->start_worker if $self->{worker};
	return $self;
}

# Starts attestmdm-worker and waits until it is ready.
sub start_worker {
	my ($self) = @_;
	my $log = "$self->{dir}/attestmdm-worker.log";
	my $ready = sub { -e $log ? scalar(() = slurp($log) =~ /: ready$/mg) : 0 };
	my $before = $ready->();
	$self->spawn('attestmdm-worker', $self->worker, '--config', $self->conf);
	my $until = time + 20;
	while ($ready->() == $before) {
		die "attestmdm-worker does not start:\n" . slurp($log) if time > $until;
		sleep 0.01;
	}
}

# Wakes it, as a program does that has work for it.
sub wake {
	my ($self) = @_;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => "$self->{dir}/run/worker.sock");
	$socket->send('x') if $socket;
}

# Ends one program, or all; returns { name => wait status }.
sub stop {
	my ($self, @names) = @_;
	@names = sort keys %{ $self->{pids} } if !@names;
	@names = grep { $self->{pids}{$_} } @names;
	my %status;
	kill('TERM', $self->{pids}{$_}) for @names;
	for my $name (@names) {
		my $pid = delete $self->{pids}{$name};
		my $until = time + 10;
		my $got;
		while (($got = waitpid($pid, WNOHANG)) == 0 && time < $until) {
			sleep 0.01;
		}
		if ($got == 0) {
			kill('KILL', $pid);
			waitpid($pid, 0);
		}
		$status{$name} = $?;
	}
	return \%status;
}

sub restart {
	my ($self, @names) = @_;
	@names = @PROGRAMS if !@names;
	my $status = $self->stop(@names);
	$self->start_programs(@names);
	return $status;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $!);
	$self->stop if $self->{owner} && $self->{owner} == $$ && %{ $self->{pids} };
}

1;
