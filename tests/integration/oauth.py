#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OAuth 2.0: log in, send, renew, log out: oauth.py [PATTERN]...  Prints TAP.

MAILCHUTE_BIN names the program, top_builddir a directory in which oidc-provider
is kept; without that its cases are skipped."""
import base64
import fnmatch
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
# what a shell starts in the background ignores it, and so would our children
signal.signal(signal.SIGINT, signal.default_int_handler)
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import servers                                      # noqa: E402
from dovecot import Relay as RelayServer            # noqa: E402
from oauth_servers import Forms, Oidc, Provider, Smtp  # noqa: E402
from servers import SLOW, Trouble, wait_for, write  # noqa: E402

BINARY = os.path.abspath(os.environ.get("MAILCHUTE_BIN") or "mailchute")
HELPER = os.path.dirname(BINARY) + "/helper/mailchute-oauth"
USER = "joe@example.test"
DOVECOT = """\
protocols = submission
listen = 127.0.0.1
hostname = dovecot.example.test
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
ssl = required
auth_mechanisms = xoauth2 oauthbearer
service submission-login {{
  inet_listener submission {{
    port = 0
  }}
  inet_listener submissions {{
    port = {port}
    ssl = yes
  }}
}}
"""
DOVECOT_23 = DOVECOT + """\
ssl_cert = <{certs}/good.pem
ssl_key = <{certs}/good.key
mail_location = maildir:~/Maildir
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {oauth2}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={home}/box
}}
"""
DOVECOT_24 = DOVECOT + """\
ssl_server_cert_file = {certs}/good.pem
ssl_server_key_file = {certs}/good.key
mail_driver = maildir
mail_path = ~/Maildir
oauth2 {{
  introspection_mode = post
  introspection_url = {ask}
  username_attribute = sub
  active_attribute = active
  active_value = true
}}
passdb oauth2 {{
}}
userdb static {{
  fields {{
    uid = 65534
    gid = 65534
    home = {home}/box
  }}
}}
"""
MAIL = b"Subject: a test\nTo: ann@example.test\n\nHello.\n"
SECRET = "cl!ent S3cret&CANARY=%"
NOBODY = 65534
CASES = []


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def case(function):
    CASES.append(function)
    return function


def expect(what, condition, seen=""):
    if not condition:
        raise Failure("%s\n%s" % (what, seen))


def equal(what, seen, wanted):
    expect(what, seen == wanted, "seen   %r\nwanted %r" % (seen, wanted))


class Ran:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return "status %s\n%s\n%s" % (self.status, self.out, self.err)


class Bench:
    def __init__(self, where):
        self.where = where
        self.certs = where + "/certs"
        subprocess.run(["/bin/sh", HERE + "/../script/certs.sh", self.certs],
                       check=True)
        self.provider = Provider()
        self.smtp = Smtp(self.certs, self.provider.check)
        self.real = None
        self.n = 0
        self.said = []

    def begin(self):
        self.n += 1
        self.dir = "%s/%d" % (self.where, self.n)
        os.mkdir(self.dir)
        os.mkdir(self.dir + "/home")
        self.token = self.dir + "/home/oauth/work.token"
        self.provider.reset()
        self.smtp.reset()
        self.smtp.check = self.provider.check
        self.said = []
        self.env = {"PATH": os.environ["PATH"], "HOME": self.dir + "/home",
                    "LC_ALL": "C.UTF-8", "MAILCHUTE_CONFIG":
                    self.dir + "/config"}
        self.env.update({k: v for k, v in os.environ.items()
                         if k.endswith("SAN_OPTIONS")})
        self.configure()

    def configure(self, **keys):
        url = self.provider.url
        base = {"host": "localhost", "port": self.smtp.port,
                "tls-ca-file": self.certs + "/ca.pem", "user": USER,
                "from": USER, "oauth": "custom", "oauth-client-id": "me",
                "helper-timeout": "%ds" % (10 * SLOW),
                "oauth-device-url": url + "/device",
                "oauth-auth-url": url + "/auth",
                "oauth-token-url": url + "/token",
                "oauth-revoke-url": url + "/revoke"}
        base.update({k.replace("_", "-"): v for k, v in keys.items()})
        self.keys = base
        write(self.dir + "/config", "log = %s/log\nqueue-dir = %s/home/queue\n"
              "queue-any-fs = yes\nqueue-reserve = 1\nretry-min = 1s\n"
              "[account work]\n" % (self.dir, self.dir) + "".join(
                  "%s = %s\n" % i for i in base.items() if i[1] is not None),
              0o600)

    def start(self, *argv, env=None):
        return subprocess.Popen(
            [BINARY, *argv], env=dict(self.env, **(env or {})),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def finish(self, child, text=b"", seconds=30):
        try:
            out, err = child.communicate(text, seconds * SLOW)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            raise Failure("it does not end: %r %r" % (out, err)) from None
        ran = Ran(child.returncode, out.decode(), err.decode())
        self.said.append(repr(ran))
        return ran

    def run(self, *argv, text=b"", seconds=30):
        return self.finish(self.start(*argv), text, seconds)

    def good(self, *argv, **how):
        ran = self.run(*argv, **how)
        expect("%s: status 0" % " ".join(argv), ran.status == 0, ran)
        return ran

    def send(self, *more):
        return self.run(*more, "-oi", "ann@example.test", text=MAIL)

    def sent(self, n):
        if len(self.smtp.mails) != n:
            self.said.append(self.run("queue").out)
        equal("mails that arrived", len(self.smtp.mails), n)

    def login(self):
        """By a browser, which is the fastest."""
        talk = Talk(self, "--flow=code", "work")
        query = dict(urllib.parse.parse_qsl(
            talk.address().partition("?")[2]))
        self.provider.challenge = query["code_challenge"]
        visit("%s/?state=%s&code=code-CANARY" % (query["redirect_uri"],
                                                 query["state"]))
        ran = talk.end()
        expect("logged in", ran.status == 0 and "Logged in." in ran.out, ran)
        return ran

    def now_and_then(self, **changes):
        """lines of the token's file that are something else now"""
        text = servers.read(self.token)
        for key, value in changes.items():
            text = re.sub(r"(?m)^%s .*$" % key, "%s %s" % (key, value), text)
        write(self.token, text, 0o600)

    def queued(self):
        return self.good("queue", "list", "--json").out.splitlines()

    def renewals(self):
        return self.provider.count("/token", "refresh_token")

    def wait_real(self):
        """oidc-provider, for a case that needs it"""
        if self.real is None:
            module = Oidc.module(os.environ.get("top_builddir") or ".")
            self.real = Oidc(module, self.where) if module else False
        if not self.real:
            raise Skip("node 20, npm, or oidc-provider from its registry is "
                       "missing")
        meta = self.real.meta
        self.smtp.check = self.real.check
        self.configure(
            oauth_client_id="phone", oauth_scope="openid offline_access mail",
            oauth_device_url=meta["device_authorization_endpoint"],
            oauth_auth_url=meta["authorization_endpoint"],
            oauth_token_url=meta["token_endpoint"],
            oauth_revoke_url=meta["revocation_endpoint"])
        return self.real


