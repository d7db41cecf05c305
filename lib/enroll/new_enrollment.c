#include "enroll/new_enrollment.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/datum.h"
#include "store/push_certificate.h"

static int
copy(const char *renewed, const char *configured,
    char out[ENROLLMENTS_PROFILE_TEXT])
{
	const char *text = renewed[0] == '\0' ? configured : renewed;
	int n = snprintf(out, ENROLLMENTS_PROFILE_TEXT, "%s", text);

	if (n >= ENROLLMENTS_PROFILE_TEXT)
		return fail(ERR_CONFIG, "too long for a profile: %s", text);
	return OK;
}

/* A renewed profile keeps the topic that the device is pushed to with. */
static int
copy_topic(struct context *c, const struct enrollment *renewed,
    char out[ENROLLMENTS_PROFILE_TEXT])
{
	char topic[PUSH_CERTIFICATE_TOPIC_TEXT];
	int r;

	if (renewed->topic[0] != '\0')
		return copy(renewed->topic, "", out);
	if ((r = push_certificate_topic(c->db, c->conf, topic)) == ERR_NO_TOPIC)
		return fail(r, "there is no push certificate, and so no topic");
	return r == OK ? copy("", topic, out) : r;
}

int
new_enrollment_create(struct context *c, const struct enrollment *renewed,
    int hours, struct new_enrollment *new)
{
	static const struct enrollment none = { .id = "" };
	struct enrollment *e = &new->enrollment;
	const struct conf *conf = c->conf;
	int r;

	new->challenge[0] = '\0';
	snprintf(e->remote_address, sizeof e->remote_address, "%s",
	    c->remote_address == NULL ? "" : c->remote_address);
	if (renewed == NULL)
		renewed = &none;
	else
		COPY(e->account, renewed->account);
	if ((r = copy(renewed->server_url, conf->url, e->server_url)) != OK ||
	    (r = copy_topic(c, renewed, e->topic)) != OK ||
	    (r = copy(renewed->profile_identifier, conf->profile_identifier,
		 e->profile_identifier)) != OK ||
	    (r = enrollments_create(c->db, e, hours)) != OK)
		return r;
	memcpy(c->enrollment_id, e->id, sizeof c->enrollment_id);
	return e->method == ENROLLMENT_ACME
	    ? OK
	    : scep_challenges_create(c->db, e->id, new->challenge);
}

void
new_enrollment_wipe(struct new_enrollment *new)
{
	secret_wipe(new->challenge, sizeof new->challenge);
}
