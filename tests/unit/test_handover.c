/* SPDX-License-Identifier: MIT */
/*
 * test_handover.c - when mail goes to the local service, and what that account
 * is then
 */
#include "unit.h"

#include "base/buf.h"
#include "config/conf.h"
#include "config/handover.h"
#include "mail/mailbox.h"
#include "transport/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct world {
	char dir[64];
	char path[96];		/* of the socket */
	char file[96];		/* of a configuration */
	char socket[128], host[128];
	char *env[6];
	struct mc_caller caller;
	struct mc_config *config;
	struct mc_err err;
};

static void
bind_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof(sun)),
	    0);
	close(fd);
}

static int
setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	(void)snprintf(w.dir, sizeof(w.dir), "/tmp/mc-handover.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	(void)snprintf(w.path, sizeof(w.path), "%s/submit", w.dir);
	(void)snprintf(w.file, sizeof(w.file), "%s/config", w.dir);
	(void)snprintf(w.socket, sizeof(w.socket), "MAILCHUTE_SOCKET=%s",
	    w.path);
	w.env[0] = w.socket;
	w.caller.envp = w.env;
	w.caller.uid = geteuid();
	w.caller.home = "/nonexistent";
	w.caller.login = "alice";
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mc_config_free(w->config);
	w->config = NULL;
	unlink(w->path);
	unlink(w->file);
	rmdir(w->dir);
	return 0;
}

static int
load(struct world *w, const char *file, const char *system)
{
	mc_config_free(w->config);
	w->config = NULL;
	mc_err_reset(&w->err);
	/* reading it takes secrets out, so it is made anew */
	(void)snprintf(w->socket, sizeof(w->socket), "MAILCHUTE_SOCKET=%s",
	    w->path);
	return mc_config_load_from(&w->caller, file, system, NULL, NULL,
	    &w->config, &w->err);
}

static const struct mc_account *
account(struct world *w)
{
	const struct mc_account *a = NULL;

	assert_int_equal(mc_config_find(w->config, NULL, &a, NULL), 0);
	return a;
}

