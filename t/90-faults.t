#!/usr/bin/perl
# Every way to cheat that the simulator knows is refused at its step, for its
# reason; every unusual but right way passes. One device for each.
use strict;
use warnings;

use Attestmdm::Test;

# Fault => case it proves, error code of the event log. '' as code: the sender proved
# nothing, so that no device's event log tells of it; with ? the code stands in the
# event log of nobody known.
my %want = (
	'unassigned-serial' => ['mdm-64', 'ENROLL_UNASSIGNED'],
	'machineinfo-foreign-ca' => ['mdm-63', ''],
	'machineinfo-tampered' => ['mdm-63', ''],
	'machineinfo-no-serial' => ['mdm-64', ''],
	'machineinfo-unsigned' => ['mdm-63', ''],
	'machineinfo-no-certificates' => ['mdm-63', ''],
	'machineinfo-self-signed' => ['mdm-63', ''],
	'bad-signature' => ['acme-78', 'BAD_SIGNATURE'],
	'bad-nonce' => ['acme-27', 'BAD_NONCE'],
	'alg-none' => ['acme-55', 'BAD_ALGORITHM'],
	'alg-hs256' => ['acme-57', 'BAD_ALGORITHM'],
	'padded-base64' => ['acme-41', 'MALFORMED'],
	'jwk-private' => ['acme-66', 'BAD_PUBLIC_KEY'],
	'jwk-and-kid' => ['acme-62', 'MALFORMED'],
	'der-signature' => ['acme-79', 'BAD_SIGNATURE'],
	'duplicate-member' => ['acme-48', 'MALFORMED'],
	'reused-nonce' => ['acme-24', 'BAD_NONCE'],
	'wrong-url' => ['acme-75', 'UNAUTHORIZED'],
	'wrong-kid' => ['acme-91', 'NO_ACCOUNT'],
	'two-identifiers' => ['acme-115', 'MALFORMED'],
	'wrong-identifier' => ['acme-126', 'IDENTIFIER_REJECTED'],
	'dns-identifier' => ['acme-116', 'IDENTIFIER_TYPE'],
	'hardware-module' => ['acme-117', 'IDENTIFIER_TYPE'],
	'order-dates' => ['acme-124', 'MALFORMED'],
	'no-attestation' => ['acme-141', 'ATT_NONE'],
	'attestation-error' => ['acme-152', 'ATT_NONE'],
	'wrong-serial' => ['acme-209', 'ATT_IDENTITY'],
	'serial-missing' => ['acme-215', 'ATT_IDENTITY'],
	'serial-twice' => ['acme-212', 'ATT_CHAIN'],
	'serial-der-wrapped' => ['acme-213', 'ATT_IDENTITY'],
	'serial-lowercase' => ['acme-209', 'ATT_IDENTITY'],
	'serial-nul' => ['acme-214', 'ATT_IDENTITY'],
	'wrong-freshness' => ['acme-199', 'ATT_FRESHNESS'],
	'key-authorization-freshness' => ['acme-200', 'ATT_FRESHNESS'],
	'raw-token-freshness' => ['acme-201', 'ATT_FRESHNESS'],
	'stale-attestation' => ['acme-203', 'ATT_FRESHNESS'],
	'freshness-missing' => ['acme-198', 'ATT_FRESHNESS'],
	'freshness-twice' => ['acme-206', 'ATT_CHAIN'],
	'freshness-der-wrapped' => ['acme-204', 'ATT_FRESHNESS'],
	'freshness-critical' => ['acme-207', 'ATT_CHAIN'],
	'freshness-short' => ['acme-206', 'ATT_FRESHNESS'],
	'foreign-root' => ['acme-177', 'ATT_CHAIN'],
	'self-root-in-x5c' => ['acme-178', 'ATT_CHAIN'],
	'root-as-leaf' => ['acme-180', 'ATT_CHAIN'],
	'intermediate-as-leaf' => ['acme-181', 'ATT_CHAIN'],
	'reversed-chain' => ['acme-182', 'ATT_CHAIN'],
	'missing-intermediate' => ['acme-166', 'ATT_CHAIN'],
	'intermediate-wrong-key' => ['acme-185', 'ATT_CHAIN'],
	'expired-intermediate' => ['acme-189', 'ATT_TIME'],
	'intermediate-no-signing' => ['acme-184', 'ATT_CHAIN'],
	'leaf-signed-by-leaf' => ['acme-183', 'ATT_CHAIN'],
	'five-certificates' => ['acme-167', 'ATT_CHAIN'],
	'expired-leaf' => ['acme-189', 'ATT_TIME'],
	'future-leaf' => ['acme-189', 'ATT_TIME'],
	'leaf-is-ca' => ['acme-181', 'ATT_CHAIN'],
	'leaf-v1' => ['acme-191', 'ATT_CHAIN'],
	'leaf-tampered' => ['acme-192', 'ATT_CHAIN'],
	'leaf-trailing' => ['acme-196', 'ATT_CHAIN'],
	'unknown-critical-extension' => ['acme-195', 'ATT_CHAIN'],
	'rsa-leaf' => ['acme-217', 'ATT_KEY'],
	'p521-leaf' => ['acme-217', 'ATT_KEY'],
	'sha1-leaf' => ['acme-193', 'ATT_CHAIN'],
	'compressed-point' => ['acme-218', 'ATT_KEY'],
	'attest-account-key' => ['acme-219', 'ATT_KEY_REUSE'],
	'fmt-packed' => ['acme-163', 'ATT_FORMAT'],
	'fmt-none' => ['acme-163', 'ATT_FORMAT'],
	'fmt-case' => ['acme-163', 'ATT_FORMAT'],
	'cbor-trailing' => ['acme-153', 'ATT_CBOR'],
	'cbor-truncated' => ['acme-154', 'ATT_CBOR'],
	'cbor-indefinite' => ['acme-155', 'ATT_CBOR'],
	'cbor-nonminimal' => ['acme-156', 'ATT_CBOR'],
	'cbor-duplicate-key' => ['acme-157', 'ATT_CBOR'],
	'cbor-tag' => ['acme-162', 'ATT_CBOR'],
	'cbor-huge-array' => ['acme-168', 'ATT_CHAIN'],
	'cbor-deep' => ['acme-170', 'ATT_CBOR'],
	'cbor-extra-key' => ['acme-158', 'ATT_CBOR'],
	'cbor-statement-key' => ['acme-159', 'ATT_CBOR'],
	'cbor-text-certificate' => ['acme-165', 'ATT_CBOR'],
	'attobj-padded' => ['acme-149', 'ATT_CBOR'],
	'attobj-number' => ['acme-147', 'MALFORMED'],
	'wrong-key-csr' => ['acme-231', 'CSR_KEY'],
	'csr-account-key' => ['acme-237', 'CSR_KEY'],
	'csr-bad-signature' => ['acme-234', 'BAD_CSR'],
	'csr-sha1' => ['acme-235', 'BAD_CSR'],
	'csr-ca-true' => ['acme-247', 'BAD_CSR'],
	'csr-foreign-permanent-identifier' => ['acme-244', 'BAD_CSR'],
	'csr-trailing' => ['acme-239', 'BAD_CSR'],
	'csr-version' => ['acme-240', 'BAD_CSR'],
	'csr-two-extension-requests' => ['acme-241', 'BAD_CSR'],
	'csr-nul-name' => ['acme-243', 'BAD_CSR'],
	'csr-padded' => ['acme-238', 'MALFORMED'],
	'early-finalize' => ['acme-229', 'ORDER_NOT_READY'],
	'second-finalize' => ['acme-229', 'ORDER_NOT_READY'],
	'scep-no-challenge' => ['mdm-76', '?SCEP_CHALLENGE'],
	'scep-wrong-challenge' => ['mdm-76', '?SCEP_CHALLENGE'],
	'scep-two-challenges' => ['mdm-76', '?SCEP_MESSAGE'],
	'scep-long-challenge' => ['mdm-76', '?SCEP_MESSAGE'],
	'scep-ca-true' => ['mdm-78', '?SCEP_MESSAGE'],
	'scep-unsigned' => ['mdm-82', '?MALFORMED'],
	'scep-sha1' => ['mdm-80', '?SCEP_ALGORITHM'],
	'scep-des3' => ['mdm-81', '?SCEP_ALGORITHM'],
	'scep-csr-sha1' => ['mdm-80', '?SCEP_MESSAGE'],
	'scep-csr-bad-signature' => ['mdm-80', '?SCEP_MESSAGE'],
	'scep-small-key' => ['mdm-79', '?SCEP_MESSAGE'],
	'scep-other-signer' => ['mdm-79', '?SCEP_MESSAGE'],
	'scep-other-recipient' => ['mdm-81', '?SCEP_MESSAGE'],
	'scep-wrong-key' => ['mdm-81', '?SCEP_MESSAGE'],
	'scep-tampered' => ['mdm-80', '?SCEP_MESSAGE'],
	'scep-no-attributes' => ['mdm-80', '?SCEP_MESSAGE'],
	'scep-no-transaction' => ['mdm-80', '?SCEP_REQUEST'],
	'scep-no-nonce' => ['mdm-80', '?SCEP_REQUEST'],
	'scep-short-nonce' => ['mdm-80', '?SCEP_REQUEST'],
	'scep-renewal' => ['mdm-83', '?SCEP_REQUEST'],
	'scep-poll' => ['mdm-80', '?SCEP_REQUEST'],
	'scep-second-key' => ['mdm-76', 'SCEP_CHALLENGE'],
	'scep-second-transaction' => ['mdm-75', 'SCEP_CHALLENGE'],
	'checkin-other-serial' => ['mdm-24', 'MDM_DEVICE'],
	'checkin-no-signature' => ['mdm-23', ''],
	'checkin-wrong-body' => ['mdm-27', 'MDM_SIGNATURE'],
	'checkin-foreign-certificate' => ['mdm-25', ''],
	'checkin-other-device-tls' => ['mdm-28', 'MDM_CERTIFICATE'],
	'no-tls-certificate' => ['mdm-36', 'MDM_CLIENT_CERTIFICATE'],
	'checkin-wrong-topic' => ['mdm-19', 'MDM_TOPIC'],
	'checkin-other-udid' => ['mdm-24', 'MDM_DEVICE'],
	'command-other-udid' => ['mdm-24', 'MDM_DEVICE'],
);

