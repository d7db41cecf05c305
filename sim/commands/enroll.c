#include <stdio.h>

#include "base/log.h"
#include "sim/client/mdm_client.h"
#include "sim/commands/args.h"
#include "sim/commands/verbs.h"

/* Reads the options of a player, does the work, and tells of a refusal. */
static int
play(int argc, char **argv, int (*work)(struct player *, const char *))
{
	const char *command = argv[-1];
	struct args table[ARGS_PLAYER];
	struct player p;
	int r;

	player_init(&p);
	args_player(&p, table);
	r = args_parse(&argc, argv, table, ARGS_PLAYER);
	if (r == OK && argc != 0)
		r = fail(ERR_USAGE, "not understood: %s", argv[0]);
	if (r == OK)
		r = work(&p, command);
	player_print_refusal(&p);
	player_release(&p);
	return r;
}

static int
enroll(struct player *p, const char *command)
{
	int r = player_enroll_new(p);

	(void)command;
	if (r == OK)
		printf(
		    "enrolled %s, UDID %s\n", p->device.serial, p->device.udid);
	return r;
}

int
enroll_run(int argc, char **argv)
{
	return play(argc, argv, enroll);
}

/* The device in its folder, with what an update of it changed meanwhile. */
static int
poll(struct player *p, const char *command)
{
	struct apple_device *d = &p->device;
	int r = player_load(p);

	(void)command;
	if (r == OK && p->apple_dir != NULL)
		r = apple_load(p->apple_dir, &p->apple);
	if (r == OK && p->os_version != NULL)
		r = apple_device_set(
		    d->os_version, sizeof d->os_version, p->os_version);
	if (r == OK && p->build != NULL)
		r = apple_device_set(d->build, sizeof d->build, p->build);
	return r == OK ? mdm_client_poll(p) : r;
}

int
poll_run(int argc, char **argv)
{
	return play(argc, argv, poll);
}

static int
check_in(struct player *p, const char *command)
{
	int r = player_load(p);

	if (r == OK)
		r = mdm_client_check_in(p, command);
	if (r == OK && p->http.body.n > 0)
		printf("%s\n", buf_str(&p->http.body));
	return r;
}

int
check_in_run(int argc, char **argv)
{
	return play(argc, argv, check_in);
}
