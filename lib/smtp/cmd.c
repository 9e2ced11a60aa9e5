/* SPDX-License-Identifier: MIT */
/* Commands: check every argument by its grammar and make one line of it. */
#include "base/base.h"

#include "smtp/cmd.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/limits.h"
#include "mail/when.h"

#define LINE_MAX_LEN (MC_MAX_COMMAND - 2)	/* without CRLF */
#define LABEL_MAX 63		/* RFC 1035 2.3.4 */
#define MECH_MAX 20		/* RFC 4422 3.1 */
#define ENVID_MAX 100		/* RFC 3461 4.4, counted before encoding */
#define ORCPT_MAX 500		/* RFC 3461 4.2, with type and encoding */
#define BY_MAX 999999999		/* RFC 2852 4, either way */
#define QUOTE_MAX 80		/* of a bad argument, in an error text */

/* ------------------------------------------------------------------- lines */

/* both buffers or neither: room first, then bytes */
static int
put_line(struct mc_cmd_out out, struct mc_str line, struct mc_str show,
    struct mc_err *err)
{
	/* the builders cannot get here with one; if that ever breaks, the
	 * server must not be given a second command */
	if (mc_str_has_ctl(line))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "a command with a control byte was about to be sent");
	if (out.show != NULL && mc_buf_reserve(out.show, show.len) == NULL)
		return mc_buf_err(out.show, "command", err);

	char *p = mc_buf_reserve(out.wire, line.len + 2);

	if (p == NULL)
		return mc_buf_err(out.wire, "command", err);
	if (line.len > 0)
		memcpy(p, line.ptr, line.len);
	memcpy(p + line.len, "\r\n", 2);
	mc_buf_commit(out.wire, line.len + 2);
	if (out.show != NULL)
		mc_buf_add_str(out.show, show);
	return 0;
}

/* send what was gathered in `line`, and clear it; `hidden` is what people see
 * instead, NULL: the line */
static int
finish(struct mc_cmd_out out, struct mc_buf *line, const char *hidden,
    struct mc_err *err)
{
	struct mc_buf show;
	int rc = -1;

	mc_buf_init(&show, LINE_MAX_LEN);
	if (mc_buf_err(line, "command", err) != 0)
		goto out;
	if (hidden != NULL)
		mc_buf_addz(&show, hidden);
	else
		mc_buf_add_printable(&show, mc_buf_str(line), LINE_MAX_LEN);
	if (mc_buf_err(&show, "command", err) != 0)
		goto out;
	rc = put_line(out, mc_buf_str(line), mc_buf_str(&show), err);
out:
	mc_buf_clear(&show);
	mc_buf_clear(line);
	return rc;
}

/* refuse an argument: `what` "value": `why` */
static int
refuse(struct mc_err *err, enum mc_code code, enum mc_stage stage,
    const char *what, struct mc_str value, const char *why)
{
	char quote[QUOTE_MAX + 1];

	(void)mc_str_printable(value, quote, sizeof(quote));
	return mc_err_set(err, code, stage, "%s \"%s\": %s", what, quote, why);
}

/* ------------------------------------------------------------------- names */

static bool
is_label(struct mc_str s, bool utf8)
{
	/* a U-label counts in its A-label form, which is made elsewhere */
	if (s.len == 0 || (s.len > LABEL_MAX && mc_str_is_ascii(s)))
		return false;
	if (s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (!mc_is_alnum(c) && c != '-' && !(utf8 && c >= 0x80))
			return false;
	}
	return true;
}

static bool
is_host(struct mc_str s, bool utf8)
{
	for (;;) {
		size_t dot = mc_str_chr(s, '.');

		if (!is_label(mc_str_sub(s, 0, dot), utf8))
			return false;
		if (dot == s.len)
			return true;
		s = mc_str_sub(s, dot + 1, s.len);
	}
}

