# SPDX-License-Identifier: MIT
"""How each mail client is told to submit one message; nothing is measured here.

Each gets what its own documentation gives for one submission with log-in by
PLAIN over verified TLS, and the trust that it has by default on this kind of
system, with the authority of the tests added: see Trust.
"""
import glob
import os
import re
import shutil
import subprocess

USER = "user"
PASSWORD = "password"
SENDER = "me@a.example"
RECIPIENT = "x@b.example"

# modes
TLS, STARTTLS, CLEAR = "tls", "starttls", "clear"

HEADER = """\
From: <%s>
To: %s
Subject: a message
Date: Mon, 01 Jan 2024 00:00:00 +0000
Message-ID: <1@a.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

"""

BUNDLES = ("/etc/ssl/certs/ca-certificates.crt",
           "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
           "/etc/ssl/ca-bundle.pem")


def write(path, text, mode=0o644):
    data = text.encode() if isinstance(text, str) else text
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)
    return path


def first(names):
    return next((n for n in names if os.path.exists(n)), None)


class Trust:
    """A hashed directory and the bundle with the same authorities."""

    def __init__(self, place, name, extra):
        self.dir = os.path.join(place, name + ".d")
        self.file = os.path.join(place, name + ".pem")
        os.mkdir(self.dir, 0o755)
        self.count = 0
        out = subprocess.run(["openssl", "version", "-d"], check=True,
                             stdout=subprocess.PIPE).stdout.decode()
        system = os.path.join(re.search('"(.*)"', out).group(1), "certs")
        for path in glob.glob(os.path.join(system, "????????.[0-9]")):
            os.symlink(os.path.realpath(path),
                       os.path.join(self.dir, os.path.basename(path)))
            self.count += 1
        bundle = first(BUNDLES)
        if extra is not None:
            digest = subprocess.run(
                ["openssl", "x509", "-hash", "-noout", "-in", extra],
                check=True, stdout=subprocess.PIPE).stdout.decode().strip()
            os.symlink(extra, os.path.join(self.dir, digest + ".0"))
        with open(self.file, "wb") as f:
            for path in (bundle, extra):
                if path is not None:
                    with open(path, "rb") as part:
                        f.write(part.read())


