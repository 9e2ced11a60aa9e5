#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""passwords.py - where people keep passwords: a keyring of the desktop, a netrc,
credentials of a service, and their heads: passwords.py [PATTERN]...

Prints TAP.  The keyring is gnome-keyring-daemon on a session bus of its own,
filled by secret-tool.  Environment: MAILCHUTE_BIN.
"""
import base64
import fnmatch
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True
# what a shell starts in the background ignores the one, what nohup starts the
# other, and so would our children
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "script")
sys.path.insert(0, SCRIPT)
import server                                                   # noqa: E402
import spool                                                    # noqa: E402

BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
LIMIT = 60
USER = "joe"
SECRET = "c4nary-Zwiebel-7"
KEYRING_PASSWORD = "0pen sesame"
TOOLS = ("secret-tool", "gnome-keyring-daemon", "dbus-daemon", "dbus-send")
CASES = []


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def case(fn):
    CASES.append(fn)
    return fn


def same(got, want, what):
    if got != want:
        raise Failure("%s\n got: %.900r\nwant: %.900r" % (what, got, want))


def has(text, pattern, what):
    if not re.search(pattern, text, re.S):
        raise Failure("%s: no %r in\n%s" % (what, pattern, text))


def forms(secret):
    """It, and its base64 at any alignment."""
    raw = secret.encode()
    yield raw
    for lead in range(3):
        text = base64.b64encode(b"\0" * lead + raw)
        yield text[4 if lead else 0:len(text) // 4 * 4 - 4]


class Watch(threading.Thread):
    """Looks for the secret in arguments and environments, of all processes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.found = []
        self.looked = 0
        self.over = threading.Event()
        self.old = set(os.listdir("/proc"))

    def run(self):
        while not self.over.is_set():
            for pid in set(os.listdir("/proc")) - self.old:
                self.look(pid)
            self.looked += 1
            time.sleep(0.002)

    def look(self, pid):
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%s/%s" % (pid, name), "rb") as f:
                    text = f.read()
            except OSError:
                continue
            if any(form in text for form in forms(SECRET)):
                self.found.append((pid, name, text[:200]))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *args):
        self.over.set()
        self.join(10)
        same(self.found, [], "the password can be seen by others")
        if self.looked < 2:
            raise Failure("nobody looked")


