#!/usr/bin/perl
# attestmdm gitops: settings from a file, here and on a server elsewhere.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Test;

my $t = Attestmdm::Test->new(require => 0, start => 0);
my $dir = $t->dir;
my $file = "$dir/default.yml";
my $require = 'apple_require_hardware_attestation';

# What a requirement means for no host.
my $NONE = "No host is enrolled.\nAt their next renewal, of 0 hosts: by ACME 0 (0 are attested now), by SCEP 0, "
    . "not renewed 0 (0 of them are renewed today).\n";

# Runs apply on a file with this text.
sub apply {
	my ($text, @options) = @_;
	Attestmdm::Server::spew($file, $text);
	return $t->tool('gitops', 'apply', $file, @options);
}

sub setting { my $v = $t->tool_ok('setting', 'get', $_[0]); chomp($v); return $v }

subtest 'apply' => sub {
	my $text = "controls:\n  $require: true\n  minimum_os_versions:\n    macos: \"14.5\"\n";
	my $before = $t->fingerprint;
	my $r = apply($text, '--dry-run');
	is($r->{exit}, 0, 'a dry run') or diag($r->{err});
	is($r->{out}, "controls.$require: false -> true\n"
	    . "controls.minimum_os_versions.macos: \"\" -> \"14.5\"\n$NONE"
	    . "Nothing was changed, because of --dry-run.\n", 'shows the difference');
	is($t->fingerprint, $before, 'and changes nothing');

	$r = apply($text);
	is($r->{exit}, 0, 'fleet-124: applied') or diag($r->{err});
	like($r->{out}, qr/^controls\.$require: false -> true\n.*^2 settings were changed\.$/ms,
	    'with the difference');
	is(setting($require), 'true', 'it holds');
	is(setting('minimum_os_version_macos'), '14.5', 'and the other one');
	my $log = $t->db("SELECT actor, action FROM activities WHERE action IN ('setting.set', 'gitops.apply') ORDER BY id");
	is(join(' ', map { $_->{action} } @$log), 'setting.set setting.set gitops.apply', 'the activity list tells');
	like($log->[0]{actor}, qr/^cli:/, 'with who did it');

	is(apply($text)->{out}, "The settings are as $file has them.\n", 'once more: no change');
	$r = $t->tool('gitops', 'apply', $file, '--json');
	is_deeply(JSON::PP::decode_json($r->{out}), { changes => [], applied => JSON::PP::false }, 'the same for scripts');

	is(apply("controls: {}\n")->{exit}, 0, 'a file without settings');
	is(setting($require), 'false', 'gives them their defaults');
};

subtest 'a wrong file changes nothing' => sub {
	my $before = $t->fingerprint;
	my $r = apply("controls:\n  minimum_os_versions: {macos: \"15\"}\n  apple_require_hardware_atestation: true\n");
	is($r->{exit}, 4, 'refused');
	is($r->{err}, "attestmdm: $file, line 3, column 3: unknown key apple_require_hardware_atestation; "
	    . "did you mean controls.$require?\n", 'with the place and a suggestion');
	is(apply("name: Macs\ncontrols:\n  $require: true\n")->{exit}, 4, 'fleet-124: the file of a team');
	is(apply("controls:\n  $require: yes\n")->{exit}, 4, 'no boolean');
	is(apply('x' x 70000)->{exit}, 4, 'too long a file');
	is(apply("controls:\n")->{exit}, 4, 'nothing in it');
	is($t->tool('gitops', 'apply', "$dir/absent")->{exit}, 1, 'no file');
	is($t->tool('gitops', 'apply')->{exit}, 2, 'no name');
	is($t->fingerprint, $before, 'nothing was changed');
};

subtest 'generate' => sub {
	is(apply("controls:\n  apple_business_enrollments_only: true\n  minimum_os_versions:\n    ios: \"17.0\"\n")->{exit},
	    0, 'settings');
	my $text = $t->tool_ok('gitops', 'generate');
	like($text, qr/^controls:\n  $require: false\n/m, 'on standard output');
	like($text, qr/^  minimum_os_versions:\n    macos: ""\n    ios: "17\.0"\n/m, 'with versions in quotes');
	like(apply($text)->{out}, qr/^The settings are as/, 'to apply it changes nothing');
	is($t->tool_ok('gitops', 'generate', "$dir/new.yml"), "$dir/new.yml has the settings.\n", 'into a file');
	is(Attestmdm::Server::slurp("$dir/new.yml"), $text, 'the same');
	my $example = Attestmdm::Server::slurp('examples/gitops.yml');
	like(apply($example, '--dry-run')->{out},
	    qr/^controls\.$require: false -> true$/m, 'the example can be applied');
	is(join(' ', grep { $example !~ /^ +$_:/m } $text =~ /^ +(\w+):/mg), '', 'and has every setting');
};

