/* The simulator's SCEP client (sim/). */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "sim/forge/ca.h"
#include "sim/forge/scep_message.h"
#include "sim/forge/cms_message.h"
#include "sim/forge/der.h"
#include "sim/forge/keypair.h"
#include "sim/client/payload.h"
#include "sim/client/player.h"
#include "unit/unit.h"

/* A profile of a SCEP identity, with the keys of Apple's schema. */
static const char scep_profile[] =
    "<plist version=\"1.0\"><dict><key>PayloadIdentifier</key>"
    "<string>com.example</string><key>PayloadContent</key><array><dict>"
    "<key>PayloadType</key><string>com.apple.security.scep</string>"
    "<key>PayloadUUID</key><string>2</string>"
    "<key>PayloadContent</key><dict>"
    "<key>URL</key><string>https://mdm.example.com/scep</string>"
    "<key>Challenge</key><string>secret</string>"
    "<key>Keysize</key><integer>2048</integer>"
    "<key>Key Usage</key><integer>%s</integer>"
    "<key>CAFingerprint</key><data>AQID</data>"
    "<key>Subject</key><array><array><array><string>CN</string>"
    "<string>a</string></array></array></array></dict></dict><dict>"
    "<key>PayloadType</key><string>com.apple.mdm</string>"
    "<key>IdentityCertificateUUID</key><string>%s</string>"
    "<key>Topic</key><string>t</string>"
    "<key>ServerURL</key><string>https://mdm.example.com/m</string>"
    "</dict></array></dict></plist>";

static int
parse_scep(const char *usage, const char *uuid, struct payload *p)
{
	char text[2048];

	snprintf(text, sizeof text, scep_profile, usage, uuid);
	payload_init(p);
	return payload_parse(blob_str(text), p);
}

static void
test_scep_profile(void **state)
{
	static const struct {
		const char *usage;
		uint8_t bits;
	} table[] = { { "0", 0x80 }, { "1", 0x80 }, { "4", 0x20 },
		{ "5", 0xa0 } };
	struct payload p;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		assert_int_equal(parse_scep(table[i].usage, "2", &p), OK);
		assert_int_equal(p.usage, table[i].bits);
		payload_release(&p);
	}
	assert_int_equal(parse_scep("5", "2", &p), OK);
	assert_true(p.is_scep);
	assert_string_equal(p.scep_url, "https://mdm.example.com/scep");
	assert_string_equal(p.challenge, "secret");
	assert_int_equal(p.key_size, 2048);
	assert_true(blob_eq(p.ca_fingerprint, blob_of("\1\2\3", 3)));
	/* PrintableString, where the ACME client would write UTF8String. */
	assert_true(blob_eq(buf_blob(&p.subject),
	    blob_of("0\0141\0120\010\6\3U\4\3\23\1a", 14)));
	payload_release(&p);
	assert_int_equal(parse_scep("5", "3", &p), ERR_MALFORMED);
	payload_release(&p);
}

/* What a device lets take the place of the profile it enrolled with. */
static void
test_replaces(void **state)
{
	const struct payload old = { .identifier = "i",
		.topic = "t",
		.server_url = "s",
		.checkin_url = "c",
		.access_rights = 3 };
	struct payload p = old;

	(void)state;
	p.access_rights = 1;
	assert_int_equal(payload_replaces(&p, &old), OK);
	p.access_rights = 7;
	assert_int_equal(payload_replaces(&p, &old), ERR_MALFORMED);
	p = old;
	p.identifier = "x";
	assert_int_equal(payload_replaces(&p, &old), ERR_MALFORMED);
	p = old;
	p.topic = "x";
	assert_int_equal(payload_replaces(&p, &old), ERR_MALFORMED);
	p = old;
	p.server_url = "x";
	assert_int_equal(payload_replaces(&p, &old), ERR_MALFORMED);
	p = old;
	p.checkin_url = "x";
	assert_int_equal(payload_replaces(&p, &old), ERR_MALFORMED);
	p = old;
	p.per_user_connections = true;
	assert_int_equal(payload_replaces(&p, &old), ERR_MALFORMED);
}

/* What a CA of ours is, for the tests of SCEP. */
static void
make_ca(struct ca *ca)
{
	const struct ca_plan plan = { .kind = "RSA-2048",
		.name = "/CN=CA",
		.digest = "sha256",
		.not_before = 1700000000,
		.not_after = 4000000000,
		.path_len = -1 };

	*ca = (struct ca)CA_EMPTY;
	assert_int_equal(ca_make(&plan, ca), OK);
}

