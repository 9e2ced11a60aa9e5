/* SPDX-License-Identifier: MIT */
/*
 * test_import.c - configurations of other programs: what needs a shell, what
 * names are fit to be shown, and no memory at each place in turn
 *
 * What comes of whole files is in tests/integration/import.py.
 */
#include "unit.h"

#include "cli/import.h"

#include <errno.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);

static struct {
	unsigned long count;
	unsigned long fail_at;
} memory;

/* from the n-th on there is none; 0: always */
static bool
is_out(void)
{
	return ++memory.count >= memory.fail_at && memory.fail_at != 0;
}

void *
__wrap_malloc(size_t n)
{
	return is_out() ? NULL : __real_malloc(n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return is_out() ? NULL : __real_realloc(p, n);
}

/* ---------------------------------------------------------------- commands */

static const struct {
	const char *command;
	const char *ours;	/* NULL: as it stands */
} commands[] = {
	{ "pass show mail/me", NULL },
	{ "cat 'a b' \"c d\" e\\ f", NULL },
	{ "gpg -d ~/pw.gpg", "gpg -d /home/me/pw.gpg" },
	{ "~/bin/pw ~/x", "/home/me/bin/pw /home/me/x" },
	{ "a b~/c 'd ~/e' f#g %h {i}", NULL },
	{ "cat '$HOME' '`x`' '|;'", NULL },
	{ "a \\$b \\| \\; \\~/c", NULL },
	{ "a | b", "sh -c 'a | b'" },
	{ "a; b", "sh -c 'a; b'" },
	{ "a && b", "sh -c 'a && b'" },
	{ "a > b", "sh -c 'a > b'" },
	{ "a < b", "sh -c 'a < b'" },
	{ "a $B", "sh -c 'a $B'" },
	{ "a \"$B\"", "sh -c 'a \"$B\"'" },
	{ "a `b`", "sh -c 'a `b`'" },
	{ "a \"`b`\"", "sh -c 'a \"`b`\"'" },
	{ "a *.c", "sh -c 'a *.c'" },
	{ "a b?", "sh -c 'a b?'" },
	{ "a [b]", "sh -c 'a [b]'" },
	{ "a (b)", "sh -c 'a (b)'" },
	{ "a # b", "sh -c 'a # b'" },
	{ "a \"b\\\"c\"", "sh -c 'a \"b\\\"c\"'" },
	{ "a ~", "sh -c 'a ~'" },
	{ "a ~b/c", "sh -c 'a ~b/c'" },
	{ "A=b c", "sh -c 'A=b c'" },
	{ "exec a", "sh -c 'exec a'" },
	{ ". a", "sh -c '. a'" },
	{ "a 'b", "sh -c 'a '\\''b'" },
	{ "a \"b", "sh -c 'a \"b'" },
	{ "a\\", "sh -c 'a\\'" },
	{ "a 'b' | c", "sh -c 'a '\\''b'\\'' | c'" },
};

static void
shell_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const char *wanted = commands[i].ours != NULL ?
		    commands[i].ours : commands[i].command;
		struct import im;
		bool shell;

		import_init(&im);
		im.home = "/home/me";
		assert_string_equal(import_command(&im, commands[i].command,
		    &shell), wanted);
		assert_int_equal(shell, strncmp(wanted, "sh -c ", 6) == 0);
		import_clear(&im);
	}
}

/* one that a shell would split or expand is not put there */
static void
odd_home(void **state)
{
	static const char *const homes[] = { NULL, "/home/a b", "/home/$x",
		"/home/it's" };

	(void)state;
	for (size_t i = 0; i < sizeof(homes) / sizeof(*homes); i++) {
		struct import im;
		bool shell;

		import_init(&im);
		im.home = homes[i];
		assert_string_equal(import_command(&im, "cat ~/x", &shell),
		    "sh -c 'cat ~/x'");
		assert_true(shell);
		import_clear(&im);
	}
}

/* ------------------------------------------------------------------- words */

static void
words(void **state)
{
	char text[] = "  a \t b  ";
	char line[] = " one\ttwo  three ";
	char *rest = line;

	(void)state;
	assert_string_equal(import_trim(text), "a \t b");
	assert_string_equal(import_word(&rest), "one");
	assert_string_equal(import_word(&rest), "two");
	assert_string_equal(import_word(&rest), "three");
	assert_string_equal(import_word(&rest), "");
	assert_string_equal(import_switch("YES"), "on");
	assert_string_equal(import_switch("Off"), "off");
	assert_null(import_switch(""));
	assert_null(import_switch("auto"));
	assert_string_equal(import_shown("tls_starttls"), "tls_starttls");
	assert_string_equal(import_shown("x509"), "x509");
	/* what could be a password */
	assert_string_equal(import_shown(""), "...");
	assert_string_equal(import_shown("9lives"), "...");
	assert_string_equal(import_shown("pass word"), "...");
	assert_string_equal(import_shown("s3cret!"), "...");
	assert_string_equal(import_shown("a\033[31m"), "...");
	assert_string_equal(import_pattern_domain("%U@a.example"), "a.example");
	assert_null(import_pattern_domain("%U@%M"));
	assert_null(import_pattern_domain("x@a.example"));
	assert_true(import_is_plain("me+x@a-b.example"));
	assert_false(import_is_plain("a b"));
	assert_false(import_is_plain("a'b"));
	assert_false(import_is_plain("a\\b"));
}

