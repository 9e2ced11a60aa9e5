/* SPDX-License-Identifier: MIT */
/*
 * proc.h - run a helper program as an argument vector, never through a shell
 */
#ifndef MC_PROC_H
#define MC_PROC_H

#include "base/buf.h"

/*
 * mc_proc_split - split a command line into an argument vector
 *
 * Words are separated by blanks; '...' and "..." group, a backslash takes the
 * next byte as it is outside single quotes.  No variables, globs or pipes: the
 * shell's operators are plain bytes.  *ret_argv is a NULL-terminated vector
 * in one block (mc_mem_free).  -1 with err: MC_E_CONF_VALUE (open quote, no
 * word, a NUL byte), MC_E_NOMEM.
 */
MC_NODISCARD int
mc_proc_split(struct mc_str line, char ***ret_argv, struct mc_err *err);

/*
 * mc_proc_expand_home - "~/" at the start of the program's name
 *
 * The shell, which would do it, is not there.  *ret_own is what argv[0] then is,
 * for mc_mem_free, or NULL.  MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_NODISCARD int
mc_proc_expand_home(char **argv, const char *home, char **ret_own,
    struct mc_err *err);

/*
 * mc_proc_run - run argv and append what it writes on its standard output
 *
 * stdin is /dev/null, stderr is ours, every other descriptor is closed,
 * signals and mask are reset, the environment is `envp`; argv[0] without slash
 * is looked up in the absolute directories of envp's PATH.  Done is when the
 * program has ended; what it left running does not matter.  The child leads a
 * process group of its own and, past `timeout_ms` (MC_NEVER: none) or once
 * cancel_fd is readable (-1: none), that group gets SIGTERM and, after a
 * second, SIGKILL; always reaped.  -1 with err: MC_E_HELPER (could not run,
 * status, signal, time, more than out->max), MC_E_CANCELLED, MC_E_NOMEM; out
 * is as before then.  Output is never part of an error text.  err->sys is not
 * 0 if it could not be run at all, ENOENT if there is no such program.
 */
MC_NODISCARD int
mc_proc_run(char *const argv[], char *const envp[], int64_t timeout_ms,
    int cancel_fd, struct mc_buf *out, struct mc_err *err);

/* the same, and what it writes to its standard error is lost */
MC_NODISCARD int
mc_proc_run_quiet(char *const argv[], char *const envp[], int64_t timeout_ms,
    int cancel_fd, struct mc_buf *out, struct mc_err *err);

/* what it can read on its standard input: no more than fits into a pipe */
#define MC_PROC_INPUT 16384

/*
 * mc_proc_run_with - the same, with `input` on the program's standard input
 *
 * For what must not stand in arguments or environment.  MC_E_TOO_LONG past
 * MC_PROC_INPUT.
 */
MC_NODISCARD int
mc_proc_run_with(char *const argv[], char *const envp[], struct mc_str input,
    int64_t timeout_ms, int cancel_fd, struct mc_buf *out, struct mc_err *err);

/*
 * mc_proc_close_from - close every descriptor from `first` on
 *
 * For a child after fork: async-signal-safe.  Where the system cannot do it
 * at once it goes up to n_fds, which mc_proc_most_fds told before the fork.
 */
void
mc_proc_close_from(int first, int n_fds);

int
mc_proc_most_fds(void);

/* does a terminal control this process, at which programs that it runs could
 * ask somebody? */
bool
mc_proc_has_terminal(void);

#endif
