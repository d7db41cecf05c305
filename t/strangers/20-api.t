#!/usr/bin/perl
# The REST API against its own description, as schemathesis reads it: whatever it
# makes up from data/openapi.json, right or wrong, gets the answer that the
# description promises. The figures against Prometheus's own tool.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep time);

use Attestmdm::Api;
use Attestmdm::Stranger;
use Attestmdm::Test;

my $SECONDS = 150;
# Another one finds other things: SCHEMATHESIS_SEED=2 t/strangers/20-api.t
my $SEED = $ENV{SCHEMATHESIS_SEED} // 1;

my $t = Attestmdm::Test->new(start => 0, require => 0, port => Attestmdm::Test::free_port());
my ($s, $dir) = ($t->server, $t->dir);

# It asks more than nginx lets one address ask.
my $conf = "$dir/nginx/attestmdm-http.conf";
Attestmdm::Server::spew($conf, Attestmdm::Server::slurp($conf) =~ s{rate=(?:20r/s|6r/m)}{rate=100000r/s}gr);
$s->start;

# Something of everything.
my @serials = map { "C20API0000$_" } 1 .. 4;
$t->assign(@serials);
$t->tool_ok('setting', 'set', 'apple_require_hardware_attestation', 'true');
$t->sim('enroll', '--serial', $serials[0]);
$t->tool_ok('setting', 'set', 'apple_require_hardware_attestation', 'false');
$t->sim('enroll', '--serial', $_) for @serials[1 .. 3];
$t->sim('enroll', '--serial', 'C20STRANGER1');
$t->tool_ok('command', 'send', $_, 'SecurityInfo') for @serials;
$t->tool_ok('enrollment', 'new') for 1 .. 3;

# What schemathesis finds and is right all the same: check, status, what the
# answer holds, and why.
my @ACCEPTED = (
	['unsupported_method', 405, qr/<center>nginx/, 'TRACE is refused by nginx itself, which names no methods'],
	['ignored_auth', 429, qr/rate-limited/, 'who tries many wrong tokens has to wait'],
	['positive_data_acceptance', 400, qr/already-revoked/, 'a certificate is revoked once'],
	['positive_data_acceptance', 422, qr/"field":"host"/, 'a host to renew that does not exist'],
	['positive_data_acceptance', 422, qr/no command is called/, 'a word, but not the name of a command'],
	['positive_data_acceptance', 422, qr/"field":"command"/, 'a text, but not base64'],
	['positive_data_acceptance', 400, qr/"field":"command"/, 'base64, but of no property list'],
	['positive_data_acceptance', 422, qr/"priority": \d\.0\b.*"field":"priority"/s, '3.0 is no whole number here'],
	['positive_data_acceptance', 422, qr/"field":"note"/, 'a note is counted in bytes, which a schema cannot say'],
);

# Runs a command for some time at most; returns its status.
sub run_for {
	my ($seconds, $log, @cmd) = @_;
	my $pid = fork() // die "fork: $!";
	if (!$pid) {
		chdir($dir) or die $!;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $log);
		open(STDERR, '>&', \*STDOUT);
		exec('timeout', '-k', 5, $seconds, @cmd) or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return $? >> 8;
}

# What failed in a report: lines of JSON, one for each event.
sub findings {
	my ($report) = @_;
	my (@found, $n);
	for (split(/\n/, Attestmdm::Server::slurp($report))) {
		my $event = decode_json($_);
		my $recorder = $event->{ScenarioFinished}{recorder} or next;
		for my $id (sort keys %{ $recorder->{checks} }) {
			$n++;
			for my $check (@{ $recorder->{checks}{$id} }) {
				my $failure = $check->{failure_info}{failure} or next;
				my $interaction = $recorder->{interactions}{$id};
				my $body = sub { decode_base64($_[0]{'$base64'} // '') };
				push @found, {
					check => $check->{name},
					message => $failure->{message},
					status => $interaction->{response}{status_code},
					request => "$interaction->{request}{method} $interaction->{request}{uri} "
					    . $body->($interaction->{request}{body}),
					answer => $body->($interaction->{response}{content}),
				};
			}
		}
	}
	return ($n, @found);
}

sub is_accepted {
	my ($f) = @_;
	return grep { $f->{check} eq $_->[0] && "$f->{message} $f->{request} $f->{answer}" =~ $_->[2]
	    && ($f->{status} == $_->[1] || $f->{message} =~ /$_->[1]/) } @ACCEPTED;
}

for my $run (['admin', 15], ['observer', 4]) {
	my ($role, $examples) = @$run;
	subtest "schemathesis with a token of the role $role" => sub {
		my $why = Attestmdm::Stranger::lacks('pypi');
		plan(skip_all => $why) if $why;
		my $token = $t->tool_json('token', 'add', "st-$role", '--role', $role)->{token};
		local $ENV{SCHEMATHESIS_HOOKS} = 'schemathesis_hooks';
		local $ENV{PYTHONPATH} = Attestmdm::Stranger::source('.');
		local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
		local $ENV{ATTESTMDM_HOST} = $s->{host};
		local $ENV{ATTESTMDM_IDS} = encode_json({ host => \@serials });
		my ($log, $report) = ("$dir/schemathesis-$role.txt", "$dir/schemathesis-$role.ndjson");
		my $status = run_for($SECONDS, $log, Attestmdm::Stranger::folder() . '/venv/bin/schemathesis', 'run',
		    $t->url . '/api/v1/openapi.json', '--tls-verify', $s->cacert,
		    '-H', "Authorization: Bearer $token", '--checks', 'all', '--max-examples', $examples,
		    '--seed', $SEED, '--continue-on-failure', '--no-color',
		    '--report', 'ndjson', '--report-ndjson-path', $report);
		like($status, qr/^[01]$/, 'it ran to its end') or diag(Attestmdm::Server::slurp($log)), return;
		my ($n, @found) = findings($report);
		cmp_ok($n, '>', 300, "$n requests");
		unlike(Attestmdm::Server::slurp($log), qr/^\s*Errors:/m, 'each got an answer');
		my %seen;
		for my $f (grep { !is_accepted($_) } @found) {
			my ($why) = $f->{message} =~ /.*\n(?:.*\n)*?(Invalid.*)/;
			my ($detail) = $f->{answer} =~ /("detail":"[^"]*)/;
			my ($operation) = $f->{request} =~ m{^(\w+ https://[^/]+/\w+/\w+/\w+)};
			next if $seen{ join(' ', $f->{check}, $operation, $f->{status}, $detail // $why // '') }++;
			fail("$f->{check}: " . $f->{message} =~ s/\n+/ /gr);
			diag(substr($f->{request}, 0, 600) . "\n$f->{status} " . substr($f->{answer}, 0, 600));
		}
		pass(scalar(grep { is_accepted($_) } @found) . ' findings are accepted');
	};
}

subtest 'promtool reads /metrics' => sub {
	plan(skip_all => 'promtool (package prometheus) is not installed') if !Attestmdm::Test::installed('promtool');
	my $r = Attestmdm::Api->with_role($t, 'observer')->get('/metrics');
	Attestmdm::Server::spew("$dir/metrics.txt", $r->{body});
	my $check = $t->command('sh', '-c', "promtool check metrics <$dir/metrics.txt");
	is("$check->{exit} $check->{out}$check->{err}", '0 ', 'and finds no fault');
	Attestmdm::Server::spew("$dir/metrics.txt", "$r->{body}attestmdm_hosts{ 1\n");
	isnt($t->command('sh', '-c', "promtool check metrics <$dir/metrics.txt")->{exit}, 0, 'though it would');
};

$t->done;
