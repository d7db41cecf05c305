#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_plist.h"
#include "wire/plisthead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX (1 << 20)

/* Where the whole document can be read, both readers agree. */
static void
compare(const struct in_plist_node *root, const struct plisthead_member *m)
{
	const char *text;

	assert(!m->present || in_plist_get(root, m->key) != NULL);
	if (m->text[0] == '\0')
		return;
	assert(in_plist_string(root, m->key, &text) == OK);
	assert(strcmp(text, m->text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plisthead_member members[] = { { .key = "CommandUUID" },
		{ .key = "Status" }, { .key = "UDID" } };
	struct in_plist *doc = NULL;
	size_t i;
	int r;

	log_open("fuzz", LOG_ERROR);
	r = plisthead_find(blob_of(data, size), members, 3);
	if (in_plist_parse(blob_of(data, size), MAX, &doc) == OK)
		for (i = 0; i < 3 && r == OK; i++)
			compare(in_plist_root(doc), &members[i]);
	in_plist_free(doc);
	return 0;
}
