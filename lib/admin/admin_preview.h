/*
 * What a change of the requirements would mean for the hosts that are enrolled:
 * which certificate each would get at its next renewal, by the very function
 * that decides then (policy/decision.h), and why.
 */
#ifndef ADMIN_PREVIEW_H
#define ADMIN_PREVIEW_H

#include "admin/admin_setting.h"
#include "policy/decision.h"

/* Groups at most; hosts of any other are counted in the totals alone. */
#define ADMIN_PREVIEW_GROUPS  64
#define ADMIN_PREVIEW_SERIALS 5
/* Room for the name of a group. */
#define ADMIN_PREVIEW_KEY_TEXT 17
/* Hosts of a group at a time, and how many are looked at for them. */
#define ADMIN_PREVIEW_LIST 100
#define ADMIN_PREVIEW_SCAN 4000
/* With more enrolled hosts than this, a preview is of what the worker counted. */
#define ADMIN_PREVIEW_AT_ONCE 5000
/* Counts older than this make the worker count anew when somebody looks. */
#define ADMIN_PREVIEW_FRESH 600

/* Hosts with the same outcome for the same reason. */
struct admin_preview_group {
	/* a name that stays while method and reason do */
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
	/* when the hosts were counted; 0: just now */
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
	/* assigned in Apple Business, and no enrolled host: decided by what
	 * they say when they enroll */
	int64_t not_enrolled;
	struct admin_preview_group groups[ADMIN_PREVIEW_GROUPS];
	size_t n;
};

/* Is it a setting that decides who has to attest or may enroll? */
bool admin_preview_concerns(const char *name);

/*
 * Fills in what `n` settings would mean if they had these values, besides the
 * ones that are stored. Keeps nobody from writing. Reads
 * all enrolled hosts: 4.5 s of CPU for a million. For every role. ERR_NOT_FOUND,
 * ERR_LICENSE and ERR_FIELD as settings_check(); ERR_NOMEM.
 */
int admin_preview(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, struct admin_preview *out);

/*
 * The same at once: where there are many hosts, from what the worker counted last,
 * as out->counted_at tells, and makes it count anew. As long as it has not counted
 * at all, as admin_preview().
 */
int admin_preview_soon(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, struct admin_preview *out);

/*
 * The counting, for the worker, in steps of some milliseconds. The caller sets db,
 * the rest is zero; *more is false when it is over and stored. Forgets what was
 * counted where that is not needed: with few hosts, or with hosts of almost as many
 * kinds. Ends with admin_preview_count_end().
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
 * The hosts of one group, after the serial number `after` ("": from the
 * start). There may be none and still a `next`, for a group that is rare.
 */
int admin_preview_list(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, const char *key,
    const char *after, struct admin_preview_hosts *out);

#endif
