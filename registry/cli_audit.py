"""`credanchor audit`: the registry's whole history, replayed and compared with its storage."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from registry.auditor import Audit
    from registry.rpc import Node
    from registry.values import Address, ChainId, IssuerId

_BROKEN = 1


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "audit",
        help="replay the registry's history and compare it with storage",
        description="Replay every log of a registry up to the final block, and compare what they "
        "give with the contract's storage: whatever was left out, added or moved shows.",
        epilog="Exit codes: 0 history and storage agree; 1 they do not; 2 wrong usage; 3 cannot be "
        "checked now.",
    )
    parser.add_argument("--rpc", metavar="URL", help="the node to ask (else: the workspace's)")
    parser.add_argument("--chain", metavar="ID", help="such as eip155:1; goes with --rpc")
    parser.add_argument("--registry", metavar="ADDRESS", help="the contract; goes with --rpc")
    parser.add_argument("--issuer", metavar="ID", help="show this issuer alone")
    parser.add_argument("--json", action="store_true", help="findings for programs")
    parser.set_defaults(run=_run, usage_error=parser.error)


def _run(args: argparse.Namespace) -> int:
    from registry.values import IssuerId

    only = None if args.issuer is None else IssuerId.from_hex(args.issuer)
    with ExitStack() as stack:
        node, chain, registry, confirmations = _place(args, stack)
        audit = _audit(args, node, chain, registry, confirmations)
    if args.json:
        sys.stdout.write(json.dumps(_to_json(audit, chain, registry, only)) + "\n")
    else:
        _show(audit, registry, only)
    return 0 if audit.holds else _BROKEN


def _place(args: argparse.Namespace, stack: ExitStack) -> tuple[Node, ChainId, Address, int | None]:
    """The node to ask, and which contract on which chain is meant."""
    from registry.devchain import running_chain
    from registry.errors import WorkspaceError
    from registry.rpc import Node
    from registry.values import Address, ChainId
    from registry.workspace import Workspace, find

    if args.rpc:
        if not (args.chain and args.registry):
            args.usage_error("--rpc goes with --chain and --registry")
        place = ChainId.parse(args.chain), Address.from_hex(args.registry)
        return stack.enter_context(Node(args.rpc)), *place, None
    workspace = Workspace.load(find(args.workspace))
    settings = workspace.chain
    if settings.registry is None:
        raise WorkspaceError(f"{workspace.file}: no [chain] registry yet; run `credanchor deploy`")
    url = (
        stack.enter_context(running_chain(workspace.folder))
        if settings.embedded
        else settings.rpc[0]
    )
    node = stack.enter_context(Node(url))
    return node, settings.id, settings.registry, settings.confirmations


def _audit(
    args: argparse.Namespace,
    node: Node,
    chain: ChainId,
    registry: Address,
    confirmations: int | None,
) -> Audit:
    from registry.auditor import audit, compared_slots
    from registry.chain_reader import read_blocks, read_slots
    from registry.event_reader import deployment_block, read_events
    from registry.evidence import OneNode
    from registry.progress import Progress
    from registry.replay import replay

    _, block = read_blocks(node, chain, confirmations)
    _check_code(node, registry, block.number)
    first = deployment_block(node, registry, block.number)
    blocks = max(block.number - first + 1, 0)
    with Progress("audit", blocks, "blocks", quiet=args.json) as progress:
        events = list(read_events(node, registry, first, block.number, progress.advance))
    state = replay(events, chain, registry)
    stored = read_slots(node, registry, compared_slots(state), block)
    return audit(events, state, stored, block, OneNode(node.name))


def _check_code(node: Node, registry: Address, number: int) -> None:
    """Raises NodeInconsistent unless the contract is the one whose rules replay knows.

    An empty account has no logs and no storage: they would agree.
    """
    from registry import artifact
    from registry.errors import NodeInconsistent
    from registry.keccak import keccak256
    from registry.rpc import data

    code = data(node.call("eth_getCode", [registry.to_hex(), hex(number)]), "eth_getCode")
    if not code:
        raise NodeInconsistent(f"{node.name}: no contract at {registry} as of block {number}")
    if keccak256(code) != artifact.load().code_hash:
        raise NodeInconsistent(
            f"{node.name}: the contract at {registry} is not the CredentialRegistry that this "
            "version knows; its logs can't be judged"
        )


def _to_json(
    audit: Audit, chain: ChainId, registry: Address, only: IssuerId | None
) -> dict[str, object]:
    return {
        "chain": str(chain),
        "registry": registry.to_hex(),
        "block": audit.block.number,
        "source": audit.source.to_json(),
        "holds": audit.holds,
        "registrations": audit.registrations,
        "issuers": [one.to_json() for one in audit.issuers if only in (None, one.issuer_id)],
        "findings": [
            finding.to_json()
            for finding in audit.findings
            if only is None or finding.issuer_id in (None, only)
        ],
    }


def _show(audit: Audit, registry: Address, only: IssuerId | None) -> None:
    from registry.report import printable

    verdict = "HOLDS: logs and storage agree" if audit.holds else "BROKEN: see below"
    lines = [
        f"{registry} as of final block {audit.block.number}: {verdict}, {audit.source.sentence()}.",
        f"{audit.registrations} issuers registered",
    ]
    for one in audit.issuers:
        if only not in (None, one.issuer_id):
            continue
        lines.append(f"{one.issuer_id} {printable(one.profile)}".rstrip())
        lines.append(
            f"  {one.operations} operations, {one.batches} batches of {one.leaves} leaves, "
            f"{one.suspended} suspended, {one.revoked} revoked"
        )
        lines += [
            f"  {finding.weight}: {finding.sentence}"
            for finding in audit.findings
            if finding.issuer_id == one.issuer_id
        ]
    lines += [f"{one.weight}: {one.sentence}" for one in audit.findings if one.issuer_id is None]
    sys.stdout.writelines(f"{line}\n" for line in lines)
