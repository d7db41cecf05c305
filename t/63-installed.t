#!/usr/bin/perl
# attestmdm init as root gives every file to the right system user, and migrate
# does so with the files of an older version.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Test;
use Attestmdm::Installed;
use Fcntl qw(:flock);
use File::Temp;
use IO::Handle;
use IPC::Open2;

my $t = Attestmdm::Test->new(start => 0);
my $i = Attestmdm::Installed->new(t => $t);
my $state = "$i->{dir}/var";
my @users = qw(attestmdm attestmdm-acme attestmdm-scep attestmdm-admin attestmdm-worker);

sub as { return Attestmdm::Installed::as(@_) }

sub owner_and_mode {
	my ($path) = @_;
	my @st = stat("$state/$path") or return 'absent';
	my %name = (reverse(%Attestmdm::Installed::USERS), 0 => 'root');
	return sprintf('%s %04o', $name{ $st[4] }, $st[2] & 07777);
}

# What lies in the state folder: owner and mode.
my %layout = ('' => 'root 0755', db => 'attestmdm 2770', public => 'root 0755', apple => 'root 0711',
	'public/acme' => 'attestmdm-acme 0755', 'public/scep' => 'attestmdm-scep 0755',
	'public/acme/acme.crl' => 'attestmdm-acme 0644', 'public/scep/scep.crl' => 'attestmdm-scep 0644',
	'db/attestmdm.db' => 'attestmdm 0660', 'db/attestmdm.db.lock' => 'attestmdm 0660',
	'acme-ca.key' => 'attestmdm-acme 0600', 'scep-ca.key' => 'attestmdm-scep 0600',
	'acme-ca.pem' => 'root 0644', 'scep-ca.pem' => 'root 0644', 'nonce.key' => 'root 0640',
	'admin.key' => 'attestmdm-admin 0600');

sub laid_out {
	my ($name) = @_;
	my %found = map { $_ => owner_and_mode($_) } keys %layout;
	is_deeply(\%found, \%layout, $name);
}

my $r = $i->run($i->init);
is($r->{exit}, 0, 'init as root') or diag($r->{err});
like($r->{out}, qr/systemctl enable/, 'prints the next steps');
laid_out('everything has its owner and mode');
like($i->rights, qr/^ok: each user/, 'check finds the rights good');

subtest 'who can do what' => sub {
	for my $authority (qw(acme scep)) {
		for my $user (@users) {
			my $own = $user eq "attestmdm-$authority" ? 0 : 1;
			is($i->run(as($user) . "cat $state/$authority-ca.key")->{exit}, $own,
			    "$user reads $authority-ca.key" . ($own ? ': no' : ''));
			is($i->tool($user, "crl --publish --authority $authority")->{exit}, $own,
			    "and publishes its list" . ($own ? ': no' : ''));
			isnt($i->run(as($user) . "mv $state/$authority-ca.key $state/x")->{exit}, 0, 'renames no key');
			isnt($i->run(as($user) . "rm -f $state/$authority-ca.key")->{exit}, 0, 'deletes none');
			isnt($i->run(as($user) . "mv $state/public/$authority $state/x")->{exit}, 0,
			    'moves no list away');
			is($i->run(as($user) . "touch $state/public/$authority/x")->{exit}, $own,
			    'puts files beside it' . ($own ? ': no' : ''));
			unlink("$state/public/$authority/x");
		}
		is($i->run(as('nobody') . "cat $state/public/$authority/$authority.crl")->{exit}, 0,
		    "anybody, as nginx, reads the list of $authority");
	}
	is($i->tool($_, 'setting set minimum_os_version_macos 14.1')->{exit}, 0, "$_ writes to the database")
	    for @users;
	is($i->tool($_, 'purge')->{exit}, 0, "and keeps house") for @users;
	is($i->run(as($_) . "cat $state/admin.key")->{exit}, $_ eq 'attestmdm-admin' ? 0 : 1,
	    "$_ reads admin.key" . ($_ eq 'attestmdm-admin' ? '' : ': no')) for @users, 'nobody';
	is($i->run(as('nobody') . "cat $state/db/attestmdm.db")->{exit}, 1, 'nobody else reads it');
	is($i->tool('root', 'crl --publish')->{exit}, 0, 'root publishes both');
	laid_out('as the users whose lists they are');
};

