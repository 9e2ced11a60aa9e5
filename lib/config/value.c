/* SPDX-License-Identifier: MIT */
/*
 * value.c - what each key takes, and the normal form of it
 *
 * No error text here shows the value: people put secrets in wrong places.
 */
#include "base/base.h"
#include "base/b64.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/proc.h"
#include "config/allow.h"
#include "config/conf.h"
#include "config/dkim.h"
#include "config/grant.h"
#include "config/listen.h"
#include "config/proxy.h"
#include "mail/idna.h"
#include "mail/mailbox.h"
#include "mail/strip.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <sys/un.h>

#define PIN_LEN 32		/* SHA-256 */
#define MAX_MECH_NAME 20	/* RFC 4422 3.1 */
#define SOCKET_PATH sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define MAX_TEXT (2 * MC_MAX_CONFIG_LINE)

static int
bad(struct mc_err *err, enum mc_key_id key, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s: %s",
	    mc_key_row(key).name, what);
}

/* the same, for values in which a '#' can only be a would-be comment */
static int
bad_word(struct mc_err *err, enum mc_key_id key, struct mc_str in,
    const char *what)
{
	if (mc_str_chr(in, '#') == in.len)
		return bad(err, key, what);
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
	    "%s: %s (comments stand on lines of their own)",
	    mc_key_row(key).name, what);
}

/* failure of a lower layer; `why` is set */
static int
pass_on(struct mc_err *err, enum mc_key_id key, const struct mc_err *why)
{
	if (why->code == MC_E_NOMEM)
		return mc_conf_nomem(err);
	return bad(err, key, why->text);
}

/* 0 if the buffer took everything */
static int
complete(const struct mc_buf *out, enum mc_key_id key, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_buf_err(out, "value", &why) == 0)
		return 0;
	return pass_on(err, key, &why);
}

/* ---------------------------------------------------------------- numbers */

static void
range(enum mc_key_id key, uint64_t *ret_least, uint64_t *ret_most)
{
	static const struct {
		enum mc_key_id key;
		uint64_t least;
		uint64_t most;
	} ranges[] = {
		{ MC_K_port, 0, 65535 },
		{ MC_K_password_fd, 0, 65535 },
		{ MC_K_scram_max_iterations, 4096, INT32_MAX },
		{ MC_K_helper_timeout, 1, 86400 },
		{ MC_K_connect_timeout, 1, 86400 },
		{ MC_K_timeout, 0, 86400 },
		{ MC_K_max_recipients, 0, MC_MAX_RCPTS },
		{ MC_K_queue_lifetime, 60, 365 * 86400 },
		{ MC_K_retry_min, 1, 7 * 86400 },
		{ MC_K_retry_max, 1, 7 * 86400 },
		{ MC_K_unsure_wait, 1, 7 * 86400 },
		{ MC_K_unsure_retries, 0, 1000 },
		{ MC_K_delay_report, 0, 365 * 86400 },
		{ MC_K_connections, 1, 100 },
		{ MC_K_messages_per_connection, 1, 1000000 },
		{ MC_K_pipeline_depth, 1, 100 },
		{ MC_K_keep_connection, 0, 3600 },
		{ MC_K_failed_keep, 0, 3650 * 86400 },
		{ MC_K_queue_max_bytes, 0, INT64_MAX },
		{ MC_K_queue_reserve, 0, INT64_MAX },
		{ MC_K_limit_sessions, 1, 4096 },
		{ MC_K_limit_sessions_user, 1, 4096 },
		{ MC_K_limit_sessions_loopback, 1, 4096 },
		{ MC_K_limit_errors, 1, 1000 },
		{ MC_K_limit_junk, 1, 100000 },
		{ MC_K_limit_idle, 1, 86400 },
		{ MC_K_limit_idle_busy, 1, 86400 },
		{ MC_K_limit_session, 1, 7 * 86400 },
		{ MC_K_limit_data_rate, 0, 1000000000 },
		{ MC_K_limit_session_messages, 1, 1000000 },
		/* RFC 5321 4.5.3.1: 100 recipients, 512 bytes, 1000 bytes */
		{ MC_K_limit_message_recipients, 100, MC_MAX_RCPTS },
		{ MC_K_limit_queue_share, 1, 100 },
		{ MC_K_limit_command, 512, MC_MAX_SERVER_LINE_HARD },
		{ MC_K_limit_text_line, 1000, 65536 },
		{ MC_K_limit_header, 1024, MC_MAX_HEADER_RCPT },
		{ MC_K_limit_fields, 10, MC_MAX_FIELDS },
		{ MC_K_limit_received, 1, 1000 },
	};

	*ret_least = 0;
	*ret_most = INT32_MAX;
	for (size_t i = 0; i < MC_NELEM(ranges); i++) {
		if (ranges[i].key != key)
			continue;
		*ret_least = ranges[i].least;
		*ret_most = ranges[i].most;
	}
}

