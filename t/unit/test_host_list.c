#include "storefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "store/connection.h"
#include "store/host_index.h"
#include "store/host_list.h"
#include "store/sql.h"

static void
add_named(
    struct db *db, const char *serial, const char *name, const char *product)
{
	uint8_t digest[SECRET_SHA256] = { 1 };
	struct host_identity identity = { .certificate_sha256 = digest,
		.enrollment_id = "e" };
	struct host_vitals vitals = { .device_name = name };
	struct host_tokens tokens = { .push_token = blob_str("token"),
		.push_magic = "magic" };
	struct host h;
	bool first;

	snprintf(vitals.device.serial, sizeof vitals.device.serial, "%s",
	    serial);
	snprintf(vitals.device.udid, sizeof vitals.device.udid, "U-%s", serial);
	snprintf(vitals.device.product, sizeof vitals.device.product, "%s",
	    product);
	snprintf(vitals.device.os_version, sizeof vitals.device.os_version,
	    "%s", strcmp(product, "Mac15,3") == 0 ? "14.2.1" : "17.1");
	WRITE(db, hosts_authenticate(db, &identity, &vitals, &h));
	WRITE(db, hosts_token_update(db, h.id, &tokens, &first));
}

/* Serial numbers of a page, separated by blanks. */
static const char *
serials(struct db *db, struct host_filter filter)
{
	static char text[4096];
	struct host_list list;

	text[0] = '\0';
	filter.limit = filter.limit == 0 ? 100 : filter.limit;
	assert_int_equal(host_list_load(db, &filter, &list), OK);
	for (size_t i = 0; i < list.n; i++) {
		strcat(text, list.rows[i].device.serial);
		strcat(text, i + 1 < list.n ? " " : "");
	}
	host_list_release(&list);
	return text;
}

static void
finds(struct db *db, const char *search, const char *expected)
{
	assert_string_equal(
	    serials(db, (struct host_filter){ .search = search }), expected);
}

/* As lists are made of many rows, these are made by SQL and found by a repair. */
static void
add_many(struct db *db, int n, const char *state, const char *prefix)
{
	char sql[1024];
	int64_t mended;

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
	    " WHERE n < %d) INSERT INTO hosts (id, serial, state, device_name,"
	    " sort_name, created_at, last_seen_at) SELECT 'id-%s-' || n,"
	    " '%s' || (100000 + n), '%s', 'Many ' || (n %% 7), 'many ' || (n %% 7),"
	    " 1, n / 3 FROM c",
	    n, prefix, prefix, state);
	storefix_change(db, sql);
	assert_int_equal(host_index_mend(db, &mended), OK);
	assert_true(mended >= n);
}

/* Where the serial number X<number> is noted as seen. */
#define MANY 3000

struct walk {
	int seen[MANY + 1];
	int others;
	int pages;
	bool partial;
	bool unsorted;
};

/* Page after page; another host is added after each one. */
static void
walk(struct db *db, struct host_filter filter, struct walk *out)
{
	char after[CURSOR_TEXT] = "", serial[16];
	struct host_list list;
	int number;

	memset(out, 0, sizeof *out);
	do {
		filter.cursor = after;
		assert_int_equal(host_list_load(db, &filter, &list), OK);
		for (size_t i = 0; i < list.n; i++)
			if (sscanf(list.rows[i].device.serial, "X%d",
				&number) == 1)
				out->seen[number - 100000]++;
			else
				out->others++;
		out->partial = out->partial || list.partial;
		out->unsorted = out->unsorted || list.unsorted;
		assert_true(list.n == (size_t)filter.limit || list.partial ||
		    list.next[0] == '\0');
		memcpy(after, list.next, sizeof after);
		host_list_release(&list);
		snprintf(serial, sizeof serial, "N%d-%d", rand(), out->pages);
		if (out->pages++ < 10)
			add_named(db, serial, "New", "Mac15,3");
	} while (after[0] != '\0');
}

