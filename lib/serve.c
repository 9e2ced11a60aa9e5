/* SPDX-License-Identifier: MIT */
/*
 * serve.c - the service: the process that starts the others and has the secrets
 *
 * Nobody else's bytes reach it but fixed frames of its own children.  The
 * listener and its sessions (serve_session.c) have the spool and no secret, the
 * runner has the spool and neither secrets nor a way out; what talks to servers
 * is a worker, with one account's secrets and one message at a time.
 */
#include "base/base.h"
#include "serve_sup.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "serve/limits.h"
#include "serve/listener.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define REAP_MS 200
/* the books come at once, or the listener hangs */
#define BOOKS_MS 2000

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
take_books(struct mc_sup *s)
{
	int64_t deadline = mc_clock_after(BOOKS_MS);
	int sock = s->listener.child.sock;
	char *books = NULL;
	bool whole = false;

	mc_mem_free(s->books);
	s->books = NULL;
	s->v.books = MC_STR_NONE;
	if (sock < 0 || mc_child_send(sock, "H", 1, -1, MC_SUP_SEND_MS) != 0)
		return;
	/* what it had said before still counts */
	while (!whole || s->frame.what != MC_LISTENER_BOOKS) {
		struct pollfd p = { .fd = sock, .events = POLLIN };

		if (whole)
			mc_sup_handle(s);
		if (poll(&p, 1, mc_clock_left(deadline)) <= 0 ||
		    !mc_sup_read_frame(s, &whole))
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
replace(struct mc_sup *s, struct mc_service *fresh)
{
	struct mc_service old = s->v;

	take_books(s);
	/* its sessions go on with what it has; the end of the channel would end
	 * them */
	if (s->listener.child.pid != 0)
		mc_sup_add_child(&s->old, &s->listener.child);
	s->listener = (struct mc_sup_part){ .child = { .sock = -1 } };
	fresh->books = s->v.books;
	s->v = *fresh;
	mc_serve_clear(&old);
	mc_file_close(&s->runner.child.sock);
	mc_sup_let_go(s);
	if (s->runner.child.pid != 0)
		mc_sup_add_child(&s->old, &s->runner.child);
	s->runner = (struct mc_sup_part){ .child = { .sock = -1 } };
}

static void
tell_state(const struct mc_sup *s, enum mc_service_state state,
    const char *text)
{
	if (s->v.set->state != NULL)
		s->v.set->state(s->v.set->ctx, state, text);
}

static void
reload(struct mc_sup *s)
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
	if (!fresh.own_config || mc_serve_settle(&fresh, &err) != 0 ||
	    mc_sup_prepare(s, &fresh, &err) != 0) {
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
wake_time(struct mc_sup *s)
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
	mc_sup_check_workers(s, &wake);
	return wake;
}

static void
reap(struct mc_sup *s)
{
	if (s->listener.child.sock < 0)
		mc_sup_see_off(s, &s->listener, "listener");
	if (s->spawn < 0)
		mc_sup_see_off(s, &s->runner, "runner");
	mc_sup_reap_list(s, &s->old);
	mc_sup_reap_list(s, &s->others);
}

/* true: asked to end */
static bool
look(struct mc_sup *s, const struct pollfd p[4])
{
	if (p[0].revents != 0)
		return true;
	if (p[2].revents != 0)
		mc_sup_read_listener(s);
	if (p[3].revents != 0)
		mc_sup_read_runner(s);
	if (p[1].revents != 0)
		reload(s);
	return false;
}

static int
loop(struct mc_sup *s, struct mc_err *err)
{
	for (;;) {
		struct pollfd p[4];

		mc_sup_keep_running(s);
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

static int
start(struct mc_sup *s, struct mc_err *err)
{
	struct mc_queue *queue = NULL;
	char text[200];

	if (mc_serve_settle(&s->v, err) != 0 || mc_queue_open(s->v.caller,
	    s->v.config, MC_QUEUE_CREATE, &queue, err) != 0)
		return -1;
	mc_queue_free(queue);
	if (mc_sup_open(s, err) != 0)
		return -1;
	if (geteuid() == 0)
		mc_log_line(&s->v.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "running as root: a user of its own is safer, see "
		    "mailchute-serve(8)");
	mc_sup_keep_running(s);
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
	struct mc_sup *s = mc_mem_zalloc(1, sizeof(*s));
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
	mc_sup_stop(s);
	mc_serve_clear(&s->v);
	mc_mem_free(s);
	return rc;
}
