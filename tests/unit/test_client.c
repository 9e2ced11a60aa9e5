/* SPDX-License-Identifier: MIT */
/*
 * test_client.c - the client engine: every order of reply classes
 *
 * The engine is driven without a socket.  A model that knows nothing of the
 * engine pairs the commands it wrote with the replies it was given, and says
 * which verdict each recipient must have.
 */
#include "unit.h"

#include "base/b64.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "smtp/client.h"

#define N_RCPTS 2
#define TEXT "Subject: x\r\n\r\n.hi\r\n"
#define MAX_DEPTH 14

static const char *const alphabet[] = {
	"220 hi", "250 ok", "251 moved", "235 welcome", "334 ", "354 go",
	"421 bye", "450 later", "452 too many", "550 no", "552 full",
	"530 log in", "250-", "xyz", "502 what",
};
#define N_ALPHABET MC_NELEM(alphabet)

enum tls { WALK_PLAIN, WALK_STARTTLS, WALK_TLS };

struct walk {
	enum tls tls;
	bool auth;
	bool pipelining;
	bool verified;
	bool chunking;
	bool flight;
	bool last;		/* QUIT may ride */
	bool lmtp;
};

/* what the model makes of the session */
struct model {
	unsigned rcpt[N_RCPTS];		/* reply codes, 0: none */
	unsigned end[N_RCPTS];		/* the same for all, but in LMTP */
	unsigned mail, data, last;
	bool secured, auth_sent, authed, clear_secret, dot, chunk, quit;
	size_t pending[64];		/* commands without reply: enum what */
	size_t n_pending;
	size_t rcpt_at;
};

enum what { W_GREETING, W_EHLO, W_HELO, W_STARTTLS, W_AUTH, W_MAIL, W_RCPT,
	W_DATA, W_END, W_RSET, W_QUIT, W_BDAT, W_OTHER };

struct run {
	struct walk walk;
	struct mc_client *c;
	struct mc_sasl *sasl;
	struct mc_secret *password;
	struct mc_envelope env;
	size_t order[N_RCPTS];
	struct model m;
	size_t skip;
	bool in_body;
	bool begun;
	bool dead;
	bool job_over;
	int last_want;
	enum mc_verdict seen[N_RCPTS];
};

static enum what
what_is(const char *line, size_t n)
{
	static const struct {
		const char *verb;
		enum what what;
	} verbs[] = {
		{ "EHLO ", W_EHLO }, { "LHLO ", W_EHLO }, { "HELO ", W_HELO },
		{ "STARTTLS", W_STARTTLS }, { "AUTH ", W_AUTH },
		{ "MAIL FROM:", W_MAIL }, { "RCPT TO:", W_RCPT },
		{ "DATA", W_DATA }, { "RSET", W_RSET }, { "QUIT", W_QUIT },
		{ "BDAT ", W_BDAT },
	};
	size_t i;

	for (i = 0; i < MC_NELEM(verbs); i++)
		if (n >= strlen(verbs[i].verb) &&
		    memcmp(line, verbs[i].verb, strlen(verbs[i].verb)) == 0)
			return verbs[i].what;
	return W_OTHER;
}

/* RFC 2033 4.2: a reply for each who was accepted */
static void
await_end(struct run *r)
{
	struct model *m = &r->m;
	size_t n = 0;

	for (size_t i = 0; i < N_RCPTS; i++)
		if (m->rcpt[i] >= 250 && m->rcpt[i] <= 252)
			n++;
	if (!r->walk.lmtp)
		n = 1;
	/* nothing is sent for nobody */
	assert_int_not_equal(n, 0);
	while (n-- != 0)
		m->pending[m->n_pending++] = W_END;
}

static void
note_end(struct run *r, unsigned code)
{
	struct model *m = &r->m;

	for (size_t i = 0; i < N_RCPTS; i++) {
		if (r->walk.lmtp && (m->end[i] != 0 || m->rcpt[i] < 250 ||
		    m->rcpt[i] > 252))
			continue;
		m->end[i] = code;
		if (r->walk.lmtp)
			return;
	}
}

static void
take_line(struct run *r, const char *line, size_t n)
{
	struct model *m = &r->m;
	enum what w;

	if (r->in_body) {
		if (n == 1 && line[0] == '.') {
			m->dot = true;
			r->in_body = false;
			await_end(r);
		}
		return;
	}
	w = what_is(line, n);
	/* the last word */
	assert_false(m->quit);
	m->quit = w == W_QUIT;
	if (w == W_AUTH) {
		m->auth_sent = true;
		if (!m->secured)
			m->clear_secret = true;
	}
	if ((w == W_MAIL || w == W_RCPT || w == W_DATA || w == W_BDAT) &&
	    r->walk.auth)
		assert_true(r->walk.flight ? m->auth_sent : m->authed);
	if (w == W_BDAT) {
		assert_true(r->walk.chunking);
		char bdat[40];

		(void)snprintf(bdat, sizeof(bdat), "BDAT %zu LAST",
		    sizeof(TEXT) - 1);
		assert_int_equal(strncmp(line, bdat, strlen(bdat)), 0);
		r->skip = sizeof(TEXT) - 1;
		m->dot = m->chunk = true;
		await_end(r);
		return;
	}
	/* in LMTP who is accepted has to be known before */
	if (w == W_DATA && r->walk.lmtp)
		assert_int_equal(m->rcpt_at, N_RCPTS);
	if (r->walk.tls == WALK_STARTTLS && !m->secured)
		assert_true(w == W_EHLO || w == W_STARTTLS || w == W_QUIT);
	if (w == W_HELO)
		assert_true(r->walk.tls == WALK_PLAIN && !r->walk.lmtp);
	if (w == W_EHLO)
		assert_int_equal(line[0], r->walk.lmtp ? 'L' : 'E');
	if (w == W_QUIT)
		return;
	assert_true(m->n_pending < MC_NELEM(m->pending));
	m->pending[m->n_pending++] = w;
}

static void
drain(struct run *r)
{
	struct mc_str out = mc_client_output(r->c);
	size_t from = 0, i;

	for (i = 0; i + 1 < out.len; i++) {
		if (out.ptr[i] != '\r' || out.ptr[i + 1] != '\n')
			continue;
		take_line(r, out.ptr + from, i - from);
		from = i + 2 + r->skip;
		if (r->skip != 0) {
			/* the text stands behind it, and nothing else */
			assert_true(from <= out.len);
			assert_memory_equal(out.ptr + i + 2, TEXT, r->skip);
			i = from - 1;
			r->skip = 0;
		}
	}
	assert_int_equal(from, out.len);
	mc_client_sent(r->c, out.len);
}

/*
 * The verdict of a recipient is set once and stays; only a refusal is taken
 * back when the session breaks before its group of commands is over.
 */
static void
watch(struct run *r)
{
	size_t i;

	for (i = 0; i < N_RCPTS; i++) {
		enum mc_verdict v = mc_envelope_at(&r->env, i)->verdict;

		if (r->seen[i] == MC_FAILED && v == MC_DEFERRED)
			assert_true(r->walk.chunking || !r->m.dot);
		else if (r->seen[i] != MC_PENDING)
			assert_int_equal(v, r->seen[i]);
		r->seen[i] = v;
	}
}

static void
begin(struct run *r)
{
	struct mc_client_job job = { 0 };

	job.env = &r->env;
	job.order = r->order;
	job.n = N_RCPTS;
	job.size = sizeof(TEXT) - 1;
	job.last = r->walk.last;
	assert_int_equal(mc_client_begin(r->c, &job, NULL), 0);
	r->begun = true;
}

/* go on until the engine wants input or is over */
static void
go_on(struct run *r)
{
	struct mc_sasl_channel channel = { .verified = r->walk.verified,
	    .unverified_ok = true };
	struct mc_err err = { 0 };
	struct mc_str quit;
	int want;

	for (;;) {
		want = mc_client_step(r->c, &err);
		drain(r);
		watch(r);
		r->last_want = want;
		if (want < 0) {
			assert_int_not_equal(err.code, MC_OK);
			assert_int_not_equal(err.text[0], 0);
			r->dead = true;
			return;
		}
		switch ((enum mc_want)want) {
		case MC_WANT_READ:
			return;
		case MC_WANT_CLOSE:
			r->dead = true;
			r->job_over = mc_client_ended(r->c);
			if (r->job_over)
				assert_true(r->walk.last && r->m.chunk &&
				    r->m.quit);
			return;
		case MC_WANT_TLS:
			r->m.secured = true;
			mc_client_secured(r->c, &channel);
			break;
		case MC_WANT_JOB:
			if (r->begun) {
				assert_false(r->m.quit);
				r->job_over = true;
				return;
			}
			begin(r);
			break;
		case MC_WANT_BODY:
			r->in_body = r->m.data == 354;
			assert_true(mc_client_body_begins(r->c));
			if (r->in_body)
				assert_true(!r->walk.auth || r->m.authed);
			assert_int_equal(mc_client_body(r->c, MC_STR(TEXT),
			    NULL), 0);
			assert_int_equal(mc_client_body_end(r->c, NULL), 0);
			quit = mc_client_output(r->c);
			quit = mc_str_sub(quit, quit.len - 6, 6);
			assert_int_equal(mc_str_eq(quit, MC_STR("QUIT\r\n")),
			    !r->in_body && r->walk.last && r->walk.flight &&
			    !r->walk.lmtp);
			break;
		}
	}
}