static void
assert_all_once(const struct walk *w, int n)
{
	for (int i = 1; i <= n; i++)
		assert_int_equal(w->seen[i], 1);
}

static void
test_every_order_shows_each_host_once(void **state)
{
	struct db *db = storefix_db(state);
	struct walk w;

	add_many(db, 100, "enrolled", "X");
	for (int sort = 0; sort < HOST_SORTS; sort++)
		for (int descending = 0; descending < 2; descending++) {
			walk(db,
			    (struct host_filter){ .sort = (enum host_sort)sort,
				.descending = descending,
				.limit = 7 },
			    &w);
			assert_all_once(&w, 100);
			assert_false(w.partial);
		}
	walk(db, (struct host_filter){ .search = "MANY", .limit = 7 }, &w);
	assert_all_once(&w, 100);
	assert_false(w.unsorted);
	walk(db,
	    (struct host_filter){
		.state = "enrolled", .limit = 7, .sort = HOST_BY_NAME },
	    &w);
	assert_all_once(&w, 100);
}

static void
test_orders(void **state)
{
	struct db *db = storefix_db(state);
	struct host h;

	add_named(db, "S1", "beta", "Mac15,3");
	add_named(db, "S2", "Alpha", "Mac15,3");
	add_named(db, "S3", "Émile", "Mac15,3");
	add_named(db, "S4", "émilie", "Mac15,3");
	storefix_change(db, "UPDATE hosts SET last_seen_at = 1 WHERE serial = 'S3'");
	storefix_change(
	    db, "UPDATE hosts SET sort_enrolled_at = 1 WHERE serial = 'S2'");
	storefix_change(
	    db, "UPDATE hosts SET certificate_ends_at = 1 WHERE serial = 'S4'");
	assert_string_equal(
	    serials(db, (struct host_filter){ .sort = HOST_BY_SERIAL }),
	    "S1 S2 S3 S4");
	assert_string_equal(serials(db,
				(struct host_filter){
				    .sort = HOST_BY_NAME, .descending = true }),
	    "S4 S3 S1 S2");
	assert_string_equal(
	    serials(db,
		(struct host_filter){ .sort = HOST_BY_CONTACT, .limit = 1 }),
	    "S3");
	assert_string_equal(
	    serials(db,
		(struct host_filter){ .sort = HOST_BY_ENROLLMENT, .limit = 1 }),
	    "S2");
	assert_string_equal(serials(db,
				(struct host_filter){
				    .sort = HOST_BY_CERTIFICATE_END,
				    .descending = true,
				    .limit = 1 }),
	    "S4");
	/* a new name changes the place and the search */
	assert_int_equal(hosts_load_by_serial(db, "S1", &h), OK);
	WRITE(db,
	    hosts_update_vitals(
		db, h.id, &(struct host_vitals){ .device_name = "Zeta" }));
	assert_string_equal(
	    serials(db, (struct host_filter){ .sort = HOST_BY_NAME }),
	    "S2 S1 S3 S4");
	finds(db, "zeta", "S1");
	finds(db, "beta", "");
}

/* A text that search operators, patterns and quotes would change. */
static void
test_a_search_is_literal(void **state)
{
	struct db *db = storefix_db(state);
	static const char *const names[] = { "100% wool", "snake_case",
		"back\\slash", "say \"hi\"", "it's", "a AND b", "star*star",
		"minus -x", "NEAR(a b)", "{brace}", "^caret", "col:umn",
		"lone\"quote", "(paren", "a+b", "semi;colon--", "rowid>1" };
	char serial[16];
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(serial, sizeof serial, "L%zu", 100 + i);
		add_named(db, serial, names[i], "Mac15,3");
	}
	add_named(db, "L900", "100 wool snakeXcase back/slash a b", "Mac15,3");
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(serial, sizeof serial, "L%zu", 100 + i);
		finds(db, names[i], serial);
	}
	finds(db, "%", "");
	finds(db, "_", "");
	finds(db, "\\", "");
	finds(db, "%%%", "");
	finds(db, "___", "");
	finds(db, "0%", "");
	finds(db, "e_c", "L101");
	finds(db, "k\\s", "L102");
	finds(db, "\"", "");
	finds(db, "\"hi", "L103");
	finds(db, "\"\"\"", "");
	finds(db, "' OR 1=1 --", "");
	finds(db, "host_index:*", "");
	finds(db, "a OR b", "");
	finds(db, "NOT", "");
}

