#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/client/player.h"
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
load_and_poll(struct player *p, const char *command)
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
	return play(argc, argv, load_and_poll);
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

/* Devices that wait for pushes. */
struct waiting {
	struct player *players;
	size_t count;
	int fd;        /* to the stand-in for APNs */
	long pushes;   /* end after so many; 0: never */
	long patience; /* seconds to wait for each; 0: for ever */
};

static void
add_token(const struct player *p, struct buf *out)
{
	const struct apple_device *d = &p->device;

	enc_hex(blob_of(d->push_token, sizeof d->push_token), out);
	buf_add_str(out, "\n");
}

/* Loads the devices, which take all options of `like`, and tells APNs of them.
 */
static int
register_devices(struct waiting *w, const struct player *like, char **folders)
{
	int r = OK;

	w->players = calloc(w->count, sizeof *w->players);
	if (w->players == NULL)
		return fail(ERR_NOMEM, "no memory");
	for (size_t i = 0; i < w->count; i++)
		player_init(&w->players[i]);
	for (size_t i = 0; i < w->count && r == OK; i++) {
		struct player *p = &w->players[i];
		SCRATCH_BUF(token);

		p->apple_dir = like->apple_dir;
		p->config = like->config;
		p->faults = like->faults;
		p->state = folders[i];
		if ((r = player_load(p)) != OK)
			break;
		add_token(p, &token);
		if (send(w->fd, token.p, token.n, MSG_NOSIGNAL) < 0)
			r = fail(ERR_IO, "APNs: %s", strerror(errno));
		if (r == OK && p->apple_dir != NULL)
			r = apple_load(p->apple_dir, &p->apple);
	}
	return r;
}

static int
connect_to_apns(const char *dir, int *fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/devices.sock", dir);

	if (n < 0 || (size_t)n >= sizeof a.sun_path)
		return fail(ERR_USAGE, "the path is too long");
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd < 0 || connect(*fd, (struct sockaddr *)&a, sizeof a) != 0)
		return fail(ERR_IO, "%s: %s", a.sun_path, strerror(errno));
	return OK;
}

/* Waits for a push and lets its device poll at once. */
static int
take_push(struct waiting *w)
{
	struct pollfd wait = { .fd = w->fd, .events = POLLIN };
	char token[256];
	ssize_t n;

	if (poll(&wait, 1, w->patience > 0 ? (int)w->patience * 1000 : -1) == 0)
		return fail(ERR_IO, "no push came");
	n = recv(w->fd, token, sizeof token - 1, 0);
	if (n <= 0)
		return fail(ERR_IO, "APNs is gone");
	token[n] = '\0';
	for (size_t i = 0; i < w->count; i++) {
		struct player *p = &w->players[i];
		SCRATCH_BUF(own);
		int r;

		add_token(p, &own);
		if (strcmp(token, buf_str(&own)) != 0)
			continue;
		printf("woken %s\n", p->device.serial);
		clock_refresh();
		p->refused_step = NULL;
		r = mdm_client_poll(p);
		player_print_refusal(p);
		fflush(stdout);
		/* One that fails does not keep the others from waiting. */
		return w->pushes > 0 ? r : OK;
	}
	return OK;
}

int
wait_run(int argc, char **argv)
{
	const char *push = "";
	struct waiting w = { .fd = -1 };
	struct args table[ARGS_PLAYER + 3] = {
		{ "push", .text = &push, .required = true },
		{ "pushes", .number = &w.pushes },
		{ "patience", .number = &w.patience },
	};
	struct player like;
	int r;

	player_init(&like);
	args_player(&like, table + 3);
	r = args_parse(&argc, argv, table, ARGS_COUNT(table));
	w.count = (size_t)argc;
	if (r == OK && argc == 0)
		r = fail(ERR_USAGE, "wait --push DIR DEVICE...");
	if (r == OK && (r = connect_to_apns(push, &w.fd)) == OK &&
	    (r = register_devices(&w, &like, argv)) == OK) {
		puts("waiting");
		fflush(stdout);
	}
	for (long i = 0; r == OK && (w.pushes == 0 || i < w.pushes); i++)
		r = take_push(&w);
	for (size_t i = 0; w.players != NULL && i < w.count; i++)
		player_release(&w.players[i]);
	free(w.players);
	player_release(&like);
	if (w.fd >= 0)
		close(w.fd);
	return r;
}
