#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Submit mail to Dovecot, which fills mailboxes by LMTP and passes mail on as
a submission server, and look at what arrives: dovecot.py [--list] [PATTERN]...

Prints TAP.  PATTERN (with * and ?) chooses cases by their title.  Dovecot runs
in a temporary directory of its own and listens on loopback only; behind its
submission server stands a relay that is part of this file.  Environment as for
postfix.py.
"""
import collections
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import socketserver
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postfix                                      # noqa: E402
import servers                                      # noqa: E402
from postfix import Failure, canonical, expect, letter    # noqa: E402
from servers import SLOW, Trouble, read, wait_for, write    # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
OWNER = 65534
PASSWORD = "correct horse battery staple"
# "full" has more than the quota allows, nobody can write to "locked"
USERS = ("ada", "grace", "alan", "full", "locked")
QUOTA = 20 << 20

ALL = """\
protocols = lmtp submission
listen = 127.0.0.1
hostname = dovecot.example.test
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_max_mail_size = 2M
ssl = required
service lmtp {{
  unix_listener {dir}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {lmtp}
  }}
  inet_listener lmtps {{
    port = {lmtps}
    ssl = yes
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {starttls}
  }}
  inet_listener submissions {{
    port = {implicit}
    ssl = yes
  }}
}}
"""
OLD = ALL + """\
auth_username_format = %Ln
ssl_cert = <{certs}/good.pem
ssl_key = <{certs}/good.key
mail_location = maildir:~/Maildir
mail_plugins = quota
userdb {{
  driver = passwd-file
  args = {dir}/passwd
}}
plugin {{
  quota = maildir:all
  quota_rule = *:storage={quota}B
}}
"""
NEW = ALL + """\
auth_username_format = %{{user | username | lower}}
auth_allow_cleartext = no
ssl_server_cert_file = {certs}/good.pem
ssl_server_key_file = {certs}/good.key
mail_driver = maildir
mail_path = ~/Maildir
userdb passwd-file {{
  passwd_file_path = {dir}/passwd
}}
mail_plugins {{
  quota = yes
}}
quota_storage_size = {quota}B
quota all {{
  driver = maildir
}}
"""


# ----------------------------------------------------------------------- relay

Passed = collections.namedtuple("Passed", "sender params rcpts data")


class RelayHandler(socketserver.StreamRequestHandler):
    """SMTP as Dovecot's submission server speaks it to a relay."""

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.session()
        except ConnectionError:
            pass

    def session(self):
        self.say("220 relay.example.test ESMTP")
        self.clear()
        for line in self.rfile:
            line = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = line.split(" ")[0].upper()
            answer = getattr(self, "do_" + verb.lower(), None)
            self.say("502 5.5.1 unknown" if answer is None else
                     answer(line) or "250 2.0.0 ok")
            if verb == "QUIT":
                return

    def clear(self):
        self.sender, self.params, self.rcpts, self.data = None, "", [], b""

    def do_ehlo(self, _):
        return "\r\n".join(["250-relay.example.test"] + [
            "250-" + x for x in ("PIPELINING", "8BITMIME", "DSN", "CHUNKING",
                                 "ENHANCEDSTATUSCODES")] + ["250 SIZE 0"])

    def do_noop(self, _):
        return None

    def do_rset(self, _):
        self.clear()

    def do_quit(self, _):
        return "221 2.0.0 bye"

    def do_mail(self, line):
        self.clear()
        m = re.match(r"MAIL FROM:<(.*?)> ?(.*)$", line, re.I)
        self.sender, self.params = m.groups()

    def do_rcpt(self, line):
        m = re.match(r"RCPT TO:<(.*?)> ?(.*)$", line, re.I)
        if m.group(1).startswith("unknown@"):
            return "550 5.1.1 no such user there"
        if m.group(1).startswith("later@"):
            return "450 4.2.0 that mailbox is asleep"
        self.rcpts.append(m.groups())
        return "250 2.1.5 ok"

    def do_data(self, _):
        if not self.rcpts:
            return "554 5.5.1 no recipients"
        self.say("354 go ahead")
        for line in self.rfile:
            if line == b".\r\n":
                return self.taken()
            self.data += line[1:] if line[:1] == b"." else line
        raise ConnectionResetError

    def do_bdat(self, line):
        words = line.split()
        self.data += self.rfile.read(int(words[1]))
        if not self.rcpts:
            return "554 5.5.1 no recipients"
        return self.taken() if len(words) > 2 else None

    def taken(self):
        self.server.passed.append(
            Passed(self.sender, self.params, self.rcpts, self.data))
        self.clear()
        return "250 2.0.0 taken"


class Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.passed = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


# ------------------------------------------------------------------- the bench

class Run:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def seen(self):
        return "exit status %d\n%s%s" % (self.status, self.out, self.err)

    def count(self, pattern):
        return len(re.findall(pattern, self.err, re.M))


class Bench:
    def __init__(self, where):
        self.dir = where
        self.number = 0
        self.last = None
        self.running = []
        self.certs = where + "/certs"
        subprocess.run(
            ["sh", HERE + "/../script/certs.sh", self.certs], check=True)
        for name in ("sendmail", "mailchute"):
            os.symlink(os.path.abspath(os.environ["MAILCHUTE_BIN"]),
                       "%s/%s" % (where, name))

    def start(self):
        self.relay = Relay()
        self.running.append(self.relay)
        os.mkdir(self.dir + "/home", 0o755)
        for name in USERS:
            for part in ("", "/Maildir", "/Maildir/new", "/Maildir/cur",
                         "/Maildir/tmp"):
                os.mkdir("%s/home/%s%s" % (self.dir, name, part), 0o700)
                os.chown("%s/home/%s%s" % (self.dir, name, part), OWNER, OWNER)
        with open(self.box("full") + "/cur/1.a.b:2,S", "wb") as f:
            os.ftruncate(f.fileno(), QUOTA + 1)
        os.chown(self.box("locked"), 0, 0)
        names = ("lmtp", "lmtps", "starttls", "implicit")
        for tries in range(5):
            self.port = dict(zip(names, servers.free_ports(len(names))))
            try:
                self.dovecot = servers.Dovecot(
                    "%s/dovecot%d" % (self.dir, tries),
                    ["%s:{PLAIN}%s:%d:%d::%s/home/%s::" % (
                        x, PASSWORD, OWNER, OWNER, self.dir, x)
                     for x in USERS], (OLD, NEW),
                    {"certs": self.certs, "quota": QUOTA,
                     "relay": self.relay.server_address[1], **self.port})
                break
            except Trouble as e:
                # another program may have taken the port
                if tries == 4 or "Address already in use" not in str(e):
                    raise
        self.running.insert(0, self.dovecot)

    def stop(self):
        for server in self.running:
            server.stop()

    def box(self, name):
        return "%s/home/%s/Maildir" % (self.dir, name)

    def config(self, changes, queue=False):
        keys = {"from": postfix.ME, "timeout": "%ds" % (20 * SLOW),
                "tls-ca-file": self.certs + "/ca.pem",
                "connect-timeout": "20s"}
        keys.update({k.replace("_", "-"): v for k, v in changes.items()})
        write(self.dir + "/config", "log = %s/mailchute.log\n" % self.dir +
              ("queue-dir = %s/queue%d\n" % (self.dir, self.number)
               if queue else "queue = off\n") + "[account t]\n" +
              "".join("%s = %s\n" % x for x in keys.items()), 0o600)

    def call(self, name, args, message=b""):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("MAILCHUTE_")}
        env.update(MAILCHUTE_CONFIG=self.dir + "/config", HOME=self.dir)
        try:
            done = subprocess.run(
                shlex.split(os.environ.get("MAILCHUTE_WRAPPER", "")) +
                ["%s/%s" % (self.dir, name)] + args, input=message, env=env,
                timeout=60 * SLOW, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, check=False)
        except subprocess.TimeoutExpired:
            raise Failure("the program does not end") from None
        self.last = run = Run(done.returncode,
                              done.stdout.decode("utf-8", "replace"),
                              done.stderr.decode("utf-8", "replace"))
        expect(PASSWORD not in run.out + run.err +
               read(self.dir + "/mailchute.log"), "the password was shown")
        return run

    def send(self, keys, rcpts, message, *more, queue=False, show=("-v",)):
        self.config(keys, queue)
        return self.call("sendmail", [*show, "-oi", *more, *rcpts], message)

    def lmtp(self, way):
        return {
            "a socket": {"host": self.dovecot.dir + "/lmtp", "tls": "off"},
            "TCP": {"host": "localhost", "port": self.port["lmtp"],
                    "tls": "off"},
            "STARTTLS": {"host": "localhost", "port": self.port["lmtp"],
                         "tls": "starttls"},
            "TLS": {"host": "localhost", "port": self.port["lmtps"],
                    "tls": "on"},
        }[way] | {"protocol": "lmtp"}

    def submission(self, way, user="ada", password=PASSWORD, **changes):
        return {"host": "localhost", "port": self.port[way],
                "tls": {"starttls": "starttls", "implicit": "on"}[way],
                "user": user, "password": password, **changes}

    def mails(self, name):
        """What is new in a mailbox, as what Dovecot has put in front and the
        rest; it is forgotten."""
        got = []
        place = self.box(name) + "/new"
        for one in sorted(os.listdir(place)):
            with open("%s/%s" % (place, one), "rb") as f:
                data = f.read()
            os.unlink("%s/%s" % (place, one))
            m = re.match(rb"(?:Return-Path: .*\n|Delivered-To: .*\n|"
                         rb"Received: .*\n(?:[ \t].*\n)*)+", data)
            expect(m, "no trace of Dovecot:", data[:500])
            got.append((data[:m.end()].decode(), data[m.end():]))
        return got

    def passed(self):
        got, self.relay.passed = self.relay.passed, []
        return got


