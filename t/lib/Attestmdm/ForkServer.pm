package Attestmdm::ForkServer;

# Runs a program as t/tools/fork-server.c says: one that has loaded its
# libraries forks, which is ten times cheaper than to start it again.
#
#	my $server = Attestmdm::ForkServer->new($preload, '/usr/bin/curl');
#	my $status = $server->run($out, $err, 'curl', '--version');

use strict;
use warnings;
use Fcntl qw(F_SETFD);
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

# preload: the library.
sub new {
	my ($class, $preload, $program) = @_;
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		fcntl($theirs, F_SETFD, 0);
		$ENV{FORK_SERVER} = fileno($theirs);
		$ENV{LD_PRELOAD} = $preload;
		exec($program) or POSIX::_exit(127);
	}
	return bless { socket => $ours, owner => $$, pid => $pid }, $class;
}

# A forked test must start a server of its own.
sub is_mine { $_[0]{owner} == $$ }

# Standard output and error go to these files. Returns the wait status.
sub run {
	my ($self, $out, $err, @cmd) = @_;
	my $request = join('', map { "$_\0" } $out, $err, scalar @cmd, @cmd,
	    map { "$_=$ENV{$_}" } sort keys %ENV);
	local $SIG{PIPE} = 'IGNORE';
	utf8::encode($request) if utf8::is_utf8($request);
	my $message = pack('L', length $request) . $request;
	syswrite($self->{socket}, $message) == length $message or die "$cmd[0]: $!";
	my $n = sysread($self->{socket}, my $answer, 4) // die "$cmd[0]: $!";
	die "$cmd[0]: no answer" if $n != 4;
	return unpack('l', $answer);
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $!);
	return if !$self->is_mine;
	kill('TERM', $self->{pid});
	waitpid($self->{pid}, 0);
}

1;
