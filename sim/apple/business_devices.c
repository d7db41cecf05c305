#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/apple/business_devices.h"
#include "sim/apple/stand_in.h"
#include "sim/forge/keypair.h"

#define CURSOR_AGE ((int64_t)7 * 24 * 60 * 60)

/* What a cursor stands for. */
struct cursor {
	char phase;     /* F: devices follow, X: none does, S: changes */
	size_t place;   /* the next device or change */
	size_t changes; /* with F and X: how many there were at the start */
	int64_t at;     /* when it was given out */
};

void
business_devices_init(struct business_devices *d)
{
	memset(d, 0, sizeof *d);
	d->index = json_object_new_object();
}

void
business_devices_release(struct business_devices *d)
{
	for (size_t i = 0; i < d->count; i++)
		json_object_put(d->devices[i].other);
	free(d->devices);
	free(d->changes);
	json_object_put(d->index);
}

struct business_device *
business_devices_find(struct business_devices *d, const char *serial)
{
	json_object *place = json_object_object_get(d->index, serial);

	return place == NULL ? NULL : &d->devices[json_object_get_int64(place)];
}

/* Twice the room whenever it is used up: at 1, 2, 4, … */
static void *
grow(void *p, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return p;
	return realloc(p, (count == 0 ? 1 : 2 * count) * size);
}

static struct business_device *
add(struct business_devices *d, const char *serial)
{
	struct business_device *more = grow(d->devices, d->count, sizeof *more);

	if (more == NULL)
		return NULL;
	d->devices = more;
	more += d->count;
	memset(more, 0, sizeof *more);
	snprintf(more->serial, sizeof more->serial, "%s", serial);
	more->is_ours = true;
	more->profile_status = "empty";
	more->assigned_at = clock_now();
	json_object_object_add(
	    d->index, serial, json_object_new_int64((int64_t)d->count++));
	return more;
}

int
business_devices_fill(
    struct business_devices *d, const char *prefix, long first, long count)
{
	char serial[65];

	for (long i = 0; i < count; i++) {
		snprintf(serial, sizeof serial, "%s%06ld", prefix, first + i);
		if (business_devices_find(d, serial) == NULL &&
		    add(d, serial) == NULL)
			return fail(ERR_NOMEM, "no memory");
	}
	return OK;
}

static int
note(struct business_devices *d, const struct business_device *device,
    const char *op_type, json_object *line)
{
	struct business_change *more =
	    grow(d->changes, d->change_count, sizeof *more);

	if (more == NULL)
		return fail(ERR_NOMEM, "no memory");
	d->changes = more;
	more += d->change_count++;
	*more = (struct business_change){
		.device = (size_t)(device - d->devices),
		.op_type = op_type,
		.at = stand_in_number(line, "op_date", clock_now()),
	};
	snprintf(more->given, sizeof more->given, "%s",
	    stand_in_text(line, "op_type", ""));
	return OK;
}

int
business_devices_modified(
    struct business_devices *d, const struct business_device *device)
{
	return note(d, device, "modified", NULL);
}

/* A constant for one of the words that Apple knows. */
static const char *
profile_status(const char *word)
{
	static const char *const known[] = { "assigned", "pushed", "removed" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(word, known[i]) == 0)
			return known[i];
	return "empty";
}

