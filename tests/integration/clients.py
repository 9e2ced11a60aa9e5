#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Other people's clients with the local service: clients.py [PATTERN]...

Prints TAP.  Root, in a mount namespace (clients.tap); see service.py for the
users.  MAILCHUTE_BIN names the program, top_builddir a directory in which
nodemailer is kept.  What is not installed is skipped.
"""
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases                                        # noqa: E402
import service                                      # noqa: E402
from cases import Skip, equal, expect               # noqa: E402
from servers import SLOW, write                     # noqa: E402
from service import DOMAIN, Client                  # noqa: E402

CASES = []
ANNA = "mc-anna@" + DOMAIN
BEN = "mc-ben@" + DOMAIN
BOB = "bob@far.example"
REFUSED = r"550\W{1,3}(?:b')?5\.7\.1 mc-anna may not send as mc-ben@"
# what a transport must not change, and what without -i would end the message
BODY = "Hello,\n.\n..two\nFrom here on\nGr\u00fc\u00dfe\n\nlast\n"


def case(function):
    CASES.append(function)
    return function


def letter(sender=ANNA, rcpt=BOB, more=""):
    """Lines end with LF; complete, so that nobody has a field to add."""
    return ("From: Anna <%s>\nTo: %s\nSubject: a test\n"
            "Date: Thu, 26 Nov 2026 10:00:00 +0000\n"
            "Message-ID: <1.%s>\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\n"
            "Content-Transfer-Encoding: 8bit\n%s\n%s" % (
                sender, rcpt, sender, more, BODY)).encode()


def crlf(text):
    return text.replace(b"\n", b"\r\n")


# ------------------------------------------------------------- SMTP, by others

class Way:
    """How to get to the service, and as whom."""

    def __init__(self, s, login=None, token="", tls=True, unix=False,
                 mech="PLAIN"):
        self.s = s
        self.login = login
        self.token = token
        self.tls = tls and not unix
        self.unix = unix
        self.mech = mech


class Peer:
    """One client.  send() is (does the client call it a success, what it
    says)."""

    unix = True
    mechs = ("PLAIN", "LOGIN")
    # it logs in without TLS if it is told to, as far as the server lets it
    program = None

    def __init__(self, bench):
        self.b = bench
        if self.program and shutil.which(self.program) is None:
            raise Skip(self.program + " is not installed")
        self.prepare()

    def prepare(self):
        pass

    def file(self, text):
        path = self.b.dir + "/message"
        with open(path, "wb") as f:
            f.write(text)
        return path

    def run(self, argv, text=b""):
        status, said = self.b.user("mc-anna", argv, text)
        return status == 0, said


class Smtplib(Peer):
    def connect(self, way):
        if not way.unix:
            c = smtplib.SMTP("127.0.0.1", way.s.port, timeout=30 * SLOW)
            if way.tls:
                c.starttls(context=ssl.create_default_context(
                    cafile=way.s.ca))
            return c

        class Unix(smtplib.SMTP):
            """as the user, by the path in the place of the host"""
            def _get_socket(self, host, _port, timeout):
                s = service.connect_as(service.USERS["mc-anna"],
                                       socket.AF_UNIX, host)
                s.settimeout(timeout)
                return s
        return Unix(way.s.path, timeout=30 * SLOW)

    def send(self, way, sender, rcpts, text):
        try:
            with self.connect(way) as c:
                if way.login:
                    c.ehlo()
                    c.user, c.password = way.login, way.token
                    c.auth(way.mech, getattr(c, "auth_" + way.mech.lower()))
                c.sendmail(sender, rcpts, crlf(text), ["BODY=8BITMIME"])
        except smtplib.SMTPException as problem:
            return False, str(problem)
        return True, ""


class Swaks(Peer):
    program = "swaks"

    def send(self, way, sender, rcpts, text):
        argv = ["swaks", "--from", sender, "--to", ",".join(rcpts),
                "--data", "-", "--no-data-fixup"]
        if way.unix:
            argv += ["--socket", way.s.path]
        else:
            argv += ["--server", "127.0.0.1", "--port", str(way.s.port)]
        if way.tls:
            argv += ["--tls", "--tls-verify", "--tls-ca-path", way.s.ca]
        if way.login:
            argv += ["--auth", way.mech, "--auth-user", way.login,
                     "--auth-password", way.token]
        # nothing of it is changed, so it is as on the wire
        wire = b"".join(b"." + line if line.startswith(b".") else line
                        for line in crlf(text).splitlines(True))
        return self.run(argv, wire + b".")


class Curl(Peer):
    program = "curl"

    def send(self, way, sender, rcpts, text):
        argv = ["curl", "-sS", "-v", "--max-time", "30",
                "--mail-from", sender, "--upload-file", self.file(crlf(text))]
        for rcpt in rcpts:
            argv += ["--mail-rcpt", rcpt]
        if way.unix:
            argv += ["--unix-socket", way.s.path, "smtp://localhost"]
        else:
            argv.append("smtp://127.0.0.1:%d" % way.s.port)
        if way.tls:
            argv += ["--ssl-reqd", "--cacert", way.s.ca]
        if way.login:
            argv += ["--user", "%s:%s" % (way.login, way.token),
                     "--login-options", "AUTH=" + way.mech]
        return self.run(argv)


class Msmtp(Peer):
    program = "msmtp"

    def send(self, way, sender, rcpts, text):
        argv = ["msmtp", "--file=/dev/null", "--host=localhost",
                "--from=" + sender, "--timeout=30"]
        if way.unix:
            argv.append("--socket=" + way.s.path)
        else:
            argv += ["--host=127.0.0.1", "--port=%d" % way.s.port]
        if way.tls:
            argv += ["--tls=on", "--tls-starttls=on",
                     "--tls-trust-file=" + way.s.ca]
        if way.login:
            argv += ["--auth=" + way.mech.lower(), "--user=" + way.login,
                     "--passwordeval=echo " + way.token]
        return self.run(argv + ["--", *rcpts], text)


NODE = r"""
const fs = require("fs"), net = require("net");
const o = JSON.parse(process.argv[1]);
const mailer = require(o.module);
const raw = fs.readFileSync(o.file);
async function send(socket) {
	const set = { tls: {}, pool: o.count > 1, maxConnections: 2 };
	if (socket)
		set.connection = socket;
	else
		Object.assign(set, { host: "127.0.0.1", port: o.port });
	if (o.tls) {
		set.requireTLS = true;
		set.tls.ca = [fs.readFileSync(o.ca)];
	} else
		set.ignoreTLS = true;
	if (o.login) {
		set.auth = { user: o.login, pass: o.token };
		set.authMethod = o.mech;
	}
	const way = mailer.createTransport(set);
	const all = [];
	for (let i = 0; i < o.count; i++)
		all.push(way.sendMail({ raw,
		    envelope: { from: o.sender, to: o.rcpts } }));
	const said = await Promise.all(all);
	way.close();
	return said.map(x => x.response).join("\n");
}
function end(promise) {
	promise.then(
	    x => { console.log(x); process.exit(0); },
	    e => { console.log(e.message); process.exit(1); });
}
if (o.unix) {
	const s = net.connect(o.unix, () => end(send(s)));
	s.on("error", e => { console.log(e.message); process.exit(2); });
} else
	end(send(null));
