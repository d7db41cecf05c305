#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/sim_attest.h"
#include "sim/sim_cbor.h"
#include "sim/sim_der.h"

#define SIM_ATTEST_CHAIN 5

/* The elements of x5c; those not owned here are borrowed from a CA. */
struct sim_attest_chain {
	struct blob x5c[SIM_ATTEST_CHAIN];
	size_t n;
};

static void
sim_attest_push(struct sim_attest_chain *c, struct blob der)
{
	if (c->n < SIM_ATTEST_CHAIN)
		c->x5c[c->n++] = der;
}

static const char *
sim_attest_format(const struct sim_knobs *k)
{
	if (sim_knob_on(k, SIM_KNOB_FMT_PACKED))
		return "packed";
	if (sim_knob_on(k, SIM_KNOB_FMT_NONE))
		return "none";
	if (sim_knob_on(k, SIM_KNOB_FMT_CASE))
		return "Apple";
	return "apple";
}

static void
sim_attest_array(const struct sim_attest_chain *c, const struct sim_knobs *k,
    struct buf *out)
{
	if (sim_knob_on(k, SIM_KNOB_CBOR_HUGE_ARRAY)) {
		sim_cbor_long_head(out, SIM_CBOR_ARRAY, UINT32_C(1) << 31);
		return;
	}
	if (sim_knob_on(k, SIM_KNOB_CBOR_DEEP)) {
		sim_cbor_head(out, SIM_CBOR_ARRAY, 2);
		for (size_t i = 0; i < 3000; i++)
			sim_cbor_head(out, SIM_CBOR_ARRAY, 1);
		sim_cbor_head(out, SIM_CBOR_ARRAY, 0);
		return;
	}
	if (sim_knob_on(k, SIM_KNOB_CBOR_INDEFINITE))
		sim_cbor_open(out, SIM_CBOR_ARRAY);
	else if (sim_knob_on(k, SIM_KNOB_CBOR_NONMINIMAL))
		sim_cbor_long_head(out, SIM_CBOR_ARRAY, (uint32_t)c->n);
	else
		sim_cbor_head(out, SIM_CBOR_ARRAY, c->n);
	for (size_t i = 0; i < c->n; i++) {
		sim_cbor_head(out,
		    i == 0 && sim_knob_on(k, SIM_KNOB_CBOR_TEXT_CERTIFICATE)
			? SIM_CBOR_TEXT
			: SIM_CBOR_BYTES,
		    c->x5c[i].n);
		buf_add_blob(out, c->x5c[i]);
	}
	if (sim_knob_on(k, SIM_KNOB_CBOR_INDEFINITE))
		sim_cbor_break(out);
}

static void
sim_attest_write(const struct sim_attest_chain *c, const struct sim_knobs *k,
    struct buf *out)
{
	bool twice = sim_knob_on(k, SIM_KNOB_CBOR_DUPLICATE_KEY);
	bool extra = sim_knob_on(k, SIM_KNOB_CBOR_EXTRA_KEY);
	bool statement = sim_knob_on(k, SIM_KNOB_CBOR_STATEMENT_KEY);

	if (sim_knob_on(k, SIM_KNOB_CBOR_TAG))
		sim_cbor_head(out, SIM_CBOR_TAG, 55799);
	sim_cbor_head(out, SIM_CBOR_MAP, twice || extra ? 3 : 2);
	sim_cbor_text(out, "fmt");
	sim_cbor_text(out, sim_attest_format(k));
	if (twice) {
		sim_cbor_text(out, "fmt");
		sim_cbor_text(out, sim_attest_format(k));
	}
	sim_cbor_text(out, "attStmt");
	sim_cbor_head(out, SIM_CBOR_MAP, statement ? 2 : 1);
	sim_cbor_text(out, "x5c");
	sim_attest_array(c, k, out);
	if (statement) {
		sim_cbor_text(out, "sig");
		sim_cbor_bytes(out, blob_str("0123456789"));
	}
	if (extra) {
		sim_cbor_text(out, "surplus");
		sim_cbor_text(out, "value");
	}
	if (sim_knob_on(k, SIM_KNOB_CBOR_TRAILING))
		buf_add_byte(out, 0);
	if (sim_knob_on(k, SIM_KNOB_CBOR_TRUNCATED) && out->n > 0)
		out->n--;
}

void
sim_attest_failed(struct buf *out)
{
	struct sim_attest_chain none = { .n = 0 };

	sim_attest_write(&none, NULL, out);
}

/* Makes the certificate that signs the leaf, when it is not the sub CA. */
static int
sim_attest_odd_issuer(
    struct sim_apple *apple, const struct sim_knobs *k, struct sim_ca *out)
{
	int64_t now = clock_now();
	struct sim_ca_plan plan = {
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Sub CA 1"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = now - 10 * (int64_t)SIM_CERT_DAY,
		.not_after = now + 10 * (int64_t)SIM_CERT_DAY,
		.path_len = 0,
		.issuer = &apple->attestation_root,
	};

