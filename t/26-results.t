#!/usr/bin/perl
# Results that XML, property lists or sizes have no room for: each ends its
# command, and the queue goes on.
use strict;
use warnings;
use Attestmdm::Admin;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;
my $admin = Attestmdm::Admin->new($t);
$admin->sign_in;
my $n = 0;

sub mac {
	my $serial = sprintf('C26TEST%05d', ++$n);
	$t->assign($serial);
	return Attestmdm::Device->enroll($t, $serial, @_);
}

sub send_command { $t->tool_json('command', 'send', $_[0]{serial}, $_[1])->{uuid} }
sub command { $t->tool_json('command', 'show', $_[0]) }

# The simulator fetches its commands and answers the list of applications as the
# fault says. Returns how both commands are afterwards.
sub polls_with {
	my ($mac, $fault, @options) = @_;
	my ($odd, $next) = (send_command($mac, 'InstalledApplicationList'), send_command($mac, 'SecurityInfo'));
	my $run = $t->sim('poll', '--state', $mac->{state}, '--fault', $fault, @options);
	is($run->{exit}, 0, "$fault: polled") or diag($run->{out}, $run->{err});
	is(command($next)->{state}, 'acknowledged', 'the next command is done');
	return command($odd);
}

subtest 'control characters and nan are replaced' => sub {
	my $c = polls_with(mac(), 'result-control-characters');
	is($c->{state}, 'acknowledged', 'done');
	like($c->{note}, qr/^changed in 3 places/, 'marked as changed');
	like($c->{result}, qr{<string>Odd\x{fffd}\x{fffd}\x{fffd}</string>}, 'with U+FFFD in their place');
	$c = polls_with(mac(), 'result-nan');
	is($c->{state}, 'acknowledged', 'nan: done');
	like($c->{result}, qr{<string>nan</string>}, 'and kept as text');
};

subtest 'what cannot be repaired is not stored' => sub {
	my $mac = mac();
	my $c = polls_with($mac, 'result-damaged');
	is("$c->{state} $c->{note}", 'acknowledged not stored: property list has a key without a value',
	    'done, and marked');
	is($c->{result}, '', 'without a result');
	like($admin->get("/admin/hosts/$c->{host_id}")->{body}, qr{not stored: property list has a key},
	    'the page of the host says so, too');
	$c = polls_with(mac(), 'result-many-values');
	is("$c->{state} $c->{note}", 'acknowledged not stored: property list has too many values',
	    '120,000 values');
};

subtest 'a result of 22 MB ends its command' => sub {
	my $c = polls_with(mac(), 'result-large');
	is($c->{state}, 'acknowledged', 'done');
	like($c->{note}, qr/^not stored: it has \d{8} bytes/, 'marked');
};

subtest 'a result larger than is received ends its command after three times' => sub {
	my $mac = mac();
	my ($bad, $next) = (send_command($mac, 'InstalledApplicationList'), send_command($mac, 'SecurityInfo'));
	# For the program, and for nginx, which passes on that there was one.
	my $body = 'x' x ((32 << 20) + 1);
	my $huge = 'x' x (34 << 20);
	for my $i (1 .. 3) {
		is(Attestmdm::Device::uuid_of($mac->report('Idle')), $bad, 'sent');
		my $r = $mac->poll($i == 1 ? $body : $huge, signature => undef);
		is("$r->{status} " . Attestmdm::Device::uuid_of($r), '200 ' . ($i < 3 ? '' : $next),
		    $i < 3 ? 'answered' : 'and the next one follows');
	}
	is(command($bad)->{state}, 'error', 'failed');
	like($t->tool_ok('enrollment', 'show', $mac->{serial}), qr/larger than the server receives/,
	    'and the event log says why');
	is($mac->poll($_, signature => 'AAAA', cert => undef)->{status}, 413, 'without a TLS certificate: 413')
	    for $body, $huge;
};

subtest 'answers that do not tell what became of the command' => sub {
	my $mac = mac();
	my ($bad, $next) = (send_command($mac, 'InstalledApplicationList'), send_command($mac, 'SecurityInfo'));
	for my $i (1 .. 3) {
		is(Attestmdm::Device::uuid_of($mac->report('Idle')), $bad, 'sent');
		my $r = $mac->poll('no property list');
		is("$r->{status} " . Attestmdm::Device::uuid_of($r), '200 ' . ($i < 3 ? '' : $next),
		    $i < 3 ? 'the command waits' : 'the next one follows');
	}
	is(command($bad)->{state}, 'error', 'the third one is the last');
	my $alarm = $t->db("SELECT * FROM alarms WHERE serial = '$mac->{serial}'")->[0];
	is("$alarm->{kind} " . ($alarm->{closed_at} || 'open'), 'result-unreadable open', 'an alarm');
	like($alarm->{text}, qr/InstalledApplicationList \(\Q$bad\E\).*3 answers could not be read/, 'says which');
};

subtest 'a renewal whose answer cannot be read is over, and tried again' => sub {
	my $mac = mac();
	is($t->tool_json('renew', '--host', $mac->{serial})->{opened}, 1, 'opened');
	for (1 .. 3) {
		like($mac->report('Idle')->{body}, qr/InstallProfile/, 'sent');
		$mac->poll('no property list');
	}
	my $r = $t->db("SELECT * FROM renewals WHERE host_id ="
	    . " (SELECT id FROM hosts WHERE serial = '$mac->{serial}')")->[0];
	is($r->{failures}, 1, 'failed');
	like($r->{last_error}, qr/its answer could not be read/, 'for its reason');
	ok($r->{next_try_at} > time, 'to be tried again');
};

subtest 'check-in messages stay strict' => sub {
	my $mac = mac();
	for my $bad ("a\x01b", "\x7f", "\xff") {
		my $r = $mac->checkin($mac->message('Authenticate', DeviceName => $bad));
		is($r->{status}, 400, 'a control character in Authenticate');
	}
	my $body = $mac->message('TokenUpdate');
	$body =~ s{<dict>}{<dict><key>x</key><real>nan</real>};
	is($mac->checkin($body)->{status}, 400, 'nan in TokenUpdate');
	is($mac->poll($body, type => $Attestmdm::Device::TYPE_CHECKIN)->{status}, 400, 'at the other URL, too');
};

subtest 'messages without a content type are read' => sub {
	my $mac = mac();
	my $uuid = send_command($mac, 'SecurityInfo');
	my @untyped = (type => undef);
	is($mac->checkin($mac->message('TokenUpdate'), @untyped)->{status}, 200, 'a check-in message');
	is($mac->poll($mac->message('TokenUpdate'), @untyped)->{status}, 200, 'at the other URL');
	my $r = $mac->poll(Attestmdm::Device::plist(UDID => $mac->{udid}, Status => 'Idle'), @untyped);
	is(Attestmdm::Device::uuid_of($r), $uuid, 'a report');
	is($mac->poll(Attestmdm::Device::plist(UDID => $mac->{udid}, Status => 'Idle'),
	    type => 'text/html')->{status}, 400, 'but none of another type');
};

$t->done;
