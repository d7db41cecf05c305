package Attestmdm::Http;

# One HTTP/1.1 request over a Unix socket, without TLS: far cheaper than a
# process of curl for each of some thousand requests.
#
#	my $r = Attestmdm::Http::request($socket, 'POST', '/enroll', {
#	    Host => 'mdm.example.com' }, $body);
#	is($r->{status}, 200);
#
# Returns { version, status, headers (lower-case names), body }. A header's value may be
# a list; Content-Length is added unless a Transfer-Encoding is given.

use strict;
use warnings;
use IO::Socket::UNIX;

my $SECONDS = 30;

sub request {
	my ($path, $method, $target, $headers, $body) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!";
	# The server may answer, and close, before it has read all.
	local $SIG{PIPE} = 'IGNORE';
	local $SIG{ALRM} = sub { die "$method $target: no answer in $SECONDS s\n" };
	alarm($SECONDS);
	$socket->print(message($method, $target, $headers, $body));
	$socket->flush;
	my $answer = do { local $/; <$socket> } // '';
	alarm(0);
	my $parsed = parse($answer);
	# (HEAD announces a length and sends none)
	return $method eq 'HEAD' ? $parsed : whole($parsed);
}

sub message {
	my ($method, $target, $headers, $body) = @_;
	my %headers = (Accept => '*/*', Connection => 'close', %$headers);
	if (defined $body && exists $headers{'Transfer-Encoding'}) {
		$body = sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body);
	} elsif (defined $body) {
		$headers{'Content-Length'} //= length $body;
	}
	return join("\r\n", "$method $target HTTP/1.1", lines(\%headers), '', $body // '');
}

# Headers as "name: value".
sub lines {
	my ($headers) = @_;
	return map {
		my ($name, $value) = ($_, $headers->{$_});
		map { "$name: $_" } ref $value ? @$value : $value;
	} sort keys %$headers;
}

# Takes an answer apart.
sub parse {
	my ($answer) = @_;
	my ($head, $body) = split(/\r\n\r\n/, $answer // '', 2);
	return parse($body) if ($head // '') =~ m{^HTTP/[\d.]+ 1\d\d };
	my ($status, @lines) = split(/\r\n/, $head // '');
	my %answer = (headers => {}, body => $body // '');
	@answer{qw(version status)} = ($status // '') =~ m{^HTTP/([\d.]+) (\d{3}) }
	    or die "not an answer: $answer";
	for (@lines) {
		my ($name, $value) = /^([^:]+): *(.*)$/ or die "not a header: $_";
		my $more = $answer{headers}{ lc $name };
		$answer{headers}{ lc $name } = defined $more ? "$more, $value" : $value;
	}
	return \%answer;
}

# Joins the chunks of a body, and sees that nothing is cut off.
sub whole {
	my ($answer) = @_;
	my $headers = $answer->{headers};
	if (($headers->{'transfer-encoding'} // '') eq 'chunked') {
		my ($chunks, $n) = ($answer->{body});
		$answer->{body} = '';
		while ($chunks =~ s/^([0-9a-f]+)\r\n//i && ($n = hex $1)) {
			die 'cut off' if length $chunks < $n + 2;
			$answer->{body} .= substr($chunks, 0, $n);
			substr($chunks, 0, $n + 2) = '';
		}
		die 'cut off' if !defined $n || $n != 0;
	} elsif (defined $headers->{'content-length'}) {
		die 'cut off' if length $answer->{body} != $headers->{'content-length'};
	}
	return $answer;
}

1;
