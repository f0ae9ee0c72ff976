"""The passing of time: what is missing is found again."""
