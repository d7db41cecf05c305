#!/usr/bin/perl
# Link enrollment: a one-time link, its page, its profile, and the first
# Authenticate that says whose it is.
use strict;
use warnings;
use POSIX ();
use Attestmdm::Admin;
use Attestmdm::Device;
use Attestmdm::Test;

plan skip_all => 'scep is not installed' if !Attestmdm::Test::installed('scepclient');

my $t = Attestmdm::Test->new(older => 1);
my $n = 0;

sub setting { $t->tool_ok('setting', 'set', $_[0], $_[1], '--yes') }
sub link_ { my $made = $t->tool_json('enrollment', 'new', @_);
	my ($path) = $made->{url} =~ m{^https://[^/]+(/enroll/manual/[\w-]+)\z} or die $made->{url};
	return ($path, $made->{id}) }
sub rows { $t->db("SELECT count(*) AS n FROM $_[0]")->[0]{n} }
sub serial { sprintf('C41TEST%05d', ++$n) }

# A device with the profile of a link, and its certificate.
sub take {
	my ($path, $serial) = @_;
	my $mac = Attestmdm::Device->begin($t, $serial);
	my $r = $t->http(POST => $path, body => '');
	my ($challenge) = $r->{body} =~ m{<key>Challenge</key>\s*<string>([^<]+)<}
	    or die "no profile: $r->{status}";
	$mac->scepclient($challenge);
	return $mac;
}

sub authenticates { my $mac = shift; $mac->checkin($mac->message('Authenticate', @_))->{status} }

sub enter {
	my ($mac) = @_;
	is(authenticates($mac), 200, 'Authenticate');
	is($mac->checkin($mac->message('TokenUpdate'))->{status}, 200, 'TokenUpdate');
}

subtest 'a device enrolls by a link' => sub {
	my ($path, $id) = link_('--note', 'for Ada');
	my $mac = take($path, serial());
	is($t->db("SELECT serial FROM certificates ORDER BY created_at DESC, rowid DESC LIMIT 1")->[0]{serial},
	    '', 'its certificate is no device\'s yet');
	is($mac->report('Idle')->{status}, 400, 'and good for no commands');
	enter($mac);
	is($mac->host->{state}, 'enrolled', 'enrolled');
	is($mac->host->{hardware_attested}, 0, 'not attested');
	is($t->db("SELECT serial FROM certificates ORDER BY created_at DESC, rowid DESC LIMIT 1")->[0]{serial},
	    $mac->{serial}, 'the certificate is bound');
	is($mac->report('Idle')->{status}, 200, 'commands');
	my ($shown) = grep { $_->{id} eq $id } @{ $t->tool_json('enrollment', 'links')->{links} };
	is($shown->{state}, 'used', 'the link is used');
	is($t->tool_json('enrollment', 'show', $mac->{serial})->{source}, 'manual', 'by a link');
	$mac->{serial} = 'C41OTHER00001';
	is(authenticates($mac), 400, 'it does not become another device');
};

subtest 'mdm-60: looking at a link uses nothing up' => sub {
	my ($path) = link_();
	my $before = rows('enrollments');
	for (['GET'], ['HEAD'], ['GET', headers => { Range => 'bytes=0-99' }],
	    ['GET', headers => { 'User-Agent' => 'Slackbot-LinkExpanding 1.0' }],
	    ['GET', headers => { Purpose => 'prefetch' }]) {
		my ($method, @o) = @$_;
		is($t->http($method => $path, @o)->{status}, 200, "$method @o");
	}
	is(rows('enrollments'), $before, 'no enrollment came of it');
	my $page = $t->http(GET => $path);
	like($page->{body}, qr/Get the profile/, 'the page has a button');
	unlike($page->{body}, qr/script/i, 'and no script');
	like($page->{headers}{'content-security-policy'}, qr/default-src 'none'/, 'nothing may come in');
	is($page->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');
	my ($style) = $page->{body} =~ m{href="(/enroll/style\.css\?\w+)"};
	is($t->http(GET => $style)->{status}, 200, 'its style');
	is($t->http(PUT => $path, body => '')->{status}, 405, 'PUT');
	is($t->http(POST => $path, body => 'x' x 1025)->{status}, 413, 'a large body');
	is($t->http(POST => $path, body => '')->{headers}{'content-type'},
	    'application/x-apple-aspen-config', 'then the profile');
};

subtest 'mdm-59: an organization with <, & and quotes on the page' => sub {
	my $other = Attestmdm::Test->new(organization => q{Tom & Jerry <b>"GmbH"</b> 'x'});
	my ($path) = $other->tool_json('enrollment', 'new')->{url} =~ m{^https://[^/]+(/.*)};
	my $body = $other->http(GET => $path)->{body};
	my $name = qr{Tom &amp; Jerry &lt;b&gt;(?:&quot;|&\#34;)GmbH(?:&quot;|&\#34;)&lt;/b&gt; (?:&\#39;|&apos;)x};
	like($body, qr{<title>[^<]*$name[^<]*</title>}, 'in the title');
	like($body, qr{<p>$name[^<]* wants to manage this device}, 'in the text');
	unlike($body, qr{<b>|Tom & |"GmbH"}, 'and nowhere as it is');
	$other->http(POST => $path, body => '');
	my $over = $other->http(GET => $path);
	is($over->{status}, 410, 'used');
	like($over->{body}, qr{<title>[^<]*$name[^<]*</title>}, 'the page that says so, too');
	unlike($over->{body}, qr{<b>|Tom & }, 'and nowhere as it is');
};

subtest 'mdm-58: once' => sub {
	my ($path, $id) = link_();
	my @pids = map {
		my $pid = fork() // die "fork: $!";
		POSIX::_exit($t->http(POST => $path, body => '')->{status} == 200 ? 0 : 1) if !$pid;
		$pid;
	} 1 .. 6;
	my $got = grep { waitpid($_, 0); $? == 0 } @pids;
	is($got, 1, 'six at once: one profile');
	for (qw(GET POST)) {
		my $r = $t->http($_ => $path, $_ eq 'POST' ? (body => '') : ());
		is($r->{status}, 410, "$_ afterwards: 410");
		like($r->{body}, qr/does not work/, 'and a page that says so');
		unlike($r->{body}, qr/Challenge|<form/, 'without profile or button');
	}
	my $last = $t->db("SELECT * FROM events WHERE code = 'ENROLL_LINK' ORDER BY id DESC LIMIT 1")->[0];
	like($last->{reason}, qr/\Q$id\E is used/, 'the event log names the link');
};

subtest 'links that are over, and none' => sub {
	my ($path, $id) = link_();
	$t->tool_ok('enrollment', 'revoke-link', $id);
	is($t->http(POST => $path, body => '')->{status}, 410, 'revoked');
	is($t->tool('enrollment', 'revoke-link', $id)->{exit}, 4, 'a second time');
	is($t->tool('enrollment', 'revoke-link', 'none')->{exit}, 3, 'one that is not there');
	($path) = link_();
	$t->server->clock(72 * 3600);
	is($t->http(POST => $path, body => '')->{status}, 410, 'expired');
	$t->server->clock(0);
	is($t->http($_ => '/enroll/manual/AAAAAAAAAAAAAAAAAAAAAA',
	    $_ eq 'POST' ? (body => '') : ())->{status}, 404, "$_ of no link") for qw(GET POST);
	my $before = rows('events');
	for (qw(AAAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAB x)) {
		is($t->http(GET => "/enroll/manual/$_")->{status}, 404, "GET of $_");
		is($t->http(POST => "/enroll/manual/$_", body => '')->{status}, 404, "POST of $_");
	}
	is(rows('events'), $before, 'who holds no link leaves no row');
	is($t->http(POST => '/enroll/manual/AAAAAAAAAAAAAAAAAAAAAA', body => 'x' x 1025)->{status},
	    413, 'a large body for no link');
	is(rows('events'), $before, 'leaves no row');
	is($t->tool('enrollment', 'new', '--serial', $_)->{exit}, 4, "no serial number: $_") for 'a b', 'x', 'C02ABCD', 'C02 ABCDEF12';
};

subtest 'a link for one device' => sub {
	my $serial = serial();
	my ($path) = link_('--serial', $serial);
	my $mac = take($path, $serial);
	my $other = bless { %$mac, serial => serial() }, ref $mac;
	is(authenticates($other), 400, 'not for another');
	$t->refused($serial, 'authenticate', 'MDM_DEVICE', 'and its event log');
	enter($mac);
	($path) = link_('--serial', $serial);
	my $again = take($path, $serial);
	$again->{udid} = 'AAAAAAAA-0000-4000-8000-000000004141';
	enter($again);
	is($again->host->{generation}, 2, 'the enrolled host is replaced, new UDID and all');
	is($mac->report('Idle')->{status}, 400, 'the old identity is over');
};

subtest 'a link for any device claims no enrolled one' => sub {
	my ($path) = link_();
	my $mac = take($path, serial());
	enter($mac);
	($path) = link_();
	my $thief = take($path, $mac->{serial});
	is(authenticates($thief), 400, 'refused');
	$t->refused($mac->{serial}, 'authenticate', 'ENROLL_OTHER_DEVICE', 'held for review');
	is_deeply($t->db("SELECT serial FROM alarms WHERE kind = 'held-for-review' AND closed_at IS NULL"),
	    [{ serial => $mac->{serial} }], 'with an alarm');
	is($t->db("SELECT count(*) AS n FROM certificates WHERE serial = ''")->[0]{n} > 0, 1,
	    'the refused certificate stays unbound');
	is($mac->report('Idle')->{status}, 200, 'the host is not hurt');
	for (undef, '', "x'--", 'A' x 65) {
		is(authenticates($thief, SerialNumber => $_), 400, 'nor with a strange number');
		like($t->db('SELECT reason FROM events ORDER BY id DESC LIMIT 1')->[0]{reason},
		    qr/SerialNumber/, 'and that is why');
	}
	$t->tool_ok('host', 'block', $mac->{serial});
	is(authenticates($thief), 403, 'nor a blocked one');
	$t->refused($mac->{serial}, 'authenticate', 'MDM_BLOCKED', 'blocked');
	my $fresh = bless { %$thief, serial => serial(),
	    udid => 'BBBBBBBB-0000-4000-8000-000000004141' }, ref $thief;
	enter($fresh);
};

subtest 'a link for any device claims no host that is on its way' => sub {
	my $serial = serial();
	my $first = take((link_('--serial', $serial))[0], $serial);
	is(authenticates($first), 200, 'Authenticate of a device with its own link');
	is($first->host->{state}, 'pending', 'it is pending');
	my $before = $first->host;
	my $thief = take((link_())[0], $serial);
	is($thief->{udid}, $first->{udid}, 'another says that it is the same device');
	is(authenticates($thief), 400, 'refused');
	$t->refused($serial, 'authenticate', 'ENROLL_OTHER_DEVICE', 'held for review');
	is_deeply($first->host, $before, 'the host is as it was');
	is($first->checkin($first->message('TokenUpdate'))->{status}, 200, 'and completes its enrollment');
	is($first->host->{state}, 'enrolled', 'enrolled');
};

subtest 'a link for any device claims nothing that is assigned' => sub {
	my $serial = serial();
	my $thief = take((link_())[0], $serial);
	$t->assign($serial);
	is(authenticates($thief), 400, 'refused');
	$t->refused($serial, 'authenticate', 'ENROLL_OTHER_DEVICE', 'held for review');
	is(scalar(@{ $t->db("SELECT 1 FROM hosts WHERE serial = '$serial'") }), 0, 'no host');
	is($t->sim('enroll', '--serial', $serial)->{exit}, 0, 'the device itself enrolls');
	my $other = serial();
	$t->assign($other);
	enter(take((link_('--serial', $other))[0], $other));
};

subtest 'a serial number that attested, by a link' => sub {
	my $serial = serial();
	$t->assign($serial);
	my $attested = Attestmdm::Device->enroll($t, $serial);
	$attested->checkin($attested->message('CheckOut'));
	my ($path) = link_();
	my $mac = take($path, $serial);
	$t->tool_ok('ade', 'remove', $serial);
	is(authenticates($mac), 400, 'is not downgraded by a link');
	$t->refused($serial, 'authenticate', 'ENROLL_DOWNGRADE', 'downgrade');
	($path) = link_('--serial', $serial);
	is($t->http(POST => $path, body => '')->{status}, 403, 'nor by one for it');
	$t->refused($serial, 'profile', 'ENROLL_DOWNGRADE', 'downgrade');
	my $alarms = sub {
		return join ' ', map { $_->{kind} } grep { $_->{serial} eq $serial } @{ $t->tool_json('alarms')->{alarms} };
	};
	is($alarms->(), 'downgrade-refused', 'there is an alarm');
	setting('apple_require_hardware_attestation', 'false');
	enter($mac);
	is($alarms->(), '', 'closed when it enters, because nothing has to be attested now');
	setting('apple_require_hardware_attestation', 'true');
};

subtest 'fleet-135: Apple Business enrollments only' => sub {
	my ($other) = link_();
	my $serial = serial();
	$t->assign($serial);
	my $mac = take((link_('--serial', $serial))[0], $serial);
	setting('apple_require_hardware_attestation', 'false');
	setting('apple_business_enrollments_only', 'true');
	is($t->tool('enrollment', 'new')->{exit}, 4, 'no link is made');
	is($t->http(POST => $other, body => '')->{status}, 403, 'no profile is handed out');
	is(authenticates($mac), 400, 'no device enters, though assigned');
	$t->refused($serial, 'authenticate', 'ENROLL_BUSINESS', 'refused');
	setting('apple_business_enrollments_only', 'false');
	enter($mac);
	setting('apple_require_hardware_attestation', 'true');
};

subtest 'the pages of an administrator' => sub {
	my $admin = Attestmdm::Admin->new($t);
	is($t->http(GET => '/admin/links')->{status}, 303, 'behind the sign-in');
	$admin->sign_in;
	my $page = $admin->get('/admin/links');
	is($page->{status}, 200, 'the page');
	like($admin->get('/admin/enrollments')->{body}, qr{href="/admin/links"}, 'enrollments lead to it');
	is($admin->post('/admin/links', fields => { serial => '', note => 'x' }, csrf => 'wrong')->{status}, 403,
	    'a stale form');
	my $r = $admin->post('/admin/links', from => '/admin/links',
	    fields => { serial => 'C41PAGE00001', note => '<b>Bob</b>' });
	is($r->{status}, 200, 'made');
	my ($path) = $r->{body} =~ m{https://[^/<]+(/enroll/manual/[\w-]+)};
	ok($path, 'the link is shown');
	like($r->{body}, qr/&lt;b&gt;Bob/, 'mdm-59: the note escaped');
	my ($token) = $path =~ m{([^/]+)\z};
	unlike($admin->get('/admin/links')->{body}, qr/\Q$token\E/, 'once');
	is($t->http(GET => $path)->{status}, 200, 'it works');
	is($admin->post('/admin/links', from => '/admin/settings', fields => { serial => 'a b', note => '' })->{status}, 422, 'no serial number');
	is($admin->post('/admin/links', from => '/admin/settings', fields => { serial => '', note => 'x' x 200 })->{status}, 422, 'a long note');
	my ($row) = $admin->get('/admin/links')->{body} =~ m{C41PAGE00001(.*?)</tr>}s;
	my ($revoke) = $row =~ m{action="(/admin/links/[\w-]+/revoke)"};
	is($admin->post($revoke, from => '/admin/links')->{status}, 303, 'revoked');
	is($t->http(GET => $path)->{status}, 410, 'it works no more');
	ok((grep { $_->{action} eq 'enrollment-link.revoke' }
	    @{ $t->db("SELECT action FROM activities") }), 'the record has it');
	($path) = link_();
	$t->http(POST => $path, body => '');
	my ($waiting) = $admin->get('/admin/enrollments')->{body}
	    =~ m{href="(/admin/enrollments/[\w-]+)">not known yet</a>(?:(?!</tr>).)*SCEP, link}s;
	ok($waiting, 'a profile whose device is not known yet can be opened');
	like($admin->get($waiting)->{body}, qr/Serial number not known yet/, 'and says so');
	setting('apple_business_enrollments_only', 'true');
	unlike($admin->get('/admin/links')->{body}, qr/Make a link/, 'no form while they do not work');
	is($admin->post('/admin/links', from => '/admin/settings', fields => { serial => '', note => '' })->{status}, 403, 'nor a link');
	setting('apple_business_enrollments_only', 'false');
};

subtest 'mdm-109: no token is kept or logged' => sub {
	my ($path) = link_();
	my ($token) = $path =~ m{([^/]+)\z};
	$t->http(POST => $path, body => '');
	my $dir = $t->dir;
	my $found = $t->command('grep', '-rlaF', $token, $dir)->{out};
	is($found, '', 'nowhere in files, logs and database');
};

$t->done;
