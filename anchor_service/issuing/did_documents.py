"""An issuer's DID document, written and kept: pure.

Who writes it may add members of their own (other services, other keys); what stands there stays. A
retired key stays too, with its time: what was anchored before is judged by it for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchor_service.errors import DidDocumentError
from registry.documents.data_integrity import sign
from registry.documents.did_document import SERVICE_TYPE, DidDocument, Home
from registry.documents.multikey import did_key, encode_multikey
from registry.errors import MalformedDocument
from registry.moments import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from anchor_service.issuing.issuer_key import IssuerKey
    from registry.documents.multikey import PublicKey
    from registry.formats.strict_json import JsonObject, JsonValue

_CONTEXTS = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")
_RELATIONSHIPS = ("authentication", "assertionMethod")


def method_of(did: str, key: PublicKey) -> str:
    """The DID URL by which proofs name a key of `did`; a did:key's own if it is one."""
    return f"{did}#{encode_multikey(key)}"


def describe(
    did: str, key: IssuerKey, home: Home, before: JsonObject | None, now: datetime
) -> JsonObject:
    """The document of `did` with this key and this home in it, on top of what it was before.

    The home is the issuer's id, not an account: accounts rotate, the id stays. A did:key's document
    is signed by its key: nothing else could show that it is its own. The same comes back where
    nothing is to be added. Raises DidDocumentError where `before` is another DID's, or unreadable.
    """
    document = _fresh(did) if before is None else {**before}
    found = _read(document, did)
    url = method_of(did, key.public)
    held = next((one for one in found.keys if one.key == key.public), None)
    if held is not None and held.retired_at is not None:
        raise DidDocumentError(f"the key {held.url} is retired there; a key does not come back")
    if held is not None and home in found.homes:
        return document
    if held is None:
        _append(document, "verificationMethod", _method(did, url, key.public))
        for relationship in _RELATIONSHIPS:
            _append(document, relationship, url)
    if home not in found.homes:
        _add_home(document, did, home)
    return _self_signed(document, did, key, now)


def retire(document: JsonObject, did: str, key: PublicKey, at: datetime) -> JsonObject:
    """The document with the key's end in it. Raises DidDocumentError where it has no such key."""
    found = _read(document, did)
    held = next((one for one in found.keys if one.key == key), None)
    if held is None:
        raise DidDocumentError("the document does not have the present key")
    names = (held.url, held.url.removeprefix(did))
    ended = {
        **document,
        "verificationMethod": [
            {**method, "revoked": stamp(at)}
            if isinstance(method, dict) and method.get("id") in names
            else method
            for method in _list(document, "verificationMethod")
        ],
    }
    if all(one.retired_at is None for one in _read(ended, did).keys if one.key == key):
        raise DidDocumentError(f"write {held.url} into `verificationMethod`: it ends there")
    return ended


def _fresh(did: str) -> JsonObject:
    return {"@context": [*_CONTEXTS], "id": did}


def _read(document: JsonObject, did: str) -> DidDocument:
    try:
        found = DidDocument.from_json(document)
    except MalformedDocument as fault:
        raise DidDocumentError(f"the document cannot be read: {fault}") from None
    if found.did != did:
        raise DidDocumentError(f"the document is that of {found.did}, not of {did}")
    return found


def _method(did: str, url: str, key: PublicKey) -> JsonObject:
    multikey = encode_multikey(key)
    return {"id": url, "type": "Multikey", "controller": did, "publicKeyMultibase": multikey}


def _add_home(document: JsonObject, did: str, home: Home) -> None:
    services = _list(document, "service")
    own = f"{did}#credanchor"
    for place, service in enumerate(services):
        if isinstance(service, dict) and service.get("id") == own:
            endpoint = service["serviceEndpoint"]
            homes = [Home.parse(one) for one in (_listed(endpoint))]
            # In one registry it has one id; another there is of a registration that failed.
            others = [str(one) for one in homes if one[:2] != home[:2]]
            services[place] = {**service, "serviceEndpoint": [*others, str(home)]}
            break
    else:
        services.append({"id": own, "type": SERVICE_TYPE, "serviceEndpoint": str(home)})
    document["service"] = services


def _self_signed(document: JsonObject, did: str, key: IssuerKey, now: datetime) -> JsonObject:
    if did != did_key(key.public):
        return document
    bare = {name: value for name, value in document.items() if name != "proof"}
    return sign(bare, key.public, key.sign, proof_id=f"{did}#proof", created=now)


def _append(document: JsonObject, member: str, value: JsonValue) -> None:
    document[member] = [*_list(document, member), value]


def _list(document: JsonObject, member: str) -> list[JsonValue]:
    return _listed(document.get(member, []))


def _listed(value: JsonValue) -> list[JsonValue]:
    return [*value] if isinstance(value, list) else [value]
