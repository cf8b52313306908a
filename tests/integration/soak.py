"""Clients hand credentials in over HTTP while the service, its node and its chain fail at random.

    print(soak(folder, chain_url, database_url, seed=7, credentials=400))

`serve` runs as processes, each killed and started again by chance; the node's answers get lost, its
pool is dropped, blocks vanish, gas becomes dear. At the end there is a time without faults, and
then what has become of every credential that was acknowledged is counted. The seed makes the same
faults in the same order.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api_documents import document
from api_process import LINES
from census import Census, census
from desks import CHAIN, REGISTRY
from rpc_proxy import done_but_lost, limited, not_done
from soak_site import PATIENCE_S, Site, insist, packed, ready, site_of

from anchor_service.engine.chain import Chain
from anchor_service.engine.fees import GWEI
from anchor_service.store import batch_store, changes, store
from anchor_service.store.lifecycle import BatchState
from registry.formats.credential import credential_digest
from registry.formats.storage import Status, decode_word, lane_status, word_and_lane, word_slot
from registry.formats.strict_json import read_object
from registry.nodes.rpc import Node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry.values import CredentialDigest

_BULK = 10
_REVOKED_OF = 20
_LOST = ("eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_getBlockByNumber")


@dataclass
class Outcome:
    """faults: how many of each kind. wrong: credentials whose status is not as asked."""

    seed: int
    faults: Counter[str]
    census: Census
    anchors: int
    revoked: int
    wrong: int

    def __str__(self) -> str:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self.faults.items()))
        one = self.census
        return (
            f"soak, seed {self.seed}: {one.credentials:,} credentials in {self.anchors} anchors, "
            f"{self.revoked} revoked; {kinds}; {one.lost} lost, {one.doubled} doubled, "
            f"{one.unproven} without a receipt, {self.wrong} with a wrong status"
        )


def soak(
    folder: Path,
    chain_url: str,
    database_url: str,
    *,
    seed: int,
    credentials: int,
    clients: int = 4,
    services: int = 1,
    least: int = 3,
) -> Outcome:
    """least: faults of each kind, at the least. The chain must be nobody else's."""
    step = credentials // (2 * least + 1)
    with site_of(folder, chain_url, database_url, services, step) as site:
        shares = [range(first, credentials, clients) for first in range(clients)]
        threads = [
            threading.Thread(target=_guarded, args=(site, _client, site, share, seed + number))
            for number, share in enumerate(shares)
        ]
        trouble = threading.Thread(target=_guarded, args=(site, _trouble, site, seed, least))
        for thread in (*threads, trouble):
            thread.start()
        for thread in threads:
            thread.join()
        site.over.set()
        trouble.join()
        if site.failed:
            raise site.failed[0]
        assert len(site.acknowledged) == credentials
        _rest(site)
        return _counted(site, seed)


def _guarded(site: Site, act: Callable[..., None], *arguments: Any) -> None:
    try:
        act(*arguments)
    except BaseException as error:  # noqa: BLE001 - raised again by who waits
        site.failed.append(error)
        site.over.set()


# Clients.


def _client(site: Site, share: range, seed: int) -> None:
    """One by one or ten at once, each until it is acknowledged; some are revoked."""
    chance = random.Random(seed)
    numbers = list(share)
    mine: list[CredentialDigest] = []
    while numbers and not site.failed:
        _keep_pace(site)
        take = _BULK if chance.random() < 0.5 else 1
        part, numbers = numbers[:take], numbers[take:]
        documents = [document(number) for number in part]
        digests = [credential_digest(read_object(packed(one))) for one in documents]
        if len(part) == 1:
            insist(site, "/v1/credentials", {}, packed(documents[0]))
        else:
            body = b"".join(packed(one) + b"\n" for one in documents)
            insist(site, "/v1/credentials/bulk", LINES, body)
        site.acknowledged.update(digests)
        if chance.randrange(_REVOKED_OF) == 0:
            mine.append(digests[0])
        mine = _revoke_some(site, mine)
    site.to_revoke.extend(mine)


def _keep_pace(site: Site) -> None:
    """So that there are several batches: no more waits for its seal than two of them hold."""
    until = time.monotonic() + PATIENCE_S
    while len(site.acknowledged) - site.placed > 2 * site.step and not site.failed:
        assert time.monotonic() < until, "nothing is sealed"
        time.sleep(0.05)


