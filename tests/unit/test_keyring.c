/* SPDX-License-Identifier: MIT */
/*
 * test_keyring.c - passwords of a keyring, a netrc, a credential, a descriptor
 * and a person
 */
#include "conf_side.h"

#include "base/limits.h"
#include "base/mem.h"
#include "config/once.h"
#include "config/source.h"

#include <sys/socket.h>
#include <sys/un.h>

static const char *const all_files[] = { "bin/secret-tool", "args", "bus",
    "netrc", "mailchute.work.password", "mailchute.password", "pw", "bin",
    NULL };

struct keep {
	struct side side;
	struct mc_account a;
	struct mc_caller caller;
	char *envp[6];
	char path[128];
	char credentials[128];
	char runtime[128];
	char netrc[128];
	struct mc_once once;
	int asked;
	int cancel[2];
	const char *answer;
	struct mc_secret *secret;
	struct mc_err err;
};

static void
keep_open(struct keep *k)
{
	*k = (struct keep){
		.a = { .name = "work", .helper_timeout = 10, .user = "u",
		    .host = "h.example", .port_text = "587",
		    .is_default = true },
		.cancel = { -1, -1 },
	};
	side_open(&k->side);
	(void)snprintf(k->path, sizeof(k->path), "PATH=%s/bin:/usr/bin:/bin",
	    k->side.dir);
	(void)snprintf(k->runtime, sizeof(k->runtime), "XDG_RUNTIME_DIR=%s",
	    k->side.dir);
	(void)snprintf(k->credentials, sizeof(k->credentials),
	    "CREDENTIALS_DIRECTORY=%s", k->side.dir);
	(void)snprintf(k->netrc, sizeof(k->netrc), "%s/netrc", k->side.dir);
	k->envp[0] = k->path;
	k->envp[1] = (char *)"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent";
	k->caller.envp = k->envp;
	k->caller.uid = geteuid();
}

static void
keep_close(struct keep *k)
{
	mc_secret_free(k->secret);
	mc_once_clear(&k->once);
	side_close(&k->side, all_files);
}

/* a secret-tool that does as the script says */
static void
tool(struct keep *k, const char *script)
{
	char text[1024];

	(void)mkdir(side_path(&k->side, "bin"), 0700);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\necho \"$*\" >>%s/args\n"
	    "%s\n", k->side.dir, script);
	side_write(&k->side, "bin/secret-tool", text, 0700);
}

static int
get(struct keep *k, enum mc_secret_kind kind)
{
	mc_secret_free(k->secret);
	k->secret = NULL;
	k->err = (struct mc_err){ .code = MC_OK };
	return mc_source_get(&k->a, kind, &k->caller, k->cancel[0],
	    &k->secret, &k->err);
}

static int
get_once(struct keep *k)
{
	mc_secret_free(k->secret);
	k->secret = NULL;
	k->err = (struct mc_err){ .code = MC_OK };
	return mc_once_get(&k->once, &k->a, k->cancel[0], &k->secret, &k->err);
}

/* ----------------------------------------------------------------- keyring */

