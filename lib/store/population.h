/*
 * All enrolled hosts, and all records of Apple Business, in the order of serial
 * numbers and page by page: what a decision needs to know of each, and no more.
 * For questions about all of them (admin/admin_preview.h).
 */
#ifndef STORE_POPULATION_H
#define STORE_POPULATION_H

#include "store/ade_devices.h"
#include "store/device.h"

/* Serial numbers kept of a kind. */
#define POPULATION_SERIALS 5

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

/*
 * Enrolled hosts of which the same is known, as the worker counts them by the hour
 * where there are many.
 */
struct population_kind {
	/* without serial and udid */
	struct device device;
	bool hardware_attested;
	bool ever_attested;
	/* an enum device_assignment, and an enum product_kind */
	int64_t assignment;
	bool known_silicon;
	int64_t known_kind;
	int64_t hosts;
	/* the first of them, with spaces between */
	char serials[POPULATION_SERIALS * DB_SERIAL_TEXT];
};

struct population_kinds {
	struct population_kind *rows;
	size_t n;
	int64_t counted_at;
	int64_t not_enrolled;
};

/* In a write transaction: takes the place of what was counted before. */
int population_put_kinds(struct db *db, const struct population_kinds *kinds);

/* In a write transaction. */
int population_forget_kinds(struct db *db);

/* ERR_NOT_FOUND: nothing was counted. The caller releases *out. */
int population_load_kinds(struct db *db, struct population_kinds *out);
void population_release_kinds(struct population_kinds *kinds);

#endif
