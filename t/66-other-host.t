#!/usr/bin/perl
# A backup restored on another host, whose system users have other numbers.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Path qw(remove_tree);
use POSIX ();
use Attestmdm::Installed;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(start => 0);
my $i = Attestmdm::Installed->new(t => $t);
my ($state, $backup) = ("$i->{dir}/var", $t->dir . '/backup');
my @users = qw(attestmdm attestmdm-acme attestmdm-scep);
my @own_users = qw(attestmdm-admin attestmdm-worker);

is($i->run($i->init)->{exit}, 0, 'init');
is($i->tool('root', 'ca renew scep')->{exit}, 0, 'a CA is renewed');
my $r = $i->tool('root', "backup $backup");
is($r->{exit}, 0, 'backup') or diag($r->{err});
is($i->tool('attestmdm', "backup $backup.2")->{exit}, 1, 'only root reads all of it');

remove_tree($state, "$i->{dir}/etc");
$i->users('attestmdm', 'attestmdm-acme', @own_users);
$r = $i->run("$i->{tool} restore $backup");
is($r->{exit}, 3, 'not where the users are missing');
like($r->{err}, qr/no user attestmdm-scep/, 'and says so');
ok(!-e $state, 'and nothing was written');

$Attestmdm::Installed::GROUP += 900;
$Attestmdm::Installed::USERS{$_} += 900 for @users, @own_users;
$i->users(@users, @own_users);
$r = $i->run("$i->{tool} restore $backup");
is($r->{exit}, 0, 'restored') or diag($r->{err});
like($i->rights, qr/^ok: /, 'everything belongs to the users of this host');
is((stat("$state/acme-ca.key"))[4], $Attestmdm::Installed::USERS{'attestmdm-acme'}, 'by their names');
is((stat("$state/$_"))[4], $Attestmdm::Installed::USERS{'attestmdm-scep'}, "of a renewed CA, too: $_")
    for qw(scep-ca.key scep-ca.2.key public/scep/scep.crl public/scep/scep-2.crl);
is($i->tool($_, 'setting set minimum_os_version_macos 14.1')->{exit}, 0, "$_ writes to the database")
    for @users;
is($i->tool('root', 'crl --publish')->{exit}, 0, 'both CAs sign');

# What a program that was taken over puts into the folders that it may write.
my ($n, $conf) = (0, $i->{conf});
my $outside = $t->dir . '/outside';
mkdir($outside);
chmod(0755, $outside);

# A shell line as a system user.
sub as_user { $i->run(Attestmdm::Installed::as($_[0]) . "sh -c '$_[1]'") }
sub entries { $t->command('tar', '-xzOf', $_[0], 'attestmdm-backup')->{out} }

sub backup {
	my $file = $t->dir . '/again-' . ++$n;
	my $r = $i->run("timeout 20 $i->{tool} backup $file --config $conf");
	is($r->{exit}, 0, 'a backup is made') or diag($r->{err});
	return $file;
}

# An archive with another manifest and more members, by their paths.
sub edited {
	my ($from, $edit, %more) = @_;
	my $dir = $t->dir . '/edit';
	remove_tree($dir);
	mkdir($dir);
	$t->command('tar', '-xzf', $from, '-C', $dir);
	my $text = Attestmdm::Server::slurp("$dir/attestmdm-backup");
	$edit->(\$text);
	Attestmdm::Server::spew("$dir/attestmdm-backup", $text);
	my @members = split(/\n/, $t->command('tar', '-tzf', $from)->{out});
	for my $path (sort keys %more) {
		$t->command('sh', '-c', "mkdir -p \"\$(dirname '$dir$path')\"");
		Attestmdm::Server::spew("$dir$path", $more{$path});
		push @members, substr($path, 1);
	}
	my $file = $t->dir . '/edited-' . ++$n;
	$t->command('tar', '-czf', $file, '-C', $dir, @members);
	return $file;
}

# A line of the manifest for a file.
sub line {
	my ($path, $bytes, $owner, $mode) = @_;
	return sprintf("f %s %d %s %s attestmdm %s\n", sha256_hex($bytes), length($bytes), $mode // '644',
		$owner, $path);
}

