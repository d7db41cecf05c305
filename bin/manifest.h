/* What a backup holds: one line for each file and folder, with its SHA-256. */
#ifndef BIN_MANIFEST_H
#define BIN_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/secret.h"

#define MANIFEST_NAME      "attestmdm-backup"
#define MANIFEST_BYTES_MAX (4 * 1024 * 1024)
/* Of every file but the database. */
#define MANIFEST_FILE_MAX (64 * 1024 * 1024)
#define MANIFEST_PATH      1024
#define MANIFEST_OWNER     33

struct manifest_entry {
	bool folder;
	uint8_t sha256[SECRET_SHA256];
	int64_t size;
	unsigned mode;
	/* by name, since numbers differ from host to host */
	char owner[MANIFEST_OWNER];
	char group[MANIFEST_OWNER];
	/* absolute */
	char path[MANIFEST_PATH];
	/*
	 * while a backup is made: what was read of it; empty for the database
	 */
	struct buf bytes;
	/* while one is read: it was there and is what the manifest says */
	bool seen;
};

struct manifest {
	int schema;
	/* of the configuration, and of the database */
	char conf[MANIFEST_PATH];
	char database[MANIFEST_PATH];
	struct manifest_entry *rows;
	size_t n;
};

/*
 * May this path be in a manifest? It is absolute, short enough, of one line, and
 * no part of it is empty, "." or "..".
 */
bool manifest_path_ok(const char *path);

/*
 * Adds an entry with owner, group and mode as in `st`, but never with the
 * set-user-ID, set-group-ID (of files) and sticky bits; size and digest are the
 * caller's to fill. NULL, with the reason logged, when the path is not fit.
 */
struct manifest_entry *manifest_add(
    struct manifest *m, const char *path, const struct stat *st);

int manifest_write(const struct manifest *m, struct buf *out);

/*
 * ERR_FIELD when it is not one of ours, is cut short, or has a path that is not
 * fit. The caller releases *out in any case.
 */
int manifest_read(struct buf *text, struct manifest *out);
void manifest_release(struct manifest *m);

/* The entry of that path without its first slash, as archives have it. */
struct manifest_entry *manifest_find(
    const struct manifest *m, const char *member);

#endif
