#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_der.h"
#include "sim/sim_envelope.h"
#include "sim/sim_pkimessage.h"
#include "sim/sim_scep.h"

#define SIM_SCEP_URL  ((size_t)256 << 10)
#define SIM_SCEP_TYPE 128

/* One run: what the client remembers between exchanges. */
struct sim_scep_run {
	const struct sim_scep *scep;
	struct sim_http_reply reply;
	struct buf ca;
	const char *digest;
	const char *cipher;
	bool has_post;
};

static bool
sim_scep_on(const struct sim_scep_run *r, enum sim_knob_id id)
{
	return sim_knob_on(r->scep->knobs, id);
}

static int
sim_scep_send(
    struct sim_scep_run *r, const char *step, const struct sim_http_request *q)
{
	int rc = sim_http_send(r->scep->http, q, &r->reply);

	if (rc == OK && r->reply.status != 200)
		rc = sim_refusal_set(r->scep->refusal, step, &r->reply);
	return rc;
}

/* The profile's Name goes along as message, if it has one. */
static int
sim_scep_ask(struct sim_scep_run *r, const char *step, const char *operation)
{
	const struct sim_profile *p = &r->scep->device->profile;
	struct sim_http_request q = { .method = "GET", .as_is = true };
	struct buf url;
	int rc;

	buf_init(&url, SIM_SCEP_URL);
	buf_printf(&url, "%s?operation=%s", p->scep_url, operation);
	if (p->scep_name != NULL)
		buf_printf(&url, "&message=%s", p->scep_name);
	q.url = buf_str(&url);
	rc = buf_status(&url);
	if (rc == OK)
		rc = sim_scep_send(r, step, &q);
	buf_release(&url);
	return rc;
}

bool
sim_scep_is_fingerprint(struct blob certificate, struct blob hash)
{
	static const struct {
		const char *digest;
		size_t n;
	} table[] = { { "md5", 16 }, { "sha1", 20 }, { "sha224", 28 },
		{ "sha256", 32 }, { "sha384", 48 }, { "sha512", 64 } };
	const char *digest = NULL;
	struct buf md;
	bool same;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (hash.n == table[i].n)
			digest = table[i].digest;
	if (digest == NULL)
		return false;
	buf_init(&md, 64);
	same = sim_key_digest(digest, certificate, &md) == OK &&
	    blob_eq(buf_blob(&md), hash);
	buf_release(&md);
	return same;
}

static int
sim_scep_ca(struct sim_scep_run *r)
{
	struct blob hash = r->scep->device->profile.ca_fingerprint;
	char type[SIM_SCEP_TYPE];
	int rc = sim_scep_ask(r, "scep-ca", "GetCACert");

	if (rc != OK)
		return rc;
	/* Compared for equality; another type would announce several. */
	if (!sim_http_header(&r->reply, "Content-Type", type, sizeof type) ||
	    strcmp(type, "application/x-x509-ca-cert") != 0)
		return fail(ERR_MALFORMED, "GetCACert gave no certificate");
	if (hash.n > 0 &&
	    !sim_scep_is_fingerprint(buf_blob(&r->reply.body), hash))
		return fail(
		    ERR_MALFORMED, "the CA is another than the profile names");
	return buf_add_blob(&r->ca, buf_blob(&r->reply.body));
}

/* Lines end with LF alone, and each is compared as a whole. */
static bool
sim_scep_offers(const struct buf *caps, const char *name)
{
	const char *line = buf_str(caps);
	size_t n = strlen(name);

	for (;;) {
		size_t length = strcspn(line, "\n");

		if (length == n && strncmp(line, name, n) == 0)
			return true;
		if (line[length] == '\0')
			return false;
		line += length + 1;
	}
}