static void
test_short_and_foreign_searches(void **state)
{
	struct db *db = storefix_db(state);

	add_named(db, "C02AB", "Jürgen's Mac", "Mac15,3");
	add_named(db, "D03CD", "ΟΔΥΣΣΕΎΣ", "iPhone15,2");
	add_named(db, "E04EF", "ЁЖИК", "iPad13,1");
	add_named(db, "F05GH", "日本 Ω", "iPad13,1");
	finds(db, "C", "C02AB");
	finds(db, "c0", "C02AB");
	/* the beginning of a word, of any field */
	finds(db, "jÜ", "C02AB");
	finds(db, "r", "");
	finds(db, "02", "");
	finds(db, "02a", "C02AB");
	finds(db, "RGE", "C02AB");
	finds(db, "οδυσσεύς", "D03CD");
	finds(db, "ёж", "E04EF");
	finds(db, "日本", "F05GH");
	finds(db, "日", "F05GH");
	finds(db, "本", "");
	finds(db, "ω", "");
	finds(db, "本 ω", "F05GH");
	finds(db, "u-d03", "D03CD");
	finds(db, "ipad", "E04EF F05GH");
	finds(db, NULL, "C02AB D03CD E04EF F05GH");
}

static int
load(struct db *db, const char *cursor, struct host_filter filter)
{
	struct host_list list;
	int r;

	filter.limit = 1;
	filter.cursor = cursor;
	r = host_list_load(db, &filter, &list);
	assert_true(r == OK || (list.n == 0 && list.rows == NULL));
	host_list_release(&list);
	return r;
}

static void
refuses(struct db *db, const char *bytes, size_t n, struct host_filter filter)
{
	struct buf cursor;

	buf_init(&cursor, 4096);
	assert_int_equal(
	    enc_base64url(blob_of((const uint8_t *)bytes, n), &cursor), OK);
	assert_int_equal(load(db, buf_str(&cursor), filter), ERR_FIELD);
	buf_release(&cursor);
}

#define ALPHABET(text) text, sizeof(text) - 1

static void
test_cursors_that_are_none(void **state)
{
	struct db *db = storefix_db(state);
	static const struct host_filter plain = { .search = NULL },
					by_name = { .sort = HOST_BY_NAME },
					down = { .descending = true },
					by_time = { .sort = HOST_BY_CONTACT },
					searched = { .search = "C02" };
	char big[1000] = "h0u";
	struct host_filter first = { .limit = 1 };
	struct host_list list;

	add_named(db, "S1", "a", "Mac15,3");
	add_named(db, "S2", "b", "Mac15,3");
	assert_int_equal(host_list_load(db, &first, &list), OK);
	assert_int_equal(load(db, list.next, plain), OK);
	assert_int_equal(load(db, list.next, by_name), ERR_FIELD);
	assert_int_equal(load(db, list.next, down), ERR_FIELD);
	assert_int_equal(load(db, list.next, by_time), ERR_FIELD);
	list.next[strlen(list.next) - 1] = '\0';
	assert_int_equal(load(db, "x", plain), ERR_FIELD);
	assert_int_equal(load(db, "==", plain), ERR_FIELD);
	assert_int_equal(load(db, "' OR 1=1", plain), ERR_FIELD);
	host_list_release(&list);
	refuses(db, ALPHABET("h0u"), plain);
	refuses(db, ALPHABET("h0u\0a\0" "0\0b"), plain);
	refuses(db, ALPHABET("h0u\0a\0" "0\0b\0c\0"), plain);
	refuses(db, ALPHABET("h0uuuuuuuuuuuuuuuuuu\0a\0" "0\0b\0"), plain);
	refuses(db, ALPHABET("\0a\0" "0\0b\0"), plain);
	refuses(db, ALPHABET("hn\0\0" "1\0\0"), plain);
	refuses(db, big, 300, plain);
	refuses(db, big, sizeof big, plain);
	refuses(db, ALPHABET("h2u\0\0\0b\0"), by_time);
	refuses(db, ALPHABET("h2u\0\0" "1x\0b\0"), by_time);
	refuses(db, ALPHABET("h2u\0\0" "99999999999999999999\0b\0"), by_time);
	refuses(db, ALPHABET("hn\0\0" "-1\0\0"), searched);
	refuses(db, ALPHABET("hn\0\0" "-9223372036854775808\0\0"), searched);
}

