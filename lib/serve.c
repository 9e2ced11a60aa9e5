/* SPDX-License-Identifier: MIT */
/*
 * serve.c - the service: the process that starts the others, and has the secrets
 *
 * Nobody else's bytes reach it but fixed frames of its own children.  The
 * listener and its sessions (serve_session.c) have the spool and no secret, the
 * runner has the spool and neither secrets nor a way out; what talks to servers
 * is a worker, with one account's secrets and one message at a time.
 */
#include "base/base.h"
#include "serve_internal.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "net/tls_serve.h"
#include "queue/counters.h"
#include "queue/spawn.h"
#include "queue/usage.h"
#include "queue_internal.h"
#include "serve/ask.h"
#include "serve/listener.h"
#include "serve/roles.h"
#include "serve/sockets.h"
#include "transport/module.h"
#include "serve/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SEND_MS 5000
/* a part that ends is started again after so long, each time twice as long */
#define AGAIN_MIN_MS 100
#define AGAIN_MAX_MS 10000
/* one that has lived so long begins with the shortest again */
#define WELL_MS 30000
#define REAP_MS 200
/* the books come at once, or the listener hangs */
#define BOOKS_MS 2000
/* sessions get theirs before (listener.c), then what is on its way */
#define STOP_MS 25000
#define LAST_MS 8000
#define MC_SERVE_SOCKETS (MC_LISTEN_MOST + 16)

/* one of the two that are always there */
struct part {
	struct mc_child child;
	int64_t since;
	int64_t again;		/* not before */
	int64_t wait;
};

struct sup {
	struct mc_service v;	/* what the children get */
	struct mc_socket sockets[MC_SERVE_SOCKETS];
	size_t n_sockets;
	struct part listener;
	struct part runner;
	int spawn;		/* frames of the runner; -1 */
	struct mc_spawn_parent *workers;	/* of that runner */
	struct mc_vec ended;	/* struct mc_spawn_parent *, of those before */
	struct mc_vec old;	/* struct mc_child: listeners that end */
	struct mc_vec others;	/* struct mc_child: workers, TLS */
	/* of the listener */
	struct mc_ask_frame frame;
	size_t have;
	int came;		/* a descriptor */
	int tls;		/* client's, until the other is there */
	char *books;
	bool stopping;
};