/* Members of a script's line that are no part of the record. */
static bool
is_command(const char *name)
{
	static const char *const words[] = { "account", "add", "count",
		"delete", "first", "modify", "op_date", "op_type",
		"profile_status", "profile_uuid", "record" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return false;
}

static void
take_members(struct business_device *device, json_object *line)
{
	const char *uuid = stand_in_text(line, "profile_uuid", NULL);
	const char *status = stand_in_text(line, "profile_status", NULL);

	if (uuid != NULL)
		snprintf(device->profile_uuid, sizeof device->profile_uuid,
		    "%s", uuid);
	if (status != NULL)
		device->profile_status = profile_status(status);
	json_object_object_foreach(line, name, value)
	{
		if (is_command(name))
			continue;
		if (device->other == NULL)
			device->other = json_object_new_object();
		json_object_object_add(
		    device->other, name, json_object_get(value));
	}
}

int
business_devices_change(struct business_devices *d, const char *verb,
    const char *serial, json_object *line)
{
	struct business_device *device = business_devices_find(d, serial);
	bool adds = strcmp(verb, "add") == 0;
	bool deletes = strcmp(verb, "delete") == 0;

	if (device == NULL && !adds)
		return fail(ERR_NOT_FOUND, "script: no device %s", serial);
	if (device == NULL && (device = add(d, serial)) == NULL)
		return fail(ERR_NOMEM, "no memory");
	if (adds && !device->is_ours) {
		device->profile_uuid[0] = '\0';
		device->profile_status = "empty";
		device->assigned_at = clock_now();
	}
	if (strcmp(verb, "record") != 0) {
		device->is_ours = !deletes && (adds || device->is_ours);
		take_members(device, line);
	}
	return note(d, device,
	    adds          ? "added"
		: deletes ? "deleted"
			  : "modified",
	    line);
}

static void
put(json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

static void
put_time(json_object *o, const char *name, int64_t at)
{
	char text[CLOCK_TEXT];

	clock_rfc3339(at, text);
	put(o, name, text);
}

json_object *
business_devices_record(
    const struct business_device *device, const struct business_style *style)
{
	json_object *o = json_object_new_object(), *unknown;

	put(o, "serial_number", device->serial);
	put(o, "model", "MacBook Pro 14\"");
	put(o, "description", "MBP 14.2 SPACE BLACK");
	put(o, "color", "SPACE BLACK");
	put(o, "device_family", "Mac");
	put(o, "os", "OSX");
	put_time(o, "device_assigned_date", device->assigned_at);
	put(o, "device_assigned_by", "admin@example.com");
	put(o, "profile_status", device->profile_status);
	if (device->profile_uuid[0] != '\0') {
		put(o, "profile_uuid", device->profile_uuid);
		put_time(o, "profile_assign_time", device->assigned_at);
	}
	if (style->unknown_keys) {
		unknown = json_object_new_object();
		json_object_object_add(
		    unknown, "values", json_object_new_array());
		json_object_object_add(o, "key_of_a_later_version", unknown);
	}
	if (device->other != NULL) {
		json_object_object_foreach(device->other, name, value)
		{
			json_object_object_add(o, name, json_object_get(value));
		}
	}
	return o;
}

/* What a client sees is base64, as Apple's are. */
static void
put_cursor(json_object *o, const struct cursor *c)
{
	SCRATCH_BUF(text);
	SCRATCH_BUF(base64);

	buf_printf(&text, "%c:%zu:%zu:%lld", c->phase, c->place, c->changes,
	    (long long)c->at);
	enc_base64(buf_blob(&text), &base64);
	put(o, "cursor", buf_str(&base64));
}

/* Reads ":NUMBER" and moves on behind it; false when there is none. */
static bool
read_number(const char **text, uint64_t *out)
{
	char *end = NULL;

	if (**text != ':')
		return false;
	*out = strtoull(*text + 1, &end, 10);
	if (end == *text + 1)
		return false;
	*text = end;
	return true;
}

/* The word against a cursor; NULL when it is good. */
static const char *
read_cursor(
    const struct business_devices *d, const char *text, struct cursor *c)
{
	uint64_t place, changes, at;
	const char *p;
	SCRATCH_BUF(plain);

	if (enc_base64_decode(blob_str(text), &plain) != OK || plain.n == 0 ||
	    strchr("FXS", plain.p[0]) == NULL)
		return "INVALID_CURSOR";
	p = buf_str(&plain) + 1;
	c->phase = (char)plain.p[0];
	if (!read_number(&p, &place) || !read_number(&p, &changes) ||
	    !read_number(&p, &at) || *p != '\0' || changes > d->change_count ||
	    place > (c->phase == 'S' ? d->change_count : d->count))
		return "INVALID_CURSOR";
	c->place = (size_t)place;
	c->changes = (size_t)changes;
	c->at = (int64_t)at;
	return clock_now() - c->at > CURSOR_AGE ? "EXPIRED_CURSOR" : NULL;
}

static json_object *
end_page(json_object *list, struct cursor *next, bool more)
{
	json_object *o = json_object_new_object();

	next->at = clock_now();
	json_object_object_add(o, "devices", list);
	put_cursor(o, next);
	put_time(o, "fetched_until", next->at);
	json_object_object_add(
	    o, "more_to_follow", json_object_new_boolean(more));
	return o;
}

static size_t
page_size(const struct business_style *style, int64_t limit)
{
	return (
	    size_t)(limit <= 0 || limit > style->page ? style->page : limit);
}

json_object *
business_devices_fetch(struct business_devices *d,
    const struct business_style *style, const char *cursor, int64_t limit,
    const char **error)
{
	struct cursor c = { .phase = 'F', .changes = d->change_count };
	size_t room = page_size(style, limit), n = 0;
	json_object *list;
	bool more;

	*error = cursor == NULL ? NULL : read_cursor(d, cursor, &c);
	if (*error == NULL && c.phase != 'F')
		*error = "EXHAUSTED_CURSOR";
	if (*error != NULL)
		return NULL;
	list = json_object_new_array();
	if (style->duplicates && c.place > 0 && d->devices[c.place - 1].is_ours)
		json_object_array_add(list,
		    business_devices_record(&d->devices[c.place - 1], style));
	for (; c.place < d->count && n < room; c.place++) {
		if (!d->devices[c.place].is_ours)
			continue;
		n++;
		json_object_array_add(
		    list, business_devices_record(&d->devices[c.place], style));
	}
	more = c.place < d->count;
	c.phase = more ? 'F' : 'X';
	return end_page(list, &c, more);
}

/* As Apple's documents have it, but for how it is spelled. */
static void
put_operation(json_object *o, const struct business_change *change,
    const struct business_style *style, size_t place)
{
	static const char *const spelled[][2] = {
		{ "ADDED", "Added" },
		{ "MODIFIED", "Modified" },
		{ "DELETED", "Deleted" },
	};
	const char *word = change->op_type;
	size_t row = word[0] == 'a' ? 0 : word[0] == 'm' ? 1 : 2;

	if (style->mixed_case && place % 3 != 0)
		word = spelled[row][place % 3 - 1];
	if (change->given[0] != '\0')
		word = change->given;
	put(o, "op_type", word);
	put_time(o, "op_date", change->at);
}

json_object *
business_devices_sync(struct business_devices *d,
    const struct business_style *style, const char *cursor, int64_t limit,
    const char **error)
{
	struct cursor c = { .phase = 'S' };
	size_t room = page_size(style, limit), n = 0;
	json_object *list;

	*error =
	    cursor == NULL ? "CURSOR_REQUIRED" : read_cursor(d, cursor, &c);
	if (*error == NULL && c.phase == 'F')
		*error = "INVALID_CURSOR";
	if (*error != NULL)
		return NULL;
	if (c.phase == 'X')
		c.place = c.changes;
	list = json_object_new_array();
	for (; c.place < d->change_count && n < room; c.place++, n++) {
		const struct business_change *change = &d->changes[c.place];

		for (int i = 0; i < (style->duplicates ? 2 : 1); i++) {
			json_object *o = business_devices_record(
			    &d->devices[change->device], style);

			put_operation(o, change, style, c.place);
			json_object_array_add(list, o);
		}
	}
	c.phase = 'S';
	c.changes = d->change_count;
	return end_page(list, &c, c.place < d->change_count);
}
