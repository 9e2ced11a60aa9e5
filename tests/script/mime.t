What is changed in a message so that the server can take it, and when.

== @seven          a server without 8BITMIME
-- server
caps = PIPELINING; SIZE; DSN

== @eight          a server with 8BITMIME and without SMTPUTF8
-- server
caps = PIPELINING; SIZE; DSN; 8BITMIME

== @ascii          it arrives in ASCII, and says the same
-- expect
exit: 0
connections: 1
-- txn
params:
to: a@example.test
decodes: same
data!~ [^\x00-\x7f]

== mime-body 8-bit text of all kinds for a server without 8BITMIME
-- use seven
-- for TYPE BODY CTE
text/plain; charset=utf-8 | Grüße aus Bad\n | quoted-printable
text/plain; charset=utf-8 | Привет, Привет\n | base64
text/plain; charset=iso-8859-1 | Gr\xfc\xdfe \xff\x80, and more of it\n | quoted-printable
text/html; charset=utf-8 | <p>Grüße\n.\n..\nFrom me\n</p>\n | quoted-printable
application/octet-stream | \x80\x81\x82\xff | base64
-- stdin nonl
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: @TYPE@
Content-Transfer-Encoding: 8bit

@BODY@
-- txn
decodes: same
data!~ [^\x00-\x7f]
params:
to: a@example.test
header~ ^Content-Transfer-Encoding: @CTE@$
header!~ ^Content-Transfer-Encoding: 8bit$

== mime-bare text without any field of MIME
-- use seven
-- for BODY CHARSET
Grüße | utf-8
Gr\xfc\xdfe | unknown-8bit
-- stdin
From: me@example.test
To: a@example.test

@BODY@
-- txn
params:
to: a@example.test
header~ ^MIME-Version: 1\.0$
header~ ^Content-Type: text/plain; charset=@CHARSET@$
data!~ [^\x00-\x7f]

== mime-part of several parts only the one with 8-bit bytes is encoded
-- use seven
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: 8bit

--b

plain = as it is
--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus Bad
--b
Content-Type: application/x; name=x
Content-Transfer-Encoding: base64

AAECAwQ=
--b--
-- txn
to: a@example.test
decodes: same
data!~ [^\x00-\x7f]
params:
header~ ^Content-Transfer-Encoding: 7bit$
body~ ^plain = as it is$
body~ ^Content-Transfer-Encoding: quoted-printable$
body~ ^Gr=C3=BC=C3=9Fe aus Bad$
body~ ^AAECAwQ=$

== mime-signed a signature that would break: refused, and why
-- use seven
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
--b
Content-Type: application/pgp-signature

x
--b--
-- expect
exit: 69
data: none
stderr~ 8BITMIME.*part 1 .*multipart/signed

== mime-signed-good the same for a server that can
-- use eight
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
--b
Content-Type: application/pgp-signature

x
--b--
-- txn
to: a@example.test
body: same
params: BODY=8BITMIME

== mime-signed-ascii what is signed and 7-bit is not touched
-- use seven
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße
MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b

--b
Content-Type: text/plain

Gruesse = 
--b
Content-Type: application/pgp-signature

x
--b--
-- txn
to: a@example.test
params:
decodes: same

== mime-dkim below a DKIM signature nothing is changed
-- use seven
-- for SUBJECT BODY
Grüße | x
x | Grüße
-- stdin
From: me@example.test
To: a@example.test
Subject: @SUBJECT@
DKIM-Signature: v=1; a=rsa-sha256; b=x

@BODY@
-- expect
exit: 69
data: none
stderr~ 8BITMIME.*DKIM

== mime-message a message in the message
-- use seven ascii
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

From: x@example.test
Subject: inside
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
--b--

== mime-message-header and its header, and that of a part
-- use seven
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

From: "Jürgen" <x@example.test>
Subject: Grüße aus Köln

text
--b
Content-Type: text/plain; charset=utf-8; name="Grüße.txt"
Content-Transfer-Encoding: 8bit

