#include <assert.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_plist.h"
#include "wire/plisttext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX (1 << 20)

/* libplist reads whatever the scan before it calls sound. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "a", "UDID", "Token" };
	struct blob in = blob_of(data, size), bytes;
	const struct in_plist_node *root, *node;
	struct in_plist *doc;
	const char *text;
	int64_t number;
	bool yes;
	size_t i;

	log_open("fuzz", LOG_ERROR);
	if (in_plist_parse(in, MAX, &doc) != OK) {
		assert(plisttext_fault(in) != NULL);
		return 0;
	}
	root = in_plist_root(doc);
	for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		in_plist_string(root, keys[i], &text);
		in_plist_data(root, keys[i], &bytes);
		in_plist_int(root, keys[i], &number);
		in_plist_bool(root, keys[i], &yes);
		in_plist_array(root, keys[i], &node);
		in_plist_text(in_plist_item(node, 0));
	}
	in_plist_free(doc);
	return 0;
}
