#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The queue in front of a real Postfix: queueing.py [--rounds N] [--seed N]
[PATTERN]...

Prints TAP.  Mail that waits while the server is away and leaves when it is
back; and a long row of kills at random moments, after which every message that
was taken has arrived.  Environment as for postfix.py.
"""
import argparse
import fnmatch
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postfix                                      # noqa: E402
import servers                                      # noqa: E402
from postfix import Failure, expect                 # noqa: E402
from servers import SLOW, Trouble, read, wait_for, write    # noqa: E402

WRAPPER = shlex.split(os.environ.get("MAILCHUTE_WRAPPER", ""))
# longest time, in seconds, before a process is killed
ENQUEUE_MOST = 0.03
RUN_MOST = 0.25


class Done:
    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    def __str__(self):
        return "status %s\n%s%s" % (self.status, self.out, self.err)


class Bench(postfix.Bench):
    """Postfix, and a queue of its own for each case."""
    more = {}           # in the environment of the program

    def begin(self):
        self.number += 1
        self.queue = "%s/queue%d" % (self.dir, self.number)
        self.mark = len(self.sink.deliveries)
        self.configure()

    def configure(self, port=None, **changes):
        keys = {"from": postfix.ME, "host": "localhost",
                "port": port or self.postfix.port["implicit"], "tls": "on",
                "tls-ca-file": self.certs + "/ca.pem", "user": "ada",
                "password": postfix.PASSWORD["ada"],
                "timeout": "%ds" % (20 * SLOW), "connect-timeout": "20s"}
        keys.update({k.replace("_", "-"): v for k, v in changes.items()})
        write(self.dir + "/config", "log = %s/mailchute.log\n"
              "queue-dir = %s\n[account t]\n" % (self.dir, self.queue) +
              "".join("%s = %s\n" % x for x in keys.items()
                      if x[1] is not None), 0o600)

    def start_program(self, args, name="sendmail"):
        return subprocess.Popen(
            WRAPPER + [self.dir + "/" + name] + args,
            env=dict(self.environment(), **self.more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)

    def call(self, args, message=b"", name="sendmail"):
        child = self.start_program(args, name)
        try:
            out, err = child.communicate(message, 120 * SLOW)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            raise Failure(" ".join(args), "does not end") from None
        return Done(child.returncode, out.decode(), err.decode())

    def mailchute(self, *args):
        return self.call(list(args), name="mailchute")

    def waiting(self):
        done = self.mailchute("queue", "list", "--json")
        expect(done.status == 0, "queue list:", done)
        return [json.loads(line) for line in done.out.splitlines()]

    def arrived(self, many):
        """Everything since begin(), once Postfix has nothing more to do."""
        def quiet():
            return not self.queued() and \
                len(self.sink.since(self.mark)) >= many

        try:
            wait_for("mail to arrive", 20, quiet)
        except Trouble:
            raise Failure("%d messages arrived instead of %d\n%s" % (
                len(self.sink.since(self.mark)), many,
                self.postfix.log()[-2000:])) from None
        return self.sink.since(self.mark)

    def closed_port(self):
        return servers.free_ports(1)[0]


CASES = []


def case(title):
    def add(fn):
        CASES.append((title, fn))
        return fn
    return add


def rcpts_of(mails):
    return sorted(x for m in mails for x in m.rcpts)


@case("a server that is away, and back")
def _(bench):
    to = bench.names("a", "b")
    bench.configure(bench.closed_port())
    done = bench.call(["-oi"] + to, postfix.letter(to))
    expect(done.status == 0 and not done.err, "not queued:", done)
    rows = bench.waiting()
    expect(len(rows) == 1, rows)
    expect(sorted(x["address"] for x in rows[0]["recipients"]) == to, rows)
    said = bench.call([], name="mailq").out
    expect("-- 1 Kbytes in 1 Request." in said, said)
    expect(to[0] in said and to[1] in said, said)
    bench.configure()
    # the message is not due, and the account is paused: -q flushes
    done = bench.call(["-q"])
    expect(done.status == 0, done)
    mails = bench.arrived(1)
    expect(rcpts_of(mails) == to, rcpts_of(mails))
    expect(not bench.waiting(), "it is still there")
    expect(bench.call([], name="mailq").out == "Mail queue is empty\n",
           "mailq")


@case("blind recipients stay blind by way of the queue")
def _(bench):
    a, b, c = bench.names("a", "b", "c")
    bench.configure(bench.closed_port())
    done = bench.call(["-oi", "-t"], postfix.letter(
        [a], "x\n", "Bcc: %s, %s\n" % (b, c)))
    expect(done.status == 0, done)
    bench.configure()
    expect(bench.mailchute("queue", "retry", "all").status == 0, "retry")
    expect(bench.mailchute("queue", "run").status == 0, "run")
    mails = bench.arrived(3)
    expect(sorted(m.rcpts for m in mails) == [[a], [b], [c]],
           [m.rcpts for m in mails])
    for m in mails:
        for hidden in (b, c):
            expect(hidden in m.rcpts or hidden.encode() not in m.data,
                   "a copy names", hidden)


@case("a successful send takes what waits with it")
def _(bench):
    first, second = bench.names("first", "second")
    done = bench.call(["-odq", "-oi", first], postfix.letter([first]))
    expect(done.status == 0, done)
    expect(len(bench.waiting()) == 1, "not queued")
    done = bench.call(["-oi", second], postfix.letter([second]))
    expect(done.status == 0, done)
    expect(rcpts_of(bench.arrived(2)) == [first, second], "not both")
    wait_for("an empty queue", 10, lambda: not bench.waiting())


@case("-odb: in the queue first, and gone at once")
def _(bench):
    to, = bench.names("a")
    done = bench.call(["-odb", "-oi", to], postfix.letter([to]))
    expect(done.status == 0 and not done.out and not done.err, done)
    expect(rcpts_of(bench.arrived(1)) == [to], "another")


@case("a refused recipient gets its sender a report, the others their mail")
def _(bench):
    good, bad, late, sender = bench.names("good", "unknown", "later",
                                          "sender")
    done = bench.call(["-odq", "-oi", "-f", sender, good, bad, late],
                      postfix.letter([good, bad, late]))
    expect(done.status == 0, done)
    expect(bench.mailchute("queue", "run").status == 0, "run")
    mails = bench.arrived(2)
    expect(rcpts_of(mails) == sorted([good, sender]), rcpts_of(mails))
    report = [m for m in mails if m.rcpts == [sender]][0]
    expect(report.sender == "", "the report has a sender")
    text = report.data.decode()
    for pattern in ("multipart/report", "Auto-Submitted: auto-replied",
                    "Final-Recipient: rfc822; ?" + re.escape(bad),
                    "Status: 5.1.1", "550 5.1.1 "):
        expect(re.search(pattern, text), "the report lacks", pattern, text)
    for other in (late, good):
        # the header of the original names those whom everybody sees
        expect(other not in text.partition("text/rfc822-headers")[0],
               "the report names", other)
    rows = bench.waiting()
    expect(len(rows) == 1 and [x["address"] for x in rows[0]["recipients"]
                               if x["verdict"] == "pending"] == [late], rows)


@case("a hundred messages go over one or two log-ins")
def _(bench):
    to, = bench.names("a")
    for i in range(100):
        done = bench.call(["-odq", "-oi", to], postfix.letter([to]))
        expect(done.status == 0, done)
    mark = len(bench.postfix.log())
    expect(bench.mailchute("queue", "run").status == 0, "run")
    expect(len(bench.arrived(100)) == 100, "duplicates")
    bench.postfix.sync_log()
    log = bench.postfix.log()[mark:]
    n = len(re.findall(r"smtpd\[\d+\]: connect from", log))
    expect(1 <= n <= 2, n, "connections")


def linked(bench, name):
    """A directory of certificates in which the one that matters is a link to
    where nothing else says that it may be read."""
    place = "%s/%s" % (bench.dir, name)
    os.makedirs(place + "/kept")
    os.mkdir(place + "/trust")
    shutil.copy(bench.certs + "/ca.pem", place + "/kept/ca.pem")
    digest = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", place + "/kept/ca.pem"],
        check=True, stdout=subprocess.PIPE).stdout.decode().strip()
    os.symlink("../kept/ca.pem", "%s/trust/%s.0" % (place, digest))
    return place + "/trust"


@case("certificates that are links: tls-ca-dir, and each of SSL_CERT_DIR")
def _(bench):
    to, = bench.names("a")
    first, second = linked(bench, "one"), linked(bench, "two")
    empty = bench.dir + "/empty"
    os.mkdir(empty)
    # where temporary files are, all may be read
    for n, (keys, more) in enumerate((
            ({"tls_ca_dir": first}, {}),
            ({}, {"SSL_CERT_DIR": empty + ":" + second})), 1):
        bench.configure(tls_ca_file=None, **keys)
        done = bench.call(["-odq", "-oi", to], postfix.letter([to]))
        expect(done.status == 0, done)
        bench.more = dict(more, TMPDIR="/nonexistent")
        try:
            done = bench.mailchute("queue", "run")
        finally:
            bench.more = {}
        expect(done.status == 0 and not bench.waiting(),
               [x["recipients"] for x in bench.waiting()], done)
        expect(len(bench.arrived(n)) == n, "another number")


@case("--watch sends what is put, and ends when it is asked to")
def _(bench):
    to, = bench.names("a")
    watch = bench.start_program(["queue", "run", "--watch"], "mailchute")
    try:
        for i in range(3):
            done = bench.call(["-odq", "-oi", to], postfix.letter([to]))
            expect(done.status == 0, done)
            bench.arrived(i + 1)
        watch.send_signal(signal.SIGTERM)
        out, err = watch.communicate(timeout=20 * SLOW)
        expect(watch.returncode == 0 and not out and not err,
               watch.returncode, out, err)
    finally:
        if watch.poll() is None:
            os.killpg(watch.pid, signal.SIGKILL)
            watch.wait()


# ------------------------------------------------------------------------ kills

class Message:
    def __init__(self, number, domain):
        self.id = "%d@kill.example.test" % number
        self.rcpts = ["r%d-%d@%s" % (number, i, domain)
                      for i in range(1 + number % 2)]
        self.taken = False      # status 0
        self.refused = False    # another status: must not be taken
        self.risks = 0          # runs that were killed while it was there

    def text(self, size):
        return ("From: %s\nTo: %s\nMessage-ID: <%s>\nDate: Mon, 23 Nov 2026 "
                "10:00:00 +0000\nSubject: x\n\n%s" % (
                    postfix.ME, ", ".join(self.rcpts), self.id,
                    "".join("%04d. a line of the text\n" % i
                            for i in range(size)))).encode()


class Kills:
    def __init__(self, bench, rounds, seed):
        self.bench = bench
        self.rounds = rounds
        self.random = random.Random(seed)
        self.messages = []
        self.killed = {"enqueue": 0, "send": 0, "run": 0}
        self.too_late = 0

    def kill_after(self, child, seconds, what):
        """True if it was killed before it ended."""
        try:
            child.wait(seconds)
            self.too_late += 1
            return False
        except subprocess.TimeoutExpired:
            pass
        # the process alone, or everything that it has started too
        if self.random.random() < 0.5:
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self.killed[what] += 1
        return True

    def put(self, kill, args, what):
        m = Message(len(self.messages), self.bench.domain())
        self.messages.append(m)
        with tempfile.TemporaryFile() as text:
            text.write(m.text(self.random.choice((1, 10, 4000))))
            text.seek(0)
            child = subprocess.Popen(
                WRAPPER + [self.bench.link] + args + ["-oi"] + m.rcpts,
                env=self.bench.environment(), stdin=text,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True)
            most = (ENQUEUE_MOST if what == "enqueue" else RUN_MOST) * SLOW
            if not kill or not self.kill_after(
                    child, self.random.random() * most, what):
                m.taken = child.wait(60 * SLOW) == 0
                m.refused = not m.taken
            elif what == "send":
                m.risks += 1
        return m

    def run(self):
        child = self.bench.start_program(["queue", "run"], "mailchute")
        child.stdin.close()
        if self.kill_after(child, self.random.random() * RUN_MOST * SLOW,
                           "run"):
            for m in self.messages:
                m.risks += 1
        child.stdout.close()
        child.stderr.close()

    def all(self):
        done = 0
        while done < self.rounds:
            for _ in range(2):
                self.put(self.random.random() < 0.4, ["-odq"], "enqueue")
            if self.random.random() < 0.3:
                self.put(True, [], "send")
            self.run()
            done = sum(self.killed.values())

    def settle(self):
        """Nothing disturbs any more: the queue empties itself."""
        def empty():
            self.bench.mailchute("queue", "retry", "all")
            done = self.bench.mailchute("queue", "run")
            expect(done.status == 0, "run:", done)
            return not self.bench.waiting()

        wait_for("an empty queue", 60, empty)
        done = self.bench.mailchute("queue", "check")
        expect(done.status == 0, "check:", done)
        left = [n for n in os.listdir(self.bench.queue + "/q")]
        expect(not left, "left behind:", left)

    def judge(self):
        counts = {}
        for m in self.bench.arrived(0):
            for rcpt in m.rcpts:
                key = (re.search(rb"^Message-ID: <(.*?)>", m.data,
                                 re.M).group(1).decode(), rcpt)
                counts[key] = counts.get(key, 0) + 1
        lost, twice = [], 0
        for m in self.messages:
            for rcpt in m.rcpts:
                n = counts.pop((m.id, rcpt), 0)
                if m.taken and n == 0:
                    lost.append((m.id, rcpt))
                expect(not m.refused or n == 0, "refused, and sent:", m.id)
                expect(n <= 1 + m.risks, m.id, n, "copies, and only",
                       m.risks, "kills while it was there")
                twice += max(0, n - 1)
        expect(not lost, "lost:", lost)
        expect(not counts, "from nowhere:", counts)
        taken = sum(m.taken for m in self.messages)
        print("# %s killed, %d ended before; %d messages, %d of them "
              "acknowledged, 0 lost, %d copies too many" % (
                  ", ".join("%d %s" % (n, what)
                            for what, n in self.killed.items()),
                  self.too_late, len(self.messages), taken, twice))
        # the window is one write: most kills must miss it
        expect(twice <= max(3, sum(self.killed.values()) // 4), twice,
               "duplicates")


def kills(rounds, seed):
    def go(bench):
        k = Kills(bench, rounds, seed)
        k.all()
        k.settle()
        k.judge()
    return go


# -------------------------------------------------------------------------- all

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=int(
        os.environ.get("MC_KILL_ROUNDS") or 200))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("patterns", nargs="*")
    args = parser.parse_args()
    cases = CASES + [("%d kills at random moments" % args.rounds,
                      kills(args.rounds, args.seed))]
    if args.patterns:
        cases = [c for c in cases
                 if any(fnmatch.fnmatch(c[0], p) for p in args.patterns)]
    where = tempfile.mkdtemp(prefix="mailchute-queue-")
    os.chmod(where, 0o755)
    guard = servers.Daemon.guard = servers.Guard(where)
    bench = Bench(where)
    for name in ("mailchute", "mailq"):
        os.symlink(os.path.abspath(os.environ["MAILCHUTE_BIN"]),
                   where + "/" + name)
    failed = 0
    print("1..%d" % len(cases))
    try:
        bench.start()
        for number, (title, fn) in enumerate(cases, 1):
            bench.begin()
            try:
                fn(bench)
                print("ok %d - %s" % (number, title))
            except (Failure, Trouble) as e:
                failed += 1
                print("not ok %d - %s" % (number, title))
                print("".join("# %s\n" % x for x in str(e).splitlines()))
            except Exception:
                failed += 1
                print("not ok %d - %s" % (number, title))
                print("".join("# %s\n" % x for x in
                              traceback.format_exc().splitlines()))
            sys.stdout.flush()
    finally:
        bench.stop()
        if args.keep:
            print("# kept: %s" % where)
        else:
            shutil.rmtree(where, ignore_errors=True)
        guard.dismiss()
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