def lines_of(stream, into):
    for line in iter(stream.readline, b""):
        into.append(line.decode())


class Talk:
    """A log-in whose words are read while it runs."""

    def __init__(self, b, *argv, env=None):
        self.b = b
        self.child = b.start("login", *argv, env=env)
        self.err = []
        self.child.stdin.close()
        self.thread = threading.Thread(target=lines_of, daemon=True,
                                       args=(self.child.stderr, self.err))
        self.thread.start()

    def address(self, part="http"):
        return wait_for("an address to open", 20, lambda: next(
            (x.strip() for x in list(self.err) if x.strip().startswith(part)),
            None))

    def end(self, seconds=30):
        try:
            self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise Failure("the log-in does not end: %r" % self.err) from None
        self.thread.join(5)
        ran = Ran(self.child.returncode, self.child.stdout.read().decode(),
                  "".join(self.err))
        self.b.said.append(repr(ran))
        return ran


# --------------------------------------------------------------- with our own

@case
def device(b):
    """log in by a code, send, and no word of a secret anywhere"""
    b.provider.pending = 1
    ran = b.good("login", "work")
    expect("what to do is said", "/enter" in ran.err and "WDJB-MJHT" in
           ran.err and "Logged in." in ran.out, ran)
    for path, mode in ((b.token, 0o600), (os.path.dirname(b.token), 0o700)):
        equal("mode of " + path, os.stat(path).st_mode & 0o7777, mode)
    ran = b.good("-v", "-oi", "ann@example.test", text=MAIL)
    b.sent(1)
    equal("questions about a token", b.renewals(), 0)
    words = "".join(b.said) + servers.read(b.dir + "/log")
    token = b.smtp.tokens[0].encode()
    for secret in ("CANARY", base64.b64encode(token).decode()[2:-4]):
        expect("secrets are not told", secret not in words, words)


@case
def not_logged_in(b):
    """without a log-in mail waits, and it says what to do"""
    ran = b.send()
    equal("status", ran.status, 0)
    equal("messages that wait", len(b.queued()), 1)
    why = b.good("queue").out
    expect("the remedy", "run mailchute login work" in why, why)
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("status without a queue", ran.status in (75, 78) and
           "run mailchute login work" in ran.err, ran)
    ran = b.login()
    expect("the mail that waits", "1 message of this account waits" in
           ran.out, ran)
    b.good("queue", "retry", "all")
    b.good("queue", "run")
    b.sent(1)
    equal("messages that wait", len(b.queued()), 0)


@case
def examined(b):
    """doctor tells whether somebody is logged in"""
    ran = b.run("doctor", "--no-auth", "--no-dns", "work")
    expect("nobody is", ran.status == 78 and "nobody has logged in" in
           ran.out and "mailchute login work" in ran.out, ran)
    b.login()
    ran = b.run("doctor", "--no-auth", "--no-dns", "work")
    expect("somebody is", "the token is renewed by itself" in ran.out, ran)


@case
def renewed(b):
    """a token that is over is renewed, with and without rotation"""
    b.login()
    for rotate in (True, False):
        b.provider.rotate = rotate
        old = servers.read(b.token)
        b.now_and_then(expires=int(time.time()) + 2, got=1)
        equal("status", b.send().status, 0)
        expect("another token is kept", servers.read(b.token) != old)
        same = re.search("refresh .*", old).group() in servers.read(b.token)
        equal("the old refresh token stays", same, not rotate)
    b.sent(2)
    equal("renewals", b.renewals(), 2)
    # a clock that was wrong, and is right again
    b.now_and_then(got=int(time.time()) + 86400,
                   expires=int(time.time()) + 90000)
    equal("status", b.send().status, 0)
    equal("renewals", b.renewals(), 3)


@case
def refused(b):
    """a token that the server refuses is renewed once, and not in a loop"""
    b.login()
    n = 0
    for caps, mechs, json_error in (
            (["PIPELINING"], "XOAUTH2", True), ([], "XOAUTH2", False),
            ([], "XOAUTH2", True), (["PIPELINING"], "OAUTHBEARER", True)):
        b.smtp.caps, b.smtp.mechs, b.smtp.json_error = caps, mechs, json_error
        b.provider.good.clear()
        b.smtp.tokens = []
        equal("status", b.send().status, 0)
        n += 1
        b.sent(n)
        equal("log-ins", len(b.smtp.tokens), 2)
        equal("renewals", b.renewals(), n)
    b.smtp.check = lambda token: False
    for caps in (["PIPELINING"], []):
        b.smtp.caps, b.smtp.tokens = caps, []
        ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
        n += 1
        expect("status 75, and why", ran.status == 75 and
               "refused" in ran.err, ran)
        equal("log-ins", len(b.smtp.tokens), 2)
        equal("renewals", b.renewals(), n)


