/*
 * The one source of time. Seconds since 1970 in UTC.
 *
 * A test bench moves the clock by naming a file in the configuration
 * ([testing] clock_offset_file) that holds a signed number of seconds; it is
 * read again whenever clock_refresh() is called, which the request loop does
 * once per request.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/buf.h"

/* The current time, moved by the offset of a test bench if there is one. */
int64_t clock_now(void);

/*
 * Milliseconds since some moment in the past, for measuring waits: setting the
 * clock does not change it.
 */
int64_t clock_monotonic_ms(void);

/* Names the offset file; NULL or "" turns it off. The path is copied. */
void clock_use_offset_file(const char *path);
void clock_refresh(void);

/*
 * For unit tests, inside one process: stops the clock at the present second
 * with no offset, and moves it by an offset.
 */
void clock_stop(void);
void clock_set_offset(int64_t seconds);

/* Room for any of the texts below with their NUL. */
#define CLOCK_TEXT 40

/* 2026-11-23T21:30:00Z (RFC 3339). */
void clock_rfc3339(int64_t t, char out[CLOCK_TEXT]);

/* 2026-11-23 21:30:00 UTC, for people. */
void clock_people(int64_t t, char out[CLOCK_TEXT]);

#endif
