sendmail's command line: every row of cli/flags.def, and how words are taken.

## ---------------------------------------------------------------- the table

== o-ignored what is accepted without effect changes nothing
-- use taken
-- for ARG in table IGNORED -oO
-- run
sendmail @ARG@ -i -f me@example.test a@example.test

== o-ignored-end the last option does not take the recipient
-- use taken
-- for ARG in table IGNORED -oO
-- run
sendmail -i -f me@example.test @ARG@ a@example.test

== o-honoured short and long options and their modes
-- use taken
-- for ARG in table HONOURED odeO
-- run
sendmail -i @ARG@ -f me@example.test a@example.test
-- expect
stderr: any

== o-refused nothing is sent, and why is said
-- for ARG in table REFUSED -boqdeO
-- run
sendmail @ARG@ -f me@example.test a@example.test
-- expect
exit: 64
stderr~ ^sendmail: -\S+ is refused: \S+ \S+
connections: 0

== o-refused-log so is it in the log, where a message was meant
-- for ARG in table REFUSED -
-- run
sendmail @ARG@ -f me@example.test a@example.test
-- expect
exit: 64
log~ -\S is refused: \S+ \S+
connections: 0

== o-nothing modes and runs for which there is nothing to do
-- for ARG in table IGNORED bq
-- run
sendmail @ARG@
-- expect
connections: 0

== o-unknown letters and modes that are none
-- for ARG in -Z | -y | -1 | -tZ | -iZ | -bZ | -b Z | -bmm | -b '' | --nosuch | --nosuch=1 | -= | '-\xff'
-- run
sendmail @ARG@ a@example.test
-- expect
exit: 64
connections: 0
log~ unknown option|no such mode|no key

== o-unknown-o letters and names of -o and -O that have no row
-- use taken
-- for ARG in -oz | -oK9 | -o '' | -o = | -O No=1 | -OX | -O '' | -O =
-- run
sendmail -i @ARG@ -f me@example.test a@example.test

== o-value letters without their value
-- for ARG in -f | -F | -r | -C | -a | -N | -R | -V | -B | -b | -e | -h | -L | -o | -O | -p | -X | -A | -tf | -oi -f | --account | --config
-- run
sendmail @ARG@
-- expect
exit: 64
stderr~ needs a value
connections: 0

## ------------------------------------------------------------------ grammar

== o-attached attached, separate, in clusters
-- use taken
-- for ARGS
-ti
-it
-i -t
-ti -odi
-itfme@example.test
-itf me@example.test
-tifme@example.test
-oi -t
-o i -t
-oitrue -t
-oiyes -t
-t -O IgnoreDots=true
-t -O ignoredots
-t -OIgnoreDots
-t '-OIgnoreDots = yes'
-vti
-t -i -em
-t -i -e m
-tie m
-ti --
-- run
sendmail @ARGS@
-- stdin
From: Me <me@example.test>
To: a@example.test

one
.
two
-- expect
stderr: any

== o-dots-end without -i, or with a false value, the line ends it
-- run
sendmail @ARGS@ -f me@example.test a@example.test
-- for ARGS
-v
-t
-oifalse
-oi -oiFALSE
-i -OIgnoreDots=no
-odi -oi0
-- stdin
From: Me <me@example.test>
To: a@example.test

one
.
two
-- expect
stderr: any
-- txn
to: a@example.test
body:
one

== o-operand-ends options stop at the first operand
-- for ARGS EXIT
-i a@example.test -i | 64
-i a@example.test -f me@example.test | 64
-i a@example.test -- b@example.test | 64
-i -- -i | 64
-i -- -w@example.test/x | 64
-- run
sendmail @ARGS@
-- expect
exit: @EXIT@
connections: 0

== o-dashes an address that begins with a dash
-- run
sendmail -i -f me@example.test -- -w@example.test
-- txn
to: -w@example.test

== o-d -d never takes the next word
-- use taken
-- for ARG in -d | -d9 | -d0-4.1 | -E | -J | -T
-- run
sendmail -i -f me@example.test @ARG@ a@example.test

