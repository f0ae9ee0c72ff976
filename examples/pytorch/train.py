"""Train a small network on scikit-learn's handwritten digits with PyTorch, alone or as one of several processes.

Where WORLD_SIZE is set, as Kubeflow's training operator, TrainJob and `torchrun` do, each process trains on its share
of the images, the gradients are averaged, and the process of rank 0 tests and prints. On a GPU where there is one.
"""

import argparse
import os
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

RANK, WORLD_SIZE = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def main() -> None:
    options = read_options()
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if WORLD_SIZE > 1:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    train, test = load_data(options.seed)
    network: nn.Module = build_network(options).to(device)
    if WORLD_SIZE > 1:
        network = DistributedDataParallel(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    sampler = DistributedSampler(train, WORLD_SIZE, RANK, seed=options.seed)
    loader = DataLoader(train, batch_size=max(1, options.batch_size // WORLD_SIZE), sampler=sampler)
    for epoch in range(1, options.epochs + 1):
        sampler.set_epoch(epoch)
        train_epoch(network, optimizer, loader, device)
        if RANK == 0:
            loss, accuracy = evaluate(network, test, device)
            print(f"epoch={epoch} loss={loss:.4f} accuracy={accuracy:.4f}", flush=True)
    if WORLD_SIZE > 1:
        distributed.barrier()  # nobody leaves while another may still need it
        distributed.destroy_process_group()


def load_data(seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Return images to train on and images to test with."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=0.3, random_state=seed, stratify=labels)
    train_images, test_images = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
    train_labels, test_labels = (torch.tensor(part, dtype=torch.long) for part in parts[2:])
    return TensorDataset(train_images, train_labels), TensorDataset(test_images, test_labels)


def build_network(options: argparse.Namespace) -> nn.Sequential:
    sizes = [64, *[options.hidden_units] * options.layers]
    hidden = [
        layer
        for inputs, outputs in pairwise(sizes)
        for layer in (nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(options.dropout))
    ]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], 10))


def train_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[tuple[Tensor, ...]], device: torch.device
) -> None:
    network.train()
    for images, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images.to(device)), labels.to(device)).backward()
        optimizer.step()


@torch.no_grad()
def evaluate(network: nn.Module, test: TensorDataset, device: torch.device) -> tuple[float, float]:
    """Return the loss and the share of images that are recognised."""
    network.eval()
    images, labels = (part.to(device) for part in test.tensors)
    answers = network.module(images) if isinstance(network, DistributedDataParallel) else network(images)
    accuracy = (answers.argmax(dim=1) == labels).float().mean().item()
    return nn.functional.cross_entropy(answers, labels).item(), accuracy


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--hidden-units", type=int, default=64)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
