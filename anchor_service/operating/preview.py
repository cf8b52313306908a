"""What a dry run shows: credentials in plain words, and what their anchor would cost."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.engine import contract
from anchor_service.engine.fees import GWEI, MAX_GAS, first_offer
from anchor_service.engine.refusals import blocked_by
from anchor_service.errors import Blocked, KeyUnusable
from anchor_service.issuing import issuer
from anchor_service.operating.opening import issuer_of, open_chain, open_key, registry_of
from registry.errors import ChainError, MalformedValue, NodeRefused, WorkspaceError
from registry.values import Address, BatchRoot, MetaHash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from anchor_service.issuing.achievement import Achievement
    from anchor_service.issuing.roster import RosterRow
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.workspaces.workspace import Workspace

ETHER = 10**18
# A batch is never smaller; what an anchor costs does not depend on its size.
_SIZE = 128
_RANDOM_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one anchor. gas: the node's estimate; now, most: in wei, at today's price and at the cap.

    cap: in wei per gas. unknown: why nothing is known, instead of the rest.
    """

    gas: int = 0
    now: int = 0
    most: int = 0
    cap: int = 0
    unknown: str = ""

    def __str__(self) -> str:
        if self.unknown:
            return f"not known: {self.unknown}"
        return (
            f"{self.gas:,} gas, {self.now / ETHER:.6f} ETH at today's price, at most "
            f"{self.most / ETHER:.6f} ETH (cap {self.cap / GWEI:g} gwei)"
        )

    def to_json(self) -> JsonObject:
        if self.unknown:
            return {"unknown": self.unknown}
        return {
            "gas": self.gas,
            "nowWei": str(self.now),
            "mostWei": str(self.most),
            "capWeiPerGas": str(self.cap),
        }


def anchor_cost(workspace: Workspace) -> Cost:
    """Asks the chain what anchoring one batch would cost now; signs and sends nothing."""
    cap = int(workspace.chain.fee_cap_gwei * GWEI)
    try:
        registry, issuer_id = registry_of(workspace), issuer_of(workspace)
        sender = account_of(workspace)
        call = contract.anchor(
            issuer_id, BatchRoot(os.urandom(32)), _SIZE, MetaHash(os.urandom(32))
        )
        with open_chain(workspace) as chain:
            gas = chain.estimate(sender, registry, call)
            market = chain.market()
    except NodeRefused as error:
        return Cost(unknown=str(blocked_by(error)))
    except (Blocked, ChainError, KeyUnusable, WorkspaceError) as error:
        return Cost(unknown=str(error))
    price = market.base_fee + market.tip
    if first_offer(market, cap) is None:
        return Cost(unknown=f"gas costs {price / GWEI:g} gwei now, over the cap: it would wait")
    return Cost(gas, gas * price, min(gas + gas // 5, MAX_GAS) * cap, cap)


def account_of(workspace: Workspace) -> Address:
    """The account's address, its keystore left shut. Raises KeyUnusable."""
    settings = workspace.account
    if settings.address is not None:
        return settings.address
    if settings.keystore is None:
        return open_key(workspace).address
    try:
        found = json.loads(settings.keystore.read_bytes())["address"]
        return Address.from_hex("0x" + str(found).removeprefix("0x"))
    except (OSError, ValueError, KeyError, TypeError, MalformedValue) as error:
        raise KeyUnusable(f"{settings.keystore}: no keystore with an address") from error


def pick(count: int) -> list[int]:
    """Which of `count` to show: the first, a few at random, the last."""
    chosen = {0, count - 1} | set(random.sample(range(count), min(count, _RANDOM_SAMPLES)))
    return sorted(chosen) if count else []


def of_rows(
    workspace: Workspace, achievement: Achievement, rows: Sequence[RosterRow], now: datetime
) -> list[str]:
    """Some of the credentials that rows would become, in plain words; nothing is signed."""
    profile: JsonObject = {"id": workspace.issuer.did or "", "name": workspace.issuer.name}
    return [
        f"line {rows[place].line}: "
        + in_words(issuer.issue(achievement, rows[place], profile, os.urandom, now))
        for place in pick(len(rows))
    ]


def in_words(document: JsonObject) -> str:
    """One credential on one line: what, to whom, with what result, from when until when."""
    subject = _object(document.get("credentialSubject"))
    what = _text(document.get("name")) or _text(_object(subject.get("achievement")).get("name"))
    parts = [f"{what or 'a credential'} to {_learner(subject)}"]
    parts += [
        f"result {_text(result.get('value')) or _text(result.get('status'))}"
        for result in _objects(subject.get("result"))
    ]
    for member, words in (
        ("awardedDate", "awarded"),
        ("validFrom", "valid from"),
        ("validUntil", "until"),
    ):
        if moment := _text(document.get(member)):
            parts.append(f"{words} {moment}")
    parts += [f"evidence {_text(one.get('id'))}" for one in _objects(document.get("evidence"))]
    return ", ".join(parts)


def _learner(subject: JsonObject) -> str:
    names = [
        _text(one.get("identityHash"))
        for one in _objects(subject.get("identifier"))
        if one.get("hashed") is False
    ]
    hashed = any(one.get("hashed") is True for one in _objects(subject.get("identifier")))
    known = [*names, _text(subject.get("id")), "an e-mail address, hashed" if hashed else ""]
    return " / ".join(one for one in known if one) or "nobody named"


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _objects(value: JsonValue) -> list[JsonObject]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict)]
