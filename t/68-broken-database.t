#!/usr/bin/perl
# A database that lacks a table: whatever needs it fails and says so, and nothing
# is half shown or half done.
use strict;
use warnings;
use File::Copy qw(copy);

use Attestmdm::Admin;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $b = Attestmdm::Admin->new($t);
my ($MAC, $INTEL, $STRANGER) = qw(C68MAC000001 C68INTEL0001 C68STRANGER1);
my $database = $t->server->database;
my $dir = $t->dir;

$t->assign($MAC, $INTEL, 'C68SPARE0001');
is($t->sim('enroll', '--serial', $MAC, '--state', "$dir/mac")->{exit}, 0, 'a Mac enrolls');
is($t->sim('enroll', '--serial', $INTEL, '--product', 'MacBookPro16,1', '--os-version', '13.6')->{exit}, 0,
    'an Intel Mac, too');
is($t->sim('enroll', '--serial', $STRANGER)->{exit}, 3, 'a stranger does not');
my $uuid = $t->tool_json('command', 'send', $MAC, 'ProfileList')->{uuid};
my $link = $t->tool_json('enrollment', 'new', '--note', 'x')->{id};
my $cert = $t->tool_json('cert', 'list', '--serial', $MAC)->{certificates}[0]{id};
my ($host, $enrollment) = @{ $t->tool_json('host', 'show', $MAC) }{qw(id enrollment_id)};
$enrollment = $t->tool_json('enrollment', 'show', $MAC)->{id};
$t->change_db('INSERT INTO alarms (kind, subject, serial, text, raised_at, last_seen_at)'
    . " VALUES ('signer-changed', 'x', '$MAC', 'look', 1700000000, 1700000000)");
$b->sign_in;

sub sqlite {
	my ($sql) = @_;
	my $r = $t->command('sqlite3', '-cmd', '.timeout 10000', $database,
	    'PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;' . $sql);
	die "sqlite3: $r->{err}" if $r->{exit} != 0;
	return split(/\n/, $r->{out});
}

my @tables = sqlite("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");

# Runs a sub while a table has gone.
sub without {
	my ($table, $sub) = @_;
	sqlite("ALTER TABLE $table RENAME TO gone");
	$sub->();
	sqlite("ALTER TABLE gone RENAME TO $table");
}

# A page without what differs each time it is made.
sub steady {
	my ($r) = @_;
	my $body = $r->{body};
	$body =~ s/name="csrf" value="[^"]*"//g;
	$body =~ s/<time[^>]*>[^<]*//g;
	return $body;
}

subtest 'the pages' => sub {
	my @pages = ('/admin/hosts', '/admin/hosts?attested=yes&q=C68', "/admin/hosts/$host", '/admin/enrollments',
	    "/admin/enrollments/$enrollment", '/admin/links', '/admin/refusals', "/admin/serial?serial=$MAC",
	    "/admin/serial?serial=$STRANGER", '/admin/alarms', '/admin/settings', '/admin/activity');
	my %sound = map { $_ => steady($b->get($_)) } @pages;
	my (@wrong, $failed);
	for my $table (@tables) {
		without($table, sub {
			for my $page (@pages) {
				my $r = $b->get($page);
				next if $r->{status} == 200 && steady($r) eq $sound{$page};
				$failed++;
				next if $r->{status} >= 500 && $r->{body} !~ /no such table|SELECT/;
				push @wrong, "$page without $table: $r->{status}";
			}
		});
	}
	is("@wrong", '', 'are whole, or say that the server has a problem');
	cmp_ok($failed, '>', 2 * @pages, 'which they do');
	is(steady($b->get($_)), $sound{$_}, "$_ is back") for @pages;
};

subtest 'forms' => sub {
	my $csrf = $b->token('/admin/settings');
	my $setting = '/admin/settings/apple_require_hardware_attestation';
	my @forms = ([$setting, apple_require_hardware_attestation => 'true'],
	    ['/admin/settings/minimum-os', minimum_os_version_macos => '14.0'],
	    ['/admin/links', note => 'x'], ["/admin/links/$link/revoke"], ['/admin/sign-out']);
	my @wrong;
	for my $table (@tables) {
		for (@forms) {
			my ($path, %fields) = @$_;
			without($table, sub {
				my $before = $t->fingerprint;
				my $r = $b->post($path, csrf => $csrf, fields => \%fields);
				# A link is made before its page is.
				return if $r->{status} < 500 || "$path $table" eq '/admin/links alarms';
				push @wrong, "$path without $table changed something" if $t->fingerprint ne $before;
			});
			$b->sign_in if $path eq '/admin/sign-out';
			$csrf = $b->token('/admin/settings') if $path eq '/admin/sign-out';
		}
	}
	is("@wrong", '', 'change nothing when they fail');
};

