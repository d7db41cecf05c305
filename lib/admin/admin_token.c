#include "admin/admin_token.h"

#include <stdio.h>

#include "base/log.h"

#define DAY 86400

/* Records the act if `r`, what the store returned for `name`, is OK; else says why. */
static int
finish(const struct admin_actor *actor, int r, const char *action,
    const char *name, const char *detail)
{
	switch (r) {
	case OK:
		return admin_actor_record(actor, action, detail);
	case ERR_EXISTS:
		return fail(r, "there is or was an API token %s", name);
	case ERR_NOT_FOUND:
		return fail(r, "there is no API token %s", name);
	case ERR_CONFLICT:
		return fail(r, "API token %s is revoked already", name);
	case ERR_FIELD:
		return fail(r,
		    "\"%s\" cannot be a token's name: it has 1 to 64 of A-Z "
		    "a-z 0-9 . _ -",
		    name);
	default:
		return r;
	}
}

int
admin_token_create(const struct admin_actor *actor, const char *name,
    enum admin_role role, int days, char text[API_TOKENS_TEXT])
{
	char detail[API_TOKENS_NAME_TEXT + 64];
	int r;

	text[0] = '\0';
	if (days < 1 || days > ADMIN_TOKEN_DAYS_MAX)
		return fail(ERR_FIELD, "the lifetime of a token is 1 to %d days",
		    ADMIN_TOKEN_DAYS_MAX);
	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_ADMINS)) != OK)
		return r;
	snprintf(detail, sizeof detail, "%s: %s, %d days", name,
	    admin_role_name(role), days);
	r = api_tokens_create(
	    actor->db, name, role, (int64_t)days * DAY, actor->name, text);
	r = db_end(actor->db, finish(actor, r, "token.add", name, detail));
	if (r != OK)
		secret_wipe(text, API_TOKENS_TEXT);
	return r;
}

static int
revoke(const struct admin_actor *actor, const char *name)
{
	return finish(actor, api_tokens_revoke(actor->db, name), "token.revoke",
	    name, name);
}

int
admin_token_revoke(
    const struct admin_actor *actor, const char *const *names, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_ADMINS, names, n, revoke);
}
