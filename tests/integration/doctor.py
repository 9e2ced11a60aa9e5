#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Set-ups that are broken for real, and what doctor says: doctor.py [PATTERN]...

Prints TAP.  Root, in mount and network namespaces of its own (doctor.tap).
PATTERN (with * and ?) chooses cases by name.  MAILCHUTE_BIN is the program.
Each case looks for words that only the right diagnosis has.
"""
import fnmatch
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, HERE + "/../script")
import names                                        # noqa: E402
import server as scripted                           # noqa: E402
import servers                                      # noqa: E402
from servers import SLOW, read, write               # noqa: E402

BINARY = os.path.abspath(os.environ.get("MAILCHUTE_BIN") or "mailchute")
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8",
        "TZ": "UTC"}
BARE.update((k, v) for k, v in os.environ.items() if k.endswith("_OPTIONS"))
PASSWORD = "correct horse"
CASES = []


class Failure(Exception):
    """What was seen is not what was to be seen."""


class Skip(Exception):
    """It cannot be tried here."""


def case(function):
    CASES.append(function)
    return function


class Said:
    """What doctor has said: rows of check, verdict, found, remedy."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        try:
            self.rows = [json.loads(x) for x in out.splitlines()]
        except ValueError:
            self.rows = []

    def __str__(self):
        return "status %d\n%s%s" % (self.status, self.out, self.err)

    def failed(self, check, found, remedy=".", verdict="failed"):
        for row in self.rows:
            if row["check"] == check and row["verdict"] == verdict and \
                    re.search(found, row["found"]) and \
                    re.search(remedy, row["remedy"] or ""):
                return
        raise Failure("no line \"%s %s\" with %r and %r\n%s" % (
            verdict, check, found, remedy, self))

    def warned(self, check, found, remedy="."):
        self.failed(check, found, remedy, "warning")

    def ok(self, check, found="."):
        self.failed(check, found, "", "ok")

    def only(self, *checks):
        """Nothing else has failed."""
        bad = {r["check"] for r in self.rows if r["verdict"] == "failed"}
        if bad != set(checks):
            raise Failure("failed: %s, and not %s\n%s" % (
                sorted(bad), sorted(checks), self))

    def ends(self, *statuses):
        if self.status not in statuses:
            raise Failure("status %d, and not %s\n%s" % (
                self.status, statuses, self))


class Bench:
    def __init__(self, where):
        self.top = where
        self.certs = where + "/certs"
        subprocess.run(["sh", HERE + "/../script/certs.sh", self.certs],
                       check=True)
        self.number = 0
        self.running = []
        self.mounts = []
        self.real = []
        self.postfix = None

    # ---------------------------------------------------------------- a case
    def begin(self):
        self.number += 1
        self.dir = "%s/%d" % (self.top, self.number)
        os.makedirs(self.dir + "/bin")
        os.chmod(self.dir, 0o755)
        self.secret = self.dir + "/secret"
        write(self.secret, PASSWORD + "\n", 0o600)

    def end(self):
        for server in self.running:
            server.stop()
        self.running = []
        for place in reversed(self.mounts):
            subprocess.run(["umount", "-l", place], check=False)
        self.mounts = []

    def server(self, script="", **keys):
        keys.setdefault("user", "me")
        keys.setdefault("password", PASSWORD)
        lines = ["%s = %s" % (k.replace("_", "-"), v)
                 for k, v in keys.items()]
        s = scripted.Server(scripted.Script("\n".join(lines) + "\n" + script),
                            self.certs, self.dir)
        self.running.append(s)
        return s

    def config(self, **keys):
        given = {"host": "localhost", "user": "me", "from": "me@example.test",
                 "password-file": self.secret, "timeout": "3s",
                 "connect-timeout": "3s",
                 "tls-ca-file": self.certs + "/ca.pem"}
        given.update((k.replace("_", "-"), v) for k, v in keys.items())
        text = "log = off\nqueue-dir = %s\nqueue-any-fs = yes\n" \
            "queue-reserve = %s\n[account work]\n" % (
                given.pop("queue-dir", self.dir + "/queue"),
                given.pop("queue-reserve", "1M"))
        text += "".join("%s = %s\n" % (k, v) for k, v in given.items()
                        if v is not None)
        write(self.dir + "/config", text, 0o600)

    def run(self, *argv, env=None, wrap=(), text=None, name="mailchute"):
        full = dict(BARE, HOME=self.dir, USER="root")
        full["PATH"] = self.dir + "/bin:" + full["PATH"]
        full.update(env or {})
        program = self.dir + "/bin/" + name
        if not os.path.lexists(program):
            os.symlink(BINARY, program)
        # the helper and the modules are looked for beside the real one
        done = subprocess.run([*wrap, BINARY if name == "mailchute" else
                               program, *argv], env=full, cwd=self.dir,
                              input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60 * SLOW,
                              check=False)
        return (done.returncode, done.stdout.decode("utf-8", "replace"),
                done.stderr.decode("utf-8", "replace"))

    def doctor(self, *argv, **how):
        dns = () if "--dns" in argv else ("--no-dns",)
        said = Said(*self.run("doctor", "-C", self.dir + "/config", "--json",
                              *dns, *argv, **how))
        if PASSWORD in said.out + said.err:
            raise Failure("the password is shown\n%s" % said)
        if not said.rows or re.search("Sanitizer|runtime error", said.err):
            raise Failure("no answer\n%s" % said)
        return said

    def send(self, *argv, text=b"Subject: hi\n\nhi\n", want=(0,)):
        status, out, err = self.run("-C", self.dir + "/config", *argv,
                                    text=text)
        if status not in want:
            raise Failure("sending: status %d\n%s%s" % (status, out, err))

    def mount(self, *argv):
        place = argv[-1]
        done = subprocess.run(["mount", *argv], stderr=subprocess.PIPE,
                              check=False)
        if done.returncode != 0:
            raise Skip("mount: " + done.stderr.decode().strip())
        self.mounts.append(place)

    def real_servers(self):
        """Postfix, with Dovecot for the log-in; started once"""
        if self.postfix:
            return
        for program in ("postconf", "dovecot"):
            if not shutil.which(program):
                raise Skip(program + " is missing")
        where = self.top + "/real"
        os.mkdir(where)
        os.chmod(self.top, 0o755)
        os.chmod(where, 0o755)
        users = ["me:{PLAIN}" + PASSWORD]
        self.real.append(servers.Sink(where + "/lmtp"))
        self.real.append(servers.Dovecot(where + "/dovecot", users))
        self.real.append(servers.Postfix(
            where + "/postfix", self.certs, where + "/lmtp",
            self.real[1].socket, where + "/policy"))
        self.postfix = self.real[2]

    def close(self):
        for server in reversed(self.real):
            server.stop()