static void
test_envelope(void **state)
{
	static const char *const ciphers[] = { "AES-128-CBC", "AES-256-CBC",
		"DES-EDE3-CBC" };
	char text[1500];
	struct blob content = blob_of(text, sizeof text);
	struct buf sealed, opened;
	struct ca ca, other;

	(void)state;
	memset(text, 'x', sizeof text);
	make_ca(&ca);
	make_ca(&other);
	buf_init(&sealed, SCRATCH_MAX);
	buf_init(&opened, SCRATCH_MAX);
	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
		buf_reset(&sealed);
		buf_reset(&opened);
		assert_int_equal(cms_message_seal(buf_blob(&ca.der), ciphers[i],
				     content, &sealed),
		    OK);
		assert_int_equal(cms_message_open(buf_blob(&sealed), ca.key,
				     buf_blob(&ca.der), &opened),
		    OK);
		assert_true(blob_eq(buf_blob(&opened), content));
	}
	/* BER, with the content in pieces of 512 bytes. */
	assert_memory_equal(sealed.p, "\x30\x80", 2);
	assert_int_not_equal(cms_message_open(buf_blob(&sealed), ca.key,
				 buf_blob(&other.der), &opened),
	    OK);
	buf_release(&sealed);
	buf_release(&opened);
	ca_release(&ca);
	ca_release(&other);
}

/* An answer as a CA gives it, with attributes of choice; no content. */
static void
make_certrep(struct ca *ca, const struct cms_message_attribute *list, size_t n,
    struct buf *out)
{
	struct cms_message cms = { .key = ca->key,
		.signer = buf_blob(&ca->der),
		.digest = "sha256",
		.attributes = true,
		.der = true,
		.detached = true,
		.more_count = n };

	memcpy(cms.more, list, n * sizeof *list);
	buf_reset(out);
	assert_int_equal(cms_message_sign(&cms, blob_of("", 0), out), OK);
}

#define SCEP_OID "2.16.840.1.113733.1.9."

static int
read_certrep(struct blob message, struct ca *ca, int *fail_info)
{
	struct scep_message m;
	struct scep_message_reply reply;
	int r;

	scep_message_init(&m);
	m.ca = buf_blob(&ca->der);
	snprintf(m.transaction, sizeof m.transaction, "T");
	memcpy(m.nonce, "a nonce of SCEP.", sizeof m.nonce);
	r = scep_message_read(&m, message, &reply);
	*fail_info = reply.fail_info;
	buf_release(&reply.text);
	buf_release(&reply.content);
	scep_message_release(&m);
	return r;
}

/* Each thing that the answer must say, said wrong. */
static void
test_certrep(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		struct blob value;
	} table[] = {
		{ "another message type", 0,
		    { (const uint8_t *)"\x13\1\x39", 3 } },
		{ "no such status", 1, { (const uint8_t *)"\x13\1\x31", 3 } },
		{ "another transaction", 3, { (const uint8_t *)"\x13\1U", 3 } },
		{ "another nonce", 4, { (const uint8_t *)"\4\5nonce", 7 } },
	};
	struct cms_message_attribute right[] = {
		{ SCEP_OID "2", blob_of("\x13\1\x33", 3) },
		{ SCEP_OID "3", blob_of("\x13\1\x32", 3) },
		{ SCEP_OID "4", blob_of("\x13\1\x32", 3) },
		{ SCEP_OID "7", blob_of("\x13\1T", 3) },
		{ SCEP_OID "6", blob_of("\4\20a nonce of SCEP.", 18) },
	};
	struct cms_message_attribute wrong[5];
	struct ca ca, other;
	struct buf message;
	int fail_info;

	(void)state;
	make_ca(&ca);
	make_ca(&other);
	buf_init(&message, SCRATCH_MAX);
	make_certrep(&ca, right, 5, &message);
	assert_int_equal(read_certrep(buf_blob(&message), &ca, &fail_info), OK);
	assert_int_equal(fail_info, 2);
	assert_int_equal(read_certrep(buf_blob(&message), &other, &fail_info),
	    ERR_MALFORMED);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		memcpy(wrong, right, sizeof wrong);
		wrong[table[i].at].value = table[i].value;
		make_certrep(&ca, wrong, 5, &message);
		print_message("# %s\n", table[i].what);
		assert_int_equal(
		    read_certrep(buf_blob(&message), &ca, &fail_info),
		    ERR_MALFORMED);
	}
	buf_release(&message);
	ca_release(&ca);
	ca_release(&other);
}

static void
test_fingerprint(void **state)
{
	static const char *const hashes[] = { "md5", "sha1", "sha224", "sha256",
		"sha384", "sha512" };
	struct blob crt = blob_str("certificate");
	struct buf md;

	(void)state;
	buf_init(&md, 64);
	for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
		buf_reset(&md);
		assert_int_equal(keypair_digest(hashes[i], crt, &md), OK);
		assert_true(scep_client_is_fingerprint(crt, buf_blob(&md)));
		md.p[0] ^= 1;
		assert_false(scep_client_is_fingerprint(crt, buf_blob(&md)));
	}
	assert_false(scep_client_is_fingerprint(crt, blob_of("abc", 3)));
	buf_release(&md);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scep_profile),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_certrep),
		cmocka_unit_test(test_fingerprint),
	};

	/* Each cut-off text would be a line of log. */
	log_open("scep_client", LOG_ERROR);
	return unit_run("scep_client", tests);
}
