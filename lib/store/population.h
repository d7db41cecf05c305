/*
 * All enrolled hosts, and all records of Apple Business, in the order of serial
 * numbers and page by page: what a decision needs to know of each, and no more.
 * For questions about all of them (admin/admin_preview.h).
 */
#ifndef STORE_POPULATION_H
#define STORE_POPULATION_H

#include "store/ade_devices.h"
#include "store/device.h"

struct population_host {
	struct device device;
	bool hardware_attested;
	int64_t ever_attested_at;
	char attested_product[DB_NAME_TEXT];
};

struct population_hosts {
	struct population_host *rows;
	size_t n;
};

/* Enrolled hosts after the serial number `after`, `limit` at most. */
int population_load_hosts(struct db *db, const char *after, int limit,
    struct population_hosts *out);
void population_release_hosts(struct population_hosts *list);

/*
 * Records after the serial number `after`, of which only serial, model,
 * description, device_family and removed_at are filled in; all of a serial
 * number or none. `limit`, over ADE_BATCH_MAX, bounds them.
 */
int population_load_records(struct db *db, const char *after, int limit,
    struct ade_device_list *out);
void population_release_records(struct ade_device_list *list);

#endif