subtest 'a backup takes known files alone from the folders of programs' => sub {
	as_user('attestmdm', "cd $state/db && mkdir evil && echo X >evil/cron && echo X >planted"
		. " && ln -s /etc/shadow link && mkfifo pipe && touch \"\$(printf \"a\\nb\")\"");
	as_user('attestmdm-acme', "cd $state/public/acme && mkdir evil && echo X >evil/x && echo X >planted"
		. " && mkfifo pipe");
	symlink("$state/acme-ca.key", "$state/link");
	POSIX::mkfifo("$state/pipe", 0600);
	Attestmdm::Server::spew("$state/a\nb", 'X');
	my $list = entries(backup());
	unlike($list, qr/evil|planted|pipe|link/, 'nothing else is in it');
	is(scalar(grep { m{^f.* \Q$state\E/(db|public/acme)/} } split(/\n/, $list)), 2, 'the database and the list are');
	unlink("$state/link", "$state/pipe", "$state/a\nb");
	as_user('attestmdm', "rm -r $state/db/evil $state/db/planted $state/db/pipe $state/db/link $state/db/a?b");
	as_user('attestmdm-acme', "cd $state/public/acme && rm -r evil planted pipe");
};

subtest 'a list that is another file' => sub {
	my $list = "$state/public/acme/acme.crl";
	my @ways = (['a link to a key', "ln -s $state/scep-ca.key acme.crl"], ['a FIFO', 'mkfifo acme.crl'],
		['a folder', 'mkdir acme.crl'],
		['a hard link', 'echo X >other && ln other acme.crl']);
	for (@ways) {
		as_user('attestmdm-acme', "cd $state/public/acme && rm -f acme.crl && $_->[1]");
		unlike(entries(backup()), qr/acme\.crl$/m, "$_->[0] is left out");
		as_user('attestmdm-acme', "cd $state/public/acme && rm -rf acme.crl other");
	}
	as_user('attestmdm-acme', "mkfifo $list");
	for my $command ('check --no-nginx', 'crl') {
		my $r = $i->run("timeout 20 $i->{tool} $command --config $conf");
		isnt($r->{exit}, 124, "$command does not wait for a FIFO");
	}
	as_user('attestmdm-acme', "rm -f $list");
	is($i->tool('root', 'crl --publish')->{exit}, 0, 'and the next list replaces it');
};

subtest 'rights that no file needs' => sub {
	chmod(04755, "$state/scep-ca.pem");
	my $file = backup();
	like(entries($file), qr{ 755 \S+ \S+ \Q$state\E/scep-ca\.pem$}m, 'are not in a backup');
	chmod(0644, "$state/scep-ca.pem");
	my $bad = edited($file, sub { ${ $_[0] } =~ s{ 755 (\S+ \S+ \Q$state\E/scep-ca\.pem)$}{ 6755 $1}m });
	is($i->run("$i->{tool} restore $bad --force")->{exit}, 0, 'a backup that has them');
	is(sprintf('%04o', (stat("$state/scep-ca.pem"))[2] & 07777), '0755', 'is restored without');
	is(sprintf('%04o', (stat("$state/db"))[2] & 07777), '2770', 'a folder keeps its group');
	chmod(0644, "$state/scep-ca.pem");
};

