"""Bytes of a stopped node's log are changed: it comes back with what the others have, or waits and says for what (F-D6, C-02).

Real processes, real disks. The log's bytes are those of docs/formats/log.md.
"""

import struct
import time

import pytest

from etcd_client import Client
from processes import Cluster, file_sizes, wait_for
from test_members import grow
from test_snapshot import wait_equal

HEADER_BYTES = 4096
HEAD_BYTES = 16
FRAME_WITH_ENTRIES = 1


def segment(node):
    """The file that holds the log's beginning."""
    files = [path for path in sorted((node.data_dir / "log").iterdir())
             if path.read_bytes()[HEADER_BYTES:HEADER_BYTES + 4] != b"\0\0\0\0"]
    assert files, "no segment has frames"
    return files[0]


def frames(content):
    """(offset, size, size of the description) of each frame, in order."""
    at = HEADER_BYTES
    while True:
        _, start, size, meta = struct.unpack_from("<IIII", content, at)
        if start == 0:
            return
        yield at, size, meta
        at += size


def damage(node, part):
    """Flips one bit in the middle of the log: in the payload of an entry, or in the head of a frame. What there was."""
    path = segment(node)
    whole = path.read_bytes()
    with_payload = [(at, meta) for at, size, meta in frames(whole)
                    if whole[at + HEAD_BYTES] == FRAME_WITH_ENTRIES and size > HEAD_BYTES + meta + 20]
    at, meta = with_payload[len(with_payload) // 2]
    place = at + HEAD_BYTES + meta + 10 if part == "payload" else at + 5
    content = bytearray(whole)
    content[place] ^= 0x10
    path.write_bytes(content)
    return path, whole


def damage_value(node, key):
    """Flips one bit of the value that was put last under the key, wherever the log has it."""
    for path in reversed(sorted((node.data_dir / "log").iterdir())):
        content = bytearray(path.read_bytes())
        at = content.rfind(key)
        if at >= 0:
            content[at + len(key) + 10] ^= 0x10
            path.write_bytes(content)
            return
    raise AssertionError(f"{node.name} has {key} nowhere in its log")


def damage_table(node):
    """Changes some bytes of the largest file of the record store."""
    tables = wait_for(lambda: file_sizes(node.data_dir / "engine", "*.sst"), 20, "the engine has written tables")
    largest = max(tables, key=tables.get)
    with open(largest, "r+b") as file:
        at = tables[largest] // 3
        file.seek(at)
        content = file.read(64)
        file.seek(at)
        file.write(bytes(byte ^ 0x10 for byte in content))


def put(cluster, name, count=200):
    client = Client(cluster.leader().endpoint)
    for i in range(count):
        client.put(f"{name}/{i:04}".encode(), f"{i} ".encode().ljust(300, b"."))
    client.close()


@pytest.mark.parametrize("part", ["payload", "head"])
def test_a_damaged_node_repairs_itself_from_the_others(cluster, part):
    put(cluster, "before")
    victim = next(node for node in cluster.nodes if node is not cluster.leader())
    victim.kill()
    damage(victim, part)
    put(cluster, "meanwhile")
    victim.start()
    wait_for(lambda: "the write-ahead log is damaged" in victim.log()[victim.log_start:], 20, "the node says so")
    cluster.wait_healthy()
    wait_for(lambda: victim.metric("quorate_groups_in_repair") == 0, 20, "repaired")
    wait_equal(cluster)
    # From now on it counts: with it and one other, and without the third, writes go on.
    third = next(node for node in cluster.nodes if node not in (victim, cluster.leader()))
    third.kill()
    put(cluster, "after", count=20)
    # What it noted is settled: a further start waits for nobody.
    third.start()
    victim.kill()
    victim.start()
    cluster.wait_healthy()
    assert "waits for repair" not in victim.log()[victim.log_start:]
    wait_equal(cluster)


def test_who_joined_later_and_who_does_not_know_the_members_are_repaired_too(cluster):
    """What an empty replica begins with is who the members were when its node was made; four are there now."""
    put(cluster, "before")
    founder = next(node for node in cluster.nodes if node is not cluster.leader())
    joined = grow(cluster)
    founder.extra_flags = ["--initial-cluster-state=existing"]  # the list of members in its flags is a longer one now
    put(cluster, "grown")
    for victim in (joined, founder):
        victim.kill()
        damage(victim, "head")
        put(cluster, f"without/{victim.name}")
        victim.start()
        wait_for(lambda: "the write-ahead log is damaged" in victim.log()[victim.log_start:], 20, "the node says so")
        cluster.wait_healthy()
        wait_for(lambda: victim.metric("quorate_groups_in_repair") == 0, 20, "repaired")
        wait_equal(cluster)


def test_a_damaged_record_store_is_laid_aside_and_comes_back_from_the_others(cluster):  # N-08
    put(cluster, "before", count=2000)
    victim = next(node for node in cluster.nodes if node is not cluster.leader())
    victim.stop()  # an orderly stop: the records are in files
    damage_table(victim)
    put(cluster, "meanwhile")
    victim.start()
    wait_for(lambda: "the record store is damaged" in victim.log()[victim.log_start:], 20, "the node says so")
    cluster.wait_healthy()
    wait_equal(cluster)
    assert list(victim.data_dir.glob("engine.damaged-*")), "nothing is thrown away"
    victim.kill()
    victim.start()
    cluster.wait_healthy()
    wait_equal(cluster)


@pytest.mark.parametrize("what", ["log", "records"])
def test_damage_under_a_running_node_is_found_by_reading_again(tmp_path, what):
    """Nothing asks for what is damaged. The node stops and says why; its next start is made whole by the others (F-D6)."""
    with Cluster(tmp_path / "cluster", extra_flags=["--scrub-interval=1s"]) as cluster:
        cluster.start()
        victim, third = [node for node in cluster.nodes if node is not cluster.leader()]
        third.kill()  # so that the logs keep what it lacks
        put(cluster, "before", count=2000)
        if what == "log":
            damage(victim, "payload")
        else:
            damage_table(victim)
        wait_for(lambda: not victim.alive, 30, f"it stops; its log ends:\n{victim.log()[-1500:]}")
        text = victim.log()[victim.log_start:]
        assert "this node cannot go on" in text
        assert ("does not have its checksum" if what == "log" else "the record store is damaged") in text
        third.start()
        wait_for(third.ready, 20, "a majority")
        put(cluster, "meanwhile")
        victim.start()
        cluster.wait_healthy()
        wait_for(lambda: victim.metric("quorate_groups_in_repair") == 0, 20, "repaired")
        wait_equal(cluster)
        time.sleep(2.5)  # and another reading finds nothing
        assert victim.alive, victim.log()[-1500:]


def test_each_log_may_have_lost_another_payload(cluster):
    """C-15: no log is whole, and nobody could lead; but each entry is whole in two of them."""
    put(cluster, "before")
    cluster.kill_all()
    for node, key in zip(cluster.nodes, (b"before/0185", b"before/0175", b"before/0180")):
        damage_value(node, key)
    for node in cluster.nodes:
        node.start()
    for node in cluster.nodes:
        wait_for(lambda node=node: "the write-ahead log is damaged" in node.log()[node.log_start:], 20, "the node says so")
    cluster.wait_healthy()
    wait_equal(cluster)
    for node in cluster.nodes:
        wait_for(lambda node=node: node.metric("quorate_groups_in_repair") == 0, 20, "nothing is to be repaired")
        if "waits for repair" in node.log()[node.log_start:]:  # else its records had the value: then nothing is lost
            assert 'quorate_trace_total{branch="group.log_mended"} 1' in node.get("/metrics")[1], node.name
    client = Client(cluster.leader().endpoint)
    values = [kv.value for kv in client.range(b"before/", range_end=b"before0").kvs]
    assert values == [f"{i} ".encode().ljust(300, b".") for i in range(200)]
    client.close()


def test_a_damaged_majority_waits_and_says_so(cluster):
    put(cluster, "before")
    cluster.kill_all()
    kept = {node.name: damage(node, "head") for node in cluster.nodes[:2]}
    for node in cluster.nodes:
        node.start()
    for node in cluster.nodes[:2]:
        wait_for(lambda: "this member waits for repair by the others" in node.log()[node.log_start:], 20, "its log says so")
        text = node.log()[node.log_start:]
        assert str(kept[node.name][0].name) in text and "offset" in text, "the place is named"
        assert "restore a backup" in text, "and what to do"
        wait_for(lambda: node.get("/health")[0] == 503, 20, "not healthy")
        assert "LOG DAMAGED" in node.get("/health")[1]
        assert node.metric("quorate_groups_in_repair") == 1
    # The third one says that it waits, in vain.
    wait_for(lambda: "waiting for a majority" in cluster.nodes[2].log()[cluster.nodes[2].log_start:], 20, "it waits")
    assert not any(node.is_leader() for node in cluster.nodes)
    # The bytes come back on one of them: nothing was thrown away meanwhile, so all recover.
    lucky = cluster.nodes[0]
    lucky.kill()
    path, whole = kept[lucky.name]
    path.write_bytes(whole)
    lucky.start()
    cluster.wait_healthy()
    wait_equal(cluster)
    client = Client(lucky.endpoint)
    assert client.range(b"before/", range_end=b"before0").count == 200
    client.close()
