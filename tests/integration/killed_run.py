"""A run of the service that ends itself at one moment, as `kill -9` would.

Arguments: node URL, database URL, key in hex, issuer id, moment.
"""

from __future__ import annotations

import os
import sys

from desks import CHAIN, Fault, Killed, open_line, run
from eth_account import Account

from anchor_service.engine.chain import Chain
from anchor_service.engine.keys import ChainKey
from anchor_service.store.database import Database
from anchor_service.store.lifecycle import Moment
from registry.nodes.rpc import Node
from registry.values import IssuerId


class PowerCut(Fault):
    def __call__(self, moment: Moment) -> None:
        try:
            super().__call__(moment)
        except Killed:
            os._exit(9)


def main(url: str, database: str, key: str, issuer: str, moment: str) -> None:
    chain = Chain(Node(url), CHAIN)
    signer = ChainKey(Account.from_key(key), CHAIN)
    fault = PowerCut(Moment(moment))
    with open_line(
        Database(database), chain, signer, IssuerId.from_hex(issuer), fault=fault
    ) as line:
        run(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
