/* SPDX-License-Identifier: MIT */
/* oauth.c - OAUTHBEARER (RFC 7628) and XOAUTH2, which libgsasl lacks */
#include "base/base.h"

#include "smtp/sasl_internal.h"

#include "base/secret.h"

#define CTRL_A '\001'

void
mc_sasl_add_name(struct mc_str name, struct mc_buf *out)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == ',')
			mc_buf_addz(out, "=2C");
		else if (name.ptr[i] == '=')
			mc_buf_addz(out, "=3D");
		else
			mc_buf_addc(out, name.ptr[i]);
	}
}

bool
mc_oauth_is_token(struct mc_str token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.ptr[i] < 0x21 || token.ptr[i] > 0x7e)
			return false;
	return token.len != 0;
}

static void
add_field(struct mc_buf *out, const char *key, struct mc_str value)
{
	if (value.len == 0)
		return;
	mc_buf_addz(out, key);
	mc_buf_add_str(out, value);
	mc_buf_addc(out, CTRL_A);
}

void
mc_oauth_first(enum mc_mech_kind kind, const struct mc_sasl_login *login,
    struct mc_buf *out)
{
	if (kind == MC_KIND_OAUTHBEARER) {
		mc_buf_addz(out, "n,a=");
		mc_sasl_add_name(login->user, out);
		mc_buf_addc(out, ',');
		mc_buf_addc(out, CTRL_A);
		add_field(out, "host=", login->host);
		add_field(out, "port=", login->port);
	} else
		add_field(out, "user=", login->user);
	add_field(out, "auth=Bearer ", login->token);
	mc_buf_addc(out, CTRL_A);
}

/* ---------------------------------------------- the server's error object */

static void
skip_blanks(struct mc_str in, size_t *pos)
{
	while (*pos < in.len && strchr(" \t\r\n", in.ptr[*pos]) != NULL &&
	    in.ptr[*pos] != '\0')
		(*pos)++;
}

/* *pos is behind the opening quote; the contents, escapes as they stand */
static bool
take_string(struct mc_str in, size_t *pos, struct mc_str *ret_s)
{
	size_t start = *pos;

	for (size_t i = start; i < in.len; i++) {
		if (in.ptr[i] == '\\')
			i++;
		else if (in.ptr[i] == '"') {
			*ret_s = mc_str_sub(in, start, i - start);
			*pos = i + 1;
			return true;
		}
	}
	return false;
}

static struct mc_str
take_number(struct mc_str in, size_t pos)
{
	size_t n = 0;

	while (pos + n < in.len && mc_is_digit(in.ptr[pos + n]))
		n++;
	return mc_str_sub(in, pos, n);
}

/* Nothing else of what a server may say here is worth showing, and with this
 * little it can neither echo a token nor write on a terminal. */
static bool
is_status(struct mc_str s)
{
	size_t digits = 0, letters = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (mc_is_digit(s.ptr[i]))
			digits++;
		else if (s.ptr[i] == '_' ||
		    (s.ptr[i] >= 'a' && s.ptr[i] <= 'z'))
			letters++;
	}
	return (s.len == 3 && digits == 3) || (s.len != 0 &&
	    s.len <= MC_OAUTH_MAX_STATUS && letters == s.len);
}

/* the value that follows a key, *pos behind the key's closing quote */
static bool
take_value(struct mc_str in, size_t pos, struct mc_str *ret_value)
{
	skip_blanks(in, &pos);
	if (pos >= in.len || in.ptr[pos] != ':')
		return false;
	pos++;
	skip_blanks(in, &pos);
	if (pos < in.len && in.ptr[pos] == '"') {
		pos++;
		return take_string(in, &pos, ret_value);
	}
	*ret_value = take_number(in, pos);
	return ret_value->len != 0;
}

bool
mc_oauth_status(struct mc_str json, struct mc_str token,
    struct mc_str *ret_status)
{
	size_t depth = 0;

	if (json.len > MC_OAUTH_MAX_JSON)
		return false;
	for (size_t pos = 0; pos < json.len; ) {
		char c = json.ptr[pos++];
		struct mc_str key, value;

		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
		if (c != '"')
			continue;
		if (!take_string(json, &pos, &key))
			return false;
		if (depth != 1 || !mc_str_eq(key, MC_STR("status")) ||
		    !take_value(json, pos, &value))
			continue;
		if (!is_status(value) || mc_secret_eq(value, token))
			return false;
		*ret_status = value;
		return true;
	}
	return false;
}
