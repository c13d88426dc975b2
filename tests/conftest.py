"""Fixtures shared by all tests, ``--no-skips`` with which CI runs them, and ``--table``, which `make cases` prints."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

# how long an example takes says how busy the machine is, not whether it is right
hypothesis.settings.register_profile("inkread", deadline=None)
hypothesis.settings.load_profile("inkread")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that is skipped fails")
    parser.addoption("--table", action="store_true", help="print a row for each test function at the end")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test fails with ``--no-skips``."""
    report = yield
    if item.config.getoption("no_skips") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"--no-skips: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So does a module of tests that is skipped as a whole."""
    report = yield
    if collector.config.getoption("no_skips") and report.skipped:
        report.outcome, report.longrepr = "failed", f"--no-skips: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table: file, test in words, and how many of its examples passed."""
    if not config.getoption("table"):
        return
    outcomes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            file, _, test = report.nodeid.partition("::")
            words = test.partition("[")[0].removeprefix("test_").replace("_", " ")
            outcomes[file.removeprefix("tests/"), words].append(outcome == "passed")
    width = [max((len(key[column]) for key in outcomes), default=0) for column in (0, 1)]
    for (file, words), passed in sorted(outcomes.items()):
        result = "ok" if all(passed) else "FAILED"
        terminalreporter.write_line(f"{file:{width[0]}}  {words:{width[1]}}  {result} {sum(passed)}/{len(passed)}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the collections of real pages, as in a clone of the repository alone, their tests are deselected."""
    if SHARED_DATA.is_dir():
        return
    of_collections = [item for item in items if "shared_data" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=of_collections)
    items[:] = [item for item in items if item not in of_collections]


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[Callable[[], PasswordHash]]:
    """Hashing a password takes a fifth of a second on purpose; tests start hundreds of gateways, each with three.

    What it gives is the hash that is used elsewhere.
    """
    usual = PasswordHash.recommended
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PasswordHash, "recommended", lambda: cheap)
        yield usual


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the collections of real pages."""
    return SHARED_DATA