subtest 'GitOps mode' => sub {
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	$t->server->set_conf('gitops.gitops_mode_enabled', 'true');
	is($t->tool('setting', 'set', $require, 'true')->{exit}, 4, 'setting set is refused');
	is(apply("controls:\n  $require: true\n")->{exit}, 0, 'gitops apply is not');
	is(setting($require), 'true', 'and has effect');
	Attestmdm::Server::spew($t->server->conf, $kept);
};

subtest 'tier free' => sub {
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	$t->server->set_conf('license.tier', 'free');
	my $r = apply("controls:\n  $require: true\n");
	is($r->{exit}, 4, 'fleet-121: refused');
	is($r->{err}, "attestmdm: $file, line 2, column 39: setting controls.$require needs tier = premium in "
	    . "[license] of the configuration\n", 'with the reason');
	is(apply("controls:\n  $require: false\n  minimum_os_versions: {macos: \"14\"}\n")->{exit}, 0,
	    'false is accepted');
	unlike($t->tool_ok('gitops', 'generate'), qr/attestation/, 'and not generated');
	Attestmdm::Server::spew($t->server->conf, $kept);
};

# A server elsewhere as nginx plays it: what it answers depends on the token.
my $config = '{"mdm":{"REQUIRE":VALUE,"apple_hardware_attestation_devices":"macs",'
    . '"apple_business_enrollments_only":false,"minimum_os_versions":{"macos":"","ios":"","ipados":"",'
    . '"tvos":"","visionos":"","watchos":""}},"license":{"tier":"TIER"}}';
$config =~ s/REQUIRE/$require/;

sub config { my ($value, $tier) = @_; return $config =~ s/VALUE/$value/r =~ s/TIER/$tier/r }
sub problem { return '{"type":"about:blank","status":422,"detail":"' . $_[0] . '"}' }

my %answers = (
	stale => { GET => [200, config('false', 'premium')], PATCH => [412, '{}'] },
	wordy => { GET => [200, config('false', 'premium')], PATCH => [200, '{"preview":{"counted_at":"2026-11-28T15:00:00Z","enrolled":7,"acme":1,"attested":0,'
	    . '"scep":2,"refused":4,"newly_refused":3,"losing":0,"could_attest":0,"not_enrolled":0,"groups":[{"group":"g\\u001b[2J",'
	    . '"method":"refuse","code":null,"reason":"old\\u000asystem","hosts":4,"serial_numbers":["A1","B2"]}]}}'] },
	half => { GET => [200, config('false', 'premium')], PATCH => [200, '{"preview":{"enrolled":7}}'] },
	deaf => { GET => [200, config('false', 'premium')], PATCH => [200, config('false', 'premium')] },
	good => { GET => [200, config('false', 'premium')], PATCH => [200, config('true', 'premium')] },
	free => { GET => [200, config('false', 'free')] },
	observer => { GET => [200, config('false', 'premium')], PATCH => [403, '{}'] },
	picky => { GET => [200, config('false', 'premium')], PATCH => [422, problem('no \\u001b[2Jhosts')] },
	old => { GET => [200, '{"mdm":{},"license":{"tier":"premium"}}'] },
	expired => { GET => [401, '{}'] },
	none => { GET => [404, 'nothing'] },
	moved => { GET => [302, ''] },
	hasty => { GET => [429, '{}'] },
	broken => { GET => [503, '<html>'] },
	html => { GET => [200, '<html>'] },
	typed => { GET => [200, '{"mdm":{"' . $require . '":"yes"},"license":{"tier":"premium"}}'] },
	liar => { GET => [200, config('true', 'premium') =~ s/"macos":""/"macos":"\\u000acontrols.x: y \\u001b[2J"/r] },
	much => { GET => [200, ' ' x 300_000 . '{}'] },
);

