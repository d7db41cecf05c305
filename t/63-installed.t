#!/usr/bin/perl
# attestmdm init as root gives every file to the right system user. In a mount
# namespace of its own, whose /etc/passwd has the two users.
use strict;
use warnings;
use lib 't/lib';
use Attestmdm::Test;

plan skip_all => 'this needs root' if $> != 0;
plan skip_all => 'unshare or setpriv is missing'
    if system('unshare -m true && setpriv --version >/dev/null') != 0;
plan skip_all => 'other users cannot reach the build folder'
    if system('setpriv --reuid 65534 --regid 65534 --clear-groups test -x '
	. Attestmdm::Server->new(dir => '/nonexistent')->tool) != 0;

my $t = Attestmdm::Test->new(start => 0);
my $dir = $t->dir . '/installed';
my $conf = "$dir/etc/attestmdm.conf";
my $tool = $t->server->tool;
my $init = "$tool init --config $conf --state $dir/var --url https://mdm.example.com"
    . ' --organization Example --topic com.apple.mgmt.x';
my $check = "$tool check --config $conf --no-nginx --json";
my ($programs, $ca) = map { "setpriv --reuid $_ --regid 64990 --clear-groups " } 64990, 64991;

mkdir($dir);
chmod(0755, $_) for $t->dir, $dir;
for (['passwd', "attestmdm:x:64990:64990::/:/bin/false\nattestmdm-ca:x:64991:64990::/:/bin/false\n"],
    ['group', "attestmdm:x:64990:\n"]) {
	my @kept = grep { !/^attestmdm/ } split(/^/, Attestmdm::Server::slurp("/etc/$_->[0]"));
	Attestmdm::Server::spew("$dir/$_->[0]", join('', @kept) . $_->[1]);
	chmod(0644, "$dir/$_->[0]");
}

# Runs a shell line as if the system had the users.
sub installed {
	my ($line) = @_;
	return $t->command('unshare', '-m', 'sh', '-c',
	    "mount --bind $dir/passwd /etc/passwd && mount --bind $dir/group /etc/group && $line");
}

sub rights {
	my $doc = JSON::PP::decode_json(installed($check)->{out});
	return join('; ', map { "$_->{result}: $_->{text}" } grep { $_->{check} eq 'rights' } @{ $doc->{checks} });
}

my $r = installed($init);
is($r->{exit}, 0, 'init as root') or diag($r->{err});
like($r->{out}, qr/systemctl enable/, 'prints the next steps');
like(rights(), qr/^ok: /, 'check finds the rights good');

for ('acme-ca.key', 'scep-ca.key') {
	is(installed("$programs cat $dir/var/$_")->{exit}, 1, "attestmdm cannot read $_");
	is(installed("$ca cat $dir/var/$_")->{exit}, 0, 'attestmdm-ca can');
}
is(installed("$programs $tool setting set minimum_os_version_macos 14.1 --config $conf")->{exit},
    0, 'attestmdm writes to the database');
is(installed("$programs $tool crl --publish --config $conf")->{exit}, 1, 'but signs nothing');
is(installed("$ca $tool crl --publish --config $conf")->{exit}, 0, 'attestmdm-ca publishes the list');
is(installed("$ca $tool purge --config $conf")->{exit}, 0, 'and keeps house');
is(installed("setpriv --reuid 65534 --regid 65534 --clear-groups cat $dir/var/public/$_.crl")->{exit},
    0, "anybody, as nginx, reaches the list of $_") for 'acme', 'scep';
is(installed("setpriv --reuid 65534 --regid 65534 --clear-groups cat $dir/var/attestmdm.db")->{exit},
    1, 'but not the database');

my $secret = "$dir/etc/nginx-secret.conf";
is(installed("$_ cat $secret")->{exit}, 0, "the programs read nginx's secret") for $programs, $ca;
is(installed("setpriv --reuid 65534 --regid 65534 --clear-groups cat $secret")->{exit}, 1,
    'nobody else does');
