#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""digest.py OUTPUT INPUT… — writes a C++ source that defines sluice_jit_digest: a digest of all inputs."""
import hashlib
import pathlib
import sys

output, *inputs = sys.argv[1:]
digest = hashlib.sha256()
for source in sorted(inputs, key=lambda path: pathlib.Path(path).name):
    contents = pathlib.Path(source).read_bytes()
    digest.update(f"{pathlib.Path(source).name} {len(contents)}\n".encode() + contents)
pathlib.Path(output).write_text(f"""// SPDX-License-Identifier: Apache-2.0
extern "C" const char sluice_jit_digest[];
const char sluice_jit_digest[] = "{digest.hexdigest()}";
""")
