Who sends, and who is written to: From, Sender, their Resent- forms, the
envelope sender, names without a domain.

== @dom
-- config+
domain = example.test

== @bare           a message without From, Date and Message-ID
-- stdin
To: a@example.test

x

== @cron           what cron writes
-- use dom
-- run
sendmail -FCronDaemon -i -B8BITMIME -oem alice
-- stdin
From: root (Cron Daemon)
To: alice
Subject: Cron <root@box> backup
X-Cron-Env: <SHELL=/bin/sh>

done

## ------------------------------------------------------------------ from-policy

== from-cron mail of cron has valid addresses
-- use cron
-- txn
from: me@example.test
to: alice@example.test
header~ ^From: root@example\.test \(Cron Daemon\)$
header~ ^To: alice@example\.test$
header~ ^Date: \S
header~ ^Message-ID: <[^@<>\s]+@[^@<>\s]+>$
header!~ ^(Reply-To|Sender|X-Original)
body: same

== from-cron-address the account's address, cron's name
-- use cron
-- config+
domain = box.test
from-policy = address
-- for ARGS in -i | -f root | -f root@elsewhere.test
-- run
sendmail -FCronDaemon -i -B8BITMIME -oem @ARGS@ alice
-- txn
from: me@example.test
to: alice@box.test
header~ ^From: "?Cron Daemon"? <me@example\.test>$
header~ ^Reply-To: root@box\.test \(Cron Daemon\)$
body: same

== from-cron-force the account's address and name
-- use cron
-- config+
domain = box.test
from-policy = force
from-name = Ops, 24/7
-- txn
from: me@example.test
to: alice@box.test
header~ ^From: "Ops, 24/7" <me@example\.test>$
header~ ^Reply-To: root@box\.test \(Cron Daemon\)$

== from-foreign a From that is not the account's
-- for POLICY FROM KEPT SENDER
keep | X <x@other\.test> | (?!) | o@other.test
address | X <me@example\.test> | Reply-To: X <x@other\.test> | me@example.test
force | Joe <me@example\.test> | Reply-To: X <x@other\.test> | me@example.test
-- config+
from-policy = @POLICY@
from-name = Joe
-- run
sendmail -oi -f o@other.test a@example.test
-- stdin
From: X <x@other.test>
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>
To: a@example.test

x
-- txn
from: @SENDER@
to: a@example.test
header~ ^From: @FROM@$
header~ \A(?=[\s\S]*^@KEPT@$)|^From: X <x@other\.test>$

== from-reply-to a Reply-To that is there stays
-- config+
from-policy = address
-- stdin
From: X <x@other.test>
Reply-To: list@other.test
To: a@example.test

x
-- txn
to: a@example.test
header~ ^From: X <me@example\.test>$
header~ ^Reply-To: list@other\.test$
header~ ^X-Original-From: X <x@other\.test>$
header!~ ^Reply-To: X

== from-own the account's other addresses need no policy
-- config+
from = me@example.test, *@lists.example.test
from-policy = force
-- run
sendmail -oi -f x+bounces@lists.example.test a@example.test
-- stdin
From: X <x@Lists.Example.Test>
Sender: y@lists.example.test
To: a@example.test

x
-- txn
from: x+bounces@lists.example.test
to: a@example.test
header~ ^From: X <x@Lists\.Example\.Test>$
header~ ^Sender: y@lists\.example\.test$
header!~ ^(Reply-To|X-Original)

== from-sender a Sender that is not the account's
-- config+
from = me@example.test, *@lists.example.test
from-policy = address
-- for FROM SENDER
me@example.test | (?!)
x@lists.example.test | S <me@example\.test>
-- stdin
From: @FROM@
Sender: S <s@other.test>
To: a@example.test

x
-- txn
to: a@example.test
header~ ^From: @FROM@$
header~ ^X-Original-Sender: S <s@other\.test>$
header~ ^Sender: @SENDER@$|^From: me@
header!~ ^Sender: .*other

== from-two one From is left of two
-- for POLICY FROM
keep | ^From: y@other\.test$
address | \AX-Original-From: y@other\.test
-- config+
from-policy = @POLICY@
-- stdin
From: x@other.test
From: y@other.test
To: a@example.test

x
-- txn
to: a@example.test
header~ @FROM@

