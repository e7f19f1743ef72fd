"""The requests that kube-apiserver sends to etcd, replayed; where there is a real etcd, the same answers from it."""

import queue
import threading
import time

import grpc
import pytest

from etcd_client import Client, pb

PREFIX = b"/registry/pods/"
PREFIX_END = b"/registry/pods0"


def put_op(key, value, lease=0):
    return pb.RequestOp(request_put=pb.PutRequest(key=key, value=value, lease=lease))


def get_op(key):
    return pb.RequestOp(request_range=pb.RangeRequest(key=key))


def unchanged(key, revision):
    return pb.Compare(key=key, target=pb.Compare.MOD, result=pb.Compare.EQUAL, mod_revision=revision)


def create(client, key, value, lease=0):
    return client.txn(pb.TxnRequest(compare=[unchanged(key, 0)], success=[put_op(key, value, lease)]))


def update(client, key, value, revision, lease=0):
    return client.txn(pb.TxnRequest(compare=[unchanged(key, revision)], success=[put_op(key, value, lease)],
                                    failure=[get_op(key)]))


def delete(client, key, revision):
    op = pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=key))
    return client.txn(pb.TxnRequest(compare=[unchanged(key, revision)], success=[op], failure=[get_op(key)]))


def compact_round(client, seen_version, revision):
    """One server's round: who wins the race on compact_rev_key compacts."""
    compare = pb.Compare(key=b"compact_rev_key", target=pb.Compare.VERSION, result=pb.Compare.EQUAL,
                         version=seen_version)
    return client.txn(pb.TxnRequest(compare=[compare], success=[put_op(b"compact_rev_key", b"%d" % revision)],
                                    failure=[get_op(b"compact_rev_key")]))


class Watch:
    """A watch stream as the apiserver's client opens it: a context with hasleader, creates one after the other."""

    def __init__(self, client):
        self._requests = queue.Queue()
        self._stream = client.watch(iter(self._requests.get, None), metadata=[("hasleader", "true")])
        self._answers = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for answer in self._stream:
                self._answers.put(answer)
        except grpc.RpcError as error:
            self._answers.put(error)

    def create(self, key, end, start_revision):
        self._requests.put(pb.WatchRequest(create_request=pb.WatchCreateRequest(
            key=key, range_end=end, start_revision=start_revision, prev_kv=True, progress_notify=True)))
        return self.next()

    def ask_progress(self):
        self._requests.put(pb.WatchRequest(progress_request=pb.WatchProgressRequest()))

    def next(self, timeout=10):
        return self._answers.get(timeout=timeout)

    def events(self, count):
        """The next `count` events, with the revision that their response told."""
        events = []
        while len(events) < count:
            answer = self.next()
            assert not answer.canceled and answer.header.revision >= max(e.kv.mod_revision for e in answer.events)
            events += answer.events
        return events

    def close(self):
        self._requests.put(None)
        self._stream.cancel()


def without_ids(message):
    """A copy as text without what differs between clusters."""
    copy = type(message)()
    copy.CopyFrom(message)
    _strip(copy)
    return str(copy)


def _strip(message):
    for field, value in message.ListFields():
        if field.name in ("cluster_id", "member_id", "raft_term", "lease"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for each in value if field.label == field.LABEL_REPEATED else [value]:
                _strip(each)


def refusal(call, *arguments, **named):
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **named)
    return f"{error.value.code()}: {error.value.details()}"


def objects(client):
    """An object's life: created, created again, read, updated with a stale and the right revision, deleted."""
    said = []
    key = PREFIX + b"default/web-1"
    said.append(create(client, key, b"v1"))
    said.append(create(client, key, b"again"))
    revision = said[0].header.revision
    said.append(client.range(key, limit=1))
    said.append(client.range(key, limit=1, revision=revision))
    said.append(client.range(b"/registry/health"))
    said.append(update(client, key, b"v2", revision))
    said.append(update(client, key, b"stale", revision))
    said.append(delete(client, key, revision))
    said.append(delete(client, key, said[5].header.revision))
    said.append(delete(client, key, said[5].header.revision))
    said.append(client.range(key))
    return [without_ids(answer) for answer in said]


def paged_lists(client):
    """Pages of a list at one revision while others write, counts, keys only."""
    said = []
    for number in range(25):
        create(client, PREFIX + b"ns/pod-%02d" % number, b"spec %d" % number)
    start, revision, limit = PREFIX, 0, 5
    while True:
        page = client.range(start, range_end=PREFIX_END, limit=limit, revision=revision)
        said.append(without_ids(page))
        revision = revision or page.header.revision
        create(client, PREFIX + b"ns/late-%02d" % len(said), b"not in this list")
        if not page.more:
            break
        start, limit = page.kvs[-1].key + b"\0", limit * 2
    said.append(without_ids(client.range(PREFIX, range_end=PREFIX_END, count_only=True)))
    said.append(without_ids(client.range(PREFIX, range_end=PREFIX_END, keys_only=True, limit=3)))
    said.append(without_ids(client.range(b"/registry/none/", range_end=b"/registry/none0", limit=500)))
    said.append(refusal(client.range, PREFIX, range_end=PREFIX_END, revision=revision + 1000))
    return said


