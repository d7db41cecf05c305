#!/usr/bin/perl
# The shipped examples for [alarms] command: what they send, and that nothing that a
# device wrote is more than text to them.
use strict;
use warnings;
use File::Temp;
use IO::Socket::INET;
use POSIX ();
use JSON::PP ();
use Test::More;

use Attestmdm::Server;

my $dir = File::Temp->newdir('attestmdm-XXXXXX', TMPDIR => 1);

# A name that is a line of a header, a member of the document, a shell's command
# and the end of a mail at once.
my $hostile = qq(C02\r\nBcc: evil\@example.com\n.\nQUIT\n","severity":"low","kind":"fine' )
    . qq(`touch $dir/owned` \$(touch $dir/owned);"\\ \x{2603});

# As the worker writes it: in one line.
my $document = '{"id":7,"event":"raise","kind":"signer-changed","severity":"critical","subject":"h1","serial":"C02A",'
    . '"text":' . JSON::PP->new->utf8->allow_nonref->encode($hostile)
    . ',"raised_at":1795845600,"closed_at":null,"url":"https://mdm.example.com/admin/alarms"}';

sub spew { my ($file, $text) = @_; Attestmdm::Server::spew("$dir/$file", $text); chmod(0755, "$dir/$file"); return "$dir/$file" }
sub slurp { -e "$dir/$_[0]" ? Attestmdm::Server::slurp("$dir/$_[0]") : '' }

# A copy of an example, changed where it says that it has to be.
sub example {
	my ($name, %values) = @_;
	my $text = Attestmdm::Server::slurp("$Attestmdm::Server::TOP/examples/$name");
	for (sort keys %values) {
		$text =~ s/^\Q$_\E=.*$/$_=$values{$_}/m or die "$name has no $_";
	}
	return spew($name, $text);
}

# Runs it as the worker does; its exit status.
sub run {
	my ($command, $path) = @_;
	spew('document', $document);
	my $pid = fork() // die $!;
	if (!$pid) {
		%ENV = (PATH => $path // '/usr/bin:/bin', LANG => 'C.UTF-8');
		chdir('/');
		open(STDIN, '<', "$dir/document");
		open(STDOUT, '>', "$dir/output");
		open(STDERR, '>&', \*STDOUT);
		exec($command) or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return $? >> 8;
}

subtest 'mail' => sub {
	my $sendmail = spew('sendmail', qq(#!/bin/sh\nprintf '%s\\n' "\$@" >$dir/arguments\ncat >$dir/mail\n));
	my $command = example('alarm-mail', sendmail => $sendmail, to => 'it@example.com', from => 'mdm@example.com');
	is(run($command), 0, 'is sent') or diag(slurp('output'));
	is(slurp('arguments'), "-i\n-f\nmdm\@example.com\n--\nit\@example.com\n", 'to whom it should');
	my ($head, $body) = split(/\n\n/, slurp('mail'), 2);
	is_deeply([split(/\n/, $head)], [
		'From: attestmdm <mdm@example.com>',
		'To: it@example.com',
		'Subject: [attestmdm] critical: signer-changed (raise)',
		'Auto-Submitted: auto-generated',
		'MIME-Version: 1.0',
		'Content-Type: text/plain; charset=utf-8',
		'Content-Transfer-Encoding: 8bit',
	], 'with no header but ours');
	unlike($body, qr/^Bcc:|^\.$/m, 'what looks like one stays within its line');
	like($body, qr/^serial: "C02A"$/m, 'the rest is there, one member in each line');
	(my $whole = $body) =~ s/\n//g;
	(my $wanted = $document) =~ s/,"([a-z_]*)":/$1: /g;
	is($whole, $wanted, 'all of it');
	spew('sendmail', "#!/bin/sh\necho 'no queue' >&2\nexit 75\n");
	is(run($command), 75, 'when it cannot be sent, that is the status');
	like(slurp('output'), qr/no queue/, 'and the reason');
};

# Serves one request with that answer; returns the request.
sub serve {
	my ($listener, $answer) = @_;
	my $pid = fork() // die $!;
	return $pid if $pid;
	alarm(20);
	my ($c, $request) = (scalar $listener->accept, '');
	while ($request !~ /\r\n\r\n/) { sysread($c, $request, 4096, length $request) or last }
	my ($n) = $request =~ /^Content-Length: (\d+)/mi;
	while (length($request =~ s/.*?\r\n\r\n//sr) < ($n // 0)) { sysread($c, $request, 4096, length $request) or last }
	spew('request', $request);
	print {$c} "HTTP/1.1 $answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	close($c);
	POSIX::_exit(0);
}

subtest 'webhook' => sub {
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $!;
	my $url = 'http://127.0.0.1:' . $listener->sockport . '/alarm';
	my $command = example('alarm-webhook', url => $url);
	isnt(run($command), 0, 'without TLS nothing is sent');
	like(slurp('output'), qr/[Pp]rotocol/, 'and curl says so');
	# What listens here has no TLS: curl is told last that this will do.
	mkdir("$dir/bin") or die $!;
	spew('bin/curl', qq(#!/bin/sh\nexec /usr/bin/curl "\$@" --proto =http\n));
	for (['204 No Content', 0], ['200 OK', 0], ['302 Found', 1], ['500 Internal Server Error', 1]) {
		my ($answer, $status) = @$_;
		my $pid = serve($listener, $answer);
		is(run($command, "$dir/bin:/usr/bin:/bin"), $status, "the answer $answer");
		waitpid($pid, 0);
		my ($head, $body) = split(/\r\n\r\n/, slurp('request'), 2);
		is($body, $document, 'the document came, byte by byte');
		like($head, qr{^POST /alarm HTTP/1}, 'by POST');
		like($head, qr{^Content-Type: application/json\r$}m, 'as JSON');
		like(slurp('output'), $status ? qr/answers \d+/ : qr/^$/, 'what it says');
	}
};

ok(!-e "$dir/owned", 'no shell ran what a device wrote');
done_testing();
