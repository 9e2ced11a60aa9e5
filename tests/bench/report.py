# SPDX-License-Identifier: MIT
"""What the benches say: as text while they run, and as Markdown in a file.

In the file each scenario has a section, which a later run of it replaces.
"""
import datetime
import gzip
import os
import platform
import re
import subprocess
import sys

HEAD = """\
# Speed, as measured

Written by

```sh
%s
```

A run of single scenarios (`bench.py --scenario NAME --results FILE`) replaces
their sections only; each says when it was made.  Ratios are of figures that
were taken side by side, in turns; nothing here compares two machines.

%s

%s
"""
COMMAND = ("sh tests/bench/peers.sh peers\n"
           "BENCH_PEERS=peers make bench BENCH_RESULTS=tests/bench/RESULTS.md")
# sections in the file stand in this order
ORDER = ("link", "cpu", "memory", "start", "throughput", "rate", "linear",
         "look", "enqueue", "bare", "flush", "idle", "handover", "rest",
         "crowd", "earlier-sending", "earlier-looking", "earlier-queueing",
         "earlier-service")


def ratio(figure, own):
    return "%.2f" % (figure / own) if own else "-"


def own(got):
    """what is mailchute's of {client: value}"""
    return next((v for c, v in got.items() if c.name == "mailchute"), None)


class Section:
    def __init__(self, name, title):
        self.name = name
        self.title = title
        self.parts = []
        self.bars = []


class Report:
    def __init__(self, quick=False):
        self.sections = []
        self.quick = quick

    @property
    def bars(self):
        return [bar for s in self.sections for bar in s.bars]

    def begin(self, name, title):
        self.sections.append(Section(name, title))
        print("\n---- %s: %s" % (name, title))

    def note(self, text):
        self.sections[-1].parts.append(text + "\n")
        print("\n" + text)

    def table(self, title, heads, rows):
        """rows of texts; the first column to the left, the others to the
        right"""
        widths = [max(len(row[i]) for row in [heads] + rows)
                  for i in range(len(heads))]
        print("\n" + title)
        for row in [heads] + rows:
            print("  " + "  ".join(
                text.ljust(w) if i == 0 else text.rjust(w)
                for i, (text, w) in enumerate(zip(row, widths))).rstrip())
        sys.stdout.flush()
        lines = [heads, [":---"] + ["---:"] * (len(heads) - 1)] + rows
        self.sections[-1].parts.append("%s\n\n%s\n" % (title, "\n".join(
            "| " + " | ".join(line) + " |" for line in lines)))

    def bar(self, text, figure, holds):
        self.sections[-1].bars.append((holds, text, figure))

    def summary(self):
        if self.bars:
            print("\nBars")
        for holds, text, figure in self.bars:
            print("  %-3s %s: %s" % ("yes" if holds else "NO", text, figure))
        sys.stdout.flush()

    # ------------------------------------------------------------ the file

    def write(self, path, peers):
        """peers: lines about the versions of other programs; those that are
        there stay when they are not given again"""
        old, known = {}, {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                head, *rest = re.split(r"^(?=## )", f.read(), flags=re.M)
            for line in re.findall(r"^- .*(?:\n  .*)*", head, re.M):
                known[line.split()[1]] = line
            old = {text[3:].split(":")[0]: text for text in rest}
        known.update({line.split()[1]: line
                      for line in machine() + (peers or [])})
        for s in self.sections:
            old[s.name] = markdown(s, self.quick)
        body = "\n".join(old[name].rstrip("\n") + "\n" for name in ORDER
                         if name in old)
        bars = re.findall(r"^\| (yes|NO) \| (.*) \| .* \|$", body, re.M)
        missed = ["* " + text for holds, text in bars if holds == "NO"]
        said = "%d of %d bars hold%s" % (
            len(bars) - len(missed), len(bars), "." if not missed else
            ".  Not these:\n\n" + "\n".join(missed))
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(HEAD % (COMMAND, "\n".join(known.values()), said))
            f.write("\n" + body)
        os.rename(path + ".new", path)


def markdown(section, quick):
    now = datetime.datetime.now(datetime.timezone.utc)
    out = ["## %s: %s\n" % (section.name, section.title),
           now.strftime("Measured on %Y-%m-%d at %H:%M UTC; load at the end ") +
           "%.1f.%s\n" % (os.getloadavg()[0],
                          "  Few runs (--quick)." if quick else "")]
    if section.bars:
        out.append("| holds | bar | measured |\n| :--- | :--- | :--- |\n" +
                   "".join("| %s | %s | %s |\n" % (
                       "yes" if holds else "NO", text, figure)
                       for holds, text, figure in section.bars))
    return "\n".join(out + section.parts)


# ---------------------------------------------------------------- the machine

def machine():
    model = memory = "unknown"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            found = re.search(r"^model name\s*: (.*)$", f.read(), re.M)
            model = found.group(1) if found else platform.machine()
        with open("/proc/meminfo", encoding="utf-8") as f:
            memory = "%.0f GB" % (int(re.search(
                r"MemTotal:\s*(\d+)", f.read()).group(1)) / 1e6)
    except (OSError, AttributeError):
        pass
    return ["- machine: %d CPUs (%s, %s), %s of memory" % (
        os.cpu_count() or 0, model, platform.machine(), memory),
            "- kernel: %s %s" % (platform.system(), platform.release()),
            "- TLS: %s" % (said(["openssl", "version"]) or "unknown")]


def said(argv):
    """The first line of what a program says, or None."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return lines[0].strip() if lines else None


def package_version(root, name):
    """From the change log that Debian's packages carry, or None."""
    for ending in ("Debian.gz", "gz"):
        path = os.path.join(root, "usr/share/doc", name, "changelog." + ending)
        try:
            with gzip.open(path, "rt", encoding="utf-8",
                           errors="replace") as f:
                found = re.match(r"\S+ \((\S+)\)", f.readline())
        except (OSError, EOFError):
            continue
        if found:
            return found.group(1)
    return None


def version(client):
    """Of a client, as far as it can be had."""
    if client.name == "mailchute":
        return said([client.path, "--version"]) or "?"
    found = package_version(client.peers or "/", client.package)
    if found is None and client.version() is not None:
        env = client.environment()
        words = " ".join("%s=%s" % one for one in env.items())
        found = said(["env"] + words.split() + client.version())
    return found or "?"


def versions(clients):
    seen, lines = set(), []
    for client in clients:
        if client.package not in seen:
            seen.add(client.package)
            what = version(client)
            lines.append("- %s%s" % ("" if what.startswith(client.package)
                                     else client.package + " ", what))
    return lines