"""


class Nodemailer(Peer):
    program = "node"
    count = 1

    def prepare(self):
        """From the registry of npm, once."""
        if shutil.which("npm") is None:
            raise Skip("npm is not installed")
        where = os.path.join(os.path.abspath(
            os.environ.get("top_builddir") or "."), "npm")
        self.module = where + "/node_modules/nodemailer"
        if not os.path.exists(self.module + "/package.json"):
            os.makedirs(where, exist_ok=True)
            write(where + "/package.json", "{}\n")
            try:
                done = subprocess.run(
                    ["npm", "install", "--no-audit", "--no-fund",
                     "--ignore-scripts", "nodemailer"], cwd=where,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, timeout=30, check=False)
            except subprocess.TimeoutExpired:
                raise Skip("npm gets no answer") from None
            if done.returncode != 0:
                raise Skip("npm cannot fetch nodemailer")
        # where the user can read it
        here = self.b.dir + "/nodemailer"
        if not os.path.exists(here):
            shutil.copytree(self.module, here)
        self.module = here

    def send(self, way, sender, rcpts, text):
        what = {"module": self.module, "file": self.file(crlf(text)),
                "tls": way.tls, "sender": sender, "rcpts": rcpts,
                "login": way.login, "token": way.token, "mech": way.mech,
                "count": self.count}
        if way.unix:
            what["unix"] = way.s.path
        else:
            what.update(port=way.s.port, ca=way.s.ca)
        return self.run(["node", "-e", NODE, json.dumps(what)])


PHP = r"""
$o = json_decode($argv[1], true);
$set = stream_context_create(["ssl" => ["cafile" => $o["ca"] ?? null,
    "verify_peer" => true, "verify_peer_name" => true,
    "peer_name" => "localhost"]]);