== o-version -d0.1
-- for ARG in -d0.1 | --version | -vd0.1 | -d0.1 -bv root | -bv -d0.1 root
-- run
sendmail @ARG@
-- expect
stdout: any
stderr: empty
stdout~ \Amailchute \d\S*\n\Z
connections: 0

== o-ret -R with another word is left out, and that is said
-- use taken
-- for ARG in -R both | -Rx
-- run
sendmail -i @ARG@ -f me@example.test a@example.test
-- expect
stderr: line
stderr~ neither full nor hdrs
commands!~ RET=

== o-tag the tag of the log is cut and printable
-- use taken
-- for TAG in x | '' | a\nb | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
-- run
sendmail -i -L '@TAG@' -f me@example.test a@example.test

## ------------------------------------------------------------------ senders

== o-sender forms of a sender, and the null sender
-- for ARGS FROM
-f o@example.org | o@example.org
-fo@example.org | o@example.org
-r o@example.org | o@example.org
-ro@example.org | o@example.org
-f '<o@example.org>' | o@example.org
-f 'N <o@example.org>' | o@example.org
-f '' | <>
-f '<>' | <>
-f daemon | daemon@example.test
-- config+
domain = example.test
-- run
sendmail -i @ARGS@ a@example.test
-- txn
from: @FROM@
to: a@example.test
header~ ^From: Me <me@example\.test>$

== o-sender-line a line end in a sender is no line end on the wire
-- for WORD in o@example.org\ne | o@example.org\r\nRCPT TO:<e@example.org> | o@example.org\n
-- run
sendmail -i -f '@WORD@' a@example.test
-- expect
exit: 0|65
stderr: any
commands!~ ^(e|RCPT TO:<e@)
transactions: any

## ------------------------------------------------------------------ callers

== o-callers the command lines of programs
-- use taken
-- for ARGS
-FCronDaemon -i -B8BITMIME -oem a@example.test
-FCronDaemon -i -odi -oem -oi -t
-FCronDaemon -odi -oem -or0s a@example.test
"-FCron Daemon" -odi -oem -or0s a@example.test
-FCronDaemon -i -odi -oem -t
-i -B8BITMIME a@example.test
-ti
-t -oem -i
-FAnacron -odi a@example.test
-i a@example.test
-t
-oem -oi -f me@example.test -N failure -R hdrs -B8BITMIME -- a@example.test
-i -t -f me@example.test -v
-i -f me@example.test -- a@example.test
-oi -f me@example.test -t
-oi -f me@example.test -oAfile -oep -odi -t
-oi -f me@example.test -oem -odb a@example.test
-oi -t -oem -odb
-t -oi -oem -fme@example.test
-B 8BITMIME -f me@example.test -- a@example.test
-oee -odq -fme@example.test a@example.test
-oi -odi -oem -N success,delay,failure -f me@example.test -R hdrs a@example.test
-t -f me@example.test -oi
-- run
sendmail @ARGS@
-- expect
stderr: any

== o-each case 68 of the catalogue: one at a time
-- use taken
-- for ARG
-oem
-oep
-oeq
-oew
-oee
-odi
-odb
-om
-oo
-o7
-o8p
-oj
-or2h
-oAf
-em
-ep
-eq
-m
-n
-U
-v
-G
-Am
-Ac
-bm
-x
-h5
-h 5
-Lt
-L t
-p P
-O A=b
-- run
sendmail @ARG@ -i -f me@example.test a@example.test
-- expect
stderr: any

## -------------------------------------------------------------------- modes

== o-modes names and modes with nothing to do
-- for WORDS
sendmail -bi
sendmail -I
newaliases
newaliases -v --
sendmail -q
sendmail -q30m
sendmail -q1h30m
sendmail -qp
sendmail -qp10m
sendmail -qf
sendmail -qG x
sendmail -bh
sendmail -bH
-- run
@WORDS@
-- stdin
-- expect
connections: 0
stdout: any
stdout!~ (?!no aliases file)^.

== o-mailq the queue is empty
-- for WORDS in mailq | mailq -v | sendmail -bp | sendmail -bp -v | newaliases -bp
-- run
@WORDS@
-- expect
stdout: any
stderr: empty
stdout~ \AMail queue is empty\n\Z
connections: 0

