"""Verifying a chain: its own links, then the signed checkpoints that were kept outside of the database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from patchbay.core.audit.export import ExportedChain
from patchbay.core.audit.notes import BadCheckpoint, Checkpoint, opened, origin_of, read
from patchbay.core.audit.records import Walker


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a chain is whole; where and how it breaks first when it is not."""

    valid: bool
    records: int
    head_position: int
    head_hash: str
    broken_at: int | None = None
    reason: str | None = None
    checkpoints: int = 0
    """How many signed checkpoints the chain was compared with."""
    anchored: int = 0
    """Records that the newest checkpoint covers; what came later rests on the chain alone."""


@dataclass(slots=True)
class AnchoredWalk:
    """A walk that stops at the size of each checkpoint and compares roots there.

    The newest one must be signed, and so vouches for all records up to it. Of the others, a signature is looked at only
    where something does not fit: a minute's checkpoint each makes half a million in a year.
    """

    walker: Walker
    notes: Sequence[str] = ()
    public_key: bytes | None = None
    fault: str | None = None
    broken_at: int | None = None
    checkpoints: int = field(init=False, default=0)
    """How many checkpoints there are to compare with."""
    _waiting: list[tuple[Checkpoint, str]] = field(init=False, default_factory=list)
    _passed: list[tuple[Checkpoint, str]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Read the checkpoints; one of another log is a fault, and so is a newest one that the key did not sign."""
        if self.public_key is None:
            return
        try:
            found = {read(note, origin_of(self.walker.tenant)): note for note in self.notes}
            self._waiting = sorted(found.items(), key=lambda one: one[0].size, reverse=True)
            if self._waiting:
                self._trust(self._waiting[0])
        except BadCheckpoint as error:
            self._waiting = []
            self._broken(f"a checkpoint cannot be relied on: {error}", 1)
            return
        self.checkpoints = len(found)
        self._compare()

    @property
    def anchored(self) -> int:
        """Records that the newest signed checkpoint covers which the walk has passed."""
        while self._passed and not self._is_signed(self._passed[-1]):
            self._passed.pop()
        return self._passed[-1][0].size if self._passed else 0

    def walk(self, rows: Sequence[tuple[bytes, bytes]]) -> bool:
        """Go over the next records; false once there is a fault."""
        start = 0
        while start < len(rows) and self.fault is None:
            until = len(rows)
            if self._waiting:
                until = min(until, start + self._waiting[-1][0].size - self.walker.position)
            fault = self.walker.walk(rows[start:until])
            if fault is not None:
                self._broken(fault, self.walker.position + 1)
            self._compare()
            start = until
        return self.fault is None

    def end(self, remembered: int = 0) -> bool:
        """Whether checkpoints cover no more records than there were, and as many as the registry remembers; call it
        after the last record.
        """
        if self.fault is None and self._waiting:
            most = self._waiting[0][0].size
            self._broken(f"the chain ends at {self.walker.position}, but {most} records were anchored", None)
        elif self.fault is None and self.public_key is not None and self.anchored < remembered:
            gone = f"{remembered} records were anchored, but the checkpoints that are kept cover {self.anchored}"
            self._broken(gone, self.anchored + 1)
        return self.fault is None

    def _compare(self) -> None:
        while self.fault is None and self._waiting and self._waiting[-1][0].size == self.walker.position:
            one = self._waiting.pop()
            if one[0].root == self.walker.tree.root():
                self._passed.append(one)
            elif self._is_signed(one):
                self._broken(f"the first {one[0].size} records are not those that were anchored", self.anchored + 1)
            else:
                self._broken("a checkpoint cannot be relied on: the public key did not sign it", 1)

    def _is_signed(self, one: tuple[Checkpoint, str]) -> bool:
        try:
            self._trust(one)
        except BadCheckpoint:
            return False
        return True

    def _trust(self, one: tuple[Checkpoint, str]) -> None:
        """Raises `BadCheckpoint` unless the key signed it; without a key there is no checkpoint to ask of."""
        assert self.public_key is not None
        opened(one[1], one[0].origin, self.public_key)

    def _broken(self, reason: str, at: int | None) -> None:
        self.fault, self.broken_at = reason, self.walker.position + 1 if at is None else at


def verify_export(chain: ExportedChain, notes: Iterable[str] = (), public_key: bytes | None = None) -> Verdict:
    """Verify an exported chain, with the checkpoints at hand and those in the file when there is a key to trust.

    Raises `BadExport` where the file is none. Without a key a chain that was rewritten whole looks right.
    """
    walk = AnchoredWalk(Walker(chain.header.tenant), [*chain.notes, *notes], public_key)
    for rows in chain.records():
        if not walk.walk(rows):
            break
    else:
        _end(walk, chain)
    walker, said = walk.walker, chain.header
    place = (walker.position, said.records, said.head)
    return Verdict(walk.fault is None, *place, walk.broken_at, walk.fault, walk.checkpoints, walk.anchored)


def _end(walk: AnchoredWalk, chain: ExportedChain) -> None:
    walker, said = walk.walker, chain.header
    if not walk.end(said.anchored):
        return
    if (walker.position, walker.hash.hex()) != (said.records, said.head):
        walk.fault = f"the file has {walker.position} records that end in {walker.hash.hex()[:16]}…, its header says "
        walk.fault += f"{said.records} that end in {said.head[:16]}…"
        walk.broken_at = walker.position + 1
