"""A host for the guest, written from docs/abi.md alone. Usage: python.py GUEST.wasm CASES.json"""

import json
import struct
import sys

from wasmtime import Engine, Instance, Module, Store

OWN = 1 << 31


class Guest:
    def __init__(self, wasm):
        self.store = Store(Engine())
        self.exports = Instance(self.store, Module(self.store.engine, wasm), []).exports(self.store)
        self.memory = self.exports["memory"]
        if self.exports["avow_version"](self.store) != 1:
            sys.exit("the guest is of another version")

    def call(self, name, data):
        at = self.exports["avow_alloc"](self.store, len(data)) & 0xFFFFFFFF
        self.memory.write(self.store, data, at)
        place = self.exports[name](self.store, at, len(data)) & 0xFFFFFFFFFFFFFFFF
        start, length = place >> 32, place & 0xFFFFFFFF
        return bytes(self.memory.read(self.store, start, start + length))


def words(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


def block(names, uids, entities, roots, cells):
    """Names are texts; uids (number of the type's name, id); entities words; cells (name, kind, payload)."""
    texts = [name.encode() for name in names] + [id.encode() for _, id in uids]
    owners = [0] * len(names) + [OWN | of for of, _ in uids]
    ends = [len(b"".join(texts[: i + 1])) for i in range(len(texts))]
    return (
        words(len(names), len(uids), len(entities) // 4, roots, len(cells), len(b"".join(texts)))
        + b"".join(words(*row) for row in zip(owners, ends))
        + b"".join(words(name, kind) + struct.pack("<q", payload) for name, kind, payload in cells)
        + words(*entities)
        + b"".join(texts)
    )


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"python: {what}: {found!r} instead of {wanted!r}")


def main():
    with open(sys.argv[1], "rb") as file:
        guest = Guest(file.read())
    with open(sys.argv[2], encoding="utf-8") as file:
        cases = json.load(file)
    bundle = bytes.fromhex(cases["bundle"])

    expect("a decision without a bundle", guest.call("avow_decide", b"?"), b"")
    expect("no bundle", guest.call("avow_load", b"none"), words(0, 0, 0))
    damaged = bundle[:-1] + bytes([bundle[-1] ^ 1])
    expect("a damaged bundle", guest.call("avow_load", damaged), words(3, 0, 0))
    expect("the bundle", guest.call("avow_load", bundle), b"")

    def ask_all(when):
        for case in cases["cases"]:
            answer = guest.call("avow_decide", bytes.fromhex(case["request"]))
            expect(f"{case['name']}, {when}", answer.hex(), case["answer"])

    ask_all("without residents")
    # Two entities of a type that no case has, one in the other: a name, two uids, a parent.
    house = block(
        ["House"], [(0, "a"), (0, "b")], [OWN | 1, 0, 0, 1, OWN | 2, 0, 0, 0], 0, [(0xFFFFFFFF, 3, OWN | 2)]
    )
    patch = b"AVE1" + words(0, 0) + house
    added = struct.unpack("<6I", guest.call("avow_patch", patch))
    expect("refusal and version of a patch", added[:2], (0, 1))
    again = guest.call("avow_patch", patch)
    expect("a patch for a version that was", again[:8], words(5, 1))
    # A resident outranks the request.
    same = b"AVQ1" + words(0, 0, OWN | 1, OWN | 1, OWN | 1) + house
    expect("a request that describes a resident", guest.call("avow_decide", same)[:8], b"AVA1\x03\x01\x02\x00")
    ask_all("with residents")
    removal = block(["House"], [(0, "a")], [], 1, [(0xFFFFFFFF, 3, OWN | 1)])
    expect("a removal", guest.call("avow_patch", b"AVE1" + words(0, 1) + removal)[:8], words(0, 2))
    print(f"python: {len(cases['cases'])} cases twice, and the residents at version 2")


main()
