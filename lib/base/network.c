#include "base/network.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void
keep_bits(uint8_t *address, unsigned n, unsigned bits)
{
	for (unsigned i = 0; i < n; i++)
		if (i * 8 >= bits)
			address[i] = 0;
		else if (i * 8 + 8 > bits)
			address[i] &= (uint8_t)(0xff << (i * 8 + 8 - bits));
}

void
network_of(const char *address, unsigned bits4, unsigned bits6,
    char out[NETWORK_TEXT])
{
	struct in6_addr v6;
	uint8_t v4[4];

	snprintf(out, NETWORK_TEXT, "%s", address);
	if (inet_pton(AF_INET6, address, &v6) == 1 &&
	    !IN6_IS_ADDR_V4MAPPED(&v6)) {
		keep_bits(v6.s6_addr, 16, bits6);
		inet_ntop(AF_INET6, &v6, out, NETWORK_TEXT);
		return;
	}
	if (inet_pton(AF_INET6, address, &v6) == 1)
		memcpy(v4, &v6.s6_addr[12], sizeof v4);
	else if (inet_pton(AF_INET, address, v4) != 1)
		return;
	keep_bits(v4, sizeof v4, bits4);
	inet_ntop(AF_INET, v4, out, NETWORK_TEXT);
}
