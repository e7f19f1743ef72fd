"""The unmodified etcdctl against three nodes, and where Debian ships etcd the same script against it: same output."""

import os
import re
import shlex
import subprocess

from processes import ROOT, wait_for

#: One command a line; {lease} is the id that the grant printed. Each runs against every node in turn.
SCRIPT = [
    "put k1 v1",
    "put k2 v2",
    "put k3 v3",
    "put k1 v1b --prev-kv",
    "put k1 --ignore-value --lease={lease}",
    "get k1",
    "get k1 -w fields",
    "get k1 -w json",
    "get k1 k3",
    "get k --prefix",
    "get k --prefix --limit=2",
    "get k --prefix --keys-only",
    "get k2 --from-key",
    "get k --prefix --sort-by=modify --order=descend",
    "get k --prefix --sort-by=value --order=ascend",
    "get k1 --rev=2",
    "get missing",
    "get k1 --consistency=s",
    "get k1 --print-value-only",
    "get k1 --rev=100000",
    "get k1 k1",
    "get k3 k1",
    "get k --prefix --sort-by=create --order=descend --limit=1 -w json",
    "get k --prefix --sort-by=version",
    "get k --prefix --sort-by=key --order=descend --keys-only -w json",
    "get '' --prefix --keys-only",
    "get '' --from-key --limit=1",
    "get ''",
    "get k1 --rev=-1",
    "get k1 k4 --limit=-1",
    "put k5 v5 --prev-kv -w json",
    "put k5 v5b --prev-kv -w fields",
    "put k5 --ignore-value --ignore-lease",
    "put k5 v --ignore-value",
    "put k6 --ignore-value",
    "put '' v",
    "put k5 'many words'",
    "put k5 ''",
    "get k5 -w fields",
    "del k5 --prev-kv -w json",
    "put d/1 a",
    "put d/2 b",
    "put d/3 c",
    "get d/ --prefix --rev=10",
    "del d/ --prefix --prev-kv -w fields",
    "put ë ü",
    "get ë -w json",
    "get ë --hex",
    "put z last",
    "del z --from-key -w json",
    "put k2 v2",
    "del k2 --prev-kv",
    "del nothing",
    "del k2 k4",
    "put k4 v4 --ignore-lease",
    "put nolease v --lease=123456",
    "compaction 3",
    "compaction 3",
    "compaction 100000",
    "get k1 --rev=2",
    "watch k1 --rev=1",
    "lease timetolive {lease} --keys",
    "lease timetolive {lease} --keys -w json",
    "lease keep-alive --once {lease}",
    "lease keep-alive --once 123456",
    "lease grant 0",
    "lease grant -- -5",
    "lease grant 9000000001",
    "lease list",
    "lease timetolive 123456",
    "lease revoke {lease}",
    "lease revoke {lease}",
    "get k1",
    "lock mutex echo held",
    "get mutex --prefix",
    "alarm list",
    "alarm disarm",
    "defrag",
    "endpoint health",
    "compaction 24 --physical",
    "get k1 --rev=23",
    "get '' --prefix --rev=24 --keys-only",
    "get '' --prefix --keys-only",
]

#: Commands whose output may differ from the compared etcd's; docs/differences.md says why, command by command.
DIFFERENT = [
    "get k --prefix --sort-by=key --order=descend --keys-only -w json",
]

TXNS = [
    'value("t1") = "x"\n\nput t1 yes\n\nput t1 x\n\n',
    'value("t1") = "x"\n\nput t1 yes\nget t1\n\nput t1 no\n\n',
    'mod("t1") > "0"\ncreate("t2") = "0"\n\nput t2 a\nput t3 b\ndel t1\n\nget t1\n\n',
    'version("t2") != "1"\n\nget t2\n\nget t --prefix\n\n',
    '\n\n\nput twice a\nput twice b\n\n',
    'ver("t2") = "1"\n\nput dup a\nput dup b\n\n\n',
]


def etcdctl(endpoint, command, stdin=None, timeout=30):
    return subprocess.run(
        ["etcdctl", f"--endpoints={endpoint}", *shlex.split(command)],
        input=stdin, capture_output=True, text=True, timeout=timeout, env={**os.environ, "ETCDCTL_API": "3"})


def normalise(text):
    """What must differ between two clusters: ids, terms, and the time left of a lease."""
    text = re.sub(r'"(cluster_id|member_id|raft_term|ClusterID|MemberID|RaftTerm)" ?: ?\d+', r'"\1" : N', text)
    text = re.sub(r"(?m)^[0-9a-f]{16}$|lease [0-9a-f]{16}", "lease L", text)
    text = re.sub(r'"Lease" ?: ?-?\d+', '"Lease" : L', text)
    text = re.sub(r'"lease":-?\d+', '"lease":L', text)
    text = re.sub(r'"id":\d+,"ttl":\d+', '"id":L,"ttl":N', re.sub(r"remaining\(\d+s\)", "remaining(Ns)", text))
    text = re.sub(r"mutex/[0-9a-f]+", "mutex/L", text)
    text = re.sub(r"member\[[0-9.:]+\]", "member[E]", text)
    return re.sub(r'"ts":"[^"]*"', '"ts":"T"', re.sub(r'"endpoint":"[^"]*"|"target":"[^"]*"', "E", text))


