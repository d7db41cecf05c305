/*
 * Reads untrusted JSON (RFC 8259).
 *
 * A validator of our own sees the bytes before json-c does, for json-c lets
 * through duplicate names, single quotes, NaN, raw control characters, broken
 * UTF-8 and lone surrogates, clips large integers and cuts a name at \u0000.
 * None of these gets past in_json_parse(), so the same bytes mean the same to
 * every reader.
 */
#ifndef WIRE_IN_JSON_H
#define WIRE_IN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

/* The longest text that in_json_parse() looks at; callers bound it further. */
#define IN_JSON_MAX (4 * 1024 * 1024)

/* The largest max_depth. */
#define IN_JSON_DEPTH_MAX 32

/*
 * A document or one value inside it. Only what in_json_parse() gave is freed;
 * what the getters give is borrowed from it.
 */
struct json;

/*
 * Parses one object or array followed by nothing but white space.
 * `max_depth` is 1 for an object that holds only scalars. Free with
 * in_json_free(). ERR_MALFORMED for anything that is not strict JSON, nests
 * deeper, names a member twice, holds U+0000, an integer outside int64 or a
 * number that is not finite; ERR_TOO_LARGE, ERR_NOMEM.
 */
int in_json_parse(struct blob text, unsigned max_depth, struct json **out);

/* The same, and ERR_MALFORMED when it is not an object. */
int in_json_parse_object(
    struct blob text, unsigned max_depth, struct json **out);

void in_json_free(struct json *doc);

/* True when the object has a member of that name, null included. */
bool in_json_has(const struct json *object, const char *name);

/* True when it has one and the member is a text. */
bool in_json_has_string(const struct json *object, const char *name);

/*
 * Getters of one member. All answer ERR_MALFORMED, logged with the name, when
 * the member is absent or of another type (null is another type). For an
 * optional member ask in_json_has() first, or use in_json_opt_string().
 */

/* The unescaped text: UTF-8, no NUL inside, followed by a NUL; may be empty. */
int in_json_string(
    const struct json *object, const char *name, struct blob *out);

/* OK and an empty blob with p == NULL when absent; otherwise as above. */
int in_json_opt_string(
    const struct json *object, const char *name, struct blob *out);

/* A number without fraction or exponent between min and max. */
int in_json_int(const struct json *object, const char *name, int64_t min,
    int64_t max, int64_t *out);

/*
 * Seconds since 1970, of which a fraction is cut off (RFC 7519 section 2,
 * NumericDate). min and max are whole numbers of less than 2^53.
 */
int in_json_seconds(const struct json *object, const char *name, int64_t min,
    int64_t max, int64_t *out);

int in_json_bool(const struct json *object, const char *name, bool *out);
int in_json_object(
    const struct json *object, const char *name, struct json **out);
int in_json_array(
    const struct json *object, const char *name, struct json **out);

/* The number of elements of an array, or of members of an object. */
size_t in_json_count(const struct json *node);

/* True when the node is an object; an array otherwise, or a scalar. */
bool in_json_is_object(const struct json *node);

enum in_json_type {
	IN_JSON_NULL,
	IN_JSON_BOOL,
	IN_JSON_NUMBER,
	IN_JSON_STRING,
	IN_JSON_ARRAY,
	IN_JSON_OBJECT,
};

/*
 * Member number i of an object, in the order of the text: its name, without a
 * NUL inside, and its type. False after the last, and for anything but an object.
 */
bool in_json_member(const struct json *object, size_t i, const char **name,
    enum in_json_type *type);

/* Elements of an array; ERR_MALFORMED past its end or for another type. */
int in_json_at_string(const struct json *array, size_t i, struct blob *out);
int in_json_at_object(const struct json *array, size_t i, struct json **out);

/* Appends the node as compact JSON. */
int in_json_write(const struct json *node, struct buf *out);

#endif
