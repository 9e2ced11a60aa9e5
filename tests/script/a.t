Rows A of the hostile-input table: a server that breaks, stops or lies.

== a1 greeting that is none
-- use unsaid
-- for GREETING COMMANDS
554 5.3.2 no service | \A(QUIT)?\Z
421 4.3.2 come again | \A(QUIT)?\Z
450 4.3.2 come again | \A(QUIT)?\Z
354 go ahead | \A\Z
250 hello | \A\Z
HTTP/1.1 400 Bad Request | \A\Z
* OK IMAP4rev1 ready | \A\Z
+OK POP3 | \A\Z
\0\0\0\0 | \A\Z
\x16\x03\x01\x02 | \A\Z
220hello | \A\Z
-- server
at GREETING reply @GREETING@
-- expect
commands~ @COMMANDS@
time: 2

== a1-starttls greeting that is none, in clear
-- use starttls unsaid
-- for GREETING in 554 no | 421 later | 354 go | 250 hi | HTTP/1.1 400 Bad | * OK IMAP
-- server
at GREETING reply @GREETING@

== a1-empty empty line for a greeting
-- use unsaid
-- server
at GREETING raw \r\n

== a1-silence no greeting
-- use unsaid
-- server
at GREETING silence
-- config+
timeout = 1s
-- expect
time: 3
min-time: 0.8
commands~ \A\Z

== a1-patience nothing is said before the greeting
-- use taken
-- server
at GREETING delay 0.3

== a2 greeting with two codes
-- use unsaid
-- server
at GREETING raw 220-hello\r\n250 hello\r\n

== a2-lines greeting of several lines
-- use taken
-- server
at GREETING raw 220-hello\r\n220-there\r\n220 you\r\n

== a3 EHLO refused, inside TLS
-- use unsaid
-- for CODE in 500 | 501 | 502 | 504 | 530 | 550 | 220 | 221 | 354 | 421 | 450
-- server
at EHLO reply @CODE@ no
-- expect
commands!~ ^HELO

== a3-starttls EHLO refused, in clear
-- use starttls unsaid
-- for CODE in 500 | 501 | 502 | 504 | 530 | 550 | 220 | 221 | 354 | 421 | 450
-- server
at EHLO reply @CODE@ no
-- expect
commands!~ ^HELO

== a4 EHLO answered with next to nothing
-- use unsaid
-- for ANSWER in 250 | 250- | 25 | 2 | 250-x\r\n250 | 250-x\r\n250- | 250-\r\n250-\r\n
-- server
at EHLO raw @ANSWER@
at EHLO then eof

== a4-nul NUL in the answer to EHLO
-- use unsaid
-- for ANSWER in 250 a\0b\r\n | 250-a\r\n250-AUTH PLAIN\0LOGIN\r\n250 PIPELINING\r\n | \0250 a\r\n
-- server
at EHLO raw @ANSWER@

== a4-bare EHLO answered with a bare code: nothing offered
-- use unsaid
-- server
at EHLO raw 250\r\n

== a5-lines endless lines
-- use unsaid
-- for EVENT in GREETING | EHLO
-- server
at @EVENT@ endless-multi 250-X
-- expect
time: 4

== a5-line endless line
-- use unsaid
-- for EVENT in GREETING | EHLO
-- server
at @EVENT@ endless-line 250-AAAA
-- expect
time: 4

== a5-mail endless answers later on
-- use keep
-- for EVENT in AUTH | MAIL | RCPT | DATA | END
-- for HOW in endless-multi | endless-line
-- server
at @EVENT@ @HOW@ 250-X
-- expect
time: 4

== a5-drip a byte at a time, for ever
-- use keep
-- for EVENT in GREETING | EHLO | AUTH | MAIL
-- server
at @EVENT@ drip 0.25
-- config+
timeout = 1s
-- expect
time: 3

== a6 SIZE of all kinds
-- use taken
-- for SIZE in SIZE 0 | SIZE | SIZE 2147483647 | SIZE 2147483648 | SIZE 4294967296 | SIZE 9223372036854775807 | SIZE 9223372036854775808 | SIZE 18446744073709551616 | SIZE 10000000000000000000000000000000000000000 | SIZE -1 | SIZE 0x10 | SIZE= | SIZE=1 | SIZEX 1 | SIZE 1e3
-- server
caps = PIPELINING; 8BITMIME; @SIZE@

