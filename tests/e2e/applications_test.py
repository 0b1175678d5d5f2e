#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""applications_test.py — libbpf applications with skeletons, compiled once, on the host's kernel and on Sluice: the
same exit code and the same output, byte for byte. `applications_test.py SOURCE_ROOT BUILD_ROOT`."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "tests/support"), str(SOURCE / "tests/e2e")]

from appliance import Appliance  # noqa: E402
from bpftool_sides import Host, Sides, Sluice  # noqa: E402
import preload  # noqa: E402
from counted import main  # noqa: E402

SKELETON = SOURCE / "tests/e2e/skeleton"
CONFIG = """version: 1
eal: {{ file-prefix: sluice-{prefix} }}
pins: {{ root: {folder}/pins }}
ports:
  list:
    - {{ name: in, kind: "null" }}
"""


def compiled(folder, name):
    """The application NAME.c with its skeleton, linked to libbpf dynamically."""
    objects = folder / f"{name}.bpf.o"
    subprocess.run(["clang-19", "-O2", "-g", "-target", "bpf", f"-I/usr/include/{os.uname().machine}-linux-gnu", "-c",
                    SKELETON / f"{name}.bpf.c", "-o", objects], check=True)
    header = subprocess.run(["bpftool", "gen", "skeleton", objects, "name", name], check=True, capture_output=True)
    (folder / f"{name}.skel.h").write_bytes(header.stdout)
    program = folder / name
    subprocess.run(["clang-19", "-O1", "-Wall", "-Werror", f"-I{folder}", SKELETON / f"{name}.c", "-o", program,
                    "-lbpf"], check=True)
    return program


@unittest.skipIf(preload.is_sanitized(BUILD), preload.SANITIZED)
@unittest.skipUnless(os.geteuid() == 0 and shutil.which("bpftool"), "needs root and bpftool: the host is asked too")
class Applications(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="applications-")
        cls.folder = pathlib.Path(cls.scratch.name)
        config = CONFIG.format(prefix=cls.folder.name, folder=cls.folder)
        cls.appliance = Appliance(config=config, build=BUILD).__enter__()
        cls.host = Host()

    @classmethod
    def tearDownClass(cls):
        cls.host.close()
        cls.appliance.__exit__()
        cls.scratch.cleanup()

    def same(self, program):
        sides = Sides(self.host, Sluice(BUILD, self.appliance.socket))
        host, ours = sides.row(program)
        self.assertEqual([], sides.different, "\n\n" + "\n\n".join(sides.different))
        self.assertEqual(0, host.code, host)
        return ours.out

    def test_a_ring_buffer_is_waited_for_with_libbpf_epoll_and_poll(self):
        said = self.same(compiled(self.folder, "events"))
        self.assertIn("  libbpf: event 4 of 80 bytes, 8\n", said)
        self.assertIn("without a limit: 1\n", said)
        # Nothing that the application opened is left behind, once the daemon has looked.
        until = time.monotonic() + 10
        while left := [m for m in self.appliance.ask("map", "show") if m["type"] == "ringbuf"]:
            self.assertLess(time.monotonic(), until, left)
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(__name__))
