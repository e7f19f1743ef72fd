"""What a person sees: flags, errors and the start-up log."""

import json
import os
import socket
import subprocess

import grpc
import pytest

from etcd_client import Client
from processes import BINARY, Cluster, consensus, free_ports, protocols, wait_for

FOR_EVERY_PROTOCOL = False


def serve(*flags, timeout=20, environment=None):
    return subprocess.run([BINARY, "serve", *flags], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})


def last_line(result):
    return result.stderr.strip().splitlines()[-1]


def local_flags(data_dir, client_port, peer_port, name="default"):
    return [f"--name={name}", f"--data-dir={data_dir}", f"--listen-client-urls=http://127.0.0.1:{client_port}",
            f"--advertise-client-urls=http://127.0.0.1:{client_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-cluster={name}=http://127.0.0.1:{peer_port}"]


def test_help_is_short():
    result = serve("--help")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) <= 24
    assert "--initial-cluster" in result.stdout


@pytest.mark.parametrize("flag, words", [
    ("--listen-client-url=http://127.0.0.1:1", ["unknown flag --listen-client-url", "--listen-client-urls"]),
    ("--snapshot-count=10", ["--snapshot-count", "not supported yet"]),
    ("--cert-file=x", ["--cert-file", "TLS", "never replaced by plaintext"]),
    ("--auth-token=jwt", ["--auth-token", "not supported yet"]),
    ("--listen-peer-urls=https://127.0.0.1:2380", ["https://127.0.0.1:2380", "TLS is not supported yet"]),
    ("--election-timeout=200", ["--election-timeout=200", "at least 5 times", "--heartbeat-interval=100"]),
    ("--consensus=pigeons", ["--consensus=pigeons", "unknown protocol", protocols()[0]]),
    ("--max-inflight-appends=0", ["--max-inflight-appends=0", "at least 1"]),
    ("--max-entries-per-append=0", ["--max-entries-per-append=0", "at least 1"]),
    ("--heartbeat-interval=abc", ["--heartbeat-interval=abc", "whole number"]),
    ("--initial-cluster=n1=http://127.0.0.1:2380", ["--name=default", "not in --initial-cluster", "n1"]),
    ("--listen-client-urls=http://127.0.0.1:1", ["--advertise-client-urls is required"]),
    ("--config-file=/does/not/exist", ["--config-file=/does/not/exist"]),
])
def test_a_wrong_flag_is_one_line_and_exit_code_2(flag, words):
    result = serve(flag)
    assert result.returncode == 2, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_environment_and_command_line(tmp_path):
    result = serve(environment={"ETCD_ELECTION_TIMEOUT": "1"})
    assert result.returncode == 2
    assert "--election-timeout=1" in result.stderr
    config = tmp_path / "config.yaml"
    config.write_text("name: n1\nelection-timeout: 3\n")
    result = serve(f"--config-file={config}", "--election-timeout=1000")
    assert result.returncode == 2
    assert "--election-timeout=3" in result.stderr


@pytest.mark.parametrize("which", [0, 1])
def test_port_taken_says_by_whom(tmp_path, which):
    ports = free_ports(2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[which]))
        taken.listen()
        result = serve(*local_flags(tmp_path / "d", *ports))
    assert result.returncode == 1
    assert str(ports[which]) in last_line(result)
    assert str(os.getpid()) in last_line(result)


def test_start_up_log_is_short_and_ends_with_ready(tmp_path):
    with Cluster(tmp_path / "c", size=1) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        lines = [json.loads(line) for line in node.log().splitlines()]
        assert len(lines) <= 12
        assert all(line["level"] and line["ts"] and line["caller"] and line["msg"] for line in lines)
        assert lines[-1]["msg"] == "ready to serve client requests"
        assert node.stop() == 0


def test_data_directory_locked(tmp_path):  # F-P6
    with Cluster(tmp_path / "c", size=1) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        result = serve(*local_flags(node.data_dir, *free_ports(2), name="n1"))
        assert result.returncode == 1
        assert str(node.data_dir) in last_line(result)
        assert str(node.process.pid) in last_line(result)


def test_data_directory_of_another_cluster(tmp_path):
    with Cluster(tmp_path / "c", size=1) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        node.stop()
        result = serve(*local_flags(node.data_dir, *free_ports(2), name="n1"))
        assert result.returncode == 1
        assert "belongs to" in last_line(result)


def test_data_directory_of_a_newer_version(tmp_path):  # O-03, F-U2
    with Cluster(tmp_path / "c", size=1) as cluster:
        cluster.start()
        node = cluster.nodes[0]
        node.stop()
        identity = node.data_dir / "identity"
        text = identity.read_text()
        assert text.startswith("quorate-data 4\n")
        identity.write_text(text.replace("quorate-data 4\n", "quorate-data 99\n"))
        result = serve(*node.arguments()[2:])
        assert result.returncode == 1
        assert "format version 99" in last_line(result) and "versions up to 4" in last_line(result)
        identity.write_text(text.replace("incarnation 1\n", "incarnation 7\n"))
        result = serve(*node.arguments()[2:])
        assert result.returncode == 1
        assert f"{identity}' is damaged" in last_line(result)


def test_data_directory_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    result = serve(*local_flags(tmp_path / "file", *free_ports(2)))
    assert result.returncode == 1
    assert str(tmp_path / "file") in last_line(result)


