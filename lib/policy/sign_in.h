/* Which accounts may enroll devices: [sign_in] in the configuration. */
#ifndef POLICY_SIGN_IN_H
#define POLICY_SIGN_IN_H

#include "base/conf.h"
#include "store/enrollments.h"
#include "wire/idtoken.h"

/*
 * The name by which the account is known here: the claim that account_claim
 * names. ERR_SIGN_IN_ACCOUNT, with the reason: the token has no such claim, or
 * an address that the provider did not verify; the name's domain is not among
 * allowed_domains, or the account in none of allowed_groups.
 */
int sign_in_account(const struct conf *conf, const struct idtoken *token,
    char out[ENROLLMENTS_ACCOUNT_TEXT]);

#endif