== o-count how many are in it
-- run
sendmail -bP
-- expect
stdout: any
stdout~ \A0\n\Z

== o-interval-terminal whoever sits there learns what to do
-- for ARG in -q30m | -qp | -qp5m | -v -q1d
-- tty
-- run
sendmail @ARG@
-- expect
stderr: line
stderr~ timer.*queue run --watch
connections: 0

== o-daemon the start of a daemon says what there is instead
-- for ARGS in -bd -q30m | -q30m -bd | -bd | -bD -q1h | -L x -bd -qp1m
-- run
sendmail @ARGS@
-- stdin hold
-- expect
exit: 64
stderr~ no daemon.*queue run --watch
time: 3
connections: 0

== o-aliases the aliases file is checked
-- for ARGS OUT
-bi | \A\Z
-bi -v | \A\S+/aliases: no mistake found.*\n\Z
-- config+
aliases = @DIR@/aliases
-- file aliases
root: me@example.test
-- run
sendmail @ARGS@
-- expect
stdout: any
stderr: empty
stdout~ @OUT@

== o-aliases-bad and what is wrong there is said
-- config+
aliases = @DIR@/aliases
-- file aliases
root me@example.test
-- for WORDS in newaliases | sendmail -bi | sendmail -I
-- run
@WORDS@
-- expect
exit: 78
stderr~ aliases:1

## ---------------------------------------------------------------------- -bv

== o-bv whom an operand stands for
-- for ARGS EXIT OUT
a@x.test | 0 | \Aa@x\.test\.\.\. deliverable: account t\n\Z
'Bob <b@x.test>, c@x.test' | 0 | \Ab@x\.test\.\.\. .*\nc@x\.test\.\.\. .*\n\Z
all | 0 | \Aone@x\.test\.\.\. .*\ntwo@x\.test\.\.\. .*\n\Z
ROOT@localhost | 0 | \Ame@example\.test\.\.\. deliverable: account t\n\Z
-t a@x.test | 0 | \Aa@x\.test\.\.\.
-a t -v a@x.test | 0 | \Aa@x\.test\.\.\.
nobody-here | 67 | \A\Z
a@x.test nobody-here | 67 | \Aa@x\.test\.\.\. .*\n\Z
nobody-here a@x.test | 67 | \Aa@x\.test\.\.\. .*\n\Z
-n root | 67 | \A\Z
'a@b@c' | 65 | \A\Z
'<a@x.test' | 65 | \A\Z
pipe | 78 | \A\Z
-t | 64 | \A\Z
-a none a@x.test | 78 | \A\Z
-- config+
aliases = @DIR@/aliases
!from
-- file aliases
root: me@example.test
all: one@x.test, two@x.test
pipe: "|/bin/true"
-- run
sendmail -f s@example.test -bv @ARGS@
-- stdin hold
-- expect
exit: @EXIT@
stdout: any
stdout~ @OUT@
time: 3
connections: 0

== o-bv-names -bv does not send, whatever stands beside it
-- for ARGS in -bv -t | -t -bv | -odi -bv -oi | -oem -bv
-- run
sendmail @ARGS@ a@example.test
-- expect
stdout: any
stdout~ deliverable
connections: 0

== o-bv-host an account without a server delivers nothing
-- config+
!host
-- run
sendmail -bv a@example.test
-- expect
exit: 78
stderr~ no host

## -------------------------------------------------------------- error modes

== o-errors-quiet -oeq says nothing, and the status is the real one
-- for EVENT REPLY EXIT
RCPT | 550 5.1.1 no such user | 67
RCPT | 550 5.2.1 closed | 69
RCPT | 451 4.3.0 later | 75
END | 554 5.6.0 no | 69
-- for MODE in -oeq | -eq | -O ErrorMode=q | -e q
-- server
at @EVENT@ reply @REPLY@
-- run
sendmail -i @MODE@ -f me@example.test a@example.test
-- expect
exit: @EXIT@
stderr: empty
log~ to="a@example\.test" verdict=\S+ exit=@EXIT@

== o-errors-quiet-taken nor about a message that was not taken
-- run
sendmail -i -oeq -f me@example.test a@b@c
-- expect
exit: 65
stderr: empty
log~ second "@"
connections: 0