# And on another port the API of our own server. Both are called localhost.
sub stand_in {
	my ($port, $own, $blocks) = (Attestmdm::Test::free_port(), Attestmdm::Test::free_port(), '');
	my $tls = "$dir/elsewhere";
	mkdir($tls);
	$t->make('tls', '--dir', $tls, '--name', 'localhost');
	for my $token (sort keys %answers) {
		for my $method (sort keys %{ $answers{$token} }) {
			my ($status, $body) = @{ $answers{$token}{$method} };
			Attestmdm::Server::spew("$tls/$token-$method", $body);
			$blocks .= "location = /$token-$method { internal; default_type application/json; "
			    # With one, nginx would answer to the PATCH by itself.
			    . ($token eq 'stale' ? q(add_header ETag '"seen"';) : '')
			    . ($status == 302 ? 'return 302 /elsewhere;' : length($body) > 1000 ? '' : "return $status '$body';")
			    . "}\n";
		}
	}
	Attestmdm::Server::spew("$dir/elsewhere.conf", <<"EOT");
daemon off;
pid $dir/elsewhere.pid;
error_log $dir/elsewhere.log notice;
@{[$> == 0 ? 'user root;' : '']}
events { }
http {
	log_format said '\$request_method \$request_uri \$status \$http_if_match \$content_type \$content_length';
	include $dir/nginx/attestmdm-http.conf;
	map \$http_authorization \$token { ~^Bearer.(?<word>[a-z]+) \$word; }
	ssl_certificate $tls/tls.pem;
	ssl_certificate_key $tls/tls.key;
	server {
		listen 127.0.0.1:$own ssl;
		include $dir/nginx/attestmdm-admin.conf;
	}
	server {
		listen 127.0.0.1:$port ssl;
		access_log $dir/elsewhere-said said;
		root $tls;
		etag off;
		location /api/ { rewrite ^ /\$token-\$request_method last; }
		$blocks
	}
}
EOT
	$t->server->spawn('elsewhere', 'nginx', '-e', "$dir/elsewhere.log",
	    '-c', "$dir/elsewhere.conf", '-p', $dir);
	for (1 .. 500) {
		last if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
		select(undef, undef, undef, 0.02);
	}
	return ($port, $own);
}

my ($port, $own) = stand_in();
my $ca = "$dir/elsewhere/tls-ca.pem";

