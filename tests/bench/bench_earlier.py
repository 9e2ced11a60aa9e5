#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether mailchute has become slower: it and an earlier build, side by side.

bench_earlier.py [--quick] [--dir DIR] [--scenario NAME]... [--results FILE]

MAILCHUTE_BIN names the program, top_builddir the directory in which it was
built, BENCH_EARLIER that in which the earlier one was, below its sources;
without it nothing is done.  Measured is what the other benches measure, with
their own means, but without other clients in between: the two take turns, and
the first of a round is the last of the next.  The figure is the median of the
ratios within each round, and with it the range in which it lies with 95 %
confidence, by the ranks of the ratios.  --dir as in bench_spool.py.

Scenarios:
  sending  one submission: on a link of 50 ms, and without a delay; its memory,
           its start; large, with many recipients, and many at a time
  looking  lists of a large queue, and a run in which nothing is due
  queueing messages into the queue, and out of it to a relay
  service  the same into the local service; its memory, and a crowd beside it;
           as root
"""
import os
import re
import shutil
import subprocess
import sys
import time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import bench                                    # noqa: E402
import bench_queue                              # noqa: E402
import bench_serve                              # noqa: E402
import bench_spool                              # noqa: E402
import clients                                  # noqa: E402
import common                                   # noqa: E402
import cost                                     # noqa: E402
import link                                     # noqa: E402
import spoolers                                 # noqa: E402
from clients import TLS                         # noqa: E402
from common import MODES, TITLES                # noqa: E402
from report import Report                       # noqa: E402

KB, MB = 1000, 1000000
MORE = 1.03         # times as much as before, at most
EARLIER = os.environ.get("BENCH_EARLIER")


class Build:
    """One of the two: the program, and the trees it is from."""

    def __init__(self, place, name, program, build, source):
        self.place = os.path.join(place, name)
        self.name = name
        self.program = os.path.abspath(program)
        self.build = build
        self.source = source
        os.mkdir(self.place, 0o755)

    def make(self, kind):
        """One of what the other benches have for mailchute"""
        os.environ["MAILCHUTE_BIN"] = self.program
        one = kind(self.place, None)
        one.here = one.prepare()
        return one

    def commit(self):
        done = subprocess.run(
            ["git", "-C", self.source, "describe", "--always", "--dirty"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return done.stdout.decode().strip() or "of no commit"


def source_of(build):
    with open(os.path.join(build, "Makefile"), encoding="utf-8") as f:
        found = re.search(r"^abs_top_srcdir = (.*)$", f.read(), re.M)
    return os.path.normpath(found.group(1))


class Bench:
    def __init__(self, place, quick):
        self.place = place
        self.quick = quick
        self.report = Report(quick)
        self.wrong = []
        here = os.path.abspath(os.environ.get("top_builddir", "."))
        program = os.environ.get("MAILCHUTE_BIN", "./mailchute")
        there = EARLIER and os.path.abspath(EARLIER)
        # what is measured, then what it is compared with
        self.builds = there and (
            Build(place, "this", program, here, source_of(here)),
            Build(place, "earlier", os.path.join(there, "mailchute"), there,
                  source_of(there)))
        self.rows = []
        self.ends = []

    def find(self):
        for build in self.builds or ():
            print("  %-11s %s, %s" % (build.name, build.program,
                                      build.commit()))
        if not self.builds:
            print("  BENCH_EARLIER names no earlier build")
        self.others = [self]
        self.here = bool(self.builds)
        return self

    def end(self):
        for end in self.ends:
            end()

    def begin(self, name, title):
        self.report.begin(name, title)
        self.rows = []

    def below(self, name):
        path = os.path.join(self.place, name)
        os.mkdir(path, 0o755)
        return path

    def make(self, kind):
        return [build.make(kind) for build in self.builds]

    def compare(self, rounds, ones, measure, *figures):
        """measure(one): a cost for each of the figures, which are (name, unit),
        or None where it failed."""
        rounds = 3 if self.quick else rounds
        got = []
        for i in range(rounds):
            pair = [None, None]
            for k in (0, 1) if i % 2 else (1, 0):
                pair[k] = measure(ones[k])
            if None not in pair:
                got.append(pair)
        if not got:
            self.wrong.append("mailchute: nothing to compare: " +
                              figures[0][0])
            return
        for n, (name, unit) in enumerate(figures):
            ours, its = ([pair[k][n] for pair in got] for k in (0, 1))
            self.row(name, unit, ours, its)

    def row(self, name, unit, ours, its):
        times = sorted(a / b for a, b in zip(ours, its))
        text = "%+.1f %%" % (100 * (median(times) - 1))
        least, most = confidence(times)
        self.rows.append(
            ["%s, %s" % (name, unit)] +
            ["%.4g" % x for x in (median(ours), median(its))] + [text] +
            ["%+.1f" % (100 * (x - 1)) for x in (least, most)] +
            [str(len(times))])
        self.report.bar("at most 3 % above the earlier build: " + name, text,
                        median(times) <= MORE)
        print("  %s: %s" % (name, text), flush=True)

    def show(self, title):
        self.report.table(title, ["", "this", "earlier", "more", "from, %",
                                  "to, %", "rounds"], self.rows)


def confidence(values):
    """Of sorted values, the two between which their median lies with 95 %:
    about as many stand below it as heads fall in so many throws."""
    n = len(values)
    reach = 0.98 * n ** 0.5
    first = max(0, int(n / 2 - reach))
    return values[first], values[n - 1 - first]


# -------------------------------------------------------------------- sending

def sending(b):
    b.begin("earlier-sending", "sending, beside an earlier build")
    s = bench.Bench(b.below("sending"), b.quick)
    try:
        s.wrong = b.wrong
        ones = b.make(clients.Mailchute)
        on_a_link(b, s, ones)
        submissions(b, s, ones)
        starts(b, s, ones)
    finally:
        s.sink.stop()
    b.show("One submission")


def on_a_link(b, s, ones):
    for situation in link.SITUATIONS:
        def measure(one, situation=situation):
            run = link.one_run(s, one, situation)
            return run and (run.trips.count, run.wall)
        b.compare(15, ones, measure,
                  ("round trips, " + situation.title, "each"),
                  ("a link of 50 ms, " + situation.title, "ms"))


def submissions(b, s, ones):
    def measure(one, mode, message):
        result, seen = s.submit(one, mode, message)
        if seen is None:
            b.wrong.append("mailchute: not delivered: " + result.said.strip())
            return None
        return result.cpu, 1000 * result.wall, result.rss

    for mode in MODES:
        b.compare(600, ones, lambda one, m=mode: measure(one, m, s.message()),
                  ("processor, " + TITLES[mode], "ms"),
                  ("time, " + TITLES[mode], "ms"),
                  ("memory, " + TITLES[mode], "KiB"))
    for text, rounds, message in (
            ("25 MB", 60, s.message(25 * MB)), ("100 MB", 15, s.message(
                100 * MB)), ("10,000 recipients", 60, s.message(visible=10000))):
        b.compare(rounds, ones, lambda one, m=message: measure(one, TLS, m),
                  ("processor, " + text, "ms"), ("time, " + text, "ms"),
                  ("memory, " + text, "KiB"))
    program = common.build(b.place, "rate")
    b.compare(70, ones, lambda one: cost.batch(s, program, one, 100),
              ("100 messages, two at a time", "s"),
              ("processor of each of them", "ms"))


def starts(b, s, ones):
    def measure(one):
        result = s.run(clients.Call(one.version(), "/dev/null"), one)
        return None if result.status else (1000 * result.wall, result.cpu)
    b.compare(1000, ones, measure, ("--version", "ms"),
              ("processor of --version", "ms"))


# -------------------------------------------------------------------- looking

def looking(b):
    b.begin("earlier-looking", "looking, beside an earlier build")
    common.build(b.place, "run")
    count = 10000 if b.quick else 100000
    for notes in (False, True):
        spool = os.path.join(b.place, "spool")
        with open(os.path.join(b.place, "config"), "w", encoding="utf-8") as f:
            f.write("queue-dir = %s\n[account work]\nhost = x.example\n"
                    % spool)
        id = bench_queue.fill(spool, count, notes)
        for title, words in bench_queue.ASK + (("queue run", ("queue", "run")),):
            words = [id if w is None else id[:8] if w == "short" else w
                     for w in words]
            # the short ones cost little
            b.compare(800 if title == "show one" else 30, b.builds,
                      lambda one, w=words: bench_queue.run(
                          b.place, w, one.program)[:2],
                      *[("%s%s, %s" % (what, title, "4 notes each" if notes
                                       else "no notes"), "s")
                        for what in ("", "processor of ")])
        shutil.rmtree(spool)
    b.show("%d messages, none of them due" % count)


# ------------------------------------------------------------------- queueing

def queueing(b):
    b.begin("earlier-queueing", "queueing, beside an earlier build")
    s = bench_spool.Bench(b.place, b.quick)
    ones = b.make(spoolers.Mailchute)
    for one in ones:
        one.message = s.messages[KB]
    for size in (KB, 10 * KB):
        for parallel in (1, 2):
            b.compare(150, ones,
                      lambda one, n=size, p=parallel: queued(b, s, one, n, p),
                      *[("%squeueing %d kB, %s" % (
                          what, size // KB, "one after the other" if
                          parallel == 1 else "two at a time"), "ms")
                        for what in ("", "processor of ")])
    filled(b)
    flushed(b, s, ones)
    b.show("The queue")


def queued(b, s, one, size, parallel):
    count = 25
    failed, seconds, cpu = s.repeat(one, one.enqueue(s.messages[size]), count,
                                    parallel)
    kept = one.queued()
    one.empty()
    if failed or kept != count:
        b.wrong.append("mailchute: %d of %d messages queued: %s" % (
            kept, count, s.said()))
        return None
    return 1000 * seconds / count, 1000 * cpu / count


def filled(b):
    for build in b.builds:
        build.driver = bench_spool.driver(build.place, build.build,
                                          build.source)
    count = 100

    def measure(build, size):
        where = os.path.join(build.place, "fill")
        subprocess.run([build.driver, "put", where, "first", "1"], check=True,
                       stdout=subprocess.DEVNULL)
        said = subprocess.run(
            [build.driver, "fill", where, str(count), str(size)], check=True,
            stdout=subprocess.PIPE, timeout=bench_spool.LIMIT).stdout.split()
        shutil.rmtree(where)
        return (1000 * float(said[-2]) / count,)

    for size in (KB, 10 * KB):
        b.compare(40, b.builds, lambda build, n=size: measure(build, n),
                  ("queueing %d kB in one process" % (size // KB), "ms"))


def flushed(b, s, ones):
    certs, s.trust = common.make_trust(b.below("flush"))
    # as a file: there were workers that could not follow a link from there
    for name in os.listdir(s.trust.dir):
        path = os.path.join(s.trust.dir, name)
        if os.path.realpath(path).startswith(os.path.realpath(certs)):
            os.unlink(path)
            shutil.copy(certs + "/ca.pem", path)
    s.wrong = b.wrong
    count = 100 if b.quick else 300
    for options, title in ((["-C"], "with CHUNKING"), ([], "without")):
        sink = common.Sink(common.build(b.place, "sink"), certs, *options)

        def measure(one, sink=sink):
            got = bench_spool.flush_one(s, one, sink, count, 0)
            return got and (got[1], got[0].connections, got[0].logins)
        b.compare(30, ones, measure,
                  *[("%s of %d queued messages, %s" % (what, count, title),
                     unit) for what, unit in (
                         ("a run", "s"), ("connections", "each"),
                         ("log-ins", "each"))])
        sink.stop()


# -------------------------------------------------------------------- service

def service(b):
    b.begin("earlier-service", "the local service, beside an earlier build")
    s = bench_spool.Bench(b.place, b.quick)
    s.wrong = b.wrong
    ones = b.make(bench_serve.Service)
    if not ones[0].here:
        b.report.note("For root only: left out.")
        return
    for one in ones:
        b.ends.append(one.end)
        one.begin()
        bench_serve.hand_over(s, one, 5, 1)
    for parallel in (1, 2):
        def measure(one, parallel=parallel):
            got = bench_serve.hand_over(s, one, 25, parallel)
            return got and tuple(1000 / rate for rate in got)
        b.compare(250, ones, measure, *[(
            "%s, %s" % (what, "one after the other" if parallel == 1 else
                        "two at a time"), "ms") for what in (
                            "handing over", "until all are queued")])
    crowds(b, s, ones)
    for one in ones:
        one.end()
    b.compare(9, ones, lambda one: memory(s, one),
              ("memory of the service", "KiB"), ("by shares", "KiB"))
    b.show("The local service")


def crowds(b, s, ones):
    def measure(one):
        one.hold(True)
        with bench_serve.Crowd(one, 200 if b.quick else 1000):
            failed, seconds, _ = s.repeat(
                one, one.enqueue(s.messages[KB]), 30)
        one.empty()
        time.sleep(0.5)
        if failed:
            b.wrong.append("mailchute: %d refused in a crowd" % failed)
            return None
        return (1000 * seconds / 30,)
    b.compare(60, ones, measure, ("handing over beside a crowd", "ms"))


def memory(s, one):
    one.begin()
    try:
        s.repeat(one, one.enqueue(s.messages[KB]), 5)
        time.sleep(2)
        got = [bench_serve.memory_of(p) for p in one.processes()]
        one.empty()
    finally:
        one.end()
    return sum(g[0] for g in got), sum(g[1] for g in got)


def peers_text(b):
    return ["- earlier build: %s; this one: %s" % (b.builds[1].commit(),
                                                   b.builds[0].commit())]


if __name__ == "__main__":
    sys.exit(bench_spool.run(
        "bench_earlier", __doc__, Bench,
        (sending, looking, queueing, service), peers_text))
