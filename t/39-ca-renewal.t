#!/usr/bin/perl
# Both CAs are renewed while their devices are enrolled: what the former ones
# signed and promised stays good, and the new ones take over.
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(sleep time);

use Attestmdm::Acme;
use Attestmdm::Device;
use Attestmdm::Server;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(require => 'all');
my ($dir, $state) = ($t->dir, $t->server->state);
my $DAY = 86400;
my @PROGRAMS = qw(acme-finalize scep profile-download);
my $n = 0;

my %kinds = (
	acme => [ '--product', 'iPhone14,2', '--os-version', '17.0' ],
	scep => [ '--product', 'MacBookPro16,1', '--os-version', '13.6' ],
);

sub slurp { Attestmdm::Server::slurp($_[0]) }

# A device of that CA, enrolled: { serial, state }.
sub device {
	my ($id) = @_;
	my %d = (serial => sprintf('C39TEST%05d', ++$n), id => $id);
	$d{state} = "$dir/$d{serial}";
	$t->assign($d{serial});
	my $run = $t->sim('enroll', '--serial', $d{serial}, '--state', $d{state}, @{ $kinds{$id} });
	is($run->{exit}, 0, "$id: $d{serial} enrolls") or diag($run->{out}, $run->{err});
	return \%d;
}

