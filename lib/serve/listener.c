/* SPDX-License-Identifier: MIT */
/*
 * listener.c - takes connections, starts a session for each, keeps the books
 */
#include "base/base.h"
#include "serve/listener.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "queue/usage.h"
#include "serve/ask.h"
#include "serve/damper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>

/* connections taken between two looks at the sessions that are there */
#define AT_ONCE 16
#define SEND_MS 5000
/* sessions that do not end when they are told to are left to their fate */
#define LAST_MS 20000
#define REAP_MS 100
#define TALLY_MS 1000
/* the queue is counted anew after so long, if it may have changed much */
#define COUNT_MS 10000
/* no descriptors left: how long nobody is taken */
#define REST_MS 200

struct session {
	struct mc_child child;
	struct mc_whose counted;	/* by whom it is counted, as long as it is there */
	struct mc_whose whose;	/* on whose account it goes: the same, or who
				 * has logged in */
	bool joined;		/* it is counted for both */
	struct mc_ask_hello hello;
	pid_t pid;		/* of the client */
	struct mc_ask_frame frame;	/* what has come of the next one */
	size_t have;
	int fd;			/* that came with it */
	int tls;		/* the client's, until the other one is there */
};

struct listener {
	const struct mc_listener *set;
	struct mc_limits *limits;
	struct mc_damper *damper;
	struct mc_vec sessions;	/* struct session * */
	struct mc_vec leaving;	/* struct mc_child */
	int stop[2];		/* its end tells sessions to end */
	bool accepting;
	bool parent_gone;
	int64_t rest_until;
	int64_t until;		/* ending; MC_NEVER: not yet */
	struct mc_child count;
	struct mc_buf counted;	/* what has come of it */
	bool count_due;		/* something has come since the last one */
	int64_t count_at;
	uint64_t refused[MC_REFUSED__COUNT];	/* not told yet */
	int64_t tally_at;	/* when they are; MC_NEVER: there are none */
};

/* ----------------------------------------------------------------- refusals */

static void
show_whose(const struct mc_whose *whose, char *out, size_t size)
{
	if (whose->kind == MC_WHOSE_USER)
		snprintf(out, size, "%lu", (unsigned long)whose->id);
	else
		snprintf(out, size, "-");
}

/* no blanks in what stands behind '=', so that a line can be cut at them */
static void
refuse(struct listener *l, const struct session *s, enum mc_refusal reason,
    const char *detail)
{
	char uid[24], pid[24] = "-";

	l->refused[reason]++;
	if (l->tally_at == MC_NEVER)
		l->tally_at = mc_clock_after(TALLY_MS);
	if (!mc_damper_allows(l->damper, s->whose, reason, mc_clock_ms()))
		return;
	show_whose(&s->whose, uid, sizeof(uid));
	if (s->pid != 0)
		snprintf(pid, sizeof(pid), "%ld", (long)s->pid);
	mc_log_line(l->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
	    "refused source=%s uid=%s pid=%s reason=%s%s%s count=1",
	    s->hello.source, uid, pid, mc_refusal_name(reason),
	    detail[0] == '\0' ? "" : " ", detail);
}

/* the lines that were held back, in one */
static void
tell_damped(struct listener *l, int64_t now)
{
	struct mc_damped d;
	char uid[24];

	while (mc_damper_due(l->damper, now, &d)) {
		show_whose(&d.whose, uid, sizeof(uid));
		mc_log_line(l->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "refused source=%s uid=%s pid=- reason=%s count=%" PRIu64,
		    d.others || d.whose.kind == MC_WHOSE_SOURCE ? "-" : "unix",
		    d.others ? "-" : uid, mc_refusal_name(d.reason), d.n);
	}
}

static void
tell_tally(struct listener *l)
{
	l->tally_at = MC_NEVER;
	for (size_t i = 0; i < MC_REFUSED__COUNT; i++) {
		if (l->refused[i] == 0)
			continue;
		if (l->set->refused(l->set->ctx, (enum mc_refusal)i,
		    l->refused[i]))
			l->refused[i] = 0;
		else
			l->tally_at = mc_clock_after(TALLY_MS);
	}
}

/* ----------------------------------------------------------------- sessions */

