import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from processes import BINARY, Cluster  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _binary():
    assert BINARY.exists(), f"{BINARY} is missing: run ./dev build first"


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path / "cluster") as made:
        yield made.start()
