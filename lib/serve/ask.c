/* SPDX-License-Identifier: MIT */
/*
 * ask.c - the session's half of its talk with the listener
 */
#include "base/base.h"
#include "serve/ask.h"

#include "base/child.h"

#include <errno.h>
#include <poll.h>

/* it does nothing that takes long: who waits for more has lost it */
#define ANSWER_MS 30000

static int
put(int sock, const struct mc_ask_frame *frame, int fd)
{
	return mc_child_send(sock, frame, sizeof(*frame), fd, ANSWER_MS);
}

int
mc_ask(int sock, enum mc_ask_what what, uint64_t n,
    struct mc_ask_answer *ret)
{
	struct mc_ask_frame frame = { .what = (uint32_t)what, .n = n };
	struct pollfd wait = { .fd = sock, .events = POLLIN };
	int rc;

	if (put(sock, &frame, -1) != 0)
		return -1;
	do {
		rc = poll(&wait, 1, ANSWER_MS);
	} while (rc < 0 && errno == EINTR);
	if (rc != 1 || mc_child_recv(sock, ret, sizeof(*ret), NULL) != 1)
		return -1;
	return ret->yes != 0;
}

void
mc_ask_tell(int sock, enum mc_ask_what what, enum mc_refusal reason,
    uint64_t n, const char *text)
{
	struct mc_ask_frame frame = { .what = (uint32_t)what,
	    .reason = (uint32_t)reason, .n = n };
	int ignored;

	if (text != NULL)
		(void)mc_str_printable(mc_str_from(text), frame.text,
		    sizeof(frame.text));
	ignored = put(sock, &frame, -1);
	(void)ignored;
}

int
mc_ask_give(int sock, enum mc_ask_what what, int fd)
{
	struct mc_ask_frame frame = { .what = (uint32_t)what };

	return put(sock, &frame, fd);
}
