#include "wire/attest.h"

#include <stdlib.h>

#include "base/log.h"
#include "wire/attchain.h"
#include "wire/attleaf.h"
#include "wire/attobj.h"
#include "wire/x509.h"

struct attest_roots {
	gnutls_x509_crt_t root;
};

static const struct attestation attest_nothing = {
	.sip = "unknown",
	.kernel_extensions = "unknown",
};

int
attest_roots_load(const char *path, struct attest_roots **out)
{
	struct attest_roots *roots;
	gnutls_x509_crt_t root = NULL;
	size_t n = 0;

	*out = NULL;
	if (x509_load(path, 1, &root, &n) != OK)
		return fail(ERR_CONFIG,
		    "attestation root %s is not one certificate", path);
	if (attchain_check_root(root) != OK) {
		x509_free(root);
		return fail(ERR_CONFIG, "attestation root %s is unfit", path);
	}
	if ((roots = calloc(1, sizeof *roots)) == NULL) {
		x509_free(root);
		return fail(ERR_NOMEM, "no memory for a root");
	}
	roots->root = root;
	*out = roots;
	return OK;
}

void
attest_roots_free(struct attest_roots *roots)
{
	if (roots == NULL)
		return;
	x509_free(roots->root);
	free(roots);
}

int
attest_verify(const struct attest_roots *roots, struct blob object,
    struct blob token, int64_t now, struct attestation *out)
{
	struct attestation read = attest_nothing;
	struct attchain chain = { .n = 0 };
	struct attobj parsed;
	int r;

	*out = read;
	if (object.n > ATTEST_OBJECT_MAX)
		return fail(
		    ERR_ATT_CBOR, "attestation object of %zu bytes", object.n);
	if ((r = attobj_parse(object, &parsed)) != OK ||
	    (r = attchain_parse(&parsed, roots->root, &chain)) != OK ||
	    (r = attchain_check(&chain, now)) != OK ||
	    (r = attleaf_check_freshness(chain.crts[0], token)) != OK ||
	    (r = attleaf_read(chain.crts[0], &read)) != OK)
		goto done;
	*out = read;
	read = attest_nothing;
done:
	attest_release(&read);
	attchain_release(&chain);
	return r;
}

void
attest_release(struct attestation *a)
{
	free((void *)(uintptr_t)a->spki.p);
	free((void *)(uintptr_t)a->leaf.p);
	*a = attest_nothing;
}
