# SPDX-License-Identifier: Apache-2.0
"""hugepages.py — reserves 2 MiB pages for the length of a benchmark where that is allowed, and gives them back."""
import contextlib
import os
import subprocess

COUNT = "/proc/sys/vm/nr_hugepages"
MOUNT = "/dev/hugepages"  # where EAL looks, as it looks at every hugetlbfs that is mounted


def free():
    with open("/proc/meminfo") as f:
        return next((int(line.split()[1]) for line in f if line.startswith("HugePages_Free")), 0)


def read():
    with open(COUNT) as f:
        return int(f.read())


def write(count):
    with open(COUNT, "w") as f:
        f.write(str(count))


def mounted():
    with open("/proc/mounts") as f:
        return any(line.split()[2] == "hugetlbfs" for line in f)


def mount(note):
    """Mounts a hugetlbfs; True when one is there and ours to unmount."""
    try:
        os.makedirs(MOUNT, exist_ok=True)
        done = subprocess.run(["mount", "-t", "hugetlbfs", "none", MOUNT], capture_output=True, text=True)
        why = done.stderr.strip()
    except OSError as error:
        why = error.strerror
    if why:
        note(f"no hugetlbfs can be mounted ({why})")
    return not why


@contextlib.contextmanager
def reserved(wanted, note):
    """Yields True when `wanted` pages are free. What was reserved here is given back at the end."""
    before, missing = read(), wanted - free()
    if missing > 0:
        try:
            write(before + missing)
        except OSError as error:
            note(f"no hugepages could be reserved ({error.strerror}): every figure is without")
    mounted_here = not mounted() and mount(note)
    good = free() >= wanted and mounted()
    if not good:
        note(f"{free()} of {wanted} hugepages are free: every figure is without hugepages")
    try:
        yield good
    finally:
        if mounted_here:
            subprocess.run(["umount", MOUNT], capture_output=True)
        if missing > 0 and read() > before:
            write(before)
