/* SPDX-License-Identifier: MIT */
/*
 * import_cmd.c - mailchute config import: files in, a configuration out
 *
 * Nothing of what is read is run.  What comes out has been read once by the
 * parser of the configuration itself, so that "config check" has nothing to
 * say about it.
 */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_PASSES 50
#define MOST_PATH 4096

static const struct import_program *const programs[] = {
	&import_msmtp, &import_ssmtp, &import_esmtp, &import_dma,
	&import_nullmailer, &import_git,
};

struct arguments {
	const struct import_program *program;
	const char *file;
	const char *output;
	bool force;
	bool secrets;
	bool help;
};

/* ------------------------------------------------------------ command line */

static void
help(void)
{
	fputs("usage: mailchute config import --from PROGRAM [options] "
	    "[FILE]\n\n"
	    "Writes a configuration for mailchute out of that of another "
	    "program.\n"
	    "What cannot be carried is named on standard error, with file "
	    "and line.\n\n"
	    "  --from PROGRAM   msmtp, ssmtp, esmtp, dma, nullmailer or git\n"
	    "  --output FILE    write it there, mode 0600, with passwords, "
	    "and not to\n"
	    "                   standard output\n"
	    "  --force          FILE may be there already; it becomes FILE~\n"
	    "  --with-secrets   passwords to standard output, too\n"
	    "  --help           show this\n\n"
	    "Without FILE it is the one that the program itself reads.  "
	    "Status 0: all is\n"
	    "carried; 1: something is left out; others as in "
	    "<sysexits.h>.\n\n"
	    "Example:\n"
	    "  mailchute config import --from msmtp "
	    "--output ~/.config/mailchute/config\n", stdout);
}

static const struct import_program *
program_of(const char *name)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i]->name, name) == 0)
			return programs[i];
	cli_say("config import: --from is one of msmtp, ssmtp, esmtp, dma, "
	    "nullmailer and git");
	return NULL;
}

/* "--name VALUE" and "--name=VALUE"; NULL: another option, or no value */
static const char *
value_of(int argc, char **argv, int *i, const char *name)
{
	size_t n = strlen(name);

	/* *i is below argc: one that was the last has not been passed over */
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] == '\0' && *i + 1 < argc)
		return argv[++*i];
	return NULL;
}

