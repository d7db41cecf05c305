#!/usr/bin/perl
# Certificates, challenges and names that were right once and are used later, or
# by somebody else, to take the place of a device.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64);
use Attestmdm::Acme;
use Attestmdm::Device;
use Attestmdm::Test;

plan skip_all => 'scep is not installed' if !Attestmdm::Test::installed('scepclient');

my $HOUR = 3600;
my $t = Attestmdm::Test->new(older => 1);
my @intel = ('--product', 'MacBookPro16,1', '--os-version', '13.6');
my $n = 0;

sub require_attestation { $t->tool_ok('setting', 'set', 'apple_require_hardware_attestation', $_[0], '--yes') }
sub business_only { $t->tool_ok('setting', 'set', 'apple_business_enrollments_only', $_[0], '--yes') }

sub assigned {
	my $serial = sprintf('C36TEST%05d', ++$n);
	$t->assign($serial);
	return $serial;
}

sub authenticates { my $mac = shift; $mac->checkin($mac->message('Authenticate', @_))->{status} }
sub updates { $_[0]->checkin($_[0]->message('TokenUpdate'))->{status} }

sub enters {
	my ($mac, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(authenticates($mac) . ' ' . updates($mac), '200 200', $name);
}

# The device with the profile of a link for any device.
sub by_link {
	my ($serial, @options) = @_;
	my $made = $t->tool_json('enrollment', 'new', @options);
	my ($path) = $made->{url} =~ m{^https://[^/]+(/.*)};
	my $mac = Attestmdm::Device->begin($t, $serial);
	my ($challenge) = $t->http(POST => $path, body => '')->{body}
	    =~ m{<key>Challenge</key>\s*<string>([^<]+)<};
	$mac->scepclient($challenge) or die 'no certificate';
	$mac->{link} = $made->{id};
	return $mac;
}

# The challenge in the InstallProfile command that waits.
sub renewal_challenge {
	my ($data) = $_[0]->report('Idle')->{body} =~ m{<key>Payload</key>\s*<data>([^<]+)<}
	    or die 'no command';
	my ($challenge) = decode_base64($data) =~ m{<key>Challenge</key>\s*<string>([^<]+)<};
	return $challenge;
}

# The same device with a certificate for that challenge; false when refused.
sub fetches {
	my ($mac, $challenge) = @_;
	my $new = Attestmdm::Device->begin($t, $mac->{serial});
	return $new->scepclient($challenge) ? $new : undef;
}

sub is_attested {
	my ($mac) = @_;
	is($mac->host->{hardware_attested}, 1, 'the host is attested');
	is($mac->report('Idle')->{status}, 200, 'and at work');
}

# A device that Apple Business assigned, by a link for it.
sub by_its_link {
	my $serial = assigned();
	return by_link($serial, '--serial', $serial);
}

subtest 'SCEP from before does not displace what attests' => sub {
	my $real = Attestmdm::Device->enroll($t, assigned());
	require_attestation('false');
	my $thief = $real->again('certify', @intel);
	require_attestation('true');
	is(authenticates($thief), 400, 'not once attestation is required');
	$t->refused($real->{serial}, 'authenticate', 'ENROLL_DOWNGRADE', 'downgrade');
	is_attested($real);
};

subtest 'SCEP that was fetched while the device enrolled' => sub {
	my $real = Attestmdm::Device->certify($t, assigned());
	$t->server->clock(10);
	my $thief = $real->again('certify', @intel);
	my $late = $real->again('certify', @intel);
	enters($real, 'the device enters');
	is(authenticates($_), 400, 'the others do not') for $thief, $late;
	is_attested($real);
	$real->checkin($real->message('CheckOut'));
	is(authenticates($thief), 400, 'nor when it has left');
	my $run = $t->sim('enroll', '--serial', $real->{serial}, '--udid', $real->{udid}, @intel);
	is($run->{exit}, 3, 'and there is no profile for more');
	$t->server->clock(0);
};

subtest 'a certificate by SCEP is refused to what attested since its profile' => sub {
	my $serial = assigned();
	my $made = Attestmdm::Device->begin($t, $serial);
	my $file = $t->dir . '/info';
	$t->make('machineinfo', '--serial', $serial, '--udid', $made->{udid}, '--product',
	    'MacBookPro16,1', '--os-version', '13.6', '-o', $file);
	my ($challenge) = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file))->{body}
	    =~ m{<key>Challenge</key>\s*<string>([^<]+)<};
	my $real = Attestmdm::Device->certify($t, $serial);
	is(authenticates($real), 200, 'the device attests');
	ok(!fetches($real, $challenge), 'no certificate by SCEP');
	$t->refused($serial, 'scep', 'ENROLL_DOWNGRADE', 'downgrade');
};

