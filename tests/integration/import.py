#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""import.py - mailchute config import: a table of files, of what comes out of
them and of what is told, and files that are none: import.py [PATTERN]...

Prints TAP.  Environment: MAILCHUTE_BIN, top_srcdir.
"""
import fnmatch
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "script"))
import server                                       # noqa: E402

BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
TOP = os.path.abspath(os.environ.get("top_srcdir", HERE + "/../.."))
LIMIT = 60
CASES = []


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def same(what, got, wanted):
    if got != wanted:
        raise Failure("%s\n got: %s\nwant: %s" % (what, got, wanted))


def holds(what, fact, seen=""):
    if not fact:
        raise Failure("%s\n%s" % (what, seen))


class Place:
    """A directory for one case, and the program in it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mailchute-import-")
        self.home = self.dir + "/home"
        os.mkdir(self.home, 0o700)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def fill(self, text):
        login = pwd.getpwuid(os.geteuid()).pw_name
        return (text.replace("@HOME@", self.home).replace("@DIR@", self.dir)
                .replace("@LOGIN@", login))

    def run(self, *args, stdin=b"", **env):
        environment = {"PATH": os.environ["PATH"], "HOME": self.home,
                       "LC_ALL": "C.UTF-8", "TMPDIR": self.dir,
                       "GIT_CONFIG_NOSYSTEM": "1", **env}
        done = subprocess.run([BIN, *args], env=environment, cwd=self.dir,
                              input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LIMIT,
                              check=False)
        return (done.returncode, done.stdout.decode("utf-8", "replace"),
                done.stderr.decode("utf-8", "replace"))

    def told(self, stderr):
        """without the words that each line begins with"""
        lines = []
        for line in stderr.splitlines():
            holds("a line of ours", line.startswith("mailchute: "), line)
            line = line[len("mailchute: "):]
            lines.append(line.replace(self.dir + "/", ""))
        return lines

    def end(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def lines_of(text):
    """a block of the table: without the indentation and empty lines"""
    return [x.strip() for x in text.strip().splitlines() if x.strip()]


def case(title):
    def add(function):
        CASES.append((title, function))
        return function
    return add


def table(title, program, files, result, told, status, args=()):
    """
    One row: `files` are written, the first one is read; `result` is the text
    without its first line; `told` the beginnings of the lines on standard
    error.  Then the same with --output, which config check has to like.
    """
    def check(p):
        for name, text in files.items():
            p.write(name, p.fill(text))
        first = next(iter(files))
        got, out, err = p.run("config", "import", "--from", program, first,
                              "--with-secrets", *args)
        body = [x for x in out.splitlines()[1:] if x]
        same("the result", body, lines_of(p.fill(result)))
        told_lines = p.told(err)
        wanted = lines_of(told)
        holds("as many lines as expected\n" + err,
              len(told_lines) == len(wanted), wanted)
        for line, begin in zip(told_lines, wanted):
            holds("the line begins with %r" % begin,
                  line.startswith(begin), line)
        same("status", got, status)
        if status > 1:
            same("no output", out, "")
            return
        got, out, err = p.run("config", "import", "--from", program, first,
                              "--output", "new/conf", *args)
        same("status with --output", (got, out), (status, ""))
        same("mode", os.stat(p.dir + "/new/conf").st_mode & 0o777, 0o600)
        with open(p.dir + "/new/conf", encoding="utf-8") as f:
            same("the same in the file",
                 [x for x in f.read().splitlines()[1:] if x], body)
        same("nothing else there", os.listdir(p.dir + "/new"), ["conf"])
        got, out, err = p.run("config", "check", "-C", "new/conf")
        same("config check\n" + err, got, 0)

    CASES.append((program + ": " + title, check))


# ------------------------------------------------------------------------ msmtp

table("accounts, what they inherit, and the default", "msmtp", {"rc": """\
# a comment
defaults
port 587
tls on

account home
  host smtp.home.example
from me@home.example
auth on
user me
password pa ss#w=rd"x
account home2 : home
from other@home.example
account fast
host fast.example
tls_starttls off
port 4650
auth off
user ignored
account default : home
"""}, """
[account home]
host = smtp.home.example
tls = starttls
user = me
password = pa ss#w=rd"x
from = me@home.example
[account home2]
host = smtp.home.example
tls = starttls
user = me
password = pa ss#w=rd"x
from = other@home.example
[account fast]
host = fast.example
port = 4650
tls = on
auth = off
[account default]
host = smtp.home.example
tls = starttls
user = me
password = pa ss#w=rd"x
from = me@home.example
""", "", 0)

table("its ports where none is named", "msmtp", {"rc": """\
account a
host a.example
tls on
account b
host b.example
tls on
tls_starttls off
account c
host localhost
account d
host 192.0.2.1
"""}, """
[account a]
host = a.example
port = 25
tls = starttls
[account b]
host = b.example
tls = on
[account c]
host = localhost
tls = off
[account d]
host = 192.0.2.1
port = 25
tls = starttls
""", "rc:11: there is no TLS, and mailchute sends nothing in clear", 1)

table("what has a key of ours", "msmtp", {"rc": """\
account a
host 192.0.2.7
protocol smtp
source_ip 192.0.2.9
timeout 30
domain me.example
tls on
tls_trust_file ~/ca.pem
tls_cert_file /k/cert.pem
tls_key_file /k/key.pem
tls_host_override mail.example
proxy_host 127.0.0.1
proxy_port 9050
auth scram-sha-256
user "me too"
passwordeval "pass show mail/me"
from *@me.example
allow_from_override off
set_from_header on
set_date_header auto
add_missing_date_header on
remove_bcc_headers on
dsn_notify off
aliases /etc/aliases
logfile ~/msmtp.log
tls_crl_file
tls_priorities
"""}, """
log = ~/msmtp.log
[account a]
host = 192.0.2.7
port = 25
tls = starttls
auth = SCRAM-SHA-256
user = me too
password-command = pass show mail/me
tls-ca-file = ~/ca.pem
tls-cert = /k/cert.pem
tls-key = /k/key.pem
tls-host = mail.example
from = *@me.example
from-policy = force
envelope-from-fixed = yes
ehlo-name = me.example
source-address = 192.0.2.9
connect-timeout = 30
timeout = 30
aliases = /etc/aliases
proxy = socks5h://127.0.0.1:9050
""", "", 0)

table("what has none", "msmtp", {"rc": """\
port 25
account a
host a.example
tls on
tls_fingerprint 00:11:22
tls_crl_file /crl
tls_priorities NORMAL
tls_min_dh_prime_bits 512
tls_force_sslv3
tls_trust_file
ntlmdomain DOMAIN
dsn_notify failure
dsn_return full
set_from_header off
set_date_header off
add_missing_from_header off
add_missing_date_header off
set_msgid_header off
remove_bcc_headers off
keepbcc
undisclosed_recipients on
logfile -
logfile_time_format %s
domain %H
from a?@b.example
eval echo host b.example
pass word
tls_starttls maybe
"""}, """
[account a]
host = a.example
port = 25
tls = starttls
""", """
rc:1: stands before the first account
rc:5: tls_fingerprint: it is of the whole certificate
rc:6: tls_crl_file: lists of revoked
rc:7: tls_priorities: TLS is 1.2
rc:8: tls_min_dh_prime_bits: TLS is 1.2
rc:9: tls_force_sslv3: TLS is 1.2
rc:10: tls_trust_file: the system's authorities
rc:11: ntlmdomain: NTLM
rc:12: dsn_notify: is an option
rc:13: dsn_return: is an option
rc:14: set_from_header: what is missing
rc:15: set_date_header: what is missing
rc:16: add_missing_from_header: what is missing
rc:17: add_missing_date_header: what is missing
rc:18: set_msgid_header: what is missing
rc:19: remove_bcc_headers: Bcc is always
rc:20: keepbcc: Bcc is always
rc:21: undisclosed_recipients: To and Cc
rc:22: logfile: a log goes to
rc:23: logfile_time_format: times
rc:24: domain: ehlo-name is a name
rc:25: from: of the patterns only *
rc:26: eval: is not run
rc:27: pass: is not known here
rc:28: tls_starttls: is neither on nor off
""", 1)

table("senders made of the login name", "msmtp", {"rc": """\
account a
host a.example
tls on
port 587
from %U@a.example
account b
host b.example
tls on
port 587
from %U@%M
set_from_header on
account c
host c.example
tls on
port 587
auto_from on
maildomain c.example
account d
host d.example
tls on
port 587
auto_from
account e
host e.example
tls on
port 587
from %U@%C
"""}, """
[account a]
host = a.example
tls = starttls
from = *@a.example
envelope-from = %U@a.example
domain = a.example
[account b]
host = b.example
tls = starttls
from-policy = force
envelope-from = %U@%M
[account c]
host = c.example
tls = starttls
from = *@c.example
envelope-from = %U@c.example
domain = c.example
[account d]
host = d.example
tls = starttls
[account e]
host = e.example
tls = starttls
""", """
rc:11: set_from_header: has no effect without addresses
rc:22: auto_from: without a maildomain
rc:27: from: %C is not known
""", 1)

table("commands for passwords", "msmtp", {"rc": """\
defaults
port 587
tls on
auth on
user me
account a
host a.example
passwordeval gpg -q -d ~/pw.gpg
account b
host b.example
passwordeval "gpg -d ~/pw.gpg | head -n 1"
account c
host c.example
passwordeval echo '$HOME'
account d
host d.example
passwordeval bash -c "cat ~/it's"
account e
host e.example
passwordeval cat "/a b/c"
account f
host f.example
passwordeval X=1 cat /pw
account g
host g.example
passwordeval cat \\"pw
account h
host h.example
passwordeval a ~root/x
auth xoauth2
"""}, """
[account a]
host = a.example
tls = starttls
user = me
password-command = gpg -q -d @HOME@/pw.gpg
[account b]
host = b.example
tls = starttls
user = me
password-command = sh -c 'gpg -d ~/pw.gpg | head -n 1'
[account c]
host = c.example
tls = starttls
user = me
password-command = echo '$HOME'
[account d]
host = d.example
tls = starttls
user = me
password-command = bash -c "cat ~/it's"
[account e]
host = e.example
tls = starttls
user = me
password-command = cat "/a b/c"
[account f]
host = f.example
tls = starttls
user = me
password-command = sh -c 'X=1 cat /pw'
[account g]
host = g.example
tls = starttls
user = me
password-command = cat \\"pw
[account h]
host = h.example
tls = starttls
auth = XOAUTH2
user = me
token-command = sh -c 'a ~root/x'
""", """
rc:11: the command needs a shell
rc:23: the command needs a shell
rc:29: the command needs a shell
""", 0)

table("log-ins that are not the same here", "msmtp", {"rc": """\
account a
host a.example
tls on
port 587
auth on
user me
account b
host localhost
auth on
user me
password x
account c
host c.example
tls on
port 587
tls_certcheck off
auth on
user me
password x
account d
host d.example
tls on
port 587
auth external
user me
tls_cert_file /c
account e
host e.example
tls on
port 587
auth on
user me
password "x "
"""}, """
[account a]
host = a.example
tls = starttls
user = me
password-command = secret-tool lookup host a.example service smtp user me
[account b]
host = localhost
tls = off
[account c]
host = c.example
tls = starttls
tls-verify = no
user = me
password = x
[account d]
host = d.example
tls = starttls
auth = EXTERNAL
user = me
tls-cert = /c
[account e]
host = e.example
tls = starttls
user = me
""", """
rc:6: account a: no password is with the user
rc:10: there is no log-in without TLS
rc:16: the certificate is not verified
rc:33: password: cannot be carried, since it begins or ends with a blank
""", 1)

table("what our own rules refuse", "msmtp", {"rc": """\
account a b
host a.example
tls on
port 99999
account c
host two words
account d : nowhere
host d.example
tls on
port 587
timeout never
from nobody
aliases relative
protocol x400
account d
host e.example
account m
host m.example
protocol lmtp
tls on
"""}, """
[account a-b]
host = a.example
tls = starttls
[account d]
host = d.example
tls = starttls
[account m]
host = m.example
port = 25
tls = starttls
""", """
rc:1: the account is called "a-b" here
rc:4: cannot be carried: port:
rc:6: there is no TLS
rc:6: cannot be carried: host:
rc:7: account d: there is no account nowhere before it
rc:11: cannot be carried: connect-timeout:
rc:11: cannot be carried: timeout:
rc:12: cannot be carried: from:
rc:13: cannot be carried: aliases:
rc:14: cannot be carried: protocol:
rc:15: there is an account "d" already
rc:19: cannot be carried: account m: protocol: lmtp needs a port
""", 1)

table("an account that is refused at several places", "msmtp", {"rc": """\
account a
host two words
tls on
port 99999
timeout never
account b
host b.example
tls on
port 587
"""}, """
[account b]
host = b.example
tls = starttls
""", """
rc:2: cannot be carried: host:
rc:4: cannot be carried: port:
rc:5: cannot be carried: connect-timeout:
rc:5: cannot be carried: timeout:
""", 1)

table("logs and sockets", "msmtp", {"rc": """\
account a
host a.example
tls on
port 587
syslog LOG_USER
account b
socket /run/x.sock
logfile /var/log/b
syslog off
"""}, """
log = syslog
[account a]
host = a.example
tls = starttls
[account b]
host = /run/x.sock
""", """
rc:5: syslog: it is always the facility mail
rc:8: log: there is one for all accounts
""", 1)

# ------------------------------------------------------------------------ ssmtp

table("a usual file", "ssmtp", {"ssmtp.conf": """\
# Config file
root=postmaster
mailhub=smtp.example.com:587
#rewriteDomain=commented.example
rewriteDomain=example.com
hostname=box.example.com
UseTLS=YES
UseSTARTTLS=Yes
AuthUser=me@example.com
AuthPass=secret
AuthMethod=LOGIN
FromLineOverride=YES
"""}, """
[account default]
host = smtp.example.com
tls = starttls
auth = LOGIN
user = me@example.com
password = secret
from = *@example.com
envelope-from = %U@example.com
domain = example.com
ehlo-name = box.example.com
""", """
ssmtp.conf:2: Root: write an aliases file
ssmtp.conf:12: FromLineOverride: From stays
""", 1)

table("TLS from the start, and a certificate", "ssmtp", {"ssmtp.conf": """\
Mailhub = mail.example:465
UseTLS=yes
UseTLSCert=yes
TLSCert=/k.pem
TLS_CA_File=/etc/ssl/certs/ca-certificates.crt
AuthUser=me
AuthPass=x
AuthMethod=cram-md5
"""}, """
[account default]
host = mail.example
tls = on
auth = CRAM-MD5
user = me
password = x
tls-cert = /k.pem
""", "", 0)

table("a hub in the clear, and what ssmtp does not read", "ssmtp",
      {"ssmtp.conf": """\
mailhub=mail
hostname=box.example
FromLineOverride=NO
UseOldAUTH=YES
Debug=YES
AuthUser=me
AuthPass=one two
TLSCert=/unused
whatever=1
UseSTARTTLS=YES
UseTLS=NO
""", "revaliases": """\
# comment
nobody-of-that-name:x@y.example:hub.example:25
broken line
"""}, """
[account default]
host = mail
port = 25
tls = starttls
user = me
password = one
from = *@box.example
from-policy = force
envelope-from = %U@box.example
domain = box.example
ehlo-name = box.example
""", """
revaliases:2: belongs into the configuration of user nobody-of-that-name
revaliases:3: is no login:address
ssmtp.conf:4: UseOldAUTH
ssmtp.conf:5: Debug
ssmtp.conf:7: AuthPass: ssmtp reads only
ssmtp.conf:9: whatever: is not known
ssmtp.conf:11: there is no TLS
""", 1)

table("a password with #", "ssmtp", {"ssmtp.conf": """\
mailhub=mail.example:587
UseSTARTTLS=YES
AuthUser=me
AuthPass=pa#ss
"""}, """
[account default]
host = mail.example
tls = starttls
user = me
""", """
ssmtp.conf:3: account default: no password is with the user
ssmtp.conf:4: AuthPass: ssmtp takes no value with #
""", 1)

table("the sender of the user who asks", "ssmtp", {"ssmtp.conf": """\
mailhub=mail.example
UseSTARTTLS=YES
""", "revaliases": "@LOGIN@:me@example.com:hub.example:465\n"}, """
[account default]
host = hub.example
port = 465
tls = starttls
from = me@example.com
from-policy = force
""", "", 0)

# ------------------------------------------------------------------------ esmtp

table("identities", "esmtp", {"esmtprc": """\
hostname = smtp.example.org:465   # a comment
username="me" password 'it\\'s #1'
starttls=enabled
helo box.example
qualifydomain=example.org
force reverse_path = "%u+b@example.org"
identity "me@work.example"
	hostname = mail.work.example
	username me2
	password = a=b#c
	starttls = required
mda="/usr/bin/procmail -d %T"
"""}, """
[account default]
host = smtp.example.org
port = 465
tls = starttls
user = me
password = it's #1
envelope-from = %U+b@example.org
envelope-from-fixed = yes
domain = example.org
ehlo-name = box.example
[account me@work.example]
host = mail.work.example
tls = starttls
user = me2
password = a=b#c
from = me@work.example
""", """
esmtprc:3: starttls: enabled goes on without TLS
esmtprc:12: mda: there is no delivery
""", 1)

table("a default that is said to be one", "esmtp", {"esmtprc": """\
identity a@a.example
hostname a.example:submission starttls required
identity b@b.example
hostname b.example starttls required
default
"""}, """
[account default]
host = b.example
tls = starttls
from = b@b.example
[account a@a.example]
host = a.example
tls = starttls
from = a@a.example
""", "", 0)

table("what is not carried", "esmtp", {"esmtprc": """\
hostname mail.example:25
starttls sometimes
certificate_passphrase "x"
preconnect = "ssh -f host"
postconnect 'x'
force sender me@example
force mda
force_mda = me
message_id = disabled
unknown thing
password = "never closed
username = me
"""}, """
[account default]
host = mail.example
port = 25
tls = starttls
user = me
""", """
esmtprc:1: there is no TLS
esmtprc:2: starttls: is not one of
esmtprc:3: certificate_passphrase: the key
esmtprc:4: preconnect: no command
esmtprc:5: postconnect: no command
esmtprc:6: force sender: a Sender field
esmtprc:7: ...: is not known here
esmtprc:8: force_mda: there is no delivery
esmtprc:9: message_id: a missing
esmtprc:10: unknown: is not known here
esmtprc:11: password: the quotes are not closed
esmtprc:12: account default: no password
""", 1)

# -------------------------------------------------------------------------- dma

table("a smarthost with a log-in", "dma", {"dma.conf": """\
# comment
SMARTHOST smtp.example.com
PORT 587
AUTHPATH @DIR@/auth.conf
SECURETRANSFER
STARTTLS
MASQUERADE me@example.com
MAILNAME box.example.com	# behind it
NULLCLIENT
""", "auth.conf": """\
# comment
a|other.example:no
me|smtp.example.com:old
me|smtp.example.com:se:cret |x
broken
"""}, """
[account default]
host = smtp.example.com
tls = starttls
user = me
password = se:cret |x
envelope-from = me@example.com
envelope-from-fixed = yes
domain = box.example.com
ehlo-name = box.example.com
""", """
auth.conf:2: is for a server that is not the SMARTHOST
auth.conf:5: is no user|host:password
""", 1)

table("TLS from the start, and senders", "dma", {"dma.conf": """\
SMARTHOST a.example
PORT 465
SECURETRANSFER
CERTFILE /k.pem
ALIASES /etc/aliases
MASQUERADE john@
"""}, """
[account default]
host = a.example
tls = on
tls-cert = /k.pem
envelope-from = john@%H
envelope-from-fixed = yes
aliases = /etc/aliases
""", "", 0)

table("what is not carried", "dma", {"dma.conf": """\
SMARTHOST a.example
SPOOLDIR /var/spool/dma
SECURE
INSECURE
DEFER
FULLBOUNCE
FINGERPRINT 00
OPPORTUNISTIC_TLS
STARTTLS
AUTHPATH /nonexistent/auth
MAILNAME /nonexistent/name
MASQUERADE example.org
NOSUCH x
"""}, """
[account default]
host = a.example
port = 25
tls = starttls
envelope-from = %U@example.org
envelope-from-fixed = yes
""", """
/nonexistent/name: cannot be read: No such file
dma.conf: dma looks into /etc/aliases
dma.conf:1: there is no TLS
dma.conf:2: SPOOLDIR: the queue
dma.conf:4: INSECURE: there is no log-in
dma.conf:5: DEFER: is an option
dma.conf:6: FULLBOUNCE: is an option
dma.conf:7: FINGERPRINT: it is of
dma.conf:8: OPPORTUNISTIC_TLS: nothing
dma.conf:9: STARTTLS: has no effect
dma.conf:10: AUTHPATH: cannot be read: No such file
dma.conf:13: NOSUCH: is not known
""", 1)

table("no smarthost", "dma", {"dma.conf": "#SMARTHOST a\n"}, "", """
dma.conf: there is no SMARTHOST
nothing of dma was found
""", 65)

# ------------------------------------------------------------------- nullmailer

table("remotes and the files beside it", "nullmailer", {"remotes": """\
# comment
mail.example.com smtp --port=587 --starttls --user=me --pass='my pass # x'
backup.example.com smtp
""", "defaulthost": "example.com\n", "me": "box.example.com\n",
      "allmailfrom": " me@example.com \n", "adminaddr": "root@example.com\n",
      "defaultdomain": "example.com\n", "pausetime": "90\n",
      "maxpause": "3600\n", "queuelifetime": "172800\n", "idhost": "",
      "sendtimeout": "60\n"}, """
[account default]
host = mail.example.com
tls = starttls
user = me
password = my pass # x
envelope-from = me@example.com
envelope-from-fixed = yes
domain = example.com
ehlo-name = box.example.com
queue-lifetime = 172800
retry-min = 90
retry-max = 3600
""", """
adminaddr:1: adminaddr: write an aliases file
defaultdomain:1: defaultdomain: is not put
remotes:3: there is one server only
sendtimeout:1: sendtimeout: there are limits
""", 1)

table("options without dashes, and all of them", "nullmailer", {"remotes": """\
mail.example.com smtp ssl user="a b" pass=x\\ y source=192.0.2.1 auth-login x509certfile=/c x509keyfile=/k x509cafile=/ca insecure
"""}, """
[account default]
host = mail.example.com
tls = on
tls-verify = no
auth = LOGIN
user = a b
password = x y
tls-ca-file = /ca
tls-cert = /c
tls-key = /k
source-address = 192.0.2.1
""", "remotes:1: the certificate is not verified", 1)

table("what is not carried", "nullmailer", {"remotes": """\
q.example qmqp
mail.example smtp --port 2525 tls x509crlfile=/crl x509fmtder tls-anon-auth helo=x pass='open
"""}, """
[account default]
host = mail.example
port = 2525
tls = on
""", """
remotes:1: qmqp: is not spoken here
remotes:2: x509crlfile: lists
remotes:2: x509fmtder: certificates
remotes:2: tls-anon-auth: TLS without
remotes:2: helo: is not known here
remotes:2: the quotes are not closed
""", 1)

# -------------------------------------------------------------------------- git

table("a file with identities", "git", {"config": """\
[user]
	name = Somebody
[sendemail]
	smtpServer = smtp.example.org
	smtpServerPort = 465
	smtpEncryption = ssl
	smtpUser = me@example.org
	smtpPass = "a \\"b\\" # c"
	from = "Some Body" <me@example.org>	; a comment
	to = list@example.org
	confirm = always
	identity = home
[sendemail "work"]
	smtpServer = mail.work.example
	smtpServerPort = submission
	smtpEncryption = tls
	smtpUser = me
	smtpPass = x \\
y
	from = me@work.example
	envelopeSender = bounce@work.example
[SendEmail "home"]
	SMTPDomain = home.example
	smtpBatchSize = 10
	smtpAuth = plain login
	envelopeSender = auto
"""}, """
[account work]
host = mail.work.example
tls = starttls
user = me
password = x y
from = me@work.example
envelope-from = bounce@work.example
[account home]
host = smtp.example.org
tls = on
auth = PLAIN LOGIN
user = me@example.org
password = a "b" # c
from = me@example.org
from-name = Some Body
ehlo-name = home.example
messages-per-connection = 10
[account default]
host = smtp.example.org
tls = on
auth = PLAIN LOGIN
user = me@example.org
password = a "b" # c
from = me@example.org
from-name = Some Body
ehlo-name = home.example
messages-per-connection = 10
""", "", 0)

table("a password that git keeps elsewhere", "git", {"config": """\
[sendemail]
	smtpserver = smtp.example.org:587
	smtpencryption = tls
	smtpuser = me@example.org
"""}, """
[account default]
host = smtp.example.org
tls = starttls
user = me@example.org
password-command = sh -c 'export GIT_TERMINAL_PROMPT=0; printf \
"protocol=smtp\\nhost=smtp.example.org:587\\nusername=me@example.org\\n\\n" \
| git credential fill | sed -n s/^password=//p'
""", "config:4: the command needs a shell", 0)

table("what is not carried", "git", {"config": """\
[include]
	path = other
[sendemail]
	smtpserver = smtp.example.org
	smtpencryption = none
	smtpsslcertpath =
	smtpreloginDelay = 3
	smtpserveroption = -x
	smtpauth = none
	smtpuser = me
	identity = nobody
	broken = "open
	odd line here
[sendemail "prog"]
	smtpserver = /usr/bin/msmtp
[sendemail "cmd"]
	sendmailcmd = mailchute
[broken
"""}, """
[account default]
host = smtp.example.org
port = 25
tls = starttls
tls-verify = no
auth = off
""", """
config:2: other files are not followed
config:5: there is no TLS
config:6: the certificate is not verified
config:7: smtprelogindelay: connections
config:8: smtpserveroption: is for a program
config:11: identity: there is none
config:12: the value is broken
config:13: is neither a section nor a key
config:15: smtpserver: git gives its mail to a program
config:17: sendmailcmd: git gives its mail to a program
config:18: is no section
""", 1)

table("nothing for us", "git", {"config": "[core]\n\tbare = false\n"}, "",
      "nothing of git was found", 65)


@case("git: asked itself, with files that it includes")
def git_itself(p):
    if shutil.which("git") is None:
        raise Skip("git is missing")
    p.write("home/.gitconfig", "[user]\n\tname = x\n[include]\n"
            "\tpath = more\n[alias]\n\tx = !touch %s/run\n" % p.dir)
    p.write("home/more", "# first\n[sendemail]\n"
            "smtpserver = a.example\nsmtpencryption = ssl\n"
            "smtprelogindelay = 4\n")
    got, out, err = p.run("config", "import", "--from", "git")
    same("result", out.splitlines()[2:],
         ["[account default]", "host = a.example", "tls = on"])
    same("told", [x.split(": ")[0] for x in p.told(err)], ["home/more:5"])
    same("status", got, 1)


@case("git: not there, and failing")
def git_missing(p):
    got, out, err = p.run("config", "import", "--from", "git",
                          PATH=p.dir)
    same("status", (got, out), (69, ""))
    holds("text", "git cannot be run" in err, err)
    p.write("git", "#!/bin/sh\nexit 3\n", 0o755)
    got, out, err = p.run("config", "import", "--from", "git",
                          PATH=p.dir + ":/usr/bin:/bin")
    same("status", (got, out), (69, ""))
    holds("text", "git has failed" in err, err)
    p.write("git", "#!/bin/sh\nprintf 'file:x'\n", 0o755)
    got, out, err = p.run("config", "import", "--from", "git",
                          PATH=p.dir + ":/usr/bin:/bin")
    same("status of half a list", (got, out), (69, ""))
    p.write("git", "#!/bin/sh\nexec cat /dev/zero\n", 0o755)
    got, out, err = p.run("config", "import", "--from", "git",
                          PATH=p.dir + ":/usr/bin:/bin")
    same("status of an endless list", (got, out), (69, ""))


# ----------------------------------------------------------- secrets and files

RC = """\
account a
host a.example
port 465
tls on
tls_starttls off
auth on
user me
password top-secret
account b : a
password
passwordeval sh -c "echo top-secret"
"""


@case("no password comes to standard output unasked")
def hidden(p):
    p.write("rc", RC)
    got, out, err = p.run("config", "import", "--from", "msmtp", "rc")
    holds("not shown", "top-secret" not in out + err, out + err)
    same("a comment each", [x for x in out.splitlines() if "left out" in x],
         ["# left out here: password", "# left out here: password-command"])
    same("told", p.told(err)[-1][:40],
         "passwords are left out on standard output"[:40])
    same("status", got, 1)
    same("nothing is left there", sorted(os.listdir(p.dir)), ["home", "rc"])
    p.write("out", out)
    same("check", p.run("config", "check", "-C", "out")[0], 0)
    got, out, err = p.run("config", "import", "--from=msmtp",
                          "--with-secrets", "rc")
    same("status", (got, err), (0, ""))
    holds("shown", out.count("top-secret") == 2, out)


@case("no password is in what is told, whatever is wrong with the line")
def hidden_always(p):
    rows = [
        ("msmtp", "account a\nhost a.example\ntls on\nauth on\nuser me\n"
         "top-secret x\npassword top-secret\x01\n"),
        ("msmtp", "top-secret\naccount top secret\ntls top-secret\n"),
        ("ssmtp", "mailhub=h\nAuthUser=x\nAuthPass=top-secret#1\ntop-secret\n"),
        ("esmtp", "hostname h\nusername u\npassword \"top-secret\ntop-secret"),
        ("dma", "SMARTHOST h\ntop-secret\nPORT top-secret\n"),
        ("nullmailer", "h smtp --pass 'top-secret\nh2 top-secret\n"),
        ("git", "[sendemail]\nsmtpserver = h\nsmtppass = \"top-secret\n"),
    ]
    for number, (program, text) in enumerate(rows):
        text = text.replace("top-secret", "t0p.secret")
        p.write("rc", text)
        _, out, err = p.run("config", "import", "--from", program, "rc")
        # a word where a keyword should be may be shown if it looks like one
        err = err.replace("t0p.secret: is not known here", "")
        err = err.replace("t0p.secret: is not spoken here", "")
        holds("row %d" % number, "t0p" not in out + err, out + err)


@case("--output: what is there stays, and --force keeps it as FILE~")
def output(p):
    p.write("rc", RC)
    run = ["config", "import", "--from", "msmtp", "rc", "--output"]
    p.write("conf", "old\n", 0o644)
    got, out, err = p.run(*run, "conf")
    same("status", (got, out), (73, ""))
    holds("text", "is there already" in err, err)
    with open(p.dir + "/conf", encoding="utf-8") as f:
        same("untouched", f.read(), "old\n")
    same("nothing left", sorted(os.listdir(p.dir)), ["conf", "home", "rc"])
    got, out, err = p.run(*run, "conf", "--force")
    same("status", (got, out, err), (0, "", ""))
    with open(p.dir + "/conf~", encoding="utf-8") as f:
        same("kept", f.read(), "old\n")
    same("mode", os.stat(p.dir + "/conf").st_mode & 0o777, 0o600)
    same("check", p.run("config", "check", "-C", "conf")[0], 0)
    got, out, err = p.run(*run, "conf", "--force")
    same("twice", got, 0)
    same("nothing left", sorted(os.listdir(p.dir)),
         ["conf", "conf~", "home", "rc"])
    os.symlink("conf", p.dir + "/link")
    for name, force in (("link", ["--force"]), ("home", ["--force"]),
                        ("link", []), ("home", [])):
        got, out, err = p.run(*run, name, *force)
        same("status for %s" % name, (got, out), (73, ""))
    holds("still a link", os.path.islink(p.dir + "/link"))
    got, out, err = p.run(*run, "rc/x")
    same("below a file", (got, out), (73, ""))
    got, out, err = p.run(*run, "~/c")
    same("not expanded", (got, os.path.exists(p.dir + "/~")), (64, False))
    got, out, err = p.run(*run, "a/b/c")
    same("directories are made", got, 0)
    same("closed", os.stat(p.dir + "/a/b").st_mode & 0o777, 0o700)


@case("standard output that is full is a failure")
def full(p):
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    p.write("rc", "account a\nhost a.example\ntls on\n")
    with open("/dev/full", "wb") as f:
        got = subprocess.run(
            [BIN, "config", "import", "--from", "msmtp", p.dir + "/rc"],
            stdout=f, stderr=subprocess.PIPE, timeout=LIMIT,
            env={"HOME": p.home}, check=False).returncode
    same("status", got, 74)


@case("the command line")
def usage(p):
    p.write("rc", RC)
    for args in ([], ["--from"], ["--from", "sendmail"], ["--from", "msmtp",
                 "rc", "rc"], ["--from", "msmtp", "--outptu", "x"],
                 ["--from", "msmtp", "--output"], ["rc"],
                 ["--from", "msmtp", "--output=", "rc"]):
        got, out, err = p.run("config", "import", *args)
        same("status for %s" % args, (got, out), (64, ""))
        same("one line for %s" % args, err.count("\n"), 1)
    for args in (["config", "import", "--help"], ["config", "--help"]):
        got, out, err = p.run(*args)
        same("help", (got, err), (0, ""))
        holds("a screen", len(out.splitlines()) <= 24 and
              max(map(len, out.splitlines())) <= 80, out)


@case("its usual files: the user's over the system's")
def usual(p):
    got, out, err = p.run("config", "import", "--from", "esmtp")
    if os.path.exists("/etc/esmtprc"):
        raise Skip("there is an /etc/esmtprc")
    same("none", (got, out), (66, ""))
    holds("text", "no configuration of esmtp" in err, err)
    p.write("home/.esmtprc", "hostname h.example starttls required\n")
    same("esmtp", p.run("config", "import", "--from", "esmtp")[0], 0)
    p.write("home/.config/msmtp/config",
            "account a\nhost xdg.example\ntls on\nport 587\n")
    got, out, err = p.run("config", "import", "--from", "msmtp")
    holds("xdg", "xdg.example" in out, out + err)
    p.write("xdg/msmtp/config",
            "account a\nhost xdg2.example\ntls on\nport 587\n")
    got, out, err = p.run("config", "import", "--from", "msmtp",
                          XDG_CONFIG_HOME=p.dir + "/xdg")
    holds("xdg", "xdg2.example" in out, out + err)
    p.write("home/.msmtprc",
            "account b\nhost home.example\ntls on\nport 587\n")
    got, out, err = p.run("config", "import", "--from", "msmtp")
    holds("home", "home.example" in out and "xdg" not in out, out + err)


@case("a directory of nullmailer's")
def directory(p):
    p.write("nm/remotes", "h.example smtp starttls\n")
    p.write("nm/me", "box.example\n")
    got, out, err = p.run("config", "import", "--from", "nullmailer", "nm")
    same("status", (got, err), (0, ""))
    holds("me", "ehlo-name = box.example" in out, out)


# ------------------------------------------------------------------ bad input

PROGRAMS = ("msmtp", "ssmtp", "esmtp", "dma", "nullmailer", "git")
START = {
    "msmtp": "account a\nhost a.example\ntls on\nport 587\n",
    "ssmtp": "mailhub=a.example:587\nUseSTARTTLS=YES\n",
    "esmtp": "hostname a.example\nstarttls required\n",
    "dma": "SMARTHOST a.example\nPORT 587\nSECURETRANSFER\nSTARTTLS\n",
    "nullmailer": "a.example smtp port=587 starttls\n",
    "git": "[sendemail]\nsmtpserver=a.example\nsmtpserverport=587\n"
           "smtpencryption=tls\n",
}


def hostile(title, make, statuses, text=""):
    def check(p):
        for program in PROGRAMS:
            path = make(p, program)
            got, out, err = p.run("config", "import", "--from", program, path)
            holds("%s: status %d\n%.2000s" % (program, got, err),
                  got in statuses)
            holds("%s: told" % program, got == 0 or text in err, err[:2000])
            holds("%s: not too much is told" % program,
                  len(err.splitlines()) < 1100)
            if got > 1:
                same("%s: no output" % program, out, "")
            else:
                p.write("result", out)
                got, _, err = p.run("config", "check", "-C", "result")
                same("%s: check %s" % (program, err), got, 0)
    CASES.append(("hostile: " + title, check))


def with_text(make):
    return lambda p, program: p.write("f", make(START[program]))


hostile("a NUL byte", with_text(lambda s: s + "x\0y\n"), {65}, "NUL")
hostile("NUL alone", with_text(lambda s: "\0"), {65}, "NUL")
hostile("an endless line", with_text(lambda s: s + "x" * 70000 + "\n"), {0, 1})
hostile("one endless line", with_text(lambda s: "host " * 200000), {0, 1, 65})
hostile("10 MB", with_text(lambda s: s * (10 << 20 >> 6)), {65}, "1 MiB")
hostile("a million short lines", with_text(
    lambda s: s + "a b\n" * 200000), {0, 1, 65})
hostile("quotes", with_text(
    lambda s: s + "\"'\\\n\"\n'\n\\\n\"\\\n" * 50), {0, 1, 65})
hostile("an unbalanced quote at the end", with_text(
    lambda s: s + "password \"x"), {0, 1})
hostile("bytes by chance", with_text(
    lambda s: s.encode() + bytes((i * 7919 >> 3) % 255 + 1
                                 for i in range(20000))), {0, 1})
hostile("bytes that are no UTF-8 in a value", with_text(
    lambda s: s.encode() + b"password p\xe4ss\nuser \xff\xfe\n"), {0, 1})
hostile("CR LF", with_text(lambda s: s.replace("\n", "\r\n")), {0})
hostile("a byte order mark", with_text(lambda s: "\ufeff" + s), {0})
hostile("no line end", with_text(lambda s: s.rstrip("\n")), {0})
hostile("an empty file", with_text(lambda s: ""), {65}, "nothing of")
hostile("no file", lambda p, program: p.dir + "/none", {66}, "No such file")
hostile("a directory", lambda p, program: p.dir, {66})
hostile("a device", lambda p, program: "/dev/zero", {66}, "no regular file")


def loop(p, _):
    if not os.path.islink(p.dir + "/loop"):
        os.symlink("loop", p.dir + "/loop")
    return p.dir + "/loop"


def fifo(p, _):
    if not os.path.exists(p.dir + "/fifo"):
        os.mkfifo(p.dir + "/fifo")
    return p.dir + "/fifo"


hostile("a loop of links", loop, {66})
hostile("a FIFO that nobody writes to", fifo, {66}, "no regular file")


@case("hostile: a file that may not be read")
def unreadable(p):
    p.write("f", START["msmtp"], 0)
    if os.geteuid() == 0:
        os.chmod(p.dir, 0o755)
        done = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", "--", BIN,
             "config", "import", "--from", "msmtp", p.dir + "/f"],
            env={"HOME": "/nonexistent", "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
            check=False)
        if b"setpriv" in done.stderr:
            raise Skip("no setpriv")
        if b"f: cannot be read" not in done.stderr:
            raise Skip("the program is out of that user's reach")
        same("status", done.returncode, 66)
        return
    same("status", p.run("config", "import", "--from", "msmtp", "f")[0], 66)


