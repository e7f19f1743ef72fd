"""What clients of a system test did and saw, and the check of it: linearizability through etcd's revisions.

Every acknowledged write carries a revision, so the order is known and checking is linear in the history's length:
an operation that began after another had returned must not have a smaller revision (a write: a greater one), a read
must show the state at its revision, and every acknowledged write must be in the final sequence of changes.
"""

import dataclasses
import threading


@dataclasses.dataclass
class Operation:
    kind: str            # "put" or "get"
    key: bytes
    value: bytes         # unique for puts; what a get saw, None for absent
    invoked: float
    returned: float
    outcome: str         # "ok", "refused", "unknown"
    revision: int = 0
    mod_revision: int = 0


class History:
    def __init__(self):
        self.operations = []
        self._lock = threading.Lock()

    def add(self, operation):
        with self._lock:
            self.operations.append(operation)

    def acknowledged(self):
        return [op for op in self.operations if op.outcome == "ok"]

    def check(self, changes):
        """`changes`: {revision: (key, value)} as read from the cluster at the end. Raises on the first finding."""
        by_value = {}
        for revision, (_, value) in changes.items():
            assert value not in by_value, f"{value} happened at {by_value[value]} and at {revision}"
            by_value[value] = revision
        for op in self.operations:
            if op.kind != "put":
                continue
            if op.outcome == "ok":
                assert changes.get(op.revision) == (op.key, op.value), f"lost: {op}; found {changes.get(op.revision)}"
            if op.outcome == "refused":
                assert op.value not in by_value, f"refused but happened: {op}"
        self._check_reads(changes)
        self._check_real_time()

    def _check_reads(self, changes):
        history_of = {}
        for revision in sorted(changes):
            key, value = changes[revision]
            history_of.setdefault(key, []).append((revision, value))
        for op in self.acknowledged():
            if op.kind != "get":
                continue
            latest = None
            for revision, value in history_of.get(op.key, []):
                if revision > op.revision:
                    break
                latest = (revision, value)
            seen = None if op.value is None else (op.mod_revision, op.value)
            assert seen == latest, f"stale or invented read: {op}; the state was {latest}"

    def _check_real_time(self):
        moments = []
        for op in self.acknowledged():
            moments.append((op.invoked, 1, op))
            moments.append((op.returned, 0, op))
        floor = None
        for _, is_invocation, op in sorted(moments, key=lambda moment: moment[:2]):
            if not is_invocation:
                if floor is None or op.revision > floor.revision:
                    floor = op
                continue
            if floor is not None:
                least = floor.revision + (1 if op.kind == "put" else 0)
                assert op.revision >= least, f"out of order: {op} began after {floor} had returned"