Grüße
--b--
-- txn
to: a@example.test
decodes: same
data!~ [^\x00-\x7f]
params:
body~ ^Subject: =\?UTF-8\?B\?
body~ name\*=UTF-8''Gr%C3%BC%C3%9Fe\.txt

== mime-header a header in UTF-8 for a server without 8BITMIME
-- use seven ascii
-- for FIELD
Subject: Grüße aus Köln
Subject: a Grüße b c Köln d
Subject:Grüße
Subject: \*30{Grüße aus Köln und }Ende
Subject: \*200{Ж}
Subject: Grüße\n  aus\n\tKöln
Subject: =?utf-8?q?caf=C3=A9?= x
Subject: 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字
Comments: a (Köln) "b"
X-Text: Köln
Cc: Jürgen Müller <c@example.test>
Cc: "Müller, Jürgen" <c@example.test>, d@example.test
Cc: "a \\"Köln\\" b"<c@example.test>
Cc: c@bücher.example, "x y" <d@BÜCHER.example>
Cc: J. Müller <c@example.test>, \n =?utf-8?q?caf=C3=A9?= <d@example.test>,\n \*20{Žluťoučký kůň <x@example.test>,\n }z@example.test
Cc: Größe: a@example.test, Jürgen <b@example.test>;
-- stdin
From: Me <me@example.test>
To: a@example.test
@FIELD@

x

== mime-header-comment comments in a header
-- use seven
-- stdin
From: me@example.test (Jürgen (der Große) a\) Köln)
To: a@example.test
Date: Mon, 23 Nov 2026 12:00:00 +0000 (Übersee)
References: <ü@x.test> <b@x.test>
List-Unsubscribe: <https://example.test/ü>

x
-- txn
header~ ^Date: Mon, 23 Nov 2026 12:00:00 \+0000 \(=\?UTF-8\?B\?w5xiZXJzZWU=\?=\)$
header~ ^References: <%C3%BC@x\.test> <b@x\.test>$
header~ ^List-Unsubscribe: <https://example\.test/%C3%BC>$
data!~ [^\x00-\x7f]

== mime-header-file the name of a file
-- use seven ascii
-- for PARAM
filename="Grüße 1.txt"
filename=Grüße.txt; size=1
filename*0="Grü"; filename*1="ße \\"1\\".txt"
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: text/plain
Content-Disposition: attachment; @PARAM@

x

== mime-header-raw what is no UTF-8 keeps its bytes as unknown-8bit
-- use seven
-- stdin
From: me@example.test
To: a@example.test
Subject: Gr\xfc\xdfe

x
-- txn
to: a@example.test
data!~ [^\x00-\x7f]
params:
header~ ^Subject: =\?unknown-8bit\?B\?R3L832U=\?=$

== mime-header-id an identifier is never changed
-- use seven
-- stdin
From: me@example.test
To: a@example.test
Message-ID: <ü@example.test>

x
-- expect
exit: 69
data: none
stderr~ 8BITMIME.*Message-ID

== mime-header-eight with 8BITMIME alone its bytes stay
-- use eight
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße
Cc: Jürgen <c@example.test>

x
-- txn
params: BODY=8BITMIME
to: a@example.test
body: same
header~ ^Subject: Grüße$
header~ ^Cc: Jürgen <c@example\.test>$

== mime-header-utf8 with both too, and SMTPUTF8 is asked for
-- for BODY PARAMS
x | SMTPUTF8
ü | SMTPUTF8 BODY=8BITMIME
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße
Cc: Jürgen <c@bücher.example>

@BODY@
-- txn
to: a@example.test
body: same
params: @PARAMS@
header~ ^Subject: Grüße$
header~ ^Cc: Jürgen <c@bücher\.example>$

== mime-header-latin1 no SMTPUTF8 for what is no UTF-8
-- stdin
From: me@example.test
To: a@example.test
Subject: Gr\xfc\xdfe

x
-- txn
to: a@example.test
body: same
params: BODY=8BITMIME

