"""Who issued it: DID documents over real TLS, and policy, against the real contract on a chain."""

from __future__ import annotations

import gzip
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from test_verify_cli import CHAIN, INDEX, KEY, PUBLIC, REVOKE, Desk, Registry, deploy, seal
from web_server import Site, https_site

from registry.documents.data_integrity import sign
from registry.documents.multikey import encode_multikey
from registry.nodes.rpc import Node
from registry.verifying import guarded_https
from registry.workspaces import artifact
from registry.workspaces.devchain import DevChain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry.formats.receipt import Receipt
    from registry.formats.strict_json import JsonObject
    from registry.values import IssuerId

PLACE = "/.well-known/did.json"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with DevChain(tmp_path_factory.mktemp("chain")).use() as url, Node(url) as node:
        yield deploy(node, url)


@dataclass
class University:
    """An issuer with a did:web, its site, and the issuer id under which it anchors."""

    registry: Registry
    site: Site
    issuer_id: IssuerId

    @property
    def did(self) -> str:
        return self.site.did

    def document(self, home: IssuerId | None = None, **method: Any) -> dict[str, Any]:
        place = f"did:pkh:{CHAIN}:{self.registry.address}#{home or self.issuer_id}"
        return {
            "id": self.did,
            "verificationMethod": [
                {
                    "id": f"{self.did}#key-1",
                    "type": "Multikey",
                    "controller": self.did,
                    "publicKeyMultibase": encode_multikey(PUBLIC),
                    **method,
                }
            ],
            "assertionMethod": [f"{self.did}#key-1"],
            "service": [{"id": "#a", "type": "CredAnchorIssuer", "serviceEndpoint": place}],
        }

    def publish(self, document: dict[str, Any]) -> None:
        self.site.put(PLACE, document)

    def commit(self, document: dict[str, Any], account: int = 0, home: Any = None) -> None:
        digest = sha256(rfc8785.dumps(document)).digest()
        issuer_id = home or self.issuer_id
        self.registry.send("setDid(bytes32,bytes32,string)", issuer_id, digest, "", account=account)
        self.registry.finalize()

    def signed(self, document: JsonObject) -> JsonObject:
        return sign(
            document,
            PUBLIC,
            KEY.sign,
            proof_id="urn:example:p",
            created=datetime(2020, 1, 1, tzinfo=UTC),
            method=f"{self.did}#key-1",
        )

    def issued(
        self, issuer_id: IssuerId | None = None, account: int = 0, **changed: Any
    ) -> tuple[JsonObject, Receipt]:
        document = self.signed(
            {
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "id": "urn:example:1",
                "type": ["VerifiableCredential"],
                "issuer": self.did,
                "credentialSubject": {"id": "did:example:learner"},
                **changed,
            }
        )
        receipt = seal(self.registry, issuer_id or self.issuer_id, document)
        self.registry.anchor(receipt, account=account)
        self.registry.finalize()
        return document, receipt


