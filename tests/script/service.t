Without a configuration: mail goes to the local service's socket.

== @service
-- server
listen = unix
tls = off
mechs =
-- env
MAILCHUTE_CONFIG=/dev/null
MAILCHUTE_SOCKET=@SOCKET@
NAME=
MAILCHUTE_LOG=@DIR@/log
MAILCHUTE_QUEUE_DIR=@DIR@/spool
MAILCHUTE_TIMEOUT=3s
MAILCHUTE_CONNECT_TIMEOUT=3s
-- run
sendmail -oi -f alice bob

== @service-gone   somebody has listened there
-- use service
-- wrap
python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/gone")'
-- env
MAILCHUTE_SOCKET=@DIR@/gone
-- expect
connections: 0

== service-plain names stay as they are
-- use service
-- stdin
To: bob
Cc: "C" <carol>, dan@example.test
Subject: a test

Hello.
-- expect
connections: 1
quit: yes
commands~ ^EHLO localhost\nMAIL FROM:<alice> SIZE=\d+\nRCPT TO:<bob>\nDATA\nQUIT\Z
log~ account=default host=/\S+ from="alice" to="bob" verdict=delivered exit=0
-- txn
from: alice
to: bob
header~ ^From: (\S.* <)?alice>?$
header~ ^To: bob$
header~ ^Cc: "C" <carol>, dan@example\.test$
header~ ^Date: \S
header~ ^Message-ID: <\w{26}@[\w.-]+>$

== service-name the name of a user without a configuration
-- use service
-- env
!NAME
-- passwd
alice:x:@UID@:0:Alice,,,:@DIR@/home:/bin/sh
-- run
sendmail -oi -F 'Cron Daemon' root
-- stdin
To: root

Hello.
-- txn
from: alice
to: root
header~ ^From: Cron Daemon <alice>$

== service-t whom the header names, and who is hidden, in one transaction
-- use service
-- run
sendmail -t -oi -f alice@example.test eve
-- stdin
From: alice
To: bob, Robert@LOCALHOST
Bcc: hidden, hidden@example.test

x
-- txn
from: alice@example.test
to: eve
to: bob
to: Robert
to: hidden
to: hidden@example.test
header~ ^From: (\S.* <)?alice>?$
header!~ (?i)hidden|eve|bcc

== service-null a report of others
-- use service
-- run
sendmail -oi -f <> bob
-- stdin
Subject: x

x
-- txn
from:
to: bob
header~ ^From: (\S.* <)?\w+>?$

== service-domain a domain from the environment is added as ever
-- use service
-- env
MAILCHUTE_DOMAIN=example.test
-- txn
from: alice@example.test
to: bob@example.test

== service-from an address from the environment
-- use service
-- env
MAILCHUTE_FROM=me@example.test
-- run
sendmail -oi bob
-- stdin
To: bob

x
-- txn
from: me@example.test
to: bob
header~ ^From: (\S.* <)?me@example\.test>?$
header~ ^To: bob$

== service-dsn what is asked of the service, and no address that is none
-- use service
-- run
sendmail -oi -f alice -N success,failure -R hdrs -V id42 -B8BITMIME bob b@example.test
-- expect
commands~ ^RCPT TO:<bob> NOTIFY=SUCCESS,FAILURE$
-- txn
from: alice
params: RET=HDRS ENVID=id42
to: bob NOTIFY=SUCCESS,FAILURE
to: b@example.test NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@example.test

== service-8bit bytes as they are
-- use service
-- stdin
From: alice
To: bob
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

gr\xc3\xbc\xc3\x9fe
-- txn
from: alice
params: BODY=8BITMIME
to: bob
body: same

== service-utf8 addresses outside ASCII
-- use service
-- run
sendmail -oi -f alice jürgen jürgen@example.test
-- txn
from: alice
params: SMTPUTF8
to: jürgen
to: jürgen@example.test

== service-port a port, log-in or TLS of the environment is for some server
-- use service
-- env
MAILCHUTE_USER=u
MAILCHUTE_PASSWORD=pw-of-env-9
MAILCHUTE_TLS=starttls
MAILCHUTE_AUTH=plain
MAILCHUTE_PORT=587
-- secret
pw-of-env-9
-- expect
auths: 0
-- txn
from: alice
to: bob

== service-bs a session on standard input
-- use service
-- run
sendmail -bs
-- stdin crlf
EHLO client
MAIL FROM:<alice>
RCPT TO:<bob>
DATA
To: bob

x
.
QUIT
-- expect
replies: 220 250 250 250 354 250 221
-- txn
from: alice
to: bob

