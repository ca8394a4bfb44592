"""The notebook among the examples as Jupyter runs it: in a kernel, from a folder of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from example_runs import EXAMPLES, ROOT

NOTEBOOK = EXAMPLES / "async_search.ipynb"
TIMEOUT_S = 300


class Kernel:
    """A kernel of a notebook; cells are run by their number among all, or as text."""

    def __init__(self, client: Any, notebook: Any) -> None:
        self._client = client
        self._notebook = notebook

    def run_cells(self, numbers: range) -> None:
        for number in numbers:
            if self._notebook.cells[number].cell_type == "code":
                self._client.execute_cell(self._notebook.cells[number], number)

    def run(self, text: str) -> Any:
        """The outputs of a new cell."""
        from nbformat import v4

        new_cell: Any = v4.new_code_cell
        self._notebook.cells.append(new_cell(text))
        number = len(self._notebook.cells) - 1
        return self._client.execute_cell(self._notebook.cells[number], number).outputs

    def kill(self) -> None:
        """As when its window is closed hard: the kernel and all of its process group."""
        pid = self._client.km.provisioner.process.pid
        assert os.getpgid(pid) != os.getpgid(0)
        os.killpg(os.getpgid(pid), signal.SIGKILL)


def read() -> Any:
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(NOTEBOOK, as_version=4)


def number_of(notebook: Any, text: str) -> int:
    """The first code cell with this text."""
    return next(
        number
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and text in cell.source
    )


@contextmanager
def kernel(notebook: Any, folder: Path) -> Iterator[Kernel]:
    nbclient = pytest.importorskip("nbclient")
    client = nbclient.NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3")
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    client.create_kernel_manager()
    # This very interpreter, whatever kernels are installed.
    program = [sys.executable, "-m", "ipykernel_launcher"]
    client.km.kernel_spec.argv = [*program, "-f", "{connection_file}"]
    with client.setup_kernel(cwd=str(folder), env=environment):
        yield Kernel(client, notebook)
