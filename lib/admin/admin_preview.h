/*
 * What a change of the requirements would mean for the hosts that are enrolled:
 * which certificate each would get at its next renewal, by the very function
 * that decides then (policy/decision.h), and why.
 */
#ifndef ADMIN_PREVIEW_H
#define ADMIN_PREVIEW_H

#include "admin/admin_setting.h"
#include "policy/decision.h"

/* Most groups; hosts of any further group are counted in the totals alone. */
#define ADMIN_PREVIEW_GROUPS  64
/* Serial numbers shown of each group. */
#define ADMIN_PREVIEW_SERIALS 5
/* Room for the name of a group. */
#define ADMIN_PREVIEW_KEY_TEXT 17
/* Most hosts that admin_preview_list() returns, and that it looks at for them. */
#define ADMIN_PREVIEW_LIST 100
#define ADMIN_PREVIEW_SCAN 4000
/* With more enrolled hosts than this, a preview is of what the worker counted. */
#define ADMIN_PREVIEW_AT_ONCE 5000
/* Counts that are older than this, in seconds, make a preview ask for new ones. */
#define ADMIN_PREVIEW_FRESH 600

/* Hosts with the same outcome for the same reason. */
struct admin_preview_group {
	/* names the group; the same for the same method and reason */
	char key[ADMIN_PREVIEW_KEY_TEXT];
	enum decision_method method;
	/* of err.def for DECISION_REFUSE, else OK */
	int code;
	char reason[256];
	int64_t hosts;
	/* some of them, "" after the last */
	char serials[ADMIN_PREVIEW_SERIALS][DB_SERIAL_TEXT];
};

struct admin_preview {
	/* when the hosts were counted, in seconds since 1970; 0: just now */
	int64_t counted_at;
	/* enrolled hosts, and what they would get */
	int64_t hosts, acme, scep, refused;
	/* of those with ACME: attested now already */
	int64_t attested;
	/* would not be renewed, and would be by the settings of today */
	int64_t newly_refused;
	/* attested, renewed by ACME today, and by SCEP then */
	int64_t losing;
	/* would get ACME instead of SCEP if all devices had to attest */
	int64_t could_attest;
	/*
	 * assigned in Apple Business but not enrolled: what they get is decided
	 * when they enroll
	 */
	int64_t not_enrolled;
	struct admin_preview_group groups[ADMIN_PREVIEW_GROUPS];
	size_t n;
};

/* Does the setting of this name decide who has to attest or may enroll? */
bool admin_preview_concerns(const char *name);

/*
 * What the hosts would get if these `n` settings had these values, and all others
 * the stored ones. For every role. Reads all enrolled hosts, which takes 4.5 s of CPU
 * for a million; writers need not wait. ERR_NOT_FOUND, ERR_LICENSE and ERR_FIELD as
 * settings_check(); ERR_NOMEM.
 */
int admin_preview(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, struct admin_preview *out);

/*
 * The same without the wait: with more than ADMIN_PREVIEW_AT_ONCE hosts, from what
 * the worker counted last (out->counted_at). If that is old, the worker is asked to
 * count again. Where it has not counted yet, as admin_preview().
 */
int admin_preview_soon(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, struct admin_preview *out);

/*
 * The worker's count of hosts by kind (store/population.h), in steps of some
 * milliseconds. The caller sets db, and everything else to zero; *more is false once
 * the count is complete and stored. With few hosts, or too many kinds, it is not
 * needed, and any earlier count is deleted. admin_preview_count_end() frees the state,
 * in any case.
 */
struct admin_preview_count {
	struct db *db;
	/* hosts that were counted until now */
	int64_t hosts;
	struct admin_preview_counting *state;
};

int admin_preview_count_step(struct admin_preview_count *c, bool *more);
void admin_preview_count_end(struct admin_preview_count *c);

struct admin_preview_hosts {
	char serials[ADMIN_PREVIEW_LIST][DB_SERIAL_TEXT];
	size_t n;
	/* where to go on; "" when these were the last ones */
	char next[DB_SERIAL_TEXT];
};

/*
 * The hosts of the group `key`, in the order of serial numbers, after `after` ("":
 * from the start). There may be none and still a `next`, since only
 * ADMIN_PREVIEW_SCAN hosts are looked at. ERR_FIELD: `after` is too long; otherwise as
 * admin_preview().
 */
int admin_preview_list(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, const char *key,
    const char *after, struct admin_preview_hosts *out);

#endif
