#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Submit mail to a real Exim, which offers CHUNKING and checks that clients
wait where they have to, and look at what is in its spool.  Prints TAP.

EXIM names the program, MAILCHUTE_BIN ours.  Exim runs in a directory of its
own and a mount namespace, in which its user exists; it ends with the test."""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
UID = 65533
CONFIG = """\
primary_hostname = localhost
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
trusted_users = root
daemon_smtp_ports = @START@ : @TLS@
tls_on_connect_ports = @TLS@
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = @DIR@/certs/good.pem
tls_privatekey = @DIR@/certs/good.key
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
smtp_enforce_sync = true
smtp_accept_max_per_connection = 1000
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_ok
host_lookup =
keep_environment =
queue_only = true
begin acl
acl_rcpt:
  deny local_parts = bad
  accept authenticated = *
  deny
acl_ok:
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{joe}}{eq{$auth3}{Plugh-53cret}}}}
  server_set_id = $auth2
begin routers
nowhere:
  driver = accept
  transport = nowhere
begin transports
nowhere:
  driver = appendfile
  file = /dev/null
"""
START = """\
mount --make-rprivate / && mount --bind "$1/passwd" /etc/passwd &&
mount --bind "$1/group" /etc/group && exec "$2" -C "$1/exim.conf" -bdf
"""
HEADER = ("From: Me <me@x.test>\nTo: a@x.test\nSubject: a test\n"
          "Date: Mon, 23 Nov 2026 12:00:00 +0000\n"
          "Message-ID: <1@x.test>\n\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Exim:
    def __init__(self, place):
        self.place = place
        self.ports = {"starttls": free_port(), "on": free_port()}
        subprocess.run(["sh", os.path.join(HERE, "..", "script", "certs.sh"),
                        place + "/certs"], check=True)
        for name in ("spool", "log"):
            os.mkdir(os.path.join(place, name))
            os.chown(os.path.join(place, name), UID, UID)
        for name in glob.glob(place + "/certs/*"):
            os.chmod(name, 0o644)
        os.chmod(place, 0o755)
        for name, line in (
                ("passwd", "Debian-exim:x:%d:%d::/:/bin/false\n"),
                ("group", "Debian-exim:x:%d:\n")):
            with open("/etc/" + name, encoding="utf-8") as f:
                text = "".join(x for x in f if not x.startswith("Debian-exim"))
            self.write(name, text + line % ((UID, UID)[:line.count("%d")]))
        self.write("exim.conf", CONFIG.replace("@DIR@", place)
                   .replace("@START@", str(self.ports["starttls"]))
                   .replace("@TLS@", str(self.ports["on"])))
        with open(place + "/exim.out", "w", encoding="utf-8") as out:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", START, "sh", place,
                 os.environ["EXIM"]], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out)
        end = time.monotonic() + 20
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                with open(place + "/exim.out", encoding="utf-8") as f:
                    print("1..0 # SKIP Exim does not start: %s" %
                          " ".join(f.read().split())[:200])
                sys.exit(0)
            time.sleep(0.05)

    def write(self, name, text):
        path = os.path.join(self.place, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o644)

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.ports["on"])) == 0

    def taken(self):
        """[(recipients, body)] of all that it has, which is forgotten."""
        got = []
        for path in glob.glob(self.place + "/spool/input/**/*-H",
                              recursive=True):
            with open(path, encoding="latin-1") as f:
                head = f.read()
            with open(path[:-1] + "D", encoding="latin-1", newline="") as f:
                body = f.read().partition("\n")[2]
            m = re.search(r"^XX\n(\d+)\n((?:\S+@\S+\n)+)", head, re.M)
            got.append((m.group(2).split() if m else [], body))
            for name in (path, path[:-1] + "D"):
                os.unlink(name)
        return sorted(got)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Bench:
    def __init__(self, place):
        self.place = place
        self.exim = Exim(place)

    def send(self, tls, recipients, body="hello\n", password="Plugh-53cret",
             more=()):
        path = os.path.join(self.place, "config")
        with open(path, "w", encoding="utf-8") as f:
            f.write("log = off\nqueue = off\n[account e]\nhost = localhost\n"
                    "port = %d\ntls = %s\ntls-ca-file = %s/certs/ca.pem\n"
                    "user = joe\npassword = %s\nfrom = me@x.test\n" % (
                        self.exim.ports[tls], tls, self.place, password))
        os.chmod(path, 0o600)
        return subprocess.run(
            [os.environ["MAILCHUTE_BIN"], "-C", path, "-v", "-oi", *more,
             *recipients], input=(HEADER + body).encode(), timeout=60,
            env={"HOME": self.place, "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def expect(what, have, want):
    if have != want:
        raise AssertionError("%s: %r, expected %r" % (what, have, want))


def lines(run, pattern):
    return len(re.findall(pattern, run.stdout.decode(), re.M))


def one_flight(b, tls):
    run = b.send(tls, ["a@x.test"])
    expect("status", run.returncode, 0)
    expect("taken", b.exim.taken(), [(["a@x.test"], "hello\n")])
    expect("BDAT", lines(run, r"^C: BDAT \d+ LAST$"), 1)
    # nothing came between
    expect("flight", lines(run, r"^C: AUTH .*\nC: MAIL .*\nC: RCPT .*\n"
                           r"C: BDAT .*\nC: QUIT\nS: 235"), 1)


def hidden(b, _):
    names = ["a@x.test"] + ["b%d@x.test" % i for i in range(20)]
    run = b.send("on", names)
    expect("status", run.returncode, 0)
    expect("taken", b.exim.taken(), sorted(([n], "hello\n") for n in names))


def refused(b, _):
    run = b.send("on", ["a@x.test", "bad@x.test", "c@x.test"])
    expect("status", run.returncode in (67, 69), True)
    expect("taken", b.exim.taken(), [(["a@x.test"], "hello\n"),
                                     (["c@x.test"], "hello\n")])


def wrong_password(b, _):
    run = b.send("on", ["a@x.test"], password="nothing")
    expect("status", run.returncode, 75)
    expect("taken", b.exim.taken(), [])
    expect("text", lines(run, "log-in as joe.*535"), 1)


def large(b, _):
    body = "".join("%06d the quick brown fox\n" % i for i in range(40000))
    run = b.send("on", ["a@x.test"], body)
    expect("status", run.returncode, 0)
    expect("taken", b.exim.taken(), [(["a@x.test"], body)])
    expect("BDAT", lines(run, r"^C: BDAT \d+ LAST$"), 1)


def by_data(b, _):
    run = b.send("starttls", ["a@x.test", "b@x.test"], "x\n.\n..\n",
                 more=["--chunking=no"])
    expect("status", run.returncode, 0)
    expect("taken", b.exim.taken(), [(["a@x.test"], "x\n.\n..\n"),
                                     (["b@x.test"], "x\n.\n..\n")])


def in_lock_step(b, _):
    run = b.send("on", ["a@x.test"], more=["--pipelining=off"])
    expect("status", run.returncode, 0)
    expect("taken", b.exim.taken(), [(["a@x.test"], "hello\n")])


def smuggling(b, _):
    body = "x\n.\nMAIL FROM:<evil@x.test>\nRCPT TO:<c@x.test>\nDATA\n.\nQUIT\n"
    run = b.send("on", ["a@x.test"], body)
    expect("status", run.returncode, 0)
    expect("taken", b.exim.taken(), [(["a@x.test"], body)])


CASES = [
    ("log-in, commands and text in one flight", one_flight, "on"),
    ("the same after STARTTLS", one_flight, "starttls"),
    ("copies for blind recipients", hidden, None),
    ("one of them is refused", refused, None),
    ("a wrong password in the flight", wrong_password, None),
    ("a large message", large, None),
    ("by DATA", by_data, None),
    ("without PIPELINING", in_lock_step, None),
    ("text that looks like commands", smuggling, None),
]


def main():
    place = tempfile.mkdtemp(prefix="mailchute-exim.")
    bench = None
    bad = 0
    try:
        bench = Bench(place)
        print("1..%d" % len(CASES))
        for number, (title, function, how) in enumerate(CASES, 1):
            try:
                function(bench, how)
                print("ok %d - %s" % (number, title))
            except (AssertionError, subprocess.TimeoutExpired) as e:
                bad += 1
                bench.exim.taken()
                print("not ok %d - %s" % (number, title))
                print("# " + str(e)[:1500].replace("\n", "\n# "))
            sys.stdout.flush()
    finally:
        if bench is not None:
            bench.exim.stop()
        shutil.rmtree(place, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
