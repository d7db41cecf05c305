#!/usr/bin/perl
# attestmdm: imports, settings, administrators, help, exit codes.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Test;

my $t = Attestmdm::Test->new(require => 0, start => 0);
my $n = 0;

sub import_text {
	my ($text, @options) = @_;
	my $file = $t->dir . '/devices-' . ++$n;
	Attestmdm::Server::spew($file, $text);
	return $t->tool('ade', 'import', $file, @options);
}

sub devices { return { map { $_->{serial} => $_ } @{ $t->tool_json('ade', 'list', '--limit', 10000)->{devices} } } }

subtest 'a CSV file of Apple Business' => sub {
	my $r = import_text("\xef\xbb\xbfSerial Number,Order Number,Model,Description,Color\r\n"
	    . "C02AAAA00001,1,\"MacBook Pro, 14\"\"\",\"two\nlines\",SILVER\r\n"
	    . " c02aaaa00002 ,1,Mac mini,,\r\n\r\n");
	is($r->{exit}, 0, 'taken') or diag($r->{err});
	my $d = devices();
	is($d->{C02AAAA00001}{model}, 'MacBook Pro, 14"', 'quotes are read');
	is($d->{C02AAAA00001}{color}, 'SILVER', 'columns are found by name');
	ok($d->{C02AAAA00002}, 'small letters and blanks are put right');
};

subtest 'other shapes of CSV' => sub {
	is(import_text("C02BBBB00001\nC02BBBB00002")->{exit}, 0, 'serial numbers alone');
	is(import_text("model;serial_number\nMac;C02BBBB00003\n")->{exit}, 0, 'semicolons');
	is(import_text("Model\tSerial\nMac\tC02BBBB00004\n")->{exit}, 0, 'tabs');
	my $d = devices();
	ok($d->{"C02BBBB0000$_"}, "number $_") for 1 .. 4;
	is($d->{C02BBBB00003}{model}, 'Mac', 'with its model');
};

subtest 'JSON as Apple writes it' => sub {
	is(import_text('[{"serial_number":"C02CCCC00001","model":"Mac","device_family":"Mac","profile_status":"empty"}]')->{exit},
	    0, 'an array');
	is(import_text('{"devices":[{"serial_number":"C02CCCC00002","op_type":"added"},{"serial_number":"C02CCCC00001","op_type":"deleted"}],"more_to_follow":false}')->{exit},
	    0, 'a page of changes');
	my $d = devices();
	ok($d->{C02CCCC00001}{removed_at}, 'the deleted one is removed');
	ok(!$d->{C02CCCC00002}{removed_at}, 'the other one is assigned');
};

subtest 'a bad file changes nothing' => sub {
	my $before = $t->fingerprint;
	for (["serial\nC02DDDD00001\nnot a serial\n", 'a word'],
	    ["serial\nC02DDDD00001\nSHORT\n", 'too short'],
	    ["serial\nC02DDDD00001\n" . 'X' x 21 . "\n", 'too long'],
	    ["serial\nC02DDDD00001\n\"C02DDDD00002\n", 'an open quote'],
	    ["serial\nC02DDDD00001\nC02DDDD0\xc3\x96001\n", 'a foreign letter'],
	    ["serial\nC02DDDD00001\nC02DD\0DD00002\n", 'a NUL'],
	    ['[{"serial_number":"C02DDDD00001"},{"model":"Mac"}]', 'no serial number'],
	    ['[{"serial_number":"C02DDDD00001"},7]', 'no object'],
	    ['[{"serial_number":7}]', 'a number'], ['[{"serial_number":', 'half'],
	    [join(',', 1 .. 65) . "\n", 'too many columns']) {
		is(import_text($_->[0])->{exit}, 4, $_->[1]);
	}
	is($t->fingerprint, $before, 'nothing was imported');
	like(import_text("serial\nC02DDDD00001\n\nbad\n")->{err}, qr/number 4/, 'the line is named');
	my $r = import_text("serial\nC02DDDD00001\nbad\n", '--skip-bad', '--json');
	is(JSON::PP::decode_json($r->{out})->{skipped}, 1, '--skip-bad takes the rest');
	ok(devices()->{C02DDDD00001}, 'and has it');
	is($t->tool('ade', 'import', $t->dir . '/absent')->{exit}, 1, 'no file');
};