$s = stream_socket_client($o["where"], $code, $text, 30,
    STREAM_CLIENT_CONNECT, $set);
if ($s === false) { echo "$text\n"; exit(1); }
stream_set_timeout($s, 30);
function reply($s, $wanted) {
	do {
		$line = fgets($s);
		if ($line === false) { echo "the end\n"; exit(1); }
		echo $line;
	} while ($line[3] === "-");
	if ($line[0] !== $wanted) exit(1);
}
function say($s, $line, $wanted = "2") {
	fwrite($s, $line . "\r\n");
	reply($s, $wanted);
}
reply($s, "2");
say($s, "EHLO php");
if ($o["tls"]) {
	say($s, "STARTTLS");
	if (stream_socket_enable_crypto($s, true,
	    STREAM_CRYPTO_METHOD_TLS_CLIENT) !== true) {
		echo "no TLS\n";
		exit(1);
	}
	say($s, "EHLO php");
}
if ($o["login"] && $o["mech"] === "PLAIN")
	say($s, "AUTH PLAIN " . base64_encode(
	    "\0" . $o["login"] . "\0" . $o["token"]));
else if ($o["login"]) {
	say($s, "AUTH LOGIN", "3");
	say($s, base64_encode($o["login"]), "3");
	say($s, base64_encode($o["token"]));
}
say($s, "MAIL FROM:<" . $o["sender"] . "> BODY=8BITMIME");
foreach ($o["rcpts"] as $one)
	say($s, "RCPT TO:<" . $one . ">");
say($s, "DATA", "3");
fwrite($s, preg_replace('/^\./m', "..", file_get_contents($o["file"])));
say($s, ".");
say($s, "QUIT");
"""


class Php(Peer):
    program = "php"

    def prepare(self):
        done = subprocess.run(["php", "-r", "exit(extension_loaded('openssl')"
                               " ? 0 : 1);"], check=False, timeout=30)
        if done.returncode != 0:
            raise Skip("this PHP has no TLS")

    def send(self, way, sender, rcpts, text):
        what = {"file": self.file(crlf(text)), "tls": way.tls,
                "sender": sender, "rcpts": rcpts, "login": way.login,
                "token": way.token, "mech": way.mech}
        if way.unix:
            what["where"] = "unix://" + way.s.path
        else:
            what.update(where="tcp://127.0.0.1:%d" % way.s.port, ca=way.s.ca)
        return self.run(["php", "-d", "display_errors=1", "-r", PHP, "--",
                         json.dumps(what)])


def check_arrived(got, sender, rcpts, text):
    equal("sender", got.sender, sender)
    equal("recipients", got.rcpts, rcpts)
    equal("the message", got.message, crlf(text))


def good(b, peer, way, sender=ANNA):
    rcpts = [BOB, "eve@far.example"]
    # all are named, so there is one transaction
    text = letter(sender, ", ".join(rcpts))
    ok, said = peer.send(way, sender, rcpts, text)
    expect("taken", ok, said)
    check_arrived(b.arrived()[0], sender, rcpts, text)


def bad(b, peer, way, sender, wanted):
    ok, said = peer.send(way, sender, [BOB], letter(sender))
    expect("refused, and the client says " + wanted,
           not ok and re.search(wanted, said), said)
    b.nothing(way.s)


def through(b, kind):
    """Everything that one client has to see."""
    peer = kind(b)
    s = b.tcp()
    token = b.token(s, "mc-anna")
    for mech in peer.mechs:
        good(b, peer, Way(s, "mc-anna", token, mech=mech))
    way = Way(s, "mc-anna", token)
    bad(b, peer, way, BEN, REFUSED)
    bad(b, peer, Way(s, "mc-anna", token[:-2] + "xx"), ANNA, "535")
    bad(b, peer, Way(s, "mc-ben", token), ANNA, "535")
    bad(b, peer, Way(s), ANNA, "530")
    bad(b, peer, Way(s, tls=False), ANNA, "530")
    if peer.unix:
        good(b, peer, Way(s, unix=True))
        bad(b, peer, Way(s, unix=True), BEN,
            REFUSED)
    # a log-in with neither TLS nor the offer of it: most do not even try
    ok, said = peer.send(Way(s, "mc-anna", token, tls=False), ANNA, [BOB],
                         letter())
    expect("no log-in without TLS", not ok, said)
    b.nothing(s)


@case
def smtplib_client(b):
    """Python's smtplib: TCP with STARTTLS and log-in, and the socket"""
    through(b, Smtplib)