subtest 'a renewal from before the setting' => sub {
	my $serial = assigned();
	my $mac = Attestmdm::Device->enroll($t, $serial);
	require_attestation('false');
	$t->tool_ok('renew', '--host', $serial);
	my $challenge = renewal_challenge($mac);
	require_attestation('true');
	ok(!fetches($mac, $challenge), 'an attested host gets none by SCEP');
	$t->refused($serial, 'scep', 'ENROLL_DOWNGRADE', 'downgrade');
	unlike($mac->report('Idle')->{body}, qr/InstallProfile/, 'nor is its profile sent again');
	is_attested($mac);
};

subtest 'a renewal that the device could not follow any more is taken back' => sub {
	my $mac = Attestmdm::Device->enroll($t, assigned());
	$t->tool_ok('renew', '--host', $mac->{serial});
	$t->tool_ok('ade', 'remove', $mac->{serial});
	is($mac->report('Idle')->{body}, '', 'by ACME, and not assigned any more');
	$t->refused($mac->{serial}, 'renewal', 'ENROLL_UNASSIGNED', 'taken back');
	is_attested($mac);
	my $intel = Attestmdm::Device->enroll($t, assigned(), @intel);
	$t->tool_ok('renew', '--host', $intel->{serial});
	business_only('true');
	is($intel->report('Idle')->{body}, '', 'by SCEP, and only attested devices are let in');
	$t->refused($intel->{serial}, 'renewal', 'ENROLL_METHOD', 'taken back');
	require_attestation('false');
	$t->tool_ok('renew', '--host', $intel->{serial});
	$t->tool_ok('ade', 'remove', $intel->{serial});
	is($intel->report('Idle')->{body}, '', 'by SCEP, and only assigned ones are');
	$t->refused($intel->{serial}, 'renewal', 'ENROLL_BUSINESS', 'taken back');
	business_only('false');
	is($t->tool_json('renew', '--host', $intel->{serial})->{opened}, 1, 'then it is asked anew');
	like($intel->report('Idle')->{body}, qr/InstallProfile/, 'and gets it');
	require_attestation('true');
};

subtest 'SCEP from before the setting, of what Apple Business calls Apple silicon' => sub {
	my $serial = sprintf('C36TEST%05d', ++$n);
	my $file = $t->dir . '/silicon.csv';
	Attestmdm::Server::spew($file, "serial_number,model\n$serial,MacBook Pro (M3)\n");
	$t->tool_ok('ade', 'import', $file);
	require_attestation('false');
	my $mac = Attestmdm::Device->begin($t, $serial);
	$t->make('machineinfo', '--serial', $serial, '--udid', $mac->{udid}, '--product',
	    'MacBookPro16,1', '--os-version', '13.6', '-o', $file);
	my ($challenge) = $t->http(POST => '/enroll', body => Attestmdm::Server::slurp($file))->{body}
	    =~ m{<key>Challenge</key>\s*<string>([^<]+)<};
	my $early = $mac->again('certify', @intel);
	require_attestation('true');
	ok(!fetches($mac, $challenge), 'no certificate');
	$t->refused($serial, 'scep', 'ENROLL_DOWNGRADE', 'downgrade');
	is(authenticates($early), 400, 'and one from before is not let in');
	$t->refused($serial, 'authenticate', 'ENROLL_DOWNGRADE', 'downgrade');
};

subtest 'fleet-136: a renewed certificate that skips Authenticate' => sub {
	require_attestation('false');
	my $serial = assigned();
	my $mac = Attestmdm::Device->enroll($t, $serial, @intel);
	$t->tool_ok('renew', '--host', $serial);
	my $new = fetches($mac, renewal_challenge($mac));
	require_attestation('true');
	business_only('true');
	is($new->report('Idle')->{status}, 400, 'by a command');
	is(updates($new), 400, 'by TokenUpdate');
	$t->refused($serial, 'token-update', 'ENROLL_METHOD', 'not attested');
	is($mac->report('Idle')->{status}, 200, 'the old certificate is not retired');
	require_attestation('false');
	$t->tool_ok('ade', 'remove', $serial);
	is($new->report('Idle')->{status}, 400, 'nor when it is not assigned any more');
	$t->refused($serial, 'command', 'ENROLL_BUSINESS', 'not assigned');
	business_only('false');
	is($new->report('Idle')->{status}, 200, 'with the settings off it takes over');
	require_attestation('true');
};

