/* lib/ca/key.c and lib/ca/file.c: whose keys are taken, and how they are kept.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>

#include "base/err.h"
#include "ca/file.h"
#include "ca/key.h"

static char folder[64];

static const char *
in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void
save(enum key_kind kind, const char *name)
{
	struct key *key;

	assert_int_equal(key_generate(kind, &key), OK);
	assert_int_equal(key_save(key, in_folder(name)), OK);
	key_free(key);
}

static void
assert_signs(const struct key *key)
{
	gnutls_pubkey_t public;
	gnutls_datum_t data = { NULL, 0 }, signature;

	assert_int_equal(gnutls_privkey_sign_data(key_handle(key),
			     key_digest(key), 0, &data, &signature),
	    0);
	assert_int_equal(key_public(key, &public), OK);
	assert_int_equal(
	    gnutls_pubkey_verify_data2(public,
		gnutls_pk_to_sign(
		    (gnutls_pk_algorithm_t)gnutls_pubkey_get_pk_algorithm(
			public, NULL),
		    key_digest(key)),
		0, &data, &signature),
	    0);
	gnutls_pubkey_deinit(public);
	gnutls_free(signature.data);
}

static void
a_saved_key_comes_back(void **state)
{
	struct buf before, after;
	struct stat st;
	struct key *key;

	buf_init(&before, 1024);
	buf_init(&after, 1024);
	assert_int_equal(key_generate(KEY_P384, &key), OK);
	assert_string_equal(key_name(key), "EC P-384");
	assert_int_equal(key_spki(key, &before), OK);
	assert_int_equal(key_save(key, in_folder("a.key")), OK);
	key_free(key);
	assert_int_equal(stat(in_folder("a.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(key_load(in_folder("a.key"), &key), OK);
	assert_int_equal(key_spki(key, &after), OK);
	assert_true(blob_eq(buf_blob(&before), buf_blob(&after)));
	assert_int_equal(key_digest(key), GNUTLS_DIG_SHA384);
	assert_signs(key);
	key_free(key);
	buf_release(&before);
	buf_release(&after);
}

static void
a_key_is_never_overwritten(void **state)
{
	struct key *key;

	save(KEY_P256, "b.key");
	assert_int_equal(key_generate(KEY_P256, &key), OK);
	assert_int_equal(key_save(key, in_folder("b.key")), ERR_EXISTS);
	key_free(key);
}

static void
a_key_that_others_may_read_is_refused(void **state)
{
	static const mode_t bad[] = { 0604, 0602, 0601, 0620, 0666 };
	struct key *key;
	size_t i;

	save(KEY_P256, "c.key");
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(chmod(in_folder("c.key"), bad[i]), 0);
		assert_int_equal(
		    key_load(in_folder("c.key"), &key), ERR_CONFIG);
		assert_null(key);
	}
	assert_int_equal(chmod(in_folder("c.key"), 0640), 0);
	assert_int_equal(key_load(in_folder("c.key"), &key), OK);
	key_free(key);
}

static void
what_is_no_key_is_refused(void **state)
{
	struct key *key;

	assert_int_equal(key_load(in_folder("absent.key"), &key), ERR_IO);
	assert_int_equal(key_load(folder, &key), ERR_CONFIG);
	assert_int_equal(
	    file_create(in_folder("d.key"), blob_str("hello"), 0600), OK);
	assert_int_equal(key_load(in_folder("d.key"), &key), ERR_CRYPTO);
}

static void
other_kinds_of_key_are_refused(void **state)
{
	static const struct {
		gnutls_pk_algorithm_t kind;
		unsigned bits;
	} rows[] = {
		{ GNUTLS_PK_RSA, 1024 },
		{ GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1) },
		{ GNUTLS_PK_EDDSA_ED25519, 256 },
	};
	gnutls_x509_privkey_t odd;
	gnutls_datum_t pem;
	struct key *key;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(gnutls_x509_privkey_init(&odd), 0);
		assert_int_equal(gnutls_x509_privkey_generate(
				     odd, rows[i].kind, rows[i].bits, 0),
		    0);
		assert_int_equal(
		    gnutls_x509_privkey_export2(odd, GNUTLS_X509_FMT_PEM, &pem),
		    0);
		assert_int_equal(file_create(in_folder("e.key"),
				     blob_of(pem.data, pem.size), 0600),
		    OK);
		assert_int_equal(
		    key_load(in_folder("e.key"), &key), ERR_CRYPTO);
		assert_null(key);
		assert_int_equal(unlink(in_folder("e.key")), 0);
		gnutls_free(pem.data);
		gnutls_x509_privkey_deinit(odd);
	}
}

static void
a_file_is_replaced_whole(void **state)
{
	int here = open(".", O_RDONLY | O_DIRECTORY);
	char longest[5000];
	struct buf b;
	struct stat st;
	uid_t user;

	buf_init(&b, 16);
	assert_int_equal(
	    file_replace(in_folder("f"), blob_str("one"), 0644), OK);
	assert_int_equal(
	    file_replace(in_folder("f"), blob_str("two!"), 0644), OK);
	assert_int_equal(file_read(in_folder("f"), &b), OK);
	assert_string_equal(buf_str(&b), "two!");
	assert_int_equal(stat(in_folder("f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_uid, geteuid());
	/* somebody else's, where we may give it away */
	user = geteuid() == 0 ? 12345 : geteuid();
	assert_int_equal(file_replace_for(user, (gid_t)-1, in_folder("f"),
			     blob_str("two!"), 0600),
	    OK);
	assert_int_equal(stat(in_folder("f"), &st), 0);
	assert_int_equal(st.st_uid, user);
	assert_int_equal(st.st_gid, getegid());
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(
	    file_create(in_folder("f"), blob_str("x"), 0600), ERR_EXISTS);
	assert_int_equal(
	    file_replace(in_folder("absent/f"), blob_str("x"), 0600), ERR_IO);
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(file_replace(longest, blob_str("x"), 0600), ERR_IO);
	/* where the program is */
	assert_true(here >= 0);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(file_replace("here", blob_str("x"), 0600), OK);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_int_equal(access(in_folder("here"), F_OK), 0);
	assert_int_equal(file_create_random(in_folder("g"), 32), OK);
	buf_reset(&b);
	assert_int_equal(file_read(in_folder("g"), &b), ERR_TOO_LARGE);
	buf_release(&b);
}