== from-several several authors have a Sender
-- for POLICY FROM MORE
keep | x@other\.test, Y <y@other\.test> | Sender: Joe <me@example\.test>
address | X <me@example\.test>|me@example\.test | Reply-To: x@other\.test, Y <y@other\.test>
-- config+
from-policy = @POLICY@
from-name = Joe
-- stdin
From: x@other.test, Y <y@other.test>
To: a@example.test

x
-- txn
to: a@example.test
header~ ^From: @FROM@$
header~ ^@MORE@$

== from-odd a From that is no address list
-- for FROM in "open <x@other.test> | x@y@z | nobody at all | <x@other.test
-- config+
from-policy = force
from-name = Joe
-- stdin
From: @FROM@
To: a@example.test

x
-- txn
to: a@example.test
header~ ^From: Joe <me@example\.test>$
header~ ^X-Original-From: \S
header!~ ^Reply-To

== from-resent who resends, too
-- config+
from-policy = address
-- run
sendmail -oi -t -f me@example.test
-- stdin
Resent-From: R <r@other.test>
Resent-Sender: s@other.test
Resent-To: a@example.test
From: me@example.test
To: o@example.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

x
-- txn
to: a@example.test
header~ ^Resent-From: R <me@example\.test>$
header~ ^X-Original-Resent-From: R <r@other\.test>$
header~ ^X-Original-Resent-Sender: s@other\.test$
header~ ^From: me@example\.test$
header!~ ^(Reply-To|Resent-Sender)

## ------------------------------------------------------------- envelope sender

== from-envelope envelope-from, when no sender is given
-- for TEXT ARGS FROM
b@example.test | -i | b@example.test
<b@example.test> | -i | b@example.test
<> | -i | <>
b%%c@%D | -i | b%c@example.test
b@example.test | -f o@other.test | o@other.test
b@example.test | -f '' | <>
-- config+
envelope-from = @TEXT@
-- run
sendmail -oi @ARGS@ a@example.test
-- txn
from: @FROM@
to: a@example.test
header~ ^From: Me <me@example\.test>$

== from-envelope-fixed whatever is given
-- for ARGS FROM
-f o@other.test | b@example.test
-i | b@example.test
-f '<>' | <>
-- config+
envelope-from = b@example.test
envelope-from-fixed = yes
-- run
sendmail -oi @ARGS@ a@example.test
-- use bare
-- txn
from: @FROM@
to: a@example.test
header~ ^From: .*\bme@example\.test>?$

== from-envelope-login the user's login name
-- skip-unless root
-- config+
envelope-from = b+%U@%D
-- run
sendmail -oi a@example.test
-- txn
from: b+root@example.test
to: a@example.test

== from-envelope-bad what envelope-from cannot be, with file and line
-- for TEXT in %u@%D | b%@%D | b | b@ | Bo <b@x.test> | a@x.test, b@x.test | b@x.test # no
-- config+
envelope-from = @TEXT@
-- expect
exit: 78
connections: 0
stderr~ /config:\d+: envelope-from: \S

== from-check the same from config check
-- config+
envelope-from = b@%X
from-policy = always
-- run
mailchute config check
-- expect
exit: 78
connections: 0
stderr: lines
stderr~ /config:\d+: envelope-from: \S
stderr~ /config:\d+: from-policy: \S

== from-given -f in every form, From unchanged (57, 59, 60, 63)
-- use dom
-- for ARGS FROM
-f o@y.test | o@y.test
-fo@y.test | o@y.test
-r o@y.test | o@y.test
-f '<o@y.test>' | o@y.test
-f 'N <o@y.test>' | o@y.test
-f daemon | daemon@example.test
-f ' o@y.test ' | o@y.test
-F 'Other Name' -f o@y.test | o@y.test
-- env
USER=mallory
LOGNAME=mallory
-- run
sendmail -i @ARGS@ a@example.test
-- txn
from: @FROM@
to: a@example.test
header~ ^From: Me <me@example\.test>$
header!~ ^Sender|mallory

== from-given-bad a sender that is none (61)
-- for ARG in o@y.test\ne | a@b@c | a@y.test, b@y.test | <o@y.test | o@y.test\r\nRCPT TO:<e@x.test>
-- run
sendmail -i -f '@ARG@' a@example.test
-- expect
exit: 65
connections: 0

