#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mailchute setup: run by setup.tap in namespaces of its own.

Prints TAP.  setup.py [PATTERN]: only cases in whose title it is found."""
import fnmatch
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# what a shell starts in the background ignores it, and so would our children
signal.signal(signal.SIGINT, signal.default_int_handler)
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import dovecot                                          # noqa: E402
import names                                            # noqa: E402
import servers                                          # noqa: E402
from names import A, MX, SRV, TXT, document, mx, page, srv      # noqa: E402

BIN = os.path.abspath(os.environ["MAILCHUTE_BIN"])
SLOW = float(os.environ.get("MAILCHUTE_SLOW") or 1)
PASSWORD = "correct horse # battery=staple"
ADDRESS = "ada@example.test"
PLAIN = re.compile(r"\x1b\[[0-9;]*m")

number = failed = 0


def check(title, good, said=""):
    global number, failed
    number += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", number, title))
    if not good:
        for line in str(said).splitlines():
            print("# " + line)
    sys.stdout.flush()


class Home:
    """A user's home directory that is new, and programs of this user."""

    count = 0

    def __init__(self, config=None):
        Home.count += 1
        self.dir = "%s/home%d" % (work, Home.count)
        os.mkdir(self.dir)
        os.mkdir(self.dir + "/bin")
        self.place = self.dir + "/.config/mailchute"
        self.config = self.place + "/config"
        self.extra = {}
        self.uid = None
        if config is not None:
            os.makedirs(self.place, 0o700)
            servers.write(self.config, config, 0o600)

    def env(self):
        env = {"HOME": self.dir, "LC_ALL": "C.UTF-8", "TERM": "dumb",
               "PATH": "%s/bin:%s" % (self.dir, os.environ["PATH"])}
        env.update((k, v) for k, v in os.environ.items()
                   if k.endswith("_OPTIONS"))
        env.update(self.extra)
        return env

    def program(self, name, text):
        servers.write("%s/bin/%s" % (self.dir, name),
                      "#!/bin/sh\n" + text, 0o755)

    def give(self, uid):
        """All of it belongs to somebody else, who runs what is run."""
        self.uid = uid
        for place, _, fs in os.walk(self.dir):
            for one in [place] + [os.path.join(place, f) for f in fs]:
                os.chown(one, uid, uid)
        return self

    def run(self, *argv, password=PASSWORD, stdin=b"", seconds=60):
        """By options alone; the password comes on a descriptor."""
        words = [BIN, "setup"] + list(argv)
        fds = ()
        if password is not None:
            end, out = os.pipe()
            os.write(out, password.encode() + b"\n")
            os.close(out)
            fds = (end,)
            words += ["--password-fd", str(end)]
        began = time.monotonic()
        p = subprocess.run(words, env=self.env(), input=stdin, pass_fds=fds,
                           capture_output=True, start_new_session=True,
                           timeout=seconds * SLOW, user=self.uid,
                           group=self.uid)
        for fd in fds:
            os.close(fd)
        self.seconds = time.monotonic() - began
        self.status = p.returncode
        self.said = p.stdout.decode() + p.stderr.decode()
        return self

    def call(self, *argv, stdin=b""):
        p = subprocess.run([BIN] + list(argv), env=self.env(), input=stdin,
                           capture_output=True, start_new_session=True,
                           timeout=60 * SLOW)
        return p.returncode, p.stdout.decode() + p.stderr.decode()

    def text(self, name="config"):
        try:
            return servers.read(self.place + "/" + name)
        except NotADirectoryError:
            return ""

    def files(self):
        return sorted(os.path.relpath(os.path.join(d, f), self.dir)
                      for d, _, fs in os.walk(self.dir) for f in fs
                      if "/bin" not in d)

    def seen(self):
        return "status %s\n%s\nfiles %s\n%s" % (
            self.status, self.said, self.files(), self.text())


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Terminal:
    """mailchute setup at a terminal of its own."""

    def __init__(self, home, *argv):
        self.home, self.said = home, ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(BIN, [BIN, "setup"] + list(argv), home.env())
            finally:
                os._exit(127)
        self.seen = 0

    def until(self, pattern, seconds=30):
        """Read until something new fits; True, or False at the end."""
        end = time.monotonic() + seconds * SLOW
        while True:
            m = re.search(pattern, PLAIN.sub("", self.said)[self.seen:])
            if m:
                self.seen += m.end()
                return True
            ready, _, _ = select.select([self.fd], [], [],
                                        max(0, end - time.monotonic()))
            if not ready:
                return False
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            if not piece:
                return False
            self.said += piece.decode("utf-8", "replace")

    def answer(self, pattern, text):
        if not self.until(pattern):
            return False
        # a question that hides its answer has to have begun to do so
        time.sleep(0.02)
        os.write(self.fd, text.encode() + b"\n")
        return True

    def end(self, seconds=30):
        self.until(r"(?!)", seconds)
        until = time.monotonic() + 10 * SLOW
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.02)
        else:
            os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


