"""Watching clients: one watch at a time, resumed behind what was told when it ended, as etcd's own clients do."""

import threading
import time

import grpc

from etcd_client import Client, pb
from processes import wait_for
from recording import Watch

ALL = b"\0"          # as key and end: every key
PROGRESS_EVERY = 0.2
STAYS = (2.0, 10.0)  # seconds at one node, unless it is a watcher of this node


class Watcher:
    """`node`: the one that it stays at; else it goes from one to another by `rng`."""

    def __init__(self, recording, nodes, number, key=ALL, end=ALL, node=None, rng=None, start=1):
        self.recording = recording
        self.nodes = nodes
        self.number = number
        self.key = key
        self.end = end
        self.node = node
        self.rng = rng
        self.next = start  # the first revision that it has not been told of
        self._is_told_all = False
        self._ends = threading.Event()
        self._stream = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def finish(self, revision, seconds=30):
        """The last one is `revision`: it must be told everything up to there; then it ends."""
        wait_for(lambda: self.next > revision or not self._thread.is_alive(), seconds,
                 f"watcher {self.number} of {self.key} told up to {revision}; it is at {self.next}")
        self._is_told_all = True
        self.end_watching()
        assert not self._thread.is_alive() and self.next > revision, f"watcher {self.number} did not end in order"

    def end_watching(self):
        self._ends.set()
        if stream := self._stream:
            stream.cancel()
        self._thread.join(timeout=10)

    def _work(self):
        while not self._ends.is_set():
            node = self.node or self.rng.choice(self.nodes)
            if not node.alive or not self._watch_at(node):
                self._ends.wait(0.02)

    def _watch_at(self, node):
        """Until it wants to leave, or the watch ends. Whether there was a watch."""
        watch = Watch(self.number, node.number, self.key, self.end, self.next)
        leaves_at = None if self.node else time.monotonic() + self.rng.uniform(*STAYS)
        is_created = False
        client = Client(node.endpoint)
        over = threading.Event()
        stream = self._stream = client.watch(self._requests(over))
        try:
            for response in stream:
                is_created = True
                self._take(watch, response)
                if response.canceled or self._ends.is_set() or (leaves_at and time.monotonic() > leaves_at):
                    break
        except grpc.RpcError:
            pass
        finally:
            over.set()
            stream.cancel()
            client.close()
        if is_created:
            watch.alive = self._is_told_all
            self.recording.add_watch(watch)
        return is_created

    def _requests(self, over):
        yield pb.WatchRequest(create_request=pb.WatchCreateRequest(
            key=self.key, range_end=self.end, start_revision=self.next))
        while not over.wait(PROGRESS_EVERY):
            yield pb.WatchRequest(progress_request=pb.WatchProgressRequest())

    def _take(self, watch, response):
        at = time.monotonic_ns()
        if response.canceled and response.compact_revision:
            watch.compacted = response.compact_revision
            self.next = max(self.next, response.compact_revision)
        for event in response.events:
            watch.told.append(event)
            self.recording.see(event.kv.mod_revision, at)
            self.next = event.kv.mod_revision + 1
        if not response.created and not response.canceled and not response.events:
            watch.progress.append((len(watch.told), response.header.revision))
            self.next = max(self.next, response.header.revision + 1)


class Scribe(Watcher):
    """Watches everything from the first revision on, at one node or, where nodes come and go, at one after the other:
    what it was told is that node's, or the cluster's, trail."""

    def __init__(self, recording, nodes, node=None, rng=None):
        super().__init__(recording, nodes, number=99 + (node.number if node else 0), node=node, rng=rng)

    def trail(self):
        return [event for watch in self.recording.watches if watch.client == self.number for event in watch.told]
