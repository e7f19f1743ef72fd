import os
import shutil
import subprocess
import urllib.request

import pytest

from processes import free_ports, wait_for


def answers_health(endpoint):
    try:
        with urllib.request.urlopen(f"http://{endpoint}/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture
def start_etcd():
    """Starts a real etcd, alone in its cluster, on a data directory; returns its endpoint."""
    binary = os.environ.get("QUORATE_PEER_ETCD") or shutil.which("etcd")
    if binary is None:
        pytest.skip("no etcd to compare with: run ./dev conformance, which fetches Debian's")
    processes = []

    def start(data_dir, peer):
        client = free_ports(1)[0]
        processes.append(subprocess.Popen(
            [binary, "--name=e1", f"--data-dir={data_dir}", f"--listen-client-urls=http://127.0.0.1:{client}",
             f"--advertise-client-urls=http://127.0.0.1:{client}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
             f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}", f"--initial-cluster=e1=http://127.0.0.1:{peer}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        endpoint = f"127.0.0.1:{client}"
        wait_for(lambda: answers_health(endpoint), 30, "etcd is healthy")
        return endpoint

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def real_etcd(tmp_path, start_etcd):
    return start_etcd(tmp_path / "etcd", free_ports(1)[0])