static void
test_a_cursor_is_a_place_not_a_row(void **state)
{
	struct db *db = storefix_db(state);
	struct host_filter first = { .limit = 1 }, second = { .limit = 5 };
	struct host_list list;
	char after[CURSOR_TEXT];

	add_named(db, "S1", "a", "Mac15,3");
	add_named(db, "S2", "b", "Mac15,3");
	assert_int_equal(host_list_load(db, &first, &list), OK);
	memcpy(after, list.next, sizeof after);
	host_list_release(&list);
	storefix_change(db, "DELETE FROM pushes");
	storefix_change(db, "DELETE FROM hosts WHERE serial = 'S1'");
	second.cursor = after;
	assert_string_equal(serials(db, second), "S2");
}

static void
test_filters(void **state)
{
	struct db *db = storefix_db(state);
	static const char *const phones[] = { "iPhone", NULL };
	static const char *const both[] = { "iPhone", "iPad", NULL };
	static const char *const none[] = { NULL };
	struct host h;

	add_named(db, "S1", "a", "Mac15,3");
	add_named(db, "S2", "b", "iPhone15,2");
	add_named(db, "S3", "c", "iPad13,1");
	storefix_host(db, "S4", 4, &h);
	add_named(db, "S5", "c", "Mac15,3");
	assert_int_equal(hosts_load_by_serial(db, "S5", &h), OK);
	WRITE(db, hosts_block(db, h.id));
	storefix_change(
	    db, "UPDATE hosts SET certificate_ends_at = 500 WHERE serial = 'S3'");

	assert_string_equal(
	    serials(db, (struct host_filter){ .products = phones }), "S2");
	assert_string_equal(
	    serials(db, (struct host_filter){ .products = both }), "S2 S3");
	assert_string_equal(
	    serials(db, (struct host_filter){ .products = none }),
	    "S1 S2 S3 S4 S5");
	assert_string_equal(
	    serials(db, (struct host_filter){ .os_version = "14" }), "S1 S5");
	assert_string_equal(
	    serials(db, (struct host_filter){ .os_version = "14.2" }),
	    "S1 S5");
	assert_string_equal(
	    serials(db, (struct host_filter){ .os_version = "14.2.1" }),
	    "S1 S5");
	assert_string_equal(
	    serials(db, (struct host_filter){ .os_version = "1" }), "");
	assert_string_equal(
	    serials(db, (struct host_filter){ .state = "blocked" }), "S5");
	assert_string_equal(
	    serials(db, (struct host_filter){ .attested = HOST_ATTESTED }),
	    "S4");
	assert_string_equal(
	    serials(db, (struct host_filter){ .attested = HOST_NOT_ATTESTED }),
	    "S1 S2 S3");
	assert_string_equal(
	    serials(db,
		(struct host_filter){ .attested = HOST_NOT_ATTESTED,
		    .state = "blocked" }),
	    "");
	assert_string_equal(
	    serials(db, (struct host_filter){ .certificate_ends_before = 501 }),
	    "S3");
	assert_string_equal(
	    serials(db, (struct host_filter){ .certificate_ends_before = 500 }),
	    "");
	assert_string_equal(serials(db,
				(struct host_filter){ .search = "mac",
				    .os_version = "14",
				    .state = "enrolled" }),
	    "S1");
	assert_int_equal(
	    load(db, NULL, (struct host_filter){ .state = "gone" }), ERR_FIELD);
	assert_int_equal(
	    load(db, NULL, (struct host_filter){ .search = "\xff\xfe" }),
	    ERR_FIELD);
}

