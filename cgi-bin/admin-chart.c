#include "admin-chart.h"

#include <string.h>

#include "base/clock.h"

/* The viewBox of chart.html. */
#define WIDTH  720
#define HEIGHT 180

/* Rows of the table that says the same in figures. */
#define FIGURES 12

/* One day of hosts: DAILY_KEPT of them and today. */
struct chart {
	struct daily_hosts days[DAILY_KEPT + 2];
	size_t n;
};

/* A day without enrolled hosts has no share. */
static void
add(struct chart *c, const struct daily_hosts *day)
{
	if (day->enrolled > 0 && c->n < sizeof c->days / sizeof c->days[0])
		c->days[c->n++] = *day;
}

static void
collect(struct chart *c, const struct daily_hosts_list *days,
    const struct host_counts *now)
{
	struct daily_hosts today = { .day = clock_now() / DAILY_SECONDS,
		.enrolled = now->enrolled,
		.attested = now->attested };

	for (size_t i = 0; i < days->n; i++)
		if (days->rows[i].day < today.day)
			add(c, &days->rows[i]);
	add(c, &today);
}

static double
share(const struct daily_hosts *d)
{
	double s = (double)d->attested / (double)d->enrolled;

	return s < 0 ? 0 : s > 1 ? 1 : s;
}

static void
set_date(struct tmpl_row *row, const char *name, const struct daily_hosts *d)
{
	char text[CLOCK_TEXT];

	clock_rfc3339(d->day * DAILY_SECONDS, text);
	text[strlen("2026-11-23")] = '\0';
	tmplrow_set(row, name, text);
}

static void
set_share(struct tmpl_row *row, const char *name, const struct daily_hosts *d)
{
	tmplrow_setf(row, name, "%.0f %%", 100 * share(d));
}

static void
set_points(struct tmpl_row *row, const struct chart *c)
{
	const struct daily_hosts *first = &c->days[0];
	int64_t days = c->days[c->n - 1].day - first->day;
	struct buf b;

	buf_init(&b, 16384);
	for (size_t i = 0; i < c->n; i++)
		buf_printf(&b, "%s%.1f,%.1f", i > 0 ? " " : "",
		    (double)(c->days[i].day - first->day) * WIDTH /
			(double)days,
		    HEIGHT - HEIGHT * share(&c->days[i]));
	tmplrow_set_buf(row, "points", &b);
}

/* Evenly chosen, the newest first. */
static void
set_figures(struct tmpl_row *row, const struct chart *c)
{
	size_t n = c->n < FIGURES ? c->n : FIGURES;
	const struct daily_hosts *d;
	struct tmpl_row *figure;

	for (size_t i = 0; i < n; i++) {
		d = &c->days[c->n - 1 - i * (c->n - 1) / (n - 1)];
		figure = tmplrow_add(row, "figures");
		set_date(figure, "day", d);
		set_share(figure, "share", d);
		tmplrow_setf(figure, "attested_then", "%lld",
		    (long long)d->attested);
		tmplrow_setf(figure, "enrolled_then", "%lld",
		    (long long)d->enrolled);
	}
}

void
admin_chart_fill(struct tmpl_row *row, const struct daily_hosts_list *days,
    const struct host_counts *now)
{
	struct chart c = { .n = 0 };
	const struct daily_hosts *last;

	collect(&c, days, now);
	tmplrow_flag(row, "charted", c.n > 1);
	if (c.n < 2)
		return;
	last = &c.days[c.n - 1];
	set_date(row, "first_day", &c.days[0]);
	set_date(row, "last_day", last);
	set_share(row, "first_share", &c.days[0]);
	set_share(row, "last_share", last);
	set_points(row, &c);
	set_figures(row, &c);
}
