"""Clients that work at any node all the time and write down what they saw: puts, deletes, transactions, reads of every
kind, leases, compactions; beside them watchers that go from node to node, and one that stays at each node."""

import itertools
import random
import threading
import time

import grpc

from etcd_client import UNKNOWN_CODES, Client, pb
from recording import Operation, Recording
from watchers import ALL, Scribe, Watcher

KEYS = [b"k%d" % number for number in range(1, 10)]
BEHIND_KEYS = b"l"
LEASED = b"m%d"  # of a client: nobody else puts it, and nobody deletes it but its lease's end
BEHIND_ALL = b"n"
LEASE_TTL = 3
COMPACTED_BEHIND = 300  # revisions that a compaction leaves
READS = ("range", "serializable", "past")
#: What a client does, and how often.
MIX = {"put": 34, "txn": 16, "delete": 7, "range": 22, "serializable": 7, "past": 4, "lease": 9, "compact": 1}


class WorkingClient:
    """One operation after the other, each at a random node that runs."""

    def __init__(self, load, number):
        self.load = load
        self.number = number
        self.rng = random.Random(f"{load.seed} client {number}")
        self.sequence = itertools.count(1)
        self.connections = {}
        self.lease = 0
        self.seen = {}  # key -> mod_revision last seen, for compares
        self.revision = 1  # the greatest seen
        self.is_done = False

    def work(self):
        while not self.load.is_stopping():
            node = self.rng.choice(self.load.cluster.nodes)
            if not node.alive:
                time.sleep(0.01)
                continue
            operation, request = getattr(self, "_" + self.rng.choices(list(MIX), MIX.values())[0])()
            self.carry_out(node, operation, request)
            time.sleep(self.rng.uniform(0, 2 * self.load.pause))
        self.disconnect()
        self.is_done = True

    def disconnect(self):
        while self.connections:
            self.connections.popitem()[1].close()

    def put_at(self, node):
        """One more write; whether it was acknowledged."""
        return self.carry_out(node, *self._put()).outcome == "ok"

    def carry_out(self, node, operation, request):
        """`request` is called with a connection and a time-out. Whatever comes of it is written down."""
        if node.name not in self.connections:
            self.connections[node.name] = Client(node.endpoint)
        operation.node = node.number
        operation.invoked = time.monotonic_ns()
        try:
            answer = request(self.connections[node.name], self.load.timeout)
            operation.returned = time.monotonic_ns()
            operation.outcome = "ok"
            self._read(operation, answer)
        except grpc.RpcError as error:
            operation.returned = time.monotonic_ns()
            is_known = error.code() not in UNKNOWN_CODES or operation.kind in READS
            operation.outcome = "refused" if is_known else "unknown"
        self.load.recording.add(operation)
        return operation

    def _read(self, operation, answer):
        operation.revision = answer.header.revision
        self.revision = max(self.revision, operation.revision)
        if operation.kind in READS:
            operation.kvs = tuple(answer.kvs)
        elif operation.kind == "delete":
            operation.deleted = answer.deleted
            operation.kvs = tuple(answer.prev_kvs)
        elif operation.kind == "txn":
            operation.succeeded = int(answer.succeeded)
            if not answer.succeeded:
                operation.kvs = tuple(answer.responses[0].response_range.kvs)
        elif operation.kind in ("grant", "keep-alive"):
            operation.ttl = answer.TTL
            if operation.kind == "keep-alive" and answer.TTL == 0:
                self.lease = 0
        self.seen.update((kv.key, kv.mod_revision) for kv in operation.kvs)
        if operation.kind == "put" or operation.succeeded:
            self.seen[operation.key] = operation.revision

    def _operation(self, kind, key, **fields):
        return Operation(self.number, 0, kind, key, **fields)

    def _value(self):
        return b"c%d.%d" % (self.number, next(self.sequence))

    def _put(self):
        return self._put_to(self.rng.choice(KEYS), 0)

    def _put_to(self, key, lease):
        op = self._operation("put", key, value=self._value(), argument=lease)
        return op, lambda client, timeout: client.put(op.key, op.value, timeout, lease=lease)

    def _delete(self):
        op = self._operation("delete", self.rng.choice(KEYS), argument=self.rng.randint(0, 1))
        op.end = BEHIND_KEYS if self.rng.random() < 0.2 else b""
        return op, lambda client, timeout: client.delete(op.key, timeout, range_end=op.end, prev_kv=op.argument == 1)

    def _txn(self):
        key, other = self.rng.sample(KEYS, 2)
        op = self._operation("txn", key, value=self._value(), argument=self.seen.get(key, 0))
        op.other = other if self.rng.random() < 0.3 else b""
        puts = [pb.RequestOp(request_put=pb.PutRequest(key=each, value=op.value)) for each in (key, op.other) if each]
        request = pb.TxnRequest(
            compare=[pb.Compare(key=key, target=pb.Compare.MOD, result=pb.Compare.EQUAL, mod_revision=op.argument)],
            success=puts, failure=[pb.RequestOp(request_range=pb.RangeRequest(key=key))])
        return op, lambda client, timeout: client.txn(request, timeout)

    def _some_range(self, kind):
        return self._operation(kind, self.rng.choice(KEYS), end=BEHIND_ALL if self.rng.random() < 0.4 else b"")

    def _range(self):
        op = self._some_range("range")
        return op, lambda client, timeout: client.range(op.key, timeout, range_end=op.end)

    def _serializable(self):
        op = self._some_range("serializable")
        return op, lambda client, timeout: client.range(op.key, timeout, range_end=op.end, serializable=True)

    def _past(self):
        op = self._some_range("past")
        op.argument = max(1, self.revision - self.rng.randint(0, 50))
        return op, lambda client, timeout: client.range(op.key, timeout, range_end=op.end, revision=op.argument)

    def _compact(self):
        """Behind what every scribe has been told: the trail stays whole."""
        revision = max(1, min(scribe.next for scribe in self.load.scribes) - COMPACTED_BEHIND)
        op = self._operation("compact", b"", argument=revision)
        return op, lambda client, timeout: client.compact(revision, timeout=timeout)

    def _lease(self):
        if not self.lease:
            self.lease = self.number * 1_000_000 + next(self.sequence)
            op = self._operation("grant", b"lease", argument=self.lease)
            return op, lambda client, timeout: client.lease_grant(LEASE_TTL, op.argument, timeout)
        dice = self.rng.random()
        if dice < 0.5:
            return self._put_to(LEASED % self.number, self.lease)
        op = self._operation("keep-alive" if dice < 0.85 else "revoke", b"lease", argument=self.lease)
        if op.kind == "keep-alive":
            return op, lambda client, timeout: client.lease_keep_alive(op.argument, timeout)
        self.lease = 0
        return op, lambda client, timeout: client.lease_revoke(op.argument, timeout)