# ------------------------------------------------------------------ surroundings

def command(*argv):
    subprocess.run(argv, check=True)


CONF = """\
service submission-login {{
  inet_listener submission {{
    port = 587
  }}
  inet_listener submissions {{
    port = 465
    ssl = yes
  }}
}}
"""


def start():
    """Names, the web and mail servers; a list of what has to be stopped."""
    global dns, web, relay
    command("ip", "link", "set", "lo", "up")
    servers.write(work + "/resolv.conf", "nameserver 127.0.0.1\n")
    servers.write(work + "/nsswitch.conf", "hosts: files dns\n")
    command("mount", "--bind", work + "/resolv.conf", "/etc/resolv.conf")
    if os.path.exists("/etc/nsswitch.conf"):
        command("mount", "--bind", work + "/nsswitch.conf",
                "/etc/nsswitch.conf")
    names.authority(work)
    names.certificate(work, "good", [
        "smtp.example.test", "mail.guess.test", "mx.hosting.test"])
    names.certificate(work, "web", ["autoconfig.web.test", "web.test"])
    dns = names.Dns(port=53)
    web = names.Web(work + "/web", port=443)
    relay = dovecot.Relay()
    conf = [text.replace(text[text.index("service submission-login"):
                              text.index("auth_username_format")],
                         CONF) for text in (dovecot.OLD, dovecot.NEW)]
    lmtp, lmtps = servers.free_ports(2)
    os.mkdir(work + "/mail")
    os.chown(work + "/mail", dovecot.OWNER, dovecot.OWNER)
    dove = servers.Dovecot(
        work + "/dovecot", ["ada:{PLAIN}%s:%d:%d::%s/mail::" % (
            PASSWORD, dovecot.OWNER, dovecot.OWNER, work)], conf,
        {"certs": work, "quota": dovecot.QUOTA,
         "relay": relay.server_address[1], "lmtp": lmtp, "lmtps": lmtps})
    fresh()
    return [dove, relay]


def fresh():
    """The answers that all cases begin with."""
    dns.table.clear()
    dns.asked.clear()
    web.pages.clear()
    relay.passed.clear()
    for host in ("smtp.example.test", "mx.hosting.test", "mail.guess.test",
                 "autoconfig.web.test", "web.test"):
        dns.say(host, A, names.a("127.0.0.1"))
    dns.say("_submissions._tcp.example.test", SRV,
            srv(0, 1, 465, "smtp.example.test"))


def options(*more):
    return ("--yes", "--tls-ca-file", work + "/ca.pem", "--timer", "no") + more


CASES = []


def case(title):
    def keep(function):
        CASES.append((title, function))
        return function
    return keep


# -------------------------------------------------------------------- by options

