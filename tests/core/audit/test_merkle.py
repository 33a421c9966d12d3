"""The tree of RFC 6962, against its reference vectors and against itself by another way."""

import pytest

from patchbay.core.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    is_consistent,
    leaf_hash,
    root_by_inclusion,
    root_of,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(40)]
VECTOR = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
"""Leaves of the test vectors of Certificate Transparency's own implementations."""


def test_the_roots_are_those_of_the_reference_vectors():
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTOR]
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(leaves, 0, 1).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_a_frontier_that_was_stored_goes_on_as_the_tree_does():
    tree = Frontier()
    for size, leaf in enumerate(LEAVES):
        assert tree.root() == root_of(LEAVES, 0, size)
        tree = Frontier.of(size, tree.stored)
        tree.append(leaf)
    with pytest.raises(ValueError, match="a frontier of 3 leaves has 2 hashes, not 32 bytes"):
        Frontier.of(3, bytes(32))


def test_every_leaf_of_every_tree_is_proven_and_no_other():
    for size in range(1, len(LEAVES)):
        root = root_of(LEAVES, 0, size)
        for index in range(size):
            path = inclusion_path(LEAVES[:size], index)
            assert root_by_inclusion(index, size, LEAVES[index], path) == root
            assert root_by_inclusion(index, size, LEAVES[-1], path) != root
            assert root_by_inclusion(index, size, LEAVES[index], [*path, root]) is None
            if path:
                assert root_by_inclusion(index, size, LEAVES[index], path[:-1]) != root
    assert root_by_inclusion(3, 3, LEAVES[0], []) is None


def test_every_earlier_tree_is_proven_to_be_the_beginning_and_no_other():
    for new in range(1, len(LEAVES)):
        root = root_of(LEAVES, 0, new)
        for old in range(1, new + 1):
            path, old_root = consistency_path(LEAVES[:new], old), root_of(LEAVES, 0, old)
            assert is_consistent(old, old_root, new, root, path)
            assert not is_consistent(old, bytes(32), new, root, path)
            assert not is_consistent(old, old_root, new, bytes(32), path)
            assert not is_consistent(old, old_root, new, root, [*path, root])
            assert not is_consistent(old, old_root, new, root, path[:-1]) or not path


def test_what_has_no_proof_is_said():
    for size, index in ((3, 3), (3, -1), (0, 0)):
        with pytest.raises(IndexError, match="there is no leaf"):
            inclusion_path(LEAVES[:size], index)
    for old in (0, 4):
        with pytest.raises(IndexError, match="has no earlier one"):
            consistency_path(LEAVES[:3], old)
    assert not is_consistent(0, EMPTY_ROOT, 3, root_of(LEAVES, 0, 3), [])
    assert not is_consistent(4, EMPTY_ROOT, 3, root_of(LEAVES, 0, 3), [])
