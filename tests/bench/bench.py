#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare mailchute with the other mail clients that are here.

bench.py [--quick] [--scenario NAME]...

MAILCHUTE_BIN names the program; BENCH_PEERS a directory made by peers.sh, in
which other clients are looked for before the system's own.  All run side by
side, in turns, against one server on loopback (sink.c); what is printed are
figures and their ratio to mailchute's.  Nothing fails for being slow: the end
is an error only when mailchute does not deliver.

Scenarios: trips, cpu, memory, start, throughput.
"""
import argparse
import os
import platform
import queue
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from statistics import mean, median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import clients                                  # noqa: E402
import proxy                                    # noqa: E402
from clients import TLS, STARTTLS, CLEAR        # noqa: E402

NAMES = ("trips", "cpu", "memory", "start", "throughput")
MODES = (TLS, STARTTLS, CLEAR)
TITLES = {TLS: "implicit TLS, AUTH PLAIN", STARTTLS: "STARTTLS, AUTH PLAIN",
          CLEAR: "no TLS, no log-in"}
ONE_WAY = 0.019     # seconds, of the proxy, which says why
SMALL = 1000
MB = 1000000
LIMIT = 180         # seconds for one submission


class Result:
    """What run.c printed, and what the program wrote."""

    def __init__(self, line, said):
        f = [int(word) for word in line.split()]
        self.status, self.cpu = f[0], (f[1] + f[2]) / 1000      # ms
        self.rss = f[3]                                         # KiB
        self.start, self.end = f[4] / 1e9, f[5] / 1e9           # s
        self.said = said

    @property
    def wall(self):
        return self.end - self.start


class Sink:
    """The server; after each submission its line about the connection."""

    def __init__(self, program, certs, *options):
        self.process = subprocess.Popen(
            [program, "-c", certs + "/good.pem", "-k", certs + "/good.key",
             "-u", clients.USER, "-p", clients.PASSWORD, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        words = self.process.stdout.readline().decode().split()
        self.ports = dict(zip(MODES, map(int, words[1:])))
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode().split())

    def clear(self):
        while not self.lines.empty():
            self.lines.get()

    def delivered(self):
        """The connection that brought a message, or None."""
        try:
            while True:
                f = self.lines.get(timeout=3)
                if f[0] == "conn" and f[2] != "0":
                    return {"bytes": int(f[3]), "quit": f[5] == "1",
                            "final": int(f[6]) / 1e9, "wrong": f[7] == "1",
                            "tls": f[8]}
        except queue.Empty:
            return None

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Bench:
    def __init__(self, place, quick):
        self.place = place
        self.quick = quick
        self.bars = []
        self.wrong = []
        self.run_program = self.compile("run")
        sink = self.compile("sink", "-lssl", "-lcrypto", "-lpthread")
        certs = os.path.join(place, "certs")
        subprocess.run(["sh", os.path.join(HERE, "..", "script", "certs.sh"),
                        certs], check=True)
        self.trust = clients.Trust(place, "trust",
                                   os.path.join(certs, "ca.pem"))
        self.no_trust = clients.Trust(place, "notrust", None)
        self.sink = Sink(sink, certs)
        self.plain_sink = Sink(sink, certs, "-P")
        self.chunk_sink = Sink(sink, certs, "-C")
        self.messages = {}
        self.clients = []
        self.verifies = {}

    def compile(self, name, *libraries, source=None):
        out = os.path.join(self.place, name)
        source = source or os.path.join(HERE, name + ".c")
        subprocess.run(shlex.split(os.environ.get("CC", "cc")) +
                       ["-O2", "-std=gnu17", "-o", out, source, *libraries],
                       check=True)
        return out

    def message(self, size):
        if size not in self.messages:
            self.messages[size] = clients.Message(self.place, size)
        return self.messages[size]

    # ------------------------------------------------------------- one run

    def run(self, call, client):
        env = client.environment()
        env.update(call.env)
        out = os.path.join(self.place, "said")
        call.before()
        done = subprocess.run(
            [self.run_program, call.input, str(call.fd), out, *call.argv],
            env=env, cwd=self.place, stdout=subprocess.PIPE, timeout=LIMIT,
            check=True)
        with open(out, "rb") as f:
            said = f.read(2000).decode("utf-8", "replace")
        return Result(done.stdout.decode(), said)

    def submit(self, client, mode, size=SMALL, sink=None, port=None,
               trust=None):
        """Submit once; the result, and the server's view or None."""
        sink = sink or self.sink
        sink.clear()
        call = client.call(mode, port or sink.ports[mode],
                           trust or self.trust, self.message(size))
        try:
            result = self.run(call, client)
        except subprocess.TimeoutExpired:
            return Result("124 0 0 0 0 0", "no end in %d s" % LIMIT), None
        if result.status != 0:
            return result, None
        seen = sink.delivered()
        if seen is not None and (seen["wrong"] or seen["bytes"] < size):
            seen = None
        return result, seen

    def rounds(self, mode, count, who=None, **how):
        """Run all in turns; {client: [(result, seen), ...]}"""
        got = {}
        for i in range(count):
            for client in self.clients:
                if mode not in client.modes or i % client.every != 0 or (
                        who is not None and not who(client)):
                    continue
                result, seen = self.submit(client, mode, **how)
                if seen is None:
                    self.wrong.append("%s, %s: not delivered: %s" % (
                        client.name, TITLES[mode], result.said.strip()))
                else:
                    result.round = i
                    got.setdefault(client, []).append((result, seen))
        return got

    # --------------------------------------------------------- who takes part

    def find_clients(self):
        peers = os.environ.get("BENCH_PEERS")
        peers = os.path.abspath(peers) if peers else None
        for kind in clients.ALL:
            client = kind(self.place, peers)
            if not client.prepare():
                print("  %-11s not here" % client.name)
                continue
            modes = []
            for mode in client.modes:
                result, seen = self.submit(client, mode)
                if seen is not None:
                    modes.append(mode)
                else:
                    if client.name == "mailchute":
                        self.wrong.append("mailchute does not deliver: " +
                                          TITLES[mode])
                    print("  %-11s left out with %s: %s" % (
                        client.name, TITLES[mode],
                        result.said.strip() or "no message arrived"))
            client.modes = tuple(modes)
            if TLS in modes or STARTTLS in modes:
                mode = TLS if TLS in modes else STARTTLS
                _, seen = self.submit(client, mode, trust=self.no_trust)
                self.verifies[client] = seen is None
            self.introduce(client)
            self.clients.append(client)
        if len(self.clients) == 1:
            print("  no other client: see peers.sh")

    def introduce(self, client):
        trust = {"directory": "reads the hashed directory",
                 "bundle": "reads the bundle", "both": "reads both",
                 "none": ""}[client.trust]
        if client in self.verifies and not self.verifies[client]:
            trust = "DOES NOT VERIFY the server"
            if client.name == "mailchute":
                self.wrong.append("mailchute sends to an untrusted server")
        print("  %-11s %s; %s%s" % (
            client.name, client.path, trust,
            "; " + client.remark if client.remark else ""))

    # ------------------------------------------------------------- printing

    def bar(self, text, figure, unit, holds):
        self.bars.append("  %-3s %s: %s%s" % (
            "yes" if holds else "NO", text, figure, unit))


