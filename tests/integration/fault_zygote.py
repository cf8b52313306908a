"""Runs nights in processes of their own, each killed where its plan says.

Everything is imported once; each case is a fork. A line of JSON in: URLs of the chain, of the node
that is asked and of the database, key, issuer id, layer, number, mode. A line out: the child's exit
status as os.waitpid gives it.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from breaking import Layer, Mode, Plan
from campaign import Stage

from registry.values import IssuerId


def main() -> None:
    for line in sys.stdin:
        case = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                stage = Stage(
                    case["url"],
                    bytes.fromhex(case["key"]),
                    IssuerId.from_hex(case["issuer"]),
                    case["database"],
                )
                plan = Plan(Layer(case["layer"]), case["number"], Mode(case["mode"]))
                stage.run(plan, node_url=case["node"])
                code = 0
            except BaseException:  # noqa: BLE001 - told to whoever reads the output
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
