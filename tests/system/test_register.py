"""A cluster of a protocol without a log serves keys that are written once: whoever competes, each is decided once, the same
everywhere, under kill -9."""

import concurrent.futures
import random
import subprocess
import threading
import time

import grpc
import pytest

from processes import BINARY, Cluster, wait_for

FOR_EVERY_PROTOCOL = False  # it has its own

KEYS = 10_000
CLIENTS = 3
IN_FLIGHT = 8  # of each client
SERVICE = "/quorate.v1.Register/"


@pytest.fixture
def registers(tmp_path):
    with Cluster(tmp_path / "cluster", consensus="paxos") as made:
        yield made.start()


def field(number, content):
    return bytes([number << 3 | 2]) + varint(len(content)) + content if content else b""


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def fields(message):
    """number -> value of a flat message of varints and bytes."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 2:
            size = number()
            found[tag >> 3] = message[at:at + size]
            at += size
        else:
            found[tag >> 3] = number()
    return found


class Register:
    """A client of one node after the other: what is not answered is asked of the next."""

    def __init__(self, nodes):
        self.channels = [grpc.insecure_channel(node.endpoint, options=[
            ("grpc.enable_http_proxy", 0), ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 200), ("grpc.use_local_subchannel_pool", 1)]) for node in nodes]
        self.calls = [{name: channel.unary_unary(SERVICE + name) for name in ("Propose", "Learn")}
                      for channel in self.channels]

    def ask(self, name, request, patience=60):
        deadline = time.monotonic() + patience
        at = random.randrange(len(self.calls))
        while True:
            try:
                return fields(self.calls[at % len(self.calls)][name](request, timeout=5))
            except grpc.RpcError as error:
                if time.monotonic() > deadline or error.code() == grpc.StatusCode.INVALID_ARGUMENT:
                    raise
                at += 1
                time.sleep(0.01)

    def propose(self, key, value):
        return self.ask("Propose", field(1, key) + field(2, value)).get(1, b"")

    def learn(self, key):
        answer = self.ask("Learn", field(1, key))
        return answer.get(2, b"") if answer.get(1) else None

    def close(self):
        for channel in self.channels:
            channel.close()


def compete(cluster, number):
    """Proposes for every key, in an order of its own half of the time; what it was told."""
    register = Register(cluster.nodes)
    keys = [b"key %d" % i for i in range(KEYS)]
    with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as pool:
        told = dict(zip(keys, pool.map(lambda key: register.propose(key, b"%s of client %d" % (key, number)), keys)))
    register.close()
    return told


def test_ten_thousand_keys_proposed_by_three_under_kill_9(registers):
    done = threading.Event()
    kills = 0

    def kill_one_after_the_other():
        nonlocal kills
        while not done.wait(0.3):
            node = random.choice(registers.nodes)
            node.kill()
            kills += 1
            done.wait(0.2)
            node.start()
            wait_for(node.ready, 20, f"{node.name} ready; its log ends:\n{node.log()[-1500:]}")

    killer = threading.Thread(target=kill_one_after_the_other)
    killer.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            told = list(pool.map(lambda number: compete(registers, number), range(CLIENTS)))
    finally:
        done.set()
        killer.join()
    registers.start()
    assert kills > 5, f"only {kills} kills: the test proved little"
    winners = set()
    for key, value in told[0].items():
        assert all(other[key] == value for other in told), f"{key}: {[other[key] for other in told]}"
        assert value.startswith(key + b" of client "), f"{key} is {value}, which nobody proposed"
        winners.add(value[-1:])
    assert len(winners) == CLIENTS, f"only {winners} ever won: nobody competed"
    for node in registers.nodes:
        register = Register([node])
        with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as pool:
            for key, value in zip(told[0], pool.map(register.learn, told[0])):
                assert value == told[0][key], f"{key} on {node.name}: {value} instead of {told[0][key]}"
        register.close()


def quorate(*words):
    return subprocess.run([str(BINARY), *words], capture_output=True, text=True, timeout=30)


def test_a_person_proposes_and_learns(registers):
    endpoints = f"--endpoints={registers.endpoints}"
    assert quorate("paxos", "learn", "colour", endpoints).returncode == 1
    first = quorate("paxos", "propose", "colour", "red", endpoints)
    assert (first.returncode, first.stdout) == (0, "red\n"), first
    registers.nodes[0].kill()
    second = quorate("paxos", "propose", "colour", "blue", endpoints)
    assert (second.returncode, second.stdout) == (3, "red\n"), second
    assert "decided before" in second.stderr
    assert quorate("paxos", "learn", "colour", endpoints).stdout == "red\n"
    assert quorate("paxos", "propose", "colour").returncode == 2


def test_decided_keys_survive_that_all_are_killed(registers):
    endpoints = f"--endpoints={registers.endpoints}"
    assert quorate("paxos", "propose", "colour", "red", endpoints).returncode == 0
    registers.kill_all()
    registers.start()
    for node in registers.nodes:
        assert quorate("paxos", "learn", "colour", f"--endpoints={node.endpoint}").stdout == "red\n"


def test_without_a_majority_nothing_is_decided(registers):
    for node in registers.nodes[1:]:
        node.kill()
    asked = quorate("paxos", "propose", "colour", "red", f"--endpoints={registers.nodes[0].endpoint}")
    assert asked.returncode == 1 and "no majority" in asked.stderr, asked
    registers.start()
    learnt = quorate("paxos", "learn", "colour", f"--endpoints={registers.endpoints}")
    assert learnt.returncode in (0, 1), "it may have been chosen since, and nothing else"
    assert learnt.stdout in ("", "red\n")


def test_etcds_api_is_refused_with_what_to_use_instead(registers):
    channel = grpc.insecure_channel(registers.nodes[0].endpoint, options=[("grpc.enable_http_proxy", 0)])
    for method in ("KV/Put", "KV/Range", "Lease/LeaseGrant", "Cluster/MemberAdd"):
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(f"/etcdserverpb.{method}")(b"", timeout=5)
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "quorate paxos propose" in refused.value.details()
    channel.close()


def test_another_protocol_is_refused(registers):
    node = registers.nodes[0]
    node.stop()
    node.extra_flags = ["--consensus=raft"]
    node.start()
    wait_for(lambda: not node.alive, 10, "the node refuses")
    assert "belongs to a cluster that runs paxos" in node.log()
