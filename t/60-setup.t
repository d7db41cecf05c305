#!/usr/bin/perl
# attestmdm init, check and migrate: from nothing to green, and every kind of
# broken set-up red.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Test;

my $t = Attestmdm::Test->new(start => 0);
my $dir = $t->dir;
my $state = $t->server->state;
my $nginx = "$dir/nginx/nginx.conf";
my @bench = ('--stopped', '--test-bench', '--nginx', $nginx);

sub mode { return sprintf('%04o', (stat($_[0]))[2] & 07777) }

# What `check` says: { check => [result, text] } of the last line each.
sub lines {
	my (@args) = @_;
	my $r = $t->tool('check', @args, '--json');
	my $doc = JSON::PP::decode_json($r->{out});
	my %line;
	for (@{ $doc->{checks} }) {
		my $bad = ($line{ $_->{check} } || [''])->[0];
		$line{ $_->{check} } = [$_->{result}, $_->{text}] if $bad ne 'BAD';
	}
	return ($r->{exit}, \%line, $doc);
}

# Breaks something, looks, and mends it.
sub red {
	my ($name, $check, $reason, $break, $mend) = @_;
	$break->();
	my ($exit, $line) = lines(@bench);
	$mend->();
	is($exit, 1, "$name: exit status");
	is($line->{$check}[0], 'BAD', "$name: $check is bad");
	like($line->{$check}[1], $reason, "$name: and says why");
}

sub with_file {
	my ($file, $text, @rest) = @_;
	my $kept = Attestmdm::Server::slurp($file);
	my $mode = (stat($file))[2] & 07777;
	red(@rest,
	    sub { Attestmdm::Server::spew($file, $text) },
	    sub { Attestmdm::Server::spew($file, $kept); chmod($mode, $file) });
}

sub with_mode {
	my ($file, $mode, @rest) = @_;
	my $kept = (stat($file))[2] & 07777;
	red(@rest, sub { chmod($mode, $file) }, sub { chmod($kept, $file) });
}

sub with_conf {
	my ($key, $value, @rest) = @_;
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	red(@rest, sub { $t->server->set_conf($key, $value) },
	    sub { Attestmdm::Server::spew($t->server->conf, $kept) });
}

subtest 'init writes everything with the right modes' => sub {
	is(mode("$state/acme-ca.key"), '0600', 'the CA key is for one user');
	is(mode("$state/scep-ca.key"), '0600', 'the SCEP CA key too');
	is(mode("$state/nonce.key"), '0600', 'the nonce key too');
	is(mode("$state/db/attestmdm.db"), '0600', 'the database too');
	is(mode("$state/public/$_/$_.crl"), '0644', "the CRL of $_ is for all") for qw(acme scep);
	is(-s "$state/nonce.key", 32, 'the nonce key has 32 bytes');
	like($t->server->password, qr/^[a-z2-9]{24}$/, 'a password was printed');
	unlike(`cat $state/db/attestmdm.db`, qr/\Q@{[$t->server->password]}\E/,
	    'and is not stored');
};

subtest 'init does nothing twice' => sub {
	my @args = ('init', '--single-user', '--url', 'https://x.example',
	    '--organization', 'X', '--topic', 'com.apple.mgmt.x', '--state', $state);
	my $r = $t->tool(@args);
	is($r->{exit}, 4, 'refused while there is a configuration');
	my $key = Attestmdm::Server::slurp("$state/acme-ca.key");
	$r = $t->command($t->server->tool, @args, '--config', "$dir/again.conf");
	is($r->{exit}, 0, 'a lost configuration is written again');
	is(Attestmdm::Server::slurp("$state/acme-ca.key"), $key, 'keys are kept');
	is($t->server->tool && $t->db('SELECT count(*) AS n FROM admins')->[0]{n},
	    1, 'and so are administrators');
};

