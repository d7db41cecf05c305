/* What the simulator needs of an enrollment profile. */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "sim/forge/cert.h"
#include "sim/forge/xml.h"

struct payload {
	plist_t plist; /* owns the strings and bytes below */
	const char *identifier;
	/* The identity: com.apple.security.acme or com.apple.security.scep */
	bool is_scep;
	long key_size;
	struct buf subject; /* DER Name */
	/* com.apple.security.acme */
	const char *directory_url;
	const char *client_identifier;
	bool attest;
	const char *ekus[CERT_REQUEST_EKUS];
	/* com.apple.security.scep */
	const char *scep_url;
	const char *scep_name; /* NULL: none */
	const char *challenge; /* NULL: none */
	uint8_t usage;         /* as for struct cert_request */
	struct blob ca_fingerprint;
	/* com.apple.mdm */
	const char *server_url;
	const char *checkin_url; /* the server's when it has none of its own */
	const char *topic;
	bool sign_message;
	int64_t access_rights;
	bool per_user_connections;
};

void payload_init(struct payload *p);
void payload_release(struct payload *p);

/*
 * Reads a profile, signed or not. ERR_MALFORMED when it lacks what an
 * enrollment needs: an MDM payload, and the identity that this one names.
 */
int payload_parse(struct blob bytes, struct payload *p);

/*
 * Would a device let `p` take the place of `old`, the profile it enrolled with
 * (Apple: com.apple.mdm)? ERR_MALFORMED when identifier, topic or URLs differ,
 * rights grow, or connections of users are added or removed.
 */
int payload_replaces(const struct payload *p, const struct payload *old);

#endif
