/* SPDX-License-Identifier: MIT */
/*
 * sockets.c - the sockets that a service listens on, and who is behind them
 */
#include "base/base.h"
#include "serve/sockets.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59	/* Linux 4.13 */
#endif

static void
nothing(struct mc_socket *s)
{
	memset(s, 0, sizeof(*s));
	s->fd = s->dir = -1;
}

static int
trouble(struct mc_socket *s, struct mc_err *err, const char *what)
{
	int sys = errno;

	(void)mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, sys,
	    "cannot listen on %s: %s", s->text, what);
	/* what another one made stays */
	s->made = false;
	mc_socket_close(s);
	return -1;
}

static int
set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ? -1 : 0;
}

static int
make(int family)
{
	int fd = mc_file_lift(socket(family, SOCK_STREAM, 0));

	if (fd >= 0 && set_flags(fd) != 0)
		mc_file_close(&fd);
	return fd;
}

/*
 * What is left of a service that was killed goes by itself, a moment later
 * than the process that its supervisor waited for: 1.3 s in all, in 7 parts.
 */
static bool
wait_for_the_last(unsigned *times)
{
	if (*times == 7)
		return false;
	(void)nanosleep(&(struct timespec){
	    .tv_nsec = 10000000L << (*times)++ }, NULL);
	return true;
}

/* ------------------------------------------------------------------- paths */

/* cut a path in two; the directory is "." or "/" where nothing is left of it */
static bool
split(const char *path, char *dir, size_t size, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == NULL || slash[1] == '\0' || n + 2 > size)
		return false;
	memcpy(dir, path, n);
	dir[n] = '\0';
	if (n == 0)
		memcpy(dir, "/", 2);
	*ret_name = slash + 1;
	return true;
}

static int
open_dir(struct mc_socket *s, const char *dir, struct mc_err *err)
{
	unsigned times = 0;
	struct stat st;
	int sys;

	/* a service that is started by hand has nobody who makes it */
	if (mkdir(dir, 0755) == 0)
		(void)chmod(dir, 0755);
	s->dir = mc_file_lift(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (s->dir < 0 || fstat(s->dir, &st) != 0)
		return mc_err_sys(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, errno,
		    "socket: the directory of %s is not there", s->text);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & 022) != 0)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "socket: others may write in the directory of %s, and "
		    "could put a socket of their own there: take one that "
		    "belongs to the service or root, mode 0755", s->text);
	do {
		if (flock(s->dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		sys = errno;
	} while (sys == EWOULDBLOCK && wait_for_the_last(&times));
	return mc_err_sys(err, MC_E_QUEUE_BUSY, MC_STAGE_LOCAL, sys,
	    "another service is at work on %s", s->text);
}

/* is there somebody behind it?  (One that systemd has made knows no lock.) */
static bool
is_alive(const struct sockaddr_un *addr)
{
	int fd = make(AF_UNIX);
	bool yes;

	if (fd < 0)
		return true;
	yes = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
	    errno == EAGAIN || errno == EACCES;
	mc_file_close(&fd);
	return yes;
}

static int
make_room(struct mc_socket *s, const struct sockaddr_un *addr,
    struct mc_err *err)
{
	unsigned times = 0;
	struct stat st;

	if (fstatat(s->dir, s->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "socket: %s is there, and is no socket", s->text);
	while (is_alive(addr))
		if (!wait_for_the_last(&times))
			return mc_err_set(err, MC_E_QUEUE_BUSY, MC_STAGE_LOCAL,
			    "another service listens on %s", s->text);
	if (unlinkat(s->dir, s->name, 0) == 0 || errno == ENOENT)
		return 0;
	return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
	    "cannot remove the old socket %s", s->text);
}

int
mc_socket_unix(const char *path, mode_t mode, gid_t gid,
    struct mc_socket *ret_socket, struct mc_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char dir[sizeof(addr.sun_path)];
	const char *name;
	struct mc_socket s;

	nothing(&s);
	snprintf(s.text, sizeof(s.text), "%s", path);
	if (strlen(path) >= sizeof(addr.sun_path) ||
	    !split(path, dir, sizeof(dir), &name))
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "socket: a path of at most %zu bytes",
		    sizeof(addr.sun_path) - 1);
	snprintf(s.name, sizeof(s.name), "%s", name);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (open_dir(&s, dir, err) != 0 || make_room(&s, &addr, err) != 0) {
		mc_socket_close(&s);
		return -1;
	}
	s.fd = make(AF_UNIX);
	if (s.fd < 0)
		return trouble(&s, err, "no socket");
	if (bind(s.fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return trouble(&s, err, "bind");
	s.made = true;
	/* nobody else may rename things in there */
	if ((gid != (gid_t)-1 && fchownat(s.dir, s.name, (uid_t)-1, gid,
	    AT_SYMLINK_NOFOLLOW) != 0) ||
	    fchmodat(s.dir, s.name, mode, 0) != 0 ||
	    listen(s.fd, SOMAXCONN) != 0) {
		(void)unlinkat(s.dir, s.name, 0);
		return trouble(&s, err, "cannot give it its group and mode");
	}
	*ret_socket = s;
	return 0;
}

/* --------------------------------------------------------------- addresses */

static const struct sockaddr_in *
as_in(const struct sockaddr *addr)
{
	return (const struct sockaddr_in *)(const void *)addr;
}

static const struct sockaddr_in6 *
as_in6(const struct sockaddr *addr)
{
	return (const struct sockaddr_in6 *)(const void *)addr;
}

bool
mc_socket_is_loopback(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET)
		return ntohl(as_in(addr)->sin_addr.s_addr) >> 24 == 127;
	return addr->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&as_in6(addr)->sin6_addr);
}

