"""A node that comes back with an older copy of its data directory is isolated, and the others say why and go on."""

import shutil

from etcd_client import Client
from processes import wait_for
from test_snapshot import wait_equal


def test_an_old_backup_of_the_directory_is_refused_by_who_has_met_a_later_life(cluster):
    """C-13, F-D12: the copy does not vote or acknowledge, and the others' logs say what is wrong; with the right one all is well."""
    old = next(node for node in cluster.nodes if node is not cluster.leader())
    Client(cluster.leader().endpoint).put(b"x", b"old")
    old.stop()
    copy = old.data_dir.with_name("copy")
    shutil.copytree(old.data_dir, copy)
    for _ in range(2):  # the others meet later lives
        old.start()
        cluster.wait_healthy()
        old.kill()
    client = Client(cluster.leader().endpoint)
    client.put(b"x", b"acknowledged without it")
    right = old.data_dir.rename(old.data_dir.with_name("right"))
    copy.rename(old.data_dir)
    old.start()
    leader = cluster.leader()
    others = [node for node in cluster.nodes if node is not old]
    wait_for(lambda: all("an old copy of its data" in node.log() for node in others), 20, "both others say so")
    # It counts for nobody: the leader and it would be two of three.
    other = next(node for node in others if node is not leader)
    other.kill()
    wait_for(lambda: not leader.is_leader(), 20, "the old copy does not keep the leader in office")
    assert not old.is_leader() and old.get("/health")[0] == 503
    assert old.alive, "it does not crash over what it does not know"
    other.start()
    old.kill()
    shutil.rmtree(old.data_dir)
    right.rename(old.data_dir)
    old.start()
    cluster.wait_healthy()
    wait_equal(cluster)
    assert Client(old.endpoint).range(b"x").kvs[0].value == b"acknowledged without it"