== o-errors-line the other modes print one line
-- for MODE in -oep | -oem | -oew | -oee | -i
-- server
at RCPT reply 550 5.1.1 no such user
-- run
sendmail -i @MODE@ -f me@example.test a@example.test
-- expect
exit: 67
stderr: line
stderr~ no such user
log~ verdict=failed exit=67

== o-errors-refused connection refused
-- for MODE STDERR
-oeq | empty
-oem | line
-oee | line
-- config+
port = 1
-- run
sendmail -i @MODE@ -f me@example.test a@example.test
-- expect
exit: 75
stderr: @STDERR@

== @mailed         with a queue, the server refuses b for good
-- config+
queue = on
-- server
at RCPT:b@example.test reply 550 5.1.1 no such user
-- run
sendmail @MODE@ -f me@example.test a@example.test b@example.test
-- stdin
From: me@example.test
To: a@example.test, b@example.test
Subject: a secret plan
Message-ID: <mailed@example.test>

x

== o-mail the sender gets a report, and the line is there too
-- use mailed
-- for MODE in -oem | -oew | -em | -O ErrorMode=mail
-- expect
exit: 67
stderr: line
stderr~ b@example\.test: .*no such user
log~ verdict=failed
log~ report id=[a-z2-7]{26} to="me@example\.test" about 1 refused
-- txn
from: me@example.test
to: a@example.test
-- txn
from: <>
to: me@example.test
header~ ^Subject: Delivery failed
header~ ^In-Reply-To: <mailed@example\.test>$
header~ ^Auto-Submitted: auto-replied$
header~ ^Content-Type: multipart/report; report-type=delivery-status;
body~ ^Final-Recipient: rfc822; b@example\.test$
body~ ^Status: 5\.1\.1$
body~ ^Diagnostic-Code: smtp; 550 5\.1\.1 .*
body~ ^Subject: a secret plan$
body!~ Final-Recipient: rfc822; a@

== o-mail-exit -oee: once the report is queued there is nothing to say
-- use mailed
-- for MODE in -oee | -ee | -O ErrorMode=e
-- expect
exit: 0
log~ report id=
-- txn
to: a@example.test
-- txn
from: <>
to: me@example.test

== o-mail-terminal who sits at a terminal reads it there
-- use mailed
-- for MODE in -oem | -oee | -oew
-- tty
-- expect
exit: 67
stderr: line
log!~ report
-- txn
to: a@example.test

== o-mail-not other modes mail nothing
-- use mailed
-- for MODE STDERR
-oep | line
-i | line
-oeq | empty
-- expect
exit: 67
stderr: @STDERR@
log!~ report
-- txn
to: a@example.test

== o-mail-null nor is the null sender written to
-- use mailed
-- for ARGS in -oem -f '' | -oee -f '<>'
-- run
sendmail @ARGS@ a@example.test b@example.test
-- expect
exit: 67
stderr: line
log!~ report
-- txn
from: <>
to: a@example.test

== o-mail-never nor somebody who wants no report
-- use mailed
-- for ARGS in -oem -N never | -oee -N never | -oee -N delay
-- run
sendmail @ARGS@ -f me@example.test a@example.test b@example.test
-- expect
exit: 67
stderr: line
log!~ report
-- txn
to: a@example.test

== o-mail-report nor about a report
-- use mailed
-- for MODE in -oem | -oee
-- stdin
From: me@example.test
To: a@example.test, b@example.test
Content-Type: Multipart/Report; report-type=delivery-status; boundary=x

--x--
-- expect
exit: 67
stderr: line
log!~ report
-- txn
to: a@example.test

== o-mail-off nor without a queue
-- use mailed
-- config+
queue = off
-- for MODE in -oem | -oee
-- expect
exit: 67
stderr: line
log!~ report
-- txn
to: a@example.test

== o-mail-usage nor about a message that was not taken
-- use mailed
-- for ARGS EXIT
-Z a@example.test | 64
a@b@c | 65
-- for MODE in -oem | -oee
-- run
sendmail @MODE@ -f me@example.test @ARGS@
-- expect
exit: @EXIT@
stderr: line
connections: 0