@case("hostile: files that name themselves, and accounts without end")
def recursion(p):
    p.write("f", "account a : a\nhost a.example\ntls on\nport 587\n"
            "account b : b,a,b\neval cat f\n")
    got, out, err = p.run("config", "import", "--from", "msmtp", "f")
    same("status", got, 1)
    holds("both are there", "[account a]" in out and "[account b]" in out, out)
    p.write("dma.conf", START["dma"] + "AUTHPATH %s/dma.conf\nMAILNAME "
            "%s/dma.conf\n" % (p.dir, p.dir))
    same("dma", p.run("config", "import", "--from", "dma", "dma.conf")[0], 1)
    p.write("f", "".join("account a%d\nhost h\ntls on\nport 587\n" % i
                         for i in range(1200)))
    got, out, err = p.run("config", "import", "--from", "msmtp", "f")
    same("status", got, 1)
    same("accounts", out.count("[account"), 1000)
    p.write("f", "".join("account a%d\nhost h%d!\ntls on\n" % (i, i)
                         for i in range(900)))
    got, out, err = p.run("config", "import", "--from", "msmtp", "f")
    same("none is good", (got, out), (65, ""))


@case("hostile: nothing of the file is run")
def no_run(p):
    mark = p.dir + "/mark"
    touch = "touch " + mark
    p.write("rc", "eval %s\naccount a\nhost a.example\ntls on\nport 587\n"
            "auth on\nuser me\npasswordeval %s; $(%s) `%s`\n" %
            (touch, touch, touch, touch))
    p.write("rc2", "hostname h preconnect '%s' starttls required\n"
            "mda \"%s\"\n" % (touch, touch))
    p.write("g", "[sendemail]\nsmtpserver = h\nsmtpencryption = ssl\n"
            "smtpuser = a$(%s)\n[core]\npager = %s\n" % (touch, touch))
    p.run("config", "import", "--from", "msmtp", "rc", "--output", "c1")
    p.run("config", "import", "--from", "esmtp", "rc2", "--output", "c2")
    p.run("config", "import", "--from", "git", "g", "--output", "c3")
    holds("all were written", all(os.path.exists(p.dir + "/c%d" % i)
                                  for i in (1, 2, 3)))
    with open(p.dir + "/c3", encoding="utf-8") as f:
        holds("no command of git's with such a name", "git" not in
              f.read().split("\n", 1)[1])
    holds("nothing was run", not os.path.exists(mark))


