/* SPDX-License-Identifier: MIT */
/*
 * test_mime.c - messages that a server would not take, made fit part by part
 */
#include "unit.h"

#include "mail/message.h"
#include "mime_side.h"

#include <time.h>

#define ALL (MC_MIME_8BIT | MC_MIME_LINES | MC_MIME_NUL | MC_MIME_CR)
#define MP "Content-Type: multipart/mixed; boundary=b\n"
#define M8 MP "Content-Transfer-Encoding: 8bit\n"
#define QP "Content-Transfer-Encoding: quoted-printable\n"
#define B64 "Content-Transfer-Encoding: base64\n"
#define V "MIME-Version: 1.0\n"
#define T8 "Content-Type: text/plain; charset=utf-8\n" \
    "Content-Transfer-Encoding: 8bit\n"
#define E "\xc3\xa9"		/* e with acute in UTF-8 */
/* in a table: this stands for 600 times "x" */
#define X600 "@"
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
/* lines of quoted-printable and base64 */
#define X75 X50 X10 X10 "xxxxx=\n"
#define X76 X50 X10 X10 "xxxxxx\n"

/* ------------------------------------------------------------------ helpers */

/* from the form of the tables: LF to CRLF, X600, and NUL for \001 */
static void
expand(const char *s, struct mc_buf *out)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			mc_buf_addz(out, "\r\n");
		else if (*s == *X600)
			for (int i = 0; i < 600; i++)
				mc_buf_addc(out, 'x');
		else
			mc_buf_addc(out, *s == '\001' ? '\0' : *s);
	}
	assert_int_equal(out->err, 0);
}

struct message {
	struct mc_header header;
	struct mc_spool body;
	struct mc_buf told;	/* by side_tell */
	struct mc_buf fields;	/* as written */
};

static void
make(struct message *m, struct mc_str text, size_t memory)
{
	size_t at = 0, before = 0;
	struct mc_str line;

	mc_header_init(&m->header);
	mc_spool_init(&m->body, memory, NULL);
	mc_buf_init(&m->told, SIZE_MAX / 2);
	mc_buf_init(&m->fields, SIZE_MAX / 2);
	while (side_line(text, &at, &line) && line.len != 0) {
		size_t next = at;

		while (next < text.len && mc_is_blank(text.ptr[next]))
			assert_true(side_line(text, &next, &line));
		assert_int_equal(mc_header_append_raw(&m->header, mc_str_sub(
		    text, before, next - before), NULL), 0);
		before = at = next;
	}
	assert_int_equal(mc_spool_add(&m->body, text.ptr + at, text.len - at,
	    NULL), 0);
	mc_header_write(&m->header, &m->fields);
	side_tell(&m->header, &m->body, &m->told);
}

static void
unmake(struct message *m)
{
	mc_header_clear(&m->header);
	mc_spool_clear(&m->body);
	mc_buf_clear(&m->told);
	mc_buf_clear(&m->fields);
}

/* all that holds whatever the message is */
static int
convert(struct message *m, unsigned want, size_t memory,
    struct mc_spool *ret_body, struct mc_err *err)
{
	struct mc_buf fields;

	mc_spool_init(ret_body, memory, NULL);
	int rc = mc_mime_convert(&m->header, &m->body, want, ret_body, err);
	assert_in_range(rc + 1, 0, 2);
	assert_int_equal(rc == -1, err->code != MC_OK);
	const char *fault = side_fault(rc, want, &m->header, &m->body,
	    ret_body, mc_buf_str(&m->told));
	if (fault != NULL)
		fail_msg("want %u: %s", want, fault);
	mc_buf_init(&fields, SIZE_MAX / 2);
	mc_header_write(&m->header, &fields);
	if (rc != 1)
		assert_true(mc_str_eq(mc_buf_str(&fields),
		    mc_buf_str(&m->fields)));
	mc_buf_clear(&fields);
	if (rc != 1)
		return rc;

	/* and there is nothing left to do */
	struct mc_spool again;
	mc_spool_init(&again, memory, NULL);
	assert_int_equal(mc_mime_convert(&m->header, ret_body, want, &again,
	    err), 0);
	assert_int_equal(again.size, 0);
	mc_spool_clear(&again);
	return rc;
}

/* every sum of MC_MIME_..., the old and the new body in memory or a file */
static void
convert_all_ways(struct mc_str text)
{
	static const size_t memories[] = { 0, 100, 1 << 20 };

	for (unsigned want = 0; want <= ALL; want++) {
		for (size_t i = 0; i < MC_NELEM(memories); i++) {
			struct mc_err err = { .code = MC_OK };
			struct mc_spool body;
			struct message m;

			make(&m, text, memories[i]);
			int rc = convert(&m, want, memories[2 - i], &body,
			    &err);
			assert_true(want != 0 || rc == 0);
			if (rc == -1)
				assert_int_equal(err.code, MC_E_MSG_CONTENT);
			mc_spool_clear(&body);
			unmake(&m);
		}
	}
}

struct row {
	const char *in;
	unsigned want;
	/* the message then, or if `why`, what the error says; NULL: nothing
	 * changes */
	const char *out;
	bool why;
};

static void
check_row(const struct row *row)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf in, got, out;
	struct mc_spool body;
	struct message m;

	mc_buf_init(&in, SIZE_MAX / 2);
	mc_buf_init(&got, SIZE_MAX / 2);
	mc_buf_init(&out, SIZE_MAX / 2);
	expand(row->in, &in);
	make(&m, mc_buf_str(&in), 1000);
	int rc = convert(&m, row->want, 1000, &body, &err);
	if (rc != (row->out == NULL ? 0 : row->why ? -1 : 1))
		fail_msg("%d %s of\n%s", rc, err.text, row->in);
	if (row->why) {
		assert_err(rc, err, MC_E_MSG_CONTENT);
		if (strstr(err.text, row->out) == NULL)
			fail_msg("%s, not: %s", err.text, row->out);
	} else if (row->out != NULL) {
		expand(row->out, &out);
		mc_header_write(&m.header, &got);
		mc_buf_addz(&got, "\r\n");
		side_read(&body, &got);
		if (!mc_str_eq(mc_buf_str(&got), mc_buf_str(&out)))
			fail_msg("of\n%s\nit made\n%s\nnot\n%s", row->in,
			    got.ptr, out.ptr);
	}
	mc_spool_clear(&body);
	unmake(&m);
	convert_all_ways(mc_buf_str(&in));
	mc_buf_clear(&in);
	mc_buf_clear(&got);
	mc_buf_clear(&out);
}

static void
check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i]);
}

/* ----------------------------------------------------------------- one part */

