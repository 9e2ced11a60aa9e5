/* SPDX-License-Identifier: MIT */
/*
 * Commands: tables of what goes and what does not, and for hostile arguments
 * the property that matters: an error and nothing appended, or exactly one
 * line that a server takes apart into the same arguments.
 */
#include "unit.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "smtp/cmd.h"

#define BEFORE "NOOP\r\n"	/* stands in the buffers already */

static struct mc_buf wire, show;
static const struct mc_cmd_out out = { &wire, &show };

static void
start(void)
{
	mc_buf_reset(&wire);
	mc_buf_reset(&show);
	mc_buf_addz(&wire, BEFORE);
	mc_buf_addz(&show, "NOOP");
}

/* what was appended, without CRLF; fails unless that is one line */
static struct mc_str
new_line(void)
{
	struct mc_str line = mc_str_sub(mc_buf_str(&wire), strlen(BEFORE),
	    wire.len);

	assert_true(line.len >= 2);
	assert_memory_equal(wire.ptr, BEFORE, strlen(BEFORE));
	assert_memory_equal(line.ptr + line.len - 2, "\r\n", 2);
	line.len -= 2;
	assert_false(mc_str_has_ctl(line));
	assert_true(line.len + 2 <= MC_MAX_COMMAND);
	return line;
}

static struct mc_str
new_show(void)
{
	struct mc_str text = mc_str_sub(mc_buf_str(&show), 4, show.len);

	assert_memory_equal(show.ptr, "NOOP", 4);
	assert_true(text.len > 0);
	assert_false(mc_str_has_ctl(text));
	assert_true(mc_str_is_utf8(text));
	return text;
}

static void
nothing_new(int rc, const struct mc_err *err)
{
	assert_int_equal(rc, -1);
	assert_int_not_equal(err->code, MC_OK);
	assert_int_not_equal(err->text[0], '\0');
	assert_false(mc_str_has_ctl(mc_str_from(err->text)));
	assert_string_equal(wire.ptr, BEFORE);
	assert_string_equal(show.ptr, "NOOP");
}

static struct mc_str
str(const char *s)
{
	return mc_str_from(s);
}

/* ------------------------------------------ how a server reads what we send */

struct request {
	struct mc_str verb;	/* "MAIL FROM", "RCPT TO" */
	struct mc_str path;	/* between < and > */
	struct mc_str rest;	/* parameters, each with its leading blank */
};

static void
take_apart(struct mc_str line, struct request *ret)
{
	size_t colon = mc_str_chr(line, ':');
	size_t i = colon + 2;

	assert_true(i <= line.len);
	assert_int_equal(line.ptr[colon + 1], '<');
	if (i < line.len && line.ptr[i] == '"')
		for (i++; i < line.len && line.ptr[i] != '"'; i++)
			if (line.ptr[i] == '\\')
				i++;
	while (i < line.len && line.ptr[i] != '>')
		i++;
	assert_true(i < line.len);
	ret->verb = mc_str_sub(line, 0, colon);
	ret->path = mc_str_sub(line, colon + 2, i - colon - 2);
	ret->rest = mc_str_sub(line, i + 1, line.len);
}

/* the value of a parameter that stands next; fails if it does not */
static struct mc_str
take_param(struct mc_str *rest, const char *name)
{
	size_t n = strlen(name);

	assert_true(rest->len > n + 2);
	assert_int_equal(rest->ptr[0], ' ');
	assert_memory_equal(rest->ptr + 1, name, n);
	assert_int_equal(rest->ptr[n + 1], '=');
	*rest = mc_str_sub(*rest, n + 2, rest->len);

	struct mc_str value = mc_str_sub(*rest, 0, mc_str_chr(*rest, ' '));

	assert_int_equal(mc_str_chr(value, '='), value.len);
	*rest = mc_str_sub(*rest, value.len, rest->len);
	return value;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	assert_in_range(c, 'A', 'F');
	return c - 'A' + 10;
}

static size_t
decode_xtext(struct mc_str s, char *ret_text)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		assert_in_range(s.ptr[i], '!', '~');
		if (s.ptr[i] != '+') {
			ret_text[n++] = s.ptr[i];
			continue;
		}
		assert_true(i + 2 < s.len);
		ret_text[n++] = (char)(hex(s.ptr[i + 1]) * 16 +
		    hex(s.ptr[i + 2]));
		i += 2;
	}
	return n;
}

static size_t
decode_unitext(struct mc_str s, char *ret_text)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		assert_true(c > ' ' && c != 0x7f && c != '+' && c != '=');
		if (c != '\\') {
			ret_text[n++] = (char)c;
			continue;
		}
		unsigned cp = 0;

		assert_true(i + 5 < s.len);
		assert_memory_equal(s.ptr + i, "\\x{", 3);
		assert_true(s.ptr[i + 3] != '0' || s.ptr[i + 5] == '}');
		for (i += 3; s.ptr[i] != '}'; i++) {
			assert_true(i + 1 < s.len);
			cp = cp * 16 + (unsigned)hex(s.ptr[i]);
		}
		assert_true(cp < 0x110000);
		if (cp >= 0x10000) {
			ret_text[n++] = (char)(0xf0 | cp >> 18);
			ret_text[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
		} else if (cp >= 0x800) {
			ret_text[n++] = (char)(0xe0 | cp >> 12);
		}
		if (cp >= 0x800)
			ret_text[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
		else if (cp >= 0x80)
			ret_text[n++] = (char)(0xc0 | cp >> 6);
		ret_text[n++] = (char)(cp < 0x80 ? cp : 0x80 | (cp & 0x3f));
	}
	return n;
}

