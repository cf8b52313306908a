"""An anvil with nothing but memory, for tests that ask it thousands of small questions."""

from __future__ import annotations

import gzip
import http.client
import json
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from registry.workspaces import anvil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Refusal(Exception):
    """A JSON-RPC error; data: what a reverted call returned."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message"))
        data = error.get("data")
        self.data = bytes.fromhex(data[2:]) if isinstance(data, str) else None


class BareChain:
    """JSON-RPC over one kept connection: a tenth of a millisecond a call."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._wire = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __call__(self, method: str, *params: Any) -> Any:
        return self.batch([(method, params)])[0]

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """All in one request; the answers in the same order. Raises Refusal."""
        body = json.dumps(
            [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                for number, (method, params) in enumerate(calls)
            ]
        )
        self._wire.request("POST", "/", body, {"Content-Type": "application/json"})
        answers = json.loads(self._wire.getresponse().read())
        for answer in answers:
            if "error" in answer:
                raise Refusal(answer["error"])
        return [answer["result"] for answer in answers]

    def storage(self, account: bytes) -> dict[int, int]:
        """Every slot of an account that is not zero."""
        dump = json.loads(gzip.decompress(bytes.fromhex(self("anvil_dumpState")[2:])))
        found = dump["accounts"].get("0x" + account.hex(), {}).get("storage", {})
        slots = {int(slot, 16): int(value, 16) for slot, value in found.items()}
        return {slot: value for slot, value in slots.items() if value}

    def close(self) -> None:
        self._wire.close()


@contextmanager
def bare_chain(chain: int, *options: str) -> Iterator[BareChain]:
    """A chain under this id, gone at the end. options: more words for anvil's command line."""
    port = anvil.free_port()
    command = [anvil.find(), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain)]
    # Final after two blocks, as on the embedded chain.
    process = subprocess.Popen(
        [*map(str, command), "--quiet", "--slots-in-an-epoch", "1", *options]
    )
    try:
        for _ in range(500):
            rpc = BareChain(port)
            try:
                rpc("eth_chainId")
            except OSError:
                time.sleep(0.02)
            else:
                break
        else:
            raise AssertionError("anvil did not answer within ten seconds")
        yield rpc
        rpc.close()
    finally:
        process.terminate()
        process.wait(10)
