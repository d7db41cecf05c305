#include "admin/admin_preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "store/population.h"

#define PAGE 2000
/* Of a million hosts few differ in what decides. */
#define MEMOS 1024

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
	bool (*on_host)(void *arg, const char *serial, const struct memo *m);
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

static const struct memo *
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

static int
run(struct walk *w)
{
	bool more = true;
	size_t i;
	int r;

	if ((w->memos = calloc(MEMOS, sizeof *w->memos)) == NULL)
		return fail(ERR_NOMEM, "no memory for a preview");
	do {
		r = population_load_hosts(w->db, w->after, PAGE, &w->hosts);
		for (i = 0; r == OK && more && i < w->hosts.n; i++)
			r = visit(w, &w->hosts.rows[i], &more);
		more = more && w->hosts.n == PAGE;
		population_release_hosts(&w->hosts);
	} while (r == OK && more);
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

static bool
count(void *arg, const char *serial, const struct memo *m)
{
	enum decision_method planned = m->planned.method;
	struct admin_preview *p = arg;
	struct admin_preview_group *g = find_group(p, m);

	p->hosts++;
	p->acme += planned == DECISION_ACME;
	p->scep += planned == DECISION_SCEP;
	p->refused += planned == DECISION_REFUSE;
	p->attested += planned == DECISION_ACME && m->facts.hardware_attested;
	p->newly_refused +=
	    planned == DECISION_REFUSE && m->now != DECISION_REFUSE;
	p->losing += m->facts.hardware_attested &&
	    planned == DECISION_SCEP && m->now == DECISION_ACME;
	p->could_attest +=
	    planned == DECISION_SCEP && m->wider == DECISION_ACME;
	if (g == NULL)
		return true;
	if (g->hosts < ADMIN_PREVIEW_SERIALS)
		snprintf(g->serials[g->hosts], DB_SERIAL_TEXT, "%s", serial);
	g->hosts++;
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

struct listing {
	const char *key;
	int looked_at;
	struct admin_preview_hosts *out;
};

static bool
collect(void *arg, const char *serial, const struct memo *m)
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