== mime-ascii nothing is asked for when nothing is needed
-- run
sendmail -oi -B8BITMIME -f me@example.test a@example.test
-- txn
to: a@example.test
body: same
params:

== mime-utf8-alone SMTPUTF8 without 8BITMIME is not used
-- server
caps = PIPELINING; SIZE; SMTPUTF8
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße

Grüße
-- txn
to: a@example.test
decodes: same
data!~ [^\x00-\x7f]
params:
header~ ^Content-Type: text/plain; charset=utf-8$

== mime-utf8-domain a domain outside ASCII, in envelope and header
-- for CAPS in PIPELINING; SIZE | PIPELINING; SIZE; 8BITMIME
-- server
caps = @CAPS@
-- run
sendmail -oi -f me@BÜCHER.example -t
-- stdin
From: me@bücher.example
To: a@bücher.example, "x y" <b@example.test>
Subject: x

x
-- txn
from: me@xn--bcher-kva.example
to: a@xn--bcher-kva.example
to: b@example.test
params:
header~ ^From: me@xn--bcher-kva\.example$
header~ ^To: a@xn--bcher-kva\.example, "x y" <b@example\.test>$

== mime-utf8-sender a sender who needs SMTPUTF8 and cannot have it
-- for CAPS in PIPELINING; SIZE | PIPELINING; SIZE; 8BITMIME | PIPELINING; SIZE; SMTPUTF8
-- server
caps = @CAPS@
-- run
sendmail -oi -f grüße@example.test a@example.test b@example.test
-- expect
exit: 69
data: none
mails: 0
stderr: lines
stderr~ sender.*SMTPUTF8

== mime-utf8-some one recipient who cannot have it, and the others do
-- use seven
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: me@example.test
To: a@example.test, Jürgen <grüße@example.test>, grüße@example.test,
 "b" <b@example.test>
Subject: x

x
-- expect
exit: 69
stderr: lines
stderr~ grüße@example\.test: .*SMTPUTF8
-- txn
params:
to: a@example.test
to: b@example.test
header~ ^To: a@example\.test, =\?UTF-8\?B\?SsO8cmdlbg==\?= =\?UTF-8\?B\?IDxncsO8w59lQGV4\?=$
header~ ^ =\?UTF-8\?B\?YW1wbGUudGVzdD4=\?= :;, =\?UTF-8\?B\?Z3LDvMOfZUBleGFtcGxlLnRlc3Q=\?=\n :;,$
data!~ [^\x00-\x7f]

== mime-utf8-from an address in From that only SMTPUTF8 can carry
-- use seven
-- stdin
From: grüße@example.test
To: a@example.test

x
-- expect
exit: 69
data: none
stderr~ 8BITMIME.*From.*SMTPUTF8

== mime-bcc converted once, and the blind copies have the same text
-- use seven
-- run
sendmail -oi -f me@example.test -t
-- stdin
From: me@example.test
To: a@example.test
Bcc: b@example.test
Bcc: c@example.test
Subject: Grüße
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
-- expect
connections: 1
-- txn
to: a@example.test
decodes: same
header!~ ^Bcc
data!~ [^\x00-\x7f]
-- txn
to: b@example.test
decodes: same
header!~ ^Bcc
-- txn
to: c@example.test
decodes: same
header!~ ^Bcc

== mime-queued queued as it is, converted when it is sent
-- use seven ascii
-- config+
queue = on
-- run
sendmail -oi -odb -f me@example.test a@example.test
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
-- expect
queued: 0

== mime-queued-original the queue keeps the original
-- use seven
-- config+
queue = on
-- server
at END reply 451 4.3.0 no
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße

Grüße
-- expect
transactions: any
-- entry
to: a@example.test
body: same
header~ ^Subject: Grüße$

== mime-long lines over 998 bytes, for any server
-- for CAPS in PIPELINING; SIZE | PIPELINING; SIZE; 8BITMIME; SMTPUTF8
-- for BODY in \*998{x} | \*999{x} | \*5000{x} | a\n\*5000{x}\nb\n.\n | \*999{ä} | \*2000000{x} |  \*2000{ x} 
-- server
caps = @CAPS@
-- stdin
From: me@example.test
To: a@example.test