static int
parse_number(enum mc_key_id key, struct mc_str in, uint64_t *ret_num,
    struct mc_err *err)
{
	enum mc_key_type type = mc_key_row(key).type;
	uint64_t least;
	uint64_t most;
	char what[96];

	range(key, &least, &most);

	int rc = type == MC_TYPE_UINT ? mc_num_u64(in, most, ret_num) :
	    type == MC_TYPE_SECS ? mc_num_seconds(in, most, ret_num) :
	    mc_num_bytes(in, most, ret_num);

	if (rc == 0 && *ret_num >= least)
		return 0;
	(void)snprintf(what, sizeof(what),
	    "must be a %s from %" PRIu64 " to %" PRIu64 "%s",
	    type == MC_TYPE_SECS ? "time" : "number", least, most,
	    type == MC_TYPE_SECS ? " seconds, like 90, 90s, 10min or 4h" : "");
	return bad_word(err, key, in, what);
}

/* the words of `choices` are separated by '|' */
static int
parse_word(enum mc_key_id key, struct mc_str in, const char *choices,
    uint64_t *ret_num, struct mc_err *err)
{
	struct mc_str rest = mc_str_from(choices);
	struct mc_str word;
	char what[96];

	for (uint64_t i = 0; mc_str_next_token(&rest, "|", &word); i++) {
		if (!mc_str_eq(in, word))
			continue;
		*ret_num = i;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "must be one of %s", choices);
	return bad_word(err, key, in, what);
}

/* ------------------------------------------------------------------ hosts */

/* an IPv4 or IPv6 literal without brackets, the latter perhaps with a zone */
static bool
is_literal(struct mc_str in)
{
	char text[INET6_ADDRSTRLEN];
	struct mc_str addr = mc_str_sub(in, 0, mc_str_chr(in, '%'));
	struct mc_str zone = mc_str_sub(in, addr.len + 1, SIZE_MAX);
	struct in6_addr six;
	struct in_addr four;

	if (addr.len == 0 || addr.len >= sizeof(text) ||
	    mc_str_chr(addr, '\0') != addr.len)
		return false;
	memcpy(text, addr.ptr, addr.len);
	text[addr.len] = '\0';
	if (addr.len == in.len && inet_pton(AF_INET, text, &four) == 1)
		return true;
	if (inet_pton(AF_INET6, text, &six) != 1)
		return false;
	for (size_t i = 0; i < zone.len; i++) {
		char c = zone.ptr[i];

		if (!mc_is_alnum((unsigned char)c) && c != '-' && c != '_' &&
		    c != '.')
			return false;
	}
	return addr.len == in.len || zone.len != 0;
}

static int
parse_host(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_str bare = in;
	struct mc_err why = { .code = MC_OK };
	bool name_only = key == MC_K_domain || key == MC_K_ehlo_name ||
	    key == MC_K_dkim_domain;

	if (key == MC_K_host && (in.ptr[0] == '/' ||
	    mc_str_starts_nocase(in, MC_STR("~/")))) {
		mc_buf_add_str(out, in);
		return 0;
	}
	if (in.len > 2 && in.ptr[0] == '[' && in.ptr[in.len - 1] == ']')
		bare = mc_str_sub(in, 1, in.len - 2);
	if (!name_only && is_literal(bare)) {
		mc_buf_add_str(out, bare);
		return 0;
	}
	if (mc_idna_host(in, !name_only, out, &why) == 0)
		return 0;
	if (why.code == MC_E_NOMEM)
		return mc_conf_nomem(err);
	if (key != MC_K_host)
		return bad_word(err, key, in, name_only ?
		    "must be a host name" :
		    "must be a host name or an address");
	if (mc_str_chr(in, ':') != in.len)
		return bad_word(err, key, in, "must be a host name, an address"
		    " or the path of a socket; the port has a key of its own");
	return bad_word(err, key, in,
	    "must be a host name, an address or the path of a socket");
}

