# SPDX-License-Identifier: Apache-2.0
"""captures.py — reads the frames of a pcap or pcapng file."""
import struct

PCAP_MAGIC = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
PCAPNG_SECTION, PCAPNG_PACKET, PCAPNG_SIMPLE = 0x0A0D0D0A, 6, 3


def frames(path):
    """All frames of the file, in order, as bytes."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] in PCAP_MAGIC:
        return list(_pcap(data, PCAP_MAGIC[data[:4]]))
    return list(_pcapng(data))


def _pcap(data, order):
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


def _pcapng(data):
    at, order = 0, "<"
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12 or length % 4 or at + length > len(data):
            raise ValueError(f"block of {length} bytes at {at}")
        if kind == PCAPNG_PACKET:
            size = struct.unpack_from(order + "I", data, at + 20)[0]
            yield data[at + 28:at + 28 + size]
        elif kind == PCAPNG_SIMPLE:
            raise ValueError("simple packet blocks are not read here")
        at += length