@case
def by_libcurl(b):
    """the same over libcurl, which logs in by itself"""
    if os.environ.get("MC_CURL", "yes") != "yes":
        raise Skip("built without libcurl")
    b.configure(transport="curl")
    b.login()
    equal("status", b.send().status, 0)
    b.provider.good.clear()
    for json_error in (True, False):
        b.provider.good.clear()
        b.smtp.json_error, b.smtp.tokens = json_error, []
        equal("status", b.send().status, 0)
        equal("log-ins", len(b.smtp.tokens), 2)
    b.sent(3)
    equal("renewals", b.renewals(), 2)


@case
def in_the_queue(b):
    """a run of the queue renews too, over and refused"""
    b.login()
    for i in range(3):
        b.good("--queue-only", "-oi", "ann@example.test", text=MAIL)
    b.now_and_then(expires=int(time.time()) - 2)
    b.good("queue", "run")
    b.sent(3)
    equal("renewals", b.renewals(), 1)
    b.good("--queue-only", "-oi", "ann@example.test", text=MAIL)
    b.provider.good.clear()
    b.smtp.tokens = []
    b.good("queue", "run")
    b.sent(4)
    equal("log-ins", len(b.smtp.tokens), 2)
    equal("renewals", b.renewals(), 2)


@case
def together(b):
    """processes that need a new token at the same time get it once"""
    b.login()
    b.provider.slow = 0.3
    for refuse in (False, True):
        before = b.renewals()
        if refuse:
            b.provider.good.clear()
        else:
            b.now_and_then(expires=int(time.time()) - 2)
        children = [b.start("--no-queue", "-oi", "ann@example.test")
                    for _ in range(4)]
        for child in children:
            child.stdin.write(MAIL)
            child.stdin.close()
            child.stdin = None
        for child in children:
            ran = b.finish(child, None)
            equal("status", ran.status, 0)
        equal("renewals", b.renewals() - before, 1)
    b.sent(8)


@case
def not_now(b):
    """a provider that cannot answer: what is there is used up first"""
    b.login()
    now = int(time.time())
    b.provider.answers["/token"] = 503, b"busy"
    b.now_and_then(expires=now + 40, got=now - 3600)
    equal("status", b.send().status, 0)
    b.sent(1)
    b.now_and_then(expires=now - 1)
    equal("status", b.send().status, 0)
    why = b.good("queue").out
    expect("the reason", "503" in why, why)
    b.sent(1)
    b.provider.answers.clear()
    b.good("queue", "retry", "all")
    b.good("queue", "run")
    b.sent(2)


@case
def withdrawn(b):
    """a refresh token that is none any more: log in again"""
    b.login()
    b.provider.refresh.clear()
    b.now_and_then(expires=int(time.time()) - 2)
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("the remedy", "expired or was withdrawn" in ran.err and
           "run mailchute login work" in ran.err, ran)
    b.login()
    equal("status", b.send().status, 0)
    b.sent(1)


@case
def no_helper(b):
    """without its program it says what is missing"""
    # where it was neither built nor installed
    alone = b.dir + "/mailchute"
    shutil.copy(BINARY, alone)
    done = subprocess.run([alone, "login", "work"], env=b.env, check=False,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          timeout=20 * SLOW)
    said = done.stderr.decode()
    if done.returncode == 0 or "cannot be reached" in said:
        raise Skip("mailchute-oauth is installed")
    expect("the reason", done.returncode == 75 and "libjansson" in said,
           said)


@case
def other_terms(b):
    """another client, scope or provider does not get the old token"""
    b.login()
    other = b.provider.url.replace("127.0.0.1", "localhost")
    for change in ({"oauth_client_id": "you"}, {"oauth_scope": "more"},
                   {"oauth_token_url": other + "/token"},
                   {"user": "ann@example.test"}):
        b.configure(**change)
        ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
        expect("not logged in", ran.status != 0 and "not logged in" in
               ran.err, (change, ran))
    b.configure()
    equal("status", b.send().status, 0)
    equal("log-ins", len(b.smtp.tokens), 1)


@case
def files(b):
    """a token that others can read is refused, and so is one of a link"""
    b.login()
    os.chmod(b.token, 0o640)
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("refused", ran.status == 78 and "chmod 600" in ran.err, ran)
    os.chmod(b.token, 0o600)
    os.chmod(os.path.dirname(b.token), 0o777)
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("refused", ran.status == 78 and "chmod 700" in ran.err, ran)
    os.chmod(os.path.dirname(b.token), 0o700)
    os.rename(b.token, b.dir + "/elsewhere")
    os.symlink(b.dir + "/elsewhere", b.token)
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("a link is not followed", ran.status != 0, ran)
    os.unlink(b.token)
    for text in ("", "mailchute-token 1\n", "x" * 300000,
                 servers.read(b.dir + "/elsewhere")[:-10]):
        write(b.token, text, 0o600)
        ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
        expect("a broken file", ran.status != 0, ran)
    b.sent(0)
    b.login()
    equal("status", b.send().status, 0)


@case
def log_out(b):
    """log out: withdrawn at the provider, and removed; --local asks nobody"""
    b.login()
    expect("out", "Logged out." in b.good("logout", "work").out)
    expect("the file is gone", not os.path.exists(b.token))
    equal("withdrawn", [f["token"][:10] for p, f in b.provider.asked
                        if p == "/revoke"], ["ref-CANARY"])
    expect("nothing twice", "no token" in b.good("logout", "work").out)
    b.login()
    b.good("logout", "--local", "work")
    equal("withdrawn", b.provider.count("/revoke"), 1)
    b.login()
    b.provider.answers["/revoke"] = 503, b""
    ran = b.run("logout", "work")
    expect("it is said", ran.status != 0 and "could not be withdrawn" in
           ran.err, ran)
    expect("the file is gone", not os.path.exists(b.token))


