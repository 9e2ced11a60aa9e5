#!/bin/sh
# SPDX-License-Identifier: MIT
# drift-selftest.sh - drift.sh, man.sh and completions.sh find what they should
#
# Makes one fault at a time in a copy of what they read.
# shellcheck disable=SC2317 # functions are called through expect
set -eu

top_srcdir=$(cd "${top_srcdir:-.}" && pwd)
top_builddir=${top_builddir:-$top_srcdir}
program=${MAILCHUTE_BIN:-$top_builddir/mailchute}
lint=$top_srcdir/tests/lint
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 99' HUP INT TERM
bad=0
count=0

fresh() {
	rm -rf "$tree/t"
	mkdir -p "$tree/t/tests/lint" "$tree/t/lib/smtp" "$tree/t/lib/base" \
	    "$tree/t/lib/config" "$tree/t/cli"
	for file in lib/config/keys.def lib/base/errors.def \
	    lib/smtp/mechs.def lib/smtp/states.def lib/mailchute.h \
	    lib/libmailchute.map cli/commands.def cli/flags.def cli/send.def \
	    cli/doctor.c cli/options.c cli/queue_cmd.c cli/setup_args.c \
	    README.md \
	    tests/lint/common.sh; do
		cp "$top_srcdir/$file" "$tree/t/$file"
	done
	cp "$top_srcdir"/cli/import_*.c "$tree/t/cli"
	for folder in man completions etc; do
		mkdir "$tree/t/$folder"
		cp -R "$top_srcdir/$folder"/* "$tree/t/$folder"
	done
}

# In check every third fault is made; make check-lint makes all.
every=${DRIFT_EVERY:-3}
turn=0

# expect STATUS TEXT COMMAND...
expect() {
	test $((turn % every)) = 0 || return 0
	status=$1
	text=$2
	shift 2
	count=$((count + 1))
	got=0
	said=$("$@" 2>&1) || got=$?
	case $said in
	*"$text"*) test "$got" -eq "$status" && return 0 ;;
	esac
	echo "drift-selftest.sh: wanted status $status and \"$text\" for" \
	    "the fault \"$fault\", got $got and: $said"
	bad=1
}

# fault FILE SCRIPT: a fresh copy with FILE changed by sed
fault() {
	fault="$1: $2"
	turn=$((turn + 1))
	test $((turn % every)) = 0 || return 0
	fresh
	sed "$2" "$top_srcdir/$1" >"$tree/t/$1"
	if cmp -s "$top_srcdir/$1" "$tree/t/$1"; then
		echo "drift-selftest.sh: \"$2\" changes nothing in $1"
		bad=1
	fi
}

# without the program, which is another's business here
drift() {
	env top_srcdir="$tree/t" top_builddir="$tree/t" \
	    MAILCHUTE_BIN=/nonexistent sh "$lint/drift.sh"
}
drift_program() {
	env top_srcdir="$tree/t" top_builddir="$tree/t" \
	    MAILCHUTE_BIN="$program" sh "$lint/drift.sh"
}

# nothing wrong
fault=none
fresh
expect 77 'was not asked' drift

# ------------------------------------------------------------ keys and options
fault man/keys.mdoc '/KEY fan-out/d'
expect 1 '< fan-out' drift
fault man/keys.mdoc 's/KEY fan-out/KEY fan-in/'
expect 1 '> fan-in' drift
fault lib/config/keys.def 's/^MC_KEY(log,.*/&\
MC_KEY(more, "more", BOOL, "no", 0, "yes|no", "more of it")/'
expect 1 '< more' drift
fault man/mailchute.conf.5.in '/^@KEYS@/d'
expect 1 'keys in mailchute.conf(5)' drift
fault man/flags.mdoc 's/FLAG t/FLAG y/'
expect 1 'what is no option' drift
fault man/flags.mdoc 's/FLAG R/FLAG a/'
expect 1 'an option twice' drift
fault man/mailchute.1.in '/^@OPTIONS@/d'
expect 1 'options in mailchute(1)' drift
fault man/mailchute-sendmail.8.in '/^@FLAGS@/d'
expect 1 'options in mailchute-sendmail(8)' drift
fault man/mailchute-sendmail.8.in '/^@RUNS@/d'
expect 1 'Runs of the queue in mailchute-sendmail(8)' drift
fault man/mailchute-sendmail.8.in '/^@ERRORMODES@/d'
expect 1 'Error modes in mailchute-sendmail(8)' drift
fault cli/flags.def 's/^MC_SUB(d, "b",/MC_SUB(k, "b",/'
expect 1 '> k' drift
fault cli/flags.def 's/"t", CLI_NOTHING, REFUSED/"t", CLI_NOTHING, REFUSE/'
expect 1 'no status REFUSE' drift
fault man/mailchute.1.in '/^@CLIKEYS@/d'
expect 1 'keys on the command line' drift
fault man/mailchute.1.in '/^.It Fl Fl dry-run/d'
expect 1 '< dry-run' drift
fault cli/options.c 's/word, "help"/word, "hulp"/'
expect 1 'long options in mailchute(1)' drift
for shell in bash zsh fish; do
	fault completions/mailchute.$shell.in '/dry-run/d'
	expect 1 "completion for $shell" drift
done
fault man/mailchute-doctor.1.in '/^\.It Fl Fl strict/d'
expect 1 'options in mailchute-doctor(1)' drift
fault man/mailchute-send.1.in '/^@SENDOPTIONS@/d'
expect 1 'options in mailchute-send(1)' drift
for shell in bash zsh fish; do
	fault completions/mailchute.$shell.in '/^@[A-Z]*SEND[A-Z]*@/d'
	expect 1 "options of send in the completion for $shell" drift
done
fault man/mailchute.1.in 's/^.It Fl Fl with-secrets/.It Fl Fl with-secret/'
expect 1 'options of import in mailchute(1)' drift
for shell in bash zsh fish; do
	fault completions/mailchute.$shell.in 's/nullmailer //'
	expect 1 'programs of import that a completion lacks' drift
done
fault man/tables.awk 's/= 63 + i/= 64 + i/'
expect 1 'numbers of exit statuses' drift
fault lib/base/errors.def 's/EX_IOERR/EX_IOERROR/'
expect 1 'no exit status EX_IOERROR' drift
fault lib/config/keys.def 's/, "pins",/,/'
expect 1 '6 fields, not 7' drift

# ----------------------------------------------------------------- the library
fault man/libmailchute.3.in '/^.It Ft void Fn mc_submission_free/d'
expect 1 '< mc_submission_free' drift
fault lib/libmailchute.map 's/^	mc_version;/&\
	mc_new_one;/'
expect 1 '< mc_new_one' drift
fault man/libmailchute.3.in 's/"size_t i" "struct mc_key/"int i" "struct mc_key/'
expect 1 'prototypes' drift
fault lib/mailchute.h 's/^	size_t transactions;/&	int more;/'
expect 1 '< struct mc_overview: int more' drift
fault man/libmailchute.3.in '/^Since: 0.1.0.$/d'
expect 1 'without Since' drift
fault man/example.c 's/mc_submission_new/mc_submission_old/'
expect 1 'does not compile' drift

# --------------------------------------------------------------------- samples
fault README.md 's/^from-policy = address/from-polizei = address/'
expect 1 '> from-polizei' drift
fault README.md 's/MAILCHUTE_LOG/MAILCHUTE_LOGG/'
expect 1 '> MAILCHUTE_LOGG' drift
fault README.md 's/--dry-run </--wet-run </'
expect 1 '> --wet-run' drift
fault README.md 's/mailchute -t -v/mailchute -t -y/'
expect 1 '> -y' drift
fault man/mailchute-sendmail.8.in 's/sendmail -t -i\\/sendmail -t -Z\\/'
expect 1 '> -Z' drift
fault etc/mailchute.conf.sample 's/^#from-policy/#from-polizei/'
expect 1 '> from-polizei' drift
fault man/mailchute.conf.5.in 's/^tls-ca-file = /tls-ca-datei = /'
expect 1 '> tls-ca-datei' drift

# ----------------------------------------------------------------- the program
if test -x "$program"; then
	fault README.md 's/^from-policy = address/from-policy = maybe/'
	expect 1 'does not like a sample' drift_program
	fault lib/config/keys.def 's/"fan_out", *//; s/SECS, "120"/SECS, "121"/'
	expect 1 'defaults in keys.def' drift_program
	fault lib/config/keys.def 's/^MC_KEY(log,.*/&\
MC_KEY(more, "more", BOOL, NONE, MC_KF_NOCLI, "yes|no", "more of it")/'
	expect 1 'mailchute config show' drift_program
	fault cli/flags.def 's/"leave the aliases file alone"/"leave them"/'
	expect 1 'options in flags.def and in --help' drift_program
	fault lib/config/keys.def 's/a transaction of its own"/one"/'
	expect 1 'keys in keys.def and in --help' drift_program
	fault cli/send.def 's/"where answers go"/"where they go"/'
	expect 1 'options in send.def and in send --help' drift_program
	fault cli/flags.def "s/('x', NONE, IGNORED/('y', NONE, IGNORED/"
	expect 1 'ignored options' drift_program
	expect 1 '< x unknown' drift_program
	fault cli/flags.def 's/^MC_SUB(b, "t",.*//'
	expect 1 'modes that the program takes' drift_program
	fault cli/flags.def 's/"the exit status alone"/"nothing"/'
	expect 1 'options in flags.def and in --help' drift_program
else
	echo "drift-selftest.sh: no program, so not all was tried"
fi

# ----------------------------------------------------------------- the others
if command -v mandoc >/dev/null 2>&1; then
	fault man/mailchute.1.in 's/^\.Sh SEE ALSO/.Shh SEE ALSO/'
	expect 1 'Shh' env top_srcdir="$tree/t" sh "$lint/man.sh"
fi
if test -x "$program" && command -v bash >/dev/null 2>&1; then
	# bash alone: the first shell that is asked
	fault completions/mailchute.bash.in "s/'check show/'check shew/"
	expect 1 'bash, for "mailchute config s"' env top_srcdir="$tree/t" \
	    MAILCHUTE_BIN="$program" SHELLS=bash sh "$lint/completions.sh"
fi

echo "drift-selftest.sh: $count tried"
exit $bad