class Message:
    """One message in the three forms that the clients take."""

    def __init__(self, place, size, visible=1, hidden=0):
        """To so many recipients in its header, and so many that are not"""
        self.size = size
        names = ["x%d@b.example" % i for i in range(1, visible)]
        self.rcpts = [RECIPIENT] + names + ["b%d@b.example" % i
                                            for i in range(hidden)]
        base = os.path.join(place, "message-%d-%d-%d" % (
            size, visible, hidden))
        header = HEADER % (SENDER, ",\n ".join(
            "<%s>" % r for r in self.rcpts[:visible]))
        line = "0123456789abcdefghijklmnopqrstuvwxyz+/" * 2 + "\n"
        body = line * max(1, size // (len(line) + 1))
        self.lf = write(base + ".lf", header + body)
        self.crlf = write(base + ".crlf", (header + body).replace("\n", "\r\n"))
        self.nullmailer = write(base + ".nm", "%s\n%s\n\n%s%s" % (
            SENDER, "\n".join(self.rcpts), header, body))


class Call:
    def __init__(self, argv, message, fd=0, env=None, link=None):
        self.argv = argv
        self.input = message
        self.fd = fd
        self.env = env or {}
        self.link = link    # a symbolic link to make before, and to what

    def before(self):
        if self.link is not None:
            if os.path.lexists(self.link[0]):
                os.unlink(self.link[0])
            os.symlink(self.link[1], self.link[0])


class Client:
    name = "?"
    program = ()            # where it may lie below / and below BENCH_PEERS
    modes = (TLS, STARTTLS, CLEAR)
    remark = None
    variant = False         # of another one; takes part in cpu only
    package = None          # of Debian, where it is not called so
    many = True             # sends to many recipients in one connection
    every = 1               # a slow one takes part in each n-th round only
    big = True              # takes part with big messages
    trust = "bundle"

    def __init__(self, place, peers):
        self.place = place
        self.peers = peers
        self.path = self.find()
        self.env = {}
        self.package = self.package or self.name

    def find(self):
        for root in ([self.peers] if self.peers else []) + ["/"]:
            path = first([os.path.join(root, p) for p in self.program])
            if path is not None:
                return path
        return None

    def library_dirs(self):
        if not self.peers:
            return []
        return [d for d in glob.glob(os.path.join(self.peers, "usr/lib/*"))
                if glob.glob(os.path.join(d, "*.so*"))]

    def prepare(self):
        """Set up what does not change; False where it cannot work here."""
        return self.path is not None

    def file(self, name, text, mode=0o600):
        return write(os.path.join(self.place, name), text, mode)

    def environment(self):
        env = {"PATH": "/usr/bin:/bin", "HOME": self.place, "LC_ALL": "C"}
        dirs = self.library_dirs()
        if dirs:
            env["LD_LIBRARY_PATH"] = ":".join(dirs)
        env.update(self.env)
        return env

    def call(self, mode, port, trust, message):
        raise NotImplementedError

    def version(self):
        return [self.path, "--version"]


class Mailchute(Client):
    name = "mailchute"
    trust = "directory"

    def __init__(self, place, peers):
        super().__init__(place, peers)
        self.peers = None

    def find(self):
        path = os.path.abspath(os.environ.get("MAILCHUTE_BIN", "./mailchute"))
        with open(path, "rb") as f:
            if f.read(2) != b"#!":
                return path
        # the script that libtool puts there; it would cost more than the rest
        here = os.path.dirname(path)
        self.libtool = os.path.join(here, "lib", ".libs")
        return os.path.join(here, ".libs", os.path.basename(path))

    def library_dirs(self):
        return [self.libtool] if hasattr(self, "libtool") else []

    def prepare(self):
        self.file("password", PASSWORD + "\n")
        return True

    def call(self, mode, port, trust, message):
        lines = ["log = off",
                 "queue-dir = " + os.path.join(self.place, "queue"),
                 "[account bench]", "host = localhost",
                 "port = %d" % port, "from = " + SENDER]
        lines.append("tls = " + {TLS: "on", CLEAR: "off"}.get(mode, mode))
        if mode != CLEAR:
            lines += ["user = " + USER,
                      "password-file = " + os.path.join(self.place,
                                                        "password")]
        config = self.file("mailchute-%s-%d" % (mode, port),
                           "\n".join(lines) + "\n")
        return Call([self.path, "--", *message.rcpts], message.lf,
                    env={"MAILCHUTE_CONFIG": config,
                         "SSL_CERT_DIR": trust.dir})


class Msmtp(Client):
    name = "msmtp"
    program = ("usr/bin/msmtp", "usr/local/bin/msmtp")

    def call(self, mode, port, trust, message):
        lines = ["account default", "host localhost", "port %d" % port,
                 "from " + SENDER]
        if mode != CLEAR:
            lines += ["tls on", "tls_trust_file " + trust.file,
                      "tls_starttls " + ("on" if mode == STARTTLS else "off"),
                      "auth plain", "user " + USER, "password " + PASSWORD]
        config = self.file("msmtp-%s-%d" % (mode, port),
                           "\n".join(lines) + "\n")
        return Call([self.path, "-C", config, "--", *message.rcpts],
                    message.lf)


class Curl(Client):
    name = "curl"
    program = ("usr/bin/curl", "usr/local/bin/curl")
    remark = "gets the message with CRLF, and --sasl-ir"

    def call(self, mode, port, trust, message):
        argv = [self.path, "-sS", "--mail-from", SENDER, "-T", message.crlf,
                "--cacert", trust.file]
        for rcpt in message.rcpts:
            argv += ["--mail-rcpt", rcpt]
        if mode == STARTTLS:
            argv.append("--ssl-reqd")
        if mode != CLEAR:
            argv += ["--sasl-ir", "--login-options", "AUTH=PLAIN", "-u",
                     "%s:%s" % (USER, PASSWORD)]
        argv.append("%s://localhost:%d" % ("smtps" if mode == TLS else "smtp",
                                           port))
        return Call(argv, "/dev/null")


class Dma(Client):
    """Its configuration file has a fixed place, so a copy of the program runs
    in which this text is another one."""
    name = "dma"
    program = ("usr/sbin/dma", "usr/libexec/dma", "usr/lib/dma/dma")
    remark = "writes the message to its queue first, two fsyncs included"
    trust = "none"
    many = False

    def prepare(self):
        if self.path is None:
            return False
        with open(self.path, "rb") as f:
            data = f.read()
        old, new = b"/etc/dma/dma.conf\0", b"./dma.conf\0"
        if data.count(old) != 1:
            return False
        self.path = write(os.path.join(self.place, "dma"), data.replace(
            old, new.ljust(len(old), b"\0")), 0o755)
        spool = os.path.join(self.place, "spool")
        os.mkdir(spool)
        if os.getuid() == 0:
            # it gives up root for this user
            try:
                shutil.chown(spool, "mail", "mail")
            except LookupError:
                return False
        self.file("aliases", "", 0o644)
        return True

    def call(self, mode, port, trust, message):
        lines = ["SMARTHOST localhost", "PORT %d" % port, "NULLCLIENT",
                 "SPOOLDIR " + os.path.join(self.place, "spool"),
                 "ALIASES " + os.path.join(self.place, "aliases"),
                 "MAILNAME a.example"]
        if mode != CLEAR:
            auth = self.file("dma-auth", "%s|localhost:%s\n" % (
                USER, PASSWORD), 0o644)
            lines += ["SECURETRANSFER", "AUTHPATH " + auth]
        if mode == STARTTLS:
            lines.append("STARTTLS")
        config = self.file("dma-%s-%d" % (mode, port), "\n".join(lines) + "\n",
                           0o644)
        return Call([self.path, "-D", "-i", "-f", SENDER, *message.rcpts],
                    message.lf,
                    link=(os.path.join(self.place, "dma.conf"), config))

    def version(self):
        return None


class Esmtp(Client):
    """Its library has a fixed place for the log-in mechanisms, so a copy of
    the library is used in which this text is another one."""
    name = "esmtp"
    program = ("usr/bin/esmtp", "usr/local/bin/esmtp")
    modes = (STARTTLS, CLEAR)
    trust = "both"
    own = "esmtp-own"       # directory for the copy, below place

    def prepare(self):
        if self.path is None:
            return False
        for root in self.library_dirs():
            found = glob.glob(os.path.join(root, "libesmtp.so.6"))
            if not found:
                continue
            with open(found[0], "rb") as f:
                data = f.read()
            old = re.search(rb"/[ -~]*/esmtp-plugins-[0-9.]+/", data)
            if old is None:
                return False
            name = old.group(0).decode()
            own = os.path.join(self.place, self.own)
            os.makedirs(own, 0o755, exist_ok=True)
            write(os.path.join(own, "libesmtp.so.6"), data.replace(
                old.group(0), self.own.encode().ljust(len(name), b"/")))
            plugins = os.path.join(root, os.path.basename(name.rstrip("/")))
            for plugin in glob.glob(os.path.join(plugins, "*.so")):
                shutil.copy(plugin, own)
            self.env["LD_LIBRARY_PATH"] = ":".join(
                [own] + self.library_dirs())
        return True

    def call(self, mode, port, trust, message):
        text = "hostname=localhost:%d\n" % port
        if mode != CLEAR:
            text += 'username="%s"\npassword="%s"\nstarttls=required\n' % (
                USER, PASSWORD)
        config = self.file("esmtp-%s-%d" % (mode, port), text)
        return Call([self.path, "-C", config, "-f", SENDER,
                     *message.rcpts],
                    message.lf, env={"SSL_CERT_DIR": trust.dir,
                                     "SSL_CERT_FILE": self.bundle(trust)})

    def bundle(self, trust):
        return trust.file

    def version(self):
        return [self.path, "-V"]


class EsmtpDirectory(Esmtp):
    name = "esmtp-dir"
    package = "esmtp"
    variant = True
    remark = "esmtp as on systems whose OpenSSL has no bundle of its own"
    trust = "directory"

    def bundle(self, trust):
        return "/nonexistent"

    def version(self):
        return None


class Nullmailer(Client):
    name = "nullmailer"
    program = ("usr/lib/nullmailer/smtp", "usr/libexec/nullmailer/smtp")
    remark = "only its program for one delivery, without its queue"

    def call(self, mode, port, trust, message):
        argv = [self.path, "--host=localhost", "--port=%d" % port]
        if mode != CLEAR:
            argv += ["--" + mode, "--user=" + USER, "--pass=" + PASSWORD,
                     "--x509cafile=" + trust.file]
        return Call(argv, message.nullmailer, fd=3,
                    env={"HELOHOST": "a.example"})

    def version(self):
        return None


class Swaks(Client):
    name = "swaks"
    program = ("usr/bin/swaks", "usr/local/bin/swaks")
    remark = "a Perl program"
    every = 5
    big = False
    trust = "both"

    def prepare(self):
        if self.path is None or shutil.which("perl") is None:
            return False
        found = glob.glob(os.path.join(
            self.peers or "/nowhere", "usr/lib/*/perl5/*/Net/SSLeay.pm"))
        if found:
            self.env["PERL5LIB"] = os.path.dirname(os.path.dirname(found[0]))
        return True

    def call(self, mode, port, trust, message):
        argv = ["/usr/bin/perl", self.path, "-S", "--server",
                "localhost:%d" % port, "-f", SENDER, "-t",
                ",".join(message.rcpts),
                "--ehlo", "a.example", "--data", "-"]
        if mode != CLEAR:
            argv += ["-tlsc" if mode == TLS else "-tls", "--tls-verify",
                     "--tls-ca-path", trust.dir, "-a", "PLAIN", "-au", USER,
                     "-ap", PASSWORD]
        return Call(argv, message.lf)


ALL = (Mailchute, Msmtp, Curl, Dma, Esmtp, EsmtpDirectory, Nullmailer, Swaks)
