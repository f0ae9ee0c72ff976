"""How an Experiment is shown: live (Rich), as plain lines, as JSON lines, in tables."""