/* RFC 5321 4.1.1.1: a name or an address literal */
static int
parse_ehlo_name(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_buf addr;

	if (in.ptr[0] != '[')
		return parse_host(key, in, out, err);
	mc_buf_init(&addr, MC_MAX_PATH + 2);

	int rc = mc_mailbox_make(MC_STR("x"), in, &addr, &why);

	if (rc == 0)
		mc_buf_add_str(out, mc_str_sub(mc_buf_str(&addr), 2, SIZE_MAX));
	mc_buf_clear(&addr);
	if (rc == 0)
		return 0;
	if (why.code == MC_E_NOMEM)
		return mc_conf_nomem(err);
	return bad_word(err, key, in, "must be a host name or an address like"
	    " [192.0.2.1] or [IPv6:2001:db8::1]");
}

/* ------------------------------------------------------------------- from */

static int
parse_from(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_patterns_check(in, false, out, &why) == 0)
		return 0;
	return pass_on(err, key, &why);
}

/* ------------------------------------------------------------- other lists */

static int
add_mech(enum mc_key_id key, struct mc_str word, struct mc_buf *out,
    struct mc_err *err)
{
	if (word.len > MAX_MECH_NAME)
		return bad(err, key, "no mechanism has so long a name");
	if (mc_str_eq_nocase(word, MC_STR("auto")) ||
	    mc_str_eq_nocase(word, MC_STR("off")))
		return bad(err, key, "auto and off stand alone");
	if (out->len != 0)
		mc_buf_addc(out, ' ');
	for (size_t i = 0; i < word.len; i++) {
		int c = (unsigned char)word.ptr[i];

		if (!mc_is_alnum(c) && c != '-' && c != '_')
			return bad(err, key, "must be auto, off, or names of"
			    " mechanisms separated by blanks");
		if (mc_is_alpha(c))
			c &= ~0x20;
		mc_buf_addc(out, (char)c);
	}
	return 0;
}

static int
parse_auth(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_str rest = in;
	struct mc_str word;

	if (mc_str_eq_nocase(in, MC_STR("auto"))) {
		mc_buf_addz(out, "auto");
		return 0;
	}
	if (mc_str_eq_nocase(in, MC_STR("off"))) {
		mc_buf_addz(out, "off");
		return 0;
	}
	while (mc_str_next_token(&rest, " \t,", &word)) {
		if (add_mech(key, word, out, err) != 0)
			return -1;
	}
	if (out->len == 0 && out->err == 0)
		return bad(err, key, "holds no name of a mechanism");
	return 0;
}

static int
add_pin(enum mc_key_id key, struct mc_str word, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_str prefix = MC_STR("sha256//");
	struct mc_buf digest;

	mc_buf_init(&digest, 4 * PIN_LEN);

	bool good = word.len > prefix.len && word.len <= 4 * PIN_LEN &&
	    mc_str_eq(mc_str_sub(word, 0, prefix.len), prefix) &&
	    mc_b64_decode(mc_str_sub(word, prefix.len, SIZE_MAX), &digest)
	    == 0;
	int rc = complete(&digest, key, err);

	if (rc == 0 && (!good || digest.len != PIN_LEN))
		rc = bad(err, key, "must be sha256// and the base64 form of"
		    " a SHA-256 digest; several are separated by blanks");
	mc_buf_clear(&digest);
	if (rc != 0)
		return -1;
	if (out->len != 0)
		mc_buf_addc(out, ' ');
	mc_buf_add_str(out, word);
	return 0;
}

static int
parse_pins(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_str rest = in;
	struct mc_str word;

	while (mc_str_next_token(&rest, " \t,", &word)) {
		if (add_pin(key, word, out, err) != 0)
			return -1;
	}
	if (out->len == 0 && out->err == 0)
		return bad(err, key, "holds no pin");
	return 0;
}

/* ------------------------------------------------------------ paths, texts */

static bool
is_path(struct mc_str in)
{
	return in.ptr[0] == '/' || mc_str_starts_nocase(in, MC_STR("~/"));
}

static int
parse_path(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	/* the directory that a caller happens to be in means nothing */
	if (!is_path(in) && !mc_str_eq(mc_str_sub(in, 0,
	    strlen(MC_CREDENTIALS)), MC_STR(MC_CREDENTIALS)))
		return bad(err, key, "must be a whole path: beginning with /,"
		    " or with ~/ for the home directory");
	if (key == MC_K_socket && in.len >= SOCKET_PATH)
		return bad(err, key, "is too long for the path of a socket");
	mc_buf_add_str(out, in);
	return 0;
}

static int
parse_log(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	if (!mc_str_eq(in, MC_STR("syslog")) &&
	    !mc_str_eq(in, MC_STR("stderr")) &&
	    !mc_str_eq(in, MC_STR("off")) && !is_path(in))
		return bad_word(err, key, in,
		    "must be syslog, stderr, off, or the whole path of a file");
	mc_buf_add_str(out, in);
	return 0;
}

