/* lib/base without memory, and without timers. */
#include "failures.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/lockfile.h"

#define GOOD                                                                   \
	"[server]\nurl = https://mdm.example.com\n"                            \
	"[mdm]\ntopic = com.apple.mgmt.External.x\n"

static int
load(void *path)
{
	struct conf c;
	int r = conf_load(path, &c);

	assert_int_equal(c.url != NULL, r == OK);
	/* nobody looks for a mistake in the file */
	assert_true(r == OK || r == ERR_NOMEM);
	conf_release(&c);
	return r;
}

static void
a_configuration_is_loaded_whole_or_not_at_all(void **state)
{
	char path[] = "/tmp/attestmdm-conf-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, GOOD, sizeof GOOD - 1), sizeof GOOD - 1);
	close(fd);
	assert_true(failures_each(NULL, load, path) > 20);
	unlink(path);
}

/* Without a timer a lock would be waited for without end. */
static void
a_lock_is_not_waited_for_without_a_timer(void **state)
{
	char path[] = "/tmp/attestmdm-lock-XXXXXX";
	int fd = mkstemp(path), other;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	for (int n = 1; n <= 2; n++) {
		failures_arm(n);
		assert_int_equal(lockfile_open(path, 60000, &other), ERR_IO);
		assert_non_null(failures_disarm());
	}
	assert_int_equal(lockfile_open(path, 1, &other), ERR_BUSY);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_is_loaded_whole_or_not_at_all),
		cmocka_unit_test(a_lock_is_not_waited_for_without_a_timer),
	};

	return unit_run("base_failures", tests);
}
