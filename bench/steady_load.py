"""Clients that put one write after the other, and when each was acknowledged. For benchmarks that look for gaps."""

import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "system"))

import etcd_client  # noqa: E402
from etcd_client import pb  # noqa: E402


class Load:
    """Clients that put through one node; `acknowledged` are the times."""

    def __init__(self, endpoint, clients):
        self.acknowledged = []
        self.failed = 0
        self.running = True
        self.threads = [threading.Thread(target=self._put, args=(endpoint, n)) for n in range(clients)]
        for thread in self.threads:
            thread.start()

    def _put(self, endpoint, number):
        client = etcd_client.Client(endpoint)
        while self.running:
            try:
                client.call("KV", "Put", pb.PutRequest(key=b"k%d" % number, value=b"x" * 100), pb.PutResponse)
                self.acknowledged.append(time.monotonic())
            except etcd_client.grpc.RpcError:
                self.failed += 1

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join()


def longest_gap(times, begin, end):
    within = sorted(at for at in times if begin <= at <= end)
    return max(later - earlier for earlier, later in zip(within, within[1:])) * 1000
