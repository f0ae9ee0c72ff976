"""The life of an Experiment: admitted, edited, stopped, deleted, concluded."""