static int
sim_scep_caps(struct sim_scep_run *r)
{
	const struct buf *caps = &r->reply.body;
	int rc = sim_scep_ask(r, "scep-caps", "GetCACaps");

	if (rc != OK)
		return rc;
	r->cipher =
	    sim_scep_offers(caps, "AES") ? "AES-128-CBC" : "DES-EDE3-CBC";
	r->has_post = sim_scep_offers(caps, "POSTPKIOperation");
	if (sim_scep_offers(caps, "SHA-512") &&
	    !sim_scep_on(r, SIM_KNOB_SCEP_SHA256))
		r->digest = "sha512";
	else if (sim_scep_offers(caps, "SHA-256"))
		r->digest = "sha256";
	else
		return fail(ERR_MALFORMED, "the CA offers no good hash");
	return OK;
}

/* Of all that base64 needs, only the padding is escaped. */
static void
sim_scep_query(struct blob message, struct buf *url)
{
	struct buf text;

	buf_init(&text, SIM_SCEP_URL);
	enc_base64(message, &text);
	buf_add_str(url, "&message=");
	for (const char *p = buf_str(&text); *p != '\0'; p++)
		buf_add_str(url, *p == '=' ? "%3D" : (char[]){ *p, 0 });
	buf_release(&text);
}

static int
sim_scep_operation(struct sim_scep_run *r, struct blob message)
{
	bool is_get = !r->has_post || sim_scep_on(r, SIM_KNOB_SCEP_GET);
	struct sim_http_request q = { .method = "GET", .as_is = true };
	struct buf url;
	int rc;

	buf_init(&url, SIM_SCEP_URL);
	buf_printf(&url, "%s?operation=PKIOperation",
	    r->scep->device->profile.scep_url);
	if (is_get) {
		sim_scep_query(message, &url);
	} else {
		q.method = "POST";
		q.headers = "Content-Type: application/x-pki-message\r\n";
		q.body = message;
		q.has_body = true;
	}
	q.url = buf_str(&url);
	rc = buf_status(&url);
	if (rc == OK)
		rc = sim_scep_send(r, "scep", &q);
	buf_release(&url);
	return rc;
}

/* What a person can read stands in for the message. */
static int
sim_scep_refused(struct sim_scep_run *r, const struct sim_certrep *answer)
{
	struct sim_http_reply *reply = &r->reply;

	if (answer->status == SIM_CERTREP_PENDING)
		return fail(ERR_MALFORMED, "the CA wants to be asked later");
	buf_reset(&reply->body);
	buf_printf(&reply->body, "failInfo %d (%s): %s", answer->fail_info,
	    sim_certrep_fail_name(answer->fail_info), buf_str(&answer->text));
	return sim_refusal_set(r->scep->refusal, "scep", reply);
}

static int
sim_scep_take(struct sim_scep_run *r, const struct sim_pkimessage *m,
    struct buf *certificate)
{
	struct sim_certrep_request request = sim_pkimessage_expected(m);
	struct sim_certrep answer;
	struct buf inner;
	int rc;

	sim_certrep_init(&answer);
	buf_init(&inner, SIM_DER_MAX);
	rc = sim_certrep_read(
	    buf_blob(&r->reply.body), buf_blob(&r->ca), &request, &answer);
	if (rc == OK && answer.status != SIM_CERTREP_SUCCESS)
		rc = sim_scep_refused(r, &answer);
	if (rc == OK)
		rc = sim_envelope_open(buf_blob(&answer.content), m->signer,
		    buf_blob(&m->certificate), &inner);
	if (rc == OK)
		rc = sim_certrep_certificate(buf_blob(&inner), certificate);
	buf_release(&inner);
	sim_certrep_release(&answer);
	return rc;
}

/* Sends a message and appends the certificate of the answer. */
static int
sim_scep_exchange(
    struct sim_scep_run *r, struct sim_pkimessage *m, struct buf *certificate)
{
	struct buf message;
	int rc;

	buf_init(&message, SIM_DER_MAX);
	rc = sim_pkimessage_write(m, &message);
	if (rc == OK)
		rc = sim_scep_operation(r, buf_blob(&message));
	if (rc == OK)
		rc = sim_scep_take(r, m, certificate);
	buf_release(&message);
	return rc;
}

