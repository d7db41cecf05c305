#include "base/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

#define WAKE_SYSTEMD_FIRST 3

static struct sockaddr_un worker = { .sun_family = AF_UNIX };

/* Leaves the path empty when it is too long for a socket. */
static bool
set_path(struct sockaddr_un *address, const char *path)
{
	size_t n = path == NULL ? 0 : strlen(path);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n == 0 || n >= sizeof address->sun_path)
		return false;
	memcpy(address->sun_path, path, n);
	return true;
}

void
wake_use(const char *path)
{
	set_path(&worker, path);
}

void
wake_worker(void)
{
	int fd;

	if (*worker.sun_path == '\0')
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, "", 1, MSG_NOSIGNAL, (struct sockaddr *)&worker,
		sizeof worker) != 1)
		log_line(
		    LOG_DEBUG, "the worker is not woken: %s", strerror(errno));
	close(fd);
}

static bool
is_datagram_socket(int fd)
{
	int type = 0;
	socklen_t n = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	    type == SOCK_DGRAM;
}

static bool
is_passed_by_systemd(void)
{
	const char *pid = getenv("LISTEN_PID");

	return pid != NULL && strtol(pid, NULL, 10) == (long)getpid() &&
	    is_datagram_socket(WAKE_SYSTEMD_FIRST);
}

static int
bind_path(int fd, const char *path)
{
	struct sockaddr_un address;
	struct stat st;
	mode_t before;
	int r;

	if (!set_path(&address, path))
		return fail(ERR_IO, "%s cannot be the path of a socket", path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	before = umask(0117);
	r = bind(fd, (const struct sockaddr *)&address, sizeof address);
	umask(before);
	return r == 0 ? OK
		      : fail(ERR_IO, "cannot make the socket %s: %s", path,
			    strerror(errno));
}

int
wake_listen(const char *path, int *out)
{
	int fd, r;

	*out = -1;
	if (is_passed_by_systemd()) {
		fcntl(WAKE_SYSTEMD_FIRST, F_SETFL, O_NONBLOCK);
		fcntl(WAKE_SYSTEMD_FIRST, F_SETFD, FD_CLOEXEC);
		*out = WAKE_SYSTEMD_FIRST;
		return OK;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(ERR_IO, "no socket: %s", strerror(errno));
	if ((r = bind_path(fd, path)) != OK) {
		close(fd);
		return r;
	}
	*out = fd;
	return OK;
}

void
wake_drain(int fd)
{
	char bytes[8];

	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) >= 0)
		continue;
}
