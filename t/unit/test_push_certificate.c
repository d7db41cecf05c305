/* store/push_certificate. */
#include "unit/pushfix.h"

#include "base/clock.h"
#include "base/conf.h"
#include "store/push_certificate.h"

static void
test_certificate(void **state)
{
	struct push_certificate in = { .topic = "t",
		.sha256 = { 1 },
		.not_before = 5,
		.not_after = 9,
		.imported_by = "cli:root" },
				out;
	struct conf conf = { .topic = (char[]){ "com.apple.mgmt.conf" } };
	struct pushfix f = pushfix_queued(state);
	char topic[PUSH_CERTIFICATE_TOPIC_TEXT];
	int64_t n;

	assert_int_equal(push_certificate_load(f.db, &out), ERR_NOT_FOUND);
	assert_int_equal(push_certificate_topic(f.db, &conf, topic), OK);
	assert_string_equal(topic, "com.apple.mgmt.conf");
	conf.topic[0] = '\0';
	assert_int_equal(
	    push_certificate_topic(f.db, &conf, topic), ERR_NO_TOPIC);
	push_certificate_note_missing(f.db);
	push_certificate_note_missing(f.db);
	assert_int_equal(pushfix_alarms(f.db, "push-topic-missing"), 1);

	assert_int_equal(push_certificate_count_others(f.db, "t", &n), OK);
	assert_int_equal(n, 0);
	assert_int_equal(push_certificate_count_others(f.db, "other", &n), OK);
	assert_int_equal(n, 1);
	WRITE(f.db, push_certificate_tell_others(f.db, "other"));
	assert_int_equal(pushfix_alarms(f.db, "push-other-topic"), 1);
	assert_int_equal(storefix_sql(f.db,
			     "SELECT text LIKE '1 hosts %' FROM alarms"
			     " WHERE kind = 'push-other-topic'"),
	    1);
	WRITE(f.db, push_certificate_store(f.db, &in));
	assert_int_equal(pushfix_alarms(f.db, "push-other-topic"), 0);
	assert_int_equal(pushfix_alarms(f.db, "push-topic-missing"), 0);
	conf.topic = (char[]){ "com.apple.mgmt.conf" };
	assert_int_equal(push_certificate_topic(f.db, &conf, topic), OK);
	assert_string_equal(topic, "t");
	in.sha256[0] = 2;
	WRITE(f.db, push_certificate_store(f.db, &in));
	assert_int_equal(push_certificate_load(f.db, &out), OK);
	assert_int_equal(out.sha256[0], 2);
	assert_int_equal(out.not_before, 5);
	assert_int_equal(out.not_after, 9);
	assert_int_equal(out.imported_at, clock_now());
	assert_string_equal(out.imported_by, "cli:root");
}

/* It becomes a header field of requests to Apple. */
static void
test_hostile_topic(void **state)
{
	struct push_certificate in = { .topic = "com.apple.mgmt.x-1" }, out;
	struct conf conf = { .topic = (char[]){ "" } };
	struct db *db = storefix_db(state);
	char topic[PUSH_CERTIFICATE_TOPIC_TEXT];

	WRITE(db, push_certificate_store(db, &in));
	assert_int_equal(push_certificate_load(db, &out), OK);
	storefix_change(db,
	    "UPDATE push_certificate SET topic ="
	    " 'com.apple.mgmt.x' || char(13, 10) || 'apns-topic: y'");
	assert_int_equal(push_certificate_load(db, &out), ERR_DB);
	assert_int_equal(push_certificate_topic(db, &conf, topic), ERR_DB);
}

