/* SPDX-License-Identifier: MIT */
/*
 * test_downgrade.c - a header in ASCII, and what a reader makes of it
 */
#include "unit.h"

#include "base/b64.h"
#include "base/limits.h"
#include "mail/downgrade.h"
#include "mail/encword.h"

#define UE "\xc3\xbc"		/* u with two dots */
#define SZ "\xc3\x9f"
#define WORD(x) "=?UTF-8?B?" x "?="

/* "\n" stands for CRLF in the tables */
static void
read_header(const char *text, struct mc_header *h)
{
	struct mc_buf b;

	mc_buf_init(&b, SIZE_MAX / 2);
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			mc_buf_addc(&b, '\r');
		mc_buf_addc(&b, *text);
	}
	mc_header_init(h);
	assert_int_equal(mc_header_read(h, mc_buf_str(&b), NULL), 0);
	mc_buf_clear(&b);
}

static void
written(const struct mc_header *h, struct mc_buf *out)
{
	struct mc_buf b;

	mc_buf_init(&b, SIZE_MAX / 2);
	mc_header_write(h, &b);
	for (size_t i = 0; i < b.len; i++)
		if (b.ptr[i] != '\r')
			mc_buf_addc(out, b.ptr[i]);
	mc_buf_clear(&b);
}

/* RFC 2047 2: no word over 75 bytes, no line with one over 76 */
static void
check_lines(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		const char *word = strstr(text, "=?");

		if (word != NULL && word < text + n) {
			assert_in_range(n, 1, 76);
			assert_in_range(strcspn(word, " \n"), 1, 75);
		}
		text += n + (text[n] != '\0');
	}
}

struct row {
	const char *in;
	const char *out;	/* NULL: as it is */
	const char *why;	/* refused, and what is said */
};

static void
check_row(const struct row *row)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_header h;
	struct mc_buf out;

	mc_buf_init(&out, SIZE_MAX / 2);
	read_header(row->in, &h);
	int rc = mc_downgrade_header(&h, &err);
	if (row->why != NULL) {
		assert_err(rc, err, MC_E_MSG_CONTENT);
		if (strstr(err.text, row->why) == NULL)
			fail_msg("%s: %s", row->in, err.text);
	} else {
		if (rc != 0)
			fail_msg("%s: %s", row->in, err.text);
		written(&h, &out);
		if (strcmp(out.ptr, row->out == NULL ? row->in :
		    row->out) != 0)
			fail_msg("of\n%sit made\n%s", row->in, out.ptr);
		assert_true(mc_str_is_ascii(mc_buf_str(&out)));
		check_lines(out.ptr);
		assert_int_equal(mc_downgrade_header(&h, &err), 0);
	}
	mc_header_clear(&h);
	mc_buf_clear(&out);
}

