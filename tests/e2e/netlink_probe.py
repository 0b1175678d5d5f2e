# SPDX-License-Identifier: Apache-2.0
"""netlink_probe.py — asks rtnetlink for programs on a device, with each combination of flags and descriptors on each
state of its XDP hook, and prints an answer per line: run on the host's kernel and on Sluice by netlink_test.py.
`netlink_probe.py DEVICE`."""
import ctypes
import errno
import itertools
import os
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
NEWLINK, GETLINK, SETLINK, ERROR, DONE = 16, 18, 19, 2, 3
REQUEST, ACK, DUMP = 1, 4, 0x300
IFLA_IFNAME, IFLA_XDP, NESTED = 3, 43, 0x8000
FD, ATTACHED, FLAGS, PROG_ID, DRV_ID, SKB_ID, EXPECTED = 1, 2, 3, 4, 5, 6, 8
NOEXIST, SKB, DRV, HW, REPLACE = 1, 2, 4, 8, 16
XDP, SOCKET_FILTER, BPF_XDP_DEVMAP, BPF_XDP_CPUMAP, BPF_XDP = 6, 1, 33, 35, 37


def bpf(cmd, attr):
    room = ctypes.create_string_buffer(attr.ljust(144, b"\0"), 144)
    rc = libc.syscall(ctypes.c_long(321), ctypes.c_long(cmd), room, ctypes.c_long(144))
    return rc if rc >= 0 else -ctypes.get_errno()


def load(kind=XDP, attach=0):
    insns = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0), 16)
    text = ctypes.create_string_buffer(b"GPL")
    fd = bpf(5, struct.pack("IIQQIIQII16sII", kind, 2, ctypes.addressof(insns), ctypes.addressof(text), 0, 0, 0, 0, 0,
                            b"probe", 0, attach))
    assert fd >= 0, os.strerror(-fd)
    return fd


def link_create(fd, index, flags=0):
    return bpf(28, struct.pack("IIII", fd, index, BPF_XDP, flags))


