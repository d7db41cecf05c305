/* The exit codes of attestmdm (bin/cli.h), as attestmdm(8) documents them. */
#include "unit/unit.h"

#include <string.h>

#include "base/err.h"
#include "bin/cli.h"
#include "bin/view.h"
#include "base/nearest.h"

static void
test_kinds(void **state)
{
	static const struct {
		int code, status;
	} table[] = {
		{ OK, CLI_EXIT_OK },
		{ ERR_DB, CLI_EXIT_FAILURE },
		{ ERR_IO, CLI_EXIT_FAILURE },
		{ ERR_USAGE, CLI_EXIT_USAGE },
		{ ERR_NOT_FOUND, CLI_EXIT_NOT_FOUND },
		{ ERR_CONFLICT, CLI_EXIT_REFUSED },
		{ ERR_FIELD, CLI_EXIT_REFUSED },
		{ ERR_LICENSE, CLI_EXIT_REFUSED },
		{ ERR_GITOPS, CLI_EXIT_REFUSED },
		{ ERR_LAST_ADMIN, CLI_EXIT_REFUSED },
		{ ERR_UNCONFIRMED, CLI_EXIT_REFUSED },
	};
	size_t i;

	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_int_equal(cli_exit_code(table[i].code), table[i].status);
}

/* Whatever rule of enrollment refuses: also one that is written tomorrow. */
static void
test_rules_of_enrollment(void **state)
{
	int i, found = 0;

	for (i = 0; i < ERR_INDEX_COUNT; i++) {
		int code = -1 - i;

		if (strncmp(err_name(code), "ENROLL_", 7) != 0 ||
		    code == ERR_ENROLL_SIGNATURE ||
		    code == ERR_ENROLL_MACHINEINFO)
			continue;
		found++;
		if (cli_exit_code(code) != CLI_EXIT_REFUSED)
			unit_fail("cli_exit_code() (bin/cli.c) lacks %s among "
				  "the refusals",
			    err_name(code));
	}
	assert_true(found >= 7);
}

static void
test_mistyped_words(void **state)
{
	assert_int_equal(nearest_distance("list", "list"), 0);
	assert_int_equal(nearest_distance("list", "lsit"), 1);
	assert_int_equal(nearest_distance("list", "lst"), 1);
	assert_int_equal(nearest_distance("host", "hosts"), 1);
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_true(nearest_distance("list", "show") > NEAREST_ENOUGH);
	assert_true(nearest_distance("list",
			"llllllllllllllllllllllllllllllllllllllllllll") >
	    NEAREST_ENOUGH);
}

/* Cells in another order than the columns, and a row that lacks one. */
static void
test_cells_and_columns(void **state)
{
	static const struct view_column columns[] = {
		{ "name", "NAME", VIEW_TEXT },
		{ "size", "SIZE", VIEW_INT },
		{ NULL, NULL, VIEW_TEXT },
	};
	struct cli cli = { .json = false };
	struct view *v = view_new(columns);

	assert_non_null(v);
	assert_int_equal(view_record(&cli, v), ERR_INTERNAL);
	view_text(v, "a");
	assert_int_equal(view_record(&cli, v), ERR_INTERNAL);
	view_int(v, 1);
	assert_int_equal(view_record(&cli, v), OK);
	view_int(v, 1);
	view_int(v, 1);
	assert_int_equal(view_table(&cli, v, "rows", ""), ERR_INTERNAL);
	view_free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_mistyped_words),
		cmocka_unit_test(test_rules_of_enrollment),
		cmocka_unit_test(test_cells_and_columns),
	};

	return unit_run("cli", tests);
}
