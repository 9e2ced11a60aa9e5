/* SPDX-License-Identifier: MIT */
/*
 * confine.c - give up what this process will not need any more
 */
#include "base/base.h"
#include "base/confine.h"

#ifndef __linux__

void
mc_confine(const struct mc_confine_rules *rules,
    struct mc_confine_result *ret)
{
	(void)rules;
	memset(ret, 0, sizeof(*ret));
}

#else

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ----------------------------------------------------------------- Landlock */

/*
 * Of our own: headers are often older than the kernel that this runs on.
 * These numbers are the same wherever Landlock is, but for alpha.
 */
#ifdef __alpha__
#define NR_CREATE 554
#define NR_ADD 555
#define NR_RESTRICT 556
#else
#define NR_CREATE 444
#define NR_ADD 445
#define NR_RESTRICT 446
#endif

#define CREATE_VERSION 1u
#define RULE_BENEATH 1
#define RULE_PORT 2

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_FIRST ((UINT64_C(1) << 13) - 1)	/* those of ABI 1 */
#define FS_REFER (UINT64_C(1) << 13)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
/* what may be said of a file; of directories all */
#define FS_OF_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

#define FS_CHANGE (FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | \
	FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER)

#define NET_BIND (UINT64_C(1) << 0)
#define NET_CONNECT (UINT64_C(1) << 1)

#define SCOPE_ABSTRACT (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct beneath {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

struct port {
	uint64_t access;
	uint64_t number;
};

static bool
has_path(const struct mc_confine_rules *rules, unsigned may)
{
	for (size_t i = 0; i < rules->n_paths; i++)
		if ((rules->paths[i].may & may) != 0)
			return true;
	return false;
}

static struct ruleset
handled(int abi, const struct mc_confine_rules *rules)
{
	struct ruleset set = { 0, 0, 0 };

	/* the first version has no way to allow a rename into another folder */
	if ((rules->without & MC_CONFINE_FILES) == 0 &&
	    (abi >= 2 || !has_path(rules, MC_MAY_WRITE))) {
		set.fs = FS_FIRST;
		if (abi >= 2)
			set.fs |= FS_REFER;
		if (abi >= 3)
			set.fs |= FS_TRUNCATE;
		if (abi >= 5)
			set.fs |= FS_IOCTL_DEV;
	}
	if (abi >= 4 && (rules->without & MC_CONFINE_PORTS) == 0)
		set.net = NET_BIND | NET_CONNECT;
	if (abi >= 6 && (rules->without & MC_CONFINE_SCOPE) == 0)
		set.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return set;
}

/* fd is open, or -1 for what is not there; it is closed */
static int
add_rule(int rules, uint64_t access, int fd)
{
	struct beneath rule = { access, fd };
	struct stat st;
	int rc, sys;

	if (fd < 0 || fstat(fd, &st) != 0) {
		mc_file_close(&fd);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		rule.access &= FS_OF_FILE;
	rc = (int)syscall(NR_ADD, rules, RULE_BENEATH, &rule, 0u);
	sys = errno;
	(void)close(fd);
	errno = sys;
	/* a socket or a pipe of the kernel's own: no rule, no harm */
	return rc != 0 && sys == EBADFD ? 0 : rc;
}

/* of a directory at its end, all that is beneath it could be read: only what is
 * a file counts */
static int
add_link(int rules, int dir, const char *name)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(dir, name, to, sizeof(to));
	struct stat st;

	/* what is beside it in the directory needs nothing more */
	if (n <= 0 || memchr(to, '/', (size_t)n) == NULL ||
	    fstatat(dir, name, &st, 0) != 0 || !S_ISREG(st.st_mode))
		return 0;
	return add_rule(rules, FS_READ_FILE, openat(dir, name,
	    O_PATH | O_CLOEXEC));
}

static int
add_links(int rules, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int rc = 0;

	if (dir == NULL)
		return 0;
	/* a stream of our own */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		rc = add_link(rules, dirfd(dir), entry->d_name);
	(void)closedir(dir);
	return rc;
}

