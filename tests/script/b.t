Rows B of the hostile-input table: TLS and log-in.  Every case runs a second
time with -v, since the runner looks for secrets in all that is shown.  Not
here: renegotiation and compression (B7), which this server cannot do, and
reuse of connections between accounts (B21): one run has one account.

== b1 STARTTLS refused
-- use starttls unsaid noisy
-- for ANSWER in 454 4.7.0 later | 500 what | 502 no | 501 no | 354 go | 221 bye | 250 ok | 554 5.7.0 no | 421 bye | 299 ok | 220-go\r\n220 ahead
-- server
at STARTTLS reply @ANSWER@

== b1-none STARTTLS not offered
-- use starttls unsaid noisy
-- server
caps-clear = PIPELINING; 8BITMIME; AUTH PLAIN LOGIN
-- expect
commands!~ ^STARTTLS
quit: yes

== b1-plain plain SMTP where TLS is expected
-- use unsaid noisy
-- server
tls = off
-- expect
violations: any
commands!~ ^(EHLO|AUTH)

== b1-tls TLS where plain SMTP is expected
-- use unsaid
-- config+
tls = starttls
timeout = 1s

== b1-good STARTTLS
-- use starttls taken noisy
-- expect
clear~ \AEHLO localhost\nSTARTTLS\n\Z
commands~ \AEHLO .*\nSTARTTLS\nEHLO 
quit: yes

== b2 bytes behind the 220 to STARTTLS
-- use starttls unsaid noisy
-- for WHERE in after | later
-- for BYTES in 250-x\r\n250 AUTH PLAIN LOGIN\r\n | 250-mail.example.test\r\n250-SI | 2 | \r\n | \x16 | 220 mail.example.test\r\n | 554 no\r\n
-- server
at STARTTLS @WHERE@ @BYTES@

== b2-starttls-before bytes in front of the 220
-- use starttls unsaid
-- for BYTES in 250 x\r\n | 220-x\r\n | 2
-- server
at STARTTLS before @BYTES@

== b3 an answer before the question, inside TLS
-- use starttls unsaid noisy
-- for BYTES in 250-x\r\n250 AUTH PLAIN LOGIN\r\n | 220 mail.example.test\r\n | 250 x\r\n | 2
-- server
tls-max = 1.2
at TLS raw @BYTES@

== b3-13 the same with TLS 1.3, where question and answer cross
-- use starttls keep noisy
-- for BYTES in 250-x\r\n250 AUTH PLAIN LOGIN\r\n | 220 mail.example.test\r\n | 250 x\r\n
-- server
at TLS raw @BYTES@
-- expect
data: none

== b3-auth an answer too many around the log-in
-- use keep noisy lone
-- for EVENT in EHLO | AUTH
-- for BYTES in 250 x\r\n | 235 2.7.0 ok\r\n | 354 x\r\n | 2
-- server
at @EVENT@ after @BYTES@
-- expect
mails: 0

== b4 certificates that must be refused
-- use unsaid noisy
-- for CERT HOST NAME
expired | localhost | localhost
future | localhost | localhost
selfsigned | localhost | localhost
wrongname | localhost | localhost
cnonly | localhost | localhost
nul | localhost | localhost
otherca | localhost | localhost
clienteku | localhost | localhost
rsa1024 | localhost | localhost
sha1 | localhost | localhost
wrongname | 127.0.0.1 | 127.0.0.1
top | localhost | example.test
top | localhost | mail.example.test
partial | localhost | mail.example.test
good | localhost | example.test
good | localhost | a.b.example.test
good | localhost | localhost.evil.test
good | localhost | xlocalhost
good | localhost | 127.0.0.2
-- server
cert = @CERT@
-- config+
host = @HOST@
tls-host = @NAME@
-- expect
commands~ \A\Z
time: 2

== b4-starttls certificates that must be refused, after STARTTLS
-- use starttls unsaid
-- for CERT in expired | selfsigned | wrongname | cnonly | otherca | clienteku
-- server
cert = @CERT@

