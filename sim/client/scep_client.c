#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/client/player.h"
#include "sim/forge/cms_message.h"
#include "sim/forge/scep_message.h"

/* What the client remembers between exchanges. */
struct run {
	struct player *player;
	const struct faults *faults;
	struct buf ca;
	const char *digest;
	const char *cipher;
	bool has_post;
};

static int
send_request(
    struct run *run, const char *step, const struct http_request *request)
{
	int r = http_send(&run->player->http, request);

	if (r == OK && run->player->http.status != 200)
		r = player_refused(run->player, step);
	return r;
}

/* The profile's Name goes along as message, if it has one. */
static int
ask(struct run *run, const char *step, const char *operation)
{
	const struct payload *p = &run->player->device.profile;
	SCRATCH_BUF(url);

	buf_printf(&url, "%s?operation=%s", p->scep_url, operation);
	if (p->scep_name != NULL)
		buf_printf(&url, "&message=%s", p->scep_name);
	return send_request(run, step,
	    &(struct http_request){
		.method = "GET",
		.url = buf_str(&url),
		.as_is = true,
	    });
}

bool
scep_client_is_fingerprint(struct blob certificate, struct blob hash)
{
	static const struct {
		const char *digest;
		size_t n;
	} table[] = { { "md5", 16 }, { "sha1", 20 }, { "sha224", 28 },
		{ "sha256", 32 }, { "sha384", 48 }, { "sha512", 64 } };
	SCRATCH_BUF(md);

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (hash.n == table[i].n)
			keypair_digest(table[i].digest, certificate, &md);
	return md.n > 0 && blob_eq(buf_blob(&md), hash);
}

static int
get_ca(struct run *run)
{
	struct http *http = &run->player->http;
	struct blob hash = run->player->device.profile.ca_fingerprint;
	const char *type;
	int r = ask(run, "scep-ca", "GetCACert");

	if (r != OK)
		return r;
	/* Compared for equality; another type would announce several. */
	type = http_header(http, "Content-Type");
	if (type == NULL || strcmp(type, "application/x-x509-ca-cert") != 0)
		return fail(ERR_MALFORMED, "GetCACert gave no certificate");
	if (hash.n > 0 &&
	    !scep_client_is_fingerprint(buf_blob(&http->body), hash))
		return fail(
		    ERR_MALFORMED, "the CA is another than the profile names");
	return buf_add_blob(&run->ca, buf_blob(&http->body));
}