def table(title, heads, rows):
    """rows of texts; the first column to the left, the others to the right"""
    print("\n" + title)
    widths = [max(len(row[i]) for row in [heads] + rows)
              for i in range(len(heads))]
    for row in [heads] + rows:
        print("  " + "  ".join(
            text.ljust(w) if i == 0 else text.rjust(w)
            for i, (text, w) in enumerate(zip(row, widths))).rstrip())
    sys.stdout.flush()


def ratio(figure, own):
    return "%.2f" % (figure / own) if own else "-"


def own(got):
    """what is mailchute's of {client: value}"""
    return next((v for c, v in got.items() if c.name == "mailchute"), None)


def paired(runs, base):
    """The median of the ratios within each round: what else the machine does
    takes part in both."""
    base = {r.round: r.cpu for r, _ in base or []}
    ratios = [r.cpu / base[r.round] for r, _ in runs if base.get(r.round)]
    return "%.2f" % median(ratios) if ratios else "-"


# ------------------------------------------------------------------ scenarios

def trips_of(bench, client, mode, sink):
    """One submission through the proxy: (trips, result, seen) or None."""
    way = proxy.Proxy(sink.ports[mode], ONE_WAY)
    try:
        result, seen = bench.submit(client, mode, sink=sink, port=way.port)
        found = way.connections()
    finally:
        way.close()
    used = [c for c in found if any(e.who == "client" for e in c.events)]
    if seen is None or len(used) != 1:
        return None
    trips = proxy.Trips(used[0], seen["final"])
    return (trips, result, seen) if trips.replied is not None else None