static void
test_keyring(void **state)
{
	struct keep k;
	char args[256] = "";
	int fd;

	(void)state;
	keep_open(&k);
	k.a.password_keyring = true;
	tool(&k, "printf 'hunter two'");
	assert_true(mc_source_has(&k.a, MC_SECRET_PASSWORD));
	assert_int_equal(get(&k, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(k.secret), "hunter two");
	fd = open(side_path(&k.side, "args"), O_RDONLY);
	assert_true(read(fd, args, sizeof(args) - 1) > 0);
	(void)close(fd);
	assert_string_equal(args, "lookup service mailchute host h.example "
	    "user u\n");
	k.a.user = NULL;
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	keep_close(&k);
}

static void
test_keyring_fails(void **state)
{
	static const struct {
		const char *script;
		enum mc_code code;
		const char *text;
	} t[] = {
		/* locked: a search shows the item, and not what is in it */
		{ "[ $1 = lookup ] && exit 1\necho '[/1]'; echo label = x",
		    MC_E_NO_SECRET, "the keyring is locked" },
		{ "[ $1 = lookup ] && exit 1\nexit 0", MC_E_NO_SECRET,
		    "secret-tool store --label=mailchute service mailchute "
		    "host h.example user u" },
		{ "exit 1", MC_E_HELPER, "is there a keyring" },
		{ "kill -9 $$", MC_E_HELPER, "is there a keyring" },
		{ "sleep 20", MC_E_NO_SECRET, "the keyring is locked" },
		{ "[ $1 = lookup ] && exit 1\nsleep 20", MC_E_NO_SECRET,
		    "the keyring is locked" },
		{ "exit 0", MC_E_NO_SECRET, "empty" },
		{ "printf 'a\\0b'", MC_E_CONF_VALUE, "NUL" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct keep k;

		keep_open(&k);
		k.a.password_keyring = true;
		k.a.helper_timeout = 1;
		tool(&k, t[i].script);
		assert_err(get(&k, MC_SECRET_PASSWORD), k.err, t[i].code);
		if (strstr(k.err.text, t[i].text) == NULL)
			fail_msg("%s: %s", t[i].script, k.err.text);
		assert_non_null(strstr(k.err.text, "password-keyring"));
		keep_close(&k);
	}
}

static void
test_no_tool(void **state)
{
	struct keep k;

	(void)state;
	keep_open(&k);
	k.a.password_keyring = true;
	(void)snprintf(k.path, sizeof(k.path), "PATH=/nonexistent");
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_HELPER);
	assert_non_null(strstr(k.err.text, "libsecret"));
	keep_close(&k);
}

/* no bus: nothing is run, for that would start one; cron does not say where
 * the user's is */
static void
test_bus(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct keep k;
	int sock;

	(void)state;
	keep_open(&k);
	k.a.password_keyring = true;
	tool(&k, "printf %s \"$DBUS_SESSION_BUS_ADDRESS\"");
	k.envp[1] = k.runtime;
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	assert_non_null(strstr(k.err.text, "session bus"));
	assert_int_equal(access(side_path(&k.side, "args"), F_OK), -1);
	/* no socket */
	side_write(&k.side, "bus", "", 0600);
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	assert_int_equal(unlink(side_path(&k.side, "bus")), 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/bus", k.side.dir);
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(get(&k, MC_SECRET_PASSWORD), 0);
	assert_non_null(strstr(mc_secret_peek(k.secret).ptr, "unix:path="));
	assert_non_null(strstr(mc_secret_peek(k.secret).ptr, at.sun_path));
	/* another user's is none */
	k.caller.uid++;
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	(void)close(sock);
	keep_close(&k);
}

static void
test_keyring_cancel(void **state)
{
	struct keep k;

	(void)state;
	keep_open(&k);
	k.a.password_keyring = true;
	tool(&k, "sleep 20");
	assert_int_equal(pipe(k.cancel), 0);
	(void)close(k.cancel[1]);
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_CANCELLED);
	(void)close(k.cancel[0]);
	keep_close(&k);
}

/* ------------------------------------------------------------------- netrc */

static void
test_netrc(void **state)
{
	struct keep k;

	(void)state;
	keep_open(&k);
	k.a.netrc_file = k.netrc;
	side_write(&k.side, "netrc", "machine x.example login u password no\n"
	    "machine h.example login u password hunter2\n"
	    "default login me password other\n", 0600);
	assert_true(mc_source_has(&k.a, MC_SECRET_PASSWORD));
	assert_int_equal(get(&k, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(k.secret), "hunter2");
	k.a.user = NULL;
	assert_int_equal(get(&k, MC_SECRET_USER), 0);
	assert_str(mc_secret_peek(k.secret), "u");
	k.a.host = "z.example";
	assert_int_equal(get(&k, MC_SECRET_USER), 0);
	assert_str(mc_secret_peek(k.secret), "me");
	k.a.user = "you";
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	assert_non_null(strstr(k.err.text, "machine z.example and login you"));
	assert_int_equal(chmod(k.netrc, 0640), 0);
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_CONF_SECRET);
	assert_non_null(strstr(k.err.text, "chmod 600 "));
	side_write(&k.side, "netrc", "machine \"z.example", 0600);
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_CONF_SYNTAX);
	assert_non_null(strstr(k.err.text, k.netrc));
	k.a.netrc_file = "/nonexistent/netrc";
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	keep_close(&k);
}

/* -------------------------------------------------------------- credential */

static enum mc_source_place
place(struct keep *k)
{
	enum mc_source_place p = MC_PLACE_NONE;

	assert_int_equal(mc_source_place(&k->a, MC_SECRET_PASSWORD,
	    &k->caller, &p, &k->err), 0);
	return p;
}

