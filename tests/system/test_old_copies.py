"""A member that has forgotten what it promised, since its data directory is gone or an older copy of it was put back, is
heard by nobody who has met it, and both sides say why."""

import shutil

import pytest

from etcd_client import Client
from processes import wait_for
from test_members import etcdctl, grow, id_of
from test_snapshot import wait_equal


def without_a_majority(node, other):
    """Both run, and are not a majority of three: nobody counts the other."""
    return not node.is_leader() and not other.is_leader() and node.get("/health")[0] == 503


def test_a_lost_directory_is_not_begun_anew_under_the_same_id(cluster):
    """C-12, F-D11: of an acknowledged write one witness is dead and one has lost its disk. The third knows only that it has met
    the one that lost it, in a life before: that is enough for it to stand still until a majority has the write."""
    leader = cluster.wait_linked().leader()
    behind, lost = (node for node in cluster.nodes if node is not leader)
    behind.kill()
    Client(leader.endpoint).put(b"x", b"acknowledged")
    lost.kill()
    shutil.rmtree(lost.data_dir)
    leader.kill()
    behind.start()
    lost.start()
    for node in (behind, lost):
        wait_for(lambda node=node: "lost data: node" in node.log(), 20, f"{node.name} says that a directory was lost")
    assert without_a_majority(behind, lost)
    lost.kill()
    for _ in range(3):  # as often as it takes to have more lives than the others have met
        lost.start()
        wait_for(lambda: lost.get("/health")[0] == 503, 20, f"{lost.name} answers")
        lost.kill()
    lost.start()
    leader.start()
    wait_for(lambda: any(node.is_leader() for node in (behind, leader)), 20, "the two that have their disks go on")
    assert Client(behind.endpoint).range(b"x").kvs[0].value == b"acknowledged"
    assert not lost.is_leader() and lost.get("/health")[0] == 503
    # As its log and docs/operations.md say: remove the member, add a new one.
    lost_id = id_of(cluster, lost)
    cluster.nodes.remove(lost)
    etcdctl(cluster, "member", "remove", lost_id)
    lost.kill()
    new = grow(cluster)
    wait_equal(cluster)
    assert Client(new.endpoint).range(b"x").kvs[0].value == b"acknowledged"


@pytest.mark.parametrize("lives_since", [1, 2])
def test_an_old_copy_of_a_directory_is_refused_by_who_has_met_a_later_life(cluster, lives_since):
    """C-13, F-D12: the copy does not vote or acknowledge, though it was started as often as what it is a copy of, and though
    the others have been started anew since; all logs say what is wrong; with the right one all is well."""
    old = next(node for node in cluster.nodes if node is not cluster.leader())
    others = [node for node in cluster.nodes if node is not old]
    Client(cluster.leader().endpoint).put(b"x", b"old")
    old.stop()
    copy = old.data_dir.with_name("copy")
    shutil.copytree(old.data_dir, copy)
    for _ in range(lives_since):  # the others meet later lives
        old.start()
        cluster.wait_healthy().wait_linked()
        old.kill()
    Client(cluster.leader().endpoint).put(b"x", b"acknowledged without it")
    right = old.data_dir.rename(old.data_dir.with_name("right"))
    copy.rename(old.data_dir)
    for node in others:
        node.kill()
    for node in cluster.nodes:
        node.start()
    for node in cluster.nodes:
        wait_for(lambda node=node: "an old copy of its data" in node.log(), 20, f"{node.name} says so")
    # It counts for nobody: the leader and it would be two of three.
    leader = cluster.leader()
    other = next(node for node in others if node is not leader)
    other.kill()
    wait_for(lambda: not leader.is_leader(), 20, "the old copy does not keep the leader in office")
    assert without_a_majority(leader, old)
    assert old.alive, "it does not crash over what it does not know"
    other.start()
    old.kill()
    shutil.rmtree(old.data_dir)
    right.rename(old.data_dir)
    old.start()
    cluster.wait_healthy()
    wait_equal(cluster)
    assert Client(old.endpoint).range(b"x").kvs[0].value == b"acknowledged without it"
