/* SPDX-License-Identifier: MIT */
/*
 * confine.h - give up what this process will not need any more
 *
 * For a process that talks to strangers: whoever takes it over by a mistake of
 * ours should find nothing to write, nothing to run and no way to others.
 * Linux only, by two means; either, or a part of it, may be missing, and that
 * is no failure.
 *
 * Landlock (5.13): what is opened from now on has to lie beneath a path that is
 * named here.  From 6.7 on TCP connects to the named ports alone, from 6.12 on
 * no signal and no abstract socket reaches a process outside.
 *
 * seccomp (on x86-64 and aarch64): a filter without calls that run programs,
 * look into other processes, change who we are or what system this is, or wait
 * for connections; of sockets only UNIX, IPv4, IPv6 and netlink.  Unless a path
 * has MC_MAY_WRITE, nor may files be opened for writing, nor their names, modes
 * or owners be changed (of open ones neither); with it, owners, attributes and
 * special files stay forbidden.  Most of these fail with EPERM; an open for
 * writing with EACCES, a socket with EAFNOSUPPORT, and clone3 and openat2,
 * whose flags no filter sees, with ENOSYS.
 *
 * Neither takes back what is open already.
 */
#ifndef MC_CONFINE_H
#define MC_CONFINE_H

#include "base/str.h"

/* what may be done with a file, or with all beneath a directory */
#define MC_MAY_READ 1u
#define MC_MAY_RUN 2u
/* files without a name (O_TMPFILE with O_EXCL); where the filter is missing, or
 * has to let writing pass for MC_MAY_WRITE, files that are there may be opened
 * for reading and writing too */
#define MC_MAY_TEMP 4u
/* make, change, rename, link and remove files and directories; not of files
 * alone.  Needs Landlock's second version (5.19): with the first one alone
 * files are not confined then, since it lets nothing be renamed into another
 * directory */
#define MC_MAY_WRITE 8u
/* of a directory with links: the files that these lead to may be read too, those
 * in it now */
#define MC_MAY_LINKS 16u

struct mc_confine_path {
	const char *path;	/* a link is followed; not there: passed over */
	unsigned may;
};

#define MC_CONFINE_FILES 1u
#define MC_CONFINE_PORTS 2u
#define MC_CONFINE_SCOPE 4u
#define MC_CONFINE_CALLS 8u

struct mc_confine_rules {
	const struct mc_confine_path *paths;
	size_t n_paths;
	const uint16_t *ports;	/* TCP, to connect to */
	size_t n_ports;
	bool bind;		/* to an address of ours, port as it comes */
	bool run;		/* programs, where a path has MC_MAY_RUN */
	bool accept;		/* who connects to a socket that listens */
	bool local;		/* of sockets only UNIX */
	bool closed;		/* no file is opened, no socket and no process
				 * made; what is open is all there is */
	unsigned without;	/* MC_CONFINE_...: not to be tried (tests) */
};

struct mc_confine_result {
	unsigned done;		/* MC_CONFINE_... that hold from now on */
	int abi;		/* of Landlock; 0: the kernel has none */
	int sys;		/* errno of what should have worked, or 0 */
};

/* what does not hold, as words with a blank in front of each; "" if all does */
#define MC_CONFINE_WORDS 32
void
mc_confine_missing(const struct mc_confine_result *got,
    char ret_words[MC_CONFINE_WORDS]);

/* is `path`, if there is one, in dir or below?  For those who choose paths */
bool
mc_confine_holds(struct mc_str dir, const char *path);

/*
 * mc_confine - confine this process, and those that it starts, for good
 *
 * Call it while there is one thread.  Sets "no new privileges" first.  Needs
 * memory only for MC_MAY_LINKS; never fails: ret tells what came of it.
 */
void
mc_confine(const struct mc_confine_rules *rules,
    struct mc_confine_result *ret);

#endif
