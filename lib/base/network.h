/*
 * Networks of client addresses. Whoever controls one address usually controls
 * its neighbors too, so limits on unauthenticated clients count by network.
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

/* Room for the text of a network, with the NUL. */
#define NETWORK_TEXT 64

/*
 * The address with all but the first `bits4` bits of an IPv4 address or `bits6`
 * bits of an IPv6 address set to zero, as text. An IPv4-mapped IPv6 address
 * counts as IPv4. Text that is not an address is copied, cut at NETWORK_TEXT -
 * 1 bytes.
 */
void network_of(const char *address, unsigned bits4, unsigned bits6,
    char out[NETWORK_TEXT]);

#endif