@case("from nothing to the first mail")
def _():
    home = Home().run(ADDRESS, *options("--test", "yes"))
    check("an address and a password make an account", home.status == 0 and
          home.text() == "# mailchute.conf(5) explains this file; after a "
          "change: mailchute config check\n\n[account default]\n"
          "from = ada@example.test\nhost = smtp.example.test\n"
          "tls-ca-file = %s/ca.pem\nuser = ada@example.test\n"
          "password-file = %s/password-default\n" % (work, home.place),
          home.seen())
    check("and the first mail was sent", len(relay.passed) == 1 and
          relay.passed[0].rcpts[0][0] == ADDRESS and
          b"Subject: mailchute works" in relay.passed[0].data, relay.passed)
    check("in less than 10 seconds", home.seconds < 10 * SLOW, home.seconds)
    check("it says what it found and how far to trust it",
          "Server:  smtp.example.test, port 465" in home.said and
          "Found:   SRV record of example.test" in home.said and
          "the server is in your domain" in home.said, home.said)
    check("others read nothing", mode(home.config) == 0o600 and
          mode(home.place) == 0o700 and
          mode(home.place + "/password-default") == 0o600, home.seen())
    check("nothing else is left behind", [
        f for f in home.files() if not f.startswith(".local")] == [
            ".config/mailchute/config",
            ".config/mailchute/password-default"], home.files())
    check("the password is shown nowhere", PASSWORD not in home.said +
          home.text(), home.said)
    status, said = home.call("config", "check")
    check("config check is content", status == 0, said)
    relay.passed.clear()
    status, said = home.call("-t", stdin=b"To: bob@example.test\n\nhi\n")
    check("and sendmail sends with it", status == 0 and
          len(relay.passed) == 1, said)


@case("a user without rights")
def _():
    try:
        able = subprocess.run([BIN, "--version"], user=dovecot.OWNER,
                              capture_output=True, check=False).returncode == 0
    except PermissionError:
        able = False
    if not able:
        check("for a user # SKIP others may not run the program", True)
        return
    home = Home().give(dovecot.OWNER)
    os.chmod(work + "/ca.pem", 0o644)
    home.run(ADDRESS, *options("--test", "yes"))
    check("for a user", home.status == 0 and len(relay.passed) == 1 and
          os.stat(home.config).st_uid == dovecot.OWNER and
          mode(home.config) == 0o600, home.seen())


@case("an existing configuration")
def _():
    old = "# mine\nlog = off\n\n[account work]\n# the office\n" \
        "host = smtp.work.test\nfrom = me@work.test\n\n# last words\n"
    home = Home(old).run(ADDRESS, *options())
    check("the other account stays", home.status == 0 and
          home.text().startswith(old + "\n[account example]\n") and
          "no account is called default" in home.said, home.seen())
    check("and there is a backup", home.text("config~") == old and
          mode(home.config + "~") == 0o600, home.text("config~"))
    status, said = home.call("config", "check")
    check("it reads well", status == 0 and "account work: ok" in said and
          "account example: ok" in said, said)

    old = "log = off\n[account default]\n# gone\nhost = old.test\n" \
        "user = x\n\n# about the next one\n[account b]\nhost = b.test\n"
    home = Home(old).run(ADDRESS, *options("--account", "default"))
    check("an account of the same name needs --replace",
          home.status == 73 and "--replace" in home.said and
          home.text() == old, home.seen())
    home.run(ADDRESS, *options("--account", "default", "--replace"))
    check("then it alone is replaced", home.status == 0 and re.fullmatch(
        r"log = off\n\[account default\]\nfrom = ada@example\.test\n"
        r"(.*\n)+?\n?# about the next one\n\[account b\]\nhost = b\.test\n",
        home.text()) and "old.test" not in home.text(), home.seen())
    home.run(ADDRESS, *options("--account", "default", "--replace"))
    check("as often as one likes", home.status == 0 and
          home.text().count("[account default]") == 1, home.seen())

    home = Home("log = off\nnonsense\n").run(ADDRESS, *options())
    check("one that is broken stays as it is", home.status == 78 and
          home.text() == "log = off\nnonsense\n" and
          "stays as it is" in home.said and
          home.files() == [".config/mailchute/config"], home.seen())
    home = Home()
    os.mkdir(home.dir + "/dots")
    servers.write(home.dir + "/dots/mc", "log = off\n", 0o600)
    os.makedirs(home.place, 0o700)
    os.symlink("../../dots/mc", home.config)
    home.run(ADDRESS, *options())
    check("what a link leads to is written, and the link stays",
          home.status == 0 and os.path.islink(home.config) and
          "[account default]" in home.text(), home.seen())
    home = Home()
    home.run(ADDRESS, *options("-C", home.dir + "/some/where.conf"))
    check("-C names another file", home.status == 0 and home.files() == [
        "some/password-default", "some/where.conf"], home.seen())


