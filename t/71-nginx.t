#!/usr/bin/perl
# What the shipped nginx configuration does by itself.
use strict;
use warnings;
use Attestmdm::Test;

# A port, for requests that are counted.
my $port = Attestmdm::Test::free_port();
my $t = Attestmdm::Test->new(port => $port);

# Ours, and that of the server block, which is in nginx's usual format.
sub access_log { Attestmdm::Server::slurp($t->dir . '/nginx-access.log') }
sub combined { Attestmdm::Server::slurp($t->dir . '/nginx-combined.log') }

sub nowhere {
	my ($secret, $name) = @_;
	is($t->command('grep', '-rlaF', $secret, $t->dir)->{out}, '', "$name: in no file");
}

my $serial = 'C02NGINX0001';
$t->assign($serial);
is($t->sim('enroll', '--serial', $serial)->{exit}, 0, 'a device enrolls');

my ($id) = map { $_->{id} } @{ $t->db('SELECT id FROM enrollments') };
my $log = access_log();
my $known = substr($id, 0, 6);
like($log, qr{"POST /acme/\Q$known\E\.\.\./new-account" 201}, 'the log tells what was asked');
unlike($log, qr/\Q$id\E/, 'and not the secret path of an enrollment');

# What is asked of them, whoever answers.
sub status {
	my ($path, @options) = @_;
	return $t->command('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert',
	    $t->server->cacert, '--resolve', "$t->{server}{host}:$port:127.0.0.1", @options,
	    "https://$t->{server}{host}:$port$path")->{out};
}

