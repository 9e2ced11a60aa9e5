/* SPDX-License-Identifier: MIT */
/*
 * drive.c - run the client engine over a connection, whoever made that
 */
#include "base/base.h"
#include "transport/drive.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* a session of a 0-byte message, and what every byte adds: 500 B/s */
#define SESSION_MS (3600 * INT64_C(1000))
#define MS_PER_BYTE 2

static int64_t
phase_deadline(const struct mc_drive *d)
{
	uint64_t most = d->env->account->timeout;
	uint64_t seconds = mc_client_timeout(d->client);

	if (most != 0 && most < seconds)
		seconds = most;
	return mc_clock_sooner(d->session_end,
	    mc_clock_after((int64_t)seconds * 1000));
}

/* ---------------------------------------------------------- moving the bytes */

static int
read_some(struct mc_drive *d, int64_t deadline, struct mc_err *err)
{
	size_t got;

	if (d->link->read(d->ctx, d->buf, MC_BODY_CHUNK, deadline, &got,
	    err) != 0)
		return -1;
	if (got == 0)
		return mc_err_set(err, MC_E_CLOSED, MC_STAGE_CONNECT,
		    "the server closed the connection");
	return mc_client_feed(d->client, d->buf, got, err);
}

/*
 * Write what the engine has, reading on the side: a server may answer while
 * we write, and must not answer what we have not asked.
 *
 * Returns 1 when all is out, 0 when there is input to be handled first.
 */
static int
flush(struct mc_drive *d, struct mc_err *err)
{
	struct mc_str out = mc_client_output(d->client);
	int64_t deadline = phase_deadline(d);
	size_t done;

	while (out.len != 0) {
		if (mc_client_quiet(d->client) &&
		    d->link->readable(d->ctx))
			return read_some(d, deadline, err);
		if (d->link->write(d->ctx, out.ptr, out.len, true,
		    deadline, &done, err) != 0)
			return -1;
		mc_client_sent(d->client, done);
		if (done < out.len)
			return read_some(d, deadline, err);
		out = mc_client_output(d->client);
	}
	return 1;
}

/* the engine's last words before an end: one try, not for long */
static void
flush_last(struct mc_drive *d)
{
	struct mc_str out;
	struct mc_err ignored = { 0 };
	size_t done;

	if (d->client == NULL || d->link == NULL)
		return;
	out = mc_client_output(d->client);
	if (out.len == 0)
		return;
	if (d->link->write(d->ctx, out.ptr, out.len, false,
	    mc_clock_after(1000), &done, &ignored) == 0)
		mc_client_sent(d->client, done);
}

/* ------------------------------------------------------------------ content */

/* where in extra + header + blank line + body the sender stands */
struct content {
	const struct mc_transport_job *job;
	size_t part;
	uint64_t off;
};

/* the next piece: *ret_got 0 at the end */
static int
content_next(struct content *at, char *buf, size_t size, size_t *ret_got,
    struct mc_err *err)
{
	const struct mc_str parts[] = {
		at->job->extra, at->job->header, MC_STR("\r\n"),
	};
	size_t used = 0, got;

	while (at->part < MC_NELEM(parts) && used < size) {
		struct mc_str rest = mc_str_sub(parts[at->part],
		    (size_t)at->off, size - used);

		if (rest.len != 0)
			memcpy(buf + used, rest.ptr, rest.len);
		used += rest.len;
		at->off += rest.len;
		if (at->off == parts[at->part].len) {
			at->part++;
			at->off = 0;
		}
	}
	if (at->part == MC_NELEM(parts) && used < size) {
		if (mc_spool_read(at->job->body, at->off, buf + used,
		    size - used, &got, err) != 0)
			return -1;
		at->off += got;
		used += got;
	}
	*ret_got = used;
	return 0;
}

static int
put_content(struct mc_drive *d, struct content *at, struct mc_err *err)
{
	size_t got;

	if (at == NULL)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "no content");
	if (mc_client_body_begins(d->client)) {
		at->part = 0;
		at->off = 0;
	}
	if (content_next(at, d->buf, MC_BODY_CHUNK, &got, err) != 0) {
		mc_client_body_abort(d->client, err);
		return -1;
	}
	if (got == 0)
		return mc_client_body_end(d->client, err);
	if (mc_client_body(d->client, mc_str_make(d->buf, got), err) != 0)
		return -1;
	if (d->env->progress != NULL)
		d->env->progress(d->env->progress_ctx, got);
	/* the end rides with the last piece */
	if (got < MC_BODY_CHUNK)
		return mc_client_body_end(d->client, err);
	return 0;
}

/* --------------------------------------------------------------------- drive */

void
mc_drive_name_host(const struct mc_account *account, struct mc_err *err)
{
	if (err == NULL)
		return;
	if (err->code == MC_E_AUTH_REFUSED && account->user != NULL)
		mc_err_ctx(err, "log-in as %s", account->user);
	if (account->is_service)
		mc_client_name_service(err);
	if (strstr(err->text, account->host) == NULL)
		mc_err_ctx(err, "%s", account->host);
}

