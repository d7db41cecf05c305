/* A preview as the API and the tool write it, and as a server's answer has it. */
#ifndef ADMIN_PREVIEW_JSON_H
#define ADMIN_PREVIEW_JSON_H

#include "admin/admin_preview.h"
#include "wire/in_json.h"
#include "wire/out_json.h"

/* Writes the totals as members of the object that is open. */
void admin_preview_json_totals(
    struct out_json *w, const struct admin_preview *p);

/* Writes totals and groups as members of the object that is open. */
void admin_preview_json_write(
    struct out_json *w, const struct admin_preview *p);

/*
 * Reads what admin_preview_json_write() wrote, and `counted_at` if the object has it;
 * the groups' `code` is left OK. ERR_MALFORMED when a member is missing or has another
 * type. An unknown method counts as refused. Texts are cut to their room, and may hold
 * any character.
 */
int admin_preview_json_load(
    const struct json *object, struct admin_preview *out);

#endif
