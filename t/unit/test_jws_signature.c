/* Signatures of JWS requests: keys, algorithms, and what is degenerate. */
#include "unit/unit.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdio.h>

#include "base/enc.h"
#include "base/log.h"
#include "wire/jws.h"
#include "unit/jwsfix.h"

/* A key of our own, and a request signed with it. */
struct signer {
	gnutls_privkey_t key;
	struct jwk *jwk;
	const char *alg;
	gnutls_sign_algorithm_t sign;
	size_t n;
};

/* Appends a number in full length: GnuTLS adds and drops zeros. */
static void
signer_pad(struct buf *out, const gnutls_datum_t *v, size_t n)
{
	const uint8_t *p = v->data;
	size_t len = v->size;

	for (; len > n; p++)
		len--;
	for (; n > len; n--)
		buf_add_byte(out, 0);
	buf_add(out, p, len);
}

/* Appends a coordinate as base64url. */
static void
signer_coordinate(struct buf *out, const gnutls_datum_t *v, size_t n)
{
	struct buf full;

	buf_init(&full, 100);
	signer_pad(&full, v, n);
	enc_base64url(buf_blob(&full), out);
	buf_release(&full);
}

static void
signer_jwk(struct signer *s, const char *crv)
{
	gnutls_datum_t x, y = { NULL, 0 };
	gnutls_ecc_curve_t curve;
	struct buf text;

	assert_int_equal(
	    gnutls_privkey_export_ecc_raw(s->key, &curve, &x, &y, NULL), 0);
	buf_init(&text, 1000);
	buf_printf(&text, "{\"kty\":\"%s\",\"crv\":\"%s\",\"x\":\"",
	    y.size > 0 ? "EC" : "OKP", crv);
	signer_coordinate(&text, &x, s->n);
	if (y.size > 0) {
		buf_add_str(&text, "\",\"y\":\"");
		signer_coordinate(&text, &y, s->n);
	}
	buf_add_str(&text, "\"}");
	assert_int_equal(jwk_parse_text(buf_blob(&text), &s->jwk), OK);
	gnutls_free(x.data);
	gnutls_free(y.data);
	buf_release(&text);
}

static void
signer_init(struct signer *s, const char *alg, gnutls_pk_algorithm_t pk,
    gnutls_ecc_curve_t curve, const char *crv)
{
	bool big = curve == GNUTLS_ECC_CURVE_SECP384R1;

	*s = (struct signer){ .alg = alg, .n = big ? 48 : 32 };
	s->sign = big ? GNUTLS_SIGN_ECDSA_SHA384 : GNUTLS_SIGN_ECDSA_SHA256;
	if (pk == GNUTLS_PK_EDDSA_ED25519)
		s->sign = GNUTLS_SIGN_EDDSA_ED25519;
	gnutls_privkey_init(&s->key);
	assert_int_equal(gnutls_privkey_generate(s->key, pk,
			     (unsigned)GNUTLS_CURVE_TO_BITS(curve), 0),
	    0);
	signer_jwk(s, crv);
}

static void
signer_release(struct signer *s)
{
	gnutls_privkey_deinit(s->key);
	jwk_free(s->jwk);
}

/* The signature over the text, raw. */
static void
signer_sign(struct signer *s, struct blob text, struct buf *out)
{
	gnutls_datum_t data = { (uint8_t *)(uintptr_t)text.p,
		(unsigned)text.n };
	gnutls_datum_t sig, r, v;

	assert_int_equal(
	    gnutls_privkey_sign_data2(s->key, s->sign, 0, &data, &sig), 0);
	if (s->sign == GNUTLS_SIGN_EDDSA_ED25519) {
		buf_add(out, sig.data, sig.size);
	} else {
		assert_int_equal(gnutls_decode_rs_value(&sig, &r, &v), 0);
		signer_pad(out, &r, s->n);
		signer_pad(out, &v, s->n);
		gnutls_free(r.data);
		gnutls_free(v.data);
	}
	gnutls_free(sig.data);
}

