#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a queue run does when its connection is cut: cut.py [CASE]

Prints TAP.  A server on loopback takes messages and closes the connection
after so many bytes of its own, for every number that there is.  Then the run
is repeated, over connections that hold, until nothing waits.

  - no message is lost, whatever the moment
  - in one run no message is taken twice
  - who heard the final reply in full has one copy in the end; the others have
    two at most, and those are not more than were on their way together

MAILCHUTE_BIN names the program.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
SANITIZED = os.environ.get("MC_SANITIZED") == "yes"
LIMIT = 60
MESSAGES = 5
DEPTH = 3
CONFIG = """log = %(place)s/log
queue-dir = %(place)s/spool
[account default]
host = 127.0.0.1
port = %(port)d
tls = off
from = me@x.example
connections = 1
unsure-wait = 1s
%(more)s
"""
CASES = {
    # configuration, messages on their way at once, bytes from cut to cut
    "several": ("pipeline-depth = %d" % DEPTH, DEPTH, 1),
    "single": ("pipeline-depth = 1", 1, 3),
    "data": ("chunking = no", 1, 3),
}


class Cut(Exception):
    pass


class Session:
    """One connection; the server's bytes end after `budget`."""

    def __init__(self, server, sock, budget):
        self.server = server
        self.sock = sock
        self.budget = budget
        self.silent = False
        self.file = sock.makefile("rb")

    def say(self, text, taken=None):
        data = text.encode() + b"\r\n"
        if self.silent:
            return
        if self.budget is not None and self.budget < len(data):
            # the client hears no more, but what it has sent already comes
            self.sock.sendall(data[:self.budget])
            self.sock.shutdown(socket.SHUT_WR)
            self.silent = True
            return
        if self.budget is not None:
            self.budget -= len(data)
        self.server.said += len(data)
        self.sock.sendall(data)
        if taken is not None:
            self.server.heard.append(taken)

    def line(self):
        got = self.file.readline()
        if not got.endswith(b"\r\n"):
            raise Cut
        return got[:-2].decode()

    def take(self, data):
        name = re.search(rb"^Subject: (\w+)\r$", data, re.M).group(1).decode()
        self.server.taken.append(name)
        self.say("250 2.0.0 taken", name)

    def run(self):
        self.say("220 x.example ESMTP")
        while True:
            line = self.line()
            verb = line.split()[0].upper()
            if verb == "EHLO":
                self.say("250-x.example")
                self.say("250-PIPELINING")
                self.say("250 CHUNKING")
            elif verb in ("MAIL", "RCPT", "RSET"):
                self.say("250 2.1.0 ok")
            elif verb == "BDAT":
                size, last = line.split()[1:]
                data = self.file.read(int(size))
                if len(data) != int(size):
                    raise Cut
                if last != "LAST":
                    raise AssertionError(line)
                self.take(data)
            elif verb == "DATA":
                self.say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += self.line().encode() + b"\r\n"
                self.take(data)
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                raise AssertionError(line)


class Server:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.wrong = None
        self.reset(None)
        threading.Thread(target=self.accept, daemon=True).start()

    def reset(self, budget):
        """budget: of the next connection."""
        self.budget = budget
        self.taken = []     # names, as often as they came
        self.heard = []     # those whose reply has left in full
        self.said = 0

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return      # closed by the case
            sock.settimeout(LIMIT)
            budget, self.budget = self.budget, None
            with sock:
                try:
                    Session(self, sock, budget).run()
                except (Cut, OSError):
                    pass
                except Exception as e:      # told by the case
                    self.wrong = repr(e)
                try:
                    # what is left unread would become a reset, and the
                    # client could lose bytes that we did send
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                except OSError:
                    pass


def call(place, *words, text=None):
    done = subprocess.run(
        [BIN, "-C", place + "/config", *words] if words[0] != "queue" else
        [BIN, *words, "-C", place + "/config"], input=text, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT,
        env={"PATH": os.environ["PATH"], "HOME": place})
    return done.returncode, done.stdout


def waiting(spool):
    return sorted(n[2:] for n in os.listdir(spool + "/q")
                  if n.startswith("m-"))


def check(fact, what, *more):
    if not fact:
        raise AssertionError("%s: %s" % (what, more))


def cut_at(place, server, n, depth):
    """Cut after n bytes; False when nothing was cut."""
    spool = place + "/spool"
    shutil.rmtree(spool)
    shutil.copytree(place + "/model", spool, symlinks=True)
    server.reset(n)
    call(place, "queue", "run")
    first, heard = list(server.taken), list(server.heard)
    check(len(set(first)) == len(first), "taken twice in one run", first)
    for _ in range(3):
        left = waiting(spool)
        if not left:
            break
        status, said = call(place, "queue", "run", *left)
        check(status == 0, "the run failed", said)
    check(not waiting(spool), "still there", waiting(spool))
    check(server.wrong is None, server.wrong)
    copies = {name: server.taken.count(name) for name in server.taken}
    check(len(copies) == MESSAGES, "lost", copies)
    for name, count in copies.items():
        check(count <= (1 if name in heard else 2), "too many", copies, heard)
    check(sum(copies.values()) - MESSAGES <= depth, "too many twice", copies)
    return server.said, sum(copies.values()) - MESSAGES


def run(name):
    more, depth, step = CASES[name]
    place = tempfile.mkdtemp(prefix="mailchute-cut-")
    server = Server()
    try:
        with open(place + "/config", "w") as f:
            f.write(CONFIG % {"place": place, "port": server.port,
                              "more": more})
        for i in range(MESSAGES):
            status, said = call(
                place, "-odq", "you%d@y.example" % i,
                text="Subject: m%d\nTo: you@y.example\n\ntext\n" % i)
            check(status == 0, "not queued", said)
        os.rename(place + "/spool", place + "/model")
        os.mkdir(place + "/spool")
        most, _ = cut_at(place, server, None, 0)
        twice, worst = 0, 0
        # bytes of a whole session; built with sanitizers each run takes long
        cuts = range(0, most, 11 if SANITIZED else step)
        for n in cuts:
            try:
                _, more = cut_at(place, server, n, depth)
            except AssertionError as e:
                raise AssertionError("after %d bytes: %s" % (n, e))
            twice += more
            worst = max(worst, more)
        check(worst == depth, "a cut never met %d messages" % depth, worst)
        return "%d cuts, %d copies too many, %d at most at once" % (
            len(cuts), twice, worst)
    finally:
        server.listener.close()
        shutil.rmtree(place)


def main():
    names = sys.argv[1:] or list(CASES)
    print("1..%d" % len(names))
    failed = False
    for i, name in enumerate(names):
        try:
            print("ok %d - cut: %s, %s" % (i + 1, name, run(name)))
        except Exception as e:
            failed = True
            print("not ok %d - cut: %s" % (i + 1, name))
            print("# " + str(e).replace("\n", "\n# "))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