@case
def swaks_client(b):
    """swaks: TCP with STARTTLS and log-in, and the socket"""
    through(b, Swaks)


@case
def curl_client(b):
    """curl: TCP with STARTTLS and log-in, and the socket"""
    through(b, Curl)


@case
def msmtp_client(b):
    """msmtp: TCP with STARTTLS and log-in, and the socket"""
    through(b, Msmtp)


@case
def nodemailer_client(b):
    """nodemailer: TCP with STARTTLS and log-in, and the socket"""
    through(b, Nodemailer)


@case
def php_client(b):
    """PHP's streams: TCP with STARTTLS and log-in, and the socket"""
    through(b, Php)


@case
def nodemailer_pool(b):
    """nodemailer with a pool: 20 messages over two connections"""
    peer = Nodemailer(b)
    peer.count = 20
    s = b.tcp()
    token = b.token(s, "mc-anna")
    ok, said = peer.send(Way(s, "mc-anna", token), ANNA, [BOB], letter())
    expect("taken", ok, said)
    for got in b.arrived(20):
        check_arrived(got, ANNA, [BOB], letter())


@case
def before_tls(b):
    """AUTH before STARTTLS, MAIL before the log-in, a token of yesterday"""
    s = b.tcp()
    old = b.token(s, "mc-anna")
    c = smtplib.SMTP("127.0.0.1", s.port, timeout=30 * SLOW)
    c.ehlo()
    expect("no AUTH is offered", not c.has_extn("auth"), c.esmtp_features)
    for words in ("AUTH PLAIN AG1jLWFubmEAeA==", "AUTH LOGIN", "AUTH PLAIN"):
        code, text = c.docmd(words)
        expect("STARTTLS first", code == 538 and text.startswith(b"5.7.11 "),
               (words, code, text))
    equal("MAIL", c.docmd("MAIL FROM:<%s>" % ANNA)[0], 530)
    c.starttls(context=ssl.create_default_context(cafile=s.ca))
    c.ehlo()
    equal("MAIL", c.docmd("MAIL FROM:<%s>" % ANNA)[0], 530)
    token = b.token(s, "mc-anna")
    c.user, c.password = "mc-anna", old
    try:
        c.auth("PLAIN", c.auth_plain)
        raise cases.Failure("the old token is still good")
    except smtplib.SMTPAuthenticationError as problem:
        equal("refusal", problem.smtp_code, 535)
    c.password = token
    equal("log-in", c.auth("PLAIN", c.auth_plain)[0], 235)
    equal("MAIL", c.docmd("MAIL FROM:<%s>" % ANNA)[0], 250)
    c.quit()
    b.nothing(s)


