/* SPDX-License-Identifier: MIT */
/*
 * listener.c - takes connections, starts a session for each, keeps the books
 */
#include "base/base.h"
#include "serve/listener_internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

/* connections taken between two looks at the sessions that are there */
#define AT_ONCE 16
#define SEND_MS 5000
/* sessions that do not end when they are told to are left to their fate */
#define LAST_MS 20000
#define REAP_MS 100
/* no descriptors left: how long nobody is taken */
#define REST_MS 200

/* ----------------------------------------------------------------- sessions */

static void
forget(struct mc_lstate *l, size_t i)
{
	struct mc_lsession *s =
	    *(struct mc_lsession **)mc_vec_at(&l->sessions, i);
	struct mc_child *to = mc_vec_add(&l->leaving);

	if (s->joined)
		mc_limits_leave(l->limits, s->whose);
	mc_limits_close(l->limits, s->counted);
	mc_file_close(&s->fd);
	mc_file_close(&s->tls);
	mc_file_close(&s->child.sock);
	if (to != NULL)
		*to = s->child;
	else
		mc_child_end(&s->child, 0);
	mc_mem_free(s);
	mc_vec_remove(&l->sessions, i);
}

static void
reap(struct mc_lstate *l)
{
	for (size_t i = 0; i < l->leaving.n;) {
		struct mc_child *c = mc_vec_at(&l->leaving, i);

		if (!mc_child_reap(c)) {
			i++;
			continue;
		}
		/* nobody else would tell of it */
		if (c->killed != 0)
			mc_log_line(l->set->log, MC_LOG_ERROR, MC_STAGE_LOCAL,
			    "a session was killed by signal %d", c->killed);
		mc_vec_remove(&l->leaving, i);
	}
}

static void
answer(struct mc_lsession *s, const struct mc_ask_answer *a)
{
	/* one who does not read has no more than one question open, and gets
	 * no second answer */
	if (send(s->child.sock, a, sizeof(*a), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*a))
		mc_file_close(&s->child.sock);
}

/* both descriptors are there: whoever has the key does the rest */
static void
pass_tls(struct mc_lstate *l, struct mc_lsession *s)
{
	struct mc_ask_frame f = { .what = MC_ASK_TLS_CLIENT };
	struct mc_ask_frame g = { .what = MC_ASK_TLS_PLAIN };

	if (l->handed || s->tls < 0 || s->fd < 0 ||
	    mc_child_send(l->set->parent, &f, sizeof(f), s->tls,
	    SEND_MS) != 0 ||
	    mc_child_send(l->set->parent, &g, sizeof(g), s->fd, SEND_MS) != 0)
		mc_log_line(l->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "cannot begin TLS for %s", s->hello.source);
	mc_file_close(&s->tls);
	mc_file_close(&s->fd);
}

/* who comes by TCP is somebody from now on */
static enum mc_refusal
log_in(struct mc_lstate *l, struct mc_lsession *s, uint64_t uid)
{
	struct mc_whose user = mc_whose_user((uid_t)uid);
	enum mc_refusal why = mc_limits_join(l->limits, user, mc_clock_ms());

	if (why != MC_REFUSED_NOT)
		return why;
	if (s->joined)
		mc_limits_leave(l->limits, s->whose);
	s->joined = true;
	s->whose = user;
	return why;
}

/* mail that nobody has logged in for is the service's own */
static uid_t
user_of(const struct mc_lstate *l, const struct mc_lsession *s)
{
	return s->whose.kind == MC_WHOSE_USER ? (uid_t)s->whose.id :
	    l->set->own_uid;
}

static void
ask_limits(struct mc_lstate *l, struct mc_lsession *s, struct mc_ask_answer *a)
{
	const struct mc_ask_frame *f = &s->frame;
	enum mc_refusal why = MC_REFUSED_OTHER;
	int64_t now = mc_clock_ms();

	switch (f->what) {
	case MC_ASK_LOGIN:
		/* who comes by the path is known */
		if (s->counted.kind == MC_WHOSE_SOURCE)
			why = log_in(l, s, f->n);
		break;
	case MC_ASK_MESSAGE:
		why = mc_limits_message(l->limits, s->whose, now, &a->wait);
		break;
	case MC_ASK_RCPT:
		why = mc_limits_recipients(l->limits, s->whose, 1, now,
		    &a->wait);
		break;
	case MC_ASK_SHARE:
		why = mc_limits_share(l->limits, user_of(l, s), f->n);
		/* much of it may have left since it was counted */
		l->count_due |= why != MC_REFUSED_NOT;
		break;
	default:
		why = mc_limits_busy(l->limits) ? MC_REFUSED_NOT :
		    MC_REFUSED_OTHER;
		break;
	}
	a->yes = why == MC_REFUSED_NOT;
	a->reason = (uint32_t)why;
}