subtest 'init refuses what would not work' => sub {
	my %good = (url => 'https://mdm.example.com', organization => 'Example',
	    topic => 'com.apple.mgmt.External.x', state => "$dir/other");
	my @bad = (
		[url => 'http://mdm.example.com'], [url => 'https://mdm.example.com/'],
		[url => 'https://mdm.example.com/path'], [topic => 'com.example'],
		[organization => 'x' x 65], [organization => "a\nb"],
		[organization => ''], [organization => 'a ; b'], [state => 'relative'],
	);
	for (@bad) {
		my %try = (%good, @$_);
		my $r = $t->command($t->server->tool, 'init', '--single-user',
		    '--config', "$dir/other.conf", map { ("--$_", $try{$_}) } sort keys %try);
		is($r->{exit}, 4, "$_->[0]: $_->[1]") or diag($r->{err});
		ok(!-e "$dir/other.conf", 'no configuration is left');
	}
	my $r = $t->command($t->server->tool, 'init', '--single-user');
	is($r->{exit}, 2, 'without its options it is not understood');
};

subtest 'init that cannot write' => sub {
	my $init = sub {
		my ($conf, $state, @more) = @_;
		return $t->command($t->server->tool, 'init', '--single-user', '--config', $conf, '--state', $state,
		    '--url', 'https://mdm.example.com', '--organization', 'Example',
		    '--topic', 'com.apple.mgmt.External.x', @more);
	};
	my ($file, $n) = ("$dir/file", 0);
	Attestmdm::Server::spew($file, 'x');
	for ([1, qr/Not a directory/, "$file/x.conf", "$dir/third"],
	    [1, qr/cannot make the folder/, "$dir/third.conf", "$file/x/y"],
	    [4, qr/absolute path/, "$dir/third.conf", '/' . 'x' x 600],
	    [4, qr/ends in a blank/, "$dir/third.conf", "$dir/third "],
	    [4, qr/--config is too long/, "$dir/" . './' x 2500 . 'x', "$dir/third"],
	    [1, qr/./, "$dir/third.conf", "$dir/fifth", '--ca-key', 'pkcs11:token=no-such-token;object=x']) {
		my ($exit, $want, @where) = @$_;
		my $r = $init->(@where);
		is($r->{exit}, $exit, "case " . ++$n) or diag($r->{err});
		like($r->{err}, $want, 'and says why');
		ok(!-e "$dir/third.conf" && !-e "$dir/third.conf.new", 'no configuration is left');
	}
	for (['acme-ca.key', 4, qr/exists already/], ['db/attestmdm.db', 1, qr/./]) {
		my ($name, $exit, $want) = @$_;
		my $there = "$dir/there" . ++$n;
		$t->command('mkdir', '-p', "$there/db");
		Attestmdm::Server::spew("$there/$name", 'x' x 4096);
		my $r = $init->("$dir/third.conf", $there);
		is($r->{exit}, $exit, "over $name") or diag($r->{err});
		like($r->{err}, $want, 'and says why');
		is(Attestmdm::Server::slurp("$there/$name"), 'x' x 4096, 'which stays');
	}
};

subtest 'check is green' => sub {
	my ($exit, $line, $doc) = lines(@bench);
	is($exit, 0, 'exit status') or diag(explain($line));
	ok($doc->{good}, 'good');
	is($line->{database}[0], 'ok', 'database');
	is($line->{'CA signs'}[0], 'ok', 'a certificate was signed and verified');
	is($line->{nginx}[0], 'ok', 'the shipped nginx configuration');
};

