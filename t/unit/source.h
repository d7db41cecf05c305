/* Files of the source tree that tests and fuzz targets read. */
#ifndef UNIT_SOURCE_H
#define UNIT_SOURCE_H

/*
 * The path of a file that is named from the top of the sources, such as
 * "t/data/test-recipient.key". It stays valid until the next call.
 */
const char *source_path(const char *name);

#endif
