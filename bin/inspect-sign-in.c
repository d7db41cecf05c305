#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "bin/inspect.h"
#include "net/openid_client.h"
#include "store/settings.h"

/* Seconds that the provider's clock may differ: tokens are good for a minute
 * more or less. */
#define CLOCK_SECONDS 30

/* Whether people must sign in; false, too, when the database does not say. */
static bool
is_on(const struct conf *conf)
{
	struct db *db;
	bool on = false;

	if (db_open(conf->database, DB_READ_ONLY, &db) == OK)
		(void)settings_get_bool(db, conf, SETTINGS_SIGN_IN, &on);
	db_close(db);
	return on;
}

static void
inspect_provider(struct verdict *v, struct openid_client *c, bool on)
{
	int64_t seconds;
	int r = openid_client_probe(c);

	verdict_of(v, r, "sign-in", "%s answers, with %zu keys; %s",
	    c->conf->sign_in_issuer, r == OK ? jwkset_count(c->keys) : 0,
	    on ? "people must sign in" : "nobody has to sign in");
	seconds = llabs(c->clock_difference);
	if (r == OK && seconds > CLOCK_SECONDS)
		verdict_add(v, VERDICT_BAD, "sign-in",
		    "the clock of the identity provider is %" PRId64
		    " seconds %s: one of the two is wrong",
		    seconds, c->clock_difference > 0 ? "ahead" : "behind");
}

void
inspect_sign_in(struct verdict *v, const struct conf *conf)
{
	struct openid_client client;
	bool on = is_on(conf);
	int r;

	if (*conf->sign_in_issuer == '\0') {
		if (on)
			verdict_add(v, VERDICT_BAD, "sign-in",
			    "people must sign in, but [sign_in] names no "
			    "identity provider: no device can enroll by "
			    "Apple Business");
		return;
	}
	if ((r = openid_client_open(&client, conf)) == OK)
		inspect_provider(v, &client, on);
	else
		verdict_of(v, r, "sign-in", "%s", conf->sign_in_issuer);
	openid_client_close(&client);
}
