/*
 * A walk reads enrolled hosts and records of Apple Business side by side, both in the
 * order of serial numbers, and decides for each host. Hosts of which the same is known
 * get the same decision: a memo is a slot of a hash table that holds one, so that each
 * is made about once. A kind is what memos know of hosts with their number, as the
 * worker stores it where there are many; it is turned into a memo again to decide by
 * other settings.
 */
#include "admin/admin_preview.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "store/jobs.h"
#include "store/population.h"

/* Rows that are read at a time. */
#define PAGE 2000
/* Slots; among a million hosts, few differ in what decides. */
#define MEMOS 1024
/* Some hundreds are expected. */
#define KINDS_MAX 4096

/* What was decided for hosts of which the same is known. */
struct memo {
	bool used;
	struct population_host facts;
	enum device_assignment assignment;
	bool silicon;
	enum product_kind kind;

	/* by the settings as planned, as they are, and with all devices */
	struct decision planned;
	enum decision_method now, wider;
	char key[ADMIN_PREVIEW_KEY_TEXT];
	/* 1 + the number of its kind, when kinds are counted */
	size_t kind_number;
};

struct walk {
	struct db *db;
	/* the settings as planned and as they are */
	struct device_state planned, now;
	struct memo *memos;
	struct population_hosts hosts;
	struct ade_device_list records;
	/* the next one of them */
	size_t at;
	bool over;
	char after[DB_SERIAL_TEXT];

	/* for each host, with what is decided for it; false ends the walk */
	bool (*on_host)(void *arg, const char *serial, struct memo *m);
	void *arg;
	int64_t not_enrolled;
};

bool
admin_preview_concerns(const char *name)
{
	return strcmp(name, SETTINGS_REQUIRE_ATTESTATION) == 0 ||
	    strcmp(name, SETTINGS_ATTESTATION_DEVICES) == 0 ||
	    strcmp(name, SETTINGS_BUSINESS_ONLY) == 0;
}

static void
apply(struct device_state *s, const struct admin_setting *set)
{
	if (strcmp(set->name, SETTINGS_REQUIRE_ATTESTATION) == 0)
		s->require_attestation = strcmp(set->value, "true") == 0;
	else if (strcmp(set->name, SETTINGS_ATTESTATION_DEVICES) == 0)
		s->macs_only = strcmp(set->value, SETTINGS_DEVICES_MACS) == 0;
	else if (strcmp(set->name, SETTINGS_BUSINESS_ONLY) == 0)
		s->business_only = strcmp(set->value, "true") == 0;
}

static void
name_group(const struct decision *d, char out[ADMIN_PREVIEW_KEY_TEXT])
{
	char text[sizeof d->reason + 32];
	uint8_t sha256[SECRET_SHA256];
	struct buf hex;

	snprintf(text, sizeof text, "%s %s", decision_method_name(d->method),
	    d->reason);
	secret_sha256(blob_str(text), sha256);
	buf_init(&hex, ADMIN_PREVIEW_KEY_TEXT);
	enc_hex(blob_of(sha256, (ADMIN_PREVIEW_KEY_TEXT - 1) / 2), &hex);
	snprintf(out, ADMIN_PREVIEW_KEY_TEXT, "%s", buf_str(&hex));
	buf_release(&hex);
}

/* As a renewal decides it (enroll/renewer.c). */
static void
decide(struct decision_input *in, const struct device_state *settings,
    struct decision *out)
{
	in->state.require_attestation = settings->require_attestation;
	in->state.macs_only = settings->macs_only;
	in->state.business_only = settings->business_only;
	decision_make(in, out);
}

static void
fill(const struct walk *w, const struct device_state *s, struct memo *m)
{
	struct decision_input in = { .source = ENROLLMENT_COMMAND,
		.device = m->facts.device, .state = *s };
	struct device_state all = w->planned;
	struct decision d;

	in.state.host = (struct host){ .state = HOST_ENROLLED,
		.device = m->facts.device,
		.hardware_attested = m->facts.hardware_attested,
		.ever_attested_at = m->facts.ever_attested_at };
	decide(&in, &w->now, &d);
	m->now = d.method;
	all.macs_only = false;
	decide(&in, &all, &d);
	m->wider = d.method;
	decide(&in, &w->planned, &m->planned);
	name_group(&m->planned, m->key);
}

