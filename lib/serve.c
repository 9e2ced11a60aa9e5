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
#include "config/forget.h"
#include "net/tls_serve.h"
#include "queue/counters.h"
#include "queue/spawn.h"
#include "queue/usage.h"
#include "queue_internal.h"
#include "serve/ask.h"
#include "serve/listener.h"
#include "serve/roles.h"
#include "serve/sockets.h"
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
#define MOST_SOCKETS (MC_LISTEN_MOST + 16)

/* one of the two that are always there */
struct part {
	struct mc_child child;
	int64_t since;
	int64_t again;		/* not before */
	int64_t wait;
};

struct sup {
	struct mc_service v;	/* what the children get */
	struct mc_socket sockets[MOST_SOCKETS];
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

void
mc_serve_in_child(const struct mc_service *v, const char *role)
{
	if (v->set->in_child != NULL)
		v->set->in_child(v->set->ctx, role);
}

/* ----------------------------------------------------------------- settings */

static bool
may_leave(const struct mc_account *a, struct mc_err *err)
{
	if (a->host == NULL)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "account %s has no host: mail could not leave by it",
		    a->name);
	else if (a->queue == MC_QUEUE_OFF)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "account %s has queue = off, and a service has to queue",
		    a->name);
	else
		return true;
	return false;
}

static int
check_accounts(const struct mc_config *config, struct mc_err *err)
{
	const struct mc_account *a;
	const char *name;

	for (size_t i = 0; (name = mc_config_account(config, i)) != NULL; i++)
		if (mc_config_find(config, name, &a, err) != 0 ||
		    !may_leave(a, err))
			return -1;
	return 0;
}

/* a file that the configuration names, or one beside q/ */
static int
place(struct mc_buf *out, const char *given, const struct mc_buf *spool,
    const char *name, struct mc_err *err)
{
	mc_buf_reset(out);
	if (given != NULL)
		mc_buf_addz(out, given);
	else
		mc_buf_addf(out, "%s/%s", spool->ptr, name);
	return mc_buf_err(out, "path", err);
}

static void
init_service(struct mc_service *v, const struct mc_caller *caller,
    const struct mc_serve_options *set)
{
	memset(v, 0, sizeof(*v));
	v->caller = caller;
	v->set = set;
	v->log = (struct mc_log){ set->log, set->log_ctx, set->most };
	mc_buf_init(&v->spool, MC_QUEUE_PLACE);
	mc_buf_init(&v->tokens, MC_QUEUE_PLACE);
	mc_buf_init(&v->cert, MC_QUEUE_PLACE);
	mc_buf_init(&v->key, MC_QUEUE_PLACE);
}

static void
clear_service(struct mc_service *v)
{
	mc_policy_free(v->policy);
	mc_serve_settings_clear(&v->limits);
	mc_buf_clear(&v->spool);
	mc_buf_clear(&v->tokens);
	mc_buf_clear(&v->cert);
	mc_buf_clear(&v->key);
	if (v->own_config)
		mc_config_free(v->config);
}

/* all that can be wrong shows before anybody is served */
static int
settle(struct mc_service *v, struct mc_err *err)
{
	struct mc_policy *policy = NULL;

	if (check_accounts(v->config, err) != 0 ||
	    mc_serve_settings_of(v->config, &v->limits, err) != 0 ||
	    mc_queue_place(v->caller, v->config, &v->spool, err) != 0 ||
	    place(&v->tokens, v->limits.tokens, &v->spool, MC_SERVE_TOKENS,
	    err) != 0 ||
	    place(&v->cert, v->limits.tls_cert, &v->spool, MC_SERVE_PEM,
	    err) != 0 ||
	    place(&v->key, v->limits.tls_key != NULL ? v->limits.tls_key :
	    v->cert.ptr, &v->spool, "", err) != 0 ||
	    mc_policy_new(v->config, v->caller, &v->log, &policy, err) != 0)
		return -1;
	mc_policy_free(policy);
	return 0;
}

/* ---------------------------------------------------------------- processes */

static void
log_err(const struct mc_service *v, const struct mc_err *err)
{
	mc_log_line(&v->log, MC_LOG_ERROR, err->stage, "%s", err->text);
}

/* the sockets come through the channel, since a child keeps nothing else */
struct handed {
	uint32_t is_tcp;
	uint32_t last;
	char text[sizeof(((struct mc_socket *)0)->text)];
};

static size_t
take_sockets(int sock, struct mc_socket *sockets)
{
	struct handed h = { 0 };
	size_t n = 0;

	while (h.last == 0 && n < MOST_SOCKETS) {
		struct mc_socket *s = &sockets[n];
		int fd = -1;

		if (mc_child_recv(sock, &h, sizeof(h), &fd) != 1 || fd < 0) {
			mc_file_close(&fd);
			break;
		}
		memset(s, 0, sizeof(*s));
		s->fd = fd;
		s->dir = -1;
		s->is_tcp = h.is_tcp != 0;
		memcpy(s->text, h.text, sizeof(s->text));
		n++;
	}
	return n;
}

