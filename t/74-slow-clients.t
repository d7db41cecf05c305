#!/usr/bin/perl
# One address that holds on to connections or asks too often does not keep the
# others out. The shipped limits, made small.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Attestmdm::Test;

my $plain = Attestmdm::Test::free_port();
my $t = Attestmdm::Test->new(plain_port => $plain, start => 0);

sub edit {
	my ($name, $from, $to) = @_;
	my $file = $t->dir . "/nginx/attestmdm-$name.conf";
	my $text = Attestmdm::Server::slurp($file);
	my $n = $text =~ s/$from/$to/g;
	ok($n, "$name.conf has $from");
	Attestmdm::Server::spew($file, $text);
}
edit('devices', 'limit_conn attestmdm_connections 4096;', 'limit_conn attestmdm_connections 20;');
edit('devices', 'client_body_timeout 10s;', 'client_body_timeout 2s;');
edit('devices', 'client_header_timeout 20s;', 'client_header_timeout 2s;');
edit('devices', 'zone=attestmdm_mdm burst=4096;', 'zone=attestmdm_mdm burst=5;');
edit('http', 'zone=attestmdm_mdm:10m rate=300r/s', 'zone=attestmdm_mdm:10m rate=1r/s');
$t->server->start;

sub begin {
	my ($text) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $plain) or die $!;
	print {$s} $text;
	$s->flush;
	return $s;
}

# What comes until the server closes; undef when it does not in this time.
sub rest {
	my ($s, $seconds) = @_;
	my ($got, $until) = ('', time + $seconds);
	while (IO::Select->new($s)->can_read($until > time ? $until - time : 0)) {
		return $got if !sysread($s, $got, 65536, length $got);
	}
	return undef;
}

my $slow = "POST /enroll HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\nabc";
my @slow = map { begin($slow) } 1 .. 20;
sleep 1;
is(rest(begin($slow), 5), '', 'the next of one address gets no answer, which no device takes for a refusal');
is($t->http(POST => '/enroll', body => 'x')->{status}, 400, 'others are served');
like(rest($slow[0], 8) // 'open', qr/^(HTTP\S+ 408|\z)/, 'a body that does not come ends the request');
is(rest(begin("POST /enroll HTTP/1.1\r\nHo"), 8), '', 'and so does a header');
rest($_, 8) for @slow;
my $fast = begin("POST /enroll HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\na");
like(rest($fast, 8), qr/^HTTP\S+ 400/, 'the address itself is served again');

my $poll = "PUT /mdm/server HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
my @polls = map { begin($poll) } 1 .. 10;
my @answers = map { rest($_, 20) } @polls;
is(scalar(grep { /^HTTP\S+ 400/ } @answers), 6, 'one is answered at once, five wait their turn');
is(scalar(grep { $_ eq '' } @answers), 4, 'what does not fit in the queue gets no answer');
is($t->http(PUT => '/mdm/server', body => 'x')->{status}, 400, 'others do not wait');

$t->done;