static bool
is_ip(int family, struct mc_str s)
{
	unsigned char addr[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	if (s.len >= sizeof(text) || memchr(s.ptr, '\0', s.len) != NULL)
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	return inet_pton(family, text, addr) == 1;
}

/* RFC 5321 4.1.3, without General-address-literal: no other kind is in use */
static bool
is_literal(struct mc_str s)
{
	const struct mc_str tag = MC_STR("IPv6:");

	if (s.len < 3 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
		return false;
	s = mc_str_sub(s, 1, s.len - 2);
	if (mc_str_starts_nocase(s, tag))
		return s.len > tag.len &&
		    is_ip(AF_INET6, mc_str_sub(s, tag.len, s.len));
	return is_ip(AF_INET, s);
}

bool
mc_cmd_is_ehlo_name(struct mc_str name)
{
	if (name.len == 0 || name.len > MC_MAX_DOMAIN)
		return false;
	if (name.ptr[0] == '[')
		return is_literal(name);
	/* four numbers without brackets are an address that lacks them */
	return is_host(name, false) && !is_ip(AF_INET, name);
}

/* ---------------------------------------------------------------- mailboxes */

static bool
is_atext(unsigned char c)
{
	return mc_is_alnum(c) || c >= 0x80 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* length of the local part in front (RFC 5321 4.1.2), 0 if there is none */
static size_t
local_len(struct mc_str s)
{
	size_t i = 0;

	if (s.len > 0 && s.ptr[0] == '"') {
		for (i = 1; i < s.len && s.ptr[i] != '"'; i++)
			if (s.ptr[i] == '\\' &&
			    (++i == s.len || (s.ptr[i] & 0x80) != 0))
				return 0;
		return i < s.len ? i + 1 : 0;
	}
	while (i < s.len && is_atext((unsigned char)s.ptr[i])) {
		i++;
		/* a dot counts only between two atoms */
		if (i + 1 < s.len && s.ptr[i] == '.' &&
		    is_atext((unsigned char)s.ptr[i + 1]))
			i++;
	}
	return i;
}

/*
 * Why this may not stand between < and >, and the code for it; NULL if it may.
 * Nothing here trusts that mail/mailbox.h made the address.
 */
static const char *
mailbox_fault(struct mc_str addr, bool utf8, bool bare_ok,
    enum mc_code *ret_code)
{
	*ret_code = MC_E_ADDR_SYNTAX;
	if (mc_str_has_ctl(addr))
		return "control bytes and line ends cannot be in an address";
	if (!mc_str_is_utf8(addr))
		return "not an address in ASCII or UTF-8";

	size_t at = local_len(addr);
	struct mc_str domain = mc_str_sub(addr, at + 1, addr.len);
	bool bare = bare_ok && at == addr.len;

	if (at == 0 || (!bare && (at >= addr.len || addr.ptr[at] != '@')))
		return "not an address of the form local@domain";
	if (!bare && !is_literal(domain) && !is_host(domain, true))
		return "the part behind the @ is no domain";
	if (at > MC_MAX_LOCAL || addr.len > MC_MAX_PATH) {
		*ret_code = MC_E_ADDR_LONG;
		return "longer than an address may be (64 bytes in front of "
		    "the @, 254 together)";
	}
	if (!utf8 && !mc_str_is_ascii(addr)) {
		*ret_code = MC_E_NEED_SMTPUTF8;
		return "the server takes no address outside ASCII (SMTPUTF8)";
	}
	return NULL;
}

static int
check_mailbox(struct mc_str addr, bool utf8, bool bare_ok,
    enum mc_stage stage, struct mc_err *err)
{
	enum mc_code code;
	const char *why = mailbox_fault(addr, utf8, bare_ok, &code);

	if (why == NULL)
		return 0;
	return refuse(err, code, stage, stage == MC_STAGE_MAIL ? "sender" :
	    "recipient", addr, why);
}

/* -------------------------------------------------- EHLO and the plain ones */

static int
hello(struct mc_cmd_out out, const char *verb, struct mc_str name,
    struct mc_err *err)
{
	struct mc_buf line;

	if (!mc_cmd_is_ehlo_name(name))
		return refuse(err, MC_E_BAD_VALUE, MC_STAGE_EHLO, "our name",
		    name, "neither a host name nor an address in brackets");
	mc_buf_init(&line, LINE_MAX_LEN);
	mc_buf_addz(&line, verb);
	mc_buf_addc(&line, ' ');
	mc_buf_add_str(&line, name);
	return finish(out, &line, NULL, err);
}

int
mc_cmd_ehlo(struct mc_cmd_out out, struct mc_str name, struct mc_err *err)
{
	return hello(out, "EHLO", name, err);
}

int
mc_cmd_lhlo(struct mc_cmd_out out, struct mc_str name, struct mc_err *err)
{
	return hello(out, "LHLO", name, err);
}

int
mc_cmd_helo(struct mc_cmd_out out, struct mc_str name, struct mc_err *err)
{
	return hello(out, "HELO", name, err);
}

int
mc_cmd_bdat(struct mc_cmd_out out, uint64_t size, struct mc_err *err)
{
	struct mc_buf line;

	mc_buf_init(&line, LINE_MAX_LEN);
	mc_buf_addf(&line, "BDAT %" PRIu64 " LAST", size);
	return finish(out, &line, NULL, err);
}

int
mc_cmd_plain(struct mc_cmd_out out, const char *verb, struct mc_err *err)
{
	static const char *const verbs[] = {
		"STARTTLS", "DATA", "RSET", "QUIT", "NOOP"
	};
	struct mc_str given = mc_str_from(verb);

	for (size_t i = 0; i < MC_NELEM(verbs); i++) {
		struct mc_buf line;

		if (!mc_str_eq(given, mc_str_from(verbs[i])))
			continue;
		mc_buf_init(&line, LINE_MAX_LEN);
		mc_buf_add_str(&line, given);
		return finish(out, &line, NULL, err);
	}
	return refuse(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL, "command", given,
	    "not one that is sent without arguments");
}

/* -------------------------------------------------------------------- AUTH */

static bool
is_mech(struct mc_str s)
{
	if (s.len == 0 || s.len > MECH_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'A' && c <= 'Z') && !mc_is_digit(c) && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

/* the form only: what is in it is the mechanism's business */
static bool
is_base64(struct mc_str s)
{
	size_t n = s.len;

	if (n % 4 != 0)
		return false;
	for (size_t pad = 0; pad < 2 && n > 0 && s.ptr[n - 1] == '='; pad++)
		n--;
	for (size_t i = 0; i < n; i++)
		if (!mc_is_alnum(s.ptr[i]) && s.ptr[i] != '+' &&
		    s.ptr[i] != '/')
			return false;
	return true;
}

int
mc_cmd_auth(struct mc_cmd_out out, struct mc_str mech, const struct mc_str *ir,
    struct mc_err *err)
{
	struct mc_buf line;
	char hidden[MECH_MAX + sizeof("AUTH  <hidden>")];

	if (!is_mech(mech))
		return refuse(err, MC_E_BAD_VALUE, MC_STAGE_AUTH, "mechanism",
		    mech, "not a name of a log-in mechanism");
	/* never quoted: it may be the password */
	if (ir != NULL && !mc_str_eq(*ir, MC_STR("=")) &&
	    (ir->len == 0 || !is_base64(*ir)))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_AUTH,
		    "the first response of the log-in is not base64");

	/* RFC 4954 section 4: a first response that does not fit a command of
	 * ordinary length is sent after a 334 */
	mc_buf_init_secret(&line,
	    ir == NULL ? LINE_MAX_LEN : MC_MAX_COMMAND_IR - 2);
	mc_buf_addz(&line, "AUTH ");
	mc_buf_add_str(&line, mech);
	if (ir == NULL)
		return finish(out, &line, NULL, err);
	snprintf(hidden, sizeof(hidden), "%s <hidden>", line.ptr);
	mc_buf_addc(&line, ' ');
	mc_buf_add_str(&line, *ir);
	return finish(out, &line, hidden, err);
}

int
mc_cmd_auth_line(struct mc_cmd_out out, struct mc_str b64, struct mc_err *err)
{
	struct mc_buf line;
	bool cancel = mc_str_eq(b64, MC_STR("*"));

	if (!cancel && !is_base64(b64))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_AUTH,
		    "a response of the log-in is not base64");
	mc_buf_init_secret(&line, LINE_MAX_LEN);
	mc_buf_add_str(&line, b64);
	return finish(out, &line, cancel ? NULL : "<hidden>", err);
}

/* ----------------------------------------------------------- MAIL and RCPT */

void
mc_cmd_xtext(struct mc_str text, struct mc_buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < '!' || c > '~' || c == '+' || c == '=')
			mc_buf_addf(out, "+%02X", c);
		else
			mc_buf_addc(out, (char)c);
	}
}

