"""W3C Bitstring Status Lists (Recommendation of 2025-05-15), read and judged: pure.

A credential's `credentialStatus` of type BitstringStatusListEntry names a list, itself a signed
credential, and its own place in it. The list counts only if it is whole: signed by the same
issuer, at that very address, in force, for that purpose, long enough, the place within it.
Anything else leaves the status open: a list that cannot be judged is never taken for good news.
Read are the purposes `revocation` and `suspension`, one bit an entry; index 0 is the left-most bit.
Other purposes and other kinds of status take nothing from a credential's validity.
"""

from __future__ import annotations

import binascii
import re
import zlib
from base64 import urlsafe_b64decode
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from registry.documents.data_integrity import SignatureState, check_signature
from registry.errors import MalformedDocument, MalformedJson, MalformedValue
from registry.formats.credential import Credential
from registry.moments import read_moment, stamp
from registry.report import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from registry.documents.issuer_keys import IssuerKeys
    from registry.formats.strict_json import JsonObject, JsonValue

ENTRY_TYPE = "BitstringStatusListEntry"
CREDENTIAL_TYPE = "BitstringStatusListCredential"
LIST_TYPE = "BitstringStatusList"
MIN_BITS = 131_072
"""So many at least, that a place in the list tells little of whose it is (§2.2)."""
MAX_LIST_BYTES = 8 * 2**20
"""Unpacked: 67 million entries. What is larger is a bomb or no list to fetch for one bit."""
MAX_ENTRIES = 8
"""A revocation and a suspension are usual; each may cost a fetch and the judging of a list."""
REVOCATION, SUSPENSION = "revocation", "suspension"
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")


class ListStatus(IntEnum):
    """In the order of which is the worse; unknown is no news, neither good nor bad."""

    CLEAR = 0
    UNKNOWN = 1
    SUSPENDED = 2
    REVOKED = 3


@dataclass(frozen=True, slots=True)
class KnownList:
    """What was found at `url`: its bytes, or why there are none, to complete "was not read: "."""

    url: str
    found: bytes | str


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry's outcome; sentence: whole, for people."""

    status: ListStatus
    sentence: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in one list. fault: why it cannot be looked at, else None."""

    url: str
    purpose: str
    index: int
    fault: str | None = None


def entries(document: JsonObject) -> list[Entry]:
    """The places that count for validity, in order; of other kinds and purposes none.

    Behind MAX_ENTRIES there is one more, at fault, in the place of all others.
    """
    listed = document.get("credentialStatus")
    found = []
    for member in listed if isinstance(listed, list) else [listed]:
        types = member.get("type") if isinstance(member, dict) else None
        if isinstance(member, dict) and ENTRY_TYPE in (
            types if isinstance(types, list) else [types]
        ):
            entry = _entry(member)
            if entry.fault or entry.purpose in (REVOCATION, SUSPENSION):
                found.append(entry)
        if len(found) > MAX_ENTRIES:
            fault = f"at most {MAX_ENTRIES} are looked at"
            return [*found[:-1], replace(found[-1], fault=fault)]
    return found


def judge_list(
    entry: Entry,
    lists: Sequence[KnownList],
    issuer: str,
    keys: IssuerKeys | None,
    now: datetime,
) -> Finding:
    """Judge one entry by what is at hand. issuer, keys: of the credential that has the entry."""
    return StatusLists(lists, issuer, keys, now).judge(entry)


class StatusLists:
    """What is at hand for one credential's entries; a list is read once, however many name it."""

    def __init__(
        self,
        lists: Sequence[KnownList],
        issuer: str,
        keys: IssuerKeys | None,
        now: datetime,
    ) -> None:
        self._found = {one.url: one.found for one in reversed(lists)}
        self._issuer, self._keys, self._now = issuer, keys, now
        self._read: dict[str, _Sound | str] = {}

    def judge(self, entry: Entry) -> Finding:
        if entry.fault:
            return _unknown(f"Its status list entry cannot be read: {entry.fault}.")
        known, url = self._found.get(entry.url, "it is not at hand"), printable(entry.url)
        if isinstance(known, str):
            return _unknown(f"The status list {url} was not read: {printable(known, 300)}.")
        try:
            sound = self._sound(known, entry.url)
            is_set = sound.bit(entry)
        except (MalformedDocument, MalformedValue) as fault:
            reason = printable(str(fault))
            return _unknown(f"The status list {url} is not to be relied on: {reason}.")
        of = f"in the issuer's status list{sound.issued}"
        if not is_set:
            return Finding(ListStatus.CLEAR, f"No {entry.purpose} stands {of}.")
        if entry.purpose == REVOCATION:
            return Finding(ListStatus.REVOKED, f"Revoked {of}.")
        return Finding(ListStatus.SUSPENDED, f"Suspended {of}.")

    def _sound(self, raw: bytes, url: str) -> _Sound:
        if url not in self._read:
            try:
                self._read[url] = _sound_list(raw, url, self._issuer, self._keys, self._now)
            except (MalformedJson, MalformedDocument, MalformedValue) as fault:
                self._read[url] = str(fault)
        found = self._read[url]
        if isinstance(found, str):
            raise MalformedDocument(found)
        return found


