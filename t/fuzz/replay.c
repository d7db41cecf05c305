/*
 * Stands in for libFuzzer: feeds every file named on the command line (or in a
 * named folder) to the fuzz target once. With no argument it replays nothing
 * and fails, so that a forgotten corpus is noticed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replayed;

static void
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (f == NULL || (data = malloc(1 << 20)) == NULL) {
		perror(path);
		exit(2);
	}
	size = fread(data, 1, 1 << 20, f);
	fclose(f);
	/* An exact allocation lets a sanitizer see one byte too far. */
	if (size > 0 && (data = realloc(data, size)) == NULL)
		exit(2);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
}

static void
replay_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char file[4096];

	if (dir == NULL) {
		perror(path);
		exit(2);
	}
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		replay_file(file);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	struct stat st;
	int i;

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			replay_folder(argv[i]);
		else
			replay_file(argv[i]);
	}
	printf("%d inputs replayed\n", replayed);
	return replayed > 0 ? 0 : 1;
}
