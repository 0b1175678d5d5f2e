# SPDX-License-Identifier: Apache-2.0
"""run_tests.py — builds, runs the meson suites one by one, and adds their cases up. tools/test is its door.

Counts     one per GoogleTest case, one per counted case of a script that ends with `N passed, N failed, N skipped`,
           otherwise one per meson test. A build that fails, or a suite that meson cannot run, counts as one failure.
Output     a line per suite with its seconds; the names of what failed or was skipped, with the reason; the sum last.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

from builds import BUILDS, ROOT, compile_targets, configure, environment

SUITES = ["tree", "unit", "data", "oracle", "fuzz", "e2e", "perf"]
# Folders whose unit tests run under TSan: the parts that share memory between threads and need no EAL.
TSAN_FOLDERS = ("tests/unit/base", "tests/unit/maps")
GTEST_PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?\.", re.M)
GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) tests?, listed below", re.M)
GTEST_FAILED = re.compile(r"^\[  FAILED  \] (\d+) tests?, listed below", re.M)
SCRIPT_SUM = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
SKIP_REASON = re.compile(r"^.*: Skipped\n(.+)$|^SKIPPED:? (.+)$", re.M)


class Sum:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count_case(entry):
    """The cases inside one meson test, from its result and what it printed."""
    counted, out, result = Sum(), entry.get("stdout") or "", entry["result"]
    first = lambda pattern: sum(int(n) for n in pattern.findall(out)[-1:])
    if "[  PASSED  ]" in out:
        counted.passed, counted.skipped, counted.failed = first(GTEST_PASSED), first(GTEST_SKIPPED), first(GTEST_FAILED)
    elif found := SCRIPT_SUM.findall(out):
        counted.passed, counted.failed, counted.skipped = (int(n or 0) for n in found[-1])
    elif result == "OK":
        counted.passed = 1
    elif result == "SKIP":
        counted.skipped = 1
    # Whatever it printed, a test that meson calls bad has a failure: a crash after the summary, a leak, a time-out.
    if result not in ("OK", "SKIP", "EXPECTEDFAIL") and counted.failed == 0:
        counted.failed = 1
    return counted


def read_log(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(errors="replace").splitlines() if line.startswith("{")]


def skip_reasons(entry):
    reasons = [a or b for a, b in SKIP_REASON.findall(entry.get("stdout") or "")]
    return sorted(set(reasons)) or ["no reason given"]


def report(build, suite, entries, total, notes, seconds):
    counted = Sum()
    for entry in entries:
        one = count_case(entry)
        counted.add(one)
        where = f"{build}/{suite}: {entry['name'].split(' / ')[-1]}"
        if one.failed:
            notes.append(f"FAILED   {where} ({entry['result']})")
            tail = ((entry.get("stdout") or "") + (entry.get("stderr") or "")).rstrip().splitlines()[-40:]
            notes.extend("         | " + line for line in tail)
        if one.skipped:
            share = f"{one.skipped} of {one.passed + one.skipped}"
            notes.extend(f"SKIPPED  {where}: {share}: {why}" for why in skip_reasons(entry))
    total.add(counted)
    print(f"  {build:11} {suite:7} {seconds:7.1f} s   {counted}", flush=True)


def tests_of(build, suite):
    """Names of the tests that `suite` runs in `build`."""
    command = ["meson", "introspect", "--tests", str(ROOT / build)]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    tests = json.loads(out.stdout)
    if suite == "threads":
        return [t["name"] for t in tests if any(f"/{folder}/" in t["cmd"][0] for folder in TSAN_FOLDERS)]
    return [t["name"] for t in tests if any(s == suite or s.endswith(":" + suite) for s in t["suite"])]


def run_suite(build, suite, long, total, notes):
    names = tests_of(build, suite)
    if not names:
        return
    log = ROOT / build / "meson-logs" / f"suite-{suite}.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(ROOT / build), "--no-rebuild", "--logbase", f"suite-{suite}"]
    command += names if suite == "threads" else ["--suite", suite]
    command += ["--timeout-multiplier", "20" if long else "4" if build != "build" else "1"]
    started = time.monotonic()
    done = subprocess.run(command, env=environment(BUILDS[build][0]), capture_output=True, text=True)
    entries = read_log(log)
    if done.returncode != 0 and not entries:
        total.failed += 1
        printed = (done.stdout + done.stderr).strip()[-2000:]
        notes.append(f"FAILED   {build}/{suite}: meson test exit {done.returncode}: {printed}")
    report(build, suite, entries, total, notes, time.monotonic() - started)


def build_one(build, total, notes):
    started = time.monotonic()
    try:
        directory = configure(build)
    except subprocess.CalledProcessError as failure:
        total.failed += 1
        notes.append(f"FAILED   {build}: meson setup exit {failure.returncode}; VERBOSE=1 shows its output")
        return False
    log = directory / "ninja.log"
    good = compile_targets(build, log=log)
    print(f"  {build:11} {'compile':7} {time.monotonic() - started:7.1f} s   {'ok' if good else 'FAILED'}", flush=True)
    if not good:
        total.failed += 1
        notes.append(f"FAILED   {build}: ninja (whole output in {log.relative_to(ROOT)})")
        notes.extend("         | " + line for line in log.read_text(errors="replace").splitlines()[-40:])
    return good


def seed_of_commit():
    """The same for every run of a commit: what it finds can be found again. Outside of a repository: the time."""
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    return str(int(head.stdout[:12], 16) if head.returncode == 0 else time.time_ns())


def main():
    parser = argparse.ArgumentParser(prog="tools/test")
    parser.add_argument("--long", action="store_true", help="TSan and g++ builds, long random and soak slices")
    parser.add_argument("--suite", action="append", choices=SUITES, help="only this suite (may be repeated)")
    parser.add_argument("--build", action="append", choices=list(BUILDS), help="only this build (may be repeated)")
    options = parser.parse_args()
    if options.long:
        os.environ["SLUICE_LONG"] = "1"
    os.environ.setdefault("SLUICE_SEED", seed_of_commit())
    print(f"random slices begin at SLUICE_SEED={os.environ['SLUICE_SEED']}", flush=True)
    os.environ.setdefault("LSAN_OPTIONS", f"suppressions={ROOT}/tests/support/lsan.supp:print_suppressions=0")

    total, notes = Sum(), []
    chosen = options.build or (list(BUILDS) if options.long else ["build", "build-asan"])
    for build in chosen:
        if not build_one(build, total, notes):
            continue
        suites = BUILDS[build][2]
        if suites == []:
            total.passed += 1  # the build itself was the test
        for suite in (SUITES if suites is None else suites):
            if not options.suite or suite in options.suite:
                run_suite(build, suite, options.long, total, notes)
    print("\n".join(notes))
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
