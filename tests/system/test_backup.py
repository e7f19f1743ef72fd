"""A backup from a running cluster, verified, and a new cluster from it by one command a member: O-04, F-A1."""

import json
import resource
import signal
import subprocess
import threading

import pytest

from backups import contents, fill, leases
from etcd_client import Client, pb
from processes import BINARY, Cluster, consensus, wait_for
from test_members import etcdctl, grow, members, shrink


def snapshot(*words, code=0, **options):
    done = subprocess.run([str(BINARY), "snapshot", *map(str, words)], capture_output=True, text=True, timeout=120,
                          **options)
    assert done.returncode == code, f"{words}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def status(path):
    return json.loads(snapshot("status", path, "-w", "json"))


def restore(path, node, *flags, code=0):
    return snapshot("restore", path, f"--name={node.name}", f"--initial-cluster={node.cluster.initial_cluster()}",
                    f"--consensus={consensus()}",
                    f"--initial-cluster-token={node.cluster.token}", f"--data-dir={node.data_dir}", *flags, code=code)


def restored(path, directory, *flags):
    """A new cluster of three, not started."""
    new = Cluster(directory)
    for node in new.nodes:
        restore(path, node, *flags)
    return new


@pytest.fixture
def saved(cluster, tmp_path):
    """A file with a history in it."""
    fill(cluster.nodes[0].endpoint)
    path = tmp_path / "backup"
    snapshot("save", path, f"--endpoints={cluster.nodes[0].endpoint}")
    return path


class Writers:
    """Threads that put and delete, one at each node; who was answered which revision."""

    def __init__(self, nodes):
        self.answered = {}
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(node,)) for node in nodes]
        for thread in self.threads:
            thread.start()

    def write(self, node):
        client = Client(node.endpoint)
        number = 0
        while not self.stop.is_set():
            number += 1
            key = f"load/{node.name}/{number % 50}".encode()
            if number % 10:
                answer = client.put(key, b"%d" % number)
            else:
                answer = client.delete(key)
            self.answered[answer.header.revision] = node.name
        client.close()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_under_load_into_three_new_nodes(cluster, tmp_path):
    fill(cluster.nodes[0].endpoint)
    writers = Writers(cluster.nodes)
    try:
        wait_for(lambda: len(writers.answered) > 300, 30, "some writes")
        path = tmp_path / "backup"
        follower = next(node for node in cluster.nodes if not node.is_leader())
        before = max(revision for revision, name in dict(writers.answered).items() if name == follower.name)
        snapshot("save", path, f"--endpoints={follower.endpoint}")
        wait_for(lambda: max(writers.answered) > status(path)["revision"] + 100, 30, "writes behind the backup")
    finally:
        writers.end()
    told = status(path)
    assert told["revision"] >= before
    cluster.wait_healthy()
    old = cluster.nodes[0].endpoint
    with restored(path, tmp_path / "new") as new:
        new.start()
        revision = told["revision"]
        for node in new.nodes:
            assert Client(node.endpoint).status().header.revision == revision
            for at in (revision, revision - 1, revision - 100, told["compactRevision"]):
                assert contents(node.endpoint, at) == contents(old, at), f"{node.name} differs at revision {at}"
        assert leases(new.nodes[0].endpoint) == leases(old)
        header = Client(new.nodes[1].endpoint).put(b"goes", b"on").header
        assert header.revision == revision + 1
        assert header.cluster_id != Client(old).status().header.cluster_id
        new.wait_healthy()
        new.kill_all()
        new.start()  # with the same flags as ever
        assert Client(new.nodes[2].endpoint).range(b"goes").kvs[0].value == b"on"


def test_one_flag_raises_the_revision(saved, tmp_path):
    """O-04: a watcher that knows later revisions than the backup has is told that they are gone."""
    with restored(saved, tmp_path / "new", "--bump-revision=1000000", "--mark-compacted") as new:
        new.start()
        client = Client(new.nodes[0].endpoint)
        now = client.status().header.revision
        assert now == status(saved)["revision"] + 1000000
        assert client.range(b"last").kvs[0].value == b"one"
        answers = client.watch(iter([pb.WatchRequest(create_request=pb.WatchCreateRequest(key=b"last", start_revision=now - 5))]))
        assert [answer.compact_revision for answer in (next(answers), next(answers))][1] == now
        assert client.put(b"a", b"b").header.revision == now + 1
        hashes = {Client(node.endpoint).hash_kv(now).hash for node in new.wait_healthy().nodes}
        assert len(hashes) == 1
    node = Cluster(tmp_path / "other").nodes[0]
    assert "--mark-compacted go together" in restore(saved, node, "--bump-revision=5", code=2)


def test_a_forced_new_cluster_has_nobody_of_the_old_one(cluster, tmp_path):
    """M-16: one node is what is left of three and a learner. Its backup makes a cluster of itself, with another id, and the old
    members are no part of it, whoever of them still runs."""
    fill(cluster.nodes[0].endpoint)
    etcdctl(cluster, "member", "add", "ghost", "--learner", "--peer-urls=http://127.0.0.1:1")
    left, *others = cluster.nodes
    path = tmp_path / "backup"
    for other in others:
        other.kill()
    snapshot("save", path, f"--endpoints={left.endpoint}")
    old_id = Client(left.endpoint).status().header.cluster_id
    left.kill()
    with Cluster(tmp_path / "new", size=1) as new:
        alone = new.nodes[0]
        new.token = cluster.token  # the worst case: the same name, URL and token as before
        alone.peer_port = left.peer_port
        restore(path, alone)
        for other in others:  # two of three: they were a majority of what there was
            other.start()
        new.start()
        assert list(members(new)) == [alone.name]
        assert not any(member.get("isLearner") for member in members(new).values())
        header = Client(alone.endpoint).put(b"goes", b"on").header
        assert header.cluster_id != old_id
        wait_for(lambda: others[0].is_leader() or others[1].is_leader(), 20, "the old ones are a cluster of their own")
        assert Client(others[0].endpoint).range(b"goes").count == 0
        wait_for(lambda: "peer rejected" in alone.log() + others[0].log() + others[1].log(), 20, "they refuse each other")
        grow(new)
        assert len(members(new)) == 2


