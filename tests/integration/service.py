# SPDX-License-Identifier: MIT
"""mailchute serve for tests: users of its own, a relay that records, and
clients under any user.

The tests run in a mount namespace (serve.tap sees to that), where /etc/passwd
and /etc/group get more lines; the machine's own files stay as they are.
"""
import contextlib
import ctypes
import os
import pwd
import signal
import socket
import subprocess

from servers import SLOW, Daemon, Sink, Trouble, read, wait_for, write

# names and numbers that no system has
USERS = {"mc-serve": 61801, "mc-anna": 61802, "mc-ben": 61803, "mc-cleo": 61804}
GROUP = ("mc-staff", 61810, ["mc-cleo"])
DOMAIN = "work.example"
MS_BIND = 4096


def mount(source, target):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), "cannot mount over " + target)


def mount_small(target, size):
    """A file system of so many bytes, for this namespace alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", target.encode(), b"tmpfs", 0,
                  b"mode=0700,size=%d" % size):
        raise OSError(ctypes.get_errno(), "cannot mount over " + target)


def unmount(target):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(target.encode(), 2):
        raise OSError(ctypes.get_errno(), "cannot unmount " + target)


def make_users(where):
    """More lines in /etc/passwd and /etc/group, for this namespace alone."""
    passwd = read("/etc/passwd")
    group = read("/etc/group")
    for name, uid in USERS.items():
        home = "%s/home-%s" % (where, name)
        os.mkdir(home, 0o700)
        os.chown(home, uid, uid)
        passwd += "%s:x:%d:%d:%s:%s:/bin/sh\n" % (
            name, uid, uid, name.upper(), home)
        group += "%s:x:%d:\n" % (name, uid)
    group += "%s:x:%d:%s\n" % (GROUP[0], GROUP[1], ",".join(GROUP[2]))
    for name, text in (("passwd", passwd), ("group", group)):
        path = "%s/%s" % (where, name)
        write(path, text)
        mount(path, "/etc/" + name)


def become(uid):
    """For preexec_fn: that user, with its groups."""
    def change():
        name = None
        with contextlib.suppress(KeyError):
            name = pwd.getpwuid(uid).pw_name
        os.setgroups([GROUP[1]] if name in GROUP[2] else [])
        os.setgid(uid)
        os.setuid(uid)
    return change


class Service:
    """One `mailchute serve`, in a directory of its own."""

    def __init__(self, where, binary, relay=None, user="mc-serve"):
        self.dir = where
        self.binary = binary
        self.user = user
        self.uid = USERS[user] if user else 0
        self.path = where + "/run/submit"
        self.conf = where + "/serve.conf"
        self.log = where + "/serve.log"
        self.spool = where + "/spool"
        self.relay = relay
        self.child = None
        os.makedirs(where + "/run")
        os.chmod(where, 0o755)
        os.chmod(where + "/run", 0o755)
        write(self.log, "", 0o600)
        for name in (where + "/run", self.log):
            os.chown(name, self.uid, self.uid)
        os.mkdir(self.spool, 0o700)
        os.chown(self.spool, self.uid, self.uid)

    def configure(self, accounts=None, **keys):
        """accounts: sections, name to keys; without one it is `default`."""
        base = {"socket": self.path, "queue-dir": self.spool,
                "queue-any-fs": "yes", "queue-reserve": "1",
                "log": self.log, "domain": DOMAIN, "retry-min": "1s"}
        base.update({k.replace("_", "-"): v for k, v in keys.items()})
        text = "".join("%s = %s\n" % (k, v) for k, v in base.items()
                       if v is not None)
        for name, more in (accounts or {"default": {}}).items():
            own = {"host": self.relay, "protocol": "lmtp"}
            own.update(more)
            text += "\n[account %s]\n" % name
            text += "".join("%s = %s\n" % (k.replace("_", "-"), v)
                            for k, v in own.items() if v is not None)
        write(self.conf, text, 0o600)
        os.chown(self.conf, self.uid, self.uid)

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("MAILCHUTE")}
        env["HOME"] = self.dir
        return env

    def start(self, *more, ready=True, env=None, before=None):
        """before: called in the child, as the service's user."""
        argv = [self.binary, "serve", "-C", self.conf, *more]

        def prepare():
            if self.uid:
                become(self.uid)()
            if before:
                before()
        with open(self.dir + "/out", "ab") as out:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd="/", env={**self.environment(), **(env or {})},
                start_new_session=True, preexec_fn=prepare)
        self.child = child
        if Daemon.guard:
            Daemon.guard.add(child.pid)
        if ready:
            wait_for("the service", 20, self.ready)
        return child

    def refuses(self, *more, **how):
        """Starts, and has to end by itself: status and what it says."""
        child = self.start(*more, ready=False, **how)
        try:
            status = child.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            raise Trouble("the service goes on: " + self.output()) from None
        self.child = None
        return status, self.output() + self.log_text()

    def ready(self):
        if self.child.poll() is not None:
            raise Trouble("the service has ended with %d: %s" % (
                self.child.returncode, read(self.dir + "/out")))
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(self.path)
                return s.recv(4) == b"220 "
        except OSError:
            return False

    def stop(self, number=signal.SIGTERM, seconds=40):
        if self.child is None:
            return None
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            status = self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            raise Trouble("the service did not end") from None
        self.child = None
        return status

    def processes(self, role=None):
        """Of this service, by their names."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            stat = read("/proc/%s/stat" % name)
            if not stat:
                continue
            comm = stat[stat.index("(") + 1:stat.rindex(")")]
            words = stat[stat.rindex(")") + 2:].split()
            if int(words[3]) != self.child.pid or words[0] in "ZX":
                continue
            # a session has the listener's name for a moment
            if role in ("mc-listener", "mc-runner") and \
                    int(words[1]) != self.child.pid:
                continue
            if role is None or comm == role:
                found.append(int(name))
        return found

    def log_text(self):
        return read(self.log)

    def output(self):
        return read(self.dir + "/out")

    def refused(self, user, reason):
        """Lines of the log about that user and reason, as dictionaries."""
        found = []
        for line in self.log_text().splitlines():
            at = line.find("refused source=")
            if at < 0:
                continue
            words = dict(w.split("=", 1) for w in line[at:].split()
                         if "=" in w)
            uid = str(USERS.get(user, user))
            if words.get("uid") == uid and words.get("reason") == reason:
                found.append(words)
        return found

    def wait_refused(self, user, reason):
        return wait_for("a line: %s %s" % (user, reason), 10,
                        lambda: self.refused(user, reason))

    def queued(self):
        try:
            return [n for n in os.listdir(self.spool + "/q")
                    if n.startswith("m-")]
        except FileNotFoundError:
            return []


def connect_as(uid, kind, where):
    """A socket that a process of that user has connected; its descriptor is
    handed back, and the kernel keeps in mind who it was."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if uid:
                become(uid)()
            s = socket.socket(kind)
            s.settimeout(10)
            s.connect(where)
            socket.send_fds(theirs, [b"x"], [s.fileno()])
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    data, fds, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    os.waitpid(pid, 0)
    if not data or not fds:
        raise Trouble("uid %d cannot connect to %s" % (uid, where))
    return socket.socket(fileno=fds[0])


