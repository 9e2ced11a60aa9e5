# SPDX-License-Identifier: MIT
"""Disks that are really full, and a limit on file sizes."""

import os
import subprocess

from nth import NEW, OLD, After, Place, check
from spool import Violation


def may_mount():
    for unshare in (["unshare", "-m"], ["unshare", "-Urm"]):
        try:
            done = subprocess.run(
                unshare + ["sh", "-c", "mount -t tmpfs none /mnt"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError:
            return None
        if done.returncode == 0:
            return unshare
    return None


class Small:
    """A tmpfs of so many bytes and inodes, gone with the last command."""

    def __init__(self, driver, where, unshare, options):
        self.driver = driver
        self.where = where
        self.unshare = unshare
        self.options = options

    def script(self, text):
        """$1 is the driver, $2 the spool, $3 the sink."""
        mount = os.path.join(self.where, "small")
        os.makedirs(mount, exist_ok=True)
        sink = os.path.join(self.where, "sink")
        if os.path.exists(sink):
            os.unlink(sink)
        done = subprocess.run(
            self.unshare + ["sh", "-c", "set -u; mount -t tmpfs -o %s none %s "
                            "|| exit 77; cd %s\n%s" % (self.options, mount,
                                                       mount, text),
                            "sh", self.driver.binary, mount + "/spool", sink],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        check(done.returncode == 0, "the script: %d %s" % (
            done.returncode, done.stderr.decode()))
        lines = done.stdout.decode().splitlines()
        sent = {}
        with open(sink) as f:
            for line in f:
                id, to, mark, whole = line.split()
                check(whole == "whole", "sent altered")
                sent[to, mark] = sent.get((to, mark), 0) + 1
        return lines, sent


def only_what_was_queued(lines, sent, least):
    """Puts went on until the disk was full, and one step further."""
    queued = [line for line in lines if line.startswith("queued")]
    refused = [line for line in lines if line.startswith("refused")]
    check(len(queued) >= least, "only %d fitted" % len(queued))
    check(len(refused) >= 1, "never full")
    for line in refused:
        check(line == "refused MC_E_QUEUE_FULL 75", line)
    for to in ("good1@x.example", "good2@x.example"):
        n = sum(v for k, v in sent.items() if k[0] == to)
        check(n == len(queued), "%d queued, and %s got %d" % (
            len(queued), to, n))
    check(all(v == 1 for v in sent.values()), "duplicates: %s" % sent)


def full_disk(driver, where, unshare):
    small = Small(driver, where, unshare, "size=64k")
    lines, sent = small.script(
        "dd if=/dev/zero of=fill bs=1k count=20 2>/dev/null\n"
        "for i in 1 2 3 4 5 6 7 8 9; do $1 put $2 m$i 5000; done\n"
        "dd if=/dev/zero of=more bs=1k count=100 2>/dev/null\n"
        "$1 put $2 n1 10; $1 put $2 n2 5000\n"
        # a runner on a full disk: cells are there, notes may not be
        "$1 run $2 $3; $1 run $2 $3\n"
        "ls $2/q | grep -c ^t- | sed 's/^/temporary /'\n"
        "rm fill more; $1 settle $2 $3; ls $2/q | wc -l | sed 's/^/left /'")
    only_what_was_queued(lines, sent, 3)
    check("temporary 0" in lines and "left 0" in lines,
          "left behind: %s" % lines[-12:])


def no_inodes(driver, where, unshare):
    small = Small(driver, where, unshare, "size=1m,nr_inodes=14")
    lines, sent = small.script(
        "for i in 1 2 3 4 5 6; do : >other$i; done\n"
        "for i in 1 2 3 4 5 6 7 8 9; do $1 put $2 m$i 100; done\n"
        # what was sent can be recorded, what failed cannot be reported yet
        "$1 run $2 $3; rm other*\n"
        "$1 settle $2 $3; $1 settle $2 $3\n"
        "ls $2/q | wc -l | sed 's/^/left /'")
    only_what_was_queued(lines, sent, 3)
    check([line for line in lines if line.startswith("no-note")],
          "there were inodes for notes")
    check(sum(1 for key in sent if key[0] == "me@x.example") >= 3,
          "the reports were lost: %s" % sent)
    check("left 0" in lines, "left behind: %s" % lines[-12:])


def file_sizes(driver, where, unshare):
    """RLIMIT_FSIZE in blocks of 512 bytes, from none on."""
    place = Place(driver, where)
    place.prepare(OLD)
    took = 0
    for blocks in range(0, 14):
        place.renew()
        done = driver.run("put", place.dir, NEW, 1000, wrap=[
            "sh", "-c", "ulimit -f %d; exec \"$@\"" % blocks, "sh"])
        queued = done.acks("queued")
        took += len(queued)
        if not queued:
            check(done.acks("refused") == [["MC_E_QUEUE_FULL", "75"]],
                  "%d blocks: %s" % (blocks, done.lines))
        after = After(place)
        check(after.state.bad == 0, "damaged")
        after.drained(list(place.ids.items()) +
                      [(NEW, id[0]) for id in queued])
    check(0 < took < 13, "%d of the limits were no limits" % took)


def all_limits(driver, where, tap):
    unshare = may_mount()
    for name, test in (("a disk that is full", full_disk),
                       ("no more inodes", no_inodes),
                       ("RLIMIT_FSIZE", file_sizes)):
        if unshare is None and test is not file_sizes:
            tap.skip("limits: " + name, "may not mount here")
            continue
        folder = os.path.join(where, "limits-" + test.__name__)
        os.mkdir(folder)
        try:
            test(driver, folder, unshare)
        except Violation as v:
            tap.result(False, "limits: " + name, str(v))
        else:
            tap.result(True, "limits: " + name)
