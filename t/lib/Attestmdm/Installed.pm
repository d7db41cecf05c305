package Attestmdm::Installed;

# An installation as `attestmdm init` makes it as root, with the system users, in
# a folder of its own. Commands run in a mount namespace whose /etc/passwd and
# /etc/group have the users. Skips the file where that cannot be.

use strict;
use warnings;
use Test::More;

use Attestmdm::Server;

our $GROUP = 64990;
our %USERS = (attestmdm => 64990, 'attestmdm-acme' => 64991, 'attestmdm-scep' => 64992,
	'attestmdm-ca' => 64993, 'attestmdm-admin' => 64994, 'attestmdm-worker' => 64995, nobody => 65534);

# t: the Attestmdm::Test; users: the system users that exist.
sub new {
	my ($class, %o) = @_;
	my $self = bless { users => [qw(attestmdm attestmdm-acme attestmdm-scep attestmdm-admin attestmdm-worker)], %o }, $class;
	plan skip_all => 'this needs root' if $> != 0;
	plan skip_all => 'unshare or setpriv is missing'
	    if system('unshare -m true && setpriv --version >/dev/null') != 0;
	plan skip_all => 'other users cannot reach the build folder'
	    if system(as('nobody') . 'test -x ' . Attestmdm::Server->new(dir => '/nonexistent')->tool) != 0;
	$self->{dir} = $self->{t}->dir . '/installed';
	$self->{conf} = "$self->{dir}/etc/attestmdm.conf";
	$self->{tool} = $self->{t}->server->tool;
	mkdir($self->{dir});
	chmod(0755, $_) for $self->{t}->dir, $self->{dir};
	$self->users(@{ $self->{users} });
	return $self;
}

# The shell words before a command that run it as a user of the group.
sub as {
	my ($user) = @_;
	my $group = $user eq 'nobody' ? $USERS{nobody} : $GROUP;
	return "setpriv --reuid $USERS{$user} --regid $group --clear-groups ";
}

# From now on these users exist.
sub users {
	my ($self, @users) = @_;
	my %lines = (passwd => join('', map { "$_:x:$USERS{$_}:$GROUP\::/:/bin/false\n" } @users),
		group => "attestmdm:x:$GROUP:\n");
	for my $file (sort keys %lines) {
		my @kept = grep { !/^attestmdm/ } split(/^/, Attestmdm::Server::slurp("/etc/$file"));
		Attestmdm::Server::spew("$self->{dir}/$file", join('', @kept) . $lines{$file});
		chmod(0644, "$self->{dir}/$file");
	}
}

# The shell line that runs another one in the namespace.
sub words {
	my ($self, $line) = @_;
	return ('unshare', '-m', 'sh', '-c', "mount --bind $self->{dir}/passwd /etc/passwd"
		. " && mount --bind $self->{dir}/group /etc/group && $line");
}

# Runs a shell line as if the system had the users.
sub run {
	my ($self, $line) = @_;
	return $self->{t}->command($self->words($line));
}

sub init {
	my ($self, $state) = @_;
	$state //= "$self->{dir}/var";
	return "$self->{tool} init --config $self->{conf} --state $state --url https://mdm.example.com"
	    . ' --organization Example --topic com.apple.mgmt.x';
}

# The tool with this installation's configuration, as a user or as root.
sub tool {
	my ($self, $user, $command) = @_;
	return $self->run(($user eq 'root' ? '' : as($user)) . "$self->{tool} $command --config $self->{conf}");
}

# What `attestmdm check` says about rights.
sub rights {
	my ($self) = @_;
	my $doc = JSON::PP::decode_json($self->tool('root', 'check --no-nginx --json')->{out});
	return join('; ', map { "$_->{result}: $_->{text}" }
		grep { $_->{check} eq 'rights' } @{ $doc->{checks} });
}

1;