def name(user):
    return user + "@example.test"


def got_it(bench, users, message):
    """These have one copy each, of these bytes, and nobody else has any."""
    want = canonical(message).replace(b"\r\n", b"\n")
    for user in USERS:
        mails = bench.mails(user)
        expect(len(mails) == users.count(user), len(mails), "for", user)
        for _, data in mails:
            expect(data == want, "what arrived differs:", data[:2000])


def relayed(bench, rcpts, message):
    """The relay has one copy for each list of recipients."""
    got = bench.passed()
    have = sorted(sorted(a for a, _ in x.rcpts) for x in got)
    expect(have == sorted(map(sorted, rcpts)), "passed on for", have)
    for x in got:
        m = re.match(rb"(?:Received: .*\r\n(?:[ \t].*\r\n)*)?", x.data)
        expect(x.data[m.end():] == canonical(message),
               "what was passed on differs:", x.data[:2000])
    return got


# ------------------------------------------------------------------ cases: LMTP

CASES = []


def case(title, *args):
    def keep(function):
        def clean(bench):
            for user in USERS:
                bench.mails(user)
            bench.passed()
            function(bench, *args)

        CASES.append((title, clean))
        return function
    return keep


def deliver(bench, way):
    rcpts = [name("ada"), name("grace"), name("alan")]
    message = letter(rcpts, "Grüße\n.\n..\n.x\n\n last\n")
    run = bench.send(bench.lmtp(way), rcpts, message)
    expect(run.status == 0, "exit status", run.status)
    got_it(bench, ["ada", "grace", "alan"], message)
    expect(run.count("^C: LHLO ") == (2 if way == "STARTTLS" else 1),
           "LHLO")
    # one transaction, and one reply for each at its end
    expect(run.count("^C: MAIL ") == 1, "MAIL")
    expect(run.count(r"^S: 250 2\.0\.0 .*[Ss]aved") == 3, "verdicts")


