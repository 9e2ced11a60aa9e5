/* SPDX-License-Identifier: MIT */
/*
 * setup_file.c - put one account into a configuration that people write too
 *
 * Everything that is not this account's section stays as it is, byte for byte.
 * The new file is complete, read back and on stable storage before it takes
 * the name of the old one, which stays as a backup.
 */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define LINES 8192

/* ------------------------------------------------------------ the old file */

static int
choose_file(struct setup *s)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *env = getenv("MAILCHUTE_CONFIG");
	const char *home = s->id->caller.home;
	char named[SETUP_PATH];
	char *real;
	int n;

	if (s->o->config != NULL || (env != NULL && env[0] != '\0'))
		n = snprintf(named, sizeof(named), "%s",
		    s->o->config != NULL ? s->o->config : env);
	else if (xdg != NULL && xdg[0] == '/')
		n = snprintf(named, sizeof(named), "%s/mailchute/config", xdg);
	else if (home != NULL)
		n = snprintf(named, sizeof(named), "%s/.config/mailchute/"
		    "config", home);
	else {
		cli_say("there is no home directory: name the file to write, "
		    "with -C");
		return EX_USAGE;
	}
	if (n >= (int)sizeof(named) - 64) {
		cli_say("the name of the file is too long");
		return EX_USAGE;
	}
	/* what a link leads to is written, and the link stays */
	real = realpath(named, NULL);
	if (real == NULL && named[0] != '/') {
		char cwd[SETUP_PATH];

		if (getcwd(cwd, sizeof(cwd)) == NULL || snprintf(s->file,
		    sizeof(s->file), "%s/%s", cwd, named) >=
		    (int)sizeof(s->file) - 64) {
			cli_say("name the file with its directory: -C /...");
			return EX_USAGE;
		}
		return 0;
	}
	snprintf(s->file, sizeof(s->file), "%s", real != NULL ? real : named);
	free(real);
	return 0;
}

