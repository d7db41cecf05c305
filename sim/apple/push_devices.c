#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/log.h"
#include "sim/apple/push_devices.h"
#include "sim/forge/disk.h"

/* A token that is waited for, or that a push waits for. */
struct device {
	char token[PUSH_DEVICES_TOKEN];
	int fd;       /* -1: nobody is there */
	bool is_kept; /* a push waits */
};

struct push_devices {
	struct tls_server *server;
	struct device *devices;
	size_t count;
	json_object *index; /* token: its place in devices */
};

static struct device *
find(struct push_devices *d, const char *token)
{
	json_object *place = json_object_object_get(d->index, token);
	struct device *more;

	if (place != NULL)
		return &d->devices[json_object_get_int64(place)];
	more = realloc(d->devices, (d->count + 1) * sizeof *more);
	if (more == NULL)
		return NULL;
	d->devices = more;
	json_object_object_add(
	    d->index, token, json_object_new_int64((int64_t)d->count));
	d->devices[d->count] = (struct device){ .fd = -1 };
	snprintf(d->devices[d->count].token, PUSH_DEVICES_TOKEN, "%s", token);
	return &d->devices[d->count++];
}

/* A device that does not read is as good as gone. */
static bool
send_token(const struct device *device)
{
	char line[PUSH_DEVICES_TOKEN + 1];
	int n = snprintf(line, sizeof line, "%s\n", device->token);

	return device->fd >= 0 &&
	    send(device->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n;
}

bool
push_devices_wake(struct push_devices *d, const char *token, bool can_wait)
{
	struct device *device = find(d, token);
	bool is_there = device != NULL && send_token(device);

	if (device != NULL)
		device->is_kept = !is_there && can_wait;
	return is_there;
}

static void
forget(struct push_devices *d, int fd)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->devices[i].fd == fd)
			d->devices[i].fd = -1;
	tls_server_unwatch(d->server, fd);
	close(fd);
}

static void
add_token(struct push_devices *d, int fd, const char *token)
{
	struct device *device = find(d, token);

	if (device == NULL)
		return;
	device->fd = fd;
	if (device->is_kept)
		device->is_kept = !send_token(device);
}

/* Lines are short and come whole: what is cut is no token. */
static void
read_tokens(void *arg, int fd)
{
	char lines[65536], *save = NULL;
	ssize_t n = recv(fd, lines, sizeof lines - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		forget(arg, fd);
		return;
	}
	lines[n] = '\0';
	for (char *line = strtok_r(lines, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (strlen(line) < PUSH_DEVICES_TOKEN)
			add_token(arg, fd, line);
}

static void
accept_device(void *arg, int fd)
{
	struct push_devices *d = arg;
	int device = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (device >= 0 &&
	    tls_server_watch(d->server, device, read_tokens, d) != OK)
		close(device);
}

struct push_devices *
push_devices_open(const char *dir, struct tls_server *server)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct push_devices *d = calloc(1, sizeof *d);
	int fd,
	    n = snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", dir,
		PUSH_DEVICES_SOCKET);

	if (d == NULL || n < 0 || (size_t)n >= sizeof a.sun_path) {
		log_line(LOG_ERROR, "%s: the path is too long", dir);
		free(d);
		return NULL;
	}
	unlink(a.sun_path);
	d->server = server;
	d->index = json_object_new_object();
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	    listen(fd, 128) == 0 &&
	    tls_server_watch(server, fd, accept_device, d) == OK)
		return d;
	log_line(LOG_ERROR, "%s: %s", a.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	push_devices_free(d);
	return NULL;
}

/* The server closes what it watches. */
void
push_devices_free(struct push_devices *d)
{
	if (d == NULL)
		return;
	json_object_put(d->index);
	free(d->devices);
	free(d);
}
