"""Who is told of an alert, and how often: webhooks, people, a watch that sees nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rpc_proxy import not_done, proxied
from watch_scene import HOOK, HOUR_S, Scene
from webhook_receiver import SECRET, Receiver, receiving, signature

from anchor_service.watch.alert_webhooks import Recipient, configured, given
from anchor_service.watch.lookout import BLIND_S
from anchor_service.watch.told_alerts import QUIET_S
from registry.errors import WorkspaceError
from registry.values import IssuerId
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


def recipient(receiver: Receiver, name: str = "pager", issuer: IssuerId | None = None) -> Recipient:
    one = given(receiver.url, SECRET.decode(), allow_private=True)
    return Recipient(replace(one.endpoint, name=name), issuer)


def test_a_webhook_is_told_once_and_signed(desk: Scene, receiver: Receiver) -> None:
    lookout = desk.lookout(recipient(receiver))
    desk.by_stranger("bump_epoch")
    (one,) = lookout.round().standing
    desk.later = HOUR_S
    lookout.round()
    desk.settle()
    lookout.round()
    ((headers, body),) = receiver.messages
    assert headers["webhook-signature"] == signature(headers, body)
    assert headers["webhook-id"] == one.message
    assert json.loads(body) == {
        "type": "watch.alert",
        "timestamp": json.loads(body)["timestamp"],
        "data": {
            "name": one.alert.name,
            "kind": "foreign-operation",
            "since": one.since,
            "sentence": one.alert.sentence,
            "issuerId": desk.issuer_id.to_hex(),
            "evidence": one.alert.evidence,
        },
    }


def test_what_a_webhook_does_not_take_comes_again_under_its_id(
    desk: Scene, receiver: Receiver
) -> None:
    """The first that fails ends that webhook's turn: a dead host costs one wait a look."""
    receiver.statuses = [500, 302]
    lookout = desk.lookout(recipient(receiver))
    desk.by_stranger("bump_epoch")
    desk.by_stranger("pause")
    for tries in (1, 2):
        assert lookout.round().faults[0].startswith("webhook pager did not take an alert: answered")
        assert (len(receiver.messages), desk.gauge("webhooks_failing")) == (tries, 1)
    assert lookout.round().faults == ()
    assert desk.gauge("webhooks_failing") == 0
    first, *others = receiver.ids
    assert (others[:2], len(receiver.ids), len(set(receiver.ids))) == ([first] * 2, 4, 2)
    assert len(desk.told) == 2
    lookout.round()
    assert len(receiver.ids) == 4


def test_a_watch_started_anew_tells_nobody_again_and_goes_on_with_who_is_left(
    desk: Scene, receiver: Receiver
) -> None:
    desk.by_stranger("bump_epoch")
    with receiving() as other:
        other.statuses = [503]
        both = recipient(receiver), recipient(other, "other")
        desk.lookout(*both).round()
        assert (len(receiver.ids), len(other.ids), len(desk.told)) == (1, 1, 1)
        done = desk.lookout(*both).round()
        assert (len(receiver.ids), len(other.ids), len(desk.told)) == (1, 2, 1)
        assert len(set(receiver.ids + other.ids)) == 1
        assert len(done.standing) == 1
    # One that is set up later hears of what stands.
    with receiving() as late:
        desk.lookout(*both, recipient(late, "late")).round()
        assert late.ids == receiver.ids


def test_who_is_started_without_a_node_takes_nothing_for_gone(desk: Scene) -> None:
    desk.by_stranger("bump_epoch")
    desk.lookout().round()
    assert len(desk.told) == 1
    dead = desk.lookout(url="http://127.0.0.1:9")
    for hours in (1, 4, 8):
        desk.later = hours * HOUR_S
        assert dead.round().look is None
    assert [one.alert.kind for one in desk.told] == ["foreign-operation", "cannot-look"]
    desk.lookout().round()
    assert len(desk.told) == 2