static int
parse_command(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	char **argv;

	if (mc_proc_split(in, &argv, &why) != 0) {
		if (why.code == MC_E_NOMEM)
			return mc_conf_nomem(err);
		return bad(err, key, "is no command: an open quote, or no"
		    " word");
	}
	for (char **word = argv; *word != NULL; word++)
		mc_mem_wipe(*word, strlen(*word));
	mc_mem_free(argv);
	mc_buf_add_str(out, in);
	return 0;
}

static int
parse_envelope_from(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_envelope_from_check(in, out, &why) == 0)
		return 0;
	return pass_on(err, key, &why);
}

static int
parse_strip(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_strip_parse(in, out, &why) == 0)
		return 0;
	return pass_on(err, key, &why);
}

static int
parse_rate(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	uint64_t messages;
	uint64_t seconds;

	if (mc_rate_parse(in, &messages, &seconds) != 0)
		return bad_word(err, key, in, "must be a number of messages"
		    " and a time, like 20/min, 5/s, 100/h or 30/2min");
	mc_rate_format(messages, seconds, out);
	return 0;
}

/* what goes by a rate, and may be without limit */
static int
parse_allowance(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	uint64_t count, seconds;

	if (mc_str_eq(in, MC_STR("0"))) {
		mc_buf_addz(out, "0");
		return 0;
	}
	if (mc_rate_parse(in, &count, &seconds) != 0)
		return bad_word(err, key, in, "must be a number and a time, "
		    "like 600/h or 20/min, or 0 for no limit");
	mc_rate_format(count, seconds, out);
	return 0;
}

/* without the '@' of the lists */
static int
parse_group(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_who who;

	if (mc_who_parse(in, &who, NULL) != 0 ||
	    (who.kind != MC_WHO_USER && who.kind != MC_WHO_UID))
		return bad_word(err, key, in,
		    "must be the name or the number of one group");
	mc_buf_add_str(out, in);
	return 0;
}

/* lists that have modules of their own */
static int
parse_list(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    int (*check)(struct mc_str in, struct mc_buf *out, struct mc_err *err),
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (check(in, out, &why) == 0)
		return 0;
	return pass_on(err, key, &why);
}

static int
parse_url(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	if (!mc_terms_is_url(in))
		return bad_word(err, key, in, "must be an address that begins "
		    "with https:// (http:// is for 127.0.0.1, localhost and "
		    "[::1]), without blanks");
	mc_buf_add_str(out, in);
	return 0;
}

/* of ours; a name would be that of several */
static int
parse_source(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	if (!is_literal(in))
		return bad_word(err, key, in,
		    "must be an IPv4 or IPv6 address of this machine");
	mc_buf_add_str(out, in);
	return 0;
}

/* a part of an address */
static int
parse_tenant(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	for (size_t i = 0; i < in.len; i++)
		if (!mc_is_alpha(in.ptr[i]) && !mc_is_digit(in.ptr[i]) &&
		    in.ptr[i] != '-' && (in.ptr[i] != '.' || i == 0))
			return bad_word(err, key, in, "must be the directory "
			    "(tenant) ID, or a domain of the organisation");
	mc_buf_add_str(out, in);
	return 0;
}

static bool
is_oauth_url(enum mc_key_id key)
{
	return key == MC_K_oauth_device_url || key == MC_K_oauth_auth_url ||
	    key == MC_K_oauth_token_url || key == MC_K_oauth_revoke_url;
}