# ---------------------------------------------------------------------- healthy

@case
def healthy(b):
    """nothing is wrong: all ok, status 0, nothing sent, also in words"""
    b.server(port=465)
    b.config()
    said = b.doctor()
    said.ends(0)
    said.only()
    for check in ("configuration", "account", "secret", "name", "connection",
                  "TLS", "certificate", "EHLO", "log-in", "size", "queue",
                  "messages", "clock"):
        said.ok(check)
    said.ok("log-in", "as me by PLAIN")
    said.ok("certificate", r"localhost.*by CN=ca of the tests.*days left")
    record = b.running[0].record
    if record.transactions or record.quits != 1 or record.violations:
        raise Failure("%r %r" % (record.commands, record.violations))
    if os.path.exists(b.dir + "/queue"):
        raise Failure("a queue was made")
    status, out, _ = b.run("doctor", "-C", b.dir + "/config", "--no-dns",
                           "work")
    if status != 0 or not re.search(r"(?m)^ok        log-in: as me", out) \
            or "\x1b" in out:
        raise Failure(out)


@case
def real(b):
    """Postfix and Dovecot: all ok, with STARTTLS and with TLS from the start"""
    b.real_servers()
    for name, tls in (("starttls", "starttls"), ("implicit", "on")):
        b.config(port=b.postfix.port[name], tls=tls)
        said = b.doctor("--try-sender", "you@far.example")
        said.ends(0)
        said.only()
        said.ok("sender", "takes mail")


@case
def strict(b):
    """--strict makes status 1 of warnings, --no-auth touches no secret"""
    b.server(port=465, caps="SIZE 1000")
    b.config(password_file=None,
             password_command="touch %s/ran" % b.dir)
    said = b.doctor("--strict", "--no-auth")
    said.ends(1)
    said.warned("size", "larger than 1000 bytes")
    said.ok("log-in", "not tried; the server offers PLAIN LOGIN")
    if os.path.exists(b.dir + "/ran") or b.running[0].record.auths:
        raise Failure("it has looked at the secret")
    status, _, err = b.run("doctor", "--bad")
    if status != 64 or "unknown word" not in err:
        raise Failure(err)
    status, out, _ = b.run("doctor", "--help")
    lines = out.splitlines()
    if status != 0 or len(lines) > 24 or max(map(len, lines)) > 80:
        raise Failure(out)


# ------------------------------------------------------ twenty broken set-ups

@case
def wrong_password(b):
    """1: wrong password (Postfix and Dovecot)"""
    b.real_servers()
    write(b.secret, "not it\n", 0o600)
    b.config(port=b.postfix.port["implicit"])
    said = b.doctor()
    said.failed("log-in", "wrong user or password: the server refused me by "
                "SCRAM-SHA-256: 535", "correct `user`")
    said.only("log-in")
    said.ends(75)