@case
def trusted(b):
    """trust-loopback: no log-in is needed, and a warning is logged"""
    s = b.tcp(trust_loopback="yes")
    warned = re.findall(r"trust-loopback: \S.*", s.log_text())
    expect("a warning", warned, s.log_text())
    seen = []
    for kind in (Smtplib, Swaks, Curl, Msmtp, Nodemailer, Php):
        try:
            peer = kind(b)
        except Skip:
            continue
        for tls in (False, True):
            good(b, peer, Way(s, tls=tls), "any@else.example")
        seen.append(kind.__name__)
    expect("somebody", seen)


# --------------------------------------------- programs that call our sendmail

@case
def php_mail(b):
    """PHP's mail(): our sendmail, without a configuration"""
    if shutil.which("php") is None:
        raise Skip("php is not installed")
    s = b.service()
    code = ("exit(mail('%s', 'a test', \"Hello.\\n.\\nlast\\n\", "
            "'From: Anna <%s>') ? 0 : 1);")

    def send(sender):
        return b.user("mc-anna", [
            "php", "-d", "display_errors=1", "-d", "sendmail_path=%s -t -i" %
            b.sendmail, "-r", code % (BOB, sender)],
            more={"MAILCHUTE_SOCKET": s.path})
    equal("status", send(ANNA), (0, ""))
    got = b.arrived()[0]
    equal("sender", got.sender, ANNA)
    equal("recipients", got.rcpts, [BOB])
    text = got.message.decode()
    for wanted in (r"To: bob@far\.example\r\n", r"Subject: a test\r\n",
                   r"From: Anna <mc-anna@work\.example>\r\n",
                   r"Date: .*\r\n", r"Message-ID: <.*>\r\n",
                   r"\r\n\r\nHello\.\r\n\.\r\nlast\r\n"):
        expect(wanted, re.search(wanted, text), text)
    # -f is what counts for a sender
    status, said = b.user("mc-anna", [
        "php", "-d", "display_errors=1", "-d", "sendmail_path=%s -t -i -f %s" %
        (b.sendmail, BEN), "-r", code % (BOB, ANNA)],
        more={"MAILCHUTE_SOCKET": s.path})
    expect("false, and why", status == 1 and "5.7.1" in said, (status, said))
    b.nothing(s)


@case
def cron_call(b):
    """cron's call: bare names get the domain, the message stays"""
    s = b.service()
    text = ("From: root (Cron Daemon)\nTo: mc-anna\nSubject: Cron <mc-anna@a> "
            "true\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8"
            "\nContent-Transfer-Encoding: 8bit\nX-Cron-Env: <HOME=/>\n"
            "Date: Thu, 26 Nov 2026 10:00:00 +0000\nMessage-ID: <1@a.example>"
            "\n\n" + BODY).encode()
    call = ["-FCronDaemon", "-i", "-B8BITMIME", "-oem"]
    equal("status", b.mail(s, "mc-anna", [*call, "mc-anna"], text), (0, ""))
    got = b.arrived()[0]
    equal("sender", got.sender, ANNA)
    equal("recipients", got.rcpts, [ANNA])
    expect("BODY", "BODY=8BITMIME" in got.params, got.params)
    seen = got.message.replace(b"\r\n", b"\n")
    # the addresses of the header are completed, nothing else
    expect("the message", seen.partition(b"\n\n")[2] == BODY.encode() and
           b"X-Cron-Env: <HOME=/>\n" in seen, seen)
    equal("status", b.mail(s, None, [*call, "root"], text), (0, ""))
    got = b.arrived()[0]
    equal("sender", got.sender, "root@" + DOMAIN)
    equal("recipients", got.rcpts, ["root@" + DOMAIN])