/* normal form of everything that is kept as text; `in` is not empty */
static int
parse_text(enum mc_key_id key, struct mc_str in, struct mc_buf *out,
    struct mc_err *err)
{
	switch (mc_key_row(key).type) {
	case MC_TYPE_HOST:
		return parse_host(key, in, out, err);
	case MC_TYPE_PATH:
		return parse_path(key, in, out, err);
	case MC_TYPE_CMD:
		return parse_command(key, in, out, err);
	case MC_TYPE_TEXT:
	case MC_TYPE_LIST:
	case MC_TYPE_SECRET:
	case MC_TYPE_UINT:
	case MC_TYPE_SECS:
	case MC_TYPE_BYTES:
	case MC_TYPE_BOOL:
	case MC_TYPE_ENUM:
		break;
	}
	if (key == MC_K_from)
		return parse_from(key, in, out, err);
	if (key == MC_K_auth)
		return parse_auth(key, in, out, err);
	if (key == MC_K_tls_pin)
		return parse_pins(key, in, out, err);
	if (key == MC_K_ehlo_name)
		return parse_ehlo_name(key, in, out, err);
	if (key == MC_K_log)
		return parse_log(key, in, out, err);
	if (key == MC_K_envelope_from)
		return parse_envelope_from(key, in, out, err);
	if (key == MC_K_strip_headers)
		return parse_strip(key, in, out, err);
	if (key == MC_K_rate)
		return parse_rate(key, in, out, err);
	if (key == MC_K_limit_messages || key == MC_K_limit_recipients)
		return parse_allowance(key, in, out, err);
	if (key == MC_K_listen)
		return parse_list(key, in, out, mc_listen_check, err);
	if (key == MC_K_socket_group)
		return parse_group(key, in, out, err);
	if (key == MC_K_allow_users)
		return parse_list(key, in, out, mc_allow_users_check, err);
	if (key == MC_K_dkim_selector)
		return parse_list(key, in, out, mc_dkim_selectors, err);
	if (key == MC_K_dkim_key)
		return parse_list(key, in, out, mc_dkim_files, err);
	if (key == MC_K_allow_sender)
		return parse_list(key, in, out, mc_allow_sender_check, err);
	if (is_oauth_url(key))
		return parse_url(key, in, out, err);
	if (key == MC_K_source_address)
		return parse_source(key, in, out, err);
	if (key == MC_K_oauth_tenant)
		return parse_tenant(key, in, out, err);
	mc_buf_add_str(out, in);
	return 0;
}

/* ------------------------------------------------------------------ values */

static int
parse_secret(enum mc_key_id key, struct mc_str in, struct mc_secret **ret,
    struct mc_err *err)
{
	struct mc_proxy proxy;

	if (mc_str_chr(in, '\0') != in.len)
		return bad(err, key, "holds a NUL byte");
	if (in.len > MC_MAX_SECRET)
		return bad(err, key, "is too long");
	*ret = NULL;
	if (in.len == 0)
		return 0;
	if (key == MC_K_proxy && mc_proxy_split(in, &proxy) != 0)
		return bad(err, key, "must be socks5h://host:port, or with "
		    "socks5, http or https in place of socks5h; "
		    "user:password@ may stand before the host, with @ : / %"
		    " in them written as %40 %3A %2F %25");
	*ret = mc_secret_new(in.ptr, in.len, err);
	return *ret == NULL ? -1 : 0;
}

/* numbers and choices: what the value means, kept beside its text */
static int
parse_num(enum mc_key_id key, struct mc_str in, uint64_t *ret_num,
    struct mc_err *err)
{
	const struct mc_key_row row = mc_key_row(key);

	switch (row.type) {
	case MC_TYPE_UINT:
	case MC_TYPE_SECS:
	case MC_TYPE_BYTES:
		return parse_number(key, in, ret_num, err);
	case MC_TYPE_ENUM:
		return parse_word(key, in, row.arg, ret_num, err);
	case MC_TYPE_BOOL:
		if (parse_word(key, in, "no|yes", ret_num, err) != 0)
			return -1;
		return 0;
	case MC_TYPE_TEXT:
	case MC_TYPE_LIST:
	case MC_TYPE_HOST:
	case MC_TYPE_PATH:
	case MC_TYPE_CMD:
	case MC_TYPE_SECRET:
		break;
	}
	return 0;
}

int
mc_value_parse(enum mc_key_id key, struct mc_str in,
    struct mc_setting *ret_setting, struct mc_err *err)
{
	struct mc_secret *secret = NULL;
	struct mc_buf out;
	uint64_t num = 0;
	char *text = NULL;
	int rc = -1;

	/* people write passwords into commands */
	if (mc_key_row(key).type == MC_TYPE_CMD)
		mc_buf_init_secret(&out, MAX_TEXT);
	else
		mc_buf_init(&out, MAX_TEXT);
	if (mc_key_row(key).type == MC_TYPE_SECRET) {
		if (parse_secret(key, in, &secret, err) != 0)
			goto out;
	} else {
		if (mc_conf_has_ctl(in)) {
			(void)bad(err, key, "holds a control byte or more than"
			    " one line");
			goto out;
		}
		if (parse_num(key, in, &num, err) != 0 ||
		    (in.len != 0 && parse_text(key, in, &out, err) != 0))
			goto out;
	}
	if (complete(&out, key, err) != 0)
		goto out;
	text = mc_mem_strndup(out.ptr, out.len);
	if (text == NULL) {
		mc_secret_free(secret);
		(void)mc_conf_nomem(err);
		goto out;
	}
	ret_setting->text = text;
	ret_setting->num = num;
	ret_setting->secret = secret;
	rc = 0;
out:
	mc_buf_clear(&out);
	return rc;
}
