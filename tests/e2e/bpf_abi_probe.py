# SPDX-License-Identifier: Apache-2.0
"""bpf_abi_probe.py — asks bpf(2) questions that have one answer each and prints them, a line per question: run on the
host's kernel and on Sluice by bpf_abi_test.py. No question changes anything that outlives this process."""
import ctypes
import errno
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
BAD = 0x1000  # nobody has memory there
COMMANDS = {0: "MAP_CREATE", 1: "MAP_LOOKUP_ELEM", 2: "MAP_UPDATE_ELEM", 3: "MAP_DELETE_ELEM", 4: "MAP_GET_NEXT_KEY",
            5: "PROG_LOAD", 6: "OBJ_PIN", 7: "OBJ_GET", 10: "PROG_TEST_RUN", 11: "PROG_GET_NEXT_ID",
            12: "MAP_GET_NEXT_ID", 13: "PROG_GET_FD_BY_ID", 14: "MAP_GET_FD_BY_ID", 15: "OBJ_GET_INFO_BY_FD",
            18: "BTF_LOAD", 19: "BTF_GET_FD_BY_ID", 21: "MAP_LOOKUP_AND_DELETE_ELEM", 22: "MAP_FREEZE",
            23: "BTF_GET_NEXT_ID", 24: "MAP_LOOKUP_BATCH", 25: "MAP_LOOKUP_AND_DELETE_BATCH", 26: "MAP_UPDATE_BATCH",
            27: "MAP_DELETE_BATCH", 35: "PROG_BIND_MAP"}
# An id that nobody has: the first of somebody's would differ between the two sides.
WALKS = {11, 12, 23}


def call(cmd, attr, size):
    room = ctypes.create_string_buffer(bytes(attr).ljust(max(size, len(attr), 1), b"\0"), max(size, len(attr), 1))
    return raw(cmd, ctypes.addressof(room), size)


def raw(cmd, address, size):
    rc = libc.syscall(ctypes.c_long(321), ctypes.c_long(cmd), ctypes.c_void_p(address), ctypes.c_long(size))
    if rc < 0:
        return errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))
    if cmd in (0, 5, 7, 13, 14, 18, 19):
        os.close(rc)
        return "a descriptor"
    return str(rc)


def say(words, answer):
    print(f"{words}: {answer}")


def ask_sizes():
    """Every size of an attr, all zero, and with one byte that is not, behind and before the end of what is known."""
    for cmd, name in COMMANDS.items():
        start = struct.pack("I", 0x7ffffff0) if cmd in WALKS else b""
        for size in (*range(0, 160, 4), 1, 3, 200, 256, 512, 4095, 4096, 4097):
            if size >= len(start):
                say(f"{name} with {size} bytes", call(cmd, start, size))
        for at in range(8, 160, 4):
            attr = bytearray(start.ljust(164, b"\0"))
            attr[at] = 1
            if not (cmd == 5 and at < 144):  # fields of PROG_LOAD that mean something are asked elsewhere
                say(f"{name} with byte {at} set", call(cmd, attr, at + 4))
    for cmd in (999, 0x7fffffff, 0xffffffff):
        say(f"command {cmd}", call(cmd, b"", 16))


