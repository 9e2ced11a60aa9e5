/* SPDX-License-Identifier: MIT */
/*
 * driver.c - use the spool from the command line, and say what it promised
 *
 *	driver put DIR MARK SIZE [ID]	queue a message; "queued ID" once the
 *					spool says it is, else "refused CODE"
 *	driver run DIR SINK [NOW]	be a runner: "send" to the file SINK,
 *					record, report, keep or remove
 *	driver deliver DIR SINK		claim one message and let a child send
 *					it, as soon as standard input ends
 *	driver hold|release|drop|revive DIR
 *					do that with every message
 *	driver recover DIR...		open, check and list
 *	driver settle DIR SINK		the same, run until only failed ones are
 *					left, list those, let their time pass
 *	driver fill DIR N SIZE		queue N messages
 *	driver bare DIR N SIZE		write, fsync, rename, fsync, no more
 *	driver list DIR			scan and look at all; time and memory
 *
 * Lines on standard output are single writes, so that a log of calls shows
 * where each of them stands.  The body of a message follows from MARK and
 * SIZE, so that it can be told whole from altered.
 */
#include "base/base.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "side.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* the time it is for a runner; how long it keeps what has failed; the end */
#define NOW 3000
#define KEEP 2000
#define LATER 10000

#define MOST 1000

/* ---------------------------------------------------------------- messages */

static int
put_message(struct mc_store *store, const char *mark, size_t size,
    const char *id, bool report, char ret_id[MC_ID_LEN + 1],
    struct mc_err *err)
{
	static const char *const to[] = { "good1@x.example",
	    "good2@x.example", "bad@x.example" };
	static const size_t order[] = { 0, 1, 2 };
	struct mc_envelope env;
	struct mc_spool body;
	size_t i;
	int rc = -1;

	mc_envelope_init(&env);
	mc_spool_init(&body, 1 << 20, NULL);
	struct mc_store_item item = { .account = "work", .uid = 5,
	    .arrival = 1000, .next_attempt = 2000, .env = &env, .order = order,
	    .n = report ? 1 : 3, .header = MC_STR("Subject: x\r\n"),
	    .body = &body, .is_report = report };

	if (mc_envelope_set_sender(&env, report ? MC_STR_NONE :
	    MC_STR("me@x.example"), err) != 0)
		goto out;
	for (size_t k = 0; k < item.n; k++)
		if (mc_envelope_add(&env, report ? MC_STR("me@x.example") :
		    mc_str_from(to[k]), false, &i, err) != 0)
			goto out;
	if (side_write_body(&body, mark, size, err) != 0)
		goto out;
	rc = mc_store_put(store, &item, id, ret_id, err);
out:
	mc_envelope_clear(&env);
	mc_spool_clear(&body);
	return rc;
}

/* the mark, and whether all is as it was put */
static enum content
look_at(struct mc_entry *entry, char ret_mark[MARK_LEN])
{
	const struct mc_spool *body;
	struct mc_str header;

	(void)snprintf(ret_mark, MARK_LEN, "?");
	if (mc_entry_content(entry, &header, &body, NULL) != 0)
		return UNREADABLE;
	if (!mc_str_eq(header, MC_STR("Subject: x\r\n")))
		return ALTERED;
	return side_look_body(body, ret_mark);
}

static int
cmd_put(char **argv, int argc)
{
	struct mc_store *store = open_store(argv[2]);
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1];
	int rc = 1;

	if (store == NULL)
		return 1;
	if (put_message(store, argv[3], strtoul(argv[4], NULL, 10),
	    argc > 5 ? argv[5] : NULL, false, id, &err) == 0) {
		say("queued %s", id);
		rc = 0;
	} else {
		fprintf(stderr, "%s\n", err.text);
		say("refused %s %d", mc_code_name(err.code),
		    mc_err_exit(&err));
	}
	mc_store_close(store);
	return rc;
}

/* ------------------------------------------------------------------- runner */

struct ids {
	char id[MOST][MC_ID_LEN + 1];
	size_t n;
	bool all;		/* or those that a runner takes */
	int64_t now;
};

