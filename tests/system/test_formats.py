"""A data directory of every landed format opens: tests/formats/N.tar.xz.base64 was written by the first version with format N.

    tests/system/test_formats.py make N     writes the fixture for a new format with the present binary
"""

import base64
import io
import pathlib
import sys
import tarfile

import pytest

FOR_EVERY_PROTOCOL = False

FORMATS = pathlib.Path(__file__).resolve().parents[1] / "formats"
ADVERTISED = "http://127.0.0.1:2380"  # part of the member's identity; nobody listens there


def open_node(directory, data_dir):
    from processes import Cluster
    cluster = Cluster(directory, size=1, consensus="")  # the directory knows
    node = cluster.nodes[0]
    listen = node.peer_url
    node.data_dir = data_dir
    cluster.token = "formats"
    cluster.extra_flags = [f"--listen-peer-urls={listen}", f"--initial-advertise-peer-urls={ADVERTISED}",
                           f"--initial-cluster=n1={ADVERTISED}"]
    return cluster


def write_contents(client):
    """Puts, a transaction's worth of revisions, a delete, a lease and a compaction."""
    for i in range(20):
        client.put(b"key%d" % (i % 7), b"value%d" % i)
    client.delete(b"key3")
    client.lease_grant(100_000, 77)
    client.put(b"leased", b"x", lease=77)
    client.compact(5)


def check_contents(client):
    assert client.range(b"key6").kvs[0].value == b"value13"
    assert client.range(b"key5").kvs[0].version == 3
    assert not client.range(b"key3").kvs
    assert client.range(b"leased").kvs[0].lease == 77
    assert client.range(b"key0", revision=10).kvs[0].value == b"value7"
    client.put(b"key3", b"again")


@pytest.mark.parametrize("fixture", sorted(FORMATS.glob("*.base64")), ids=lambda path: path.name)
def test_a_data_directory_of_this_format_opens(tmp_path, fixture):  # O-03, F-U2
    from etcd_client import Client
    packed = base64.b64decode(fixture.read_text())
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:xz") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "data").chmod(0o700)
    with open_node(tmp_path / "cluster", tmp_path / "data") as cluster:
        cluster.start()
        check_contents(Client(cluster.nodes[0].endpoint))


def make(number):
    import tempfile
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    from etcd_client import Client
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        with open_node(directory / "cluster", directory / "data") as cluster:
            cluster.start()
            write_contents(Client(cluster.nodes[0].endpoint))
            cluster.nodes[0].stop()
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w:xz") as archive:
                archive.add(directory / "data", "data")
    FORMATS.mkdir(exist_ok=True)
    text = base64.encodebytes(packed.getvalue()).decode()
    (FORMATS / f"{number}.tar.xz.base64").write_text(text)
    print(f"{len(text)} bytes")


if __name__ == "__main__" and sys.argv[1:2] == ["make"]:
    make(int(sys.argv[2]))
