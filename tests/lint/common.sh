# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# common.sh - what the tests of manual and completions share; sourced

top_srcdir=$(cd "${top_srcdir:-.}" && pwd)
top_builddir=${top_builddir:-$top_srcdir}
AWK=${AWK:-awk}
MAILCHUTE_BIN=${MAILCHUTE_BIN:-$top_builddir/mailchute}

tables="
$top_srcdir/lib/config/keys.def
$top_srcdir/cli/commands.def
$top_srcdir/cli/flags.def
$top_srcdir/cli/send.def
$top_srcdir/lib/base/errors.def
$top_srcdir/lib/smtp/mechs.def
$top_srcdir/lib/smtp/states.def"
prose="
$top_srcdir/man/keys.mdoc
$top_srcdir/man/flags.mdoc
$top_srcdir/man/example.c"
# shellcheck disable=SC2034 # for those who source this
templates="man/mailchute-doctor.1.in man/mailchute-login.1.in man/mailchute-lookup.8.in man/mailchute.1.in man/libmailchute.3.in man/mailchute.conf.5.in
man/mailchute-send.1.in man/mailchute-sendmail.8.in man/mailchute-serve.8.in man/mailchute-setup.1.in
completions/mailchute.bash.in completions/mailchute.zsh.in completions/mailchute.fish.in"

# generate TEMPLATE: what make makes of it
generate() {
	# shellcheck disable=SC2086 # AWK may hold options, lists hold names
	$AWK -v version=0.0.0 -v sysconfdir=/etc -v runstatedir=/run \
	    -v bindir=/usr/bin -v sbindir=/usr/sbin -f "$top_srcdir/man/tables.awk" \
	    $tables $prose "$top_srcdir/$1"
}

# list KIND: the rows of a table, fields separated by tabs
list() {
	# shellcheck disable=SC2086
	$AWK -v list="$1" -v runstatedir="${RUNSTATEDIR:-/run}" -f "$top_srcdir/man/tables.awk" $tables $prose
}

# a program without surroundings: no configuration but what is given
run_bare() {
	env -i PATH="$PATH" HOME="$work/home" "$@"
}

work=$(mktemp -d)
mkdir "$work/home"
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