== b4-system the system's authorities do not know ours
-- use unsaid
-- config+
!tls-ca-file

== b4-off without verification nothing secret leaves
-- use unsaid noisy
-- for CERT in selfsigned | expired | wrongname
-- server
cert = @CERT@
-- config+
tls-verify = no
-- expect
stderr: lines

== b4-off-scram nor by SCRAM
-- use scram unsaid
-- server
cert = selfsigned
-- config+
tls-verify = no
-- expect
stderr: lines

== b4-off-plus without verification, bound to the channel
-- use noisy taken
-- server
cert = selfsigned
mechs = PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS
-- config+
tls-verify = no
-- expect
stderr: any
commands~ ^AUTH SCRAM-SHA-256-PLUS

== b4-off-off without verification, by the user's second word
-- use noisy taken
-- server
cert = selfsigned
-- config+
tls-verify = no
auth-unverified = yes
-- expect
stderr: any

== b4-pin a pinned key needs no authority
-- use taken
-- for PIN in @PIN@ | sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= @PIN@
-- config+
!tls-ca-file
tls-pin = @PIN@

== b4-pin-name a pinned key may have any name
-- use taken
-- config+
!tls-ca-file
tls-pin = @PIN@
tls-host = elsewhere.test

== b4-pin-wrong another key than the pinned one
-- use unsaid noisy
-- config+
tls-pin = sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

== b4-pin-broken a pin that is none
-- for PIN in sha256//AAAA | AAAA | sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= | sha256//!!!
-- config+
tls-pin = @PIN@
-- expect
exit: 78
connections: 0

== b4-ca the file of authorities is missing or empty
-- for FILE in /nonexistent/ca.pem | @DIR@/empty
-- file empty
-- config+
tls-ca-file = @FILE@
-- expect
exit: 78|75
auths: 0
mails: 0

== b5 address literal in the certificate
-- use taken
-- config+
host = 127.0.0.1
-- expect
sni: none

== b5-v6 IPv6 literal in the certificate
-- use taken
-- skip-unless ipv6
-- for HOST in ::1 | [::1] | 0:0:0:0:0:0:0:1
-- server
listen = inet6
-- config+
host = @HOST@
-- expect
sni: none

== b5-none address literal not in the certificate
-- use unsaid
-- for CERT in namesonly | ipdns | cnonly
-- server
cert = @CERT@
-- config+
host = 127.0.0.1

== b5-v6-none IPv6 literal not in the certificate
-- use unsaid
-- skip-unless ipv6
-- server
listen = inet6
cert = namesonly
-- config+
host = ::1

== b6 forms of a name
-- use taken
-- for NAME SNI
localhost. | localhost
LOCALHOST | localhost
LocalHost. | localhost
-- config+
host = @NAME@
-- expect
sni: @SNI@

== b6-idn forms of a name outside ASCII
-- use taken
-- for NAME SNI
bücher.example.test | xn--bcher-kva.example.test
BÜCHER.Example.TEST. | xn--bcher-kva.example.test
xn--bcher-kva.example.test | xn--bcher-kva.example.test
MAIL.example.test. | mail.example.test
-- config+
tls-host = @NAME@
-- expect
sni: @SNI@

== b7 old TLS and no certificate at all
-- use unsaid noisy
-- server
tls-max = 1.1

== b7-anon suites that prove nothing
-- use unsaid
-- for CIPHERS in aNULL:@SECLEVEL=0 | eNULL:@SECLEVEL=0 | ADH-AES128-SHA256:@SECLEVEL=0
-- server
tls-max = 1.2
tls-ciphers = @CIPHERS@

== b7-12 TLS 1.2 will do
-- use taken
-- for TLS in on | starttls
-- server
tls = @TLS@
tls-max = 1.2
-- config+
tls = @TLS@

== b8 the connection ends inside the verdict
-- use keep
-- for BYTES in 0..17
-- for HOW in eof | close | reset
-- server
at END cut @BYTES@ @HOW@

