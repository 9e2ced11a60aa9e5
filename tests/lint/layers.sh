#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh - a folder includes only from itself and from the layers below it
#
# Reads the #include lines of lib/, cli/ and helper/ under $top_srcdir.
set -eu

top_srcdir=${top_srcdir:-.}
cd "$top_srcdir"
list=$(find lib cli helper -name '*.[ch]' -o -name '*.def' | sort)
if test -z "$list"; then
	echo "layers.sh: no source files under $top_srcdir"
	exit 99
fi

# shellcheck disable=SC2086 # one word a file; none has blanks in its name
awk '
function allow(folder, below,    n, i, words) {
	n = split(below, words, " ")
	ok[folder, folder] = 1
	known[folder] = 1
	for (i = 1; i <= n; i++)
		ok[folder, words[i]] = 1
}

function complain(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

# "base" for lib/base/x.c, "root" for lib/x.c, "cli" for cli/x.c
function folder_of(path,    n, parts) {
	n = split(path, parts, "/")
	if (parts[1] == "cli" || parts[1] == "helper")
		return parts[1]
	return n == 2 ? "root" : parts[2]
}

BEGIN {
	allow("base", "")
	allow("mail", "base")
	allow("smtp", "mail base")
	allow("net", "base")
	allow("config", "mail base")
	allow("transport", "smtp net config mail base")
	allow("queue", "transport config mail base")
	allow("serve", "queue smtp mail config base")
	allow("root", "serve queue transport smtp net config mail base")
	allow("cli", "")
	allow("helper", "")

	# the engines have neither input and output nor a clock; banned.sh
	# looks at the calls themselves
	n = split("netdb.h poll.h time.h sys/select.h sys/epoll.h " \
	    "sys/time.h fcntl.h sys/stat.h base/clock.h base/file.h " \
	    "base/proc.h", words, " ")
	for (i = 1; i <= n; i++)
		impure[words[i]] = 1
}

FNR == 1 {
	mine = folder_of(FILENAME)
	if (!(mine in known))
		complain("folder " mine " is in no layer")
}

/^[ \t]*#[ \t]*include/ {
	line = $0
	sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
	system_header = line ~ /^</
	if (line !~ /^[<"][^>"]*[>"]/) {
		complain("not a plain #include")
		next
	}
	path = substr(line, 2)
	sub(/[>"].*/, "", path)
	count++

	if (mine == "smtp" && path in impure)
		complain("lib/smtp is without I/O and clock: " path)
	if (system_header) {
		if (mine == "base" && path ~ /^(openssl|curl)\/|^(gsasl|idn2)/)
			complain("lib/base uses libc only: " path)
		if (path ~ /^curl\// && mine != "helper" &&
		    FILENAME != "lib/transport/curl_internal.h")
			complain("libcurl belongs to lib/transport/curl*.c and helper/")
		if (mine == "cli" && path ~ /^(openssl|curl)\/|^(gsasl|idn2|ares|expat|jansson)/)
			complain("cli speaks to the library only: " path)
		next
	}
	if (path == "mailchute.h" || path == "config.h")
		next
	if (path ~ /(^|\/)\.\.?\//) {
		complain("relative path in #include: " path)
		next
	}
	slash = index(path, "/")
	if (slash == 0) {
		if (mine != "cli" && mine != "root")
			complain("write the folder too: " mine "/" path)
		next
	}
	theirs = substr(path, 1, slash - 1)
	if (!((mine, theirs) in ok))
		complain(mine " may not include " path)
}

END {
	if (count == 0) {
		print "layers.sh: saw no #include at all"
		bad = 1
	}
	exit bad
}
' $list
