/* SignedData made by hand. */
#ifndef UNIT_CMSFIX_H
#define UNIT_CMSFIX_H

#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"
#include "unit/testpki.h"

#define MAX 262144

#define OID_DATA           "1.2.840.113549.1.7.1"
#define OID_SIGNED         "1.2.840.113549.1.7.2"
#define OID_CONTENT_TYPE   "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_SHA1           "1.3.14.3.2.26"
#define OID_SHA256         "2.16.840.1.101.3.4.2.1"
#define OID_MD5            "1.2.840.113549.2.5"
#define OID_RSA            "1.2.840.113549.1.1.1"
#define OID_SHA256_RSA     "1.2.840.113549.1.1.11"
#define OID_EC             "1.2.840.10045.2.1"
#define OID_SHA256_EC      "1.2.840.10045.4.3.2"
#define OID_SHA384_EC      "1.2.840.10045.4.3.3"

extern const char cmsfix_text[];

/* What a hand-made message has; all zero is a good one with attributes. */
struct faults {
	const char *outer_type;
	const char *inner_type;
	const char *digest;
	const char *algorithm;
	const char *md;      /* NULL: sha256 */
	const char *content; /* signed; text[] otherwise */
	bool detached;
	bool no_attributes;
	bool empty_attributes;
	bool no_certificate;
	bool certificate_twice;
	bool other_serial;
	bool other_issuer;
	bool with_namesake; /* whose certificate stands first */
	int signers;        /* one more than this */
	int types;          /* contentType attributes more than one */
	int digests;        /* messageDigest attributes more than one */
	const char *type;   /* value of contentType */
	bool two_values;    /* in messageDigest */
	bool other_digest;
	bool loose_attribute; /* a length in a longer form */
	bool junk_attribute;
	bool long_attribute; /* a part after the values */
	bool empty_signer;
	int more_certificates;
	int more_attributes;
	const char *raw_content; /* in place of the string */
	size_t raw_length;
};

extern EVP_PKEY *cmsfix_key;
extern X509 *cmsfix_crt;
/* of another issuer, with the same serial number */
extern X509 *cmsfix_namesake;
void cmsfix_add_attributes(struct buf *b, const struct faults *k);
void cmsfix_build(struct buf *b, const struct faults *k);

/* Reads and verifies; the code of the first step that fails. */
int cmsfix_judge(struct blob in, const char *content, unsigned flags);
void cmsfix_expect(const struct faults *k, int want, const char *why);
int cmsfix_start(void **state);
int cmsfix_stop(void **state);

#endif
