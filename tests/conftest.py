import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "system"))

from processes import BINARY, Cluster, choose_consensus, consensus, protocols  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--consensus", help="the protocol that clusters run, of those of `quorate protocols`")


def pytest_configure(config):
    try:
        choose_consensus(config.getoption("--consensus"))
    except ValueError as error:
        raise pytest.UsageError(str(error))


def pytest_collection_modifyitems(config, items):
    """A module with FOR_EVERY_PROTOCOL = False says nothing of the protocol: it runs with the default one only."""
    if consensus() == protocols()[0]:
        return
    left_out = [item for item in items if not getattr(item.module, "FOR_EVERY_PROTOCOL", True)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def _binary():
    assert BINARY.exists(), f"{BINARY} is missing: run ./dev build first"


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster") as made:
        yield made.start()
