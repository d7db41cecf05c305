#include "wire/out_csv.h"

#include <string.h>

void
out_csv_cell(struct out_csv *csv, const char *text)
{
	const char *at = text != NULL ? text : "";

	if (csv->begun)
		buf_add_byte(csv->out, ',');
	csv->begun = true;
	buf_add_byte(csv->out, '"');
	if (*at != '\0' && strchr("=+-@\t\r\n", *at) != NULL)
		buf_add_byte(csv->out, '\'');
	for (; *at != '\0'; at++) {
		if (*at == '"')
			buf_add_byte(csv->out, '"');
		buf_add_byte(csv->out, (uint8_t)*at);
	}
	buf_add_byte(csv->out, '"');
}

void
out_csv_end(struct out_csv *csv)
{
	buf_add_str(csv->out, "\r\n");
	csv->begun = false;
}
