#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Submit mail to a real Postfix and look at what arrives: postfix.py [options]
[PATTERN]...

Prints TAP.  PATTERN (with * and ?) chooses cases by their title.  Options:
--list, --keep (leave the directory and say where it is).  Postfix and Dovecot
run in a temporary directory of their own and listen on loopback only.
Environment:
  MAILCHUTE_BIN      the program under test (it is called through a link)
  MAILCHUTE_WRAPPER  words in front of it, e.g. "valgrind -q"
  MAILCHUTE_SLOW     factor for time limits
"""
import collections
import email
import email.policy
import fnmatch
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "script"))
import decoded                          # noqa: E402
import servers                          # noqa: E402
from servers import MECHS, SLOW, Trouble, read, wait_for, write  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ME = "me@example.test"
PASSWORD = {
    "ada": "correct horse battery staple",
    "grace": "a nanosecond is 11.8 inches",     # stored as SCRAM-SHA-256
    "alan": "can machines think",               # stored as SCRAM-SHA-1
    "björn": "Grüße, 8 Mützen",
    "nobody": "whatever it may be",             # the server knows no such user
}


class Failure(Exception):
    """The program did not do what it should have."""


class Skip(Exception):
    """This server cannot do what the case needs."""


def expect(fact, *words):
    if not fact:
        raise Failure(" ".join(str(w) for w in words))


# ---------------------------------------------------------------- the one bench

class Run:
    """What one call of the program did."""

    def __init__(self, status, stderr, log, mails):
        self.status = status
        self.stderr = stderr
        self.log = log
        self.mails = mails

    def seen(self):
        out = ["exit status %d, standard error:" % self.status]
        out += ["  " + x for x in self.stderr.splitlines()]
        out += ["arrived:"]
        out += ["  %s: from <%s> to %s" % (m.queue_id, m.sender,
                                           " ".join(m.rcpts))
                for m in self.mails]
        return "\n".join(out + ["log of Postfix:"] + [
            "  " + x for x in self.log.splitlines()[-40:]])

    def transactions(self):
        """Recipients of each message in Postfix's queue, as sorted lists."""
        found = collections.OrderedDict()
        for m in self.mails:
            found.setdefault(m.queue_id, []).extend(m.rcpts)
        return [sorted(x) for x in found.values()]

    def count(self, pattern):
        return len(re.findall(pattern, self.log, re.M))