== b8-whole the connection ends right behind the verdict
-- use taken
-- for HOW in eof | close
-- server
at END cut 18 @HOW@

== b8-multi the connection ends inside a verdict of several lines
-- use keep
-- for BYTES in 0 | 4 | 12 | 13 | 14 | 17 | 20 | 25 | 26
-- server
at END reply 250-2.0.0 ok\r\n250 2.0.0 ok
at END cut @BYTES@ eof

== b8-early the connection ends inside an earlier answer
-- use keep
-- for N in 1..6
-- for BYTES in 0 | 1 | 3 | 4 | 5 | 10 | 13
-- server
at REPLY#@N@ cut @BYTES@ eof
-- expect
data: none

== b8-ehlo the connection ends inside the list of keywords
-- use unsaid
-- for BYTES in 19..139..6
-- server
at EHLO cut @BYTES@ eof

== b8-clear the connection ends before TLS
-- use starttls unsaid
-- for N in 1..3
-- for BYTES in 0 | 1 | 3 | 4 | 5 | 10 | 20
-- server
at REPLY#@N@ cut @BYTES@ close

== b8-handshake the connection ends instead of a handshake
-- use unsaid
-- for HOW in close | reset | silence
-- server
at CONNECT @HOW@
-- config+
timeout = 1s
-- expect
time: 3

== b9 only the list after TLS counts
-- use starttls taken noisy
-- server
mechs-clear = PLAIN LOGIN SCRAM-SHA-256
mechs = LOGIN
-- expect
commands~ ^AUTH LOGIN

== b9-caps nor do other keywords from before
-- use starttls taken
-- server
caps-clear = STARTTLS; PIPELINING; SIZE; DSN; SMTPUTF8; 8BITMIME
caps = 8BITMIME
-- expect
commands!~ SIZE=

== b10 AUTH offered only before TLS
-- use starttls unsaid noisy
-- server
mechs-clear = PLAIN LOGIN
mechs =

== b10-none AUTH not offered at all
-- use unsaid noisy
-- server
mechs =

== b10-unknown only mechanisms that are not allowed
-- use unsaid
-- for MECHS in NTLM | CRAM-MD5 | DIGEST-MD5 | ANONYMOUS | X-EVIL | CRAM-MD5 NTLM
-- server
mechs = @MECHS@

== b10-allow mechanisms that the account does not allow
-- use unsaid
-- server
mechs = PLAIN LOGIN
-- config+
auth = SCRAM-SHA-256

== b10-order the strongest first
-- use taken
-- for MECHS CHOSEN
LOGIN PLAIN | PLAIN
PLAIN LOGIN SCRAM-SHA-1 | SCRAM-SHA-1
PLAIN SCRAM-SHA-1 SCRAM-SHA-256 | SCRAM-SHA-256
SCRAM-SHA-256 SCRAM-SHA-1 SCRAM-SHA-256-PLUS PLAIN | SCRAM-SHA-256-PLUS
LOGIN | LOGIN
X-EVIL NTLM PLAIN | PLAIN
-- server
mechs = @MECHS@
-- expect
commands~ ^AUTH @CHOSEN@( |$)
auths: 1

== b10-off log-in switched off
-- use taken
-- server
mechs =
-- config+
auth = off
-- expect
auths: 0

== b11 log-in refused
-- use keep noisy lone
-- for MECHS in PLAIN LOGIN | LOGIN | SCRAM-SHA-256 PLAIN
-- for ANSWER in 535 5.7.8 no | 534 5.7.9 too weak | 538 5.7.11 encrypt | 530 5.7.0 no | 432 4.7.12 change it | 454 4.7.0 later | 421 4.3.2 bye | 500 5.5.2 what | 250 ok | 220 hm | 334
-- server
mechs = @MECHS@
at AUTH reply @ANSWER@
at AUTHLINE reply 535 5.7.8 no
-- expect
auths: 1
mails: 0

== b11-wrong a wrong password
-- use keep noisy lone
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-1 | SCRAM-SHA-256 | SCRAM-SHA-256-PLUS | PLAIN LOGIN
-- server
mechs = @MECHS@
password = Something-else
-- expect
auths: 1
mails: 0