/* mdm-99 */
static void
test_stop_and_resume(void **state)
{
	static const int pauses[] = { HOUR, 4 * HOUR, DAY, DAY };
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } }, out;
	struct pushfix f = pushfix_host(state);
	uint8_t other[SECRET_SHA256] = { 7 };
	int64_t at = 0;

	WRITE(f.db, push_certificate_stop(f.db, in.sha256, "x"));
	WRITE(f.db, push_certificate_store(f.db, &in));
	WRITE(f.db, push_certificate_stop(f.db, other, "x"));
	assert_int_equal(push_certificate_load(f.db, &out), OK);
	assert_int_equal(out.stopped_at, 0);
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		WRITE(f.db,
		    push_certificate_stop(f.db, in.sha256, "it expired"));
		assert_int_equal(push_certificate_load(f.db, &out), OK);
		assert_int_equal(out.retry_at - clock_now(), pauses[i]);
		assert_int_equal(out.stopped_at, clock_now() - at);
		assert_string_equal(out.stop_reason, "it expired");
		/* others that fail with it count no more */
		WRITE(f.db, push_certificate_stop(f.db, in.sha256, "again"));
		assert_int_equal(push_certificate_load(f.db, &out), OK);
		assert_string_equal(out.stop_reason, "it expired");
		clock_set_offset(at += pauses[i]);
	}
	assert_int_equal(pushfix_alarms(f.db, "push-stopped"), 1);
	WRITE(f.db, push_certificate_resume(f.db, other));
	assert_int_equal(pushfix_alarms(f.db, "push-stopped"), 1);
	WRITE(f.db, push_certificate_resume(f.db, in.sha256));
	assert_int_equal(pushfix_alarms(f.db, "push-stopped"), 0);
	assert_int_equal(push_certificate_load(f.db, &out), OK);
	assert_int_equal(out.stopped_at, 0);
	assert_int_equal(out.retries, 0);
	/* a clock that was wrong stops it for no longer than one that is right */
	WRITE(f.db, push_certificate_stop(f.db, in.sha256, "it expired"));
	clock_set_offset(at - 3650 * DAY);
	assert_int_equal(push_certificate_load(f.db, &out), OK);
	assert_int_equal(out.retry_at, clock_now());
	clock_set_offset(at);
	WRITE(f.db, push_certificate_resume(f.db, in.sha256));
	/* another certificate: go on at once */
	pushfix_queue(&f, "A");
	pushfix_send(&f, PUSH_FAILED);
	WRITE(f.db, push_certificate_stop(f.db, in.sha256, "x"));
	in.sha256[0] = 9;
	WRITE(f.db, push_certificate_store(f.db, &in));
	assert_int_equal(pushfix_alarms(f.db, "push-stopped"), 0);
	assert_int_equal(push_certificate_load(f.db, &out), OK);
	assert_int_equal(out.stopped_at, 0);
	assert_int_equal(pushfix_due(&f), 0);
	clock_set_offset(0);
}

/* A stop that TLS alone caused is short, however often it happens. */
static void
test_doubt_and_resume(void **state)
{
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } }, out;
	struct db *db = storefix_db(state);
	uint8_t other[SECRET_SHA256] = { 7 };
	int64_t at = 0;

	WRITE(db, push_certificate_doubt(db, in.sha256, "x", clock_now() + 9));
	WRITE(db, push_certificate_store(db, &in));
	WRITE(db, push_certificate_doubt(db, other, "x", clock_now() + 9));
	assert_int_equal(pushfix_alarms(db, "push-stopped"), 0);
	for (int i = 0; i < 5; i++) {
		WRITE(db,
		    push_certificate_doubt(
			db, in.sha256, "alert", clock_now() + 9));
		assert_int_equal(push_certificate_load(db, &out), OK);
		assert_int_equal(out.retry_at - clock_now(), 9);
		assert_int_equal(out.stopped_at, clock_now() - at);
		assert_string_equal(out.stop_reason, "alert");
		clock_set_offset(at += 9);
	}
	assert_int_equal(pushfix_alarms(db, "push-stopped"), 1);
	assert_int_equal(
	    storefix_sql(db,
		"SELECT text LIKE '%if it lasts%may be revoked%' FROM alarms"),
	    1);
	/* what Apple then says itself counts from the start */
	WRITE(db, push_certificate_stop(db, in.sha256, "403"));
	assert_int_equal(push_certificate_load(db, &out), OK);
	assert_int_equal(out.retry_at - clock_now(), HOUR);
	WRITE(db, push_certificate_resume(db, in.sha256));
	assert_int_equal(pushfix_alarms(db, "push-stopped"), 0);
	clock_set_offset(0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_certificate),
	STOREFIX_TEST(test_hostile_topic),
	STOREFIX_TEST(test_stop_and_resume),
	STOREFIX_TEST(test_doubt_and_resume),
};

STOREFIX_MAIN(tests)
