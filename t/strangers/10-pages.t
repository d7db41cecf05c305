#!/usr/bin/perl
# The admin pages in a real Chromium: what an administrator does there, with the
# mouse and with the keyboard alone. axe-core finds nothing on any page, light,
# dark, with forced colours, and on a phone; the console stays empty; no page is
# large. Pictures of all are in strangers/screenshots of the build folder.
use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Attestmdm::Browser;
use Attestmdm::Test;

Attestmdm::Browser->need;

my $REQUIRE = 'apple_require_hardware_attestation';
my $REPOSITORY = 'https://git.example.com/fleet';
# Bytes of a page, with its style sheet.
my $PAGE_MAX = 50_000;

my $t = Attestmdm::Test->new(require => 0, worker => 1, port => Attestmdm::Test::free_port());
my $s = $t->server;
my ($MAC, $EARLY, $INTEL, $PHONE, $STRANGER) = qw(C10MAC000001 C10EARLY0001 C10INTEL0001 C10PHONE0001 C10STRANGER1);

# A host of each kind, and somebody who was refused.
$t->assign($MAC, $EARLY, $INTEL, $PHONE, 'C10LATER0001');
is($t->sim('enroll', '--serial', $EARLY)->{exit}, 0, "$EARLY enrolls before attestation is required");
$t->tool_ok('setting', 'set', $REQUIRE, 'true');
for (["$MAC", 'Mac15,3', '15.1'], [$INTEL, 'MacBookPro16,1', '13.6'], [$PHONE, 'iPhone14,2', '17.0']) {
	my ($serial, $product, $os) = @$_;
	is($t->sim('enroll', '--serial', $serial, '--product', $product, '--os-version', $os,
	    '--state', $t->dir . "/$serial")->{exit}, 0, "$serial enrolls");
}
is($t->sim('enroll', '--serial', $STRANGER)->{exit}, 3, "$STRANGER is refused");
isnt($t->sim('enroll', '--serial', 'C10LATER0001', '--fault', 'attestation-other-serial')->{exit}, 0, 'a fault');
my $command = $t->tool_json('command', 'send', $MAC, 'SecurityInfo')->{uuid};
$t->tool_ok('enrollment', 'new', '--note', 'for Ada');
$t->tool_ok('setting', 'set', $REQUIRE, 'false', '--yes');

my $b = Attestmdm::Browser->open($t);
diag("Chromium $b->{version}");
my %host = map { $_->{serial} => $_->{id} } @{ $t->db('SELECT id, serial FROM hosts') };
my $enrollment = $t->db("SELECT id FROM enrollments WHERE serial = '$MAC'")->[0]{id};

# Holds the page that is open to all that holds for any.
sub good {
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $page = $b->page;
	my $bytes = 0;
	$bytes += $_ for values %{ $page->{loaded} };
	cmp_ok($bytes, '<', $PAGE_MAX, "$name: $bytes bytes");
	for my $look (qw(light dark forced phone)) {
		$b->look($look);
		is(join("\n", @{ $b->axe }), '', "$name: axe, $look");
		cmp_ok($b->page->{overflow}, '<=', 0, "$name: no wider than the window, $look");
		$b->shot("$name-$look");
	}
	$b->look('light');
	my $keyboard = $b->keyboard;
	is(join("\n", @{ $keyboard->{unreached} }), '', "$name: Tab comes to everything");
	is(join("\n", @{ $keyboard->{unseen} }), '', "$name: and it is seen where it is");
	is(join("\n", @{ $b->problems }), '', "$name: nothing in the console");
}

