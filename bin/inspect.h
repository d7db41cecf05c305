/* What `attestmdm check` looks at, group by group. */
#ifndef BIN_INSPECT_H
#define BIN_INSPECT_H

#include "bin/verdict.h"

/* Database and its contents, nonce key, CAs, revocation lists, pages. In
 * inspect-state.c. */
void inspect_state(struct verdict *v, const struct conf *conf);

/* Can each program read what it must, and nobody more? In inspect-rights.c. */
void inspect_rights(
    struct verdict *v, const char *conf_path, const struct conf *conf);

/* Push certificate and topic. In inspect-push.c. */
void inspect_push(struct verdict *v, const struct conf *conf);

/* Can the worker run [alarms] command, and nobody else change it? In
 * inspect-hook.c. */
void inspect_hook(struct verdict *v, const struct conf *conf);

/* The identity provider, its keys and clock. In inspect-sign-in.c. */
void inspect_sign_in(struct verdict *v, const struct conf *conf);

/* Trust anchors, stand-ins for Apple's servers, profile signing, GnuTLS's policy.
 * In inspect-trust.c. */
void inspect_trust(struct verdict *v, const struct conf *conf);

/* What serves, and what it needs of the host. In inspect-service.c. */
void inspect_programs(struct verdict *v, const struct conf *conf);
/* Is the worker at work, and does no job fail? */
void inspect_worker(struct verdict *v, const struct conf *conf);
/* Through nginx and TLS, as a device; `where` as reach_url() takes it. */
void inspect_url(
    struct verdict *v, const struct conf *conf, const char *where);
void inspect_disk(struct verdict *v, const struct conf *conf);
/* Warns when the database's write-ahead log is large; else adds no line. */
void inspect_log(struct verdict *v, const struct conf *conf);

/* The clock. In inspect-host.c. */
void inspect_clock(struct verdict *v, const struct conf *conf);

/* The backlog of sockets, nginx's secret and its configuration. In
 * inspect-nginx.c. */
void inspect_backlog(struct verdict *v);
void inspect_nginx_secret(struct verdict *v, const struct conf *conf);
void inspect_nginx(
    struct verdict *v, const struct conf *conf, const char *nginx_conf);

/* The files of the pages, as they are installed, and NULL after the last. */
extern const char *const inspect_pages[];

#endif