static const struct row texts[] = {
	{ "Subject: plain =?x\n", NULL, NULL },
	{ "Subject: " UE "\n", "Subject: " WORD("w7w=") "\n", NULL },
	{ "Subject:" UE "\n", "Subject: " WORD("w7w=") "\n", NULL },
	{ "Subject: \n", NULL, NULL },
	/* from the first to the last word that needs it */
	{ "X: a " UE " b " UE " c\n", "X: a " WORD("w7wgYiDDvA==") " c\n",
	    NULL },
	/* blanks inside are kept, folds are not */
	{ "X: " UE "  " UE "\n", "X: " WORD("w7wgIMO8") "\n", NULL },
	{ "X: " UE "\n \t" UE "\n", "X: " WORD("w7wgCcO8") "\n", NULL },
	{ "X: a\n\tb " UE "\n", "X: a\n\tb " WORD("w7w=") "\n", NULL },
	{ "X: " UE " \n", "X: " WORD("w7w=") " \n", NULL },
	/* beside an encoded word the blank goes in, or it would not be seen */
	{ "X: =?a?q?b?= " UE "\n", "X: =?a?q?b?= " WORD("IMO8") "\n", NULL },
	{ "X: " UE " =?a?q?b?=\n", "X: " WORD("w7wg") " =?a?q?b?=\n", NULL },
	{ "X: " UE " a =?a?q?b?=\n", "X: " WORD("w7w=") " a =?a?q?b?=\n",
	    NULL },
	{ "X: " UE " =?a?q?b?= " UE "\n",
	    "X: " WORD("w7wg") " =?a?q?b?= " WORD("IMO8") "\n", NULL },
	/* no UTF-8 */
	{ "X: a\xfc\n", "X: =?unknown-8bit?B?Yfw=?=\n", NULL },
	{ "X: " UE " \xfc\n", "X: =?unknown-8bit?B?w7wg/A==?=\n", NULL },
	/* words and lines of their length, no character cut */
	{ "Subject: " UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE
	    UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE
	    "\n", "Subject: "
	    WORD("w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7w=")
	    "\n " WORD("w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDv"
	    "MO8w7w=") "\n", NULL },
	{ "Subject: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
	    UE "bcdefghij\n",
	    "Subject: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "\n " WORD("w7xiY2RlZmdoaWo=") "\n", NULL },
};

static const struct row addresses[] = {
	{ "To: a@x.test, \"a,b\" <c@x.test>\n", NULL, NULL },
	{ "To: J" UE " M" UE " <a@x.test>\n", "To: " WORD("SsO8IE3DvA==")
	    " <a@x.test>\n", NULL },
	{ "To: \"M" UE ", \\\"J\"<a@x.test>, b@x.test\n",
	    "To: " WORD("TcO8LCAiSg==") " <a@x.test>, b@x.test\n", NULL },
	{ "To: a J. " UE " b <a@x.test>\n",
	    "To: a J. " WORD("w7w=") " b <a@x.test>\n", NULL },
	{ "From: a@x.test (" UE " (" SZ "\\) b) c)\n",
	    "From: a@x.test (" WORD("w7w=") " (" WORD("w58p") " b) c)\n",
	    NULL },
	{ "Cc: G" UE ": a@x.test, b <c@x.test>;\n", "Cc: " WORD("R8O8")
	    " : a@x.test, b <c@x.test>;\n", NULL },
	/* domains */
	{ "To: a@b" UE "cher.test, b <c@B" UE "CHER.test>\n",
	    "To: a@xn--bcher-kva.test, b <c@xn--bcher-kva.test>\n", NULL },
	{ "To: a(" UE ")@b" UE ".test\n", "To: a@xn--b-eha.test\n", NULL },
	/* only SMTPUTF8 can carry it: nobody can, but its text is there */
	{ "To: a@x.test, j" UE "@x.test\n",
	    "To: a@x.test, " WORD("asO8QHgudGVzdA==") " :;\n", NULL },
	{ "To: J" UE " <j" UE "@x.test>, a@x.test\n",
	    "To: " WORD("SsO8") " " WORD("IDxqw7xAeC50ZXN0Pg==")
	    " :;, a@x.test\n", NULL },
	{ "To: G: j" UE "@x.test;\n", NULL, "To: an address in a group" },
	{ "From: j" UE "@x.test\n", NULL, "From: the address has characters" },
	{ "Reply-To: j" UE "@x.test\n", NULL, "Reply-To: the address" },
	{ "resent-from: j" UE "@x.test\n", NULL, "resent-from: the address" },
	/* no list of addresses */
	{ "To: J" UE " <a@x.test\n", "To: " WORD("SsO8") " <a@x.test\n",
	    NULL },
	{ "To: " UE "@x.test@\n", "To: " WORD("w7w=") " @x.test@\n", NULL },
	{ "To: <" UE "@x@>, \"" UE "\n",
	    "To: <%C3%BC@x@>, " WORD("w7w=") "\n", NULL },
};

static const struct row others[] = {
	{ "References: <" UE "@x> <b@x>\n", "References: <%C3%BC@x> <b@x>\n",
	    NULL },
	{ "List-Id: " UE " <x.test>\n", "List-Id: " WORD("w7w=")
	    " <x.test>\n", NULL },
	{ "Date: x (" UE ")\n", "Date: x (" WORD("w7w=") ")\n", NULL },
	{ "Message-ID: <" UE "@x>\n", NULL, "Message-ID: an identifier" },
	{ "Resent-Message-ID: <" UE "@x>\n", NULL, "an identifier" },
	{ "Content-Type: a/b; name=\"" UE " \\\"1\\\".x\"; c=d\n",
	    "Content-Type: a/b; name*=UTF-8''%C3%BC%20%221%22.x; c=d\n",
	    NULL },
	{ "Content-Disposition: attachment; filename=" UE ";\n\tsize=1\n",
	    "Content-Disposition: attachment; filename*=UTF-8''%C3%BC;\n"
	    "\tsize=1\n", NULL },
	{ "Content-Type: a/b (" UE "); name*0=\"" UE "\"; name*1=\"" SZ
	    "\"; x*=utf-8''" UE "; " UE "=z; y=\"a\\\n b\"\n",
	    "Content-Type: a/b (" WORD("w7w=") "); name*0*=UTF-8''%C3%BC; "
	    "name*1*=%C3%9F;\n x*=utf-8''%C3%BC; %C3%BC=z; y=\"a\\\n b\"\n",
	    NULL },
	{ "Content-Type: a/b; name=\"\xfc\n", "Content-Type: a/b; "
	    "name*=unknown-8bit''%FC\n", NULL },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(texts); i++)
		check_row(&texts[i]);
	for (size_t i = 0; i < MC_NELEM(addresses); i++)
		check_row(&addresses[i]);
	for (size_t i = 0; i < MC_NELEM(others); i++)
		check_row(&others[i]);
}

