"""The Merkle tree of RFC 6962 §2.1: hashes, the compact frontier of a growing tree, proofs and their verification."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """All that is needed of a tree to append to it and to know its root: the roots of its full subtrees, largest first.

    There is one for each bit that is set in the size, so 20 hashes carry a million leaves.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, stored: bytes) -> "Frontier":
        """A stored frontier; raises ValueError when it has not the hashes that the size needs."""
        if len(stored) != size.bit_count() * HASH_BYTES:
            raise ValueError(f"a frontier of {size} leaves has {size.bit_count()} hashes, not {len(stored)} bytes")
        return cls(size, [stored[at : at + HASH_BYTES] for at in range(0, len(stored), HASH_BYTES)])

    @property
    def stored(self) -> bytes:
        """The form that `of` reads."""
        return b"".join(self.peaks)

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        rest = self.size
        while rest & 1:
            leaf = node_hash(self.peaks.pop(), leaf)
            rest >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path (RFC 6962 §2.1.1) of leaf `index`, counted from 0, in the tree of these leaf hashes.

    Raises IndexError when there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"there is no leaf {index} in a tree of {len(leaves)}")
    return _path(leaves, index, 0, len(leaves))


def consistency_path(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """The proof (RFC 6962 §2.1.2) that the tree of the first `old` leaves is the beginning of this one.

    Empty when the two are the same; raises IndexError unless 0 < old <= the number of leaves.
    """
    if not 0 < old <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} has no earlier one of {old}")
    return _subproof(leaves, old, 0, len(leaves), whole=True)


def root_of(leaves: Sequence[bytes], start: int = 0, end: int | None = None) -> bytes:
    """The root over a stretch of leaf hashes."""
    tree = Frontier()
    for leaf in leaves[start:end]:
        tree.append(leaf)
    return tree.root()


def root_by_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root a proof of inclusion leads to (RFC 9162 §2.1.3.2); None when the proof has not the form of such a one."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a proof shows that the old tree is the beginning of the new one (RFC 9162 §2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if not path:
        return False
    steps = list(path) if old & (old - 1) else [old_root, *path]
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, step)
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _path(leaves: Sequence[bytes], index: int, start: int, end: int) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(leaves, index, start, middle), root_of(leaves, middle, end)]
    return [*_path(leaves, index, middle, end), root_of(leaves, start, middle)]


def _subproof(leaves: Sequence[bytes], old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
    if old == end - start:
        return [] if whole else [root_of(leaves, start, end)]
    left = _split(end - start)
    middle = start + left
    if old <= left:
        return [*_subproof(leaves, old, start, middle, whole=whole), root_of(leaves, middle, end)]
    return [*_subproof(leaves, old - left, middle, end, whole=False), root_of(leaves, start, middle)]
