#include "bin/nginx-file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "ca/file.h"
#include "web/nginx_secret.h"

#define FILE_TEXT_MAX 1024

/* A run that was cut short may have left it with root. */
static int
settle(const char *path, const struct owners *owners)
{
	return owners_give(
	    owners, path, OWNER_ROOT, owners->single_user ? 0600 : 0640);
}

int
nginx_file_create(const struct conf *conf, const struct owners *owners)
{
	const char *path = conf->nginx_secret;
	bool exists = access(path, F_OK) == 0;
	struct buf text;
	int r;

	if (!owners->single_user && geteuid() != 0)
		return exists ? OK
			      : fail(ERR_USAGE,
				    "%s is missing: run attestmdm migrate as "
				    "root",
				    path);
	if (exists)
		return settle(path, owners);
	buf_init(&text, FILE_TEXT_MAX);
	if ((r = nginx_secret_write(&text)) == OK &&
	    (r = file_create(path, buf_blob(&text), 0600)) == OK)
		r = settle(path, owners);
	buf_wipe(&text);
	return r;
}
