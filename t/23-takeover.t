#!/usr/bin/perl
# Whoever has an Apple device can sign a request that names another's serial
# number and UDID. It gets no one in unnoticed.
use strict;
use warnings;
use Attestmdm::Admin;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(require => 'all');
my @intel = ('--product', 'MacBookPro16,1', '--os-version', '13.6');
my @silicon = ('--product', 'Mac15,3', '--os-version', '15.1');
my $hour = 3600;
my $number = 0;

sub serial {
	my $serial = sprintf('C23TEST%05d', ++$number);
	$t->assign($serial);
	return $serial;
}

sub require_attestation { $t->tool_ok('setting', 'set', 'apple_require_hardware_attestation', $_[0], '--yes') }

sub alarms {
	my ($mac, $kind) = @_;
	return scalar @{ $t->db("SELECT 1 FROM alarms WHERE kind = '$kind'"
	    . " AND serial = '$mac->{serial}' AND closed_at IS NULL") };
}

# The reasons of a step in the event log.
sub reasons {
	my ($mac, $step) = @_;
	return join("\n", map { $_->{reason} } grep { $_->{step} eq $step } @{ $t->events($mac->{serial}) });
}

subtest 'another signer of the same serial number and UDID: in the event log, with an alarm' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @intel);
	unlike(reasons($mac, 'profile'), qr/another device key/, 'nothing at first');
	my $thief = $mac->again('certify', @intel);
	like(reasons($mac, 'profile'), qr/signed by another device key/, 'the event log has it');
	is(alarms($mac, 'signer-changed'), 0, 'no alarm yet: the Mac may have been erased');
	is($mac->report('Idle')->{status}, 200, 'but it was not');
	is(alarms($mac, 'signer-changed'), 1, 'now there is one');
	is($thief->checkin($thief->message('Authenticate'))->{status}, 200, 'the other one enrolls');
	like(reasons($mac, 'authenticate'), qr/not asked for by the device key from before/, 'the event log has that, too');
	is(alarms($mac, 'signer-changed'), 0, 'the alarm is over: perhaps it was erased after all');
	is($mac->report('Idle')->{status}, 400, 'the identity from before is refused');
	is(alarms($mac, 'signer-changed'), 1, 'and in use, so that there is an alarm again');
	is($thief->checkin($thief->message('TokenUpdate'))->{status}, 200, 'it goes on');
	is(alarms($mac, 'signer-changed'), 1, 'with the alarm');
	$t->tool_ok('host', 'block', $mac->{serial});
	is(alarms($mac, 'signer-changed'), 0, 'until an administrator blocks the host');
};

# Whoever recorded the device's MachineInfo, which nothing limits to one use:
# its signer is the device's own, and all else is the thief's.
sub replay_enrollment {
	my ($mac, @options) = @_;
	my $thief = bless { %$mac, state => $mac->{state} . '-thief' }, ref $mac;
	$t->command('cp', '-a', $mac->{state}, $thief->{state});
	my $run = $t->sim('enroll', '--serial', $mac->{serial}, '--udid', $mac->{udid},
	    '--state', $thief->{state}, @options);
	is($run->{exit}, 0, 'the recorded request gets a certificate') or diag($run->{out}, $run->{err});
	return $thief;
}

subtest 'a recorded request for a profile is sent again by another' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @intel);
	my $thief = replay_enrollment($mac, @intel, '--no-mdm');
	unlike(reasons($mac, 'profile'), qr/another device key/, 'it is signed by the same key');
	is($mac->report('Idle')->{status}, 200, 'the Mac is at work');
	is(alarms($mac, 'signer-changed'), 0, 'no alarm: it may want to enroll again itself');
	is($thief->checkin($thief->message('Authenticate'))->{status}, 200, 'the thief enrolls');
	is($mac->report('Idle')->{status}, 400, 'the Mac is refused');
	is(alarms($mac, 'signer-changed'), 1, 'with an alarm');
	is($thief->checkin($thief->message('TokenUpdate'))->{status}, 200, 'the thief goes on');
	is($thief->checkin($thief->message('CheckOut'))->{status}, 200, 'and checks out');
	is(alarms($mac, 'signer-changed'), 1, 'the alarm stays');
	$t->tool_ok('host', 'block', $mac->{serial});
	is(alarms($mac, 'signer-changed'), 0, 'until an administrator acts');
};

