/* SPDX-License-Identifier: MIT */
/*
 * header.c - a header section as a list of fields, each kept as its bytes
 */
#include "base/base.h"

#include "mail/header.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* what a full header still takes: the fields that a submission agent adds */
#define SPARE_FIELDS 64

static bool
is_name_byte(char c)
{
	return c > 0x20 && c < 0x7f && c != ':';
}

static int
bad(struct mc_err *err, const char *what, struct mc_str name)
{
	char quoted[64];
	size_t n = 0;

	while (n < name.len && n < sizeof(quoted) - 1 &&
	    is_name_byte(name.ptr[n])) {
		quoted[n] = name.ptr[n];
		n++;
	}
	quoted[n] = '\0';
	return mc_err_set(err, MC_E_HDR_SYNTAX, MC_STAGE_LOCAL,
	    "header field \"%s\": %s", quoted, what);
}

/*
 * Every line end must be CRLF with a blank behind it, or the value would go
 * on as a field of somebody else's making.  `strict` also refuses folds whose
 * line is blank (RFC 5322 3.2.2: obsolete, never to be made).
 */
static const char *
value_fault(struct mc_str value, bool strict)
{
	bool folded = false;
	bool seen = false;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c == '\0')
			return "holds a NUL byte";
		if (c == '\n')
			return "holds a bare line feed";
		if (c != '\r') {
			seen = seen || !mc_is_blank((unsigned char)c);
			continue;
		}
		if (value.len - i < 2 || value.ptr[i + 1] != '\n')
			return "holds a bare carriage return";
		if (value.len - i < 3 ||
		    !mc_is_blank((unsigned char)value.ptr[i + 2]))
			return "holds a line that does not begin with a blank";
		if (strict && folded && !seen)
			return "holds a folded line without text";
		folded = true;
		seen = false;
		i++;
	}
	if (strict && folded && !seen)
		return "holds a folded line without text";
	return NULL;
}

/* find name and value in f->raw */
static int
split_raw(struct mc_field *f, struct mc_err *err)
{
	struct mc_str raw = f->raw;
	size_t n = 0;

	while (n < raw.len && is_name_byte(raw.ptr[n]))
		n++;
	struct mc_str name = mc_str_sub(raw, 0, n);
	if (n == 0)
		return bad(err, "a field needs a name of printable ASCII",
		    name);
	while (n < raw.len && mc_is_blank((unsigned char)raw.ptr[n]))
		n++;
	if (n == raw.len || raw.ptr[n] != ':')
		return bad(err, "no colon behind the name", name);
	n++;
	if (raw.len - n < 2 || raw.ptr[raw.len - 2] != '\r' ||
	    raw.ptr[raw.len - 1] != '\n')
		return bad(err, "does not end with CRLF", name);
	struct mc_str value = mc_str_sub(raw, n, raw.len - n - 2);
	const char *fault = value_fault(value, false);
	if (fault != NULL)
		return bad(err, fault, name);
	f->name = name;
	f->value = value;
	return 0;
}

/* make a field out of bytes on the heap; takes `own` only on success */
static int
make_field(char *own, size_t len, struct mc_field *ret_field,
    struct mc_err *err)
{
	struct mc_field f = { .raw = mc_str_make(own, len), .own = own };

	if (split_raw(&f, err) != 0)
		return -1;
	*ret_field = f;
	return 0;
}

static int
copy_field(struct mc_str raw, struct mc_field *ret_field, struct mc_err *err)
{
	char *own = mc_mem_strndup(raw.ptr == NULL ? "" : raw.ptr, raw.len);

	if (own == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (make_field(own, raw.len, ret_field, err) != 0) {
		mc_mem_free(own);
		return -1;
	}
	return 0;
}

static int
build_field(struct mc_str name, struct mc_str value,
    struct mc_field *ret_field, struct mc_err *err)
{
	const char *fault = value_fault(value, true);
	struct mc_buf b;

	for (size_t i = 0; i < name.len; i++)
		if (!is_name_byte(name.ptr[i]))
			return bad(err, "the name holds a byte that is not "
			    "printable ASCII", name);
	if (name.len == 0)
		return bad(err, "a field needs a name", name);
	if (fault != NULL)
		return bad(err, fault, name);

	mc_buf_init(&b, SIZE_MAX / 2);
	mc_buf_add_str(&b, name);
	mc_buf_addc(&b, ':');
	if (value.len != 0 && !mc_is_blank((unsigned char)value.ptr[0]) &&
	    value.ptr[0] != '\r')
		mc_buf_addc(&b, ' ');
	mc_buf_add_str(&b, value);
	mc_buf_addz(&b, "\r\n");
	if (mc_buf_err(&b, "a header field", err) != 0) {
		mc_buf_clear(&b);
		return -1;
	}
	size_t len = b.len;
	char *own = mc_buf_take(&b);
	if (make_field(own, len, ret_field, err) != 0) {
		mc_mem_free(own);
		return -1;
	}
	return 0;
}

/* put f before field i; takes f->own on success only */
static int
place(struct mc_header *h, size_t i, const struct mc_field *f, size_t most,
    struct mc_err *err)
{
	size_t n = h->fields.n;

	if (i > n)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL, NULL);
	if (n >= most)
		return mc_err_set(err, MC_E_HDR_LONG, MC_STAGE_LOCAL,
		    "the header has more than %u fields",
		    (unsigned)MC_MAX_FIELDS);
	struct mc_field *last = mc_vec_add(&h->fields);
	if (last == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	struct mc_field *at = last - (n - i);
	memmove(at + 1, at, (n - i) * sizeof(*at));
	*at = *f;
	h->size += f->raw.len;
	return 0;
}

static int
replace(struct mc_header *h, size_t i, const struct mc_field *f,
    struct mc_err *err)
{
	struct mc_field *at = mc_vec_at(&h->fields, i);

	if (at == NULL)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL, NULL);
	h->size = h->size - at->raw.len + f->raw.len;
	mc_mem_free(at->own);
	*at = *f;
	return 0;
}

