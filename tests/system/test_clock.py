"""Jumps of the wall clock change nothing but what clients are shown of time (L-07, F-T1)."""

import mmap
import pathlib
import struct
import subprocess
import time

import pytest

from etcd_client import Client, pb
from processes import Cluster, wait_for

CLOCK_SOURCE = pathlib.Path(__file__).resolve().parents[1] / "nemesis" / "clock_step.c"
TEN_YEARS = 10 * 365 * 86400


class WallClock:
    """Of one node; the seconds that it is off by."""

    def __init__(self, path):
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.offset = mmap.mmap(file.fileno(), 8)

    def set(self, seconds):
        self.offset[:] = struct.pack("<q", seconds)


@pytest.fixture
def clocks(tmp_path):
    """(running cluster, {node: its clock})"""
    library = tmp_path / "clock_step.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, CLOCK_SOURCE, "-ldl"], check=True)
    with Cluster(tmp_path / "cluster") as cluster:
        made = {}
        for node in cluster.nodes:
            made[node] = WallClock(tmp_path / f"{node.name}.clock")
            node.environment = {"LD_PRELOAD": str(library), "QUORATE_TEST_CLOCK": str(tmp_path / f"{node.name}.clock")}
        yield cluster.start(), made


def time_to_live(client, lease):
    return client.call("Lease", "LeaseTimeToLive", pb.LeaseTimeToLiveRequest(ID=lease), pb.LeaseTimeToLiveResponse).TTL


def test_a_jump_of_the_wall_clock_has_no_influence(clocks):
    cluster, clock_of = clocks
    leader = cluster.leader()
    follower = next(node for node in cluster.nodes if node is not leader)
    client = Client(leader.endpoint)
    term = client.status().raftTerm
    client.lease_grant(60, lease=60)
    client.lease_grant(3, lease=3)
    granted = time.monotonic()
    client.put(b"long", b"1", lease=60)
    client.put(b"short", b"1", lease=3)
    for node, seconds in ((leader, TEN_YEARS), (follower, -TEN_YEARS), (leader, -TEN_YEARS), (leader, 5)):
        clock_of[node].set(seconds)
        for each in cluster.nodes:
            reader = Client(each.endpoint)
            assert reader.range(b"long").count == 1 and reader.range(b"short").count == 1, f"{node.name} by {seconds} s"
            client.put(b"x", str(seconds).encode())
            assert reader.range(b"x").kvs[0].value == str(seconds).encode()
            reader.close()
        time.sleep(0.3)
    assert time.monotonic() - granted < 3, "too slow to tell"
    wait_for(lambda: client.range(b"short").count == 0, 5, "a lease ends after its time")
    assert time.monotonic() - granted >= 3
    assert 50 < time_to_live(client, 60) <= 60
    time.sleep(1.5)  # an election time-out, and a half
    assert client.status().raftTerm == term and cluster.leader() is leader
    assert client.lease_keep_alive(3).TTL == 0
