"""Whatever a configuration holds: a campaign, or what is wrong with it, soon and in words."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from config_files import load_spec
from hypothesis import strategies as st
from mutations import fuzzed, garbled, values

from hpo.errors import SettingsError
from hpo.space.space import read_space

SAMPLE = b"""\
space:
  lr: loguniform(1e-4, 1e-1)
  units: [64, 128, &two 256]
  optimizer: {name: adam, betas: [0.9, 0.999]}
  options: [{kind: a, x: uniform(0, 1)}, {kind: b}]
  max_epochs: 9
slurm: &slurm
  partition: gpu
  time: "2:00:00"
  mem: 16G
  python: "python -X utf8"
  env_setup: |
    module load cuda
    export KEY=secret
  extra: {reservation: course, comment: "two words"}
hpo:
  n_trials: 20
  objective: my_package.train:objective
  scheduler: {type: asha, max_t: 9}
  points_to_evaluate: [{lr: 0.01, units: *two}]
"""
TOKENS = [
    b"a", b"lr", b": ", b"\n", b"  ", b"- ", b"[", b"]", b"{", b"}", b", ", b"&a ", b"*a",
    b"<<: *a", b"? ", b"| ", b"> ", b"'", b'"', b"\t", b"1e5", b"1e999", b".inf", b"0x1",
    b"9" * 5000, b"yes", b"None", b"~", b"!!python/object:os.system ", b"!!binary x",
    b"%YAML 1.1\n---\n", b"---\n", b"\x00", b"\xff", b"\xc2\x85",
]  # fmt: skip
tokens = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)


def laughs(draw: Any) -> bytes:
    """Aliases of aliases, in one of the sections."""
    width, depth = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    lines = [f"  a0: &a0 [{', '.join(['x'] * width)}]"]
    for level in range(1, depth):
        inner = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"  a{level}: &a{level} [{inner}]")
    section = draw(st.sampled_from(["space", "slurm", "hpo"]))
    return SAMPLE + f"{section}:\n".encode() + "\n".join(lines).encode()


@fuzzed(
    2,
    data=garbled([SAMPLE])
    | tokens
    | tokens.map(lambda text: SAMPLE.replace(b"hpo:", b"hpo:\n  mode: " + text))
    | st.composite(laughs)(),
)
def test_any_text_as_a_configuration(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "search.yaml"
    path.write_bytes(data)
    told = ""
    try:
        load_spec(str(path))
    except SettingsError as err:
        told = str(err)
    assert "secret" not in told


SECTIONS: dict[str, dict[str, Any]] = {
    "slurm": {"partition": "gpu", "time": 5, "mem": "4G", "extra": {}, "env_setup": []},
    "hpo": {"scheduler": {}, "metric": "e", "points_to_evaluate": [], "command": "x"},
    "space": {"lr": 1},
}


@fuzzed(
    section=st.sampled_from(sorted(SECTIONS)),
    data=st.data(),
)
def test_any_value_of_a_setting(tmp_path: Path, section: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(SECTIONS[section])))
    value = data.draw(values)
    path = tmp_path / "search.py"
    path.write_text(
        f"nan, inf = float('nan'), float('inf')\nVALUE = {value!r}\n"
        "def objective(config, trial): ...\n"
        f"def get_config_space():\n    return {{'x': [1, 2]}} | {_put(section, 'space', key)}\n"
        f"def get_slurm_config():\n    return {_put(section, 'slurm', key)}\n"
        f"def get_hpo_config():\n    return {{'n_trials': 3}} | {_put(section, 'hpo', key)}\n",
        encoding="utf-8",
        errors="replace",
    )
    with suppress(SettingsError):
        load_spec(str(path))


def _put(section: str, here: str, key: str) -> str:
    return f"{{{key!r}: VALUE}}" if section == here else "{}"


TEXTS = [
    b"loguniform(1e-4, 1e-1)", b"randint(1, 10)", b"choice([1, 2, 'x'])", b"quantized(0, 1, 0.1)",
    b"uniform(0, 1)", b"ordinal([1, 2, 4])", b"lograndint(1, 1000)", b"constant([1, {'a': 2}])",
]  # fmt: skip


@fuzzed(data=garbled(TEXTS))
def test_any_text_as_a_domain(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    space, problems = read_space({"x": text, "y": [text, 1]})
    assert problems or space.to_json()
