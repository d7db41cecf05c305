#include <string.h>

#include "wire/csv.h"

void
csv_init(struct csv *csv, char *text)
{
	size_t first, commas = 0, semicolons = 0, tabs = 0, i;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	first = strcspn(text, "\n");
	for (i = 0; i < first; i++) {
		commas += text[i] == ',';
		semicolons += text[i] == ';';
		tabs += text[i] == '\t';
	}
	csv->at = text;
	csv->line = 0;
	csv->next_line = 1;
	csv->separator = ',';
	if (semicolons > commas)
		csv->separator = ';';
	if (tabs > commas && tabs > semicolons)
		csv->separator = '\t';
}

/* Unquotes in place; NULL when the quote never ends. */
static char *
quoted(struct csv *csv)
{
	char *from = csv->at + 1, *to = from, *field = from;

	for (;; from++) {
		if (*from == '\0')
			return NULL;
		if (*from == '\n')
			csv->next_line++;
		if (*from == '"' && *++from != '"')
			break;
		*to++ = *from;
	}
	csv->at = from + strcspn(from, "\r\n");
	if (memchr(from, csv->separator, (size_t)(csv->at - from)) != NULL)
		csv->at = strchr(from, csv->separator);
	*to = '\0';
	return field;
}

static char *
plain(struct csv *csv)
{
	char stop[4] = { csv->separator, '\r', '\n', '\0' };
	char *field = csv->at;

	csv->at += strcspn(csv->at, stop);
	return field;
}

/* True when another field of the same row follows. */
static bool
separate(struct csv *csv)
{
	bool more = *csv->at == csv->separator;

	if (*csv->at == '\r')
		*csv->at++ = '\0';
	if (*csv->at == '\n')
		csv->next_line++;
	if (*csv->at != '\0')
		*csv->at++ = '\0';
	return more;
}

bool
csv_next(struct csv *csv, char *fields[CSV_FIELDS_MAX], size_t *n, bool *bad)
{
	*n = 0;
	*bad = false;
	while (*csv->at == '\r' || *csv->at == '\n') {
		csv->next_line += *csv->at == '\n';
		csv->at++;
	}
	if (*csv->at == '\0')
		return false;
	csv->line = csv->next_line;
	do {
		if (*n == CSV_FIELDS_MAX) {
			*bad = true;
			return false;
		}
		fields[*n] = *csv->at == '"' ? quoted(csv) : plain(csv);
		if (fields[(*n)++] == NULL) {
			*bad = true;
			return false;
		}
	} while (separate(csv));
	return true;
}
