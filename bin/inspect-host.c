#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/inspect.h"

/* Nobody runs this before it was written. */
#define NOT_BEFORE 1790000000

void
inspect_clock(struct verdict *v, const struct conf *conf)
{
	struct timex state = { .modes = 0 };
	char now[CLOCK_TEXT];

	clock_people(clock_now(), now);
	if (*conf->clock_offset_file != '\0')
		verdict_add(v, VERDICT_TEST, "clock", "MOVED by %s: it says %s",
		    conf->clock_offset_file, now);
	else if (time(NULL) < NOT_BEFORE)
		verdict_add(
		    v, VERDICT_BAD, "clock", "it is wrong: it says %s", now);
	else if (adjtimex(&state) == TIME_ERROR && (state.status & STA_UNSYNC))
		verdict_add(v, VERDICT_WARNING, "clock",
		    "nothing keeps it right: it says %s", now);
	else
		verdict_add(v, VERDICT_OK, "clock", "%s", now);
}
