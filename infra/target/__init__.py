"""Where Workers run: one adapter a file, each keeping the contract in functions/worker.py."""