# ------------------------------------------------------------- Debian's samples

def sample(program, path, status, told, wanted):
    def check(p):
        for place in (TOP + "/build/peers", "peers", "../peers"):
            full_path = os.path.join(place, path)
            if os.path.exists(full_path):
                break
        else:
            raise Skip("not unpacked")
        name = os.path.basename(path)
        shutil.copy(full_path, os.path.join(p.dir, name))
        got, out, err = p.run("config", "import", "--from", program, name,
                              "--with-secrets")
        same("told", [x.split(": ")[0].split(":")[-1]
                      for x in p.told(err)], told)
        same("result", [x for x in out.splitlines()[1:] if x],
             lines_of(p.fill(wanted)))
        same("status", got, status)
        if status <= 1:
            p.write("result", out)
            same("check", p.run("config", "check", "-C", "result")[0], 0)
    CASES.append(("Debian's %s: %s" % (program, os.path.basename(path)),
                  check))


sample("msmtp", "usr/share/doc/msmtp/examples/msmtprc-user.example", 1,
       ["50"], """
[account freemail]
host = smtp.freemail.example
tls = starttls
user = joe.smith
password-command = gpg2 --no-tty -q -d @HOME@/.msmtp-password.gpg
from = joe_smith@freemail.example
[account freemail2]
host = smtp.freemail.example
tls = starttls
user = joe.smith
password-command = gpg2 --no-tty -q -d @HOME@/.msmtp-password.gpg
from = joey@freemail.example
[account company]
host = mail.company.example
tls = starttls
user = company12345
password-command = secret-tool lookup host mail.company.example \
service smtp user company12345
from = smithjoe@company.example
[account default]
host = smtp.freemail.example
tls = starttls
user = joe.smith
password-command = gpg2 --no-tty -q -d @HOME@/.msmtp-password.gpg
from = joe_smith@freemail.example
""")
sample("msmtp", "usr/share/doc/msmtp/examples/msmtprc-system.example", 0,
       [], """
log = syslog
[account default]
host = mail.oursite.example
tls = on
from = *@oursite.example
from-policy = force
envelope-from = %U@oursite.example
envelope-from-fixed = yes
domain = oursite.example
""")
sample("esmtp", "usr/share/doc/esmtp/examples/sample.esmtprc", 1,
       ["11", "36", "48"], """
[account default]
host = localhost
tls = off
[account myself@somewhere.com]
host = smtp.somewhere.com
port = 25
tls = starttls
user = myself
password = secret
from = myself@somewhere.com
""")
sample("dma", "usr/share/dma/dma.conf", 65, ["dma.conf", "nothing of dma was"
       " found that could be carried"], "")
