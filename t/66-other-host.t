#!/usr/bin/perl
# A backup restored on another host, whose system users have other numbers.
use strict;
use warnings;
use File::Path qw(remove_tree);
use Attestmdm::Installed;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(start => 0);
my $i = Attestmdm::Installed->new(t => $t);
my ($state, $backup) = ("$i->{dir}/var", $t->dir . '/backup');
my @users = qw(attestmdm attestmdm-acme attestmdm-scep);
my $page_user = 'attestmdm-admin';

is($i->run($i->init)->{exit}, 0, 'init');
my $r = $i->tool('root', "backup $backup");
is($r->{exit}, 0, 'backup') or diag($r->{err});
is($i->tool('attestmdm', "backup $backup.2")->{exit}, 1, 'only root reads all of it');

remove_tree($state, "$i->{dir}/etc");
$i->users('attestmdm', 'attestmdm-acme', $page_user);
$r = $i->run("$i->{tool} restore $backup");
is($r->{exit}, 3, 'not where the users are missing');
like($r->{err}, qr/no user attestmdm-scep/, 'and says so');
ok(!-e $state, 'and nothing was written');

$Attestmdm::Installed::GROUP += 900;
$Attestmdm::Installed::USERS{$_} += 900 for @users, $page_user;
$i->users(@users, $page_user);
$r = $i->run("$i->{tool} restore $backup");
is($r->{exit}, 0, 'restored') or diag($r->{err});
like($i->rights, qr/^ok: /, 'everything belongs to the users of this host');
is((stat("$state/acme-ca.key"))[4], $Attestmdm::Installed::USERS{'attestmdm-acme'}, 'by their names');
is($i->tool($_, 'setting set minimum_os_version_macos 14.1')->{exit}, 0, "$_ writes to the database")
    for @users;
is($i->tool('root', 'crl --publish')->{exit}, 0, 'both CAs sign');

$t->done;