static void
test_one_part(void **state)
{
	static const struct row rows[] = {
		{ "Subject: s\n\nplain\n", ALL, NULL, false },
		{ "Subject: s\n\n", ALL, NULL, false },
		/* no MIME at all */
		{ "Subject: s\n\ncaf" E "\n", MC_MIME_8BIT, "Subject: s\n" V
		    "Content-Type: text/plain; charset=utf-8\n" QP
		    "\ncaf=C3=A9\n", false },
		{ "Subject: s\n\ncaf\xe9\n", MC_MIME_8BIT, "Subject: s\n" V
		    "Content-Type: text/plain; charset=unknown-8bit\n" QP
		    "\ncaf=E9\n", false },
		/* cut by a line end it is no UTF-8 */
		{ "A: s\n\nwe are with\xc3\n\xa9\n", MC_MIME_8BIT, "A: s\n" V
		    "Content-Type: text/plain; charset=unknown-8bit\n" QP
		    "\nwe are with=C3\n=A9\n", false },
		{ "Subject: s\n\n" X600 X600 "\n", MC_MIME_LINES,
		    "Subject: s\n" V
		    "Content-Type: text/plain; charset=us-ascii\n" QP "\n"
		    X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75
		    X75 X50 X10 X10 "xxxxx\n", false },
		{ "A: s\n\na\001b\n", MC_MIME_NUL, "A: s\n" V
		    "Content-Type: text/plain; charset=us-ascii\n" B64
		    "\nYQBiDQo=\n", false },
		/* mostly not ASCII: base64 */
		{ "A: s\n\n" E E E E "\n", MC_MIME_8BIT, "A: s\n" V
		    "Content-Type: text/plain; charset=utf-8\n" B64
		    "\nw6nDqcOpw6kNCg==\n", false },
		/* what is there already stays as it is */
		{ V "Content-type: text/plain;\n charset=ISO-8859-1\n"
		    "Content-transfer-encoding:8bit\nA: b\n\nh\xe9h\xe9 and "
		    "more\n", MC_MIME_8BIT,
		    V "Content-type: text/plain;\n charset=ISO-8859-1\n"
		    "Content-transfer-encoding: quoted-printable\nA: b\n\n"
		    "h=E9h=E9 and more\n", false },
		{ "Content-Type: text/html\n\n<a>" E "</a>\n", MC_MIME_8BIT,
		    "Content-Type: text/html\n" V QP "\n<a>=C3=A9</a>\n",
		    false },
		{ V "Content-Transfer-Encoding: 8bit\n\ncaf" E "\n",
		    MC_MIME_8BIT, V QP "Content-Type: text/plain; "
		    "charset=utf-8\n\ncaf=C3=A9\n", false },
		/* twice the same counts as one */
		{ V T8 "Content-Transfer-Encoding: 8BIT\n"
		    "content-transfer-encoding: 8bit\n\ncaf" E "\n",
		    MC_MIME_8BIT, V "Content-Type: text/plain; charset=utf-8\n"
		    QP "\ncaf=C3=A9\n", false },
		/* no text: base64 sooner, and always for binary */
		{ V "Content-Type: application/json\n\n{\"k\": \"caf" E
		    " au lait\"}\n", MC_MIME_8BIT,
		    V "Content-Type: application/json\n" QP
		    "\n{\"k\": \"caf=C3=A9 au lait\"}\n", false },
		{ V "Content-Type: application/json\n\n{\"" E "\": 0}\n",
		    MC_MIME_8BIT, V "Content-Type: application/json\n" B64
		    "\neyLDqSI6IDB9DQo=\n", false },
		{ V "Content-Type: a/b\nContent-Transfer-Encoding: binary\n\n"
		    "many more bytes " E "\n", MC_MIME_8BIT,
		    V "Content-Type: a/b\n" B64
		    "\nbWFueSBtb3JlIGJ5dGVzIMOpDQo=\n", false },
		/* a label that does no harm stays if nothing changes */
		{ V T8 "\nplain\n", ALL, NULL, false },
		/* slips in the label */
		{ V "Content-Transfer-Encoding: utf-8\n"
		    "Content-Type: text/plain\n\ncaf" E "\n", MC_MIME_8BIT,
		    V QP "Content-Type: text/plain\n\ncaf=C3=A9\n", false },
		/* encoded already */
		{ V QP "\nok =C3=A9=\n\n", ALL, NULL, false },
		{ V QP "\nok =C3=a9 " E " =\n  tail  \n=zz=4\n", MC_MIME_8BIT,
		    V QP "\nok =C3=a9 =C3=A9   tail\n=3Dzz=3D4\n", false },
		{ V QP "\na\001b\n", MC_MIME_NUL, V QP "\na=00b\n", false },
		{ V B64 "\n" X600 "\n" X600 "\n", ALL, NULL, false },
		{ V B64 "\nnot! base64?\n", ALL, NULL, false },
		{ V B64 "\nab!" X600 X600 "\n", MC_MIME_LINES,
		    "it is marked as base64 but is something else", true },
		{ V B64 "\nabc" E "\n", MC_MIME_8BIT,
		    "it is marked as base64 but is something else; correct its "
		    "Content-Transfer-Encoding, or use a server with 8BITMIME",
		    true },
		/* not known, or contradicting */
		{ V "Content-Transfer-Encoding: x-uuencode\n\nabc" E "\n",
		    MC_MIME_8BIT, "the message has 8-bit bytes and cannot be "
		    "encoded: it has a Content-Transfer-Encoding that is not "
		    "known", true },
		{ V "Content-Transfer-Encoding: base64;\n\nabc" E "\n",
		    MC_MIME_8BIT, "not known", true },
		{ V QP B64 "\nabc" E "\n", MC_MIME_8BIT, "contradict", true },
		{ V T8 "Content-Type: text/html\n\nabc" E "\n", MC_MIME_8BIT,
		    "contradict", true },
		{ V T8 "Content-Type: text/html\n\nabc\n", ALL, NULL, false },
		/* what must not be changed */
		{ "DKIM-Signature: v=1\n\ncaf" E "\n", MC_MIME_8BIT,
		    "the message has 8-bit bytes and cannot be encoded: it has "
		    "a DKIM signature, which would break; sign it in 7-bit "
		    "form, or after it is encoded, or use a server with "
		    "8BITMIME", true },
		{ "DKIM-Signature: v=1\n\n" X600 X600 "\n", MC_MIME_LINES,
		    "the message has a line over 998 bytes and cannot be "
		    "encoded: it has a DKIM signature, which would break; sign "
		    "it in 7-bit form, or after it is encoded", true },
		{ "DKIM-Signature: v=1\n\nplain\n", ALL, NULL, false },
		{ V "Content-Type: application/pkcs7-mime; "
		    "smime-type=signed-data\n\nabc" E "\n", MC_MIME_8BIT,
		    "it is S/MIME", true },
		{ V "Content-Type: application/pkcs7-mime\n" B64 "\n" X600 X600
		    "\n", MC_MIME_LINES | MC_MIME_8BIT,
		    V "Content-Type: application/pkcs7-mime\n" B64 "\n"
		    X76 X76 X76 X76 X76 X76 X76 X76 X76 X76 X76 X76 X76 X76
		    X76 X50 X10 "\n", false },
		{ V "Content-Type: message/partial; id=a; number=1\n\n" E "\n",
		    MC_MIME_8BIT, "7-bit by rule", true },
		{ V "Content-Type: message/external-body\n\n" E "\n",
		    MC_MIME_8BIT, "7-bit by rule", true },
		/* may be encoded (RFC 6532) */
		{ V "Content-Type: message/global\n\nSubject: caf" E
		    " and some more\n\nx\n", MC_MIME_8BIT,
		    V "Content-Type: message/global\n" QP
		    "\nSubject: caf=C3=A9 and some more\n\nx\n", false },
	};

	(void)state;
	check_rows(rows, MC_NELEM(rows));
}

/* --------------------------------------------------------------- many parts */

