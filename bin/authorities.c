#include "bin/authorities.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca/crl.h"

#define AUTHORITIES_YEARS 10

void
authorities_of(const struct conf *conf, struct authorities_one out[AUTHORITIES])
{
	out[0] = (struct authorities_one){ .name = "CA",
		.key = conf->ca_key,
		.certificate = conf->ca_certificate,
		.common_name = "Device Identity CA",
		.kind = KEY_P384,
		.crl_file = CRL_FILE_ACME };
	out[1] = (struct authorities_one){ .name = "SCEP CA",
		.key = conf->scep_ca_key,
		.certificate = conf->scep_ca_certificate,
		.common_name = "Device SCEP CA",
		.kind = KEY_RSA_3072,
		.crl_file = CRL_FILE_SCEP };
}

const struct authorities_one *
authorities_find(
    const struct authorities_one all[AUTHORITIES], struct blob issuer_key_id)
{
	struct authority *ca;
	bool found;
	size_t i;

	for (i = 0; i < AUTHORITIES; i++) {
		if (authority_load_certificate(all[i].certificate, &ca) != OK)
			continue;
		found = blob_eq(authority_key_id(ca), issuer_key_id);
		authority_free(ca);
		if (found)
			return &all[i];
	}
	return NULL;
}

int
authorities_create(const struct authorities_one *one,
    const struct owners *owners, const char *organization)
{
	int r;

	r = authority_create(one->key, one->certificate, one->common_name,
	    organization, one->kind, AUTHORITIES_YEARS);
	if (r != OK || key_is_url(one->key))
		return r;
	return owners_give(owners, one->key, owners->ca, 0600);
}

int
authorities_publish(
    const struct authorities_one *one, struct db *db, const char *state)
{
	struct authority *ca;
	int r;

	if ((r = authority_load(one->key, one->certificate, &ca)) == OK)
		r = crl_publish(db, ca, state, one->crl_file, clock_now());
	authority_free(ca);
	return r;
}
