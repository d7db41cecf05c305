/*
 * The file of a repository that says what the settings are, in YAML:
 *
 *	controls:
 *	  apple_require_hardware_attestation: true
 *	  minimum_os_versions:
 *	    macos: "14.5"
 *
 * A setting that it leaves out gets its default.
 */
#ifndef ADMIN_GITOPS_FILE_H
#define ADMIN_GITOPS_FILE_H

#include "admin/admin_gitops.h"
#include "base/buf.h"

/*
 * Reads a file. ERR_MALFORMED, ERR_TOO_LARGE or ERR_NOMEM as in_yaml_parse();
 * ERR_FIELD for an unknown or misplaced key, with a suggestion, and for a value
 * of another type or that the setting does not take. The reason names line and
 * column.
 */
int admin_gitops_file_read(struct blob file, struct admin_gitops *out);

/*
 * Appends a file with the present values, without those that the tier "free"
 * lacks. Applied, it changes nothing. ERR_FIELD when a value is none that the
 * setting takes.
 */
int admin_gitops_file_write(
    const struct admin_gitops *present, bool premium, struct buf *out);

#endif