@BODY@
-- config+
timeout = 20s
-- expect
time: 4
-- txn
to: a@example.test
decodes: same

== mime-long-all SENDMAIL 51: three lines, and a long header
-- for CAPS in PIPELINING; SIZE | PIPELINING; SIZE; 8BITMIME; SMTPUTF8
-- server
caps = @CAPS@
-- stdin
From: me@example.test
To: a@example.test
Subject: \*1000{four }end

\*998{x}
\*999{y}
\*5000{z}
-- txn
to: a@example.test
decodes: same

== mime-long-encoded a part that is encoded already is wrapped anew
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: application/x
Content-Transfer-Encoding: base64

\*2000{QUJD}
-- txn
to: a@example.test
decodes: same
header~ ^Content-Transfer-Encoding: base64$

== mime-long-signed refused where a signature would break
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b

--b

\*999{x}
--b

x
--b--
-- expect
exit: 65
connections: 0
stderr~ part 1 has a line over 998 bytes.*multipart/signed

== mime-nul NUL in the text arrives, encoded
-- for BODY in a\0b | \0 | a\0\*2000{b}\xff\0
-- stdin
From: me@example.test
To: a@example.test

@BODY@
-- txn
params:
to: a@example.test
decodes: same
header~ ^Content-Transfer-Encoding: base64$

== mime-nul-header NUL or a bare CR in the header: nothing is sent
-- for FIELD in X: a\0b | X: a\rb
-- stdin
From: me@example.test
To: a@example.test
@FIELD@

x
-- expect
exit: 65
connections: 0

== mime-cr a bare CR ends a line
-- for BODY in a\rb | a\r\r\rb | a\rü\r
-- stdin
From: me@example.test
To: a@example.test

@BODY@
-- txn
to: a@example.test
body!~ \r
body~ ^a$

== mime-big much text to be converted, in little memory
-- use seven ascii
-- for TEXT in \*200000{Grüße aus Köln\n} | \*15000{\*20{Привет }\n}
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

@TEXT@
-- config+
timeout = 20s
-- expect
time: 8

== @report         what fails is kept, and reported to the sender
-- expect
queued: 1
-- config+
queue = on
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus Bad

== mime-report a report with 8-bit text for a server without 8BITMIME
-- use seven report
-- for RET SUBJECT
hdrs | ^Subject: Gr=C3=BC=C3=9Fe$
full | ^Subject: =\?UTF-8\?B\?R3LDvMOfZQ==\?=$
-- run
sendmail -oi -odb -R @RET@ -f me@example.test a@example.test
-- server
at RCPT:a@* reply 550 5.1.1 kein Gr\xc3\xbc\xc3\x9fe
-- txn
from: <>
to: me@example.test
params:
header~ ^Content-Type: multipart/report; report-type=delivery-status;$
body~ kein Gr=C3=BC=\n=C3=9Fe
body~ @SUBJECT@
body~ ^Action: failed$
data!~ [^\x00-\x7f]

== mime-report-utf8 a report about an address that only SMTPUTF8 can carry
-- for CAPS DATA
PIPELINING; SIZE; DSN | [^\x00-\x7f]
PIPELINING; SIZE; DSN; 8BITMIME | =C3|base64
-- use report
-- server
caps = @CAPS@
-- run
sendmail -oi -odb -f me@example.test grüße@example.test
-- txn
from: <>
to: me@example.test
body~ ^Content-Type: message/global-delivery-status$
data!~ @DATA@

== @binary
-- server
caps = PIPELINING; SIZE; 8BITMIME; CHUNKING; BINARYMIME
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: application/x
Content-Transfer-Encoding: Binary

a\0b\xff\*3000{c}

== mime-binary what is marked as binary goes as it is
-- use binary
-- for P in full | commands | off
-- config+
pipelining = @P@
-- expect
connections: 1
size-exact: yes
-- txn
params: BODY=BINARYMIME
to: a@example.test
body: same
header~ ^Content-Transfer-Encoding: binary$