def unpack(encoded: str) -> bytes:
    """The bit string of an `encodedList`: multibase base64url of GZIP, one member and no more.

    Raises MalformedValue; never unpacks more than MAX_LIST_BYTES.
    """
    if not encoded.startswith("u"):
        raise MalformedValue("encodedList", "does not begin with u (base64url)")
    try:
        packed = urlsafe_b64decode(encoded[1:].encode("ascii") + b"=" * (-(len(encoded) - 1) % 4))
        stream = zlib.decompressobj(wbits=31)
        bits = stream.decompress(packed, MAX_LIST_BYTES + 1)
    except (binascii.Error, UnicodeEncodeError, zlib.error):
        raise MalformedValue("encodedList", "not GZIP in base64url") from None
    if len(bits) > MAX_LIST_BYTES:
        raise MalformedValue("encodedList", f"unpacks to more than {MAX_LIST_BYTES:,} bytes")
    if not stream.eof or stream.unused_data:
        raise MalformedValue("encodedList", "ends early, or something follows it")
    if len(bits) * 8 < MIN_BITS:
        raise MalformedValue("encodedList", f"has fewer than {MIN_BITS:,} entries")
    return bits


def _entry(member: JsonObject) -> Entry:
    url, purpose = member.get("statusListCredential"), member.get("statusPurpose")
    index, size = member.get("statusListIndex"), member.get("statusSize", 1)
    fault = None
    if not isinstance(url, str):
        fault = "statusListCredential is not text"
    elif not isinstance(purpose, str):
        fault = "statusPurpose is not text"
    elif not isinstance(index, str) or not _INDEX.fullmatch(index):
        fault = "statusListIndex is not a decimal number as text"
    elif size != 1 and purpose in (REVOCATION, SUSPENSION):
        fault = "statusSize is not 1"
    if fault:
        return Entry(str(url), str(purpose), 0, fault)
    return Entry(str(url), str(purpose), int(str(index)))


@dataclass(frozen=True, slots=True)
class _Sound:
    """A list that is the issuer's, whole and in force. issued: when, for people."""

    issued: str
    subject: JsonValue

    def bit(self, entry: Entry) -> bool:
        """Raises MalformedDocument or MalformedValue with why it has none."""
        bits = _bits(self.subject, entry.purpose)
        if entry.index >= len(bits) * 8:
            raise MalformedDocument(f"it ends before entry {entry.index}")
        return bool(bits[entry.index // 8] >> (7 - entry.index % 8) & 1)


def _sound_list(
    raw: bytes, url: str, issuer: str, keys: IssuerKeys | None, now: datetime
) -> _Sound:
    """Raises MalformedJson, MalformedDocument or MalformedValue with why it is no such list."""
    listed = Credential.parse(raw)
    document = listed.document
    if CREDENTIAL_TYPE not in listed.types:
        raise MalformedDocument(f"it is no {CREDENTIAL_TYPE}")
    if listed.id != url:
        raise MalformedDocument("it is the list of another address")
    if listed.issuer_id != issuer:
        raise MalformedDocument("it has another issuer than the credential")
    signature = check_signature(document, keys)
    if signature.state is not SignatureState.VALID:
        raise MalformedDocument(signature.sentence.rstrip("."))
    since = _moment(listed.valid_from, "validFrom")
    until = _moment(listed.valid_until, "validUntil")
    if since is not None and now < since:
        raise MalformedDocument(f"it is not valid before {stamp(since)}")
    if until is not None and now > until:
        raise MalformedDocument(f"it expired {stamp(until)}")
    issued = f" of {stamp(since)}" if since else ""
    return _Sound(issued, document.get("credentialSubject"))


def _moment(text: str | None, member: str) -> datetime | None:
    try:
        return None if text is None else read_moment(text)
    except MalformedValue as fault:
        raise MalformedDocument(fault.reason, f"/{member}") from None


def _bits(subject: JsonValue, purpose: str) -> bytes:
    if not isinstance(subject, dict) or subject.get("type") != LIST_TYPE:
        raise MalformedDocument(f"not a {LIST_TYPE}", "/credentialSubject")
    purposes = subject.get("statusPurpose")
    if purpose not in (purposes if isinstance(purposes, list) else [purposes]):
        raise MalformedDocument(f"not for {purpose}", "/credentialSubject/statusPurpose")
    encoded = subject.get("encodedList")
    return unpack(encoded if isinstance(encoded, str) else "")


def _unknown(sentence: str) -> Finding:
    return Finding(ListStatus.UNKNOWN, sentence)
