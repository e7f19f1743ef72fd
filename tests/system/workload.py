"""Clients that put and get unique values all the time, at any node, and record what they saw."""

import itertools
import random
import threading
import time

import grpc

from etcd_client import UNKNOWN_CODES, Client
from history import History, Operation


class Workload:
    """Threads that work until stop(). Keys are under `prefix`; one client per thread and node."""

    def __init__(self, cluster, clients=8, keys=16, prefix=b"w/", puts=0.7, metadata=(), timeout=8.0):
        self.cluster = cluster
        self.history = History()
        self.keys = [prefix + b"%d" % i for i in range(keys)]
        self.puts = puts
        self.metadata = metadata
        self.timeout = timeout
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(clients)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), "a client did not end"
        return self.history

    def acknowledged_puts(self):
        return sum(1 for op in list(self.history.operations) if op.kind == "put" and op.outcome == "ok")

    def _work(self, number):
        rng = random.Random(number)
        clients = {}
        for sequence in itertools.count():
            if self._stop.is_set():
                break
            node = rng.choice(self.cluster.nodes)
            if not node.alive:
                time.sleep(0.01)
                continue
            client = clients.get(node.name)
            if client is None:
                client = clients[node.name] = Client(node.endpoint, self.metadata)
            key = rng.choice(self.keys)
            if rng.random() < self.puts:
                self._put(client, key, b"c%d.%d" % (number, sequence))
            else:
                self._get(client, key)
        for client in clients.values():
            client.close()

    def _put(self, client, key, value):
        invoked = time.monotonic()
        outcome, revision = "unknown", 0
        try:
            revision = client.put(key, value, timeout=self.timeout).header.revision
            outcome = "ok"
        except grpc.RpcError as error:
            outcome = "unknown" if error.code() in UNKNOWN_CODES else "refused"
        self.history.add(Operation("put", key, value, invoked, time.monotonic(), outcome, revision))

    def _get(self, client, key):
        invoked = time.monotonic()
        try:
            answer = client.range(key, timeout=self.timeout)
        except grpc.RpcError:
            return
        kv = answer.kvs[0] if answer.kvs else None
        self.history.add(Operation("get", key, kv.value if kv else None, invoked, time.monotonic(), "ok",
                                   answer.header.revision, kv.mod_revision if kv else 0))


def changes_of(cluster, prefix=b"w/", metadata=()):
    """{revision: (key, value)} of every put under `prefix`, as each node's watch from revision 1 tells it; all agree."""
    from etcd_client import pb
    told = []
    for node in cluster.nodes:
        client = Client(node.endpoint, metadata)
        last = client.range(b"\0").header.revision
        end = prefix[:-1] + bytes([prefix[-1] + 1])
        request = pb.WatchRequest(create_request=pb.WatchCreateRequest(key=prefix, range_end=end, start_revision=1))
        marker = pb.WatchRequest(progress_request=pb.WatchProgressRequest())
        stop = threading.Event()

        def requests():
            yield request
            while not stop.wait(0.05):
                yield marker

        changes = {}
        stream = client.watch(requests())
        for response in stream:
            for event in response.events:
                assert event.kv.mod_revision not in changes, f"{node.name} told of {event.kv.mod_revision} twice"
                changes[event.kv.mod_revision] = (event.kv.key, event.kv.value)
            if not response.created and response.watch_id == -1 and response.header.revision >= last:
                break
        stop.set()
        stream.cancel()
        client.close()
        told.append((node.name, changes))
    for name, changes in told[1:]:
        assert changes == told[0][1], f"{name} and {told[0][0]} were told different things"
    return told[0][1]
