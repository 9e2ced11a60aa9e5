# SPDX-License-Identifier: MIT
"""What tests of the service have in common beside service.py: cases that are
run and told as TAP, a relay that records what else an envelope says, and
programs that run as one of the users."""
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import servers
import service
from servers import SLOW, Sink, Trouble, read, wait_for
from service import Service

BINARY = os.path.abspath(os.environ.get("MAILCHUTE_BIN") or "mailchute")
# one that all users may run, as that of the tests may not be
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin") or \
    sys.executable
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8",
        "TZ": "UTC"}
for key in os.environ:
    if key.endswith("SAN_OPTIONS"):
        BARE[key] = os.environ[key]


class Failure(Exception):
    """What was seen is not what was to be seen."""


class Skip(Exception):
    """It cannot be tried here."""


def expect(what, condition, seen=""):
    if not condition:
        raise Failure("%s\n%s" % (what, seen))


def equal(what, seen, wanted):
    expect(what, seen == wanted, "seen   %r\nwanted %r" % (seen, wanted))


class Handler(servers.LmtpHandler):
    """LMTP with DSN; parameters of recipients are kept."""

    def session(self):
        self.say("220 relay.example LMTP")
        mail = None
        for line in self.rfile:
            line = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = line.split(" ")[0].upper()
            m = re.match(r"\w+ \w+:<(.*?)>(?: (.*))?$", line)
            if verb == "LHLO":
                self.say("250-relay.example\r\n250-PIPELINING\r\n250-DSN\r\n"
                         "250-8BITMIME\r\n250-SMTPUTF8\r\n"
                         "250-ENHANCEDSTATUSCODES\r\n250 SIZE")
            elif verb == "MAIL" and m:
                mail = (m.group(1), m.group(2) or ""), []
                self.say("250 2.1.0 ok")
            elif verb == "RCPT" and m and mail:
                mail[1].append((m.group(1), m.group(2) or ""))
                self.say("250 2.1.5 ok")
            elif verb == "DATA" and mail and mail[1]:
                self.say("354 go ahead")
                self.take(mail)
                mail = None
            elif verb in ("RSET", "NOOP"):
                mail = None
                self.say("250 2.0.0 ok")
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("500 5.5.2 not understood")

    def take(self, mail):
        (sender, params), rcpts = mail
        data = self.data()
        got = servers.Delivery(sender, params, [r for r, _ in rcpts], data)
        got.rcpt_params = [p for _, p in rcpts]
        self.server.record(got)
        for _ in rcpts:
            self.say("250 2.0.0 taken")


class Relay(Sink):
    def __init__(self, path):
        super().__init__(path)
        os.chmod(path, 0o777)
        self.RequestHandlerClass = Handler


# what systemd does: descriptors from 3 on, and who they are for
HAND_OVER = """\
import os, sys
fds = [int(w) for w in sys.argv[1].split(",")]
high = [os.dup2(fd, 200 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(fds), 300)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[2], sys.argv[2:])
"""


def handed(fds, argv):
    """argv for a program that gets these sockets; give them to pass_fds"""
    return [PYTHON, "-c", HAND_OVER, ",".join(map(str, fds)), *argv]


