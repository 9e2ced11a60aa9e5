/* SPDX-License-Identifier: MIT */
/*
 * mime_type.c - what Content-Type and Content-Transfer-Encoding say
 */
#include "base/base.h"
#include "mail/mime_internal.h"

#include "base/err.h"
#include "base/limits.h"

/* so that "--" in front and behind still fit into a line */
#define MAX_BOUNDARY (MC_MAX_LINE - 4)
/* pieces of one parameter: it is read once for each */
#define MAX_PIECES 100

struct lexer {
	struct mc_str in;
	size_t at;
};

/* the next byte, or -1 at the end */
static int
peek(const struct lexer *l)
{
	return l->at < l->in.len ? (unsigned char)l->in.ptr[l->at] : -1;
}

static bool
is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* blanks, folds and comments, however deep */
static void
skip_blanks(struct lexer *l)
{
	size_t depth = 0;

	for (; l->at < l->in.len; l->at++) {
		int c = peek(l);

		if (c == '(')
			depth++;
		else if (depth == 0 && !is_space(c))
			return;
		else if (depth != 0 && c == ')')
			depth--;
		else if (depth != 0 && c == '\\')
			l->at++;
	}
	if (l->at > l->in.len)
		l->at = l->in.len;
}

/* RFC 2045 5.1; bytes >= 0x80 are taken too, to be compared with nothing */
static bool
is_token_byte(int c)
{
	return c > ' ' && c != 0x7f && memchr("()<>@,;:\\\"/[]?=", c, 15) ==
	    NULL;
}

static struct mc_str
token(struct lexer *l)
{
	size_t from = l->at;

	while (is_token_byte(peek(l)))
		l->at++;
	return mc_str_sub(l->in, from, l->at - from);
}

/* append what the quoted-string at the cursor holds; false if it has no end */
static bool
quoted(struct lexer *l, struct mc_buf *out)
{
	for (l->at++; l->at < l->in.len; l->at++) {
		int c = peek(l);

		if (c == '"') {
			l->at++;
			return true;
		}
		if (c == '\\' && l->at + 1 < l->in.len) {
			l->at++;
			c = peek(l);
		}
		/* of a fold only the blank behind it counts */
		if (c != '\r' && c != '\n')
			mc_buf_addc(out, (char)c);
	}
	return false;
}

/* to the semicolon in front of the next parameter */
static void
skip_rest(struct lexer *l)
{
	struct mc_buf drop;

	mc_buf_init(&drop, 0);
	for (;;) {
		skip_blanks(l);
		if (peek(l) == -1 || peek(l) == ';')
			return;
		if (peek(l) == '"')
			(void)quoted(l, &drop);
		else
			l->at++;
	}
}

/*
 * The next parameter with its value (in `value`, which is reset); false at the
 * end.  Values that should have been quoted go to the next blank, comment or
 * semicolon: so do all readers, for boundaries with "=" in them are common.
 */
static bool
next_param(struct lexer *l, struct mc_str *ret_name, struct mc_buf *value,
    bool *ret_whole)
{
	/* a failure stays for whoever looks at the end */
	if (value->err != 0)
		return false;
	mc_buf_reset(value);
	*ret_whole = true;
	skip_rest(l);
	if (peek(l) != ';')
		return false;
	l->at++;
	skip_blanks(l);
	*ret_name = token(l);
	skip_blanks(l);
	if (peek(l) != '=')
		return true;
	l->at++;
	skip_blanks(l);
	if (peek(l) == '"') {
		*ret_whole = quoted(l, value);
		return true;
	}
	for (; peek(l) != -1 && peek(l) != ';' && peek(l) != '(' &&
	    !is_space(peek(l)); l->at++)
		mc_buf_addc(value, (char)peek(l));
	return true;
}

/* -------------------------------------------------------------------- types */

/* "type/subtype" in lower case; empty if it is not that */
static void
read_type(struct lexer *l, char *ret_name, size_t cap)
{
	size_t n = 0;

	ret_name[0] = '\0';
	skip_blanks(l);
	struct mc_str type = token(l);
	skip_blanks(l);
	if (peek(l) != '/' || type.len == 0)
		return;
	l->at++;
	skip_blanks(l);
	struct mc_str subtype = token(l);
	if (subtype.len == 0)
		return;
	for (size_t i = 0; i < type.len && n < cap - 2; i++)
		ret_name[n++] = (char)mc_to_lower(type.ptr[i]);
	ret_name[n++] = '/';
	for (size_t i = 0; i < subtype.len && n < cap - 1; i++)
		ret_name[n++] = (char)mc_to_lower(subtype.ptr[i]);
	ret_name[n] = '\0';
}