subtest 'a thief who checks out at once, or renews' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @intel);
	my $thief = replay_enrollment($mac, @intel, '--no-mdm');
	$thief->checkin($thief->message($_)) for qw(Authenticate CheckOut);
	is($mac->host->{state}, 'unenrolled', 'the host has left');
	is($mac->report('Idle')->{status}, 400, 'the Mac is refused');
	is(alarms($mac, 'signer-changed'), 1, 'with an alarm');
	my $other = Attestmdm::Device->enroll($t, serial(), @intel);
	my $stolen = replay_enrollment($other, @intel);
	$t->tool_ok('renew', '--host', $other->{serial});
	like($t->sim('poll', '--state', $stolen->{state})->{out}, qr/InstallProfile Acknowledged/, 'renewed');
	is($other->report('Idle')->{status}, 400, 'the Mac is refused');
	is(alarms($other, 'signer-changed'), 1, 'with an alarm');
};

subtest 'a renewal of its own is no alarm' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @intel);
	my $old = bless { %$mac, state => $mac->{state} . '-old' }, ref $mac;
	$t->command('cp', '-a', $mac->{state}, $old->{state});
	my $unused = replay_enrollment($mac, @intel, '--no-mdm');
	$t->tool_ok('renew', '--host', $mac->{serial});
	like($t->sim('poll', '--state', $mac->{state})->{out}, qr/InstallProfile Acknowledged/, 'renewed');
	is($old->report('Idle')->{status}, 400, 'the certificate before is refused');
	is($unused->report('Idle')->{status}, 400, 'and one that was never used');
	is(alarms($mac, 'signer-changed'), 0, 'without an alarm');
};

subtest 'a device key that is not known' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @intel);
	my $forget = sub { $t->db("UPDATE hosts SET signer_sha256 = NULL WHERE serial = '$mac->{serial}'") };
	$forget->();
	$mac->report('Idle');
	is(alarms($mac, 'signer-changed'), 0, 'is no alarm');
	my $new = $mac->again('certify', @intel);
	like(reasons($mac, 'profile'), qr/enrolled with is not known/, 'a request leaves it in the event log');
	$mac->report('Idle');
	is(alarms($mac, 'signer-changed'), 1, 'and is an alarm while the old certificate is in use');
	$forget->();
	$new->checkin($new->message('Authenticate'));
	like(reasons($mac, 'authenticate'), qr/device key from before is not known/, 'the enrollment, too');
};

subtest 'after a renewal the signer is still known' => sub {
	my $state = $t->dir . '/renewed';
	my $mac = Attestmdm::Device->begin($t, serial());
	my $run = sub { $t->sim(@_, '--state', $mac->{state}) };
	is($run->('enroll', '--serial', $mac->{serial}, '--udid', $mac->{udid}, @intel)->{exit}, 0,
	    'enrolled');
	$t->tool_ok('renew', '--host', $mac->{serial});
	like($run->('poll')->{out}, qr/InstallProfile Acknowledged/, 'renewed');
	my $thief = $mac->again('enroll', @intel);
	like(reasons($mac, 'profile'), qr/signed by another device key/, 'the event log has it');
	is($mac->report('Idle')->{status}, 400, 'the renewed certificate is refused');
	is(alarms($mac, 'signer-changed'), 1, 'with an alarm');
};

subtest 'an erased device, or the same one again, is no alarm' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @intel);
	my $erased = $mac->again('enroll', @intel);
	is($erased->report('Idle')->{status}, 200, 'erased and enrolled again');
	is(alarms($mac, 'signer-changed'), 0, 'no alarm');
	my $run = $t->sim('enroll', '--serial', $mac->{serial}, '--state', $erased->{state});
	is($run->{exit}, 0, 'without being erased') or diag($run->{out}, $run->{err});
	unlike((split(/\n/, reasons($mac, 'profile')))[-1], qr/another device key/, 'its key is the same');
};

subtest 'an alarm ends with the profile that nobody used' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @intel);
	my $asked = $mac->again('certify', @intel);
	$mac->report('Idle');
	is(alarms($mac, 'signer-changed'), 1, 'an alarm');
	$t->server->clock(49 * $hour);
	$mac->report('Idle');
	is(alarms($mac, 'signer-changed'), 0, 'closed when it cannot be used any more');
	$t->server->clock(0);
};

