#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""See and steer queues that were made for it: queue_cli.py [PATTERN]...

Prints TAP.  PATTERN (with * and ?) chooses cases by their name.
Environment:
  MAILCHUTE_BIN      the program under test (it is called through links)
  top_builddir       where tests/integration/queue_make was built
  MAILCHUTE_MANY     messages of the case `many`, 100000; 0: leave it out
"""
import fcntl
import fnmatch
import json
import os
import pty
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

sys.dont_write_bytecode = True
# what a shell starts in the background ignores it, and so would our children
signal.signal(signal.SIGINT, signal.default_int_handler)
BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
MAKE = os.path.join(os.environ.get("top_builddir", "."),
                    "tests/integration/queue_make")
SANITIZED = os.environ.get("MC_SANITIZED") == "yes"
ACCOUNTS = ("[account work]\nhost = smtp.example\n"
            "[account home]\nhost = smtp.example\n")
EMPTY = "Mail queue is empty\n"
IDS = ["a" * 26, "ab" + "c" * 24, "b" * 26, "c" * 26, "d" * 26, "e" * 26]
CASES = []


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def case(fn):
    CASES.append(fn)
    return fn


def same(got, want, what=""):
    if got != want:
        raise Failure("%s\n got: %r\nwant: %r" % (what, got, want))


def holds(fact, what):
    if not fact:
        raise Failure(what)


def escape(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return "".join(chr(b) if 0x20 < b < 0x7f and b != 0x5c else "\\x%02x" % b
                   for b in raw)


class Done:
    def __init__(self, process, out, err):
        self.status = process.returncode
        self.raw = out
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")

    def lines(self):
        return self.out.splitlines()


class Desk:
    """A spool, a configuration that names it, and the program."""

    def __init__(self, base=None):
        self.top = tempfile.mkdtemp(prefix="mailchute-queue-", dir=base)
        os.chmod(self.top, 0o755)
        self.spool = self.top + "/spool"
        self.config = self.top + "/config"
        for name in ("mailq", "sendmail", "mailchute"):
            os.symlink(BIN, os.path.join(self.top, name))
        self.write_config("queue-dir = %s\n%s" % (self.spool, ACCOUNTS))

    def close(self):
        shutil.rmtree(self.top, ignore_errors=True)

    def write_config(self, text):
        with open(self.config, "w") as f:
            f.write(text)
        os.chmod(self.config, 0o600)

    def env(self, **more):
        env = {"PATH": os.environ["PATH"], "HOME": self.top, "TZ": "UTC",
               "MAILCHUTE_CONFIG": self.config}
        env.update(more)
        return env

    def run(self, *words, status=0, err="", **more):
        """err: what standard error has to hold; "": it is empty."""
        env = self.env(**more.pop("env", {}))
        p = subprocess.Popen([os.path.join(self.top, words[0])] +
                             list(words[1:]), env=env, cwd=self.top,
                             stdin=subprocess.DEVNULL,
                             stdout=more.pop("stdout", subprocess.PIPE),
                             stderr=subprocess.PIPE, **more)
        out, said = p.communicate(timeout=120)
        done = Done(p, out or b"", said)
        if done.status != status:
            raise Failure("%s: status %d\n%s%s" % (words, done.status,
                                                   done.out, done.err))
        if (err == "") != (done.err == "") or err not in done.err:
            raise Failure("%s: standard error is %r" % (words, done.err))
        if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.err):
            raise Failure("control characters: %r" % done.err)
        return done

    def queue(self, *words, **more):
        return self.run("mailchute", "queue", *words, **more)

    def make(self, *commands):
        p = subprocess.run([MAKE, self.spool], input="\n".join(commands) +
                           "\n", text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        if p.returncode != 0:
            raise Failure("queue_make: " + p.stderr)
        return p.stdout.split()

    def put(self, id=None, *more, **words):
        """Returns the identifier; text and unsure stand behind a rcpt."""
        line = "put" if id is None else "put id=" + id
        for key, value in words.items():
            line += " %s=%s" % (key, escape(value))
        for key, value in more or (("rcpt", "you@there.example"),):
            line += " %s=%s" % (key, escape(value))
        return self.make(line)[0]

    def put_all(self):
        return [self.put(id) for id in IDS]

    def path(self, id, kind="m", folder="q"):
        return "%s/%s/%s-%s" % (self.spool, folder, kind, id)

    def spoil(self, id):
        with open(self.path(id), "r+b") as f:
            f.write(b"x")

    def objects(self, *words, **more):
        done = self.queue("list", "--json", *words, **more)
        return [json.loads(line) for line in done.lines()]

    def states(self):
        return {o["id"]: o["state"] for o in self.objects()}

    def on_terminal(self, columns, *words):
        """Standard output is a terminal of so many columns."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        # no CR before LF
        mode = termios.tcgetattr(slave)
        mode[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        p = subprocess.Popen([os.path.join(self.top, words[0])] +
                             list(words[1:]), env=self.env(), stdout=slave,
                             stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        os.close(slave)
        out = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
        os.close(master)
        return Done(p, out, p.communicate()[1])


# -------------------------------------------------------------------- empty

@case
def empty(d):
    for words in (("mailq",), ("sendmail", "-bp"), ("mailchute", "-bp"),
                  ("mailq", "-v"), ("mailchute", "queue"),
                  ("mailchute", "queue", "list"),
                  ("mailchute", "queue", "-a", "work", "-C", d.config)):
        same(d.run(*words).out, EMPTY, words)
    same(d.run("sendmail", "-bP").out, "0\n")
    same(d.queue("--json").out, "")
    same(d.queue("check").out, "no message is damaged\n")
    for verb in ("hold", "release", "retry", "remove"):
        holds(d.queue(verb, "all").out.startswith("0 messages "), verb)
        d.queue(verb, "abc", status=65, err="no message abc")
    d.queue("show", "abc", status=65, err="no message abc")
    holds(not os.path.exists(d.spool), "asking has made a spool")
    # there, and nothing in it
    d.make("")
    same(d.run("mailq").out, EMPTY)


@case
def usage(d):
    for words in (("foo",), ("list", "x"), ("hold",), ("show",),
                  ("show", "--json"), ("check", "--json"),
                  ("hold", "a", "--body"), ("list", "--body"), ("-a",),
                  ("list", "-C"), ("--nosuch",), ("show", "-x"),
                  ("check", "-a", "work"), ("stats", "x"),
                  ("stats", "--output"), ("stats", "--output="),
                  ("stats", "--outputs", "x"), ("stats", "--body"),
                  ("stats", "--json", "--prometheus"),
                  ("list", "--prometheus"), ("list", "--output", "x")):
        done = d.queue(*words, status=64, err="usage: mailchute queue")
        same(done.out, "")
    holds("usage" in d.queue("--help").out, "no help")
    d.queue("\033[2Jfoo", status=64, err="?[2Jfoo")
    d.queue("-C", d.top + "/nosuch", status=78, err="cannot read")


# --------------------------------------------------------------------- list

@case
def list_lines(d):
    now = int(time.time())
    d.put(IDS[1], ("rcpt", "bob@x.example"), ("text", "[452 4.2.2] full"),
          ("rcpt", "eve@x.example"), ("text", "[452 4.2.2] full"),
          ("rcpt", "kim@x.example"), arrival=str(now - 7200),
          next=str(now + 1860), body="x" * 3000)
    d.put(IDS[0], ("rcpt", "bob@x.example"), sender="",
          arrival=str(now - 100 * 86400))
    d.put(IDS[2], ("rcpt", "bob@x.example"), ("unsure", "1"),
          ("text", "timeout"), arrival=str(now - 60), next=str(now + 5))
    d.put(IDS[3], ("rcpt", "a@x.example"), ("rcpt", "b@x.example"),
          arrival=str(now - 59))
    d.make("mark %s 0 D" % IDS[3], "mark %s 1 B" % IDS[3],
           "note %s 1 now [550\\x205.1.1]\\x20nobody" % IDS[3],
           "keep %s now+864000" % IDS[3])
    d.put(IDS[4], ("rcpt", "a@x.example"), arrival=str(now - 58))
    d.make("hold " + IDS[4])
    done = d.run("mailq")
    lines = done.lines()
    same(lines[0].split(), ["ID", "AGE", "SIZE", "ARRIVAL", "SENDER"])
    # oldest first, and its mark
    heads = [line for line in lines if re.match(r"[a-z2-7]{26}", line)]
    same([line[:26] for line in heads], IDS[:5])
    same("".join(line[26] for line in heads), "  ?#!")
    same([line.split()[1] for line in heads[:3]], ["100d", "2h", "1min"])
    same([line.split()[2] for line in heads[:2]], ["14", "3.0K"])
    same([line[56:] for line in heads[:2]], ["<>", "me@work.example"])
    for line in heads:
        holds(re.match(r".{28}[ \w]{5}[ \w.]{7}  \w{3} [ \d]\d [\d: ]{5}  \S",
                       line), line)
    text = "\n".join(line for line in lines if line[0] == " ")
    holds(re.search(r"^    \(\[452 4\.2\.2\] full; next try at [-\d: ]+, "
                    r"in 3[01]min\)\n"
                    r"        bob@x\.example\n        eve@x\.example\n"
                    r"    \(next try at .*, in 3[01]min\)\n"
                    r"        kim@x\.example\n", text, re.M), text)
    holds("    (not tried yet; due now)\n" in text, text)
    holds("    (may have been delivered; timeout; " in text, text)
    holds("    ([550 5.1.1] nobody; failed; kept until " in text, text)
    holds("    (not tried yet; held)\n" in text, text)
    holds("        b@x.example\n" in text and text.count("a@x.example") == 1,
          "who has it is not named: " + text)
    same(lines[-1], "-- 3 Kbytes in 5 Requests.")
    same(d.queue("remove", *IDS[1:5]).out, "4 messages removed\n")
    same(d.run("mailq").lines()[-1], "-- 1 Kbytes in 1 Request.")


@case
def done_by_all(d):
    """Delivered to everybody, and the machine stopped before it was gone."""
    d.put(IDS[0])
    d.make("mark %s 0 D" % IDS[0])
    holds("every recipient has it" in d.run("mailq").out, "not said")


@case
def monitoring(d):
    """What check_mailq of the monitoring plugins looks at."""
    def count():
        last = d.run("mailq").lines()[-1]
        if last == "Mail queue is empty":
            return 0
        return int(re.match(r"-- (\d+) Kbytes in (\d+) Request(s)?\.$",
                            last).group(2))
    same(count(), 0)
    d.put_all()
    same(count(), len(IDS))
    d.spoil(IDS[0])
    same(count(), len(IDS))


@case
def as_json(d):
    now = int(time.time())
    d.put(IDS[0], ("rcpt", "bob@x.example"), ("text", 'say "no" \\'),
          ("rcpt", "j\u00f6rg@x.example"), ("unsure", "1"),
          arrival=str(now - 10), next=str(now + 100), uid="1000",
          sender="me@x.example")
    d.put(IDS[1], ("rcpt", "a@x.example"), sender="", report="1",
          account="home")
    d.put(IDS[2])
    d.spoil(IDS[2])
    got = {o["id"]: o for o in d.objects()}
    same(got[IDS[0]], {
        "id": IDS[0], "state": "waiting", "size": 14, "account": "work",
        "sender": "me@x.example", "arrival": now - 10,
        "next_attempt": now + 100, "hold_until": None, "uid": 1000, "attempts": 1, "pending": 2,
        "is_report": False, "pause": None, "recipients": [
            {"address": "bob@x.example", "verdict": "pending",
             "text": 'say "no" \\'},
            {"address": "j\u00f6rg@x.example", "verdict": "unsure",
             "text": None}]})
    same((got[IDS[1]]["is_report"], got[IDS[1]]["sender"]), (True, ""))
    same(got[IDS[2]], {
        "id": IDS[2], "state": "damaged", "account": None, "sender": None,
        "size": os.stat(d.path(IDS[2])).st_size, "arrival": None,
        "next_attempt": None, "hold_until": None, "uid": None, "attempts": None, "pending": None,
        "is_report": None, "pause": None, "recipients": []})
    for line in d.queue("--json").lines():
        holds(line.startswith('{"id":"'), "completions look for it there")


@case
def by_account(d):
    d.put(IDS[0])
    d.put(IDS[2], account="home")
    d.put(IDS[3], account="gone")
    same([o["id"] for o in d.objects("-a", "home")], [IDS[2]])
    same([o["id"] for o in d.objects("-a", "gone")], [IDS[3]])
    same(d.run("mailq", "-a", "home").lines()[-1],
         "-- 1 Kbytes in 1 Request.")
    d.queue("hold", "-a", "home", IDS[0], status=65, err="is of account work")
    d.queue("show", "-a", "home", IDS[0], status=65, err="is of account work")
    same(d.queue("hold", "all", "-a", "home").out, "1 message held\n")
    same(d.states()[IDS[0]], "waiting")
    same(d.queue("remove", "-a", "gone", "d", IDS[3], status=65,
                 err="no message d").out, "1 message removed\n")
    # one that nobody can have meant
    d.queue("list", "-a", "hoem", status=78, err="no account hoem")
    d.run("mailq", "-a", "hoem", status=78, err="no account hoem")


# --------------------------------------------------------------------- show

@case
def show(d):
    d.put(IDS[0], ("rcpt", "bob@x.example"), ("text", "[452 4.2.2] full"),
          ("rcpt", "eve@x.example"), arrival="1700000000",
          header="Subject: hello\r\nX: 1\r\n", body="first\r\nsecond\r\n")
    d.make("note %s 1 1700000600 [421\\x204.3.2]\\x20closing" % IDS[0],
           "note %s - 1700001200 all\\x20of\\x20it" % IDS[0])
    done = d.queue("show", IDS[0])
    want = """id:           %s
state:        waiting (due now)
account:      work
from user:    0
arrival:      2023-11-14 22:13:20 +0000 (AGE ago)
attempts:     3
size:         39 bytes
sender:       me@work.example
recipients:   bob@x.example: pending; [452 4.2.2] full
              eve@x.example: pending; [421 4.3.2] closing
notes:        2023-11-14 22:13:20  bob@x.example: [452 4.2.2] full
              2023-11-14 22:23:20  eve@x.example: [421 4.3.2] closing
              2023-11-14 22:33:20  all of it

Subject: hello
X: 1

""" % IDS[0]
    out = re.sub(r"\d+d ago", "AGE ago", done.out)
    out = re.sub(r"waiting \(next.*\)", "waiting (due now)", out)
    same(out, want)
    out = re.sub(r"\d+d ago", "AGE ago", d.queue("show", "--body", "A").out)
    same(out, want + "first\nsecond\n")
    o = json.loads(d.queue("show", "--json", IDS[0]).out)
    same(o["notes"][1], {"address": "eve@x.example", "time": 1700000600,
                         "text": "[421 4.3.2] closing"})
    same(o["notes"][2]["address"], None)
    same((o["id"], o["header"]), (IDS[0],
                                  "Subject: hello\r\nX: 1\r\n\r\n"))
    holds("body" not in o, "nobody asked for the body")
    o = json.loads(d.queue("show", IDS[0], "--json", "--body").out)
    same(o["body"], "first\r\nsecond\r\n")
    # several
    d.put(IDS[2])
    done = d.queue("show", "b", "nosuch", "a", status=65, err="nosuch")
    same(re.findall(r"^id: +(\w+)", done.out, re.M), [IDS[2], IDS[0]])
    same(len(d.queue("show", "--json", "a", "b").lines()), 2)


@case
def show_edges(d):
    """Headers and bodies that end or begin oddly, and long ones."""
    for header, body in (("", ""), ("", "\r\n\r\nx"), ("A: b\r\n", ""),
                         ("A: b\r\n", "\r\n\r\n"),
                         ("A: " + "x" * 50000 + "\r\n", "y" * 100000),
                         ("A: b\r\n", ("\u20ac" * 7 + "\r\n") * 5000)):
        id = d.put(header=header, body=body)
        o = json.loads(d.queue("show", "--json", "--body", id).out)
        same((o["header"], o["body"]), (header + "\r\n", body))
        out = d.queue("show", "--body", id).raw.decode()
        holds(out.endswith("\n\n" + (header + "\r\n" + body)
                           .replace("\r\n", "\n")), header[:50])
        d.queue("remove", id)


# -------------------------------------------------------------- identifiers

@case
def abbreviations(d):
    d.put_all()
    d.queue("hold", "a", status=64, err="several messages begin with a")
    same(d.queue("hold", "AB", "b").out, "2 messages held\n")
    same(sorted(k for k, v in d.states().items() if v == "held"),
         [IDS[1], IDS[2]])
    # all are tried, the first failure decides
    done = d.queue("release", "zzz", "ab", "a", IDS[2], status=65,
                   err="zzz")
    same(done.out, "2 messages released\n")
    done = d.queue("release", "a", "zzz", status=64, err="zzz")
    same(done.out, "")
    # a word that is none of an identifier
    d.queue("show", "../../etc/passwd", status=65, err="no message")
    d.queue("show", "a" * 500, status=65, err="no message")
    d.queue("show", "", status=64, err="empty word")


# -------------------------------------------------------------------- steer

@case
def hold_and_release(d):
    d.put_all()
    same(d.queue("hold", IDS[0], IDS[2]).out, "2 messages held\n")
    same(d.queue("hold", "all").out, "4 messages held\n")
    same(set(d.states().values()), {"held"})
    same(stat.S_IMODE(os.stat(d.path(IDS[0])).st_mode), 0o400)
    same(d.queue("release", IDS[0]).out, "1 message released\n")
    same(d.queue("release", "all").out, "5 messages released\n")
    same(set(d.states().values()), {"waiting"})
    same(d.queue("release", "all").out, "0 messages released\n")


def one_of_each(d):
    """waiting, held, failed, unsure, damaged, damaged in bad/"""
    later = str(int(time.time()) + 5000)
    for id in IDS[:3]:
        d.put(id, next=later)
    d.put(IDS[3], ("rcpt", "a@x.example"), ("unsure", "1"), next=later)
    d.put(IDS[4])
    d.put(IDS[5])
    d.make("hold " + IDS[1], "mark %s 0 B" % IDS[2],
           "keep %s %s" % (IDS[2], later))
    d.spoil(IDS[4])
    d.spoil(IDS[5])
    d.queue("hold", IDS[5], status=75, err="moved to bad/")


def be_a_run(d):
    """While it is open no run starts, as "queue retry" would have it."""
    fd = os.open(d.spool, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


@case
def retry(d):
    one_of_each(d)
    run = be_a_run(d)
    same(d.queue("retry", "all").out, "2 messages due now\n")
    now = time.time()
    got = {o["id"]: o for o in d.objects()}
    for id in (IDS[0], IDS[3]):
        holds(got[id]["next_attempt"] <= now, id)
    same([got[id]["state"] for id in IDS], ["waiting", "held", "failed",
                                            "waiting", "damaged", "damaged"])
    # by name, what was held or has failed goes too
    same(d.queue("retry", IDS[1], IDS[2]).out, "2 messages due now\n")
    got = {o["id"]: o for o in d.objects()}
    for id in IDS[1:3]:
        same(got[id]["state"], "waiting")
        same(got[id]["pending"], 1)
        holds(got[id]["next_attempt"] <= now + 2, id)
    d.queue("retry", IDS[5], status=75, err="is damaged")
    os.close(run)


@case
def send_at(d):
    """One that waits for its time: by name it goes at once, in a crowd not."""
    until = int(time.time()) + 40 * 86400
    for id in IDS[:2]:
        d.put(id, next=str(until), hold=str(until))
    d.put(IDS[2], next=str(int(time.time()) + 5000))
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(until))
    out = d.run("mailq").out
    same(out.count("(not tried yet; to be sent %s, in " % when), 2, out)
    shown = d.queue("show", IDS[0]).out
    holds("(to be sent %s, in " % when in shown, shown)
    holds("\nto be sent:   " + when in shown, shown)

    def waiting():
        return sorted(o["id"] for o in d.objects()
                      if o["hold_until"] == o["next_attempt"] == until)

    same(waiting(), sorted(IDS[:2]))
    # of runs none is for them
    d.queue("run")
    d.run("sendmail", "-q")
    d.run("sendmail", "-qR" + "there")
    d.queue("run", IDS[0], status=65, err="is to be sent " + when)
    run = be_a_run(d)
    same(d.queue("retry", "all").out, "1 message due now\n")
    same(waiting(), sorted(IDS[:2]))
    # a hold stands beside the time
    same(d.queue("hold", "all").out, "3 messages held\n")
    holds("to be sent:" in d.queue("show", IDS[0]).out, "no time")
    same(d.queue("release", IDS[0], IDS[1]).out, "2 messages released\n")
    same(waiting(), sorted(IDS[:2]))
    same(d.queue("retry", IDS[0]).out, "1 message due now\n")
    same(waiting(), [IDS[1]])
    got = {o["id"]: o for o in d.objects()}[IDS[0]]
    same(got["hold_until"], None)
    holds(got["next_attempt"] <= time.time() + 2, got)
    os.close(run)


@case
def pauses(d):
    d.put(IDS[0])
    run = be_a_run(d)
    d.make("pause work the\\x20password\\x1b[2J\\x20is\\x20wrong")
    out = d.run("mailq").out
    holds("(account work is paused: " in out and "is wrong" in out, out)
    o = d.objects()[0]
    holds(o["pause"].endswith("is wrong"), o)
    holds(o["next_attempt"] > time.time() + 100, "the pause does not count")
    holds("paused:" in d.queue("show", "a").out, "not shown")
    d.queue("retry", "a")
    o = d.objects()[0]
    same(o["pause"], None)
    holds(o["next_attempt"] <= time.time(), "not due")
    os.close(run)


@case
def remove(d):
    one_of_each(d)
    d.queue("hold", IDS[2], status=64, err="has failed")
    done = d.queue("remove", "all", err="moved to bad/")
    same(done.out, "6 messages removed\n")
    same(d.run("mailq").out, EMPTY)
    same(os.listdir(d.spool + "/q") + os.listdir(d.spool + "/bad"), [])
    same(d.queue("remove", "all").out, "0 messages removed\n")


@case
def busy(d):
    d.put_all()
    fd = os.open(d.path(IDS[0]), os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    if os.path.exists("/proc/locks"):
        same(d.states()[IDS[0]], "active")
        line = [x for x in d.run("mailq").lines() if x.startswith(IDS[0])][0]
        same(line[26], "*")
        holds("being delivered)" in d.run("mailq").out, "not said")
    for verb in ("hold", "release", "retry", "remove"):
        d.queue(verb, IDS[0], status=75, err="being delivered just now")
    run = be_a_run(d)
    # it is being tried: that is what was asked for
    same(d.queue("retry", "all").out, "5 messages due now\n")
    done = d.queue("hold", "all", status=75, err=IDS[0])
    same(done.out, "5 messages held\n")
    done = d.queue("remove", "all", status=75, err=IDS[0])
    same(done.out, "5 messages removed\n")
    os.close(run)
    # looking takes no lock, and waits for none
    holds(IDS[0] in d.queue("show", IDS[0]).out, "not shown")
    os.close(fd)
    same(d.states(), {IDS[0]: "waiting"})
    d.queue("remove", IDS[0])


@case
def looking_changes_nothing(d):
    one_of_each(d)

    def all_of_it():
        found = {}
        for where, dirs, files in os.walk(d.spool):
            for name in dirs + files:
                path = os.path.join(where, name)
                st = os.lstat(path)
                found[path] = (st.st_mode, st.st_mtime_ns, st.st_ctime_ns,
                               st.st_size, st.st_ino)
        return found
    before = all_of_it()
    d.run("mailq")
    d.queue("--json")
    d.queue("stats")
    d.queue("show", "--body", IDS[0], IDS[1], IDS[2], IDS[3])
    d.queue("show", IDS[4], status=75, err="damaged")
    d.queue("show", IDS[5], status=75, err="damaged")
    same(all_of_it(), before)


# -------------------------------------------------------------------- numbers

STATES = ["due", "deferred", "held", "timed", "failed", "active", "damaged"]
ACCOUNT_NAMES = ["home", "work"]


def stats(d, *words, **more):
    """What `queue stats --json` says, by account."""
    lines = d.queue("stats", "--json", *words, **more).lines()
    objects = [json.loads(line) for line in lines]
    for o in objects:
        same(list(o), ["account", "messages", "bytes", "oldest",
                       "next_attempt", "paused_until", "pause", "since",
                       "queued", "delivered", "deferred", "failed"])
        same(list(o["messages"]), STATES)
        same(list(o["bytes"]), STATES)
    found = {o["account"]: o for o in objects}
    same(len(found), len(objects))
    return found


def states_of(o, what="messages"):
    return {k: v for k, v in o[what].items() if v}


def parse_labels(text):
    """What stands between { and }: name="value", with three escapes."""
    labels, at = {}, 0
    while True:
        m = re.match(r'([a-zA-Z_][a-zA-Z0-9_]*)="', text[at:])
        holds(m, "no label: %r" % text[at:])
        holds(m.group(1) not in labels, "a label twice: %r" % text)
        at += m.end()
        value = ""
        while text[at] != '"':
            if text[at] == "\\":
                at += 1
                holds(text[at] in '\\"n', "no such escape: %r" % text)
                value += "\n" if text[at] == "n" else text[at]
            else:
                holds(text[at] >= " ", "a control character: %r" % text)
                value += text[at]
            at += 1
        labels[m.group(1)] = value
        at += 1
        if at == len(text):
            return labels
        same(text[at], ",")
        at += 1


def parse_metrics(raw):
    """The text format of Prometheus, read strictly: {name: {labels: value}}"""
    text = raw.decode("utf-8")
    holds(text.endswith("\n"), "no newline at the end")
    families, name, step = {}, None, None
    for line in text[:-1].split("\n"):
        m = re.fullmatch(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\\]+)", line)
        if m:
            name, step = m.group(1), "help"
            holds(name not in families, "a family in two parts: " + name)
            families[name] = {}
            continue
        m = re.fullmatch(r"# TYPE (\S+) (counter|gauge)", line)
        if m:
            same((m.group(1), step), (name, "help"), line)
            same(m.group(2) == "counter", name.endswith("_total"), line)
            step = "type"
            continue
        m = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.+)\})? (\d+)",
                         line)
        holds(m, "no line of the format: %r" % line)
        same((m.group(1), step), (name, "type"), line)
        labels = parse_labels(m.group(2)) if m.group(2) else {}
        key = tuple(sorted(labels.items()))
        holds(key not in families[name], "twice: " + line)
        families[name][key] = int(m.group(3))
    return families


