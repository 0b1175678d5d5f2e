# SPDX-License-Identifier: Apache-2.0
"""testpmd.py — DPDK's own forwarder as the rival: in interactive mode, driven by commands, its counters read twice."""
import os
import re
import selectors
import subprocess
import time

from cpu_clock import busiest, thread_seconds

BINARY = "dpdk-testpmd"
PROMPT = b"testpmd> "


class Testpmd:
    """`vdevs` as EAL writes them. Forwards on CPU `cpu`; the console sleeps on `main_cpu`."""

    def __init__(self, vdevs, huge, cpu=1, main_cpu=0, prefix="sluice-testpmd", eal=(), options=()):
        # Into a pipe its counters would stay in a buffer; stdbuf makes it print each line at once.
        command = ["stdbuf", "-oL", BINARY, "--no-pci", "--no-telemetry", "--file-prefix", prefix,
                   "--lcores", f"0@{main_cpu},1@{cpu}", "--log-level",
                   "error", *([] if huge else ["--no-huge", "-m", "512"]), *eal]
        for vdev in vdevs:
            command += ["--vdev", vdev]
        command += ["--", "-i", "--total-num-mbufs=16384", "--no-mlockall", *options]
        self.command, self.printed = command, b""

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=0)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self._read_prompt(30)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.process.stdin.write(b"stop\nquit\n")
                self.process.wait(15)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                self.process.kill()
                self.process.wait()
        self.selector.close()
        self.process.stdin.close()
        self.process.stdout.close()

    def _read_prompt(self, seconds):
        until, text = time.monotonic() + seconds, b""
        while not text.endswith(PROMPT):
            left = until - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                raise RuntimeError(f"testpmd does not answer; last: {text[-300:].decode(errors='replace')}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise RuntimeError(f"testpmd ended: {text[-500:].decode(errors='replace')}")
            text += piece
        return text.decode(errors="replace")

    def say(self, line, seconds=10):
        self.process.stdin.write(line.encode() + b"\n")
        return self._read_prompt(seconds)

    def start(self, mode, *before):
        self.say(f"set fwd {mode}")
        for line in before:
            answer = self.say(line)
            if "rror" in answer or "failed" in answer:
                raise RuntimeError(f"testpmd: {line}: {answer.strip()[-200:]}")
        self.say("start")

    def received(self):
        """Frames received by all ports so far."""
        answer = self.say("show port stats all")
        return sum(int(n) for n in re.findall(r"RX-packets:\s*(\d+)", answer))

    def receive_mpps(self, seconds):
        """Rate of frames received, per second that the forwarding thread had of its CPU."""
        before, count_0 = thread_seconds(self.process.pid), self.received()
        time.sleep(seconds)
        after, count_1 = thread_seconds(self.process.pid), self.received()
        return (count_1 - count_0) / busiest(before, after) / 1e6
