"""Train a small neural network on scikit-learn's handwritten digits and print its metrics after every epoch."""

import argparse

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

CLASSES = range(10)


def main() -> None:
    options = read_options()
    images, labels = load_digits(return_X_y=True)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=0.3, random_state=options.seed, stratify=labels
    )
    scaler = StandardScaler().fit(train_images)
    train_images, test_images = scaler.transform(train_images), scaler.transform(test_images)
    network = MLPClassifier(
        hidden_layer_sizes=(options.hidden_units,) * options.layers,
        activation=options.activation,
        solver=options.solver,
        alpha=options.alpha,
        learning_rate_init=options.learning_rate,
        batch_size=options.batch_size,
        random_state=options.seed,
    )
    for epoch in range(1, options.epochs + 1):
        network.partial_fit(train_images, train_labels, classes=CLASSES)
        accuracy = network.score(test_images, test_labels)
        loss = log_loss(test_labels, network.predict_proba(test_images), labels=CLASSES)
        print(f"epoch={epoch} accuracy={accuracy:.4f} loss={loss:.4f}", flush=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--hidden-units", type=int, default=32)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--alpha", type=float, default=0.0001)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--activation", choices=["logistic", "tanh", "relu"], default="relu")
    parser.add_argument("--solver", choices=["sgd", "adam"], default="adam")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