sample("dma", "etc/dma/auth.conf", 65, ["auth.conf", "nothing of dma was"
       " found that could be carried"], "")
sample("ssmtp", "etc/ssmtp/revaliases", 65, ["revaliases", "nothing of ssmtp"
       " was found that could be carried"], "")


# --------------------------------------------------------------- it really sends

CERTS = tempfile.TemporaryDirectory(prefix="mailchute-import-certs-")


def the_certs():
    if not os.listdir(CERTS.name):
        subprocess.run(["sh", HERE + "/../script/certs.sh", CERTS.name],
                       check=True, stdout=subprocess.DEVNULL)
    return CERTS.name


def sends(program, tls, text, files=None, password="l0ve lace"):
    def check(p):
        certs = the_certs()
        s = server.Server(server.Script(
            "tls = %s" % tls, {"user": "ada", "password": password}),
                          certs)
        try:
            fill = lambda t: (t.replace("@PORT@", str(s.port))
                              .replace("@CA@", certs + "/ca.pem")
                              .replace("@DIR@", p.dir))
            for name, content in (files or {}).items():
                p.write(name, fill(content))
            p.write("conf-in", fill(text))
            got, out, err = p.run("config", "import", "--from", program,
                                  "conf-in", "--output", "conf")
            holds("imported: %d %s" % (got, err), got <= 1)
            # those that cannot name an authority use the system's
            env = {} if "@CA@" in text else {"SSL_CERT_FILE":
                                             certs + "/ca.pem"}
            got, out, err = p.run(
                "--no-queue", "-oi", "-C", "conf", "you@example.com",
                stdin=b"From: me@example.org\nTo: you@example.com\n\nhello\n",
                **env)
            same("sent: " + err, got, 0)
            s.settle(LIMIT)
            done = s.record.delivered()
            same("taken", [len(done), s.record.auths, s.record.violations],
                 [1, 1, []])
        finally:
            s.stop()
    CASES.append(("sent with what %s knew, tls %s" % (program, tls), check))