def children_of(parent):
    found = []
    for name in os.listdir("/proc"):
        stat = servers.read("/proc/%s/stat" % name) if name.isdigit() else ""
        if stat and int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(name))
    return found


@case
def interrupted(b):
    """Ctrl-C while it waits leaves nothing, and nobody"""
    b.provider.pending = 1000
    for flow in ("device", "code"):
        talk = Talk(b, "--flow=" + flow, "work")
        talk.address()
        helpers = children_of(talk.child.pid)
        expect("the helper runs", helpers)
        talk.child.send_signal(signal.SIGINT)
        ran = talk.end(10)
        expect("status 75", ran.status == 75 and "nothing was kept" in
               ran.err, ran)
        expect("nothing is left", not os.path.exists(
            b.dir + "/home/oauth"), os.listdir(b.dir + "/home"))
        for pid in helpers:
            expect("no helper is left", "mailchute-oauth" not in
                   servers.read("/proc/%d/cmdline" % pid))


# what a provider may say to the first question of a device flow, or to that for
# the token, and what has to be said then
GOOD_DEVICE = {"device_code": "d", "user_code": "u", "interval": 1,
               "verification_uri": "https://x.example/", "expires_in": 60}
GOOD_TOKEN = {"access_token": "a", "token_type": "bearer", "expires_in": 60}


def but(what, **more):
    return {k: v for k, v in dict(what, **more).items() if v is not None}


def endless(handler, _form):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"[" * 4096)
    except OSError:
        pass


def long_header(handler, _form):
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-More: " + b"y" * 1000 + b"\r\n")
    except OSError:
        pass


def cut_off(handler, _form):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def zipped(handler, _form):
    body = bytes(1000)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(body) + body)


BAD = [
    ("/device", endless, "more than"),
    ("/device", long_header, "cannot be reached|more than"),
    ("/device", cut_off, "cannot be reached"),
    ("/device", zipped, "no JSON"),
    ("/device", (200, b"[" * 60000), "no JSON"),
    ("/device", (200, b'{"a":' * 5000), "no JSON"),
    ("/device", (200, b"[]"), "no JSON"),
    ("/device", (200, b""), "said nothing"),
    ("/device", (200, b"<html>log in to the hotel</html>"), "no JSON"),
    ("/device", (200, b'{"device_code":"a\\u0000b"}'), "no JSON"),
    ("/device", (200, b'{"user_code":"a","user_code":"b"}'), "no JSON"),
    ("/device", (200, b'{"user_code":"\xff"}'), "no JSON"),
    ("/device", (200, but(GOOD_DEVICE, device_code=7)), "no code"),
    ("/device", (200, but(GOOD_DEVICE, user_code="\x1b[2J")), "no code"),
    ("/device", (200, but(GOOD_DEVICE, verification_uri="file:///etc")),
     "no code"),
    ("/device", (200, but(GOOD_DEVICE, verification_uri="http://a.example")),
     "no code"),
    ("/device", (200, but(GOOD_DEVICE, verification_uri=
                          "http://127.0.0.1.a.example/")), "no code"),
    ("/device", (400, {"error": "x", "error_description":
                       "\u009b2Jgr\u00fc\u00df"}), "x, .*gr\u00fc\u00df"),
    ("/device", (200, but(GOOD_DEVICE, expires_in=-1)), "no code"),
    ("/device", (200, but(GOOD_DEVICE, expires_in=[1])), "no code"),
    ("/device", (302, b"", [("Location", "https://a.example/")]),
     "elsewhere"),
    ("/device", (307, b"", [("Location", "file:///etc/passwd")]),
     "elsewhere"),
    ("/device", (500, b"oh"), "cannot answer now"),
    ("/device", (400, {"error": "invalid_client"}), "does not know this"),
    ("/device", (400, {"error": ["x"]}), "no reason"),
    ("/device", (401, {"error": "invalid_client", "error_description":
                       "AADSTS7000215: Invalid client secret provided. "
                       "Trace ID: 123"}), "AADSTS7000215: Invalid client "
     "secret provided\n"),
    ("/token", (400, {"error": "access_denied"}), "refused, by you"),
    ("/token", (400, {"error": "expired_token"}), "in time"),
    ("/token", (400, {"error": "invalid_grant"}), "begin anew"),
    ("/token", (400, {"error": "\x1b]0;x\x07"}), "no reason"),
    ("/token", (400, {"error": "odd", "error_description":
                      "a\nmailchute: b\x1b[1m"}), "said no: odd, a mailchute"),
    ("/token", (200, {}), "no access token"),
    ("/token", (200, but(GOOD_TOKEN, access_token="")), "no access token"),
    ("/token", (200, but(GOOD_TOKEN, access_token="a b")), "no access token"),
    ("/token", (200, but(GOOD_TOKEN, access_token="x\r\nRCPT TO:<a@b>")),
     "no access token"),
    ("/token", (200, but(GOOD_TOKEN, access_token="x" * 20000)),
     "no access token"),
    ("/token", (200, but(GOOD_TOKEN, access_token={"a": 1})),
     "no access token"),
    ("/token", (200, but(GOOD_TOKEN, token_type="mac")), "no bearer"),
    ("/token", (200, but(GOOD_TOKEN, token_type=None)), "no bearer"),
    ("/token", (200, but(GOOD_TOKEN, expires_in="soon")), "expires_in"),
    ("/token", (200, but(GOOD_TOKEN, expires_in=-5)), "expires_in"),
    ("/token", (200, but(GOOD_TOKEN, refresh_token=["r"])), "refresh token"),
    ("/token", (200, but(GOOD_TOKEN, refresh_token="a\tb")), "refresh token"),
    ("/token", (200, but(GOOD_TOKEN, error="x")), "said no: x"),
]