subtest 'stand-ins are shown' => sub {
	my ($exit, $line, $doc) = lines('--nginx', $nginx);
	is($exit, 1, 'and fail a check that does not expect them');
	ok(!$doc->{good}, 'not good');
	for (['attestation', qr/REPLACED by .*not Apple's/],
	    ['device CA', qr/REPLACED by .*not Apple's/], ['clock', qr/MOVED/]) {
		is($line->{ $_->[0] }[0], 'TEST', $_->[0]);
		like($line->{ $_->[0] }[1], $_->[1], "$_->[0]: named");
	}
};

subtest 'weak ciphers of SCEP are shown' => sub {
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	for (['testing.single_des', 'TEST', qr/single DES/], ['scep.older_clients', 'warning', qr/SHA-1/]) {
		$t->server->set_conf($_->[0], 'true');
		my ($exit, $line) = lines(@bench);
		Attestmdm::Server::spew($t->server->conf, $kept);
		is($line->{SCEP}[0], $_->[1], $_->[0]);
		like($line->{SCEP}[1], $_->[2], 'named');
	}
};

subtest "Apple's own anchors are known" => sub {
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	my $top = $Attestmdm::Server::TOP;
	$t->server->set_conf('apple.attestation_root', "$top/data/apple-enterprise-attestation-root-ca.pem");
	$t->server->set_conf('apple.device_ca', "$top/data/apple-iphone-device-ca.pem");
	my ($exit, $line) = lines(@bench);
	Attestmdm::Server::spew($t->server->conf, $kept);
	is($line->{attestation}[0], 'ok', 'attestation root');
	is($line->{'device CA'}[0], 'ok', 'device CA');
};

subtest 'broken configuration' => sub {
	with_file($t->server->conf, "[server]\nurl = https://x\n[mdm]\nfoo = 1\n",
	    'an unknown key', 'configuration', qr/line 4: unknown key \[mdm\] foo/);
	with_conf('server.url', 'http://mdm.example.com', 'a URL without TLS',
	    'configuration', qr/url must be https/);
	with_conf('mdm.topic', 'x', 'a foreign topic', 'configuration',
	    qr/must begin with com\.apple\.mgmt/);
	with_conf('server.organization', 'x' x 65, 'a name too long for certificates',
	    'CA signs', qr/organization has 65 bytes/);
	with_conf('paths.templates', "$dir/none", 'no templates', 'templates', qr/none/);
	with_mode($t->server->conf, 0666, 'a configuration that all may write',
	    'rights', qr/mode 0666/);
};

subtest 'broken database' => sub {
	with_file("$state/db/attestmdm.db", 'x' x 4096, 'no database', 'database', qr/./);
	with_mode("$state/db/attestmdm.db", 0644, 'a database that all may read',
	    'database', qr/mode 0644/);
	red('another schema', 'database', qr/schema/,
	    sub { $t->command('sqlite3', "$state/db/attestmdm.db", 'PRAGMA user_version = 99') },
	    sub { $t->command('sqlite3', "$state/db/attestmdm.db",
		    'PRAGMA user_version = ' . (() = glob('schema/0*.sql'))) });
	red('no state folder', 'state', qr/there is no folder/,
	    sub { rename($state, "$state.gone") }, sub { rename("$state.gone", $state) });
};

subtest 'broken keys' => sub {
	with_mode("$state/acme-ca.key", 0644, 'acme-291: a CA key that all may read',
	    'CA', qr/mode 0644/);
	with_mode("$state/scep-ca.key", 0644, 'a SCEP CA key that all may read',
	    'SCEP CA', qr/mode 0644/);
	red('no SCEP CA', 'SCEP CA', qr/attestmdm migrate/,
	    sub { rename("$state/scep-ca.pem", "$dir/scep") },
	    sub { rename("$dir/scep", "$state/scep-ca.pem") });
	with_conf('scep.ca_certificate', "$state/acme-ca.pem", "the ACME CA's certificate for SCEP",
	    'SCEP CA', qr/not the certificate of/);
	red('a SCEP CA that cannot decrypt', 'SCEP CA', qr/not RSA/,
	    sub { rename("$state/$_->[0]", "$state/kept-$_->[0]"),
		  $t->command('cp', '-p', "$state/$_->[1]", "$state/$_->[0]")
		      for ['scep-ca.key', 'acme-ca.key'], ['scep-ca.pem', 'acme-ca.pem'] },
	    sub { rename("$state/kept-$_", "$state/$_") for 'scep-ca.key', 'scep-ca.pem' });
	with_mode("$state/nonce.key", 0644, 'a nonce key that all may read',
	    'nonce key', qr/mode 0644/);
	with_file("$state/nonce.key", 'short', 'a short nonce key', 'nonce key', qr/nonce/);
	with_file("$state/acme-ca.key", "hello\n", 'no CA key', 'CA',
	    qr/no usable private key/);
	$t->command($t->server->tool, 'init', '--single-user', '--url',
	    'https://x.example', '--organization', 'X', '--topic',
	    'com.apple.mgmt.x', '--state', "$dir/second", '--config', "$dir/second.conf");
	with_file("$state/acme-ca.pem",
	    Attestmdm::Server::slurp("$dir/second/acme-ca.pem"),
	    "another CA's certificate", 'CA', qr/not the certificate of/);
	with_file("$state/public/acme/acme.crl",
	    Attestmdm::Server::slurp("$dir/second/public/acme/acme.crl"),
	    "another CA's revocation list", 'CRL', qr/not signed by this CA/);
	red('no revocation list of SCEP', 'SCEP CRL', qr/No such file/,
	    sub { rename("$state/public/scep/scep.crl", "$dir/crl") },
	    sub { rename("$dir/crl", "$state/public/scep/scep.crl") });
	red('no revocation list', 'CRL', qr/No such file/,
	    sub { rename("$state/public/acme/acme.crl", "$dir/crl") },
	    sub { rename("$dir/crl", "$state/public/acme/acme.crl") });
};

subtest 'broken clock and nginx' => sub {
	red('a revocation list that ended', 'CRL', qr/crl --publish/,
	    sub { $t->server->clock(8 * 86400) }, sub { $t->server->clock(0) });
	red('a CA at its end', 'CA', qr/not valid now/,
	    sub { $t->server->clock(3660 * 86400) }, sub { $t->server->clock(0) });
	with_file($nginx, "events { }\nhttp { }\n", 'nginx without our locations',
	    'nginx', qr/attestmdm-http\.conf/);
	my $secret = "$dir/nginx-secret.conf";
	with_mode($secret, 0644, "nginx's secret for all to read", 'nginx secret', qr/mode 0644/);
	with_file($secret, "#\n", 'a file without the secret', 'nginx secret', qr/attestmdm migrate/);
	my $fastcgi = "$dir/nginx/attestmdm-fastcgi.conf";
	with_file($fastcgi, Attestmdm::Server::slurp($fastcgi) =~ s/^include .*nginx-secret.*$//mr,
	    'nginx without the secret', 'nginx', qr/lacks the secret in \Q$secret\E/);
	my $main = Attestmdm::Server::slurp($nginx);
	for (['worker_connections 768;', qr/^worker_connections is 768, .*set worker_connections 16384/],
	    ['worker_connections 16383;', qr/is 16383,/],
	    ["\n# worker_connections 16384;\n", qr/is 512,/],
	    ['worker_connections 20000;', qr/set worker_rlimit_nofile 40000/]) {
		my ($line, $reason) = @$_;
		with_file($nginx, $main =~ s/worker_connections 16384;/$line/r, "nginx with $line",
		    'nginx limits', $reason);
	}
	with_file($nginx, $main =~ s/^worker_rlimit_nofile .*$//mr, 'nginx without files',
	    'nginx limits', qr/set worker_rlimit_nofile 32768/);
	with_file($nginx, "nonsense;\n", 'nginx with a fault', 'nginx', qr/nonsense/);
};

subtest 'acme-292: trust anchors that are none' => sub {
	my $apple = $t->server->apple;
	for my $file ("$apple/attestation-root.pem", "$apple/device-ca.pem") {
		my $check = $file =~ /root/ ? 'attestation' : 'device CA';
		with_file($file, '', "empty $check", $check, qr/./);
		with_file($file, Attestmdm::Server::slurp($file) x 2, "two as $check",
		    $check, qr/./);
	}
};

subtest 'what signs the profiles' => sub {
	my $openssl = sub { $t->server->run('openssl', @_) };
	for my $name ('signer', 'other') {
		$openssl->('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
		    "/CN=$name", '-days', 30, '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem");
		chmod(0600, "$dir/$name.key");
	}
	my $kept = Attestmdm::Server::slurp($t->server->conf);
	my ($exit, $line) = lines(@bench);
	like("@{ $line->{profiles} }", qr/^ok leave unsigned/, 'nothing');
	$t->server->set_conf('profile.signing_key', "$dir/signer.key");
	$t->server->set_conf('profile.signing_certificate', "$dir/signer.pem");
	($exit, $line) = lines(@bench);
	like("@{ $line->{profiles} }", qr/^ok are signed with \Q$dir\E\/signer\.pem/, 'a key and its certificate');
	with_conf('profile.signing_certificate', "$dir/other.pem", "another's certificate", 'profiles',
	    qr/do not belong together/);
	with_conf('profile.signing_certificate', "$dir/absent.pem", 'no certificate', 'profiles', qr/absent\.pem/);
	with_conf('profile.signing_key', "$dir/absent.key", 'no key', 'profiles', qr/absent\.key/);
	with_file("$dir/signer.pem", "hello\n", 'a certificate that is none', 'profiles', qr/signer\.pem/);
	with_file("$dir/signer.key", "hello\n", 'a key that is none', 'profiles', qr/no usable private key/);
	red('an expired certificate', 'profiles', qr/expired/,
	    sub { $t->server->clock(31 * 86400) }, sub { $t->server->clock(0) });
	Attestmdm::Server::spew($t->server->conf, $kept);
};

subtest 'anchors that were changed' => sub {
	my $apple = $t->server->apple;
	with_conf('apple.attestation_root', "$dir/absent.pem", 'no attestation root', 'attestation', qr/absent\.pem/);
	with_conf('apple.device_ca', "$dir/absent.pem", 'no device CA', 'device CA', qr/absent\.pem/);
	with_file("$apple/device-ca.pem", "hello\n", 'a device CA that is none', 'device CA', qr/./);
	with_file("$apple/attestation-root.pem", "hello\n", 'a root that is none', 'attestation', qr/./);
};

subtest 'migrate' => sub {
	my $doc = $t->tool_json('migrate');
	is($doc->{schema}, $doc->{schema_before}, 'nothing to do');
	my $r = $t->command($t->server->tool, 'migrate', '--config', "$dir/absent.conf");
	is($r->{exit}, 1, 'without configuration it fails');
	$t->db("INSERT INTO enrollments (id, serial, source, purpose, method, state, created_at, expires_at)"
	    . " VALUES ('e', 'C60MIGRATE01', 'ade', 'enroll', 'scep', 'enrolled', 1, 1)");
	$t->tool_ok('migrate');
	my $noted = $t->db('SELECT server_url, topic, profile_identifier FROM enrollments')->[0];
	is("$noted->{server_url} $noted->{topic}", $t->url . ' ' . $t->server->{topic},
	    'what the profiles of before say is noted');
	isnt($noted->{profile_identifier}, '', 'with their identifier');
	$t->server->set_conf('mdm.topic', 'com.apple.mgmt.External.later');
	$t->tool_ok('migrate');
	is($t->db('SELECT topic FROM enrollments')->[0]{topic}, $noted->{topic}, 'once');
	$t->server->set_conf('mdm.topic', $t->server->{topic});
	unlink("$dir/nginx-secret.conf");
	like($t->tool('migrate')->{out}, qr/reload nginx/, "nginx's secret is made");
	is(mode("$dir/nginx-secret.conf"), '0600', 'for one user');
	my $secret = Attestmdm::Server::slurp("$dir/nginx-secret.conf");
	$t->tool_ok('migrate');
	is(Attestmdm::Server::slurp("$dir/nginx-secret.conf"), $secret, 'once');
	my @scep = ("$state/scep-ca.key", "$state/scep-ca.pem", "$state/public/scep/scep.crl");
	unlink(@scep);
	is($t->tool('migrate')->{exit}, 0, 'an installation from before SCEP');
	is(join(' ', map { mode($_) } @scep), '0600 0644 0644', 'gets its SCEP CA');
	is($t->tool('crl')->{exit}, 0, 'with a list of its own');
	rename($scep[1], "$dir/scep-ca.pem");
	$r = $t->tool('migrate');
	is($r->{exit}, 4, 'a key without certificate is not taken over');
	like($r->{err}, qr/remove it, and run migrate again/, 'and it says what to do');
	rename("$dir/scep-ca.pem", $scep[1]);
	is($t->tool('migrate', 'now')->{exit}, 2, 'it takes no argument');
};

$t->done;
