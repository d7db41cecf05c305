#!/usr/bin/perl
# The settings page in both tiers and in GitOps mode.
use strict;
use warnings;

use JSON::PP;

use Attestmdm::Admin;
use Attestmdm::Test;

my $REQUIRE = 'apple_require_hardware_attestation';
my $LINK = 'https://support.apple.com/en-my/guide/deployment/dep28afbde6a/web';

sub browser {
	my ($t) = @_;
	my $b = Attestmdm::Admin->new($t);
	$b->sign_in;
	return $b;
}

sub page { $_[0]->get('/admin/settings')->{body} }

sub box { my ($box) = page($_[0]) =~ /(<input id="require"[^>]*>)/; return $box }

sub set_box {
	my ($b, $value, %o) = @_;
	return $b->post("/admin/settings/$REQUIRE", from => '/admin/settings',
	    fields => defined $value ? { $REQUIRE => $value } : {}, %o);
}

sub set_version {
	my ($b, $value, %o) = @_;
	return $b->post('/admin/settings/minimum-os', from => '/admin/settings',
	    fields => { minimum_os_version_macos => $value }, %o);
}

sub stored {
	my ($t, $name) = @_;
	my $rows = $t->db("SELECT value FROM settings WHERE name = '$name'");
	return @$rows ? $rows->[0]{value} : undef;
}

