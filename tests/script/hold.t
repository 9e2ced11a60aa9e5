A message for a time that is to come (RFC 4865): with the server, in the queue,
and with nobody.

== @ahead          a time that is to come, and a queue
-- config+
queue = on
-- run
sendmail -oi --send-at +2h -f me@example.test a@example.test

== @waits          it waits in the queue for its time, untried and unsaid
-- expect
exit: 0
stderr: empty
data: none
transactions: 0
-- entry
to: a@example.test
params: HOLD=*
next: 7100..7200
body: same
why!~ .

== h1 the server holds it
-- use ahead
-- for C in FUTURERELEASE 7200 2100-01-01T00:00:00Z | futurerelease 999999999 2100-01-01T02:00:00.5+02:00
-- server
caps = PIPELINING; SIZE; @C@
-- expect
commands~ ^MAIL FROM:<me@example.test> SIZE=\d+ HOLDUNTIL=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$
transactions: 1
queued: 0

== h1-said who watches is told that nobody takes it back any more
-- use ahead
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
-- tty
-- expect
stderr~ ^sendmail: the server holds it until 20\d\d-\d\d-\d\d \d\d:\d\d\r?$
stderr: line
transactions: 1
queued: 0

== h1-blind each copy is held
-- use ahead
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
-- run
sendmail -oi --send-at +2h -f me@example.test a@example.test b@example.test
-- expect
commands~ HOLDUNTIL=[^\n]*\n(?s:.*)HOLDUNTIL=
transactions: 2

== h1-send mailchute send
-- use ahead
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
-- for W in --send-at=+2h | --send-at +119m60s
-- run
mailchute send --to a@example.test @W@
-- expect
commands~ HOLDUNTIL=
transactions: 1

== h2 the server does not offer it, or not in good form
-- use ahead waits
-- for C in PIPELINING | FUTURERELEASEX 7200 2100-01-01T00:00:00Z | FUTURERELEASE | FUTURERELEASE 7200 | FUTURERELEASE 0 2100-01-01T00:00:00Z | FUTURERELEASE -1 2100-01-01T00:00:00Z | FUTURERELEASE 7200 never | FUTURERELEASE 7200 2100-01-01T00:00:00 | FUTURERELEASE 7200 999999999 | FUTURERELEASE 7200 2100-01-01T00:00:00Z 1
-- server
caps = @C@
-- expect
mails: 0

== h2-limits not for so long
-- use ahead waits
-- for C in FUTURERELEASE 7100 2100-01-01T00:00:00Z | FUTURERELEASE 7200 2026-01-01T00:00:00Z
-- server
caps = PIPELINING; @C@
-- expect
mails: 0

== h2-said who watches is told
-- use ahead
-- tty
-- expect
stderr~ ^sendmail: queued until 20\d\d-\d\d-\d\d \d\d:\d\d as [a-z2-7]{26}\r?$
stderr: line
transactions: 0
queued: 1

== h2-send mailchute send
-- use ahead
-- run
mailchute send -v --to a@example.test --send-at +2h
-- expect
stderr~ queued until 20
queued: 1
transactions: 0

== h3 offered, and then not wanted
-- use ahead
-- for R in 501 5.5.4 HOLDUNTIL?|555 5.5.4 unknown|504 no|501 no|555 no|554 5.5.4 too far
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
at MAIL reply @R@
-- expect
transactions: 0
data: none|dot
-- entry
to: a@example.test
params: HOLD=*
next: 7100..7200

== h3-other what is not about the time is as final as ever
-- use ahead
-- for R in 550 5.7.1 not you|501 5.1.7 no such sender|501 5.7.1 not you
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
at MAIL reply @R@
-- expect
exit: 69|77
transactions: 0
queued: 0

== h3-rcpt a recipient is refused now, not when it is too late
-- use ahead
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
at RCPT reply 550 5.1.1 nobody
-- expect
exit: 67
transactions: 0
queued: 0

== h4 no queue, and the server does not hold it
-- for C in PIPELINING | FUTURERELEASE 10 2100-01-01T00:00:00Z
-- server
caps = @C@
-- run
sendmail -oi --send-at +2h -f me@example.test a@example.test
-- expect
exit: 69
mails: 0
stderr~ does not hold messages .*\(not sent: without a queue, nobody holds it

== h4-refused no queue, and the server does not mean it
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
at MAIL reply 555 5.5.4 what is that?
-- run
sendmail -oi --send-at +2h -f me@example.test a@example.test
-- expect
exit: 69
transactions: 0
stderr~ refused to hold the message until its time: .*what is that\? \(not sent

== h4-held no queue, and none needed
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
-- run
sendmail -oi --send-at +2h -f me@example.test a@example.test
-- expect
transactions: 1

== h5 into the queue first: the server is not asked
-- use ahead waits
-- for O in -odq | --queue-only | -odb | --queue=always
-- run
sendmail -oi @O@ --send-at +2h -f me@example.test a@example.test
-- expect
connections: 0

== h6 the server is not there
-- use ahead
-- config+
port = 1
-- tty
-- expect
stderr~ ^sendmail: queued until 20\S+ \S+ as \S+: cannot connect
stderr: line
-- entry
to: a@example.test
params: HOLD=*
next: 7100..7200
why~ cannot connect

== h7 with a time for the delivery too it is held here, and both count
-- use ahead
-- server
caps = PIPELINING; DELIVERBY; FUTURERELEASE 7200 2100-01-01T00:00:00Z
-- run
sendmail -oi --send-at +2h --deliver-by=60 -f me@example.test a@example.test
-- expect
mails: 0
-- entry
to: a@example.test
params: HOLD=* BY=*;N
next: 7100..7200

== h8 a time that has just been is now
-- use ahead
-- for T in +0s | +0h0m
-- server
caps = PIPELINING; FUTURERELEASE 7200 2100-01-01T00:00:00Z
-- run
sendmail -oi --send-at @T@ -f me@example.test a@example.test
-- txn
params:

== h9 no time, or none that will do
-- use ahead
-- for T W
2020-01-01 10:00 | which is over
2020-01-01T10:00:00Z | which is over
@0 | which is over
+367d | more than 366 days ahead
@99999999999 | more than 366 days ahead
tomorrow | not a time
+2 | not a time
2027-02-29 10:00 | no such day
25:00 | no such day
-- run
sendmail -oi '--send-at=@T@' -f me@example.test a@example.test
-- expect
exit: 64
connections: 0
stdin: all
stderr~ cannot send at .*@W@

== h9-none a value is missing
-- run
sendmail -oi --send-at
-- expect
exit: 64
connections: 0

== h10 for one message, and no other mode
-- for M in -bs | -bv | -bp | -bi | -q | -qf | -bP | -q30m
-- run
sendmail @M@ --send-at +2h
-- expect
exit: 64
connections: 0
stderr~ --send-at is for a message that is sent
stdout: empty

== h11 before it is sent
-- use ahead
-- run
mailchute --dry-run --send-at +2h -f me@example.test a@example.test
-- expect
connections: 0
stdout: any
stdout~ ^to be sent:   20\d\d-\d\d-\d\d \d\d:\d\d$

== h12 LMTP
-- use ahead waits
-- server
protocol = lmtp
-- config+
protocol = lmtp
-- expect
mails: 0