subtest 'a server elsewhere' => sub {
	my @trust = ('--cacert', $ca);
	my $url = "https://localhost:$port";
	my $ask = sub {
		my ($token, $verb, @options) = @_;
		Attestmdm::Server::spew("$dir/token", "$token\n");
		return $t->command($t->server->tool, 'gitops', $verb, '--url', $url, '--token-file', "$dir/token",
		    @trust, @options);
	};
	Attestmdm::Server::spew($file, "controls:\n  $require: true\n");
	is($ask->('good', 'apply', $file, '--dry-run')->{out}, "controls.$require: false -> true\n"
	    . "Nothing was changed, because of --dry-run.\n", 'a dry run');
	unlike(Attestmdm::Server::slurp("$dir/elsewhere-said"), qr/PATCH (?!\S*dry_run=true)/, 'only looks');
	my $r = $ask->('wordy', 'apply', $file, '--dry-run');
	like($r->{out}, qr/^nothing +4 +old\\x0asystem +A1 B2 +g\\x1b\[2J$/m, 'with what the server says of its hosts');
	like($r->{out}, qr/^The hosts were counted at 2026-11-28 15:00/m, 'when they were counted');
	like($r->{out}, qr/^At their next renewal, of 7 hosts: by ACME 1 .*, not renewed 4 \(3 of/m, 'and the figures');
	$r = $ask->('good', 'apply', $file);
	is($r->{exit}, 0, 'applied') or diag($r->{err});
	is($r->{out}, "controls.$require: false -> true\n1 setting was changed.\n", 'with the difference');
	like(Attestmdm::Server::slurp("$dir/elsewhere-said"), qr{^PATCH \S+ 200 - application/json \d\d}m,
	    'by a PATCH');
	is($ask->('good', 'generate')->{exit}, 0, 'generate');
	for (['stale', 4, qr/somebody else/], ['deaf', 1, qr/did not change controls\.$require/],
	    ['free', 4, qr/line 2, column 39: .*premium/], ['observer', 4, qr/role/],
	    ['picky', 4, qr/: no \\x1b\[2Jhosts$/], ['old', 3, qr/line 2, column 39: the server does not know/],
	    ['expired', 4, qr/token/], ['none', 3, qr{/api/v1/config}], ['moved', 1, qr/redirects/],
	    ['hasty', 1, qr/wait/], ['broken', 1, qr/503/], ['html', 1, qr/not understood/],
	    ['typed', 1, qr/not understood/], ['half', 1, qr/preview is not understood/], ['much', 1, qr/262144/]) {
		my ($token, $exit, $why) = @$_;
		my $r = $ask->($token, 'apply', $file);
		is($r->{exit}, $exit, "$token: exit code");
		like($r->{err}, $why, "$token: reason");
	}
	like($ask->('liar', 'apply', $file, '--dry-run')->{out},
	    qr/\Acontrols\.minimum_os_versions\.macos: "\\x0acontrols\.x: y \\x1b\[2J" -> ""\n[^\n\e]*\n\z/,
	    'what it says makes no line of its own');
	my $said = Attestmdm::Server::slurp("$dir/elsewhere-said");
	like($said, qr{^PATCH \S+ 412 \S*seen}m, 'a PATCH names the state that was seen');
	unlike($said, qr/elsewhere/, 'no redirect was followed');
	@trust = ();
	is($ask->('good', 'generate')->{exit}, 1, 'an unknown authority');
	@trust = ('--cacert', $ca);
	$url = "https://127.0.0.1:$port";
	is($ask->('good', 'generate')->{exit}, 1, 'another name');
};

subtest 'our own server, by its API' => sub {
	my %token = map { $_ => $t->tool_json('token', 'add', "for-$_", '--role', $_)->{token} } qw(admin gitops observer);
	my $ask = sub {
		my ($role, @options) = @_;
		local $ENV{ATTESTMDM_TOKEN} = $token{$role};
		return $t->command($t->server->tool, 'gitops', @options, '--url', "https://localhost:$own", '--cacert', $ca);
	};
	$t->server->start_programs('admin-api');
	$t->tool_ok('setting', 'set', $require, 'false');
	Attestmdm::Server::spew($file, "controls:\n  $require: true\n  apple_hardware_attestation_devices: all\n"
	    . "  minimum_os_versions:\n    ios: \"17.0\"\n");
	my $r = $ask->('observer', 'apply', $file, '--dry-run');
	is($r->{exit}, 0, 'an observer may look') or diag($r->{err});
	like($r->{out}, qr/^controls\.$require: false -> true$/m, 'and sees the difference');
	like($r->{out}, qr/\Q$NONE\E/, 'and what it means for the hosts');
	is($ask->('observer', 'apply', $file)->{exit}, 4, 'but not apply');
	is(setting($require), 'false', 'nothing was changed');
	$r = $ask->('gitops', 'apply', $file);
	is($r->{exit}, 0, 'the role gitops may') or diag($r->{err});
	is(setting($require) . setting('apple_hardware_attestation_devices') . setting('minimum_os_version_ios'),
	    'trueall17.0', 'fleet-124: it holds');
	like($ask->('gitops', 'apply', $file)->{out}, qr/^The settings are as/, 'once more: no change');
	is($ask->('observer', 'generate')->{out}, $t->tool_ok('gitops', 'generate'), 'generate says the same as here');

	my $kept = Attestmdm::Server::slurp($t->server->conf);
	$t->server->set_conf('gitops.gitops_mode_enabled', 'true');
	$t->server->set_conf('license.tier', 'free');
	$t->server->restart('admin-api');
	Attestmdm::Server::spew($file, "controls:\n  minimum_os_versions:\n    ios: \"18.0\"\n");
	is($ask->('admin', 'apply', $file)->{exit}, 4, 'fleet-123: in GitOps mode an admin may not');
	$r = $ask->('gitops', 'apply', $file);
	is($r->{exit}, 0, 'the role gitops may') or diag($r->{err});
	is(setting('minimum_os_version_ios'), '18.0', 'it holds');
	Attestmdm::Server::spew($file, "controls:\n  $require: true\n");
	$r = $ask->('gitops', 'apply', $file);
	is($r->{exit}, 4, 'fleet-121: tier free');
	like($r->{err}, qr/line 2, column 39: .* needs tier = premium/, 'with the place');
	Attestmdm::Server::spew($t->server->conf, $kept);
	$t->server->restart('admin-api');
	$t->tool_ok('token', 'revoke', 'for-gitops');
	is($ask->('gitops', 'generate')->{exit}, 4, 'a token that was revoked');
};

subtest 'where the server is, and the token' => sub {
	my @apply = ($t->server->tool, 'gitops', 'apply', $file);
	my $port = Attestmdm::Test::free_port();
	Attestmdm::Server::spew("$dir/token", "good\n");
	for my $url ('http://localhost', 'https://', 'https://localhost/admin', 'https://a@localhost', 'file:///etc/passwd') {
		my $r = $t->command(@apply, '--token-file', "$dir/token", '--url', $url);
		is($r->{exit}, 2, "not $url");
	}
	is($t->command(@apply, '--url', 'https://localhost')->{exit}, 2, 'no token');
	is($t->command(@apply, '--token-file', "$dir/token")->{exit}, 2, 'a token without a server');
	for my $token ('', "a\nX-Other: b\n", 'a b', "\xff") {
		local $ENV{ATTESTMDM_TOKEN} = $token;
		is($t->command(@apply, '--url', "https://localhost:$port")->{exit}, 2, 'not a token');
	}
	local $ENV{ATTESTMDM_TOKEN} = 'good';
	is($t->command(@apply, '--url', "https://localhost:$port/")->{exit}, 1, 'nobody listens');
};

$t->done;
