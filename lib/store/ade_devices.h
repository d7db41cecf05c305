/* Devices that Apple Business assigned to this server. */
#ifndef STORE_ADE_DEVICES_H
#define STORE_ADE_DEVICES_H

#include "store/db.h"

struct ade_device {
	char serial[DB_SERIAL_TEXT];
	char model[DB_NAME_TEXT];
	char description[DB_NAME_TEXT];
	char color[DB_NAME_TEXT];
	char device_family[DB_NAME_TEXT];
	/* where the row came from, such as "import" */
	char source[DB_NAME_TEXT];
	int64_t added_at;
	/* not 0: was assigned once and is not any more */
	int64_t removed_at;
};

struct ade_device_list {
	struct ade_device *rows;
	size_t n;
	int64_t total;
};

/* Adds or updates; a removed device is assigned again. ERR_FIELD: no serial. */
int ade_devices_put(struct db *db, const struct ade_device *d);

/* ERR_NOT_FOUND when it is not assigned. */
int ade_devices_remove(struct db *db, const char *serial);

/* Removed ones too. */
int ade_devices_load(struct db *db, const char *serial, struct ade_device *out);

/* Is this serial number assigned to us now? */
int ade_devices_assigned(struct db *db, const char *serial, bool *out);

/* By serial number; counts all that match. */
int ade_devices_list(struct db *db, const char *search, int offset, int limit,
    struct ade_device_list *out);
void ade_devices_list_release(struct ade_device_list *list);

#endif
