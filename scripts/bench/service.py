"""The anchoring service under faults, and several workers on one PostgreSQL.

    python scripts/bench/service.py [--json] [--quick]

Faults are put in as the tests put them in (`tests/integration`): each write of a night fails, done
or not, and kills the process; and a soak of several clients over HTTP while services are killed,
answers lost, blocks vanish and gas is dear. What became of the credentials is counted from the
chain's logs. One worker against two, on the same database and the same batches, in turns: the
second must not slow the run. Then the one that has the account is killed at work.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from formats import Figure, show
from sqlalchemy import select

from anchor_service.store import batch_store
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.schema import signer_lease

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "integration"))
from breaking import Layer, Mode, Plan  # noqa: E402 - beside this folder, not in a package
from campaign import Stage, sqlite_databases  # noqa: E402
from census import Tally  # noqa: E402
from databases import new_postgres, postgres_server  # noqa: E402
from desks import add, memory_chain  # noqa: E402
from soak import soak  # noqa: E402
from worker_desk import going_on, office, ready_workers, zygote  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_desk import Office, Zygote

LEASE_S = 3
BATCH = 3
SEED = 2026
PATIENCE_S = 120.0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("--quick", action="store_true", help="a tenth of everything")
    chosen = options.parse_args()
    share = 10 if chosen.quick else 1
    with tempfile.TemporaryDirectory(prefix="credanchor-bench-") as name:
        folder = Path(name)
        figures = [
            *faults(folder, 4000 // share, every=share),
            *workers(folder, 60 // share, 1 if chosen.quick else 3),
        ]
    if chosen.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        show(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def faults(folder: Path, credentials: int, every: int) -> list[Figure]:
    with memory_chain() as url:
        tally = commits_that_fail(url, folder, every)
    with memory_chain() as url:
        found = soak(
            folder / "soak",
            url,
            f"sqlite:///{folder}/soak.db",
            seed=SEED,
            credentials=credentials,
            least=3,
        )
    tally.add("soak", found.census)
    rows = [tuple(map(sum, zip(*tally.sums.values(), strict=True)))]
    ((injected, anchored, lost, doubled, unproven, strays),) = rows
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(found.faults.items()))
    return [
        Figure(
            f"{injected:,} faults, {anchored:,} credentials",
            f"{lost} lost, {doubled} doubled, {unproven} without receipt",
            "0, 0, 0",
            not (lost or doubled or unproven or strays or found.wrong),
        ),
        Figure(f"  of them in the soak, seed {found.seed}", kinds, "", None),
    ]


def commits_that_fail(url: str, folder: Path, every: int) -> Tally:
    """Each commit of a night, not done, and done but reported failed."""
    tally, new = Tally(), sqlite_databases(folder)
    stage, clean = Stage.new(url, new()), Plan()
    stage.run(clean)
    for number in range(1, clean.counted[Layer.COMMIT] + 1, every):
        for mode in (Mode.NOT_DONE, Mode.DONE_BUT_LOST):
            stage = Stage.new(url, new())
            stage.fails(Plan(Layer.COMMIT, number, mode))
            stage.run()
            tally.add(f"commit, {mode.value}", stage.census())
            stage.check()
    return tally


def workers(folder: Path, batches: int, turns: int) -> list[Figure]:
    with (
        postgres_server() as server,
        memory_chain() as url,
        going_on(url),
        zygote() as mother,
    ):
        times: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(turns):
            for number in (1, 2):
                with new_postgres(server) as database:
                    one = office(folder / f"{turn}-{number}", url, database)
                    times[number].append(run_time(mother, one, number, batches))
                    one.database.close()
        with new_postgres(server) as database:
            one = office(folder / "killed", url, database)
            taken = takeover(mother, one)
            one.database.close()
    alone, both = median(times[1]), median(times[2])
    return [
        Figure(
            f"two workers beside one, {batches} batches, PostgreSQL",
            f"{both / alone:.2f} times its {alone:.1f} s",
            "at most 1.10 times",
            both <= 1.1 * alone,
        ),
        Figure(
            "a killed worker's account and batches, taken over",
            f"{taken:.2f} s, {taken / LEASE_S:.2f} of the lease",
            "within one lease",
            taken <= LEASE_S,
        ),
    ]


def run_time(mother: Zygote, one: Office, number: int, batches: int) -> float:
    """Seconds from the first batch's arrival to the last one's finality, the workers there."""
    with ready_workers(mother, one, number, "--lease", str(LEASE_S)):
        start = time.perf_counter()
        for night in range(1, batches + 1):
            add(one.database, *(f"{night} {place}" for place in range(BATCH)))
            wait(lambda: len(states(one)) == night)  # noqa: B023 - called before the next
        wait(lambda: states(one) == [BatchState.FINAL] * batches)
        return time.perf_counter() - start


def takeover(mother: Zygote, one: Office) -> float:
    """Seconds from the kill of the worker that has the account until another has it."""
    with ready_workers(mother, one, 2, "--lease", str(LEASE_S)) as processes:
        add(one.database, *map(str, range(BATCH)))
        wait(lambda: len(states(one)) == 1)
        owner, token = holder(one)
        (first,) = [process for process in processes if f":{process.pid}:" in owner]
        start = time.perf_counter()
        first.kill()
        wait(lambda: holder(one)[1] > token)
        taken = time.perf_counter() - start
        wait(lambda: states(one) == [BatchState.FINAL])
        return taken


def states(one: Office) -> list[BatchState]:
    with one.database.read() as connection:
        return [batch.state for batch in batch_store.sealed_batches(connection)]


def holder(one: Office) -> tuple[str, int]:
    with one.database.read() as connection:
        row = connection.execute(select(signer_lease.c.owner, signer_lease.c.token)).one()
    return row[0], row[1]


def wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            sys.exit("it did not come about")
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