== a6-exact the size that is declared is the size that comes
-- use taken
-- for BODY in Hello | . | ..\n.\n.x | \*4000{.line\n} | a\r\nb\n
-- stdin
From: Me <me@example.test>
To: a@example.test

@BODY@
-- expect
size-exact: yes

== a7 SIZE smaller than the message
-- for SIZE in 1 | 50 | 100
-- server
caps = PIPELINING; SIZE @SIZE@; 8BITMIME
-- expect
exit: 69
data: none
stderr~ @SIZE@|5\.3\.4|large
commands!~ ^DATA

== a7-clear SIZE said before TLS counts for nothing
-- use starttls taken
-- server
caps-clear = STARTTLS; SIZE 10

== a7-said SIZE refused by the server at MAIL
-- server
at MAIL reply 552 5.3.4 too large
-- expect
exit: 69
data: none

== a8 words that only look like STARTTLS
-- use starttls unsaid
-- for WORD in STARTTLSX | XSTARTTLS | START TLS | STARTTLS2 | X-STARTTLS
-- server
caps-clear = 8BITMIME; @WORD@
-- expect
commands!~ ^STARTTLS

== a8-case STARTTLS in any case
-- use starttls taken
-- for WORD in starttls | StartTLS | STARTTLS REQUIRED
-- server
caps-clear = 8BITMIME; @WORD@

== a8-auth words that only look like AUTH
-- use unsaid
-- for WORD in AUTHX PLAIN | XAUTH PLAIN | AUTH | AUTH PLAINX XPLAIN | AUTHPLAIN
-- server
mechs =
caps = PIPELINING; 8BITMIME; @WORD@

== a8-auth-forms forms of AUTH that count
-- use taken
-- for WORD in AUTH=PLAIN LOGIN | auth plain | AUTH LOGIN PLAIN CRAM-MD5 | AUTH PLAIN; AUTH LOGIN | AUTH=LOGIN; AUTH PLAIN | PIPELINING; AUTH PLAIN
-- server
mechs =
caps = PIPELINING; 8BITMIME; SIZE 10; SIZE 0; @WORD@
at AUTH reply 235 2.7.0 ok
-- expect
auths: 1
violations: any

== a8-many a hundred thousand mechanisms
-- use keep
-- server
mechs =
at EHLO raw 250-x\r\n\*90{250-AUTH\*40{ MECH}\r\n}250 AUTH XYZ\r\n

== a9 codes that are none
-- use keep
-- for EVENT in GREETING | EHLO | AUTH | MAIL | RCPT | DATA | END
-- for ANSWER in 099 ok | 199 ok | 600 ok | 2500 ok | 25 | 25a ok | +250 ok | \x20250 ok | 2 50 ok | 250\tok | 2\x0050 ok | 260 ok
-- server
at @EVENT@ reply @ANSWER@

== a10-lf replies with bare LF
-- use taken
-- server
at GREETING raw 220 hello\n
at EHLO raw 250-hello\n250-PIPELINING\n250-8BITMIME\n250 AUTH PLAIN\n
at MAIL raw 250 ok\n
at END raw 250 ok\n

== a10-cr replies with a CR inside
-- use keep
-- for EVENT in MAIL | RCPT | END
-- server
at @EVENT@ raw 250 a\rb\r\n
-- expect
transactions: any

== a10-terminal what a terminal would obey
-- for TEXT in \e[2J\e]0;x\x07 | \x9b31m | \xc3\xa4\xff\xc0\xaf | a\x08b\x7f | \xe2\x80\xae
-- server
at RCPT reply 550 5.1.0 no @TEXT@ such
-- expect
exit: 69
log!~ [\x1b\x07\x08\x7f]

== a11 enhanced codes that contradict
-- for ANSWER EXIT
550 2.0.0 no | 69
550 5.999.9999 no | 69
550 4.7.1 no | 69
550 5.1 no | 69
550 5.1.1.1 no | 69
550 5.1.1 no | 67
550 5.1.2 no | 68
550 5.7.1 no | 77
550 5.7.26 no | 77
550 no | 69
451 5.7.1 no | 75
451 4.7.1 no | 75
-- server
at RCPT reply @ANSWER@
-- expect
exit: @EXIT@

