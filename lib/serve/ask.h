/* SPDX-License-Identifier: MIT */
/*
 * ask.h - what a session and its listener say to each other
 *
 * A session is a process with one client; the listener keeps the books about
 * all of them.  Frames of fixed size over the channel of child.h; the listener
 * trusts none.
 *
 *	listener to session
 *	HELLO	struct mc_ask_hello, and the client's descriptor, once
 *	ANSWER	struct mc_ask_answer, to LOGIN, MESSAGE, RCPT, SHARE and BUSY
 *
 *	session to listener
 *	struct mc_ask_frame; with TLS_CLIENT and TLS_PLAIN comes a descriptor
 */
#ifndef MC_SERVE_ASK_H
#define MC_SERVE_ASK_H

#include "base/base.h"
#include "serve/limits.h"

enum mc_ask_what {
	MC_ASK_LOGIN = 1,	/* the client has proved to be user n */
	MC_ASK_MESSAGE,		/* one more */
	MC_ASK_RCPT,
	MC_ASK_SHARE,		/* is there room for n bytes in the queue? */
	MC_ASK_BUSY,		/* are many sessions open? */
	/* these are only told */
	MC_ASK_TAKEN,		/* a message of n bytes is in the queue */
	MC_ASK_REFUSED,		/* for `reason`; text is for the log */
	MC_ASK_ERRORS,		/* it has made n of them */
	MC_ASK_TLS_CLIENT,	/* end TLS on this descriptor, */
	MC_ASK_TLS_PLAIN	/* and talk to the session on this one */
};

#define MC_ASK_TEXT 320

struct mc_ask_frame {
	uint32_t what;
	uint32_t reason;	/* enum mc_refusal */
	uint64_t n;
	char text[MC_ASK_TEXT];	/* NUL-terminated, printable */
};

struct mc_ask_hello {
	uint32_t has_uid;
	uint32_t uid;
	uint32_t gid;
	uint32_t is_tcp;
	int64_t delay_ms;	/* before the greeting */
	char source[64];	/* "unix", or the address */
};

struct mc_ask_answer {
	uint32_t yes;
	uint32_t reason;	/* if not */
	int64_t wait;		/* seconds until it makes sense to ask again; 0:
				 * not known */
};

/* the session's side; sock is blocking */

/* 1: yes; 0: no, *ret says why; -1: the listener is gone */
MC_NODISCARD int
mc_ask(int sock, enum mc_ask_what what, uint64_t n,
    struct mc_ask_answer *ret);

/* what cannot be told is lost */
void
mc_ask_tell(int sock, enum mc_ask_what what, enum mc_refusal reason,
    uint64_t n, const char *text);

/* one of the two descriptors; 0, or -1 with errno */
MC_NODISCARD int
mc_ask_give(int sock, enum mc_ask_what what, int fd);

#endif
