"""One node of three cut off by the network, both ways and one way; the nodes live in namespaces of the test's own."""

import concurrent.futures

import grpc
import pytest

from etcd_client import Client
from network import Network, Unavailable
from processes import Cluster, wait_for


@pytest.fixture
def networked(tmp_path):
    """(network, running cluster in it)"""
    try:
        with Network(["n1", "n2", "n3"]) as network, Cluster(tmp_path / "cluster") as cluster:
            network.attach(cluster)
            yield network, cluster.start()
    except Unavailable as error:
        pytest.skip(f"this machine cannot cut networks: {error}")


def refusal(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def chosen(cluster, who):
    """(a node, the others)"""
    leader = cluster.leader()
    node = leader if who == "leader" else next(node for node in cluster.nodes if node is not leader)
    return node, [other for other in cluster.nodes if other is not node]


def writes_again(nodes, value):
    """Some of `nodes` acknowledge a write, whoever leads by now."""
    clients = [Client(node.endpoint) for node in nodes]

    def attempt():
        for client in clients:
            try:
                client.put(b"x", value, timeout=2)
                return True
            except grpc.RpcError:
                pass
        return False

    wait_for(attempt, 20, f"a write at {' or '.join(node.name for node in nodes)}")


def assert_catches_up(cluster, value):
    for node in cluster.nodes:
        client = Client(node.endpoint)
        wait_for(lambda c=client: c.range(b"x", serializable=True).kvs[0].value == value, 20,
                 f"{node.name} catches up")


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_minority_cut_off(networked, who):  # F-N3, R-23
    network, cluster = networked
    alone, others = chosen(cluster, who)
    client = Client(alone.endpoint)
    client.put(b"x", b"before")
    network.cut_off(alone.name)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        write = pool.submit(refusal, lambda: client.put(b"x", b"lost or late", timeout=20))
        read = pool.submit(refusal, lambda: client.range(b"x", timeout=20))
        assert client.range(b"x", serializable=True).kvs[0].value == b"before"
        for code, text in (write.result(), read.result()):
            assert code == grpc.StatusCode.UNAVAILABLE
            assert text.startswith("etcdserver: ")
    writes_again(others, b"majority")
    assert client.range(b"x", serializable=True).kvs[0].value == b"before"
    assert alone.get("/health")[0] == 503
    network.heal()
    cluster.wait_healthy()
    client.put(b"x", b"after")
    assert_catches_up(cluster, b"after")


@pytest.mark.parametrize("way", ["deaf", "mute"])
@pytest.mark.parametrize("who", ["leader", "follower"])
def test_cut_off_one_way(networked, who, way):  # F-N4
    """A deaf leader resigns, a mute one is replaced; a deaf or mute follower disturbs nobody. Neither serves stale."""
    network, cluster = networked
    alone, others = chosen(cluster, who)
    client = Client(alone.endpoint)
    client.put(b"x", b"before")
    for other in others:
        network.drop(*((other.name, alone.name) if way == "deaf" else (alone.name, other.name)))
    writes_again(others, b"majority")
    code, text = refusal(lambda: client.range(b"x", timeout=20))
    assert code == grpc.StatusCode.UNAVAILABLE and text.startswith("etcdserver: ")
    wait_for(lambda: not alone.is_leader(), 20, f"{alone.name} gives up leadership")
    network.heal()
    cluster.wait_healthy()
    client.put(b"x", b"after")
    assert_catches_up(cluster, b"after")