static int
secure(const struct mc_drive *d, struct mc_err *err)
{
	if (d->link->secure == NULL)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_TLS,
		    "no TLS at this place");
	return d->link->secure(d->ctx, err);
}

/*
 * Run the engine until it is ready for a job, or so many are over (0: all).
 * 1: it has ended the session with its last one.  On failure every recipient of
 * the running jobs has its verdict.
 */
static int
drive(struct mc_drive *d, struct content *content, unsigned long over,
    struct mc_err *err)
{
	struct mc_client *c = d->client;
	unsigned long progress = mc_client_progress(c);
	int64_t deadline = phase_deadline(d);
	int want, rc;
	bool wrote;

	for (;;) {
		want = mc_client_step(c, err);
		if (want < 0) {
			flush_last(d);
			return -1;
		}
		if (mc_client_ended(c))
			return 1;
		if (over != 0 && mc_client_over(c) >= over)
			return 0;
		if (want == MC_WANT_BODY && mc_client_holds(c)) {
			if (put_content(d, content, err) != 0)
				break;
			continue;
		}
		wrote = mc_client_output(c).len != 0;
		rc = flush(d, err);
		if (rc < 0)
			break;
		if (rc == 0)
			continue;
		/* a wait begins when what is waited for has been asked, and
		 * the end of a message may take its time to leave */
		if (progress != mc_client_progress(c) || wrote ||
		    want == MC_WANT_BODY) {
			progress = mc_client_progress(c);
			deadline = phase_deadline(d);
		}
		switch ((enum mc_want)want) {
		case MC_WANT_READ:
			rc = read_some(d, deadline, err);
			break;
		case MC_WANT_TLS:
			rc = secure(d, err);
			deadline = phase_deadline(d);
			break;
		case MC_WANT_BODY:
			rc = d->link->readable(d->ctx) ?
			    read_some(d, deadline, err) :
			    put_content(d, content, err);
			/* the wait for the verdict begins with the end */
			deadline = phase_deadline(d);
			break;
		case MC_WANT_JOB:
			return 0;
		case MC_WANT_CLOSE:
			return mc_err_set(err, MC_E_SERVER_UNAVAILABLE,
			    MC_STAGE_END, "the server ends the session");
		}
		if (rc != 0)
			break;
	}
	mc_drive_name_host(d->env->account, err);
	mc_client_lost(c, err);
	return -1;
}

/* -------------------------------------------------------------------- public */

int
mc_drive_init(struct mc_drive *d, const struct mc_transport_env *env,
    struct mc_login *login, struct mc_err *err)
{
	memset(d, 0, sizeof(*d));
	d->env = env;
	d->login = login;
	d->session_end = mc_clock_after(env->session_ms != 0 ?
	    env->session_ms : SESSION_MS);
	d->buf = mc_mem_zalloc(1, MC_BODY_CHUNK);
	if (d->buf == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return 0;
}

void
mc_drive_clear(struct mc_drive *d)
{
	if (d->client != NULL) {
		mc_client_quit(d->client);
		flush_last(d);
	}
	mc_client_free(d->client);
	mc_mem_free(d->buf);
	memset(d, 0, sizeof(*d));
}

int
mc_drive_client(struct mc_drive *d, enum mc_client_tls tls,
    const struct mc_sasl_channel *channel, struct mc_err *err)
{
	const struct mc_account *a = d->env->account;
	const unsigned *quirks = d->env->quirks;
	struct mc_client_settings s = { 0 };
	int rc;

	s.ehlo_name = mc_str_from(a->ehlo_name != NULL ? a->ehlo_name :
	    "localhost");
	s.tls = tls;
	s.channel = *channel;
	s.unverified_ok = a->auth_unverified;
	s.sasl = d->login->sasl;
	s.no_pipelining = a->pipelining == MC_PIPELINING_OFF;
	s.is_service = a->is_service;
	s.lmtp = a->protocol == MC_PROTOCOL_LMTP;
	s.one_flight = a->pipelining == MC_PIPELINING_FULL &&
	    d->env->facts == NULL && (quirks == NULL || (*quirks & MC_QUIRK_FLIGHT) == 0);
	s.no_chunking = !a->chunking || (quirks != NULL &&
	    (*quirks & MC_QUIRK_CHUNKING) != 0);
	s.log = d->env->log;
	s.facts = d->env->facts;
	rc = mc_client_new(&s, &d->client, err);
	mc_mem_wipe(&s.channel, sizeof(s.channel));
	return rc;
}

int
mc_drive_open(struct mc_drive *d, struct mc_err *err)
{
	return drive(d, NULL, 0, err);
}

/* what another connection to this server should mind */
static void
learn(struct mc_drive *d)
{
	if (d->env->quirks == NULL)
		return;
	if (mc_client_stumbled(d->client))
		*d->env->quirks |= MC_QUIRK_CHUNKING;
	if (mc_client_out_of_step(d->client))
		*d->env->quirks |= MC_QUIRK_FLIGHT;
	if (mc_client_refuses_binary(d->client))
		*d->env->quirks |= MC_QUIRK_BINARY;
}

/* the log-in failed: whom the server has not served all the same, nobody has
 * asked about */
static void
take_back(const struct mc_transport_job *job)
{
	for (size_t k = 0; k < job->n; k++) {
		struct mc_rcpt *rcpt = mc_envelope_at(job->env, job->order[k]);

		if (rcpt->verdict == MC_DEFERRED)
			rcpt->verdict = MC_PENDING;
	}
}

static void
make_job(struct mc_drive *d, const struct mc_transport_job *job,
    struct mc_client_job *ret_cj)
{
	memset(ret_cj, 0, sizeof(*ret_cj));
	ret_cj->env = job->env;
	ret_cj->order = job->order;
	ret_cj->n = job->n;
	ret_cj->size = job->extra.len + job->header.len + 2 + job->body->size;
	ret_cj->needs_8bit = job->needs_8bit;
	ret_cj->needs_utf8 = job->needs_utf8;
	ret_cj->unfit = job->unfit;
	ret_cj->needs_binary = job->needs_binary;
	ret_cj->last = job->last;
	ret_cj->ask = job->ask;
	ret_cj->now = mc_clock_real_ms() / 1000;
	d->session_end = mc_clock_after(SESSION_MS +
	    (int64_t)(ret_cj->size * MS_PER_BYTE));
}

int
mc_drive_send(struct mc_drive *d, const struct mc_transport_job *job,
    struct mc_err *err)
{
	struct mc_client_job cj;
	struct content content = { job, 0, 0 };
	int rc;

