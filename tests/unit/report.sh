#!/bin/sh
# SPDX-License-Identifier: MIT
# report.sh - another reader's opinion of the reports in tests/data/report
set -eu

top_srcdir=${top_srcdir:-.}
if ! python3 -c 'import email.policy' 2>/dev/null; then
	echo "report.sh: no python3 here, skipped"
	exit 77
fi
exec python3 "$top_srcdir/tests/unit/report.py" \
    "$top_srcdir"/tests/data/report/*.eml