/* the code point at the front of valid UTF-8, and its length */
static uint32_t
code_point(struct mc_str s, size_t *ret_len)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t cp = n == 1 ? c : c & (0x7fu >> n);

	for (size_t i = 1; i < n && i < s.len; i++)
		cp = cp << 6 | ((unsigned char)s.ptr[i] & 0x3fu);
	*ret_len = n;
	return cp;
}

/* RFC 6533 section 3: UTF-8 as it is or, where the server takes none, by its
 * numbers; the rest like xtext in another dress */
static void
add_unitext(struct mc_str text, bool utf8, struct mc_buf *out)
{
	size_t n;

	for (size_t i = 0; i < text.len; i += n) {
		struct mc_str rest = mc_str_sub(text, i, text.len);
		uint32_t c = code_point(rest, &n);

		if (c < '!' || c == '\\' || c == '+' || c == '=' ||
		    (c >= 0x80 && !utf8))
			mc_buf_addf(out, "\\x{%02" PRIX32 "}", c);
		else
			mc_buf_add_str(out, mc_str_sub(rest, 0, n));
	}
}

static int
check_mail(const struct mc_cmd_mail *mail, struct mc_err *err)
{
	if (mail->has_priority && (mail->priority < -9 || mail->priority > 9))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_MAIL,
		    "a priority is a number from -9 to 9");
	if (mail->by == MC_BY_RETURN && mail->by_seconds <= 0)
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_MAIL,
		    "the time for delivery is over");
	if (mail->sender.len != 0 && check_mailbox(mail->sender,
	    mail->smtputf8, mail->bare_ok, MC_STAGE_MAIL, err) != 0)
		return -1;
	/* a report about the mail quotes it, so RFC 3461 4.4 wants it
	 * printable before it is encoded */
	if (mail->envid.len > ENVID_MAX || mc_str_has_ctl(mail->envid) ||
	    !mc_str_is_ascii(mail->envid))
		return refuse(err, MC_E_BAD_VALUE, MC_STAGE_MAIL,
		    "envelope identifier", mail->envid,
		    "must be at most 100 printable ASCII characters");
	return 0;
}

