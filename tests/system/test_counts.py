"""What one put costs in things that can be counted, at one client on three processes: syncs, bytes, messages, calls.

Counts do not depend on how fast the machine is. The few that come on top are those of timers: heartbeats and the mark
that the log writes when it falls quiet.
"""

import dataclasses
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from etcd_client import Client
from processes import consensus, wait_for

PUTS = 400
KEY_BYTES = 8
VALUE_BYTES = 256
#: Marks of a quiet log, heartbeats and their answers during the measurement, per put.
TIMERS = 0.1

#: A record says beside key and value who asked, which request it is, and the options of the put.
RECORD_BYTES = KEY_BYTES + VALUE_BYTES + 48
#: The head of its frame, the end of its batch and the terminator behind it.
LOG_BYTES = 64


@dataclasses.dataclass
class Budget:
    """Per put at one client (facts: performance section 4)."""

    calls: int
    sends: int
    syncs: int = 1


#: To each of two followers the entry, and the answer to the client. The word of a commit rides on the next entry.
ON_LEADER = Budget(calls=12, sends=3)
ON_FOLLOWER = Budget(calls=6, sends=1)

#: What comes on top depends on how long the puts take, and tracing makes each call slow; so it is counted and taken off.
#: Heartbeats, their answers and timers: so many a second.
TIMER_CALLS = 200
TIMER_SENDS = 50
#: A sync that the thread did because the disk was slow: the thread is woken, the loop is woken.
HAND_OVER_CALLS = 5
#: A commit that no entry followed in time: a timer and a send to each follower; a turn and a receipt there.
WORD_CALLS = {"leader": 3, "follower": 2}


def puts(client, count=PUTS):
    for number in range(count):
        client.put(b"%08d" % number, b"v" * VALUE_BYTES)


def ready(cluster):
    """(leader, followers, client at the leader), everything warm."""
    leader = cluster.leader()
    client = Client(leader.endpoint)
    puts(client, 20)
    time.sleep(0.5)  # the marks of the quiet logs are written
    return leader, [node for node in cluster.nodes if node is not leader], client


def deltas(nodes, metric, work):
    before = [node.metric(metric) for node in nodes]
    work()
    return [node.metric(metric) - was for node, was in zip(nodes, before)]


def test_one_sync_a_node_for_each_put(cluster):
    leader, followers, client = ready(cluster)
    for syncs in deltas([leader, *followers], "etcd_disk_wal_fsync_duration_seconds_count", lambda: puts(client)):
        assert 0.5 <= syncs / PUTS <= 1 + TIMERS  # a member that is behind takes several puts in one batch


def test_bytes_written_are_the_record_and_little_more(cluster):
    leader, followers, client = ready(cluster)
    for written in deltas([leader, *followers], "etcd_disk_wal_write_bytes_total", lambda: puts(client)):
        assert KEY_BYTES + VALUE_BYTES < written / PUTS <= RECORD_BYTES + LOG_BYTES


@dataclasses.dataclass
class Extra:
    """What else happened on a node while puts were counted."""

    seconds: float
    words: float
    handed_over: float

    @classmethod
    def read(cls, leader, node):
        syncs = node.metric("etcd_disk_wal_fsync_duration_seconds_count")
        return cls(time.monotonic(), leader.metric(f'quorate_trace_total{{branch="{consensus()}.commit_notice_sent"}}'),
                   syncs - node.metric("quorate_log_syncs_on_loop_total"))

    def since(self, was):
        return Extra(self.seconds - was.seconds, self.words - was.words, self.handed_over - was.handed_over)


def over_budget(role, calls, extra):
    """What the calls of PUTS puts exceed of the budget, in words; empty if nothing."""
    budget = {"leader": ON_LEADER, "follower": ON_FOLLOWER}[role]
    syncs = calls.get("fdatasync", 0) + calls.get("fsync", 0)
    sends = calls["sendmsg"] - extra.seconds * TIMER_SENDS - (2 * extra.words if role == "leader" else 0)
    total = (sum(calls.values()) - extra.seconds * TIMER_CALLS - extra.words * WORD_CALLS[role]
             - extra.handed_over * HAND_OVER_CALLS)
    found = []
    for what, count, most in (("syncs", syncs, budget.syncs * (1 + TIMERS)), ("sends", sends, budget.sends),
                              ("calls", total, budget.calls)):
        if count > most * PUTS:
            found.append(f"{what}: {count / PUTS:.2f} a put, at most {most}")
    return found


class Traced:
    """Counts the system calls of a process while the block runs."""

    def __init__(self, node, directory):
        self.node = node
        self.output = directory / f"{node.name}.strace"
        self.calls = {}

    def __enter__(self):
        self._strace = subprocess.Popen(["strace", "-c", "-f", "-o", self.output, "-p", str(self.node.process.pid)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._attached, 20, "strace attached to every thread")
        return self

    def _attached(self):
        if self._strace.poll() is not None:
            pytest.skip("strace may not trace processes here")
        tasks = pathlib.Path(f"/proc/{self.node.process.pid}/task").glob("*/status")
        return all("TracerPid:\t0\n" not in status.read_text() for status in tasks)

    def __exit__(self, *_):
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait(timeout=20)
        for line in self.output.read_text().splitlines():
            row = re.match(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", line)
            if row and row.group(2) != "total":
                self.calls[row.group(2)] = int(row.group(1))

    def told(self):
        return {name: round(count / PUTS, 2) for name, count in sorted(self.calls.items())}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_system_calls_of_a_put(cluster, tmp_path):
    leader, followers, client = ready(cluster)
    for role, node in (("leader", leader), ("follower", followers[0])):
        before = Extra.read(leader, node)
        with Traced(node, tmp_path) as traced:
            puts(client)
        extra = Extra.read(leader, node).since(before)
        assert over_budget(role, traced.calls, extra) == [], (traced.told(), extra)


IDEAL = {
    "leader": {"epoll_pwait2": 3, "recvfrom": 3, "sendmsg": 3, "pwritev": 1, "fdatasync": 1},
    "follower": {"epoll_pwait2": 1, "recvfrom": 1, "sendmsg": 1, "pwritev": 1, "fdatasync": 1},
}


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_one_sync_or_message_more_is_over_budget(role):
    """The counts above can fail: each planted cost is found."""
    ideal = {name: count * PUTS for name, count in IDEAL[role].items()}
    quiet = Extra(seconds=0.2, words=0, handed_over=0)
    assert over_budget(role, ideal, quiet) == []
    for planted, found in (("fdatasync", "syncs"), ("sendmsg", "sends")):
        assert found in str(over_budget(role, ideal | {planted: ideal[planted] + PUTS // 2}, quiet))
    assert "calls" in str(over_budget(role, ideal | {"futex": 4 * PUTS}, quiet))