static void
note_reply(struct run *r, unsigned code)
{
	struct model *m = &r->m;
	enum what w;

	assert_true(m->n_pending > 0);
	w = (enum what)m->pending[0];
	m->last = code;
	m->n_pending--;
	memmove(m->pending, m->pending + 1,
	    m->n_pending * sizeof(m->pending[0]));
	if (w == W_MAIL)
		m->mail = code;
	else if (w == W_RCPT)
		m->rcpt[m->rcpt_at++] = code;
	else if (w == W_DATA)
		m->data = code;
	else if (w == W_END)
		note_end(r, code);
	else if (w == W_AUTH && code == 235)
		m->authed = true;
	if (w == W_DATA && code == 354)
		r->in_body = true;
}

static void
run_init(struct run *r, const struct walk *walk)
{
	struct mc_client_settings s = { 0 };
	struct mc_sasl_settings ss = { .user = "me", .mechs = "PLAIN",
	    .host = "h", .port = "465", .max_iterations = 10000 };
	size_t i, at;

	memset(r, 0, sizeof(*r));
	r->walk = *walk;
	r->m.secured = walk->tls == WALK_TLS;
	mc_envelope_init(&r->env);
	assert_int_equal(mc_envelope_set_sender(&r->env, MC_STR("me@a.example"),
	    NULL), 0);
	for (i = 0; i < N_RCPTS; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "u%zu@b.example", i);
		assert_int_equal(mc_envelope_add(&r->env, mc_str_from(addr),
		    false, &at, NULL), 0);
		r->order[i] = i;
	}
	if (walk->auth) {
		r->password = mc_secret_new("s3cret", 6, NULL);
		ss.password = r->password;
		assert_int_equal(mc_sasl_new(&ss, &r->sasl, NULL), 0);
	}
	s.ehlo_name = MC_STR("localhost");
	s.tls = walk->tls == WALK_PLAIN ? MC_CLIENT_TLS_NONE :
	    walk->tls == WALK_TLS ? MC_CLIENT_TLS_DONE :
	    MC_CLIENT_TLS_STARTTLS;
	s.channel.verified = walk->verified;
	s.channel.unverified_ok = true;
	s.unverified_ok = true;
	s.sasl = r->sasl;
	s.no_pipelining = !walk->pipelining;
	s.one_flight = walk->flight;
	s.lmtp = walk->lmtp;
	assert_int_equal(mc_client_new(&s, &r->c, NULL), 0);
	r->m.pending[r->m.n_pending++] = W_GREETING;
	go_on(r);
}

static void
run_clear(struct run *r)
{
	mc_client_free(r->c);
	mc_sasl_free(r->sasl);
	mc_secret_free(r->password);
	mc_envelope_clear(&r->env);
}

/* one reply of the alphabet; EHLO gets a list of keywords with its 250 */
static void
give(struct run *r, size_t symbol)
{
	char text[256];
	const char *word = alphabet[symbol];
	bool ehlo = r->m.n_pending > 0 && r->m.pending[0] == W_EHLO;
	unsigned code = 0;

	if (symbol == 12 || (ehlo && symbol == 1)) {
		snprintf(text, sizeof(text), "250-host\r\n250-PIPELINING\r\n"
		    "%s%s250 AUTH PLAIN\r\n", r->walk.tls == WALK_STARTTLS ?
		    "250-STARTTLS\r\n" : "", r->walk.chunking ?
		    "250-CHUNKING\r\n" : "");
		code = 250;
	} else {
		snprintf(text, sizeof(text), "%s\r\n", word);
		if (mc_is_digit((unsigned char)word[0]))
			code = (unsigned)(word[0] - '0') * 100 +
			    (unsigned)(word[1] - '0') * 10 +
			    (unsigned)(word[2] - '0');
	}
	assert_int_equal(mc_client_feed(r->c, text, strlen(text), NULL), 0);
	if (code != 0)
		note_reply(r, code);
	go_on(r);
}

static bool
good(unsigned code)
{
	return code >= 250 && code <= 259;
}

/* what must hold whenever a job is over or the connection is lost */
static void
check_verdicts(struct run *r)
{
	const struct model *m = &r->m;
	bool trusted = r->walk.verified || r->walk.tls == WALK_PLAIN;
	size_t i;

	for (i = 0; i < N_RCPTS; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(&r->env, i);
		bool granted = m->chunk || m->data == 354;
		bool accepted = good(m->mail) && m->rcpt[i] >= 250 &&
		    m->rcpt[i] <= 252 && granted && m->dot;
		/* what leaves together may have been taken before we know */
		bool perhaps = m->chunk && m->dot &&
		    m->mail < 400 && m->rcpt[i] < 400;

		if (!r->begun) {
			assert_int_equal(rcpt->verdict, MC_PENDING);
			continue;
		}
		assert_int_not_equal(rcpt->verdict, MC_PENDING);
		if (r->walk.flight && r->walk.auth && !m->authed)
			assert_int_not_equal(rcpt->verdict, MC_FAILED);
		if (accepted && good(m->end[i]))
			assert_int_equal(rcpt->verdict, MC_DELIVERED);
		else
			assert_int_not_equal(rcpt->verdict, MC_DELIVERED);
		/* a goodbye in place of an earlier reply: it has not read on */
		if (accepted && m->end[i] == 0 &&
		    !(r->walk.chunking && m->last == 421) &&
		    !(r->walk.lmtp && r->dead && m->last >= 400))
			assert_int_equal(rcpt->verdict, MC_UNSURE);
		if (rcpt->verdict == MC_FAILED) {
			assert_true(trusted);
			assert_true(!r->walk.auth || m->authed);
			assert_true(m->mail >= 500 || m->rcpt[i] >= 500 ||
			    m->data >= 500 || m->end[i] >= 500);
		}
		if (rcpt->verdict == MC_UNSURE)
			assert_true(accepted || perhaps);
		if (rcpt->verdict != MC_DELIVERED)
			assert_non_null(rcpt->text);
	}
	assert_false(m->clear_secret);
}

static unsigned long walked, lost;

/* replay the path, check the node, and also cut the connection here */
static bool
visit(const struct walk *walk, const size_t *path, size_t n)
{
	struct mc_err err = { 0 };
	struct run r;
	size_t i;
	bool open;

	run_init(&r, walk);
	for (i = 0; i < n && !r.dead && !r.job_over; i++)
		give(&r, path[i]);
	open = !r.dead && !r.job_over;
	if (open) {
		assert_int_equal(r.last_want, MC_WANT_READ);
		(void)mc_err_set(&err, MC_E_CLOSED, MC_STAGE_CONNECT, NULL);
		mc_client_lost(r.c, &err);
		watch(&r);
		lost++;
	}
	check_verdicts(&r);
	walked++;
	run_clear(&r);
	return open;
}

static void
walk_all(const struct walk *walk, size_t depth)
{
	size_t path[MAX_DEPTH] = { 0 };
	size_t n = 0;

	walked = lost = 0;
	if (!visit(walk, path, 0))
		return;
	/* depth first without recursion: path is a counter with a length */
	path[0] = 0;
	n = 1;
	for (;;) {
		if (visit(walk, path, n) && n < depth) {
			path[n++] = 0;
			continue;
		}
		while (n > 0 && ++path[n - 1] == N_ALPHABET)
			n--;
		if (n == 0)
			break;
	}
	/* a walk that ends early has walked nothing worth the name */
	assert_true(walked > 1000);
	assert_true(lost > 50);
	print_message("# %lu sequences, %lu of them cut\n", walked, lost);
}

static void
test_walk_plain_pipelined(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .auth = false,
	    .pipelining = true, .verified = false }, 8);
}

static void
test_walk_plain_lockstep(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .auth = false,
	    .pipelining = false, .verified = false }, 8);
}

static void
test_walk_tls_auth(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_TLS, .auth = true,
	    .pipelining = true, .verified = true }, 8);
}

static void
test_walk_starttls(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_STARTTLS, .auth = false,
	    .pipelining = true, .verified = true }, 9);
}

/* the log-in and the commands of a message in one write */
static void
test_walk_flight(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_TLS, .auth = true,
	    .pipelining = true, .verified = true, .flight = true }, 8);
}

/* the text too */
static void
test_walk_flight_chunking(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_TLS, .auth = true,
	    .pipelining = true, .verified = true, .flight = true,
	    .chunking = true }, 8);
}

/* and the goodbye */
static void
test_walk_flight_quit(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_TLS, .auth = true,
	    .pipelining = true, .verified = true, .flight = true,
	    .chunking = true, .last = true }, 8);
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .pipelining = true,
	    .flight = true, .chunking = true, .last = true }, 7);
	/* never by itself */
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .pipelining = true,
	    .flight = true, .last = true }, 6);
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .pipelining = true,
	    .chunking = true, .last = true }, 6);
}

