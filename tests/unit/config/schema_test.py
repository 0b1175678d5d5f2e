#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""config/schema/v1.json as editors use it: a valid draft-7 schema that takes the good cases and refuses the bad.

    schema_test.py SCHEMA CASES_DIR

Exit 77 (skipped) without python3-jsonschema or python3-yaml.
"""
import json
import pathlib
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

# PyYAML reads YAML 1.1: there yes is true, and a tab cannot stand between brackets.
YAML_1_1 = {"yes is not true", "a tab before a mistake does not move the caret"}


def cases(path):
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        name, _, body = block.partition("\n")
        text, _, expected = body.partition(">>>\n")
        yield name, text, expected


def main(schema_path, cases_dir):
    schema = json.loads(pathlib.Path(schema_path).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    faults, taken, refused = [], 0, 0
    for path in sorted(pathlib.Path(cases_dir).glob("*.cases")):
        for name, text, expected in cases(path):
            if " error: " in expected and path.name != "keys.cases" or name in YAML_1_1:
                continue
            errors = [e.message for e in validator.iter_errors(yaml.safe_load(text))]
            if " error: " in expected:
                refused += 1
                if not errors:
                    faults.append(f"{path.name}: {name}: the schema takes it")
            else:
                taken += 1
                if errors:
                    faults.append(f"{path.name}: {name}: {errors}")
    print(f"{taken} good cases taken, {refused} bad ones refused, {len(faults)} faults", *faults, sep="\n")
    return 1 if faults or taken < 8 or refused < 30 else 0


sys.exit(main(*sys.argv[1:]))
