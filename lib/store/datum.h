/*
 * Values on their way between C and the database: the parameters of a statement
 * and the columns of a row. Texts and blobs are borrowed.
 */
#ifndef STORE_DATUM_H
#define STORE_DATUM_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/secret.h"

enum datum_type {
	/* ends a list of values */
	DATUM_END,
	DATUM_NULL,
	DATUM_INT,
	DATUM_TEXT,
	DATUM_BLOB,
};

struct datum {
	enum datum_type type;
	int64_t number;
	struct blob bytes;
};

/* The values of a statement's parameters, in the order of their numbers. */
#define WITH(...) ((const struct datum[]){ __VA_ARGS__, { .type = DATUM_END } })

struct datum datum_null(void);
struct datum datum_int(int64_t v);
/* 0 is NULL */
struct datum datum_time(int64_t t);
/* NULL is "" */
struct datum datum_text(const char *v);
/* NULL and "" are NULL */
struct datum datum_text_or_null(const char *v);
/* datum_text() of at most max - 1 bytes, whole UTF-8 characters */
struct datum datum_cut(const char *v, size_t max);
/* the same text, copied to a row's member; an array */
void datum_copy(char *out, size_t size, const char *v);
#define COPY(member, text) datum_copy(member, sizeof(member), text)

struct datum datum_blob(struct blob v);
/* n 0 is NULL */
struct datum datum_blob_or_null(struct blob v);
struct datum datum_digest(const uint8_t v[SECRET_SHA256]);

/*
 * Appends the text as it is compared when somebody searches: utf8_lower(), and
 * full-width forms in place of the three characters that mean something to LIKE.
 * SQL has it as fold(). OK or buf's sticky code.
 */
int datum_fold(struct blob text, struct buf *out);

/*
 * A lower-case pattern that finds `text` in any place, for LIKE … ESCAPE '\';
 * NULL and "" find all. Its bytes are in `out`.
 */
#define DATUM_SEARCH_TEXT 403
struct datum datum_search(const char *text, char out[DATUM_SEARCH_TEXT]);
#define SEARCH(text) datum_search(text, (char[DATUM_SEARCH_TEXT]){ 0 })

#endif
