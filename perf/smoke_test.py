#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""smoke_test.py — each benchmark runs and hands over what it promises. No figure is judged.
`smoke_test.py SOURCE_ROOT`."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv[1]).resolve()
sys.path[:0] = [str(SOURCE / "tests/support")]

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