static int
give_sockets(const struct sup *s, int sock)
{
	for (size_t i = 0; i < s->n_sockets; i++) {
		struct handed h = { .is_tcp = s->sockets[i].is_tcp,
		    .last = i + 1 == s->n_sockets };

		memcpy(h.text, s->sockets[i].text, sizeof(h.text));
		if (mc_child_send(sock, &h, sizeof(h), s->sockets[i].fd,
		    SEND_MS) != 0)
			return -1;
	}
	return 0;
}

/* for the statistics; a queue that does not work has told so elsewhere */
static void
count_refused(void *ctx, enum mc_refusal reason, uint64_t n)
{
	struct mc_service *v = ctx;
	struct mc_store_settings set;
	struct mc_store *store;
	struct mc_buf at;

	mc_buf_init(&at, MC_QUEUE_PLACE);
	if (mc_queue_settings(v->caller, v->config, &at, &set, NULL) == 0) {
		set.no_create = set.no_sweep = true;
		if (mc_store_open(&set, &store, NULL) == 0) {
			(void)mc_counters_add_refused(store, reason, n);
			mc_store_close(store);
		}
	}
	mc_buf_clear(&at);
}

static void
confine(const struct mc_service *v, enum mc_role role)
{
	(void)mc_role_confine(role, &(struct mc_role_settings){
	    .config = v->config, .caller = v->caller, .spool = v->spool.ptr,
	    .tokens = v->tokens.ptr, .log = &v->log,
	    /* the listener has said it */
	    .told = role != MC_ROLE_LISTENER });
}

static void
listener_main(void *ctx, int sock)
{
	struct mc_service *v = ctx;
	struct mc_socket sockets[MOST_SOCKETS];
	struct mc_listener set = { .sockets = sockets, .parent = sock,
	    .set = &v->limits, .books = v->books,
	    .session = mc_serve_session, .count = mc_serve_count, .ctx = v,
	    .log = &v->log, .refused = count_refused };
	struct mc_err err = { 0 };

	mc_serve_in_child(v, "listener");
	set.n_sockets = take_sockets(sock, sockets);
	mc_config_forget(v->config, NULL);
	if (mc_policy_new(v->config, v->caller, NULL, &v->policy,
	    &err) != 0) {
		log_err(v, &err);
		return;
	}
	set.policy = v->policy;
	confine(v, MC_ROLE_LISTENER);
	if (mc_listener_run(&set, &err) != 0)
		log_err(v, &err);
}

static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	const struct mc_service *v = ctx;

	mc_log_line(&v->log, level, stage, "%s", text);
}

static void
runner_main(void *ctx, int sock)
{
	struct mc_service *v = ctx;
	struct mc_run run = { .flags = MC_RUN_WATCH, .cancel_fd = sock,
	    .event = v->set->event, .ctx = v->set->ctx };
	struct mc_queue *queue = NULL;
	struct mc_err err = { 0 };
	int spawn = -1;
	char c;

	mc_serve_in_child(v, "runner");
	if (mc_child_recv(sock, &c, 1, &spawn) != 1 || spawn < 0)
		return;
	mc_config_forget(v->config, NULL);
	if (mc_queue_open(v->caller, v->config, MC_QUEUE_CREATE, &queue,
	    &err) != 0) {
		log_err(v, &err);
		return;
	}
	confine(v, MC_ROLE_RUNNER);
	mc_queue_set_log(queue, v->set->most, on_log, v);
	if (mc_queue_run_by(queue, &run, spawn, &err) != 0)
		log_err(v, &err);
	mc_queue_free(queue);
}

