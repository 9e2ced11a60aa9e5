#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs.py SOURCES PROGRAM - the pages in doc/ against sources and program.

Looks at the headings of troubleshooting.md, which have to be texts of the
sources; at commands, options, keys, variables and units in code; at
configurations, which the program has to take; at shell lines, which sh has to
be able to read; at links; and that README.md names each page."""
import glob
import os
import re
import subprocess
import sys
import tempfile

TOP, PROGRAM = sys.argv[1], os.path.abspath(sys.argv[2])
PAGES = sorted(glob.glob(TOP + "/doc/*.md"))
SHELLS = {"sh"}
problems = []


def complain(page, line, text):
    problems.append("%s:%d: %s" % (os.path.relpath(page, TOP), line, text))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def ask(*args, stdin=""):
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [PROGRAM, *args], input=stdin, text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env={"HOME": home, "PATH": os.environ["PATH"]})
    return done.returncode, done.stdout


# ----------------------------------------------------------- texts of the program

LITERALS = r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*'


def texts():
    """All texts of the sources, neighbours joined, as a reader sees them."""
    found = []
    for where in ("lib/**/*.c", "lib/**/*.def", "cli/*.c"):
        for path in glob.glob(TOP + "/" + where, recursive=True):
            code = re.sub(r"/\*.*?\*/", " ", read(path), flags=re.S)
            # "%" PRIu64 " bytes"
            code = re.sub(r'%\d*"\s*PRI\w+\s*"', "...", code)
            code = re.sub(r'%\d*"\s*PRI\w+', '..."', code)
            for match in re.findall(LITERALS, code):
                parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"', match)
                text = "".join(parts).replace('\\"', '"')
                found.append(re.sub(
                    r"%(?:[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?"
                    r"(?:hh|h|ll|l|z|j)?[a-zA-Z])?", "...", text))
    return found


def is_text(heading, known):
    parts = [x for x in heading.split("...") if x.strip()]
    pattern = ".*".join(re.escape(x.strip()) for x in parts)
    return bool(parts) and any(re.search(pattern, x) for x in known)


# ---------------------------------------------------------------- pages as blocks

def blocks(page):
    """(line, language, text) of each block of code; ("", text) of words"""
    lang, begin, lines = None, 0, []
    for number, line in enumerate(read(page).splitlines(), 1):
        fence = re.match(r"\s*```(\w*)\s*$", line)
        if fence and lang is None:
            lang, begin, lines = fence.group(1), number, []
        elif fence:
            yield begin, lang or "text", lines
            lang = None
        elif lang is not None:
            lines.append(line)
        else:
            for word in re.findall(r"`([^`]+)`", line):
                yield number, "", [word]
    if lang is not None:
        complain(page, begin, "a block without an end")


def commands(lines):
    """what stands behind mailchute or sendmail, in words"""
    text = "\n".join(lines).replace("\\\n", " ")
    for line in text.splitlines():
        line = re.sub(r"\s#\s.*", "", line)
        for part in re.split(r"\|\||&&|[|;]", line):
            # words of another program are not ours
            words = re.findall(r"'[^']*'|\"[^\"]*\"|[^\s'\"]+", part)
            for i, word in enumerate(words):
                inner = word.strip("\"'")
                if re.fullmatch(r"(?:\S*/)?(mailchute|sendmail|mailq)", inner):
                    yield os.path.basename(inner), words[i + 1:]
                    break
                if re.match(r"(?:\S*/)?(mailchute|sendmail) ", inner):
                    inside = inner.split()
                    yield os.path.basename(inside[0]), inside[1:]


class Help:
    def __init__(self):
        rows = read(TOP + "/cli/commands.def")
        self.subcommands = set(re.findall(r'^MC_COMMAND\((\w+),', rows,
                                          flags=re.M))
        self.cache = {}

    def options(self, *words):
        if words not in self.cache:
            status, text = ask(*words, "--help" if words else "--help=all")
            # some know their options by their usage only
            self.cache[words] = set(re.findall(
                r"(?<![\w-])(--?[A-Za-z][\w-]*)", text)) | {"--help"}
        return self.cache[words]


def check_command(page, line, name, words, known):
    sub = words[0] if words and re.fullmatch(r"[a-z]+", words[0]) else ""
    if name == "mailchute" and sub in known.subcommands:
        options = set(known.options(sub))
        for second in words[1:2]:
            if re.fullmatch(r"[a-z]+", second):
                if sub in ("config", "queue", "serve", "dkim") and \
                        second not in ask(sub, "--help")[1]:
                    complain(page, line, "mailchute %s %s: no such command" %
                             (sub, second))
                if sub == "config":
                    options |= known.options(sub, second)
        if sub == "queue":
            options |= set(re.findall(r'"(--[a-z-]+)"',
                                      read(TOP + "/cli/queue_cmd.c")))
            options |= {"-v", "-a", "-C"}
    elif sub and name == "mailchute":
        complain(page, line, "mailchute %s: no such command" % sub)
        return
    else:
        options = known.options() | {"--account", "--config", "--no-queue",
                                     "--queue-only", "--dry-run", "--version",
                                     "--verbose", "--send-at", "--deliver-by",
                                     "--priority"}
        sub = ""
    for word in words:
        if word in ("--", "<", ">", ">>", "\\"):
            break
        option = re.match(r"--[a-z][a-z-]*|-[A-Za-z]", word)
        if not option:
            continue
        if option.group(0) not in options:
            complain(page, line, "%s %s: no option %s" %
                     (name, sub, option.group(0)))


# ------------------------------------------------------------------------- checks

def check_configuration(page, line, lines):
    with tempfile.TemporaryDirectory() as where:
        path = where + "/conf"
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(path, 0o600)
        status, text = ask("config", "check", "-C", path)
    if status != 0:
        complain(page, line, "the program does not take it:\n" + text)


def check_shell(page, line, lines):
    done = subprocess.run(["sh", "-n"], input="\n".join(lines) + "\n",
                          text=True, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        complain(page, line, "sh cannot read it: " + done.stderr)


def check_dry_run(page):
    """Commands with --dry-run, with the page's own configuration."""
    with tempfile.TemporaryDirectory() as where:
        for _, lang, lines in blocks(page):
            text = "\n".join(lines)
            if lang == "ini" and not os.path.exists(where + "/conf"):
                with open(where + "/conf", "w", encoding="utf-8") as f:
                    f.write(text.replace("/etc/", where + "/"))
            elif "default: " in text:
                with open(where + "/aliases", "w", encoding="utf-8") as f:
                    f.write(text)
        for line, lang, lines in blocks(page):
            text = "\n".join(lines)
            if lang != "sh" or not re.search(r"mailchute.*--dry-run", text):
                continue
            os.symlink(PROGRAM, where + "/mailchute")
            done = subprocess.run(
                ["sh", "-ec", text], text=True, check=False, timeout=60,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=where,
                env={"HOME": where, "MAILCHUTE_CONFIG": where + "/conf",
                     "PATH": where + ":" + os.environ["PATH"]})
            os.remove(where + "/mailchute")
            if done.returncode != 0 or "transaction 1:" not in done.stdout:
                complain(page, line, "it does not run: " + done.stdout)
            return 1
    return 0


