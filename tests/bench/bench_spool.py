#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast mail is queued, and how it leaves the queue; others beside it.

bench_spool.py [--quick] [--dir DIR] [--scenario NAME]... [--results FILE]

MAILCHUTE_BIN names the program, top_builddir the directory in which it was
built, BENCH_PEERS a directory made by peers.sh.  All spools are made below
DIR (TMPDIR, else /tmp), which should be on a disk and not in memory, since
what counts is fsync.  Other work on the disk or the processors changes every
figure, so all take turns, and best and median are printed; the ratio is the
median of those within each round.  Nothing fails for being slow: the end is
an error only when mailchute loses a message or does not queue it.  --results
writes the same to a file: see report.py.

Scenarios:
  enqueue  one process a message, of 1 and of 10 kB, one or two at a time,
           nobody tries to send it; and the fsyncs of each
  bare     messages a second in one process, against a loop that only writes,
           fsyncs, renames and fsyncs the directory (tests/crash/driver.c)
  flush    log-ins, connections, round trips and seconds to send what is
           queued over TLS to one relay (sink.c, and proxy.py to count), with
           and without CHUNKING
  idle     100,000 messages of which none is due: what a run does, how long a
           list takes, and what it costs to queue one more
"""
import argparse
import os
import platform
import queue
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import bench_queue                              # noqa: E402
import clients                                  # noqa: E402
import common                                   # noqa: E402
import proxy                                    # noqa: E402
import spoolers                                 # noqa: E402
from clients import TLS                         # noqa: E402
from common import TITLES, Result               # noqa: E402
from report import Report, own, ratio, said, versions  # noqa: E402

KB = 1000
LIMIT = 300         # seconds for one step
# seconds, of the proxy: a link of 50 ms, and for those who would take minutes
# on it a shorter one, since a flight is a flight
FAR, NEAR = 0.025, 0.002


class Bench:
    def __init__(self, place, quick):
        self.place = place
        self.quick = quick
        self.report = Report(quick)
        self.wrong = []
        self.rate_program = common.build(place, "rate")
        self.messages = {n: clients.Message(place, n) for n in (KB, 10 * KB)}
        self.others = []

    def find(self):
        peers = common.peers_dir()
        for kind in spoolers.ALL:
            one = kind(self.place, peers)
            self.others.append(one)     # in any case to be ended
            one.here = one.prepare()
            one.message = self.messages[KB]
            print("  %-11s %s%s" % (
                one.name, one.path if one.here else "not here",
                "; " + one.remark if one.here and one.remark else ""))
        return self

    def all(self):
        return [one for one in self.others if one.here]

    def end(self):
        for one in self.others:
            one.end()

    def environment(self, one, call):
        env = one.environment()
        env.update(call.env)
        return env

    def repeat(self, one, call, count, parallel=1):
        """(failed, seconds, processor seconds) of so many runs"""
        done = subprocess.run(
            [self.rate_program, str(count), str(parallel), call.input,
             os.path.join(self.place, "said"), *call.argv],
            env=self.environment(one, call), cwd=self.place, check=True,
            stdout=subprocess.PIPE, timeout=LIMIT)
        f = [int(word) for word in done.stdout.split()]
        return f[0], f[1] / 1e9, f[2] / 1e6

    def said(self):
        with open(os.path.join(self.place, "said"), "rb") as f:
            return f.read()[-300:].decode("utf-8", "replace").strip()


# -------------------------------------------------------------------- enqueue

def fsyncs(b, one):
    """What one message is worth to it: names of calls, in order, with d where
    it was a directory; None without strace."""
    if shutil.which("strace") is None:
        return None
    out = os.path.join(b.place, "trace")
    call = one.enqueue(one.message)
    with open(call.input, "rb") as message:
        subprocess.run(
            ["strace", "-f", "-y", "-qq", "-o", out, "-e",
             "trace=fsync,fdatasync,sync_file_range,syncfs", *call.argv],
            env=b.environment(one, call), cwd=b.place, stdin=message,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=LIMIT, check=False)
    with open(out, encoding="utf-8", errors="replace") as f:
        found = re.findall(r"(f(?:data)?sync|sync\w+)\(\d+<([^>]*)>", f.read())
    return [(name, os.path.isdir(path)) for name, path in found]


def show_fsyncs(b):
    rows = []
    for one in b.all():
        if one.enqueue(one.message) is None:
            continue
        b.repeat(one, one.enqueue(one.message), 1)      # makes directories
        found = fsyncs(b, one)
        if found is None:
            b.report.note("fsyncs: no strace here, left out.")
            return
        files = sum(not d for _, d in found)
        rows.append([one.name, str(files), str(len(found) - files)])
        if one.name == "mailchute":
            b.report.bar("one fsync of the file and one of the directory",
                  "%d and %d" % (files, len(found) - files),
                  files == 1 and len(found) == 2)
        one.empty()
    b.report.table("fsyncs for one message",
                   ["", "of files", "of directories"], rows)


def queue_in_turns(b, size, parallel):
    """{one: [(messages a second, processor ms a message)]}"""
    rounds, count = (3, 10) if b.quick else (11, 25)
    got = {}
    for _ in range(rounds):
        for one in common.turns(b.all()):
            call = one.enqueue(b.messages[size])
            if call is None:
                continue
            failed, seconds, cpu = b.repeat(one, call, count, parallel)
            kept = one.queued()
            one.empty()
            if failed != 0 or kept != count:
                b.wrong.append("%s: %d of %d messages queued: %s" % (
                    one.name, kept, count, b.said()))
                # to compare with nothing
                got.setdefault(one, []).append(None)
                continue
            got.setdefault(one, []).append((count / seconds,
                                            1000 * cpu / count))
    return {one: got[one] for one in b.all()
            if one in got and None not in got[one]}


def enqueue(b):
    b.report.begin("enqueue", "queueing, one process each")
    show_fsyncs(b)
    for size in (KB, 10 * KB):
        for parallel in (1, 2):
            got = queue_in_turns(b, size, parallel)
            mine = own(got)
            if mine is None:
                continue
            rows, best = [], []
            for one, runs in got.items():
                rates = [r for r, _ in runs]
                times = median(m[0] / r for m, r in zip(mine, rates))
                if runs is not mine:
                    best.append((times, max(r[0] for r in mine) / max(rates),
                                 one.name))
                rows.append([one.name, "%.0f" % max(rates),
                             "%.0f" % median(rates), "%.2f" % times,
                             "%.2f" % median(c for _, c in runs)])
            title = "%d kB, %s" % (size // KB, "one after the other" if
                                   parallel == 1 else "two at a time")
            b.report.table("Messages queued in a second, one process each, " +
                           title, ["", "best", "median", "ours/it", "cpu ms"],
                           rows)
            if best:
                b.report.bar("1.2 times the best peer, " + title,
                             "%.2f times %s (%.2f by the best runs)" % (
                                 min(best)[0], min(best)[2], min(best)[1]),
                             min(best)[0] >= 1.2)


# ----------------------------------------------------------------------- bare

def driver(place, top, source):
    """tests/crash builds it too, for faults; here it is only fast."""
    core = os.path.join(top, "lib", ".libs", "libcore.a")
    out = os.path.join(place, "driver")
    libs = os.environ.get("MC_CRASH_LIBS", "-lidn2").split()
    subprocess.run(
        shlex.split(os.environ.get("CC", "cc")) +
        ["-std=c17", "-O2", "-DHAVE_CONFIG_H", '-DSYSCONFDIR="/etc"',
         "-I" + top, "-I" + os.path.join(source, "lib"), "-o", out,
         os.path.join(source, "tests/crash/driver.c"), core] + libs,
        check=True)
    return out


def bare(b):
    b.report.begin("bare", "queueing in one process")
    program = driver(b.place, os.environ.get("top_builddir", "."),
                     os.path.join(HERE, "../.."))
    count, rounds = (100, 3) if b.quick else (300, 9)
    for size in (KB, 10 * KB):
        got = {"bare": [], "fill": []}
        for i in range(rounds):
            for what, rates in got.items():
                where = os.path.join(b.place, "%s-%d" % (what, i))
                if what == "bare":
                    os.mkdir(where)
                else:
                    # the spool is made by the first message
                    subprocess.run([program, "put", where, "first", "1"],
                                   check=True, stdout=subprocess.DEVNULL)
                said = subprocess.run(
                    [program, what, where, str(count), str(size)], check=True,
                    stdout=subprocess.PIPE, timeout=LIMIT).stdout.split()
                rates.append(count / float(said[-2]))
                shutil.rmtree(where)
        times = [f / n for f, n in zip(got["fill"], got["bare"])]
        b.report.table(
            "Messages queued in a second in one process, %d kB" %
            (size // KB), ["", "best", "median"],
            [[title, "%.0f" % max(got[what]), "%.0f" % median(got[what])]
             for what, title in (("bare", "bare loop"),
                                 ("fill", "mailchute"))])
        b.report.bar("80 %% of the bare loop, %d kB" % (size // KB),
                     "%.0f %% (%.0f %% by the best runs)" % (
                         100 * median(times),
                         100 * max(got["fill"]) / max(got["bare"])),
                     median(times) >= 0.8)


# ---------------------------------------------------------------------- flush

class Arrived:
    """What came to the server."""

    def __init__(self):
        self.messages = self.connections = self.logins = 0
        self.last = 0.0
        self.finals = {}        # {port: time} of the connections with a message

    def add(self, seen):
        self.messages += seen.messages
        self.connections += 1
        self.logins += seen.login
        self.last = max(self.last, seen.final)
        if seen.messages > 0:
            self.finals[seen.port] = seen.final


def flush_once(b, one, port, sink, count):
    """Send all that is queued: (Arrived, seconds)."""
    sink.clear()
    call = one.flush(port, b.trust)
    arrived = Arrived()
    start = time.monotonic()
    if isinstance(one, spoolers.MsmtpLoop):
        b.repeat(one, call, count)
        child = None
    else:
        with open(os.path.join(b.place, "said"), "ab") as out:
            child = subprocess.Popen(
                call.argv, env=b.environment(one, call), cwd=b.place,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    while arrived.messages < count and time.monotonic() - start < LIMIT:
        try:
            arrived.add(sink.seen.get(timeout=0.5))
        except queue.Empty:
            # a server's line comes before the end of its client
            if child is None or (child.poll() is not None and (
                    one.whole or one.queued() == 0)):
                break
    for _ in range(100):
        # what has arrived is not yet taken out of the queue
        if one.queued() == 0:
            break
        time.sleep(0.1)
    if child is not None:
        if one.stays:
            child.terminate()       # it would wait for more
        child.wait(timeout=LIMIT)
    return arrived, arrived.last - start


def flush_one(b, one, sink, count, delay):
    """(Arrived, seconds, Trips or None) of one flush, or None; delay 0 is
    without proxy."""
    call, failed = one.enqueue(one.message), 0
    if call is not None:
        failed, _, _ = b.repeat(one, call, count, 2)
    way = delay and proxy.Proxy(b.proxy_program, sink.ports[TLS], delay)
    trips = None
    try:
        arrived, seconds = flush_once(
            b, one, way.port if way else sink.ports[TLS], sink, count)
        if way:
            trips = way.trips(arrived.finals)
    finally:
        if way:
            way.close()
    left = one.queued()
    one.empty()
    if arrived.messages != count or failed != 0 or left != 0 or (
            way and trips is None):
        b.wrong.append("%s: %d of %d messages arrived, %d are left%s: %s" % (
            one.name, arrived.messages, count, left,
            ", not counted" if way and trips is None else "", b.said()))
        return None
    return arrived, seconds, trips


def flush(b):
    b.report.begin("flush", "sending what is queued, to one relay")
    b.report.note("""\
