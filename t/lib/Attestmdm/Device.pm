package Attestmdm::Device;

# A simulated device whose messages a test writes by hand: enrolled by
# attestmdm-sim, then signed with the key in its state folder.
#
#	my $mac = Attestmdm::Device->enroll($t, 'C02TEST00001');
#	my $r = $mac->checkin($mac->message('TokenUpdate', Token => \'token'));
#	my $r = $mac->report('Idle');

use strict;
use warnings;
use MIME::Base64 qw(encode_base64);

our $TYPE_CHECKIN = 'application/x-apple-aspen-mdm-checkin; charset=UTF-8';
our $TYPE_COMMAND = 'application/x-apple-aspen-mdm; charset=UTF-8';

my $count = 0;

# With certificate, checked in.
sub enroll {
	my ($class, $t, $serial, @options) = @_;
	my $self = $class->begin($t, $serial);
	my $run = $t->sim('enroll', '--serial', $serial, '--udid', $self->{udid},
	    '--state', $self->{state}, @options);
	die "enroll $serial: exit $run->{exit}\n$run->{out}$run->{err}" if $run->{exit} != 0;
	return $self;
}

# With a certificate that was never used.
sub certify {
	my ($class, $t, $serial, @options) = @_;
	my $self = $class->begin($t, $serial);
	my $run = $t->sim('enroll', '--serial', $serial, '--udid', $self->{udid},
	    '--state', $self->{state}, '--no-mdm', @options);
	die "certify $serial: exit $run->{exit}\n$run->{out}$run->{err}" if $run->{exit} != 0;
	return $self;
}

# The same device in another state folder, so that it gets another identity.
sub again {
	my ($self, $how, @options) = @_;
	my ($class, $t) = (ref $self, $self->{t});
	my $method = $how || 'enroll';
	return $class->$method($t, $self->{serial}, @options);
}

my %udids;

sub begin {
	my ($class, $t, $serial) = @_;
	$count++;
	$udids{"$t $serial"} ||= sprintf('%08X-0000-4000-8000-%012X', $$, $count);
	return bless {
		t => $t,
		serial => $serial,
		udid => $udids{"$t $serial"},
		state => $t->dir . "/device-$count",
	}, $class;
}

sub cert { $_[0]{state} . '/identity.pem' }
sub key { $_[0]{state} . '/identity.key' }

# A certificate by somebody else's SCEP client, which reads PKCS#1 alone; the
# server is one for older ones. False when it refuses.
sub scepclient {
	my ($self, $challenge) = @_;
	my ($t, $key) = ($self->{t}, "$self->{state}/rsa.key");
	mkdir $self->{state};
	if (!-e $key) {
		$t->make('key', $self->key, '--curve', 'RSA-2048');
		my $convert = $t->command('openssl', 'rsa', '-traditional', '-in', $self->key, '-out', $key);
		die $convert->{err} if $convert->{exit} != 0;
	}
	my $r = $t->command('scepclient', '-server-url', $t->plain_url . '/scep',
	    '-challenge', $challenge, '-private-key', $key, '-certificate', $self->cert);
	return $r->{exit} == 0 && -e $self->cert;
}

sub xml {
	my ($text) = @_;
	my %entity = ('<' => '&lt;', '>' => '&gt;', '&' => '&amp;');
	$text =~ s/([<>&])/$entity{$1}/g;
	return $text;
}

# A value: text; \text is data; [..] an array; {..} a dict; \1 and \0 booleans
# are written as xml('true') by the caller through plist_raw.
sub value {
	my ($v) = @_;
	return '<data>' . encode_base64($$v, '') . '</data>' if ref $v eq 'SCALAR';
	return '<array>' . join('', map { value($_) } @$v) . '</array>' if ref $v eq 'ARRAY';
	return dict(%$v) if ref $v eq 'HASH';
	return $v if $v =~ m{^<(?:true|false)/>\z};
	return '<string>' . xml($v) . '</string>';
}

