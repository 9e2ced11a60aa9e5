# SPDX-License-Identifier: MIT
"""Postfix, Dovecot (for log-ins only), an LMTP server that records what is
delivered, and a policy server that can kill: each in the directory that it is
given, on loopback and UNIX sockets only.  Only processes started here are ever
signalled."""
import base64
import grp
import hashlib
import hmac
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import threading
import time

SLOW = float(os.environ.get("MAILCHUTE_SLOW") or 1)


class Trouble(Exception):
    """A server does not do what the test needs."""


def wait_for(what, seconds, probe):
    """The first true value of probe()."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Trouble("%s: not seen in %g seconds" % (what, seconds))
        time.sleep(0.01)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def write(path, text, mode=0o644):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w", encoding="utf-8") as f:
        f.write(text)


class Guard:
    """A process that ends the servers and removes their directory when the
    test is killed before it could."""

    def __init__(self, where):
        self.where = where
        end, self.pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.pipe)
                self.watch(end)
            finally:
                os._exit(0)
        os.close(end)

    def watch(self, end):
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        told = b""
        while not told.endswith(b"done\n"):
            piece = os.read(end, 4096)
            if not piece:
                break
            told += piece
        else:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in map(int, told.split()):
                end_group(pid, number)
            time.sleep(1)
        shutil.rmtree(self.where, ignore_errors=True)

    def add(self, pid):
        os.write(self.pipe, b"%d\n" % pid)

    def dismiss(self):
        os.write(self.pipe, b"done\n")
        os.close(self.pipe)
        os.waitpid(self.pid, 0)


def end_group(pid, number):
    """pid leads a session that was started here."""
    try:
        if os.getsid(pid) == pid:
            os.killpg(pid, number)
    except OSError:
        pass


class Daemon:
    """A server in the foreground that leads a session of its own."""

    guard = None

    def __init__(self, argv, log):
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd="/", start_new_session=True)
        self.pid = self.child.pid
        if self.guard:
            self.guard.add(self.pid)

    def alive(self):
        return self.child.poll() is None

    def stop(self):
        """Ask, wait, and then end whatever is left of its process group."""
        if self.alive():
            self.child.terminate()
            try:
                self.child.wait(5 * SLOW)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass
        self.child.wait()


def parent_of(pid):
    m = re.search(r"\) \S+ (\d+)", read("/proc/%d/stat" % pid))
    return int(m.group(1)) if m else 0


# ------------------------------------------------------------------------ LMTP

class Delivery:
    """One LMTP transaction: what Postfix had in its queue."""

    def __init__(self, sender, params, rcpts, data):
        self.sender = sender
        self.params = params
        self.rcpts = rcpts
        self.data = data
        m = re.match(rb"Received: (?:.*\r\n)(?:[ \t].*\r\n)*", data)
        self.received = m.group(0).decode() if m else ""
        self.message = data[m.end():] if m else data
        m = re.search(r"\bid (\w+)", self.received)
        self.queue_id = m.group(1) if m else ""

    def header(self):
        return self.data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")


class LmtpHandler(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.session()
        except ConnectionError:
            pass

    def session(self):
        self.say("220 sink.example.test LMTP")
        sender, params, rcpts = None, "", []
        for line in self.rfile:
            line = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = line.split(" ")[0].upper()
            m = re.match(r"\w+ \w+:<(.*?)>(?: (.*))?$", line)
            if verb == "LHLO":
                for word in ("sink.example.test", "PIPELINING", "8BITMIME",
                             "SMTPUTF8", "ENHANCEDSTATUSCODES"):
                    self.say("250-" + word)
                self.say("250 SIZE")
            elif verb == "MAIL" and m:
                sender, params, rcpts = m.group(1), m.group(2) or "", []
                self.say("250 2.1.0 ok")
            elif verb == "RCPT" and m:
                rcpts.append(m.group(1))
                self.say("250 2.1.5 ok")
            elif verb == "DATA" and rcpts:
                self.say("354 go ahead")
                data = self.data()
                self.server.record(Delivery(sender, params, rcpts, data))
                for _ in rcpts:
                    self.say("250 2.0.0 taken")
                rcpts = []
            elif verb in ("RSET", "NOOP"):
                self.say("250 2.0.0 ok")
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("500 5.5.2 not understood")

    def data(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        raise ConnectionError("data without end")


class UnixServer(socketserver.ThreadingMixIn,
                 socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path, handler):
        super().__init__(path, handler)
        os.chmod(path, 0o666)
        threading.Thread(target=self.serve_forever, args=(0.05,),
                         daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


class Sink(UnixServer):
    request_queue_size = 50

    def __init__(self, path):
        self.lock = threading.Lock()
        self.deliveries = []
        super().__init__(path, LmtpHandler)

    def record(self, delivery):
        with self.lock:
            self.deliveries.append(delivery)

    def since(self, mark):
        with self.lock:
            return self.deliveries[mark:]


# ---------------------------------------------------------------------- policy

class PolicyHandler(socketserver.StreamRequestHandler):
    """Tells the server what Postfix asks; silence instead of an answer when
    that killed the asker."""

    def handle(self):
        cred = self.request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED,
                                       12)
        pid = struct.unpack("iII", cred)[0]
        asked = {}
        try:
            for line in self.rfile:
                key, eq, value = line.decode("utf-8", "replace") \
                    .rstrip("\n").partition("=")
                if eq:
                    asked[key] = value
                    continue
                if not self.server.act(pid, asked):
                    return
                self.wfile.write(b"action=DUNNO\n\n")
                asked = {}
        except ConnectionError:
            pass


class Killer(UnixServer):
    """Kills the smtpd that asks, where the sender's address wants it."""

    def __init__(self, path):
        self.master = 0
        self.killed = []
        super().__init__(path, PolicyHandler)

    def act(self, pid, asked):
        if parent_of(pid) != self.master:
            return True
        where = asked["sender"].partition("@")[0]
        state = asked["protocol_state"]
        if (where, state) in (("kill-at-data", "DATA"),
                              ("kill-at-end", "END-OF-MESSAGE")):
            self.kill(pid)
            return False
        if (where, state) == ("kill-in-data", "DATA"):
            # with cleanup asleep nobody takes the message any further, so
            # that the client cannot reach its end
            asleep = self.cleanups()
            for one in asleep:
                os.kill(one, signal.SIGSTOP)
            threading.Timer(0.5, self.kill, (pid, asleep)).start()
        return True

    def cleanups(self):
        pids = [int(x) for x in os.listdir("/proc") if x.isdigit()]
        return [pid for pid in pids if parent_of(pid) == self.master
                and "(cleanup)" in read("/proc/%d/stat" % pid)]

    def kill(self, pid, wake=()):
        if parent_of(pid) == self.master:
            os.kill(pid, signal.SIGKILL)
        self.killed.append(pid)
        for one in wake:
            if parent_of(one) == self.master:
                os.kill(one, signal.SIGCONT)


