/* SPDX-License-Identifier: MIT */
/*
 * identity.c - who runs us, by the real user id rather than by the environment
 */
#include "cli.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* GECOS up to the first comma, '&' being the login name with a capital */
static void
set_full_name(char *out, size_t size, const char *gecos, const char *login)
{
	size_t n = 0, k;

	for (; *gecos != '\0' && *gecos != ',' && n + 1 < size; gecos++) {
		if (*gecos != '&') {
			out[n++] = *gecos;
			continue;
		}
		for (k = 0; login[k] != '\0' && n + 1 < size; k++)
			out[n++] = k == 0 ?
			    (char)toupper((unsigned char)login[k]) : login[k];
	}
	out[n] = '\0';
}

/*
 * Cron runs jobs with its own HOME: it counts only where it belongs to the
 * user.  Without an entry in the user database there is nothing better.
 */
static const char *
choose_home(const struct passwd *pw)
{
	const char *home = getenv("HOME");
	struct stat st;

	if (home != NULL && home[0] != '/')
		home = NULL;
	if (home != NULL && (pw == NULL || (stat(home, &st) == 0 &&
	    st.st_uid == getuid())))
		return home;
	return pw == NULL ? NULL : pw->pw_dir;
}

/* first line of /etc/mailname, Debian's word for the host's mail domain */
static void
read_mailname(char *out, size_t size)
{
	FILE *f = fopen("/etc/mailname", "re");

	out[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(out, (int)size, f) == NULL)
		out[0] = '\0';
	fclose(f);
	out[strcspn(out, " \t\r\n")] = '\0';
}

/* a name that does not fit is worse than none */
static const char *
keep(char *out, size_t size, const char *text)
{
	if (text == NULL || strlen(text) >= size)
		return NULL;
	memcpy(out, text, strlen(text) + 1);
	return out;
}

void
cli_identity(struct cli_identity *id, char **envp)
{
	struct passwd *pw = getpwuid(getuid());
	struct mc_caller *c = &id->caller;

	memset(id, 0, sizeof(*id));
	c->envp = envp;
	c->uid = (unsigned long)geteuid();
	c->tmpdir = getenv("TMPDIR");
	c->home = keep(id->home, sizeof(id->home), choose_home(pw));
	if (pw != NULL)
		c->login = keep(id->login, sizeof(id->login), pw->pw_name);
	if (pw != NULL && c->login != NULL)
		set_full_name(id->full_name, sizeof(id->full_name),
		    pw->pw_gecos == NULL ? "" : pw->pw_gecos, c->login);
	c->full_name = id->full_name;
	if (gethostname(id->hostname, sizeof(id->hostname) - 1) == 0 &&
	    id->hostname[0] != '\0')
		c->hostname = id->hostname;
	read_mailname(id->mailname, sizeof(id->mailname));
	if (id->mailname[0] != '\0')
		c->mailname = id->mailname;
}
