#include "store/population.h"

#include <string.h>

#include "store/sql.h"

enum { HOSTS, RECORDS };

/* CASE keeps SQLite from the index of states, whose hosts it had to sort. */
static const char *const texts[] = {
	[HOSTS] = "SELECT {columns} FROM hosts WHERE serial > $1"
		  " AND CASE state WHEN 'enrolled' THEN 1 ELSE 0 END = 1"
		  " ORDER BY serial LIMIT $2",
	[RECORDS] = "SELECT serial, model, description, device_family,"
		    " removed_at FROM ade_devices WHERE serial > $1"
		    " ORDER BY serial LIMIT $2",
};

#define ROW struct population_host

static const struct column host_columns[] = {
	{ "serial", TEXT(device.serial) },
	{ "product_name", TEXT(device.product) },
	{ "os_version", TEXT(device.os_version) },
	{ "build_version", TEXT(device.build_version) },
	{ "hardware_attested", INT(hardware_attested) },
	{ "ever_attested_at", TIME(ever_attested_at) },
	{ "attested_product", TEXT(attested_product) },
};

static const struct table host_table = TABLE(host_columns);

#undef ROW
#define ROW struct ade_device

static const struct column record_columns[] = {
	{ "serial", TEXT(serial) },
	{ "model", TEXT(model) },
	{ "description", TEXT(description) },
	{ "device_family", TEXT(device_family) },
	{ "removed_at", TIME(removed_at) },
};

static const struct table record_table = TABLE(record_columns);

SQL_FAMILY(population, texts, &host_table);

int
population_load_hosts(struct db *db, const char *after, int limit,
    struct population_hosts *out)
{
	*out = (struct population_hosts){ 0 };
	return sql_rows(db, texts[HOSTS], &host_table,
	    WITH(datum_text(after), datum_int(limit)), &out->rows, &out->n);
}

void
population_release_hosts(struct population_hosts *list)
{
	columns_release(&host_table, list->rows, list->n);
	*list = (struct population_hosts){ 0 };
}

/* The limit may cut the records of the last serial number: they come again. */
int
population_load_records(
    struct db *db, const char *after, int limit, struct ade_device_list *out)
{
	size_t n;
	int r;

	*out = (struct ade_device_list){ 0 };
	r = sql_rows(db, texts[RECORDS], &record_table,
	    WITH(datum_text(after), datum_int(limit)), &out->rows, &out->n);
	if (r != OK || out->n < (size_t)limit)
		return r;
	for (n = out->n - 1; n > 0; n--)
		if (strcmp(out->rows[n - 1].serial,
			out->rows[out->n - 1].serial) != 0)
			break;
	if (n > 0)
		out->n = n;
	return OK;
}

void
population_release_records(struct ade_device_list *list)
{
	columns_release(&record_table, list->rows, list->n);
	*list = (struct ade_device_list){ 0 };
}