@pytest.fixture
def small_disk(tmp_path):
    """Makes file systems of a few megabytes; `small_disk(size, options)` answers the mount point."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = []

    def mount(size, options="rw"):
        point = tmp_path / f"disk{len(mounted)}"
        point.mkdir()
        mounted.append(point)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700,{options}", "quorate-test", str(point)],
                       check=True)
        return point

    yield mount
    for point in mounted:
        subprocess.run(["umount", "-l", str(point)], check=True)


def test_unwritable_data_directory(small_disk):
    directory = small_disk("1m", "ro")
    result = serve(*local_flags(directory, *free_ports(2)))
    assert result.returncode == 1
    assert f"'{directory}': Read-only file system" in last_line(result)
    result = serve(*local_flags(directory / "below", *free_ports(2)))
    assert result.returncode == 1
    assert f"'{directory}/below': Read-only file system" in last_line(result)


def test_data_directory_open_to_others(tmp_path):
    directory = tmp_path / "open"
    directory.mkdir(mode=0o755)
    result = serve(*local_flags(directory, *free_ports(2)))
    assert result.returncode == 1
    assert f"chmod 0700 '{directory}'" in last_line(result)


def test_data_directory_of_something_else(tmp_path):
    directory = tmp_path / "other"
    directory.mkdir(mode=0o700)
    (directory / "member").mkdir()
    result = serve(*local_flags(directory, *free_ports(2)))
    assert result.returncode == 1
    assert str(directory) in last_line(result) and "it is not Quorate's" in last_line(result)


def test_disk_full_at_start(small_disk):
    directory = small_disk("1m") / "data"
    result = serve(*local_flags(directory, *free_ports(2)))
    assert result.returncode == 1
    assert "No space left on device" in last_line(result) and str(directory) in last_line(result)


def test_disk_full_while_serving_stops_the_node_and_loses_nothing(tmp_path, small_disk):  # F-D9, C-09
    disk = small_disk("48m")
    with Cluster(tmp_path / "c", size=1, data_dirs=[disk / "data"]) as cluster:
        node = cluster.start().nodes[0]
        client = Client(node.endpoint)
        written = 0
        with pytest.raises(grpc.RpcError):
            for written in range(200):
                client.put(b"k%d" % written, b"v" * 1_000_000)
        assert node.process.wait(timeout=20) == 1
        assert written > 0
        last = node.log().strip().splitlines()[-1]
        assert "No space left on device" in last and "nothing it acknowledged is lost" in last
        assert str(node.data_dir) in last
        subprocess.run(["mount", "-o", "remount,size=300m", str(disk)], check=True)
        cluster.start()
        for number in range(written):
            assert len(Client(node.endpoint).range(b"k%d" % number).kvs) == 1


def test_no_majority_at_start_is_explained(tmp_path):
    with Cluster(tmp_path / "c", size=3) as cluster:
        node = cluster.nodes[0].start()
        line = wait_for(lambda: next((line for line in node.log().splitlines() if "need 2" in line), None), 15,
                        "an explanation of the missing majority")
        assert "waiting for a majority" in line
        assert "1 of 3, need 2: n2 refused, n3 refused" in line
        assert "ready to serve client requests" not in node.log()
        assert node.get("/health")[0] == 503
        cluster.nodes[1].start()
        wait_for(lambda: "ready to serve client requests" in node.log(), 20, "two of three are enough")


def test_peer_that_does_not_resolve_is_named(tmp_path):
    ports = free_ports(2)
    flags = [f"--name=n1", f"--data-dir={tmp_path / 'd'}", f"--listen-client-urls=http://127.0.0.1:{ports[0]}",
             f"--advertise-client-urls=http://127.0.0.1:{ports[0]}", f"--listen-peer-urls=http://127.0.0.1:{ports[1]}",
             f"--initial-advertise-peer-urls=http://127.0.0.1:{ports[1]}",
             f"--initial-cluster=n1=http://127.0.0.1:{ports[1]},n2=http://nowhere.invalid:2380"]
    process = subprocess.Popen([BINARY, "serve", *flags], stderr=subprocess.PIPE, text=True)
    try:
        seen = ""
        for line in process.stderr:
            seen += line
            if "nowhere.invalid" in line and "n2" in line:
                break
        assert "does not resolve" in seen
    finally:
        process.kill()
        process.wait()


def test_max_txn_ops_is_the_limit_that_clients_meet(tmp_path):
    with Cluster(tmp_path / "c", size=1, extra_flags=["--max-txn-ops=1"]) as cluster:
        cluster.start()
        command = ["etcdctl", f"--endpoints={cluster.nodes[0].endpoint}", "txn"]
        for puts, words in (("put a 1\nput b 2", "too many operations in txn request"), ("put a 1", "SUCCESS")):
            result = subprocess.run(command, input=f"\n{puts}\n\n\n", capture_output=True, text=True, timeout=20,
                                    env={**os.environ, "ETCDCTL_API": "3"})
            assert words in result.stdout + result.stderr


RIGHT_HISTORY = """quorate-history 1
op client=1 node=1 kind=put outcome=ok invoked=1 returned=2 key=x value=a revision=2
change revision=2 kind=put key=x value=a created=2 version=1 at=2
end at=3 lease-ttl=2
"""


@pytest.mark.parametrize("wrong, by, code, words", [
    ("", "", 0, "clean: 1 operations, 1 revisions, 0 watches"),
    ("value=a revision", "value=b revision", 1, "VIOLATION the trail does not show what was acknowledged"),
    (" version=1", "", 2, "line 3: `change` needs `version`"),
])
def test_a_recorded_history_is_judged(tmp_path, wrong, by, code, words):
    path = tmp_path / "history"
    path.write_text(RIGHT_HISTORY.replace(wrong, by) if wrong else RIGHT_HISTORY)
    result = subprocess.run([BINARY, "check-history", path], capture_output=True, text=True)
    assert result.returncode == code, result
    assert words in result.stdout + result.stderr
    assert subprocess.run([BINARY, "check-history", tmp_path / "absent"], capture_output=True).returncode == 2
