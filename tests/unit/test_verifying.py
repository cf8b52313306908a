"""The shell around the verifier: files, receipts beside them, and how often the chain is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from verifier_cases import (
    ISSUER,
    NOW,
    POLICY,
    REGISTRY,
    case_of,
    dump,
    evidence_for,
    good_case,
    seal,
    signed,
    unsigned,
)

from registry.errors import NodeUnreachable
from registry.formats.receipt import embed
from registry.formats.strict_json import MAX_FILE_BYTES
from registry.judging.policy import TrustPolicy
from registry.report import Verdict
from registry.values import ChainId
from registry.verifying import files
from registry.verifying.files import judge_all, receipt_path, without_receipts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from registry.proofs.evidence import Evidence, Subject
    from registry.values import Address


@dataclass
class Chain:
    """Answers from the facts that make the cases VALID, and remembers what it was asked."""

    down: bool = False
    asked: list[list[Subject]] = field(default_factory=list)

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> list[Evidence]:
        self.asked.append(list(subjects))
        if self.down:
            raise NodeUnreachable("http://127.0.0.1:1: no connection")
        template = evidence_for(seal(unsigned()))
        return [
            replace(template, chain=chain, registry=registry, subject=subject)
            for subject in subjects
        ]


def verdicts(
    paths: list[Path],
    chain: Chain,
    *,
    receipt: Path | None = None,
    policy: TrustPolicy = POLICY,
) -> list[Verdict | None]:
    items = [path if receipt is None else (path, receipt) for path in paths]
    judged = judge_all(items, chain, policy, NOW)
    return [entry.report.verdict if entry.report else None for entry in judged]


def test_files_are_judged_in_order(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(good_case().raw)
    bad.write_bytes(good_case().raw.replace(b"Passed", b"Failed"))
    assert verdicts([bad, good], Chain()) == [Verdict.TAMPERED, Verdict.VALID]


@pytest.mark.parametrize(
    ("name", "receipt"),
    [
        ("a.json", "a.receipt.json"),
        ("a.jsonld", "a.receipt.json"),
        ("a.b.json", "a.b.receipt.json"),
        ("a", "a.receipt.json"),
    ],
)
def test_a_receipt_beside_the_credential_is_found(tmp_path: Path, name: str, receipt: str) -> None:
    assert receipt_path(tmp_path / name) == tmp_path / receipt
    case = case_of(signed(unsigned()), sidecar=True)
    assert case.sidecar is not None
    (tmp_path / name).write_bytes(case.raw)
    assert verdicts([tmp_path / name], Chain()) == [Verdict.NOT_ANCHORED]
    (tmp_path / receipt).write_bytes(case.sidecar)
    assert verdicts([tmp_path / name], Chain()) == [Verdict.VALID]


def test_a_receipt_named_elsewhere_is_used(tmp_path: Path) -> None:
    case = case_of(signed(unsigned()), sidecar=True)
    assert case.sidecar is not None
    (tmp_path / "a.json").write_bytes(case.raw)
    (tmp_path / "elsewhere").write_bytes(case.sidecar)
    found = verdicts([tmp_path / "a.json"], Chain(), receipt=tmp_path / "elsewhere")
    assert found == [Verdict.VALID]


def test_receipts_in_a_list_of_files_are_not_taken_for_credentials(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.json", "a.receipt.json", "lone.receipt.json")]
    assert without_receipts(paths) == [paths[0], paths[2]]


def test_a_file_that_cannot_be_opened_does_not_keep_others_from_their_verdict(
    tmp_path: Path,
) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(good_case().raw)
    missing, folder = tmp_path / "missing.json", tmp_path / "folder.json"
    folder.mkdir()
    judged = list(judge_all([missing, folder, good], Chain(), POLICY, NOW))
    assert isinstance(judged[0].failure, FileNotFoundError)
    assert judged[0].failure.filename == str(missing)
    assert isinstance(judged[1].failure, IsADirectoryError)
    assert judged[1].failure.filename == str(folder)
    assert judged[2].report is not None


def test_a_receipt_that_was_named_must_be_there(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_bytes(good_case().raw)
    missing = tmp_path / "missing.receipt.json"
    (judged,) = judge_all([(good, missing)], Chain(), POLICY, NOW)
    assert isinstance(judged.failure, FileNotFoundError)
    assert judged.failure.filename == str(missing)


def test_a_file_without_end_is_refused_after_the_limit(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(100 * MAX_FILE_BYTES)
    assert verdicts([big], Chain()) == [Verdict.MALFORMED]


def test_a_batch_is_asked_about_once_however_many_files_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PORTION", 2)
    paths = []
    for number in range(5):
        path = tmp_path / f"{number}.json"
        path.write_bytes(good_case().raw)
        paths.append(path)
    chain = Chain()
    assert verdicts(paths, chain) == [Verdict.VALID] * 5
    assert len(chain.asked) == 1
    assert len(chain.asked[0]) == 2  # all words of the batch


def test_the_chain_is_not_asked_where_no_answer_would_matter(tmp_path: Path) -> None:
    changed, elsewhere, lone = (tmp_path / f"{name}.json" for name in "abc")
    changed.write_bytes(good_case().raw.replace(b"Passed", b"Failed"))
    document = signed(unsigned())
    elsewhere.write_bytes(dump(embed(document, seal(document, chain=ChainId(1)))))
    lone.write_bytes(dump(document))
    chain = Chain()
    assert verdicts([changed, elsewhere, lone], chain) == [
        Verdict.TAMPERED,
        Verdict.ISSUER_UNTRUSTED,
        Verdict.NOT_ANCHORED,
    ]
    assert verdicts([changed], chain, policy=TrustPolicy()) == [Verdict.TAMPERED]
    assert chain.asked == []


def test_a_small_batch_is_asked_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(good_case().raw)
    chain = Chain()
    verdicts([path], chain)
    root = seal(signed(unsigned())).root
    assert [tuple(one) for one in chain.asked[0]] == [(ISSUER, root, 0), (ISSUER, root, 1)]


def test_of_a_large_batch_only_whole_words_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "WHOLE_BATCH_WORDS", 1)
    path = tmp_path / "a.json"
    path.write_bytes(good_case().raw)
    chain = Chain()
    verdicts([path], chain)
    root = seal(signed(unsigned())).root
    assert [tuple(one) for one in chain.asked[0]] == [(ISSUER, root, 1)]


def test_a_node_that_is_down_is_no_verdict_on_any_credential(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(good_case().raw)
    (judged,) = judge_all([path], Chain(down=True), POLICY, NOW)
    assert judged.report is not None
    assert judged.report.verdict is Verdict.CANNOT_CHECK
    assert "http://127.0.0.1:1: no connection" in judged.report.sentence
    assert REGISTRY.to_hex() not in judged.report.sentence