void
mc_serve_count(void *ctx, int sock)
{
	struct mc_service *v = ctx;
	struct mc_store_settings set;
	struct mc_store *store = NULL;
	struct mc_err err = { 0 };
	struct mc_usage usage;

	mc_serve_in_child(v, "count");
	if (mc_queue_settings(v->caller, v->config, &v->spool, &set,
	    &err) != 0)
		return;
	set.no_create = set.no_sweep = true;
	if (mc_store_open(&set, &store, &err) != 0 ||
	    mc_usage_count(store, &set, &usage, -1, &err) != 0) {
		mc_store_close(store);
		log_err(v, &err);
		return;
	}
	if (mc_child_send(sock, &usage.room, sizeof(usage.room), -1,
	    SEND_MS) != 0 ||
	    mc_child_send(sock, usage.of.ptr, usage.of.n *
	    sizeof(struct mc_usage_of), -1, SEND_MS) != 0)
		(void)err;
	mc_usage_clear(&usage);
	mc_store_close(store);
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
	if (mc_child_start(listener_main, &s->v, child, &err) != 0) {
		log_err(&s->v, &err);
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
	    mc_child_start(runner_main, &s->v, child, &err) != 0) {
		log_err(&s->v, &err);
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
tls_main(void *ctx, int sock)
{
	const struct sup *s = ctx;
	const struct mc_tls_serve_ops *ops;
	struct mc_tls_terminate t = { .cert = s->v.cert.ptr,
	    .key = s->v.key.ptr, .client_fd = -1, .plain_fd = -1,
	    .idle_ms = s->v.limits.limits.idle_ms };
	struct mc_err err = { 0 };
	char c;

	mc_serve_in_child(&s->v, "tls");
	if (mc_child_recv(sock, &c, 1, &t.client_fd) != 1 ||
	    mc_child_recv(sock, &c, 1, &t.plain_fd) != 1)
		return;
	mc_config_forget(s->v.config, NULL);
	/* TODO confinement after the key was read */
	if (mc_tls_serve_find(&ops, &err) != 0 ||
	    ops->terminate(&t, &err) != 0)
		mc_log_line(&s->v.log, MC_LOG_INFO, err.stage,
		    "TLS of a client: %s", err.text);
}

static void
start_tls(struct sup *s)
{
	struct mc_child child;
	struct mc_err err = { 0 };

	if (mc_child_start(tls_main, s, &child, &err) != 0) {
		log_err(&s->v, &err);
		return;
	}
	if (mc_child_send(child.sock, "", 1, s->tls, SEND_MS) != 0 ||
	    mc_child_send(child.sock, "", 1, s->came, SEND_MS) != 0)
		log_err(&s->v, &err);
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
	if (s->frame.n == 0 || s->frame.n > MC_LISTENER_MOST)
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
	clear_service(&old);
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
	init_service(&fresh, s->v.caller, set);
	fresh.own_config = true;
	if (set->load(set->ctx, &fresh.config, &err) != 0)
		fresh.own_config = false;
	if (!fresh.own_config || settle(&fresh, &err) != 0) {
		mc_log_line(&s->v.log, MC_LOG_ERROR, err.stage,
		    "the configuration stays as it was: %s", err.text);
		clear_service(&fresh);
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

	if (set->n_sockets > MOST_SOCKETS)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "more than %d sockets were handed over", MOST_SOCKETS);
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
		if (mc_socket_tcp((const struct sockaddr *)&l->listen[i].addr,
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
prepare_tcp(struct sup *s, struct mc_err *err)
{
	const struct mc_tls_serve_ops *ops;
	struct mc_err why = { 0 };

	if (s->v.limits.trust_loopback)
		mc_log_line(&s->v.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "trust-loopback: whatever runs on this machine, a browser "
		    "or a container with its network too, may send mail by "
		    "any account without a password");
	if (mc_tls_serve_find(&ops, &why) == 0 &&
	    (access(s->v.cert.ptr, F_OK) == 0 ||
	    s->v.limits.tls_cert != NULL ||
	    ops->self_signed(s->v.cert.ptr, &why) == 0))
		return 0;
	mc_buf_reset(&s->v.cert);
	if (s->v.limits.trust_loopback)
		return 0;
	if (err != NULL)
		*err = why;
	return -1;
}

static int
start(struct sup *s, struct mc_err *err)
{
	struct mc_queue *queue = NULL;
	char text[200];

	if (settle(&s->v, err) != 0 || mc_queue_open(s->v.caller, s->v.config,
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
	init_service(&s->v, caller, options);
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
	clear_service(&s->v);
	mc_mem_free(s);
	return rc;
}

/* ------------------------------------------------------------------- tokens */

static int
tokens_place(const struct mc_caller *caller, const struct mc_config *config,
    struct mc_buf *out, struct mc_err *err)
{
	struct mc_serve_settings set;
	struct mc_buf spool;
	int rc;

	mc_buf_init(&spool, MC_QUEUE_PLACE);
	rc = mc_serve_settings_of(config, &set, err);
	if (rc == 0) {
		rc = mc_queue_place(caller, config, &spool, err);
		if (rc == 0)
			rc = place(out, set.tokens, &spool, MC_SERVE_TOKENS,
			    err);
		mc_serve_settings_clear(&set);
	}
	mc_buf_clear(&spool);
	return rc;
}

int
mc_serve_token_add(const struct mc_caller *caller,
    const struct mc_config *config, const char *login,
    char ret_token[MC_TOKEN_SIZE], struct mc_err *err)
{
	struct mc_buf path;
	int rc;

	mc_buf_init(&path, MC_QUEUE_PLACE);
	rc = tokens_place(caller, config, &path, err);
	if (rc == 0)
		rc = mc_token_make(path.ptr, login, ret_token, err);
	mc_buf_clear(&path);
	return rc;
}

int
mc_serve_token_remove(const struct mc_caller *caller,
    const struct mc_config *config, const char *login, struct mc_err *err)
{
	struct mc_buf path;
	int rc;

	mc_buf_init(&path, MC_QUEUE_PLACE);
	rc = tokens_place(caller, config, &path, err);
	if (rc == 0)
		rc = mc_token_remove(path.ptr, login, err);
	mc_buf_clear(&path);
	return rc;
}