static void
test_multipart(void **state)
{
	static const struct row rows[] = {
		{ V M8 "\n--b\n" T8 "\na caf" E "\n--b\n\nplain\n--b--\n",
		    MC_MIME_8BIT, V MP
		    "Content-Transfer-Encoding: 7bit\n\n--b\n"
		    "Content-Type: text/plain; charset=utf-8\n" QP
		    "\na caf=C3=A9\n--b\n\nplain\n--b--\n", false },
		/* no header at all in the part; no MIME-Version */
		{ MP "\n--b\n\na caf" E "\n--b--\n", MC_MIME_8BIT,
		    MP V "\n--b\n" QP "\na caf=C3=A9\n--b--\n", false },
		/* nothing that ends the header */
		{ V MP "\n--b\nno field " E "\n--b--\n", MC_MIME_8BIT, V MP
		    "\n--b\n" QP "\nno field =C3=A9\n--b--\n", false },
		{ V MP "\n--b\nFrom me " E "\nA: b\n\nx\n--b--\n",
		    MC_MIME_8BIT, V MP "\n--b\n" QP
		    "\n=46rom me =C3=A9\nA: b\n\nx\n--b--\n", false },
		{ V MP "\n--b\nA: b\nno field " E "\n--b--\n", MC_MIME_8BIT,
		    V MP "\n--b\nA: b\n" QP "\nno field =C3=A9\n--b--\n",
		    false },
		{ V MP "\n--b\nA: b\n--b\n--b\n\n--b\n\n\n" E "aaaaaaaa\n--b--",
		    MC_MIME_8BIT, V MP
		    "\n--b\nA: b\n--b\n--b\n\n--b\n" QP
		    "\n\n=C3=A9aaaaaaaa\n--b--", false },
		/* a CRLF that is content, a blank that must not get lost */
		{ V MP "\n--b\n\n" E " aaaaaa \n\n--b--\n", MC_MIME_8BIT, V MP
		    "\n--b\n" QP "\n=C3=A9 aaaaaa=20\n\n--b--\n", false },
		{ V MP "\n--b\n\n" E " aaaaaa \n--b--\n", MC_MIME_8BIT, V MP
		    "\n--b\n" QP "\n=C3=A9 aaaaaa=20\n--b--\n", false },
		{ V MP "\n--b\nContent-Type: a/b\n\n\001\n--b--\n",
		    MC_MIME_NUL, V MP "\n--b\nContent-Type: a/b\n" B64
		    "\nAA==\n--b--\n", false },
		/* no end, or none of the inner one */
		{ V MP "\n--b\n\na caf" E "\n", MC_MIME_8BIT, V MP "\n--b\n" QP
		    "\na caf=C3=A9\n", false },
		{ V MP "\n--b\nContent-Type: a/b\n\n\001\n", MC_MIME_NUL,
		    V MP "\n--b\nContent-Type: a/b\n" B64 "\nAA0K\n", false },
		{ V M8 "\n--b\nContent-Type: multipart/alternative; "
		    "boundary=i\nContent-Transfer-Encoding: 8bit\n\n"
		    "--i\n\none\n--i\n\na caf" E "\n--b\n\nlast " E "\n--b--\n",
		    MC_MIME_8BIT,
		    V MP "Content-Transfer-Encoding: 7bit\n\n--b\n"
		    "Content-Type: multipart/alternative; boundary=i\n"
		    "Content-Transfer-Encoding: 7bit\n\n"
		    "--i\n\none\n--i\n" QP "\na caf=C3=A9\n--b\n" QP
		    "\nlast =C3=A9\n--b--\n", false },
		/* labels tell the truth, also if only lines go */
		{ V "Content-Transfer-Encoding: binary\n" MP "\n--b\n"
		    "Content-Transfer-Encoding: binary\n\n" E "\n--b\n\n"
		    X600 X600 "\n--b\nContent-Transfer-Encoding: 8bit\n\na\n"
		    "--b--\n", MC_MIME_LINES,
		    V "Content-Transfer-Encoding: 8bit\n" MP "\n--b\n"
		    "Content-Transfer-Encoding: 8bit\n\n" E "\n--b\n" QP "\n"
		    X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75 X75
		    X75 X50 X10 X10 "xxxxx\n--b\n"
		    "Content-Transfer-Encoding: 7bit\n\na\n--b--\n", false },
		/* ... and say no more than is so, and no less */
		{ V M8 "\npre " E "\n--b\n\n" X600 "\n--b\nA: " X600 " "
		    X600 "\n\nx\n--b--\n", MC_MIME_LINES,
		    V M8 "\npre " E "\n--b\n\n" X600 "\n--b\nA: " X600
		    "\n " X600 "\n\nx\n--b--\n", false },
		{ V M8 "\n--b\nA: " E X600 " " X600 "\n\nx\n--b--\n",
		    MC_MIME_LINES, V M8 "\n--b\nA: " E X600 "\n " X600
		    "\n\nx\n--b--\n", false },
		{ V "Content-Transfer-Encoding: binary\n" MP "\n--b\nA: "
		    X600 " " X600 "\n\nx\n--b--\n", MC_MIME_LINES,
		    V "Content-Transfer-Encoding: 7bit\n" MP "\n--b\nA: "
		    X600 "\n " X600 "\n\nx\n--b--\n", false },
		{ V M8 "\n--b\nContent-Transfer-Encoding: 8bit\n\n" X600 X600
		    "\n--b\n\na caf" E "\n--b--\n", MC_MIME_8BIT,
		    V M8 "\n--b\nContent-Transfer-Encoding: 8bit\n\n" X600
		    X600 "\n--b\n" QP "\na caf=C3=A9\n--b--\n", false },
		{ V MP "\n--b\n" B64 "Content-Transfer-Encoding: 8bit\n--b\n\n"
		    "a caf" E "\n--b--\n", MC_MIME_8BIT,
		    V MP "\n--b\n" B64 "Content-Transfer-Encoding: 8bit\n--b\n"
		    QP "\na caf=C3=A9\n--b--\n", false },
		/* a header that cannot be written is not touched for that */
		{ V M8 "\n--b\nA: \001\nContent-Transfer-Encoding: 8bit\n\n"
		    "x\n--b\n\na caf" E "\n--b--\n", MC_MIME_8BIT,
		    V M8 "\n--b\nA: \001\nContent-Transfer-Encoding: 8bit\n"
		    "\nx\n--b\n" QP "\na caf=C3=A9\n--b--\n", false },
		/* delimiters with blanks, boundaries in all forms */
		{ V "Content-Type: Multipart/Mixed (c (d) \\) e); x=\"a;b\"; \n"
		    "\tBoundary = \"a b\\c: \" (f)\n\n--a bc: \t\n\na caf" E
		    "\n--a bc:--  \n", MC_MIME_8BIT,
		    V "Content-Type: Multipart/Mixed (c (d) \\) e); x=\"a;b\"; "
		    "\n\tBoundary = \"a b\\c: \" (f)\n\n--a bc: \t\n" QP
		    "\na caf=C3=A9\n--a bc:--  \n", false },
		{ V "Content-Type: multipart/mixed; boundary*1=\"c d\"; "
		    "boundary*0*=x'y'a%62\n\n--abc d\n\na caf" E
		    "\n--abc d--\n", MC_MIME_8BIT,
		    V "Content-Type: multipart/mixed; boundary*1=\"c d\"; "
		    "boundary*0*=x'y'a%62\n\n--abc d\n" QP
		    "\na caf=C3=A9\n--abc d--\n", false },
		{ V "Content-Type: multipart/mixed; boundary=----=_p?a/b\n\n"
		    "------=_p?a/b\n\na caf" E "\n------=_p?a/b--\n",
		    MC_MIME_8BIT,
		    V "Content-Type: multipart/mixed; boundary=----=_p?a/b\n\n"
		    "------=_p?a/b\n" QP "\na caf=C3=A9\n------=_p?a/b--\n",
		    false },
		/* an inner boundary that goes on where the outer one ends */
		{ V MP "\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n"
		    "--bb\n\na caf" E "\n--bb--\n--b--\n", MC_MIME_8BIT,
		    V MP "\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n"
		    "--bb\n" QP "\na caf=C3=A9\n--bb--\n--b--\n", false },
		/* beside the parts; nothing is encoded, so no MIME-Version */
		{ MP "\npre " E "\n--b\n\nx\n--b--\n", MC_MIME_8BIT,
		    MP "\npre ??\n--b\n\nx\n--b--\n", false },
		{ V MP "\n--pre " E "\n--b\n\nx\n--b--\n-post\001 " E "\n",
		    MC_MIME_8BIT | MC_MIME_NUL,
		    V MP "\n -pre ??\n--b\n\nx\n--b--\n post? ??\n", false },
		{ V MP "\n" X600 X600 "\n--b\n\nx\n--b--\n", MC_MIME_LINES,
		    V MP "\n"
		    X600 X50 X50 X50 X50 X50 X50 X50 X10 X10 X10 X10
		    "xxxxxxxx\n " X50 X50 X50 X50 "xx\n--b\n\nx\n--b--\n",
		    false },
		{ V MP "\n--b\nContent-Type: multipart/x; boundary=i\n- " E
		    ": \n--i\n\nx\n--i--\n--b--\n", MC_MIME_8BIT,
		    V MP "\n--b\nContent-Type: multipart/x; boundary=i\n\n  ??"
		    ": \n--i\n\nx\n--i--\n--b--\n", false },
		{ V MP "\n--b\nContent-Type: multipart/x; boundary=i\n"
		    "A" E ": \n--i\n\nx\n--i--\n--b--\n", MC_MIME_8BIT,
		    V MP "\n--b\nContent-Type: multipart/x; boundary=i\n\n"
		    "A??: \n--i\n\nx\n--i--\n--b--\n", false },
		/* what could look like a delimiter once it is encoded */
		{ V MP "\n?-b " E "\n--b\n\nx\n--b--\n", MC_MIME_8BIT,
		    V MP "\n?-b ??\n--b\n\nx\n--b--\n", false },
		{ V MP "\n--b\n\n--c " E " .......\n.\nFrom me\n--\n--b--\n",
		    MC_MIME_8BIT, V MP "\n--b\n" QP
		    "\n=2D-c =C3=A9 .......\n=2E\n=46rom me\n=2D-\n--b--\n",
		    false },
		/* the header of a part */
		{ V MP "\n--b\nA: " X600 " " X600 "\nContent-Type: a/b\n\nx\n"
		    "--b--\n", MC_MIME_LINES, V MP "\n--b\nA: " X600 "\n "
		    X600 "\nContent-Type: a/b\n\nx\n--b--\n", false },
		{ V MP "\n--b\nA: " X600 X600 "\n\nx\n--b--\n", MC_MIME_LINES,
		    "part 1: header field A: more than 998 bytes without a "
		    "blank", true },
		{ V M8 "\n--b\n\n\n--b\nA: " E "\nContent-Type: a/b; c=\"" E
		    "\"\n\nx\n--b--\n", MC_MIME_8BIT, V MP
		    "Content-Transfer-Encoding: 7bit\n\n--b\n\n\n--b\n"
		    "A: =?UTF-8?B?w6k=?=\nContent-Type: a/b; "
		    "c*=UTF-8''%C3%A9\n\nx\n--b--\n", false },
		{ V MP "\n--b\nContent-ID: <" E "@x>\n\nx\n--b--\n",
		    MC_MIME_8BIT, "part 1: header field Content-ID: an "
		    "identifier has bytes outside ASCII", true },
		{ V MP "\n--b\nA: \001\n\nx\n--b--\n", MC_MIME_NUL,
		    "part 1 has NUL bytes and cannot be encoded: it has them "
		    "in its header", true },
		{ V MP "\n--b\nA: \001\n\nx" E "\n--b--\n", MC_MIME_8BIT,
		    "part 1 has NUL bytes and cannot be encoded: it has them "
		    "in its header", true },
	};

	(void)state;
	check_rows(rows, MC_NELEM(rows));
}

