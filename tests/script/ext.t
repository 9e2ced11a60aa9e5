Extensions of SMTP and what is to be made of them: on, off, and lied about.

== l1 as many recipients as the server says it takes (RFC 9422)
-- use three
-- server
caps = PIPELINING; SIZE; 8BITMIME; DSN; SMTPUTF8; LIMITS RCPTMAX=2
-- expect
connections: 1
mails: 2
-- txn
from: me@example.test
to: a@example.test
to: b@example.test
-- txn
from: me@example.test
to: c@example.test

== l1-one one at a time
-- use three
-- server
caps = PIPELINING; LIMITS RCPTMAX=1
-- expect
connections: 1
transactions: 3

== l1-domains domains in a transaction
-- use three
-- stdin
From: Me <me@example.test>
To: a@one.test, b@one.test
Cc: c@two.test, d@ONE.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.3@example.test>

Hello.
-- server
caps = PIPELINING; LIMITS RCPTDOMAINMAX=1
-- expect
connections: 1
transactions: 3

== l2 as many messages in a connection as the server says
-- use three
-- server
caps = PIPELINING; LIMITS MAILMAX=2 RCPTMAX=1
-- expect
connections: 2
auths: 2
quit: yes
transactions: 3

== l2-starttls the limits that count are those said in safety
-- use three starttls
-- server
caps-clear = STARTTLS; LIMITS RCPTMAX=1 MAILMAX=1
caps = PIPELINING; LIMITS RCPTMAX=3
-- expect
connections: 1
transactions: 1

== l3 what is no limit is none
-- use three
-- for L in RCPTMAX=0 MAILMAX=0 RCPTDOMAINMAX=0 | RCPTMAX=-1 | RCPTMAX=99999999999999999999 | RCPTMAX=1x MAILMAX= | RCPTMAX | =1 | RCPTMAX=999999 MAILMAX=999999
-- server
caps = PIPELINING; LIMITS @L@
-- expect
connections: 1
transactions: 1

== l4 it takes fewer recipients than it says
-- use three
-- server
caps = PIPELINING; LIMITS RCPTMAX=3
rcpt-limit = 1
-- expect
connections: 1
transactions: 3

== l4-mails it ends the connection earlier than it says
-- use three
-- server
caps = PIPELINING; LIMITS RCPTMAX=1 MAILMAX=3
at MAIL#2 reply 421 4.7.0 enough
at MAIL#2 then close
-- expect
connections: 3
transactions: 3

== o1 the original recipient, for servers that do DSN (RFC 3461)
-- for C P
PIPELINING; DSN | ORCPT=rfc822;a+2Bb@example.test
PIPELINING |
-- server
caps = @C@
-- run
sendmail -oi -f me@example.test a+b@example.test
-- txn
to: a+b@example.test @P@

== o2 the name before the aliases
-- file aliases
team: a@example.test, more
more: b@example.test
-- config+
aliases = @DIR@/aliases
domain = example.test
-- run
sendmail -oi -f me@example.test team c@example.test
-- txn
to: a@example.test ORCPT=rfc822;team@example.test
-- txn
to: b@example.test ORCPT=rfc822;team@example.test
-- txn
to: c@example.test ORCPT=rfc822;c@example.test

== o2-direct who is written to himself is not told of a list
-- file aliases
team: a@example.test, b@example.test
-- config+
aliases = @DIR@/aliases
domain = example.test
-- for R in team a@example.test | a@example.test team
-- run
sendmail -oi -f me@example.test @R@
-- txn
to: a@example.test ORCPT=rfc822;a@example.test
-- txn
to: b@example.test ORCPT=rfc822;team@example.test

== o3 a blind recipient whose mail goes to others too is not named
-- file aliases
boss: \\boss, a@example.test
-- config+
aliases = @DIR@/aliases
domain = example.test
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: me@example.test
To: b@example.test
Bcc: boss
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.3@example.test>

Hello.
-- txn
to: b@example.test ORCPT=rfc822;b@example.test
-- txn
to: boss@example.test ORCPT=rfc822;boss@example.test
-- txn
to: a@example.test ORCPT=rfc822;a@example.test

== o4 a name outside ASCII
-- file aliases
j\xc3\xbcrgen: a@example.test
-- config+
aliases = @DIR@/aliases
domain = example.test
-- for C P
DSN; SMTPUTF8; 8BITMIME | ORCPT=utf-8;jürgen@example.test
DSN; 8BITMIME | ORCPT=utf-8;j\\x{FC}rgen@example.test
-- server
caps = @C@
-- run
sendmail -oi -f me@example.test 'j\xc3\xbcrgen'
-- txn
to: a@example.test @P@

== o5 a server that offers DSN and does not know it
-- server
caps = DSN
at RCPT reply 555 5.5.4 what is ORCPT?
-- expect
exit: 69
stderr~ what is ORCPT

== @secret          the way it has to go is part of the message
-- run
sendmail -oi --require-tls -f me@example.test a@example.test

