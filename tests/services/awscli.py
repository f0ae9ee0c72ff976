"""The AWS CLI in an environment of its own: it pins what the project must be free to move."""

from pathlib import Path

from tests.services.apart import install_apart

VERSION = "1.45.11"


def aws_directory() -> Path:
    """Return the directory that holds `aws`; the first call installs it. Raises ServiceMissingError."""
    return install_apart(f"awscli-{VERSION}", f"awscli=={VERSION}")