subtest 'devices' => sub {
	my @wrong;
	my @serials = map { sprintf('C68NEW%06d', $_) } 1 .. 2 * @tables;
	$t->assign(@serials);
	for my $table (@tables) {
		my ($acme, $scep) = splice(@serials, 0, 2);
		my $enrolled;
		without($table, sub {
			my $poll = $t->sim('poll', '--state', "$dir/mac");
			push @wrong, "without $table: $poll->{out}" if $poll->{out} =~ /HTTP 4/;
			my %run = (acme => $t->sim('enroll', '--serial', $acme));
			$run{scep} = $t->sim('enroll', '--serial', $scep, '--product', 'MacBookPro16,1', '--os-version', '13.6');
			$enrolled = $run{acme}{exit} == 0;
			push @wrong, "without $table: $_ died" for grep { $run{$_}{signal} } sort keys %run;
		});
		is($enrolled || $t->sim('enroll', '--serial', $acme)->{exit} == 0 ? 1 : 0, 1, "without $table, or when it is back");
	}
	is("@wrong", '', 'mdm-22: none is told to go');
	is($t->sim('poll', '--state', "$dir/mac")->{exit}, 0, 'and are served afterwards');
};

$link = $t->tool_json('enrollment', 'new', '--note', 'x')->{id};
$uuid = $t->tool_json('command', 'send', $MAC, 'SecurityInfo')->{uuid};
$t->server->stop;
sqlite('PRAGMA wal_checkpoint(TRUNCATE)');
copy($database, "$dir/sound.db") or die $!;
my %before;
for my $table (@tables) {
	without($table, sub {
		sqlite('PRAGMA wal_checkpoint(TRUNCATE)');
		copy($database, "$dir/$table.db") or die $!;
		$before{$table} = $t->fingerprint;
	});
}

# The tool with a database that lacks a table, or none.
sub tool_without {
	my ($table, @args) = @_;
	unlink("$database-wal", "$database-shm");
	copy(defined $table ? "$dir/$table.db" : "$dir/sound.db", $database) or die $!;
	return $t->tool(@args);
}

subtest 'the tool shows' => sub {
	my @shows = (['host', 'list'], ['host', 'show', $MAC], ['host', 'show', $host, '--json'],
	    ['enrollment', 'list'], ['enrollment', 'list', '--serial', $MAC], ['enrollment', 'list', '--refused'],
	    ['enrollment', 'list', '--refused', '--serial', $STRANGER], ['enrollment', 'show', $MAC],
	    ['enrollment', 'show', $STRANGER], ['enrollment', 'show', $INTEL, '--json'], ['enrollment', 'links'],
	    ['cert', 'list'], ['cert', 'show', $cert], ['command', 'list', $MAC], ['command', 'show', $uuid],
	    ['ade', 'list'], ['alarms'], ['alarms', '--closed'], ['admin', 'list'], ['setting', 'get'],
	    ['setting', 'get', 'apple_require_hardware_attestation']);
	for my $show (@shows) {
		my $sound = tool_without(undef, @$show);
		is($sound->{exit}, 0, "@$show") or diag($sound->{err});
		my ($failed, @wrong) = (0);
		for my $table (@tables) {
			my $r = tool_without($table, @$show);
			next if $r->{exit} == 0 && $r->{out} eq $sound->{out};
			$failed++;
			push @wrong, "without $table: $r->{exit} $r->{err}"
			    if $r->{exit} != 1 || "$r->{err}$r->{out}" !~ /no such table/;
		}
		is("@wrong", '', 'everything, or says what is missing');
		cmp_ok($failed, '>', 0, 'which it does');
	}
};

subtest 'the tool does' => sub {
	Attestmdm::Server::spew("$dir/one.csv", "serial_number\nC68NEW000001\n");
	Attestmdm::Server::spew("$dir/password", "correct horse battery\n");
	my @acts = (['ade', 'import', "$dir/one.csv"], ['ade', 'remove', 'C68SPARE0001'], ['host', 'block', $MAC],
	    ['enrollment', 'new', '--serial', $MAC], ['enrollment', 'revoke-link', $link],
	    ['cert', 'revoke', $cert], ['command', 'send', $MAC, 'SecurityInfo'], ['command', 'cancel', $MAC, $uuid],
	    ['setting', 'set', 'minimum_os_version_macos', '14.5'], ['admin', 'disable', 'admin'],
	    ['admin', 'add', 'eve', '--password-file', "$dir/password"],
	    ['admin', 'password', 'admin', '--password-file', "$dir/password"], ['renew', '--host', $MAC],
	    ['renew', '--due'], ['renew', '--all-to-acme'],
	    ['purge'], ['crl', '--publish'], ['migrate'], ['backup', "$dir/broken-backup"], ['check', '--stopped',
	    '--no-nginx', '--test-bench']);
	# What takes long meets the tables alone that it uses.
	my %uses = map { $_ => qr/^(?:activities|admins|hosts|settings)$/ } 'admin add', 'admin password', 'backup', 'check';
	for my $act (@acts) {
		my ($uses) = map { $uses{$_} // () } $act->[0], "@$act[0, 1]";
		unlink("$dir/broken-backup");
		my $sound = tool_without(undef, @$act);
		is($sound->{exit}, 0, "@$act[0, 1]") or diag($sound->{out}, $sound->{err});
		my ($failed, @wrong) = (0);
		for my $table (grep { !$uses || /$uses/ } @tables) {
			unlink("$dir/broken-backup");
			my $r = tool_without($table, @$act);
			next if $r->{exit} == 0;
			$failed++;
			push @wrong, "without $table: $r->{exit} $r->{err}" if $r->{exit} != 1;
			push @wrong, "without $table: changed"
			    if $act->[0] !~ /purge|crl|cert|renew/ && $t->fingerprint ne $before{$table};
		}
		is("@wrong", '', 'all, or nothing');
		note("@$act[0]: $failed tables");
	}
};

$t->done;
