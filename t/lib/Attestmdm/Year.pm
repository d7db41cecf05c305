package Attestmdm::Year;

# Hosts of every product live through a year and more, day by day: renewals of
# their certificates, new push tokens, updates, pushes that get lost, faults of
# Apple's services, and the renewal of everything that ends or may be replaced:
# push certificate, server token, TLS certificate and both CAs. What is told to
# the command of [alarms] has to be what is planned, no more and no less.

use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use Attestmdm::Apple;
use Attestmdm::Device;
use Attestmdm::Server;
use Attestmdm::Test;

my $DAY = 86400;

# Each has the versions and builds that it is updated to.
my @PRODUCTS = (
	{ product => 'Mac15,3', attests => 1, systems => [qw(15.1/24B83 15.3/24D83 15.5/24F83)] },
	{ product => 'MacBookPro16,1', attests => 0, systems => [qw(13.5/22F83 13.6/22G83 13.7/22H83)] },
	{ product => 'iPhone14,2', attests => 1, systems => [qw(17.0/21A83 17.3/21D83 17.5/21F83)] },
	{ product => 'iPad14,1', attests => 1, systems => [qw(17.0/21A83 17.3/21D83 17.5/21F83)] },
	{ product => 'AppleTV14,1', attests => 1, systems => [qw(17.0/21J83 17.3/21M83 17.5/21O83)] },
	{ product => 'RealityDevice14,1', attests => 1, systems => [qw(2.1/22O83 2.2/22P83 2.3/22Q83)] },
	{ product => 'Watch7,1', attests => 1, systems => [qw(10.1/21S83 10.3/21U83 10.5/21W83)] },
);

# The days on which something happens from outside.
my %PLAN = (
	20 => [\&ask],
	30 => [sub { $_[0]{business}->script({ set => 'terms', value => 1 }) }, \&sync],
	31 => [sub { $_[0]{business}->script({ set => 'terms', value => 0 }) }, \&sync],
	40 => [\&rotate_push_tokens, \&ask],
	60 => [\&update, \&ask],
	100 => [sub { renew_ca($_[0], 'acme') }],
	110 => [sub { renew_ca($_[0], 'scep') }],
	130 => [sub { $_[0]{apns}->script({ answer => '*', times => 0, status => 403, reason => 'BadCertificate' }) }, \&ask],
	131 => [sub { $_[0]{apns}->script({ clear => JSON::PP::true() }) }],
	200 => [\&update, \&break_connections, \&ask],
	340 => [\&renew_push_certificate],
	352 => [\&renew_server_token],
	370 => [\&renew_tls],
	390 => [\&ask],
);

# What is told, and on which day. What ends was made for 365 days, the TLS
# certificate for 397.
my @ALARMS = (
	'30 raise business-terms business',
	'31 close business-terms business',
	'130 raise push-stopped push-certificate',
	'131 close push-stopped push-certificate',
	'335 raise push-certificate-ending push',
	'335 raise server-token-ending business',
	'340 close push-certificate-ending push',
	'351 repeat server-token-ending business',
	'352 close server-token-ending business',
	'367 raise tls-ending URL',
	'370 close tls-ending URL',
);

# So many tokens that die at once raise an alarm, for Apple may be wrong. There are
# as many from 55 hosts on.
my $DEATHS = 10;
my @DEATHS = (
	'40 raise push-tokens-dead push',
	'41 close push-tokens-dead push',
);

# The days on which hosts are renewed, 180 before the end of what they have.
my @RENEWALS = (186, 372);

# One push in so many never reaches its device.
my $LOST = 5;

# What the database may have at the end: half a megabyte without any row, and as
# much again for what does not grow with the hosts. A host has three certificates
# with attestation, order and enrollment, 5 KB each, which stay; of the last 180
# days a renewal with its profile, 10 KB, some commands, 1 KB each, and its event
# log. So a row more for each host and day, 40 KB, would show.
my $BASE = 1 << 20;
my $PER_HOST = 32 << 10;

