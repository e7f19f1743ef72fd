"""Sixty-four groups on three processes: they share the log's syncs, idle ones pin nothing, kill -9 loses nothing in any."""

import concurrent.futures
import time

import pytest

from etcd_client import Client
from processes import Cluster, wait_for

GROUPS = 64
LOG_MEGABYTES = 480
#: Of 64 MB each: old records are moved once four hold something, and the fifth is being written.
MOST_SEGMENTS = 5


@pytest.fixture
def many(tmp_path):
    with Cluster(tmp_path / "cluster", extra_flags=[f"--groups={GROUPS}"]) as made:
        yield made.start()


def group_client(node, group):
    return Client(node.endpoint, metadata=[("quorate-group", str(group))])


def put_retrying(client, key, value):
    return wait_for(lambda: _try_put(client, key, value), 30, f"a put of {key}")


def _try_put(client, key, value):
    try:
        return client.put(key, value, timeout=10).header.revision
    except Exception:  # noqa: BLE001 - any refusal is retried until the deadline
        return None


def syncs_per_put(cluster, groups, puts):
    """How often the three logs synced per put, with eight writers spread over `groups`."""
    clients = [group_client(cluster.nodes[0], group) for group in groups]
    before = sum(node.metric("etcd_disk_wal_fsync_duration_seconds_count") for node in cluster.nodes)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: clients[i % len(clients)].put(b"s%d" % i, b"v"), range(puts)))
    after = sum(node.metric("etcd_disk_wal_fsync_duration_seconds_count") for node in cluster.nodes)
    return (after - before) / puts


def test_groups_are_independent_and_durable(many):  # G-10
    clients = {group: group_client(many.nodes[group % 3], group) for group in range(1, GROUPS + 1)}
    for group, client in clients.items():
        assert put_retrying(client, b"k", b"group %d" % group)
    many.kill_all()
    many.start()
    for group in range(1, GROUPS + 1):
        for node in many.nodes:
            client = group_client(node, group)
            value = wait_for(lambda c=client: _value(c), 30, f"group {group} readable at {node.name}")
            assert value == b"group %d" % group
            client.close()


def _value(client):
    try:
        return client.range(b"k", timeout=5).kvs[0].value
    except Exception:  # noqa: BLE001
        return None


def test_syncs_do_not_grow_with_the_number_of_groups(many):
    for group in range(1, GROUPS + 1):
        assert put_retrying(group_client(many.nodes[0], group), b"warm", b"up")
    one = syncs_per_put(many, [1], 400)
    all_groups = syncs_per_put(many, range(1, GROUPS + 1), 400)
    assert all_groups <= 1.5 * one + 0.5, f"{all_groups} syncs a put over {GROUPS} groups, {one} over one"


def test_an_idle_group_does_not_pin_the_log(many):
    for group in range(2, GROUPS + 1):
        assert put_retrying(group_client(many.nodes[0], group), b"idle", b"x")
    client = group_client(many.nodes[0], 1)
    value = b"v" * 1_000_000
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: client.put(b"busy%d" % (i % 10), value, timeout=30), range(LOG_MEGABYTES)))

    def log_is_small():
        client.put(b"busy", value, timeout=30)
        return all(node.metric("quorate_log_live_segments") <= MOST_SEGMENTS for node in many.nodes)

    wait_for(log_is_small, 60, f"logs shrink: {[node.metric('quorate_log_live_segments') for node in many.nodes]}")
    for group in (2, GROUPS):
        assert group_client(many.nodes[1], group).range(b"idle").kvs[0].value == b"x"
