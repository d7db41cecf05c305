/*
 * A stand-in for an identity provider: OpenID Connect with authorization codes
 * and proof keys, one client, and a form that takes anybody's name. Script and
 * logs are as in stand_in.h; `requests.log` has each request.
 *
 * Answers are for a path, or for "*":
 *
 *	status, body, location   that answer
 *	do: freeze               says nothing more on the connection
 *	do: close                closes it
 *	do: drip                 a byte in `milliseconds`
 *	do: huge                 `megabytes` of keys
 *	claims, header, sign     for /token: as openid_token.h says
 *
 * {"set":"alg","value":"PS256"} makes a new key, so does {"set":"rotate"}.
 */
#ifndef OPENID_PROVIDER_H
#define OPENID_PROVIDER_H

struct openid_provider_plan {
	const char *dir;
	long port; /* 0: of the kernel's choice */
	const char *client_id;
	const char *client_secret; /* "": a client without one */
	const char *alg;
};

/* Prints the port and serves until SIGTERM. */
int openid_provider_run(const struct openid_provider_plan *plan);

#endif
