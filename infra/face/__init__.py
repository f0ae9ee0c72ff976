"""The face's adapters: what it needs of the outside world, and the ways in."""
