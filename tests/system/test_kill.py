"""kill -9 under load: every acknowledged write is on every node and the history is linearizable."""

import time

from verdict import judge
from workload import Workload

LEADER_KILLS = 50


def test_fifty_leaders_killed_then_all_three(cluster, tmp_path):
    load = Workload(cluster, clients=8).start()
    for _ in range(LEADER_KILLS):
        before = load.acknowledged_puts()
        leader = cluster.leader()
        leader.kill()
        time.sleep(0.15)
        leader.start()
        deadline = time.monotonic() + 20
        while load.acknowledged_puts() < before + 5:
            assert time.monotonic() < deadline, "no write was acknowledged within 20 s of a leader's death"
            time.sleep(0.02)
    cluster.kill_all()
    cluster.start()
    time.sleep(0.5)
    cluster.wait_healthy()
    finding = judge(load, tmp_path / "history")
    puts = load.acknowledged_puts()
    assert puts > 10 * LEADER_KILLS, f"only {puts} acknowledged puts: the test proved little"
    assert not finding, finding