class Bench:
    """The servers, and the program in front of them."""

    def __init__(self, where):
        self.dir = where
        self.number = 0
        self.last = None
        self.running = []
        self.link = where + "/sendmail"
        os.symlink(os.path.abspath(os.environ["MAILCHUTE_BIN"]), self.link)
        self.certs = where + "/certs"
        subprocess.run(
            ["sh", HERE + "/../script/certs.sh", self.certs], check=True)
        self.pin = read(self.certs + "/good.pin").strip()

    def start(self):
        users = [
            "ada:{PLAIN}" + PASSWORD["ada"],
            "grace:{SCRAM-SHA-256}" + servers.scram_secret(
                "sha256", PASSWORD["grace"]),
            "alan:{SCRAM-SHA-1}" + servers.scram_secret(
                "sha1", PASSWORD["alan"]),
            "björn:{PLAIN}" + PASSWORD["björn"]]
        self.sink = self.started(servers.Sink(self.dir + "/lmtp"))
        self.killer = self.started(servers.Killer(self.dir + "/policy"))
        self.dovecot = self.started(servers.Dovecot(
            self.dir + "/dovecot", users))
        self.postfix = self.started(servers.Postfix(
            self.dir + "/postfix", self.certs, self.dir + "/lmtp",
            self.dovecot.socket, self.dir + "/policy"))
        self.killer.master = self.postfix.daemon.pid

    def started(self, server):
        self.running.insert(0, server)
        return server

    def stop(self):
        for server in self.running:
            server.stop()

    def config(self, port, user, changes):
        keys = {"from": ME, "host": "localhost",
                "port": self.postfix.port[port],
                "tls": "starttls" if port in ("starttls", "small") else "on",
                "tls-ca-file": self.certs + "/ca.pem",
                "timeout": "%ds" % (20 * SLOW), "connect-timeout": "20s"}
        if user:
            keys.update({"user": user, "password": PASSWORD[user]})
        keys.update({k.replace("_", "-"): v for k, v in changes.items()})
        path = self.dir + "/config"
        write(path, "log = %s/mailchute.log\nqueue = off\n"
              "[account t]\n" % self.dir +
              "".join("%s = %s\n" % x for x in keys.items()
                      if x[1] is not None), 0o600)
        return keys

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("MAILCHUTE_")}
        env.update(MAILCHUTE_CONFIG=self.dir + "/config", HOME=self.dir)
        return env

    def send(self, port, args, message, user="ada", connections=1, killed=0,
             **changes):
        """Call the program and wait until Postfix has nothing left to do."""
        keys = self.config(port, user, changes)
        env = self.environment()
        log_mark, mail_mark = len(self.postfix.log()), len(
            self.sink.deliveries)
        argv = shlex.split(os.environ.get("MAILCHUTE_WRAPPER", ""))
        try:
            done = subprocess.run(
                argv + [self.link] + args, input=message, env=env,
                timeout=60 * SLOW, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, check=False)
        except subprocess.TimeoutExpired:
            raise Failure("the program does not end") from None
        self.settle(log_mark, connections, killed)
        self.last = run = Run(
            done.returncode, done.stderr.decode("utf-8", "replace"),
            self.postfix.log()[log_mark:], self.sink.since(mail_mark))
        expect(not done.stdout, "standard output:", done.stdout)
        told = run.stderr + read(self.dir + "/mailchute.log")
        expect(keys.get("password", "\0") not in told,
               "the password was shown")
        expect(run.count("panic:|fatal:") == 0, "Postfix complains")
        for mail in run.mails:
            expect(b"\n" not in mail.data.replace(b"\r\n", b""), "bare LF")
        return run

    def settle(self, mark, connections, killed):
        """Postfix logs the end of every connection and empties its queue."""
        def quiet():
            log = self.postfix.log()[mark:]
            ended = len(re.findall(r"smtpd\[\d+\]: disconnect from", log)) + \
                len(re.findall(r"killed by signal", log))
            begun = len(re.findall(r"smtpd\[\d+\]: connect from", log))
            return ended == begun >= connections and not self.queued()

        self.postfix.sync_log()
        try:
            wait_for("end of the connections, empty queue", 10, quiet)
        except Trouble as e:
            raise Failure("%s\n%s\n%s" % (
                e, self.queued(), self.postfix.log()[mark:])) from None
        begun = len(re.findall(r"smtpd\[\d+\]: connect from",
                               self.postfix.log()[mark:]))
        expect(begun == connections, begun, "connections instead of",
               connections)
        expect(len(self.killer.killed) == killed, "killed:",
               self.killer.killed)
        self.killer.killed = []

    def queued(self):
        # a file moves along this list, never back
        return [name for place in ("incoming", "active", "deferred")
                for _, _, names in os.walk("%s/queue/%s" % (
                    self.postfix.dir, place)) for name in names]

    def domain(self):
        """Every case has a domain of its own."""
        return "c%d.example.test" % self.number

    def names(self, *names):
        return ["%s@%s" % (x, self.domain()) for x in names]


# --------------------------------------------------------------------- messages

def letter(to, body="Hello.\n", more=""):
    """A message with all that the program would have to add."""
    return ("From: Me <%s>\nTo: %s\n%sSubject: a test\n"
            "Date: Mon, 23 Nov 2026 12:00:00 +0000\n"
            "Message-ID: <integration@example.test>\n"
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            "Content-Transfer-Encoding: 8bit\n\n%s"
            % (ME, ",\n\t".join(to), more, body)).encode()


def canonical(message):
    """Lines end with CRLF, the last one too."""
    text = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def took(run, rcpts, status=0):
    """These recipients have got one copy each and nobody else has any."""
    expect(run.status == status, "exit status", run.status, "is not", status)
    got = collections.Counter(a for m in run.mails for a in m.rcpts)
    expect(got == collections.Counter(rcpts), "arrived for", dict(got),
           "instead of", rcpts)
    if status == 0:
        expect(run.stderr == "", "status 0 is not silent")


def same(run, message):
    for mail in run.mails:
        expect(mail.message == canonical(message), "what arrived differs:",
               mail.message[:2000])


def said(run, *patterns):
    """Exactly these lines for people, in any order."""
    lines = run.stderr.splitlines()
    expect(len(lines) == len(patterns), len(patterns), "lines wanted")
    for pattern in patterns:
        hits = [x for x in lines if re.search(pattern, x, re.I)]
        expect(hits, "no line matches", pattern)
        expect(all(x.startswith("sendmail: ") for x in hits), "no name")


def refused(run, status, *patterns):
    took(run, [], status)
    said(run, *patterns)
    expect(run.count("client=") == 0 or status != 75,
           "a transaction was begun")


