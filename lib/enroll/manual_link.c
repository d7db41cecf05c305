#include "enroll/manual_link.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "store/settings.h"

static int
store(const struct conf *conf, struct db *db, struct enrollment_link *link,
    char token[ENROLLMENT_LINKS_TOKEN_TEXT])
{
	bool closed;
	int r;

	if ((r = settings_get_bool(
		 db, conf, SETTINGS_BUSINESS_ONLY, &closed)) != OK)
		return r;
	if (closed)
		return fail(ERR_ENROLL_BUSINESS,
		    "no links while only Apple Business enrollments are "
		    "allowed");
	r = enrollment_links_create(db, link, conf->link_hours, token);
	if (r == ERR_FIELD)
		return fail(r, "this is no serial number: %s", link->serial);
	return r;
}

/* Cuts nothing: what is too long is refused. */
static int
take(const char *what, const char *text, char *out, size_t size)
{
	if (strlen(text) >= size)
		return fail(ERR_FIELD, "the %s is too long", what);
	snprintf(out, size, "%s", text);
	return OK;
}

static int
read_wish(const struct manual_link_wish *wish, struct enrollment_link *link)
{
	char *p;
	int r;

	*link = (struct enrollment_link){ .id = "" };
	if ((r = take("serial number", wish->serial, link->serial,
		 sizeof(link->serial))) != OK ||
	    (r = take("note", wish->note, link->note, sizeof(link->note))) !=
		OK)
		return r;
	snprintf(link->created_by, sizeof(link->created_by), "%s", wish->actor);
	for (p = link->serial; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return OK;
}

int
manual_link_create(const struct conf *conf, struct db *db,
    const struct manual_link_wish *wish, struct enrollment_link *link,
    char url[MANUAL_LINK_TEXT])
{
	char token[ENROLLMENT_LINKS_TOKEN_TEXT] = "";
	int r;

	url[0] = '\0';
	if ((r = read_wish(wish, link)) != OK || (r = db_begin(db)) != OK)
		return r;
	if ((r = store(conf, db, link, token)) == OK)
		r = db_commit(db);
	db_rollback(db);
	if (r == OK)
		snprintf(url, MANUAL_LINK_TEXT, "%s%s%s", conf->url,
		    MANUAL_LINK_PATH, token);
	secret_wipe(token, sizeof(token));
	return r;
}