	make_job(d, job, &cj);
	if (mc_client_begin(d->client, &cj, err) != 0)
		return -1;
	rc = drive(d, &content, 0, err);
	d->waited = mc_client_over(d->client) - d->at_once;
	if (rc < 0 && !mc_client_ready(d->client))
		mc_drive_name_host(d->env->account, err);
	if (rc < 0 && mc_client_login_failed(d->client))
		take_back(job);
	learn(d);
	if (mc_client_ready(d->client))
		mc_login_clear(d->login);
	return rc;
}

bool
mc_drive_ready(const struct mc_drive *d)
{
	return mc_client_ready(d->client);
}

/* nothing is written before a good deal has come together, or somebody waits */
int
mc_drive_start(struct mc_drive *d, const struct mc_transport_job *job,
    struct mc_err *err)
{
	struct mc_client *c = d->client;
	struct content content = { job, 0, 0 };
	unsigned long over = mc_client_over(c);
	struct mc_client_job cj;
	int want;

	make_job(d, job, &cj);
	if (!mc_client_overlaps(c, cj.size))
		return 2;
	if (mc_client_begin(c, &cj, err) != 0)
		goto lost;
	if (mc_client_over(c) != over) {
		d->at_once++;
		return 1;
	}
	while ((want = mc_client_step(c, err)) == MC_WANT_BODY)
		if (put_content(d, &content, err) != 0)
			goto lost;
	if (want < 0) {
		flush_last(d);
		learn(d);
		return -1;
	}
	if (mc_client_output(c).len < MC_MAX_EARLY || flush(d, err) >= 0)
		return 0;
lost:
	mc_drive_name_host(d->env->account, err);
	mc_client_lost(c, err);
	learn(d);
	return -1;
}

int
mc_drive_finish(struct mc_drive *d, struct mc_err *err)
{
	int rc;

	d->waited++;
	rc = drive(d, NULL, d->waited + d->at_once, err);
	learn(d);
	return rc;
}

void
mc_drive_drop(struct mc_drive *d, const struct mc_err *why)
{
	struct mc_err err = { .code = MC_OK };

	/* what the server has said already counts */
	if (mc_client_step(d->client, &err) < 0)
		return;
	err = *why;
	mc_drive_name_host(d->env->account, &err);
	mc_client_lost(d->client, &err);
}

struct mc_transport_limits
mc_drive_limits(const struct mc_drive *d)
{
	const struct mc_caps *caps = mc_client_caps(d->client);

	return (struct mc_transport_limits){ caps->rcpt_max, caps->domain_max,
	    caps->mail_max };
}

unsigned
mc_drive_takes(const struct mc_drive *d)
{
	unsigned flags = mc_client_caps(d->client)->flags;
	bool binary = mc_client_takes_binary(d->client) &&
	    (d->env->quirks == NULL ||
	    (*d->env->quirks & MC_QUIRK_BINARY) == 0);

	return ((flags & MC_CAP_8BITMIME) != 0 ? MC_TAKES_8BIT : 0) |
	    ((flags & MC_CAP_SMTPUTF8) != 0 ? MC_TAKES_UTF8 : 0) |
	    (mc_client_takes_more(d->client) ? MC_TAKES_MORE : 0) |
	    (binary ? MC_TAKES_BINARY : 0);
}
