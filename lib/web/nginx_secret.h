/*
 * The secret by which the programs know nginx. Whoever can connect to a
 * program's socket can write any FastCGI parameter, and with it present any
 * device's certificate; nginx alone also sends this secret, which it reads as
 * root. The file is one that nginx includes:
 *
 *	fastcgi_param ATTESTMDM_SECRET 43-base64url-characters;
 */
#ifndef WEB_NGINX_SECRET_H
#define WEB_NGINX_SECRET_H

#include "base/buf.h"
#include "base/secret.h"

#define NGINX_SECRET_PARAM "ATTESTMDM_SECRET"

/* Appends the text of a file with a new secret. */
int nginx_secret_write(struct buf *out);

/*
 * Reads the secret from its file. ERR_IO when there is none, ERR_CONFIG when it
 * does not have the one line above, remarks and empty lines aside.
 */
int nginx_secret_load(const char *path, char out[SECRET_TOKEN_TEXT]);

/*
 * OK when exactly one parameter in envp is the secret, compared in constant
 * time; else ERR_NOT_NGINX.
 */
int nginx_secret_check(
    const char secret[SECRET_TOKEN_TEXT], char *const *envp);

#endif