subtest 'an attestation takes the place of what nothing proved, when it is used' => sub {
	require_attestation('false');
	my $serial = serial();
	my $old = Attestmdm::Device->enroll($t, $serial, @silicon);
	is($old->host->{hardware_attested}, 0, 'an unattested record');
	my $new = bless { %$old, udid => 'DDDDDDDD-0000-4000-8000-000000000023',
	    state => $old->{state} . '-new' }, ref $old;
	my @ask = ('enroll', '--serial', $serial, '--udid', $new->{udid}, '--state', $new->{state},
	    '--no-mdm', @silicon);
	is($t->sim(@ask)->{exit}, 3, 'with SCEP alone another UDID is held for review');
	$t->refused($serial, 'profile', 'ENROLL_OTHER_DEVICE');
	is(alarms($old, 'held-for-review'), 1, 'with an alarm');
	my $browser = Attestmdm::Admin->new($t);
	$browser->sign_in;
	my $page = $browser->get('/admin/hosts/' . $old->host->{id})->{body};
	like($page, qr/held for review/, "the host's page tells");
	like($page, qr/nothing proves that they are the same/, 'what that means');
	like($page, qr/host block and host unblock/, 'and what to do');
	require_attestation('true');
	is($t->sim(@ask, '--fault', 'wrong-serial')->{exit}, 3, 'whoever attests another serial number fails');
	my $before = $old->host;
	is($t->sim(@ask)->{exit}, 0, 'who can attest gets a certificate');
	is_deeply($old->host, { %$before, other_signer_until => $old->host->{other_signer_until} },
	    'and that changes nothing');
	is($old->report('Idle')->{status}, 200, 'the other one is at work');
	is($new->checkin($new->message('Authenticate'))->{status}, 200, 'until the certificate is used');
	my $host = $new->host;
	is($host->{udid}, $new->{udid}, 'then the host is the attested device');
	is($host->{hardware_attested}, 1, 'attested');
	like(reasons($new, 'authenticate'), qr/takes the place of UDID \Q$old->{udid}\E/, 'the event log says');
	is(alarms($old, 'held-for-review'), 0, 'nothing is left to review');
	is($old->report('Idle')->{status}, 400, 'the other one is out');
	is($new->checkin($new->message('TokenUpdate'))->{status}, 200, 'enrolled');
	my $third = bless { %$new, udid => 'DDDDDDDD-0000-4000-8000-000000000024',
	    state => $old->{state} . '-third' }, ref $old;
	is($t->sim('enroll', '--serial', $serial, '--udid', $third->{udid}, @silicon)->{exit}, 3,
	    'an attested host is not superseded');
	$t->refused($serial, 'profile', 'ENROLL_OTHER_DEVICE');
};

subtest 'the attested UDID of an iPhone is the one that checks in' => sub {
	for my $product (['iPhone14,2', '17.0'], ['iPad14,1', '17.0']) {
		my @kind = ('--product', $product->[0], '--os-version', $product->[1]);
		my $phone = Attestmdm::Device->enroll($t, serial(), @kind);
		is($t->db("SELECT a.udid FROM attestations a WHERE a.serial = '$phone->{serial}'")->[0]{udid},
		    $phone->{udid}, "$product->[0]: OID 9.2 is recorded");
		is(alarms($phone, 'udid-mismatch'), 0, 'the same: no alarm');
		my $other = Attestmdm::Device->enroll($t, serial(), @kind, '--fault', 'attested-other-udid');
		is(alarms($other, 'udid-mismatch'), 1, 'another one: an alarm');
		is($other->report('Idle')->{status}, 200, 'but no refusal');
		$other->again('enroll', @kind);
		is(alarms($other, 'udid-mismatch'), 0, 'closed when they agree');
	}
};

subtest 'the attested UDID of a Mac is its ProvisioningUDID' => sub {
	my $mac = Attestmdm::Device->enroll($t, serial(), @silicon);
	my $attested = $t->db("SELECT udid FROM attestations WHERE serial = '$mac->{serial}'")->[0]{udid};
	isnt($attested, $mac->{udid}, 'which is not its UDID');
	is($mac->host->{provisioning_udid}, $attested, 'the server asked for it');
	is(alarms($mac, 'udid-mismatch'), 0, 'the same: no alarm');
	$t->tool_ok('command', 'send', $mac->{serial}, 'DeviceInformation');
	my $uuid = Attestmdm::Device::uuid_of($mac->report('Idle'));
	$mac->report('Acknowledged', CommandUUID => $uuid,
	    QueryResponses => { ProvisioningUDID => '00008000-0000000000000BAD' });
	is(alarms($mac, 'udid-mismatch'), 1, 'another one: an alarm');
	my $other = Attestmdm::Device->enroll($t, serial(), @silicon, '--fault', 'attested-other-udid');
	is(alarms($other, 'udid-mismatch'), 1, 'also of one that attested another');
	my $intel = Attestmdm::Device->enroll($t, serial(), @intel);
	is($intel->report('Idle')->{body}, '', 'what is not attested is not asked');
};

$t->done;