static void
names(void **state)
{
	struct import_place at = { "file", 1 };
	char longest[200];
	struct import im;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	import_init(&im);
	assert_string_equal(import_add(&im, "a b/c", at)->name, "a-b-c");
	assert_non_null(import_find(&im, "a b/c"));
	assert_null(import_find(&im, "a b"));
	assert_null(import_find(&im, "a b/cd"));
	assert_null(import_add(&im, "a b c", at));
	assert_string_equal(import_add(&im, "", at)->name, "unnamed");
	assert_int_equal(strlen(import_add(&im, longest, at)->name), 64);
	assert_non_null(import_find(&im, longest));
	assert_true(im.left);
	import_clear(&im);
}

/* ------------------------------------------------------------------ memory */

static const struct {
	const struct import_program *program;
	const char *text;
} samples[] = {
	{ &import_msmtp, "defaults\ntls on\naccount a\nhost a.example\nauth on"
	    "\nuser me\npasswordeval a | b\nfrom %U@a.example\nbogus\n"
	    "proxy_host ::1\naccount default : a\n" },
	{ &import_ssmtp, "mailhub=a.example:587\nUseSTARTTLS=YES\nAuthUser=me\n"
	    "AuthPass=x\nrewriteDomain=a.example\nroot=b\n" },
	{ &import_esmtp, "hostname \"a.example:465\" starttls required\n"
	    "force reverse_path = '%u@a'\nidentity b@b.example\nusername x "
	    "password y hostname b.example default\n" },
	{ &import_dma, "SMARTHOST a.example\nSECURETRANSFER\nAUTHPATH /auth\n"
	    "MASQUERADE me@\nMAILNAME /name\n" },
	{ &import_nullmailer, "a.example smtp --user=me --pass='x y' ssl\n" },
	{ &import_git, "[sendemail]\nsmtpserver = a.example:1\nsmtpuser = me\n"
	    "from = \"A\" <a@b>\nsmtpsslcertpath = /d\n[sendemail \"w\"]\n"
	    "smtppass = \"x\\\ty\"\n" },
};

static int
read_beside(void *ctx, const char *path, char **ret_text, size_t *ret_len)
{
	static const char text[] = "me|a.example:secret\n";

	(void)ctx;
	(void)path;
	*ret_text = malloc(sizeof(text));
	if (*ret_text == NULL)
		return ENOMEM;
	memcpy(*ret_text, text, sizeof(text));
	*ret_len = sizeof(text) - 1;
	return 0;
}

/* what comes out, or NULL if there was no memory */
static char *
whole(size_t i, unsigned long fail_at)
{
	struct cli_text text = { NULL, 0, 0, false };
	const char *why;
	struct import im;
	char *result = NULL;
	bool hidden;

	import_init(&im);
	im.login = "me";
	im.home = "/home/me";
	im.read = read_beside;
	memory.count = 0;
	memory.fail_at = fail_at;
	assert_int_equal(import_text(&im, samples[i].program, "file",
	    samples[i].text, strlen(samples[i].text), &why), 0);
	import_finish(&im, samples[i].program);
	import_render(&im, "title", true, &text, &hidden, NULL, NULL);
	memory.fail_at = 0;
	if (!im.failed && !text.failed) {
		cli_text_add(&text, "", 1);
		result = text.ptr;
	} else {
		free(text.ptr);
	}
	import_clear(&im);
	return result;
}

static void
no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		char *good = whole(i, 0);
		unsigned long most = memory.count;

		assert_non_null(good);
		assert_non_null(strstr(good, "host = "));
		assert_true(most > 20);
		for (unsigned long n = 1; n <= most; n++) {
			char *got = whole(i, n);

			/* the last ones are those of this test */
			if (got != NULL)
				assert_string_equal(got, good);
			free(got);
		}
		assert_null(whole(i, 1));
		free(good);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shell_or_not),
		cmocka_unit_test(odd_home),
		cmocka_unit_test(words),
		cmocka_unit_test(names),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
