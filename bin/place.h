/*
 * Where a file of an installation lies: its folder, reached without following a
 * link that somebody else than root could have put there. Root works in folders
 * that the programs may write (STATE/db, STATE/public/acme), so nothing there
 * is opened by a path that is looked up again.
 */
#ifndef BIN_PLACE_H
#define BIN_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct place {
	/* of the folder, O_PATH; -1 when there is none */
	int fd;
	/*
	 * Only root and the caller can rename or delete in this folder and in
	 * all above it: each belongs to one of them and is writable by others
	 * only when it is sticky.
	 */
	bool trusted;
	/* trusted, and others can add nothing to this folder */
	bool closed;
	/* of the file in the folder */
	char name[NAME_MAX + 1];
};

/* Links that root or the caller made are followed. */
#define PLACE_LINKS 1u
/* Missing folders are made, with mode 0755, in trusted ones only. */
#define PLACE_MAKE 2u

/*
 * Opens the folder of an absolute path. ERR_NOT_FOUND, unlogged, when it is
 * absent; ERR_FIELD when the path is not absolute or a part of it is ".", ".."
 * or a link; ERR_IO. The caller calls place_close() in any case.
 */
int place_open(const char *path, unsigned flags, struct place *out);
void place_close(struct place *p);

/*
 * Opens the file itself to be read, and returns its state, both of the same
 * file whatever happens to the name. With PLACE_LINKS a link in a closed
 * folder is followed. It never waits for a FIFO. ERR_NOT_FOUND, unlogged, when
 * it is absent; ERR_FIELD, unlogged, when it is a link, neither a regular file
 * nor a folder, or, in a folder that is not trusted, a file that also has
 * another name; ERR_IO. The caller closes *fd.
 */
int place_read(
    const struct place *p, unsigned flags, int *fd, struct stat *st);

/* The folder that place_read() opened, as the place of `name` in it. */
bool place_enter(const struct place *parent, int fd, const struct stat *st,
    const char *name, struct place *out);

#endif