subtest 'ade remove' => sub {
	is($t->tool('ade', 'remove', 'c02aaaa00001')->{exit}, 0, 'removed');
	is($t->tool('ade', 'remove', 'C02AAAA00001')->{exit}, 3, 'twice');
	is($t->tool('ade', 'remove', 'C02AAAA00002', 'C02NONE00000')->{exit}, 3, 'one unknown');
	ok(!devices()->{C02AAAA00002}{removed_at}, 'then none is removed');
};

subtest 'settings' => sub {
	my $name = 'apple_require_hardware_attestation';
	is($t->tool_json('setting', 'get', $name)->{value}, 'false', 'the default');
	is($t->tool('setting', 'set', $name, 'true')->{exit}, 0, 'set');
	is($t->tool_ok('setting', 'get', $name), "true\n", 'got');
	is($t->tool('setting', 'set', $name, 'yes')->{exit}, 4, 'not a value');
	is($t->tool('setting', 'set', 'foo', 'true')->{exit}, 3, 'not a setting');
	is($t->tool('setting', 'get', 'foo')->{exit}, 3, 'not a setting to get');
	is($t->tool('setting', 'set', $name)->{exit}, 2, 'a word is missing');
	is($t->tool('setting', 'set', 'minimum_os_version_macos', '14.x')->{exit}, 4, 'not a version');
	is($t->tool('setting', 'set', 'minimum_os_version_macos', '14.5')->{exit}, 0, 'a version');
	my $activity = $t->db("SELECT * FROM activities WHERE action = 'setting.set' ORDER BY id");
	is(scalar @$activity, 2, 'each change is in the activity log');
	like($activity->[0]{actor}, qr/^cli:/, 'with who did it');
};

subtest 'fleet: GitOps mode manages the setting' => sub {
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	$t->server->set_conf('gitops.gitops_mode_enabled', 'true');
	$t->server->set_conf('gitops.repository_url', 'https://git.example.com/mdm');
	my $r = $t->tool('setting', 'set', 'apple_require_hardware_attestation', 'false');
	is($r->{exit}, 4, 'refused');
	like($r->{err}, qr{git\.example\.com}, 'the repository is named');
	like($r->{err}, qr/--override-gitops/, 'and the way around it');
	is($t->tool_ok('setting', 'get', 'apple_require_hardware_attestation'), "true\n", 'unchanged');
	$r = $t->tool('setting', 'set', 'apple_require_hardware_attestation', 'false', '--override-gitops');
	is($r->{exit}, 0, 'overridden on this host');
	like($r->{err}, qr/warning: GitOps mode is on/, 'with a warning');
	is($t->tool_ok('setting', 'get', 'apple_require_hardware_attestation'), "false\n", 'changed');
	is($t->db("SELECT action FROM activities ORDER BY id DESC LIMIT 1")->[0]{action},
	    'setting.override', 'and the activity list tells');
	$t->tool_ok('setting', 'set', 'apple_require_hardware_attestation', 'true', '--override-gitops');
	Attestmdm::Server::spew($t->server->conf, $kept);
};

subtest 'fleet: the setting does not exist in tier free' => sub {
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	$t->server->set_conf('license.tier', 'free');
	my $r = $t->tool('setting', 'set', 'apple_require_hardware_attestation', 'true');
	is($r->{exit}, 4, 'refused');
	like($r->{err}, qr/premium/, 'says why');
	is($t->tool('setting', 'get', 'apple_require_hardware_attestation')->{exit}, 3, 'not there');
	unlike($t->tool_ok('setting', 'get'), qr/attestation/, 'not listed');
	Attestmdm::Server::spew($t->server->conf, $kept);
};

