#include "wire/yamlword.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* In any mixture of capitals, though YAML knows but some. */
static const char *const words[] = {
	"",
	"~",
	"null",
	"true",
	"false",
	"yes",
	"no",
	"on",
	"off",
	"y",
	"n",
	".inf",
	".nan",
};

static bool
is_listed(const char *word)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(word, words[i]) == 0)
			return true;
	return false;
}

static bool
consists_of(const char *word, const char *characters)
{
	return *word != '\0' && word[strspn(word, characters)] == '\0';
}

/* Digits with at most one dot, and an exponent. */
static bool
is_decimal(const char *word)
{
	const char *digits = word + strspn(word, "0123456789_");

	if (*digits == '.')
		digits++;
	digits += strspn(digits, "0123456789_");
	if (*digits != 'e' && *digits != 'E')
		return *digits == '\0';
	digits++;
	if (*digits == '+' || *digits == '-')
		digits++;
	return consists_of(digits, "0123456789");
}

/* Without its sign. */
static bool
is_number(const char *word)
{
	if (strpbrk(word, "0123456789") == NULL)
		return false;
	if (strncasecmp(word, "0x", 2) == 0)
		return consists_of(word + 2, "0123456789abcdefABCDEF_");
	if (strncasecmp(word, "0o", 2) == 0 || strncasecmp(word, "0b", 2) == 0)
		return consists_of(word + 2, "01234567_");
	if (strchr(word, ':') != NULL)
		return consists_of(word, "0123456789_:.");
	return is_decimal(word);
}

bool
yamlword_is_special(const char *word)
{
	if (is_listed(word))
		return true;
	if (*word == '+' || *word == '-')
		word++;
	return is_number(word) || strcasecmp(word, ".inf") == 0;
}
