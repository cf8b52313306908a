from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from vector_files import load, named

from registry.errors import MalformedDocument, MalformedJson
from registry.formats.canonical import canonicalize
from registry.formats.credential import (
    Credential,
    anchor_proofs,
    credential_digest,
    issuer_proofs,
    without_anchor_proofs,
)
from registry.formats.strict_json import (
    MAX_CREDENTIAL_BYTES,
    MAX_FILE_BYTES,
    JsonObject,
    read_object,
)

VECTORS = load("digest-v1")
DOCUMENTS = [
    {**document, "digest": group["digest"], "canonical": group["canonical"]}
    for group in VECTORS["groups"]
    for document in group["documents"]
]
EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "openbadges" / "examples"
ANCHOR: JsonObject = {"type": "DataIntegrityProof", "cryptosuite": "credanchor-x"}


def raw(**members: Any) -> bytes:
    document = {"issuer": "did:example:school", **members}
    return json.dumps({key: value for key, value in document.items() if value is not ...}).encode()


@pytest.mark.parametrize("entry", **named(DOCUMENTS))
@pytest.mark.parametrize("indent", [None, 4])
def test_digests_of_the_vectors_in_any_layout(entry: dict[str, Any], indent: int | None) -> None:
    document = json.loads(entry["text"])
    laid_out = json.dumps(document, indent=indent, ensure_ascii=indent is None).encode()
    credential = Credential.parse(laid_out)
    assert credential.document == document
    assert credential.digest.to_hex() == entry["digest"]
    assert credential_digest(document).to_hex() == entry["digest"]
    assert canonicalize(without_anchor_proofs(document)).decode() == entry["canonical"]


def test_groups_of_the_vectors_have_digests_of_their_own() -> None:
    digests = [group["digest"] for group in VECTORS["groups"]]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("entry", **named(VECTORS["refused"]))
def test_a_proof_of_another_shape_is_refused_where_it_stands(entry: dict[str, Any]) -> None:
    for attempt in (
        lambda: Credential.parse(entry["text"].encode()),
        lambda: credential_digest(json.loads(entry["text"])),
    ):
        with pytest.raises(MalformedDocument) as refusal:
            attempt()
        assert refusal.value.place == entry["pointer"]


def test_setting_aside_leaves_the_document_as_it_was() -> None:
    signature: JsonObject = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022"}
    document: JsonObject = {"a": {"b": 1}, "proof": [ANCHOR, signature]}
    before = copy.deepcopy(document)
    rest = without_anchor_proofs(document)
    assert document == before
    assert rest == {"a": {"b": 1}, "proof": signature}
    assert rest["a"] is document["a"]
    assert anchor_proofs(document) == [ANCHOR]
    assert issuer_proofs(document) == [signature]


def test_no_change_outside_the_anchor_goes_unseen() -> None:
    document = json.loads(DOCUMENTS[0]["text"])
    digest = credential_digest(document)
    for member in document:
        changed = {key: value for key, value in document.items() if key != member}
        assert credential_digest(changed) != digest
    assert credential_digest({**document, "extra": None}) != digest


@pytest.mark.parametrize("document", [b"[]", b"null", b'"x"', b"1"])
def test_a_credential_is_an_object(document: bytes) -> None:
    with pytest.raises(MalformedDocument, match="a credential is a JSON object"):
        Credential.parse(document)


def test_what_is_not_strict_json_is_no_credential() -> None:
    with pytest.raises(MalformedJson, match="duplicate key"):
        Credential.parse(b'{"issuer":"did:a:b","issuer":"did:a:c"}')


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"issuer": ...}, "/issuer"),
        ({"issuer": None}, "/issuer"),
        ({"issuer": ["did:a:b"]}, "/issuer"),
        ({"issuer": {}}, "/issuer"),
        ({"issuer": {"id": 1}}, "/issuer"),
        ({"id": 1}, "/id"),
        ({"id": None}, "/id"),
        ({"validFrom": 1_700_000_000}, "/validFrom"),
        ({"validUntil": None}, "/validUntil"),
        ({"validUntil": ["2026-01-01T00:00:00Z"]}, "/validUntil"),
        ({"expirationDate": 2026}, "/expirationDate"),
    ],
)
def test_members_that_verdicts_rest_on_have_one_type(members: dict[str, Any], place: str) -> None:
    with pytest.raises(MalformedDocument) as refusal:
        Credential.parse(raw(**members))
    assert refusal.value.place == place