class Bench:
    """A home, a server, and perhaps a session with a keyring."""

    def __init__(self, where, certs):
        self.dir = where
        self.certs = certs
        self.running = []
        self.seen = 0
        self.env = {"PATH": os.environ["PATH"], "HOME": where,
                    "MAILCHUTE_CONFIG": os.path.join(where, "config"),
                    "XDG_RUNTIME_DIR": where, "TERM": "dumb", "LANG": "C"}
        # a sanitizer's words go where this one says
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.server = None
        self.again("")

    REFUSE_B = "at RCPT:b@* reply 451 4.3.0 later\n"

    def again(self, more):
        """a new server, which has taken nothing yet"""
        if self.server is not None:
            self.server.stop()
        script = server.Script("tls = on\nuser = %s\npassword = %s\n"
                               % (USER, SECRET) + more)
        self.server = server.Server(script, self.certs, self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def configure(self, *lines, user=True, retry_min="1s"):
        keys = ["log = " + self.path("log"), "queue-dir = " +
                self.path("spool"), "queue-any-fs = yes", "[account t]",
                "from = me@example.test", "host = localhost",
                "port = %d" % self.server.port,
                "tls-ca-file = " + os.path.join(self.certs, "ca.pem"),
                "retry-min = " + retry_min]
        if user:
            keys.append("user = " + USER)
        self.write("config", "\n".join(keys + list(lines)) + "\n")

    def message(self, subject="a test"):
        return self.write("message", "From: me@example.test\n"
                          "To: a@example.test\nSubject: %s\n\nHello.\n"
                          % subject)

    def call(self, *args, more=None, no_tty=True):
        """stdout and stderr, and the status"""
        env = dict(self.env, **(more or {}))
        with open(self.message()) as text:
            p = subprocess.run([BIN] + list(args), stdin=text, env=env,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=LIMIT,
                               start_new_session=no_tty)
        said = p.stdout.decode("utf-8", "replace")
        self.check_words(said)
        return p.returncode, said

    def send(self, *args, **how):
        options = [a for a in args if a[0] == "-"]
        return self.call(*options, "-oi", "-f", "me@example.test",
                         "a@example.test",
                         *[a for a in args if a[0] != "-"], **how)

    def check_words(self, said):
        for form in forms(SECRET):
            if form in said.encode():
                raise Failure("the password is in\n" + said)
            for name in ("log",):
                try:
                    with open(self.path(name), "rb") as f:
                        text = f.read()
                except OSError:
                    continue
                if form in text:
                    raise Failure("the password is in " + name)

    def taken(self):
        self.server.settle(5)
        return len(self.server.record.delivered())

    def waiting(self):
        return len(spool.find(self.dir)) and \
            sum(1 for _ in spool.messages(spool.find(self.dir)))

    def retry(self, left, **how):
        """what the lines tell people to do; the run is in the background"""
        status, said = self.call("queue", "retry", "all", **how)
        end = time.monotonic() + 20
        while time.monotonic() < end and (self.waiting() != left or
                                          spool.busy(spool.find(self.dir))):
            time.sleep(0.02)
        return status, said

    def retry_once(self):
        """the one message, in the foreground"""
        path = next(iter(spool.messages(spool.find(self.dir))))
        return self.call("queue", "run", os.path.basename(path)
                         .split("-")[-1])

    def logged(self):
        """what was written to the log since the last call"""
        try:
            with open(self.path("log")) as f:
                f.seek(self.seen)
                text = f.read()
                self.seen = f.tell()
        except OSError:
            return ""
        return text

    # ------------------------------------------------------------- keyring

    def start(self, argv, text="", **how):
        p = subprocess.Popen(argv, env=self.env, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, **how)
        self.running.append(p)
        if text is not None:
            p.stdin.write(text.encode())
            p.stdin.close()
        return p

    def session(self):
        missing = [t for t in TOOLS if shutil.which(t) is None]
        if missing:
            raise Skip(" and ".join(missing) + " missing")
        bus = self.start(["dbus-daemon", "--session", "--nofork",
                          "--print-address"])
        self.env["DBUS_SESSION_BUS_ADDRESS"] = \
            bus.stdout.readline().decode().strip()
        self.open_keyring()

    def open_keyring(self, *more):
        """it goes into the background, and ends with the bus"""
        p = subprocess.run(["gnome-keyring-daemon", "--unlock",
                            "--components=secrets"] + list(more),
                           input=KEYRING_PASSWORD.encode(), env=self.env,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=LIMIT)
        same(p.returncode, 0, "gnome-keyring-daemon")
        end = time.monotonic() + 15
        while time.monotonic() < end:
            if "boolean false" in self.bus("/org/freedesktop/secrets/"
                    "collection/login", "org.freedesktop.DBus.Properties.Get",
                    "string:org.freedesktop.Secret.Collection",
                    "string:Locked"):
                return
            time.sleep(0.05)
        raise Failure("the keyring does not open")

    def bus(self, path, method, *words):
        p = subprocess.run(["dbus-send", "--session", "--print-reply",
                            "--dest=org.freedesktop.secrets", path, method]
                           + list(words), env=self.env, timeout=LIMIT,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.stdout.decode("utf-8", "replace")

    def lock(self):
        self.bus("/org/freedesktop/secrets",
                 "org.freedesktop.Secret.Service.Lock",
                 "array:objpath:/org/freedesktop/secrets/collection/login")

    def store(self):
        p = subprocess.run(["secret-tool", "store", "--label=mailchute",
                            "service", "mailchute", "host", "localhost",
                            "user", USER], input=SECRET.encode(),
                           env=self.env, timeout=LIMIT)
        same(p.returncode, 0, "secret-tool store")

    def end(self):
        for p in reversed(self.running):
            p.terminate()
        for p in self.running:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.server.stop()


# ------------------------------------------------------------------- keyring

@case
def keyring(b):
    """the keyring's password, by sendmail and by the queue; locked, unlocked"""
    b.session()
    # the reason is told of a pause, while it holds
    b.configure("password-keyring = yes", retry_min="1h")
    status, said = b.send()
    has(b.logged(), "the keyring has no password for this account: run: "
        "secret-tool store", "without an item")
    same((status, b.taken(), b.waiting()), (0, 0, 1), "without an item")
    b.store()
    with Watch():
        status, said = b.retry(0)
        same((status, b.taken(), b.waiting()), (0, 1, 0),
             "a run of the queue: " + said + b.logged())
        status, said = b.send("-v")
    same((status, b.taken()), (0, 2), "unlocked: " + said)

    b.lock()
    begun = time.monotonic()
    status, said = b.send()
    has(b.logged(), "verdict=queued.*the keyring is locked and needs somebody to unlock "
        "it: log in to the desktop, or run: gnome-keyring-daemon", "locked")
    same((status, b.taken(), b.waiting()), (0, 2, 1), "locked")
    if time.monotonic() - begun > 20:
        raise Failure("a locked keyring took too long")
    said = b.retry_once()[1]
    same((b.taken(), b.waiting()), (2, 1), "locked: " + said)
    has(b.call("queue", "list", "--json")[1], "the keyring is locked",
        "a run while it is locked")
    b.open_keyring("--replace")
    status, said = b.retry(0)
    same((status, b.taken(), b.waiting()), (0, 3, 0), "unlocked: " +
         b.logged())


@case
def keyring_by_runtime_directory(b):
    """the bus that cron does not name"""
    b.session()
    b.store()
    b.configure("password-keyring = yes")
    path = re.search("path=([^,]*)", b.env["DBUS_SESSION_BUS_ADDRESS"])
    del b.env["DBUS_SESSION_BUS_ADDRESS"]
    if path is None:
        raise Skip("this bus has no path")
    status, said = b.send()
    has(b.logged(), "there is no keyring here, since there is no session bus",
        "no bus")
    same((status, b.taken(), b.waiting()), (0, 0, 1), "no bus")
    # a socket by that name, which leads to the bus
    os.rename(path.group(1), b.path("bus"))
    b.retry(0)
    same((b.taken(), b.waiting()), (1, 0), "queue run: " + b.logged())


# ------------------------------------------------------- files for the queue

@case
def netrc_in_queue(b):
    """a netrc and a credential, by the processes of a queue run"""
    netrc = b.write("netrc", "machine localhost login %s password %s\n"
                    % (USER, SECRET))
    b.configure("netrc-file = " + netrc, user=False)
    with Watch():
        status, said = b.send("-odq")
        same((status, b.waiting()), (0, 1), "queued: " + said)
        status, said = b.call("queue", "run")
    same((status, b.taken(), b.waiting()), (0, 1, 0), "netrc: " + said)

    os.mkdir(b.path("credentials"))
    b.write("credentials/mailchute.t.password", SECRET + "\n", 0o400)
    there = {"CREDENTIALS_DIRECTORY": b.path("credentials")}
    b.configure()
    b.send("-odq")
    status, said = b.call("queue", "run")
    same((b.taken(), b.waiting()), (1, 1), "no credential: " + said)
    b.retry(0, more=there)
    same((b.taken(), b.waiting()), (2, 0), "credential: " + b.logged())
    status, said = b.send("-v", more=there)
    same((status, b.taken()), (0, 3), "credential at once: " + said)


@case
def descriptor(b):
    """password-fd is for who sends at once, not for the queue"""
    # the reason is told of a pause, while it holds
    b.configure(retry_min="1h")
    secret = b.write("secret", SECRET + "\n")
    words = [BIN, "-v", "-oi", "-f", "me@example.test", "a@example.test"]

    def run(words):
        with open(b.message()) as text:
            p = subprocess.run(["sh", "-c", 'exec "$@" 5<"$0"', secret]
                               + words, stdin=text, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=LIMIT,
                               env=dict(b.env, MAILCHUTE_PASSWORD_FD="5"))
        b.check_words(p.stdout.decode("utf-8", "replace"))
        return p.returncode, p.stdout.decode("utf-8", "replace")

    with Watch():
        status, said = run(words)
    same((status, b.taken()), (0, 1), "at once: " + said)
    b.send("-odq")
    run([BIN, "queue", "run"])
    same((b.taken(), b.waiting()), (1, 1), "queue")
    status, said = b.call("queue", "list", "--json")
    has(said, "password-fd is for sendmail and mailchute send", "the reason")


# ------------------------------------------------------------------ terminal

class Terminal:
    """The program with a terminal of its own, and its standard input a file."""

    def __init__(self, b, args, message=None):
        message = message or b.message()
        self.text = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fd = os.open(message, os.O_RDONLY)
                os.dup2(fd, 0)
                os.close(fd)
                os.execve(BIN, [BIN] + args, b.env)
            finally:
                os._exit(127)

    def read(self, seconds):
        """False at the end, or when nothing has come"""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            got = os.read(self.fd, 4096)
        except OSError:
            return False
        self.text += got
        return got != b""

    def until(self, words, seconds=20):
        end = time.monotonic() + seconds
        while words not in self.text:
            if not self.read(0.2) and time.monotonic() > end:
                self.end()
                raise Failure("no %r in %r" % (words, self.text))

    def type(self, text):
        os.write(self.fd, text)

    def end(self, seconds=30):
        """what it said, and its status"""
        limit = time.monotonic() + seconds
        status = None
        while status is None:
            self.read(0.1)
            pid, got = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status = os.waitstatus_to_exitcode(got)
            elif time.monotonic() > limit:
                os.kill(self.pid, signal.SIGKILL)
        while self.read(0):
            pass
        os.close(self.fd)
        return status, self.text.decode("utf-8", "replace")


ASK = b"Password for joe at localhost: "
WORDS = ["-oi", "-f", "me@example.test", "a@example.test"]


@case
def asked(b):
    """whoever sits at a terminal is asked, once"""
    b.configure()
    with Watch():
        t = Terminal(b, ["-v"] + WORDS)
        t.until(ASK)
        t.type(SECRET.encode() + b"\n")
        status, said = t.end()
    same((status, b.taken(), b.waiting()), (0, 1, 0), said)
    same(said.count("Password for"), 1, "asked how often")
    b.check_words(said)


@case
def asked_and_wrong(b):
    """a password that is refused: the usual line, and no second question"""
    b.configure()
    t = Terminal(b, WORDS)
    t.until(ASK)
    t.type(b"wrong\n")
    status, said = t.end()
    same((status, b.taken(), b.waiting()), (0, 0, 1), said)
    same(said.count("Password for"), 1, "asked how often")
    has(said, "queued as .*refused", "refused")


@case
def asked_and_left(b):
    """Ctrl-C, Ctrl-D and an empty line: the message waits"""
    b.configure()
    for n, (keys, words) in enumerate((
            (b"\x03", "interrupted"), (b"\x04", "has a user but no password"),
            (b"\n", "has a user but no password"))):
        t = Terminal(b, WORDS)
        t.until(ASK)
        t.type(keys)
        status, said = t.end()
        same((b.taken(), b.waiting()), (0, n + 1), said)
        same(said.count("Password for"), 1, "asked how often")
        has(said, words, "after %r" % keys)
    # and a terminal that hangs up
    t = Terminal(b, WORDS)
    t.until(ASK)
    os.kill(t.pid, signal.SIGHUP)
    t.end()
    same((b.taken(), b.waiting()), (0, 4), "SIGHUP")


@case
def not_asked(b):
    """without a terminal, in the background, for the queue, and for -bs"""
    b.configure()
    status, said = b.send()
    same((status, b.taken(), b.waiting()), (0, 0, 1), said)
    has(b.logged(), "has a user but no password: set password-keyring, "
        "password-file or password-command.*then mailchute queue retry all",
        "the log")
    talk = b.write("talk", "EHLO x\r\nMAIL FROM:<me@example.test>\r\n"
                   "RCPT TO:<a@example.test>\r\nDATA\r\n\r\nHello.\r\n"
                   ".\r\nQUIT\r\n")
    for args in (["queue", "run"], ["-odq"] + WORDS, ["-odb"] + WORDS,
                 ["-bs"]):
        t = Terminal(b, args, talk if args == ["-bs"] else None)
        status, said = t.end()
        if "Password" in said:
            raise Failure("asked: %s\n%s" % (args, said))
    # a job of the shell in the background would be stopped by a question
    b.message()
    before = b.waiting()
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.execve("/bin/bash", ["bash", "-c", 'set -m; "$@" <%s & wait $!'
                      % b.path("message"), "x", BIN] + WORDS, b.env)
        finally:
            os._exit(127)
    t.pid, t.fd, t.text = pid, fd, b""
    status, said = t.end()
    if "Password" in said:
        raise Failure("a job in the background has asked:\n" + said)
    same((status, b.waiting()), (0, before + 1), said)


# -------------------------------------------------------------------- copies

def copies(b):
    found = []
    top = b.path("sent/cur")
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else ():
        if not name.endswith(":2,S"):
            raise Failure("a copy is called " + name)
        with open(os.path.join(top, name)) as f:
            found.append(f.read())
    for part in ("tmp", "new"):
        if os.path.isdir(b.path("sent")):
            same(os.listdir(b.path("sent/" + part)), [], "sent/" + part)
    return found


def copying(b, *more):
    b.configure("password-file = " + b.write("secret", SECRET),
                "copy-to = " + b.path("sent"), *more)


@case
def copy_at_once(b):
    """one copy of each message, whatever its recipients and transactions"""
    copying(b)
    text = ("From: me@example.test\nTo: a@example.test\n"
            "Bcc: secret@example.test\nSubject: two\n\nHello.\n")
    p = subprocess.run([BIN, "-t", "-oi"], input=text.encode(), env=b.env,
                       timeout=LIMIT)
    same((p.returncode, b.taken()), (0, 2), "two transactions")
    found = copies(b)
    same(len(found), 1, "copies")
    has(found[0], "Subject: two\n\nHello[.]\n$", "the text")
    has(found[0], "(?m)^Message-ID: <", "what was added")
    if "secret@" in found[0] or "\r" in found[0]:
        raise Failure("Bcc or CR in\n" + found[0])
    same(os.stat(b.path("sent")).st_mode & 0o777, 0o700, "mode")


@case
def copy_partly(b):
    """who waits in the queue gets no second copy made"""
    copying(b)
    b.again(Bench.REFUSE_B)
    copying(b)
    status, said = b.send("b@example.test")
    same((status, b.taken(), b.waiting(), len(copies(b))), (0, 1, 1, 1),
         "at once: " + said)
    b.again("")
    copying(b)
    b.retry(0)
    same((b.taken(), b.waiting(), len(copies(b))), (1, 0, 1), "queue: " +
         b.logged())


@case
def copy_by_queue(b):
    """the queue makes it with the first delivery, and only with that"""
    b.again(Bench.REFUSE_B)
    copying(b)
    b.send("-odq", "b@example.test")
    same((b.waiting(), copies(b)), (1, []), "not sent yet")
    b.retry_once()
    same((b.taken(), b.waiting(), len(copies(b))), (1, 1, 1), "first: " +
         b.logged())
    b.again("")
    copying(b)
    b.retry(0)
    same((b.taken(), b.waiting(), len(copies(b))), (1, 0, 1), "second: " +
         b.logged())
    # nothing was delivered: no copy
    b.again("at RCPT reply 550 5.1.1 no\n")
    copying(b)
    b.send()
    same(len(copies(b)), 1, "refused")


@case
def copy_fails(b):
    """a copy that fails is told, and fails nothing"""
    b.write("sent", "a file")
    copying(b)
    status, said = b.send()
    same((status, b.taken(), b.waiting()), (0, 1, 0), said)
    has(said, "copy-to: cannot use .*the message itself was sent", "said")
    has(b.logged(), "copy-to: cannot use ", "logged")
    b.send("-odq")
    b.retry(0)
    same((b.taken(), b.waiting()), (2, 0), "queue")
    has(b.logged(), "copy-to: cannot use ", "logged by the queue")


def notifying(b, command, *more):
    b.configure("password-file = " + b.write("secret", SECRET),
                "notify-command = " + command, *more)


def told(b):
    try:
        with open(b.path("told")) as f:
            return f.read()
    except OSError:
        return ""


REFUSE = "at RCPT:b@* reply 550 5.1.1 no such user\n"


@case
def notify(b):
    """who is refused for good is told of, by the queue alone"""
    b.again(REFUSE)
    b.write("notify", "#!/bin/sh\necho \"called: $#\" >>%s\ncat >>%s\n"
            "echo noise\n" % (b.path("told"), b.path("told")), 0o700)
    notifying(b, "~/notify fixed words")
    status, said = b.send("b@example.test")
    same((status, told(b)), (67, ""), "at once: " + said)
    b.send("-odq", "b@example.test")
    status, said = b.retry_once()
    if "noise" in said:
        raise Failure("it can be heard: " + said)
    text = told(b)
    has(text, "^called: 2\nid: [a-z0-9]{26}\naccount: t\n"
        "sender: me@example.test\nrecipient: b@example.test\n"
        "verdict: [^\n]*550 5.1.1 no such user[^\n]*\n\n$", "told")
    if "Hello" in text or "a@example" in text or SECRET in text:
        raise Failure("too much is told:\n" + text)


@case
def notify_many(b):
    """many failures are one program, and what does not fit is counted"""
    b.again("at RCPT reply 550 5.1.1 " + "no " * 100 + "\n")
    b.write("notify", "#!/bin/sh\necho called >>%s\ncat >>%s\n"
            % (b.path("told"), b.path("told")), 0o700)
    notifying(b, b.path("notify"))
    for _ in range(100):
        b.send("-odq")
    b.call("queue", "run")
    text = told(b)
    # one when failures have been gathered for a while, one at the end
    if not 1 <= text.count("called\n") <= 2:
        raise Failure("%d processes" % text.count("called\n"))
    left = [int(n) for n in re.findall(r"^more: (\d+)$", text, re.M)]
    if not left or len(text) > 2 * (16384 + 10):
        raise Failure("%d bytes, %r" % (len(text), left))
    same(text.count("\nverdict: ") + sum(left), 100, "failures")


@case
def notify_fails(b):
    """its failure, and that it never ends, is only logged"""
    b.again(REFUSE)
    for command, words in (("false", "false ended with status 1"),
                           ("sleep 60", "sleep took too long"),
                           ("/nonexistent/x", "cannot run /nonexistent/x")):
        notifying(b, command, "helper-timeout = 1s")
        b.send("-odq", "b@example.test")
        begun = time.monotonic()
        status, said = b.call("queue", "run")
        same(status, 0, said)
        has(b.logged(), "account t: notify-command: " + words, command)
        if time.monotonic() - begun > 15:
            raise Failure(command + " held up the run")


@case
def copy_not_by_service(b):
    """a service refuses copy-to, notify-command and password-fd"""
    for line, why in (("copy-to = " + b.path("sent"), "has copy-to"),
                      ("notify-command = true", "has notify-command"),
                      ("password-fd = 5", "has password-fd")):
        b.configure(line)
        p = subprocess.run([BIN, "serve", "-C", b.path("config")], env=dict(
            (k, v) for k, v in b.env.items() if k != "MAILCHUTE_CONFIG"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT)
        said = p.stdout.decode("utf-8", "replace")
        same(p.returncode, 78, said)
        has(said, why, "serve")


# ----------------------------------------------------------------------- main

def run_case(number, fn, certs):
    where = tempfile.mkdtemp(prefix="mc-sec-")
    what = fn.__doc__.split("\n")[0]
    name = fn.__name__
    b = None
    try:
        b = Bench(where, certs)
        fn(b)
        print("ok %d - %s: %s" % (number, name, what), flush=True)
        return True
    except Skip as e:
        print("ok %d - %s # SKIP %s" % (number, name, e), flush=True)
        return True
    except Exception as e:                      # noqa: B902
        print("not ok %d - %s: %s" % (number, name, what))
        text = str(e) if isinstance(e, Failure) else traceback.format_exc()
        print("# " + text.replace("\n", "\n# "), flush=True)
        return False
    finally:
        if b is not None:
            b.end()
        shutil.rmtree(where, ignore_errors=True)


def main():
    patterns = sys.argv[1:]
    chosen = [c for c in CASES if not patterns or
              any(fnmatch.fnmatch(c.__name__, p) for p in patterns)]
    certs = tempfile.mkdtemp(prefix="mc-sec-certs-")
    try:
        subprocess.run(["sh", os.path.join(SCRIPT, "certs.sh"), certs],
                       check=True, stdout=subprocess.DEVNULL)
        print("1..%d" % len(chosen), flush=True)
        results = [run_case(i + 1, c, certs) for i, c in enumerate(chosen)]
    finally:
        shutil.rmtree(certs, ignore_errors=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
