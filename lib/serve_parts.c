/* SPDX-License-Identifier: MIT */
/*
 * serve_parts.c - the other processes, as the one sees them that starts them
 */
#include "base/base.h"
#include "serve_sup.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "serve/sockets.h"

#include <errno.h>
#include <poll.h>

/* a part that ends is started again after so long, each time twice as long */
#define AGAIN_MIN_MS 100
#define AGAIN_MAX_MS 10000
/* one that has lived so long begins with the shortest again */
#define WELL_MS 30000
/* sessions get theirs before (listener.c), then what is on its way */
#define STOP_MS 25000

static int
give_sockets(const struct mc_sup *s, int sock)
{
	for (size_t i = 0; i < s->n_sockets; i++) {
		struct mc_serve_handed h = { .is_tcp = s->sockets[i].is_tcp,
		    .last = i + 1 == s->n_sockets };

		memcpy(h.text, s->sockets[i].text, sizeof(h.text));
		if (mc_child_send(sock, &h, sizeof(h), s->sockets[i].fd,
		    MC_SUP_SEND_MS) != 0)
			return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- their lives */

/* when it may be started (again) */
static void
note_start(struct mc_sup_part *p)
{
	p->since = mc_clock_ms();
}

static void
note_end(struct mc_sup_part *p)
{
	if (p->wait == 0 || mc_clock_ms() - p->since > WELL_MS)
		p->wait = AGAIN_MIN_MS;
	else if (p->wait < AGAIN_MAX_MS)
		p->wait *= 2;
	p->again = mc_clock_after(p->wait);
}

static void
start_listener(struct mc_sup *s)
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
void
mc_sup_let_go(struct mc_sup *s)
{
	struct mc_spawn_parent **to;

	mc_file_close(&s->spawn);
	if (s->workers == NULL)
		return;
	mc_spawn_end(s->workers, MC_SUP_LAST_MS);
	to = mc_vec_add(&s->ended);
	if (to != NULL) {
		*to = s->workers;
	} else {
		mc_spawn_parent_clear(s->workers);
		mc_mem_free(s->workers);
	}
	s->workers = NULL;
}

static void
on_worker(void *ctx)
{
	mc_serve_in_child(ctx, "worker");
}

static int
prepare_workers(struct mc_sup *s, int fds[2], struct mc_err *err)
{
	s->workers = mc_mem_zalloc(1, sizeof(*s->workers));
	if (s->workers == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_spawn_parent_init(s->workers);
	s->workers->config = s->v.config;
	s->workers->caller = s->v.caller;
	s->workers->log = &s->v.log;
	s->workers->dir = s->v.spool.ptr;
	s->workers->begun = on_worker;
	s->workers->ctx = &s->v;
	return mc_spawn_channel(fds, err);
}

static void
start_runner(struct mc_sup *s)
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
		mc_sup_let_go(s);
		note_end(&s->runner);
		return;
	}
	s->spawn = fds[0];
	if (mc_child_send(child->sock, "", 1, fds[1], MC_SUP_SEND_MS) != 0)
		mc_file_close(&child->sock);
	mc_file_close(&fds[1]);
}

void
mc_sup_keep_running(struct mc_sup *s)
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
void
mc_sup_see_off(struct mc_sup *s, struct mc_sup_part *p, const char *what)
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
tell_gone(struct mc_sup *s, pid_t pid)
{
	if (s->workers != NULL && mc_spawn_gone(s->workers, pid))
		return;
	for (size_t i = 0; i < s->ended.n; i++)
		if (mc_spawn_gone(*(struct mc_spawn_parent **)mc_vec_at(
		    &s->ended, i), pid))
			return;
}

void
mc_sup_reap_list(struct mc_sup *s, struct mc_vec *list)
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
void
mc_sup_check_workers(struct mc_sup *s, int64_t *ret_wake)
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

void
mc_sup_add_child(struct mc_vec *list, struct mc_child *child)
{
	struct mc_child *to = mc_vec_add(list);

	if (to != NULL)
		*to = *child;
	else
		mc_child_end(child, 0);
}

/* -------------------------------------------------------------------- frames */

/* a session begins TLS once: more than all sessions have is none of theirs */
static void
start_tls(struct mc_sup *s)
{
	struct mc_child child;
	struct mc_err err = { 0 };

	if (s->others.n > MC_SPAWN_MOST +
	    2 * (size_t)s->v.limits.limits.sessions) {
		mc_log_line(&s->v.log, MC_LOG_ERROR, MC_STAGE_LOCAL,
		    "too many processes: TLS of a client is not begun");
		return;
	}
	if (mc_child_start(mc_serve_tls, &s->v, &child, &err) != 0) {
		mc_serve_log_err(&s->v, &err);
		return;
	}
	if (mc_child_send(child.sock, "", 1, s->tls, MC_SUP_SEND_MS) != 0 ||
	    mc_child_send(child.sock, "", 1, s->came, MC_SUP_SEND_MS) != 0)
		mc_log_line(&s->v.log, MC_LOG_ERROR, MC_STAGE_TLS,
		    "the process that ends TLS of a client does not answer");
	mc_file_close(&child.sock);
	mc_sup_add_child(&s->others, &child);
}

void
mc_sup_handle(struct mc_sup *s)
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
bool
mc_sup_read_frame(struct mc_sup *s, bool *ret_whole)
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

void
mc_sup_read_listener(struct mc_sup *s)
{
	bool whole;

	if (!mc_sup_read_frame(s, &whole))
		mc_file_close(&s->listener.child.sock);
	else if (whole)
		mc_sup_handle(s);
}

void
mc_sup_read_runner(struct mc_sup *s)
{
	struct mc_child child = { .pid = 0, .sock = -1 };
	struct mc_err err = { 0 };
	int rc = mc_spawn_take(s->spawn, s->workers, &child.pid, &err);

	if (rc == 1)
		mc_sup_add_child(&s->others, &child);
	else if (rc < 0)
		mc_sup_let_go(s);
}

/* ------------------------------------------------------------------ the end */

static bool
is_quiet(struct mc_sup *s, bool workers_too)
{
	mc_sup_reap_list(s, &s->old);
	mc_sup_reap_list(s, &s->others);
	(void)mc_child_reap(&s->listener.child);
	(void)mc_child_reap(&s->runner.child);
	return s->old.n == 0 && s->listener.child.pid == 0 &&
	    (!workers_too || (s->runner.child.pid == 0 && s->others.n == 0));
}

static void
wait_quiet(struct mc_sup *s, bool workers_too, int64_t ms)
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
end_workers(struct mc_sup *s)
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
void
mc_sup_stop(struct mc_sup *s)
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
	wait_quiet(s, true, MC_SUP_LAST_MS);
	mc_sup_let_go(s);
	mc_child_end(&s->listener.child, 0);
	mc_child_end(&s->runner.child, 0);
	end_list(&s->old);
	end_list(&s->others);
	end_workers(s);
	mc_file_close(&s->came);
	mc_file_close(&s->tls);
	mc_mem_free(s->books);
}
