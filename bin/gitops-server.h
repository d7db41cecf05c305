/*
 * A server's settings by its API, for "attestmdm gitops" on another host: GET
 * and PATCH /api/v1/config with a token. See lib/net/net.h for what the
 * connection is held to.
 */
#ifndef BIN_GITOPS_SERVER_H
#define BIN_GITOPS_SERVER_H

#include "admin/admin_gitops.h"
#include "admin/admin_preview.h"
#include "base/buf.h"
#include "bin/cli.h"

#define GITOPS_SERVER_TOKEN_ENVIRONMENT "ATTESTMDM_TOKEN"

struct gitops_server {
	char url[300];
	const char *ca_file;
	/* the header field with the token */
	struct buf authorization;
	/* the header field that names the state we saw; or "" */
	char if_match[128];
};

/*
 * Reads --url, --cacert, --token-file and the environment. ERR_USAGE, or the
 * codes of file_read_input(). Ends with gitops_server_close() either way.
 */
int gitops_server_open(const struct cli *cli, struct gitops_server *server);
void gitops_server_close(struct gitops_server *server);

/*
 * The values that hold now, and the tier. ERR_UNAUTHORIZED: the token is not
 * accepted; ERR_ROLE: its role does not permit it; ERR_NOT_FOUND: there is no
 * API; ERR_NET_...
 */
int gitops_server_load(
    struct gitops_server *server, struct admin_gitops *present, bool *premium);

/*
 * What the difference would mean for the server's hosts. *known is false when it
 * concerns no requirement, or the server is older and does not say it.
 */
int gitops_server_preview(struct gitops_server *server,
    const struct admin_gitops *wanted, const struct admin_gitops *present,
    struct admin_preview *out, bool *known);

/*
 * Sets what differs and makes sure that it holds. Besides, ERR_CONFLICT when
 * the settings were changed since gitops_server_load(), ERR_FIELD, ERR_LICENSE.
 */
int gitops_server_apply(struct gitops_server *server,
    const struct admin_gitops *wanted, const struct admin_gitops *present);

#endif
