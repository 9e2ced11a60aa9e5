/* SPDX-License-Identifier: MIT */
/*
 * run.c - run a program once and say what it cost
 *
 *	run INPUT DESCRIPTOR OUTPUT PROGRAM [ARGUMENT ...]
 *
 * The program gets INPUT on DESCRIPTOR (0 as a rule) and writes to OUTPUT.
 * One line on standard output: wait status, user and system time of it and of
 * the children it waited for, both in microseconds, the largest resident size
 * in KiB, and start and end by CLOCK_MONOTONIC in nanoseconds.
 *
 * It is this small because the resident size of the parent at the time of the
 * fork counts for the child.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* open path as descriptor fd, for the program that follows */
static int
give(const char *path, int flags, int fd)
{
	int from = open(path, flags, 0600);

	if (from == -1) {
		perror(path);
		return -1;
	}
	if (from == fd)
		return 0;
	if (dup2(from, fd) == -1) {
		perror("dup2");
		return -1;
	}
	close(from);
	return 0;
}

static void
child(char **argv)
{
	int fd = argv[2][0] - '0';

	if (give(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 1) == -1 ||
	    dup2(1, 2) == -1 || give("/dev/null", O_RDONLY, 0) == -1 ||
	    give(argv[1], O_RDONLY, fd) == -1)
		_exit(127);
	execv(argv[4], argv + 4);
	perror(argv[4]);
	_exit(127);
}

int
main(int argc, char **argv)
{
	struct rusage use;
	long long start, end;
	int status;
	pid_t pid;

	if (argc < 5 || argv[2][0] < '0' || argv[2][0] > '9' ||
	    argv[2][1] != '\0') {
		fputs("usage: run input descriptor output program ...\n",
		    stderr);
		return 2;
	}
	start = now();
	pid = fork();
	if (pid == -1) {
		perror("fork");
		return 2;
	}
	if (pid == 0)
		child(argv);
	if (wait4(pid, &status, 0, &use) != pid) {
		perror("wait4");
		return 2;
	}
	end = now();
	printf("%d %lld %lld %ld %lld %lld\n", status,
	    microseconds(use.ru_utime), microseconds(use.ru_stime),
	    use.ru_maxrss, start, end);
	return 0;
}
