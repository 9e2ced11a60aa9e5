/* SPDX-License-Identifier: MIT */
/*
 * serve.c - mailchute serve: the service for all users of a machine
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

/* systemd's: the first descriptor that it hands over */
#define FIRST_SOCKET 3
#define MOST_SOCKETS 64
#define LOG_NAME 4096
#define SERVE_CONF SYSCONFDIR "/mailchute/serve.conf"

struct serving {
	const struct cli_identity *id;
	const char *file;	/* -C */
	const char *socket;	/* --socket */
	bool no_tcp;
	int verbose;
	char log[LOG_NAME];
	char next_log[LOG_NAME];	/* once the new configuration holds */
	const char *log_at;	/* log, for cli_log_text */
};

/* ------------------------------------------------------------------- systemd */

/*
 * sd_notify(3) without the library: text goes to the socket that the
 * environment names, if it names one, and nobody minds if that fails
 */
static void
notify(const char *text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	ssize_t n;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(addr.sun_path))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return;
	memcpy(addr.sun_path, path, strlen(path));
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	n = sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&addr, (socklen_t)(
	    offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	(void)n;
	close(fd);
}

static long long
monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
on_state(void *ctx, enum mc_service_state state, const char *text)
{
	struct serving *s = ctx;
	char line[512];

	switch (state) {
	case MC_SERVICE_READY:
		if (s->next_log[0] != '\0')
			memcpy(s->log, s->next_log, sizeof(s->log));
		s->next_log[0] = '\0';
		snprintf(line, sizeof(line), "READY=1\nSTATUS=%s", text);
		break;
	case MC_SERVICE_KEPT:
		s->next_log[0] = '\0';
		snprintf(line, sizeof(line), "READY=1\nSTATUS=%s", text);
		break;
	case MC_SERVICE_RELOADING:
		snprintf(line, sizeof(line), "RELOADING=1\n"
		    "MONOTONIC_USEC=%lld\nSTATUS=%s", monotonic_us(), text);
		break;
	case MC_SERVICE_STOPPING:
		snprintf(line, sizeof(line), "STOPPING=1\nSTATUS=%s", text);
		break;
	}
	notify(line);
}

/* sockets that systemd has opened for us; what is wrong with them is the
 * library's to say */
static size_t
given_sockets(int *fds, size_t most)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	size_t i, count = 0;

	if (pid != NULL && n != NULL &&
	    strtol(pid, NULL, 10) == (long)getpid()) {
		long given = strtol(n, NULL, 10);

		count = given < 0 ? 0 : (size_t)given;
		if (count > most)
			count = most;
	}
	for (i = 0; i < count; i++)
		fds[i] = FIRST_SOCKET + (int)i;
	/* not for password-command and the like */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return count;
}

/* ----------------------------------------------------------------- callbacks */

static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct serving *s = ctx;

	cli_log_text(&s->log_at, level, stage, text);
	if (s->verbose != 0 && strcmp(s->log, "stderr") != 0)
		cli_trace(&s->verbose, level, stage, text);
}

static void
on_child(void *ctx, const char *role)
{
	const struct serving *s = ctx;
	char name[16];

	/* the old connection to the log is closed, and its number may be
	 * another file's soon */
	cli_open_log(NULL);
	if (strcmp(role, "tls") == 0)
		cli_hold_log(s->log);
	snprintf(name, sizeof(name), "mc-%s", role);
#ifdef __linux__
	prctl(PR_SET_NAME, name, 0, 0, 0);
#endif
}

static void
on_done(void *ctx, const struct mc_submission *sub,
    const struct mc_queued *queued, const struct mc_err *queue_err)
{
	struct serving *s = ctx;

	(void)queue_err;
	cli_log_results(s->log, sub, queued);
}

static void
on_event(void *ctx, const struct mc_run_event *event)
{
	struct serving *s = ctx;

	cli_log_event(s->log, event);
}

static int
load(struct serving *s, struct mc_config **ret_config, struct mc_err *err)
{
	const char *log;
	const char *file = s->file;

	/* its own, which is not that of the system's users */
	if (file == NULL && getenv("MAILCHUTE_CONFIG") == NULL &&
	    access(SERVE_CONF, F_OK) == 0)
		file = SERVE_CONF;
	if (mc_config_load(&s->id->caller, file, NULL, NULL, ret_config,
	    err) != 0)
		return -1;
	log = cli_log_of(s->id, *ret_config);
	snprintf(s->next_log, sizeof(s->next_log), "%s", log);
	return 0;
}

static int
on_load(void *ctx, struct mc_config **ret_config, struct mc_err *err)
{
	struct serving *s = ctx;
	int rc = load(s, ret_config, err);

	/* our processes may write it, and make no other file beside it */
	if (rc == 0)
		cli_make_log(s->next_log);
	return rc;
}

