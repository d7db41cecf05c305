/*
 * What check-in messages and command results have in common (Apple: device
 * management, "Check-in"): a property list and who speaks in it.
 */
#ifndef MDM_MESSAGE_H
#define MDM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"
#include "store/db.h"
#include "wire/in_plist.h"
#include "wire/plisthead.h"

struct message {
	/* NULL when the message could not be read as a whole, see
	 * message_take_head() */
	struct in_plist *doc;
	/* borrowed from doc, or NULL */
	const struct in_plist_node *root;
	/* hexadecimal digits and '-', in upper case: one spelling per device */
	char udid[DB_UDID_TEXT];
	/* A user of the device speaks, not the device itself. */
	bool user_channel;
};

/*
 * Reads a property list of at most `max` bytes that a device sent. Messages of
 * user enrollments (EnrollmentID) are refused, as is everything without exactly
 * one usable UDID. The caller releases. ERR_MDM_MESSAGE, ERR_TOO_LARGE.
 */
int message_parse(struct blob body, size_t max, struct message *out);

/*
 * message_parse() of a document that was read already. `doc` belongs to *out
 * afterwards; on failure it is freed. ERR_MDM_MESSAGE.
 */
int message_take(struct in_plist *doc, struct message *out);

/*
 * For a message that cannot be read as a whole: fills *out from its members
 * UDID, UserID and EnrollmentID. *out has no document, and its udid is "" when
 * the message has none. ERR_MDM_MESSAGE: a user enrollment, or a malformed
 * UDID.
 */
int message_take_head(const struct plisthead_member *udid,
    const struct plisthead_member *user,
    const struct plisthead_member *enrollment, struct message *out);

/* Does it have a MessageType, as check-in messages do and reports do not? */
bool message_is_checkin(struct blob body);

void message_release(struct message *m);

/*
 * An optional text of the root, "" when absent. ERR_MDM_MESSAGE when it is no
 * string or holds more than `max` bytes.
 */
int message_text(
    const struct message *m, const char *key, size_t max, const char **out);

/* An optional data of the root, empty when absent; the same error. */
int message_data(
    const struct message *m, const char *key, size_t max, struct blob *out);

#endif