== service-send mailchute send
-- use service
-- run
mailchute send --from alice --to bob --subject s
-- stdin
Hello.
-- txn
from: alice
to: bob
header~ ^To: bob$

== service-show where mail would go
-- use service
-- run
mailchute config show
-- expect
stdout: any
stdout~ ^# from: the local service\nhost = @SOCKET@$
stdout~ ^# from: the local service\ntls = off$
stdout~ ^# from: the local service\nfan-out = off$
connections: 0

== service-check
-- use service
-- run
mailchute config check
-- expect
stdout: any
stdout~ ^mail goes to the local service, @SOCKET@$
connections: 0

## ------------------------------------------------------------------ refused

== service-not-allowed another's sender
-- use service
-- server
at MAIL reply 550 5.7.1 you may not send as that
-- expect
exit: 77
stderr~ the local service refused the sender: 550 5\.7\.1 you may not
log~ verdict=failed exit=77
queued: 0

== service-no-user a recipient who is none
-- use service
-- server
at RCPT:nobody reply 550 5.1.1 no such user
-- run
sendmail -oi -f alice nobody
-- expect
exit: 67
stderr~ the local service refused the recipient: 550 5\.1\.1

== service-too-big
-- use service
-- server
at MAIL reply 552 5.3.4 too big
-- expect
exit: 69
stderr~ the local service refused the sender: 552 5\.3\.4

== service-size what it says of itself
-- use service
-- server
caps = SIZE 10; PIPELINING
-- expect
exit: 69
stderr~ bytes

== service-421 not for this user, or too many: it waits
-- use service
-- server
at GREETING reply 421 4.7.0 not for you
-- expect
exit: 0
log~ the local service is not available: 421 4\.7\.0
queued: 1
-- entry
from: alice
account: default
in: spool
to: bob blind
header~ ^To: a@example\.test$

== service-421-off
-- use service
-- server
at GREETING reply 421 4.7.0 not for you
-- env
MAILCHUTE_QUEUE=off
-- expect
exit: 75
stderr~ the local service is not available: 421 4\.7\.0

== service-oem a report to the user, by the same way
-- use service
-- server
at RCPT:nobody reply 550 5.1.1 no such user
-- run
sendmail -oi -oem -f alice nobody
-- stdin
To: nobody

x
-- expect
exit: 67
stderr~ the local service refused the recipient
-- txn
from:
to: alice NOTIFY=NEVER
header~ ^To: alice$
header~ ^From: .*<alice>$
header~ ^Auto-Submitted: auto-replied
data~ ^Final-Recipient: rfc822; nobody$
data~ ^Status: 5\.1\.1$

== service-oee a report is enough
-- use service
-- server
at RCPT:nobody reply 550 5.1.1 no such user
-- run
sendmail -oi -oee -f alice nobody
-- expect
exit: 0
-- txn
from:
to: alice NOTIFY=NEVER

## --------------------------------------------------------------------- gone

== service-gone into the user's own queue
-- use service-gone
-- stdin
Bcc: hidden
Subject: x

x
-- expect
exit: 0
log~ verdict=queued exit=0 .* text="cannot connect to @DIR@/gone
queued: 1
-- entry
from: alice
account: default
in: spool
to: bob blind
header~ ^From: (\S.* <)?alice>?$
header!~ (?i)hidden|bcc

== service-gone-off without a queue
-- use service-gone
-- env
MAILCHUTE_QUEUE=off
-- expect
exit: 75
stderr~ cannot connect to @DIR@/gone

== service-gone-no-queue where there can be none
-- use service-gone
-- file plain

-- env
MAILCHUTE_QUEUE_DIR=@DIR@/plain
-- expect
exit: 75
stderr~ cannot connect to @DIR@/gone

== service-handed the next run hands over
-- use service
-- for RUN in sendmail -q | mailchute queue run
-- wrap
python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/gone")'
printf 'To: bob\n\nHello.\n' | MAILCHUTE_SOCKET=@DIR@/gone MAILCHUTE_RETRY_MIN=1 @DIR@/bin/sendmail -f alice bob carol || exit 99
sleep 2
-- run
@RUN@
-- expect
exit: 0
-- txn
from: alice
to: bob
to: carol
header~ ^From: (\S.* <)?alice>?$
body:
Hello.

== service-after the run in the background after the next message
-- use service
-- wrap
python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/gone")'
printf 'To: first\n\nHello.\n' | MAILCHUTE_SOCKET=@DIR@/gone MAILCHUTE_RETRY_MIN=1 @DIR@/bin/sendmail -f alice first || exit 99
sleep 2
-- run
sendmail -oi -f alice second
-- stdin
To: second