class Bench:
    def __init__(self, where):
        self.dir = where
        self.number = 0
        self.open = []
        os.makedirs(where + "/bin")
        self.sendmail = where + "/bin/sendmail"
        os.symlink(BINARY, self.sendmail)
        self.relay = Relay(where + "/relay")
        self.mark = 0

    def service(self, accounts=None, user="mc-serve", start=True, **keys):
        self.number += 1
        where = "%s/%d" % (self.dir, self.number)
        os.mkdir(where, 0o755)
        s = Service(where, BINARY, self.dir + "/relay", user)
        s.child = None
        s.configure(accounts, **keys)
        self.open.append(s)
        if start:
            s.start()
        return s

    def tcp(self, **keys):
        """A service with a listener on loopback, and the certificate that it
        has made where everybody can read it"""
        port = servers.free_ports(1)[0]
        s = self.service(listen="127.0.0.1:%d" % port, **keys)
        s.port = port
        s.ca = s.dir + "/ca.pem"
        pem = wait_for("the certificate", 10, lambda: re.search(
            r"(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n",
            read(s.spool + "/serve.pem")))
        servers.write(s.ca, pem.group(0))
        return s

    def token(self, s, login):
        done = subprocess.run(
            [BINARY, "serve", "-C", s.conf, "token", "add", login],
            env=s.environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=30 * SLOW, check=False)
        expect("a token", done.returncode == 0 and done.stdout.strip(),
               done.stderr.decode())
        return done.stdout.decode().strip()

    def user(self, name, argv, text=b"", more=None, cwd=None, limit=60):
        """A program as that user: its status, and what it said."""
        home = "%s/home-%s" % (self.dir, name) if name else self.dir
        env = dict(BARE, HOME=home, **(more or {}))
        if name:
            env["USER"] = env["LOGNAME"] = name
        done = subprocess.run(
            argv, input=text, env=env, cwd=cwd or home, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=limit * SLOW, preexec_fn=service.become(
                service.USERS[name]) if name else None)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def mail(self, s, name, args, text, more=None, **how):
        """Our sendmail, without a configuration"""
        env = {"MAILCHUTE_SOCKET": s.path, "MAILCHUTE_QUEUE_ANY_FS": "yes"}
        if not name:
            # never the machine's own
            env["MAILCHUTE_QUEUE_DIR"] = self.dir + "/root-queue"
        env.update(more or {})
        return self.user(name, [self.sendmail, *args], text, env, **how)

    def begin(self):
        self.mark = len(self.relay.deliveries)

    def arrived(self, n=1):
        """what has come since the last time this was asked"""
        wait_for("%d deliveries" % n, 20, lambda: len(
            self.relay.since(self.mark)) >= n)
        got = self.relay.since(self.mark)
        self.mark += len(got)
        expect("%d deliveries" % n, len(got) == n, got)
        return got

    def nothing(self, s):
        wait_for("an empty queue", 20, lambda: not s.queued())
        got = self.relay.since(self.mark)
        expect("nothing arrives", not got, [g.data for g in got])

    def leave(self):
        """the end of all"""

    def end(self):
        for s in self.open:
            try:
                s.stop()
            except Trouble:
                pass
        self.open = []

    def told(self):
        return "".join("\n" + read(s.log)[-2500:] + read(s.dir + "/out")[-1500:]
                       for s in self.open)


def tell(number, function, problem, begun):
    words = "%d - %s" % (number, function.__doc__.split("\n")[0])
    if problem is None:
        print("ok %s # %.1f s" % (words, time.monotonic() - begun))
    elif isinstance(problem, Skip):
        print("ok %s # SKIP %s" % (words, problem))
    else:
        print("not ok %s # %.1f s" % (words, time.monotonic() - begun))


def run(cases, patterns, prefix, make=Bench):
    """In a mount namespace, as root."""
    chosen = [c for c in cases if any(
        fnmatch.fnmatch(c.__name__, p) for p in patterns or ["*"])]
    where = tempfile.mkdtemp(prefix=prefix)
    os.chmod(where, 0o755)
    guard = servers.Guard(where)
    servers.Daemon.guard = guard
    service.make_users(where)
    bench = make(where)
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, function in enumerate(chosen, 1):
        begun = time.monotonic()
        bench.begin()
        try:
            function(bench)
            tell(number, function, None, begun)
        except Skip as why:
            tell(number, function, why, begun)
        except Exception as problem:    # pylint: disable=broad-except
            failed += 1
            tell(number, function, problem, begun)
            text = str(problem) if isinstance(problem, (
                Failure, Trouble)) else traceback.format_exc()
            for line in (text + bench.told()).splitlines():
                print("# " + line)
        finally:
            bench.end()
        sys.stdout.flush()
    bench.leave()
    bench.relay.stop()
    guard.dismiss()
    subprocess.run(["rm", "-rf", where], check=False)
    return failed != 0
