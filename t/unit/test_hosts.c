#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/commands.h"

static const uint8_t other_digest[SECRET_SHA256] = { 200 };

static const struct host_identity identity = {
	.certificate_sha256 = other_digest,
	.enrollment_id = "e2",
};

static const struct host_vitals vitals = {
	.device = { .os_version = "15.1", .build_version = "24B83" },
	.device_name = "Mac of Zoe",
	.model = "Mac15,3",
	.model_name = "MacBook Pro",
	.topic = "t",
};

static struct host_vitals
vitals_of(const char *serial, const char *udid)
{
	struct host_vitals v = vitals;

	snprintf(v.device.serial, sizeof v.device.serial, "%s", serial);
	snprintf(v.device.udid, sizeof v.device.udid, "%s", udid);
	return v;
}

static void
test_authenticate_makes_a_pending_host(void **state)
{
	struct db *db = storefix_db(state);
	struct host_identity i = identity;
	struct host_vitals v = vitals_of("S1", "U1");
	struct host h, again;

	i.hardware_attested = true;
	WRITE(db, hosts_authenticate(db, &i, &v, &h));
	assert_int_equal(h.state, HOST_PENDING);
	assert_int_equal(h.generation, 1);
	assert_true(h.hardware_attested);
	assert_int_not_equal(h.ever_attested_at, 0);
	assert_int_equal(h.enrolled_at, 0);
	assert_int_equal(h.push_token_len, 0);
	assert_string_equal(h.device_name, "Mac of Zoe");
	assert_string_equal(h.device.product, "");
	assert_int_equal(hosts_load(db, h.id, &again), OK);
	assert_int_equal(hosts_load_by_serial(db, "S1", &again), OK);
	assert_int_equal(hosts_load_by_udid(db, "U1", &again), OK);
	assert_memory_equal(&h, &again, sizeof h);
	assert_int_equal(hosts_load(db, "x", &again), ERR_NOT_FOUND);
	assert_int_equal(hosts_load_by_udid(db, "", &again), ERR_NOT_FOUND);
}

static void
enqueue(struct db *db, const struct host *h, const char *uuid)
{
	struct command c = { .request_type = "DeviceInformation",
		.plist = blob_str("<plist/>"),
		.created_by = "test" };

	snprintf(c.uuid, sizeof c.uuid, "%s", uuid);
	memcpy(c.host_id, h->id, sizeof h->id);
	WRITE(db, commands_enqueue(db, &c));
}

