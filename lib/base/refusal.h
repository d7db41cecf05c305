/* What a failure means to who asked. */
#ifndef BASE_REFUSAL_H
#define BASE_REFUSAL_H

/*
 * The code to refuse a request with when reading it failed with `code`: `as`,
 * which says what was wrong with the request; but `code` itself when that is a
 * fault of the server (5xx), such as a lack of memory.
 */
int refusal_code(int code, int as);

#endif