def test_a_member_that_restored_nothing_is_refused(saved, tmp_path):
    """F-A1: one of three starts empty; it may not count as a copy of what it never had."""
    new = Cluster(tmp_path / "new")
    for node in new.nodes[:2]:
        restore(saved, node)
    with new:
        for node in new.nodes:
            node.start()
        empty = new.nodes[2]
        for node in new.nodes[:2]:
            wait_for(node.healthy, 30, f"{node.name} healthy: two of three are a majority; {node.log()[-1000:]}")
        wait_for(lambda: "peer rejected" in empty.log() or "peer rejected" in new.nodes[0].log(), 30, "a refusal")
        assert empty.get("/health")[0] != 200
        assert Client(new.nodes[0].endpoint).range(b"last").kvs[0].value == b"one"


def test_members_come_and_go(saved, tmp_path):
    """A member that joins a restored cluster takes over the id that the restore gave it, and keeps it."""
    with restored(saved, tmp_path / "new") as new:
        new.start()
        added = grow(new)
        wait_for(lambda: not any(member.get("isLearner") for member in members(new).values()), 30, "it votes")
        shrink(new, new.nodes[0])
        for node in new.nodes:
            node.kill()
            node.extra_flags = ["--initial-cluster-state=existing"]
        new.start()
        revision = status(saved)["revision"]
        assert contents(added.endpoint, revision) == contents(new.nodes[0].endpoint, revision)


def test_refuses_what_would_be_lost_or_is_not_whole(saved, tmp_path):
    cluster = Cluster(tmp_path / "new")
    node = cluster.nodes[0]
    node.data_dir.mkdir()
    (node.data_dir / "something").write_text("precious")
    assert "is not empty" in restore(saved, node, code=1)
    (node.data_dir / "something").unlink()
    leftover = node.data_dir.with_name(node.data_dir.name + ".restoring")
    leftover.mkdir()  # of a restore that was killed
    (leftover / "engine").write_text("half")
    restore(saved, node)
    assert not leftover.exists()

    whole = saved.read_bytes()
    other = cluster.nodes[1]
    for name, content, words in (
            ("flipped", whole[:50_000] + bytes([whole[50_000] ^ 1]) + whole[50_001:], "does not have the SHA-256"),
            ("cut", whole[:-40], "no SHA-256"),
            ("short", whole[:3000], "no SHA-256"),
            ("empty", b"", "no SHA-256")):
        path = tmp_path / name
        path.write_bytes(content)
        for told in (snapshot("status", path, code=1), restore(path, other, code=1)):
            assert words in told and name in told
    bare = tmp_path / "bare"
    bare.write_bytes(whole[:-32])
    assert json.loads(snapshot("status", bare, "--skip-hash-check", "-w", "json")) == status(saved)
    bare.write_bytes(whole[:40_960])
    assert "damaged" in restore(bare, other, "--skip-hash-check", code=1)
    assert not other.data_dir.exists() and not list(cluster.directory.glob("*.restoring"))
    assert "is not in --initial-cluster" in snapshot(
        "restore", saved, "--name=other", f"--initial-cluster={cluster.initial_cluster()}", code=2)


def test_a_backup_that_fails_leaves_nothing(cluster, tmp_path):
    """The disk is full where the backup is put, or the node dies: an error, no file, and the node goes on."""
    node = cluster.nodes[0]
    fill(node.endpoint)
    path = tmp_path / "dir" / "backup"
    path.parent.mkdir()
    path.write_text("the one of yesterday")

    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    assert "cannot write" in snapshot("save", path, f"--endpoints={node.endpoint}", code=1, preexec_fn=little_room)
    assert "cannot connect" in snapshot("save", path, "--endpoints=127.0.0.1:1", code=1)
    assert [each.name for each in path.parent.iterdir()] == ["backup"]
    assert path.read_text() == "the one of yesterday"
    snapshot("save", path, f"--endpoints=127.0.0.1:1,{node.endpoint}")
    assert status(path)["revision"] > 100


def test_a_node_without_a_leader_can_be_backed_up(cluster, tmp_path):
    node = cluster.nodes[0]
    fill(node.endpoint)
    for other in cluster.nodes[1:]:
        other.kill()
    path = tmp_path / "backup"
    snapshot("save", path, f"--endpoints={node.endpoint}")
    with restored(path, tmp_path / "new") as new:
        new.start()
        assert Client(new.nodes[0].endpoint).range(b"last").kvs[0].value == b"one"


def test_clients_that_go_away_in_the_middle_cost_nothing(cluster):
    node = cluster.nodes[0]
    fill(node.endpoint)
    client = Client(node.endpoint)
    snapshots = client.channel.unary_stream("/etcdserverpb.Maintenance/Snapshot",
                                            request_serializer=lambda message: message.SerializeToString(),
                                            response_deserializer=pb.SnapshotResponse.FromString)
    for _ in range(20):  # far more than may run at a time
        stream = snapshots(pb.SnapshotRequest())
        next(stream)
        stream.cancel()
    whole = b"".join(piece.blob for piece in snapshots(pb.SnapshotRequest()))
    assert len(whole) % 512 == 32
    client.close()