subtest 'administrators' => sub {
	like($t->tool_ok('admin', 'add', 'eve'), qr/password: [a-z2-9]{24}$/m, 'added');
	is($t->tool('admin', 'add', 'eve')->{exit}, 4, 'twice');
	my $file = $t->dir . '/password';
	Attestmdm::Server::spew($file, "short\n");
	is($t->tool('admin', 'password', 'eve', '--password-file', $file)->{exit}, 4, 'too short');
	Attestmdm::Server::spew($file, "correct horse battery\nsecond line\n");
	is($t->tool('admin', 'password', 'eve', '--password-file', $file)->{exit}, 0, 'from a file');
	is($t->tool('admin', 'disable', 'eve')->{exit}, 0, 'disabled');
	is($t->tool('admin', 'password', 'nobody')->{exit}, 3, 'unknown');
	my %admin = map { $_->{name} => $_ } @{ $t->tool_json('admin', 'list')->{admins} };
	ok($admin{eve}{disabled_at}, 'listed as disabled');
	ok(!exists $admin{eve}{password_hash}, 'without the hash');
	like($t->db("SELECT password_hash AS h FROM admins WHERE name = 'eve'")->[0]{h},
	    qr/^\$y\$/, 'stored as yescrypt');
};

subtest 'help and exit codes' => sub {
	for my $noun (qw(init check migrate ade setting gitops host enrollment command status ca cert crl admin purge)) {
		my $r = $t->tool($noun, '--help');
		is($r->{exit}, 0, "$noun --help");
		like($r->{out}, qr/^attestmdm $noun/m, "$noun explains itself");
		like($t->tool('help')->{out}, qr/^  $noun /m, "help names $noun");
	}
	like($t->tool('enrollment', '--help')->{out},
	    qr/useless, unless its device has enrolled already$/m, 'when a link can be revoked');
	is($t->command($t->server->tool)->{exit}, 2, 'nothing');
	is($t->tool('nonsense')->{exit}, 2, 'an unknown command');
	is($t->tool('host', 'nonsense')->{exit}, 2, 'an unknown verb');
	is($t->tool('host', 'list', '--nonsense')->{exit}, 2, 'an unknown option');
	is($t->tool('host', 'list', '--limit', '0')->{exit}, 2, 'a number out of bounds');
	is($t->tool('host', 'list', '--limit')->{exit}, 2, 'an option without value');
	is($t->tool('host', 'show', 'C02NONE00000')->{exit}, 3, 'an unknown host');
	is($t->tool('enrollment', 'show', 'C02NONE00000')->{exit}, 3, 'an unknown enrollment');
	is($t->tool('cert', 'show', '00ff')->{exit}, 3, 'an unknown certificate');
	is($t->tool('command', 'show', 'x')->{exit}, 3, 'an unknown command');
	is($t->tool('purge')->{exit}, 0, 'purge');
	is($t->tool('crl', '--authority', 'other')->{exit}, 2, 'an unknown authority');
};

