"""What every test shares: one event loop library, seeds that are printed, Chromium."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.async_api import Browser, async_playwright

IN_CI = os.environ.get("CI") == "true"
BROWSER_TESTS = Path(__file__).parent / "browser"

settings.register_profile("ci", deadline=None, print_blob=True, derandomize=False)
settings.load_profile("ci")

FAKE_DEVICES = ["--use-fake-device-for-media-stream=fps=5", "--use-fake-ui-for-media-stream"]

# Playwright's own Node needs libraries that a bare Debian lacks; ours will do.
if node := shutil.which("node"):
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; a test that asks for it is skipped where there is none."""
    path = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if path is None:
        pytest.skip("Chromium is missing: install the package chromium, or set CHROMIUM=")
    return path


@contextlib.asynccontextmanager
async def _launched(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FAKE_DEVICES)
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
async def browser(chromium: str, anyio_backend: str) -> AsyncIterator[Browser]:
    """A headless Chromium with a pretended camera and microphone; contexts are the test's own."""
    async with _launched(chromium) as browser:
        yield browser


@pytest.fixture
async def laptop(chromium: str, anyio_backend: str) -> AsyncIterator[Browser]:
    """Another one, with processes of its own: they may be stopped."""
    async with _launched(chromium) as browser:
        yield browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(BROWSER_TESTS):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:
    """In CI a browser test that is skipped has failed: nobody would notice it missing."""
    report: pytest.TestReport = yield
    if IN_CI and report.skipped and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"a browser test was skipped in CI: {report.longrepr}"
    return report
