#include "store/renewal_candidates.h"

#include <string.h>

#include "base/enc.h"
#include "store/renewals.h"
#include "store/sql.h"

#define DAY_TEXT  "86400"
#define WEEK_TEXT "604800"

enum {
	LONGEST,
	DUE,
	NOT_ATTESTED,
	ENDING,
	UNANSWERED,
	IS_UNANSWERED,
	LOAD,
};

/* the certificate that check-in accepts of an enrolled host */
#define PRESENT                                                                \
	" c.sha256 = h.certificate_sha256 AND c.state = 'current'"             \
	" AND h.state = 'enrolled'"
/* an open renewal (e its enrollment) that nobody answers any more; $1 now */
#define OVER                                                                   \
	" (r.opened_at > $1 + " DAY_TEXT                                       \
	" OR (e.expires_at <= $1 AND (e.state <> 'issued'"                     \
	" OR h.last_seen_at > e.expires_at)))"

/*
 * A time that is noted here may have come from a clock that was wrong. What
 * lies further ahead than it ever can does not count, or a host would wait for
 * it until its certificate is over.
 */
static const char *const texts[] = {
	/* the longest life of those in use, to know which may be due at all */
	[LONGEST] = "SELECT COALESCE(max(lifetime), 0) FROM certificates"
		    " WHERE state = 'current'",
	/* $1 now, $2 window, $3 and $7 the earliest and the latest end of what
	 * may be due, $4 limit, $5 and $6 the last one seen; when it is due,
	 * renewals_due_at() says, too. CROSS JOIN keeps SQLite from looking at
	 * all hosts first. */
	[DUE] =
	    "SELECT {columns} FROM certificates c"
	    " CROSS JOIN hosts h"
	    " WHERE h.serial = c.serial AND" PRESENT " AND c.not_after >= $5"
	    " AND (c.not_after, c.sha256) > ($5, $6)"
	    " AND c.not_after <= $7 AND c.not_after > $3"
	    " AND (c.lifetime >= 2 * $2"
	    " OR c.not_after - c.lifetime / 3 <= $1)"
	    " AND NOT EXISTS (SELECT 1 FROM renewals r"
	    " WHERE r.host_id = h.id AND (r.enrollment_id IS NOT NULL"
	    " OR CASE r.unanswered WHEN 0"
	    " THEN r.next_try_at > $1 AND r.next_try_at <= $1 + " WEEK_TEXT
	    " ELSE r.closed_at <= $1 AND h.last_seen_at <= r.closed_at"
	    " END))"
	    " ORDER BY c.not_after, c.sha256 LIMIT $4",
	[NOT_ATTESTED] =
	    SQL_SCANS "SELECT {columns} FROM hosts h"
		      " JOIN certificates c ON c.sha256 = h.certificate_sha256"
		      " WHERE" PRESENT " AND h.serial > $1"
		      " AND h.hardware_attested = 0 AND EXISTS (SELECT 1"
		      " FROM ade_devices a WHERE a.serial = h.serial"
		      " AND a.removed_at IS NULL) AND NOT EXISTS (SELECT 1"
		      " FROM renewals r JOIN enrollments e"
		      " ON e.id = r.enrollment_id WHERE r.host_id = h.id"
		      " AND (e.method = 'acme' OR e.state <> 'open'))"
		      " ORDER BY h.serial LIMIT $2",
	[ENDING] =
	    "SELECT {columns} FROM certificates c"
	    " CROSS JOIN hosts h"
	    " WHERE h.serial = c.serial AND" PRESENT " AND c.not_after > $2"
	    " AND c.not_after < $4 AND c.not_after"
	    " < $1 + c.lifetime / 6"
	    " AND NOT EXISTS (SELECT 1 FROM renewals r"
	    " WHERE r.host_id = h.id AND r.alarmed_at <= $1"
	    " AND r.alarmed_at >= c.not_after - CASE"
	    " WHEN c.not_after <= $1 THEN 0"
	    " WHEN c.not_after <= $1 + 86400 THEN 86400"
	    " WHEN c.not_after <= $1 + 604800 THEN 604800"
	    " WHEN c.not_after <= $1 + 1209600 THEN 1209600"
	    " ELSE 2592000 END)"
	    " ORDER BY c.not_after LIMIT $3",
	[UNANSWERED] =
	    SQL_SCANS "SELECT {columns} FROM renewals r"
		      " JOIN enrollments e ON e.id = r.enrollment_id"
		      " JOIN hosts h ON h.id = r.host_id"
		      " JOIN certificates c ON c.sha256 = h.certificate_sha256"
		      " WHERE r.enrollment_id IS NOT NULL AND" OVER
		      " ORDER BY r.opened_at LIMIT $2",
	[IS_UNANSWERED] = "SELECT 1 FROM renewals r"
			  " JOIN enrollments e ON e.id = r.enrollment_id"
			  " JOIN hosts h ON h.id = r.host_id"
			  " WHERE r.host_id = $2 AND" OVER,
	[LOAD] = "SELECT {columns} FROM hosts h"
		 " JOIN certificates c ON c.sha256 = h.certificate_sha256"
		 " WHERE" PRESENT " AND h.id = $1",
};

