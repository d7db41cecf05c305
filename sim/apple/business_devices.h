/*
 * The devices of one Apple Business account, and what changed about them. A
 * device stays in its place for good, so that a cursor is a place.
 */
#ifndef BUSINESS_DEVICES_H
#define BUSINESS_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/err.h"

struct business_device {
	char serial[65];
	bool is_ours;
	char profile_uuid[33];      /* "": none */
	const char *profile_status; /* empty, assigned, pushed, removed */
	int64_t assigned_at;
	json_object *other; /* further members; NULL: none */
};

struct business_change {
	size_t device;
	const char *op_type; /* added, modified, deleted */
	char given[24];      /* as the script writes it; "": as above */
	int64_t at;
};

/* How the service writes lists; the script sets them. */
struct business_style {
	bool mixed_case;   /* op_type is written in three ways */
	bool duplicates;   /* records come twice */
	bool unknown_keys; /* which a client has to bear */
	int64_t page;      /* most devices in a page */
};

struct business_devices {
	struct business_device *devices;
	size_t count;
	struct business_change *changes;
	size_t change_count;
	json_object *index; /* serial number: place */
};

void business_devices_init(struct business_devices *d);
void business_devices_release(struct business_devices *d);

/* The device of a serial number; NULL if the account never had it. */
struct business_device *business_devices_find(
    struct business_devices *d, const char *serial);

/* Adds devices that were there before anybody looked: no change is noted. */
int business_devices_fill(
    struct business_devices *d, const char *prefix, long first, long count);

/*
 * Adds, modifies or deletes a device and notes the change. The members of
 * `line` that the service does not know go into the device's record; "op_type"
 * and "op_date" say how the change is written. `verb` is add, modify, delete or
 * record, which only notes a change.
 */
int business_devices_change(struct business_devices *d, const char *verb,
    const char *serial, json_object *line);

/* Notes that the service itself modified the device. */
int business_devices_modified(
    struct business_devices *d, const struct business_device *device);

/* The record of a device as lists have it. */
json_object *business_devices_record(
    const struct business_device *device, const struct business_style *style);

/*
 * A page of all devices, or of what changed: the answer, or NULL and the word
 * that Apple answers instead. cursor is NULL when the client sent none.
 */
json_object *business_devices_fetch(struct business_devices *d,
    const struct business_style *style, const char *cursor, int64_t limit,
    const char **error);
json_object *business_devices_sync(struct business_devices *d,
    const struct business_style *style, const char *cursor, int64_t limit,
    const char **error);

#endif
