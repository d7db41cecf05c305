/*
 * What a device reports of its last command: Status, CommandUUID and the result
 * (Apple: device management, "Sending MDM commands to a device").
 *
 * A report decides nothing about who a device is or what it may have, and the
 * device sends one that is refused again forever. So it is read as far as
 * possible: repaired where devices are known to write what XML does not allow,
 * or else only for its Status and CommandUUID.
 */
#ifndef MDM_REPORT_H
#define MDM_REPORT_H

#include "base/blob.h"
#include "base/buf.h"
#include "mdm/message.h"
#include "store/commands.h"

/* Larger results are not stored. */
#define REPORT_PLIST_MAX (16u << 20)

#define REPORT_STATUS_TEXT 65

struct report {
	/* "" when it is absent or cannot be found */
	char status[REPORT_STATUS_TEXT];
	char uuid[COMMANDS_UUID_TEXT];
	/* sound XML, for the database: the body or its repaired copy; n is 0
	 * when it could not be read as a whole */
	struct blob plist;
	struct buf repaired;
	/* how `plist` differs from what the device sent; "" when it does not */
	char note[COMMANDS_NOTE_TEXT];
};

/*
 * Reads the body of a report, which `out` borrows, into *m and *out. In a
 * report that cannot be read as a whole the document of *m is NULL, and its
 * UDID "" when there is none to be found. ERR_MDM_MESSAGE: what can be read of
 * it is not usable. The caller releases both in any case.
 */
int report_read(struct blob body, struct message *m, struct report *out);

/* The same for a body that was too large to be received. */
void report_too_large(struct report *out);

void report_release(struct report *r);

#endif
