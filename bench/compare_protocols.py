#!/usr/bin/python3
"""The protocols beside each other on the same work, as docs/comparison.md shows them: this prints that page's tables.

    bench/compare_protocols.py [--puts N] [--rounds N]

For each protocol of `quorate protocols`, on real processes with real disks on this machine:

- one put after the other through the leader of three nodes: latency; bytes between nodes, log frames and syncs of each;
- the first write after `kill -9` of the leader;
- the same put over links that take 1 ms each way, with three nodes and with five;
- for each number of members what goes on with f of them killed, and what stops with f + 1; and serializable reads a second
  from all members at once, then from those that are left.

The client is one thread of Python, on the same cores as the servers; of the reads an h2load for each member.
"""

import argparse
import concurrent.futures
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "system"))

from beside_etcd import RANGE, h2load  # noqa: E402
from etcd_client import Client, grpc  # noqa: E402
from processes import BINARY, Cluster, free_ports, protocols, wait_for  # noqa: E402

VALUE = b"v" * 256
RELAY = BINARY.parent / "bench" / "relay"  # built with the tests
SIZES = (1, 2, 3, 4, 5, 7)
READS = 40_000  # of each member
COUNTS = ("etcd_network_peer_sent_bytes_total", "quorate_log_frames_total", "etcd_disk_wal_fsync_duration_seconds_count")


def put_all(client, count):
    """What each put took, in us."""
    took = []
    for number in range(count):
        began = time.monotonic()
        client.put(b"%08d" % number, VALUE)
        took.append(1e6 * (time.monotonic() - began))
    return took


def counts(nodes):
    """Of all nodes together."""
    totals = dict.fromkeys(COUNTS, 0.0)
    for node in nodes:
        for line in node.get("/metrics")[1].splitlines():
            name = line.split("{")[0].split(" ")[0]
            if name in totals:
                totals[name] += float(line.split()[-1])
    return totals


def measure_puts(cluster, puts):
    client = Client(cluster.leader().endpoint)
    put_all(client, puts // 4)
    before = counts(cluster.nodes)
    took = put_all(client, puts)
    after = counts(cluster.nodes)
    client.close()
    each = [(after[name] - before[name]) / puts for name in COUNTS]
    return statistics.median(took), sorted(took)[int(0.99 * puts)], *each


def measure_lost_leaders(cluster, rounds):
    """From `kill -9` to the next acknowledged write through another node, in ms."""
    took = []
    for number in range(rounds):
        leader = cluster.leader()
        other = next(node for node in cluster.nodes if node is not leader)
        client = Client(other.endpoint)
        client.put(b"before", VALUE)
        began = time.monotonic()
        leader.kill()
        while True:
            try:
                client.put(b"after/%d" % number, VALUE, timeout=5)
                break
            except grpc.RpcError:
                pass
        took.append(1e3 * (time.monotonic() - began))
        client.close()
        leader.start()
        cluster.wait_healthy()
    return statistics.median(took), max(took)


def measure_far_apart(directory, protocol, size, puts):
    """The p50 of a put, in us, where whatever goes to a node takes a millisecond on its way."""
    with Cluster(directory / "far", size=size, consensus=protocol) as cluster:
        ways = []
        for node, port in zip(cluster.nodes, free_ports(size)):
            node.peer_listen = f"http://{node.peer_host}:{port}"
            ways += [f"{node.peer_host}:{node.peer_port}", f"{node.peer_host}:{port}"]
        with subprocess.Popen([RELAY, "1000", *ways]) as relay:
            try:
                cluster.start()
                client = Client(cluster.leader().endpoint)
                put_all(client, puts // 4)
                took = statistics.median(put_all(client, puts))
                client.close()
            finally:
                relay.kill()
    return took


def writes(node, timeout):
    client = Client(node.endpoint)
    try:
        client.put(b"is it", b"decided", timeout=timeout)
        return True
    except grpc.RpcError:
        return False
    finally:
        client.close()


def serves(node):
    client = Client(node.endpoint)
    try:
        return client.range(b"there", serializable=True, timeout=5).kvs[0].value == b"already"
    except (grpc.RpcError, IndexError):
        return False
    finally:
        client.close()


def reads_per_second(nodes, directory):
    """Serializable reads of one key, from all of `nodes` at once."""
    body = b"\x0a\x05there\x38\x01"  # RangeRequest: key, serializable

    def read_all(node):
        own = directory / f"reads-{node.endpoint.replace(':', '-')}"
        own.mkdir(exist_ok=True)
        h2load(node, RANGE, body, READS, 10, 10, own)

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(nodes)) as readers:
        list(readers.map(read_all, nodes))
    return READS * len(nodes) / (time.monotonic() - began)


def check_quorums(directory, protocol, size):
    """(f, do writes go on with f killed, do they stop with one more, how many survivors serve serializable reads, and how
    many a second all members and those survivors serve together)"""
    may_die = (size - 1) // 2
    with Cluster(directory / "quorum", size=size, consensus=protocol) as cluster:
        cluster.start()
        client = Client(cluster.leader().endpoint)
        client.put(b"there", b"already")
        client.close()
        for node in cluster.nodes:
            wait_for(lambda node=node: serves(node), 10, "everybody has it")
        all_reads = reads_per_second(cluster.nodes, directory)
        for node in cluster.nodes[:may_die]:
            node.kill()
        survivors = cluster.nodes[may_die:]
        goes_on = any(writes(survivors[-1], 3) for _ in range(5))  # an election may be due first
        if len(survivors) == 1:
            return may_die, goes_on, None, None, all_reads, None
        survivors[0].kill()
        left = survivors[1:]
        stops = not any(writes(node, 3) for node in left)
        serving = f"{sum(map(serves, left))} of {len(left)}"
        return may_die, goes_on, stops, serving, all_reads, reads_per_second(left, directory)


def main():
    parser = argparse.ArgumentParser(description="The protocols beside each other on the same work.")
    parser.add_argument("--puts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(dir="."))
    try:
        print("| protocol | put p50, us | p99, us | bytes between nodes a put | log frames a put | syncs a put | "
              "first write after kill -9, ms: median, longest | p50 over 1 ms links, us: 3 nodes, 5 nodes | ratio |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        for protocol in protocols():
            with Cluster(directory / "three", size=3, consensus=protocol) as cluster:
                cluster.start()
                p50, p99, sent, frames, syncs = measure_puts(cluster, arguments.puts)
                median, longest = measure_lost_leaders(cluster, arguments.rounds)
            three, five = (measure_far_apart(directory, protocol, size, arguments.puts // 4) for size in (3, 5))
            print(f"| {protocol} | {p50:.0f} | {p99:.0f} | {sent:.0f} | {frames:.1f} | {syncs:.1f} | {median:.0f}, {longest:.0f} | "
                  f"{three:.0f}, {five:.0f} | {five / three:.2f} |", flush=True)
        print()
        print("| protocol | members | f | writes with f killed | with f + 1 killed | survivors that serve serializable reads | "
              "serializable reads/s: all members, survivors |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for protocol in protocols():
            for size in SIZES:
                may_die, goes_on, stops, serving, all_reads, left_reads = check_quorums(directory, protocol, size)
                print(f"| {protocol} | {size} | {may_die} | {'go on' if goes_on else 'STOP'} | "
                      f"{'nobody is left' if stops is None else 'none' if stops else 'GO ON'} | {serving or '-'} | "
                      f"{all_reads:,.0f}, {f'{left_reads:,.0f}' if left_reads else '-'} |", flush=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
