"""What the nemesis works on: the nodes of one cluster, and whatever of networks, disks and clocks this machine offers.

A facility that is missing is None, and `missing` says why; its faults are then skipped by name.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess

from network import Network, Relay, Unavailable
from power import PowerDomain
from processes import Cluster, free_ports, wait_for

CLOCK_SOURCE = pathlib.Path(__file__).resolve().parent / "clock_step.c"
SERVING_SECONDS = 60


class Clock:
    """By how much a node's wall clock is off."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, seconds):
        """In place: the node has the file mapped."""
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


class Field:
    """Use as a context manager. At its end nothing is left of it but the logs, and the disks' images if `keeps_disks`."""

    def __init__(self, directory, binary, size):
        self.directory = pathlib.Path(directory)
        self.binary = binary
        self.names = [f"n{number + 1}" for number in range(size)]
        self.missing = {}
        self.network = None
        self.disks = None
        self.clocks = None
        self.tracer = None
        self.relays = {}
        self.cluster = None
        self.keeps_disks = False

    @property
    def nodes(self):
        return self.cluster.nodes

    def __enter__(self):
        try:
            self._find_network()
            self._find_disks()
            data_dirs = [disk.mount_point / "data" for disk in self.disks.values()] if self.disks else None
            self.cluster = Cluster(self.directory / "cluster", size=len(self.names), data_dirs=data_dirs,
                                   binary=self.binary)
            if self.network:
                self.network.attach(self.cluster)
            self._relay_peers()
            self._find_clocks()
            self._find_tracer()
            self.cluster.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.cluster:
            self.cluster.kill_all()
        for relay in self.relays.values():
            relay.end()
        if self.network:
            self.network.__exit__()
        for disk in (self.disks or {}).values():
            disk.unmount() if self.keeps_disks else disk.remove()

    def _find_network(self):
        try:
            self.network = Network(self.names).__enter__()
        except Unavailable as error:
            self.missing["network"] = str(error)

    def _find_disks(self):
        if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
            self.missing["disks"] = "loop-mounted disks need root and xfsprogs"
            return
        made = {}
        try:
            for name in self.names:
                made[name] = PowerDomain(self.directory, name)
            self.disks = made
        except (subprocess.CalledProcessError, OSError) as error:
            for disk in made.values():
                disk.remove()
            self.missing["disks"] = f"no loop devices: {error}"

    def _relay_peers(self):
        """What peers send to a node passes through a relay, which delays or damages it when told to."""
        for node in self.nodes:
            port = free_ports(1)[0]
            node.peer_listen = f"http://{node.peer_host}:{port}"
            self.relays[node.name] = Relay(node.prefix, f"{node.peer_host}:{node.peer_port}", (node.peer_host, port))

    def _find_clocks(self):
        library = self.directory / "clock_step.so"
        try:
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, CLOCK_SOURCE, "-ldl"], check=True,
                           capture_output=True)
        except (subprocess.CalledProcessError, OSError) as error:
            self.missing["clocks"] = f"the library that steps clocks cannot be built: {error}"
            return
        self.clocks = {node.name: Clock(self.directory / f"{node.name}.clock") for node in self.nodes}
        for node in self.nodes:
            node.environment = {"LD_PRELOAD": str(library), "QUORATE_TEST_CLOCK": str(self.clocks[node.name].path)}

    def _find_tracer(self):
        self.tracer = shutil.which("strace")
        if self.tracer is None:
            self.missing["tracer"] = "strace is not installed"

    def resolve(self, who):
        """The node called so, or the leader if there is one."""
        leader = next((node for node in self.nodes if node.is_leader()), self.nodes[0]) if who == "leader" else None
        return leader or next(node for node in self.nodes if node.name == who)

    def others(self, node):
        return [other for other in self.nodes if other is not node]

    def recover(self, may_die):
        """Every node runs and serves again. One that died without leave, or a second time, is a finding."""
        may_die = set(may_die)

        def is_whole():
            for node in self.nodes:
                if not node.alive:
                    assert node.name in may_die, \
                        f"{node.name} died by itself ({node.process.returncode}); its log ends:\n{node.log()[-2000:]}"
                    may_die.remove(node.name)
                    node.start()
            return all(node.ready() and node.healthy() for node in self.nodes)

        try:
            wait_for(is_whole, SERVING_SECONDS, "all nodes serve again")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._who_does_not_serve()}") from None

    def _who_does_not_serve(self):
        idle = [node for node in self.nodes if not (node.ready() and node.healthy())]
        return "; ".join(f"{node.name} does not, its log ends:\n{node.log()[-1500:]}" for node in idle)

    def leader_changes(self):
        """Terms in which some node became leader, by the nodes' logs, but for the first."""
        terms = set()
        for node in self.nodes:
            for line in node.log().splitlines():
                if '"role changed"' in line and '"to":"leader"' in line:
                    terms.add(json.loads(line)["term"])
        return max(0, len(terms) - 1)
