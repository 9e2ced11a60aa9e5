/* SPDX-License-Identifier: MIT */
/*
 * serve_child.c - the lives of the service's processes but the first
 */
#include "base/base.h"
#include "serve_internal.h"

#include "base/child.h"
#include "base/err.h"
#include "base/file.h"
#include "net/tls_serve.h"
#include "queue/counters.h"
#include "queue/usage.h"
#include "queue_internal.h"
#include "serve/listener.h"
#include "serve/roles.h"
#include "transport/module.h"

#define SEND_MS 5000

void
mc_serve_in_child(const struct mc_service *v, const char *role)
{
	if (v->set->in_child != NULL)
		v->set->in_child(v->set->ctx, role);
}

void
mc_serve_log_err(const struct mc_service *v, const struct mc_err *err)
{
	mc_log_line(&v->log, MC_LOG_ERROR, err->stage, "%s", err->text);
}

static size_t
take_sockets(int sock, struct mc_socket *sockets)
{
	struct mc_serve_handed h = { 0 };
	size_t n = 0;

	while (h.last == 0 && n < MC_SERVE_SOCKETS) {
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

/* for the statistics; a queue that does not work has told so elsewhere */
static bool
count_refused(void *ctx, enum mc_refusal reason, uint64_t n)
{
	struct mc_service *v = ctx;

	return mc_refused_add(v->store, mc_refusal_name(reason), n);
}

static int
open_store(struct mc_service *v, struct mc_err *err)
{
	struct mc_store_settings set;

	if (mc_queue_settings(v->caller, v->config, &v->spool, &set,
	    err) != 0)
		return -1;
	set.no_create = set.no_sweep = true;
	set.log = &v->log;
	return mc_store_open(&set, &v->store, err);
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

void
mc_serve_listener(void *ctx, int sock)
{
	struct mc_service *v = ctx;
	struct mc_socket sockets[MC_SERVE_SOCKETS];
	struct mc_listener set = { .sockets = sockets, .parent = sock,
	    .set = &v->limits, .books = v->books,
	    .session = mc_serve_session, .count = mc_serve_count, .ctx = v,
	    .log = &v->log, .refused = count_refused,
	    .own_uid = (uid_t)v->caller->uid };
	struct mc_err err = { 0 };

	mc_serve_in_child(v, "listener");
	set.n_sockets = take_sockets(sock, sockets);
	mc_config_forget(v->config, NULL);
	if (mc_policy_new(v->config, v->caller, NULL, &v->policy,
	    &err) != 0 || open_store(v, &err) != 0) {
		mc_serve_log_err(v, &err);
		return;
	}
	confine(v, MC_ROLE_LISTENER);
	if (mc_listener_run(&set, &err) != 0)
		mc_serve_log_err(v, &err);
}

static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	const struct mc_service *v = ctx;

	mc_log_line(&v->log, level, stage, "%s", text);
}

void
mc_serve_runner(void *ctx, int sock)
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
		mc_serve_log_err(v, &err);
		return;
	}
	confine(v, MC_ROLE_RUNNER);
	mc_queue_set_log(queue, v->set->most, on_log, v);
	if (mc_queue_run_by(queue, &run, spawn, &err) != 0)
		mc_serve_log_err(v, &err);
	mc_queue_free(queue);
}

void
mc_serve_count(void *ctx, int sock)
{
	struct mc_service *v = ctx;
	struct mc_err err = { 0 };
	struct mc_counted sums;
	struct mc_usage usage;

	mc_serve_in_child(v, "count");
	/* its descriptors are gone */
	if (open_store(v, &err) != 0 ||
	    mc_usage_count(v->store, sock, &usage, &err) != 0) {
		mc_serve_log_err(v, &err);
		return;
	}
	sums = (struct mc_counted){ .messages = usage.messages,
	    .bytes = usage.bytes, .whole_messages = usage.whole_messages,
	    .whole_bytes = usage.whole_bytes, .users = usage.users.n };
	if (mc_child_send(sock, &sums, sizeof(sums), -1, SEND_MS) != 0 ||
	    mc_child_send(sock, usage.users.items, usage.users.n *
	    usage.users.size, -1, SEND_MS) != 0)
		mc_log_line(&v->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "nobody takes the count of the queue");
	mc_usage_clear(&usage);
}

static void
on_loaded(void *ctx)
{
	confine(ctx, MC_ROLE_TERMINATOR);
}

void
mc_serve_tls(void *ctx, int sock)
{
	struct mc_service *v = ctx;
	const struct mc_tls_serve_ops *ops;
	struct mc_tls_terminate t = {
		.client_fd = -1, .plain_fd = -1,
		.files = { v->cert.ptr, v->limits.tls_key },
		/* the session has limits of its own */
		.idle_ms = v->limits.limits.session_ms + SEND_MS,
		.loaded = on_loaded, .ctx = v,
	};
	struct mc_err err = { 0 };
	char c;

	mc_serve_in_child(v, "tls");
	if (mc_child_recv(sock, &c, 1, &t.client_fd) != 1 ||
	    mc_child_recv(sock, &c, 1, &t.plain_fd) != 1)
		return;
	mc_config_forget(v->config, NULL);
	if (mc_tls_serve_find(&ops, &err) != 0 ||
	    ops->terminate(&t, &err) != 0)
		mc_log_line(&v->log, MC_LOG_INFO, err.stage,
		    "TLS of a client: %s", err.text);
}