static void
test_domains(void **state)
{
	struct mc_header h;
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, SIZE_MAX / 2);
	read_header("Subject: " UE "\nTo: J" UE " <a@" UE ".test>, j" UE "@"
	    UE ".test\nCc: <a@" UE ".test\nX: a@" UE ".test\n", &h);
	assert_int_equal(mc_downgrade_domains(&h, NULL), 1);
	written(&h, &out);
	assert_string_equal(out.ptr, "Subject: " UE "\nTo: J" UE
	    " <a@xn--tda.test>, j" UE "@" UE ".test\nCc: <a@" UE
	    ".test\nX: a@" UE ".test\n");
	assert_int_equal(mc_downgrade_domains(&h, NULL), 0);
	mc_header_clear(&h);
	mc_buf_clear(&out);
}

/* ------------------------------------------------------------------- reader */

/* what a reader of RFC 2047 sees of unstructured text without folds */
static void
decode(const char *text, struct mc_buf *out)
{
	bool encoded = false;

	while (*text != '\0') {
		size_t blank = strspn(text, " \t\r\n");
		size_t n = strcspn(text + blank, " \t\r\n");
		struct mc_str word = mc_str_make(text + blank, n);
		bool is = n > 12 && mc_str_eq(mc_str_sub(word, 0, 10),
		    MC_STR("=?UTF-8?B?"));

		for (size_t i = 0; i < blank && !(is && encoded); i++)
			if (text[i] != '\r' && text[i] != '\n')
				mc_buf_addc(out, text[i]);
		if (is)
			assert_int_equal(mc_b64_decode(mc_str_sub(word, 10,
			    n - 12), out), 0);
		else
			mc_buf_add_str(out, word);
		encoded = is;
		text += blank + n;
	}
}

/* every sequence of these words, up to six: nothing is lost, no line is long */
static void
test_sequences(void **state)
{
	static const char *const words[] = { " a", " " UE, "  b" SZ,
		" " WORD("w7w="), " 0123456789012345678901234567890123456789"
		UE };
	size_t n = MC_NELEM(words);

	(void)state;
	for (size_t all = 0; all < 5 * 5 * 5 * 5 * 5 * 5; all++) {
		struct mc_buf in, out, want, got;
		struct mc_header h;

		mc_buf_init(&in, SIZE_MAX / 2);
		mc_buf_init(&out, SIZE_MAX / 2);
		mc_buf_init(&want, SIZE_MAX / 2);
		mc_buf_init(&got, SIZE_MAX / 2);
		mc_buf_addz(&in, "Subject:");
		for (size_t rest = all, i = 0; i < 6; i++, rest /= n)
			mc_buf_addz(&in, words[rest % n]);
		decode(in.ptr, &want);
		mc_buf_addz(&in, "\n");
		read_header(in.ptr, &h);
		assert_int_equal(mc_downgrade_header(&h, NULL), 0);
		written(&h, &out);
		if (!mc_str_is_ascii(mc_buf_str(&in)))
			check_lines(out.ptr);
		out.ptr[--out.len] = '\0';
		decode(out.ptr, &got);
		assert_string_equal(got.ptr, want.ptr);
		mc_header_clear(&h);
		mc_buf_clear(&in);
		mc_buf_clear(&out);
		mc_buf_clear(&want);
		mc_buf_clear(&got);
	}
}

