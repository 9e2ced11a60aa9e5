#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A picture of a first session, made by the real program: picture.py FILE

Runs the dialogue of `mailchute setup` at a terminal of its own against the
servers of setup.py, sends a message, and draws what stood on the screen (SVG).
Root, in namespaces: see `make picture`.
"""
import html
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import setup                                        # noqa: E402

OUT = os.path.abspath(sys.argv.pop(1))
COLOURS = {"32": "#7ee787", "33": "#e3b341", "31": "#ff7b72", "1": "#ffffff"}
PLAIN = "#c9d1d9"
WIDE, HIGH = 8.43, 19
PROMPT = "ada@laptop:~$ "


def lines_of(text):
    """Pieces of one colour, line by line."""
    colour, lines, line = PLAIN, [], []
    for piece in re.split(r"(\x1b\[[0-9;]*m|\n)", text.replace("\r", "")):
        if piece == "\n":
            lines.append(line)
            line = []
        elif piece.startswith("\x1b["):
            colour = COLOURS.get(piece[2:-1], PLAIN)
        elif piece:
            line.append((colour, piece))
    return lines + [line]


def draw(text):
    lines = lines_of(text)
    across = max(sum(len(p) for _, p in line) for line in lines)
    width, height = int(across * WIDE) + 40, len(lines) * HIGH + 40
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'viewBox="0 0 %d %d" role="img">' % (width, height, width, height),
           "<title>mailchute setup: an address, a password, and the first "
           "mail</title>",
           '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>',
           '<g font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans '
           'Mono\', monospace" font-size="14" xml:space="preserve">']
    for i, line in enumerate(lines):
        spans = "".join('<tspan fill="%s">%s</tspan>' % (
            colour, html.escape(piece)) for colour, piece in line)
        if spans:
            out.append('<text x="20" y="%d">%s</text>' % (
                33 + i * HIGH, spans))
    return "\n".join(out + ["</g>", "</svg>", ""])


def session():
    home = setup.terminal_home()
    plain = home.env
    home.env = lambda: dict(plain(), TERM="xterm-256color")
    t = setup.ask(home)
    good = all([t.answer(*step) for step in setup.DIALOGUE])
    if t.end() != 0 or not good:
        sys.exit("the dialogue went wrong:\n" + t.said)
    done = subprocess.run(
        [setup.BIN, "send", "--to", setup.ADDRESS, "--subject", "disks"],
        input=b"all is well\n", env=home.env(), check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0 or len(setup.relay.passed) != 2:
        sys.exit("the message was not sent: %s" % done.stdout.decode())
    said = t.said.replace(home.dir, "/home/ada").rstrip("\r\n")
    text = PROMPT + "mailchute setup\n" + said + "\n" + PROMPT + \
        "df -h | mailchute send --to %s --subject disks\n" % setup.ADDRESS + \
        done.stdout.decode() + PROMPT
    with open(OUT, "w", encoding="utf-8") as picture:
        picture.write(draw(text))
    if setup.PASSWORD in text:
        sys.exit("the password is in the picture")


if __name__ == "__main__":
    setup.CASES[:] = [("picture", session)]
    sys.exit(setup.main())
