"""Search cells with DARTS on scikit-learn's digits, and print the best genotype; then train what it stands for."""

import argparse
import json
from itertools import cycle
from typing import Any

import torch
from darts_network import Edge, Genotype, Network, all_edges
from digits_data import in_batches, load_tensors, measure
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset


def main() -> None:
    options = read_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    settings = read_settings(options.algorithm_settings)
    train_data, validation_data = load_tensors()
    genotype, accuracy = search(options, settings, train_data, validation_data)
    print(f"search-accuracy={accuracy:.4f}", flush=True)
    print(f"Best-Genotype={str(genotype).replace(' ', '')}", flush=True)
    network = build(as_edges(genotype.normal), as_edges(genotype.reduce), options, settings)
    print(f"{sum(it.numel() for it in network.weights())} weights", flush=True)
    train(network, train_data, settings, epochs=options.train_epochs)
    print(f"derived-accuracy={measure(network, validation_data)[0]:.4f}", flush=True)


def search(
    options: argparse.Namespace, settings: dict[str, Any], train_data: TensorDataset, validation_data: TensorDataset
) -> tuple[Genotype, float]:
    """Return the genotype of the epoch with the best validation accuracy, and that accuracy.

    Weights learn from one half of the training data and the architecture from the other, in turns: DARTS' first-order
    approximation, which takes today's weights for those that would be best.
    """
    edges = all_edges(settings["num_nodes"], options.search_space)
    network = build(edges, edges, options, settings)
    halves = [TensorDataset(*(it[start::2] for it in train_data.tensors)) for start in (0, 1)]
    optimizer, schedule = weight_optimizer(network, settings, settings["num_epochs"])
    architect = torch.optim.Adam(
        network.alphas.parameters(),
        lr=settings["alpha_lr"],
        betas=(0.5, 0.999),
        weight_decay=settings["alpha_weight_decay"],
    )
    best, best_accuracy = network.genotype(), -1.0
    for epoch in range(1, settings["num_epochs"] + 1):
        for_alphas = cycle(in_batches(halves[1], settings["batch_size"]))
        for step, (images, labels) in enumerate(in_batches(halves[0], settings["batch_size"]), start=1):
            take_step(network, architect, *next(for_alphas))
            loss = take_step(network, optimizer, images, labels, clip=settings["w_grad_clip"])
            if step % settings["print_step"] == 0:
                print(f"epoch {epoch} step {step} loss {loss:.4f}", flush=True)
        schedule.step()
        accuracy, loss = measure(network, validation_data)
        print(f"epoch={epoch} validation-accuracy={accuracy:.4f} validation-loss={loss:.4f}", flush=True)
        if accuracy > best_accuracy:
            best, best_accuracy = network.genotype(), accuracy
    return best, best_accuracy


def train(network: Network, data: TensorDataset, settings: dict[str, Any], *, epochs: int) -> None:
    optimizer, schedule = weight_optimizer(network, settings, epochs)
    for _ in range(epochs):
        for images, labels in in_batches(data, settings["batch_size"]):
            take_step(network, optimizer, images, labels, clip=settings["w_grad_clip"])
        schedule.step()


def take_step(
    network: Network,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    clip: float | None = None,
) -> float:
    """Move what the optimizer holds; the gradients of the rest are thrown away."""
    network.zero_grad()
    loss = functional.cross_entropy(network(images), labels)
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(network.weights(), clip)
    optimizer.step()
    return loss.item()


def weight_optimizer(
    network: Network, settings: dict[str, Any], epochs: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    optimizer = torch.optim.SGD(
        network.weights(),
        lr=settings["w_lr"],
        momentum=settings["w_momentum"],
        weight_decay=settings["w_weight_decay"],
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, eta_min=settings["w_lr_min"])
    return optimizer, schedule


def build(
    normal: list[list[Edge]], reduce: list[list[Edge]], options: argparse.Namespace, settings: dict[str, Any]
) -> Network:
    return Network(
        normal,
        reduce,
        layers=options.num_layers,
        channels=settings["init_channels"],
        stem_multiplier=settings["stem_multiplier"],
    )


def as_edges(cell: list[list[tuple[str, int]]]) -> list[list[Edge]]:
    """Return a derived cell as one whose edges have nothing to mix."""
    return [[(source, (name,)) for name, source in node] for node in cell]


def read_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return numbers: what a user set comes as text, defaults come as numbers, and `None` stays None.

    `num_workers` is not used: the images are in memory already.
    """
    read = {name: None if value is None else float(value) for name, value in given.items()}
    whole = ("num_epochs", "batch_size", "init_channels", "print_step", "num_nodes", "stem_multiplier")
    return read | {name: int(read[name] or 64) for name in whole}


def read_quoted(text: str) -> Any:
    """Read JSON with single quotes, as Kuttab and Katib write it."""
    return json.loads(text.replace("'", '"'))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithm-settings", type=read_quoted, required=True, help="DARTS' settings, all of them")
    parser.add_argument("--search-space", type=read_quoted, required=True, help="the names of the operations")
    parser.add_argument("--num-layers", type=int, required=True, help="cells, one after another")
    parser.add_argument("--train-epochs", type=int, default=15, help="of the network that is derived")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