@case
def hostile(b):
    """nonsense from the provider is refused with a reason, and nothing kept"""
    def one(path, answer, words):
        b.provider.answers = {"/device": (200, GOOD_DEVICE), path: answer}
        ran = b.run("login", "work", seconds=20)
        expect("a reason", ran.status in (75, 78) and
               re.search(words, ran.err), (path, answer, ran))
        expect("one line of it", ran.err.splitlines()[-1].startswith(
            "mailchute: ") and "\x1b" not in ran.err, ran)
        expect("nothing is kept", not os.path.exists(b.token), answer)
    for row in BAD:
        if row[0] == "/device":
            one(*row)
    # those have to wait for a second each: all at the same time
    rows = [r for r in BAD if r[0] == "/token"]
    talks = []
    for i, (path, answer, words) in enumerate(rows):
        b.provider.answers["/token%d" % i] = answer
        b.provider.answers["/device"] = 200, GOOD_DEVICE
        b.configure(oauth_token_url=b.provider.url + "/token%d" % i,
                    oauth_dir="%s/d%d" % (b.dir, i))
        talks.append((Talk(b, "-C", copy(b, i), "work"), answer, words))
    for i, (talk, answer, words) in enumerate(talks):
        ran = talk.end(60)
        expect("a reason", ran.status in (75, 78) and
               re.search(words, ran.err), (answer, ran))
        expect("one line of it", ran.err.splitlines()[-1].startswith(
            "mailchute: ") and "\x1b" not in ran.err, ran)
        expect("nothing is kept", not os.path.exists("%s/d%d" % (b.dir, i)))


def copy(b, i):
    """the configuration, with oauth-dir in front of the account"""
    name = "%s/config%d" % (b.dir, i)
    text = servers.read(b.dir + "/config")
    line = re.search("oauth-dir = .*\n", text).group()
    write(name, line + text.replace(line, ""), 0o600)
    return name


@case
def clear_text(b):
    """http only to this machine, and https only with a good certificate"""
    for url in ("http://127.0.0.1.example.com/x", "http://a.example/x",
                "http://127.0.0.1:1@a.example/x", "ftp://a.example/", "file:/x",
                "https://", "https:///x", "https://a.example/ x"):
        b.configure(oauth_token_url=url)
        ran = b.run("login", "work")
        expect("refused: " + url, ran.status == 78 and "https://" in
               ran.err, ran)
    b.configure(oauth_device_url="https://localhost:%d/x" % b.smtp.port)
    ran = b.run("login", "work")
    expect("an unknown authority", ran.status == 75 and
           "cannot be reached" in ran.err, ran)
    request = ("what device\nseconds 5\nclient-id x\ntoken-url "
               "http://a.example/\ndevice-url http://a.example/\n")
    done = subprocess.run([HELPER], input=request.encode(), timeout=20 * SLOW,
                          stdout=subprocess.PIPE, check=False)
    expect("the helper refuses it too", b"only https" in done.stdout,
           done.stdout)


@case
def secrets_stay(b):
    """the client secret is in no argument and no environment; proxies"""
    write(b.dir + "/secret", SECRET + "\n", 0o600)
    b.configure(oauth_client_secret_file=b.dir + "/secret")
    seen = []

    def answer(_handler, form):
        seen.append(form)
        for name in os.listdir("/proc"):
            for part in ("cmdline", "environ"):
                if name.isdigit():
                    try:
                        seen.append(servers.read("/proc/%s/%s" % (name,
                                                                  part)))
                    except PermissionError:
                        pass
        return 200, GOOD_DEVICE
    b.provider.answers["/device"] = answer
    b.provider.answers["/token"] = 400, {
        "error": "odd", "error_description": "no, not " + SECRET}
    ran = b.run("login", "work")
    equal("the provider gets it", seen[0].get("client_secret"), SECRET)
    expect("nobody else", not any("S3cret" in s for s in seen[1:]))
    expect("an echo is not told", ran.status == 78 and "S3cret" not in
           ran.err and "odd" not in ran.out, ran)
    os.chmod(b.dir + "/secret", 0o644)
    ran = b.run("login", "work")
    expect("others can read it", ran.status == 78 and "chmod 600" in
           ran.err, ran)
    # a proxy that the environment names is not asked
    b.configure()
    b.provider.answers.clear()
    ran = b.finish(b.start("login", "work", env={
        "http_proxy": "http://127.0.0.1:9", "all_proxy": "http://[::1]:9"}))
    equal("status", ran.status, 0)
    ran = b.finish(b.start("login", "work", "-C", with_proxy(b)))
    expect("the proxy of the configuration", ran.status == 0 and any(
        p.startswith("http://127.0.0.1") for p, _ in b.provider.asked), ran)


def with_proxy(b):
    """a proxy that is the provider itself, and so sees whole addresses"""
    def relay(path):
        return lambda h, form: getattr(b.provider, "do_" + path)(form)
    for path in ("device", "token"):
        b.provider.answers["%s/%s" % (b.provider.url, path)] = relay(path)
    b.configure(proxy="http://127.0.0.1:%s" % b.provider.url.split(":")[-1])
    return b.dir + "/config"


# -------------------------------------------------------------------- browsers

def visit(url):
    try:
        with urllib.request.urlopen(url, None, 10 * SLOW) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


def begin_code(b, *argv, **how):
    b.configure(oauth_auth_url=b.provider.url + "/auth?x=1",
                oauth_flow="code", oauth_scope="a offline_access")
    talk = Talk(b, *argv, "work", **how)
    url = talk.address()
    query = dict(urllib.parse.parse_qsl(url.partition("?")[2]))
    b.provider.challenge = query["code_challenge"]
    return talk, query