static int
parse(int argc, char **argv, struct arguments *a)
{
	bool ended = false;
	const char *value;

	for (int i = 2; i < argc; i++) {
		if (ended || argv[i][0] != '-') {
			if (a->file != NULL || argv[i][0] == '\0')
				goto bad;
			a->file = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (strcmp(argv[i], "--help") == 0) {
			a->help = true;
		} else if (strcmp(argv[i], "--force") == 0) {
			a->force = true;
		} else if (strcmp(argv[i], "--with-secrets") == 0) {
			a->secrets = true;
		} else if ((value = value_of(argc, argv, &i, "--output")) !=
		    NULL && *value != '\0') {
			a->output = value;
		} else if ((value = value_of(argc, argv, &i, "--from")) !=
		    NULL) {
			a->program = program_of(value);
			if (a->program == NULL)
				return EX_USAGE;
		} else {
			goto bad;
		}
		continue;
bad:
		cli_say("config import: %.100s: not understood; see "
		    "--help", argv[i]);
		return EX_USAGE;
	}
	if (!a->help && a->program == NULL) {
		cli_say("config import: --from is missing; see --help");
		return EX_USAGE;
	}
	return 0;
}

/* ---------------------------------------------------------------- checking */

/* which entry or account stands in which line of the result */
struct check {
	struct import *im;
	struct {
		struct import_account *account;
		struct import_entry *entry;
	} *lines;
	size_t n, room;
	bool failed;
	unsigned dropped;
};

static void
on_line(void *ctx, unsigned line, struct import_account *account,
    struct import_entry *entry)
{
	struct check *c = ctx;
	void *grown;

	if (line > c->room && !c->failed) {
		grown = realloc(c->lines, 2 * (size_t)line *
		    sizeof(*c->lines));
		if (grown == NULL) {
			c->failed = true;
			return;
		}
		c->lines = grown;
		c->room = 2 * (size_t)line;
	}
	if (c->failed)
		return;
	c->lines[line - 1].account = account;
	c->lines[line - 1].entry = entry;
	c->n = line;
}

/* the text without the place in our own file that it begins with */
static const char *
without_place(const char *text, const char *file)
{
	size_t n = strlen(file);

	if (strncmp(text, file, n) != 0 || text[n] != ':')
		return text;
	text += n + 1;
	while (*text >= '0' && *text <= '9')
		text++;
	return text + strspn(text, ": ");
}

static void
on_problem(void *ctx, const char *file, unsigned line,
    const struct mc_err *problem)
{
	struct check *c = ctx;
	struct import_entry *entry;
	struct import_account *account;

	if (line == 0 || line > c->n)
		return;
	entry = c->lines[line - 1].entry;
	account = c->lines[line - 1].account;
	if (entry != NULL && !entry->dropped) {
		entry->dropped = true;
		/* without its server the rest is nothing */
		account->dropped = account->dropped ||
		    strcmp(entry->key, "host") == 0;
		import_say(c->im, entry->at, true, "cannot be carried: %s",
		    without_place(problem->text, file));
		c->dropped++;
	} else if (entry == NULL && account != NULL && !account->dropped) {
		account->dropped = true;
		import_say(c->im, account->at, true, "account %s cannot be"
		    " carried: %s", account->name,
		    without_place(problem->text, file));
		c->dropped++;
	}
}

static int
write_all(int fd, const struct cli_text *text)
{
	size_t done = 0;

	if (lseek(fd, 0, SEEK_SET) != 0 || ftruncate(fd, 0) != 0)
		return errno;
	while (done < text->len) {
		ssize_t n = write(fd, text->ptr + done, text->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		done += (size_t)n;
	}
	return 0;
}

/*
 * Write it to `path` and read it as a configuration, until there is nothing to
 * complain of: what our own rules refuse is taken out, and told.
 */
static int
settle(const struct cli_identity *id, struct import *im, const char *title,
    bool secrets, int fd, const char *path, struct cli_text *out,
    bool *ret_hidden)
{
	struct check c = { .im = im };
	struct mc_caller caller = id->caller;
	struct mc_config *config = NULL;
	struct mc_err err = { 0 };
	int status = EX_SOFTWARE;
	int error;

	/* neither variables nor secrets of the environment belong to it */
	caller.envp = NULL;
	for (unsigned i = 0; i < MOST_PASSES; i++) {
		out->len = 0;
		c.n = c.dropped = 0;
		import_render(im, title, secrets, out, ret_hidden, on_line, &c);
		error = out->failed || c.failed || im->failed ? ENOMEM :
		    write_all(fd, out);
		if (error != 0) {
			cli_say("%s: cannot be written: %s", path,
			    strerror(error));
			status = EX_CANTCREAT;
			break;
		}
		memset(&err, 0, sizeof(err));
		if (mc_config_load(&caller, path, on_problem, &c, &config,
		    &err) == 0) {
			status = 0;
			break;
		}
		if (c.dropped == 0) {
			status = cli_fail(&err);
			break;
		}
	}
	mc_config_free(config);
	free(c.lines);
	return status;
}

/* ----------------------------------------------------------------- writing */

/* the directories above it are made, closed to others */
static void
make_parents(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
}

static int
cannot_write(const char *path, int error)
{
	cli_say("%s: cannot be written: %s", path, strerror(error));
	return EX_CANTCREAT;
}

/* a second name for a file, which takes the place of none; where a file system
 * knows no second names the first one goes */
static int
add_name(const char *old, const char *new_name)
{
	struct stat st;

	if (link(old, new_name) == 0)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP)
		return -1;
	if (lstat(new_name, &st) == 0)
		errno = EEXIST;
	return errno == ENOENT ? rename(old, new_name) : -1;
}

/* what has the name now becomes NAME~ */
static int
keep_old(const char *path)
{
	char backup[MOST_PATH + 2];
	struct stat st;

	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISREG(st.st_mode)) {
		cli_say("%s: is no regular file", path);
		return EX_CANTCREAT;
	}
	(void)snprintf(backup, sizeof(backup), "%s~", path);
	(void)unlink(backup);
	return add_name(path, backup) == 0 ? 0 : cannot_write(backup, errno);
}

static int
put_in_place(const char *made, const char *path, bool force)
{
	int status = force ? keep_old(path) : 0;

	if (status != 0)
		return status;
	if (force)
		return rename(made, path) == 0 ? 0 : cannot_write(path, errno);
	/* unlike rename(2) it never takes the place of another */
	if (add_name(made, path) == 0)
		return 0;
	if (errno != EEXIST)
		return cannot_write(path, errno);
	cli_say("%s: is there already; --force takes its place and keeps it as"
	    " %s~", path, path);
	return EX_CANTCREAT;
}

