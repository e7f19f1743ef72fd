"""The kinds of fault. Each begins, lasts and ends; `needs` names the facility of the field without which it is skipped."""

import os
import signal
import subprocess


class Fault:
    needs = None

    def __init__(self, field, node, rng):
        self.field = field
        self.node = node
        self.rng = rng
        self.may_die = set()  # names of nodes that may be dead when it ends

    def begin(self):
        """What was done, for the log of the run."""
        raise NotImplementedError

    def end(self):
        pass

    def some_nodes(self):
        """The victim and others, fewer than half of all."""
        others = self.rng.randint(0, (len(self.field.nodes) - 1) // 2 - 1)
        return [self.node, *self.rng.sample(self.field.others(self.node), others)]


def names(nodes):
    return "+".join(sorted(node.name for node in nodes))


class Kill(Fault):  # F-P1, F-P2
    name = "kill"

    def begin(self):
        hit = self.field.nodes if self.rng.random() < 0.3 else [self.node]
        self.may_die = {node.name for node in hit}
        for node in hit:
            node.kill()
        return names(hit)


class Pause(Fault):  # F-P3
    name = "pause"

    def begin(self):
        self.node.pause()
        return self.node.name

    def end(self):
        self.node.resume()


class NetworkFault(Fault):
    needs = "network"

    def end(self):
        self.field.network.heal()


class Partition(NetworkFault):  # F-N3, F-N5
    """Of a side with fewer than half of the nodes, or of one pair, whose other paths stay."""

    name = "partition"

    def begin(self):
        if self.rng.random() < 0.3:
            other = self.rng.choice(self.field.others(self.node))
            self._cut(self.node, other)
            return f"{self.node.name} from {other.name} alone"
        side = self.some_nodes()
        for node in side:
            for other in self.field.nodes:
                if other not in side:
                    self._cut(node, other)
        return f"{names(side)} from the rest"

    def _cut(self, node, other):
        self.field.network.drop(node.name, other.name)
        self.field.network.drop(other.name, node.name)


class OneWay(NetworkFault):  # F-N4
    name = "one-way"

    def begin(self):
        others = self.field.others(self.node)
        hit = [self.rng.choice(others)] if self.rng.random() < 0.3 else others
        is_deaf = self.rng.random() < 0.5
        for other in hit:
            ends = (other.name, self.node.name) if is_deaf else (self.node.name, other.name)
            self.field.network.drop(*ends)
        return f"{self.node.name} {'does not hear' if is_deaf else 'is not heard by'} {names(hit)}"


class Loss(NetworkFault):  # F-N1
    name = "loss"

    def begin(self):
        percent = self.rng.choice([5, 20, 40])
        for source in self.field.nodes:
            for target in self.field.others(source):
                self.field.network.drop(source.name, target.name, percent)
        return f"{percent} % of all packets between nodes"


class Delay(Fault):  # F-N1
    name = "delay"

    def begin(self):
        milliseconds = self.rng.choice([20, 100, 400])
        self.field.relays[self.node.name].order(f"delay {milliseconds / 1000}")
        return f"{milliseconds} ms to {self.node.name}"

    def end(self):
        self.field.relays[self.node.name].order("clear")


class Corruption(Delay):  # F-N9
    name = "corruption"

    def begin(self):
        chance = self.rng.choice([0.01, 0.1])
        self.field.relays[self.node.name].order(f"corrupt {chance}")
        return f"a bit in {chance:.0%} of the pieces between {self.node.name} and who connects to it"


class FullDisk(Fault):  # F-D9
    """Log segments are written in advance, so a node may not notice; one that starts on a full disk does."""

    name = "full disk"
    needs = "disks"

    def begin(self):
        self.may_die = {self.node.name}
        self.ballast = self.field.disks[self.node.name].mount_point / "ballast"
        filled = self._fill()
        is_restarted = self.rng.random() < 0.5
        if is_restarted:
            self.node.kill()
            self.node.start()
        return f"{self.node.name}, {filled >> 20} MiB of ballast{', killed and started on it' if is_restarted else ''}"

    def _fill(self):
        filled, size = 0, 1 << 26
        with open(self.ballast, "wb") as file:
            while size >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), filled, size)
                    filled += size
                except OSError:
                    size //= 2
        return filled

    def end(self):
        self.ballast.unlink()


class SlowDisk(Fault):  # F-D10
    name = "slow disk"
    needs = "tracer"

    def begin(self):
        milliseconds = self.rng.choice([20, 200, 1000])
        hit = self.field.nodes if self.rng.random() < 0.4 else [self.node]
        delay = f"inject=fdatasync,fsync:delay_enter={milliseconds * 1000}"
        self.tracers = [subprocess.Popen(
            [self.field.tracer, "-f", "-qqq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", delay,
             "-p", str(node.process.pid)], stderr=subprocess.DEVNULL) for node in hit]
        return f"{names(hit)}, {milliseconds} ms a sync"

    def end(self):
        for tracer in self.tracers:
            tracer.send_signal(signal.SIGTERM)
            tracer.wait()


class PowerLoss(Fault):  # F-D1, F-P2
    """kill -9 keeps the page cache and proves nothing about syncs; here it is gone."""

    name = "power loss"
    needs = "disks"

    def begin(self):
        hit = self.field.nodes if self.rng.random() < 0.7 else [self.node]
        self.may_die = {node.name for node in hit}
        for name in self.may_die:
            self.field.disks[name].lose_power()
        for node in hit:
            node.kill()
        return names(hit)

    def end(self):
        for name in self.may_die:
            self.field.disks[name].unmount()
            self.field.disks[name].mount()


class ClockStep(Fault):  # F-T1
    """The wall clock, which stays where it was put until it is put elsewhere."""

    name = "clock step"
    needs = "clocks"

    def begin(self):
        seconds = self.rng.choice([-86400, -3600, -5, 5, 3600, 86400 * 365])
        self.field.clocks[self.node.name].set(seconds)
        return f"{self.node.name} off by {seconds:+d} s"


KINDS = (Kill, Pause, Partition, OneWay, Loss, Delay, Corruption, FullDisk, SlowDisk, PowerLoss, ClockStep)
