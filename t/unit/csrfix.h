/* Certificate requests made by hand. */
#ifndef UNIT_CSRFIX_H
#define UNIT_CSRFIX_H

#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"
#include "unit/testpki.h"

#define MAX 65536

#define OID_CN         "2.5.4.3"
#define OID_EXTENSIONS "1.2.840.113549.1.9.14"
#define OID_SAN        "2.5.29.17"
#define OID_PERMANENT  "1.3.6.1.5.5.7.8.3"
#define OID_HARDWARE   "1.3.6.1.5.5.7.8.4"
#define OID_UPN        "1.3.6.1.4.1.311.20.2.3"
#define OID_SHA1_EC    "1.2.840.10045.4.1"
#define OID_SHA256_EC  "1.2.840.10045.4.3.2"
#define OID_SHA384_EC  "1.2.840.10045.4.3.3"
#define OID_SHA256_RSA "1.2.840.113549.1.1.11"
#define OID_SHA1_RSA   "1.2.840.113549.1.1.5"

/* A hand-made request; all zero is a good one with an empty subject. */
struct faults {
	EVP_PKEY *key; /* P-256 otherwise */
	const struct buf *spki;
	const char *version; /* one byte; "\0" otherwise */
	const char *algorithm;
	const char *md; /* NULL: sha256 */
	uint8_t cn_tag; /* with a common name of this type ... */
	struct blob cn; /* ... and these bytes */
	bool two_cn;
	struct blob extensions; /* content of the SEQUENCE of extensions */
	int requests;           /* extensionRequests more than one */
	bool two_values;
	bool password; /* a challengePassword before the others */
	bool no_attributes;
	bool other_signature;
	bool more; /* an element after the attributes */
};

extern EVP_PKEY *csrfix_ec;
void csrfix_add_spki(struct buf *b, EVP_PKEY *key);
void csrfix_build(struct buf *b, const struct faults *k);
void csrfix_expect_with(
    const struct faults *k, unsigned flags, const char *why);

/* NULL: good; else refused with a reason that holds these words. */
void csrfix_expect(const struct faults *k, const char *why);

/* Appends an extension: its OID, perhaps critical, its value. */
void csrfix_add_extension(
    struct buf *b, const char *oid, bool critical, const void *p, size_t n);

/* A SAN extension that holds these GeneralNames. */
void csrfix_add_san(struct buf *b, struct blob names);

/* otherName: an OID and [0] with this value. */
void csrfix_add_other_name(
    struct buf *b, const char *oid, const void *p, size_t n);
int csrfix_start(void **state);
int csrfix_stop(void **state);

#endif
