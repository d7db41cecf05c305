#!/usr/bin/perl
# attestmdm backup while the server is busy, and restore in another place: every
# row that was acknowledged before is there, and enrolled devices stay enrolled.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Path qw(make_path remove_tree);
use POSIX ();
use Time::HiRes qw(sleep time);
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my ($state, $conf, $dir) = ($t->server->state, $t->server->conf, $t->dir);
my $SERIAL = 'C65BACKUP001';
$t->assign($SERIAL);
my $run = $t->sim('enroll', '--serial', $SERIAL, '--state', "$dir/mac");
is($run->{exit}, 0, 'a Mac enrolls') or diag($run->{err});

sub poll { $t->sim('poll', '--state', "$dir/mac")->{exit} }

# Processes that write all the time; each notes in a file what was acknowledged.
my @writers;
my $parent = $$;
for my $n (1 .. 3) {
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		$SIG{TERM} = sub { POSIX::_exit(0) };
		open(my $log, '>>', "$dir/writer-$n") or POSIX::_exit(1);
		$log->autoflush(1);
		for (my $i = 0; getppid() == $parent; $i++) {
			my $name = sprintf('W%dN%08d', $n, $i);
			Attestmdm::Server::spew("$dir/writer-$n.csv", "serial_number\n$name\n");
			my $r = $t->command($t->server->tool, 'ade', 'import', "$dir/writer-$n.csv",
			    '--config', $conf);
			print {$log} "$name\n" if $r->{exit} == 0;
		}
		POSIX::_exit(0);
	}
	push @writers, $pid;
}

sub acknowledged { map { split(/\n/, Attestmdm::Server::slurp($_)) } glob("$dir/writer-?") }

sub sqlite {
	my ($file, $sql) = @_;
	my $r = $t->command('sqlite3', $file, $sql);
	die "sqlite3: $r->{err}" if $r->{exit} != 0;
	return split(/\n/, $r->{out});
}

subtest 'under load' => sub {
	my $most = 0;
	for my $n (1 .. 5) {
		sleep(0.5);
		my @before = acknowledged();
		my $r = $t->tool('backup', "$dir/backup-$n");
		is($r->{exit}, 0, 'a backup') or diag($r->{err});
		make_path("$dir/x$n");
		is($t->command('tar', '-xzf', "$dir/backup-$n", '-C', "$dir/x$n")->{exit}, 0,
		    'is a tar file');
		my $copy = "$dir/x$n$state/db/attestmdm.db";
		is(join('', sqlite($copy, 'PRAGMA integrity_check')), 'ok', 'with a sound database');
		my %there = map { $_ => 1 } sqlite($copy, 'SELECT serial FROM ade_devices');
		is(scalar(grep { !$there{$_} } @before), 0, 'and every row from before it began');
		$most = @before;
	}
	cmp_ok($most, '>', 5, "$most rows were written meanwhile");
	is(poll(), 0, 'the Mac is served');
	is(sprintf('%04o', (stat("$dir/backup-1"))[2] & 07777), '0600', 'for its owner alone');
	is(join(' ', grep { /new$/ } glob("$dir/backup-*")), '', 'nothing is left beside them');
	is($t->tool('backup', "$dir/backup-1")->{exit}, 4, 'one that is there is not overwritten');
	my $list = $t->command('tar', '-tzf', "$dir/backup-1")->{out};
	like($list, qr/\Q$_\E$/m, "$_ is in it") for 'attestmdm.conf', 'nginx-secret.conf', 'nonce.key',
	    'acme-ca.key', 'scep-ca.key', 'acme.crl', 'attestation-root.pem', 'device-ca.pem';
	is(scalar(@{ $t->db("SELECT * FROM activities WHERE action = 'backup'") }), 5,
	    'each is on the activity list');
};

kill('TERM', $_), waitpid($_, 0) for @writers;
my $backup = "$dir/backup-5";
my @programs = @Attestmdm::Server::PROGRAMS;

sub restore { $t->command($t->server->tool, 'restore', @_) }

# What tar reads in an archive, as far as it gets.
sub members {
	Attestmdm::Server::spew("$dir/members", $_[0]);
	return join('', map { $t->command('tar', @$_)->{out} }
	    ['-tvzf', "$dir/members"], ['-xzOf', "$dir/members"]);
}

