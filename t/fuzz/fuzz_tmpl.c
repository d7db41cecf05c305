/* Any template either is refused or renders; any value stays text. */
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "web/tmpl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tmpl_row *row = tmplrow_new();
	struct tmpl_row *item = tmplrow_add(row, "b");
	struct tmpl *t;
	struct buf out;
	char *value = malloc(size + 1);

	log_open("fuzz", LOG_ERROR);
	if (value == NULL)
		abort();
	memcpy(value, data, size);
	value[size] = '\0';
	tmplrow_set(row, "a", value);
	tmplrow_set(item, "a", "x");
	buf_init(&out, 1 << 20);
	if (tmpl_parse("p", blob_of(data, size), &t) == OK)
		tmpl_render(t, "p", row, &out);
	tmpl_free(t);
	buf_reset(&out);
	if (tmpl_parse("p", blob_str("{{a}}"), &t) != OK)
		abort();
	if (tmpl_render(t, "p", row, &out) == OK &&
	    strpbrk(buf_str(&out), "<>\"'") != NULL)
		abort();
	tmpl_free(t);
	buf_release(&out);
	tmplrow_free(row);
	free(value);
	return 0;
}
