"""How a host collects what a Worker neither prints nor writes as lines: into a file that is read like a log."""
