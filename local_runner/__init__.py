"""Everything in one process: the `kuttab` command, embedded mode, consumers, supervisor, clock."""
