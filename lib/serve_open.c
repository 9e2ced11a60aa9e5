/* SPDX-License-Identifier: MIT */
/*
 * serve_open.c - the sockets of a service, and what they need
 */
#include "base/base.h"
#include "serve_sup.h"

#include "base/err.h"
#include "base/file.h"
#include "net/tls_serve.h"
#include "transport/module.h"

#include <fcntl.h>
#include <unistd.h>

/* into the next place; it counts once it is there */
static int
take_given(struct mc_sup *s, struct mc_err *err)
{
	const struct mc_serve_options *set = s->v.set;

	if (set->n_sockets > MC_SERVE_SOCKETS)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "more than %d sockets were handed over", MC_SERVE_SOCKETS);
	for (size_t i = 0; i < set->n_sockets; i++, s->n_sockets++)
		if (mc_socket_take(set->sockets[i],
		    &s->sockets[s->n_sockets], err) != 0)
			return -1;
	return 0;
}

static int
make_sockets(struct mc_sup *s, struct mc_err *err)
{
	const struct mc_serve_settings *l = &s->v.limits;
	const char *path = s->v.set->socket;
	gid_t group = l->has_group ? l->group : (gid_t)-1;

	if (mc_socket_unix(path != NULL ? path : l->socket,
	    (mode_t)l->socket_mode, group, &s->sockets[s->n_sockets],
	    err) != 0)
		return -1;
	s->n_sockets++;
	if (s->v.set->no_tcp)
		return 0;
	for (size_t i = 0; i < l->n_listen; i++, s->n_sockets++) {
		const struct sockaddr_storage *at = &l->listen[i].ss;

		if (mc_socket_tcp((const struct sockaddr *)(const void *)at,
		    l->listen[i].len, &s->sockets[s->n_sockets], err) != 0)
			return -1;
	}
	return 0;
}

static bool
has_tcp(const struct mc_sup *s)
{
	for (size_t i = 0; i < s->n_sockets; i++)
		if (s->sockets[i].is_tcp)
			return true;
	return false;
}

/* a client that has only an address needs TLS for its log-in */
static int
prepare_tls(const struct mc_service *v, struct mc_err *err)
{
	const struct mc_serve_settings *l = &v->limits;
	const struct mc_tls_serve_files files = { v->cert.ptr, l->tls_key };
	const struct mc_tls_serve_ops *ops;

	if (mc_tls_serve_find(&ops, err) != 0 || (l->tls_cert == NULL &&
	    ops->self_signed(v->cert.ptr, err) != 0))
		return -1;
	return ops->check(&files, err);
}

static void
tls_main(void *ctx, int sock)
{
	const struct mc_service *v = ctx;
	struct mc_err err = { 0 };

	mc_serve_in_child(v, "check");
	(void)prepare_tls(v, &err);
	if (mc_child_send(sock, &err, sizeof(err), -1, MC_SUP_SEND_MS) != 0)
		mc_serve_log_err(v, &err);
}

/* in a process of its own: OpenSSL would stay in this one for ever */
static int
try_tls(struct mc_service *v, struct mc_err *ret_why)
{
	struct mc_child child;
	struct mc_err why;
	int fd = -1, rc;

	if (mc_child_start(tls_main, v, &child, ret_why) != 0)
		return -1;
	/* it ends by itself */
	rc = fcntl(child.sock, F_SETFL, 0) == 0 ?
	    mc_child_recv(child.sock, &why, sizeof(why), &fd) : -1;
	mc_file_close(&fd);
	mc_child_end(&child, MC_SUP_SEND_MS);
	if (rc != 1)
		return mc_err_set(ret_why, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "cannot find out whether TLS works here");
	if (why.code == MC_OK)
		return 0;
	*ret_why = why;
	return -1;
}

int
mc_sup_prepare(const struct mc_sup *s, struct mc_service *v,
    struct mc_err *err)
{
	struct mc_err why = { 0 };

	if (!has_tcp(s))
		return 0;
	if (v->limits.trust_loopback)
		mc_log_line(&v->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "trust-loopback: whatever runs on this machine, a browser "
		    "or a container with its network too, may send mail by "
		    "any account without a password");
	else if (access(v->tokens.ptr, F_OK) != 0)
		mc_log_line(&v->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "nobody can log in at %s before there is a token: see "
		    "\"token add\" in mailchute-serve(8)",
		    s->sockets[s->n_sockets - 1].text);
	if (try_tls(v, &why) == 0)
		return 0;
	/* nobody has to log in */
	if (v->limits.trust_loopback && why.code == MC_E_MODULE) {
		mc_buf_reset(&v->cert);
		return 0;
	}
	if (err != NULL)
		*err = why;
	return -1;
}

int
mc_sup_open(struct mc_sup *s, struct mc_err *err)
{
	if ((s->v.set->n_sockets != 0 ? take_given(s, err) :
	    make_sockets(s, err)) != 0)
		return -1;
	return mc_sup_prepare(s, &s->v, err);
}