void
mc_header_init(struct mc_header *h)
{
	mc_vec_init(&h->fields, sizeof(struct mc_field),
	    MC_MAX_FIELDS + SPARE_FIELDS);
	h->size = 0;
}

void
mc_header_clear(struct mc_header *h)
{
	for (size_t i = 0; i < h->fields.n; i++) {
		struct mc_field *f = mc_vec_at(&h->fields, i);

		mc_mem_free(f->own);
	}
	mc_vec_clear(&h->fields);
	h->size = 0;
}

int
mc_header_append_raw(struct mc_header *h, struct mc_str raw,
    struct mc_err *err)
{
	struct mc_field f = { .own = NULL };

	if (copy_field(raw, &f, err) != 0)
		return -1;
	if (place(h, h->fields.n, &f, MC_MAX_FIELDS, err) != 0) {
		mc_mem_free(f.own);
		return -1;
	}
	return 0;
}

/* length of the first line with its end; only CRLF is one */
static size_t
line_size(struct mc_str s)
{
	for (size_t i = 1; i < s.len; i++)
		if (s.ptr[i] == '\n' && s.ptr[i - 1] == '\r')
			return i + 1;
	return s.len;
}

int
mc_header_read(struct mc_header *h, struct mc_str text, struct mc_err *err)
{
	while (text.len != 0) {
		struct mc_field f = { .own = NULL };
		size_t n = line_size(text);

		while (n < text.len && mc_is_blank((unsigned char)text.ptr[n]))
			n += line_size(mc_str_sub(text, n, text.len));
		if (copy_field(mc_str_sub(text, 0, n), &f, err) != 0)
			return -1;
		if (place(h, h->fields.n, &f, h->fields.max, err) != 0) {
			mc_mem_free(f.own);
			return -1;
		}
		text = mc_str_sub(text, n, text.len);
	}
	return 0;
}

int
mc_header_set_raw_at(struct mc_header *h, size_t i, struct mc_str raw,
    struct mc_err *err)
{
	struct mc_field f = { .own = NULL };

	if (copy_field(raw, &f, err) != 0)
		return -1;
	if (replace(h, i, &f, err) != 0) {
		mc_mem_free(f.own);
		return -1;
	}
	return 0;
}

int
mc_header_set_at(struct mc_header *h, size_t i, struct mc_str name,
    struct mc_str value, struct mc_err *err)
{
	struct mc_field f = { .own = NULL };

	if (build_field(name, value, &f, err) != 0)
		return -1;
	if (replace(h, i, &f, err) != 0) {
		mc_mem_free(f.own);
		return -1;
	}
	return 0;
}

int
mc_header_insert(struct mc_header *h, size_t i, struct mc_str name,
    struct mc_str value, struct mc_err *err)
{
	struct mc_field f = { .own = NULL };

	if (build_field(name, value, &f, err) != 0)
		return -1;
	if (place(h, i, &f, h->fields.max, err) != 0) {
		mc_mem_free(f.own);
		return -1;
	}
	return 0;
}

void
mc_header_remove(struct mc_header *h, size_t i)
{
	struct mc_field *f = mc_vec_at(&h->fields, i);

	if (f == NULL)
		return;
	h->size -= f->raw.len;
	mc_mem_free(f->own);
	mc_vec_remove(&h->fields, i);
}

size_t
mc_header_remove_all(struct mc_header *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0;
	    (i = mc_header_find(h, name, i)) != SIZE_MAX; n++)
		mc_header_remove(h, i);
	return n;
}

size_t
mc_header_find(const struct mc_header *h, const char *name, size_t from)
{
	struct mc_str want = mc_str_from(name);

	for (size_t i = from; i < h->fields.n; i++) {
		const struct mc_field *f = mc_vec_at(&h->fields, i);

		if (mc_str_eq_nocase(f->name, want))
			return i;
	}
	return SIZE_MAX;
}

const struct mc_field *
mc_header_at(const struct mc_header *h, size_t i)
{
	return mc_vec_at(&h->fields, i);
}

void
mc_header_write(const struct mc_header *h, struct mc_buf *out)
{
	for (size_t i = 0; i < h->fields.n; i++) {
		const struct mc_field *f = mc_vec_at(&h->fields, i);

		mc_buf_add_str(out, f->raw);
	}
}
