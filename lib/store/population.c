#include "store/population.h"

#include <string.h>

#include "store/sql.h"

enum {
	HOSTS,
	RECORDS,
	KINDS,
	ADD_KIND,
	FORGET_KINDS,
	COUNTED,
	PUT_COUNTED,
	FORGET_COUNTED,
};

/* CASE keeps SQLite from the index of states, whose hosts it had to sort. */
static const char *const texts[] = {
	[HOSTS] = "SELECT {columns} FROM hosts WHERE serial > $1"
		  " AND CASE state WHEN 'enrolled' THEN 1 ELSE 0 END = 1"
		  " ORDER BY serial LIMIT $2",
	[RECORDS] = "SELECT serial, model, description, device_family,"
		    " removed_at FROM ade_devices WHERE serial > $1"
		    " ORDER BY serial LIMIT $2",
	[KINDS] = SQL_SCANS "SELECT product_name, os_version, build_version,"
			    " hardware_attested, ever_attested, assignment,"
			    " known_silicon, known_kind, hosts, serials"
			    " FROM host_kinds ORDER BY id",
	[ADD_KIND] = "INSERT INTO host_kinds (product_name, os_version,"
		     " build_version, hardware_attested, ever_attested,"
		     " assignment, known_silicon, known_kind, hosts, serials)"
		     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	[FORGET_KINDS] = SQL_SCANS "DELETE FROM host_kinds",
	[COUNTED] = "SELECT counted_at, not_enrolled FROM host_kinds_counted"
		    " WHERE one = 1",
	[PUT_COUNTED] = "INSERT INTO host_kinds_counted (one, counted_at,"
			" not_enrolled) VALUES (1, $1, $2)"
			" ON CONFLICT (one) DO UPDATE SET"
			" counted_at = excluded.counted_at,"
			" not_enrolled = excluded.not_enrolled",
	[FORGET_COUNTED] = "DELETE FROM host_kinds_counted WHERE one = 1",
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

#undef ROW
#define ROW struct population_kind

static const struct column kind_columns[] = {
	{ "product_name", TEXT(device.product) },
	{ "os_version", TEXT(device.os_version) },
	{ "build_version", TEXT(device.build_version) },
	{ "hardware_attested", INT(hardware_attested) },
	{ "ever_attested", INT(ever_attested) },
	{ "assignment", INT(assignment) },
	{ "known_silicon", INT(known_silicon) },
	{ "known_kind", INT(known_kind) },
	{ "hosts", INT(hosts) },
	{ "serials", TEXT(serials) },
};

static const struct table kind_table = TABLE(kind_columns);

#undef ROW
#define ROW struct population_kinds

static const struct column counted_columns[] = {
	{ "counted_at", INT(counted_at) },
	{ "not_enrolled", INT(not_enrolled) },
};

static const struct table counted_table = TABLE(counted_columns);

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

static int
add_kind(struct db *db, const struct population_kind *k)
{
	return sql_run(db, texts[ADD_KIND],
	    WITH(datum_text(k->device.product),
		datum_text(k->device.os_version),
		datum_text(k->device.build_version),
		datum_int(k->hardware_attested), datum_int(k->ever_attested),
		datum_int(k->assignment), datum_int(k->known_silicon),
		datum_int(k->known_kind), datum_int(k->hosts),
		datum_text(k->serials)));
}

int
population_put_kinds(struct db *db, const struct population_kinds *kinds)
{
	int r = population_forget_kinds(db);

	for (size_t i = 0; i < kinds->n && r == OK; i++)
		r = add_kind(db, &kinds->rows[i]);
	if (r != OK)
		return r;
	return sql_run(db, texts[PUT_COUNTED],
	    WITH(datum_int(kinds->counted_at),
		datum_int(kinds->not_enrolled)));
}

int
population_forget_kinds(struct db *db)
{
	int r = sql_run(db, texts[FORGET_KINDS], NULL);

	return r == OK ? sql_run(db, texts[FORGET_COUNTED], NULL) : r;
}

int
population_load_kinds(struct db *db, struct population_kinds *out)
{
	int r = sql_one(db, texts[COUNTED], &counted_table, NULL, out);

	if (r != OK)
		return r;
	return sql_rows(
	    db, texts[KINDS], &kind_table, NULL, &out->rows, &out->n);
}

void
population_release_kinds(struct population_kinds *kinds)
{
	columns_release(&kind_table, kinds->rows, kinds->n);
	*kinds = (struct population_kinds){ .n = 0 };
}
