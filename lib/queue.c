/* SPDX-License-Identifier: MIT */
/*
 * queue.c - find and open the queue of whoever runs this
 */
#include "base/base.h"
#include "queue_internal.h"

#include "base/env.h"
#include "base/err.h"
#include "base/mem.h"

#define SYSTEM_PLACE "/var/spool/mailchute"

/* keys that stand before the first section are the same in every account */
static int
global_keys(const struct mc_config *config,
    const struct mc_account **ret_account, struct mc_err *err)
{
	return mc_config_find(config, mc_config_account(config, 0),
	    ret_account, err);
}

static void
add_default_place(const struct mc_caller *caller, struct mc_buf *out)
{
	const char *state = mc_env_get(caller->envp, "XDG_STATE_HOME");

	if (caller->uid == 0)
		mc_buf_addz(out, SYSTEM_PLACE);
	else if (state != NULL && state[0] == '/')
		mc_buf_addf(out, "%s/mailchute/queue", state);
	else if (caller->home != NULL && caller->home[0] == '/')
		mc_buf_addf(out, "%s/.local/state/mailchute/queue",
		    caller->home);
}

static int
find_place(const struct mc_caller *caller, const struct mc_account *keys,
    struct mc_buf *out, struct mc_err *err)
{
	mc_buf_reset(out);
	if (keys->queue_dir != NULL)
		mc_buf_addz(out, keys->queue_dir);
	else
		add_default_place(caller, out);
	if (mc_buf_err(out, "path of the queue", err) != 0)
		return -1;
	if (out->len == 0)
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "no place for a queue: set queue-dir");
	return 0;
}

int
mc_queue_place(const struct mc_caller *caller, const struct mc_config *config,
    struct mc_buf *out, struct mc_err *err)
{
	const struct mc_account *keys;

	if (global_keys(config, &keys, err) != 0)
		return -1;
	return find_place(caller, keys, out, err);
}

int
mc_queue_settings(const struct mc_caller *caller,
    const struct mc_config *config, struct mc_buf *place,
    struct mc_store_settings *ret_settings, struct mc_err *err)
{
	const struct mc_account *keys;

	if (global_keys(config, &keys, err) != 0 ||
	    find_place(caller, keys, place, err) != 0)
		return -1;
	*ret_settings = (struct mc_store_settings){
		.dir = place->ptr,
		.any_fs = keys->queue_any_fs,
		.max_messages = keys->queue_max_messages,
		.max_bytes = keys->queue_max_bytes,
		.reserve_bytes = keys->queue_reserve,
	};
	return 0;
}

/* ------------------------------------------------------------------ opening */

static int
open_store(struct mc_queue *queue, bool create, struct mc_err *err)
{
	struct mc_store_settings set;
	struct mc_err found = { .code = MC_OK };

	if (mc_queue_settings(queue->caller, queue->config, &queue->place,
	    &set, err) != 0)
		return -1;
	/* who only asks leaves alone what others have not finished */
	set.no_create = set.no_sweep = !create;
	set.log = &queue->log;
	if (mc_store_open(&set, &queue->store, &found) == 0 ||
	    found.code == MC_E_QUEUE_NONE)
		return 0;
	if (err != NULL && !mc_err_is_set(err))
		*err = found;
	return -1;
}

int
mc_queue_open(const struct mc_caller *caller, const struct mc_config *config,
    unsigned flags, struct mc_queue **ret_queue, struct mc_err *err)
{
	struct mc_queue *queue = mc_mem_zalloc(1, sizeof(*queue));

	if (queue == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	queue->caller = caller;
	queue->config = config;
	mc_buf_init(&queue->place, MC_QUEUE_PLACE);
	if (open_store(queue, (flags & MC_QUEUE_CREATE) != 0, err) != 0) {
		mc_queue_free(queue);
		return -1;
	}
	*ret_queue = queue;
	return 0;
}

void
mc_queue_free(struct mc_queue *queue)
{
	if (queue == NULL)
		return;
	mc_store_close(queue->store);
	mc_buf_clear(&queue->place);
	mc_mem_free(queue);
}

void
mc_queue_set_log(struct mc_queue *queue, enum mc_level most, mc_log_fn fn,
    void *ctx)
{
	queue->log = (struct mc_log){ fn, ctx, most };
}

const char *
mc_queue_dir(const struct mc_queue *queue)
{
	return queue->place.ptr;
}