/* LMTP: a verdict on the text for each */
static void
test_walk_lmtp(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .pipelining = true,
	    .lmtp = true }, 8);
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .lmtp = true }, 8);
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .pipelining = true,
	    .chunking = true, .lmtp = true }, 8);
	walk_all(&(struct walk){ .tls = WALK_TLS, .verified = true,
	    .chunking = true, .lmtp = true }, 7);
	walk_all(&(struct walk){ .tls = WALK_TLS, .verified = true,
	    .auth = true, .pipelining = true, .flight = true, .chunking = true,
	    .lmtp = true, .last = true }, 8);
}

static void
test_walk_chunking(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_PLAIN, .pipelining = true,
	    .chunking = true }, 8);
	walk_all(&(struct walk){ .tls = WALK_TLS, .chunking = true }, 7);
}

/* ------------------------------------------------------ several in flight */

#define N_FLYING 5

/* what the server says to N_FLYING messages, one recipient each; the third is
 * refused */
static const char flying_replies[] =
    "250 mail\r\n250 rcpt\r\n250 done 0\r\n"
    "250 rset\r\n250 mail\r\n250 rcpt\r\n250 done 1\r\n"
    "250 rset\r\n250 mail\r\n550 5.1.1 who\r\n554 nobody\r\n"
    "250 rset\r\n250 mail\r\n250-rcpt\r\n250 rcpt\r\n250 done 3\r\n"
    "250 rset\r\n250 mail\r\n250 rcpt\r\n250 done 4\r\n";

struct flying {
	struct mc_client *c;
	struct mc_envelope env;
	size_t order[N_FLYING];
	bool last;
};

static void
flying_init(struct flying *f)
{
	struct mc_client_settings s = { .ehlo_name = MC_STR("localhost"),
	    .tls = MC_CLIENT_TLS_NONE, .one_flight = f->last };
	static const char ehlo[] = "250-x\r\n250-PIPELINING\r\n"
	    "250 CHUNKING\r\n";
	struct mc_client_job job = { .env = &f->env, .n = 1,
	    .size = sizeof(TEXT) - 1 };
	size_t i, at;

	mc_envelope_init(&f->env);
	assert_int_equal(mc_envelope_set_sender(&f->env,
	    MC_STR("me@a.example"), NULL), 0);
	assert_int_equal(mc_client_new(&s, &f->c, NULL), 0);
	assert_int_equal(mc_client_feed(f->c, "220 x\r\n", 7, NULL), 0);
	assert_int_equal(mc_client_step(f->c, NULL), MC_WANT_READ);
	mc_client_sent(f->c, mc_client_output(f->c).len);
	assert_int_equal(mc_client_feed(f->c, ehlo, sizeof(ehlo) - 1, NULL),
	    0);
	assert_int_equal(mc_client_step(f->c, NULL), MC_WANT_JOB);
	for (i = 0; i < N_FLYING; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "u%zu@b.example", i);
		assert_int_equal(mc_envelope_add(&f->env, mc_str_from(addr),
		    false, &at, NULL), 0);
		f->order[i] = i;
	}
	for (i = 0; i < N_FLYING; i++) {
		job.order = &f->order[i];
		job.last = f->last && i == N_FLYING - 1;
		assert_true(mc_client_overlaps(f->c, job.size));
		assert_int_equal(mc_client_begin(f->c, &job, NULL), 0);
		assert_int_equal(mc_client_step(f->c, NULL), MC_WANT_BODY);
		assert_true(mc_client_holds(f->c));
		assert_false(mc_client_can_begin(f->c, 10));
		assert_int_equal(mc_client_body(f->c, MC_STR(TEXT), NULL), 0);
		assert_int_equal(mc_client_body_end(f->c, NULL), 0);
	}
	assert_false(mc_client_can_begin(f->c, MC_MAX_EARLY + 1));
	assert_true(mc_client_can_begin(f->c, 1) != f->last);
}

static void
flying_clear(struct flying *f)
{
	mc_client_free(f->c);
	mc_envelope_clear(&f->env);
}

/* is the final reply to message i in the first n bytes? */
static bool
has_final(size_t i, size_t n)
{
	static const char *const finals[N_FLYING] = { "done 0\r\n",
	    "done 1\r\n", "554 nobody\r\n", "done 3\r\n", "done 4\r\n" };
	const char *at = strstr(flying_replies, finals[i]);

	assert_non_null(at);
	return (size_t)(at - flying_replies) + strlen(finals[i]) <= n;
}

/* the connection is cut after every byte that the server says: what has its
 * yes is delivered, and nothing else is anything but unsure */
static void
test_flying_cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(flying_replies); n++) {
		struct mc_err err = { 0 };
		struct flying f = { .last = n % 2 };

		flying_init(&f);
		mc_client_sent(f.c, mc_client_output(f.c).len);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(mc_client_feed(f.c,
			    flying_replies + i, 1, NULL), 0);
			assert_true(mc_client_step(f.c, &err) >= 0);
		}
		(void)mc_err_set(&err, MC_E_CLOSED, MC_STAGE_CONNECT, NULL);
		mc_client_lost(f.c, &err);
		for (size_t i = 0; i < N_FLYING; i++) {
			enum mc_verdict v = mc_envelope_at(&f.env, i)->verdict;

			if (has_final(i, n))
				assert_int_equal(v, i == 2 ? MC_FAILED :
				    MC_DELIVERED);
			else if (i == 2)
				assert_true(v == MC_UNSURE || v == MC_DEFERRED);
			else
				assert_int_equal(v, MC_UNSURE);
		}
		flying_clear(&f);
	}
}

/* cut after every byte that we say: what is not out in full is deferred */
static void
test_flying_unsent(void **state)
{
	struct flying f = { .last = true };
	size_t total;

	(void)state;
	flying_init(&f);
	total = mc_client_output(f.c).len;
	flying_clear(&f);
	for (size_t n = 0; n <= total; n++) {
		struct mc_err err = { 0 };
		size_t unsure = 0, each = 0;

		f.last = true;
		flying_init(&f);
		mc_client_sent(f.c, n);
		(void)mc_err_set(&err, MC_E_CLOSED, MC_STAGE_CONNECT, NULL);
		mc_client_lost(f.c, &err);
		for (size_t i = 0; i < N_FLYING; i++) {
			enum mc_verdict v = mc_envelope_at(&f.env, i)->verdict;

			assert_true(v == MC_UNSURE || v == MC_DEFERRED);
			/* no later one before an earlier one */
			if (v == MC_UNSURE)
				assert_int_equal(each, i);
			each += v == MC_UNSURE;
			unsure += v == MC_UNSURE;
		}
		/* QUIT is not one of them */
		assert_true(n >= total - 6 ? unsure == N_FLYING :
		    unsure < N_FLYING);
		assert_int_equal(mc_client_output(f.c).len, 0);
		flying_clear(&f);
	}
}

/* a reply to what has not left, a goodbye, and one that has nobody to ask for */
static void
test_flying_odd(void **state)
{
	struct mc_err err = { 0 };
	struct flying f = { .last = false };

	(void)state;
	flying_init(&f);
	mc_client_sent(f.c, 10);
	assert_int_equal(mc_client_feed(f.c, flying_replies,
	    sizeof(flying_replies) - 1, NULL), 0);
	assert_int_equal(mc_client_step(f.c, &err), -1);
	for (size_t i = 0; i < N_FLYING; i++)
		assert_int_equal(mc_envelope_at(&f.env, i)->verdict,
		    MC_DEFERRED);
	flying_clear(&f);

	flying_init(&f);
	mc_client_sent(f.c, mc_client_output(f.c).len);
	assert_int_equal(mc_client_feed(f.c, "250 mail\r\n250 rcpt\r\n"
	    "421 bye\r\n", 29, NULL), 0);
	assert_int_equal(mc_client_step(f.c, &err), -1);
	for (size_t i = 0; i < N_FLYING; i++)
		assert_int_equal(mc_envelope_at(&f.env, i)->verdict,
		    MC_DEFERRED);
	flying_clear(&f);
}

/* QUIT is still here when the last reply has come, and what comes behind that
 * is of no interest */
static void
test_flying_quit(void **state)
{
	static const char *const behind[] = { "", "221 bye\r\n", "554", "\n" };

	(void)state;
	for (size_t i = 0; i < 2 * MC_NELEM(behind); i++) {
		struct flying f = { .last = true };
		struct mc_err err = { 0 };
		const char *more = behind[i / 2];
		size_t out;

		flying_init(&f);
		out = mc_client_output(f.c).len;
		mc_client_sent(f.c, i % 2 == 0 ? out : out - 3);
		assert_int_equal(mc_client_feed(f.c, flying_replies,
		    sizeof(flying_replies) - 1, NULL), 0);
		assert_int_equal(mc_client_feed(f.c, more, strlen(more), NULL),
		    0);
		assert_false(mc_client_ended(f.c));
		assert_int_equal(mc_client_step(f.c, &err), MC_WANT_CLOSE);
		assert_true(mc_client_ended(f.c));
		assert_int_equal(mc_client_output(f.c).len, i % 2 == 0 ? 0 : 3);
		assert_false(mc_client_can_begin(f.c, 1));
		mc_client_quit(f.c);
		assert_int_equal(mc_client_output(f.c).len, i % 2 == 0 ? 0 : 3);
		mc_client_lost(f.c, &err);
		for (size_t k = 0; k < N_FLYING; k++)
			assert_int_equal(mc_envelope_at(&f.env, k)->verdict,
			    k == 2 ? MC_FAILED : MC_DELIVERED);
		flying_clear(&f);
	}
}