static void
show_host(const struct sockaddr *addr, char *out, size_t size)
{
	const void *bytes = addr->sa_family == AF_INET ?
	    (const void *)&as_in(addr)->sin_addr :
	    (const void *)&as_in6(addr)->sin6_addr;

	if (inet_ntop(addr->sa_family, bytes, out, (socklen_t)size) == NULL)
		snprintf(out, size, "?");
}

static void
show(const struct sockaddr *addr, char *out, size_t size)
{
	bool six = addr->sa_family == AF_INET6;
	char host[INET6_ADDRSTRLEN];

	show_host(addr, host, sizeof(host));
	snprintf(out, size, six ? "[%s]:%u" : "%s:%u", host,
	    (unsigned)ntohs(six ? as_in6(addr)->sin6_port :
	    as_in(addr)->sin_port));
}

static int
refuse_far(const struct mc_socket *s, struct mc_err *err)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
	    "listen: %s is no loopback address, and this is no server for "
	    "other machines", s->text);
}

int
mc_socket_tcp(const struct sockaddr *addr, socklen_t len,
    struct mc_socket *ret_socket, struct mc_err *err)
{
	struct mc_socket s;
	unsigned times = 0;
	int on = 1;

	nothing(&s);
	s.is_tcp = true;
	show(addr, s.text, sizeof(s.text));
	if (!mc_socket_is_loopback(addr))
		return refuse_far(&s, err);
	s.fd = make(addr->sa_family);
	if (s.fd < 0)
		return trouble(&s, err, "no socket");
	(void)setsockopt(s.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (addr->sa_family == AF_INET6)
		(void)setsockopt(s.fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
		    sizeof(on));
	while (bind(s.fd, addr, len) != 0)
		if (errno != EADDRINUSE || !wait_for_the_last(&times))
			return trouble(&s, err, "bind");
	if (listen(s.fd, SOMAXCONN) != 0)
		return trouble(&s, err, "listen");
	*ret_socket = s;
	return 0;
}

/* --------------------------------------------------------- made by somebody */

static bool
listens(int fd)
{
	int on = 0, type = 0;
	socklen_t n = sizeof(on), m = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 &&
	    on != 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) == 0 &&
	    type == SOCK_STREAM;
}

