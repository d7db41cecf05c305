/* The grammar of RFC 8259, checked without building anything. */
#ifndef WIRE_JSONTEXT_H
#define WIRE_JSONTEXT_H

#include <stddef.h>

#include "base/blob.h"

/*
 * ERR_MALFORMED unless `text` is one object or array in strict JSON, nested at
 * most max_depth deep, all UTF-8, without U+0000, with integers that fit
 * int64 and other numbers that are finite. *members is the number of members
 * of all objects in it, duplicates counted.
 */
int jsontext_check(struct blob text, unsigned max_depth, size_t *members);

#endif