/* --------------------------------------------- one check for each argument */

typedef void (*check_fn)(struct mc_str arg);

static void
equal(struct mc_str got, struct mc_str want)
{
	assert_int_equal(got.len, want.len);
	if (got.len > 0)
		assert_memory_equal(got.ptr, want.ptr, got.len);
}

static void
equal_after(const char *prefix, struct mc_str arg)
{
	struct mc_str line = new_line();
	size_t n = strlen(prefix);

	assert_true(line.len >= n);
	assert_memory_equal(line.ptr, prefix, n);
	equal(mc_str_sub(line, n, line.len), arg);
}

static void
check_ehlo(struct mc_str arg)
{
	struct mc_err err = { .code = MC_OK };

	start();
	if (mc_cmd_ehlo(out, arg, &err) != 0) {
		nothing_new(-1, &err);
		assert_false(mc_cmd_is_ehlo_name(arg));
		return;
	}
	equal_after("EHLO ", arg);
	equal(new_show(), new_line());
	assert_int_equal(mc_str_chr(arg, ' '), arg.len);
	assert_true(mc_cmd_is_ehlo_name(arg));
}

static void
check_helo(struct mc_str arg)
{
	struct mc_err err = { .code = MC_OK };

	start();
	if (mc_cmd_helo(out, arg, &err) != 0)
		nothing_new(-1, &err);
	else
		equal_after("HELO ", arg);
}

static void
check_mech(struct mc_str arg)
{
	struct mc_err err = { .code = MC_OK };

	start();
	if (mc_cmd_auth(out, arg, NULL, &err) != 0) {
		nothing_new(-1, &err);
		return;
	}
	equal_after("AUTH ", arg);
	assert_int_equal(mc_str_chr(arg, ' '), arg.len);
}

static void
check_ir(struct mc_str arg)
{
	struct mc_err err = { .code = MC_OK };

	start();
	if (mc_cmd_auth(out, MC_STR("PLAIN"), &arg, &err) != 0) {
		nothing_new(-1, &err);
		return;
	}
	equal_after("AUTH PLAIN ", arg);
	assert_str(new_show(), "AUTH PLAIN <hidden>");
	assert_true(arg.len > 0 && mc_str_chr(arg, ' ') == arg.len);
}

static void
check_auth_line(struct mc_str arg)
{
	struct mc_err err = { .code = MC_OK };

	start();
	if (mc_cmd_auth_line(out, arg, &err) != 0) {
		nothing_new(-1, &err);
		return;
	}
	equal_after("", arg);
	assert_str(new_show(), mc_str_eq(arg, MC_STR("*")) ? "*" : "<hidden>");
}

static void
check_plain(struct mc_str arg)
{
	struct mc_err err = { .code = MC_OK };
	char verb[512];

	if (arg.len >= sizeof(verb))
		return;
	memcpy(verb, arg.len > 0 ? arg.ptr : "", arg.len);
	verb[arg.len] = '\0';
	start();
	if (mc_cmd_plain(out, verb, &err) != 0)
		nothing_new(-1, &err);
	else
		equal_after("", str(verb));
}

static void
path_is(const char *verb, struct mc_str addr, struct request *ret_req)
{
	take_apart(new_line(), ret_req);
	assert_str(ret_req->verb, verb);
	equal(ret_req->path, addr);
	(void)new_show();
}

static void
check_sender(struct mc_str arg)
{
	for (int utf8 = 0; utf8 < 2; utf8++) {
		struct mc_cmd_mail mail = { .sender = arg, .has_size = true,
			.size = 77, .smtputf8 = utf8 };
		struct mc_err err = { .code = MC_OK };
		struct request req;

		start();
		if (mc_cmd_mail(out, &mail, &err) != 0) {
			nothing_new(-1, &err);
			continue;
		}
		path_is("MAIL FROM", arg, &req);
		assert_str(take_param(&req.rest, "SIZE"), "77");
		assert_str(req.rest, utf8 ? " SMTPUTF8" : "");
		assert_true(utf8 || mc_str_is_ascii(new_line()));
	}
}

static void
check_envid(struct mc_str arg)
{
	struct mc_cmd_mail mail = { .sender = MC_STR("a@b.c"), .envid = arg };
	struct mc_err err = { .code = MC_OK };
	struct request req;
	char text[512];

	start();
	if (mc_cmd_mail(out, &mail, &err) != 0) {
		nothing_new(-1, &err);
		return;
	}
	path_is("MAIL FROM", mail.sender, &req);
	if (arg.len != 0) {
		size_t n = decode_xtext(take_param(&req.rest, "ENVID"), text);

		equal(mc_str_make(text, n), arg);
	}
	assert_int_equal(req.rest.len, 0);
}

static void
check_rcpt(struct mc_str arg)
{
	for (int utf8 = 0; utf8 < 2; utf8++) {
		struct mc_cmd_rcpt rcpt = { .addr = arg, .dsn = true,
			.notify = MC_NOTIFY_NEVER, .utf8 = utf8 };
		struct mc_err err = { .code = MC_OK };
		struct request req;

		start();
		if (mc_cmd_rcpt(out, &rcpt, &err) != 0) {
			nothing_new(-1, &err);
			continue;
		}
		path_is("RCPT TO", arg, &req);
		assert_str(take_param(&req.rest, "NOTIFY"), "NEVER");
		assert_int_equal(req.rest.len, 0);
		assert_true(utf8 || mc_str_is_ascii(new_line()));
	}
}

