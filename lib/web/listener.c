#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "web/listener.h"

#define LISTENER_SYSTEMD_FIRST 3

bool
listener_is(int fd)
{
	int on = 0;
	socklen_t n = sizeof on;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 &&
	    on != 0;
}

bool
listener_is_systemd(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	return pid != NULL && count != NULL &&
	    strtol(pid, NULL, 10) == (long)getpid() &&
	    strcmp(count, "1") == 0 && listener_is(LISTENER_SYSTEMD_FIRST);
}

/* Binds without a moment in which others may connect. */
static int
bind_path(int fd, const char *path)
{
	struct sockaddr_un sa;
	struct stat st;
	mode_t before;
	int r;

	memset(&sa, 0, sizeof sa);
	sa.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof sa.sun_path)
		return fail(ERR_USAGE, "the socket's path is too long");
	memcpy(sa.sun_path, path, strlen(path));
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	before = umask(0117);
	r = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	umask(before);
	if (r != 0 || listen(fd, LISTENER_BACKLOG) != 0)
		return fail(
		    ERR_IO, "cannot listen at %s: %s", path, strerror(errno));
	return OK;
}

static int
make(const char *path, int *out)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int r;

	if (fd < 0)
		return fail(ERR_IO, "no socket: %s", strerror(errno));
	if ((r = bind_path(fd, path)) != OK) {
		close(fd);
		return r;
	}
	*out = fd;
	return OK;
}

int
listener_get(const char *path, int *out)
{
	int fd = -1;
	int flags, r;

	*out = -1;
	if (path != NULL) {
		if ((r = make(path, &fd)) != OK)
			return r;
	} else if (listener_is(STDIN_FILENO)) {
		fd = STDIN_FILENO;
	} else if (listener_is_systemd()) {
		fd = LISTENER_SYSTEMD_FIRST;
	} else {
		return fail(ERR_USAGE,
		    "no listening socket on standard input; see --help");
	}
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return fail(ERR_IO, "socket: %s", strerror(errno));
	*out = fd;
	return OK;
}
