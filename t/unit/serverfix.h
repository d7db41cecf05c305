/* A server that has something of everything, for tests of what shows it. */
#ifndef UNIT_SERVERFIX_H
#define UNIT_SERVERFIX_H

#include "checkfix.h"

#include "store/commands.h"

/* Refused before it had an enrollment. */
#define SERVERFIX_STRANGER "C02CCCCCCCCC"
#define SERVERFIX_ADMIN    "zoe"
#define SERVERFIX_PASSWORD "correct horse battery"

struct serverfix {
	/* of the Mac with SERIAL_A, which is enrolled */
	char host[DB_ID_TEXT];
	char enrollment[DB_ID_TEXT];
	char certificate[DB_ID_TEXT];
	/* waits for it */
	char command[COMMANDS_UUID_TEXT];
	/* is open */
	char link[DB_ID_TEXT];
};

/*
 * Fills the database: in addition to *out, SERIAL_B is assigned, an alarm is open and
 * an administrator may sign in, whose password costs as little as yescrypt can.
 * Puts admin.key and scep-ca.pem, which nobody signs with, into the folder.
 */
void serverfix_make(void **state, struct serverfix *out);

/* Writes a file of the folder, for its owner alone. */
void serverfix_write(
    const struct storefix *fix, const char *name, const void *p, size_t n);

#endif
