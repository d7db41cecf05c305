/* The shape of the attestation object, one bend at a time. */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/attestation.h"
#include "unit/mda.h"
#include "wire/attobj.h"
#include "wire/in_cbor.h"

#define LEAF "\x30\x01L"
#define SUB  "\x30\x01S"

static int
parse(struct blob object, struct attobj *out)
{
	uint8_t *copy = malloc(object.n > 0 ? object.n : 1);
	int r;

	/* An exact copy, so that a sanitizer sees a byte too far. */
	assert_non_null(copy);
	if (object.n > 0)
		memcpy(copy, object.p, object.n);
	r = attobj_parse(blob_of(copy, object.n), out);
	assert_true((r == OK) == (out->n > 0));
	free(copy);
	return r;
}

static void
expect(int expected, const void *p, size_t n)
{
	struct attobj out;

	assert_int_equal(parse(blob_of(p, n), &out), expected);
}

#define EXPECT(code, s) expect((code), (s), sizeof s - 1)

/* The pieces of a good object. */
#define FMT                                                                    \
	"\x63"                                                                 \
	"fmt\x65"                                                              \
	"apple"
#define X5C                                                                    \
	"\x63"                                                                 \
	"x5c\x82\x43" LEAF "\x43" SUB
#define STMT                                                                   \
	"\x67"                                                                 \
	"attStmt\xa1" X5C
#define GOOD "\xa2" FMT STMT
#define AUTH                                                                   \
	"\x68"                                                                 \
	"authData"

/* acme-158, acme-161 */
static void
test_good(void **state)
{
	static const char good[] = GOOD;
	struct attobj out;

	assert_int_equal(
	    attobj_parse(blob_of(good, sizeof good - 1), &out), OK);
	assert_int_equal(out.n, 2);
	assert_true(blob_eq_str(out.x5c[0], LEAF));
	assert_true(blob_eq_str(out.x5c[1], SUB));
	EXPECT(OK, "\xa2" STMT FMT);
	EXPECT(OK, "\xa3" FMT STMT AUTH "\x42xy");
	EXPECT(OK, "\xa3" AUTH "\x40" STMT FMT);
	EXPECT(OK,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x83\x43" LEAF "\x43" SUB "\x43" SUB);
	EXPECT(OK,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x84\x43" LEAF "\x43" SUB "\x43" SUB "\x43" SUB);
}

/* acme-152: What a device sends that could not attest (25 bytes). */
static void
test_failed_device(void **state)
{
	struct attobj out;
	struct buf b;

	buf_init(&b, 100);
	assert_int_equal(
	    enc_base64url_decode(
		blob_str("omNmbXRlYXBwbGVnYXR0U3RtdKFjeDVjgA"), &b),
	    OK);
	assert_int_equal(b.n, 25);
	assert_int_equal(parse(buf_blob(&b), &out), ERR_ATT_NONE);
	buf_release(&b);
}

/* acme-154 */
static void
test_truncated(void **state)
{
	static const char good[] = GOOD;
	size_t i;

	for (i = 0; i + 1 < sizeof good; i++)
		expect(ERR_ATT_CBOR, good, i);
}

/* acme-153 */
static void
test_trailing(void **state)
{
	EXPECT(ERR_ATT_CBOR, GOOD "\x00");
	EXPECT(ERR_ATT_CBOR, GOOD GOOD);
	EXPECT(ERR_ATT_CBOR, GOOD "\xff");
}

/* acme-155 */
static void
test_indefinite(void **state)
{
	EXPECT(ERR_ATT_CBOR, "\xbf" FMT STMT "\xff");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xbf" X5C "\xff");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x9f\x43" LEAF "\x43" SUB "\xff");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x5f\x43" LEAF "\xff\x43" SUB);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x63"
	    "fmt\x7f\x65"
	    "apple\xff" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x7f\x63"
	    "fmt\xff\x65"
	    "apple" STMT);
}