sub new {
	my ($class, %o) = @_;
	my $t = Attestmdm::Test->new(start => 0, worker => 1, require => 'all', host => 'localhost',
	    port => Attestmdm::Test::free_port());
	my $self = bless { t => $t, server => $t->server, day => 0, offset => 0,
		morning => 0, pushes => 0, told => 0, dead => 0,
		alarms => [], log => sub { }, %o }, $class;
	my ($server, $dir) = ($t->server, $t->dir);
	Attestmdm::Server::spew("$dir/hook", "#!/bin/sh\ncat >>$dir/told && echo >>$dir/told\n");
	chmod(0700, "$dir/hook") or die $!;
	Attestmdm::Server::spew("$dir/told", '');
	$self->{apns} = Attestmdm::Apple->start($server, 'apns');
	$self->{business} = Attestmdm::Apple->start($server, 'business', devices => $self->{hosts});
	my %conf = (
		'apple.push_url' => $self->{apns}->url,
		'apple.enrollment_url' => $self->{business}->url,
		'apple.server_ca' => Attestmdm::Apple::trust("$dir/apple-ca.pem", @$self{qw(apns business)}),
		'alarms.command' => "$dir/hook",
		'alarms.repeat_days' => 0,
		'profile.server_ca' => $server->cacert,
	);
	$server->set_conf($_, $conf{$_}) for sort keys %conf;
	$self->{apns}->give_push_certificate;
	$self->{business}->give_server_token;
	$t->tool_ok('crl', '--publish');
	$server->start;
	$self->{business}->first_list;
	$t->tool_ok('ade', 'assign', '--yes');
	return $self;
}

sub clock { ('--clock-offset-file', $_[0]->{t}->dir . '/clock') }
sub now { int(time) + $_[0]{offset} }
sub value { my ($self, $sql) = @_; return $self->{t}->db("SELECT ($sql) AS v")->[0]{v} }

# Every eighth host is of an employee, who enrolls by a link.
sub enroll {
	my ($self) = @_;
	for my $i (1 .. $self->{hosts}) {
		my $kind = $PRODUCTS[$i % @PRODUCTS];
		my $manual = $i % 8 == 0;
		my %host = (%$kind, serial => sprintf('%s%06d', $manual ? 'OWN' : 'SIM', $i), updates => 0);
		$host{attests} = 0 if $manual;
		$host{state} = $self->{t}->dir . "/$host{serial}";
		my ($version, $build) = split(m{/}, $kind->{systems}[0]);
		my @link = $manual ? ('--link', $self->{t}->tool_json('enrollment', 'new')->{url}) : ();
		my $run = $self->{t}->sim('enroll', '--serial', $host{serial}, '--state', $host{state},
		    '--product', $kind->{product}, '--os-version', $version, '--build', $build, @link, $self->clock);
		die "$host{serial}, $kind->{product}: $run->{out}$run->{err}" if $run->{exit} != 0;
		push @{ $self->{all} }, \%host;
		$self->{by_serial}{ $host{serial} } = \%host;
	}
	return;
}

# An administrator asks all hosts for what they are.
sub ask {
	my ($self) = @_;
	$self->{t}->tool_ok('command', 'send', $_->{serial}, 'DeviceInformation', '--query', 'OSVersion,BuildVersion')
	    for @{ $self->{all} };
	return;
}

sub sync { $_[0]{t}->tool('ade', 'sync') }

sub update {
	my ($self) = @_;
	$_->{updates}++ for @{ $self->{all} };
	return;
}

# A third of the hosts has new tokens. Of every second of them Apple has
# already said that the old one is dead, in answer to a push.
sub rotate_push_tokens {
	my ($self) = @_;
	my $t = $self->{t};
	for (my $i = 0; $i < @{ $self->{all} }; $i += 3) {
		my $host = $self->{all}[$i];
		my ($row) = @{ $t->db("SELECT udid, hex(push_token) AS token FROM hosts WHERE serial = '$host->{serial}'") };
		if ($i % 2 == 0) {
			$self->{dead}++;
			$self->{apns}->script({ answer => lc $row->{token}, status => 410, reason => 'Unregistered',
				timestamp => 1000 * $self->now });
			$t->tool_ok('command', 'send', $host->{serial}, 'SecurityInfo');
			$self->quiet;
		}
		my $device = bless { t => $t, %$host, udid => $row->{udid} }, 'Attestmdm::Device';
		my $r = $device->checkin($device->message('TokenUpdate', Token => \"token of $host->{serial}"));
		die "$host->{serial}: $r->{status}" if $r->{status} != 200;
	}
	return;
}

sub break_connections {
	my ($self) = @_;
	my @tokens = map { lc $_->{token} } @{ $self->{t}->db('SELECT hex(push_token) AS token FROM hosts') };
	$self->{apns}->script({ answer => $tokens[0], do => 'goaway' }, { answer => $tokens[-1], do => 'close' });
	return;
}

sub renew_push_certificate {
	my ($self) = @_;
	my ($t, $apns) = @$self{qw(t apns)};
	my ($csr, $before, $cert) = map { $apns->dir . "/$_" } qw(renewed.csr given.pem renewed.pem);
	$t->tool_ok('push-cert', 'request', $csr);
	$t->tool_ok('push-cert', 'import', $apns->push_certificate($csr, $cert, '--renew', $before, $self->clock));
	return;
}

