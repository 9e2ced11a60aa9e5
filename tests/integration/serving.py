# SPDX-License-Identifier: MIT
"""How the tests of the local service are run: serve*.tap, serve_*.py.

Each prints TAP.  Root, in a mount namespace (serving.sh); see service.py for
the users.  MAILCHUTE_BIN names the program.
"""
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import servers
import service
from servers import SLOW, Sink, read, wait_for
from service import Client, Service, become

BINARY = os.path.abspath(os.environ.get("MAILCHUTE_BIN") or "mailchute")
TEXT = "Subject: a test\r\nTo: %s\r\n\r\nHello.\r\n"
# what may never stand in a log: see Bench.end
TROUBLE = (r"was killed by signal|has ended, and is started again|runtime error:|"
           r"AddressSanitizer|LeakSanitizer|internal error")


def is_sanitized():
    with open(BINARY, "rb") as f:
        return b"__asan_init" in f.read()


class Failure(Exception):
    """What was seen is not what was to be seen."""


def expect(what, condition, seen=""):
    if not condition:
        raise Failure("%s\n%s" % (what, seen))


def note(text):
    print("# " + text, flush=True)


CASES = []


def case(function):
    CASES.append(function)
    return function


class Bench:
    """What the cases have in common: a relay, and services of their own."""

    def __init__(self, where):
        self.dir = where
        self.number = 0
        self.sink = Sink(where + "/relay")
        os.chmod(where + "/relay", 0o777)
        self.open = []
        self.children = []
        self.may_die = False

    def service(self, accounts=None, user="mc-serve", **keys):
        self.number += 1
        where = "%s/%d" % (self.dir, self.number)
        os.mkdir(where, 0o755)
        s = Service(where, BINARY, self.dir + "/relay", user)
        s.configure(accounts, **keys)
        self.open.append(s)
        return s

    def started(self, accounts=None, user="mc-serve", **keys):
        s = self.service(accounts, user, **keys)
        s.start()
        return s

    def end(self):
        """Stop all; a complaint if one of them was in trouble."""
        found = []
        for child in self.children:
            child.kill()
            child.wait()
        for s in self.open:
            try:
                s.stop()
            except servers.Trouble as problem:
                found.append(str(problem))
            for line in (s.log_text() + s.output()).splitlines():
                if re.search(TROUBLE, line) and not self.may_die:
                    found.append(line)
        self.open, self.children, self.may_die = [], [], False
        return found

    def arrived(self, mark, n=1, seconds=20):
        return wait_for("%d deliveries" % n, seconds, lambda: (
            self.sink.since(mark) if len(self.sink.since(mark)) >= n
            else None))

    def drain(self, s):
        wait_for("an empty queue", 20, lambda: not s.queued())


def as_user(user, function):
    """What function() returns, a string, when that user calls it in a process
    of its own; an exception's name and words instead."""
    uid = service.USERS.get(user, user)
    end, other = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(end)
            if uid:
                become(uid)()
            try:
                text = function()
            except BaseException as problem:  # pylint: disable=broad-except
                text = "%s: %s" % (type(problem).__name__, problem)
            data = str(text).encode("utf-8", "replace")
            while data:
                data = data[os.write(other, data):]
        finally:
            os._exit(0)
    os.close(other)
    with os.fdopen(end, "rb") as f:
        got = f.read().decode("utf-8", "replace")
    os.waitpid(pid, 0)
    return got


def run_as(user, argv, text="", seconds=60, **more):
    """The completed process of a command of that user."""
    uid = service.USERS.get(user, user)
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    env.update(more.pop("env", {}))
    return subprocess.run(
        argv, input=text, text=True, capture_output=True, check=False,
        cwd="/", timeout=seconds * SLOW, env=env,
        preexec_fn=become(uid) if uid else None, **more)


def served(s, user="mc-cleo", seconds=30):
    """Seconds that a whole hand-over takes that user; it has to be taken."""
    begun = time.monotonic()
    with Client(s, user) as c:
        c.sock.settimeout(seconds * SLOW)
        greeting = c.hello()
        expect("%s is greeted" % user, greeting.startswith("220 "), greeting)
        got = c.message("%s@%s" % (user, service.DOMAIN), ["x@far.example"])
        expect("%s is served" % user, got.startswith("250 "), got)
        c.command("QUIT")
    return time.monotonic() - begun


def run_case(bench, number, function):
    begun = time.monotonic()
    text = ""
    try:
        function(bench)
    except Exception as problem:    # pylint: disable=broad-except
        text = str(problem) if isinstance(problem, (
            Failure, servers.Trouble)) else traceback.format_exc()
    logs = [(s.log_text, s.output) for s in bench.open]
    text += "\n".join(bench.end())
    name = function.__doc__.split("\n")[0]
    if not text:
        print("ok %d - %s # %.1f s" % (number, name,
                                       time.monotonic() - begun), flush=True)
        return 0
    print("not ok %d - %s" % (number, name))
    for log, output in logs:
        text += "\n-- log\n" + log()[-3000:] + "\n-- output\n" + output()[-2000:]
    for line in text.splitlines():
        print("# " + line)
    sys.stdout.flush()
    return 1


def main():
    patterns = sys.argv[1:] or ["*"]
    chosen = [c for c in CASES
              if any(fnmatch.fnmatch(c.__name__, p) for p in patterns)]
    where = tempfile.mkdtemp(prefix="mc-serve-")
    os.chmod(where, 0o755)
    guard = servers.Guard(where)
    servers.Daemon.guard = guard
    service.make_users(where)
    bench = Bench(where)
    print("1..%d" % len(chosen), flush=True)
    failed = sum(run_case(bench, number, function)
                 for number, function in enumerate(chosen, 1))
    bench.sink.stop()
    guard.dismiss()
    shutil.rmtree(where, ignore_errors=True)
    return failed != 0


__all__ = ["BINARY", "TEXT", "Bench", "Failure", "as_user", "case", "expect",
           "is_sanitized", "main", "note", "read", "run_as", "served"]
