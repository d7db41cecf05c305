package Attestmdm::Browser;

# A real Chromium, by playwright-core, with axe-core inside. Elements are named by
# Playwright's selectors, such as 'role=button[name="Save"]'. It reaches the server
# under its name, localhost, and nothing else.
#
#	my $b = Attestmdm::Browser->open($t);
#	$b->go('/admin/sign-in');
#	$b->fill('#name', 'admin');
#	$b->follow('role=button[name="Sign in"]');
#	is("@{ $b->axe }", '', 'axe has nothing to say');

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(make_path);

use Attestmdm::Stranger;

our @ISA = ('Attestmdm::Stranger');

our %LOOKS = (
	light => { width => 1280, height => 800, scheme => 'light' },
	dark => { width => 1280, height => 800, scheme => 'dark' },
	forced => { width => 1280, height => 800, scheme => 'light', forced => 1 },
	phone => { width => 390, height => 844, scheme => 'light' },
);

sub program { my ($found) = grep { -x } map { "$_/chromium" } split(/:/, $ENV{PATH}); return $found }

sub need {
	my ($class) = @_;
	$class->SUPER::need('npm');
	Test::More::plan(skip_all => 'chromium is not installed') if !program();
	return;
}

# The server listens on a port; its name leads there.
sub open {
	my ($class, $t, %o) = @_;
	my $self = $class->start($t, 'browser', 'browser.js');
	$self->{url} = $t->url;
	$self->{version} = $self->ask('start', program => program(),
	    hosts => "MAP $t->{server}{host} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost", args => [$> == 0 ? '--no-sandbox' : ()])->{version};
	$self->window(%o);
	return $self;
}

sub window { my ($self, %o) = @_; return $self->ask('window', width => 1280, height => 800, %o) }
sub tab { return $_[0]->ask('tab') }
sub use_tab { return $_[0]->ask('use', number => $_[1]) }

# A path of ours, or a URL.
sub go {
	my ($self, $where, %headers) = @_;
	return $self->ask('go', url => $where =~ m{^/} ? $self->{url} . $where : $where, headers => \%headers);
}

sub follow { return $_[0]->ask('follow', selector => $_[1]) }
sub download { return $_[0]->ask('download', selector => $_[1]) }
sub click { return $_[0]->ask('click', selector => $_[1]) }
sub fill { return $_[0]->ask('fill', selector => $_[1], text => $_[2]) }
sub press { my ($self, @keys) = @_; return $self->ask('press', keys => \@keys) }
sub texts { return $_[0]->ask('texts', selector => $_[1]) }
sub states { return $_[0]->ask('states', selector => $_[1]) }
sub page { return $_[0]->ask('page') }
sub look { return $_[0]->ask('look', %{ $LOOKS{ $_[1] } }) }
sub axe { return $_[0]->ask('axe') }
sub keyboard { return $_[0]->ask('keyboard') }
sub problems { return $_[0]->ask('problems') }

# A picture of the whole page in the build folder.
sub shot {
	my ($self, $name, $part) = @_;
	my $dir = Attestmdm::Stranger::folder() . '/screenshots';
	make_path($dir);
	return $self->ask('shot', file => "$dir/$name.png", whole => $part ? JSON::PP::false() : JSON::PP::true());
}

1;
