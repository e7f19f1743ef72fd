"""Real `quorate serve` processes on loopback: started, killed, stopped and looked at by the system tests."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("QUORATE_BINARY", ROOT / "build" / "release" / "quorate"))


def protocols():
    """The consensus protocols that the binary's clusters can run; the first is the default."""
    return subprocess.run([BINARY, "protocols"], check=True, capture_output=True, text=True).stdout.split()


def consensus():
    """The protocol that the tests' clusters run: QUORATE_CONSENSUS, which every --consensus of a test sets."""
    return os.environ.get("QUORATE_CONSENSUS") or protocols()[0]


def choose_consensus(name):
    """For all clusters from now on, of child processes too; None: as it is. Fails if there is no such protocol."""
    if name is not None:
        known = protocols()
        if name not in known:
            raise ValueError(f"--consensus {name}: unknown protocol; {BINARY} has {', '.join(known)}")
        os.environ["QUORATE_CONSENSUS"] = name


def free_ports(count):
    """Ports that nobody listened on a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for(condition, seconds, what):
    """Returns condition()'s first true value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def file_sizes(directory, pattern="*"):
    """Path to size, of files in a directory where a running node may remove some meanwhile."""
    sizes = {}
    for path in sorted(pathlib.Path(directory).glob(pattern)):
        try:
            sizes[path] = path.stat().st_size
        except FileNotFoundError:
            pass  # it went between the two calls
    return sizes


class Node:
    def __init__(self, cluster, name, client_port, peer_port, data_dir):
        self.cluster = cluster
        self.name = name
        self.client_port = client_port
        self.peer_port = peer_port
        self.data_dir = pathlib.Path(data_dir)
        self.log_path = cluster.directory / f"{name}.log"
        self.peer_host = "127.0.0.1"
        self.peer_listen = None  # where something else listens at peer_url and passes on
        self.prefix = []  # words before the command, e.g. to run it in a network namespace
        self.extra_flags = []
        self.environment = {}
        self.process = None
        self.environment = {}  # of this node alone
        self.log_start = 0  # of the present life

    @property
    def number(self):
        """1 for n1."""
        return int(self.name[1:])

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.client_port}"

    @property
    def peer_url(self):
        return f"http://{self.peer_host}:{self.peer_port}"

    def arguments(self):
        return [
            *self.prefix,
            str(self.cluster.binary),
            "serve",
            f"--name={self.name}",
            f"--data-dir={self.data_dir}",
            f"--listen-client-urls=http://{self.endpoint}",
            f"--advertise-client-urls=http://{self.endpoint}",
            f"--listen-peer-urls={self.peer_listen or self.peer_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
            f"--initial-cluster={self.cluster.initial_cluster()}",
            f"--initial-cluster-token={self.cluster.token}",
            *([f"--consensus={self.cluster.consensus}"] if self.cluster.consensus else []),
            *self.cluster.extra_flags,
            *self.extra_flags,
        ]

    def start(self):
        assert self.process is None or self.process.poll() is not None, f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                self.arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.cluster.environment, **self.environment})
        return self

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, as the kernel's own out-of-memory killer would."""
        if self.alive:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM; the exit code."""
        if self.alive:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not stop on SIGTERM; log: {self.log()[-2000:]}")
        return self.process.returncode if self.process else None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def get(self, path, timeout=2.0):
        """(status, body) of an HTTP GET on the client port; (0, "") if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.endpoint}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self):
        """It said so: its own name and URLs were committed."""
        return self.alive and "ready to serve client requests" in self.log()[self.log_start:]

    def healthy(self):
        return self.alive and self.get("/health")[0] == 200

    def linked(self):
        """Its links to all other members are up: each has met, and noted, this life of it."""
        links = [line for line in self.get("/metrics")[1].splitlines() if line.startswith("etcd_network_active_peers{")]
        return bool(links) and all(line.endswith(" 1") for line in links)

    def is_leader(self):
        return self.alive and "\netcd_server_is_leader 1" in self.get("/metrics")[1]

    def metric(self, name):
        """The value of an unlabelled series, 0 if it is absent."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return 0.0

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Cluster:
    """`size` nodes under `directory`. Use as a context manager: everything is killed at the end.

    `consensus`: the protocol that the nodes are asked for; the chosen one if it is not given, "": they are asked for none.
    """

    def __init__(self, directory, size=3, extra_flags=(), data_dirs=None, binary=BINARY, environment=None,
                 consensus=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.binary = binary
        self.consensus = os.environ.get("QUORATE_CONSENSUS", "") if consensus is None else consensus
        self.token = f"test-{os.getpid()}"
        self.extra_flags = list(extra_flags)
        self.environment = dict(environment or {})
        ports = free_ports(2 * size)
        self.nodes = [
            Node(self, f"n{i + 1}", ports[2 * i], ports[2 * i + 1],
                 data_dirs[i] if data_dirs else self.directory / f"n{i + 1}")
            for i in range(size)
        ]
        self.known = list(self.nodes)  # those too that were removed

    def initial_cluster(self):
        return ",".join(f"{node.name}={node.peer_url}" for node in self.nodes)

    def add_node(self):
        """One more node, not started; for a cluster that it was added to (--initial-cluster-state=existing)."""
        number = 1 + max(node.number for node in self.known)
        client_port, peer_port = free_ports(2)
        node = Node(self, f"n{number}", client_port, peer_port, self.directory / f"n{number}")
        node.extra_flags = ["--initial-cluster-state=existing"]
        self.nodes.append(node)
        self.known.append(node)
        return node

    @property
    def endpoints(self):
        return ",".join(node.endpoint for node in self.nodes)

    def start(self):
        for node in self.nodes:
            if not node.alive:
                node.start()
        return self.wait_healthy()

    def wait_healthy(self, seconds=30):
        for node in self.nodes:
            wait_for(node.ready, seconds, f"{node.name} ready; its log ends:\n{node.log()[-1500:]}")
        # A linearizable read on each node, so that each executed what the others published.
        for node in self.nodes:
            wait_for(node.healthy, seconds, f"{node.name} healthy; its log ends:\n{node.log()[-1500:]}")
        return self

    def wait_linked(self, seconds=20):
        """Healthy nodes may be linked to the leader alone; from here on every one is to every other."""
        for node in self.nodes:
            wait_for(node.linked, seconds, f"{node.name} linked to all")
        return self

    def leader(self, seconds=20):
        return wait_for(lambda: next((node for node in self.nodes if node.is_leader()), None), seconds, "a leader")

    def kill_all(self):
        for node in self.known:
            if node.alive:
                node.process.send_signal(signal.SIGCONT)
                node.process.kill()
        for node in self.known:
            if node.process:
                node.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill_all()
        shutil.rmtree(self.directory, ignore_errors=True)