/* A request with a good signature. */
static void
signer_request(struct signer *s, struct buf *sig, struct jws **jws)
{
	char header[500];
	struct buf text, b, encoded;

	snprintf(header, sizeof header,
	    "{\"alg\":\"%s\",\"nonce\":\"" NONCE "\",\"url\":\"" URL
	    "\",\"kid\":\"" KID "\"}",
	    s->alg);
	buf_init(&text, 10000);
	buf_init(&encoded, 10000);
	buf_init(sig, 1000);
	jwsfix_encode(header, &text);
	buf_add_str(&text, ".e30");
	signer_sign(s, buf_blob(&text), sig);
	enc_base64url(buf_blob(sig), &encoded);
	jwsfix_body(&b, header, "e30", buf_str(&encoded));
	assert_int_equal(jws_parse(buf_blob(&b), 0, jws), OK);
	buf_release(&text);
	buf_release(&encoded);
	buf_release(&b);
}

/* Verifies with another signature in place of the good one. */
static int
verify_other(struct jws *jws, const struct jwk *key, struct blob sig)
{
	struct buf saved = jws->signature;
	int r;

	buf_init(&jws->signature, 1000);
	buf_add_blob(&jws->signature, sig);
	r = jws_verify(jws, key);
	buf_release(&jws->signature);
	jws->signature = saved;
	return r;
}

static void
check_suite(struct signer *s)
{
	struct jws *jws;
	struct buf sig;
	size_t i;

	signer_request(s, &sig, &jws);
	assert_int_equal(jws_verify(jws, s->jwk), OK);
	for (i = 0; i < sig.n; i += 7) {
		sig.p[i] ^= 1;
		assert_int_equal(verify_other(jws, s->jwk, buf_blob(&sig)),
		    ERR_BAD_SIGNATURE);
		sig.p[i] ^= 1;
	}
	assert_int_equal(verify_other(jws, s->jwk, buf_blob(&sig)), OK);
	for (i = 0; i < sig.n; i++)
		assert_int_equal(verify_other(jws, s->jwk, blob_of(sig.p, i)),
		    ERR_BAD_SIGNATURE);
	buf_add_byte(&sig, 0);
	assert_int_equal(
	    verify_other(jws, s->jwk, buf_blob(&sig)), ERR_BAD_SIGNATURE);
	/* The text that is covered is the text that came. */
	jws->signed_text.p[jws->signed_text.n - 1] ^= 1;
	assert_int_equal(jws_verify(jws, s->jwk), ERR_BAD_SIGNATURE);
	jws->signed_text.p[jws->signed_text.n - 1] ^= 1;
	jws->signed_text.p[0] ^= 1;
	assert_int_equal(jws_verify(jws, s->jwk), ERR_BAD_SIGNATURE);
	jws_free(jws);
	buf_release(&sig);
}

static void
test_verify(void **state)
{
	struct signer s[3];
	struct jws *jws;
	struct buf sig;
	size_t i, j;

	signer_init(&s[0], "ES256", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP256R1,
	    "P-256");
	signer_init(&s[1], "ES384", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP384R1,
	    "P-384");
	signer_init(&s[2], "EdDSA", GNUTLS_PK_EDDSA_ED25519,
	    GNUTLS_ECC_CURVE_ED25519, "Ed25519");
	for (i = 0; i < 3; i++)
		check_suite(&s[i]);
	/* A key of another kind, whatever it could verify. */
	for (i = 0; i < 3; i++) {
		signer_request(&s[i], &sig, &jws);
		for (j = 0; j < 3; j++)
			assert_int_equal(jws_verify(jws, s[j].jwk),
			    i == j ? OK : ERR_BAD_SIGNATURE);
		jws_free(jws);
		buf_release(&sig);
	}
	for (i = 0; i < 3; i++)
		signer_release(&s[i]);
}