/* ----------------------------------------------------------------- messages */

static void
test_message(void **state)
{
	static const struct row rows[] = {
		{ V "Content-Type: message/rfc822\n"
		    "Content-Transfer-Encoding: 8bit\n\n"
		    "Subject: in\n" T8 "\na caf" E "\n", MC_MIME_8BIT,
		    V "Content-Type: message/rfc822\n"
		    "Content-Transfer-Encoding: 7bit\n\n"
		    "Subject: in\nContent-Type: text/plain; charset=utf-8\n" QP
		    "\na caf=C3=A9\n", false },
		/* with a line of an mbox in front; no body */
		{ V MP "\n--b\nContent-Type: message/rfc822\n\nFrom me\n"
		    "A: b\n\na caf" E "\n--b\nContent-Type: message/rfc822\n\n"
		    "A: b\n--b--\n", MC_MIME_8BIT,
		    V MP "\n--b\nContent-Type: message/rfc822\n\nFrom me\n"
		    "A: b\n" QP "\na caf=C3=A9\n--b\n"
		    "Content-Type: message/rfc822\n\nA: b\n--b--\n", false },
		{ V "Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
		    "A: b\n\na caf" E "\n--b\nContent-Type: text/plain\n\n" E
		    "aaaaaaaaaa\n--b--\n", MC_MIME_8BIT,
		    V "Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
		    "A: b\n" QP "\na caf=C3=A9\n--b\nContent-Type: text/plain\n"
		    QP "\n=C3=A9aaaaaaaaaa\n--b--\n", false },
		{ V MP "\n--b\nContent-Type: message/rfc822\n\nSubject: " E
		    "\n\nx\n--b--\n", MC_MIME_8BIT,
		    V MP "\n--b\nContent-Type: message/rfc822\n\n"
		    "Subject: =?UTF-8?B?w6k=?=\n\nx\n--b--\n", false },
		{ V MP "\n--b\nContent-Type: message/rfc822\n\nFrom " E
		    "\nSubject: " E "\n\nx\n--b--\n", MC_MIME_8BIT,
		    "part 1.1: the line \"From \" in front of its header has "
		    "8-bit bytes", true },
		{ V MP "\n--b\nContent-Type: message/rfc822\n\nSubject: " X600
		    " " X600 "\n\nx\n--b--\n", MC_MIME_LINES,
		    V MP "\n--b\nContent-Type: message/rfc822\n\nSubject: "
		    X600 "\n " X600 "\n\nx\n--b--\n", false },
		{ V MP "\n--b\nContent-Type: message/rfc822\n\nFrom " X600 " "
		    X600 "\nA: b\n\nx\n--b--\n", MC_MIME_LINES,
		    "part 1.1: the line \"From \" in front of its header has "
		    "more than 998 bytes", true },
		{ V MP "\n--b\nContent-Type: message/rfc822\n" QP "\nA: b\n\n"
		    E "\n--b--\n", MC_MIME_8BIT, "marked as encoded", true },
		{ V MP "\n--b\nContent-Type: message/rfc822\n" QP "\nA: b\n\n"
		    "=C3\n--b--\n", ALL, NULL, false },
	};

	(void)state;
	check_rows(rows, MC_NELEM(rows));
}

