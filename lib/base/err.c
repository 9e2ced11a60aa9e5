/* SPDX-License-Identifier: MIT */
/*
 * err.c - the table of failures, and filling in struct mc_err
 */
#include "base/base.h"
#include "base/err.h"

#include <sysexits.h>

/* here they are functions for an analyzer too */
#undef mc_err_set
#undef mc_err_sys

enum err_class {
	CLASS_USAGE,
	CLASS_DATA,
	CLASS_CONFIG,
	CLASS_LOCAL,
	CLASS_TEMP,
	CLASS_ACCOUNT,
	CLASS_PROTO,
	CLASS_REPLY,
	CLASS_INTERNAL
};

/* texts and no pointers to them: what has to be relocated costs each start a
 * page of memory and the time to make it */
struct row {
	char name[24];
	char text[72];
	enum err_class class;
	int exit;
	int enh[3];
};

enum row_number {
#define MC_ERR(id, class, status, x, y, z, text) ROW_##id,
#include "base/errors.def"
#undef MC_ERR
	ROWS
};

#define MC_ERR(id, class, status, x, y, z, words) \
	_Static_assert(sizeof("MC_E_" #id) <= sizeof(((struct row *)0)->name) \
	    && sizeof(words) <= sizeof(((struct row *)0)->text), "too long");
#include "base/errors.def"
#undef MC_ERR

static const struct row rows[ROWS] = {
#define MC_ERR(id, class, status, x, y, z, text) \
	{ "MC_E_" #id, text, CLASS_##class, status, { x, y, z } },
#include "base/errors.def"
#undef MC_ERR
};

/*
 * A code without row is a compile error here, and so is a row without code
 * or a second row for one code.  NULL for MC_OK and for what is no code.
 */
#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
#endif
static const struct row *
find_row(enum mc_code code)
{
	switch (code) {
	case MC_OK:
		break;
#define MC_ERR(id, class, status, x, y, z, text) \
	case MC_E_##id: return &rows[ROW_##id];
#include "base/errors.def"
#undef MC_ERR
	}
	return NULL;
}
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif

const char *
mc_code_name(enum mc_code code)
{
	const struct row *row = find_row(code);

	if (row != NULL)
		return row->name;
	return code == MC_OK ? "MC_OK" : "MC_E_?";
}

const char *
mc_stage_name(enum mc_stage stage)
{
	switch (stage) {
	case MC_STAGE_LOCAL:
		return "local";
	case MC_STAGE_CONFIG:
		return "config";
	case MC_STAGE_RESOLVE:
		return "resolve";
	case MC_STAGE_CONNECT:
		return "connect";
	case MC_STAGE_TLS:
		return "tls";
	case MC_STAGE_GREETING:
		return "greeting";
	case MC_STAGE_EHLO:
		return "ehlo";
	case MC_STAGE_STARTTLS:
		return "starttls";
	case MC_STAGE_AUTH:
		return "auth";
	case MC_STAGE_MAIL:
		return "mail";
	case MC_STAGE_RCPT:
		return "rcpt";
	case MC_STAGE_DATA:
		return "data";
	case MC_STAGE_END:
		return "end";
	}
	return "?";
}

/*
 * The server's digits decide.  An enhanced code of another class than the
 * reply itself is not believed.
 */
static int
reply_exit(const struct mc_err *err, int otherwise)
{
	int class = err->smtp != 0 ? err->smtp / 100 : err->enh[0];

	if (class == 4)
		return EX_TEMPFAIL;
	if (class != 5)
		return otherwise;
	if (err->enh[0] != 5)
		return EX_UNAVAILABLE;
	if (err->enh[1] == 1 && err->enh[2] == 1)
		return EX_NOUSER;
	if (err->enh[1] == 1 && err->enh[2] == 2)
		return EX_NOHOST;
	if (err->enh[1] == 7)
		return EX_NOPERM;
	/* congestion, or a quota of the day (RFC 3463 3.5) */
	if (err->enh[1] == 4 && err->enh[2] == 5)
		return EX_TEMPFAIL;
	return EX_UNAVAILABLE;
}

int
mc_err_exit(const struct mc_err *err)
{
	if (err == NULL || err->code == MC_OK)
		return EX_OK;
	if (err->unsure)
		return EX_TEMPFAIL;

	const struct row *row = find_row(err->code);

	if (row == NULL)
		return EX_SOFTWARE;
	if (row->class == CLASS_REPLY)
		return reply_exit(err, row->exit);
	return row->exit;
}

/*
 * Formats with room to spare, so that the cut to MC_ERR_TEXT happens where
 * characters end, and then makes it printable.
 */
static MC_PRINTF(2, 0) size_t
format(char ret_text[MC_ERR_TEXT], const char *fmt, va_list ap)
{
	char raw[MC_ERR_TEXT + 64];

	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	return mc_str_printable(mc_str_from(raw), ret_text, MC_ERR_TEXT);
}

static MC_PRINTF(4, 0) void
fill(struct mc_err *err, enum mc_code code, enum mc_stage stage,
    const char *fmt, va_list ap)
{
	const struct row *row = find_row(code);

	if (row == NULL) {
		code = MC_E_INTERNAL;
		row = &rows[ROW_INTERNAL];
	}
	*err = (struct mc_err){ .code = code, .stage = stage };
	memcpy(err->enh, row->enh, sizeof(err->enh));
	if (fmt == NULL || format(err->text, fmt, ap) == 0)
		(void)snprintf(err->text, sizeof(err->text), "%s", row->text);
}

int
mc_err_set(struct mc_err *err, enum mc_code code, enum mc_stage stage,
    const char *fmt, ...)
{
	if (err == NULL || err->code != MC_OK)
		return -1;

	va_list ap;

	va_start(ap, fmt);
	fill(err, code, stage, fmt, ap);
	va_end(ap);
	return -1;
}

/* strerror_r comes in two kinds; its type tells which one this is */
static MC_UNUSED const char *
words_xsi(int rc, const char *buf)
{
	return rc == 0 ? buf : "unknown error";
}

static MC_UNUSED const char *
words_gnu(const char *words, const char *buf)
{
	(void)buf;
	return words;
}

const char *
mc_err_words(int sys, char *buf, size_t size)
{
	buf[0] = '\0';
	return _Generic(strerror_r(0, buf, size), int: words_xsi,
	    char *: words_gnu)(strerror_r(sys, buf, size), buf);
}

int
mc_err_sys(struct mc_err *err, enum mc_code code, enum mc_stage stage, int sys,
    const char *fmt, ...)
{
	if (err == NULL || err->code != MC_OK)
		return -1;

	va_list ap;

	va_start(ap, fmt);
	fill(err, code, stage, fmt, ap);
	va_end(ap);
	err->sys = sys;

	char buf[128];
	const char *words = mc_err_words(sys, buf, sizeof(buf));
	struct mc_str old = mc_str_from(err->text);
	char raw[MC_ERR_TEXT + sizeof(buf) + 8];

	(void)snprintf(raw, sizeof(raw), "%.*s: %s", MC_STR_FMT(old), words);
	(void)mc_str_printable(mc_str_from(raw), err->text, MC_ERR_TEXT);
	return -1;
}

void
mc_err_ctx(struct mc_err *err, const char *fmt, ...)
{
	if (!mc_err_is_set(err))
		return;

	char text[MC_ERR_TEXT];
	char raw[2 * MC_ERR_TEXT + 8];
	va_list ap;

	va_start(ap, fmt);
	(void)format(text, fmt, ap);
	va_end(ap);
	(void)snprintf(raw, sizeof(raw), "%s: %s", text, err->text);
	(void)mc_str_printable(mc_str_from(raw), err->text, MC_ERR_TEXT);
}

void
mc_err_reset(struct mc_err *err)
{
	if (err != NULL)
		*err = (struct mc_err){ .code = MC_OK };
}
