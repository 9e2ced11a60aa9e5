/* SPDX-License-Identifier: MIT */
/*
 * test_grant.c - what is asked of a provider, and the file of a token
 */
#include "conf_side.h"

#include "base/file.h"
#include "config/grant.h"

#include <time.h>

static const char *const all_files[] = { "oauth/work.token",
    "oauth/work.lock", "oauth/%2e%2f%c3%a4.token", "elsewhere", "oauth",
    "s/mailchute/oauth/work.token", "s/mailchute/oauth", "s/mailchute", "s",
    NULL };

struct world {
	struct side side;
	struct mc_account a;
	struct mc_caller caller;
	char queue[96];
	struct mc_terms terms;
	struct mc_err err;
};

static void
make_terms(struct world *w)
{
	mc_terms_clear(&w->terms);
	if (mc_terms_make(&w->a, MC_FLOW_AUTO, &w->terms, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

static void
open_world(struct world *w)
{
	*w = (struct world){
		.a = { .name = "work", .helper_timeout = 1,
		    .oauth = MC_OAUTH_GOOGLE, .oauth_client_id = "me",
		    .user = "joe@x.test" },
		.caller = { .uid = geteuid() },
	};
	side_open(&w->side);
	(void)snprintf(w->queue, sizeof(w->queue), "%s/queue", w->side.dir);
	w->a.queue_dir = w->queue;
	mc_buf_init(&w->terms.room, 1);
	make_terms(w);
}

static void
close_world(struct world *w)
{
	mc_terms_clear(&w->terms);
	side_close(&w->side, all_files);
}

static struct mc_secret *
secret(const char *text)
{
	struct mc_secret *s = mc_secret_new(text, strlen(text), NULL);

	assert_non_null(s);
	return s;
}

/* -------------------------------------------------------------------- terms */

static const char *
or_none(const char *s)
{
	return s == NULL ? "-" : s;
}

static void
test_presets(void **state)
{
	static const struct {
		struct mc_account a;
		enum mc_flow asked;
		enum mc_flow flow;
		const char *token_url;
		const char *scope;
		const char *revoke_url;
		const char *extra;
	} rows[] = {
		{ { .oauth = MC_OAUTH_GOOGLE }, MC_FLOW_AUTO, MC_FLOW_CODE,
		    "https://oauth2.googleapis.com/token",
		    "https://mail.google.com/",
		    "https://oauth2.googleapis.com/revoke",
		    "access_type=offline&prompt=consent" },
		{ { .oauth = MC_OAUTH_GOOGLE, .oauth_key_file = "/k" },
		    MC_FLOW_AUTO, MC_FLOW_JWT,
		    "https://oauth2.googleapis.com/token",
		    "https://mail.google.com/",
		    "https://oauth2.googleapis.com/revoke",
		    "access_type=offline&prompt=consent" },
		{ { .oauth = MC_OAUTH_MICROSOFT }, MC_FLOW_AUTO,
		    MC_FLOW_DEVICE,
		    "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		    "https://outlook.office.com/SMTP.Send offline_access", NULL,
		    NULL },
		{ { .oauth = MC_OAUTH_MICROSOFT, .oauth_tenant = "x.example",
		    .oauth_flow = MC_FLOW_CODE }, MC_FLOW_AUTO, MC_FLOW_CODE,
		    "https://login.microsoftonline.com/x.example/oauth2/v2.0/"
		    "token",
		    "https://outlook.office.com/SMTP.Send offline_access", NULL,
		    NULL },
		{ { .oauth = MC_OAUTH_MICROSOFT, .oauth_tenant = "t",
		    .oauth_client_secret_file = "/s" }, MC_FLOW_CLIENT,
		    MC_FLOW_CLIENT,
		    "https://login.microsoftonline.com/t/oauth2/v2.0/token",
		    "https://outlook.office365.com/.default", NULL, NULL },
		{ { .oauth = MC_OAUTH_CUSTOM, .oauth_token_url = "https://t/",
		    .oauth_device_url = "https://d/" }, MC_FLOW_AUTO,
		    MC_FLOW_DEVICE, "https://t/", NULL, NULL, NULL },
		{ { .oauth = MC_OAUTH_CUSTOM, .oauth_token_url = "https://t/",
		    .oauth_auth_url = "https://a/",
		    .oauth_scope = "a offline_access" }, MC_FLOW_AUTO,
		    MC_FLOW_CODE, "https://t/", "a offline_access", NULL,
		    "prompt=consent" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_account a = rows[i].a;
		struct mc_err err = { .code = MC_OK };
		struct mc_terms t;

		a.name = "work";
		a.oauth_client_id = "me";
		if (mc_terms_make(&a, rows[i].asked, &t, &err) != 0)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(t.flow, rows[i].flow);
		assert_string_equal(t.token_url, rows[i].token_url);
		assert_string_equal(or_none(t.scope), or_none(rows[i].scope));
		assert_string_equal(or_none(t.revoke_url),
		    or_none(rows[i].revoke_url));
		assert_string_equal(or_none(t.auth_extra),
		    or_none(rows[i].extra));
		assert_int_equal(mc_terms_alone(&t), t.flow >=
		    MC_FLOW_CLIENT);
		mc_terms_clear(&t);
	}
}

/* the key that is missing is named */
static void
test_missing(void **state)
{
	static const struct {
		struct mc_account a;
		enum mc_flow asked;
		const char *words;
	} rows[] = {
		{ { .oauth = MC_OAUTH_OFF }, MC_FLOW_AUTO, "oauth is off" },
		{ { .oauth = MC_OAUTH_GOOGLE }, MC_FLOW_AUTO,
		    "oauth-client-id" },
		{ { .oauth = MC_OAUTH_CUSTOM, .oauth_client_id = "x" },
		    MC_FLOW_AUTO, "oauth-token-url" },
		{ { .oauth = MC_OAUTH_CUSTOM, .oauth_client_id = "x",
		    .oauth_token_url = "https://t/" }, MC_FLOW_AUTO,
		    "oauth-auth-url" },
		{ { .oauth = MC_OAUTH_CUSTOM, .oauth_client_id = "x",
		    .oauth_token_url = "https://t/" }, MC_FLOW_DEVICE,
		    "oauth-device-url" },
		{ { .oauth = MC_OAUTH_GOOGLE }, MC_FLOW_JWT,
		    "oauth-key-file" },
		{ { .oauth = MC_OAUTH_GOOGLE, .oauth_client_id = "x" },
		    MC_FLOW_CLIENT, "oauth-client-secret-file" },
		{ { .oauth = MC_OAUTH_MICROSOFT, .oauth_client_id = "x",
		    .oauth_client_secret_command = "x" }, MC_FLOW_CLIENT,
		    "oauth-tenant" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_account a = rows[i].a;
		struct mc_err err = { .code = MC_OK };
		struct mc_terms t;

		a.name = "work";
		assert_err(mc_terms_make(&a, rows[i].asked, &t, &err), err,
		    MC_E_CONF_VALUE);
		if (strstr(err.text, rows[i].words) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		mc_terms_clear(&t);
	}
}

static void
test_urls(void **state)
{
	static const char *const good[] = { "https://a", "https://a.b:1/c?d=e@f",
	    "http://127.0.0.1/", "http://localhost:1/x", "http://[::1]:1" };
	static const char *const bad[] = { "", "https://", "https:///x", "http",
	    "http://a/", "http://127.0.0.1.a/", "http://127.0.0.1@a/",
	    "http://localhost:x@a/", "http://localhost", "https://a b", "https://u:p@a/",
	    "https://a#b", "https://a\n", "https://\xc3\xa4/", "HTTPS://a",
	    "file:///x", "ftp://a/" };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(good); i++)
		if (!mc_terms_is_url(mc_str_from(good[i])))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < MC_NELEM(bad); i++)
		if (mc_terms_is_url(mc_str_from(bad[i])))
			fail_msg("%s", bad[i]);
}

/* -------------------------------------------------------------------- files */

static void
test_places(void **state)
{
	static const struct {
		const char *dir;
		const char *queue;
		const char *state;
		const char *home;
		const char *place;	/* NULL: none */
	} rows[] = {
		{ "/a/b", "/q/r", "XDG_STATE_HOME=/s", "/h", "/a/b" },
		{ NULL, "/q/r", "XDG_STATE_HOME=/s", "/h", "/q/oauth" },
		{ NULL, "/q/r//", NULL, "/h", "/q/oauth" },
		{ NULL, "/q", NULL, "/h", "/oauth" },
		{ NULL, NULL, "XDG_STATE_HOME=/s", "/h",
		    "/s/mailchute/oauth" },
		{ NULL, NULL, "XDG_STATE_HOME=s", "/h",
		    "/h/.local/state/mailchute/oauth" },
		{ NULL, NULL, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char variable[64];
		char *envp[] = { rows[i].state != NULL ? variable : NULL, NULL };
		struct mc_account a = { .name = "work",
		    .oauth_dir = rows[i].dir, .queue_dir = rows[i].queue };
		struct mc_caller caller = { .home = rows[i].home,
		    .envp = envp };
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		int rc;

		(void)snprintf(variable, sizeof(variable), "%s",
		    rows[i].state != NULL ? rows[i].state : "");
		mc_buf_init(&out, 1000);
		rc = mc_grant_place(&a, &caller, &out, &err);
		if (rows[i].place == NULL)
			assert_err(rc, err, MC_E_CONF_VALUE);
		else
			assert_string_equal(out.ptr, rows[i].place);
		mc_buf_clear(&out);
	}
}

static void
put(struct world *w, const char *access, const char *refresh, int64_t got,
    int64_t expires)
{
	struct mc_grant g = { .access = secret(access),
	    .refresh = refresh == NULL ? NULL : secret(refresh), .got = got,
	    .expires = expires };

	if (mc_grant_store(&w->terms, &w->caller, &g, &w->err) != 0)
		fail_msg("%s", w->err.text);
	mc_grant_clear(&g);
}

static int
look(struct world *w, struct mc_grant *g)
{
	memset(g, 0, sizeof(*g));
	memset(&w->err, 0, sizeof(w->err));
	return mc_grant_load(&w->terms, &w->caller, g, &w->err);
}

static void
test_round(void **state)
{
	struct mc_grant g;
	struct world w;
	struct stat st;

	(void)state;
	open_world(&w);
	assert_int_equal(look(&w, &g), 0);
	put(&w, "acc", "ref", 100, 200);
	assert_int_equal(look(&w, &g), 1);
	assert_str(mc_secret_peek(g.access), "acc");
	assert_str(mc_secret_peek(g.refresh), "ref");
	assert_int_equal(g.got, 100);
	assert_int_equal(g.expires, 200);
	mc_grant_clear(&g);
	assert_int_equal(stat(side_path(&w.side, "oauth/work.token"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(side_path(&w.side, "oauth"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	put(&w, "a2", NULL, 1, 2);
	assert_int_equal(look(&w, &g), 1);
	assert_null(g.refresh);
	mc_grant_clear(&g);
	assert_int_equal(mc_grant_remove(&w.a, &w.caller, &w.err), 1);
	assert_int_equal(mc_grant_remove(&w.a, &w.caller, &w.err), 0);
	assert_int_equal(look(&w, &g), 0);
	/* a name that would lead elsewhere */
	w.a.name = "./\xc3\xa4";
	put(&w, "a3", NULL, 1, 2);
	assert_int_equal(access(side_path(&w.side,
	    "oauth/%2e%2f%c3%a4.token"), F_OK), 0);
	close_world(&w);
}

/* what was granted for something else is not ours */
static void
test_other_terms(void **state)
{
	struct mc_grant g;
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "acc", "ref", 1, 2);
	for (int i = 0; i < 6; i++) {
		struct mc_account was = w.a;

		if (i == 0)
			w.a.oauth_client_id = "you";
		else if (i == 1)
			w.a.oauth_scope = "more";
		else if (i == 2)
			w.a.oauth_token_url = "https://x/";
		else if (i == 3)
			w.a.user = "ann@x.test";
		else if (i == 4)
			w.a.oauth_subject = "ann@x.test";
		else
			w.a.oauth_key_file = "/k";
		make_terms(&w);
		assert_int_equal(look(&w, &g), 0);
		w.a = was;
	}
	/* where it is entered does not matter to what was got */
	w.a.oauth_device_url = "https://d/";
	w.a.oauth_flow = MC_FLOW_DEVICE;
	make_terms(&w);
	assert_int_equal(look(&w, &g), 1);
	mc_grant_clear(&g);
	close_world(&w);
}

static void
test_broken(void **state)
{
	struct mc_grant g;
	struct world w;
	struct mc_buf text;
	const char *path;

	(void)state;
	open_world(&w);
	put(&w, "acc", "ref", 100, 200);
	mc_buf_init(&text, 10000);
	path = side_path(&w.side, "oauth/work.token");
	assert_int_equal(mc_file_slurp(path, &text, NULL, NULL, NULL), 0);
	/* cut anywhere: all of it, or nothing */
	for (size_t n = 0; n < text.len; n++) {
		int rc;

		side_write_n(&w.side, "oauth/work.token", text.ptr, n, 0600);
		rc = look(&w, &g);
		if (rc == 1) {
			assert_str(mc_secret_peek(g.access), "acc");
			assert_true(g.refresh == NULL && text.ptr[n - 1] ==
			    '\n');
		} else {
			assert_int_equal(rc, 0);
		}
		mc_grant_clear(&g);
	}
	/* any byte of it changed: nothing that was not there */
	for (size_t n = 0; n < text.len; n++) {
		text.ptr[n] ^= 0x01;
		side_write_n(&w.side, "oauth/work.token", text.ptr, text.len,
		    0600);
		assert_in_range(look(&w, &g) + 1, 1, 2);
		mc_grant_clear(&g);
		text.ptr[n] ^= 0x01;
	}
	for (mode_t mode = 0601; mode <= 0640; mode = mode == 0601 ? 0604 :
	    mode == 0604 ? 0620 : mode == 0620 ? 0640 : 0777) {
		side_write_n(&w.side, "oauth/work.token", text.ptr, text.len,
		    mode);
		assert_err(look(&w, &g), w.err, MC_E_CONF_SECRET);
	}
	mc_buf_clear(&text);
	(void)unlink(side_path(&w.side, "oauth/work.token"));
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_err(look(&w, &g), w.err, MC_E_IO);
	(void)unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_err(look(&w, &g), w.err, MC_E_IO);
	assert_int_equal(chmod(side_path(&w.side, "oauth"), 0720), 0);
	assert_err(look(&w, &g), w.err, MC_E_CONF_SECRET);
	close_world(&w);
}

/* -------------------------------------------------------------------- whole */

static void
test_token(void **state)
{
	struct mc_grant_wish wish = { .cancel_fd = -1 };
	struct mc_secret *token = NULL;
	int64_t now = (int64_t)time(NULL);
	struct world w;

	(void)state;
	open_world(&w);
	assert_err(mc_grant_token(&w.a, &w.caller, &wish, &token, &w.err),
	    w.err, MC_E_NO_SECRET);
	assert_non_null(strstr(w.err.text, "run mailchute login work"));
	/* not even a directory was made */
	assert_int_equal(access(side_path(&w.side, "oauth"), F_OK), -1);
	put(&w, "acc", NULL, now, now + 3600);
	assert_int_equal(mc_grant_token(&w.a, &w.caller, &wish, &token,
	    &w.err), 0);
	assert_str(mc_secret_peek(token), "acc");
	wish.refused = mc_grant_mark(mc_secret_peek(token));
	mc_secret_free(token);
	/* refused, and nothing to renew it with */
	w.err = (struct mc_err){ .code = MC_OK };
	assert_err(mc_grant_token(&w.a, &w.caller, &wish, &token, &w.err),
	    w.err, MC_E_NO_SECRET);
	assert_non_null(strstr(w.err.text, "run mailchute login work"));
	/* the one after it is good */
	wish.refused++;
	assert_int_equal(mc_grant_token(&w.a, &w.caller, &wish, &token,
	    &w.err), 0);
	mc_secret_free(token);
	/* over, or nearly */
	for (int64_t left = -1; left <= 59; left += 60) {
		put(&w, "acc", NULL, now - 3600, now + left);
		w.err = (struct mc_err){ .code = MC_OK };
		assert_err(mc_grant_token(&w.a, &w.caller, &wish, &token,
		    &w.err), w.err, MC_E_NO_SECRET);
	}
	/* a tenth of a short life */
	put(&w, "acc", NULL, now, now + 60);
	assert_int_equal(mc_grant_token(&w.a, &w.caller, &wish, &token,
	    &w.err), 0);
	mc_secret_free(token);
	close_world(&w);
}

static void
test_lock(void **state)
{
	struct world w;
	int one = -1, two = -1, ends[2];

	(void)state;
	open_world(&w);
	assert_int_equal(mc_grant_lock(&w.a, &w.caller, 1000, -1, &one,
	    &w.err), 0);
	assert_err(mc_grant_lock(&w.a, &w.caller, 50, -1, &two, &w.err),
	    w.err, MC_E_TIMEOUT);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "", 1), 1);
	w.err = (struct mc_err){ .code = MC_OK };
	assert_int_equal(mc_grant_lock(&w.a, &w.caller, 60000, ends[0], &two,
	    &w.err), -1);
	assert_int_equal(w.err.code, MC_E_CANCELLED);
	mc_file_close(&one);
	assert_int_equal(mc_grant_lock(&w.a, &w.caller, 1000, -1, &two,
	    &w.err), 0);
	mc_file_close(&two);
	mc_file_close(&ends[0]);
	mc_file_close(&ends[1]);
	close_world(&w);
}

static int
everything(struct world *w)
{
	struct mc_grant_wish wish = { .cancel_fd = -1 };
	struct mc_grant g = { .got = time(NULL) };
	struct mc_secret *token = NULL;
	int fd = -1;
	int rc = -1;

	g.expires = g.got + 3600;
	g.access = mc_secret_new("acc", 3, &w->err);
	if (g.access != NULL &&
	    mc_grant_lock(&w->a, &w->caller, 1000, -1, &fd, &w->err) == 0 &&
	    mc_grant_store(&w->terms, &w->caller, &g, &w->err) == 0)
		rc = mc_grant_token(&w->a, &w->caller, &wish, &token, &w->err);
	mc_file_close(&fd);
	mc_secret_free(token);
	mc_grant_clear(&g);
	return rc;
}

static void
test_no_memory(void **state)
{
	bool done = false;

	(void)state;
	for (unsigned long n = 1; !done; n++) {
		struct world w;
		int rc;

		open_world(&w);
		(void)failmalloc(n, false);
		rc = everything(&w);
		done = failmalloc(0, false) < n;
		if (done)
			assert_int_equal(rc, 0);
		else if (rc != 0)
			assert_int_equal(w.err.code, MC_E_NOMEM);
		close_world(&w);
		assert_in_range(n, 1, 1000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_other_terms),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
