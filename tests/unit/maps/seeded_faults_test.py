#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeded mistakes (maps/test_fault.h): the concurrency tests must fail under each of those below, and pass
without. The library has more of them; a row here says which test notices one.

seeded_faults_test.py DIRECTORY-OF-THE-TESTS
"""
import os
import subprocess
import sys

TIMEOUT_S = 300  # a mistake that makes threads run for ever is noticed as well; without one all end in that time
ATTEMPTS = 5     # which thread runs when is chance
STEPS = "8000"   # of each thread

# mistake: binary, the tests that are to notice it
FAULTS = {
    "look_once": ("concurrency", "HashConcurrency.KeysThatStayAreAlwaysFound*"),
    "clean_half": ("concurrency", "HashConcurrency.EveryInsert*:HashConcurrency.OneBucket*"),
    "give_before_swap": ("concurrency", "HashConcurrency.EveryInsert*:HashConcurrency.KeysThatStay*"),
    "lock_nothing": ("lock", "Lock.*"),
}


def run(directory, binary, tests, fault):
    environment = dict(os.environ)
    environment.pop("MAPS_SEEDED_FAULT", None)
    environment["MAPS_TEST_STEPS"] = STEPS
    if fault:
        environment["MAPS_SEEDED_FAULT"] = fault
    command = [os.path.join(directory, f"maps_{binary}_test"), f"--gtest_filter={tests}"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return "it did not end"
    if done.returncode == 0:
        ran = "[  PASSED  ] 0 tests" not in done.stdout
        return None if ran else "no test has that name"
    lines = [line for line in done.stdout.splitlines() if line.startswith("[  FAILED  ] ")]
    failed = [line.split("] ")[1].split(" (")[0] for line in lines]
    return failed[0] if failed else f"it ended with {done.returncode}"


def main():
    directory = sys.argv[1]
    problems = 0
    for fault, (binary, tests) in FAULTS.items():
        noticed = None
        for attempt in range(1, ATTEMPTS + 1):
            noticed = run(directory, binary, tests, fault)
            if noticed:
                break
        print(f"{fault:18} {'not noticed' if not noticed else f'noticed by {noticed}, attempt {attempt}'}", flush=True)
        problems += not noticed
    for binary, tests in sorted(set(FAULTS.values())):
        failed = run(directory, binary, tests, None)
        print(f"{'none':18} {binary} {tests}: {failed or 'passes'}", flush=True)
        problems += failed is not None
    print(f"{len(FAULTS)} mistakes, {problems} problems")
    return problems != 0


if __name__ == "__main__":
    sys.exit(main())
