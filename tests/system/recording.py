"""What clients of a test asked for and saw, written down for `quorate check-history` (docs/formats/history.md)."""

import collections
import dataclasses
import subprocess
import threading
import time
import urllib.parse

FIRST_LINE = "quorate-history 1"


@dataclasses.dataclass
class Operation:
    client: int
    node: int
    kind: str
    key: bytes
    end: bytes = b""
    value: bytes = b""    # unique over a recording
    other: bytes = b""    # second key of a txn
    argument: int = 0     # lease, expected or asked revision; 1: a delete that shows what was there
    outcome: str = "unknown"
    invoked: int = 0      # nanoseconds, as `returned`
    returned: int = 0
    revision: int = 0
    deleted: int = 0
    succeeded: int = 0
    ttl: int = 0
    kvs: tuple = ()       # mvccpb.KeyValue

    def lines(self):
        yield line("op", client=self.client, node=self.node, kind=self.kind, outcome=self.outcome, invoked=self.invoked,
                   returned=self.returned, key=self.key, end=self.end, value=self.value, other=self.other,
                   argument=self.argument, revision=self.revision, deleted=self.deleted, succeeded=self.succeeded,
                   ttl=self.ttl)
        for kv in self.kvs:
            yield line("kv", key=kv.key, value=kv.value, created=kv.create_revision, modified=kv.mod_revision,
                       version=kv.version, lease=kv.lease)


@dataclasses.dataclass
class Watch:
    client: int
    node: int
    key: bytes
    end: bytes
    start: int
    alive: bool = False   # open until the end: it must have been told everything
    compacted: int = 0
    told: list = dataclasses.field(default_factory=list)      # mvccpb.Event
    progress: list = dataclasses.field(default_factory=list)  # (events told before, revision promised)

    def lines(self):
        yield line("watch", client=self.client, node=self.node, key=self.key, end=self.end, **{"from": self.start},
                   alive=int(self.alive), compacted=self.compacted)
        promises = collections.deque(self.progress)
        for number, event in enumerate(self.told):
            while promises and promises[0][0] <= number:
                yield line("progress", revision=promises.popleft()[1])
            yield line("told", revision=event.kv.mod_revision, **change(event))
        for _, revision in promises:
            yield line("progress", revision=revision)


def change(event):
    if event.type == event.DELETE:
        return {"kind": "delete", "key": event.kv.key}
    return {"kind": "put", "key": event.kv.key, "value": event.kv.value, "created": event.kv.create_revision,
            "version": event.kv.version, "lease": event.kv.lease}


def line(word, **fields):
    """Optional fields at their default are left out; `key` and `value` stand even when they are empty."""
    kept = ((name, value) for name, value in fields.items()
            if value not in (b"", 0) or name in ("key", "client", "node", "invoked", "returned", "alive"))
    return " ".join([word, *(f"{name}={escaped(value)}" for name, value in kept)])


def escaped(value):
    return urllib.parse.quote_from_bytes(value, safe="/.") if isinstance(value, bytes) else value


class Recording:
    """Filled by many threads; lists only grow, so that a reader may copy them at any time."""

    def __init__(self):
        self.operations = []
        self.watches = []
        self.seen_at = {}  # revision -> when the first watcher was told
        self._counts = collections.Counter()
        self._lock = threading.Lock()

    def add(self, operation):
        with self._lock:
            self.operations.append(operation)
            self._counts[operation.outcome] += 1
            self._counts[operation.outcome, operation.kind] += 1

    def add_watch(self, watch):
        with self._lock:
            self.watches.append(watch)

    def see(self, revision, at):
        with self._lock:
            self.seen_at[revision] = min(at, self.seen_at.get(revision, at))

    def count(self, outcome, kind=None):
        return self._counts[(outcome, kind) if kind else outcome]

    def write(self, path, trail, lease_ttl):
        """`trail`: the events of everything that was executed, in order."""
        with open(path, "w") as file:
            print(FIRST_LINE, file=file)
            for record in (*self.operations, *self.watches):
                for text in record.lines():
                    print(text, file=file)
            for event in trail:
                revision = event.kv.mod_revision
                print(line("change", revision=revision, **change(event), at=self.seen_at[revision]), file=file)
            print(line("end", at=time.monotonic_ns(), **{"lease-ttl": lease_ttl}), file=file)


def check(path, binary):
    """The finding of the simulator's checkers, empty if there is none."""
    result = subprocess.run([binary, "check-history", path], capture_output=True, text=True)
    if result.returncode == 0:
        return ""
    return (result.stdout + result.stderr).strip() or f"check-history ended with {result.returncode}"
