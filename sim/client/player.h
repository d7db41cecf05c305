/*
 * One who plays a device: the device, the fake Apple that vouches for it, and
 * the way to the server.
 */
#ifndef PLAYER_H
#define PLAYER_H

#include "sim/client/apple_device.h"
#include "sim/client/http.h"

struct player {
	/* options; NULL when not given */
	const char *server; /* https://host[:port] */
	const char *link;   /* of a manual enrollment; NULL: automated */
	const char *apple_dir;
	const char *state; /* the device's folder; NULL keeps nothing */
	const char *serial;
	const char *product;
	const char *os_version; /* NULL: as its kind has today */
	const char *build;      /* NULL: of that version */
	const char *udid;
	const char *sign_in; /* as whom; "" turns back; NULL: no web view */
	bool awaiting;
	bool no_mdm; /* stop once the certificate is there */
	struct http_config config;
	/* objects */
	struct faults faults;
	struct apple apple;
	struct apple_device device;
	struct http http;
	/* Where and how the server refused. */
	const char *refused_step; /* static text; NULL: it did not */
	int refused_status;
	struct buf refused_body;
};

/* Defaults of a new Mac. */
void player_init(struct player *p);
void player_release(struct player *p);

/* Closes the connection and forgets the identity that was presented. */
void player_disconnect(struct player *p);

/* Notes the last answer as a refusal; returns ERR_UNAUTHORIZED. */
int player_refused(struct player *p, const char *step);

/* "refused at STEP: HTTP STATUS" and the answer, on standard output. */
void player_print_refusal(const struct player *p);

/* Loads the enrolled device from its folder. */
int player_load(struct player *p);

/*
 * Enrolls the device: asks for the profile, gets the certificate, checks in.
 * ERR_UNAUTHORIZED when the server refused.
 */
int player_enroll(struct player *p);

/*
 * The same for a device that is made, or loaded when its folder is there and
 * holds the same serial number or none was asked for; it is kept there. Then
 * answers the commands that wait.
 */
int player_enroll_new(struct player *p);

/*
 * Gets the profile as Setup Assistant's web view does: sends the device's signed
 * information with the first page, follows redirects, fills in the provider's
 * form. The last answer is left in p->http.
 */
int web_view_run(struct player *p, struct blob machineinfo);

/* Gets the certificate that the device's profile names, by ACME or SCEP. */
int player_get_certificate(struct player *p);

/*
 * Apple's ACME client: nine exchanges, no retries, every oddity that a server
 * could notice, and the oddities of an attacker. Runs the protocol for the
 * device's profile; on success the device holds its identity. ERR_UNAUTHORIZED
 * when the server refused; other codes when it broke the protocol or was not
 * there.
 */
int acme_client_run(struct player *p);

/* The same for Apple's SCEP client: GetCACert, GetCACaps, one PKIOperation. */
int scep_client_run(struct player *p);

/* Is that a hash of the certificate? Its length says which: MD5 to SHA-512. */
bool scep_client_is_fingerprint(struct blob certificate, struct blob hash);

/*
 * Apple's MDM client: Authenticate and TokenUpdate over a connection of their
 * own. ERR_UNAUTHORIZED when the server refused.
 */
int mdm_client_enroll(struct player *p);

/*
 * The same with one message: authenticate, token-update, checkout,
 * set-bootstrap-token or get-bootstrap-token. The answer is left in p->http.
 */
int mdm_client_check_in(struct player *p, const char *message);

/*
 * Polls until no command is left, and prints CommandUUID, RequestType and
 * Status of each.
 */
int mdm_client_poll(struct player *p);

#endif
