#include "policy/sign_in.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

#define WORD_TEXT 256

/* Takes the next word of a list with commas, and spaces around them. */
static bool
next_word(const char **list, char out[WORD_TEXT])
{
	size_t n, end;

	*list += strspn(*list, ", ");
	n = end = strcspn(*list, ",");
	while (n > 0 && (*list)[n - 1] == ' ')
		n--;
	snprintf(out, WORD_TEXT, "%.*s", (int)n, *list);
	*list += end;
	return n > 0;
}

static bool
in_domains(const char *list, const char *account)
{
	const char *at = strrchr(account, '@');
	char word[WORD_TEXT];

	while (at != NULL && next_word(&list, word))
		if (strcasecmp(word, at + 1) == 0)
			return true;
	return false;
}

static bool
in_groups(const char *list, const struct idtoken *token)
{
	char word[WORD_TEXT];

	while (next_word(&list, word))
		if (idtoken_has_group(token, word))
			return true;
	return false;
}

/* An address that nobody verified may be anybody's. */
static int
find_account(
    const struct conf *conf, const struct idtoken *token, const char **out)
{
	const char *claim = conf->sign_in_account_claim;

	*out = token->subject;
	if (strcmp(claim, "preferred_username") == 0)
		*out = token->preferred_username;
	if (strcmp(claim, "email") == 0) {
		*out = token->email;
		if (token->email_is_unverified)
			return fail(ERR_SIGN_IN_ACCOUNT,
			    "the provider did not verify the address %s",
			    token->email);
	}
	if (**out == '\0')
		return fail(ERR_SIGN_IN_ACCOUNT,
		    "the ID token of account %s has no usable %s",
		    token->subject, claim);
	return OK;
}

int
sign_in_account(const struct conf *conf, const struct idtoken *token,
    char out[ENROLLMENTS_ACCOUNT_TEXT])
{
	const char *account;
	int r;

	out[0] = '\0';
	if ((r = find_account(conf, token, &account)) != OK)
		return r;
	if (*conf->sign_in_domains != '\0' &&
	    !in_domains(conf->sign_in_domains, account))
		return fail(ERR_SIGN_IN_ACCOUNT,
		    "account %s is of none of the allowed domains", account);
	if (*conf->sign_in_groups != '\0' &&
	    !in_groups(conf->sign_in_groups, token))
		return fail(ERR_SIGN_IN_ACCOUNT,
		    "account %s is in none of the allowed groups", account);
	memcpy(out, account, strlen(account) + 1);
	return OK;
}