#define ROW struct renewal_candidate

/* h: hosts, c: certificates */
static const struct column columns[] = {
	{ "h.id", TEXT(host_id) },
	{ "h.serial", TEXT(serial) },
	{ "c.sha256", DIGEST(sha256) },
	{ "c.not_after", INT(not_after) },
	{ "c.lifetime", INT(lifetime) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(renewal_candidates, texts, &table);

void
renewal_candidates_list_release(struct renewal_candidate_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct renewal_candidate_list){ 0 };
}

static int
longest_life(struct db *db, int64_t *out)
{
	return sql_integer(db, texts[LONGEST], NULL, out);
}

int
renewal_candidates_due(struct db *db, const struct renewal_query *query,
    const struct renewal_candidate *after, struct renewal_candidate_list *out)
{
	static const struct renewal_candidate start = { .not_after = 0 };
	int64_t life;
	int r;

	*out = (struct renewal_candidate_list){ 0 };
	if ((r = longest_life(db, &life)) != OK)
		return r;
	if (after == NULL)
		after = &start;
	/* the longer a life, the earlier before its end a renewal is due: the
	 * longest one bounds them all */
	return sql_rows(db, texts[DUE], &table,
	    WITH(datum_int(query->now), datum_int(query->window),
		datum_int(query->now - query->grace), datum_int(query->limit),
		datum_int(after->not_after), datum_digest(after->sha256),
		datum_int(
		    query->now - renewals_due_at(0, life, query->window))),
	    &out->rows, &out->n);
}

/* Of the row before, from a cursor: where there is none, what sorts first. */
static int
read_cursor(const char *text, struct renewal_candidate *out)
{
	struct cursor cursor = { .number = 0 };
	struct buf digest;
	int r;

	*out = (struct renewal_candidate){ 0 };
	if ((r = cursor_read(text, "rd", &cursor)) != OK || *cursor.id == '\0')
		return r;
	buf_init(&digest, sizeof out->sha256);
	r = enc_hex_decode(blob_str(cursor.id), &digest);
	if (r == OK && digest.n == sizeof out->sha256)
		memcpy(out->sha256, digest.p, digest.n);
	else if (r != ERR_NOMEM)
		r = ERR_FIELD;
	buf_release(&digest);
	out->not_after = cursor.number;
	return r;
}

static int
write_cursor(const struct renewal_candidate *last, char out[CURSOR_TEXT])
{
	struct cursor cursor = { .number = last->not_after };
	struct buf digest;
	int r;

	buf_init(&digest, sizeof cursor.id);
	r = enc_hex(blob_of(last->sha256, sizeof last->sha256), &digest);
	COPY(cursor.id, buf_str(&digest));
	buf_release(&digest);
	if (r == OK)
		cursor_write("rd", &cursor, out);
	return r;
}

int
renewal_candidates_list(struct db *db, const struct renewal_query *query,
    const char *cursor, struct renewal_candidate_list *out,
    char next[CURSOR_TEXT])
{
	struct renewal_query one_more = *query;
	struct renewal_candidate after;
	int r;

	*out = (struct renewal_candidate_list){ 0 };
	*next = '\0';
	one_more.limit++;
	if ((r = read_cursor(cursor, &after)) != OK ||
	    (r = renewal_candidates_due(db, &one_more, &after, out)) != OK ||
	    out->n <= (size_t)query->limit)
		return r;
	out->n--;
	if ((r = write_cursor(&out->rows[out->n - 1], next)) != OK)
		renewal_candidates_list_release(out);
	return r;
}

int
renewal_candidates_not_attested(struct db *db,
    const struct renewal_candidate *after, int limit,
    struct renewal_candidate_list *out)
{
	*out = (struct renewal_candidate_list){ 0 };
	return sql_rows(db, texts[NOT_ATTESTED], &table,
	    WITH(datum_text(after == NULL ? "" : after->serial),
		datum_int(limit)),
	    &out->rows, &out->n);
}

int
renewal_candidates_ending(struct db *db, int64_t now, int64_t window,
    int limit, struct renewal_candidate_list *out)
{
	int64_t life;
	int r;

	*out = (struct renewal_candidate_list){ 0 };
	if ((r = longest_life(db, &life)) != OK)
		return r;
	return sql_rows(db, texts[ENDING], &table,
	    WITH(datum_int(now), datum_int(now - window), datum_int(limit),
		datum_int(now + (life / 6 < window ? life / 6 : window))),
	    &out->rows, &out->n);
}

int
renewal_candidates_unanswered(
    struct db *db, int64_t now, int limit, struct renewal_candidate_list *out)
{
	*out = (struct renewal_candidate_list){ 0 };
	return sql_rows(db, texts[UNANSWERED], &table,
	    WITH(datum_int(now), datum_int(limit)), &out->rows, &out->n);
}

int
renewal_candidates_is_unanswered(
    struct db *db, const char *host_id, int64_t now, bool *out)
{
	return sql_exists(db, texts[IS_UNANSWERED],
	    WITH(datum_int(now), datum_text(host_id)), out);
}

int
renewal_candidates_load(
    struct db *db, const char *host_id, struct renewal_candidate *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(host_id)), out);
}
