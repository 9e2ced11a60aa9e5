#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A scripted SMTP server on loopback, for tests.

Left alone it is a correct and strict submission server: EHLO with PIPELINING,
SIZE, 8BITMIME, DSN, ENHANCEDSTATUSCODES, SMTPUTF8 and, once TLS is up, AUTH;
lines end with CRLF and data with CRLF.CRLF only.  Whatever a client does wrong
is written down as a violation.  A script makes it misbehave.

Script, one item a line (blank lines and lines beginning with ## are skipped):

  key = value
    listen      inet (default), inet6, unix
    port        number, default 0: any
    tls         on (from the start), starttls, off
    cert        name of a certificate made by certs.sh, default good
    tls-max     1.1 or 1.2: highest version spoken;   tls-ciphers  OpenSSL list
    client-cert none, ask, require
    caps        "A; B; C": keywords in safety (AUTH comes from mechs)
    caps-clear  the same before STARTTLS, default caps and STARTTLS
    mechs       mechanisms offered in safety, default PLAIN LOGIN; empty: none
    mechs-clear mechanisms offered in clear, default none
    user, password, token      what a log-in must show
    caps with CHUNKING: BDAT is known; "at BDAT reply" answers it in place of
                reading its text, "at END" when that is read
    rcpt-limit  recipients in a transaction before 452 4.5.3
    split       bytes per write (and TLS record) of every reply
    window      receive buffer in bytes
    scram-first, scram-final   server's messages; {cnonce} {snonce} {salt}
                {iter} and {v} are filled in;   scram-iter  number of rounds
    binding     right (default) or wrong: which exporter -PLUS is checked with
    plus-hidden yes: -PLUS is known though not offered, so flag y is refused
    oauth-error text of the JSON challenge
    sync        yes: whoever says more behind AUTH is thrown out
    protocol    smtp (default) or lmtp: LHLO instead of EHLO (the event is EHLO),
                and END happens once for each recipient that was accepted;
                END:glob those addresses
    caps with LIMITS: to go past RCPTMAX, RCPTDOMAINMAX or MAILMAX is a
                violation, but answered as ever

  at EVENT ACTION [ARGUMENT]     (several for one event run in order)
    EVENT is CONNECT (before anything), TLS (handshake done), GREETING, a verb
    (EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, ...), AUTHLINE (answer to a line
    of the log-in dialogue), END (final dot), REPLY (any reply), BYTES#n (n
    bytes of data seen).  VERB#n is its n-th time in the connection (AUTHLINE#n,
    REPLY#n too), RCPT:glob those addresses, MAIL:glob those senders, with
    " binarymime" behind them if that is asked for.
    ACTION:
      reply T    answer T and CRLF        raw T     answer exactly T
      before T   T in front of the reply  after T   T behind it, same segment
      later T    T behind it, in a segment of its own
      drop, dup  answer lost, sent twice
      cut N [eof|reset|close]             no more than N bytes
      delay S    wait S seconds first     drip S    one byte every S seconds
      then HOW   answer and then HOW:     close (orderly), eof (in TLS without
                 close_notify), reset, silence
      close, eof, reset, silence, noread  instead of an answer
      endless-line T, endless-multi T     T for ever, without and with CRLF
      signal NAME, probe                  told to whoever runs the server
    In T \\r \\n \\t \\0 \\e \\\\ \\xHH mean bytes, \\*N{text} text N times.

The effect of a command follows the code that was answered, or lost: DATA
answered 250 does not start data.