== o-mail-rest -oee: who waits waits, and who is refused is in the report
-- use mailed
-- for MODE in -oee
-- server
at RCPT:a@example.test reply 451 4.3.0 later
-- expect
exit: 0
-- txn
from: <>
to: me@example.test
-- entry
to: a@example.test

== o-mail-lost what cannot be queued is no success
-- use mailed
-- for MODE in -oee | -oem
-- config+
queue-dir = @DIR@/config/none
-- expect
exit: 67
stderr: line
log~ no report to the sender: 
-- txn
to: a@example.test

== o-mail-cron what cron runs
-- use mailed
-- server
at RCPT:joe@example.test reply 550 5.1.1 no such user
-- config+
domain = example.test
-- run
sendmail -FCronDaemon -i -B8BITMIME -oem joe
-- stdin
From: root (Cron Daemon)
To: joe
Subject: Cron <joe@host> true

out
-- expect
exit: 67
stderr: line
-- txn
from: <>
to: me@example.test
body~ ^Final-Recipient: rfc822; joe@example\.test$

## --------------------------------------------------------------- file of -C

== @stranger       an upload of the web server's user
-- skip-unless root
-- env
!MAILCHUTE_CONFIG
-- wrap
chmod 711 @DIR@/..
chown -R 65534:65534 @DIR@
set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
-- file up
log = off
queue = off
[account evil]
from = me@example.test
host = localhost
port = @PORT@
user = @USER@
password = @PASSWORD@
tls-verify = no
auth-unverified = yes
@LINE@

== o-config-stranger it may not name programs and files
-- use stranger
-- for LINE
password-command = touch @DIR@/tmp/made
token-command = touch @DIR@/tmp/made
password-file = /etc/hostname
token-file = /etc/hostname
aliases = /etc/hostname
tls-cert = /etc/hostname
tls-ca-file = @CA@
-- for OPT in -C @DIR@/up | --config=@DIR@/up | -iC@DIR@/up
-- run
sendmail @OPT@ a@example.test
-- expect
exit: 78
stderr: line
stderr~ up:\d+: [a-z-]+ is refused here.* call the program as mailchute
connections: 0
file!: @DIR@/tmp/made

== o-config-log nor where to write
-- use stranger
-- file up
@LINE@
host = localhost
port = @PORT@
-- for LINE in log = @DIR@/tmp/made | queue-dir = @DIR@/tmp/made
-- for RUN in sendmail -C @DIR@/up a@x.test | mailq -C @DIR@/up | newaliases -C @DIR@/up | sendmail -q -C @DIR@/up
-- run
@RUN@
-- expect
exit: 78
stderr: line
stderr~ up:1: \S+ is refused here
connections: 0
file!: @DIR@/tmp/made

== o-config-host nor where the environment's password goes
-- use stranger
-- for NAME in MAILCHUTE_PASSWORD | MAILCHUTE_TOKEN
-- env
@NAME@=another-Secret-Word
-- file up
host = localhost
port = @PORT@
user = x
-- run
sendmail -C @DIR@/up -f me@example.test a@example.test
-- expect
exit: 78
stderr: line
stderr~ up:1: host is refused here
connections: 0

== o-config-may the rest of it may be used
-- use stranger taken
-- for LINE in ## nothing
-- run
sendmail -C @DIR@/up -i -f me@example.test a@example.test
-- expect
stderr: line
stderr~ tls-verify = no

== o-config-hand by hand all of it may
-- use stranger taken
-- for LINE in tls-ca-file = @CA@ | aliases = @DIR@/up2
-- file up2
root: me@example.test
-- run
mailchute -C @DIR@/up -i -f me@example.test a@example.test
-- expect
stderr: line
stderr~ tls-verify = no

== o-config-command by hand a command runs
-- use stranger taken
-- file up
log = @DIR@/log
queue = off
host = localhost
port = @PORT@
user = @USER@
tls-ca-file = @CA@
password-command = cat @DIR@/pw
-- file pw
@PASSWORD@
-- run
mailchute -C @DIR@/up -i -f me@example.test a@example.test