Trips a message: round trips of all connections, counted as in link.py (the
handshake of TCP, and then each unbroken run of bytes from the server), up to
the last final reply of each, divided by the messages.  The chain is counted in
the same way: see proxy.py.""")
    certs, b.trust = common.make_trust(b.place)
    b.proxy_program = common.build(b.place, "proxy")
    program = common.build(b.place, "sink")
    for options, title in ((["-C"], "with CHUNKING"),
                           ([], "without CHUNKING")):
        sink = common.Sink(program, certs, *options)
        # for the others, which do not use CHUNKING, it is the same
        who = [one for one in b.all() if one.flushes and
               (options or one.far)]
        try:
            flush_counted(b, sink, title, who, bool(options))
            flush_timed(b, sink, title, who)
        finally:
            sink.stop()


def flush_counted(b, sink, title, who, far):
    rows, figures = [], {}
    for one in who:
        count = (100 if b.quick else 1000) // one.share
        delay = FAR if one.far and far else NEAR
        got = flush_one(b, one, sink, count, delay)
        if got is None:
            continue
        arrived, seconds, trips = got
        figures[one] = sum(t.count for t in trips) / count, seconds
        rows.append([one.name, "%g ms" % (2000 * delay), str(count),
                     str(arrived.connections), str(arrived.logins),
                     "%.3f" % figures[one][0],
                     "%.3f" % (sum(t.chain for t in trips) / count),
                     "%.2f" % seconds])
        if one.name == "mailchute":
            flush_bars(b, title, count, arrived, figures[one][0])
    for one, figure in figures.items():
        if one.name == "postfix" and own(figures):
            b.report.bar("fewer round trips than Postfix, " + title,
                         "%.3f, %.3f" % (own(figures)[0], figure[0]),
                         own(figures)[0] < figure[0])
    b.report.table("Counted, %d kB each, %s, %s" % (
        1, TITLES[TLS], title),
                   ["", "link", "messages", "connections", "log-ins",
                    "trips a message", "chain", "seconds"], rows)


def flush_bars(b, title, count, arrived, trips):
    most = 0.15 if title == "with CHUNKING" else 2.1
    b.report.bar("a flush of %s messages takes at most 2 connections, %s" % (
        "{:,}".format(count), title), str(arrived.connections),
                 arrived.connections <= 2)
    b.report.bar("and at most 2 log-ins", str(arrived.logins),
                 arrived.logins <= 2)
    b.report.bar("and %g round trips a message" % most, "%.3f" % trips,
                 trips <= most)


def flush_timed(b, sink, title, who):
    rows, rates = [], {}
    for one in who:
        count = (100 if b.quick else 1000) // one.share
        got = flush_one(b, one, sink, count, 0)
        if got is None:
            continue
        arrived, seconds, _ = got
        rates[one] = count / seconds
        rows.append([one.name, str(count), str(arrived.connections),
                     "%.2f" % seconds, "%.0f" % rates[one]])
    for row, rate in zip(rows, rates.values()):
        row.append(ratio(own(rates) or 0, rate))
    b.report.table("Timed, no delay, %s, %s" % (TITLES[TLS], title),
                   ["", "messages", "connections", "seconds", "a second",
                    "ours/it"], rows)


# ----------------------------------------------------------------------- idle

def idle(b):
    b.report.begin("idle", "a large queue of which nothing is due")
    count = 10000 if b.quick else 100000
    one = spoolers.Mailchute(b.place, None, "idle")
    one.message = b.messages[KB]
    one.prepare()
    bench_queue.fill(one.spool, count, False)
    env = b.environment(one, one.flush(1, clients.Trust(b.place, "idle", None)))
    runs = {"queue run": [], "queue": []}
    program = common.build(b.place, "run")
    for _ in range(3 if b.quick else 7):
        for words, got in runs.items():
            done = subprocess.run(
                [program, "/dev/null", "0", os.path.join(b.place, "said"),
                 one.path, *words.split()], env=env, check=True,
                stdout=subprocess.PIPE, timeout=LIMIT)
            result = Result(done.stdout.decode(), "")
            if result.status != 0:
                b.wrong.append("mailchute %s: status %d" % (words,
                                                            result.status))
            got.append((result.wall, result.cpu, result.rss))
    more = []
    for _ in range(3 if b.quick else 7):
        _, seconds, _ = b.repeat(one, one.enqueue(one.message), 10)
        more.append(10 / seconds)
    b.report.table(
        "%d messages in the queue, none of them due" % count,
        ["", "best s", "median s", "cpu ms", "KiB"],
        [[words, "%.3f" % min(r[0] for r in got),
          "%.3f" % median(r[0] for r in got),
          "%.0f" % min(r[1] for r in got), str(max(r[2] for r in got))]
         for words, got in runs.items()])
    b.report.note("Messages queued in a second beside them: best %.0f, median "
                  "%.0f." % (max(more), median(more)))
    b.report.bar("a list of %d messages in 2 s and 64 MB" % count,
                 "%.2f s, %d KiB" % (min(r[0] for r in runs["queue"]),
                                     runs["queue"][0][2]),
                 min(r[0] for r in runs["queue"]) < 2 and
                 runs["queue"][0][2] <= 64 * 1024)
    opened_in_run(b, one, env)


def opened_in_run(b, one, env):
    if shutil.which("strace") is None:
        b.report.note("Files that a run opens: no strace here.")
        return
    out = os.path.join(b.place, "trace")
    # those just queued beside the others are due
    for path in os.listdir(one.spool + "/q"):
        if os.stat(os.path.join(one.spool, "q", path)).st_mtime <= time.time():
            os.unlink(os.path.join(one.spool, "q", path))
    # a stop at each stat() would take minutes
    subprocess.run(["strace", "-f", "--seccomp-bpf", "-qq", "-o", out, "-e",
                    "trace=/^open", one.path, "queue", "run"], env=env,
                   check=True, timeout=LIMIT)
    with open(out, encoding="utf-8", errors="replace") as f:
        opened = sum(re.search(r'open(at)?\(.*"(q/)?m-', line) is not None
                     for line in f)
    b.report.bar("a run opens none of those that are not due", str(opened),
          opened == 0)


# ------------------------------------------------------------------ the whole

def peers_text(b):
    kind = said(["findmnt", "-no", "FSTYPE", "-T", b.place])
    return versions(b.all()) + ["- spools on: " + (kind or "unknown")]


def run(program, doc, make, scenarios, describe=peers_text):
    """The command line of a bench of spools: its name, its docstring, what makes
    the bench in a directory, its scenarios in order, and what makes lines about
    the programs for the results."""
    names = [s.__name__ for s in scenarios]
    parser = argparse.ArgumentParser(
        description=doc.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="few runs: to see that it works")
    parser.add_argument("--dir", help="where to make the spools")
    parser.add_argument("--scenario", action="append", choices=names,
                        metavar="NAME", help="only this: " + ", ".join(names))
    parser.add_argument("--results", metavar="FILE",
                        help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailchute-bench.",
                                     dir=args.dir) as place:
        # some give up root
        os.chmod(place, 0o755)
        b = make(place, args.quick)
        try:
            print("Machine: %s, %d CPUs, load %.1f" % (
                platform.machine(), os.cpu_count() or 0, os.getloadavg()[0]))
            b.find()
            if not b.others[0].here:
                print(program + ": cannot be done here; left out")
                return 0
            for scenario in scenarios:
                if scenario.__name__ in (args.scenario or names):
                    scenario(b)
                    print("  (load %.1f)" % os.getloadavg()[0])
                    if args.results:
                        b.report.write(args.results, describe(b))
        finally:
            b.end()
        # to remove all the files takes a while
        b.report.summary()
        for line in sorted(set(b.wrong)):
            print("%s: %s" % (program, line), file=sys.stderr)
        sys.stdout.flush()
    return 1 if any(w.startswith("mailchute") for w in b.wrong) else 0


if __name__ == "__main__":
    sys.exit(run("bench_spool", __doc__, Bench,
                 (enqueue, bare, flush, idle)))
