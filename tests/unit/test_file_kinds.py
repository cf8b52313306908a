"""Whoever was sent a PDF or a picture is told so, and no credential is ever taken for either."""

from __future__ import annotations

import gzip

import pytest
from verifier_cases import NOW, good_case

from registry.judging.examination import examine
from registry.judging.file_kinds import told_kind
from registry.judging.policy import TrustPolicy
from registry.judging.verifier import judge
from registry.proofs.evidence import NoEvidence

KINDS = {
    b"": "the file is empty",
    b" \n": "the file is empty",
    b"%PDF-1.7\n%\xe2\xe3\xcf\xd3": "it is a PDF",
    b"\x89PNG\r\n\x1a\n": "it is a picture (PNG); a badge baked into one is not read here",
    b"\xff\xd8\xff\xe0": "it is a picture (JPEG)",
    b"GIF89a": "it is a picture (GIF)",
    b"PK\x03\x04": "it is a ZIP archive, or a document of an office program",
    gzip.compress(b"{}"): "it is packed (gzip)",
    "{}".encode("utf-16"): "it is text in UTF-16, and JSON is UTF-8",
    b"<!doctype html>": "it is a web page, or other markup",
    b"\n<?xml version='1.0'?>": "it is a web page, or other markup",
    b"eyJhbGciOiJFUzI1NiJ9.eyJ2YyI6e319.AA-_\n": (
        "it is a JWT, a form of credential that is not read here"
    ),
}


@pytest.mark.parametrize(("raw", "told"), KINDS.items(), ids=range(len(KINDS)))
def test_the_sentence_says_what_it_is(raw: bytes, told: str) -> None:
    report = judge(examine(raw, None), NoEvidence("unasked"), TrustPolicy(), NOW)
    assert report.sentence == f"MALFORMED: No credential can be read from it: {told}."


def test_of_anything_else_the_fault_and_its_place_are_told() -> None:
    for raw in (b"{", b"\xef\xbb\xbf{}", b"eyJ", b"hello", b'{"a": 1e400}'):
        assert told_kind(raw) is None
        report = judge(examine(raw, None), NoEvidence("unasked"), TrustPolicy(), NOW)
        assert report.sentence.startswith("MALFORMED: No credential can be read from it: ")
    assert told_kind(good_case().raw) is None


def test_a_document_without_an_issuer_is_told_so() -> None:
    report = judge(examine(b'{"a": 1}', None), NoEvidence("unasked"), TrustPolicy(), NOW)
    assert "/issuer: missing" in report.sentence