def attribute(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


class Route:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.socket.bind((0, 0))
        self.number = 1

    def send(self, kind, flags, index, attributes=b"", family=0, ifi_flags=0, change=0):
        self.number += 1
        body = struct.pack("BBHiII", family, 0, 0, index, ifi_flags, change) + attributes
        self.socket.send(struct.pack("IHHII", 16 + len(body), kind, flags, self.number, 0) + body)

    def messages(self):
        data, at = self.socket.recv(65536), 0
        while at + 16 <= len(data):
            size, kind, flags, number, pid = struct.unpack_from("IHHII", data, at)
            assert number == self.number and pid == self.socket.getsockname()[0], (number, self.number, pid)
            yield kind, flags, data[at + 16:at + size]
            at += (size + 3) & ~3

    def error(self, *words, **more):
        self.send(*words, **more)
        for kind, _, body in self.messages():
            code = struct.unpack_from("i", body)[0] if kind == ERROR else None
            return "0" if code == 0 else errno.errorcode.get(-code, str(code)) if code else f"message {kind}"

    def set_xdp(self, index, fields, kind=SETLINK):
        rows = {FD: "i", EXPECTED: "i", FLAGS: "I", ATTACHED: "B", PROG_ID: "I"}
        nest = b"".join(attribute(name, struct.pack(rows[name], value)) for name, value in fields)
        return self.error(kind, REQUEST | ACK, index, attribute(IFLA_XDP | NESTED, nest))

    def xdp(self, index):
        """What a look-up of one device says of its hook; ids as the number of the program."""
        self.send(GETLINK, REQUEST, index)
        for _, _, body in self.messages():
            found = dict(attributes(body[16:]))
            return {k: int.from_bytes(v, "little") for k, v in sorted(dict(attributes(found[IFLA_XDP])).items())}


def attributes(data):
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("HH", data, at)
        yield kind & 0x3fff, data[at + 4:at + size]
        at += (size + 3) & ~3


def prog_id(fd):
    info = ctypes.create_string_buffer(232)
    assert bpf(15, struct.pack("IIQ", fd, 232, ctypes.addressof(info))) == 0
    return struct.unpack_from("I", info, 4)[0]


def main(device):
    index, route = socket.if_nametoindex(device), Route()
    one, two = load(), load()
    fds = {"none": None, "off": -1, "one": one, "two": two, "a filter": load(SOCKET_FILTER),
           "for a devmap": load(attach=BPF_XDP_DEVMAP), "for a cpumap": load(attach=BPF_XDP_CPUMAP),
           "a file": os.open("/dev/null", os.O_RDONLY), "closed": 777, "-5": -5}
    names = {prog_id(one): "one", prog_id(two): "two"}
    state = lambda: {k: names.get(v, v) if k >= PROG_ID else v for k, v in route.xdp(index).items()}
    links = []

    def clear():
        while links:
            os.close(links.pop())
        for mode in (SKB, DRV):
            route.set_xdp(index, [(FD, -1), (FLAGS, mode)])

    def link(flags):
        links.append(link_create(one, index, flags))
        assert links[-1] >= 0, links

    states = {"free": lambda: None, "one": lambda: route.set_xdp(index, [(FD, one)]),
              "one, generic": lambda: route.set_xdp(index, [(FD, one), (FLAGS, SKB)]),
              "a link": lambda: link(0), "a generic link": lambda: link(SKB)}
    flags = [None, 0, NOEXIST, SKB, DRV, HW, SKB | DRV, REPLACE, REPLACE | NOEXIST, REPLACE | SKB, REPLACE | DRV,
             SKB | NOEXIST, DRV | NOEXIST, 32, 1 << 31]
    for before, make in states.items():
        make()
        start = state()
        for flag, new, expected in itertools.product(
                flags, ("off", "one", "two", "a filter", "for a devmap", "for a cpumap", "a file", "closed", "none",
                        "-5"), ("none", "off", "one", "two", "a filter", "closed")):
            # What is expected is looked at where nothing else is wrong.
            if expected != "none" and new not in ("off", "one", "two"):
                continue
            if expected not in ("none", "one", "two") and new == "one":
                continue
            fields = [(FD, fds[new])] if new != "none" else []
            fields += [(FLAGS, flag)] if flag is not None else []
            fields += [(EXPECTED, fds[expected])] if expected != "none" else []
            answer, now = route.set_xdp(index, fields), state()
            print(f"{before}: set {new}, flags {flag}, expected {expected}: {answer}, then {now}")
            if now != start:
                clear()
                make()
        clear()
    for name, make in states.items():
        make()
        for mode in (0, SKB, DRV):
            made = link_create(two, index, mode)
            if made >= 0:
                os.close(made)
            print(f"{name}: a link with flags {mode}: {'a link' if made >= 0 else made}, then {state()}")
        clear()
    print("by NEWLINK:", route.set_xdp(index, [(FD, one)], kind=NEWLINK), state())
    clear()
    for kind in (SETLINK, NEWLINK):
        for number in (0, -1, 0x7fffffff):
            print(f"{kind} of device {number}:", route.set_xdp(number, [(FD, one)], kind=kind))
        print(f"{kind} with an id:", route.set_xdp(index, [(FD, one), (PROG_ID, 1)], kind=kind))
        print(f"{kind} with attached:", route.set_xdp(index, [(FD, one), (ATTACHED, 1)], kind=kind))
        print(f"{kind} with nothing:", route.error(kind, REQUEST | ACK, index), state())
        name = attribute(IFLA_IFNAME, device.encode() + b"\0")
        nest = attribute(IFLA_XDP | NESTED, attribute(FD, struct.pack("i", one)))
        print(f"{kind} by name:", route.error(kind, REQUEST | ACK, 0, name + nest), state())
        clear()
        other = attribute(IFLA_IFNAME, b"nobody\0")
        print(f"{kind} of nobody:", route.error(kind, REQUEST | ACK, 0, other + nest))
        print(f"{kind}, too short:", route.error(kind, REQUEST | ACK, index,
                                                 attribute(IFLA_XDP | NESTED, attribute(FD, b"\1\0"))))
    print("GETLINK of nobody:", route.error(GETLINK, REQUEST, 0, attribute(IFLA_IFNAME, b"nobody\0")))
    print("GETLINK of a number:", route.error(GETLINK, REQUEST, 0x7fffffff))
    print("GETLINK of nothing:", route.error(GETLINK, REQUEST, 0))
    os.close(one)
    os.close(two)


if __name__ == "__main__":
    main(sys.argv[1])
