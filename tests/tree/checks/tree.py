# SPDX-License-Identifier: Apache-2.0
"""tree.py — the source tree as the checks see it: the files git knows or would add, and the tables they are held to."""
import collections
import pathlib
import re
import subprocess

Finding = collections.namedtuple("Finding", "path line what")  # line 0: the file as a whole
INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")')
ROW = re.compile(r"^(BPF_(PROG|MAP|LINK)_TYPE|BPF_HELPER)(_PLANNED|_TEST_RUN|_VERIFIED)?\(([^)]*)\)")


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = sorted(p for p in self._list() if (self.root / p).is_file())

    def _list(self):
        """Relative paths. Without git (a source archive) every file outside build directories."""
        command = ["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard", "-z"]
        git = subprocess.run(command, capture_output=True)
        if git.returncode == 0 and (self.root / ".git").exists():
            return {name for name in git.stdout.decode().split("\0") if name}
        found = (p.relative_to(self.root) for p in self.root.rglob("*"))
        return {str(p) for p in found if not re.match(r"(build|\.git/)", str(p)) and "__pycache__" not in str(p)}

    def exists(self, path):
        return (self.root / path).exists()

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def lines(self, path):
        return self.text(path).splitlines()

    def matching(self, *suffixes):
        return [f for f in self.files if f.endswith(suffixes)]

    def sources(self):
        """C and C++ that is built into something."""
        return self.matching(".h", ".cc", ".c")

    def scripts(self):
        """Executable text files and Python modules."""
        return [f for f in self.files if f.endswith(".py") or self._has_shebang(f)]

    def _has_shebang(self, path):
        with open(self.root / path, "rb") as f:
            return f.read(2) == b"#!"

    def includes(self, path):
        """(line number, name, quoted) of each include."""
        for number, line in enumerate(self.lines(path), 1):
            if m := INCLUDE.match(line):
                yield number, m[1][1:-1], m[1][0] == '"'

    def rows(self, path, macro):
        """(line number, suffix of the macro or None, [words]) of each row whose macro begins with `macro`."""
        for number, line in enumerate(self.lines(path), 1):
            if (m := ROW.match(line)) and m[1].startswith(macro):
                yield number, m[3], [word.strip() for word in m[4].split(",")]


def read_table(text):
    """[section] and `key : words` lines of layers.txt as {section: {key: [words]}}."""
    table, section = {}, None
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if m := re.fullmatch(r"\[(\w+)\]", line):
            section = table.setdefault(m[1], {})
        elif line:
            key, _, words = line.partition(" :") if " :" in line else line.partition(":")
            section[key.strip()] = words.split()
    return table
