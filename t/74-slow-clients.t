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
edit('devices', 'zone=attestmdm_mdm burst=2048;', 'zone=attestmdm_mdm burst=5;');
edit('http', 'zone=attestmdm_mdm:10m rate=300r/s', 'zone=attestmdm_mdm:10m rate=1r/s');
edit('devices', 'limit_conn attestmdm_large 32;', 'limit_conn attestmdm_large 2;');
edit('admin', 'connections 200;', 'connections 20;');

# Tells how an address is counted.
my $nginx = $t->dir . '/nginx/nginx.conf';
my $text = Attestmdm::Server::slurp($nginx);
$text =~ s/(listen 127\.0\.0\.1:$plain;\n)/$1set_real_ip_from 127.0.0.1; real_ip_header X-Address;
	location = \/client { return 200 "\$attestmdm_client"; }\n/ or die;
Attestmdm::Server::spew($nginx, $text);
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

sub client {
	my ($address) = @_;
	my $r = rest(begin("GET /client HTTP/1.0\r\nHost: x\r\nX-Address: $address\r\n\r\n"), 5) // '';
	return $r =~ /^HTTP\S+ 200.*?\r\n\r\n(.*)\z/s ? unpack('H*', $1) : "none: $r";
}

is($t->http(GET => '/elsewhere')->{status}, 404, 'nginx is up');

# Each line is one client.
my %seen;
for (['192.0.2.1'], ['192.0.2.2'],
    ['2001:db8:7:1::1', '2001:db8:7:2::1', '2001:db8:7:ffff:1:2:3:4', '2001:db8:7::', '2001:DB8:7::5:0:1'],
    ['2001:db8::1', '2001:db8::5:6:7:8', '2001:db8:0:5::1', '2001:db8::9:6:7:8', '2001:db8:0:9:1:2:3:4'],
    ['2001::1', '2001::5:6:7:8', '2001:0:0:5::1', '2001:0:0:5:6:7:8:9'],
    ['2001:0:7::1', '2001:0:7:5::1'], ['2001:db8:8::1'], ['2001:db9:7::1'], ['::1', '::2:3']) {
	my @keys = map { client($_) } @$_;
	is_deeply([grep { $_ ne $keys[0] } @keys], [], "one client: @$_");
	is($seen{ $keys[0] }++ || 0, 0, 'and no other');
}

my $slow = "POST /enroll HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\nabc";
my @slow = map { begin($slow) } 1 .. 20;
sleep 1;
is(rest(begin($slow), 5), '', 'the next of one address gets no answer, which no device takes for a refusal');
is($t->http(POST => '/enroll', body => 'x')->{status}, 400, 'acme-12, acme-288: others are served');
like(rest(begin("GET /admin/sign-in HTTP/1.0\r\nHost: x\r\n\r\n"), 5), qr/^HTTP\S+ 200/,
    'and so is an administrator behind that address');
like(rest($slow[0], 8) // 'open', qr/^(HTTP\S+ 408|\z)/, 'acme-12, acme-288: a body that does not come ends the request');
is(rest(begin("POST /enroll HTTP/1.1\r\nHo"), 8), '', 'and so does a header');
rest($_, 8) for @slow;
my $fast = begin("POST /enroll HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\na");
like(rest($fast, 8), qr/^HTTP\S+ 400/, 'the address itself is served again');

sub put { begin("PUT /mdm/checkin HTTP/1.1\r\nHost: x\r\n$_[0]\r\nConnection: close\r\n\r\na") }
my @large = map { put('Content-Length: 1000000') } 1 .. 2;
sleep 1;
is(rest(put($_), 5), '', "no more large bodies of one address: $_")
    for 'Content-Length: 1000000', 'Transfer-Encoding: chunked';
like(rest(put('Content-Length: 1'), 5), qr/^HTTP\S+ 400/, 'small ones pass');
is($t->http(PUT => '/mdm/checkin', body => 'x' x 1000000)->{status}, 400, 'and those of others');
rest($_, 8) for @large;
sleep 4; # until the queue has run empty

my $poll = "PUT /mdm/server HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
my @polls = map { begin($poll) } 1 .. 10;
my @answers = map { rest($_, 20) } @polls;
is(scalar(grep { /^HTTP\S+ 400/ } @answers), 6, 'one is answered at once, five wait their turn');
is(scalar(grep { $_ eq '' } @answers), 4, 'what does not fit in the queue gets no answer');
is($t->http(PUT => '/mdm/server', body => 'x')->{status}, 400, 'others do not wait');

# As shipped, in seconds: what waits is answered before Apple's clients give up
# (15), and one client does not delay others by much.
sub shipped { Attestmdm::Server::slurp("$Attestmdm::Server::TOP/nginx/attestmdm-$_[0].conf") }
my %rate = shipped('http') =~ /zone=(\w+):\d+m rate=(\d+)r\/s/g;
my %burst = map { /^(\w+) burst=(\d+);/ } split(/limit_req zone=/, shipped('devices'));
for my $zone (qw(attestmdm_enroll attestmdm_mdm)) {
	my $all = $rate{"${zone}_all"};
	cmp_ok($burst{$zone}, '>=', 2000, "$zone: an office of 2,000 devices may wait");
	cmp_ok($burst{$zone} / $rate{$zone}, '<=', 8, 'but not for long');
	cmp_ok($burst{$zone} / $all, '<=', 2, 'a client that fills its queue delays others little');
	cmp_ok($burst{"${zone}_all"} / $all, '<=', 15, 'the queue for all holds what is not given up');
}

$t->done;
