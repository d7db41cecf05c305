#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/csv.h"
#include "bin/view.h"
#include "ca/file.h"
#include "store/ade_devices.h"
#include "store/activities.h"
#include "wire/in_json.h"

#define IMPORT_MAX   (32 * 1024 * 1024)
#define IMPORT_DEPTH 8
#define SERIAL_MIN   8
#define SERIAL_MAX   20

/* Devices that are written in one transaction. */
#define IMPORT_STEP 100

struct import {
	struct cli *cli;
	/* the first pass only finds out whether all of it can be read */
	bool writes;
	int written;
	bool skip_bad;
	int added;
	int removed;
	int skipped;
};

/* Columns of a file, by what people and Apple call them. */
enum field { SERIAL, MODEL, DESCRIPTION, COLOR, FAMILY, FIELDS };

static const char *const headings[][2] = {
	{ "serialnumber", "serial" },
	{ "model", "devicemodel" },
	{ "description", "modeldescription" },
	{ "color", "colour" },
	{ "devicefamily", "productfamily" },
};

/*
 * Surrounding blanks go, small letters become capitals; then A-Z and 0-9 only,
 * SERIAL_MIN to SERIAL_MAX of them.
 */
static bool
cmd_ade_serial(const char *in, char out[DB_SERIAL_TEXT])
{
	size_t n = 0;

	while (isspace((unsigned char)*in))
		in++;
	for (; isalnum((unsigned char)*in) && (unsigned char)*in < 0x80; in++) {
		if (n == SERIAL_MAX)
			return false;
		out[n++] = (char)toupper((unsigned char)*in);
	}
	out[n] = '\0';
	while (isspace((unsigned char)*in))
		in++;
	return *in == '\0' && n >= SERIAL_MIN;
}

static int
cmd_ade_bad(struct import *im, long line, const char *what)
{
	if (im->skip_bad) {
		im->skipped++;
		return OK;
	}
	return fail(ERR_FIELD,
	    "number %ld: %s; nothing was imported (--skip-bad takes the rest)",
	    line, what);
}

/* Opens the transaction for the next device; others get their turn between. */
static int
cmd_ade_begin(struct import *im)
{
	struct db *db = im->cli->db;
	int r;

	if (im->written++ % IMPORT_STEP != 0)
		return OK;
	if (db_in_transaction(db)) {
		if ((r = db_commit(db)) != OK)
			return r;
		db_give_way(db);
	}
	return db_begin(db);
}

static int
cmd_ade_put(struct import *im, long line, const char *const values[FIELDS])
{
	struct ade_device d;
	int r;

	memset(&d, 0, sizeof(d));
	if (!cmd_ade_serial(values[SERIAL], d.serial))
		return cmd_ade_bad(im, line, "this is no serial number");
	if (!im->writes)
		return OK;
	snprintf(d.model, sizeof(d.model), "%s", values[MODEL]);
	snprintf(
	    d.description, sizeof(d.description), "%s", values[DESCRIPTION]);
	snprintf(d.color, sizeof(d.color), "%s", values[COLOR]);
	snprintf(
	    d.device_family, sizeof(d.device_family), "%s", values[FAMILY]);
	snprintf(d.source, sizeof(d.source), "import");
	if ((r = cmd_ade_begin(im)) == OK &&
	    (r = ade_devices_put(im->cli->db, &d)) == OK)
		im->added++;
	return r;
}

/* "Serial Number", "serial_number" and "SerialNumber" are the same. */
static enum field
cmd_ade_heading(const char *text)
{
	char plain[64];
	size_t n = 0, f;

	for (; *text != '\0' && n < sizeof(plain) - 1; text++) {
		if (isalnum((unsigned char)*text))
			plain[n++] = (char)tolower((unsigned char)*text);
	}
	plain[n] = '\0';
	for (f = 0; f < FIELDS; f++) {
		if (strcmp(plain, headings[f][0]) == 0 ||
		    strcmp(plain, headings[f][1]) == 0)
			break;
	}
	return (enum field)f;
}

/* Where each field stands; the first column when there is no heading. */
static bool
cmd_ade_headings(char *const *fields, size_t n, size_t at[FIELDS])
{
	enum field f;
	size_t i;

	for (i = 0; i < FIELDS; i++)
		at[i] = CSV_FIELDS_MAX;
	for (i = 0; i < n; i++) {
		f = cmd_ade_heading(fields[i]);
		if (f != FIELDS && at[f] == CSV_FIELDS_MAX)
			at[f] = i;
	}
	if (at[SERIAL] != CSV_FIELDS_MAX)
		return true;
	at[SERIAL] = 0;
	return false;
}

