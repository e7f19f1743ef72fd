"""`etcdctl snapshot save` at Quorate gives a file that etcd's own tools and etcd itself take for one of theirs."""

import threading

from backups import etcdctl, figures, fill, is_same
from etcd_client import Client
from processes import free_ports


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