Command line: server.py CERTDIR SCRIPTFILE prints the port (or socket), serves
until its standard input ends, and prints the record as JSON.
"""
import base64
import binascii
import fnmatch
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time

CAPS = ["PIPELINING", "SIZE 52428800", "8BITMIME", "DSN",
        "ENHANCEDSTATUSCODES", "SMTPUTF8"]
ONE_STEP = ("PLAIN", "EXTERNAL", "OAUTHBEARER", "XOAUTH2")
ENDLESS_BYTES = 256 * 1024 * 1024
ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|\*(\d+)\{((?:[^{}\\]|\\.)*)\}|(.))", re.S)
SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "e": b"\x1b"}


def unescape(text):
    """Bytes of a text with backslash escapes."""
    out = []
    pos = 0
    for m in ESCAPE.finditer(text):
        out.append(text[pos:m.start()].encode())
        pos = m.end()
        if m.group(1):
            out.append(bytes([int(m.group(1), 16)]))
        elif m.group(2):
            out.append(unescape(m.group(3)) * int(m.group(2)))
        else:
            out.append(SIMPLE.get(m.group(4), m.group(4).encode()))
    out.append(text[pos:].encode())
    return b"".join(out)


class Closed(Exception):
    """The connection is over."""


class Script:
    """Settings and events, parsed and checked."""

    KEYS = set("""listen port tls cert tls-max tls-ciphers client-cert caps
        caps-clear mechs mechs-clear user password token rcpt-limit split
        window scram-first scram-final scram-iter binding plus-hidden
        oauth-error sync protocol""".split())
    ACTIONS = set("""reply raw before after later drop dup cut delay drip then
        close eof reset silence noread endless-line endless-multi signal
        probe""".split())
    EVENT = re.compile(r"^([A-Z]+)(?:#(\d+))?(?::(\S+))?$")

    def __init__(self, text, defaults=None):
        self.set = {"listen": "inet", "tls": "on", "cert": "good",
                    "mechs": "PLAIN LOGIN", "client-cert": "none",
                    "scram-iter": "4096", "protocol": "smtp",
                    "scram-first": "r={cnonce}{snonce},s={salt},i={iter}",
                    "scram-final": "v={v}", "binding": "right",
                    "oauth-error": '{"status":"401","schemes":"bearer"}'}
        self.set.update(defaults or {})
        self.events = []
        for line in text.splitlines():
            line = line.strip()
            if not line or line.startswith("##"):
                continue
            if line.startswith("at "):
                self._event(line)
                continue
            key, eq, value = line.partition("=")
            if not eq or key.strip() not in self.KEYS:
                raise ValueError("server script: %r" % line)
            self.set[key.strip()] = value.strip()

    def _event(self, line):
        word = line.split(None, 3)
        m = self.EVENT.match(word[1]) if len(word) > 2 else None
        if not m or word[2] not in self.ACTIONS:
            raise ValueError("server script: %r" % line)
        arg = word[3] if len(word) > 3 else ""
        self.events.append((m.group(1), int(m.group(2) or 0), m.group(3),
                            word[2], arg))

    def actions(self, name, count, subject=None):
        return [(what, arg) for ev, n, glob, what, arg in self.events
                if ev == name and n in (0, count)
                and (glob is None or (subject is not None and
                     fnmatch.fnmatchcase(subject.lower(), glob)))]

    def byte_marks(self):
        return sorted({n for ev, n, _, _, _ in self.events if ev == "BYTES"})

    def caps(self, secure):
        s = self.set
        base = s.get("caps")
        caps = CAPS if base is None else \
            [c.strip() for c in base.split(";") if c.strip()]
        mechs = s["mechs"]
        if not secure:
            mechs = s.get("mechs-clear", "")
            clear = s.get("caps-clear")
            if clear is not None:
                caps = [c.strip() for c in clear.split(";") if c.strip()]
            elif s["tls"] == "starttls":
                caps = caps + ["STARTTLS"]
        return caps + (["AUTH " + mechs] if mechs else [])


class Transaction:
    def __init__(self, sender, params):
        self.sender = sender
        self.params = params
        self.rcpts = []         # (address, parameters, code answered)
        self.count = 0          # of those accepted
        self.raw = None         # as received, up to the final dot
        self.data = None        # dots taken off
        self.code = None        # answered to the final dot
        self.connection = 0

    @property
    def accepted(self):
        return [(a, p) for a, p, code in self.rcpts
                if code and 200 <= code < 300]

    @property
    def delivered(self):
        return bool(self.code and 250 <= self.code < 260 and self.accepted)


class Record:
    """What came in, over all connections."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connections = 0
        self.clear = bytearray()        # before TLS, or all of it without
        self.commands = []              # lines, as bytes, data excluded
        self.transactions = []
        self.violations = []
        self.quits = 0
        self.early_quits = 0        # that came before the final reply left
        self.auths = 0
        self.handshakes = 0
        self.sni = []
        self.tls_errors = []
        self.trouble = []               # the server's own mistakes

    def delivered(self):
        return [t for t in self.transactions if t.delivered]

    def violation(self, text):
        with self.lock:
            self.violations.append(text)


class Wire:
    """One connection's bytes, in clear or TLS, read into self.buf."""

    def __init__(self, sock, record, split):
        self.sock = sock
        self.record = record
        self.split = split
        self.buf = bytearray()
        self.tls = None
        self.in_clear = True
        self.closing = False

    def _recv(self):
        try:
            return self.sock.recv(65536)
        except (OSError, ValueError):
            return b""

    def _flush(self):
        out = self.outgoing.read()
        if out:
            self._raw_send(out)

    def _raw_send(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ValueError):
            raise Closed from None

    def fill(self):
        """Read some more; False at the end."""
        if self.tls is None:
            data = self._recv()
            self.record.clear += data
            self.buf += data
            return bool(data)
        while True:
            try:
                data = self.tls.read(65536)
                self.buf += data
                return bool(data)
            except ssl.SSLWantReadError:
                raw = self._recv()
                if not raw:
                    return False
                self.incoming.write(raw)
            except ssl.SSLError:
                return False

    def handshake(self, context):
        """TLS as server; the last flight stays unsent until the next send."""
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        first = True
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                raw = self._recv()
                if not raw:
                    raise Closed from None
                if first and raw[0] != 0x16:
                    self.record.clear += raw
                first = False
                self.incoming.write(raw)
            except ssl.SSLError as e:
                self.record.tls_errors.append(e.reason or str(e))
                try:
                    self._flush()
                finally:
                    raise Closed from None
        self.tls = tls
        self.record.handshakes += 1

    def settle(self):
        """Send what the handshake left."""
        if self.tls:
            self._flush()

    def send(self, data, step=None):
        if step is None:
            step = self.split
        if not step:
            step = len(data) or 1
        for i in range(0, len(data), step):
            piece = bytes(data[i:i + step])
            if self.tls:
                try:
                    self.tls.write(piece)
                except ssl.SSLError:
                    raise Closed from None
                self._flush()
            else:
                self._raw_send(piece)
            if step < len(data):
                time.sleep(0.0004)

    def close(self, how):
        """close: orderly; eof: TCP only; reset."""
        self.closing = True
        try:
            if how == "reset":
                if self.sock.family != socket.AF_UNIX:
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
                self.sock.close()
                return
            if how == "close" and self.tls:
                try:
                    self.tls.unwrap()
                except ssl.SSLError:
                    pass
                self._flush()
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(3)
            while self.fill():
                pass
        except (OSError, Closed):
            pass


