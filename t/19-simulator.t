#!/usr/bin/perl
# attestmdm-sim as a tool: its fleet, its ways to reach a server, its messages.
use strict;
use warnings;
use Attestmdm::Test;

my $port = Attestmdm::Test::free_port();
my $t = Attestmdm::Test->new(port => $port);
my $server = $t->server;

# Runs the simulator with just these arguments.
sub sim { return $t->command($server->sim, @_) }

subtest 'a fleet' => sub {
	my @fleet = ('fleet', 3, '--concurrency', 2, '--serial-prefix', 'C19TEST', '--first', 7);
	my $list = $t->sim(@fleet, '--list');
	is($list->{out}, "C19TEST000007\nC19TEST000008\nC19TEST000009\n", 'tells its serial numbers');

	my $run = $t->sim(@fleet);
	is($run->{exit}, 3, 'that nobody assigned is refused') or diag($run->{err});
	like($run->{out}, qr/^enrolled 0, refused 3, failed 0, 2 at once$/m, 'and counted');
	like($run->{out}, qr/^refused at profile: HTTP 403, 3 times$/m, 'by step and status');

	$t->assign(split(/\n/, $list->{out}));
	$run = $t->sim(@fleet, '--json');
	is($run->{exit}, 0, 'enrolls') or diag($run->{out}, $run->{err});
	my $result = JSON::PP::decode_json($run->{out});
	is_deeply([@{$result}{qw(enrolled refused failed concurrency)}], [3, 0, 0, 2], 'in JSON');
	cmp_ok($result->{p50_ms}, '<=', $result->{max_ms}, 'with latencies');

	$t->assign('C19INTEL000001');
	$run = $t->sim('fleet', 1, '--serial-prefix', 'C19INTEL', '--product', 'MacBookPro16,1');
	is($run->{exit}, 0, 'of Macs that get SCEP') or diag($run->{out}, $run->{err});
	is(sim('fleet', 0)->{exit}, 2, 'of none is not understood');
	is(sim('fleet', 1, '--server', $t->url)->{exit}, 2, 'needs an Apple');
};

subtest 'RSA keys made ahead' => sub {
	my $dir = $t->dir . '/ahead';
	mkdir($dir);
	$t->make('key', "$dir/RSA-1024.1", '--curve', 'RSA-1024');
	my $ahead = Attestmdm::Server::slurp("$dir/RSA-1024.1");
	local $ENV{ATTESTMDM_SIM_KEYS} = $dir;
	my @made = map {
		is(sim('make', 'key', "$dir/made", '--curve', $_)->{exit}, 0, "a key of $_");
		Attestmdm::Server::slurp("$dir/made");
	} qw(RSA-2048 RSA-1024 RSA-1024);
	isnt($made[0], $ahead, 'one of another size is not taken');
	is($made[1], $ahead, 'one is taken');
	isnt($made[2], $ahead, 'once');
};

subtest 'ways to the server' => sub {
	$t->assign('C19TEST00001');
	my @enroll = ('enroll', '--server', $t->url, '--apple', $server->apple,
	    '--serial', 'C19TEST00001', '--no-mdm', '--timeout', 60);
	my @port = ('--connect', "127.0.0.1:$port");
	is(sim(@enroll, @port, '--cacert', $server->cacert)->{exit}, 0, 'an address');
	is(sim(@enroll, @port, '--insecure')->{exit}, 0, 'no CA is asked for');
	my $run = sim(@enroll, @port);
	is($run->{exit}, 1, 'an unknown CA is not trusted');
	like($run->{err}, qr/no answer to POST .*certificate/i, 'and the error says so');
	is(sim(@enroll, '--connect', '127.0.0.1:1')->{exit}, 1, 'nobody is there');
};

subtest 'messages and answers' => sub {
	my @state = ('--state', $t->dir . '/mac');
	$t->assign('C19TEST00002');
	is($t->sim('enroll', '--serial', 'C19TEST00002', @state)->{exit}, 0, 'a Mac enrolls');
	my $queries = $t->dir . '/queries.plist';
	Attestmdm::Server::spew($queries, '<plist version="1.0"><dict><key>Command</key><dict>'
	    . '<key>RequestType</key><string>DeviceInformation</string><key>Queries</key><array>'
	    . '<string>DeviceCapacity</string><string>AvailableDeviceCapacity</string></array>'
	    . '</dict></dict></plist>');
	$t->tool_ok('command', 'send', 'C19TEST00002', @$_)
	    for ['ProfileList'], ['CertificateList'], ['DeviceConfigured'], ['UserList', '--force'],
	    ['--file', $queries];
	my $run = $t->sim('poll', @state);
	like($run->{out}, qr/ \Q$_\E$/m, $_)
	    for 'ProfileList Acknowledged', 'CertificateList Acknowledged',
	    'DeviceConfigured Acknowledged', 'UserList Error', 'DeviceInformation Acknowledged';

	is($t->sim($_, @state)->{exit}, 0, $_) for 'token-update', 'set-bootstrap-token';
	$run = $t->sim('get-bootstrap-token', @state);
	is($run->{exit}, 0, 'get-bootstrap-token');
	like($run->{out}, qr{<key>BootstrapToken</key>}, 'shows the answer');
	is($t->sim($_, @state)->{exit}, 0, $_) for 'authenticate', 'checkout';
	$run = $t->sim('poll', @state);
	is($run->{exit}, 3, 'then its poll is refused');
	like($run->{out}, qr/^refused at command: HTTP 4\d\d$/m, 'and it says where');
};

subtest 'usage' => sub {
	like(sim('help')->{out}, qr/^  fleet N OPTIONS/m, 'help');
	like(sim('enroll', '--help')->{out}, qr/^  --server/m, 'help for a command');
	like(sim('--version')->{out}, qr/^attestmdm-sim [\d.]+$/, 'version');
	like(sim('faults')->{out}, qr/^bad-nonce +account +\w/m, 'faults for people');
	is(sim(@$_)->{exit}, 2, "not understood: @$_")
	    for [], ['dance'], ['make'], ['make', 'cake'], ['make', 'key'], ['apple'], ['enroll', 'me'],
	    ['enroll', '--dance'], ['enroll', '--serial'], ['enroll', '--timeout', 'x'],
	    ['enroll', '--fault', 'x'], ['enroll'], ['enroll', '--server', $t->url], ['poll'],
	    ['enroll', '--server', $t->url, '--apple', $server->apple], ['checkout'],
	    ['make', 'jwk'], ['make', 'key', 'x', '--curve=x'],
	    ['make', 'jws', '--protected', '{}'];
	is(sim('make', 'jwk', '--key', '/nowhere')->{exit}, 1, 'a file that is not there');
	is(sim('make', 'jwk', '--key', $server->cacert)->{exit}, 1, 'a file without a key');
};

done_testing();