@case
def wrong_port(b):
    """2: wrong port, and the right one is found"""
    b.server(port=465)
    b.config(port=4650)
    said = b.doctor()
    said.failed("connection", "Connection refused",
                r"wrong port\?.*port 465: TLS from the start.*set port = 465")
    said.only("connection")
    said.ends(75)


@case
def plain_on_465(b):
    """3: plain SMTP at a port where TLS is expected"""
    b.server(port=465, tls="starttls")
    b.config()
    said = b.doctor()
    said.failed("TLS", "port 465 greets in clear, and tls = on wants TLS",
                "set tls = starttls")
    said.only("TLS")


@case
def tls_on_587(b):
    """4: TLS from the start at the port of STARTTLS"""
    b.server(port=587, tls="on")
    b.config(tls="starttls", timeout="1s")
    said = b.doctor("--no-auth")
    said.failed("greeting", "port 587 speaks TLS from the start, and tls = "
                "starttls waits", "set tls = on")
    said.only("greeting")


@case
def expired(b):
    """5: expired certificate"""
    b.server(port=465, cert="expired")
    b.config()
    said = b.doctor()
    said.failed("certificate", "expired on 2020-02-01", "has to renew it")
    said.only("certificate")
    said.ok("clock")


@case
def wrong_name(b):
    """6: certificate of another name"""
    b.server(port=465, cert="wrongname")
    b.config()
    said = b.doctor()
    said.failed("certificate", "wrong name: it is for mail.elsewhere.test, "
                "192.0.2.1, not for localhost", "set `host`")
    said.only("certificate")


@case
def self_signed(b):
    """7: self-signed certificate, with the pin that would do"""
    b.server(port=465, cert="selfsigned")
    b.config()
    said = b.doctor()
    said.failed("certificate", "self-signed",
                "tls-pin = sha256//[A-Za-z0-9+/]{43}=")
    said.only("certificate")


@case
def scram_only(b):
    """8: a server that offers SCRAM only, and a password that is not it"""
    write(b.secret, "another one\n", 0o600)
    b.server(port=465, mechs="SCRAM-SHA-256")
    b.config()
    said = b.doctor()
    said.failed("log-in", "refused me by SCRAM-SHA-256, and it offers SCRAM "
                "only", "SCRAM keys")
    said.only("log-in")


@case
def no_auth(b):
    """9: no AUTH offered"""
    b.server(port=587, tls="starttls", mechs="")
    b.config(tls="starttls")
    said = b.doctor()
    said.failed("log-in", r"offers no log-in at port 587 \(no AUTH",
                "remove `user`")
    said.only("log-in")


@case
def from_refused(b):
    """10: the From is refused (Postfix), which --try-sender shows"""
    b.real_servers()
    b.config(port=b.postfix.port["implicit"], **{"from": "forged@example.test"})
    said = b.doctor("--try-sender", "you@far.example")
    said.failed("sender", r"the sender \(From\) is refused.*553 5.7.1",
                "set `from` to an address of the account")
    said.only("sender")
    said.ends(77)


@case
def size(b):
    """11: a message that is larger than the server takes (Postfix)"""
    b.real_servers()
    b.config(port=b.postfix.port["small"], tls="starttls")
    b.send("--queue-only", "you@far.example",
           text=b"Subject: big\n\n" + b"x" * 70 + b"\n" +
           b"".join(b"%069d\n" % i for i in range(4000)))
    said = b.doctor()
    said.failed("size", r"message \S+ has 28\d+ bytes, and the server takes "
                "no more than 200000", "smaller")
    said.only("size")
    said.ends(69)


@case
def greylisting(b):
    """12: greylisting (Postfix), of what waits and by --try-sender"""
    b.real_servers()
    b.config(port=b.postfix.port["implicit"])
    b.send("grey@far.example")
    said = b.doctor("--try-sender", "grey@far.example")
    said.warned("last failures", "waits; greylisting: .*450 4.2.0 .*Greylisted",
                "the queue does that")
    said.failed("sender", "greylisting", "the queue does that")
    said.only("sender")
    said.ends(75)


@case
def no_route(b):
    """13: no route to the server"""
    b.config(host="192.0.2.25")
    said = b.doctor()
    said.failed("connection", "Network is unreachable", "there is no route")
    said.only("connection")