static void
test_credential(void **state)
{
	struct keep k;

	(void)state;
	keep_open(&k);
	side_write(&k.side, "mailchute.password", "general\n", 0400);
	assert_int_equal(place(&k), MC_PLACE_NONE);
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	k.envp[1] = k.credentials;
	assert_int_equal(place(&k), MC_PLACE_CREDENTIAL);
	assert_int_equal(get(&k, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(k.secret), "general");
	/* only the default account has it */
	k.a.is_default = false;
	assert_int_equal(place(&k), MC_PLACE_NONE);
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	side_write(&k.side, "mailchute.work.password", "special\n", 0400);
	assert_int_equal(get(&k, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(k.secret), "special");
	k.a.is_default = true;
	assert_int_equal(get(&k, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(k.secret), "special");
	/* it is for passwords, and the rules of files hold */
	assert_err(get(&k, MC_SECRET_TOKEN), k.err, MC_E_NO_SECRET);
	assert_int_equal(chmod(side_path(&k.side, "mailchute.work.password"),
	    0444), 0);
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_CONF_SECRET);
	/* whatever is configured comes first */
	k.a.password_command = "echo command";
	assert_int_equal(place(&k), MC_PLACE_COMMAND);
	assert_int_equal(get(&k, MC_SECRET_PASSWORD), 0);
	assert_str(mc_secret_peek(k.secret), "command");
	/* a variable that nobody has set */
	k.a.password_command = NULL;
	k.a.password_file = "$CREDENTIALS_DIRECTORY/pw";
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	assert_non_null(strstr(k.err.text, "LoadCredential"));
	keep_close(&k);
}

static void
test_order(void **state)
{
	struct keep k;

	(void)state;
	keep_open(&k);
	k.envp[1] = k.credentials;
	side_write(&k.side, "mailchute.password", "x", 0400);
	assert_int_equal(place(&k), MC_PLACE_CREDENTIAL);
	k.a.netrc_file = "/x";
	assert_int_equal(place(&k), MC_PLACE_NETRC);
	k.a.password_fd = 3;
	assert_int_equal(place(&k), MC_PLACE_FD);
	k.a.password_keyring = true;
	assert_int_equal(place(&k), MC_PLACE_KEYRING);
	k.a.password_command = "x";
	assert_int_equal(place(&k), MC_PLACE_COMMAND);
	k.a.password_file = "/x";
	assert_int_equal(place(&k), MC_PLACE_FILE);
	k.a.password = mc_secret_new("x", 1, NULL);
	assert_int_equal(place(&k), MC_PLACE_KEY);
	mc_secret_free(k.a.password);
	keep_close(&k);
}

/* -------------------------------------------------------------- descriptor */

/* a descriptor that was handed over, with `text` in it */
static int
hand_over(struct keep *k, const char *text, bool open_end, int *ret_end)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, strlen(text)),
	    (ssize_t)strlen(text));
	*ret_end = fds[1];
	if (!open_end)
		(void)close(fds[1]);
	k->a.password_fd = (uint64_t)fds[0];
	return fds[0];
}

static void
test_fd(void **state)
{
	struct keep k;
	int fd, end;

	(void)state;
	keep_open(&k);
	fd = hand_over(&k, "hunter2\r\nrest\n", true, &end);
	/* nobody but who has mc_once reads it */
	assert_err(get(&k, MC_SECRET_PASSWORD), k.err, MC_E_NO_SECRET);
	assert_non_null(strstr(k.err.text, "password-fd"));
	assert_int_equal(get_once(&k), 0);
	assert_str(mc_secret_peek(k.secret), "hunter2");
	(void)close(fd);
	(void)close(end);
	/* it stays known without being read again */
	assert_int_equal(get_once(&k), 0);
	assert_str(mc_secret_peek(k.secret), "hunter2");
	keep_close(&k);

	keep_open(&k);
	fd = hand_over(&k, "no end", false, &end);
	assert_int_equal(get_once(&k), 0);
	assert_str(mc_secret_peek(k.secret), "no end");
	(void)close(fd);
	keep_close(&k);
}

