/*
 * Repairs what devices are known to write into XML property lists although XML
 * or Apple's DTD does not allow it: Core Foundation copies control characters
 * from names of applications as they are, and writes "nan" into a <real>. Only
 * for documents on which no decision depends, such as results of commands.
 */
#ifndef WIRE_PLISTMEND_H
#define WIRE_PLISTMEND_H

#include <stddef.h>

#include "base/blob.h"
#include "base/buf.h"

/*
 * Appends a copy of `in` in which
 *  - bytes that are not UTF-8, characters that plistlex_is_char() refuses and
 *    references to such are U+FFFD, the replacement character;
 *  - an <integer>, <real> or <date> whose text is no such value becomes a
 *    <string> with that text.
 * Everything else stays as it is, so the copy still has to pass the strict
 * reader. Returns how many places were changed. At most three bytes are
 * written for each byte read; buf_status(out) tells whether it all fitted.
 */
size_t plistmend(struct blob in, struct buf *out);

#endif