def metric(families, name, **labels):
    return families["mailchute_" + name].get(tuple(sorted(labels.items())))


def agree(d):
    """All that one form says the other one says."""
    found = stats(d)
    families = parse_metrics(d.queue("stats", "--prometheus").raw)
    for name, o in found.items():
        for k in STATES if name is not None else ["damaged"]:
            if k == "damaged" and name is not None:
                continue
            for what in ("messages", "bytes"):
                same(metric(families, "queue_" + what, account=name or "",
                            state=k), o[what][k], (name, k))
        if name is None:
            continue
        same(metric(families, "account_paused", account=name),
             int(o["pause"] is not None))
        same(metric(families, "account_paused_until_timestamp_seconds",
                    account=name), o["paused_until"])
        same(metric(families, "queue_next_attempt_timestamp_seconds",
                    account=name), o["next_attempt"])
        age = metric(families, "queue_oldest_age_seconds", account=name)
        if o["oldest"] is None:
            same(age, 0)
        else:
            holds(0 <= time.time() - o["oldest"] - age < 10, "age")
        same(metric(families, "messages_queued_total", account=name),
             o["queued"])
        for verdict in ("delivered", "deferred", "failed"):
            same(metric(families, "recipients_total", account=name,
                        verdict=verdict), o[verdict])
        same(metric(families, "counters_start_timestamp_seconds"),
             o["since"])
    return found, families