static void
test_next_generation(void **state)
{
	struct db *db = storefix_db(state);
	struct host_vitals v = vitals_of("S1", "UDID-1");
	struct buf token;
	struct command c;
	struct host h, h2;

	storefix_host(db, "S1", 1, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	enqueue(db, &h, "A");
	WRITE(db, hosts_set_bootstrap_token(db, h.id, blob_str("secret")));
	WRITE(db, hosts_authenticate(db, &identity, &v, &h2));
	assert_string_equal(h2.id, h.id);
	assert_int_equal(h2.generation, 2);
	assert_int_equal(h2.state, HOST_PENDING);
	assert_int_equal(h2.push_token_len, 0);
	assert_string_equal(h2.push_magic, "");
	assert_false(h2.has_bootstrap_token);
	assert_false(h2.has_unlock_token);
	/* it was attested once, and is not now */
	assert_false(h2.hardware_attested);
	assert_int_equal(h2.ever_attested_at, h.ever_attested_at);
	assert_memory_equal(h2.certificate_sha256, other_digest, 32);
	assert_int_equal(commands_next(db, h.id, &c), ERR_NOT_FOUND);
	assert_int_equal(commands_load(db, h.id, "A", &c), OK);
	assert_int_equal(c.state, COMMAND_CANCELLED);
	commands_release(&c);
	buf_init(&token, 100);
	assert_int_equal(hosts_get_bootstrap_token(db, h.id, &token), OK);
	assert_int_equal(token.n, 0);
	buf_release(&token);
}

static void
test_udid_of_another_host(void **state)
{
	struct db *db = storefix_db(state);
	struct host_vitals v = vitals_of("S2", "UDID-1");
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	REFUSE(db, ERR_CONFLICT, hosts_authenticate(db, &identity, &v, &out));
	assert_int_equal(hosts_load_by_serial(db, "S2", &out), ERR_NOT_FOUND);
	storefix_host(db, "S2", 2, &out);
	REFUSE(db, ERR_CONFLICT, hosts_authenticate(db, &identity, &v, &out));
}

static void
test_two_hosts_without_udid(void **state)
{
	struct db *db = storefix_db(state);
	struct host_vitals a = vitals_of("S1", "");
	struct host_vitals b = vitals_of("S2", "");
	struct host h;

	WRITE(db, hosts_authenticate(db, &identity, &a, &h));
	WRITE(db, hosts_authenticate(db, &identity, &b, &h));
	assert_string_equal(h.device.udid, "");
}

static void
test_blocked(void **state)
{
	struct db *db = storefix_db(state);
	struct host_vitals v = vitals_of("S1", "UDID-1");
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	enqueue(db, &h, "A");
	WRITE(db, hosts_block(db, h.id));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_int_equal(out.state, HOST_BLOCKED);
	assert_false(out.has_certificate);
	assert_false(out.hardware_attested);
	assert_int_equal(out.push_token_len, 0);
	REFUSE(
	    db, ERR_MDM_BLOCKED, hosts_authenticate(db, &identity, &v, &out));
	REFUSE(db, ERR_CONFLICT, hosts_set_certificate(db, h.id, &identity));
	REFUSE(db, ERR_CONFLICT, hosts_check_out(db, h.id));
	WRITE(db, hosts_unblock(db, h.id));
	REFUSE(db, ERR_CONFLICT, hosts_unblock(db, h.id));
	WRITE(db, hosts_authenticate(db, &identity, &v, &out));
	REFUSE(db, ERR_NOT_FOUND, hosts_block(db, "x"));
}

static void
test_vitals_alone(void **state)
{
	static const struct host_vitals newer = { .device.os_version = "99.1" };
	struct db *db = storefix_db(state);
	struct command c;
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	enqueue(db, &h, "A");
	WRITE(db, hosts_update_vitals(db, h.id, &vitals));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_string_equal(out.device_name, "Mac of Zoe");
	assert_int_equal(out.generation, h.generation);
	assert_int_equal(out.push_token_len, h.push_token_len);
	WRITE(db, hosts_update_vitals(db, h.id, &newer));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_string_equal(out.device.os_version, "99.1");
	assert_string_equal(out.device_name, "Mac of Zoe");
	assert_string_equal(out.topic, vitals.topic);
	assert_int_equal(commands_next(db, h.id, &c), OK);
	commands_release(&c);
	REFUSE(db, ERR_NOT_FOUND, hosts_update_vitals(db, "x", &vitals));
}

static void
test_renewed_certificate(void **state)
{
	struct db *db = storefix_db(state);
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, hosts_set_certificate(db, h.id, &identity));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_memory_equal(
	    out.certificate_sha256, other_digest, SECRET_SHA256);
	assert_int_equal(out.state, HOST_ENROLLED);
	assert_int_equal(out.generation, h.generation);
	assert_false(out.hardware_attested);
	assert_string_equal(out.enrollment_id, "e2");
}

static void
test_first_attestation(void **state)
{
	struct db *db = storefix_db(state);
	struct host_identity i = identity;
	struct host_vitals v = vitals_of("S1", "UDID-1");
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	clock_set_offset(500);
	i.hardware_attested = true;
	WRITE(db, hosts_set_certificate(db, h.id, &i));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_true(out.hardware_attested);
	assert_int_equal(out.ever_attested_at, h.ever_attested_at);
	WRITE(db, hosts_authenticate(db, &i, &v, &out));
	assert_true(out.hardware_attested);
	assert_int_equal(out.ever_attested_at, h.ever_attested_at);
	clock_set_offset(0);
}