static const struct mc_account *
queued(struct world *w)
{
	const struct mc_account *a = NULL;

	assert_int_equal(mc_config_find_queued(w->config, "default", &a, NULL),
	    0);
	return a;
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* ------------------------------------------------------------------- looking */

static void
looking(void **state)
{
	struct world *w = *state;
	struct mc_err err = { .code = MC_OK };
	char other[128];

	assert_int_equal(mc_handover_look(w->path, &err), MC_LOOK_AWAY);
	assert_int_equal(mc_handover_look("/nonexistent/a/b", &err),
	    MC_LOOK_NONE);
	bind_socket(w->path);
	assert_int_equal(mc_handover_look(w->path, &err), MC_LOOK_THERE);
	(void)snprintf(other, sizeof(other), "%s/x", w->path);
	assert_int_equal(mc_handover_look(other, &err), MC_LOOK_NONE);
	assert_int_equal(err.code, MC_OK);
	/* sticky or not */
	static const mode_t open_modes[] = { 0777, 01777, 0720, 0702, 0775 };
	for (size_t i = 0; i < MC_NELEM(open_modes); i++) {
		assert_int_equal(chmod(w->dir, open_modes[i]), 0);
		mc_err_reset(&err);
		assert_int_equal(mc_handover_look(w->path, &err), -1);
		assert_int_equal(err.code, MC_E_CONNECT);
		assert_non_null(strstr(err.text, w->path));
		(void)snprintf(other, sizeof(other), "%s/away", w->dir);
		assert_int_equal(mc_handover_look(other, NULL), -1);
	}
	assert_int_equal(chmod(w->dir, 0755), 0);
	assert_int_equal(mc_handover_look(w->path, NULL), MC_LOOK_THERE);
	if (geteuid() == 0) {
		/* a directory of neither root nor the socket's owner */
		assert_int_equal(chown(w->dir, 1, 0), 0);
		assert_int_equal(mc_handover_look(w->path, NULL), -1);
		assert_int_equal(chown(w->path, 1, 0), 0);
		assert_int_equal(mc_handover_look(w->path, NULL), MC_LOOK_THERE);
		assert_int_equal(chown(w->dir, 0, 0), 0);
		assert_int_equal(mc_handover_look(w->path, NULL), MC_LOOK_THERE);
	}
	unlink(w->path);
	write_file(w->path, "");
	assert_int_equal(mc_handover_look(w->path, NULL), -1);
	unlink(w->path);
	(void)snprintf(other, sizeof(other), "%s/y", w->dir);
	bind_socket(other);
	assert_int_equal(symlink(other, w->path), 0);
	assert_int_equal(mc_handover_look(w->path, NULL), -1);
	unlink(other);
}

/* ------------------------------------------------------------------ deciding */

static void
used(void **state)
{
	struct world *w = *state;
	struct mc_value v;
	const struct mc_account *a;

	bind_socket(w->path);
	assert_int_equal(load(w, NULL, "/nonexistent/x"), 0);
	a = account(w);
	assert_true(a->is_service && a->is_socket);
	assert_string_equal(a->host, w->path);
	assert_int_equal(a->tls_mode, MC_TLS_OFF);
	assert_string_equal(a->auth, "off");
	assert_int_equal(a->fan_out, 2);
	assert_ptr_equal(queued(w), a);
	assert_int_equal(mc_config_value(w->config, NULL, MC_K_host, &v,
	    NULL), 0);
	assert_string_equal(v.origin, "the local service");
	assert_false(v.is_default);
	/* also from what says that there is no file */
	assert_int_equal(load(w, "/dev/null", "/nonexistent/x"), 0);
	assert_true(account(w)->is_service);
}

/* a log-in and TLS of the environment are for another server */
static void
environment(void **state)
{
	struct world *w = *state;
	static char user[] = "MAILCHUTE_USER=u", tls[] =
	    "MAILCHUTE_TLS=starttls", proxy[] =
	    "MAILCHUTE_PROXY=socks5h://127.0.0.1:1", from[] =
	    "MAILCHUTE_FROM=me@x.example";
	const struct mc_account *a;

	bind_socket(w->path);
	w->env[1] = user;
	w->env[2] = tls;
	w->env[3] = proxy;
	w->env[4] = from;
	assert_int_equal(load(w, NULL, "/nonexistent/x"), 0);
	a = account(w);
	assert_true(a->is_service);
	assert_null(a->user);
	assert_null(a->proxy);
	assert_int_equal(a->tls_mode, MC_TLS_OFF);
	assert_string_equal(a->from, "me@x.example");
	/* a host, and it is one's own account */
	(void)snprintf(w->host, sizeof(w->host), "MAILCHUTE_HOST=h.example");
	w->env[2] = w->host;
	w->env[3] = NULL;
	assert_int_equal(load(w, NULL, "/nonexistent/x"), 0);
	assert_false(account(w)->is_service);
	assert_string_equal(account(w)->host, "h.example");
}

static void
gone(void **state)
{
	struct world *w = *state;
	const struct mc_transport_ops *ops;
	const struct mc_account *a;

	/* it is only away */
	assert_int_equal(load(w, NULL, "/nonexistent/x"), 0);
	assert_true(account(w)->is_service);
	assert_string_equal(account(w)->host, w->path);
	(void)snprintf(w->path, sizeof(w->path), "/nonexistent/submit");
	assert_int_equal(load(w, NULL, "/nonexistent/x"), 0);
	a = account(w);
	assert_false(a->is_service);
	assert_null(a->host);
	assert_int_equal(mc_transport_find(a, &ops, &w->err), -1);
	assert_int_equal(w->err.code, MC_E_CONF_VALUE);
	assert_non_null(strstr(w->err.text, w->path));
	/* what waits for it goes on waiting */
	a = queued(w);
	assert_true(a->is_service);
	assert_string_equal(a->host, w->path);
	/* and so after a change */
	assert_int_equal(mc_config_set(w->config, "retry-min", "5", NULL), 0);
	assert_true(queued(w)->is_service);
	assert_int_equal(queued(w)->retry_min, 5);
}

static void
with_a_file(void **state)
{
	struct world *w = *state;
	const struct mc_transport_ops *ops;

	bind_socket(w->path);
	write_file(w->file, "log = off\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load(w, i == 0 ? w->file : NULL,
		    i == 0 ? "/nonexistent/x" : w->file), 0);
		assert_false(account(w)->is_service);
		assert_null(account(w)->host);
		assert_false(queued(w)->is_service);
		assert_int_equal(mc_transport_find(account(w), &ops, &w->err),
		    -1);
		assert_int_equal(w->err.code, MC_E_CONF_VALUE);
		assert_non_null(strstr(w->err.text, w->path));
	}
}