static int
give_sockets(const struct sup *s, int sock)
{
	for (size_t i = 0; i < s->n_sockets; i++) {
		struct mc_serve_handed h = { .is_tcp = s->sockets[i].is_tcp,
		    .last = i + 1 == s->n_sockets };

		memcpy(h.text, s->sockets[i].text, sizeof(h.text));
		if (mc_child_send(sock, &h, sizeof(h), s->sockets[i].fd,
		    SEND_MS) != 0)
			return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- their lives */

/* when it may be started (again) */
static void
note_start(struct part *p)
{
	p->since = mc_clock_ms();
}

static void
note_end(struct part *p)
{
	if (p->wait == 0 || mc_clock_ms() - p->since > WELL_MS)
		p->wait = AGAIN_MIN_MS;
	else if (p->wait < AGAIN_MAX_MS)
		p->wait *= 2;
	p->again = mc_clock_after(p->wait);
}

static void
start_listener(struct sup *s)
{
	struct mc_child *child = &s->listener.child;
	struct mc_err err = { 0 };

	s->have = 0;
	note_start(&s->listener);
	if (mc_child_start(mc_serve_listener, &s->v, child, &err) != 0) {
		mc_serve_log_err(&s->v, &err);
		note_end(&s->listener);
		return;
	}
	if (give_sockets(s, child->sock) != 0)
		mc_file_close(&child->sock);
}

/* those who work for a runner that is gone have a while to finish */
static void
let_workers_go(struct sup *s)
{
	struct mc_spawn_parent **to;

	mc_file_close(&s->spawn);
	if (s->workers == NULL)
		return;
	mc_spawn_end(s->workers, LAST_MS);
	to = mc_vec_add(&s->ended);
	if (to != NULL) {
		*to = s->workers;
	} else {
		mc_spawn_parent_clear(s->workers);
		mc_mem_free(s->workers);
	}
	s->workers = NULL;
}

static int
prepare_workers(struct sup *s, int fds[2], struct mc_err *err)
{
	s->workers = mc_mem_zalloc(1, sizeof(*s->workers));
	if (s->workers == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_spawn_parent_init(s->workers);
	s->workers->config = s->v.config;
	s->workers->caller = s->v.caller;
	s->workers->log = &s->v.log;
	s->workers->dir = s->v.spool.ptr;
	return mc_spawn_channel(fds, err);
}

static void
start_runner(struct sup *s)
{
	struct mc_child *child = &s->runner.child;
	struct mc_err err = { 0 };
	int fds[2] = { -1, -1 };

	note_start(&s->runner);
	if (prepare_workers(s, fds, &err) != 0 ||
	    mc_child_start(mc_serve_runner, &s->v, child, &err) != 0) {
		mc_serve_log_err(&s->v, &err);
		mc_file_close(&fds[0]);
		mc_file_close(&fds[1]);
		let_workers_go(s);
		note_end(&s->runner);
		return;
	}
	s->spawn = fds[0];
	if (mc_child_send(child->sock, "", 1, fds[1], SEND_MS) != 0)
		mc_file_close(&child->sock);
	mc_file_close(&fds[1]);
}

static void
keep_running(struct sup *s)
{
	if (s->stopping)
		return;
	if (s->listener.child.pid == 0 &&
	    mc_clock_left(s->listener.again) == 0)
		start_listener(s);
	if (s->runner.child.pid == 0 && mc_clock_left(s->runner.again) == 0)
		start_runner(s);
}

/* a part whose channel has ended is about to */
static void
see_off(struct sup *s, struct part *p, const char *what)
{
	if (p->child.pid == 0 || !mc_child_reap(&p->child))
		return;
	mc_file_close(&p->child.sock);
	note_end(p);
	if (!s->stopping)
		mc_log_line(&s->v.log, MC_LOG_ERROR, MC_STAGE_LOCAL,
		    "the %s has ended, and is started again", what);
}

static void
tell_gone(struct sup *s, pid_t pid)
{
	if (s->workers != NULL && mc_spawn_gone(s->workers, pid))
		return;
	for (size_t i = 0; i < s->ended.n; i++)
		if (mc_spawn_gone(*(struct mc_spawn_parent **)mc_vec_at(
		    &s->ended, i), pid))
			return;
}

static void
reap_all(struct sup *s, struct mc_vec *list)
{
	for (size_t i = 0; i < list->n;) {
		struct mc_child *c = mc_vec_at(list, i);
		pid_t pid = c->pid;

		if (!mc_child_reap(c)) {
			i++;
			continue;
		}
		tell_gone(s, pid);
		mc_file_close(&c->sock);
		mc_vec_remove(list, i);
	}
}

/* of runners that are gone, and of the one that is there; see spawn.h */
static void
check_workers(struct sup *s, int64_t *ret_wake)
{
	if (s->workers != NULL)
		(void)mc_spawn_check(s->workers, ret_wake);
	for (size_t i = 0; i < s->ended.n;) {
		struct mc_spawn_parent *p =
		    *(struct mc_spawn_parent **)mc_vec_at(&s->ended, i);

		if (mc_spawn_check(p, ret_wake) != 0) {
			i++;
			continue;
		}
		mc_spawn_parent_clear(p);
		mc_mem_free(p);
		mc_vec_remove(&s->ended, i);
	}
}

static void
add_child(struct mc_vec *list, struct mc_child *child)
{
	struct mc_child *to = mc_vec_add(list);

	if (to != NULL)
		*to = *child;
	else
		mc_child_end(child, 0);
}

/* -------------------------------------------------------------------- frames */

static void
start_tls(struct sup *s)
{
	struct mc_child child;
	struct mc_err err = { 0 };

	if (mc_child_start(mc_serve_tls, &s->v, &child, &err) != 0) {
		mc_serve_log_err(&s->v, &err);
		return;
	}
	if (mc_child_send(child.sock, "", 1, s->tls, SEND_MS) != 0 ||
	    mc_child_send(child.sock, "", 1, s->came, SEND_MS) != 0)
		mc_serve_log_err(&s->v, &err);
	mc_file_close(&child.sock);
	add_child(&s->others, &child);
}

static void
handle(struct sup *s)
{
	if (s->frame.what == MC_ASK_TLS_CLIENT) {
		mc_file_close(&s->tls);
		s->tls = s->came;
		s->came = -1;
		return;
	}
	if (s->frame.what == MC_ASK_TLS_PLAIN && s->tls >= 0 && s->came >= 0)
		start_tls(s);
	mc_file_close(&s->tls);
	mc_file_close(&s->came);
}

/* false: it has ended */
static bool
read_frame(struct sup *s, bool *ret_whole)
{
	char *at = (char *)&s->frame;
	ssize_t n = mc_child_recv_some(s->listener.child.sock, at + s->have,
	    sizeof(s->frame) - s->have, &s->came);

	*ret_whole = false;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return true;
	if (n <= 0)
		return false;
	s->have += (size_t)n;
	*ret_whole = s->have == sizeof(s->frame);
	if (*ret_whole)
		s->have = 0;
	return true;
}

static void
read_listener(struct sup *s)
{
	bool whole;

	if (!read_frame(s, &whole))
		mc_file_close(&s->listener.child.sock);
	else if (whole)
		handle(s);
}

static void
read_runner(struct sup *s)
{
	struct mc_child child = { .pid = 0, .sock = -1 };
	struct mc_err err = { 0 };
	int rc = mc_spawn_take(s->spawn, s->workers, &child.pid, &err);

	if (rc == 1)
		add_child(&s->others, &child);
	else if (rc < 0)
		let_workers_go(s);
}

/* ------------------------------------------------------------------- reload */

/* exactly n bytes of the old listener, in time */
static bool
wait_bytes(int sock, char *to, size_t n, int64_t deadline)
{
	size_t have = 0;
	int fd = -1;

	while (have < n) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		ssize_t got;

		if (poll(&p, 1, mc_clock_left(deadline)) <= 0)
			return false;
		got = mc_child_recv_some(sock, to + have, n - have, &fd);
		mc_file_close(&fd);
		if (got <= 0)
			return false;
		have += (size_t)got;
	}
	return true;
}

/* what it knew of users goes to the one that follows */
static void
take_books(struct sup *s)
{
	int64_t deadline = mc_clock_after(BOOKS_MS);
	int sock = s->listener.child.sock;
	char *books = NULL;
	bool whole = false;

	mc_mem_free(s->books);
	s->books = NULL;
	s->v.books = MC_STR_NONE;
	if (sock < 0 || mc_child_send(sock, "H", 1, -1, SEND_MS) != 0)
		return;
	/* what it had said before still counts */
	while (!whole || s->frame.what != MC_LISTENER_BOOKS) {
		struct pollfd p = { .fd = sock, .events = POLLIN };

		if (whole)
			handle(s);
		if (poll(&p, 1, mc_clock_left(deadline)) <= 0 ||
		    !read_frame(s, &whole))
			return;
	}
	if (s->frame.n == 0 || s->frame.n > MC_LIMITS_SAVED)
		return;
	books = mc_mem_zalloc(1, (size_t)s->frame.n);
	if (books == NULL || !wait_bytes(sock, books, (size_t)s->frame.n,
	    deadline)) {
		mc_mem_free(books);
		return;
	}
	s->books = books;
	s->v.books = mc_str_make(books, (size_t)s->frame.n);
}

/* sockets stay what they are: who wants others starts the service anew */
static void
replace(struct sup *s, struct mc_service *fresh)
{
	struct mc_service old = s->v;

	take_books(s);
	/* its sessions go on with what it has; the end of the channel would end
	 * them */
	if (s->listener.child.pid != 0)
		add_child(&s->old, &s->listener.child);
	s->listener = (struct part){ .child = { .sock = -1 } };
	fresh->books = s->v.books;
	s->v = *fresh;
	mc_serve_clear(&old);
	mc_file_close(&s->runner.child.sock);
	let_workers_go(s);
	if (s->runner.child.pid != 0)
		add_child(&s->old, &s->runner.child);
	s->runner = (struct part){ .child = { .sock = -1 } };
}

static void
tell_state(const struct sup *s, enum mc_service_state state, const char *text)
{
	if (s->v.set->state != NULL)
		s->v.set->state(s->v.set->ctx, state, text);
}

static void
reload(struct sup *s)
{
	const struct mc_serve_options *set = s->v.set;
	struct mc_err err = { 0 };
	struct mc_service fresh;
	char bytes[64];

	while (read(set->reload_fd, bytes, sizeof(bytes)) > 0)
		;
	if (set->load == NULL)
		return;
	tell_state(s, MC_SERVICE_RELOADING, "reading the configuration");
	mc_serve_init(&fresh, s->v.caller, set);
	fresh.own_config = true;
	if (set->load(set->ctx, &fresh.config, &err) != 0)
		fresh.own_config = false;
	if (!fresh.own_config || mc_serve_settle(&fresh, &err) != 0) {
		mc_log_line(&s->v.log, MC_LOG_ERROR, err.stage,
		    "the configuration stays as it was: %s", err.text);
		mc_serve_clear(&fresh);
		tell_state(s, MC_SERVICE_KEPT,
		    "the new configuration has an error; the old one holds");
		return;
	}
	replace(s, &fresh);
	mc_log_line(&s->v.log, MC_LOG_INFO, MC_STAGE_LOCAL,
	    "the configuration was read anew");
	tell_state(s, MC_SERVICE_READY, "taking mail");
}

/* ----------------------------------------------------------------- the loop */

static int64_t
wake_time(struct sup *s)
{
	int64_t wake = MC_NEVER;

	if (s->old.n != 0 || s->others.n != 0 ||
	    (s->listener.child.pid != 0 && s->listener.child.sock < 0) ||
	    (s->runner.child.pid != 0 && s->spawn < 0))
		wake = mc_clock_after(REAP_MS);
	if (s->listener.child.pid == 0)
		wake = mc_clock_sooner(wake, s->listener.again);
	if (s->runner.child.pid == 0)
		wake = mc_clock_sooner(wake, s->runner.again);
	check_workers(s, &wake);
	return wake;
}

static void
reap(struct sup *s)
{
	if (s->listener.child.sock < 0)
		see_off(s, &s->listener, "listener");
	if (s->spawn < 0)
		see_off(s, &s->runner, "runner");
	reap_all(s, &s->old);
	reap_all(s, &s->others);
}

/* true: asked to end */
static bool
look(struct sup *s, const struct pollfd p[4])
{
	if (p[0].revents != 0)
		return true;
	if (p[2].revents != 0)
		read_listener(s);
	if (p[3].revents != 0)
		read_runner(s);
	if (p[1].revents != 0)
		reload(s);
	return false;
}

static int
loop(struct sup *s, struct mc_err *err)
{
	for (;;) {
		struct pollfd p[4];

		keep_running(s);
		p[0] = (struct pollfd){ .fd = s->v.set->cancel_fd,
		    .events = POLLIN };
		p[1] = (struct pollfd){ .fd = s->v.set->reload_fd,
		    .events = POLLIN };
		p[2] = (struct pollfd){ .fd = s->listener.child.sock,
		    .events = POLLIN };
		p[3] = (struct pollfd){ .fd = s->spawn, .events = POLLIN };
		if (poll(p, 4, mc_clock_left(wake_time(s))) < 0) {
			if (errno != EINTR && errno != EAGAIN)
				return mc_err_sys(err, MC_E_IO,
				    MC_STAGE_LOCAL, errno, "cannot wait");
		} else if (look(s, p)) {
			return 0;
		}
		reap(s);
	}
}

/* ------------------------------------------------------------------ the end */

static bool
is_quiet(struct sup *s, bool workers_too)
{
	reap_all(s, &s->old);
	reap_all(s, &s->others);
	(void)mc_child_reap(&s->listener.child);
	(void)mc_child_reap(&s->runner.child);
	return s->old.n == 0 && s->listener.child.pid == 0 &&
	    (!workers_too || (s->runner.child.pid == 0 && s->others.n == 0));
}

static void
wait_quiet(struct sup *s, bool workers_too, int64_t ms)
{
	int64_t deadline = mc_clock_after(ms);

	while (!is_quiet(s, workers_too) && mc_clock_left(deadline) != 0)
		(void)poll(NULL, 0, 10);
}

static void
end_list(struct mc_vec *list)
{
	for (size_t i = 0; i < list->n; i++)
		mc_child_end(mc_vec_at(list, i), 0);
	mc_vec_clear(list);
}

static void
end_workers(struct sup *s)
{
	for (size_t i = 0; i < s->ended.n; i++) {
		struct mc_spawn_parent *p =
		    *(struct mc_spawn_parent **)mc_vec_at(&s->ended, i);

		mc_spawn_parent_clear(p);
		mc_mem_free(p);
	}
	mc_vec_clear(&s->ended);
}

/* sessions first: what they still take may leave at once */
static void
stop(struct sup *s)
{
	s->stopping = true;
	for (size_t i = 0; i < s->n_sockets; i++)
		mc_socket_close(&s->sockets[i]);
	mc_file_close(&s->listener.child.sock);
	for (size_t i = 0; i < s->old.n; i++) {
		struct mc_child *c = mc_vec_at(&s->old, i);

		mc_file_close(&c->sock);
	}
	wait_quiet(s, false, STOP_MS);
	mc_file_close(&s->runner.child.sock);
	wait_quiet(s, true, LAST_MS);
	let_workers_go(s);
	mc_child_end(&s->listener.child, 0);
	mc_child_end(&s->runner.child, 0);
	end_list(&s->old);
	end_list(&s->others);
	end_workers(s);
	mc_file_close(&s->came);
	mc_file_close(&s->tls);
	mc_mem_free(s->books);
}

/* ---------------------------------------------------------------- the start */

static int
add_socket(struct sup *s, const struct mc_socket *socket)
{
	s->sockets[s->n_sockets++] = *socket;
	return 0;
}

static int
take_given(struct sup *s, struct mc_err *err)
{
	const struct mc_serve_options *set = s->v.set;
	struct mc_socket socket;

	if (set->n_sockets > MC_SERVE_SOCKETS)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "more than %d sockets were handed over", MC_SERVE_SOCKETS);
	for (size_t i = 0; i < set->n_sockets; i++)
		if (mc_socket_take(set->sockets[i], &socket, err) != 0 ||
		    add_socket(s, &socket) != 0)
			return -1;
	return 0;
}

static int
make_sockets(struct sup *s, struct mc_err *err)
{
	const struct mc_serve_settings *l = &s->v.limits;
	struct mc_socket socket;

	if (mc_socket_unix(l->socket, (mode_t)l->socket_mode,
	    l->has_group ? l->group : (gid_t)-1, &socket, err) != 0 ||
	    add_socket(s, &socket) != 0)
		return -1;
	for (size_t i = 0; i < l->n_listen && !s->v.set->no_tcp; i++)
		if (mc_socket_tcp((const struct sockaddr *)(const void *)&l->listen[i].ss,
		    l->listen[i].len, &socket, err) != 0 ||
		    add_socket(s, &socket) != 0)
			return -1;
	return 0;
}

static bool
has_tcp(const struct sup *s)
{
	for (size_t i = 0; i < s->n_sockets; i++)
		if (s->sockets[i].is_tcp)
			return true;
	return false;
}

/* a client that has only an address needs TLS for its log-in */
static int
prepare_tls(struct sup *s, struct mc_err *err)
{
	const struct mc_serve_settings *l = &s->v.limits;
	const struct mc_tls_serve_files files = { s->v.cert.ptr, l->tls_key };
	const struct mc_tls_serve_ops *ops;

	if (mc_tls_serve_find(&ops, err) != 0 || (l->tls_cert == NULL &&
	    ops->self_signed(s->v.cert.ptr, err) != 0))
		return -1;
	return ops->check(&files, err);
}

static int
prepare_tcp(struct sup *s, struct mc_err *err)
{
	struct mc_err why = { 0 };

	if (s->v.limits.trust_loopback)
		mc_log_line(&s->v.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "trust-loopback: whatever runs on this machine, a browser "
		    "or a container with its network too, may send mail by "
		    "any account without a password");
	if (prepare_tls(s, &why) == 0)
		return 0;
	/* nobody has to log in */
	if (s->v.limits.trust_loopback && why.code == MC_E_MODULE) {
		mc_buf_reset(&s->v.cert);
		return 0;
	}
	if (err != NULL)
		*err = why;
	return -1;
}

static int
start(struct sup *s, struct mc_err *err)
{
	struct mc_queue *queue = NULL;
	char text[200];

	if (mc_serve_settle(&s->v, err) != 0 || mc_queue_open(s->v.caller, s->v.config,
	    MC_QUEUE_CREATE, &queue, err) != 0)
		return -1;
	mc_queue_free(queue);
	if ((s->v.set->n_sockets != 0 ? take_given(s, err) :
	    make_sockets(s, err)) != 0 ||
	    (has_tcp(s) && prepare_tcp(s, err) != 0))
		return -1;
	start_listener(s);
	start_runner(s);
	(void)snprintf(text, sizeof(text), "taking mail at %s",
	    s->sockets[0].text);
	mc_log_line(&s->v.log, MC_LOG_INFO, MC_STAGE_LOCAL, "%s", text);
	tell_state(s, MC_SERVICE_READY, text);
	return 0;
}

int
mc_serve_run(const struct mc_caller *caller, struct mc_config *config,
    const struct mc_serve_options *options, struct mc_err *err)
{
	struct sup *s = mc_mem_zalloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_serve_init(&s->v, caller, options);
	s->v.config = config;
	s->came = s->tls = s->spawn = -1;
	s->listener.child.sock = s->runner.child.sock = -1;
	mc_vec_init(&s->old, sizeof(struct mc_child), 65536);
	mc_vec_init(&s->others, sizeof(struct mc_child), 65536);
	mc_vec_init(&s->ended, sizeof(struct mc_spawn_parent *), 65536);
	rc = start(s, err);
	if (rc == 0)
		rc = loop(s, err);
	if (rc == 0)
		tell_state(s, MC_SERVICE_STOPPING, "finishing");
	stop(s);
	mc_serve_clear(&s->v);
	mc_mem_free(s);
	return rc;
}
