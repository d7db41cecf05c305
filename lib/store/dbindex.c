#include "store/dbindex.h"

#include "base/buf.h"
#include "base/log.h"
#include "store/datum.h"
#include "store/dbfile.h"

/* Longer than any text that is searched. */
#define TEXT_MAX 16384

/*
 * LIKE with a part of at least three characters uses the trigrams. Without places
 * and sizes (detail, columnsize) the index takes half of the room; LIKE looks at
 * the text itself in the end. FTS5 may not be written by triggers while
 * trusted_schema is off, so host_numbers.c writes it.
 */
static const char make_table[] =
    "CREATE VIRTUAL TABLE IF NOT EXISTS host_index USING fts5"
    "(text, tokenize = 'trigram', detail = 'none', columnsize = 0)";

#define KIND(row)                                                              \
	row ".state, " row ".hardware_attested,"                               \
	    " CASE WHEN " row ".client_certificate_at IS NULL"                 \
	    " THEN 0 ELSE 1 END"
#define MORE(row)                                                              \
	" INSERT INTO host_counts VALUES (" KIND(row) ", 1)"                   \
	" ON CONFLICT DO UPDATE SET hosts = hosts + 1;"
#define FEWER(row)                                                             \
	" UPDATE host_counts SET hosts = hosts - 1"                            \
	" WHERE (state, hardware_attested, client_certificate)"                \
	" = (" KIND(row) ");"

#define LISTED(row) row ".removed_at IS NULL AND " row ".gone_at IS NULL"
#define MORE_DEVICES                                                           \
	" INSERT INTO ade_device_counts"                                       \
	" VALUES (new.account, new.profile_uuid, 1)"                           \
	" ON CONFLICT DO UPDATE SET devices = devices + 1;"
#define FEWER_DEVICES                                                          \
	" UPDATE ade_device_counts SET devices = devices - 1"                  \
	" WHERE account = old.account AND profile_uuid = old.profile_uuid;"
/* A row that counts under a key, and does not under the same in its other form. */
#define ON_DEVICE_UPDATE(row, other)                                           \
	" AFTER UPDATE OF account, profile_uuid, gone_at, removed_at"          \
	" ON ade_devices WHEN " LISTED(row) " AND NOT (" LISTED(other)         \
	" AND old.account = new.account"                                       \
	" AND old.profile_uuid = new.profile_uuid)"

static const char make_triggers[] =
    "CREATE TRIGGER IF NOT EXISTS host_counts_insert AFTER INSERT ON hosts"
    " BEGIN" MORE("new") " END;"
    " CREATE TRIGGER IF NOT EXISTS host_counts_delete AFTER DELETE ON hosts"
    " BEGIN" FEWER("old") " END;"
    " CREATE TRIGGER IF NOT EXISTS host_counts_update"
    " AFTER UPDATE OF state, hardware_attested, client_certificate_at ON hosts"
    " WHEN (" KIND("old") ") <> (" KIND("new") ")"
    " BEGIN" FEWER("old") MORE("new") " END;"
    " CREATE TRIGGER IF NOT EXISTS ade_device_counts_insert"
    " AFTER INSERT ON ade_devices WHEN " LISTED("new")
    " BEGIN" MORE_DEVICES " END;"
    " CREATE TRIGGER IF NOT EXISTS ade_device_counts_delete"
    " AFTER DELETE ON ade_devices WHEN " LISTED("old")
    " BEGIN" FEWER_DEVICES " END;"
    " CREATE TRIGGER IF NOT EXISTS ade_device_counts_less"
    ON_DEVICE_UPDATE("old", "new") " BEGIN" FEWER_DEVICES " END;"
    " CREATE TRIGGER IF NOT EXISTS ade_device_counts_more"
    ON_DEVICE_UPDATE("new", "old") " BEGIN" MORE_DEVICES " END";

static void
fold(sqlite3_context *context, int n, sqlite3_value **values)
{
	const uint8_t *text = sqlite3_value_text(values[0]);
	struct buf out;

	(void)n;
	if (text == NULL)
		return;
	buf_init(&out, TEXT_MAX);
	if (datum_fold(blob_of(text, (size_t)sqlite3_value_bytes(values[0])),
		&out) == OK)
		sqlite3_result_text(context, buf_str(&out), (int)out.n,
		    SQLITE_TRANSIENT);
	else
		sqlite3_result_error_toobig(context);
	buf_release(&out);
}

int
dbindex_connect(sqlite3 *sqlite)
{
	return sqlite3_create_function_v2(sqlite, "fold", 1,
		   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
		   fold, NULL, NULL, NULL) == SQLITE_OK
	    ? OK
	    : fail(ERR_DB, "database: %s (fold)", sqlite3_errmsg(sqlite));
}

int
dbindex_make_table(sqlite3 *sqlite)
{
	return dbfile_exec(sqlite, make_table);
}

int
dbindex_make_triggers(sqlite3 *sqlite)
{
	return dbfile_exec(sqlite, make_triggers);
}

int
dbindex_check(sqlite3 *sqlite)
{
	static const char check[] =
	    "INSERT INTO host_index (host_index) VALUES ('integrity-check')";
	int r = sqlite3_exec(sqlite, check, NULL, NULL, NULL);

	if (r == SQLITE_OK)
		return OK;
	return sqlite3_extended_errcode(sqlite) == SQLITE_CORRUPT_VTAB
	    ? ERR_CONFLICT
	    : fail(ERR_DB, "database: %s (%s)", sqlite3_errmsg(sqlite), check);
}

int
dbindex_rebuild(sqlite3 *sqlite)
{
	return dbfile_exec(sqlite,
	    "INSERT INTO host_index (host_index) VALUES ('rebuild')");
}
