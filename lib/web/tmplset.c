#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "web/tmplset.h"

#define TMPLSET_FILE_MAX (256u << 10)
#define TMPLSET_SUFFIX   ".html"

static int
read_file(const char *path, struct buf *out)
{
	char chunk[4096];
	FILE *f = fopen(path, "re");
	size_t n;
	int r;

	if (f == NULL)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(out, chunk, n);
	r = ferror(f) ? ERR_IO : buf_status(out);
	fclose(f);
	return r == OK ? OK : fail(r, "%s cannot be read", path);
}

static int
add(struct tmpl *tmpl, const char *folder, const char *file)
{
	size_t stem = strlen(file) - strlen(TMPLSET_SUFFIX);
	struct buf text;
	char path[4096];
	int n, r;

	n = snprintf(path, sizeof path, "%s/%s", folder, file);
	if (n < 0 || (size_t)n >= sizeof path)
		return fail(ERR_IO, "the path of %s is too long", file);
	buf_init(&text, TMPLSET_FILE_MAX);
	r = read_file(path, &text);
	if (r == OK)
		r = tmpl_add(tmpl, blob_of(file, stem), buf_blob(&text));
	buf_release(&text);
	return r;
}

static bool
is_page(const char *file)
{
	size_t n = strlen(file), suffix = strlen(TMPLSET_SUFFIX);

	return n > suffix && file[0] != '.' &&
	    strcmp(file + n - suffix, TMPLSET_SUFFIX) == 0;
}

static int
add_all(struct tmpl *tmpl, const char *folder)
{
	struct dirent *e;
	DIR *dir = opendir(folder);
	int r = OK;

	if (dir == NULL)
		return fail(ERR_IO, "%s: %s", folder, strerror(errno));
	while (r == OK && (e = readdir(dir)) != NULL)
		if (is_page(e->d_name))
			r = add(tmpl, folder, e->d_name);
	closedir(dir);
	return r == OK ? tmpl_check(tmpl) : r;
}

int
tmplset_load(const char *folder, struct tmpl **out)
{
	struct tmpl *tmpl;
	int r;

	*out = NULL;
	if ((tmpl = tmpl_new()) == NULL)
		return fail(ERR_NOMEM, "no memory for templates");
	if ((r = add_all(tmpl, folder)) != OK) {
		tmpl_free(tmpl);
		return r;
	}
	*out = tmpl;
	return OK;
}
