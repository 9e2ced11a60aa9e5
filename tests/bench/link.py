# SPDX-License-Identifier: MIT
"""Round trips of one submission, and its time on a link of 50 ms.

Nothing else is done to the link: what a client loses beyond the round trips is
its own.  How round trips are counted stands in proxy.py.
"""
import threading
from statistics import median

import proxy
from clients import TLS, STARTTLS, CLEAR
from common import TITLES
from report import own, ratio

ONE_WAY = 0.025     # seconds
TRIP = 2000 * ONE_WAY       # ms
MORE = 1.15         # times round trips times TRIP, at most
ONE, THOUSAND, HIDDEN, LARGE = "one", "thousand", "hidden", "large"


class Situation:
    def __init__(self, mode, chunking, limit, what=ONE, pipelining=True):
        self.mode = mode
        self.chunking = chunking
        self.limit = limit          # of mailchute's round trips
        self.what = what
        self.pipelining = pipelining

    @property
    def title(self):
        return {ONE: "", THOUSAND: "1,000 recipients, ",
                HIDDEN: "1 To and 100 Bcc, ", LARGE: "5 MB, "}[self.what] + \
            TITLES[self.mode] + (", CHUNKING" if self.chunking else "") + \
            ("" if self.pipelining else ", server without PIPELINING")

    def message(self, bench):
        return {ONE: bench.message,
                THOUSAND: lambda: bench.message(visible=1000),
                HIDDEN: lambda: bench.message(hidden=100),
                LARGE: lambda: bench.message(5000000)}[self.what]()

    def options(self):
        return (["-C"] if self.chunking else []) + (
            [] if self.pipelining else ["-P"])

    def takes(self, client):
        return self.mode in client.modes and not client.variant and (
            self.what in (ONE, LARGE) or client.many) and (
                self.what != LARGE or client.big)


SITUATIONS = (
    Situation(CLEAR, True, 4),
    Situation(CLEAR, False, 5),
    Situation(TLS, True, 5),
    Situation(TLS, False, 6),
    Situation(STARTTLS, True, 7),
    Situation(STARTTLS, False, 8),
    # the same as to one
    Situation(TLS, True, 5, THOUSAND),
    Situation(TLS, False, 6, THOUSAND),
    Situation(TLS, True, 8, HIDDEN),
    Situation(TLS, True, None, LARGE),
    Situation(TLS, False, None, LARGE),
    Situation(TLS, False, None, pipelining=False))


class Measured:
    def __init__(self, trips, result, seen):
        self.trips = trips
        self.quit = seen.quit
        self.reply = 1000 * (trips.replied - trips.start)   # ms
        self.wall = 1000 * result.wall


def one_run(bench, client, situation):
    """One submission through a proxy; None where it fails.  The server is its
    own, so that several may run at a time."""
    sink = bench.new_sink(*situation.options())
    way = proxy.Proxy(bench.proxy_program, sink.ports[situation.mode], ONE_WAY)
    try:
        result, seen = bench.submit(client, situation.mode,
                                    situation.message(bench), sink, way.port)
        trips = seen and way.trips({seen.port: seen.final})
    finally:
        way.close()
        sink.stop()
    if not trips:
        bench.wrong.append("%s, %s: not delivered, or not counted: %s" % (
            client.name, situation.title, result.said.strip()))
        return None
    return Measured(trips[0], result, seen)


def all_runs(bench, situation, count):
    """{client: [Measured]}"""
    got = {}
    takers = [c for c in bench.clients if situation.takes(c)]
    slow = []
    if situation.what in (THOUSAND, HIDDEN):
        # they wait for most of the time, one after the other for minutes
        slow = [c for c in takers if c.name != "mailchute"]
        situation.message(bench)
    for _ in range(count):
        for client in takers:
            if client not in slow:
                got.setdefault(client, []).append(
                    one_run(bench, client, situation))
    threads = [threading.Thread(target=lambda c=c: got.update(
        {c: [one_run(bench, c, situation)]})) for c in slow]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = {c: [run for run in got[c] if run] for c in takers if c in got}
    return {c: runs for c, runs in got.items() if runs}


def row(client, runs, base):
    trips = median(m.trips.count for m in runs)
    patterns = [" ".join(map(str, m.trips.segments)) for m in runs]
    pattern = max(set(patterns), key=patterns.count)
    if len(pattern) > 24:
        pattern = "%d flights" % (pattern.count(" ") + 1)
    wall = median(m.wall for m in runs)
    return [client.name, "%g" % trips,
            "%g" % median(m.trips.chain for m in runs),
            "%.1f" % median(m.trips.by_clock for m in runs), pattern,
            "yes" if all(m.quit for m in runs) else "no",
            "%.0f" % median(m.reply for m in runs), "%.0f" % wall,
            "%+.0f %%" % (100 * (wall / trips / TRIP - 1)),
            ratio(wall, base)]


def bars(bench, situation, got):
    runs = own(got)
    if runs is None:
        return
    trips = median(m.trips.count for m in runs)
    wall = median(m.wall for m in runs)
    where = ", " + situation.title
    if situation.limit is not None:
        bench.report.bar("at most %d round trips%s" % (
            situation.limit, where), "%g" % trips, trips <= situation.limit)
    # the bytes of a large one take their own time, whoever sends them
    if situation.what != LARGE:
        bench.report.bar(
            "time at most 15 %% above round trips times %g ms%s" % (TRIP, where),
            "%.0f ms of process, %+.1f %%" % (wall, 100 * (
                wall / trips / TRIP - 1)), wall <= MORE * trips * TRIP)
    others = [(median(m.wall for m in peer), c.name)
              for c, peer in got.items() if peer is not runs]
    if others:
        bench.report.bar("and less than that of every peer%s" % where,
                         "%.0f ms, the best (%s) %.0f ms" % (
                             wall, min(others)[1], min(others)[0]),
                         wall < min(others)[0])


def link(bench):
    bench.report.begin("link", "round trips, and time on a link of %g ms" %
                       TRIP)
    bench.report.note("""\
A proxy makes a round trip of %g ms of loopback, that of the handshake of TCP
included, and counts; proxy.py says how.
- trips: the handshake, and then each unbroken run of bytes from the server, up
  to the final reply
- chain: the longest row of flights of which each could leave only when the
  answer to the one before had arrived
- clock: time from connect to the final reply, in round trips
- segments: those with data that the client sent in each flight
- reply: ms from connect to the final reply; process: ms from the start of the
  process to its end; above: how much that is above trips times %g ms""" % (
      TRIP, TRIP))
    for situation in SITUATIONS:
        got = all_runs(bench, situation, 1 if bench.quick else 3)
        base = own(got)
        base = base and median(m.wall for m in base)
        bench.report.table(
            situation.title,
            ["client", "trips", "chain", "clock", "segments", "QUIT", "reply",
             "process", "above", "ratio"],
            [row(c, runs, base) for c, runs in got.items()])
        bars(bench, situation, got)
