"""A member that was away for long gets the state of the others in chunks, and their logs stay bounded meanwhile.

Real processes, real disks. The transfer is slowed down where something is to happen in the middle of it: the receiver or the
sender is killed, or the receiver's disk loses power.
"""

import hashlib
import threading

import pytest

from etcd_client import Client, pb
from processes import Cluster, file_sizes, wait_for
from test_power_loss import power  # noqa: F401: a fixture

FLAGS = ["--log-segment-bytes=8388608", "--snapshot-catchup-entries=200"]
PUTS_A_TXN = 100
VALUE_BYTES = 1000
#: What an 8 MiB segment size allows: four segments between two flushes of the engine, the tail, spare ones.
LOG_LIMIT = 96 << 20


def write(endpoint, txns, prefix, in_flight=16):
    """`txns` transactions of a hundred new keys each, a few at a time."""
    client = Client(endpoint)
    call = client.channel.unary_unary("/etcdserverpb.KV/Txn", request_serializer=lambda m: m.SerializeToString(),
                                      response_deserializer=pb.TxnResponse.FromString)
    room = threading.Semaphore(in_flight)
    futures = []
    for i in range(txns):
        txn = pb.TxnRequest()
        for j in range(PUTS_A_TXN):
            put = txn.success.add().request_put
            put.key = f"{prefix}{i:06}/{j:03}".encode()
            put.value = f"{i}/{j} ".encode().ljust(VALUE_BYTES, b".")
        room.acquire()
        future = call.future(txn, timeout=30)
        future.add_done_callback(lambda _: room.release())
        futures.append(future)
    for future in futures:
        future.result()
    client.close()


def log_bytes(node):
    return sum(file_sizes(node.data_dir / "log").values())


def said(node, message):
    """How often its log of this life has this message."""
    return node.log()[node.log_start:].count(message)


def hash_of(client, revision):
    """Of every key and value at the revision, read from this node alone."""
    digest = hashlib.sha256()
    key = b"\0"
    while True:
        page = client.range(key, range_end=b"\0", limit=5000, revision=revision, serializable=True, timeout=30)
        for kv in page.kvs:
            digest.update(kv.SerializeToString())
        if not page.more:
            return digest.hexdigest()
        key = page.kvs[-1].key + b"\0"


def wait_equal(cluster):
    """All members come to one revision, and hold the same at it."""
    clients = [Client(node.endpoint) for node in cluster.nodes]
    try:
        revision = max(client.status().header.revision for client in clients)
        wait_for(lambda: all(client.status().header.revision >= revision for client in clients), 120,
                 f"every member at revision {revision}")
        hashes = {hash_of(client, revision) for client in clients}
        assert len(hashes) == 1, f"what the members hold at revision {revision} differs: {hashes}"
        return revision
    finally:
        for client in clients:
            client.close()


def leave_behind(cluster, txns, prefix):
    """Stops a follower, and writes until the others no longer have what it needs in their logs."""
    leader = cluster.leader()
    away = next(node for node in cluster.nodes if node is not leader)
    away.kill()
    largest = 0
    for part in range(10):
        write(cluster.leader().endpoint, txns // 10, f"{prefix}{part}/")
        largest = max(largest, *(log_bytes(node) for node in cluster.nodes if node is not away))
    assert largest < LOG_LIMIT, f"a log took {largest >> 20} MiB while a member was away"
    return away


# I-55, N-01, R-11, I-04: more than 200,000 writes of 1 kB behind it.
def test_logs_stay_bounded_and_the_member_comes_back(tmp_path):
    with Cluster(tmp_path / "cluster", extra_flags=FLAGS) as cluster:
        cluster.start()
        away = leave_behind(cluster, 2100, "a/")
        away.start()
        wait_for(lambda: said(away, "snapshot installed"), 60, f"a snapshot installed; {away.log()[-2000:]}")
        revision = wait_equal(cluster)
        assert revision > 2100
        assert any(said(node, "snapshot sent") for node in cluster.nodes if node is not away)
        # What it has now is its own: it starts again from it, and goes on with the others.
        away.kill()
        away.start()
        cluster.wait_healthy()
        write(away.endpoint, 20, "after/")
        wait_equal(cluster)
        assert not said(away, "receiving a snapshot")


@pytest.mark.parametrize("victim", ["receiver", "sender"])  # N-05, F-P1
def test_killed_in_the_middle(tmp_path, victim):
    flags = [*FLAGS, "--snapshot-bytes-per-second=8000000"]
    with Cluster(tmp_path / "cluster", extra_flags=flags) as cluster:
        cluster.start()
        away = leave_behind(cluster, 400, "a/")
        away.start()
        for _ in range(3):
            wait_for(lambda: said(away, "receiving a snapshot"), 60, f"a snapshot begun; {away.log()[-2000:]}")
            assert not said(away, "snapshot installed"), "the transfer was over before anything could happen"
            hit = away if victim == "receiver" else cluster.leader()
            hit.kill()
            if hit is not away:
                wait_for(lambda: said(away, "snapshot not installed") or said(away, "snapshot installed"), 60,
                         f"the end of a transfer; {away.log()[-2000:]}")
            hit.start()
            if hit is not away:
                break
        wait_for(lambda: said(away, "snapshot installed"), 120, f"a snapshot installed; {away.log()[-2000:]}")
        cluster.wait_healthy()
        wait_equal(cluster)


# F-D1: what was not synced is gone, in the middle of the transfer and right after it.
def test_the_receiver_loses_power(tmp_path, power):  # noqa: F811
    data_dirs = [domain.mount_point / "data" for domain in power]
    flags = [*FLAGS, "--snapshot-bytes-per-second=8000000"]
    with Cluster(tmp_path / "cluster", extra_flags=flags, data_dirs=data_dirs) as cluster:
        cluster.start()
        away = leave_behind(cluster, 400, "a/")
        domain = power[cluster.nodes.index(away)]
        for moment in ("receiving a snapshot", "snapshot installed"):
            away.start()
            wait_for(lambda: said(away, moment), 120, f"'{moment}'; {away.log()[-2000:]}")
            domain.lose_power()
            away.kill()
            domain.unmount()
            domain.mount()
        away.start()
        cluster.wait_healthy()
        wait_equal(cluster)
        cluster.kill_all()
