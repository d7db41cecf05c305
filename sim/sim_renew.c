#include "sim/sim_renew.h"

#include "base/log.h"
#include "sim/sim_enroll.h"

#define SIM_RENEW_PROFILE ((size_t)16 << 20)

/* The parts of a device that a profile gives it. */
struct sim_renew_identity {
	EVP_PKEY *key;
	struct buf certificate;
	struct buf profile_bytes;
	struct sim_profile profile;
};

static void
sim_renew_take(struct sim_device *d, struct sim_renew_identity *out)
{
	out->key = d->hardware_key;
	out->certificate = d->identity;
	out->profile_bytes = d->profile_bytes;
	out->profile = d->profile;
	d->hardware_key = NULL;
	buf_init(&d->identity, SIM_RENEW_PROFILE);
	buf_init(&d->profile_bytes, SIM_RENEW_PROFILE);
	sim_profile_init(&d->profile);
}

static void
sim_renew_release(struct sim_renew_identity *i)
{
	EVP_PKEY_free(i->key);
	buf_release(&i->certificate);
	buf_release(&i->profile_bytes);
	sim_profile_release(&i->profile);
}

static void
sim_renew_put_back(struct sim_device *d, struct sim_renew_identity *old)
{
	struct sim_renew_identity failed;

	sim_renew_take(d, &failed);
	sim_renew_release(&failed);
	d->hardware_key = old->key;
	d->identity = old->certificate;
	d->profile_bytes = old->profile_bytes;
	d->profile = old->profile;
}

static int
sim_renew_follow(
    struct sim_session *s, struct blob payload, const struct sim_profile *old)
{
	static const char *const types[] = { "Authenticate", "TokenUpdate" };
	struct sim_device *d = &s->device;
	int rc = buf_add_blob(&d->profile_bytes, payload);

	if (rc == OK)
		rc =
		    sim_profile_parse(buf_blob(&d->profile_bytes), &d->profile);
	if (rc == OK)
		rc = sim_profile_replaces(&d->profile, old);
	if (rc == OK)
		rc = sim_enroll_certificate(s);
	if (rc == OK)
		rc = sim_enroll_messages(s, types, 2, NULL);
	return rc;
}

int
sim_renew_install(struct sim_session *s, const struct sim_value *command)
{
	struct sim_renew_identity old;
	int rc;

	sim_renew_take(&s->device, &old);
	rc = sim_renew_follow(
	    s, sim_value_data(command, "Payload"), &old.profile);
	if (rc != OK) {
		sim_renew_put_back(&s->device, &old);
		return rc;
	}
	sim_renew_release(&old);
	return s->state == NULL ? OK : sim_device_save(s->state, &s->device);
}
