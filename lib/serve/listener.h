/* SPDX-License-Identifier: MIT */
/*
 * listener.h - takes connections, starts a session for each, keeps the books
 *
 * A process with neither secrets nor a way to other machines.  It knows who is
 * behind a connection before anything is read from it, and sends away who may
 * not, or has too many.  What it allows a session, it says over the session's
 * channel (ask.h).
 *
 * The channel to the parent:
 *
 *	parent to listener
 *	'H'	accept no more, and hand over the books; nothing else is
 *		said after them, so that STARTTLS ends a session from then on
 *	(end: accept no more, and end all sessions)
 *
 *	listener to parent
 *	struct mc_ask_frame: MC_ASK_TLS_CLIENT and _PLAIN with a descriptor, one
 *	behind the other, or, once after 'H', MC_LISTENER_BOOKS with n bytes
 *	behind it
 */
#ifndef MC_SERVE_LISTENER_H
#define MC_SERVE_LISTENER_H

#include "base/child.h"
#include "base/log.h"
#include "serve/limits.h"
#include "serve/settings.h"
#include "serve/sockets.h"

#define MC_LISTENER_BOOKS 100u

/* what a count has found, on its way */
struct mc_counted {
	uint64_t messages;
	uint64_t bytes;
	uint64_t whole_messages;
	uint64_t whole_bytes;
	uint64_t users;
	struct mc_usage_user user[];
};

struct mc_listener {
	struct mc_socket *sockets;	/* closed at the end of accepting */
	size_t n_sockets;
	int parent;		/* blocking */
	const struct mc_serve_settings *set;
	uid_t own_uid;		/* of the service */
	struct mc_str books;	/* of the listener before; may be empty */
	/* a session's life; see ask.h for what it finds in its channel */
	mc_child_fn session;
	/* counts what is in the queue: struct mc_counted and its users, then
	 * the end */
	mc_child_fn count;
	void *ctx;		/* of both */
	const struct mc_log *log;
	/* for the statistics: n more by this reason.  Not for each of them;
	 * false: not now */
	bool (*refused)(void *ctx, enum mc_refusal reason, uint64_t n);
};

/* until the parent says so and no session is left.  MC_E_NOMEM, MC_E_IO */
MC_NODISCARD int
mc_listener_run(const struct mc_listener *listener, struct mc_err *err);

#endif
