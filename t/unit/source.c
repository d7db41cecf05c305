#include "unit/source.h"

#include <stdio.h>

const char *
source_path(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", SOURCE_DIR, name);
	return path;
}
