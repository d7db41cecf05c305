#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "scep/pkimessage.h"

/* What a client of before RFC 8894 sends at least. */
#define OLD_NONCE_MIN 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was verified has all that an answer and the rest of the way need. */
static void
check(const struct pkimessage *m, size_t nonce_min)
{
	assert(m->signer != NULL);
	assert(m->transaction_id[0] != '\0');
	assert(m->sender_nonce.n >= nonce_min);
	assert(m->sender_nonce.n <= PKIMESSAGE_NONCE);
	assert(m->type >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pkimessage m;
	int r;

	log_open("fuzz", LOG_ERROR);
	r = pkimessage_parse(blob_of(data, size), &m);
	assert(r == OK || r == ERR_MALFORMED || r == ERR_TOO_LARGE);
	if (r == OK) {
		assert(memchr(
		    m.transaction_id, '\0', SCEP_CHALLENGES_TRANSACTION_TEXT));
		if (pkimessage_verify(&m, false) == OK)
			check(&m, PKIMESSAGE_NONCE);
		if (pkimessage_verify(&m, true) == OK)
			check(&m, OLD_NONCE_MIN);
	}
	pkimessage_release(&m);
	return 0;
}