my $t = Attestmdm::Test->new;

# [name, step, what it does] of each, and a serial number for it.
my @faults = map { [split(/\t/)] }
    split(/\n/, $t->sim('faults', '--tabs')->{out});
my $number = 0;
my %serial = map { $_->[0] => sprintf('C02FLT%06d', ++$number) } @faults;
$t->assign('C02BUSY00001', values %serial);
$serial{'unassigned-serial'} = 'ZZNOBODY0000';

# What a device is to be, so that it gets to the step that the fault is for.
my %step = map { $_->[0] => $_->[1] } @faults;
my @intel = ('--product', 'MacBookPro16,1', '--os-version', '13.6');

sub enroll {
	my ($fault, @more) = @_;
	push @more, @intel if $step{$fault} =~ /\bscep\b/;
	return $t->sim('enroll', '--serial', $serial{$fault}, '--fault', $fault,
	    @more);
}

sub refused_at {
	my ($run, $step, $name) = @_;
	is($run->{exit}, 3, $name);
	like($run->{out}, qr/^refused at \Q$step\E: HTTP \d{3}$/m, "$name at $step");
}

for my $fault (@faults) {
	my ($name, $step, $text) = @$fault;
	next if $step =~ /^\(/ || $step eq 'command';
	my ($case, $code) = @{ delete $want{$name} || ['?', '?'] };
	subtest "$case: a device that $text is refused" => sub {
		refused_at(enroll($name), $step, $name);
		my @bad = grep { $_->{outcome} ne 'ok' }
		    @{ $t->events($serial{$name}) };
		if ($code =~ s/^\?//) {
			is(scalar @bad, 0, 'nobody is known to write about');
			my $last = $t->db("SELECT * FROM events WHERE serial = ''
			    AND outcome <> 'ok' ORDER BY id DESC LIMIT 1")->[0];
			is("$last->{step} $last->{code}", "$step $code", 'an admin sees it');
		} elsif ($code eq '') {
			is(scalar @bad, 0, 'nobody is known to write about');
			like($t->tool_ok('enrollment', 'list', '--refused', '--limit', 1),
			    qr/^\S+ \S+ UTC +(?:\S+ +)?\Q$step\E +refused /m, 'an admin sees it');
		} else {
			is(scalar @bad, 1, 'mdm-110: one event');
			$t->refused($serial{$name}, $step, $code);
		}
		like($t->tool_ok('enrollment', 'show', $serial{$name}),
		    qr/^\S+ \S+ UTC +\Q$step\E +refused /m, 'enrollment show names the step')
		    if $name !~ /^machineinfo-(no-serial|unsigned)$/
		    && ($step ne 'scep' || @bad);
		my $hosts = $t->db("SELECT COUNT(*) AS n FROM hosts
		    WHERE serial = '$serial{$name}' AND state = 'enrolled'");
		is($hosts->[0]{n}, 0, 'and is not managed');
	};
}

# Ten seconds of waiting are for acme-278, not for each run. short-signatures is
# acme-275.
for my $fault (grep { $_->[1] =~ /^\((?!command)/ && $_->[0] ne 'slow-attestation' } @faults) {
	my ($name, undef, $text) = @$fault;
	my $case = $step{$name} eq '(scep)' ? 'mdm-72' : 'acme-274';
	subtest "$case: a device that $text is served" => sub {
		my $run = enroll($name);
		is($run->{exit}, 0, $name) or diag($run->{out}, $run->{err});
		my $host = $t->tool_json('host', 'show', $serial{$name});
		is(!!$host->{mdm_enrollment_hardware_attested}, $case eq 'acme-274',
		    'its host is attested, or not');
	};
}

subtest 'mdm-24: a device that polls with another UDID is refused' => sub {
	my $state = $t->dir . '/mac';
	my ($case, $code) = @{ delete $want{'command-other-udid'} };
	my $serial = $serial{'command-other-udid'};
	is($t->sim('enroll', '--serial', $serial, '--state', $state)->{exit}, 0,
	    'it enrolls');
	refused_at($t->sim('poll', '--state', $state,
	    '--fault', 'command-other-udid'), 'command', 'its poll is refused');
	$t->refused($serial, 'command', $code);
	is($t->sim('poll', '--state', $state)->{exit}, 0, 'its own is not');
};

subtest 'mdm-43: commands answered NotNow come back' => sub {
	my $state = $t->dir . '/busy';
	my $serial = 'C02BUSY00001';
	is($t->sim('enroll', '--serial', $serial, '--state', $state)->{exit}, 0,
	    'it enrolls');
	$t->tool_ok('command', 'send', $serial, 'SecurityInfo');
	my $run = $t->sim('poll', '--state', $state, '--fault', 'not-now');
	is($run->{exit}, 0, 'it polls');
	like($run->{out}, qr/\A(\S+) SecurityInfo NotNow\n\1 SecurityInfo Acknowledged\n\z/,
	    'once not now, once done');
};

subtest 'acme-203: an attestation of the same key is not taken twice' => sub {
	my $state = $t->dir . '/replay';
	my $serial = $serial{'stale-attestation'};
	is($t->sim('enroll', '--serial', $serial, '--state', $state)->{exit}, 0,
	    'it enrolls');
	refused_at($t->sim('enroll', '--serial', $serial, '--state', $state,
	    '--fault', 'stale-attestation'), 'challenge', 'its replay is refused');
	is($t->sim('poll', '--state', $state)->{exit}, 0,
	    'its old certificate still serves');
};

is(join(' ', sort keys %want), '', 'the simulator knows every way listed here');
$t->done;
