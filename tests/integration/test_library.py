"""`registry.Verifier` on a real chain: what it answers, on event loops and off, what it asks."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from library_world import World, now, world
from rpc_proxy import RpcProxy, limited, proxied
from test_verdict_docs import CHAIN, NOW, REGISTRY

import registry
from registry import (
    Judged,
    MalformedDocument,
    MalformedPolicy,
    MalformedValue,
    RegistryError,
    Report,
    TrustPolicy,
    Verdict,
    Verifier,
    cli,
    credential_files,
)
from registry.cli import verify
from registry.formats.credential import Credential, without_anchor_proofs
from registry.formats.receipt import extract
from registry.formats.strict_json import read_object
from registry.verifying import sources
from registry.verifying.sources import WorkspaceToAsk
from registry.workspaces import anvil, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry.verifying.files import Item

EVERY = {"ada": "VALID", "ben": "REVOKED", "cleo": "ISSUER_UNTRUSTED", "altered": "TAMPERED"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as found:
        yield found


@pytest.fixture
def proxy(found: World) -> Iterator[RpcProxy]:
    with proxied(found.url) as proxy:
        yield proxy


def verdicts(judged: list[Judged]) -> list[str | None]:
    return [None if one.report is None else str(one.report.verdict) for one in judged]


def test_every_name_is_there_and_importing_costs_little() -> None:
    assert all(getattr(registry, name) for name in registry.__all__)
    assert set(registry.__all__) == set(registry._HOMES)
    heavy = "{'httpx', 'json', 'registry.errors'}"
    code = f"import registry, sys; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("name", "verdict"), EVERY.items())
def test_a_file_its_bytes_and_its_parts_have_one_verdict(
    found: World, tmp_path: Path, name: str, verdict: str
) -> None:
    file, verifier = found.file(f"{name}.json"), found.verifier()
    report = verifier.verify(file)
    assert report.verdict == verdict
    assert verifier.verify(str(file)) == report == verifier.verify(file.read_bytes())
    document = read_object(file.read_bytes())
    receipt = extract(document)
    assert receipt is not None
    raw = json.dumps(without_anchor_proofs(document)).encode()
    alone = verifier.verify(raw)
    assert alone.verdict == ("TAMPERED" if name == "altered" else "NOT_ANCHORED")
    apart = verifier.verify(raw, receipt.serialize())
    assert (apart.verdict, apart.sentence) == (report.verdict, report.sentence)
    (tmp_path / "x.json").write_bytes(raw)
    (tmp_path / "x.receipt.json").write_bytes(receipt.serialize())
    assert verifier.verify(tmp_path / "x.json") == apart


def test_a_report_has_a_check_for_every_step_with_all_that_a_program_needs(found: World) -> None:
    report = found.verifier().verify(found.file("ben.json"))
    assert [check.step for check in report.checks] == list(range(1, 12))
    (decided,) = [check for check in report.checks if check.outcome == "INVALID"]
    assert (decided.verdict, str(decided.reason)) == (Verdict.REVOKED, "revoked")
    assert decided.sentence.startswith("The issuer has revoked it, known as of block")
    assert decided.next_step == report.next_step is not None
    assert report.facts["evidence"] == report.to_json()["evidence"]
    assert json.loads(json.dumps(report.to_json()))["checks"][8]["outcome"] == "INVALID"


def test_the_command_line_answers_to_the_letter_the_same(
    found: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(verify.datetime):  # type: ignore[name-defined,misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return NOW

    monkeypatch.setattr(verify, "datetime", Clock)
    paths = [found.file(f"{name}.json") for name in EVERY]
    policy = str(found.file("trust.toml"))
    cli.main(["verify", "--json", "--policy", policy, "--rpc", found.url, *map(str, paths)])
    told = json.loads(capsys.readouterr().out)["reports"]
    judged = list(found.verifier().verify_many(paths))
    assert told == [{"file": str(one.item), **one.report.to_json()} for one in judged if one.report]


def test_each_of_many_is_judged_by_itself(found: World) -> None:
    items: list[Item] = [
        found.file("ben.json"),
        found.file("missing.json"),
        b"[]",
        found.folder,
        found.file("ada.json").read_bytes(),
        (found.file("ada.json"), found.file("none.receipt.json")),
        found.file("altered.json"),
    ]
    judged = list(found.verifier().verify_many(items))
    assert [one.item for one in judged] == items
    assert verdicts(judged) == ["REVOKED", None, "MALFORMED", None, "VALID", None, "TAMPERED"]
    kinds = [type(one.failure) for one in judged if one.failure]
    assert kinds == [FileNotFoundError, IsADirectoryError, FileNotFoundError]
    with pytest.raises(FileNotFoundError, match=r"missing\.json"):
        found.verifier().verify(found.file("missing.json"))
    with pytest.raises(TypeError, match="there is verify"):
        found.verifier().verify_many(str(found.file("ada.json")))


def test_files_are_found_in_folders_and_by_patterns(found: World) -> None:
    names = [
        one.name for one in credential_files(found.folder / "diplomas", found.file("al*.json"))
    ]
    assert names == ["ada.json", "ben.json", "altered.json"]


def test_many_of_one_batch_are_one_set_of_calls(found: World, proxy: RpcProxy) -> None:
    verifier = found.verifier(rpc=proxy.url)
    verifier.verify(found.file("ada.json"))
    alone = len(proxy.calls)
    several = [found.file("ada.json").read_bytes(), found.file("ben.json").read_bytes()] * 50
    assert set(verdicts(list(verifier.verify_many(several)))) == {"VALID", "REVOKED"}
    assert len(proxy.calls) == 2 * alone


def test_as_of_a_past_moment(found: World) -> None:
    verifier, file = found.verifier(), found.file("ben.json")
    before = NOW.replace(month=6)
    report = verifier.verify(file, at=before)
    assert report.verdict == Verdict.VALID
    assert report == verifier.verify(file, at="2026-06-20T03:00Z")
    assert verifier.verify(file, at="2026-01-15").verdict == Verdict.NOT_ANCHORED
    assert verifier.verify(file).verdict == Verdict.REVOKED
    for wrong in ("yesterday", NOW + timedelta(seconds=1)):
        with pytest.raises(MalformedValue):
            verifier.verify(file, at=wrong)
    with pytest.raises(ValueError, match="time zone"):
        verifier.verify(file, at=NOW.replace(tzinfo=None))


def test_a_bundle_needs_no_network(found: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("touched the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    bundle = found.file("ada.bundle.json")
    by_hash = found.verifier(trusted_blocks=[str(found.block)])
    report = by_hash.verify(bundle)
    assert report.verdict == Verdict.VALID
    assert "by storage proof under a block hash that was given" in report.sentence
    assert found.verifier(trusted_blocks=[found.block]).verify(bundle) == report
    for alone in (found.block, str(found.block)):
        assert found.verifier(trusted_blocks=alone).verify(bundle) == report
    by_file = found.verifier(checkpoints=found.file("blocks.txt"))
    assert "blocks.txt" in by_file.verify(bundle).sentence
    assert by_file.verify(bundle, at="2026-04-01").verdict == Verdict.SUSPENDED
    assert Verifier(found.file("trust.toml"), clock=now).verify(bundle).verdict == "CANNOT_CHECK"
    old = found.verifier(trusted_blocks=[found.block], max_age_s=10)
    assert old.verify(bundle).verdict == Verdict.CANNOT_CHECK


def test_an_unknown_registry_is_never_valid_and_never_asked(
    found: World, proxy: RpcProxy, tmp_path: Path
) -> None:
    text = found.file("trust.toml").read_text()
    elsewhere = text.replace(str(REGISTRY), "0x" + "12" * 20)
    for number, policy in enumerate(("[trust]\n", elsewhere)):
        (tmp_path / f"{number}.toml").write_text(policy)
        verifier = Verifier(tmp_path / f"{number}.toml", rpc=proxy.url, clock=now)
        for name in EVERY:
            report = verifier.verify(found.file(f"{name}.json"))
            assert report.verdict in (Verdict.ISSUER_UNTRUSTED, Verdict.TAMPERED)
        trusting = Verifier(tmp_path / f"{number}.toml", trusted_blocks=[found.block], clock=now)
        assert trusting.verify(found.file("ada.bundle.json")).verdict == Verdict.ISSUER_UNTRUSTED
    assert proxy.calls == []
    code = TrustPolicy.parse(text.encode()).registries[0].code_hash.to_hex()
    (tmp_path / "code.toml").write_text(text.replace(code, "0x" + "ab" * 32))
    report = found.verifier(policy=tmp_path / "code.toml").verify(found.file("ada.json"))
    assert report.verdict == Verdict.ISSUER_UNTRUSTED


def test_a_node_that_is_down_cannot_check_and_the_next_call_asks_anew(found: World) -> None:
    port = anvil.free_port()
    verifier = found.verifier(rpc=f"http://127.0.0.1:{port}", timeout_s=1)
    several = found.verifier(rpc=[f"http://127.0.0.1:{port}", found.url], timeout_s=1)
    for down in (verifier, several):
        report = down.verify(found.file("ada.json"))
        assert report.verdict == Verdict.CANNOT_CHECK
        assert f"http://127.0.0.1:{port}" in report.sentence
    assert verifier.verify(found.file("altered.json")).verdict == Verdict.TAMPERED
    with proxied(found.url) as first, proxied(found.url) as second:
        pair = found.verifier(rpc=[first.url, second.url], timeout_s=1)
        second.rules.append(lambda call, _: {"jsonrpc": "2.0", "id": call["id"], "result": "0x7"})
        assert pair.verify(found.file("ada.json")).verdict == Verdict.CANNOT_CHECK
        second.rules.clear()
        assert pair.verify(found.file("ada.json")).verdict == Verdict.VALID


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"[trust", "not TOML"),
        (b"\xff", "not UTF-8"),
        (b"[trusted]", "/trust"),
        (b'[trust]\nmax_age_s = "7"', "/trust/max_age_s"),
        (b'[[trust.registries]]\nchain = "eip155:1"', "/trust/registries/0/address"),
        (b"[trust]\nissuer = 1", "unknown member"),
    ],
)
def test_a_policy_that_cannot_be_read_is_told_by_kind_file_and_place(
    tmp_path: Path, content: bytes, place: str
) -> None:
    (tmp_path / "wrong.toml").write_bytes(content)
    with pytest.raises(MalformedPolicy, match=place) as caught:
        Verifier(tmp_path / "wrong.toml")
    assert str(tmp_path / "wrong.toml") in str(caught.value)
    assert isinstance(caught.value, MalformedDocument)
    assert isinstance(caught.value, RegistryError)


def test_what_cannot_be_is_refused_before_anything_is_asked(found: World) -> None:
    with pytest.raises(FileNotFoundError):
        found.verifier(policy="none.toml")
    for one in ({"rpc": "ftp://x"}, {"own_node": "x"}, {"trusted_blocks": ["eip155:1:0x12"]}):
        with pytest.raises(MalformedValue):
            found.verifier(**one)
    for name in ("checkpoints", "did_documents", "status_lists"):
        file = found.file("trust.toml")
        for given in (file,) if name == "checkpoints" else (file, str(file), [file]):
            with pytest.raises(MalformedDocument):
                found.verifier(**{name: given})
    contradictions: list[dict[str, Any]] = [
        {"quorum": 2},
        {"quorum": 0},
        {"own_node": found.url, "quorum": 1},
        {"max_age_s": 0},
        {"at_once": 0},
        {"rpc": found.url, "connect": lambda: None},
    ]
    for options in contradictions:
        with pytest.raises(ValueError, match=r"quorum|max_age_s|at once|connect"):
            found.verifier(**options)
    secret = "https://user:hunter2@node.example:port/hunter2"
    with pytest.raises(MalformedValue) as caught:
        found.verifier(rpc=secret)
    assert "hunter2" not in str(caught.value)


def test_threads_may_share_one(found: World) -> None:
    verifier = found.verifier()
    names = list(EVERY) * 5
    with ThreadPoolExecutor(5) as pool:
        reports = list(pool.map(lambda name: verifier.verify(found.file(f"{name}.json")), names))
    assert [str(one.verdict) for one in reports] == [EVERY[name] for name in names]


@dataclass
class Held:
    """A node that keeps everyone waiting until it is let go; counts who waits."""

    let_go: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0
    most: int = 0

    def __call__(self, _call: Any, _forward: Any) -> None:
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        assert self.let_go.wait(60)
        with self.lock:
            self.waiting -= 1

    async def are_waiting(self, number: int) -> None:
        """Only an event loop that is free gets here."""
        async with asyncio.timeout(30):
            while self.waiting < number:
                await asyncio.sleep(0.01)


@pytest.fixture
def held(proxy: RpcProxy) -> Iterator[Held]:
    held = Held()
    proxy.rules.append(held)
    yield held
    held.let_go.set()


def test_several_are_verified_at_once_and_the_event_loop_stays_free(
    found: World, proxy: RpcProxy, held: Held
) -> None:
    async def run() -> list[Report]:
        verifier = found.verifier(rpc=proxy.url)
        names = ["ada", "ben", "cleo"]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(verifier.averify(found.file(f"{name}.json"))) for name in names
            ]
            await held.are_waiting(3)
            held.let_go.set()
        return [task.result() for task in tasks]

    reports = asyncio.run(run())
    assert [str(one.verdict) for one in reports] == ["VALID", "REVOKED", "ISSUER_UNTRUSTED"]


def test_no_more_than_were_allowed_run_at_once_in_each_of_several_loops(
    found: World, proxy: RpcProxy, held: Held
) -> None:
    verifier = found.verifier(rpc=proxy.url, at_once=2)

    async def run() -> list[Report]:
        async with asyncio.TaskGroup() as group:
            file = found.file("ada.json")
            tasks = [group.create_task(verifier.averify(file)) for _ in range(6)]
            await held.are_waiting(0 if held.let_go.is_set() else 2)
            held.let_go.set()
        return [task.result() for task in tasks]

    for _ in range(2):
        assert {one.verdict for one in asyncio.run(run())} == {Verdict.VALID}
    assert held.most == 2


def test_who_is_cancelled_stops_waiting_at_once(found: World, proxy: RpcProxy, held: Held) -> None:
    verifier = found.verifier(rpc=proxy.url, at_once=1)

    async def run() -> Report:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await verifier.averify(found.file("ada.json"))
        # Its thread has the only turn until the node lets it go.
        held.let_go.set()
        return await verifier.averify(found.file("ben.json"))

    assert asyncio.run(run()).verdict == Verdict.REVOKED


def test_a_loop_ends_without_waiting_for_a_node_that_hangs(found: World) -> None:
    """In a process of its own, which nothing may keep alive."""
    with proxied(found.url) as proxy:
        held = Held()
        proxy.rules.append(held)
        code = f"""