static void
check_orcpt(struct mc_str arg)
{
	for (int utf8 = 0; utf8 < 2; utf8++) {
		struct mc_cmd_rcpt rcpt = { .addr = MC_STR("a@b.c"),
			.dsn = true, .orcpt = arg, .utf8 = utf8 };
		struct mc_err err = { .code = MC_OK };
		struct request req;
		char text[1024];
		size_t n;

		start();
		if (mc_cmd_rcpt(out, &rcpt, &err) != 0) {
			nothing_new(-1, &err);
			continue;
		}
		path_is("RCPT TO", rcpt.addr, &req);
		/* none, or too long once encoded */
		if (arg.len == 0 || (arg.len > 100 && req.rest.len == 0)) {
			assert_int_equal(req.rest.len, 0);
			continue;
		}

		struct mc_str value = take_param(&req.rest, "ORCPT");

		assert_true(value.len <= 500);
		if (mc_str_starts_nocase(value, MC_STR("rfc822;")))
			n = decode_xtext(mc_str_sub(value, 7, 500), text);
		else {
			assert_memory_equal(value.ptr, "utf-8;", 6);
			assert_false(mc_str_is_ascii(arg));
			assert_true(utf8 || mc_str_is_ascii(value));
			n = decode_unitext(mc_str_sub(value, 6, 500), text);
		}
		equal(mc_str_make(text, n), arg);
		assert_int_equal(req.rest.len, 0);
	}
}

static const check_fn checks[] = {
	check_ehlo, check_helo, check_mech, check_ir, check_auth_line,
	check_plain, check_sender, check_envid, check_rcpt, check_orcpt
};

/* -------------------------------------------------------- hostile arguments */

/* a copy without anything behind it, so that a look there is seen */
static void
check_copy(check_fn check, const char *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	check(mc_str_make(copy, n));
	free(copy);
}

static void
test_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(checks); i++) {
		checks[i](MC_STR_NONE);
		for (int a = 0; a < 256; a++) {
			char s[2] = { (char)a };

			check_copy(checks[i], s, 1);
			for (int b = 0; b < 256; b++) {
				s[1] = (char)b;
				check_copy(checks[i], s, 2);
			}
		}
	}
}

static void
check_inserted(check_fn check, const char *base, size_t at, const char *p,
    size_t n)
{
	char s[64];
	size_t len = strlen(base);

	assert_true(len + n <= sizeof(s));
	memcpy(s, base, at);
	memcpy(s + at, p, n);
	memcpy(s + at + n, base + at, len - at);
	check_copy(check, s, len + n);
}

/* all pairs of bytes at every place of a valid address */
static void
test_pairs_in_address(void **state)
{
	static const char *const bases[] = { "a@b.c", "\"a\"@[::1]" };

	(void)state;
	for (size_t at = 0; at <= strlen(bases[0]); at++)
		for (unsigned v = 0; v < 65536; v++) {
			char pair[2] = { (char)(v >> 8), (char)v };

			check_inserted(check_rcpt, bases[0], at, pair, 2);
		}
	for (size_t at = 0; at <= 3; at++)
		for (unsigned v = 0; v < 65536; v++) {
			char pair[2] = { (char)(v >> 8), (char)v };

			check_inserted(check_rcpt, "\"a\"@b.c", at, pair, 2);
		}
}

static const char nasty[] = "\r\n\0\t <>@\"\\.,;:()[]+=-_*aZ0/%\x1b\x7f"
    "\x80\x9b\xa0\xc3\xbc\xe2\xff";

/* pairs of the bytes that mean something, at every place of every argument */
static void
test_pairs_everywhere(void **state)
{
	static const char *const bases[] = {
		"", "a@b.c", "\"a b\"@b.c", "a@[192.0.2.1]",
		"a@[IPv6:2001:db8::1]", "mx.example", "[192.0.2.1]",
		"[IPv6:::1]", "SCRAM-SHA-1", "AGEAYg==", "STARTTLS",
		"j\xc3\xbcrgen@b.c", "a@b.c> SIZE=1"
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(checks); i++)
	for (size_t k = 0; k < MC_NELEM(bases); k++)
	for (size_t at = 0; at <= strlen(bases[k]); at++)
		for (size_t v = 0; v < sizeof(nasty); v++)
			for (size_t w = 0; w < sizeof(nasty); w++) {
				char pair[2] = { nasty[v], nasty[w] };

				check_inserted(checks[i], bases[k], at, pair,
				    v == w ? 1 : 2);
			}
}

static void
test_random(void **state)
{
	uint64_t x = 0x9e3779b97f4a7c15;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		char s[300];
		size_t n;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		n = (x >> 40) % ((round & 7) == 0 ? sizeof(s) : 12);
		for (size_t i = 0; i < n; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			s[i] = (round & 1) != 0 ? (char)(x >> 32) :
			    nasty[(x >> 32) % sizeof(nasty)];
		}
		check_copy(checks[round % MC_NELEM(checks)], s, n);
	}
}

/* ------------------------------------------------------------------- tables */