# Opens a page and holds it to that.
sub see {
	my ($name, $path, $text, $status) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $r = $b->go($path);
	is($r->{status}, $status // 200, "$name: opens");
	# (Chromium says so in its console)
	$b->problems if $r->{status} >= 400;
	like($b->page->{text}, $text, "$name: what is on it") if $text;
	good($name);
}

sub signed_in {
	$b->window;
	$b->go('/admin/sign-in');
	$b->fill('#name', 'admin');
	$b->fill('#password', $s->password);
	return $b->follow('role=button[name="Sign in"]');
}

# What routes with a parameter are opened with; undef: the walk comes there.
my %EXAMPLES = (
	'/admin/hosts/:id' => [$host{$MAC}],
	'/admin/hosts/:id/commands/:command' => [$host{$MAC}, $command],
	'/admin/enrollments/:id' => [$enrollment],
	'/admin/settings/:setting/hosts' => undef,
	'/admin/serial' => "?serial=$MAC",
	'/admin/admins/one' => '?name=admin',
);

subtest 'signing in' => sub {
	is($b->go('/admin/')->{url}, $t->url . '/admin/sign-in', 'comes first');
	good('sign-in');
	$b->go('/admin/sign-in');
	$b->press(split(//, 'admin'), 'Tab', split(//, 'wrong'));
	$b->ask('key_follow', key => 'Enter');
	like($b->page->{text}, qr/The name or the password is wrong/, 'a wrong password');
	$b->problems;
	good('sign-in-wrong');
	$b->go('/admin/sign-in');
	$b->press(split(//, 'admin'), 'Tab', split(//, $s->password));
	unlike($b->ask('key_follow', key => 'Enter')->{url}, qr/sign-in/, 'by the keyboard alone');
};

subtest 'every page' => sub {
	my $source = Attestmdm::Server::slurp("$Attestmdm::Server::TOP/cgi-bin/admin-settings.c");
	for my $route ($source =~ m{\{ "GET", "(/admin/[^"]*)"}g) {
		next if $route =~ m{\.\w+$|/sign-in$};
		my $path = $route;
		if ($route =~ /:/) {
			ok(exists $EXAMPLES{$route}, "an example for $route is known") or next;
			defined $EXAMPLES{$route} or next;
			my @values = @{ $EXAMPLES{$route} };
			$path =~ s/:\w+/shift @values/ge;
		} else {
			$path .= $EXAMPLES{$route} // '';
		}
		(my $name = $route) =~ s{^/admin/|:}{}g;
		see($name =~ s{/$}{}r =~ tr{/}{-}r || 'overview', $path);
	}
};

subtest 'hosts' => sub {
	see('host-attested', "/admin/hosts/$host{$MAC}", qr/MDM attestation\s+Yes.*What Apple attested/s);
	see('host-unattested', "/admin/hosts/$host{$INTEL}");
	unlike($b->page->{text}, qr/MDM attestation|What Apple attested/, 'fleet-129: no row without an attestation');
	$b->go('/admin/hosts');
	$b->fill('#q', 'C10PHONE');
	$b->follow('role=button[name="Show"]');
	like($b->page->{text}, qr/C10PHONE0001/, 'a host is found by its serial number');
	unlike($b->page->{text}, qr/C10MAC/, 'and no other');
	$b->go('/admin/hosts');
	$b->ask('choose', selector => '#attested', value => 'yes');
	$b->follow('role=button[name="Show"]');
	like($b->page->{text}, qr/C10MAC000001/, 'those that are attested');
	unlike($b->page->{text}, qr/C10INTEL/, 'and no other');
	like($b->page->{url}, qr/[?&]attested=/, 'the URL says so');
	good('hosts-filtered');
	my $csv = $b->download('role=link[name="Export CSV"]');
	like($csv->{name}, qr/\.csv$/, 'a file');
	like($csv->{text}, qr/C10MAC000001/, 'with what the page shows');
	unlike($csv->{text}, qr/C10INTEL/, 'and no more');
	see('hosts-none', '/admin/hosts?q=nothing-of-this-kind', qr/No host matches/);
};

subtest 'acts on a host' => sub {
	my $page = "/admin/hosts/$host{$PHONE}";
	$b->go($page);
	$b->follow('role=button[name="Queue"]');
	like($b->page->{text}, qr/DeviceInformation.*Queued/s, 'a command is queued');
	$b->follow('role=button[name=/^Cancel/] >> nth=0');
	like($b->page->{text}, qr/cancel/i, 'and cancelled');
	$b->go($page);
	$b->follow('role=button[name=/^Block/]');
	good('host-block');
	$b->follow('role=link[name="Cancel"]');
	unlike($b->page->{text}, qr/Unblock/, 'not yet');
	$b->follow('role=button[name=/^Block/]');
	$b->follow('main form >> role=button');
	like($b->page->{text}, qr/Blocked.*Unblock/s, 'blocked');
	good('host-blocked');
	$b->follow('role=button[name="Unblock"]');
	unlike($b->page->{text}, qr/Unblock/, 'and not any more');
};

subtest 'tokens and administrators' => sub {
	$b->go('/admin/tokens');
	$b->fill('#name', 'prometheus');
	$b->ask('choose', selector => '#role', value => 'observer');
	$b->follow('role=button[name="Make a token"]');
	like($b->page->{text}, qr/\bamdm_\w+/, 'a token is shown once');
	good('token-made');
	$b->go('/admin/tokens');
	unlike($b->page->{text}, qr/\bamdm_\w+/, 'and not again');
	good('tokens-one');
	$b->go('/admin/admins');
	$b->fill('#name', 'grace');
	$b->fill('#password', 'short');
	$b->click('role=button[name="Add"]');
	like($b->page->{url}, qr{/admin/admins$}, 'the browser holds back a short password');
	$b->fill('#password', 'a longer password');
	$b->follow('role=button[name="Add"]');
	like($b->page->{text}, qr/grace/, 'an administrator is added');
	good('admin-added');
	$b->follow('role=button[name="Disable"]');
	good('admin-disabled');
};

subtest 'a refusal, and what to do' => sub {
	see('refusals', '/admin/refusals', qr/$STRANGER/);
	$b->follow("role=link[name=\"$STRANGER\"] >> nth=0");
	like($b->page->{text}, qr/What to do: \w+/, 'the advice is beside it');
	good('refusal');
	see('error', '/admin/nothing', qr/\w/, 404);
};

subtest 'the requirement is switched on' => sub {
	$b->go('/admin/settings');
	my $summary = 'summary';
	is($b->states('#require')->[0]{visible}, JSON::PP::false(), 'fleet-120: it is under Advanced options');
	$b->click($summary);
	is($b->states('#require')->[0]{checked}, JSON::PP::false(), 'fleet-120: off');
	good('settings-advanced');
	$b->click('role=checkbox[name="Require hardware attestation"]');
	$b->follow('form:has(#require) >> role=button[name="Save"]');
	like($b->page->{text}, qr/Before you change it.*hosts/s, 'what it means comes first');
	good('preview');
	$b->follow('role=link[name="all"] >> nth=0');
	good('preview-hosts');
	$b->go('/admin/settings');
	is($b->states('#require')->[0]{checked}, JSON::PP::false(), 'nothing is changed yet');
	$b->click($summary);
	$b->click('#require');
	$b->follow('form:has(#require) >> role=button[name="Save"]');
	$b->follow('form:has([name=confirmed]) >> role=button');
	like($b->page->{text}, qr/Saved\./, 'then it is');
	is($b->states('#require')->[0]{checked}, JSON::PP::true(), 'fleet-120: on, and in sight');
	good('settings-on');
	like($t->tool_ok('setting', 'get', $REQUIRE), qr/true/, 'as the tool says');
	$b->follow('text=Move hosts to attested certificates now');
	$b->follow('role=button[name="Move hosts now"]');
	good('move-started');
};

# The chart needs days, alarms and certificates that end most of a year.
subtest 'much later' => sub {
	for my $days (2, 3, 340) {
		$s->clock($days * 86400);
		$s->wake;
		my $until = time + 20;
		sleep 0.1 until scalar(@{ $t->db('SELECT 1 AS n FROM alarms WHERE closed_at IS NULL') }) || time > $until || $days < 340;
		sleep 0.5;
	}
	signed_in();
	see('overview-later', '/admin/', qr/Overview/);
	like($b->page->{text}, qr/30 days.*[1-9]/s, 'certificates that end');
	is(scalar @{ $b->states('svg[role=img], figure svg') }, 1, 'and the chart');
	see('alarms-later', '/admin/alarms', qr/\w/);
	$s->clock(0);
	signed_in();
};

subtest 'links' => sub {
	$b->go('/admin/links');
	$b->fill('#note', 'for Grace');
	$b->follow('role=button[name="Make a link"]');
	like($b->page->{text}, qr{/enroll/manual/\S+}, 'one is made, and shown once');
	good('link-made');
};

subtest 'what people see who enroll' => sub {
	see('enroll-sso', '/enroll/sso', qr/Open it from Setup Assistant/, 400);
	my $url = $t->tool_json('enrollment', 'new')->{url};
	see('enroll-link', $url =~ s{^https://[^/]+}{}r);
};

subtest 'fleet-123: GitOps mode' => sub {
	$s->set_conf('gitops.gitops_mode_enabled', 'true');
	$s->set_conf('gitops.repository_url', $REPOSITORY);
	$s->restart('admin-settings');
	$b->go('/admin/settings');
	my @able = grep { !$_->{disabled} } @{ $b->states('main form :is(input:not([type=hidden]), select, textarea, button)') };
	is(scalar @able, 0, 'nothing can be changed');
	is($b->states('#require')->[0]{visible}, JSON::PP::true(), 'though it is in sight');
	is($b->states('role=link[name="the repository"]')->[0]{href}, $REPOSITORY, 'and it is said where it can');
	good('settings-gitops');
	$s->set_conf('gitops.gitops_mode_enabled', 'false');
};

subtest 'fleet-121: the free tier' => sub {
	$s->set_conf('license.tier', 'free');
	$s->restart('admin-settings');
	$b->go('/admin/settings');
	is(scalar @{ $b->states('#require') }, 0, 'there is no checkbox');
	unlike($b->page->{text}, qr/Advanced options|hardware attestation/i, 'nor a word of it');
	good('settings-free');
};

subtest 'signing out' => sub {
	like($b->follow('role=button[name="Sign out"]')->{url}, qr{/admin/sign-in$}, 'leads to the sign-in page');
	like($b->go('/admin/hosts')->{url}, qr{/admin/sign-in$}, 'and nothing else is shown');
};

$t->done;
