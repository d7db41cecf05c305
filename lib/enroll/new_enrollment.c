#include "enroll/new_enrollment.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

static int
settle(const char *noted, const char *configured,
    char out[ENROLLMENTS_PROFILE_TEXT])
{
	const char *text = noted[0] == '\0' ? configured : noted;
	int n = snprintf(out, ENROLLMENTS_PROFILE_TEXT, "%s", text);

	if (n >= ENROLLMENTS_PROFILE_TEXT)
		return fail(ERR_CONFIG, "too long for a profile: %s", text);
	return OK;
}

/* Notes what the profile says, and renewals of it will have to repeat. */
static int
settle_all(const struct conf *conf, const struct enrollment *renewed,
    struct enrollment *e)
{
	static const struct enrollment none = { .id = "" };
	int r;

	if (renewed == NULL)
		renewed = &none;
	if ((r = settle(renewed->server_url, conf->url, e->server_url)) != OK ||
	    (r = settle(renewed->topic, conf->topic, e->topic)) != OK)
		return r;
	return settle(renewed->profile_identifier, conf->profile_identifier,
	    e->profile_identifier);
}

int
new_enrollment_create(const struct conf *conf, struct db *db,
    const struct enrollment *renewed, int hours, struct new_enrollment *g)
{
	int r;

	g->challenge[0] = '\0';
	if ((r = settle_all(conf, renewed, &g->enrollment)) != OK ||
	    (r = enrollments_create(db, &g->enrollment, hours)) != OK ||
	    g->enrollment.method == ENROLLMENT_ACME)
		return r;
	return scep_challenges_create(db, g->enrollment.id, g->challenge);
}

void
new_enrollment_wipe(struct new_enrollment *g)
{
	secret_wipe(g->challenge, sizeof(g->challenge));
}
