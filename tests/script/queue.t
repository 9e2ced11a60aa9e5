What cannot be sent now goes to the queue, with just those who wait for it.

== @queue          with a queue
-- config+
queue = on

== @one            the one recipient of @base waits, and nobody is told
-- use queue
-- expect
exit: 0
stderr: empty
transactions: 0
queued: 1
log~ ^\S+Z sendmail\[\d+\]: account=t host=localhost from="me@example\.test" to="a@example\.test" verdict=queued exit=0 size=\d+ msgid="<test\.1@example\.test>" id=[a-z2-7]{26} next=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ text=".+"$
log!~ \n.*\n

== @twice          the program runs twice on the same message
-- wrap
cat > @DIR@/tmp/m
"$@" < @DIR@/tmp/m || exit
mv @DIR@/tmp/m @DIR@/cwd/m
exec < @DIR@/cwd/m
rm @DIR@/cwd/m

== queue-unneeded what is taken leaves no queue behind
-- use queue taken
-- expect
file!: @DIR@/spool

== queue-connect nobody listens
-- use one
-- config+
port = 1
-- expect
connections: 0
-- entry
account: t
from: me@example.test
to: a@example.test
body: same
header~ ^Message-ID: <test\.1@example\.test>$
next: 30..80
why~ ^\[4\.4\.1\] cannot connect to localhost.*refused

