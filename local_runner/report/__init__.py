"""The HTML report of an Experiment: plots as Optuna draws them, a table of Trials, readable without a network."""
