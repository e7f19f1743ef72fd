"""Quorums of the two phases that are no majorities: what they bear, and everything that must refuse others (P-12)."""

import subprocess
import time

import grpc
import pytest

from etcd_client import Client
from processes import BINARY, Cluster, wait_for
from test_members import etcdctl, id_of, quorate_member
from test_protocol import refusal

FOR_EVERY_PROTOCOL = False  # of one that has two phases

ELECTION_SECONDS = 0.2
FAST = ["--heartbeat-interval=20", f"--election-timeout={1000 * ELECTION_SECONDS:.0f}"]


def sizes(phase_1, phase_2):
    return [f"--phase-1-quorum={phase_1}", f"--phase-2-quorum={phase_2}"]


def cluster_of(directory, size, flags):
    return Cluster(directory, size=size, consensus="multipaxos", extra_flags=[*FAST, *flags])


def put(node, key, timeout=8.0):
    """True if it was acknowledged."""
    client = Client(node.endpoint)
    try:
        client.put(key, b"value of " + key, timeout=timeout)
        return True
    except grpc.RpcError:
        return False
    finally:
        client.close()


def keys_of(node):
    return {kv.key for kv in Client(node.endpoint).range(b"k", range_end=b"l").kvs}


def test_four_elect_and_two_decide(tmp_path):
    with cluster_of(tmp_path / "c", 5, sizes(4, 2)) as cluster:
        cluster.start()
        leader = cluster.leader()
        assert '"quorums":"4 and 2"' in leader.log()
        last, *others = [node for node in cluster.nodes if node is not leader]
        acknowledged = {b"k-five"}
        assert put(leader, b"k-five")
        for node in others:
            node.kill()
        for round in range(3):  # it leads on, and reads what it decides
            time.sleep(ELECTION_SECONDS)
            key = b"k-two-%d" % round
            assert put(leader, key) and put(last, key + b"-too")
            acknowledged |= {key, key + b"-too"}
        assert keys_of(leader) == acknowledged
        leader.kill()
        for node in others[:2]:
            node.start()
        for node in (last, *others[:2]):
            assert not put(node, b"k-nobody", timeout=3 * ELECTION_SECONDS), "three of five elect nobody"
        assert not any(node.is_leader() for node in cluster.nodes)
        others[2].start()
        new = cluster.leader()
        assert keys_of(new) - {b"k-nobody"} == acknowledged, "two of five had it, and one of them is among any four"
        assert put(new, b"k-four")


def test_a_cluster_keeps_its_sizes_and_its_members_must_fit_them(tmp_path):
    with cluster_of(tmp_path / "c", 3, sizes(3, 2)) as cluster:
        cluster.start()
        first = cluster.nodes[0]
        assert put(first, b"k-before")

        # A node that joins, with other sizes, and with those that it is told.
        joiner = cluster.add_node()
        cluster.nodes.remove(joiner)
        etcdctl(cluster, "member", "add", joiner.name, f"--peer-urls={joiner.peer_url}")
        cluster.nodes.append(joiner)
        joiner.extra_flags = ["--initial-cluster-state=existing", "--phase-2-quorum=3"]
        line = refusal(joiner)
        assert "whose quorum sizes are 3 and 2" in line and "--phase-2-quorum=3 asks for others" in line, line
        assert not joiner.data_dir.exists()
        cluster.extra_flags = FAST  # nobody needs to be told any more
        joiner.extra_flags = ["--initial-cluster-state=existing"]
        joiner.start()
        wait_for(joiner.ready, 20, f"{joiner.name} ready; its log ends:\n{joiner.log()[-1500:]}")
        wait_for(lambda: "any 3 (phase 1) and any 2 (phase 2) of n" in quorate_member(cluster, "list")
                 and quorate_member(cluster, "list").count(" voter ") == 3, 20, "it votes")

        # Members that do not fit.
        words = "do not fit so many voters"
        assert words in etcdctl(cluster, "member", "add", "x", "--peer-urls=http://127.0.0.1:1", ok=False)
        etcdctl(cluster, "member", "add", "x", "--learner", "--peer-urls=http://127.0.0.1:1")
        assert "which do not fit 2 voters" in quorate_member(cluster, "set", "n1,n2", code=1)
        etcdctl(cluster, "member", "remove", id_of(cluster, joiner))
        cluster.nodes.remove(joiner)
        assert words in etcdctl(cluster, "member", "remove", id_of(cluster, cluster.nodes[2]), ok=False)
        assert keys_of(first) == {b"k-before"} and put(first, b"k-after")

        # A directory, with other sizes.
        first.stop()
        first.extra_flags = sizes(2, 3)
        line = refusal(first)
        assert str(first.data_dir) in line and "3 and 2" in line, line
        assert "--phase-1-quorum=2 --phase-2-quorum=3 asks for others" in line
        first.extra_flags = []
        cluster.start()
        assert '"quorums":"3 and 2"' in first.log()[first.log_start:]
        assert keys_of(first) == {b"k-before", b"k-after"}


