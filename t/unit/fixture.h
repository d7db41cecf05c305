/* Real messages for the tests of lib/wire, which are not part of the sources.
 */
#ifndef UNIT_FIXTURE_H
#define UNIT_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Reads a file of the folder that ATTESTMDM_FIXTURES names. False, and a line
 * that says so, when there is none: the test then passes without proof.
 */
static inline bool
fixture_read(const char *name, struct buf *out)
{
	const char *folder = getenv("ATTESTMDM_FIXTURES");
	char path[4096];
	uint8_t block[4096];
	size_t n;
	FILE *f;

	buf_init(out, 1 << 20);
	snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
	if (folder == NULL || (f = fopen(path, "rb")) == NULL) {
		printf("# skipped, no real message at hand: %s\n", name);
		return false;
	}
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(out, block, n);
	fclose(f);
	return buf_status(out) == OK;
}

#endif