@case("how far an answer can be trusted")
def _():
    name = "_submissions._tcp.example.test"
    dns.say(name, SRV, srv(0, 1, 465, "mx.hosting.test"))
    home = Home().run(ADDRESS, *options())
    check("an unsigned answer that leads elsewhere gets no password",
          home.status == 77 and not home.files() and
          "nobody vouches for mx.hosting.test" in home.said and
          "--accept-unverified" in home.said, home.seen())
    home.run(ADDRESS, *options("--accept-unverified"))
    check("unless --accept-unverified says so", home.status == 0 and
          "host = mx.hosting.test\n" in home.text(), home.seen())
    home = Home().run(ADDRESS, *options("--host", "mx.hosting.test"))
    check("or --host names it, and then nobody is asked", home.status == 0 and
          not any(x[1] == SRV for x in dns.asked[-2:]) and
          "host = mx.hosting.test\n" in home.text(), home.seen())
    dns.say(name, SRV, srv(0, 1, 465, "mx.hosting.test"), ad=True)
    home = Home().run(ADDRESS, *options())
    check("DNSSEC vouches for it", home.status == 0 and
          "signed by DNSSEC" in home.said and
          "host = mx.hosting.test\n" in home.text(), home.seen())
    dns.say(name, SRV, srv(0, 1, 465, "smtp.example.test.evil.test"))
    home = Home().run(ADDRESS, *options())
    check("a name that only begins like the domain is outside",
          home.status == 77, home.seen())
    dns.say(name, SRV, srv(0, 1, 465, "evilexample.test"))
    home = Home().run(ADDRESS, *options())
    check("and so is one that only ends like it", home.status == 77,
          home.seen())


@case("other ways to find a server")
def _():
    dns.say("_submission._tcp.example.test", SRV,
            srv(0, 1, 587, "smtp.example.test"))
    dns.table.pop(("_submissions._tcp.example.test", SRV))
    home = Home().run(ADDRESS, *options())
    check("_submission._tcp means STARTTLS", home.status == 0 and
          "tls = starttls\n" in home.text() and
          "port" not in home.text(), home.seen())

    web.pages["autoconfig.web.test", "/mail/config-v1.1.xml"] = page(document(
        ("mx.hosting.test", "25", "plain", "x", []),
        ("mx.hosting.test", "465", "SSL", "%EMAILLOCALPART%",
         ["password-cleartext"])))
    home = Home().run("ada@web.test", *options())
    check("a document of the domain over HTTPS", home.status == 0 and
          "host = mx.hosting.test\n" in home.text() and
          "user = ada\n" in home.text() and
          "over verified HTTPS" in home.said and
          "https://autoconfig.web.test/mail/config-v1.1.xml\n" in home.said,
          home.seen())
    web.pages["autoconfig.web.test", "/mail/config-v1.1.xml"] = page(document(
        ("mx.hosting.test", "465", "SSL", "x", [])).replace(
            "?>", "?><!DOCTYPE x []>", 1))
    home = Home().run("ada@web.test", *options())
    check("a hostile one is none", home.status == 68 and not home.files() and
          "--host" in home.said, home.seen())

    dns.say("office.test", MX, mx(5, "office-test.mail.protection.outlook."
                                  "com"))
    home = Home().run("ada@office.test", *options())
    check("MX of a known provider, which DNS alone says", home.status == 77
          and "Microsoft 365" in home.said and
          "smtp.office365.com" in home.said, home.seen())
    dns.say("office.test", MX, mx(1, "aspmx.l.google.com"), ad=True)
    home = Home().run("ada@office.test", *options("--no-try"))
    check("signed, it is taken", home.status == 0 and
          "host = smtp.gmail.com\n" in home.text() and
          "apppasswords" in home.said, home.seen())

    dns.asked.clear()
    home = Home().run("ada@gmail.com", *options("--no-try"))
    check("a known provider: nobody is asked", home.status == 0 and
          "host = smtp.gmail.com\n" in home.text() and not dns.asked and
          "a provider that mailchute knows" in home.said, dns.asked)
    home = Home().run("ada@GMX.de", *options("--no-try"))
    check("in capitals too", home.status == 0 and
          "host = mail.gmx.net\n" in home.text(), home.seen())

    dns.say("_submissions._tcp.xn--bcher-kva.test", SRV,
            srv(0, 1, 465, "smtp.xn--bcher-kva.test"))
    home = Home().run("ada@bücher.test", *options("--no-try"))
    check("a domain outside ASCII", home.status == 0 and
          "host = smtp.xn--bcher-kva.test\n" in home.text() and
          "from = ada@bücher.test\n" in home.text() and
          "is in your domain" in home.said, home.seen())
    home = Home().run("ada@guess.test", *options())
    check("the usual names are tried", home.status == 0 and
          "host = mail.guess.test\n" in home.text() and
          "a guess" in home.said, home.seen())
    home = Home().run("ada@nothing.test", *options())
    check("nothing at all: 68, and the remedy", home.status == 68 and
          "--host" in home.said and not home.files(), home.seen())
    for kind in ("_submission", "_submissions"):
        dns.say(kind + "._tcp.guess.test", SRV, srv(0, 0, 0, "."))
    home = Home().run("ada@guess.test", *options())
    check("a domain that says no is believed", home.status == 68 and
          "which says that it has none" in home.said, home.seen())
    home = Home().run("ada@guess.test", *options("--no-lookup"))
    check("--no-lookup", home.status == 68, home.seen())
    other = names.Dns()
    other.say("_submissions._tcp.guess.test", SRV,
              srv(0, 1, 465, "mail.guess.test"))
    home = Home().run("ada@guess.test", *options("--dns", other.place))
    check("--dns asks another server", home.status == 0 and
          ("_submissions._tcp.guess.test", SRV, "udp") in other.asked,
          home.seen())


