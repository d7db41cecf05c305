#include "unit/unit.h"

#include <stdio.h>

#include "base/enc.h"
#include "base/log.h"
#include "wire/jwk.h"

#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define Z "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* RFC 8037 appendix A.2 */
#define ED "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

/* x = 5 is on P-256 with this y; so it seems to be with the prime added. */
#define FIVE       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAU"
#define FIVE_PRIME "_____wAAAAEAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAQ"
#define FIVE_Y     "RZJDuapYGAb-kTvOmYF63hHKUDxk2aPFM0FcCDJI-8w"

#define EC(crv, x, y)                                                          \
	"{\"kty\":\"EC\",\"crv\":\"" crv "\",\"x\":\"" x "\",\"y\":\"" y "\"}"
#define OKP(crv, x) "{\"kty\":\"OKP\",\"crv\":\"" crv "\",\"x\":\"" x "\"}"

static void
expect(int expected, const char *text)
{
	struct jwk *jwk;
	int r = jwk_parse_text(blob_str(text), &jwk);

	assert_true((r == OK) == (jwk != NULL));
	jwk_free(jwk);
	if (r != expected)
		unit_fail("%d, not %d: %s", r, expected, text);
}

static struct jwk *
parse(const char *text)
{
	struct jwk *jwk;

	assert_int_equal(jwk_parse_text(blob_str(text), &jwk), OK);
	return jwk;
}

static void
test_good(void **state)
{
	expect(OK, EC("P-256", X, Y));
	expect(OK, OKP("Ed25519", ED));
	expect(OK, EC("P-256", FIVE, FIVE_Y));
	expect(OK,
	    "{\"y\":\"" Y "\",\"x\":\"" X
	    "\",\"use\":\"sig\",\"kid\":\"1\",\"crv\":\"P-256\",\"kty\":\"EC\""
	    ",\"alg\":\"ES256\"}");
	expect(ERR_MALFORMED, "[]");
	expect(ERR_MALFORMED, "");
}

static void
test_kinds(void **state)
{
	expect(ERR_BAD_PUBLIC_KEY, "{\"kty\":\"oct\",\"k\":\"AA\"}");
	expect(ERR_BAD_PUBLIC_KEY,
	    "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}");
	expect(ERR_BAD_PUBLIC_KEY, EC("P-521", X, Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("secp256k1", X, Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("p-256", X, Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("Ed25519", X, Y));
	expect(ERR_BAD_PUBLIC_KEY, OKP("P-256", X));
	expect(ERR_BAD_PUBLIC_KEY, OKP("X25519", ED));
	expect(ERR_BAD_PUBLIC_KEY, OKP("Ed448", ED));
	expect(ERR_BAD_PUBLIC_KEY, "{}");
	expect(ERR_BAD_PUBLIC_KEY,
	    "{\"kty\":5,\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}");
	expect(ERR_BAD_PUBLIC_KEY, "{\"kty\":\"EC\",\"x\":\"" X "\"}");
}

/* acme-66 */
static void
test_private(void **state)
{
	static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi",
		"oth", "k" };
	char text[500];
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(text, sizeof text,
		    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X
		    "\",\"y\":\"" Y "\",\"%s\":\"c2VjcmV0\"}",
		    names[i]);
		expect(ERR_BAD_PUBLIC_KEY, text);
		assert_null(strstr(log_reason(), "c2VjcmV0"));
	}
}

/* acme-69 */
static void
test_lengths(void **state)
{
	/* 31, 33, 16 and no bytes; each half of a good point. */
	expect(ERR_BAD_PUBLIC_KEY,
	    EC("P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA", Y));
	expect(ERR_BAD_PUBLIC_KEY,
	    EC("P-256", "AH_NzidwNsRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF", Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", "AAAAAAAAAAAAAAAAAAAAAA", Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", "", Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", X, ""));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", X, "AAAA"));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-384", X, Y));
	expect(ERR_BAD_PUBLIC_KEY, OKP("Ed25519", "AAAA"));
	/* A leading zero too few: 5 as one byte is the same number. */
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", "BQ", FIVE_Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", "AA" FIVE, FIVE_Y));
	/* Not strict base64url. */
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", X "=", Y));
	expect(ERR_BAD_PUBLIC_KEY,
	    EC("P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV", Y));
	expect(ERR_BAD_PUBLIC_KEY,
	    EC("P-256", X, "x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0"));
	expect(ERR_BAD_PUBLIC_KEY,
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"}");
	expect(ERR_BAD_PUBLIC_KEY,
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":1}");
	expect(ERR_BAD_PUBLIC_KEY, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}");
}