/* ----------------------------------------------------------------- refusals */

#define SIGNED "Content-Type: multipart/signed; boundary=s\n"

static void
test_refusals(void **state)
{
	static const struct row rows[] = {
		{ V SIGNED "\n--s\n\n" E "\n--s\n\nsig\n--s--\n", MC_MIME_8BIT,
		    "part 1 has 8-bit bytes and cannot be encoded: the message "
		    "is multipart/signed and the signature would break; sign "
		    "it in 7-bit form, or use a server with 8BITMIME", true },
		{ V SIGNED "\n--s\nA: " X600 " " X600 "\n\nx\n--s--\n",
		    MC_MIME_LINES, "part 1 has a line over 998 bytes", true },
		{ V SIGNED "\npre " E "\n--s\n\nx\n--s--\n" E "\n",
		    MC_MIME_8BIT, V SIGNED "\npre ??\n--s\n\nx\n--s--\n??\n",
		    false },
		/* what is beside it may be encoded; labels inside stay */
		{ V M8 "\n--b\n" SIGNED "Content-Transfer-Encoding: 8bit\n\n"
		    "--s\nContent-Transfer-Encoding: 8bit\n\nx\n--s--\n--b\n\n"
		    "a caf" E "\n--b--\n", MC_MIME_8BIT,
		    V MP "Content-Transfer-Encoding: 7bit\n\n--b\n" SIGNED
		    "Content-Transfer-Encoding: 7bit\n\n"
		    "--s\nContent-Transfer-Encoding: 8bit\n\nx\n--s--\n--b\n"
		    QP "\na caf=C3=A9\n--b--\n", false },
		{ V MP "\n--b\n" SIGNED "\n--s\n" MP "\n--b2\n--s--\n--b\n\n"
		    "x\n--b--\n", ALL, NULL, false },
		{ V MP "\n--b\n\nx\n--b\n" SIGNED "\n--s\nContent-Type: "
		    "multipart/mixed; boundary=i\n\n--i\n\n" E "\n--i--\n"
		    "--s--\n--b--\n", MC_MIME_8BIT, "part 2.1.1 has 8-bit "
		    "bytes and cannot be encoded: part 2 is multipart/signed",
		    true },
		{ V MP "\n--b\nContent-Type: multipart/encrypted; boundary=e\n"
		    "\n--e\n\n" E "\n--e--\n--b--\n", MC_MIME_8BIT,
		    "part 1.1 has 8-bit bytes and cannot be encoded: part 1 is "
		    "multipart/encrypted", true },
		{ "DKIM-Signature: v=1\n" V MP "\n--b\n\n" E "\n--b--\n",
		    MC_MIME_8BIT, "part 1 has 8-bit bytes and cannot be "
		    "encoded: the message has a DKIM signature", true },
		/* boundaries that are none */
		{ V "Content-Type: multipart/mixed\n\n--b\n\n" E "\n--b--\n",
		    MC_MIME_8BIT, "the message has 8-bit bytes and cannot be "
		    "encoded: it is a multipart without a usable boundary; "
		    "correct its Content-Type", true },
		{ V "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n", ALL,
		    NULL, false },
		{ V "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n" E
		    "\n----\n", MC_MIME_8BIT, "usable", true },
		{ V "Content-Type: multipart/mixed; boundary=\"" E "\"\n\n--" E
		    "\n\nx\n--" E "--\n", MC_MIME_8BIT, "usable", true },
		{ V "Content-Type: multipart/mixed; boundary=a; boundary=c\n\n"
		    "--a\n\n" E "\n--a--\n", MC_MIME_8BIT, "usable", true },
		{ V "Content-Type: multipart/mixed; boundary*0=a; boundary*2=c"
		    "\n\n--a\n\n" E "\n--a--\n", MC_MIME_8BIT, "usable", true },
		{ V "Content-Type: multipart/mixed; boundary=\"a\n\n"
		    "--a\n\n" E "\n--a--\n", MC_MIME_8BIT, "usable", true },
		{ V MP "\n" E "\n", MC_MIME_8BIT, "the text beside the parts "
		    "of the message has 8-bit bytes and cannot be encoded: the "
		    "message is a multipart in which its boundary never "
		    "stands", true },
		{ V MP "\n" E "\n--b--\n", MC_MIME_8BIT, "never stands", true },
		{ V MP QP "\n--b\n\n" E "\n--b--\n", MC_MIME_8BIT,
		    "marked as encoded", true },
		/* readers differ: the beginning of a line, ... */
		{ V MP "\n--b\n\n" E "\n--bc\n\nx\n--b--\n", MC_MIME_8BIT,
		    "part 1 has 8-bit bytes and cannot be encoded: the message "
		    "is a multipart with lines that only some readers take "
		    "for its boundary", true },
		{ V MP "\n--b\n\n" E "\n--b--x\n\nx\n--b--\n", MC_MIME_8BIT,
		    "only some readers", true },
		{ V MP "\n--b\n\n" E "\n--b " X600 X600 "\n\nx\n--b--\n",
		    MC_MIME_8BIT, "only some readers", true },
		{ V MP "\n--b\nA: b\n--b " X600 X600 "\n\n" E "\n--b--\n",
		    MC_MIME_8BIT, "only some readers", true },
		/* ... twice the same boundary, and more after the end; in the
		 * epilogue too */
		{ V MP "\n--b\n" MP "\n--b\n\n" E "\n--b--\n--b--\n",
		    MC_MIME_8BIT, "only some readers", true },
		{ V MP "\n--b\n" MP "\n--b\n\n" E "\n--b\n", MC_MIME_8BIT,
		    "part 1.1 has 8-bit bytes and cannot be encoded: the "
		    "message is a multipart with lines", true },
		{ V MP "\n--b\n\nx\n--b--\n--b\n\n" E "\n--b--\n",
		    MC_MIME_8BIT, "the text beside the parts of the message "
		    "has 8-bit bytes", true },
		{ V MP "\n--b\n\nx\n--b--\n--bc\n\n" E "\n", MC_MIME_8BIT,
		    "only some readers", true },
		/* outside of what is unclear all goes on */
		{ V MP "\n--b\nContent-Type: multipart/mixed; boundary=i\n\n"
		    "--i\n\nx\n--ij\n--i--\n--b\n\na caf" E "\n--b--\n",
		    MC_MIME_8BIT,
		    V MP "\n--b\nContent-Type: multipart/mixed; boundary=i\n\n"
		    "--i\n\nx\n--ij\n--i--\n--b\n" QP "\na caf=C3=A9\n--b--\n",
		    false },
	};

	(void)state;
	check_rows(rows, MC_NELEM(rows));
}

/* ------------------------------------------------------------ not canonical */