@case
def dns_failure(b):
    """14: DNS: no server answers; and there is no such name"""
    write(b.dir + "/resolv.conf", "nameserver 127.0.0.1\n"
          "options timeout:1 attempts:1\n")
    write(b.dir + "/nsswitch.conf", "passwd: files\nhosts: files dns\n")
    b.mount("--bind", b.dir + "/resolv.conf", "/etc/resolv.conf")
    if os.path.exists("/etc/nsswitch.conf"):
        b.mount("--bind", b.dir + "/nsswitch.conf", "/etc/nsswitch.conf")
    b.config(host="smtp.example.test")
    said = b.doctor()
    said.failed("name", "smtp.example.test", "no DNS server answered")
    said.only("name")
    said.ends(75)
    names.Dns(port=53)
    said = b.doctor()
    said.failed("name", "smtp.example.test", "correct `host`")


@case
def read_only(b):
    """15: the queue is on a read-only file system"""
    b.server(port=465)
    os.mkdir(b.dir + "/queue", 0o700)
    b.mount("-t", "tmpfs", "-o", "ro,mode=700", "tmpfs", b.dir + "/queue")
    b.config()
    said = b.doctor()
    said.failed("queue", "read-only file system: nothing can be queued",
                "remount,rw")
    said.only("queue")
    said.ends(73)


@case
def world_readable(b):
    """16: a secret that all can read"""
    os.chmod(b.secret, 0o644)
    b.server(port=465)
    b.config()
    said = b.doctor()
    said.failed("secret", r"others may read or write .*/secret \(mode 0644, "
                "of root", "chmod 600")
    said.only("secret")
    said.ok("log-in", "not tried")
    said.ends(78)


@case
def no_helper(b):
    """17: the program of password-command is missing"""
    b.server(port=465)
    b.config(password_file=None, password_command="passmgr show work")
    said = b.doctor()
    said.failed("secret", "there is no program passmgr in PATH",
                "install it, or write its whole path")
    said.only("secret")
    said.ends(78)


# a session with a keyring in which the password is, and which is then locked
KEYRING = r"""
{
	printf 'pw\n' | gnome-keyring-daemon --unlock --foreground \
	    --components=secrets &
	keeper=$!
	n=0
	# whoever asks before it is there has the bus start another one
	until gdbus call --session --dest org.freedesktop.DBus \
	    --object-path /org/freedesktop/DBus \
	    --method org.freedesktop.DBus.NameHasOwner \
	    org.freedesktop.secrets | grep true
	do
		n=$((n + 1))
		[ $n -lt 100 ] || { kill $keeper; exit 98; }
		sleep 0.1
	done
	printf %s "$SECRET" | secret-tool store --label=x service mail
	[ "$(secret-tool lookup service mail)" = "$SECRET" ] ||
	    { kill $keeper; exit 98; }
	gdbus call --session --dest org.freedesktop.secrets \
	    --object-path /org/freedesktop/secrets \
	    --method org.freedesktop.Secret.Service.Lock \
	    "['/org/freedesktop/secrets/collection/login']"
} >/dev/null 2>&1
unset SECRET
"$@"
status=$?
kill $keeper
exit $status
"""


@case
def locked_keyring(b):
    """18: a keyring that is locked gives nothing"""
    b.server(port=465)
    b.config(password_file=None,
             password_command="secret-tool lookup service mail")
    how = {}
    if all(shutil.which(p) for p in ("gnome-keyring-daemon", "secret-tool",
                                     "dbus-run-session", "gdbus")):
        how = {"env": {"SECRET": PASSWORD, "XDG_RUNTIME_DIR": b.dir},
               "wrap": ["dbus-run-session", "--", "sh", "-c", KEYRING, "sh"]}
    else:
        # what it does then: no output, status 1
        write(b.dir + "/bin/secret-tool", "#!/bin/sh\nexit 1\n", 0o755)
    said = b.doctor(**how)
    said.failed("secret", "secret-tool.*a locked keyring", "unlock the "
                "keyring")
    said.only("secret")
    said.ok("log-in", "not tried; the server offers PLAIN LOGIN")
    said.ends(75)


def faketime(b, offset):
    if not shutil.which("faketime"):
        raise Skip("faketime is missing")
    if any("detect_leaks" in v or "asan" in k.lower()
           for k, v in BARE.items()) or is_sanitized():
        raise Skip("not together with a sanitizer's library")
    return {"env": {"NO_FAKE_STAT": "1", "FAKETIME_DONT_RESET": "1",
                    "DONT_FAKE_MONOTONIC": "1"},
            "wrap": ["faketime", "-f", offset]}


def is_sanitized():
    with open(BINARY, "rb") as f:
        return b"__asan_init" in f.read()


@case
def clock_behind(b):
    """19: the clock is a year behind: named, and not the certificate"""
    b.server(port=465, cert="recent")
    b.config()
    said = b.doctor(**faketime(b, "-365d"))
    said.failed("clock", "before this release was made.*the clock of this "
                "machine is wrong", "timedatectl set-ntp")
    said.failed("certificate", "the clock is wrong, not the certificate")
    said.only("clock", "certificate")
    said.ends(71)


