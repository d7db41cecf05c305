/* The directory of an enrollment: RFC 8555 section 7.1.1. */
#ifndef ACME_DIRECTORY_H
#define ACME_DIRECTORY_H

#include "base/buf.h"

/* Appends the directory object; it names only what there is. */
int directory_write(
    const char *server, const char *enrollment, struct buf *out);

#endif