/* A host that is here keeps its UDID. */
static void
test_release_udid(void **state)
{
	struct db *db = storefix_db(state);
	struct host_vitals v = vitals_of("S1", "U1");
	struct host_tokens t = { .push_token = blob_str("one"),
		.push_magic = "m" };
	struct host h;
	bool first;

	WRITE(db, hosts_authenticate(db, &identity, &v, &h));
	REFUSE(db, ERR_CONFLICT, hosts_release_udid(db, h.id));
	WRITE(db, hosts_token_update(db, h.id, &t, &first));
	REFUSE(db, ERR_CONFLICT, hosts_release_udid(db, h.id));
	assert_int_equal(hosts_load_by_udid(db, "U1", &h), OK);
	WRITE(db, hosts_check_out(db, h.id));
	WRITE(db, hosts_release_udid(db, h.id));
	assert_int_equal(hosts_load_by_udid(db, "U1", &h), ERR_NOT_FOUND);
	v = vitals_of("S1", "U2");
	WRITE(db, hosts_authenticate(db, &identity, &v, &h));
	WRITE(db, hosts_block(db, h.id));
	WRITE(db, hosts_release_udid(db, h.id));
	assert_int_equal(hosts_load_by_udid(db, "U2", &h), ERR_NOT_FOUND);
}

static void
test_token_update(void **state)
{
	struct db *db = storefix_db(state);
	const bool yes = true, no = false;
	struct host_vitals v = vitals_of("S1", "U1");
	struct host_tokens t = { .push_token = blob_str("one"),
		.push_magic = "m",
		.unlock_token = blob_str("unlock"),
		.awaiting_configuration = &yes };
	struct host h;
	bool first;

	WRITE(db, hosts_authenticate(db, &identity, &v, &h));
	WRITE(db, hosts_token_update(db, h.id, &t, &first));
	assert_true(first);
	assert_int_equal(hosts_load(db, h.id, &h), OK);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_int_not_equal(h.enrolled_at, 0);
	/* what the device leaves out stays */
	t = (struct host_tokens){ .push_token = blob_str("three"),
		.push_magic = "m2" };
	clock_set_offset(100);
	WRITE(db, hosts_token_update(db, h.id, &t, &first));
	assert_false(first);
	assert_int_equal(hosts_load(db, h.id, &h), OK);
	assert_int_equal(h.push_token_len, 5);
	assert_memory_equal(h.push_token, "three", 5);
	assert_string_equal(h.push_magic, "m2");
	assert_true(h.has_unlock_token);
	assert_true(h.awaiting_configuration);
	assert_true(h.enrolled_at < h.last_seen_at);
	t.awaiting_configuration = &no;
	WRITE(db, hosts_token_update(db, h.id, &t, &first));
	assert_int_equal(hosts_load(db, h.id, &h), OK);
	assert_false(h.awaiting_configuration);
}

static void
test_token_update_refused(void **state)
{
	struct db *db = storefix_db(state);
	uint8_t big[HOSTS_PUSH_TOKEN_MAX + 1] = { 1 };
	struct host_tokens t = { .push_token = blob_of(big, sizeof big),
		.push_magic = "m" };
	struct host h;
	bool first;

	storefix_host(db, "S1", 1, &h);
	REFUSE(db, ERR_MDM_MESSAGE, hosts_token_update(db, h.id, &t, &first));
	t.push_token.n = 0;
	REFUSE(db, ERR_MDM_MESSAGE, hosts_token_update(db, h.id, &t, &first));
	t.push_token.n = 32;
	REFUSE(db, ERR_NOT_FOUND, hosts_token_update(db, "x", &t, &first));
	WRITE(db, hosts_check_out(db, h.id));
	REFUSE(db, ERR_CONFLICT, hosts_token_update(db, h.id, &t, &first));
	assert_false(first);
}

static void
test_check_out(void **state)
{
	struct db *db = storefix_db(state);
	struct command c;
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	enqueue(db, &h, "A");
	WRITE(db, hosts_check_out(db, h.id));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_int_equal(out.state, HOST_UNENROLLED);
	assert_true(out.has_certificate);
	assert_true(h.hardware_attested);
	assert_false(out.hardware_attested);
	assert_int_equal(out.push_token_len, 0);
	assert_int_equal(commands_next(db, h.id, &c), ERR_NOT_FOUND);
	REFUSE(db, ERR_CONFLICT, hosts_check_out(db, h.id));
}

