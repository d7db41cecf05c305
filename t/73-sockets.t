#!/usr/bin/perl
# Who can connect to a program's socket is not nginx yet: what does not come with
# nginx's secret is refused, whatever it claims.
use strict;
use warnings;
use IO::Socket::UNIX;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $file = $t->dir . '/nginx-secret.conf';
my ($secret) = Attestmdm::Server::slurp($file) =~ /^fastcgi_param ATTESTMDM_SECRET (\S{43});$/m;
ok($secret, 'init made a secret');
is(sprintf('%04o', (stat($file))[2] & 07777), '0600', 'for one user');

sub record { my ($type, $content) = @_; pack('CCnnCx', 1, $type, 1, length $content, 0) . $content }

sub pairs {
	my $out = '';
	while (my ($name, $value) = splice(@_, 0, 2)) {
		$out .= pack('NN', map { 0x80000000 | length } $name, $value) . $name . $value;
	}
	return $out;
}

# One FastCGI request to a program, as any process may make it.
sub ask {
	my ($program, $body, @params) = @_;
	my $s = IO::Socket::UNIX->new(Peer => $t->dir . "/run/$program.sock") or die "$program: $!";
	my $params = pairs(CONTENT_LENGTH => length $body, REMOTE_ADDR => '192.0.2.1', @params);
	print {$s} record(1, pack('nCx5', 1, 0));
	print {$s} record(4, $_) for unpack('(a30000)*', $params);
	print {$s} record(4, ''), (length $body ? record(5, $body) : ()), record(5, '');
	$s->flush;
	return $s;
}

# Its answer.
sub speak {
	my $s = ask(@_);
	my ($in, $out) = ('', '');
	1 while sysread($s, $in, 65536, length $in);
	while (length $in >= 8) {
		my (undef, $type, undef, $n, $pad) = unpack('CCnnC', $in);
		$out .= substr($in, 8, $n) if $type == 6;
		$in = substr($in, 8 + $n + $pad);
	}
	return $out;
}

sub log_of { Attestmdm::Server::slurp($t->dir . "/$_[0].log") }

my @get = (REQUEST_METHOD => 'GET', REQUEST_URI => '/');
for my $program (@Attestmdm::Server::PROGRAMS) {
	like(speak($program, '', @get), qr/^Status: 500/, "$program refuses who has no secret");
	like(log_of($program), qr/NOT_NGINX.*another process spoke/, 'and says so in its log');
	unlike(speak($program, '', @get, ATTESTMDM_SECRET => $secret), qr/^Status: 500/,
		'but answers nginx');
}

subtest 'a device that is only claimed' => sub {
	$t->assign('C73SOCKET001');
	my $mac = Attestmdm::Device->enroll($t, 'C73SOCKET001');
	my $body = Attestmdm::Device::plist(Status => 'Idle', UDID => $mac->{udid});
	my $before = $t->fingerprint;
	my @poll = (REQUEST_METHOD => 'PUT', REQUEST_URI => '/mdm/server',
	    CONTENT_TYPE => $Attestmdm::Device::TYPE_COMMAND,
	    MDM_CLIENT_CERT => escape(Attestmdm::Server::slurp($mac->cert)));
	my $wrong = $secret =~ tr/a-zA-Z/b-zaB-ZA/r;
	for (['no secret'], ['an empty one', ''], ['another', $wrong], ['part of it', substr($secret, 0, 42)],
	    ['more than it', "${secret}A"]) {
		my ($name, @given) = @$_;
		like(speak('mdm-server', $body, @poll, map { (ATTESTMDM_SECRET => $_) } @given),
		    qr/^Status: 500.*\r\n\r\n\z/s, $name);
	}
	like(speak('mdm-server', $body, @poll, (ATTESTMDM_SECRET => $secret) x 2),
	    qr/^Status: 500/, 'it twice');
	like(speak('mdm-server', $body, @poll, HTTP_ATTESTMDM_SECRET => $secret),
	    qr/^Status: 500/, 'it as a header of a client');
	is($t->fingerprint, $before, 'nothing changed');
	like(speak('mdm-server', $body, @poll, ATTESTMDM_SECRET => $secret), qr/^Status: 200/,
	    'with it the certificate counts');
};

subtest 'acme-288: who connects and sends nothing more holds up nobody for ever' => sub {
	my @held = map {
		my $s = IO::Socket::UNIX->new(Peer => $t->dir . '/run/acme-directory.sock') or die $!;
		print {$s} record(1, pack('nCx5', 1, 0));
		$s->flush;
		$s;
	} 1 .. 2;
	is($t->http(GET => '/acme/unknown/directory')->{status}, 404, 'a device is answered');
	like(log_of('acme-directory'), qr/took more than 20 seconds/, 'the log says what happened');
};

# Both workers are busy while it comes and is given up.
subtest 'what nobody waits for is not done' => sub {
	$t->assign('C73SOCKET002');
	my $mac = Attestmdm::Device->enroll($t, 'C73SOCKET002');
	my $path = $t->dir . '/run/mdm-checkin.sock';
	my @held = map { IO::Socket::UNIX->new(Peer => $path) or die $! } 1 .. 2;
	for (@held) {
		print {$_} record(1, pack('nCx5', 1, 0));
		$_->flush;
	}
	select(undef, undef, undef, 0.3);
	my $body = $mac->message('CheckOut');
	my @ask = (REQUEST_METHOD => 'PUT', REQUEST_URI => '/mdm/checkin',
	    CONTENT_TYPE => $Attestmdm::Device::TYPE_CHECKIN, ATTESTMDM_SECRET => $secret,
	    MDM_CLIENT_CERT => escape(Attestmdm::Server::slurp($mac->cert)));
	my $gone = ask('mdm-checkin', $body, @ask);
	close($gone);
	close($_) for @held;
	is($t->http(PUT => '/mdm/checkin', body => 'x')->{status}, 400, 'the next one is served');
	is($mac->host->{state}, 'enrolled', 'and the one given up was not');
	like(speak('mdm-checkin', $body, @ask), qr/^Status: 200/, 'for who waits it is done');
	is($mac->host->{state}, 'unenrolled', 'which is the difference');
};

subtest 'through nginx no client can name it' => sub {
	my $r = $t->http(GET => '/admin/sign-in', headers => { 'Attestmdm-Secret' => 'x',
	    'ATTESTMDM_SECRET' => 'x' });
	is($r->{status}, 200, 'a header changes nothing');
};

subtest 'an nginx with another secret' => sub {
	my $kept = Attestmdm::Server::slurp($file);
	Attestmdm::Server::spew($file, $kept =~ s/\Q$secret\E/'x' x 43/er);
	$t->server->restart('mdm-server');
	is($t->http(PUT => '/mdm/server', body => 'x')->{status}, 500,
	    'is answered 500, at which no device leaves');
	like(log_of('mdm-server'), qr/NOT_NGINX.*is not nginx's/, 'the log says why');
	Attestmdm::Server::spew($file, "nothing\n");
	my $r = $t->command($t->server->program('mdm-server'), '--config', $t->server->conf, '--check');
	is($r->{exit}, 1, 'without a secret no program starts');
	like($r->{err}, qr/nginx-secret\.conf .*attestmdm migrate/, 'and says what to do');
	Attestmdm::Server::spew($file, $kept);
	$t->server->restart('mdm-server');
	is($t->http(PUT => '/mdm/server', body => 'x')->{status}, 400, 'all is well again');
};

sub escape { $_[0] =~ s/([^A-Za-z0-9_.~-])/sprintf('%%%02X', ord $1)/ger }

$t->done;
