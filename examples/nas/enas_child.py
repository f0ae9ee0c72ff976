"""Train the network that ENAS' controller wrote, on scikit-learn's digits: its validation accuracy is the reward."""

import argparse
import json
from typing import Any

import torch
from digits_data import in_batches, load_tensors, measure
from torch import Tensor, nn
from torch.nn import functional


def main() -> None:
    options = read_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    network = Network(options.architecture, options.nn_config)
    print(f"{sum(it.numel() for it in network.parameters())} weights", flush=True)
    train_data, validation_data = load_tensors()
    optimizer = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    for epoch in range(1, options.epochs + 1):
        for images, labels in in_batches(train_data, options.batch_size):
            optimizer.zero_grad()
            functional.cross_entropy(network(images), labels).backward()
            optimizer.step()
        accuracy, loss = measure(network, validation_data)
        print(f"epoch={epoch} validation-accuracy={accuracy:.4f} validation-loss={loss:.4f}", flush=True)


class Network(nn.Module):
    """The layers one after another; a layer sees the one before it and, beside it, those that its skips name."""

    def __init__(self, architecture: list[list[int]], config: dict[str, Any]) -> None:
        super().__init__()
        *_, channels = config["input_sizes"]
        self.skips = [[source for source, is_there in enumerate(skips) if is_there] for _, *skips in architecture]
        widths = [channels]  # of each tensor: the image, then what every layer gives
        layers = []
        for (operation, *_), sources in zip(architecture, self.skips, strict=True):
            inputs = widths[-1] + sum(widths[source] for source in sources)
            choice = config["embedding"][str(operation)]
            layer, width = build_layer(choice["opt_type"], choice["opt_params"], inputs)
            layers.append(layer)
            widths.append(width)
        self.layers = nn.ModuleList(layers)
        self.head = nn.Linear(widths[-1], config["output_sizes"][-1])

    def forward(self, images: Tensor) -> Tensor:
        tensors = [images]
        for layer, sources in zip(self.layers, self.skips, strict=True):
            before = tensors[-1]
            # What comes from further up may be larger: it is averaged down to the size of what it is put beside.
            beside = [functional.adaptive_avg_pool2d(tensors[source], before.shape[-2:]) for source in sources]
            tensors.append(layer(torch.cat([before, *beside], dim=1)))
        return self.head(tensors[-1].mean(dim=(2, 3)))


def build_layer(kind: str, parameters: dict[str, str], inputs: int) -> tuple[nn.Module, int]:
    """Return the layer of one operation, and how many channels it gives."""
    if kind == "reduction":
        pool = {"max_pooling": nn.MaxPool2d, "avg_pooling": nn.AvgPool2d}[parameters["reduction_type"]]
        return pool(int(parameters["pool_size"]), ceil_mode=True), inputs
    size, stride = int(parameters["filter_size"]), int(parameters.get("stride", 1))
    width = (
        inputs * int(parameters["depth_multiplier"])
        if kind == "depthwise_convolution"
        else int(parameters["num_filter"])
    )
    if kind == "convolution":
        return normalized(nn.Conv2d(inputs, width, size, stride, padding=size // 2, bias=False), width), width
    if kind == "depthwise_convolution":
        deep = nn.Conv2d(inputs, width, size, stride, padding=size // 2, groups=inputs, bias=False)
        return normalized(deep, width), width
    if kind == "separable_convolution":
        deep = nn.Conv2d(inputs, inputs, size, stride, padding=size // 2, groups=inputs, bias=False)
        return normalized(nn.Sequential(deep, nn.Conv2d(inputs, width, 1, bias=False)), width), width
    raise SystemExit(f"there is no operation {kind}")


def normalized(convolution: nn.Module, width: int) -> nn.Module:
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())


def read_quoted(text: str) -> Any:
    """Read JSON with single quotes, as Kuttab and Katib write it."""
    return json.loads(text.replace("'", '"'))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", type=read_quoted, required=True, help="each layer's operation and skips")
    parser.add_argument("--nn-config", type=read_quoted, required=True, help="what the operations are, and the sizes")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.004)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
