#!/bin/sh
# SPDX-License-Identifier: MIT
# banned.sh - what object files of the library call, and the data they keep
#
#	banned.sh [folder with objects...]
#
# Without arguments: $top_builddir/lib.  The compiler already refuses what is
# in lib/base/banned.h; this looks at the result, whatever macros and headers
# made of it.
set -eu

top_builddir=${top_builddir:-.}
NM=${NM:-nm}
OBJDUMP=${OBJDUMP:-objdump}
for tool in "$NM" "$OBJDUMP"; do
	# shellcheck disable=SC2086 # may come with options
	if ! command -v ${tool%% *} >/dev/null 2>&1; then
		echo "banned.sh: no $tool here, skipped"
		exit 77
	fi
done
test $# -ne 0 || set -- "$top_builddir/lib"

list=$(find "$@" -name '*.o' | sort)
if test -z "$list"; then
	echo "banned.sh: no objects in $*"
	exit 99
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

# all of them in one call, which is ten times as fast; into files, as in a pipe
# a failure of the tools would look like clean objects
# shellcheck disable=SC2086 # no name in the list has blanks
{
	$NM -A -u $list >"$work/undefined"
	$NM -A $list >"$work/symbols"
	$OBJDUMP -t $list >"$work/tables"
}
awk '{
	at = index($0, ".o:") + 1
	if (at > 1 && substr($0, 1, at) != object) {
		object = substr($0, 1, at)
		print "object " object
	}
	print substr($0, at + 2)
}' "$work/undefined" >"$work/calls"
# instrumentation has data of its own
awk 'NR == FNR {
	if ($0 ~ / __(a|ub|m|t)san_| __(gcov|llvm|sancov)_/)
		instrumented[substr($0, 1, index($0, ".o:") + 1)] = 1
	next
}
/\.o: +file format / {
	object = substr($0, 1, index($0, ".o:") + 1)
	skip = object in instrumented
	print (skip ? "instrumented " : "object ") object
	next
}
!skip' "$work/symbols" "$work/tables" >"$work/data"

bad=0
awk '
function ban(names,    n, i, words) {
	n = split(names, words, " ")
	for (i = 1; i <= n; i++)
		banned[words[i]] = 1
}

# file is folder/name of the source; the reason is for whoever reads this
function allow(file, names, reason,    n, i, words) {
	n = split(names, words, " ")
	for (i = 1; i <= n; i++)
		allowed[file, words[i]] = reason
}

BEGIN {
	# printing and the log of the system: the caller does that
	ban("printf fprintf dprintf vprintf vfprintf vdprintf puts putchar")
	ban("putc fputs fputc fwrite perror syslog vsyslog openlog")
	# the end of the process, its environment and its signals
	ban("exit _exit _Exit quick_exit abort atexit __assert_fail __assert")
	ban("getenv secure_getenv setenv putenv unsetenv clearenv")
	ban("signal sigaction bsd_signal __sysv_signal sigset raise")
	# static memory, or a number that nobody checked
	ban("strerror strtok gets")
	ban("atoi atol atoll atof strtol strtoul strtoll strtoull")
	ban("strtoimax strtoumax strtod strtof strtold sscanf vsscanf")
	ban("localtime gmtime ctime asctime getpwnam getpwuid gethostbyname")
	# no length
	ban("strcpy strcat stpcpy sprintf vsprintf")
	# memory comes from base/mem.c
	ban("malloc calloc realloc reallocarray free strdup strndup asprintf")
	ban("vasprintf aligned_alloc posix_memalign getline getdelim")
	# a shell
	ban("system popen execlp execvp execvpe wordexp posix_spawnp")

	# the engines in smtp/ have neither input and output nor a clock
	n = split("socket connect accept bind listen send sendto sendmsg recv " \
	    "recvfrom recvmsg read write readv writev pread pwrite open " \
	    "openat fopen close poll ppoll select getaddrinfo time clock " \
	    "clock_gettime gettimeofday sleep usleep nanosleep fork " \
	    "mc_clock_ms mc_clock_after mc_clock_left mc_file_read " \
	    "mc_file_write mc_file_pread mc_file_slurp mc_file_temp " \
	    "mc_proc_run", words, " ")
	for (i = 1; i <= n; i++)
		impure[words[i]] = 1

	allow("base/mem", "malloc calloc realloc free", "is where memory comes from")
	allow("base/proc", "_exit sigaction", "in the child between fork and execve")
	allow("base/child", "_exit sigaction", "in a child that is all ours")
}

$1 == "object" {
	path = $2
	# lib/base/.libs/libmailchute_la-mem.o is base/mem
	file = path
	sub(/\.o$/, "", file)
	gsub(/\/\.libs\//, "/", file)
	n = split(file, parts, "/")
	name = parts[n]
	sub(/^.*_la-/, "", name)
	file = (n > 1 ? parts[n - 1] "/" : "") name
	next
}

NF >= 2 && $1 == "U" {
	symbol = $2
	sub(/@.*/, "", symbol)
	plain = symbol
	# hardened and versioned variants: __printf_chk, __isoc23_strtol
	if (plain ~ /^__.*_chk$/) {
		sub(/^__/, "", plain)
		sub(/_chk$/, "", plain)
	}
	sub(/^__isoc[0-9]+_/, "", plain)
	if (plain == "__strdup" || plain == "__strndup")
		sub(/^__/, "", plain)
	count++
	if (file ~ /^smtp\// && plain in impure) {
		printf "%s: calls %s, but lib/smtp is without I/O and clock\n",
		    path, symbol
		bad = 1
	}
	if (plain in banned && !((file, plain) in allowed)) {
		printf "%s: calls %s\n", path, symbol
		bad = 1
	}
}

END {
	if (count == 0) {
		print "banned.sh: saw no undefined symbol at all"
		bad = 1
	}
	exit bad
}
' "$work/calls" || bad=1

# .data.rel.ro is constant after relocation
awk '
$1 == "object" || $1 == "instrumented" {
	path = $2
	skipped += $1 == "instrumented"
	next
}

{
	for (i = 2; i < NF; i++) {
		if ($i !~ /^\.(t?data|t?bss)(\.|$)|^\*COM\*$|^\.l(data|bss)/)
			continue
		# the section itself is a symbol too
		if ($i ~ /^\.data\.rel\.ro/ || $NF == $i)
			break
		printf "%s: %s is data that can change (%s)\n", path, $NF, $i
		bad = 1
		break
	}
}

END {
	if (skipped)
		printf "banned.sh: data of %d instrumented objects not judged\n",
		    skipped
	exit bad
}
' "$work/data" || bad=1
exit $bad