@case
def git_client(b):
    """git send-email: a patch arrives; another's sender is an error"""
    git = shutil.which("git")
    if git is None or not os.path.exists(subprocess.run(
            ["git", "--exec-path"], stdout=subprocess.PIPE, check=True)
            .stdout.decode().strip() + "/git-send-email"):
        raise Skip("git send-email is not installed")
    s = b.service()
    home = b.dir + "/home-mc-anna"

    def step(*argv, more=None):
        status, said = b.user("mc-anna", argv, cwd=home + "/repo", more=dict(
            more or {}, MAILCHUTE_SOCKET=s.path))
        return status, said
    shutil.rmtree(home + "/repo", ignore_errors=True)
    os.mkdir(home + "/repo")
    os.chown(home + "/repo", service.USERS["mc-anna"], -1)
    for argv in (["git", "init", "-q"], ["git", "config", "user.name", "Anna"],
                 ["git", "config", "user.email", ANNA],
                 ["git", "commit", "-q", "--allow-empty", "-m", "first"],
                 ["sh", "-c", "printf '.\\nFrom x\\nGr\u00fc\u00dfe\\n' >f"],
                 ["git", "add", "f"], ["git", "commit", "-q", "-m", "add f"],
                 ["git", "format-patch", "-q", "-1"]):
        status, said = step(*argv)
        expect(" ".join(argv), status == 0, said)
    call = ["git", "send-email", "--quiet", "--confirm=never", "--to", BOB,
            "--smtp-server", b.sendmail, "--envelope-sender"]
    status, said = step(*call, ANNA, "0001-add-f.patch")
    expect("sent", status == 0, said)
    got = b.arrived()[0]
    equal("sender", got.sender, ANNA)
    # the author gets a copy
    equal("recipients", sorted(got.rcpts), sorted([BOB, ANNA]))
    text = got.message.decode()
    expect("the patch", "Subject: [PATCH] add f\r\n" in text and
           "\r\n+.\r\n+From x\r\n+Gr\u00fc\u00dfe\r\n" in text, text)
    status, said = step(*call, BEN, "0001-add-f.patch")
    expect("refused, and why", status != 0 and "5.7.1" in said, (status, said))
    b.nothing(s)


def reader(b, argv, program):
    if shutil.which(program) is None:
        raise Skip(program + " is not installed")
    s = b.service()
    more = {"MAILCHUTE_SOCKET": s.path}
    status, said = b.user("mc-anna", argv, BODY.encode(), more)
    expect("sent", status == 0, said)
    got = b.arrived()[0]
    equal("sender", got.sender, ANNA)
    equal("recipients", got.rcpts, [BOB])
    text = got.message.decode("latin-1")
    for wanted in (r"Subject: a test\r\n", r"To: bob@far\.example\r\n",
                   r"\r\n\.\r\n\.\.two\r\n(>?From|=46rom) here on\r\n"):
        expect(wanted, re.search(wanted, text), text)


@case
def mutt_client(b):
    """mutt -x: a letter arrives"""
    rc = b.dir + "/muttrc"
    write(rc, "set sendmail = '%s -oem -oi'\nset copy = no\n"
          "set from = %s\nset use_envelope_from\n" % (b.sendmail, ANNA))
    reader(b, ["mutt", "-F", rc, "-s", "a test", BOB], "mutt")


@case
def mailx_client(b):
    """mailx: a letter arrives"""
    # its sendmail is built in: the program stands there in this namespace
    name = "/usr/bin/bsd-mailx"
    if not os.path.exists("/usr/sbin/sendmail"):
        raise Skip("nothing to put our sendmail in the place of")
    service.mount(cases.BINARY, os.path.realpath("/usr/sbin/sendmail"))
    try:
        reader(b, [name, "-s", "a test", BOB], name)
    finally:
        subprocess.run(["umount", os.path.realpath("/usr/sbin/sendmail")],
                       check=False)


# ------------------------------------------------------ our sendmail by itself