static int
add_path(int rules, uint64_t known, const struct mc_confine_path *path)
{
	uint64_t access = 0;

	if ((path->may & MC_MAY_READ) != 0)
		access |= FS_READ_FILE | FS_READ_DIR;
	if ((path->may & MC_MAY_RUN) != 0)
		access |= FS_READ_FILE | FS_EXECUTE;
	if ((path->may & MC_MAY_TEMP) != 0)
		access |= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
	if ((path->may & MC_MAY_WRITE) != 0)
		access |= FS_CHANGE;
	if (add_rule(rules, access & known, open(path->path,
	    O_PATH | O_CLOEXEC)) != 0)
		return -1;
	return (path->may & MC_MAY_LINKS) != 0 ? add_links(rules, path->path) :
	    0;
}

static int
add_port(int rules, uint64_t access, uint16_t number)
{
	struct port rule = { access, number };

	return (int)syscall(NR_ADD, rules, RULE_PORT, &rule, 0u);
}

static int
add_rules(int fd, const struct ruleset *set,
    const struct mc_confine_rules *rules)
{
	if (set->fs != 0)
		for (size_t i = 0; i < rules->n_paths; i++)
			if (add_path(fd, set->fs, &rules->paths[i]) != 0)
				return -1;
	if (set->net == 0)
		return 0;
	for (size_t i = 0; i < rules->n_ports; i++)
		if (add_port(fd, NET_CONNECT, rules->ports[i]) != 0)
			return -1;
	return rules->bind ? add_port(fd, NET_BIND, 0) : 0;
}

static void
by_landlock(const struct mc_confine_rules *rules,
    struct mc_confine_result *ret)
{
	int abi = (int)syscall(NR_CREATE, NULL, (size_t)0, CREATE_VERSION);
	struct ruleset set;
	int fd;

	if (abi <= 0)
		return;
	ret->abi = abi;
	set = handled(abi, rules);
	if (set.fs == 0 && set.net == 0 && set.scoped == 0)
		return;
	/* a kernel takes a longer structure than it knows if the rest is 0 */
	fd = (int)syscall(NR_CREATE, &set, sizeof(set), 0u);
	if (fd < 0 || add_rules(fd, &set, rules) != 0 ||
	    syscall(NR_RESTRICT, fd, 0u) != 0) {
		ret->sys = errno;
	} else {
		ret->done |= set.fs != 0 ? MC_CONFINE_FILES : 0;
		ret->done |= set.net != 0 ? MC_CONFINE_PORTS : 0;
		ret->done |= set.scoped != 0 ? MC_CONFINE_SCOPE : 0;
	}
	mc_file_close(&fd);
}

/* ------------------------------------------------------------------ seccomp */

/* the low half of an argument is where the argument begins */
#if (defined(__x86_64__) && !defined(__ILP32__)) || \
    (defined(__aarch64__) && !defined(__ILP32__) && \
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define MOST_CODE 400
#define GROUP 8		/* calls that are looked at one by one */

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC)
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | \
	CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
/* chattr, by either call; not worth a header each */
#define IOC_SETFLAGS 0x40086602u
#define IOC_SETXATTR 0x401c5820u

/* numbers that older headers lack; the same on both */
#define NR_io_uring_setup 425
#define NR_io_uring_enter 426
#define NR_io_uring_register 427
#define NR_open_tree 428
#define NR_move_mount 429
#define NR_fsopen 430
#define NR_fsconfig 431
#define NR_fsmount 432
#define NR_fspick 433
#define NR_pidfd_open 434
#define NR_clone3 435
#define NR_openat2 437
#define NR_pidfd_getfd 438
#define NR_process_madvise 440
#define NR_mount_setattr 442
#define NR_quotactl_fd 443
#define NR_fchmodat2 452
#define NR_setxattrat 463
#define NR_removexattrat 466
#define NR_open_tree_attr 467
#define NR_file_setattr 469

struct program {
	struct sock_filter code[MOST_CODE];
	size_t n;
};

/* too long a program is a mistake of ours, which the test of it shows */
static void
add(struct program *p, unsigned code, uint32_t k, size_t yes, size_t no)
{
	if (p->n < MOST_CODE)
		p->code[p->n] = (struct sock_filter){ (uint16_t)code,
		    (uint8_t)yes, (uint8_t)no, k };
	p->n++;
}

static void
load(struct program *p, size_t off)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)off, 0, 0);
}

static void
load_arg(struct program *p, size_t i)
{
	load(p, offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));
}

static void
equal(struct program *p, uint32_t k, size_t yes, size_t no)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, k, yes, no);
}

static void
mask(struct program *p, uint32_t k)
{
	add(p, BPF_ALU | BPF_AND | BPF_K, k, 0, 0);
}