/* acme-156 */
static void
test_long_heads(void **state)
{
	EXPECT(ERR_ATT_CBOR, "\xb8\x02" FMT STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x63"
	    "fmt\x78\x05"
	    "apple" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x78\x03"
	    "fmt\x65"
	    "apple" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xb8\x01" X5C);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x98\x02\x43" LEAF "\x43" SUB);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x58\x03" LEAF "\x43" SUB);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x59\x00\x03" LEAF "\x43" SUB);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x5a\x00\x00\x00\x03" LEAF "\x43" SUB);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x5b\x00\x00\x00\x00\x00\x00\x00\x03" LEAF "\x43" SUB);
}

/* Where one form of head ends and the next begins. */
static void
test_head_edges(void **state)
{
	static const size_t sizes[] = { 23, 24, 255, 256, 65535, 65536 };
	static uint8_t zero[65536];
	struct blob rest, got;
	struct buf b;
	size_t i;

	buf_init(&b, 100000);
	for (i = 0; i < 6; i++) {
		buf_reset(&b);
		if (sizes[i] < 65536)
			attestation_bytes(&b, blob_of(zero, sizes[i]));
		else {
			buf_add(&b, "\x5a\x00\x01\x00\x00", 5);
			buf_add(&b, zero, sizes[i]);
		}
		rest = buf_blob(&b);
		assert_true(in_cbor_bytes(&rest, &got));
		assert_int_equal(got.n, sizes[i]);
		assert_int_equal(rest.n, 0);
	}
	buf_release(&b);
}

/* acme-157 */
static void
test_duplicates(void **state)
{
	EXPECT(ERR_ATT_CBOR, "\xa2" FMT FMT);
	EXPECT(ERR_ATT_CBOR, "\xa2" STMT STMT);
	EXPECT(ERR_ATT_CBOR, "\xa3" FMT STMT FMT);
	EXPECT(ERR_ATT_CBOR, "\xa3" FMT STMT STMT);
	EXPECT(ERR_ATT_CBOR, "\xa3" FMT AUTH "\x40" AUTH "\x40");
	EXPECT(ERR_ATT_CBOR, "\xa4" FMT STMT AUTH "\x40" AUTH "\x40");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa2" X5C X5C);
}

static void
test_missing(void **state)
{
	EXPECT(ERR_ATT_CBOR, "");
	EXPECT(ERR_ATT_CBOR, "\xa0");
	EXPECT(ERR_ATT_CBOR, "\xa1" FMT);
	EXPECT(ERR_ATT_CBOR, "\xa1" STMT);
	EXPECT(ERR_ATT_CBOR, "\xa2" FMT AUTH "\x40");
	EXPECT(ERR_ATT_CBOR, "\xa2" STMT AUTH "\x40");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa0");
}

/* acme-158, acme-159 */
static void
test_unknown(void **state)
{
	EXPECT(ERR_ATT_CBOR, "\xa3" FMT STMT "\x61x\x40");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa2" X5C "\x63sig\x40");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63sig\x40");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63X5C\x82\x43" LEAF "\x43" SUB);
	/* A pair of the statement's map cannot be the outer map's third. */
	EXPECT(ERR_ATT_CBOR,
	    "\xa3" FMT "\x67"
	    "attStmt\xa2" X5C AUTH "\x40");
	EXPECT(ERR_ATT_CBOR, "\xa3" FMT STMT AUTH "\x60");
	EXPECT(ERR_ATT_CBOR, "\xa3" FMT STMT AUTH "\xa0");
}

/* acme-160, acme-164, acme-165, acme-172 */
static void
test_types(void **state)
{
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x43"
	    "fmt\x65"
	    "apple" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x01\x65"
	    "apple" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x63"
	    "fmt\x45"
	    "apple" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x63"
	    "fmt\xf6" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\x80");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xf6");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x43"
	    "x5c\x80");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\xa0");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x62xy");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x42xy");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x63" LEAF "\x43" SUB);
	EXPECT(ERR_ATT_CBOR,
	    "\x82\x65"
	    "apple\x80");
	EXPECT(ERR_ATT_CBOR, "\x40");
	EXPECT(ERR_ATT_CBOR, "\xff");
	EXPECT(ERR_ATT_CBOR, "\xf9\x3c\x00");
	EXPECT(ERR_ATT_CBOR, "\xf7");
	EXPECT(ERR_ATT_CBOR, "\xfc");
	EXPECT(ERR_ATT_CBOR, "\x1c");
}

