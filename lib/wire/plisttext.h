/*
 * The strict scan of an XML property list that comes before libplist, which
 * accepts too much (doubled keys, broken base64, trailing bytes, any UTF-8)
 * and recurses without a bound. in_plist.h lists what is refused.
 */
#ifndef WIRE_PLISTTEXT_H
#define WIRE_PLISTTEXT_H

#include "base/blob.h"

/*
 * NULL when `in` is sound, else a few words that say what is wrong. Takes
 * time in proportion to n log n of its length.
 */
const char *plisttext_fault(struct blob in);

/* What plisttext_fault() gives when it cannot tell for lack of memory. */
extern const char plisttext_no_memory[];

#endif