def _revoke_some(site: Site, those: list[CredentialDigest]) -> list[CredentialDigest]:
    """Those whose batch is sealed by now; the others."""
    done = {digest for digest in those if _revoke(site, digest)}
    site.revoked |= done
    return [digest for digest in those if digest not in done]


def _revoke(site: Site, digest: CredentialDigest) -> bool:
    """False while it waits for its seal."""
    wish = {
        "change": "revoke",
        "credentials": [digest.to_hex()],
        "reasonCode": "misconduct",
        "urgent": True,
    }
    return insist(
        site, "/v1/status-changes", {"idempotency-key": secrets.token_hex(16)}, packed(wish)
    )


# Trouble.


def _trouble(site: Site, seed: int, least: int) -> None:
    chance = random.Random(seed)
    kinds: dict[str, Callable[[random.Random], None]] = {
        "services killed": lambda chance: _kill(site, chance),
        "answers lost": lambda chance: _lose(site, chance),
        "requests refused by the node": lambda chance: _refuse(site, chance),
        "reorganisations": lambda chance: _reorganise(site, chance),
        "pools dropped": lambda _: site.chain("anvil_dropAllTransactions"),
        "fee spikes": lambda chance: _spike(site, chance),
    }
    while not site.failed and not (
        site.over.is_set() and all(site.faults[kind] >= least for kind in kinds)
    ):
        for kind in chance.sample(list(kinds), len(kinds)):
            kinds[kind](chance)
            site.faults[kind] += 1
            time.sleep(chance.uniform(0.05, 0.4))


def _kill(site: Site, chance: random.Random) -> None:
    """As a power cut, once there was some work or while it starts; started again at once."""
    port = chance.choice(list(site.services))
    if chance.randrange(4):
        ready(site, port)
        mark, batches = len(site.acknowledged) + site.step, site.sealed
        while not site.over.wait(0.02) and (
            len(site.acknowledged) < mark or site.sealed == batches
        ):
            continue
    site.services[port].kill()
    site.start(port)


def _lose(site: Site, chance: random.Random) -> None:
    method, times = chance.choice(_LOST), chance.randint(1, 4)
    site.proxy.rules[:] = [chance.choice((not_done, done_but_lost))(method, times=times)]


def _refuse(site: Site, chance: random.Random) -> None:
    site.proxy.rules[:] = [limited(503, times=chance.randint(1, 10))]


def _reorganise(site: Site, chance: random.Random) -> None:
    depth = min(chance.randint(1, 6), int(site.chain("eth_blockNumber"), 16) - site.base)
    if depth:
        site.chain("anvil_reorg", depth, [])


def _spike(site: Site, chance: random.Random) -> None:
    """Up to five times what the service may pay; later blocks are cheaper by an eighth each."""
    site.chain("anvil_setNextBlockBaseFeePerGas", hex(chance.randint(2, 5000) * GWEI))


# The end.


def _rest(site: Site) -> None:
    """No more faults; all is sealed and comes to rest."""
    site.proxy.rules.clear()
    site.chain("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    insist(site, "/v1/batches/seal", {}, b"")
    while site.to_revoke:
        site.to_revoke = _revoke_some(site, site.to_revoke)
        time.sleep(0.1)
    until = time.monotonic() + PATIENCE_S
    while True:
        with site.office.database.read() as connection:
            batches = batch_store.sealed_batches(connection)
            left = changes.unfinished(connection, "main") + len(
                batch_store.waiting_batches(connection, "main")
            )
        if not left and {one.state for one in batches} == {BatchState.FINAL}:
            return
        assert time.monotonic() < until, Counter(one.state for one in batches)
        time.sleep(0.1)


def _counted(site: Site, seed: int) -> Outcome:
    issuer_id = site.office.issuers["main"]
    statuses: dict[CredentialDigest, Status] = {}
    with Node(site.chain.url) as node, site.office.database.read() as connection:
        total = sum(site.faults.values())
        found = census(node, connection, issuer_id, site.acknowledged, faults=total)
        chain, batches = Chain(node, CHAIN), batch_store.sealed_batches(connection)
        for batch in batches:
            for one in store.placed(connection, batch.id):
                word, lane = word_and_lane(one.index)
                (value,) = chain.storage(REGISTRY, [word_slot(issuer_id, batch.root, word)])
                statuses[one.digest] = lane_status(decode_word(value), lane)
    wrong = sum(
        status is not (Status.REVOKED if digest in site.revoked else Status.ACTIVE)
        for digest, status in statuses.items()
    )
    return Outcome(seed, site.faults, found, len(batches), len(site.revoked), wrong)