subtest 'mdm-104: a renewal of the life before a wipe' => sub {
	require_attestation('false');
	my $serial = assigned();
	my $old = Attestmdm::Device->enroll($t, $serial);
	$t->tool_ok('renew', '--host', $serial);
	my $challenge = renewal_challenge($old);
	my $anew = $old->again('certify');
	my $former = fetches($old, $challenge);
	enters($anew, 'the device enrolls anew');
	$anew->checkin($anew->message('SetBootstrapToken', BootstrapToken => \'secret'));
	is(updates($former), 400, 'the renewal of before does not take over');
	is($former->checkin($former->message('GetBootstrapToken'))->{status}, 400, 'and reads nothing');
	is($anew->report('Idle')->{status}, 200, 'the device is not hurt');
	require_attestation('true');
};

subtest 'a block ends certificates that wait' => sub {
	my $serial = assigned();
	my $mac = Attestmdm::Device->enroll($t, $serial, @intel);
	my $waiting = $mac->again('certify', @intel);
	$t->tool_ok('host', 'block', $serial);
	$t->tool_ok('host', 'unblock', $serial);
	is(authenticates($waiting), 400, 'also after the host may enroll again');
};

subtest 'a UDID that somebody else claimed' => sub {
	my $serial = assigned();
	my $victim = Attestmdm::Device->begin($t, $serial);
	my @victim = ('--serial', $serial, '--udid', $victim->{udid});
	my $squatter = by_link('ZZZ36SQUATTER');
	$squatter->{udid} = $victim->{udid};
	enters($squatter, 'another device claims it');
	is($t->sim('enroll', @victim)->{exit}, 3, 'its owner is refused');
	$t->refused($serial, 'authenticate', 'MDM_DEVICE', 'and an administrator reads why');
	$t->tool_ok('host', 'block', $squatter->{serial});
	is($t->sim('enroll', @victim)->{exit}, 0, 'with that one blocked the owner enters');
	my $third = by_link('ZZZ36THIRD');
	enters($third, 'a device');
	$third->checkin($third->message('CheckOut'));
	my $heir = Attestmdm::Device->begin($t, assigned());
	is($t->sim('enroll', '--serial', $heir->{serial}, '--udid', $third->{udid})->{exit}, 0,
	    'what left keeps no UDID from another');
};

subtest 'a certificate of a link that was never used' => sub {
	my $serial = assigned();
	my $mac = by_link($serial, '--serial', $serial);
	my $revoked = by_its_link();
	$t->tool_ok('enrollment', 'revoke-link', $revoked->{link});
	is(authenticates($revoked), 400, 'is void with its link');
	$t->server->clock(25 * $HOUR);
	is(authenticates($mac), 400, 'and after its hours');
	my $last = $t->db('SELECT reason FROM events ORDER BY id DESC LIMIT 1')->[0];
	like($last->{reason}, qr/not used within 24 hours/, 'which the event log says');
	$t->server->clock(31 * 24 * $HOUR);
	my $before = @{ $t->db('SELECT 1 FROM certificates') };
	$t->tool_ok('purge');
	cmp_ok(scalar(@{ $t->db('SELECT 1 FROM certificates') }), '<', $before, 'a month later it is gone');
	$t->server->clock(0);
	my $used = by_its_link();
	enters($used, 'a device of a link');
	is($t->tool('enrollment', 'revoke-link', $used->{link})->{exit}, 4, 'its link is not revoked');
};

subtest 'a link that is revoked while its device enrolls' => sub {
	my $mac = by_its_link();
	is(authenticates($mac), 200, 'Authenticate');
	$t->tool_ok('enrollment', 'revoke-link', $mac->{link});
	is(updates($mac), 400, 'the enrollment is not completed');
	$t->refused($mac->{serial}, 'token-update', 'MDM_CERTIFICATE', 'revoked');
	is($mac->host->{state}, 'pending', 'the host is none');
	is($mac->report('Idle')->{status}, 400, 'it gets no command');
	is($mac->checkin($mac->message('SetBootstrapToken', BootstrapToken => \'x'))->{status}, 400,
	    'leaves no token');
	is(authenticates($mac), 400, 'and does not begin again');
};

