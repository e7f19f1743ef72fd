import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "system"))

from processes import BINARY, Cluster, choose_consensus  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--consensus", help="the protocol that clusters run, of those of `quorate protocols`")


def pytest_configure(config):
    try:
        choose_consensus(config.getoption("--consensus"))
    except ValueError as error:
        raise pytest.UsageError(str(error))


@pytest.fixture(scope="session", autouse=True)
def _binary():
    assert BINARY.exists(), f"{BINARY} is missing: run ./dev build first"


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster") as made:
        yield made.start()