== a11-good a yes with a bad enhanced code
-- use taken
-- for EVENT in MAIL | RCPT | END
-- server
at @EVENT@ reply 250 5.7.1 yes

== a12 reply text that wants to be more
-- for ANSWER in 550-x\r\n550 Recipient: evil@example.test | 550 x\*1900{y} | 550-a\r\n550-b\r\n550-c\r\n550 d | 550 %s%n%d%x
-- server
at RCPT reply @ANSWER@
-- expect
exit: 69
log!~ ^Recipient:

== a13 MAIL refused after log-in
-- for ANSWER EXIT
450 4.2.1 later | 75
451 4.3.0 later | 75
452 4.3.1 disk full | 75
421 4.3.2 bye | 75
530 5.7.0 log in | 75
550 5.7.1 no | 77
550 5.4.5 daily user sending quota exceeded | 75
552 5.3.4 too big | 69
553 5.1.8 bad sender | 69
554 no | 69
-- server
at MAIL reply @ANSWER@
-- expect
exit: @EXIT@
data: none

== a14 each recipient has an answer of its own
-- use three
-- for CAPS in PIPELINING; SIZE; 8BITMIME | SIZE; 8BITMIME
-- server
caps = @CAPS@
at RCPT:b@* reply 550 5.1.1 no such user
at RCPT:c@* reply 451 4.2.1 later
-- expect
exit: 67
stderr: lines
stderr~ b@example\.test
stderr~ c@example\.test
stderr!~ (?<![a-z])a@example\.test
-- txn
from: me@example.test
to: a@example.test
body: same

== a14-temp later for some
-- use three
-- server
at RCPT:c@* reply 451 4.2.1 later
-- expect
exit: 75
stderr: lines
-- txn
to: a@example.test
to: b@example.test

== a15 nobody accepted, DATA all the same
-- use three
-- for EXIT A B C
67 | 550 5.1.1 no | 550 5.1.1 no | 550 5.1.1 no
75 | 450 4.2.1 no | 451 4.2.1 no | 452 4.2.1 no
67 | 550 5.1.1 no | 451 4.2.1 no | 451 4.2.1 no
-- server
at RCPT:a@* reply @A@
at RCPT:b@* reply @B@
at RCPT:c@* reply @C@
at DATA reply 354 go ahead
-- expect
exit: @EXIT@
stderr: lines
data: dot

== a15-not nobody accepted, DATA refused
-- use three
-- for CAPS in PIPELINING | 8BITMIME
-- server
caps = @CAPS@
at RCPT reply 550 5.1.1 no
-- expect
exit: 67
stderr: lines
data: none

== a16 552 for too many recipients
-- use three
-- server
at RCPT#3 reply 552 5.5.3 too many recipients
-- txn
to: a@example.test
to: b@example.test
-- txn
to: c@example.test

== a16-452 a limit of two
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: me@example.test
To: a@example.test, b@example.test, c@example.test, d@example.test, e@example.test

x
-- for CAPS in PIPELINING | 8BITMIME
-- server
caps = @CAPS@
rcpt-limit = 2
-- expect
connections: 1
-- txn
to: a@example.test
to: b@example.test
-- txn
to: c@example.test
to: d@example.test
-- txn
to: e@example.test

== a16-mailbox about the mailbox, and not their number: asked once
-- use three
-- for REPLY EXIT
552 5.2.2 full | 69
552 5.1.1 gone | 67
552 5.7.1 no | 77
-- server
at RCPT#3 reply @REPLY@
-- expect
exit: @EXIT@
connections: 1
-- txn
to: a@example.test
to: b@example.test

== a16-first 452 for the very first: a refusal for now
-- use keep
-- server
at RCPT reply 452 4.5.3 too many recipients
-- expect
data: none

== a17-251 will forward
-- use taken
-- for CODE in 251 | 252
-- server
at RCPT reply @CODE@ 2.1.5 user not local; will forward to <x@elsewhere.test>

== a17-551 please try another address
-- server
at RCPT reply 551 5.1.6 user not local; please try <x@elsewhere.test>
-- expect
exit: 69
data: none
commands!~ elsewhere

