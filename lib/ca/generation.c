#include "ca/generation.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* DIR/acme-ca.pem → DIR/acme-ca.2.pem */
static void
name_file(const char *first, int number, char out[GENERATION_PATH])
{
	const char *slash = strrchr(first, '/');
	const char *end = strrchr(slash == NULL ? first : slash, '.');

	if (end == NULL)
		end = first + strlen(first);
	if (number == 1)
		snprintf(out, GENERATION_PATH, "%s", first);
	else
		snprintf(out, GENERATION_PATH, "%.*s.%d%s", (int)(end - first),
		    first, number, end);
}

void
generation_names(const struct conf *conf, enum generation_ca ca, int number,
    struct generation *out)
{
	bool acme = ca == GENERATION_ACME;
	const char *id = acme ? "acme" : "scep";

	out->number = number;
	name_file(acme ? conf->ca_key : conf->scep_ca_key, number, out->key);
	name_file(acme ? conf->ca_certificate : conf->scep_ca_certificate,
	    number, out->certificate);
	if (number == 1)
		snprintf(out->crl_file, GENERATION_CRL, "%s.crl", id);
	else
		snprintf(
		    out->crl_file, GENERATION_CRL, "%s-%d.crl", id, number);
}

bool
generation_exists(const struct generation *g)
{
	return access(g->certificate, F_OK) == 0;
}

void
generation_current(
    const struct conf *conf, enum generation_ca ca, struct generation *out)
{
	int number;

	for (number = GENERATIONS; number >= 1; number--) {
		generation_names(conf, ca, number, out);
		if (generation_exists(out))
			return;
	}
}

int
generation_find(const struct conf *conf, enum generation_ca ca,
    struct blob key_id, struct authority **out)
{
	struct generation g;
	int number;

	*out = NULL;
	for (number = GENERATIONS; number >= 1; number--) {
		generation_names(conf, ca, number, &g);
		if (!generation_exists(&g) ||
		    authority_load_certificate(g.certificate, out) != OK)
			continue;
		if (blob_eq(authority_key_id(*out), key_id))
			return OK;
		authority_free(*out);
		*out = NULL;
	}
	return fail(ERR_NOT_FOUND, "no CA here signed that certificate");
}