static void
handle(struct mc_lstate *l, struct mc_lsession *s)
{
	struct mc_ask_frame *f = &s->frame;
	struct mc_ask_answer a;

	f->text[sizeof(f->text) - 1] = '\0';
	switch (f->what) {
	case MC_ASK_LOGIN:
	case MC_ASK_MESSAGE:
	case MC_ASK_RCPT:
	case MC_ASK_SHARE:
	case MC_ASK_BUSY:
		memset(&a, 0, sizeof(a));
		ask_limits(l, s, &a);
		answer(s, &a);
		break;
	case MC_ASK_TAKEN:
		mc_limits_committed(l->limits, user_of(l, s), f->n,
		    mc_clock_ms());
		l->count_due = true;
		break;
	case MC_ASK_REFUSED:
		if (f->reason != MC_REFUSED_NOT &&
		    f->reason < MC_REFUSED__COUNT)
			mc_listener_refuse(l, s,
			    (enum mc_refusal)f->reason, f->text);
		break;
	case MC_ASK_ERRORS:
		mc_limits_errors(l->limits, s->whose, f->n > UINT32_MAX ?
		    UINT32_MAX : (uint32_t)f->n, mc_clock_ms());
		break;
	case MC_ASK_TLS_CLIENT:
		mc_file_close(&s->tls);
		s->tls = s->fd;
		s->fd = -1;
		break;
	case MC_ASK_TLS_PLAIN:
		pass_tls(l, s);
		break;
	default:
		/* it is not what we have started */
		mc_file_close(&s->child.sock);
		break;
	}
}

/* false: it has ended */
static bool
read_session(struct mc_lstate *l, struct mc_lsession *s)
{
	char *at = (char *)&s->frame;

	for (;;) {
		ssize_t n = mc_child_recv_some(s->child.sock, at + s->have,
		    sizeof(s->frame) - s->have, &s->fd);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n <= 0)
			return false;
		s->have += (size_t)n;
		if (s->have < sizeof(s->frame))
			continue;
		s->have = 0;
		handle(l, s);
		if (s->child.sock < 0)
			return false;
	}
}

/* ------------------------------------------------------------- new sessions */

/* who is it, and may there be one more of him? */
static enum mc_refusal
look_at(struct mc_lstate *l, int fd, const struct mc_socket *socket,
    struct mc_lsession *s)
{
	gid_t gid = 0;
	uid_t uid = 0;

	s->hello.is_tcp = socket->is_tcp;
	mc_socket_peer_text(fd, s->hello.source, sizeof(s->hello.source));
	s->whose = s->counted = mc_whose_source(strchr(s->hello.source,
	    ':') != NULL);
	if (socket->is_tcp) {
		if (!mc_socket_peer_is_loopback(fd))
			return MC_REFUSED_PEER;
	} else {
		if (mc_socket_peer(fd, &uid, &gid, &s->pid) != 0)
			return MC_REFUSED_PEER;
		s->whose = s->counted = mc_whose_user(uid);
		s->hello.has_uid = true;
		s->hello.uid = uid;
		s->hello.gid = gid;
	}
	return mc_limits_open(l->limits, s->counted, mc_clock_ms(),
	    &s->hello.delay_ms);
}

static bool
start(struct mc_lstate *l, struct mc_lsession *s, int fd)
{
	struct mc_lsession **at = mc_vec_add(&l->sessions);
	struct mc_err err = { 0 };

	if (at == NULL)
		return false;
	*at = s;
	if (mc_child_start(l->set->session, l->set->ctx, &s->child,
	    &err) != 0) {
		mc_log_line(l->set->log, MC_LOG_ERROR, err.stage, "%s",
		    err.text);
		mc_vec_remove(&l->sessions, l->sessions.n - 1);
		return false;
	}
	/* one that does not even hear this is gone in the next round */
	if (mc_child_send(s->child.sock, &s->hello, sizeof(s->hello), fd,
	    SEND_MS) != 0 ||
	    mc_child_send(s->child.sock, "", 1, l->stop[0], SEND_MS) != 0)
		(void)shutdown(s->child.sock, SHUT_RDWR);
	return true;
}

