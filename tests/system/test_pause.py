"""A leader that stood still for longer than an election does not answer from what it had (F-P3, L-01)."""

import concurrent.futures

import grpc

from etcd_client import Client
from processes import wait_for


def test_a_leader_that_stood_still_answers_no_read_from_before(cluster):
    """The reads were sent while it stood still and are the first thing that it sees: fresh answers or errors, never old ones."""
    old = cluster.leader()
    others = [node for node in cluster.nodes if node is not old]
    reader = Client(old.endpoint)
    reader.put(b"x", b"before")
    old.pause()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(lambda: reader.range(b"x", timeout=8).kvs[0].value) for _ in range(8)]
        wait_for(lambda: any(node.is_leader() for node in others), 10, "another leader")
        writer = Client(next(node for node in others if node.is_leader()).endpoint)
        writer.put(b"x", b"after")
        old.resume()
        answers = []
        for read in reads:
            try:
                answers.append(read.result())
            except grpc.RpcError:
                pass
        assert b"before" not in answers, answers
    wait_for(lambda: reader.range(b"x").kvs[0].value == b"after", 10, "it is one of the others now")