static int
cmd_ade_csv(struct import *im, char *text)
{
	const char *values[FIELDS];
	char *fields[CSV_FIELDS_MAX];
	size_t at[FIELDS], f, n;
	bool bad, first = true;
	struct csv csv;
	int r;

	csv_init(&csv, text);
	while (csv_next(&csv, fields, &n, &bad)) {
		if (first && cmd_ade_headings(fields, n, at)) {
			first = false;
			continue;
		}
		first = false;
		for (f = 0; f < FIELDS; f++)
			values[f] = at[f] < n ? fields[at[f]] : "";
		if ((r = cmd_ade_put(im, csv.line, values)) != OK)
			return r;
	}
	return bad ? fail(ERR_FIELD, "line %ld is not well formed", csv.line)
		   : OK;
}

static int
cmd_ade_json_string(const struct json *o, const char *name, const char **out)
{
	struct blob b;
	int r;

	*out = "";
	if ((r = in_json_opt_string(o, name, &b)) == OK && b.p != NULL)
		*out = (const char *)b.p;
	return r;
}

/* One record as Apple's device list and its changes have them. */
static int
cmd_ade_json_device(struct import *im, const struct json *o, long number)
{
	static const char *const names[FIELDS] = { "serial_number", "model",
		"description", "color", "device_family" };
	const char *values[FIELDS], *change;
	char serial[DB_SERIAL_TEXT];
	size_t f;
	int r;

	for (f = 0; f < FIELDS; f++) {
		if (cmd_ade_json_string(o, names[f], &values[f]) != OK)
			return cmd_ade_bad(im, number, log_reason());
	}
	if (cmd_ade_json_string(o, "op_type", &change) != OK)
		return cmd_ade_bad(im, number, log_reason());
	if (strcmp(change, "deleted") != 0)
		return cmd_ade_put(im, number, values);
	if (!cmd_ade_serial(values[SERIAL], serial))
		return cmd_ade_bad(im, number, "this is no serial number");
	if (!im->writes)
		return OK;
	if ((r = cmd_ade_begin(im)) == OK)
		r = ade_devices_remove(im->cli->db, serial);
	im->removed += r == OK;
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
cmd_ade_json(struct import *im, struct blob text)
{
	struct json *doc = NULL, *list, *device;
	size_t i, n;
	int r;

	if ((r = in_json_parse(text, IMPORT_DEPTH, &doc)) != OK)
		return r;
	list = doc;
	if (in_json_is_object(doc))
		r = in_json_array(doc, "devices", &list);
	n = r == OK ? in_json_count(list) : 0;
	for (i = 0; r == OK && i < n; i++) {
		if (in_json_at_object(list, i, &device) != OK)
			r = cmd_ade_bad(im, (long)i + 1, "this is no object");
		else
			r = cmd_ade_json_device(im, device, (long)i + 1);
	}
	in_json_free(doc);
	return r;
}

static int
cmd_ade_read(struct import *im, struct buf *text)
{
	const char *p = buf_str(text);

	if (strlen(p) != text->n)
		return fail(ERR_FIELD, "the file holds a NUL byte");
	while (isspace((unsigned char)*p))
		p++;
	if (*p == '[' || *p == '{')
		return cmd_ade_json(im, buf_blob(text));
	return text->n == 0 ? OK : cmd_ade_csv(im, (char *)text->p);
}

static int
cmd_ade_check(struct import *im, const struct buf *text)
{
	struct buf copy;
	int r;

	/* reading changes the text */
	buf_init(&copy, IMPORT_MAX);
	if ((r = buf_add(&copy, text->p, text->n)) == OK)
		r = cmd_ade_read(im, &copy);
	buf_release(&copy);
	im->skipped = 0;
	return r;
}

static int
cmd_ade_note(struct import *im)
{
	char detail[128];
	int r = OK;

	snprintf(detail, sizeof(detail), "%d assigned, %d removed", im->added,
	    im->removed);
	if (!db_in_transaction(im->cli->db))
		r = db_begin(im->cli->db);
	return r == OK
	    ? activities_add(im->cli->db, im->cli->actor, "ade.import", detail)
	    : r;
}

/*
 * All of the file is read before anything is written. Then it is written in
 * steps: one that is cut short is repeated, with the same result.
 */
static int
cmd_ade_store(struct import *im, struct buf *text)
{
	int r;

	if ((r = cmd_ade_check(im, text)) != OK)
		return r;
	im->writes = true;
	if ((r = cmd_ade_read(im, text)) == OK &&
	    (r = cmd_ade_note(im)) == OK)
		r = db_commit(im->cli->db);
	db_rollback(im->cli->db);
	return r;
}

static int
cmd_ade_import(struct cli *cli)
{
	struct import im = { .cli = cli };
	struct buf text;
	int r;

	im.skip_bad = cli_flag(cli, "skip-bad");
	buf_init(&text, IMPORT_MAX);
	if ((r = file_read_input(cli->arguments[0], &text)) == OK)
		r = cmd_ade_store(&im, &text);
	buf_release(&text);
	if (r != OK)
		return r;
	out_json_int(&cli->out, "assigned", im.added);
	out_json_int(&cli->out, "removed", im.removed);
	out_json_int(&cli->out, "skipped", im.skipped);
	cli_say(cli, "%d devices assigned, %d removed, %d lines skipped.",
	    im.added, im.removed, im.skipped);
	return OK;
}

static const struct view_column columns[] = {
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "model", "MODEL", VIEW_TEXT },
	{ "description", "DESCRIPTION", VIEW_TEXT },
	{ "color", NULL, VIEW_TEXT },
	{ "device_family", "FAMILY", VIEW_TEXT },
	{ "source", "SOURCE", VIEW_TEXT },
	{ "added_at", "ASSIGNED", VIEW_TIME },
	{ "removed_at", "REMOVED", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static int
cmd_ade_list(struct cli *cli)
{
	struct ade_device_list list;
	struct paging p;
	struct view *v;
	size_t i;
	int r;

	if ((r = paging_read(cli, &p)) != OK ||
	    (r = ade_devices_list(cli->db, cli_option(cli, "search"), p.offset,
		 p.limit, &list)) != OK)
		return r;
	v = view_new(columns);
	for (i = 0; i < list.n; i++) {
		view_text(v, list.rows[i].serial);
		view_text(v, list.rows[i].model);
		view_text(v, list.rows[i].description);
		view_text(v, list.rows[i].color);
		view_text(v, list.rows[i].device_family);
		view_text(v, list.rows[i].source);
		view_time(v, list.rows[i].added_at);
		view_time(v, list.rows[i].removed_at);
	}
	r = view_table(cli, v, "devices",
	    paging_is_filtered(cli)
		? "No device matches."
		: "No device is assigned. Export the serial numbers in Apple "
		  "Business and take them over with attestmdm ade import.");
	paging_end(cli, &p, list.n, list.total);
	view_free(v);
	ade_devices_list_release(&list);
	return r;
}

static int
cmd_ade_remove_one(struct cli *cli, const char *given)
{
	char serial[DB_SERIAL_TEXT];
	int r;

	if (!cmd_ade_serial(given, serial))
		return fail(ERR_FIELD, "this is no serial number: %s", given);
	r = ade_devices_remove(cli->db, serial);
	if (r == ERR_NOT_FOUND)
		return fail(r, "%s is not assigned", serial);
	return r == OK
	    ? activities_add(cli->db, cli->actor, "ade.remove", serial)
	    : r;
}

static int
cmd_ade_remove(struct cli *cli)
{
	int i, r;

	if ((r = db_begin(cli->db)) != OK)
		return r;
	for (i = 0; r == OK && i < cli->count; i++)
		r = cmd_ade_remove_one(cli, cli->arguments[i]);
	if (r == OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	if (r != OK)
		return r;
	out_json_int(&cli->out, "removed", cli->count);
	cli_say(cli, "%d removed.", cli->count);
	return OK;
}

static const struct cli_option import_options[] = {
	{ "skip-bad", NULL, "leave out lines without a serial number", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option list_options[] = {
	{ "search", "TEXT", "in serial number, model and description", 0 },
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "import",
	    .arguments = "FILE",
	    .help = "takes the devices of a CSV or JSON file as assigned to us",
	    .options = import_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = cmd_ade_import },
	{ .name = "list",
	    .help = "lists the devices that are or were assigned",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = cmd_ade_list },
	{ .name = "remove",
	    .arguments = "SERIAL ...",
	    .help = "says that these devices are not ours any more",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = cmd_ade_remove },
	{ .run = NULL },
};

const struct cli_noun cmd_ade = {
	"ade",
	"Which devices are assigned to us in Apple Business",
	verbs,
};