static int
add_ret(enum mc_ret ret, struct mc_buf *line)
{
	switch (ret) {
	case MC_RET_NONE:
		return 0;
	case MC_RET_FULL:
		mc_buf_addz(line, " RET=FULL");
		return 0;
	case MC_RET_HDRS:
		mc_buf_addz(line, " RET=HDRS");
		return 0;
	}
	return -1;
}

static void
add_by(const struct mc_cmd_mail *mail, struct mc_buf *line)
{
	int64_t seconds = mail->by_seconds;

	if (mail->by == MC_BY_NONE)
		return;
	if (seconds > BY_MAX)
		seconds = BY_MAX;
	if (seconds < -BY_MAX)
		seconds = -BY_MAX;
	mc_buf_addf(line, " BY=%" PRId64 ";%s%s", seconds,
	    mail->by == MC_BY_RETURN ? "R" : "N", mail->by_trace ? "T" : "");
}

int
mc_cmd_mail(struct mc_cmd_out out, const struct mc_cmd_mail *mail,
    struct mc_err *err)
{
	struct mc_buf line;

	if (check_mail(mail, err) != 0)
		return -1;
	mc_buf_init(&line, LINE_MAX_LEN);
	mc_buf_addz(&line, "MAIL FROM:<");
	mc_buf_add_str(&line, mail->sender);
	mc_buf_addc(&line, '>');
	if (mail->has_size)
		mc_buf_addf(&line, " SIZE=%" PRIu64, mail->size);
	if (mail->body_binary)
		mc_buf_addz(&line, " BODY=BINARYMIME");
	else if (mail->body_8bit)
		mc_buf_addz(&line, " BODY=8BITMIME");
	if (mail->smtputf8)
		mc_buf_addz(&line, " SMTPUTF8");
	if (mail->require_tls)
		mc_buf_addz(&line, " REQUIRETLS");
	if (mail->has_priority)
		mc_buf_addf(&line, " MT-PRIORITY=%d", mail->priority);
	add_by(mail, &line);
	/* not HOLDFOR: on a slow connection that would be a later time */
	if (mail->hold_until != 0) {
		mc_buf_addz(&line, " HOLDUNTIL=");
		mc_when_add_utc(mail->hold_until, &line);
	}
	if (add_ret(mail->ret, &line) != 0) {
		mc_buf_clear(&line);
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_MAIL,
		    "RET is neither full nor hdrs");
	}
	if (mail->envid.len != 0) {
		mc_buf_addz(&line, " ENVID=");
		mc_cmd_xtext(mail->envid, &line);
	}
	return finish(out, &line, NULL, err);
}