## ---------------------------------------------------------------- missing From

== from-made a From out of the user database and the environment (52, 56, 63, 64)
-- use bare
-- skip-unless root
-- for ENV WORD
NAME=Env N | Env N
NAME=Env, "N" | "Env, \\"N\\""
NAME=J\xc3\xb6rg | =\?UTF-8\?B\?SsO2cmc=\?=
NAME=x\nBcc: e@x.test | "x Bcc: e@x\.test"
-- env
@ENV@
!USER
!LOGNAME
-- run
sendmail -i a@example.test
-- txn
from: me@example.test
to: a@example.test
header~ ^From: @WORD@ <me@example\.test>$
header~ ^Date: \S
header~ ^Message-ID: <\S+>$
header!~ ^Bcc

== from-name a name of any kind gives one valid From (53, 54)
-- use bare
-- for NAME WORD
J. "Q" (x) | "J\. \\"Q\\" \(x\)"
x\nBcc: e@x.test | "x Bcc: e@x\.test"
x\r\n\r\nbody | "?x +body"?
back\\slash | "back\\\\slash"
J\xc3\xb6rg | =\?UTF-8\?B\?SsO2cmc=\?=
bad\xff | =\?UTF-8\?B\?YmFk77\+9\?=
a <b@c> | "a <b@c>"
-- run
sendmail -i -F '@NAME@' a@example.test
-- txn
to: a@example.test
header~ ^From: @WORD@ <me@example\.test>$
header!~ ^Bcc|^From[\s\S]*^From|^\n|^\w+$

== from-name-empty -F '' is no name
-- use bare
-- config+
from-name = Joe
-- run
sendmail -i -F '' a@example.test
-- txn
to: a@example.test
header~ ^From: me@example\.test$

== from-name-kept -F does not change a From (55)
-- run
sendmail -i -FName a@example.test
-- txn
to: a@example.test
header~ ^From: Me <me@example\.test>$

== from-made-given a From made of -f
-- use bare
-- config+
from-name = Joe
-- run
sendmail -i -f o@y.test a@example.test
-- txn
from: o@y.test
to: a@example.test
header~ ^From: Joe <o@y\.test>$

== from-null the null sender and no From (58, 62)
-- use bare
-- for ARG in '' | '<>'
-- run
sendmail -i -f @ARG@ a@example.test
-- txn
from: <>
to: a@example.test
header~ ^From: .*\bme@example\.test>?$

== from-empty fields that are there and say nothing
-- stdin
From: <>
Date:
Message-ID: <>
To: a@example.test
Return-Path: <r@x.test>
Content-Length: 7

x
-- txn
to: a@example.test
header~ ^From: .*\bme@example\.test>?$
header~ ^Date: \w{3}, \d
header~ ^Message-ID: <[^@\s]+@\S+>$
header!~ ^(Return-Path|Content-Length)|: ?$|<>

== from-hops a message that goes round in circles
-- stdin
\*51{Received: from a by b; Mon, 23 Nov 2026 12:00:00 +0000\n}From: me@example.test
To: a@example.test

x
-- expect
exit: 65
connections: 0
stderr~ 51 Received fields

== from-hops-good a long way
-- stdin
\*50{Received: from a by b; Mon, 23 Nov 2026 12:00:00 +0000\n}From: me@example.test
To: a@example.test

x
-- txn
to: a@example.test
header~ \A(Date: .*\n|Message-ID: .*\n){2}(Received: .*\n){50}From: me@

## ----------------------------------------------------------- names, recipients

== from-bare names without a domain, and not a byte more
-- use dom
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: root (root, really)
Sender: "a b"
Reply-To: Group: x, "y, z" <yz>;, (c) w
To: Bob <a>,\t"d, e" <d@example.test> ,
  c (not: one@all)
Cc: undisclosed-recipients:;
Subject: bob
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

x
-- txn
to: a@example.test
to: d@example.test
to: c@example.test
header~ ^From: root@example\.test \(root, really\)$
header~ ^Sender: "a b"@example\.test$
header~ ^Reply-To: Group: x@example\.test, "y, z" <yz@example\.test>;, \(c\) w@example\.test$
header~ ^To: Bob <a@example\.test>,\t"d, e" <d@example\.test> ,$
header~ ^  c@example\.test \(not: one@all\)$
header~ ^Cc: undisclosed-recipients:;$
header~ ^Subject: bob$

