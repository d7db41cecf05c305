/* What the commands that talk to a server share: options and their objects. */
#ifndef SIM_SESSION_H
#define SIM_SESSION_H

#include "sim/sim_device.h"
#include "sim/sim_opt.h"
#include "sim/sim_refusal.h"

struct sim_session {
	/* options */
	const char *server; /* https://host[:port] */
	const char *link;   /* of a manual enrollment; NULL: automated */
	const char *apple_dir;
	const char *state; /* the device's folder; NULL keeps nothing */
	const char *serial;
	const char *product;
	const char *os_version; /* NULL: as its kind has today */
	const char *build;      /* NULL: of that version */
	const char *udid;
	const char *misbehave;
	bool awaiting;
	bool no_mdm; /* stop once the certificate is there */
	struct sim_http_config config;
	/* objects */
	struct sim_knobs knobs;
	SSL_CTX *ctx;
	struct sim_apple apple;
	struct sim_device device;
	struct sim_refusal refusal;
};

/* Defaults of a new Mac. */
void sim_session_init(struct sim_session *s);
void sim_session_release(struct sim_session *s);

/* The number of options below, and the options in order. */
#define SIM_SESSION_OPTIONS 19
void sim_session_options(
    struct sim_session *s, struct sim_opt table[SIM_SESSION_OPTIONS]);

/* Reads the options; then knobs and TLS are ready. */
int sim_session_parse(struct sim_session *s, int *argc, char **argv);

/* Sets knobs and TLS up from options that were read; sim_session_parse did. */
int sim_session_ready(struct sim_session *s);

/*
 * Makes the device, or loads it when its folder is there and holds the same
 * serial number or none was asked for; also loads the fake Apple if one is
 * named.
 */
int sim_session_prepare(struct sim_session *s);

#endif
