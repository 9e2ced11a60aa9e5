/* SPDX-License-Identifier: MIT */
/*
 * compose_file.c - names and types of files that go along
 */
#include "base/base.h"
#include "mail/compose.h"

#include "base/err.h"
#include "mail/addr_part.h"

/* RFC 2231 3: where a parameter is cut into pieces */
#define PIECE 60
#define MOST_NAME 255
#define MOST_TYPE 200

int
mc_compose_file_name(const char *path, struct mc_str *ret_name,
    struct mc_err *err)
{
	const char *slash = strrchr(path, '/');
	struct mc_str name = mc_str_from(slash == NULL ? path : slash + 1);

	if (name.len == 0 || name.len > MOST_NAME)
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%.200s: not the name of a file", path);
	if (!mc_str_is_utf8(name))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%.200s: the file's name is not UTF-8: rename it, or make "
		    "a link", path);
	if (!mc_addr_is_clean(name))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%.200s: a control character in the file's name: rename "
		    "it, or make a link", path);
	*ret_name = name;
	return 0;
}

/* -------------------------------------------------------------------- types */

/* what people send; message/... cannot be base64 (RFC 2046 5.2.1), so a mail
 * in a file is just bytes */
static const char *const types[][2] = {
	{ "7z", "application/x-7z-compressed" },
	{ "avif", "image/avif" },
	{ "bmp", "image/bmp" },
	{ "bz2", "application/x-bzip2" },
	{ "css", "text/css" },
	{ "csv", "text/csv" },
	{ "doc", "application/msword" },
	{ "docx", "application/vnd.openxmlformats-officedocument"
	    ".wordprocessingml.document" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "heic", "image/heic" },
	{ "htm", "text/html" },
	{ "html", "text/html" },
	{ "ics", "text/calendar" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "json", "application/json" },
	{ "log", "text/plain" },
	{ "m4a", "audio/mp4" },
	{ "md", "text/markdown" },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "odp", "application/vnd.oasis.opendocument.presentation" },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ "odt", "application/vnd.oasis.opendocument.text" },
	{ "ogg", "audio/ogg" },
	{ "opus", "audio/ogg" },
	{ "patch", "text/x-diff" },
	{ "diff", "text/x-diff" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "ppt", "application/vnd.ms-powerpoint" },
	{ "pptx", "application/vnd.openxmlformats-officedocument"
	    ".presentationml.presentation" },
	{ "ps", "application/postscript" },
	{ "rtf", "application/rtf" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tgz", "application/gzip" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "txt", "text/plain" },
	{ "vcf", "text/vcard" },
	{ "wav", "audio/wav" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsx", "application/vnd.openxmlformats-officedocument"
	    ".spreadsheetml.sheet" },
	{ "xml", "application/xml" },
	{ "xz", "application/x-xz" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

const char *
mc_compose_type_of(struct mc_str name)
{
	size_t dot = name.len;

	while (dot > 0 && name.ptr[dot - 1] != '.')
		dot--;
	/* ".profile" has no ending */
	for (size_t i = 0; dot > 1 && i < MC_NELEM(types); i++)
		if (mc_str_eq_nocase(mc_str_sub(name, dot, name.len),
		    mc_str_from(types[i][0])))
			return types[i][1];
	return "application/octet-stream";
}

/* RFC 2045 5.1; the length of the token at the front */
static size_t
token(struct mc_str s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] > ' ' && s.ptr[n] < 0x7f &&
	    strchr("()<>@,;:\\\"/[]?=", s.ptr[n]) == NULL)
		n++;
	return n;
}

/* "; name=value" as often as it stands there */
static bool
are_parameters(struct mc_str s)
{
	while (s.len != 0) {
		size_t n;

		if (s.ptr[0] != ';')
			return false;
		s = mc_str_trim(mc_str_sub(s, 1, s.len));
		n = token(s);
		if (n == 0 || n == s.len || s.ptr[n] != '=')
			return false;
		/* the file gives it */
		if (mc_str_eq_nocase(mc_str_sub(s, 0, n), MC_STR("name")))
			return false;
		s = mc_str_sub(s, n + 1, s.len);
		n = token(s);
		if (n == 0)
			return false;
		s = mc_str_trim(mc_str_sub(s, n, s.len));
	}
	return true;
}

