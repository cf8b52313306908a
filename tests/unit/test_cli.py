"""The command line: what it prints, and the code that it leaves with."""

from __future__ import annotations

import argparse
import importlib.metadata
import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from verifier_cases import CHAIN, CODE, DID, ISSUER, REGISTRY, good_case

import registry
from registry import cli, errors
from registry.cli.verify import duration_s

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLICY = f"""
[[trust.registries]]
chain = "{CHAIN}"
address = "{REGISTRY}"
code_hash = "{CODE}"
[[trust.issuers]]
chain = "{CHAIN}"
registry = "{REGISTRY}"
issuer_id = "{ISSUER}"
speaks_for = ["{DID}"]
name = "Example University"
"""


_BUILD_PARSER = inspect.unwrap(cli.build_parser)


def commands_of(monkeypatch: pytest.MonkeyPatch, entry_points: Callable[..., list[Any]]) -> None:
    """These entry points instead of the installed ones, and a parser of this test's own."""
    monkeypatch.setattr(cli, "entry_points", entry_points)
    monkeypatch.setattr(cli, "build_parser", _BUILD_PARSER)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a policy, a sound credential, a changed one and no JSON at all."""
    commands_of(monkeypatch, lambda group: [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CREDANCHOR_WORKSPACE", raising=False)
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "nobody.toml").write_text("[trust]\n")
    good = good_case().raw
    (tmp_path / "good.json").write_bytes(good)
    (tmp_path / "changed.json").write_bytes(good.replace(b"Passed", b"Failed"))
    (tmp_path / "broken.json").write_bytes(b"{")
    return tmp_path


OFFLINE = ["verify", "--offline", "--policy", "policy.toml"]


def json_out(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_one_file_is_reported_step_by_step(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*OFFLINE, "good.json"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0]
        == "good.json: CANNOT_CHECK: The chain was not read: nobody was to be asked (--offline)."
    )
    steps = [line for line in lines[1:] if "→" not in line]
    assert [line.split()[0] for line in steps] == [str(n) for n in range(1, 12)]
    assert "→ Ask a node, or another one" in lines[7]
    assert lines[1].split()[1:4] == ["parse", "✓", "valid"]


def test_several_files_are_a_line_each_and_a_sum(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*OFFLINE, "good.json", "changed.json"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("good.json: CANNOT_CHECK")
    assert lines[1].startswith("changed.json: TAMPERED")
    assert lines[2] == "2 credentials: 1 CANNOT_CHECK, 1 TAMPERED"
    cli.main([*OFFLINE, "--steps", "good.json", "changed.json"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "→" not in line]
    assert len(lines) == 2 * 12 + 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01T12:00Z", "2026-05-01T12:00:00Z"),
        ("2026-05-01T12:00:01Z", "2026-05-01T12:00:01Z"),
        ("2026-05-01T14:00+02:00", "2026-05-01T12:00:00Z"),
        ("2026-05-01", "2026-05-01T00:00:00Z"),
    ],
)
def test_a_past_moment_is_asked_for(
    files: Path, text: str, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*OFFLINE, "--json", "--at", text, "good.json"]) == 3
    (report,) = json_out(capsys)["reports"]
    assert report["at"] == moment


@pytest.mark.parametrize(
    "text", ["2999-01-01", "yesterday", "2026-05-01T12:00", "2026-13-01", "2026-05-01T25:00Z", ""]
)
def test_a_moment_to_come_or_none_at_all_is_bad_usage(
    files: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*OFFLINE, "--at", text, "good.json"])
    assert ended.value.code == 2
    assert "--at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["good.json"], 3),
        (["changed.json", "good.json"], 1),
        (["good.json", "changed.json", "broken.json"], 2),
        (["good.json", "missing.json"], 2),
    ],
)
def test_the_exit_code_is_the_gravest(files: Path, names: list[str], code: int) -> None:
    assert cli.main([*OFFLINE, *names]) == code
    assert cli.main([*OFFLINE, "--json", *names]) == code


def test_reports_in_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([*OFFLINE, "--json", "good.json", "missing.json", "broken.json"])
    good, missing, broken = json_out(capsys)["reports"]
    assert (good["file"], good["verdict"]) == ("good.json", "CANNOT_CHECK")
    assert [check["step"] for check in good["checks"]] == list(range(1, 12))
    assert missing == {
        "file": "missing.json",
        "error": {"type": "CannotOpen", "message": "missing.json: No such file or directory"},
    }
    assert broken["verdict"] == "MALFORMED"


def test_a_missing_file_is_told_on_stderr(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([*OFFLINE, "missing.json"])
    assert capsys.readouterr().err == (
        "credanchor: cannot open missing.json: No such file or directory\n"
    )


def test_an_empty_folder_and_a_pattern_that_fits_nothing_are_told_apart_from_lost_files(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "empty").mkdir()
    assert cli.main([*OFFLINE, "empty", "none*.json"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "credanchor: cannot open empty: no .json or .jsonld file is in this folder",
        "credanchor: cannot open none*.json: no file has such a name",
    ]


def test_a_wrong_url_of_a_node_is_not_shown(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["verify", "--rpc", "ftp://user:hunter2@node.example", "good.json"])
    told = capsys.readouterr().err
    assert "argument --rpc: a node's URL is http://" in told
    assert "hunter2" not in told


def test_without_any_policy_nobody_is_trusted_and_it_says_so(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", "--offline", "good.json"]) == 1
    shown = capsys.readouterr()
    assert "ISSUER_UNTRUSTED" in shown.out
    assert "--policy" in shown.err


def test_without_any_node_it_cannot_be_checked(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", "--policy", "policy.toml", "good.json"]) == 3
    assert "no node was named" in capsys.readouterr().out


def test_a_node_that_is_not_there_cannot_be_checked(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "http://user:secret@127.0.0.1:9/key"
    assert cli.main(["verify", "--policy", "policy.toml", "--rpc", url, "good.json"]) == 3
    out = capsys.readouterr().out
    assert "http://127.0.0.1:9" in out
    assert "secret" not in out
    assert "key:" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--offline", "--policy", "none.toml", "good.json"], "none.toml: No such file"),
        (["verify", "--offline", "--policy", "broken.json", "good.json"], "broken.json: the trust"),
        (["-w", "nowhere", "verify", "good.json"], "no workspace in nowhere"),
    ],
)
def test_wrong_settings_are_one_line_and_code_2(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"credanchor: {message}")
    assert shown.err.count("\n") == 1
    assert cli.main([*arguments, "--json"]) == 2
    assert message in json_out(capsys)["error"]["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unheard-of"],
        ["verify"],
        ["verify", "--offline", "--rpc", "http://127.0.0.1", "good.json"],
        ["verify", "--max-age", "soon", "good.json"],
        ["verify", "--rpc", "node.example:8545", "good.json"],
        ["verify", "--rpc", "http://node.example", "--quorum", "2", "good.json"],
        ["verify", "--own-node", "http://node.example", "--quorum", "1", "good.json"],
        ["verify", "--receipt", "r.json", "good.json", "changed.json"],
    ],
)
def test_wrong_usage_is_code_2(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: credanchor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 1), ("3600", 3600), ("90s", 90), ("90m", 5400), ("12h", 43200), ("7d", 604800)],
)
def test_a_time_is_seconds_or_has_a_unit(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5h", "7 d", "d", "1y", "٣", "9" * 20])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration_s(text)


def run_with(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[argparse.Namespace], int], *arguments: str
) -> int:
    """Run a command that does `run`, added as an issuer's commands are."""

    class EntryPoint:
        value = "some.module:register"

        def load(self) -> Callable[[Any], None]:
            def register(commands: Any) -> None:
                parser = commands.add_parser("probe")
                parser.add_argument("--json", action="store_true")
                parser.set_defaults(run=run)

            return register

    def entry_points(group: str) -> list[EntryPoint]:
        assert group == "credanchor.commands"
        return [EntryPoint()]

    commands_of(monkeypatch, entry_points)
    return cli.main(["probe", *arguments])


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


