"""How often a put under load asks for memory: 100 connections with 10 streams each, counted in every node."""

import pathlib
import shutil
import struct
import subprocess

import pytest

from processes import Cluster

COUNTER = pathlib.Path(__file__).with_name("allocation_count.c")
PUTS = 20_000
WARM = 5_000
#: On the leader, its 10 streams of HTTP/2 a connection included, and on each follower; measured: 4.4 and 1.2.
MOST_ON_LEADER = 6
MOST_ON_FOLLOWER = 2


class Counted:
    """A node's allocations so far, in a file that it shares."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(8))

    def read(self):
        return struct.unpack("<Q", self.path.read_bytes())[0]


def load(node, puts, directory):
    body = b"\x0a\x08somekey1\x12\x80\x02" + b"v" * 256
    data = directory / "body"
    data.write_bytes(b"\0" + len(body).to_bytes(4, "big") + body)
    done = subprocess.run(["h2load", f"-n{puts}", "-c100", "-m10", "-t1", f"-d{data}", "-Hcontent-type: application/grpc",
                           "-Hte: trailers", f"http://{node.endpoint}/etcdserverpb.KV/Put"],
                          capture_output=True, text=True, timeout=120)
    assert f"{puts} succeeded" in done.stdout, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed")
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_allocations_of_a_put_under_load(tmp_path):
    library = tmp_path / "allocation_count.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, COUNTER], check=True)
    counts = {}
    with Cluster(tmp_path / "cluster", environment={"LD_PRELOAD": str(library)}) as cluster:
        for node in cluster.nodes:
            counts[node.name] = Counted(tmp_path / f"{node.name}.count")
            node.environment = {"ALLOCATION_COUNT": str(counts[node.name].path)}
        cluster.start()
        leader = cluster.leader()
        load(leader, WARM, tmp_path)
        before = {name: count.read() for name, count in counts.items()}
        load(leader, PUTS, tmp_path)
        per_put = {name: (count.read() - before[name]) / PUTS for name, count in counts.items()}
        print(leader.name, per_put)
        for node in cluster.nodes:
            assert per_put[node.name] > 0.5, "the counter counts nothing"
            assert per_put[node.name] <= (MOST_ON_LEADER if node is leader else MOST_ON_FOLLOWER), per_put
