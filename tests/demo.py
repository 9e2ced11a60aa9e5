#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main job of mailchute, shown: demo.py PROGRAM

Makes certificates, starts a TLS and AUTH server on loopback, sets an account up
by `mailchute setup`, sends one message with To, Cc and two Bcc recipients
through the command under its name `sendmail`, and shows what arrived.
Everything lives in a temporary directory.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "script"))
sys.dont_write_bytecode = True

import server as smtp   # noqa: E402

USER = "ada"
PASSWORD = "correct horse battery staple"

MESSAGE = """\
From: Ada Lovelace <ada@mailchute.example>
To: Charles Babbage <charles@analytical.example>
Cc: Mary Somerville <mary@science.example>
Bcc: annabella@private.example, byron@poets.example
Subject: Note G

The Analytical Engine has no pretensions whatever to originate anything.
"""

GLOBAL = "log = off\nqueue = off\n\n"


def indent(text):
    return "".join("    " + line + "\n" for line in text.splitlines())


def write(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as f:
        f.write(text)


def environment(scratch):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("MAILCHUTE_")}
    env["HOME"] = scratch
    env.pop("XDG_CONFIG_HOME", None)
    return env


def set_up(program, scratch, port):
    """The first mail, as a script would set an account up."""
    os.makedirs(os.path.join(scratch, ".config", "mailchute"), 0o700)
    write(os.path.join(scratch, ".config", "mailchute", "config"), GLOBAL)
    write(os.path.join(scratch, "typed"), PASSWORD + "\n")
    words = ["setup", "ada@mailchute.example", "--host", "localhost",
             "--port", str(port), "--tls", "on", "--user", USER,
             "--tls-ca-file", os.path.join(scratch, "certs", "ca.pem"),
             "--store", "file", "--timer", "no", "--test", "yes", "--yes",
             "--accept-unverified"]
    print("$ mailchute %s --password-fd 3 3< password\n" % " ".join(words))
    sys.stdout.flush()
    with open(os.path.join(scratch, "typed"), "rb") as password:
        fd = password.fileno()
        done = subprocess.run(
            [os.path.abspath(program), *words, "--password-fd", str(fd)],
            env=environment(scratch), timeout=60, check=False, pass_fds=[fd],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
    said = done.stdout.decode("utf-8", "replace")
    print(indent(said))
    print("The configuration that it wrote:\n")
    with open(os.path.join(scratch, ".config", "mailchute", "config"),
              encoding="utf-8") as config:
        print(indent(config.read()))
    return done.returncode, said


def send(program, scratch):
    """Run the program as `sendmail -t`; returns status and what it said."""
    link = os.path.join(scratch, "sendmail")
    os.symlink(os.path.abspath(program), link)
    print("The message:\n\n" + indent(MESSAGE))
    env = environment(scratch)
    print("$ sendmail -t -i -v < message\n")
    sys.stdout.flush()
    done = subprocess.run([link, "-t", "-i", "-v"], input=MESSAGE.encode(),
                          env=env, timeout=60, stderr=subprocess.PIPE,
                          check=False)
    said = done.stderr.decode("utf-8", "replace")
    print(indent(said))
    print("exit status %d\n" % done.returncode)
    return done.returncode, said


def show(txns):
    for number, txn in enumerate(txns, 1):
        print("Transaction %d of %d, as it arrived:\n" % (number, len(txns)))
        print("    MAIL FROM:<%s>" % txn.sender)
        for address, _ in txn.accepted:
            print("    RCPT TO:<%s>" % address)
        print()
        print(indent(txn.data.decode("utf-8", "replace")))


def verify_set_up(status, said, record):
    """The same for the account and its test mail."""
    wrong = []
    txns = record.delivered()
    if status != 0:
        wrong.append("setup: exit status %d" % status)
    if [[a for a, _ in t.accepted] for t in txns] != [
            ["ada@mailchute.example"]]:
        wrong.append("setup: the test mail did not arrive")
    if PASSWORD in said:
        wrong.append("setup: the password was shown")
    return wrong


def verify(status, said, record, before):
    """What the demonstration promises; a list of what does not hold."""
    wrong = []
    txns = record.delivered()[1:]
    rcpts = [sorted(a for a, _ in t.accepted) for t in txns]
    if status != 0:
        wrong.append("exit status %d" % status)
    if rcpts != [["charles@analytical.example", "mary@science.example"],
                 ["annabella@private.example"], ["byron@poets.example"]]:
        wrong.append("transactions: %r" % rcpts)
    for txn in txns:
        text = txn.data.decode("utf-8", "replace").lower()
        if "bcc" in text or "annabella" in text or "byron" in text:
            wrong.append("a copy names a blind recipient")
    connections = record.connections - before[0]
    auths = record.auths - before[1]
    if connections != 1 or auths != 1:
        wrong.append("%d connections, %d log-ins" % (connections, auths))
    if PASSWORD in said:
        wrong.append("the password was shown")
    wrong += record.violations + record.trouble
    return wrong


def main(argv):
    if len(argv) != 2:
        sys.exit("usage: demo.py PROGRAM")
    with tempfile.TemporaryDirectory(prefix="mailchute-demo.") as scratch:
        certs = os.path.join(scratch, "certs")
        subprocess.run(["sh", os.path.join(HERE, "script", "certs.sh"),
                        certs], check=True)
        script = smtp.Script("tls = on", {"user": USER, "password": PASSWORD})
        server = smtp.Server(script, certs, scratch)
        try:
            status, said = set_up(argv[1], scratch, server.port)
            server.settle(2)
            wrong = verify_set_up(status, said, server.record)
            before = server.record.connections, server.record.auths
            status, said = send(argv[1], scratch)
            server.settle(2)
        finally:
            server.stop()
        show(server.record.delivered()[1:])
        wrong += verify(status, said, server.record, before)
    for line in wrong:
        print("demo: WRONG: " + line)
    if not wrong:
        print("demo: an account was set up, and a test mail sent;\n"
              "demo: three transactions over one verified TLS connection with "
              "log-in;\ndemo: no Bcc line anywhere, and nobody's copy names a "
              "blind recipient.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
