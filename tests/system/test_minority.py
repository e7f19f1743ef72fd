"""One node of three alone: no write, no linearizable read, etcd's error; serializable reads go on; it catches up after."""

import concurrent.futures

import grpc
import pytest

from etcd_client import Client
from processes import wait_for


def refusal(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def lose(cluster, survivor, how):
    for other in cluster.nodes:
        if other is not survivor:
            other.kill() if how == "killed" else other.pause()


def bring_back(cluster, survivor, how):
    for other in cluster.nodes:
        if other is not survivor:
            other.start() if how == "killed" else other.resume()


@pytest.mark.parametrize("who", ["leader", "follower"])
@pytest.mark.parametrize("how", ["killed", "paused"])
def test_one_of_three_alone(cluster, how, who):
    leader = cluster.leader()
    survivor = leader if who == "leader" else next(node for node in cluster.nodes if node is not leader)
    client = Client(survivor.endpoint)
    client.put(b"x", b"before")
    lose(cluster, survivor, how)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        write = pool.submit(refusal, lambda: client.put(b"x", b"lost or late", timeout=20))
        read = pool.submit(refusal, lambda: client.range(b"x", timeout=20))
        assert client.range(b"x", serializable=True).kvs[0].value == b"before"
        for code, text in (write.result(), read.result()):
            assert code == grpc.StatusCode.UNAVAILABLE
            assert text.startswith("etcdserver: ")
    assert client.range(b"x", serializable=True).kvs[0].value == b"before"
    assert survivor.get("/health")[0] == 503
    bring_back(cluster, survivor, how)
    cluster.wait_healthy()
    client.put(b"x", b"after")
    for node in cluster.nodes:
        other_client = Client(node.endpoint)
        wait_for(lambda c=other_client: c.range(b"x", serializable=True).kvs[0].value == b"after", 10,
                 f"{node.name} catches up")
