/* Random UUIDs (RFC 9562, version 4) in upper case, as Apple writes them. */
#ifndef UUID_H
#define UUID_H

#define UUID_TEXT 37

void uuid_make(char out[UUID_TEXT]);

#endif
