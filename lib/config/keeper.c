/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - a process that reads an account's secrets for one that may not
 */
#include "base/base.h"
#include "config/keeper.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "config/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#define SEND_MS 10000
/* helper-timeout ends the command, or the wait for somebody else who renews a
 * token and then our own renewal; this is for the rest */
#define SPARE_MS 30000
#define END_MS 2000

struct question {
	uint32_t kind;
	uint64_t refused;	/* as in struct mc_keeper */
};

struct answer {
	int32_t rc;
	uint32_t len;
	struct mc_err err;
};

bool
mc_keeper_needed(const struct mc_account *a, const struct mc_caller *caller)
{
	enum mc_source_place place;

	return a->password_file != NULL || a->password_command != NULL ||
	    a->password_keyring || a->netrc_file != NULL ||
	    a->token_file != NULL || a->token_command != NULL ||
	    a->oauth != MC_OAUTH_OFF || a->proxy_password_command != NULL ||
	    mc_source_place(a, MC_SECRET_PASSWORD, caller, &place, NULL) != 0 ||
	    place == MC_PLACE_CREDENTIAL;
}

/* -------------------------------------------------------------- the keeper */

static int
answer(const struct mc_keeper *k, const struct question *q, int sock)
{
	const struct mc_grant_wish wish = { q->refused, sock };
	enum mc_secret_kind kind = (enum mc_secret_kind)q->kind;
	struct mc_secret *secret = NULL;
	struct mc_str s = MC_STR_NONE;
	struct answer a;
	int rc;

	memset(&a, 0, sizeof(a));
	if (q->refused != 0 && kind == MC_SECRET_TOKEN &&
	    k->account->oauth != MC_OAUTH_OFF)
		a.rc = mc_grant_token(k->account, k->caller, &wish, &secret,
		    &a.err);
	else
		a.rc = mc_source_get(k->account, kind, k->caller, sock,
		    &secret, &a.err);
	if (a.rc == 0)
		s = mc_secret_peek(secret);
	a.len = (uint32_t)s.len;
	rc = mc_child_send(sock, &a, sizeof(a), -1, SEND_MS);
	if (rc == 0)
		rc = mc_child_send(sock, s.ptr, s.len, -1, SEND_MS);
	mc_secret_free(secret);
	return rc;
}

static void
keep(void *ctx, int sock)
{
	struct question q;

	while (mc_child_recv(sock, &q, sizeof(q), NULL) == 1 &&
	    q.kind <= MC_SECRET_USER && answer(ctx, &q, sock) == 0)
		;
}

/* --------------------------------------------------------------- its owner */

int
mc_keeper_start(const struct mc_account *account,
    const struct mc_caller *caller, struct mc_keeper *keeper,
    struct mc_err *err)
{
	keeper->account = account;
	keeper->caller = caller;
	if (mc_child_start(keep, keeper, &keeper->child, err) != 0)
		return -1;
	/* an answer comes in one piece, and is waited for before */
	if (fcntl(keeper->child.sock, F_SETFL, 0) == 0)
		return 0;
	(void)mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
	    "cannot use a channel");
	mc_keeper_end(keeper);
	return -1;
}

static int
gone(struct mc_keeper *k, struct mc_err *err)
{
	mc_file_close(&k->child.sock);
	return mc_err_set(err, MC_E_HELPER, MC_STAGE_CONFIG,
	    "the process that reads passwords and tokens has ended");
}

/* until there is an answer; a question that nobody waits for ends the keeper,
 * and the command that it runs */
static int
await(struct mc_keeper *k, int cancel_fd, struct mc_err *err)
{
	int64_t end = mc_clock_after(SPARE_MS +
	    2 * (int64_t)k->account->helper_timeout * 1000);
	int left;

	while ((left = mc_clock_left(end)) != 0) {
		struct pollfd fds[2] = {
			{ .fd = k->child.sock, .events = POLLIN },
			{ .fd = cancel_fd, .events = POLLIN },
		};

		if (poll(fds, MC_NELEM(fds), left) < 0) {
			if (errno != EINTR)
				break;
			continue;
		}
		if (fds[1].revents != 0) {
			mc_file_close(&k->child.sock);
			return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL,
			    NULL);
		}
		if (fds[0].revents != 0)
			return 0;
	}
	return gone(k, err);
}

static int
take(struct mc_keeper *k, size_t n, struct mc_secret **ret_secret,
    struct mc_err *err)
{
	struct mc_buf text;
	char *to;
	int rc = -1;

	mc_buf_init_secret(&text, MC_MAX_SECRET);
	to = mc_buf_reserve(&text, n);
	if (to == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
		/* what was not read is no answer to the next question */
		mc_file_close(&k->child.sock);
	} else if (mc_child_recv(k->child.sock, to, n, NULL) != 1) {
		(void)gone(k, err);
	} else {
		mc_buf_commit(&text, n);
		*ret_secret = mc_secret_new(text.ptr, text.len, err);
		rc = *ret_secret == NULL ? -1 : 0;
	}
	mc_buf_clear(&text);
	return rc;
}

int
mc_keeper_get(struct mc_keeper *k, enum mc_secret_kind kind, int cancel_fd,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	struct question q;
	struct answer a;

	memset(&q, 0, sizeof(q));
	q.kind = (uint32_t)kind;
	q.refused = k->refused;
	if (k->child.sock < 0 || mc_child_send(k->child.sock, &q, sizeof(q),
	    -1, SEND_MS) != 0)
		return gone(k, err);
	if (await(k, cancel_fd, err) != 0)
		return -1;
	if (mc_child_recv(k->child.sock, &a, sizeof(a), NULL) != 1 ||
	    a.len > MC_MAX_SECRET || (a.rc == 0) != (a.len != 0))
		return gone(k, err);
	if (a.rc == 0)
		return take(k, a.len, ret_secret, err);
	if (err != NULL && !mc_err_is_set(err))
		*err = a.err;
	return -1;
}

/* not killed if it takes its time: who is confined may not, and the end of the
 * channel has told it */
void
mc_keeper_end(struct mc_keeper *k)
{
	int64_t end = mc_clock_after(END_MS);

	if (k->child.pid == 0)
		return;
	mc_file_close(&k->child.sock);
	while (!mc_child_reap(&k->child) && mc_clock_left(end) != 0)
		(void)poll(NULL, 0, 1);
}
