"""A cluster keeps the protocol that it was founded with, and its members run one."""

import re
import subprocess

import pytest

from etcd_client import Client
from processes import Cluster, consensus, protocols, wait_for


def checksum(text):
    """FNV-1a, as docs/formats/data_directory.md has it."""
    total = 0xCBF29CE484222325
    for byte in text.encode():
        total = (total ^ byte) * 0x100000001B3 % 2**64
    return f"{total:x}"


def refusal(node):
    result = subprocess.run(node.arguments(), capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert result.returncode == 1, result.stderr
    return result.stderr.strip().splitlines()[-1]


def test_a_directory_remembers_its_protocol(tmp_path):
    with Cluster(tmp_path / "c", size=1, consensus=consensus()) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        assert f'"consensus":"{consensus()}"' in node.log()
        Client(node.endpoint).put(b"key", b"value")
        node.stop()
        cluster.consensus = ""
        cluster.start()
        assert f'"consensus":"{consensus()}"' in node.log()[node.log_start:]
        assert Client(node.endpoint).range(b"key").kvs[0].value == b"value"
        node.stop()


def test_a_directory_of_another_protocol_is_refused(tmp_path):
    with Cluster(tmp_path / "c", size=1, consensus="") as cluster:
        cluster.start()
        node = cluster.nodes[0]
        node.stop()
        identity = node.data_dir / "identity"
        text = re.sub("protocol .*\n", "protocol pigeons\n", identity.read_text()).rsplit("checksum", 1)[0]
        identity.write_text(f"{text}checksum {checksum(text)}\n")
        line = refusal(node)
        assert "runs pigeons" in line and "does not have" in line and str(node.data_dir) in line
        cluster.consensus = consensus()
        line = refusal(node)
        assert "runs pigeons" in line and f"--consensus={consensus()} asks for another protocol" in line
        assert "leave --consensus out" in line


def test_members_with_another_protocol_are_refused(tmp_path):
    others = [name for name in protocols() if name != consensus()]
    if not others:
        pytest.skip("there is one protocol")
    with Cluster(tmp_path / "c", consensus=consensus()) as cluster:
        stranger = cluster.nodes[2]
        stranger.extra_flags = [f"--consensus={others[0]}"]  # the last one counts
        for node in cluster.nodes:
            node.start()
        for node in cluster.nodes[:2]:
            wait_for(node.ready, 30, f"{node.name} ready")
        words = ["wrong consensus protocol", f"runs {consensus()}", f"runs {others[0]}"]
        for node in cluster.nodes:
            wait_for(lambda: any(all(word in line for word in words) for line in node.log().splitlines()), 20,
                     f"{node.name} tells who runs what")
        assert not stranger.ready()