def test_what_comes_back_is_told_again_only_after_a_while(desk: Scene, receiver: Receiver) -> None:
    desk.add("one")
    desk.anchor()
    lookout = desk.lookout(recipient(receiver))
    account = desk.key.address.to_hex()

    def with_balance(wei: int, later: int) -> int:
        desk.node.call("anvil_setBalance", [account, hex(wei)])
        desk.later = later
        lookout.round()
        return len(receiver.messages)

    assert with_balance(1, 0) == 1
    assert with_balance(10**18, 60) == 1
    assert with_balance(1, 60 + QUIET_S - 1) == 1
    assert desk.standing("short-balance") == 1
    # It stands for long, and is not forgotten meanwhile.
    assert with_balance(1, 2 * QUIET_S) == 1
    assert with_balance(10**18, 2 * QUIET_S + 60) == 1
    assert with_balance(1, 3 * QUIET_S + 60) == 2
    # Its id is new, or a receiver would drop it as one that it had.
    assert len(set(receiver.ids)) == 2


def test_a_webhook_of_one_issuer_hears_nothing_of_others(desk: Scene, receiver: Receiver) -> None:
    other = IssuerId(b"\x05" * 32)
    desk.add("one")
    desk.anchor()
    desk.by_stranger("bump_epoch")
    desk.node.call("anvil_setBalance", [desk.key.address.to_hex(), "0x1"])
    with receiving() as mine:
        recipients = recipient(receiver, "b", other), recipient(mine, "a", desk.issuer_id)
        desk.lookout(*recipients).round()
        assert sorted(one["data"]["kind"] for one in mine.told) == [
            "foreign-operation",
            "short-balance",
        ]
    assert [one["data"]["kind"] for one in receiver.told] == ["short-balance"]


def test_settings_say_which_webhooks_want_alerts(tmp_path: Path, receiver: Receiver) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    issuer = f'id = "0x{"ab" * 32}"'
    text = (
        '[chain]\nid = "eip155:31337"\nrpc = ["http://127.0.0.1:9"]\n'
        f'[issuer]\nname = "x"\nkey = "k"\n{issuer}\n[account]\nkey_env = "K"\n'
        '[database]\nurl = "sqlite:///x.db"\n'
    )
    hook = HOOK.format(url=receiver.url)
    batches = hook.replace("pager", "crm").replace("watch.alert", "batch.final")
    (folder / "credanchor.toml").write_text(text + hook + batches, "utf-8")
    environment = {"PAGER": SECRET.decode()}
    (found,) = configured(Workspace.load(folder, {}), environment)
    assert (found.endpoint.name, found.endpoint.secret) == ("pager", SECRET)
    assert found.issuer_id == IssuerId(b"\xab" * 32)
    (folder / "credanchor.toml").write_text(text.replace(issuer, "") + hook, "utf-8")
    assert configured(Workspace.load(folder, {}), environment) == []
    with pytest.raises(WorkspaceError, match="https:// address"):
        given(receiver.url, SECRET.decode(), allow_private=False)
    with pytest.raises(WorkspaceError, match="24 bytes"):
        given(receiver.url, "short", allow_private=True)


def test_a_chain_that_does_not_answer_is_told_of_after_a_while(desk: Scene) -> None:
    desk.by_stranger("bump_epoch")
    with proxied(desk.url) as proxy:
        lookout = desk.lookout(url=proxy.url)
        lookout.round()
        desk.news()
        proxy.rules.append(not_done("eth_chainId", times=10**6))
        proxy.rules.append(not_done("eth_getBlockByNumber", times=10**6))
        desk.later = BLIND_S - 1
        done = lookout.round()
        assert done.look is None
        assert done.faults[0].startswith("could not look: ")
        # What stood stands: nobody has seen it go.
        assert (desk.standing("foreign-operation"), desk.standing("cannot-look")) == (1, 0)
        desk.later = BLIND_S + 1
        lookout.round()
        ((kind, sentence),) = desk.news()
        assert kind == "cannot-look"
        assert sentence.startswith("could not look since ")
        assert desk.gauge("failures_total") == 2
        proxy.rules.clear()
        lookout.round()
    assert (desk.standing("foreign-operation"), desk.standing("cannot-look")) == (1, 0)


def test_a_database_that_does_not_answer_is_no_clean_bill(desk: Scene) -> None:
    lookout = desk.lookout()
    lookout.round()
    with desk.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE attempt RENAME TO gone")
    desk.later = BLIND_S + 1
    assert lookout.round().look is None
    assert [kind for kind, _ in desk.news()] == ["cannot-look"]
