#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare mailchute with the other mail clients that are here.

bench.py [--quick] [--scenario NAME]... [--results FILE]

MAILCHUTE_BIN names the program; BENCH_PEERS a directory made by peers.sh, in
which other clients are looked for before the system's own.  All run side by
side, in turns, against one server on loopback (sink.c); what is printed are
figures and their ratio to mailchute's, and for each bar whether it holds.
Nothing fails for being slow: the end is an error only when mailchute does not
deliver.  --results writes the same to a file: see report.py.

Scenarios:
  link        round trips, and time on a link of 50 ms (proxy.py): link.py
  cpu         processor time of one submission
  memory      and its largest resident size
  start       what a process costs that only starts
  throughput  one large message
  rate        1,000 messages, one process each, two at a time: cost.py
  linear      1 to 10,000 recipients, 1 kB to 100 MB: cost.py
"""
import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from statistics import mean, median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import clients                                  # noqa: E402
import common                                   # noqa: E402
import cost                                     # noqa: E402
import link                                     # noqa: E402
from clients import TLS, STARTTLS, CLEAR        # noqa: E402
from common import MODES, TITLES, Result, Sink  # noqa: E402
from report import Report, own, ratio, versions  # noqa: E402

SMALL = 1000
MB = 1000000
LIMIT = 180         # seconds for one submission


class Bench:
    def __init__(self, place, quick):
        self.place = place
        self.quick = quick
        self.report = Report(quick)
        self.wrong = []
        self.run_program = common.build(place, "run")
        self.sink_program = common.build(place, "sink")
        self.proxy_program = common.build(place, "proxy")
        self.certs, self.trust = common.make_trust(place)
        self.no_trust = clients.Trust(place, "notrust", None)
        self.sink = self.new_sink()
        self.messages = {}
        self.clients = []
        self.verifies = {}

    def new_sink(self, *options):
        return Sink(self.sink_program, self.certs, *options)

    def message(self, size=SMALL, visible=1, hidden=0):
        key = size, visible, hidden
        if key not in self.messages:
            self.messages[key] = clients.Message(self.place, *key)
        return self.messages[key]

    # ------------------------------------------------------------- one run

    def run(self, call, client, said="said"):
        env = client.environment()
        env.update(call.env)
        out = os.path.join(self.place, said)
        call.before()
        done = subprocess.run(
            [self.run_program, call.input, str(call.fd), out, *call.argv],
            env=env, cwd=self.place, stdout=subprocess.PIPE, timeout=LIMIT,
            check=True)
        with open(out, "rb") as f:
            said = f.read(2000).decode("utf-8", "replace")
        return Result(done.stdout.decode(), said)

    def submit(self, client, mode, message=None, sink=None, port=None,
               trust=None):
        """Submit once; the result, and the server's view or None."""
        sink = sink or self.sink
        message = message or self.message()
        sink.clear()
        call = client.call(mode, port or sink.ports[mode],
                           trust or self.trust, message)
        try:
            result = self.run(call, client, "said-" + client.name)
        except subprocess.TimeoutExpired:
            return Result("124 0 0 0 0 0", "no end in %d s" % LIMIT), None
        if result.status != 0:
            return result, None
        seen = sink.delivered()
        if seen is not None and (seen.wrong or seen.bytes < message.size or
                                 seen.rcpts != len(message.rcpts)):
            result.said += " (%d bytes, %d recipients arrived)" % (
                seen.bytes, seen.rcpts)
            seen = None
        return result, seen

    def rounds(self, mode, count, who=None, **how):
        """Run all in turns; {client: [(result, seen), ...]}"""
        got = {}
        for i in range(count):
            for client in common.turns(self.clients):
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
        return {c: got[c] for c in self.clients if c in got}

    # --------------------------------------------------------- who takes part

    def find_clients(self):
        peers = common.peers_dir()
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


