/* SPDX-License-Identifier: MIT */
/*
 * helper.c - a helper program, and the lines that it answers with
 */
#include "base/base.h"
#include "mailchute.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/place.h"
#include "base/proc.h"

#include <string.h>

#define MOST_OUTPUT (4 << 20)
#define MOST_FIELDS 32

/* the words of one line, cut where a TAB stands */
static void
tell(const struct mc_helper *h, char *line)
{
	const char *fields[MOST_FIELDS + 1];
	size_t n = 0;
	char *tab;

	do {
		fields[n++] = line;
		tab = strchr(line, '\t');
		if (tab != NULL && n < MOST_FIELDS)
			*tab++ = '\0';
		line = tab;
	} while (line != NULL && n < MOST_FIELDS);
	fields[n] = NULL;
	h->line(h->ctx, fields, n);
}

/* a NUL ends a line early, and nothing follows out of it */
static void
tell_all(const struct mc_helper *h, struct mc_buf *out)
{
	char *at = out->ptr;
	char *end = out->ptr + out->len;

	while (at < end) {
		char *nl = memchr(at, '\n', (size_t)(end - at));

		if (nl == NULL)
			nl = end;
		*nl = '\0';
		tell(h, at);
		at = nl + 1;
	}
}

int
mc_helper_run(const struct mc_caller *caller, const struct mc_helper *helper,
    struct mc_err *err)
{
	const char *const none[] = { NULL };
	const char *const *args = helper->args != NULL ? helper->args : none;
	size_t n = 0;
	struct mc_buf out, file, built;
	char *program = NULL;
	char **argv;
	int rc = -1;

	while (args[n] != NULL)
		n++;
	argv = mc_mem_zalloc(n + 2, sizeof(*argv));
	/* tokens may come */
	mc_buf_init_secret(&out, MOST_OUTPUT);
	mc_buf_init(&file, 4096);
	mc_buf_init(&built, 4096);
	mc_buf_addf(&file, "%s/mailchute-%s", PKGLIBEXECDIR, helper->name);
	mc_buf_addf(&built, "/helper/mailchute-%s", helper->name);
	if (mc_buf_err(&file, "path", err) == 0 &&
	    mc_buf_err(&built, "path", err) == 0)
		program = mc_place_find(file.ptr, built.ptr, err);
	if (program != NULL && argv == NULL)
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (program == NULL || argv == NULL)
		goto out;
	argv[0] = program;
	/* execve changes none of them */
	for (size_t i = 0; i < n; i++)
		memcpy(&argv[i + 1], &args[i], sizeof(argv[0]));
	rc = mc_proc_run_with(argv, caller->envp,
	    mc_str_make(helper->input, helper->input_len),
	    helper->timeout_ms == 0 ? MC_NEVER : helper->timeout_ms,
	    helper->cancel_fd, &out, err);
	if (rc == 0)
		tell_all(helper, &out);
out:
	mc_buf_clear(&out);
	mc_buf_clear(&file);
	mc_buf_clear(&built);
	mc_mem_free(argv);
	mc_mem_free(program);
	return rc;
}