subtest 'a restore into the folders of programs' => sub {
	my $good = backup();
	my $before = join(' ', sort(glob("$state/* $state/*/*")));
	my %planted = ("$state/db/evil/cron" => 'root', "$state/db/planted" => 'attestmdm',
		"$state/public/acme/planted" => 'attestmdm-acme');
	my $refused = sub {
		my ($name, $path, $owner, $without) = @_;
		my $bad = edited($good, sub {
			${ $_[0] } =~ s{^d .*\Q$without\E\n}{}m or die if $without;
			${ $_[0] } =~ s/^(f .*attestmdm\.db\n)/line($path, 'X', $owner) . $1/me;
		}, $path => 'X');
		my $r = $i->run("$i->{tool} restore $bad --force");
		isnt($r->{exit}, 0, $name);
		like($r->{err}, qr/\Q$path\E.*(link|does not belong to root)/, 'and says which');
	};
	$refused->("no other file: $_", $_, $planted{$_}) for sort keys %planted;
	$refused->('nor if the archive does not say whose folder it is', "$state/db/planted", 'root', "$state/db");
	as_user('attestmdm', "ln -s $outside $state/db/evil");
	$refused->('not through a link', "$state/db/evil/cron", 'root');
	as_user('attestmdm', "rm $state/db/evil");
	symlink($outside, "$state/link");
	$refused->('nor through one of root', "$state/link/cron", 'root');
	unlink("$state/link");
	is(join(' ', glob("$outside/*")), '', 'nothing is written elsewhere');
	is(join(' ', sort(glob("$state/* $state/*/*"))), $before, 'or here');

	remove_tree($state);
	my $bad = edited($good, sub { ${ $_[0] } =~ s/^(f .*attestmdm\.db\n)/line("$state\/db\/x", 'X', 'root') . $1/me },
		"$state/db/x" => 'X');
	isnt($i->run("$i->{tool} restore $bad")->{exit}, 0, 'nor on an empty host');
	ok(!-e $state, 'where nothing is written');
	is($i->run("$i->{tool} restore $good")->{exit}, 0, 'the backup itself is restored');
};

subtest 'what is in the way of a restore' => sub {
	my $good = backup();
	my $victim = "$outside/victim";
	Attestmdm::Server::spew($victim, 'V');
	my $db = "$state/db/attestmdm.db";
	as_user('attestmdm', "cd $state/db && ln -s $victim attestmdm.db.restore.new && echo J >attestmdm.db-journal"
		. " && echo W >attestmdm.db-wal");
	as_user('attestmdm-acme', "cd $state/public/acme && rm acme.crl && mkfifo acme.crl");
	my $r = $i->run("timeout 20 $i->{tool} restore $good --force");
	is($r->{exit}, 0, 'is put aside') or diag($r->{err});
	is(Attestmdm::Server::slurp($victim), 'V', 'and not written through');
	ok(-p "$state/public/acme/acme.crl.replaced", 'a FIFO');
	is(Attestmdm::Server::slurp("$db-journal.replaced"), "J\n", 'a journal of another database, too');
	ok(!-e "$db-journal", 'or SQLite would play it back');
	is(Attestmdm::Server::slurp("$db-wal.replaced"), "W\n", 'and a log');
	like($i->rights, qr/^ok: /, 'all rights are right');
};

subtest 'files elsewhere that the configuration names' => sub {
	my $keys = "$i->{dir}/keys";
	my %named = ('paths' => { admin_key => 'admin.key', nonce_key => 'nonce.key' },
		acme => { ca_key => 'acme-ca.key', ca_certificate => 'acme-ca.pem' },
		scep => { ca_key => 'scep-ca.key', ca_certificate => 'scep-ca.pem' });
	mkdir($keys);
	chmod(0755, $keys);
	my $text = Attestmdm::Server::slurp($conf);
	for my $section (sort keys %named) {
		my $lines = '';
		for my $key (sort keys %{ $named{$section} }) {
			my $file = $named{$section}{$key};
			rename("$state/$file", "$keys/$file");
			$text =~ s/^\Q$key\E *=.*\n//mg if $section ne 'scep';
			$lines .= "$key = $keys/$file\n";
		}
		$text .= "[$section]\n$lines";
	}
	Attestmdm::Server::spew($conf, $text);
	my $file = backup();
	my $list = entries($file);
	like($list, qr{ \Q$keys/$_\E$}m, "$_ is in it")
	    for map { values(%$_) } values(%named);
	like($list, qr{/nginx-secret\.conf$}m, "nginx's secret, too");
	unlink(glob("$keys/*"));
	is($i->run("$i->{tool} restore $file --force")->{exit}, 0, 'it is restored');
	is((stat("$keys/admin.key"))[4], $Attestmdm::Installed::USERS{'attestmdm-admin'}, 'with the owners');
};

$t->done;