static void
test_plain(void **state)
{
	static const char *const good[] = {
		"STARTTLS", "DATA", "RSET", "QUIT", "NOOP"
	};
	static const char *const bad[] = {
		"", "data", "DATA ", " DATA", "DATAX", "VRFY", "EXPN", "TURN",
		"MAIL", "DATA\r\n", "QUIT\r\nRSET"
	};
	struct mc_err err = { .code = MC_OK };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(good); i++) {
		start();
		assert_int_equal(mc_cmd_plain(out, good[i], &err), 0);
		assert_str(new_line(), good[i]);
		assert_str(new_show(), good[i]);
	}
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		memset(&err, 0, sizeof(err));
		start();
		assert_err(mc_cmd_plain(out, bad[i], &err), err,
		    MC_E_BAD_VALUE);
		nothing_new(-1, &err);
	}
	memset(&err, 0, sizeof(err));
	assert_err(mc_cmd_plain(out, NULL, &err), err, MC_E_BAD_VALUE);
}

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static void
test_ehlo_name(void **state)
{
	static const char *const good[] = {
		"localhost", "a", "1", "mx.example", "MX.Example", "a-b.c--d",
		"xn--bcher-kva.example", "3com.com", "1.2.3", "1.2.3.4.5",
		"[192.0.2.1]", "[0.0.0.0]", "[255.255.255.255]",
		"[IPv6:2001:db8::1]", "[ipv6:::1]", "[IPv6:::ffff:192.0.2.1]",
		L63 ".example", L63 "." L63 "." L63 "." L63
	};
	static const char *const bad[] = {
		"", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a-.b", "a_b",
		"a b", "a\tb", "a\r\nMAIL FROM:<>", "a\n",
		"b\xc3\xbc" "cher.de", "a(b)", "192.0.2.1", "[", "]", "[]", "[a]", "[192.0.2]",
		"[192.0.2.256]", "[192.0.2.1", "192.0.2.1]", "[192.0.2.1]x",
		"[192.0.2.1 ]", "[ 192.0.2.1]", "[::1]", "[IPv6:]",
		"[IPv6:1]", "[IPv6:::g]", "[IPv6:192.0.2.1]",
		"[IPv6:fe80::1%eth0]", "[Tag:x]", "[0x7f.0.0.1]", "[127.1]",
		"[[192.0.2.1]]",
		"[IPv6:2001:db8:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f]",
		L63 "4.example", L63 "." L63 "." L63 "." L63 ".a"
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(good); i++) {
		assert_true(mc_cmd_is_ehlo_name(str(good[i])));
		check_ehlo(str(good[i]));
	}
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		struct mc_err err = { .code = MC_OK };

		assert_false(mc_cmd_is_ehlo_name(str(bad[i])));
		start();
		assert_err(mc_cmd_ehlo(out, str(bad[i]), &err), err,
		    MC_E_BAD_VALUE);
		assert_int_equal(err.stage, MC_STAGE_EHLO);
		nothing_new(-1, &err);
	}
	assert_false(mc_cmd_is_ehlo_name(MC_STR("a\0b")));
	assert_false(mc_cmd_is_ehlo_name(MC_STR("[192.0.2.1\0]")));
	assert_false(mc_cmd_is_ehlo_name(MC_STR_NONE));
}