subtest 'premium' => sub {
	my $t = Attestmdm::Test->new(require => 0);
	my $b = browser($t);
	my $text = page($b);

	like($text, qr/<summary><h2>Advanced options<\/h2><\/summary>.*Require hardware attestation/s,
	    'fleet-120: the option is under Advanced options');
	like($text, qr{<a href="\Q$LINK\E"[^>]*>Managed Device Attestation</a>},
	    'the help text leads to Apple');
	like($text, qr{Managed Device Attestation</a></p>}, 'and ends with that link');
	unlike(box($b), qr/ checked/, 'fleet-120: off at first');
	unlike(box($b), qr/ disabled/, 'and can be changed');

	my $r = set_box($b, 'true');
	is($r->{status}, 303, 'fleet-120: turned on');
	is($r->{headers}{location}, '/admin/settings?saved=1', 'the answer is a redirect');
	like($b->get('/admin/settings?saved=1')->{body}, qr/role="status">Saved\./, 'and says so');
	like(box($b), qr/ checked/, 'fleet-120: shown on');
	like($t->tool_ok('setting', 'get', $REQUIRE), qr/true/, 'the command line says the same');
	my $rows = $t->db("SELECT actor, detail FROM activities WHERE action = 'setting.set'");
	is($rows->[-1]{actor}, 'admin', 'fleet-130: who changed it is on record');
	like($rows->[-1]{detail}, qr/\Q$REQUIRE\E/, 'fleet-130: and what');
	like($b->get('/admin/activity')->{body}, qr/<code>setting\.set<\/code>/,
	    'fleet-130: the activity page shows it');

	is(set_version($b, '15.1')->{status}, 303, 'a minimum system version is taken');
	like(box($b), qr/ checked/, 'fleet-127: the other setting stays');
	like(page($b), qr/name="minimum_os_version_macos"[^>]*value="15\.1"/, 'and is shown');
	for my $bad ('fifteen', '15.', '1.2.3.4.5', '15;DROP', '"><script>alert(1)</script>') {
		my $r = set_version($b, $bad);
		is($r->{status}, 422, "'$bad' is no version");
		unlike($r->{body}, qr/<script/, 'and comes back as text');
	}
	is(stored($t, 'minimum_os_version_macos'), '15.1', 'the good one is kept');
	is(set_version($b, '')->{status}, 303, 'none is fine too');
	my %each = map { ("minimum_os_version_$_->[0]" => $_->[1]) } ['macos', '14.5'],
	    ['ios', '17.1'], ['ipados', '17.2'], ['tvos', '17.3'], ['visionos', '1.1'],
	    ['watchos', '10.4'];
	my $minimums = sub {
		return $b->post('/admin/settings/minimum-os', from => '/admin/settings',
		    fields => {@_});
	};
	is($minimums->(%each)->{status}, 303, 'each system has its own');
	is(stored($t, $_), $each{$_}, $_) for sort keys %each;
	$text = $minimums->(%each, minimum_os_version_macos => '15.0',
	    minimum_os_version_tvos => 'x')->{body};
	is(stored($t, 'minimum_os_version_macos'), '14.5', 'one that is wrong keeps all from being stored');
	is(join(' ', $text =~ /name="(minimum_\w+)"[^>]*aria-invalid/g),
	    'minimum_os_version_tvos', 'and is marked');
	like($text, qr/name="minimum_os_version_macos"[^>]*value="15\.0"/, 'the others come back as typed');

	is(set_box($b, $_)->{status}, 422, "fleet-126: '$_' is no yes or no")
	    for 'maybe', '1', 'TRUE', '';
	is(stored($t, $REQUIRE), 'true', 'fleet-126: nothing changed');

	is(set_box($b, undef, csrf => undef)->{status}, 403, 'without token: 403');
	is(set_box($b, undef, csrf => 'A' x 43)->{status}, 403, 'with another token: 403');
	is(set_box($b, undef, headers => { 'Sec-Fetch-Site' => 'cross-site' })->{status}, 403,
	    'from another site: 403');
	my $other = browser($t);
	is(set_box($b, undef, csrf => $other->token('/admin/settings'))->{status}, 403,
	    "with another session's token: 403");
	is(stored($t, $REQUIRE), 'true', 'nothing changed');

	my $business = 'apple_business_enrollments_only';
	my ($both) = page($b) =~ /(<input id="business"[^>]*>)/;
	unlike($both, qr/ checked| disabled/, 'Apple Business only is off at first');
	is($b->post("/admin/settings/$business", from => '/admin/settings',
	    fields => { $business => 'true' })->{status}, 303, 'and turned on');
	is(stored($t, $business), 'true', 'stored');
	is(stored($t, $REQUIRE), 'true', 'the other stays');
	like(page($b), qr/<input id="business"[^>]* checked/, 'shown on');
	is($b->post("/admin/settings/$business", from => '/admin/settings', csrf => undef,
	    fields => {})->{status}, 403, 'not without a token');
	is($b->post("/admin/settings/$business", from => '/admin/settings',
	    fields => {})->{status}, 303, 'an empty box turns it off');
	is(stored($t, $business), 'false', 'off');
	is($b->post('/admin/settings/nonesuch', from => '/admin/settings',
	    fields => { nonesuch => 'true' })->{status}, 404, 'what is no setting is not set');
	is(stored($t, 'nonesuch'), undef, 'nor stored');

	my $devices = 'apple_hardware_attestation_devices';
	my $choose = sub { $b->post("/admin/settings/$devices", from => '/admin/settings',
	    fields => { $devices => $_[0] }, @_[1 .. $#_]) };
	my $chosen = sub { join(' ', page($b) =~ /value="(\w+)" checked>\s*<label for="devices-/g) };
	is($chosen->(), 'macs', 'Macs only at first');
	is($choose->('all')->{status}, 303, 'iPhones and iPads too');
	is($chosen->(), 'all', 'shown');
	is(stored($t, $devices), 'all', 'and stored');
	is($choose->($_)->{status}, 422, "'$_' is no choice") for '', 'ALL', 'false', 'macs all';
	is($b->post("/admin/settings/$devices", from => '/admin/settings', fields => {})->{status}, 422,
	    'nor is none');
	is($choose->('macs', csrf => undef)->{status}, 403, 'not without a token');
	is(stored($t, $devices), 'all', 'nothing changed');
	is($choose->('macs')->{status}, 303, 'Macs only again');
	is($chosen->(), 'macs', 'shown');

	is(set_box($b, undef)->{status}, 303, 'fleet-120: an empty box turns it off');
	unlike(box($b), qr/ checked/, 'shown off');

	like(page($b), qr/class="bench" role="alert">/, 'a test bench says so on every page');
	like($b->get('/admin/sign-in', headers => { Cookie => 'x=y' })->{body}, qr/class="bench"/,
	    'also on the sign-in page');
	$t->finish;
};

subtest 'free' => sub {
	my $t = Attestmdm::Test->new(require => 0, config => { 'license.tier' => 'free' });
	my $b = browser($t);

	unlike(page($b), qr/attestation<\/label>|\Q$REQUIRE\E|Advanced/i,
	    'fleet-121: the option does not exist');
	is(set_box($b, 'true')->{status}, 422, 'fleet-121: and cannot be posted');
	is(set_box($b, undef)->{status}, 303, 'off is what it is anyway');
	is($b->post('/admin/settings/apple_hardware_attestation_devices', from => '/admin/settings',
	    fields => { apple_hardware_attestation_devices => 'all' })->{status}, 422,
	    'nor can the devices be chosen');
	unlike(page($b), qr/Devices that must attest/, 'which are not shown either');
	like($t->tool('setting', 'set', $REQUIRE, 'true')->{err}, qr/needs tier = premium in \[license\]/,
	    'fleet-121: the tool says why');
	is($t->tool('setting', 'set', $REQUIRE, 'false')->{exit}, 0, 'and takes what it is anyway');
	unlike($t->tool_ok('setting', 'get'), qr/attestation|business/, 'nor does it list them');
	isnt($t->tool('setting', 'set', $REQUIRE, 'true')->{exit}, 0,
	    'fleet-121: nor set on the command line');
	is(stored($t, $REQUIRE), undef, 'fleet-121: nothing is stored');
	is(set_version($b, '14.0')->{status}, 303, 'other settings can be set');
	is($b->post('/admin/settings/minimum-os', from => '/admin/settings',
	    fields => { minimum_os_version_macos => '14.1', $REQUIRE => 'true' })->{status}, 303,
	    'as a field of another form');
	is(stored($t, $REQUIRE), undef, 'it is ignored');
	$t->finish;
};

# Which enrolled hosts a change concerns is shown before it is made.
subtest 'before a requirement is changed' => sub {
	my $t = Attestmdm::Test->new(require => 0);
	my $b = browser($t);
	my ($business, $n) = ('apple_business_enrollments_only', 0);
	for (['C51MAC000001', 'Mac15,3', '15.1'], ['C51INTEL0001', 'MacBookPro16,1', '13.6'],
	    ['C51PHONE0001', 'iPhone14,2', '17.0'], map { ["C51MORE0000$_", 'MacBookPro16,1', '13.6'] } 1 .. 5) {
		my ($serial, $product, $os) = @$_;
		$t->assign($serial);
		is($t->sim('enroll', '--serial', $serial, '--product', $product, '--os-version', $os)->{exit},
		    0, "$serial enrolls");
	}
	$t->assign('C51LATER0001');

	my $r = set_box($b, 'true');
	is($r->{status}, 200, 'the page comes first');
	is(stored($t, $REQUIRE), undef, 'and nothing is changed');
	like($r->{body}, qr/<li>a certificate by ACME, .*: 1 \(attested already: 0\)/, 'one qualifies');
	like($r->{body}, qr/by SCEP: 7</, 'the others get SCEP');
	like($r->{body}, qr/Recommended: of the hosts that would get SCEP, 1 can/, 'one more could attest');
	like($r->{body}, qr/not enrolled: 1\./, 'and one is not enrolled');
	like($r->{body}, qr/it is an Intel Mac with a T2 chip.*?C51INTEL0001.*?C51MORE00004/s, 'with the reason, and who');
	unlike($r->{body}, qr/C51MORE00005/, 'the first few');
	unlike($r->{body}, qr/<script|no longer would be/, 'nobody is left out');
	my ($all) = $r->{body} =~ /C51MORE00004.*?href="([^"]+)">all/s;
	$all =~ s/&amp;/&/g;
	my $list = $b->get($all)->{body};
	is(scalar(() = $list =~ /C51(?:INTEL|MORE)/g), 12, 'the list has all, each a link');
	like($b->get("$all&after=C51MORE00003")->{body}, qr/C51MORE00004.*C51MORE00005/s, 'and goes on');
	unlike($b->get("$all&after=C51MORE00003")->{body}, qr/C51INTEL/, 'from there');
	is($b->get($all =~ s/group=\w+/group=x/r)->{status}, 404, 'no such group');
	is($b->get($all =~ s/value=true/value=maybe/r)->{status}, 422, 'no such value');
	is($b->get("/admin/settings/minimum_os_version_macos/hosts?value=15&group=x")->{status}, 404,
	    'no such requirement');
	is($b->post("/admin/settings/$REQUIRE", from => '/admin/settings', csrf => undef,
	    fields => { $REQUIRE => 'true', confirmed => 0 })->{status}, 403, 'the second form needs its token');
	is($b->post("/admin/settings/$REQUIRE", from => '/admin/settings',
	    fields => { $REQUIRE => 'true', confirmed => 0 })->{status}, 303, 'and switches it on');
	is(stored($t, $REQUIRE), 'true', 'now it is');

	my $only = sub { $b->post("/admin/settings/$business", from => '/admin/settings',
	    fields => { $business => 'true', @_ }) };
	like($only->()->{body}, qr/Hosts that are renewed today and no longer would be: <strong>6<\/strong>/, 'both: six would be lost');
	$r = $only->(confirmed => 5);
	like($r->{body}, qr/More hosts than you confirmed/, 'one came between the two steps');
	is(stored($t, $business), undef, 'nothing is changed');

	my @set = ('setting', 'set', $business, 'true');
	my $p = $t->tool_json(@set, '--dry-run');
	is(join(' ', map { "$_=$p->{$_}" } qw(enrolled acme scep refused newly_refused not_enrolled)),
	    'enrolled=8 acme=2 scep=0 refused=6 newly_refused=6 not_enrolled=1', 'the tool says the same');
	my ($group) = grep { $_->{method} eq 'nothing' } @{ $p->{groups} };
	is($group->{hosts}, 6, 'by groups');
	my $got = $t->tool_json(@set, '--dry-run', '--group', $group->{group}, '--after', 'C51MORE00004');
	is("@{ $got->{serials} }$got->{next}", 'C51MORE00005', 'and lists them');
	$r = $t->tool(@set);
	is($r->{exit}, 4, 'without a word it does not set it');
	like($r->{err}, qr/6 hosts are not renewed any more; repeat it with --yes/, 'and says why');
	like($r->{out}, qr/not renewed 6 \(6 of them are renewed today\)/, 'with the preview');
	is(stored($t, $business), undef, 'nothing is changed');
	$t->tool_ok(@set, '--yes');
	is(stored($t, $business), 'true', 'with it it does');
	$t->finish;
};

subtest 'management of devices is off' => sub {
	my $t = Attestmdm::Test->new(require => 0, config => { 'mdm.enabled' => 'false', 'mdm.topic' => '' });
	my $b = browser($t);
	$t->assign('C51OFF000001');
	for (['GET', '/enroll'], ['POST', '/enroll'], ['GET', '/enroll/manual/' . 'a' x 43],
	    ['PUT', '/mdm/checkin'], ['PUT', '/mdm/server'], ['GET', '/acme/x/directory'],
	    ['GET', '/enroll/sso'], ['POST', '/enroll/sso'], ['GET', '/enroll/sso/callback'],
	    ['HEAD', '/acme/x/new-nonce'], ['POST', '/acme/x/new-order'], ['GET', '/scep?operation=GetCACaps']) {
		my ($method, $path) = @$_;
		is($t->http($method, $path)->{status}, 503, "$method $path: 503");
	}
	is($t->sim('enroll', '--serial', 'C51OFF000001')->{exit}, 3, 'no device enrolls');
	my ($warning) = grep { $_->{check} eq 'mdm' } @{ JSON::PP::decode_json(
	    $t->tool('check', '--no-nginx', '--json')->{out})->{checks} };
	is($warning->{result}, 'warning', 'check says so');
	is(set_box($b, 'true')->{status}, 303, 'fleet-122: the setting can be changed');
	like(box($b), qr/ checked/, 'fleet-122: and is shown');
	$t->server->set_conf('mdm.enabled', 'true');
	$t->server->restart;
	isnt($t->sim('enroll', '--serial', 'C51OFF000001')->{exit}, 0,
	    'on, but without a push certificate no device enrolls');
	is(scalar(grep { $_->{kind} eq 'push-topic-missing' } @{ $t->tool_json('alarms')->{alarms} }), 1,
	    'fleet-122: of which there is an alarm');
	like(page($b), qr/Advanced options/, 'fleet-122: and the pages go on');
	is(set_box($b, undef)->{status}, 303, 'fleet-122: the setting, too');
	is(set_box($b, 'true')->{status}, 303, 'both ways');
	$t->server->set_conf('mdm.topic', 'com.apple.mgmt.External.b1e6a0c4-demo');
	$t->server->restart;
	is($t->sim('enroll', '--serial', 'C51OFF000001')->{exit}, 0, 'with one it does');
	is($t->tool_json('host', 'show', 'C51OFF000001')->{mdm_enrollment_hardware_attested}, JSON::PP::true(),
	    'fleet-122: and the setting has its effect');
	$t->finish;
};

subtest 'GitOps mode' => sub {
	my $repository = 'https://git.example.com/fleet?a=1&b="x"';
	my $t = Attestmdm::Test->new(require => 0, config => {
		'gitops.gitops_mode_enabled' => 'true',
		'gitops.repository_url' => $repository,
	});
	my $b = browser($t);

	like(box($b), qr/ disabled/, 'fleet-123: shown disabled');
	like(page($b), qr/<fieldset aria-describedby="devices-help locked" disabled/, 'the choice of devices, too');
	like(page($b), qr/GitOps mode is on/, 'fleet-123: with the reason');
	like(page($b), qr{<a href="https://git\.example\.com/fleet\?a=1&amp;b=&quot;x&quot;"},
	    'fleet-123: and the repository');
	my @forms = page($b) =~ m{(<form [^>]*action="/admin/settings.*?</form>)}gs;
	cmp_ok(scalar @forms, '>=', 4, 'fleet-123: there are forms');
	for my $form (@forms) {
		my ($action) = $form =~ /action="([^"]+)"/;
		like($form, qr/aria-describedby="[^"]*\blocked"/, "fleet-123: $action says why to who cannot see");
		(my $own = $form) =~ s{<fieldset[^>]* disabled[ >].*?</fieldset>}{}gs;
		my @able = grep { !/ disabled|type="hidden"/ } $own =~ /(<(?:input|select|textarea|button)\b[^>]*>)/g;
		is("@able", '', "fleet-123: $action has nothing to use");
	}
	is(set_box($b, 'true')->{status}, 409, 'a post is refused');
	is(set_version($b, '15.0')->{status}, 409, 'for each setting');
	like(set_box($b, 'true')->{body}, qr/role="alert">This setting is managed by GitOps\./,
	    'with the reason');
	is(stored($t, $REQUIRE), undef, 'nothing is stored');
	$t->finish;
};

subtest 'a repository that is no web address is no link' => sub {
	my $t = Attestmdm::Test->new(require => 0, config => {
		'gitops.gitops_mode_enabled' => 'true',
		'gitops.repository_url' => 'javascript:alert(1)',
	});
	unlike(page(browser($t)), qr/javascript:/, 'not shown');
	$t->finish;
};

done_testing();
