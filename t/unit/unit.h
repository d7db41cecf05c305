/* Every unit test begins with this: cmocka and what it wants before it. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/*
 * cmocka's fail() is also the name of ours, in base/log.h; its fail_msg()
 * needs it, and unit_fail() takes its place.
 */
#undef fail
#define unit_fail(...)                                                         \
	do {                                                                   \
		print_error(__VA_ARGS__);                                      \
		print_error("\n");                                             \
		_fail(__FILE__, __LINE__);                                     \
	} while (0)

/* Runs the group and gives main()'s exit status. */
#define unit_run(name, tests)                                                  \
	(cmocka_set_message_output(CM_OUTPUT_TAP),                             \
	    cmocka_run_group_tests_name((name), (tests), NULL, NULL))

#endif
