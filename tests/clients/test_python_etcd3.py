"""Debian's python3-etcd3, unmodified, through each node; where there is a real etcd, the same transcript from it."""

import queue
import time

import etcd3
import pytest


def connect(endpoint):
    host, port = endpoint.rsplit(":", 1)
    return etcd3.client(host=host, port=int(port), timeout=10)


def shown(pair):
    """A (value, metadata) pair without what differs between clusters."""
    value, meta = pair
    return None if meta is None else (meta.key, value, meta.create_revision, meta.mod_revision, meta.version)


def keys_and_values(client):
    """Puts, reads, deletes and transactions: what each answered."""
    said = []
    say = said.append
    client.put("k/1", "a")
    client.put("k/2", "b")
    say(client.put("k/1", "c", prev_kv=True).prev_kv.value)
    say(shown(client.get("k/1")))
    say(shown(client.get("absent")))
    say([shown(pair) for pair in client.get_prefix("k/", sort_order="descend", sort_target="mod")])
    say([shown(pair) for pair in client.get_prefix("k/", keys_only=True)])
    say([shown(pair) for pair in client.get_range("k/1", "k/2")])
    say([shown(pair) for pair in client.get_all()])
    say(shown(client.get("k/1", serializable=True)))
    say(client.replace("k/1", "wrong", "d"))
    say(client.replace("k/1", "c", "d"))
    say(client.put_if_not_exists("k/1", "x"))
    say(client.put_if_not_exists("k/3", "x"))
    succeeded, answers = client.transaction(
        compare=[client.transactions.value("k/1") == "d", client.transactions.version("k/3") > 0,
                 client.transactions.create("absent") == 0, client.transactions.mod("k/2") < 100],
        success=[client.transactions.put("k/4", "y"), client.transactions.get("k/4"),
                 client.transactions.delete("k/2")],
        failure=[])
    say(succeeded)
    say([shown(pair) for pair in answers[1]])
    say(client.delete("k/2"))
    say(client.delete("k/3", prev_kv=True, return_response=True).prev_kvs[0].value)
    say(client.delete_prefix("k/").deleted)
    say([shown(pair) for pair in client.get_all()])
    return said


def watches(client):
    """Events of a watch with history, of a live one and of one below the compacted revision."""
    said = []
    client.put("w/1", "a")
    revision = client.get("w/1")[1].mod_revision
    client.put("w/2", "b")
    client.delete("w/1")
    events, cancel = client.watch_prefix("w/", start_revision=revision)
    for _ in range(3):
        event = next(events)
        said.append((type(event).__name__, event.key, event.value, event.mod_revision - revision))
    cancel()
    seen = queue.Queue()
    watch_id = client.add_watch_callback("w/3", seen.put, prev_kv=True)
    for value in ("x", "y"):
        client.put("w/3", value)
    got = []
    while len(got) < 2:
        got += [(event.key, event.value, event.prev_value) for event in seen.get(timeout=10).events]
    said.append(got)
    client.cancel_watch(watch_id)
    client.compact(revision + 1)
    events, _ = client.watch("w/1", start_revision=revision)
    with pytest.raises(etcd3.exceptions.RevisionCompactedError) as error:
        next(events)
    said.append(error.value.compacted_revision - revision)
    return said


def leases_and_locks(client):
    said = []
    lease = client.lease(60)
    client.put("l/1", "x", lease=lease)
    said.append((lease.granted_ttl, lease.remaining_ttl in (58, 59, 60), lease.keys))
    said.append([answer.TTL for answer in lease.refresh()])
    lease.revoke()
    said.append(shown(client.get("l/1")))
    with client.lock("mutex", ttl=20) as lock:
        said.append(lock.is_acquired())
        said.append(len(list(client.get_prefix("/locks/mutex"))))
    said.append(client.lock("mutex", ttl=20).acquire(timeout=5))
    said.append(len(list(client.list_alarms())))
    client.defragment()
    said.append(client.status().leader is not None)
    return said


@pytest.mark.parametrize("script", [keys_and_values, watches, leases_and_locks], ids=lambda script: script.__name__)
def test_same_answers_as_etcd(cluster, real_etcd, script):
    ours = script(connect(cluster.nodes[1].endpoint))
    theirs = script(connect(real_etcd))
    assert ours == theirs


def test_every_node_shows_the_members(cluster):
    for node in cluster.nodes:
        client = connect(node.endpoint)
        assert {member.name for member in client.members} == {"n1", "n2", "n3"}
        assert {url for member in client.members for url in member.client_urls} == {
            f"http://{other.endpoint}" for other in cluster.nodes}
        client.put("from " + node.name, "x")
        assert client.get("from " + node.name)[0] == b"x"
        client.close()


def test_a_member_comes_and_goes(cluster):
    client = connect(cluster.nodes[0].endpoint)
    added = client.add_member(["http://127.0.0.1:1"])
    assert {member.id for member in client.members} > {added.id}
    client.remove_member(added.id)
    assert len(list(client.members)) == 3
    client.close()


def test_a_lease_ends_its_keys(cluster):
    client = connect(cluster.nodes[2].endpoint)
    client.put("mortal", "x", lease=client.lease(2))
    events, cancel = client.watch("mortal")
    began = time.monotonic()
    event = next(events)
    cancel()
    assert isinstance(event, etcd3.events.DeleteEvent)
    assert 1.5 < time.monotonic() - began < 10