def watched_changes(client):
    """What a watch of a prefix tells of creates, updates and deletes, from history and live."""
    said = []
    key = PREFIX + b"watched"
    revision = create(client, key, b"v1").header.revision
    watch = Watch(client)
    said.append(without_ids(watch.create(PREFIX, PREFIX_END, revision)))
    said += [without_ids(event) for event in watch.events(1)]
    second = update(client, key, b"v2", revision).header.revision
    client.put(b"/registry/other", b"not watched")
    delete(client, key, second)
    both = pb.TxnRequest(success=[put_op(PREFIX + b"a", b"1"), put_op(PREFIX + b"b", b"2")])
    client.txn(both)
    said += [without_ids(event) for event in watch.events(4)]
    watch.close()
    return said


def compaction(client):
    """Rounds of two servers, then reads and a watch below the compacted revision."""
    said = []
    key = PREFIX + b"old"
    first = create(client, key, b"v1").header.revision
    newest = update(client, key, b"v2", first).header.revision
    said.append(without_ids(compact_round(client, 0, newest)))
    said.append(without_ids(compact_round(client, 0, newest)))
    said.append(without_ids(compact_round(client, 1, newest)))
    said.append(without_ids(client.compact(newest)))
    said.append(refusal(client.compact, newest))
    said.append(refusal(client.range, key, revision=first))
    said.append(without_ids(client.range(key, revision=newest)))
    watch = Watch(client)
    said.append(without_ids(watch.create(PREFIX, PREFIX_END, first)))
    said.append(without_ids(watch.next()))
    watch.close()
    return said


def events_with_leases(client):
    """Objects of kind Event go with a shared lease; revoking it tells the watch of every one."""
    said = []
    lease = client.lease_grant(3600 + 60)
    said.append(lease.TTL)
    watch = Watch(client)
    said.append(without_ids(watch.create(b"/registry/events/", b"/registry/events0", 0)))
    for number in range(3):
        said.append(without_ids(create(client, b"/registry/events/e%d" % number, b"x", lease.ID)))
    client.call("Lease", "LeaseRevoke", pb.LeaseRevokeRequest(ID=lease.ID), pb.LeaseRevokeResponse)
    said += [without_ids(event) for event in watch.events(6)]
    said.append(refusal(create, client, b"/registry/events/late", b"x", lease.ID))
    watch.close()
    return said


@pytest.mark.parametrize("script", [objects, paged_lists, watched_changes, compaction, events_with_leases],
                         ids=lambda script: script.__name__)
def test_same_answers_as_etcd(cluster, real_etcd, script):
    ours = script(Client(cluster.nodes[1].endpoint))
    theirs = script(Client(real_etcd))
    assert len(ours) == len(theirs)
    for number, (mine, its) in enumerate(zip(ours, theirs)):
        assert mine == its, f"answer {number}"


def test_progress_is_told_within_100_ms_of_being_asked(cluster):
    """On every member, with writes going on elsewhere: the answer covers what was acknowledged before the question."""
    for node in cluster.nodes:
        client = Client(node.endpoint)
        other = Client(cluster.nodes[0].endpoint)
        watch = Watch(client)
        watch.create(PREFIX, PREFIX_END, 0)
        slowest = 0.0
        for number in range(20):
            revision = other.put(b"/registry/elsewhere", b"%d" % number).header.revision
            began = time.monotonic()
            answered = 0
            while answered < revision:  # a follower may have to learn of the write first; then it is asked again
                watch.ask_progress()
                answer = watch.next(timeout=5)
                assert answer.watch_id == -1 and not answer.events
                answered = answer.header.revision
            slowest = max(slowest, time.monotonic() - began)
        watch.close()
        assert slowest < 0.1, f"{node.name}: {slowest}"


def test_the_version_lets_the_apiserver_ask_for_progress(cluster):
    version = tuple(int(part) for part in Client(cluster.nodes[0].endpoint).status().version.split("."))
    assert version >= (3, 5, 13)


def test_a_watch_ends_when_its_member_has_lost_the_leader(cluster):
    survivor = cluster.nodes[0]
    watch = Watch(Client(survivor.endpoint))
    watch.create(PREFIX, PREFIX_END, 0)
    for node in cluster.nodes[1:]:
        node.kill()
    error = watch.next(timeout=15)
    assert isinstance(error, grpc.RpcError)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert error.details() == "etcdserver: no leader"
