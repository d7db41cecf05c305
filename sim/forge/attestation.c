#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/attestation.h"
#include "sim/forge/cbor.h"
#include "sim/forge/der.h"

#define ATTESTATION_CHAIN 5

/* The elements of x5c; those not owned here are borrowed from a CA. */
struct attestation_chain {
	struct blob x5c[ATTESTATION_CHAIN];
	size_t n;
};

static void
attestation_push(struct attestation_chain *c, struct blob der)
{
	if (c->n < ATTESTATION_CHAIN)
		c->x5c[c->n++] = der;
}

static const char *
attestation_format(const struct faults *k)
{
	if (fault_on(k, FAULT_FMT_PACKED))
		return "packed";
	if (fault_on(k, FAULT_FMT_NONE))
		return "none";
	if (fault_on(k, FAULT_FMT_CASE))
		return "Apple";
	return "apple";
}

static void
attestation_array(
    const struct attestation_chain *c, const struct faults *k, struct buf *out)
{
	if (fault_on(k, FAULT_CBOR_HUGE_ARRAY)) {
		cbor_long_head(out, CBOR_ARRAY, UINT32_C(1) << 31);
		return;
	}
	if (fault_on(k, FAULT_CBOR_DEEP)) {
		cbor_head(out, CBOR_ARRAY, 2);
		for (size_t i = 0; i < 3000; i++)
			cbor_head(out, CBOR_ARRAY, 1);
		cbor_head(out, CBOR_ARRAY, 0);
		return;
	}
	if (fault_on(k, FAULT_CBOR_INDEFINITE))
		cbor_open(out, CBOR_ARRAY);
	else if (fault_on(k, FAULT_CBOR_NONMINIMAL))
		cbor_long_head(out, CBOR_ARRAY, (uint32_t)c->n);
	else
		cbor_head(out, CBOR_ARRAY, c->n);
	for (size_t i = 0; i < c->n; i++) {
		cbor_head(out,
		    i == 0 && fault_on(k, FAULT_CBOR_TEXT_CERTIFICATE)
			? CBOR_TEXT
			: CBOR_BYTES,
		    c->x5c[i].n);
		buf_add_blob(out, c->x5c[i]);
	}
	if (fault_on(k, FAULT_CBOR_INDEFINITE))
		cbor_break(out);
}

static void
attestation_write(
    const struct attestation_chain *c, const struct faults *k, struct buf *out)
{
	bool twice = fault_on(k, FAULT_CBOR_DUPLICATE_KEY);
	bool extra = fault_on(k, FAULT_CBOR_EXTRA_KEY);
	bool statement = fault_on(k, FAULT_CBOR_STATEMENT_KEY);

	if (fault_on(k, FAULT_CBOR_TAG))
		cbor_head(out, CBOR_TAG, 55799);
	cbor_head(out, CBOR_MAP, twice || extra ? 3 : 2);
	cbor_text(out, "fmt");
	cbor_text(out, attestation_format(k));
	if (twice) {
		cbor_text(out, "fmt");
		cbor_text(out, attestation_format(k));
	}
	cbor_text(out, "attStmt");
	cbor_head(out, CBOR_MAP, statement ? 2 : 1);
	cbor_text(out, "x5c");
	attestation_array(c, k, out);
	if (statement) {
		cbor_text(out, "sig");
		cbor_bytes(out, blob_str("0123456789"));
	}
	if (extra) {
		cbor_text(out, "surplus");
		cbor_text(out, "value");
	}
	if (fault_on(k, FAULT_CBOR_TRAILING))
		buf_add_byte(out, 0);
	if (fault_on(k, FAULT_CBOR_TRUNCATED) && out->n > 0)
		out->n--;
}

void
attestation_failed(struct buf *out)
{
	struct attestation_chain none = { .n = 0 };

	attestation_write(&none, NULL, out);
}

/* Makes the certificate that signs the leaf, when it is not the sub CA. */
static int
attestation_odd_issuer(
    struct apple *apple, const struct faults *k, struct ca *out)
{
	int64_t now = clock_now();
	struct ca_plan plan = {
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Sub CA 1"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = now - 10 * (int64_t)CERT_DAY,
		.not_after = now + 10 * (int64_t)CERT_DAY,
		.path_len = 0,
		.issuer = &apple->attestation_root,
	};

