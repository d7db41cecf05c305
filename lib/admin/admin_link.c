#include "admin/admin_link.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/settings.h"

/* Where profile-download serves links; the token follows. */
#define LINK_PATH "/enroll/manual/"

/* No device has a shorter serial number: somebody mistyped it. */
#define SERIAL_MIN 8

static int
refuse_serial(const char *serial)
{
	return fail(ERR_FIELD, "this is not a serial number: %s", serial);
}

static int
store(const struct admin_actor *actor, struct enrollment_link *link,
    char token[ENROLLMENT_LINKS_TOKEN_TEXT])
{
	bool closed;
	int r;

	if ((r = settings_get_bool(actor->db, actor->conf,
		 SETTINGS_BUSINESS_ONLY, &closed)) != OK)
		return r;
	if (closed)
		return fail(ERR_ENROLL_BUSINESS,
		    "links cannot be created while only Apple Business "
		    "enrollments are allowed");
	r = enrollment_links_create(
	    actor->db, link, actor->conf->link_hours, token);
	return r == ERR_FIELD ? refuse_serial(link->serial) : r;
}

/* Cuts nothing: what is too long is refused. */
static int
copy_text(const char *what, const char *text, char *out, size_t size)
{
	if (strlen(text) >= size)
		return fail(ERR_FIELD, "the %s is too long", what);
	snprintf(out, size, "%s", text);
	return OK;
}

int
admin_link_create(const struct admin_actor *actor, const char *serial,
    const char *note, struct enrollment_link *link,
    char url[ADMIN_LINK_URL_TEXT])
{
	char token[ENROLLMENT_LINKS_TOKEN_TEXT] = "";
	char *p;
	int r;

	url[0] = '\0';
	*link = (struct enrollment_link){ .id = "" };
	snprintf(link->created_by, sizeof link->created_by, "%s", actor->name);
	if ((r = copy_text("serial number", serial, link->serial,
		 sizeof link->serial)) != OK ||
	    (r = copy_text("note", note, link->note, sizeof link->note)) != OK)
		return r;
	if (*serial != '\0' && strlen(serial) < SERIAL_MIN)
		return refuse_serial(serial);
	for (p = link->serial; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) == OK)
		r = db_end(actor->db, store(actor, link, token));
	if (r == OK)
		snprintf(url, ADMIN_LINK_URL_TEXT, "%s%s%s", actor->conf->url,
		    LINK_PATH, token);
	secret_wipe(token, sizeof token);
	return r;
}

static int
revoke(const struct admin_actor *actor, const char *id)
{
	int r = enrollment_links_revoke(actor->db, id, actor->name);

	if (r == ERR_NOT_FOUND)
		return fail(r, "there is no link %s", id);
	if (r == ERR_CONFLICT)
		return fail(r,
		    "the device of link %s has enrolled, or the link was "
		    "revoked already",
		    id);
	return r;
}

int
admin_link_revoke(
    const struct admin_actor *actor, const char *const *ids, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_HOSTS, ids, n, revoke);
}
