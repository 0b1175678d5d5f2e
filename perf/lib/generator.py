# SPDX-License-Identifier: Apache-2.0
"""generator.py — runs build/perf/gen/gen beside a device under test and returns its report."""
import json
import os
import subprocess
import tempfile

from builds import BUILD

GEN = BUILD / "perf" / "gen" / "gen"


def run(vdevs, huge, seconds, *options, cpu=0, eal=()):
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [str(GEN), "--cpu", str(cpu), "--duration", str(seconds), "--json", report.name, *options]
        for vdev in vdevs:
            command += ["--vdev", vdev]
        command += [] if huge else ["--no-huge"]
        done = subprocess.run([*command, "--", *eal], capture_output=True, text=True, timeout=seconds + 60)
        if done.returncode != 0:
            raise RuntimeError(f"gen exit {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
        return json.load(report)


def built():
    return os.access(GEN, os.X_OK)
