#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_tree.py — holds the source tree to its rules. `check_tree.py SOURCE_ROOT BUILD_ROOT`; each rule is one case."""
import functools
import sys

from checks import headers, layers, packages, rows, text
from checks.tree import Tree

# sentence, check
RULES = [
    ("folders include only what their layer may", layers.check_directions),
    ("foreign headers stay in the folders that own them", layers.check_foreign),
    ("every source begins with its licence line", text.check_spdx),
    ("every source keeps within the bounds of width and length", text.check_bounds),
    ("nothing is left to be done in a comment", text.check_leftovers),
    ("every relative link of a page leads somewhere", text.check_links),
    ("every working type has its file and its test", rows.check_types),
    ("every working helper has its body and its test", rows.check_helpers),
    ("the parity page is what the tables say", rows.check_parity),
    ("packages.txt names everything that scripts and the build use", packages.check_packages),
]


def main():
    tree, build = Tree(sys.argv[1]), sys.argv[2]
    rules = [*RULES, ("every header compiles alone", functools.partial(headers.check_headers, build=build))]
    failed = 0
    for sentence, check in rules:
        findings = list(check(tree))
        failed += bool(findings)
        print(("FAILED  " if findings else "ok      ") + sentence)
        for finding in findings:
            print(f"  {finding.path}:{finding.line}: {finding.what}")
    print(f"{len(rules) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