x
-- expect
connections: 2
-- txn
from: alice
to: second
-- txn
from: alice
to: first

== service-still-gone a run without the socket leaves the message
-- use service-gone
-- wrap
python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/gone")'
printf 'To: bob\n\nHello.\n' | MAILCHUTE_RETRY_MIN=1 @DIR@/bin/sendmail -f alice bob || exit 99
rm @DIR@/gone
-- run
sendmail -q -v
-- expect
exit: 0
stdout: any
stderr: any
stderr~ account default is paused for \d+ s: cannot connect to @DIR@/gone .*No such file
queued: 1
-- entry
from: alice
account: default
in: spool
cells: P
to: bob

== service-mailq what waits, with bare names
-- use service-gone
-- wrap
python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/gone")'
printf 'To: bob\n\nHello.\n' | @DIR@/bin/sendmail -f alice bob || exit 99
-- run
mailq
-- expect
stdout: any
stdout~ alice
stdout~ bob
queued: 1

== service-other-server bare names are not for another one
-- use service
-- server
listen = inet
-- wrap
python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/gone")'
printf 'To: bob\n\nHello.\n' | env -u MAILCHUTE_HOST MAILCHUTE_RETRY_MIN=1 @DIR@/bin/sendmail -f alice@example.test bob || exit 99
sleep 2
-- env
MAILCHUTE_SOCKET=@DIR@/gone
MAILCHUTE_HOST=localhost
MAILCHUTE_PORT=@PORT@
MAILCHUTE_TLS=off
-- run
sendmail -q
-- expect
exit: 65|69|0
stderr: any
log~ "bob\\" is no full address, and this server is not the local service
commands!~ RCPT TO:<bob>
queued: 1
-- txn
from:
to: alice@example.test NOTIFY=NEVER ORCPT=rfc822;alice@example.test

## ----------------------------------------------------------------- not there

== service-none neither a configuration nor a socket
-- use service
-- env
MAILCHUTE_SOCKET=@DIR@/none/submit
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 78
stderr~ account default has no host: .* start the local service, see mailchute-serve\(8\): there is no @DIR@/none/submit
connections: 0

== service-none-bare
-- use service
-- env
MAILCHUTE_SOCKET=@DIR@/none/submit
-- expect
exit: 65
stderr~ no full address.* there is no @DIR@/none/submit
connections: 0

== service-turned-off by a name that is no socket
-- use service
-- env
MAILCHUTE_SOCKET=/dev/null
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 78
stderr~ has no host.* /dev/null is no socket
connections: 0

== service-configured a configuration without host is no reason to use it
-- use service
-- env
MAILCHUTE_CONFIG=@DIR@/config
-- config
log = @DIR@/log
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 78
stderr~ has no host.* "host = @SOCKET@" is for the local service
connections: 0

== service-host a host in the environment
-- use service
-- env
MAILCHUTE_HOST=@DIR@/else
MAILCHUTE_QUEUE=off
MAILCHUTE_TLS=off
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 75
stderr~ cannot connect to @DIR@/else
connections: 0

== service-open-dir a directory that others can write
-- use service
-- for MODE in 0777 | 1777 | 0775
-- wrap
mkdir @DIR@/open && python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/open/submit")' && chmod @MODE@ @DIR@/open
-- env
MAILCHUTE_SOCKET=@DIR@/open/submit
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 78
stderr~ the local service is not used: others than its owner can write the directory of @DIR@/open/submit
connections: 0

== service-no-socket a file
-- use service
-- file submit

-- env
MAILCHUTE_SOCKET=@DIR@/submit
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 78
stderr~ the local service is not used: @DIR@/submit is no socket
connections: 0

== service-link a link to a socket
-- use service
-- wrap
ln -s @SOCKET@ @DIR@/submit
-- env
MAILCHUTE_SOCKET=@DIR@/submit
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 78
stderr~ is no socket
connections: 0

== service-foreign-dir another user's directory
-- use service
-- skip-unless root
-- wrap
mkdir -m 755 @DIR@/his && python3 -c 'import socket as s; s.socket(s.AF_UNIX).bind("@DIR@/his/submit")' && chown 1 @DIR@/his
-- env
MAILCHUTE_SOCKET=@DIR@/his/submit
-- run
sendmail -oi -f alice@example.test bob@example.test
-- expect
exit: 78
stderr~ neither root's nor that of the socket's owner
connections: 0
