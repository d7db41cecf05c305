#include "store/activity_chain.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

#define FIELDS_MAX 16384

/* Entries that are read at a time. */
#define STEP 500

enum { TAIL, CUT, LOAD_CUT, HAS_CHAIN, ADOPT };

static const char *const texts[] = {
	[TAIL] = "SELECT coalesce((SELECT id FROM activities WHERE id > 0"
		 " ORDER BY id DESC LIMIT 1), 0) + 1,"
		 " (SELECT hash FROM activities WHERE id > 0"
		 " AND hash IS NOT NULL ORDER BY id DESC LIMIT 1)",
	[CUT] = "INSERT INTO activities_removed (one, id, hash, removed_at)"
		" VALUES (1, $1, $2, $3) ON CONFLICT (one) DO UPDATE"
		" SET id = excluded.id, hash = excluded.hash,"
		" removed_at = excluded.removed_at",
	[LOAD_CUT] = "SELECT id, hash, removed_at FROM activities_removed"
		     " WHERE one = 1",
	[HAS_CHAIN] = "SELECT 1 FROM activities WHERE id > 0"
		      " AND hash IS NOT NULL",
	/* the one statement that changes an entry */
	[ADOPT] = "UPDATE activities SET hash = $2 WHERE id = $1"
		  " AND hash IS NULL",
};

SQL_FAMILY(activity_chain, texts, NULL);

#define ROW struct activity_tail

static const struct column tail_columns[] = {
	{ "id", INT(next_id) },
	{ "hash", DIGEST(hash) },
};

static const struct table tail_table = TABLE(tail_columns);

#undef ROW
#define ROW struct cut

struct cut {
	int64_t id;
	uint8_t hash[SECRET_SHA256];
	int64_t at;
};

static const struct column cut_columns[] = {
	{ "id", INT(id) },
	{ "hash", DIGEST(hash) },
	{ "removed_at", INT(at) },
};

static const struct table cut_table = TABLE(cut_columns);

int
activity_chain_tail(struct db *db, struct activity_tail *out)
{
	return sql_one(db, texts[TAIL], &tail_table, NULL, out);
}

static void
add_field(struct buf *text, const char *field)
{
	buf_printf(text, "%zu:%s", strlen(field), field);
}

int
activity_chain_hash(const struct activity *a,
    const uint8_t before[SECRET_SHA256], uint8_t out[SECRET_SHA256])
{
	struct buf text;
	int r;

	buf_init(&text, FIELDS_MAX);
	buf_add(&text, before, SECRET_SHA256);
	buf_printf(&text, "%" PRId64 ":%" PRId64 ":", a->id, a->at);
	add_field(&text, a->actor);
	add_field(&text, a->remote);
	add_field(&text, a->request);
	add_field(&text, a->action);
	add_field(&text, a->serial);
	add_field(&text, a->before);
	add_field(&text, a->after);
	add_field(&text, a->detail);
	if ((r = buf_status(&text)) == OK)
		secret_sha256(buf_blob(&text), out);
	buf_release(&text);
	return r;
}

int
activity_chain_cut(struct db *db, const struct activity *last)
{
	return sql_run(db, texts[CUT],
	    WITH(datum_int(last->id), datum_digest(last->hash),
		datum_int(clock_now())));
}

/* Where the chain begins: zeros, unless something was removed. */
static int
load_cut(struct db *db, struct cut *out)
{
	int r = sql_one(db, texts[LOAD_CUT], &cut_table, NULL, out);

	return r == ERR_NOT_FOUND ? OK : r;
}

static bool
is_refusal(const struct activity *a)
{
	size_t n = strlen(a->action), tail = strlen(ACTIVITIES_REFUSED);

	return n > tail && strcmp(a->action + n - tail, ACTIVITIES_REFUSED) == 0;
}

static int
adopt_one(struct db *db, const struct activity *a, uint8_t hash[SECRET_SHA256])
{
	uint8_t next[SECRET_SHA256];
	int r;

	if ((r = activity_chain_hash(a, hash, next)) != OK)
		return r;
	memcpy(hash, next, SECRET_SHA256);
	return sql_change(db, texts[ADOPT],
	    WITH(datum_int(a->id), datum_digest(hash)), ERR_CONFLICT);
}

static int
adopt_all(struct db *db, int *taken)
{
	uint8_t hash[SECRET_SHA256] = { 0 };
	struct activity_list list;
	int64_t after = 0;
	bool done;
	int r;

	r = sql_exists(db, texts[HAS_CHAIN], NULL, &done);
	while (r == OK && !done) {
		if ((r = activities_list_after(db, after, STEP, &list)) != OK)
			return r;
		done = list.n == 0;
		for (size_t i = 0; i < list.n && r == OK; i++) {
			after = list.rows[i].id;
			if (is_refusal(&list.rows[i]))
				continue;
			r = adopt_one(db, &list.rows[i], hash);
			++*taken;
		}
		activities_list_release(&list);
	}
	return r;
}