sub dict {
	my @pairs = @_;
	my $out = '<dict>';
	while (my ($k, $v) = splice(@pairs, 0, 2)) {
		$out .= '<key>' . xml($k) . '</key>' . value($v) if defined $v;
	}
	return "$out</dict>";
}

sub plist { '<?xml version="1.0" encoding="UTF-8"?>' . "\n"
    . '<plist version="1.0">' . dict(@_) . "</plist>\n" }

# A check-in message of this device with further keys; undef leaves a key out.
sub message {
	my ($self, $type, %keys) = @_;
	my %all = (MessageType => $type, UDID => $self->{udid});
	$all{Topic} = $self->{t}->server->{topic}
	    if $type =~ /^(Authenticate|TokenUpdate|CheckOut)$/;
	%all = (%all, SerialNumber => $self->{serial}, OSVersion => '15.1',
	    BuildVersion => '24B83', ProductName => 'Mac15,3',
	    Model => 'Mac15,3', ModelName => 'Mac', DeviceName => 'A Mac')
	    if $type eq 'Authenticate';
	%all = (%all, Token => \('t' x 32), PushMagic => 'magic')
	    if $type eq 'TokenUpdate';
	%all = (%all, %keys);
	return plist(map { $_ => $all{$_} } sort keys %all);
}

sub signature {
	my ($self, $body, @options) = @_;
	my $file = "$self->{state}/body";
	Attestmdm::Server::spew($file, $body);
	return $self->{t}->make('mdm-signature', '--key', $self->key,
	    '--cert', $self->cert, '--body', $file, @options);
}

# Options: signature (a value, or undef for none), sign (options of the
# simulator), type (undef for none), headers, cert and key (TLS; its own unless
# cert is given, none when that is undef).
sub put {
	my ($self, $path, $body, %o) = @_;
	@o{qw(cert key)} = ($self->cert, $self->key) if !exists $o{cert};
	my $signature = exists $o{signature} ? $o{signature}
	    : $self->signature($body, @{ $o{sign} || [] });
	my %headers = %{ $o{headers} || {} };
	$headers{'Content-Type'} = $o{type} if defined $o{type};
	$headers{'Mdm-Signature'} = $signature if defined $signature;
	return $self->{t}->http(PUT => $path, body => $body, headers => \%headers,
	    map { $_ => $o{$_} } grep { $o{$_} } qw(cert key));
}

sub checkin {
	my ($self, $body, %o) = @_;
	return $self->put('/mdm/checkin', $body, type => $TYPE_CHECKIN, %o);
}

sub poll {
	my ($self, $body, %o) = @_;
	return $self->put('/mdm/server', $body, type => $TYPE_COMMAND, %o);
}

# Polls with a status: report('Acknowledged', CommandUUID => …).
sub report {
	my ($self, $status, %keys) = @_;
	return $self->poll(plist(UDID => $self->{udid}, Status => $status,
	    map { $_ => $keys{$_} } sort keys %keys));
}

# The row of table hosts, bytes in hex.
sub host {
	my ($self) = @_;
	my @bytes = qw(certificate_sha256 push_token unlock_token bootstrap_token
	    bootstrap_token_before signer_sha256 certificate_before_sha256);
	my %is = map { $_ => 1 } @bytes;
	my @columns = map { $_->{name} }
	    @{ $self->{t}->db("SELECT name FROM pragma_table_info('hosts')") };
	my $list = join(', ', map { $is{$_} ? "hex($_) AS $_" : $_ } @columns);
	return $self->{t}->db("SELECT $list FROM hosts WHERE serial = '$self->{serial}'")->[0];
}

# The CommandUUID of an answer, or "" for the empty one.
sub uuid_of {
	my ($reply) = @_;
	my ($uuid) = $reply->{body} =~ m{<key>CommandUUID</key>\s*<string>([^<]+)};
	return $uuid // '';
}

1;
