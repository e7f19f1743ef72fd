"""`quorate dev`: three nodes for trying things out, in the background and in the foreground."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

from etcd_client import Client
from processes import BINARY, wait_for

#: From the command to all three nodes serving linearizable reads. The best of a few starts: the machine has other work.
READY_MS = 1000
STARTS = 4


def dev(directory, *words, stdin="", timeout=60):
    return subprocess.run([BINARY, "dev", *words, "--data-dir", str(directory)], capture_output=True, text=True,
                          input=stdin, timeout=timeout)


@pytest.fixture
def directory(tmp_path):
    yield tmp_path / "dev"
    dev(tmp_path / "dev", "down")


def rows(output):
    """{name: (pid, role, client endpoint)} of a printed table."""
    found = re.findall(r"^(n\d) +(\d+|-) +(\S+) +http://(\S+) +http://\S+ +\S+$", output, re.M)
    return {name: (0 if pid == "-" else int(pid), role, endpoint) for name, pid, role, endpoint in found}


def status(directory):
    return rows(dev(directory, "status").stdout)


def leader_of(directory):
    return wait_for(lambda: next((name for name, row in status(directory).items() if row[1] == "leader"), None), 20,
                    "a leader")


def test_up_is_ready_within_a_second(directory):
    took = []
    for _ in range(STARTS):
        result = dev(directory, "up")
        assert result.returncode == 0, result.stderr
        took.append(int(re.search(r"ready after (\d+) ms", result.stdout).group(1)))
        assert dev(directory, "reset", "--yes").returncode == 0
        assert not directory.exists()
    assert min(took) <= READY_MS, took


def test_up_down_and_up_again_keeps_the_data(directory):
    result = dev(directory, "up")
    assert result.returncode == 0, result.stderr
    nodes = rows(result.stdout)
    assert sorted(nodes) == ["n1", "n2", "n3"]
    assert sorted(row[1] for row in nodes.values()) == ["follower", "follower", "leader"]
    for line in ("etcdctl put greeting hello", "etcdctl get greeting", "kill -9 ", "dev --data-dir "):
        assert line in result.stdout
    Client(nodes["n1"][2]).put(b"greeting", b"hello")
    down = dev(directory, "down")
    assert down.returncode == 0 and "stopped 3 of 3" in down.stdout
    assert {row[1] for row in status(directory).values()} == {"down"}
    again = rows(dev(directory, "up").stdout)
    assert {name: row[2] for name, row in again.items()} == {name: row[2] for name, row in nodes.items()}
    assert Client(again["n3"][2]).range(b"greeting").kvs[0].value == b"hello"


def test_a_killed_node_stays_down_until_asked(directory):
    assert dev(directory, "up").returncode == 0
    name = leader_of(directory)
    pid, _, endpoint = status(directory)[name]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: status(directory)[name][1] == "down", 5, "the killed node is down")
    assert leader_of(directory) != name
    other = next(row[2] for other, row in status(directory).items() if other != name)
    Client(other).put(b"x", b"while it was down")
    started = dev(directory, "start", name)
    assert started.returncode == 0 and f"{name} runs, pid " in started.stdout
    wait_for(lambda: status(directory)[name][1] == "follower", 20, "the node follows again")
    assert Client(endpoint).range(b"x").kvs[0].value == b"while it was down"
    assert f"{name} stopped" in dev(directory, "stop", name).stdout
    assert f"{name} was not running" in dev(directory, "stop", name).stdout
    assert dev(directory, "start", "n9").returncode == 1
    assert dev(directory, "start").returncode == 2


def test_reset_asks(directory):
    assert dev(directory, "up").returncode == 0
    refused = dev(directory, "reset", stdin="no\n")
    assert refused.returncode == 1 and "nothing was deleted" in refused.stdout
    assert leader_of(directory)
    assert dev(directory, "reset", stdin="yes\n").returncode == 0
    assert not directory.exists()


def test_looking_makes_nothing(directory):
    for words in (["status"], ["down"], ["reset", "--yes"], ["stop", "n1"]):
        result = dev(directory, *words)
        assert "there is no cluster in" in result.stdout
    assert not directory.exists()


def test_other_ports_if_the_usual_ones_are_taken(directory):
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", 2379))
        taken.listen()
    except OSError:
        pass  # somebody else's: all the same to this test
    with taken:
        result = dev(directory, "up")
        assert result.returncode == 0, result.stderr
        assert "ports 2379/2380 are taken: n1 uses " in result.stdout
        assert rows(result.stdout)["n1"][2] != "127.0.0.1:2379"


def test_foreground_announces_and_ends_all(directory, tmp_path):
    output = tmp_path / "output"
    with open(output, "w") as out:
        process = subprocess.Popen([BINARY, "dev", "--data-dir", str(directory)], stdout=out, stderr=out,
                                   stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: "Ctrl-C ends all three" in output.read_text() or process.poll() is not None, 40,
                 "three nodes run")
        assert process.poll() is None, output.read_text()
        name = leader_of(directory)
        time.sleep(0.5)  # it announces what changes after its first look
        os.kill(status(directory)[name][0], signal.SIGKILL)
        wait_for(lambda: f"{name} is down and stays down; start it with: " in output.read_text(), 10,
                 "the loss is told")
        wait_for(lambda: re.search(r"n\d leads now \(pid \d+\)", output.read_text()), 10, "the new leader is told")
        assert dev(directory, "start", name).returncode == 0
        wait_for(lambda: f"{name}: " in output.read_text(), 20, "the return is told")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
    assert {row[1] for row in status(directory).values()} == {"down"}