def paired(runs, base):
    """The median of the ratios within each round: what else the machine does
    takes part in both."""
    base = {r.round: r.cpu for r, _ in base or []}
    ratios = [r.cpu / base[r.round] for r, _ in runs if base.get(r.round)]
    return "%.2f" % median(ratios) if ratios else "-"


# ------------------------------------------------------------------ scenarios

def cpu(bench):
    bench.report.begin("cpu", "processor time of one submission")
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
                         str(len(runs)), runs[0][1].tls,
                         {True: "yes", False: "NO"}.get(
                             bench.verifies.get(c), "-")
                         if mode != CLEAR else "-"])
        bench.report.table(
            "CPU time of one submission, ms, user and system: " +
            TITLES[mode],
            ["client", "median", "ratio", "least", "3rd quartile",
             "wall", "runs", "TLS", "verified"], rows)
        if mode != CLEAR:
            cpu_bars(bench, mode, got, figures)


def cpu_bars(bench, mode, got, figures):
    """By the ratio within each round, which is steadier than the medians."""
    mine = own(got)
    for client, runs in got.items():
        if runs is mine or mine is None or not bench.verifies.get(client):
            continue
        times = paired(runs, mine)
        bench.report.bar(
            "CPU below that of %s, %s" % (client.name, TITLES[mode]),
            "it takes %s times as much (%.2f, %.2f ms)" % (
                times, figures[client], own(figures)), float(times) > 1)


def memory(bench):
    report = bench.report
    report.begin("memory", "largest resident memory of one submission")
    sizes = (SMALL, 5 * MB) if bench.quick else (SMALL, 25 * MB, 100 * MB)
    got = [bench.rounds(TLS, 3 if size == SMALL else 1,
                        message=bench.message(size),
                        who=lambda c, s=size: s == SMALL or c.big)
           for size in sizes]
    peak = [{c: max(r.rss for r, _ in runs) for c, runs in g.items()}
            for g in got]
    heads, rows = ["client"], []
    for size in sizes:
        heads += [size_text(size), "ratio"]
    for c in peak[0]:
        row = [c.name]
        for p in peak:
            row += [str(p[c]), ratio(p[c], own(p))] if c in p else ["-", "-"]
        more = peak[-1][c] - peak[0][c] if c in peak[-1] else None
        rows.append(row + ["-" if more is None else "%+d" % more])
    report.table("Largest resident memory, KiB, " + TITLES[TLS],
                 heads + ["more"], rows)
    small, large = own(peak[0]), own(peak[-1])
    if small is None:
        return
    report.bar("resident memory at most 8 MB (8192 KiB)", "%d KiB" % small,
               small <= 8192)
    for c, size in peak[0].items():
        if c.name != "mailchute" and bench.verifies.get(c):
            report.bar("resident memory below that of " + c.name,
                       "%d, %d KiB" % (small, size), small < size)
    if large is not None:
        report.bar("for %s at most 2 MB more" % size_text(sizes[-1]),
                   "%d KiB" % (large - small), large - small <= 2048)


