#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""netlink_test.py — ip, bpftool net, xdp-loader and xdp-filter of Debian, unmodified, on a veth of the host's kernel
and on a port of Sluice: exit code and output are equal. `netlink_test.py SOURCE_ROOT BUILD_ROOT`."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE, BUILD = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path[:0] = [str(SOURCE / "tools/lib"), str(SOURCE / "tests/support"), str(SOURCE / "tests/e2e")]

from appliance import Appliance  # noqa: E402
from bpftool_sides import Sluice  # noqa: E402
import preload  # noqa: E402
from counted import main  # noqa: E402

CONFIG = """version: 1
eal: {{ file-prefix: sluice-{prefix} }}
pins: {{ root: {folder}/pins }}
ports:
  list:
    - {{ name: v1, kind: "null", ifindex: 2 }}
    - {{ name: v0, kind: "null", ifindex: 3 }}
    - {{ name: busy, kind: pcap, rx-file: {source}/examples/firewall/capture.pcap, loop: true, ifindex: 4 }}
"""
TOOLS = ("ip", "bpftool", "xdp-loader", "xdp-filter", "nsenter", "unshare")
# Two devices of one pair: the same names and numbers as the ports. Nothing but the test talks on them.
HOST = """mount -t bpf bpf /sys/fs/bpf && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 &&
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 &&
ip link add v0 index 3 numtxqueues 1 numrxqueues 1 type veth peer name v1 index 2 numtxqueues 1 numrxqueues 1 &&
ip link set v0 up && ip link set v1 up && echo ready && exec sleep 100000"""
PROGRAMS = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "GPL";
"""
# What two hosts cannot have in common: numbers given out in order, addresses, and that a veth has a peer.
UNEQUAL = [(re.compile(r"\b(id|ID:?) +\d+"), r"\1 N"), (re.compile(r'"id": ?\d+'), '"id":N'),
           (re.compile(r"(native|skb) +\d+ +"), r"\1 N "), (re.compile(r"xdp(\w*)/id:\d+"), r"xdp\1/id:N"),
           (re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}"), "MAC"),
           (re.compile(r"v0@v1"), "v0"), (re.compile(r"v1@v0"), "v1"), (re.compile(r'"link": ?"v[01]",'), "")]
ROWS = {"equal": 0}


class Host:
    def __init__(self):
        self.keeper = subprocess.Popen(["unshare", "-m", "-n", "sh", "-c", HOST], stdout=subprocess.PIPE)
        if self.keeper.stdout.readline() != b"ready\n":
            raise RuntimeError("no network of its own could be made")
        self.prefix = ["nsenter", "-t", str(self.keeper.pid), "-m", "-n", f"--wd={os.getcwd()}", "--"]

    def close(self):
        self.keeper.terminate()
        self.keeper.wait()
        self.keeper.stdout.close()


def plain(text):
    for pattern, word in UNEQUAL:
        text = pattern.sub(word, text)
    return text


@unittest.skipIf(preload.is_sanitized(BUILD), preload.SANITIZED)
@unittest.skipUnless(os.geteuid() == 0 and all(map(shutil.which, TOOLS)), f"needs root and {', '.join(TOOLS)}")
class Netlink(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="netlink-")
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.appliance = Appliance(config=CONFIG.format(prefix=cls.folder.name, folder=cls.folder, source=SOURCE),
                                  build=BUILD).__enter__()
        cls.host = Host()
        cls.sluice = Sluice(BUILD, cls.appliance.socket)
        cls.object = cls.folder / "pass.bpf.o"
        source = cls.folder / "pass.bpf.c"
        source.write_text(PROGRAMS)
        subprocess.run(["clang-19", "-O2", "-g", "-target", "bpf", f"-I/usr/include/{os.uname().machine}-linux-gnu",
                        "-c", source, "-o", cls.object], check=True)
        cls.outside = cls.seen_outside()

    @classmethod
    def tearDownClass(cls):
        cls.host.close()
        outside = cls.seen_outside()
        cls.appliance.__exit__()
        cls.scratch.cleanup()
        if outside != cls.outside:
            raise AssertionError(f"the host's own devices changed: {cls.outside}, now {outside}")
        if cls.appliance.exit_code != 0:
            raise AssertionError(f"the accounting does not close: {cls.appliance.output[-2000:]}")

    def tearDown(self):
        for side in (self.host, self.sluice):
            for kind in ("xdpgeneric", "xdpdrv"):
                self.run_on(side, "ip", "link", "set", "dev", "v0", kind, "off")

    @staticmethod
    def seen_outside():
        return subprocess.run(["bpftool", "-j", "net", "show"], capture_output=True, text=True).stdout

    def run_on(self, side, *words, **environment):
        done = subprocess.run([*side.prefix, *map(str, words)], capture_output=True, text=True, timeout=280,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})
        return done.returncode, plain(done.stdout), done.stderr

    def row(self, *words, code=None, **environment):
        """One row: must be equal. Returns what was said."""
        host, ours = (self.run_on(side, *words, **environment) for side in (self.host, self.sluice))
        self.assertEqual(host[:2], ours[:2], f"{' '.join(map(str, words))}\nhost: {host[2]}\nsluice: {ours[2]}")
        if code is not None:
            self.assertEqual(code, ours[0], ours)
        ROWS["equal"] += 1
        return ours[1]

    def test_every_combination_of_flags_and_descriptors_has_the_hosts_answer(self):
        probe = SOURCE / "tests/e2e/netlink_probe.py"
        answers = [self.run_on(side, "/usr/bin/python3", probe, "v0") for side in (self.host, self.sluice)]
        for code, _, said in answers:
            self.assertEqual(0, code, said)
        theirs, ours = (answer[1].splitlines() for answer in answers)
        self.assertGreater(len(theirs), 1600)
        different = [f"host {h}; sluice {o}" for h, o in zip(theirs, ours) if h != o]
        self.assertEqual(([], len(theirs)), (different[:20], len(ours)))
        ROWS["equal"] += len(theirs)

    def test_ip_lists_ports_and_sets_programs(self):
        show = lambda: [self.row("ip", *words, "dev", "v0") for words in (["link", "show"], ["-j", "link", "show"],
                                                                          ["-o", "link", "show"], ["addr", "show"])]
        show()
        self.row("ip", "link", "show", "dev", "v1")
        self.row("ip", "link", "show", "dev", "nobody", code=1)
        for kind in ("xdp", "xdpgeneric", "xdpdrv"):
            self.row("ip", "link", "set", "dev", "v0", kind, "obj", self.object, "sec", "xdp", code=0)
            self.assertIn("prog/xdp", show()[0])
            self.row("ip", "link", "set", "dev", "v0", kind, "obj", self.object, "sec", "xdp", code=2)
            self.row("ip", "-force", "link", "set", "dev", "v0", kind, "obj", self.object, "sec", "xdp", code=0)
            for other in {"xdpgeneric", "xdpdrv"} - {kind}:
                self.row("ip", "-force", "link", "set", "dev", "v0", other, "obj", self.object, "sec", "xdp")
                self.row("ip", "link", "set", "dev", "v0", other, "off")
            show()
            self.row("ip", "link", "set", "dev", "v0", kind, "off", code=0)
            self.assertNotIn("prog/xdp", show()[0])
        self.row("ip", "link", "set", "dev", "v0", "xdp", "off", code=0)
        self.row("ip", "link", "set", "dev", "v0", "xdp", "obj", "/no/such/object", "sec", "xdp")
        self.row("ip", "link", "set", "dev", "v0", "up", code=0)
        self.row("ip", "link", "set", "dev", "nobody", "up", code=1)

    def test_bpftool_net_attaches_shows_and_detaches(self):
        tool = lambda *words, **more: self.row("bpftool", "-j", *words, **more)
        pin = "/sys/fs/bpf/net_pass"
        tool("prog", "load", self.object, pin, code=0)
        tool("net", "show")
        for kind in ("xdp", "xdpgeneric", "xdpdrv", "xdpoffload"):
            tool("net", "attach", kind, "pinned", pin, "dev", "v0")
            tool("net", "attach", kind, "pinned", pin, "dev", "v0")
            tool("net", "attach", kind, "pinned", pin, "dev", "v0", "overwrite")
            tool("net", "show")
            tool("net", "show", "dev", "v0")
            tool("net", "show", "dev", "v1")
            self.row("bpftool", "net", "list")
            for other in ("xdpgeneric", "xdpdrv"):
                tool("net", "attach", other, "pinned", pin, "dev", "v0")
            tool("net", "detach", kind, "dev", "v0")
            tool("net", "detach", kind, "dev", "v0")
            tool("net", "detach", "xdpgeneric", "dev", "v0")
            tool("net", "detach", "xdp", "dev", "v0")
            tool("net", "show")
        tool("net", "attach", "xdp", "pinned", pin, "dev", "nobody")
        tool("net", "detach", "xdp", "dev", "nobody")
        self.row("rm", pin, code=0)

    def test_xdp_loader_loads_shows_and_unloads_single_programs(self):
        loader = lambda *words, **more: self.row("xdp-loader", *words, LIBXDP_SKIP_DISPATCHER="1", **more)
        loader("status", "v0", code=0)
        for mode in ("native", "skb", "unspecified"):
            loader("load", "v0", self.object, "-m", mode, code=0)
            self.assertIn("pass", loader("status", "v0", code=0))
            loader("load", "v0", self.object, "-m", mode)
            loader("unload", "v0", "--id", "99999999")
            loader("unload", "v0", "--all", code=0)
            loader("unload", "v0", "--all")
        loader("load", "v0", self.object, "-m", "hw")
        loader("load", "nobody", self.object)
        loader("status", "v0", code=0)

    def test_xdp_filter_is_loaded_set_and_unloaded(self):
        tool = lambda *words, **more: self.row("xdp-filter", *words, LIBXDP_SKIP_DISPATCHER="1", **more)
        tool("status")
        tool("load", "v0", "-m", "native", code=0)
        tool("load", "v0", "-m", "native")
        tool("status", code=0)
        for words in (["port", "53"], ["port", "80", "-p", "tcp", "-m", "src,dst"], ["ip", "10.0.0.1"],
                      ["ip", "fc00::1", "-m", "src"], ["ether", "00:11:22:aa:bb:cc"], ["port", "70000"],
                      ["ip", "10.0.0.1", "-r"], ["port", "53", "-r"]):
            tool(*words, "-s")
        tool("status", code=0)
        tool("unload", "v0", code=0)
        tool("unload", "v0")
        tool("load", "v0", "-m", "skb", "-f", "ipv4", "-p", "deny", code=0)
        tool("status", code=0)
        tool("unload", "--all", code=0)
        tool("status")

    def test_xdp_filter_filters_what_a_port_receives(self):
        ours = lambda *words: self.run_on(self.sluice, "xdp-filter", *words)
        drops = lambda: self.appliance.ports()["busy"]["verdicts"]["drop"]
        self.assertEqual(0, ours("load", "busy", "-f", "ipv4,udp", "-p", "deny")[0])
        try:
            before = drops()
            self.wait(lambda: drops() > before + 100)
            said = ours("status")[1]
            self.assertRegex(said, r"XDP_DROP +[1-9]\d* pkts")
        finally:
            self.assertEqual(0, ours("unload", "busy")[0])

    def test_without_a_dispatcher_xdp_loader_loads_one_program_and_refuses_two(self):
        code, _, said = self.run_on(self.sluice, "xdp-loader", "load", "-vv", "v0", self.object)
        self.assertEqual(0, code, said)
        self.assertIn("Falling back to loading single prog without dispatcher", said)
        self.assertNotEqual(0, self.run_on(self.sluice, "xdp-loader", "load", "v0", self.object)[0])
        self.assertEqual(0, self.run_on(self.sluice, "xdp-loader", "unload", "v0", "--all")[0])

    def test_what_ports_do_not_have_is_refused_in_words(self):
        for words, sentence in ((["ip", "link", "set", "dev", "v0", "mtu", "1400"], "configuration file"),
                                (["ip", "link", "set", "dev", "v0", "down"], "ports are up"),
                                (["ip", "link", "add", "d0", "type", "dummy"], "made by the configuration file"),
                                (["ip", "link", "del", "dev", "v0"], "not for Sluice's ports")):
            code, _, said = self.run_on(self.sluice, *words)
            self.assertEqual(2, code, words)
            self.assertIn(sentence, said, words)

    def wait(self, condition, seconds=20):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, "it does not happen")
            time.sleep(0.05)


if __name__ == "__main__":
    code = main(__name__)
    print(f"rows equal on a veth of the host and on a port: {ROWS['equal']}")
    sys.exit(code)