static void
forget(struct listener *l, size_t i)
{
	struct session *s = *(struct session **)mc_vec_at(&l->sessions, i);
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
reap(struct listener *l)
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
answer(struct session *s, const struct mc_ask_answer *a)
{
	/* one who does not read has no more than one question open, and gets
	 * no second answer */
	if (send(s->child.sock, a, sizeof(*a), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*a))
		mc_file_close(&s->child.sock);
}

/* both descriptors are there: whoever has the key does the rest */
static void
pass_tls(struct listener *l, struct session *s)
{
	struct mc_ask_frame f = { .what = MC_ASK_TLS_CLIENT };
	struct mc_ask_frame g = { .what = MC_ASK_TLS_PLAIN };

	if (s->tls < 0 || s->fd < 0 ||
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
log_in(struct listener *l, struct session *s, uint64_t uid)
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
user_of(const struct listener *l, const struct session *s)
{
	return s->whose.kind == MC_WHOSE_USER ? (uid_t)s->whose.id :
	    l->set->own_uid;
}

static void
ask_limits(struct listener *l, struct session *s, struct mc_ask_answer *a)
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
handle(struct listener *l, struct session *s)
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
			refuse(l, s, (enum mc_refusal)f->reason, f->text);
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
read_session(struct listener *l, struct session *s)
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

static void
turn_away(int fd)
{
	static const char text[] =
	    "421 4.7.0 Not for you, or not now\r\n";
	ssize_t n = send(fd, text, sizeof(text) - 1,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)n;
}

/* who is it, and may there be one more of him? */
static enum mc_refusal
look_at(struct listener *l, int fd, const struct mc_socket *socket,
    struct session *s)
{
	gid_t gid = 0;
	uid_t uid = 0;

	s->hello.is_tcp = socket->is_tcp;
	mc_socket_peer_text(fd, s->hello.source, sizeof(s->hello.source));
	if (socket->is_tcp) {
		s->counted = mc_whose_source(strchr(s->hello.source,
		    ':') != NULL);
	} else if (mc_socket_peer(fd, &uid, &gid, &s->pid) == 0) {
		s->counted = mc_whose_user(uid);
		s->hello.has_uid = true;
		s->hello.uid = uid;
		s->hello.gid = gid;
	} else {
		return MC_REFUSED_PEER;
	}
	s->whose = s->counted;
	return mc_limits_open(l->limits, s->counted, mc_clock_ms(),
	    &s->hello.delay_ms);
}

static bool
start(struct listener *l, struct session *s, int fd)
{
	struct session **at = mc_vec_add(&l->sessions);
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
	if (mc_child_send(s->child.sock, &s->hello, sizeof(s->hello), fd,
	    SEND_MS) == 0 &&
	    mc_child_send(s->child.sock, "", 1, l->stop[0], SEND_MS) == 0)
		return true;
	/* the end of its channel is seen in the next round */
	return true;
}

static void
take(struct listener *l, int fd, const struct mc_socket *socket)
{
	struct session *s = mc_mem_zalloc(1, sizeof(*s));
	enum mc_refusal why;

	if (s == NULL)
		return;
	s->fd = s->tls = s->child.sock = -1;
	why = look_at(l, fd, socket, s);
	if (why != MC_REFUSED_NOT) {
		turn_away(fd);
		refuse(l, s, why, "");
	} else if (start(l, s, fd)) {
		return;
	} else {
		turn_away(fd);
		mc_limits_close(l->limits, s->counted);
	}
	mc_mem_free(s);
}

static void
accept_some(struct listener *l, const struct mc_socket *socket)
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

/* ------------------------------------------------------- counting the queue */

static void
count_start(struct listener *l)
{
	struct mc_err err = { 0 };

	if (!l->count_due || l->count.pid != 0 ||
	    mc_clock_left(l->count_at) != 0)
		return;
	l->count_due = false;
	l->count_at = mc_clock_after(COUNT_MS);
	mc_buf_reset(&l->counted);
	if (mc_child_start(l->set->count, l->set->ctx, &l->count, &err) == 0)
		mc_limits_begin_usage(l->limits);
	else
		mc_log_line(l->set->log, MC_LOG_WARN, err.stage, "%s",
		    err.text);
}

/* as listener.h says: the sums, then users by their numbers */
static int
read_usage(const struct mc_buf *in, struct mc_usage *ret)
{
	size_t head = offsetof(struct mc_counted, user);
	const size_t one = sizeof(struct mc_usage_user);
	struct mc_counted sums;

	if (in->len < head)
		return -1;
	memcpy(&sums, in->ptr, head);
	/* half a count is none */
	if ((in->len - head) % one != 0 || (in->len - head) / one != sums.users)
		return -1;
	memset(ret, 0, sizeof(*ret));
	ret->messages = sums.messages;
	ret->bytes = sums.bytes;
	ret->whole_messages = sums.whole_messages;
	ret->whole_bytes = sums.whole_bytes;
	mc_vec_init(&ret->users, one, SIZE_MAX / one);
	for (size_t at = head; at < in->len; at += one) {
		struct mc_usage_user *u = mc_vec_add(&ret->users);

		if (u == NULL) {
			mc_usage_clear(ret);
			return -1;
		}
		memcpy(u, in->ptr + at, one);
	}
	return 0;
}

static void
count_done(struct listener *l)
{
	struct mc_err err = { 0 };
	struct mc_usage usage;

	if (l->counted.err == 0 && read_usage(&l->counted, &usage) == 0) {
		if (mc_limits_set_usage(l->limits, &usage, &err) != 0)
			mc_log_line(l->set->log, MC_LOG_WARN, err.stage, "%s",
			    err.text);
		mc_usage_clear(&usage);
	}
	mc_buf_clear(&l->counted);
	mc_child_end(&l->count, 100);
}

static void
count_read(struct listener *l)
{
	ssize_t n;

	while ((n = mc_file_fill(l->count.sock, &l->counted)) > 0)
		;
	if (n < 0 && l->counted.err == 0 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	count_done(l);
}

/* --------------------------------------------------------------- the parent */

static void
stop_accepting(struct listener *l)
{
	for (size_t i = 0; l->accepting && i < l->set->n_sockets; i++)
		mc_file_close(&l->set->sockets[i].fd);
	l->accepting = false;
}

static void
end_sessions(struct listener *l)
{
	stop_accepting(l);
	mc_file_close(&l->stop[1]);
	l->parent_gone = true;
	if (l->until == MC_NEVER)
		l->until = mc_clock_after(LAST_MS);
}

static void
hand_over(struct listener *l)
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
	mc_buf_clear(&out);
}

static void
read_parent(struct listener *l)
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
wake_time(const struct listener *l)
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
fill_poll(const struct listener *l, struct pollfd *p)
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
		const struct session *s =
		    *(struct session **)mc_vec_at(&l->sessions, i);

		p[n++] = (struct pollfd){ .fd = s->child.sock,
		    .events = POLLIN };
	}
	return n;
}

/* what poll has told; sessions first, since they free places */
static void
look(struct listener *l, const struct pollfd *p, size_t n)
{
	size_t first = 2 + l->set->n_sockets;

	for (size_t i = n; i-- > first;) {
		struct session *s =
		    *(struct session **)mc_vec_at(&l->sessions, i - first);

		if (p[i].revents != 0 && !read_session(l, s))
			forget(l, i - first);
	}
	if (p[1].revents != 0)
		count_read(l);
	for (size_t i = 0; i < l->set->n_sockets; i++)
		if (p[2 + i].revents != 0 && l->accepting)
			accept_some(l, &l->set->sockets[i]);
	if (p[0].revents != 0)
		read_parent(l);
}

static bool
is_over(const struct listener *l)
{
	return !l->accepting && (l->sessions.n == 0 ||
	    mc_clock_left(l->until) == 0);
}

static int
loop(struct listener *l, struct mc_err *err)
{
	while (!is_over(l)) {
		size_t most = 2 + l->set->n_sockets + l->sessions.n;
		struct pollfd *p = mc_mem_zalloc(most, sizeof(*p));
		size_t n;
		int rc;

		if (p == NULL)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
		n = fill_poll(l, p);
		rc = poll(p, (nfds_t)n, mc_clock_left(wake_time(l)));
		if (rc > 0)
			look(l, p, n);
		else if (rc < 0 && errno != EINTR && errno != EAGAIN)
			rc = mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot wait for connections");
		mc_mem_free(p);
		if (rc < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		reap(l);
		if (mc_clock_left(l->tally_at) == 0)
			tell_tally(l);
		tell_damped(l, mc_clock_ms());
		if (l->accepting)
			count_start(l);
	}
	return 0;
}

static int
set_up(struct listener *l, struct mc_err *err)
{
	struct mc_err why = { 0 };

	mc_vec_init(&l->sessions, sizeof(struct session *), 65536);
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
	struct listener l = { .set = listener, .accepting = true,
	    /* what is there already counts from the start */
	    .count_due = true, .count_at = mc_clock_ms(),
	    .until = MC_NEVER, .tally_at = MC_NEVER, .stop = { -1, -1 }, .count.sock = -1 };
	int rc = set_up(&l, err);

	if (rc == 0)
		rc = loop(&l, err);
	while (l.sessions.n != 0)
		forget(&l, 0);
	stop_accepting(&l);
	tell_tally(&l);
	if (l.damper != NULL)
		tell_damped(&l, MC_NEVER);
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