int
mc_compose_type_check(const char *type, struct mc_err *err)
{
	struct mc_str s = mc_str_from(type);
	size_t major = token(s);
	size_t minor = token(mc_str_sub(s, major + 1, s.len));

	if (s.len > MOST_TYPE || mc_str_has_ctl(s) || major == 0 ||
	    minor == 0 || s.ptr[major] != '/' ||
	    !are_parameters(mc_str_sub(s, major + 1 + minor, s.len)))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%.200s: not a media type, such as text/plain", type);
	if (mc_str_starts_nocase(s, MC_STR("multipart/")) ||
	    mc_str_starts_nocase(s, MC_STR("message/")))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%.200s: files of this type cannot be attached as they "
		    "are; use application/octet-stream", type);
	return 0;
}

int
mc_compose_charset_check(const char *charset, struct mc_err *err)
{
	struct mc_str s = mc_str_from(charset);

	/* RFC 2978 2.3 */
	if (s.len == 0 || s.len > 40 || token(s) != s.len)
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%.100s: not the name of a charset", charset);
	return 0;
}

/* --------------------------------------------------------------- the header */

/* fit for a quoted string that even simple readers understand */
static bool
is_plain(struct mc_str name)
{
	return mc_str_is_ascii(name) &&
	    mc_str_chr(name, '"') == name.len &&
	    mc_str_chr(name, '\\') == name.len;
}

/* one '_' for each character that cannot stand there */
static void
add_fallback(struct mc_str name, struct mc_buf *out)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if ((c & 0xc0) == 0x80)
			continue;
		mc_buf_addc(out, c >= 0x80 || c == '"' || c == '\\' ? '_' :
		    (char)c);
	}
}

/* a byte as RFC 2231 7 has it */
static void
add_extended_byte(char byte, struct mc_buf *out)
{
	unsigned char c = (unsigned char)byte;

	if (mc_is_alnum(c) || (c != '\0' && c < 0x80 &&
	    strchr("!#$&+-.^_`{|}~", c) != NULL))
		mc_buf_addc(out, byte);
	else
		mc_buf_addf(out, "%%%02X", c);
}

/* in pieces if it has to be; no character is cut */
static void
add_extended(struct mc_str name, struct mc_buf *out)
{
	struct mc_buf all;
	unsigned number = 0;
	size_t used = 0;

	mc_buf_init(&all, 3 * MOST_NAME);
	for (size_t i = 0; i < name.len; i++)
		add_extended_byte(name.ptr[i], &all);
	if (all.err != 0)
		out->err = out->err != 0 ? out->err : all.err;
	if (all.len <= PIECE) {
		mc_buf_addf(out, ";\r\n filename*=UTF-8''%s", all.ptr);
		mc_buf_clear(&all);
		return;
	}
	for (size_t i = 0, n; i < name.len; i += n) {
		n = 1;
		while (i + n < name.len &&
		    ((unsigned char)name.ptr[i + n] & 0xc0) == 0x80)
			n++;
		if (number == 0 || used + 3 * n > PIECE) {
			mc_buf_addf(out, ";\r\n filename*%u*=%s", number,
			    number == 0 ? "UTF-8''" : "");
			number++;
			used = 0;
		}
		for (size_t k = 0; k < n; k++)
			add_extended_byte(name.ptr[i + k], out);
		used += 3 * n;
	}
	mc_buf_clear(&all);
}

void
mc_compose_file_header(struct mc_str name, const char *type,
    const char *charset, struct mc_buf *out)
{
	mc_buf_addf(out, "Content-Type: %s", type);
	if (charset != NULL)
		mc_buf_addf(out, "; charset=%s", charset);
	mc_buf_addz(out, ";\r\n name=\"");
	add_fallback(name, out);
	mc_buf_addz(out, "\"\r\nContent-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment");
	if (is_plain(name)) {
		mc_buf_addz(out, ";\r\n filename=\"");
		mc_buf_add_str(out, name);
		mc_buf_addc(out, '"');
	} else {
		add_extended(name, out);
	}
	mc_buf_addz(out, "\r\n\r\n");
}
