#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/der.h"
#include "sim/forge/envelope.h"
#include "sim/forge/scep_message.h"
#include "sim/client/scep_client.h"

#define SCEP_CLIENT_URL ((size_t)256 << 10)

/* One run: what the client remembers between exchanges. */
struct scep_client_run {
	const struct scep_client *scep;
	struct buf ca;
	const char *digest;
	const char *cipher;
	bool has_post;
};

static bool
scep_client_on(const struct scep_client_run *r, enum fault_id id)
{
	return fault_on(r->scep->faults, id);
}

static int
scep_client_send(
    struct scep_client_run *r, const char *step, const struct http_request *q)
{
	int rc = http_send(r->scep->http, q);

	if (rc == OK && r->scep->http->status != 200)
		rc = refusal_set(r->scep->refusal, step, r->scep->http);
	return rc;
}

/* The profile's Name goes along as message, if it has one. */
static int
scep_client_ask(
    struct scep_client_run *r, const char *step, const char *operation)
{
	const struct payload *p = &r->scep->device->profile;
	struct http_request q = { .method = "GET", .as_is = true };
	struct buf url;
	int rc;

	buf_init(&url, SCEP_CLIENT_URL);
	buf_printf(&url, "%s?operation=%s", p->scep_url, operation);
	if (p->scep_name != NULL)
		buf_printf(&url, "&message=%s", p->scep_name);
	q.url = buf_str(&url);
	rc = buf_status(&url);
	if (rc == OK)
		rc = scep_client_send(r, step, &q);
	buf_release(&url);
	return rc;
}

bool
scep_client_is_fingerprint(struct blob certificate, struct blob hash)
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
	same = keypair_digest(digest, certificate, &md) == OK &&
	    blob_eq(buf_blob(&md), hash);
	buf_release(&md);
	return same;
}

static int
scep_client_ca(struct scep_client_run *r)
{
	struct blob hash = r->scep->device->profile.ca_fingerprint;
	const char *type;
	int rc = scep_client_ask(r, "scep-ca", "GetCACert");

	if (rc != OK)
		return rc;
	/* Compared for equality; another type would announce several. */
	type = http_header(r->scep->http, "Content-Type");
	if (type == NULL || strcmp(type, "application/x-x509-ca-cert") != 0)
		return fail(ERR_MALFORMED, "GetCACert gave no certificate");
	if (hash.n > 0 &&
	    !scep_client_is_fingerprint(buf_blob(&r->scep->http->body), hash))
		return fail(
		    ERR_MALFORMED, "the CA is another than the profile names");
	return buf_add_blob(&r->ca, buf_blob(&r->scep->http->body));
}

/* Lines end with LF alone, and each is compared as a whole. */
static bool
scep_client_offers(const struct buf *caps, const char *name)
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
scep_client_caps(struct scep_client_run *r)
{
	const struct buf *caps = &r->scep->http->body;
	int rc = scep_client_ask(r, "scep-caps", "GetCACaps");

	if (rc != OK)
		return rc;
	r->cipher =
	    scep_client_offers(caps, "AES") ? "AES-128-CBC" : "DES-EDE3-CBC";
	r->has_post = scep_client_offers(caps, "POSTPKIOperation");
	if (scep_client_offers(caps, "SHA-512") &&
	    !scep_client_on(r, FAULT_SCEP_SHA256))
		r->digest = "sha512";
	else if (scep_client_offers(caps, "SHA-256"))
		r->digest = "sha256";
	else
		return fail(ERR_MALFORMED, "the CA offers no good hash");
	return OK;
}

/* Of all that base64 needs, only the padding is escaped. */
static void
scep_client_query(struct blob message, struct buf *url)
{
	struct buf text;

	buf_init(&text, SCEP_CLIENT_URL);
	enc_base64(message, &text);
	buf_add_str(url, "&message=");
	for (const char *p = buf_str(&text); *p != '\0'; p++)
		buf_add_str(url, *p == '=' ? "%3D" : (char[]){ *p, 0 });
	buf_release(&text);
}

static int
scep_client_operation(struct scep_client_run *r, struct blob message)
{
	bool is_get = !r->has_post || scep_client_on(r, FAULT_SCEP_GET);
	struct http_request q = { .method = "GET", .as_is = true };
	struct buf url;
	int rc;

	buf_init(&url, SCEP_CLIENT_URL);
	buf_printf(&url, "%s?operation=PKIOperation",
	    r->scep->device->profile.scep_url);
	if (is_get) {
		scep_client_query(message, &url);
	} else {
		q.method = "POST";
		q.headers[0] = "Content-Type: application/x-pki-message";
		q.body = message;
		q.has_body = true;
	}
	q.url = buf_str(&url);
	rc = buf_status(&url);
	if (rc == OK)
		rc = scep_client_send(r, "scep", &q);
	buf_release(&url);
	return rc;
}

/* What a person can read stands in for the message. */
static int
scep_client_refused(struct scep_client_run *r, const struct scep_reply *answer)
{
	struct http *reply = r->scep->http;

	if (answer->status == SCEP_REPLY_PENDING)
		return fail(ERR_MALFORMED, "the CA wants to be asked later");
	buf_reset(&reply->body);
	buf_printf(&reply->body, "failInfo %d (%s): %s", answer->fail_info,
	    scep_reply_fail_name(answer->fail_info), buf_str(&answer->text));
	return refusal_set(r->scep->refusal, "scep", reply);
}

