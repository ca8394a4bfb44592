"""What one job asks for against what nodes have, and what SLURM says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_wish import WISH

from hpo.cluster.slurm.preflight import Tried
from hpo.cluster.slurm.site import Nodes
from hpo.doctor.request import is_told, request, resources
from hpo.doctor.wish import Wish
from hpo.units.sizes import Size

NODE = Nodes(64, 256_000, {"a100": 2, "v100": 1}, frozenset())
PLAIN = Nodes(32, 128_000, {"": 4}, frozenset())


def test_what_slurm_takes_is_told_with_when_it_would_start() -> None:
    assert "plans such a job for noon" in request(Tried(starts="noon"), "--mem=1").found
    assert request(Tried(), "--mem=1").verdict == "ok"
    assert request(None, "").verdict == "unknown"


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        ("Invalid partition name specified", "slurm.partition"),
        ("Invalid account or account/partition combination", "slurm.partition"),
        ("Invalid qos specification", "slurm.qos"),
        ("Invalid feature specification", "slurm.constraint"),
        ("Invalid generic resource (gres) specification", "slurm.gpus"),
        ("Requested time limit is invalid", "slurm.time"),
        ("Requested node configuration is not available", "slurm.mem"),
        ("Something new", "what SLURM names"),
    ],
)
def test_what_slurm_refuses_names_the_setting(words: str, setting: str) -> None:
    found = request(Tried(refused=f"{words}\nallocation failure"), "--x")
    assert found.verdict == "fail"
    assert words in found.found
    assert setting in found.advice


def test_a_vague_refusal_is_left_out_where_the_resource_is_known() -> None:
    vague = request(Tried(refused="Requested node configuration is not available"), "--x")
    too_many = resources([PLAIN], replace(WISH, gpus=9), 6144)
    assert is_told(vague, too_many)
    assert not is_told(vague, resources([PLAIN], WISH, 6144))
    assert not is_told(request(Tried(refused="Invalid qos"), "--x"), too_many)


def verdicts(wish: Wish, *nodes: Nodes, max_mem_mb: int = 6144) -> dict[str, tuple[str, str]]:
    found = resources(nodes, wish, max_mem_mb)
    return {one.check: (one.verdict, one.advice) for one in found}


def test_what_fits_is_ok_and_unknown_nodes_are_unknown() -> None:
    assert {v for v, _ in verdicts(WISH, NODE, PLAIN).values()} == {"ok"}
    assert verdicts(WISH) == {"nodes": ("unknown", "")}
    least = replace(WISH, cpus=None, gpus=0, size=Size())
    assert {v for v, _ in verdicts(least, NODE).values()} == {"ok"}
    assert {v for v, _ in verdicts(least, replace(NODE, gpus={})).values()} == {"ok"}


@pytest.mark.parametrize(
    ("change", "check", "advice"),
    [
        ({"gpus": 5}, "gpus", "slurm.gpus to 4 or less"),
        ({"gpus": 3, "gpu_type": "a100"}, "gpus", "slurm.gpus to 2 or less"),
        ({"gpu_type": "h100"}, "gpus", "one of a100, v100"),
        ({"cpus": 65}, "cpus", "cpus_per_task to 64 or less"),
        ({"size": Size(300_000, 60)}, "mem", "slurm.mem to 250G or less"),
    ],
)
def test_what_no_node_has_fails_with_the_most_that_one_has(
    change: dict[str, object], check: str, advice: str
) -> None:
    verdict, told = verdicts(replace(WISH, **change), NODE, PLAIN)[check]  # type: ignore[arg-type]
    assert verdict == "fail"
    assert advice in told


def test_gpus_that_are_asked_for_in_a_way_of_its_own_are_left_to_sbatch() -> None:
    assert verdicts(replace(WISH, gpus=9, gpus_elsewhere=True), NODE)["gpus"][0] == "ok"


def test_gpus_where_there_are_none() -> None:
    bare = replace(NODE, gpus={})
    assert verdicts(WISH, bare)["gpus"][0] == "fail"
    assert "leave it out" in verdicts(replace(WISH, gpu_type="a100"), PLAIN)["gpus"][1]


def test_memory_for_another_try_that_no_node_has_is_told() -> None:
    verdict, told = verdicts(WISH, PLAIN, max_mem_mb=200_000)["mem"]
    assert verdict == "warn"
    assert "max_mem to 125G" in told
