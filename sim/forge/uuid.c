#include <stdio.h>

#include "sim/forge/keypair.h"
#include "sim/forge/uuid.h"

void
uuid_make(char out[UUID_TEXT])
{
	uint8_t r[16];
	size_t n = 0;

	keypair_random(r, sizeof r);
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof r; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[n++] = '-';
		snprintf(out + n, 3, "%02X", (unsigned int)r[i]);
		n += 2;
	}
}
