/* Reading XML property lists; simple, for what servers send. */
#ifndef PLIST_H
#define PLIST_H

#include "base/buf.h"
#include "sim/forge/value.h"

/*
 * ERR_MALFORMED when it is not a property list. Dates come as text. Free
 * with value_free.
 */
int plist_parse(struct blob xml, struct value **out);

#endif