subtest 'what is refused' => sub {
	my $r = restore($backup, '--force');
	is($r->{exit}, 1, 'not while programs serve');
	like($r->{err}, qr/are running/, 'and says so');
	is(poll(), 0, 'they go on');
	$t->server->stop(@programs);
	$r = restore($backup);
	is($r->{exit}, 4, 'not over another state');
	like($r->{err}, qr/--force/, 'and says how');
	my $bytes = Attestmdm::Server::slurp($backup);
	my @wrong = (['cut short', substr($bytes, 0, length($bytes) / 2)], ['empty', ''],
	    ['no archive', 'x' x 2000]);
	for my $place (map { int(length($bytes) * $_ / 8) } 1 .. 7) {
		my $bad = $bytes;
		substr($bad, $place, 1) = chr(ord(substr($bad, $place, 1)) ^ 0x10);
		# It may change nothing but what fills a block up to its end.
		push @wrong, ["changed at $place", $bad] if members($bad) ne members($bytes);
	}
	my $before = $t->fingerprint;
	for (@wrong) {
		Attestmdm::Server::spew("$dir/wrong", $_->[1]);
		isnt(restore("$dir/wrong", '--force')->{exit}, 0, $_->[0]);
	}
	is($t->fingerprint, $before, 'and nothing was touched');
};

# An archive whose members a sub changes in a folder, with more members.
sub edited {
	my ($edit, @more) = @_;
	remove_tree("$dir/edit");
	make_path("$dir/edit");
	$t->command('tar', '-xzf', $backup, '-C', "$dir/edit");
	my $manifest = Attestmdm::Server::slurp("$dir/edit/attestmdm-backup");
	$edit->(\$manifest, "$dir/edit");
	Attestmdm::Server::spew("$dir/edit/attestmdm-backup", $manifest);
	my @members = (split(/\n/, $t->command('tar', '-tzf', $backup)->{out}), @more);
	unlink("$dir/edited");
	$t->command('tar', '-czf', "$dir/edited", '-C', "$dir/edit", @members);
	return "$dir/edited";
}

sub other_member { restore(edited(@_), '--force') }

