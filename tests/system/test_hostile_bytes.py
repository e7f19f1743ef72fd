"""Random and mutated bytes at client and peer ports of live nodes: no crash, bounded memory, other clients unharmed.

With QUORATE_BINARY=build/asan/quorate (`./dev verify hostile-asan`) also no bad access and no leak: the nodes end by
SIGTERM, so that the sanitizers report, and their exit code and what they said are judged.
"""

import random
import socket
import time

from etcd_client import Client

FOR_EVERY_PROTOCOL = False

STREAMS = 10_000
MAX_GROWTH_BYTES = 128 << 20
SANITIZER_MARKS = ("Sanitizer", "runtime error:")

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
# HEADERS of a Put call, literal without indexing, then a DATA frame that promises more than it holds.
HEADERS_BLOCK = b"".join(
    b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
    for name, value in [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/etcdserverpb.KV/Put"),
                        (b":authority", b"x"), (b"content-type", b"application/grpc"), (b"te", b"trailers")])
CALL = (len(HEADERS_BLOCK).to_bytes(3, "big") + b"\1\4\0\0\0\1" + HEADERS_BLOCK +
        b"\0\0\x0d\0\1\0\0\0\1" + b"\0\0\0\0\x08\x0a\x01k\x12\x03abc")
HTTP1 = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
PEER = b"QRPEER\0\1" + bytes(64)


def mutate(rng, seed_bytes):
    data = bytearray(seed_bytes)
    for _ in range(rng.randint(1, 8)):
        choice = rng.randrange(4)
        if choice == 0 and data:
            data[rng.randrange(len(data))] = rng.randrange(256)
        elif choice == 1:
            at = rng.randint(0, len(data))
            data[at:at] = rng.randbytes(rng.randint(1, 16))
        elif choice == 2 and data:
            del data[rng.randrange(len(data)):]
        else:
            data += data[:rng.randint(0, len(data))]
    return bytes(data)


def send(port, data):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.settimeout(0.002)
            s.sendall(data)
            try:
                s.recv(4096)
            except OSError:
                pass
    except OSError:
        pass


def test_ten_thousand_hostile_streams(cluster):
    rng = random.Random(2026)
    client = Client(cluster.nodes[0].endpoint)
    client.put(b"steady", b"0")
    before = [node.resident_bytes() for node in cluster.nodes]
    seeds = [HTTP2_PREFACE + SETTINGS + CALL, HTTP2_PREFACE + SETTINGS, HTTP1, PEER, b""]
    for number in range(STREAMS):
        node = cluster.nodes[number % 3]
        port = node.client_port if number % 2 else node.peer_port
        kind = rng.randrange(len(seeds) + 1)
        send(port, rng.randbytes(rng.randint(1, 512)) if kind == len(seeds) else mutate(rng, seeds[kind]))
        if number % 500 == 0:
            began = time.monotonic()
            client.put(b"steady", b"%d" % number)
            assert time.monotonic() - began < 5, "another client had to wait"
    for node, was in zip(cluster.nodes, before):
        assert node.alive, f"{node.name} died: {node.log()[-2000:]}"
        assert node.resident_bytes() - was < MAX_GROWTH_BYTES, f"{node.name} grew"
    assert client.range(b"steady").kvs[0].value == b"%d" % (STREAMS - 500)
    client.close()
    for node in cluster.nodes:
        code = node.stop()
        findings = [line for line in node.log().splitlines() if any(mark in line for mark in SANITIZER_MARKS)]
        assert code == 0 and not findings, f"{node.name} ended with {code}: {findings}; log: {node.log()[-6000:]}"
