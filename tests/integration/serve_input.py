#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile clients of the service: serve_input.py [PATTERN]...

MC_SEED chooses another course of the fuzzer, MC_FUZZ how many sessions.  See
serving.py for how these tests are run.
"""
import os
import random
import re
import resource
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import SLOW, Trouble                   # noqa: E402
from service import DOMAIN, Client                  # noqa: E402
from serving import (TEXT, case, expect, main, note,  # noqa: E402
                     served)

ANNA = "mc-anna@" + DOMAIN
ENVELOPE = "EHLO x\r\nMAIL FROM:<%s>\r\nRCPT TO:<x@far.example>\r\n" % ANNA
LIMITS = {"limit_sessions_user": "200", "limit_sessions": "400",
          "limit_messages": "0", "limit_recipients": "0"}


def parts(s):
    """The processes that have to stay what they are."""
    return sorted(s.processes("mc-listener") + s.processes("mc-runner") +
                  [s.child.pid])


def everything(c, seconds=20):
    """All that is still said."""
    c.sock.settimeout(seconds * SLOW)
    got = c.buffer
    try:
        while True:
            piece = c.sock.recv(65536)
            if not piece:
                break
            got += piece
    except ConnectionError:
        pass
    return got.decode("latin1")


def replies(text):
    """The last line of each reply, by its numbers."""
    return [m.group(1) for m in re.finditer(r"(?m)^(\d\d\d) ", text)]


def dialogue(s, data, user="mc-anna", end=True):
    """Everything that comes of data, sent at once."""
    if isinstance(data, str):
        data = data.encode("latin1")
    with Client(s, user) as c:
        c.send(data)
        if end:
            try:
                c.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        return everything(c)


def untouched(b, s, before, mark):
    expect("no process has died", parts(s) == before, (before, parts(s)))
    expect("nothing is queued", not s.queued() and
           len(b.sink.deliveries) == mark, s.queued())


# ------------------------------------------------------------------ group E

@case
def e1_no_disclosure(b):
    """E1: VRFY, EXPN and the like: the same for all, nothing offered"""
    s = b.started()
    with Client(s, "mc-anna") as c:
        greeting = c.reply()
        got = c.command("EHLO x")
        expect("what is offered", re.fullmatch(
            r"250-\S+\n(250[- ](SIZE \d+|8BITMIME|PIPELINING|DSN|SMTPUTF8|"
            r"ENHANCEDSTATUSCODES|CHUNKING)\n)+", got), got)
        for line, want in (
                ("VRFY mc-anna", "252 2.1.5 "), ("VRFY nobody", "252 2.1.5 "),
                ("EXPN staff", "502 5.5.1 "), ("HELP", "214 2.0.0 "),
                ("HELP MAIL", "214 2.0.0 "), ("NOOP x", "250 2.0.0 "),
                ("ETRN x", "502 5.5.1 "), ("TURN", "502 5.5.1 "),
                ("AUTH PLAIN AGEAYg==", "502 5.5.1 "),
                ("STARTTLS", "502 5.5.1 ")):
            got = c.command(line)
            expect(line, got.startswith(want), got)
            expect("no echo", "mc-anna" not in got and "x" not in
                   got[10:].lower().split(), got)
    for word in ("mailchute", "linux", "debian", "version", "0.", "1."):
        expect("no %s in the greeting" % word,
               word not in greeting.lower().replace(
                   socket.gethostname().lower(), ""), greeting)


SMUGGLED = "MAIL FROM:<%s>\r\nRCPT TO:<evil@far.example>\r\nDATA\r\n" \
    "Subject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n" % ANNA


@case
def e2_smuggling(b):
    """E2: an end of data that is none ends the session, nothing is queued"""
    s = b.started(**LIMITS)
    before, mark = parts(s), len(b.sink.deliveries)
    for end in ("\n.\n", "\n.\r\n", "\r.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r",
                "\n\n.\r\n", "\r\r\n.\r\n", "\r\n.\r\r\n"):
        got = dialogue(s, ENVELOPE + "DATA\r\nSubject: x\r\n\r\nx" + end +
                       SMUGGLED)
        codes = replies(got)
        expect("%r: refused, and the end" % end, "554" in codes or
               "550" in codes, got)
        expect("%r: no second answer" % end, codes.count("354") == 1, got)
    untouched(b, s, before, mark)
    # with NUL it is no end either, but a message that goes on
    for end in ("\r\n\0.\r\n", "\r\n.\0\r\n", "\r\n\0\r\n", "\r\n. \r\n",
                "\r\n..\r\n", "\r\n.x\r\n"):
        mark = len(b.sink.deliveries)
        got = replies(dialogue(s, ENVELOPE + "DATA\r\nSubject: x\r\n\r\nx" +
                               end + SMUGGLED))
        expect("%r: one message" % end, got == [
            "220", "250", "250", "250", "354", "250", "221"], got)
        d = b.arrived(mark)
        expect("for its recipient", [x.rcpts for x in d] ==
               [["x@far.example"]])
    expect("no process has died", parts(s) == before)
    served(s)


@case
def e3_other_protocols(b):
    """E3: HTTP, TLS and all that is no command: 421 or 500, no echo"""
    s = b.started(**LIMITS)
    before, mark = parts(s), len(b.sink.deliveries)
    smtp = ENVELOPE + SMUGGLED
    http = ("POST /zebra HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
            "text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(smtp), smtp))
    hello = (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" +
             random.Random(1).randbytes(501))
    for what in (http, http.replace("POST", "GET"), http.replace(
            "POST", "PUT"), http.replace("POST", "get"), "\r\n" + http,
            hello, hello + smtp.encode(), b"\x80\x2e\x01\x03\x01" + smtp
            .encode(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smtp,
            "{\"zebra\":1}\r\n" + smtp, "\0\0\0\0" + smtp, "zebra\n" + smtp,
            " " + smtp, "<zebra/>\r\n" + smtp, "SSH-2.0-zebra\r\n" + smtp,
            "zebra\0zebra\r\n" + smtp):
        got = dialogue(s, what)
        expect("%r: 421 or 500" % what[:30], any(
            code in ("421", "500") for code in replies(got)), got)
        expect("no echo", "zebra" not in got.lower(), got)
        if what[:4] in ("POST", "GET ", "PRI "):
            expect("and the end at once", replies(got) == ["220", "421"],
                   got)
    for what in (http, hello):
        expect("not by its content", "250 2.0.0 queued" not in dialogue(
            s, what))
    # a first line that is no command may be followed by one that is
    expect("none of it was HTTP's", all(
        b"zebra" not in d.data for d in b.sink.since(mark)))
    expect("nobody died", parts(s) == before)
    served(s)


@case
def e3_lines(b):
    """E3: long lines, bare LF and NUL: 500, and no second command in them"""
    s = b.started(**LIMITS)
    before, mark = parts(s), len(b.sink.deliveries)
    for what, codes in (
            ("NOOP " + "x" * 2044 + "\r\n", ["220", "500"]),
            ("NOOP " + "x" * 20000, ["220", "500"]),
            ("NOOP " + "x" * 200000 + "\r\n" + ENVELOPE, ["220", "500"]),
            ("NOOP \0x\r\n", ["220", "500"]),
            ("NOOP x\rNOOP y\r\n", ["220", "500"])):
        got = dialogue(s, what)
        expect("%r" % what[:20], replies(got)[:2] == codes and
               "250 " not in got, got)
    got = dialogue(s, "EHLO x\r\nNOOP x\nMAIL FROM:<%s>\r\n" % ANNA)
    expect("a bare LF", "500" in replies(got), got)
    expect("and no transaction", "2.1.0" not in got, got)
    untouched(b, s, before, mark)


@case
def e4_order(b):
    """E4: commands out of order and twice: 503 and 501"""
    s = b.started(limit_errors="1000")
    with Client(s, "mc-anna") as c:
        c.reply()
        mail = "MAIL FROM:<%s>" % ANNA
        for line, want in (
                (mail, "503"), ("RCPT TO:<x@y.example>", "503"),
                ("DATA", "503"), ("BDAT 1\r\nx", "503"), ("EHLO x", "250"),
                ("RCPT TO:<x@y.example>", "503"), ("DATA", "503"),
                (mail, "250"), (mail, "503"), ("DATA", "503"),
                ("RSET", "250"), (mail + " SIZE=1 SIZE=1", "501"),
                (mail + " BODY=7BIT BODY=8BITMIME", "501"),
                (mail + " RET=FULL RET=FULL", "501"), (mail, "250"),
                ("RCPT TO:<x@y.example> NOTIFY=NEVER NOTIFY=NEVER", "501"),
                ("RCPT TO:<x@y.example> FOO=1", "555"),
                ("RCPT TO:<x@y.example>", "250"), ("EHLO x", "250"),
                ("DATA", "503"), (mail + " FOO", "555"),
                ("MAIL", "501"), ("MAIL FROM:", "501"), ("RCPT", "501"),
                ("DATA x", "501"), ("QUIT x", "501"), ("RSET x", "501")):
            c.send(line + ("" if line[:4] == "BDAT" else "\r\n"))
            got = c.reply()
            expect(line, got[:3] == want, got)
    served(s)


@case
def e5_after_failure(b):
    """E5: after a refused message everything begins anew"""
    s = b.started(limit_errors="1000")
    mark = len(b.sink.deliveries)
    mail = "MAIL FROM:<%s>" % ANNA
    refused = ("Received: x\r\n" * 51 + "\r\nx\r\n", "X: y\r\n\r\n%s\r\n" %
               ("x" * 2000))
    with Client(s, "mc-anna") as c:
        c.hello()
        for text in refused:
            got = c.message(ANNA, ["old@far.example"], text)
            expect("refused", got[:3] == "554", got)
            for line in ("RCPT TO:<new@far.example>", "DATA", "BDAT 0 LAST"):
                got = c.command(line)
                expect(line + " after it", got[:3] == "503", got)
        c.command(mail)
        c.command("RCPT TO:<old@far.example>")
        c.send("BDAT 5\r\nX: y\n")
        got = c.reply()
        expect("a chunk", got[:3] == "250", got)
        c.command("RSET")
        got = c.command("DATA")
        expect("DATA after RSET", got[:3] == "503", got)
        got = c.message(ANNA, ["new@far.example"], TEXT % "new@far.example")
        expect("the next", got[:3] == "250", got)
    got = b.arrived(mark)
    expect("to its recipient alone", [d.rcpts for d in got] ==
           [["new@far.example"]], got[0].rcpts)


@case
def e6_too_much(b):
    """E6: a size beyond all measure, by SIZE, by DATA and by BDAT"""
    s = b.started(smtp_max_size="10K", **LIMITS)
    before, mark = parts(s), len(b.sink.deliveries)
    body = "Subject: x\r\n\r\n" + ("y" * 70 + "\r\n") * 400
    got = dialogue(s, ENVELOPE + "DATA\r\n" + body + ".\r\nNOOP\r\n")
    expect("552, and it goes on", replies(got)[-2:] == ["552", "250"], got)
    for size in ("18446744073709551615", "18446744073709551616",
                 "9223372036854775807", "-1", "1e9", "0x10", " ", "4294967296",
                 "99999999999999999999999999"):
        got = dialogue(s, ENVELOPE + "BDAT %s LAST\r\n" % size + body)
        expect("BDAT " + size, "queued" not in got and not any(
            c == "250" for c in replies(got)[4:]), got)
        got = dialogue(s, "EHLO x\r\nMAIL FROM:<%s> SIZE=%s\r\n" % (
            ANNA, size))
        expect("SIZE=" + size, replies(got)[-1] in ("501", "552", "555"),
               got)
    got = dialogue(s, ENVELOPE + ("BDAT 5000\r\n" + "y" * 4998 + "\r\n") * 4 +
                   "BDAT 0 LAST\r\nNOOP\r\n")
    expect("chunks", "552" in replies(got) and "queued" not in got, got)
    untouched(b, s, before, mark)


@case
def e6_bdat_abuse(b):
    """E6: BDAT with commands in it, beside it, and after its end"""
    s = b.started(**LIMITS)
    mark = len(b.sink.deliveries)
    inner = "RSET\r\nMAIL FROM:<root@x.example>\r\n"
    got = dialogue(s, ENVELOPE + "BDAT %d LAST\r\n%sNOOP\r\n" % (
        len(inner), inner))
    expect("content is no command", replies(got) == [
        "220", "250", "250", "250", "250", "250"] or "554" in replies(got),
        got)
    for what in ("BDAT 2\r\nx\r\nDATA\r\n", "BDAT\r\n", "BDAT x\r\n",
                 "BDAT 1 LAST LAST\r\nx", "BDAT 1 FIRST\r\nx",
                 "BDAT 3\r\na\nb", "DATA\r\nBDAT 1 LAST\r\n",
                 "BDAT 5\r\nhe", "BDAT 0\r\n" * 300):
        got = dialogue(s, ENVELOPE + what)
        expect("%r: not queued" % what[:20], "queued" not in got, got)
    served(s)
    expect("no message of root", all(
        d.sender != "root@x.example" for d in b.sink.since(mark)))


@case
def e8_by_default(b):
    """E8: 20 errors or 100 junk commands end a session"""
    s = b.service()
    s.configure(limit_errors="20", limit_junk="100")
    s.start()
    # sent at once; the delays are its own
    with Client(s, "mc-anna") as c:
        begun = time.monotonic()
        c.send("EHLO x\r\n" + "BOGUS\r\n" * 11)
        for _ in range(13):
            c.reply()
        expect("from the tenth on it is slow", time.monotonic() - begun > 0.9)
        c.send("BOGUS\r\n" * 2)
    with Client(s, "mc-anna") as c:
        c.send("EHLO x\r\n" + "NOOP\r\n" * 50)
        got = [c.reply()[:3] for _ in range(50)]
        expect("49 junk commands", got[2:] == ["250"] * 48, got)
    served(s)


@case
def bombs(b):
    """row 21: a header of one kind of byte, on a small stack: quick, no crash"""
    s = b.service(limit_errors="1000", **LIMITS)
    s.start(before=lambda: resource.setrlimit(resource.RLIMIT_STACK,
                                              (256 * 1024, 256 * 1024)))
    before = parts(s)
    for field in ("To", "From", "Received", "Content-Type", "Bcc", "Date"):
        for what in ("(", ")", "<", '"', ",", "g:", "\\", "=?utf-8?b?", "@",
                     "a@b,", "[", "=?x?q?=", "(a)", ";x*0*="):
            text = what * (90000 // len(what))
            lines = "\r\n ".join(text[i:i + 900]
                                for i in range(0, len(text), 900))
            begun = time.monotonic()
            got = dialogue(s, ENVELOPE + "DATA\r\n%s: %s\r\n\r\nx\r\n.\r\n"
                           % (field, lines))
            expect("%s of %s: an answer" % (field, what), replies(got)[-1] in
                   ("250", "554", "550", "501", "553"), got)
            took = time.monotonic() - begun
            expect("%s of %s: quick" % (field, what), took < 2 * SLOW, took)
    expect("no process has died", parts(s) == before)


# ---------------------------------------------------- breaking off, byte by byte

WHOLE = ENVELOPE + "DATA\r\nSubject: cut\r\n\r\nx\r\n.\r\nQUIT\r\n"


@case
def cut_everywhere(b):
    """E10: a dialogue that ends behind each of its bytes: all or nothing"""
    s = b.started(**LIMITS)
    before, mark = parts(s), len(b.sink.deliveries)
    dot = WHOLE.index("\r\n.\r\n") + 5
    with_dot = 0
    for n in range(len(WHOLE) + 1):
        with Client(s, "mc-anna") as c:
            c.send(WHOLE[:n])
        with_dot += n >= dot
        if n % 20 == 0:
            expect("no process has died", parts(s) == before)
    served(s)
    b.drain(s)
    got = [d for d in b.sink.since(mark) if b"cut" in d.data]
    # the reply cannot be written to who has gone, so none needs be taken
    expect("not more than were whole: %d of %d" % (len(got), with_dot),
           len(got) <= with_dot)
    expect("no half ones", all(d.data.endswith(b"x\r\n") for d in got))
    note("%d of %d whole messages were taken" % (len(got), with_dot))


@case
def single_bytes(b):
    """E7: one byte a segment is as good as all at once"""
    s = b.started()
    mark = len(b.sink.deliveries)
    with Client(s, "mc-anna") as c:
        for byte in WHOLE.encode():
            c.send(bytes([byte]))
            time.sleep(0.0005)
        got = everything(c)
    expect("taken", replies(got) == ["220", "250", "250", "250", "354", "250",
                                     "221"], got)
    b.arrived(mark)


# --------------------------------------------------------------------- a fuzzer

WORDS = ("EHLO x", "HELO x", "MAIL FROM:<%s>" % ANNA, "MAIL FROM:<>",
         "MAIL FROM:<%s> SIZE=10 BODY=8BITMIME" % ANNA, "MAIL FROM:<\"a b\"@x>",
         "MAIL FROM:<%s> SMTPUTF8 RET=HDRS ENVID=a+2Bb" % ANNA, "RCPT TO:<>",
         "RCPT TO:<x@far.example>", "RCPT TO:<@a,@b:x@far.example>",
         "RCPT TO:<x@far.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+40y",
         "DATA", "BDAT 3", "BDAT 0 LAST", "BDAT 10 LAST", "RSET", "NOOP",
         "QUIT", "VRFY x", "EXPN x", "HELP", "AUTH PLAIN", "AUTH LOGIN eA==",
         "STARTTLS", ".", "..", "Subject: x", "", "GET / HTTP/1.0", "*",
         "Received: a\r\n b", "x" * 998, "x" * 3000, "From: \xff\xfe",
         "To: (((((((((", "Bcc: a@b.example,,,;:", "Content-Type: a/b; c=\"")


def fuzz_bytes(rng):
    out = b""
    for _ in range(rng.randrange(1, 14)):
        kind = rng.random()
        if kind < 0.08:
            out += rng.randbytes(rng.randrange(1, 60))
            continue
        piece = bytearray(rng.choice(WORDS).encode("latin1"))
        if kind < 0.35 and piece:
            for _ in range(rng.randrange(1, 4)):
                at = rng.randrange(len(piece))
                how = rng.randrange(3)
                if how == 0:
                    piece[at] = rng.randrange(256)
                elif how == 1:
                    piece.insert(at, rng.randrange(256))
                elif len(piece) > 1:
                    del piece[at]
        out += bytes(piece) + rng.choice(
            (b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r",
             b"\r\n.\r\n", b"\0\r\n"))
    if rng.random() < 0.3:
        out = ENVELOPE.encode() + rng.choice((b"DATA\r\n", b"")) + out
    return out


class Fuzzer(threading.Thread):
    def __init__(self, s, user, seed, count):
        super().__init__(daemon=True)
        self.s, self.user = s, user
        self.rng = random.Random(seed)
        self.count = self.done = 0
        self.wanted = count
        self.trouble = ""

    def run(self):
        while self.done < self.wanted and not self.trouble:
            data = fuzz_bytes(self.rng)
            try:
                self.one(data)
            except (OSError, Trouble) as problem:
                self.trouble = "%s after %r" % (problem, data)
            self.done += 1

    def one(self, data):
        with Client(self.s, self.user) as c:
            at = 0
            while at < len(data):
                n = self.rng.choice((1, 7, 100, 100000))
                c.send(data[at:at + n])
                at += n
            if self.rng.random() < 0.5:
                c.sock.shutdown(socket.SHUT_WR)
                c.sock.settimeout(0.05)
                try:
                    c.sock.recv(10000)
                except OSError:
                    pass


@case
def fuzz(b):
    """random sessions: no process dies, another user is served all the time"""
    seed = int(os.environ.get("MC_SEED") or 20240601)
    count = int(os.environ.get("MC_FUZZ") or 1000)
    note("MC_SEED=%d MC_FUZZ=%d" % (seed, count))
    s = b.started(limit_errors="1000", **LIMITS)
    before = parts(s)
    some = [Fuzzer(s, user, "%d %d" % (seed, n), count // 2)
            for n, user in enumerate(("mc-anna", "mc-ben"))]
    for f in some:
        f.start()
    begun = time.monotonic()
    times = []
    while any(f.is_alive() for f in some):
        times.append(served(s))
        expect("no process has died", parts(s) == before)
        if time.monotonic() - begun > 40:
            for f in some:
                f.wanted = f.done
        time.sleep(0.2)
    expect("no trouble", not any(f.trouble for f in some),
           [f.trouble for f in some])
    expect("no process has died", parts(s) == before)
    times.sort()
    note("%d sessions in %.0f s; another user: %d served, median %.0f ms, "
         "worst %.0f ms" % (sum(f.done for f in some),
                            time.monotonic() - begun, len(times),
                            times[len(times) // 2] * 1000, times[-1] * 1000))
    expect("enough of them", sum(f.done for f in some) >= min(count, 500))


if __name__ == "__main__":
    sys.exit(main())
