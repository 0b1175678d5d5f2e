#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""links_test.py — a running sluiced: the program of a port is a link, for its own command line and for bpftool.
`links_test.py SOURCE_ROOT BUILD_ROOT`."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "tests/support"), str(SOURCE / "tests/e2e")]

from appliance import Appliance  # noqa: E402
import preload  # noqa: E402
from counted import main  # noqa: E402

CONFIG = """version: 1
eal: {{ file-prefix: sluice-{prefix} }}
pins: {{ root: {folder}/pins }}
ports:
  list:
    - {{ name: in, kind: pcap, rx-file: {source}/examples/firewall/capture.pcap, loop: true }}
    - {{ name: idle, kind: "null" }}
programs:
  - {{ name: firewall, object: {build}/examples/firewall/firewall.bpf.o }}
attachments:
  - {{ hook: xdp, port: in, program: firewall }}
"""


class Links(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="links-")
        self.addCleanup(folder.cleanup)
        text = CONFIG.format(prefix=pathlib.Path(folder.name).name, folder=folder.name, source=SOURCE, build=BUILD)
        self.appliance = Appliance(config=text, build=BUILD).__enter__()
        self.addCleanup(self.appliance.__exit__)

    def runs(self):
        return self.appliance.ask("prog", "show", "name", "firewall")["run_cnt"]

    def test_the_program_of_a_port_is_a_link_and_detaching_it_stops_it(self):
        ask = self.appliance.ask
        links = ask("link", "show")
        self.assertEqual(1, len(links))
        program = ask("prog", "show", "name", "firewall")
        self.assertEqual({"id": links[0]["id"], "type": "xdp", "prog_id": program["id"], "devname": "in", "ifindex": 1},
                         links[0])
        before, until = self.runs(), time.monotonic() + 10
        while self.runs() == before:
            self.assertLess(time.monotonic(), until, "the program does not run")
        ask("link", "detach", "id", str(links[0]["id"]))
        stopped = self.runs()
        time.sleep(0.2)
        self.assertEqual(stopped, self.runs())
        left = ask("link", "show", "id", str(links[0]["id"]))
        self.assertEqual((0, "(unknown)", program["id"]), (left["ifindex"], left["devname"], left["prog_id"]))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("bpftool"), "needs root and bpftool")
    @unittest.skipIf(preload.is_sanitized(BUILD), preload.SANITIZED)
    def test_bpftool_sees_the_link_pins_it_and_detaches_it(self):
        def bpftool(*words):
            command = [str(BUILD / "sluice"), "exec", "-s", str(self.appliance.socket), "--", "bpftool", "-j", *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            return done.returncode, json.loads(done.stdout or "null")
        mine = self.appliance.ask("link", "show")[0]
        code, seen = bpftool("link", "show")
        self.assertEqual(0, code)
        self.assertEqual([(mine["id"], "xdp", mine["prog_id"])], [(l["id"], l["type"], l["prog_id"]) for l in seen])
        number = str(mine["id"])
        self.assertEqual(0, bpftool("link", "pin", "id", number, "/sys/fs/bpf/firewall")[0])
        self.assertEqual(1, len(self.appliance.ask("link", "show", "id", number)["pinned"]))
        self.assertEqual(mine["id"], self.appliance.ask("link", "show", "pinned", "/sys/fs/bpf/firewall")["id"])
        self.assertEqual(0, bpftool("link", "detach", "id", number)[0])
        self.assertEqual(0, self.appliance.ask("link", "show", "id", number)["ifindex"])
        self.assertNotEqual(0, bpftool("link", "detach", "id", "987654")[0])


if __name__ == "__main__":
    sys.exit(main(__name__))