sub renew_server_token {
	my ($self) = @_;
	my $dir = $self->{business}->dir;
	$self->{server}->run($self->{server}->sim, 'server-token', '--state', $dir, '--certificate', "$dir/given.pem",
	    '--renew', '-o', "$dir/renewed.p7m", $self->clock);
	$self->{t}->tool_ok('ade', 'token', 'import', "$dir/renewed.p7m");
	return;
}

# TLS itself knows nothing of the moved clock: the new one is good from today on. Until
# nginx shows it the worker, which trusts the new one alone, would have a right to an alarm.
sub renew_tls {
	my ($self) = @_;
	my $server = $self->{server};
	$server->stop('attestmdm-worker');
	$server->run($server->sim, 'make', 'tls', '--dir', "$server->{dir}/tls", '--name', $server->{host}, '--days', 825);
	kill('HUP', $server->{pids}{nginx});
	my $until = time + 30;
	while ($self->{t}->command('curl', '-s', '--cacert', $server->cacert, $self->{t}->url)->{exit} != 0) {
		die 'nginx does not show its new certificate' if time > $until;
		sleep 0.05;
	}
	$server->start_worker;
	return;
}

sub renew_ca {
	my ($self, $id) = @_;
	$self->{t}->tool_ok('ca', 'renew', $id);
	$self->{server}->stop('attestmdm-worker');
	$self->{server}->restart;
	$self->{server}->start_worker;
	return;
}

# Waits until every job has ended a run since the morning, no push is due and no
# alarm is to be told.
sub quiet {
	my ($self) = @_;
	my $until = time + 120;
	while (1) {
		my $now = $self->now;
		my $open = "(SELECT count(*) FROM jobs WHERE result IN ('never', 'running') OR coalesce(ended_at, 0) < $self->{morning})"
		    . " + (SELECT count(*) FROM alarms WHERE tell_at <= $now)"
		    . " + (SELECT count(*) FROM pushes WHERE due_at <= $now AND coalesce(hold_until, 0) <= $now"
		    . ' AND dead_at IS NULL AND NOT EXISTS (SELECT 1 FROM push_certificate'
		    . " WHERE stopped_at IS NOT NULL AND retry_at > $now))";
		return if $self->value($open) == 0;
		die "day $self->{day}: the worker has no end:\n" . $self->{t}->tool('status')->{out} if time > $until;
		$self->{server}->wake;
		sleep 0.1;
	}
}

# Nothing runs meanwhile: in a real night the lists are published every hour.
sub night {
	my ($self, $day) = @_;
	my $pid = $self->{server}{pids}{'attestmdm-worker'};
	$self->quiet;
	kill('STOP', $pid);
	$self->{offset} = $day * $DAY;
	$self->{server}->clock($self->{offset});
	$self->{t}->tool_ok('crl', '--publish');
	kill('CONT', $pid);
	@$self{qw(day morning)} = ($day, $self->now);
	return;
}

