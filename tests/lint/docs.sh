#!/bin/sh
# SPDX-License-Identifier: MIT
# docs.sh - the pages in doc/ say what is so: commands, options, keys, variables,
# units and error texts are those of the program
set -eu
: "${top_srcdir:=.}" "${MAILCHUTE_BIN:=./mailchute}"

command -v python3 >/dev/null 2>&1 || {
	echo "docs.sh: python3 is missing, skipped"
	exit 77
}
exec python3 "$top_srcdir/tests/lint/docs.py" "$top_srcdir" "$MAILCHUTE_BIN"
