package Attestmdm::Apple;

# A stand-in for one of Apple's services, played by attestmdm-sim: 'apns' or
# 'business'. It ends with the test's server, whose programs it joins.
#
#	my $apns = Attestmdm::Apple->start($t->server, 'apns');
#	$apns->script({ answer => $token, status => 410, reason => 'Unregistered' });
#	is($apns->log('pushes')->[-1]{status}, 410);

use strict;
use warnings;
use JSON::PP ();
use Time::HiRes qw(sleep time);

# Options after the kind go to attestmdm-sim. `name` tells two of a kind apart.
sub start {
	my ($class, $server, $kind, %o) = @_;
	my $name = delete $o{name} // $kind;
	my $self = bless { server => $server, name => $name, dir => "$server->{dir}/$name" }, $class;
	$server->spawn($name, $server->sim, $kind, '--state', $self->{dir},
	    '--clock-offset-file', "$server->{dir}/clock",
	    map { ("--$_" => $o{$_}) } sort keys %o);
	my $until = time + 60;
	until (($self->{port}) = $self->slurp("$server->{dir}/$name.log") =~ /^(\d+)$/m) {
		die "$name does not answer:\n" . $self->slurp("$server->{dir}/$name.log") if time > $until;
		sleep 0.02;
	}
	return $self;
}

sub slurp { my ($self, $file) = @_; -e $file ? Attestmdm::Server::slurp($file) : '' }

sub dir { $_[0]{dir} }
sub cacert { "$_[0]{dir}/ca.pem" }
sub url { "https://127.0.0.1:$_[0]{port}" }

# Writes a file with the CAs of several, for [apple] server_ca.
sub trust {
	my ($file, @all) = @_;
	Attestmdm::Server::spew($file, join('', map { Attestmdm::Server::slurp($_->cacert) } @all));
	return $file;
}

# Appends lines to its script; they count from now on.
sub script {
	my ($self, @lines) = @_;
	open(my $out, '>>', "$self->{dir}/script") or die "script: $!";
	print {$out} join('', map { JSON::PP::encode_json($_) . "\n" } @lines);
	close($out) or die "script: $!";
	return;
}

# The lines of one of its logs.
sub log {
	my ($self, $name) = @_;
	return [map { JSON::PP::decode_json($_) } split(/\n/, $self->slurp("$self->{dir}/$name.log"))];
}

# Gives the server a server token, as an administrator fetches one.
sub give_server_token {
	my ($self) = @_;
	my $server = $self->{server};
	my ($cert, $token) = map { "$self->{dir}/$_" } qw(given.pem given.p7m);
	my @tool = ($server->tool, '--config', $server->conf, 'ade', 'token');
	Attestmdm::Server::spew($cert, $server->run(@tool, 'new'));
	$server->run($server->sim, 'server-token', '--state', $self->{dir},
	    '--certificate', $cert, '-o', $token);
	$server->run(@tool, 'import', $token);
	return;
}

# Waits for the list with which a worker begins; returns the number of devices.
sub first_list {
	my ($self) = @_;
	my $server = $self->{server};
	my $until = time + 60;
	while (time < $until) {
		my $account = JSON::PP::decode_json($server->run($server->tool, '--config', $server->conf,
			'ade', 'token', 'show', '--json'));
		return $account->{devices} if $account->{synced_at};
		sleep 0.05;
	}
	die "no list of devices came\n";
}

# Gives the server a push certificate of its topic, in the same way.
sub give_push_certificate {
	my ($self) = @_;
	my $server = $self->{server};
	my ($csr, $cert) = map { "$self->{dir}/$_" } qw(given.csr given.pem);
	my @tool = ($server->tool, '--config', $server->conf, 'push-cert');
	$server->run(@tool, 'request', $csr);
	$server->run(@tool, 'import',
	    $self->push_certificate($csr, $cert, '--topic', $server->{topic}));
	return;
}

# A push certificate for a request; further options as push-certificate takes.
sub push_certificate {
	my ($self, $request, $out, @options) = @_;
	$self->{server}->run($self->{server}->sim, 'push-certificate', '--state', $self->{dir},
	    '--request', $request, '-o', $out, @options);
	return $out;
}

1;