/* a body that mc_message would not give, from a file of somebody else */
static void
test_bare_ends(void **state)
{
	static const char *const bodies[] = {
		"a\rb", "a\nb\r\n", "\r", "\n", "\r\r\n", "a\r\n\n", "a\r",
		"caf" E "\r", "caf" E, "caf" E " ", "=\r", "\0\r\n",
		"caf" E "\ncaf" E "\r\n.\n",
	};
	static const char *const headers[] = {
		"A: b\r\n\r\n", "Content-Transfer-Encoding: base64\r\n\r\n",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
		"Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\n",
		"Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\nA: b ",
		"Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\nA: b\r\n",
		("Content-Type: multipart/x; boundary=b\r\n\r\n"
		    "--b\r\n\r\n\r\n--b--\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(headers); i++) {
		for (size_t k = 0; k < MC_NELEM(bodies); k++) {
			struct mc_buf text;

			mc_buf_init(&text, 10000);
			mc_buf_addz(&text, headers[i]);
			mc_buf_addz(&text, bodies[k]);
			convert_all_ways(mc_buf_str(&text));
			mc_buf_clear(&text);
		}
	}
}

/* the charset of what has none is as mc_str_is_utf8 has it */
static void
test_utf8(void **state)
{
	static const char bytes[] = "\x01\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1"
	    "\xc2\xdf\xe0\xec\xed\xef\xf0\xf3\xf4\xf5\xff";
	const size_t base = sizeof(bytes) - 1;
	struct mc_header header;

	(void)state;
	mc_header_init(&header);
	for (size_t n = 0; n < base * base * base * base; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_mime_tree tree = { .has_type = false };
		struct mc_spool body;
		char text[6];

		for (size_t k = 0, r = n; k < 4; k++, r /= base)
			text[k] = bytes[r % base];
		memcpy(text + 4, "\r\n", 2);
		mc_spool_init(&body, 100, NULL);
		assert_int_equal(mc_spool_add(&body, text, 6, NULL), 0);
		assert_int_equal(mc_mime_scan(&header, &body, ALL, &tree,
		    &err), 0);
		assert_int_equal(tree.is_utf8, mc_str_is_utf8(mc_str_make(text,
		    6)));
		mc_mime_tree_clear(&tree);
		mc_spool_clear(&body);
	}
	mc_header_clear(&header);
}

/* --------------------------------------------------------- every short body */

/* all sequences of these pieces, as body and in parts */
static void
test_all_sequences(void **state)
{
	static const char *const pieces[] = { "\r\n", "--b", "--", E, " ",
		"=", "A:b", "." };
	static const char *const headers[] = {
		"Content-Type: multipart/digest; boundary=b\r\n\r\n",
		"Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n"
		    "Content-Type: multipart/x; boundary=c\r\n\r\n--c\r\n",
		"Content-Type: multipart/x; boundary=c\r\n\r\n--c\r\n"
		    "Content-Type: multipart/x; boundary=b\r\n",
		"Content-Type: text/x\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	};
	const size_t base = MC_NELEM(pieces);

	(void)state;
	for (size_t h = 0; h < MC_NELEM(headers); h++) {
		for (size_t n = 0; n < base * base * base * base * base; n++) {
			struct mc_err err = { .code = MC_OK };
			struct mc_spool body;
			struct mc_buf text;
			struct message m;

			mc_buf_init(&text, 10000);
			mc_buf_addz(&text, headers[h]);
			for (size_t k = n; k != 0; k /= base)
				mc_buf_addz(&text, pieces[k % base]);
			mc_buf_addz(&text, "\r\n");
			make(&m, mc_buf_str(&text), 10000);
			(void)convert(&m, MC_MIME_8BIT, 10000, &body, &err);
			mc_spool_clear(&body);
			unmake(&m);
			mc_buf_clear(&text);
		}
	}
}

/* ------------------------------------------------------------------ hostile */

/* convert a long text and say how it went; err->text is left */
static int
convert_long(const struct mc_buf *text, unsigned want, struct mc_err *err)
{
	struct mc_spool body;
	struct message m;

	assert_int_equal(text->err, 0);
	make(&m, mc_buf_str(text), MC_SPOOL_MEMORY);
	*err = (struct mc_err){ .code = MC_OK };
	int rc = convert(&m, want, MC_SPOOL_MEMORY, &body, err);
	mc_spool_clear(&body);
	unmake(&m);
	return rc;
}

static void
test_many_parts(void **state)
{
	struct mc_err err;
	struct mc_buf text;

	(void)state;
	for (int extra = 0; extra < 3; extra++) {
		mc_buf_init(&text, SIZE_MAX / 2);
		expand(V MP "\n", &text);
		/* one too many brings the rest into one */
		for (int i = 0; i < (extra == 2 ? 100000 : 9999 + extra); i++)
			expand("--b\n\nx\n", &text);
		int rc = convert_long(&text, ALL, &err);
		assert_int_equal(rc, 0);
		expand("--b\n\ncaf" E "\n--b--\n", &text);
		rc = convert_long(&text, ALL, &err);
		if (extra == 0) {
			assert_int_equal(rc, 1);
		} else {
			assert_err(rc, err, MC_E_MSG_CONTENT);
			assert_string_equal(err.text, "part 10001 has 8-bit "
			    "bytes and cannot be encoded: it comes after "
			    "10000 parts, which is too many, or use a server "
			    "with 8BITMIME");
		}
		mc_buf_clear(&text);
	}
}

/* every part to be encoded, with something beside the parts of each */
static void
test_many_fillers(void **state)
{
	struct mc_err err;
	struct mc_buf text;

	(void)state;
	mc_buf_init(&text, SIZE_MAX / 2);
	expand(V MP "\n" E "\n", &text);
	for (int i = 0; i < 4999; i++)
		expand("--b\nContent-Type: multipart/x; boundary=c\n\n" E
		    "\n--c\n\ncaf" E "\n--c--\n" E "\n", &text);
	expand("--b--\n" E "\n", &text);
	assert_int_equal(convert_long(&text, ALL, &err), 1);
	mc_buf_clear(&text);
}

static void
test_deep(void **state)
{
	static const int depths[] = { 1, 63, 64, 65, 10000 };
	struct mc_err err;
	struct mc_buf text;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(depths); i++) {
		for (int kind = 0; kind < 2; kind++) {
			mc_buf_init(&text, SIZE_MAX / 2);
			for (int k = 0; k < depths[i] && kind == 0; k++)
				mc_buf_addf(&text, "%sContent-Type: "
				    "multipart/x; boundary=%da\r\n\r\n"
				    "--%da\r\n", k == 0 ?
				    "MIME-Version: 1.0\r\n" : "", k, k);
			for (int k = 0; k < depths[i] && kind == 1; k++)
				expand("Content-Type: message/rfc822\n\n",
				    &text);
			expand("\nx\n", &text);
			assert_int_equal(convert_long(&text, ALL, &err), 0);
			expand("caf" E "\n", &text);
			int rc = convert_long(&text, ALL, &err);
			if (depths[i] <= MC_MAX_MIME_DEPTH) {
				assert_int_equal(rc, 1);
			} else {
				assert_err(rc, err, MC_E_MSG_CONTENT);
				assert_non_null(strstr(err.text,
				    "it lies too deep"));
			}
			mc_buf_clear(&text);
		}
	}
}

static void
test_boundary_length(void **state)
{
	static const size_t lengths[] = { 1, 70, 71, 500, 993, 994, 995, 5000 };
	struct mc_err err;
	struct mc_buf text;
	struct mc_buf boundary;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(lengths); i++) {
		mc_buf_init(&text, SIZE_MAX / 2);
		mc_buf_init(&boundary, SIZE_MAX / 2);
		for (size_t k = 0; k < lengths[i]; k++)
			mc_buf_addc(&boundary, 'b');
		expand(V "Content-Type: multipart/mixed;\n boundary=", &text);
		mc_buf_add_str(&text, mc_buf_str(&boundary));
		mc_buf_addf(&text, "\r\n\r\n--%s\r\n\r\ncaf" E "\r\n--%s--\r\n",
		    boundary.ptr, boundary.ptr);
		int rc = convert_long(&text, MC_MIME_8BIT, &err);
		if (lengths[i] <= 994) {
			assert_int_equal(rc, 1);
		} else {
			assert_err(rc, err, MC_E_MSG_CONTENT);
			assert_non_null(strstr(err.text, "usable boundary"));
		}
		mc_buf_clear(&text);
		mc_buf_clear(&boundary);
	}
}

