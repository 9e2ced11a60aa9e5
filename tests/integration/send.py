#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""send.py - what mailchute send makes, read by Python's email package

Prints TAP.  Environment: MAILCHUTE_BIN; MC_SANITIZED=yes leaves the size of
memory alone; MAILCHUTE_ROUNDS: how many messages are made by chance, 60;
MAILCHUTE_SEED.
"""
import base64
import email
import email.header
import email.policy
import email.utils
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

sys.dont_write_bytecode = True
BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
SANITIZED = os.environ.get("MC_SANITIZED") == "yes"
ROUNDS = int(os.environ.get("MAILCHUTE_ROUNDS", "60"))
SEED = int(os.environ.get("MAILCHUTE_SEED", "1"))
LIMIT = 120 if SANITIZED else 40        # seconds, for one run
MEMORY = 24 << 10                       # KiB
BIG = 100 * 1000 * 1000
CASES = []


class Failure(Exception):
    pass


def case(fn):
    CASES.append(fn)
    return fn


def same(got, want, what):
    if got != want:
        raise Failure("%s\n got: %.600r\nwant: %.600r" % (what, got, want))


def holds(fact, what):
    if not fact:
        raise Failure(what)


# ------------------------------------------------------------------ the server

class Sink(threading.Thread):
    """Takes every message, into a file; in clear, for this machine."""

    def __init__(self, path, at_end=None, cut=None):
        super().__init__(daemon=True)
        self.path = path
        self.at_end = at_end            # called before the end is answered
        self.cut = cut                  # bytes of data, then it hangs up
        self.rcpts = []                 # one list a transaction
        self.trouble = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        try:
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(LIMIT)
                with sock, sock.makefile("rwb") as wire:
                    self.session(wire)
        except OSError:
            pass
        except Exception as e:          # told by whoever waits for the end
            self.trouble = e

    def say(self, wire, text):
        wire.write(text + b"\r\n")
        wire.flush()

    def session(self, wire):
        self.say(wire, b"220 sink ESMTP")
        rcpts = []
        for line in wire:
            word = line[:4].upper()
            if word == b"EHLO":
                self.say(wire, b"250-sink\r\n250-8BITMIME\r\n250 PIPELINING")
            elif word == b"RCPT":
                rcpts.append(line.split(b"<")[1].split(b">")[0].decode())
                self.say(wire, b"250 2.1.5 ok")
            elif word == b"DATA":
                self.say(wire, b"354 go on")
                if not self.data(wire):
                    return
                self.rcpts.append(rcpts)
                rcpts = []
                if self.at_end:
                    self.at_end()
                self.say(wire, b"250 2.0.0 taken")
            elif word == b"QUIT":
                self.say(wire, b"221 bye")
                return
            else:
                self.say(wire, b"250 ok")

    def data(self, wire):
        size = 0
        with open(self.path, "wb") as f:
            for line in wire:
                size += len(line)
                if self.cut is not None and size > self.cut:
                    return False
                if line == b".\r\n":
                    return True
                f.write(line[1:] if line[:1] == b"." else line)
        return False

    def close(self):
        self.listener.close()


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mc-send-")
        self.got = os.path.join(self.dir, "got")
        self.sink = None
        self.pid = None
        for name in ("home", "tmp", "files"):
            os.mkdir(os.path.join(self.dir, name))

    def listen(self, **how):
        if self.sink:
            self.sink.close()
        self.sink = Sink(self.got, **how)
        conf = os.path.join(self.dir, "conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write("log = off\nqueue = off\n[account t]\nhost = 127.0.0.1\n"
                    "port = %d\ntls = off\nfrom = me@example.test\n" %
                    self.sink.port)
        os.chmod(conf, 0o600)
        return conf

    def file(self, name, data):
        path = os.path.join(os.fsencode(self.dir), b"files",
                            name.encode("utf-8"))
        with open(path, "wb") as f:
            f.write(data)
        return path

    def env(self):
        env = {k: v for k, v in os.environ.items()
               if k == "PATH" or k.endswith("SAN_OPTIONS")}
        env.update(HOME=os.path.join(self.dir, "home"), LC_ALL="C",
                   TMPDIR=os.path.join(self.dir, "tmp"))
        return env

    def start(self, args, **streams):
        p = subprocess.Popen([BIN, "send"] + args, env=self.env(),
                             start_new_session=True, **streams)
        self.pid = p.pid
        return p

    def run(self, args, text):
        """(status, standard error)"""
        p = self.start(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
        try:
            out, err = p.communicate(text, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            raise Failure("no end of it") from None
        holds(not out, "something on standard output: %r" % out)
        if self.sink.trouble:
            raise Failure("the server failed: %r" % self.sink.trouble)
        return p.returncode, err

    def message(self):
        with open(self.got, "rb") as f:
            return f.read()

    def close(self):
        if self.sink:
            self.sink.close()
        shutil.rmtree(self.dir)


def on_terminal(world, args, text, keys=None):
    """(status, what came to the terminal): standard error is one, and with
    `keys` standard input too."""
    ours, theirs = os.openpty()
    mode = termios.tcgetattr(theirs)
    mode[1] &= ~termios.OPOST
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    p = world.start(args, stdout=subprocess.DEVNULL, stderr=theirs,
                    stdin=theirs if keys else subprocess.PIPE)
    os.close(theirs)
    timer = threading.Timer(LIMIT, p.kill)
    timer.start()
    if keys:
        os.write(ours, keys)
    else:
        feeder = threading.Thread(target=feed, args=(p.stdin, text))
        feeder.start()
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    p.wait()
    timer.cancel()
    os.close(ours)
    if not keys:
        feeder.join()
    return p.returncode, seen.decode("utf-8")


def feed(pipe, text):
    try:
        pipe.write(text)
        pipe.close()
    except OSError:
        pass


def shown(seen):
    """The lines of a terminal in the end."""
    lines, line, at = [], [], 0
    for c in seen:
        if c == "\n":
            lines.append("".join(line).rstrip())
            line, at = [], 0
        elif c == "\r":
            at = 0
        else:
            line[at:at + 1] = c
            at += 1
    return lines + ["".join(line).rstrip()]


# -------------------------------------------------------------------- messages

def canonical(text):
    return re.sub(rb"\r?\n", b"\r\n", text)


def check(message, want):
    """`want`: text, html (None: none), files [(name, type, bytes)], subject,
    to [(name, address)]"""
    holds(not re.search(rb"\r(?!\n)|(?<!\r)\n", message),
          "CR and LF apart")
    holds(all(len(x) <= 998 for x in message.split(b"\r\n")), "a long line")
    holds(message.endswith(b"\r\n"), "no line end at the end")
    header = message.split(b"\r\n\r\n", 1)[0]
    holds(all(b < 0x80 for b in header), "8-bit header")
    m = email.message_from_bytes(message, policy=email.policy.default)
    for part in m.walk():
        same([str(x) for x in part.defects], [], "defects of a part")
        for name in ("content-type", "content-disposition", "subject"):
            if part[name] is not None:
                same([str(x) for x in part[name].defects], [],
                     "defects of " + name)
    same(m["subject"], want["subject"], "subject")
    # the newer parser of names leaves blanks between encoded words in
    old = email.message_from_bytes(message)
    same([(str(email.header.make_header(email.header.decode_header(name))),
           address) for name, address in
          email.utils.getaddresses([old["to"]])], want["to"], "To")
    leaves = [p for p in m.walk() if not p.is_multipart()]
    bodies = []
    if want["text"] or (want["html"] is None and not want["files"]):
        bodies.append(("text/plain", want["text"]))
    if want["html"] is not None:
        bodies.append(("text/html", want["html"]))
    same(len(leaves), len(bodies) + len(want["files"]), "number of parts")
    for part, (kind, text) in zip(leaves, bodies):
        same(part.get_content_type(), kind, "type")
        same(part.get_content_charset(), "utf-8", "charset")
        text = canonical(text)
        got = part.get_payload(decode=True)
        if len(leaves) == 1 and text and not text.endswith(b"\n") and \
                part["content-transfer-encoding"] != "quoted-printable":
            text += b"\r\n"             # a message ends with a line end
        same(got, text, kind)
    for part, (name, kind, data) in zip(leaves[len(bodies):], want["files"]):
        same(part.get_payload(decode=True), data, name)
        same(part.get_filename(), name, "name")
        same(part.get_content_type(), kind, "type of " + name)
        same(part.get_content_disposition(), "attachment", "disposition")
        for line in part.get_payload().split("\n"):
            holds(len(line.rstrip("\r")) <= 76, "a long line of base64")
    shape = m.get_content_type()
    same(shape, "multipart/mixed" if want["files"] else
         "multipart/alternative" if len(bodies) == 2 else bodies[0][0],
         "type of the whole")


LETTERS = "abc XYZ 019 .,:;-_!?=\"'()<>@[]\\%&$/ äöüßéñ €ŁЖя 日本語 🎉 \u05d0"


def some_text(rnd, most, letters=LETTERS):
    return "".join(rnd.choice(letters) for _ in range(rnd.randint(0, most)))


def some_lines(rnd):
    """A text with all that is awkward in one."""
    pieces = ["\n", "\n", "\r\n", "hello", ".", "--", "--=_m", "From ", " ",
              "\t", "=", "é", "€", "x" * 997, "y" * 300, "=20", "a" * 76,
              "\n.\n", "\r\n--\r\n"]
    if rnd.random() < 0.3:
        pieces += ["\r", "z" * 999]
    return "".join(rnd.choice(pieces)
                   for _ in range(rnd.randint(0, 30))).encode()


def some_name(rnd):
    letters = LETTERS.replace("/", "")
    while True:
        name = some_text(rnd, rnd.choice((5, 20, 70)), letters).strip()
        if name and name not in (".", "..") and len(name.encode()) < 240:
            return name


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def make(world, conf, rnd):
    text = some_lines(rnd)
    html = some_lines(rnd) if rnd.random() < 0.4 else None
    files = []
    args = ["-C", conf]
    for i in range(rnd.choice((0, 0, 1, 1, 2, 5))):
        name = some_name(rnd)
        if name in [f[0] for f in files]:
            continue
        data = rnd.randbytes(rnd.choice((0, 1, 56, 57, 58, 100, 70000)))
        kind = rnd.choice((None, "image/x-%d" % i))
        args += [b"--attach", world.file(name, data)]
        if kind:
            args += ["--type", kind]
        files.append((name, kind or "application/octet-stream", data))
    if html is not None:
        args += ["--html", world.file("page", html)]
    subject = some_text(rnd, rnd.choice((5, 40, 300)))
    to = []
    for i in range(rnd.choice((1, 1, 2, 9))):
        name = squeeze(some_text(rnd, 30, "abc äöü € 日本 , . \" ( \\"))
        to.append((name, "user%d@example.test" % i))
        quoted = re.sub(r'(["\\])', r"\\\1", name)
        args.append("--to=" + ('"%s" <%s>' % (quoted, to[-1][1])
                               if name else to[-1][1]))
    args.append("--subject=" + subject)
    return args, text, {"text": text, "html": html, "files": files,
                        "subject": subject.strip(" "), "to": to}


@case
def by_chance():
    world = World()
    try:
        conf = world.listen()
        for i in range(ROUNDS // (5 if SANITIZED else 1)):
            rnd = random.Random(SEED * 100003 + i)
            args, text, want = make(world, conf, rnd)
            status, err = world.run(args, text)
            try:
                same((status, err), (0, b""), "status and standard error")
                check(world.message(), want)
            except Failure as e:
                raise Failure("message %d of seed %d, %r\n%s" % (
                    i, SEED, args, e)) from None
    finally:
        world.close()


@case
def types_by_name():
    world = World()
    try:
        conf = world.listen()
        args = ["-C", conf, "--to", "a@example.test", "--subject", "x"]
        files = []
        for name, kind in (("a.txt", "text/plain"), ("b.CSV", "text/csv"),
                           ("c.pdf", "application/pdf"),
                           ("d.tar.gz", "application/gzip")):
            args += ["--attach", world.file(name, "é\n".encode())]
            files.append((name, kind, "é\n".encode()))
        same(world.run(args, b""), (0, b""), "status and standard error")
        check(world.message(), {"text": b"", "html": None, "files": files,
                                "subject": "x",
                                "to": [("", "a@example.test")]})
        m = email.message_from_bytes(world.message())
        same([p.get_content_charset() for p in m.get_payload()],
             ["utf-8", "utf-8", None, None], "charsets")
    finally:
        world.close()


@case
def blind_copies_alike():
    world = World()
    try:
        conf = world.listen()
        same(world.run(["-C", conf, "--to", "a@example.test", "--bcc",
                        "b@example.test, c@example.test"], b"x\n"),
             (0, b""), "status and standard error")
        same(world.sink.rcpts, [["a@example.test"], ["b@example.test"],
                                ["c@example.test"]], "transactions")
        holds(not re.search(rb"\b[bc]@example", world.message()),
              "a blind one is named")
    finally:
        world.close()


# ---------------------------------------------------------------------- memory

def peak(pid):
    """KiB"""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))


@case
def large_attachment():
    world = World()
    most = []
    try:
        conf = world.listen(at_end=lambda: most.append(
            peak(world.pid) if os.path.exists("/proc/self/status") else 0))
        digest = hashlib.sha256()
        rnd = random.Random(SEED)
        path = os.path.join(world.dir, "big.bin")
        with open(path, "wb") as f:
            for _ in range(BIG // 1000000):
                piece = rnd.randbytes(1000000)
                digest.update(piece)
                f.write(piece)
        same(world.run(["-C", conf, "--to", "a@example.test", "--attach",
                        path], b"hello\n" * 1000000),
             (0, b""), "status and standard error")
        got = hashlib.sha256()
        with open(world.got, "rb") as f:
            for line in f:
                if b'filename="big.bin"' in line:
                    break
            f.readline()
            for line in f:
                if line.startswith(b"--"):
                    break
                got.update(base64.b64decode(line))
        same(got.hexdigest(), digest.hexdigest(), "the file")
        print("# %d KiB at most" % most[0])
        if not SANITIZED:
            holds(most[0] < MEMORY, "used %d KiB of memory" % most[0])
    finally:
        world.close()


# -------------------------------------------------------------------- terminal

@case
def progress_is_shown_and_erased():
    world = World()
    try:
        conf = world.listen()
        path = world.file("a", bytes(3000000))
        args = ["-C", conf, "--to", "a@example.test", "--bcc",
                "b@example.test", "--attach", path]
        status, seen = on_terminal(world, args, b"x\n")
        same(status, 0, "status")
        holds("\n" not in seen, "more than one line: %r" % seen)
        steps = [int(x) for x in re.findall(r"sending \[[#.]{20}\] +(\d+)%",
                                            seen)]
        holds(steps and steps[-1] == 100 and steps == sorted(steps),
              "steps: %r" % steps)
        # both transactions together
        holds(re.search(r"100%, 7\.\dM of 7\.\dM", seen), "sum: %r" % seen)
        same(shown(seen), [""], "what is left on the terminal")
    finally:
        world.close()


@case
def progress_goes_before_an_error():
    world = World()
    try:
        conf = world.listen(cut=2000000)
        path = world.file("a", bytes(9000000))
        status, seen = on_terminal(world, ["-C", conf, "--to",
                                           "a@example.test", "--attach",
                                           path], b"x\n")
        same(status, 75, "status")
        holds("sending [" in seen, "no progress: %r" % seen)
        lines = shown(seen)
        holds(len(lines) == 2 and lines[0].startswith("mailchute: ") and
              "sending [" not in lines[0] and lines[1] == "", repr(lines))
    finally:
        world.close()


@case
def progress_is_not_shown():
    world = World()
    try:
        conf = world.listen()
        large = world.file("a", bytes(3000000))
        small = world.file("b", bytes(500000))
        to = ["-C", conf, "--to", "a@example.test", "--attach"]
        for extra, path in (("-q", large), ("--quiet", large), (None, small)):
            status, seen = on_terminal(
                world, to + [path] + ([extra] if extra else []), b"x\n")
            same((status, seen), (0, ""), "%s %r" % (extra, path))
        same(world.run(to + [large], b"x\n"), (0, b""), "without terminal")
        status, seen = on_terminal(world, to + [large, "-v"], b"x\n")
        same(status, 0, "status")
        holds("sending [" not in seen and "DATA" in seen, "with -v")
    finally:
        world.close()


@case
def text_is_typed():
    world = World()
    try:
        conf = world.listen()
        status, seen = on_terminal(world, ["-C", conf, "--to",
                                           "a@example.test"], None,
                                   keys=b"hello\n.\n\x04")
        same(status, 0, "status")
        holds(re.match(r"mailchute: .*Ctrl-D.*\n\Z", seen), repr(seen))
        holds(world.message().endswith(b"\r\n\r\nhello\r\n.\r\n"), "text")
    finally:
        world.close()


def main():
    print("1..%d" % len(CASES))
    failed = 0
    for number, fn in enumerate(CASES, 1):
        why = None
        begun = time.monotonic()
        try:
            fn()
        except Failure as e:
            why = str(e)
        except Exception:
            why = traceback.format_exc()
        print("%s %d - %s" % ("not ok" if why else "ok", number,
                              fn.__name__.replace("_", " ")))
        if why:
            failed += 1
            for line in why.splitlines():
                print("# " + line)
        print("# %.1f s" % (time.monotonic() - begun), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
