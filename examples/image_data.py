"""Images for the LeNet examples: FashionMNIST where its files are, else scikit-learn's digits.

FashionMNIST is read from the four files it is published in, packed (.gz) or not, in the folder
that FASHION_MNIST names, or in data/FashionMNIST/raw below the current one. Compute nodes often
have no internet: download them once on a login node. Without them the 1,797 digits of
scikit-learn, enlarged to the same 28 by 28 pixels, let everything run in seconds.
"""

import gzip
import math
import os
from pathlib import Path

import numpy as np

FOLDER = "data/FashionMNIST/raw"
N_DIMENSIONS = {"images": 3, "labels": 1}


def load_images():
    """Return images (n, 1, 28, 28) from 0 to 1 and labels to train on, then those to validate on.

    FashionMNIST is split as in the d2l book, which validates on the test images: compare
    configurations by the error, but do not publish it as a test error.
    """
    folder = find_fashion_mnist()
    return load_digits_28() if folder is None else load_fashion_mnist(folder)


def find_fashion_mnist():
    """Return the folder of FashionMNIST, or None; a folder that was named must be right."""
    named = os.environ.get("FASHION_MNIST")
    if named and find_file(Path(named), "train", "images") is None:
        raise FileNotFoundError(
            f"FASHION_MNIST={named}: there is no train-images-idx3-ubyte or .gz in this folder"
        )
    folder = Path(named or FOLDER)
    return folder if find_file(folder, "train", "images") else None


def find_file(folder, part, what):
    name = f"{part}-{what}-idx{N_DIMENSIONS[what]}-ubyte"
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def load_fashion_mnist(folder):
    arrays = []
    for part in ("train", "t10k"):
        images, labels = (read_part(folder, part, what) for what in ("images", "labels"))
        if len(images) != len(labels):
            raise ValueError(
                f"{folder}: {len(images)} images but {len(labels)} labels in {part}; the files are"
                " of different data sets"
            )
        arrays += [images[:, None].astype(np.float32) / 255, labels.astype(np.int64)]
    return tuple(arrays)


def read_part(folder, part, what):
    path = find_file(folder, part, what)
    if path is None:
        raise FileNotFoundError(
            f"{folder}: the {what} of {part} are missing; four files are needed"
        )
    array = read_idx(path)
    if array.ndim != N_DIMENSIONS[what]:
        raise ValueError(f"{path}: {array.ndim} dimensions, but {what} have {N_DIMENSIONS[what]}")
    return array


def read_idx(path):
    """Return the array of an idx file of bytes.

    The form: two bytes 0, one for the type (8: bytes), one for the number of dimensions, each
    dimension as a big-endian integer of four bytes, then the data.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is no whole gzip file: {error}; download it again") from error
    if len(content) < 4 or content[:2] != b"\0\0":
        raise ValueError(
            f"{path} is no idx file: it begins with {content[:4].hex(' ') or 'nothing'}"
        )
    kind, n_dimensions = content[2], content[3]
    if kind != 8:
        raise ValueError(f"{path} holds data of type {kind:#04x}; only 0x08, bytes, is read here")
    start = 4 + 4 * n_dimensions
    if len(content) < start:
        raise ValueError(f"{path} ends within its header: {len(content)} of {start} bytes")
    shape = tuple(np.frombuffer(content, ">u4", n_dimensions, offset=4).tolist())
    if len(content) != start + math.prod(shape):
        raise ValueError(
            f"{path} should hold {start + math.prod(shape)} bytes for {shape}, but has"
            f" {len(content)}; download it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def load_digits_28():
    from hpo.config.digits_example import load_digits

    x, y, validation_x, validation_y = load_digits()
    return enlarge(x), y, enlarge(validation_x), validation_y


def enlarge(x):
    """Turn rows of 8 by 8 pixels into 28 by 28: each pixel three times, and a margin of two."""
    images = np.kron(x.reshape(-1, 1, 8, 8), np.ones((1, 1, 3, 3)))
    return np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2))).astype(np.float32)
