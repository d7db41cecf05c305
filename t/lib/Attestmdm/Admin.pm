package Attestmdm::Admin;

# A browser without scripts for the admin pages: keeps cookies, finds the token
# of a form, posts it.
#
#	my $b = Attestmdm::Admin->new($t);
#	$b->sign_in;
#	like($b->get('/admin/hosts')->{body}, qr/Hosts/);
#	is($b->post('/admin/settings/minimum-os', from => '/admin/settings',
#	    fields => { minimum_os_version_macos => '15.1' })->{status}, 303);

use strict;
use warnings;

sub new {
	my ($class, $t) = @_;
	return bless { t => $t, cookies => {} }, $class;
}

sub encode {
	my ($text) = @_;
	utf8::encode($text) if utf8::is_utf8($text);
	$text =~ s/([^A-Za-z0-9._~-])/sprintf('%%%02X', ord($1))/ge;
	return $text;
}

sub form {
	my (%fields) = @_;
	return join('&', map { encode($_) . '=' . encode($fields{$_}) } sort keys %fields);
}

sub request {
	my ($self, $method, $path, %o) = @_;
	my %headers = %{ delete $o{headers} || {} };
	my $jar = $self->{cookies};
	$headers{Cookie} //= join('; ', map { "$_=$jar->{$_}" } sort keys %$jar)
	    if %$jar;
	my $r = $self->{t}->http($method, $path, headers => \%headers, %o);
	for (split /, (?=__Host-)/, $r->{headers}{'set-cookie'} // '') {
		my ($name, $value, $tail) = /^([^=]+)=([^;]*)(.*)/ or next;
		$jar->{$name} = $value;
		delete $jar->{$name} if $tail =~ /Max-Age=0/;
	}
	return $r;
}

sub get { my ($self, $path, %o) = @_; return $self->request('GET', $path, %o) }

# The token that the forms of a page carry.
sub token {
	my ($self, $path) = @_;
	my ($token) = $self->get($path)->{body} =~ /name="csrf" value="([^"]*)"/;
	return $token;
}

# from: the page whose form it is; csrf: another token than that page's.
sub post {
	my ($self, $path, %o) = @_;
	my %fields = %{ delete $o{fields} || {} };
	my $from = delete $o{from};
	$fields{csrf} = exists $o{csrf} ? $o{csrf} : $self->token($from);
	delete $o{csrf};
	delete $fields{csrf} if !defined $fields{csrf};
	my %headers = ('Content-Type' => 'application/x-www-form-urlencoded',
	    %{ delete $o{headers} || {} });
	return $self->request('POST', $path, body => form(%fields),
	    headers => \%headers, %o);
}

sub sign_in {
	my ($self, $name, $password) = @_;
	return $self->post('/admin/sign-in', from => '/admin/sign-in', fields => {
		name => $name // 'admin',
		password => $password // $self->{t}->server->password,
	});
}

sub signed_in { $_[0]->get('/admin/hosts')->{status} == 200 }

1;
