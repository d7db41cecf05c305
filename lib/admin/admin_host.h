/* Hosts as an administrator finds, blocks and unblocks them. */
#ifndef ADMIN_HOST_H
#define ADMIN_HOST_H

#include "admin/admin_actor.h"
#include "store/attestations.h"
#include "store/certificates.h"
#include "store/hosts.h"
#include "store/pushes.h"
#include "store/renewals.h"

/*
 * By id, serial number or UDID. ERR_NOT_FOUND; ERR_CONFLICT when it is the serial
 * number of one host and the UDID of another.
 */
int admin_host_find(struct db *db, const char *name, struct host *out);

/* The identity that a host has, its renewal and its evidence. */
struct admin_host_details {
	bool has_certificate;
	struct certificate certificate;
	/* zeros unless the host is enrolled; seconds since 1970 */
	struct renewal renewal;
	int64_t renewal_due_at;
	/* zeros when it never had a push token */
	struct push push;
	/* Apple's, for a certificate that was attested */
	bool has_evidence;
	struct attestation_row evidence;
};

/* The caller releases *out, also after a failure. */
int admin_host_load(const struct conf *conf, struct db *db,
    const struct host *host, struct admin_host_details *out);
void admin_host_release(struct admin_host_details *details);

/*
 * Blocks hosts, all or none: each is told to unenroll at its next check-in, and
 * its open enrollment profiles are revoked. ERR_NOT_FOUND, ERR_ROLE.
 */
int admin_host_block(
    const struct admin_actor *actor, const char *const *names, int n);

/* Lets blocked hosts enroll again, all or none. ERR_CONFLICT: not blocked. */
int admin_host_unblock(
    const struct admin_actor *actor, const char *const *names, int n);

/*
 * Deletes unenrolled hosts with their commands, all or none. ERR_CONFLICT: not
 * unenrolled.
 */
int admin_host_delete(
    const struct admin_actor *actor, const char *const *names, int n);

#endif
