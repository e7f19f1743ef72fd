"""./dev nemesis itself: a schedule is what its seed says, and a run that proves too little is not clean."""

import itertools
import os
import pathlib
import subprocess
import sys

from processes import BINARY, ROOT

NEMESIS = ROOT / "tests" / "nemesis"


def test_a_seed_decides_the_schedule():
    sys.path.insert(0, str(NEMESIS))
    from faults import KINDS
    from schedule import strikes

    def first(seed):
        return list(itertools.islice(strikes(seed, KINDS, ["n1", "n2", "n3"]), 40))

    assert first(3) == first(3)
    assert first(3) != first(4)
    round_of_kinds = [strike.faults[0][0] for strike in first(3)[:len(KINDS)]]
    assert set(round_of_kinds) == set(KINDS)
    for strike in first(5):
        needs = [kind.needs or kind for kind, _, _ in strike.faults]
        assert len(needs) == len(set(needs)), "two faults at once must not want the same facility"


def nemesis(tmp_path, *flags):
    return subprocess.run([sys.executable, "-B", NEMESIS / "run.py", f"--binary={BINARY}", *flags], text=True,
                          capture_output=True, timeout=120, env={**os.environ, "TMPDIR": str(tmp_path)})


def test_fewer_than_six_kinds_of_fault_are_not_clean(tmp_path):
    result = nemesis(tmp_path, "--kinds=kill,pause", "--minutes=0.02", "--seed=9")
    assert result.returncode == 2, result
    assert "NOT CLEAN: 1 kinds of fault; 6 are the least" in result.stdout
    assert "operations acknowledged" in result.stdout.splitlines()[-1]
    assert not any(pathlib.Path(tmp_path).iterdir()), "nothing is left of a run without a finding"


def test_an_unknown_kind_is_named(tmp_path):
    result = nemesis(tmp_path, "--kinds=kill,flood")
    assert result.returncode == 2
    assert "there is no fault `flood`; there are: kill, pause" in result.stderr