for _way in ("a socket", "TCP", "STARTTLS", "TLS"):
    case("LMTP over %s: three mailboxes, a verdict for each" % _way,
         _way)(deliver)


@case("LMTP, one name unknown, one mailbox full, one locked")
def _(bench):
    rcpts = [name(x) for x in ("full", "ada", "nobody", "locked", "grace")]
    message = letter(rcpts)
    run = bench.send(bench.lmtp("a socket"), rcpts, message)
    expect(run.status == 69, "exit status", run.status)
    got_it(bench, ["ada", "grace"], message)
    for pattern in (r"full@example\.test.* 552 5\.2\.2 .*[Qq]uota",
                    r"nobody@example\.test.* 550 5\.1\.1 ",
                    r"locked@example\.test.* 451 4\.2\.0 .*later"):
        expect(run.count("^sendmail: .*" + pattern) == 1, pattern)
    expect(run.count(r"^sendmail: \S+@") == 3, "other complaints")


@case("LMTP, a mailbox that is full and nothing else")
def _(bench):
    message = letter([name("full")])
    run = bench.send(bench.lmtp("TCP"), [name("full")], message)
    expect(run.status == 69, "exit status", run.status)
    got_it(bench, [], message)


@case("LMTP, blind recipients")
def _(bench):
    names = [name(x) for x in ("ada", "grace", "alan")]
    message = letter(names[:1])
    run = bench.send(bench.lmtp("a socket"), [], letter(
        names[:1], more="Bcc: %s\n" % ", ".join(names[1:])), "-t")
    expect(run.status == 0, "exit status", run.status)
    expect(run.count("^C: MAIL ") == 3, "not one transaction each")
    for user in ("ada", "grace", "alan"):
        (trace, data), = bench.mails(user)
        expect(data == message, "what arrived differs:", data)
        for other in {"ada", "grace", "alan"} - {user}:
            expect(other not in trace, "the copy of", user, "names", other)


@case("LMTP, text by BDAT, and by DATA where that is wanted")
def _(bench):
    message = letter([name("ada")], "x\n.\nMAIL FROM:<e@x.test>\n..\n")
    for chunking in ("yes", "no"):
        run = bench.send(bench.lmtp("TCP"), [name("ada")], message,
                         "--chunking=" + chunking)
        expect(run.status == 0, "exit status", run.status)
        got_it(bench, ["ada"], message)
        offered = run.count("^S: 250[- ]CHUNKING")
        expect(run.count("^C: BDAT") == (offered if chunking == "yes" else 0),
               "BDAT")
        expect(run.count("^C: (BDAT|DATA)") == 1, "twice")


@case("LMTP, a large message with bytes of every kind")
def _(bench):
    body = "".join("%06d %s\n" % (i, chr(0xa1 + i % 3000) * 20)
                   for i in range(60000))
    message = letter([name("ada"), name("full"), name("grace")], body)
    run = bench.send(bench.lmtp("TCP"), [name("ada"), name("full"),
                                         name("grace")], message)
    expect(run.status == 69, "exit status", run.status)
    got_it(bench, ["ada", "grace"], message)
    expect(run.count("^C: MAIL .* BODY=8BITMIME") == 1, "not said to be 8-bit")


def waiting(bench):
    return [json.loads(x) for x in bench.call(
        "mailchute", ["queue", "list", "--json"]).out.splitlines()]