@case
def clock_ahead(b):
    """19: or a year ahead, which files and the server's greeting show"""
    b.server(port=465, cert="recent")
    b.config()
    how = faketime(b, "+365d")
    said = b.doctor(**how)
    said.warned("clock", "nothing was written on this machine since",
                "timedatectl")
    said.failed("certificate", "expired on .* only by this machine's clock")
    said.only("certificate")
    b.end()
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    b.server("at GREETING reply 220 mail ESMTP Exim 4.96 " + date, port=465)
    said = b.doctor(**how)
    said.failed("clock", "the server says that it is")
    said.only("clock")


@case
def full(b):
    """20: the disk of the queue is full"""
    b.server(port=465)
    os.mkdir(b.dir + "/queue", 0o700)
    b.mount("-t", "tmpfs", "-o", "size=2M,mode=700", "tmpfs",
            b.dir + "/queue")
    b.config()
    said = b.doctor()
    said.only()
    with open(b.dir + "/queue/filler", "wb") as f:
        f.write(b"x" * (1500 << 10))
    said = b.doctor()
    said.failed("queue", "the disk is full.*kept free", "make room")
    said.only("queue")
    said.ends(73)


# ------------------------------------------- what must be told from each other

# Landlock: files may be read and written in some places alone
LOCK = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
call = libc.syscall
READ_WRITE = 4 + 2
class Attr(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64)]
class Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("fd", ctypes.c_int32)]
a = Attr(READ_WRITE)
rules = call(444, ctypes.byref(a), ctypes.sizeof(a), 0)
if rules < 0:
    sys.exit(99)
for place in sys.argv[1].split(":"):
    r = Rule(READ_WRITE, os.open(place, os.O_PATH))
    call(445, rules, 1, ctypes.byref(r), 0)
libc.prctl(38, 1, 0, 0, 0)
if call(446, rules, 0) != 0:
    sys.exit(99)
