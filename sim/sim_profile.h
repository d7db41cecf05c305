/* What the simulator needs of an enrollment profile. */
#ifndef SIM_PROFILE_H
#define SIM_PROFILE_H

#include <stdbool.h>

#include "sim/sim_value.h"
#include "sim/sim_csr.h"

struct sim_profile {
	struct sim_value *plist; /* owns the strings below */
	/* com.apple.security.acme */
	const char *directory_url;
	const char *client_identifier;
	long key_size;
	bool attest;
	struct buf subject; /* DER Name */
	const char *ekus[SIM_CSR_NAMES];
	/* com.apple.mdm */
	const char *server_url;
	const char *checkin_url; /* the server's when it has none of its own */
	const char *topic;
	bool sign_message;
};

void sim_profile_init(struct sim_profile *p);
void sim_profile_release(struct sim_profile *p);

/*
 * Reads a profile, signed or not. ERR_MALFORMED when it lacks what an
 * attested enrollment needs.
 */
int sim_profile_parse(struct blob bytes, struct sim_profile *p);

#endif