sends("msmtp", "starttls", """\
account default
host localhost
port @PORT@
tls on
tls_trust_file @CA@
auth on
user ada
passwordeval "cat @DIR@/pw | head -n 1"
from me@example.org
""", {"pw": "l0ve lace\nmore\n"})
sends("msmtp", "on", """\
account default
host localhost
port @PORT@
tls on
tls_starttls off
tls_trust_file @CA@
auth plain
user ada
password "l0ve lace"
from %U@example.org
set_from_header on
""")
sends("ssmtp", "starttls", """\
mailhub=localhost:@PORT@
UseSTARTTLS=YES
AuthUser=ada
AuthPass=lovelace
TLS_CA_File=@CA@
""", password="lovelace")
sends("esmtp", "starttls", """\
hostname = localhost:@PORT@
starttls = required
username = ada
password = "l0ve lace"
""")
sends("dma", "on", """\
SMARTHOST localhost
PORT @PORT@
SECURETRANSFER
AUTHPATH @DIR@/auth
MASQUERADE me@example.org
""", {"auth": "ada|localhost:l0ve lace\n"})
sends("nullmailer", "starttls", """\
localhost smtp port=@PORT@ starttls user=ada pass='l0ve lace' x509cafile=@CA@
""")
sends("git", "on", """\
[sendemail]
	smtpServer = localhost
	smtpServerPort = @PORT@
	smtpEncryption = ssl
	smtpSSLCertPath = @CA@
	smtpUser = ada
	smtpPass = l0ve lace
	from = me@example.org
""")


# -------------------------------------------------------------------------- all

def main(patterns):
    chosen = [c for c in CASES if not patterns or
              any(fnmatch.fnmatch(c[0], x) for x in patterns)]
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, (title, function) in enumerate(chosen, 1):
        place = Place()
        begun = time.monotonic()
        why = None
        try:
            function(place)
        except Skip as skipped:
            print("ok %d - %s # SKIP %s" % (number, title, skipped))
            continue
        except Exception as problem:    # pylint: disable=broad-except
            why = "%s: %s" % (type(problem).__name__, problem)
        finally:
            place.end()
        print("%s %d - %s # %.1f s" % ("not ok" if why else "ok", number,
                                       title, time.monotonic() - begun),
              flush=True)
        if why:
            failed += 1
            for line in why.splitlines():
                print("# " + line[:1000])
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
