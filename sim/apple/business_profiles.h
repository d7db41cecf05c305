/*
 * Enrollment profiles at Apple Business: what a definition must look like, and
 * the rules of its fields.
 */
#ifndef BUSINESS_PROFILES_H
#define BUSINESS_PROFILES_H

#include <json-c/json.h>

/* The word of Apple against a profile; NULL when it can be defined. */
const char *business_profiles_check(json_object *profile);

#endif
