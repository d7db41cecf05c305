#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_ade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_page(struct blob text)
{
	struct in_ade_device d;
	struct in_ade_page page;

	if (in_ade_page(text, &page) != OK)
		return;
	for (size_t i = 0; i < page.n; i++) {
		assert(in_ade_device(&page, i, &d) == OK);
		assert(strlen(d.serial) <= IN_ADE_SERIAL_MAX);
		assert(strlen(d.profile_uuid) < IN_ADE_UUID_TEXT);
	}
	in_ade_page_release(&page);
}

static void
read_results(struct blob text)
{
	struct in_ade_results results;
	struct in_ade_device d;
	char word[IN_ADE_WORD_TEXT];
	bool accessible;

	if (in_ade_results(text, &results) != OK)
		return;
	(void)in_ade_result(&results, "C02A", word);
	(void)in_ade_details(&results, "C02A", &d, &accessible);
	in_ade_results_release(&results);
}

/* Any answer may come to any request. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob text = blob_of(data, size);
	struct in_ade_server server;
	char session[IN_ADE_SESSION_TEXT], uuid[IN_ADE_UUID_TEXT];
	char word[IN_ADE_WORD_TEXT];

	log_open("fuzz", LOG_ERROR);
	read_page(text);
	read_results(text);
	if (in_ade_session(text, session) == OK)
		assert(in_ade_is_session(session));
	(void)in_ade_server(text, &server);
	(void)in_ade_profile(text, uuid);
	in_ade_word(text, word);
	assert(strlen(word) < sizeof word);
	return 0;
}
