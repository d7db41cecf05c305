#!/usr/bin/perl
# Mdm-Signature covers a message's body alone: what was captured once can be
# sent again, but not with the certificate of the device in TLS.
use strict;
use warnings;
use Attestmdm::Device;
use Attestmdm::Test;

my @intel = ('--product', 'MacBookPro16,1', '--os-version', '13.6');
my @silicon = ('--product', 'Mac15,3', '--os-version', '15.1');
my $day = 86400;
my $number = 0;

# What somebody captured: a poll and a question for the bootstrap token.
sub capture {
	my ($mac) = @_;
	my %bodies = (
		idle => Attestmdm::Device::plist(Status => 'Idle', UDID => $mac->{udid}),
		token => $mac->message('GetBootstrapToken'),
	);
	return { map { $_ => [$bodies{$_}, $mac->signature($bodies{$_})] } keys %bodies };
}

sub replay {
	my ($mac, $captured, $what) = @_;
	my ($body, $signature) = @{ $captured->{$what} };
	my $how = $what eq 'idle' ? 'poll' : 'checkin';
	return $mac->$how($body, signature => $signature, cert => undef);
}

# An enrolled Mac that has a bootstrap token.
sub mac {
	my ($t, @options) = @_;
	my $serial = sprintf('C22TEST%05d', ++$number);
	$t->assign($serial);
	my $mac = Attestmdm::Device->enroll($t, $serial, @options);
	my $r = $mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \'secret'));
	is($r->{status}, 200, 'a bootstrap token');
	return $mac;
}

# The Macs enroll and do everything by Mdm-Signature alone.
sub without_tls {
	my ($t, $mac) = @_;
	$t->db("UPDATE hosts SET client_certificate_at = NULL WHERE serial = '$mac->{serial}'");
}

sub rows { $_[0]->db("SELECT count(*) AS n FROM $_[1]")->[0]{n} }

subtest 'a captured message is worth nothing, today and in 100 days' => sub {
	my $t = Attestmdm::Test->new;
	like(Attestmdm::Server::slurp($t->server->conf), qr/^client_certificate = required$/m,
	    'attestmdm init requires the certificate');
	my $mac = mac($t, @intel);
	my $captured = capture($mac);
	without_tls($t, $mac);
	for my $days (0, 100) {
		$t->server->clock($days * $day);
		$t->tool_ok('renew', '--host', $mac->{serial});
		for my $what (qw(idle token)) {
			my $r = replay($mac, $captured, $what);
			is($r->{status}, 400, "after $days days: $what is refused with 400");
			unlike($r->{body}, qr/plist/, 'and gets nothing');
			$t->refused($mac->{serial}, $what eq 'idle' ? 'command' : 'bootstrap-token',
			    'MDM_CLIENT_CERTIFICATE');
		}
		like($mac->report('Idle')->{body}, qr/com\.apple\.security\.scep|InstallProfile/,
		    'the device itself gets its renewal');
		$t->change_db('DELETE FROM renewals');
		without_tls($t, $mac);
	}
	like($mac->checkin($mac->message('GetBootstrapToken'))->{body}, qr/c2VjcmV0/,
	    'and its token');
	$t->done;
};

subtest 'client_certificate = header: no secret by the header alone' => sub {
	my $t = Attestmdm::Test->new(config => { 'mdm.client_certificate' => 'header' });
	my $check = $t->tool('check', '--no-nginx', '--test-bench')->{out};
	like($check, qr/^warning +identity .*client_certificate = required/m, 'check advises against it');
	my $mac = mac($t, @intel);
	my $captured = capture($mac);
	is(replay($mac, $captured, 'idle')->{status}, 400,
	    'a host that showed its certificate has to show it again');
	$t->refused($mac->{serial}, 'command', 'MDM_CLIENT_CERTIFICATE');
	$t->tool_ok('renew', '--host', $mac->{serial});
	$t->tool_ok('command', 'send', $mac->{serial}, 'SecurityInfo');
	for my $days (0, 100) {
		without_tls($t, $mac);
		$t->server->clock($days * $day);
		if ($days) {
			$t->tool_ok('renew', '--due');
			$t->tool_ok('renew', '--host', $mac->{serial});
		}
		my $r = replay($mac, $captured, 'idle');
		is($r->{status}, 200, "after $days days: a poll by the header is answered");
		like($r->{body}, qr/SecurityInfo/, 'by what is no secret');
		my $token = replay($mac, $captured, 'token');
		is($token->{status}, 400, 'the bootstrap token is refused');
		unlike($token->{body}, qr/c2VjcmV0/, 'and not in the answer');
		$t->refused($mac->{serial}, 'bootstrap-token', 'MDM_CLIENT_CERTIFICATE');
	}
	my $held = sub { $t->db("SELECT serial FROM alarms WHERE kind = 'renewal-held' AND closed_at IS NULL") };
	is_deeply($held->(), [{ serial => $mac->{serial} }], 'an alarm says that the renewal is held back');
	like($mac->report('Idle')->{body}, qr/InstallProfile/, 'in TLS the renewal is there');
	is_deeply($held->(), [], 'and the alarm is over');
	without_tls($t, $mac);
	like(replay($mac, $captured, 'idle')->{body}, qr/SecurityInfo/,
	    'by the header it is not sent a second time either');
	$t->done;
};

