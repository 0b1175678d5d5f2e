#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""smoke_test.py — each benchmark runs and hands over what it promises. No figure is judged.
`smoke_test.py SOURCE_ROOT`."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv[1]).resolve()
BUILD = pathlib.Path(os.environ["SLUICE_BUILD"])
sys.path[:0] = [str(SOURCE / "tests/support")]

import preload  # noqa: E402
from counted import main  # noqa: E402


def run(*words):
    return subprocess.run([str(SOURCE / "perf/run"), *words], capture_output=True, text=True, timeout=300)


class Rates(unittest.TestCase):
    def test_every_row_of_rates_is_measured_and_handed_over(self):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            done = run("rates", "--quick", "--no-build", "--json", file.name)
            said = done.stdout + done.stderr
            self.assertIn(done.returncode, (0, 1), said[-2000:])
            report = json.loads(pathlib.Path(file.name).read_text())
        for key in ("cpu", "cpus", "kernel", "dpdk", "commit"):
            self.assertIn(key, report["machine"])
        for row in report["rows"]:
            self.assertTrue(row["figure"] or "zero copy" in row["name"], f"{row['name']}: {report['notes']}")
        for bar in report["bars"]:
            self.assertEqual({"name", "figure", "bar", "unit", "met"}, set(bar) - {"why"})
            self.assertIn(bar["name"], done.stdout)
        self.assertEqual(done.returncode == 0, all(bar["met"] for bar in report["bars"]), "the exit code is the bars'")


class Tables(unittest.TestCase):
    """Benchmarks whose every row must have a figure, and whose exit code is their bars'."""

    def check(self, name, *rows):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            done = run(name, "--quick", "--no-build", "--json", file.name)
            self.assertIn(done.returncode, (0, 1), (done.stdout + done.stderr)[-2000:])
            report = json.loads(pathlib.Path(file.name).read_text())
        for row in report["rows"]:
            self.assertTrue(row["figure"], row["name"])
        for wanted in rows:
            self.assertTrue(any(wanted in row["name"] for row in report["rows"]), wanted)
        for bar in report["bars"]:
            self.assertNotIn("why", bar)
            self.assertIn(bar["name"], done.stdout)
        self.assertEqual(done.returncode == 0, all(bar["met"] for bar in report["bars"]), "the exit code is the bars'")
        return {bar["name"]: bar for bar in report["bars"]}

    @unittest.skipIf(preload.is_sanitized(BUILD), preload.SANITIZED)
    def test_control(self):
        bars = self.check("control", "MAP_LOOKUP_ELEM, median, ours", "batch look-up of 100000 elements, host",
                          "200 clients at once: frames forwarded meanwhile")
        for name in ("clients at once that had every answer right", "accounting of the worker's frames: faults"):
            self.assertTrue(bars[name]["met"], bars[name])

    def test_verifier(self):
        self.check("verifier", "firewall.bpf.o firewall, ours", "peak memory of one verification")


class Door(unittest.TestCase):
    def test_an_unknown_benchmark_is_refused_with_the_names_there_are(self):
        done = run("nothing")
        self.assertEqual(2, done.returncode)
        self.assertIn("rates", done.stderr)

    def test_the_lab_says_that_it_is_not_built(self):
        done = subprocess.run([str(SOURCE / "perf/lab"), "run", "plan"], capture_output=True, text=True)
        self.assertEqual((2, ""), (done.returncode, done.stdout))
        self.assertEqual(1, len(done.stderr.splitlines()))


if __name__ == "__main__":
    sys.exit(main(__name__))
