/* SPDX-License-Identifier: MIT */
/*
 * test_store.c - the spool directory: put, scan, claim, mark, notes, check
 */
#include "unit.h"

#include "base/mem.h"
#include "store_side.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

/* --------------------------------------------------------------- put, read */

static void
read_body(const struct mc_spool *body, char *ret_text, size_t cap)
{
	size_t n = 0, got = 1;

	while (got != 0) {
		assert_int_equal(mc_spool_read(body, n, ret_text + n,
		    n + 3 < cap ? 3 : cap - n, &got, NULL), 0);
		n += got;
	}
	assert_int_equal(n, body->size);
	ret_text[n] = '\0';
}

static void
check_content(struct mc_entry *entry)
{
	const struct mc_spool *body;
	struct mc_str header;
	char text[256];

	assert_int_equal(mc_entry_content(entry, &header, &body, NULL), 0);
	assert_str(header, HEADER);
	read_body(body, text, sizeof(text));
	assert_string_equal(text, BODY);
}

static void
round_trip(void **state)
{
	struct side s;
	struct mc_entry_info info;
	char id[MC_ID_LEN + 1];

	(void)state;
	side_init(&s);
	mc_envelope_at(&s.env, 0)->notify = MC_NOTIFY_FAILURE | MC_NOTIFY_DELAY;
	mc_envelope_at(&s.env, 1)->orcpt = mc_mem_strdup("other@z.example");
	mc_envelope_at(&s.env, 1)->from_bcc = true;
	mc_envelope_at(&s.env, 1)->text = mc_mem_strdup("451 later\r\nM evil");
	mc_envelope_at(&s.env, 2)->verdict = MC_UNSURE;
	mc_envelope_at(&s.env, 2)->reply = mc_mem_strdup("250 \033[2J?");
	s.env.envid = mc_mem_strdup("job+1");
	s.env.ret = MC_RET_HDRS;
	s.env.smtputf8 = true;
	s.item.needs_8bit = true;
	/* only two of three, in another order */
	s.order[0] = 2;
	s.order[1] = 1;
	s.item.n = 2;
	side_put(&s, id);
	assert_true(mc_store_is_id(id));
	assert_int_equal(side_count(&s, "q", '\0'), 1);

	struct mc_entry *entry = side_claim(&s, id);
	struct mc_envelope *env = mc_entry_envelope(entry);
	struct mc_rcpt *a = mc_envelope_at(env, 0);
	struct mc_rcpt *b = mc_envelope_at(env, 1);

	mc_entry_info(entry, &info);
	assert_string_equal(info.id, id);
	assert_string_equal(info.account, "work");
	assert_int_equal(info.uid, 1000);
	assert_int_equal(info.arrival, ARRIVAL);
	assert_int_equal(info.next_attempt, ARRIVAL + 300);
	assert_true(info.needs_8bit);
	assert_false(info.is_report || info.held);
	assert_int_equal(info.size, strlen(HEADER) + 2 + strlen(BODY));
	assert_int_equal(info.attempts, 1);
	assert_int_equal(env->rcpts.n, 2);
	assert_string_equal(env->sender, "me@x.example");
	assert_string_equal(env->envid, "job+1");
	assert_int_equal(env->ret, MC_RET_HDRS);
	assert_true(env->smtputf8);
	assert_false(env->body_8bit);
	assert_string_equal(a->addr, "r2@y.example");
	assert_int_equal(mc_entry_cell(entry, 0), MC_CELL_UNSURE);
	assert_int_equal(a->verdict, MC_PENDING);
	assert_string_equal(a->text, "250 ?[2J?");
	assert_string_equal(b->addr, "r1@y.example");
	assert_true(b->blind && b->from_bcc);
	assert_string_equal(b->orcpt, "other@z.example");
	assert_string_equal(b->text, "451 later M evil");
	assert_int_equal(mc_entry_cell(entry, 1), MC_CELL_PENDING);
	check_content(entry);
	check_content(entry);
	mc_entry_close(entry);
	side_clear(&s);
}