def size_text(size):
    return "%d MB" % (size // MB) if size >= MB else "%d kB" % (size // 1000)


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
    return common.build(bench.place, "empty", "-Wl,--no-as-needed",
                        *[where[n] for n in needed if n in where],
                        *(["-Wl,-z,now"] if now else []), source=source)


def start(bench):
    bench.report.begin("start", "a process that only starts")
    if shutil.which("readelf") is None or shutil.which("ldd") is None:
        bench.report.note("No readelf or ldd here: left out.")
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
    bench.report.table(
        "Start of a process, ms",
        ["program", "mean", "ratio", "median", "CPU", "runs"],
        [[n, "%.2f" % m, ratio(m, means.get(own_name)), "%.2f" % medians[n],
          "%.2f" % median(r.cpu for r in got[n]), str(len(got[n]))]
         for n, m in means.items()])
    if own_name in means and empty_name in means:
        times = means[own_name] / means[empty_name]
        bench.report.bar(
            "--version at most 1.3 times an empty program, or 3.3 ms",
            "%.2f times (by medians %.2f), %.2f ms" % (
                times, medians[own_name] / medians[empty_name],
                means[own_name]), times <= 1.3 or means[own_name] <= 3.3)


def throughput(bench):
    bench.report.begin("throughput", "one large message")
    for size in (5 * MB,) if bench.quick else (25 * MB, 100 * MB):
        got = bench.rounds(TLS, 7 if size == 25 * MB else 3,
                           message=bench.message(size), who=lambda c: c.big)
        speed = {c: size / MB / median(r.wall for r, _ in runs)
                 for c, runs in got.items()}
        used = {c: median(r.cpu for r, _ in runs) for c, runs in got.items()}
        bench.report.table(
            "One message of %s, %s" % (size_text(size), TITLES[TLS]),
            ["client", "MB/s", "ratio", "best", "CPU ms", "ratio", "least"],
            [[c.name, "%.0f" % speed[c], ratio(speed[c], own(speed)),
              "%.0f" % (size / MB / min(r.wall for r, _ in got[c])),
              "%.0f" % used[c], ratio(used[c], own(used)),
              "%.0f" % min(r.cpu for r, _ in got[c])] for c in got])
        if size == 25 * MB:
            throughput_bars(bench, got)


def throughput_bars(bench, got):
    """By the median of the ratios within each round"""
    for c, runs in got.items():
        if c.name not in ("curl", "msmtp") or own(got) is None:
            continue
        base = {r.round: r for r, _ in own(got)}
        pairs = [(r, base[r.round]) for r, _ in runs if r.round in base]
        faster = median(r.wall / b.wall for r, b in pairs)
        less = median(r.cpu / b.cpu for r, b in pairs)
        bench.report.bar("25 MB over TLS at least as fast as " + c.name,
                         "%.2f times" % faster, faster >= 1)
        bench.report.bar("and with less CPU than " + c.name,
                         "it takes %.2f times as much" % less, less > 1)


# ------------------------------------------------------------------ the whole

SCENARIOS = {"link": link.link, "cpu": cpu, "memory": memory, "start": start,
             "throughput": throughput, "rate": cost.rate,
             "linear": cost.linear}


def describe(bench):
    print("Machine: %s, %d CPUs, load %.1f" % (
        platform.machine(), os.cpu_count() or 0, os.getloadavg()[0]))
    print("Trust: the %d authorities of this system and that of the tests, as "
          "a hashed\ndirectory and as a bundle; each client reads what it "
          "reads by default." % bench.trust.count)
    print("Messages: %d bytes unless said otherwise.  Ratio: the client's "
          "figure to mailchute's.\n" % SMALL)


def peers_text(bench):
    lines = versions(bench.clients)
    for c in bench.clients:
        if bench.verifies.get(c) is False:
            lines = [line + ("; does not verify the server, so no bar is "
                             "about its cost" if line.split()[1] == c.package
                             else "") for line in lines]
    return lines + [
        "- trust: %d authorities, as a hashed directory and as a bundle; each "
        "client reads\n  what it reads by default" % (bench.trust.count + 1),
        "- messages: %d bytes unless said otherwise" % SMALL]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="few runs: to see that it works")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS,
                        metavar="NAME",
                        help="only this: " + ", ".join(SCENARIOS))
    parser.add_argument("--results", metavar="FILE",
                        help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailchute-bench.") as place:
        # a client may change its user
        os.chmod(place, 0o755)
        bench = Bench(place, args.quick)
        try:
            describe(bench)
            bench.find_clients()
            for name, scenario in SCENARIOS.items():
                if name in (args.scenario or SCENARIOS):
                    scenario(bench)
                    if args.results:
                        bench.report.write(args.results, peers_text(bench))
        finally:
            bench.sink.stop()
    bench.report.summary()
    for line in sorted(set(bench.wrong)):
        print("bench: " + line, file=sys.stderr)
    return 1 if any(w.startswith("mailchute") for w in bench.wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
