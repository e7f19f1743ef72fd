"""Quorate beside etcd: three nodes each on loopback, same disk, durability on for both, in pairs of one run.

The official figure is server CPU per operation, summed over the three nodes; wall rates stand beside it. Pairs are run
in ABBA order with fresh data directories; the ratio of each pair is formed, median and range are printed. Nothing is
asserted: see docs/benchmarks.md for how to read the rows.

    bench/run etcd [--pairs N] [--seconds S] [--row NAME] [--json FILE]
"""

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from processes import BINARY, Cluster, Node, choose_consensus, consensus, free_ports, wait_for  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
VALUE = b"v" * 256


class EtcdNode(Node):
    def ready(self):
        return self.alive  # it is told to log errors only; being healthy is enough

    def arguments(self):
        return [
            self.cluster.binary,
            f"--name={self.name}",
            f"--data-dir={self.data_dir}",
            f"--listen-client-urls=http://{self.endpoint}",
            f"--advertise-client-urls=http://{self.endpoint}",
            f"--listen-peer-urls={self.peer_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
            f"--initial-cluster={self.cluster.initial_cluster()}",
            f"--initial-cluster-token={self.cluster.token}",
            "--log-level=error",
            "--quota-backend-bytes=8589934592",
        ]


#: More flags for `quorate serve`.
more_flags = []


def make_cluster(system, directory):
    if system == "quorate":
        return Cluster(directory, extra_flags=["--quota-backend-bytes=-1", *more_flags])
    cluster = Cluster(directory, binary=os.environ["QUORATE_PEER_ETCD"], consensus="")
    cluster.nodes = [EtcdNode(cluster, n.name, n.client_port, n.peer_port, n.data_dir) for n in cluster.nodes]
    return cluster


