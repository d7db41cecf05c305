#include "sim/client/renew.h"

#include "base/log.h"
#include "sim/client/enroll.h"

#define RENEW_PROFILE ((size_t)16 << 20)

/* The parts of a device that a profile gives it. */
struct renew_identity {
	EVP_PKEY *key;
	struct buf certificate;
	struct buf profile_bytes;
	struct payload profile;
};

static void
renew_take(struct apple_device *d, struct renew_identity *out)
{
	out->key = d->hardware_key;
	out->certificate = d->identity;
	out->profile_bytes = d->profile_bytes;
	out->profile = d->profile;
	d->hardware_key = NULL;
	buf_init(&d->identity, RENEW_PROFILE);
	buf_init(&d->profile_bytes, RENEW_PROFILE);
	payload_init(&d->profile);
}

static void
renew_release(struct renew_identity *i)
{
	EVP_PKEY_free(i->key);
	buf_release(&i->certificate);
	buf_release(&i->profile_bytes);
	payload_release(&i->profile);
}

static void
renew_put_back(struct apple_device *d, struct renew_identity *old)
{
	struct renew_identity failed;

	renew_take(d, &failed);
	renew_release(&failed);
	d->hardware_key = old->key;
	d->identity = old->certificate;
	d->profile_bytes = old->profile_bytes;
	d->profile = old->profile;
}

static int
renew_follow(struct player *s, struct blob payload, const struct payload *old)
{
	static const char *const types[] = { "Authenticate", "TokenUpdate" };
	struct apple_device *d = &s->device;
	int rc = buf_add_blob(&d->profile_bytes, payload);

	if (rc == OK)
		rc = payload_parse(buf_blob(&d->profile_bytes), &d->profile);
	if (rc == OK)
		rc = payload_replaces(&d->profile, old);
	if (rc == OK)
		rc = enroll_certificate(s);
	if (rc == OK)
		rc = enroll_messages(s, types, 2, NULL);
	return rc;
}

int
renew_install(struct player *s, const struct value *command)
{
	struct renew_identity old;
	int rc;

	renew_take(&s->device, &old);
	rc = renew_follow(s, value_data(command, "Payload"), &old.profile);
	if (rc != OK) {
		renew_put_back(&s->device, &old);
		return rc;
	}
	renew_release(&old);
	return s->state == NULL ? OK : apple_device_save(s->state, &s->device);
}
