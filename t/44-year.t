#!/usr/bin/perl
# A year with few hosts, of which only those days pass on which something
# happens. t/year lets 500 hosts live through each day.
use strict;
use warnings;

use Attestmdm::Test;
use Attestmdm::Year;

Attestmdm::Year->run(hosts => 8, days => 400, step => 400)->{t}->done;
