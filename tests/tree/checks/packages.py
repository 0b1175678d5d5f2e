# SPDX-License-Identifier: Apache-2.0
"""packages.py — tools/packages.txt names the package of each program a script runs and each library the build needs.

A word counts as a command where a shell would run it (start of a line or of a pipe stage, after && || ; $( and after
wrappers such as sudo), or as the first string of a list in Python. Only words that this machine can find are judged;
what belongs to Debian's required packages is always there.
"""
import os
import re
import shutil
import subprocess

from .tree import Finding

LIST = "tools/packages.txt"
SCRIPTS = ("tools/", ".ci/", "perf/", "tests/", "examples/")
COMMAND_FOLLOWS = r"(?:^|[|;&(]|&&|\|\||\$\(|\bsudo|\bexec|\bthen|\bdo|\belse|\bif|!|netns exec \S+|in_\w+)"
SHELL_WORD = re.compile(COMMAND_FOLLOWS + r"\s*([a-z][\w.+-]*)(?![\w.+=(-])")
PYTHON_WORD = re.compile(r"""\[\s*["']([a-z][\w.+-]*)["']\s*,""")
DEPENDENCY = re.compile(r"\bdependency\('([\w.+-]+)'")
PROGRAM = re.compile(r"\bfind_program\('([\w.+-]+)'")
PC_FOLDERS = ["/usr/lib/x86_64-linux-gnu/pkgconfig", "/usr/share/pkgconfig", "/usr/lib/pkgconfig"]


def listed(tree):
    return {line.split("#")[0].strip() for line in tree.lines(LIST)} - {""}


def owners(files):
    """{file: the Debian package that ships it}, following alternatives and merged /usr. One question for all files."""
    asked = {}
    for file in files:
        for name in (file, os.path.realpath(file)):
            asked.setdefault(name, file)
            asked.setdefault(name.removeprefix("/usr"), file)
    out = subprocess.run(["dpkg-query", "-S", *asked], capture_output=True, text=True).stdout if asked else ""
    found = {}
    for line in out.splitlines():
        packages, _, name = line.partition(": ")
        if name in asked:
            found[asked[name]] = packages.split(":")[0].split(",")[0]
    return found


def always_there(packages):
    """What every Debian has of `packages`: required or essential; apt itself; git, without which there is no clone."""
    command = ["dpkg-query", "-W", "-f=${Package} ${Priority} ${Essential}\n", *packages]
    out = subprocess.run(command, capture_output=True, text=True).stdout if packages else ""
    lines = [line.split() for line in out.splitlines()]
    return {words[0] for words in lines if "required" in words or "yes" in words} | {"apt", "git"}


def brought_by(packages):
    """What the listed packages depend on directly: build-essential brings g++."""
    command = ["dpkg-query", "-W", "-f=${Depends}, ${Pre-Depends}\n", *packages]
    out = subprocess.run(command, capture_output=True, text=True).stdout
    return {re.split(r"[ :(]", word.strip())[0] for line in out.splitlines() for word in re.split(r"[,|]", line)}


def strip_shell(line):
    line = re.sub(r"'[^']*'|\(\(.*?\)\)", "''", line)
    return "" if line.lstrip().startswith("#") else re.sub(r'"(?:[^"$]|\$(?!\())*"', '""', line)


def commands(tree, path):
    """(line number, word) for each word of `path` that is run as a program."""
    text = tree.lines(path)
    python = path.endswith(".py") or (text and "python" in text[0])
    in_document = None
    for number, line in enumerate(text, 1):
        if in_document:
            in_document = None if line.strip() == in_document else in_document
            continue
        if python:
            yield from ((number, m[1]) for m in PYTHON_WORD.finditer(line))
            continue
        if m := re.search(r"<<-?\s*['\"]?(\w+)", line):
            in_document = m[1]
        yield from ((number, m[1]) for m in SHELL_WORD.finditer(strip_shell(line)))


def uses(tree):
    """(path, line, what is said of it, file) for each program and library that the tree names and this machine has."""
    for path in (f for f in tree.scripts() if f.startswith(SCRIPTS)):
        for number, word in commands(tree, path):
            if file := shutil.which(word, path="/usr/sbin:/usr/bin:/sbin:/bin"):
                yield path, number, f"'{word}'", file
    for path in tree.matching("meson.build"):
        for number, line in enumerate(tree.lines(path), 1):
            for m in PROGRAM.finditer(line):
                if file := shutil.which(m[1]):
                    yield path, number, f"'{m[1]}'", file
            for m in DEPENDENCY.finditer(line):
                for file in (f"{folder}/{m[1]}.pc" for folder in PC_FOLDERS):
                    if os.path.exists(file):
                        yield path, number, f"'{m[1]}'", file


def check_packages(tree):
    used = list(uses(tree))
    owner = owners({file for *_, file in used})
    have = listed(tree)
    allowed = have | brought_by(sorted(have)) | always_there(sorted(set(owner.values())))
    for path, number, what, file in used:
        package = owner.get(file)
        if package and package not in allowed:
            yield Finding(path, number, f"{what} is of package {package}, which {LIST} does not name")