static void
allow(struct program *p)
{
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void
deny(struct program *p, int sys)
{
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)sys, 0, 0);
}

/* the number is loaded; all that follow begin and end so */
static void
deny_call(struct program *p, int nr, int sys)
{
	equal(p, (uint32_t)nr, 0, 1);
	deny(p, sys);
}

/* flags in argument i; ends the program for these calls */
static void
check_open(struct program *p, int nr, size_t i, bool temp)
{
	uint32_t nameless = O_TMPFILE | O_EXCL;

	equal(p, (uint32_t)nr, 0, temp ? 9 : 5);
	if (temp) {
		load_arg(p, i);
		mask(p, nameless);
		equal(p, nameless, 0, 1);
		allow(p);
	}
	load_arg(p, i);
	mask(p, WRITES);
	equal(p, 0, 1, 0);
	deny(p, EACCES);
	allow(p);
}

/* for writing where there are places for that, which are not known here */
static void
check_opens(struct program *p, const struct mc_confine_rules *rules)
{
	bool temp = has_path(rules, MC_MAY_TEMP);

	if (rules->closed) {
		deny_call(p, SYS_openat, EACCES);
#ifdef SYS_open
		deny_call(p, SYS_open, EACCES);
#endif
	} else if (!has_path(rules, MC_MAY_WRITE)) {
		check_open(p, SYS_openat, 2, temp);
#ifdef SYS_open
		check_open(p, SYS_open, 1, temp);
#endif
	}
	deny_call(p, NR_openat2, ENOSYS);
}

static void
check_clone(struct program *p)
{
	equal(p, SYS_clone, 0, 5);
	load_arg(p, 0);
	mask(p, NAMESPACES);
	equal(p, 0, 1, 0);
	deny(p, EPERM);
	allow(p);
}

static void
check_socket(struct program *p, bool local)
{
	static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6,
	    AF_NETLINK };
	size_t n = local ? 1 : MC_NELEM(families);

	equal(p, SYS_socket, 0, n + 3);
	load_arg(p, 0);
	for (size_t i = 0; i < n; i++)
		equal(p, families[i], n - i, 0);
	deny(p, EAFNOSUPPORT);
	allow(p);
}

/* input for a terminal that we were started from, and attributes of files */
static void
check_ioctl(struct program *p)
{
	static const uint32_t bad[] = { TIOCSTI, TIOCLINUX, IOC_SETFLAGS,
	    IOC_SETXATTR };
	size_t n = MC_NELEM(bad);

	equal(p, SYS_ioctl, 0, n + 3);
	load_arg(p, 1);
	for (size_t i = 0; i < n; i++)
		equal(p, bad[i], n - i, 0);
	allow(p);
	deny(p, EPERM);
}

/* the times of an open file; with a name it may be anybody's */
static void
check_times(struct program *p)
{
	size_t name = offsetof(struct seccomp_data, args) + sizeof(uint64_t);

	equal(p, SYS_utimensat, 0, 6);
	load(p, name);
	equal(p, 0, 0, 3);
	load(p, name + sizeof(uint32_t));
	equal(p, 0, 0, 1);
	allow(p);
	deny(p, EPERM);
}

/* to ask what it is, is no change */
static void
check_personality(struct program *p)
{
	equal(p, SYS_personality, 0, 4);
	load_arg(p, 0);
	equal(p, UINT32_MAX, 1, 0);
	deny(p, EPERM);
	allow(p);
}

/* a row for each: what it is not forbidden with */
#define UNLESS_WRITE 1u
#define UNLESS_ACCEPT 2u
#define IF_CLOSED 4u

