#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""memif_test.py — perf/gen -> memif -> sluiced -> back: every frame is accounted for on both sides of the wire.
`memif_test.py SOURCE_ROOT BUILD_ROOT`.

A frame may be lost only where somebody says so: by a drop counter of sluiced, or because one of the two processes did
not run for longer than a ring lasts at the offered rate. Generator and workers share two CPUs with everything else.
"""
import os
import pathlib
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
os.environ["SLUICE_BUILD"] = str(BUILD)
sys.path[:0] = [str(SOURCE / part) for part in ("tools/lib", "perf/lib", "tests/support")]

import generator  # noqa: E402
from appliance import Appliance, accounting_faults  # noqa: E402
from counted import main  # noqa: E402

RATE_MPPS = 0.05
RING_LASTS_US = 1024 / RATE_MPPS
CONFIGURATION = """version: 1
eal: {{ file-prefix: {prefix}, memory: {{ mode: no-huge }} }}
workers: {{ list: [ {workers} ] }}
ports:
  list:
{ports}
programs:
  - {{ name: p, object: {build}/perf/rates/{program}.bpf.o }}
{maps}attachments:
  - {{ hook: xdp, port: a0, program: p }}
"""
CROSSED = "maps:\n  - { name: to, entries: [ { key: 1, value: a1 } ] }\n"


class Memif(unittest.TestCase):
    def run_traffic(self, program, workers, links, maps=""):
        """Sends two seconds of frames of 50 flows into port a0. Returns (generator's report, ports, workers)."""
        with tempfile.TemporaryDirectory(prefix="memif-") as folder:
            ports = [f"    - {{ name: a{n}, kind: memif, socket: {folder}/m{n}.sock, role: server, ifindex: {n + 1}"
                     + (f", queues: [ {{ id: 0, worker: w{n % len(workers)} }} ] }}") for n in range(links)]
            config = CONFIGURATION.format(
                prefix=os.path.basename(folder), build=BUILD, program=program, maps=maps, ports="\n".join(ports),
                workers=", ".join(f"{{ name: {name}, cpu: {cpu} }}" for name, cpu in workers))
            appliance = Appliance(config=config, build=BUILD)
            with appliance:
                devices = [f"net_memif{n},role=client,id=0,socket={folder}/m{n}.sock,socket-abstract=no,rsize=10"
                           for n in range(links)]
                report = generator.run(devices, False, 2, "--rate", str(RATE_MPPS), "--flows", "50", "--size", "imix",
                                       "--file-prefix", os.path.basename(folder) + "-gen")
                books, workers_seen = appliance.ports(), appliance.ask("worker", "show")
            self.assertEqual(0, appliance.exit_code, appliance.output)
        return report, books, workers_seen

    def check(self, report, ports, workers, leaves_by):
        sent = report["sent"] + report["warmup_sent"]
        entry = ports["a0"]["accounting"]
        self.assertGreater(report["sent"], 10_000)
        self.assertEqual([], accounting_faults(ports))
        self.assertEqual(sent, entry["received"] + ports["a0"]["device"]["rx_missed"])
        self.assertEqual(entry["received"], sum(entry["sent"].values()) + sum(entry["dropped"].values()))
        back = report["received"] - report["duplicates"] - report["too_late"]
        self.assertEqual(ports[leaves_by]["transmitted"]["packets"], back)
        self.assertEqual((0, 0, 0, 0), tuple(report[k] for k in ("duplicates", "too_late", "reordered", "foreign")))
        self.assertEqual(report["lost"], sum(entry["dropped"].values()))
        gap_us = max([report["longest_gap_us"], *(w["longest_gap_ns"] / 1e3 for w in workers)])
        if gap_us < RING_LASTS_US:
            self.assertEqual(0, report["lost"], f"longest gap {gap_us:.0f} us")
        print(f"{sent} sent, {back} back, lost {report['lost']}, longest gap {gap_us:.0f} us")

    def test_what_is_sent_back_is_what_was_sent(self):
        report, ports, workers = self.run_traffic("macswap", [("w0", 1)], 1)
        self.assertEqual(ports["a0"]["received"]["packets"], ports["a0"]["verdicts"]["tx"])
        self.check(report, ports, workers, "a0")

    def test_between_two_workers_nothing_is_lost_unsaid_or_out_of_order(self):
        if os.cpu_count() < 2:
            self.skipTest("two workers need two CPUs")
        report, ports, workers = self.run_traffic("redirect", [("w0", 0), ("w1", 1)], 2, CROSSED)
        self.assertEqual(ports["a0"]["received"]["packets"], ports["a0"]["verdicts"]["redirect"])
        self.check(report, ports, workers, "a1")


if __name__ == "__main__":
    sys.exit(main(__name__))
