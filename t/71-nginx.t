#!/usr/bin/perl
# What the shipped nginx configuration does by itself.
use strict;
use warnings;
use Attestmdm::Test;

# A port, for requests that are counted.
my $port = Attestmdm::Test::free_port();
my $t = Attestmdm::Test->new(port => $port);
my $serial = 'C02NGINX0001';
$t->assign($serial);
is($t->sim('enroll', '--serial', $serial)->{exit}, 0, 'a device enrolls');

my ($id) = map { $_->{id} } @{ $t->db('SELECT id FROM enrollments') };
my $log = Attestmdm::Server::slurp($t->dir . '/nginx-access.log');
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

my $token = 'LinkTokenThatIsSecret1';
status("/enroll/manual/$token");
status("/enroll//manual/%4c" . substr($token, 1));

# nginx writes the line of a request after its answer.
my $links = 0;
for (1 .. 50) {
	$log = Attestmdm::Server::slurp($t->dir . '/nginx-access.log');
	$links = () = $log =~ m{"GET /enroll/manual/LinkTo\.\.\."}g;
	last if $links == 2;
	select(undef, undef, undef, 0.1);
}
is($links, 2, 'one-time links are in the log');
unlike($log, qr/\Q$token\E/, 'but not their tokens');

is(status('/scep/x'), 404, 'nothing lies below');

# mdm-82: what is too large for nginx does not get as far as the program.
my $large = $t->dir . '/large';
Attestmdm::Server::spew($large, 'x' x (128 * 1024 + 1));
is(status('/scep?operation=PKIOperation', '-H', 'Expect:', '--data-binary', "\@$large"), 413,
    'SCEP: a body over 128 kB');
my $scep = '/scep?operation=PKIOperation&message=';
is(status($scep . 'A' x 30000), 400, 'SCEP: the longest request line, no message');
is(status($scep . 'A' x 40000), 414, 'SCEP: a longer one');

# More than the burst and the seconds that they take allow.
my $url = "https://$t->{server}{host}:$port/enroll";
my $r = $t->command('curl', '-s', '-o', '/dev/null', '-w', "%{http_code}\n",
    '--cacert', $t->server->cacert, '--resolve', "$t->{server}{host}:$port:127.0.0.1",
    '-Z', '--parallel-max', 8, "$url?[1-1000]");
my %seen;
$seen{$_}++ for split(/\n/, $r->{out});
cmp_ok($seen{429} // 0, '>', 0, 'a flood of profile requests is cut off');
cmp_ok($seen{400} // 0, '>=', 400, 'a building full of devices is not');

$t->done;
