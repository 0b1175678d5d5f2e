# SPDX-License-Identifier: Apache-2.0
"""text.py — what a text file owes its readers: a licence line, bounded width and length, no leftovers, live links."""
import os
import re
import urllib.parse

from .layers import TABLE
from .tree import Finding, read_table

SPDX = "SPDX-License-Identifier: Apache-2.0"
# Spelled in two halves so that this file does not find itself.
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^\s*(```|~~~)")


def check_spdx(tree):
    for path in sorted({*tree.sources(), *tree.matching(".def", ".py"), *tree.scripts()}):
        lines = tree.lines(path)
        first = lines[1:2] if lines and lines[0].startswith("#!") else lines[:1]
        if lines and (not first or SPDX not in first[0]):
            yield Finding(path, 1, f"the first line is not '{SPDX}'")


def check_bounds(tree):
    bounds = {key: int(words[0]) for key, words in read_table(tree.text(TABLE))["bounds"].items()}
    for path in sorted({*tree.sources(), *tree.scripts(), *tree.matching("meson.build")}):
        lines = tree.lines(path)
        if len(lines) > bounds["lines"]:
            yield Finding(path, 0, f"{len(lines)} lines; the bound is {bounds['lines']}: cut it into subjects")
        for number, line in enumerate(lines, 1):
            if len(line) > bounds["columns"]:
                yield Finding(path, number, f"{len(line)} columns; the bound is {bounds['columns']}")


def check_leftovers(tree):
    for path in sorted({*tree.sources(), *tree.scripts(), *tree.matching("meson.build", ".def", ".yaml", ".md")}):
        for number, line in enumerate(tree.lines(path), 1):
            if m := LEFTOVER.search(line):
                yield Finding(path, number, f"{m[1]}: do it, or file an issue and say what is missing")


def check_links(tree):
    for path in tree.matching(".md"):
        fenced = False
        for number, line in enumerate(tree.lines(path), 1):
            fenced ^= bool(FENCE.match(line))
            for target in () if fenced else LINK.findall(line):
                if re.match(r"[a-z][a-z0-9+.-]*:", target) or target.startswith("#"):
                    continue
                name = urllib.parse.unquote(target.split("#")[0])
                if not tree.exists(os.path.join(os.path.dirname(path), name)):
                    yield Finding(path, number, f"link to {target}: no such file")