subtest 'client_certificate = header: what needs the hardware is sent' => sub {
	my $t = Attestmdm::Test->new(config => { 'mdm.client_certificate' => 'header' });
	my $mac = mac($t, @silicon);
	my $captured = capture($mac);
	without_tls($t, $mac);
	$t->tool_ok('renew', '--host', $mac->{serial});
	my $r = replay($mac, $captured, 'idle');
	is($r->{status}, 200, 'a poll by the header');
	like($r->{body}, qr/InstallProfile/, 'gets the renewal by ACME');
	my %profile = (acme => 'com.apple.security.acme', scep => 'com.apple.security.scep');
	$mac->report('Error', CommandUUID => Attestmdm::Device::uuid_of($r));
	for my $kind (sort keys %profile) {
		my $file = $t->dir . "/$kind.plist";
		Attestmdm::Server::spew($file, Attestmdm::Device::plist(
			Command => { RequestType => 'InstallProfile',
			    Payload => \"<plist><string>$profile{$kind}</string></plist>" },
			CommandUUID => sprintf('22222222-0000-4000-8000-%012d', ++$number)));
		$t->tool_ok('command', 'send', $mac->{serial}, '--file', $file);
		without_tls($t, $mac);
		my $body = replay($mac, $captured, 'idle')->{body};
		unlike($body, qr/InstallProfile/, "no profile that an administrator sends: $kind");
		$mac->report('Acknowledged', CommandUUID => Attestmdm::Device::uuid_of($mac->report('Idle')));
	}
	my @token = (cert => undef);
	without_tls($t, $mac);
	for (['other', 400], ['', 400], ['secret', 200]) {
		my ($token, $status) = @$_;
		is($mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \$token), @token)->{status},
		    $status, "a stored bootstrap token, and now '$token'");
		$t->refused($mac->{serial}, 'bootstrap-token', 'MDM_CLIENT_CERTIFICATE') if $status != 200;
	}
	is($mac->host->{bootstrap_token}, '736563726574', 'is as it was');
	is($mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \'other'))->{status}, 200,
	    'the device changes it in TLS');
	my $new = $mac->again('certify');
	without_tls($t, $mac);
	is($new->checkin($new->message('Authenticate'), cert => undef)->{status}, 200,
	    'a host that never showed a certificate enrolls by the header');
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'then in TLS');
	is($new->report('Idle')->{status}, 200, 'again');
	is($new->poll($captured->{idle}[0], cert => undef)->{status}, 400, 'then it has to');
	my $open = sub { $t->db("SELECT count(*) AS n FROM alarms WHERE kind = 'signer-changed'"
	    . " AND closed_at IS NULL")->[0]{n} };
	is(replay($mac, $captured, 'idle')->{status}, 400, 'the certificate before, by the header');
	is($open->(), 1, 'is an alarm, although the new one was shown in TLS');
	my $anew = $mac->again('certify');
	is($anew->checkin($anew->message('Authenticate'), cert => undef)->{status}, 200,
	    'a new enrollment starts afresh');
	is($anew->checkin($anew->message('TokenUpdate'), cert => undef)->{status}, 200, 'by the header');
	is($mac->host->{client_certificate_at}, undef, 'it showed nothing yet');
	$t->done;
};

done_testing();