/* a header without end: not kept, and not changed */
static void
test_long_header(void **state)
{
	struct mc_err err;
	struct mc_buf text;

	(void)state;
	for (int kind = 0; kind < 5; kind++) {
		mc_buf_init(&text, SIZE_MAX / 2);
		expand(V MP "\n--b\nA: " X600 " " X600 "\n", &text);
		if (kind == 4)
			expand("--b", &text);
		if (kind == 0)
			for (int i = 0; i < 1000; i++)
				expand("A: b\n", &text);
		else if (kind == 1)
			for (int i = 0; i < 20000; i++)
				expand("A: b c d e f g\n", &text);
		else if (kind == 2 || kind == 4)
			for (int i = 0; i < 1000; i++)
				expand(X600 ":", &text);
		else
			for (int i = 0; i < 999; i++)
				expand("A: b\n", &text);
		expand("\n\nx\n", &text);
		assert_int_equal(convert_long(&text, MC_MIME_8BIT, &err), 0);
		/* the one line could be folded */
		assert_int_equal(convert_long(&text, MC_MIME_LINES, &err),
		    kind == 3 ? 1 : -1);
		expand("caf" E "\n--b\n\ncaf" E "\n--b--\n", &text);
		int rc = convert_long(&text, MC_MIME_8BIT, &err);
		if (kind == 3) {
			assert_int_equal(rc, 1);
		} else {
			assert_err(rc, err, MC_E_MSG_CONTENT);
			assert_non_null(strstr(err.text, kind == 4 ?
			    "part 1 has 8-bit bytes and cannot be encoded: "
			    "the message is a multipart with lines" :
			    "part 1 has 8-bit bytes and cannot be encoded: it "
			    "has too long a header"));
		}
		mc_buf_clear(&text);
	}
}

/* a delimiter at any place of what is encoded, and of any length in front */
static void
test_delimiters_inside(void **state)
{
	static const char *const rows[] = {
		"--b", "--b--", "From ", ".", "..", "=", " ", "\t", "-",
		E "--b", "=\r\n--b", "--b\r\nx",
	};
	static const char *const heads[] = { T8, QP };
	struct mc_err err;
	struct mc_buf text;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows) * 2; i++) {
		for (size_t n = 1; n < 160; n++) {
			mc_buf_init(&text, SIZE_MAX / 2);
			expand(V MP "\n--b\n", &text);
			expand(heads[i % 2], &text);
			expand("\n" E, &text);
			for (size_t k = 0; k < n; k++)
				mc_buf_addc(&text, 'x');
			mc_buf_addz(&text, rows[i / 2]);
			/* where the line ends is another matter */
			mc_buf_addz(&text, n % 2 == 0 ? "" : rows[i / 2]);
			expand("\n--b--\n", &text);
			(void)convert_long(&text, MC_MIME_8BIT, &err);
			mc_buf_clear(&text);
		}
	}
}

/* blanks that may be kept, and too many of them */
static void
test_blanks(void **state)
{
	struct mc_err err;
	struct mc_buf text;

	(void)state;
	for (size_t n = 990; n < 1010; n++) {
		for (int end = 0; end < 2; end++) {
			mc_buf_init(&text, SIZE_MAX / 2);
			expand(V QP "\nx", &text);
			for (size_t i = 0; i < n; i++)
				mc_buf_addc(&text, i % 3 == 0 ? ' ' : '\t');
			expand(end == 0 ? "\n" : "y\n", &text);
			int rc = convert_long(&text, MC_MIME_LINES, &err);
			if (n + 1 + (size_t)end <= MC_MAX_LINE) {
				assert_int_equal(rc, 0);
			} else if (n <= 998) {
				assert_int_equal(rc, 1);
			} else {
				assert_err(rc, err, MC_E_MSG_CONTENT);
				assert_string_equal(err.text, "the message: "
				    "more than 998 blanks in a row in "
				    "quoted-printable, which cannot be "
				    "wrapped");
			}
			mc_buf_clear(&text);
		}
	}
}

/* the sizes at which blocks and lines of coders meet */
static void
test_sizes(void **state)
{
	static const char *const heads[] = { V T8, V "Content-Type: a/b\n",
		V B64, V QP, V MP "\n--b\n\nx\n--b--\n", };
	static const size_t sizes[] = { 997, 998, 999, 32 * 1024,
		64 * 1024, 256 * 1024 };
	struct mc_err err;
	struct mc_buf text;

	(void)state;
	for (size_t h = 0; h < MC_NELEM(heads); h++) {
		for (size_t i = 0; i < MC_NELEM(sizes); i++) {
			for (int off = -3; off < 3; off++) {
				mc_buf_init(&text, SIZE_MAX / 2);
				expand(heads[h], &text);
				expand(h == 4 ? "" : "\n", &text);
				for (int k = 0; k < (int)sizes[i] + off; k++)
					mc_buf_addc(&text, (char)(h < 2 &&
					    k % 7 == 0 ? 0x80 + k % 128 :
					    'a' + k % 26));
				expand("\n", &text);
				int rc = convert_long(&text, ALL, &err);
				assert_int_equal(rc, h < 2 ||
				    (int)sizes[i] + off > MC_MAX_LINE);
				mc_buf_clear(&text);
			}
		}
	}
}

/* seconds of this process that one conversion takes */
static double
seconds(const struct mc_buf *text, unsigned want)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_header header;
	struct mc_spool body, out;

	assert_int_equal(text->err, 0);
	mc_header_init(&header);
	mc_spool_init(&body, 1 << 24, NULL);
	mc_spool_init(&out, 1 << 25, NULL);
	assert_int_equal(mc_header_insert(&header, 0, MC_STR("Content-Type"),
	    MC_STR("multipart/x; boundary=b"), NULL), 0);
	assert_int_equal(mc_spool_add(&body, text->ptr, text->len, NULL), 0);
	clock_t begin = clock();
	(void)!mc_mime_convert(&header, &body, want, &out, &err);
	double took = (double)(clock() - begin) / CLOCKS_PER_SEC;
	mc_header_clear(&header);
	mc_spool_clear(&body);
	mc_spool_clear(&out);
	return took;
}

/* nothing is quadratic in what comes from outside */
static void
test_time(void **state)
{
	static const char *const lines[] = {
		"--0\n", "--9\n", "-\n", "--\n", "(\n", "A: b\n", "\r", "=\n",
		"= ", E, "Content-Type: multipart/x; boundary=b\n", ";((\n ",
		"; boundary*9=\"(\" (", "; boundary=(\\", "--b\nA: b\n",
		("--b\nContent-Type: message/rfc822\n\n"),
		("--b\nContent-Type: multipart/x; boundary=c\n\n" E "--c\n"),
	};
	double slowest = 0;

	(void)state;
	for (size_t i = 0; i < 2 * MC_NELEM(lines); i++) {
		struct mc_buf text;

		mc_buf_init(&text, SIZE_MAX / 2);
		expand("--b\n", &text);
		/* as deep as it goes, or one field */
		for (int k = 0; k < 62 && i % 2 == 0; k++)
			mc_buf_addf(&text, "Content-Type: multipart/x; "
			    "boundary=%d\r\n\r\n--%d\r\n", k, k);
		expand(i % 2 == 0 ? QP "\n" : "Content-Type: multipart/x",
		    &text);
		while (text.len < 1 << 20)
			expand(lines[i / 2], &text);
		expand("\n", &text);
		double took = seconds(&text, MC_MIME_8BIT | MC_MIME_LINES);
		slowest = took > slowest ? took : slowest;
		mc_buf_clear(&text);
	}
	/* of 1 MB; some 0.05 s, but a sanitizer and valgrind are slow too */
	print_message("slowest: %.3f s\n", slowest);
	assert_true(slowest < 10);
}