static void
test_fd_bad(void **state)
{
	static const uint64_t numbers[] = { 1, 2, 4000, UINT64_MAX,
		(uint64_t)INT_MAX + 4 };
	struct keep k;
	int fd, end;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(numbers); i++) {
		keep_open(&k);
		k.a.password_fd = numbers[i];
		assert_err(get_once(&k), k.err, MC_E_NO_SECRET);
		assert_err(get_once(&k), k.err, MC_E_NO_SECRET);
		keep_close(&k);
	}
	/* one of our own, such as a message */
	keep_open(&k);
	fd = hand_over(&k, "Subject: x\n", false, &end);
	assert_int_equal(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	assert_err(get_once(&k), k.err, MC_E_NO_SECRET);
	(void)close(fd);
	keep_close(&k);
	/* empty, and one that nothing comes from */
	keep_open(&k);
	fd = hand_over(&k, "", false, &end);
	assert_err(get_once(&k), k.err, MC_E_NO_SECRET);
	(void)close(fd);
	keep_close(&k);
	keep_open(&k);
	fd = hand_over(&k, "hun", true, &end);
	k.a.helper_timeout = 1;
	assert_err(get_once(&k), k.err, MC_E_NO_SECRET);
	assert_non_null(strstr(k.err.text, "helper-timeout"));
	(void)close(fd);
	(void)close(end);
	keep_close(&k);
}

/* ------------------------------------------------------------------ person */

static int
answer(void *ctx, const char *account, const char *user, const char *host,
    char *ret, size_t size)
{
	struct keep *k = ctx;

	assert_string_equal(account, "work");
	assert_string_equal(user, "u");
	assert_string_equal(host, "h.example");
	assert_int_equal(size, MC_ASK_SIZE);
	k->asked++;
	if (k->answer == NULL)
		return -1;
	(void)snprintf(ret, size, "%s", k->answer);
	return 0;
}

static void
test_ask(void **state)
{
	struct keep k;

	(void)state;
	keep_open(&k);
	k.once.ask = answer;
	k.once.ask_ctx = &k;
	k.answer = "hunter2";
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get_once(&k), 0);
		assert_str(mc_secret_peek(k.secret), "hunter2");
	}
	assert_int_equal(k.asked, 1);
	mc_once_clear(&k.once);
	assert_null(k.once.secret);
	keep_close(&k);

	/* no answer, an empty one, nobody to ask: not asked again */
	for (int i = 0; i < 3; i++) {
		keep_open(&k);
		k.once.ask = i == 2 ? NULL : answer;
		k.once.ask_ctx = &k;
		k.answer = i == 1 ? "" : NULL;
		assert_err(get_once(&k), k.err, MC_E_NO_SECRET);
		assert_non_null(strstr(k.err.text, "mailchute queue retry all"));
		k.answer = "late";
		assert_err(get_once(&k), k.err, MC_E_NO_SECRET);
		assert_int_equal(k.asked, i == 2 ? 0 : 1);
		keep_close(&k);
	}
	/* Ctrl-C */
	keep_open(&k);
	k.once.ask = answer;
	k.once.ask_ctx = &k;
	assert_int_equal(pipe(k.cancel), 0);
	(void)close(k.cancel[1]);
	assert_err(get_once(&k), k.err, MC_E_CANCELLED);
	(void)close(k.cancel[0]);
	keep_close(&k);
}

/* ----------------------------------------------------------- failing memory */

static void
no_memory(void (*set_up)(struct keep *), int (*call)(struct keep *))
{
	for (unsigned long n = 1; ; n++) {
		struct keep k;
		int rc;

		keep_open(&k);
		set_up(&k);
		(void)failmalloc(n, false);
		rc = call(&k);
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 0);
			keep_close(&k);
			assert_true(n > 1);
			return;
		}
		assert_err(rc, k.err, MC_E_NOMEM);
		keep_close(&k);
	}
}

static int
get_password(struct keep *k)
{
	return get(k, MC_SECRET_PASSWORD);
}

static void
with_keyring(struct keep *k)
{
	k->a.password_keyring = true;
	tool(k, "echo x");
}

static void
with_netrc(struct keep *k)
{
	k->a.netrc_file = k->netrc;
	side_write(&k->side, "netrc", "default login u password x", 0600);
}

static void
with_credential(struct keep *k)
{
	k->envp[1] = k->credentials;
	side_write(&k->side, "mailchute.password", "x", 0400);
}

static void
with_person(struct keep *k)
{
	k->once.ask = answer;
	k->once.ask_ctx = k;
	k->answer = "x";
}

static void
test_no_memory(void **state)
{
	(void)state;
	no_memory(with_keyring, get_password);
	no_memory(with_netrc, get_password);
	no_memory(with_credential, get_password);
	no_memory(with_person, get_once);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_keyring_fails),
		cmocka_unit_test(test_no_tool),
		cmocka_unit_test(test_bus),
		cmocka_unit_test(test_keyring_cancel),
		cmocka_unit_test(test_netrc),
		cmocka_unit_test(test_credential),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_fd),
		cmocka_unit_test(test_fd_bad),
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