is((stat($secret))[4], 0, 'it belongs to root');
isnt(installed("$programs sh -c 'echo >>$secret'")->{exit}, 0, 'and only root changes it');
unlink($secret);
$r = installed("$programs $tool migrate --config $conf");
is($r->{exit}, 2, 'an upgrade makes it as root alone');
like($r->{err}, qr/as root/, 'and says so');
is(installed("$tool migrate --config $conf")->{exit}, 0, 'root makes it');
is(sprintf('%04o', (stat($secret))[2] & 07777), '0640', 'with the same mode');

# From before SCEP: only root may give the new key away.
unlink(glob("$dir/var/scep-ca.* $dir/var/public/scep.crl"));
my $refused = installed("$programs $tool migrate --config $conf");
is($refused->{exit}, 2, 'attestmdm makes no CA');
like($refused->{err}, qr/as root/, 'and says who does');
is(installed("$tool migrate --config $conf")->{exit}, 0, 'root does');
is(installed("$programs cat $dir/var/scep-ca.key")->{exit}, 1, 'which attestmdm cannot read');
like(rights(), qr/^ok: /, 'and all is as init leaves it');
chown(0, 0, "$dir/var/scep-ca.key");
is(installed("$tool migrate --config $conf")->{exit}, 0, 'a run that was cut short');
like(rights(), qr/^ok: /, 'is completed by the next');
rename("$dir/var/scep-ca.key", "$dir/key");
symlink("$dir/key", "$dir/var/scep-ca.key");
chown(0, 0, "$dir/key");
is(installed("$tool migrate --config $conf")->{exit}, 1, 'a link in the place of the key');
is((stat("$dir/key"))[4], 0, 'leads nobody to what it points at');
unlink("$dir/var/scep-ca.key");
rename("$dir/key", "$dir/var/scep-ca.key");
is(installed("$tool migrate --config $conf")->{exit}, 0, 'the key is back');

# The lock and what SQLite writes, made anew by root: the group shares them.
unlink(glob("$dir/var/attestmdm.db.lock $dir/var/attestmdm.db-*"));
is(installed("$tool setting set minimum_os_version_macos 14.2 --config $conf")->{exit}, 0,
    'root writes first');
is(installed("$_ $tool setting set minimum_os_version_macos 14.3 --config $conf")->{exit}, 0,
    'then the users still can') for $programs, $ca;
isnt(installed("$programs touch $dir/var/public/x")->{exit}, 0,
    'only attestmdm-ca puts files where all may read');
like(Attestmdm::Server::slurp('systemd/tmpfiles.d/attestmdm.conf'),
    qr{^d /var/lib/attestmdm 2771 .*\nd /var/lib/attestmdm/public 0755 }m,
    'systemd-tmpfiles gives the same modes');

for (['acme-ca.key', 0640, qr/attestmdm may read it/],
    ['scep-ca.key', 0640, qr/attestmdm may read it/],
    ['nonce.key', 0600, qr/attestmdm may not read/],
    ['attestmdm.db', 0640, qr/attestmdm-ca may not write/],
    ['attestmdm.db.lock', 0600, qr/may not write .*lock/],
    ['', 0771, qr/without setgid/],
    ['public', 0555, qr/attestmdm-ca may not write/]) {
	my ($name, $mode, $reason) = @$_;
	my $kept = (stat("$dir/var/$name"))[2] & 07777;
	chmod($mode, "$dir/var/$name");
	like(rights(), $reason, sprintf('%s with mode %04o is bad', $name, $mode));
	chmod($kept, "$dir/var/$name");
}

$r = $t->command('unshare', '-m', 'sh', '-c',
    "grep -v ^attestmdm /etc/passwd >$dir/none; mount --bind $dir/none /etc/passwd && "
    . ($init =~ s/installed/other/gr));
is($r->{exit}, 4, 'without the users init is refused');
like($r->{err}, qr/systemd-sysusers/, 'and says what to do');

$t->done;