class Workload:
    """start(), then stop(); verdict.py has what follows. `pause`: mean seconds between a client's operations."""

    def __init__(self, cluster, clients=8, watchers=3, seed=1, timeout=3.0, pause=0.0, nodes_stay=True):
        self.cluster = cluster
        self.seed = seed
        self.timeout = timeout
        self.pause = pause
        self.recording = Recording()
        self._stop = threading.Event()
        self.clients = [WorkingClient(self, number) for number in range(1, clients + 1)]
        self._threads = [threading.Thread(target=client.work, daemon=True) for client in self.clients]
        self.scribes = ([Scribe(self.recording, cluster.nodes, node) for node in cluster.nodes] if nodes_stay
                        else [Scribe(self.recording, cluster.nodes, rng=random.Random(f"{seed} scribe"))])
        self.watchers = [*self.scribes, *(self._wanderer(200 + number) for number in range(watchers))]

    def _wanderer(self, number):
        rng = random.Random(f"{self.seed} watcher {number}")
        key, end = rng.choice([(rng.choice(KEYS), b""), (b"k", BEHIND_ALL), (rng.choice(KEYS), ALL)])
        return Watcher(self.recording, self.cluster.nodes, number, key, end, rng=rng)

    def start(self):
        for each in (*self.watchers, *self._threads):
            each.start()
        return self

    def is_stopping(self):
        return self._stop.is_set()

    def stop(self):
        """The clients end; the watchers watch on."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
        assert all(client.is_done for client in self.clients), "a client did not end in order"

    def abandon(self):
        self._stop.set()
        for watcher in self.watchers:
            watcher.end_watching()

    def write(self, path):
        """The history so far, after which nobody works or watches any more."""
        self.abandon()
        self.recording.write(path, self.scribes[0].trail(), LEASE_TTL)

    def acknowledged_puts(self):
        return self.recording.count("ok", "put")