	if (fault_on(k, FAULT_INTERMEDIATE_WRONG_KEY))
		plan.issuer = NULL;
	if (fault_on(k, FAULT_EXPIRED_INTERMEDIATE))
		plan.not_after = now - CERT_DAY;
	if (fault_on(k, FAULT_INTERMEDIATE_NO_SIGNING))
		plan.path_len = CA_NO_SIGNING;
	return ca_make(&plan, out);
}

/* A genuine leaf of another device whose key then signs ours. */
static int
attestation_leaf_issuer(
    struct apple *apple, const struct leaf *leaf, struct ca *out)
{
	struct leaf other = *leaf;
	struct buf der;
	int rc = keypair_make("P-384", &out->key);

	if (rc != OK)
		return rc;
	other.key = out->key;
	other.faults = NULL;
	buf_init(&der, DER_MAX);
	rc = leaf_make(&other, &apple->attestation_sub, &der);
	if (rc == OK)
		rc = ca_set_der(out, buf_blob(&der));
	buf_release(&der);
	return rc;
}

static bool
attestation_is_odd(const struct faults *k)
{
	return fault_on(k, FAULT_INTERMEDIATE_WRONG_KEY) ||
	    fault_on(k, FAULT_EXPIRED_INTERMEDIATE) ||
	    fault_on(k, FAULT_INTERMEDIATE_NO_SIGNING);
}

static void
attestation_arrange(const struct apple *apple, const struct ca *issuer,
    const struct faults *k, struct blob leaf, struct attestation_chain *c)
{
	struct blob root = buf_blob(&apple->attestation_root.der);
	struct blob sub = buf_blob(&issuer->der);

	if (fault_on(k, FAULT_ROOT_AS_LEAF))
		attestation_push(c, root);
	else if (fault_on(k, FAULT_INTERMEDIATE_AS_LEAF))
		attestation_push(c, sub);
	else if (fault_on(k, FAULT_REVERSED_CHAIN))
		attestation_push(c, sub);
	else
		attestation_push(c, leaf);
	if (fault_on(k, FAULT_REVERSED_CHAIN))
		attestation_push(c, leaf);
	else if (fault_on(k, FAULT_INTERMEDIATE_AS_LEAF))
		attestation_push(c, root);
	else if (!fault_on(k, FAULT_MISSING_INTERMEDIATE))
		attestation_push(c, sub);
	if (fault_on(k, FAULT_LEAF_SIGNED_BY_LEAF))
		attestation_push(c, buf_blob(&apple->attestation_sub.der));
	if (fault_on(k, FAULT_SELF_ROOT_IN_X5C))
		attestation_push(c, root);
	while (fault_on(k, FAULT_FIVE_CERTIFICATES) && c->n < 5)
		attestation_push(c, sub);
}

static int
attestation_under(struct apple *apple, const struct leaf *leaf, struct buf *out)
{
	const struct faults *k = leaf->faults;
	struct attestation_chain chain = { .n = 0 };
	struct ca odd, *issuer = &apple->attestation_sub;
	struct buf der;
	int rc = OK;

	ca_init(&odd);
	buf_init(&der, DER_MAX);
	if (attestation_is_odd(k)) {
		rc = attestation_odd_issuer(apple, k, &odd);
		issuer = &odd;
	} else if (fault_on(k, FAULT_LEAF_SIGNED_BY_LEAF)) {
		rc = attestation_leaf_issuer(apple, leaf, &odd);
		issuer = &odd;
	}
	if (rc == OK)
		rc = leaf_make(leaf, issuer, &der);
	if (rc == OK) {
		attestation_arrange(apple, issuer, k, buf_blob(&der), &chain);
		attestation_write(&chain, k, out);
		rc = buf_status(out);
	}
	buf_release(&der);
	ca_release(&odd);
	return rc;
}

int
attestation_make(struct apple *apple, const struct leaf *leaf, struct buf *out)
{
	struct apple foreign;
	int rc;

	if (!fault_on(leaf->faults, FAULT_FOREIGN_ROOT) &&
	    !fault_on(leaf->faults, FAULT_SELF_ROOT_IN_X5C))
		return attestation_under(apple, leaf, out);
	apple_init(&foreign);
	rc = apple_make_attestation(&foreign);
	if (rc == OK)
		rc = attestation_under(&foreign, leaf, out);
	apple_release(&foreign);
	return rc;
}