== b12-good SCRAM
-- use taken noisy
-- for MECH in SCRAM-SHA-1 | SCRAM-SHA-256
-- for ROUNDS in 4096 | 100000
-- server
mechs = @MECH@
scram-iter = @ROUNDS@
-- expect
commands~ ^AUTH @MECH@ 

== b12-cap SCRAM at the limit of rounds
-- use taken
-- server
mechs = SCRAM-SHA-256
scram-iter = 5000
-- config+
scram-max-iterations = 5000

== b12-over SCRAM past the limit of rounds
-- use scram keep
-- server
scram-iter = 5001
-- config+
scram-max-iterations = 5000
-- expect
mails: 0

== b12-first SCRAM: the server's first message is wrong
-- use scram keep noisy
-- for FIRST
r=AAAAAAAAAAAAAAAAAAAAAAAAAAAA{snonce},s={salt},i={iter}
r={cnonce},s={salt},i={iter}
r={snonce}{cnonce},s={salt},i={iter}
r=,s={salt},i={iter}
r={cnonce}{snonce},s={salt},i=0
r={cnonce}{snonce},s={salt},i=1
r={cnonce}{snonce},s={salt},i=4095
r={cnonce}{snonce},s={salt},i=-4096
r={cnonce}{snonce},s={salt},i=1000001
r={cnonce}{snonce},s={salt},i=2147483648
r={cnonce}{snonce},s={salt},i=4294971392
r={cnonce}{snonce},s={salt},i=99999999999999999999
r={cnonce}{snonce},s={salt},i=many
r={cnonce}{snonce},s={salt},i=
r={cnonce}{snonce},s={salt}
r={cnonce}{snonce},s=,i={iter}
r={cnonce}{snonce},s=!!!!,i={iter}
r={cnonce}{snonce},s=\*2000{AAAA},i={iter}
r={cnonce}{snonce},i={iter}
s={salt},i={iter}
m=x,r={cnonce}{snonce},s={salt},i={iter}
i={iter},s={salt},r={cnonce}{snonce}
e=other-error
\0
x
-- server
scram-first = @FIRST@
-- expect
mails: 0
time: 3