@case
def stats_empty(d):
    found, families = agree(d)
    same(sorted(found), ACCOUNT_NAMES)
    same(metric(families, "queue_messages", account="", state="damaged"), 0)
    for o in found.values():
        same(states_of(o), {})
        same((o["oldest"], o["next_attempt"], o["since"]), (None,) * 3)
    holds(d.queue("stats").out.endswith("all accounts: 0 messages, 0\n"),
          d.queue("stats").out)
    holds(not os.path.exists(d.spool), "asking has made a spool")
    # there, and nothing in it
    d.make("")
    same(states_of(stats(d)["work"]), {})
    same(os.path.exists(d.spool + "/counters"), False)


@case
def stats_states(d):
    now = int(time.time())
    old, soon = now - 5000, now + 500
    d.put(IDS[0], arrival=str(old), next=str(now - 5))
    d.put(IDS[1], arrival=str(old - 7), next=str(soon), body="x" * 3000)
    d.put(IDS[2], arrival=str(old - 1000), next=str(now - 1000))
    d.put(IDS[3], next=str(now + 90000), hold=str(now + 90000))
    d.put(IDS[4], arrival=str(1000))
    d.put(IDS[5], account="home")
    d.put("f" * 26, account="gone", arrival=str(now - 60), next=str(soon))
    d.make("hold " + IDS[2], "mark %s 0 B" % IDS[4],
           "keep %s now+864000" % IDS[4])
    d.put("g" * 26)
    d.spoil("g" * 26)
    fd = os.open(d.path(IDS[5]), os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    found, _ = agree(d)
    same(list(found), [None, "gone", "home", "work"])
    work = found["work"]
    same(states_of(work), {"due": 1, "deferred": 1, "held": 1, "timed": 1,
                           "failed": 1})
    same(states_of(work, "bytes"), {"due": 14, "deferred": 3014, "held": 14,
                                    "timed": 14, "failed": 14})
    same((work["oldest"], work["next_attempt"]), (old - 1000, now - 5))
    same(states_of(found["home"]), {"active" if os.path.exists("/proc/locks")
                                    else "due": 1})
    same(states_of(found["gone"]), {"deferred": 1})
    same(found["gone"]["next_attempt"], soon)
    same(states_of(found[None]), {"damaged": 1})
    same(found[None]["bytes"]["damaged"], os.stat(d.path("g" * 26)).st_size)
    os.close(fd)

    text = d.queue("stats").out
    for line in (r"account work: 5 messages, 3\.0K", r"    due +1 +14",
                 r"    deferred +1 +3\.0K", r"    oldest 1h; due now",
                 r"account not known: 1 message, .*",
                 r"    oldest 1min; next try at .*, in 8min",
                 r"all accounts: 8 messages, .*"):
        holds(re.search("(?m)^" + line + "$", text), "%s\n%s" % (line, text))
    # one account, and those of whom nobody knows whose they are
    same(list(stats(d, "-a", "gone")), [None, "gone"])
    d.queue("stats", "-a", "wrok", status=78, err="no account wrok")


@case
def stats_pauses(d):
    d.put(IDS[0])
    d.make("pause work the\\x20password\\x1b[2J\\x20is\\x20wrong",
           "pause home no\\x20network")
    found, _ = agree(d)
    holds(found["work"]["pause"].endswith("is wrong"), found["work"])
    holds(found["work"]["paused_until"] > time.time() + 100, "no end")
    same(states_of(found["work"]), {"deferred": 1})
    # without a message too
    holds(found["home"]["pause"].endswith("no network"), found["home"])
    text = d.queue("stats").out
    holds(re.search(r"(?m)^    paused until [-\d]+ [\d:]+, for \d+min: .*"
                    r"password.\[2J is wrong$", text), text)


def sealed(record):
    """128 bytes and their FNV-1a, as lib/queue/counters.h says."""
    record = record.ljust(124, b"\0")
    h = 2166136261
    for byte in record:
        h = (h ^ byte) * 16777619 & 0xffffffff
    return record + struct.pack("<I", h)


def write_counters(d, since, names):
    with open(d.spool + "/counters", "wb") as f:
        f.write(sealed(b"MCCOUNT\n" + struct.pack("<IIq", 1, 0, since)))
        for name in names:
            f.write(sealed(name.encode().ljust(92, b"\0") +
                           struct.pack("<QQQQ", 1, 2, 3, 2**64 - 1)))
    os.chmod(d.spool + "/counters", 0o600)


@case
def stats_names(d):
    """Names that no configuration has, but a file may."""
    put = ['say "hi"', "back\\slash", "j\u00f6rg", "\\n", "x" * 300]
    counted = ["new\nline", "a\tb\x1b[2J", "end\\"]
    names = put + counted
    for name in put:
        d.put(None, account=name)
    write_counters(d, 1700000000, counted)
    found = stats(d)
    same([found["new\nline"][k] for k in (
        "since", "queued", "delivered", "deferred", "failed")],
        [1700000000, 1, 2, 3, 2**64 - 1])
    families = parse_metrics(d.queue("stats", "--prometheus").raw)
    got = {dict(k)["account"] for k in families["mailchute_queue_messages"]}
    want = set(names + ["", "work", "home", "a\\tb\\u001b[2J"])
    want.remove("a\tb\x1b[2J")
    same(got, want)
    same(set(stats(d)), set(names + ["work", "home"]))
    for line in d.queue("stats").lines():
        holds(line.isprintable(), line)
    d.put(None, account=b"bad\xff")
    parse_metrics(d.queue("stats", "--prometheus").raw)


class Server(threading.Thread):
    """It takes all, but bad@ never, and later@ not now."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                peer = self.sock.accept()[0]
            except OSError:
                return
            peer.settimeout(60)
            with peer, peer.makefile("rwb") as f:
                try:
                    self.talk(f)
                except OSError:
                    pass

    def talk(self, f):
        def say(line):
            f.write(line + b"\r\n")
            f.flush()
        say(b"220 x.example ESMTP")
        for line in f:
            verb = line[:4].upper()
            if verb == b"DATA":
                say(b"354 go on")
                while f.readline() not in (b".\r\n", b""):
                    pass
            elif verb == b"RCPT" and b"<bad@" in line:
                say(b"550 5.1.1 nobody")
                continue
            elif verb == b"RCPT" and b"<later@" in line:
                say(b"451 4.3.0 later")
                continue
            elif verb == b"QUIT":
                say(b"221 2.0.0 bye")
                return
            say(b"250 2.0.0 ok")


def put_by_program(d, *rcpts):
    d.run("mailchute", "-odq", "-a", "work", "-f", "me@work.example", "--",
          *rcpts)


@case
def stats_counters(d):
    server = Server()
    d.write_config("queue-dir = %s\n[account work]\nhost = 127.0.0.1\n"
                   "port = %d\ntls = off\n[account home]\n"
                   "host = h.example\n" % (d.spool, server.port))
    before = int(time.time())
    put_by_program(d, "a@x.example", "b@x.example", "bad@x.example",
                   "later@x.example")
    put_by_program(d, "c@x.example")
    work = agree(d)[0]["work"]
    same([work[k] for k in ("queued", "delivered", "deferred", "failed")],
         [2, 0, 0, 0])
    holds(before <= work["since"] <= time.time(), "since")
    same(stat.S_IMODE(os.stat(d.spool + "/counters").st_mode), 0o600)
    d.queue("run")
    # the report about bad@ is a message more, and is delivered at once
    found = agree(d)[0]
    work = found["work"]
    same([work[k] for k in ("queued", "delivered", "deferred", "failed")],
         [3, 4, 1, 1])
    same([found["home"][k] for k in ("queued", "delivered")], [0, 0])
    d.queue("run", work_id(d), status=75)
    same(stats(d)["work"]["deferred"], 2)
    text = d.queue("stats").out
    holds(re.search(r"(?m)^    since [-\d]+ [\d:]+: 3 messages queued; "
                    r"recipients: 4 delivered, 2 deferred, 1 failed$", text),
          text)
    # damaged, it says so and begins anew; and nothing fails
    with open(d.spool + "/counters", "r+b") as f:
        f.write(b"x")
    d.queue("stats", err="counters is damaged")
    put_by_program(d, "d@x.example")
    same(stats(d)["work"]["queued"], 1)
    # nor where it cannot be had
    os.unlink(d.spool + "/counters")
    os.mkdir(d.spool + "/counters")
    open(d.spool + "/counters/x", "w").close()
    put_by_program(d, "e@x.example")
    same(stats(d)["work"]["queued"], 0)
    same(len(d.objects()), 3)
    server.sock.close()


def summed(record):
    """124 bytes, and their FNV-1a behind them"""
    total = 2166136261
    for byte in record.ljust(124, b"\0"):
        total = (total ^ byte) * 16777619 & 0xffffffff
    return record.ljust(124, b"\0") + struct.pack("<I", total)


@case
def stats_refused(d):
    """What the local service has refused, out of a file made here."""
    d.make("")
    same(sorted(agree(d)[0]), ACCOUNT_NAMES)
    since = 1700000000
    with open(d.spool + "/refused", "wb") as f:
        f.write(summed(b"MCREFUS\n" + struct.pack("<IIq", 1, 0, since)))
        for reason, n in ((b"sender", 7), (b"rate-messages", 2 ** 40)):
            f.write(summed(reason.ljust(92, b"\0") + struct.pack("<Q", n)))
    os.chmod(d.spool + "/refused", 0o600)
    lines = d.queue("stats", "--json").lines()
    last = json.loads(lines.pop())
    same(last, {"refused": {"rate-messages": 2 ** 40, "sender": 7},
                "since": since})
    same(sorted(json.loads(line)["account"] for line in lines),
         ACCOUNT_NAMES)
    families = parse_metrics(d.queue("stats", "--prometheus").raw)
    same(metric(families, "refused_total", reason="sender"), 7)
    same(metric(families, "refused_total", reason="rate-messages"), 2 ** 40)
    text = d.queue("stats").out
    holds(re.search(r"(?m)^refused by the local service since [-\d]+ "
                    r"[\d:]+\n +rate-messages 1099511627776\n"
                    r" +sender 7$", text), text)
    # they are of no account
    same(list(stats(d, "-a", "work")), ["work"])
    holds("refused" not in d.queue("stats", "-a", "work").out, "refused")
    with open(d.spool + "/refused", "r+b") as f:
        f.seek(200)
        f.write(b"x")
    same(sorted(json.loads(line)["account"] for line in
                d.queue("stats", "--json", err="refused is damaged").lines()),
         ACCOUNT_NAMES)


def work_id(d):
    return [o["id"] for o in d.objects() if o["account"] == "work"][0]


@case
def stats_output(d):
    d.put(IDS[0])
    place = d.top + "/textfile"
    os.mkdir(place)
    name = place + "/mailchute.prom"
    for words in (("--output", name), ("--output=" + name,)):
        done = d.queue("stats", "--prometheus", *words,
                       preexec_fn=lambda: os.umask(0o077))
        same(done.out, "")
        same(os.listdir(place), ["mailchute.prom"])
        same(stat.S_IMODE(os.stat(name).st_mode), 0o644)
        with open(name, "rb") as f:
            families = parse_metrics(f.read())
        same(metric(families, "queue_messages", account="work", state="due"),
             1)
        os.chmod(name, 0o600)
    # another file each time: who has the old one open reads it to its end
    inode = os.stat(name).st_ino
    with open(name, "rb") as f:
        whole = f.read()
        d.put(IDS[1])
        d.queue("stats", "--json", "--output", name)
        f.seek(0)
        same(f.read(), whole)
    holds(os.stat(name).st_ino != inode, "the same file")
    with open(name) as f:
        same([json.loads(x)["account"] for x in f], ACCOUNT_NAMES)
    # a link loses its place, and what it leads to stays
    other = d.top + "/other"
    with open(other, "w") as f:
        f.write("mine")
    os.unlink(name)
    os.symlink(other, name)
    d.queue("stats", "--output", name)
    holds(not os.path.islink(name), "written through a link")
    with open(other) as f:
        same(f.read(), "mine")
    # what cannot be written leaves the old one, and nothing beside it
    d.queue("stats", "--output", place, status=73, err="cannot write " +
            place)
    d.queue("stats", "--output", d.top + "/nosuch/x", status=73,
            err="cannot write")
    with open(name, "rb") as f:
        whole = f.read()
    d.queue("stats", "--prometheus", "--output", name, status=73,
            err="cannot write", preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (100, 100)))
    with open(name, "rb") as f:
        same(f.read(), whole)
    same(os.listdir(place), ["mailchute.prom"])
    same([n for n in os.listdir(d.top) if "textfile." in n], [])


# -------------------------------------------------------- damage and strangers

@case
def check(d):
    d.put_all()
    same(d.queue("check").out, "no message is damaged\n")
    d.spoil(IDS[0])
    open(d.path(IDS[1], kind="t"), "w").close()
    open(d.spool + "/q/\033]0;foreign\u202e", "w").close()
    done = d.queue("check", status=1)
    holds(done.lines()[-1] == "1 message is damaged", done.out)
    holds("?]0;foreign?: not a name of ours" in done.out, done.out)
    holds("t-%s: was never finished" % IDS[1] in done.out, done.out)
    os.unlink(d.spool + "/q/\033]0;foreign\u202e")
    same(d.states()[IDS[0]], "damaged")
    done = d.queue("check", status=1)
    holds("damaged message in bad/" in done.out, done.out)
    d.queue("remove", IDS[0])
    same(d.queue("check").lines()[-1], "no message is damaged")


@case
def strangers(d):
    """Links, FIFOs, directories and odd names: told, not followed, no wait."""
    d.put(IDS[0])
    q = d.spool + "/q/"
    os.mkfifo(q + "m-" + IDS[2])
    os.mkdir(q + "m-" + IDS[3])
    os.symlink("/etc/passwd", q + "m-" + IDS[4])
    os.link(d.path(IDS[0]), d.top + "/other-name")
    done = d.run("mailq", status=75, err="no plain file of ours")
    # nothing could be read, so it must not be called empty
    same(done.out, "-- 0 Kbytes in 0 Requests.\n")
    os.unlink(d.top + "/other-name")
    open(q + "strange\033[2J", "w").close()
    done = d.run("mailq", status=75, err="strange?[2J: not a name of ours")
    same(done.lines()[-1], "-- 1 Kbytes in 1 Request.")
    for id in IDS[2:5]:
        d.queue("remove", id, status=75, err="nothing is done with it")
        os.path.lexists(q + "m-" + id) or holds(False, "removed")
        (os.rmdir if id == IDS[3] else os.unlink)(q + "m-" + id)
    # oddities alone are no failure
    d.run("mailq", err="not a name of ours")


@case
def newer_release(d):
    d.put(IDS[0])
    with open(d.path(IDS[0]), "r+b") as f:
        f.seek(8)
        f.write(struct.pack("<II", 9, 0xffffffff - 9))
    done = d.run("mailq", status=75, err="newer release")
    same(done.out, "-- 0 Kbytes in 0 Requests.\n")
    d.queue("remove", IDS[0], status=78, err="newer release")
    d.queue("remove", "all", status=75, err="newer release")
    holds(os.path.exists(d.path(IDS[0])), "removed")


@case
def bad_spools(d):
    d.put(IDS[0])
    os.chmod(d.spool, 0o755)
    for words in (("mailq",), ("mailchute", "queue", "--json"),
                  ("mailchute", "queue", "remove", "all")):
        same(d.run(*words, status=75, err="open to others").out, "")
    os.chmod(d.spool, 0o700)
    os.rename(d.spool, d.spool + "2")
    open(d.spool, "w").close()
    same(d.run("mailq", status=75, err="no directory").out, "")
    os.unlink(d.spool)
    os.symlink(d.spool + "2", d.spool)
    same(d.run("mailq", status=75, err="no directory").out, "")
    d.write_config("queue-dir = spool\n" + ACCOUNTS)
    same(d.run("mailq", status=78, err="whole path").out, "")
    d.write_config("queue-dri = /x\n")
    same(d.run("mailq", status=78, err="queue-dir").out, "")


@case
def other_user(d):
    if os.getuid() != 0:
        raise Skip("only root may become another user")
    d.put(IDS[0])
    other = {"user": 65534, "group": 65534, "extra_groups": []}
    bare = {"HOME": "", "MAILCHUTE_CONFIG": "/dev/null"}

    def run(status, err, **env):
        return d.run("mailq", status=status, err=err, env=dict(bare, **env),
                     **other).out
    probe = subprocess.run([d.top + "/mailchute", "--version"],
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, **other)
    if probe.returncode != 0:
        raise Skip("another user may not run the program here")
    # somebody else's
    same(run(75, "cannot open it", MAILCHUTE_QUEUE_DIR=d.spool), "")
    os.chmod(d.spool, 0o711)
    same(run(75, "cannot open it", MAILCHUTE_QUEUE_DIR=d.spool), "")
    os.chmod(d.spool, 0o755)
    same(run(75, "belongs to uid 0", MAILCHUTE_QUEUE_DIR=d.spool), "")
    # their own
    own = d.top + "/state"
    os.mkdir(own)
    os.chown(own, 65534, 65534)
    same(run(0, "", XDG_STATE_HOME=own), EMPTY)
    os.rename(d.spool, own + "/queue")
    os.makedirs(own + "/mailchute")
    os.rename(own + "/queue", own + "/mailchute/queue")
    os.chmod(own + "/mailchute/queue", 0o700)
    for where, dirs, files in os.walk(own):
        for name in dirs + files:
            os.chown(os.path.join(where, name), 65534, 65534)
    holds(IDS[0] in run(0, "", XDG_STATE_HOME=own), "own queue")


# ------------------------------------------------------------------- terminal

HOSTILE = "x\u009b2J\u202e\u2066\u061c\u200fy"


@case
def hostile_bytes(d):
    """Nothing that others wrote turns a terminal's state."""
    d.put(IDS[0], ("rcpt", HOSTILE + "@x.example"),
          ("text", HOSTILE + "\033[31m\r\n"), sender=HOSTILE + "@y.example",
          header=b"Subject: \x1b[2J\xff\xe2\x82\r\n",
          body=b"\x1b]0;x\x07 \xc2\x9b \xe2\x82\xac \xf0\x9f \t\x7f\rz\r\n")
    bad = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-"
                     "\u202e\u2066-\u2069\udc80-\udcff]")
    for words in (("mailq",), ("mailchute", "queue", "show", "--body", "a"),
                  ("mailchute", "queue", "show", "--json", "--body", "a"),
                  ("mailchute", "queue", "--json")):
        done = d.on_terminal(200, *words)
        same(done.status, 0, done.err)
        holds("x" in done.out and not bad.search(done.out),
              "%s: %r" % (words, done.out))
        if words[0] == "mailchute" and "show" not in words:
            continue
    # a pipe gets header and body as they are, but for the line ends
    raw = d.queue("show", "--body", "a").raw
    holds(raw.endswith(b"\nSubject: \x1b[2J\xff\xe2\x82\n\n\x1b]0;x\x07 "
                       b"\xc2\x9b \xe2\x82\xac \xf0\x9f \t\x7f\rz\n"), raw)
    o = json.loads(d.queue("show", "--json", "--body", "a").raw.decode())
    same(o["recipients"][0]["address"], HOSTILE + "@x.example")
    same(o["header"], "Subject: \033[2J\ufffd\ufffd\ufffd\r\n\r\n")
    same(o["body"], "\033]0;x\a \u009b \u20ac \ufffd\ufffd \t\x7f\rz\r\n")


