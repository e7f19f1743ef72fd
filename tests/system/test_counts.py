"""What one put costs in things that can be counted, at one client on three processes: syncs, bytes, messages, calls.

Counts do not depend on how fast the machine is. The few that come on top are those of timers: heartbeats and the mark
that the log writes when it falls quiet.
"""

import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from etcd_client import Client
from processes import wait_for

PUTS = 400
KEY_BYTES = 8
VALUE_BYTES = 256
#: Marks of a quiet log, heartbeats and their answers during the measurement, per put.
TIMERS = 0.1

#: A record says beside key and value who asked, which request it is, and the options of the put.
RECORD_BYTES = KEY_BYTES + VALUE_BYTES + 48
#: The head of its frame, the end of its batch and the terminator behind it.
LOG_BYTES = 64
#: To each of two followers the entry, and the answer to the client. The word of a commit rides on the next entry.
SENDS_ON_LEADER = 3
SENDS_ON_FOLLOWER = 1
#: The budget is 12 and 6 (facts: performance section 4). Tracing makes each call slow, so that the next entry comes too
#: late for some words of a commit to ride on, and some syncs go to the thread: that is the rest.
SYSCALLS_ON_LEADER = 17
SYSCALLS_ON_FOLLOWER = 9


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

    def per_put(self):
        return sum(self.calls.values()) / PUTS

    def told(self):
        return {name: round(count / PUTS, 2) for name, count in sorted(self.calls.items())}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_system_calls_of_a_put(cluster, tmp_path):
    leader, followers, client = ready(cluster)
    for node, most, sends in ((leader, SYSCALLS_ON_LEADER, SENDS_ON_LEADER),
                              (followers[0], SYSCALLS_ON_FOLLOWER, SENDS_ON_FOLLOWER)):
        with Traced(node, tmp_path) as traced:
            puts(client)
        assert traced.calls.get("fdatasync", 0) + traced.calls.get("fsync", 0) <= (1 + TIMERS) * PUTS, traced.told()
        # Tracing slows the puts, so up to one heartbeat or word of a commit comes on top of each; one message too many
        # would be two, or one to each follower.
        assert traced.calls["sendmsg"] <= (sends + 1) * PUTS, traced.told()
        assert traced.per_put() <= most + TIMERS * most, traced.told()
