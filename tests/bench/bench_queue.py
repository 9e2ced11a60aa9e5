#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long it takes to look into a queue: bench_queue.py [--messages N]...
[--results FILE]

MAILCHUTE_BIN names the program, top_builddir the directory with
tests/integration/queue_make; TMPDIR says on which file system the queues are
made, unless --dir does.  For each number of messages (100000 unless said
otherwise), once with and once without notes beside them, it prints the least
of five times, processor time and memory.  Nothing fails for being slow.
--results writes the same to a file: see report.py.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import common                                   # noqa: E402
from report import Report                       # noqa: E402

BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
MAKE = os.path.join(os.environ.get("top_builddir", "."),
                    "tests/integration/queue_make")
RUNS = 5
# least of the runs: other work on the machine only ever adds
ASK = (("mailq", ("queue",)),
       ("--json", ("queue", "--json")),
       ("release all (none)", ("queue", "release", "all")),
       ("show one", ("queue", "show", None)),
       ("find by 8 letters", ("queue", "release", "short")))


def make(spool, *commands):
    done = subprocess.run([MAKE, spool], input="\n".join(commands) + "\n",
                          text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout.split()


def fill(spool, n, notes):
    """N messages of two recipients, of a thousand arrival times."""
    now = int(time.time())
    models = min(n, 200)
    ids = make(spool, *["put arrival=%d next=%d rcpt=one@x.example "
                        "text=[452\\x204.2.2]\\x20mailbox\\x20full "
                        "rcpt=two@x.example body=%s" % (
                            now - 977 * i, now + 3600 + i, "x" * 500)
                        for i in range(models)])
    if notes:
        make(spool, *["note %s %d now-%d [451\\x204.7.1]\\x20try\\x20later" %
                      (id, k % 2, 100 * k) for id in ids for k in range(4)])
    make(spool, "copy %d" % (n - models))
    return ids[0]


def run(place, words, program=BIN):
    """seconds, processor seconds, KiB: run.c says why it is there"""
    done = subprocess.run(
        [place + "/run", "/dev/null", "0", place + "/out", program,
         *words,
         "-C", place + "/config"], stdout=subprocess.PIPE, text=True,
        check=True, env={"PATH": os.environ["PATH"], "HOME": place})
    f = [int(word) for word in done.stdout.split()]
    if f[0] != 0:
        raise SystemExit("bench_queue: mailchute %s: status %d" % (
            " ".join(words), os.waitstatus_to_exitcode(f[0])))
    return (f[5] - f[4]) / 1e9, (f[1] + f[2]) / 1e6, f[3]


def measure(report, place, n, notes):
    spool = os.path.join(place, "spool")
    with open(os.path.join(place, "config"), "w") as f:
        f.write("queue-dir = %s\n[account work]\nhost = x.example\n" % spool)
    id = fill(spool, n, notes)
    rows = []
    for title, words in ASK:
        words = [id if w is None else id[:8] if w == "short" else w
                 for w in words]
        runs = [run(place, words) for _ in range(RUNS)]
        rows.append([title, "%.3f" % min(r[0] for r in runs),
                     "%.3f" % min(r[1] for r in runs),
                     str(max(r[2] for r in runs))])
    report.table("%d messages, %s" % (n, "4 notes each" if notes else
                                      "no notes"),
                 ["", "seconds", "cpu", "KiB"], rows)
    shutil.rmtree(spool)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--messages", type=int, action="append", metavar="N")
    parser.add_argument("--dir", help="where to make the queues")
    parser.add_argument("--results", metavar="FILE",
                        help="write the figures there, too")
    args = parser.parse_args()
    report = Report()
    report.begin("look", "looking into a large queue")
    with tempfile.TemporaryDirectory(prefix="mailchute-bench.",
                                     dir=args.dir) as place:
        common.build(place, "run")
        for n in args.messages or [100000]:
            for notes in (False, True):
                measure(report, place, n, notes)
    if args.results:
        report.write(args.results, None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