subtest 'a stolen certificate takes its renewal along' => sub {
	my $serial = assigned();
	my $mac = Attestmdm::Device->enroll($t, $serial, @intel);
	$t->tool_ok('renew', '--host', $serial);
	my $new = fetches($mac, renewal_challenge($mac));
	my $id = $t->db('SELECT c.id FROM certificates c JOIN hosts h'
	    . " ON h.certificate_sha256 = c.sha256 WHERE h.serial = '$serial'")->[0]{id};
	$t->tool_ok('cert', 'revoke', $id);
	is($new->report('Idle')->{status}, 403, 'when it is revoked');
	$t->refused($serial, 'command', 'MDM_BLOCKED', 'revoked');
	my $other = Attestmdm::Device->enroll($t, assigned());
	require_attestation('false');
	$t->tool_ok('renew', '--host', $other->{serial});
	my $challenge = renewal_challenge($other);
	require_attestation('true');
	$t->tool_ok('cert', 'revoke', $t->db('SELECT c.id FROM certificates c JOIN hosts h'
	    . " ON h.certificate_sha256 = c.sha256 WHERE h.serial = '$other->{serial}'")->[0]{id});
	ok(!fetches($other, $challenge), 'and one that was not fetched yet is no way to SCEP');
	$t->refused($other->{serial}, 'scep', 'SCEP_CHALLENGE', 'withdrawn');
};

subtest 'SCEP of an attested host, first used when attestation is required again' => sub {
	my $serial = assigned();
	my $mac = Attestmdm::Device->enroll($t, $serial);
	require_attestation('false');
	$t->tool_ok('renew', '--host', $serial);
	my $new = fetches($mac, renewal_challenge($mac));
	require_attestation('true');
	is($new->report('Idle')->{status}, 200, 'is let in: the device has no other');
	is($mac->host->{hardware_attested}, 0, 'and is not attested');
	my $alarms = sub {
		return map { $_->{kind} } grep { $_->{serial} eq $serial } @{ $t->tool_json('alarms')->{alarms} };
	};
	is(join(' ', $alarms->()), 'renewed-without-attestation', 'for which there is an alarm');
	Attestmdm::Device->enroll($t, $serial);
	is(join(' ', $alarms->()), '', 'until it attests again');
};

subtest 'a link for any device claims nothing that is known' => sub {
	my $mac = Attestmdm::Device->enroll($t, assigned(), @intel);
	my $thief = by_link($mac->{serial});
	$t->tool_ok('ade', 'remove', $mac->{serial});
	$thief->{udid} = 'DDDDDDDD-0000-4000-8000-000000000036';
	$mac->checkin($mac->message('CheckOut'));
	is(authenticates($thief), 400, 'not the serial number of what left');
	$t->refused($mac->{serial}, 'authenticate', 'ENROLL_OTHER_DEVICE', 'held for review');
	my ($told) = grep { $_->{code} eq 'ENROLL_OTHER_DEVICE' } @{ $t->events($mac->{serial}) };
	like($told->{reason}, qr/was another device/, 'for it was another device');
	$thief->{serial} = lc $mac->{serial};
	is(authenticates($thief), 400, 'nor the same in small letters');
	my $made = $t->tool_json('enrollment', 'new', '--serial', lc $mac->{serial});
	my ($link) = grep { $_->{id} eq $made->{id} }
	    @{ $t->tool_json('enrollment', 'links')->{links} };
	is($link->{serial}, $mac->{serial}, 'a link is made for capitals');
};

subtest 'requests of others for the same serial number crowd out nothing' => sub {
	my $victim = Attestmdm::Acme->new($t, assigned());
	$victim->account;
	my $file = $t->dir . '/foreign';
	$t->make('machineinfo', '--serial', $victim->{serial}, '--udid',
	    'DDDDDDDD-0000-4000-8000-000000000038', '-o', $file);
	my $request = Attestmdm::Server::slurp($file);
	is($t->http(POST => '/enroll', body => $request)->{status}, 200, 'asked') for 1 .. 25;
	my $r = $victim->post('new-order', { identifiers => $victim->identifiers });
	is($r->{status}, 201, 'the device goes on');
};

subtest 'who has begun to enroll is not another device' => sub {
	my $serial = assigned();
	my $mac = Attestmdm::Device->certify($t, $serial);
	is(authenticates($mac), 200, 'pending');
	my $run = $t->sim('enroll', '--serial', $serial, '--udid',
	    'DDDDDDDD-0000-4000-8000-000000000037');
	is($run->{exit}, 3, 'a profile for another UDID is refused');
	$t->refused($serial, 'profile', 'ENROLL_OTHER_DEVICE', 'held for review');
};

$t->done;
