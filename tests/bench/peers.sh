#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpack other mail clients to compare with, without installing: peers.sh DIR
#
# For Debian and its relatives.  As packages they conflict with each other and
# with every mail system; unpacked they do not.  Then
#
#	BENCH_PEERS=DIR make bench
#
# Nothing is run as root and nothing outside DIR changes.
set -eu
LC_ALL=C
export LC_ALL

if test $# -ne 1; then
	echo "usage: peers.sh directory" >&2
	exit 64
fi
for tool in apt-get dpkg-deb; do
	if ! command -v $tool >/dev/null 2>&1; then
		echo "peers.sh: no $tool here" >&2
		exit 69
	fi
done

programs='msmtp esmtp dma nullmailer swaks curl'
# what they need beyond what most systems have; the same ABI as the programs
libraries='libesmtp6 libsecret-1-0 libgsasl18 libntlm0 libgssglue1 libidn12
	libcurl4 libnet-ssleay-perl'

mkdir -p "$1"
dir=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"

for package in $programs $libraries; do
	# apt complains about its own sandbox when it runs as root
	if ! apt-get -qq -o APT::Sandbox::User=root download "$package" \
	    2>err.txt; then
		echo "peers.sh: $package cannot be had:" >&2
		cat err.txt >&2
		continue
	fi
	dpkg-deb -x "$package"_*.deb "$dir"
	echo "$package"
done

lib=$(find "$dir/usr/lib" -maxdepth 1 -name '*-linux-*' | head -n 1)
for program in bin/msmtp bin/esmtp bin/curl sbin/dma lib/nullmailer/smtp; do
	test -e "$dir/usr/$program" || continue
	LD_LIBRARY_PATH=$lib ldd "$dir/usr/$program" >ldd.txt 2>&1 || true
	awk -v program="$program" '/not found/ {
		print "peers.sh: " program " lacks " $1 ": install it"
	}' ldd.txt >&2
done