== queue-event the server cannot just now
-- use one
-- for EVENT REPLY WHY
GREETING | 421 4.3.2 come again | \[421 4\.3\.2\]
GREETING | 554 5.3.2 no | \[554
EHLO | 421 no | \[421
MAIL | 451 4.3.0 no | \[451 4\.3\.0\]
MAIL | 421 4.3.2 no | \[421 4\.3\.2\]
RCPT | 450 4.2.1 no | \[450 4\.2\.1\]
DATA | 452 4.3.1 no | \[452 4\.3\.1\]
END | 451 4.3.0 no | \[451 4\.3\.0\]
-- server
at @EVENT@ reply @REPLY@
-- entry
account: t
from: me@example.test
to: a@example.test
body: same
next: 30..80
why~ ^@WHY@

== queue-terminal somebody who watches is told, in one line
-- use one
-- tty
-- server
at RCPT reply 450 4.2.1 mailbox is busy
-- expect
stderr: line
stderr~ ^sendmail: queued as [a-z2-7]{26}: a@example\.test: .*450 4\.2\.1 mailbox is busy.*, next try at \d{4}-\d\d-\d\d \d\d:\d\d$
-- entry
to: a@example.test

== queue-terminal-account without the recipient where all share the reason
-- use one
-- tty
-- config+
port = 1
-- expect
stderr: line
stderr~ ^sendmail: queued as [a-z2-7]{26}: cannot connect to localhost.*refused.*, next try at \d{4}-
stderr!~ a@example
-- entry
to: a@example.test

== queue-verbose so is who says -v
-- use one
-- run
sendmail -v -f me@example.test a@example.test
-- server
at END reply 451 4.3.0 no
-- expect
stderr: any
stderr~ ^sendmail: queued as [a-z2-7]{26}: .*451 4\.3\.0 no.*, next try at
-- entry
to: a@example.test

== queue-quiet -oeq says nothing at all
-- use one
-- tty
-- run
sendmail -oeq -f me@example.test a@example.test
-- server
at END reply 451 4.3.0 no
-- entry
to: a@example.test

== queue-some one of three waits, and only that one
-- use three queue
-- server
at RCPT:b@example.test reply 451 4.2.2 no room
-- expect
exit: 0
log~ to="a@example\.test" verdict=delivered exit=0 .*msgid="<test\.3@example\.test>" text=
log~ to="b@example\.test" verdict=queued exit=0 .* id=[a-z2-7]{26} next=\S+ text=".*no room
log~ to="c@example\.test" verdict=delivered
-- txn
to: a@example.test
to: c@example.test
-- entry
to: b@example.test
why~ \A\[451 4\.2\.2\] .*no room$\n\Z

== queue-mixed the one that is refused for good decides
-- use three queue
-- server
at RCPT:b@example.test reply 451 4.2.2 no room
at RCPT:c@example.test reply 550 5.1.1 nobody of that name
-- expect
exit: 67
stderr: line
stderr~ ^sendmail: c@example\.test: .*nobody of that name
log~ to="c@example\.test" verdict=failed exit=67
-- txn
to: a@example.test
-- entry
to: b@example.test

== queue-mixed-terminal two lines for two who watch
-- use three queue
-- tty
-- server
at RCPT:b@example.test reply 451 4.2.2 no room
at RCPT:c@example.test reply 550 5.1.1 nobody of that name
-- expect
exit: 67
stderr: lines
stderr~ ^sendmail: queued as [a-z2-7]{26}: b@example\.test: .*no room.*, next try at
stderr~ ^sendmail: c@example\.test: .*nobody of that name
stderr!~ \n.*\n.*\n
-- txn
to: a@example.test
-- entry
to: b@example.test

== queue-refused what is refused for good is not kept
-- use queue
-- for EVENT REPLY EXIT
RCPT | 550 5.1.1 no | 67
MAIL | 550 5.7.1 no | 77
END | 554 5.6.0 no | 69
-- server
at @EVENT@ reply @REPLY@
-- expect
exit: @EXIT@
queued: 0

== queue-unsure silence after the end of the message
-- use one
-- config+
timeout = 1s
-- server
at END silence
-- expect
log~ verdict=queued
-- entry
to: a@example.test unsure
next: 1200..2500

== queue-login a refused log-in is the account's, and waits
-- use one
-- server
password = not-the-one-in-the-config
-- expect
auths: 1
-- entry
to: a@example.test
why~ ^\[535 5\.7\.8\]

== queue-login-once after one refusal nobody tries again
-- use queue twice
-- server
password = not-the-one-in-the-config
-- expect
auths: 1
connections: 1
queued: 2
log~ \A(.* verdict=queued .*535.*\n){2}\Z

== queue-login-watched but somebody who watches does
-- use queue twice
-- tty
-- server
password = not-the-one-in-the-config
-- expect
auths: 2
connections: 2
queued: 2
stderr: lines
stderr~ \A(sendmail: queued as .*535.*\n){2}\Z

== queue-login-off without a queue there is no pause
-- use twice
-- wrap
cat > @DIR@/tmp/m
"$@" < @DIR@/tmp/m
mv @DIR@/tmp/m @DIR@/cwd/m
exec < @DIR@/cwd/m
rm @DIR@/cwd/m
-- server
password = not-the-one-in-the-config
-- expect
exit: 75
auths: 2
stderr: lines
file!: @DIR@/spool

== queue-cert a wrong certificate is the account's too
-- use one
-- server
cert = wrongname
-- expect
auths: 0
-- entry
to: a@example.test

== queue-rate what is over the rate waits
-- use queue twice
-- config+
rate = 1/h
-- expect
connections: 1
log~ verdict=queued .* text="rate limit 1/h reached"
-- txn
to: a@example.test
-- entry
to: a@example.test
next: 3000..3700
why~ ^\[4\.4\.5\] rate limit 1/h reached

== queue-signal interrupted while sending: it is safe, and that is success
-- use one
-- for SIGNAL in TERM | INT | HUP
-- for EVENT in GREETING | AUTH | MAIL | RCPT | DATA
-- server
at @EVENT@ signal @SIGNAL@
at @EVENT@ silence
-- expect
time: 3
-- entry
to: a@example.test
body: same
why~ interrupted

== queue-signal-unsure interrupted after the end of the message
-- use one
-- server
at END signal TERM
at END silence
-- expect
time: 3
-- entry
to: a@example.test unsure

== queue-signal-terminal and who pressed the keys is told
-- use one
-- tty
-- server
at MAIL signal INT
at MAIL silence
-- expect
time: 3
stderr: line
stderr~ ^sendmail: queued as [a-z2-7]{26}: .*interrupted.*, next try at
-- entry
to: a@example.test

== queue-signal-some what the server has taken does not go again
-- use three queue
-- run
sendmail @OPT@ -f me@example.test -t blind@example.test
-- server
at RCPT:blind@example.test signal TERM
at RCPT:blind@example.test silence
-- expect
exit: 0
time: 3
-- txn
to: a@example.test
to: b@example.test
to: c@example.test
-- entry
to: blind@example.test blind

== queue-signal-reading interrupted while reading: nothing was taken
-- use queue
-- for SIGNAL in TERM | INT | HUP
-- stdin hold
From: Me <me@example.test>
To: a@example.test

half of
-- signal @SIGNAL@ 0.6
-- expect
exit: 75
time: 3
connections: 0
queued: 0
file!: @DIR@/spool

== queue-blind blind recipients stay so in the queue
-- use queue
-- run
sendmail -oi -f me@example.test -t x@example.test
-- stdin
From: Me <me@example.test>
To: a@example.test
Cc: c@example.test
Bcc: b1@example.test, b2@example.test
Subject: a test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.4@example.test>

Hello.
-- config+
port = 1
-- entry
to: a@example.test
to: c@example.test
to: b1@example.test blind bcc
to: b2@example.test blind bcc
to: x@example.test blind
header!~ (?i)bcc|b1@|b2@|x@
header~ ^To: a@example\.test$
body: same

== queue-large a body that is not in memory
-- use big queue
-- config+
port = 1
-- expect
log~ msgid="<test\.2@example\.test>"
-- entry
to: a@example.test
body: same

== queue-only -odq and --queue-only: into the queue, and no connection
-- use queue
-- for OPT in -odq | -odd | -odqs | --queue-only | -ODeliveryMode=queue | -O deliverymode=d
-- run
sendmail -oi @OPT@ -f me@example.test a@example.test
-- expect
connections: 0
log~ verdict=queued exit=0 .* id=[a-z2-7]{26} next=\S+ text=""$
-- entry
to: a@example.test
body: same
next: -20..1
why~ \A\n\Z

== queue-only-verbose -v tells the identifier
-- use queue
-- run
sendmail -oi -v -odq -f me@example.test a@example.test
-- expect
connections: 0
stderr: line
stderr~ ^sendmail: queued as [a-z2-7]{26}$
-- entry
to: a@example.test

== queue-only-off only into a queue that is off is a contradiction
-- for OPT in --queue-only | --no-queue --queue-only | --queue-only --no-queue
-- run
sendmail @OPT@ -f me@example.test a@example.test
-- expect
exit: 64
stderr: line
stderr~ queue = off; nothing was sent
connections: 0
file!: @DIR@/spool

== queue-off-modes without a queue the delivery modes of callers change nothing
-- use taken
-- for OPT in -odb | -odq | -odi | -odf | -odd | -odx | -ODeliveryMode=b

== queue-none --no-queue: the caller keeps it
-- use queue
-- for OPT in --no-queue | --queue=off
-- run
sendmail @OPT@ -f me@example.test a@example.test
-- server
at MAIL reply 451 4.3.0 no
-- expect
exit: 75
stderr: line
stderr~ not sent; try again later
queued: 0
file!: @DIR@/spool

== queue-now -odi and -odf try now, whatever the configuration says
-- use taken
-- for OPT in -odi | -odf | -ODeliveryMode=i
-- for QUEUE in on | always
-- config+
queue = @QUEUE@
-- expect
queued: 0

== queue-no-host an account without a server has no queue
-- use queue
-- for OPT in -odi | -odb | --queue-only
-- config+
!host
-- expect
exit: 78
connections: 0
stderr: line
stderr~ has no host
queued: 0

== @full           not sent and not queued: both are said
-- use queue
-- server
at MAIL reply 451 4.3.0 not today
-- expect
exit: 75
stderr: line
queued: 0

== queue-full-messages no more messages than the limit
-- use full
-- wrap
cat > @DIR@/tmp/m
"$@" < @DIR@/tmp/m || exit
mv @DIR@/tmp/m @DIR@/cwd/m
exec < @DIR@/cwd/m
rm @DIR@/cwd/m
-- env
MAILCHUTE_QUEUE_MAX_MESSAGES=1
-- expect
stderr~ ^sendmail: .*not today.*; not queued: .*spool: .* limit .* \(not sent; try again later\)$
log~ verdict=queued
log~ verdict=deferred
queued: 1

== queue-full-bytes no more bytes than the limit
-- use full
-- env
MAILCHUTE_QUEUE_MAX_BYTES=1K
-- expect
stderr~ not today.*; not queued: .*limit

== queue-full-reserve no message into the last of the space
-- use full
-- env
MAILCHUTE_QUEUE_RESERVE=1000000G
-- expect
stderr~ not today.*; not queued: .*free

== queue-full-only nothing tried, and no room
-- use queue
-- for OPT in -odq | -odb | --queue-only
-- run
sendmail @OPT@ -f me@example.test a@example.test
-- env
MAILCHUTE_QUEUE_RESERVE=1000000G
-- expect
exit: 75
stderr: line
stderr!~ not queued
connections: 0
queued: 0

== queue-full-limit the caller's own limit on files
-- use full
-- wrap
ulimit -f 4
-- expect
stderr~ not today.*; not queued: 

== queue-full-mixed what is refused decides, and the rest is said too
-- use three queue
-- server
at RCPT:b@example.test reply 451 4.2.2 no room
at RCPT:c@example.test reply 550 5.1.1 nobody of that name
-- env
MAILCHUTE_QUEUE_RESERVE=1000000G
-- expect
exit: 67
stderr: lines
stderr~ ^sendmail: b@example\.test: .*no room.*\(not sent; try again later\)$
stderr~ ^sendmail: c@example\.test: .*nobody
stderr~ ^sendmail: not queued: 
queued: 0
-- txn
to: a@example.test

== queue-place places that will not do
-- use full
-- for PLACE WHY
/proc/nowhere/queue | cannot make
@DIR@/config/queue | no directory
@DIR@/link | no directory
@DIR@/wide | open to others
-- wrap
mkdir -m 755 @DIR@/wide @DIR@/elsewhere
ln -s @DIR@/elsewhere @DIR@/link
-- env
MAILCHUTE_QUEUE_DIR=@PLACE@
-- expect
stderr~ not today.*; not queued: .*@WHY@

== queue-place-sent and are no reason not to send
-- use queue taken
-- for PLACE in /proc/nowhere/queue | @DIR@/config/queue | @DIR@/link | @DIR@/wide
-- wrap
mkdir -m 755 @DIR@/wide @DIR@/elsewhere
ln -s @DIR@/elsewhere @DIR@/link
-- env
MAILCHUTE_QUEUE_DIR=@PLACE@

== queue-owner a spool of somebody else
-- skip-unless root
-- use full
-- wrap
mkdir -m 700 @DIR@/spool
chown 65534 @DIR@/spool
-- expect
stderr~ not today.*; not queued: .*belongs to uid 65534

== @nobody         as a user who is not root
-- skip-unless root
-- wrap
chmod 711 @DIR@/..
chown -R 65534:65534 @DIR@
set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
-- config+
password-file = @DIR@/pw
!password
-- file pw
@PASSWORD@

== queue-user the user's own place
-- use queue nobody
-- for ENV WHERE
XDG_STATE_HOME=@DIR@/state | state/mailchute/queue
XDG_STATE_HOME=relative | home/.local/state/mailchute/queue
X=y | home/.local/state/mailchute/queue
-- env
@ENV@
-- config+
port = 1
!queue-dir
-- expect
exit: 0
-- entry
to: a@example.test
in: @WHERE@

== queue-user-nowhere a user without any place
-- skip-unless root
-- use full
-- wrap
chmod 711 @DIR@/..
chown -R 54321 @DIR@
set -- setpriv --reuid 54321 --clear-groups "$@"
-- env
HOME=relative
-- config+
!queue-dir
-- expect
stderr~ not today.*; not queued: .*queue-dir

== queue-descriptors without descriptors 1 and 2
-- use one
-- for CLOSED in >&- | 2>&- | >&- 2>&-
-- wrap
exec @CLOSED@
-- server
at END reply 451 4.3.0 no
-- entry
to: a@example.test
body: same

== queue-descriptors-stdin without any
-- use queue
-- for CLOSED in <&- | <&- >&- 2>&-
-- wrap
exec @CLOSED@
-- server
at END reply 451 4.3.0 no
-- stdin
-- expect
log~ to="a@example\.test" verdict=queued
-- entry
to: a@example.test blind
header~ ^From: me@example\.test$|^From: .*<me@example\.test>$

== queue-background -odb: taken at once, delivered by and by
-- use queue taken
-- for OPT in -odb | -ODeliveryMode=background
-- run
sendmail -oi @OPT@ -f me@example.test a@example.test
-- server
at GREETING delay 1
-- expect
time: 0.8
queued: 0
log~ ^\S+Z sendmail\[\d+\]: .* to="a@example\.test" verdict=queued exit=0 .* text=""$
log~ ^\S+Z sendmail\[\d+\]: account=t host=localhost from="me@example\.test" to="a@example\.test" verdict=delivered exit=0 size=\d+ id=[a-z2-7]{26} text="

== queue-always the same by configuration
-- use queue taken
-- config+
queue = always
-- server
at GREETING delay 1
-- expect
time: 0.8
log~ verdict=queued exit=0
log~ verdict=delivered exit=0

== queue-background-verbose -v tells the identifier
-- use queue taken
-- run
sendmail -oi -v -odb -f me@example.test a@example.test
-- expect
stderr: line
stderr~ ^sendmail: queued as [a-z2-7]{26}$

== queue-background-refused what becomes of it is not our status
-- use queue
-- run
sendmail -oi -odb -f me@example.test a@example.test
-- server
at RCPT reply 450 4.2.1 no
-- expect
log~ verdict=queued exit=0 .* text=""$
log~ to="a@example\.test" verdict=deferred exit=75 size=\d+ id=[a-z2-7]{26} next=\S+ text=".*450 4\.2\.1 no"$
-- entry
to: a@example.test
next: 30..80

== queue-empties what was due goes once the server is there again
-- use queue
-- wrap
cat > @DIR@/tmp/m
"$1" -odq -f me@example.test a@example.test < @DIR@/tmp/m || exit
mv @DIR@/tmp/m @DIR@/cwd/m
exec < @DIR@/cwd/m
rm @DIR@/cwd/m
-- run
sendmail -f me@example.test a@example.test
-- txn
to: a@example.test
-- txn
to: a@example.test