static void
assert_bootstrap(struct db *db, const struct host *h, const char *expected)
{
	struct buf b;

	buf_init(&b, 10000);
	assert_int_equal(hosts_get_bootstrap_token(db, h->id, &b), OK);
	assert_string_equal(buf_str(&b), expected);
	buf_release(&b);
}

static int
kept(struct db *db)
{
	return storefix_sql(db,
	    "SELECT count(*) FROM hosts"
	    " WHERE bootstrap_token_before = x'6f6e65'");
}

static void
test_bootstrap_token(void **state)
{
	struct db *db = storefix_db(state);
	static const uint8_t big[8193];
	struct host h;
	int wiped;

	storefix_host(db, "S1", 1, &h);
	assert_bootstrap(db, &h, "");
	WRITE(db, hosts_set_bootstrap_token(db, h.id, blob_str("one")));
	assert_bootstrap(db, &h, "one");
	/* the same again does not push the older one out */
	WRITE(db, hosts_set_bootstrap_token(db, h.id, blob_str("one")));
	assert_int_equal(kept(db), 0);
	WRITE(db, hosts_set_bootstrap_token(db, h.id, blob_str("")));
	assert_bootstrap(db, &h, "");
	assert_int_equal(kept(db), 1);
	WRITE(db, hosts_set_bootstrap_token(db, h.id, blob_str("")));
	assert_int_equal(kept(db), 1);
	REFUSE(db, ERR_TOO_LARGE,
	    hosts_set_bootstrap_token(db, h.id, blob_of(big, sizeof big)));
	REFUSE(db, ERR_NOT_FOUND,
	    hosts_set_bootstrap_token(db, "x", blob_str("one")));
	WRITE(db, hosts_purge(db, clock_now() + 86400 * 29, 9, &wiped));
	assert_int_equal(kept(db), 1);
	WRITE(db, hosts_purge(db, clock_now() + 86400 * 31, 9, &wiped));
	assert_int_equal(wiped, 1);
	assert_int_equal(kept(db), 0);
}

static void
test_count(void **state)
{
	struct db *db = storefix_db(state);
	struct host_vitals v = vitals_of("S2", "UDID-2");
	struct host_tokens t = { .push_token = blob_str("t"),
		.push_magic = "m" };
	struct host_counts counts;
	struct host h;
	bool first;

	assert_int_equal(hosts_count(db, &counts), OK);
	assert_int_equal(counts.total, 0);
	storefix_host(db, "S1", 1, &h);
	WRITE(db, hosts_authenticate(db, &identity, &v, &h));
	WRITE(db, hosts_token_update(db, h.id, &t, &first));
	storefix_host(db, "S3", 3, &h);
	WRITE(db, hosts_check_out(db, h.id));
	assert_int_equal(hosts_count(db, &counts), OK);
	assert_int_equal(counts.total, 3);
	assert_int_equal(counts.enrolled, 2);
	assert_int_equal(counts.attested, 1);
	assert_int_equal(counts.not_attested, 1);
}

static void
test_seen(void **state)
{
	struct db *db = storefix_db(state);
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	clock_set_offset(500);
	WRITE(db, hosts_seen(db, h.id));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_true(out.last_seen_at >= h.last_seen_at + 499);
	REFUSE(db, ERR_NOT_FOUND, hosts_seen(db, "x"));
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_authenticate_makes_a_pending_host),
	STOREFIX_TEST(test_next_generation),
	STOREFIX_TEST(test_udid_of_another_host),
	STOREFIX_TEST(test_two_hosts_without_udid),
	STOREFIX_TEST(test_blocked),
	STOREFIX_TEST(test_vitals_alone),
	STOREFIX_TEST(test_renewed_certificate),
	STOREFIX_TEST(test_first_attestation),
	STOREFIX_TEST(test_release_udid),
	STOREFIX_TEST(test_token_update),
	STOREFIX_TEST(test_token_update_refused),
	STOREFIX_TEST(test_check_out),
	STOREFIX_TEST(test_bootstrap_token),
	STOREFIX_TEST(test_count),
	STOREFIX_TEST(test_seen),
};

STOREFIX_MAIN(tests)