static void
test_walk_unverified(void **state)
{
	(void)state;
	walk_all(&(struct walk){ .tls = WALK_TLS, .auth = false,
	    .pipelining = false, .verified = false }, 7);
}

/* ---------------------------------------------------------- single sessions */

/* the replies of a whole session, and what must come of it */
struct session {
	const char *title;
	const char *replies[12];
	enum mc_verdict verdict[N_RCPTS];
	enum mc_code code[N_RCPTS];
};

static const struct session sessions[] = {
	{ "all well", { "220 x", "250 x", "250 a", "250 b", "250 c", "354 d",
	    "250 2.0.0 done" }, { MC_DELIVERED, MC_DELIVERED }, { 0, 0 } },
	{ "one refused", { "220 x", "250 x", "250 a", "250 b",
	    "550 5.1.1 who", "354 d", "250 done" },
	    { MC_DELIVERED, MC_FAILED }, { 0, MC_E_REFUSED } },
	{ "A15: all refused, DATA granted", { "220 x", "250 x", "250 a",
	    "550 b", "451 c", "354 d", "250 done" },
	    { MC_FAILED, MC_DEFERRED }, { MC_E_REFUSED, MC_E_REFUSED } },
	{ "A17: 251", { "220 x", "250 x", "250 a", "251 b", "551 c", "354 d",
	    "250 done" }, { MC_DELIVERED, MC_FAILED }, { 0, MC_E_REFUSED } },
	{ "A18: DATA answered 250", { "220 x", "250 x", "250 a", "250 b",
	    "250 c", "250 d" }, { MC_DEFERRED, MC_DEFERRED },
	    { MC_E_REPLY_UNEXPECTED, MC_E_REPLY_UNEXPECTED } },
	{ "A16: too many", { "220 x", "250 x", "250 a", "250 b", "552 c",
	    "354 d", "250 done" }, { MC_DELIVERED, MC_DEFERRED },
	    { 0, MC_E_REFUSED } },
	{ "421 for a recipient", { "220 x", "250 x", "250 a", "550 b",
	    "421 c" }, { MC_FAILED, MC_DEFERRED },
	    { MC_E_REFUSED, MC_E_SERVER_UNAVAILABLE } },
	{ "421 at the end is a no", { "220 x", "250 x", "250 a", "250 b",
	    "250 c", "354 d", "421 bye" }, { MC_DEFERRED, MC_DEFERRED },
	    { MC_E_REFUSED, MC_E_REFUSED } },
	{ "530", { "220 x", "250 x", "530 5.7.0 log in", "503 b", "503 c",
	    "503 d" }, { MC_DEFERRED, MC_DEFERRED },
	    { MC_E_NOT_READY, MC_E_NOT_READY } },
};

/* feed the text in pieces of `step` bytes, as far as the engine listens */
static void
give_text(struct run *r, const char *text, size_t step)
{
	size_t n = strlen(text), at = 0;

	while (at < n && !r->dead) {
		size_t len = n - at < step ? n - at : step;

		assert_int_equal(mc_client_feed(r->c, text + at, len, NULL),
		    0);
		at += len;
		go_on(r);
	}
}

static void
test_sessions(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 1000 };
	const struct walk walk = { .tls = WALK_PLAIN, .auth = false,
	    .pipelining = true, .verified = false };
	struct run r;
	size_t i, k, s;

	(void)state;
	for (i = 0; i < MC_NELEM(sessions); i++)
		for (s = 0; s < MC_NELEM(steps); s++) {
			const struct session *t = &sessions[i];

			run_init(&r, &walk);
			for (k = 0; t->replies[k] != NULL; k++) {
				char line[128];

				snprintf(line, sizeof(line), "%s\r\n",
				    t->replies[k]);
				if (k == 1)
					snprintf(line, sizeof(line),
					    "250-x\r\n250 PIPELINING\r\n");
				give_text(&r, line, steps[s]);
			}
			assert_true(r.dead || r.job_over);
			for (k = 0; k < N_RCPTS; k++) {
				struct mc_rcpt *rcpt =
				    mc_envelope_at(&r.env, k);

				if (rcpt->verdict != t->verdict[k])
					print_error("%s\n", t->title);
				assert_int_equal(rcpt->verdict,
				    t->verdict[k]);
				assert_int_equal(rcpt->code, t->code[k]);
			}
			run_clear(&r);
		}
}

/* injected replies: bytes that nothing asked for, at every place */
static void
test_unasked(void **state)
{
	static const char *const stray[] = { "250 x\r\n", "354 x\r\n", "2" };
	static const char *const script[] = { "220 x\r\n",
	    "250-x\r\n250-STARTTLS\r\n250 PIPELINING\r\n", "220 go\r\n" };
	const struct walk walk = { .tls = WALK_STARTTLS, .auth = false,
	    .pipelining = true, .verified = true };
	struct run r;
	size_t i, k, n;

	(void)state;
	for (i = 0; i < MC_NELEM(stray); i++)
		for (n = 0; n < MC_NELEM(script); n++) {
			char text[256];
			struct mc_err err = { 0 };

			run_init(&r, &walk);
			for (k = 0; k < n; k++)
				give_text(&r, script[k], 1000);
			snprintf(text, sizeof(text), "%s%s", script[n],
			    stray[i]);
			assert_int_equal(mc_client_feed(r.c, text,
			    strlen(text), NULL), 0);
			assert_int_equal(mc_client_step(r.c, &err), -1);
			assert_int_equal(err.code, MC_E_INJECTED);
			assert_int_equal(mc_client_output(r.c).len, 0);
			run_clear(&r);
		}
}

/* a reply to a command of which a part is still here: nothing may get lost of
 * it, nor be said behind it */
static void
test_too_early(void **state)
{
	static const char ehlo[] = "250-x\r\n250 AUTH PLAIN\r\n";
	static const char piped[] = "250-x\r\n250-PIPELINING\r\n"
	    "250 AUTH PLAIN\r\n";
	static const struct {
		struct walk walk;
		const char *before[3];
		const char *reply;
		bool begin;
		enum mc_code code;
	} rows[] = {
		{ { .tls = WALK_TLS }, { "220 x\r\n" }, ehlo, false,
		    MC_E_INJECTED },
		{ { .tls = WALK_STARTTLS }, { "220 x\r\n",
		    "250-x\r\n250 STARTTLS\r\n" }, "220 go\r\n", false,
		    MC_E_INJECTED },
		{ { .tls = WALK_TLS, .auth = true }, { "220 x\r\n", ehlo },
		    "235 ok\r\n", false, MC_E_INJECTED },
		{ { .tls = WALK_TLS, .auth = true }, { "220 x\r\n", ehlo },
		    "334 \r\n", false, MC_E_INJECTED },
		/* but for a refusal it is never too early */
		{ { .tls = WALK_TLS, .auth = true }, { "220 x\r\n", ehlo },
		    "500 5.5.6 too long\r\n", false, MC_E_AUTH_REFUSED },
		{ { .tls = WALK_TLS, .auth = true, .flight = true,
		    .pipelining = true }, { "220 x\r\n", piped }, "235 ok\r\n",
		    true, MC_E_INJECTED },
		{ { .tls = WALK_TLS, .pipelining = true }, { "220 x\r\n", piped },
		    "250 m\r\n250 a\r\n250 b\r\n354 d\r\n", true,
		    MC_E_INJECTED },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_client_job job = { 0 };
		struct mc_err err = { 0 };
		struct run r;

		run_init(&r, &rows[i].walk);
		/* the job is begun below */
		r.begun = rows[i].begin;
		for (size_t k = 0; rows[i].before[k + 1] != NULL; k++)
			give_text(&r, rows[i].before[k], 1000);
		for (size_t k = 0; rows[i].before[k] != NULL; k++)
			if (rows[i].before[k + 1] == NULL)
				assert_int_equal(mc_client_feed(r.c,
				    rows[i].before[k],
				    strlen(rows[i].before[k]), NULL), 0);
		assert_true(mc_client_step(r.c, &err) >= 0);
		if (rows[i].begin) {
			job.env = &r.env;
			job.order = r.order;
			job.n = N_RCPTS;
			assert_int_equal(mc_client_begin(r.c, &job, &err), 0);
		}
		/* all but the end of the first line, or of the last */
		size_t n = mc_client_output(r.c).len;

		assert_true(n > 2);
		mc_client_sent(r.c, rows[i].walk.flight ? 5 : n - 2);
		assert_int_equal(mc_client_feed(r.c, rows[i].reply,
		    strlen(rows[i].reply), NULL), 0);
		assert_int_equal(mc_client_step(r.c, &err), -1);
		if (err.code != rows[i].code)
			fail_msg("row %zu: %s", i, err.text);
		run_clear(&r);
	}
}

