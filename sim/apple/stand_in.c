#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/apple/stand_in.h"
#include "sim/forge/ca.h"
#include "sim/forge/disk.h"

#define SCRIPT "script"

const char *
stand_in_text(json_object *line, const char *name, const char *other)
{
	json_object *v = json_object_object_get(line, name);

	return json_object_is_type(v, json_type_string)
	    ? json_object_get_string(v)
	    : other;
}

int64_t
stand_in_number(json_object *line, const char *name, int64_t other)
{
	json_object *v = json_object_object_get(line, name);

	return v != NULL ? json_object_get_int64(v) : other;
}

void
stand_in_log(const char *dir, const char *file, json_object *line)
{
	char path[DISK_PATH];
	SCRATCH_BUF(text);
	int fd = disk_path(dir, file, path) == OK
	    ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
	    : -1;

	buf_printf(&text, "%s\n",
	    json_object_to_json_string_ext(
		line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	/* One write, so that readers see whole lines. */
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		log_line(LOG_WARN, "%s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	json_object_put(line);
}

static void
forget_answers(struct stand_in *s)
{
	json_object_put(s->answers);
	s->answers = json_object_new_array();
}

static void
take_line(struct stand_in *s, const char *text)
{
	json_object *line = json_tokener_parse(text);

	if (!json_object_is_type(line, json_type_object))
		log_line(LOG_WARN, "script: not an object: %s", text);
	else if (json_object_object_get(line, "clear") != NULL)
		forget_answers(s);
	else if (json_object_object_get(line, "answer") != NULL)
		json_object_array_add(s->answers, json_object_get(line));
	else
		s->apply(s->arg, line);
	json_object_put(line);
}

void
stand_in_read_script(struct stand_in *s)
{
	char path[DISK_PATH], *line = NULL;
	size_t room = 0;
	ssize_t n;
	struct stat st;
	FILE *f;

	if (disk_path(s->dir, SCRIPT, path) != OK || stat(path, &st) != 0 ||
	    st.st_size <= s->script_at || (f = fopen(path, "re")) == NULL)
		return;
	if (fseeko(f, s->script_at, SEEK_SET) == 0)
		while ((n = getline(&line, &room, f)) > 0) {
			if (line[n - 1] != '\n')
				break; /* the rest is still being written */
			s->script_at += n;
			line[n - 1] = '\0';
			take_line(s, line);
		}
	free(line);
	fclose(f);
}

static void
script_changed(void *arg, int fd)
{
	char events[4096];

	while (read(fd, events, sizeof events) > 0)
		;
	stand_in_read_script(arg);
}

static int
watch_script(struct stand_in *s)
{
	char path[DISK_PATH];
	int file, fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int r = disk_path(s->dir, SCRIPT, path);

	if (r != OK)
		return r;
	if ((file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) >= 0)
		close(file);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	return tls_server_watch(&s->server, fd, script_changed, s);
}

json_object *
stand_in_take(struct stand_in *s, const char *what, const char *everything)
{
	size_t n = json_object_array_length(s->answers);

	for (size_t i = 0; i < n; i++) {
		json_object *a = json_object_array_get_idx(s->answers, i);
		const char *wanted = stand_in_text(a, "answer", "");
		int64_t times = stand_in_number(a, "times", 1);

		if (strcmp(wanted, everything) != 0 &&
		    strcmp(wanted, what) != 0)
			continue;
		json_object_get(a);
		if (times == 1)
			json_object_array_del_idx(s->answers, i, 1);
		else if (times > 1)
			json_object_object_add(
			    a, "times", json_object_new_int64(times - 1));
		return a;
	}
	return NULL;
}

/* Ten years, as the clocks of client and test may be far apart. */
static int
make_certificates(const char *dir)
{
	SCRATCH_CA(ca);
	SCRATCH_CA(server);
	int r;

	if ((r = disk_folder(dir)) != OK || disk_has(dir, "server.pem"))
		return r;
	if ((r = ca_make_server("127.0.0.1", 3650, &ca, &server)) != OK ||
	    (r = ca_save(dir, "ca", &ca)) != OK)
		return r;
	return ca_save(dir, "server", &server);
}

int
stand_in_open(struct stand_in *s, const struct tls_service *service,
    const char *client_ca, long port)
{
	int r;

	s->answers = json_object_new_array();
	if ((r = make_certificates(s->dir)) != OK ||
	    (r = tls_server_open(
		 &s->server, service, s->dir, client_ca, port)) != OK)
		return r;
	s->server.arg = s->arg;
	stand_in_read_script(s);
	return watch_script(s);
}

int
stand_in_run(struct stand_in *s)
{
	printf("%d\n", s->server.port);
	fflush(stdout);
	return tls_server_run(&s->server);
}

void
stand_in_release(struct stand_in *s)
{
	tls_server_release(&s->server);
	json_object_put(s->answers);
	s->answers = NULL;
}
