"""Clients that ask again at once, without mercy, do not keep a cluster down that has stood still (O-01)."""

import threading
import time

from etcd_client import Client, pb
from processes import wait_for
from test_snapshot import wait_equal

IN_FLIGHT = 900
TIMEOUT = 0.25  # what the clients wait before they ask again, at another node
STALL = 10.0
MAX_RESIDENT_KIB = 512 * 1024


class Storm:
    """So many puts at any time, each asked again as soon as it fails; use as a context manager."""

    def __init__(self, nodes):
        self.clients = [Client(node.endpoint) for node in nodes]
        self.puts = [client.channel.unary_unary(
            "/etcdserverpb.KV/Put", request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=pb.PutResponse.FromString) for client in self.clients]
        self.lock = threading.Lock()
        self.succeeded = self.failed = self.in_flight = 0
        self.is_over = False

    def ask(self, number):
        with self.lock:
            if self.is_over:
                return
            self.in_flight += 1
        put = self.puts[number % len(self.puts)]
        request = pb.PutRequest(key=b"k%d" % (number % 50), value=b"v" * 100)
        put.future(request, timeout=TIMEOUT).add_done_callback(lambda done: self.on_answer(number, done))

    def on_answer(self, number, done):
        with self.lock:
            self.in_flight -= 1
            if done.code().value[0] == 0:
                self.succeeded += 1
            else:
                self.failed += 1
        self.ask(number + 1)

    def __enter__(self):
        for number in range(IN_FLIGHT):
            self.ask(number)
        return self

    def __exit__(self, *_):
        with self.lock:
            self.is_over = True
        wait_for(lambda: self.in_flight == 0, 30, "the last answers")
        for client in self.clients:
            client.close()


def resident_kib(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_a_stall_of_ten_seconds_and_clients_that_ask_again_at_once(cluster):
    """O-01: what nobody waits for any more is not worked off for ever: the cluster is back by itself, and no queue has grown."""
    with Storm(cluster.nodes) as storm:
        wait_for(lambda: storm.succeeded > IN_FLIGHT, 20, "the load runs")
        for node in cluster.nodes:
            node.pause()
        time.sleep(STALL)
        failed, before = storm.failed, storm.succeeded
        for node in cluster.nodes:
            node.resume()
        assert failed > IN_FLIGHT, "they did ask again"
        wait_for(lambda: storm.succeeded - before > 5 * IN_FLIGHT, 60, "the storm is served again while it goes on")
        for node in cluster.nodes:
            assert node.alive and resident_kib(node) < MAX_RESIDENT_KIB, f"{node.name}: {resident_kib(node)} KiB"
    wait_equal(cluster)