def keys():
    _, text = ask("config", "show", "-C", "/dev/null")
    shown = set(re.findall(r'MC_KEY\(\w+, "([a-z-]+)"',
                           read(TOP + "/lib/config/keys.def")))
    if not shown or "host" not in text + " ".join(shown):
        sys.exit("docs.py: no keys")
    return shown


def check_page(page, known, all_keys, units):
    variables = {"MAILCHUTE_" + k.replace("-", "_").upper() for k in all_keys}
    variables |= {v + "_FILE" for v in variables}
    variables |= {"MAILCHUTE_CONFIG", "MAILCHUTE_ACCOUNT", "MAILCHUTE_URL"}
    for line, lang, lines in blocks(page):
        text = "\n".join(lines)
        if lang == "ini":
            check_configuration(page, line, lines)
        if lang in SHELLS:
            check_shell(page, line, lines)
        for name in re.findall(r"MAILCHUTE_[A-Z_]+", text):
            if name not in variables:
                complain(page, line, "no variable %s" % name)
        for unit in re.findall(
                r"\b(mailchute[\w-]*\.(?:service|socket|timer))\b", text):
            if unit not in units:
                complain(page, line, "no unit %s" % unit)
        setting = re.match(r"([a-z][a-z-]*) = \S", text)
        if lang == "" and setting and setting.group(1) not in all_keys and \
                "-" in setting.group(1):
            complain(page, line, "no key %s" % setting.group(1))
        if lang in ("ini", "yaml", "systemd"):
            continue
        for name, words in commands(lines):
            check_command(page, line, name, words, known)
    for link in re.findall(r"\]\(([^)#]+)\)", read(page)):
        if "://" not in link and not os.path.exists(
                os.path.join(os.path.dirname(page), link)):
            complain(page, 1, "a link to %s, which is not there" % link)
    code = False
    for number, line in enumerate(read(page).splitlines(), 1):
        code = code != line.lstrip().startswith("```")
        # headings, tables and commands cannot be folded
        if len(line) > 80 and not code and line[0] not in "#|`":
            complain(page, number, "longer than 80 columns")


def check_headings(page):
    known = texts()
    if len(known) < 500:
        sys.exit("docs.py: the texts of the sources were not found")
    # it has to see what is no text
    for wrong in ("the server refused the cheese", "...", "no ... such text"):
        if is_text(wrong, known):
            sys.exit("docs.py: takes %r for a text" % wrong)
    seen = 0
    for number, line in enumerate(read(page).splitlines(), 1):
        if line.startswith("## "):
            seen += 1
            if not is_text(line[3:], known):
                complain(page, number, "no text of the program: " + line[3:])
    if seen < 20:
        complain(page, 1, "hardly any headings")


def main():
    if not PAGES:
        sys.exit("docs.py: no pages")
    known = Help()
    units = {os.path.basename(x).replace("-system.service", ".service")
             .removesuffix(".in") for x in
             glob.glob(TOP + "/etc/systemd/mailchute*")}
    all_keys = keys()
    if sum(check_dry_run(page) for page in PAGES) == 0:
        sys.exit("docs.py: no command was tried")
    readme = read(TOP + "/README.md")
    makefile = read(TOP + "/Makefile.am")
    for page in PAGES:
        check_page(page, known, all_keys, units)
        name = "doc/" + os.path.basename(page)
        if "(%s)" % name not in readme:
            complain(TOP + "/README.md", 1, "does not link to " + name)
        if name not in makefile:
            complain(TOP + "/Makefile.am", 1, "does not install " + name)
    check_headings(TOP + "/doc/troubleshooting.md")
    for problem in problems:
        print(problem)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
