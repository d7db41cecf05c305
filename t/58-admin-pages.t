#!/usr/bin/perl
# What administrators do on the pages, and what the overview tells them.
use strict;
use warnings;

use Attestmdm::Admin;
use Attestmdm::Device;
use Attestmdm::Test;

my $t = Attestmdm::Test->new(settings => { apple_require_hardware_attestation => 'true' });
my $b = Attestmdm::Admin->new($t);
my $SERIAL = 'C02PAGE00001';
$b->sign_in;

sub host { return $t->db("SELECT id, state FROM hosts WHERE serial = '$_[0]'")->[0] }

# Posts a form of the page of a host; the second time as somebody who means it.
sub act {
	my ($serial, $act, %fields) = @_;
	my $page = '/admin/hosts/' . host($serial)->{id};
	return $b->post("$page/$act", from => $page, fields => \%fields);
}

sub follow { my ($r) = @_; return $b->get($r->{headers}{location})->{body} }

# The page that asks, and the fields of its form.
sub asks {
	my ($r, $what) = @_;
	is($r->{status}, 200, "$what is asked again");
	like($r->{body}, qr/name="confirmed" value="yes"/, 'by a form');
	return $r->{body} =~ /<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)">/g;
}

$t->assign($SERIAL);
my $mac = Attestmdm::Device->enroll($t, $SERIAL);

subtest 'fleet-151: commands are queued and cancelled on the page of a host' => sub {
	my $page = $b->get('/admin/hosts/' . host($SERIAL)->{id})->{body};
	my @types = $page =~ m{<option>(\w+)</option>}g;
	is(scalar(grep { $_ eq 'SecurityInfo' } @types), 1, 'common ones are offered');
	is(scalar(grep { $_ eq 'DeviceLock' } @types), 0, 'a Mac is not locked without a PIN');
	for my $type (grep { !/RestartDevice|ShutDownDevice/ } @types) {
		my $r = act($SERIAL, 'commands', type => $type);
		is($r->{status}, 303, "$type is queued");
		like(follow($r), qr/role="status">The command is queued/, 'and the page says so');
	}
	my $queued = 'SELECT count(*) AS n FROM commands WHERE state = \'queued\'';
	my $before = $t->db($queued)->[0]{n};
	my %asked = asks(act($SERIAL, 'commands', type => 'RestartDevice'), 'what users lose work by');
	is($asked{type}, 'RestartDevice', 'and keeps the choice');
	is($t->db($queued)->[0]{n}, $before, 'nothing is queued yet');
	is(act($SERIAL, 'commands', %asked)->{status}, 303, 'when it is meant');
	is($t->db($queued)->[0]{n}, $before + 1, 'it is queued');
	for my $type ('EraseDevice', 'DeviceLock', 'InstallProfile', 'Nonsense', '') {
		my $r = act($SERIAL, 'commands', type => $type, confirmed => 'yes');
		is($r->{status}, 422, "not \"$type\"");
		like($r->{body}, qr/role="alert"><p><bdi>this page does not queue/, 'and the page says why');
	}
	my ($uuid) = map { $_->{uuid} } @{ $t->db("SELECT uuid FROM commands WHERE request_type = 'RestartDevice'") };
	my $r = act($SERIAL, "commands/$uuid/cancel");
	is($r->{status}, 303, 'a command is cancelled');
	like(follow($r), qr/role="status">The command is cancelled\.</, 'and the page says so');
	$r = act($SERIAL, "commands/$uuid/cancel");
	is($r->{status}, 409, 'but not twice');
	like($r->{body}, qr/it is over already: cancelled/, 'which is said');
	is(act($SERIAL, 'commands/' . 'A' x 36 . '/cancel')->{status}, 404, 'nor one that there is not');
	my $sent = Attestmdm::Device::uuid_of($mac->report('Idle'));
	like(follow(act($SERIAL, "commands/$sent/cancel")), qr/may have carried it out/, 'one that was sent');
	unlike($b->get('/admin/hosts/' . host($SERIAL)->{id})->{body}, qr{commands/\Q$sent\E/cancel},
	    'and is not offered to be cancelled again');
	my %by = map { $_->{created_by} => 1 } @{ $t->db("SELECT created_by FROM commands WHERE uuid = '$uuid'") };
	is(join(' ', keys %by), 'admin', 'the command says who');
};

subtest 'fleet-151: renewed, revoked, blocked and unblocked' => sub {
	like(follow(act($SERIAL, 'renew')), qr/asked to renew/, 'renewed');
	is($t->db('SELECT count(*) AS n FROM renewals WHERE enrollment_id IS NOT NULL')->[0]{n}, 1, 'is open');
	my %asked = asks(act($SERIAL, 'revoke', reason => 'superseded'), 'revoking');
	is(host($SERIAL)->{state}, 'enrolled', 'nothing happened yet');
	is($t->db("SELECT count(*) AS n FROM certificates WHERE state = 'revoked'")->[0]{n}, 0, 'nothing is revoked');
	is(act($SERIAL, 'revoke', reason => 'cACompromise')->{status}, 400, 'a reason that is not for us');
	like(follow(act($SERIAL, 'revoke', %asked)), qr/certificate is revoked\.</, 'revoked');
	is($t->db("SELECT revocation_reason AS n FROM certificates WHERE state = 'revoked'")->[0]{n}, 4, 'for that reason');
	my $r = act($SERIAL, 'revoke', %asked);
	is($r->{status}, 400, 'once');
	like($r->{body}, qr/role="alert">.*is revoked already/s, 'which is said');
	%asked = asks(act($SERIAL, 'block'), 'blocking');
	is(act($SERIAL, 'unblock')->{status}, 409, 'who is not blocked is not unblocked');
	like(follow(act($SERIAL, 'block', %asked)), qr/The host is blocked\./, 'blocked');
	is(host($SERIAL)->{state}, 'blocked', 'indeed');
	my $page = $b->get('/admin/hosts/' . host($SERIAL)->{id})->{body};
	unlike($page, qr{/commands"|/renew"|/block"}, 'a blocked host is offered no commands');
	$r = act($SERIAL, 'renew');
	is($r->{status}, 409, 'nor is it renewed');
	like($r->{body}, qr/<h1><bdi>.*role="alert">/s, 'on its page');
	is(act($SERIAL, 'commands', type => 'SecurityInfo')->{status}, 409, 'it takes no commands');
	like(follow(act($SERIAL, 'unblock')), qr/may enroll again/, 'unblocked');
	is($b->post('/admin/hosts/nobody/block', from => '/admin/hosts')->{status}, 404, 'a host that is not there');
	my @did = map { $_->{action} } @{ $t->db("SELECT action FROM activities WHERE actor = 'admin' AND serial = '$SERIAL' ORDER BY id") };
	like("@did", qr/command\.send .*command\.cancel .*renew cert\.revoke host\.block renew host\.unblock$/, 'all is on record, the renewal that was refused, too');
};

$t->done;
