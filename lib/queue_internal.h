/* SPDX-License-Identifier: MIT */
/*
 * queue_internal.h - inside of a queue: where it is, what is open of it
 */
#ifndef MC_QUEUE_INTERNAL_H
#define MC_QUEUE_INTERNAL_H

#include "base/buf.h"
#include "base/limits.h"
#include "config/config.h"
#include "queue/store.h"

struct mc_queue {
	const struct mc_caller *caller;
	const struct mc_config *config;
	struct mc_log log;		/* the store has a pointer to it */
	struct mc_buf place;
	struct mc_store *store;		/* NULL: not there, so it is empty */
};

/*
 * mc_queue_place - the directory of the spool
 *
 * The key queue-dir; else /var/spool/mailchute for the user 0; else
 * mailchute/queue in XDG_STATE_HOME, if that is absolute, or in ~/.local/state.
 * Replaces what is in `out`, which has to have room for a path.  MC_E_QUEUE if
 * there is no place, MC_E_TOO_LONG, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_queue_place(const struct mc_caller *caller, const struct mc_config *config,
    struct mc_buf *out, struct mc_err *err);

/* room for a path from keys.def and what stands behind it */
#define MC_QUEUE_PLACE (2 * MC_MAX_CONFIG_LINE)

/*
 * mc_queue_settings - how the configuration wants the spool to be
 *
 * The directory is a slice of `place`, which is filled as by mc_queue_place.
 * The rest (no_create, no_sweep, log) is unset.
 */
MC_NODISCARD int
mc_queue_settings(const struct mc_caller *caller,
    const struct mc_config *config, struct mc_buf *place,
    struct mc_store_settings *ret_settings, struct mc_err *err);

/*
 * mc_queue_look - open a message to read it
 *
 * mc_store_look, but what cannot be had is always an error: MC_E_QUEUE_NONE,
 * MC_E_QUEUE_DAMAGED (in bad/ too), MC_E_QUEUE, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_queue_look(struct mc_queue *queue, const char *id,
    struct mc_entry **ret_entry, struct mc_err *err);

/* is an account paused?  The text says why, whatever it was; there has to be a
 * spool */
struct mc_pause;
bool
mc_queue_pause(struct mc_queue *queue, const char *name, int64_t now,
    struct mc_pause *ret_pause);

/*
 * mc_queue_run_by - mc_queue_run, with workers that somebody else starts
 *
 * spawn: the runner's end of mc_spawn_channel() (queue/spawn.h), borrowed; -1:
 * it starts them itself.  When nobody is at its other end any more the run
 * ends, like one that was asked to end.
 */
MC_NODISCARD int
mc_queue_run_by(struct mc_queue *queue, const struct mc_run *run, int spawn,
    struct mc_err *err);

/* MC_E_QUEUE_DAMAGED if bad/ has it, else MC_E_QUEUE_NONE; always -1 */
int
mc_queue_not_there(struct mc_queue *queue, const char *id, struct mc_err *err);

#endif