static void
take(struct mc_lstate *l, int fd, const struct mc_socket *socket)
{
	struct mc_lsession *s = mc_mem_zalloc(1, sizeof(*s));
	enum mc_refusal why;

	if (s == NULL)
		return;
	s->fd = s->tls = s->child.sock = -1;
	why = look_at(l, fd, socket, s);
	if (why != MC_REFUSED_NOT) {
		mc_socket_turn_away(fd);
		mc_listener_refuse(l, s, why, "");
	} else if (start(l, s, fd)) {
		return;
	} else {
		mc_socket_turn_away(fd);
		mc_limits_close(l->limits, s->counted);
	}
	mc_mem_free(s);
}

static void
accept_some(struct mc_lstate *l, const struct mc_socket *socket)
{
	for (int i = 0; i < AT_ONCE; i++) {
		int fd = accept(socket->fd, NULL, NULL);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			l->rest_until = mc_clock_after(REST_MS);
		if (fd < 0)
			return;
		fd = mc_file_lift(fd);
		if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
			mc_file_close(&fd);
			return;
		}
		take(l, fd, socket);
		mc_file_close(&fd);
	}
}

/* --------------------------------------------------------------- the parent */

static void
stop_accepting(struct mc_lstate *l)
{
	for (size_t i = 0; l->accepting && i < l->set->n_sockets; i++)
		mc_file_close(&l->set->sockets[i].fd);
	l->accepting = false;
}

static void
end_sessions(struct mc_lstate *l)
{
	stop_accepting(l);
	mc_file_close(&l->stop[1]);
	l->parent_gone = true;
	if (l->until == MC_NEVER)
		l->until = mc_clock_after(LAST_MS);
}

static void
hand_over(struct mc_lstate *l)
{
	struct mc_ask_frame f = { .what = MC_LISTENER_BOOKS };
	struct mc_err err = { 0 };
	struct mc_buf out;

	stop_accepting(l);
	mc_buf_init(&out, MC_LIMITS_SAVED);
	if (mc_limits_save(l->limits, mc_clock_ms(), &out, &err) != 0)
		mc_buf_clear(&out);
	f.n = out.len;
	if (mc_child_send(l->set->parent, &f, sizeof(f), -1, SEND_MS) != 0 ||
	    mc_child_send(l->set->parent, out.ptr, out.len, -1, SEND_MS) != 0)
		mc_log_line(l->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "limits begin anew after the reload");
	l->handed = true;
	mc_buf_clear(&out);
}

static void
read_parent(struct mc_lstate *l)
{
	char c;
	int fd = -1;
	ssize_t n = mc_child_recv_some(l->set->parent, &c, 1, &fd);

	mc_file_close(&fd);
	if (n == 1 && c == 'H')
		hand_over(l);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
		end_sessions(l);
}

/* ------------------------------------------------------------------ the loop */

static int64_t
wake_time(const struct mc_lstate *l)
{
	int64_t wake = mc_clock_sooner(l->until, l->tally_at);

	wake = mc_clock_sooner(wake, mc_damper_next(l->damper));
	if (l->leaving.n != 0 || l->count.pid != 0)
		wake = mc_clock_sooner(wake, mc_clock_after(REAP_MS));
	if (mc_clock_left(l->rest_until) != 0)
		wake = mc_clock_sooner(wake, l->rest_until);
	if (l->accepting && l->count.pid == 0 && l->count_due)
		wake = mc_clock_sooner(wake, l->count_at);
	return wake;
}

static size_t
fill_poll(const struct mc_lstate *l, struct pollfd *p)
{
	bool rests = mc_clock_left(l->rest_until) != 0;
	size_t n = 0;

	p[n++] = (struct pollfd){ .fd = l->parent_gone ? -1 : l->set->parent,
	    .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = l->count.pid == 0 ? -1 :
	    l->count.sock, .events = POLLIN };
	for (size_t i = 0; i < l->set->n_sockets; i++)
		p[n++] = (struct pollfd){ .fd = rests ? -1 :
		    l->set->sockets[i].fd, .events = POLLIN };
	for (size_t i = 0; i < l->sessions.n; i++) {
		const struct mc_lsession *s =
		    *(struct mc_lsession **)mc_vec_at(&l->sessions, i);

		p[n++] = (struct pollfd){ .fd = s->child.sock,
		    .events = POLLIN };
	}
	return n;
}

