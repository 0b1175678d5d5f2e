#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""exec_test.py — `sluice exec`: exit codes, what a program sees, and programs that are rough with their descriptors.
`exec_test.py SOURCE_ROOT BUILD_ROOT`."""
import os
import pathlib
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
    - {{ name: wan, kind: pcap, rx-file: {source}/examples/firewall/capture.pcap, loop: true, on-pass: forward lan }}
    - {{ name: lan, kind: "null", ifindex: 7 }}
"""

# bpf(2) in Python, as any program with libc calls it.
CALLS = """
import ctypes, errno, mmap, os, socket, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
CREATE, LOOKUP, UPDATE, DELETE, NEXT, PIN, GET = 0, 1, 2, 3, 4, 6, 7
def bpf(cmd, attr):
    attr = ctypes.create_string_buffer(attr + bytes(144 - len(attr)), 144)
    rc = libc.syscall(ctypes.c_long(321), ctypes.c_long(cmd), attr, ctypes.c_long(144))
    return rc if rc >= 0 else -ctypes.get_errno()
def make(kind=1, key=4, value=4, entries=4096, flags=0):
    return bpf(CREATE, struct.pack("IIIII", kind, key, value, entries, flags))
def element(cmd, fd, key, value=0, flags=0):
    k, v = ctypes.c_uint32(key), ctypes.c_uint32(value)
    rc = bpf(cmd, struct.pack("IIQQQ", fd, 0, ctypes.addressof(k), ctypes.addressof(v), flags))
    return v.value if cmd == LOOKUP and rc == 0 else rc
def path(cmd, name, fd=0):
    text = ctypes.create_string_buffer(name.encode())
    return bpf(cmd, struct.pack("QII", ctypes.addressof(text), fd, 0))
"""