static int
collect(void *ctx, const struct mc_store_stat *st)
{
	struct ids *ids = ctx;

	if (!ids->all && (st->held ||
	    (st->failed && st->next_attempt > ids->now)))
		return 0;
	if (ids->n < MOST)
		memcpy(ids->id[ids->n++], st->id, sizeof(st->id));
	return 0;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
get_ids(struct mc_store *store, struct ids *ids, bool all, int64_t now)
{
	struct mc_err err = { .code = MC_OK };

	ids->n = 0;
	ids->all = all;
	ids->now = now;
	if (mc_store_scan(store, collect, ids, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	/* the same order each time, or call N would not be call N */
	qsort(ids->id, ids->n, sizeof(ids->id[0]), by_id);
	return 0;
}

/* a delivery report's identifier follows from the message's */
static void
report_id(const char *id, char ret_id[MC_ID_LEN + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < MC_ID_LEN; i++)
		ret_id[i] = digits[(size_t)(strchr(digits, id[i]) - digits +
		    1) % 32];
	ret_id[MC_ID_LEN] = '\0';
}

static bool
mark(struct mc_entry *entry, const char *id, size_t i, enum mc_cell cell)
{
	struct mc_err err = { .code = MC_OK };

	for (int tries = 0; tries < 3; tries++) {
		mc_err_reset(&err);
		if (mc_entry_mark(entry, &i, 1, cell, &err) == 0) {
			say("cell %s %zu %c", id, i, (char)cell);
			return true;
		}
	}
	fprintf(stderr, "%s\n", err.text);
	say("unrecorded %s %zu %c", id, i, (char)cell);
	return false;
}

static bool
send_one(struct mc_entry *entry, const char *id, size_t i, int sink)
{
	const char *to = mc_envelope_at(mc_entry_envelope(entry), i)->addr;
	struct mc_err err = { .code = MC_OK };
	char which[MARK_LEN], line[512];
	enum content content = look_at(entry, which);

	if (strncmp(to, "bad", 3) == 0) {
		if (mc_entry_note(entry, i, 3000, "550 no such user", true,
		    &err) != 0) {
			fprintf(stderr, "%s\n", err.text);
			say("no-note %s %zu", id, i);
			return true;
		}
		say("noted %s %zu", id, i);
		return mark(entry, id, i, MC_CELL_FAILED);
	}
	/* unreadable just now is no reason to send something else */
	if (content == UNREADABLE) {
		say("unreadable %s", id);
		return true;
	}
	int n = snprintf(line, sizeof(line), "%s %s %s %s\n", id, to, which,
	    content == WHOLE ? "whole" : "ALTERED");
	if (write(sink, line, (size_t)n) != n)
		_exit(98);
	say("sent %s %zu", id, i);
	return mark(entry, id, i, MC_CELL_DELIVERED);
}

static bool
report(struct mc_store *store, struct mc_entry *entry, const char *id)
{
	char rid[MC_ID_LEN + 1], made[MC_ID_LEN + 1], text[MARK_LEN];
	struct mc_entry_info info;
	struct mc_err err = { .code = MC_OK };
	size_t n = mc_entry_envelope(entry)->rcpts.n;

	mc_entry_info(entry, &info);
	if (!info.is_report) {
		report_id(id, rid);
		(void)snprintf(text, sizeof(text), "report-%s", id);
		if (put_message(store, text, 100, rid, true, made, &err) != 0 &&
		    err.code != MC_E_QUEUE_EXISTS) {
			fprintf(stderr, "%s\n", err.text);
			say("no-report %s %s", id, mc_code_name(err.code));
			return true;
		}
		say("reported %s %s", id, rid);
	}
	for (size_t i = 0; i < n; i++)
		if (mc_entry_cell(entry, i) == MC_CELL_FAILED &&
		    !mark(entry, id, i, MC_CELL_REPORTED))
			return false;
	return true;
}

/* nobody is left to send to */
static void
end_one(struct mc_entry *entry, const char *id, int64_t at)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	if (mc_entry_delivered(entry) || info.failed) {
		if (mc_entry_remove(entry, &err) == 0)
			say("%s %s", info.failed ? "expired" : "removed", id);
	} else if (mc_entry_keep(entry, at + KEEP, &err) == 0) {
		say("kept %s", id);
	}
	if (err.code != MC_OK)
		fprintf(stderr, "%s\n", err.text);
}

static bool
run_one(struct mc_store *store, const char *id, int sink, int64_t at)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	bool go_on = true, failed = false;
	int rc = mc_store_claim(store, id, true, &entry, &err);

	if (rc <= 0) {
		if (rc < 0)
			fprintf(stderr, "%s\n", err.text);
		say("%s %s %s", rc == 0 ? "busy" : "refused", id,
		    mc_code_name(err.code));
		return true;
	}
	size_t n = mc_entry_envelope(entry)->rcpts.n;
	struct mc_entry_info info;
	mc_entry_info(entry, &info);
	/* another had it since the scan */
	if (info.held || (info.failed && info.next_attempt > at)) {
		say("busy %s", id);
		mc_entry_close(entry);
		return true;
	}
	/* somebody died while he put it back */
	if (info.failed && !mc_entry_done(entry) &&
	    mc_entry_revive(entry, NOW, &err) != 0)
		go_on = false;
	for (size_t i = 0; go_on && i < n; i++)
		if (mc_entry_cell(entry, i) == MC_CELL_PENDING ||
		    mc_entry_cell(entry, i) == MC_CELL_UNSURE)
			go_on = send_one(entry, id, i, sink);
	for (size_t i = 0; i < n; i++)
		failed |= mc_entry_cell(entry, i) == MC_CELL_FAILED;
	if (go_on && failed)
		go_on = report(store, entry, id);
	if (go_on && mc_entry_done(entry))
		end_one(entry, id, at);
	mc_entry_close(entry);
	return go_on;
}

static int
run(struct mc_store *store, const char *sink_path, int rounds, int64_t at)
{
	static struct ids ids;
	int sink = open(sink_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int rc = sink < 0 ? 1 : 0;

	/* a report is a message too, and goes in the second round */
	for (int round = 0; rc == 0 && round < rounds; round++) {
		if (get_ids(store, &ids, false, at) != 0)
			rc = 1;
		for (size_t i = 0; rc == 0 && i < ids.n; i++)
			if (!run_one(store, ids.id[i], sink, at))
				rc = 3;
		if (ids.n == 0)
			break;
	}
	mc_file_close(&sink);
	return rc;
}

static int
cmd_run(char **argv, int argc)
{
	struct mc_store *store = open_store(argv[2]);

	if (store == NULL)
		return 1;
	int rc = run(store, argv[3], 2, argc > 4 ? strtol(argv[4], NULL, 10) :
	    NOW);
	mc_store_close(store);
	return rc;
}

/* a process that has the message and nothing else */
static int
deliver_child(const char *id, int fd, const char *sink_path)
{
	int sink = open(sink_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	char which[MARK_LEN], line[512], c;

	if (mc_store_adopt("elsewhere", id, fd, &entry, &err) != 0)
		return 1;
	say("begun %s", id);
	while (read(0, &c, 1) > 0)
		continue;
	enum content content = look_at(entry, which);
	int n = snprintf(line, sizeof(line), "%s %s %s %s\n", id,
	    mc_envelope_at(mc_entry_envelope(entry), 0)->addr, which,
	    content == WHOLE ? "whole" : "ALTERED");
	if (write(sink, line, (size_t)n) != n)
		return 1;
	say("sent %s 0", id);
	mc_entry_close(entry);
	return 0;
}

static int
cmd_deliver(char **argv)
{
	static struct ids ids;
	struct mc_store *store = open_store(argv[2]);
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	int status = 0;

	if (store == NULL || get_ids(store, &ids, false, NOW) != 0 ||
	    ids.n == 0)
		return 1;
	if (mc_store_claim(store, ids.id[0], true, &entry, &err) != 1)
		return 1;
	pid_t child = fork();
	if (child == 0)
		_exit(deliver_child(ids.id[0], dup(mc_entry_fd(entry)),
		    argv[3]));
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		return 1;
	int rc = mark(entry, ids.id[0], 0, MC_CELL_DELIVERED) ? 0 : 3;
	mc_entry_close(entry);
	mc_store_close(store);
	return rc;
}

static int
cmd_each(char **argv)
{
	static struct ids ids;
	struct mc_store *store = open_store(argv[2]);
	int rc = 0;

	if (store == NULL || get_ids(store, &ids, true, 0) != 0) {
		mc_store_close(store);
		return 1;
	}
	for (size_t i = 0; i < ids.n; i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_entry *entry;
		int did = -1;

		if (mc_store_claim(store, ids.id[i], false, &entry, &err) == 1) {
			if (strcmp(argv[1], "drop") == 0)
				did = mc_entry_remove(entry, &err);
			else if (strcmp(argv[1], "revive") == 0)
				did = mc_entry_revive(entry, NOW, &err);
			else
				did = mc_entry_hold(entry,
				    strcmp(argv[1], "hold") == 0, &err);
			mc_entry_close(entry);
		}
		if (did == 0)
			say("%s %s", argv[1], ids.id[i]);
		else
			fprintf(stderr, "%s\n", err.text);
		rc |= did != 0;
	}
	mc_store_close(store);
	return rc;
}

/* ----------------------------------------------------------------- recovery */

static int
count_note(void *ctx, size_t i, int64_t when, const char *text)
{
	(void)i;
	(void)when;
	(void)text;
	++*(size_t *)ctx;
	return 0;
}

static void
list_one(struct mc_store *store, const char *id, const char *word)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;
	struct mc_entry *entry;
	char cells[MOST], which[MARK_LEN];
	size_t n, notes = 0;

	if (mc_store_look(store, id, &entry, &err) != 1) {
		say("%s %s refused %s", word, id, mc_code_name(err.code));
		return;
	}
	n = mc_entry_envelope(entry)->rcpts.n;
	for (size_t i = 0; i < n && i < sizeof(cells) - 1; i++)
		cells[i] = (char)mc_entry_cell(entry, i);
	cells[n] = '\0';
	enum content content = look_at(entry, which);
	mc_entry_info(entry, &info);
	if (mc_entry_notes(entry, count_note, &notes, &err) != 0)
		notes = 0;
	say("%s %s %s %s %s notes=%zu next=%lld%s%s", word, id, cells, which,
	    content == WHOLE ? "whole" : "ALTERED", notes,
	    (long long)info.next_attempt, info.held ? " held" : "",
	    info.failed ? " failed" : "");
	mc_entry_close(entry);
}

static void
tell_check(void *ctx, const char *name, const char *what)
{
	(void)ctx;
	say("check %s %s", name, what);
}

static void
list_all(struct mc_store *store, const char *word)
{
	static struct ids ids;

	if (get_ids(store, &ids, true, 0) == 0)
		for (size_t k = 0; k < ids.n; k++)
			list_one(store, ids.id[k], word);
}

static struct mc_store *
recover(const char *dir)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_store *store;
	size_t bad = 0;

	say("== %s", dir);
	store = open_store(dir);
	if (store == NULL)
		return NULL;
	if (mc_store_check(store, tell_check, NULL, &bad, &err) != 0)
		say("check failed: %s", err.text);
	say("bad %zu", bad);
	list_all(store, "m");
	return store;
}

static int
cmd_recover(char **argv, int argc)
{
	for (int i = 2; i < argc; i++)
		mc_store_close(recover(argv[i]));
	return 0;
}

/* recover, release, run until nothing is left but what has failed, then wait */
static int
cmd_settle(char **argv)
{
	static struct ids ids;
	struct mc_store *store = recover(argv[2]);

	if (store == NULL || get_ids(store, &ids, true, 0) != 0) {
		mc_store_close(store);
		return 1;
	}
	say("settling");
	for (size_t i = 0; i < ids.n; i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_entry *entry;

		if (mc_store_claim(store, ids.id[i], false, &entry, &err) != 1)
			continue;
		if (mc_entry_hold(entry, false, &err) != 0)
			fprintf(stderr, "%s\n", err.text);
		mc_entry_close(entry);
	}
	int rc = run(store, argv[3], 8, NOW);
	list_all(store, "settled");
	if (rc == 0)
		rc = run(store, argv[3], 8, LATER);
	mc_store_close(store);
	return rc;
}

/* -------------------------------------------------------------- performance */

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
cmd_fill(char **argv)
{
	struct mc_store *store = open_store(argv[2]);
	unsigned long n = strtoul(argv[3], NULL, 10);
	size_t size = strtoul(argv[4], NULL, 10);
	double from = now();

	if (store == NULL)
		return 1;
	for (unsigned long i = 0; i < n; i++) {
		struct mc_err err = { .code = MC_OK };
		char id[MC_ID_LEN + 1];

		if (put_message(store, "fill", size, NULL, false, id,
		    &err) != 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	}
	say("put %lu in %.3f s", n, now() - from);
	mc_store_close(store);
	return 0;
}

/* what it cannot do without: the measure for `fill` */
static int
cmd_bare(char **argv)
{
	unsigned long n = strtoul(argv[3], NULL, 10);
	size_t size = strtoul(argv[4], NULL, 10);
	char *bytes = mc_mem_zalloc(size, 1);
	int dir = open(argv[2], O_RDONLY | O_DIRECTORY);
	double from = now();

	if (dir < 0 || bytes == NULL)
		return 1;
	for (unsigned long i = 0; i < n; i++) {
		char temp[32], name[32];

		(void)snprintf(temp, sizeof(temp), "t-%lu", i);
		(void)snprintf(name, sizeof(name), "m-%lu", i);
		int fd = openat(dir, temp, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || write(fd, bytes, size) != (ssize_t)size ||
		    fsync(fd) != 0 || renameat(dir, temp, dir, name) != 0 ||
		    fsync(dir) != 0 || close(fd) != 0)
			return 1;
	}
	say("bare %lu in %.3f s", n, now() - from);
	(void)close(dir);
	mc_mem_free(bytes);
	return 0;
}

struct tally {
	struct mc_store *store;
	size_t n;
	bool look;
	int failed;
};

static int
tally_one(void *ctx, const struct mc_store_stat *st)
{
	struct tally *t = ctx;
	struct mc_entry_info info;
	struct mc_entry *entry;

	t->n++;
	if (!t->look)
		return 0;
	if (mc_store_look_at(t->store, st, &entry, NULL) != 1) {
		t->failed++;
		return 0;
	}
	mc_entry_info(entry, &info);
	t->failed += info.account[0] == '\0';
	mc_entry_close(entry);
	return 0;
}

static int
cmd_list(char **argv)
{
	struct mc_store *store = open_store(argv[2]);
	struct tally t = { .store = store };
	struct rusage ru;
	double from = now(), mid;

	if (store == NULL || mc_store_scan(store, tally_one, &t, NULL) != 0)
		return 1;
	mid = now();
	say("scan %zu in %.3f s", t.n, mid - from);
	t.n = 0;
	t.look = true;
	if (mc_store_scan(store, tally_one, &t, NULL) != 0 || t.failed != 0)
		return 1;
	(void)getrusage(RUSAGE_SELF, &ru);
	say("scan and look %zu in %.3f s, %ld KiB", t.n, now() - mid,
	    ru.ru_maxrss);
	mc_store_close(store);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *cmd = argc < 3 ? "" : argv[1];
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* as the program does: a limit is an error, not an end */
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	if (strcmp(cmd, "put") == 0 && argc >= 5)
		return cmd_put(argv, argc);
	if (strcmp(cmd, "run") == 0 && argc >= 4)
		return cmd_run(argv, argc);
	if (strcmp(cmd, "deliver") == 0 && argc == 4)
		return cmd_deliver(argv);
	if (strcmp(cmd, "hold") == 0 || strcmp(cmd, "release") == 0 ||
	    strcmp(cmd, "drop") == 0 || strcmp(cmd, "revive") == 0)
		return cmd_each(argv);
	if (strcmp(cmd, "settle") == 0 && argc == 4)
		return cmd_settle(argv);
	if (strcmp(cmd, "recover") == 0)
		return cmd_recover(argv, argc);
	if (strcmp(cmd, "fill") == 0 && argc == 5)
		return cmd_fill(argv);
	if (strcmp(cmd, "bare") == 0 && argc == 5)
		return cmd_bare(argv);
	if (strcmp(cmd, "list") == 0)
		return cmd_list(argv);
	fprintf(stderr, "driver: see the top of driver.c\n");
	return 64;
}