static void
test_what_is_seldom_is_looked_for_in_parts(void **state)
{
	struct db *db = storefix_db(state);
	struct host_filter filter = { .state = "blocked", .limit = 10 };
	struct host_list list;
	struct walk w;

	add_many(db, HOST_LIST_LOOKED_AT + 500, "unenrolled", "A");
	add_many(db, HOST_LIST_SORTED + 1, "blocked", "X");
	assert_int_equal(host_list_load(db, &filter, &list), OK);
	assert_true(list.partial);
	assert_int_equal(list.n, 0);
	assert_true(list.next[0] != '\0');
	host_list_release(&list);
	filter.limit = 400;
	walk(db, filter, &w);
	assert_all_once(&w, HOST_LIST_SORTED + 1);
	assert_int_equal(w.others, 0);
	/* in the order of the end of certificates there is none to look at */
	filter.certificate_ends_before = 5;
	assert_string_equal(serials(db, filter), "");
}

static void
test_a_search_that_finds_much(void **state)
{
	struct db *db = storefix_db(state);
	struct host_filter filter = { .search = "many",
		.limit = 300,
		.sort = HOST_BY_NAME,
		.descending = true };
	struct walk w;

	add_many(db, HOST_LIST_SORTED, "enrolled", "X");
	walk(db, filter, &w);
	assert_all_once(&w, HOST_LIST_SORTED);
	assert_false(w.unsorted);
	add_many(db, 1, "enrolled", "Y");
	walk(db, filter, &w);
	assert_all_once(&w, HOST_LIST_SORTED);
	assert_int_equal(w.others, 1);
	assert_true(w.unsorted);
	/* also where a filter leaves nothing of it */
	filter.state = "blocked";
	walk(db, filter, &w);
	assert_int_equal(w.others, 0);
}

/* All texts have the only three letters that the index is asked for. */
static void
test_a_search_that_reads_all_texts(void **state)
{
	struct db *db = storefix_db(state);
	struct host_filter filter = { .search = "0000000000", .limit = 10 };
	int64_t before;
	struct host_list list;
	struct walk w;

	add_many(db, 5 * HOST_LIST_SEARCHED / 2, "enrolled", "Z000");
	before = sql_work(db);
	assert_int_equal(host_list_load(db, &filter, &list), OK);
	assert_true(list.partial);
	assert_int_equal(list.n, 0);
	assert_true(sql_work(db) - before < HOST_LIST_SEARCHED * 10);
	assert_true(sql_work(db) - before > HOST_LIST_SEARCHED * 3);
	host_list_release(&list);
	walk(db, filter, &w);
	assert_int_equal(w.others, 0);
	assert_in_range(w.pages, 2, 6);
	/* the last one is found behind them */
	add_many(db, 1, "enrolled", "A0000000000");
	walk(db, filter, &w);
	assert_int_equal(w.others, 1);
	/* what the index can tell is found at once, and sorted */
	filter.search = "Z000112345";
	before = sql_work(db);
	assert_int_equal(host_list_load(db, &filter, &list), OK);
	assert_int_equal(list.n, 1);
	assert_false(list.partial || list.unsorted);
	assert_true(sql_work(db) - before < 1000);
	host_list_release(&list);
}

static int64_t
wrong(struct db *db)
{
	int64_t n;

	assert_int_equal(host_index_check(db, &n), OK);
	return n;
}

static void
counts(struct db *db, int pending, int enrolled, int attested, int blocked)
{
	struct host_counts c;

	assert_int_equal(hosts_count(db, &c), OK);
	assert_int_equal(c.pending, pending);
	assert_int_equal(c.enrolled, enrolled);
	assert_int_equal(c.attested, attested);
	assert_int_equal(c.not_attested, enrolled - attested);
	assert_int_equal(c.blocked, blocked);
	assert_int_equal(
	    c.total, pending + enrolled + blocked + c.unenrolled);
	assert_int_equal(wrong(db), 0);
}

