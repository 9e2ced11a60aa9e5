What everybody does every day.

== plain a message arrives
-- use taken noisy
-- expect
quit: yes
auths: 1
size-exact: yes
sni: localhost
commands~ \AEHLO localhost\nAUTH PLAIN \S+\nMAIL FROM:<me@example\.test>.*\nRCPT TO:<a@example\.test>.*\nDATA\nQUIT\Z

== plain-starttls a message arrives by STARTTLS
-- use starttls taken noisy

== name called as mailchute
-- use taken
-- run
mailchute -oi -f me@example.test a@example.test

== name-send called as mailchute -t
-- use taken
-- run
mailchute -t

== default-sender the account's own address sends
-- use taken
-- run
sendmail -oi a@example.test

== t recipients from the header, added to the operands
-- run
sendmail -t -oi -f me@example.test d@example.test
-- stdin
From: me@example.test
To: a@example.test, "B" <b@example.test>
Cc: c@example.test

x
-- expect
connections: 1
-- txn
to: a@example.test
to: b@example.test
to: c@example.test
-- txn
to: d@example.test

== operands-dash an operand behind --
-- run
sendmail -oi -f me@example.test -- a@example.test b@example.test
-- stdin
From: me@example.test
To: a@example.test, b@example.test

x
-- txn
to: a@example.test
to: b@example.test

== operands-blind operands that no header names are blind
-- run
sendmail -oi -f me@example.test a@example.test b@example.test
-- stdin
From: me@example.test
To: list@example.test

x
-- txn
to: a@example.test
data!~ \bb@example
-- txn
to: b@example.test
data!~ \ba@example

== none no recipients
-- for ARGS in -oi | -t | -oi --
-- run
sendmail -f me@example.test @ARGS@
-- stdin
From: me@example.test
Subject: x

x
-- expect
exit: 64
connections: 0

== fan-out who is named is seen, who is not stays alone
-- for POLICY in blind | bcc
-- run
sendmail -oi -f me@example.test -t
-- config+
fan-out = @POLICY@
-- stdin
From: me@example.test
To: a@example.test
Cc: c@example.test
Bcc: b@hidden.test

x
-- expect
connections: 1
-- txn
to: a@example.test
to: c@example.test
data!~ hidden
body: same
-- txn
to: b@hidden.test
header~ ^To: a@example\.test$
body: same

== fan-out-blind everybody has the same bytes
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@hidden.test

x
-- txn
to: a@example.test
data!~ hidden
-- txn
to: b@hidden.test
data!~ hidden

== fan-out-bcc a blind recipient's own copy says why it came
-- run
sendmail -oi -f me@example.test -t
-- config+
fan-out = bcc
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@hidden.test, c@concealed.test

x
-- expect
size-exact: yes
-- txn
to: a@example.test
data!~ (?i)hidden|concealed|\bbcc\b
-- txn
to: b@hidden.test
header~ (?i)^Bcc: <?b@hidden\.test>?$
data!~ concealed
-- txn
to: c@concealed.test
header~ (?i)^Bcc: <?c@concealed\.test>?$
data!~ hidden

== fan-out-off all in one
-- run
sendmail -oi -f me@example.test -t
-- config+
fan-out = off
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@hidden.test

x
-- txn
to: a@example.test
to: b@hidden.test
data!~ hidden

== max-recipients so many at once and no more
-- run
sendmail -oi -f me@example.test -t
-- config+
max-recipients = 2
-- stdin
From: me@example.test
To: a@example.test, b@example.test, c@example.test

x
-- txn
to: a@example.test
to: b@example.test
-- txn
to: c@example.test

== lockstep a server without PIPELINING
-- use taken
-- for CAPS in 8BITMIME | 8BITMIME; SIZE; DSN
-- server
caps = @CAPS@

== null the null sender
-- for ARGS in -f '' | -f '<>' | -f'<>' | -r ''
-- run
sendmail -oi @ARGS@ a@example.test
-- txn
from: <>
to: a@example.test

== sender forms of a sender
-- for ARGS FROM
-f x@example.test | x@example.test
-fx@example.test | x@example.test
-r x@example.test | x@example.test
-f '<x@example.test>' | x@example.test
-f 'Joe <x@example.test>' | x@example.test
-f joe | joe@example.test
-f y@example.test -f x@example.test | x@example.test
-- run
sendmail -oi @ARGS@ a@example.test
-- config+
domain = example.test
-- txn
from: @FROM@
to: a@example.test

== full-name a From that has to be made
-- for ARGS FROM
-F 'Joe Doe' | ^From: "?Joe Doe"? <me@example\.test>$
-F 'Doe, "J"' | ^From: "Doe, \\"J\\"" <me@example\.test>$
-FCronDaemon | ^From: "?CronDaemon"? <me@example\.test>$
-- run
sendmail -oi -f me@example.test @ARGS@ a@example.test
-- stdin
To: a@example.test

