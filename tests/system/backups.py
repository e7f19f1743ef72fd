"""What the tests of backups share: a history worth keeping, and what a server holds of it."""

import json
import os
import subprocess

from etcd_client import Client, pb

VALUE = b"v" * 500


def etcdctl(*words, endpoint=None, check=True):
    command = ["etcdctl", *([f"--endpoints={endpoint}"] if endpoint else []), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "ETCDCTL_API": "3"})
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def figures(path):
    """Of `etcdctl snapshot status`."""
    return json.loads(etcdctl("snapshot", "status", path, "-w", "json").stdout)


def fill(endpoint):
    """Overwritten keys, transactions, a value of many pages, deletes, leases, and a compaction in the middle."""
    client = Client(endpoint)
    leases = [client.lease_grant(1000 + i).ID for i in range(3)]
    for i in range(200):
        client.put(b"key/%03d" % (i % 40), VALUE + b"%d" % i, lease=leases[i % 3] if i % 5 == 0 else 0)
    for i in range(30):
        txn = pb.TxnRequest()
        for j in range(4):
            put = txn.success.add().request_put
            put.key, put.value = b"txn/%d/%d" % (i % 10, j), b"%d" % i
        txn.success.add().request_delete_range.key = b"key/%03d" % i
        client.txn(txn)
    client.put(b"large", b"L" * 1_400_000)
    client.compact(client.status().header.revision - 60)
    client.delete(b"txn/3/", range_end=b"txn/30")
    client.put(b"last", b"one")
    client.close()


def contents(endpoint, revision):
    """Every key, value, lease and revision at `revision`, and the hash of the history up to it."""
    client = Client(endpoint)
    kvs = []
    key = b"\0"
    while True:
        page = client.range(key, range_end=b"\0", limit=2000, revision=revision, timeout=30)
        kvs += [kv.SerializeToString() for kv in page.kvs]
        if not page.more:
            break
        key = page.kvs[-1].key + b"\0"
    result = {"kvs": kvs, "hash": client.hash_kv(revision).hash}
    client.close()
    return result


def leases(endpoint):
    """Granted times by lease."""
    client = Client(endpoint)
    ids = client.call("Lease", "LeaseLeases", pb.LeaseLeasesRequest(), pb.LeaseLeasesResponse).leases
    result = {}
    for lease in ids:
        answer = client.call("Lease", "LeaseTimeToLive", pb.LeaseTimeToLiveRequest(ID=lease.ID, keys=True),
                             pb.LeaseTimeToLiveResponse)
        result[lease.ID] = (answer.grantedTTL, sorted(answer.keys))
    client.close()
    return result


def is_same(one, other, figures_of_file):
    """Do two servers hold the same, now and at older revisions?"""
    revision = figures_of_file["revision"]
    for at in (revision, revision - 1, revision - 30):
        assert contents(one, at) == contents(other, at), f"what the two hold at revision {at} differs"
    assert leases(one) == leases(other)