static const struct never {
	short nr;
	unsigned char when;
} never[] = {
	/* other processes */
	{ SYS_ptrace, 0 }, { SYS_process_vm_readv, 0 },
	{ SYS_process_vm_writev, 0 }, { SYS_kcmp, 0 },
	{ NR_process_madvise, 0 }, { NR_pidfd_open, 0 },
	{ NR_pidfd_getfd, 0 },
	/* who we are */
	{ SYS_setuid, 0 }, { SYS_setgid, 0 }, { SYS_setreuid, 0 },
	{ SYS_setregid, 0 }, { SYS_setresuid, 0 }, { SYS_setresgid, 0 },
	{ SYS_setfsuid, 0 }, { SYS_setfsgid, 0 }, { SYS_setgroups, 0 },
	{ SYS_capset, 0 }, { SYS_unshare, 0 }, { SYS_setns, 0 },
	/* keys, and ways around a filter or around names */
	{ SYS_add_key, 0 }, { SYS_request_key, 0 }, { SYS_keyctl, 0 },
	{ SYS_bpf, 0 }, { SYS_userfaultfd, 0 }, { SYS_perf_event_open, 0 },
	{ SYS_open_by_handle_at, 0 }, { SYS_name_to_handle_at, 0 },
	{ NR_io_uring_setup, 0 }, { NR_io_uring_enter, 0 },
	{ NR_io_uring_register, 0 }, { SYS_execveat, 0 },
	/* the system */
	{ SYS_mount, 0 }, { SYS_umount2, 0 }, { SYS_pivot_root, 0 },
	{ SYS_chroot, 0 }, { NR_open_tree, 0 }, { NR_open_tree_attr, 0 },
	{ NR_move_mount, 0 }, { NR_fsopen, 0 }, { NR_fsconfig, 0 },
	{ NR_fsmount, 0 }, { NR_fspick, 0 }, { NR_mount_setattr, 0 },
	{ SYS_kexec_load, 0 }, { SYS_init_module, 0 },
	{ SYS_finit_module, 0 }, { SYS_delete_module, 0 }, { SYS_reboot, 0 },
	{ SYS_swapon, 0 }, { SYS_swapoff, 0 }, { SYS_syslog, 0 },
	{ SYS_acct, 0 }, { SYS_quotactl, 0 }, { NR_quotactl_fd, 0 },
	{ SYS_settimeofday, 0 }, { SYS_clock_settime, 0 },
	{ SYS_adjtimex, 0 }, { SYS_clock_adjtime, 0 }, { SYS_sethostname, 0 },
	{ SYS_setdomainname, 0 }, { SYS_vhangup, 0 },
	{ SYS_fanotify_init, 0 },
	/* owners and attributes of files, special ones; modes by name, since
	 * Landlock does not look at these */
	{ SYS_mknodat, 0 }, { SYS_symlinkat, 0 }, { SYS_fchmodat, 0 },
	{ NR_fchmodat2, 0 }, { SYS_fchown, 0 }, { SYS_fchownat, 0 },
	{ SYS_setxattr, 0 }, { SYS_lsetxattr, 0 }, { SYS_fsetxattr, 0 },
	{ SYS_removexattr, 0 }, { SYS_lremovexattr, 0 },
	{ SYS_fremovexattr, 0 }, { NR_setxattrat, 0 },
	{ NR_removexattrat, 0 }, { NR_file_setattr, 0 },
	/* names of files, and modes of open ones */
	{ SYS_mkdirat, UNLESS_WRITE }, { SYS_unlinkat, UNLESS_WRITE },
	{ SYS_renameat2, UNLESS_WRITE }, { SYS_linkat, UNLESS_WRITE },
	{ SYS_truncate, UNLESS_WRITE }, { SYS_fchmod, UNLESS_WRITE },
#ifdef SYS_kexec_file_load
	{ SYS_kexec_file_load, 0 },
#endif
#ifdef SYS_renameat
	{ SYS_renameat, UNLESS_WRITE },
#endif
#ifdef __x86_64__
	{ SYS_mknod, 0 }, { SYS_symlink, 0 }, { SYS_chmod, 0 },
	{ SYS_chown, 0 }, { SYS_lchown, 0 }, { SYS_utime, 0 },
	{ SYS_utimes, 0 }, { SYS_futimesat, 0 }, { SYS_iopl, 0 },
	{ SYS_ioperm, 0 }, { SYS_modify_ldt, 0 },
	{ SYS_mkdir, UNLESS_WRITE }, { SYS_rmdir, UNLESS_WRITE },
	{ SYS_creat, UNLESS_WRITE }, { SYS_unlink, UNLESS_WRITE },
	{ SYS_rename, UNLESS_WRITE }, { SYS_link, UNLESS_WRITE },
	{ SYS_fork, IF_CLOSED }, { SYS_vfork, IF_CLOSED },
#endif
	/* others who come to us */
	{ SYS_listen, 0 }, { SYS_accept, UNLESS_ACCEPT },
	{ SYS_accept4, UNLESS_ACCEPT },
	/* for whoever has all that it needs */
	{ SYS_clone, IF_CLOSED }, { SYS_socket, IF_CLOSED },
	{ SYS_socketpair, IF_CLOSED }, { SYS_connect, IF_CLOSED },
	{ SYS_bind, IF_CLOSED }, { SYS_inotify_init1, IF_CLOSED },
	{ SYS_memfd_create, IF_CLOSED },
};

