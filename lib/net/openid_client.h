/*
 * A client of the OpenID provider in [sign_in] (OpenID Connect Core section
 * 3.1: authorization code; RFC 7636: proof key). The calls wait for the
 * provider, at most OPENID_CLIENT_SECONDS between two openid_client_begin().
 *
 * The provider's configuration and keys are kept in the memory of the process,
 * where no other program can change them, for OPENID_CLIENT_CACHE seconds. An
 * ID token by a key that is not among them has them fetched again, once in
 * OPENID_CLIENT_REFETCH seconds.
 */
#ifndef NET_OPENID_CLIENT_H
#define NET_OPENID_CLIENT_H

#include "base/conf.h"
#include "base/secret.h"
#include "net/net.h"
#include "wire/idtoken.h"
#include "wire/in_openid.h"
#include "wire/jwkset.h"

/* Less than a request to a program may take. */
#define OPENID_CLIENT_SECONDS 14
#define OPENID_CLIENT_CACHE   3600
#define OPENID_CLIENT_REFETCH 60
/* Bytes of the file with the client's secret. */
#define OPENID_CLIENT_SECRET_MAX 512
/* Where the provider sends the browser back to. */
#define OPENID_CLIENT_CALLBACK "/enroll/sso/callback"
/* Bytes of a code. */
#define OPENID_CLIENT_CODE_MAX 4096

struct openid_client {
	const struct conf *conf;
	struct net net;
	char secret[OPENID_CLIENT_SECRET_MAX + 1]; /* "": none */
	struct in_openid provider;
	int64_t provider_at; /* 0: not fetched */
	struct jwkset *keys;
	int64_t keys_at;    /* 0: not fetched */
	int64_t refetch_at; /* when an unknown key had them fetched; 0: never */
	int64_t deadline;   /* monotonic milliseconds */
	/* how far the provider's clock is ahead, by its last answer's Date */
	int64_t clock_difference;
};

/* What belongs to one try to sign in. */
struct openid_client_try {
	char state[SECRET_TOKEN_TEXT];
	char nonce[SECRET_TOKEN_TEXT];
	char verifier[SECRET_TOKEN_TEXT]; /* of the proof key */
	/* the provider is to ask who it is, even if it knows the browser */
	bool again;
};

/* What the provider sent the browser back with (RFC 9207 for the issuer). */
struct openid_client_answer {
	const char *code;
	const char *issuer; /* NULL: it named none */
};

/*
 * Once for each process, after the fork; asks nothing. Close it after a
 * failure, too. ERR_CONFIG, ERR_IO: the secret's file; ERR_NOMEM.
 */
int openid_client_open(struct openid_client *c, const struct conf *conf);
void openid_client_close(struct openid_client *c);

/* The time for all that follows begins now. */
void openid_client_begin(struct openid_client *c);

/* Fresh random values, and `again` false. */
void openid_client_new_try(struct openid_client_try *out);

/*
 * Appends the URL that the browser is sent to. ERR_CONFIG without an issuer;
 * the NET_ codes and ERR_SIGN_IN_PROVIDER.
 */
int openid_client_url(struct openid_client *c,
    const struct openid_client_try *try, struct buf *out);

/*
 * Redeems the code for an ID token, and verifies that. Free *out with
 * idtoken_release(), after a failure too. ERR_SIGN_IN_EXPIRED: the provider
 * does not know the code any more; ERR_SIGN_IN_TOKEN: the answer is another
 * issuer's; otherwise as openid_client_url() and idtoken_verify().
 */
int openid_client_redeem(struct openid_client *c,
    const struct openid_client_try *try,
    const struct openid_client_answer *answer, struct idtoken *out);

/* Fetches configuration and keys anew, for attestmdm check. */
int openid_client_probe(struct openid_client *c);

#endif
