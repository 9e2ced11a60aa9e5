# SPDX-License-Identifier: MIT
"""What many submissions cost, and what one costs that is large."""
import os
import subprocess
from statistics import median

import common
from clients import TLS
from common import TITLES
from report import own, ratio

LIMIT = 300         # seconds for one step
MB = 1000000
# A straight line may be as much steeper between the larger two as this.
BEND = 1.3


# ----------------------------------------------------------------------- rate

def batch(bench, program, client, count):
    """So many runs, two at a time: seconds and ms of processor a message, or
    None."""
    bench.sink.clear()
    call = client.call(TLS, bench.sink.ports[TLS], bench.trust,
                       bench.message())
    env = client.environment()
    env.update(call.env)
    call.before()
    said = os.path.join(bench.place, "said-rate")
    done = subprocess.run(
        [program, str(count), "2", call.input, said, *call.argv], env=env,
        cwd=bench.place, stdout=subprocess.PIPE, timeout=LIMIT, check=True)
    failed, wall, cpu = map(int, done.stdout.split())
    arrived = 0
    while arrived < count - failed:
        seen = bench.sink.delivered()
        if seen is None:
            break
        arrived += seen.messages
    if failed != 0 or arrived != count:
        with open(said, "rb") as f:
            text = f.read()[-300:].decode("utf-8", "replace").strip()
        bench.wrong.append("%s: %d of %d messages arrived: %s" % (
            client.name, arrived, count, text))
        return None
    return wall / 1e9, cpu / 1000 / count


def rate(bench):
    """In parts, so that all share what else the machine does."""
    report = bench.report
    report.begin("rate", "1,000 messages, one process each, two at a time")
    program = common.build(bench.place, "rate")
    parts, size = (1, 100) if bench.quick else (4, 250)
    got = {}
    for part in range(parts):
        for client in bench.clients:
            # the bars are about these; others show the order only
            whole = client.name in ("mailchute", "msmtp", "curl")
            # nullmailer's program takes no message on standard input
            if TLS not in client.modes or client.every > 1 or \
                    client.name == "nullmailer" or (part > 0 and not whole):
                continue
            one = batch(bench, program, client, size)
            if one is not None:
                got.setdefault(client, []).append(one)
    speed = {c: len(runs) * size / sum(s for s, _ in runs)
             for c, runs in got.items()}
    report.table(
        "Messages a second, " + TITLES[TLS],
        ["client", "messages", "a second", "ours/it", "CPU ms a message"],
        [[c.name, str(len(runs) * size), "%.1f" % speed[c],
          ratio(own(speed) or 0, speed[c]),
          "%.2f" % median(cpu for _, cpu in runs)]
         for c, runs in got.items()])
    for c, value in speed.items():
        times = {"msmtp": 3, "curl": 2}.get(c.name)
        if times is not None and own(speed) is not None:
            report.bar("at least %d times the rate of %s" % (times, c.name),
                       "%.2f times" % (own(speed) / value),
                       own(speed) / value >= times)


# --------------------------------------------------------------------- linear

def least(bench, messages, counts):
    """{client: [least ms of processor, for each message]}: other work on the
    machine only ever adds."""
    got = {}
    takers = [c for c in bench.clients if TLS in c.modes and not c.variant and
              c.name in ("mailchute", "msmtp", "curl", "nullmailer")]
    for i in range(max(counts)):
        for k, message in enumerate(messages):
            for client in takers:
                runs = counts[k] if client.name == "mailchute" else 1
                if i >= runs:
                    continue
                result, seen = bench.submit(client, TLS, message)
                if seen is None:
                    bench.wrong.append("%s, %d recipients, %d bytes: %s" % (
                        client.name, len(message.rcpts), message.size,
                        result.said.strip() or "not delivered"))
                    continue
                got.setdefault(client, {}).setdefault(k, []).append(result.cpu)
    return {c: [min(runs[k]) if k in runs else None
                for k in range(len(messages))] for c, runs in got.items()}


def show(bench, title, unit, values, got):
    """values: of what grows; the cost between the last two, for a unit, may be
    BEND times that between the first and the last but one."""
    rows = []
    for c, costs in got.items():
        row = [c.name] + ["-" if x is None else "%.1f" % x for x in costs]
        if None in costs:
            rows.append(row + ["-", "-", "-"])
            continue
        early = (costs[-2] - costs[0]) / (values[-2] - values[0])
        late = (costs[-1] - costs[-2]) / (values[-1] - values[-2])
        bend = late / early if early > 0 else float("inf")
        rows.append(row + ["%.3g" % (1000 * early), "%.3g" % (1000 * late),
                           "%.2f" % bend])
        if c.name == "mailchute":
            bench.report.bar(
                "cost of %s grows linearly: of one more beyond %s at most %g "
                "times that below" % (unit, "{:,}".format(values[-2]), BEND),
                "%.2f times (%.3g, %.3g us)" % (bend, 1000 * late,
                                                1000 * early), bend <= BEND)
    bench.report.table(
        title, ["client"] + ["{:,}".format(v) for v in values] +
        ["us for one more, first", "last", "bend"], rows)


def linear(bench):
    bench.report.begin("linear", "cost of many recipients, and of size")
    bench.report.note("""\
The least ms of processor in several runs (of the others: in one).  A step from
1 to 100 recipients, or from 1 to 100 kB, costs less than runs differ; so the
line is taken from the first and the last but one, and the last is compared with
it.""")
    top = 1000 if bench.quick else 10000
    numbers = [n for n in (1, 100, 1000, 10000) if n <= top]
    counts = [3 if bench.quick else 15] * len(numbers)
    show(bench, "Recipients, all in the header; 1 kB of text, implicit TLS",
         "a recipient", numbers,
         least(bench, [bench.message(visible=n) for n in numbers], counts))
    sizes = [0.001, 1, 10] if bench.quick else [0.001, 1, 10, 100]
    messages = [bench.message(int(n * MB)) for n in sizes]
    show(bench, "Size in kB, implicit TLS", "a kB",
         [int(1000 * n) for n in sizes],
         least(bench, messages, [5] * len(sizes) if bench.quick else
               [15, 15, 7, 3]))
