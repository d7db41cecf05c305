/*
 * Sends the pushes that are due (store/pushes.h): many at a time over one
 * connection, each answer stored as soon as others are too. What was taken and
 * not answered when the process dies is sent again.
 *
 * A token that Apple calls dead gets no push. When Apple says that of many, it
 * may be Apple that is wrong: it raises an alarm, and they are tried again.
 *
 * Trouble with one host holds back that host. Trouble with Apple or on the way
 * holds back all, ever longer, and each a little differently, so that nothing
 * comes back at once. When Apple does not take our certificate all stops, with
 * one alarm (store/push_certificate.h), and one push tries it again now and
 * then. What fails in TLS may be forged by somebody on the way: it raises the
 * alarm when it goes on, but the pauses stay those of other trouble.
 */
#ifndef NET_PUSH_RUN_H
#define NET_PUSH_RUN_H

#include "base/conf.h"
#include "net/apns.h"
#include "store/push_certificate.h"

/* Pushes on their way at a time. */
#define PUSH_RUN_MOST 500

struct push_slot;

struct push_run {
	struct net *net;
	struct db *db;
	const struct conf *conf;
	struct push_slot *slots;
	struct push_certificate certificate;
	/* on their way; and answered, but not stored */
	int sending, answered;
	/* trouble that concerns all: not before, and how often in a row */
	int64_t hold_until;
	int failures, busy;
	/* of the recent answers: how many, and how many called a token dead
	 * that was not before; halved every hour */
	int64_t answers, dead, halved_at;
	/* a host with another topic waits */
	bool other_topic;
	/* so far; whoever shows them sets them to 0 */
	int64_t accepted, refused, failed;
	/* the trouble that concerns all, while it lasts: OK or ERR_NET_… */
	int code;
	char trouble[NET_REASON_TEXT];
	/* the next look at hosts that were silent for long */
	int64_t silent_at;
};

/* ERR_NOMEM. Released with push_run_close() in any case. */
int push_run_open(struct push_run *run, struct net *net, struct db *db,
    const struct conf *conf);
void push_run_close(struct push_run *run);

/*
 * Stores the answers that came, and begins what is due. Call it when something
 * may be due, and, while push_run_is_busy(), several times a second. ERR_DB,
 * ERR_BUSY, ERR_NOMEM: nothing is lost, call it again later.
 */
int push_run_go(struct push_run *run);

/* Is a push on its way, or an answer not stored? */
bool push_run_is_busy(const struct push_run *run);

/*
 * When push_run_go() has something to do next; 0: not before somebody wants a
 * push. ERR_DB.
 */
int push_run_next(const struct push_run *run, int64_t *at);

#endif
