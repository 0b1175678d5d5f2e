# SPDX-License-Identifier: Apache-2.0
"""preload.py — whether this build's preload library can be put into other programs."""
import pathlib

SANITIZED = "the preload library has a sanitizer in it, which must be in the program from its start"


def is_sanitized(build):
    return b"__asan_init" in (pathlib.Path(build) / "libsluice_preload.so").read_bytes()