sub answers {
	my ($d, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->tool_ok('command', 'send', $d->{serial}, 'SecurityInfo');
	like($t->sim('poll', '--state', $d->{state})->{out}, qr/ SecurityInfo Acknowledged$/m, $name);
}

sub ca { my ($id, $generation) = @_; "$state/$id-ca" . ($generation > 1 ? ".$generation" : '') . '.pem' }

sub verifies {
	my ($d, $generation) = @_;
	return $t->command('openssl', 'verify', '-CAfile', ca($d->{id}, $generation),
	    "$d->{state}/identity.pem")->{exit} == 0;
}

sub certificate {
	my ($d) = @_;
	my $text = $t->command('openssl', 'x509', '-in', "$d->{state}/identity.pem", '-noout', '-serial',
	    '-ext', 'crlDistributionPoints')->{out};
	my ($number) = $text =~ /serial=(\w+)/;
	my ($list) = $text =~ m{URI:https?://[^/]+(/crl/\S+)};
	return ($number, $list);
}

# The list as nginx serves it, verified with that CA; "" when it is another's.
sub list {
	my ($path, $ca) = @_;
	my $r = $t->http(GET => $path);
	Attestmdm::Server::spew("$dir/list", $r->{body});
	my $run = $t->command('openssl', 'crl', '-inform', 'DER', '-in', "$dir/list", '-noout', '-text',
	    '-CAfile', $ca);
	return $run->{err} =~ /verify OK/ ? $run->{out} : "not of $ca: $r->{status} $run->{err}";
}

# A SCEP profile for an Intel Mac, read as a device reads it.
sub profile {
	my %p = (serial => sprintf('C39TEST%05d', ++$n));
	$t->assign($p{serial});
	my $mac = Attestmdm::Device->begin($t, $p{serial});
	$t->make('machineinfo', '--serial', $p{serial}, '--udid', $mac->{udid}, @{ $kinds{scep} },
	    '-o', "$dir/info");
	my $body = $t->http(POST => '/enroll', body => slurp("$dir/info"))->{body};
	($p{challenge}) = $body =~ m{<key>Challenge</key>\s*<string>([^<]+)<} or die $body;
	($p{path}) = $body =~ m{<key>URL</key>\s*<string>https://[^/]+(/scep[^<]*)<} or die $body;
	return \%p;
}

# What GetCACert gives there, as a PEM file, and the certificate that a request
# with the challenge gets, as text.
sub certify {
	my ($p) = @_;
	my $file = "$dir/$p->{serial}";
	my $r = $t->http(GET => "$p->{path}?operation=GetCACert");
	return "GetCACert: $r->{status}" if $r->{status} != 200;
	Attestmdm::Server::spew("$file.der", $r->{body});
	$t->command('openssl', 'x509', '-inform', 'DER', '-in', "$file.der", '-out', "$file.ca");
	Attestmdm::Server::spew("$file.cnf", join("\n", '[req]', 'prompt = no', 'distinguished_name = dn',
	    'attributes = at', '[dn]', 'CN = device', '[at]', "challengePassword = $p->{challenge}", ''));
	$t->command('openssl', 'req', '-new', '-newkey', 'rsa:2048', '-nodes', '-config', "$file.cnf",
	    '-keyout', "$file.key", '-outform', 'DER', '-out', "$file.csr");
	$t->command('openssl', 'req', '-x509', '-key', "$file.key", '-subj', '/CN=device', '-out', "$file.self");
	$t->make('pkimessage', '--ca', "$file.ca", '--key', "$file.key", '--cert', "$file.self",
	    '--request', "$file.csr", '-o', "$file.message");
	$r = $t->http(POST => "$p->{path}?operation=PKIOperation", body => slurp("$file.message"));
	Attestmdm::Server::spew("$file.reply", $r->{body});
	for (['cms', '-verify', '-CAfile', "$file.ca", '-certfile', "$file.ca", '-purpose', 'any', '-binary',
		'-out', "$file.sealed", '-in', "$file.reply"],
	    ['cms', '-decrypt', '-binary', '-inkey', "$file.key", '-out', "$file.inner", '-in', "$file.sealed"],
	    ['pkcs7', '-print_certs', '-out', "$file.pem", '-in', "$file.inner"]) {
		my $run = $t->command('openssl', @$_, '-inform', 'DER');
		return "no certificate: $run->{err}" if $run->{exit} != 0;
	}
	return 'certified';
}

my %old = map { $_ => device($_) } qw(acme scep);
my %revoked = map { $_ => device($_) } qw(acme scep);
my $before = profile();
my $client = Attestmdm::Acme->new($t, 'C39ACME00001');
my $order = $client->order;
$client->attest($order);
my $download = $client->finalize($order)->{json}{certificate} or die 'no certificate';

subtest 'what would be done' => sub {
	my $files = join(' ', glob("$state/*"));
	my $dry = $t->tool_json('ca', 'renew', 'acme', '--dry-run');
	is_deeply([ @$dry{qw(generation certificate)} ], [ 2, ca('acme', 2) ], 'says it');
	is(join(' ', glob("$state/*")), $files, 'and does nothing');
	is($t->tool('ca', 'renew', 'other')->{exit}, 2, 'another CA');
};

subtest 'killed at any step, and run again' => sub {
	my ($key, $pem) = ("$state/acme-ca.2.key", ca('acme', 2));
	Attestmdm::Server::spew("$key.new", 'half a k');
	Attestmdm::Server::spew("$pem.new", 'half a c');
	for my $ms (1, 3, 10, 20, 40, 80, 160, 320) {
		my $pid = fork() // die $!;
		if (!$pid) {
			open(STDOUT, '>', '/dev/null');
			open(STDERR, '>&', \*STDOUT);
			exec($t->server->tool, 'ca', 'renew', 'scep', '--config', $t->server->conf) or POSIX::_exit(127);
		}
		select(undef, undef, undef, $ms / 1000);
		kill('KILL', $pid);
		waitpid($pid, 0);
	}
	$t->tool('ca', 'renew', 'scep');
	like($t->tool('check')->{out}, qr{^ok +SCEP CA +\S+/scep-ca\.2\.pem with its key}m,
	    'the second generation of SCEP, however often it was killed');
	$t->tool_ok('ca', 'renew', 'acme');
	is((stat $key)[2] & 07777, 0600, 'the key is for its owner');
	my $made = slurp($key) . slurp($pem);
	# as it is between the two renames
	rename($pem, "$pem.new") or die $!;
	unlink("$state/public/acme/acme-2.crl");
	like($t->tool_ok('ca', 'list'), qr/^acme +1 +current/m, 'it is not there yet');
	is($t->tool_json('ca', 'renew', 'acme')->{generation}, 2, 'the same one');
	is(slurp($key) . slurp($pem), $made, 'is completed');
	# as it is before the list is published
	unlink("$state/public/acme/acme-2.crl");
	like($t->tool_ok('crl', '--if-due'), qr/acme-2\.crl/, 'the timer publishes');
	my $again = $t->tool('ca', 'renew', 'acme');
	is($again->{exit}, 4, 'not a third one');
	like($again->{err}, qr/made 0 days ago/, 'by mistake');
	ok(!-e ca('acme', 3), 'there is none');
};

my $between = profile();

subtest 'mdm-106: no program was restarted yet' => sub {
	answers($old{$_}, "$_: an enrolled device goes on") for qw(acme scep);
	ok(verifies(device($_), 1), "$_: a new one has its certificate by the former CA") for qw(acme scep);
	$t->server->restart('profile-download');
	my $newer = profile();
	is($newer->{path}, '/scep/2', 'a profile of the new CA');
	is(certify($newer), 'certified', 'is served by a program that has just learned of it');
	is($t->command('openssl', 'verify', '-CAfile', ca('scep', 2), "$dir/$newer->{serial}.pem")->{exit}, 0,
	    'and issues by it');
};

$t->server->restart(@PROGRAMS);

subtest 'mdm-106: the new CAs issue' => sub {
	answers($old{$_}, "$_: an enrolled device goes on") for qw(acme scep);
	for my $id (qw(acme scep)) {
		my $new = device($id);
		ok(verifies($new, 2), "$id: a new one has its certificate by the new CA");
		my ($number, $list) = certificate($new);
		is($list, "/crl/$id-2.crl", "$id: which names its list");
		answers($new, "$id: and it is managed");
	}
	is(profile()->{path}, '/scep/2', 'profiles follow');
};

subtest 'mdm-106: a SCEP profile from before works on' => sub {
	for my $p ($before, $between) {
		is($p->{path}, '/scep', 'it names the former CA');
		is(certify($p), 'certified', 'which answers it');
		is(slurp("$dir/$p->{serial}.ca"), slurp(ca('scep', 1)), 'as itself');
		is($t->command('openssl', 'verify', '-CAfile', ca('scep', 2), "$dir/$p->{serial}.pem")->{exit},
		    0, 'with a certificate by the new one');
	}
	is($t->http(GET => "/scep/$_?operation=GetCACert")->{status}, 404, "no generation $_") for qw(1 3 9 22 x);
	is($t->http(POST => '/scep/3?operation=PKIOperation', body => 'x')->{status}, 404, 'by POST');
};

subtest 'acme: a certificate of the former CA comes with it' => sub {
	my ($leaf, $issuer) = $client->get($download)->{body} =~ /(-----BEGIN.*?-----END[^\n]*\n)/gs;
	is($issuer, slurp(ca('acme', 1)), 'as the ACME client downloads it');
};

subtest 'a certificate of a former CA is revoked' => sub {
	for my $id (qw(acme scep)) {
		my ($number, $list) = certificate($revoked{$id});
		is($list, "/crl/$id.crl", "$id: it names the list of its CA");
		my ($row) = @{ $t->db("SELECT id FROM certificates WHERE serial = '$revoked{$id}{serial}'") };
		ok($t->tool_json('cert', 'revoke', $row->{id})->{crl_published}, "$id: its list is published");
		like(list($list, ca($id, 1)), qr/Serial Number: \Q$number\E\b/, "$id: and names it");
		my $other = list("/crl/$id-2.crl", ca($id, 2));
		like($other, qr/Certificate Revocation List/, "$id: the new CA has a list, too");
		unlike($other, qr/Serial Number: \Q$number\E\b/, "$id: of its own");
		isnt($t->sim('poll', '--state', $revoked{$id}{state})->{exit}, 0, "$id: the device is refused");
	}
};

subtest 'a renewal leads to the new CA' => sub {
	for my $id (qw(acme scep)) {
		ok(verifies($old{$id}, 1), "$id: the certificate is the former CA's");
		$t->tool_ok('renew', '--host', $old{$id}{serial});
		like($t->sim('poll', '--state', $old{$id}{state})->{out}, qr/ InstallProfile Acknowledged$/m,
		    "$id: the device renews");
		ok(verifies($old{$id}, 2), "$id: by the new CA");
		answers($old{$id}, "$id: and goes on");
	}
};

subtest 'what is there' => sub {
	my $list = $t->tool_json('ca', 'list')->{authorities};
	is_deeply([ map { "$_->{authority} $_->{generation} $_->{state}" } @$list ],
	    [ 'acme 2 current', 'acme 1 former', 'scep 2 current', 'scep 1 former' ], 'is listed');
	ok($list->[0]{days_left} > 3640 && $list->[0]{certificates} > 0, 'with days and certificates');
	my @events = @{ $t->db("SELECT detail FROM activities WHERE action = 'ca.renew' ORDER BY id") };
	is($events[-1]{detail}, ca('acme', 2), 'and in the list of what administrators did');
	my $check = $t->tool('check')->{out};
	like($check, qr/^ok +CRL +number/m, 'check reads the list of the new one');
	like($check, qr/^ok +old CRL +number/m, 'of the former');
	like($check, qr/^ok +SCEP old CRL +number/m, 'and of SCEP');
	rename("$state/public/acme/acme.crl", "$dir/crl") or die $!;
	like($t->tool('check')->{out}, qr/^BAD +old CRL/m, 'and misses it');
	rename("$dir/crl", "$state/public/acme/acme.crl") or die $!;
	$t->tool_ok('backup', "$dir/backup");
	my $entries = $t->command('tar', '-tzf', "$dir/backup")->{out};
	like($entries, qr{/\Q$_\E$}m, "$_ is in a backup")
	    for qw(acme-ca.key acme-ca.2.key acme-ca.2.pem acme.crl acme-2.crl scep-ca.2.key scep-2.crl);
};

subtest 'the worker watches the list of a former CA' => sub {
	my $old = sub { join(' ', map { $_->{subject} }
		@{ $t->db("SELECT subject FROM alarms WHERE kind = 'crl-old' AND closed_at IS NULL ORDER BY subject") }) };
	my $seen = sub { $t->db("SELECT ended_at FROM jobs WHERE name = 'alarms' AND result = 'ok'")->[0]{ended_at} // 0 };
	my $run = sub {
		my ($hours) = @_;
		my $until = time + 30;
		$t->server->clock($hours * 3600);
		$t->server->wake, sleep(0.02) until $seen->() >= int(time) + $hours * 3600 - 60 || time > $until;
	};
	my %kept = map { $_ => slurp("$state/public/$_") } qw(acme/acme.crl scep/scep.crl);
	$t->server->clock(4 * 3600);
	$t->tool_ok('crl', '--publish');
	my %new = map { $_ => slurp("$state/public/$_") } sort keys %kept;
	Attestmdm::Server::spew("$state/public/$_", $kept{$_}) for sort keys %kept;
	$t->server->start_worker;
	$run->(4);
	is($old->(), 'acme.crl scep.crl', 'which is not published any more');
	Attestmdm::Server::spew("$state/public/$_", $new{$_}) for sort keys %new;
	$run->(6);
	is($old->(), '', 'until it is');
	$t->server->stop('attestmdm-worker');
};

subtest 'a former CA ends' => sub {
	$t->server->clock(3651 * $DAY);
	# the new ones are of the same day: renew those by force
	my $list = $t->tool_json('ca', 'list')->{authorities};
	is_deeply([ map { "$_->{generation} $_->{state} $_->{days_left}" } @$list ],
	    [ ('2 expired 0', '1 expired 0') x 2 ], 'all have expired');
	$t->tool_ok('ca', 'renew', $_) for qw(acme scep);
	my @files = map { $_->{file} =~ s{.*/}{}r } @{ $t->tool_json('crl')->{lists} };
	is_deeply(\@files, [ 'acme-3.crl', 'scep-3.crl' ], 'nobody needs the lists of expired ones');
	unlike($t->tool('check')->{out}, qr/old CRL/, 'and nobody misses them');
	$t->server->restart(@PROGRAMS);
	is($t->http(GET => '/scep?operation=GetCACert')->{status}, 404, 'nor do they serve');
	is($t->http(GET => '/scep/3?operation=GetCACert')->{status}, 200, 'but the new one does');
	$t->server->clock(0);
};

$t->done;