def error_text(result):
    """etcdctl prints a retry warning with addresses before its error; the error is what counts."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    return "\n".join(lines)


def run_script(endpoints):
    """The transcript: for each command what it printed and how it ended."""
    transcript = []
    grant = etcdctl(endpoints[0], "lease grant 600")
    lease = re.search(r"lease ([0-9a-f]+) granted", grant.stdout).group(1)
    for number, command in enumerate(SCRIPT):
        result = etcdctl(endpoints[number % len(endpoints)], command.format(lease=lease))
        transcript.append((command, result.returncode, normalise(result.stdout), normalise(error_text(result))))
    for number, txn in enumerate(TXNS):
        result = etcdctl(endpoints[number % len(endpoints)], "txn", stdin=txn)
        transcript.append(("txn " + txn, result.returncode, normalise(result.stdout), normalise(error_text(result))))
    return transcript


def test_same_output_as_etcd(cluster, real_etcd):
    ours = run_script([node.endpoint for node in cluster.nodes])
    theirs = run_script([real_etcd])
    different = [(mine, its) for mine, its in zip(ours, theirs) if mine != its and mine[0] not in DIFFERENT]
    assert not different, "\n".join(f"Quorate: {mine}\netcd:    {its}" for mine, its in different)


def test_each_difference_is_justified():
    document = (ROOT / "docs" / "differences.md").read_text()
    for command in DIFFERENT:
        assert f"`etcdctl {command}`" in document, f"docs/differences.md does not speak of: {command}"


def test_watch_through_each_node(cluster):
    for number, node in enumerate(cluster.nodes):
        key = f"watched{number}"
        watch = subprocess.Popen(["etcdctl", f"--endpoints={node.endpoint}", "watch", key, "--rev=1", "--prev-kv"],
                                 stdout=subprocess.PIPE, text=True, env={**os.environ, "ETCDCTL_API": "3"})
        writer = cluster.nodes[(number + 1) % 3].endpoint
        for value in ("a", "b"):
            assert etcdctl(writer, f"put {key} {value}").returncode == 0
        assert etcdctl(writer, f"del {key}").returncode == 0
        lines = [watch.stdout.readline().strip() for _ in range(3 + 5 + 5)]
        watch.kill()
        watch.wait()
        assert lines == ["PUT", key, "a", "PUT", key, "a", key, "b", "DELETE", key, "b", key, ""][:13]


def test_lease_keys_go_when_the_lease_runs_out(cluster):
    endpoint = cluster.nodes[1].endpoint
    lease = re.search(r"lease ([0-9a-f]+) granted with TTL\((\d+)s\)", etcdctl(endpoint, "lease grant 3").stdout)
    assert lease.group(2) == "3"
    assert etcdctl(endpoint, f"put mortal x --lease={lease.group(1)}").returncode == 0
    keep = subprocess.run(["etcdctl", f"--endpoints={endpoint}", "lease", "keep-alive", "--once", lease.group(1)],
                          capture_output=True, text=True, timeout=20, env={**os.environ, "ETCDCTL_API": "3"})
    assert "keepalived with TTL(3)" in keep.stdout
    assert etcdctl(endpoint, "get mortal").stdout == "mortal\nx\n"
    wait_for(lambda: etcdctl(endpoint, "get mortal").stdout == "", 15, "the key goes with its lease")


def test_cluster_commands(cluster):
    leaders = set()
    for node in cluster.nodes:
        members = etcdctl(node.endpoint, "member list")
        assert members.returncode == 0, members.stderr
        for other in cluster.nodes:
            assert f"started, {other.name}, {other.peer_url}, http://{other.endpoint}" in members.stdout
        status = etcdctl(node.endpoint, "endpoint status -w fields")
        assert status.returncode == 0, status.stderr
        leaders.add(re.search(r'"Leader" : (\d+)', status.stdout).group(1))
    assert len(leaders) == 1
    everywhere = etcdctl(cluster.nodes[0].endpoint, "endpoint health --cluster")
    assert everywhere.returncode == 0, everywhere.stderr
    assert (everywhere.stdout + everywhere.stderr).count("is healthy") == 3
    assert etcdctl(cluster.nodes[0].endpoint, "put hash me").returncode == 0
    hashes = set()
    for node in cluster.nodes:
        result = etcdctl(node.endpoint, "endpoint hashkv --rev=2 -w fields")
        hashes.add(re.search(r'"Hash" : (\d+)', result.stdout).group(1) if result.returncode == 0 else result.stderr)
    assert len(hashes) == 1
    assert etcdctl(cluster.nodes[2].endpoint, "defrag").returncode == 0
    assert etcdctl(cluster.nodes[2].endpoint, "alarm list").returncode == 0


def test_move_leader(cluster):
    """R-28: to a voter, at the leader only, in etcd's words."""
    leader = cluster.leader()
    others = [node for node in cluster.nodes if node is not leader]
    ids = {node: int(re.search(r'"MemberID" : (\d+)', etcdctl(node.endpoint, "endpoint status -w fields").stdout).group(1))
           for node in cluster.nodes}
    assert etcdctl(leader.endpoint, "put before move").returncode == 0

    nowhere = etcdctl(leader.endpoint, "move-leader 1234abcd")
    assert nowhere.returncode != 0
    assert "etcdserver: bad leader transferee" in nowhere.stderr
    not_leader = etcdctl(others[0].endpoint, f"move-leader {ids[others[1]]:x}")
    assert not_leader.returncode != 0
    assert leader.is_leader()

    moved = etcdctl(cluster.endpoints, f"move-leader {ids[others[0]]:x}")
    assert moved.returncode == 0, moved.stderr
    assert moved.stdout == f"Leadership transferred from {ids[leader]:x} to {ids[others[0]]:x}\n"
    wait_for(others[0].is_leader, 10, "the target leads")
    assert etcdctl(leader.endpoint, "get before").stdout == "before\nmove\n"
