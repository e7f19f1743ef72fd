"""A network of nodes that a test makes itself: one namespace each on a bridge in another, packets dropped by nftables.

Nothing outside these namespaces is touched: a client reaches a node through a socket that this process listens on at
127.0.0.1 and that a relay inside the node's namespace accepts from (relay.py). Each direction of each pair of nodes
can be cut or made lossy by itself, since the rules stand where the packets arrive.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys

RELAY = pathlib.Path(__file__).resolve().parent / "relay.py"
PEER_PORT = 2380


class Unavailable(Exception):
    """This machine cannot do it; the text says why."""


def run(*command):
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{' '.join(command)}: {error.stderr.strip()}") from error


class Relay:
    """A relay process from `listener` (a listening socket of any namespace, or "HOST:PORT") to `target`."""

    def __init__(self, prefix, listener, target):
        inherited = [] if isinstance(listener, str) else [listener.fileno()]
        command = [*prefix, sys.executable, str(RELAY), listener if not inherited else str(inherited[0]),
                   target[0], str(target[1])]
        self._process = subprocess.Popen(command, pass_fds=inherited, stdin=subprocess.PIPE, text=True)

    def order(self, line):
        print(line, file=self._process.stdin, flush=True)

    def end(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()


class Network:
    """Namespaces for `names`; use as a context manager. A cluster becomes part of it by attach()."""

    def __init__(self, names):
        self.names = list(names)
        self.prefix = f"qr{os.getpid()}"
        self.hub = f"{self.prefix}-hub"
        self._relays = []

    def __enter__(self):
        if os.geteuid() != 0:
            raise Unavailable("network namespaces need root")
        for tool in ("ip", "nft"):
            if shutil.which(tool) is None:
                raise Unavailable(f"network namespaces need `{tool}`")
        try:
            self._build()
        except Unavailable:
            self.__exit__()
            raise
        return self

    def _build(self):
        run("ip", "netns", "add", self.hub)
        run("ip", "-n", self.hub, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", self.hub, "link", "set", "bridge", "up")
        for name in self.names:
            space = self.space(name)
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
            run("ip", "-n", self.hub, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", space)
            run("ip", "-n", self.hub, "link", "set", name, "master", "bridge", "up")
            run("ip", "-n", space, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
            run("ip", "-n", space, "link", "set", "eth0", "up")
            run(*self.inside(name), "nft", "add table inet cut")
            run(*self.inside(name), "nft", "add chain inet cut arriving { type filter hook input priority 0; }")

    def __exit__(self, *_):
        for relay in self._relays:
            relay.end()
        for name in (*map(self.space, self.names), self.hub):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def space(self, name):
        return f"{self.prefix}-{name}"

    def address(self, name):
        return f"10.77.0.{self.names.index(name) + 1}"

    def inside(self, name):
        """The words that begin a command which shall run in the namespace of `name`, and see the same mounts as we: with
        `ip netns exec` it would keep those of its start."""
        return ["nsenter", f"--net=/run/netns/{self.space(name)}"]

    def attach(self, cluster):
        """Before the cluster starts: its nodes run in the namespaces and are reached at their own addresses."""
        for node in cluster.nodes:
            node.prefix = self.inside(node.name)
            node.peer_host, node.peer_port = self.address(node.name), PEER_PORT
            self._relay_clients(node)

    def _relay_clients(self, node):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            node.client_port = listener.getsockname()[1]
            self._relays.append(Relay(node.prefix, listener, ("127.0.0.1", node.client_port)))

    def drop(self, source, target, percent=100):
        """Packets from `source` no longer arrive at `target`, or that share of them does not."""
        share = [] if percent == 100 else ["numgen", "random", "mod", "100", "<", str(percent)]
        run(*self.inside(target), "nft", "add", "rule", "inet", "cut", "arriving",
            "ip", "saddr", self.address(source), *share, "drop")

    def cut_off(self, name):
        """Both ways, from all others."""
        for other in self.names:
            if other != name:
                self.drop(other, name)
                self.drop(name, other)

    def heal(self):
        for name in self.names:
            run(*self.inside(name), "nft", "flush", "chain", "inet", "cut", "arriving")