static void
test_421_unasked(void **state)
{
	const struct walk walk = { .tls = WALK_PLAIN, .auth = false,
	    .pipelining = true, .verified = false };
	struct mc_err err = { 0 };
	struct run r;

	(void)state;
	run_init(&r, &walk);
	assert_int_equal(mc_client_feed(r.c, "220 x\r\n421 bye\r\n", 16, NULL),
	    0);
	assert_int_equal(mc_client_step(r.c, &err), -1);
	assert_int_equal(err.code, MC_E_SERVER_UNAVAILABLE);
	run_clear(&r);
}

/* a second transaction after an open one begins with RSET */
static void
test_rset(void **state)
{
	const struct walk walk = { .tls = WALK_PLAIN, .auth = false,
	    .pipelining = true, .verified = false };
	struct mc_client_job job = { 0 };
	struct run r;

	(void)state;
	run_init(&r, &walk);
	give_text(&r, "220 x\r\n", 100);
	give_text(&r, "250-x\r\n250 PIPELINING\r\n", 100);
	give_text(&r, "250 a\r\n250 b\r\n250 c\r\n452 d\r\n", 100);
	assert_true(r.job_over);
	job.env = &r.env;
	job.order = r.order;
	job.n = 1;
	assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
	assert_int_equal(memcmp(mc_client_output(r.c).ptr, "RSET\r\nMAIL", 10),
	    0);
	run_clear(&r);
}

/* what the server cannot take gets its verdict without a word on the wire */
static void
test_settled_early(void **state)
{
	const struct walk walk = { .tls = WALK_PLAIN, .auth = false,
	    .pipelining = true, .verified = false };
	struct mc_client_job job = { 0 };
	struct mc_err why = { 0 };
	struct run r;

	(void)state;
	run_init(&r, &walk);
	r.begun = true;
	give_text(&r, "220 x\r\n", 100);
	give_text(&r, "250-x\r\n250 SIZE 1000\r\n", 100);
	job.env = &r.env;
	job.order = r.order;
	job.n = N_RCPTS;
	job.size = 1001;
	assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
	assert_int_equal(mc_client_output(r.c).len, 0);
	assert_int_equal(mc_client_step(r.c, NULL), MC_WANT_JOB);
	assert_int_equal(mc_envelope_at(&r.env, 0)->verdict, MC_FAILED);
	assert_int_equal(mc_envelope_at(&r.env, 1)->code, MC_E_TOO_BIG);
	job.size = 1000;
	job.needs_8bit = true;
	assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
	assert_int_equal(mc_client_output(r.c).len, 0);
	assert_int_equal(mc_envelope_at(&r.env, 0)->code,
	    MC_E_NEED_8BITMIME);
	/* and the reason why it was not converted */
	(void)mc_err_set(&why, MC_E_MSG_CONTENT, MC_STAGE_LOCAL, "too odd");
	job.unfit = &why;
	assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
	assert_non_null(strstr(mc_envelope_at(&r.env, 0)->text, "too odd"));
	assert_int_equal(mc_envelope_at(&r.env, 0)->enh[2], 3);
	run_clear(&r);
}

/* MAIL says what is needed, and no more (RFC 6152, RFC 6531) */
static void
test_mail_words(void **state)
{
	static const struct {
		const char *caps;
		bool needs_8bit;
		bool needs_utf8;
		const char *mail;	/* NULL: refused without a word */
	} rows[] = {
		{ "250-8BITMIME\r\n250 SMTPUTF8\r\n", false, false, "" },
		{ "250-8BITMIME\r\n250 SMTPUTF8\r\n", true, false,
		    " BODY=8BITMIME" },
		{ "250-8BITMIME\r\n250 SMTPUTF8\r\n", false, true,
		    " SMTPUTF8" },
		{ "250-8BITMIME\r\n250 SMTPUTF8\r\n", true, true,
		    " BODY=8BITMIME SMTPUTF8" },
		{ "250 8BITMIME\r\n", true, true, " BODY=8BITMIME" },
		{ "250 SMTPUTF8\r\n", false, false, "" },
		{ "250 SMTPUTF8\r\n", true, false, NULL },
		/* the one is nothing without the other */
		{ "250 SMTPUTF8\r\n", false, true, NULL },
	};
	const struct walk walk = { .tls = WALK_PLAIN, .auth = false, .pipelining = true,
	    .verified = false };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_client_job job = { 0 };
		char want[100];
		struct mc_str out;
		struct run r;

		run_init(&r, &walk);
		r.begun = true;
		give_text(&r, "220 x\r\n", 100);
		give_text(&r, "250-x\r\n", 100);
		give_text(&r, rows[i].caps, 100);
		r.env.body_8bit = true;
		job.env = &r.env;
		job.order = r.order;
		job.n = 1;
		job.needs_8bit = rows[i].needs_8bit;
		job.needs_utf8 = rows[i].needs_utf8;
		assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
		out = mc_client_output(r.c);
		if (rows[i].mail == NULL) {
			assert_int_equal(out.len, 0);
			assert_int_equal(mc_envelope_at(&r.env, 0)->code,
			    MC_E_NEED_8BITMIME);
		} else {
			(void)snprintf(want, sizeof(want),
			    "MAIL FROM:<%s>%s\r\n", r.env.sender,
			    rows[i].mail);
			assert_true(mc_str_eq(mc_str_sub(out, 0,
			    strlen(want)), mc_str_from(want)));
		}
		run_clear(&r);
	}
}

/* BODY=BINARYMIME: only with BDAT, and what a refusal of it means */
static void
test_binary(void **state)
{
	static const struct {
		const char *caps;
		bool no_chunking;
		bool takes;
		const char *mail;	/* the reply to it */
		bool refused;		/* as something unknown */
		enum mc_verdict verdict;
	} rows[] = {
		{ "250 BINARYMIME\r\n", false, false, NULL, false, 0 },
		{ "250 CHUNKING\r\n", false, false, NULL, false, 0 },
		{ "250-CHUNKING\r\n250 BINARYMIME\r\n", true, false, NULL,
		    false, 0 },
		{ "250-CHUNKING\r\n250 BINARYMIME\r\n", false, true,
		    "250 x\r\n", false, MC_PENDING },
		{ "250-CHUNKING\r\n250 BINARYMIME\r\n", false, true,
		    "501 x\r\n", true, MC_DEFERRED },
		{ "250-CHUNKING\r\n250 BINARYMIME\r\n", false, true,
		    "555 x\r\n", true, MC_DEFERRED },
		{ "250-CHUNKING\r\n250 BINARYMIME\r\n", false, true,
		    "554 5.6.3 x\r\n", true, MC_DEFERRED },
		{ "250-CHUNKING\r\n250 BINARYMIME\r\n", false, true,
		    "550 x\r\n", false, MC_FAILED },
		{ "250-CHUNKING\r\n250 BINARYMIME\r\n", false, true,
		    "451 4.6.3 x\r\n", false, MC_DEFERRED },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const struct walk walk = { .tls = WALK_PLAIN };
		struct mc_client_settings s = {
			.ehlo_name = MC_STR("localhost"),
			.tls = MC_CLIENT_TLS_NONE,
			.no_chunking = rows[i].no_chunking };
		struct mc_client_job job = { .n = 1, .size = 5,
			.needs_binary = true };
		struct mc_err err = { 0 };
		struct mc_client *c;
		struct run r;

		run_init(&r, &walk);
		assert_int_equal(mc_client_new(&s, &c, NULL), 0);
		assert_int_equal(mc_client_feed(c, "220 x\r\n", 7, NULL), 0);
		assert_int_equal(mc_client_step(c, NULL), MC_WANT_READ);
		mc_client_sent(c, mc_client_output(c).len);
		assert_int_equal(mc_client_feed(c, "250-x\r\n", 7, NULL), 0);
		assert_int_equal(mc_client_feed(c, rows[i].caps,
		    strlen(rows[i].caps), NULL), 0);
		assert_int_equal(mc_client_step(c, NULL), MC_WANT_JOB);
		assert_int_equal(mc_client_takes_binary(c), rows[i].takes);
		job.env = &r.env;
		job.order = r.order;
		assert_int_equal(mc_client_begin(c, &job, &err),
		    rows[i].takes ? 0 : -1);
		if (rows[i].takes) {
			assert_non_null(strstr(mc_client_output(c).ptr,
			    " BODY=BINARYMIME\r\n"));
			mc_client_sent(c, mc_client_output(c).len);
			assert_int_equal(mc_client_feed(c, rows[i].mail,
			    strlen(rows[i].mail), NULL), 0);
			assert_int_equal(mc_client_step(c, &err) < 0,
			    rows[i].refused);
			assert_int_equal(mc_client_refuses_binary(c),
			    rows[i].refused);
			assert_int_equal(mc_envelope_at(&r.env, 0)->verdict,
			    rows[i].verdict);
		} else {
			assert_int_equal(err.code, MC_E_INTERNAL);
		}
		mc_client_free(c);
		run_clear(&r);
	}
}