class Session(threading.Thread):
    def __init__(self, server, sock, number):
        super().__init__(daemon=True)
        self.server = server
        self.script = server.script
        self.set = server.script.set
        self.record = server.record
        self.sock = sock
        self.number = number
        self.wire = Wire(sock, server.record, int(self.set.get("split", 0)))
        self.counts = {}
        self.secure = False
        self.authed = False
        self.helo = False
        self.offered = {}
        self.txn = None
        self.mails = 0
        self.exporter = None
        self.code = None                # of the last reply
        self.deaf = False               # reads no more
        self.flight = False             # commands may stand behind the AUTH

    # -- events ---------------------------------------------------------

    def count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1
        return self.counts[name]

    def actions(self, name, subject=None):
        return self.script.actions(name, self.count(name), subject)

    def answer(self, name, text, subject=None):
        """Send the reply to an event, as the script has it; its code, which
        is None unless the reply is whole."""
        self.code = None
        if name == "END" and self.wire.buf == b"QUIT\r\n":
            self.record.early_quits += 1
        acts = self.actions(name, subject)
        if text is not None:
            acts = acts + self.actions("REPLY")
        out = b"" if text is None else text.encode() + b"\r\n"
        if self.wire.buf and text is not None:
            self._check_pipelining(name)
        pre = post = late = b""
        then = drip = None
        dropped = False
        for what, arg in acts:
            if what == "reply":
                out = unescape(arg) + b"\r\n"
            elif what == "raw":
                out = unescape(arg)
            elif what == "before":
                pre += unescape(arg)
            elif what == "after":
                post += unescape(arg)
            elif what == "later":
                late += unescape(arg)
            elif what == "drop":
                dropped = True
            elif what == "dup":
                out = out * 2
            elif what == "cut":
                n, _, how = arg.partition(" ")
                n = int(n)
                if 0 <= n <= len(out):
                    out, then = out[:n], how or "eof"
            elif what == "delay":
                self.sleep(float(arg))
            elif what == "drip":
                drip = float(arg)
            elif what == "then":
                then = arg
            elif what in ("close", "eof", "reset", "silence", "noread"):
                self.finish(what)
            elif what == "endless-line":
                self.endless(unescape(arg))
            elif what == "endless-multi":
                self.endless(unescape(arg) + b"\r\n")
            elif what == "signal" or what == "probe":
                self.server.tell(what, arg)
        whole = re.search(rb"(?:^|\n)([2-5][0-5]\d)(?: [^\n]*)?\r?\n\Z", out)
        if whole:
            self.code = int(whole.group(1))
        if dropped:
            out = b""
        if name == "EHLO" and self.code == 250:
            self._remember(out)
        data = pre + out + post
        if drip:
            for i in range(len(data)):
                self.wire.send(data[i:i + 1])
                self.sleep(drip)
        elif data:
            self.wire.send(data)
        if late:
            self.sleep(0.05)
            self.wire.send(late)
        if then:
            self.finish(then)
        return self.code

    def _remember(self, reply):
        self.offered = {}
        for line in reply.decode("latin-1").splitlines()[1:]:
            word = line[4:].split()
            if word and word[0].upper().startswith("AUTH="):
                word[:1] = ["AUTH", word[0][5:]]
            if word and word[0].upper() == "AUTH":
                self.offered.setdefault("AUTH", []).extend(word[1:])
            elif word:
                self.offered[word[0].upper()] = word[1:]

    def _check_pipelining(self, name):
        if name in ("MAIL", "RCPT", "RSET", "BDAT", "END") and \
                "PIPELINING" in self.offered:
            return
        if name in ("AUTH", "AUTHLINE") and self.flight:
            return
        if name != "STARTTLS":
            self.record.violation("input behind %s before its reply" % name)

    def sleep(self, seconds):
        self.server.stopping.wait(seconds)
        if self.server.stopping.is_set():
            raise Closed

    def finish(self, how):
        if how == "silence":
            while self.wire.fill():
                pass
        elif how == "noread":
            self.deaf = True
            self.server.stopping.wait(60)
        elif how in ("close", "eof", "reset"):
            self.wire.close(how)
        else:
            raise ValueError("unknown ending %r" % how)
        raise Closed

    def endless(self, piece):
        block = piece * max(1, 16384 // len(piece))
        sent = 0
        while sent < ENDLESS_BYTES and not self.server.stopping.is_set():
            self.wire.send(block, step=0)
            sent += len(block)
        raise Closed

    # -- input ----------------------------------------------------------

    def readline(self):
        while True:
            i = self.wire.buf.find(b"\n")
            if i >= 0:
                line = bytes(self.wire.buf[:i + 1])
                del self.wire.buf[:i + 1]
                break
            if len(self.wire.buf) > 65536:
                self.record.violation("endless line")
                raise Closed
            if not self.wire.fill():
                raise Closed
        self.record.commands.append(line.rstrip(b"\r\n"))
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            self.record.violation("line end or NUL in command %r" % line)
        return line.rstrip(b"\r\n")

    # -- life -----------------------------------------------------------

    def run(self):
        try:
            self.sock.settimeout(60)
            self.talk()
        except Closed:
            pass
        except Exception as e:          # a bug here must fail the case
            self.record.trouble.append("%s: %s" % (type(e).__name__, e))
        rest = [x for x in bytes(self.wire.buf).split(b"\r\n") if x]
        self.record.commands += rest
        try:
            self.sock.close()
        except OSError:
            pass

    def talk(self):
        self.answer("CONNECT", None)
        if self.set["tls"] == "on":
            self.start_tls()
        if self.answer("GREETING", "220 mail.example.test ESMTP") != 220:
            self.helo = None
        while True:
            line = self.readline()
            verb, _, rest = line.decode("utf-8", "surrogateescape") \
                .partition(" ")
            verb = verb.upper()
            handler = getattr(self, "do_" + verb, None)
            if not verb.isalpha() or handler is None:
                self.record.violation("unknown command %r" % line)
                self.answer("OTHER", "500 5.5.2 what?")
            else:
                handler(rest)

    def start_tls(self):
        context, keylog = self.server.context()
        self.wire.buf.clear()
        self.wire.handshake(context)
        self.secure = True
        self.helo = False
        self.offered = {}
        if keylog:
            self.exporter = exporter(keylog, self.wire.tls.cipher()[0])
            os.unlink(keylog)
        # the last flight and what the script adds leave in one segment
        injected = b""
        for what, arg in self.actions("TLS"):
            if what in ("raw", "reply", "after", "before"):
                injected += unescape(arg) + (b"\r\n" if what == "reply"
                                             else b"")
            elif what == "delay":
                self.wire.settle()
                self.sleep(float(arg))
            else:
                self.wire.settle()
                self.finish(what)
        if injected:
            self.wire.tls.write(injected)
        self.wire.settle()

    # -- commands -------------------------------------------------------

    def do_EHLO(self, rest):
        if self.set["protocol"] == "lmtp":
            self.record.violation("EHLO to an LMTP server")
            self.answer("OTHER", "500 5.5.1 LHLO is said here")
            return
        self.hello(rest)

    def do_LHLO(self, rest):
        if self.set["protocol"] != "lmtp":
            self.record.violation("LHLO to an SMTP server")
            self.answer("OTHER", "500 5.5.1 EHLO is said here")
            return
        self.hello(rest)

    def hello(self, rest):
        if not re.match(r"^(\[[0-9a-zA-Z:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)$",
                        rest):
            self.record.violation("EHLO name %r" % rest)
        self.txn = None
        lines = ["mail.example.test"] + self.script.caps(self.secure)
        text = "\r\n".join("250%s%s" % ("-" if i < len(lines) - 1 else " ", s)
                           for i, s in enumerate(lines))
        if self.answer("EHLO", text) == 250:
            self.helo = True

    def do_HELO(self, rest):
        self.txn = None
        if self.answer("HELO", "250 mail.example.test") == 250:
            self.helo = True
            self.offered = {}

    def do_STARTTLS(self, rest):
        if self.secure or "STARTTLS" not in self.offered:
            self.record.violation("STARTTLS not offered")
        if self.wire.buf:
            self.record.violation("input behind STARTTLS")
        if self.secure or self.set["tls"] != "starttls":
            self.answer("STARTTLS", "503 5.5.1 no")
        elif self.answer("STARTTLS", "220 2.0.0 go ahead") == 220:
            self.start_tls()

    def do_MAIL(self, rest):
        m = re.match(r"^FROM:<([^<>\s]*|\"[^\"]*\"@\S+)>((?: [^ ]+)*)$", rest,
                     re.I)
        if not m:
            self.record.violation("MAIL syntax %r" % rest)
            self.answer("MAIL", "501 5.5.4 syntax")
            return
        params = m.group(2).split()
        self._check_params(params, {"SIZE": "SIZE", "BODY": "8BITMIME",
                                    "SMTPUTF8": "SMTPUTF8", "RET": "DSN",
                                    "ENVID": "DSN", "AUTH": "AUTH",
                                    "REQUIRETLS": "REQUIRETLS",
                                    "HOLDFOR": "FUTURERELEASE",
                                    "HOLDUNTIL": "FUTURERELEASE",
                                    "MT-PRIORITY": "MT-PRIORITY",
                                    "BY": "DELIVERBY"})
        if "BODY=BINARYMIME" in params and \
                not {"BINARYMIME", "CHUNKING"} <= self.offered.keys():
            self.record.violation("BODY=BINARYMIME not offered")
        if "REQUIRETLS" in params and not self.secure:
            self.record.violation("REQUIRETLS without TLS")
        self.mails += 1
        self._check_limit("MAILMAX", self.mails)
        if not m.group(1).isascii() and "SMTPUTF8" not in params:
            self.record.violation("MAIL outside ASCII without SMTPUTF8")
        text = "250 2.1.0 ok"
        size = [int(p[5:]) for p in params if p.upper().startswith("SIZE=")]
        limit = (self.offered.get("SIZE") or ["0"])[0]
        if not self.helo:
            text = "503 5.5.1 EHLO first"
        elif self.script.set["mechs"] and self.set["tls"] != "off" and \
                not self.authed:
            text = "530 5.7.0 log in first"
        elif self.txn:
            self.record.violation("MAIL inside a transaction")
            text = "503 5.5.1 nested MAIL"
        elif size and limit.isdigit() and 0 < int(limit) < size[0]:
            text = "552 5.3.4 too big"
        txn = Transaction(m.group(1), params)
        txn.connection = self.number
        code = self.answer("MAIL", text, m.group(1) + (
            " binarymime" if "BODY=BINARYMIME" in params else ""))
        with self.record.lock:
            self.record.transactions.append(txn)
        self.txn = txn if code and 200 <= code < 300 else None

    def _check_limit(self, name, number):
        for word in self.offered.get("LIMITS", []):
            m = re.fullmatch(name + r"=([1-9]\d{0,5})", word)
            if m and number > int(m.group(1)):
                self.record.violation("more than %s" % word)

    VALUES = {
        "SIZE": r"\d{1,20}", "BODY": "7BIT|8BITMIME|BINARYMIME",
        "SMTPUTF8": None,
        "RET": "FULL|HDRS", "ENVID": r"([!-*,-<>-~]|\+[0-9A-F]{2})+",
        "REQUIRETLS": None, "HOLDFOR": r"[1-9]\d{0,8}",
        "HOLDUNTIL": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "MT-PRIORITY": "0|-?[1-9]", "BY": r"-?\d{1,9};[RN]T?",
        "ORCPT": r"rfc822;([!-*,-<>-~]|\+[0-9A-F]{2})+|"
                 r"utf-8;([!-*,-<>-\[\]-~]|[^\0-\x7f]|\\x\{[0-9A-F]{2,6}\})+",
        "NOTIFY": "NEVER|(SUCCESS|FAILURE|DELAY)(,(SUCCESS|FAILURE|DELAY))*",
    }

    def _check_params(self, params, needs):
        seen = set()
        for p in params:
            name, eq, value = p.partition("=")
            form = self.VALUES.get(name)
            if bool(eq) != bool(form) or \
                    form and not re.fullmatch(form, value):
                self.record.violation("parameter %s not well formed" % p)
        for p in params:
            name = p.split("=")[0].upper()
            if p == "BODY=BINARYMIME":
                pass
            elif name not in needs or needs[name] not in self.offered:
                self.record.violation("parameter %s not offered" % p)
            if name == "SMTPUTF8" and "8BITMIME" not in self.offered:
                self.record.violation("SMTPUTF8 without 8BITMIME")
            if name in seen:
                self.record.violation("parameter %s twice" % p)
            seen.add(name)

    def do_RCPT(self, rest):
        m = re.match(r"^TO:<([^<>\s]+|\"[^\"]*\"@\S+)>((?: [^ ]+)*)$", rest,
                     re.I)
        if not m:
            self.record.violation("RCPT syntax %r" % rest)
            self.answer("RCPT", "501 5.5.4 syntax")
            return
        params = m.group(2).split()
        self._check_params(params, {"NOTIFY": "DSN", "ORCPT": "DSN"})
        text = "250 2.1.5 ok"
        limit = int(self.set.get("rcpt-limit", 0))
        if not self.txn:
            text = "503 5.5.1 MAIL first"
        elif not m.group(1).isascii() and \
                "SMTPUTF8" not in self.txn.params:
            self.record.violation("RCPT outside ASCII without SMTPUTF8")
            text = "553 5.6.7 no"
        elif limit and self.txn.count >= limit:
            text = "452 4.5.3 too many recipients"
        code = self.answer("RCPT", text, m.group(1))
        if self.txn:
            asked = [a for a, _, _ in self.txn.rcpts] + [m.group(1)]
            self._check_limit("RCPTMAX", len(asked))
            self._check_limit("RCPTDOMAINMAX", len(
                {a.rpartition("@")[2].lower() for a in asked}))
            self.txn.rcpts.append((m.group(1), params, code))
            self.txn.count += bool(code and 200 <= code < 300)

    def do_DATA(self, rest):
        text = "354 go ahead"
        if not self.txn:
            text = "503 5.5.1 MAIL first"
        elif not self.txn.count:
            text = "554 5.5.1 no valid recipients"
        if rest:
            self.record.violation("DATA with an argument")
        if self.answer("DATA", text) == 354:
            self.read_data()

    def do_BDAT(self, rest):
        m = re.match(r"^(\d{1,20})( LAST)?$", rest)
        if not m:
            self.record.violation("BDAT syntax %r" % rest)
            self.answer("BDAT", "501 5.5.4 syntax")
            return
        if "CHUNKING" not in self.offered:
            self.record.violation("BDAT not offered")
        self.answer("BDAT", None)
        if self.code is not None:
            return              # the text is taken for commands
        marks = self.script.byte_marks()
        raw = self.wire.buf
        want = int(m.group(1))
        while len(raw) < want:
            while marks and len(raw) >= marks[0]:
                mark = marks.pop(0)
                self.counts["BYTES"] = mark - 1
                self.answer("BYTES", None)
            if not self.wire.fill():
                if self.txn and raw:
                    self.txn.raw = bytes(raw)
                raw.clear()
                raise Closed
        body = bytes(raw[:want])
        del raw[:want]
        txn = self.txn
        if txn is None:
            self.answer("END", "503 5.5.1 MAIL first")
            return
        txn.chunks = getattr(txn, "chunks", b"") + body
        if not m.group(2):
            self.answer("BDAT", "250 2.0.0 go on")
            return
        self.txn = None
        txn.raw = txn.data = txn.chunks
        self._check_data(txn)
        if not txn.accepted:
            self.answer("END", "554 5.5.1 no valid recipients")
            return
        self.end_data(txn, "250 2.0.0 queued")

    def read_data(self):
        marks = self.script.byte_marks()
        raw = self.wire.buf
        start = 0
        while True:
            if raw.startswith(b".\r\n"):
                end, skip = 0, 3
                break
            end = raw.find(b"\r\n.\r\n", start)
            if end >= 0:
                end, skip = end + 2, 3
                break
            start = max(0, len(raw) - 4)
            while marks and len(raw) >= marks[0]:
                mark = marks.pop(0)
                self.counts["BYTES"] = mark - 1
                self.answer("BYTES", None)
            if not self.wire.fill():
                if self.txn and raw:
                    self.txn.raw = bytes(raw)
                raw.clear()
                raise Closed
        body = bytes(raw[:end])
        del raw[:end + skip]
        txn, self.txn = self.txn or Transaction("", []), None
        txn.raw = body
        txn.data = re.sub(rb"(^|\r\n)\.", rb"\1", body)
        self._check_data(txn)
        text = "250 2.0.0 queued" if txn.accepted else \
            "554 5.5.1 no valid recipients"
        self.end_data(txn, text)

    def end_data(self, txn, text):
        """Answer the end of the data; the connection may end with that."""
        if self.set["protocol"] != "lmtp" or not txn.accepted:
            try:
                self.answer("END", text)
            finally:
                txn.code = self.code
            return
        try:
            for i, (addr, params, code) in enumerate(list(txn.rcpts)):
                if not code or not 200 <= code < 300:
                    continue
                txn.rcpts[i] = (addr, params, None)
                try:
                    self.answer("END", text, addr)
                finally:
                    txn.rcpts[i] = (addr, params, self.code)
        finally:
            txn.code = 250 if txn.accepted else 554

    def _check_data(self, txn):
        if not txn.raw:
            return
        if re.search(rb"(?<!\r)\n|\r(?!\n)", txn.raw):
            self.record.violation("bare CR or LF in data")
        header, _, body = txn.data.partition(b"\r\n\r\n")
        names = [p.upper() for p in txn.params]
        binary = "BODY=BINARYMIME" in names
        if binary and not hasattr(txn, "chunks"):
            self.record.violation("BODY=BINARYMIME by DATA")
        if b"\0" in (header if binary else txn.raw):
            self.record.violation("NUL in data")
        if max(map(len, (header if binary else txn.data)
                   .split(b"\r\n"))) > 998:
            self.record.violation("line longer than 998 in data")
        if binary and b"\0" not in body and \
                max(map(len, body.split(b"\r\n"))) <= 998:
            self.record.violation("BODY=BINARYMIME, and nothing needs it")
        if not txn.data.isascii() and "8BITMIME" not in self.offered and \
                not binary:
            self.record.violation("8-bit content without 8BITMIME")
        if txn.data.isascii() and "BODY=8BITMIME" in names:
            self.record.violation("BODY=8BITMIME, and nothing needs it")
        try:
            if not header.isascii() and header.decode() and \
                    {"SMTPUTF8", "8BITMIME"} <= self.offered.keys() and \
                    "SMTPUTF8" not in names:
                self.record.violation("UTF-8 in the header without SMTPUTF8")
        except UnicodeDecodeError:
            pass
        if not body.isascii() and "BODY=8BITMIME" not in names and not binary:
            self.record.violation("8-bit body without BODY=8BITMIME")
        for p in names:
            if p.startswith("SIZE=") and txn.data and \
                    int(p[5:]) < len(txn.data):
                self.record.violation("%s, but %d bytes came" %
                                      (p, len(txn.data)))

    def do_RSET(self, rest):
        self.txn = None
        self.answer("RSET", "250 2.0.0 ok")

    def do_NOOP(self, rest):
        self.answer("NOOP", "250 2.0.0 ok")

    def do_VRFY(self, rest):
        self.record.violation("VRFY")
        self.answer("VRFY", "252 2.1.5 perhaps")

    def do_QUIT(self, rest):
        self.record.quits += 1
        if self.wire.buf:
            self.record.violation("input behind QUIT")
        self.answer("QUIT", "221 2.0.0 bye")
        self.wire.close("close")
        raise Closed

    # -- log-in ---------------------------------------------------------

    def do_AUTH(self, rest):
        self.record.auths += 1
        name, _, ir = rest.partition(" ")
        name = name.upper()
        offered = self.offered.get("AUTH", [])
        if not self.secure and "mechs-clear" not in self.set:
            self.record.violation("AUTH in clear")
        if name not in offered:
            self.record.violation("AUTH %s not offered" % name)
        if self.authed:
            self.record.violation("AUTH twice")
        steps = self.mechanism(name)
        event = "AUTH"
        if steps is None:
            self.answer(event, "504 5.5.4 no such mechanism")
            return
        self.flight = bool(ir) and name in ONE_STEP and \
            "PIPELINING" in self.offered
        if self.set.get("sync") == "yes" and self.wire.buf:
            self.answer("AUTH", "554 5.5.0 SMTP protocol synchronization")
            self.finish("close")
        value = None
        if ir:
            value = b"" if ir == "=" else self.unbase64(ir)
        try:
            text = next(steps)
            if value is not None and text.startswith("334"):
                text = steps.send(value)
            elif value is None and name != "LOGIN":
                text = "334 "
        except StopIteration as e:
            text = self.verdict(e.value)
        while True:
            code = self.answer(event, text)
            event = "AUTHLINE"
            if code != 334:
                self.authed = code == 235
                return
            in_flight = self.flight and bool(self.wire.buf)
            line = self.readline().decode("latin-1")
            if in_flight:
                self.answer(event, "535 5.7.8 that is no answer")
                return
            if line == "*":
                self.answer(event, "501 5.7.0 cancelled")
                return
            try:
                text = steps.send(self.unbase64(line))
            except StopIteration as e:
                text = self.verdict(e.value)

    @staticmethod
    def verdict(good):
        return "235 2.7.0 welcome" if good else \
            "535 5.7.8 Authentication credentials invalid"

    def unbase64(self, text):
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            self.record.violation("AUTH line is not base64")
            return b""

    def mechanism(self, name):
        if name.startswith("SCRAM-SHA-"):
            plus = name.endswith("-PLUS")
            digest = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}.get(
                name[:-5] if plus else name)
            return self.scram(digest, plus) if digest else None
        steps = {"PLAIN": self.plain, "LOGIN": self.login,
                 "XOAUTH2": self.xoauth2, "OAUTHBEARER": self.oauthbearer,
                 "EXTERNAL": self.external}.get(name)
        return steps() if steps else None

    # Each is a generator: yields "334 ..." and is sent the client's bytes;
    # its value says whether the log-in is good.  The first yield asks for the
    # initial response.

    def secret(self, key):
        return unescape(self.set.get(key, ""))

    def plain(self):
        said = yield "334 "
        return said == b"\0" + self.secret("user") + b"\0" + \
            self.secret("password")

    def login(self):
        user = yield "334 VXNlcm5hbWU6"
        word = yield "334 UGFzc3dvcmQ6"
        return user == self.secret("user") and word == self.secret("password")

    def external(self):
        said = yield "334 "
        return said == b"" and bool(self.wire.tls and
                                    self.wire.tls.getpeercert(True))

    def xoauth2(self):
        said = yield "334 "
        if said == b"user=" + self.secret("user") + b"\1auth=Bearer " + \
                self.secret("token") + b"\1\1":
            return True
        said = yield "334 " + b64(unescape(self.set["oauth-error"]))
        if said != b"":
            self.record.violation("XOAUTH2 error answered with %r" % said)
        return False

    def oauthbearer(self):
        said = yield "334 "
        m = re.match(rb"^n,a=([^,]*),\1host=([^\1]+)\1port=(\d+)\1"
                     rb"auth=Bearer ([^\1]*)\1\1$".replace(rb"\1", b"\1"),
                     said)
        if m is None:
            self.record.violation("OAUTHBEARER message is malformed")
        elif (m.group(1), m.group(4)) == (self.secret("user"),
                                          self.secret("token")):
            return True
        said = yield "334 " + b64(unescape(self.set["oauth-error"]))
        if said != b"\1":
            self.record.violation("OAUTHBEARER error answered with %r" % said)
        return False

    def scram(self, digest, plus):
        first = yield "334 "
        m = re.match(r"^(n|y|p=[a-z0-9.-]+),(a=[^,]*)?,(n=([^,]*),r=([!-+"
                     r"\x2d-~]+))$", first.decode("utf-8", "replace"))
        if not m:
            self.record.violation("SCRAM client-first is malformed")
            return False
        flag, bare, user, cnonce = m.group(1, 3, 4, 5)
        if len(cnonce) < 18:
            self.record.violation("SCRAM nonce is short")
        known = "SCRAM-%s-PLUS" % {"sha1": "SHA-1",
                                   "sha256": "SHA-256"}[digest]
        if plus != flag.startswith("p="):
            self.record.violation("SCRAM flag %s with%s -PLUS" %
                                  (flag, "" if plus else "out"))
        if not plus and flag == "y" and \
                known in self.offered.get("AUTH", []):
            self.record.violation("SCRAM flag y though -PLUS was offered")
        if flag == "y" and self.set.get("plus-hidden") == "yes":
            yield "334 " + b64(b"e=server-does-support-channel-binding")
            return False
        salt = b"0123456789abcdef"
        rounds = int(self.set["scram-iter"])
        fill = {"cnonce": cnonce, "snonce": secrets.token_hex(9),
                "salt": b64(salt), "iter": str(rounds)}
        sfirst = fill_in(self.set["scram-first"], fill)
        final = (yield "334 " + b64(sfirst)).decode("utf-8", "replace")
        m = re.match(r"^(c=([A-Za-z0-9+/=]+),r=([^,]+)),p=([A-Za-z0-9+/=]+)$",
                     final)
        if not m:
            self.record.violation("SCRAM client-final is malformed")
            return False
        bound = first.split(b",", 2)
        bound = bound[0] + b"," + bound[1] + b","
        if plus:
            seen = self.exporter or b"?"
            if self.set["binding"] == "wrong":
                seen = hashlib.sha256(b"another session").digest()
            bound += seen
            if flag != "p=tls-exporter":
                self.record.violation("SCRAM binding %s" % flag)
        if base64.b64decode(m.group(2)) != bound:
            yield "334 " + b64(b"e=channel-bindings-dont-match")
            return False
        salted = hashlib.pbkdf2_hmac(digest, self.secret("password"), salt,
                                     rounds)
        said = ",".join([bare, sfirst.decode(), m.group(1)]).encode()
        key = hmac.digest(salted, b"Client Key", digest)
        sign = hmac.digest(hashlib.new(digest, key).digest(), said, digest)
        proof = bytes(a ^ b for a, b in zip(key, sign))
        if not hmac.compare_digest(proof, base64.b64decode(m.group(4))) or \
                user.encode() != self.secret("user") or \
                m.group(3) != cnonce + fill["snonce"]:
            yield "334 " + b64(b"e=invalid-proof")
            return False
        server = hmac.digest(salted, b"Server Key", digest)
        fill["v"] = b64(hmac.digest(server, said, digest))
        said = yield "334 " + b64(fill_in(self.set["scram-final"], fill))
        if said != b"":
            self.record.violation("SCRAM server-final answered with %r" % said)
        return True


