"""`watch` on a real chain: what wakes an issuer, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from contract_views import calldata
from contract_walk import CALLS
from desks import REGISTRY, new_key, send, submit
from rpc_proxy import Forward, Message, altered, proxied
from watch_scene import HOUR_S, META, Scene, new_root, scene

from anchor_service.engine import anchoring
from anchor_service.engine.did_errand import SetDid
from anchor_service.engine.schedule import ALL, Schedule
from registry.formats.events import EpochBumped, StatusChange, topic
from registry.values import DidHash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NIGHTLY = Schedule("0 2 * * *", None, ZoneInfo("UTC"), None, None)
GWEI = 10**9


def test_an_honest_issuer_sleeps(desk: Scene) -> None:
    """Looked at before and after each step, and while a transaction is not final yet."""
    lookout = desk.lookout(schedules={"main": NIGHTLY}, every_s=24 * HOUR_S)
    assert lookout.round().standing == ()
    desk.add("one", "two")
    lookout.round()
    with desk.line() as line:
        submit(line)
    lookout.round()
    desk.anchor()
    lookout.round()
    desk.change(StatusChange.SUSPEND, "one")
    desk.change(StatusChange.REINSTATE, "one")
    desk.change(StatusChange.REVOKE, "two")
    done = lookout.round()
    assert (done.standing, done.faults, desk.told) == ((), (), [])
    assert done.look is not None
    assert desk.gauge("final_block") == done.look.block
    assert desk.gauge("last_look_seconds") == desk.now()


def test_a_change_of_keys_by_the_service_itself_wakes_nobody(desk: Scene) -> None:
    desk.add("one")
    desk.anchor()
    lookout = desk.lookout()
    with desk.line() as line:
        new = SetDid(REGISTRY, desk.issuer_id, DidHash(b"\x09" * 32), "")
        line.desk.submitter.carry_out(new)
        lookout.round()
        desk.settle()
        lookout.round()
        (kind,) = desk.kinds_on_chain()[-1:]
    assert (kind, desk.told) == ("DidChanged", [])


def test_what_the_service_sends_while_one_looks_is_its_own(desk: Scene) -> None:
    """The chain is asked first: whatever it holds the database knows by then."""
    desk.add("one")

    def busy(call: Message, forward: Forward) -> Message | None:
        if call["method"] == "eth_blockNumber":
            with desk.line() as line:
                submit(line)
        return None

    with proxied(desk.url) as proxy:
        proxy.rules.append(busy)
        lookout = desk.lookout(url=proxy.url)
        assert lookout.round().standing == ()
        with desk.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM attempt").scalar() == 1


def test_what_becomes_final_while_one_looks_is_not_lost(desk: Scene) -> None:
    desk.add("one")
    lookout = desk.lookout()
    lookout.round()
    before = desk.node.call("eth_getBlockByNumber", ["finalized", False])
    assert isinstance(before, dict)
    desk.anchor()
    asked = 0

    def behind(call: Message, forward: Forward) -> Message | None:
        nonlocal asked
        if call["params"] != ["finalized", False]:
            return None
        asked += 1
        return forward({**call, "params": [before["number"], False]}) if asked == 1 else None

    with proxied(desk.url) as proxy:
        proxy.rules.append(behind)
        assert desk.lookout(url=proxy.url).round().standing == ()
    assert asked == 1


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("anchor", (new_root(), 256, META), "Anchored"),
        ("set_delegate", (b"\x07" * 20, 3, 2**40 - 1), "DelegateSet"),
        ("bump_epoch", (), "EpochBumped"),
        ("set_did", (b"\x09" * 32, b""), "DidChanged"),
        ("transfer_ownership", (b"\x07" * 20,), "OwnershipOffered"),
        ("distrust", (1,), "Distrusted"),
        ("pause", (), "Paused"),
    ],
)
def test_what_the_key_does_past_the_service_wakes_at_once_and_once(
    desk: Scene, name: str, arguments: tuple[Any, ...], kind: str
) -> None:
    desk.add("one")
    desk.anchor()
    lookout = desk.lookout()
    lookout.round()
    desk.by_stranger(name, *arguments)
    (one,) = lookout.round().standing
    assert (one.alert.kind, one.alert.issuer_id) == ("foreign-operation", desk.issuer_id)
    assert one.alert.sentence.startswith(f"{kind} in the issuer's name")
    evidence = one.alert.evidence
    assert (evidence["kind"], evidence["final"], evidence["operation"]) == (kind, False, 3)
    assert desk.told == [one]
    assert desk.standing("foreign-operation") == 1
    desk.settle()
    (final,) = lookout.round().standing
    assert (final.alert.name, final.since) == (one.alert.name, one.since)
    assert final.alert.evidence["final"] is True
    assert desk.told == [one]


def test_a_foreign_revocation_wakes_though_the_batch_is_the_issuers(desk: Scene) -> None:
    desk.add("one")
    desk.anchor()
    lookout = desk.lookout()
    lookout.round()
    with desk.database.read() as connection:
        root = bytes(connection.exec_driver_sql("SELECT root FROM batch").scalar_one())
    desk.by_stranger("change_status", root, int(StatusChange.REVOKE), [(0, 1 << 10)])
    desk.settle()
    lookout.round()
    ((kind, sentence),) = desk.news()
    assert kind == "foreign-operation"
    said = "revoke on the chain, and not in the records"
    assert sentence == f"1 credential of batch 0x{root.hex()}: {said}"


def test_what_stood_before_it_was_asked_for_wakes_nobody(desk: Scene) -> None:
    """Reinstated without having been suspended; also where that is asked for at once."""
    lookout = desk.lookout()
    desk.add("one", "two")
    desk.anchor()
    desk.change(StatusChange.REINSTATE, "one")
    assert lookout.round().standing == ()
    desk.change(StatusChange.SUSPEND, "one")
    desk.want(StatusChange.REINSTATE, "two")
    with desk.line() as line:
        anchoring.advance([line], [ALL])
    desk.change(StatusChange.SUSPEND, "two")
    assert lookout.round().standing == ()


def test_a_reinstatement_that_the_chain_lost_wakes(desk: Scene) -> None:
    desk.add("one")
    desk.anchor()
    desk.change(StatusChange.SUSPEND, "one")
    desk.change(StatusChange.SUSPEND, "one")
    lookout = desk.lookout()
    assert lookout.round().standing == ()
    # As if another had reinstated it after that, and the second wish had been for it.
    desk.spoil("UPDATE status_change SET change = 1 WHERE intent IS NULL")
    assert [one.alert.kind for one in lookout.round().standing] == ["lost-operation"]


def test_before_the_first_batch_the_issuers_id_is_watched_too(desk: Scene) -> None:
    """The database knows no issuer then: the settings do."""
    desk.by_stranger("set_delegate", b"\x07" * 20, 3, 2**40 - 1)
    lookout = desk.lookout()
    (one,) = lookout.round().standing
    desk.settle()
    assert [s.alert.name for s in lookout.round().standing] == [one.alert.name]


def test_others_may_do_what_they_like(desk: Scene, url: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    desk.add("one")
    desk.anchor()
    with scene(tmp_path / "other", url) as other:
        other.by_stranger("anchor", new_root(), 256, META)
        other.by_stranger("bump_epoch")
        assert desk.lookout().round().standing == ()
        other.settle()
        assert desk.lookout().round().standing == ()


def test_an_anchor_of_ones_own_batch_by_whoever_pays_is_no_strangers(desk: Scene) -> None:
    desk.add("one")
    with desk.line() as line:
        anchoring.seal_open(line)
    with desk.database.read() as connection:
        root, size, meta = connection.exec_driver_sql(
            "SELECT root, size, meta_hash FROM batch"
        ).one()
    desk.by_stranger("anchor", root, size, meta)
    assert desk.lookout().round().standing == ()
    desk.settle()
    assert desk.lookout().round().standing == ()


@pytest.mark.parametrize("depth", [1, 2])
def test_what_a_reorganisation_takes_away_stands_no_more(desk: Scene, depth: int) -> None:
    lookout = desk.lookout()
    desk.settle()
    lookout.round()
    desk.by_stranger("set_delegate", b"\x07" * 20, 3, 2**40 - 1)
    if depth == 2:
        desk.node.call("anvil_mine", ["0x1"])
    assert len(lookout.round().standing) == 1
    desk.node.call("anvil_reorg", [depth, []])
    assert lookout.round().standing == ()
    assert desk.standing("foreign-operation") == 0
    # The same transaction again is the same alert, which people know.
    desk.by_stranger("set_delegate", b"\x07" * 20, 3, 2**40 - 1)
    assert len(lookout.round().standing) == 1
    assert len(desk.told) == 1
    # Another in its place is another.
    desk.node.call("anvil_reorg", [1, []])
    desk.by_stranger("bump_epoch")
    assert len(lookout.round().standing) == 1
    assert len(desk.told) == 2


def test_a_sealed_batch_that_is_not_anchored_is_a_missed_night(desk: Scene) -> None:
    desk.add("one")
    with desk.line() as line:
        anchoring.seal_open(line)
    lookout = desk.lookout()
    desk.later = 6 * HOUR_S - 60
    assert lookout.round().standing == ()
    desk.later = 6 * HOUR_S + 60
    (one,) = lookout.round().standing
    assert (one.alert.kind, one.alert.issuer_id) == ("missed-night", desk.issuer_id)
    assert one.alert.sentence.endswith("is not on the chain 6.0 hours later")
    desk.anchor()
    assert lookout.round().standing == ()


def test_credentials_that_the_schedule_left_lying_are_a_missed_night(desk: Scene) -> None:
    """A night is at two; at eight it was missed."""
    midnight = desk.now() // 86_400 * 86_400
    desk.add("one", created=midnight)
    lookout = desk.lookout(schedules={"main": NIGHTLY})
    desk.later = midnight + 8 * HOUR_S - 60 - desk.now()
    lookout.round()
    assert desk.standing("missed-night") == 0
    desk.later += 120
    lookout.round()
    ((kind, sentence),) = desk.news()
    assert kind == "missed-night"
    assert "the night that should have sealed them has passed" in sentence
    desk.later += 5 * HOUR_S
    lookout.round()
    assert desk.news() == []
    desk.anchor()
    lookout.round()
    assert desk.standing("missed-night") == 0


def test_a_seal_that_was_asked_for_and_not_made_is_a_missed_night(desk: Scene) -> None:
    desk.add("one", created=desk.now() - 100 * HOUR_S)
    desk.spoil(f"UPDATE batch SET seal_asked = {desk.now()}")
    lookout = desk.lookout()
    lookout.round()
    assert desk.standing("missed-night") == 0
    desk.later = 6 * HOUR_S + 10
    lookout.round()
    assert desk.standing("missed-night") == 1


def test_an_issuer_without_a_schedule_misses_no_night_within_a_day(desk: Scene) -> None:
    """But one whose settings say that it is never sealed by the clock misses none at all."""
    desk.add("one")
    lookout = desk.lookout(late_s=3 * HOUR_S)
    for hours, missed in ((20, 0), (26, 0), (28, 1)):
        desk.later = hours * HOUR_S
        lookout.round()
        assert desk.standing("missed-night") == missed
    never = replace(NIGHTLY, cron=None)
    desk.lookout(schedules={"main": never}).round()
    assert desk.standing("missed-night") == 0


def test_silence_is_told_of_where_it_was_asked_for(desk: Scene) -> None:
    desk.add("one")
    desk.anchor()
    desk.later = 20 * HOUR_S
    assert desk.lookout().round().standing == ()
    (one,) = desk.lookout(every_s=19 * HOUR_S).round().standing
    assert one.alert.sentence.endswith("20 hours ago")


def test_a_short_balance_is_foretold_in_nights(desk: Scene) -> None:
    desk.add("one")
    desk.anchor()
    with desk.database.read() as connection:
        (gas,) = connection.exec_driver_sql("SELECT max(gas_used) FROM inclusion").one()
    lookout = desk.lookout(nights=5)
    lookout.round()
    assert desk.news() == []
    fund(desk, 5 * gas * GWEI - 1)
    lookout.round()
    account = desk.key.address.to_hex()
    ((kind, sentence),) = desk.news()
    assert (kind, desk.standing("short-balance")) == ("short-balance", 1)
    assert sentence == f"account {account} pays for 4 more nights, under 5: send it funds"
    assert desk.gauge("balance_nights", account=account) == 4
    fund(desk, 5 * gas * GWEI)
    lookout.round()
    assert (desk.standing("short-balance"), desk.news()) == (0, [])


def fund(desk: Scene, wei: int) -> None:
    desk.node.call("anvil_setBalance", [desk.key.address.to_hex(), hex(wei)])


def test_without_a_cap_twice_the_present_price_counts(desk: Scene) -> None:
    desk.add("one")
    desk.anchor()
    found = desk.lookout(fee_cap=None).round().look
    assert found is not None
    price = desk.node.call("eth_gasPrice", [])
    assert isinstance(price, str)
    assert [one.fee_cap for one in found.funds] == [2 * int(price, 16)]


def test_an_account_that_another_has_replaced_may_be_empty(desk: Scene) -> None:
    desk.add("one")
    desk.anchor()
    lookout = desk.lookout()
    lookout.round()
    assert desk.gauge("balance_nights", account=desk.key.address.to_hex()) is not None
    old, desk.key = desk.key, new_key(desk.node)
    grant = [bytes(desk.issuer_id), bytes(desk.key.address), 3, 2**40 - 1]
    send(desk.node, old, REGISTRY, calldata(CALLS["set_delegate"], grant))
    desk.add("two")
    desk.anchor()
    desk.node.call("anvil_setBalance", [old.address.to_hex(), "0x0"])
    done = lookout.round()
    assert [one.alert.kind for one in done.standing] == ["foreign-operation"]
    assert done.look is not None
    assert [one.account for one in done.look.funds] == [desk.key.address]
    assert desk.gauge("balance_nights", account=old.address.to_hex()) is None


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE batch SET root = zeroblob(32)", ["foreign-operation", "lost-operation"]),
        ("UPDATE status_change SET change = 2", ["foreign-operation", "lost-operation"]),
    ],
)
def test_what_the_database_calls_final_and_the_chain_does_not_hold_is_lost(
    desk: Scene, statement: str, kinds: list[str]
) -> None:
    desk.add("one")
    desk.anchor()
    desk.change(StatusChange.SUSPEND, "one")
    desk.lookout().round()
    assert desk.news() == []
    desk.spoil(statement)
    desk.lookout().round()
    assert sorted({kind for kind, _ in desk.news()}) == kinds


def test_a_node_that_hides_a_log_is_told_of_and_not_believed_the_next_time(desk: Scene) -> None:
    desk.by_stranger("bump_epoch")
    desk.settle()
    with proxied(desk.url) as proxy:
        lookout = desk.lookout(url=proxy.url)
        proxy.rules.append(altered("eth_getLogs", lambda logs: logs[:-1]))
        (one,) = lookout.round().standing
        assert one.alert.kind == "unsound-chain"
        assert one.alert.evidence["matter"] == "missing-log"
        proxy.rules.clear()
        (other,) = lookout.round().standing
    assert other.alert.kind == "foreign-operation"
    assert len(desk.told) == 2


def test_a_node_that_hides_others_logs_is_told_of_once(
    desk: Scene, url: str, tmp_path: Path
) -> None:
    """Who lies of others is not to be believed of us."""
    lookout = desk.lookout()
    lookout.round()
    hidden = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with scene(tmp_path / name, url) as other:
            hidden.append(bytes(other.issuer_id).hex())
            other.by_stranger("bump_epoch")
            other.settle()

    with proxied(url) as proxy:
        proxy.rules.append(altered("eth_getLogs", bumps_left_out(hidden)))
        (one,) = desk.lookout(url=proxy.url).round().standing
    assert (one.alert.kind, one.alert.issuer_id) == ("unsound-chain", None)
    assert one.alert.sentence.startswith("missing-log: ")


def bumps_left_out(issuers: list[str]) -> Callable[[list[Any]], list[Any]]:
    bump = "0x" + topic(EpochBumped).hex()
    return lambda logs: [
        log for log in logs if log["topics"][0] != bump or log["topics"][1][2:] not in issuers
    ]


def test_a_chain_that_stands_still_is_told_of(desk: Scene) -> None:
    lookout = desk.lookout()
    desk.later = 25 * HOUR_S
    (one,) = lookout.round().standing
    assert (one.alert.kind, one.alert.evidence["matter"]) == ("unsound-chain", "stale-node")
    desk.later = 0
    assert lookout.round().standing == ()


def test_what_was_final_and_is_no_more_is_told_of(desk: Scene) -> None:
    lookout = desk.lookout()
    desk.by_stranger("bump_epoch")
    desk.settle()
    lookout.round()
    desk.news()
    desk.node.call("anvil_reorg", [4, []])
    desk.settle()
    done = lookout.round()
    assert [one.alert.evidence.get("matter") for one in done.standing] == ["deep-reorg"]
    assert [kind for kind, _ in desk.news()] == ["unsound-chain"]