	if (sim_knob_on(k, SIM_KNOB_INTERMEDIATE_WRONG_KEY))
		plan.issuer = NULL;
	if (sim_knob_on(k, SIM_KNOB_EXPIRED_INTERMEDIATE))
		plan.not_after = now - SIM_CERT_DAY;
	if (sim_knob_on(k, SIM_KNOB_INTERMEDIATE_NO_SIGNING))
		plan.path_len = SIM_CA_NO_SIGNING;
	return sim_ca_make(&plan, out);
}

/* A genuine leaf of another device whose key then signs ours. */
static int
sim_attest_leaf_issuer(
    struct sim_apple *apple, const struct sim_leaf *leaf, struct sim_ca *out)
{
	struct sim_leaf other = *leaf;
	struct buf der;
	int rc = sim_key_make("P-384", &out->key);

	if (rc != OK)
		return rc;
	other.key = out->key;
	other.knobs = NULL;
	buf_init(&der, SIM_DER_MAX);
	rc = sim_leaf_make(&other, &apple->attestation_sub, &der);
	if (rc == OK)
		rc = sim_ca_set_der(out, buf_blob(&der));
	buf_release(&der);
	return rc;
}

static bool
sim_attest_is_odd(const struct sim_knobs *k)
{
	return sim_knob_on(k, SIM_KNOB_INTERMEDIATE_WRONG_KEY) ||
	    sim_knob_on(k, SIM_KNOB_EXPIRED_INTERMEDIATE) ||
	    sim_knob_on(k, SIM_KNOB_INTERMEDIATE_NO_SIGNING);
}

static void
sim_attest_arrange(const struct sim_apple *apple, const struct sim_ca *issuer,
    const struct sim_knobs *k, struct blob leaf, struct sim_attest_chain *c)
{
	struct blob root = buf_blob(&apple->attestation_root.der);
	struct blob sub = buf_blob(&issuer->der);

	if (sim_knob_on(k, SIM_KNOB_ROOT_AS_LEAF))
		sim_attest_push(c, root);
	else if (sim_knob_on(k, SIM_KNOB_INTERMEDIATE_AS_LEAF))
		sim_attest_push(c, sub);
	else if (sim_knob_on(k, SIM_KNOB_REVERSED_CHAIN))
		sim_attest_push(c, sub);
	else
		sim_attest_push(c, leaf);
	if (sim_knob_on(k, SIM_KNOB_REVERSED_CHAIN))
		sim_attest_push(c, leaf);
	else if (sim_knob_on(k, SIM_KNOB_INTERMEDIATE_AS_LEAF))
		sim_attest_push(c, root);
	else if (!sim_knob_on(k, SIM_KNOB_MISSING_INTERMEDIATE))
		sim_attest_push(c, sub);
	if (sim_knob_on(k, SIM_KNOB_LEAF_SIGNED_BY_LEAF))
		sim_attest_push(c, buf_blob(&apple->attestation_sub.der));
	if (sim_knob_on(k, SIM_KNOB_SELF_ROOT_IN_X5C))
		sim_attest_push(c, root);
	while (sim_knob_on(k, SIM_KNOB_FIVE_CERTIFICATES) && c->n < 5)
		sim_attest_push(c, sub);
}

static int
sim_attest_under(
    struct sim_apple *apple, const struct sim_leaf *leaf, struct buf *out)
{
	const struct sim_knobs *k = leaf->knobs;
	struct sim_attest_chain chain = { .n = 0 };
	struct sim_ca odd, *issuer = &apple->attestation_sub;
	struct buf der;
	int rc = OK;

	sim_ca_init(&odd);
	buf_init(&der, SIM_DER_MAX);
	if (sim_attest_is_odd(k)) {
		rc = sim_attest_odd_issuer(apple, k, &odd);
		issuer = &odd;
	} else if (sim_knob_on(k, SIM_KNOB_LEAF_SIGNED_BY_LEAF)) {
		rc = sim_attest_leaf_issuer(apple, leaf, &odd);
		issuer = &odd;
	}
	if (rc == OK)
		rc = sim_leaf_make(leaf, issuer, &der);
	if (rc == OK) {
		sim_attest_arrange(apple, issuer, k, buf_blob(&der), &chain);
		sim_attest_write(&chain, k, out);
		rc = buf_status(out);
	}
	buf_release(&der);
	sim_ca_release(&odd);
	return rc;
}

int
sim_attest_make(
    struct sim_apple *apple, const struct sim_leaf *leaf, struct buf *out)
{
	struct sim_apple foreign;
	int rc;

	if (!sim_knob_on(leaf->knobs, SIM_KNOB_FOREIGN_ROOT) &&
	    !sim_knob_on(leaf->knobs, SIM_KNOB_SELF_ROOT_IN_X5C))
		return sim_attest_under(apple, leaf, out);
	sim_apple_init(&foreign);
	rc = sim_apple_make_attestation(&foreign);
	if (rc == OK)
		rc = sim_attest_under(&foreign, leaf, out);
	sim_apple_release(&foreign);
	return rc;
}