static int
add_notify(unsigned notify, struct mc_buf *line, struct mc_err *err)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ MC_NOTIFY_SUCCESS, "SUCCESS" },
		{ MC_NOTIFY_FAILURE, "FAILURE" },
		{ MC_NOTIFY_DELAY, "DELAY" },
		{ MC_NOTIFY_NEVER, "NEVER" },
	};
	const unsigned all = MC_NOTIFY_SUCCESS | MC_NOTIFY_FAILURE |
	    MC_NOTIFY_DELAY | MC_NOTIFY_NEVER;
	const char *sep = " NOTIFY=";

	if ((notify & ~all) != 0 || ((notify & MC_NOTIFY_NEVER) != 0 &&
	    notify != MC_NOTIFY_NEVER))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_RCPT,
		    "NOTIFY is not success, failure and delay in any "
		    "combination, or never alone");
	for (size_t i = 0; i < MC_NELEM(words); i++) {
		if ((notify & words[i].bit) == 0)
			continue;
		mc_buf_addz(line, sep);
		mc_buf_addz(line, words[i].word);
		sep = ",";
	}
	return 0;
}

static int
add_orcpt(const struct mc_cmd_rcpt *rcpt, struct mc_buf *line,
    struct mc_err *err)
{
	struct mc_buf value;

	if (mc_str_has_ctl(rcpt->orcpt) || !mc_str_is_utf8(rcpt->orcpt))
		return refuse(err, MC_E_BAD_VALUE, MC_STAGE_RCPT,
		    "original recipient", rcpt->orcpt, "not printable text");
	if (rcpt->orcpt.len == 0)
		return 0;
	mc_buf_init(&value, ORCPT_MAX);
	if (mc_str_is_ascii(rcpt->orcpt)) {
		mc_buf_addz(&value, "rfc822;");
		mc_cmd_xtext(rcpt->orcpt, &value);
	} else {
		mc_buf_addz(&value, "utf-8;");
		add_unitext(rcpt->orcpt, rcpt->utf8, &value);
	}
	if (value.err != MC_E_TOO_LONG &&
	    mc_buf_err(&value, "original recipient", err) != 0) {
		mc_buf_clear(&value);
		return -1;
	}
	if (value.err == MC_OK) {
		mc_buf_addz(line, " ORCPT=");
		mc_buf_add_str(line, mc_buf_str(&value));
	}
	mc_buf_clear(&value);
	return 0;
}

int
mc_cmd_rcpt(struct mc_cmd_out out, const struct mc_cmd_rcpt *rcpt,
    struct mc_err *err)
{
	struct mc_buf line;

	if (check_mailbox(rcpt->addr, rcpt->utf8, rcpt->bare_ok,
	    MC_STAGE_RCPT, err) != 0)
		return -1;
	mc_buf_init(&line, LINE_MAX_LEN);
	mc_buf_addz(&line, "RCPT TO:<");
	mc_buf_add_str(&line, rcpt->addr);
	mc_buf_addc(&line, '>');
	if (rcpt->dsn && (add_notify(rcpt->notify, &line, err) != 0 ||
	    add_orcpt(rcpt, &line, err) != 0)) {
		mc_buf_clear(&line);
		return -1;
	}
	return finish(out, &line, NULL, err);
}
