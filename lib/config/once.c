/* SPDX-License-Identifier: MIT */
/*
 * once.c - a password that can be had only once: of a descriptor, of a person
 */
#include "base/base.h"
#include "config/once.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>

#define KEY "password-fd"

/* -------------------------------------------------------------- descriptor */

/*
 * All that we open is closed by exec, so it cannot be taken for what somebody
 * has handed over: the first line of a message would go out as a password.
 */
void
mc_once_look(struct mc_once *once, const struct mc_account *account)
{
	uint64_t number = account->password_fd;
	int flags;

	if (once->looked || number < 3 || number > INT_MAX)
		return;
	once->looked = true;
	flags = fcntl((int)number, F_GETFD);
	once->is_there = flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

static int
check_fd(struct mc_once *once, const struct mc_account *a, struct mc_err *err)
{
	uint64_t number = a->password_fd;

	mc_once_look(once, a);
	if (once->is_there)
		return 0;
	return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG, KEY ": there "
	    "is no descriptor %" PRIu64 ": whoever starts the program has to "
	    "open it, as in \"%" PRIu64 "< file\"", number, number);
}

/* one byte or more may be read, or the end is there */
static int
await(int fd, int64_t end, int cancel_fd, struct mc_err *err)
{
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = cancel_fd, .events = POLLIN },
		};
		int n = poll(fds, MC_NELEM(fds), mc_clock_left(end));

		if (n < 0 && errno != EINTR)
			return mc_err_sys(err, MC_E_NO_SECRET,
			    MC_STAGE_CONFIG, errno, KEY);
		if (n > 0 && fds[1].revents != 0)
			return mc_err_set(err, MC_E_CANCELLED,
			    MC_STAGE_LOCAL, NULL);
		if (n > 0)
			return 0;
		if (mc_clock_left(end) == 0)
			return mc_err_set(err, MC_E_NO_SECRET,
			    MC_STAGE_CONFIG, KEY ": nothing came within "
			    "helper-timeout");
	}
}

static int
read_fd(struct mc_once *once, const struct mc_account *a, int cancel_fd,
    struct mc_buf *text, struct mc_err *err)
{
	int64_t end = mc_clock_after((int64_t)a->helper_timeout * 1000);
	int fd = (int)a->password_fd;
	ssize_t n = 1;

	if (check_fd(once, a, err) != 0)
		return -1;
	while (n > 0 && mc_str_chr(mc_buf_str(text), '\n') == text->len) {
		if (await(fd, end, cancel_fd, err) != 0)
			return -1;
		n = mc_file_fill(fd, text);
		/* somebody else was faster, or it was a signal */
		if (n < 0 && text->err == 0 && errno == EAGAIN)
			n = 1;
	}
	if (n >= 0)
		return 0;
	if (text->err != 0)
		return mc_buf_err(text, "the password", err);
	return mc_err_sys(err, MC_E_NO_SECRET, MC_STAGE_CONFIG, errno, KEY);
}

/* ------------------------------------------------------------------ person */

static int
ask(const struct mc_once *once, const struct mc_account *a, int cancel_fd,
    struct mc_buf *text, struct mc_err *err)
{
	struct pollfd cancel = { .fd = cancel_fd, .events = POLLIN };
	char *to = mc_buf_reserve(text, MC_ASK_SIZE);
	int rc;

	if (to == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	memset(to, 0, MC_ASK_SIZE);
	rc = once->ask(once->ask_ctx, a->name, a->user, a->host, to,
	    MC_ASK_SIZE);
	to[MC_ASK_SIZE - 1] = '\0';
	if (rc == 0 && to[0] != '\0') {
		mc_buf_commit(text, strlen(to));
		return 0;
	}
	mc_mem_wipe(to, MC_ASK_SIZE);
	if (poll(&cancel, 1, 0) > 0)
		return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL, NULL);
	return mc_source_none(a, err);
}

/* ------------------------------------------------------------------ public */

static int
get(struct mc_once *once, const struct mc_account *a, int cancel_fd,
    struct mc_err *err)
{
	struct mc_buf text;
	int rc;

	mc_buf_init_secret(&text, MC_MAX_SECRET);
	if (a->password_fd != 0)
		rc = read_fd(once, a, cancel_fd, &text, err);
	else if (once->ask != NULL)
		rc = ask(once, a, cancel_fd, &text, err);
	else
		rc = mc_source_none(a, err);
	if (rc == 0)
		rc = mc_source_first_line(mc_buf_str(&text),
		    a->password_fd != 0 ? KEY : "the answer", &once->secret,
		    err);
	mc_buf_clear(&text);
	return rc;
}

int
mc_once_get(struct mc_once *once, const struct mc_account *account,
    int cancel_fd, struct mc_secret **ret_secret, struct mc_err *err)
{
	struct mc_str s;

	if (!once->tried) {
		once->tried = true;
		if (get(once, account, cancel_fd, err) != 0)
			return -1;
	}
	if (once->secret == NULL)
		return mc_source_none(account, err);
	s = mc_secret_peek(once->secret);
	*ret_secret = mc_secret_new(s.ptr, s.len, err);
	return *ret_secret == NULL ? -1 : 0;
}

void
mc_once_clear(struct mc_once *once)
{
	mc_secret_free(once->secret);
	once->secret = NULL;
}