def logged_in(run, mech, user="ada", times=None):
    """Each transaction names the log-in in the log."""
    wanted = run.count(r"sasl_method=%s, sasl_username=%s$"
                       % (re.escape(mech), user))
    expect(wanted == run.count("client=") >= 1, "log-in by", mech, "as", user,
           "seen", wanted, "times")
    expect(run.count(r"disconnect .* auth=1 ") == 1, "not one AUTH")


def blind_to(run, blind):
    """Nobody's copy names a blind recipient other than its own."""
    for mail in run.mails:
        text = mail.data.decode("utf-8", "replace").lower()
        for address in blind:
            if mail.rcpts == [address]:
                continue
            expect(address not in mail.rcpts, address, "is not alone")
            expect(address.partition("@")[0].lower() not in text,
                   "copy of", mail.rcpts, "names", address)


# ------------------------------------------------------------------------ cases

CASES = []


# a program that leaves the log-in to libcurl may not know SCRAM
OWN_SASL = os.environ.get("MC_NATIVE", "yes") != "no"
BEST = "SCRAM-SHA-256" if OWN_SASL else "PLAIN"


def case(title, *args, **keys):
    def keep(function):
        if "SCRAM" in title and not OWN_SASL:
            return function
        CASES.append((title, lambda bench: function(bench, *args, **keys)))
        return function
    return keep


def log_in(bench, port, mech, user="ada"):
    rcpts = bench.names("a")
    message = letter(rcpts)
    run = bench.send(port, ["-oi", "-f", ME] + rcpts, message, user,
                     auth=mech)
    took(run, rcpts)
    same(run, message)
    logged_in(run, mech or BEST, user)
    expect(run.count("TLS connection established") == 1, "no TLS")
    expect(run.mails[0].sender == ME, "sender", run.mails[0].sender)


for _port in ("starttls", "implicit"):
    for _mech in MECHS:
        case("%s, log-in by %s" % (_port, _mech), _port, _mech)(log_in)
    case("%s, SCRAM-SHA-256 is chosen" % _port, _port, None)(log_in)
case("a password stored as SCRAM-SHA-256", "implicit", None, "grace")(log_in)
case("a password stored as SCRAM-SHA-1", "implicit", "SCRAM-SHA-1",
     "alan")(log_in)
for _mech in MECHS:
    case("name and password outside ASCII, %s" % _mech, "implicit", _mech,
         "björn")(log_in)


def no_log_in(bench, mech, **keys):
    rcpts = bench.names("a")
    run = bench.send("starttls", ["-oi"] + rcpts, letter(rcpts), auth=mech,
                     **keys)
    refused(run, 75, "log-in|authentication|password|535")
    expect(run.count("SASL %s authentication failed" % mech) == 1 and
           run.count(r"disconnect .* auth=0/1 ") == 1,
           "not exactly one attempt")


for _mech in MECHS:
    case("wrong password, %s" % _mech, _mech,
         password="correct horse battery stable")(no_log_in)
    case("unknown user, %s" % _mech, _mech, user="nobody")(no_log_in)


# ------------------------------------------------------------------- refusals

@case("one recipient refused for good: the others get it")
def _(bench):
    a, b, bad = bench.names("a", "b", "unknown")
    message = letter([a, bad, b])
    run = bench.send("implicit", ["-oi", a, bad, b], message)
    took(run, [a, b], 67)
    same(run, message)
    said(run, re.escape(bad) + ".*no such user")
    expect(len(run.transactions()) == 1, run.transactions())


@case("one recipient deferred: the others get it")
def _(bench):
    a, b, bad = bench.names("a", "b", "later")
    run = bench.send("starttls", ["-oi", a, bad, b], letter([a, bad, b]))
    took(run, [a, b], 75)
    said(run, re.escape(bad) + ".*asleep.*later")


@case("one refused for good, one deferred: the worse decides")
def _(bench):
    a, bad, later, full = bench.names("a", "unknown", "later", "full")
    run = bench.send("implicit", ["-oi", later, bad, a, full],
                     letter([a, bad, later, full]))
    took(run, [a], 67)
    said(run, re.escape(bad) + ".*no such user",
         re.escape(later) + ".*asleep", re.escape(full) + ".*full")


@case("all refused for good")
def _(bench):
    bad, full = bench.names("unknown", "full")
    run = bench.send("implicit", ["-oi", bad, full], letter([bad, full]))
    took(run, [], 67)
    said(run, re.escape(bad) + ".*no such user", re.escape(full) + ".*full")
    expect(run.count("queue active") == 0, "something was queued")


