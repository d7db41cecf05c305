/* Giving files away in a folder that others may write to (bin/owners.h). */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "bin/owners.h"

static char folder[] = "/tmp/ownersXXXXXX";

static const char *
in_folder(const char *name)
{
	static char path[2][64];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static unsigned
mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_folder(name), &st), 0);
	return st.st_mode & 07777;
}

static void
make(const char *name)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0644);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(in_folder(name), 0644), 0);
}

static int
give(const char *name)
{
	struct owners o;

	assert_int_equal(owners_load(true, &o), OK);
	return owners_give(&o, in_folder(name), OWNER_ROOT, 0600);
}

static void
files_and_folders_are_given(void **state)
{
	(void)state;
	make("key");
	assert_int_equal(give("key"), OK);
	assert_int_equal(mode_of("key"), 0600);
	assert_int_equal(mkdir(in_folder("public"), 0755), 0);
	assert_int_equal(give("public"), OK);
	assert_int_equal(mode_of("public"), 0600);
	assert_int_equal(give("absent"), ERR_IO);
}

static void
what_a_link_leads_to_is_not(void **state)
{
	(void)state;
	make("target");
	assert_int_equal(symlink(in_folder("target"), in_folder("soft")), 0);
	assert_int_equal(give("soft"), ERR_IO);
	assert_int_equal(mode_of("target"), 0644);
	assert_int_equal(link(in_folder("target"), in_folder("hard")), 0);
	assert_int_equal(give("hard"), ERR_IO);
	assert_int_equal(mode_of("target"), 0644);
	assert_int_equal(mkfifo(in_folder("pipe"), 0644), 0);
	assert_int_equal(give("pipe"), ERR_IO);
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "key", "target", "soft", "hard",
		"pipe" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(in_folder(names[i]));
	rmdir(in_folder("public"));
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_folders_are_given),
		cmocka_unit_test(what_a_link_leads_to_is_not),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