/* acme-70, acme-71 */
static void
test_off_curve(void **state)
{
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", Y, X));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", Z, Z));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", X, X));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", FIVE, Y));
	expect(ERR_BAD_PUBLIC_KEY, EC("P-256", FIVE_PRIME, FIVE_Y));
}

static void
test_alg(void **state)
{
	struct jwk *jwk =
	    parse("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED
		  "\",\"alg\":\"EdDSA\"}");

	assert_string_equal(jwk->alg, "EdDSA");
	jwk_free(jwk);
	jwk = parse(OKP("Ed25519", ED));
	assert_string_equal(jwk->alg, "");
	jwk_free(jwk);
	expect(ERR_BAD_PUBLIC_KEY,
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED "\",\"alg\":1}");
	expect(ERR_BAD_PUBLIC_KEY,
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED
	    "\",\"alg\":\"0123456789abcdef\"}");
}

static void
expect_print(const char *text, const char *expected)
{
	char print[JWK_THUMBPRINT_TEXT];
	struct jwk *jwk = parse(text);

	assert_int_equal(jwk_thumbprint(jwk, print), OK);
	assert_string_equal(print, expected);
	jwk_free(jwk);
}

/* RFC 7638 for the first; RFC 8037 appendix A.3. */
static void
test_thumbprint(void **state)
{
	expect_print(
	    EC("P-256", X, Y), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	expect_print(
	    OKP("Ed25519", ED), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

static void
test_write(void **state)
{
	struct jwk *jwk = parse("{\"y\":\"" Y "\",\"alg\":\"ES256\",\"x\":\"" X
				"\",\"kty\":\"EC\",\"crv\":\"P-256\"}");
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(jwk_write(jwk, &out), OK);
	assert_string_equal(buf_str(&out),
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y
	    "\"}");
	jwk_free(jwk);
	buf_reset(&out);
	jwk = parse(OKP("Ed25519", ED));
	assert_int_equal(jwk_write(jwk, &out), OK);
	assert_string_equal(buf_str(&out),
	    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" ED "\"}");
	jwk_free(jwk);
	buf_release(&out);
}

static void
test_eq(void **state)
{
	struct jwk *a = parse(EC("P-256", X, Y));
	struct jwk *b = parse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X
			      "\",\"y\":\"" Y "\",\"alg\":\"ES256\"}");
	struct jwk *c = parse(EC("P-256", FIVE, FIVE_Y));
	struct jwk *d = parse(OKP("Ed25519", X));
	struct jwk other;

	assert_true(jwk_eq(a, b));
	assert_false(jwk_eq(a, c));
	assert_false(jwk_eq(a, d));
	other = *a;
	other.y[31] ^= 1;
	assert_false(jwk_eq(a, &other));
	other = *a;
	other.x[0] ^= 1;
	assert_false(jwk_eq(a, &other));
	other = *a;
	other.kind = JWK_ED25519;
	assert_false(jwk_eq(a, &other));
	jwk_free(a);
	jwk_free(b);
	jwk_free(c);
	jwk_free(d);
	jwk_free(NULL);
}

/* RFC 5480: the head, then 04 and both coordinates. */
static void
test_spki(void **state)
{
	static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
		0x04 };
	struct jwk *jwk = parse(EC("P-256", X, Y));
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(jwk_spki(jwk, &out), OK);
	assert_int_equal(out.n, sizeof head + 64);
	assert_memory_equal(out.p, head, sizeof head);
	assert_memory_equal(out.p + sizeof head, jwk->x, 32);
	assert_memory_equal(out.p + sizeof head + 32, jwk->y, 32);
	jwk_free(jwk);
	buf_release(&out);
}

/* RFC 8037 appendix A.4. */
static void
test_verifies(void **state)
{
	struct blob text = blob_str("eyJhbGciOiJFZERTQSJ9."
				    "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
	struct jwk *jwk = parse(OKP("Ed25519", ED));
	struct buf sig;

	buf_init(&sig, 100);
	assert_int_equal(
	    enc_base64url_decode(
		blob_str("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR"
			 "4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"),
		&sig),
	    OK);
	assert_true(jwk_verifies(jwk, text, buf_blob(&sig)));
	assert_false(jwk_verifies(jwk, text, blob_of(sig.p, 63)));
	text.n--;
	assert_false(jwk_verifies(jwk, text, buf_blob(&sig)));
	jwk_free(jwk);
	buf_release(&sig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_off_curve),
		cmocka_unit_test(test_alg),
		cmocka_unit_test(test_thumbprint),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_eq),
		cmocka_unit_test(test_spki),
		cmocka_unit_test(test_verifies),
	};

	log_open("t", LOG_ERROR);
	return unit_run("jwk", tests);
}
