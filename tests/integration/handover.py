#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""handover.py - from the sendmail of a user without a configuration, through a
socket, into the queue of a sendmail -bs that has one

Prints TAP.  Environment: MAILCHUTE_BIN.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "script"))
import spool                                                    # noqa: E402

BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
LIMIT = 60
CASES = []
CONFIG = """queue-dir = {dir}/theirs
log = {dir}/their.log
aliases = {dir}/aliases
smtp-max-size = 1M
[account relay]
from = *@corp.example
domain = corp.example
host = 127.0.0.1
port = 1
tls = off
"""
ALIASES = "root: alice@corp.example, bob\nbob: robert@else.example\n"


class Failure(Exception):
    pass


def case(fn):
    CASES.append(fn)
    return fn


def same(got, want, what):
    if got != want:
        raise Failure("%s\n got: %.900r\nwant: %.900r" % (what, got, want))


class Service(threading.Thread):
    """Gives each connection to a process of its own."""

    def __init__(self, home, path):
        super().__init__(daemon=True)
        self.home, self.path = home, path
        self.sock = socket.socket(socket.AF_UNIX)
        if os.path.lexists(path):
            os.unlink(path)
        self.sock.bind(path)
        self.sock.listen(16)
        self.children = []
        self.start()

    def run(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.children.append(subprocess.Popen(
                [BIN, "-C", os.path.join(self.home, "config"), "-odq", "-bs"],
                stdin=conn, stdout=conn, stderr=subprocess.DEVNULL,
                env=environment(self.home)))
            conn.close()

    def stop(self):
        """The socket stays, and nobody is behind it."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.join(LIMIT)
        for child in self.children:
            try:
                child.wait(LIMIT)
            except subprocess.TimeoutExpired:
                child.kill()
                raise


def environment(home, **more):
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC",
           "HOME": os.path.join(home, "home"), "NAME": "A User"}
    env.update({k: v for k, v in os.environ.items()
                if k.endswith("SAN_OPTIONS")})
    env.update(more)
    return env


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mc-handover.")
        os.mkdir(os.path.join(self.dir, "home"))
        self.socket = os.path.join(self.dir, "submit")
        for name, text in (("config", CONFIG.format(dir=self.dir)),
                           ("aliases", ALIASES)):
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text)
        self.service = Service(self.dir, self.socket)

    def end(self):
        try:
            self.service.stop()
        except OSError:
            pass
        shutil.rmtree(self.dir, ignore_errors=True)

    def sendmail(self, *args, text="", status=0, **env):
        more = {"MAILCHUTE_CONFIG": "/dev/null",
                "MAILCHUTE_SOCKET": self.socket,
                "MAILCHUTE_LOG": os.path.join(self.dir, "log"),
                "MAILCHUTE_QUEUE_DIR": os.path.join(self.dir, "own")}
        more.update(env)
        p = subprocess.run([BIN] + list(args), input=text.encode(),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=environment(self.dir, **more), timeout=LIMIT)
        if p.returncode != status:
            raise Failure("%r ended with %d: %s" % (args, p.returncode,
                                                    p.stderr.decode()))
        return p.stderr.decode()

    def entries(self, name, want):
        """Messages in the queue called name, once there are so many."""
        end = time.monotonic() + LIMIT
        while True:
            spools = spool.find(os.path.join(self.dir, name))
            paths = spool.messages(spools)
            if len(paths) == want and not spool.busy(spools):
                return [spool.Entry(p) for p in paths]
            if time.monotonic() > end:
                raise Failure("%d messages in %s, expected %d" %
                              (len(paths), name, want))
            time.sleep(0.05)


def header(entry):
    return entry.header.decode()


@case
def names(w):
    """bare names become what the service says, and its aliases count"""
    w.sendmail("-t", "-F", "Cron Daemon", "-f", "cron",
               text="To: root\nBcc: hidden\nSubject: s\n\nHello.\n")
    e, = w.entries("theirs", 1)
    same(e.sender, "cron@corp.example", "sender")
    same(e.to(), ["alice@corp.example blind", "hidden@corp.example blind",
                  "robert@else.example blind"], "recipients")
    if not re.search(r"^From: Cron Daemon <cron@corp\.example>\r?$",
                     header(e), re.M) or \
            not re.search(r"^To: root@corp\.example\r?$", header(e), re.M) or \
            re.search("hidden", header(e)):
        raise Failure("header: " + header(e))


@case
def carried(w):
    """all that is asked for gets there"""
    w.sendmail("-f", "cron", "-N", "success,delay", "-R", "full", "-V", "id7",
               "-B8BITMIME", "j\u00fcrgen@else.example", "bob",
               text="To: bob\nMIME-Version: 1.0\n"
               "Content-Type: text/plain; charset=utf-8\n"
               "Content-Transfer-Encoding: 8bit\n\ngr\u00fc\u00dfe\n")
    e, = w.entries("theirs", 1)
    same(e.to(), ["j\u00fcrgen@else.example blind",
                  "robert@else.example blind"], "recipients")
    same(e.body.decode(), "gr\u00fc\u00dfe\r\n", "text")
    with open(e.path, "rb") as f:
        if b"id7" not in f.read():
            raise Failure("no envelope identifier")


@case
def refused(w):
    """what the service has against a message is the status"""
    big = "To: bob\n\n" + 20000 * (72 * "x" + "\n")
    said = w.sendmail("bob", text=big, status=69)
    if "bytes" not in said:
        raise Failure(said)
    w.sendmail("bob", text="Received: x\n" * 120 + "\nx\n", status=65)
    w.entries("theirs", 0)


@case
def restarted(w):
    """while it is away the mail waits, and the next run hands it over"""
    w.service.stop()
    w.sendmail("-f", "cron", "bob", text="To: bob\n\nfirst\n",
               MAILCHUTE_RETRY_MIN="1")
    mine, = w.entries("own", 1)
    same((mine.sender, mine.to(), mine.account), ("cron", ["bob"], "default"),
         "my own queue")
    # without the socket too
    os.unlink(w.socket)
    w.sendmail("queue", "run")
    mine, = w.entries("own", 1)
    same(mine.to(), ["bob"], "still there")
    w.service = Service(w.dir, w.socket)
    w.sendmail("-q", "-v", MAILCHUTE_RETRY_MIN="1")
    w.entries("own", 0)
    e, = w.entries("theirs", 1)
    same(e.to(), ["robert@else.example blind"], "recipients")
    ids = [re.search(r"^Message-ID: (\S+)", header(x), re.M).group(1)
           for x in (mine, e)]
    same(ids[0], ids[1], "Message-ID")


@case
def many(w):
    """a run of many messages goes over few connections"""
    w.service.stop()
    for i in range(20):
        w.sendmail("-odq", "-f", "cron", "bob", text="To: bob\n\n%d\n" % i)
    w.service = Service(w.dir, w.socket)
    w.sendmail("queue", "run")
    w.entries("own", 0)
    texts = sorted(int(e.body) for e in w.entries("theirs", 20))
    same(texts, list(range(20)), "messages")
    if len(w.service.children) > 3:
        raise Failure("%d connections" % len(w.service.children))


def main():
    print("1..%d" % len(CASES))
    bad = 0
    for i, fn in enumerate(CASES, 1):
        world = World()
        try:
            fn(world)
            print("ok %d - %s" % (i, fn.__doc__))
        except Exception as e:          # noqa: BLE001 one case is one verdict
            bad += 1
            print("not ok %d - %s" % (i, fn.__doc__))
            text = str(e) if isinstance(e, Failure) else traceback.format_exc()
            print("".join("# %s\n" % x for x in text.splitlines()), end="")
        finally:
            world.end()
        sys.stdout.flush()
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
