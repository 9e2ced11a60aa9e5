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
LIBS = os.environ.get("MC_CRASH_LIBS", "-lidn2").split()
BUILD = os.environ.get("top_builddir", os.path.join(TOP, "build"))
CORE = os.path.join(BUILD, "lib", ".libs", "libcore.a")
SANITIZED = os.environ.get("MC_SANITIZED") == "yes"
SANITIZE = ["-fsanitize=address,undefined"] if SANITIZED else []


ENOUGH = 256 << 20


class Violation(Exception):
    """A promise of the spool that did not hold."""


def scratch():
    """A new directory, in memory where there is enough of that."""
    for base in ("/dev/shm", None):
        try:
            if base is not None:
                fs = os.statvfs(base)
                if fs.f_bavail * fs.f_frsize < ENOUGH:
                    continue
            return tempfile.mkdtemp(prefix="mailchute-crash-", dir=base)
        except OSError:
            continue
    raise SystemExit("no place for temporary files")


def compile_c(source, output, extra=()):
    subprocess.run(CC + ["-std=c17", "-O1", "-g", "-fPIE", "-DHAVE_CONFIG_H",
                         "-DSYSCONFDIR=\"/etc\"", "-I" + BUILD,
                         "-I" + os.path.join(TOP, "lib")] + SANITIZE +
                   CPPFLAGS + ["-c", "-o", output, source] + list(extra),
                   check=True)


class Tools:
    """Driver and shim, and how to link the driver with parts exchanged."""

    def __init__(self, where):
        self.where = where
        self.shim = os.path.join(where, "shim.so")
        self.clock = os.path.join(where, "clock.so")
        for main in ("driver", "runner_driver"):
            compile_c(os.path.join(HERE, main + ".c"),
                      os.path.join(where, main + ".o"))
        for library in (self.shim, self.clock):
            source = os.path.basename(library)[:-3] + ".c"
            subprocess.run(CC + ["-shared", "-fPIC", "-O1", "-g", "-o",
                                 library, os.path.join(HERE, source), "-ldl"],
                           check=True)
        self.driver = self.link("driver")
        self.runner = self.link("runner_driver", main="runner_driver")
        self.preload = [self.shim]
        if SANITIZED:
            # gcc's has to stand in front; clang's is in the program
            found = subprocess.run(CC + ["-print-file-name=libasan.so"],
                                   check=True, stdout=subprocess.PIPE)
            library = found.stdout.decode().strip()
            if os.path.exists(library):
                self.preload.insert(0, library)

    def link(self, name, *instead, main="driver"):
        """Objects that come first take the place of those in the library."""
        out = os.path.join(self.where, name)
        subprocess.run(CC + SANITIZE + ["-o", out,
                                        os.path.join(self.where, main + ".o")] +
                       list(instead) + [CORE] + LIBS, check=True)
        return out


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.lines = out.splitlines()
        self.err = err
        hits = [line[4:] for line in err.splitlines() if line[:4] == "HIT "]
        self.hit = hits[0] if hits else None
        self.killed = code == -signal.SIGKILL
        if "Sanitizer" in err or "runtime error:" in err:
            raise Violation("memory: " + err)

    def acks(self, word):
        """The fields behind each line that begins with this word."""
        return [line.split()[1:] for line in self.lines
                if line.split(" ")[0] == word]


class Driver:
    def __init__(self, tools, binary=None):
        self.tools = tools
        self.binary = binary or tools.driver
        self.runs = 0
        self.children = []      # that have been started and not waited for

    def env(self, root, faults=None, log=None, only=None, clock=None,
            extra=None):
        env = {"PATH": os.environ.get("PATH", "/bin:/usr/bin")}
        if root is not None:
            env["LD_PRELOAD"] = " ".join(self.tools.preload)
            env["MC_SHIM_DIR"] = root
        if clock is not None:
            env["LD_PRELOAD"] = " ".join(
                env.get("LD_PRELOAD", "").split() + [self.tools.clock])
            env["MC_CLOCK_FILE"] = clock
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
        try:
            done = subprocess.run(wrap + [self.binary] +
                                  [str(a) for a in args],
                                  env=self.env(root, **fault), timeout=60,
                                  stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        except subprocess.TimeoutExpired:
            raise Violation("no end: %s" % " ".join(
                str(a) for a in args)) from None
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"))

    def popen(self, *args, **extra):
        """Not disturbed; its input and output are pipes."""
        self.runs += 1
        child = subprocess.Popen([self.binary] + [str(a) for a in args],
                                 env=self.env(None, **extra),
                                 stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.children.append(child)
        return child

    def start(self, *args, **fault):
        """Begin, and wait until it stops itself or ends; True if stopped."""
        self.runs += 1
        root = fault.pop("root")
        out = tempfile.TemporaryFile()
        err = tempfile.TemporaryFile()
        child = subprocess.Popen([self.binary] + [str(a) for a in args],
                                 env=self.env(root, **fault), stdout=out,
                                 stdin=subprocess.DEVNULL, stderr=err)
        self.children.append(child)
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        stopped = os.WIFSTOPPED(status)
        if not stopped:
            child.returncode = os.waitstatus_to_exitcode(status)
        return stopped, child, out, err

    def end_all(self):
        """A test that failed leaves nobody standing still."""
        for child in self.children:
            if child.returncode is None:
                child.kill()
                child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
        self.children = []

    @staticmethod
    def finish(child, out, err):
        if child.returncode is None:
            os.kill(child.pid, signal.SIGCONT)
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                raise Violation("no end after it was stopped") from None
        out.seek(0)
        err.seek(0)
        return Result(child.returncode, out.read().decode(),
                      err.read().decode())

    def recover(self, *dirs):
        return parse_recover(self.run("recover", *dirs))


class Message:
    """One of the lines of a list."""

    def __init__(self, words):
        self.cells, self.mark, whole, notes, next_attempt, *flags = words
        self.whole = whole == "whole"
        self.notes = int(notes.split("=")[1])
        self.next = int(next_attempt.split("=")[1])
        self.held = "held" in flags
        self.failed = "failed" in flags


class State:
    """What `driver recover` says of one spool."""

    def __init__(self):
        self.messages = {}  # id -> Message
        self.bad = None
        self.told = []
        self.wrong = []

    def by_mark(self, mark):
        return [id for id, m in self.messages.items() if m.mark == mark]


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
            m = state.messages[word[1]] = Message(word[2:])
            if not m.whole:
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
