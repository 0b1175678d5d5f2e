#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tutorial_test.py — README.md's tutorial, done as written: its files made, its commands run in order, in one shell.
`tutorial_test.py SOURCE_ROOT BUILD_ROOT`."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tests/support")]

import preload  # noqa: E402
from counted import main  # noqa: E402

SECTION = re.compile(r"<!-- tutorial.*?-->(.*?)<!-- /tutorial -->", re.S)
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```", re.M | re.S)
SOCKET = re.compile(r"-s (\S+\.sock)")
# Puts the shell's own words between blocks, so that what each printed can be told apart.
MARK = "=== block {} ==="


def blocks():
    section = SECTION.search((SOURCE / "README.md").read_text())
    return BLOCK.findall(section[1])


def script(socket):
    """One bash script of all sh blocks. Behind one that starts something in the background it waits for its socket."""
    lines = ["set -eum", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for number, (_, _, body) in enumerate(b for b in blocks() if b[0] == "sh"):
        if " exec -- " in body and preload.is_sanitized(BUILD):
            body = "\n"
        lines += [f"echo '{MARK.format(number)}'", SOCKET.sub(f"-s {socket}", body)]
        if body.rstrip().endswith("&"):
            ready = f"build/sluice -s {socket} port show &>/dev/null"
            lines.append(f"for i in $(seq 300); do {ready} && break; sleep 0.1; done")
    return "\n".join([*lines, "wait"])


class Tutorial(unittest.TestCase):
    def test_every_file_and_command_of_the_readme_works_as_written(self):
        with tempfile.TemporaryDirectory(prefix="tutorial-") as folder:
            for name, target in (("build", BUILD), ("examples", SOURCE / "examples")):
                os.symlink(target, os.path.join(folder, name))
            for _, name, body in blocks():
                if name:
                    pathlib.Path(folder, name).write_text(body)
            command = ["timeout", "100", "bash", "-c", script(os.path.join(folder, "hello.sock"))]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        said = done.stdout + done.stderr
        self.assertEqual(0, done.returncode, said[-3000:])
        outputs = re.split(r"=== block \d+ ===\n", done.stdout)[1:]
        self.assertEqual(len([b for b in blocks() if b[0] == "sh"]), len(outputs))
        self.check_what_is_seen(outputs[3])
        if preload.is_sanitized(BUILD):
            self.skipTest(f"all but bpftool was seen: {preload.SANITIZED}")
        self.assertRegex(outputs[4], r"\bxdp\s+name hello\b", "bpftool's prog show")
        self.assertRegex(outputs[4], r'"key": 2054,\s+"value": [1-9]', "bpftool's map dump")

    def check_what_is_seen(self, shown):
        """The block of `prog show`, `map dump` and `port show`."""
        self.assertRegex(shown, r"\bxdp\b.*\bname hello\b")
        self.assertRegex(shown, r'"key": 2054,\s+"value": [1-9]', "ARP was seen: 0x0806")
        self.assertRegex(shown, r"\bin\b")
        self.assertRegex(shown, r"\bout\b")

    def test_the_tutorial_has_what_it_promises(self):
        kinds = [(kind, name) for kind, name, _ in blocks()]
        self.assertIn(("c", "hello.bpf.c"), kinds)
        self.assertIn(("yaml", "hello.yaml"), kinds)
        commands = "".join(body for kind, _, body in blocks() if kind == "sh")
        for words in ("clang-19", "--check", "prog show", "map dump", "port show"):
            self.assertIn(words, commands)


if __name__ == "__main__":
    sys.exit(main(__name__))