def cpu_seconds(cluster):
    total = 0
    for node in cluster.nodes:
        fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def key_bytes(number):
    return number.to_bytes(8, "big")


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def grpc_frame(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


def h2load(node, path, body, operations, connections, streams, directory):
    """Requests with one body: the cheapest client there is, so that the rate is the server's."""
    data = directory / "body"
    data.write_bytes(grpc_frame(body))
    result = subprocess.run(
        ["h2load", f"-n{operations}", f"-c{connections}", f"-m{streams}", "-t1", f"-d{data}",
         "-H", "content-type: application/grpc", "-H", "te: trailers", f"http://{node.endpoint}{path}"],
        capture_output=True, text=True, timeout=600)
    match = re.search(r"finished in ([\d.]+)(m?s), ([\d.]+) req/s", result.stdout)
    succeeded = int(re.search(r"(\d+) succeeded", result.stdout).group(1))
    if not match or succeeded < operations:
        raise RuntimeError(f"h2load: {result.stdout[-600:]}{result.stderr[-300:]}")
    return {"operations": operations, "rate": float(match.group(3))}


def load(nodes, kind, operations, connections, clients):
    """etcd's own Go client."""
    result = subprocess.run(
        [os.environ["QUORATE_PEER_LOAD"], "-endpoints", ",".join(node.endpoint for node in nodes), "-kind", kind,
         "-total", str(operations), "-connections", str(connections), "-clients", str(clients)],
        capture_output=True, text=True, timeout=900)
    if result.returncode != 0:
        raise RuntimeError(f"load: {result.stderr[-500:]}")
    figures = {k: float(v) for k, v in (pair.split("=") for pair in result.stdout.split())}
    if figures["errors"] > 0:
        raise RuntimeError(f"load: {result.stdout}")
    return figures


class Row:
    """One line of the table: what is measured, how often, and which figures come out."""

    def __init__(self, name, what, measure):
        self.name = name
        self.what = what
        self.measure = measure


def client_cpu_seconds():
    """Of the load programs that have ended; the nodes end later."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def counted(cluster, work):
    """Runs `work` and adds CPU per operation in microseconds: of the servers, and of the client beside them."""
    before, client_before = cpu_seconds(cluster), client_cpu_seconds()
    figures = work()
    figures["cpu_us"] = 1e6 * (cpu_seconds(cluster) - before) / figures["operations"]
    figures["client_us"] = 1e6 * (client_cpu_seconds() - client_before) / figures["operations"]
    return figures


PUT = "/etcdserverpb.KV/Put"
RANGE = "/etcdserverpb.KV/Range"


def puts_go(operations, connections, clients):
    return lambda cluster, leader, directory: counted(
        cluster, lambda: load([leader], "put", operations, connections, clients))


def gets_go(kind, operations, connections, clients):
    return lambda cluster, leader, directory: counted(
        cluster, lambda: load([leader], kind, operations, connections, clients))


def h2(path, body, operations, connections, streams):
    return lambda cluster, leader, directory: counted(
        cluster, lambda: h2load(leader, path, body, operations, connections, streams, directory))


def watch(kind, operations, streams, watchers):
    return lambda cluster, leader, directory: counted(
        cluster, lambda: load([leader], kind, operations, streams, watchers))


def failover(how):
    def measure(cluster, leader, directory):
        survivors = [node for node in cluster.nodes if node is not leader]
        from etcd_client import Client
        clients = [Client(node.endpoint) for node in survivors]
        for client in clients:
            client.put(b"warm", b"x")
        leader.process.send_signal(how)
        began = time.monotonic()
        while True:
            try:
                # A short deadline: a write that was on its way to the lost leader is not asked about again.
                clients[0].put(b"failover", b"x", timeout=0.05)
                break
            except Exception:  # noqa: BLE001 - the point is when it works again
                if time.monotonic() - began > 30:
                    raise
        figures = {"operations": 1, "p50": 1e6 * (time.monotonic() - began)}
        leader.process.send_signal(signal.SIGCONT)
        leader.kill()
        return figures

    return measure


def rows(scale):
    put_body = field(1, key_bytes(7)) + field(2, VALUE)
    range_body = field(1, key_bytes(7))
    return [
        Row("put-1", "put, 1 client", puts_go(int(2000 * scale), 1, 1)),
        Row("put-1000", "put, 100 connections x 10, distinct random keys", puts_go(int(100_000 * scale), 100, 1000)),
        Row("put-h2load", "put, 100 x 10, h2load, one key", h2(PUT, put_body, int(100_000 * scale), 100, 10)),
        Row("range-1", "linearizable range, 1 client", gets_go("range", int(4000 * scale), 1, 1)),
        Row("range-h2load", "linearizable range, 100 x 10, h2load", h2(RANGE, range_body, int(150_000 * scale), 100, 10)),
        Row("serializable-h2load", "serializable range, 100 x 10, h2load",
            h2(RANGE, range_body + b"\x38\x01", int(150_000 * scale), 100, 10)),
        Row("watch", "watch fan-out, 100 streams x 10 watchers of one key, Go client",
            watch("watch", int(600 * scale), 100, 1000)),
        Row("watch-raw", "watch fan-out, 100 streams x 10 watchers of one key, a reader that decodes nothing",
            watch("watch-raw", int(2000 * scale), 100, 1000)),
        Row("kill", "first write after kill -9 of the leader", failover(signal.SIGKILL)),
        Row("stop", "first write after SIGSTOP of the leader", failover(signal.SIGSTOP)),
        Row("put-long", "put, 100 x 10, to 2 million revisions", puts_go(int(2_000_000 * min(scale, 1)), 100, 1000)),
    ]


def run_once(system, row):
    with tempfile.TemporaryDirectory(prefix="quorate-bench-", dir=os.environ.get("QUORATE_BENCH_DIR")) as directory:
        directory = pathlib.Path(directory)
        cluster = make_cluster(system, directory / system)
        try:
            cluster.start()
            leader = cluster.leader()
            time.sleep(0.5)
            return row.measure(cluster, leader, directory)
        finally:
            cluster.kill_all()
            shutil.rmtree(directory / system, ignore_errors=True)


def calibrate():
    """fdatasync into space already written, median in microseconds: the disk beside the figures."""
    with tempfile.NamedTemporaryFile(dir=os.environ.get("QUORATE_BENCH_DIR")) as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
        took = []
        for i in range(300):
            began = time.monotonic()
            os.pwrite(file.fileno(), bytes(300), i * 512)
            os.fdatasync(file.fileno())
            took.append(time.monotonic() - began)
    return 1e6 * statistics.median(took)


def describe(name, ours, theirs):
    """Median of each side, ratio per pair: median and range."""
    if not theirs:
        return f"{name} {statistics.median(ours):.1f} ({min(ours):.1f}..{max(ours):.1f})"
    ratios = [a / b for a, b in zip(ours, theirs) if b]
    return (f"{name} {statistics.median(ours):.1f} / {statistics.median(theirs):.1f}"
            f"  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})")


def peer_version():
    text = subprocess.run([os.environ["QUORATE_PEER_ETCD"], "--version"], capture_output=True, text=True).stdout
    return re.search(r"etcd Version: (\S+)", text).group(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of operations")
    parser.add_argument("--row", action="append", help="only these rows")
    parser.add_argument("--json", help="write every figure to this file")
    parser.add_argument("--flag", action="append", default=[], help="for `quorate serve`, such as --flag=--groups=3")
    parser.add_argument("--consensus", help="the protocol that Quorate's nodes run, of those of `quorate protocols`")
    parser.add_argument("--alone", action="store_true", help="without etcd beside it")
    parser.add_argument("--quick", action="store_true", help="1 pair of a tenth of the operations")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.pairs, arguments.scale = 1, 0.1
    more_flags.extend(arguments.flag)
    try:
        choose_consensus(arguments.consensus)
    except ValueError as error:
        parser.error(str(error))
    revision = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(f"quorate {revision.stdout.strip()} ({consensus()}) / etcd {peer_version()}, {platform.release()}, {os.cpu_count()} cores, "
          f"fdatasync p50 {calibrate():.0f} us", flush=True)
    results = {}
    for row in rows(arguments.scale):
        if arguments.row and row.name not in arguments.row:
            continue
        if not os.environ.get("QUORATE_PEER_LOAD") and row.name in ("put-1", "put-1000", "range-1", "watch", "watch-raw", "put-long"):
            print(f"{row.name}: left out, the Go client could not be built", flush=True)
            continue
        sides = {"quorate": [], "etcd": []}
        pairs = 1 if row.name == "put-long" else arguments.pairs
        for pair in range(pairs):
            order = ("quorate", "etcd") if pair % 2 == 0 else ("etcd", "quorate")
            order = ("quorate",) if arguments.alone else order
            for system in order:
                sides[system].append(run_once(system, row))
        results[row.name] = sides
        print(f"{row.name}: {row.what}", flush=True)
        for figure in ("cpu_us", "client_us", "rate", "p50", "p99"):
            if figure in sides["quorate"][0]:
                print("   " + describe(figure, [f[figure] for f in sides["quorate"]],
                                       [f[figure] for f in sides["etcd"]]), flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