static void
test_auth(void **state)
{
	static const struct {
		const char *mech;
		const char *ir;		/* NULL: none */
		const char *wire;	/* NULL: refused */
		const char *show;
	} rows[] = {
		{ "LOGIN", NULL, "AUTH LOGIN", "AUTH LOGIN" },
		{ "SCRAM-SHA-256-PLUS", "biws", "AUTH SCRAM-SHA-256-PLUS biws",
		    "AUTH SCRAM-SHA-256-PLUS <hidden>" },
		{ "X_1", "=", "AUTH X_1 =", "AUTH X_1 <hidden>" },
		{ "A2345678901234567890", "AA==",
		    "AUTH A2345678901234567890 AA==",
		    "AUTH A2345678901234567890 <hidden>" },
		{ "PLAIN", "AGEAYg==", "AUTH PLAIN AGEAYg==",
		    "AUTH PLAIN <hidden>" },
		{ "PLAIN", "+/+/", "AUTH PLAIN +/+/", "AUTH PLAIN <hidden>" },
		{ "A23456789012345678901", NULL, NULL, NULL },
		{ "", NULL, NULL, NULL },
		{ "plain", NULL, NULL, NULL },
		{ "PLAIN LOGIN", NULL, NULL, NULL },
		{ "PLAIN\r\n", NULL, NULL, NULL },
		{ "PLAIN", "", NULL, NULL },
		{ "PLAIN", "==", NULL, NULL },
		{ "PLAIN", "====", NULL, NULL },
		{ "PLAIN", "A", NULL, NULL },
		{ "PLAIN", "A===", NULL, NULL },
		{ "PLAIN", "AB=C", NULL, NULL },
		{ "PLAIN", "ABC", NULL, NULL },
		{ "PLAIN", "AB C", NULL, NULL },
		{ "PLAIN", "AB-_", NULL, NULL },
		{ "PLAIN", "AA==\r\n", NULL, NULL },
		{ "PLAIN", "*", NULL, NULL },
		{ "PLAIN", "AA==AA==", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str ir = str(rows[i].ir);
		struct mc_err err = { .code = MC_OK };
		int rc;

		start();
		rc = mc_cmd_auth(out, str(rows[i].mech),
		    rows[i].ir == NULL ? NULL : &ir, &err);
		if (rows[i].wire == NULL) {
			assert_err(rc, err, MC_E_BAD_VALUE);
			nothing_new(rc, &err);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_str(new_line(), rows[i].wire);
		assert_str(new_show(), rows[i].show);
	}
}

/* no error text tells what somebody tried to send as a secret */
static void
test_auth_secret(void **state)
{
	static const char secret[] = "hunter2 is my password";
	struct mc_str ir = str(secret);
	struct mc_err err = { .code = MC_OK };

	(void)state;
	start();
	assert_err(mc_cmd_auth(out, MC_STR("PLAIN"), &ir, &err), err,
	    MC_E_BAD_VALUE);
	assert_null(strstr(err.text, "hunter2"));
	memset(&err, 0, sizeof(err));
	assert_err(mc_cmd_auth_line(out, ir, &err), err, MC_E_BAD_VALUE);
	assert_null(strstr(err.text, "hunter2"));
	nothing_new(-1, &err);
}

static void
fill(char *p, size_t n)
{
	memset(p, 'A', n);
	p[n] = '\0';
}

static void
test_auth_limits(void **state)
{
	static char text[MC_MAX_COMMAND + 64];
	const size_t room = MC_MAX_COMMAND_IR - 2 - strlen("AUTH PLAINX ");
	struct mc_str ir;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	assert_int_equal(room % 4, 2);
	fill(text, room - 2);
	ir = str(text);
	start();
	assert_int_equal(mc_cmd_auth(out, MC_STR("PLAINX"), &ir, &err), 0);
	assert_int_equal(mc_cmd_auth(out, MC_STR("PLAINXYZ"), &ir, &err), 0);
	start();
	assert_err(mc_cmd_auth(out, MC_STR("PLAINXYZA"), &ir, &err), err,
	    MC_E_TOO_LONG);
	nothing_new(-1, &err);

	memset(&err, 0, sizeof(err));
	fill(text, MC_MAX_COMMAND - 4);
	start();
	assert_int_equal(mc_cmd_auth_line(out, str(text), &err), 0);
	assert_int_equal(new_line().len, MC_MAX_COMMAND - 4);
	fill(text, MC_MAX_COMMAND);
	start();
	assert_err(mc_cmd_auth_line(out, str(text), &err), err,
	    MC_E_TOO_LONG);
	nothing_new(-1, &err);
}

static void
test_auth_line(void **state)
{
	static const struct {
		const char *in;
		const char *show;	/* NULL: refused */
	} rows[] = {
		{ "", "<hidden>" },
		{ "*", "*" },
		{ "AGEAYg==", "<hidden>" },
		{ "**", NULL },
		{ "=", NULL },
		{ "AGEAYg=", NULL },
		{ "AGE\r\nQUIT", NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		int rc;

		start();
		rc = mc_cmd_auth_line(out, str(rows[i].in), &err);
		if (rows[i].show == NULL) {
			assert_err(rc, err, MC_E_BAD_VALUE);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_str(new_line(), rows[i].in);
		assert_str(new_show(), rows[i].show);
	}
}

#define LOCAL64 L63 "4"
#define DOMAIN187 L63 "." L63 \
    ".56789012345678901234567890123456789012345678901234567890.ab"

static void
test_addresses(void **state)
{
	static const struct {
		const char *addr;
		bool utf8;
		enum mc_code code;
	} rows[] = {
		{ "a@b", false, MC_OK },
		{ "a@b.c", false, MC_OK },
		{ "a.b.c@d", false, MC_OK },
		{ "-oQ/tmp@b.c", false, MC_OK },
		{ "!#$%&'*+-/=?^_`{|}~@b.c", false, MC_OK },
		{ "\"\"@b.c", false, MC_OK },
		{ "\"a b\"@b.c", false, MC_OK },
		{ "\"a@b\"@b.c", false, MC_OK },
		{ "\"<a>\"@b.c", false, MC_OK },
		{ "\"\\\"\\\\\"@b.c", false, MC_OK },
		{ "\"a..b\"@b.c", false, MC_OK },
		{ "a@[192.0.2.1]", false, MC_OK },
		{ "a@[IPv6:::1]", false, MC_OK },
		{ "a@xn--bcher-kva.example", false, MC_OK },
		{ "j\xc3\xbcrgen@b.c", true, MC_OK },
		{ "\"j\xc3\xbc rgen\"@b.c", true, MC_OK },
		{ "a@b\xc3\xbc" "cher.de", true, MC_OK },
		{ LOCAL64 "@b.c", false, MC_OK },
		{ LOCAL64 "@" DOMAIN187 "cd", false, MC_OK },

		{ "j\xc3\xbcrgen@b.c", false, MC_E_NEED_SMTPUTF8 },
		{ "a@b\xc3\xbc" "cher.de", false, MC_E_NEED_SMTPUTF8 },
		{ "j\xc3\xbcr gen@b.c", false, MC_E_ADDR_SYNTAX },

		{ LOCAL64 "5@b.c", false, MC_E_ADDR_LONG },
		{ LOCAL64 "@" DOMAIN187 "cde", false, MC_E_ADDR_LONG },
		{ "a@" L63 "." L63 "." L63 "." L63, false, MC_E_ADDR_LONG },

		{ "@b.c", false, MC_E_ADDR_SYNTAX },
		{ "a", false, MC_E_ADDR_SYNTAX },
		{ "a@", false, MC_E_ADDR_SYNTAX },
		{ "@", false, MC_E_ADDR_SYNTAX },
		{ "<a@b.c>", false, MC_E_ADDR_SYNTAX },
		{ "<>", false, MC_E_ADDR_SYNTAX },
		{ "a@b@c", false, MC_E_ADDR_SYNTAX },
		{ "a@@c", false, MC_E_ADDR_SYNTAX },
		{ "a b@c", false, MC_E_ADDR_SYNTAX },
		{ " a@c", false, MC_E_ADDR_SYNTAX },
		{ "a@c ", false, MC_E_ADDR_SYNTAX },
		{ "a@b c", false, MC_E_ADDR_SYNTAX },
		{ "a@b.c> SIZE=1", false, MC_E_ADDR_SYNTAX },
		{ "a@b\r\nRCPT TO:<x@y>", false, MC_E_ADDR_SYNTAX },
		{ "\"a\r\nb\"@c", false, MC_E_ADDR_SYNTAX },
		{ "\"a\tb\"@c", false, MC_E_ADDR_SYNTAX },
		{ "\"a\\\r\"@c", false, MC_E_ADDR_SYNTAX },
		{ "a\x7f@b.c", false, MC_E_ADDR_SYNTAX },
		{ "\x80@b.c", true, MC_E_ADDR_SYNTAX },
		{ "\xc0\xaf@b.c", true, MC_E_ADDR_SYNTAX },
		{ "\xed\xa0\x80@b.c", true, MC_E_ADDR_SYNTAX },
		{ ".a@b.c", false, MC_E_ADDR_SYNTAX },
		{ "a.@b.c", false, MC_E_ADDR_SYNTAX },
		{ "a..b@b.c", false, MC_E_ADDR_SYNTAX },
		{ "\"a@b.c", false, MC_E_ADDR_SYNTAX },
		{ "\"a\\\"@b.c", false, MC_E_ADDR_SYNTAX },
		{ "\"a\"b@b.c", false, MC_E_ADDR_SYNTAX },
		{ "\"a\".b@b.c", false, MC_E_ADDR_SYNTAX },
		{ "a\"b\"@b.c", false, MC_E_ADDR_SYNTAX },
		{ "\"\\\xc3\xbc\"@b.c", true, MC_E_ADDR_SYNTAX },
		{ "a\\ b@b.c", false, MC_E_ADDR_SYNTAX },
		{ "a(x)@b.c", false, MC_E_ADDR_SYNTAX },
		{ "a,b@b.c", false, MC_E_ADDR_SYNTAX },
		{ "a@b.", false, MC_E_ADDR_SYNTAX },
		{ "a@.b", false, MC_E_ADDR_SYNTAX },
		{ "a@b..c", false, MC_E_ADDR_SYNTAX },
		{ "a@-b.c", false, MC_E_ADDR_SYNTAX },
		{ "a@b_c.d", false, MC_E_ADDR_SYNTAX },
		{ "a@[192.0.2.1", false, MC_E_ADDR_SYNTAX },
		{ "a@[x]", false, MC_E_ADDR_SYNTAX },
		{ "a@[192.0.2.1].b", false, MC_E_ADDR_SYNTAX },
		{ "@x.y:a@b.c", false, MC_E_ADDR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_cmd_mail mail = { .sender = str(rows[i].addr),
			.smtputf8 = rows[i].utf8 };
		struct mc_cmd_rcpt rcpt = { .addr = str(rows[i].addr),
			.utf8 = rows[i].utf8 };
		struct mc_err err = { .code = MC_OK };
		struct mc_err err2 = { .code = MC_OK };
		struct request req;

		start();
		assert_int_equal(mc_cmd_rcpt(out, &rcpt, &err),
		    rows[i].code == MC_OK ? 0 : -1);
		assert_string_equal(mc_code_name(err.code),
		    mc_code_name(rows[i].code));
		if (rows[i].code != MC_OK) {
			nothing_new(-1, &err);
			assert_err(mc_cmd_mail(out, &mail, &err2), err2,
			    rows[i].code);
			assert_int_equal(err.stage, MC_STAGE_RCPT);
			assert_int_equal(err2.stage, MC_STAGE_MAIL);
			continue;
		}
		path_is("RCPT TO", rcpt.addr, &req);
		assert_int_equal(req.rest.len, 0);
		equal(new_show(), new_line());
		check_sender(rcpt.addr);
	}
}

static void
test_mail(void **state)
{
	static const struct {
		struct mc_cmd_mail mail;
		const char *wire;	/* NULL: refused */
	} rows[] = {
		{ { .sender = { NULL, 0 } }, "MAIL FROM:<>" },
		{ { .sender = { "a@b.c", 5 } }, "MAIL FROM:<a@b.c>" },
		{ { .sender = { "a@b.c", 5 }, .size = 5 },
		    "MAIL FROM:<a@b.c>" },
		{ { .has_size = true }, "MAIL FROM:<> SIZE=0" },
		{ { .has_size = true, .size = UINT64_MAX },
		    "MAIL FROM:<> SIZE=18446744073709551615" },
		{ { .body_8bit = true }, "MAIL FROM:<> BODY=8BITMIME" },
		{ { .body_8bit = true, .body_binary = true },
		    "MAIL FROM:<> BODY=BINARYMIME" },
		{ { .smtputf8 = true }, "MAIL FROM:<> SMTPUTF8" },
		{ { .ret = MC_RET_FULL }, "MAIL FROM:<> RET=FULL" },
		{ { .ret = MC_RET_HDRS }, "MAIL FROM:<> RET=HDRS" },
		{ { .ret = (enum mc_ret)3 }, NULL },
		{ { .envid = { "a+b=c d", 7 } },
		    "MAIL FROM:<> ENVID=a+2Bb+3Dc+20d" },
		{ { .envid = { "+00+0A", 6 } },
		    "MAIL FROM:<> ENVID=+2B00+2B0A" },
		{ { .envid = { "a\nb", 3 } }, NULL },
		{ { .envid = { "a\0b", 3 } }, NULL },
		{ { .envid = { "\xc3\xbc", 2 } }, NULL },
		{ { .sender = { "a@b.c", 5 }, .has_size = true, .size = 1234,
		    .body_8bit = true, .smtputf8 = true, .ret = MC_RET_HDRS,
		    .envid = { "QQ314159", 8 } },
		    "MAIL FROM:<a@b.c> SIZE=1234 BODY=8BITMIME SMTPUTF8 "
		    "RET=HDRS ENVID=QQ314159" },
	};
	char envid[102];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		int rc;

		start();
		rc = mc_cmd_mail(out, &rows[i].mail, &err);
		if (rows[i].wire == NULL) {
			assert_err(rc, err, MC_E_BAD_VALUE);
			nothing_new(rc, &err);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_str(new_line(), rows[i].wire);
		assert_str(new_show(), rows[i].wire);
	}

	struct mc_err err = { .code = MC_OK };
	struct mc_cmd_mail mail = { .envid = { envid, 100 } };

	fill(envid, 101);
	assert_int_equal(mc_cmd_mail(out, &mail, &err), 0);
	mail.envid.len = 101;
	assert_err(mc_cmd_mail(out, &mail, &err), err, MC_E_BAD_VALUE);
}

#define ALL (MC_NOTIFY_SUCCESS | MC_NOTIFY_FAILURE | MC_NOTIFY_DELAY)

static void
test_rcpt(void **state)
{
	static const struct {
		struct mc_cmd_rcpt rcpt;
		/* after "RCPT TO:<a@b.c>"; NULL: refused */
		const char *wire;
	} rows[] = {
		{ { .dsn = false }, "" },
		{ { .dsn = true }, "" },
		{ { .dsn = true, .notify = MC_NOTIFY_SUCCESS },
		    " NOTIFY=SUCCESS" },
		{ { .dsn = true, .notify = MC_NOTIFY_FAILURE },
		    " NOTIFY=FAILURE" },
		{ { .dsn = true, .notify = MC_NOTIFY_DELAY },
		    " NOTIFY=DELAY" },
		{ { .dsn = true, .notify = MC_NOTIFY_NEVER },
		    " NOTIFY=NEVER" },
		{ { .dsn = true, .notify = MC_NOTIFY_SUCCESS |
		    MC_NOTIFY_DELAY }, " NOTIFY=SUCCESS,DELAY" },
		{ { .dsn = true, .notify = ALL },
		    " NOTIFY=SUCCESS,FAILURE,DELAY" },
		{ { .dsn = true, .notify = ALL | MC_NOTIFY_NEVER }, NULL },
		{ { .dsn = true, .notify = MC_NOTIFY_NEVER |
		    MC_NOTIFY_DELAY }, NULL },
		{ { .dsn = true, .notify = 16 }, NULL },
		{ { .dsn = true, .notify = ~0u }, NULL },
		{ { .dsn = true, .orcpt = { "a+b@c.d", 7 } },
		    " ORCPT=rfc822;a+2Bb@c.d" },
		{ { .dsn = true, .orcpt = { "\"x y\"=@c", 8 }, .utf8 = true },
		    " ORCPT=rfc822;\"x+20y\"+3D@c" },
		{ { .dsn = true, .orcpt = { "j\xc3\xbc@c", 5 } },
		    " ORCPT=utf-8;j\\x{FC}@c" },
		{ { .dsn = true, .orcpt = { "\xe2\x82\xac\xf0\x9f\x98\x80 @c", 10 } },
		    " ORCPT=utf-8;\\x{20AC}\\x{1F600}\\x{20}@c" },
		{ { .dsn = true, .orcpt = { "j\xc3\xbc@c", 5 }, .utf8 = true },
		    " ORCPT=utf-8;j\xc3\xbc@c" },
		{ { .dsn = true, .orcpt = { "\xc3\xbc+=\\ @c", 8 },
		    .utf8 = true },
		    " ORCPT=utf-8;\xc3\xbc\\x{2B}\\x{3D}\\x{5C}\\x{20}@c" },
		{ { .dsn = true, .orcpt = { "\xff@c", 3 }, .utf8 = true },
		    NULL },
		{ { .dsn = true, .orcpt = { "a\r\n@c", 5 } }, NULL },
		{ { .dsn = true, .orcpt = { "a\0@c", 4 } }, NULL },
		{ { .dsn = true, .notify = ALL, .orcpt = { "x@y", 3 } },
		    " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;x@y" },
		{ { .dsn = false, .notify = ALL, .orcpt = { "x@y", 3 } }, "" },
	};
	char orcpt[502];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_cmd_rcpt rcpt = rows[i].rcpt;
		struct mc_err err = { .code = MC_OK };
		struct request req;
		int rc;

		rcpt.addr = MC_STR("a@b.c");
		start();
		rc = mc_cmd_rcpt(out, &rcpt, &err);
		if (rows[i].wire == NULL) {
			assert_err(rc, err, MC_E_BAD_VALUE);
			nothing_new(rc, &err);
			continue;
		}
		assert_int_equal(rc, 0);
		path_is("RCPT TO", rcpt.addr, &req);
		assert_str(req.rest, rows[i].wire);
	}

	/* 500 with the type; what is encoded counts as encoded */
	struct mc_err err = { .code = MC_OK };
	struct mc_cmd_rcpt rcpt = { .addr = MC_STR("a@b.c"), .dsn = true,
		.orcpt = { orcpt, 493 } };

	fill(orcpt, 501);
	for (int i = 0; i < 3; i++) {
		struct request req;

		start();
		rcpt.orcpt.len = i == 1 ? 494 : 493;
		orcpt[7] = i == 2 ? '+' : 'a';
		assert_int_equal(mc_cmd_rcpt(out, &rcpt, &err), 0);
		path_is("RCPT TO", rcpt.addr, &req);
		assert_int_equal(req.rest.len, i == 0 ? 507 : 0);
	}
}

static void
test_xtext(void **state)
{
	struct mc_buf b;

	(void)state;
	mc_buf_init(&b, 4096);
	for (int c = 0; c < 256; c++) {
		char in = (char)c, back[4];
		bool plain = c >= 33 && c <= 126 && c != '+' && c != '=';

		mc_buf_reset(&b);
		mc_cmd_xtext(mc_str_make(&in, 1), &b);
		assert_int_equal(b.len, plain ? 1 : 3);
		assert_int_equal(decode_xtext(mc_buf_str(&b), back), 1);
		assert_int_equal(back[0], in);
	}
	mc_buf_reset(&b);
	mc_cmd_xtext(MC_STR("a+0A=\x7f\xff"), &b);
	assert_string_equal(b.ptr, "a+2B0A+3D+7F+FF");
	mc_buf_clear(&b);
}

/* what people see of an address with a terminal's bytes in it */
static void
test_show_printable(void **state)
{
	struct mc_cmd_rcpt rcpt = { .addr = MC_STR("\xc2\x9b" "1m@b.c"),
		.utf8 = true };
	struct mc_cmd_out no_show = { &wire, NULL };
	struct mc_err err = { .code = MC_OK };

	(void)state;
	start();
	assert_int_equal(mc_cmd_rcpt(out, &rcpt, &err), 0);
	assert_str(new_line(), "RCPT TO:<\xc2\x9b" "1m@b.c>");
	assert_str(new_show(), "RCPT TO:<?1m@b.c>");
	start();
	assert_int_equal(mc_cmd_plain(no_show, "DATA", &err), 0);
	assert_str(new_line(), "DATA");
	assert_string_equal(show.ptr, "NOOP");
}

/* ------------------------------------------------------ buffers that refuse */

static int
call(size_t which, struct mc_cmd_out o, struct mc_err *err)
{
	const struct mc_str ir = MC_STR("AGEAYg==");
	struct mc_cmd_mail mail = { .sender = MC_STR("somebody@example.org"),
		.has_size = true, .size = 1234567, .body_8bit = true,
		.smtputf8 = true, .ret = MC_RET_FULL,
		.envid = MC_STR("an identifier + such") };
	struct mc_cmd_rcpt rcpt = { .addr = MC_STR("somebody@example.org"),
		.dsn = true, .notify = ALL,
		.orcpt = MC_STR("\"some body\"@example.org") };

	switch (which) {
	case 0:
		return mc_cmd_ehlo(o, MC_STR("mx.example"), err);
	case 1:
		return mc_cmd_plain(o, "STARTTLS", err);
	case 2:
		return mc_cmd_auth(o, MC_STR("PLAIN"), &ir, err);
	case 3:
		return mc_cmd_auth_line(o, ir, err);
	case 4:
		return mc_cmd_mail(o, &mail, err);
	case 5:
		return mc_cmd_rcpt(o, &rcpt, err);
	}
	return mc_cmd_helo(o, MC_STR("[192.0.2.1]"), err);
}

#define CALLS 7

static void
test_full(void **state)
{
	(void)state;
	for (size_t which = 0; which < CALLS; which++)
		for (int side = 0; side < 2; side++) {
			struct mc_buf w, s;
			struct mc_cmd_out o = { &w, &s };
			struct mc_err err = { .code = MC_OK };

			mc_buf_init(&w, side == 0 ? 8 : 4096);
			mc_buf_init(&s, side == 1 ? 6 : 4096);
			mc_buf_addz(&w, BEFORE);
			mc_buf_addz(&s, "NOOP");
			assert_err(call(which, o, &err), err, MC_E_TOO_LONG);
			assert_string_equal(w.ptr, BEFORE);
			assert_string_equal(s.ptr, "NOOP");
			mc_buf_clear(&w);
			mc_buf_clear(&s);
		}
}

static void
test_nomem(void **state)
{
	(void)state;
	for (size_t which = 0; which < CALLS; which++)
		for (unsigned long n = 1; ; n++) {
			struct mc_buf w, s;
			struct mc_cmd_out o = { &w, &s };
			struct mc_err err = { .code = MC_OK };
			int rc;

			mc_buf_init(&w, 4096);
			mc_buf_init(&s, 4096);
			failmalloc(n, n % 2 == 0);
			rc = call(which, o, &err);
			unsigned long count = failmalloc(0, false);

			if (count >= n) {
				assert_err(rc, err, MC_E_NOMEM);
				assert_int_equal(w.len + s.len, 0);
			} else {
				assert_int_equal(rc, 0);
				assert_true(w.len > 2 && s.len > 0);
			}
			mc_buf_clear(&w);
			mc_buf_clear(&s);
			if (count < n) {
				assert_true(n > 4);
				break;
			}
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_ehlo_name),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_auth_secret),
		cmocka_unit_test(test_auth_limits),
		cmocka_unit_test(test_auth_line),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_xtext),
		cmocka_unit_test(test_show_printable),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_pairs_in_address),
		cmocka_unit_test(test_pairs_everywhere),
		cmocka_unit_test(test_random),
	};
	int failed;

	mc_buf_init(&wire, 1 << 20);
	mc_buf_init(&show, 1 << 20);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	mc_buf_clear(&wire);
	mc_buf_clear(&show);
	return failed;
}
