/*
 * RSA keys that were made with the build. GnuTLS and OpenSSL need up to a
 * second for one, and few tests are about how.
 */
#ifndef UNIT_RSAKEYS_H
#define UNIT_RSAKEYS_H

#include <stdbool.h>

/*
 * The file of a key of so many bits that this program has not had yet, in
 * PEM; false when none is left.
 */
bool rsakeys_next(unsigned bits, char path[4096]);

#endif