# --------------------------------------------------------------------- Dovecot

MECHS = ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN")

DOVECOT_23 = """\
protocols = none
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
ssl = no
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = {dir}/passwd
}}
"""
DOVECOT_24 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols =
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
ssl = no
auth_allow_cleartext = yes
passdb passwd-file {{
  passwd_file_path = {dir}/passwd
}}
"""
# a wrong password must not cost the tests seconds
DOVECOT_ALL = """\
auth_mechanisms = plain login scram-sha-1 scram-sha-256
auth_verbose = yes
auth_failure_delay = 0
auth_username_chars =
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
"""


def scram_secret(digest, password, rounds=4096):
    """The stored form of a password, as Dovecot keeps it (RFC 5802)."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)

    def hmac_of(key, text):
        return hmac.new(key, text, digest).digest()

    stored = hashlib.new(digest, hmac_of(salted, b"Client Key")).digest()
    server = hmac_of(salted, b"Server Key")
    return "%d,%s,%s,%s" % ((rounds,) + tuple(
        base64.b64encode(x).decode() for x in (salt, stored, server)))


class Dovecot:
    """Answers Postfix's questions about passwords over a UNIX socket."""

    def __init__(self, where, users, more=("", ""), words=None):
        """users: lines of a passwd-file; more: configuration besides, for
        versions before 2.4 and since, in which {word} stands for a value"""
        os.mkdir(where, 0o755)
        self.dir = where
        self.socket = where + "/auth"
        said = subprocess.run(["dovecot", "--version"], check=True,
                              stdout=subprocess.PIPE).stdout.decode()
        m = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
        if not m or tuple(map(int, m.groups())) < (2, 3, 0):
            raise Trouble("dovecot --version says %r" % said)
        old = tuple(map(int, m.groups())) < (2, 4, 0)
        conf = (DOVECOT_23 if old else DOVECOT_24) + DOVECOT_ALL + \
            more[0 if old else 1]
        write(where + "/dovecot.conf", conf.format(
            dir=where, socket=self.socket, **(words or {})))
        write(where + "/passwd", "".join(x + "\n" for x in users))
        self.version = m.group(0)
        self.daemon = Daemon(["dovecot", "-F", "-c", where + "/dovecot.conf"],
                             where + "/out")
        try:
            wait_for("Dovecot's socket", 10, self.ready)
        except Trouble as e:
            self.stop()
            raise Trouble("%s\n%s" % (e, self.log())) from None

    def ready(self):
        if not self.daemon.alive():
            raise Trouble("Dovecot has ended")
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        try:
            s.connect(self.socket)
            return b"VERSION" in s.recv(4096)
        except OSError:
            return False
        finally:
            s.close()

    def log(self):
        return read(self.dir + "/out") + read(self.dir + "/dovecot.log")

    def stop(self):
        self.daemon.stop()


