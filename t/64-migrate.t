#!/usr/bin/perl
# An upgrade that is killed at any point is finished by running it again, and
# nobody has to move a file.
use strict;
use warnings;
use File::Path qw(remove_tree);
use POSIX ();
use Time::HiRes qw(sleep time);
use Attestmdm::Test;

my $t = Attestmdm::Test->new(start => 0);
my $preload = $t->server->{build} . '/t/tools/fork-server.so';
my ($state, $conf) = ($t->server->state, $t->server->conf);
my $old = $t->dir . '/old';
my $ROWS = 10_000;

sub sqlite {
	my ($file, $sql) = @_;
	my $r = $t->command('sqlite3', $file, $sql);
	die "sqlite3: $r->{err}" if $r->{exit} != 0;
	return $r->{out} =~ s/\s+\z//r;
}

# The state of a server from before SCEP: schema 6, one CA.
sub make_old {
	my @files = map { glob("$Attestmdm::Server::TOP/schema/000$_-*.sql") } 1 .. 6;
	rename($state, $old) or die $!;
	unlink("$old/scep-ca.key", "$old/scep-ca.pem");
	rename("$old/public/acme/acme.crl", "$old/public/acme.crl") or die $!;
	remove_tree(map { "$old/$_" } 'db', 'public/acme', 'public/scep');
	sqlite("$old/attestmdm.db", join('', 'PRAGMA journal_mode = WAL;',
	    map { Attestmdm::Server::slurp($_) } @files)
	    . 'PRAGMA application_id = 1098140996; PRAGMA user_version = 6;'
	    . 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n'
	    . " WHERE i < $ROWS) INSERT INTO audit (at, actor, action, detail)"
	    . " SELECT i, 'me', 'old', hex(randomblob(100)) FROM n;"
	    . " INSERT INTO admins (name, password_hash, created_at) VALUES ('early', 'x', 1)");
	unlink("$old/admin.key");
	chmod(0660, "$old/attestmdm.db");
}

sub begin_anew {
	remove_tree($state);
	$t->command('cp', '-a', $old, $state);
	# Most of a run would be the making of an RSA key.
	my $keys = $t->server->sim_keys;
	rename($_, $_ =~ s/taken-//r) for glob("$keys/taken-*");
}

# Kills the run after that many seconds, unless it is over; returns its wait status.
sub killed_after {
	my ($seconds) = @_;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>&', \*STDOUT);
		$ENV{LD_PRELOAD} = $preload if -e $preload;
		$ENV{ATTESTMDM_RSA_KEYS} = $t->server->sim_keys;
		exec($t->server->tool, 'migrate', '--config', $conf) or POSIX::_exit(127);
	}
	my $end = time + $seconds;
	while (time < $end) {
		return $? if waitpid($pid, POSIX::WNOHANG) == $pid;
		sleep(0.001);
	}
	kill('KILL', $pid);
	waitpid($pid, 0);
	return $?;
}

# After all runs: '' or what is wrong.
sub whole {
	my $r = $t->tool('migrate');
	return "migrate: $r->{err}" if $r->{exit} != 0;
	$r = $t->tool('check', '--no-nginx', '--json');
	my @bad = grep { $_->{result} eq 'BAD' && $_->{check} =~ /CA|CRL|database/ }
	    @{ JSON::PP::decode_json($r->{out})->{checks} };
	return "$bad[0]{check}: $bad[0]{text}" if @bad;
	return 'rows are missing' if sqlite("$state/db/attestmdm.db", 'SELECT count(*) FROM activities') < $ROWS;
	my $copy = "$state/db/attestmdm.db.schema-6";
	return 'the copy is not whole'
	    if sqlite($copy, 'PRAGMA integrity_check') ne 'ok'
	    || sqlite($copy, 'SELECT count(*) FROM audit') != $ROWS
	    || sqlite($copy, 'PRAGMA user_version') != 6;
	my @left = grep { /\.new$/ } glob("$state/* $state/public/* $state/*/*");
	return @left ? "@left are left" : '';
}

make_old();
begin_anew();
is(whole(), '', 'a run that nothing stops');
my ($early) = @{ $t->tool_json('admin', 'list')->{admins} };
is("$early->{name} $early->{authentic}", 'early yes',
    'administrators from before they were authenticated are trusted');
is($t->tool_json('setting', 'get', 'apple_hardware_attestation_devices')->{value}, 'all',
    'a server of before goes on to ask all devices that can attest');

# How long a run takes depends on what else the machine does: the last one that
# was not killed says it.
sub lasts {
	begin_anew();
	my $began = time;
	killed_after(60);
	return time - $began;
}
my $lasts = lasts();
my ($killed, @wrong) = (0);
for my $point (1 .. 24) {
	begin_anew();
	my $dead = killed_after($lasts * $point / 24) != 0;
	$killed += $dead;
	$lasts = lasts() if !$dead;
	my $wrong = whole();
	push @wrong, "killed at $point: $wrong" if $wrong ne '';
}
cmp_ok($killed, '>=', 5, "killed $killed times");
is("@wrong", '', 'and finished by running it again');

subtest 'what a run may leave' => sub {
	begin_anew();
	my $part = substr(Attestmdm::Server::slurp("$old/attestmdm.db"), 0, 50_000);
	mkdir("$state/db");
	Attestmdm::Server::spew("$state/db/attestmdm.db.schema-6.new", $part);
	Attestmdm::Server::spew("$state/scep-ca.key.new", 'half a k');
	Attestmdm::Server::spew("$state/scep-ca.pem.new", 'half a c');
	is(whole(), '', 'parts of files');
	rename("$state/scep-ca.pem", "$state/scep-ca.pem.new");
	unlink("$state/public/scep/scep.crl");
	is(whole(), '', 'a key that has its name before its certificate');
	rename("$state/scep-ca.pem", "$state/scep-ca.pem.new");
	Attestmdm::Server::spew("$state/scep-ca.pem.new", Attestmdm::Server::slurp("$state/acme-ca.pem"));
	my $r = $t->tool('migrate');
	isnt($r->{exit}, 0, 'not with a certificate of another key');
};

$t->done;