class Client:
    """A dialogue with the service, as the user who has connected."""

    def __init__(self, service, user=None, port=None):
        uid = USERS.get(user, user) if user else 0
        if port:
            self.sock = connect_as(uid, socket.AF_INET, ("127.0.0.1", port))
        else:
            self.sock = connect_as(uid, socket.AF_UNIX, service.path)
        self.sock.settimeout(60)
        self.buffer = b""

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            self.sock.sendall(data)

    def reply(self):
        """All lines of the next reply; "" at the end."""
        text = ""
        while True:
            while b"\n" not in self.buffer:
                try:
                    piece = self.sock.recv(65536)
                except ConnectionError:
                    piece = b""
                if not piece:
                    return text
                self.buffer += piece
            line, self.buffer = self.buffer.split(b"\n", 1)
            text += line.decode("utf-8", "replace").rstrip("\r") + "\n"
            if line[3:4] != b"-":
                return text

    def command(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def hello(self):
        greeting = self.reply()
        self.command("EHLO test")
        return greeting

    def message(self, sender, rcpts, text="Subject: test\r\n\r\nHello.\r\n"):
        """The reply that decides."""
        got = self.command("MAIL FROM:<%s>" % sender)
        if got[:1] != "2":
            return got
        for rcpt in rcpts:
            got = self.command("RCPT TO:<%s>" % rcpt)
            if got[:1] != "2":
                return got
        got = self.command("DATA")
        if got[:1] != "3":
            return got
        self.send(text)
        return self.command(".")

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


__all__ = ["Service", "Client", "Sink", "make_users", "become", "USERS",
           "GROUP", "DOMAIN"]