subtest 'a manifest that is wrong' => sub {
	my $before = $t->fingerprint;
	my %edits = (
		'another checksum' => sub { ${ $_[0] } =~ s/^f [0-9a-f]{4}/f 0000/m },
		'a file less' => sub { ${ $_[0] } =~ s/^f .*nonce\.key\n//m },
		'a file more' => sub { ${ $_[0] } =~ s/^(f .*)nonce\.key\n/$1nonce.key\n$1other.key\n/m },
		'a way out' => sub { ${ $_[0] } =~ s{/nonce\.key$}{/../nonce.key}m },
		'a way out at the end' => sub { ${ $_[0] } =~ s{^(f .*/)nonce\.key$}{$1..}m },
		'a way round' => sub { ${ $_[0] } =~ s{/nonce\.key$}{/./nonce.key}m },
		'a relative path' => sub { ${ $_[0] } =~ s{ /(\S*/nonce\.key)$}{ $1}m },
		'no end' => sub { ${ $_[0] } =~ s/^end\n//m },
		'a newer schema' => sub { ${ $_[0] } =~ s/^schema \d+/schema 9999/m },
		'another format' => sub { ${ $_[0] } =~ s/backup 1/backup 2/ },
		'a schema that is no number' => sub { ${ $_[0] } =~ s/^schema \d+/schema x/m },
		'a schema of many digits' => sub { ${ $_[0] } =~ s/^schema \d+/schema 0000001/m },
		'no schema' => sub { ${ $_[0] } =~ s/^schema \d+\n//m },
		'a relative configuration' => sub { ${ $_[0] } =~ s{^conf /}{conf }m },
		'a relative database' => sub { ${ $_[0] } =~ s{^database /}{database }m },
		'another kind' => sub { ${ $_[0] } =~ s/^f /x /m },
		'a short checksum' => sub { ${ $_[0] } =~ s/^f [0-9a-f]{2}/f /m },
		'a checksum of other letters' => sub { ${ $_[0] } =~ s/^f [0-9a-f]/f z/m },
		'a negative size' => sub { ${ $_[0] } =~ s/^(f \S+) /$1 -/m },
		'another size' => sub { ${ $_[0] } =~ s/^(f \S+) /$1 1/m },
		'a size of many digits' => sub { ${ $_[0] } =~ s/^(f \S+) /$1 9999999999999999999/m },
		'a size of too many digits' => sub { ${ $_[0] } =~ s/^(f \S+) /$1 99999999999999999999999/m },
		'a mode that is not octal' => sub { ${ $_[0] } =~ s/^(f \S+ \d+) \d+/$1 999/m },
		'a mode with more bits' => sub { ${ $_[0] } =~ s/^(f \S+ \d+) \d+/$1 10600/m },
		'no owner' => sub { ${ $_[0] } =~ s/^(f \S+ \d+ \d+) \S+/$1 /m },
		'nothing but a kind' => sub { ${ $_[0] } =~ s/^f .*$/f/m },
		'an owner of many letters' => sub { ${ $_[0] } =~ s/^(f \S+ \d+ \d+) \S+/$1 @{['x' x 300]}/m },
		'a path of many letters' => sub { ${ $_[0] } =~ s{^(f .*/)nonce\.key$}{$1@{['x/' x 2000]}x}m },
		'a folder as a file' => sub { ${ $_[0] } =~ s/^d /f /m },
		'a file as a folder' => sub { ${ $_[0] } =~ s/^f (.*nonce\.key)$/d $1/m },
		'nothing' => sub { ${ $_[0] } = '' },
	);
	if ($> == 0) {
		$edits{'an unknown user'} = sub { ${ $_[0] } =~ s/^(f \S+ \d+ \d+) \S+/$1 no-such-user/m };
		$edits{'an unknown group'} = sub { ${ $_[0] } =~ s/^(f \S+ \d+ \d+ \S+) \S+/$1 no-such-group/m };
	}
	isnt(other_member($edits{$_})->{exit}, 0, $_) for sort keys %edits;
	is($t->fingerprint, $before, 'nothing was touched');
	is(join(' ', glob("$state/*.restore.new $state/*/*.restore.new")), '', 'and nothing is left');
};

subtest 'members that are wrong' => sub {
	my $before = $t->fingerprint;
	my $link = sub { symlink('/etc/passwd', "$_[1]/link") or die $! };
	like(other_member($link, 'link')->{err}, qr/something else than files/, 'a symbolic link');
	like(other_member(sub { Attestmdm::Server::spew("$_[1]/more", 'x') }, 'more')->{err},
	    qr/more is not in the manifest/, 'one that is not named');
	like(other_member(sub { Attestmdm::Server::spew("$_[1]/x", '') }, substr("$state/nonce.key", 1))->{err},
	    qr/not in the manifest|something else/, 'one twice');
	edited(sub { });
	$t->command('tar', '-czf', "$dir/edited", '-C', "$dir/edit", substr("$state/nonce.key", 1));
	like(restore("$dir/edited", '--force')->{err}, qr/not a backup of attestmdm/, 'without a manifest');
	$t->command('tar', '-cf', "$dir/edited", '-C', "$dir/edit", 'attestmdm-backup');
	like(restore("$dir/edited", '--force')->{err}, qr/is missing in the archive/, 'the manifest alone');
	is(restore("$dir/absent")->{exit}, 1, 'no archive');
	is(restore($dir)->{exit}, 4, 'a folder');
	is(restore()->{exit}, 2, 'nothing named');
	is($t->fingerprint, $before, 'nothing was touched');
};

# Runs the tool where a file cannot grow beyond so many blocks of 512 bytes.
sub limited {
	my ($blocks, @args) = @_;
	# Or the data of a coverage build would be cut off, too, and be of no use.
	local $ENV{GCOV_PREFIX} = "$dir/gcov";
	return $t->command('sh', '-c', 'trap "" XFSZ; ulimit -f "$0"; exec "$@"', $blocks,
	    $t->server->tool, @args);
}

subtest 'a disk that is full' => sub {
	my (%failed, @left);
	for my $blocks (0, 1, 2, 8, 40, 80, 160, 320, 480, 640) {
		my $r = limited($blocks, 'backup', "$dir/full", '--config', $conf);
		$failed{backup}++ if $r->{exit} != 0;
		push @left, "backup $blocks: $r->{exit}" if $r->{exit} != 0 && $r->{exit} != 1;
		unlink("$dir/full") if $r->{exit} == 0;
		push @left, glob("$dir/full*");
		$r = limited($blocks, 'restore', $backup, '--force');
		$failed{restore}++ if $r->{exit} != 0;
		push @left, "restore $blocks: $r->{exit}" if $r->{exit} != 0 && $r->{exit} != 1;
		push @left, glob("$state/*.restore.new $state/*/*.restore.new");
	}
	is("@left", '', 'leaves nothing behind');
	cmp_ok($failed{$_} // 0, '>', 3, "$_ fails") for qw(backup restore);
	is(restore($backup, '--force')->{exit}, 0, 'and succeeds with more room');
};

subtest 'a backup that cannot be made' => sub {
	my $kept = Attestmdm::Server::slurp($conf);
	is($t->tool('backup', "$dir/no-folder/x")->{exit}, 1, 'into a folder that is not there');
	is($t->tool('backup', 'x' x 5000)->{exit}, 2, 'a name too long');
	for (['profile.server_ca', $dir, qr/not a regular file with a single link/],
	    ['profile.server_ca', "$dir/absent", undef],
	    ['paths.database', $state, qr/./]) {
		my ($key, $value, $want) = @$_;
		$t->server->set_conf($key, $value);
		my $r = $t->tool('backup', "$dir/x");
		is($r->{exit}, defined $want ? 1 : 0, "$key = $value") or diag($r->{err});
		like($r->{err}, $want, 'says why') if defined $want;
		is(-e "$dir/x" ? 1 : 0, defined $want ? 0 : 1, 'and is there when it succeeds');
		unlink("$dir/x");
		Attestmdm::Server::spew($conf, $kept);
	}
	my $odd = "$state/two\nlines";
	Attestmdm::Server::spew($odd, 'x');
	is($t->tool('backup', "$dir/x")->{exit}, 0, 'a name of two lines is left out');
	unlike($t->command('tar', '-tzf', "$dir/x")->{out}, qr/lines/, 'of the archive');
	unlink($odd, "$dir/x");
};

# The archive is read twice: a FIFO gives another one the second time.
subtest 'an archive that changes while it is read' => sub {
	my $before = $t->fingerprint;
	my $other = "$dir/elsewhere";
	my $second = edited(sub {
		my ($manifest, $folder) = @_;
		make_path("$folder$dir");
		Attestmdm::Server::spew("$folder$other", 'X');
		my ($sum, $group) = (sha256_hex('X'), scalar(getgrgid($()));
		${$manifest} =~ s{^(?=f .*attestmdm\.db$)}{f $sum 1 600 @{[ scalar(getpwuid($>)) ]} $group $other\n}m;
	}, substr($other, 1));
	POSIX::mkfifo("$dir/fifo", 0600) or die $!;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		$SIG{PIPE} = 'IGNORE';
		for my $file ($backup, $second) {
			open(my $out, '>', "$dir/fifo") or POSIX::_exit(1);
			print {$out} Attestmdm::Server::slurp($file);
			close($out);
			sleep(0.5);
		}
		POSIX::_exit(0);
	}
	my $r = restore("$dir/fifo", '--force');
	kill('KILL', $pid);
	waitpid($pid, 0);
	isnt($r->{exit}, 0, 'is refused');
	like($r->{err}, qr/changed while it was read/, 'and it says so');
	ok(!-e $other && !-e "$other.restore.new", 'nothing else is written');
	is($t->fingerprint, $before, 'and nothing is touched');
};

# The facts of the database: what could be used a second time.
sub open_things {
	my ($file) = @_;
	return join(' ', sqlite($file, 'SELECT count(*) FROM sessions UNION ALL'
		. " SELECT count(*) FROM enrollments WHERE state = 'open' UNION ALL"
		. ' SELECT count(*) FROM enrollment_links WHERE used_at IS NULL AND revoked_at IS NULL'));
}

subtest 'what was open when the backup was made' => sub {
	my $rows = "INSERT INTO admins (name, password_hash, created_at) VALUES ('old', 'x', 1);"
		. 'INSERT INTO sessions (token_mac, admin, csrf_token, created_at, last_seen_at, expires_at)'
		. " VALUES (zeroblob(32), 'old', 'x', 1, 1, 9999999999);"
		. 'INSERT INTO enrollments (id, serial, source, purpose, method, state, created_at, expires_at)'
		. " VALUES ('x', 'S', 'ade', 'enroll', 'acme', 'open', 1, 9999999999);";
	my $link = 'INSERT INTO enrollment_links (id, token_sha256, created_at, created_by, expires_at)'
		. " VALUES ('x', zeroblob(32), 1, 'me', 9999999999);";
	my $with = sub {
		my ($change) = @_;
		return sub {
			my ($manifest, $folder) = @_;
			my $db = "$folder$state/db/attestmdm.db";
			$change->($db);
			my $bytes = Attestmdm::Server::slurp($db);
			my ($sum, $size) = (sha256_hex($bytes), length($bytes));
			${$manifest} =~ s{^f \S+ \d+ (.*/attestmdm\.db)$}{f $sum $size $1}m or die;
		};
	};
	my $old = edited($with->(sub { sqlite($_[0], $rows . $link) }));
	is(open_things("$dir/edit$state/db/attestmdm.db"), '1 1 1', 'a session, an enrollment and a link');
	my ($generation) = sqlite("$dir/edit$state/db/attestmdm.db", 'SELECT generation FROM nonce_generations');
	is(restore($old, '--force')->{exit}, 0, 'are restored');
	is(open_things("$state/db/attestmdm.db"), '0 0 0', 'and void');
	cmp_ok((sqlite("$state/db/attestmdm.db", 'SELECT generation FROM nonce_generations'))[0], '>',
	    $generation, 'with all nonces');

	my @files = map { glob("$Attestmdm::Server::TOP/schema/000$_-*.sql") } 1 .. 8;
	$old = edited(sub {
		my ($manifest, $folder) = @_;
		${$manifest} =~ s/^schema \d+/schema 8/m;
		$with->(sub {
			unlink($_[0]);
			sqlite($_[0], join('', 'BEGIN;', map({ Attestmdm::Server::slurp($_) } @files), 'COMMIT;')
			    . 'PRAGMA application_id = 1098140996; PRAGMA user_version = 8;'
			    . $rows =~ s/token_mac/token_sha256/r . $link);
		})->($manifest, $folder);
	});
	my $r = restore($old, '--force');
	is($r->{exit}, 0, 'those of an older version') or diag($r->{err});
	is(open_things("$state/db/attestmdm.db"), '0 0 0', 'are void, too');
	is(scalar(sqlite("$state/db/attestmdm.db", "SELECT count(*) FROM activities WHERE action = 'restore'")), 1,
	    'and it is on the activity list');
};

subtest 'mdm-108: back on an empty host' => sub {
	rename($state, "$dir/old-state");
	rename($conf, "$dir/old-conf");
	rename("$dir/nginx-secret.conf", "$dir/old-secret");
	my $r = restore($backup);
	is($r->{exit}, 0, 'restored') or diag($r->{err});
	is(restore($backup, '--force')->{exit}, 0, 'twice');
	for my $file ('acme-ca.key', 'nonce.key', 'db/attestmdm.db', 'public/acme/acme.crl', 'public') {
		my @now = stat("$state/$file");
		my @then = stat("$dir/old-state/$file");
		is(join(' ', map { $now[$_] } 2, 4, 5), join(' ', map { $then[$_] } 2, 4, 5),
		    "$file has its owner and mode");
	}
	$t->server->start_programs(@programs);
	is(poll(), 0, 'the Mac is still enrolled');
	is(scalar(@{ $t->db("SELECT * FROM activities WHERE action = 'restore'") }), 1,
	    'the restore is on the activity list');
	is($t->tool('crl', '--publish')->{exit}, 0, 'the CAs sign');
};

subtest 'over another state' => sub {
	$t->server->stop(@programs);
	Attestmdm::Server::spew("$state/nonce.key", 'another');
	is(restore($backup, '--force')->{exit}, 0, 'with --force');
	is(Attestmdm::Server::slurp("$state/nonce.key.replaced"), 'another', 'what was there is put aside');
	is(-s "$state/nonce.key", 32, 'and replaced');
	ok(-e "$state/db/attestmdm.db.replaced", 'the database, too');
	$t->server->start_programs(@programs);
	is(poll(), 0, 'the Mac is still enrolled');
};

# A restore that is killed is finished by another one, without --force.
subtest 'killed at any point' => sub {
	$t->server->stop(@programs);
	my @wrong;
	for my $point (1 .. 15) {
		remove_tree($state);
		unlink($conf);
		my $pid = fork() // die "fork: $!";
		if (!$pid) {
			open(STDOUT, '>', '/dev/null');
			exec($t->server->tool, 'restore', $backup) or POSIX::_exit(127);
		}
		sleep($point * 0.008);
		kill('KILL', $pid);
		waitpid($pid, 0);
		my $r = restore($backup, -e "$state/db/attestmdm.db" ? '--force' : ());
		push @wrong, "$point: $r->{err}" if $r->{exit} != 0;
		push @wrong, "$point: not sound"
		    if join('', sqlite("$state/db/attestmdm.db", 'PRAGMA integrity_check')) ne 'ok';
	}
	is("@wrong", '', 'it is finished');
	$t->server->start_programs(@programs);
	is(poll(), 0, 'the Mac is still enrolled');
};

$t->done;