@case
def code(b):
    """log in by a browser: PKCE, state, and who else comes to the port"""
    talk, query = begin_code(b)
    back = query["redirect_uri"]
    expect("what is asked for", query["response_type"] == "code" and
           query["code_challenge_method"] == "S256" and query["x"] == "1" and
           query["scope"] == "a offline_access" and query["client_id"] ==
           "me" and query["prompt"] == "consent" and
           re.fullmatch(r"http://127\.0\.0\.1:\d+", back) and
           len(query["state"]) >= 40, query)
    port = int(back.rpartition(":")[2])
    equal("another state", visit(back + "/?code=evil&state=x")[0], 400)
    equal("no state", visit(back + "/?code=evil")[0], 400)
    equal("two states", visit(back + "/?code=x&state=%s&state=%s" % (
        query["state"], query["state"]))[0], 404)
    equal("an icon", visit(back + "/favicon.ico")[0], 404)
    for junk in (b"", b"\0\n\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n",
                 b"GET /?" + b"a" * 20000, b"\x16\x03\x01"):
        with socket.create_connection(("127.0.0.1", port)) as s:
            try:
                s.sendall(junk)
            except OSError:
                pass
    expect("it waits on", talk.child.poll() is None)
    status, page = visit("%s/?state=%s&code=code-CANARY" % (
        back, query["state"]))
    expect("a page that ends it", status == 200 and "close this window" in
           page, page)
    ran = talk.end()
    expect("logged in", ran.status == 0 and "Logged in." in ran.out, ran)
    form = [f for p, f in b.provider.asked if p == "/token"][0]
    equal("the same address", form["redirect_uri"], back)
    with socket.socket() as s:
        expect("the port is closed", s.connect_ex(("127.0.0.1", port)) != 0)
    equal("status", b.send().status, 0)
    b.sent(1)


@case
def code_refused(b):
    """a browser that comes back with a no, or a code that is none"""
    talk, query = begin_code(b)
    visit("%s/?state=%s&error=access_denied&error_description=no%%0Away" % (
        query["redirect_uri"], query["state"]))
    # a line end in it makes it no answer: another one has to come
    visit("%s/?state=%s&error=access_denied&error_description=no+way" % (
        query["redirect_uri"], query["state"]))
    ran = talk.end()
    expect("the reason", ran.status == 78 and "no way" in ran.err and
           "refused, by you" in ran.err, ran)
    talk, query = begin_code(b)
    visit("%s/?state=%s&code=wrong" % (query["redirect_uri"],
                                       query["state"]))
    ran = talk.end()
    expect("the reason", ran.status == 78 and "begin anew" in ran.err, ran)
    expect("nothing is kept", not os.path.exists(b.token))


@case
def browser(b):
    """--browser runs xdg-open with the address, and nothing else does"""
    os.mkdir(b.dir + "/bin")
    write(b.dir + "/bin/xdg-open", "#!/bin/sh\necho \"$1\" >%s/opened.new\n"
          "mv %s/opened.new %s/opened\n" % ((b.dir,) * 3), 0o755)
    path = {"PATH": b.dir + "/bin:" + os.environ["PATH"]}
    for words in ((), ("--browser",)):
        talk, query = begin_code(b, *words, env=path)
        if words:
            wait_for("xdg-open", 10, lambda: query["state"] in servers.read(
                b.dir + "/opened"))
        visit("%s/?state=%s&code=code-CANARY" % (query["redirect_uri"],
                                                 query["state"]))
        equal("status", talk.end().status, 0)
        equal("opened", os.path.exists(b.dir + "/opened"), bool(words))


# ------------------------------------------------------------------- no person

@case
def client(b):
    """client credentials: no log-in is needed, and none is left out"""
    write(b.dir + "/secret", SECRET, 0o600)
    b.configure(oauth_client_secret_file=b.dir + "/secret",
                oauth_flow="client", oauth_scope="mail.send")
    equal("status", b.send().status, 0)
    b.sent(1)
    form = b.provider.asked[0][1]
    expect("what was asked", form["grant_type"] == "client_credentials" and
           form["client_secret"] == SECRET and form["scope"] == "mail.send",
           form)
    b.provider.good.clear()
    equal("status", b.send().status, 0)
    equal("status", b.send().status, 0)
    equal("tokens", b.provider.count("/token"), 2)
    b.good("login", "work")
    b.configure()
    ran = b.run("login", "--flow=client", "work")
    expect("a flow that would not hold", ran.status in (64, 78), ran)


@case
def service_account(b):
    """a service account: the assertion is signed by its key"""
    key = b.dir + "/key.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True,
                   stderr=subprocess.DEVNULL)
    account = {"type": "service_account", "private_key_id": "kid1",
               "private_key": servers.read(key),
               "client_email": "bot@project.example"}
    write(b.dir + "/account.json", json.dumps(account, indent=2), 0o600)
    b.configure(oauth_key_file=b.dir + "/account.json", oauth_client_id=None,
                oauth_scope="https://mail.example/")
    equal("status", b.send().status, 0)
    b.sent(1)
    jwt = b.provider.asked[0][1]["assertion"]
    head, claims, sig = (base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))
                         for p in jwt.split("."))
    write(b.dir + "/signed", jwt.rpartition(".")[0])
    with open(b.dir + "/sig", "wb") as f:
        f.write(sig)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out",
                    b.dir + "/pub.pem"], check=True)
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", b.dir +
                           "/pub.pem", "-signature", b.dir + "/sig",
                           b.dir + "/signed"], stdout=subprocess.PIPE,
                          check=False)
    expect("the signature", done.returncode == 0, done.stdout)
    head, claims = json.loads(head), json.loads(claims)
    equal("the head", head, {"alg": "RS256", "typ": "JWT", "kid": "kid1"})
    expect("the claims", claims["iss"] == "bot@project.example" and
           claims["sub"] == USER and claims["scope"] ==
           "https://mail.example/" and claims["aud"] ==
           b.keys["oauth-token-url"] and
           0 < claims["exp"] - claims["iat"] <= 3600 and
           abs(claims["iat"] - time.time()) < 60, claims)
    for bad in ("{}", "x", json.dumps(dict(account, private_key="x")), "[]",
                json.dumps(dict(account, client_email=None))):
        write(b.dir + "/account.json", bad, 0o600)
        os.unlink(b.token)
        write(b.token, "", 0o600)
        ran = b.run("login", "work")
        expect("no key", ran.status != 0 and "oauth-key-file" in ran.err, ran)
    os.chmod(b.dir + "/account.json", 0o644)
    ran = b.run("login", "work")
    expect("others can read it", ran.status == 78 and "chmod 600" in
           ran.err, ran)