status("$_/enrollments/$id") for '/admin', '/api/v1';
wait_for(sub { access_log() =~ m{"GET /api/v1/enrollments} });
like(access_log(), qr{"GET $_/enrollments/\Q$known\E\.\.\." }, "$_ asks for it") for '/admin', '/api/v1';
unlike(access_log(), qr/\Q$id\E/, 'and does not tell either');

my $token = 'LinkTokenThatIsSecret1';
status("/enroll/manual/$token");
status("/enroll//manual/%4c" . substr($token, 1));

# nginx writes the line of a request after its answer.
sub wait_for {
	my ($happened) = @_;
	for (1 .. 50) {
		last if $happened->();
		select(undef, undef, undef, 0.1);
	}
}

my $links = 0;
wait_for(sub { $links = () = access_log() =~ m{"GET /enroll/manual/LinkTo\.\.\."}g; $links == 2 });
is($links, 2, 'one-time links are in the log');
nowhere($token, 'their tokens');

is(status('/scep/x'), 404, 'nothing lies below');
is(status('/elsewhere'), 404, 'what is not ours');
wait_for(sub { combined() =~ m{"GET /elsewhere HTTP} });
like(combined(), qr{"GET /elsewhere HTTP}, 'is logged as the server block says');
unlike(combined(), qr{/enroll|/acme|\Q$id\E|\Q$token\E}, 'and nothing with a secret is');

# With the program down nginx itself answers, and complains.
$t->server->stop('profile-download');
my $link = $t->tool_json('enrollment', 'new')->{url};
my ($path, $secret) = $link =~ m{(/enroll/manual/(\S+))} or die $link;
is(status($path, '-d', ''), 502, 'a link whose program is down');
is(status('/enroll', '-d', ''), 502, 'an enrollment, too');
is(status("/acme/$id/directory"), 200, 'while others are up');
wait_for(sub { access_log() =~ m{"POST /enroll" 502} });
like(access_log(), qr{"POST /enroll/manual/\Q@{[substr($secret, 0, 6)]}\E\.\.\." 502},
    'the link is in the log');
nowhere($secret, 'its token');
like(Attestmdm::Server::slurp($t->dir . '/nginx-error.log'),
    qr{connect\(\) .* failed .*"POST /enroll HTTP}, 'the error log tells of the program');
# The path of an open enrollment is as secret.
my @acme = grep { /^acme/ } @Attestmdm::Server::PROGRAMS;
$t->server->stop(@acme);
for (qw(directory new-account new-order challenge/x finalize order/x/finalize)) {
	is(status("/acme/$id/$_", '-d', ''), 502, "ACME $_, when nobody answers");
}
my $large = $t->dir . '/large';
Attestmdm::Server::spew($large, 'x' x (128 * 1024 + 1));
is(status("/acme/$id/new-order", '-H', 'Expect:', '--data-binary', "\@$large"), 413, 'and what is too large');
wait_for(sub { access_log() =~ m{/new-order" 413} });
like(access_log(), qr{/acme/\Q$known\E\.\.\./new-account" 502 .*/acme-account\.sock$}m,
    'the access log names the program');
unlike(Attestmdm::Server::slurp($t->dir . '/nginx-error.log'), qr{\Q$id\E},
    'the error log does not hold the path of an enrollment');
unlike(combined(), qr{/enroll|/acme}, 'no error page leads to the log of the server block');
$t->server->restart('profile-download', @acme);

# mdm-82: what is too large for nginx does not get as far as the program.
is(status('/scep?operation=PKIOperation', '-H', 'Expect:', '--data-binary', "\@$large"), 413,
    'SCEP: a body over 128 kB');
my $scep = '/scep?operation=PKIOperation&message=';
is(status($scep . 'A' x 30000), 400, 'SCEP: the longest request line, no message');
is(status($scep . 'A' x 40000), 414, 'SCEP: a longer one');

# An office full of devices behind one address: they wait, and none is refused.
my $url = "https://$t->{server}{host}:$port";
my @parallel = ('curl', '-sS', '-o', '/dev/null', '-w', "%{http_code}\n", '--cacert', $t->server->cacert,
    '--resolve', "$t->{server}{host}:$port:127.0.0.1", '-Z');
for my $path ('/enroll', '/mdm/checkin', '/scep', "/acme/$id/new-order") {
	my %seen;
	my $r = $t->command(@parallel, '--parallel-max', 64, "$url$path?[1-600]");
	$seen{$_}++ for split(/\n/, $r->{out});
	my ($answer) = keys %seen;
	is_deeply(\%seen, { $answer => 600 }, "600 requests for $path have one answer")
	    or diag("curl ended with $r->{exit}: $r->{err}");
	like($answer, qr/^4(?!29)/, "which is the program's");
}

# Those of a renewed CA, which has generations 2 to 9.
is(status('/scep/2?operation=GetCACert'), 404, 'a generation that does not exist');
like($t->http(GET => '/scep/2?operation=GetCACert')->{body}, qr/^There is nothing here/, 'says the program');
my $second = $t->server->state . '/public/scep/scep-2.crl';
Attestmdm::Server::spew($second, 'x');
is(status('/crl/scep-2.crl'), 200, 'its list is served');
is(status("/crl/$_"), 404, "nothing as $_") for qw(scep-1.crl scep-22.crl scep-2.crl.new .lock scep/.lock);
unlink($second);

# A taken-over program could put a link in place of its list.
my $list = $t->server->state . '/public/acme/acme.crl';
is(status("/crl/$_.crl"), 200, "the list of $_ is served") for qw(acme scep);
rename($list, "$list.aside") or die $!;
symlink("$list.aside", $list) or die $!;
is(status('/crl/acme.crl'), 403, 'but no link');
unlink($list);
link("$list.aside", $list) or die $!;
is(status('/crl/acme.crl'), 200, 'and the list again');
rename("$list.aside", $list);

# What goes through all hosts comes one after the other.
my ($watch, $other) = map { $t->tool_json('token', 'add', $_, '--role', 'observer')->{token} } qw(watch other);

sub api {
	my ($token, @options) = @_;
	return status('/api/v1/config' . (@options % 2 ? pop @options : ''), '-H', "Authorization: Bearer $token", @options);
}
my @ask = ('-X', 'PATCH', '-H', 'Content-Type: application/json', '-d', '{}');
my @answers = map { api($watch, @ask) } 1 .. 14;
is($answers[0], 403, 'PATCH reaches the program');
is($answers[-1], 429, 'but not as often as one likes');
is(api($watch), 200, 'other requests with this token do');
is(api($watch, @ask, '?dry_run=true&group=' . 'a' x 16), 200, 'such as one for the hosts of a group');
is(api($other, @ask), 403, 'and so does another one');
my %exports;
$exports{$_}++ for split(/\n/, $t->command(@parallel, '--parallel-max', 8, "$url/admin/hosts.csv?[1-60]")->{out});
cmp_ok($exports{303} // 0, '>', 0, 'an export at a time');
cmp_ok($exports{429} // 0, '>', 0, 'and no two for one address');

# People can wait.
my %seen;
$seen{$_}++ for split(/\n/, $t->command(@parallel, '--parallel-max', 8, "$url/admin/sign-in?[1-300]")->{out});
cmp_ok($seen{429} // 0, '>', 0, 'a flood of the admin pages is cut off');
sleep(6);

# Each from another network, as far as the first rate can tell.
sub sign_ins {
	my ($n, @options) = @_;
	my %seen;
	$seen{$_}++ for split(/\n/, $t->command(@parallel, '--parallel-max', 8, '-d', 'name=x',
	    @options, "$url/admin/sign-in?[1-$n]")->{out});
	return \%seen;
}
is(sign_ins(60, '-b', '__Host-attestmdm-browser=x')->{429}, undef,
    'browsers with the cookie of an earlier sign-in are not held up by nginx');
cmp_ok(sign_ins(60)->{429} // 0, '>', 0, 'others may try to sign in a few times per second');
is(status('/admin/sign-in'), 200, 'the page itself opens');
is(sign_ins(1, '-b', '__Host-attestmdm-browser=x')->{403}, 1, 'and a known browser gets on');

$t->done;
