from __future__ import annotations

import dataclasses

import pytest

from registry.proofs.evidence import NoEvidence, OneNode, Subject
from registry.values import BatchRoot, IssuerId


def test_one_node_is_named_as_one_node() -> None:
    assert OneNode("http://127.0.0.1:8545").sentence() == (
        "on the word of one node, http://127.0.0.1:8545"
    )


def test_a_subject_is_the_plain_triple_that_a_reader_is_asked_for() -> None:
    triple = (IssuerId(bytes(32)), BatchRoot(bytes(32)), 3)
    assert Subject(*triple) == triple


def test_facts_cannot_be_changed_after_reading() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        NoEvidence("asked offline").reason = "something else"  # type: ignore[misc] # the point
