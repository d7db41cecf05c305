#include "bin/manifest.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/enc.h"
#include "base/log.h"

#define MANIFEST_HEAD "attestmdm backup 1"
#define MANIFEST_END  "end"
#define MANIFEST_HEX  (2 * SECRET_SHA256 + 1)

static struct manifest_entry *
grow(struct manifest *m)
{
	struct manifest_entry *rows;

	rows = reallocarray(m->rows, m->n + 1, sizeof *rows);
	if (rows == NULL) {
		fail(ERR_NOMEM, "no memory for a manifest");
		return NULL;
	}
	m->rows = rows;
	memset(&rows[m->n], 0, sizeof *rows);
	buf_init(&rows[m->n].bytes, MANIFEST_FILE_MAX);
	return &rows[m->n++];
}

/* One line each in the manifest, so no line ends in paths. */
bool
manifest_path_ok(const char *path)
{
	size_t n = strlen(path), k;
	const char *part;

	if (path[0] != '/' || n >= MANIFEST_PATH ||
	    strpbrk(path, "\r\n") != NULL)
		return false;
	for (part = path; *part != '\0'; part += 1 + k) {
		k = strcspn(part + 1, "/");
		if (k == 0 || strncmp(part + 1, ".", k) == 0 ||
		    strncmp(part + 1, "..", k) == 0)
			return false;
	}
	return true;
}

/*
 * Nobody's rights are given to whoever runs a file. In a folder the bit of the
 * group only says who owns new files: STATE/db needs it.
 */
static unsigned
mode_of(bool folder, unsigned mode)
{
	return mode & (folder ? S_ISGID | 0777u : 0777u);
}

static void
names(const struct stat *st, struct manifest_entry *e)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);

	snprintf(e->owner, sizeof e->owner, "%s",
	    user == NULL ? "root" : user->pw_name);
	snprintf(e->group, sizeof e->group, "%s",
	    group == NULL ? "root" : group->gr_name);
}

struct manifest_entry *
manifest_add(struct manifest *m, const char *path, const struct stat *st)
{
	struct manifest_entry *e;

	if (!manifest_path_ok(path)) {
		fail(ERR_CONFIG, "\"%s\" is not an absolute path", path);
		return NULL;
	}
	if ((e = grow(m)) == NULL)
		return NULL;
	e->folder = S_ISDIR(st->st_mode);
	e->mode = mode_of(e->folder, st->st_mode);
	names(st, e);
	snprintf(e->path, sizeof e->path, "%s", path);
	return e;
}

static int
write_line(const struct manifest_entry *e, struct buf *out)
{
	buf_printf(out, "%c ", e->folder ? 'd' : 'f');
	enc_hex(blob_of(e->sha256, SECRET_SHA256), out);
	return buf_printf(out, " %lld %o %s %s %s\n", (long long)e->size,
	    e->mode, e->owner, e->group, e->path);
}

int
manifest_write(const struct manifest *m, struct buf *out)
{
	size_t i;
	int r;

	r = buf_printf(out, MANIFEST_HEAD "\nschema %d\nconf %s\ndatabase %s\n",
	    m->schema, m->conf, m->database);
	for (i = 0; r == OK && i < m->n; i++)
		r = write_line(&m->rows[i], out);
	return r == OK ? buf_printf(out, MANIFEST_END "\n") : r;
}

