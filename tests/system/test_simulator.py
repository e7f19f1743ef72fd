"""`quorate sim` as a person uses it: scenarios by name, one run, a smaller run, wrong flags."""

import subprocess

import pytest

from processes import BINARY

FOR_EVERY_PROTOCOL = False


def sim(*words):
    return subprocess.run([BINARY, "sim", *words], capture_output=True, text=True, timeout=60)


def test_the_scenarios_are_listed_and_each_can_be_played():
    listed = sim("--list")
    assert listed.returncode == 0
    stories = [line.split()[:2] for line in listed.stdout.splitlines()]
    assert {"article_timeline", "replicate_z5", "divergent_log", "split_vote", "minority_halts"} <= {
        name for name, _ in stories}
    for name, protocol in stories:
        played = sim("--story", name, "--protocol", protocol)
        loses_writes = protocol == "async_copy"  # on purpose
        assert played.returncode == (1 if loses_writes else 0), name
        assert played.stdout.splitlines()[-1] == (
            "a rule was broken" if loses_writes else "as recorded, and no rule was broken"), name


def test_a_run_and_its_story_are_the_same_every_time():
    first, told = sim("--seed", "7"), sim("--seed", "7", "--story")
    assert first.returncode == told.returncode == 0
    assert first.stdout.splitlines()[-2:] == told.stdout.splitlines()[-2:]
    assert told.stdout == sim("--seed", "7", "--story").stdout


def test_a_smaller_run_is_made_of_flags():
    words = ("--seed", "7", "--groups", "1", "--clients", "2", "--watchers", "0", "--safety-ms", "500",
             "--faults", "power_loss@100/1/50,partition@200.5/2/80", "--story")
    told = sim(*words)
    assert told.returncode == 0
    assert told.stdout.count("FAULT") == 2
    assert told.stdout == sim(*words).stdout


def test_a_clean_run_has_nothing_to_make_smaller():
    result = sim("--seed", "7", "--shrink")
    assert (result.returncode, result.stdout) == (0, "clean: there is nothing to make smaller\n")


@pytest.mark.parametrize("words, said", [
    (("--story", "no_such_story"), "--list"),
    (("--faults", "smash@1/1"), "crash@412/2/87"),
    (("--groups", "0"), "1 to 64"),
    (("--clients", "0"), "1 to 100"),
    (("--plant", "commit_regress"), "plants"),
])
def test_wrong_flags_are_refused_in_one_line(words, said):
    result = sim(*words)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
