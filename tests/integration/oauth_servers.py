# SPDX-License-Identifier: MIT
"""What the tests of OAuth talk to: a submission server that has tokens checked,
a provider that can be told to say anything, oidc-provider from npm, and somebody
with a browser."""
import base64
import hashlib
import html
import http.cookiejar
import http.server
import json
import os
import re
import secrets
import shutil
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from servers import SLOW, Daemon, free_ports, wait_for, write

HERE = os.path.dirname(os.path.abspath(__file__))


def form_post(url, fields):
    """status, JSON"""
    data = urllib.parse.urlencode(fields).encode()
    try:
        with urllib.request.urlopen(url, data, 10 * SLOW) as r:
            return r.status, json.loads(r.read() or b"null")
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.loads(e.read() or b"null")


# ------------------------------------------------------------------ submission

class SmtpHandler(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")
        self.wfile.flush()

    def line(self):
        return self.rfile.readline().decode("latin-1").rstrip("\r\n")

    def handle(self):
        try:
            self.session()
        except (OSError, ValueError):
            pass

    def log_in(self, words):
        s = self.server
        if len(words) > 2:
            first = words[2]
        else:
            self.say("334 ")
            first = self.line()
        text = base64.b64decode(first).decode()
        token = re.search("\1auth=Bearer ([^\1]*)\1", text)
        user = re.search("(?:^user=|n,a=)([^\1,]*)", text)
        token = token.group(1) if token else ""
        with s.lock:
            s.tokens.append(token)
        if s.check(token):
            self.say("235 2.7.0 in")
            return True
        if s.json_error:
            self.say("334 " + base64.b64encode(json.dumps(
                {"status": "401", "schemes": "bearer"}).encode()).decode())
            self.line()
        self.say("535 5.7.8 %s: no such token" % (user.group(1) if user
                                                 else "?"))
        return False

    def session(self):
        s = self.server
        self.say("220 relay.test ESMTP")
        ready, mail = False, []
        while True:
            line = self.line()
            words = line.split(" ")
            verb = words[0].upper()
            if verb == "EHLO":
                for cap in ["relay.test", *s.caps]:
                    self.say("250-" + cap)
                self.say("250 AUTH " + s.mechs)
            elif verb == "AUTH":
                ready = self.log_in(words)
            elif verb == "QUIT" or not line:
                self.say("221 2.0.0 bye")
                return
            elif not ready:
                self.say("530 5.7.0 log in first")
            elif verb == "DATA":
                self.say("354 go on")
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    mail.append(text)
                with s.lock:
                    s.mails.append(b"".join(mail).decode("utf-8", "replace"))
                mail = []
                self.say("250 2.0.0 taken")
            else:
                self.say("250 2.1.0 ok")


class Smtp(socketserver.ThreadingTCPServer):
    """Implicit TLS, log-in by token alone; check(token) says whether."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, certs, check):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certs + "/good.pem", certs + "/good.key")
        self.context = context
        self.check = check
        self.lock = threading.Lock()
        self.mechs = "XOAUTH2"
        self.caps = ["PIPELINING", "8BITMIME"]
        self.json_error = True
        self.tokens = []
        self.mails = []
        super().__init__(("127.0.0.1", 0), SmtpHandler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,),
                         daemon=True).start()

    def finish_request(self, request, client_address):
        request.settimeout(20 * SLOW)
        try:
            request = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass

    def reset(self):
        with self.lock:
            self.tokens, self.mails = [], []
        self.mechs, self.json_error = "XOAUTH2", True
        self.caps = ["PIPELINING", "8BITMIME"]


# ---------------------------------------------- a provider that says anything

class ProviderHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        form = dict(urllib.parse.parse_qsl(self.rfile.read(n).decode()))
        path = self.path.split("?")[0]
        with self.server.lock:
            self.server.asked.append((path, form))
        self.close_connection = True
        if path in self.server.answers:
            answer = self.server.answers[path]
            if isinstance(answer, list):
                with self.server.lock:
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if callable(answer):
                answer = answer(self, form)
            if answer is not None:
                self.answer(*answer)
            return
        self.answer(*getattr(self.server, "do_" + path.strip("/"))(form))

    do_GET = do_POST

    def answer(self, status, body, more=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in more:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass


class Provider(http.server.ThreadingHTTPServer):
    """Well-behaved where `answers` says nothing else about a path: a status
    and a body, a list of such, or a function."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ProviderHandler)
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        self.lock = threading.Lock()
        self.reset()
        threading.Thread(target=self.serve_forever, args=(0.05,),
                         daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def reset(self):
        self.asked = []
        self.answers = {}
        self.good = set()
        self.refresh = set()
        self.pending = 0
        self.life = 3600
        self.rotate = True
        self.slow = 0.0

    def check(self, token):
        return token in self.good

    def count(self, path, grant=None):
        return sum(p == path and (grant is None or
                                  f.get("grant_type") == grant)
                   for p, f in self.asked)

    def make(self, **more):
        access = "acc-CANARY." + secrets.token_hex(8)
        self.good.add(access)
        return dict({"access_token": access, "token_type": "Bearer",
                     "expires_in": self.life, "scope": "mail"}, **more)

    def with_refresh(self):
        refresh = "ref-CANARY." + secrets.token_hex(8)
        self.refresh.add(refresh)
        return self.make(refresh_token=refresh)

    def do_device(self, form):
        return 200, {"device_code": "dev-CANARY", "user_code": "WDJB-MJHT",
                     "verification_uri": self.url + "/enter", "interval": 1,
                     "expires_in": 300}

    def do_token(self, form):
        grant = form.get("grant_type", "").split(":")[-1]
        time.sleep(self.slow)
        if grant == "device_code":
            if self.pending:
                self.pending -= 1
                return 400, {"error": "authorization_pending"}
            return 200, self.with_refresh()
        if grant == "refresh_token":
            old = form.get("refresh_token")
            with self.lock:
                if old not in self.refresh:
                    return 400, {"error": "invalid_grant"}
                if self.rotate:
                    self.refresh.discard(old)
            return 200, self.with_refresh() if self.rotate else self.make()
        if grant == "authorization_code":
            sum_ = hashlib.sha256(form["code_verifier"].encode()).digest()
            good = base64.urlsafe_b64encode(sum_).decode().rstrip("=")
            if form.get("code") != "code-CANARY" or good != self.challenge:
                return 400, {"error": "invalid_grant"}
            return 200, self.with_refresh()
        if grant in ("client_credentials", "jwt-bearer"):
            return 200, self.make()
        return 400, {"error": "unsupported_grant_type"}

    def do_revoke(self, form):
        self.refresh.discard(form.get("token"))
        self.good.discard(form.get("token"))
        return 200, b""


# --------------------------------------------------------------- oidc-provider

class Oidc:
    """The real one: url, and whether it knows a token."""

    @staticmethod
    def module(build):
        """Where it is, fetched once; None: it cannot be had."""
        if shutil.which("node") is None:
            return None
        said = subprocess.run(["node", "--version"], check=False,
                              stdout=subprocess.PIPE).stdout.decode()
        major = re.match(r"v(\d+)\.", said)
        if major is None or int(major.group(1)) < 20:
            return None
        where = os.path.join(os.path.abspath(build), "npm-oauth")
        entry = where + "/node_modules/oidc-provider/lib/index.js"
        if not os.path.exists(entry) and shutil.which("npm"):
            os.makedirs(where, exist_ok=True)
            write(where + "/package.json", "{}\n")
            try:
                subprocess.run(
                    ["npm", "install", "--no-audit", "--no-fund",
                     "--ignore-scripts", "oidc-provider@9"], cwd=where,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, timeout=60, check=False)
            except subprocess.TimeoutExpired:
                return None
        return entry if os.path.exists(entry) else None

    def __init__(self, module, where):
        port = free_ports(1)[0]
        self.url = "http://127.0.0.1:%d" % port
        self.log = where + "/oidc.log"
        self.daemon = Daemon(["node", HERE + "/oauth_provider.mjs", module,
                              str(port)], self.log)
        wait_for("oidc-provider", 20, self.ready)

    def ready(self):
        try:
            with urllib.request.urlopen(
                    self.url + "/.well-known/openid-configuration", None,
                    5) as r:
                self.meta = json.loads(r.read())
            return True
        except OSError:
            return False

    def check(self, token):
        status, said = form_post(self.meta["introspection_endpoint"], {
            "client_id": "server", "client_secret": "server-S3cret/of+test",
            "token": token})
        return status == 200 and said.get("active") is True



class Forms:
    """Enough of a browser for pages that are forms: everything is agreed to."""

    def __init__(self):
        class Stop(urllib.request.HTTPRedirectHandler):
            def redirect_request(inner, req, fp, code, msg, headers, new):
                if self.is_end(new):
                    return None
                return super().redirect_request(req, fp, code, msg, headers,
                                                new)
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), Stop())
        self.back = None

    def is_end(self, url):
        """the address that the program waits at"""
        return self.back is not None and url.startswith(self.back)

    def get(self, url, fields=None):
        data = None if fields is None else \
            urllib.parse.urlencode(fields).encode()
        try:
            with self.opener.open(url, data, 10 * SLOW) as r:
                return r.url, r.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                to = e.headers.get("Location")
                if to and self.is_end(to):
                    return to, ""
                return e.url, e.read().decode()

    def agree(self, url, **own):
        """Follow pages from here to one without a form: its address and text."""
        at, page = self.get(url)
        for _ in range(10):
            m = re.search(r"(?s)<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)"
                          r"</form>", page)
            if self.is_end(at) or not m:
                break
            fields = {"login": "joe", "password": "x", "confirm": "yes"}
            for tag in re.findall(r"<input[^>]*>", m.group(2)):
                a = dict(re.findall(r"(\w+)=\"([^\"]*)\"", tag))
                if a.get("type") == "hidden" and "name" in a:
                    fields[a["name"]] = html.unescape(a.get("value", ""))
            fields.update(own)
            at, page = self.get(urllib.parse.urljoin(
                at, html.unescape(m.group(1))), fields)
        return at, page
