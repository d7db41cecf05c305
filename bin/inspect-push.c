#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/inspect.h"
#include "bin/owners.h"
#include "ca/file.h"
#include "ca/push_identity.h"
#include "store/pushes.h"
#include "wire/x509.h"

#define DAY 86400

static void
inspect_off(struct verdict *v, const struct conf *conf)
{
	if (!conf->mdm_enabled)
		verdict_add(v, VERDICT_WARNING, "mdm",
		    "[mdm] enabled is false: devices get 503, and nothing is "
		    "renewed or pushed");
}

static void
inspect_absence(struct verdict *v, const struct conf *conf)
{
	if (*conf->topic == '\0')
		verdict_add(v, VERDICT_BAD, "push",
		    "there is no push certificate, so no device can enroll: "
		    "attestmdm-push-cert(8) says how to get one");
	else if (strstr(conf->topic, "YOUR-PUSH-TOPIC") != NULL)
		verdict_add(v, VERDICT_BAD, "push",
		    "[mdm] topic is the example %s: remove it, and import your "
		    "push certificate before the first device enrolls",
		    conf->topic);
	else
		verdict_add(v, VERDICT_WARNING, "push",
		    "there is no push certificate, so no device is woken: "
		    "import that of %s with attestmdm push-cert import",
		    conf->topic);
}

/* The certificate in the file is the one that the database knows. */
static void
inspect_file(struct verdict *v, const struct conf *conf,
    const struct push_certificate *row)
{
	uint8_t sha256[SECRET_SHA256];
	char path[PUSH_IDENTITY_PATH];
	gnutls_x509_crt_t crt = NULL;
	struct buf file;
	int r;

	push_identity_path(conf, path);
	buf_init(&file, PUSH_IDENTITY_FILE_MAX);
	if ((r = file_check_secret(path)) == OK &&
	    (r = file_read(path, &file)) == OK &&
	    (r = push_identity_parse(buf_blob(&file), &crt)) == OK)
		r = x509_sha256(crt, sha256);
	if (r != OK)
		verdict_of(v, r, "push", "%s", path);
	else if (memcmp(sha256, row->sha256, sizeof sha256) != 0)
		verdict_add(v, VERDICT_BAD, "push",
		    "%s holds another certificate than the one that was "
		    "imported: repeat attestmdm push-cert import",
		    path);
	x509_free(crt);
	buf_wipe(&file);
}

static void
inspect_row(struct verdict *v, struct db *db, const struct conf *conf,
    const struct push_certificate *row)
{
	int64_t left = (row->not_after - clock_now()) / DAY, others = 0;
	int64_t damaged = 0;

	if (row->not_after < clock_now())
		verdict_add(v, VERDICT_BAD, "push",
		    "the push certificate has expired: renew it at Apple "
		    "under the same Apple Account");
	else if (row->stopped_at != 0)
		verdict_add(v, VERDICT_BAD, "push", "no pushes are sent: %s",
		    row->stop_reason);
	else
		verdict_add(v, left < 30 ? VERDICT_WARNING : VERDICT_OK, "push",
		    "%s, for %lld days", row->topic, (long long)left);
	if (push_certificate_count_others(db, row->topic, &others) == OK &&
	    others > 0)
		verdict_add(v, VERDICT_BAD, "push",
		    "%lld hosts are enrolled with another topic and are not "
		    "woken: they have to enroll again",
		    (long long)others);
	if (pushes_count_damaged(db, &damaged) == OK && damaged > 0)
		verdict_add(v, VERDICT_BAD, "push",
		    "%lld hosts are not woken, because their rows in the "
		    "database are damaged: the journal of attestmdm-worker "
		    "names the column",
		    (long long)damaged);
	if (*conf->topic != '\0' && strcmp(conf->topic, row->topic) != 0)
		verdict_add(v, VERDICT_WARNING, "push",
		    "[mdm] topic is another one and not used: remove it");
}

void
inspect_push(struct verdict *v, const struct conf *conf)
{
	struct push_certificate row;
	struct db *db = NULL;
	int r;

	inspect_off(v, conf);
	if ((r = db_open(conf->database, DB_READ_ONLY, &db)) == OK)
		r = push_certificate_load(db, &row);
	if (r == ERR_NOT_FOUND) {
		inspect_absence(v, conf);
	} else if (r == OK) {
		inspect_row(v, db, conf, &row);
		inspect_file(v, conf, &row);
	} else {
		verdict_of(v, r, "push", "unreadable");
	}
	db_close(db);
}