x
-- txn
to: a@example.test
header~ @FROM@

== ehlo-name the name in EHLO
-- use taken
-- for NAME in client.example.test | [192.0.2.1] | [IPv6:2001:db8::1]
-- config+
ehlo-name = @NAME@
-- expect
commands~ ^EHLO \S+$
commands!~ ^EHLO localhost

== ehlo-name-bad a name that is none
-- for NAME in a b | a_b!c | -x
-- config+
ehlo-name = @NAME@
-- expect
exit: 78
connections: 0

== unix a server behind a socket
-- server
listen = unix
tls = off
mechs =
-- config+
host = @SOCKET@
tls = off
!port
!user
!password
!tls-ca-file
-- use taken

== unix-none nobody behind the socket
-- config+
host = @DIR@/no-socket
tls = off
!user
!password
-- expect
exit: 75
connections: 0

== clear loopback in clear
-- server
tls = off
mechs =
-- config+
tls = off
!user
!password
!tls-ca-file
-- use taken
-- expect
commands!~ STARTTLS

== clear-helo an old server on loopback in clear
-- server
tls = off
mechs =
at EHLO reply 502 5.5.1 what
-- config+
tls = off
!user
!password
!tls-ca-file
-- use taken
-- expect
commands~ ^HELO localhost$
commands~ ^MAIL FROM:<me@example\.test>$

== clear-auth no log-in in clear
-- server
tls = off
mechs-clear = PLAIN
-- config+
tls = off
-- expect
exit: 78
connections: 0

== big a large message
-- use taken
-- config+
timeout = 20s
-- for OPT in -oi
-- stdin
From: Me <me@example.test>
To: a@example.test

\*80000{.the quick brown fox jumps over the lazy dog, and then it rests\n}
-- expect
size-exact: yes
time: 11

== big-fan-out a large message to four
-- use big
-- config+
timeout = 20s
-- run
sendmail -oi -f me@example.test a@example.test b@example.test c@example.test d@example.test
-- expect
connections: 1
-- txn
to: a@example.test
body: same
-- txn
to: b@example.test
body: same
-- txn
to: c@example.test
body: same
-- txn
to: d@example.test
body: same

== 8bit eight bits
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

Gr\xfc\xdfe \xff\x80
-- txn
params: BODY=8BITMIME
to: a@example.test
body: same

== partial one of three refused
-- use three
-- server
at RCPT:b@* reply @ANSWER@
-- for ANSWER EXIT
550 5.1.1 no such user | 67
550 5.1.2 no such host | 68
550 5.7.1 not for you | 77
550 5.2.1 closed | 69
450 4.2.1 later | 75
-- expect
exit: @EXIT@
stderr~ b@example\.test
-- txn
to: a@example.test
to: c@example.test
body: same

== refused the message is refused
-- use three
-- for ANSWER EXIT
550 5.7.1 spam | 77
554 5.6.0 broken | 69
552 5.3.4 too big | 69
451 4.3.0 later | 75
-- server
at END reply @ANSWER@
-- expect
exit: @EXIT@
stderr: lines

== refused-first the first transaction is refused, the second is not
-- run
sendmail -oi -f me@example.test a@example.test b@example.test
-- for EVENT in MAIL#1 | RCPT#1 | END#1
-- for CAPS in PIPELINING | 8BITMIME
-- server
caps = @CAPS@
at @EVENT@ reply 550 5.2.0 no
-- expect
exit: 69
stderr: lines
connections: 1
-- txn
to: b@example.test

== cut-second the connection ends between two transactions
-- run
sendmail -oi -f me@example.test a@example.test b@example.test
-- server
at MAIL#2 eof
-- expect
connections: 2
-- txn
to: a@example.test
-- txn
to: b@example.test

== cut-always the connection ends at every MAIL
-- use keep
-- run
sendmail -oi -f me@example.test a@example.test b@example.test
-- server
at MAIL eof
-- expect
stderr: lines
data: none
time: 3

== cut-behind the connection ends behind the first transaction
-- run
sendmail -oi -f me@example.test a@example.test b@example.test
-- server
at END#1 then close
-- expect
exit: 0|75
stderr: any
transactions: any
delivered-to: a@example.test b@example.test

== dsn parameters for delivery reports
-- for ARGS MAIL RCPT
-N never | | NOTIFY=NEVER
-N success | | NOTIFY=SUCCESS
-N failure,delay | | NOTIFY=FAILURE,DELAY
-R hdrs | RET=HDRS |
-R full | RET=FULL |
-V id-1 | ENVID=id-1 |
-R hdrs -V id-1 -N failure | RET=HDRS ENVID=id-1 | NOTIFY=FAILURE
-- run
sendmail -oi -f me@example.test @ARGS@ a@example.test
-- txn
params: @MAIL@
to: a@example.test
-- expect
commands~ ^RCPT TO:<a@example\.test>.*@RCPT@