static char *
read_all(int fd)
{
	char *text = malloc(FILE_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text != NULL && n != 0 && len < FILE_MAX) {
		n = read(fd, text + len, FILE_MAX - len);
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	if (text == NULL || n != 0 || memchr(text, '\0', len) != NULL) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

int
setup_read_file(struct setup *s)
{
	struct stat st;
	int status = choose_file(s);
	int fd;

	if (status != 0)
		return status;
	fd = open(s->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0) {
		cli_say("%s cannot be read: %s", s->file, strerror(errno));
		return EX_NOINPUT;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		s->old = read_all(fd);
	close(fd);
	if (s->old == NULL) {
		cli_say("%s is no text file that can be changed: name another "
		    "one with -C", s->file);
		return EX_CONFIG;
	}
	return 0;
}

/* ---------------------------------------------------------------- sections */

static const char *
next_line(const char *at)
{
	const char *nl = strchr(at, '\n');

	return nl == NULL ? at + strlen(at) : nl + 1;
}

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* is this line "[account NAME]"?  name NULL: any section */
static bool
is_section(const char *line, const char *name)
{
	size_t len;

	line = skip_blanks(line);
	if (*line != '[')
		return false;
	if (name == NULL)
		return true;
	line = skip_blanks(line + 1);
	len = strlen(name);
	if (strncmp(line, "account", 7) != 0 || skip_blanks(line + 7) ==
	    line + 7)
		return false;
	line = skip_blanks(line + 7);
	return strncmp(line, name, len) == 0 &&
	    *skip_blanks(line + len) == ']';
}

/* a section's first byte, or NULL */
static const char *
find_section(const char *text, const char *name)
{
	for (; text != NULL && *text != '\0'; text = next_line(text))
		if (is_section(text, name))
			return text;
	return NULL;
}

bool
setup_has_account(const char *text, const char *name)
{
	return find_section(text, name) != NULL;
}

bool
setup_has_accounts(const char *text)
{
	return find_section(text, NULL) != NULL;
}

/*
 * Where a section ends: in front of the next one, and of comments and empty
 * lines that stand directly there and so belong to that.
 */
static const char *
section_end(const char *section)
{
	const char *end = next_line(section);

	for (const char *at = end; *at != '\0'; at = next_line(at)) {
		const char *word = skip_blanks(at);

		if (*word == '[')
			return end;
		if (*word != '#' && *word != '\n' && *word != '\r')
			end = next_line(at);
	}
	return end;
}

/* ------------------------------------------------------------ the new file */

static char *
new_text(const struct setup *s)
{
	static const char head[] = "# mailchute.conf(5) explains this file; "
	    "after a change: mailchute config check\n";
	const char *old = s->old != NULL ? s->old : "";
	const char *from = find_section(old, s->account);
	const char *to = from != NULL ? section_end(from) : NULL;
	char lines[LINES];
	size_t size = strlen(old) + sizeof(lines) + sizeof(s->source) + 256;
	char *text = malloc(size);
	size_t before = from != NULL ? (size_t)(from - old) : strlen(old);

	if (text == NULL ||
	    setup_lines(s, &s->server, lines, sizeof(lines)) != 0) {
		free(text);
		return NULL;
	}
	snprintf(text, size, "%s%.*s%s[account %s]\n%s%s%s",
	    old[0] == '\0' ? head : "", (int)before, old,
	    from != NULL || old[0] == '\0' ? (old[0] == '\0' ? "\n" : "") :
	    old[before - 1] == '\n' ? "\n" : "\n\n", s->account, lines,
	    s->source, to != NULL ? to : "");
	return text;
}

/* the directory of a file, and those above it that are missing */
static int
make_directory(const char *file)
{
	char path[SETUP_PATH];
	char *slash = path;

	snprintf(path, sizeof(path), "%s", file);
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			cli_say("the directory %s cannot be made: %s", path,
			    strerror(errno));
			return EX_CANTCREAT;
		}
		*slash = '/';
	}
	return 0;
}

static void
on_problem(void *ctx, const char *file, unsigned line,
    const struct mc_err *problem)
{
	(void)ctx;
	(void)file;
	(void)line;
	cli_say("%s", problem->text);
}

/* it has to read well before it replaces anything */
static int
read_back(const struct setup *s, const char *file)
{
	struct mc_config *config = NULL;
	struct mc_err err = { 0 };
	struct mc_value v;
	int status = 0;

	if (mc_config_load(&s->id->caller, file, on_problem, NULL, &config,
	    &err) != 0) {
		cli_say("so %s stays as it is: repair that, and try again",
		    s->file);
		return EX_CONFIG;
	}
	if (mc_config_value(config, s->account, 0, &v, &err) != 0)
		status = cli_fail(&err);
	mc_config_free(config);
	return status;
}

static void
sync_directory(const char *file)
{
	char path[SETUP_PATH];
	int fd;

	snprintf(path, sizeof(path), "%s", file);
	*strrchr(path, '/') = '\0';
	fd = open(path[0] == '\0' ? "/" : path, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

static bool
write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len != 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return false;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0;
}

/* a whole file of another name beside `file`; its name, or an exit status */
static int
write_beside(const char *file, const char *text, char *ret_name, size_t size)
{
	int fd;
	bool good;

	snprintf(ret_name, size, "%s.XXXXXX", file);
	fd = mkstemp(ret_name);
	good = fd >= 0 && write_all(fd, text);
	if (fd >= 0)
		good = close(fd) == 0 && good;
	if (!good) {
		cli_say("%s cannot be written: %s", file, strerror(errno));
		if (fd >= 0)
			unlink(ret_name);
		return EX_CANTCREAT;
	}
	return 0;
}

/* what was there, under the name with "~"; 0 or an exit status */
static int
back_up(const struct setup *s)
{
	char backup[SETUP_PATH + 8], fresh[SETUP_PATH + 16];
	int status;

	if (s->old == NULL)
		return 0;
	snprintf(backup, sizeof(backup), "%s~", s->file);
	status = write_beside(backup, s->old, fresh, sizeof(fresh));
	if (status == 0 && rename(fresh, backup) != 0) {
		cli_say("%s cannot be written: %s", backup, strerror(errno));
		unlink(fresh);
		status = EX_CANTCREAT;
	}
	return status;
}

int
setup_write_file(const struct setup *s)
{
	char fresh[SETUP_PATH + 16];
	char *text = new_text(s);
	int status;

	if (text == NULL) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	status = write_beside(s->file, text, fresh, sizeof(fresh));
	free(text);
	if (status != 0)
		return status;
	status = read_back(s, fresh);
	if (status == 0)
		status = back_up(s);
	if (status == 0 && rename(fresh, s->file) != 0) {
		cli_say("%s cannot be written: %s", s->file, strerror(errno));
		status = EX_CANTCREAT;
	}
	if (status != 0)
		unlink(fresh);
	else
		sync_directory(s->file);
	return status;
}

int
setup_make_place(const struct setup *s)
{
	return make_directory(s->file);
}
