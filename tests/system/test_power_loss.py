"""Power loss: the file systems of all three nodes are shut down under load and come back as a crash leaves them.

kill -9 keeps the page cache and proves nothing about syncs; shutting XFS down without flushing its log does. With
the sync stubbed out by a preloaded library the same test must find lost writes: otherwise it proves nothing either.
"""

import os
import shutil
import subprocess
import time

import pytest

from power import PowerDomain, run
from processes import Cluster
from verdict import judge
from workload import Workload

NO_SYNC_SOURCE = """
int fdatasync(int fd) { (void)fd; return 0; }
int fsync(int fd) { (void)fd; return 0; }
int sync_file_range(int fd, long a, long b, unsigned c) { (void)fd; (void)a; (void)b; (void)c; return 0; }
"""


@pytest.fixture
def power(tmp_path):
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        pytest.skip("power loss needs root and xfsprogs")
    domains = []
    try:
        for name in ("n1", "n2", "n3"):
            domains.append(PowerDomain(tmp_path, name))
    except (subprocess.CalledProcessError, OSError) as error:
        for domain in domains:
            domain.remove()
        pytest.skip(f"this machine has no loop devices: {error}")
    yield domains
    for domain in domains:
        domain.remove()


def lose_all_power(tmp_path, domains, rounds, environment=None):
    """The load, and the first finding in what it saw and what the cluster still has."""
    data_dirs = [domain.mount_point / "data" for domain in domains]
    with Cluster(tmp_path / "cluster", data_dirs=data_dirs, environment=environment) as cluster:
        cluster.start()
        load = Workload(cluster, clients=8).start()
        try:
            for _ in range(rounds):
                time.sleep(1.5)
                for domain in domains:
                    domain.lose_power()
                cluster.kill_all()
                for domain in domains:
                    domain.unmount()
                    domain.mount()
                cluster.start()
            time.sleep(0.5)
            return load, judge(load, tmp_path / "history")
        finally:
            load.abandon()


def test_power_loss_of_all_three(tmp_path, power):  # C-05, F-D1, F-P2
    load, finding = lose_all_power(tmp_path, power, rounds=3)
    assert load.acknowledged_puts() > 20, "too few writes to prove anything"
    assert not finding, finding


def test_without_sync_the_same_test_fails(tmp_path, power):
    source = tmp_path / "no_sync.c"
    library = tmp_path / "no_sync.so"
    source.write_text(NO_SYNC_SOURCE)
    run("cc", "-shared", "-fPIC", "-o", str(library), str(source))
    with pytest.raises(AssertionError):  # a finding, or nodes that do not come back
        _, finding = lose_all_power(tmp_path, power, rounds=3, environment={"LD_PRELOAD": str(library)})
        assert not finding, finding
