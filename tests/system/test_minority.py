"""One node of three alone: no write, no linearizable read, etcd's error; serializable reads go on; it catches up after."""

import grpc
import pytest

from etcd_client import Client
from processes import wait_for


def test_one_of_three_alone(cluster):
    survivor = cluster.nodes[0]
    client = Client(survivor.endpoint)
    client.put(b"x", b"before")
    for other in cluster.nodes[1:]:
        other.kill()
    with pytest.raises(grpc.RpcError) as write:
        client.put(b"x", b"lost", timeout=20)
    assert write.value.code() == grpc.StatusCode.UNAVAILABLE
    assert write.value.details().startswith("etcdserver: request timed out")
    with pytest.raises(grpc.RpcError) as read:
        client.range(b"x", timeout=20)
    assert read.value.code() == grpc.StatusCode.UNAVAILABLE
    assert client.range(b"x", serializable=True).kvs[0].value == b"before"
    assert survivor.get("/health")[0] == 503
    for other in cluster.nodes[1:]:
        other.start()
    cluster.wait_healthy()
    client.put(b"x", b"after")
    for node in cluster.nodes:
        other_client = Client(node.endpoint)
        wait_for(lambda c=other_client: c.range(b"x", serializable=True).kvs[0].value == b"after", 10,
                 f"{node.name} catches up")
