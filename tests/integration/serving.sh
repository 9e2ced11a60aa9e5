# SPDX-License-Identifier: MIT
# serving.sh - the local service with real users of its own
#
# For serve*.tap, which say what to run in $module.  The users exist in a mount
# namespace only; the machine's /etc/passwd stays as it is.
set -u

skip() {
	echo "1..0 # SKIP $*"
	exit 0
}

PATH=$PATH:/usr/sbin:/sbin
export PATH
for program in python3 unshare
do
	command -v "$program" >/dev/null 2>&1 || skip "$program is missing"
done
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' ||
	skip "python3 is older than 3.9"
[ "$(uname)" = Linux ] || skip "namespaces of Linux are needed"
[ "$(id -u)" = 0 ] || skip "only root can be two users"
unshare --mount --propagation private true 2>/dev/null ||
	skip "no mount namespace can be made here"
exec unshare --mount --propagation private \
	python3 "$top_srcdir/tests/integration/$module.py" "$@"
