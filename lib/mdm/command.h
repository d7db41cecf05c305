/*
 * Commands as they are sent: a property list with Command and CommandUUID
 * (Apple: device management, "Commands").
 */
#ifndef MDM_COMMAND_H
#define MDM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"
#include "base/buf.h"
#include "store/commands.h"

struct command_text {
	char uuid[COMMANDS_UUID_TEXT];
	char request_type[DB_NAME_TEXT];
	struct buf plist;
	/* it installs a profile, which may hold secrets */
	bool needs_client_certificate;
};

void command_text_init(struct command_text *t);
void command_text_release(struct command_text *t);

/*
 * DeviceInformation for these `n` queries, or for the usual ones when n is 0.
 * A fresh CommandUUID. ERR_FIELD when a query is no word of letters.
 */
int command_device_information(
    const char *const *queries, size_t n, struct command_text *out);

/*
 * A command without parameters, such as SecurityInfo. ERR_FIELD when the name
 * is no word of letters.
 */
int command_simple(const char *request_type, struct command_text *out);

/*
 * Checks a whole command that an administrator wrote: a dict with Command, in
 * which RequestType is a word, and CommandUUID, a UUID. Its bytes are taken as
 * they are; a CommandUUID is added when there is none. At most
 * COMMANDS_PLIST_MAX bytes. ERR_MALFORMED, ERR_TOO_LARGE, ERR_FIELD.
 */
int command_read(struct blob plist, struct command_text *out);

/* Who queues what is asked of every device that enrolls. */
#define COMMAND_CHECKIN_SENDER "check-in"

/*
 * Queues a finished command, in a transaction. Codes of commands_enqueue().
 */
int command_enqueue(struct db *db, const char *host_id,
    const struct command_text *t, int priority, const char *created_by);

/*
 * ERR_FIELD when a finished command lacks a key that mdm/command_types.h says
 * devices require. OK also for a type that is not listed there.
 */
int command_check_keys(const struct command_text *t);

#endif
