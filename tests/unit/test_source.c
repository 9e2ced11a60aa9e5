/* SPDX-License-Identifier: MIT */
/*
 * test_source.c - passwords and tokens from where they are kept
 */
#include "conf_side.h"

#include "base/limits.h"
#include "base/mem.h"
#include "config/source.h"

static const char *const all_files[] = { "file", "link", "bin/helper", "bin",
    NULL };

struct source {
	struct side side;
	struct mc_account a;
	struct mc_caller caller;
	char *envp[4];
	struct mc_secret *secret;
	struct mc_err err;
};

static void
source_open(struct source *s)
{
	*s = (struct source){
		.a = { .name = "work", .helper_timeout = 10 },
		.envp = { (char *)"PATH=/usr/bin:/bin",
		    (char *)"CANARY=seen" },
	};
	side_open(&s->side);
	s->caller = (struct mc_caller){
		.home = s->side.dir,
		.envp = s->envp,
		.uid = geteuid(),
	};
}

static int
get(struct source *s, enum mc_secret_kind kind)
{
	mc_secret_free(s->secret);
	s->secret = NULL;
	s->err = (struct mc_err){ .code = MC_OK };
	return mc_source_get(&s->a, kind, &s->caller, -1, &s->secret, &s->err);
}

static void
source_close(struct source *s)
{
	mc_secret_free(s->secret);
	side_close(&s->side, all_files);
}

static void
test_has(void **state)
{
	struct mc_account a = { .name = "work" };

	(void)state;
	assert_false(mc_source_has(&a, MC_SECRET_PASSWORD));
	assert_false(mc_source_has(&a, MC_SECRET_TOKEN));
	a.password_file = "/x";
	a.token_command = "x";
	assert_true(mc_source_has(&a, MC_SECRET_PASSWORD));
	assert_true(mc_source_has(&a, MC_SECRET_TOKEN));
	a.token_command = NULL;
	assert_false(mc_source_has(&a, MC_SECRET_TOKEN));
	assert_false(mc_source_has(&a, MC_SECRET_PROXY));
	a.proxy_password_command = "x";
	assert_true(mc_source_has(&a, MC_SECRET_PROXY));
}

static void
test_none(void **state)
{
	struct source s;

	(void)state;
	source_open(&s);
	s.a.password_file = "/x";
	assert_err(get(&s, MC_SECRET_TOKEN), s.err, MC_E_NO_SECRET);
	assert_non_null(strstr(s.err.text, "work"));
	assert_non_null(strstr(s.err.text, "token-file"));
	assert_null(s.secret);
	source_close(&s);
}

static void
test_order(void **state)
{
	struct source s;

	(void)state;
	source_open(&s);
	s.a.password = mc_secret_new("key", 3, NULL);
	s.a.password_file = side_write(&s.side, "file", "file\n", 0600);
	s.a.password_command = "echo command";
	assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(s.secret), "key");
	assert_ptr_not_equal(s.secret, s.a.password);
	mc_secret_free(s.a.password);
	s.a.password = NULL;
	assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(s.secret), "file");
	s.a.password_file = NULL;
	assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(s.secret), "command");
	source_close(&s);
}

static void
test_bytes(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;	/* NULL: refused */
		enum mc_code code;
	} t[] = {
		{ "pw", 2, "pw", MC_OK },
		{ "pw\n", 3, "pw", MC_OK },
		{ "pw\r\n", 4, "pw", MC_OK },
		{ "pw\r", 3, "pw\r", MC_OK },
		{ "pw\n\n", 4, "pw\n", MC_OK },
		{ " p w \t\n", 7, " p w \t", MC_OK },
		{ "p:w", 3, "p:w", MC_OK },
		{ "a\r\nb\n", 5, "a\r\nb", MC_OK },
		{ "\xc3\xa4\xff\n", 4, "\xc3\xa4\xff", MC_OK },
		{ "", 0, NULL, MC_E_NO_SECRET },
		{ "\n", 1, NULL, MC_E_NO_SECRET },
		{ "\r\n", 2, NULL, MC_E_NO_SECRET },
		{ "hun\0ter2\n", 9, NULL, MC_E_CONF_VALUE },
		{ "hunter2\n\0", 9, NULL, MC_E_CONF_VALUE },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct source s;
		int rc;

		source_open(&s);
		s.a.token_file = side_write_n(&s.side, "file", t[i].in,
		    t[i].n, 0600);
		rc = get(&s, MC_SECRET_TOKEN);
		if (t[i].out != NULL) {
			assert_int_equal(rc, 0);
			assert_str(mc_secret_peek(s.secret), t[i].out);
		} else {
			assert_err(rc, s.err, t[i].code);
			assert_null(strstr(s.err.text, "hun"));
			assert_non_null(strstr(s.err.text, "token-file"));
			assert_null(s.secret);
		}
		source_close(&s);
	}
}

