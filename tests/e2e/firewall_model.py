# SPDX-License-Identifier: Apache-2.0
"""firewall_model.py — what examples/firewall should do with a frame, written a second time, in another language.

Kept apart from the program on purpose: it parses with struct and ipaddress and shares no table with it. Rules are plain
Python values, so that a test changes one and knows what must change.
"""
import copy
import ipaddress
import struct

RULES = {
    "prefixes": ["198.51.100.66/32", "198.51.100.192/26", "2001:db8:bad::/48"],
    "flows": [("198.51.100.10", "192.0.2.10", 40080, 8080, 6)],
    "answer_ping": True,
    "dns": True,
}
EXTENSIONS = {0, 43, 60}  # hop-by-hop, routing, destination options
FRAGMENT = 44


def changed(**changes):
    return {**copy.deepcopy(RULES), **changes}


def ones_complement_sum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def parse(frame):
    """A dict of what was found, or None when the frame is cut short."""
    at, kind = 14, frame[12:14]
    if len(frame) < 14:
        return None
    for _ in range(2):
        if kind in (b"\x81\x00", b"\x88\xa8"):
            if len(frame) < at + 4:
                return None
            kind, at = frame[at + 2:at + 4], at + 4
    found = {"l3": at, "ports": (0, 0), "whole": True}
    if kind == b"\x08\x00":
        if len(frame) < at + 20 or frame[at] & 15 < 5:
            return None
        fragment = struct.unpack_from("!H", frame, at + 6)[0]
        found |= {"family": 4, "src": ipaddress.ip_address(frame[at + 12:at + 16]),
                  "dst": ipaddress.ip_address(frame[at + 16:at + 20]), "proto": frame[at + 9],
                  "l4": at + (frame[at] & 15) * 4, "whole": not fragment & 0x3fff, "first": not fragment & 0x1fff}
    elif kind == b"\x86\xdd":
        if len(frame) < at + 40:
            return None
        found |= {"family": 6, "src": ipaddress.ip_address(frame[at + 8:at + 24]),
                  "dst": ipaddress.ip_address(frame[at + 24:at + 40])}
        proto, l4 = frame[at + 6], at + 40
        for _ in range(4):
            if proto in EXTENSIONS:
                if len(frame) < l4 + 2:
                    return None
                proto, l4 = frame[l4], l4 + (frame[l4 + 1] + 1) * 8
            elif proto == FRAGMENT:
                if len(frame) < l4 + 8:
                    return None
                proto, l4, found["whole"] = frame[l4], l4 + 8, False
        found |= {"proto": proto, "l4": l4, "first": found["whole"]}
    else:
        return found | {"family": 0}
    return found


def judge(frame, rules):
    """'pass', 'drop', 'tx' or 'redirect'."""
    p = parse(frame)
    if p is None:
        return "drop"
    if p["family"] == 0:
        return "pass"
    networks = [ipaddress.ip_network(prefix) for prefix in rules["prefixes"]]
    if any(address in network for network in networks for address in (p["src"], p["dst"])):
        return "drop"
    if p["first"] and p["proto"] in (6, 17):
        if len(frame) < p["l4"] + 4:
            return "drop"
        p["ports"] = struct.unpack_from("!HH", frame, p["l4"])
    if rules["answer_ping"] and is_ping(frame, p):
        return "tx"
    if (str(p["src"]), str(p["dst"]), *p["ports"], p["proto"]) in rules["flows"]:
        return "drop"
    if rules["dns"] and p["proto"] == 17 and p["ports"][1] == 53:
        return "redirect"
    return "pass"


def is_ping(frame, p):
    if not p["whole"] or p["dst"].is_multicast or len(frame) < p["l4"] + 4:
        return False
    if p["family"] == 4 and int(p["dst"]) >= 0xe0000000:
        return False
    request = {4: (1, 8), 6: (58, 128)}[p["family"]]
    return (p["proto"], frame[p["l4"]]) == request and frame[p["l4"] + 1] == 0


def answer(frame):
    """The reply to an echo request, its checksum computed from nothing."""
    p, out = parse(frame), bytearray(frame)
    out[0:6], out[6:12] = frame[6:12], frame[0:6]
    l3, l4, width = p["l3"], p["l4"], 4 if p["family"] == 4 else 16
    at = l3 + (12 if p["family"] == 4 else 8)
    out[at:at + width], out[at + width:at + 2 * width] = frame[at + width:at + 2 * width], frame[at:at + width]
    if p["family"] == 4:
        end = l3 + struct.unpack_from("!H", frame, l3 + 2)[0]
        out[l4], pseudo = 0, b""
    else:
        length = struct.unpack_from("!H", frame, l3 + 4)[0]
        end = l3 + 40 + length
        out[l4], pseudo = 129, bytes(out[at:at + 32]) + struct.pack("!II", length - (l4 - l3 - 40), 58)
    out[l4 + 2:l4 + 4] = b"\0\0"
    struct.pack_into("!H", out, l4 + 2, 0xffff - ones_complement_sum(pseudo + bytes(out[l4:end])))
    return bytes(out)
