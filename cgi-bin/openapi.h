/* data/openapi.json, built into the program. */
#ifndef OPENAPI_H
#define OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_text[];
extern const size_t openapi_length;

#endif
