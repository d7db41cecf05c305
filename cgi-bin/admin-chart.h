/* The share of attested hosts over time, as the template chart.html draws it. */
#ifndef ADMIN_CHART_H
#define ADMIN_CHART_H

#include "admin-page.h"
#include "store/daily.h"
#include "store/hosts.h"

/*
 * Fills in the chart from the days that are kept, and from `now` for today. `charted`
 * is "" while there are not two days with enrolled hosts.
 */
void admin_chart_fill(struct tmpl_row *row, const struct daily_hosts_list *days,
    const struct host_counts *now);

#endif
