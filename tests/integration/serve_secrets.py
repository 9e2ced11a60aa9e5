#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What others can see of the service: serve_secrets.py [PATTERN]...

See serving.py for how these tests are run.
"""
import base64
import os
import re
import socket
import ssl
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import free_ports, read, wait_for, write # noqa: E402
from service import DOMAIN, Client                  # noqa: E402
from serving import (BINARY, TEXT, as_user, case, expect,  # noqa: E402
                     is_sanitized, main, run_as)

SECRET = "Zw9-unspeakable-relay-word-7Kq"
LOGIN = "relay-user"


class Mute:
    """A relay that greets, takes EHLO, offers AUTH, and then says nothing, so
    that a worker with a secret stays."""

    def __init__(self, where):
        pem = where + "/mute.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                        "-subj", "/CN=localhost", "-out", pem, "-keyout",
                        pem + "-key"], check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pem, pem + "-key")
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.got = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def talk(self, c):
        try:
            c = self.tls.wrap_socket(c, server_side=True)
            c.sendall(b"220 mute.example ESMTP\r\n")
            while True:
                data = c.recv(4096)
                if not data:
                    return
                self.got.append(data)
                if data[:4].upper() == b"EHLO":
                    c.sendall(b"250-mute.example\r\n250 AUTH PLAIN\r\n")
        except OSError:
            pass

    def stop(self):
        self.sock.close()


def forms():
    """The secret, as it could stand somewhere."""
    plain = SECRET.encode()
    found = {plain, plain[::-1], SECRET.encode("utf-16-le"),
             plain.hex().encode()}
    # base64 at each of the three places, without what its ends share
    for pad in range(3):
        text = base64.b64encode(b"x" * pad + plain)
        found.add(text[4:-4])
    found.add(base64.b64encode(("\0%s\0%s" % (LOGIN, SECRET)).encode()))
    return found


def memory(pid):
    """All that can be read of a process."""
    with open("/proc/%d/mem" % pid, "rb") as mem:
        for line in read("/proc/%d/maps" % pid).splitlines():
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not m or "[vvar" in line or "[vsyscall" in line:
                continue
            at, end = int(m.group(1), 16), int(m.group(2), 16)
            # what a sanitizer reserves
            if end - at > 1 << 28:
                continue
            try:
                mem.seek(at)
                yield mem.read(end - at)
            except (OSError, ValueError, OverflowError):
                continue


def has_secret(pid):
    return any(form in piece for piece in memory(pid) for form in forms())


def secretive(b, relay, **keys):
    """A service with a password, a log of everything, a session and a worker
    at work."""
    s = b.service({"default": {
        "host": "127.0.0.1", "port": relay.port, "protocol": "smtp",
        "tls-verify": "no", "auth-unverified": "yes", "auth": "plain",
        "user": LOGIN, "password": SECRET}}, **keys)
    s.start("-v")
    return s


def hand_in(s, user="mc-anna"):
    with Client(s, user) as c:
        c.hello()
        got = c.message("%s@%s" % (user, DOMAIN), ["x@far.example"],
                        TEXT % "x@far.example")
        expect("taken", got.startswith("250 "), got)
    return got.split()[-1]


@case
def memory_of_others(b):
    """the password is in the supervisor's memory and a worker's, nobody else's"""
    relay = Mute(b.dir)
    s = secretive(b, relay)
    with Client(s, "mc-ben") as c:
        c.hello()
        c.command("MAIL FROM:<mc-ben@%s>" % DOMAIN)
        hand_in(s)
        wait_for("a worker at the relay", 20, lambda: any(
            b"AUTH" in x.upper() for x in relay.got))
        roles = {}
        for pid in s.processes():
            name = read("/proc/%d/comm" % pid).strip()
            roles.setdefault(name, []).append((pid, has_secret(pid)))
        for name in ("mc-listener", "mc-session", "mc-runner"):
            expect("there is a " + name, roles.get(name), roles)
            expect("no secret in " + name,
                   not any(yes for _, yes in roles[name]), roles)
        # the test can find it where it is
        holders = [name for name, ones in roles.items()
                   if any(yes for _, yes in ones)]
        expect("it is somewhere", holders, roles)
        for name in holders:
            expect("a holder that may be one: " + name,
                   name == "mailchute" or "work" in name or "keep" in name
                   or name == "mc-send", roles)
    relay.stop()
    words = s.log_text() + s.output()
    expect("not in the log", not any(f.decode("latin1") in words
                                     for f in forms()), words)
    expect("nor in the queue", run_as(0, ["grep", "-raF", SECRET, s.spool]
                                      ).returncode == 1)


def try_open(path):
    with open(path, "rb") as f:
        return "read: %r" % f.read(100)


def try_list(path):
    return "listed: %r" % os.listdir(path)