# --------------------------------------------------------------------- Postfix

# without message_drop_headers Postfix would hide a Bcc field that leaks
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
myhostname = {name}
mydomain = example.test
myorigin = $myhostname
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 192.0.2.1/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relay_domains =
relayhost =
default_transport = lmtp:unix:{sink}
disable_dns_lookups = yes
notify_classes =
in_flow_delay = 0
service_throttle_time = 1s
message_size_limit = 20000000
local_header_rewrite_clients =
message_drop_headers =
smtputf8_enable = yes

smtpd_banner = $myhostname ESMTP
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_client_event_limit_exceptions = 127.0.0.0/8
smtpd_forbid_bare_newline = {bare_newline}
smtpd_forbid_bare_newline_exclusions =
smtpd_forbid_unauth_pipelining = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sender_restrictions = check_sender_access texthash:{dir}/senders
smtpd_recipient_restrictions = check_recipient_access texthash:{dir}/rcpts
smtpd_data_restrictions = reject_unauth_pipelining

smtpd_tls_chain_files = {certs}/good.key, {certs}/good.pem
smtpd_tls_CAfile = {certs}/ca.pem
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_fingerprint_digest = sha256
relay_clientcerts = texthash:{dir}/clients
smtpd_sasl_type = dovecot
smtpd_sasl_path = {auth}
"""
# name, type, private, wakeup, process limit, program
MASTER_CF = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
STARTTLS = ["smtpd_tls_security_level=encrypt", "smtpd_sasl_auth_enable=yes"]
IMPLICIT = STARTTLS + ["smtpd_tls_wrappermode=yes"]
PORTS = {
    "starttls": STARTTLS,
    "implicit": IMPLICIT,
    "wrongname": IMPLICIT + [
        "smtpd_tls_chain_files={certs}/wrongname.key, {certs}/wrongname.pem"],
    "small": STARTTLS + [
        "smtpd_recipient_limit=10", "message_size_limit=200000"],
    "bare": IMPLICIT + [
        "message_size_limit=200000", "smtpd_discard_ehlo_keywords=size, "
        "pipelining, chunking, dsn, enhancedstatuscodes, 8bitmime, "
        "smtputf8"],
    "clientcert": [
        "smtpd_tls_security_level=encrypt", "smtpd_tls_wrappermode=yes",
        "smtpd_tls_ask_ccert=yes",
        "smtpd_relay_restrictions=permit_tls_clientcerts, reject"],
    "plain": ["mynetworks=127.0.0.0/8",
              "smtpd_relay_restrictions=permit_mynetworks, reject"],
    "kill": IMPLICIT + [
        "smtpd_data_restrictions=check_policy_service unix:{policy}",
        "smtpd_end_of_data_restrictions=check_policy_service unix:{policy}"],
}
RECIPIENTS = """\
unknown@ 550 5.1.1 no such user here
full@ 552 5.2.2 this mailbox is full
later@ 450 4.2.0 this mailbox is asleep
grey@ 450 4.2.0 Greylisted, see you in a few minutes
"""
SENDERS = """\
forged@ 553 5.7.1 this address is not yours
"""


def free_ports(n):
    """Ports of loopback that were free a moment ago."""
    held = []
    try:
        for _ in range(n):
            s = socket.socket()
            held.append(s)
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def postconf(name):
    """Built-in value of a parameter, None where it is unknown."""
    said = subprocess.run(["postconf", "-dh", name], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    return None if said.stderr else said.stdout.decode().strip()


def fingerprint(pem):
    """As relay_clientcerts wants it."""
    body = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", read(pem),
                     re.S).group(1)
    digest = hashlib.sha256(base64.b64decode(body)).hexdigest().upper()
    return ":".join(digest[i:i + 2] for i in range(0, 64, 2))


class Postfix:
    """An instance with the ports of PORTS that hands all mail to the sink."""

    def __init__(self, where, certs, sink, auth, policy):
        self.dir = where
        self.files = {"dir": where, "certs": certs, "sink": sink,
                      "auth": auth, "policy": policy,
                      "name": "mx-%s.example.test" % secrets.token_hex(4)}
        self.version = postconf("mail_version")
        self.marks = 0
        self.make()
        # another program may take a port before Postfix does, which then
        # ends without a word
        for _ in range(5):
            try:
                self.start()
                return
            except Trouble as e:
                why = "%s\n%s" % (e, self.log())
                if "fatal:" in why:
                    break
        raise Trouble("Postfix does not start: " + why)

    def make(self):
        where = self.dir
        owner = pwd.getpwnam(postconf("mail_owner")).pw_uid
        drop = grp.getgrnam(postconf("setgid_group")).gr_gid
        os.mkdir(where, 0o755)
        os.mkdir(where + "/queue", 0o755)
        os.mkdir(where + "/queue/pid", 0o755)
        for name, mode in [("data", 0o700)] + [
                ("queue/" + x, 0o700) for x in (
                    "active bounce corrupt defer deferred flush hold incoming "
                    "private saved trace").split()] + [
                        ("queue/maildrop", 0o730), ("queue/public", 0o710)]:
            path = "%s/%s" % (where, name)
            os.mkdir(path)
            os.chmod(path, mode)
            os.chown(path, owner, drop if mode != 0o700 else 0)
        known = postconf("smtpd_forbid_bare_newline_reject_code") is not None
        write(where + "/main.cf", MAIN_CF.format(
            bare_newline="reject" if known else "no", **self.files))
        write(where + "/rcpts", RECIPIENTS)
        write(where + "/senders", SENDERS)
        write(where + "/clients", "%s test\n" % fingerprint(
            self.files["certs"] + "/client.pem"))

    def start(self):
        self.port = dict(zip(PORTS, free_ports(len(PORTS))))
        text = MASTER_CF
        for name, options in PORTS.items():
            text += "127.0.0.1:%d inet n - n - - smtpd\n" % self.port[name]
            for option in options + ["syslog_name=postfix/" + name]:
                key, _, value = option.format(**self.files).partition("=")
                text += "  -o { %s = %s }\n" % (key, value)
        write(self.dir + "/master.cf", text)
        program = postconf("daemon_directory") + "/master"
        for name in ("log", "out"):
            if os.path.exists("%s/%s" % (self.dir, name)):
                os.remove("%s/%s" % (self.dir, name))
        self.daemon = Daemon([program, "-c", self.dir, "-d"],
                             self.dir + "/out")
        try:
            wait_for("Postfix's greeting", 10, self.ready)
        except BaseException:
            self.daemon.stop()
            raise

    def ready(self):
        if not self.daemon.alive() or "fatal:" in self.log():
            raise Trouble("it has ended")
        try:
            with socket.create_connection(
                    ("127.0.0.1", self.port["plain"]), 10) as s:
                said = s.recv(200).decode("utf-8", "replace")
                s.sendall(b"EHLO localhost\r\n")
                self.utf8 = b"SMTPUTF8" in s.recv(2000)
                s.sendall(b"QUIT\r\n")
                s.recv(200)
        except OSError:
            return False
        if self.files["name"] not in said:
            raise Trouble("another server has the port")
        wait_for("the log", 10, lambda: "disconnect from" in self.log())
        return True

    def log(self):
        return read(self.dir + "/out") + read(self.dir + "/log")

    def sync_log(self):
        """Every connection that was greeted has its line in the log."""
        self.marks += 1
        mark = "mark %d of the test" % self.marks
        subprocess.run(["postlog", "-c", self.dir, mark], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("the log", 10, lambda: mark in read(self.dir + "/log"))

    def stop(self):
        self.daemon.stop()
