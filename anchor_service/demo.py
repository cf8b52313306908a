"""The whole line, narrated: each step says why, shows the command, and lets the command speak.

What runs is the command line itself, so that nothing is shown that a reader could not type. Each
step states the exit code that it must end with; the demo fails if one ends otherwise.
"""

from __future__ import annotations

import io
import json
import shlex
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from registry import cli
from registry.workspaces.devchain import DevChain

if TYPE_CHECKING:
    import argparse

DONE, FAILED = 0, 1
"""Exit codes; for `verify` the first says VALID, the second definitely not."""


class DemoFailed(Exception):
    """A step that did not end as the demo says it must."""


def run(args: argparse.Namespace) -> int:
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
        return _run(args.keep)
    with tempfile.TemporaryDirectory(prefix="credanchor-demo-") as folder:
        return _run(Path(folder))


def _run(folder: Path) -> int:
    samples = files("anchor_service") / "samples"
    try:
        # One chain for all steps: each command would else start and stop it again.
        with as_file(samples) as sample_folder, DevChain(folder).use():
            _tell(_Stage(folder, sample_folder))
    except DemoFailed as failure:
        sys.stdout.flush()
        sys.stderr.write(f"credanchor demo: {failure}\n")
        return 1
    return 0


@dataclass(frozen=True, slots=True)
class _Stage:
    """Says, shows and runs. Paths are shown relative to the workspace, which is what matters."""

    folder: Path
    samples: Path

    def say(self, text: str) -> None:
        sys.stdout.write(f"\n{text}\n\n")
        sys.stdout.flush()

    def do(self, *arguments: object, ends: int = DONE, shown: str | None = None) -> None:
        """shown: what a shell would be given, where it would spell the arguments shorter."""
        words = [str(argument) for argument in arguments]
        sys.stdout.write(f"  $ credanchor {self._shown(shown or shlex.join(words))}\n")
        for line in self.output_of(words, ends).splitlines():
            sys.stdout.write(f"    {self._shown(line)}\n")
        sys.stdout.flush()

    def output_of(self, words: list[str], ends: int) -> str:
        caught = io.StringIO()
        with redirect_stdout(caught), redirect_stderr(caught):
            code = cli.main(["-w", str(self.folder), *words])
        if code != ends:
            sys.stdout.write(caught.getvalue())
            raise DemoFailed(f"`{' '.join(words)}` ended with {code}, where {ends} was due")
        return caught.getvalue()

    def _shown(self, text: str) -> str:
        text = text.replace(f"{self.samples}/", "").replace(f"{self.folder}/", "")
        return text.replace(str(self.folder), ".")


def _tell(stage: _Stage) -> None:
    shared = stage.folder / "shared"
    stage.say(
        "CredAnchor, from a roster to a verdict.\n"
        "A course provider issues microcredentials and anchors one Merkle root for all of them;\n"
        "from then on anyone can verify each from its file, with no help from the provider."
    )
    _set_up(stage)
    _issue(stage, shared)
    learners = sorted(path for path in shared.iterdir() if path.suffix == ".json")
    _verify(stage, learners)
    _change_status(stage, learners)
    _tamper(stage, learners[-1])
    stage.say("7. What an auditor sees: the chain's whole history, replayed and compared.")
    stage.do("audit")
    stage.say(
        "That is the whole line. Learners need to keep nothing but their file; the chain holds no\n"
        "names, only issuers, roots, sizes and status bits."
    )


def _set_up(stage: _Stage) -> None:
    stage.say(
        "1. The provider makes a workspace (keys, database, a development chain of its own),\n"
        "   deploys the registry contract and registers as an issuer. Once."
    )
    site = "https://academy.example.org"
    stage.do("init", stage.folder, "--name", "Example Academy", "--url", site)
    stage.do("deploy")
    stage.do("issuer", "register")


def _issue(stage: _Stage, shared: Path) -> None:
    stage.say(
        "2. A course ends. Its achievement was written once; the roster comes as CSV. A roster\n"
        "   with faults is refused whole, each fault by line and column:"
    )
    achievement = stage.samples / "achievement.json"
    bad, good = stage.samples / "bad-roster.csv", stage.samples / "roster.csv"
    stage.do("issue", "--achievement", achievement, "--roster", bad, ends=FAILED)
    stage.say("   A good one becomes Open Badges 3.0 credentials, each signed by the issuer's key:")
    stage.do("issue", "--achievement", achievement, "--roster", good)
    stage.say(
        "3. The night's work: the credentials' salted hashes, in random order and filled up to a\n"
        "   multiple of 128, become one Merkle tree; one transaction anchors its root."
    )
    stage.do("anchor")
    stage.do("status")
    stage.say("   Each learner gets one file: the credential, with its anchor as a second proof.")
    stage.do("export", "--all", "--out", shared)


def _verify(stage: _Stage, learners: list[Path]) -> None:
    stage.say(
        "4. An employer verifies all of them from the files, then looks at one step by step.\n"
        "   Exit code 0 says VALID to a script:"
    )
    stage.do("verify", *learners, shown="verify shared/*.json")
    stage.do("verify", learners[0])


def _change_status(stage: _Stage, learners: list[Path]) -> None:
    first, second, *_ = learners
    stage.say("5. One credential is revoked for good, another suspended. The verdicts follow:")
    stage.do("revoke", _id_of(first))
    stage.do("suspend", _id_of(second))
    stage.do("verify", first, ends=FAILED)
    stage.do("verify", first, second, ends=FAILED)
    stage.say("   A suspension can be lifted, a revocation cannot:")
    stage.do("reinstate", _id_of(second))
    stage.do("verify", first, second, ends=FAILED)


def _tamper(stage: _Stage, original: Path) -> None:
    stage.say("6. Somebody improves a grade in their own copy, and nothing else:")
    document = json.loads(original.read_text("utf-8"))
    document["credentialSubject"]["result"] = [{"type": ["Result"], "value": "Excellent"}]
    copy = original.with_name("improved.json")
    copy.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    stage.do("verify", copy, ends=FAILED)


def _id_of(credential: Path) -> str:
    identifier = json.loads(credential.read_text("utf-8"))["id"]
    return str(identifier)
