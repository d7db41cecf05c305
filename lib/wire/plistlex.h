/*
 * Which characters and scalar texts an XML property list may have, for both the
 * strict scan (plisttext.h) and the repair (plistmend.h).
 */
#ifndef WIRE_PLISTLEX_H
#define WIRE_PLISTLEX_H

#include <stdbool.h>

#include "base/blob.h"

bool plistlex_is_space(uint8_t c);

/*
 * May the character occur in text? As XML 1.0 section 2.2 says, but without
 * U+007F, which XML only discourages.
 */
bool plistlex_is_char(uint32_t c);

/*
 * The number of a character reference, given without '&' and ';': "#65" or
 * "#x41". 0, which is no character, when it is malformed.
 */
uint32_t plistlex_reference(struct blob name);

/* -?digits within int64_t, without a leading zero. */
bool plistlex_is_integer(struct blob text);

/* [+-]digits[.digits][(e|E)[+-]digits], at most 40 bytes. */
bool plistlex_is_real(struct blob text);

/* 2026-11-23T21:30:00Z */
bool plistlex_is_date(struct blob text);

/* Base64 with padding (RFC 4648 section 4); white space may stand anywhere. */
bool plistlex_is_data(struct blob text);

#endif