== b12-final SCRAM: the server proves nothing
-- use scram keep noisy
-- for FINAL
v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
v=
v=!!!!
v
x={v}
e=other-error
e=invalid-proof
e=\e[2J\*300{x}
e=other-error,v={v}
V={v}
v={v}AAAA
\0
-- server
scram-final = @FINAL@
-- expect
mails: 0
time: 3

== b13 welcome before the server has proved itself
-- use keep noisy
-- for MECH in SCRAM-SHA-1 | SCRAM-SHA-256 | SCRAM-SHA-256-PLUS
-- for EVENT in AUTH | AUTHLINE#1
-- server
mechs = @MECH@
at @EVENT@ reply 235 2.7.0 welcome
-- expect
mails: 0
time: 2

== b13-final server's signature inside the 235 only
-- use scram keep
-- server
at AUTHLINE#1 reply 235 dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBPQ==
-- expect
mails: 0

== b14 SCRAM relayed from another TLS session
-- use keep noisy
-- for MECHS in SCRAM-SHA-256-PLUS | SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN | SCRAM-SHA-1-PLUS
-- server
mechs = @MECHS@
binding = wrong
-- expect
mails: 0
commands!~ ^AUTH (PLAIN|LOGIN|SCRAM-SHA-256 )

== b14-good SCRAM bound to the channel
-- use taken noisy
-- for MECH in SCRAM-SHA-1-PLUS | SCRAM-SHA-256-PLUS
-- for TLS in on | starttls
-- server
tls = @TLS@
mechs = @MECH@ PLAIN
-- config+
tls = @TLS@
-- expect
commands~ ^AUTH @MECH@ 

== b15 -PLUS taken out of the list on the way
-- use scram keep noisy
-- server
plus-hidden = yes
-- expect
mails: 0

== b16-long a challenge without end
-- use keep noisy lone
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-256 | XOAUTH2
-- for SIZE in 13000 | 1000000
-- server
mechs = @MECHS@
at AUTH reply 334 \*@SIZE@{A}
-- config+
token = @TOKEN@
auth = @MECHS@
-- expect
mails: 0
time: 2

== b16-text a challenge that is not base64
-- use keep noisy
-- for MECHS in LOGIN | SCRAM-SHA-256
-- for TEXT in %%%% | A | AAA | AA=A | \xff\xfe | AAAA AAAA
-- server
mechs = @MECHS@
at AUTH reply 334 @TEXT@
-- expect
mails: 0
commands~ ^\*$

== b16-rounds one challenge after the other
-- use keep noisy lone
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-256 | OAUTHBEARER
-- server
mechs = @MECHS@
at AUTH reply 334 Zm9v
at AUTHLINE reply 334 Zm9v
-- config+
auth = @MECHS@
token = @TOKEN@
-- expect
mails: 0
commands~ ^\*$
time: 3
violations: any

== b16-plain a challenge for PLAIN that has said everything
-- use keep noisy lone
-- server
mechs = PLAIN
at AUTH reply 334
-- expect
mails: 0
commands~ ^\*$

== b17-good OAUTHBEARER
-- use taken noisy
-- server
mechs = OAUTHBEARER
-- config+
!password
token = @TOKEN@
-- expect
commands~ ^AUTH OAUTHBEARER

== b17 OAUTHBEARER refused with an explanation
-- use keep noisy lone
-- for JSON in {"status":"invalid_token","scope":"mail"} | {"status":"401","openid-configuration":"http://127.0.0.1:@PORT@/.well-known"} | {"status": | \*2000{[} | not json | {"status":"\e[2J"} | \0\0
-- server
mechs = OAUTHBEARER
token = stale
oauth-error = @JSON@
-- config+
!password
token = @TOKEN@
-- expect
connections: 1
auths: 1
mails: 0

== b17-dummy OAUTHBEARER answers the explanation as it should
-- use keep lone
-- server
mechs = OAUTHBEARER
token = stale
-- config+
!password
token = @TOKEN@
-- expect
commands~ ^AQ==$
stderr~ 401

== b17-long OAUTHBEARER with an explanation of 1 MB
-- use keep
-- server
mechs = OAUTHBEARER
token = stale
oauth-error = {"status":"\*1000000{x}"}
-- config+
!password
token = @TOKEN@
-- expect
mails: 0
time: 2

== b18-good XOAUTH2
-- use taken noisy
-- for AUTH in auto | XOAUTH2 | xoauth2
-- server
mechs = XOAUTH2
-- config+
!password
auth = @AUTH@
token = @TOKEN@

== b18 XOAUTH2 refused with an explanation
-- use keep noisy lone
-- server
mechs = XOAUTH2
token = stale
-- config+
!password
token = @TOKEN@
-- expect
auths: 1
mails: 0
commands~ ^AUTH XOAUTH2 .*\n\n

== b19 EXTERNAL offered, no certificate of ours
-- use taken noisy
-- server
mechs = EXTERNAL PLAIN
client-cert = ask
-- expect
commands~ ^AUTH PLAIN

== b19-unasked EXTERNAL offered, our certificate not asked for
-- use unsaid
-- server
mechs = EXTERNAL
-- config+
!user
!password
auth = EXTERNAL
tls-cert = @CERTS@/client-both.pem

== b19-good EXTERNAL
-- use taken
-- for ASK in ask | require
-- server
mechs = EXTERNAL PLAIN
client-cert = @ASK@
-- config+
!user
!password
auth = EXTERNAL
tls-cert = @CERTS@/client.pem
tls-key = @CERTS@/client.key
-- expect
commands~ ^AUTH EXTERNAL =$

== b19-open a key that others can read
-- server
client-cert = ask
-- config+
tls-cert = @CERTS@/client-open.pem
-- expect
exit: 78
auths: 0

== b19-required a certificate is required, we have none
-- use unsaid
-- server
client-cert = require
-- config+
timeout = 2s

== b20 passwords of all kinds
-- use taken noisy
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-256
-- for P in with:colon:and more | #hash"quote' and blanks inside | \xc3\xa4\xc3\xb6\xc3\xbc-p\xc3\xa4ssword | \*2560{long} |  %s%n$(id)`id`
-- file pw
@P@
-- server
mechs = @MECHS@
password = @P@
-- config+
!password
password-file = @DIR@/pw
-- secret
@P@

== b20-nul a password with NUL
-- file pw
abcdef\0ghijkl
-- config+
!password
password-file = @DIR@/pw
-- expect
exit: 78
auths: 0

== b20-command password out of a command
-- use taken
-- config+
!password
password-command = printf %s @PASSWORD@

== b20-command-no the command fails, prints nothing, never ends
-- for COMMAND EXIT
false | 75
true | 78|75
sleep 20 | 75
/nonexistent/helper | 75|78
sh -c "echo @PASSWORD@; exit 1" | 75
-- config+
!password
password-command = @COMMAND@
helper-timeout = 1s
-- expect
exit: @EXIT@
stderr: any
mails: 0
time: 3

== b20-command-shell the command is no shell line
-- use lone
-- config+
!password
password-command = printf %s @PASSWORD@ ; touch @DIR@/tmp/made
-- expect
exit: 75|78
stderr: any
mails: 0
file!: @DIR@/tmp/made

== b20-none no password at all
-- config+
!password
-- expect
exit: 78
auths: 0

== b20-user user names of all kinds
-- use taken noisy
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-256
-- for U in joe@example.test | j\xc3\xb6e | joe smith
-- server
mechs = @MECHS@
user = @U@
-- config+
!user
-- env
MAILCHUTE_USER=@U@

== b22-log the log holds no secret at its loudest
-- use keep lone
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-256 | XOAUTH2 | OAUTHBEARER
-- for OPT in -v | -v -v | -ov
-- server
mechs = @MECHS@
password = Something-else
token = something-else
-- config+
token = @TOKEN@
auth = @MECHS@
-- expect
stderr: any
mails: 0

== b23 a stalled log-in shows nothing in /proc
-- use taken
-- for MECHS in PLAIN | LOGIN | SCRAM-SHA-256
-- server
mechs = @MECHS@
at AUTH probe
at AUTHLINE probe
at MAIL probe
-- config+
!password
-- env
MAILCHUTE_PASSWORD=@PASSWORD@

== b23-token nor does a token
-- use taken
-- server
mechs = XOAUTH2
at AUTH probe
-- config+
!password
-- env
MAILCHUTE_TOKEN=@TOKEN@

== b24 configuration with a password that others can read
-- for MODE in 0644 | 0640 | 0604 | 0660 | 0602
-- config-mode @MODE@
-- expect
exit: 78
connections: 0

== b24-clean configuration without a secret may be read by others
-- use taken
-- file pw
@PASSWORD@
-- config-mode 0644
-- config+
!password
password-file = @DIR@/pw

== b24-file a password file that others can read
-- file pw 0644
@PASSWORD@
-- config+
!password
password-file = @DIR@/pw
-- expect
exit: 78
auths: 0

== b24-owner configuration of somebody else
-- skip-unless root
-- wrap
chown 65534 "$MAILCHUTE_CONFIG"
-- expect
exit: 78
connections: 0

== b24-link a symbolic link to a file of our own
-- use taken
-- wrap
ln -s "$MAILCHUTE_CONFIG" @DIR@/link
MAILCHUTE_CONFIG=@DIR@/link
export MAILCHUTE_CONFIG

== b25 plaintext only with loopback, and then without log-in
-- for HOST in mail.example.test | 192.0.2.1 | 10.0.0.1 | localhost.example.test | 127.0.0.1.example.test
-- config+
tls = off
!user
!password
host = @HOST@
-- expect
exit: 78
connections: 0