/* An ES384 signature under a header that says ES256, verified with P-384. */
static void
test_alg_binds(void **state)
{
	struct signer s;
	struct jws *jws;
	struct buf sig;

	signer_init(
	    &s, "ES256", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP384R1, "P-384");
	signer_request(&s, &sig, &jws);
	assert_int_equal(jws_verify(jws, s.jwk), ERR_BAD_SIGNATURE);
	jws_free(jws);
	buf_release(&sig);
	signer_release(&s);
}

/*
 * acme-80: Zero and the curve's order are no numbers of a signature; DER is
 * no JWS.
 */
static void
test_degenerate(void **state)
{
	static const char order[] =
	    "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
	uint8_t rs[64] = { 0 };
	struct signer s;
	struct jws *jws;
	struct buf sig, n;

	signer_init(
	    &s, "ES256", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP256R1, "P-256");
	signer_request(&s, &sig, &jws);
	buf_init(&n, 100);
	assert_int_equal(enc_base64url_decode(blob_str(order), &n), OK);
	assert_int_equal(
	    verify_other(jws, s.jwk, blob_of(rs, 64)), ERR_BAD_SIGNATURE);
	assert_int_equal(
	    verify_other(jws, s.jwk, blob_of(rs, 60)), ERR_BAD_SIGNATURE);
	memcpy(rs, sig.p, 32);
	assert_int_equal(
	    verify_other(jws, s.jwk, blob_of(rs, 64)), ERR_BAD_SIGNATURE);
	memcpy(rs + 32, n.p, 32);
	assert_int_equal(
	    verify_other(jws, s.jwk, blob_of(rs, 64)), ERR_BAD_SIGNATURE);
	memcpy(rs, n.p, 32);
	memcpy(rs + 32, sig.p + 32, 32);
	assert_int_equal(
	    verify_other(jws, s.jwk, blob_of(rs, 64)), ERR_BAD_SIGNATURE);
	buf_release(&n);
	buf_release(&sig);
	jws_free(jws);
	signer_release(&s);
}

/*
 * acme-81: n - S verifies as well as S; the nonce, not the signature's form,
 * stops a replay.
 */
static void
test_high_s(void **state)
{
	static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
		0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2,
		0xfc, 0x63, 0x25, 0x51 };
	struct signer s;
	struct jws *jws;
	struct buf sig;
	int i, borrow = 0;

	signer_init(
	    &s, "ES256", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP256R1, "P-256");
	signer_request(&s, &sig, &jws);
	for (i = 31; i >= 0; i--) {
		int d = order[i] - sig.p[32 + i] - borrow;

		sig.p[32 + i] = (uint8_t)d;
		borrow = d < 0;
	}
	assert_int_equal(verify_other(jws, s.jwk, buf_blob(&sig)), OK);
	jws_free(jws);
	buf_release(&sig);
	signer_release(&s);
}

#define SHORT_HEADER                                                           \
	"{\"alg\":\"ES256\",\"kid\":\"https://a/1\",\"nonce\":\"bm9uY2U\","    \
	"\"url\":\"https://a/2\"}"

struct short_row {
	int r;
	int s;
	const char *x;
	const char *y;
	const char *signature;
};

