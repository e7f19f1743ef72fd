"""`etcdctl snapshot save` at Quorate gives a file that etcd's own tools and etcd itself take for one of theirs."""

import json
import subprocess
import threading

from backups import etcdctl, figures, fill, is_same
from etcd_client import Client
from processes import BINARY, Cluster, consensus, free_ports


def quorate(*words, code=0):
    done = subprocess.run([str(BINARY), *map(str, words)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_each_node_gives_a_whole_file(cluster, tmp_path):
    fill(cluster.nodes[0].endpoint)
    revision = Client(cluster.nodes[0].endpoint).status().header.revision
    for node in cluster.nodes:
        cluster.wait_healthy()  # it has executed what the others have
        path = tmp_path / f"{node.name}.snapshot"
        etcdctl("snapshot", "save", path, endpoint=node.endpoint)
        told = figures(path)  # reads every page, and checks that none is lost or used twice
        assert told["revision"] == revision
        assert told["totalSize"] == path.stat().st_size - 32
        assert told["totalKey"] > 200


def test_has_what_was_answered_before_it_began(cluster, tmp_path):
    """Under load, from a follower and from the leader: an answered put is in the file, and no revision is missing."""
    stop = threading.Event()

    def write(name, endpoint):
        client = Client(endpoint)
        number = 0
        while not stop.is_set():
            number += 1
            answered[name] = client.put(b"load/" + name.encode(), b"%d" % number).header.revision
        client.close()

    answered = {node.name: 0 for node in cluster.nodes}
    writers = [threading.Thread(target=write, args=(node.name, node.endpoint)) for node in cluster.nodes]
    for writer in writers:
        writer.start()
    try:
        for i in range(10):
            for node in cluster.nodes:
                before = answered[node.name]
                path = tmp_path / f"{i}{node.name}"
                etcdctl("snapshot", "save", path, endpoint=node.endpoint)
                assert figures(path)["revision"] >= before
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_etcd_starts_from_the_file(cluster, tmp_path, start_etcd):
    node = cluster.nodes[1]
    fill(node.endpoint)
    path = tmp_path / "snapshot"
    etcdctl("snapshot", "save", path, endpoint=node.endpoint)
    peer = free_ports(1)[0]
    etcdctl("snapshot", "restore", path, "--name=e1", f"--data-dir={tmp_path / 'etcd'}",
            f"--initial-cluster=e1=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}")
    etcd = start_etcd(tmp_path / "etcd", peer)
    is_same(node.endpoint, etcd, figures(path))
    etcdctl("put", "key/001", "goes on", endpoint=etcd)
    etcdctl("del", "", "--prefix", endpoint=etcd)  # etcd deletes in the tree that we built
    etcdctl("compact", Client(etcd).status().header.revision, "--physical", endpoint=etcd)
    etcdctl("defrag", endpoint=etcd)
    assert etcdctl("get", "", "--prefix", endpoint=etcd).stdout == ""


def test_what_etcd_saved_becomes_a_quorate_cluster(real_etcd, tmp_path):
    """The way here from etcd."""
    fill(real_etcd)
    path = tmp_path / "snapshot"
    etcdctl("snapshot", "save", path, endpoint=real_etcd)
    ours = json.loads(quorate("snapshot", "status", path, "-w", "json"))
    assert {name: ours[name] for name in figures(path)} == figures(path)
    with Cluster(tmp_path / "new") as new:
        for node in new.nodes:
            quorate("snapshot", "restore", path, f"--consensus={consensus()}", f"--name={node.name}", f"--data-dir={node.data_dir}",
                    f"--initial-cluster={new.initial_cluster()}", f"--initial-cluster-token={new.token}")
        new.start()
        for node in new.nodes:
            is_same(real_etcd, node.endpoint, figures(path))
        revision = figures(path)["revision"]
        assert Client(new.nodes[0].endpoint).put(b"goes", b"on").header.revision == revision + 1


def test_what_etcd_protects_by_passwords_is_refused(real_etcd, tmp_path):
    etcdctl("user", "add", "root:secret", endpoint=real_etcd)
    etcdctl("auth", "enable", endpoint=real_etcd)
    path = tmp_path / "snapshot"
    etcdctl("snapshot", "save", path, "--user=root:secret", endpoint=real_etcd)
    told = quorate("snapshot", "restore", path, f"--data-dir={tmp_path / 'new'}", code=1)
    assert "etcdctl auth disable" in told
    assert not (tmp_path / "new").exists()
