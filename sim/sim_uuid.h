/* Random UUIDs (RFC 9562, version 4) in upper case, as Apple writes them. */
#ifndef SIM_UUID_H
#define SIM_UUID_H

#define SIM_UUID_TEXT 37

void sim_uuid_make(char out[SIM_UUID_TEXT]);

#endif