static const struct short_row short_rows[] = {
	{ 32, 32, "9HKvGEyirAUqucQgAiqpHv5jxfi9ve8Cat2e1doIn1c",
	    "rKk9vc5xEXuF4DnhM8R-f2gkAMeLkn46YF9KS5Ech24",
	    "C3w2_OmfmGgvECAOn95QijjhcQ0_H8lo_wnKvWn6fEhZq4CK4E_ucJb_"
	    "EXCe03oNumSCeUqZgSSBTH1qyDNGUQ" },
	{ 31, 32, "St1AKD9YziIV55lMsLxLiJnzW6ZDQxXZ8JVpX8u4uPM",
	    "mraqEBjwdpr_2EyJUmsHuO25kkspuKUHgEfysBHreYY",
	    "Rx2dUDPQmszVz0N8aVrcUI8S_"
	    "sFdKh7Xom5cylIOsHHlNKvVQdQGbhqw6w4g2cA9KpBhqJc2FUMzEWw4UKgY" },
	{ 32, 31, "k6pTz2mtupyj46sswNZASOlhMTx83uOef2S8k7RSgk4",
	    "VhfssMdN_96q2UA-hqvEPCk9w-ONaMSD1vgqLviuPbk",
	    "fYrFzI1lWs_hdfepkQaP2LMpV1ng9-4570-uNfqeytx1b8IlTRBYv_"
	    "MDJgyLnTRtE6BVm3oMLlC2P9P5rQn2" },
	{ 31, 31, "-CiTOH3vASit7TfpTCsk5z4zmH_SZ_iU-hdBT12kGDc",
	    "PNB4zGL-2O1j19vZRC5GkTg6FPGYvnPjr2FK06ZPHI0",
	    "CdNwHH3EvjDxuOkEpW-YtX-DD1Ta_vGLuWKOmz9Yf12TJVNY_"
	    "RV45c5j8O7FxtldeADs-TjETfNoXW7Rhyc" },
	{ 30, 32, "8smO-0lAVARERlB4-t8hRqb4FQCJSZt7QMqCIfSxtN0",
	    "TGVJEE90xuEfyDiMeYkg3C_sM2joA_mF6cWzNmpqBG4",
	    "NeOMoiO1o8jPEoMQ32ziUWBTem-FgcTIgnbspuUqd_"
	    "l8f2f9eov23eM4leylPTdQBIArOUnJHMRrhJULgjE" },
	{ 32, 30, "V4p9I36sVGuM6lcvmdXQM1KcrjftH2KKprFb7AWSIEI",
	    "IqvzX_EwsTrku5JTyZq7lnkXnyx_9VhijQSQ9J1BvQo",
	    "beLQCNqvCo5bE2CB-MnMizN1U1QFBll8d2mWpwzHpoFpip4tB1r5DYqigRS-"
	    "dxPJxoy005-XHlw-hINdQos" },
	{ 30, 31, "vnjlYHdRGlNV27K5rLL0Ec72_HAkZeYO26fhz0QGn9o",
	    "xC6ufdgqnHlToF3fpoTd05suEQ34KR0KVMZsOYyHxMU",
	    "W2-"
	    "zfZR1wmaih7OYtsVYLPxsk7oQUJuV731ruOXFQXELGwlYtZV55ZYP8xXcqO0OUSkGT"
	    "h1ASVBGRMBPXw" },
	{ 31, 30, "LhFd9_njibDh8DA4rd6cSNkIO7O7ryQSCjwrYhcQcnI",
	    "0whz2G7qA2QUc1F88Tta-2qN12l69UXUQg70WSR34r8",
	    "JyGdtd-04NRZaBCNdRkjWW-T-90PwqojTyUcjvq3Zx9CVBHmV3_093PFClAM_"
	    "9lwOK7uWe7Q8SrDoIMbdg" },
	{ 29, 32, "g7-zRiBfS15P3fdqpK9gZgIoaFAiSVOO81_3n-o9gIU",
	    "JxCTqVvaz74ThH4LK21hRa9yXz7d_WpskgCw1Ljeq-c",
	    "MWUsNfGmnG-"
	    "WvkGPx0zRRqj6lqIwSMJ5YjF6eqpx5wBBmWUFraZJPTUeKg5K555HVKVFgPA-"
	    "xOcr90WhJw" },
	{ 32, 29, "21T2HUiBKVqkGx6VZj8SvaB8LhPs-33q4iAxAxueAiE",
	    "DjRH48pAbnKSBnaQuhR5lIvAgyPTySHjVnZgnJHHNXM",
	    "LTqLR3Q-TNBdaIsLYZnpLHgX-HrVCOzo-o-tXcp5-"
	    "lBFQ6EIXNbh2kanYsY362NRIIJq8wdw1IPMvLTBRQ" },
	{ 30, 30, "JL7wwWJegPweP2Oo5Ylf6RCBlAB3UwrZwpWg48L7Z-U",
	    "AZh3iGQNDfCgWtA1RfUGFkxx62bvtYvi-2V7uPzGa4w",
	    "a7HCWeElA4nfZQOoCrnbW1DbtmaDWZc7WauXwxQld1rH4urY5c7CP3H-"
	    "lBgaU4809JY0kFo5xjklpL0v" },
	{ 29, 31, "yiTaRbOjQ9LthtXtsycICby9fZMQHz0YJyqBevxsTh4",
	    "Wf9rDfjFRym2UcqGt-rIQn4VYQ8qGG-ZLieEtQX0AIk",
	    "DfwyXgvfXSRZAL_"
	    "twDsC0peEFHsSNzTvhHf2oUBhgjEIVk3BJQVCGDO98prfiris4jqQaxGYksM5DZW"
	    "m" },
	{ 31, 29, "KMAreqO667gtyyvq9pc5qBuy7J876KuzmV9Lc_VMT_4",
	    "nb-wQp3QHdSe1mMlFZx2_xLplnMGHK934IfEPPwwWMA",
	    "G5bPsSemk4nlXUbJk-qlfG1E2hgArIXeZW-lYRke7W3lS8ECYuwX9t_"
	    "leKKlped4JNl7vR3UViQbM7HM" },
	{ 28, 32, "eHR91ZsWTAPJrHobWj5pVDj5lIRu1feRuVjkAqIJaHs",
	    "bAKrU3Mmaz2Ek0fGa6cFmonzqpl4hO3Oe-LM43jyW0E",
	    "NXf0bLatmw9qtNFvlH8K9Iy-o5lZiMjwCUdO-F2RcnfkA61l-NJXSptr9r-"
	    "cn5vEJaq8ewV3sKKU2JqM" },
	{ 32, 28, "_tWgpeV9i-C8PDoUAUUuqQEwi4wWXIWm9EyXpILVJ7I",
	    "hH91DAer4wlNdoYqzQF8JGQ9cHpjeTt0x2d3YXqSRoY",
	    "ecFLrLddsxUEBi3TAXg2NS6-xuaiZAd_"
	    "740227lGzqslpqT9fgZ0TIcRBBUAmkKdUXjo4m84tmjT82Te" },
	{ 27, 32, "fbyVFLv0V5NBnvHpEDt7736KzLEt4h-VsEIUe-A2J-k",
	    "q-m73xzP4ywf4Vz1gpJ4rI0NfZTdxK7O7bl_CXf9JKE",
	    "fXJenfA5oZwLRZ35fLwoVbsjZmB9mNZ1gVPhO3ubAfoV33t7YAEPcXRkHWurWchenB"
	    "SxhNX1VVZyGfc" },
	{ 32, 27, "BJ7-P-jkaI4idSTCJx1E8LSwaw4INwaSneAV-rt55qM",
	    "5OlpUD97BORC0KNtD7N15yjIZcmfPu6nt6ANDo7maTQ",
	    "H7ZfX2u4-KdiVyWT0Wcb3i0m1bzbaLVrAfOg6gGK6VJvCU_"
	    "aD81FbKcD175BsfKMuou6aJL4cZzh-2o" },
	{ 29, 30, "_22FF9xxDjiw5-TBR4S4mw0GGagyvQhjlKtQs_Ph0I0",
	    "_O20orpU45vlzlS8mGzQA4mTziBZOpgzDa-9HF9Eyd0",
	    "Dx6nXrlc2xpGtyhQeZHbPKOyG8dUvldQK8oEjCYJfqdnc1xsoqjPYPjou5LxlTa7JQ"
	    "txaBKpJl5pht0" },
	{ 30, 29, "4A0QSarPzdoE6FiXYIQhuug0egHq8__JOlKytQCH2LA",
	    "3GoKTclqtNl90UTSYlCNlI0Y--wnUsTJkNm0jw4amqw",
	    "f88oR_AKAxj-zVJ2p9jw4YYdAzZ-o4zww5iRk3uyOxsHNDZpPlsvcNIdgO3pgLnHR_"
	    "55h5ezabfnEWw" },
};

