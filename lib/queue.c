/* SPDX-License-Identifier: MIT */
/*
 * queue.c - find and open the queue of whoever runs this
 */
#include "base/base.h"
#include "queue_internal.h"

#include "base/env.h"
#include "base/err.h"
#include "base/mem.h"
#include "queue/schedule.h"

#include <time.h>

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

/* ----------------------------------------------------------------- opening */

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

/* ------------------------------------------------------------------ asking */

struct due {
	const struct mc_config *config;
	int64_t now;
	bool have_schedule;
	struct mc_schedule schedule;
};

static uint64_t
longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * Whose account a message is stands inside of it, and it is not opened: one
 * that is further ahead than any account's longest wait is due because the
 * clock was wrong.
 */
static const struct mc_schedule *
widest(struct due *d)
{
	const struct mc_account *account;
	const char *name;

	for (size_t i = 0; !d->have_schedule &&
	    (name = mc_config_account(d->config, i)) != NULL; i++) {
		struct mc_schedule s;

		if (mc_config_find(d->config, name, &account, NULL) != 0)
			continue;
		mc_schedule_of(account, &s);
		d->schedule.retry_min = longer(d->schedule.retry_min,
		    s.retry_min);
		d->schedule.retry_max = longer(d->schedule.retry_max,
		    s.retry_max);
		d->schedule.unsure_wait = longer(d->schedule.unsure_wait,
		    s.unsure_wait);
	}
	d->have_schedule = true;
	return &d->schedule;
}

static int
is_due(void *ctx, const struct mc_store_stat *st)
{
	struct due *d = ctx;

	if (st->held)
		return 0;
	/* a run takes away what was kept long enough */
	if (st->next_attempt <= d->now)
		return 1;
	return !st->failed && !st->timed && mc_schedule_due(widest(d),
	    st->next_attempt, d->now);
}

int
mc_queue_due(struct mc_queue *queue, struct mc_err *err)
{
	struct due d = { .config = queue->config, .now = (int64_t)time(NULL) };

	if (queue->store == NULL)
		return 0;
	return mc_store_scan_quick(queue->store, is_due, &d, err);
}

struct finding {
	const char *prefix;
	size_t n;
	char id[MC_ID_LEN + 1];
	char other[MC_ID_LEN + 1];	/* another one, "" if there is none */
};

static int
find_id(void *ctx, const struct mc_store_stat *st)
{
	struct finding *f = ctx;

	if (strncasecmp(st->id, f->prefix, f->n) != 0)
		return 0;
	if (f->id[0] == '\0')
		memcpy(f->id, st->id, sizeof(f->id));
	else if (strcmp(f->id, st->id) != 0)
		memcpy(f->other, st->id, sizeof(f->other));
	return f->other[0] != '\0';
}

/* a whole identifier needs no search */
static bool
find_whole(struct mc_queue *queue, const char *word, char *ret_id)
{
	struct mc_store_stat st;
	char id[MC_ID_LEN + 1];

	if (queue->store == NULL || strlen(word) != MC_ID_LEN)
		return false;
	for (size_t i = 0; i <= MC_ID_LEN; i++)
		id[i] = (char)mc_to_lower((unsigned char)word[i]);
	if (mc_store_stat_id(queue->store, id, &st) == 0)
		return false;
	(void)snprintf(ret_id, 32, "%s", id);
	return true;
}

int
mc_queue_find(struct mc_queue *queue, const char *prefix, char ret_id[32],
    struct mc_err *err)
{
	struct finding f = { .prefix = prefix, .n = strlen(prefix) };
	int rc = 0;

	if (f.n == 0)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "an empty word is no identifier of a message");
	if (find_whole(queue, prefix, ret_id))
		return 0;
	if (queue->store != NULL && f.n <= MC_ID_LEN) {
		rc = mc_store_scan_names(queue->store, find_id, &f, err);
		if (rc == 0)
			rc = mc_store_scan_bad(queue->store, find_id, &f, err);
	}
	if (rc < 0)
		return -1;
	if (f.other[0] != '\0')
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "several messages begin with %s, such as %s and %s: write "
		    "more of it", prefix, f.id, f.other);
	if (f.id[0] == '\0')
		return mc_queue_not_there(queue, prefix, err);
	(void)snprintf(ret_id, 32, "%s", f.id);
	return 0;
}

struct named {
	const char *id;
};

static int
is_named(void *ctx, const struct mc_store_stat *st)
{
	const struct named *named = ctx;

	return strcmp(named->id, st->id) == 0;
}

int
mc_queue_not_there(struct mc_queue *queue, const char *id, struct mc_err *err)
{
	struct named named = { id };
	int rc = queue->store == NULL ? 0 : mc_store_scan_bad(queue->store,
	    is_named, &named, err);

	if (rc < 0)
		return -1;
	if (rc != 0)
		return mc_err_set(err, MC_E_QUEUE_DAMAGED, MC_STAGE_LOCAL,
		    "message %s is damaged, and is not sent: what is left of "
		    "it is %s/bad/m-%s", id, mc_queue_dir(queue), id);
	return mc_err_set(err, MC_E_QUEUE_NONE, MC_STAGE_LOCAL,
	    "no message %s in the queue %s", id, mc_queue_dir(queue));
}

int
mc_queue_check(struct mc_queue *queue, mc_queue_check_fn fn, void *ctx,
    size_t *ret_damaged, struct mc_err *err)
{
	if (queue->store != NULL)
		return mc_store_check(queue->store, fn, ctx, ret_damaged, err);
	*ret_damaged = 0;
	return 0;
}