== r1 only by TLS all the way (RFC 8689)
-- use secret noisy
-- server
caps = PIPELINING; REQUIRETLS
-- run
sendmail @OPT@ --require-tls -f me@example.test a@example.test
-- txn
params: REQUIRETLS
to: a@example.test

== r1-key the same by a key, after STARTTLS
-- use starttls
-- server
caps = PIPELINING; REQUIRETLS
-- config+
require-tls = yes
-- txn
params: REQUIRETLS
to: a@example.test

== r1-unasked it is not asked for
-- server
caps = PIPELINING; REQUIRETLS
-- txn
params:
to: a@example.test

== r2 the server does not offer it
-- use secret
-- for C in PIPELINING | X REQUIRETLS | REQUIRETLS-X
-- server
caps = @C@
-- expect
exit: 69
mails: 0
stderr~ REQUIRETLS

== r2-before only before STARTTLS, which is not in safety
-- use secret starttls
-- server
caps-clear = STARTTLS; REQUIRETLS
caps = PIPELINING
-- expect
exit: 69
mails: 0
stderr~ REQUIRETLS

== r3 the server is not verified
-- use secret
-- server
caps = PIPELINING; REQUIRETLS
-- config+
tls-verify = no
auth-unverified = yes
-- expect
exit: 75
mails: 0
stderr: any
stderr~ verified TLS

== r3-queued the same with a queue
-- use secret
-- server
caps = PIPELINING; REQUIRETLS
-- config+
queue = on
tls-verify = no
auth-unverified = yes
-- expect
exit: 0
mails: 0
stderr: any
-- entry
to: a@example.test
params: REQUIRETLS
why~ verified TLS

== r4 offered, and then not known
-- use secret
-- server
caps = REQUIRETLS
at MAIL reply 555 5.5.4 what is REQUIRETLS?
-- expect
exit: 69
transactions: 0
stderr~ what is REQUIRETLS

== r4-later no next hop that would keep it
-- use secret
-- server
caps = REQUIRETLS
at END reply 550 5.7.30 no way
-- expect
exit: 77
stderr~ 5\.7\.30

== r5 the message waives it
-- for F in No | no | NO
-- server
caps = PIPELINING; REQUIRETLS
-- config+
require-tls = yes
-- stdin
From: me@example.test
To: a@example.test
TLS-Required: @F@
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

Hello.
-- txn
params:
to: a@example.test
header~ ^TLS-Required: @F@$

== r5-other or does not
-- server
caps = PIPELINING; REQUIRETLS
-- config+
require-tls = yes
-- stdin
From: me@example.test
To: a@example.test
TLS-Required: Yes
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

Hello.
-- txn
params: REQUIRETLS
to: a@example.test

== @later          queued, and sent two seconds later by -q
-- config+
queue = on
-- wrap
"$@" || exit
sleep 2
all=
for word
do
	shift
	[ -n "$all" ] || set -- "$@" "$word"
	case $word in */sendmail) all=yes ;; esac
done
set -- "$@" -q

== r3-q1 what is asked of the server outlives the queue; time goes on there
-- use later
-- server
caps = PIPELINING; REQUIRETLS; MT-PRIORITY; DELIVERBY
-- run
sendmail -odq -oi --priority=-3 '--deliver-by=120;RT' --require-tls -f me@example.test a@example.test
-- expect
commands~ ^MAIL FROM:<me@example\.test> REQUIRETLS MT-PRIORITY=-3 BY=11[5-8];RT$
queued: 0
transactions: 1

== r3-q2 returned when its time is over before it could be sent
-- use later
-- server
caps = PIPELINING; DELIVERBY
-- run
sendmail -odq -oi '--deliver-by=1;R' -f me@example.test a@example.test
-- expect
queued: 1
-- txn
from:
to: me@example.test
params:
data~ (?m)^Status: 5\.4\.7\r?$
data~ (?m)^Final-Recipient: rfc822; ?a@example\.test\r?$

== r3-q3 sent with a negative time
-- use later
-- server
caps = PIPELINING; DELIVERBY
-- run
sendmail -odq -oi '--deliver-by=1;N' -f me@example.test a@example.test
-- expect
commands~ ^MAIL FROM:<me@example\.test> BY=-[1-9];N$
transactions: 1

== r3-q4 the report about a message for a server without REQUIRETLS
-- use later
-- server
caps = PIPELINING; DSN
-- run
sendmail -odq -oi -R full --require-tls -f me@example.test a@example.test
-- expect
queued: 1
-- txn
from:
to: me@example.test
params:
data~ (?m)^Status: 5\.7\.30\r?$
data~ text/rfc822-headers
data!~ Hello