static int
verify_short(const struct short_row *row, const char *signature)
{
	char text[400];
	struct jwk *key;
	struct jws *jws;
	struct buf b;
	int r;

	snprintf(text, sizeof text,
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}",
	    row->x, row->y);
	assert_int_equal(jwk_parse_text(blob_str(text), &key), OK);
	jwsfix_body(&b, SHORT_HEADER, "e30", signature);
	assert_int_equal(jws_parse(buf_blob(&b), 0, &jws), OK);
	r = jws_verify(jws, key);
	jws_free(jws);
	jwk_free(key);
	buf_release(&b);
	return r;
}

/*
 * acme-82, acme-83, acme-84, acme-85: Together 60 to 64 bytes, no half under
 * 28: taken. Others: not.
 */
static void
test_short(void **state)
{
	const struct short_row *row;
	bool good;
	size_t i;

	for (i = 0; i < sizeof short_rows / sizeof short_rows[0]; i++) {
		row = &short_rows[i];
		good = row->r + row->s >= 60;
		if (verify_short(row, row->signature) !=
		    (good ? OK : ERR_BAD_SIGNATURE))
			unit_fail("R of %d and S of %d", row->r, row->s);
	}
}

/* acme-87: The same signature as the second row's, with its zero in place. */
static void
test_true_zero(void **state)
{
	assert_int_equal(short_rows[1].r, 31);
	assert_int_equal(verify_short(&short_rows[1],
			     "AEcdnVAz0JrM1c9DfGla3FCPEv7BXSoe16JuXMpSDrBx5TSr1"
			     "UHUBm4asOsOINnAPSqQYaiXNhVDMxFsOFCoGA"),
	    OK);
}