def trips(bench):
    print("\nRound trips are counted by a proxy of %g ms each way, and by the "
          "clock: see\nproxy.py.  Segments: those with data that the client "
          "sent in each flight up to\nthe final reply.  End: from the final "
          "reply to the end of the process." % (1000 * ONE_WAY))
    count = 1 if bench.quick else 3
    for title, mode, sink, limit in (
            (TITLES[TLS], TLS, bench.sink, 6),
            (TITLES[STARTTLS], STARTTLS, bench.sink, 8),
            (TITLES[CLEAR], CLEAR, bench.sink, 5),
            (TITLES[TLS] + ", CHUNKING", TLS, bench.chunk_sink, 5),
            (TITLES[STARTTLS] + ", CHUNKING", STARTTLS, bench.chunk_sink, 7),
            (TITLES[CLEAR] + ", CHUNKING", CLEAR, bench.chunk_sink, 4),
            (TITLES[TLS] + ", server without PIPELINING", TLS,
             bench.plain_sink, None)):
        got = {}
        for _ in range(count):
            for client in bench.clients:
                if mode not in client.modes or client.variant:
                    continue
                one = trips_of(bench, client, mode, sink)
                if one is None:
                    bench.wrong.append("%s, %s: not delivered, or not "
                                       "counted" % (client.name, title))
                else:
                    got.setdefault(client, []).append(one)
        figures = {c: median(t.count for t, _, _ in runs)
                   for c, runs in got.items()}
        rows = [trips_row(c, runs, figures[c], own(figures))
                for c, runs in got.items()]
        table("Round trips from connect to the final reply: " + title,
              ["client", "trips", "ratio", "by clock", "segments in each",
               "QUIT", "end"], rows)
        if limit is not None and own(figures) is not None:
            bench.bar("round trips, %s, at most %d" % (title, limit),
                      "%g" % own(figures), "", own(figures) <= limit)
    hidden_trips(bench)


def hidden_trips(bench):
    """One visible recipient and a hundred blind ones, each of whom gets a
    transaction of his own."""
    client = next(c for c in bench.clients if c.name == "mailchute")
    client.others = ["b%d@b.example" % i for i in range(100)]
    try:
        one = trips_of(bench, client, TLS, bench.chunk_sink)
    finally:
        client.others = []
    if one is None:
        bench.wrong.append("mailchute, 100 blind recipients: not delivered, or "
                           "not counted")
        return
    bench.bar("round trips, 1 To and 100 Bcc, implicit TLS, CHUNKING, at "
              "most 8", "%g" % one[0].count, "", one[0].count <= 8)


def trips_row(client, runs, figure, base):
    clock = median(t.by_clock for t, _, _ in runs)
    # the usual pattern of the runs
    patterns = [" ".join(map(str, t.segments)) for t, _, _ in runs]
    return [client.name, "%g" % figure, ratio(figure, base or 0),
            "%.1f" % clock, max(set(patterns), key=patterns.count),
            "yes" if all(s["quit"] for _, _, s in runs) else "no",
            "%.1f ms" % (1000 * median(r.end - t.replied
                                       for t, r, _ in runs))]


