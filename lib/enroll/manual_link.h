/*
 * The making of a one-time link for enrollment by hand. What becomes of it is
 * in enroll/link_profile.h.
 */
#ifndef ENROLL_MANUAL_LINK_H
#define ENROLL_MANUAL_LINK_H

#include "base/conf.h"
#include "store/enrollment_links.h"

/* Path of a link, with the token behind it. */
#define MANUAL_LINK_PATH "/enroll/manual/"

#define MANUAL_LINK_TEXT 1024

/* What an administrator says of a link; "" for any device, and for no note. */
struct manual_link_wish {
	const char *serial;
	const char *note;
	const char *actor;
};

/*
 * Makes a link of [manual] link_hours, for the serial number in capitals, in a
 * transaction of its own. Fills in *link, and `url`, a secret that nobody can
 * read again and that the caller wipes; "" on failure. ERR_ENROLL_BUSINESS:
 * only Apple Business enrollments are allowed; ERR_FIELD: this is no serial
 * number, or a note of more than 100 bytes.
 */
int manual_link_create(const struct conf *conf, struct db *db,
    const struct manual_link_wish *wish, struct enrollment_link *link,
    char url[MANUAL_LINK_TEXT]);

#endif
