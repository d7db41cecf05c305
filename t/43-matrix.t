#!/usr/bin/perl
# Every combination of settings, source and device, and renewals between the
# settings that matter; some of them where people must sign in. t/matrix prints it,
# and t/matrix --all tries them all.
use strict;
use warnings;

use Attestmdm::Matrix;
use Attestmdm::Test;

my $t = Attestmdm::Matrix::begin();

sub check {
	my ($name, $cell, $happened) = @_;
	ok(Attestmdm::Matrix::is_right($cell, $happened),
	    "$name: $cell->{settings}, $cell->{source}, sign-in $cell->{sign_in}, $cell->{device}{name}: $cell->{expected}")
	    or diag(map { "$_: $happened->{$_}\n" } sort keys %$happened);
}

check($_->{sign_in} eq 'off' ? 'fleet-91, fleet-134, fleet-147' : 'fleet-95', $_,
    Attestmdm::Matrix::try_enrollment($t, $_)) for Attestmdm::Matrix::enrollments();
check('fleet-148', $_, Attestmdm::Matrix::try_renewal($t, $_))
    for Attestmdm::Matrix::renewals();

$t->done;
