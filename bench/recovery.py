#!/usr/bin/python3
"""What recovery costs: a follower that is far behind, a backup, and a restart, each with much data and under load.

    bench/recovery.py [--megabytes N] [--keys N] [--clients N]

Three processes with real disks on this machine.

- catch-up: a follower is killed, N megabytes are written, it starts again. How fast it gets them, and what that does to
  clients that put meanwhile.
- backup: `quorate snapshot save` of the same cluster, and what that does to the clients.
- restart: N keys more; a node is killed and starts again. How long until it serves, and how large its log is.

The clients are threads of one Python process, on the same cores as the servers.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

from steady_load import Load, longest_gap

import etcd_client
from etcd_client import pb
from processes import BINARY, Cluster, wait_for

PUTS_PER_TRANSACTION = 120


def fill(endpoint, prefix, count, value_bytes):
    """`count` keys, many in one transaction."""
    client = etcd_client.Client(endpoint)
    value = b"v" * value_bytes
    for first in range(0, count, PUTS_PER_TRANSACTION):
        puts = [pb.RequestOp(request_put=pb.PutRequest(key=b"%s/%09d" % (prefix, i), value=value))
                for i in range(first, min(count, first + PUTS_PER_TRANSACTION))]
        client.call("KV", "Txn", pb.TxnRequest(success=puts), pb.TxnResponse, timeout=60)
    client.close()


def revision(node):
    client = etcd_client.Client(node.endpoint)
    try:
        return client.call("Maintenance", "Status", pb.StatusRequest(), pb.StatusResponse).header.revision
    except etcd_client.grpc.RpcError:
        return 0
    finally:
        client.close()


def rate(times, begin, end):
    return sum(begin <= at <= end for at in times) / (end - begin)


def under_load(endpoint, clients, what):
    """Does `what` while clients put. (what it returned, its seconds, the clients' rate as a part of before, longest gap)"""
    load = Load(endpoint, clients)
    time.sleep(4)
    calm_begin, begin = time.monotonic() - 3, time.monotonic()
    result = what()
    end = time.monotonic()
    load.stop()
    calm = rate(load.acknowledged, calm_begin, begin)
    return (result, end - begin, rate(load.acknowledged, begin, end) / calm,
            longest_gap(load.acknowledged, begin, end), longest_gap(load.acknowledged, calm_begin, begin))


def report(name, megabytes, outcome):
    _, seconds, part, gap, calm_gap = outcome
    print(f"{name}: {seconds:.1f} s, {megabytes / seconds:.0f} MB/s; writes went on at {part:.2f} of their rate, "
          f"longest gap {gap:.0f} ms (before: {calm_gap:.0f} ms)", flush=True)


def catch_up(cluster, arguments):
    leader = cluster.leader()
    behind = next(node for node in cluster.nodes if node is not leader)
    behind.kill()
    value_bytes = 8 << 10
    fill(leader.endpoint, b"big", (arguments.megabytes << 20) // value_bytes, value_bytes)
    target = revision(leader)

    def bring_back():
        behind.start()
        wait_for(lambda: revision(behind) >= target, 600, "the follower has everything")

    report(f"catch-up of {arguments.megabytes} MB", arguments.megabytes,
           under_load(leader.endpoint, arguments.clients, bring_back))


def backup(cluster, arguments, directory):
    leader = cluster.leader()
    file = pathlib.Path(directory) / "backup.db"
    command = [str(BINARY), "snapshot", "save", str(file), f"--endpoints={leader.endpoint}"]

    def save():
        subprocess.run(command, check=True, capture_output=True)

    outcome = under_load(leader.endpoint, arguments.clients, save)
    report("backup from the leader", file.stat().st_size >> 20, outcome)
    file.unlink()


def restart(cluster, arguments):
    fill(cluster.leader().endpoint, b"small", arguments.keys, 300)
    victim = next(node for node in cluster.nodes if node is not cluster.leader())
    victim.kill()
    log_bytes = sum(path.stat().st_size for path in (victim.data_dir / "log").iterdir())
    begin = time.monotonic()
    victim.start()
    wait_for(victim.ready, 120, "it serves")
    print(f"restart with {arguments.keys} keys more and {log_bytes >> 20} MB in the log's files: "
          f"{time.monotonic() - begin:.2f} s until it is ready", flush=True)


def main():
    parser = argparse.ArgumentParser(description="What catching up, a backup and a restart cost.")
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as directory, Cluster(
            pathlib.Path(directory) / "cluster", extra_flags=["--quota-backend-bytes=8589934592"]) as cluster:
        cluster.start()
        catch_up(cluster, arguments)
        backup(cluster, arguments, directory)
        restart(cluster, arguments)


if __name__ == "__main__":
    main()