os.execv(sys.argv[2], sys.argv[2:])
"""


@case
def security_module(b):
    """a security module refuses what the mode allows (Landlock)"""
    b.server(port=465)
    b.config()
    os.mkdir(b.dir + "/closed")
    shutil.copy(b.secret, b.dir + "/closed/secret")
    os.chmod(b.dir + "/closed/secret", 0o600)
    b.config(password_file=b.dir + "/closed/secret")
    places = [p for p in ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc",
                          "/sys", "/dev", "/run", "/var", "/root", "/work",
                          "/home", "/opt", b.dir + "/config", b.certs)
              if os.path.exists(p)]
    places.append(os.path.dirname(os.path.dirname(BINARY)))
    try:
        said = b.doctor(wrap=[sys.executable, "-c", LOCK, ":".join(places)])
    except Failure as why:
        if "status 99" in str(why):
            raise Skip("no Landlock here") from why
        raise
    said.failed("secret", "permission denied, although its mode.*a security "
                "module of the kernel refuses", "journalctl -k")
    said.failed("queue", "a security module of the kernel refuses.*nothing "
                "can be queued", "journalctl -k")
    said.only("secret", "queue")


@case
def closed_directory(b):
    """a mode that refuses is not taken for a security module"""
    b.server(port=465)
    os.mkdir(b.dir + "/closed", 0o700)
    shutil.copy(b.secret, b.dir + "/closed/secret")
    b.config(password_file=b.dir + "/closed/secret",
             queue_dir=b.dir + "/home/queue")
    os.mkdir(b.dir + "/home", 0o777)
    os.chown(b.dir + "/home", 65534, 65534)
    os.chmod(b.dir + "/config", 0o644)
    if not shutil.which("setpriv"):
        raise Skip("setpriv is missing")
    said = b.doctor(wrap=["setpriv", "--reuid=65534", "--regid=65534",
                          "--clear-groups", "--inh-caps=-all"])
    said.failed("secret", "the directory .*/closed is closed to this user",
                "chmod")
    b.config(queue_dir=b.dir + "/closed/queue")
    os.chmod(b.dir + "/config", 0o644)
    os.chmod(b.dir + "/closed", 0o755)
    said = b.doctor("--no-auth", wrap=["setpriv", "--reuid=65534",
                                       "--regid=65534", "--clear-groups"])
    said.failed("queue", "closed: permission denied: mode 0755, of root, and "
                "this is .*nothing can be queued", "chown")
    os.chmod(b.dir + "/config", 0o600)
    said = b.doctor(wrap=["setpriv", "--reuid=65534", "--regid=65534",
                          "--clear-groups", "--inh-caps=-all"])
    said.failed("configuration", "cannot read .*permission denied: mode 0600, "
                "of root", "chown")
    said.ends(78)


@case
def portal_http(b):
    """a captive portal that answers HTTP"""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    s.listen(5)
    port = s.getsockname()[1]
    pid = os.fork()
    if pid == 0:
        for _ in range(4):
            c = s.accept()[0]
            c.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n")
            c.close()
        os._exit(0)
    s.close()
    try:
        for tls, line in (("starttls", "greeting"), ("on", "TLS")):
            b.config(port=port, tls=tls)
            said = b.doctor()
            said.failed(line, r"a web server answers \(HTTP\).*captive "
                        "portal", "log in to the network")
            said.only(line)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@case
def portal_certificate(b):
    """a captive portal: foreign certificate, private address, public name"""
    b.server(port=465, cert="wrongname")
    write(b.dir + "/hosts", "127.0.0.1 localhost smtp.provider.example\n")
    b.mount("--bind", b.dir + "/hosts", "/etc/hosts")
    b.config(host="smtp.provider.example")
    said = b.doctor()
    said.failed("certificate", "wrong name.*private address here: a captive "
                "portal", "log in to the network")
    said.only("certificate")


@case
def filtered(b):
    """port 25 is filtered, and 465 is not"""
    b.server(port=465)
    # a listener whose queue is full does not answer
    s = socket.socket()
    s.bind(("127.0.0.1", 25))
    s.listen(0)
    fill = [socket.socket() for _ in range(4)]
    for f in fill:
        f.setblocking(False)
        f.connect_ex(("127.0.0.1", 25))
    time.sleep(0.1)
    b.config(host="127.0.0.1", port=25, connect_timeout="1s")
    said = b.doctor()
    for f in fill + [s]:
        f.close()
    said.failed("connection", "cannot connect|Connection timed out",
                "port 25 is filtered.*against spam.*set port = 465")
    said.only("connection")


@case
def stripped(b):
    """something in between writes over STARTTLS, or takes it away"""
    b.server(port=587, tls="starttls", caps_clear="SIZE 1; XXXXXXXA")
    b.config(tls="starttls")
    said = b.doctor()
    said.failed("TLS", "an intercepting proxy or firewall has written "
                "XXXXXXXX over STARTTLS", "port = 465")
    said.only("TLS")
    b.end()
    b.server(port=587, tls="starttls", caps_clear="SIZE 1")
    said = b.doctor()
    said.failed("TLS", "does not offer STARTTLS.*or something in between",
                "port = 465")


@case
def masked(b):
    """a firewall that replaces the greeting"""
    b.server("at GREETING reply 220 *********2***0**", port=587,
             tls="starttls")
    b.config(tls="starttls")
    said = b.doctor()
    said.warned("greeting", "something in between has replaced it")
    said.only()


@case
def intercepted(b):
    """a proxy that breaks TLS open, by its own name and by an unknown one"""
    b.server(port=465, cert="fortinet")
    b.config()
    said = b.doctor()
    said.failed("certificate", "FortiGate.*an intercepting proxy or virus "
                "scanner", "leave this server alone")
    said.only("certificate")
    b.end()
    b.server(port=465, cert="otherca")
    said = b.doctor()
    said.failed("certificate", "authority that tls-ca-file does not know, "
                "CN=other of the tests: a private one, or an intercepting",
                "tls-pin = sha256//")


@case
def no_trust(b):
    """the system has no authorities; or only old ones"""
    b.server(port=465)
    os.mkdir(b.dir + "/none")
    for place in ("/etc/ssl", "/usr/lib/ssl"):
        if os.path.isdir(place):
            b.mount("--bind", b.dir + "/none", place)
    b.config(tls_ca_file=None)
    said = b.doctor()
    said.failed("certificate", "no authorities: its trust store is missing",
                "ca-certificates")
    said.only("certificate")
    os.mkdir(b.dir + "/none/certs")
    bundle = b.dir + "/none/certs/ca-certificates.crt"
    shutil.copy(b.certs + "/other.pem", bundle)
    os.utime(bundle, (1500000000, 1500000000))
    said = b.doctor()
    said.failed("certificate", "its trust store .* is of 2017-07-14.*too old",
                "bring the authorities up to date")
    shutil.copy(b.certs + "/oldroot.pem", bundle)
    b.end()
    b.mount("--bind", b.dir + "/none", "/etc/ssl")
    b.server(port=465, cert="oldleaf")
    said = b.doctor()
    said.failed("certificate", "of this machine's own trust store, expired "
                "on 2021", "bring the authorities up to date")


@case
def pin(b):
    """another key than the one that tls-pin names"""
    b.server(port=465)
    b.config(tls_pin="sha256//" + 43 * "A" + "=")
    said = b.doctor()
    said.failed("certificate", "not among tls-pin: it is " + re.escape(
        read(b.certs + "/good.pin").strip()), "set tls-pin to it")
    said.only("certificate")


@case
def curl(b):
    """over libcurl, which tells less"""
    if not os.path.exists(os.path.dirname(BINARY) + "/lib/.libs/curl.so"):
        raise Skip("no module for libcurl here")
    b.server(port=465)
    b.config(transport="curl")
    said = b.doctor("--try-sender", "you@far.example")
    said.ends(0)
    said.ok("connection", "made by libcurl")
    said.ok("log-in", "as me by PLAIN")
    said.ok("sender")
    b.end()
    b.server(port=465, cert="expired")
    said = b.doctor()
    said.failed("certificate", "expired")
    said.only("certificate")


@case
def configuration(b):
    """keys that do not exist, values, hosts and accounts that are not there"""
    b.config(hots="x")
    said = b.doctor()
    said.failed("configuration", "hots", "mailchute.conf")
    said.ends(78)
    b.config(host=None)
    said = b.doctor()
    said.failed("account", "has no host", "mailchute setup")
    b.config()
    said = b.doctor("nosuch")
    said.failed("account", "nosuch")
    os.chmod(b.dir + "/config", 0o666)
    b.server(port=465)
    said = b.doctor()
    said.warned("configuration", "others may write it", "chmod go-w")


# -------------------------------------------------------------------------- DNS

@case
def dkim(b):
    """the record of a key in DNS against the key that signs"""
    if not os.path.exists(os.path.dirname(BINARY) +
                          "/helper/mailchute-lookup"):
        raise Skip("built without mailchute-lookup")
    dns = names.Dns()
    b.server(port=465)
    files = [b.dir + "/k%d.pem" % i for i in range(2)]
    records = []
    for file in files:
        done = subprocess.run(
            [BINARY, "dkim", "keygen", "--domain", "example.test",
             "--selector", "s1", "--out", file], check=True,
            stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]})
        records.append(re.search(r"(?m)^; text: (v=DKIM1; .*)$",
                                 done.stdout.decode()).group(1))
    b.config(host="127.0.0.1", dkim_domain="example.test",
             dkim_selector="s1", dkim_key=files[0])

    def look(record):
        dns.table.clear()
        if record:
            dns.table[("s1._domainkey.example.test", names.TXT)] = \
                names.Said(names.txt(*(record[i:i + 200].encode() for i in
                                       range(0, len(record), 200))))
        return b.doctor("--dns", dns.place)

    look(records[0]).ok("DKIM", "has the key that mail is signed with")
    look(records[0].replace("; ", ";").replace("p=", " p = ")).ok(
        "DKIM", "has the key that mail is signed with")
    look(records[1]).failed("DKIM", "is not that of .*k0.pem")
    look("v=DKIM1; p=").failed("DKIM", "revoked")
    look(None).failed("DKIM", "receivers cannot check")
    os.chmod(files[0], 0o644)
    look(records[0]).failed("DKIM", "k0.pem")


@case
def spf(b):
    """SPF, DKIM and DMARC of the sender's domain against the relay"""
    if not os.path.exists(os.path.dirname(BINARY) +
                          "/helper/mailchute-lookup"):
        raise Skip("built without mailchute-lookup")
    dns = names.Dns()
    b.server(port=465)
    b.config(host="127.0.0.1")

    def look(record, dmarc=None):
        dns.table.clear()
        def say(name, kind, *records):
            dns.table[(name, kind)] = names.Said(*records)
        if record:
            say("example.test", names.TXT, names.txt(record.encode()),
                names.txt(b"something else"))
        say("sub.test", names.TXT,
            names.txt(b"v=spf1 a:host.test/24 -all"))
        say("host.test", names.A, names.a("127.0.0.9"))
        say("deep.test", names.TXT, names.txt(b"v=spf1 mx -all"))
        say("deep.test", names.MX, names.mx(10, "mx.test"))
        say("mx.test", names.A, names.a("127.0.0.1"))
        say("loop.test", names.TXT, names.txt(b"v=spf1 include:loop.test"))
        if dmarc:
            say("_dmarc.example.test", names.TXT, names.txt(dmarc.encode()))
        return b.doctor("--dns", dns.place)

    for record in ("v=spf1 ip4:127.0.0.0/8 -all", "v=spf1 include:sub.test "
                   "-all", "v=spf1 redirect=deep.test", "v=spf1 ip6:::1 "
                   "ip4:127.0.0.1 ~all", "V=SPF1 +all"):
        look(record).ok("SPF", "lets the relay 127.0.0.1 send")
    for record, how in (("v=spf1 ip4:192.0.2.0/24 -all", "fail by -all"),
                        ("v=spf1 ip4:128.0.0.0/8 ~all", "softfail by ~all"),
                        ("v=spf1", "neutral")):
        look(record).warned("SPF", "does not name the relay.*: " + how,
                            "ask the provider")
    look("v=spf1 include:loop.test -all").warned(
        "SPF", "broken: .*(more than 10 lookups|circle)")
    look("v=spf1 foo:bar -all").warned("SPF", "unknown mechanism")
    look("v=spf1 include:nothing.test -all").warned("SPF", "no SPF record")
    said = look(None, "v=DMARC1; p=reject; aspf=s")
    said.warned("SPF", "has no SPF record")
    said.ok("DMARC", "policy of example.test is reject")
    said.ends(0)
    b.config(host="127.0.0.1", envelope_from="bounce@elsewhere.test")
    said = look("v=spf1 +all", "v=DMARC1; p=quarantine")
    said.warned("DMARC", "quarantine.*of another domain", "DKIM")