static bool
digest(const char *hex, uint8_t out[SECRET_SHA256])
{
	char byte[3] = "";
	size_t i;

	if (strspn(hex, "0123456789abcdef") != MANIFEST_HEX - 1 ||
	    hex[MANIFEST_HEX - 1] != '\0')
		return false;
	for (i = 0; i < SECRET_SHA256; i++) {
		memcpy(byte, hex + 2 * i, 2);
		out[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return true;
}

/* The next word of *line, which moves past it and the space that ends it. */
static bool
take_word(const char **line, char *out, size_t size)
{
	size_t n = strcspn(*line, " ");

	if (n == 0 || n >= size || (*line)[n] != ' ')
		return false;
	memcpy(out, *line, n);
	out[n] = '\0';
	*line += n + 1;
	return true;
}

/* The next word, a number from 0 to `most`. */
static bool
take_number(const char **line, int base, int64_t most, int64_t *out)
{
	char word[24], *end;

	if (!take_word(line, word, sizeof word) ||
	    strspn(word, "0123456789") != strlen(word))
		return false;
	errno = 0;
	*out = strtoll(word, &end, base);
	return errno == 0 && *end == '\0' && *out <= most;
}

static int
read_entry(struct manifest *m, const char *line)
{
	struct manifest_entry *e = grow(m);
	char kind[2], hex[MANIFEST_HEX];
	const char *rest = line;
	int64_t mode;

	if (e == NULL)
		return ERR_NOMEM;
	if (!take_word(&rest, kind, sizeof kind) ||
	    (kind[0] != 'f' && kind[0] != 'd') ||
	    !take_word(&rest, hex, sizeof hex) ||
	    !digest(hex, e->sha256) ||
	    !take_number(&rest, 10, INT64_MAX, &e->size) ||
	    !take_number(&rest, 8, 07777, &mode) ||
	    !take_word(&rest, e->owner, sizeof e->owner) ||
	    !take_word(&rest, e->group, sizeof e->group) ||
	    !manifest_path_ok(rest))
		return fail(ERR_FIELD, "the manifest has a bad line: %.80s", line);
	e->folder = kind[0] == 'd';
	e->mode = mode_of(e->folder, (unsigned)mode);
	snprintf(e->path, sizeof e->path, "%s", rest);
	return OK;
}

/* What follows the name and a space; NULL when the line is another. */
static const char *
value(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 && line[n] == ' ' ? line + n + 1
							     : NULL;
}

static bool
read_path(const char *line, const char *name, char out[MANIFEST_PATH])
{
	const char *path = value(line, name);

	if (path == NULL || !manifest_path_ok(path))
		return false;
	snprintf(out, MANIFEST_PATH, "%s", path);
	return true;
}

static bool
read_schema(const char *line, int *out)
{
	const char *digits = value(line, "schema");

	if (digits == NULL || strlen(digits) > 6 || digits[0] == '\0' ||
	    strspn(digits, "0123456789") != strlen(digits))
		return false;
	*out = (int)strtol(digits, NULL, 10);
	return true;
}

static int
read_line(struct manifest *m, size_t number, const char *line)
{
	bool ok = true;

	switch (number) {
	case 0:
		ok = strcmp(line, MANIFEST_HEAD) == 0;
		break;
	case 1:
		ok = read_schema(line, &m->schema);
		break;
	case 2:
		ok = read_path(line, "conf", m->conf);
		break;
	case 3:
		ok = read_path(line, "database", m->database);
		break;
	default:
		return read_entry(m, line);
	}
	return ok ? OK : fail(ERR_FIELD, "this is not a backup of attestmdm");
}

int
manifest_read(struct buf *text, struct manifest *out)
{
	char *line, *next, *end;
	size_t number = 0;
	int r = OK;

	*out = (struct manifest){ 0 };
	buf_str(text);
	line = (char *)text->p;
	for (; r == OK && line != NULL && *line != '\0'; line = next) {
		if ((end = strchr(line, '\n')) == NULL)
			break;
		*end = '\0';
		next = end + 1;
		if (number > 3 && strcmp(line, MANIFEST_END) == 0)
			return OK;
		r = read_line(out, number++, line);
	}
	return r != OK ? r : fail(ERR_FIELD, "the manifest is cut short");
}

void
manifest_release(struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		buf_wipe(&m->rows[i].bytes);
	free(m->rows);
	*m = (struct manifest){ 0 };
}

struct manifest_entry *
manifest_find(const struct manifest *m, const char *member)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->rows[i].path + 1, member) == 0)
			return &m->rows[i];
	return NULL;
}
