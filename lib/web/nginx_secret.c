#include "web/nginx_secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"

#define LINE_BEGIN    "fastcgi_param " NGINX_SECRET_PARAM " "
#define LINE_MAX_TEXT 256

int
nginx_secret_write(struct buf *out)
{
	char secret[SECRET_TOKEN_TEXT];

	secret_token(secret);
	buf_printf(out,
	    "# nginx sends this to the programs of attestmdm, which answer "
	    "nobody else.\n"
	    "# Only root and the group attestmdm may read it. After a change, "
	    "reload nginx\n"
	    "# and restart the programs.\n" LINE_BEGIN "%s;\n",
	    secret);
	secret_wipe(secret, sizeof secret);
	return buf_status(out);
}

static bool
is_comment(const char *line)
{
	return line[0] == '#' || line[0] == '\n';
}

/* Reads the line with the secret, cutting it in place. */
static bool
take_line(char line[LINE_MAX_TEXT], char out[SECRET_TOKEN_TEXT])
{
	size_t n = strlen(LINE_BEGIN);
	char *value = line + n, *end;

	if (strncmp(line, LINE_BEGIN, n) != 0 ||
	    (end = strchr(value, ';')) == NULL || strcmp(end, ";\n") != 0)
		return false;
	*end = '\0';
	if (strlen(value) != SECRET_TOKEN_TEXT - 1 ||
	    !enc_is_base64url(value, SECRET_TOKEN_TEXT - 1))
		return false;
	memcpy(out, value, SECRET_TOKEN_TEXT);
	return true;
}

int
nginx_secret_load(const char *path, char out[SECRET_TOKEN_TEXT])
{
	char line[LINE_MAX_TEXT];
	FILE *f = fopen(path, "rbe");
	bool good = true;

	out[0] = '\0';
	if (f == NULL)
		return fail(ERR_IO,
		    "cannot open %s: %s; `attestmdm migrate` makes it", path,
		    strerror(errno));
	while (good && fgets(line, sizeof line, f) != NULL)
		good = is_comment(line) ||
		    (out[0] == '\0' && take_line(line, out));
	fclose(f);
	secret_wipe(line, sizeof line);
	if (good && out[0] != '\0')
		return OK;
	secret_wipe(out, SECRET_TOKEN_TEXT);
	return fail(ERR_CONFIG,
	    "%s is not as attestmdm wrote it: remove it, and `attestmdm "
	    "migrate` makes another",
	    path);
}

int
nginx_secret_check(const char secret[SECRET_TOKEN_TEXT], char *const *envp)
{
	static const char name[] = NGINX_SECRET_PARAM "=";
	const char *given = NULL;
	size_t seen = 0;

	for (; *envp != NULL; envp++) {
		if (strncmp(*envp, name, sizeof name - 1) != 0)
			continue;
		given = *envp + sizeof name - 1;
		seen++;
	}
	if (seen != 1)
		return fail(ERR_NOT_NGINX,
		    "a request without nginx's secret: another process spoke "
		    "to the socket, or nginx has an old configuration");
	if (secret[0] == '\0' || !secret_eq(blob_str(given), blob_str(secret)))
		return fail(ERR_NOT_NGINX,
		    "a request with a secret that is not nginx's: another "
		    "process spoke to the socket, or nginx or this program "
		    "read the file before it changed");
	return OK;
}