/* acme-86: A short signature of another key, and one that is random. */
static void
test_short_wrong(void **state)
{
	size_t i;

	for (i = 1; i < 15; i++)
		assert_int_equal(
		    verify_short(&short_rows[0], short_rows[i].signature),
		    ERR_BAD_SIGNATURE);
}

/* ES384 and EdDSA have no short form. */
static void
test_short_es256_only(void **state)
{
	struct signer s;
	struct jws *jws;
	struct buf sig;
	int i;

	signer_init(
	    &s, "ES384", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP384R1, "P-384");
	signer_request(&s, &sig, &jws);
	for (i = 60; i < 64; i++)
		assert_int_equal(
		    verify_other(jws, s.jwk, blob_of(sig.p, (size_t)i)),
		    ERR_BAD_SIGNATURE);
	jws_free(jws);
	buf_release(&sig);
	signer_release(&s);
	/* An EdDSA signature that begins with a zero, without the zero. */
	signer_init(&s, "EdDSA", GNUTLS_PK_EDDSA_ED25519,
	    GNUTLS_ECC_CURVE_ED25519, "Ed25519");
	signer_request(&s, &sig, &jws);
	while (sig.p[0] != 0) {
		buf_add_byte(&jws->signed_text, 'x');
		buf_reset(&sig);
		signer_sign(&s, buf_blob(&jws->signed_text), &sig);
	}
	assert_int_equal(verify_other(jws, s.jwk, buf_blob(&sig)), OK);
	assert_int_equal(verify_other(jws, s.jwk, blob_of(sig.p + 1, 63)),
	    ERR_BAD_SIGNATURE);
	jws_free(jws);
	buf_release(&sig);
	signer_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_alg_binds),
		cmocka_unit_test(test_degenerate),
		cmocka_unit_test(test_high_s),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_true_zero),
		cmocka_unit_test(test_short_wrong),
		cmocka_unit_test(test_short_es256_only),
	};

	log_open("t", LOG_ERROR);
	return unit_run("jws", tests);
}