/* ------------------------------------------------------------------ commands */

static int
run(struct serving *s, struct mc_config *config)
{
	int fds[MOST_SOCKETS];
	struct mc_err err = { 0 };
	struct mc_serve_options set = {
		.cancel_fd = cli_cancel_fd(), .reload_fd = cli_catch_reload(),
		.sockets = fds, .socket = s->socket, .no_tcp = s->no_tcp,
		.most = s->verbose != 0 ? MC_LOG_DEBUG : MC_LOG_INFO,
		.log = on_log, .log_ctx = s, .in_child = on_child,
		.load = on_load, .state = on_state, .done = on_done,
		.event = on_event, .ctx = s,
	};

	set.n_sockets = given_sockets(fds, MOST_SOCKETS);
	cli_open_log(NULL);
	memcpy(s->log, s->next_log, sizeof(s->log));
	s->next_log[0] = '\0';
	s->log_at = s->log;
	cli_make_log(s->log);
	if (mc_serve_run(&s->id->caller, config, &set, &err) == 0)
		return 0;
	on_log(s, MC_LOG_ERROR, err.stage, err.text);
	return cli_fail(&err);
}

static int
token(struct serving *s, const struct mc_config *config, char **words, int n)
{
	char text[MC_TOKEN_SIZE];
	struct mc_err err = { 0 };

	if (n == 2 && strcmp(words[0], "add") == 0) {
		if (mc_serve_token_add(&s->id->caller, config, words[1], text,
		    &err) != 0)
			return cli_fail(&err);
		printf("%s\n", text);
		memset(text, 0, sizeof(text));
		return 0;
	}
	if (n == 2 && strcmp(words[0], "remove") == 0)
		return mc_serve_token_remove(&s->id->caller, config, words[1],
		    &err) == 0 ? 0 : cli_fail(&err);
	cli_say("serve token add LOGIN, or serve token remove LOGIN");
	return EX_USAGE;
}

static void
help(FILE *out)
{
	fputs("usage: mailchute serve [-C file] [--socket path] [--no-tcp] [-v]\n"
	    "       mailchute serve [-C file] token add|remove login\n"
	    "\n"
	    "Takes mail from the users of this machine over a socket, keeps it in its own\n"
	    "queue, and delivers it by the accounts of its configuration.  Runs until it\n"
	    "gets SIGTERM; SIGHUP makes it read the configuration anew.\n"
	    "\n"
	    "  -C file          configuration, instead of the usual ones or of\n"
	    "                   " SERVE_CONF "\n"
	    "  --socket path    where to listen\n"
	    "  --no-tcp         not on the addresses that the configuration names\n"
	    "  -v               tell more, also on standard error\n"
	    "  token add login  print a new secret with which programs that can only\n"
	    "                   speak to an address may send as this user\n"
	    "\n"
	    "Manual: mailchute-serve(8).\n", out);
}

/* 0, or an exit status; *ret_help: that is all that was wanted */
static int
parse(struct serving *s, int argc, char **argv, int *ret_at, bool *ret_help)
{
	int i;

	*ret_help = false;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		const char *word = argv[i];
		const char **to = NULL;

		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			*ret_help = true;
			return 0;
		}
		if (strcmp(word, "-v") == 0)
			s->verbose++;
		else if (strcmp(word, "--no-tcp") == 0)
			s->no_tcp = true;
		else if (strcmp(word, "-C") == 0)
			to = &s->file;
		else if (strcmp(word, "--socket") == 0)
			to = &s->socket;
		else if (strncmp(word, "--socket=", 9) == 0)
			s->socket = word + 9;
		else {
			cli_say("serve: no option %.100s; \"mailchute serve "
			    "--help\" tells what there is", word);
			return EX_USAGE;
		}
		if (to == NULL)
			continue;
		if (++i == argc) {
			cli_say("serve: %s needs a value", word);
			return EX_USAGE;
		}
		*to = argv[i];
	}
	*ret_at = i;
	return 0;
}

int
cli_serve(const struct cli_identity *id, int argc, char **argv)
{
	struct serving s = { .id = id };
	struct mc_config *config = NULL;
	struct mc_err err = { 0 };
	bool wants_help;
	int at = 1, status = parse(&s, argc, argv, &at, &wants_help);

	if (status != 0)
		return status;
	if (wants_help) {
		help(stdout);
		return 0;
	}
	if (at < argc && strcmp(argv[at], "token") != 0) {
		cli_say("serve: what is \"%.100s\"?  There is only \"token\"",
		    argv[at]);
		return EX_USAGE;
	}
	if (load(&s, &config, &err) != 0)
		return cli_fail(&err);
	status = at < argc ? token(&s, config, argv + at + 1, argc - at - 1) :
	    run(&s, config);
	mc_config_free(config);
	return status;
}
