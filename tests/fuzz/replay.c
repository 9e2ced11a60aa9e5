/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over files, without a fuzzer: every file named, and every
 * file of the directories named, in the order of their names.  Output is TAP;
 * an invariant that does not hold kills the program in the middle of it.
 */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct list {
	char **paths;
	size_t n;
};

static void
die(const char *what, const char *path)
{
	printf("Bail out! %s: %s\n", path, what);
	exit(1);
}

static void
list_add(struct list *list, const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = malloc(n);
	char **paths = realloc(list->paths, (list->n + 1) * sizeof(*paths));

	if (path == NULL || paths == NULL)
		die("out of memory", name);
	snprintf(path, n, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
	list->paths = paths;
	list->paths[list->n++] = path;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
list_add_dir(struct list *list, const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, not_hidden, by_name);

	if (n < 0)
		die(strerror(errno), dir);
	/* an empty corpus is a test that tests nothing */
	if (n == 0)
		die("no files in it", dir);
	for (int i = 0; i < n; i++) {
		list_add(list, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* in memory of just the right size, so that a sanitizer sees a byte too far */
static uint8_t *
read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) != 0)
		goto out;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		goto out;
	}

	size_t size = (size_t)st.st_size;

	data = malloc(size > 0 ? size : 1);
	if (data != NULL && fread(data, 1, size, f) != size) {
		free(data);
		data = NULL;
		errno = EIO;
	}
	*ret_size = size;
out:
	fclose(f);
	return data;
}

int
main(int argc, char *argv[])
{
	struct list list = { NULL, 0 };
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) != 0)
			die(strerror(errno), argv[i]);
		if (S_ISDIR(st.st_mode))
			list_add_dir(&list, argv[i]);
		else
			list_add(&list, "", argv[i]);
	}
	if (list.n == 0)
		die("no files named", argv[0]);

	printf("1..%zu\n", list.n);
	for (size_t i = 0; i < list.n; i++) {
		size_t size;
		uint8_t *data = read_file(list.paths[i], &size);

		if (data == NULL) {
			printf("not ok %zu - %s: %s\n", i + 1, list.paths[i],
			    strerror(errno));
			failed = 1;
		} else {
			/* the number is out before a target can crash */
			fflush(stdout);
			LLVMFuzzerTestOneInput(data, size);
			printf("ok %zu - %s\n", i + 1, list.paths[i]);
		}
		free(data);
		free(list.paths[i]);
	}
	free(list.paths);
	return failed;
}