static void
test_counts_are_kept(void **state)
{
	struct db *db = storefix_db(state);
	struct host_vitals vitals = { .device_name = "again" };
	uint8_t digest[SECRET_SHA256] = { 9 };
	struct host_identity identity = { .certificate_sha256 = digest,
		.enrollment_id = "e" };
	struct host h, other;

	counts(db, 0, 0, 0, 0);
	storefix_host(db, "S1", 1, &h);
	storefix_host(db, "S2", 2, &other);
	counts(db, 0, 2, 2, 0);
	WRITE(db, hosts_note_client_certificate(db, h.id));
	counts(db, 0, 2, 2, 0);
	/* what is rolled back does not count */
	REFUSE(db, OK, hosts_block(db, h.id));
	counts(db, 0, 2, 2, 0);
	vitals.device = h.device;
	WRITE(db, hosts_authenticate(db, &identity, &vitals, &h));
	counts(db, 1, 1, 1, 0);
	WRITE(db, hosts_block(db, h.id));
	counts(db, 0, 1, 1, 1);
	WRITE(db, hosts_unblock(db, h.id));
	WRITE(db, hosts_release_udid(db, h.id));
	WRITE(db, hosts_check_out(db, other.id));
	counts(db, 0, 0, 0, 0);
	finds(db, "UDID-1", "");
	finds(db, "UDID-2", "S2");
}

static void
test_damage_is_noticed_and_mended(void **state)
{
	struct db *db = storefix_db(state);
	int64_t mended;

	add_named(db, "S1", "Anna", "Mac15,3");
	add_named(db, "S2", "Bert", "Mac15,3");
	assert_int_equal(host_index_mend(db, &mended), OK);
	assert_int_equal(mended, 0);
	storefix_change(db, "UPDATE host_counts SET hosts = 7 WHERE hosts > 0");
	assert_int_equal(wrong(db), 1);
	storefix_change(
	    db, "UPDATE host_index SET text = '  other' WHERE rowid = 1");
	assert_int_equal(wrong(db), 2);
	storefix_change(
	    db, "DELETE FROM host_numbers WHERE host_id IN (SELECT id"
		" FROM hosts WHERE serial = 'S2')");
	assert_int_equal(wrong(db), 3);
	assert_int_equal(host_index_mend(db, &mended), OK);
	assert_int_equal(mended, 3);
	assert_int_equal(wrong(db), 0);
	finds(db, "anna", "S1");
	finds(db, "bert", "S2");
	finds(db, "other", "");
	/* the index behind the texts */
	storefix_change(
	    db, "UPDATE host_index SET text = '  other' WHERE rowid = 1");
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	storefix_change(db,
	    "UPDATE host_index_content SET c0 ="
	    " '  s1  u-s1  anna    mac15,3  ' WHERE id = 1");
	assert_int_equal(wrong(db), 0);
	finds(db, "anna", "");
	assert_int_equal(host_index_mend(db, &mended), OK);
	assert_int_equal(mended, 1);
	finds(db, "anna", "S1");
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_every_order_shows_each_host_once),
	STOREFIX_TEST(test_orders),
	STOREFIX_TEST(test_a_search_is_literal),
	STOREFIX_TEST(test_short_and_foreign_searches),
	STOREFIX_TEST(test_cursors_that_are_none),
	STOREFIX_TEST(test_a_cursor_is_a_place_not_a_row),
	STOREFIX_TEST(test_filters),
	STOREFIX_TEST(test_what_is_seldom_is_looked_for_in_parts),
	STOREFIX_TEST(test_a_search_that_finds_much),
	STOREFIX_TEST(test_a_search_that_reads_all_texts),
	STOREFIX_TEST(test_counts_are_kept),
	STOREFIX_TEST(test_damage_is_noticed_and_mended),
};

STOREFIX_MAIN(tests)
