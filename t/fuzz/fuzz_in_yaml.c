#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "wire/in_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every node has a place in the text, and its getters give what it holds. */
static size_t
check(const struct in_yaml *node)
{
	size_t nodes = 1;
	const char *text;
	bool is;

	assert(node->at.line > 0 && node->at.column > 0);
	assert((node->kind == IN_YAML_SCALAR) == (node->text != NULL));
	assert(node->parent == NULL ||
	    (node->key != NULL) == (node->parent->kind == IN_YAML_MAPPING));
	if (node->key != NULL) {
		assert(in_yaml_get(node->parent, node->key) == node);
		if (in_yaml_bool(node, &is) == OK)
			assert(strlen(node->text) == (is ? 4 : 5));
		if (in_yaml_text(node, &text) == OK)
			assert(text == node->text);
	}
	for (const struct in_yaml *c = node->first; c != NULL; c = c->next)
		nodes += check(c);
	return nodes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in_yaml *root;

	log_open("fuzz", LOG_ERROR);
	if (in_yaml_parse(blob_of(data, size), &root) != OK)
		return 0;
	assert(check(root) <= IN_YAML_NODES_MAX);
	in_yaml_free(root);
	return 0;
}