static uint32_t
mix(uint32_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 16777619U;
	return (h ^ 0xff) * 16777619U;
}

static bool
is_same(const struct memo *m, const struct population_host *h,
    const struct device_state *s)
{
	return m->used && m->assignment == s->assignment &&
	    m->silicon == s->known_silicon && m->kind == s->known_kind &&
	    m->facts.hardware_attested == h->hardware_attested &&
	    (m->facts.ever_attested_at != 0) == (h->ever_attested_at != 0) &&
	    strcmp(m->facts.device.product, h->device.product) == 0 &&
	    strcmp(m->facts.device.os_version, h->device.os_version) == 0 &&
	    strcmp(m->facts.device.build_version, h->device.build_version) ==
		0;
}

static struct memo *
recall(struct walk *w, const struct population_host *h,
    const struct device_state *s)
{
	uint32_t hash = mix(mix(mix(2166136261U, h->device.product),
				h->device.os_version),
	    h->device.build_version);
	struct memo *m;

	hash += (uint32_t)s->assignment * 7 + (uint32_t)s->known_kind * 31 +
	    s->known_silicon * 101U + h->hardware_attested * 211U;
	m = &w->memos[hash % MEMOS];
	if (!is_same(m, h, s)) {
		*m = (struct memo){ .used = true, .facts = *h,
			.assignment = s->assignment,
			.silicon = s->known_silicon,
			.kind = s->known_kind };
		fill(w, s, m);
	}
	return m;
}

/* The next record; NULL after the last. */
static int
peek(struct walk *w, const struct ade_device **out)
{
	char after[DB_SERIAL_TEXT];
	int r = OK;

	if (w->at == w->records.n && !w->over) {
		memcpy(after,
		    w->records.n > 0 ? w->records.rows[w->records.n - 1].serial
				     : w->after,
		    sizeof after);
		population_release_records(&w->records);
		w->at = 0;
		r = population_load_records(w->db, after, PAGE, &w->records);
		w->over = r == OK && w->records.n == 0;
	}
	*out = r == OK && w->at < w->records.n ? &w->records.rows[w->at] : NULL;
	return r;
}

/*
 * Reads the records up to that serial number (NULL: all); those of it say what
 * it is, the others are of devices that are not enrolled.
 */
static int
learn(struct walk *w, const char *serial, struct device_state *s)
{
	char last[DB_SERIAL_TEXT] = "";
	const struct ade_device *d;
	int order, r;

	while ((r = peek(w, &d)) == OK && d != NULL) {
		order = serial == NULL ? -1 : strcmp(d->serial, serial);
		if (order > 0)
			break;
		if (order == 0)
			device_state_learn_record(s, d);
		else if (d->removed_at == 0 && strcmp(last, d->serial) != 0) {
			w->not_enrolled++;
			memcpy(last, d->serial, sizeof last);
		}
		w->at++;
	}
	return r;
}

static int
visit(struct walk *w, const struct population_host *h, bool *more)
{
	struct device_state s = { .assignment = DEVICE_NEVER_ASSIGNED };
	int r = learn(w, h->device.serial, &s);

	if (r != OK)
		return r;
	device_state_learn_kind(&s, product_kind_of(h->attested_product));
	*more = w->on_host(w->arg, h->device.serial, recall(w, h, &s));
	memcpy(w->after, h->device.serial, sizeof w->after);
	return OK;
}

/* *more: there may be other hosts, and they are wanted. */
static int
run_page(struct walk *w, bool *more)
{
	size_t i;
	int r;

	*more = true;
	if (w->memos == NULL &&
	    (w->memos = calloc(MEMOS, sizeof *w->memos)) == NULL)
		return fail(ERR_NOMEM, "no memory for a preview");
	r = population_load_hosts(w->db, w->after, PAGE, &w->hosts);
	for (i = 0; r == OK && *more && i < w->hosts.n; i++)
		r = visit(w, &w->hosts.rows[i], more);
	*more = *more && w->hosts.n == PAGE;
	population_release_hosts(&w->hosts);
	return r;
}

