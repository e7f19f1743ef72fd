"""kill -9 under load: every acknowledged write is on every node and the history is linearizable."""

import time

from workload import Workload, changes_of

LEADER_KILLS = 50


def test_fifty_leaders_killed_then_all_three(cluster):
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
    history = load.stop()
    cluster.wait_healthy()
    puts = sum(1 for op in history.acknowledged() if op.kind == "put")
    assert puts > 10 * LEADER_KILLS, f"only {puts} acknowledged puts: the test proved little"
    history.check(changes_of(cluster))