CODES: list[tuple[Exception, int]] = [
    (errors.MalformedValue("chain", "no"), 2),
    (errors.MalformedJson("no"), 2),
    (errors.MalformedReceipt("no"), 2),
    (errors.SchemaNotMet("Open Badges", (("/a", "no"),)), 2),
    (errors.WorkspaceError("no"), 2),
    (FileNotFoundError(2, "No such file or directory", "x"), 2),
    (errors.NodeUnreachable("no"), 3),
    (errors.DevChainFailed("no"), 3),
    (errors.RegistryError("no"), 1),
    (OSError(28, "No space left on device"), 1),
]


@pytest.mark.parametrize(("error", "code"), CODES)
def test_every_error_is_one_line_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    assert run_with(monkeypatch, raising(error)) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("credanchor: ")
    assert shown.err.count("\n") == 1
    assert run_with(monkeypatch, raising(error), "--json") == code
    assert json_out(capsys)["error"]["type"] == type(error).__name__


def test_a_commands_own_code_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(monkeypatch, lambda args: 7) == 7


def test_an_interrupt_is_130_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, raising(KeyboardInterrupt())) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_without_the_service_its_commands_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed = importlib.metadata.distribution

    def distribution(name: str) -> importlib.metadata.Distribution:
        if name == "sqlalchemy":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    assert run_with(monkeypatch, raising(ModuleNotFoundError("sqlalchemy"))) == 2
    assert "pip install 'credanchor[service]'" in capsys.readouterr().err