def test_what_it_says_of_itself() -> None:
    credential = Credential.parse(
        raw(
            id="urn:x",
            issuer={"id": "did:a:b"},
            type=["VerifiableCredential", 1, "OpenBadgeCredential"],
            name="A name",
            validFrom="2026-01-01T00:00:00Z",
            validUntil="2027-01-01T00:00:00Z",
        )
    )
    assert credential.id == "urn:x"
    assert credential.issuer_id == "did:a:b"
    assert credential.types == ("VerifiableCredential", "OpenBadgeCredential")
    assert credential.name == "A name"
    assert credential.valid_from == "2026-01-01T00:00:00Z"
    assert credential.valid_until == "2027-01-01T00:00:00Z"


def test_what_it_does_not_say() -> None:
    credential = Credential.parse(raw())
    assert credential.issuer_id == "did:example:school"
    assert (credential.id, credential.name) == (None, None)
    assert (credential.valid_from, credential.valid_until) == (None, None)
    assert credential.types == ()


def test_dates_of_data_model_1_1_count_where_those_of_2_0_are_missing() -> None:
    old = {"issuanceDate": "2020-01-01T00:00:00Z", "expirationDate": "2021-01-01T00:00:00Z"}
    credential = Credential.parse(raw(**old))
    assert credential.valid_from == old["issuanceDate"]
    assert credential.valid_until == old["expirationDate"]
    newer = Credential.parse(raw(**old, validUntil="2031-01-01T00:00:00Z"))
    assert newer.valid_until == "2031-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"credentialSubject": {"achievement": {"name": "Badge"}}}, "Badge"),
        ({"name": "Own", "credentialSubject": {"achievement": {"name": "Badge"}}}, "Own"),
        ({"name": {"en": "Map"}, "credentialSubject": {"achievement": {"name": "Badge"}}}, "Badge"),
        ({"type": "One", "credentialSubject": [{}]}, None),
        ({"credentialSubject": {"achievement": "https://example.org"}}, None),
    ],
)
def test_it_is_called_by_its_own_name_or_its_achievement_s(
    members: dict[str, Any], name: str | None
) -> None:
    assert Credential.parse(raw(**members)).name == name


def sized(size: int, **members: Any) -> bytes:
    """A credential whose canonical form without anchor proofs has `size` bytes."""
    base = len(canonicalize(without_anchor_proofs(read_object(raw(pad="", **members)))))
    return raw(pad="x" * (size - base), **members)


@pytest.mark.parametrize("members", [{}, {"proof": ANCHOR}, {"proof": [ANCHOR]}])
def test_its_size_is_that_of_the_canonical_form_without_anchors(members: dict[str, Any]) -> None:
    Credential.parse(sized(MAX_CREDENTIAL_BYTES, **members))
    with pytest.raises(MalformedDocument, match="more than 1,048,576 bytes in canonical form"):
        Credential.parse(sized(MAX_CREDENTIAL_BYTES + 1, **members))


def test_the_file_has_64_kib_more_and_no_byte_beyond() -> None:
    full = sized(MAX_CREDENTIAL_BYTES, proof=ANCHOR)
    Credential.parse(full + b" " * (MAX_FILE_BYTES - len(full)))
    with pytest.raises(MalformedJson, match="at most 1,114,112"):
        Credential.parse(full + b" " * (MAX_FILE_BYTES - len(full) + 1))


@pytest.mark.parametrize("name", ["complete", "endorsement-valid", "simple-noproof"])
def test_official_samples_are_read_as_received(name: str) -> None:
    if not EXAMPLES.is_dir():
        pytest.skip(f"the official samples are not at {EXAMPLES}; digest-v1.json covers digests")
    text = (EXAMPLES / f"{name}.json").read_bytes()
    credential = Credential.parse(text)
    assert credential.document == json.loads(text)
    assert "VerifiableCredential" in credential.types
    assert credential.name