struct mc_mime_type
mc_mime_type_parse(struct mc_str value)
{
	/* the first that the type begins with; a type ends at its length */
	static const struct {
		const char *name;
		bool whole;
		struct mc_mime_type type;
	} rows[] = {
		{ "multipart/signed", true,
		    { .kind = MC_MIME_MULTIPART, .why = MC_WHY_SIGNED } },
		{ "multipart/encrypted", true,
		    { .kind = MC_MIME_MULTIPART, .why = MC_WHY_ENCRYPTED } },
		{ "multipart/digest", true,
		    { .kind = MC_MIME_MULTIPART, .is_digest = true } },
		{ "multipart/", false, { .kind = MC_MIME_MULTIPART } },
		{ "message/rfc822", true, { .kind = MC_MIME_MESSAGE } },
		/* RFC 6532 3.5 and RFC 6533: these may be encoded */
		{ "message/global", false, { .kind = MC_MIME_LEAF } },
		{ "message/", false,
		    { .kind = MC_MIME_LEAF, .why = MC_WHY_7BIT_TYPE } },
		{ "application/pkcs7-mime", true,
		    { .kind = MC_MIME_LEAF, .why = MC_WHY_PKCS7 } },
		{ "application/x-pkcs7-mime", true,
		    { .kind = MC_MIME_LEAF, .why = MC_WHY_PKCS7 } },
		{ "text/", false, { .kind = MC_MIME_LEAF, .is_text = true } },
		{ "", true, { .kind = MC_MIME_LEAF, .is_text = true } },
		{ "", false, { .kind = MC_MIME_LEAF } },
	};
	char name[80];
	struct lexer l = { .in = value };
	size_t i = 0;

	read_type(&l, name, sizeof(name));
	while (rows[i].whole ? strcmp(name, rows[i].name) != 0 :
	    strncmp(name, rows[i].name, strlen(rows[i].name)) != 0)
		i++;
	return rows[i].type;
}

/* --------------------------------------------------------------- boundaries */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)mc_to_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* append a piece in the form of RFC 2231 4; the first one has charset and
 * language in front */
static void
add_percent(struct mc_str s, bool first, struct mc_buf *out)
{
	for (int i = 0; first && i < 2; i++)
		if (mc_str_chr(s, '\'') < s.len)
			s = mc_str_sub(s, mc_str_chr(s, '\'') + 1, s.len);
	for (size_t i = 0; i < s.len; i++) {
		int high = s.len - i > 2 ? hex_digit(s.ptr[i + 1]) : -1;
		int low = s.len - i > 2 ? hex_digit(s.ptr[i + 2]) : -1;

		if (s.ptr[i] != '%' || high < 0 || low < 0) {
			mc_buf_addc(out, s.ptr[i]);
			continue;
		}
		mc_buf_addc(out, (char)(high << 4 | low));
		i += 2;
	}
}

/* which piece "boundary*1" or "boundary*1*" is; "boundary" itself is -1, and
 * what is neither -2 */
static int
piece_of(struct mc_str name, bool *ret_percent)
{
	struct mc_str what = MC_STR("boundary");
	int n = 0;

	*ret_percent = false;
	if (!mc_str_starts_nocase(name, what))
		return -2;
	name = mc_str_sub(name, what.len, name.len);
	if (name.len == 0)
		return -1;
	if (name.len > 1 && name.ptr[name.len - 1] == '*') {
		*ret_percent = true;
		name.len--;
	}
	if (name.ptr[0] != '*' || name.len > 3)
		return -2;
	if (name.len == 1) {
		*ret_percent = true;
		return 0;
	}
	for (size_t i = 1; i < name.len; i++) {
		if (!mc_is_digit(name.ptr[i]))
			return -2;
		n = n * 10 + name.ptr[i] - '0';
	}
	return n;
}

/* append the piece of that number; returns how many there are of it */
static size_t
add_piece(struct lexer l, int want, struct mc_buf *value, struct mc_buf *out)
{
	struct mc_str name;
	bool percent, whole;
	size_t n = 0;

	while (next_param(&l, &name, value, &whole)) {
		if (piece_of(name, &percent) != want)
			continue;
		/* without its end nobody knows what it is */
		n += whole ? 1 : 2;
		if (percent)
			add_percent(mc_buf_str(value), want == 0, out);
		else
			mc_buf_add_str(out, mc_buf_str(value));
	}
	return n;
}

/* how many pieces there are of any number */
static size_t
count_pieces(struct lexer l, struct mc_buf *value)
{
	struct mc_str name;
	bool percent, whole;
	size_t n = 0;

	while (next_param(&l, &name, value, &whole))
		if (piece_of(name, &percent) >= 0)
			n++;
	return n;
}

static bool
is_usable(struct mc_str boundary)
{
	for (size_t i = 0; i < boundary.len; i++)
		if (boundary.ptr[i] < ' ' || boundary.ptr[i] > '~')
			return false;
	return boundary.len != 0 && boundary.len <= MAX_BOUNDARY;
}