/* what a crash must not take back */
static int
sync_directory(const char *path)
{
	char where[MOST_PATH];
	char *slash;
	int fd, rc;

	(void)snprintf(where, sizeof(where), "%s", path);
	slash = strrchr(where, '/');
	if (slash == NULL)
		(void)snprintf(where, sizeof(where), ".");
	else
		slash[slash == where] = '\0';
	fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static bool
is_anything_left(const struct import *im)
{
	for (const struct import_account *account = im->first; account != NULL;
	    account = account->next)
		if (!account->dropped)
			return true;
	return false;
}

static int
write_output(const struct cli_identity *id, struct import *im,
    const struct arguments *a, const char *title)
{
	struct cli_text out = { NULL, 0, 0, false };
	char path[MOST_PATH], made[MOST_PATH + 16];
	bool hidden = false;
	int fd, status;

	if (strlen(a->output) >= sizeof(path))
		return cannot_write("--output", ENAMETOOLONG);
	/* behind --output= shells leave it as it is */
	if (strncmp(a->output, "~/", 2) == 0) {
		cli_say("config import: --output: write the home directory in"
		    " place of ~");
		return EX_USAGE;
	}
	(void)snprintf(path, sizeof(path), "%s", a->output);
	make_parents(path);
	(void)snprintf(made, sizeof(made), "%s.XXXXXX", path);
	fd = mkstemp(made);
	if (fd < 0)
		return cannot_write(path, errno);
	status = settle(id, im, title, true, fd, made, &out, &hidden);
	if (status == 0 && fsync(fd) != 0)
		status = cannot_write(path, errno);
	close(fd);
	if (status == 0 && is_anything_left(im))
		status = put_in_place(made, path, a->force);
	/* after a link it is gone already */
	if (access(made, F_OK) == 0)
		(void)unlink(made);
	if (status == 0 && sync_directory(path) != 0)
		status = cannot_write(path, errno);
	import_wipe(out.ptr, out.len);
	cli_text_free(&out);
	return status;
}

static int
write_stdout(const struct cli_identity *id, struct import *im,
    const struct arguments *a, const char *title, bool *ret_hidden)
{
	const char *where = id->caller.tmpdir != NULL ? id->caller.tmpdir :
	    "/tmp";
	struct cli_text out = { NULL, 0, 0, false };
	char made[MOST_PATH + 32];
	int fd, status;

	(void)snprintf(made, sizeof(made), "%.4000s/mailchute-XXXXXX", where);
	fd = mkstemp(made);
	if (fd < 0)
		return cannot_write(made, errno);
	/* no password comes near a directory that is everybody's */
	status = settle(id, im, title, false, fd, made, &out, ret_hidden);
	close(fd);
	(void)unlink(made);
	if (a->secrets) {
		out.len = 0;
		import_render(im, title, true, &out, ret_hidden, NULL, NULL);
	}
	if (status == 0 && is_anything_left(im))
		cli_text_flush(&out, stdout);
	if (out.failed)
		status = EX_OSERR;
	import_wipe(out.ptr, out.cap);
	cli_text_free(&out);
	return status;
}

/* -------------------------------------------------------------------- whole */

static int
compare_notes(const void *a, const void *b)
{
	const struct import_note *x = *(const struct import_note *const *)a;
	const struct import_note *y = *(const struct import_note *const *)b;
	int order = strcmp(x->at.file, y->at.file);

	if (order != 0)
		return order;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

/* in the order of the lines that they are about */
static void
tell(struct import *im)
{
	size_t n = 0, size = (im->n_notes + 1) * sizeof(struct import_note *);
	const struct import_note **sorted = import_zeros(im, size);

	for (const struct import_note *note = im->notes;
	    sorted != NULL && note != NULL; note = note->next)
		sorted[n++] = note;
	/* they are pointers */
	if (n != 0) /* NOLINTNEXTLINE(bugprone-sizeof-expression) */
		qsort(sorted, n, sizeof(*sorted), compare_notes);
	for (size_t i = 0; i < n; i++) {
		const struct import_note *note = sorted[i];

		if (note->at.line != 0)
			cli_say("%s:%u: %s", note->at.file, note->at.line,
			    note->text);
		else
			cli_say("%s%s%s", note->at.file,
			    *note->at.file == '\0' ? "" : ": ", note->text);
	}
}

static int
import(const struct cli_identity *id, struct import *im,
    const struct arguments *a)
{
	bool hidden = false;
	char title[128];
	int status;

	im->login = id->caller.login;
	(void)snprintf(title, sizeof(title),
	    "made by mailchute config import --from %s", a->program->name);
	status = import_input(im, a->program, a->file, id->caller.home);
	if (status != 0)
		return status;
	import_finish(im, a->program);
	if (im->failed) {
		cli_say("out of memory");
		return EX_OSERR;
	}
	if (is_anything_left(im))
		status = a->output != NULL ?
		    write_output(id, im, a, title) :
		    write_stdout(id, im, a, title, &hidden);
	tell(im);
	if (status != 0)
		return status;
	if (!is_anything_left(im)) {
		cli_say("nothing of %s was found that could be carried",
		    a->program->name);
		return EX_DATAERR;
	}
	if (hidden)
		cli_say("passwords are left out on standard output: write the"
		    " file with --output, or see them with --with-secrets");
	return im->left || hidden ? 1 : 0;
}

int
cli_import(const struct cli_identity *id, int argc, char **argv)
{
	struct arguments a = { 0 };
	struct import im;
	int status;

	status = parse(argc, argv, &a);
	if (status != 0)
		return status;
	if (a.help) {
		help();
		return 0;
	}
	import_init(&im);
	status = import(id, &im, &a);
	import_clear(&im);
	return status;
}
