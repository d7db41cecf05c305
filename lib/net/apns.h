/*
 * One push to Apple's push notification service for device management (Apple:
 * "Sending notification requests to APNs", "Handling notification responses
 * from APNs"): the request, and what its answer means.
 */
#ifndef NET_APNS_H
#define NET_APNS_H

#include "net/net.h"
#include "store/pushes.h"

/* Bytes of an answer, which is a short JSON object. */
#define APNS_ANSWER_MAX 4096
/* For all of one push, in seconds. */
#define APNS_SECONDS 30
/* How long Apple keeps a push for a device that is off, in seconds. */
#define APNS_KEPT (INT64_C(7) * 86400)

/* Where pushes go, and as whom. */
struct apns_peer {
	/* https://host[:port] */
	const char *url;
	/* PEM file, or NULL for the system's authorities */
	const char *ca_file;
	/* PEM file with certificate and key */
	const char *identity;
};

enum apns_meaning {
	APNS_ACCEPTED,
	/* the device's token is dead */
	APNS_DEAD,
	/* this device gets too many */
	APNS_TOO_MANY,
	/* Apple cannot now */
	APNS_BUSY,
	/* Apple does not take our certificate */
	APNS_CERTIFICATE,
	/* the request is wrong: a fault of ours */
	APNS_FAULT,
};

struct apns_answer {
	enum apns_meaning meaning;
	long status;
	/* Apple's word for it, letters and digits, or "" */
	char reason[PUSHES_REASON_TEXT];
	char apns_id[PUSHES_ID_TEXT];
	/*
	 * since when the token is dead, in milliseconds since 1970; 0: not said
	 */
	int64_t dead_since;
};

/* Appends {"mdm": PushMagic}. */
int apns_body(const char *magic, struct buf *out);

/* Begins the push; see net_start(). Token and PushMagic are never logged. */
int apns_start(struct net *net, const struct apns_peer *peer,
    const struct push *push, net_done *done, void *arg);

/*
 * What an answer means. `apns_id` may be NULL. A body that is not what Apple
 * documents is taken as if there were none: the status decides.
 */
void apns_read(long status, struct blob body, const char *apns_id,
    struct apns_answer *out);

#endif