/* ------------------------------------------------------------------- faults */

static void
test_no_memory(void **state)
{
	static const char in[] = M8 "\n" E "\n--b\n" T8 "X: " X600 " " X600
	    "\n\ncaf" E "\n--b\nContent-Type: message/rfc822\n\n"
	    "From me\nSubject: s\nContent-Type: multipart/x; boundary*0=c\n\n"
	    "--c\nContent-Type: a/b\n\n\001" E E "\n--c--\n--b\n" QP "\n=\n" E
	    "\n--b\n" B64 "\n" X600 X600 "\n--b--\n";
	static const char plain[] = "A: b\n\ncaf" E "\n";
	const char *texts[] = { in, plain };
	unsigned long n = 1;

	(void)state;
	for (size_t i = 0; i < 4; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_spool body;
		struct mc_buf text;
		struct message m;

		mc_buf_init(&text, SIZE_MAX / 2);
		expand(texts[i / 2], &text);
		make(&m, mc_buf_str(&text), 1000);
		mc_spool_init(&body, 1000, NULL);
		(void)failmalloc(n, i % 2 != 0);
		int rc = mc_mime_convert(&m.header, &m.body, ALL, &body, &err);
		(void)failmalloc(0, false);
		const char *fault = side_fault(rc, ALL, &m.header, &m.body,
		    &body, mc_buf_str(&m.told));
		if (fault != NULL)
			fail_msg("%lu: %s", n, fault);
		if (rc == -1) {
			struct mc_buf fields;

			assert_err(rc, err, MC_E_NOMEM);
			mc_buf_init(&fields, SIZE_MAX / 2);
			mc_header_write(&m.header, &fields);
			assert_true(mc_str_eq(mc_buf_str(&fields),
			    mc_buf_str(&m.fields)));
			mc_buf_clear(&fields);
		} else {
			assert_int_equal(rc, 1);
			assert_true(n > 8);
			i++;
			n = 0;
		}
		mc_spool_clear(&body);
		unmake(&m);
		mc_buf_clear(&text);
	}
}

/* a body that is shorter than it says, and no file to write to */
static void
test_files(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_spool body, out;
	struct mc_header header;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	assert_true(fputs("caf" E "\r\n", f) >= 0);
	assert_int_equal(fflush(f), 0);
	mc_header_init(&header);
	mc_spool_init(&out, 0, NULL);
	mc_spool_init_fd(&body, fileno(f), 0, 8);
	assert_err(mc_mime_convert(&header, &body, ALL, &out, &err), err,
	    MC_E_IO);
	assert_int_equal(header.fields.n, 0);
	assert_int_equal(out.size, 0);
	err = (struct mc_err){ .code = MC_OK };
	mc_spool_init_fd(&body, fileno(f), 0, 7);
	assert_int_equal(mc_mime_convert(&header, &body, ALL, &out, &err), 1);
	assert_int_equal(header.fields.n, 3);
	mc_spool_clear(&out);
	mc_spool_clear(&body);
	mc_header_clear(&header);
	(void)fclose(f);
}

/* no room for another field: nothing is changed */
static void
test_full_header(void **state)
{
	(void)state;
	for (size_t room = 0; room < 4; room++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_spool body, out;
		struct mc_header header;

		mc_header_init(&header);
		mc_spool_init(&body, 100, NULL);
		mc_spool_init(&out, 100, NULL);
		while (header.fields.n < header.fields.max - room)
			assert_int_equal(mc_header_insert(&header, 0,
			    MC_STR("A"), MC_STR("b"), NULL), 0);
		size_t before = header.size;
		assert_int_equal(mc_spool_add(&body, "caf" E "\r\n", 7, NULL),
		    0);
		int rc = mc_mime_convert(&header, &body, ALL, &out, &err);
		if (room == 3) {
			assert_int_equal(rc, 1);
			assert_int_equal(header.fields.n, header.fields.max);
		} else {
			assert_err(rc, err, MC_E_HDR_LONG);
			assert_int_equal(header.size, before);
			assert_int_equal(out.size, 0);
		}
		mc_spool_clear(&out);
		mc_spool_clear(&body);
		mc_header_clear(&header);
	}
}

static void
test_binary(void **state)
{
	static const struct {
		const char *text;
		bool binary;
	} rows[] = {
#define A "Content-Type: application/x\n"
#define BIN "Content-Transfer-Encoding: binary\n"
		{ A BIN "\n\001\n", true },
		{ A "Content-Transfer-Encoding: BINARY (x)\n\n\001\n", true },
		{ A BIN "\n" X600 X600 "\n", true },
		{ A BIN "\nx\n", true },
		{ BIN "\n\001\n", false },
		{ A "\n\001\n", false },
		{ A B64 "\n\001\n", false },
		{ A BIN B64 "\n\001\n", false },
		{ MP BIN "\n--b\n" A BIN "\n\001\n--b--\n", true },
		{ MP BIN "\n--b\n" A BIN "\n\001\n--b\n\nx\n--b--\n", true },
		{ MP BIN "\n--b\n" A BIN "\n\001\n--b\n\n\001\n--b--\n",
		    false },
		{ MP BIN "\n--b\n" A "\n\001\n--b--\n", false },
		{ M8 "\n--b\n" A BIN "\n\001\n--b--\n", false },
		{ MP "\n--b\n" A BIN "\n\001\n--b--\n", false },
		{ MP BIN "\n\001\n--b\n" A BIN "\n\001\n--b--\n", false },
		{ MP BIN "\n--b\n" A BIN "\n\001\n--b--\n\001\n", false },
		{ MP BIN "\n--b\n" A BIN "X: " X600 X600 "\n\n\001\n--b--\n",
		    false },
		{ "Content-Type: message/rfc822\n" BIN "\n" A BIN "\n\001\n",
		    true },
		{ "Content-Type: message/rfc822\n\n" A BIN "\n\001\n", false },
#undef A
#undef BIN
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf text;
		struct message m;
		bool binary = !rows[i].binary;

		mc_buf_init(&text, SIZE_MAX / 2);
		expand(rows[i].text, &text);
		make(&m, mc_buf_str(&text), 100000);
		assert_int_equal(mc_mime_is_binary(&m.header, &m.body,
		    MC_MIME_LINES | MC_MIME_NUL, &binary, NULL), 0);
		if (binary != rows[i].binary)
			fail_msg("row %zu", i);
		unmake(&m);
		mc_buf_clear(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_part),
		cmocka_unit_test(test_multipart),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bare_ends),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_all_sequences),
		cmocka_unit_test(test_many_parts),
		cmocka_unit_test(test_many_fillers),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_boundary_length),
		cmocka_unit_test(test_long_header),
		cmocka_unit_test(test_delimiters_inside),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_full_header),
		cmocka_unit_test(test_binary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