static void
test_long(void **state)
{
	char *text = mc_mem_zalloc(MC_MAX_SECRET + 2, 1);
	struct source s;

	(void)state;
	memset(text, 'x', MC_MAX_SECRET + 1);
	source_open(&s);
	s.a.password_file = side_write_n(&s.side, "file", text, 10240, 0600);
	assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
	assert_int_equal(mc_secret_peek(s.secret).len, 10240);
	s.a.password_file = side_write_n(&s.side, "file", text,
	    MC_MAX_SECRET, 0600);
	assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
	s.a.password_file = side_write_n(&s.side, "file", text,
	    MC_MAX_SECRET + 1, 0600);
	assert_err(get(&s, MC_SECRET_PASSWORD), s.err, MC_E_CONF_VALUE);
	mc_mem_free(text);
	source_close(&s);
}

/* a copy of the service manager's may show the mask of an access control list */
static void
test_credential(void **state)
{
	static const struct {
		const char *below;	/* of the directory with the file */
		mode_t mode;
		bool good;
	} t[] = {
		{ "", 0440, true }, { "", 0400, true }, { "", 0444, false },
		{ "", 0460, false }, { "", 0450, false }, { "/bin", 0440, false },
		{ "/fil", 0440, false },
	};
	struct source s;
	char dir[256], path[512];

	(void)state;
	source_open(&s);
	(void)snprintf(dir, sizeof(dir), "%s", s.side.dir);
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		char variable[512];

		(void)snprintf(variable, sizeof(variable),
		    "CREDENTIALS_DIRECTORY=%s%s", dir, t[i].below);
		s.envp[2] = variable;
		s.a.password_file = side_write(&s.side, "file", "pw\n", 0600);
		assert_int_equal(chmod(s.a.password_file, t[i].mode), 0);
		if (t[i].good)
			assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
		else
			assert_err(get(&s, MC_SECRET_PASSWORD), s.err,
			    MC_E_CONF_SECRET);
		assert_int_equal(chmod(s.a.password_file, 0600), 0);
	}
	/* a way out of the directory is no file of it */
	(void)snprintf(path, sizeof(path), "CREDENTIALS_DIRECTORY=%s/bin", dir);
	s.envp[2] = path;
	side_mkdir(&s.side, "bin");
	s.a.password_file = side_write(&s.side, "file", "pw\n", 0600);
	assert_int_equal(chmod(s.a.password_file, 0440), 0);
	char out[512];

	(void)snprintf(out, sizeof(out), "%s/bin/../file", dir);
	s.a.password_file = out;
	assert_err(get(&s, MC_SECRET_PASSWORD), s.err, MC_E_CONF_SECRET);
	source_close(&s);
}

static void
test_mode(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} t[] = {
		{ 0600, true }, { 0400, true }, { 0640, false },
		{ 0604, false }, { 0620, false }, { 0602, false },
		{ 0601, false }, { 0444, false },
	};
	struct source s;
	char path[256];

	(void)state;
	source_open(&s);
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		s.a.password_file = side_write(&s.side, "file", "pw\n", 0600);
		assert_int_equal(chmod(s.a.password_file, t[i].mode), 0);
		s.a.env_password_file = false;
		if (t[i].good)
			assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
		else {
			assert_err(get(&s, MC_SECRET_PASSWORD), s.err,
			    MC_E_CONF_SECRET);
			assert_non_null(strstr(s.err.text, "chmod 600 "));
		}
		/* containers mount secrets for everybody to read */
		s.a.env_password_file = true;
		s.a.env_token_file = false;
		if ((t[i].mode & 0400) != 0)
			assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
		assert_int_equal(chmod(s.a.password_file, 0600), 0);
	}
	/* the file behind a link is what counts */
	s.a.env_password_file = false;
	(void)snprintf(path, sizeof(path), "%s/link", s.side.dir);
	assert_int_equal(symlink("file", path), 0);
	s.a.password_file = path;
	assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);

	/* somebody else's */
	s.caller.uid += 1;
	if (geteuid() == 0)
		assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
	else
		assert_err(get(&s, MC_SECRET_PASSWORD), s.err,
		    MC_E_CONF_SECRET);
	if (getuid() == 0) {
		assert_int_equal(chown(side_path(&s.side, "file"), 65534,
		    65534), 0);
		assert_err(get(&s, MC_SECRET_PASSWORD), s.err,
		    MC_E_CONF_SECRET);
		assert_non_null(strstr(s.err.text, "65534"));
		s.caller.uid = 65534;
		assert_int_equal(get(&s, MC_SECRET_PASSWORD), 0);
	}
	source_close(&s);
}

static void
test_no_file(void **state)
{
	struct source s;

	(void)state;
	source_open(&s);
	s.a.password_file = "/nonexistent/file";
	assert_err(get(&s, MC_SECRET_PASSWORD), s.err, MC_E_NO_SECRET);
	assert_non_null(strstr(s.err.text, "password-file"));
	assert_non_null(strstr(s.err.text, "/nonexistent/file"));
	assert_int_not_equal(s.err.sys, 0);
	s.a.password_file = s.side.dir;
	assert_err(get(&s, MC_SECRET_PASSWORD), s.err, MC_E_NO_SECRET);
	s.a.password_file = "/dev/null";
	assert_err(get(&s, MC_SECRET_PASSWORD), s.err, MC_E_NO_SECRET);
	source_close(&s);
}

