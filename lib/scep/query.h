/* The query of a SCEP request (RFC 8894 section 4.1), from anybody. */
#ifndef SCEP_QUERY_H
#define SCEP_QUERY_H

#include "base/blob.h"
#include "base/buf.h"

/*
 * The value of a parameter as it stands in the undecoded query, with its length
 * 0 when it is absent or empty. Points into `query`.
 */
struct blob query_value(const char *query, const char *name);

/*
 * Appends the message of a GET. Apple's clients leave '+' and '/' of its base64
 * as they are, others escape them, use the alphabet for URLs, or leave out the
 * padding; a space was a '+' once. ERR_MALFORMED when it is none of these.
 */
int query_message(struct blob text, struct buf *out);

#endif