/* Lines end with LF alone, and each is compared as a whole. */
static bool
offers(const struct buf *capabilities, const char *name)
{
	const char *line = buf_str(capabilities);
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
get_capabilities(struct run *run)
{
	const struct buf *offered = &run->player->http.body;
	int r = ask(run, "scep-caps", "GetCACaps");

	if (r != OK)
		return r;
	run->cipher = offers(offered, "AES") ? "AES-128-CBC" : "DES-EDE3-CBC";
	run->has_post = offers(offered, "POSTPKIOperation");
	if (offers(offered, "SHA-512") &&
	    !fault_on(run->faults, FAULT_SCEP_SHA256))
		run->digest = "sha512";
	else if (offers(offered, "SHA-256"))
		run->digest = "sha256";
	else
		return fail(ERR_MALFORMED, "the CA offers no good hash");
	return OK;
}

static int
send_message(struct run *run, struct blob message)
{
	struct http_request q = { .as_is = true };
	SCRATCH_BUF(text);
	SCRATCH_BUF(url);

	buf_printf(&url, "%s?operation=PKIOperation",
	    run->player->device.profile.scep_url);
	if (run->has_post && !fault_on(run->faults, FAULT_SCEP_GET)) {
		q.method = "POST";
		q.headers[0] = "Content-Type: application/x-pki-message";
		q.body = message;
		q.has_body = true;
	} else {
		q.method = "GET";
		enc_base64(message, &text);
		buf_add_str(&url, "&message=");
		/* Of all that base64 needs, only the padding is escaped. */
		for (const char *p = buf_str(&text); *p != '\0'; p++)
			buf_add_str(
			    &url, *p == '=' ? "%3D" : (char[]){ *p, '\0' });
	}
	q.url = buf_str(&url);
	return send_request(run, "scep", &q);
}

static int
read_reply(struct run *run, const struct scep_message *m,
    struct scep_message_reply *reply, struct buf *certificate)
{
	struct buf *body = &run->player->http.body;
	SCRATCH_BUF(inner);
	int r = scep_message_read(m, buf_blob(body), reply);

	if (r != OK)
		return r;
	if (reply->status == SCEP_MESSAGE_PENDING)
		return fail(ERR_MALFORMED, "the CA wants to be asked later");
	if (reply->status == SCEP_MESSAGE_FAILURE) {
		/* What a person can read stands in for the message. */
		buf_reset(body);
		buf_printf(body, "failInfo %d (%s): %s", reply->fail_info,
		    scep_message_fail_name(reply->fail_info),
		    buf_str(&reply->text));
		return player_refused(run->player, "scep");
	}
	if ((r = cms_message_open(buf_blob(&reply->content), m->signer,
		 buf_blob(&m->certificate), &inner)) != OK)
		return r;
	return scep_message_certificate(buf_blob(&inner), certificate);
}

/* Sends a message and appends the certificate of the answer. */
static int
exchange(struct run *run, struct scep_message *m, struct buf *certificate)
{
	struct scep_message_reply reply = { .status = -1 };
	SCRATCH_BUF(message);
	int r;

	if ((r = scep_message_write(m, &message)) == OK &&
	    (r = send_message(run, buf_blob(&message))) == OK)
		r = read_reply(run, m, &reply, certificate);
	buf_release(&reply.text);
	buf_release(&reply.content);
	return r;
}

static int
prepare(struct run *run, EVP_PKEY *key, struct scep_message *m)
{
	const struct payload *p = &run->player->device.profile;

	scep_message_init(m);
	m->faults = run->faults;
	m->subject = buf_blob(&p->subject);
	m->challenge = p->challenge;
	m->usage = p->usage;
	m->ca = buf_blob(&run->ca);
	m->digest = run->digest;
	m->cipher = run->cipher;
	m->key = key;
	return scep_message_prepare(m);
}

/* A second try, honest or not, of what has been answered. */
static int
repeat(struct run *run, const struct scep_message *first)
{
	struct scep_message m;
	SCRATCH_KEY(key);
	SCRATCH_BUF(certificate);
	int r = OK;

	if (fault_on(run->faults, FAULT_SCEP_SECOND_KEY))
		r = keypair_make("RSA-2048", &key);
	else
		key = keypair_share(first->key);
	if (r != OK)
		return r;
	r = prepare(run, key, &m);
	if (fault_on(run->faults, FAULT_SCEP_SECOND_TRANSACTION))
		snprintf(m.transaction, sizeof m.transaction, "another");
	else
		memcpy(m.transaction, first->transaction, sizeof m.transaction);
	if (r == OK)
		r = exchange(run, &m, &certificate);
	scep_message_release(&m);
	if (r == OK &&
	    !blob_eq(buf_blob(&certificate),
		buf_blob(&run->player->device.identity)))
		r = fail(ERR_MALFORMED, "the second answer is another");
	return r;
}

static int
make_key(struct run *run)
{
	struct apple_device *d = &run->player->device;
	bool small = fault_on(run->faults, FAULT_SCEP_SMALL_KEY);
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
get_certificate(struct run *run)
{
	struct apple_device *d = &run->player->device;
	struct scep_message m;
	int r = prepare(run, d->hardware_key, &m);

	buf_reset(&d->identity);
	if (r == OK)
		r = exchange(run, &m, &d->identity);
	if (r == OK &&
	    (fault_on(run->faults, FAULT_SCEP_AGAIN) ||
		fault_on(run->faults, FAULT_SCEP_SECOND_KEY) ||
		fault_on(run->faults, FAULT_SCEP_SECOND_TRANSACTION)))
		r = repeat(run, &m);
	scep_message_release(&m);
	return r;
}

int
scep_client_run(struct player *p)
{
	struct run run = {
		.player = p,
		.faults = &p->faults,
		.ca = { .max = SCRATCH_MAX },
	};
	int r;

	if ((r = make_key(&run)) == OK && (r = get_ca(&run)) == OK &&
	    (r = get_capabilities(&run)) == OK)
		r = get_certificate(&run);
	buf_release(&run.ca);
	return r;
}