@case("LMTP, handed over by a run of the queue")
def _(bench):
    rcpts = [name("ada"), name("locked"), name("grace"), name("full")]
    message = letter(rcpts)
    run = bench.send(bench.lmtp("a socket"), rcpts, message, "-odq", "-f",
                     name("alan"), queue=True)
    expect(run.status == 0, "exit status", run.status)
    got_it(bench, [], message)
    run = bench.call("mailchute", ["queue", "run"])
    expect(run.status in (0, 75), "exit status", run.status)
    # the report about the full mailbox is a message of its own
    report, = bench.mails("alan")
    expect(b"full@example.test" in report[1] and
           b"multipart/report" in report[1], report[1])
    expect(b"Final-Recipient: rfc822; locked" not in report[1], report[1])
    got_it(bench, ["ada", "grace"], message)
    waits = [r["address"] for x in waiting(bench) for r in x["recipients"]
             if r["verdict"] == "pending"]
    expect(waits == [name("locked")], "waiting:", waits)
    os.chown(bench.box("locked"), OWNER, OWNER)
    try:
        bench.call("mailchute", ["queue", "retry", "all"])
        wait_for("the mail", 20, lambda: os.listdir(
            bench.box("locked") + "/new") or bench.call(
                "mailchute", ["queue", "run"]) and None)
        (_, data), = bench.mails("locked")
        expect(data == message, "what arrived differs:", data)
    finally:
        os.chown(bench.box("locked"), 0, 0)
    got_it(bench, [], message)


# ------------------------------------------------------------ cases: submission

def submit(bench, way, mech):
    rcpts = [name("a"), name("b")]
    message = letter(rcpts, "Grüße\n.\n..\n")
    run = bench.send(bench.submission(way, auth=mech), rcpts, message)
    expect(run.status == 0, "exit status", run.status)
    passed, = relayed(bench, [rcpts], message)
    expect(passed.sender == postfix.ME, "sender", passed.sender)
    expect("BODY=8BITMIME" in passed.params, passed.params)
    expect(run.count("^C: AUTH %s" % mech) == 1, "AUTH")
    expect(run.count("BURL") == run.count("^S: 250[- ]BURL"), "BURL is used")
    # the text comes by BDAT where the server offers that
    if run.count("^S: 250[- ]CHUNKING"):
        expect(run.count(r"^C: BDAT \d+ LAST") == 1, "BDAT")
    if run.count("^S: 250[- ]SIZE"):
        expect(run.count(r"^C: MAIL .* SIZE=\d") == 1, "SIZE")


for _way in ("starttls", "implicit"):
    for _mech in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        case("submission, %s, %s" % (_way, _mech), _way, _mech)(submit)


@case("submission, log-in, commands and text in one flight")
def _(bench):
    message = letter([name("a")])
    run = bench.send(bench.submission("implicit", auth="PLAIN"), [name("a")],
                     message)
    expect(run.status == 0, "exit status", run.status)
    relayed(bench, [[name("a")]], message)
    expect(run.count(r"^C: MAIL .*\nC: RCPT .*\nC: BDAT .*\n") == 1,
           "not one flight")


@case("submission, wrong password")
def _(bench):
    run = bench.send(bench.submission("starttls", password="nothing"),
                     [name("a")], letter([name("a")]))
    expect(run.status == 75, "exit status", run.status)
    expect(run.count("^sendmail: .*log-in.*535") == 1, "text")
    expect(run.count("^C: AUTH") == 1, "more than one attempt")
    relayed(bench, [], b"")


@case("submission, wrong password: the account pauses, then all is sent")
def _(bench):
    message = letter([name("a")])
    keys = bench.submission("implicit", password="nothing")
    run = bench.send(keys, [name("a")], message, queue=True)
    expect(run.status == 0, "exit status", run.status)
    expect(run.count("^C: AUTH") == 1, "AUTH")
    waits, = waiting(bench)
    expect("535" in (waits["pause"] or ""), "pause:", waits["pause"])
    # the second message does not try the password again
    tried = bench.dovecot.log().count("assword mismatch")
    expect(tried > 0, "the attempt is not in Dovecot's log")
    run = bench.send(keys, [name("b")], message, queue=True, show=())
    expect(run.status == 0 and len(waiting(bench)) == 2, "not queued")
    expect(bench.dovecot.log().count("assword mismatch") == tried,
           "another attempt")
    bench.config(bench.submission("implicit"), queue=True)
    run = bench.call("sendmail", ["-q"])
    wait_for("an empty queue", 20, lambda: not waiting(bench))
    relayed(bench, [[name("a")], [name("b")]], message)


