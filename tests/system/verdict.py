"""Whether what a workload saw is legal, and what is left on the nodes the same: asked at the end of a run, of a cluster
that is whole again."""

import grpc

from etcd_client import Client
from processes import wait_for
from recording import Operation, check
from watchers import ALL, Watcher
from workload import LEASE_TTL

SERVING_SECONDS = 30
LEASES_END_SECONDS = 10 * LEASE_TTL


def judge(load, path):
    """Writes the history to `path`, whatever comes of it. The first finding, empty if there is none."""
    try:
        conclude(load)
    except AssertionError as error:
        return str(error)
    finally:
        load.write(path)
    return check(path, load.cluster.binary)


def conclude(load):
    """All nodes serve, all leases end, all watchers are told everything, all nodes hold the same."""
    load.stop()
    nodes = load.cluster.nodes
    for node in nodes:
        wait_for(lambda node=node: load.clients[0].put_at(node), SERVING_SECONDS, f"a write acknowledged by {node.name}")
    wait_for(lambda: not any(kv.lease for kv in whole_range(load, nodes[0]).kvs), LEASES_END_SECONDS,
             f"the end of leases of {LEASE_TTL} s that nobody keeps alive")
    last = max(whole_range(load, node).revision for node in nodes)
    for watcher in load.watchers:
        watcher.finish(last)
    told_again(load, last)
    same_everywhere(nodes, last)


def whole_range(load, node):
    """A linearizable read of everything at `node`, on the record."""
    def attempt():
        read = load.clients[0].carry_out(node, Operation(0, 0, "range", ALL, end=ALL),
                                         lambda client, timeout: client.range(ALL, timeout, range_end=ALL))
        return read if read.outcome == "ok" else None

    return wait_for(attempt, SERVING_SECONDS, f"a read of everything at {node.name}")


def told_again(load, last):
    """Each node tells a new watcher all that is not compacted away, from its disk: it must be what was told live."""
    compacted = max((op.argument for op in load.recording.operations
                     if op.kind == "compact" and op.outcome != "refused"), default=0)
    for number, node in enumerate(load.cluster.nodes):
        watcher = Watcher(load.recording, load.cluster.nodes, 300 + number, node=node, start=compacted + 1).start()
        watcher.finish(last)


def same_everywhere(nodes, revision):
    hashes = {}
    for node in nodes:
        client = Client(node.endpoint)
        try:
            hashes[node.name] = client.hash_kv(revision=revision).hash
        except grpc.RpcError as error:
            raise AssertionError(f"{node.name} tells no hash of revision {revision}: {error.details()}") from error
        finally:
            client.close()
    assert len(set(hashes.values())) == 1, f"the nodes' contents differ at revision {revision}: {hashes}"
