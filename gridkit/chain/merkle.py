"""Decides the hashes of the oracle's roots: records under a leaf, leaves under a batch root, batch roots under peaks.

Pure functions over bytes; where the bytes come from is left to the callers.

    leaf = sha256(0x00 ‖ 1 to 4 records of 24 bytes)
    node = sha256(0x01 ‖ left ‖ right), an odd node is promoted unchanged
    mountain node = sha256(0x01 ‖ older ‖ newer); peak k covers 2^k batch roots
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

RECORD_SIZE = 24
LEAF_RECORDS = 4
HASH_SIZE = 32
PEAK_COUNT = 24
BLOCK_HEIGHT = 8
"""A Range keeps the nodes from this height up: a block is 256 roots."""
_KEPT_BLOCKS = 8


class Step(NamedTuple):
    """One step of a path upwards: the sibling's 32 bytes, and whether it stands on the left."""

    left: bool
    sibling: bytes


def leaf_hash(records: bytes) -> bytes:
    """Return the hash of 1 to 4 records of 24 bytes.

    Raises:
        ValueError: Another length.
    """
    if len(records) % RECORD_SIZE or not RECORD_SIZE <= len(records) <= RECORD_SIZE * LEAF_RECORDS:
        raise ValueError(f"a leaf holds 1 to {LEAF_RECORDS} records of {RECORD_SIZE} bytes, not {len(records)} bytes")
    return hashlib.sha256(b"\x00" + records).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two 32-byte children, left or older first."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaves(records: bytes) -> list[bytes]:
    """Return the leaves of a batch: its records four by four."""
    if not records or len(records) % RECORD_SIZE:
        raise ValueError(f"a batch holds whole records of {RECORD_SIZE} bytes, at least one")
    size = RECORD_SIZE * LEAF_RECORDS
    return [records[at : at + size] for at in range(0, len(records), size)]


def batch_root(records: bytes) -> bytes:
    """Return the root over a batch's records."""
    level = [leaf_hash(leaf) for leaf in leaves(records)]
    while len(level) > 1:
        level = _above(level)
    return level[0]


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def batch_path(records: bytes, leaf_index: int) -> list[Step]:
    """Return the path from a leaf of a batch to its root; a promoted node adds no step."""
    level = [leaf_hash(leaf) for leaf in leaves(records)]
    index = leaf_index
    path: list[Step] = []
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(Step(left=bool(index & 1), sibling=level[index ^ 1]))
        level, index = _above(level), index // 2
    return path


def climb(start: bytes, path: Sequence[Step]) -> bytes:
    """Return the hash at the upper end of a path."""
    for step in path:
        start = node_hash(step.sibling, start) if step.left else node_hash(start, step.sibling)
    return start


class Mountain(NamedTuple):
    """The mountain that holds a batch root: `height` k (it covers 2^k roots), from sequence number `first` on."""

    height: int
    first: int


def mountain_of(seq: int, next_seq: int) -> Mountain:
    """Return the mountain of batch root `seq` in a range of `next_seq` roots.

    Raises:
        ValueError: The range does not hold that root.
    """
    if not 0 <= seq < next_seq:
        raise ValueError(f"root {seq} is not among the first {next_seq}")
    first = 0
    for height in range(next_seq.bit_length() - 1, -1, -1):
        if next_seq >> height & 1:
            if seq < first + (1 << height):
                return Mountain(height, first)
            first += 1 << height
    raise AssertionError("unreachable: the mountains cover all roots")


def peaks(roots: Sequence[bytes]) -> dict[int, bytes]:
    """Return the peaks over the first batch roots of a zone, by height."""
    found: dict[int, bytes] = {}
    for root in roots:
        height, node = 0, root
        while height in found:
            node = node_hash(found.pop(height), node)
            height += 1
        found[height] = node
    return found


def mountain_path(roots: Sequence[bytes], seq: int, next_seq: int | None = None) -> list[Step]:
    """Return the path from batch root `seq` to its peak.

    Args:
        roots: Batch roots of the zone from sequence number 0 on, at least `next_seq`.
        seq: The root to prove.
        next_seq: Roots that the range shall hold; by default all that are given.
    """
    mountain = mountain_of(seq, len(roots) if next_seq is None else next_seq)
    level = list(roots[mountain.first : mountain.first + (1 << mountain.height)])
    index = seq - mountain.first
    path: list[Step] = []
    while len(level) > 1:
        path.append(Step(left=bool(index & 1), sibling=level[index ^ 1]))
        level, index = _above(level), index // 2
    return path


