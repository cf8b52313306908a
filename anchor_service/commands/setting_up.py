"""`init`, `deploy`, `issuer register`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, named, say
from anchor_service.engine.fees import GWEI
from anchor_service.engine.keys import PASSWORD_VARIABLE
from anchor_service.errors import KeyUnusable
from anchor_service.operating import setup
from anchor_service.operating.opening import open_desk
from registry.errors import WorkspaceError
from registry.values import ChainId

if TYPE_CHECKING:
    import argparse

    from anchor_service.operating.setup import Cost
    from anchor_service.store.lifecycle import Moment

_ETHER = 10**18


def init(args: argparse.Namespace) -> int:
    folder = args.folder or Path(named(args) or ".")
    chain = ChainId.parse(args.chain)
    if not args.rpc and not chain.is_development:
        raise WorkspaceError(f"{chain} is no development chain: name a node of it with --rpc URL")
    password = os.environ.get(PASSWORD_VARIABLE)
    if args.rpc and password is None:
        password = _new_password()
    fresh = setup.init(
        folder,
        name=args.name,
        url=args.url,
        chain=chain,
        rpc=tuple(args.rpc),
        password=password,
        did=args.did,
    )
    say(args, f"workspace   {fresh.folder}")
    say(args, f"chain       {fresh.chain}" + ("" if args.rpc else " (its own, for development)"))
    say(args, f"account     {fresh.account}, pays for transactions")
    say(args, f"issuer      {fresh.did}")
    if fresh.password_file:
        say(args, f"password    made at random, in {fresh.password_file}: it unlocks both keys;")
        say(args, "            for keys of value keep it elsewhere, in CREDANCHOR_ACCOUNT_PASSWORD")
    elif args.rpc:
        say(args, f"next        send funds to {fresh.account}, then: credanchor deploy")
    answer(
        args,
        {
            "workspace": str(fresh.folder),
            "chain": str(fresh.chain),
            "account": fresh.account.to_hex(),
            "did": fresh.did,
        },
    )
    return 0


def deploy(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    costs: list[Cost] = []

    def announce(cost: Cost) -> None:
        costs.append(cost)
        say(
            args,
            f"cost        at most {cost.gas:,} gas at {cost.fees.max_fee / GWEI:.3f} gwei = "
            f"{cost.total / _ETHER:.6f} ETH of {cost.balance / _ETHER:.6f} ETH",
        )

    with open_desk(workspace, _unwatched) as desk:
        address = setup.deploy(workspace, desk, announce)
        chain = desk.chain.id
    done = "deployed" if costs else "there already"
    say(args, f"registry    {address} on {chain}, {done}; its code is as shipped, and trusted here")
    answer(
        args,
        {
            "chain": str(chain),
            "registry": address.to_hex(),
            "deployed": bool(costs),
            "cost": [
                {"gas": one.gas, "maxFeePerGas": str(one.fees.max_fee), "total": str(one.total)}
                for one in costs
            ],
        },
    )
    return 0


def register(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_desk(workspace, _unwatched) as desk:
        issuer_id = setup.register(workspace, desk)
    say(args, f"issuer      {issuer_id}, {workspace.issuer.name}")
    say(args, f"speaks for  {workspace.issuer.did}, trusted here")
    answer(args, {"issuerId": issuer_id.to_hex(), "did": workspace.issuer.did})
    return 0


def _unwatched(_: Moment) -> None:
    pass


def _new_password() -> str:
    if not sys.stdin.isatty():
        raise KeyUnusable(f"a password for the new keys is needed: set {PASSWORD_VARIABLE}")
    from getpass import getpass

    password = getpass("A password for the new keys: ")
    if not password or getpass("The same again: ") != password:
        raise KeyUnusable("the two passwords differ, or are empty; nothing was made")
    return password