@case("a provider that wants OAuth 2.0")
def _():
    home = Home().run("ada@outlook.com", "--no-lookup", "--no-try",
                      "--oauth-client-id", "an-id", *options(),
                      password=None)
    check("keys for OAuth 2.0, and no password", home.status == 0 and
          "oauth = microsoft\noauth-client-id = an-id\n" in home.text() and
          "password" not in home.text(), home.seen())
    check("the step that is left", "mailchute login " in home.said,
          home.seen())
    status, said = home.call("config", "check")
    check("which is a configuration", status == 0, said)


@case("what goes wrong")
def _():
    home = Home().run(ADDRESS, *options(), password="wrong")
    check("a wrong password: nothing is written", home.status == 77 and
          not home.files() and "wrong" not in home.text() and
          "refused user or password" in home.said, home.seen())
    home = Home().run(ADDRESS, "--yes", "--timer", "no")
    check("a certificate of an unknown authority", home.status != 0 and
          "certificate" in home.said and not home.files(), home.seen())
    home = Home().run(ADDRESS, *options("--host", "smtp.example.test",
                                        "--port", "466"))
    check("nobody there", home.status != 0 and not home.files() and
          "--no-try" in home.said, home.seen())
    home = Home()
    os.makedirs(home.dir + "/.config")
    servers.write(home.dir + "/.config/mailchute", "a file")
    home.run(ADDRESS, *options())
    check("a file where the directory should be", home.status != 0 and
          home.files() == [".config/mailchute"], home.seen())
    for title, argv, password, text in (
            ("no address", (), PASSWORD, "--address"),
            ("no password", (ADDRESS,), None, "--password-fd"),
            ("two addresses", (ADDRESS, "b@example.test"), PASSWORD, "one"),
            ("no mail address", ("example.test",), PASSWORD, "me@"),
            ("an address with a line end", ("a@b\nhost = evil", ), PASSWORD,
             "no mail address"),
            ("a password as a word", (ADDRESS, "--password=x"), None,
             "everybody"),
            ("an unknown option", (ADDRESS, "--colour"), PASSWORD, "unknown"),
            ("an unknown store", (ADDRESS, "--store", "cloud"), PASSWORD,
             "keyring"),
            ("no port", (ADDRESS, "--host", "x", "--port", "0"), PASSWORD,
             "no port"),
            ("a port without host", (ADDRESS, "--port", "465"), PASSWORD,
             "--host"),
            ("a host with a line end", (ADDRESS, "--host", "a\nuser = x"),
             PASSWORD, "no name of a server"),
            ("a user with a line end", (ADDRESS, "--user", "a\nhost = x"),
             PASSWORD, "no user name"),
            ("a name with a line end", (ADDRESS, "--name", "a\nhost = x"),
             PASSWORD, "no name"),
            ("an account with a slash", (ADDRESS, "--account", "../x"),
             PASSWORD, "letters"),
            ("two places for the password", (
                ADDRESS, "--password-command", "x"), PASSWORD, "more than")):
        home = Home().run("--yes", *argv, password=password)
        check("%s: 64" % title, home.status == 64 and text in home.said and
              not home.files(), home.seen())


