/* Counting what became of a fleet, and telling it. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include <stdbool.h>
#include <stddef.h>

#define SIM_TALLY_STEPS 32

/* What one process tells: that it is ready, or how one device fared. */
struct sim_tally_row {
	bool is_ready;
	int code;       /* OK or an error code */
	double seconds; /* of the device; CPU used so far when ready */
	char step[32];  /* "" unless refused */
	int status;
};

struct sim_tally {
	double *seconds; /* of each enrollment that succeeded */
	size_t enrolled;
	size_t room;
	size_t refused;
	size_t failed;
	struct {
		char step[32];
		int status;
		size_t count;
	} steps[SIM_TALLY_STEPS];
	size_t steps_count;
	double elapsed_seconds;
	double cpu; /* of the simulator, in seconds, since the start */
};

void sim_tally_init(struct sim_tally *t);
void sim_tally_release(struct sim_tally *t);

/* OK or ERR_NOMEM. */
int sim_tally_add(struct sim_tally *t, const struct sim_tally_row *row);

/* A table for people, or one line of JSON. Sorts the latencies. */
void sim_tally_print(struct sim_tally *t, long concurrency, bool json);

/* OK, ERR_UNAUTHORIZED when one was refused, ERR_IO when one failed. */
int sim_tally_outcome(const struct sim_tally *t);

#endif
