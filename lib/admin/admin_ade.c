#include "admin/admin_ade.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/ade_devices.h"
#include "wire/csv.h"
#include "wire/in_json.h"

#define IMPORT_DEPTH 8
#define SERIAL_MIN   8
#define SERIAL_MAX   20

/* Devices that are written in one transaction. */
#define IMPORT_STEP 100

struct import {
	const struct admin_actor *actor;
	struct admin_ade_result *result;
	/* the first pass only finds out whether all of it can be read */
	bool writes;
	int written;
	bool skip_bad;
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
read_serial(const char *in, char out[DB_SERIAL_TEXT])
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
refuse_line(struct import *im, long line, const char *what)
{
	if (im->skip_bad) {
		im->result->skipped++;
		return OK;
	}
	im->result->refused = line;
	return fail(
	    ERR_FIELD, "number %ld: %s; nothing was imported", line, what);
}

/* Opens the transaction for the next device; others get their turn between. */
static int
begin_step(struct import *im)
{
	struct db *db = im->actor->db;
	int r;

	if (im->written++ % IMPORT_STEP != 0)
		return OK;
	if (db_in_transaction(db)) {
		if ((r = db_commit(db)) != OK)
			return r;
		db_give_way(db);
	}
	return admin_actor_begin(im->actor, ADMIN_CHANGE_HOSTS);
}

static int
put(struct import *im, long line, const char *const values[FIELDS])
{
	struct ade_device d;
	int r;

	memset(&d, 0, sizeof d);
	if (!read_serial(values[SERIAL], d.serial))
		return refuse_line(im, line, "this is not a serial number");
	if (!im->writes)
		return OK;
	snprintf(d.model, sizeof d.model, "%s", values[MODEL]);
	snprintf(
	    d.description, sizeof d.description, "%s", values[DESCRIPTION]);
	snprintf(d.color, sizeof d.color, "%s", values[COLOR]);
	snprintf(d.device_family, sizeof d.device_family, "%s", values[FAMILY]);
	snprintf(d.account, sizeof d.account, ADE_DEVICES_FILE);
	if ((r = begin_step(im)) == OK &&
	    (r = ade_devices_put(im->actor->db, &d)) == OK)
		im->result->assigned++;
	return r;
}

/* "Serial Number", "serial_number" and "SerialNumber" are the same. */
static enum field
find_heading(const char *text)
{
	char plain[64];
	size_t n = 0, f;

	for (; *text != '\0' && n < sizeof plain - 1; text++) {
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
read_headings(char *const *fields, size_t n, size_t at[FIELDS])
{
	enum field f;
	size_t i;

	for (i = 0; i < FIELDS; i++)
		at[i] = CSV_FIELDS_MAX;
	for (i = 0; i < n; i++) {
		f = find_heading(fields[i]);
		if (f != FIELDS && at[f] == CSV_FIELDS_MAX)
			at[f] = i;
	}
	if (at[SERIAL] != CSV_FIELDS_MAX)
		return true;
	at[SERIAL] = 0;
	return false;
}

static int
read_csv(struct import *im, char *text)
{
	const char *values[FIELDS];
	char *fields[CSV_FIELDS_MAX];
	size_t at[FIELDS], f, n;
	bool bad, first = true;
	struct csv csv;
	int r;

	csv_init(&csv, text);
	while (csv_next(&csv, fields, &n, &bad)) {
		if (first && read_headings(fields, n, at)) {
			first = false;
			continue;
		}
		first = false;
		for (f = 0; f < FIELDS; f++)
			values[f] = at[f] < n ? fields[at[f]] : "";
		if ((r = put(im, csv.line, values)) != OK)
			return r;
	}
	return bad ? fail(ERR_FIELD, "line %ld is not well formed", csv.line)
		   : OK;
}

static int
json_string(const struct json *o, const char *name, const char **out)
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
read_json_device(struct import *im, const struct json *o, long number)
{
	static const char *const names[FIELDS] = { "serial_number", "model",
		"description", "color", "device_family" };
	const char *values[FIELDS], *change;
	char serial[DB_SERIAL_TEXT];
	size_t f;
	int r;

	for (f = 0; f < FIELDS; f++) {
		if (json_string(o, names[f], &values[f]) != OK)
			return refuse_line(im, number, log_reason());
	}
	if (json_string(o, "op_type", &change) != OK)
		return refuse_line(im, number, log_reason());
	if (strcmp(change, "deleted") != 0)
		return put(im, number, values);
	if (!read_serial(values[SERIAL], serial))
		return refuse_line(im, number, "this is not a serial number");
	if (!im->writes)
		return OK;
	if ((r = begin_step(im)) == OK)
		r = ade_devices_remove(im->actor->db, ADE_DEVICES_FILE, serial);
	im->result->removed += r == OK;
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
read_json(struct import *im, struct blob text)
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
			r = refuse_line(
			    im, (long)i + 1, "this is not an object");
		else
			r = read_json_device(im, device, (long)i + 1);
	}
	in_json_free(doc);
	return r;
}

static int
read_list(struct import *im, struct buf *text)
{
	const char *p = buf_str(text);

	if (strlen(p) != text->n)
		return fail(ERR_FIELD, "the file holds a NUL byte");
	while (isspace((unsigned char)*p))
		p++;
	if (*p == '[' || *p == '{')
		return read_json(im, buf_blob(text));
	return text->n == 0 ? OK : read_csv(im, (char *)text->p);
}

static int
check(struct import *im, const struct buf *text)
{
	struct buf copy;
	int r;

	/* reading changes the text */
	buf_init(&copy, ADMIN_ADE_LIST_MAX);
	if ((r = buf_add(&copy, text->p, text->n)) == OK)
		r = read_list(im, &copy);
	buf_release(&copy);
	im->result->skipped = 0;
	return r;
}

static int
write_list(struct import *im, struct buf *text)
{
	char detail[128];
	int r;

	im->writes = true;
	if ((r = read_list(im, text)) != OK)
		return r;
	if (!db_in_transaction(im->actor->db) &&
	    (r = admin_actor_begin(im->actor, ADMIN_CHANGE_HOSTS)) != OK)
		return r;
	snprintf(detail, sizeof detail, "%d assigned, %d removed",
	    im->result->assigned, im->result->removed);
	return admin_actor_record(im->actor, "ade.import", detail);
}

int
admin_ade_import(const struct admin_actor *actor, struct buf *text,
    bool skip_bad, struct admin_ade_result *out)
{
	struct import im = {
		.actor = actor, .result = out, .skip_bad = skip_bad
	};
	int r;

	*out = (struct admin_ade_result){ 0 };
	if ((r = check(&im, text)) != OK)
		return r;
	return db_end(actor->db, write_list(&im, text));
}

static int
remove_one(const struct admin_actor *actor, const char *given)
{
	char serial[DB_SERIAL_TEXT];
	int r;

	if (!read_serial(given, serial))
		return fail(
		    ERR_FIELD, "this is not a serial number: %s", given);
	r = ade_devices_remove(actor->db, ADE_DEVICES_FILE, serial);
	if (r == ERR_NOT_FOUND)
		return fail(r, "no file that was imported lists %s", serial);
	if (r != OK)
		return r;
	return admin_actor_note(actor,
	    &(struct activity_note){
		.action = "ade.remove", .serial = serial });
}

int
admin_ade_remove(
    const struct admin_actor *actor, const char *const *serials, int n)
{
	return admin_actor_each(
	    actor, ADMIN_CHANGE_HOSTS, serials, n, remove_one);
}