# The hosts that were pushed to since the last call and got the push.
sub woken {
	my ($self) = @_;
	my @log = split(/\n/, $self->{apns}->slurp($self->{apns}->dir . '/pushes.log'));
	my %serial = map { lc $_->{token} => $_->{serial} }
	    @{ $self->{t}->db('SELECT serial, hex(push_token) AS token FROM hosts') };
	my %woken;
	for my $push (map { JSON::PP::decode_json($_) } @log[$self->{pushes} .. $#log]) {
		next if $push->{status} != 200 || !$serial{ $push->{token} };
		$woken{ $serial{ $push->{token} } } = 1 if ++$self->{sent} % $LOST != 0;
	}
	$self->{pushes} = @log;
	return sort keys %woken;
}

sub poll {
	my ($self, $serial) = @_;
	my $host = $self->{by_serial}{$serial};
	my ($version, $build) = split(m{/}, $host->{systems}[ $host->{updates} ]);
	my $run = $self->{t}->sim('poll', '--state', $host->{state}, '--os-version', $version, '--build', $build,
	    $self->clock);
	$self->{polls}++;
	fail("day $self->{day}: $serial answers") or diag($run->{out}, $run->{err})
	    if $run->{exit} != 0 || $run->{out} =~ / Error$/m;
	return;
}

# Adds what was told since the last call.
sub listen {
	my ($self) = @_;
	my @lines = split(/\n/, Attestmdm::Server::slurp($self->{t}->dir . '/told'));
	my $url = $self->{t}->url;
	for (@lines[$self->{told} .. $#lines]) {
		my $doc = JSON::PP::decode_json($_);
		my $alarm = "$self->{day} $doc->{event} $doc->{kind} " . ($doc->{subject} =~ s/^\Q$url\E$/URL/r);
		push @{ $self->{alarms} }, $alarm;
		$self->{log}->("$alarm: $doc->{text}");
	}
	$self->{told} = @lines;
	return;
}

sub live {
	my ($self, $day) = @_;
	$self->night($day);
	$_->($self) for @{ $PLAN{$day} || [] };
	$self->quiet;
	my @woken = $self->woken;
	$self->poll($_) for @woken;
	$self->quiet;
	$self->{t}->tool_ok('crl', '--if-due');
	$self->listen;
	$self->{log}->("day $day: " . scalar(@woken) . ' hosts were woken') if @woken;
	return;
}

# With a step of many days nothing but what is planned and what follows of it.
sub next_day {
	my ($self) = @_;
	my $waits = $self->value("SELECT count(*) FROM commands WHERE state IN ('queued', 'sent', 'notnow')");
	my @stops = grep { $_ > $self->{day} } keys %PLAN, @RENEWALS, $self->{days}, map { /^(\d+)/ } @ALARMS;
	my ($next) = sort { $a <=> $b } @stops, $self->{day} + ($waits ? 1 : $self->{step});
	return $next;
}

sub check_hosts {
	my ($self) = @_;
	my $t = $self->{t};
	my $now = $self->now;
	my %row = map { $_->{serial} => $_ } @{ $t->db('SELECT h.serial, h.state, h.hardware_attested, h.os_version,'
	    . ' e.method, c.not_after FROM hosts h JOIN certificates c ON c.sha256 = h.certificate_sha256'
	    . ' JOIN enrollments e ON e.id = c.enrollment_id') };
	my @wrong;
	for my $host (@{ $self->{all} }) {
		my $row = $row{ $host->{serial} } || { state => 'lost' };
		my $id = $host->{attests} ? 'acme' : 'scep';
		my ($version) = split(m{/}, $host->{systems}[ $host->{updates} ]);
		my $is = join(' ', map { $_ // '-' } @$row{qw(state method hardware_attested os_version)});
		push @wrong, "$host->{serial}, $host->{product}: $is"
		    if $is ne "enrolled $id $host->{attests} $version" || $row->{not_after} <= $now;
		push @wrong, "$host->{serial}: its certificate is not by the new CA" if $self->{days} >= 300
		    && $t->command('openssl', 'verify', '-no_check_time', '-CAfile', $self->{server}->state . "/$id-ca.2.pem",
			"$host->{state}/identity.pem")->{exit} != 0;
	}
	is(join("\n", @wrong), '', "all $self->{hosts} hosts are enrolled, attested as they can be, and renewed");
	is($self->value("SELECT count(*) FROM commands WHERE state IN ('queued', 'sent', 'notnow')"), 0,
	    'every command has its answer');
	return;
}

sub check_alarms {
	my ($self) = @_;
	my @expected = grep { /^(\d+)/ && $1 <= $self->{days} } @ALARMS, $self->{dead} >= $DEATHS ? @DEATHS : ();
	is_deeply([sort @{ $self->{alarms} }], [sort @expected], 'the command was told of every alarm, and of no other');
	my $url = $self->{t}->url;
	my @rows = map { "$_->{kind} " . ($_->{subject} =~ s/^\Q$url\E$/URL/r) . ($_->{closed_at} ? ' closed' : '') }
	    @{ $self->{t}->db('SELECT kind, subject, closed_at FROM alarms') };
	my %closed = map { /^(\d+) close (.*)/ ? ($2 => $1) : () } @expected;
	my @kept = grep { !$closed{$_} || $closed{$_} + 365 > $self->{days} } map { /raise (.*)/ } @expected;
	is_deeply([sort @rows], [sort map { $_ . ($closed{$_} ? ' closed' : '') } @kept],
	    'and they are in the database, for a year after their end');
	is($self->{t}->tool('status')->{exit}, 0, 'no job fails');
	return;
}

sub check_database {
	my ($self) = @_;
	my ($size) = @{ $self->{t}->db('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size') };
	my $bytes = $size->{bytes};
	my $bound = $BASE + $PER_HOST * $self->{hosts};
	cmp_ok($bytes, '<', $bound, "the database has $bytes bytes of $bound at most");
	return;
}

# hosts, days, step (in days); log: told what happens.
sub run {
	my ($class, %o) = @_;
	my $self = $class->new(%o);
	$self->{log}->("$self->{hosts} hosts enroll");
	$self->enroll;
	$self->live($self->next_day) while $self->{day} < $self->{days};
	$self->check_hosts;
	$self->check_alarms;
	$self->check_database;
	$self->{log}->("$self->{sent} pushes, $self->{polls} polls");
	return $self;
}

1;
