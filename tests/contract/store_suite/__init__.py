"""What every store must do; `tests/contract/test_store.py` runs it on each adapter."""
