/*
 * Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above
 * U+10FFFF. And how untrusted text is shown to people, so that it can neither
 * control a terminal nor pass for other text.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

/*
 * The length, 1 to 4, of the well-formed sequence that starts at in.p[at];
 * 0 when there is none (at >= in.n included).
 */
size_t utf8_length(struct blob in, size_t at);

/* True when all of `in` is well formed; the empty text is. */
bool utf8_valid(struct blob in);

/*
 * utf8_length(), with the character in *character, which is left alone when the
 * result is 0.
 */
size_t utf8_decode(struct blob in, size_t at, uint32_t *character);

/*
 * False for characters that cannot be seen themselves but change how the text
 * around them is shown: controls (C0 with tab and line ends, DEL, C1),
 * directional marks and overrides, line and paragraph separators, and other
 * invisible ones. The joiners U+200C and U+200D, which some scripts and emoji
 * need, count as visible.
 */
bool utf8_is_visible(uint32_t character);

/* Room for what utf8_show() writes, with the NUL. */
#define UTF8_SHOWN 16

/*
 * Writes the character that starts at in.p[at] (at < in.n) as it may be shown:
 * as it is when it is visible, else as \xNN below U+0100 and for a byte that is
 * not UTF-8, and as \u{NNNN} above. Returns how many bytes of `in` it took.
 */
size_t utf8_show(struct blob in, size_t at, char out[UTF8_SHOWN]);

/* utf8_show() of a whole text, cut at a whole character to fit outlen. */
void utf8_show_all(struct blob in, char *out, size_t outlen);

/*
 * Appends the text with small letters for capitals, so that texts can be compared
 * whatever their case: of the Latin, Greek, Cyrillic and Armenian alphabets, one
 * letter for one letter, never longer. The same in every locale. Bytes that are
 * not UTF-8 stay. OK or buf's sticky code.
 */
int utf8_lower(struct blob in, struct buf *out);

#endif