/* acme-162 */
static void
test_tags(void **state)
{
	EXPECT(ERR_ATT_CBOR, "\xd9\xd9\xf7" GOOD);
	EXPECT(ERR_ATT_CBOR, "\xa2\xc0" FMT STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x63"
	    "fmt\xc0\x65"
	    "apple" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xc0\xa1" X5C);
}

/* acme-163 */
static void
test_formats(void **state)
{
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x65"
	    "Apple" STMT);
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x66"
	    "apple " STMT);
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x66"
	    "apple\x00" STMT);
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x64"
	    "appl" STMT);
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x60" STMT);
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x66"
	    "packed" STMT);
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x64"
	    "none\x67"
	    "attStmt\xa0");
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2\x63"
	    "fmt\x63"
	    "tpm" STMT);
	EXPECT(ERR_ATT_FORMAT,
	    "\xa2" STMT "\x63"
	    "fmt\x64"
	    "step");
}

/* acme-166, acme-167, acme-168, acme-169 */
static void
test_counts(void **state)
{
	EXPECT(ERR_ATT_CHAIN,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x81\x43" LEAF);
	EXPECT(ERR_ATT_CHAIN,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x85\x43" LEAF "\x43" SUB "\x43" SUB "\x43" SUB "\x43" SUB);
	EXPECT(ERR_ATT_CHAIN,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x43" LEAF "\x40");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x43" LEAF);
	/* Claims that no memory could hold cost none. */
	EXPECT(ERR_ATT_CBOR, "\x9a\x80\x00\x00\x00");
	EXPECT(ERR_ATT_CBOR, "\xba\xff\xff\xff\xff");
	EXPECT(ERR_ATT_CBOR, "\x5b\xff\xff\xff\xff\xff\xff\xff\xff");
	EXPECT(ERR_ATT_CHAIN,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x9a\x80\x00\x00\x00");
	EXPECT(ERR_ATT_CHAIN,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x9b\xff\xff\xff\xff\xff\xff\xff\xff");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xa1\x63"
	    "x5c\x82\x5b\xff\xff\xff\xff\xff\xff\xff\xff");
	EXPECT(ERR_ATT_CBOR,
	    "\xa2" FMT "\x67"
	    "attStmt\xbb\x10\x00\x00\x00\x00\x00\x00\x00");
}

/* acme-174 */
static void
test_sizes(void **state)
{
	static uint8_t zero[4097];
	struct blob x5c[2] = { { zero, 4096 }, { zero, 1 } };
	struct attobj out;
	struct buf b;

	buf_init(&b, 10000);
	mda_object(&b, x5c, 2);
	assert_int_equal(parse(buf_blob(&b), &out), OK);
	buf_reset(&b);
	x5c[0].n++;
	mda_object(&b, x5c, 2);
	assert_int_equal(parse(buf_blob(&b), &out), ERR_ATT_CHAIN);
	buf_release(&b);
}

/* acme-170 */
static void
test_nesting(void **state)
{
	static uint8_t deep[65535];

	memset(deep, 0x81, sizeof deep);
	expect(ERR_ATT_CBOR, deep, sizeof deep);
	memset(deep, 0xa1, sizeof deep);
	expect(ERR_ATT_CBOR, deep, sizeof deep);
	memset(deep, 0xc6, sizeof deep);
	expect(ERR_ATT_CBOR, deep, sizeof deep);
}

/* acme-171 */
static void
test_utf8(void **state)
{
	static const char bad[] = "\x62\xc0\x80";
	struct blob rest = blob_of(bad, sizeof bad - 1), got;

	assert_false(in_cbor_text(&rest, &got));
	assert_int_equal(rest.n, sizeof bad - 1);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x63\xed\xa0\x80\x65"
	    "apple" STMT);
	EXPECT(ERR_ATT_CBOR,
	    "\xa2\x63"
	    "fmt\x65"
	    "appl\xff" STMT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_failed_device),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_indefinite),
		cmocka_unit_test(test_long_heads),
		cmocka_unit_test(test_head_edges),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_utf8),
	};

	log_open("t", LOG_ERROR);
	return unit_run("attobj", tests);
}
