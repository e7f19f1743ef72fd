"""./dev nemesis: real nodes under real faults while clients work; then everything they saw is judged.

Exit code 0: clean. 1: a finding (a lost, reordered or invented write, read or watch event, nodes that differ, a node that
died by itself or a cluster that did not come back). 2: fewer kinds of fault than make a verdict.
"""

import argparse
import collections
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "system")]

from faults import KINDS  # noqa: E402
from field import Field  # noqa: E402
from processes import BINARY, choose_consensus, consensus, wait_for  # noqa: E402
from schedule import strikes  # noqa: E402
from verdict import judge  # noqa: E402
from workload import Workload  # noqa: E402

LEAST_KINDS = 6
CLIENTS = 10
PAUSE = 0.01
TIMEOUT = 1.5
NEW_WRITES = 5


def parse(arguments):
    kinds = {kind.name: kind for kind in KINDS}
    parser = argparse.ArgumentParser(prog="./dev nemesis", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3, help="how long faults are injected (3)")
    parser.add_argument("--seed", type=int, default=1, help="decides the schedule: kinds, victims, amounts (1)")
    parser.add_argument("--nodes", type=int, default=3, choices=(3, 5), help="of the cluster (3)")
    parser.add_argument("--kinds", default=",".join(kinds), help="only these, separated by commas: " + ", ".join(kinds))
    parser.add_argument("--keep", action="store_true", help="logs and history stay, also of a clean run")
    parser.add_argument("--binary", type=pathlib.Path, default=BINARY)
    parser.add_argument("--consensus", help="the protocol of the cluster, of those of `quorate protocols`")
    options = parser.parse_args(arguments)
    try:
        choose_consensus(options.consensus)
    except ValueError as error:
        parser.error(str(error))
    wanted = options.kinds.split(",")
    if unknown := [name for name in wanted if name not in kinds]:
        parser.error(f"--kinds: there is no fault `{unknown[0]}`; there are: {', '.join(kinds)}")
    options.kinds = [kinds[name] for name in wanted]
    return options


class Nemesis:
    def __init__(self, options, field, load):
        self.options = options
        self.field = field
        self.load = load
        self.counts = collections.Counter()

    def inject(self):
        """Strikes until time is up. Raises AssertionError at a finding."""
        kinds = [kind for kind in self.options.kinds if kind.needs not in self.field.missing]
        for kind in self.options.kinds:
            if kind not in kinds:
                print(f"skipped: {kind.name} ({self.field.missing[kind.needs]})")
        began = time.monotonic()
        for strike in strikes(self.options.seed, kinds, self.field.names):
            at = time.monotonic() - began
            if at > self.options.minutes * 60:
                return
            print(f"{at:6.1f} s  ", end="", flush=True)
            back = self.carry_out(strike)
            print(f"; held {strike.seconds:.1f} s, whole again {back:.1f} s later", flush=True)

    def carry_out(self, strike):
        """Begins, holds and ends it; then asks for a whole cluster and new writes. The seconds until they were there."""
        faults = []
        try:
            for kind, who, seed in strike.faults:
                time.sleep(strike.apart if faults else 0)
                taken = [fault.node for fault in faults]
                victim = self.field.resolve(who)
                fault = kind(self.field, victim if victim not in taken else self.field.others(victim)[0],
                             random.Random(seed))
                print(f"{' + ' if faults else ''}{kind.name}: {fault.begin()}", end="", flush=True)
                faults.append(fault)
                self.counts[kind.name] += 1
            time.sleep(strike.seconds - strike.apart if len(faults) == 2 else strike.seconds)
        finally:
            for fault in reversed(faults):
                fault.end()
        ended = time.monotonic()
        self.field.recover(set().union(*(fault.may_die for fault in faults)))
        before = self.load.acknowledged_puts()
        wait_for(lambda: self.load.acknowledged_puts() >= before + NEW_WRITES, 30, "new writes after the fault")
        return time.monotonic() - ended


def torture(nemesis, history):
    """The first finding, empty if there is none."""
    try:
        nemesis.inject()
    except AssertionError as error:
        nemesis.load.write(history)
        return str(error)
    return judge(nemesis.load, history)


def summary(nemesis):
    recording = nemesis.load.recording
    faults = ", ".join(f"{kind.name} {nemesis.counts[kind.name]}" for kind in KINDS)
    return (f"{recording.count('ok')} operations acknowledged, {recording.count('unknown')} unknown, "
            f"{recording.count('refused')} refused; {nemesis.field.leader_changes()} leader changes; faults: {faults}")


def run(options, directory):
    """The exit code, after everything was said."""
    with Field(directory, options.binary, options.nodes) as field:
        load = Workload(field.cluster, clients=CLIENTS, seed=options.seed, pause=PAUSE, timeout=TIMEOUT).start()
        nemesis = Nemesis(options, field, load)
        try:
            finding = torture(nemesis, directory / "history")
        finally:
            load.abandon()
        field.keeps_disks = bool(finding)
        kinds = sum(1 for count in nemesis.counts.values() if count)
        if finding:
            print(f"\nFINDING: {finding}\nLogs, history and disks are in {directory}; the same schedule again: "
                  f"./dev nemesis --seed {options.seed} --minutes {options.minutes:g} --nodes {options.nodes} --consensus {consensus()}")
        if not finding and kinds < LEAST_KINDS:
            print(f"NOT CLEAN: {kinds} kinds of fault; {LEAST_KINDS} are the least that prove anything")
        print(f"{'clean' if not finding and kinds >= LEAST_KINDS else 'NOT CLEAN'}: seed {options.seed}, {summary(nemesis)}")
    return 1 if finding else 2 if kinds < LEAST_KINDS else 0


def main(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("nemesis: told to end"))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="quorate-nemesis-"))
    print(f"nemesis: {options.nodes} nodes of {options.binary}, {consensus()}, seed {options.seed}, {options.minutes:g} minutes, "
          f"in {directory}", flush=True)
    code = 1
    try:
        code = run(options, directory)
    finally:
        if code != 1 and not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