@pytest.fixture
def university(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[University]:
    with https_site(tmp_path) as site:
        monkeypatch.setattr(guarded_https, "Guard", lambda: site.guard)
        yield University(registry, site, registry.register())


@pytest.fixture
def desk(tmp_path: Path, university: University, capsys: pytest.CaptureFixture[str]) -> Desk:
    found = Desk(tmp_path, university.registry, capsys)
    write_policy(found, f'[[trust.dids]]\ndid = "{university.did}"\nname = "The University"\n')
    return found


def write_policy(desk: Desk, entries: str) -> None:
    trusted = (
        f'[[trust.registries]]\nchain = "{CHAIN}"\naddress = "{desk.registry.address}"\n'
        f'code_hash = "{artifact.load().code_hash}"\n'
    )
    (desk.folder / "policy.toml").write_text(trusted + entries)


def by_id(issuer_id: IssuerId, registry: Registry, more: str = "") -> str:
    return (
        f'[[trust.issuers]]\nchain = "{CHAIN}"\nregistry = "{registry.address}"\n'
        f'issuer_id = "{issuer_id}"\nname = "The University"\n{more}\n'
    )


def test_a_trusted_did_that_names_who_anchored_is_valid(desk: Desk, university: University) -> None:
    university.publish(university.document())
    university.commit(university.document())
    document, receipt = university.issued()
    report = desk.verify(document, receipt)
    assert report["verdict"] == "VALID"
    assert report["sentence"].startswith("VALID: issued by The University, ")
    assert [check["outcome"] for check in report["checks"]] == ["VALID", "SKIPPED"] + ["VALID"] * 9
    assert university.site.asked == [PLACE]


def test_a_strangers_anchor_over_a_truly_signed_revoked_credential_is_untrusted(
    desk: Desk, university: University
) -> None:
    """The holder registers, commits to a forged document of the DID, and anchors it again."""
    university.publish(university.document())
    university.commit(university.document())
    document, receipt = university.issued()
    university.registry.change(receipt, REVOKE, INDEX)
    university.registry.finalize()
    assert desk.verdict(document, receipt) == "REVOKED"

    stranger = university.registry.register(account=3)
    university.commit(university.document(home=stranger), account=3, home=stranger)
    again = seal(university.registry, stranger, document)
    university.registry.anchor(again, account=3)
    university.registry.finalize()
    report = desk.verify(document, again)
    assert report["verdict"] == "ISSUER_UNTRUSTED"
    assert report["checks"][7]["reason"] == "did-names-another"
    assert stranger.to_hex() in report["sentence"]


def test_what_cannot_be_fetched_cannot_be_checked_and_is_never_invalid(
    desk: Desk, university: University
) -> None:
    university.commit(university.document())
    document, receipt = university.issued()
    report = desk.verify(document, receipt)
    assert report["verdict"] == "CANNOT_CHECK"
    assert "HTTP status 404" in report["checks"][7]["sentence"]
    university.publish({**university.document(), "id": "did:web:other.example"})
    assert desk.verdict(document, receipt) == "CANNOT_CHECK"


def test_a_document_given_by_the_verifier_needs_no_fetch(
    desk: Desk, university: University
) -> None:
    university.commit(university.document())
    document, receipt = university.issued()
    file = desk.folder / "did.json"
    file.write_text(json.dumps(university.document()))
    asked = ("--rpc", university.registry.url, "--did-document", str(file))
    assert desk.verdict(document, receipt, *asked) == "VALID"
    assert university.site.asked == []


def test_nothing_is_fetched_when_told_so_nor_for_what_is_refused_anyway(
    desk: Desk, university: University
) -> None:
    university.publish(university.document())
    university.commit(university.document())
    document, receipt = university.issued()
    rpc = ("--rpc", university.registry.url)
    report = desk.verify(document, receipt, *rpc, "--no-fetch")
    assert report["verdict"] == "CANNOT_CHECK"
    assert (
        "was not read: it did not come along, and nobody fetched it"
        in report["checks"][7]["sentence"]
    )
    assert desk.verdict(document, receipt, "--offline") == "CANNOT_CHECK"
    write_policy(desk, '[[trust.dids]]\ndid = "did:web:another.example"\nname = "Another"\n')
    assert desk.verdict(document, receipt) == "ISSUER_UNTRUSTED"
    assert university.site.asked == []


def test_a_document_that_the_registry_does_not_commit_to_cannot_be_checked(
    desk: Desk, university: University
) -> None:
    university.publish(university.document())
    document, receipt = university.issued()
    assert desk.verdict(document, receipt) == "CANNOT_CHECK"
    university.commit(university.document())
    assert desk.verdict(document, receipt) == "VALID"


def test_a_retired_key_is_good_for_what_was_anchored_before(
    desk: Desk, university: University
) -> None:
    document, receipt = university.issued()
    for revoked, verdict in (
        ("2020-01-02T00:00:00Z", "TAMPERED"),
        ("2999-01-01T00:00:00Z", "VALID"),
    ):
        described = university.document(revoked=revoked)
        university.publish(described)
        university.commit(described)
        assert desk.verdict(document, receipt) == verdict


def test_an_entry_that_names_both_needs_the_document_for_the_key_alone(
    desk: Desk, university: University
) -> None:
    speaks = f'speaks_for = ["{university.did}"]'
    write_policy(desk, by_id(university.issuer_id, university.registry, speaks))
    document, receipt = university.issued()
    report = desk.verify(document, receipt)
    assert report["verdict"] == "CANNOT_CHECK"
    assert report["checks"][2]["reason"] == "key-unknown"
    assert report["checks"][7]["outcome"] == "VALID"
    university.publish(university.document())
    university.commit(university.document())
    assert desk.verdict(document, receipt) == "VALID"


def test_an_issuer_id_alone_is_bound_to_the_did_that_names_it(
    desk: Desk, university: University
) -> None:
    write_policy(desk, by_id(university.issuer_id, university.registry))
    university.publish(university.document())
    university.commit(university.document())
    document, receipt = university.issued()
    assert desk.verdict(document, receipt) == "VALID"


def test_a_purpose_widens_trust_to_the_entries_for_it_and_no_others(
    desk: Desk, university: University
) -> None:
    university.publish(university.document())
    university.commit(university.document())
    document, receipt = university.issued()
    entry = f'[[trust.dids]]\ndid = "{university.did}"\nname = "U"\npurposes = ["hiring"]\n'
    write_policy(desk, entry)
    rpc = ("--rpc", university.registry.url)
    assert desk.verdict(document, receipt, *rpc, "--purpose", "hiring") == "VALID"
    refused = desk.verify(document, receipt, *rpc)
    assert refused["verdict"] == "ISSUER_UNTRUSTED"
    assert refused["sentence"].endswith("but for hiring.")
    assert desk.verdict(document, receipt, *rpc, "--purpose", "admission") == "ISSUER_UNTRUSTED"


def test_one_document_serves_all_credentials_of_its_issuer(
    desk: Desk, university: University
) -> None:
    from registry import cli
    from registry.formats.receipt import embed

    university.publish(university.document())
    university.commit(university.document())
    document, receipt = university.issued()
    names = [str(desk.folder / f"{number}.json") for number in range(5)]
    for name in names:
        with open(name, "w") as file:  # noqa: PTH123
            json.dump(embed(document, receipt), file)
    policy = str(desk.folder / "policy.toml")
    asked = ["verify", "--policy", policy, "--rpc", university.registry.url, *names]
    assert cli.main(asked) == 0
    assert university.site.asked == [PLACE]


def test_a_policy_file_with_a_faulty_document_is_wrong_usage(
    desk: Desk, university: University
) -> None:
    from registry import cli

    file = desk.folder / "did.json"
    file.write_text("{}")
    policy = str(desk.folder / "policy.toml")
    asked = ["verify", "--policy", policy, "--offline", "--did-document", str(file), str(file)]
    assert cli.main(asked) == 2
    assert f"{file}: /id: not a DID" in desk.capsys.readouterr().err


# --- status lists


@dataclass
class Listed:
    """A university whose credential names a status list on its own site."""

    university: University
    document: JsonObject
    receipt: Receipt

    @property
    def url(self) -> str:
        return self.university.site.url("/status/1")

    def list(self, *revoked: int) -> JsonObject:
        bits = bytearray(16384)
        for index in revoked:
            bits[index // 8] |= 0x80 >> index % 8
        packed = urlsafe_b64encode(gzip.compress(bytes(bits))).decode().rstrip("=")
        return self.university.signed(
            {
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "id": self.url,
                "type": ["VerifiableCredential", "BitstringStatusListCredential"],
                "issuer": self.university.did,
                "credentialSubject": {
                    "type": "BitstringStatusList",
                    "statusPurpose": "revocation",
                    "encodedList": f"u{packed}",
                },
            }
        )


@pytest.fixture
def listed(university: University) -> Listed:
    status = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "77",
        "statusListCredential": university.site.url("/status/1"),
    }
    university.publish(university.document())
    university.commit(university.document())
    return Listed(university, *university.issued(credentialStatus=status))


def test_a_status_list_is_fetched_and_the_worse_of_list_and_chain_wins(
    desk: Desk, listed: Listed
) -> None:
    site = listed.university.site
    site.put("/status/1", listed.list(76, 78))
    report = desk.verify(listed.document, listed.receipt)
    assert report["verdict"] == "VALID"
    assert report["checks"][8]["facts"]["statusList"] == "clear"
    assert site.asked == [PLACE, "/status/1"]
    site.put("/status/1", listed.list(77))
    report = desk.verify(listed.document, listed.receipt)
    assert report["verdict"] == "REVOKED"
    assert "Revoked in the issuer's status list. The chain: Neither" in report["sentence"]
    site.put("/status/1", listed.list())
    listed.university.registry.change(listed.receipt, REVOKE, INDEX)
    report = desk.verify(listed.document, listed.receipt)
    assert report["verdict"] == "REVOKED"
    assert site.asked.count("/status/1") == 2  # what the chain revokes needs no list


@pytest.mark.parametrize("fault", ["missing", "forged", "endless", "compressed"])
def test_a_list_that_cannot_be_relied_on_leaves_it_open(
    desk: Desk, listed: Listed, fault: str
) -> None:
    site = listed.university.site
    if fault == "forged":
        site.put("/status/1", {**listed.list(), "validUntil": "2999-01-01T00:00:00Z"})
    if fault == "endless":
        site.put("/status/1", b"[" * 2_000_000)
    if fault == "compressed":
        body = gzip.compress(json.dumps(listed.list()).encode())
        site.put("/status/1", body, "200 OK", "Content-Encoding: gzip")
    report = desk.verify(listed.document, listed.receipt)
    assert report["verdict"] == "CANNOT_CHECK"
    assert report["checks"][8]["reason"] == "status-list-not-read"
    rpc = ("--rpc", listed.university.registry.url)
    did = desk.folder / "did.json"
    did.write_text(json.dumps(listed.university.document()))
    alone = desk.verify(
        listed.document, listed.receipt, *rpc, "--no-fetch", "--did-document", str(did)
    )
    assert alone["verdict"] == "VALID"
    assert "status list was not looked at: nobody fetched it." in alone["checks"][8]["sentence"]


def test_a_list_may_be_given_as_a_file(desk: Desk, listed: Listed) -> None:
    file = desk.folder / "list.json"
    rpc = ("--rpc", listed.university.registry.url, "--status-list", str(file))
    for revoked, verdict in ((76, "VALID"), (77, "REVOKED")):
        file.write_text(json.dumps(listed.list(revoked)))
        assert desk.verdict(listed.document, listed.receipt, *rpc) == verdict
    assert "/status/1" not in listed.university.site.asked


def test_no_list_is_fetched_for_a_credential_that_nobody_vouches_for(
    desk: Desk, listed: Listed
) -> None:
    write_policy(desk, '[[trust.dids]]\ndid = "did:web:another.example"\nname = "Another"\n')
    assert desk.verdict(listed.document, listed.receipt) == "ISSUER_UNTRUSTED"
    assert listed.university.site.asked == []