# ----------------------------------------------------------------- the real one

def with_client(b, name, **more):
    b.configure(**dict({k.replace("-", "_"): v for k, v in b.keys.items()},
                       oauth_client_id=name, **more))


@case
def real_device(b):
    """oidc-provider: a code, rotation, a token that is over or used twice"""
    real = b.wait_real()
    with_client(b, "short")
    talk = Talk(b, "work")
    url = talk.address()
    user_code = wait_for("a code", 10, lambda: next((
        x.strip() for x in list(talk.err)
        if re.fullmatch(r"\s+[A-Z0-9]{4}-[A-Z0-9]{4}\s*", x)), None))
    at, page = Forms().agree(url, user_code=user_code)
    expect("it is approved", "success" in page.lower(), (at, page))
    ran = talk.end(40)
    expect("logged in", ran.status == 0, ran)
    equal("status", b.send().status, 0)
    b.sent(1)
    first = servers.read(b.token)
    token = re.search("(?m)^access (.*)", first).group(1)
    refresh = re.search("(?m)^refresh (.*)", first).group(1)
    wait_for("the end of the token", 10, lambda: not real.check(token))
    # the server knows sooner than we do
    b.smtp.tokens = []
    b.now_and_then(expires=int(time.time()) + 3600)
    equal("status", b.send().status, 0)
    b.sent(2)
    equal("log-ins", len(b.smtp.tokens), 2)
    text = servers.read(b.token)
    expect("both are new", token not in text and refresh not in text)
    b.now_and_then(expires=int(time.time()) - 1)
    equal("status", b.send().status, 0)
    b.sent(3)
    # used twice: the provider takes it for stolen, and ends the whole grant
    b.now_and_then(refresh=refresh, expires=int(time.time()) - 1)
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("the remedy", "run mailchute login work" in ran.err and
           "invalid_grant" in ran.err, ran)


@case
def real_code(b):
    """oidc-provider: a browser, tokens of two seconds, and out"""
    real = b.wait_real()
    with_client(b, "short", oauth_flow="code")
    talk = Talk(b, "work")
    url = talk.address()
    forms = Forms()
    forms.back = dict(urllib.parse.parse_qsl(url.partition("?")[2]))[
        "redirect_uri"]
    at, page = forms.agree(url)
    expect("the browser is sent back", forms.is_end(at), (at, page))
    equal("it is taken", visit(at)[0], 200)
    ran = talk.end()
    expect("logged in", ran.status == 0, ran)
    for i in (1, 2):
        equal("status", b.send().status, 0)
        b.sent(i)
        time.sleep(2.1 * (2 - i))
    expect("two tokens", len(set(b.smtp.tokens)) == 2, b.smtp.tokens)
    text = servers.read(b.token)
    b.good("logout", "work")
    write(b.token, text, 0o600)
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("it is no good any more", "run mailchute login" in ran.err, ran)
    expect("nor is the other", not real.check(b.smtp.tokens[-1]))


@case
def real_client(b):
    """oidc-provider: client credentials"""
    b.wait_real()
    write(b.dir + "/secret", "robot-S3cret/of+test\n", 0o600)
    with_client(b, "robot", oauth_flow="client", oauth_scope="mail",
                oauth_client_secret_file=b.dir + "/secret")
    equal("status", b.send().status, 0)
    b.sent(1)
    write(b.dir + "/secret", "wrong", 0o600)
    b.good("logout", "--local", "work")
    ran = b.run("--no-queue", "-oi", "ann@example.test", text=MAIL)
    expect("a wrong secret", "client secret is wrong" in ran.err, ran)


@case
def dovecot(b):
    """oidc-provider and Dovecot, which asks it about the token"""
    if os.getuid() != 0 or shutil.which("dovecot", path=os.environ["PATH"] +
                                        ":/usr/sbin:/sbin") is None:
        raise Skip("Dovecot is missing, or this is not root")
    real = b.wait_real()
    os.chmod(b.where, 0o755)
    os.chmod(b.dir, 0o755)
    port = servers.free_ports(1)[0]
    ask = real.meta["introspection_endpoint"].replace(
        "http://", "http://dovecot:dovecot-S3cret@")
    write(b.dir + "/oauth2", "introspection_mode = post\nintrospection_url ="
          " %s\nusername_attribute = sub\nactive_attribute = active\n"
          "active_value = true\ntokeninfo_url =\n" % ask)
    relay = RelayServer()
    server = servers.Dovecot(
        b.dir + "/dovecot", [], (DOVECOT_23, DOVECOT_24),
        {"certs": b.certs, "port": port, "oauth2": b.dir + "/oauth2",
         "relay": relay.server_address[1], "ask": ask, "home": b.dir})
    try:
        with_client(b, "short", host="localhost", port=port, user="joe",
                    oauth_flow="code")
        talk = Talk(b, "work")
        url = talk.address()
        forms = Forms()
        forms.back = dict(urllib.parse.parse_qsl(url.partition("?")[2]))[
            "redirect_uri"]
        visit(forms.agree(url)[0])
        equal("status", talk.end().status, 0)
        token = re.search("(?m)^access (.*)", servers.read(b.token)).group(1)
        equal("status", b.send().status, 0)
        equal("mails that Dovecot took", len(relay.passed), 1)
        wait_for("the end of the token", 10, lambda: not real.check(token))
        b.now_and_then(expires=int(time.time()) + 3600)
        equal("status", b.send().status, 0)
        equal("mails that Dovecot took", len(relay.passed), 2)
        expect("a new token", token not in servers.read(b.token))
    finally:
        b.said.append(server.log())
        server.stop()
        relay.stop()