int
activity_chain_adopt(struct db *db, int *taken)
{
	int r;

	*taken = 0;
	if ((r = db_begin(db)) == OK)
		r = db_end(db, adopt_all(db, taken));
	return r;
}

static void
begin_at(const struct cut *cut, struct activity_verdict *out)
{
	out->removed_id = out->last_id = cut->id;
	out->removed_at = cut->at;
	memcpy(out->head, cut->hash, SECRET_SHA256);
	out->first_id = out->first_at = out->last_at = out->count = 0;
}

static void
look_for(const uint8_t *head, int64_t id, struct activity_verdict *out)
{
	if (head == NULL || id == 0 ||
	    memcmp(head, out->head, SECRET_SHA256) != 0)
		return;
	out->head_found = true;
	out->head_id = id;
}

static int
break_at(const struct activity *a, struct activity_verdict *out)
{
	out->broken = true;
	out->broken_id = a->id;
	return OK;
}

static int
follow(const struct activity *a, const uint8_t *head,
    struct activity_verdict *out)
{
	uint8_t want[SECRET_SHA256];
	int r;

	if ((r = activity_chain_hash(a, out->head, want)) != OK)
		return r;
	if (memcmp(want, a->hash, SECRET_SHA256) != 0)
		return break_at(a, out);
	if (out->count++ == 0) {
		out->first_id = a->id;
		out->first_at = a->at;
	}
	out->last_id = a->id;
	out->last_at = a->at;
	memcpy(out->head, want, SECRET_SHA256);
	look_for(head, a->id, out);
	return OK;
}

/*
 * Where the chain has begun, only refusals may stand outside of it; before that,
 * entries may be older than the chain.
 */
static int
take(const struct activity *a, const uint8_t *head, struct activity_verdict *out)
{
	if (a->chained)
		return follow(a, head, out);
	return out->last_id != 0 && !is_refusal(a) ? break_at(a, out) : OK;
}

/* *more: rows were read, and the chain is whole as far as they go. */
static int
step(struct db *db, const uint8_t *head, int64_t *after,
    struct activity_verdict *out, bool *more)
{
	struct activity_list list;
	int r;

	if ((r = activities_list_after(db, *after, STEP, &list)) != OK)
		return r;
	for (size_t i = 0; i < list.n && r == OK && !out->broken; i++) {
		*after = list.rows[i].id;
		r = take(&list.rows[i], head, out);
	}
	if (list.n == 0 && list.damaged > 0)
		out->broken = true;
	*more = list.n > 0 && !out->broken;
	activities_list_release(&list);
	return r;
}

int
activity_chain_verify(struct db *db, const uint8_t head[SECRET_SHA256],
    struct activity_verdict *out)
{
	struct cut cut;
	int64_t after;
	bool more = true;
	int r;

	*out = (struct activity_verdict){ 0 };
	if ((r = load_cut(db, &cut)) != OK)
		return r;
	do {
		begin_at(&cut, out);
		look_for(head, cut.id, out);
		out->broken = false;
		out->broken_id = 0;
		after = cut.id;
		while (more && r == OK)
			r = step(db, head, &after, out, &more);
		/* old entries may have been removed meanwhile, ahead of us */
		if (r != OK || (r = load_cut(db, &cut)) != OK)
			return r;
		more = true;
	} while (out->broken && cut.id > out->last_id);
	return OK;
}

/* The first entry in the chain is where following it begins: its hash is trusted. */
static int
begin_with(const struct activity *a, struct activity_verdict *out)
{
	if (!a->chained)
		return OK;
	out->first_id = out->last_id = a->id;
	out->count = 1;
	memcpy(out->head, a->hash, SECRET_SHA256);
	return OK;
}

int
activity_chain_verify_end(struct db *db, struct activity_verdict *out)
{
	const struct activity_filter newest = { .limit = ACTIVITY_CHAIN_END };
	struct activity_list list;
	int r;

	*out = (struct activity_verdict){ 0 };
	if ((r = activities_list(db, &newest, &list)) != OK)
		return r;
	out->broken = list.damaged > 0;
	for (size_t i = list.n; i-- > 0 && r == OK && !out->broken;)
		r = out->count == 0 ? begin_with(&list.rows[i], out)
				    : take(&list.rows[i], NULL, out);
	activities_list_release(&list);
	return r;
}
