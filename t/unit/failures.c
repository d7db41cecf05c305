#include "failures.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "unit/unit.h"

/* As GnuTLS and libtasn1 number a lack of memory. */
#define NO_MEMORY      (-25)
#define ASN1_NO_MEMORY 13

static int countdown;
static const char *failed;

void
failures_arm(int n)
{
	countdown = n;
	failed = NULL;
}

const char *
failures_disarm(void)
{
	countdown = 0;
	return failed;
}

static int
due(const char *name)
{
	if (countdown == 0 || --countdown > 0)
		return 0;
	failed = name;
	errno = EIO;
	return 1;
}

/*
 * A stand-in for any function of at most eight integers and pointers: on the
 * platforms of this project they are passed alike, and a caller that passes
 * fewer leaves the last ones to chance, which the function does not look at.
 */
#define STAND_IN(name, failure)                                                \
	long __real_##name(long, long, long, long, long, long, long, long);    \
	long __wrap_##name(long, long, long, long, long, long, long, long);    \
	long __wrap_##name(                                                    \
	    long a, long b, long c, long d, long e, long f, long g, long h)    \
	{                                                                      \
		return due(#name) ? (failure)                                  \
				  : __real_##name(a, b, c, d, e, f, g, h);     \
	}                                                                      \
	_Static_assert(sizeof(long) == sizeof(void *), "passed alike")

STAND_IN(malloc, 0);
STAND_IN(calloc, 0);
STAND_IN(realloc, 0);
STAND_IN(reallocarray, 0);
STAND_IN(strdup, 0);
STAND_IN(strndup, 0);
STAND_IN(fchmod, -1);
STAND_IN(chmod, -1);
STAND_IN(fchmodat, -1);
STAND_IN(fchown, -1);
STAND_IN(fdopendir, 0);
STAND_IN(link, -1);
STAND_IN(mkdir, -1);
STAND_IN(mkdirat, -1);
STAND_IN(openat, -1);
STAND_IN(pipe2, -1);
STAND_IN(realpath, 0);
STAND_IN(renameat, -1);
STAND_IN(renameat2, -1);
STAND_IN(statvfs, -1);
STAND_IN(fstat, -1);
STAND_IN(read, -1);
STAND_IN(rename, -1);
STAND_IN(timer_create, -1);
STAND_IN(timer_settime, -1);
STAND_IN(write, -1);
STAND_IN(sqlite3_step, SQLITE_IOERR);
STAND_IN(sqlite3_bind_int64, SQLITE_NOMEM);
STAND_IN(sqlite3_bind_text64, SQLITE_NOMEM);
STAND_IN(sqlite3_bind_blob64, SQLITE_NOMEM);
STAND_IN(sqlite3_bind_null, SQLITE_NOMEM);
STAND_IN(sqlite3_backup_step, SQLITE_NOMEM);
STAND_IN(archive_entry_new, 0);
STAND_IN(archive_read_data, ARCHIVE_FATAL);
STAND_IN(archive_read_new, 0);
STAND_IN(archive_read_next_header, ARCHIVE_FATAL);
STAND_IN(archive_write_close, ARCHIVE_FATAL);
STAND_IN(archive_write_data, ARCHIVE_FATAL);
STAND_IN(archive_write_header, ARCHIVE_FATAL);
STAND_IN(archive_write_new, 0);
STAND_IN(asn1_create_element, ASN1_NO_MEMORY);
STAND_IN(gnutls_cipher_init, NO_MEMORY);
STAND_IN(gnutls_encode_rs_value, NO_MEMORY);
STAND_IN(gnutls_hash_init, NO_MEMORY);
STAND_IN(gnutls_pem_base64_encode2, NO_MEMORY);
STAND_IN(gnutls_pkcs7_export2, NO_MEMORY);
STAND_IN(gnutls_pkcs7_init, NO_MEMORY);
STAND_IN(gnutls_pkcs7_set_crt, NO_MEMORY);
STAND_IN(gnutls_pkcs7_sign, NO_MEMORY);
STAND_IN(gnutls_privkey_decrypt_data2, NO_MEMORY);
STAND_IN(gnutls_privkey_export_x509, NO_MEMORY);
STAND_IN(gnutls_privkey_generate, NO_MEMORY);
STAND_IN(gnutls_privkey_import_url, NO_MEMORY);
STAND_IN(gnutls_privkey_import_x509_raw, NO_MEMORY);
STAND_IN(gnutls_privkey_init, NO_MEMORY);
STAND_IN(gnutls_privkey_sign_data2, NO_MEMORY);
STAND_IN(gnutls_pubkey_encrypt_data, NO_MEMORY);
STAND_IN(gnutls_pubkey_export2, NO_MEMORY);
STAND_IN(gnutls_pubkey_export_ecc_raw2, NO_MEMORY);
STAND_IN(gnutls_pubkey_export_rsa_raw2, NO_MEMORY);
STAND_IN(gnutls_pubkey_import, NO_MEMORY);
STAND_IN(gnutls_pubkey_import_ecc_raw, NO_MEMORY);
STAND_IN(gnutls_pubkey_import_privkey, NO_MEMORY);
STAND_IN(gnutls_pubkey_import_x509, NO_MEMORY);
STAND_IN(gnutls_pubkey_init, NO_MEMORY);
STAND_IN(gnutls_pubkey_verify_data2, NO_MEMORY);
STAND_IN(gnutls_pubkey_verify_params, NO_MEMORY);
STAND_IN(gnutls_x509_crl_export2, NO_MEMORY);
STAND_IN(gnutls_x509_crl_import, NO_MEMORY);
STAND_IN(gnutls_x509_crl_init, NO_MEMORY);
STAND_IN(gnutls_x509_crl_privkey_sign, NO_MEMORY);
STAND_IN(gnutls_x509_crl_set_authority_key_id, NO_MEMORY);
STAND_IN(gnutls_x509_crl_set_crt_serial, NO_MEMORY);
STAND_IN(gnutls_x509_crl_set_next_update, NO_MEMORY);
STAND_IN(gnutls_x509_crl_set_number, NO_MEMORY);
STAND_IN(gnutls_x509_crl_set_this_update, NO_MEMORY);
STAND_IN(gnutls_x509_crl_set_version, NO_MEMORY);
STAND_IN(gnutls_x509_crl_verify, NO_MEMORY);
STAND_IN(gnutls_x509_crt_export2, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_basic_constraints, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_ca_status, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_extension_by_oid2, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_extension_info, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_key_usage, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_pk_algorithm, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_pk_ecc_raw, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_signature_algorithm, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_subject_key_id, NO_MEMORY);
STAND_IN(gnutls_x509_crt_get_version, NO_MEMORY);
STAND_IN(gnutls_x509_crt_import, NO_MEMORY);
STAND_IN(gnutls_x509_crt_init, NO_MEMORY);
STAND_IN(gnutls_x509_crt_privkey_sign, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_activation_time, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_authority_key_id, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_basic_constraints, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_crl_dist_points2, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_dn_by_oid, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_expiration_time, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_extension_by_oid, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_key_purpose_oid, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_key_usage, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_pubkey, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_serial, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_subject_key_id, NO_MEMORY);
STAND_IN(gnutls_x509_crt_set_version, NO_MEMORY);
STAND_IN(gnutls_x509_crt_verify, NO_MEMORY);
STAND_IN(gnutls_x509_privkey_export2_pkcs8, NO_MEMORY);
STAND_IN(gnutls_x509_trust_list_add_cas, NO_MEMORY);
STAND_IN(gnutls_x509_trust_list_init, NO_MEMORY);
STAND_IN(gnutls_x509_trust_list_verify_crt2, NO_MEMORY);
STAND_IN(BIO_new, 0);
STAND_IN(BIO_new_mem_buf, 0);
STAND_IN(CMS_decrypt, 0);
STAND_IN(CMS_get1_certs, 0);
STAND_IN(CMS_verify, 0);
STAND_IN(EVP_CIPHER_CTX_new, 0);
STAND_IN(EVP_DigestSign, 0);
STAND_IN(EVP_DigestSignInit_ex, 0);
STAND_IN(EVP_EncryptFinal_ex, 0);
STAND_IN(EVP_EncryptInit_ex, 0);
STAND_IN(EVP_EncryptUpdate, 0);
STAND_IN(EVP_MD_CTX_new, 0);
STAND_IN(EVP_PKEY_CTX_new, 0);
STAND_IN(EVP_PKEY_Q_keygen, 0);
STAND_IN(EVP_PKEY_encrypt, 0);
STAND_IN(EVP_PKEY_encrypt_init, 0);
STAND_IN(EVP_PKEY_get_octet_string_param, 0);
STAND_IN(EVP_Q_digest, 0);
STAND_IN(HMAC, 0);
STAND_IN(PEM_read_bio, 0);
STAND_IN(PEM_read_bio_PrivateKey, 0);
STAND_IN(PEM_write_bio, 0);
STAND_IN(PEM_write_bio_PrivateKey, 0);
STAND_IN(X509_set_pubkey, 0);
STAND_IN(X509_sign, 0);
STAND_IN(d2i_CMS_bio, 0);
STAND_IN(d2i_ECDSA_SIG, 0);
STAND_IN(d2i_X509, 0);
STAND_IN(fdopen, 0);
STAND_IN(fopen, 0);
STAND_IN(i2d_PUBKEY, -1);
STAND_IN(i2d_PublicKey, -1);
STAND_IN(i2d_X509, -1);

/* These set what they return, also when they fail. */
#define STAND_IN_PREPARE(name, ...)                                            \
	int __real_##name(__VA_ARGS__);                                        \
	int __wrap_##name(__VA_ARGS__);                                        \
	int __wrap_##name(__VA_ARGS__)

STAND_IN_PREPARE(sqlite3_prepare_v2, sqlite3 *db, const char *sql, int n,
    sqlite3_stmt **out, const char **tail)
{
	*out = NULL;
	return due("sqlite3_prepare_v2")
	    ? SQLITE_NOMEM
	    : __real_sqlite3_prepare_v2(db, sql, n, out, tail);
}

STAND_IN_PREPARE(sqlite3_prepare_v3, sqlite3 *db, const char *sql, int n,
    unsigned flags, sqlite3_stmt **out, const char **tail)
{
	*out = NULL;
	return due("sqlite3_prepare_v3")
	    ? SQLITE_NOMEM
	    : __real_sqlite3_prepare_v3(db, sql, n, flags, out, tail);
}

/* That a folder cannot be opened for fsync() is no failure. */
STAND_IN_PREPARE(open, const char *path, int flags, mode_t mode)
{
	return (flags & O_DIRECTORY) == 0 && due("open")
	    ? -1
	    : __real_open(path, flags, mode);
}

/* A rollback cannot fail as long as the transaction is open. */
STAND_IN_PREPARE(sqlite3_exec, sqlite3 *db, const char *sql,
    int (*row)(void *, int, char **, char **), void *arg, char **message)
{
	return strcmp(sql, "ROLLBACK") != 0 && due("sqlite3_exec")
	    ? SQLITE_IOERR
	    : __real_sqlite3_exec(db, sql, row, arg, message);
}

/*
 * A lack of memory is no fault of who asks. But badNonce makes a client of ACME
 * try again, and SCEP has no failInfo for faults of the server.
 */
static bool
blames_client(const char *call, int r)
{
	return (strstr(call, "alloc") != NULL || strstr(call, "dup") != NULL) &&
	    r != OK && err_http_status(r) < 500 && r != ERR_BAD_NONCE &&
	    r != ERR_SCEP_MESSAGE;
}

static int
each(struct db *db, int (*operation)(void *), void *arg, bool checks_itself)
{
	const char *what;
	int n, r;

	/* one line for each would drown the others */
	log_open("test", (enum log_priority)0);
	for (n = 1;; n++) {
		failures_arm(n);
		r = operation(arg);
		if ((what = failures_disarm()) == NULL)
			break;
		if (r == OK && !checks_itself)
			unit_fail("OK, although call %d (%s) failed", n, what);
		if (!checks_itself && blames_client(what, r))
			unit_fail("%s (%s) when call %d (%s) failed",
			    err_name(r), log_reason(), n, what);
		if (db != NULL && db_in_transaction(db))
			unit_fail("call %d (%s) failed, and the transaction is "
				  "open",
			    n, what);
	}
	if (r != OK)
		unit_fail("%s (%s) when nothing fails any more", err_name(r),
		    log_reason());
	return n - 1;
}

int
failures_each(struct db *db, int (*operation)(void *), void *arg)
{
	return each(db, operation, arg, false);
}

int
failures_each_checked(struct db *db, int (*operation)(void *), void *arg)
{
	return each(db, operation, arg, true);
}
