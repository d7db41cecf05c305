#!/usr/bin/perl
# What each role may do on the pages, and who may give roles.
use strict;
use warnings;
use Attestmdm::Test;
use Attestmdm::Admin;

my $t = Attestmdm::Test->new;
my @ROLES = qw(observer maintainer admin gitops);
my (%browser, %password);

for my $role (@ROLES) {
	$password{$role} = $t->tool_json('admin', 'add', "the-$role", '--role', $role)->{password};
	$browser{$role} = Attestmdm::Admin->new($t);
	is($browser{$role}->sign_in("the-$role", $password{$role})->{status}, 303, "$role signs in");
}
my %listed = map { $_->{name} => $_->{role} } @{ $t->tool_json('admin', 'list')->{admins} };
is(join(' ', map { $listed{"the-$_"} } @ROLES), "@ROLES", 'admin list has the roles');
is($listed{admin}, 'admin', 'who was there is admin');

# Everybody reads everything.
for my $page (qw(hosts enrollments links refusals serial?serial=C02X alarms jobs settings activity)) {
	is(join(' ', map { $browser{$_}->get("/admin/$page")->{status} } @ROLES), '200 200 200 200',
	    "fleet-125: every role reads $page");
}

# path, fields, and who may
my @acts = (
	['/admin/settings/minimum-os', { minimum_os_version_macos => '15.1' }, 'settings', qw(admin gitops)],
	['/admin/settings/apple_require_hardware_attestation',
	    { apple_require_hardware_attestation => 'true' }, 'settings', qw(admin gitops)],
	['/admin/settings/apple_business_enrollments_only', {}, 'settings', qw(admin gitops)],
	['/admin/links', { note => 'x' }, 'links', qw(maintainer admin)],
);
for my $act (@acts) {
	my ($path, $fields, $from, @may) = @$act;
	for my $role (@ROLES) {
		my $before = $t->fingerprint;
		my $r = $browser{$role}->post($path, from => "/admin/$from", fields => $fields);
		if (grep { $_ eq $role } @may) {
			like($r->{status}, qr/^(?:200|303)$/, "$role may post $path");
		} else {
			is($r->{status}, 403, "fleet-125: $role may not post $path");
			like($r->{body}, qr/Your role does not permit this/, 'and is told so');
			is($t->fingerprint, $before, 'nothing is changed');
		}
	}
}
my @links = map { $t->tool_json('enrollment', 'new')->{id} } @ROLES;
is(join(' ', map { $browser{$_}->post('/admin/links/' . shift(@links) . '/revoke', from => '/admin/links')->{status} }
    @ROLES), '403 303 303 403', 'revoking a link');

# Another role is another sign-in.
$t->tool_ok('admin', 'set-role', 'the-admin', 'observer');
ok(!$browser{admin}->signed_in, 'a new role ends the sessions');
is($browser{admin}->sign_in('the-admin', $password{admin})->{status}, 303, 'the password stays');
is($browser{admin}->post('/admin/links', from => '/admin/links', fields => { note => 'x' })->{status}, 403,
    'the new role holds');
like($t->db("SELECT detail FROM activities WHERE action = 'admin.role'")->[0]{detail},
    qr/^the-admin: observer/, 'the activity says which');

is($t->tool('admin', 'set-role', 'nobody', 'admin')->{exit}, 3, 'set-role of nobody');
is($t->tool('admin', 'set-role', 'the-admin', 'root')->{exit}, 4, 'a role that there is not');
is($t->tool('admin', 'add', 'x', '--role', 'root')->{exit}, 4, 'the same with add');
is($t->tool_json('admin', 'password', 'the-gitops', '--role', 'maintainer')->{name}, 'the-gitops', 'password --role');
%listed = map { $_->{name} => $_->{role} } @{ $t->tool_json('admin', 'list')->{admins} };
is($listed{'the-gitops'}, 'maintainer', 'gives another role');

$t->done;