@case("where the password goes")
def _():
    home = Home()
    servers.write(home.dir + "/secret", PASSWORD + "\n", 0o600)
    home.run(ADDRESS, *options("--password-file", home.dir + "/secret"),
             password=None)
    check("--password-file stays where it is", home.status == 0 and
          "password-file = %s/secret\n" % home.dir in home.text() and
          home.files() == [".config/mailchute/config", "secret"], home.seen())
    home = Home()
    servers.write(home.dir + "/secret", PASSWORD + "\n", 0o600)
    home.run(ADDRESS, *options("--password-command", "cat %s/secret" %
                               home.dir, "--test", "yes"), password=None)
    check("--password-command", home.status == 0 and
          "password-command = cat %s/secret\n" % home.dir in home.text() and
          len(relay.passed) == 1, home.seen())
    home = Home().run(ADDRESS, *options("--store", "none"))
    check("--store none tries it and keeps nothing", home.status == 0 and
          "password" not in home.text().replace("example", "") and
          home.files() == [".config/mailchute/config"], home.seen())
    home = Home().run(ADDRESS, *options("--user", ""), password=None)
    check("no user, no password", home.status == 0 and
          "user" not in home.text(), home.seen())

    log = 'echo "$0 $*" >>%s/argv; echo BEGIN >>%s/stdin; cat >>%s/stdin\n'
    home = Home()
    home.program("pass", log % ((home.dir,) * 3))
    home.run(ADDRESS, *options("--store", "pass"))
    check("pass gets it on its standard input", home.status == 0 and
          "password-command = pass show mailchute/default\n" in home.text()
          and servers.read(home.dir + "/argv").endswith(
              "/pass insert --multiline --force mailchute/default\n") and
          servers.read(home.dir + "/stdin") == "BEGIN\n" + PASSWORD,
          home.seen())
    home = Home()
    home.program("pass", "exit 1\n")
    home.run(ADDRESS, *options("--store", "pass"))
    check("pass that fails: nothing is written", home.status == 69 and
          not home.files(), home.seen())
    home = Home()
    home.program("secret-tool", log % ((home.dir,) * 3))
    home.run(ADDRESS, *options("--store", "keyring"))
    check("secret-tool likewise", home.status == 0 and
          servers.read(home.dir + "/argv").endswith(
              "/secret-tool store --label=mailchute ada@example.test at "
              "smtp.example.test service mailchute host smtp.example.test "
              "user ada@example.test\n") and
          servers.read(home.dir + "/stdin") == "BEGIN\n" + PASSWORD and
          re.search(r"^password-(keyring = yes|command = secret-tool lookup "
                    r"service mailchute host smtp\.example\.test user "
                    r"ada@example\.test)$", home.text(), re.M), home.seen())
    home = Home()
    home.program("secret-tool", "exit 1\n")
    home.run(ADDRESS, *options("--store", "keyring"))
    check("a locked keyring: nothing is written, and the remedy",
          home.status == 69 and not home.files() and
          "unlock" in home.said, home.seen())
    home = Home().run(ADDRESS, *options("--store", "credential"))
    check("a credential: told what to do",
          "LoadCredentialEncrypted=mailchute-default" in home.said and
          PASSWORD not in home.said + home.text(), home.seen())
    real_keyring()


