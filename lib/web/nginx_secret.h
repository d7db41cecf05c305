/*
 * The secret by which the programs recognize nginx. A process that can connect
 * to a program's socket can send any FastCGI parameter, and so present any
 * device's certificate. Only nginx, which reads this secret as root, sends it
 * too. It is in a file that nginx includes:
 *
 *	fastcgi_param ATTESTMDM_SECRET 43-base64url-characters;
 */
#ifndef WEB_NGINX_SECRET_H
#define WEB_NGINX_SECRET_H

#include "base/buf.h"
#include "base/secret.h"

#define NGINX_SECRET_PARAM "ATTESTMDM_SECRET"

/* Appends the text of such a file, with a new secret. ERR_TOO_LARGE. */
int nginx_secret_write(struct buf *out);

/*
 * Reads the secret from its file. ERR_IO when there is none, ERR_CONFIG when it
 * does not hold exactly that line, comments and empty lines aside. *out is
 * "" then; otherwise the caller wipes it.
 */
int nginx_secret_load(const char *path, char out[SECRET_TOKEN_TEXT]);

/*
 * OK when exactly one parameter in envp is the secret, compared in constant
 * time; else ERR_NOT_NGINX.
 */
int nginx_secret_check(const char secret[SECRET_TOKEN_TEXT], char *const *envp);

#endif
