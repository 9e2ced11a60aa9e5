/* SPDX-License-Identifier: MIT */
/*
 * queue_list.c - tell what is in the queue, and change nothing
 */
#include "base/base.h"
#include "queue_internal.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "queue/pause.h"

#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif
#include <time.h>

/* pauses and locks that are remembered; what is past it is looked up, or
 * shown as waiting */
#define MOST_ACCOUNTS 1000
#define MOST_LOCKS 100000
#define PIECE (32 * 1024)

struct account_pause {
	char *account;
	bool holds;
	struct mc_pause pause;
};

struct listing {
	struct mc_queue *queue;
	mc_queue_fn fn;
	void *ctx;
	struct mc_err *err;
	int64_t now;
	struct mc_vec pauses;		/* struct account_pause */
	struct account_pause last;	/* for what does not fit in there */
	struct mc_vec locks;		/* ino_t, in order */
};

/* ------------------------------------------------------------------- locks */

#ifdef __linux__
/* "1: FLOCK  ADVISORY  WRITE 4711 fd:01:262178 0 EOF" */
static bool
parse_lock(struct mc_str line, dev_t dev, ino_t *ret_ino)
{
	/* NULL: any word; the one behind the process is the file */
	static const char *const words[] = { NULL, "FLOCK", "ADVISORY",
	    "WRITE", NULL, NULL };
	struct mc_str token = MC_STR_NONE;
	char want[64];
	uint64_t ino;

	for (size_t i = 0; i < MC_NELEM(words); i++)
		if (!mc_str_next_token(&line, " ", &token) ||
		    (words[i] != NULL &&
		    !mc_str_eq(token, mc_str_from(words[i]))))
			return false;
	(void)snprintf(want, sizeof(want), "%02x:%02x:", major(dev),
	    minor(dev));

	size_t n = strlen(want);

	if (!mc_str_eq(mc_str_sub(token, 0, n), mc_str_from(want)) ||
	    mc_num_u64(mc_str_sub(token, n, token.len), UINT64_MAX,
	    &ino) != 0)
		return false;
	*ret_ino = (ino_t)ino;
	return true;
}

