/*
 * Devices that wait for pushes. They connect to a Unix socket (SOCK_SEQPACKET)
 * and send their tokens in hexadecimal, a line each; for every push they get
 * its token back. A push for a device that is not there is kept, one for each
 * token, until it comes.
 */
#ifndef PUSH_DEVICES_H
#define PUSH_DEVICES_H

#include "sim/apple/tls_server.h"

#define PUSH_DEVICES_SOCKET "devices.sock"
#define PUSH_DEVICES_TOKEN  201 /* hexadecimal digits of a token, and a NUL */

struct push_devices;

/* Listens on DIR/devices.sock; NULL after a failure, which is logged. */
struct push_devices *push_devices_open(
    const char *dir, struct tls_server *server);
void push_devices_free(struct push_devices *d);

/* Wakes the device, or keeps the push if asked to; true when it was there. */
bool push_devices_wake(
    struct push_devices *d, const char *token, bool can_wait);

#endif