def cpu(bench):
    for mode in MODES:
        count = 100 if mode != CLEAR else 40
        got = bench.rounds(mode, 15 if bench.quick else count)
        figures = {c: median(r.cpu for r, _ in runs)
                   for c, runs in got.items()}
        rows = []
        for c, runs in got.items():
            values = sorted(r.cpu for r, _ in runs)
            rows.append([c.name, "%.2f" % figures[c],
                         paired(runs, own(got)), "%.2f" % values[0],
                         "%.2f" % values[len(values) * 3 // 4],
                         "%.2f" % (1000 * median(r.wall for r, _ in runs)),
                         str(len(runs)), runs[0][1]["tls"],
                         {True: "yes", False: "NO"}.get(
                             bench.verifies.get(c), "-")
                         if mode != CLEAR else "-"])
        table("CPU time of one submission, ms, user and system: " +
              TITLES[mode],
              ["client", "median", "ratio", "least", "3rd quartile",
               "wall", "runs", "TLS", "verified"], rows)
        cpu_bars(bench, mode, got, figures)


def cpu_bars(bench, mode, got, figures):
    """By the ratio within each round, which is steadier than the medians."""
    # esmtp knows no TLS from the start
    names = {TLS: ("msmtp", "curl", "dma"), STARTTLS: ("esmtp", "esmtp-dir"),
             CLEAR: ()}[mode]
    for client, runs in got.items():
        if client.name not in names or own(got) is None:
            continue
        times = paired(runs, own(got))
        bench.bar("CPU below that of %s%s, %s" % (
            client.name, "" if bench.verifies.get(client) else
            " (which does not verify)", TITLES[mode]),
            "it takes %s times as much (%.2f, %.2f ms)" % (
                times, figures[client], own(figures)), "",
            float(times) > 1)


def memory(bench):
    sizes = (SMALL, 5 * MB) if bench.quick else (SMALL, 100 * MB)
    got = [bench.rounds(TLS, 3 if size == SMALL else 1, size=size,
                        who=lambda c, s=size: s == SMALL or c.big)
           for size in sizes]
    peak = [{c: max(r.rss for r, _ in runs) for c, runs in g.items()}
            for g in got]
    rows = []
    for c, small in peak[0].items():
        large = peak[1].get(c)
        rows.append([c.name, str(small), ratio(small, own(peak[0])),
                     "-" if large is None else str(large),
                     "-" if large is None else ratio(large, own(peak[1])),
                     "-" if large is None else "%+d" % (large - small)])
    table("Largest resident memory, KiB, implicit TLS, AUTH PLAIN",
          ["client", "1 kB", "ratio", "%d MB" % (sizes[1] // MB), "ratio",
           "more"], rows)
    small, large = own(peak[0]), own(peak[1])
    if small is not None:
        bench.bar("resident memory at most 8 MB (8192 KiB)", str(small),
                  " KiB", small <= 8192)
    if small is not None and large is not None:
        bench.bar("for %d MB at most 2 MB more" % (sizes[1] // MB),
                  str(large - small), " KiB", large - small <= 2048)


def dynamic(path):
    """NEEDED libraries, and whether they are bound at once."""
    text = subprocess.run(["readelf", "-Wd", path], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    needed = [line.split("[")[1].split("]")[0]
              for line in text.splitlines() if "(NEEDED)" in line]
    return needed, "BIND_NOW" in text or "FLAGS_1) Flags: NOW" in text


def empty_program(bench, mailchute):
    """A program that does nothing, linked to the libraries of mailchute."""
    needed, now = dynamic(mailchute.path)
    env = dict(os.environ, **mailchute.environment())
    where = {}
    for line in subprocess.run(["ldd", mailchute.path], env=env, check=True,
                               stdout=subprocess.PIPE).stdout.decode(
                                   ).splitlines():
        words = line.split()
        if len(words) >= 3 and words[1] == "=>":
            where[words[0]] = words[2]
    source = clients.write(os.path.join(bench.place, "empty.c"),
                           "int main(void) { return 0; }\n")
    return bench.compile("empty", "-Wl,--no-as-needed",
                         *[where[n] for n in needed if n in where],
                         *(["-Wl,-z,now"] if now else []), source=source)


def start(bench):
    if shutil.which("readelf") is None or shutil.which("ldd") is None:
        print("\nStart of a process: no readelf or ldd here, left out")
        return
    count = 40 if bench.quick else 300
    own_client = bench.clients[0]
    calls = {"mailchute --version": (own_client, own_client.version()),
             "empty program, the same libraries":
                 (own_client, [empty_program(bench, own_client)])}
    for client in bench.clients[1:]:
        if client.version() is not None and client.every == 1:
            calls["%s %s" % (client.name, client.version()[1])] = (
                client, client.version())
    got = {name: [] for name in calls}
    for _ in range(count):
        for name, (client, argv) in calls.items():
            result = bench.run(clients.Call(argv, "/dev/null"), client)
            if result.status == 0:
                got[name].append(result)
    own_name, empty_name = list(calls)[:2]
    means = {n: 1000 * mean(r.wall for r in runs)
             for n, runs in got.items() if runs}
    medians = {n: 1000 * median(r.wall for r in runs)
               for n, runs in got.items() if runs}
    table("Start of a process, ms",
          ["program", "mean", "ratio", "median", "CPU", "runs"],
          [[n, "%.2f" % m, ratio(m, means.get(own_name)),
            "%.2f" % medians[n], "%.2f" % median(r.cpu for r in got[n]),
            str(len(got[n]))] for n, m in means.items()])
    if own_name in means and empty_name in means:
        times = means[own_name] / means[empty_name]
        bench.bar("--version at most 1.3 times an empty program, or 3.3 ms",
                  "%.2f times (by medians %.2f), %.2f ms" % (
                      times, medians[own_name] / medians[empty_name],
                      means[own_name]), "",
                  times <= 1.3 or means[own_name] <= 3.3)


def throughput(bench):
    for size in (5 * MB,) if bench.quick else (25 * MB, 100 * MB):
        got = bench.rounds(TLS, 1 if bench.quick else 3, size=size,
                           who=lambda c: c.big)
        speed = {c: size / MB / median(r.wall for r, _ in runs)
                 for c, runs in got.items()}
        used = {c: median(r.cpu for r, _ in runs) for c, runs in got.items()}
        table("Throughput, one message of %d MB, implicit TLS, AUTH PLAIN" %
              (size // MB), ["client", "MB/s", "ratio", "CPU ms", "ratio"],
              [[c.name, "%.0f" % speed[c], ratio(speed[c], own(speed)),
                "%.0f" % used[c], ratio(used[c], own(used))] for c in got])


# ------------------------------------------------------------------ the whole

def describe(bench):
    print("Machine: %s, %d CPUs, load %.1f" % (
        platform.machine(), os.cpu_count() or 0, os.getloadavg()[0]))
    print("Trust: the %d authorities of this system and that of the tests, as "
          "a hashed\ndirectory and as a bundle; each client reads what it "
          "reads by default." % bench.trust.count)
    print("Messages: %d bytes unless said otherwise.  Ratio: the client's "
          "figure to mailchute's.\n" % SMALL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true",
                        help="few runs: to see that it works")
    parser.add_argument("--scenario", action="append", choices=NAMES,
                        metavar="NAME", help="only this: " + ", ".join(NAMES))
    args = parser.parse_args()
    todo = args.scenario or NAMES
    with tempfile.TemporaryDirectory(prefix="mailchute-bench.") as place:
        # a client may change its user
        os.chmod(place, 0o755)
        bench = Bench(place, args.quick)
        try:
            describe(bench)
            bench.find_clients()
            for name in NAMES:
                if name in todo:
                    globals()[name](bench)
        finally:
            bench.sink.stop()
            bench.plain_sink.stop()
            bench.chunk_sink.stop()
    if bench.bars:
        print("\nBars")
        print("\n".join(bench.bars))
    for line in sorted(set(bench.wrong)):
        print("bench: " + line, file=sys.stderr)
    return 1 if any(w.startswith("mailchute") for w in bench.wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
