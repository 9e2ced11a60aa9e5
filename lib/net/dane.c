/* SPDX-License-Identifier: MIT */
/*
 * dane.c - run the helper that looks up TLSA records, and read its lines
 */
#include "base/base.h"

#include "net/dane.h"

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/place.h"
#include "base/proc.h"
#include "net/connect.h"

#define HELPER "mailchute-tlsa"

/* of the helper's output: a DNS message in hexadecimal, and the words */
#define MAX_OUTPUT (256 * 1024)
#define MAX_RECORDS 100
#define MAX_LINES 1000

void
mc_dane_init(struct mc_dane *dane)
{
	dane->base[0] = '\0';
	dane->why[0] = '\0';
	mc_vec_init(&dane->records, sizeof(struct mc_tlsa), MAX_RECORDS);
	mc_buf_init(&dane->data, MAX_OUTPUT);
}

void
mc_dane_clear(struct mc_dane *dane)
{
	mc_vec_clear(&dane->records);
	mc_buf_clear(&dane->data);
	mc_dane_init(dane);
}

static int
nonsense(struct mc_err *err)
{
	return mc_err_set(err, MC_E_HELPER, MC_STAGE_RESOLVE, "%s has printed "
	    "something else than TLSA records: install all of mailchute again",
	    HELPER);
}

