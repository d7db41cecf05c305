/*
 * The enrollment profile as it is defined at Apple Business (Apple: "Define a
 * Profile"): where an assigned device finds this server, and what it may skip.
 * Not the configuration profile that the device gets here.
 */
#ifndef POLICY_ADE_DEFINITION_H
#define POLICY_ADE_DEFINITION_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/secret.h"
#include "store/ade_accounts.h"

/* Bytes of a definition, with eight certificates in it. */
#define ADE_DEFINITION_MAX ((size_t)256 << 10)

/* What an administrator may set; the defaults are ours. */
struct ade_definition_option {
	const char *name;
	/* as JSON; NULL: left out */
	const char *initial;
	/* what it is for, in a few words */
	const char *help;
};

/* Ends with an entry whose name is NULL. */
extern const struct ade_definition_option ade_definition_options[];

/*
 * Changes options, a JSON object as the database keeps it, by "NAME=VALUE";
 * "NAME=" forgets it. `out` is a new object of at most ADE_OPTIONS_TEXT - 1
 * bytes. ERR_FIELD, with the reason: no such option, or no such value.
 */
int ade_definition_set(
    const char *options, const char *assignment, struct buf *out);

/*
 * Appends the JSON of the definition, the same bytes for the same arguments, and
 * its digest, by which a change is seen. With `sign_in` devices open a page here
 * before they get their profile (Apple: configuration_web_url). ERR_CONFIG: the
 * authorities in [profile] server_ca cannot be read.
 */
int ade_definition_write(const struct conf *conf, bool sign_in,
    const char *options, struct buf *out, uint8_t sha256[SECRET_SHA256]);

/*
 * The same for the devices of an account now: by the options in its row and the
 * setting for sign-in. Errors of the database as well.
 */
int ade_definition_of(struct db *db, const struct conf *conf,
    const struct ade_account *account, struct buf *out,
    uint8_t sha256[SECRET_SHA256]);

/* Is the definition with this digest the account's at Apple Business? */
bool ade_definition_is_defined(
    const struct ade_account *account, const uint8_t sha256[SECRET_SHA256]);

#endif
