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
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_FIRST ((UINT64_C(1) << 13) - 1)	/* those of ABI 1 */
#define FS_REFER (UINT64_C(1) << 13)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
/* what may be said of a file; of directories all */
#define FS_OF_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

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

static struct ruleset
handled(int abi, const struct mc_confine_rules *rules)
{
	struct ruleset set = { 0, 0, 0 };

	if ((rules->without & MC_CONFINE_FILES) == 0) {
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

static int
add_path(int rules, uint64_t known, const struct mc_confine_path *path)
{
	struct beneath rule = { 0, -1 };
	struct stat st;
	int rc, sys;

	if ((path->may & MC_MAY_READ) != 0)
		rule.access |= FS_READ_FILE | FS_READ_DIR;
	if ((path->may & MC_MAY_RUN) != 0)
		rule.access |= FS_READ_FILE | FS_EXECUTE;
	if ((path->may & MC_MAY_TEMP) != 0)
		rule.access |= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
	rule.access &= known;
	rule.fd = open(path->path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0 || fstat(rule.fd, &st) != 0) {
		int fd = rule.fd;

		mc_file_close(&fd);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		rule.access &= FS_OF_FILE;
	rc = (int)syscall(NR_ADD, rules, RULE_BENEATH, &rule, 0u);
	sys = errno;
	(void)close(rule.fd);
	errno = sys;
	/* a socket or a pipe of the kernel's own: no rule, no harm */
	return rc != 0 && sys == EBADFD ? 0 : rc;
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

static void
check_clone(struct program *p)
{
	equal(p, SYS_clone, 0, 5);
	load_arg(p, 0);
	mask(p, NAMESPACES);
	equal(p, 0, 1, 0);
	deny(p, EPERM);
	allow(p);
	/* glibc tries clone then */
	deny_call(p, NR_clone3, ENOSYS);
}

static void
check_socket(struct program *p)
{
	static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6,
	    AF_NETLINK };
	size_t n = MC_NELEM(families);

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

static const short never[] = {
	/* other processes */
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	NR_process_madvise, NR_pidfd_open, NR_pidfd_getfd,
	/* who we are */
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_capset,
	SYS_unshare, SYS_setns,
	/* keys, and ways around a filter or around names */
	SYS_add_key, SYS_request_key, SYS_keyctl, SYS_bpf, SYS_userfaultfd,
	SYS_perf_event_open, SYS_open_by_handle_at, SYS_name_to_handle_at,
	NR_io_uring_setup, NR_io_uring_enter, NR_io_uring_register,
	SYS_execveat,
	/* the system */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, NR_open_tree,
	NR_open_tree_attr, NR_move_mount, NR_fsopen, NR_fsconfig, NR_fsmount,
	NR_fspick, NR_mount_setattr, SYS_kexec_load, SYS_init_module,
	SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_swapon,
	SYS_swapoff, SYS_syslog, SYS_acct, SYS_quotactl, NR_quotactl_fd,
	SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime,
	SYS_sethostname, SYS_setdomainname, SYS_vhangup, SYS_fanotify_init,
	/* names, modes and owners of files */
	SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_renameat2, SYS_linkat,
	SYS_symlinkat, SYS_truncate, SYS_fchmod, SYS_fchmodat, NR_fchmodat2,
	SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr,
	SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
	NR_setxattrat, NR_removexattrat, NR_file_setattr,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef __x86_64__
	SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_creat, SYS_unlink, SYS_rename,
	SYS_link, SYS_symlink, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime,
	SYS_utimes, SYS_futimesat, SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
	/* others who come to us */
	SYS_listen, SYS_accept, SYS_accept4,
};

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
deny_never(struct program *p)
{
	short list[MC_NELEM(never)];
	size_t n = MC_NELEM(never), k;

	memcpy(list, never, sizeof(list));
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
write_program(struct program *p, bool run, bool temp)
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
	check_open(p, SYS_openat, 2, temp);
#ifdef SYS_open
	check_open(p, SYS_open, 1, temp);
#endif
	deny_call(p, NR_openat2, ENOSYS);
	if (!run)
		deny_call(p, SYS_execve, EPERM);
	check_clone(p);
	check_socket(p);
	check_ioctl(p);
	check_personality(p);
	deny_never(p);
	allow(p);
}

static void
by_seccomp(const struct mc_confine_rules *rules,
    struct mc_confine_result *ret)
{
	struct sock_fprog prog;
	struct program p;
	bool temp = false;

	for (size_t i = 0; i < rules->n_paths; i++)
		temp = temp || (rules->paths[i].may & MC_MAY_TEMP) != 0;
	write_program(&p, rules->run, temp);
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