static bool
shell(const char *command)
{
	return system(command) == 0;
}

/* A token of SoftHSM, made here and thrown away. */
static void
a_key_on_a_token_signs_like_one_in_a_file(void **state)
{
	struct key *key;
	char text[512];
	FILE *f;

	if (access("/usr/lib/softhsm/libsofthsm2.so", R_OK) != 0 ||
	    !shell("command -v softhsm2-util >/dev/null && command -v p11tool "
		   ">/dev/null")) {
		print_message("# skipped: softhsm2 or p11tool is not here\n");
		return;
	}
	f = fopen(in_folder("softhsm2.conf"), "w");
	assert_non_null(f);
	fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\n",
	    folder);
	fclose(f);
	setenv("SOFTHSM2_CONF", in_folder("softhsm2.conf"), 1);
	assert_int_equal(
	    file_create(in_folder("pin"), blob_str("1234"), 0600), OK);
	assert_true(shell("softhsm2-util --init-token --free --label attestmdm "
			  "--so-pin 4321 --pin 1234 >/dev/null 2>&1"));
	assert_true(shell(
	    "GNUTLS_PIN=1234 p11tool --provider "
	    "/usr/lib/softhsm/libsofthsm2.so --login --generate-privkey=ecdsa "
	    "--curve=secp256r1 --label ca 'pkcs11:token=attestmdm' "
	    ">/dev/null 2>&1"));
	assert_int_equal(
	    gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL), 0);
	assert_int_equal(
	    gnutls_pkcs11_add_provider("/usr/lib/softhsm/libsofthsm2.so", NULL),
	    0);
	snprintf(text, sizeof text,
	    "pkcs11:token=attestmdm;object=ca;type=private?pin-source=%s",
	    in_folder("pin"));
	assert_true(key_is_url(text));
	assert_int_equal(key_load(text, &key), OK);
	assert_string_equal(key_name(key), "EC P-256");
	assert_signs(key);
	key_free(key);
	assert_int_equal(
	    key_load("pkcs11:token=attestmdm;object=other", &key), ERR_CRYPTO);
	assert_null(key);
	gnutls_pkcs11_deinit();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_saved_key_comes_back),
		cmocka_unit_test(a_key_is_never_overwritten),
		cmocka_unit_test(a_key_that_others_may_read_is_refused),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(other_kinds_of_key_are_refused),
		cmocka_unit_test(a_file_is_replaced_whole),
		cmocka_unit_test(a_key_on_a_token_signs_like_one_in_a_file),
	};
	char remove[128];
	int failed;

	snprintf(folder, sizeof folder, "%s", "/tmp/attestmdm-key-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	failed = unit_run("key", tests);
	snprintf(remove, sizeof remove, "rm -rf '%s'", folder);
	return shell(remove) ? failed : 1;
}
