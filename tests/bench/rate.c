/* SPDX-License-Identifier: MIT */
/*
 * rate.c - run a program many times and say how long all took
 *
 *	rate COUNT PARALLEL INPUT OUTPUT PROGRAM [ARGUMENT ...]
 *
 * Each run gets INPUT on standard input and adds to OUTPUT; PARALLEL of them
 * are there at a time.  One line on standard output: runs that failed, wall
 * time in nanoseconds, user and system time of all in microseconds.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static long long
microseconds(struct timeval t)
{
	return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

/* not fork: what that costs depends on the parent */
static int
start(char **argv)
{
	posix_spawn_file_actions_t files;
	pid_t pid;
	int rc;

	if (posix_spawn_file_actions_init(&files) != 0)
		return -1;
	posix_spawn_file_actions_addopen(&files, 0, argv[3], O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, argv[4],
	    O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	rc = posix_spawn(&pid, argv[5], &files, NULL, argv + 5, environ);
	posix_spawn_file_actions_destroy(&files);
	if (rc != 0)
		fprintf(stderr, "rate: %s: %s\n", argv[5], strerror(rc));
	return rc == 0 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	long count, parallel, started = 0, ended = 0, failed = 0;
	struct rusage use;
	long long begin;
	int status;

	if (argc < 6) {
		fputs("usage: rate count parallel input output program ...\n",
		    stderr);
		return 2;
	}
	count = strtol(argv[1], NULL, 10);
	parallel = strtol(argv[2], NULL, 10);
	begin = now();
	while (ended < count) {
		if (started < count && started - ended < parallel) {
			if (start(argv) != 0)
				return 2;
			started++;
			continue;
		}
		if (wait(&status) == -1) {
			perror("rate: wait");
			return 2;
		}
		ended++;
		failed += status != 0;
	}
	begin = now() - begin;
	getrusage(RUSAGE_CHILDREN, &use);
	printf("%ld %lld %lld\n", failed, begin,
	    microseconds(use.ru_utime) + microseconds(use.ru_stime));
	return 0;
}