int
mc_socket_take(int fd, struct mc_socket *ret_socket, struct mc_err *err)
{
	struct sockaddr_storage addr;
	struct sockaddr *a = (struct sockaddr *)(void *)&addr;
	struct sockaddr_un local;
	socklen_t len = sizeof(addr);
	struct mc_socket s;

	nothing(&s);
	memset(&addr, 0, sizeof(addr));
	if (getsockname(fd, a, &len) != 0 || !listens(fd) ||
	    (a->sa_family != AF_UNIX && a->sa_family != AF_INET &&
	    a->sa_family != AF_INET6))
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_LOCAL,
		    "descriptor %d, which was handed over, is no socket that "
		    "listens on a path or a loopback address", fd);
	s.is_tcp = a->sa_family != AF_UNIX;
	if (s.is_tcp) {
		show(a, s.text, sizeof(s.text));
	} else {
		memset(&local, 0, sizeof(local));
		memcpy(&local, &addr, len < sizeof(local) ? len :
		    sizeof(local));
		snprintf(s.text, sizeof(s.text), "%.*s",
		    (int)sizeof(local.sun_path), local.sun_path[0] == '\0' ?
		    "(a socket without a path)" : local.sun_path);
	}
	if (s.is_tcp && !mc_socket_is_loopback(a))
		return refuse_far(&s, err);
	s.fd = fd;
	if (set_flags(fd) != 0) {
		s.fd = -1;
		return trouble(&s, err, "its flags");
	}
	*ret_socket = s;
	return 0;
}

void
mc_socket_close(struct mc_socket *s)
{
	if (s->made && s->dir >= 0)
		(void)unlinkat(s->dir, s->name, 0);
	s->made = false;
	mc_file_close(&s->fd);
	mc_file_close(&s->dir);
}

/* -------------------------------------------------------------------- peers */

bool
mc_socket_peer_is_loopback(int fd)
{
	struct sockaddr_storage addr;
	struct sockaddr *a = (struct sockaddr *)(void *)&addr;
	socklen_t len = sizeof(addr);

	memset(&addr, 0, sizeof(addr));
	return getpeername(fd, a, &len) == 0 && mc_socket_is_loopback(a);
}

void
mc_socket_turn_away(int fd)
{
	static const char text[] =
	    "421 4.7.0 Not for you, or not now\r\n";
	ssize_t n = send(fd, text, sizeof(text) - 1,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)n;
}

void
mc_socket_peer_text(int fd, char *ret_text, size_t size)
{
	struct sockaddr_storage addr;
	struct sockaddr *a = (struct sockaddr *)(void *)&addr;
	socklen_t len = sizeof(addr);

	memset(&addr, 0, sizeof(addr));
	if (getpeername(fd, a, &len) == 0 && (a->sa_family == AF_INET ||
	    a->sa_family == AF_INET6))
		show_host(a, ret_text, size);
	else
		snprintf(ret_text, size, "unix");
}

int
mc_socket_peer(int fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid)
{
#ifdef SO_PEERCRED
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return -1;
	*ret_uid = who.uid;
	*ret_gid = who.gid;
	*ret_pid = who.pid;
	return 0;
#else
	*ret_pid = 0;
	return getpeereid(fd, ret_uid, ret_gid);
#endif
}

size_t
mc_socket_peer_groups(int fd, gid_t *ret_groups, size_t most)
{
#ifdef __linux__
	socklen_t len = (socklen_t)(most * sizeof(*ret_groups));

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret_groups, &len) == 0)
		return len / sizeof(*ret_groups);
#else
	(void)fd;
	(void)ret_groups;
	(void)most;
#endif
	return 0;
}