@case("all deferred")
def _(bench):
    later = bench.names("later")
    run = bench.send("implicit", ["-oi"] + later, letter(later))
    took(run, [], 75)
    said(run, "asleep")


@case("blind recipients refused: the rest is not touched")
def _(bench):
    a, full, later, blind = bench.names("a", "full", "later", "blind")
    run = bench.send("implicit", ["-oi", "-t"], letter(
        [a], more="Bcc: %s, %s, %s\n" % (full, later, blind)))
    took(run, [a, blind], 69)
    said(run, re.escape(full) + ".*full", re.escape(later))
    blind_to(run, [full, later, blind])


@case("more refusals than the server stands")
def _(bench):
    rcpts = ["unknown@%d.%s" % (i, bench.domain()) for i in range(30)]
    good = bench.names("a", "b")
    # Postfix ends the session after twenty; the rest go over a new one
    run = bench.send("implicit", ["-oi"] + rcpts + good,
                     letter(rcpts + good), connections=2)
    got = [x for m in run.mails for x in m.rcpts]
    expect(run.status == 67, "exit status", run.status)
    for address in rcpts + good:
        lines = run.stderr.count(address + ":")
        expect(lines + got.count(address) == 1, address, "arrived",
               got.count(address), "times and is named", lines, "times")
    expect(run.stderr.count("no such user") == 30, "refusals not told")
    expect(sorted(got) == sorted(good), "arrived at", got)


@case("a sender that the server refuses")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("implicit", ["-oi", "-f", "forged@example.test"] + rcpts,
                     letter(rcpts))
    took(run, [], 77)
    said(run, "not yours")


# ---------------------------------------------------------------- blind copies

def table(bench, more=""):
    to, cc, b1, b2 = bench.names("tom", "carl", "bianca", "boris")
    message = letter([to], more="Cc: %s\nBcc: Bianca <%s>,\n  %s\n%s"
                     % (cc, b1, b2, more))
    clean = re.sub(rb"Bcc: .*\n .*\n", b"", message)
    return to, cc, b1, b2, message, clean


@case("To, Cc and two Bcc: three transactions, and no copy tells")
def _(bench):
    to, cc, b1, b2, message, clean = table(bench)
    run = bench.send("implicit", ["-t", "-oi"], message)
    took(run, [to, cc, b1, b2])
    expect(sorted(run.transactions()) == sorted(
        [sorted([to, cc]), [b1], [b2]]), run.transactions())
    expect(len(set(re.findall(r"(\w+): client=", run.log))) == 3,
           "not three queue ids")
    same(run, clean)
    blind_to(run, [b1, b2])
    logged_in(run, BEST)
    expect(run.count("smtpd.*: connect from") == 1, "not one connection")


@case("the same with fan-out = bcc: each blind copy says Bcc to its own")
def _(bench):
    to, cc, b1, b2, message, clean = table(bench)
    run = bench.send("starttls", ["-t", "-oi"], message, fan_out="bcc")
    took(run, [to, cc, b1, b2])
    expect(sorted(run.transactions()) == sorted(
        [sorted([to, cc]), [b1], [b2]]), run.transactions())
    blind_to(run, [b1, b2])
    for mail in run.mails:
        bcc = re.findall(r"(?mi)^Bcc: *(.*?)\r?$", mail.header())
        wanted = mail.rcpts if mail.rcpts[0] in (b1, b2) else []
        expect(bcc == wanted, mail.rcpts, "has Bcc", bcc)
        rest = re.sub(rb"(?mi)^Bcc: .*\r\n", b"", mail.message)
        expect(rest == canonical(clean), "the rest differs", rest)


@case("the same with fan-out = off: one transaction, no Bcc field")
def _(bench):
    to, cc, b1, b2, message, clean = table(bench)
    run = bench.send("starttls", ["-t", "-oi"], message, fan_out="off")
    took(run, [to, cc, b1, b2])
    expect(run.transactions() == [sorted([to, cc, b1, b2])],
           run.transactions())
    same(run, clean)


@case("recipients on the command line that the header does not name")
def _(bench):
    a, b, c = bench.names("arnold", "bruno", "clara")
    message = letter([a])
    run = bench.send("implicit", ["-oi", a, b, c], message)
    took(run, [a, b, c])
    expect(sorted(run.transactions()) == sorted([[a], [b], [c]]),
           run.transactions())
    same(run, message)
    blind_to(run, [b, c])