def b64(data):
    return base64.b64encode(data).decode()


def fill_in(template, fields):
    for name, value in fields.items():
        template = template.replace("{%s}" % name, value)
    return unescape(template)


def exporter(keylog, cipher):
    """tls-exporter (RFC 9266) of a TLS 1.3 session out of its key log."""
    with open(keylog) as f:
        line = [x.split() for x in f if x.startswith("EXPORTER_SECRET ")]
    if not line:
        return None
    digest = "sha384" if cipher.endswith("SHA384") else "sha256"
    size = hashlib.new(digest).digest_size
    empty = hashlib.new(digest, b"").digest()

    def expand(secret, label, context, length):
        label = b"tls13 " + label
        info = struct.pack(">HB", length, len(label)) + label + \
            struct.pack("B", len(context)) + context
        out = block = b""
        n = 1
        while len(out) < length:
            block = hmac.digest(secret, block + info + bytes([n]), digest)
            out += block
            n += 1
        return out[:length]

    derived = expand(bytes.fromhex(line[-1][2]), b"EXPORTER-Channel-Binding",
                     empty, size)
    return expand(derived, b"exporter", empty, 32)


class Server:
    """Listens from its making until stop().  tell(what, argument) is called
    from a connection's thread for the actions `signal` and `probe`."""

    def __init__(self, script, certs, scratch=None, tell=None):
        self.script = script
        self.certs = certs
        self.scratch = scratch
        self.tell = tell or (lambda what, arg: None)
        self.record = Record()
        self.stopping = threading.Event()
        self.sessions = []
        self.path = None
        kind = script.set["listen"]
        if kind == "unix":
            self.path = os.path.join(scratch or tempfile.mkdtemp(),
                                     "sock%s" % secrets.token_hex(4))
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            self.port = 0
        else:
            family = socket.AF_INET6 if kind == "inet6" else socket.AF_INET
            self.listener = socket.socket(family)
            if "window" in script.set:
                self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                         int(script.set["window"]))
            self.listener.setsockopt(socket.SOL_SOCKET,
                                     socket.SO_REUSEADDR, 1)
            self.listener.bind(("::1" if kind == "inet6" else "127.0.0.1",
                                int(script.set.get("port", "0"))))
            self.port = self.listener.getsockname()[1]
        self.listener.listen(16)
        self.listener.settimeout(0.5)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            if self.stopping.is_set():
                sock.close()
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.record.connections += 1
            session = Session(self, sock, self.record.connections)
            self.sessions.append(session)
            session.start()

    def context(self):
        """A context for one connection, and its key log if one is needed."""
        s = self.script.set
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ciphers = s.get("tls-ciphers")
        if ciphers:
            ctx.set_ciphers(ciphers)
        elif s["cert"] in ("rsa1024", "sha1") or s.get("tls-max") == "1.1":
            ctx.set_ciphers("DEFAULT:@SECLEVEL=0")
        if "tls-max" in s:
            low = {"1.1": ssl.TLSVersion.TLSv1_1,
                   "1.2": ssl.TLSVersion.TLSv1_2}[s["tls-max"]]
            ctx.minimum_version = ssl.TLSVersion.TLSv1
            ctx.maximum_version = low
        base = os.path.join(self.certs, s["cert"])
        ctx.load_cert_chain(base + ".pem", base + ".key")
        if s["client-cert"] != "none":
            ctx.load_verify_locations(os.path.join(self.certs, "ca.pem"))
            ctx.verify_mode = ssl.CERT_REQUIRED \
                if s["client-cert"] == "require" else ssl.CERT_OPTIONAL
        ctx.sni_callback = lambda sock, name, c: self.record.sni.append(name)
        keylog = None
        if "-PLUS" in s["mechs"]:
            fd, keylog = tempfile.mkstemp(dir=self.scratch)
            os.close(fd)
            ctx.keylog_filename = keylog
        return ctx, keylog

    def settle(self, seconds):
        """Wait for connections that their client has closed to be read out."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not any(s.is_alive() and not s.deaf for s in self.sessions):
                return True
            time.sleep(0.003)
        return False

    def stop(self):
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        # from then on there are no more sessions, and all have started
        self.thread.join(5)
        for session in self.sessions:
            try:
                session.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for session in self.sessions:
            session.join(5)
        if self.path:
            try:
                os.unlink(self.path)
            except OSError:
                pass


def main(argv):
    if len(argv) != 3:
        sys.exit("usage: server.py CERTDIR SCRIPTFILE")
    with open(argv[2]) as f:
        script = Script(f.read(), {"user": "user", "password": "password"})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = Server(script, argv[1])
    print(server.path or server.port, flush=True)
    sys.stdin.read()
    server.settle(1)
    server.stop()
    r = server.record
    text = lambda b: b.decode("utf-8", "backslashreplace")
    json.dump({
        "connections": r.connections, "quits": r.quits, "auths": r.auths,
        "clear": text(bytes(r.clear)), "commands": [text(c) for c in
                                                    r.commands],
        "violations": r.violations, "sni": r.sni, "trouble": r.trouble,
        "transactions": [{"sender": t.sender, "params": t.params,
                          "rcpts": t.rcpts, "code": t.code,
                          "delivered": t.delivered,
                          "data": None if t.data is None else text(t.data)}
                         for t in r.transactions]}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv)
