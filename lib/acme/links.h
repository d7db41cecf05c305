/*
 * Every URL of the ACME server, written and read in one place. Apple's client
 * escapes a URL a second time, so none of ours holds anything but letters,
 * digits and "-_.:/".
 */
#ifndef ACME_LINKS_H
#define ACME_LINKS_H

#include <stdbool.h>

#include "store/db.h"

/* Room for any of our URLs; the server's own part must be this much shorter. */
#define LINKS_TEXT       1024
#define LINKS_SERVER_MAX 512

enum link {
	LINK_DIRECTORY,
	LINK_NEW_NONCE,
	LINK_NEW_ACCOUNT,
	LINK_NEW_ORDER,
	LINK_REVOKE_CERT,
	LINK_KEY_CHANGE,
	LINK_RENEWAL_INFO,
	/* These take an id. */
	LINK_ACCOUNT,
	LINK_ORDERS,
	LINK_ORDER,
	LINK_FINALIZE,
	LINK_AUTHORIZATION,
	LINK_CHALLENGE,
	LINK_CERTIFICATE,
};

/* `server` is the configuration's URL; `id` is NULL where none is needed. */
void links_write(char out[LINKS_TEXT], const char *server,
    const char *enrollment, enum link link, const char *id);

/* The page of the orders list that begins after `offset` orders. */
void links_write_orders_page(char out[LINKS_TEXT], const char *server,
    const char *enrollment, const char *account, int offset);

/*
 * The account id in a `kid`, which must be exactly what links_write() makes of
 * it for this server and enrollment; false otherwise.
 */
bool links_read_account(const char *server, const char *enrollment,
    const char *kid, char id[DB_ID_TEXT]);

/*
 * The enrollment in an undecoded request path "/acme/ID/…"; false when there
 * is none. The id is only a text of the right alphabet: it may be nobody's.
 */
bool links_read_enrollment(const char *path, char id[DB_ID_TEXT]);

#endif
