"""scikit-learn's handwritten digits as tensors, for the two searches of this folder."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

CLASSES = 10


def load_tensors(*, validation_share: float = 0.3) -> tuple[TensorDataset, TensorDataset]:
    """Return 8 x 8 images of one channel with their labels: those to train on, and those to validate with."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images, labels, test_size=validation_share, random_state=0, stratify=labels)
    inputs = [torch.tensor(part / 16 - 0.5, dtype=torch.float32).reshape(-1, 1, 8, 8) for part in parts[:2]]
    targets = [torch.tensor(part, dtype=torch.long) for part in parts[2:]]
    return TensorDataset(inputs[0], targets[0]), TensorDataset(inputs[1], targets[1])


def in_batches(data: TensorDataset, size: int) -> DataLoader[tuple[Tensor, ...]]:
    """Return batches in a new order each epoch; a last one of a single image would have no variance."""
    return DataLoader(data, batch_size=size, shuffle=True, drop_last=len(data) % size == 1)


@torch.no_grad()
def measure(network: torch.nn.Module, data: TensorDataset) -> tuple[float, float]:
    """Return the share of images that the network names correctly, and its mean loss."""
    network.eval()
    images, labels = data.tensors
    outputs = network(images)
    network.train()
    accuracy = (outputs.argmax(1) == labels).float().mean()
    return float(accuracy), float(torch.nn.functional.cross_entropy(outputs, labels))