/* RFC 8689: REQUIRETLS, or no word on the wire */
static void
test_require_tls(void **state)
{
	static const struct {
		enum tls tls;
		bool verified;
		const char *caps;
		enum mc_verdict verdict;	/* PENDING: it goes */
		enum mc_code code;
		const char *report;	/* what MAIL says of one */
	} rows[] = {
		{ WALK_TLS, true, "250 REQUIRETLS\r\n", MC_PENDING, MC_OK,
		    NULL },
		{ WALK_TLS, true, "250 REQUIRETLS\r\n", MC_PENDING, MC_OK,
		    "MAIL FROM:<> REQUIRETLS\r\n" },
		/* it had better arrive */
		{ WALK_TLS, true, "250 SIZE\r\n", MC_PENDING, MC_OK,
		    "MAIL FROM:<> SIZE=" },
		{ WALK_TLS, false, "250 SIZE\r\n", MC_DEFERRED, MC_E_TLS,
		    "" },
		{ WALK_PLAIN, false, "250 REQUIRETLS\r\n", MC_DEFERRED,
		    MC_E_TLS, "" },
		{ WALK_TLS, true, "250 SIZE\r\n", MC_FAILED,
		    MC_E_NEED_REQUIRETLS, NULL },
		{ WALK_TLS, true, "250 REQUIRETLSX\r\n", MC_FAILED,
		    MC_E_NEED_REQUIRETLS, NULL },
		{ WALK_TLS, false, "250 REQUIRETLS\r\n", MC_DEFERRED,
		    MC_E_TLS, NULL },
		{ WALK_TLS, false, "250 SIZE\r\n", MC_DEFERRED, MC_E_TLS,
		    NULL },
		{ WALK_PLAIN, false, "250 REQUIRETLS\r\n", MC_DEFERRED,
		    MC_E_TLS, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const struct walk walk = { .tls = rows[i].tls,
		    .verified = rows[i].verified };
		struct mc_client_job job = { 0 };
		struct mc_rcpt *rcpt;
		struct mc_str out;
		struct run r;

		run_init(&r, &walk);
		r.begun = true;
		give_text(&r, "220 x\r\n", 100);
		give_text(&r, "250-x\r\n", 100);
		give_text(&r, rows[i].caps, 100);
		r.env.require_tls = true;
		if (rows[i].report != NULL)
			assert_int_equal(mc_envelope_set_sender(&r.env,
			    MC_STR_NONE, NULL), 0);
		job.env = &r.env;
		job.order = r.order;
		job.n = 1;
		assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
		out = mc_client_output(r.c);
		rcpt = mc_envelope_at(&r.env, 0);
		assert_int_equal(rcpt->verdict, rows[i].verdict);
		assert_int_equal(rcpt->code, rows[i].code);
		if (rows[i].code == MC_OK && rows[i].report != NULL)
			assert_int_equal(strncmp(out.ptr, rows[i].report,
			    strlen(rows[i].report)), 0);
		else if (rows[i].code == MC_OK)
			assert_non_null(strstr(out.ptr, "> REQUIRETLS\r\n"));
		else
			assert_int_equal(out.len, 0);
		if (rows[i].verdict == MC_FAILED)
			assert_int_equal(rcpt->enh[2], 30);
		run_clear(&r);
	}
}

/* MT-PRIORITY and DELIVERBY: passed on, left out, or refused */
static void
test_params(void **state)
{
	static const struct {
		const char *caps;
		enum mc_by by;
		int64_t left;
		bool trace;
		const char *mail;	/* behind the sender; NULL: refused */
		enum mc_code code;
	} rows[] = {
		{ "250-MT-PRIORITY\r\n250 DELIVERBY\r\n", MC_BY_RETURN, 60,
		    false, " MT-PRIORITY=-3 BY=60;R", MC_OK },
		{ "250-MT-PRIORITY\r\n250 DELIVERBY\r\n", MC_BY_NOTIFY, 60,
		    true, " MT-PRIORITY=-3 BY=60;NT", MC_OK },
		{ "250 MT-PRIORITY\r\n", MC_BY_NONE, 0, false,
		    " MT-PRIORITY=-3", MC_OK },
		{ "250 HELP\r\n", MC_BY_NOTIFY, 60, false, "", MC_OK },
		{ "250 DELIVERBY 60\r\n", MC_BY_RETURN, 60, false,
		    " BY=60;R", MC_OK },
		{ "250 DELIVERBY 61\r\n", MC_BY_RETURN, 60, false, NULL,
		    MC_E_NEED_DELIVERBY },
		{ "250 DELIVERBY 61\r\n", MC_BY_NOTIFY, 60, false,
		    " BY=60;N", MC_OK },
		{ "250 HELP\r\n", MC_BY_RETURN, 60, false, NULL,
		    MC_E_NEED_DELIVERBY },
		{ "250 DELIVERBY\r\n", MC_BY_RETURN, 0, false, NULL,
		    MC_E_EXPIRED },
		{ "250 DELIVERBY\r\n", MC_BY_RETURN, -1, false, NULL,
		    MC_E_EXPIRED },
		{ "250 DELIVERBY\r\n", MC_BY_NOTIFY, -5, false, " BY=-5;N",
		    MC_OK },
		{ "250 DELIVERBY\r\n", MC_BY_RETURN, INT64_C(1) << 40, false,
		    " BY=999999999;R", MC_OK },
	};
	const struct walk walk = { .tls = WALK_TLS, .verified = true };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_client_job job = { 0 };
		char want[100];
		struct mc_str out;
		struct run r;

		run_init(&r, &walk);
		r.begun = true;
		give_text(&r, "220 x\r\n", 100);
		give_text(&r, "250-x\r\n", 100);
		give_text(&r, rows[i].caps, 100);
		r.env.has_priority = true;
		r.env.priority = -3;
		r.env.by = rows[i].by;
		r.env.by_trace = rows[i].trace;
		r.env.by_time = INT64_C(1793491200) + rows[i].left;
		job.env = &r.env;
		job.order = r.order;
		job.n = 1;
		job.now = INT64_C(1793491200);
		assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
		out = mc_client_output(r.c);
		assert_int_equal(mc_envelope_at(&r.env, 0)->code, rows[i].code);
		if (rows[i].mail == NULL) {
			assert_int_equal(out.len, 0);
			assert_int_equal(mc_envelope_at(&r.env, 0)->verdict,
			    MC_FAILED);
		} else {
			(void)snprintf(want, sizeof(want),
			    "MAIL FROM:<%s>%s\r\n", r.env.sender,
			    rows[i].mail);
			assert_true(mc_str_eq(mc_str_sub(out, 0,
			    strlen(want)), mc_str_from(want)));
		}
		run_clear(&r);
	}
}

#define FROM_NOW INT64_C(1793491200)	/* 2026-11-01 */

/* FUTURERELEASE: held by the server if it does that for so long, else here;
 * and what it says to that */
static void
test_hold(void **state)
{
	static const struct {
		const char *caps;
		int64_t until;		/* from now */
		enum mc_by by;
		const char *mail;	/* behind the sender; NULL: held here */
		const char *reply;	/* to MAIL */
		enum mc_verdict verdict;
		enum mc_code code;
	} rows[] = {
#define OFFERED "250 FUTURERELEASE 3600 2026-11-01T01:00:00Z\r\n"
#define HOLD " HOLDUNTIL=2026-11-01T01:00:00Z"
		{ OFFERED, 3600, MC_BY_NONE, HOLD, NULL, MC_PENDING, MC_OK },
		{ OFFERED, 60, MC_BY_NONE, " HOLDUNTIL=2026-11-01T00:01:00Z",
		    NULL, MC_PENDING, MC_OK },
		{ OFFERED, 0, MC_BY_NONE, "", NULL, MC_PENDING, MC_OK },
		{ OFFERED, -FROM_NOW, MC_BY_NONE, "", NULL, MC_PENDING,
		    MC_OK },
		{ OFFERED, -1, MC_BY_NONE, "", NULL, MC_PENDING, MC_OK },
		{ "250 HELP\r\n", -1, MC_BY_NONE, "", NULL, MC_PENDING,
		    MC_OK },
		{ OFFERED, 3601, MC_BY_NONE, NULL, NULL, MC_DEFERRED,
		    MC_E_NEED_FUTURERELEASE },
		{ "250 FUTURERELEASE 3599 2026-11-01T01:00:00Z\r\n", 3600,
		    MC_BY_NONE, NULL, NULL, MC_DEFERRED,
		    MC_E_NEED_FUTURERELEASE },
		{ "250 FUTURERELEASE 3600 2026-11-01T00:59:59Z\r\n", 3600,
		    MC_BY_NONE, NULL, NULL, MC_DEFERRED,
		    MC_E_NEED_FUTURERELEASE },
		{ "250 HELP\r\n", 1, MC_BY_NONE, NULL, NULL, MC_DEFERRED,
		    MC_E_NEED_FUTURERELEASE },
		/* a message that cannot go is returned now */
		{ "250 SIZE 10\r\n", 3600, MC_BY_NONE, NULL, NULL, MC_FAILED,
		    MC_E_TOO_BIG },
		{ OFFERED, 3600, MC_BY_RETURN, NULL, NULL, MC_FAILED,
		    MC_E_NEED_DELIVERBY },
		{ "250-DELIVERBY\r\n" OFFERED, 3600, MC_BY_RETURN, NULL, NULL,
		    MC_DEFERRED, MC_E_NEED_FUTURERELEASE },
		/* what is about the time, and what is not */
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "501 what?\r\n",
		    MC_DEFERRED, MC_E_NEED_FUTURERELEASE },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "555 5.5.4 what?\r\n",
		    MC_DEFERRED, MC_E_NEED_FUTURERELEASE },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "504 5.5.4 what?\r\n",
		    MC_DEFERRED, MC_E_NEED_FUTURERELEASE },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "550 5.5.4 what?\r\n",
		    MC_DEFERRED, MC_E_NEED_FUTURERELEASE },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "501 5.1.7 who?\r\n",
		    MC_FAILED, MC_E_REFUSED },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "555 5.7.1 no\r\n",
		    MC_FAILED, MC_E_REFUSED },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "550 no\r\n", MC_FAILED,
		    MC_E_REFUSED },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "451 4.3.0 later\r\n",
		    MC_DEFERRED, MC_E_REFUSED },
		{ OFFERED, 3600, MC_BY_NONE, HOLD, "503 5.5.1 log in\r\n",
		    MC_DEFERRED, MC_E_NOT_READY },
		{ OFFERED, -1, MC_BY_NONE, "", "501 5.5.4 what?\r\n",
		    MC_FAILED, MC_E_REFUSED },