@case("thirty Bcc in one connection")
def _(bench):
    to = bench.names("to")
    blind = bench.names(*["blind%02d" % i for i in range(30)])
    message = letter(to, more="Bcc: %s\n" % ",\n ".join(blind))
    run = bench.send("implicit", ["-t", "-oi"], message)
    took(run, to + blind)
    expect(len(run.transactions()) == 31, len(run.transactions()))
    expect(run.count("smtpd.*: connect from") == 1, "not one connection")
    same(run, letter(to))
    blind_to(run, blind)
    logged_in(run, BEST)


@case("only Bcc: still a header that is in order")
def _(bench):
    blind = bench.names("bianca", "boris")
    message = letter(blind).replace(b"\nTo:", b"\nBcc:")
    run = bench.send("implicit", ["-t", "-oi"], message)
    took(run, blind)
    blind_to(run, blind)
    for mail in run.mails:
        expect(not re.search(r"(?mi)^Bcc:", mail.header()), "Bcc field")


# --------------------------------------------------------------------- content

BODIES = {
    "8-bit text": "Grüße, Žluťoučký kůň, 日本語 🐎\n".encode(),
    "bytes that are no UTF-8": bytes(range(0x80, 0x100)) + b"\n",
    "lines of dots": b".\n..\n...\n.x\n. \n\n.\n\n..\n.\n",
    "a dot at the very end, no newline": b"text\n.",
    "CRLF line ends": b"one\r\ntwo\r\n.\r\n..\r\n\r\nthree\r\n",
    "LF and CRLF mixed": b"one\ntwo\r\n.\n.\r\n\n\r\n..\r\n.last\n",
    "no body at all": b"",
    "blank lines at the end": b"text\n\n\n\n",
    "lines of 998 bytes": (b"x" * 998 + b"\n" + b"." * 998 + b"\n") * 3,
    "lines that look like SMTP": b"QUIT\nRSET\nDATA\n250 ok\n.\nMAIL FROM:<>\n",
}


def content(bench, body, port):
    rcpts = bench.names("a")
    message = letter(rcpts, "") + body
    run = bench.send(port, ["-oi"] + rcpts, message)
    took(run, rcpts)
    same(run, message)


for _what, _body in BODIES.items():
    for _port in ("starttls", "implicit"):
        case("%s, %s" % (_what, _port), _body, _port)(content)


@case("8-bit text is said to be 8-bit, and only that")
def _(bench):
    rcpts = bench.names("a")
    for body, wanted in (("plain\n", 0), ("grün\n", 1)):
        # Postfix would take the field's word for it
        message = letter(rcpts, body).replace(
            b"Content-Transfer-Encoding: 8bit\n", b"")
        run = bench.send("implicit", ["-oi"] + rcpts, message)
        took(run, rcpts)
        expect(run.mails[0].params.count("BODY=8BITMIME") == wanted,
               run.mails[0].params)


@case("without -i a line of one dot ends the message")
def _(bench):
    rcpts = bench.names("a")
    message = letter(rcpts, "before\n..\n")
    run = bench.send("implicit", rcpts, message + b".\nbehind\n")
    took(run, rcpts)
    same(run, message)