def mountain_sides(seq: int, next_seq: int) -> list[bool]:
    """Return for each step of root `seq` to its peak whether the sibling stands on the left; its number is the height."""
    mountain = mountain_of(seq, next_seq)
    index = seq - mountain.first
    return [bool(index >> level & 1) for level in range(mountain.height)]


class UnknownRootError(Exception):
    """A root that a path or a peak needs is not known here; `seq` is one of them."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"batch root {seq} is not known here")
        self.seq = seq


class Range:
    """A zone's growing mountain range, hashed once: the roots stay where they are, the nodes above each 256 are kept.

    A path costs at most the 255 hashes of one block beside what has been computed before; kept are 2 nodes for each 256 roots, and
    the last blocks that were asked for. A complete node never changes, so nothing is ever thrown away; one that needs an unknown
    root is not kept and is tried anew.

    Args:
        fetch: Returns roots of 32 bytes from a number on: (first, count) -> at most `count`, None or empty = not known.
        count: Roots that there are.
    """

    def __init__(self, fetch: Callable[[int, int], Sequence[bytes | None]], count: int = 0) -> None:
        self._fetch, self.count = fetch, count
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._blocks: OrderedDict[int, list[list[bytes | None]]] = OrderedDict()

    @classmethod
    def of(cls, roots: Sequence[bytes]) -> Range:
        """Return a range over roots at hand."""
        return cls(lambda first, count: roots[first : first + count], len(roots))

    def root(self, seq: int) -> bytes | None:
        """Return batch root `seq`, None when it is not known."""
        return self._node_or_none(0, seq) if seq < self.count else None

    def path(self, seq: int, next_seq: int | None = None) -> list[Step]:
        """Return the path from batch root `seq` to its peak in a range of `next_seq` roots (by default all).

        Raises:
            ValueError: The range does not hold that root.
            UnknownRootError: A root of its mountain is not known.
        """
        count = self.count if next_seq is None else next_seq
        if count > self.count:
            raise UnknownRootError(self.count)
        height = mountain_of(seq, count).height
        return [Step(bool(seq >> level & 1), self.node(level, seq >> level ^ 1)) for level in range(height)]

    def node(self, height: int, index: int) -> bytes:
        """Return the hash over roots [index << height, (index + 1) << height); UnknownRootError when one is not known."""
        found = self._node_or_none(height, index)
        if found is not None:
            return found
        if height == 0:
            raise UnknownRootError(index)
        self.node(height - 1, 2 * index)
        self.node(height - 1, 2 * index + 1)
        raise UnknownRootError(index << height)  # pragma: no cover - one of the two is missing

    def _node_or_none(self, height: int, index: int) -> bytes | None:
        if (height, index) in self._nodes:
            return self._nodes[height, index]
        if height > BLOCK_HEIGHT:
            left, right = (self._node_or_none(height - 1, 2 * index + side) for side in (0, 1))
            node = None if left is None or right is None else node_hash(left, right)
        else:
            within = BLOCK_HEIGHT - height
            node = self._block(index >> within)[height][index & (1 << within) - 1]
        if node is not None and height >= BLOCK_HEIGHT:
            self._nodes[height, index] = node
        return node

    def _block(self, number: int) -> list[list[bytes | None]]:
        """Return the nodes of a block by height; those over an unknown root are None."""
        known = self._blocks.get(number)
        size = 1 << BLOCK_HEIGHT
        wanted = min(size, max(0, self.count - (number << BLOCK_HEIGHT)))
        if known is not None and None not in known[0][:wanted]:
            self._blocks.move_to_end(number)
            return known
        roots = [root or None for root in self._fetch(number << BLOCK_HEIGHT, size)]
        roots += [None] * (size - len(roots))
        if known is None or known[0] != roots:
            known = [roots]
            while len(known[-1]) > 1:
                below = known[-1]
                pairs = zip(below[::2], below[1::2], strict=True)
                known.append([None if a is None or b is None else node_hash(a, b) for a, b in pairs])
        self._blocks[number] = known
        self._blocks.move_to_end(number)
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return known