@case
def files(b):
    """another user reads nothing of spool, configuration, tokens and keys"""
    relay = Mute(b.dir)
    s = secretive(b, relay, listen="127.0.0.1:%d" % free_ports(1)[0])
    token = run_as("mc-serve", [BINARY, "serve", "-C", s.conf, "token", "add",
                                "mc-anna"])
    expect("a token", token.returncode == 0, token)
    ident = hand_in(s)
    wait_for("the key", 10, lambda: os.path.exists(s.spool + "/serve.pem"))
    paths = [s.conf, s.log, s.spool + "/tokens", s.spool + "/serve.pem",
             s.spool + "/q/m-" + ident]
    for where, dirs, names in os.walk(s.spool):
        paths += [where + "/" + n for n in names]
        for name in dirs + [""]:
            for user in ("mc-anna", "mc-ben"):
                got = as_user(user, lambda p=where + "/" + name: try_list(p))
                expect("%s lists %s/%s" % (user, where, name),
                       got.startswith("PermissionError"), got)
    expect("they are there", all(map(os.path.exists, paths[:4])), paths)
    for path in paths:
        # those of messages say what is with them, and q/ is closed
        expect("no mode for others: " + path, not os.path.exists(path) or
               "/q/" in path or os.stat(path).st_mode & 0o077 == 0, path)
        for user in ("mc-anna", "mc-ben"):
            got = as_user(user, lambda p=path: try_open(p))
            expect("%s opens %s" % (user, path),
                   got.startswith("PermissionError"), got)
    for words in (["queue", "list"], ["queue", "show", ident],
                  ["queue", "cat", ident], ["queue", "remove", ident],
                  ["queue", "stats"], ["serve", "token", "add", "mc-anna"],
                  ["serve", "token", "remove", "mc-anna"]):
        done = run_as("mc-ben", [BINARY, words[0], *(
            ["-C", s.conf] if words[0] == "serve" else []), *words[1:]],
            env={"MAILCHUTE_QUEUE_DIR": s.spool})
        expect("%s is refused" % words, done.returncode not in (0, 70),
               done)
        expect("and tells nothing", ident not in done.stdout and
               "far.example" not in done.stdout + done.stderr, done)
    expect("it is still queued", len(s.queued()) == 1)
    relay.stop()


@case
def processes(b):
    """another user reads no process of the service"""
    relay = Mute(b.dir)
    s = secretive(b, relay)
    with Client(s, "mc-anna") as c:
        c.hello()
        hand_in(s)
        wait_for("a worker at the relay", 20, lambda: any(
            b"AUTH" in x.upper() for x in relay.got))
        pids = s.processes()
        expect("all of them", len(pids) >= 5, pids)
        for pid in pids:
            name = read("/proc/%d/comm" % pid).strip()
            for what in ("mem", "environ", "maps", "auxv", "io", "syscall"):
                got = as_user("mc-ben", lambda p="/proc/%d/%s" % (
                    pid, what): try_open(p))
                expect("ben opens %s of %s" % (what, name), got.startswith(
                    "PermissionError"), got)
            got = as_user("mc-ben", lambda p="/proc/%d/fd" % pid:
                          try_list(p))
            expect("ben lists fd of " + name, got.startswith(
                "PermissionError"), got)
            for what in ("cmdline", "environ", "status", "comm", "stat"):
                with open("/proc/%d/%s" % (pid, what), "rb") as f:
                    text = f.read()
                expect("no secret in %s of %s" % (what, name),
                       not any(form in text for form in forms()), text)
    relay.stop()


@case
def confined(b):
    """listener, sessions and runner: no new privileges, seccomp, no core"""
    s = b.started()
    with Client(s, "mc-anna") as c:
        c.hello()
        wait_for("a session", 10, lambda: s.processes("mc-session"))
        for role in ("mc-listener", "mc-session", "mc-runner"):
            for pid in s.processes(role):
                status = read("/proc/%d/status" % pid)
                words = dict(line.split(":\t", 1) for line in
                             status.splitlines() if ":\t" in line)
                expect(role + ": no new privileges",
                       words.get("NoNewPrivs") == "1", status)
                expect(role + ": a filter of system calls",
                       words.get("Seccomp") == "2", status)
                limits = read("/proc/%d/limits" % pid)
                # the leak check of sanitizers needs what is forbidden here
                if is_sanitized():
                    continue
                expect(role + ": no core", re.search(
                    r"Max core file size\s+0\s", limits) or
                    os.stat("/proc/%d/mem" % pid).st_uid == 0, limits)
                got = as_user("mc-serve", lambda p="/proc/%d/mem" % pid:
                              try_open(p))
                expect(role + ": its own user cannot read its memory",
                       got.startswith("PermissionError"), got)


@case
def other_queue(b):
    """the queue of one user tells another one nothing, by any command"""
    s = b.service({"default": {"host": b.dir + "/nobody-there"}})
    s.start()
    ident = hand_in(s, "mc-anna")
    conf = s.dir + "/open.conf"
    write(conf, "queue-dir = %s\nhost = %s\n" % (s.spool, s.path))
    link = s.dir + "/mailq"
    os.symlink(BINARY, link)
    for argv in ([link, "-C", conf], [BINARY, "queue", "list", "-C", conf],
                 [link]):
        done = run_as("mc-ben", argv)
        expect("nothing of it: %s" % argv, ident not in done.stdout +
               done.stderr and "mc-anna@" not in done.stdout + done.stderr,
               done)
    for path in (s.spool, s.spool + "/q"):
        got = as_user("mc-ben", lambda p=path: str(os.open(
            p, os.O_RDONLY | os.O_DIRECTORY)))
        expect("cannot be opened: " + path, got.startswith(
            "PermissionError"), got)
    # nor does a protocol command
    with Client(s, "mc-ben") as c:
        c.hello()
        for line in ("VRFY mc-anna", "EXPN mc-anna", "ETRN far.example",
                     "HELP " + ident, "NOOP " + ident, "VRFY " + ident):
            got = c.command(line)
            expect("nothing of it", ident not in got and "anna" not in got,
                   got)


if __name__ == "__main__":
    sys.exit(main())