@case
def width(d):
    long = "x" * 60 + "@" + "y" * 60 + ".example"
    d.put(IDS[0], ("rcpt", long), ("text", "no " + "\u00e4" * 200),
          sender=long)
    for columns in (40, 60, 80, 132):
        done = d.on_terminal(columns, "mailq")
        for line in done.lines():
            holds(len(line) <= columns, "%d: %r" % (columns, line))
        cut = [line for line in done.lines() if line.endswith("...")]
        holds(len(cut) >= 2 and all(len(x) == columns for x in cut),
              done.out)
        holds("\ufffd" not in done.raw.decode("utf-8", "replace"), "half")
    # into a pipe everything goes
    holds(long in d.run("mailq").out and "..." not in d.run("mailq").out,
          "cut")
    # a terminal that tells no size
    holds(long in d.on_terminal(0, "mailq").out, "cut")


# -------------------------------------------------------------------- output

@case
def nobody_reads(d):
    d.put_all()
    with open("/dev/full", "w") as full:
        for words in (("mailq",), ("mailchute", "queue", "--json"),
                      ("mailchute", "queue", "show", "b")):
            d.run(*words, status=74, stdout=full)
    d.make("copy 2000")
    r, w = os.pipe()
    os.close(r)
    d.run("mailq", status=74, stdout=w)
    d.run("mailchute", "queue", "--json", status=74, stdout=w)
    os.close(w)


