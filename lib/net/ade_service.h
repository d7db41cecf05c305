/*
 * A client of the device enrollment service of Apple Business, for one account:
 * sessions, and one call at a time. Protocol version 10, with which throttled
 * devices say when to try again (Apple: "Authenticating for Automated Device
 * Enrollment", "Device assignment").
 */
#ifndef NET_ADE_SERVICE_H
#define NET_ADE_SERVICE_H

#include "base/conf.h"
#include "net/net.h"
#include "store/ade_devices.h"
#include "wire/ade_token.h"
#include "wire/in_ade.h"

#define ADE_SERVICE_PATH 256

/* Valid during the call of ade_service_done alone. */
struct ade_reply {
	/*
	 * OK: status 200. ERR_NET_*: no answer. Else what the service says:
	 * ERR_ADE_TERMS, ERR_ADE_DENIED, ERR_ADE_REFUSED (the token; also two
	 * sessions in a row), ERR_ADE_LIMITED, ERR_ADE_UNAVAILABLE,
	 * ERR_ADE_ANSWER (any other status), ERR_ADE_TOKEN (our file).
	 */
	int code;
	/* a sentence for administrators; "" when OK, or logged already */
	const char *reason;
	long status;
	struct blob body;
	/* of a refusal, such as EXPIRED_CURSOR; else "" */
	char word[IN_ADE_WORD_TEXT];
	/* what Retry-After asks for, a day at most; 0: nothing */
	int64_t retry_after_seconds;
	/* by the service's clock; ours when it does not say */
	int64_t date;
};

typedef void ade_service_done(void *arg, const struct ade_reply *reply);

struct ade_service {
	struct net *net;
	const struct conf *conf;
	char account[ADE_ACCOUNT_TEXT];
	struct ade_token token;
	/* "": a session must begin first */
	char session[IN_ADE_SESSION_TEXT];
	/* the call that goes on; done is NULL when there is none */
	const char *method;
	char path[ADE_SERVICE_PATH];
	struct buf body;
	/* its session was refused once already */
	bool again;
	ade_service_done *done;
	void *arg;
	char reason[NET_REASON_TEXT];
};

/* Without a token yet; the rest is borrowed. Close with ade_service_close(). */
void ade_service_open(struct ade_service *s, struct net *net,
    const struct conf *conf, const char *account);
void ade_service_close(struct ade_service *s);

/*
 * Reads the account's token; another one than before ends the session.
 * `consumer_key` is that of the database. ERR_ADE_TOKEN, with the reason
 * logged.
 */
int ade_service_load(struct ade_service *s, const char *consumer_key);

/*
 * Makes a call, of which nothing is needed after the return but `method`;
 * begins a session first when there is none, and once more when the service
 * does not know it any more. done(arg, reply) comes exactly once, later.
 * ERR_NOMEM without a call of done.
 */
int ade_service_call(struct ade_service *s, const char *method,
    const char *path, struct blob body, ade_service_done *done, void *arg);

#endif