#undef OFFERED
#undef HOLD
	};
	const struct walk walk = { .tls = WALK_TLS, .verified = true };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_client_job job = { 0 };
		const struct mc_rcpt *rcpt;
		char want[100];
		struct mc_str out;
		struct run r;

		run_init(&r, &walk);
		r.begun = true;
		give_text(&r, "220 x\r\n", 100);
		give_text(&r, "250-x\r\n", 100);
		give_text(&r, rows[i].caps, 100);
		r.env.hold_until = FROM_NOW + rows[i].until;
		r.env.by = rows[i].by;
		r.env.by_time = r.env.hold_until + 60;
		job.env = &r.env;
		job.order = r.order;
		job.n = 1;
		job.now = FROM_NOW;
		job.size = 100;
		assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
		rcpt = mc_envelope_at(&r.env, 0);
		out = mc_client_output(r.c);
		(void)snprintf(want, sizeof(want), "MAIL FROM:<%s>%s\r\n",
		    r.env.sender, rows[i].mail == NULL ? "" : rows[i].mail);
		if (rows[i].mail == NULL)
			assert_int_equal(out.len, 0);
		else if (!mc_str_eq(mc_str_sub(out, 0, strlen(want)),
		    mc_str_from(want)))
			fail_msg("row %zu: %.*s", i, MC_STR_FMT(out));
		if (rows[i].reply != NULL) {
			mc_client_sent(r.c, out.len);
			give_text(&r, rows[i].reply, 100);
		}
		if (rcpt->verdict != rows[i].verdict ||
		    rcpt->code != rows[i].code)
			fail_msg("row %zu: %d %s %s", i, (int)rcpt->verdict,
			    mc_code_name(rcpt->code), rcpt->text);
		run_clear(&r);
	}
}

