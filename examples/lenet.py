"""LeNet and its training in plain torch, for the LeNet examples."""

import torch
from image_data import load_images
from torch import nn
from torch.nn import functional


def build_lenet(seed=0):
    """Return LeNet-5 with ReLU.

    The book's sigmoids need thousands of steps before they learn at all; on the digits ten epochs
    are a few hundred.
    """
    torch.manual_seed(seed)
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.AvgPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(16 * 5 * 5, 120), nn.ReLU()),
        *(nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
    return model.to(device())


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_tensors():
    """Return images and labels to train on, then those to validate on, where the model is."""
    return [torch.from_numpy(array).to(device()) for array in load_images()]


def train_epoch(model, optimizer, images, labels, *, batch_size, epoch):
    """Go once through the images, in an order that depends on the epoch alone.

    So a resumed trial sees the same batches without any random state in its checkpoint.
    """
    model.train()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch))
    for batch in order.to(images.device).split(batch_size):
        loss = functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def validation_error(model, images, labels):
    """Return the share of images that the model takes for something else."""
    model.eval()
    wrong = sum(
        (model(x).argmax(dim=1) != y).sum()
        for x, y in zip(images.split(1000), labels.split(1000), strict=True)
    )
    return wrong.item() / len(images)
