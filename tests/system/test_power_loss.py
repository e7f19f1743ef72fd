"""Power loss: the file systems of all three nodes are shut down under load and come back as a crash leaves them.

kill -9 keeps the page cache and proves nothing about syncs; shutting XFS down without flushing its log does. With
the sync stubbed out by a preloaded library the same test must find lost writes: otherwise it proves nothing either.
"""

import os
import pathlib
import shutil
import subprocess
import time

import pytest

from processes import Cluster
from workload import Workload, changes_of

IMAGE_BYTES = 1 << 30

NO_SYNC_SOURCE = """
int fdatasync(int fd) { (void)fd; return 0; }
int fsync(int fd) { (void)fd; return 0; }
int sync_file_range(int fd, long a, long b, unsigned c) { (void)fd; (void)a; (void)b; (void)c; return 0; }
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class PowerDomain:
    """One loop-mounted XFS."""

    def __init__(self, directory, name):
        self.image = directory / f"{name}.img"
        self.mount_point = directory / name
        self.mount_point.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_BYTES)
        run("mkfs.xfs", "-q", str(self.image))
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", str(self.image), str(self.mount_point))

    def lose_power(self):
        """What was not synced is gone: XFS goes down without writing its log or its data."""
        run("xfs_io", "-x", "-c", "shutdown", str(self.mount_point))

    def unmount(self):
        for _ in range(100):
            if subprocess.run(["umount", str(self.mount_point)], capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"cannot unmount {self.mount_point}")


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
            domain.unmount()
        pytest.skip(f"this machine has no loop devices: {error}")
    yield domains
    for domain in domains:
        if os.path.ismount(domain.mount_point):
            domain.unmount()


def lose_all_power(tmp_path, domains, rounds, environment=None):
    """Returns the history and, after the last power loss, what the cluster still has."""
    data_dirs = [domain.mount_point / "data" for domain in domains]
    with Cluster(tmp_path / "cluster", data_dirs=data_dirs, environment=environment) as cluster:
        cluster.start()
        load = Workload(cluster, clients=8, timeout=3.0).start()
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
        history = load.stop()
        return history, changes_of(cluster)


def test_power_loss_of_all_three(tmp_path, power):  # C-05, F-D1, F-P2
    history, changes = lose_all_power(tmp_path, power, rounds=3)
    assert sum(1 for op in history.acknowledged() if op.kind == "put") > 20, "too few writes to prove anything"
    history.check(changes)


def test_without_sync_the_same_test_fails(tmp_path, power):
    source = tmp_path / "no_sync.c"
    library = tmp_path / "no_sync.so"
    source.write_text(NO_SYNC_SOURCE)
    run("cc", "-shared", "-fPIC", "-o", str(library), str(source))
    with pytest.raises(AssertionError):
        history, changes = lose_all_power(tmp_path, power, rounds=3, environment={"LD_PRELOAD": str(library)})
        history.check(changes)