/* the system's file is not for this user to read */
static void
closed(void **state)
{
	struct world *w = *state;
	char path[sizeof(w->path)];
	int rc;

	if (geteuid() != 0)
		skip();
	w->caller.uid = 65534;
	write_file(w->file, "host = h.example\n");
	assert_int_equal(chmod(w->file, 0600), 0);
	assert_int_equal(chmod(w->dir, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s", w->path);
	(void)snprintf(w->path, sizeof(w->path), "/nonexistent/submit");
	assert_int_equal(seteuid(65534), 0);
	rc = load(w, NULL, w->file);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(rc, -1);
	assert_int_equal(w->err.code, MC_E_CONF_FILE);
	assert_non_null(strstr(w->err.text, w->path));
	(void)snprintf(w->path, sizeof(w->path), "%s", path);
	bind_socket(w->path);
	assert_int_equal(seteuid(65534), 0);
	rc = load(w, NULL, w->file);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(rc, 0);
	assert_true(account(w)->is_service);
	/* not if it must not be used */
	assert_int_equal(chmod(w->dir, 0777), 0);
	assert_int_equal(seteuid(65534), 0);
	rc = load(w, NULL, w->file);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(rc, -1);
	assert_non_null(strstr(w->err.text, "not used"));
}

static void
no_memory(void **state)
{
	struct world *w = *state;

	for (int with = 0; with < 2; with++) {
		if (with == 1)
			bind_socket(w->path);
		(void)failmalloc(0, false);
		assert_int_equal(load(w, NULL, "/nonexistent/x"), 0);
		unsigned long n = failmalloc(0, false);

		assert_true(n > 10);
		for (unsigned long i = 1; i <= n; i++) {
			(void)failmalloc(i, false);
			int rc = load(w, NULL, "/nonexistent/x");

			(void)failmalloc(0, false);
			assert_err(rc, w->err, MC_E_NOMEM);
		}
	}
}

/* ---------------------------------------------------------------- bare names */

static void
bare_names(void **state)
{
	static const struct {
		const char *in;
		const char *out;	/* NULL: refused */
	} rows[] = {
		{ "alice", "alice" }, { "a.b+c", "a.b+c" },
		{ "\"a b\"", "\"a b\"" }, { "\"a@b\"", "\"a@b\"" },
		{ "j\xc3\xbcrgen", "j\xc3\xbcrgen" }, { "", NULL },
		{ "a b", NULL }, { "a@b", NULL }, { "a\r\nb", NULL },
		{ "<a>", NULL }, { ".a", NULL },
		{ "a234567890123456789012345678901234567890123456789012345678"
		    "90123456", NULL },
	};
	struct mc_err err = { .code = MC_OK };
	struct mc_buf out;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		mc_buf_init(&out, 200);
		mc_buf_addz(&out, "<");
		mc_err_reset(&err);
		assert_int_equal(mc_mailbox_bare(mc_str_from(rows[i].in), &out,
		    &err), rows[i].out == NULL ? -1 : 0);
		assert_int_equal(out.len, 1 + (rows[i].out == NULL ? 0 :
		    strlen(rows[i].out)));
		if (rows[i].out != NULL) {
			assert_string_equal(out.ptr + 1, rows[i].out);
			assert_true(mc_mailbox_is_bare(
			    mc_str_from(rows[i].out)));
		}
		mc_buf_clear(&out);
	}
	assert_false(mc_mailbox_is_bare(MC_STR("")));
	assert_false(mc_mailbox_is_bare(MC_STR("a@b")));
	assert_false(mc_mailbox_is_bare(MC_STR("\"a\"@b")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(looking, setup, teardown),
		cmocka_unit_test_setup_teardown(used, setup, teardown),
		cmocka_unit_test_setup_teardown(environment, setup, teardown),
		cmocka_unit_test_setup_teardown(gone, setup, teardown),
		cmocka_unit_test_setup_teardown(with_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(closed, setup, teardown),
		cmocka_unit_test_setup_teardown(no_memory, setup, teardown),
		cmocka_unit_test(bare_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
