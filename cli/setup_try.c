/* SPDX-License-Identifier: MIT */
/*
 * setup_try.c - does the server answer, and take the log-in?
 *
 * The library reads configurations from files, so this makes one that has no
 * name any more when it is written.  The password is never in it: it goes in
 * the caller's environment, in memory alone, where the library wipes it.
 */
#include "setup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBE_MS 20000
#define GUESS_MS 4000
#define LINES 8192

/* ----------------------------------------------------------------- section */

static size_t
add_line(char *to, size_t size, size_t at, const char *key, const char *value)
{
	int n = at < size ? snprintf(to + at, size - at, "%s = %s\n", key,
	    value) : -1;

	return n < 0 ? size : at + (size_t)n;
}

/* the port that tls has without saying so */
static const char *
usual_port(const char *tls)
{
	return strcmp(tls, "on") == 0 ? "465" :
	    strcmp(tls, "starttls") == 0 ? "587" : "25";
}

int
setup_lines(const struct setup *s, const struct setup_server *f, char *ret,
    size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	n = add_line(ret, size, n, "from", s->address);
	if (s->o->name != NULL)
		n = add_line(ret, size, n, "from-name", s->o->name);
	n = add_line(ret, size, n, "host", f->host);
	if (strcmp(f->port, usual_port(f->tls)) != 0)
		n = add_line(ret, size, n, "port", f->port);
	if (strcmp(f->tls, "on") != 0)
		n = add_line(ret, size, n, "tls", f->tls);
	if (s->o->ca_file != NULL)
		n = add_line(ret, size, n, "tls-ca-file", s->o->ca_file);
	if (s->user[0] != '\0')
		n = add_line(ret, size, n, "user", s->user);
	if (s->oauth && f->provider != NULL && f->provider->oauth[0] != '\0')
		n = add_line(ret, size, n, "oauth", f->provider->oauth);
	if (s->oauth && s->client_id[0] != '\0')
		n = add_line(ret, size, n, "oauth-client-id", s->client_id);
	return n < size ? 0 : -1;
}

/* ------------------------------------------------------------- environment */

/* that of the process without our own variables, and with the password */
static char **
environment(const struct setup *s, char *password)
{
	char **from = s->id->caller.envp;
	size_t n = 0, k = 0;
	char **envp;

	while (from != NULL && from[n] != NULL)
		n++;
	envp = calloc(n + 2, sizeof(*envp));
	if (envp == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(from[i], "MAILCHUTE_", 10) != 0)
			envp[k++] = from[i];
	if (password != NULL)
		envp[k] = password;
	return envp;
}

static char *
password_variable(const struct setup *s)
{
	static const char name[] = "MAILCHUTE_PASSWORD=";
	size_t size = sizeof(name) + strlen(s->secret);
	char *text = malloc(size);

	if (text != NULL)
		snprintf(text, size, "%s%s", name, s->secret);
	return text;
}

static void
wipe(char *text)
{
	volatile char *p = text;

	while (text != NULL && *p != '\0')
		*p++ = '\0';
	free(text);
}

/* ------------------------------------------------------------------- facts */

/* to be told once all went well: some of it comes before a failure */
struct facts {
	char tls[32];
	char mechanism[32];
};

static void
on_fact(void *ctx, enum mc_stage stage, const char *name, const char *value)
{
	struct facts *f = ctx;

	if (stage == MC_STAGE_TLS && strcmp(name, "version") == 0)
		snprintf(f->tls, sizeof(f->tls), "%s", value);
	else if (stage == MC_STAGE_AUTH && strcmp(name, "mechanism") == 0)
		snprintf(f->mechanism, sizeof(f->mechanism), "%s", value);
}

static void
tell_facts(const struct facts *f)
{
	if (f->tls[0] != '\0')
		printf("TLS:     %s, the certificate is verified\n", f->tls);
	if (f->mechanism[0] != '\0')
		printf("Log-in:  it works, by %s\n", f->mechanism);
}

/* --------------------------------------------------------------------- try */

/* a file without a name, and how it can be opened all the same */
static int
hidden_file(const char *text, char *ret_name, size_t size)
{
	const char *dir = getenv("TMPDIR");
	char path[SETUP_PATH];
	size_t len = strlen(text);
	int fd;

	snprintf(path, sizeof(path), "%s/mailchute.XXXXXX",
	    dir != NULL && dir[0] == '/' ? dir : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	unlink(path);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (write(fd, text, len) != (ssize_t)len ||
	    lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -1;
	}
	snprintf(ret_name, size, "/dev/fd/%d", fd);
	return fd;
}

/* with the environment of `caller`, which holds what is secret */
static int
probe(const struct setup *s, const struct mc_caller *caller,
    const char *lines, const struct mc_probe *p, struct mc_err *err)
{
	struct mc_config *config = NULL;
	char text[LINES + sizeof(s->source) + 256], name[32];
	int fd, rc = -1;

	/* nothing is queued, and other accounts have no part in it */
	snprintf(text, sizeof(text), "log = off\nqueue = off\n"
	    "[account %s]\n%s%s", s->account, lines,
	    s->source[0] != '\0' ? s->source : "");
	fd = hidden_file(text, name, sizeof(name));
	if (fd < 0) {
		err->code = MC_E_TMPFILE;
		snprintf(err->text, sizeof(err->text), "no temporary file can "
		    "be made: set TMPDIR to a directory with space");
		return -1;
	}
	if (mc_config_load(caller, name, NULL, NULL, &config, err) == 0)
		rc = mc_probe(caller, config, p, err);
	mc_config_free(config);
	close(fd);
	return rc;
}

int
setup_try(const struct setup *s, const struct setup_server *f, bool log_in,
    bool tell, struct mc_err *err)
{
	struct mc_caller caller = s->id->caller;
	struct facts facts = { "", "" };
	struct mc_probe p = { .account = s->account,
	    .flags = log_in ? 0 : MC_PROBE_NO_AUTH,
	    .cancel_fd = cli_cancel_fd(), .timeout_ms = tell ? PROBE_MS :
	    GUESS_MS, .fact = on_fact, .ctx = &facts };
	char *password = log_in && s->has_secret ? password_variable(s) : NULL;
	char **envp = environment(s, password);
	char lines[LINES];
	int rc = -1;

	caller.envp = envp;
	if (envp == NULL || (log_in && s->has_secret && password == NULL)) {
		err->code = MC_E_NOMEM;
		snprintf(err->text, sizeof(err->text), "out of memory");
	} else if (setup_lines(s, f, lines, sizeof(lines)) != 0) {
		err->code = MC_E_TOO_LONG;
		snprintf(err->text, sizeof(err->text),
		    "the answers are too long");
	} else {
		rc = probe(s, &caller, lines, &p, err);
	}
	if (rc == 0 && tell)
		tell_facts(&facts);
	(void)fflush(stdout);
	free(envp);
	wipe(password);
	return rc;
}