/* LMTP: a reply to the text for each recipient that was accepted, in order */
static void
test_lmtp(void **state)
{
	static const struct {
		const char *caps;
		const char *rcpts;	/* replies to MAIL and RCPT */
		const char *text;	/* to the text; NULL: it never leaves */
		const char *verdicts;	/* D F d(eferred) u(nsure) p(ending) */
	} rows[] = {
		{ "", "250 m\r\n250 a\r\n250 b\r\n", "250 a\r\n250 b\r\n",
		    "DD" },
		{ "", "250 m\r\n250 a\r\n250 b\r\n",
		    "250 a\r\n552 full\r\n", "DF" },
		{ "", "250 m\r\n250 a\r\n250 b\r\n",
		    "452 full\r\n250 b\r\n", "dD" },
		{ "", "250 m\r\n550 a\r\n250 b\r\n", "250 b\r\n", "FD" },
		{ "", "250 m\r\n250 a\r\n550 b\r\n", "550 a\r\n", "FF" },
		{ "", "250 m\r\n550 a\r\n450 b\r\n", NULL, "Fd" },
		/* one is missing, and then the connection */
		{ "", "250 m\r\n250 a\r\n250 b\r\n", "250 a\r\n", "Du" },
		{ "", "250 m\r\n250 a\r\n250 b\r\n", "550 a\r\n", "Fu" },
		{ "", "250 m\r\n250 a\r\n250 b\r\n", "", "uu" },
		{ "", "250 m\r\n250 a\r\n250 b\r\n", "250 a\r\n421 x\r\n",
		    "Dd" },
		{ "250-CHUNKING\r\n", "250 m\r\n250 a\r\n250 b\r\n",
		    "552 full\r\n250 b\r\n", "FD" },
		{ "250-CHUNKING\r\n", "250 m\r\n550 a\r\n250 b\r\n",
		    "250 b\r\n", "FD" },
		{ "250-CHUNKING\r\n", "250 m\r\n550 a\r\n550 b\r\n", NULL,
		    "FF" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * MC_NELEM(rows); i++) {
		size_t k = i / 2;
		struct mc_client_settings s = { .lmtp = true,
			.ehlo_name = MC_STR("localhost"),
			.tls = MC_CLIENT_TLS_NONE, .no_pipelining = i % 2 };
		const struct walk walk = { .tls = WALK_PLAIN };
		struct mc_client_job job = { 0 };
		struct mc_err err = { 0 };
		struct mc_client *c;
		struct mc_buf in;
		struct run r;
		const char *at;
		bool text = false;
		int want;

		run_init(&r, &walk);
		assert_int_equal(mc_client_new(&s, &c, NULL), 0);
		mc_buf_init(&in, 4096);
		mc_buf_addf(&in, "220 x\r\n250-x\r\n250-PIPELINING\r\n%s"
		    "250 SIZE\r\n%s%s%s", rows[k].caps, rows[k].rcpts,
		    rows[k].text != NULL && rows[k].caps[0] == '\0' ?
		    "354 go\r\n" : "", rows[k].text == NULL ? "" :
		    rows[k].text);
		mc_buf_addc(&in, '\0');
		at = in.ptr;
		job.env = &r.env;
		job.order = r.order;
		job.n = 2;
		job.size = sizeof("A: b\r\n\r\nhi\r\n") - 1;
		bool begun = false;

		while ((want = mc_client_step(c, &err)) >= 0) {
			struct mc_str out = mc_client_output(c);

			if (begun == false && out.len != 0 &&
			    memcmp(out.ptr, "LHLO ", 5) != 0)
				fail_msg("%.*s", MC_STR_FMT(out));
			if (want != MC_WANT_BODY || !mc_client_holds(c))
				mc_client_sent(c, out.len);
			if (want == MC_WANT_BODY) {
				text = true;
				assert_int_equal(mc_client_body(c,
				    MC_STR("A: b\r\n\r\nhi\r\n"), NULL), 0);
				assert_int_equal(mc_client_body_end(c, NULL),
				    0);
				continue;
			}
			if (want == MC_WANT_CLOSE || (want == MC_WANT_JOB &&
			    begun))
				break;
			if (want == MC_WANT_JOB) {
				begun = true;
				assert_int_equal(mc_client_begin(c, &job,
				    NULL), 0);
				continue;
			}
			/* one reply at a time */
			const char *end = at;

			while (end[0] != '\0' && end[3] == '-')
				end = strchr(end, '\n') + 1;
			if (end[0] == '\0') {
				(void)mc_err_set(&err, MC_E_CLOSED,
				    MC_STAGE_END, NULL);
				mc_client_lost(c, &err);
				break;
			}
			end = strchr(end, '\n') + 1;
			assert_int_equal(mc_client_feed(c, at,
			    (size_t)(end - at), NULL), 0);
			at = end;
		}
		assert_int_equal(text, rows[k].text != NULL);
		for (size_t m = 0; m < 2; m++) {
			enum mc_verdict v = mc_envelope_at(&r.env,
			    r.order[m])->verdict;
			char is = v == MC_DELIVERED ? 'D' : v == MC_FAILED ?
			    'F' : v == MC_DEFERRED ? 'd' : v == MC_UNSURE ?
			    'u' : 'p';

			if (is != rows[k].verdicts[m])
				fail_msg("row %zu, recipient %zu: %c, not %c",
				    k, m, is, rows[k].verdicts[m]);
		}
		mc_buf_clear(&in);
		mc_client_free(c);
		run_clear(&r);
	}
}

/* who has an address that only SMTPUTF8 can carry is told so, alone */
static void
test_addresses_utf8(void **state)
{
	const struct walk walk = { .tls = WALK_PLAIN, .auth = false, .pipelining = true,
	    .verified = false };
	struct mc_client_job job = { 0 };
	struct run r;
	size_t i;

	(void)state;
	run_init(&r, &walk);
	r.begun = true;
	give_text(&r, "220 x\r\n", 100);
	give_text(&r, "250-x\r\n250 8BITMIME\r\n", 100);
	assert_int_equal(mc_envelope_add(&r.env, MC_STR("\xc3\xbc@x.test"),
	    false, &i, NULL), 0);
	const size_t order[] = { 0, i };
	job.env = &r.env;
	job.order = order;
	job.n = 2;
	assert_int_equal(mc_client_begin(r.c, &job, NULL), 0);
	assert_int_not_equal(mc_client_output(r.c).len, 0);
	assert_int_equal(mc_envelope_at(&r.env, 0)->verdict, MC_PENDING);
	assert_int_equal(mc_envelope_at(&r.env, i)->verdict, MC_FAILED);
	assert_int_equal(mc_envelope_at(&r.env, i)->code, MC_E_NEED_SMTPUTF8);
	assert_int_equal(mc_envelope_at(&r.env, i)->stage, MC_STAGE_RCPT);
	run_clear(&r);
}

/* fail each allocation in turn: an error or success, never a crash or leak */
static void
test_nomem(void **state)
{
	const struct walk walk = { .tls = WALK_PLAIN, .auth = false,
	    .pipelining = true, .verified = false };
	struct mc_client_settings s = { .ehlo_name = MC_STR("localhost"),
	    .tls = MC_CLIENT_TLS_NONE };
	unsigned long n;
	bool done = false;

	(void)state;
	for (n = 1; !done && n < 200; n++) {
		struct mc_client *c = NULL;
		struct mc_client_job job = { 0 };
		struct run r;
		int rc;

		run_init(&r, &walk);
		job.env = &r.env;
		job.order = r.order;
		job.n = N_RCPTS;
		failmalloc(n, false);
		rc = mc_client_new(&s, &c, NULL);
		if (rc == 0)
			rc = mc_client_feed(c, "220 x\r\n", 7, NULL);
		if (rc == 0)
			rc = mc_client_step(c, NULL) < 0;
		if (rc == 0) {
			mc_client_sent(c, mc_client_output(c).len);
			rc = mc_client_feed(c, "250 x\r\n", 7, NULL);
		}
		if (rc == 0)
			rc = mc_client_step(c, NULL) < 0;
		if (rc == 0)
			rc = mc_client_begin(c, &job, NULL);
		done = failmalloc(0, false) < n && rc == 0;
		mc_client_free(c);
		run_clear(&r);
	}
	assert_true(done);
	assert_true(n > 4);
}

/* names without a domain are for the local service alone, and what is read then
 * says that it was the service */
static void
test_service(void **state)
{
	static const struct {
		bool service;
		const char *sender, *rcpt;
		const char *mail;	/* the reply; NULL: nothing is asked */
		enum mc_code code;
		int status;
		const char *says;
	} rows[] = {
		{ true, "alice", "bob", "550 5.7.1 no\r\n", MC_E_NOT_ALLOWED,
		    77, "the local service refused the sender: 550 5.7.1 no" },
		{ true, "a@x.example", "bob", "550 5.7.0 no\r\n",
		    MC_E_REFUSED, 77, "the local service refused" },
		{ true, "alice", "b@x.example", "552 5.3.4 big\r\n",
		    MC_E_REFUSED, 69, "the local service refused" },
		{ true, "alice", "bob", "451 4.3.0 later\r\n", MC_E_REFUSED,
		    75, "the local service refused" },
		{ true, "alice", "bob", "421 4.3.2 bye\r\n",
		    MC_E_SERVER_UNAVAILABLE, 75,
		    "the local service is not available" },
		{ false, "a@x.example", "b@x.example", "550 5.7.1 no\r\n",
		    MC_E_REFUSED, 77, "the server refused the sender" },
		{ false, "a@x.example", "bob", NULL, MC_E_ADDR_BARE, 65,
		    "\"bob\" is no full address" },
		{ false, "alice", "b@x.example", NULL, MC_E_ADDR_BARE, 65,
		    "the sender \"alice\" is no full address" },
	};
	static const size_t order[] = { 0 };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_client_settings s = {
			.ehlo_name = MC_STR("localhost"),
			.tls = MC_CLIENT_TLS_NONE,
			.is_service = rows[i].service };
		struct mc_client_job job = { .n = 1, .size = 5,
			.order = order };
		struct mc_err err = { 0 }, why = { 0 };
		struct mc_envelope env;
		struct mc_client *c;
		const struct mc_rcpt *rcpt;
		size_t at;

		mc_envelope_init(&env);
		assert_int_equal(mc_envelope_set_sender(&env,
		    mc_str_from(rows[i].sender), NULL), 0);
		assert_int_equal(mc_envelope_add(&env,
		    mc_str_from(rows[i].rcpt), false, &at, NULL), 0);
		mc_envelope_at(&env, 0)->notify = MC_NOTIFY_FAILURE;
		assert_int_equal(mc_client_new(&s, &c, NULL), 0);
		assert_int_equal(mc_client_feed(c, "220 x\r\n", 7, NULL), 0);
		assert_int_equal(mc_client_step(c, NULL), MC_WANT_READ);
		mc_client_sent(c, mc_client_output(c).len);
		assert_int_equal(mc_client_feed(c, "250-x\r\n250 DSN\r\n", 16,
		    NULL), 0);
		assert_int_equal(mc_client_step(c, NULL), MC_WANT_JOB);
		job.env = &env;
		assert_int_equal(mc_client_begin(c, &job, NULL), 0);
		if (rows[i].mail != NULL) {
			char want[64];

			(void)snprintf(want, sizeof(want),
			    "MAIL FROM:<%s>\r\n", rows[i].sender);
			assert_string_equal(mc_client_output(c).ptr, want);
			mc_client_sent(c, mc_client_output(c).len);
			assert_int_equal(mc_client_feed(c, rows[i].mail,
			    strlen(rows[i].mail), NULL), 0);
			assert_int_equal(mc_client_step(c, &err) < 0,
			    rows[i].code == MC_E_SERVER_UNAVAILABLE);
		}
		rcpt = mc_envelope_at(&env, 0);
		why.code = rcpt->code;
		why.smtp = rcpt->smtp;
		memcpy(why.enh, rcpt->enh, sizeof(why.enh));
		assert_string_equal(mc_code_name(rcpt->code),
		    mc_code_name(rows[i].code));
		assert_int_equal(mc_err_exit(&why), rows[i].status);
		assert_memory_equal(rcpt->text, rows[i].says,
		    strlen(rows[i].says));
		mc_client_free(c);
		mc_envelope_clear(&env);
	}
}

/* RCPT of a bare name has no ORCPT: that is no address either */
static void
test_service_rcpt(void **state)
{
	static const size_t order[] = { 0, 1 };
	struct mc_client_settings s = { .ehlo_name = MC_STR("localhost"),
		.tls = MC_CLIENT_TLS_NONE, .is_service = true };
	struct mc_client_job job = { .n = 2, .size = 5, .order = order };
	struct mc_envelope env;
	struct mc_client *c;
	size_t at;

	(void)state;
	mc_envelope_init(&env);
	assert_int_equal(mc_envelope_set_sender(&env, MC_STR("alice"), NULL),
	    0);
	assert_int_equal(mc_envelope_add(&env, MC_STR("bob"), true, &at, NULL),
	    0);
	assert_int_equal(mc_envelope_add(&env, MC_STR("b@x.example"), true,
	    &at, NULL), 0);
	assert_int_equal(mc_client_new(&s, &c, NULL), 0);
	assert_int_equal(mc_client_feed(c, "220 x\r\n", 7, NULL), 0);
	assert_int_equal(mc_client_step(c, NULL), MC_WANT_READ);
	mc_client_sent(c, mc_client_output(c).len);
	assert_int_equal(mc_client_feed(c, "250-x\r\n250-DSN\r\n"
	    "250 PIPELINING\r\n", 32, NULL), 0);
	assert_int_equal(mc_client_step(c, NULL), MC_WANT_JOB);
	job.env = &env;
	assert_int_equal(mc_client_begin(c, &job, NULL), 0);
	assert_string_equal(mc_client_output(c).ptr, "MAIL FROM:<alice>\r\n"
	    "RCPT TO:<bob>\r\n"
	    "RCPT TO:<b@x.example> ORCPT=rfc822;b@x.example\r\nDATA\r\n");
	mc_client_free(c);
	mc_envelope_clear(&env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_plain_pipelined),
		cmocka_unit_test(test_walk_plain_lockstep),
		cmocka_unit_test(test_walk_tls_auth),
		cmocka_unit_test(test_walk_starttls),
		cmocka_unit_test(test_walk_flight),
		cmocka_unit_test(test_walk_flight_chunking),
		cmocka_unit_test(test_walk_flight_quit),
		cmocka_unit_test(test_walk_lmtp),
		cmocka_unit_test(test_walk_chunking),
		cmocka_unit_test(test_flying_cut),
		cmocka_unit_test(test_flying_unsent),
		cmocka_unit_test(test_flying_odd),
		cmocka_unit_test(test_flying_quit),
		cmocka_unit_test(test_walk_unverified),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_421_unasked),
		cmocka_unit_test(test_rset),
		cmocka_unit_test(test_settled_early),
		cmocka_unit_test(test_mail_words),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_require_tls),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_addresses_utf8),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_service_rcpt),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