@case("10 MB")
def _(bench):
    rcpts = bench.names("a")
    line = b"%09d the quick brown fox jumps over the lazy dog, and rests\n"
    body = b"".join(line % i for i in range(10000000 // len(line % 0)))
    message = letter(rcpts, "") + body
    run = bench.send("starttls", ["-oi"] + rcpts, message)
    took(run, rcpts)
    expect(run.mails[0].message == canonical(message), "differs")


@case("a message without anything: the fields are made")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("implicit", ["-oi", "-F", "Joe Doe"] + rcpts,
                     b"just text\n")
    took(run, rcpts)
    mail = email.message_from_bytes(run.mails[0].message,
                                    policy=email.policy.default)
    expect(mail["From"].addresses[0].addr_spec == ME and
           mail["From"].addresses[0].display_name == "Joe Doe", mail["From"])
    expect(mail["Date"].datetime is not None, mail["Date"])
    expect(re.match(r"<\S+@\S+>$", mail["Message-ID"]), mail["Message-ID"])
    expect(run.mails[0].message.endswith(b"\r\njust text\r\n"), "body")


@case("larger than the SIZE of the server: nothing is sent")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("small", ["-oi"] + rcpts,
                     letter(rcpts, ("x" * 70 + "\n") * 3500))
    took(run, [], 69)
    said(run, "252... bytes.* 200000")
    expect(run.count(r"disconnect .*( data=| bdat=)") == 0, "DATA was said")


@case("larger than the server takes, which it says only at the end")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("bare", ["-oi"] + rcpts,
                     letter(rcpts, ("x" * 70 + "\n") * 3500))
    took(run, [], 69)
    said(run, "large|big|size|552")


@case("a server without extensions")
def _(bench):
    to, blind = bench.names("a", "blind")
    message = letter([to], "plain\n.\n")
    run = bench.send("bare", ["-oi", to, blind], message)
    took(run, [to, blind])
    same(run, message)
    blind_to(run, [blind])


@case("8-bit text for a server without extensions arrives in 7 bits")
def _(bench):
    to, blind = bench.names("a", "blind")
    message = letter([to], "Grüße aus Köln\n.\n..\nFrom me\n",
                     "Cc: \"Jürgen, M.\" <c@bücher.example>\n"
                     "Comments: Ürsprünge\n")
    run = bench.send("bare", ["-oi", to, blind], message)
    took(run, [to, blind])
    blind_to(run, [blind])
    for mail in run.mails:
        expect(mail.message.isascii(), "8-bit bytes:", mail.message)
        differs = decoded.difference(mail.message, canonical(message))
        expect(differs is None, differs)


@case("a header in UTF-8 asks for SMTPUTF8, and stays")
def _(bench):
    rcpts = bench.names("a")
    message = letter(rcpts, "x\n", "Comments: Ürsprünge\n")
    run = bench.send("implicit", ["-oi"] + rcpts, message)
    took(run, rcpts)
    expect("Comments: Ürsprünge\r\n".encode() in run.mails[0].message,
           run.mails[0].message)
    expect("SMTPUTF8" in run.mails[0].params, run.mails[0].params)


# -------------------------------------------------------------------- envelope

@case("the null sender")
def _(bench):
    rcpts = bench.names("a")
    for sender in ("<>", ""):
        run = bench.send("implicit", ["-oi", "-f", sender] + rcpts,
                         letter(rcpts))
        took(run, rcpts)
        expect(run.mails[0].sender == "", run.mails[0].sender)


@case("a notification of success is asked for and comes")
def _(bench):
    sender, rcpt = bench.names("sender", "rcpt")
    run = bench.send("implicit", ["-oi", "-f", sender, "-N", "success",
                                  "-R", "hdrs", "-V", "id+7=x", rcpt],
                     letter([rcpt], "secret text\n"))
    took(run, [rcpt, sender])
    report = [m for m in run.mails if m.rcpts == [sender]][0]
    text = report.data.decode("utf-8", "replace")
    expect(report.sender == "", "the report has a sender")
    for pattern in (r"Original-Envelope-Id: id\+7=x\r",
                    r"Original-Recipient: rfc822;\s*" + re.escape(rcpt),
                    r"Action: relayed", r"text/rfc822-headers"):
        expect(re.search(pattern, text), "the report lacks", pattern)
    expect("secret text" not in text, "the report returns the text")


@case("no notification at all")
def _(bench):
    sender, rcpt = bench.names("sender", "rcpt")
    run = bench.send("implicit", ["-oi", "-f", sender, "-N", "never", rcpt],
                     letter([rcpt]))
    took(run, [rcpt])


@case("two hundred recipients in one transaction")
def _(bench):
    rcpts = bench.names(*["r%03d" % i for i in range(200)])
    message = letter(rcpts)
    run = bench.send("starttls", ["-oi"] + rcpts, message)
    took(run, rcpts)
    same(run, message)
    expect(len(run.transactions()) == 1, len(run.transactions()))


@case("more recipients than the server takes at once")
def _(bench):
    rcpts = bench.names(*["r%02d" % i for i in range(25)])
    message = letter(rcpts)
    # the goodbye is on its way when the server says so
    run = bench.send("small", ["-oi"] + rcpts, message, connections=2)
    took(run, rcpts)
    same(run, message)
    expect(sorted(map(len, run.transactions())) == [5, 10, 10],
           [len(x) for x in run.transactions()])


@case("the same with max-recipients = 4: the server is not troubled")
def _(bench):
    rcpts = bench.names(*["r%02d" % i for i in range(10)])
    run = bench.send("small", ["-oi"] + rcpts, letter(rcpts),
                     max_recipients=4)
    took(run, rcpts)
    expect(sorted(map(len, run.transactions())) == [2, 4, 4],
           [len(x) for x in run.transactions()])
    expect(run.count(r"disconnect .* rcpt=10 ") == 1, "refused recipients")


@case("an address and a header outside ASCII")
def _(bench):
    if not bench.postfix.utf8:
        raise Skip("this Postfix was built without SMTPUTF8")
    rcpts = bench.names("jürgen")
    message = letter(rcpts, "Grüße\n", "X-Note: Žluťoučký\n")
    run = bench.send("implicit", ["-oi", "-t"], message)
    took(run, rcpts)
    same(run, message)
    expect("SMTPUTF8" in run.mails[0].params, run.mails[0].params)


@case("a domain outside ASCII")
def _(bench):
    name = "a@bücher.%s" % bench.domain()
    ascii_name = "a@xn--bcher-kva.%s" % bench.domain()
    run = bench.send("implicit", ["-oi", name], letter(["x@example.test"]))
    took(run, [ascii_name])


@case("four programs at once")
def _(bench):
    rcpts = bench.names("a", "b", "c", "d")
    bench.config("implicit", "ada", {})
    env = bench.environment()
    mark = len(bench.postfix.log())
    mails = len(bench.sink.deliveries)
    children = []
    for address in rcpts:
        one = subprocess.Popen([bench.link, "-oi", address], env=env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        children.append(one)
    for one, address in zip(children, rcpts):
        out, err = one.communicate(letter([address], address + "\n"),
                                   timeout=60 * SLOW)
        expect(one.returncode == 0 and not out and not err, one.returncode,
               err)
    bench.settle(mark, len(rcpts), 0)
    got = bench.sink.since(mails)
    expect(sorted(m.rcpts[0] for m in got) == sorted(rcpts), "arrived",
           [m.rcpts for m in got])
    for mail in got:
        expect(mail.message == canonical(letter(
            mail.rcpts, mail.rcpts[0] + "\n")), "mixed")


# ------------------------------------------------------------------------- TLS

def untrusted(bench, port, pattern, **keys):
    rcpts = bench.names("a")
    run = bench.send(port, ["-oi"] + rcpts, letter(rcpts), **keys)
    refused(run, 75, pattern)
    expect(run.count("sasl_method|SASL") == 0 and
           run.count("disconnect .* auth=") == 0, "a log-in was tried")


@case("an authority that is not trusted, implicit TLS")
def _(bench):
    untrusted(bench, "implicit", "certificate",
              tls_ca_file=bench.certs + "/other.pem")


@case("an authority that is not trusted, STARTTLS")
def _(bench):
    untrusted(bench, "starttls", "certificate",
              tls_ca_file=bench.certs + "/other.pem")


@case("the system's authorities do not know this one")
def _(bench):
    untrusted(bench, "implicit", "certificate", tls_ca_file=None)


@case("a certificate for another name")
def _(bench):
    untrusted(bench, "wrongname", "certificate.*localhost|localhost.*certif")


@case("a certificate for another name, which tls-host allows")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("wrongname", ["-oi"] + rcpts, letter(rcpts),
                     tls_host="mail.elsewhere.test")
    took(run, rcpts)


@case("the right name is asked for in vain")
def _(bench):
    untrusted(bench, "starttls", "mail.elsewhere.test",
              tls_host="mail.elsewhere.test")


@case("the address instead of the name")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("implicit", ["-oi"] + rcpts, letter(rcpts),
                     host="127.0.0.1")
    took(run, rcpts)


@case("the pinned key, and no authority")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("starttls", ["-oi"] + rcpts, letter(rcpts),
                     tls_pin=bench.pin, tls_ca_file=None)
    took(run, rcpts)
    logged_in(run, BEST)


@case("another key than the pinned one, though the authority is right")
def _(bench):
    untrusted(bench, "implicit", "pin",
              tls_pin="sha256//" + "A" * 43 + "=")


@case("without verification no log-in is made")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("implicit", ["-oi"] + rcpts, letter(rcpts),
                     tls_verify="no", tls_ca_file=None)
    took(run, [], 75)
    said(run, "tls-verify = no", "verified|certificate|log-in")
    expect(run.count("disconnect .* auth=") == 0, "a log-in was tried")


@case("a client certificate instead of a password")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("clientcert", ["-oi"] + rcpts, letter(rcpts), user=None,
                     tls_cert=bench.certs + "/client-both.pem")
    took(run, rcpts)
    expect(run.count("Trusted TLS connection established") == 1,
           "no client certificate")


@case("the client certificate is missing")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("clientcert", ["-oi"] + rcpts, letter(rcpts), user=None)
    expect(run.status != 0 and not run.mails, "taken")
    said(run, "denied")


@case("no log-in where the server wants one")
def _(bench):
    rcpts = bench.names("a")
    run = bench.send("implicit", ["-oi"] + rcpts, letter(rcpts), user=None)
    expect(run.status != 0 and not run.mails, "taken")
    said(run, "denied|log-in|authenticat")


@case("without TLS on loopback, as the user wrote it down")
def _(bench):
    rcpts = bench.names("a")
    message = letter(rcpts)
    run = bench.send("plain", ["-oi"] + rcpts, message, user=None, tls="off",
                     host="127.0.0.1", tls_ca_file=None)
    took(run, rcpts)
    same(run, message)
    expect("ESMTPS" not in run.mails[0].received, run.mails[0].received)


@case("STARTTLS where the server has none: nothing goes in the clear")
def _(bench):
    untrusted(bench, "plain", "STARTTLS", tls="starttls")


@case("implicit TLS to a port without TLS")
def _(bench):
    untrusted(bench, "plain", "TLS", tls="on")


@case("STARTTLS to a port with implicit TLS")
def _(bench):
    untrusted(bench, "implicit", "TLS|timeout|answer|greeting", tls="starttls",
              timeout="1s")


# ----------------------------------------------------------- a server that dies

def dies(bench, where, pattern):
    rcpts = bench.names("a", "b")
    body = "x" * 70 + "\n"
    message = letter(rcpts, body * (200000 if where == "kill-in-data" else 3))
    # by DATA, or the text would be there when the server dies
    more = ["--chunking=no"] if where == "kill-at-data" else []
    run = bench.send("kill", ["-oi", "-f", where + "@example.test"] + more +
                     rcpts, message, killed=1)
    took(run, [], 75)
    said(run, pattern)


case("the server dies at DATA", "kill-at-data", "again|later")(dies)
case("the server dies in the middle of the message", "kill-in-data",
     "again|later")(dies)
case("the server dies before it answers to the end of the message",
     "kill-at-end", "may have been delivered|no verdict")(dies)


@case("afterwards the same port works")
def _(bench):
    log_in(bench, "kill", None)


# ------------------------------------------------------------------------- main

def comment(text):
    sys.stdout.write("".join("# %s\n" % x for x in text.splitlines()))


def run_cases(bench, cases):
    bad = 0
    for number, (title, function) in enumerate(cases, 1):
        bench.number, bench.last = number, None
        try:
            function(bench)
            word = "ok"
        except Skip as e:
            word, title = "ok", "%s # SKIP %s" % (title, e)
        except Exception as e:      # pylint: disable=broad-except
            bad += 1
            word = "not ok"
            why = str(e) if isinstance(e, (Failure, Trouble)) else \
                traceback.format_exc()
            if bench.last:
                why += "\n" + bench.last.seen()
        sys.stdout.write("%s %d - %s\n" % (word, number, title))
        if word != "ok":
            comment(why)
        sys.stdout.flush()
    return bad


def scratch_dir():
    """Short enough for the names of sockets, open to other users' servers."""
    place = part = os.path.realpath(tempfile.gettempdir())
    good = len(place) < 40
    while good and part != "/":
        good = os.stat(part).st_mode & 0o1
        part = os.path.dirname(part)
    where = tempfile.mkdtemp(prefix="mailchute-it.",
                             dir=place if good else "/tmp")
    os.chmod(where, 0o755)
    return where


def stopped(number, _frame):
    sys.exit(128 + number)


def main(argv, usage, all_cases, make_bench):
    words = [x for x in argv if not x.startswith("--")]
    options = set(argv) - set(words)
    if options - {"--list", "--keep"}:
        sys.exit(usage)
    cases = [x for x in all_cases if not words or any(
        fnmatch.fnmatchcase(x[0], w) for w in words)]
    if "--list" in options:
        print("\n".join(title for title, _ in cases))
        return 0
    kinds = subprocess.run(["postconf", "-a"], stdout=subprocess.PIPE,
                           check=True).stdout.decode().split()
    if "dovecot" not in kinds:
        print("1..0 # SKIP this Postfix cannot ask Dovecot")
        return 0
    if not os.environ.get("MAILCHUTE_BIN"):
        sys.exit("MAILCHUTE_BIN is not set")
    os.umask(0o022)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stopped)
    print("1..%d" % len(cases))
    bench = None
    where = scratch_dir()
    guard = servers.Daemon.guard = servers.Guard(where)
    try:
        bench = make_bench(where)
        bench.start()
        comment("Postfix %s, Dovecot %s" % (bench.postfix.version,
                                            bench.dovecot.version))
        return 1 if run_cases(bench, cases) else 0
    except Trouble as e:
        print("Bail out! The servers do not start")
        comment(str(e))
        return 1
    finally:
        if bench:
            bench.stop()
        if "--keep" in options:
            comment("left: " + where)
        else:
            shutil.rmtree(where, ignore_errors=True)
        guard.dismiss()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], __doc__, CASES, Bench))
