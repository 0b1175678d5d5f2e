# SPDX-License-Identifier: Apache-2.0
"""cpu_clock.py — the CPU time of a process's threads: on a machine with other work, a rate counts the time it had."""
import os


def thread_seconds(pid):
    """CPU seconds of each thread so far, by thread id."""
    seconds = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                seconds[thread] = int(file.read().split()[0]) / 1e9
        except FileNotFoundError:
            pass  # it has just ended
    return seconds


def busiest(before, after):
    """What the thread that worked most had in between: the one that polls."""
    return max(seconds - before.get(thread, 0) for thread, seconds in after.items())
