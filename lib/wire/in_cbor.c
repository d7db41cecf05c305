#include "wire/in_cbor.h"

#include <cbor.h>

#include "base/utf8.h"

/* libcbor 0.9 widened the lengths of its callbacks. */
#if CBOR_MAJOR_VERSION == 0 && CBOR_MINOR_VERSION < 9
#define IN_CBOR_LENGTH size_t
#else
#define IN_CBOR_LENGTH uint64_t
#endif

enum in_cbor_kind {
	IN_CBOR_OTHER,
	IN_CBOR_BYTES,
	IN_CBOR_TEXT,
	IN_CBOR_ARRAY,
	IN_CBOR_MAP,
};

struct in_cbor_item {
	enum in_cbor_kind kind;
	uint64_t length;   /* bytes, elements or pairs */
	struct blob value; /* of a string */
};

static void
on_bytes(void *item, cbor_data p, IN_CBOR_LENGTH n)
{
	*(struct in_cbor_item *)item =
	    (struct in_cbor_item){ IN_CBOR_BYTES, n, blob_of(p, (size_t)n) };
}

static void
on_text(void *item, cbor_data p, IN_CBOR_LENGTH n)
{
	*(struct in_cbor_item *)item =
	    (struct in_cbor_item){ IN_CBOR_TEXT, n, blob_of(p, (size_t)n) };
}

static void
on_array(void *item, IN_CBOR_LENGTH n)
{
	*(struct in_cbor_item *)item =
	    (struct in_cbor_item){ IN_CBOR_ARRAY, n, { NULL, 0 } };
}

static void
on_map(void *item, IN_CBOR_LENGTH n)
{
	*(struct in_cbor_item *)item =
	    (struct in_cbor_item){ IN_CBOR_MAP, n, { NULL, 0 } };
}

/* Bytes of the shortest head with this argument (RFC 8949 section 4.2.1). */
static size_t
head(uint64_t argument)
{
	if (argument < 24)
		return 1;
	if (argument <= UINT8_MAX)
		return 2;
	if (argument <= UINT16_MAX)
		return 3;
	return argument <= UINT32_MAX ? 5 : 9;
}

/*
 * Everything that has no callback here, indefinite lengths among it, leaves
 * the item as IN_CBOR_OTHER, which no caller wants.
 */
static bool
take(struct blob *rest, enum in_cbor_kind kind, struct in_cbor_item *item)
{
	struct cbor_callbacks calls = cbor_empty_callbacks;
	struct cbor_decoder_result result;

	calls.byte_string = on_bytes;
	calls.string = on_text;
	calls.array_start = on_array;
	calls.map_start = on_map;
	*item = (struct in_cbor_item){ IN_CBOR_OTHER, 0, { NULL, 0 } };
	if (rest->n == 0)
		return false;
	result = cbor_stream_decode(rest->p, rest->n, &calls, item);
	if (result.status != CBOR_DECODER_FINISHED || item->kind != kind ||
	    result.read != head(item->length) + item->value.n)
		return false;
	*rest = blob_of(rest->p + result.read, rest->n - result.read);
	return true;
}

bool
in_cbor_map(struct blob *rest, uint64_t *count)
{
	struct in_cbor_item item;

	if (!take(rest, IN_CBOR_MAP, &item))
		return false;
	*count = item.length;
	return true;
}

bool
in_cbor_array(struct blob *rest, uint64_t *count)
{
	struct in_cbor_item item;

	if (!take(rest, IN_CBOR_ARRAY, &item))
		return false;
	*count = item.length;
	return true;
}

bool
in_cbor_text(struct blob *rest, struct blob *out)
{
	struct blob before = *rest;
	struct in_cbor_item item;

	if (!take(rest, IN_CBOR_TEXT, &item))
		return false;
	if (!utf8_valid(item.value)) {
		*rest = before;
		return false;
	}
	*out = item.value;
	return true;
}

bool
in_cbor_bytes(struct blob *rest, struct blob *out)
{
	struct in_cbor_item item;

	if (!take(rest, IN_CBOR_BYTES, &item))
		return false;
	*out = item.value;
	return true;
}