subtest 'options that are not understood' => sub {
	my $conf = $t->server->conf;
	for ([qr/--json takes no value/, 'host', 'list', '--json=x'],
	    [qr/--search is given twice/, 'host', 'list', '--search', 'x', '--search', 'y'],
	    [qr/--config is given twice/, 'host', 'list', '--config', $conf, '--config', $conf],
	    [qr/--search needs its TEXT/, 'host', 'list', '--search'],
	    [qr/--attested takes no value/, 'host', 'list', '--attested=yes'],
	    [qr/--limit takes a number from/, 'host', 'list', '--limit', 'x'],
	    [qr/--limit takes a number from/, 'host', 'list', '--limit='],
	    [qr/--limit takes a number from/, 'host', 'list', '--limit', '5x'],
	    [qr/--limit takes a number from/, 'host', 'list', '--limit', '99999999999999999999'],
	    [qr/--sort takes serial, name,/, 'host', 'list', '--sort', 'size'],
	    [qr/--certificate-days takes a/, 'host', 'list', '--certificate-days', '-1'],
	    [qr/an argument too many: y/, 'host', 'show', 'x', 'y'],
	    [qr/an argument is missing/, 'host', 'show'],
	    [qr/an argument is missing/, 'host', 'show', '--'],
	    [qr/too many arguments/, 'ade', 'remove', ('x') x 2000],
	    [qr/--url URL is missing|--\w+ \w+ is missing/, 'init'],
	    [qr/there is no option --x here/, 'host', 'list', '--x'],
	    [qr/there is no option --jso here/, 'check', '--jso'],
	    [qr/there is no option -- ?.* here|too many|is missing/, 'host', 'show', '--=']) {
		my ($want, @args) = @$_;
		push @args, '--config', $conf if "@args" =~ /--(limit|sort|certificate-days)/;
		my $r = $t->command($t->server->tool, @args);
		is($r->{exit}, 2, "@args[0, 1] " . ($args[2] // '')) or diag($r->{err});
		like($r->{err}, $want, 'and says why');
		like($r->{err}, qr/^Try: attestmdm $args[0] --help$/m, 'and how to know');
	}
	is($t->command($t->server->tool, 'host', 'show', '--config', $conf, '--', '--json')->{exit}, 3,
	    'what follows -- is an argument');
	my $r = $t->command($t->server->tool, 'help', 'nonsense');
	is($r->{exit}, 2, 'no help for what is not there');
	is($t->command($t->server->tool, 'help', 'host')->{exit}, 0, 'help for a command');
	is($t->command($t->server->tool, '-h')->{exit}, 0, '-h');
	is($t->command($t->server->tool, 'host', '-h')->{exit}, 0, 'of a command, too');
	is($t->command($t->server->tool, 'host')->{exit}, 2, 'a command that needs another word');
	like($t->command($t->server->tool, 'host', 'frobnicate')->{err}, qr/^Try: attestmdm host --help$/m, 'no verb is near');
	is($t->command($t->server->tool, '--json', '--json', 'host', 'list')->{exit}, 2, 'twice before the command');
};

subtest 'what each command refuses' => sub {
	my $file = $t->dir . '/some';
	my $long = join(',', map { "Query$_" } 1 .. 500);
	for ([2, qr/not both/, 'host', 'list', '--attested', '--not-attested'],
	    [2, qr/--query is for DeviceInformation/, 'command', 'send', 'x', 'ProfileList', '--query', 'OSVersion'],
	    [4, qr/--query names too many/, 'command', 'send', 'x', 'DeviceInformation', '--query', $long],
	    [2, qr/a command's name or --file/, 'command', 'send', 'x', 'ProfileList', '--file', $file],
	    [2, qr/--priority takes a number/, 'command', 'send', 'x', 'ProfileList', '--priority', 10],
	    [1, qr/absent/, 'command', 'send', 'x', '--file', $t->dir . '/absent'],
	    [3, qr/x/, 'command', 'send', 'x', 'DeviceInformation'],
	    [3, qr/x/, 'command', 'list', 'x'], [3, qr/x/, 'renew', '--host', 'x'],
	    [2, qr/give one of/, 'renew', '--due', '--all-to-acme'],
	    [2, qr/--limit takes a number/, 'renew', '--due', '--limit', 'x'],
	    [2, qr/--limit takes a number/, 'enrollment', 'list', '--refused', '--limit', 'x'],
	    [2, qr/--limit takes a number/, 'enrollment', 'links', '--limit', 'x'],
	    [2, qr/--limit takes a number/, 'cert', 'list', '--limit', 'x'],
	    [2, qr/--limit takes a number/, 'ade', 'list', '--limit', 'x'],
	    [2, qr/--authority takes acme or scep/, 'crl', '--publish', '--authority', 'x'],
	    [3, qr/x/, 'cert', 'revoke', 'x'], [3, qr/x/, 'host', 'block', 'x'], [3, qr/x/, 'host', 'unblock', 'x'],
	    [3, qr/nobody/, 'admin', 'enable', 'nobody'],
	    [4, qr/./, 'admin', 'add', ''], [4, qr/./, 'admin', 'add', 'x' x 300],
	    [1, qr/absent/, 'admin', 'add', 'adam', '--password-file', $t->dir . '/absent'],
	    [4, qr/./, 'enrollment', 'new', '--note', 'x' x 5000]) {
		my ($exit, $want, @args) = @$_;
		my $before = $t->fingerprint;
		my $r = $t->tool(@args);
		is($r->{exit}, $exit, substr("@args", 0, 60)) or diag($r->{err});
		like($r->{err}, $want, 'and says why');
		is($t->fingerprint, $before, 'and changes nothing');
	}
	for (['enrollment', 'list'], ['enrollment', 'list', '--refused'], ['enrollment', 'links'], ['cert', 'list'],
	    ['ade', 'list'], ['host', 'list'], ['alarms']) {
		my $r = $t->tool(@$_, '--after', 'x');
		is($r->{exit}, 4, "@$_: a cursor that is none");
		like($r->{err}, qr/not a cursor of this list/, 'and says so');
	}
};

subtest 'lists of revoked certificates' => sub {
	my $state = $t->server->state;
	is($t->tool_ok('crl', '--if-due'), '', 'nothing is due');
	Attestmdm::Server::spew("$state/public/acme/acme.crl", 'broken');
	is($t->tool('crl')->{exit}, 1, 'one that cannot be read');
	like($t->tool_ok('crl', '--if-due'), qr/acme\.crl/, 'is due');
	$t->server->clock(7200);
	my $out = $t->tool_ok('crl', '--if-due', '--authority', 'scep');
	like($out, qr/scep\.crl/, 'one that is old, too');
	unlike($out, qr/acme\.crl/, 'of this CA alone');
	$t->server->clock(0);
	for my $file ('acme-ca.key', 'acme-ca.pem') {
		rename("$state/$file", "$state/kept");
		my $r = $t->tool('crl', '--publish');
		is($r->{exit}, 1, "without $file none is published");
		like($r->{err}, qr/\Q$file\E/, 'and it says why');
		rename("$state/kept", "$state/$file");
	}
	is($t->tool('crl', '--publish')->{exit}, 0, 'with both it is');
};

subtest 'output that cannot be written' => sub {
	plan skip_all => 'no /dev/full' if !-c '/dev/full';
	for (['host', 'list', '--json'], ['host', 'list'], ['setting', 'get'], ['help'], ['--version'], ['host', '--help']) {
		my $r = $t->command('sh', '-c', 'exec "$@" >/dev/full', 'sh', $t->server->tool,
		    $_->[0] =~ /help|-/ || ($_->[1] // '') eq '--help' ? @$_ : (@$_, '--config', $t->server->conf));
		is($r->{exit}, 1, "@$_: fails");
		like($r->{err}, qr/standard output cannot be written/, 'and says why');
	}
};

subtest 'every list is JSON, also when empty or in trouble' => sub {
	for (['host', 'list'], ['enrollment', 'list', '--refused'], ['cert', 'list'],
	    ['ade', 'list'], ['alarms'], ['admin', 'list'], ['setting', 'get'], ['crl'],
	    ['purge'], ['migrate']) {
		is(ref $t->tool_json(@$_), 'HASH', "@$_");
	}
	my $r = $t->tool('host', 'show', 'C02NONE00000', '--json');
	is(JSON::PP::decode_json($r->{out})->{error}{code}, 'NOT_FOUND', 'an error is JSON too');
	is($r->{err}, '', 'and stands there only');
};

# attestmdm with these words alone, and something on standard input.
sub bare {
	my ($input, @args) = @_;
	my $file = $t->dir . '/input';
	Attestmdm::Server::spew($file, $input);
	return $t->command('sh', '-c', 'exec "$@" <"$0"', $file, $t->server->tool, @args);
}

subtest 'what is mistyped is guessed' => sub {
	my $r = bare('', 'host', 'lsit');
	is($r->{exit}, 2, 'not understood');
	like($r->{err}, qr/^Did you mean: attestmdm host list$/m, 'a verb');
	$r = bare('', 'hots', 'list');
	like($r->{err}, qr/^Did you mean: attestmdm host$/m, 'a noun');
	$r = bare('', 'frobnicate');
	unlike($r->{err}, qr/Did you mean/, 'nothing is near');
	like($r->{err}, qr/attestmdm help/, 'but help is');
	$r = $t->tool('host', 'list', '--serch', 'x');
	is($r->{exit}, 2, 'not understood');
	like($r->{err}, qr/did you mean --search\?/, 'an option');
};

subtest 'options before the command' => sub {
	my $r = bare('', '--version');
	is($r->{exit}, 0, '--version');
	like($r->{out}, qr/^attestmdm \d+\.\d+/, 'prints it');
	$r = bare('', '--json', '--config', $t->server->conf, 'host', 'list');
	is($r->{exit}, 0, '--json and --config');
	is(ref JSON::PP::decode_json($r->{out})->{hosts}, 'ARRAY', 'are obeyed');
	is(bare('', '--config=' . $t->server->conf, 'host', 'list')->{exit}, 0, '--config=FILE');
	is(bare('', '--config', '/nonexistent', 'host', 'list')->{exit}, 1, 'another file');
	is(bare('', '--serial', 'x', 'host', 'list')->{exit}, 2, 'no other option');
};

subtest 'standard input' => sub {
	my @conf = ('--config', $t->server->conf);
	my $r = bare("serial_number\nC02STDIN0001\n", 'ade', 'import', '-', @conf);
	is($r->{exit}, 0, 'ade import -');
	is(bare("from standard input\n", 'admin', 'add', 'piped', '--password-file', '-', @conf)->{exit},
	    0, 'admin add --password-file -');
};

subtest 'several at once, all or none' => sub {
	is($t->tool('admin', 'disable', 'piped', 'nobody')->{exit}, 3, 'one is unknown');
	is($t->db("SELECT disabled_at FROM admins WHERE name = 'piped'")->[0]{disabled_at},
	    undef, 'nothing is changed');
	my @links = map { $t->tool_json('enrollment', 'new')->{id} } 1 .. 2;
	is($t->tool('enrollment', 'revoke-link', @links, 'x')->{exit}, 3, 'an unknown link');
	is($t->tool('enrollment', 'revoke-link', @links)->{exit}, 0, 'two links');
};

subtest 'lists say when there is more' => sub {
	my $file = $t->dir . '/many.csv';
	Attestmdm::Server::spew($file, join("\n", 'serial_number',
	    map { sprintf('C02MANY%05d', $_) } 1 .. 130) . "\n");
	$t->tool_ok('ade', 'import', $file);
	my $out = $t->tool_ok('ade', 'list', '--search', 'c02many');
	is(() = $out =~ /^C02MANY/mg, 100, 'a hundred are shown');
	my ($after) = $out =~ /--all shows them, --after (\S+) the next ones/;
	ok($after, 'and how to see the others');
	$out = $t->tool_ok('ade', 'list', '--search', 'c02many', '--after', $after);
	is(() = $out =~ /^C02MANY/mg, 30, 'the others');
	unlike($out, qr/more/, 'which are all');
	$out = $t->tool_ok('ade', 'list', '--search', 'c02many', '--all');
	is(() = $out =~ /^C02MANY/mg, 130, '--all');
	my $json = $t->tool_json('ade', 'list', '--search', 'c02many', '--limit', 7);
	is(scalar @{ $json->{devices} }, 7, 'scripts get as many');
	ok($json->{next}, 'and are told that there are more');
	is($t->tool_json('ade', 'list', '--search', 'c02many', '--all')->{next}, '', 'or not');
	is($t->tool('ade', 'list', '--all', '--limit', 7)->{exit}, 2, 'one or the other');
};

subtest 'empty lists say what would be there' => sub {
	like($t->tool_ok('host', 'list'), qr/^No device has enrolled yet\..*attestmdm ade/, 'hosts');
	is($t->tool_ok('host', 'list', '--search', 'x'), "No host matches.\n", 'or that none matches');
	like($t->tool_ok('enrollment', 'list'), qr/^No enrollment profiles yet/, 'enrollments');
	# crl --if-due noticed that no worker runs here.
	$t->change_db('DELETE FROM alarms');
	like($t->tool_ok('alarms'), qr/^No alarm is open\./, 'alarms');
	like($t->tool_ok('cert', 'list'), qr/^No certificate was issued/, 'certificates');
};

$t->done;
