"""Members come, go and move while clients work, on real processes and by the tools that an operator has."""

import json
import subprocess


from processes import BINARY, Cluster, wait_for
from verdict import judge
from workload import Workload


def etcdctl(cluster, *words, ok=True):
    """Asks the nodes that run; what it printed."""
    endpoints = ",".join(node.endpoint for node in cluster.nodes if node.alive)
    done = subprocess.run(["etcdctl", f"--endpoints={endpoints}", "--command-timeout=20s", *words],
                          capture_output=True, text=True, env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"}, timeout=60)
    assert (done.returncode == 0) == ok, f"etcdctl {words}: {done.stdout} {done.stderr}"
    return done.stdout if ok else done.stderr


def quorate_member(cluster, *words, code=0):
    endpoints = ",".join(node.endpoint for node in cluster.nodes if node.alive)
    done = subprocess.run([str(BINARY), "member", f"--endpoints={endpoints}", *words],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"quorate member {words}: {done.stdout} {done.stderr}"
    return done.stdout + done.stderr


def members(cluster):
    """{name or hex id: member} as etcdctl shows them."""
    listed = json.loads(etcdctl(cluster, "member", "list", "-w", "json"))["members"]
    return {member.get("name") or f"{member['ID']:x}": member for member in listed}


def id_of(cluster, node):
    found = next(m for m in members(cluster).values() if node.peer_url in m["peerURLs"])
    return f"{found['ID']:x}"


def grow(cluster, learner=False):
    """As etcd's documents say: member add, then start the process, then, for a learner, promote."""
    node = cluster.add_node()
    cluster.nodes.remove(node)  # nobody asks it before it is there
    etcdctl(cluster, "member", "add", node.name, f"--peer-urls={node.peer_url}", *(["--learner"] if learner else []))
    cluster.nodes.append(node)
    node.start()
    wait_for(node.ready, 30, f"{node.name} ready; its log ends:\n{node.log()[-1500:]}")
    if learner:
        def promoted():
            words = ["etcdctl", f"--endpoints={cluster.nodes[0].endpoint}", "member", "promote", id_of(cluster, node)]
            return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 0
        wait_for(promoted, 30, f"{node.name} promoted")
    return node


def shrink(cluster, node):
    etcdctl(cluster, "member", "remove", id_of(cluster, node))
    wait_for(lambda: not node.alive, 30, f"{node.name} stops by itself; its log ends:\n{node.log()[-1500:]}")
    assert "this member was removed from the cluster" in node.log()
    cluster.nodes.remove(node)


def works_on(load, what):
    before = load.acknowledged_puts()
    wait_for(lambda: load.acknowledged_puts() > before + 20, 60, f"writes go on: {what}")


def test_one_to_three_to_five_to_three_under_load(tmp_path):
    """Nothing that was acknowledged is lost, whoever comes and goes; the leader goes too (M-08)."""
    with Cluster(tmp_path / "cluster", size=1) as cluster:
        cluster.start()
        load = Workload(cluster, clients=4, nodes_stay=False).start()
        works_on(load, "alone")
        grow(cluster)
        works_on(load, "two")
        grow(cluster)
        works_on(load, "three")
        grow(cluster, learner=True)
        grow(cluster)
        works_on(load, "five")
        assert len(members(cluster)) == 5
        for _ in range(2):
            shrink(cluster, cluster.leader())
            works_on(load, "the leader left")
        assert sorted(members(cluster)) == sorted(node.name for node in cluster.nodes)
        for node in cluster.nodes:  # all of them restart from what they wrote down
            node.kill()
            node.start()
        cluster.wait_healthy()
        works_on(load, "restarted")
        finding = judge(load, tmp_path / "history")
        assert not finding, finding


def test_a_removed_member_does_not_come_back(tmp_path):
    """M-09: it is told, stops, and a start from its directory says why not."""
    with Cluster(tmp_path / "cluster", size=3) as cluster:
        cluster.start()
        gone = next(node for node in cluster.nodes if not node.is_leader())
        gone.kill()  # so that it does not hear of it
        own_id = id_of(cluster, gone)
        etcdctl(cluster, "member", "remove", own_id)
        assert len(members(cluster)) == 2
        gone.start()
        wait_for(lambda: not gone.alive, 30, f"it learns that it was removed; its log ends:\n{gone.log()[-1500:]}")
        assert "was removed from cluster" in gone.log()
        cluster.nodes.remove(gone)
        assert cluster.leader().alive


def test_errors_are_etcds(tmp_path):
    """M-12, M-13."""
    with Cluster(tmp_path / "cluster", size=3) as cluster:
        cluster.start()
        first, second, third = cluster.nodes
        assert "member not found" in etcdctl(cluster, "member", "remove", "abc", ok=False)
        assert "Peer URLs already exists" in etcdctl(
            cluster, "member", "add", "x", f"--peer-urls={first.peer_url}", ok=False)
        assert "TLS between members is not supported" in etcdctl(
            cluster, "member", "add", "x", "--peer-urls=https://127.0.0.1:1", ok=False)
        assert "can only promote a learner member" in etcdctl(
            cluster, "member", "promote", id_of(cluster, first), ok=False)
        etcdctl(cluster, "member", "add", "x", "--learner", "--peer-urls=http://127.0.0.1:1")
        assert "too many learner members" in etcdctl(
            cluster, "member", "add", "y", "--learner", "--peer-urls=http://127.0.0.1:2", ok=False)
        learner = next(m for m in members(cluster).values() if m.get("isLearner"))
        assert "in sync with leader" in etcdctl(cluster, "member", "promote", f"{learner['ID']:x}", ok=False)
        etcdctl(cluster, "member", "remove", f"{learner['ID']:x}")
        third.kill()
        etcdctl(cluster, "member", "add", "z", "--peer-urls=http://127.0.0.1:3")  # M-13: with one down
        etcdctl(cluster, "member", "add", "y", "--peer-urls=http://127.0.0.1:4")
        assert "not enough started members" in etcdctl(
            cluster, "member", "add", "x", "--peer-urls=http://127.0.0.1:5", ok=False)
        wait_for(lambda: "unhealthy cluster" in etcdctl(
            cluster, "member", "remove", id_of(cluster, second), ok=False), 20, "a removal that leaves no quorum")
        etcdctl(cluster, "member", "remove", id_of(cluster, third))  # who is not reachable may go
        cluster.nodes.remove(third)


def test_a_member_moves(tmp_path):
    """MemberUpdate: the others find it at its new address."""
    with Cluster(tmp_path / "cluster", size=3) as cluster:
        cluster.start()
        moved = next(node for node in cluster.nodes if not node.is_leader())
        own_id = id_of(cluster, moved)
        moved.kill()
        moved.peer_port = Cluster(tmp_path / "ports", size=1).nodes[0].peer_port
        etcdctl(cluster, "member", "update", own_id, f"--peer-urls={moved.peer_url}")
        moved.extra_flags = ["--initial-cluster-state=existing"]
        moved.start()
        wait_for(moved.ready, 30, f"{moved.name} ready; its log ends:\n{moved.log()[-1500:]}")
        assert moved.peer_url in members(cluster)[moved.name]["peerURLs"]


def test_who_was_not_added_is_told_what_to_do(tmp_path):
    """M-14."""
    with Cluster(tmp_path / "cluster", size=1) as cluster:
        cluster.start()
        stranger = cluster.add_node()
        stranger.start()
        wait_for(lambda: not stranger.alive, 30, "it ends")
        assert "has no member at " + stranger.peer_url in stranger.log(), stranger.log()
        assert f"etcdctl member add {stranger.name} --peer-urls={stranger.peer_url}" in stranger.log()


def test_three_replaced_at_once_with_the_leader_killed_between(tmp_path):
    """`quorate member set` goes through the joint state, and ends there whoever leads (M-06, M-07, M-17)."""
    with Cluster(tmp_path / "cluster", size=3) as cluster:
        cluster.start()
        load = Workload(cluster, clients=4, nodes_stay=False).start()
        newcomers = []
        for _ in range(3):
            node = cluster.add_node()
            cluster.nodes.remove(node)
            quorate_member(cluster, "add", node.name, node.peer_url)
            cluster.nodes.append(node)
            node.start()
            wait_for(node.ready, 30, f"{node.name} ready; its log ends:\n{node.log()[-1500:]}")
            newcomers.append(node)
        old = [node for node in cluster.nodes if node not in newcomers]
        names = ",".join(node.name for node in newcomers)
        dry = quorate_member(cluster, "set", names, "--dry-run")
        assert "now:     any 2 of " in dry and "nothing was changed" in dry
        leader = cluster.leader()
        setting = subprocess.Popen([str(BINARY), "member", f"--endpoints={cluster.endpoints}", "set", names],
                                   stdout=subprocess.PIPE, text=True)
        wait_for(lambda: "membership in use" in leader.log()[leader.log_start:].rsplit("role changed", 1)[-1], 30,
                 "the change is on its way")
        leader.kill()
        leader.start()
        out, _ = setting.communicate(timeout=90)
        assert setting.returncode == 0, out
        assert "done in " in out
        for node in old:
            wait_for(lambda node=node: not node.alive, 30, f"{node.name} stops; its log ends:\n{node.log()[-1500:]}")
            cluster.nodes.remove(node)
        works_on(load, "the three new ones")
        assert sorted(members(cluster)) == sorted(node.name for node in newcomers)
        finding = judge(load, tmp_path / "history")
        assert not finding, finding