== p1 a priority (RFC 6710)
-- for N P C
3 | MT-PRIORITY=3 | PIPELINING; MT-PRIORITY
-9 | MT-PRIORITY=-9 | MT-PRIORITY MIXER
+0 | MT-PRIORITY=0 | MT-PRIORITY
3 | | PIPELINING
-- server
caps = @C@
-- run
sendmail -oi --priority=@N@ -f me@example.test a@example.test
-- txn
params: @P@
to: a@example.test

== p1-word as a word of its own, and said that it is left out
-- run
sendmail -oi -v --priority -1 -f me@example.test a@example.test
-- expect
stderr~ MT-PRIORITY is left out
-- txn
params:

== p2 what is no priority
-- for N in 10 | -10 | x | 1x | "" | --
-- run
sendmail -oi --priority=@N@ -f me@example.test a@example.test
-- expect
exit: 65
connections: 0

== p3 offered, and then not known
-- server
caps = MT-PRIORITY
at MAIL reply 555 5.5.4 what is MT-PRIORITY?
-- run
sendmail -oi --priority=1 -f me@example.test a@example.test
-- expect
exit: 69
stderr~ what is MT-PRIORITY

== d1 delivered in time (RFC 2852)
-- for V P
120;R | BY=120;R
120;NT | BY=120;N
120 | BY=120;N
-- server
caps = PIPELINING; DELIVERBY 60
-- run
sendmail -oi '--deliver-by=@V@' -f me@example.test a@example.test
-- expect
commands~ ^MAIL FROM:<me@example.test> BY=1(20|19|18|17);[RN]T?$
transactions: 1

== d2 not to be promised: returned
-- for C in PIPELINING | DELIVERBY 121 | DELIVERBYX
-- server
caps = @C@
-- run
sendmail -oi '--deliver-by=120;R' -f me@example.test a@example.test
-- expect
exit: 69
mails: 0

== d2-none not to be promised: sent all the same
-- server
caps = PIPELINING
-- run
sendmail -oi -v '--deliver-by=120;N' -f me@example.test a@example.test
-- expect
stderr~ DELIVERBY is left out
-- txn
params:

== d3 nonsense for a least time is none
-- server
caps = DELIVERBY 99999999999999999999
-- run
sendmail -oi '--deliver-by=120;R' -f me@example.test a@example.test
-- expect
transactions: 1

== d4 what is no time
-- for V in 0 | -1 | 1h | 60;X | 60;
-- run
sendmail -oi '--deliver-by=@V@' -f me@example.test a@example.test
-- expect
exit: 65
connections: 0

== d5 in the queue
-- server
at MAIL reply 451 4.3.0 later
-- config+
queue = on
-- run
sendmail -oi --require-tls=no --priority=-2 -f me@example.test a@example.test
-- entry
to: a@example.test
params: MT-PRIORITY=-2

== @lmtp            over TLS; RFC 2033
-- server
protocol = lmtp
-- config+
protocol = lmtp

== m1 LMTP
-- use lmtp three
-- for C in PIPELINING | SIZE | PIPELINING; CHUNKING | CHUNKING
-- server
caps = @C@
-- expect
connections: 1
commands~ ^LHLO localhost$
commands!~ ^EHLO
-- txn
to: a@example.test
to: b@example.test
to: c@example.test
body: same

== m1-socket over a socket, without log-in
-- use lmtp three
-- server
listen = unix
tls = off
mechs =
-- config+
host = @SOCKET@
!port
!tls
!user
!password
!tls-ca-file
-- expect
transactions: 1

== m2 one mailbox is full, the others have it
-- use lmtp three
-- for C in PIPELINING | PIPELINING; CHUNKING
-- server
caps = @C@
at END:b@* reply 552 5.2.2 full
-- expect
exit: 69
stderr: line
stderr~ b@example\.test.*552 5\.2\.2
-- txn
to: a@example.test
to: c@example.test
body: same

== m2-later one has to wait, and waits alone
-- use lmtp three
-- server
at END:b@* reply 452 4.2.2 full
-- config+
queue = on
-- expect
exit: 0
-- txn
to: a@example.test
to: c@example.test
-- entry
to: b@example.test

== m3 only who was accepted is answered for
-- use lmtp three
-- server
at RCPT:a@* reply 550 5.1.1 no such user
-- expect
exit: 67
stderr: line
stderr~ a@example\.test
-- txn
to: b@example.test
to: c@example.test

== m3-none nobody is accepted, and no text leaves
-- use lmtp three
-- server
at RCPT reply 550 5.1.1 no such user
-- expect
exit: 67
stderr: lines
data: none
commands!~ ^DATA

== m4 one reply, as if it were SMTP
-- use lmtp three
-- server
at END:b@* drop
at END:c@* drop
-- expect
exit: 75
stderr: any
transactions: any

== m5 an SMTP server
-- config+
protocol = lmtp
-- expect
exit: 75|69
mails: 0
violations: any
stderr~ LHLO

== m6 never on port 25, and on no port of its own accord
-- for P in 0 | 25
-- config+
protocol = lmtp
port = @P@
-- expect
exit: 78
connections: 0
