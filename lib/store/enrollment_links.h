/*
 * One-time links for link enrollment. Whoever has the link gets one profile;
 * looking at its page does not use it up.
 */
#ifndef STORE_ENROLLMENT_LINKS_H
#define STORE_ENROLLMENT_LINKS_H

#include "store/cursor.h"
#include "store/db.h"

/* Text of the token in a link, with its NUL. */
#define ENROLLMENT_LINKS_TOKEN_TEXT DB_ID_TEXT

enum enrollment_link_state {
	ENROLLMENT_LINK_OPEN,
	ENROLLMENT_LINK_USED,
	ENROLLMENT_LINK_REVOKED,
	ENROLLMENT_LINK_EXPIRED,
};

struct enrollment_link {
	/* names the link to administrators; not the token */
	char id[DB_ID_TEXT];
	/* the only device that may use it; "": any */
	char serial[DB_SERIAL_TEXT];
	/* an administrator's words; may be "" */
	char note[DB_NAME_TEXT];
	int64_t created_at;
	char created_by[DB_ACTOR_TEXT];
	int64_t expires_at;
	/* 0: not yet */
	int64_t used_at;
	int64_t revoked_at;
	/* "" until used */
	char enrollment_id[DB_ID_TEXT];
	/* used, and its device has not enrolled yet */
	bool pending;
};

struct enrollment_link_list {
	struct enrollment_link *rows;
	size_t n;
	/* "" after the last page */
	char next[CURSOR_TEXT];
};

/*
 * Stores a link from link's serial, note and created_by that lives `hours`;
 * writes the activity "enrollment-link.create". Sets the other fields of *link
 * and the token, which nobody can read again. ERR_FIELD when the serial number
 * is not "" or as hosts_is_serial() says.
 */
int enrollment_links_create(struct db *db, struct enrollment_link *link,
    int hours, char token[ENROLLMENT_LINKS_TOKEN_TEXT]);

/* Whatever its state. ERR_NOT_FOUND. */
int enrollment_links_load(
    struct db *db, const char *token, struct enrollment_link *out);

enum enrollment_link_state enrollment_links_state(
    const struct enrollment_link *link, int64_t now);

/* "open", "used", "revoked" or "expired". */
const char *enrollment_links_state_name(enum enrollment_link_state state);

/* Open → used for this enrollment, else ERR_CONFLICT. */
int enrollment_links_use(
    struct db *db, const char *id, const char *enrollment_id);

/*
 * Open or expired → revoked; used → revoked together with what came of it, as
 * long as the device has not enrolled. With the activity
 * "enrollment-link.revoke".
 * ERR_NOT_FOUND; ERR_CONFLICT: it has, or the link was revoked before.
 */
int enrollment_links_revoke(struct db *db, const char *id, const char *actor);

/*
 * Newest first. `cursor` is `next` of the page before; NULL and "": from the
 * beginning. ERR_FIELD: it is none.
 */
int enrollment_links_list(struct db *db, const char *cursor, int limit,
    struct enrollment_link_list *out);
void enrollment_links_list_release(struct enrollment_link_list *list);

/* Deletes at most `limit` that ended 30 days ago. */
int enrollment_links_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