def real_keyring():
    title = "a real keyring keeps it, and mail goes out with it"
    for program in ("dbus-run-session", "gnome-keyring-daemon",
                    "secret-tool"):
        if shutil.which(program) is None:
            check("%s # SKIP %s is missing" % (title, program), True)
            return
    home = Home()
    os.mkdir(home.dir + "/run", 0o700)
    home.extra = {"XDG_RUNTIME_DIR": home.dir + "/run"}
    relay.passed.clear()
    servers.write(home.dir + "/session", """\
echo -n keyring | gnome-keyring-daemon --unlock --components=secrets >/dev/null
exec 3<%s/secret
%s setup %s %s --store keyring --password-fd 3 --test yes
""" % (
                home.dir, BIN, ADDRESS, " ".join(options())))
    servers.write(home.dir + "/secret", PASSWORD + "\n", 0o600)
    p = subprocess.Popen(["dbus-run-session", "--", "sh",
                          home.dir + "/session"], env=home.env(),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, start_new_session=True)
    try:
        said, _ = p.communicate(timeout=40 * SLOW)
    except subprocess.TimeoutExpired:
        said = b"too slow"
    finally:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        p.wait()
    home.status, home.said = p.returncode, said.decode()
    check(title, p.returncode == 0 and len(relay.passed) == 1 and
          PASSWORD not in home.text(), home.seen())


@case("the timer")
def _():
    yes = options()[:-1] + ("yes",)
    home = Home()
    home.program("systemctl", 'echo "$*" >>%s/argv\n' % home.dir)
    home.run(ADDRESS, *yes)
    check("the timer is enabled", home.status == 0 and
          servers.read(home.dir + "/argv") in (
              "--user enable --now mailchute-queue.timer\n",
              "enable --now mailchute-queue.timer\n"), home.seen())
    home = Home()
    home.program("systemctl", "exit 1\n")
    home.run(ADDRESS, *yes)
    check("without systemd the line for crontab is shown",
          home.status == 0 and "*/2 * * * * " in home.said and
          "mailchute queue run --no-wait" in home.said, home.seen())


@case("help and providers")
def _():
    status, said = Home().call("setup", "--help")
    lines = said.splitlines()
    check("--help fits a screen", status == 0 and len(lines) <= 24 and
          max(map(len, lines)) < 80, said)
    with open(HERE + "/../../cli/setup_args.c") as f:
        options = set(re.findall(r'ROW\("(--[a-z-]+)"', f.read()))
    for name in ("man/mailchute-setup.1.in", "completions/mailchute.bash.in",
                 "completions/mailchute.zsh.in",
                 "completions/mailchute.fish.in"):
        with open("%s/../../%s" % (HERE, name)) as f:
            text = f.read()
        mark = {"1.in": ".*Fl Fl %s\\b", "fish.in":
                "is_setup.* -l %s ", "bash.in": "%s\\b"}.get(
                    name.split(".", 1)[1], "--%s[=\\[]")
        lost = [x for x in sorted(options)
                if not re.search(mark % x[2:], text)]
        check("%s has every option" % name, len(options) > 20 and not lost,
              lost)
    status, said = Home().call("setup", "--providers")
    check("--providers lists them with their sources", status == 0 and
          said.count("  server   ") >= 25 and
          said.count("  source   https://") == said.count("  server   "),
          said)


# ----------------------------------------------------------------- at a terminal

DIALOGUE = [
    (r"Your mail address: $", ADDRESS),
    (r"Trust: .*\n(.*\n)*Use it \[yes\]: $", ""),
    (r"User name \[ada@example\.test\]: $", ""),
    (r"Password \(it is not shown\): $", PASSWORD),
    (r"(?s)Keep the password.*\[1\]: $", "1"),
    (r"Start the timer .*\[yes\]: $", "no"),
    (r"Send a test mail to ada@example\.test \[yes\]: $", "yes"),
]
CA = ("--tls-ca-file", "")


def terminal_home():
    home = Home()
    home.program("systemctl", 'echo "$*" >>%s/argv\n' % home.dir)
    # a keyring in whose way the desktop of whoever tests would be
    home.program("secret-tool", "exit 1\n")
    return home


def ask(home, *argv):
    return Terminal(home, "--tls-ca-file", work + "/ca.pem", *argv)


