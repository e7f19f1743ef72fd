#!/usr/bin/python3
"""How long writes stand still when leadership is handed over, under load.

    bench/hand_over.py [--rounds N] [--clients N] [--stop]

Three processes with real disks on this machine. Each of the clients puts, one write after the other, through a follower
that does not take over. Each round asks the leader to hand over (MoveLeader), or stops it with SIGTERM and starts it
again. Printed: the longest time between two acknowledged writes in the second around each hand-over, and the longest
without one.
"""

import argparse
import pathlib
import tempfile
import time

from steady_load import Load, longest_gap

import etcd_client
from etcd_client import pb
from processes import Cluster, wait_for


def hand_over(cluster, leader, target, stops):
    if stops:
        leader.stop()
        return
    client = etcd_client.Client(target.endpoint)
    member = client.call("Maintenance", "Status", pb.StatusRequest(), pb.StatusResponse).header.member_id
    client = etcd_client.Client(leader.endpoint)
    client.call("Maintenance", "MoveLeader", pb.MoveLeaderRequest(targetID=member), pb.MoveLeaderResponse)


def one_round(cluster, clients, stops):
    leader = cluster.leader()
    through, target = [node for node in cluster.nodes if node is not leader]
    load = Load(through.endpoint, clients)
    time.sleep(1.5)
    calm = longest_gap(load.acknowledged, time.monotonic() - 1, time.monotonic())
    begin = time.monotonic()
    hand_over(cluster, leader, target, stops)
    time.sleep(max(0, begin + 1 - time.monotonic()))
    load.stop()
    gap = longest_gap(load.acknowledged, begin - 0.1, begin + 1)
    if not leader.alive:
        leader.start()
        wait_for(leader.ready, 20, "the old leader is back")
    return calm, gap, load.failed


def main():
    parser = argparse.ArgumentParser(description="Longest gap between writes when leadership is handed over.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--stop", action="store_true", help="SIGTERM to the leader instead of MoveLeader")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as directory, Cluster(pathlib.Path(directory) / "cluster") as cluster:
        cluster.start()
        rounds = [one_round(cluster, arguments.clients, arguments.stop) for _ in range(arguments.rounds)]
    gaps = sorted(gap for _, gap, _ in rounds)
    print("gap in ms of each round: " + " ".join(f"{gap:.1f}" for _, gap, _ in rounds))
    print(f"median {gaps[len(gaps) // 2]:.1f} ms, longest {gaps[-1]:.1f} ms; without a hand-over "
          f"{max(calm for calm, _, _ in rounds):.1f} ms; failed writes {sum(failed for *_, failed in rounds)}")


if __name__ == "__main__":
    main()