/* what poll has told; sessions first, since they free places */
static void
look(struct mc_lstate *l, const struct pollfd *p, size_t n)
{
	size_t first = 2 + l->set->n_sockets;

	for (size_t i = n; i-- > first;) {
		struct mc_lsession *s =
		    *(struct mc_lsession **)mc_vec_at(&l->sessions, i - first);

		if (p[i].revents != 0 && !read_session(l, s))
			forget(l, i - first);
	}
	if (p[1].revents != 0)
		mc_listener_count_read(l);
	for (size_t i = 0; i < l->set->n_sockets; i++)
		if (p[2 + i].revents != 0 && l->accepting)
			accept_some(l, &l->set->sockets[i]);
	if (p[0].revents != 0)
		read_parent(l);
}

static bool
is_over(const struct mc_lstate *l)
{
	return !l->accepting && (l->sessions.n == 0 ||
	    mc_clock_left(l->until) == 0);
}

static int
loop(struct mc_lstate *l, struct mc_err *err)
{
	while (!is_over(l)) {
		size_t most = 2 + l->set->n_sockets + l->sessions.n;
		struct pollfd *p = mc_mem_zalloc(most, sizeof(*p));
		int rc = 0;
		size_t n;

		if (p == NULL)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
		n = fill_poll(l, p);
		if (poll(p, (nfds_t)n, mc_clock_left(wake_time(l))) >= 0)
			look(l, p, n);
		else if (errno != EINTR && errno != EAGAIN)
			rc = mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot wait for connections");
		mc_mem_free(p);
		if (rc != 0)
			return -1;
		reap(l);
		if (mc_clock_left(l->tally_at) == 0)
			mc_listener_tell_tally(l);
		mc_listener_tell_damped(l, mc_clock_ms());
		if (l->accepting)
			mc_listener_count_start(l);
	}
	return 0;
}

static int
set_up(struct mc_lstate *l, struct mc_err *err)
{
	struct mc_err why = { 0 };

	mc_vec_init(&l->sessions, sizeof(struct mc_lsession *), 65536);
	mc_vec_init(&l->leaving, sizeof(struct mc_child), 65536);
	mc_buf_init(&l->counted, 64 * 1024 * 1024);
	l->limits = mc_limits_new(&l->set->set->limits, err);
	l->damper = mc_damper_new(err);
	if (l->limits == NULL || l->damper == NULL)
		return -1;
	if (l->set->books.len != 0 && mc_limits_load(l->limits,
	    l->set->books, mc_clock_ms(), &why) != 0)
		mc_log_line(l->set->log, MC_LOG_WARN, why.stage,
		    "limits begin anew: %s", why.text);
	if (pipe(l->stop) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot make a pipe");
	for (int i = 0; i < 2; i++) {
		l->stop[i] = mc_file_lift(l->stop[i]);
		if (l->stop[i] < 0)
			return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot make a pipe");
	}
	return 0;
}

int
mc_listener_run(const struct mc_listener *listener, struct mc_err *err)
{
	struct mc_lstate l = { .set = listener, .accepting = true,
	    /* what is there already counts from the start */
	    .count_due = true, .count_at = mc_clock_ms(),
	    .until = MC_NEVER, .tally_at = MC_NEVER, .stop = { -1, -1 },
	    .count.sock = -1 };
	int rc = set_up(&l, err);

	if (rc == 0)
		rc = loop(&l, err);
	while (l.sessions.n != 0)
		forget(&l, 0);
	stop_accepting(&l);
	mc_listener_tell_tally(&l);
	if (l.damper != NULL)
		mc_listener_tell_damped(&l, MC_NEVER);
	for (size_t i = 0; i < l.leaving.n; i++)
		mc_child_end(mc_vec_at(&l.leaving, i), 100);
	if (l.count.pid != 0)
		mc_child_end(&l.count, 0);
	mc_file_close(&l.stop[0]);
	mc_file_close(&l.stop[1]);
	mc_vec_clear(&l.sessions);
	mc_vec_clear(&l.leaving);
	mc_buf_clear(&l.counted);
	mc_limits_free(l.limits);
	mc_damper_free(l.damper);
	return rc;
}