subtest 'the worker has what its jobs need' => sub {
	my $kept = Attestmdm::Server::slurp($i->{conf});
	my $run = "$i->{dir}/worker";
	mkdir($run);
	chown($Attestmdm::Installed::USERS{'attestmdm-worker'}, $Attestmdm::Installed::GROUP, $run);
	Attestmdm::Server::spew($i->{conf}, "$kept\n[worker]\nsocket = $run/sock\n");
	my $worker = $t->server->worker;
	my $r = $i->run(as('attestmdm-worker')
		. "sh -c '$worker --config $i->{conf} & pid=\$!; sleep 1; kill \$pid; wait \$pid'");
	is($r->{exit}, 0, 'it starts and stops as its user') or diag($r->{err});
	is($i->tool('attestmdm-worker', 'status')->{exit}, 0, 'no job failed');
	my $doc = JSON::PP::decode_json($i->tool('root', 'status --json')->{out});
	cmp_ok(scalar(grep { $_->{state} eq 'ok' } @{ $doc->{jobs} }), '>', 1, 'and they ran');
	Attestmdm::Server::spew($i->{conf}, $kept);
	laid_out('all files are as before');
};

subtest 'check looks whether the worker can run the command of alarms' => sub {
	my $kept = Attestmdm::Server::slurp($i->{conf});
	my $alarms = sub {
		Attestmdm::Server::spew($i->{conf}, "$kept\n[alarms]\ncommand = $_[0]\n");
		my $doc = JSON::PP::decode_json($i->tool('root', 'check --no-nginx --stopped --json')->{out});
		return join('', map { "$_->{result}: $_->{text}" } grep { $_->{check} eq 'alarms' } @{ $doc->{checks} });
	};
	like($alarms->('/usr/bin/env'), qr/^ok: /, 'one of the system');
	like($alarms->("$i->{dir}/etc/attestmdm.conf"), qr/^BAD: .*(?:hidden by the worker's sandbox$|may not be run)/,
		'one that it cannot run');
	# The worker's unit has a /tmp of its own, also when the tests' files are elsewhere.
	my $tmp = File::Temp->newdir('hook-XXXXXX', DIR => '/tmp');
	chmod(0755, $tmp) or die $!;
	Attestmdm::Server::spew("$tmp/hook", "#!/bin/sh\n");
	chmod(0755, "$tmp/hook") or die $!;
	like($alarms->("$tmp/hook"), qr/^BAD: .*hidden by the worker's sandbox$/, 'one that it does not see');
	Attestmdm::Server::spew($i->{conf}, $kept);
};

subtest 'nobody else stops the publication' => sub {
	for my $user ('attestmdm', 'attestmdm-scep', 'nobody') {
		my $taken = $i->run(as($user) . "flock -n $state/public/acme/.lock true");
		isnt($taken->{exit}, 0, "$user cannot take its lock");
		like($taken->{err}, qr/Permission denied/, 'because it cannot open it');
	}
	# Everybody can lock a folder that everybody can read.
	my @folders = map { open(my $f, '<', "$state/$_") or die $!; flock($f, LOCK_EX) or die $!; $f }
	    '', 'public', 'public/acme', 'public/acme/acme.crl', 'acme-ca.pem';
	is($i->tool('attestmdm-acme', 'crl --publish --authority acme')->{exit}, 0,
	    'and locks on what all may read stop nothing');
	close($_) for @folders;
	isnt($i->run(as('nobody') . "flock -n $state/db/attestmdm.db.lock true")->{exit}, 0,
	    'nobody but the programs takes the lock of the database');
};

my $secret = "$i->{dir}/etc/nginx-secret.conf";
is($i->run(as($_) . "cat $secret")->{exit}, 0, "$_ reads nginx's secret") for @users;
is($i->run(as('nobody') . "cat $secret")->{exit}, 1, 'nobody else does');
is((stat($secret))[4], 0, 'it belongs to root');
isnt($i->run(as('attestmdm') . "sh -c 'echo >>$secret'")->{exit}, 0, 'and only root changes it');
unlink($secret);
$r = $i->tool('attestmdm', 'migrate');
is($r->{exit}, 2, 'an upgrade makes it as root alone');
like($r->{err}, qr/as root/, 'and says so');
is($i->tool('root', 'migrate')->{exit}, 0, 'root makes it');
is(sprintf('%04o', (stat($secret))[2] & 07777), '0640', 'with the same mode');

# From before SCEP: only root may give the new key away.
unlink(glob("$state/scep-ca.* $state/public/scep/scep.crl"));
my $refused = $i->tool('attestmdm', 'migrate');
is($refused->{exit}, 2, 'attestmdm makes no CA');
like($refused->{err}, qr/as root/, 'and says who does');
is($i->tool('root', 'migrate')->{exit}, 0, 'root does');
laid_out('and all is as init leaves it');
chown(0, 0, "$state/scep-ca.key");
is($i->tool('root', 'migrate')->{exit}, 0, 'a run that was cut short');
like($i->rights, qr/^ok: /, 'is completed by the next');
rename("$state/scep-ca.key", "$i->{dir}/key");
symlink("$i->{dir}/key", "$state/scep-ca.key");
chown(0, 0, "$i->{dir}/key");
is($i->tool('root', 'migrate')->{exit}, 1, 'a link in place of the key');
is((stat("$i->{dir}/key"))[4], 0, 'leads nobody to what it points at');
unlink("$state/scep-ca.key");
rename("$i->{dir}/key", "$state/scep-ca.key");
is($i->tool('root', 'migrate')->{exit}, 0, 'the key is back');

# The lock and what SQLite writes, made anew by root: the group shares them.
unlink(glob("$state/db/attestmdm.db.lock $state/db/attestmdm.db-*"));
is($i->tool('root', 'setting set minimum_os_version_macos 14.2')->{exit}, 0, 'root writes first');
is($i->tool($_, 'setting set minimum_os_version_macos 14.3')->{exit}, 0, "then $_ still can") for @users;
$i->tool('root', 'migrate');

# Not while a program has the database open. A journal, here one that SQLite is
# done with, is the group's like all beside the database.
my $journal = "$state/db/attestmdm.db-journal";
Attestmdm::Server::spew($journal, "\0");
chmod(0600, $journal);
like($i->rights, qr/may not write .*-journal/, 'check names a journal that only root can write');
my $reader = open2(my $from, my $to, 'sqlite3', "$state/db/attestmdm.db");
print {$to} "SELECT count(*) FROM hosts;\n";
$to->flush;
readline($from);
$r = $i->tool('root', 'migrate');
is($r->{exit}, 1, 'migrate changes nothing while a program has the database open');
like($r->{err}, qr/is in use: systemctl stop/, 'and says what to do');
like(owner_and_mode('db/attestmdm.db-journal'), qr/ 0600$/, 'the journal is as before');
close($to);
waitpid($reader, 0);
is($i->tool('root', 'migrate')->{exit}, 0, 'afterwards it does');
is(owner_and_mode('db/attestmdm.db-journal'), 'attestmdm 0660', 'and the journal is the group\'s');
unlink($journal);

# What attestmdm ade makes.
my %secrets = ('ade-business.json' => 'attestmdm-worker 0600', 'ade-business.key' => 'root 0600',
	'ade-business.pem' => 'root 0644');
for my $name (keys %secrets) {
	my ($user, $mode) = split(/ /, $secrets{$name});
	Attestmdm::Server::spew("$state/apple/$name", '');
	chown($Attestmdm::Installed::USERS{$user} // 0, $Attestmdm::Installed::GROUP, "$state/apple/$name");
	chmod(oct($mode), "$state/apple/$name");
}
like($i->rights, qr/^ok: each user/, 'check finds them good');

# What attestmdm ca renew makes.
isnt($i->tool('attestmdm-acme', 'ca renew acme')->{exit}, 0, 'a program renews no CA');
is($i->tool('root', 'ca renew scep')->{exit}, 0, 'root does');
my %renewed = ('scep-ca.2.key' => 'attestmdm-scep 0600', 'scep-ca.2.pem' => 'root 0644',
	'public/scep/scep-2.crl' => 'attestmdm-scep 0644');
is_deeply({ map { $_ => owner_and_mode($_) } keys %renewed }, \%renewed, 'the files of the new CA');
like($i->rights, qr/^ok: each user/, 'are good');
is($i->tool('attestmdm-scep', 'crl --publish --authority scep')->{exit}, 0, 'both lists of SCEP are published');
is(owner_and_mode('acme-ca.2.pem'), 'absent', 'and the other CA is as it was');
chmod(0640, "$state/scep-ca.2.key");
like($i->rights, qr/scep-ca\.2\.key is for attestmdm-scep alone/, 'check guards the new key');
is($i->tool('root', 'migrate')->{exit}, 0, 'migrate');
is(owner_and_mode('scep-ca.2.key'), 'attestmdm-scep 0600', 'sets it right');
unlink(map { "$state/$_" } keys %renewed);

# What enroll-sso reads.
Attestmdm::Server::spew("$state/$_", "x\n") for qw(client.secret provider.pem);
chmod(0640, "$state/client.secret");
chown(0, $Attestmdm::Installed::GROUP, "$state/client.secret");
Attestmdm::Server::spew($i->{conf}, Attestmdm::Server::slurp($i->{conf}) . <<"EOT");
[sign_in]
issuer = https://127.0.0.1:1
client_id = attestmdm
client_secret_file = $state/client.secret
server_ca = $state/provider.pem
EOT
like($i->rights, qr/^ok: each user/, 'the secret of the OpenID client is readable');

for (['client.secret', 0600, qr/attestmdm may not read .*client\.secret/],
    ['provider.pem', 0600, qr/attestmdm may not read .*provider\.pem/],
    ['acme-ca.key', 0640, qr/acme-ca\.key is for attestmdm-acme alone, but attestmdm may read it/],
    ['scep-ca.key', 0640, qr/is for attestmdm-scep alone, but attestmdm-acme may read it/],
    ['admin.key', 0640, qr/admin\.key is for attestmdm-admin alone, but attestmdm may read it/],
    ['admin.key', 0000, qr/attestmdm-admin may not read .*admin\.key/],
    ['nonce.key', 0600, qr/attestmdm may not read/],
    ['db/attestmdm.db', 0640, qr/attestmdm-acme may not write/],
    ['db/attestmdm.db.lock', 0600, qr/may not write .*lock/],
    ['db', 0770, qr/without setgid/],
    ['', 0775, qr/is for root alone, but attestmdm may change it/],
    ['public', 0775, qr/is for root alone, but attestmdm-scep may change it/],
    ['public/acme', 0775, qr/is for attestmdm-acme alone, but attestmdm may change it/],
    ['public/scep', 0555, qr/attestmdm-scep may not write/],
    ['apple', 0700, qr/attestmdm-worker may not read .*apple/],
    ['apple/ade-business.json', 0640, qr/json is for attestmdm-worker alone, but attestmdm may read it/],
    ['apple/ade-business.json', 0000, qr/attestmdm-worker may not read .*json/],
    ['apple/ade-business.key', 0640, qr/key is for root alone, but attestmdm-worker may read it/],
    ['apple', 0777, qr/apple is for root alone, but attestmdm may change it/]) {
	my ($name, $mode, $reason) = @$_;
	my $kept = (stat("$state/$name"))[2] & 07777;
	chmod($mode, "$state/$name");
	like($i->rights, $reason, sprintf('%s with mode %04o is bad', $name, $mode));
	chmod($kept, "$state/$name");
}

subtest 'systemd-tmpfiles makes the same folders' => sub {
	my $text = Attestmdm::Server::slurp('systemd/tmpfiles.d/attestmdm.conf');
	my %made = $text =~ m{^d /var/lib/attestmdm(\S*) (\S+ \S+) attestmdm -$}mg;
	my %wanted = map { ("/$_" => join(' ', reverse(split(/ /, $layout{$_})))) }
	    grep { m{^(?:apple|public[a-z/]*)$} } keys %layout;
	is_deeply(\%made, \%wanted, 'with owner and mode');
	my $users = Attestmdm::Server::slurp('systemd/sysusers.d/attestmdm.conf');
	like($users, qr/^u \Q$_\E -:attestmdm /m, "systemd-sysusers makes $_") for @users;
};

# The layout of earlier versions: everything in one folder that the group could
# write to, and one user for both authorities.
sub earlier_version {
	my ($owner) = map { $Attestmdm::Installed::USERS{$_} } 'attestmdm-ca';
	my ($programs, $group) = (64990, $Attestmdm::Installed::GROUP);
	$t->command('sqlite3', "$state/db/attestmdm.db", 'PRAGMA wal_checkpoint(TRUNCATE)');
	rename("$state/db/attestmdm.db", "$state/attestmdm.db") or die $!;
	rename("$state/db/attestmdm.db.lock", "$state/attestmdm.db.lock") or die $!;
	unlink(glob("$state/db/attestmdm.db-*"));
	rmdir("$state/db") or die $!;
	unlink("$state/admin.key");
	for (qw(acme scep)) {
		rename("$state/public/$_/$_.crl", "$state/public/$_.crl") or die $!;
		unlink("$state/public/$_/.lock");
		rmdir("$state/public/$_") or die $!;
		chown($owner, $group, "$state/$_-ca.key", "$state/public/$_.crl");
	}
	chown($owner, $group, "$state/public");
	chown($programs, $group, $state);
	chown(0, 0, glob("$state/apple/*"));
	chmod(0644, glob("$state/apple/*"));
	chmod(02771, $state);
	$i->users(@users, 'attestmdm-ca');
}

subtest 'an installation of an earlier version is upgraded' => sub {
	earlier_version();
	is($i->tool('attestmdm', 'migrate')->{exit}, 2, 'not by a program');
	my $r = $i->tool('root', 'migrate');
	is($r->{exit}, 0, 'but by root') or diag($r->{err});
	like($r->{out}, qr{database moved to \Q$state\E/db/attestmdm\.db}, 'it says what moved');
	like($r->{out}, qr/userdel attestmdm-ca/, 'and which user is not needed any more');
	laid_out('all is as init leaves it');
	is(owner_and_mode("apple/$_"), $secrets{$_}, "so is $_") for sort keys %secrets;
	ok(!-e "$state/$_", "nothing is left of $_")
	    for qw(attestmdm.db attestmdm.db.lock attestmdm.db-wal attestmdm.db-shm public/acme.crl);
	like($i->rights, qr/^ok: each user/, 'check finds the rights good');
	like($i->tool('attestmdm', 'setting get minimum_os_version_macos')->{out}, qr/14\.3/, 'nothing is lost');
	$i->users(@users);
	is($i->tool('root', 'crl --publish')->{exit}, 0, 'lists are published');
};

subtest 'two timers had what the worker does now' => sub {
	my $kept = "$i->{dir}/kept.db";
	rename("$state/db/attestmdm.db", $kept) or die $!;
	unlink(glob("$state/db/attestmdm.db*"));
	my $sql = join('', 'PRAGMA journal_mode = WAL;', map { Attestmdm::Server::slurp($_) } sort(glob('schema/00[01]?-*.sql schema/002[0-6]-*.sql')))
	    . 'PRAGMA application_id = 1098140996; PRAGMA user_version = 26;';
	$t->command('sqlite3', "$state/db/attestmdm.db", $sql);
	chown(64990, $Attestmdm::Installed::GROUP, "$state/db/attestmdm.db");
	my $r = $i->tool('root', 'migrate');
	is($r->{exit}, 0, 'from a schema without jobs') or diag($r->{err});
	like($r->{out}, qr/disable --now attestmdm-renewal\.timer attestmdm-maintenance\.timer/, 'it says what to remove');
	unlike($i->tool('root', 'migrate')->{out}, qr/timer/, 'once');
	unlink(glob("$state/db/attestmdm.db*"));
	rename($kept, "$state/db/attestmdm.db") or die $!;
	is($i->tool('root', 'migrate')->{exit}, 0, 'and the other one is back');
};

subtest 'an upgrade that ends early goes on from there' => sub {
	for my $step (0 .. 2) {
		earlier_version();
		chown(0, 0, $state), chmod(0755, $state) if $step > 0;
		mkdir("$state/db", 0700) if $step > 1;
		my $r = $i->tool('root', 'migrate');
		is($r->{exit}, 0, "after step $step") or diag($r->{err});
		laid_out('all is as init leaves it');
	}
	earlier_version();
	my $pid = open2(my $out, my $in, 'sqlite3', "$state/attestmdm.db");
	print {$in} "SELECT count(*) FROM hosts;\n";
	$in->flush;
	readline($out);
	my $r = $i->tool('root', 'migrate');
	is($r->{exit}, 1, 'a database in use is not moved');
	like($r->{err}, qr/in use: stop the programs/, 'and it says why');
	close($in);
	waitpid($pid, 0);
	is($i->tool('root', 'migrate')->{exit}, 0, 'afterwards it is');
	laid_out('and all is as init leaves it');
};

subtest 'a configuration that puts the database into the state folder' => sub {
	earlier_version();
	my $kept = Attestmdm::Server::slurp($i->{conf});
	Attestmdm::Server::spew($i->{conf},
	    $kept =~ s{^state = .*\n}{$&database = $state/attestmdm.db\n}mr);
	my $r = $i->tool('root', 'migrate');
	is($r->{exit}, 0, 'is followed');
	like($r->{out}, qr/Move it to a folder of\s+its own/, 'with advice');
	is(owner_and_mode('attestmdm.db'), 'attestmdm 0660', 'the database stays');
	is(owner_and_mode('acme-ca.key'), 'attestmdm-acme 0600', 'keys have their new owner');
	like($i->rights, qr/warning: the database is right in/, 'check warns');
	is($i->tool($_, 'setting set minimum_os_version_macos 14.3')->{exit}, 0, "$_ still writes") for @users;
	Attestmdm::Server::spew($i->{conf}, $kept);
	is($i->tool('root', 'migrate')->{exit}, 0, 'it moves when the configuration lets it');
	laid_out('and all is as init leaves it');
};

subtest 'without the users' => sub {
	$i->users('attestmdm');
	my $r = $i->tool('root', 'migrate');
	is($r->{exit}, 4, 'migrate is refused');
	like($r->{err}, qr/no user attestmdm-acme: run systemd-sysusers/, 'and says what to do');
	like($i->rights, qr/BAD: .*systemd-sysusers/, 'check says so, too');
	unlink($i->{conf});
	$i->users();
	$r = $i->run($i->init("$i->{dir}/other"));
	is($r->{exit}, 4, 'init is refused');
	like($r->{err}, qr/systemd-sysusers/, 'and says what to do');
};

$t->done;