== mime-binary-lines lines that are too long, in a text
-- use binary
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: text/plain
Content-Transfer-Encoding: binary

\*999{c}
-- txn
params: BODY=BINARYMIME
to: a@example.test
body: same

== mime-binary-parts a part, and what is around it
-- use binary
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: binary

--b

text
--b
Content-Type: application/x
Content-Transfer-Encoding: binary

\0
--b--
-- txn
params: BODY=BINARYMIME
to: a@example.test
body: same
header~ ^Content-Transfer-Encoding: binary$

== mime-binary-unmarked what is not, around it or itself, is encoded
-- use binary
-- for OUTER INNER
binary | 8bit
8bit | binary
7bit | 7bit
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
Content-Transfer-Encoding: @OUTER@

--b
Content-Type: application/x
Content-Transfer-Encoding: @INNER@

\0
--b--
-- txn
params:
to: a@example.test
decodes: same
body~ base64

== mime-binary-type nor what says nothing about itself
-- use binary
-- stdin
From: me@example.test
To: a@example.test
Content-Transfer-Encoding: binary

\0
-- txn
params:
to: a@example.test
decodes: same
header~ ^Content-Transfer-Encoding: base64$

== mime-binary-short nothing in it needs it
-- use binary
-- stdin
From: me@example.test
To: a@example.test
MIME-Version: 1.0
Content-Type: application/x
Content-Transfer-Encoding: binary

\xff
-- txn
params: BODY=8BITMIME
to: a@example.test
body: same

== mime-binary-caps one of the two is not enough
-- use binary
-- for CAPS in PIPELINING; SIZE; 8BITMIME; CHUNKING | PIPELINING; SIZE; BINARYMIME | PIPELINING; SIZE
-- server
caps = @CAPS@
-- txn
params:
to: a@example.test
decodes: same
header~ ^Content-Transfer-Encoding: base64$

== mime-binary-off BDAT is turned off
-- use binary
-- config+
chunking = no
-- txn
params:
to: a@example.test
decodes: same

== mime-binary-header a header outside ASCII needs SMTPUTF8
-- use binary
-- for CAPS PARAMS
PIPELINING; SIZE; 8BITMIME; CHUNKING; BINARYMIME; SMTPUTF8 | BODY=BINARYMIME SMTPUTF8
PIPELINING; SIZE; 8BITMIME; CHUNKING; BINARYMIME | BODY=8BITMIME
-- server
caps = @CAPS@
-- stdin
From: me@example.test
To: a@example.test
Subject: Grüße
MIME-Version: 1.0
Content-Type: application/x
Content-Transfer-Encoding: Binary

a\0b
-- txn
params: @PARAMS@
to: a@example.test
decodes: same
header~ ^Subject: Grüße$

== mime-binary-refused a server that says it can and cannot
-- use binary
-- for R in 501 5.5.4 what? | 504 5.5.4 not here | 555 5.5.4 no such parameter | 554 5.6.1 no media
-- server
at MAIL:*binarymime reply @R@
-- txn
params:
to: a@example.test
decodes: same
header~ ^Content-Transfer-Encoding: base64$
-- expect
connections: 2

== mime-binary-550 a refusal of something else is one
-- use binary
-- server
at MAIL reply 550 5.7.1 not you
-- expect
exit: 77|69
connections: 1
stderr~ not you

== mime-binary-stumble nor does it know BDAT
-- use binary
-- server
at BDAT reply 502 5.5.1 what?
-- expect
exit: 0
connections: 2
violations: any
commands~ ^DATA$
-- txn
params:
to: a@example.test
decodes: same

== mime-binary-queued in the queue it waits encoded
-- use binary keep
-- server
at MAIL reply 451 4.3.0 later
-- config+
queue = on
queue-dir = @DIR@/queue
-- expect
exit: 0
-- entry
to: a@example.test
header~ ^Content-Transfer-Encoding: base64$