/* ------------------------------------------------------------------ records */

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
add_hex(struct mc_str hex, struct mc_buf *out)
{
	if (hex.len == 0 || hex.len % 2 != 0)
		return -1;
	for (size_t i = 0; i < hex.len; i += 2) {
		int high = digit(hex.ptr[i]), low = digit(hex.ptr[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		mc_buf_addc(out, (char)(high << 4 | low));
	}
	return 0;
}

/*
 * RFC 7672 3.1.3: usages 0 and 1 mean nothing for SMTP.  What is unknown may
 * be something that a later RFC defines.
 */
static bool
counts(const struct mc_tlsa *r)
{
	if ((r->usage != MC_DANE_TA && r->usage != MC_DANE_EE) || r->selector > 1)
		return false;
	return r->type == 0 || (r->type == 1 && r->len == 32) ||
	    (r->type == 2 && r->len == 64);
}

static int
add_record(struct mc_dane *dane, struct mc_str rest, struct mc_err *err)
{
	unsigned char *p;
	struct mc_tlsa r = { .off = dane->data.len };
	struct mc_str word;
	uint64_t n[3];

	for (size_t i = 0; i < MC_NELEM(n); i++)
		if (!mc_str_next_token(&rest, " ", &word) ||
		    mc_num_u64(word, 255, &n[i]) != 0)
			return nonsense(err);
	r.usage = (unsigned char)n[0];
	r.selector = (unsigned char)n[1];
	r.type = (unsigned char)n[2];
	if (!mc_str_next_token(&rest, " ", &word) || rest.len != 0 ||
	    add_hex(word, &dane->data) != 0)
		return nonsense(err);
	if (mc_buf_err(&dane->data, "TLSA", err) != 0)
		return -1;
	r.len = dane->data.len - r.off;
	if (!counts(&r))
		return 0;
	if (dane->records.n == MAX_RECORDS)
		return nonsense(err);
	p = mc_vec_add(&dane->records);
	if (p == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_RESOLVE, NULL);
	memcpy(p, &r, sizeof(r));
	return 0;
}

/* ------------------------------------------------------------------ verdict */

static int
set_base(struct mc_dane *dane, struct mc_str name, struct mc_err *err)
{
	if (name.len == 0 || name.len > MC_MAX_DOMAIN || name.ptr[0] == '.' ||
	    !mc_str_is_ascii(name) || mc_str_has_ctl(name) ||
	    mc_str_chr(name, ' ') != name.len)
		return nonsense(err);
	if (dane->records.n == 0) {
		snprintf(dane->why, sizeof(dane->why), "no TLSA record of %.*s "
		    "is one for SMTP", MC_STR_FMT(mc_str_sub(name, 0, 100)));
		return 0;
	}
	memcpy(dane->base, name.ptr, name.len);
	dane->base[name.len] = '\0';
	return 0;
}

static int
take_verdict(struct mc_dane *dane, struct mc_str word, struct mc_str rest,
    struct mc_err *err)
{
	char text[sizeof(dane->why)];
	bool again = mc_str_eq(word, MC_STR("again")), first;

	mc_str_printable(rest, text, sizeof(text));
	if (mc_str_eq(word, MC_STR("secure")))
		return set_base(dane, rest, err);
	/* records that nobody vouches for */
	if (dane->data.len != 0)
		return nonsense(err);
	if (mc_str_eq(word, MC_STR("none")) && rest.len == 0) {
		snprintf(dane->why, sizeof(dane->why), "it has no TLSA "
		    "records");
		return 0;
	}
	if (rest.len == 0)
		return nonsense(err);
	if (mc_str_eq(word, MC_STR("insecure"))) {
		snprintf(dane->why, sizeof(dane->why), "%s", text);
		return 0;
	}
	if (!again && !mc_str_eq(word, MC_STR("failed")))
		return nonsense(err);
	first = !mc_err_is_set(err);
	mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE, "cannot look up TLSA "
	    "records, which tls-verify = dane needs: %s", text);
	/* as when getaddrinfo says so: the network may be down */
	if (err != NULL && first && again)
		err->sys = EAGAIN;
	return -1;
}

/* every line has its end, so that one that was cut off is no other one */
static int
read_lines(struct mc_str text, struct mc_dane *dane, struct mc_err *err)
{
	for (size_t n = 0; text.len != 0 && n < MAX_LINES; n++) {
		size_t end = mc_str_chr(text, '\n');
		struct mc_str line = mc_str_sub(text, 0, end);
		size_t blank = mc_str_chr(line, ' ');
		struct mc_str word = mc_str_sub(line, 0, blank);
		struct mc_str rest = mc_str_sub(line, blank + 1, SIZE_MAX);
		bool last = end + 1 == text.len;

		if (end == text.len)
			break;
		if (last)
			return take_verdict(dane, word, rest, err);
		if (!mc_str_eq(word, MC_STR("tlsa")))
			break;
		if (add_record(dane, rest, err) != 0)
			return -1;
		text = mc_str_sub(text, end + 1, SIZE_MAX);
	}
	return nonsense(err);
}

int
mc_dane_parse(struct mc_str text, struct mc_dane *dane, struct mc_err *err)
{
	if (read_lines(text, dane, err) != 0) {
		mc_dane_clear(dane);
		return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------- lookup */

#ifdef WITH_DANE
static int
run(const struct mc_dane_query *q, char *program, struct mc_buf *out,
    struct mc_err *err)
{
	char *argv[4] = { program, NULL, NULL, NULL };
	int64_t end = mc_clock_after(q->timeout_ms);
	struct mc_err why = { .code = MC_OK };
	int rc = -1;

	argv[1] = mc_mem_strdup(q->host);
	argv[2] = mc_mem_strdup(q->port);
	if (argv[1] == NULL || argv[2] == NULL)
		mc_err_set(err, MC_E_NOMEM, MC_STAGE_RESOLVE, NULL);
	else
		rc = mc_proc_run(argv, q->envp, q->timeout_ms, q->cancel_fd,
		    out, &why);
	if (why.code == MC_E_HELPER && mc_clock_left(end) == 0)
		mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_RESOLVE, "no answer "
		    "about the TLSA records of %s in time, which tls-verify = "
		    "dane needs", q->host);
	else if (why.code != MC_OK)
		mc_err_set(err, why.code, MC_STAGE_RESOLVE, "cannot look up "
		    "TLSA records, which tls-verify = dane needs: %s",
		    why.text);
	mc_mem_free(argv[1]);
	mc_mem_free(argv[2]);
	return rc;
}

static char *
find_helper(const char *program, struct mc_err *err)
{
	char *path;

	if (program == NULL)
		return mc_place_find(PKGLIBEXECDIR "/" HELPER,
		    "/helper/" HELPER, err);
	path = mc_mem_strdup(program);
	if (path == NULL)
		mc_err_set(err, MC_E_NOMEM, MC_STAGE_RESOLVE, NULL);
	return path;
}

int
mc_dane_lookup(const struct mc_dane_query *query, struct mc_dane *dane,
    struct mc_err *err)
{
	struct mc_buf out;
	char *program;
	int rc = -1;

	if (mc_net_is_literal(query->host) ||
	    mc_net_is_loopback(query->host)) {
		snprintf(dane->why, sizeof(dane->why), "%.100s is no name in "
		    "DNS", query->host);
		return 0;
	}
	program = find_helper(query->program, err);
	if (program == NULL)
		return -1;
	mc_buf_init(&out, MAX_OUTPUT);
	if (run(query, program, &out, err) == 0)
		rc = mc_dane_parse(mc_buf_str(&out), dane, err);
	mc_buf_clear(&out);
	mc_mem_free(program);
	return rc;
}
#else
int
mc_dane_lookup(const struct mc_dane_query *query, struct mc_dane *dane,
    struct mc_err *err)
{
	(void)query;
	(void)dane;
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "tls-verify: "
	    "this mailchute was built without DANE");
}
#endif
