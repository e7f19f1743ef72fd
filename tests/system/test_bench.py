"""`quorate bench put`: on nodes that it starts itself, on given ones, and what it says when it cannot."""

import re
import subprocess

from processes import BINARY

FOR_EVERY_PROTOCOL = False

STAGES = ["receive", "leader's sync", "send", "follower's sync", "response", "execution", "client", "all"]
#: In line, so that they add up to the whole; the leader's sync goes on beside them.
IN_LINE = [name for name in STAGES if name not in ("leader's sync", "all")]


def bench(*arguments, cwd=None):
    return subprocess.run([BINARY, "bench", "put", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


def stages_of(text):
    rows = re.findall(r"^  ([a-z' ]+?) +(\d+)   ", text, re.MULTILINE)
    return {name: int(us) for name, us in rows}


def test_starts_three_nodes_of_its_own_and_leaves_nothing_behind(tmp_path):
    done = bench("--total", "200", "--stages", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    stages = stages_of(done.stdout)
    assert list(stages) == STAGES
    assert abs(sum(stages[name] for name in IN_LINE) - stages["all"]) <= len(IN_LINE) or stages["client"] == 0
    assert min(stages["leader's sync"], stages["follower's sync"], stages["client"]) > 0
    assert list(tmp_path.iterdir()) == []


def test_measures_given_endpoints(cluster):
    endpoints = [node.endpoint for node in cluster.nodes]
    done = bench("--total", "50", "--value-bytes", "10", "--endpoints", ",".join(endpoints))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == f"50 puts of 10 bytes, one after the other, through the leader {cluster.leader().endpoint}"
    assert re.fullmatch(r"mean \d+ us, p50 \d+, p99 \d+, worst \d+: \d+ puts a second", second)


def test_says_what_is_missing(cluster):
    follower = next(node for node in cluster.nodes if node is not cluster.leader())
    done = bench("--endpoints", follower.endpoint)
    assert (done.returncode, done.stderr) == (1, "quorate bench: none of the endpoints leads: name all members\n")
    done = bench("--endpoints", "nowhere")
    assert (done.returncode, done.stderr) == (2, "quorate bench: not an endpoint: `nowhere`; write host:port\n")
