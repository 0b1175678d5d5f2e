# SPDX-License-Identifier: Apache-2.0
"""appliance.py — runs sluiced on a configuration and reads its counters through sluice: for demo, tests, benchmarks."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from builds import BUILD
from cpu_clock import busiest, thread_seconds


class Appliance:
    """A context: sluiced is up inside and gone outside.

    `config` is YAML text, `file` a file instead of it. `show`: sluiced keeps the terminal, live table and all.
    `until_drained` lets it end by itself. After the context: `exit_code`, and `output` unless `show`.
    """

    def __init__(self, config=None, file=None, build=BUILD, options=(), show=False, start_s=60):
        self.config, self.file, self.options, self.show, self.start_s = config, file, list(options), show, start_s
        self.build = pathlib.Path(build)
        self.exit_code, self.output = None, ""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-run-")
        base = pathlib.Path(self.folder.name)
        self.socket, self.log = base / "sluice.sock", base / "log"
        if self.file is None:
            self.file = base / "sluice.yaml"
            self.file.write_text(self.config)
        program = self.build / "sluiced"
        if not os.access(program, os.X_OK):
            raise RuntimeError(f"{program} is not built")
        quiet = [] if self.show else ["-q"]
        command = [str(program), "-c", str(self.file), "-s", str(self.socket), *quiet, *self.options]
        with open(self.log, "wb") as log:
            streams = {} if self.show else {"stdout": log, "stderr": subprocess.STDOUT}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **streams)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self):
        until = time.monotonic() + self.start_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"sluiced exit {self.process.returncode}: {self.said()[-800:]}")
            if self.socket.exists() and self.ask("port", "show", check=False) is not None:
                return
            time.sleep(0.02)
        raise RuntimeError(f"sluiced does not answer within {self.start_s} s: {self.said()[-800:]}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.exit_code, self.output = self.process.returncode, self.said()
        self.folder.cleanup()

    def said(self):
        return self.log.read_text(errors="replace")

    def ask(self, *words, check=True):
        """What `sluice -j WORDS` answers; None when it fails and `check` is off."""
        command = [str(self.build / "sluice"), "-j", "-s", str(self.socket), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if done.returncode == 0:
            return json.loads(done.stdout)
        if check:
            said = (done.stdout + done.stderr).strip()[-300:]
            raise RuntimeError(f"sluice {' '.join(words)}: exit {done.returncode}: {said}")
        return None

    def ports(self):
        return {port["name"]: port for port in self.ask("port", "show")}

    def drained(self, port, packets, seconds=30):
        """Counters of all ports once `port` has received `packets` and nothing is held; raises if it takes too long."""
        until = time.monotonic() + seconds
        while True:
            ports = self.ports()
            held = sum(p["accounting"]["held"] for p in ports.values())
            if ports[port]["received"]["packets"] >= packets and not held:
                return ports
            if time.monotonic() > until:
                raise RuntimeError(f"{port} received {ports[port]['received']['packets']} of {packets} in {seconds} s")
            time.sleep(0.05)

    def received(self):
        """(seconds on the clock, frames received by all ports so far, verdicts of all ports so far)."""
        ports = self.ports().values()
        verdicts = {}
        for port in ports:
            for name, count in port["verdicts"].items():
                verdicts[name] = verdicts.get(name, 0) + count
            verdicts["tc pass"] = verdicts.get("tc pass", 0) + port["tc"]["ingress"]["pass"]
        received = sum(p["received"]["packets"] for p in ports)
        return time.monotonic(), received, verdicts

    def receive_mpps(self, seconds, verdict):
        """Rate of frames received, per second that the worker had of its CPU.

        All of them must have got `verdict` meanwhile: the program did its work.
        """
        cpu_0, (_, count_0, before) = thread_seconds(self.process.pid), self.received()
        time.sleep(seconds)
        cpu_1, (_, count_1, after) = thread_seconds(self.process.pid), self.received()
        judged = after.get(verdict, 0) - before.get(verdict, 0)
        if count_1 == count_0 or judged < 0.99 * (count_1 - count_0):
            raise RuntimeError(f"{judged} of {count_1 - count_0} frames had verdict {verdict}")
        return (count_1 - count_0) / busiest(cpu_0, cpu_1) / 1e6


def accounting_faults(ports):
    """What does not add up in `port show`: by port of entry, and by port of exit. Empty when the accounting closes."""
    faults, sent_to = [], dict.fromkeys(ports, 0)
    for name, port in ports.items():
        books = port["accounting"]
        entered = books["received"] + books["cloned"] + books["originated"]
        left = sum(books["sent"].values()) + sum(books["dropped"].values()) + books["delivered"] + books["held"]
        left += books.get("consumed", 0)
        if entered != left:
            faults.append(f"{name}: {entered} entered, {left} accounted for")
        for target, count in books["sent"].items():
            sent_to[target] += count
    for name, count in sent_to.items():
        transmitted = ports[name]["transmitted"]["packets"]
        if transmitted != count:
            faults.append(f"{name}: {count} were sent to it, {transmitted} transmitted")
    return faults