@case
def interrupted(d):
    d.put_all()
    d.make("copy 2000")
    p = subprocess.Popen([d.top + "/mailchute", "queue", "--json"],
                         env=d.env(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    # it is at work, and cannot go on before somebody reads
    first = p.stdout.read(1)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    same(p.returncode, 75, err)
    same(err, b"mailchute: interrupted\n")
    holds((first + out).count(b"\n") < 2000, "all of it")


def peak(d, out, *words):
    """Largest resident size of a run, in KiB."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT, 0o600), 1)
        os.execve(d.top + "/" + words[0], list(words), d.env())
    _, status, used = os.wait4(pid, 0)
    same(status, 0, words)
    return used.ru_maxrss


def has_room(place, n):
    try:
        free = os.statvfs(place)
    except OSError:
        return False
    return free.f_bavail * free.f_frsize > n * 30000 and \
        (free.f_favail > 3 * n or free.f_files == 0)


@case
def many(d):
    n = int(os.environ.get("MAILCHUTE_MANY", "100000"))
    if n == 0:
        raise Skip("MAILCHUTE_MANY is 0")
    if SANITIZED:
        raise Skip("memory is the sanitizer's")
    # in memory it takes seconds, on a disk a minute
    places = [p for p in ("/dev/shm", tempfile.gettempdir())
              if has_room(p, n)]
    if not places:
        raise Skip("no room for %d messages" % n)
    desk = Desk(places[0])
    try:
        list_many(desk, n)
    finally:
        desk.close()


def list_many(d, n):
    now = int(time.time())
    for i in range(20):
        d.put(None, ("rcpt", "some.body@some.where.example"),
              ("text", "[452 4.2.2] the mailbox of this person is full"),
              ("rcpt", "another.body@some.where.example"),
              arrival=str(now - 1000 * i), next=str(now + 3600 + i))
    d.make("copy %d" % (n - 20))
    # before there is much in this process: a child begins as its copy
    text, objects = d.top + "/text", d.top + "/objects"
    as_text = peak(d, text, "mailq")
    as_json = peak(d, objects, "mailchute", "queue", "--json")
    holds(as_text < 64 * 1024, "mailq: %d KiB" % as_text)
    holds(as_json < 32 * 1024, "--json: %d KiB" % as_json)
    numbers = d.top + "/numbers"
    in_all = peak(d, numbers, "mailchute", "queue", "stats", "--prometheus")
    holds(in_all < 64 * 1024, "stats: %d KiB" % in_all)
    with open(numbers, "rb") as f:
        families = parse_metrics(f.read())
    same(metric(families, "queue_messages", account="work",
                state="deferred"), n)
    ids = set()
    with open(text) as f:
        for line in f:
            if re.match("[a-z2-7]{26}", line):
                ids.add(line[:26])
    same(line, "-- %d Kbytes in %d Requests.\n" % ((14 * n + 1023) // 1024,
                                                   n))
    same(len(ids), n)
    with open(objects) as f:
        for line in f:
            ids.remove(json.loads(line)["id"])
    same(len(ids), 0)


# ----------------------------------------------------------------------- main

def main():
    patterns = sys.argv[1:] or ["*"]
    chosen = [c for c in CASES if any(fnmatch.fnmatch(c.__name__, p)
                                      for p in patterns)]
    print("1..%d" % len(chosen))
    bad = 0
    # no core files of what is made to fail here
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number, test in enumerate(chosen, 1):
        desk = Desk()
        try:
            test(desk)
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, test.__name__, why))
        except Exception as what:
            bad += 1
            print("not ok %d - %s" % (number, test.__name__))
            text = str(what) if isinstance(what, Failure) else \
                traceback.format_exc()
            for line in text.splitlines():
                print("# " + line.encode("unicode_escape").decode())
        else:
            print("ok %d - %s" % (number, test.__name__))
        finally:
            desk.close()
        sys.stdout.flush()
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