static void
test_command(void **state)
{
	static const struct {
		const char *command;
		const char *out;	/* NULL: refused */
		enum mc_code code;
	} t[] = {
		{ "echo hunter2", "hunter2", MC_OK },
		{ "printf '%s' 'a b'", "a b", MC_OK },
		{ "printf 'a\\n\\n'", "a", MC_OK },
		{ "printf 'a b\\r\\nuser: me\\n'", "a b", MC_OK },
		{ "sh -c 'printf %s \"$CANARY\"'", "seen", MC_OK },
		{ "sh -c 'cat; echo end'", "end", MC_OK },
		{ "echo a | cat", "a | cat", MC_OK },
		{ "~/bin/helper x", "helped x", MC_OK },
		{ "false", NULL, MC_E_HELPER },
		{ "sh -c 'echo hunter2; exit 3'", NULL, MC_E_HELPER },
		{ "sh -c 'kill -9 $$'", NULL, MC_E_HELPER },
		{ "/nonexistent/program", NULL, MC_E_HELPER },
		{ "true", NULL, MC_E_NO_SECRET },
		{ "printf 'a\\0b'", NULL, MC_E_CONF_VALUE },
		{ "head -c 70000 /dev/zero", NULL, MC_E_HELPER },
		{ "sh 'open", NULL, MC_E_CONF_VALUE },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct source s;
		int rc;

		source_open(&s);
		side_mkdir(&s.side, "bin");
		side_write(&s.side, "bin/helper", "#!/bin/sh\n"
		    "echo \"helped $1\"\n", 0700);
		s.a.password_command = t[i].command;
		rc = get(&s, MC_SECRET_PASSWORD);
		if (t[i].out != NULL) {
			if (rc != 0)
				fail_msg("%s: %s", t[i].command, s.err.text);
			assert_str(mc_secret_peek(s.secret), t[i].out);
		} else {
			assert_err(rc, s.err, t[i].code);
			assert_non_null(strstr(s.err.text,
			    "password-command"));
			assert_null(strstr(s.err.text, "hunter2"));
		}
		source_close(&s);
	}
}

/* a proxy's password: by its command, and nothing else */
static void
test_proxy_command(void **state)
{
	struct source s;

	(void)state;
	source_open(&s);
	s.a.password = mc_secret_new("key", 3, NULL);
	s.a.password_command = "echo account";
	assert_err(get(&s, MC_SECRET_PROXY), s.err, MC_E_NO_SECRET);
	s.a.proxy_password_command = "printf 'a b%%\\nrest'";
	assert_int_equal(get(&s, MC_SECRET_PROXY), 0);
	assert_str(mc_secret_peek(s.secret), "a b%");
	s.a.proxy_password_command = "sh -c 'echo hunter2; exit 3'";
	assert_err(get(&s, MC_SECRET_PROXY), s.err, MC_E_HELPER);
	assert_non_null(strstr(s.err.text, "proxy-password-command"));
	assert_null(strstr(s.err.text, "hunter2"));
	mc_secret_free(s.a.password);
	source_close(&s);
}

static void
test_command_time(void **state)
{
	struct source s;
	int fds[2];

	(void)state;
	source_open(&s);
	s.a.password_command = "sleep 60";
	s.a.helper_timeout = 1;
	assert_err(get(&s, MC_SECRET_PASSWORD), s.err, MC_E_HELPER);

	/* cancelled */
	s.a.helper_timeout = 60;
	assert_int_equal(pipe(fds), 0);
	(void)close(fds[1]);
	s.err = (struct mc_err){ .code = MC_OK };
	assert_err(mc_source_get(&s.a, MC_SECRET_PASSWORD, &s.caller, fds[0],
	    &s.secret, &s.err), s.err, MC_E_CANCELLED);
	(void)close(fds[0]);
	source_close(&s);
}

static void
test_no_memory(void **state)
{
	static const char *const commands[] = { NULL, "~/bin/helper" };

	(void)state;
	for (size_t c = 0; c < MC_NELEM(commands); c++) {
		for (unsigned long n = 1; ; n++) {
			struct source s;
			int rc;

			source_open(&s);
			side_mkdir(&s.side, "bin");
			side_write(&s.side, "bin/helper",
			    "#!/bin/sh\necho x\n", 0700);
			s.a.password_command = commands[c];
			if (commands[c] == NULL)
				s.a.password_file = side_write(&s.side,
				    "file", "x", 0600);
			(void)failmalloc(n, false);
			rc = get(&s, MC_SECRET_PASSWORD);
			if (failmalloc(0, false) < n) {
				assert_int_equal(rc, 0);
				source_close(&s);
				assert_true(n > 1);
				break;
			}
			assert_err(rc, s.err, MC_E_NOMEM);
			source_close(&s);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_credential),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_proxy_command),
		cmocka_unit_test(test_command_time),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