static int
run(struct walk *w)
{
	bool more = true;
	int r = OK;

	while (r == OK && more)
		r = run_page(w, &more);
	return r;
}

static void
end(struct walk *w)
{
	population_release_records(&w->records);
	free(w->memos);
}

static int
begin(struct walk *w, const struct admin_actor *actor,
    const struct admin_setting *all, size_t n)
{
	struct admin_actor reader = *actor;
	size_t i;
	int r;

	/* everybody may look at what would be */
	reader.role = ADMIN_ROLE_GITOPS;
	w->db = actor->db;
	if ((r = admin_setting_check(&reader, all, n, false)) != OK ||
	    (r = device_state_load_settings(
		 actor->db, actor->conf, &w->now)) != OK)
		return r;
	w->planned = w->now;
	for (i = 0; i < n; i++)
		apply(&w->planned, &all[i]);
	return OK;
}

static struct admin_preview_group *
find_group(struct admin_preview *p, const struct memo *m)
{
	struct admin_preview_group *g;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (strcmp(p->groups[i].key, m->key) == 0)
			return &p->groups[i];
	if (p->n == ADMIN_PREVIEW_GROUPS)
		return NULL;
	g = &p->groups[p->n++];
	*g = (struct admin_preview_group){ .method = m->planned.method,
		.code = m->planned.code };
	memcpy(g->key, m->key, sizeof g->key);
	memcpy(g->reason, m->planned.reason, sizeof g->reason);
	return g;
}

/* The next serial number of a list with spaces between. */
static const char *
take_serial(const char *list, char out[DB_SERIAL_TEXT])
{
	size_t n = strcspn(list, " ");

	snprintf(out, DB_SERIAL_TEXT, "%.*s", (int)n, list);
	return list + n + (list[n] == ' ');
}

/* That many hosts, some of whose serial numbers are listed. */
static void
add(struct admin_preview *p, const struct memo *m, int64_t n,
    const char *serials)
{
	enum decision_method planned = m->planned.method;
	struct admin_preview_group *g = find_group(p, m);

	p->hosts += n;
	p->acme += planned == DECISION_ACME ? n : 0;
	p->scep += planned == DECISION_SCEP ? n : 0;
	p->refused += planned == DECISION_REFUSE ? n : 0;
	if (planned == DECISION_ACME && m->facts.hardware_attested)
		p->attested += n;
	if (planned == DECISION_REFUSE && m->now != DECISION_REFUSE)
		p->newly_refused += n;
	if (m->facts.hardware_attested && planned == DECISION_SCEP &&
	    m->now == DECISION_ACME)
		p->losing += n;
	if (planned == DECISION_SCEP && m->wider == DECISION_ACME)
		p->could_attest += n;
	if (g == NULL)
		return;
	g->hosts += n;
	for (size_t i = 0; i < ADMIN_PREVIEW_SERIALS && *serials != '\0'; i++)
		if (g->serials[i][0] == '\0')
			serials = take_serial(serials, g->serials[i]);
}

static bool
count(void *arg, const char *serial, struct memo *m)
{
	add(arg, m, 1, serial);
	return true;
}

/* Those that would not be renewed first, then by number. */
static int
compare(const void *a, const void *b)
{
	const struct admin_preview_group *x = a, *y = b;

	if ((x->method == DECISION_REFUSE) != (y->method == DECISION_REFUSE))
		return x->method == DECISION_REFUSE ? -1 : 1;
	return x->hosts != y->hosts ? (x->hosts > y->hosts ? -1 : 1)
				    : strcmp(x->key, y->key);
}

