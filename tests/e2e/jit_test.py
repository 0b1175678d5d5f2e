#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jit_test.py — a running sluiced: tiers, object cache, dumps, perf map, protection of code.
`jit_test.py SOURCE_ROOT BUILD_ROOT`."""
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "tests/support"), str(SOURCE / "tests/e2e")]

from appliance import Appliance  # noqa: E402
from counted import main  # noqa: E402

CONFIG = """version: 1
eal: {{ file-prefix: sluice-{prefix} }}
ports:
  list:
    - {{ name: in, kind: pcap, rx-file: {source}/examples/firewall/capture.pcap, loop: true }}
programs:
  - {{ name: firewall, object: {build}/examples/firewall/firewall.bpf.o }}
attachments:
  - {{ hook: xdp, port: in, program: firewall }}
jit: {{ cache-folder: {folder}/objects, perf-map: true }}
"""


class Jit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="jit-")
        self.addCleanup(self.folder.cleanup)

    def start(self, *options):
        folder = pathlib.Path(self.folder.name)
        text = CONFIG.format(prefix=folder.name, source=SOURCE, build=BUILD, folder=folder)
        return Appliance(config=text, build=BUILD, options=options)

    def tier(self, appliance):
        return appliance.ask("prog", "show", "name", "firewall")["jit_tier"]

    def optimised(self, appliance, seconds=60):
        until = time.monotonic() + seconds
        while self.tier(appliance) != "optimised":
            self.assertLess(time.monotonic(), until, "no optimised code came")
            time.sleep(0.02)

    def text(self, appliance, *words):
        done = subprocess.run([str(BUILD / "sluice"), "-s", str(appliance.socket), *words], capture_output=True,
                              text=True, timeout=30)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def test_optimised_code_takes_over_while_packets_flow_and_the_next_start_has_it_at_once(self):
        with self.start() as appliance:
            _, before, _ = appliance.received()
            self.optimised(appliance)
            until = time.monotonic() + 10
            while appliance.received()[1] <= before and time.monotonic() < until:
                time.sleep(0.02)
            self.assertGreater(appliance.received()[1], before)
        self.assertEqual(0, appliance.exit_code, appliance.output)
        objects = list(pathlib.Path(self.folder.name, "objects").iterdir())
        self.assertEqual(1, len(objects))
        with self.start() as appliance:
            self.assertEqual("optimised", self.tier(appliance))
        objects[0].write_bytes(objects[0].read_bytes()[:-1])
        with self.start() as appliance:  # damaged: compiled again
            self.optimised(appliance)
        self.assertEqual(0, appliance.exit_code, appliance.output)

    def test_without_the_cache_no_file_appears(self):
        with self.start("--no-cache") as appliance:
            self.optimised(appliance)
        self.assertFalse(pathlib.Path(self.folder.name, "objects").exists())

    def test_dumps_show_instructions_with_their_source_lines(self):
        with self.start() as appliance:
            self.optimised(appliance)
            for form, word in (("xlated", "exit"), ("jited", "ret")):
                shown = self.text(appliance, "prog", "dump", form, "name", "firewall")
                self.assertIn(word, shown)
                self.assertGreater(sum(line.startswith("; ") for line in shown.splitlines()), 10, shown[:600])
            rows = appliance.ask("prog", "dump", "xlated", "name", "firewall")
            self.assertIn("(95) exit", [row["disasm"] for row in rows])
            names = {f["name"] for f in appliance.ask("prog", "dump", "jited", "name", "firewall")}
            self.assertLessEqual({"sluice_prog", "sluice_burst"}, names)
            self.assertIsNone(appliance.ask("prog", "dump", "jited", "name", "nobody", check=False))

    def test_perf_finds_the_program_by_name(self):
        with self.start() as appliance:
            self.optimised(appliance)
            path = pathlib.Path(f"/tmp/perf-{appliance.process.pid}.map")
            self.addCleanup(lambda: path.unlink(missing_ok=True))
            tag = appliance.ask("prog", "show", "name", "firewall")["tag"]
            names = [line.split()[2] for line in path.read_text().splitlines()]
            self.assertIn(f"bpf_prog_{tag}_firewall", names)
            self.assertIn(f"bpf_prog_{tag}_firewall_burst", names)

    def test_no_memory_is_writable_and_executable(self):
        with self.start() as appliance:
            self.optimised(appliance)
            maps = pathlib.Path(f"/proc/{appliance.process.pid}/maps").read_text().splitlines()
            both = [line for line in maps if "w" in line.split()[1] and "x" in line.split()[1]]
            self.assertEqual([], both)


if __name__ == "__main__":
    sys.exit(main(__name__))
