"""The released vectors of who may speak for whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vector_files import load, named, unhex

from registry.documents.did_document import DidDocument, Home
from registry.documents.issuer_word import IssuerWord, KnownDocument, Origin
from registry.errors import MalformedDocument
from registry.formats.credential import Credential
from registry.judging.acceptance import accept, issuer_keys
from registry.judging.examination import signature_step
from registry.judging.policy import TrustedDid, TrustedIssuer, TrustPolicy
from registry.moments import read_moment, stamp
from registry.values import Address, ChainId, DidHash, IssuerId

VECTORS = load("identity-v1")
DOCUMENTS = {one["name"]: one for one in VECTORS["documents"]}


def home_of(value: dict[str, str]) -> Home:
    return Home(
        ChainId.parse(value["chain"]),
        Address.from_hex(value["registry"]),
        IssuerId.from_hex(value["issuerId"]),
    )


@pytest.mark.parametrize("entry", **named(VECTORS["documents"]))
def test_documents(entry: dict[str, Any]) -> None:
    document = DidDocument.from_json(entry["document"])
    assert document.hash == unhex(entry["hash"])
    assert document.did == entry["did"]
    assert document.homes == set(map(home_of, entry["homes"]))
    found = [
        {
            "url": one.url,
            "kind": "Ed25519" if len(one.key) == 32 else "P-256",
            "publicKey": "0x" + one.key.hex(),
            "retiredAt": stamp(one.retired_at) if one.retired_at else None,
        }
        for one in document.keys
    ]
    assert found == entry["keys"]


@pytest.mark.parametrize("entry", **named(VECTORS["refusedDocuments"]))
def test_refused_documents(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedDocument) as caught:
        DidDocument.parse(entry["text"].encode())
    assert caught.value.place == entry["pointer"]


@pytest.mark.parametrize("entry", **named(VECTORS["cases"]))
def test_cases(entry: dict[str, Any]) -> None:
    home = home_of(entry["home"])
    policy = TrustPolicy(
        issuers=tuple(
            TrustedIssuer(
                home.chain,
                home.registry,
                IssuerId.from_hex(one["issuerId"]),
                tuple(one["speaksFor"]),
                one["name"],
            )
            for one in entry["policy"]["issuers"]
        ),
        dids=tuple(TrustedDid(one["did"], one["name"]) for one in entry["policy"]["dids"]),
    )
    word = IssuerWord(
        tuple(
            KnownDocument(
                DidDocument.from_json(DOCUMENTS[one["name"]]["document"]), Origin(one["origin"])
            )
            for one in entry["documents"]
        )
    )
    credential = Credential.parse(json.dumps(entry["credential"]).encode())
    did_hash = DidHash.from_hex(entry["didHash"])
    at = entry["anchoredAt"]
    accepted = accept(policy, home, credential.issuer_id, word, did_hash)
    assert (accepted.outcome, accepted.reason) == tuple(entry["standing"].values())
    keys = issuer_keys(
        accepted,
        credential.issuer_id,
        word,
        did_hash,
        None if at is None else int(read_moment(at).timestamp()),
    )
    signature = signature_step(credential, keys)
    assert (signature.outcome, signature.reason) == tuple(entry["signature"].values())
