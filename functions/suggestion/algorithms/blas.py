"""One thread for linear algebra: matrices of a few hundred rows gain nothing from more, and a busy machine loses much.

Threads that wait for each other made a search thirty times slower beside Workers that use all cores.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[object]:
    """Limit the libraries that are loaded by now, numpy's and scipy's own, until the context ends."""
    limit: Callable[..., AbstractContextManager[object]] = _controller().limit
    return limit(limits=1, user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    """Look for the libraries once: it takes milliseconds."""
    import scipy.linalg  # noqa: F401 - so that its library is found

    return ThreadpoolController()
