/* Whole files and PEM blocks (RFC 7468). */
#ifndef SIM_FILE_H
#define SIM_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Room for the path of any file of a folder. */
#define SIM_FILE_PATH 1024

int sim_file_read(const char *path, struct buf *out);

/* Replaces the file; "-" is standard output. */
int sim_file_write(const char *path, struct blob data, mode_t mode);

/* Writes DIR/NAME into out; ERR_USAGE when it does not fit. */
int sim_file_path(const char *dir, const char *name, char out[SIM_FILE_PATH]);

/* Makes a folder with mode 0700; one that exists is fine. */
int sim_file_folder(const char *path);

/* Appends one block with the given label. */
int sim_file_pem(struct blob der, const char *label, struct buf *out);

/*
 * Appends the DER of the first block with that label and forgets the rest,
 * as Apple's client does; ERR_MALFORMED when there is none.
 */
int sim_file_first_pem(struct blob text, const char *label, struct buf *der);

/* Reads a file that holds such a block. */
int sim_file_read_pem(const char *path, const char *label, struct buf *der);

#endif
