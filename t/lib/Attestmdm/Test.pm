package Attestmdm::Test;

# One server per test file, in a folder of its own, asked through nginx with
# TLS on a Unix socket: no port is shared, so files run side by side. Ends with
# two tests of its own: no alert in any log, and every program left cleanly.
#
#	use Attestmdm::Test;
#	my $t = Attestmdm::Test->new;
#	$t->assign('C02TEST00001');
#	my $run = $t->sim('enroll', '--serial', 'C02TEST00001');
#	is($run->{exit}, 0, 'mdm-1: a Mac enrolls');
#	$t->refused('C02TEST00002', 'profile', 'ENROLL_UNASSIGNED');

use strict;
use warnings;
use Exporter 'import';
use File::Temp;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;

use Attestmdm::ForkServer;
use Attestmdm::Http;
use Attestmdm::Server;

our @EXPORT = @Test::More::EXPORT;

my @running;

# A test that is told to end, or that nobody listens to any more, takes its
# server with it.
$SIG{$_} = sub { exit 1 } for qw(HUP INT PIPE TERM);

# Options as Attestmdm::Server; settings: { name => value }; start => 0 leaves
# the programs down; older => 1 serves SCEP clients that others wrote: plain
# HTTP, and the older ciphers.
sub new {
	my ($class, %o) = @_;
	my $temp = File::Temp->newdir('am-XXXXXX', TMPDIR => 1);
	my $start = delete $o{start} // 1;
	my $settings = delete $o{settings} // {};
	if (delete $o{older}) {
		$o{plain_port} = free_port();
		$o{config}{$_} = 'true' for 'scep.older_clients', 'testing.single_des';
	}
	my $server = Attestmdm::Server->new(dir => "$temp", owner => $$, %o);
	my $self = bless { temp => $temp, server => $server }, $class;
	$server->prepare;
	$self->tool_ok('setting', 'set', $_, $settings->{$_}) for sort keys %$settings;
	$server->start if $start;
	push @running, $self;
	return $self;
}

# A loopback port of the kernel's choice.
sub free_port {
	my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
	return $probe->sockport;
}

sub plain_url { "http://127.0.0.1:$_[0]{server}{plain_port}" }

sub installed { my ($name) = @_; grep { -x "$_/$name" } split(/:/, $ENV{PATH}) }

sub server { $_[0]{server} }
sub dir { $_[0]{server}{dir} }
sub url { $_[0]{server}{url} }

# The fork server of a program that tests run often, if it has one.
sub fork_server {
	my ($self, $program) = @_;
	my $preload = $self->server->{build} . '/t/tools/fork-server.so';
	return if $program !~ m{(?:^|/)(?:attestmdm|attestmdm-sim|store-sql|curl)$} || !-e $preload;
	my $fork_server = $self->{fork_servers}{$program}
	    ||= Attestmdm::ForkServer->new($preload, $program);
	return $fork_server->is_mine ? $fork_server : undef;
}

