"""Exported files: safe names, the received values, and a refusal of damaged documents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor_service.errors import DamagedStore
from anchor_service.operating.exporting import file_stem, with_anchor
from anchor_service.store.store import Placed
from registry.formats.credential import Credential
from registry.formats.receipt import Receipt
from registry.formats.strict_json import MAX_CREDENTIAL_BYTES, MAX_FILE_BYTES, read_object
from registry.values import Address, BatchRoot, ChainId, IssuerId, Salt

RAW = (
    b'{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],'
    b'"issuer":"did:example:x","credentialSubject":{"n":1.0,"big":9007199254740991,"t":"\\u00e9"},'
    b'"filler":[%s]}'
)


def placed(filler: bytes = b"", label: str | None = None) -> Placed:
    raw = RAW % filler
    return Placed(None, label, Credential.parse(raw).digest, raw, 0, Salt(bytes(32)))


def receipt() -> Receipt:
    root = BatchRoot(bytes(32))
    return Receipt(
        ChainId(31337), Address(bytes(20)), IssuerId(bytes(32)), 0, 1, Salt(bytes(32)), (), root
    )


@pytest.mark.parametrize(
    ("label", "stem"),
    [
        ("Zoë Hämäläinen", "zoë-hämäläinen"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\con|<>*?", "c-con"),
        ("李小龙", "李小龙"),
        ("ab\u202egpj.exe\0", "ab-gpj-exe"),
        ("", "credential"),
        (None, "credential"),
        ("---", "credential"),
    ],
)
def test_names_are_safe_and_peoples_own(label: str | None, stem: str) -> None:
    one = placed(label=label)
    assert file_stem(one) == f"{stem}-{one.digest.hex()[:16]}"


def test_the_longest_name_fits_every_file_system() -> None:
    one = placed(label="\U0001f600𐐷漢" * 100)
    assert len(f".{file_stem(one)}.receipt.json.new".encode()) <= 255


def test_every_value_is_as_received() -> None:
    one = placed()
    written = read_object(with_anchor(one, receipt()))
    assert written.pop("proof")
    assert written == read_object(one.document)
    assert isinstance(written["credentialSubject"], dict)
    assert isinstance(written["credentialSubject"]["n"], float)


def test_white_space_never_pushes_a_credential_over_the_limit() -> None:
    one = placed(b",".join([b"0"] * 300_000))
    assert len(one.document) < MAX_CREDENTIAL_BYTES
    assert len(with_anchor(one, receipt())) <= MAX_FILE_BYTES


def test_a_damaged_document_is_not_exported() -> None:
    damaged = replace(placed(), document=RAW % b"1")
    with pytest.raises(DamagedStore, match="restore a backup"):
        with_anchor(damaged, receipt())