@case
def parameters(b):
    """DSN parameters and SMTPUTF8 reach the relay as they were given"""
    s = b.service()
    equal("status", b.mail(s, "mc-anna", [
        "-i", "-N", "success,failure", "-R", "hdrs", "-V", "id+42", "-f", ANNA,
        BOB, "mc-ben"], letter(rcpt=BOB + ", " + BEN)), (0, ""))
    got = b.arrived()[0]
    equal("of the message", sorted(w for w in got.params.split()
                                   if not w.startswith("SIZE=")),
          ["BODY=8BITMIME", "ENVID=id+2B42", "RET=HDRS"])
    equal("recipients", got.rcpts, [BOB, BEN])
    expect("of the first", sorted(got.rcpt_params[0].split()) == [
        "NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;" + BOB], got.rcpt_params)
    expect("of the second", "NOTIFY=SUCCESS,FAILURE" in
           got.rcpt_params[1].split(), got.rcpt_params)
    far = "r\u00e9n\u00e9@f\u00e4r.example"
    text = letter(rcpt=far)
    equal("status", b.mail(s, "mc-anna", ["-i", far], text), (0, ""))
    got = b.arrived()[0]
    equal("recipient", got.rcpts, [far])
    expect("SMTPUTF8", "SMTPUTF8" in got.params.split(), got.params)
    equal("the message", got.message, crlf(text))
    with Client(s, "mc-anna") as c:
        c.hello()
        for line, code in (
                ("MAIL FROM:<%s> RET=FULL ENVID=a+2Bb" % ANNA, "250"),
                ("RCPT TO:<x@far.example> NOTIFY=NEVER", "250"),
                ("RCPT TO:<y@far.example> ORCPT=rfc822;Old+2By@a.example",
                 "250"), ("DATA", "354")):
            got = c.command(line)
            expect(line, got[:3] == code, got)
        c.send(crlf(letter(rcpt="x@far.example, y@far.example")).replace(
            b"\n.", b"\n.."))
        expect("taken", c.command(".")[:3] == "250")
    got = b.arrived()[0]
    expect("of the message", {"RET=FULL", "ENVID=a+2Bb"} <= set(
        got.params.split()), got.params)
    # whoever passes a recipient on may add who that was (RFC 3461 5.2.1)
    equal("of the recipients", got.rcpt_params,
          ["NOTIFY=NEVER ORCPT=rfc822;x@far.example",
           "ORCPT=rfc822;Old+2By@a.example"])


@case
def sizes(b):
    """messages of all sizes: those that go in one write, and in many"""
    s = b.service()
    for size in (100, 32000, 32768, 33000, 50000, 65000, 65536, 66000, 200000):
        text = letter() + b"x" * 70 + b"\n"
        text += (b"y" * 70 + b"\n") * (size // 72)
        equal("status of %d" % size, b.mail(
            s, "mc-anna", ["-i", BOB], text, limit=10), (0, ""))
        check_arrived(b.arrived()[0], ANNA, [BOB], text)


@case
def statuses(b):
    """statuses: 77 for another's sender, 0 for a copy that waits, and -q"""
    s = b.service()
    status, said = b.mail(s, "mc-anna", ["-f", BEN, BOB], letter(BEN))
    expect("77, and why", status == 77 and "5.7.1" in said, (status, said))
    status, said = b.mail(s, "mc-anna", ["-f", "<>", BOB], letter())
    expect("77, and why", status == 77 and "5.7.1" in said, (status, said))
    equal("root", b.mail(s, None, ["-i", "-f", BEN, BOB], letter(BEN)), (0, ""))
    check_arrived(b.arrived()[0], BEN, [BOB], letter(BEN))
    b.nothing(s)
    # gone without a word, as after a crash: nobody is behind the socket
    os.killpg(s.child.pid, signal.SIGKILL)
    s.child.wait()
    off = {"MAILCHUTE_QUEUE": "off"}
    status, said = b.mail(s, "mc-anna", ["-i", BOB], letter(), off)
    expect("75 without a queue", status == 75, (status, said))
    for args in (["-odi", "-i", BOB], ["-i", BOB]):
        status, said = b.mail(s, "mc-anna", args, letter())
        expect("it waits", status == 0, (status, said))
    equal("nothing yet", b.relay.since(b.mark), [])
    status, said = b.mail(s, "mc-anna", ["-bp"], b"")
    expect("two are listed", said.count(BOB) == 2, said)
    s.start()
    status, said = b.mail(s, "mc-anna", ["-q"], b"")
    expect("a run of the queue", status == 0, (status, said))
    for got in b.arrived(2):
        check_arrived(got, ANNA, [BOB], letter())
    status, said = b.mail(s, "mc-anna", ["-bp"], b"")
    expect("an empty queue", BOB not in said, said)


if __name__ == "__main__":
    sys.exit(cases.run(CASES, sys.argv[1:], "mc-clients-"))
