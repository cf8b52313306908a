"""Real Chromium, as npm brings it: unpacked once, run headless by Playwright."""

from __future__ import annotations

import os
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock
from javascript import ROOT, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

FOLDER = ROOT / "build" / "chromium"
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def unpacked() -> Path:
    """The folder with program and libraries, for the package's version at hand."""
    version = (ROOT / "node_modules" / "@sparticuz" / "chromium" / "package.json").read_bytes()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER / "lock"):
        stamp = FOLDER / "unpacked.json"
        if not stamp.exists() or stamp.read_bytes() != version:
            done = run("tests/web/unpack_chromium.mjs", str(FOLDER))
            assert done.returncode == 0, done.stderr
            for name in ("al2023", "fonts"):
                with tarfile.open(FOLDER / f"{name}.tar") as archive:
                    archive.extractall(FOLDER / name, filter="data")
            stamp.write_bytes(version)
    return FOLDER


@contextmanager
def running_chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    folder = unpacked()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=folder / "chromium",
            args=_FLAGS,
            env={**os.environ, "LD_LIBRARY_PATH": str(folder / "al2023" / "lib")},
        )
        yield browser
        browser.close()
