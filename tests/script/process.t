What the process owes to whoever started it.

== drain-signal a writer that never ends does not make us immune to signals
-- for SIGNAL in TERM | INT | HUP
-- run
sendmail --nosuch=x a@example.test
-- stdin hold
x
-- signal @SIGNAL@ 0.6
-- expect
exit: 64
time: 3
connections: 0

== drain-all the writer gets the status, not SIGPIPE
-- run
sendmail --nosuch=x a@example.test
-- stdin
\*400000N{x }
-- expect
exit: 64
stderr: line
connections: 0

== one-line control bytes of an argument stay out of terminal and log
-- for WORD in '--no\nsuch' | '--no\rsuch' | '--no\e[2Jsuch=x' | '-f-\e[2Jx' | '-N\nx'
-- run
sendmail @WORD@ a@example.test
-- expect
exit: 64
stderr: line
connections: 0

== full-stdout what cannot be written is no success
-- for OPT in --help | -bp | --dry-run
-- wrap
exec 1>/dev/full
-- run
sendmail @OPT@ a@example.test
-- expect
exit: 74
stderr: any
connections: 0

== drain-megabytes nor with 3 MB and a letter that is none
-- for ARGS EXIT
-Z a@example.test | 64
-bS | 64
-D x a@example.test | 64
-f | 64
-i a@b@c | 65
-i nobody-at-all | 65
-i | 64
-a nosuch a@example.test | 78
-C /nonexistent a@example.test | 78
-f -x a@example.test | 64
-- config+
!domain
!from
-- run
sendmail @ARGS@
-- wrap
head -c 3000000 /dev/zero | tr '\\0' x | { "$@"; echo $? >@DIR@/tmp/status; }
e=$?; s=`cat @DIR@/tmp/status`; rm @DIR@/tmp/status
test "$e" = 0 || exit 99
exit "$s"
-- expect
exit: @EXIT@
connections: 0

== closed closed descriptors are no different from open ones
-- for CLOSED in <&- | >&- | 2>&- | <&- >&- | <&- 2>&- | >&- 2>&- | <&- >&- 2>&-
-- wrap
exec @CLOSED@
-- run
sendmail -i -f me@example.test a@example.test
-- txn
from: me@example.test
to: a@example.test

== closed-status and the status of what fails stays
-- for CLOSED in <&- | >&- | 2>&- | <&- >&- 2>&-
-- wrap
exec @CLOSED@
-- for ARGS EXIT
-Z | 64
-i a@b@c | 65
-- run
sendmail @ARGS@
-- expect
exit: @EXIT@
stderr: any
connections: 0

== stdin-null an empty message
-- for FROM in /dev/null | @DIR@/empty
-- file empty
-- wrap
exec <@FROM@
-- run
sendmail -i -f me@example.test a@example.test
-- txn
to: a@example.test
header~ ^From: .*me@example\.test
header~ ^Date:
header~ ^Message-ID:

== stdin-bad standard input that cannot be read
-- wrap
exec <@DIR@
-- expect
exit: 74
connections: 0

== no-home neither HOME nor anything else
-- use taken
-- for ENV in !HOME | HOME= | HOME=relative | HOME=/nonexistent | HOME=/root
-- env
@ENV@

== bare-environment a program without an environment
-- use taken
-- wrap
set -- env -i "MAILCHUTE_CONFIG=@DIR@/config" ASAN_OPTIONS="$ASAN_OPTIONS" "$@"

== path a PATH that leads nowhere
-- use taken
-- for ENV in PATH=/nonexistent | !PATH | PATH=
-- wrap
set -- env "$@"
PATH=/usr/bin:/bin
-- env
X=@ENV@
-- run
sendmail -i -f me@example.test a@example.test

== umask files are made as they should be, whatever the mask
-- use taken
-- for MASK in 0 | 077 | 0777
-- config+
queue = on
-- wrap
umask @MASK@

== umask-queue so is the queue
-- for MASK in 0 | 077 | 0777
-- config+
queue = on
port = 1
-- wrap
umask @MASK@
-- entry
to: a@example.test
body: same

== @uid            a user whom nobody knows
-- skip-unless root
-- wrap
chmod 711 @DIR@/..
chown -R 12345:12345 @DIR@
set -- setpriv --reuid 12345 --regid 12345 --clear-groups "$@"

== uid-sender with a sender it sends
-- use uid taken
-- for ARGS in -f me@example.test | -r me@example.test | -i
-- env
!HOME
-- run
sendmail -oi @ARGS@ a@example.test

== uid-none without one it says so
-- use uid
-- config+
!from
-- env
!HOME
-- run
sendmail -oi a@example.test
-- expect
exit: 67|71
stderr: line
connections: 0

== uid-modes lists and checks need no name either
-- use uid
-- env
!HOME
-- for WORDS in mailq | newaliases | sendmail -bv a@x.test | sendmail -q | sendmail -bP
-- run
@WORDS@
-- expect
stdout: any
stderr: empty
connections: 0

== nobody as nobody
-- use taken
-- skip-unless root
-- wrap
chmod 711 @DIR@/..
chown -R 65534:65534 @DIR@
set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"

== @readonly       where nothing can be written
-- skip-unless mount
-- wrap
set -- unshare -m sh -c 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"' @DIR@ "$@"
-- config+
log = off
queue = on

== readonly-sent what is sent needs no place
-- use readonly taken

== readonly-kept what cannot be kept is said to be not
-- use readonly
-- for MODE in -odi | -odq | -odb
-- run
sendmail -i @MODE@ -f me@example.test a@example.test
-- config+
port = 1
-- expect
exit: 75
connections: 0

== readonly-log a log that cannot be written fails nothing
-- use readonly taken
-- config+
log = @DIR@/none/log
-- expect
stderr: line
stderr~ cannot write the log

== spool-readonly a queue that cannot be written
-- for MODE EXIT
-odi | 0
-odq | 75
-- skip-unless mount
-- wrap
mkdir -m 700 @DIR@/spool
set -- unshare -m sh -c 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"' @DIR@/spool "$@"
-- config+
queue = on
-- run
sendmail -i @MODE@ -f me@example.test a@example.test
-- expect
exit: @EXIT@
transactions: any

== background-descriptors what the caller has open does not stay so
-- config+
queue = on
-- wrap
mkfifo @DIR@/tmp/held
cat @DIR@/tmp/held >/dev/null 3>&- 5>&- 9>&- &
"$@" 3>@DIR@/tmp/held 5>&3 9>&3
e=$?
wait $!
rm @DIR@/tmp/held
exit $e
-- run
sendmail -i -odb -f me@example.test a@example.test
-- server
at GREETING delay 1
-- expect
time: 0.9
-- txn
to: a@example.test

== pipe standard output and error that nobody reads
-- wrap
set -- sh -c '"$@" 2>&1; echo $? >&3' sh "$@"
exec 3>@DIR@/tmp/s
"$@" | true
s=`cat @DIR@/tmp/s`; rm @DIR@/tmp/s; exit $s
-- for ARGS EXIT
-Z | 64
-i a@b@c | 65
-v -i -f me@example.test a@example.test | 0
-- run
sendmail @ARGS@
-- expect
exit: @EXIT@
stderr: any
transactions: any
