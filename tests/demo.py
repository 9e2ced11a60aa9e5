#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main job of mailchute, shown: demo.py PROGRAM

Makes certificates, starts a TLS and AUTH server on loopback, sends one message
with To, Cc and two Bcc recipients through the command under its name
`sendmail`, and shows what arrived.  Everything lives in a temporary directory.
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

CONFIG = """\
# The same lines, with your provider's name, make a real configuration.
[account demo]
host = localhost
port = {port}
user = {user}
password-file = {dir}/password
tls-ca-file = {dir}/certs/ca.pem
from = ada@mailchute.example
"""
GLOBAL = "log = off\nqueue = off\n\n"


def indent(text):
    return "".join("    " + line + "\n" for line in text.splitlines())


def write(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as f:
        f.write(text)


def send(program, scratch, port):
    """Run the program as `sendmail -t`; returns status and what it said."""
    link = os.path.join(scratch, "sendmail")
    os.symlink(os.path.abspath(program), link)
    config = CONFIG.format(port=port, user=USER, dir=scratch)
    write(os.path.join(scratch, "password"), PASSWORD + "\n")
    write(os.path.join(scratch, "config"), GLOBAL + config)
    print("The configuration:\n\n" + indent(config))
    print("The message:\n\n" + indent(MESSAGE))
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("MAILCHUTE_")}
    env["MAILCHUTE_CONFIG"] = os.path.join(scratch, "config")
    env["HOME"] = scratch
    print("$ sendmail -t -i -v < message\n")
    sys.stdout.flush()
    done = subprocess.run([link, "-t", "-i", "-v"], input=MESSAGE.encode(),
                          env=env, timeout=60, stderr=subprocess.PIPE,
                          check=False)
    said = done.stderr.decode("utf-8", "replace")
    print(indent(said))
    print("exit status %d\n" % done.returncode)
    return done.returncode, said


def show(record):
    for number, txn in enumerate(record.delivered(), 1):
        print("Transaction %d of %d, as it arrived:\n"
              % (number, len(record.delivered())))
        print("    MAIL FROM:<%s>" % txn.sender)
        for address, _ in txn.accepted:
            print("    RCPT TO:<%s>" % address)
        print()
        print(indent(txn.data.decode("utf-8", "replace")))


def verify(status, said, record):
    """What the demonstration promises; a list of what does not hold."""
    wrong = []
    txns = record.delivered()
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
    if record.connections != 1 or record.auths != 1:
        wrong.append("%d connections, %d log-ins"
                     % (record.connections, record.auths))
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
            status, said = send(argv[1], scratch, server.port)
            server.settle(2)
        finally:
            server.stop()
        show(server.record)
        wrong = verify(status, said, server.record)
    for line in wrong:
        print("demo: WRONG: " + line)
    if not wrong:
        print("demo: three transactions over one verified TLS connection with "
              "log-in;\ndemo: no Bcc line anywhere, and nobody's copy names a "
              "blind recipient.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
