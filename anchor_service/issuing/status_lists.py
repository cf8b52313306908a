"""A batch's status on the chain as a W3C status list, for verifiers that know only those: pure.

An entry's place is the credential's index in its batch, as its receipt has it: that is known only
once the batch is sealed, so no credential names the list itself. Who runs such a verifier is given
list and index.
"""

from __future__ import annotations

import gzip
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from anchor_service.issuing.did_documents import method_of
from registry.documents.data_integrity import sign
from registry.documents.open_badges import CREDENTIALS_CONTEXT
from registry.documents.status_list import CREDENTIAL_TYPE, LIST_TYPE, MIN_BITS, REVOCATION
from registry.formats.storage import LANES_PER_WORD, Status, lane_status
from registry.moments import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from anchor_service.issuing.issuer_key import IssuerKey
    from registry.formats.strict_json import JsonObject


def bitstring(words: Sequence[int], size: int, purpose: str, *, all_revoked: bool) -> bytes:
    """One bit a leaf, index 0 left-most, filled up with zeros to the least length of a list.

    words: the batch's status words, in order. all_revoked: the batch was revoked as a whole.
    """
    wanted = Status.REVOKED if purpose == REVOCATION else Status.SUSPENDED
    bits = bytearray(max(size + -size % 8, MIN_BITS) // 8)
    for index in range(size):
        word, lane = divmod(index, LANES_PER_WORD)
        status = Status.REVOKED if all_revoked else lane_status(words[word], lane)
        if status is wanted:
            bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def status_list(
    did: str,
    key: IssuerKey,
    url: str,
    purpose: str,
    bits: bytes,
    now: datetime,
    until: datetime,
) -> JsonObject:
    """The signed list credential, to be published at `url` (Bitstring Status List §2.2)."""
    packed = gzip.compress(bits, mtime=0)
    document: JsonObject = {
        "@context": [CREDENTIALS_CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", CREDENTIAL_TYPE],
        "issuer": did,
        "validFrom": stamp(now),
        "validUntil": stamp(until),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": LIST_TYPE,
            "statusPurpose": purpose,
            "encodedList": "u" + urlsafe_b64encode(packed).decode().rstrip("="),
        },
    }
    method = method_of(did, key.public)
    return sign(document, key.public, key.sign, proof_id=f"{url}#proof", created=now, method=method)
