"""A node that may open no more files in the middle of its work stops and says why (C-14, F-D13)."""

import os
import resource

from etcd_client import Client
from processes import Cluster, wait_for
from test_snapshot import wait_equal, write

FOR_EVERY_PROTOCOL = False


def test_a_node_without_descriptors_stops_cleanly(tmp_path):
    with Cluster(tmp_path / "cluster", extra_flags=["--log-segment-bytes=8388608"]) as cluster:
        cluster.start()
        victim = next(node for node in cluster.nodes if not node.is_leader())
        pid = victim.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), limits[1]))
        endpoint = cluster.leader().endpoint
        for part in range(20):
            write(endpoint, 20, f"a{part}/")
            if not victim.alive:
                break
        wait_for(lambda: not victim.alive, 20, f"it stops; its log ends:\n{victim.log()[-1500:]}")
        assert victim.process.returncode == 1, victim.log()[-1500:]
        assert "this node cannot go on" in victim.log() and "Too many open files" in victim.log(), victim.log()[-1500:]
        Client(endpoint).put(b"the others", b"go on")
        victim.start()
        cluster.wait_healthy()
        wait_equal(cluster)
        assert Client(victim.endpoint).range(b"the others").kvs[0].value == b"go on"