sub start_and_wait {
	my ($base, @cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$base.out");
		open(STDERR, '>', "$base.err");
		exec(@cmd) or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return $?;
}

# Runs a command; returns { exit, out, err }.
sub command {
	my ($self, @cmd) = @_;
	my $base = $self->dir . '/cmd-' . $$ . '-' . ++$self->{commands};
	my $fork_server = $self->fork_server($cmd[0]);
	local $ENV{ATTESTMDM_RSA_KEYS} = $self->server->sim_keys;
	my $status = $fork_server ? $fork_server->run("$base.out", "$base.err", @cmd)
	    : start_and_wait($base, @cmd);
	my %result = (
		exit => $status & 127 ? 128 + ($status & 127) : $status >> 8,
		signal => $status & 127,
		out => Attestmdm::Server::slurp("$base.out") // '',
		err => Attestmdm::Server::slurp("$base.err") // '',
	);
	unlink("$base.out", "$base.err");
	return \%result;
}

# attestmdm NOUN VERB …; and the same as a test, and with --json parsed.
sub tool {
	my ($self, @args) = @_;
	return $self->command($self->server->tool, @args, '--config', $self->server->conf);
}

sub tool_ok {
	my ($self, @args) = @_;
	my $r = $self->tool(@args);
	die "attestmdm @args: exit $r->{exit}\n$r->{out}$r->{err}" if $r->{exit} != 0;
	return $r->{out};
}

sub tool_json {
	my ($self, @args) = @_;
	return JSON::PP::decode_json($self->tool_ok(@args, '--json'));
}

# attestmdm-sim VERB … against this server. "make" blocks need no server.
sub sim {
	my ($self, $verb, @args) = @_;
	my @where = $verb =~ /^(make|faults|apple)$/ ? () : (
		'--server', $self->url,
		'--unix-socket', $self->server->socket,
		'--cacert', $self->server->cacert,
		# A busy machine is slower than Apple's clients are patient.
		'--timeout', '60',
	);
	push @where, '--apple', $self->server->apple
	    if $verb =~ /^(enroll|fleet|poll)$/
	    || ($verb eq 'make' && $args[0] =~ /^(attestation|machineinfo)$/);
	local $ENV{ATTESTMDM_SIM_KEYS} = $self->server->sim_keys;
	return $self->command($self->server->sim, $verb, @args, @where);
}

# A make block's output without its line end.
sub make {
	my ($self, @args) = @_;
	my $r = $self->sim('make', @args);
	die "attestmdm-sim make @args: $r->{out}$r->{err}" if $r->{exit} != 0;
	(my $out = $r->{out}) =~ s/\n\z//;
	return $out;
}

# Makes Apple Business assign these serial numbers to us.
sub assign {
	my ($self, @serials) = @_;
	my $file = $self->dir . '/assigned.csv';
	Attestmdm::Server::spew($file, join("\n", 'serial_number', @serials, ''));
	$self->tool_ok('ade', 'import', $file);
}

# One request through nginx: $t->http(PUT => '/mdm/checkin', body => …,
# headers => { 'Content-Type' => … }, cert => PEM, key => PEM, http2 => 1).
# Returns { version, status, headers (lower-case names), body }. Only a client
# certificate or HTTP/2 makes it use TLS.
sub http {
	my ($self, $method, $path, %o) = @_;
	my %headers = ('User-Agent' => 't', %{ $o{headers} || {} });
	return $self->https($method, $path, \%headers, %o) if $o{cert} || $o{http2};
	my ($host) = $self->url =~ m{//(.*)};
	return Attestmdm::Http::request($self->server->plain_socket, $method, $path,
	    { Host => $host, %headers }, $o{body});
}

sub https {
	my ($self, $method, $path, $headers, %o) = @_;
	my $in = $self->dir . '/http-' . $$ . '-' . ++$self->{requests};
	my @cmd = ('curl', '-s', '-S', '-i', '--path-as-is', '--max-time', 30,
	    $o{http2} ? '--http2' : '--http1.1',
	    '--unix-socket', $o{http2} ? $self->dir . '/run/http2.sock' : $self->server->socket,
	    '--cacert', $self->server->cacert,
	    $o{cert} ? ('--cert', $o{cert}, '--key', $o{key}) : (),
	    $method eq 'HEAD' ? '-I' : ('-X', $method), '-H', 'Expect:');
	push @cmd, '-H', $_ for Attestmdm::Http::lines($headers);
	if (defined $o{body}) {
		Attestmdm::Server::spew($in, $o{body});
		push @cmd, '--data-binary', "\@$in";
		push @cmd, '-H', 'Content-Type:' if !exists $headers->{'Content-Type'};
	}
	my $r = $self->command(@cmd, $self->url . $path);
	unlink($in);
	die "curl: $r->{err}" if $r->{exit} != 0;
	return Attestmdm::Http::parse($r->{out}, 1);
}

sub json { JSON::PP::decode_json($_[1]{body}) }

# Runs t/tools/store-sql.
sub store {
	my ($self, @sql) = @_;
	my $server = $self->server;
	my $r = $self->command("$server->{build}/t/tools/store-sql", $server->database, @sql);
	die "store-sql: $r->{err}" if $r->{exit} != 0;
	return $r->{out};
}

# Rows of a statement as hashes; for looking, never for changing what a program
# would have to.
sub db {
	my ($self, $sql) = @_;
	my $rows = $self->store($sql);
	return $rows =~ /\S/ ? JSON::PP::decode_json($rows) : [];
}

# Changes rows as no program would.
sub change_db {
	my ($self, $sql) = @_;
	$self->store($sql);
	return;
}

# A text that changes with anything but the records of what was refused or done,
# and used nonces.
sub fingerprint {
	my ($self) = @_;
	my @rows = grep { !/^(?:events|used_nonces|activities|counters|refusals|daily_refusals) / }
	    split(/\n/, $self->store);
	return join("\n", sort @rows);
}

# The event log of a serial number, oldest first.
sub events {
	my ($self, $serial) = @_;
	return $self->db("SELECT * FROM events WHERE serial = '$serial' ORDER BY id");
}

# Tests that the last refusal of a serial number was this step with this code
# and has a reason that an admin can read.
sub refused {
	my ($self, $serial, $step, $code, $name) = @_;
	my @refusals = grep { $_->{outcome} ne 'ok' } @{ $self->events($serial) };
	my $last = $refusals[-1] || {};
	my $ok = ($last->{step} // '') eq $step && ($last->{code} // '') eq $code
	    && length($last->{reason} // '');
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($ok, ($name || "$serial is refused") . ": event log says $step $code")
	    or diag(explain($last));
}

sub finish {
	my ($self) = @_;
	my $status = $self->server->stop;
	my @bad = map { "$_: $status->{$_}" } grep { $status->{$_} != 0 } sort keys %$status;
	is("@bad", '', 'every program left cleanly');
	my @alarms;
	for my $log (glob($self->dir . '/*.log')) {
		push @alarms, grep {
			/\[(alert|crit|emerg)\]|Sanitizer|runtime error:|Assertion|<3>.*INTERNAL/
		} split(/\n/, Attestmdm::Server::slurp($log) // '');
	}
	is("@alarms", '', 'no log holds an alarm');
	$self->show_logs if !Test::More->builder->is_passing;
}

# What nginx and the programs said last, for the log of a test that fails.
sub show_logs {
	my ($self) = @_;
	for my $log (glob($self->dir . '/*.log')) {
		my @lines = split(/^/, Attestmdm::Server::slurp($log));
		splice(@lines, 0, -8) if @lines > 8;
		print STDERR "$log:\n", @lines if @lines;
	}
}

# A test that dies has not called done().
END { $_->show_logs for $? ? @running : () }

# Call at the end of each file in place of done_testing.
sub done {
	$_->finish for splice(@running);
	done_testing();
}

1;
