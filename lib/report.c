/* SPDX-License-Identifier: MIT */
/*
 * report.c - a delivery report about a submission that was refused
 */
#include "base/base.h"
#include "submission.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rand.h"
#include "queue/counters.h"
#include "queue/report.h"
#include "queue/store.h"

/* those it is about, and the text each of them had before */
struct about {
	size_t *which;
	char **texts;
	size_t n;
};

/* a report about a report could go on for ever */
static bool
is_report(const struct mc_submission *sub)
{
	const struct mc_header *header = &sub->message.header;
	size_t i = mc_header_find(header, "Content-Type", 0);
	struct mc_str type = MC_STR("multipart/report");
	struct mc_str value;

	if (i == SIZE_MAX)
		return false;
	value = mc_str_trim(mc_header_at(header, i)->value);
	return mc_str_eq_nocase(mc_str_sub(value, 0, type.len), type);
}

static int
choose(struct mc_submission *sub, struct about *a, struct mc_err *err)
{
	size_t most = sub->env.rcpts.n + 1;

	a->which = mc_mem_zalloc(most, sizeof(*a->which));
	a->texts = mc_mem_zalloc(most, sizeof(*a->texts));
	if (a->which == NULL || a->texts == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (size_t i = 0; i < sub->env.rcpts.n; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, i);

		if (rcpt->verdict != MC_FAILED ||
		    !mc_report_wanted(rcpt, MC_REPORT_FAILED))
			continue;
		a->which[a->n] = i;
		a->texts[a->n] = rcpt->text;
		if (rcpt->text != NULL &&
		    mc_submission_set_reason(rcpt, err) != 0)
			return -1;
		a->n++;
	}
	return 0;
}

/* everything as it was */
static void
unchoose(struct mc_submission *sub, struct about *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, a->which[i]);

		if (rcpt->text != a->texts[i])
			mc_mem_free(rcpt->text);
		rcpt->text = a->texts[i];
	}
	mc_mem_free(a->which);
	mc_mem_free(a->texts);
}

static int
put(struct mc_submission *sub, const char *id, struct mc_str header,
    const struct mc_spool *body, bool has_8bit, int64_t now,
    struct mc_err *err)
{
	static const size_t first[] = { 0 };
	struct mc_store_item item = { .account = sub->account->name,
	    .uid = sub->uid, .arrival = now, .next_attempt = now,
	    .order = first, .n = 1, .header = header, .body = body,
	    .needs_8bit = has_8bit, .is_report = true };
	char put_id[MC_ID_LEN + 1];
	struct mc_envelope env;
	size_t i;
	int rc = -1;

	mc_envelope_init(&env);
	item.env = &env;
	if (mc_envelope_set_sender(&env, MC_STR_NONE, err) == 0 &&
	    mc_envelope_add(&env, mc_str_from(sub->env.sender), false, &i,
	    err) == 0) {
		mc_envelope_at(&env, 0)->notify = MC_NOTIFY_NEVER;
		rc = mc_store_put(sub->store, &item, id, put_id, err);
	}
	if (rc == 0)
		(void)mc_counters_add(sub->store, item.account,
		    &(struct mc_counts){ .queued = 1 });
	mc_envelope_clear(&env);
	return rc;
}

static int
make(struct mc_submission *sub, const struct about *a,
    struct mc_queued *ret_report, struct mc_err *err)
{
	struct mc_report_settings set = { .kind = MC_REPORT_FAILED,
	    .env = &sub->env, .which = a->which, .n = a->n,
	    .body = &sub->message.body };
	char of[MC_ID_LEN + 1], id[MC_ID_LEN + 1];
	bool has_8bit = false;
	struct mc_buf header;
	struct mc_spool body;
	int rc = -1;

	mc_buf_init(&header, MC_REPORT_HEADER);
	mc_spool_init(&body, MC_SPOOL_MEMORY, sub->caller->tmpdir);
	set.now = set.arrival = set.last_attempt = mc_clock_real_ms() / 1000;
	set.header = mc_buf_str(&sub->header);
	set.id = of;
	mc_report_of_account(sub->account, &set);
	/* the message is in no queue, so it has no identifier */
	if (mc_rand_id(of, err) == 0 &&
	    mc_report_id(of, set.kind, a->which, a->n, id, err) == 0 &&
	    mc_report_make(&set, &header, &body, &has_8bit, err) == 0 &&
	    mc_submission_open_store(sub, true, err) == 0)
		rc = put(sub, id, mc_buf_str(&header), &body, has_8bit,
		    set.now, err);
	mc_buf_clear(&header);
	mc_spool_clear(&body);
	if (rc != 0)
		return -1;
	memset(ret_report, 0, sizeof(*ret_report));
	(void)snprintf(ret_report->id, sizeof(ret_report->id), "%s", id);
	ret_report->next_attempt = set.now;
	ret_report->recipients = a->n;
	return 0;
}

int
mc_submission_report(struct mc_submission *sub, struct mc_queued *ret_report,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct about a = { 0 };
	int rc = 0;

	if (!sub->prepared || !sub->sent || sub->reported)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    sub->reported ? "this submission was reported already" :
		    "the submission was not sent");
	if (choose(sub, &a, &why) != 0)
		rc = -1;
	else if (a.n == 0 || sub->env.sender[0] == '\0' || is_report(sub) ||
	    mc_submission_queue_mode(sub) == MC_QUEUE_OFF)
		memset(ret_report, 0, sizeof(*ret_report));
	else
		rc = make(sub, &a, ret_report, &why);
	sub->reported = sub->reported || (rc == 0 && a.n != 0);
	unchoose(sub, &a);
	if (rc != 0 && err != NULL)
		*err = why;
	return rc;
}
