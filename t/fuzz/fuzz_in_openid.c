#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/idtoken.h"
#include "wire/in_openid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any answer may come to any request. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob text = blob_of(data, size);
	char word[IN_OPENID_WORD_TEXT];
	struct in_openid provider;
	struct buf token;

	log_open("fuzz", LOG_ERROR);
	if (in_openid_read(text, "https://id.example.com", &provider) == OK) {
		assert(in_openid_is_url(provider.authorization_endpoint));
		assert(in_openid_is_url(provider.token_endpoint));
		assert(in_openid_is_url(provider.jwks_uri));
	}
	buf_init(&token, IDTOKEN_BYTES_MAX);
	(void)in_openid_token(text, &token);
	buf_release(&token);
	in_openid_error(text, word);
	assert(strlen(word) < sizeof word);
	return 0;
}