import asyncio
from registry import Verifier
async def main():
    verifier = Verifier({str(found.file("trust.toml"))!r}, rpc={proxy.url!r})
    try:
        async with asyncio.timeout(0.2):
            await verifier.averify({str(found.file("ada.json"))!r})
    except TimeoutError:
        print("left")
asyncio.run(main())
"""
        started = time.monotonic()
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
        assert (run.stdout, run.stderr) == ("left\n", "")
        assert time.monotonic() - started < 15
        held.let_go.set()


def test_many_one_after_another_on_a_loop_and_left_early(found: World, proxy: RpcProxy) -> None:
    verifier = found.verifier(rpc=proxy.url)
    files = [found.file(f"{name}.json") for name in EVERY]

    async def run() -> list[Judged]:
        judged = [one async for one in verifier.averify_many([*files, found.file("none.json")])]
        async for one in verifier.averify_many(files * 10):
            judged.append(one)
            break
        return judged

    judged = asyncio.run(run())
    assert verdicts(judged) == [*EVERY.values(), None, "VALID"]
    assert isinstance(judged[4].failure, FileNotFoundError)

    async def wrong() -> None:
        async for _ in verifier.averify_many(files, at="yesterday"):
            pytest.fail("judged")
        await verifier.averify(found.file("none.json"))

    with pytest.raises(MalformedValue):
        asyncio.run(wrong())


@contextmanager
def _recorded(found: World) -> Iterator[list[RpcProxy]]:
    with proxied(found.url) as first, proxied(found.url) as second:
        yield [first, second]


def test_a_node_learns_issuer_and_batch_and_nothing_of_credential_index_or_document(
    found: World,
) -> None:
    """All that leaves, of one node and of several, now and at a past moment."""

    def asked(name: str, nodes: list[RpcProxy], **options: Any) -> str:
        for node in nodes:
            node.bodies.clear()
        urls = [node.url for node in nodes]
        assert found.verifier(rpc=urls).verify(found.file(f"{name}.json"), **options).checks
        return "\n".join(sorted(body.decode() for node in nodes for body in node.bodies))

    def secrets(name: str) -> list[str]:
        credential = Credential.parse(found.file(f"{name}.json").read_bytes())
        receipt = extract(credential.document)
        assert receipt is not None
        hidden = [receipt.salt, credential.digest, *receipt.path, receipt.root]
        subject = credential.document["credentialSubject"]
        assert isinstance(subject, dict)
        words = [str(credential.id), str(subject["id"]), credential.issuer_id, name]
        return [one.hex() for one in hidden] + words

    with _recorded(found) as nodes:
        for places in (nodes[:1], nodes):
            for options in ({}, {"at": "2026-06-01"}):
                about = {name: asked(name, places, **options) for name in ("ada", "ben")}
                assert "eth_getProof" in about["ada"]
                for name, body in about.items():
                    assert not [one for one in secrets(name) if one in body]
                # Two credentials of one word: not to be told apart, byte by byte.
                assert about["ada"] == about["ben"]


def test_a_workspaces_nodes_are_another_way_and_one_that_failed_is_asked_again_later(
    found: World, tmp_path: Path, proxy: RpcProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(sources, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with proxied(found.url) as other:
        text = workspace.new_config_text(
            chain=CHAIN,
            embedded=False,
            rpc=(proxy.url, other.url),
            did="did:key:z6Mk",
            name="Example College",
            url=None,
        )
        (tmp_path / workspace.FILE).write_text(text)
        source = WorkspaceToAsk(workspace.Workspace.load(tmp_path))
        with source:
            verifier = Verifier(
                found.file("trust.toml"), connect=lambda: nullcontext(source), clock=now
            )

            def asked() -> list[int]:
                before = len(proxy.calls), len(other.calls)
                assert verifier.verify(found.file("ada.json")).verdict == Verdict.VALID
                return [len(proxy.calls) - before[0], len(other.calls) - before[1]]

            assert asked()[1] == 0
            proxy.rules.append(limited(503, times=1))
            assert all(asked())
            assert asked()[0] == 0
            clock[0] += 61
            assert asked()[1] == 0