int
mc_mime_boundary(struct mc_str value, struct mc_buf *out, struct mc_err *err)
{
	struct lexer l = { .in = value };
	struct mc_buf one, all;
	char name[80];
	int rc = -1;

	mc_buf_init(&one, value.len);
	mc_buf_init(&all, value.len);
	read_type(&l, name, sizeof(name));
	size_t plain = add_piece(l, -1, &one, &all);
	size_t pieces = count_pieces(l, &one);
	bool good = plain < 2 && (plain == 0 || pieces == 0) &&
	    pieces <= MAX_PIECES;
	/* each number once, no gap */
	for (size_t i = 0; good && i < pieces; i++)
		good = add_piece(l, (int)i, &one, &all) == 1;
	if (mc_buf_err(&one, "Content-Type", err) != 0 ||
	    mc_buf_err(&all, "Content-Type", err) != 0)
		goto out;
	/* blanks at the end are none of a boundary's (RFC 2046 5.1.1) */
	struct mc_str boundary = mc_buf_str(&all);
	while (boundary.len != 0 && boundary.ptr[boundary.len - 1] == ' ')
		boundary.len--;
	rc = 0;
	if (good && is_usable(boundary)) {
		mc_buf_add_str(out, boundary);
		rc = mc_buf_err(out, "boundaries", err) == 0 ? 1 : -1;
	}
out:
	mc_buf_clear(&one);
	mc_buf_clear(&all);
	return rc;
}

/* ------------------------------------------------------------------- fields */

static const char *const cte_names[] = {
	[MC_CTE_7BIT] = "7bit",
	[MC_CTE_8BIT] = "8bit",
	[MC_CTE_BINARY] = "binary",
	[MC_CTE_QP] = "quoted-printable",
	[MC_CTE_BASE64] = "base64",
	[MC_CTE_OTHER] = NULL,
};

const char *
mc_mime_cte_name(enum mc_mime_cte cte)
{
	return cte_names[cte];
}

static enum mc_mime_cte
parse_cte(struct mc_str value)
{
	/* slips that every reader takes for no encoding at all */
	static const struct {
		const char *name;
		enum mc_mime_cte cte;
	} slips[] = {
		{ "", MC_CTE_7BIT },
		{ "7-bit", MC_CTE_7BIT },
		{ "8-bit", MC_CTE_8BIT },
		{ "8bits", MC_CTE_8BIT },
		{ "none", MC_CTE_8BIT },
		{ "utf-8", MC_CTE_8BIT },
		{ "utf8", MC_CTE_8BIT },
	};
	struct lexer l = { .in = value };

	skip_blanks(&l);
	struct mc_str name = token(&l);
	skip_blanks(&l);
	bool more = peek(&l) != -1;

	for (size_t i = MC_CTE_7BIT; i < MC_CTE_OTHER; i++)
		if (mc_str_eq_nocase(name, mc_str_from(cte_names[i])))
			/* "base64;" is base64 to some readers only */
			return more && i > MC_CTE_BINARY ? MC_CTE_OTHER :
			    (enum mc_mime_cte)i;
	for (size_t i = 0; !more && i < MC_NELEM(slips); i++)
		if (mc_str_eq_nocase(name, mc_str_from(slips[i].name)))
			return slips[i].cte;
	return MC_CTE_OTHER;
}

void
mc_mime_fields_init(struct mc_mime_fields *f)
{
	memset(f, 0, sizeof(*f));
	mc_buf_init(&f->type, SIZE_MAX / 2);
}

void
mc_mime_fields_clear(struct mc_mime_fields *f)
{
	mc_buf_clear(&f->type);
	mc_mime_fields_init(f);
}

int
mc_mime_fields_note(struct mc_mime_fields *f, struct mc_str name,
    struct mc_str value, struct mc_err *err)
{
	if (mc_str_eq_nocase(name, MC_STR("Content-Type"))) {
		value = mc_str_trim(value);
		f->twice = f->twice || (f->has_type &&
		    !mc_str_eq(value, mc_buf_str(&f->type)));
		if (!f->has_type)
			mc_buf_add_str(&f->type, value);
		f->has_type = true;
		return mc_buf_err(&f->type, "Content-Type", err);
	}
	if (mc_str_eq_nocase(name, MC_STR("Content-Transfer-Encoding"))) {
		enum mc_mime_cte cte = parse_cte(value);

		f->twice = f->twice || (f->has_cte && cte != f->cte);
		f->cte = cte;
		f->has_cte = true;
	}
	return 0;
}

bool
mc_mime_is_field(struct mc_str line)
{
	size_t n = 0;

	while (n < line.len && line.ptr[n] > 0x20 && line.ptr[n] < 0x7f &&
	    line.ptr[n] != ':')
		n++;
	if (n == 0)
		return false;
	while (n < line.len && mc_is_blank((unsigned char)line.ptr[n]))
		n++;
	return n < line.len && line.ptr[n] == ':';
}