int
admin_preview(const struct admin_actor *actor, const struct admin_setting *all,
    size_t n, struct admin_preview *out)
{
	struct walk w = { .on_host = count, .arg = out };
	int r;

	*out = (struct admin_preview){ 0 };
	if ((r = begin(&w, actor, all, n)) == OK && (r = run(&w)) == OK)
		r = learn(&w, NULL, NULL);
	out->not_enrolled = w.not_enrolled;
	qsort(out->groups, out->n, sizeof out->groups[0], compare);
	end(&w);
	return r;
}

/* A stored kind as a memo, decided by the walk's settings. */
static void
revive(const struct walk *w, const struct population_kind *k, struct memo *m)
{
	const struct device_state s = {
		.assignment = (enum device_assignment)k->assignment,
		.known_silicon = k->known_silicon,
		.known_kind = (enum product_kind)k->known_kind
	};

	*m = (struct memo){ .facts = { .device = k->device,
				.hardware_attested = k->hardware_attested,
				.ever_attested_at = k->ever_attested } };
	fill(w, &s, m);
}

static int
preview_counted(const struct walk *w, struct admin_preview *out)
{
	struct population_kinds kinds = { .n = 0 };
	struct memo m;
	int r = population_load_kinds(w->db, &kinds);

	*out = (struct admin_preview){ .counted_at = kinds.counted_at,
		.not_enrolled = kinds.not_enrolled };
	for (size_t i = 0; r == OK && i < kinds.n; i++) {
		revive(w, &kinds.rows[i], &m);
		add(out, &m, kinds.rows[i].hosts, kinds.rows[i].serials);
	}
	qsort(out->groups, out->n, sizeof out->groups[0], compare);
	population_release_kinds(&kinds);
	return r;
}

/* Asks the worker to count; the preview is good without it. */
static void
refresh(struct db *db)
{
	int r = db_begin_relaxed(db);

	if (r == OK)
		r = db_end(db, jobs_run_now(db, "count"));
	if (r == OK)
		db_wake(db);
	else
		log_line(LOG_WARN, "cannot ask the worker to count hosts again");
}

int
admin_preview_soon(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, struct admin_preview *out)
{
	struct host_counts hosts;
	struct walk w = { .on_host = NULL };
	bool many;
	int r;

	*out = (struct admin_preview){ 0 };
	if ((r = begin(&w, actor, all, n)) != OK ||
	    (r = hosts_count(actor->db, &hosts)) != OK)
		return r;
	many = hosts.enrolled > ADMIN_PREVIEW_AT_ONCE;
	r = many ? preview_counted(&w, out) : ERR_NOT_FOUND;
	if (many && out->counted_at < clock_now() - ADMIN_PREVIEW_FRESH)
		refresh(actor->db);
	return r == ERR_NOT_FOUND ? admin_preview(actor, all, n, out) : r;
}

struct admin_preview_counting {
	struct walk walk;
	struct admin_preview_count *c;
	struct population_kind kinds[KINDS_MAX];
	size_t n;
	bool too_many;
};

static bool
is_kind(const struct population_kind *k, const struct memo *m)
{
	return k->assignment == (int64_t)m->assignment &&
	    k->known_silicon == m->silicon &&
	    k->known_kind == (int64_t)m->kind &&
	    k->hardware_attested == m->facts.hardware_attested &&
	    k->ever_attested == (m->facts.ever_attested_at != 0) &&
	    strcmp(k->device.product, m->facts.device.product) == 0 &&
	    strcmp(k->device.os_version, m->facts.device.os_version) == 0 &&
	    strcmp(k->device.build_version, m->facts.device.build_version) ==
		0;
}

static void
make_kind(const struct memo *m, struct population_kind *out)
{
	*out = (struct population_kind){ .device = m->facts.device,
		.hardware_attested = m->facts.hardware_attested,
		.ever_attested = m->facts.ever_attested_at != 0,
		.assignment = (int64_t)m->assignment,
		.known_silicon = m->silicon,
		.known_kind = (int64_t)m->kind };
}