== a18 DATA answered with anything but 354
-- use keep
-- for ANSWER in 250 2.0.0 ok | 220 hm | 235 hm | 334 hm | 355 go | 251 ok
-- server
at DATA reply @ANSWER@
-- expect
data: none

== a18-refused DATA refused
-- for ANSWER EXIT
554 5.7.1 no | 77
554 no | 69
451 4.3.0 later | 75
421 4.3.2 bye | 75
-- server
at DATA reply @ANSWER@
-- expect
exit: @EXIT@
data: none

== a18-twice 354 twice
-- use keep
-- server
at DATA dup
at END drop
-- expect
transactions: any

== a18-end 354 for a verdict
-- use keep
-- for ANSWER in 354 go on | 220 hm | 334 hm | 235 ok
-- server
at END reply @ANSWER@

== a19 an answer in the middle of the message
-- use keep
-- for ANSWER in 421 4.3.2 bye | 552 5.3.4 enough | 250 2.0.0 thanks | 451 4.3.0 disk full
-- for THEN in close | eof | reset
-- server
at BYTES#100000 reply @ANSWER@
at BYTES#100000 then @THEN@
## more than any socket buffer takes
-- stdin
From: Me <me@example.test>
To: a@example.test

\*100000{.the quick brown fox jumps over the lazy dog, and then it rests\n}
-- expect
time: 3

== a19-early a verdict before the message is there
-- use keep
-- server
at BYTES#50000 reply 250 2.0.0 queued
at END drop
-- config+
timeout = 1s
## more than any socket buffer takes
-- stdin
From: Me <me@example.test>
To: a@example.test

\*100000{.the quick brown fox jumps over the lazy dog, and then it rests\n}
-- expect
transactions: any
time: 5

== a19-gone gone in the middle of the message
-- use big keep
-- for HOW in close | eof | reset
-- server
at BYTES#100000 @HOW@
-- expect
time: 3

== a20 trouble behind the final 250
-- use taken
-- for WHAT in after garbage\r\n | then eof | then close | after 250 2.0.0 again\r\n | later 421 4.3.2 bye\r\n | after \xff\xfe\0
-- server
at END @WHAT@

== a20-quit QUIT without an answer
-- use taken
-- for HOW in silence | eof | reset | reply 500 what | drop
-- server
at QUIT @HOW@
-- expect
quit: yes
time: 2

== a21 a slow verdict
-- use taken
-- server
at END delay 1
-- config+
timeout = 2s
-- expect
min-time: 0.9

== a21-none no verdict
-- use keep
-- server
at END silence
-- config+
timeout = 1s
-- expect
time: 3
min-time: 0.8

== a21-gone gone without a verdict
-- use keep
-- for HOW in close | eof | reset
-- server
at END @HOW@

== a21-silence silence anywhere
-- use keep
-- for EVENT in EHLO | AUTH | MAIL | RCPT | DATA
-- server
at @EVENT@ silence
-- config+
timeout = 1s
-- expect
time: 3

== a22 a verdict without end
-- use keep
-- server
at END endless-multi 250-thanks
-- expect
time: 4

## one reply too many, at every place
== a23-extra a reply too many
-- for N in 1..7
-- for WHERE in before | after
-- for TEXT in 250 2.0.0 extra\r\n | 354 extra\r\n | 550 5.0.0 extra\r\n
-- server
at REPLY#@N@ @WHERE@ @TEXT@
-- config+
timeout = 1s
-- expect
exit: 0|75|69
delivered-to: a@example.test
transactions: any

== a23-dup every reply twice, at every place
-- for N in 1..7
-- server
at REPLY#@N@ dup
-- config+
timeout = 1s
-- expect
exit: 0|75
delivered-to: a@example.test
transactions: any

== a23-lockstep a reply too many is found before the next command
-- use keep lone
-- for N in 1..3
-- for WHERE in before | after
-- server
at REPLY#@N@ @WHERE@ 250 2.0.0 extra\r\n
-- expect
mails: 0
data: none

== a23-missing a reply too few, at every place
-- use keep
-- for N in 1..7
-- server
at REPLY#@N@ drop
-- config+
timeout = 1s
-- expect
transactions: any
time: 4

== a23-garbage a line of garbage, at every place
-- for N in 1..7
-- for TEXT in hello\r\n | \r\n | 25\r\n
-- server
at REPLY#@N@ before @TEXT@
-- expect
transactions: any
exit: 75