def ask_addresses():
    for cmd, name in COMMANDS.items():
        for address in (0, BAD, 0xffff800000000000, 0x7ffffffff000):
            say(f"{name}, attr at {address:#x}", raw(cmd, address, 32))
    room = ctypes.create_string_buffer(struct.pack("IIIII", 1, 4, 8, 4, 0).ljust(144, b"\0"), 144)
    fd = libc.syscall(ctypes.c_long(321), ctypes.c_long(0), room, ctypes.c_long(144))
    key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(8)
    k, v = ctypes.addressof(key), ctypes.addressof(value)
    pair = {1: "LOOKUP", 2: "UPDATE", 21: "LOOKUP_AND_DELETE"}
    for cmd, name in pair.items():
        say(f"{name}, key nowhere", call(cmd, struct.pack("IIQQQ", fd, 0, BAD, v, 0), 32))
        say(f"{name}, key null", call(cmd, struct.pack("IIQQQ", fd, 0, 0, v, 0), 32))
    say("UPDATE, value nowhere", call(2, struct.pack("IIQQQ", fd, 0, k, BAD, 0), 32))
    say("UPDATE, value null", call(2, struct.pack("IIQQQ", fd, 0, k, 0, 0), 32))
    say("UPDATE, as it should be", call(2, struct.pack("IIQQQ", fd, 0, k, v, 0), 32))
    say("LOOKUP, value nowhere", call(1, struct.pack("IIQQQ", fd, 0, k, BAD, 0), 32))
    say("LOOKUP, as it should be", call(1, struct.pack("IIQQQ", fd, 0, k, v, 0), 32))
    for flags in (1, 2, 3, 4, 5, 8, 1 << 32, 1 << 63):
        say(f"UPDATE with flags {flags:#x}", call(2, struct.pack("IIQQQ", fd, 0, k, v, flags), 32))
        say(f"LOOKUP with flags {flags:#x}", call(1, struct.pack("IIQQQ", fd, 0, k, v, flags), 32))
    say("DELETE, key nowhere", call(3, struct.pack("IIQ", fd, 0, BAD), 16))
    say("NEXT_KEY, key nowhere", call(4, struct.pack("IIQQ", fd, 0, BAD, k), 24))
    say("NEXT_KEY, next nowhere", call(4, struct.pack("IIQQ", fd, 0, 0, BAD), 24))
    info = ctypes.create_string_buffer(128)
    for size in range(0, 100, 4):
        info.raw = bytes(128)
        say(f"info of a map in {size} bytes", call(15, struct.pack("IIQ", fd, size, ctypes.addressof(info)), 16))
    say("info nowhere", call(15, struct.pack("IIQ", fd, 80, BAD), 16))
    for cmd, name in ((6, "OBJ_PIN"), (7, "OBJ_GET")):
        say(f"{name}, path nowhere", call(cmd, struct.pack("QII", BAD, fd if cmd == 6 else 0, 0), 16))
        for path in (b"", b"/", b"/sys/fs/bpf", b"/sys/fs/bpf/", b"/sys/fs/bpf/a.b", b"/sys/fs/bpf/no/such",
                     b"/sys/fs/bpf/nothing", b"/sys/fs/bpf/" + b"n" * 255, b"/sys/fs/bpf/" + b"n" * 256, b"/" * 5000):
            text = ctypes.create_string_buffer(path + b"\0")
            attr = struct.pack("QII", ctypes.addressof(text), 0, 0)
            if cmd == 7:
                say(f"{name} of {path[:40].decode()} ({len(path)} bytes)", call(cmd, attr, 16))
    for bad in (-1, 12345, 1 << 30, 0):
        for cmd in (1, 2, 3, 4, 6, 10, 15, 21, 22, 24, 26, 27, 35):
            say(f"{COMMANDS[cmd]} on descriptor {bad}", call(cmd, struct.pack("i", bad) if cmd != 6 else struct.pack(
                "Qi", ctypes.addressof(key), bad), 64 if cmd in (10, 24, 26, 27) else 16))
    say("FREEZE", call(22, struct.pack("I", fd), 4))
    say("FREEZE again", call(22, struct.pack("I", fd), 4))
    say("UPDATE of a frozen one", call(2, struct.pack("IIQQQ", fd, 0, k, v, 0), 32))
    os.close(fd)


def ask_map_create():
    for kind in (1, 2, 5, 6, 9, 10, 11, 22, 23, 27, 30):
        for key, value, entries in ((4, 4, 4), (0, 4, 4), (4, 0, 4), (4, 4, 0), (8, 8, 8), (0, 0, 4096), (0, 0, 5000),
                                    (1 << 20, 4, 4), (4, 1 << 30, 4), (0xffffffff, 4, 4), (4, 0xffffffff, 4)):
            attr = struct.pack("IIIII", kind, key, value, entries, 0)
            say(f"MAP_CREATE type {kind} key {key} value {value} entries {entries}", call(0, attr, 72))
        for bit in range(32):
            attr = struct.pack("IIIII", kind, 4, 4, 4, 1 << bit)
            say(f"MAP_CREATE type {kind} flags {1 << bit:#x}", call(0, attr, 72))
    for kind in (0, 34, 35, 1000, 0xffffffff):
        say(f"MAP_CREATE type {kind}", call(0, struct.pack("IIIII", kind, 4, 4, 4, 0), 72))
    for name in (b"good_name.1", b"bad name", b"bad\xff", b"n" * 15, b"n" * 16, b"a\0b"):
        say(f"MAP_CREATE named {name!r}", call(0, struct.pack("IIIIIII16s", 1, 4, 4, 4, 0, 0, 0, name), 72))


if __name__ == "__main__":
    ask_sizes()
    ask_addresses()
    ask_map_create()