== o-config-root what root alone writes is trusted
-- use stranger taken
-- file up 644
log = @DIR@/log
queue = off
host = localhost
port = @PORT@
user = @USER@
tls-ca-file = @CA@
password-command = cat @DIR@/pw
-- file pw
@PASSWORD@
-- wrap
chmod 711 @DIR@/..
chown -R 65534:65534 @DIR@
chown 0:0 @DIR@/up
set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
-- run
sendmail -C @DIR@/up -i -f me@example.test a@example.test

== o-config-group but not if others may write it
-- use stranger
-- for MODE in 664 | 646 | 666
-- file up 644
log = off
queue = off
host = localhost
aliases = @DIR@/x
-- wrap
chmod 711 @DIR@/..
chown -R 65534:65534 @DIR@
chown 0:0 @DIR@/up
chmod @MODE@ @DIR@/up
set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
-- run
sendmail -C @DIR@/up -i -f me@example.test a@example.test
-- expect
exit: 78
stderr~ aliases is refused here
connections: 0

## --------------------------------------------------------- runs of the queue

== @waiting        three messages wait, to and from a, b and c
-- config+
queue = on
-- stdin
-- wrap
for n in a b c; do
echo x | @DIR@/bin/sendmail -odq -f $n@from.test $n@example.test || exit 99
done

== o-run-one one of three is tried
-- use waiting
-- for ARG WHO
-qRb@example | b
-qRB@EXAMPLE.TEST | b
-qSc@ | c
-qSA@FROM. | a
-q!Ra@ -q!Rb@ | c
-qRa@ -qRb@ -qSb@ | b
-q!Sa@ -qRa@ -qRc@ | c
-qRb -qI | b
-qR@ -q!Rb@ -q!Sc@ | a
-- run
sendmail @ARG@
-- expect
queued: 2
-- txn
from: @WHO@@from.test
to: @WHO@@example.test

== o-run-id one by its identifier, or the end of it
-- use waiting
-- for CUT in 1 | 2 | 20
-- wrap
for n in a b c; do
echo x | @DIR@/bin/sendmail -odq -f $n@from.test $n@example.test || exit 99
done
id=`@DIR@/bin/mailchute queue list --json | sed -n '/b@from/s/^{"id":"\([a-z2-7]*\)".*/\1/p' | cut -c@CUT@-`
test -n "$id" || exit 98
set -- "$@$id"
-- run
sendmail -qI
-- expect
queued: 2
-- txn
to: b@example.test

== o-run-none none fits
-- use waiting
-- for ARG in -qRa@ -qSb@ | -qI0 | -qRnobody | -q!R@ | -qG x | -qL | -qQ | -q30m | -qp
-- run
sendmail @ARG@
-- expect
queued: 3
connections: 0

== o-run-all all of them, over one connection
-- use waiting
-- for ARG in -q | -qf | -qff | -qi | -qR@ | -q!Rzzz | -qS | -qI
-- run
sendmail @ARG@
-- config+
connections = 1
-- expect
connections: 1
queued: 0
transactions: 3
commands~ ^RCPT TO:<a@
commands~ ^RCPT TO:<b@
commands~ ^RCPT TO:<c@

== o-run-account only those of an account
-- use waiting
-- for ARGS EXIT LEFT
-q -a t | 0 | 0
-a t -qRb@ | 0 | 2
-a u -q | 0 | 3
-q -a nosuch | 78 | 3
-- env
MAILCHUTE_ACCOUNT=t
-- config+
[account u]
host = localhost
from = u@example.test
-- run
sendmail @ARGS@
-- expect
exit: @EXIT@
transactions: any
queued: @LEFT@

== o-run-bad a limit that is none lets nothing go
-- use waiting
-- for ARG in -q! | -q!x | -q!a@example.test
-- run
sendmail @ARG@
-- expect
exit: 64
queued: 3
connections: 0

== o-run-count -bP counts them
-- use waiting
-- run
sendmail -bP
-- expect
stdout: any
stdout~ \A3\n\Z
queued: 3

== refused-mode-log what starts a daemon finds the reason in the log
-- for M in -bd | -bD | -bt
-- run
sendmail @M@ -q30m
-- expect
exit: 64
connections: 0
log~ is refused
