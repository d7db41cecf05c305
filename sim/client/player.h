/* What the commands that talk to a server share: options and their objects. */
#ifndef PLAYER_H
#define PLAYER_H

#include "sim/client/apple_device.h"
#include "sim/client/args.h"
#include "sim/client/refusal.h"

struct player {
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
	const char *fault;
	bool awaiting;
	bool no_mdm; /* stop once the certificate is there */
	struct http_config config;
	/* objects */
	struct faults faults;
	struct apple apple;
	struct apple_device device;
	struct refusal refusal;
};

/* Defaults of a new Mac. */
void player_init(struct player *s);
void player_release(struct player *s);

/* The number of options below, and the options in order. */
#define PLAYER_OPTIONS 19
void player_options(struct player *s, struct args table[PLAYER_OPTIONS]);

/* Reads the options; then the faults are set. */
int player_parse(struct player *s, int *argc, char **argv);

/* Sets the faults up from options that were read; player_parse did. */
int player_ready(struct player *s);

/*
 * Makes the device, or loads it when its folder is there and holds the same
 * serial number or none was asked for; also loads the fake Apple if one is
 * named.
 */
int player_prepare(struct player *s);

#endif
