"""The page before real nodes: proofs checked in the browser, liars named, little learned."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from pages import Visit
from rpc_proxy import RpcProxy, altered, limited, proxied
from test_line import SAMPLES

from registry.cli import main
from registry.workspaces.devchain import running_chain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


class Issuer:
    """A workspace on a chain of its own, with its credentials exported."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self("deploy")
        self("issuer", "register")
        samples = (
            "--achievement",
            SAMPLES / "achievement.json",
            "--roster",
            SAMPLES / "roster.csv",
        )
        self("issue", *samples)
        self("anchor")
        self("export", "--all", "--out", folder / "shared")
        self("export", "--all", "--bundle", "--out", folder / "bundles")
        self.credentials = [one.read_bytes() for one in sorted((folder / "shared").glob("*.json"))]
        self.ids = [json.loads(raw)["id"] for raw in self.credentials]
        text = (folder / "credanchor.toml").read_text("utf-8")
        self.policy = text[text.index("[trust]") :]

    def __call__(self, *words: object) -> None:
        assert main(["-w", str(self.folder), *map(str, words)]) == 0


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    folder = tmp_path_factory.mktemp("issuer") / "workspace"
    assert main(["-w", str(folder), "init", "--name", "Example Academy"]) == 0
    # The embedded chain answers no web page; a public node does, and so does the proxy.
    with running_chain(folder) as url, proxied(url) as open_to_pages:
        yield Issuer(folder, open_to_pages.url)


@pytest.fixture
def visit(browser: Browser, issuer: Issuer) -> Iterator[Visit]:
    visit = Visit.begin(browser, now=None)
    visit.trust(issuer.policy)
    yield visit
    visit.context.close()


def ask(visit: Visit, *urls: str, agree: int = 1) -> None:
    visit.page.fill("#nodes", "\n".join(urls))
    visit.page.fill("#agree", str(agree))
    visit.page.click("#chain-save")


def settled(visit: Visit, verdict: str) -> str:
    """The sentence, once the verdict is this one."""
    visit.page.wait_for_selector(f"[data-verdict={verdict}]", timeout=20_000)
    return visit.text(".sentence").replace("\u2068", "").replace("\u2069", "")


def test_one_node_is_asked_and_named_and_learns_no_credential(visit: Visit, issuer: Issuer) -> None:
    with proxied(issuer.url) as proxy:
        ask(visit, proxy.url)
        visit.give(diploma__json=issuer.credentials[0])
        assert f"on the word of one node, {proxy.url}" in settled(visit, "VALID")
        assert visit.outcomes() == ["V" * 11]
        told = json.dumps(proxy.calls)
        learnt = {call["method"] for call in proxy.calls}
        assert learnt == {"eth_chainId", "eth_getBlockByNumber", "eth_getProof"}
        receipt = json.loads(visit.raw())
        assert receipt["credential"]["digest"][2:] not in told
        assert issuer.ids[0] not in told
        asked = {url for url in visit.requests if not url.startswith(("file:", "data:"))}
        assert asked == {f"{proxy.url}/"}


def test_a_node_that_lies_or_refuses_is_named_and_nothing_is_made_invalid(
    visit: Visit, issuer: Issuer
) -> None:
    def other_word(answer: Any) -> Any:
        for proof in answer["storageProof"]:
            last = proof["proof"][-1]
            proof["proof"][-1] = last[:-2] + ("00" if last[-2:] != "00" else "01")
        return answer

    lies = {
        "eth_getProof": altered("eth_getProof", other_word),
        "eth_getBlockByNumber": altered(
            "eth_getBlockByNumber", lambda block: {**block, "stateRoot": "0x" + "11" * 32}
        ),
        "eth_chainId": altered("eth_chainId", lambda _: "0x1"),
        "429": limited(429, times=None),
        "nothing": altered("eth_getProof", lambda _: None),
    }
    visit.give(diploma__json=issuer.credentials[0])
    for name, rule in lies.items():
        with proxied(issuer.url) as proxy:
            proxy.rules.append(rule)
            ask(visit, proxy.url)
            visit.page.wait_for_function(
                "url => document.querySelector('.sentence').textContent.includes(url)",
                arg=proxy.url,
                timeout=20_000,
            )
            assert settled(visit, "CANNOT_CHECK"), name
            # The next node is asked where the first gives nothing that holds.
            ask(visit, proxy.url, issuer.url)
            assert issuer.url in settled(visit, "VALID"), name
            visit.page.fill("#nodes", "")
            visit.page.click("#chain-save")
            settled(visit, "CANNOT_CHECK")


def test_several_nodes_must_agree_on_the_final_block(visit: Visit, issuer: Issuer) -> None:
    with ExitStack() as stack:
        proxies: list[RpcProxy] = [stack.enter_context(proxied(issuer.url)) for _ in range(3)]
        urls = [proxy.url for proxy in proxies]
        ask(visit, *urls, agree=2)
        visit.give(diploma__json=issuer.credentials[0])
        assert "that 3 of 3 nodes agree on" in settled(visit, "VALID")
        proxies[0].rules.append(limited(503, times=None))
        ask(visit, *urls, agree=2)
        visit.page.wait_for_function(
            "() => document.querySelector('.sentence').textContent.includes('2 of 3 nodes')",
            timeout=20_000,
        )
        settled(visit, "VALID")
        ask(visit, *urls, agree=3)
        assert "2 of 3 nodes agree on the final block, where 3 have to" in settled(
            visit, "CANNOT_CHECK"
        )


def test_a_trusted_block_makes_the_nodes_honesty_no_matter(visit: Visit, issuer: Issuer) -> None:
    ask(visit, issuer.url)
    visit.give(diploma__json=issuer.credentials[0])
    settled(visit, "VALID")
    block = json.loads(visit.raw())["evidence"]["finalized"]
    visit.trust_blocks([f"eip155:31337:{block['hash']}"])
    visit.page.wait_for_function(
        "() => document.querySelector('.sentence').textContent.includes('a block that you trust')"
    )
    assert visit.verdicts() == ["VALID"]


def test_an_issuers_bundles_hold_and_a_revocation_shows(visit: Visit, issuer: Issuer) -> None:
    bundles = sorted((issuer.folder / "bundles").glob("*.bundle.json"))
    assert bundles
    visit.give(diploma__bundle__json=bundles[0].read_bytes())
    settled(visit, "CANNOT_CHECK")
    ask(visit, issuer.url)
    settled(visit, "VALID")
    issuer("revoke", json.loads(bundles[0].read_bytes())["credential"]["id"])
    ask(visit, issuer.url)
    assert settled(visit, "REVOKED").startswith("Revoked, as of")


def test_a_page_with_a_policy_inside_trusts_by_it(
    browser: Browser, issuer: Issuer, tmp_path: Path
) -> None:
    policy, page = tmp_path / "trust.toml", tmp_path / "verifier.html"
    policy.write_text(issuer.policy, "utf-8")
    issuer("page", "--out", page, "--policy", policy)
    visit = Visit.begin(browser, page, now=None)
    assert visit.text("#trust-state").startswith("This copy of the page came with a policy.")
    ask(visit, issuer.url)
    visit.give(diploma__json=issuer.credentials[1])
    settled(visit, "VALID")
    visit.trust("[trust]\n")
    settled(visit, "ISSUER_UNTRUSTED")
    assert visit.errors == []
    visit.context.close()
