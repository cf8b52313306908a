"""The signed statement of an audit: signed as others read it, and every change is named."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey
from report_cases import ISSUER, report

from registry.auditing.auditor_key import load_or_create
from registry.auditing.findings import Finding, Matter, Severity
from registry.auditing.statement import SignatureBroken, differences, read_signed, sign, statement
from registry.documents.multikey import PublicKey, verification_method
from registry.errors import MalformedDocument, WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

    from registry.auditing.audit_report import AuditReport
    from registry.formats.strict_json import JsonObject

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = PublicKey(PRIVATE.public_key().public_bytes_raw())
AT = 1_800_000_000


def said_of(report: AuditReport) -> JsonObject:
    return statement(report, None, 86_400, at=AT, tool="credanchor 0")


def signed_with(header: JsonObject, payload: bytes) -> str:
    parts = [urlsafe_b64encode(one).rstrip(b"=") for one in (rfc8785.dumps(header), payload)]
    signature = PRIVATE.sign(b".".join(parts))
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


HEADER: JsonObject = {
    "alg": "EdDSA",
    "kid": verification_method(KEY),
    "typ": "credanchor-audit+jws",
}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
def test_another_library_reads_it_and_the_same_bytes_come_from_it() -> None:
    text = sign(said_of(report()), KEY, PRIVATE.sign)
    public = OKPKey.import_key(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": urlsafe_b64encode(KEY).rstrip(b"=").decode(),
        }
    )
    registry = jws.JWSRegistry(algorithms=["EdDSA"])
    theirs = jws.deserialize_compact(text, public, registry=registry)
    assert json.loads(theirs.payload) == said_of(report())
    assert theirs.headers() == HEADER
    private = OKPKey.import_key(
        {
            **public.as_dict(),
            "d": urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode(),
        }
    )
    again = jws.serialize_compact(
        json.loads(rfc8785.dumps(HEADER)),
        rfc8785.dumps(said_of(report())),
        private,
        registry=registry,
    )
    assert read_signed(again) == read_signed(text)


def test_it_says_what_was_checked() -> None:
    signed = read_signed(sign(said_of(report()), KEY, PRIVATE.sign))
    assert signed.key == KEY
    assert signed.asked.block == report().block.number
    assert signed.asked.every_s == 86_400
    whole = rfc8785.dumps(report().to_json())
    assert signed.said["report"] == "0x" + sha256(whole).hexdigest()
    assert list(differences(signed.said, said_of(report()))) == []


@given(st.data())
def test_no_changed_character_is_taken(data: st.DataObject) -> None:
    text = sign(said_of(report()), KEY, PRIVATE.sign)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_.=+/ "))
    changed = text[:place] + other + text[place + 1 :]
    if changed != text:
        with pytest.raises(MalformedDocument):
            read_signed(changed)


def test_a_changed_payload_breaks_the_signature() -> None:
    head, _, signature = sign(said_of(report()), KEY, PRIVATE.sign).split(".")
    forged = rfc8785.dumps({**said_of(report()), "at": AT + 1})
    payload = urlsafe_b64encode(forged).rstrip(b"=").decode()
    with pytest.raises(SignatureBroken):
        read_signed(f"{head}.{payload}.{signature}")


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({**HEADER, "alg": "none"}, rfc8785.dumps({})),
        ({**HEADER, "crit": ["b64"]}, rfc8785.dumps({})),
        ({**HEADER, "typ": "JWT"}, rfc8785.dumps({})),
        ({**HEADER, "kid": "did:web:example.edu#key-1"}, rfc8785.dumps({})),
        (HEADER, b"{}"),
        (HEADER, b"[]"),
        (HEADER, b'{"a":1, "b":2}'),
        (HEADER, rfc8785.dumps({**said_of(report()), "version": 2})),
        (HEADER, rfc8785.dumps({**said_of(report()), "more": 1})),
        (HEADER, rfc8785.dumps({**said_of(report()), "block": 7})),
        (HEADER, rfc8785.dumps({**said_of(report()), "chain": "eip155:one"})),
        (HEADER, json.dumps(said_of(report())).encode()),
    ],
)
def test_what_is_no_statement_is_refused_though_it_is_signed(
    header: JsonObject, payload: bytes
) -> None:
    with pytest.raises(MalformedDocument):
        read_signed(signed_with(header, payload))


def test_each_field_that_differs_is_named() -> None:
    one = report()
    other = replace(
        one,
        issuers=(replace(one.issuers[0], history="0x" + "ee" * 27, revoked=9),),
        findings=(Finding(Matter.PAUSED, Severity.NOTE, "paused", ISSUER),),
    )
    found = {
        each.field: (each.signed, each.own) for each in differences(said_of(one), said_of(other))
    }
    assert found == {
        f"issuers/{ISSUER.to_hex()}/history": (one.issuers[0].history, "0x" + "ee" * 27),
        f"issuers/{ISSUER.to_hex()}/revoked": (one.issuers[0].revoked, 9),
        "findings/ofTheChain/key-change": (1, 0),
        "findings/ofTheChain/mass-revocation": (1, 0),
        "findings/ofTheChain/paused": (0, 1),
    }


def test_an_issuer_that_is_left_out_is_named() -> None:
    found = list(differences(said_of(replace(report(), issuers=())), said_of(report())))
    assert [one.field for one in found] == [f"issuers/{ISSUER.to_hex()}"]
    assert found[0].signed is None


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "auditor.pem"
    first, made = load_or_create(file)
    again, made_again = load_or_create(file)
    assert (made, made_again) == (True, False)
    assert first.private_bytes_raw() == again.private_bytes_raw()
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(WorkspaceError, match="chmod 600"):
        load_or_create(file)
    file.write_text("no key")
    file.chmod(0o600)
    with pytest.raises(WorkspaceError, match="no key in clear"):
        load_or_create(file)
