#include "wire/out_csv.h"

#include <string.h>

/* Also as full-width characters, which some spreadsheets take for the same. */
static bool
begins_formula(const char *at)
{
	static const char *const signs[] = { "=", "+", "-", "@", "\uff1d",
		"\uff0b", "\uff0d", "\uff20" };

	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
		if (strncmp(at, signs[i], strlen(signs[i])) == 0)
			return true;
	return false;
}

/*
 * Where a spreadsheet separates cells by semicolons or tabs, as in half of Europe,
 * one begins in the midst of ours.
 */
void
out_csv_cell(struct out_csv *csv, const char *text)
{
	const char *at = text != NULL ? text : "";
	bool begins = true;

	if (csv->begun)
		buf_add_byte(csv->out, ',');
	csv->begun = true;
	buf_add_byte(csv->out, '"');
	if (*at == '\t' || *at == '\r' || *at == '\n')
		buf_add_byte(csv->out, '\'');
	for (; *at != '\0'; at++) {
		if (begins && begins_formula(at))
			buf_add_byte(csv->out, '\'');
		if (*at == '"')
			buf_add_byte(csv->out, '"');
		buf_add_byte(csv->out, (uint8_t)*at);
		begins = strchr(";\t\r\n", *at) != NULL;
	}
	buf_add_byte(csv->out, '"');
}

void
out_csv_end(struct out_csv *csv)
{
	buf_add_str(csv->out, "\r\n");
	csv->begun = false;
}
