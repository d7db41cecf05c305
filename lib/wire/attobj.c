#include "wire/attobj.h"

#include "base/log.h"
#include "wire/in_cbor.h"

/* The members of the outer map, as bits: each at most once. */
enum {
	ATTOBJ_FMT = 1,
	ATTOBJ_STATEMENT = 2,
	ATTOBJ_AUTH_DATA = 4,
};

static int
bad(const char *what)
{
	return fail(ERR_ATT_CBOR, "attestation object: %s", what);
}

static int
parse_fmt(struct blob *rest)
{
	struct blob fmt;

	if (!in_cbor_text(rest, &fmt))
		return bad("fmt is not a text string");
	if (!blob_eq_str(fmt, "apple"))
		return fail(
		    ERR_ATT_FORMAT, "attestation format is not \"apple\"");
	return OK;
}

static int
parse_x5c(struct blob *rest, struct attobj *out)
{
	uint64_t count;
	size_t n;

	if (!in_cbor_array(rest, &count))
		return bad("x5c is not an array");
	if (count == 0)
		return fail(ERR_ATT_NONE, "the device could not attest");
	if (count < 2 || count > ATTOBJ_CERTIFICATES)
		return fail(ERR_ATT_CHAIN, "x5c claims %llu certificates",
		    (unsigned long long)count);
	for (n = 0; n < count; n++) {
		if (!in_cbor_bytes(rest, &out->x5c[n]))
			return bad("x5c holds no byte string");
		if (out->x5c[n].n == 0 ||
		    out->x5c[n].n > ATTOBJ_CERTIFICATE_MAX)
			return fail(ERR_ATT_CHAIN,
			    "certificate %zu has %zu bytes", n, out->x5c[n].n);
	}
	out->n = n;
	return OK;
}

static int
parse_statement(struct blob *rest, struct attobj *out)
{
	struct blob key;
	uint64_t count;

	if (!in_cbor_map(rest, &count) || count != 1 ||
	    !in_cbor_text(rest, &key) || !blob_eq_str(key, "x5c"))
		return bad("attStmt is not a map with x5c alone");
	return parse_x5c(rest, out);
}

/* One pair of the outer map; its bit is set in *seen. */
static int
parse_pair(struct blob *rest, unsigned *seen, struct attobj *out)
{
	struct blob key, ignored;
	unsigned bit;
	int r = OK;

	if (!in_cbor_text(rest, &key))
		return bad("a name is not a text string");
	if (blob_eq_str(key, "fmt")) {
		bit = ATTOBJ_FMT;
		r = parse_fmt(rest);
	} else if (blob_eq_str(key, "attStmt")) {
		bit = ATTOBJ_STATEMENT;
		r = parse_statement(rest, out);
	} else if (blob_eq_str(key, "authData")) {
		bit = ATTOBJ_AUTH_DATA;
		if (!in_cbor_bytes(rest, &ignored))
			r = bad("authData is not a byte string");
	} else {
		return bad("a name is unknown");
	}
	if (r == OK && (*seen & bit) != 0)
		r = bad("a name comes twice");
	*seen |= bit;
	return r;
}

int
attobj_parse(struct blob object, struct attobj *out)
{
	struct attobj parsed = { .n = 0 };
	unsigned seen = 0;
	uint64_t count, i;
	int r;

	*out = parsed;
	if (!in_cbor_map(&object, &count))
		return bad("not a map");
	/* No name twice and none unknown: after three pairs the next fails. */
	for (i = 0; i < count; i++) {
		if ((r = parse_pair(&object, &seen, &parsed)) != OK)
			return r;
	}
	if ((seen & ATTOBJ_FMT) == 0 || (seen & ATTOBJ_STATEMENT) == 0)
		return bad("fmt or attStmt is missing");
	if (object.n != 0)
		return bad("bytes after the end");
	*out = parsed;
	return OK;
}