static bool
applies(const struct never *row, const struct mc_confine_rules *rules)
{
	if (row->when == UNLESS_WRITE)
		return !has_path(rules, MC_MAY_WRITE);
	if (row->when == UNLESS_ACCEPT)
		return !rules->accept;
	return row->when == 0 || rules->closed;
}

static int
by_number(const void *a, const void *b)
{
	const short *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * In order and in groups, of which all but one are passed by: the kernel runs
 * the program once for each of its calls when it is put in place, so a plain
 * list would cost more than all the rest.
 */
static void
deny_never(struct program *p, const struct mc_confine_rules *rules)
{
	short list[MC_NELEM(never)];
	size_t n = 0, k;

	for (size_t i = 0; i < MC_NELEM(never); i++)
		if (applies(&never[i], rules))
			list[n++] = never[i].nr;
	qsort(list, n, sizeof(list[0]), by_number);
	for (size_t at = 0; at < n; at += k) {
		k = n - at < GROUP ? n - at : GROUP;
		add(p, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)list[at + k - 1],
		    k + 2, 0);
		for (size_t i = 0; i < k; i++)
			equal(p, (uint32_t)list[at + i], k - i, 0);
		allow(p);
		deny(p, EPERM);
	}
}

static void
write_program(struct program *p, const struct mc_confine_rules *rules)
{
	p->n = 0;
	load(p, offsetof(struct seccomp_data, arch));
	equal(p, ARCH, 1, 0);
	deny(p, EPERM);
	load(p, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
	add(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	deny(p, EPERM);
#endif
	check_opens(p, rules);
	if (!rules->run)
		deny_call(p, SYS_execve, EPERM);
	/* glibc tries clone then */
	deny_call(p, NR_clone3, ENOSYS);
	if (!rules->closed) {
		check_clone(p);
		check_socket(p, rules->local);
	}
	check_ioctl(p);
	check_personality(p);
	if (has_path(rules, MC_MAY_WRITE))
		check_times(p);
	else
		deny_call(p, SYS_utimensat, EPERM);
	deny_never(p, rules);
	allow(p);
}

static void
by_seccomp(const struct mc_confine_rules *rules,
    struct mc_confine_result *ret)
{
	struct sock_fprog prog;
	struct program p;

	write_program(&p, rules);
	if (p.n > MOST_CODE) {
		ret->sys = E2BIG;
		return;
	}
	prog.len = (unsigned short)p.n;
	prog.filter = p.code;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0)
		ret->done |= MC_CONFINE_CALLS;
	/* EINVAL: a kernel without it */
	else if (errno != EINVAL)
		ret->sys = errno;
}

#else

static void
by_seccomp(const struct mc_confine_rules *rules,
    struct mc_confine_result *ret)
{
	(void)rules;
	(void)ret;
}

#endif

void
mc_confine(const struct mc_confine_rules *rules,
    struct mc_confine_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	/* both ask for it; a kernel that cannot do it has neither */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return;
	by_landlock(rules, ret);
	if ((rules->without & MC_CONFINE_CALLS) == 0)
		by_seccomp(rules, ret);
}

#endif

void
mc_confine_missing(const struct mc_confine_result *got,
    char ret_words[MC_CONFINE_WORDS])
{
	(void)snprintf(ret_words, MC_CONFINE_WORDS, "%s%s%s%s",
	    (got->done & MC_CONFINE_FILES) == 0 ? " files" : "",
	    (got->done & MC_CONFINE_PORTS) == 0 ? " ports" : "",
	    (got->done & MC_CONFINE_SCOPE) == 0 ? " signals" : "",
	    (got->done & MC_CONFINE_CALLS) == 0 ? " calls" : "");
}

bool
mc_confine_holds(struct mc_str dir, const char *path)
{
	while (dir.len != 0 && dir.ptr[dir.len - 1] == '/')
		dir.len--;
	return path != NULL && strncmp(path, dir.ptr, dir.len) == 0 &&
	    (path[dir.len] == '/' || path[dir.len] == '\0');
}
