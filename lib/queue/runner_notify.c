/* SPDX-License-Identifier: MIT */
/*
 * runner_notify.c - notify-command hears of what finally failed
 *
 * Failures are gathered, so that a thousand of them do not become a thousand
 * processes, and the program runs in a child, so that no message waits for it.
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"

#include <inttypes.h>
#include <poll.h>

/* the first failure waits so long for others */
#define GATHER_MS 2000
/* from one start of the program to the next, in a run that stays */
#define EVERY_MS (60 * 1000)
#define LOOK_MS 100
/* beyond helper-timeout, or when the run is told to end */
#define SPARE_MS 3000
/* for the line that says how many there was no room for */
#define LAST_LINE 64

/* what the child works with */
struct notice {
	const struct mc_runner *r;
	const struct mc_lane *lane;
};

/* ---------------------------------------------------------------- gathering */

static void
add_line(struct mc_buf *out, const char *name, const char *value)
{
	mc_buf_addf(out, "%s: ", name);
	mc_buf_add_printable(out, mc_str_from(value == NULL ? "" : value),
	    MC_ERR_TEXT);
	mc_buf_addc(out, '\n');
}

static void
add_one(struct mc_lane *lane, struct mc_entry *entry, size_t i)
{
	const struct mc_rcpt *rcpt = mc_record_rcpt(entry, i);
	struct mc_entry_info info;
	struct mc_buf one;

	mc_entry_info(entry, &info);
	mc_buf_init(&one, MC_PROC_INPUT);
	add_line(&one, "id", info.id);
	add_line(&one, "account", lane->name);
	add_line(&one, "sender", mc_entry_envelope(entry)->sender);
	add_line(&one, "recipient", rcpt->addr);
	add_line(&one, "verdict", rcpt->text);
	mc_buf_addc(&one, '\n');
	/* what one lacks memory for is counted like what there is no room for */
	if (one.err == 0 && one.len <= MC_PROC_INPUT - LAST_LINE -
	    lane->failed.len && mc_buf_reserve(&lane->failed, one.len) != NULL)
		mc_buf_add_str(&lane->failed, mc_buf_str(&one));
	else
		lane->failed_more++;
	mc_buf_clear(&one);
}

void
mc_notify_add(struct mc_lane *lane, struct mc_entry *entry,
    const struct mc_some *s)
{
	struct mc_entry_info info;

	if (s->n == 0 || lane->account == NULL ||
	    lane->account->notify_command == NULL)
		return;
	/* what it reports of was told */
	mc_entry_info(entry, &info);
	if (info.is_report)
		return;
	if (lane->failed.len == 0 && lane->failed_more == 0) {
		int64_t soon = mc_clock_after(GATHER_MS);

		mc_buf_clear(&lane->failed);
		mc_buf_init(&lane->failed, MC_PROC_INPUT);
		if (lane->notify_at < soon)
			lane->notify_at = soon;
	}
	for (size_t k = 0; k < s->n; k++)
		add_one(lane, entry, s->which[k]);
}

static bool
has_failed(const struct mc_lane *lane)
{
	return lane->failed.len != 0 || lane->failed_more != 0;
}

/* ------------------------------------------------------------- in the child */

static int
run_command(const struct notice *n, struct mc_err *err)
{
	const struct mc_account *a = n->lane->account;
	const struct mc_caller *caller = n->r->set->caller;
	char *own = NULL, **argv;
	struct mc_buf out;
	int rc;

	if (mc_proc_split(mc_str_from(a->notify_command), &argv, err) != 0)
		return -1;
	mc_buf_init(&out, MC_MAX_SECRET);
	rc = mc_proc_expand_home(argv, caller->home, &own, err);
	if (rc == 0)
		rc = mc_proc_run_with(argv, caller->envp,
		    mc_buf_str(&n->lane->failed),
		    (int64_t)a->helper_timeout * 1000, -1, &out, err);
	mc_buf_clear(&out);
	mc_mem_free(own);
	mc_mem_free(argv);
	return rc;
}

/* what went wrong goes to the runner, which has the log */
static void
notify(void *ctx, int sock)
{
	struct mc_err err = { .code = MC_OK };

	if (run_command(ctx, &err) != 0 && mc_child_send(sock, &err,
	    sizeof(err), -1, SPARE_MS) != 0)
		return;
}

/* ----------------------------------------------------------- in the runner */

static void
start(struct mc_runner *r, struct mc_lane *lane)
{
	struct notice n = { r, lane };
	struct mc_err err = { .code = MC_OK };

	if (lane->failed_more != 0)
		mc_buf_addf(&lane->failed, "more: %" PRIu64 "\n",
		    lane->failed_more);
	if (mc_child_start(notify, &n, &lane->notifier, &err) != 0)
		mc_log_line(r->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "notify-command: %s", err.text);
	mc_buf_reset(&lane->failed);
	lane->failed_more = 0;
	lane->notify_at = mc_clock_after(EVERY_MS);
}

/* true once it has ended */
static bool
is_over(struct mc_runner *r, struct mc_lane *lane)
{
	struct mc_err err;
	int fd = -1;

	if (!mc_child_reap(&lane->notifier))
		return false;
	if (mc_child_recv_some(lane->notifier.sock, &err, sizeof(err), &fd) ==
	    (ssize_t)sizeof(err)) {
		err.text[sizeof(err.text) - 1] = '\0';
		mc_log_line(r->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "account %s: notify-command: %s", lane->name, err.text);
	}
	mc_file_close(&fd);
	mc_file_close(&lane->notifier.sock);
	lane->notifier.pid = 0;
	return true;
}

void
mc_notify_turn(struct mc_runner *r, int64_t *ret_wake)
{
	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next) {
		if (l->notifier.pid != 0 && !is_over(r, l)) {
			*ret_wake = mc_clock_sooner(*ret_wake,
			    mc_clock_after(LOOK_MS));
			continue;
		}
		if (!has_failed(l))
			continue;
		if (mc_clock_left(l->notify_at) == 0) {
			start(r, l);
			*ret_wake = mc_clock_sooner(*ret_wake,
			    mc_clock_after(LOOK_MS));
		} else {
			*ret_wake = mc_clock_sooner(*ret_wake, l->notify_at);
		}
	}
}

/* whoever tells the run to end does not wait for a mail about a mail */
static void
finish(struct mc_runner *r, struct mc_lane *lane)
{
	struct pollfd p = { .fd = r->set->run->cancel_fd, .events = POLLIN };

	if (lane->notifier.pid == 0)
		return;

	int64_t soon = mc_clock_after(SPARE_MS);
	int64_t end = mc_clock_after(SPARE_MS +
	    (int64_t)lane->account->helper_timeout * 1000);

	while (lane->notifier.pid != 0 && !is_over(r, lane)) {
		bool told = r->cancelled || poll(&p, 1, 0) > 0;

		if (mc_clock_left(told ? soon : end) == 0) {
			mc_child_end(&lane->notifier, 0);
			return;
		}
		(void)poll(NULL, 0, LOOK_MS / 10);
	}
}

void
mc_notify_rest(struct mc_runner *r)
{
	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next) {
		finish(r, l);
		if (has_failed(l)) {
			start(r, l);
			finish(r, l);
		}
		mc_buf_clear(&l->failed);
	}
}