static int
sim_scep_prepare(struct sim_scep_run *r, struct sim_pkimessage *m)
{
	m->profile = &r->scep->device->profile;
	m->knobs = r->scep->knobs;
	m->ca = buf_blob(&r->ca);
	m->digest = r->digest;
	m->cipher = r->cipher;
	return sim_pkimessage_prepare(m);
}

/* A second try, honest or not, of what has been answered. */
static int
sim_scep_again(struct sim_scep_run *r, struct sim_pkimessage *first)
{
	bool with_other_key = sim_scep_on(r, SIM_KNOB_SCEP_SECOND_KEY);
	EVP_PKEY *key = NULL;
	struct sim_pkimessage m;
	struct buf certificate;
	int rc = OK;

	sim_pkimessage_init(&m);
	buf_init(&certificate, SIM_DER_MAX);
	m.key = first->key;
	if (with_other_key)
		rc = sim_key_make("RSA-2048", &key);
	if (with_other_key)
		m.key = key;
	if (rc == OK)
		rc = sim_scep_prepare(r, &m);
	if (sim_scep_on(r, SIM_KNOB_SCEP_SECOND_TRANSACTION))
		snprintf(m.transaction, sizeof m.transaction, "another");
	else
		memcpy(m.transaction, first->transaction, sizeof m.transaction);
	if (rc == OK)
		rc = sim_scep_exchange(r, &m, &certificate);
	if (rc == OK &&
	    !blob_eq(
		buf_blob(&certificate), buf_blob(&r->scep->device->identity)))
		rc = fail(ERR_MALFORMED, "the second answer is another");
	sim_pkimessage_release(&m);
	buf_release(&certificate);
	EVP_PKEY_free(key);
	return rc;
}

static int
sim_scep_key(struct sim_scep_run *r)
{
	struct sim_device *d = r->scep->device;
	bool small = sim_scep_on(r, SIM_KNOB_SCEP_SMALL_KEY);
	long bits = small ? 1024 : d->profile.key_size;
	char kind[32];

	if (d->hardware_key != NULL && EVP_PKEY_is_a(d->hardware_key, "RSA") &&
	    EVP_PKEY_get_bits(d->hardware_key) == bits)
		return OK;
	EVP_PKEY_free(d->hardware_key);
	d->hardware_key = NULL;
	snprintf(kind, sizeof kind, "RSA-%ld", bits);
	return sim_key_make(kind, &d->hardware_key);
}

static int
sim_scep_certificate(struct sim_scep_run *r)
{
	struct sim_device *d = r->scep->device;
	struct sim_pkimessage m;
	int rc;

	sim_pkimessage_init(&m);
	m.key = d->hardware_key;
	buf_reset(&d->identity);
	rc = sim_scep_prepare(r, &m);
	if (rc == OK)
		rc = sim_scep_exchange(r, &m, &d->identity);
	if (rc == OK &&
	    (sim_scep_on(r, SIM_KNOB_SCEP_AGAIN) ||
		sim_scep_on(r, SIM_KNOB_SCEP_SECOND_KEY) ||
		sim_scep_on(r, SIM_KNOB_SCEP_SECOND_TRANSACTION)))
		rc = sim_scep_again(r, &m);
	sim_pkimessage_release(&m);
	return rc;
}

int
sim_scep_run(const struct sim_scep *scep)
{
	struct sim_scep_run r = { .scep = scep };
	int rc;

	sim_http_reply_init(&r.reply);
	buf_init(&r.ca, SIM_DER_MAX);
	if ((rc = sim_scep_key(&r)) == OK && (rc = sim_scep_ca(&r)) == OK &&
	    (rc = sim_scep_caps(&r)) == OK)
		rc = sim_scep_certificate(&r);
	sim_http_reply_release(&r.reply);
	buf_release(&r.ca);
	return rc;
}
