#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bpf_abi_test.py — bpf(2) through `sluice exec` beside the host's: sizes of attr, bytes behind it, addresses that are
not there, descriptors that are none, flags. `bpf_abi_test.py SOURCE_ROOT BUILD_ROOT`."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "tests/support"), str(SOURCE / "tests/e2e")]

from appliance import Appliance  # noqa: E402
from bpftool_sides import Host, Sluice  # noqa: E402
import preload  # noqa: E402
from counted import main  # noqa: E402

CONFIG = """version: 1
eal: {{ file-prefix: sluice-{prefix} }}
pins: {{ root: {folder}/pins }}
ports:
  list:
    - {{ name: in, kind: "null" }}
"""

# question: why the answers differ. One that does not differ any more fails the test.
KNOWN = {}


@unittest.skipIf(preload.is_sanitized(BUILD), preload.SANITIZED)
@unittest.skipUnless(os.geteuid() == 0, "needs root: the host is asked the same")
class BpfAbi(unittest.TestCase):
    def test_every_question_has_the_hosts_answer(self):
        with tempfile.TemporaryDirectory(prefix="abi-") as folder:
            config = CONFIG.format(prefix=pathlib.Path(folder).name, folder=folder)
            with Appliance(config=config, build=BUILD) as appliance:
                host = Host()
                try:
                    answers = [self.ask(side) for side in (host, Sluice(BUILD, appliance.socket))]
                finally:
                    host.close()
        theirs, ours = answers
        self.assertEqual(list(theirs), list(ours))
        self.assertGreater(len(theirs), 1000)
        different = {q for q in theirs if theirs[q] != ours[q]}
        print(f"{len(theirs)} questions, {len(theirs) - len(different)} equal answers, {len(KNOWN)} known to differ")
        new = [f"{q}: host {theirs[q]}, sluice {ours[q]}" for q in theirs if q in different - set(KNOWN)]
        self.assertEqual([], new, "\n" + "\n".join(new))
        self.assertEqual(set(), set(KNOWN) - different)

    def ask(self, side):
        done = subprocess.run([*side.prefix, "/usr/bin/python3", str(SOURCE / "tests/e2e/bpf_abi_probe.py")],
                              capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL)
        self.assertEqual(0, done.returncode, done.stderr)
        return dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main(__name__))
