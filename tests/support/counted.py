# SPDX-License-Identifier: Apache-2.0
"""counted.py — runs the unittest cases of a module; it ends with `N passed, N failed, N skipped`."""
import sys
import unittest


def main(module):
    cases = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(cases)
    for case, why in result.skipped:
        print(f"SKIPPED: {case.id()}: {why}")
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not result.testsRun else 0
