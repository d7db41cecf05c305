#include "wire/plisthead.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "wire/plistlex.h"

/*
 * The root dict must begin within this many bytes; real prologues are shorter.
 */
#define PROLOGUE_MAX 4096
#define NAME_MAX     16
#define CDATA        "<![CDATA["

struct search {
	struct blob in;
	size_t at;
	/* of open dicts and arrays; their members' keys count at 1 */
	size_t depth;
	struct plisthead_member *members;
	size_t n;
	/* the member whose value comes next, or NULL */
	struct plisthead_member *wanted;
	bool twice;
};

static bool
skip_past(struct search *s, const char *word)
{
	size_t n = strlen(word);
	const uint8_t *found =
	    memmem(s->in.p + s->at, s->in.n - s->at, word, n);

	if (found == NULL)
		return false;
	s->at = (size_t)(found - s->in.p) + n;
	return true;
}

static bool
looking_at(const struct search *s, const char *word)
{
	size_t n = strlen(word);

	return s->in.n - s->at >= n && memcmp(s->in.p + s->at, word, n) == 0;
}

/* Moves past the opening tag of the root, which must be a <dict>. */
static bool
enter_root(struct search *s)
{
	struct blob whole = s->in;
	bool found;

	if (s->in.n > PROLOGUE_MAX)
		s->in.n = PROLOGUE_MAX;
	found = skip_past(s, "<plist") && skip_past(s, ">");
	s->in = whole;
	while (found && s->at < s->in.n && plistlex_is_space(s->in.p[s->at]))
		s->at++;
	if (!found || !looking_at(s, "<dict>"))
		return false;
	s->at += strlen("<dict>");
	s->depth = 1;
	return true;
}

static void
take_key(struct search *s, struct blob text)
{
	size_t i;

	s->wanted = NULL;
	for (i = 0; i < s->n; i++) {
		if (!blob_eq_str(text, s->members[i].key))
			continue;
		s->wanted = &s->members[i];
		s->twice = s->twice || s->wanted->present;
		s->wanted->present = true;
	}
}

static void
take_string(struct search *s, struct blob text)
{
	size_t i;

	if (s->wanted == NULL || text.n >= PLISTHEAD_TEXT)
		return;
	for (i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~' || text.p[i] == '<' ||
		    text.p[i] == '&')
			return;
	memcpy(s->wanted->text, text.p, text.n);
	s->wanted->text[text.n] = '\0';
}

/*
 * Takes the text of a key or scalar up to its closing tag, whatever is in it.
 * False when there is no such tag.
 */
static bool
take_text(struct search *s, const char *name)
{
	char close[NAME_MAX + 4];
	size_t start = s->at;
	struct blob text;

	snprintf(close, sizeof close, "</%s>", name);
	if (!skip_past(s, close))
		return false;
	text = blob_of(s->in.p + start, s->at - start - strlen(close));
	/* In a CDATA section the closing tag may be text. */
	if (memmem(text.p, text.n, CDATA, strlen(CDATA)) != NULL)
		return false;
	if (s->depth > 1)
		return true;
	if (strcmp(name, "key") == 0) {
		take_key(s, text);
		return true;
	}
	if (strcmp(name, "string") == 0)
		take_string(s, text);
	s->wanted = NULL;
	return true;
}

/* The element at '<': its name, and whether it is closed in the same tag. */
static bool
take_tag(struct search *s, char name[NAME_MAX], bool *empty)
{
	size_t n = 0;

	s->at++;
	while (s->at + n < s->in.n && n < NAME_MAX - 1 &&
	    s->in.p[s->at + n] >= 'a' && s->in.p[s->at + n] <= 'z')
		n++;
	memcpy(name, s->in.p + s->at, n);
	name[n] = '\0';
	if (!skip_past(s, ">"))
		return false;
	*empty = s->in.p[s->at - 2] == '/';
	return true;
}

static bool
take_end(struct search *s)
{
	bool container = looking_at(s, "</dict>") || looking_at(s, "</array>");

	if (!skip_past(s, ">"))
		return false;
	if (container)
		s->depth--;
	return s->depth > 0;
}

static bool
take_element(struct search *s)
{
	char name[NAME_MAX];
	bool empty;

	if (!take_tag(s, name, &empty))
		return false;
	if (!empty &&
	    (strcmp(name, "dict") == 0 || strcmp(name, "array") == 0)) {
		s->wanted = NULL;
		s->depth++;
		return true;
	}
	if (!empty)
		return take_text(s, name);
	if (s->depth == 1)
		s->wanted = NULL;
	return true;
}

/* One step of the search; false at the end. */
static bool
step(struct search *s)
{
	const uint8_t *next = memchr(s->in.p + s->at, '<', s->in.n - s->at);

	if (next == NULL)
		return false;
	s->at = (size_t)(next - s->in.p);
	if (looking_at(s, "<!--"))
		return skip_past(s, "-->");
	if (looking_at(s, CDATA))
		return skip_past(s, "]]>");
	if (looking_at(s, "</"))
		return take_end(s);
	return take_element(s);
}

int
plisthead_find(struct blob in, struct plisthead_member *members, size_t n)
{
	struct search s = { .in = in, .members = members, .n = n };
	size_t i;

	for (i = 0; i < n; i++) {
		members[i].present = false;
		members[i].text[0] = '\0';
	}
	if (!enter_root(&s))
		return ERR_MALFORMED;
	while (step(&s))
		;
	if (!s.twice)
		return OK;
	for (i = 0; i < n; i++)
		members[i].text[0] = '\0';
	return ERR_MALFORMED;
}
