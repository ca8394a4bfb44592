"""A function from a notebook becomes a file that stands alone, or is refused with what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from notebook_cells import Notebook

from hpo.api.standing_alone import source_alone

Cells = list[str]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    return Notebook(monkeypatch)


def written(notebook: Notebook, *cells: str) -> tuple[str, list[str]]:
    for text in cells:
        notebook.cell(text)
    return source_alone(notebook["objective"], "objective")


def runs_apart(source: str, folder: Path, call: str) -> str:
    """What the file prints in a process that knows nothing of the notebook."""
    (folder / "alone.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-c", f"import alone; print({call})"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_with_imports_constants_functions_and_classes(notebook: Notebook, tmp_path: Path) -> None:
    source, problems = written(
        notebook,
        "import math\nimport os.path as p, json as j\nfrom math import pi, floor as down\n",
        "SHIFT = 0.5\nNAMES = {'a': [1, 2], 'b': (None, True)}\n",
        "import functools\n\ndef twice(f):\n    @functools.wraps(f)\n    def inner(*a):\n"
        "        return 2 * f(*a)\n    return inner\n",
        "class Base:\n    shift = SHIFT\n    def value(self, x):\n        return x + self.shift\n",
        "class Model(Base):\n    def value(self, x):\n"
        "        return super().value(x) + len(NAMES)\n",
        "@twice\ndef helper(x, scale=SHIFT):\n    return scale * Model().value(x)\n",
        "def objective(x):\n    text = j.dumps([down(e * pi) for e in (1, 2)])\n"
        "    return p.basename('a/b'), helper(x), math.sqrt(4), text\n",
    )
    assert problems == []
    assert runs_apart(source, tmp_path, "alone.objective(1.0)") == "('b', 3.5, 2.0, '[3, 6]')"


def test_of_a_cell_that_was_run_again_the_last_text_counts(
    notebook: Notebook, tmp_path: Path
) -> None:
    source, problems = written(
        notebook,
        "def objective(x):\n    return 'old'\n",
        "def objective(x):\n    return 'new'\n",
    )
    assert problems == []
    assert runs_apart(source, tmp_path, "alone.objective(1)") == "new"


def test_functions_that_call_each_other_and_themselves(notebook: Notebook, tmp_path: Path) -> None:
    source, problems = written(
        notebook,
        "def even(n):\n    return n == 0 or odd(n - 1)\n",
        "def odd(n):\n    return n != 0 and even(n - 1)\n",
        "def objective(n):\n    return even(n), objective(n - 1) if n else 'end'\n",
    )
    assert problems == []
    told = runs_apart(source, tmp_path, "alone.objective(2)")
    assert told == "(True, (False, (True, 'end')))"


def test_modules_below_another_and_lazy_annotations(notebook: Notebook, tmp_path: Path) -> None:
    source, problems = written(
        notebook,
        "from __future__ import annotations\nimport xml.etree.ElementTree\n"
        "def objective(x: Unknown) -> xml.etree.ElementTree.Element:\n"
        "    return xml.etree.ElementTree.Element('a').tag\n",
    )
    assert "which is not defined here" in problems[0]  # a checker would say so, too
    source, problems = written(
        notebook,
        "import xml.etree.ElementTree\n"
        "def objective(x):\n    return xml.etree.ElementTree.Element('a').tag\n",
    )
    assert problems == []
    assert runs_apart(source, tmp_path, "alone.objective(1)") == "a"


def test_what_other_packages_define_is_imported(notebook: Notebook, tmp_path: Path) -> None:
    source, problems = written(
        notebook,
        "import numpy as np\nfrom collections import Counter as Bag\nimport hpo\n"
        "from scipy.stats import norm\n",
        "def objective(x):\n    return int(np.sum([x])), Bag('aa')['a'], float(norm.cdf(0.0)), "
        "hpo.Reporter.__name__\n",
    )
    assert problems == []
    assert runs_apart(source, tmp_path, "alone.objective(3)") == "(3, 2, 0.5, 'Reporter')"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            ["import numpy as np\ndata = np.zeros(3)\n", "def objective(x):\n    return data[0]\n"],
            "objective uses data, a numpy.ndarray of this notebook, which jobs do not have: make it"
            " inside objective()",
        ),
        (["def objective(x):\n    return dta\n"], "objective uses dta, which is not defined here"),
        (
            [
                "handle = iter([1])\ndef load():\n    return handle\n",
                "def objective(x):\n    return load()\n",
            ],
            "load uses handle, a list_iterator of this notebook",
        ),
        (
            ["big = list(range(9000))\ndef objective(x):\n    return big[x]\n"],
            "objective uses big, a list of this notebook",
        ),
    ],
    ids=["array", "unknown", "inside a helper", "long list"],
)
def test_what_does_not_stand_alone_is_refused(
    notebook: Notebook, cells: list[str], words: str
) -> None:
    source, problems = written(notebook, *cells)
    assert source == ""
    assert len(problems) == 1
    assert words in problems[0]


def test_all_problems_are_told_at_once(notebook: Notebook) -> None:
    _, problems = written(
        notebook,
        "class Data:\n    pass\na, b = Data(), Data()\n",
        "def objective(x):\n    return a, b, c\n",
    )
    assert len(problems) == 3


def test_without_a_source(notebook: Notebook) -> None:
    exec("def objective(x): return x", vars(notebook.module))
    _, problems = source_alone(notebook["objective"], "objective")
    assert problems == [
        "objective: the source of objective is not known here; write it into a file and name it: "
        "'train.py:objective'"
    ]
