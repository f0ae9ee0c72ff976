"""With what: one folder per port, each adapter in its own file."""
