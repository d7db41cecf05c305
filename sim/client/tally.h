/* Counting what became of a fleet, and telling it. */
#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>
#include <stddef.h>

#define TALLY_STEPS 32

/* What one process tells: that it is ready, or how one device fared. */
struct tally_row {
	bool is_ready;
	int code;       /* OK or an error code */
	double seconds; /* of the device; CPU used so far when ready */
	char step[32];  /* "" unless refused */
	int status;
};

struct tally {
	double *seconds; /* of each enrollment that succeeded */
	size_t enrolled;
	size_t room;
	size_t refused;
	size_t failed;
	struct {
		char step[32];
		int status;
		size_t count;
	} steps[TALLY_STEPS];
	size_t steps_count;
	double elapsed_seconds;
	double cpu; /* of the simulator, in seconds, since the start */
};

void tally_init(struct tally *t);
void tally_release(struct tally *t);

/* OK or ERR_NOMEM. */
int tally_add(struct tally *t, const struct tally_row *row);

/* A table for people, or one line of JSON. Sorts the latencies. */
void tally_print(struct tally *t, long concurrency, bool json);

/* OK, ERR_UNAUTHORIZED when one was refused, ERR_IO when one failed. */
int tally_outcome(const struct tally *t);

#endif