== a23-early a verdict sent ahead, with the 354
-- use keep
-- server
at DATA after 250 2.0.0 queued\r\n
at END drop
-- config+
timeout = 1s
-- expect
transactions: any

== a23-three a shifted answer does not hit another recipient
-- use three
-- for N in 4..7
-- for TEXT in 250 2.1.5 ok | 550 5.1.1 no | 451 4.2.1 later
-- server
at RCPT:b@* reply 550 5.1.1 no such user
at REPLY#@N@ before @TEXT@\r\n
-- config+
timeout = 1s
-- expect
exit: 75|67|69
stderr: lines
transactions: any

== a24 421 at every place
-- use keep
-- for N in 1..7
-- for THEN in close | eof
-- server
at REPLY#@N@ reply 421 4.3.2 shutting down
at REPLY#@N@ then @THEN@

== a24-open 421 at every place, connection left open
-- use keep
-- for N in 1..7
-- server
at REPLY#@N@ reply 421 4.3.2 shutting down
-- expect
time: 2

== a24-starttls 421 at every place before TLS
-- use starttls unsaid
-- for N in 1..3
-- server
at REPLY#@N@ reply 421 4.3.2 shutting down
at REPLY#@N@ then close

== a25 replies byte by byte, small window
-- use three
-- for TLS in on | starttls
-- for STEP in 1 | 2 | 7
-- for CAPS in PIPELINING; SIZE; 8BITMIME; STARTTLS | SIZE; 8BITMIME; STARTTLS
-- server
tls = @TLS@
caps = @CAPS@
split = @STEP@
window = 1
at RCPT:b@* reply 550 5.1.1 no such user
at RCPT:c@* reply 451 4.2.1 later
-- config+
tls = @TLS@
-- expect
exit: 67
stderr: lines
-- txn
from: me@example.test
to: a@example.test
body: same

== a25-big a large message through a small window
-- use big taken
-- server
window = 2048

== a26 a server that reads no more
-- use big keep
-- server
at BYTES#1000 noread
-- config+
timeout = 1s
-- stdin
From: Me <me@example.test>
To: a@example.test

\*100000{.the quick brown fox jumps over the lazy dog, and then it rests\n}
-- expect
time: 4

== a27 names that lead nowhere
-- for HOST EXIT
no-such-host.invalid | 75|68
no-such-host.invalid. | 75|68
0.0.0.0 | 75

-- config+
host = @HOST@
connect-timeout = 3s
-- expect
exit: @EXIT@
connections: 0
time: 5

== a27-long a host name of 300 characters
-- config+
host = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaa
-- expect
exit: 75|78
connections: 0

== a27-refused nobody listens
-- config+
port = 1
-- expect
exit: 75
connections: 0
time: 3

== a28-8bit 8-bit text and a server without 8BITMIME
-- server
caps = PIPELINING; SIZE; SMTPUTF8; DSN
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
-- txn
to: a@example.test
decodes: same
data!~ [^\x00-\x7f]

== a28-8bit-good 8-bit text with 8BITMIME
-- use taken
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
-- expect
commands~ ^MAIL FROM:<me@example\.test>.* BODY=8BITMIME

== a28-utf8 address outside ASCII and a server without SMTPUTF8
-- server
caps = PIPELINING; SIZE; 8BITMIME
-- run
sendmail -oi -f me@example.test grüße@example.test
-- expect
exit: 69
data: none
stderr~ 5\.6\.7|SMTPUTF8

== a28-utf8-good address outside ASCII with SMTPUTF8
-- run
sendmail -oi -f me@example.test grüße@example.test
-- expect
commands~ ^MAIL FROM:<me@example\.test>.* SMTPUTF8
-- txn
to: grüße@example.test

== a28-alabel domain outside ASCII, local part in ASCII
-- server
caps = PIPELINING; SIZE; 8BITMIME
-- run
sendmail -oi -f me@example.test a@BÜCHER.example.test
-- txn
to: a@xn--bcher-kva.example.test

== a28-mixed one recipient needs SMTPUTF8, the other does not
-- server
caps = PIPELINING; SIZE; 8BITMIME
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: me@example.test
To: a@example.test, grüße@example.test

x
-- expect
exit: 69
stderr: lines
-- txn
to: a@example.test