static unsigned
next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

/* whatever stands in it, it is ASCII then, or refused with a reason */
static void
test_any(void **state)
{
	static const char *const names[] = { "Subject", "To", "From", "Cc",
		"Content-Type", "Content-Disposition", "References", "Date",
		"Message-ID", "X" };
	static const char bytes[] = "a \t\"\\()<>@,;:.[]=?*'%0\xc3\xbc\xff\n";
	unsigned seed = 1;

	(void)state;
	for (size_t round = 0; round < 60000; round++) {
		struct mc_err err = { .code = MC_OK };
		const char *name = names[next_random(&seed) %
		    MC_NELEM(names)];
		size_t n = next_random(&seed) % 40;
		struct mc_header h;
		struct mc_buf b;

		mc_buf_init(&b, SIZE_MAX / 2);
		mc_buf_addf(&b, "%s:", name);
		for (size_t i = 0; i < n; i++) {
			char c = bytes[next_random(&seed) %
			    (sizeof(bytes) - 1)];

			if (c == '\n')
				mc_buf_addz(&b, "\n ");
			else
				mc_buf_addc(&b, c);
		}
		mc_buf_addz(&b, "\n");
		read_header(b.ptr, &h);
		int rc = mc_downgrade_domains(&h, &err);
		assert_in_range(rc, 0, 1);
		rc = mc_downgrade_header(&h, &err);
		if (rc != 0 && err.code != MC_E_MSG_CONTENT)
			fail_msg("%s: %s", err.text, b.ptr);
		if (rc != 0)
			assert_err(rc, err, MC_E_MSG_CONTENT);
		else if (!mc_str_is_ascii(mc_header_at(&h, 0)->raw))
			fail_msg("not ASCII: %s", b.ptr);
		assert_int_equal(h.fields.n, 1);
		assert_true(mc_str_eq(mc_header_at(&h, 0)->name,
		    mc_str_from(name)));
		mc_header_clear(&h);
		mc_buf_clear(&b);
	}
}

/* a large field takes time in proportion, and fits */
static void
test_large(void **state)
{
	struct mc_buf in;
	struct mc_header h;

	(void)state;
	mc_buf_init(&in, SIZE_MAX / 2);
	mc_buf_addz(&in, "To: a@x.test");
	for (size_t i = 0; i < 60000; i++)
		mc_buf_addf(&in, ",\n J" UE " (" UE ") <a%zu@b" UE ".test>",
		    i);
	mc_buf_addz(&in, "\n");
	read_header(in.ptr, &h);
	assert_int_equal(mc_downgrade_header(&h, NULL), 0);
	assert_true(mc_str_is_ascii(mc_header_at(&h, 0)->raw));
	mc_header_clear(&h);
	mc_buf_clear(&in);
}

static void
test_no_memory(void **state)
{
	static const char text[] = "Subject: " UE "\nTo: J" UE " <a@" UE
	    ".test>, j" UE "@x.test\nContent-Type: a/b; c=" UE "\n";
	struct mc_header h;
	bool done = false;
	unsigned long n;

	(void)state;
	for (n = 1; !done; n++) {
		struct mc_err err = { .code = MC_OK };

		read_header(text, &h);
		failmalloc(n, false);
		int rc = mc_downgrade_header(&h, &err);
		done = failmalloc(0, false) < n;
		assert_int_equal(rc, done ? 0 : -1);
		assert_int_equal(err.code, done ? MC_OK : MC_E_NOMEM);
		mc_header_clear(&h);
	}
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