== from-operands what an operand may be (25-29)
-- use dom
-- for ARGS A
'Bob Smith <a@example.test>' | a@example.test
a | a@example.test
'' a@example.test | a@example.test
'a@example.test (Bob)' | a@example.test
'G: a@example.test;' | a@example.test
-- run
sendmail -i -f me@example.test @ARGS@
-- txn
to: @A@

== from-operands-list a list in one operand (25)
-- for ARG in a@example.test, b@example.test | a@example.test b@example.test
-- run
sendmail -i -f me@example.test '@ARG@'
-- stdin
From: me@example.test
To: a@example.test, b@example.test

x
-- txn
to: a@example.test
to: b@example.test

== from-operands-none an empty operand (28)
-- for ARG in '' | ' ' | ',' | '<>'
-- run
sendmail -i -f me@example.test @ARG@
-- expect
exit: 64
connections: 0

== from-operands-bad nothing gets through an operand (30)
-- for ARG in a@example.test\nRCPT TO:<e@x.test> | a@example.test\r\nDATA | a@x.test SIZE=1 | a@b@c | <a@x.test
-- run
sendmail -i -f me@example.test '@ARG@'
-- expect
exit: 65
connections: 0

== from-unknown a bare recipient that nothing leads anywhere
-- for ARGS in bob | bob@localhost | '\\bob' | -t
-- run
sendmail -i -f me@example.test @ARGS@
-- stdin
From: me@example.test
To: bob

x
-- expect
exit: 65
connections: 0
stderr~ "bob" is no full address

== from-alias every form of a local name has its alias
-- file aliases
root: a@example.test
-- config+
aliases = @DIR@/aliases
domain = example.test
-- for NAME in root | ROOT | root@localhost | 'Root <root>' | root@LOCALHOST
-- run
sendmail -i -f me@example.test @NAME@
-- stdin
From: root
To: root

x
-- txn
to: a@example.test
header~ ^To: root@example\.test$
header~ ^From: root@example\.test$

## ---------------------------------------------------------------------- resent

== from-resent-t the Resent- fields say who gets it (11)
-- run
sendmail -t -i -f me@example.test
-- stdin
Resent-From: me@example.test
Resent-To: r1@x.test
Resent-Bcc: r2@x.test
To: o@x.test
Bcc: ob@x.test
Subject: no Date, no From

x
-- txn
to: r1@x.test
header~ ^Resent-Date: \S
header~ ^Resent-Message-ID: <\S+>$
header~ ^To: o@x\.test$
header!~ ^(Resent-)?Bcc|^Date|^Message-ID|^From|ob@x|r2@x
-- txn
to: r2@x.test
header!~ ^(Resent-)?Bcc|ob@x|r2@x

== from-resent-two two blocks (12)
-- run
sendmail -t -i -f me@example.test
-- stdin
Resent-To: second@x.test
Received: from a by b; Mon, 23 Nov 2026 12:00:00 +0000
Resent-From: one@x.test
Resent-To: first@x.test
Resent-Date: Mon, 23 Nov 2026 12:00:00 +0000
Resent-Message-ID: <r.1@x.test>
From: o@x.test
To: o@x.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

x
-- txn
to: second@x.test
header~ \AResent-From: .*\bme@example\.test>?\s+Resent-Date: .*\s+Resent-Message-ID: <\S+>\s+Resent-To: second@x\.test\s+Received:
header~ ^Resent-From: one@x\.test$
header~ ^Message-ID: <test\.1@example\.test>$
-- txn
to: first@x.test

== from-resent-none Resent- fields that name nobody (13)
-- run
sendmail -t -i -f me@example.test
-- stdin
Resent-From: me@example.test
To: o@x.test

x
-- expect
exit: 64
connections: 0

== from-resent-operands operands, and a Resent-Bcc that nobody sees (14)
-- run
sendmail -i -f me@example.test a@x.test
-- stdin
Resent-To: r@x.test
Resent-Bcc: s@x.test
From: me@example.test
To: a@x.test
Bcc: t@x.test
Date: Mon, 23 Nov 2026 12:00:00 +0000
Message-ID: <test.1@example.test>

x
-- txn
to: a@x.test
data!~ [st]@x\.test
header~ ^Resent-To: r@x\.test$