/* NULL: there are too many. */
static struct population_kind *
find_kind(struct admin_preview_counting *s, struct memo *m)
{
	size_t i = 0;

	if (m->kind_number > 0)
		return &s->kinds[m->kind_number - 1];
	while (i < s->n && !is_kind(&s->kinds[i], m))
		i++;
	if (i == KINDS_MAX)
		return NULL;
	if (i == s->n)
		make_kind(m, &s->kinds[s->n++]);
	m->kind_number = i + 1;
	return &s->kinds[i];
}

static bool
count_kind(void *arg, const char *serial, struct memo *m)
{
	struct admin_preview_counting *s = arg;
	struct population_kind *k;
	size_t n;

	assert(s != NULL);
	if ((k = find_kind(s, m)) == NULL) {
		s->too_many = true;
		return false;
	}
	if (k->hosts++ < POPULATION_SERIALS) {
		n = strlen(k->serials);
		snprintf(k->serials + n, sizeof k->serials - n, "%s%s",
		    n > 0 ? " " : "", serial);
	}
	s->c->hosts++;
	return true;
}

static int
forget(struct db *db)
{
	int r = db_begin_relaxed(db);

	return r == OK ? db_end(db, population_forget_kinds(db)) : r;
}

static int
store_kinds(struct admin_preview_counting *s)
{
	struct population_kinds kinds = { .rows = s->kinds, .n = s->n,
		.counted_at = clock_now() };
	struct db *db = s->c->db;
	int r;

	if (s->too_many)
		return forget(db);
	if ((r = learn(&s->walk, NULL, NULL)) != OK ||
	    (r = db_begin_relaxed(db)) != OK)
		return r;
	kinds.not_enrolled = s->walk.not_enrolled;
	return db_end(db, population_put_kinds(db, &kinds));
}

/* c->state stays NULL when there is nothing to count. */
static int
begin_counting(struct admin_preview_count *c)
{
	struct host_counts hosts;
	int r = hosts_count(c->db, &hosts);

	if (r != OK || hosts.enrolled <= ADMIN_PREVIEW_AT_ONCE)
		return r == OK ? forget(c->db) : r;
	if ((c->state = calloc(1, sizeof *c->state)) == NULL)
		return fail(ERR_NOMEM, "no memory to count hosts");
	c->state->c = c;
	c->state->walk = (struct walk){ .db = c->db, .on_host = count_kind,
		.arg = c->state };
	return OK;
}

int
admin_preview_count_step(struct admin_preview_count *c, bool *more)
{
	int r = c->state == NULL ? begin_counting(c) : OK;

	*more = false;
	if (r != OK || c->state == NULL)
		return r;
	r = run_page(&c->state->walk, more);
	return r == OK && !*more ? store_kinds(c->state) : r;
}

void
admin_preview_count_end(struct admin_preview_count *c)
{
	if (c->state != NULL)
		end(&c->state->walk);
	free(c->state);
	c->state = NULL;
}

struct listing {
	const char *key;
	int looked_at;
	struct admin_preview_hosts *out;
};

static bool
collect(void *arg, const char *serial, struct memo *m)
{
	struct listing *l = arg;

	if (strcmp(m->key, l->key) == 0)
		snprintf(l->out->serials[l->out->n++], DB_SERIAL_TEXT, "%s",
		    serial);
	l->looked_at++;
	if (l->out->n < ADMIN_PREVIEW_LIST && l->looked_at < ADMIN_PREVIEW_SCAN)
		return true;
	snprintf(l->out->next, DB_SERIAL_TEXT, "%s", serial);
	return false;
}

int
admin_preview_list(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, const char *key,
    const char *after, struct admin_preview_hosts *out)
{
	struct listing listing = { .key = key, .out = out };
	struct walk w = { .on_host = collect, .arg = &listing };
	int r;

	*out = (struct admin_preview_hosts){ .n = 0 };
	if (strlen(after) >= sizeof w.after)
		return fail(ERR_FIELD, "\"%s\" is not a serial number", after);
	snprintf(w.after, sizeof w.after, "%s", after);
	if ((r = begin(&w, actor, all, n)) == OK)
		r = run(&w);
	end(&w);
	return r;
}