# ------------------------------------------------------------------------- main

def extra_certs(where):
    """One of this month, one of a proxy, one whose root is over."""
    now = time.time()
    day = 86400

    def stamp(t):
        return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t))
    san = "DNS:localhost,IP:127.0.0.1"

    def make(name, issuer, start, end, ca="ca", root=False):
        key = "%s/%s.key" % (where, name)
        pem = "%s/%s.pem" % (where, name)
        cnf = "%s/%s.cnf" % (where, name)
        write(cnf, "[ca]\ndefault_ca=own\n[own]\ndatabase=%s/i.txt\n"
              "new_certs_dir=%s\nrand_serial=yes\nunique_subject=no\n"
              "policy=any\nx509_extensions=x\n[any]\ncommonName=supplied\n"
              "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\ncommonName=%s\n"
              "[x]\nbasicConstraints=critical,CA:%s\n%s\n" % (
                  where, where, issuer, "TRUE" if root else "FALSE",
                  "" if root else "subjectAltName=" + san))
        write(where + "/i.txt", "")
        run = lambda *argv: subprocess.run(                    # noqa: E731
            ["openssl", *argv], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        run("genpkey", "-algorithm", "EC", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-out", key)
        run("req", "-new", "-config", cnf, "-key", key, "-out", cnf + ".csr")
        sign = ["-selfsign", "-keyfile", key] if root else [
            "-cert", "%s/%s.pem" % (where, ca), "-keyfile",
            "%s/%s.key" % (where, ca)]
        run("ca", "-batch", "-notext", "-config", cnf, "-md", "sha256",
            "-startdate", stamp(start), "-enddate", stamp(end), *sign,
            "-in", cnf + ".csr", "-out", pem)
    make("recent", "localhost", now - 30 * day, now + 60 * day)
    make("forti", "FortiGate CA", now - 30 * day, now + 900 * day, root=True)
    make("fortinet", "localhost", now - 30 * day, now + 60 * day, "forti")
    make("oldroot", "old root", 1500000000, 1610000000 + 20 * day, root=True)
    make("oldleaf", "localhost", now - 30 * day, now + 60 * day, "oldroot")


def tell(number, function, problem, begun):
    words = "%d - %s" % (number, function.__doc__)
    end = "%.1f s" % (time.monotonic() - begun)
    if isinstance(problem, Skip):
        print("ok %s # SKIP %s" % (words, problem))
    else:
        print("%s %s # %s" % ("ok" if problem is None else "not ok", words,
                              end))
        text = "" if problem is None else str(problem) if isinstance(
            problem, (Failure, servers.Trouble)) else traceback.format_exc()
        for line in text.splitlines()[:60]:
            print("# " + line)
    sys.stdout.flush()


# with sanitizers: those in which the program reads what others wrote, in ways
# that differ
INPUT = ["healthy", "wrong_name", "size", "portal_http", "masked",
         "intercepted", "configuration", "security_module", "spf"]


def main(patterns):
    if not patterns and os.environ.get("MC_SANITIZED") == "yes":
        patterns = INPUT
    chosen = [c for c in CASES if any(fnmatch.fnmatch(
        c.__name__, p) for p in patterns or ["*"])]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    where = tempfile.mkdtemp(prefix="mc-doctor-")
    os.chmod(where, 0o755)
    guard = servers.Guard(where)
    servers.Daemon.guard = guard
    bench = Bench(where)
    extra_certs(bench.certs)
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, function in enumerate(chosen, 1):
        begun, problem = time.monotonic(), None
        bench.begin()
        try:
            function(bench)
        except Exception as e:          # pylint: disable=broad-except
            problem = e
            failed += not isinstance(e, Skip)
            tell(number, function, e, begun)
        finally:
            bench.end()
        if problem is None:
            tell(number, function, None, begun)
    bench.close()
    guard.dismiss()
    shutil.rmtree(where, ignore_errors=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
