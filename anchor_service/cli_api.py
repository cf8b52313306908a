"""The commands of the HTTP API: `api`, and `key` with its actions. Arguments only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.verify import duration_s

if TYPE_CHECKING:
    import argparse
    from typing import Protocol

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

    class Add(Protocol):
        def __call__(
            self,
            commands: Commands,
            name: str,
            target: str,
            text: str,
            *,
            of_issuer: bool = True,
        ) -> argparse.ArgumentParser: ...


# As `api_keys.Scope`, which is not imported for `--help`; a test holds the two together.
SCOPES = (
    "credentials.read",
    "credentials.write",
    "batches.seal",
    "status.write",
    "state.read",
)
_MODULE = "anchor_service.commands"


def register(commands: Commands, add: Add) -> None:
    api = add(commands, "api", f"{_MODULE}.api:run", "serve the HTTP API", of_issuer=False)
    _add_address(api)
    serve = add(
        commands,
        "serve",
        f"{_MODULE}.serve:run",
        "the HTTP API and the worker in one process",
        of_issuer=False,
    )
    _add_address(serve)
    _register_key(commands, add)


def _register_key(commands: Commands, add: Add) -> None:
    key = commands.add_parser("key", help="keys for the HTTP API")
    actions = key.add_subparsers(title="actions", metavar="ACTION", required=True)
    create = add(actions, "create", f"{_MODULE}.key:create", "make a key and show it, this once")
    create.add_argument("name", metavar="NAME", help="whose it is; several may share one name")
    create.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=(*SCOPES, "all"),
        help="what it is good for; give it several times, or `all`",
    )
    _add_expires(create)
    add(actions, "list", f"{_MODULE}.key:list_", "every key there ever was", of_issuer=False)
    revoke = add(actions, "revoke", f"{_MODULE}.key:revoke", "end keys at once", of_issuer=False)
    revoke.add_argument("key", metavar="KEY", help="the key's id, or a name for all of that name")
    rotate = add(
        actions,
        "rotate",
        f"{_MODULE}.key:rotate",
        "make the next key of a name; the ones before end after a while",
        of_issuer=False,
    )
    rotate.add_argument("name", metavar="NAME")
    rotate.add_argument(
        "--overlap",
        metavar="TIME",
        type=duration_s,
        default=7 * 86400,
        help="how long the old keys still hold: 90m, 12h, 7d (else: 7d)",
    )
    _add_expires(rotate)


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="the address to listen on (else: [api] host, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="(else: [api] port, 8080)")


def _add_expires(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--expires", metavar="TIME", type=duration_s, help="how long it holds (else: until revoked)"
    )