@case("the dialogue")
def _():
    home = terminal_home()
    t = ask(home)
    good = [t.answer(*step) for step in DIALOGUE]
    home.status, home.said = t.end(), t.said
    check("seven answers make an account", all(good) and home.status == 0 and
          "host = smtp.example.test\n" in home.text(), home.seen())
    check("and a test mail", len(relay.passed) == 1 and
          "Sent a test mail to ada@example.test" in t.said, t.said)
    check("what is typed as password is not shown", PASSWORD not in t.said,
          t.said)
    check("the timer was not wanted", "argv" not in home.files(),
          home.files())

    relay.passed.clear()
    home = terminal_home()
    t = ask(home, ADDRESS)
    good = [t.answer(*step) for step in DIALOGUE[1:3]]
    good += [t.answer(r"Password.*: $", "wrong"),
             t.answer(r"refused(?s:.*)User name \[.*\]: $", ""),
             t.answer(r"Password.*: $", PASSWORD)]
    good += [t.answer(*step) for step in DIALOGUE[4:6]]
    good.append(t.answer(DIALOGUE[6][0], "no"))
    home.status, home.said = t.end(), t.said
    check("a wrong password is asked again", all(good) and home.status == 0
          and not relay.passed and "[account default]" in home.text(),
          home.seen())

    dns.say("_submissions._tcp.example.test", SRV,
            srv(0, 1, 465, "mx.hosting.test"))
    home = terminal_home()
    t = ask(home, ADDRESS)
    good = [t.answer(r"nobody vouches(?s:.*)your password\.\s*Use it all the "
                     r"same \[no\]: $", ""),
            t.answer(r"Name of the mail server: $", "smtp.example.test"),
            t.answer(r"Port \[465\]: $", "587")]
    good += [t.answer(*step) for step in DIALOGUE[2:6]]
    good.append(t.answer(DIALOGUE[6][0], "no"))
    home.status, home.said = t.end(), t.said
    check("an unverified server is not taken by default, and another one can "
          "be named", all(good) and home.status == 0 and
          "host = smtp.example.test\n" in home.text() and
          "tls = starttls\n" in home.text(), home.seen())

    fresh()
    old = "[account default]\nhost = x.test\n"
    home = Home(old)
    t = ask(home, ADDRESS, "--account", "default")
    good = [t.answer(r"already\.  Replace it \[no\]: $", "yes")]
    t.until(r"Use it \[yes\]: $")
    check("replacing is asked about", all(good) and home.text() == old,
          t.said)
    os.write(t.fd, b"\x04")
    home.status = t.end()


@case("stopping at each question")
def _():
    # up to the last question before anything is written
    keys = [(b"\x03", "Ctrl-C"), (b"\x04", "end of input")]
    # for these the way is the same
    for key, what in keys[:1 if os.environ.get("MC_SANITIZED") == "yes" else
                          2]:
        for stop in range(5):
            home = terminal_home()
            t = ask(home)
            good = [t.answer(*step) for step in DIALOGUE[:stop]]
            good.append(t.until(DIALOGUE[stop][0]))
            time.sleep(0.05)
            os.write(t.fd, key)
            home.status, home.said = t.end(), t.said
            check("%s at question %d leaves nothing" % (what, stop + 1),
                  all(good) and home.status == 75 and not home.files() and
                  not os.path.exists(home.place) and
                  "nothing was changed" in t.said, home.seen())
    for stop in (5, 6):
        home = terminal_home()
        t = ask(home)
        good = [t.answer(*step) for step in DIALOGUE[:stop]]
        good.append(t.until(DIALOGUE[stop][0]))
        os.write(t.fd, b"\x03")
        home.status, home.said = t.end(), t.said
        status, said = home.call("config", "check")
        check("Ctrl-C at question %d leaves a whole account" % (stop + 1),
              all(good) and status == 0 and "account default: ok" in said,
              home.seen())


def main():
    global work
    work = tempfile.mkdtemp(prefix="mcsetup")
    os.chmod(work, 0o755)
    pattern = "*%s*" % (sys.argv[1] if len(sys.argv) > 1 else "")
    guard = servers.Guard(work)
    servers.Daemon.guard = guard
    running = []
    try:
        running = start()
        for title, function in CASES:
            if fnmatch.fnmatch(title, pattern):
                fresh()
                began = time.monotonic()
                function()
                print("# %s: %.1f s" % (title, time.monotonic() - began))
        print("1..%d" % number)
    finally:
        for server in running:
            server.stop()
        guard.dismiss()
        shutil.rmtree(work, ignore_errors=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
