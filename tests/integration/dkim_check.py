#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dkim_check.py - messages signed by mailchute, verified by dkimpy and OpenDKIM

Prints TAP.  Environment: MAILCHUTE_BIN; MC_SANITIZED=yes leaves most out.
Arguments are names of cases (patterns).
"""
import base64
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "script"))
import dkim                                                     # noqa: E402
import server                                                   # noqa: E402

BIN = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
SANITIZED = os.environ.get("MC_SANITIZED") == "yes"
SLOW = float(os.environ.get("MAILCHUTE_SLOW") or 1)
LIMIT = 60 * SLOW
DOMAIN = "example.org"
MEMORY = 16 << 10       # KiB, whatever the size of the message
CASES = []
OVER = ("from subject to date cc reply-to message-id mime-version "
        "content-type").split()
NEVER = ("received", "return-path", "bcc", "dkim-signature")


class Failure(Exception):
    pass


def case(fn):
    CASES.append((fn, False))
    return fn


def always(fn):
    """Also with sanitizers."""
    CASES.append((fn, True))
    return fn


def same(got, want, what):
    if got != want:
        raise Failure("%s\n got: %.900r\nwant: %.900r" % (what, got, want))


def true(value, what, *more):
    if not value:
        raise Failure(" ".join([what] + [str(m)[:2000] for m in more]))


def run(argv, **more):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LIMIT, **more)


def openssl(*args):
    p = run(["openssl"] + list(args))
    true(p.returncode == 0, "openssl", args, p.stderr)
    return p.stdout


def make(path, *args):
    openssl("genpkey", "-out", path, *args)
    os.chmod(path, 0o600)


def record(path):
    """What DNS would have, from openssl and not from us."""
    der = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    if len(der) == 44:
        return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(der[-32:])
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)


class Keys:
    """A private key of each kind, and the records that belong to them."""

    def __init__(self, where):
        self.dir = where
        self.rsa = where + "/rsa.pem"
        self.ed = where + "/ed.pem"
        make(self.rsa, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        make(self.ed, "-algorithm", "ED25519")
        self.dns = {}
        self.file = where + "/records"
        self.conf = where + "/opendkim.conf"
        self.add("r1", self.rsa)
        self.add("e1", self.ed)

    def add(self, selector, path, text=None):
        name = "%s._domainkey.%s" % (selector, DOMAIN)
        self.dns[name.encode() + b"."] = text or record(path)
        with open(self.file, "wb") as f:
            for name, text in self.dns.items():
                f.write(name[:-1] + b" " + text + b"\n")
        with open(self.conf, "w") as f:
            f.write("Mode v\nTestPublicKeys %s\n" % self.file)

    def dkimpy(self, data):
        """One verdict for each signature."""
        def lookup(name, timeout=5):
            return self.dns.get(name)
        n = len(re.findall(rb"(?im)^dkim-signature:",
                           data.partition(b"\r\n\r\n")[0]))
        out = []
        for i in range(n):
            try:
                out.append(dkim.DKIM(data).verify(idx=i, dnsfunc=lookup))
            except dkim.DKIMException:
                out.append(False)
        return out

    def opendkim(self, data):
        path = self.dir + "/message"
        with open(path, "wb") as f:
            f.write(data)
        p = run(["opendkim", "-t", path, "-x", self.conf, "-vv"])
        text = p.stdout.decode() + p.stderr.decode()
        return [verdict == "pass" for verdict in
                re.findall(r"^\s*dkim=(\w+)", text, re.M)]


class World:
    def __init__(self, keys):
        self.keys = keys
        self.dir = tempfile.mkdtemp(prefix="mc-dkim.")
        self.servers = []
        self.most = 0
        self.sets = {
            "from": "ada@" + DOMAIN, "tls": "off", "queue": "off",
            "host": "127.0.0.1", "dkim-domain": DOMAIN,
            "dkim-selector": "r1 e1",
            "dkim-key": "%s, %s" % (keys.rsa, keys.ed)}

    def end(self):
        for s in self.servers:
            s.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def server(self, caps=None):
        script = "tls = off\nmechs =\n"
        if caps is not None:
            script += "caps = %s\n" % caps
        s = server.Server(server.Script(script), self.dir, self.dir)
        self.servers.append(s)
        self.sets["port"] = s.port
        return s

    def configure(self, **sets):
        self.sets.update({k.replace("_", "-"): v for k, v in sets.items()})
        with open(self.dir + "/config", "w") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write("log = off\nqueue-dir = %s/queue\nqueue-any-fs = yes\n"
                    "queue-reserve = 1\nretry-min = 1s\n" % self.dir)
            f.write("[account default]\n" + "".join(
                "%s = %s\n" % x for x in self.sets.items()
                if x[1] is not None))

    @staticmethod
    def memory(pid):
        try:
            with open("/proc/%d/status" % pid) as f:
                m = re.search(r"VmHWM:\s+(\d+)", f.read())
        except OSError:
            return 0
        return int(m.group(1)) if m else 0

    def call(self, args, text=b"", status=0):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"),
               "HOME": self.dir, "NAME": "A User", "TZ": "UTC",
               "MAILCHUTE_CONFIG": self.dir + "/config"}
        env.update({k: v for k, v in os.environ.items()
                    if k.endswith("SAN_OPTIONS")})
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as inp:
            inp.write(text)
            inp.seek(0)
            p = subprocess.Popen([BIN] + args, stdin=inp, stdout=said,
                                 stderr=said, env=env)
            end = time.monotonic() + LIMIT
            while p.poll() is None:
                if time.monotonic() > end:
                    p.kill()
                    raise Failure("%r does not end" % args)
                # the last one seen is that of the program, and not of what
                # we were before it began
                self.most = self.memory(p.pid) or self.most
                time.sleep(0.002)
            said.seek(0)
            out = said.read().decode("utf-8", "replace")
        if p.returncode != status:
            raise Failure("%r ended with %d: %s" % (args, p.returncode, out))
        return out

    def arrived(self, want):
        """Texts, from the server that was made last."""
        s = self.servers[-1]
        s.settle(10 * SLOW)
        same(s.record.violations, [], "what the server objects to")
        got = [t.data for t in s.record.delivered()]
        same(len(got), want, "messages that arrived")
        return got

    def good(self, data, want=2, twice=True):
        """Every signature is good, says everybody."""
        same(self.keys.dkimpy(data), [True] * want, "dkimpy")
        if twice:
            same(self.keys.opendkim(data), [True] * want, "OpenDKIM")

    def bad(self, data, what):
        same(self.keys.dkimpy(data), [False] * 2, "dkimpy: " + what)
        true(True not in self.keys.opendkim(data), "OpenDKIM: " + what)

    def round(self, text, *args, caps=None, **sets):
        self.server(caps)
        self.configure(**sets)
        self.call(list(args) or ["bob@example.net"], text)
        return self.arrived(1)[0]


def message(body="Hi.\n", **fields):
    head = {"From": "Ada <ada@example.org>", "To": "bob@example.net",
            "Subject": "A   test \t of  blanks "}
    head.update({k.replace("_", "-"): v for k, v in fields.items()})
    text = "".join("%s: %s\n" % x for x in head.items()) + "\n" + body
    return text.encode()


def tags(data):
    """Of the first signature."""
    m = re.search(rb"(?im)^dkim-signature:((?:.*\r\n)(?:[ \t].*\r\n)*)", data)
    true(m, "there is no signature")
    text = re.sub(r"\s+", "", m.group(1).decode())
    return dict(x.partition("=")[::2] for x in text.split(";"))


# ----------------------------------------------------------------------- cases

@case
def plain(w):
    data = w.round(message())
    w.good(data)
    t = tags(data)
    same((t["v"], t["a"], t["c"], t["d"], t["s"]),
         ("1", "rsa-sha256", "relaxed/relaxed", DOMAIN, "r1"), "tags")
    true(abs(int(t["t"]) - time.time()) < 60 * SLOW, "time", t["t"])
    true("l" not in t and "x" not in t, "no l= and x=")
    head = data.partition(b"\r\n\r\n")[0]
    names = t["h"].lower().split(":")
    for name in OVER:
        n = len(re.findall(r"(?im)^%s:" % re.escape(name), head.decode()))
        same(names.count(name), n + 1, "over-signed: " + name)
    true(not set(NEVER) & set(names), "never signed", names)
    for line in head.split(b"\r\n"):
        true(len(line.expandtabs(8)) <= 78, "a long line", line)


@case
def one_key_each(w):
    for selector, path, algorithm in (("r1", w.keys.rsa, "rsa-sha256"),
                                      ("e1", w.keys.ed, "ed25519-sha256")):
        data = w.round(message(), dkim_selector=selector, dkim_key=path)
        w.good(data, 1)
        same(tags(data)["a"], algorithm, "algorithm")


@case
def changed(w):
    """What would make a test that cannot fail."""
    data = w.round(message("Pay 100 to Bob.\n\nAda\n", Cc="eve@example.com"))
    w.good(data)
    head, _, body = data.partition(b"\r\n\r\n")
    for what, new in (
            ("a byte of the body", data.replace(b"100", b"900")),
            ("a line at the end", data + b"P.S.\r\n"),
            ("a byte of Subject", data.replace(b"A   test", b"A   text")),
            ("a byte of Cc", data.replace(b"eve@", b"eva@")),
            ("another From", b"From: eve@example.org\r\n" + data),
            ("another To", b"To: eve@example.org\r\n" + data),
            ("another From, below", head + b"\r\nFrom: eve@example.org"
             b"\r\n\r\n" + body),
            ("another Subject", head + b"\r\nSubject: x\r\n\r\n" + body),
            ("a Reply-To", b"Reply-To: eve@example.com\r\n" + data),
            ("a Content-Type", b"Content-Type: text/html\r\n" + data),
            ("another Message-ID", b"Message-ID: <x@y>\r\n" + data)):
        true(new != data, "nothing changed", what)
        w.bad(new, what)
    # what relays do, and may
    w.good(b"Received: from x by y; Thu, 26 Nov 2026 07:24:20 +0000\r\n"
           b"Return-Path: <ada@example.org>\r\n" + data)
    w.good(data.replace(b"A   test", b"A test") + b"\r\n\r\n")


@case
def bodies(w):
    s = w.server()
    w.configure()
    texts = ["", "\n", "\n\n\n", "x", "x\n\n\n\n", " \n\t\n", " x \n \n",
             "\n\nx\n", "a \t b\t\n.\n..\n. \n", "no end\n.dot", "\t\n\nx \n"]
    for text in texts:
        w.call(["-i", "bob@example.net"], message(text))
    for text, data in zip(texts, w.arrived(len(texts))):
        try:
            # its body without a byte is not what OpenDKIM takes for empty
            w.good(data)
        except Failure as e:
            raise Failure("%r: %s" % (text, e)) from None
    true(s.record.delivered(), "delivered")


@case
def headers(w):
    data = w.round(message(
        Subject="folded\n   over \n\t lines", References="<a@b>\n <c@d>",
        In_Reply_To="<c@d>", Sender="eve@example.com", X_Empty="",
        List_Id="<l.example.org>", List_Unsubscribe="<https://example.org/u>",
        List_Unsubscribe_Post="List-Unsubscribe=One-Click"))
    w.good(data)
    names = tags(data)["h"].lower().split(":")
    for name in ("references", "in-reply-to", "list-id", "list-unsubscribe",
                 "list-unsubscribe-post"):
        same(names.count(name), 1, name)
    w.bad(data.replace(b"One-Click", b"Two-Click"), "List-Unsubscribe-Post")
    # a message that is sent again keeps what others have signed
    w.good(w.round(message() .replace(b"Subject:", b"Comments: a\nComments: b"
                                      b"\nKeywords: c\nSubject:")))
    data = w.round(b"Resent-From: ada@example.org\nResent-To: bob@example.net"
                   b"\n" + message(), "bob@example.net")
    w.good(data)
    true("resent-from" in tags(data)["h"].lower(), "Resent-From")


@case
def eight_bit(w):
    text = message("Gr\u00fc\u00dfe, \u00e4\u00f6 = 1\n\u00fc \n\n",
                   MIME_Version="1.0",
                   Content_Type="text/plain; charset=utf-8",
                   Content_Transfer_Encoding="8bit")
    as_it_is = w.round(text)
    true("ü".encode() in as_it_is, "8-bit")
    w.good(as_it_is)
    made = w.round(text, caps="PIPELINING; SIZE")
    made.decode("ascii")
    w.good(made)
    same(tags(made)["bh"] == tags(as_it_is)["bh"], False, "another body")


@case
def utf8(w):
    text = message(Subject="Gr\u00fc\u00dfe an alle",
                   From="\u00c4da <ada@example.org>",
                   MIME_Version="1.0",
                   Content_Type="text/plain; charset=utf-8")
    data = w.round(text)
    true("Grüße".encode() in data, "SMTPUTF8")
    w.good(data)
    data = w.round(text, caps="PIPELINING; 8BITMIME")
    data.partition(b"\r\n\r\n")[0].decode("ascii" if b"=?utf-8?" in
                                          data.lower() else "utf-8")
    w.good(data)
    w.good(w.round(text, caps=""))
    # a local part outside ASCII, and a domain written so
    text = message(From="\u00e4da@example.org")
    w.good(w.round(text, "-f", "ada@example.org", "bob@example.net"))


@case
def domains(w):
    w.good(w.round(message(From="ada@a.mail.EXAMPLE.org")))
    w.good(w.round(message(From="ada@example.org, eve@x.example.org")))
    w.good(w.round(message(From="ada@example.org",
                           Subject="a key of the Umlaut")))
    for foreign in ("ada@example.com", "ada@notexample.org", "ada@org",
                    "ada@example.org, eve@example.com",
                    "ada@example.org.evil.example"):
        w.server()
        w.configure()
        said = w.call(["-v", "bob@example.net"], message(From=foreign))
        data = w.arrived(1)[0]
        true(b"DKIM-Signature" not in data, "signed", foreign)
        true("not signed: From is of" in said, "the reason", said)


@case
def u_label(w):
    w.keys.dns[b"r1._domainkey.xn--grn-ioa.example."] = record(w.keys.rsa)
    data = w.round(message(From="ada@gr\u00fcn.example"), "-f",
                   "ada@example.org", "bob@example.net",
                   dkim_domain="gr\u00fcn.example", dkim_selector="r1",
                   dkim_key=w.keys.rsa)
    same(tags(data)["d"], "xn--grn-ioa.example", "d=")
    w.good(data, 1, twice=False)


@case
def blind(w):
    text = message(Cc="carl@example.net",
                   Bcc="dora@example.net, emil@example.net")
    w.server()
    w.configure()
    said = w.call(["-v", "-t"], text)
    same(said.count("signed for " + DOMAIN), 1, "signed once: " + said)
    got = w.arrived(3)
    same(got[1:], got[:1] * 2, "the same for all")
    w.good(got[0])
    true(b"dora@" not in got[0] and b"\nbcc:" not in got[0].lower(), "blind")
    w.server()
    w.configure(fan_out="bcc")
    w.call(["-t"], text)
    got = w.arrived(3)
    true(got[1].startswith(b"Bcc: dora@"), "its own Bcc", got[1][:99])
    for data in got:
        w.good(data)
    same(len(set(tags(data)["bh"] for data in got)), 1, "one body")


@case
def many_kept(w):
    """Nothing of a signature that is there goes, nor is it taken for ours."""
    first = w.round(message("x \n"))
    again = w.round(first.replace(b"\r\n", b"\n"))
    same(w.keys.dkimpy(again), [True] * 4, "four signatures")


@case
def large(w):
    line = b"0123456789 abcdefghi  klmnopqrst\tuvwxyz " * 2
    for size in (300 << 10, 20 << 20):
        body = (line + b"\n") * (size // (len(line) + 1)) + b"\n\n"
        data = w.round(message() + body)
        true(len(data) > size, "size")
        true(w.most < MEMORY, "memory: %d KiB" % w.most)
        same(w.keys.opendkim(data), [True] * 2, "OpenDKIM")
        # dkimpy takes its time
        if size < 1 << 20:
            w.good(data)


@case
def queued(w):
    """The worker has read the key before it may read nothing at home."""
    w.server("PIPELINING; CHUNKING; SIZE; 8BITMIME")
    shutil.copy(w.keys.rsa, w.dir + "/key.pem")
    for confine in ("yes", "no"):
        w.configure(queue="on", dkim_selector="r1", dkim_key="~/key.pem",
                    confine=confine)
        for n in range(5):
            w.call(["-odq", "bob@example.net"], message("%d\n" % n))
        w.call(["-odq", "bob@example.net", "carl@example.net"],
               message("x\n" * 200000))
        w.call(["queue", "run"])
    got = w.arrived(14)
    for data in got:
        w.good(data, 1)


@case
def dialogue(w):
    s = w.server()
    w.configure()
    text = b"EHLO x\r\n"
    for n in range(3):
        body = message("%d\n.\n" % n).replace(b"\n", b"\r\n")
        text += (b"MAIL FROM:<ada@example.org>\r\nRCPT TO:<bob@example.net>"
                 b"\r\nDATA\r\n" + body.replace(b"\r\n.", b"\r\n..") +
                 b".\r\n")
    said = w.call(["-bs"], text + b"QUIT\r\n")
    same(said.count("\n250 2.0.0"), 3, said)
    for data in w.arrived(3):
        w.good(data)
    same(s.record.connections, 1, "connections")


@case
def curl(w):
    if os.environ.get("MC_CURL") == "no":
        return
    w.good(w.round(message("Hi\n\n"), transport="curl"))
    w.good(w.round(message("Gr\u00fc\u00dfe\n", MIME_Version="1.0",
                           Content_Type="text/plain; charset=utf-8"),
                   transport="curl", caps="SIZE"))


@case
def service(w):
    """What one hands over, the other one signs."""
    path = w.dir + "/submit"
    w.server()
    w.configure(queue="on")
    with open(w.dir + "/config") as f:
        text = f.read()
    with open(w.dir + "/config", "w") as f:
        f.write("socket = %s\n" % path + text)
    out = open(w.dir + "/said", "wb")
    daemon = subprocess.Popen(
        [BIN, "serve", "-C", w.dir + "/config"], stdin=subprocess.DEVNULL,
        stdout=out, stderr=out, env={"PATH": "/usr/bin:/bin", "HOME": w.dir})
    try:
        end = time.monotonic() + LIMIT
        while not os.path.exists(path):
            true(daemon.poll() is None and time.monotonic() < end,
                 "serve", open(w.dir + "/said").read())
            time.sleep(0.01)
        p = run([BIN, "bob@example.net"], input=message("served\n"), env={
            "PATH": "/usr/bin:/bin", "HOME": w.dir + "/none",
            "MAILCHUTE_CONFIG": "/dev/null", "MAILCHUTE_SOCKET": path})
        true(p.returncode == 0, "handing over", p.stderr)
        while not w.servers[-1].record.delivered():
            true(time.monotonic() < end, "no mail")
            time.sleep(0.01)
    finally:
        daemon.terminate()
        daemon.wait(LIMIT)
        out.close()
    w.good(w.arrived(1)[0])


@always
def bad_keys(w):
    def file(name, data=None, mode=0o600):
        path = "%s/%s.pem" % (w.dir, name)
        if data is None:
            shutil.copy(w.keys.rsa, path)
        else:
            with open(path, "wb") as f:
                f.write(data)
        os.chmod(path, mode)
        return path
    ec, short, locked = (w.dir + "/%s.pem" % n for n in
                         ("ec", "short", "locked"))
    make(ec, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    make(short, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:768")
    make(locked, "-algorithm", "ED25519", "-aes128", "-pass", "pass:secret")
    public = openssl("pkey", "-in", w.keys.rsa, "-pubout")
    s = w.server()
    for path, word in (
            (w.dir + "/none.pem", "No such file"),
            (file("world", mode=0o604), "chmod 600"),
            (file("writable", mode=0o620), "chmod 600"),
            (file("empty", b""), "no private key"),
            (file("junk", b"-----BEGIN PRIVATE KEY-----\nQUJD\n"
                  b"-----END PRIVATE KEY-----\n"), "no private key"),
            (file("public", public), "no private key"),
            (file("large", b"x" * 70000), "too large"),
            (ec, "neither"), (short, "1024"), (locked, "passphrase"),
            (w.dir, "regular")):
        w.configure(dkim_key=path, dkim_selector="r1")
        said = w.call(["bob@example.net"], message(), status=78)
        true(path in said and word in said, path, word, said)
    same(s.record.connections, 0, "nothing is even connected")
    # the second one counts as well
    w.configure(dkim_key="%s, %s/none.pem" % (w.keys.rsa, w.dir),
                dkim_selector="r1 r2")
    w.call(["bob@example.net"], message(), status=78)
    same(s.record.connections, 0, "nothing with one of two")
    w.configure(dkim_key=file("group", mode=0o640), dkim_selector="r1")
    w.call(["bob@example.net"], message())
    w.good(w.arrived(1)[0], 1)


@always
def waits(w):
    """No key: the queue keeps it, nobody gets a report, and then it goes."""
    w.server()
    path = w.dir + "/late.pem"
    for confine in ("yes", "no"):
        # the pause shall still be there when it is looked at
        w.configure(queue="on", dkim_selector="r1", dkim_key=path,
                    confine=confine, retry_min="10min")
        w.call(["-odq", "bob@example.net"], message("late\n"))
        w.call(["queue", "run"])
        listed = w.call(["queue", "list"])
        true(listed.count("bob@example.net") == 1, "one waits", listed)
        shown = w.call(["queue", "list", "--json"])
        true("late.pem" in shown, "and says why", shown)
        same(len(w.servers[-1].record.transactions), 0 if confine == "yes"
             else 1, "transactions")
        shutil.copy(w.keys.rsa, path)
        w.call(["queue", "retry", "all"])
        w.call(["queue", "run"])
        os.unlink(path)
    for data in w.arrived(2):
        w.good(data, 1)


@always
def configuration(w):
    for sets, word in (
            ({"dkim_selector": None}, "dkim-selector"),
            ({"dkim_key": None}, "dkim-key"),
            ({"dkim_domain": None}, "dkim-domain"),
            ({"dkim_selector": "r1"}, "as many"),
            ({"dkim_selector": "r1 e1 x"}, "as many"),
            ({"dkim_selector": "a b c d e"}, "four"),
            ({"dkim_selector": "r1 e_ ("}, "._domainkey"),
            ({"dkim_key": "rsa.pem, ed.pem"}, "whole path"),
            ({"dkim_domain": "[127.0.0.1]"}, "host name"),
            ({"dkim_selector": "a." * 120 + "a b"}, "too long")):
        before = dict(w.sets)
        w.configure(**sets)
        said = w.call(["config", "check"], status=78)
        true("config:" in said and word in said, str(sets), said)
        w.sets = before
    w.configure()
    w.call(["config", "check"])


def parse_record(out):
    """name and text of the only record, read as a zone file has it"""
    zone = "\n".join(line for line in out.splitlines()
                     if not re.match(r"[;#]|dkim-", line))
    m = re.match(r'\s*(\S+)\. IN TXT \(\n((?:\t"[^"\n]*"\n)*'
                 r'\t"[^"\n]*") \)\s*$', zone)
    true(m, "no line of a zone file", out)
    strings = re.findall(r'"([^"]*)"', m.group(2))
    true(all(0 < len(s) <= 255 for s in strings), "strings", strings)
    name, text = m.group(1), "".join(strings)
    true("; name: %s\n; text: %s\n" % (name, text) in out, "plain", out)
    return name, text.encode()


@always
def keygen(w):
    path = w.dir + "/new.pem"
    for option, selector in ((["--bits=2048"], "k1"),
                             (["--ed25519"], "k2")):
        make_it = ["dkim", "keygen", "--domain", DOMAIN, "--selector",
                   selector, "--out", path] + option
        w.configure()
        out = w.call(make_it)
        same(os.stat(path).st_mode & 0o7777, 0o600, "mode")
        name, text = parse_record(out)
        same(name, "%s._domainkey.%s" % (selector, DOMAIN), "name")
        same(text, record(path), "what openssl finds in the file")
        w.keys.add(selector, path, text)
        sets = dict(re.findall(r"(?m)^(dkim-\w+) = (.*)$", out))
        same(len(sets), 3, "lines for the configuration")
        w.server()
        w.sets.update(sets)
        w.configure()
        w.call(["bob@example.net"], message())
        data = w.arrived(1)[0]
        w.good(data, 1)
        same(tags(data)["s"], selector, "s=")
        same(parse_record(w.call(["dkim", "record"])), (name, text), "record")
        same(parse_record(w.call(["dkim", "record", "default"])),
             (name, text), "record of an account")
        with open(path, "rb") as f:
            before = f.read()
        said = w.call(make_it, status=74)
        true(path in said, "the file", said)
        with open(path, "rb") as f:
            same(f.read(), before, "it stays")
        os.unlink(path)
    w.call(["dkim", "record"], status=78)
    # the domain is that of the configuration
    w.configure(dkim_domain="", dkim_key="", dkim_selector="")
    out = w.call(["dkim", "keygen", "--ed25519", "--out", path])
    name = parse_record(out)[0]
    true(re.match(r"e20\d{4}\._domainkey\.example\.org$", name), name)
    w.call(["dkim", "record"], status=78)


@always
def usage(w):
    w.configure()
    for args, status in (([], 64), (["keygen", "--bits"], 64),
                         (["keygen", "--bits", "many"], 64),
                         (["keygen", "--bits", "1024", "--domain=a.example",
                           "--out=" + w.dir + "/x"], 65),
                         (["keygen", "--domain", "no domain", "--out",
                           w.dir + "/x"], 65),
                         (["keygen", "--bits=2048", "--ed25519"], 64),
                         (["keygen", "file"], 64), (["record", "nobody"], 78),
                         (["record", "--out", "x"], 64), (["sign"], 64),
                         (["keygen", "--ed25519", "--domain=a.example",
                           "--out", w.dir + "/none/x"], 74)):
        w.call(["dkim"] + args, status=status)
    true(not os.path.exists(w.dir + "/x"), "nothing was made")
    for args in (["--help"], ["keygen", "--help"], ["record", "-h"]):
        lines = w.call(["dkim"] + args).splitlines()
        true(len(lines) <= 24 and max(map(len, lines)) <= 80, "help", lines)


def main(argv):
    keys_dir = tempfile.mkdtemp(prefix="mc-dkim-keys.")
    wanted = [(fn, every) for fn, every in CASES if not argv or
              any(fnmatch.fnmatch(fn.__name__, p) for p in argv)]
    if SANITIZED and not argv:
        # of the others sanitizers see nothing
        wanted = [(fn, every) for fn, every in wanted if every]
    failed = 0
    print("1..%d" % len(wanted), flush=True)
    try:
        keys = Keys(keys_dir)
        for n, (fn, _) in enumerate(wanted, 1):
            name = fn.__name__
            w = World(keys)
            begun = time.monotonic()
            try:
                fn(w)
                print("ok %d - %s (%.1f s)" %
                      (n, name, time.monotonic() - begun), flush=True)
            except Exception as e:              # pylint: disable=W0718
                failed += 1
                print("not ok %d - %s" % (n, name))
                text = str(e) if isinstance(e, Failure) else \
                    traceback.format_exc()
                for line in text.splitlines()[:40]:
                    print("# " + line, flush=True)
            finally:
                w.end()
    finally:
        shutil.rmtree(keys_dir, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
