#include <assert.h>
#include <gnutls/abstract.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "wire/idtoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 8037 appendix A.1 */
static const uint8_t d[] = { 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60,
	0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69,
	0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60 };
static const uint8_t x[] = { 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7,
	0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3,
	0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a };

static const char keys[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

/* The claims as a token that the key above signed. */
static void
sign(struct blob claims, struct buf *out)
{
	gnutls_datum_t kd = { (uint8_t *)(uintptr_t)d, sizeof d };
	gnutls_datum_t xd = { (uint8_t *)(uintptr_t)x, sizeof x };
	gnutls_datum_t data, signature = { NULL, 0 };
	gnutls_privkey_t key;

	enc_base64url(blob_str("{\"alg\":\"EdDSA\",\"kid\":\"a\"}"), out);
	buf_add_byte(out, '.');
	enc_base64url(claims, out);
	data = (gnutls_datum_t){ out->p, (unsigned)out->n };
	assert(gnutls_privkey_init(&key) == 0);
	assert(gnutls_privkey_import_ecc_raw(
		   key, GNUTLS_ECC_CURVE_ED25519, &xd, NULL, &kd) == 0);
	assert(gnutls_privkey_sign_data2(
		   key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &signature) == 0);
	buf_add_byte(out, '.');
	enc_base64url(blob_of(signature.data, signature.size), out);
	gnutls_free(signature.data);
	gnutls_privkey_deinit(key);
}

/* A whole token, or after a 'c' its claims alone, which get a signature. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct idtoken_expected expected = {
		.issuer = "https://id.example.com",
		.client_id = "client",
		.nonce = "n",
		.now = 1800000000,
	};
	struct idtoken token;
	struct jwkset *set;
	struct buf text;

	log_open("fuzz", LOG_ERROR);
	assert(jwkset_read(blob_str(keys), &set) == OK);
	buf_init(&text, 2 * IDTOKEN_BYTES_MAX);
	if (size > 0 && data[0] == 'c')
		sign(blob_of(data + 1, size - 1), &text);
	else
		buf_add(&text, data, size);
	if (idtoken_verify(buf_blob(&text), set, &expected, &token) == OK) {
		assert(token.subject[0] != '\0');
		(void)idtoken_has_group(&token, "staff");
		idtoken_release(&token);
	}
	buf_release(&text);
	jwkset_free(set);
	return 0;
}