@unittest.skipIf(preload.is_sanitized(BUILD), preload.SANITIZED)
class Exec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="exec-")
        cls.pins = pathlib.Path(cls.folder.name) / "pins"
        cls.text = CONFIG.format(prefix=pathlib.Path(cls.folder.name).name, folder=cls.folder.name, source=SOURCE)
        cls.appliance = Appliance(config=cls.text, build=BUILD).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.appliance.__exit__()
        cls.folder.cleanup()
        if cls.appliance.exit_code != 0:
            raise AssertionError(f"the accounting does not close: {cls.appliance.output[-2000:]}")

    def command(self, *words):
        return [str(BUILD / "sluice"), "exec", "-s", str(self.appliance.socket), "--", *map(str, words)]

    def run_command(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=120)

    def python(self, body):
        done = self.run_command("/usr/bin/python3", "-c", CALLS + body)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.split()

    def test_the_exit_status_is_the_commands(self):
        self.assertEqual(0, self.run_command("true").returncode)
        self.assertEqual(3, self.run_command("sh", "-c", "exit 3").returncode)
        self.assertEqual(127, self.run_command("/no/such/command").returncode)
        self.assertEqual(126, self.run_command(self.folder.name).returncode)
        nobody = subprocess.run([str(BUILD / "sluice"), "exec", "-s", "/no/socket", "--", "true"], capture_output=True)
        self.assertEqual(69, nobody.returncode)
        self.assertEqual(2, subprocess.run([str(BUILD / "sluice"), "exec", "-x", "true"],
                                           capture_output=True).returncode)
        self.assertEqual(2, subprocess.run([str(BUILD / "sluice"), "-s", str(self.appliance.socket), "exec"],
                                           capture_output=True).returncode)

    def test_numbers_are_those_that_linux_would_give(self):
        self.assertEqual(["3", "4", "-9", "-22", "-2", "-22"], self.python("""
print(make(), make(), element(LOOKUP, 77, 1), element(LOOKUP, 0, 1), element(LOOKUP, 3, 1), bpf(9999, b""))"""))

    def test_copies_children_and_threads_share_a_handle(self):
        self.assertEqual(["5", "6", "5", "0"], self.python("""
fd = make()
element(UPDATE, fd, 1, 5)
print(element(LOOKUP, os.dup(fd), 1), flush=True)
if os.fork() == 0:
    element(UPDATE, fd, 2, 6)
    os._exit(0)
os.wait()
print(element(LOOKUP, fd, 2), element(LOOKUP, fd, 1))
wrong = []
def work(n):
    for i in range(200):
        element(UPDATE, fd, n * 200 + i, n)
        if element(LOOKUP, fd, n * 200 + i) != n: wrong.append((n, i))
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(wrong))"""))

    def test_who_closes_everything_is_not_written_to(self):
        target = pathlib.Path(self.folder.name) / "file"
        self.assertEqual(["3", "7", "True"], self.python(f"""
fd = make()
os.dup2(fd, 3)
os.closerange(4, 65536)
keep = [os.open({str(target)!r}, os.O_RDWR | os.O_CREAT) for _ in range(1010)]
print(fd, end=" ")
element(UPDATE, fd, 1, 7)
os.close(keep.pop())
os.close(keep.pop())
print(element(UPDATE, fd, 1, 7) or element(LOOKUP, fd, 1), os.path.getsize({str(target)!r}) == 0)"""))

    def test_memory_of_an_array_can_be_mapped(self):
        self.assertEqual(["9", "11"], self.python("""
fd = make(kind=2, value=4, entries=16, flags=1 << 10)
view = mmap.mmap(fd, 4096)
element(UPDATE, fd, 0, 9)
print(struct.unpack_from("I", view)[0])
struct.pack_into("I", view, 0, 11)
print(element(LOOKUP, fd, 0))"""))

    def test_devices_are_the_ports(self):
        self.assertEqual(["[(1,", "'wan'),", "(7,", "'lan')]", "7", "wan"], self.python("""
print(socket.if_nameindex(), socket.if_nametoindex("lan"), socket.if_indextoname(1))
for name in ("lo", "nobody"):
    try: print(socket.if_nametoindex(name))
    except OSError: pass"""))

    def test_pins_are_seen_inside_and_outside_and_only_there(self):
        before = sorted(os.listdir("/sys/fs/bpf"))
        place = "/sys/fs/bpf" if os.geteuid() == 0 else str(self.pins)
        self.assertEqual(["0", "-17", "4"], self.python(f"""
os.chdir({place!r})
fd = make()
print(path(PIN, "relative", fd), path(PIN, "relative", fd), path(GET, "./relative"))"""))
        self.assertEqual(["relative"], os.listdir(self.pins))
        self.assertEqual(before, sorted(os.listdir("/sys/fs/bpf")))
        os.unlink(self.pins / "relative")
        self.assertEqual(["-2"], self.python(f"print(path(GET, '{place}/relative'))"))

    def test_a_flood_does_not_hold_up_packets_or_others(self):
        flood = [subprocess.Popen(self.command("/usr/bin/python3", "-c", CALLS + """
fd = make()
while True: element(LOOKUP, fd, 1)"""), stdout=subprocess.DEVNULL) for _ in range(4)]
        try:
            _, before, _ = self.appliance.received()
            for _ in range(10):
                self.assertEqual(["0"], self.python("print(element(UPDATE, make(), 1, 2))"))
            self.assertGreater(self.appliance.received()[1], before)
            self.assertTrue(all(process.poll() is None for process in flood))
        finally:
            for process in flood:
                process.kill()
                process.wait()

    def test_a_client_goes_on_with_the_next_daemon_and_left_over_pins_go(self):
        program = subprocess.Popen(self.command("/usr/bin/python3", "-uc", CALLS + """
place = "/sys/fs/bpf" if os.geteuid() == 0 else os.environ["SLUICE_PINS"]
fd = make()
print(path(PIN, place + "/left", fd))
input()
print(make() >= 0, element(LOOKUP, fd, 1))"""), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual("0\n", program.stdout.readline())
        socket = self.appliance.socket
        self.appliance.process.kill()
        self.appliance.process.wait()
        self.assertEqual(["left"], os.listdir(self.pins))
        config = pathlib.Path(self.folder.name) / "again.yaml"
        config.write_text(self.text)
        again = subprocess.Popen([str(BUILD / "sluiced"), "-q", "-c", str(config), "-s", str(socket)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.appliance.process = again
        until = time.monotonic() + 60
        while self.run_command("true").returncode != 0 and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual([], os.listdir(self.pins))
        # The old map died with its daemon: its descriptor means nothing to the new one.
        self.assertEqual("True -22\n", program.communicate("\n", timeout=60)[0])


if __name__ == "__main__":
    sys.exit(main(__name__))
