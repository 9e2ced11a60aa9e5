# SPDX-License-Identifier: MIT
"""What the crash tests share: building the driver, running it, its answers."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
CC = os.environ.get("CC", "cc").split()
CPPFLAGS = os.environ.get("CPPFLAGS", "").split()
LIBS = os.environ.get("MC_CRASH_LIBS", "-lcrypto -lidn2").split()
FOLDERS = ("base", "mail", "queue")


class Violation(Exception):
    """A promise of the spool that did not hold."""


def scratch():
    """A new directory, in memory where that is to be had."""
    for base in ("/dev/shm", None):
        try:
            return tempfile.mkdtemp(prefix="mailchute-crash-", dir=base)
        except OSError:
            continue
    raise SystemExit("no place for temporary files")


def sources():
    for folder in FOLDERS:
        where = os.path.join(TOP, "lib", folder)
        for name in sorted(os.listdir(where)):
            if name.endswith(".c"):
                yield os.path.join(folder, name)


def compile_c(source, output, extra=()):
    build = os.environ.get("top_builddir", TOP)
    # without a configured tree too, as far as these folders need it
    config = ["-D_GNU_SOURCE", "-DVERSION=\"0\"", "-DHAVE_GETRANDOM"]
    if os.path.exists(os.path.join(build, "config.h")):
        config = ["-DHAVE_CONFIG_H"]
    subprocess.run(CC + ["-std=c17", "-O1", "-g", "-DSYSCONFDIR=\"/etc\"",
                         "-I" + build, "-I" + os.path.join(TOP, "lib")] +
                   config + CPPFLAGS + ["-c", "-o", output, source] +
                   list(extra), check=True)


class Tools:
    """Driver and shim; the library's objects, to build variants from."""

    def __init__(self, where):
        self.where = where
        self.objects = {}
        jobs = []
        for source in sources():
            out = os.path.join(where, source.replace("/", "-")[:-2] + ".o")
            self.objects[source] = out
            jobs.append((os.path.join(TOP, "lib", source), out))
        jobs.append((os.path.join(HERE, "driver.c"), where + "/driver.o"))
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda job: compile_c(*job), jobs))
        self.shim = os.path.join(where, "shim.so")
        subprocess.run(CC + ["-shared", "-fPIC", "-O1", "-g", "-o", self.shim,
                             os.path.join(HERE, "shim.c"), "-ldl"], check=True)
        self.driver = self.link("driver", {})

    def link(self, name, instead):
        out = os.path.join(self.where, name)
        objects = [instead.get(source, self.objects[source])
                   for source in self.objects]
        subprocess.run(CC + ["-o", out, self.where + "/driver.o"] + objects +
                       LIBS, check=True)
        return out


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.lines = out.splitlines()
        self.err = err
        hits = [line[4:] for line in err.splitlines() if line[:4] == "HIT "]
        self.hit = hits[0] if hits else None
        self.hits = hits
        self.killed = code == -signal.SIGKILL

    def acks(self, word):
        """The fields behind each line that begins with this word."""
        return [line.split()[1:] for line in self.lines
                if line.split(" ")[0] == word]


class Driver:
    def __init__(self, tools, binary=None):
        self.tools = tools
        self.binary = binary or tools.driver
        self.runs = 0

    def env(self, root, faults=None, log=None, only=None, extra=None):
        env = {"PATH": os.environ.get("PATH", "/bin:/usr/bin")}
        if root is not None:
            env["LD_PRELOAD"] = self.tools.shim
            env["MC_SHIM_DIR"] = root
        if faults:
            env["MC_SHIM_FAULTS"] = faults
        if log:
            env["MC_SHIM_LOG"] = log
        if only:
            env["MC_SHIM_ONLY"] = only
        env.update(extra or {})
        return env

    def run(self, *args, **fault):
        self.runs += 1
        root = fault.pop("root", None)
        wrap = fault.pop("wrap", [])
        done = subprocess.run(wrap + [self.binary] + [str(a) for a in args],
                              env=self.env(root, **fault), timeout=60,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"))

    def start(self, *args, **fault):
        """Begin, and wait until it stops itself or ends; True if stopped."""
        self.runs += 1
        root = fault.pop("root")
        out = tempfile.TemporaryFile()
        err = tempfile.TemporaryFile()
        child = subprocess.Popen([self.binary] + [str(a) for a in args],
                                 env=self.env(root, **fault), stdout=out,
                                 stdin=subprocess.DEVNULL, stderr=err)
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        stopped = os.WIFSTOPPED(status)
        if not stopped:
            child.returncode = os.waitstatus_to_exitcode(status)
        return stopped, child, out, err

    @staticmethod
    def finish(child, out, err):
        if child.returncode is None:
            os.kill(child.pid, signal.SIGCONT)
            child.wait(30)
        out.seek(0)
        err.seek(0)
        return Result(child.returncode, out.read().decode(),
                      err.read().decode())

    def recover(self, *dirs):
        return parse_recover(self.run("recover", *dirs))


class State:
    """What `driver recover` says of one spool."""

    def __init__(self):
        self.messages = {}  # id -> (cells, mark, whole, notes, held)
        self.bad = None
        self.told = []
        self.wrong = []

    def by_mark(self, mark):
        return [id for id, m in self.messages.items() if m[1] == mark]


def parse_recover(result):
    states = {}
    state = None
    for line in result.lines:
        word = line.split()
        if word[0] == "settling":
            break
        if word[0] == "==":
            state = states[word[1]] = State()
        elif word[0] == "bad":
            state.bad = int(word[1])
        elif word[0] == "m" and word[2] == "refused":
            state.wrong.append(line)
        elif word[0] == "m":
            state.messages[word[1]] = (word[2], word[3], word[4] == "whole",
                                       int(word[5].split("=")[1]),
                                       "held" in word[6:])
            if word[4] != "whole":
                state.wrong.append(line)
        elif word[0] == "check" and word[1] != "failed:":
            state.told.append(line)
        else:
            state.wrong.append(line)
    if result.code != 0:
        raise Violation("recovery ended with %d: %s" % (result.code,
                                                        result.err))
    return states


DIGITS = "abcdefghijklmnopqrstuvwxyz234567"


def report_id(id):
    return "".join(DIGITS[(DIGITS.index(c) + 1) % 32] for c in id)


def read_sink(path):
    """[(id, recipient, mark, whole)]"""
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [tuple(line.split()) for line in f]


def copy_tree(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


class Tap:
    def __init__(self):
        self.n = 0
        self.failed = 0

    def result(self, ok, what, detail=""):
        self.n += 1
        self.failed += not ok
        print("%sok %d - %s" % ("" if ok else "not ", self.n, what))
        for line in detail.splitlines():
            print("# " + line)
        sys.stdout.flush()

    def skip(self, what, why):
        self.n += 1
        print("ok %d - %s # SKIP %s" % (self.n, what, why))
        sys.stdout.flush()

    def end(self):
        print("1..%d" % self.n)
        return 1 if self.failed else 0