# --------------------------------------------------------------------- service

@case
def serve(b):
    """the service renews for those who hand over mail to it"""
    os.chmod(b.where, 0o755)
    b.login()
    sock = b.dir + "/run/submit"
    os.mkdir(b.dir + "/run", 0o755)
    conf = servers.read(b.dir + "/config").replace(
        "[account", "socket = %s\nallow-users = *\nkeep-connection = 0\n"
        "[account" % sock)
    conf += "allow-sender = *: *\n"
    write(b.dir + "/serve.conf", conf, 0o600)
    env = {k: v for k, v in b.env.items() if k != "MAILCHUTE_CONFIG"}
    out = open(b.dir + "/serve.out", "wb")
    child = subprocess.Popen([BINARY, "serve", "-C", b.dir + "/serve.conf"],
                             env=env, stdin=subprocess.DEVNULL, stdout=out,
                             stderr=out, start_new_session=True)
    try:
        wait_for("the service", 20, lambda: os.path.exists(sock))
        write(b.dir + "/client.conf", "host = %s\nlog = off\nqueue-dir = "
              "%s/client-queue\nqueue-any-fs = yes\n" % (sock, b.dir), 0o600)
        for i, prepare in enumerate((
                lambda: None,
                lambda: b.now_and_then(expires=int(time.time()) - 1),
                b.provider.good.clear)):
            prepare()
            b.good("-C", b.dir + "/client.conf", "-oi", "-f", USER,
                   "ann@example.test", text=MAIL)
            wait_for("mail %d" % (i + 1), 20,
                     lambda: len(b.smtp.mails) == i + 1)
            equal("renewals", b.renewals(), i)
    finally:
        child.terminate()
        child.wait(20 * SLOW)
        out.close()
        b.said.append(servers.read(b.dir + "/serve.out") +
                      servers.read(b.dir + "/log"))
    expect("no secrets are told", "CANARY" not in b.said[-1], b.said[-1])


@case
def as_root(b):
    """root logs the service in: what is kept belongs to the service's user"""
    if os.getuid() != 0:
        raise Skip("this is not root")
    os.chmod(b.where, 0o755)
    os.chmod(b.dir, 0o755)
    os.mkdir(b.dir + "/home/queue", 0o700)
    for name in ("/home", "/home/queue"):
        os.chown(b.dir + name, NOBODY, NOBODY)
    write(b.dir + "/secret", SECRET + "\n", 0o600)
    os.chown(b.dir + "/secret", NOBODY, NOBODY)
    b.configure(oauth_client_secret_file=b.dir + "/secret")
    b.login()
    for name in ("", "/work.token", "/work.lock"):
        equal("owner of oauth" + name, os.stat(os.path.dirname(
            b.token) + name).st_uid, NOBODY)


# ------------------------------------------------------------------- patience

class Slow:
    """A log-in that has to wait, beside all others."""

    def __init__(self, b):
        self.times = []
        provider = Provider()
        b.begin()
        provider.answers["/token"] = self.answer
        b.configure(oauth_token_url=provider.url + "/token",
                    oauth_device_url=provider.url + "/device")
        self.talk = Talk(b, "--flow=device", "work")

    def answer(self, _handler, _form):
        self.times.append(time.monotonic())
        if len(self.times) == 1:
            return 503, b"busy"
        if len(self.times) == 2:
            return 400, {"error": "slow_down"}
        return 200, dict(GOOD_TOKEN, refresh_token="r")


@case
def slow_down(b):
    """slow_down and a network that fails for a moment make it wait longer"""
    ran = b.slow.talk.end(40)
    expect("logged in", ran.status == 0, ran)
    times = b.slow.times
    expect("twice as many seconds, and then five more", len(times) == 3 and
           times[1] - times[0] >= 1.9 and times[2] - times[1] >= 6.9, times)


# ------------------------------------------------------------------------- run

def run(patterns):
    chosen = [c for c in CASES if any(
        fnmatch.fnmatch(c.__name__, p) for p in patterns or ["*"])]
    # the sanitizers see nothing of what others have written
    if os.environ.get("MC_SANITIZED") == "yes" and not patterns:
        chosen = [c for c in chosen if c not in (
            by_libcurl, real_device, real_code, real_client, dovecot)]
    where = tempfile.mkdtemp(prefix="mco")
    guard = servers.Guard(where)
    servers.Daemon.guard = guard
    bench = Bench(where)
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    if slow_down in chosen:
        bench.slow = Slow(bench)
    for number, function in enumerate(chosen, 1):
        begun = time.monotonic()
        words = "%d - %s" % (number, function.__doc__.split("\n")[0])
        text = ""
        try:
            bench.begin()
            function(bench)
            print("ok %s # %.1f s" % (words, time.monotonic() - begun))
        except Skip as why:
            print("ok %s # SKIP %s" % (words, why))
        except Exception as problem:    # pylint: disable=broad-except
            failed += 1
            print("not ok %s # %.1f s" % (words, time.monotonic() - begun))
            text = str(problem) if isinstance(problem, (
                Failure, Trouble)) else traceback.format_exc()
            text += "\n" + "\n".join(bench.said[-3:])
        for line in text.splitlines():
            print("# " + line)
        sys.stdout.flush()
    if bench.real:
        bench.real.daemon.stop()
    guard.dismiss()
    shutil.rmtree(where, ignore_errors=True)
    return failed != 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