def test_members_with_other_sizes_are_refused(tmp_path):
    with cluster_of(tmp_path / "c", 3, sizes(2, 2)) as cluster:
        stranger = cluster.nodes[2]
        stranger.extra_flags = sizes(3, 1)  # the last ones count
        for node in cluster.nodes:
            node.start()
        for node in cluster.nodes[:2]:
            wait_for(node.ready, 20, f"{node.name} ready")
        words = ["wrong quorum sizes", "has 2 and 2", "has 3 and 1"]
        for node in cluster.nodes:
            wait_for(lambda: any(all(word in line for word in words) for line in node.log().splitlines()), 20,
                     f"{node.name} tells who has which")
        assert not stranger.ready()


@pytest.mark.parametrize("consensus, flags, words", [
    ("multipaxos", sizes(3, 2), ["--phase-1-quorum=3 and --phase-2-quorum=2", "more than 5"]),
    ("multipaxos", ["--phase-2-quorum=2"], ["--phase-1-quorum=0 (a majority, 3)", "more than 5"]),
    ("multipaxos", sizes(6, 5), ["--phase-1-quorum=6", "more than the 5 members"]),
    ("paxos", sizes(1, 1), ["--phase-1-quorum=1 and --phase-2-quorum=1", "more than 5"]),
    ("raft", ["--phase-1-quorum=3"], ["--phase-1-quorum=3", "raft has no phases"]),
])
def test_sizes_that_cannot_be_are_refused(tmp_path, consensus, flags, words):
    with cluster_of(tmp_path / "c", 5, flags) as cluster:
        cluster.consensus = consensus
        line = refusal(cluster.nodes[0])
        assert all(word in line for word in words), line
        assert not cluster.nodes[0].data_dir.exists()


def test_a_restored_cluster_has_the_sizes_that_it_is_given(tmp_path):
    with cluster_of(tmp_path / "c", 1, []) as cluster:
        cluster.start()
        put(cluster.nodes[0], b"k-saved")
        file = tmp_path / "backup"
        subprocess.run([BINARY, "snapshot", "save", file, "--endpoints", cluster.endpoints], check=True, timeout=20)
    with cluster_of(tmp_path / "new", 3, []) as cluster:
        for node in cluster.nodes:
            subprocess.run([BINARY, "snapshot", "restore", file, "--consensus=multipaxos", *sizes(3, 1),
                            f"--name={node.name}", f"--data-dir={node.data_dir}",
                            f"--initial-cluster={cluster.initial_cluster()}",
                            f"--initial-cluster-token={cluster.token}",
                            f"--initial-advertise-peer-urls={node.peer_url}"], check=True, timeout=20)
        cluster.start()
        leader = cluster.leader()
        assert '"quorums":"3 and 1"' in leader.log()
        for node in cluster.nodes:
            if node is not leader:
                node.kill()
        assert keys_of(leader) == {b"k-saved"} and put(leader, b"k-alone")


def test_a_register_is_decided_by_the_sizes(tmp_path):
    """Where nobody leads each value takes both phases."""
    with Cluster(tmp_path / "c", consensus="paxos", extra_flags=sizes(3, 1)) as cluster:
        cluster.start()
        first, _, third = cluster.nodes

        def propose(key):
            return subprocess.run([BINARY, "paxos", "propose", key, "red", "--endpoints", first.endpoint],
                                  capture_output=True, text=True, timeout=30)

        assert propose("colour").stdout == "red\n"
        third.kill()
        assert propose("shade").returncode != 0, "two of three do not pass phase 1"
        third.start()
        wait_for(third.ready, 20, "all three")
        assert propose("shade").stdout == "red\n"