@case("submission, one refused by the relay, one deferred")
def _(bench):
    rcpts = [name(x) for x in ("a", "unknown", "later", "b")]
    message = letter(rcpts)
    run = bench.send(bench.submission("implicit"), rcpts, message)
    expect(run.status == 67, "exit status", run.status)
    relayed(bench, [[name("a"), name("b")]], message)
    expect(run.count(r"^sendmail: .*unknown@example\.test.*550 5\.1\.1 ") == 1,
           "unknown")
    expect(run.count(r"^sendmail: .*later@example\.test.*450 4\.2\.0 .*later")
           == 1, "later")


@case("submission, all refused by the relay")
def _(bench):
    message = letter([name("unknown")])
    run = bench.send(bench.submission("implicit"), [name("unknown")], message)
    expect(run.status == 67, "exit status", run.status)
    relayed(bench, [], message)


@case("submission, blind recipients in one connection")
def _(bench):
    names = [name("b%d" % i) for i in range(6)]
    message = letter([name("a")])
    run = bench.send(bench.submission("starttls"), [name("a")] + names,
                     message)
    expect(run.status == 0, "exit status", run.status)
    relayed(bench, [[name("a")]] + [[x] for x in names], message)
    expect(run.count("^C: AUTH") == 1, "AUTH")


@case("submission, notifications")
def _(bench):
    message = letter([name("a")])
    run = bench.send(bench.submission("implicit"), [name("a")], message,
                     "-N", "success,failure", "-V", "id7", "-R", "hdrs")
    expect(run.status == 0, "exit status", run.status)
    passed, = relayed(bench, [[name("a")]], message)
    if run.count("^S: 250[- ]DSN"):
        expect("RET=HDRS" in passed.params and "ENVID=id7" in passed.params,
               passed.params)
        expect("NOTIFY=SUCCESS,FAILURE" in passed.rcpts[0][1], passed.rcpts)


@case("submission, without CHUNKING, and without PIPELINING")
def _(bench):
    message = letter([name("a")], "x\n.\n..\nQUIT\n")
    for option in ("--chunking=no", "--pipelining=off"):
        run = bench.send(bench.submission("implicit"), [name("a")], message,
                         option)
        expect(run.status == 0, option, "exit status", run.status)
        relayed(bench, [[name("a")]], message)


@case("submission, a message of 1.5 MB, and one that is too large")
def _(bench):
    line = "the quick brown fox jumps over the lazy dog, again and again\n"
    message = letter([name("a")], line * 24000)
    run = bench.send(bench.submission("implicit"), [name("a")], message)
    expect(run.status == 0, "exit status", run.status)
    relayed(bench, [[name("a")]], message)
    run = bench.send(bench.submission("implicit"), [name("a")], message * 2)
    expect(run.status == 69, "exit status", run.status)
    expect(run.count("^C: (BDAT|DATA)") == 0, "it was sent all the same")
    relayed(bench, [], message)


# ------------------------------------------------------------------------- main

def main(argv):
    words = [x for x in argv if x != "--list"]
    cases = [x for x in CASES if not words or any(
        fnmatch.fnmatchcase(x[0], w) for w in words)]
    if "--list" in argv:
        print("\n".join(title for title, _ in cases))
        return 0
    if not os.environ.get("MAILCHUTE_BIN"):
        sys.exit("MAILCHUTE_BIN is not set")
    os.umask(0o022)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, postfix.stopped)
    print("1..%d" % len(cases))
    bench = None
    where = postfix.scratch_dir()
    guard = servers.Daemon.guard = servers.Guard(where)
    try:
        bench = Bench(where)
        bench.start()
        postfix.comment("Dovecot " + bench.dovecot.version)
        return 1 if postfix.run_cases(bench, cases) else 0
    except Trouble as e:
        print("Bail out! The server does not start")
        postfix.comment(str(e))
        return 1
    finally:
        if bench:
            bench.stop()
        shutil.rmtree(where, ignore_errors=True)
        guard.dismiss()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
