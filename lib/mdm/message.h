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

struct message {
	struct in_plist *doc;
	/* borrowed from doc */
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
