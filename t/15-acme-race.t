#!/usr/bin/perl
# ACME: what comes at the same moment, and what is cut off (cases 262 to 272).
use strict;
use warnings;
use JSON::PP ();
use Time::HiRes qw(sleep time);
use Attestmdm::Test;
use Attestmdm::Acme;

my $t = Attestmdm::Test->new;
my $clients = 0;
my $JSON = JSON::PP->new->utf8->allow_nonref;

sub client { Attestmdm::Acme->new($t, sprintf('C02RACE%05d', ++$clients)) }

# Sends requests that are signed already at the same moment: [ URL, body ] each.
# Returns "status" or "status state-of-the-object", in order.
sub at_once {
	my @pids;
	for my $request (@_) {
		pipe(my $in, my $out) or die $!;
		my $pid = fork() // die $!;
		if (!$pid) {
			my $r = eval {
				$t->http(POST => $request->[0], body => $request->[1],
				    headers => { 'Content-Type' => 'application/jose+json' });
			} || { status => 0, body => '' };
			my $o = eval { $JSON->decode($r->{body}) } || {};
			print {$out} join(' ', $r->{status}, ($o->{status} // '') =~ /^[a-z]+$/ ? $o->{status} : ());
			close($out);
			POSIX::_exit(0);
		}
		close($out);
		push @pids, [ $pid, $in ];
	}
	return map { my $in = $_->[1]; my $answer = readline($in) // ''; waitpid($_->[0], 0); $answer } @pids;
}

# A signed request for at_once(), with a nonce of its own.
sub request {
	my ($c, $where, $payload) = @_;
	return [ $c->target($where), $c->sign($where, $payload, nonce => $c->new_nonce) ];
}

sub count { $t->db("SELECT count(*) AS n FROM $_[0]")->[0]{n} }
sub row { my ($order, $what) = @_; $t->db("SELECT $what AS x FROM orders WHERE id = '" . ($order->{url} =~ s{.*/}{}r) . "'")->[0]{x} }

subtest 'acme-262: the same answer four times' => sub {
	for my $round (1 .. 3) {
		my $c = client();
		my $o = $c->order;
		my $att = $c->attestation($o);
		my @got = at_once(map { request($c, $o->{challenge}, { attObj => $att }) } 1 .. 4);
		is(join(', ', @got), join(', ', ('200 valid') x 4), 'acme-262: the same good answer four times');
		is(count("attestations WHERE enrollment_id = '$c->{enrollment}'"), 1, 'acme-262: one evidence');
	}
};

subtest 'acme-263: two answers' => sub {
	for my $round (1 .. 5) {
		my $c = client();
		my $o = $c->order;
		my @requests = (request($c, $o->{challenge}, { attObj => $c->attestation($o) }),
		    request($c, $o->{challenge}, { attObj => $c->attestation($o, fault => 'wrong-freshness') }));
		@requests = reverse @requests if $round % 2;
		my @got = at_once(@requests);
		is($got[0], $got[1], 'acme-263: a good and a bad answer have one outcome');
		my $states = row($o, "status || ' ' || authorization_status || ' ' || challenge_status");
		my $evidence = count("attestations WHERE enrollment_id = '$c->{enrollment}'");
		like("$states $evidence", qr/^(ready valid valid 1|invalid invalid invalid 0)$/,
		    'acme-263: and all states agree with it');
	}
};

# Two orders, one key: only one of them can have it.
subtest 'two orders, one key' => sub {
	for my $round (1 .. 3) {
		my $c = client();
		my $d = $c->sibling;
		my @o = ($c->order, $d->order);
		$c->{device_key} = $d->{device_key} = $c->new_key('P-384');
		my @got = sort(at_once(request($c, $o[0]{challenge}, { attObj => $c->attestation($o[0]) }),
			request($d, $o[1]{challenge}, { attObj => $d->attestation($o[1]) })));
		is("@got", '200 invalid 200 valid', 'acme-268: one key in two orders');
	}
};

sub ready {
	my ($c) = @_;
	my $o = $c->order;
	my $r = $c->attest($o);
	die $r->{body} if $r->{json}{status} ne 'valid';
	return $o;
}

subtest 'finalize at once' => sub {
	for my $round (1 .. 3) {
		my $c = client();
		my $o = ready($c);
		my $csr = $c->csr;
		my @got = sort(at_once(map { request($c, $o->{finalize}, { csr => $csr }) } 1 .. 4));
		is(join(', ', @got), '200 valid, 403, 403, 403', 'acme-264: finalized four times at once');
		is(count("certificates WHERE enrollment_id = '$c->{enrollment}'"), 1, 'acme-264: one certificate');
	}

	for my $round (1 .. 3) {
		my $c = client();
		my $o = ready($c);
		my $other = $c->csr('--key', $c->new_key('P-384'));
		my @got = at_once(request($c, $o->{finalize}, { csr => $c->csr }),
		    request($c, $o->{finalize}, { csr => $other }));
		like("$got[0], $got[1]", qr/^(200 valid|403), 40[03]$/, 'acme-265: with the attested key and another');
		my $n = count("certificates WHERE enrollment_id = '$c->{enrollment}'");
		is($n, $got[0] =~ /^200/ ? 1 : 0, 'acme-265: at most the attested key is certified');
	}
};

# Two ready orders of one enrollment: it leads to one certificate.
subtest 'two ready orders of one enrollment' => sub {
	my $c = client();
	my $d = $c->sibling;
	my @o = (ready($c), ready($d));
	my @got = sort(at_once(request($c, $o[0]{finalize}, { csr => $c->csr }),
		request($d, $o[1]{finalize}, { csr => $d->csr })));
	like("$got[0], $got[1]", qr/^200 valid, 403$/, 'acme-267: one enrollment, one certificate');
	is(count("certificates WHERE enrollment_id = '$c->{enrollment}'"), 1, 'acme-267: in the database too');
};

# A device that leaves Apple Business while it finalizes.
subtest 'a device that leaves Apple Business meanwhile' => sub {
	my $c = client();
	my $o = ready($c);
	my $request = request($c, $o->{finalize}, { csr => $c->csr });
	my $pid = fork() // die $!;
	if (!$pid) {
		$t->tool('ade', 'remove', $c->{serial});
		POSIX::_exit(0);
	}
	my ($got) = at_once($request);
	waitpid($pid, 0);
	like($got, qr/^(200 valid|403)$/, 'acme-266: finalized while the device is taken away');
	is(count("certificates WHERE enrollment_id = '$c->{enrollment}'"), $got =~ /^200/ ? 1 : 0,
	    'acme-266: the answer says what was stored');
};

sub kill_workers {
	my ($program) = @_;
	my $pid = $t->{server}{pids}{$program};
	kill('KILL', split(/\s+/, Attestmdm::Server::slurp("/proc/$pid/task/$pid/children")));
}

# A worker that verified an attestation dies before it can store it.
subtest 'a worker dies before it can store' => sub {
	my $c = client();
	my $o = $c->order;
	my $request = request($c, $o->{challenge}, { attObj => $c->attestation($o) });
	open(my $lock, '<', $t->server->database . '.lock') or die $!;
	flock($lock, 2) or die $!;
	my $pid = fork() // die $!;
	if (!$pid) {
		my ($got) = at_once($request);
		POSIX::_exit($got =~ /^200/ ? 1 : 0);
	}
	sleep 1.5;
	kill_workers('acme-challenge');
	waitpid($pid, 0);
	is($?, 0, 'acme-270: killed before the commit');
	close($lock);
	is(row($o, 'challenge_status'), 'pending', 'acme-270: the challenge is still pending');
	is((at_once($request))[0], '200 valid', 'acme-270: the same request again succeeds');
};

# A certificate that cannot be stored.
subtest 'the disk is full' => sub {
	my $c = client();
	my $o = ready($c);
	my $database = $t->server->database;
	$t->change_db('CREATE TRIGGER full BEFORE INSERT ON certificates'
	    . " BEGIN SELECT RAISE(ABORT, 'disk full'); END");
	$c->problem($c->finalize($o), 500, 'serverInternal', 'acme-271: the disk is full');
	is($c->get($o->{url})->{json}{status}, 'ready', 'acme-271: the order is not valid');
	$t->change_db('DROP TRIGGER full');
	is($c->finalize($o)->{json}{status}, 'valid', 'acme-271: and then succeeds');
};

# Workers of finalize die with requests in their hands.
subtest 'workers of finalize die' => sub {
	my @work = map { my $c = client(); my $o = ready($c); [ $c, $o, request($c, $o->{finalize}, { csr => $c->csr }) ] } 1 .. 8;
	my $killer = fork() // die $!;
	if (!$killer) {
		for (1 .. 6) {
			sleep(0.004);
			kill_workers('acme-finalize');
		}
		POSIX::_exit(0);
	}
	my @got = at_once(map { $_->[2] } @work);
	waitpid($killer, 0);
	is(count('orders o LEFT JOIN certificates c ON c.order_id = o.id WHERE (o.status = \'valid\') <> (c.id IS NOT NULL)'),
	    0, 'acme-269: after kill -9 a valid order has its certificate, and no other has one');
	is(count('certificates c JOIN enrollments e ON e.id = c.enrollment_id WHERE e.state NOT IN (\'issued\', \'enrolled\')'),
	    0, 'acme-269: and its enrollment knows');
	for my $n (0 .. $#work) {
		my ($c, $o) = @{ $work[$n] };
		delete $c->{nonce};
		my $r;
		# A worker that was just killed is back within a moment.
		for (1 .. 40) {
			$r = eval { $c->finalize($o) };
			last if $r && $r->{status} < 500;
			delete $c->{nonce};
			sleep(0.25);
		}
		like($r->{status}, $got[$n] =~ /^200/ ? qr/^403$/ : qr/^(200|403)$/, 'acme-269: the order goes on from there');
		is($c->get($o->{url})->{json}{status}, 'valid', 'acme-269: and ends with its certificate');
	}
	is(count('(SELECT order_id FROM certificates GROUP BY order_id HAVING count(*) > 1)'), 0,
	    'acme-269: never with two');
};

my ($c, $nonce, $r);

# The database is locked by somebody slow.
sub locked {
	my ($seconds, $what) = @_;
	my $pid = open(my $holder, '-|', 'sqlite3', $t->server->database,
	    'BEGIN IMMEDIATE', ".shell echo locked; sleep $seconds", 'ROLLBACK') or die $!;
	readline($holder);
	my $r = $what->();
	close($holder);
	return $r;
}

subtest 'the database is locked' => sub {
	$c = client();
	$c->account;
	$nonce = $c->new_nonce;
	$r = locked(1, sub { $c->get($c->{kid}, nonce => $nonce) });
	is($r->{status}, 200, 'acme-272: the database locked for a while');
	$nonce = $c->new_nonce;
	my $body = $c->sign($c->{kid}, '', nonce => $nonce);
	$r = locked(7, sub { $c->post($c->{kid}, '', body => $body) });
	is($r->{status}, 503, 'acme-272: and for too long');
	like($r->{headers}{'retry-after'}, qr/^\d+$/, 'acme-22: Retry-After on 503');
	is($c->get($c->{kid}, nonce => $nonce)->{status}, 200, 'acme-272: its nonce is still good');
};

# A program of ours that never gives the lock of all writers back.
subtest 'a lock that is never given back' => sub {
	open(my $stuck, '<', $t->server->database . '.lock') or die $!;
	flock($stuck, 2) or die $!;
	$nonce = $c->new_nonce;
	$r = $c->get($c->{kid}, nonce => $nonce);
	is($r->{status}, 503, 'a lock that is never given back ends the request, not nginx the wait');
	close($stuck);
	is($c->get($c->{kid}, nonce => $nonce)->{status}, 200, 'and its nonce is still good');
};

# What changes between the checks of a request and its commit: the request waits
# for the lock that all writers take, and meanwhile the database is changed.
subtest 'what changes between checks and commit' => sub {
	for my $change (
		[ 'assignment' => "UPDATE ade_devices SET removed_at = 1 WHERE serial = '%1\$s'" ],
		[ 'enrollment' => "UPDATE enrollments SET state = 'revoked' WHERE serial = '%1\$s'" ],
		[ 'account key' => "UPDATE accounts SET thumbprint = 'x' WHERE enrollment_id = '%2\$s'" ],
	) {
		my ($what, $sql) = @$change;
		my $d = client();
		my $o = $d->order;
		$d->attest($o);
		my $request = request($d, $o->{finalize}, { csr => $d->csr });
		my $db = $t->server->database;
		open(my $lock, '<', "$db.lock") or die $!;
		flock($lock, 2) or die $!;
		my $pid = fork() // die $!;
		if (!$pid) {
			at_once($request);
			POSIX::_exit(0);
		}
		sleep 1.5;
		my $r = $t->command('sqlite3', $db, sprintf("$sql;", $d->{serial}, $d->{enrollment}));
		is($r->{exit}, 0, "acme-266: the $what goes meanwhile") or diag($r->{err});
		close($lock) if flock($lock, 8);
		waitpid($pid, 0);
		is(count("certificates WHERE enrollment_id = '$d->{enrollment}'"), 0,
		    "acme-266: no certificate without the $what");
	}
};

$c->done;
$t->done;
