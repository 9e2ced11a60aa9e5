/* SPDX-License-Identifier: MIT */
/*
 * settings.c - what the configuration says about the local service
 */
#include "base/base.h"

#include "serve/settings.h"

#include "base/err.h"
#include "base/mem.h"
#include "serve/names.h"

#include <sys/un.h>

#define SOCKET_PATH sizeof(((struct sockaddr_un *)NULL)->sun_path)

static int
nomem(struct mc_err *err)
{
	return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
}

/* "FILE:LINE: key: what is wrong" */
static int
bad(const struct mc_config *config, enum mc_key_id key, const char *what,
    struct mc_err *err)
{
	struct mc_value value;

	if (mc_config_value(config, mc_config_account(config, 0), (size_t)key,
	    &value, err) != 0)
		return -1;
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
	    "%s: %s: %s", value.origin, value.key, what);
}

/* ------------------------------------------------------------------- limits */

/* the text was checked when it was set */
static struct mc_serve_rate
rate_of(const char *text)
{
	struct mc_serve_rate r = { .count = 0 };

	if (text == NULL || mc_config_rate(text, &r.count, &r.seconds) != 0)
		r.count = r.seconds = 0;
	return r;
}

/* every number has its range in the table of lib/config */
static struct mc_serve_limits
limits_of(const struct mc_account *a)
{
	return (struct mc_serve_limits){
		.sessions = (uint32_t)a->limit_sessions,
		.sessions_user = (uint32_t)a->limit_sessions_user,
		.sessions_loopback = (uint32_t)a->limit_sessions_loopback,
		.messages = rate_of(a->limit_messages),
		.recipients = rate_of(a->limit_recipients),
		.queue_share = (uint32_t)a->limit_queue_share,
		.errors = (uint32_t)a->limit_errors,
		.junk = (uint32_t)a->limit_junk,
		.idle_ms = (int64_t)a->limit_idle * 1000,
		.idle_busy_ms = (int64_t)a->limit_idle_busy * 1000,
		.session_ms = (int64_t)a->limit_session * 1000,
		.data_rate = (uint32_t)a->limit_data_rate,
		.session_messages = (uint32_t)a->limit_session_messages,
		.message_recipients = (uint32_t)a->limit_message_recipients,
		.command = (uint32_t)a->limit_command,
		.text_line = (uint32_t)a->limit_text_line,
		.header = (uint32_t)a->limit_header,
		.fields = (uint32_t)a->limit_fields,
		.received = (uint32_t)a->limit_received,
		.size = a->smtp_max_size,
		.queue_messages = a->queue_max_messages,
		.queue_bytes = a->queue_max_bytes,
	};
}

/* -------------------------------------------------------------------- rest */

static int
copy(const char *text, char **ret, struct mc_err *err)
{
	if (text == NULL)
		return 0;
	*ret = mc_mem_strdup(text);
	return *ret == NULL ? nomem(err) : 0;
}

static int
set_socket(const struct mc_config *config, const struct mc_account *a,
    struct mc_serve_settings *s, struct mc_err *err)
{
	if (a->socket == NULL)
		return bad(config, MC_K_socket, "there has to be one", err);
	/* once more, now that "~/" is in full */
	if (strlen(a->socket) >= SOCKET_PATH)
		return bad(config, MC_K_socket,
		    "is too long for the path of a socket", err);
	return copy(a->socket, &s->socket, err);
}

static int
set_group(const struct mc_config *config, const struct mc_account *a,
    struct mc_serve_settings *s, struct mc_err *err)
{
	int rc;

	s->socket_mode = a->socket_group == NULL ? 0666 : 0660;
	if (a->socket_group == NULL)
		return 0;
	rc = mc_serve_group(mc_str_from(a->socket_group), &s->group);
	if (rc < 0)
		return nomem(err);
	if (rc == 0)
		return bad(config, MC_K_socket_group,
		    "there is no such group", err);
	s->has_group = true;
	return 0;
}

static int
set_listen(const struct mc_account *a, struct mc_serve_settings *s,
    struct mc_err *err)
{
	struct mc_str rest = mc_str_from(a->listen);
	struct mc_str word;

	while (s->n_listen < MC_LISTEN_MOST &&
	    mc_str_next_token(&rest, " ", &word)) {
		if (mc_listen_parse(word, &s->listen[s->n_listen], err) != 0)
			return -1;
		s->n_listen++;
	}
	return 0;
}

int
mc_serve_settings_of(const struct mc_config *config,
    struct mc_serve_settings *ret_settings, struct mc_err *err)
{
	struct mc_serve_settings s = { .socket = NULL };
	const struct mc_account *a;

	/* keys before the first section are the same in every account */
	if (mc_config_find(config, mc_config_account(config, 0), &a, err) != 0)
		return -1;
	if (set_socket(config, a, &s, err) != 0 ||
	    set_group(config, a, &s, err) != 0 ||
	    set_listen(a, &s, err) != 0 ||
	    copy(a->serve_tokens, &s.tokens, err) != 0 ||
	    copy(a->serve_tls_cert, &s.tls_cert, err) != 0 ||
	    copy(a->serve_tls_key, &s.tls_key, err) != 0 ||
	    (s.tls_key != NULL && s.tls_cert == NULL && bad(config,
	    MC_K_serve_tls_key, "needs the certificate, serve-tls-cert",
	    err) != 0)) {
		mc_serve_settings_clear(&s);
		return -1;
	}
	s.trust_loopback = a->trust_loopback;
	s.limits = limits_of(a);
	*ret_settings = s;
	return 0;
}

void
mc_serve_settings_clear(struct mc_serve_settings *settings)
{
	mc_mem_free(settings->socket);
	mc_mem_free(settings->tokens);
	mc_mem_free(settings->tls_cert);
	mc_mem_free(settings->tls_key);
	*settings = (struct mc_serve_settings){ .socket = NULL };
}
