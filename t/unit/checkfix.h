/* Devices that check in and poll for commands, in a test (mdm/mdm_request.h). */
#ifndef UNIT_CHECKFIX_H
#define UNIT_CHECKFIX_H

#include "mdmfix.h"

#include "mdm/mdm_request.h"
#include "store/hosts.h"

#define PAIR(k, v) "<key>" k "</key><string>" v "</string>"
#define DOC(x)                                                                 \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>"                           \
	"<plist version=\"1.0\"><dict>" x "</dict></plist>"

#define SERIAL_A "C02AAAAAAAAA"
#define SERIAL_B "C02BBBBBBBBB"
#define UDID_A   "AAAAAAAA-0000-0000-0000-000000000001"
#define UDID_B   "BBBBBBBB-0000-0000-0000-000000000002"
#define TOPIC    PAIR("Topic", MDMFIX_TOPIC)

#define AUTHENTICATE(serial, udid)                                             \
	DOC(PAIR("MessageType", "Authenticate") TOPIC PAIR("UDID", udid)       \
		PAIR("SerialNumber", serial) PAIR("OSVersion", "15.1")         \
		    PAIR("DeviceName", "a Mac"))
#define TOKEN_UPDATE(udid)                                                     \
	DOC(PAIR("MessageType", "TokenUpdate") TOPIC PAIR("UDID", udid)        \
		PAIR("PushMagic", "m\\\"agic") "<key>Token</key>"              \
					       "<data>dG9rZW4=</data>")
#define SIMPLE(type, udid)                                                     \
	DOC(PAIR("MessageType", type) TOPIC PAIR("UDID", udid))
#define REPORT(status, udid) DOC(PAIR("Status", status) PAIR("UDID", udid))

/* How a message is sent, and what came back. */
struct checkfix_talk {
	const struct mdmfix_device *device;
	/* or NULL for the device's signature over the body */
	const char *signature;
	/* or NULL for the device's, unless no_tls or unsigned_ */
	const char *client_certificate;
	const char *other_body;
	bool unsigned_;
	bool no_tls;
	/* [mdm] client_certificate = required */
	bool required;
	gnutls_digest_algorithm_t digest;
	unsigned flags;
	/* days that an identity may be expired */
	int grace;
	char reply[8192];
};

/* Appends a certificate as nginx passes it on. */
void checkfix_escape_pem(const struct mdmfix_cert *cert, struct buf *out);

/* Sends a message as *t says; the code, and in t->reply what came back. */
int checkfix_send(void **state, struct checkfix_talk *t, const char *body,
    int (*serve)(struct mdm_request *));

/* To mdm-checkin and to mdm-server, signed by the device. */
int checkfix_checkin(
    void **state, const struct mdmfix_device *d, const char *body);
int checkfix_poll(void **state, const struct mdmfix_device *d, const char *body,
    char reply[8192]);

void checkfix_host(void **state, const char *serial, struct host *out);

/* The last refusal of a serial number is of this step and code. */
void checkfix_refused(
    void **state, const char *serial, const char *step, int code);

/* And its reason has these words, so that no other check said it. */
void checkfix_because(void **state, const char *serial, const char *words);

/* Makes a device with an attested certificate, and enrolls it. */
void checkfix_enroll(void **state, const char *serial, const char *udid,
    struct mdmfix_device *d);

/* Queues DeviceInformation for a host. */
void checkfix_enqueue(
    void **state, const char *serial, int priority, char uuid[37]);

#endif