static int
scep_client_take(struct scep_client_run *r, const struct scep_message *m,
    struct buf *certificate)
{
	struct scep_reply_request request = scep_message_expected(m);
	struct scep_reply answer;
	struct buf inner;
	int rc;

	scep_reply_init(&answer);
	buf_init(&inner, DER_MAX);
	rc = scep_reply_read(buf_blob(&r->scep->http->body), buf_blob(&r->ca),
	    &request, &answer);
	if (rc == OK && answer.status != SCEP_REPLY_SUCCESS)
		rc = scep_client_refused(r, &answer);
	if (rc == OK)
		rc = envelope_open(buf_blob(&answer.content), m->signer,
		    buf_blob(&m->certificate), &inner);
	if (rc == OK)
		rc = scep_reply_certificate(buf_blob(&inner), certificate);
	buf_release(&inner);
	scep_reply_release(&answer);
	return rc;
}

/* Sends a message and appends the certificate of the answer. */
static int
scep_client_exchange(
    struct scep_client_run *r, struct scep_message *m, struct buf *certificate)
{
	struct buf message;
	int rc;

	buf_init(&message, DER_MAX);
	rc = scep_message_write(m, &message);
	if (rc == OK)
		rc = scep_client_operation(r, buf_blob(&message));
	if (rc == OK)
		rc = scep_client_take(r, m, certificate);
	buf_release(&message);
	return rc;
}

static int
scep_client_prepare(struct scep_client_run *r, struct scep_message *m)
{
	m->profile = &r->scep->device->profile;
	m->faults = r->scep->faults;
	m->ca = buf_blob(&r->ca);
	m->digest = r->digest;
	m->cipher = r->cipher;
	return scep_message_prepare(m);
}

/* A second try, honest or not, of what has been answered. */
static int
scep_client_again(struct scep_client_run *r, struct scep_message *first)
{
	bool with_other_key = scep_client_on(r, FAULT_SCEP_SECOND_KEY);
	EVP_PKEY *key = NULL;
	struct scep_message m;
	struct buf certificate;
	int rc = OK;

	scep_message_init(&m);
	buf_init(&certificate, DER_MAX);
	m.key = first->key;
	if (with_other_key)
		rc = keypair_make("RSA-2048", &key);
	if (with_other_key)
		m.key = key;
	if (rc == OK)
		rc = scep_client_prepare(r, &m);
	if (scep_client_on(r, FAULT_SCEP_SECOND_TRANSACTION))
		snprintf(m.transaction, sizeof m.transaction, "another");
	else
		memcpy(m.transaction, first->transaction, sizeof m.transaction);
	if (rc == OK)
		rc = scep_client_exchange(r, &m, &certificate);
	if (rc == OK &&
	    !blob_eq(
		buf_blob(&certificate), buf_blob(&r->scep->device->identity)))
		rc = fail(ERR_MALFORMED, "the second answer is another");
	scep_message_release(&m);
	buf_release(&certificate);
	EVP_PKEY_free(key);
	return rc;
}

static int
scep_client_key(struct scep_client_run *r)
{
	struct apple_device *d = r->scep->device;
	bool small = scep_client_on(r, FAULT_SCEP_SMALL_KEY);
	long bits = small ? 1024 : d->profile.key_size;
	char kind[32];

	if (d->hardware_key != NULL && EVP_PKEY_is_a(d->hardware_key, "RSA") &&
	    EVP_PKEY_get_bits(d->hardware_key) == bits)
		return OK;
	EVP_PKEY_free(d->hardware_key);
	d->hardware_key = NULL;
	snprintf(kind, sizeof kind, "RSA-%ld", bits);
	return keypair_make(kind, &d->hardware_key);
}

static int
scep_client_certificate(struct scep_client_run *r)
{
	struct apple_device *d = r->scep->device;
	struct scep_message m;
	int rc;

	scep_message_init(&m);
	m.key = d->hardware_key;
	buf_reset(&d->identity);
	rc = scep_client_prepare(r, &m);
	if (rc == OK)
		rc = scep_client_exchange(r, &m, &d->identity);
	if (rc == OK &&
	    (scep_client_on(r, FAULT_SCEP_AGAIN) ||
		scep_client_on(r, FAULT_SCEP_SECOND_KEY) ||
		scep_client_on(r, FAULT_SCEP_SECOND_TRANSACTION)))
		rc = scep_client_again(r, &m);
	scep_message_release(&m);
	return rc;
}

int
scep_client_run(const struct scep_client *scep)
{
	struct scep_client_run r = { .scep = scep };
	int rc;

	buf_init(&r.ca, DER_MAX);
	if ((rc = scep_client_key(&r)) == OK &&
	    (rc = scep_client_ca(&r)) == OK &&
	    (rc = scep_client_caps(&r)) == OK)
		rc = scep_client_certificate(&r);
	buf_release(&r.ca);
	return rc;
}
