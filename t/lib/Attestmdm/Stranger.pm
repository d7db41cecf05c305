package Attestmdm::Stranger;

# A program of somebody else's, in the hands of a small script in t/strangers that
# takes commands as lines of JSON and answers each with one. t/strangers/install
# puts it into the build folder.
#
#	Attestmdm::Stranger->need('npm');
#	my $s = Attestmdm::Stranger->start($t, 'provider', 'oidc-provider.js');
#	is($s->ask('rotate')->{kid}, 'second');

use strict;
use warnings;
use IO::Handle;
use IPC::Open2;
use JSON::PP ();
use POSIX qw(WNOHANG);
use Test::More ();
use Time::HiRes qw(sleep time);

use Attestmdm::Server;

my $SECONDS = 60;
my $JSON = JSON::PP->new->canonical->utf8->allow_nonref;

sub folder { return ($ENV{ATTESTMDM_BUILD} || "$Attestmdm::Server::TOP/build") . '/strangers' }
sub source { return "$Attestmdm::Server::TOP/t/strangers/$_[0]" }
sub python { return folder() . '/venv/bin/python' }

# Why what comes from 'npm' or 'pypi' is not here; nothing when it is.
sub lacks {
	my ($registry) = @_;
	return if -e folder() . "/$registry.done";
	my $file = folder() . "/$registry.missing";
	return 'it is not installed: ./runtests --strangers does' if !-e $file;
	chomp(my $why = Attestmdm::Server::slurp($file));
	return $why;
}

# Skips the whole file without what comes from there.
sub need {
	my ($class, $registry) = @_;
	my $why = lacks($registry);
	Test::More::plan(skip_all => $why) if $why;
	return;
}

# Runs a script of t/strangers, by Node.js or Python.
sub start {
	my ($class, $t, $name, $script, @args) = @_;
	my @cmd = $script =~ /\.py$/ ? python() : 'node';
	local $ENV{NODE_PATH} = folder() . '/node_modules';
	local $ENV{NODE_NO_WARNINGS} = 1;
	open(my $old, '>&', \*STDERR) or die $!;
	open(STDERR, '>>', $t->dir . "/$name.log") or die $!;
	my $pid = open2(my $out, my $in, @cmd, source($script), @args);
	open(STDERR, '>&', $old) or die $!;
	$in->autoflush(1);
	return bless { pid => $pid, in => $in, out => $out, name => $name, dir => $t->dir, owner => $$ }, $class;
}

# One command; returns its answer.
sub ask {
	my ($self, $command, %arguments) = @_;
	my $answer;
	{
		local $SIG{ALRM} = sub { die "$self->{name}: no answer to $command in $SECONDS s\n" };
		local $SIG{PIPE} = 'IGNORE';
		alarm($SECONDS);
		print { $self->{in} } $JSON->encode({ do => $command, %arguments }), "\n";
		$answer = readline($self->{out});
		alarm(0);
	}
	die "$self->{name} ended at $command:\n" . Attestmdm::Server::slurp("$self->{dir}/$self->{name}.log")
	    if !defined $answer;
	$answer = $JSON->decode($answer);
	die "$self->{name}: $command: $answer->{failed}\n" if ref $answer eq 'HASH' && defined $answer->{failed};
	return $answer;
}

# Its standard input ends, and so does it.
sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	close($self->{in});
	my $until = time + 10;
	while (waitpid($pid, WNOHANG) == 0) {
		if (time > $until) {
			kill('KILL', $pid);
			waitpid($pid, 0);
			last;
		}
		sleep 0.02;
	}
	return $?;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $!);
	$self->stop if $self->{owner} == $$;
}

1;
