Passwords out of a keyring, a netrc, a credential, a descriptor.

== @nosecret       nothing is configured
-- config+
!password

== @keyring        a secret-tool of our own
-- use nosecret
-- config+
password-keyring = yes
helper-timeout = 2s
-- env
PATH=@DIR@:/usr/bin:/bin
DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent
-- file pw
@PASSWORD@

== @unlock         it is queued, and the log-in was not tried
-- config+
queue = on
-- expect
exit: 0
stderr: any
auths: 0
queued: 1
-- entry
from: me@example.test
account: t
to: a@example.test

== k-keyring the password is in the keyring
-- use keyring taken noisy
-- file secret-tool 700
#!/bin/sh
[ "$*" = "lookup service mailchute host localhost user @USER@" ] || exit 1
exec cat @DIR@/pw

== k-locked somebody has to unlock it
-- use keyring unlock
-- tty
-- file secret-tool 700
#!/bin/sh
[ "$1" = lookup ] && exit 1
echo "[/org/freedesktop/secrets/collection/login/1]"
-- expect
stderr~ the keyring is locked and needs somebody to unlock it.*then mailchute queue retry all
log~ verdict=queued

== k-locked-class without a queue: status of the configuration
-- use keyring
-- file secret-tool 700
#!/bin/sh
[ "$1" = lookup ] && exit 1
echo "[/org/freedesktop/secrets/collection/login/1]"
-- expect
exit: 78
stderr~ the keyring is locked
auths: 0

== k-hangs a prompt that nobody answers
-- use keyring unlock
-- tty
-- file secret-tool 700
#!/bin/sh
exec sleep 30
-- expect
stderr~ the keyring is locked
time: 5

== k-nobus no session, nothing is run
-- use keyring unlock
-- tty
-- env
!DBUS_SESSION_BUS_ADDRESS
XDG_RUNTIME_DIR=@DIR@
-- file secret-tool 700
#!/bin/sh
touch @DIR@/tmp/made
-- expect
stderr~ there is no keyring here, since there is no session bus.*then mailchute queue retry all
file!: @DIR@/tmp/made

== k-absent how to put it there
-- use keyring
-- file secret-tool 700
#!/bin/sh
[ "$1" = search ]
-- expect
exit: 78
stderr~ run: secret-tool store --label=mailchute service mailchute host localhost user

== k-command a pinentry that has no terminal
-- use nosecret unlock
-- tty
-- for COMMAND in false | sleep 30
-- config+
password-command = @COMMAND@
helper-timeout = 1s
-- expect
stderr~ maybe it needs somebody to unlock it; then mailchute queue retry all
time: 4

== k-command-missing one that is not there needs no unlocking
-- use nosecret
-- config+
password-command = nosuchprogram
-- expect
exit: 75
stderr!~ unlock

== k-netrc user and password out of a netrc
-- use nosecret taken noisy
-- config+
netrc-file = @DIR@/netrc
-- file netrc
# comment
machine else.test login x password "y"
macdef init
machine localhost login x password y

machine localhost
	login "@USER@" password "@PASSWORD@"
default login d password e

== k-netrc-user without user the entry says it
-- use nosecret taken noisy
-- for MECHS in PLAIN | SCRAM-SHA-256
-- server
mechs = @MECHS@
-- config+
!user
netrc-file = @DIR@/netrc
-- file netrc
machine localhost login "@USER@" password "@PASSWORD@"

== k-netrc-mode others may read it
-- use nosecret
-- config+
netrc-file = @DIR@/netrc
-- file netrc 644
machine localhost login "@USER@" password "@PASSWORD@"
-- expect
exit: 78
stderr~ netrc-file: others may read or write .*netrc: run chmod 600
auths: 0

== k-netrc-none nothing for this server
-- use nosecret
-- config+
netrc-file = @DIR@/netrc
-- file netrc
machine else.test login "@USER@" password "@PASSWORD@"
-- expect
exit: 78
stderr~ no entry with a password for machine localhost
auths: 0

== k-netrc-broken the line, not what is on it
-- use nosecret
-- for LINE in "@PASSWORD@ | @PASSWORD@ x
-- config+
netrc-file = @DIR@/netrc
-- file netrc
machine localhost login "@USER@"
password @LINE@
-- expect
exit: 78
stderr~ netrc: line 2:
auths: 0

== k-fd a descriptor that the caller has opened
-- use nosecret taken noisy
-- config+
password-fd = 7
-- file pw
@PASSWORD@
-- wrap
exec 7<@DIR@/pw

== k-fd-none nobody has
-- use nosecret
-- config+
password-fd = 7
-- expect
exit: 78
stderr~ there is no descriptor 7
auths: 0

== k-fd-low standard output is none
-- use nosecret
-- config+
password-fd = 2
-- expect
exit: 78
stderr~ password-fd: must be 3 or more
connections: 0

== k-fd-ours descriptors that we open ourselves are none
-- use nosecret
-- for N in 3..9
-- config+
password-fd = @N@
-- wrap
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
-- expect
exit: 78
stderr~ there is no descriptor
auths: 0

== k-credential what systemd has copied
-- use nosecret taken noisy
-- for NAME in password | t.password
-- env
CREDENTIALS_DIRECTORY=@DIR@
-- file mailchute.@NAME@ 400
@PASSWORD@

== k-credential-path a path in its directory
-- use nosecret taken noisy
-- config+
password-file = $CREDENTIALS_DIRECTORY/relay
-- env
CREDENTIALS_DIRECTORY=@DIR@
-- file relay 440
@PASSWORD@

== k-credential-unset the variable is not there
-- use nosecret
-- config+
password-file = $CREDENTIALS_DIRECTORY/relay
-- env
!CREDENTIALS_DIRECTORY
-- expect
exit: 78
stderr~ CREDENTIALS_DIRECTORY is not set here
auths: 0

== k-credential-stranger not for the host of a stranger's file
-- use stranger
-- for FILE in mailchute.password | mailchute.s.password
-- file up
log = off
queue = off
[account s]
from = me@example.test
host = localhost
port = @PORT@
user = @USER@
tls-verify = no
auth-unverified = yes
-- file @FILE@
@PASSWORD@
-- env
CREDENTIALS_DIRECTORY=@DIR@
-- run
sendmail -C @DIR@/up -oi a@example.test
-- expect
exit: 78
stderr~ host is refused here
connections: 0

== k-stranger nor a keyring, nor a descriptor
-- use stranger
-- for LINE in password-keyring = yes | password-fd = 3 | netrc-file = /etc/hostname
-- file up
log = off
queue = off
host = localhost
port = @PORT@
user = @USER@
@LINE@
-- run
sendmail -C @DIR@/up -oi a@example.test
-- expect
exit: 78
stderr~ is refused here
connections: 0

== k-none what to do where nobody can be asked
-- use nosecret unlock
-- tty
-- expect
stderr~ has a user but no password: set password-keyring, password-file or password-command.*then mailchute queue retry all