static int
by_number(const void *a, const void *b)
{
	const ino_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
take_locks(struct listing *list, struct mc_buf *text, dev_t dev)
{
	struct mc_str rest = mc_buf_str(text);
	size_t end;

	while ((end = mc_str_chr(rest, '\n')) < rest.len) {
		ino_t ino;
		ino_t *item = NULL;

		if (parse_lock(mc_str_sub(rest, 0, end), dev, &ino))
			item = mc_vec_add(&list->locks);
		if (item != NULL)
			*item = ino;
		rest = mc_str_sub(rest, end + 1, rest.len);
	}
	mc_buf_consume(text, text->len - rest.len);
}

/*
 * Trying the locks would make a runner pass over a message that we have for a
 * moment; so ask the system who has which.  What cannot be found out (no
 * /proc, or a file system that shows another device number there) is shown
 * as waiting.
 */
static void
find_locks(struct listing *list)
{
	struct mc_buf text;
	struct stat st;
	int fd;

	if (fstat(mc_store_q_fd(list->queue->store), &st) != 0)
		return;
	fd = mc_file_lift(open("/proc/locks", O_RDONLY | O_CLOEXEC |
	    O_NOCTTY));
	if (fd < 0)
		return;
	mc_buf_init(&text, PIECE);
	while (mc_file_fill(fd, &text) > 0)
		take_locks(list, &text, st.st_dev);
	mc_buf_clear(&text);
	mc_file_close(&fd);
	if (list->locks.n > 1)
		qsort(list->locks.items, list->locks.n, sizeof(ino_t),
		    by_number);
}

static bool
is_locked(const struct listing *list, ino_t ino)
{
	return list->locks.n != 0 && bsearch(&ino, list->locks.items,
	    list->locks.n, sizeof(ino_t), by_number) != NULL;
}
#else
static void
find_locks(struct listing *list)
{
	(void)list;
}

static bool
is_locked(const struct listing *list, ino_t ino)
{
	(void)list;
	(void)ino;
	return false;
}
#endif

/* ------------------------------------------------------------------ pauses */

bool
mc_queue_pause(struct mc_queue *queue, const char *name, int64_t now,
    struct mc_pause *ret_pause)
{
	const struct mc_config *config = queue->config;
	const struct mc_account *account;
	struct mc_schedule schedule;

	mc_pause_load(queue->store, name, ret_pause);
	/* an account that is no more has no schedule of its own */
	if (mc_config_find(config, name, &account, NULL) != 0 &&
	    mc_config_find(config, mc_config_account(config, 0), &account,
	    NULL) != 0)
		return false;
	mc_schedule_of(account, &schedule);
	if (ret_pause->text[0] == '\0')
		(void)snprintf(ret_pause->text, sizeof(ret_pause->text),
		    "nobody said why");
	return mc_pause_holds(ret_pause, &schedule, now);
}

/* NULL if the account may be used */
static const struct mc_pause *
find_pause(struct listing *list, const char *name)
{
	struct account_pause *p = NULL;

	for (size_t i = 0; i < list->pauses.n; i++) {
		p = mc_vec_at(&list->pauses, i);
		if (strcmp(p->account, name) == 0)
			return p->holds ? &p->pause : NULL;
	}

	char *copy = mc_mem_strdup(name);

	p = copy == NULL ? NULL : mc_vec_add(&list->pauses);
	if (p == NULL) {
		mc_mem_free(copy);
		p = &list->last;
		*p = (struct account_pause){ .account = NULL };
	} else {
		p->account = copy;
	}
	p->holds = mc_queue_pause(list->queue, name, list->now, &p->pause);
	return p->holds ? &p->pause : NULL;
}

/* ----------------------------------------------------------------- telling */

static void
begin(struct listing *list, struct mc_queue *queue, mc_queue_fn fn, void *ctx,
    struct mc_err *err)
{
	*list = (struct listing){ .queue = queue, .fn = fn, .ctx = ctx,
	    .err = err, .now = (int64_t)time(NULL) };
	mc_vec_init(&list->pauses, sizeof(struct account_pause),
	    MOST_ACCOUNTS);
	mc_vec_init(&list->locks, sizeof(ino_t), MOST_LOCKS);
	find_locks(list);
}

static void
end(struct listing *list)
{
	for (size_t i = 0; i < list->pauses.n; i++) {
		struct account_pause *p = mc_vec_at(&list->pauses, i);

		mc_mem_free(p->account);
	}
	mc_vec_clear(&list->pauses);
	mc_vec_clear(&list->locks);
}

/* what a message that is told of has behind it */
struct inner {
	struct mc_entry *entry;
};

static int
tell(struct listing *list, struct mc_entry *entry)
{
	const struct inner inner = { entry };
	const struct mc_envelope *env = mc_entry_envelope(entry);
	const struct mc_pause *pause = NULL;
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	if (!info.failed)
		pause = find_pause(list, info.account);

	struct mc_queue_message m = {
		.id = info.id,
		.account = info.account,
		.sender = env->sender == NULL ? "" : env->sender,
		.size = info.size,
		.arrival = info.arrival,
		.next_attempt = info.next_attempt,
		.hold_until = info.hold_until > list->now && !info.failed ?
		    info.hold_until : 0,
		.uid = info.uid,
		.attempts = info.attempts,
		.recipients = env->rcpts.n,
		.is_report = info.is_report,
		.pause = pause == NULL ? NULL : pause->text,
		.inner = &inner,
	};

	if (m.hold_until > m.next_attempt)
		m.next_attempt = m.hold_until;
	if (pause != NULL && pause->until > m.next_attempt)
		m.next_attempt = pause->until;
	if (info.failed)
		m.state = MC_QUEUE_FAILED;
	else if (info.held)
		m.state = MC_QUEUE_HELD;
	else if (is_locked(list, info.ino))
		m.state = MC_QUEUE_ACTIVE;
	for (size_t i = 0; i < env->rcpts.n; i++)
		m.pending += mc_envelope_at(env, i)->verdict == MC_PENDING;
	return list->fn(list->ctx, &m);
}

static int
tell_damaged(struct listing *list, const struct mc_store_stat *st)
{
	const struct mc_queue_message m = { .id = st->id,
	    .state = MC_QUEUE_DAMAGED, .account = "", .sender = "",
	    .size = st->size };

	return list->fn(list->ctx, &m);
}

static int
list_one(void *ctx, const struct mc_store_stat *name)
{
	struct listing *list = ctx;
	struct mc_store *store = list->queue->store;
	struct mc_err err = { .code = MC_OK };
	struct mc_store_stat st;
	struct mc_entry *entry;
	int rc = mc_store_look_at(store, name, &entry, &err);

	if (rc == 1) {
		rc = tell(list, entry);
		mc_entry_close(entry);
		return rc;
	}
	/* sent or removed since its name was read */
	if (rc == 0)
		return 0;
	if (err.code == MC_E_NOMEM) {
		if (list->err != NULL && !mc_err_is_set(list->err))
			*list->err = err;
		return -1;
	}
	if (err.code == MC_E_QUEUE_DAMAGED &&
	    mc_store_stat_id(store, name->id, &st) == 1)
		return tell_damaged(list, &st);
	mc_log_line(&list->queue->log, MC_LOG_ERROR, MC_STAGE_LOCAL, "%s",
	    err.text);
	return 0;
}

static int
list_bad(void *ctx, const struct mc_store_stat *st)
{
	return tell_damaged(ctx, st);
}

int
mc_queue_list(struct mc_queue *queue, mc_queue_fn fn, void *ctx,
    struct mc_err *err)
{
	struct listing list;

	if (queue->store == NULL)
		return 0;
	begin(&list, queue, fn, ctx, err);

	int rc = mc_store_scan_names(queue->store, list_one, &list, err);

	/* last: what is moved there meanwhile is told at least once */
	if (rc == 0)
		rc = mc_store_scan_bad(queue->store, list_bad, &list, err);
	end(&list);
	return rc;
}

static enum mc_verdict
verdict_of(enum mc_cell cell)
{
	switch (cell) {
	case MC_CELL_PENDING:
		break;
	case MC_CELL_UNSURE:
		return MC_UNSURE;
	case MC_CELL_DELIVERED:
		return MC_DELIVERED;
	case MC_CELL_FAILED:
	case MC_CELL_REPORTED:
		return MC_FAILED;
	}
	return MC_PENDING;
}

int
mc_queue_rcpt(const struct mc_queue_message *message, size_t i,
    struct mc_queue_recipient *ret_rcpt)
{
	const struct inner *inner = message->inner;
	const struct mc_rcpt *rcpt = inner == NULL ? NULL :
	    mc_envelope_at(mc_entry_envelope(inner->entry), i);

	if (rcpt == NULL)
		return -1;
	*ret_rcpt = (struct mc_queue_recipient){
		.address = rcpt->addr,
		.verdict = verdict_of(mc_entry_cell(inner->entry, i)),
		.text = rcpt->text,
	};
	return 0;
}

/* ------------------------------------------------------------- one message */

int
mc_queue_look(struct mc_queue *queue, const char *id,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	struct mc_err found = { .code = MC_OK };
	int rc = queue->store == NULL ? 0 : mc_store_look(queue->store, id,
	    ret_entry, &found);

	if (rc == 1)
		return 0;
	/* what is no identifier is none of a message */
	if (rc == 0 || found.code == MC_E_USAGE)
		return mc_queue_not_there(queue, id, err);
	if (err != NULL && !mc_err_is_set(err))
		*err = found;
	return -1;
}

int
mc_queue_show(struct mc_queue *queue, const char *id, mc_queue_fn fn,
    void *ctx, struct mc_err *err)
{
	struct mc_entry *entry = NULL;
	struct listing list;

	if (mc_queue_look(queue, id, &entry, err) != 0)
		return -1;
	begin(&list, queue, fn, ctx, err);

	int rc = tell(&list, entry);

	end(&list);
	mc_entry_close(entry);
	return rc;
}

struct noting {
	struct mc_entry *entry;
	mc_queue_note_fn fn;
	void *ctx;
};

static int
tell_note(void *ctx, size_t i, int64_t when, const char *text)
{
	const struct noting *n = ctx;
	const struct mc_rcpt *rcpt = mc_envelope_at(
	    mc_entry_envelope(n->entry), i);

	return n->fn(n->ctx, rcpt == NULL ? NULL : rcpt->addr, when, text);
}

int
mc_queue_notes(struct mc_queue *queue, const char *id, mc_queue_note_fn fn,
    void *ctx, struct mc_err *err)
{
	struct noting n = { .fn = fn, .ctx = ctx };

	if (mc_queue_look(queue, id, &n.entry, err) != 0)
		return -1;

	int rc = mc_entry_notes(n.entry, tell_note, &n, err);

	mc_entry_close(n.entry);
	return rc;
}

static int
read_all(struct mc_entry *entry, mc_queue_bytes_fn fn, void *ctx,
    struct mc_err *err)
{
	const struct mc_spool *body;
	struct mc_str header;
	char piece[PIECE];
	size_t got = 0;
	int rc;

	if (mc_entry_content(entry, &header, &body, err) != 0)
		return -1;
	rc = header.len == 0 ? 0 : fn(ctx, header.ptr, header.len);
	if (rc == 0)
		rc = fn(ctx, "\r\n", 2);
	for (uint64_t at = 0; rc == 0; at += got) {
		if (mc_spool_read(body, at, piece, sizeof(piece), &got,
		    err) != 0)
			return -1;
		if (got == 0)
			break;
		rc = fn(ctx, piece, got);
	}
	return rc;
}

int
mc_queue_read(struct mc_queue *queue, const char *id, mc_queue_bytes_fn fn,
    void *ctx, struct mc_err *err)
{
	struct mc_entry *entry = NULL;

	if (mc_queue_look(queue, id, &entry, err) != 0)
		return -1;

	int rc = read_all(entry, fn, ctx, err);

	mc_entry_close(entry);
	return rc;
}
