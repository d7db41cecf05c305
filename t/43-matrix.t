#!/usr/bin/perl
# Every combination of settings, source and device, and renewals between the
# settings that matter. t/matrix prints it.
use strict;
use warnings;

use Attestmdm::Matrix;
use Attestmdm::Test;

my $t = Attestmdm::Test->new;

sub check {
	my ($name, $cell, $happened) = @_;
	ok(Attestmdm::Matrix::is_right($cell, $happened),
	    "$name: $cell->{settings}, $cell->{source}, $cell->{device}{name}: $cell->{expected}")
	    or diag(map { "$_: $happened->{$_}\n" } sort keys %$happened);
}

check('fleet-91, fleet-134, fleet-147', $_, Attestmdm::Matrix::try_enrollment($t, $_))
    for Attestmdm::Matrix::enrollments();
check('fleet-148', $_, Attestmdm::Matrix::try_renewal($t, $_))
    for Attestmdm::Matrix::renewals();

$t->done;