def test_with_the_service_a_missing_module_is_a_bug_and_surfaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ModuleNotFoundError):
        run_with(monkeypatch, raising(ModuleNotFoundError("anchor_service.typo")))


def test_broken_commands_of_others_keep_nobody_from_verifying(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        value = "some.module:register"

        def load(self) -> None:
            raise ImportError("broken")

    commands_of(monkeypatch, lambda group: [Broken()])
    assert cli.main([*OFFLINE, "good.json"]) == 3
    assert "no commands from some.module:register" in capsys.readouterr().err


def test_a_reader_that_leaves_ends_it_quietly(files: Path) -> None:
    many = ["good.json"] * 400
    program = f"import sys; from registry.cli import main; sys.exit(main({[*OFFLINE, *many]!r}))"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait() == 141


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"credanchor {importlib.metadata.version('credanchor')}\n"


def imported_by(statement: str) -> set[str]:
    program = f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules)-before)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"httpx", "sqlalchemy", "eth_account", "tqdm", "tomlkit", "alembic"}


def test_help_imports_nothing_heavy() -> None:
    statement = "from registry.cli import build_parser; build_parser()"
    more = {"cryptography", "jsonschema_rs", "orjson", "sha3", "tomllib"}
    assert not imported_by(statement) & (HEAVY | more)


def test_an_offline_verdict_imports_no_network_and_no_service(files: Path) -> None:
    statement = f"from registry.cli import main; main({[*OFFLINE, 'good.json']!r})"
    assert not imported_by(statement) & HEAVY


def test_the_library_imports_nothing_until_asked() -> None:
    imported = imported_by("import registry")
    assert {name for name in imported if name.startswith("registry")} == {"registry"}


def test_every_public_name_is_there() -> None:
    assert set(registry.__all__) <= set(dir(registry))
    for name in registry.__all__:
        assert getattr(registry, name).__name__ == name
    assert registry.__version__ == importlib.metadata.version("credanchor")
    with pytest.raises(AttributeError, match="no attribute 'unheard_of'"):
        _ = registry.unheard_of  # type: ignore[attr-defined] # the point
