#!/bin/sh
# SPDX-License-Identifier: MIT
# help.sh - what --help shows fits a screen of 24 lines and 80 columns
#
# The program itself, and every row of cli/commands.def.
set -u
: "${top_srcdir:=$(dirname "$0")/../..}"
: "${MAILCHUTE_BIN:=./mailchute}"
: "${AWK:=awk}"

test -x "$MAILCHUTE_BIN" || {
	echo "help.sh: no program at $MAILCHUTE_BIN"
	exit 77
}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bad=0

# look NAME WORD...: the help of a command
look() {
	name=$1
	shift
	if ! "$MAILCHUTE_BIN" "$@" --help >"$work/out" 2>"$work/err" \
	    </dev/null; then
		echo "help.sh: $name --help failed"
		bad=1
	fi
	test ! -s "$work/err" || {
		echo "help.sh: $name --help writes to standard error"
		bad=1
	}
	# the next prompt wants a line too
	$AWK -v name="$name" '
	length($0) > 80 { print "help.sh: " name ": too wide: " $0; bad = 1 }
	END {
		if (NR > 23 || NR < 5) {
			print "help.sh: " name ": " NR " lines"
			bad = 1
		}
		exit bad
	}' "$work/out" || bad=1
	grep -q '^usage: mailchute' "$work/out" || {
		echo "help.sh: $name: no usage"
		bad=1
	}
	grep -qi 'manual: ' "$work/out" || {
		echo "help.sh: $name: no manual is named"
		bad=1
	}
}

look mailchute
for command in $(sed -n 's/^MC_COMMAND(\([a-z]*\),.*/\1/p' \
    "$top_srcdir/cli/commands.def"); do
	look "$command" "$command"
	grep -q "^usage: mailchute $command" "$work/out" || {
		echo "help.sh: $command: another one's usage"
		bad=1
	}
done
exit $bad