== dsn-not a server that knows nothing of them
-- use taken
-- server
caps = PIPELINING; SIZE; 8BITMIME
-- run
sendmail -oi -f me@example.test -N failure -R hdrs -V id-1 a@example.test

== verbose the dialogue is shown, the log-in is not
-- use taken
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-256
-- server
mechs = @MECHS@
-- run
sendmail -v -oi -f me@example.test a@example.test
-- expect
stderr~ MAIL FROM:<me@example\.test>
stderr~ RCPT TO:<a@example\.test>
stderr~ AUTH @MECHS@
stderr~ 250 

== dry-run nothing is sent
-- run
sendmail --dry-run -oi -f me@example.test a@example.test b@example.test
-- expect
exit: 0
stdout: any
stderr: any
connections: 0

== dry-run-mail nor by the other name
-- run
mailchute --dry-run -t
-- expect
exit: 0
stdout: any
stderr: any
connections: 0

== account an account by its name, by sender, by header
-- for ARGS FROM
-a t -f x@elsewhere.test | x@elsewhere.test
-f me@example.test | me@example.test
-- config
log = @DIR@/log
queue = off
[account other]
from = x@elsewhere.test
host = 127.0.0.1
port = 1
connect-timeout = 2s
[account t]
from = me@example.test, *@mine.test
host = localhost
port = @PORT@
tls = on
tls-ca-file = @CA@
user = @USER@
password = @PASSWORD@
timeout = 3s
connect-timeout = 3s
-- run
sendmail -oi @ARGS@ a@example.test
-- txn
from: @FROM@
to: a@example.test

== account-none no such account
-- run
sendmail -oi -a nobody -f me@example.test a@example.test
-- expect
exit: 78
connections: 0

== aliases names out of the aliases file
-- run
sendmail -oi -f me@example.test root team
-- file aliases
root: me@example.test
team: a@example.test, b@example.test, root
-- config+
aliases = @DIR@/aliases
-- txn
to: a@example.test
-- txn
to: me@example.test
-- txn
to: b@example.test

== log one line for each recipient
-- use three
-- server
at RCPT:b@* reply 550 5.1.1 no such user
-- expect
exit: 67
log~ a@example\.test
log~ b@example\.test
log~ c@example\.test
-- txn
to: a@example.test
to: c@example.test

== config-check a configuration that is right
-- run
mailchute config check
-- expect
exit: 0
stdout: any
stderr: any
connections: 0

== config-check-no a configuration that is wrong
-- for LINE SAYS
tsl = on | tls
hosst = x | host
timeout = soon | timeout
tls = maybe | tls
port = 65536 | port
port = -1 | port
fan-out = no | fan-out
nonsense | config
-- run
mailchute config check
-- config+
@LINE@
-- expect
exit: 78
stdout: any
stderr: lines
stderr~ config:\d+
stderr~ @SAYS@
connections: 0

== config-wrong nothing is sent with a configuration that is wrong
-- for LINE in tsl = on | timeout = soon | tls = maybe | host = a b
-- config+
@LINE@
-- expect
exit: 78
connections: 0

== config-host an account without a server
-- config+
!host
-- expect
exit: 78
connections: 0

== config-show secrets are not shown
-- run
mailchute config show
-- config+
token = @TOKEN@
-- expect
exit: 0
stdout: any
stdout~ hidden
stdout~ localhost
connections: 0

== environment the environment alone is enough
-- use taken
-- run
sendmail -oi -f me@example.test a@example.test
-- config
-- env
!MAILCHUTE_CONFIG
MAILCHUTE_HOST=localhost
MAILCHUTE_PORT=@PORT@
MAILCHUTE_TLS=on
MAILCHUTE_TLS_CA_FILE=@CA@
MAILCHUTE_USER=@USER@
MAILCHUTE_PASSWORD=@PASSWORD@
MAILCHUTE_LOG=off
MAILCHUTE_QUEUE=off

== environment-file a secret out of a file that the environment names
-- use taken
-- file pw 0444
@PASSWORD@
-- config+
!password
-- env
MAILCHUTE_PASSWORD_FILE=@DIR@/pw

== environment-url a server by its URL
-- use taken
-- config
-- file pw
@PASSWORD@
-- env
!MAILCHUTE_CONFIG
MAILCHUTE_URL=smtps://@USER@@localhost:@PORT@
MAILCHUTE_TLS_CA_FILE=@CA@
MAILCHUTE_PASSWORD_FILE=@DIR@/pw
MAILCHUTE_LOG=off
MAILCHUTE_QUEUE=off

== environment-wins the environment wins over the file
-- use taken
-- config+
host = nowhere.invalid
-- env
MAILCHUTE_HOST=localhost

== many-lines a header with many recipients in several fields
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: me@example.test
To: a@example.test
To: b@example.test
Cc: G: c@example.test, "D, E" <d@example.test>;
cc:e@example.test

x
-- txn
to: a@example.test
to: b@example.test
to: c@example.test
to: d@example.test
to: e@example.test
