"""`python -m local_runner` is `kuttab`."""


def main() -> None:
    """Run the command and exit with its status."""
    from local_runner.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
