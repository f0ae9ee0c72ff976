"""The `kuttab` command: verbs and flags as kubectl has them; a verb's module is imported when it is called."""