/* bodies around every buffer size; modes whatever the umask is */
static void
sizes(void **state)
{
	static const size_t lens[] = { 0, 1, 4095, 4096, 32768, 65535, 65536,
	    300000 };
	struct side s;
	mode_t old;

	(void)state;
	side_init(&s);
	side_wipe_dir(s.dir);
	old = umask(0777);
	(void)snprintf(s.dir, sizeof(s.dir), "%s/new/spool", s.top);
	side_open(&s);
	for (size_t i = 0; i < MC_NELEM(lens); i++) {
		char id[MC_ID_LEN + 1];
		char *p = malloc(lens[i] + 1);
		struct mc_spool body;
		const struct mc_spool *back;
		struct mc_str header;
		struct stat st;

		for (size_t k = 0; k < lens[i]; k++)
			p[k] = (char)(k * 31 >> 3);
		/* the temporary file is not what this is about */
		(void)umask(old);
		mc_spool_init(&body, 70000, "/tmp");
		assert_int_equal(mc_spool_add(&body, p, lens[i], NULL), 0);
		s.item.body = &body;
		(void)umask(0777);
		side_put(&s, id);
		assert_int_equal(stat(side_path(&s, "q", 'm', id), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(st.st_mtime, ARRIVAL + 300);

		struct mc_entry *entry = side_claim(&s, id);
		char *q = malloc(lens[i] + 1);
		size_t got;

		assert_int_equal(mc_entry_content(entry, &header, &back, NULL),
		    0);
		assert_int_equal(mc_spool_read(back, 0, q, lens[i] + 1, &got,
		    NULL), 0);
		assert_int_equal(got, lens[i]);
		assert_memory_equal(p, q, got);
		/* the probe has not made it due */
		assert_int_equal(stat(side_path(&s, "q", 'm', id), &st), 0);
		assert_int_equal(st.st_mtime, ARRIVAL + 300);
		mc_entry_close(entry);
		mc_spool_clear(&body);
		free(p);
		free(q);
	}
	(void)umask(old);
	side_clear(&s);
}

static void
fixed_id(void **state)
{
	char id[MC_ID_LEN + 1], again[MC_ID_LEN + 1] = "";
	struct mc_err err = { .code = MC_OK };
	struct side s;

	(void)state;
	side_init(&s);
	assert_int_equal(mc_rand_id(id, NULL), 0);
	assert_int_equal(mc_store_put(s.store, &s.item, id, again, &err), 0);
	assert_string_equal(id, again);
	s.item.account = "other";
	assert_err(mc_store_put(s.store, &s.item, id, again, &err), err,
	    MC_E_QUEUE_EXISTS);
	/* the first one stands, and nothing is left of the second */
	assert_int_equal(side_count(&s, "q", '\0'), 1);

	struct mc_entry *entry = side_claim(&s, id);
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	assert_string_equal(info.account, "work");
	mc_entry_close(entry);
	mc_err_reset(&err);
	assert_err(mc_store_put(s.store, &s.item, "../../etc/passwd", again,
	    &err), err, MC_E_USAGE);
	side_clear(&s);
}

static void
bad_items(void **state)
{
	char id[MC_ID_LEN + 1];
	struct side s;
	char *long_text = malloc(6000);

	(void)state;
	memset(long_text, 'x', 5999);
	long_text[5999] = '\0';
	for (int i = 0; i < 8; i++) {
		struct mc_err err = { .code = MC_OK };

		side_init(&s);
		if (i == 0)
			s.item.account = NULL;
		if (i == 1)
			s.item.account = "a\nb";
		if (i == 2)
			s.item.n = 0;
		if (i == 3)
			s.order[1] = 0;
		if (i == 4)
			s.order[1] = 17;
		if (i == 5)
			s.env.envid = mc_mem_strdup(long_text);
		if (i == 6)
			s.item.header.len = MC_QF_HEADER + 1;
		if (i == 7)
			mc_envelope_at(&s.env, 1)->addr[0] = '\n';
		assert_int_equal(mc_store_put(s.store, &s.item, NULL, id, &err),
		    -1);
		assert_int_not_equal(err.code, MC_E_INTERNAL);
		assert_int_not_equal(err.text[0], 0);
		assert_int_equal(side_count(&s, "q", '\0'), 0);
		side_clear(&s);
	}
	free(long_text);
}

/* -------------------------------------------------------------------- room */

static void
limits(void **state)
{
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1];
	struct side s;
	uint64_t size;

	(void)state;
	side_init(&s);
	s.store->set.max_messages = 2;
	side_put(&s, id);
	side_put(&s, id);
	assert_err(mc_store_put(s.store, &s.item, NULL, id, &err), err,
	    MC_E_QUEUE_FULL);
	assert_int_equal(mc_err_exit(&err), 75);

	/* one goes, and that is seen at once */
	struct mc_entry *entry;
	char first[MC_ID_LEN + 1];

	s.store->set.max_messages = 0;
	side_put(&s, first);
	s.store->set.max_messages = 3;
	mc_err_reset(&err);
	assert_err(mc_store_put(s.store, &s.item, NULL, id, &err), err,
	    MC_E_QUEUE_FULL);
	entry = side_claim(&s, first);
	size = (uint64_t)entry->st.st_size;
	assert_int_equal(mc_entry_remove(entry, NULL), 0);
	mc_entry_close(entry);
	side_put(&s, id);

	s.store->set.max_messages = 0;
	s.store->set.max_bytes = size * 4 - 1;
	mc_err_reset(&err);
	assert_err(mc_store_put(s.store, &s.item, NULL, id, &err), err,
	    MC_E_QUEUE_FULL);
	s.store->set.max_bytes = size * 4;
	side_put(&s, id);

	s.store->set.max_bytes = 0;
	s.store->set.reserve_bytes = UINT64_C(1) << 60;
	mc_err_reset(&err);
	assert_err(mc_store_put(s.store, &s.item, NULL, id, &err), err,
	    MC_E_QUEUE_FULL);
	assert_int_equal(side_count(&s, "q", '\0'), 4);
	side_clear(&s);
}

/* the caller's own limit on the size of files */
static void
file_size_limit(void **state)
{
	static const rlim_t most[] = { 1, 4096, 4200 };
	char id[MC_ID_LEN + 1];
	struct side s;

	(void)state;
	side_init(&s);
	for (size_t i = 0; i < MC_NELEM(most); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			struct rlimit lim = { most[i], most[i] };
			struct mc_err err = { .code = MC_OK };
			struct sigaction sa = { .sa_handler = SIG_IGN };

			(void)sigaction(SIGXFSZ, &sa, NULL);
			(void)setrlimit(RLIMIT_FSIZE, &lim);
			_exit(mc_store_put(s.store, &s.item, NULL, id,
			    &err) == 0 ? 0 : err.code == MC_E_QUEUE_FULL ?
			    mc_err_exit(&err) : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 75);
		assert_int_equal(side_count(&s, "q", '\0'), 0);
	}
	side_clear(&s);
}

/* ----------------------------------------------------------------- opening */

static size_t
count_names(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static int
none(const struct mc_store_settings *set, struct mc_err *err)
{
	struct mc_store *store;

	mc_err_reset(err);
	return mc_store_open(set, &store, err);
}

static void
opening(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_store_settings set = { .reserve_bytes = 1 };
	struct mc_store *store;
	struct stat st;
	struct side s;
	char path[300];

	(void)state;
	side_init(&s);
	assert_int_equal(stat(side_path(&s, "q", 0, "."), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(side_path(&s, "bad", 0, "."), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	set.dir = "spool";
	assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	set.dir = path;

	/* parents that are missing; slashes */
	(void)snprintf(path, sizeof(path), "%s/a//b/c/", s.top);
	assert_int_equal(mc_store_open(&set, &store, NULL), 0);
	mc_store_close(store);
	(void)snprintf(path, sizeof(path), "%s/a/b", s.top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	/* set-up that was cut short is done again, before anything is put */
	(void)snprintf(path, sizeof(path), "%s/a/b/c/q", s.top);
	assert_int_equal(chmod(path, 0500), 0);
	(void)snprintf(path, sizeof(path), "%s/a/b/c", s.top);
	assert_int_equal(mc_store_open(&set, &store, NULL), 0);
	mc_store_close(store);
	(void)snprintf(path, sizeof(path), "%s/a/b/c/q", s.top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	/* asked only whether there is one, nothing is made or mended */
	set.no_create = true;
	assert_int_equal(chmod(path, 0500), 0);
	(void)snprintf(path, sizeof(path), "%s/a/b/c", s.top);
	assert_err(none(&set, &err), err, MC_E_QUEUE_NONE);
	assert_int_equal(count_names(path), 2);
	(void)snprintf(path, sizeof(path), "%s/a/b/c/q", s.top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0500);
	assert_int_equal(rmdir(path), 0);
	(void)snprintf(path, sizeof(path), "%s/a/b/c", s.top);
	assert_err(none(&set, &err), err, MC_E_QUEUE_NONE);
	assert_int_equal(count_names(path), 1);
	(void)snprintf(path, sizeof(path), "%s/a/b/c/d/e", s.top);
	assert_err(none(&set, &err), err, MC_E_QUEUE_NONE);
	(void)snprintf(path, sizeof(path), "%s/a/b/c", s.top);
	assert_int_equal(count_names(path), 1);
	(void)snprintf(path, sizeof(path), "%s", s.dir);
	assert_int_equal(mc_store_open(&set, &store, NULL), 0);
	assert_string_equal(mc_store_dir(store), s.dir);
	mc_store_close(store);
	set.no_create = false;

	/* a link, a file, a mode for others */
	(void)snprintf(path, sizeof(path), "%s/link", s.top);
	assert_int_equal(symlink("a/b/c", path), 0);
	mc_err_reset(&err);
	assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	(void)snprintf(path, sizeof(path), "%s/link/", s.top);
	mc_err_reset(&err);
	assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	(void)snprintf(path, sizeof(path), "%s/file", s.top);
	side_write(path, "x", 1);
	mc_err_reset(&err);
	assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	(void)snprintf(path, sizeof(path), "%s/file/spool", s.top);
	mc_err_reset(&err);
	assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	(void)snprintf(path, sizeof(path), "%s", s.dir);
	assert_int_equal(chmod(path, 0750), 0);
	mc_err_reset(&err);
	assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	assert_non_null(strstr(err.text, "0750"));
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(chmod(side_path(&s, "q", 0, "."), 0755), 0);
	mc_err_reset(&err);
	assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	if (geteuid() == 0) {
		assert_int_equal(chmod(side_path(&s, "q", 0, "."), 0700), 0);
		assert_int_equal(chown(path, 1, 1), 0);
		mc_err_reset(&err);
		assert_err(mc_store_open(&set, &store, &err), err, MC_E_QUEUE);
	}
	side_clear(&s);
}

static void
sweeping(void **state)
{
	char id[MC_ID_LEN + 1], busy[MC_ID_LEN + 1];
	struct side s;
	int fd;

	(void)state;
	side_init(&s);
	assert_int_equal(mc_rand_id(id, NULL), 0);
	assert_int_equal(mc_rand_id(busy, NULL), 0);
	side_write(side_path(&s, "q", 't', id), "half", 4);
	side_write(side_path(&s, "q", 't', busy), "half", 4);
	fd = open(side_path(&s, "q", 't', busy), O_RDONLY);
	assert_int_equal(mc_store_lock(fd), 0);
	s.store->set.no_sweep = true;
	side_open(&s);
	assert_int_equal(side_count(&s, "q", 't'), 1);
	assert_int_equal(access(side_path(&s, "q", 't', busy), F_OK), 0);
	(void)close(fd);
	side_open(&s);
	assert_int_equal(side_count(&s, "q", '\0'), 0);
	side_clear(&s);
}

/* ---------------------------------------------------------------- scanning */

struct seen {
	size_t n;
	size_t held;
	size_t failed;
	size_t notes;
	char id[MC_ID_LEN + 1];
	int64_t next;
	int stop;
};

static int
see(void *ctx, const struct mc_store_stat *st)
{
	struct seen *seen = ctx;

	seen->n++;
	seen->held += st->held;
	seen->failed += st->failed;
	seen->notes += st->notes;
	seen->next = st->next_attempt;
	memcpy(seen->id, st->id, sizeof(seen->id));
	assert_true(st->size > 4096);
	return seen->stop;
}

static void
plant(struct side *s)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char id[MC_ID_LEN + 1];
	int fd;

	assert_int_equal(mc_rand_id(id, NULL), 0);
	assert_int_equal(symlink("/etc/passwd", side_path(s, "q", 'm', id)), 0);
	assert_int_equal(symlink("/etc/passwd", side_path(s, "q", 't', id)), 0);
	assert_int_equal(symlink("/etc/passwd", side_path(s, "q", 'l', id)), 0);
	assert_int_equal(mc_rand_id(id, NULL), 0);
	assert_int_equal(mkfifo(side_path(s, "q", 'm', id), 0600), 0);
	assert_int_equal(mkfifo(side_path(s, "q", 't', id), 0600), 0);
	assert_int_equal(mkfifo(side_path(s, "q", 'l', id), 0600), 0);
	assert_int_equal(mc_rand_id(id, NULL), 0);
	assert_int_equal(mkdir(side_path(s, "q", 'm', id), 0700), 0);
	assert_int_equal(mkdir(side_path(s, "q", 't', id), 0700), 0);
	assert_int_equal(mkdir(side_path(s, "q", 'l', id), 0700), 0);
	assert_int_equal(mc_rand_id(id, NULL), 0);
	side_write(side_path(s, "q", 0, "core"), "x", 1);
	side_write(side_path(s, "q", 0, "m-short"), "x", 1);
	side_write(side_path(s, "q", 0, "m-ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "x",
	    1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%.100s",
	    side_path(s, "q", 'm', id));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	(void)close(fd);
}

static int
claim_all(void *ctx, const char *name)
{
	struct side *s = ctx;
	struct mc_entry *entry;

	if (mc_store_kind(name) == 'm') {
		struct mc_err err = { .code = MC_OK };

		assert_err(mc_store_claim(s->store, name + 2, true, &entry,
		    &err), err, MC_E_QUEUE);
	}
	return 0;
}

static int
forget(void *ctx, const char *name)
{
	struct side *s = ctx;

	(void)unlink(side_path(s, "q", 0, name));
	return 0;
}

static void
odd_names(void **state)
{
	struct seen seen = { .n = 0 };
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct side s;
	size_t bad;

	(void)state;
	side_init(&s);
	plant(&s);
	(void)alarm(20);
	side_open(&s);
	assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
	assert_int_equal(seen.n, 0);
	assert_non_null(strstr(s.said, "core: not a name of ours"));
	assert_non_null(strstr(s.said, "not a regular file"));
	assert_int_equal(mc_store_each(s.store, s.store->q, claim_all, &s,
	    NULL), 0);
	assert_int_equal(mc_store_check(s.store, NULL, NULL, &bad, NULL), 0);
	assert_int_equal(bad, 0);
	assert_int_equal(side_count(&s, "q", '\0'), 13);
	(void)alarm(0);

	/* other names, other owners, names that leave the directory */
	side_put(&s, id);
	assert_int_equal(link(side_path(&s, "q", 'm', id), s.top), -1);
	char other[200];
	(void)snprintf(other, sizeof(other), "%s/other", s.top);
	assert_int_equal(link(side_path(&s, "q", 'm', id), other), 0);
	assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
	assert_int_equal(seen.n, 0);
	assert_err(mc_store_claim(s.store, id, true, &entry, &err), err,
	    MC_E_QUEUE);
	assert_int_equal(unlink(other), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(side_path(&s, "q", 'm', id), 1, 1), 0);
		assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
		assert_int_equal(seen.n, 0);
		mc_err_reset(&err);
		assert_err(mc_store_claim(s.store, id, true, &entry, &err),
		    err, MC_E_QUEUE);
		assert_int_equal(chown(side_path(&s, "q", 'm', id), 0, 0), 0);
	}
	mc_err_reset(&err);
	assert_err(mc_store_claim(s.store, "../x", true, &entry, &err), err,
	    MC_E_USAGE);
	mc_entry_close(side_claim(&s, id));
	(void)mc_store_each(s.store, s.store->q, forget, &s, NULL);
	side_clear(&s);
}

/* removes it, whatever it is: what follows is told of all the same */
static int
take_away(void *ctx, const struct mc_store_stat *st)
{
	struct side *s = ctx;

	(void)unlink(side_path(s, "q", 'm', st->id));
	(void)unlink(side_path(s, "q", 'l', st->id));
	return 0;
}

/* every other one with notes: both ways of looking see the same */
static int
look_both_ways(void *ctx, const struct mc_store_stat *st)
{
	struct side *s = ctx;
	struct mc_entry *full, *quick;
	struct mc_entry_info a, b;

	assert_int_equal(mc_store_look(s->store, st->id, &full, NULL), 1);
	assert_int_equal(mc_store_look_at(s->store, st, &quick, NULL), 1);
	mc_entry_info(full, &a);
	mc_entry_info(quick, &b);
	assert_int_equal(a.attempts, b.attempts);
	assert_int_equal(a.attempts, st->notes ? 2 : 1);
	assert_true(mc_entry_last_note(full) == mc_entry_last_note(quick));
	assert_int_equal(a.next_attempt, b.next_attempt);
	assert_string_equal(a.account, b.account);
	for (size_t i = 0; i < 3; i++) {
		const char *text = mc_envelope_at(mc_entry_envelope(full),
		    i)->text;
		const char *same = mc_envelope_at(mc_entry_envelope(quick),
		    i)->text;

		assert_true(text == same || strcmp(text, same) == 0);
	}
	mc_entry_close(full);
	mc_entry_close(quick);
	return 0;
}

static void
scanning_notes(void **state)
{
	struct seen seen = { .n = 0 };
	char id[MC_ID_LEN + 1];
	struct side s;

	(void)state;
	side_init(&s);
	mc_envelope_at(&s.env, 1)->text = mc_mem_strdup("421 full");
	for (int i = 0; i < 200; i++) {
		struct mc_entry *entry;

		side_put(&s, id);
		if (i % 2 == 0)
			continue;
		entry = side_claim(&s, id);
		assert_int_equal(mc_entry_note(entry, 0, 7, "450 later", false,
		    NULL), 0);
		mc_entry_close(entry);
	}
	/* notes of nobody */
	side_write(side_path(&s, "q", 'l', "aaaaaaaaaaaaaaaaaaaaaaaaaa"), "x",
	    1);
	assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
	assert_int_equal(seen.n, 200);
	assert_int_equal(seen.notes, 100);
	assert_int_equal(mc_store_scan(s.store, look_both_ways, &s, NULL), 0);
	for (unsigned long n = 1; n < 8; n++) {
		struct mc_err err = { .code = MC_OK };

		seen.n = 0;
		(void)failmalloc(n, false);
		int rc = mc_store_scan(s.store, see, &seen, &err);
		bool failed = failmalloc(0, false) >= n;
		if (!failed)
			break;
		assert_err(rc, err, MC_E_NOMEM);
		assert_int_equal(seen.n, 0);
	}
	assert_int_equal(mc_store_scan(s.store, take_away, &s, NULL), 0);
	assert_int_equal(side_count(&s, "q", '\0'), 1);
	side_clear(&s);
}

static void
scanning(void **state)
{
	struct seen seen = { .n = 0 };
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct side s;

	(void)state;
	side_init(&s);
	for (int i = 0; i < 20; i++)
		side_put(&s, id);
	entry = side_claim(&s, id);
	assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
	mc_entry_close(entry);
	assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
	assert_int_equal(seen.n, 20);
	assert_int_equal(seen.held, 1);
	assert_int_equal(seen.next, ARRIVAL + 300);
	seen.n = 0;
	seen.stop = 7;
	assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 7);
	assert_int_equal(seen.n, 1);
	assert_string_equal(s.said, "");
	side_clear(&s);
}

/* ------------------------------------------------------------------- states */

static void
marking(void **state)
{
	static const size_t some[] = { 0, 1, 2, 5, 4, 3, 9 };
	static const size_t wrong[] = { 10 };
	char id[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	struct side s;
	struct stat st;

	(void)state;
	side_init(&s);
	side_rcpts(&s, 10);
	side_put(&s, id);
	entry = side_claim(&s, id);
	assert_int_equal(mc_entry_mark(entry, some, 7, MC_CELL_DELIVERED, NULL),
	    0);
	assert_int_equal(mc_envelope_at(mc_entry_envelope(entry), 4)->verdict,
	    MC_DELIVERED);
	assert_int_equal(mc_envelope_at(mc_entry_envelope(entry), 6)->verdict,
	    MC_PENDING);
	assert_err(mc_entry_mark(entry, wrong, 1, MC_CELL_FAILED, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_mark(entry, some, 1, MC_CELL_PENDING, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_mark(entry, some, 1, (enum mc_cell)'x', &err), err,
	    MC_E_INTERNAL);
	mc_entry_close(entry);
	assert_int_equal(stat(side_path(&s, "q", 'm', id), &st), 0);
	assert_int_equal(st.st_mtime, ARRIVAL + 300);

	/* all that counts is what stands in the file */
	entry = side_claim(&s, id);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(mc_entry_cell(entry, i), i < 6 || i == 9 ?
		    MC_CELL_DELIVERED : MC_CELL_PENDING);
	static const size_t rest[] = { 6, 7, 8 };
	assert_int_equal(mc_entry_mark(entry, rest, 3, MC_CELL_FAILED, NULL),
	    0);
	assert_int_equal(mc_entry_mark(entry, rest, 3, MC_CELL_REPORTED, NULL),
	    0);
	assert_true(mc_entry_done(entry));
	assert_int_equal(mc_entry_note(entry, 6, 1, "no such user", true,
	    NULL), 0);
	assert_int_equal(mc_entry_remove(entry, NULL), 0);
	mc_err_reset(&err);
	assert_err(mc_entry_note(entry, 0, 1, "x", false, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_mark(entry, some, 1, MC_CELL_DELIVERED, &err), err,
	    MC_E_INTERNAL);
	mc_entry_close(entry);
	assert_int_equal(side_count(&s, "q", '\0'), 0);
	side_clear(&s);
}

static void
looking(void **state)
{
	static const size_t zero[] = { 0 };
	char id[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry, *other;
	struct side s;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	entry = side_claim(&s, id);
	/* beside the one who has it */
	assert_int_equal(mc_store_look(s.store, id, &other, NULL), 1);
	assert_err(mc_entry_mark(other, zero, 1, MC_CELL_DELIVERED, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_remove(other, &err), err, MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_hold(other, true, &err), err, MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_reschedule(other, 1, &err), err, MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_note(other, 0, 1, "x", true, &err), err,
	    MC_E_INTERNAL);
	check_content(other);
	mc_entry_close(other);
	assert_int_equal(mc_entry_remove(entry, NULL), 0);
	mc_entry_close(entry);
	assert_int_equal(mc_store_look(s.store, id, &other, NULL), 0);
	assert_int_equal(mc_store_claim(s.store, id, true, &other, NULL), 0);
	side_clear(&s);
}

static size_t
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* an entry closes its own descriptors, all of them and no other */
static void
descriptors(void **state)
{
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	const struct mc_spool *body;
	struct mc_str header;
	struct side s;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	size_t before = open_descriptors();
	for (int i = 0; i < 4; i++) {
		int zero = fcntl(0, F_GETFD);

		entry = side_claim(&s, id);
		if (i & 1)
			assert_int_equal(mc_entry_content(entry, &header, &body,
			    NULL), 0);
		if (i & 2)
			assert_int_equal(mc_entry_note(entry, 0, 1, "x", true,
			    NULL), 0);
		mc_entry_close(entry);
		assert_int_equal(open_descriptors(), before);
		assert_int_equal(fcntl(0, F_GETFD), zero);
	}
	side_clear(&s);
}

/* the lock dies with the last of those who have the descriptor */
static void
locking(void **state)
{
	char id[MC_ID_LEN + 1], c;
	struct mc_entry *entry, *other;
	int pipe_fd[2], status;
	struct side s;
	pid_t pid;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	entry = side_claim(&s, id);
	assert_int_equal(mc_store_claim(s.store, id, false, &other, NULL), 0);
	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(pipe_fd[1]);
		_exit(read(pipe_fd[0], &c, 1) == 0 ? 0 : 1);
	}
	(void)close(pipe_fd[0]);
	mc_entry_close(entry);
	assert_int_equal(mc_store_claim(s.store, id, false, &other, NULL), 0);
	(void)close(pipe_fd[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	mc_entry_close(side_claim(&s, id));
	side_clear(&s);
}

/* times and modes, as an ordinary user sees them too */
static void
hold_and_time(void)
{
	static const size_t zero[] = { 0 };
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct side s;

	side_init(&s);
	side_put(&s, id);
	entry = side_claim(&s, id);
	assert_int_equal(mc_entry_reschedule(entry, 2000000000, NULL), 0);
	assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
	mc_entry_close(entry);
	entry = side_claim(&s, id);
	mc_entry_info(entry, &info);
	assert_true(info.held);
	assert_int_equal(info.next_attempt, 2000000000);
	assert_err(mc_entry_mark(entry, zero, 1, MC_CELL_DELIVERED, &err), err,
	    MC_E_QUEUE_READONLY);
	assert_int_equal(mc_entry_hold(entry, false, NULL), 0);
	assert_int_equal(mc_entry_mark(entry, zero, 1, MC_CELL_DELIVERED, NULL),
	    0);
	mc_entry_close(entry);
	entry = side_claim(&s, id);
	mc_entry_info(entry, &info);
	assert_false(info.held);
	assert_int_equal(info.next_attempt, 2000000000);
	/* a time that is none */
	assert_int_equal(mc_entry_reschedule(entry, -5, NULL), 0);
	assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
	mc_entry_close(entry);
	entry = side_claim(&s, id);
	mc_entry_info(entry, &info);
	assert_int_equal(info.next_attempt, 0);
	assert_int_equal(mc_entry_remove(entry, NULL), 0);
	mc_entry_close(entry);
	side_clear(&s);
}

/* whatever the clock says: no time is too odd to be kept and read again */
static void
odd_times(void **state)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, 1, INT32_MAX,
	    INT64_C(0x80000000), INT64_C(0x100000000), INT64_C(7258118400),
	    INT64_C(1) << 40, INT64_MAX };
	struct side s;

	(void)state;
	side_init(&s);
	for (size_t i = 0; i < 3 * MC_NELEM(times); i++) {
		int64_t want = times[i / 3], got;
		struct seen seen = { .n = 0 };
		struct mc_entry_info info;
		struct mc_entry *entry;
		char id[MC_ID_LEN + 1];

		if (i % 3 == 0)
			s.item.next_attempt = want;
		s.item.arrival = want;
		side_put(&s, id);
		s.item.next_attempt = 5;
		entry = side_claim(&s, id);
		if (i % 3 == 1)
			assert_int_equal(mc_entry_reschedule(entry, want, NULL),
			    0);
		if (i % 3 == 2) {
			static const size_t all[] = { 0, 1, 2 };

			assert_int_equal(mc_entry_mark(entry, all, 3,
			    MC_CELL_REPORTED, NULL), 0);
			assert_int_equal(mc_entry_keep(entry, want, NULL), 0);
		}
		assert_int_equal(mc_entry_note(entry, 0, want, "x", false,
		    NULL), 0);
		mc_entry_close(entry);
		entry = side_claim(&s, id);
		mc_entry_info(entry, &info);
		assert_true(info.arrival == want);
		assert_true(mc_entry_last_note(entry) == want);
		assert_int_equal(info.attempts, 1);
		got = info.next_attempt;
		/* a file system may know none before 1970 or after some day */
		assert_true(want < 0 ? got == 0 : want <= INT32_MAX ?
		    got == want : got >= INT32_MAX && got <= want);
		assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
		assert_int_equal(seen.n, 1);
		assert_true(seen.next == got);
		assert_int_equal(mc_entry_remove(entry, NULL), 0);
		mc_entry_close(entry);
	}
	side_clear(&s);
}

static void
holding(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	hold_and_time();
	if (geteuid() != 0)
		return;
	/* mode 0400 means something to others than root only */
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(9);
		hold_and_time();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ------------------------------------------------------------------- notes */

struct told {
	char text[4096];
	size_t n;
};

static int
tell(void *ctx, size_t i, int64_t when, const char *text)
{
	struct told *told = ctx;
	size_t len = strlen(told->text);

	told->n++;
	(void)snprintf(told->text + len, sizeof(told->text) - len,
	    "%d@%d:%s\n", i == SIZE_MAX ? -1 : (int)i, (int)when, text);
	return 0;
}

static uint64_t
attempts(struct side *s, const char *id, struct told *told)
{
	struct mc_entry_info info;
	struct mc_entry *entry;

	*told = (struct told){ .n = 0 };
	assert_int_equal(mc_store_look(s->store, id, &entry, NULL), 1);
	assert_int_equal(mc_entry_notes(entry, tell, told, NULL), 0);
	mc_entry_info(entry, &info);
	mc_entry_close(entry);
	return info.attempts;
}

static void
note(struct side *s, const char *id, size_t i, int64_t when, const char *text)
{
	struct mc_entry *entry = side_claim(s, id);
	struct mc_err err = { .code = MC_OK };

	if (mc_entry_note(entry, i, when, text, when % 2 == 0, &err) != 0)
		fail_msg("%s", err.text);
	mc_entry_close(entry);
}

static int64_t
last_note(struct side *s, const char *id)
{
	struct mc_entry *entry;
	int64_t when;

	assert_int_equal(mc_store_look(s->store, id, &entry, NULL), 1);
	when = mc_entry_last_note(entry);
	mc_entry_close(entry);
	return when;
}

static void
noting(void **state)
{
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct told told;
	struct side s;
	char many[4000];

	(void)state;
	side_init(&s);
	side_put(&s, id);
	assert_int_equal(attempts(&s, id, &told), 0);
	assert_int_equal(told.n, 0);
	note(&s, id, 0, 10, "450 a\r\n250 b\033");
	note(&s, id, 1, 10, "450 c");
	assert_int_equal(attempts(&s, id, &told), 1);
	note(&s, id, SIZE_MAX, 21, "no route");
	note(&s, id, 0, 22, "");
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	note(&s, id, 2, 22, many);
	assert_int_equal(attempts(&s, id, &told), 3);
	many[512] = '\0';
	assert_int_equal(strncmp(told.text, "0@10:450 a 250 b?\n1@10:450 c\n"
	    "-1@21:no route\n0@22:\n2@22:xxxxx", 60), 0);
	assert_int_equal(strlen(told.text), 55 + 512 + 1);
	entry = side_claim(&s, id);
	assert_string_equal(mc_envelope_at(mc_entry_envelope(entry), 0)->text,
	    "450 a 250 b?");
	mc_entry_close(entry);
	side_clear(&s);

	/* what came with the message is the first note */
	side_init(&s);
	mc_envelope_at(&s.env, 1)->text = mc_mem_strdup("421 full");
	side_put(&s, id);
	assert_int_equal(attempts(&s, id, &told), 1);
	assert_string_equal(told.text, "1@1700000000:421 full\n");
	note(&s, id, 1, ARRIVAL + 9, "421 still");
	assert_int_equal(attempts(&s, id, &told), 2);
	assert_string_equal(told.text, "1@1700000000:421 full\n"
	    "1@1700000009:421 still\n");
	side_clear(&s);

	/* unless it is the account's, which costs the message nothing */
	side_init(&s);
	mc_envelope_at(&s.env, 1)->text = mc_mem_strdup("wrong password");
	s.item.no_attempt = true;
	side_put(&s, id);
	assert_int_equal(attempts(&s, id, &told), 0);
	assert_string_equal(told.text, "1@1700000000:wrong password\n");
	assert_true(last_note(&s, id) == ARRIVAL);
	note(&s, id, 1, ARRIVAL, "421 at once");
	assert_int_equal(attempts(&s, id, &told), 1);
	note(&s, id, 1, ARRIVAL + 50, "421 still");
	assert_int_equal(attempts(&s, id, &told), 2);
	assert_true(last_note(&s, id) == ARRIVAL + 50);
	side_clear(&s);
}

/* whatever stands in the place of the notes */
static void
odd_notes(void **state)
{
	char id[MC_ID_LEN + 1], path[512];
	unsigned char *whole;
	struct told told;
	struct side s;
	struct stat st;
	size_t n;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	(void)snprintf(path, sizeof(path), "%s", side_path(&s, "q", 'l', id));
	note(&s, id, 0, 10, "first");
	note(&s, id, 1, 20, "second");
	whole = side_read(path, &n);

	/* torn anywhere, with rubbish behind: whole records stay */
	for (size_t cut = 0; cut <= n; cut++) {
		side_write(path, whole, cut);
		size_t left = cut < 33 ? 0 : cut < n ? 1 : 2;
		assert_int_equal(attempts(&s, id, &told), left);
		assert_int_equal(told.n, left);
		note(&s, id, 2, 30, "third");
		assert_int_equal(attempts(&s, id, &told), left + 1);
		assert_int_equal(told.n, left + 1);
	}
	/* any byte flipped: no crash, nothing unprintable */
	for (size_t i = 0; i < n; i++) {
		whole[i] ^= 0x55;
		side_write(path, whole, n);
		assert_in_range(attempts(&s, id, &told), 0, 2);
		note(&s, id, 2, 30, "third");
		assert_non_null(strstr(told.n == 2 ? "2@30:third\n" :
		    (attempts(&s, id, &told), told.text), "2@30:third\n"));
		whole[i] ^= 0x55;
	}
	/* a gigabyte of nothing */
	assert_int_equal(truncate(path, 1 << 30), 0);
	(void)attempts(&s, id, &told);
	note(&s, id, 2, 40, "after");
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 4096);
	/* too many */
	struct mc_entry *entry = side_claim(&s, id);
	for (int i = 0; i < 400; i++)
		assert_int_equal(mc_entry_note(entry, 0, 50 + i,
		    "a long text of two hundred bytes or more, so that there is"
		    " soon no more room for all of them in the file where they "
		    "stand, and those that came first have to go from it some "
		    "day, or it would grow", false, NULL), 0);
	mc_entry_close(entry);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 64 * 1024 + 3 * 600);
	assert_in_range(attempts(&s, id, &told), 400, 405);
	/* a link is not followed: neither read nor written */
	char target[300];
	(void)snprintf(target, sizeof(target), "%s/target", s.top);
	side_write(target, whole, n);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(attempts(&s, id, &told), 0);
	note(&s, id, 0, 60, "here");
	assert_int_equal(attempts(&s, id, &told), 1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, n);
	/* a FIFO does not hang */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)alarm(10);
	assert_int_equal(attempts(&s, id, &told), 0);
	note(&s, id, 0, 60, "here");
	assert_int_equal(attempts(&s, id, &told), 1);
	(void)alarm(0);
	/* a directory cannot be mended, and stops nothing else */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	entry = side_claim(&s, id);
	struct mc_err err = { .code = MC_OK };
	assert_err(mc_entry_note(entry, 0, 70, "x", false, &err), err,
	    MC_E_QUEUE);
	assert_int_equal(mc_entry_remove(entry, NULL), 0);
	mc_entry_close(entry);
	free(whole);
	side_clear(&s);
}

/* ----------------------------------------------------------- failed for good */

/* a message whose recipients have these cells, "DBB" and the like */
static void
put_cells(struct side *s, const char *cells, char id[MC_ID_LEN + 1])
{
	struct mc_entry *entry;

	side_put(s, id);
	entry = side_claim(s, id);
	for (size_t i = 0; cells[i] != '\0'; i++)
		if (cells[i] != 'P')
			assert_int_equal(mc_entry_mark(entry, &i, 1,
			    (enum mc_cell)cells[i], NULL), 0);
	mc_entry_close(entry);
}

static mode_t
mode_of(struct side *s, const char *id)
{
	struct stat st;

	assert_int_equal(stat(side_path(s, "q", 'm', id), &st), 0);
	return st.st_mode & 07777;
}

static void
keeping(void **state)
{
	static const struct {
		const char *cells;
		bool done, delivered, may_keep;
	} rows[] = {
		{ "DDD", true, true, false },
		{ "DBD", true, false, true },
		{ "BBB", true, false, true },
		{ "DBF", false, false, false },
		{ "BBP", false, false, false },
		{ "BUB", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct seen seen = { .n = 0 };
		struct mc_entry_info info;
		char id[MC_ID_LEN + 1];
		struct mc_entry *entry;
		struct side s;

		side_init(&s);
		put_cells(&s, rows[i].cells, id);
		entry = side_claim(&s, id);
		assert_int_equal(mc_entry_done(entry), rows[i].done);
		assert_int_equal(mc_entry_delivered(entry), rows[i].delivered);
		int rc = mc_entry_keep(entry, 1900000000, &err);
		if (rows[i].may_keep)
			assert_int_equal(rc, 0);
		else
			assert_err(rc, err, MC_E_INTERNAL);
		for (int again = 0; again < 2; again++) {
			mc_entry_info(entry, &info);
			assert_false(info.held);
			assert_int_equal(info.failed, rows[i].may_keep);
			assert_int_equal(info.next_attempt, rows[i].may_keep ?
			    1900000000 : ARRIVAL + 300);
			mc_entry_close(entry);
			assert_int_equal(mode_of(&s, id), rows[i].may_keep ?
			    0700 : 0600);
			/* the probe of a claim changes nothing about it */
			entry = side_claim(&s, id);
		}
		mc_entry_close(entry);
		assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
		assert_int_equal(seen.failed, rows[i].may_keep);
		assert_int_equal(seen.held, 0);
		side_clear(&s);
	}
}

/* held and failed exclude each other */
static void
held_or_failed(void **state)
{
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct side s;

	(void)state;
	side_init(&s);
	put_cells(&s, "BDB", id);
	entry = side_claim(&s, id);
	assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
	assert_err(mc_entry_keep(entry, 5, &err), err, MC_E_INTERNAL);
	assert_int_equal(mc_entry_hold(entry, false, NULL), 0);
	assert_int_equal(mc_entry_keep(entry, 5, NULL), 0);
	mc_err_reset(&err);
	assert_err(mc_entry_hold(entry, true, &err), err, MC_E_USAGE);
	assert_int_equal(mc_entry_hold(entry, false, NULL), 0);
	assert_int_equal(mode_of(&s, id), 0700);
	mc_entry_close(entry);
	/* no mode but these three is ever made; this one means "held" */
	assert_int_equal(chmod(side_path(&s, "q", 'm', id), 0500), 0);
	struct seen seen = { .n = 0 };
	assert_int_equal(mc_store_scan(s.store, see, &seen, NULL), 0);
	assert_int_equal(seen.held, 1);
	assert_int_equal(seen.failed, 0);
	side_clear(&s);
}

static void
reviving(void **state)
{
	static const struct {
		const char *cells, *want;
	} rows[] = {
		{ "DBB", "DPP" },
		{ "BFU", "PPU" },
		{ "PPP", "PPP" },
		{ "BBB", "PPP" },
	};
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct side s;

	(void)state;
	side_init(&s);
	for (size_t i = 0; i < MC_NELEM(rows) * 3; i++) {
		size_t row = i / 3;
		struct mc_entry_info info;

		put_cells(&s, rows[row].cells, id);
		entry = side_claim(&s, id);
		/* from failed, from held, and from neither */
		if (i % 3 == 0 && mc_entry_done(entry))
			assert_int_equal(mc_entry_keep(entry, 9, NULL), 0);
		if (i % 3 == 1)
			assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
		if (i % 3 != 0) {
			mc_entry_close(entry);
			entry = side_claim(&s, id);
		}
		assert_int_equal(mc_entry_revive(entry, 1234, NULL), 0);
		for (int again = 0; again < 2; again++) {
			mc_entry_info(entry, &info);
			assert_false(info.held || info.failed);
			assert_int_equal(info.next_attempt, 1234);
			for (size_t k = 0; k < 3; k++) {
				assert_int_equal(mc_entry_cell(entry, k),
				    rows[row].want[k]);
				assert_int_equal(mc_envelope_at(
				    mc_entry_envelope(entry), k)->verdict,
				    rows[row].want[k] == 'D' ? MC_DELIVERED :
				    MC_PENDING);
			}
			mc_entry_close(entry);
			assert_int_equal(mode_of(&s, id), 0600);
			entry = side_claim(&s, id);
		}
		/* and goes on as any other */
		assert_int_equal(mc_entry_mark(entry, &(size_t){ 1 }, 1,
		    MC_CELL_DELIVERED, NULL), 0);
		mc_entry_close(entry);
	}
	put_cells(&s, "DDD", id);
	entry = side_claim(&s, id);
	assert_err(mc_entry_revive(entry, 1, &err), err, MC_E_INTERNAL);
	mc_entry_close(entry);
	assert_int_equal(mc_store_look(s.store, id, &entry, NULL), 1);
	mc_err_reset(&err);
	assert_err(mc_entry_revive(entry, 1, &err), err, MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_keep(entry, 1, &err), err, MC_E_INTERNAL);
	mc_entry_close(entry);
	side_clear(&s);
}

static void
note_check(void *ctx, const char *name, const char *what)
{
	struct side *s = ctx;

	side_log(s, MC_LOG_INFO, MC_STAGE_LOCAL, name);
	side_log(s, MC_LOG_INFO, MC_STAGE_LOCAL, what);
}

/* the check lets failed ones lie, and mends what a crash left half changed */
static void
checking_failed(void **state)
{
	static const struct {
		const char *cells;
		mode_t mode, want;	/* 0: removed */
		const char *told;
	} rows[] = {
		{ "DBD", 0700, 0700, NULL },
		{ "DBD", 0600, 0600, NULL },
		{ "BBB", 0400, 0400, NULL },
		{ "DDD", 0600, 0, "every recipient has it" },
		{ "DDD", 0700, 0, "every recipient has it" },
		{ "DPB", 0700, 0600, "it goes again" },
		{ "DUB", 0700, 0600, "it goes again" },
		{ "DFB", 0700, 0600, "it goes again" },
		{ "DFB", 0600, 0600, NULL },
	};
	struct side s;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char id[MC_ID_LEN + 1];
		struct mc_err err = { .code = MC_OK };
		size_t bad = 9;

		side_init(&s);
		/* an account's state, beside q/ */
		char other[200];
		(void)snprintf(other, sizeof(other),
		    "%s/a-abcdefghijklmnopqrstuvwxyz", s.dir);
		side_write(other, "x", 1);
		put_cells(&s, rows[i].cells, id);
		assert_int_equal(chmod(side_path(&s, "q", 'm', id),
		    rows[i].mode), 0);
		s.said[0] = '\0';
		assert_int_equal(mc_store_check(s.store, note_check, &s, &bad,
		    &err), 0);
		assert_int_equal(bad, 0);
		if (rows[i].told == NULL)
			assert_string_equal(s.said, "");
		else
			assert_non_null(strstr(s.said, rows[i].told));
		if (rows[i].want == 0)
			assert_int_equal(side_count(&s, "q", '\0'), 0);
		else
			assert_int_equal(mode_of(&s, id), rows[i].want);
		assert_int_equal(access(other, F_OK), 0);
		side_clear(&s);
	}
}

/* -------------------------------------------------- one who has a descriptor */

static void
adopting(void **state)
{
	char id[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry, *other;
	struct mc_entry_info info;
	struct told told = { .n = 0 };
	struct side s;

	(void)state;
	side_init(&s);
	mc_envelope_at(&s.env, 1)->text = mc_mem_strdup("421 full");
	side_put(&s, id);
	note(&s, id, 0, 50, "450 later");
	entry = side_claim(&s, id);
	size_t before = open_descriptors();
	int fd = dup(mc_entry_fd(entry));
	assert_true(fd >= 0);
	assert_int_equal(mc_store_adopt(s.dir, id, fd, &other, NULL), 0);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	mc_entry_info(other, &info);
	assert_string_equal(info.id, id);
	assert_string_equal(info.account, "work");
	assert_int_equal(info.next_attempt, ARRIVAL + 300);
	assert_int_equal(mc_entry_envelope(other)->rcpts.n, 3);
	check_content(other);
	/* the first notes stand in the message, the others beside it */
	assert_int_equal(mc_entry_notes(other, tell, &told, NULL), 0);
	assert_string_equal(told.text, "1@1700000000:421 full\n");
	/* nothing can be changed through it */
	assert_err(mc_entry_mark(other, &(size_t){ 0 }, 1, MC_CELL_DELIVERED,
	    &err), err, MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_note(other, 0, 1, "x", false, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_remove(other, &err), err, MC_E_INTERNAL);
	/* the lock lives as long as either */
	mc_entry_close(entry);
	assert_int_equal(mc_store_claim(s.store, id, false, &entry, NULL), 0);
	mc_entry_close(other);
	/* the claimed one had two */
	assert_int_equal(open_descriptors(), before - 2);
	mc_entry_close(side_claim(&s, id));
	side_clear(&s);
}

/* whatever was handed over: it is closed, and refused with words */
static void
adopting_badly(void **state)
{
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct side s;
	int ends[2];

	(void)state;
	side_init(&s);
	side_put(&s, id);
	size_t before = open_descriptors();
	for (int i = 0; i < 6; i++) {
		static const enum mc_code want[] = { MC_E_USAGE, MC_E_QUEUE,
		    MC_E_QUEUE, MC_E_QUEUE_DAMAGED, MC_E_QUEUE, MC_E_QUEUE };
		struct mc_err err = { .code = MC_OK };
		int fd = -1;

		if (i == 0)
			fd = open(side_path(&s, "q", 'm', id), O_RDONLY);
		if (i == 1) {
			assert_int_equal(pipe(ends), 0);
			(void)close(ends[1]);
			fd = ends[0];
		}
		if (i == 2)
			fd = open(s.dir, O_RDONLY | O_DIRECTORY);
		if (i == 3)
			fd = open("/proc/self/exe", O_RDONLY);
		if (i == 4)
			fd = open(side_path(&s, "q", 'm', id), O_WRONLY);
		assert_true(i == 5 || fd >= 0);
		assert_err(mc_store_adopt(s.dir, i == 0 ? "../x" : id, fd,
		    &entry, &err), err, want[i]);
		assert_int_equal(open_descriptors(), before);
		assert_string_equal(s.said, "");
	}
	side_clear(&s);
}

static void
one_run(void **state)
{
	struct side s, t;
	int first, second = -1, status;
	char c;
	int ends[2];

	(void)state;
	side_init(&s);
	side_init(&t);
	assert_int_equal(mc_store_lock_run(s.store, &first, NULL), 1);
	assert_true((fcntl(first, F_GETFD) & FD_CLOEXEC) != 0);
	/* the same store, another store of the same spool, another spool */
	assert_int_equal(mc_store_lock_run(s.store, &second, NULL), 0);
	assert_int_equal(second, -1);
	side_open(&s);
	assert_int_equal(mc_store_lock_run(s.store, &second, NULL), 0);
	assert_int_equal(mc_store_lock_run(t.store, &second, NULL), 1);
	(void)close(second);
	(void)close(first);
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		c = mc_store_lock_run(s.store, &first, NULL) == 1 ? 'y' : 'n';
		(void)!write(ends[1], &c, 1);
		(void)pause();
		_exit(1);
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_int_equal(mc_store_lock_run(s.store, &second, NULL), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(mc_store_lock_run(s.store, &second, NULL), 1);
	(void)close(second);
	(void)close(ends[0]);
	/* q/ and the directory above, as they are */
	struct stat a, b;
	assert_int_equal(fstat(mc_store_top_fd(s.store), &a), 0);
	assert_int_equal(stat(s.dir, &b), 0);
	assert_true(a.st_ino == b.st_ino);
	assert_int_equal(fstat(mc_store_q_fd(s.store), &a), 0);
	assert_int_equal(stat(side_path(&s, "q", 0, "."), &b), 0);
	assert_true(a.st_ino == b.st_ino);
	side_clear(&s);
	side_clear(&t);
}


/* ------------------------------------------------------------------ damage */

/* D9, D10: what happens to a message whose bytes are these */
static void
try_damaged(struct side *s, const char *id, bool may_pass)
{
	struct mc_entry *entry = NULL;
	struct mc_err err = { .code = MC_OK };
	int rc = mc_store_look(s->store, id, &entry, &err);

	assert_true(rc == 1 || (rc == -1 && err.text[0] != '\0'));
	if (rc == 1)
		mc_entry_close(entry);
	mc_err_reset(&err);
	rc = mc_store_claim(s->store, id, true, &entry, &err);
	if (rc == 1) {
		assert_true(may_pass);
		check_content(entry);
		mc_entry_close(entry);
		return;
	}
	assert_err(rc, err, MC_E_QUEUE_DAMAGED);
	assert_int_equal(access(side_path(s, "q", 'm', id), F_OK), -1);
	assert_int_equal(unlink(side_path(s, "bad", 'm', id)), 0);
	s->said[0] = '\0';
}

static void
every_byte(void **state)
{
	char id[MC_ID_LEN + 1], path[512];
	unsigned char *whole;
	struct side s;
	size_t n;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	(void)snprintf(path, sizeof(path), "%s", side_path(&s, "q", 'm', id));
	whole = side_read(path, &n);
	for (size_t i = 0; i < n; i++) {
		/* cells and padding say nothing about the content */
		bool free_byte = i >= MC_QF_HEAD && i < MC_QF_BLOCK;

		if (free_byte && i > MC_QF_HEAD + 8 && i % 509 != 0)
			continue;
		for (int bit = 1; bit < 256; bit = bit == 1 ? 0x80 : 256) {
			whole[i] ^= (unsigned char)bit;
			side_write(path, whole, n);
			try_damaged(&s, id, free_byte);
			whole[i] ^= (unsigned char)bit;
		}
	}
	for (size_t len = 0; len < n; len += len > 130 && len < 4000 ? 97 : 1) {
		side_write(path, whole, len);
		try_damaged(&s, id, false);
	}
	unsigned char *more = malloc(n + 1);
	memcpy(more, whole, n);
	more[n] = 0;
	side_write(path, more, n + 1);
	try_damaged(&s, id, false);
	free(more);
	side_write(path, whole, n);
	try_damaged(&s, id, true);
	free(whole);
	side_clear(&s);
}

static void
hostile_numbers(void **state)
{
	static const uint32_t values[] = { 0, 2, 4, 100000, 100001, 0x7fffffff,
	    0x80000000, 0xfffffffe, 0xffffffff };
	char id[MC_ID_LEN + 1], path[512];
	unsigned char *whole;
	struct side s;
	size_t n;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	(void)snprintf(path, sizeof(path), "%s", side_path(&s, "q", 'm', id));
	whole = side_read(path, &n);
	/* each field of the head, then length fields within the envelope */
	for (size_t off = 16; off < 64; off += 4)
		for (size_t i = 0; i < MC_NELEM(values); i++) {
			unsigned char old[4];

			memcpy(old, whole + off, 4);
			memcpy(whole + off, &values[i], 4);
			side_write(path, whole, n);
			try_damaged(&s, id, memcmp(old, whole + off, 4) == 0);
			memcpy(whole + off, old, 4);
		}
	for (size_t off = 4096; off < 4096 + 60; off++)
		for (size_t i = 0; i < MC_NELEM(values); i++) {
			unsigned char old[4];

			memcpy(old, whole + off, 4);
			memcpy(whole + off, &values[i], 4);
			side_write(path, whole, n);
			try_damaged(&s, id, memcmp(old, whole + off, 4) == 0);
			memcpy(whole + off, old, 4);
		}
	/* many recipients announced, in a sparse file as long as that takes */
	struct mc_qf_head head = { .n = 100000, .block = mc_qf_block(100000),
	    .envelope = 500000000, .header = 10, .body = 0 };
	unsigned char bytes[MC_QF_HEAD];
	mc_qf_head_encode(&head, bytes);
	side_write(path, bytes, sizeof(bytes));
	assert_int_equal(truncate(path, (off_t)mc_qf_trailer_at(&head) + 48),
	    0);
	try_damaged(&s, id, false);
	free(whole);
	side_clear(&s);
}

/* ------------------------------------------------------------------- times */

#define SOON (ARRIVAL + 40 * 86400)

static void
wait_mode(struct side *s, const char *id, mode_t mode, int64_t next)
{
	struct mc_store_stat st = { .size = 0 };

	assert_int_equal(mode_of(s, id), mode);
	assert_int_equal(mc_store_stat_id(s->store, id, &st), 1);
	assert_true(st.next_attempt == next);
	assert_int_equal(st.timed, (mode & 0711) == 0601 ||
	    (mode & 0711) == 0401);
}

/* the mode is what a scan sees, and the envelope what counts */
static void
timed(void **state)
{
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1], path[512];
	struct mc_entry_info info;
	struct mc_entry *entry;
	struct side s;

	(void)state;
	side_init(&s);
	s.env.hold_until = s.item.next_attempt = SOON;
	side_put(&s, id);
	wait_mode(&s, id, 0601, SOON);
	(void)snprintf(path, sizeof(path), "%s", side_path(&s, "q", 'm', id));
	entry = side_claim(&s, id);
	mc_entry_info(entry, &info);
	assert_true(info.hold_until == SOON && info.since == SOON);
	assert_int_equal(info.arrival, ARRIVAL);
	/* a person's hold stands beside it */
	assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
	wait_mode(&s, id, 0401, SOON);
	assert_int_equal(mc_entry_hold(entry, false, NULL), 0);
	wait_mode(&s, id, 0601, SOON);
	assert_int_equal(mc_entry_wait(entry, NULL), 0);
	mc_entry_close(entry);
	/* lost: put right by whoever opens it */
	for (int i = 0; i < 3; i++) {
		if (i != 1)
			assert_int_equal(chmod(path, 0600), 0);
		if (i != 2)
			side_set_time(path, ARRIVAL);
		entry = side_claim(&s, id);
		mc_entry_info(entry, &info);
		assert_true(info.hold_until == SOON);
		assert_int_equal(mc_entry_wait(entry, NULL), 0);
		mc_entry_close(entry);
		wait_mode(&s, id, 0601, SOON);
	}
	/* who need not wait any more need not between attempts either */
	entry = side_claim(&s, id);
	assert_int_equal(mc_entry_free(entry, NULL), 0);
	assert_int_equal(mc_entry_reschedule(entry, ARRIVAL, NULL), 0);
	wait_mode(&s, id, 0611, ARRIVAL);
	for (int i = 0; i < 3; i++) {
		mc_entry_info(entry, &info);
		assert_true(info.hold_until == 0 && info.since == SOON);
		assert_int_equal(info.cut_off, i == 1);
		if (i == 0) {
			assert_int_equal(mc_entry_attempt(entry, true, NULL),
			    0);
			wait_mode(&s, id, 0610, ARRIVAL);
		} else if (i == 1) {
			assert_int_equal(mc_entry_attempt(entry, false, NULL),
			    0);
			wait_mode(&s, id, 0611, ARRIVAL);
		}
		/* another process sees the same */
		mc_entry_close(entry);
		entry = side_claim(&s, id);
	}
	assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
	wait_mode(&s, id, 0411, ARRIVAL);
	mc_entry_close(entry);
	/* what has failed and goes again need not wait */
	assert_int_equal(chmod(path, 0700), 0);
	entry = side_claim(&s, id);
	assert_int_equal(mc_entry_revive(entry, ARRIVAL, NULL), 0);
	mc_entry_info(entry, &info);
	assert_int_equal(info.hold_until, 0);
	wait_mode(&s, id, 0611, ARRIVAL);
	mc_entry_close(entry);
	/* only who has it may say so */
	assert_int_equal(mc_store_look(s.store, id, &entry, NULL), 1);
	assert_err(mc_entry_wait(entry, &err), err, MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_entry_free(entry, &err), err, MC_E_INTERNAL);
	mc_entry_close(entry);
	side_clear(&s);
}

/* an attempt takes the mark away, and marks without a time mean nothing */
static void
timed_over(void **state)
{
	char id[MC_ID_LEN + 1];
	struct mc_entry_info info;
	struct mc_entry *entry;
	struct side s;
	int fd;

	(void)state;
	side_init(&s);
	s.env.hold_until = s.item.next_attempt = SOON;
	side_put(&s, id);
	entry = side_claim(&s, id);
	assert_int_equal(mc_entry_attempt(entry, true, NULL), 0);
	wait_mode(&s, id, 0610, SOON);
	assert_int_equal(mc_entry_attempt(entry, false, NULL), 0);
	wait_mode(&s, id, 0600, SOON);
	/* whoever is to deliver it has nothing more to wait for */
	fd = dup(mc_entry_fd(entry));
	mc_entry_close(entry);
	assert_int_equal(mc_store_adopt(s.dir, id, fd, &entry, NULL), 0);
	assert_int_equal(mc_entry_envelope(entry)->hold_until, 0);
	mc_entry_close(entry);
	s.env.hold_until = 0;
	s.item.next_attempt = ARRIVAL;
	side_put(&s, id);
	wait_mode(&s, id, 0600, ARRIVAL);
	for (mode_t mode = 0601; mode <= 0611; mode += 010) {
		assert_int_equal(chmod(side_path(&s, "q", 'm', id), mode), 0);
		entry = side_claim(&s, id);
		mc_entry_info(entry, &info);
		assert_true(info.hold_until == 0 && !info.cut_off);
		assert_int_equal(info.since, ARRIVAL);
		assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
		assert_int_equal(mc_entry_hold(entry, false, NULL), 0);
		mc_entry_close(entry);
		wait_mode(&s, id, 0600, ARRIVAL);
	}
	/* a time that was over when it came needs no mark */
	s.env.hold_until = ARRIVAL - 1;
	side_put(&s, id);
	wait_mode(&s, id, 0600, ARRIVAL);
	side_clear(&s);
}

/* D16 */
/* what is asked of the server: in a file that an older release leaves alone */
static void
params(void **state)
{
	char id[MC_ID_LEN + 1], path[512];
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;
	struct mc_entry *entry;
	unsigned char *whole;
	struct side s;
	size_t n;

	(void)state;
	side_init(&s);
	s.env.require_tls = true;
	s.env.has_priority = true;
	s.env.priority = -4;
	s.env.by = MC_BY_RETURN;
	s.env.by_trace = true;
	s.env.by_time = INT64_C(1793491200);
	s.env.hold_until = INT64_C(1798131600);
	side_put(&s, id);
	(void)snprintf(path, sizeof(path), "%s", side_path(&s, "q", 'm', id));
	whole = side_read(path, &n);
	assert_int_equal(whole[8], 2);
	free(whole);
	assert_int_equal(mc_store_claim(s.store, id, true, &entry, &err), 1);
	mc_entry_info(entry, &info);
	assert_true(info.require_tls);
	const struct mc_envelope *env = mc_entry_envelope(entry);

	assert_true(env->require_tls);
	assert_true(env->has_priority);
	assert_int_equal(env->priority, -4);
	assert_int_equal(env->by, MC_BY_RETURN);
	assert_true(env->by_trace);
	assert_true(env->by_time == INT64_C(1793491200));
	assert_true(env->hold_until == INT64_C(1798131600));
	mc_entry_close(entry);
	side_clear(&s);
}

static void
newer_version(void **state)
{
	char id[MC_ID_LEN + 1], path[512];
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	unsigned char *whole;
	struct side s;
	size_t n, bad;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	(void)snprintf(path, sizeof(path), "%s", side_path(&s, "q", 'm', id));
	whole = side_read(path, &n);
	assert_int_equal(whole[8], 1);
	whole[8] = 3;
	whole[12] = (unsigned char)~3;
	side_write(path, whole, n - 100);
	assert_err(mc_store_claim(s.store, id, true, &entry, &err), err,
	    MC_E_QUEUE_NEWER);
	assert_non_null(strstr(err.text, "newer release"));
	assert_int_equal(mc_store_check(s.store, NULL, NULL, &bad, NULL), 0);
	assert_int_equal(bad, 0);
	assert_int_equal(access(path, F_OK), 0);
	free(whole);
	side_clear(&s);
}

static void
checking(void **state)
{
	static const size_t all[] = { 0, 1, 2 };
	char id[MC_ID_LEN + 1], done[MC_ID_LEN + 1], hurt[MC_ID_LEN + 1];
	struct seen seen = { .n = 0 };
	struct mc_entry *entry;
	struct side s;
	size_t bad;

	(void)state;
	side_init(&s);
	side_put(&s, id);
	side_put(&s, done);
	side_put(&s, hurt);
	note(&s, hurt, 0, 1, "x");
	entry = side_claim(&s, done);
	assert_int_equal(mc_entry_mark(entry, all, 3, MC_CELL_DELIVERED, NULL),
	    0);
	mc_entry_close(entry);
	assert_int_equal(truncate(side_path(&s, "q", 'm', hurt), 4200), 0);
	side_write(side_path(&s, "q", 't', done), "x", 1);
	side_write(side_path(&s, "q", 'l', "aaaaaaaaaaaaaaaaaaaaaaaaaa"), "x",
	    1);
	s.said[0] = '\0';
	assert_int_equal(mc_store_check(s.store, note_check, &s, &bad, NULL),
	    0);
	assert_int_equal(bad, 1);
	assert_non_null(strstr(s.said, "every recipient has it; removed"));
	assert_non_null(strstr(s.said, "never finished; removed"));
	assert_non_null(strstr(s.said, "notes without message; removed"));
	assert_non_null(strstr(s.said, "damaged message in bad/"));
	assert_int_equal(side_count(&s, "q", '\0'), 1);
	assert_int_equal(side_count(&s, "bad", '\0'), 2);
	assert_int_equal(mc_store_scan_bad(s.store, see, &seen, NULL), 0);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.id, hurt);
	/* a second one of that name does not replace the first */
	side_write(side_path(&s, "q", 'm', hurt), "x", 1);
	assert_int_equal(mc_store_check(s.store, note_check, &s, &bad, NULL),
	    0);
	assert_int_equal(bad, 2);
	assert_int_equal(side_count(&s, "bad", 'm'), 2);
	side_clear(&s);
}

/* ---------------------------------------------------- what it stands on */

static void
files(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct side s;
	unsigned char *p;
	size_t n;
	int dir, fd;

	(void)state;
	side_init(&s);
	dir = open(s.top, O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "a", O_RDWR | O_CREAT, 0600);
	assert_true(dir >= 0 && fd >= 0);
	assert_int_equal(mc_file_pwrite(fd, "world", 5, 3, NULL), 0);
	assert_int_equal(mc_file_pwrite(fd, "one", 3, 0, NULL), 0);
	assert_int_equal(mc_file_pwrite(fd, "", 0, 99, NULL), 0);
	assert_err(mc_file_pwrite(fd, "x", 1, UINT64_MAX, &err), err, MC_E_IO);
	mc_err_reset(&err);
	assert_err(mc_file_pwrite(-1, "x", 1, 0, &err), err, MC_E_IO);
	assert_int_equal(err.sys, EBADF);
	assert_int_equal(mc_file_sync(fd), 0);
	assert_int_equal(mc_file_sync_data(fd), 0);
	assert_int_equal(mc_file_sync(dir), 0);
	assert_int_equal(mc_file_sync(-1), -1);
	assert_int_equal(mc_file_rename_new(dir, "a", dir, "b"), 0);
	assert_int_equal(mc_file_rename_new(dir, "a", dir, "c"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(symlinkat("nowhere", dir, "c"), 0);
	assert_int_equal(mc_file_rename_new(dir, "b", dir, "c"), -1);
	assert_int_equal(errno, EEXIST);
	char path[200];
	(void)snprintf(path, sizeof(path), "%s/b", s.top);
	p = side_read(path, &n);
	assert_int_equal(n, 8);
	assert_memory_equal(p, "oneworld", 8);
	free(p);
	(void)close(fd);
	(void)close(dir);
	side_clear(&s);
}

/* a spool over a part of an open file leaves that file alone */
static void
borrowed_spool(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_spool spool;
	char text[16];
	size_t got;
	int fd = mc_file_temp(NULL, NULL);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, "0123456789", 10, NULL), 0);
	mc_spool_init_fd(&spool, fd, 3, 4);
	for (size_t off = 0; off <= 5; off++)
		for (size_t n = 1; n < sizeof(text); n++) {
			size_t want = off >= 4 ? 0 : n < 4 - off ? n : 4 - off;

			assert_int_equal(mc_spool_read(&spool, off, text, n,
			    &got, NULL), 0);
			assert_int_equal(got, want);
			assert_memory_equal(text, &"0123456789"[3 + off], want);
		}
	assert_err(mc_spool_add(&spool, "x", 1, &err), err, MC_E_INTERNAL);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 10);
	mc_spool_clear(&spool);
	assert_int_equal(fcntl(fd, F_GETFD) >= 0, 1);
	/* and can then be an ordinary one */
	assert_int_equal(spool.fd, -1);
	/* a file that got shorter is an error, not an end */
	mc_spool_init_fd(&spool, fd, 3, 8);
	mc_err_reset(&err);
	assert_err(mc_spool_read(&spool, 0, text, 8, &got, &err), err,
	    MC_E_IO);
	mc_spool_clear(&spool);
	(void)close(fd);
}

/* ------------------------------------------------------------------- memory */

static int
everything(struct side *s, struct mc_err *err)
{
	static const size_t all[] = { 0, 1, 2 };
	struct mc_store_settings set = { .dir = s->dir, .reserve_bytes = 1,
	    .log = &s->log };
	const struct mc_spool *body;
	struct mc_entry *entry = NULL, *other = NULL;
	struct told told = { .n = 0 };
	char id[MC_ID_LEN + 1];
	struct mc_str header;
	size_t bad;
	int rc = -1;

	mc_store_close(s->store);
	s->store = NULL;
	if (mc_store_open(&set, &s->store, err) != 0 ||
	    mc_store_put(s->store, &s->item, NULL, id, err) != 0)
		return -1;
	if (mc_store_claim(s->store, id, true, &entry, err) == 1 &&
	    mc_entry_content(entry, &header, &body, err) == 0 &&
	    mc_entry_note(entry, 0, 5, "text", true, err) == 0 &&
	    mc_entry_notes(entry, tell, &told, err) == 0 &&
	    mc_entry_mark(entry, all, 3, MC_CELL_REPORTED, err) == 0 &&
	    mc_entry_keep(entry, 7, err) == 0 &&
	    mc_store_adopt(s->dir, id, dup(mc_entry_fd(entry)), &other,
	    err) == 0 &&
	    mc_entry_content(other, &header, &body, err) == 0 &&
	    mc_entry_revive(entry, 8, err) == 0 &&
	    mc_entry_mark(entry, all, 1, MC_CELL_DELIVERED, err) == 0)
		rc = 0;
	mc_entry_close(entry);
	mc_entry_close(other);
	if (rc == 0 && mc_store_check(s->store, NULL, NULL, &bad, err) != 0)
		rc = -1;
	return rc;
}

static void
out_of_memory(void **state)
{
	unsigned long n = 0;
	size_t descriptors = open_descriptors();
	int rc = -1;
	struct side s;

	(void)state;
	side_init(&s);
	mc_envelope_at(&s.env, 1)->text = mc_mem_strdup("421 full");
	mc_envelope_at(&s.env, 1)->orcpt = mc_mem_strdup("a@b");
	s.env.envid = mc_mem_strdup("e");
	while (rc != 0) {
		struct mc_err err = { .code = MC_OK };

		side_wipe_dir(s.dir);
		(void)failmalloc(++n, false);
		rc = everything(&s, &err);
		(void)failmalloc(0, false);
		if (rc != 0)
			assert_err(rc, err, MC_E_NOMEM);
		/* nothing half, and nothing taken for damaged */
		if (access(side_path(&s, "q", 0, "."), F_OK) == 0)
			assert_int_equal(side_count(&s, "q", 't'), 0);
		if (access(side_path(&s, "bad", 0, "."), F_OK) == 0)
			assert_int_equal(side_count(&s, "bad", '\0'), 0);
	}
	assert_true(n > 40);
	side_clear(&s);
	assert_int_equal(open_descriptors(), descriptors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(sizes),
		cmocka_unit_test(fixed_id),
		cmocka_unit_test(bad_items),
		cmocka_unit_test(limits),
		cmocka_unit_test(file_size_limit),
		cmocka_unit_test(opening),
		cmocka_unit_test(sweeping),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(scanning),
		cmocka_unit_test(scanning_notes),
		cmocka_unit_test(marking),
		cmocka_unit_test(looking),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(locking),
		cmocka_unit_test(odd_times),
		cmocka_unit_test(holding),
		cmocka_unit_test(noting),
		cmocka_unit_test(odd_notes),
		cmocka_unit_test(keeping),
		cmocka_unit_test(held_or_failed),
		cmocka_unit_test(reviving),
		cmocka_unit_test(checking_failed),
		cmocka_unit_test(adopting),
		cmocka_unit_test(adopting_badly),
		cmocka_unit_test(one_run),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(hostile_numbers),
		cmocka_unit_test(timed),
		cmocka_unit_test(timed_over),
		cmocka_unit_test(params),
		cmocka_unit_test(newer_version),
		cmocka_unit_test(checking),
		cmocka_unit_test(files),
		cmocka_unit_test(borrowed_spool),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
