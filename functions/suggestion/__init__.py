"""What to try next: the search."""
